"""Labels in a TIFF: XMP in tag 700 of the first directory (ISO 16684-3, 1.1.8).

Nothing in the file moves. A copy of the first directory with the new tag is appended, and the
header turned to it; every other directory keeps its place and its values::

    before  II*0 [at 8] -> directory ... pixels ...
    after   II*0 [at n]    (old directory)  pixels ...  packet  n: directory with tag 700
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

from waarmerk.errors import OutputError
from waarmerk.marking.label.packet import MOST_PACKET, extended_packet
from waarmerk.marking.streams import copied, length_of
from waarmerk.marking.tiff_directory import Layout, directory_at, header_of

if TYPE_CHECKING:
    from waarmerk.marking.label.content import LabelContent

__all__ = ["label_tiff"]

XMP = 700
_BYTE = 1
_BYTES = (1, 2, 6, 7)  # the types whose values are single bytes


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
    layout, pointer = header_of(source.read(16))
    first = directory_at(source, layout, pointer, length)
    entries = dict(first.entries)
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
    table += b"".join(entries[number] for number in sorted(entries))
    table += struct.pack(layout.offset, first.following)
    if not layout.big and there + len(table) >= 1 << 32:
        raise OutputError("a TIFF has no more than 4 GB")
    copied(source, destination, 0, length)
    destination.write(bytes(here - length) + new + bytes(there - here - len(new)) + table)
    destination.seek(layout.pointer)
    destination.write(struct.pack(layout.offset, there))
    destination.seek(0, 2)


def _packet(source: BinaryIO, layout: Layout, entries: dict[int, bytes], length: int) -> bytes:
    entry = entries.get(XMP)
    if entry is None:
        return b""
    (kind,) = struct.unpack_from(layout.order + "H", entry, 2)
    size, at = layout.number(entry), layout.value(entry)
    if kind not in _BYTES or not layout.width < size <= MOST_PACKET:
        raise OutputError("its XMP has a type or a length that makes no sense")
    if at + size > length:
        raise OutputError("its XMP lies outside it")
    source.seek(at)
    return source.read(size)
