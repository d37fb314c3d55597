"""The manifest in the ID3v2 tag that an MP3 or FLAC file begins with.

It is one of the frames for objects of any kind (GEOB; ID3v2.4.0 frames, 4.15; C2PA 2.4, A.3.4)::

    ID3 head | frame ... | GEOB: type, name, description, manifest store | frame ... | padding
             '-- each: kind, size, flags (10 bytes), content -----------------------'

A tag in another form (unsynchronised, compressed, with an extended header or a footer) is left to
the C2PA library, and so is one with several manifests.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO

from waarmerk.marking.source import tag_length

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["store_in_tag", "tag_with"]

_TYPE = b"application/c2pa\0"
_NAMES = _TYPE + b"c2pa\0c2pa manifest store\0"
_OBJECT = re.compile(rb"[\0\3]application/c2pa\0[^\0]{0,100}\0[^\0]{0,100}\0")
_MOST_TAG = 1 << 27
_MOST_FRAMES = 10_000


def store_in_tag(file: BinaryIO) -> tuple[bytes, tuple[int, int]] | None:
    """Return the manifest store in the tag, its place and its length; None if there is none, or
    it is not dealt with here.
    """  # noqa: D205 - one sentence
    tag = _tag(file)
    found = [] if tag is None else [f for f in _frames(tag) if _is_manifest(tag, f)]
    if tag is None or len(found) != 1:
        return None
    _, start, content, end = found[0]
    named = _OBJECT.match(tag, content, end)
    if named is None or tag[start + 8 : start + 10] != b"\0\0":
        return None
    return tag[named.end() : end], (named.end(), end - named.end())


def tag_with(file: BinaryIO, place: bytes) -> tuple[bytes, int, int] | None:
    """Return the tag with a manifest in it, where that is in the tag, and how long the old tag is.

    None if the old one is not dealt with here. What else is in it stays.
    """
    file.seek(0)
    head = file.read(10)
    old, kept, version = 0, b"", 4
    if head.startswith(b"ID3"):
        tag = _tag(file)
        if tag is None:
            return None
        frames = list(_frames(tag))
        if any(kind == b"" for kind, *_ in frames):
            return None
        kept = b"".join(
            tag[start:end] for f in frames if not _is_manifest(tag, f) for _, start, _, end in (f,)
        )
        old, version = len(tag), tag[3]
    # UTF-8, of which version 3 knows nothing; the letters are the same in Latin-1.
    content = (b"\3" if version == 4 else b"\0") + _NAMES + place
    frame = b"GEOB" + _size(len(content), version) + b"\0\0" + content
    new = b"ID3" + bytes((version, 0, 0)) + _size(len(frame) + len(kept), 4) + frame + kept
    return new, 10 + len(frame) - len(place), old


def _tag(file: BinaryIO) -> bytes | None:
    file.seek(0)
    head = file.read(10)
    length = tag_length(head)
    # No flags: nothing in it is coded in another way.
    if not length or head[3] not in (3, 4) or head[5] or length > _MOST_TAG:
        return None
    tag = head + file.read(length - 10)
    return tag if len(tag) == length else None


def _frames(tag: bytes) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield kind, start, start of the content and end of each frame; no kind where one is wrong."""
    at = 10
    for _ in range(_MOST_FRAMES):
        kind = tag[at : at + 4]
        if at + 10 > len(tag) or not kind.strip(b"\0"):  # padding
            return
        size = 0
        for byte in tag[at + 4 : at + 8]:
            size = size << (7 if tag[3] == 4 else 8) | byte
        end = at + 10 + size
        if (
            end > len(tag)
            or not kind.isalnum()
            or (tag[3] == 4 and max(tag[at + 4 : at + 8]) > 127)
        ):
            break
        yield kind, at, at + 10, end
        at = end
    yield b"", at, at, len(tag)


def _is_manifest(tag: bytes, frame: tuple[bytes, int, int, int]) -> bool:
    kind, _, content, end = frame
    # Also in what cannot be understood: then there is one too many.
    return kind in (b"GEOB", b"") and tag.find(_TYPE, content, end) >= 0


def _size(number: int, version: int) -> bytes:
    if version == 3:
        return number.to_bytes(4, "big")
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))
