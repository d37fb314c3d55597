"""The outer structure of sound files: chunks, pages, boxes and frames, as far as it is needed here.

What the decoders do not tell: whether the end of a file is missing, where the encoded sound lies,
and how long it is in bytes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

from waarmerk.marking.source import tag_length

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from waarmerk.marking.formats import Format

__all__ = ["boxes", "bytes_missing", "chunks", "file_length", "sound_bytes"]

_UNKNOWN = 0x7FFFFFFF - (1 << 20)
"""A chunk as long as this was written by a program that did not know the length yet."""


def file_length(file: BinaryIO) -> int:
    """Return how many bytes a file has; it stands at its beginning afterwards."""
    length = file.seek(0, 2)
    file.seek(0)
    return length


def chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start of the content and length of each chunk of a RIFF file, as it is said.

    A length may reach beyond the end of the file.
    """
    end = file_length(file)
    at = 12
    while at + 8 <= end:
        file.seek(at)
        kind, size = struct.unpack("<4sI", file.read(8))
        yield kind, at + 8, size
        at += 8 + size + size % 2


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield kind, start, start of the content and end of each box between two places of an MP4.

    An end may lie beyond the second place.
    """
    at = start
    while at + 8 <= end:
        file.seek(at)
        head = file.read(16)
        size, kind = struct.unpack(">I4s", head[:8])
        content = at + 8
        if size == 1 and len(head) == 16:
            size, content = int.from_bytes(head[8:], "big"), at + 16
        elif size == 0:
            size = end - at
        if size < content - at:
            return
        yield kind, at, content, at + size
        at += size


def bytes_missing(path: Path, actual: Format) -> bool:
    """Return whether a file lacks its end, as far as its structure tells.

    MP3 and M4A say how long they are, Ogg marks its last page. A raw stream of frames has no end
    that could be missing.
    """
    with path.open("rb") as file:
        length = file_length(file)
        if actual.name == "WAV":
            return any(start + size > length and size < _UNKNOWN for _, start, size in chunks(file))
        if actual.name == "M4A":
            return any(end > length for _, _, _, end in boxes(file, 0, length))
        if actual.name in ("OGG", "OPUS"):
            return not _ends_with_last_page(file, length)
        if actual.name == "MP3":
            return _mp3_missing(file, length)
    return False


def sound_bytes(path: Path, actual: Format) -> int:
    """Return how many bytes of a file are encoded sound, without tags and covers (roughly)."""
    with path.open("rb") as file:
        length = file_length(file)
        if actual.name == "M4A":
            return sum(
                min(end, length) - start
                for kind, _, start, end in boxes(file, 0, length)
                if kind == b"mdat"
            )
        if actual.name in ("OGG", "OPUS"):
            return length - _ogg_headers(file)
        return length - tag_length(file.read(10))


def _ogg_headers(file: BinaryIO) -> int:
    """Return how long the pages are in front of the first that has a place in time."""
    at = 0
    while True:
        file.seek(at)
        head = file.read(27)
        if len(head) < 27 or not head.startswith(b"OggS"):
            return at
        if head[6:14] not in (bytes(8), b"\xff" * 8):
            return at
        at += 27 + head[26] + sum(file.read(head[26]))


def _ends_with_last_page(file: BinaryIO, length: int) -> bool:
    # RFC 3533: a page has 27 bytes, a table of segments and their content; bit 2 marks the last.
    file.seek(max(0, length - 70_000))
    tail = file.read()
    at = tail.rfind(b"OggS")
    while at >= 0:
        page = tail[at:]
        if len(page) >= 27 and page[4] == 0:
            size = 27 + page[26] + sum(page[27 : 27 + page[26]])
            if len(page) < size:
                return False
            return bool(page[5] & 4)
        at = tail.rfind(b"OggS", 0, at)
    return False


def _mp3_missing(file: BinaryIO, length: int) -> bool:
    # The first frame may hold a table of contents that gives the bytes of all frames.
    start = tag_length(file.read(10))
    file.seek(start)
    head = file.read(4096)
    for magic in (b"Xing", b"Info"):
        at = head.find(magic)
        if 0 <= at < len(head) - 16:
            flags, first, second = struct.unpack_from(">III", head, at + 4)
            said = second if flags & 1 else first
            return bool(flags & 2) and said > length - start
    return False
