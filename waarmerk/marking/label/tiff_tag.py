"""Labels in a TIFF: XMP in tag 700 of the first directory (ISO 16684-3, 1.1.8).

Nothing in the file moves. A copy of the first directory with the new tag is appended, and the
header turned to it; every other directory keeps its place and its values::

    before  II*0 [at 8] -> directory ... pixels ...
    after   II*0 [at n]    (old directory)  pixels ...  packet  n: directory with tag 700
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from waarmerk.errors import OutputError
from waarmerk.marking.label.packet import MOST_PACKET, extended_packet
from waarmerk.marking.label.streams import copied, length_of

if TYPE_CHECKING:
    from waarmerk.marking.label.content import LabelContent

__all__ = ["label_tiff"]

XMP = 700
_BYTE = 1
_BYTES = (1, 2, 6, 7)  # the types whose values are single bytes
_MOST_TAGS = 4096


@dataclass(frozen=True, slots=True)
class _Layout:
    """How wide things are: classic TIFF 6.0, or BigTIFF."""

    order: str
    big: bool

    @property
    def entry(self) -> int:
        return 20 if self.big else 12

    @property
    def count(self) -> str:
        return self.order + ("Q" if self.big else "H")

    @property
    def offset(self) -> str:
        return self.order + ("Q" if self.big else "I")


def label_tiff(
    source: BinaryIO, destination: BinaryIO, content: LabelContent, notes: list[str]
) -> None:
    """Write a copy of a TIFF with a label in its XMP.

    Raises
    ------
    OutputError
        If its XMP cannot be extended, its first directory is damaged, or it would grow beyond
        the 4 GB that a classic TIFF can address.
    """
    length = length_of(source)
    layout, pointer = _header(source.read(16))
    entries, following = _directory(source, layout, pointer, length)
    packet = _packet(source, layout, entries, length)
    new = extended_packet(packet, content, notes)
    if new is packet:
        copied(source, destination, 0, length)
        return
    here = length + -length % 8
    there = here + len(new) + -len(new) % 8
    entries[XMP] = struct.pack(layout.order + "HH", XMP, _BYTE) + struct.pack(
        layout.offset, len(new)
    )
    entries[XMP] += struct.pack(layout.offset, here)
    table = struct.pack(layout.count, len(entries))
    table += b"".join(entries[number] for number in sorted(entries)) + following
    if not layout.big and there + len(table) >= 1 << 32:
        raise OutputError("a TIFF has no more than 4 GB")
    copied(source, destination, 0, length)
    destination.write(bytes(here - length) + new + bytes(there - here - len(new)) + table)
    destination.seek(8 if layout.big else 4)
    destination.write(struct.pack(layout.offset, there))
    destination.seek(0, 2)


def _header(head: bytes) -> tuple[_Layout, int]:
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is not None and len(head) == 16:
        (version,) = struct.unpack_from(order + "H", head, 2)
        if version == 42:
            return _Layout(order, False), struct.unpack_from(order + "I", head, 4)[0]
        if version == 43 and head[4:8] == struct.pack(order + "HH", 8, 0):
            return _Layout(order, True), struct.unpack_from(order + "Q", head, 8)[0]
    raise OutputError("it does not begin as a TIFF does")


def _directory(
    source: BinaryIO, layout: _Layout, start: int, length: int
) -> tuple[dict[int, bytes], bytes]:
    """Return the entries of a directory as they are, and the pointer to the next."""
    head = struct.calcsize(layout.count)
    if not 8 <= start <= length - head:
        raise OutputError("its first directory lies outside it")
    source.seek(start)
    (count,) = struct.unpack(layout.count, source.read(head))
    width = struct.calcsize(layout.offset)
    if count > _MOST_TAGS or start + head + count * layout.entry + width > length:
        raise OutputError("its first directory is damaged")
    data = source.read(count * layout.entry)
    found: dict[int, bytes] = {}
    for at in range(0, len(data), layout.entry):
        entry = data[at : at + layout.entry]
        found.setdefault(struct.unpack_from(layout.order + "H", entry)[0], entry)
    return found, source.read(width)


def _packet(source: BinaryIO, layout: _Layout, entries: dict[int, bytes], length: int) -> bytes:
    entry = entries.get(XMP)
    if entry is None:
        return b""
    (kind,) = struct.unpack_from(layout.order + "H", entry, 2)
    (size,) = struct.unpack_from(layout.offset, entry, 4)
    inline = struct.calcsize(layout.offset)
    if kind not in _BYTES or not inline < size <= MOST_PACKET:
        raise OutputError("its XMP has a type or a length that makes no sense")
    (at,) = struct.unpack_from(layout.offset, entry, 4 + inline)
    if at + size > length:
        raise OutputError("its XMP lies outside it")
    source.seek(at)
    return source.read(size)
