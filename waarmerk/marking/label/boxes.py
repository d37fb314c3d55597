"""Boxes of ISO base media files (ISO/IEC 14496-12, 4.2), in memory and in open files."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from waarmerk.errors import OutputError
from waarmerk.marking.streams import length_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Box", "box", "children", "head_of", "top_boxes"]

_MOST_BOXES = 100_000


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its kind, and where it starts, where its content starts, and where it ends.

    `open_ended` says that it goes on to the end of the file, whatever comes.
    """

    kind: bytes
    start: int
    content: int
    end: int
    open_ended: bool = False


def top_boxes(file: BinaryIO) -> list[Box]:
    """Return the boxes that a file consists of.

    Raises
    ------
    OutputError
        If they are damaged, or it ends within one.
    """
    length = length_of(file)
    found: list[Box] = []
    at = 0
    while at < length:
        file.seek(at)
        one = _box(file.read(16), 0, at, length)
        if one is None or one.end > length or len(found) >= _MOST_BOXES:
            raise OutputError("its boxes are damaged or cut off")
        found.append(one)
        at = one.end
    return found


def children(data: bytes, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes between two places; what is no box behind them is left out.

    Raises
    ------
    OutputError
        If one ends beyond the second place.
    """
    at = start
    while at + 8 <= end:
        one = _box(data, at, at, end)
        if one is None and not data[at : at + 4].strip(b"\0"):
            return  # QuickTime ends a list with a zero
        if one is None or one.end > end:
            raise OutputError("its boxes are damaged")
        yield one
        at = one.end


def box(kind: bytes, content: bytes) -> bytes:
    """Return a box."""
    return head_of(kind, len(content)) + content


def head_of(kind: bytes, size: int) -> bytes:
    """Return what stands in front of so many bytes of content."""
    if size + 8 < 1 << 32:
        return struct.pack(">I4s", size + 8, kind)
    return struct.pack(">I4sQ", 1, kind, size + 16)


def _box(data: bytes, at: int, start: int, end: int) -> Box | None:
    """Return the box whose head stands at a place of `data`, which is `start` of the file."""
    if len(data) < at + 8:
        return None
    size, kind = struct.unpack_from(">I4s", data, at)
    content = start + 8
    if size == 1:
        if len(data) < at + 16:
            return None
        size, content = int.from_bytes(data[at + 8 : at + 16], "big"), start + 16
    elif size == 0:
        return None if not kind.strip(b"\0") else Box(kind, start, content, end, open_ended=True)
    return None if start + size < content else Box(kind, start, content, start + size)
