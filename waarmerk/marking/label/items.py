"""Labels in AVIF and HEIC: XMP in an item of its own (ISO/IEC 23008-12, A.3).

::

    ftyp  meta( hdlr pitm iloc iinf iprp [iref] )  mdat  [mdat: XMP]
                      '----'----- one more item, of type mime: application/rdf+xml,
                                  and a reference that says it describes the picture

The ``meta`` box grows, so that all that lies behind it moves; the places of the other items in it
move along. The pixels do not change. A file with tracks besides (a sequence, a live photo) has
other places that would have to move, and is left alone.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from waarmerk.errors import OutputError
from waarmerk.marking.label.boxes import Box, box, children, head_of
from waarmerk.marking.label.packet import MOST_PACKET, extended_packet

if TYPE_CHECKING:
    from waarmerk.marking.label.content import LabelContent

__all__ = ["label_items"]

_XMP_TYPE = b"application/rdf+xml"
_MOST_ITEMS = 65_536
_MOST_LOCATIONS = 1 << 24


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an item lies: how it is counted from, and its pieces as (offset, length).

    `at` are the places in the box of the numbers that say so: the common base, or the offsets.
    """

    item: int
    method: int
    entry: tuple[int, int]
    base: tuple[int, int]
    pieces: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class _Widths:
    """How many bytes the numbers in an ``iloc`` have."""

    version: int
    offset: int
    length: int
    base: int
    index: int

    @property
    def item(self) -> int:
        return 4 if self.version == 2 else 2


def label_items(data: bytes, content: LabelContent, notes: list[str]) -> bytes:
    """Return an AVIF or HEIC with a label in its XMP.

    Raises
    ------
    OutputError
        If its XMP cannot be extended, its boxes are damaged, or it holds tracks.
    """
    tops = list(children(data, 0, len(data)))
    metas = [one for one in tops if one.kind == b"meta"]
    if not tops or tops[-1].end != len(data) or tops[0].kind != b"ftyp" or len(metas) != 1:
        raise OutputError("its boxes are damaged or cut off")
    if any(one.kind in (b"moov", b"moof") for one in tops):
        raise OutputError("it holds a sequence besides a picture")
    meta = metas[0]
    parts = {one.kind: one for one in children(data, meta.content + 4, meta.end)}
    if not {b"hdlr", b"pitm", b"iloc", b"iinf"} <= parts.keys():
        raise OutputError("its boxes are damaged")
    widths, places = _locations(data, parts[b"iloc"])
    item = _xmp_item(data, parts[b"iinf"])
    packet = b"" if item is None else _content(data, places, item)
    new = extended_packet(packet, content, notes)
    if new is packet:
        return data
    return _rewritten(data, tops, meta, parts, (widths, places), item, new)


def _rewritten(  # noqa: PLR0917 - one step, of parts that belong together
    data: bytes,
    tops: list[Box],
    meta: Box,
    parts: dict[bytes, Box],
    located: tuple[_Widths, list[_Place]],
    item: int | None,
    packet: bytes,
) -> bytes:
    """Return the file with other XMP; the new packet is the last thing in it."""
    widths, places = located
    added = item is None
    number = max((p.item for p in places), default=0) + 1 if item is None else item
    if number >= 1 << (8 * widths.item):
        raise OutputError("it has no number left for one more item")
    boxes = {kind: data[one.start : one.end] for kind, one in parts.items()}
    order = [one.kind for one in children(data, meta.content + 4, meta.end)]
    if len(order) != len(parts):
        raise OutputError("its boxes are damaged")
    if added:
        boxes[b"iinf"] = _with_info(data, parts[b"iinf"], number)
        primary = _primary(data, parts[b"pitm"])
        boxes[b"iref"] = _with_reference(data, parts.get(b"iref"), number, primary)
        if b"iref" not in order:
            order.append(b"iref")
    iloc = _Locations(data, parts[b"iloc"], widths, places)
    # First for its size alone, which the places do not change.
    boxes[b"iloc"] = iloc.built(number, 0, 0, 0, meta.start)
    size = 4 + sum(len(boxes[kind]) for kind in order)
    growth = len(head_of(b"meta", size)) + size - (meta.end - meta.start)
    tail = b"".join(_closed(data, one) for one in tops if one.start > meta.start)
    head = data[: meta.start]
    start = len(head) + (meta.end - meta.start) + growth + len(tail) + 8
    boxes[b"iloc"] = iloc.built(number, start, len(packet), growth, meta.start)
    inside = data[meta.content : meta.content + 4] + b"".join(boxes[kind] for kind in order)
    return b"".join((head, box(b"meta", inside), tail, box(b"mdat", packet)))


def _closed(data: bytes, one: Box) -> bytes:
    """Return a box that says how long it is."""
    if not one.open_ended:
        return data[one.start : one.end]
    size = one.end - one.start
    return struct.pack(">I", size) + data[one.start + 4 : one.end]


def _locations(data: bytes, iloc: Box) -> tuple[_Widths, list[_Place]]:
    """Take an ``iloc`` apart (ISO/IEC 14496-12, 8.11.3)."""
    at = iloc.content
    version = data[at]
    if version > 2 or not 8 <= iloc.end - at <= _MOST_LOCATIONS:
        raise OutputError("its places of items are of an unknown kind")
    first, second = data[at + 4], data[at + 5]
    widths = _Widths(
        version, first >> 4, first & 15, second >> 4, second & 15 if version > 0 else 0
    )
    if any(n not in (0, 4, 8) for n in (widths.offset, widths.length, widths.base, widths.index)):
        raise OutputError("its places of items are damaged")
    at += 6
    many = int.from_bytes(data[at : at + widths.item], "big")
    at += widths.item
    places = []
    for _ in range(min(many, _MOST_ITEMS)):
        entry = at
        item = int.from_bytes(data[at : at + widths.item], "big")
        at += widths.item
        method = 0
        if version > 0:
            method = data[at + 1] & 15 if at + 2 <= iloc.end else 0
            at += 2
        elsewhere = int.from_bytes(data[at : at + 2], "big")
        at += 2
        base = at, int.from_bytes(data[at : at + widths.base], "big")
        at += widths.base
        count = int.from_bytes(data[at : at + 2], "big")
        at += 2
        each = widths.index + widths.offset + widths.length
        if elsewhere or (count and not each) or at + count * each > iloc.end:
            raise OutputError("its places of items are damaged, or in another file")
        pieces = []
        for _ in range(count):
            where = at + widths.index
            offset = int.from_bytes(data[where : where + widths.offset], "big")
            length = int.from_bytes(
                data[where + widths.offset : where + widths.offset + widths.length], "big"
            )
            pieces.append((where, offset, length))
            at += each
        places.append(_Place(item, method, (entry, at), base, tuple(pieces)))
    if many > _MOST_ITEMS or at > iloc.end:
        raise OutputError("its places of items are damaged")
    return widths, places


@dataclass(frozen=True, slots=True)
class _Locations:
    data: bytes
    iloc: Box
    widths: _Widths
    places: list[_Place]

    def built(self, number: int, start: int, length: int, growth: int, behind: int) -> bytes:
        """Return the box, everything behind a place moved by its growth, and one item anew."""
        iloc, widths = self.iloc, self.widths
        offset, size = widths.offset or 4, widths.length or 4
        if (offset, size) != (widths.offset, widths.length):
            raise OutputError("its places of items have no room for one more")
        entries = [
            self._moved(place, growth, behind) for place in self.places if place.item != number
        ]
        entry = number.to_bytes(widths.item, "big") + (bytes(2) if widths.version else b"")
        if start >= 1 << (8 * (widths.base or offset)) or length >= 1 << (8 * size):
            raise OutputError("it is too large for the numbers in it")
        # In the base where there is one: the C2PA library (0.91) moves what stands beside a base of
        # zero twice.
        base, start = (start, 0) if widths.base else (0, start)
        entry += bytes(2) + base.to_bytes(widths.base, "big") + b"\0\1" + bytes(widths.index)
        entry += start.to_bytes(offset, "big") + length.to_bytes(size, "big")
        entries.append(entry)
        head = self.data[iloc.content : iloc.content + 6]
        return box(b"iloc", head + len(entries).to_bytes(widths.item, "big") + b"".join(entries))

    def _moved(self, place: _Place, growth: int, behind: int) -> bytes:
        start, end = place.entry
        out = bytearray(self.data[start:end])
        if place.method != 0 or not place.pieces:
            return bytes(out)  # counted within the meta box, or from another item
        at, base = place.base
        wholes = [base + offset for _, offset, _ in place.pieces]
        if all(whole < behind for whole in wholes):
            return bytes(out)
        if any(whole < behind for whole in wholes):
            raise OutputError("an item of it lies on both sides of its places of items")
        if self.widths.base:
            changes = [(at, base, self.widths.base)]
        else:
            changes = [(where, offset, self.widths.offset) for where, offset, _ in place.pieces]
        for where, value, width in changes:
            if value + growth >= 1 << (8 * width):
                raise OutputError("it is too large for the numbers in it")
            out[where - start : where - start + width] = (value + growth).to_bytes(width, "big")
        return bytes(out)


def _content(data: bytes, places: list[_Place], item: int) -> bytes:
    place = next((p for p in places if p.item == item), None)
    if place is None or place.method != 0:
        raise OutputError("its XMP lies where it cannot be replaced")
    base = place.base[1]
    spans = [(base + offset, base + offset + length) for _, offset, length in place.pieces]
    if any(end > len(data) for _, end in spans) or sum(e - s for s, e in spans) > MOST_PACKET:
        raise OutputError("its XMP is damaged or too large")
    return b"".join(data[start:end] for start, end in spans)


def _infos(data: bytes, iinf: Box) -> tuple[int, list[Box]]:
    """Return where the entries of an ``iinf`` begin, and them (ISO/IEC 14496-12, 8.11.6)."""
    start = iinf.content + (6 if data[iinf.content] == 0 else 8)
    return start, list(children(data, start, iinf.end))


def _xmp_item(data: bytes, iinf: Box) -> int | None:
    for one in _infos(data, iinf)[1]:
        version = data[one.content] if one.content < one.end else 0
        if one.kind != b"infe" or version < 2:
            continue
        width = 2 if version == 2 else 4
        at = one.content + 4
        item = int.from_bytes(data[at : at + width], "big")
        rest = data[at + width + 2 : one.end]  # behind the index of its protection
        texts = rest[4:].split(b"\0")
        if rest[:4] == b"mime" and len(texts) > 1 and texts[1] == _XMP_TYPE:
            return item
    return None


def _with_info(data: bytes, iinf: Box, number: int) -> bytes:
    start, entries = _infos(data, iinf)
    wide = number >= 1 << 16
    head = bytes([3 if wide else 2, 0, 0, 1]) + number.to_bytes(4 if wide else 2, "big")
    entry = box(b"infe", head + bytes(2) + b"mime" + b"XMP\0" + _XMP_TYPE + b"\0")
    count = (len(entries) + 1).to_bytes(start - iinf.content - 4, "big")
    fixed = data[iinf.content : iinf.content + 4]
    return box(b"iinf", fixed + count + data[start : iinf.end] + entry)


def _primary(data: bytes, pitm: Box) -> int:
    return int.from_bytes(data[pitm.content + 4 : pitm.end], "big")


def _with_reference(data: bytes, iref: Box | None, number: int, primary: int) -> bytes:
    """Return references with one more: this item describes the primary one (8.11.12)."""
    wide = max(number, primary) >= 1 << 16
    fixed = bytes([1 if wide else 0, 0, 0, 0])
    there = b""
    if iref is not None:
        fixed, there = data[iref.content : iref.content + 4], data[iref.content + 4 : iref.end]
        if wide and fixed[0] == 0:
            raise OutputError("its references have no room for one more")
        wide = fixed[0] == 1
    width = 4 if wide else 2
    ends = number.to_bytes(width, "big") + b"\0\1" + primary.to_bytes(width, "big")
    return box(b"iref", fixed + there + box(b"cdsc", ends))
