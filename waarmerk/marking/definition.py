"""What a manifest says, as the C2PA library wants it described.

Which actions there are, and in what order, is told in :mod:`waarmerk.marking.manifest`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import waarmerk
from waarmerk.errors import InputError
from waarmerk.marking.formats import shown
from waarmerk.marking.history import History, Ingredient, Parent
from waarmerk.marking.provenance import ALTERED, GENERATED, source_kind
from waarmerk.marking.vocabulary import require_sound

if TYPE_CHECKING:
    from waarmerk.marking.disclosure import Disclosure
    from waarmerk.marking.payload import Kind

__all__ = [
    "PARENT",
    "ManifestContent",
    "described",
    "ingredient_of",
    "label_of",
    "manifest_definition",
    "store_name",
]

SPECIFICATION = "2.4.0"
PARENT = "parent"
"""How the opened action refers to its ingredient inside the definition."""

Known = tuple[Ingredient, History]
"""An ingredient besides the parent, and what its manifest says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestContent:
    """What a manifest says.

    Parameters
    ----------
    title
        Name of the file. It is public: give no path.
    kind
        ``generated``: a model made all of it. ``altered``: AI changed something that existed.
    when
        When that was; the present if None. Needs a time zone.
    """

    title: str
    kind: Kind = "generated"
    when: datetime | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("generated", "altered"):
            raise InputError(f"content is of kind 'generated' or 'altered', not {self.kind!r}")
        if self.when is not None and self.when.tzinfo is None:
            raise InputError(f"the time {self.when.isoformat()} needs a time zone")


def manifest_definition(
    content: ManifestContent,
    media_type: str,
    soft_binding: tuple[str, str] | None,
    parent: Parent,
    history: History,
    *,
    key_id: str | None = None,
    disclosure: Disclosure | None = None,
    ingredients: Sequence[Known] = (),
) -> dict[str, Any]:
    """Return the manifest as the library wants it described.

    Parameters
    ----------
    content, media_type, soft_binding, key_id, disclosure
        As in :func:`waarmerk.marking.manifest.sign_stream`.
    parent, history
        The file as it was before, and what is known of it.
    ingredients
        What else went into it, with what is known of each.

    Raises
    ------
    InputError
        If inputs are given to an act of generating that another manifest tells of, or an operation
        contradicts what kind of content it is.
    """
    waarmerk_agent = {"name": "waarmerk", "version": str(waarmerk.__version__)}
    now = datetime.now(UTC)
    by_waarmerk = {"softwareAgent": waarmerk_agent, "when": _rfc3339(now)}
    carried = history.carried(content.kind)
    actions: list[dict[str, Any]] = []
    if carried:
        actions.append({"action": "c2pa.opened", "parameters": {"ingredientIds": [PARENT]}})
    made = _making(content, carried, history, disclosure)
    actions += made
    inputs = [label_of(n) for n, (i, _) in enumerate(ingredients) if i.relationship == "inputTo"]
    if inputs:
        if not made:
            raise InputError(
                f"{shown(content.title)}: what it was generated from is told by the manifest that "
                "the input has already; give no inputs to it here"
            )
        made[0]["parameters"] = {"ingredientIds": inputs}
    placed = [label_of(n) for n, (i, _) in enumerate(ingredients) if i.relationship != "inputTo"]
    if placed:
        # C2PA 2.4, 18.15.2: whatever is a component was placed.
        actions.append({"action": "c2pa.placed", "parameters": {"ingredientIds": placed}})
    for operation in () if disclosure is None else disclosure.operations:
        if content.kind == "generated" and source_kind(operation.source) == "altered":
            # A reader would take the whole for altered, against what the watermark says.
            raise InputError(
                f"{shown(content.title)}: the operation {operation.action} says that something "
                "which was there was changed by AI, but the content is marked as generated; mark "
                "it as altered, or give the operation another source"
            )
        actions.append(operation.as_action())
    assertions: list[dict[str, Any]] = []
    if soft_binding is not None:
        algorithm, value = soft_binding
        actions.append(
            {
                "action": "c2pa.watermarked.bound",
                "description": f"Imperceptible watermark {algorithm}",
                **by_waarmerk,
            }
        )
        # `value` should be a byte string, which the library cannot write from JSON; both known
        # validators take text. The optional `pad`, of which the same is true, is left out.
        binding: dict[str, Any] = {"alg": algorithm, "blocks": [{"scope": {}, "value": value}]}
        if key_id is not None:
            binding["alg-params"] = key_id
        assertions.append({"label": "c2pa.soft-binding", "created": True, "data": binding})
    if carried and parent.media_type != media_type:
        actions.append({"action": "c2pa.converted", **by_waarmerk})
    if disclosure is not None:
        assertions += disclosure.assertions()
    # created: the signer vouches for it, instead of having gathered it somewhere.
    data = {"actions": actions, "allActionsIncluded": True}
    assertions.insert(0, {"label": "c2pa.actions.v2", "created": True, "data": data})
    told = [described(parent, history, PARENT)] if carried else []
    told += [described(each, its, label_of(n)) for n, (each, its) in enumerate(ingredients)]
    definition = {
        "claim_generator_info": [{**waarmerk_agent, "specVersion": SPECIFICATION}],
        "title": shown(content.title),
        "ingredients": [ingredient for ingredient in told if ingredient is not None],
        "assertions": assertions,
    }
    require_sound(definition)
    return definition


def _making(
    content: ManifestContent, carried: bool, history: History, disclosure: Disclosure | None
) -> list[dict[str, Any]]:
    """Return the one action that says how AI made or changed the content, if that is new."""
    maker: dict[str, Any] = {"when": _rfc3339(content.when or datetime.now(UTC))}
    # waarmerk does not know what made a file, and must not claim that it was waarmerk.
    if disclosure is not None and disclosure.system is not None:
        maker["softwareAgent"] = {"name": shown(disclosure.system)}
        if disclosure.version is not None:
            maker["softwareAgent"]["version"] = shown(disclosure.version)
    if content.kind == "altered":
        return [{"action": "c2pa.edited", "digitalSourceType": ALTERED, **maker}]
    if history.says_generated:
        return []
    action = "c2pa.edited" if carried else "c2pa.created"
    return [{"action": action, "digitalSourceType": GENERATED, **maker}]


def label_of(number: int) -> str:
    """Return how actions refer to an ingredient besides the parent."""
    return f"ingredient{number + 1}"


def store_name(label: str) -> str:
    """Return how an ingredient refers to a store that is given apart from its file."""
    return f"{label}.c2pa"


def ingredient_of(parent: Parent, label: str) -> dict[str, Any]:
    """Return an ingredient without what its manifest says."""
    return {
        "title": shown(parent.title),
        "format": parent.media_type,
        "relationship": parent.relationship,
        "label": label,
    }


def described(parent: Parent, history: History, label: str) -> dict[str, Any] | None:
    """Return an ingredient as the definition describes it; None if it is added as a file."""
    if history.beside is not None:
        # The library does not look into a store that is given like this; it takes our word.
        return ingredient_of(parent, label) | {
            "manifest_data": {"format": "application/c2pa", "identifier": store_name(label)},
            "active_manifest": history.beside.get("active_manifest"),
            "validation_results": history.beside.get("validation_results"),
        }
    return None if history.readable else ingredient_of(parent, label)


def _rfc3339(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
