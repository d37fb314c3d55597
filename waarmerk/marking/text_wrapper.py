r"""The wrapper in which a plain text carries a C2PA manifest: invisible characters at its end.

::

    Dear reader, ...  U+FEFF  C2PATXT\0  version  length  manifest store  padding
    '-- text, NFC --'         '-- 8 --'  '- 1 -'  '- 4 -'  '- length -'
                              '------- one variation selector for every byte -------'
                      '-------------- what the hash of the text leaves out ---------'

    bytes 0x00 to 0x0f    U+FE00 to U+FE0F      3 bytes in UTF-8
    bytes 0x10 to 0xff    U+E0100 to U+E01EF    4 bytes in UTF-8

Source: C2PA 2.4 (2026-04-01), A.8, "Embedding manifests into unstructured text". The section is
marked as still under review there.

**Padding.** The manifest states how long the wrapper is, and the wrapper's length depends on the
bytes of the manifest. So the length is settled first, as if every byte took four, and the rest is
filled up (A.8.5): zeros of three bytes each and, for what three does not divide, up to two 0x10
of four bytes.

**Where a wrapper ends** is not settled among its readers: behind the manifest, or at the end of
the run of selectors. Here a :class:`Wrapper` has both ends, and whoever checks its hash may take
either, as its signer did.

**Lenient reading.** The U+FEFF in front is dropped by many programs that clean text, the selectors
are not. A strict reader then sees no manifest at all. Here the eight selectors of the magic number
suffice, and :attr:`Wrapper.marked` says whether the U+FEFF was there.

Finding wrappers takes time in proportion to the text, whatever it holds.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from waarmerk.errors import InputError

__all__ = [
    "CORRUPTED",
    "MULTIPLE",
    "State",
    "Wrapper",
    "bytes_of",
    "find_wrappers",
    "length_of",
    "nfc",
    "strip_hidden",
    "wrap",
    "wrapper_of",
]

State = Literal["whole", "corrupted"]

CORRUPTED: Final = "manifest.text.corruptedWrapper"
MULTIPLE: Final = "manifest.text.multipleWrappers"
"""Validation status codes of C2PA 2.4, A.8.6."""

_MAGIC = b"C2PATXT\0"
_VERSION = 1
_HEADER = len(_MAGIC) + 1 + 4
_MARKER = "\ufeff"
_LOW, _HIGH = 0xFE00, 0xE0100

_TO_SELECTORS = {b: _LOW + b if b < 16 else _HIGH + b - 16 for b in range(256)}
_TO_BYTES = {selector: byte for byte, selector in _TO_SELECTORS.items()}
_MAGIC_SELECTORS = _MAGIC.decode("latin-1").translate(_TO_SELECTORS)
_RUN = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]*")

_MOST_MARKS = 128
"""Twice as many combining marks on one letter are no text; Unicode's stream-safe format allows 30
(UAX 15). In between it depends on where they stand."""


@dataclass(frozen=True, slots=True)
class Wrapper:
    """One wrapper in a text; offsets count characters.

    Parameters
    ----------
    start
        Where it begins: at the U+FEFF, or without one at the first selector.
    end
        Where the manifest in it ends; of a corrupted one, where the run of selectors ends.
    run_end
        Where the run of selectors ends.
    state
        ``whole``, or ``corrupted``: the magic number is there, and what follows does not fit.
    store
        The manifest store; empty if corrupted.
    marked
        Whether the U+FEFF is there that a strict reader looks for.
    reason
        What is wrong with a corrupted one.
    """

    start: int
    end: int
    run_end: int
    state: State
    store: bytes = b""
    marked: bool = True
    reason: str | None = None


def wrapper_of(store: bytes, length: int | None = None) -> str:
    r"""Return the wrapper of a manifest store.

    Parameters
    ----------
    store
        The manifest store (JUMBF).
    length
        How long the wrapper has to be, in bytes of UTF-8; as it comes when left out.

    Raises
    ------
    ValueError
        If it cannot have that length.

    Examples
    --------
    >>> wrapper_of(b"\x01")[-1] == "\ufe01", len(wrapper_of(b"", length_of(0)).encode())
    (True, 61)
    """
    frame = _MAGIC + bytes([_VERSION]) + len(store).to_bytes(4, "big") + store
    wrapper = _MARKER + _selectors(frame)
    if length is None:
        return wrapper
    gap = length - len(wrapper.encode("utf-8"))
    fours = gap % 3
    if gap < 4 * fours:
        raise ValueError(f"a wrapper of {length - gap} bytes cannot be filled up to {length}")
    return wrapper + _selectors(bytes((gap - 4 * fours) // 3) + b"\x10" * fours)


def length_of(store_length: int) -> int:
    """Return how long the wrapper of a store is, in bytes of UTF-8, whatever the store holds.

    U+FEFF, every byte as if it took four, and six so that any gap can be filled.
    """
    return 3 + 4 * (_HEADER + store_length) + 6


def wrap(text: str, store: bytes, length: int | None = None) -> str:
    """Return a text in NFC with a manifest store at its end.

    Parameters
    ----------
    text
        Without a wrapper.
    store, length
        See :func:`wrapper_of`.

    Raises
    ------
    InputError
        If the text cannot be normalised, see :func:`nfc`.
    """
    return nfc(text) + wrapper_of(store, length)


def nfc(text: str) -> str:
    """Return a text in Unicode's normal form C, which is what a manifest is made for.

    Raises
    ------
    InputError
        If hundreds of combining marks follow one another, which no text has: they are put in order
        by insertion, which would take hours for a million of them.
    """
    # Fast also with marks out of order: those make it say no at once.
    if unicodedata.is_normalized("NFC", text):
        return text
    _refuse_piles_of_marks(text)
    return unicodedata.normalize("NFC", text)


def find_wrappers(text: str) -> list[Wrapper]:
    """Return all wrappers in a text, in order.

    A run of selectors without the magic number is none, and neither is a U+FEFF alone.
    """
    return list(_wrappers(text))


def strip_hidden(text: str, also: Iterable[tuple[int, int]] = ()) -> str:
    """Return a text without its wrappers, before it goes into a language model.

    To a model, a wrapper is thousands of tokens of noise in its context. This is for input: a text
    that is passed on to people keeps its manifest.

    Parameters
    ----------
    text
        Any text.
    also
        Further passages to leave out, as offsets of characters (start, end).
        :func:`waarmerk.detection.hidden.without_hidden` gives those of all hidden characters.
    """
    spans = sorted([*((w.start, w.run_end) for w in _wrappers(text)), *also])
    kept, position = [], 0
    for start, end in spans:
        kept.append(text[position : max(start, position)])
        position = max(end, position)
    return "".join([*kept, text[position:]])


def _wrappers(text: str) -> Iterator[Wrapper]:
    position = run_end = 0
    while (found := text.find(_MAGIC_SELECTORS, position)) >= 0:
        # Many wrappers may stand in one run, whose end is looked for once.
        if found >= run_end:
            run_end = _end_of_run(text, found)
        marked = found > position and text[found - 1] == _MARKER
        wrapper = _read(text, found, run_end, marked=marked)
        yield wrapper
        position = wrapper.end


def _read(text: str, found: int, run_end: int, *, marked: bool) -> Wrapper:
    start = found - 1 if marked else found
    first = found + _HEADER
    header = bytes(_TO_BYTES[ord(c)] for c in text[found + len(_MAGIC) : min(first, run_end)])
    if len(header) < _HEADER - len(_MAGIC):
        reason = "it is cut off"
    elif header[0] != _VERSION:
        reason = f"its version {header[0]} is not known"
    else:
        length = int.from_bytes(header[1:], "big")
        if length <= run_end - first:
            store = bytes_of(text[first : first + length])
            return Wrapper(start, first + length, run_end, "whole", store, marked)
        reason = f"{run_end - first} of {length} bytes are left of it"
    return Wrapper(start, run_end, run_end, "corrupted", marked=marked, reason=reason)


def _end_of_run(text: str, start: int) -> int:
    match = _RUN.match(text, start)
    return start if match is None else match.end()


def _selectors(data: bytes) -> str:
    return data.decode("latin-1").translate(_TO_SELECTORS)


def bytes_of(selectors: str) -> bytes:
    """Return the bytes that variation selectors stand for."""
    return selectors.translate(_TO_BYTES).encode("latin-1")


def _refuse_piles_of_marks(text: str) -> None:
    combining = unicodedata.combining
    for start in range(0, len(text), _MOST_MARKS):
        pile = text[start : start + _MOST_MARKS]
        if len(pile) == _MOST_MARKS and all(map(combining, pile)):
            raise InputError(f"is no text: at {start}, combining marks follow without end")
