"""The directories of a TIFF of any size: read one by one, and never all of the file.

::

    II*0 [at n] -> directory n: count | tag, type, count, value or its place | ... | [at m] -> ...
    II+0 8 0 [at n]   BigTIFF: the same, with 8 bytes for what has 4, and for the 2 of the count
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from waarmerk.errors import OutputError

__all__ = ["Directory", "Layout", "directory_at", "header_of"]

_MOST_TAGS = 4096


@dataclass(frozen=True, slots=True)
class Layout:
    """How wide things are: classic TIFF 6.0, or BigTIFF."""

    order: str
    big: bool

    @property
    def entry(self) -> int:
        """Bytes of an entry."""
        return 20 if self.big else 12

    @property
    def width(self) -> int:
        """Bytes of a place in the file, and of the number of values in an entry."""
        return 8 if self.big else 4

    @property
    def count(self) -> str:
        """Format of the number of entries."""
        return self.order + ("Q" if self.big else "H")

    @property
    def offset(self) -> str:
        """Format of a place in the file."""
        return self.order + ("Q" if self.big else "I")

    @property
    def pointer(self) -> int:
        """Where in the file it says where the first directory is."""
        return 8 if self.big else 4

    def number(self, entry: bytes) -> int:
        """Return how many values an entry has."""
        return int(struct.unpack_from(self.offset, entry, 4)[0])

    def value(self, entry: bytes) -> int:
        """Return the value of an entry, taken for a place in the file."""
        return int(struct.unpack_from(self.offset, entry, 4 + self.width)[0])


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory: where it is, its entries as they are, and where it says which one is next.

    `places` are those of the entries in the file. `unique` is whether every tag is there once.
    """

    start: int
    entries: dict[int, bytes]
    places: dict[int, int]
    following: int
    following_at: int
    unique: bool


def header_of(head: bytes) -> tuple[Layout, int]:
    """Return the layout of a file that begins with these 16 bytes, and its first directory.

    Raises
    ------
    OutputError
        If it is no TIFF.
    """
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is not None and len(head) == 16:
        (version,) = struct.unpack_from(order + "H", head, 2)
        if version == 42:
            return Layout(order, False), struct.unpack_from(order + "I", head, 4)[0]
        if version == 43 and head[4:8] == struct.pack(order + "HH", 8, 0):
            return Layout(order, True), struct.unpack_from(order + "Q", head, 8)[0]
    raise OutputError("it does not begin as a TIFF does")


def directory_at(source: BinaryIO, layout: Layout, start: int, length: int) -> Directory:
    """Return the directory at a place in a file of some length.

    Raises
    ------
    OutputError
        If it is damaged.
    """
    head = struct.calcsize(layout.count)
    if not 8 <= start <= length - head:
        raise OutputError("its first directory lies outside it")
    source.seek(start)
    (count,) = struct.unpack(layout.count, source.read(head))
    if count > _MOST_TAGS or start + head + count * layout.entry + layout.width > length:
        raise OutputError("its first directory is damaged")
    data = source.read(count * layout.entry)
    (following,) = struct.unpack(layout.offset, source.read(layout.width))
    entries: dict[int, bytes] = {}
    places: dict[int, int] = {}
    for at in range(0, len(data), layout.entry):
        entry = data[at : at + layout.entry]
        tag = struct.unpack_from(layout.order + "H", entry)[0]
        entries.setdefault(tag, entry)
        places.setdefault(tag, start + head + at)
    end = start + head + len(data)
    return Directory(start, entries, places, following, end, len(entries) == count)
