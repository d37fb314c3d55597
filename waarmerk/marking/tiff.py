"""The tags of a TIFF, which are also the tags of an EXIF block: read, and put into another file.

Values are copied as the bytes they are. Image libraries decode them and write them anew, which
turns letters outside ASCII into question marks and forgets types they do not know.

A TIFF is a header that points to a directory, and a directory points to values that may lie
anywhere. So tags are added to a finished file by appending a new directory and turning the header
to it; the pixels stay where they are::

    before  II*0 [at 8]  -> directory: width, height, strips ...
    after   II*0 [at n]     (old directory, unused)   pixels   -> n: directory: width ... EXIF ...
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

__all__ = ["EXIF_TAGS", "Directory", "Tag", "append_tags", "build_exif", "read_tags"]

DESCRIPTION = 270
ORIENTATION = 274
X_RESOLUTION = 282
XMP = 700
ICC_PROFILE = 34675
SUBDIRECTORIES = (0x8769, 0x8825, 0xA005)  # EXIF, GPS, interoperability
LAYERS = 37724  # Photoshop's ImageSourceData: the layers, which are unmarked pixels

# fmt: off
STRUCTURE = frozenset((
    254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 277, 278, 279, 280, 281, 284, 288,
    289, 290, 291, 292, 293, 300, 301, 317, 320, 321, 322, 323, 324, 325, 330, 332, 334, 336, 338,
    339, 340, 341, 342, 343, 347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532,
    559, LAYERS, 52545,  # the last one is where C2PA keeps a manifest
))
# fmt: on
"""Tags that describe how the pixels of their own file are stored, and are never copied."""

# fmt: off
EXIF_TAGS = frozenset((
    270, 271, 272, 274, 282, 283, 296, 305, 306, 315, 316, 318, 319, 33432, 18246, 18249,
    0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F, *SUBDIRECTORIES,
))
# fmt: on
"""Tags of the first directory that EXIF 2.32 (or Windows) puts into an EXIF block."""

# Bytes a value, and of the numbers it is made of (a rational is two of four); TIFF 6.0, BigTIFF.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_WIDE = {16: 8, 17: 8, 18: 8}  # BigTIFF only: good to read, impossible to write
_UNITS = _SIZES | _WIDE | {5: 4, 10: 4}


@dataclass(frozen=True, slots=True)
class Tag:
    """One value: TIFF's type number, how many, and the little-endian bytes."""

    kind: int
    count: int
    value: bytes


Directory = dict[int, "Tag | Directory"]


def read_tags(data: bytes) -> Directory:
    """Return the tags of the first directory and of the EXIF and GPS directories below it.

    Whatever is cut off, points outside or has an unknown type is left out, so this never fails.
    All values together are never larger than the data.
    """
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 16:
        return {}
    big = data[2:4] in (b"+\0", b"\0+")
    (start,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    return _Reader(data, order, big).directory(start, depth=0)


class _Reader:
    def __init__(self, data: bytes, order: str, big: bool) -> None:
        self.data = data
        self.order = order
        self.big = big
        self.left = len(data)

    def directory(self, start: int, depth: int) -> Directory:
        width = 20 if self.big else 12
        head = 8 if self.big else 2
        found: Directory = {}
        if start < 8 or start + head > len(self.data):
            return found
        (count,) = struct.unpack_from(self.order + ("Q" if self.big else "H"), self.data, start)
        room = (len(self.data) - start - head) // width
        for i in range(min(count, room, 4096)):
            at = start + head + i * width
            number, kind = struct.unpack_from(self.order + "HH", self.data, at)
            tag = self._tag(kind, at + 4)
            if tag is None:
                continue
            if number in SUBDIRECTORIES:
                below = (
                    self.directory(int.from_bytes(tag.value, "little"), depth + 1)
                    if depth < 2 and tag.count == 1
                    else {}
                )
                if below:
                    found[number] = below
            elif tag.kind not in _WIDE:
                found[number] = tag
        return found

    def _tag(self, kind: int, at: int) -> Tag | None:
        form, inline = ("Q", 8) if self.big else ("I", 4)
        (count,) = struct.unpack_from(self.order + form, self.data, at)
        size = (_WIDE if kind in _WIDE else _SIZES).get(kind, 0) * count
        where = at + inline
        if size > inline:
            (where,) = struct.unpack_from(self.order + form, self.data, where)
        if size == 0 or size > self.left or where + size > len(self.data):
            return None
        self.left -= size
        value = self.data[where : where + size]
        if self.order == ">":
            value = _swapped(value, _UNITS[kind])
        return Tag(kind, count, value)


def _swapped(value: bytes, unit: int) -> bytes:
    out = bytearray(len(value))
    for i in range(unit):
        out[i::unit] = value[unit - 1 - i :: unit]
    return bytes(out)


def build_exif(tags: Directory) -> bytes:
    """Return an EXIF block (without its prefix) that holds the tags; empty if there are none."""
    return b"II*\0\x08\0\0\0" + _laid_out(tags, 8) if tags else b""


def append_tags(encoded: bytes, tags: Directory) -> bytes:
    """Return a finished little-endian TIFF with tags added to its first directory.

    The file's own tags win: what it says about its pixels stays true.
    """
    if not tags:
        return encoded
    if encoded[:4] != b"II*\0":
        raise ValueError("only a little-endian classic TIFF can be extended")
    body = encoded + b"\0" * (len(encoded) % 2)
    merged = tags | read_tags(encoded)
    return body[:4] + struct.pack("<I", len(body)) + body[8:] + _laid_out(merged, len(body))


def _laid_out(tags: Directory, start: int) -> bytes:
    table = bytearray(struct.pack("<H", len(tags)))
    heap = bytearray()
    heap_start = start + 2 + 12 * len(tags) + 4
    for number in sorted(tags):  # TIFF 6.0 wants them in order
        tag = tags[number]
        at = heap_start + len(heap)
        if not isinstance(tag, Tag):
            block = _laid_out(tag, at)
            table += struct.pack("<HHII", number, 4, 1, at)
        elif len(tag.value) <= 4:
            table += struct.pack("<HHI", number, tag.kind, tag.count) + tag.value.ljust(4, b"\0")
            continue
        else:
            block = tag.value
            table += struct.pack("<HHII", number, tag.kind, tag.count, at)
        heap += block + b"\0" * (len(block) % 2)
    return bytes(table + bytes(4) + heap)
