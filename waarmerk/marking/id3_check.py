"""Whether the frames of an ID3 tag can be read by the C2PA library without harm.

What the library has for ID3 (the Rust crate id3) asks for as much memory as a frame says it is
long, up to 4 GB, before it looks at how much there is; where that is not to be had, the process
ends. It inflates compressed frames without a bound. So frames are looked at first: all of them must
lie in their tag, and what is compressed must not swell. A chapter (CHAP, CTOC) holds frames of its
own, which the library reads as well. (ID3v2.3.0 and v2.4.0, 3 and 4; ID3v2 Chapter Frame Addendum
1.0)
"""

from __future__ import annotations

import zlib
from typing import BinaryIO, Final

__all__ = ["is_harmful"]

_MOST_BYTES: Final = 1 << 26
_MOST_FRAMES: Final = 100_000
_MOST_DEPTH: Final = 4
_MOST_INFLATED: Final = 1 << 25
_MOST_BEFORE: Final = 6  # bytes in front of what is compressed: its length, method, group
_UNSYNCHRONISED, _EXTENDED = 0x80, 0x40
_COMPRESSED = {3: 0x80, 4: 0x08}


class _Harmful(Exception):  # noqa: N818 - it never leaves this module
    """A frame is not as it should be."""


def is_harmful(file: BinaryIO) -> bool:
    """Return whether a file begins with a tag that the library must not read.

    Parameters
    ----------
    file
        Of any kind.
    """
    file.seek(0)
    head = file.read(10)
    if len(head) < 10 or not head.startswith(b"ID3") or head[3] not in _COMPRESSED:
        return False  # sizes of ID3v2.2 have three bytes, and nothing in it is compressed
    version, flags = head[3], head[5]
    size = _seven_bits(head[6:])
    if size > _MOST_BYTES:
        return True
    tag = file.read(size)
    if flags & _UNSYNCHRONISED and version == 3:
        tag = tag.replace(b"\xff\0", b"\xff")
    try:
        start = _behind_extension(tag, version) if flags & _EXTENDED else 0
        _check(tag, start, version, 0, [_MOST_INFLATED])
    except _Harmful:
        return True
    return False


def _behind_extension(tag: bytes, version: int) -> int:
    size = int.from_bytes(tag[:4], "big") + 4 if version == 3 else _seven_bits(tag[:4])
    if not 6 <= size <= len(tag):
        raise _Harmful
    return size


def _check(tag: bytes, at: int, version: int, depth: int, room: list[int]) -> None:
    """Look at the frames from a place on, and at those in chapters.

    Room is what all of them together may still become when they are inflated.

    Raises
    ------
    _Harmful
        If one does not lie in the tag, or they are too many or swell.
    """
    for _ in range(_MOST_FRAMES):
        if at + 10 > len(tag) or not tag[at]:
            return
        said = tag[at + 4 : at + 8]
        size = int.from_bytes(said, "big") if version == 3 else _seven_bits(said)
        end = at + 10 + size
        if end > len(tag):
            raise _Harmful
        if tag[at + 9] & _COMPRESSED[version]:
            room[0] -= _inflated(tag[at + 10 : end])
            if room[0] < 0:
                raise _Harmful
        kind = tag[at : at + 4]
        if kind in (b"CHAP", b"CTOC"):
            if depth == _MOST_DEPTH:
                raise _Harmful
            content = tag[at + 10 : end]
            _check(content, _behind_names(content, kind), version, depth + 1, room)
        at = end
    raise _Harmful


def _inflated(content: bytes) -> int:
    """Return how long a compressed frame becomes, wherever in it what is compressed begins."""
    longest = 0
    for start in range(min(_MOST_BEFORE + 1, len(content))):
        try:
            out = zlib.decompressobj().decompress(content[start:], _MOST_INFLATED + 1)
        except zlib.error:
            continue
        longest = max(longest, len(out))
    return longest


def _behind_names(content: bytes, kind: bytes) -> int:
    """Return where the frames in a chapter, or a table of chapters, begin."""
    at = content.find(b"\0") + 1
    if kind == b"CHAP":
        return at + 16  # four times and places
    names = content[at + 1] if at + 1 < len(content) else 0
    at += 2
    for _ in range(names):
        at = content.find(b"\0", at) + 1
        if not at:
            return len(content)
    return at


def _seven_bits(number: bytes) -> int:
    """Return a number of seven bits a byte, as the library takes it: an eighth bit counts, too."""
    size = 0
    for byte in number:
        size = (size << 7) + byte
    return size
