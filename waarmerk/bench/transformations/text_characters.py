"""What may happen to the characters of a text: look-alikes, typing errors, layout.

Every function is ``(text, share, rng) -> text``, where `share` (0 to 1) is that of the characters
or words that are changed, as exactly as whole numbers allow.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable

import numpy as np

Random = np.random.Generator

# Cyrillic and Greek letters that look like Latin ones in most fonts (Unicode TR 39, confusables).
HOMOGLYPHS = {
    **dict(zip("aceijopsxyABCEHIJKMOPSTX", "асеіјорѕхуАВСЕНІЈКМОРЅТХ", strict=True)),
    **dict(zip("vNYZ", "νΝΥΖ", strict=True)),
}
ZERO_WIDTH = ("\u200b", "\u200c", "\u200d", "\u2060")  # space, non-joiner, joiner, word joiner

# What recognisers of printed text mistake for each other, both ways round.
CONFUSED = (
    ("rn", "m"), ("cl", "d"), ("vv", "w"), ("ii", "u"), ("l", "1"), ("I", "l"), ("O", "0"),
    ("S", "5"), ("B", "8"), ("e", "c"), ("h", "b"), ("n", "u"), ("f", "t"), ("g", "q"), (",", "."),
)  # fmt: skip
MISREAD: dict[str, tuple[str, ...]] = {}
for _one, _two in CONFUSED:
    MISREAD[_one] = (*MISREAD.get(_one, ()), _two)
    MISREAD[_two] = (*MISREAD.get(_two, ()), _one)
_MISREAD = re.compile("|".join(map(re.escape, sorted(MISREAD, key=len, reverse=True))))

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
NEIGHBOURS = {
    key: "".join(
        other
        for near in _ROWS[max(0, row - 1) : row + 2]
        for other in near[max(0, place - 1) : place + 2]
        if other != key
    )
    for row, keys in enumerate(_ROWS)
    for place, key in enumerate(keys)
}
"""Letter keys beside each letter, QWERTY."""
_SLIPS = ("neighbour", "double", "miss", "swap")

# What an editor's automatic correction does, and what copying into a plain field undoes.
_CURLY = (
    (r'(^|[\s(\[])"', r"\1“"), ('"', "”"), (r"(^|[\s(\[])'", r"\1‘"), ("'", "’"),
    ("---", "—"), ("--", "–"), (r"\.\.\.", "…"),
)  # fmt: skip
_STRAIGHT = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "—": "--", "–": "-", "…": "...", "\xa0": " "}
)


def some(count: int, share: float, rng: Random) -> list[int]:
    """Draw `share` of so many places, in order; none of less than one."""
    if count < 1:
        return []
    return sorted(rng.choice(count, round(share * count), replace=False).tolist())


def each_of(text: str, places: list[int], change: Callable[[int], str]) -> str:
    """Return the text with ``change(place)`` in place of the character at each place."""
    letters = list(text)
    for place in places:
        letters[place] = change(place)
    return "".join(letters)


def pick(choices: str | tuple[str, ...], rng: Random) -> str:
    """Draw one."""
    return choices[int(rng.integers(len(choices)))]


# Look-alikes


def homoglyphs(text: str, share: float, rng: Random) -> str:
    """Put letters of other scripts in place of `share` of all letters, as far as there are any."""
    letters = sum(letter.isalpha() for letter in text)
    places = [place for place, letter in enumerate(text) if letter in HOMOGLYPHS]
    wanted = min(len(places), round(share * letters))
    chosen = rng.permutation(len(places))[:wanted]
    return each_of(text, [places[i] for i in chosen], lambda place: HOMOGLYPHS[text[place]])


def zero_width(text: str, share: float, rng: Random) -> str:
    """Put characters that nobody sees after `share` of the characters."""
    places = some(len(text), share, rng)
    return each_of(text, places, lambda place: text[place] + pick(ZERO_WIDTH, rng))


def misread(text: str, share: float, rng: Random) -> str:
    """Confuse letters as a recogniser of printed text does; `share` is that of all characters."""
    found = list(_MISREAD.finditer(text))
    wanted = min(len(found), round(share * len(text)))
    wrong = {found[i].start() for i in rng.permutation(len(found))[:wanted]}
    return _MISREAD.sub(
        lambda one: pick(MISREAD[one[0]], rng) if one.start() in wrong else one[0], text
    )


# Typing


def leave_out(text: str, share: float, rng: Random) -> str:
    """Leave characters out."""
    return each_of(text, some(len(text), share, rng), lambda _: "")


def put_in(text: str, share: float, rng: Random) -> str:
    """Put small letters after characters."""
    letters = "".join(_ROWS)
    return each_of(
        text, some(len(text), share, rng), lambda place: text[place] + pick(letters, rng)
    )


def swap(text: str, share: float, rng: Random) -> str:
    """Swap characters with the next one."""
    letters = list(text)
    for place in some(len(text) - 1, share, rng):
        letters[place : place + 2] = letters[place + 1], letters[place]
    return "".join(letters)


def mistype(text: str, share: float, rng: Random) -> str:
    """Hit a neighbouring key, strike a key twice, miss one, or two in the wrong order."""

    def neighbour(letter: str) -> str:
        near = NEIGHBOURS.get(letter.lower())
        return pick(near, rng) if near else letter * 2

    places = some(len(text), share, rng)
    chosen = dict(zip(places, rng.choice(_SLIPS, len(places)), strict=True))
    typed: list[str] = []
    for place, letter in enumerate(text):
        slip = chosen.get(place)
        if slip == "swap" and typed:
            typed[-1:] = [letter, typed[-1]]
        elif slip == "neighbour":
            typed.append(neighbour(letter))
        elif slip != "miss":
            typed.append(letter * 2 if slip == "double" else letter)
    return "".join(typed)


def retype(text: str, share: float, rng: Random) -> str:
    """Type the text anew: straight quotes, single spaces, no line breaks within, and slips."""
    return mistype(plain(text, 1, rng), share, rng)


# Layout


def capitals(text: str, share: float, rng: Random) -> str:
    """Put words in capitals."""
    return _words(text, share, rng, str.upper)


def small(text: str, share: float, rng: Random) -> str:
    """Put words in small letters."""
    return _words(text, share, rng, str.lower)


def emphasised(text: str, share: float, rng: Random) -> str:
    """Make words bold in Markdown, and every sentence an item of a list."""
    bold = _words(text, share, rng, lambda word: f"**{word}**")
    return "".join(f"- {sentence.strip()}\n" for sentence in sentences(bold))


def wrapped(text: str, columns: float) -> str:
    """Break lines after so many columns, as in a message of plain text."""
    lines = text.split("\n")
    return "\n".join(textwrap.fill(line, max(2, round(columns))) for line in lines)


def curly(text: str, _share: float, _rng: Random) -> str:
    """Set typographic quotes, dashes and ellipses."""
    for pattern, new in _CURLY:
        text = re.sub(pattern, new, text, flags=re.MULTILINE)
    return text


def plain(text: str, _share: float, _rng: Random) -> str:
    """Straighten quotes and dashes, and make one space of any white space."""
    return re.sub(r"\s+", " ", text.translate(_STRAIGHT)).strip()


def sentences(text: str) -> list[str]:
    """Return the sentences with the white space after them; joined they are the text.

    >>> sentences("One. Two? Three")
    ['One. ', 'Two? ', 'Three']
    """
    return [part for part in re.split(r"(?<=[.!?]\s)|(?<=\n)", text) if part]


def _words(text: str, share: float, rng: Random, change: Callable[[str], str]) -> str:
    found = list(re.finditer(r"\w+", text))
    chosen = {found[i].start() for i in some(len(found), share, rng)}
    return re.sub(r"\w+", lambda word: change(word[0]) if word.start() in chosen else word[0], text)
