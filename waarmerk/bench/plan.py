"""Which cases a run has: one row each, named before anything is measured.

::

    mark             (scheme, content, key)
    marked           ... x every transformation x strength
    forged           the same for transformations that forge
    unmarked         (scheme, content) x a few transformations x many keys
    wrong key        (scheme, content) x many other keys, marked with the first one
    another scheme   (scheme, content, other scheme)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from waarmerk.bench.protocol import Content, Medium, Scheme, Transformation
from waarmerk.bench.rows import Row

__all__ = ["FIELDS", "PROFILES", "Profile", "Size", "Unit", "cases", "sizes", "units"]

FIELDS = (
    "suite",
    "scheme",
    "content",
    "what",
    "transformation",
    "strength",
    "key",
    "other",
)
"""What names a row."""

Profile = Literal["quick", "full"]
PROFILES: tuple[Profile, ...] = ("quick", "full")

WRONG = 100_000
"""The first of the keys that nothing was marked with."""

PIECE = 12
"""Transformed values that are read in one piece of work: what a kill costs, at most."""

MANY = 100
"""Keys that are asked in one piece of work."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much of a medium is measured.

    Attributes
    ----------
    per_group : int
        Contents of each group, at most; 0: all.
    keys : int
        Keys that every content is marked with.
    unmarked_keys, wrong_keys : int
        Keys that unmarked content, and marked content, is asked for.
    unmarked_contents : int
        Contents of each group that are asked for them, at most; 0: as many as are marked.
    """

    per_group: int
    keys: int = 1
    unmarked_keys: int = 100
    wrong_keys: int = 20
    unmarked_contents: int = 0


_SIZES: dict[Profile, dict[Medium, Size]] = {
    "quick": {
        "image": Size(per_group=3),
        "audio": Size(per_group=2, unmarked_keys=50, wrong_keys=10),
        "text": Size(per_group=6, unmarked_contents=12),
    },
    "full": {
        "image": Size(per_group=0, keys=2, unmarked_keys=200, wrong_keys=50),
        "audio": Size(per_group=0, keys=2, unmarked_keys=200, wrong_keys=50),
        "text": Size(per_group=60, unmarked_keys=100, wrong_keys=50, unmarked_contents=60),
    },
}


def sizes(profile: Profile, medium: Medium) -> Size:
    """Return how much a profile measures of a medium."""
    return _SIZES[profile][medium]


@dataclass(frozen=True, slots=True)
class Unit:
    """One piece of work: rows of one content and scheme that are measured together.

    `rows` have the naming fields only; they are of one kind (`what`), and so are their keys but
    for those that are asked in one go.
    """

    suite: Medium
    scheme: str
    content: str
    rows: tuple[Row, ...]


def cases(  # noqa: PLR0917
    medium: Medium,
    schemes: Sequence[Scheme],
    contents: Sequence[Content],
    unmarked: Sequence[Content],
    transformations: Sequence[Transformation],
    profile: Profile,
    keys: int,
) -> Iterator[Row]:
    """Yield the naming fields of every row of a medium.

    Parameters
    ----------
    medium : {"image", "audio", "text"}
        The suite.
    schemes : sequence of Scheme
        What marks and reads.
    contents, unmarked : sequence of Content
        What is marked, and what is looked at without a mark.
    transformations : sequence of Transformation
        All that are wanted of this medium.
    profile : {"quick", "full"}
        Decides strengths and keys.
    keys : int
        Keys that every content is marked with.
    """
    size = sizes(profile, medium)
    changes = list(_strengths(transformations, profile))
    for content in contents:
        for scheme in schemes:
            name = _name(scheme, content)
            for key in range(keys):
                yield {**name, "what": "mark", **_NONE, "key": key}
                for transformation, strength in changes:
                    what = "forged" if transformation.forges else "marked"
                    change = {"transformation": transformation.name, "strength": strength}
                    yield {**name, "what": what, **change, "key": key}
            for key in range(size.wrong_keys if scheme.keyed and _decides(scheme) else 0):
                yield {**name, "what": "wrong key", **_NONE, "key": WRONG + key}
            for other in schemes if _decides(scheme) else ():
                if other.name != scheme.name:
                    case = {"what": "another scheme", **_NONE, "key": 0, "other": other.name}
                    yield {**name, **case}
    for content in unmarked:
        for scheme in schemes:
            if _decides(scheme):
                for key in range(size.unmarked_keys if scheme.keyed else 1):
                    case = {"what": "unmarked", **_NONE, "key": WRONG + key}
                    yield {**_name(scheme, content), **case}


def _name(scheme: Scheme, content: Content) -> Row:
    return {
        "suite": content.medium,
        "scheme": scheme.name,
        "content": content.name,
        "other": None,
    }


def _decides(scheme: Scheme) -> bool:
    """Whether content without a mark tells something about a scheme; see `Scheme`."""
    return bool(getattr(scheme, "decides", True))


_NONE: Row = {"transformation": "none", "strength": 0.0}


def _strengths(
    transformations: Sequence[Transformation], profile: Profile
) -> Iterator[tuple[Transformation, float]]:
    for transformation in transformations:
        wanted = transformation.quick if profile == "quick" else transformation.strengths
        for strength in wanted:
            yield transformation, float(strength)


def units(rows: Sequence[Row]) -> list[Unit]:
    """Cut rows that are still to be measured into pieces of work, in an order that spreads media.

    Rows of one (scheme, content, kind) stay together, as they share a marked value.
    """
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        many = row["what"] in ("unmarked", "wrong key")
        kind = row["what"] if many or row["what"] == "another scheme" else "marked"
        key = None if many else row["key"]
        groups.setdefault((row["suite"], row["scheme"], row["content"], kind, key), []).append(row)
    found = []
    for (suite, scheme, content, kind, _), group in groups.items():
        step = MANY if kind in ("unmarked", "wrong key") else PIECE
        for start in range(0, len(group), step):
            part = tuple(group[start : start + step])
            found.append(Unit(suite, str(scheme), str(content), part))  # type: ignore[arg-type]
    return found


def as_parameters(size: Size) -> Row:
    """Return a size for the header of a result file."""
    return asdict(size)
