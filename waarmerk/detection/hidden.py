"""Hidden characters in a text: what nobody sees and nobody put there for the reader.

Some systems mark text with characters that have no width: a zero-width space for 0 and a zero-width
joiner for 1, tag characters, variation selectors behind letters. Which system it was, and what the
mark says, cannot be told from the outside, and the same characters also get into texts by accident.
So they are counted and named "hidden-characters"; they are no evidence that AI was used.

Not reported is what such characters are for::

    emoji              joiners, selectors, skin tones, and the tags of the flags of regions
    Persian, Hindi...  joiners and non-joiners in or beside letters of scripts that use them
    Thai, Khmer...     zero-width spaces between words
    Han, mathematics   one selector behind a character, which picks a variant of it
    Hebrew, Arabic     marks of direction, in a text that has letters from right to left
    any text           a byte-order mark at its start, single soft hyphens

And one by one, between other characters, they count only from eight on: fewer cannot hold a byte,
and copying from a web page brings some. Two in a row count at once, and so does one tag or one
selector that has no business where it stands.

Not looked at: unusual spaces that can be seen, and letters that look like others.

All of it takes time in proportion to the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from waarmerk.detection.finding import LabelFinding
from waarmerk.marking.text_wrapper import find_wrappers, strip_hidden

__all__ = ["HIDDEN", "Hidden", "Place", "find_hidden", "hidden_finding", "without_hidden"]

HIDDEN: Final = "hidden-characters"
"""The name by which a report calls them, in place of the standard of a label."""

Kind = Literal[
    "zero-width", "direction", "operator", "selector", "tag", "filler", "control", "soft-hyphen"
]

_FEW = 8
"""From so many on, hidden characters that stand one by one are reported."""
_MOST_PLACES = 1000
_SHOWN_PLACES = 5
_MOST_ORDINARY = 3
"""More hidden characters in a row are never in ordinary use."""
_ODD = frozenset({"selector", "tag", "control"})
"""Kinds of which one, where it has no business, counts."""

# Default_Ignorable_Code_Point of Unicode 16 (DerivedCoreProperties), and the annotation marks.
_RANGES: tuple[tuple[Kind, int, int], ...] = (
    ("soft-hyphen", 0x00AD, 0x00AD),
    ("zero-width", 0x034F, 0x034F),
    ("direction", 0x061C, 0x061C),
    ("filler", 0x115F, 0x1160),
    ("selector", 0x180B, 0x180D),
    ("control", 0x180E, 0x180E),
    ("selector", 0x180F, 0x180F),
    ("zero-width", 0x200B, 0x200D),
    ("direction", 0x200E, 0x200F),
    ("direction", 0x202A, 0x202E),
    ("zero-width", 0x2060, 0x2060),
    ("operator", 0x2061, 0x2064),
    ("control", 0x2065, 0x2065),
    ("direction", 0x2066, 0x2069),
    ("control", 0x206A, 0x206F),
    ("filler", 0x3164, 0x3164),
    ("selector", 0xFE00, 0xFE0F),
    ("zero-width", 0xFEFF, 0xFEFF),
    ("filler", 0xFFA0, 0xFFA0),
    ("control", 0xFFF0, 0xFFFB),
    ("control", 0x1BCA0, 0x1BCA3),
    ("control", 0x1D173, 0x1D17A),
    ("tag", 0xE0000, 0xE007F),
    ("control", 0xE0080, 0xE00FF),
    ("selector", 0xE0100, 0xE01EF),
    ("control", 0xE01F0, 0xE0FFF),
)
_KIND: dict[str, Kind] = {chr(c): kind for kind, a, b in _RANGES for c in range(a, b + 1)}

_ZWSP, _ZWNJ, _ZWJ, _BOM = "\u200b", "\u200c", "\u200d", "\ufeff"


def _class(*ranges: tuple[int, int]) -> str:
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)


_RUN = re.compile(f"[{_class(*((a, b) for _, a, b in _RANGES))}]+")
_FLAG = re.compile("[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
# Arabic to Thaana and N'Ko; the scripts of India; Tibetan; Myanmar; Khmer and Mongolian; the
# scripts of Indonesia; Arabic forms; and those of them that lie beyond the first plane.
_JOINING = re.compile(
    f"[{_class((0x0600, 0x08FF), (0x0900, 0x0DFF), (0x0F00, 0x109F), (0x1780, 0x18AF))}"
    f"{_class((0x1900, 0x1CFF), (0xA800, 0xABFF), (0xFB1D, 0xFDFF), (0xFE70, 0xFEFC))}"
    f"{_class((0x10A00, 0x11FFF), (0x1E900, 0x1E95F))}]"
)
_WITHOUT_SPACES = re.compile(
    f"[{_class((0x0E00, 0x0FFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x1950, 0x1AAF))}"
    f"{_class((0x3040, 0x30FF), (0x3400, 0x9FFF), (0xA9E0, 0xA9FF), (0xAA60, 0xAADF))}]"
)
_JAMO = re.compile(f"[{_class((0x1100, 0x11FF), (0xA960, 0xA97F), (0xD7B0, 0xD7FF))}]")
_MONGOLIAN = re.compile("[\u1800-\u18af]")
_TO_THE_LEFT = re.compile(
    f"[{_class((0x0590, 0x08FF), (0xFB1D, 0xFDFF), (0xFE70, 0xFEFC))}"
    f"{_class((0x10800, 0x10FFF), (0x1E800, 0x1EFFF))}]"
)
# Letters of which variants are standardised, beside all that are neither capital nor small.
_VARIANTS = re.compile("[\u2100-\u214f\U0001d400-\U0001d7ff]")


@dataclass(frozen=True, slots=True)
class Place:
    """Hidden characters in a row: of which kind, from which character on, and how many."""

    kind: str
    start: int
    length: int


@dataclass(slots=True)
class Hidden:
    """The hidden characters of a text.

    Parameters
    ----------
    counts
        How many there are of each kind.
    places
        Where they stand, in order; the first thousand.
    total
        In how many places they stand.
    """

    counts: dict[str, int] = field(default_factory=dict)
    places: list[Place] = field(default_factory=list)
    total: int = 0

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind} {count}" for kind, count in self.counts.items())
        where = ", ".join(str(place.start) for place in self.places[:_SHOWN_PLACES])
        more = self.total - min(len(self.places), _SHOWN_PLACES)
        return f"{kinds}; at {where}" + (f" and {more} more places" if more else "")

    def _add(self, text: str, start: int, end: int) -> None:
        self.total += 1
        counts = self.counts
        if end - start == 1:
            kind = _KIND[text[start]]
            counts[kind] = counts.get(kind, 0) + 1
        else:
            for character, count in Counter(text[start:end]).items():
                kind = _KIND[character]
                counts[kind] = counts.get(kind, 0) + count
        if len(self.places) < _MOST_PLACES:
            kinds = {_KIND[character] for character in set(text[start:end])}
            kind_or_mixed = kinds.pop() if len(kinds) == 1 else "mixed"
            self.places.append(Place(kind_or_mixed, start, end - start))


def find_hidden(text: str, known: Iterable[tuple[int, int]] = ()) -> Hidden:
    """Count the hidden characters of a text.

    Parameters
    ----------
    text
        Any text.
    known
        Passages that are accounted for, such as wrappers of manifests: offsets (start, end).

    Returns
    -------
    Hidden
        Without places if there are none, or only such as are in ordinary use.

    Examples
    --------
    >>> str(find_hidden("one\u200b\u200c\u200btwo"))
    'zero-width 3; at 3'
    >>> find_hidden("nothing to see").total
    0
    """
    together, alone = Hidden(), Hidden()
    for start, end in _places(text, known):
        surely = end - start > 1 or _KIND[text[start]] in _ODD
        (together if surely else alone)._add(text, start, end)
    if alone.total < _FEW:
        return together
    for kind, count in alone.counts.items():
        together.counts[kind] = together.counts.get(kind, 0) + count
    places = sorted([*together.places, *alone.places], key=lambda place: place.start)
    return Hidden(together.counts, places[:_MOST_PLACES], together.total + alone.total)


def hidden_finding(text: str, known: Iterable[tuple[int, int]] = ()) -> LabelFinding:
    """Return the same as a finding of the report, which states and concludes nothing."""
    hidden = find_hidden(text, known)
    if not hidden.total:
        return LabelFinding("not_found", HIDDEN)
    return LabelFinding("found", HIDDEN, str(hidden))


def without_hidden(text: str) -> str:
    """Return a text without wrappers of manifests and all but ordinary hidden characters.

    For text that goes into a language model, where they cost thousands of tokens and can carry
    instructions that nobody sees; see :func:`waarmerk.marking.text_wrapper.strip_hidden`.
    """
    known = [(w.start, w.run_end) for w in find_wrappers(text)]
    return strip_hidden(text, _places(text, known))


def _places(text: str, known: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield where hidden characters stand that are not in ordinary use: start and end."""
    if text.isascii():
        return
    to_the_left = _TO_THE_LEFT.search(text) is not None
    position = 0
    for known_start, known_end in [*sorted(known), (len(text), len(text))]:
        for run in _RUN.finditer(text, position, max(known_start, position)):
            start, end = run.span()
            start = _unusual_from(text, start, end, to_the_left=to_the_left)
            if start < end:
                yield start, end
        position = max(position, known_end)


def _unusual_from(text: str, start: int, end: int, *, to_the_left: bool) -> int:
    """Return where a run of hidden characters begins to be out of the ordinary; its end if never.

    What is ordinary at its beginning belongs to the character before it.
    """
    before = text[start - 1] if start else ""
    if not start and text[0] == _BOM:
        start, before = 1, _BOM
    if start < end and _KIND[text[start]] == "selector" and _has_variants(before):
        start, before = start + 1, text[start]
    if before == "\U0001f3f4" and (flag := _FLAG.match(text, start, end)):
        start = flag.end()
    if 0 < end - start <= _MOST_ORDINARY:
        behind = text[end : end + 1]
        if _ordinary(text[start:end], before, behind, to_the_left=to_the_left):
            return end
    return start


def _ordinary(rest: str, before: str, behind: str, *, to_the_left: bool) -> bool:
    """Return whether some hidden characters between two others do what they are for."""
    if to_the_left and all(_KIND[character] == "direction" for character in rest):
        return True
    if len(rest) > 1:
        return False
    near = before + behind
    return (
        rest == "\u00ad"
        or (rest == _ZWJ and _pictorial(before) and _pictorial(behind))
        or (rest in (_ZWJ, _ZWNJ) and _JOINING.search(near) is not None)
        or (rest == _ZWSP and _WITHOUT_SPACES.search(near) is not None)
        or (_KIND[rest] == "filler" and _JAMO.search(near) is not None)
        or (rest == "\u180e" and _MONGOLIAN.search(near) is not None)
    )


def _has_variants(character: str) -> bool:
    """Return whether a variation selector may follow a character."""
    if character < "\u0080":
        return bool(character) and character in "0123456789#*"
    category = unicodedata.category(character)
    return (
        category[0] in "SPMN" or category == "Lo" or _VARIANTS.match(character) is not None
    ) and character not in _KIND


def _pictorial(character: str) -> bool:
    """Return whether a character can be part of an emoji."""
    if not character:
        return False
    return (
        character >= "\U0001f000"
        or unicodedata.category(character) == "So"
        or (_KIND.get(character) == "selector")
    )
