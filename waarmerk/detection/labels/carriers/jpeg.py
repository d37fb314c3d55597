"""JPEG (ITU-T T.81): EXIF, XMP, IPTC and comments in the segments in front of the picture.

An XMP packet larger than a segment is cut in two: a small one that names the other by a digest, and
the other in pieces (XMP specification part 3, 1.1.3.1)::

    APP1  http://ns.adobe.com/xap/1.0/ 0         packet with xmpNote:HasExtendedXMP="GUID"
    APP1  http://ns.adobe.com/xmp/extension/ 0   GUID, length of all, offset, piece
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from waarmerk.detection.labels.carriers import exif, iptc, xmp
from waarmerk.detection.labels.items import Found, Item, Unreadable
from waarmerk.detection.labels.source import Source
from waarmerk.detection.reasons import XMP_INCOMPLETE

__all__ = ["jpeg_items"]

_EXIF = b"Exif\0\0"
_PACKET = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_NOTE = "xmpnote:hasextendedxmp"
_MOST_EXTENSION = 1 << 24


def jpeg_items(source: Source) -> Iterator[Found]:
    """Yield what the segments of a JPEG say, up to its first scan."""
    extension = _Extension()
    for marker, start, size in _segments(source):
        if marker == 0xFE:
            yield Item("JPEG comment", "comment", _text(source.at(start, size)))
        elif 0xE0 <= marker <= 0xEF and marker not in (0xE2, 0xEB):  # not ICC and not C2PA
            yield from _block_items(source.at(start, size), source, extension)
    for digest in sorted(extension.named & extension.pieces.keys()):
        packet = extension.packet(digest)
        if packet:
            yield from xmp.packet_items(packet, source)
        else:
            yield Unreadable(xmp.CARRIER, XMP_INCOMPLETE)


def _block_items(content: bytes, source: Source, extension: _Extension) -> Iterator[Found]:
    if content.startswith(_EXIF):
        yield from exif.exif_items(source.part(content[len(_EXIF) :]))
    elif content.startswith(_PACKET):
        for item in xmp.packet_items(content[len(_PACKET) :], source):
            if isinstance(item, Item) and item.key == _NOTE:
                extension.named.add(item.value.encode("ascii", "replace"))
            yield item
    elif content.startswith(_EXTENSION):
        extension.add(content[len(_EXTENSION) :])
    elif content.startswith(_PHOTOSHOP):
        yield from iptc.photoshop_items(content[len(_PHOTOSHOP) :], source)
    elif content.startswith(b"AIGC{"):
        # Seen in the wild: the label of GB 45438-2025 in a segment of its own.
        yield Item("JPEG segment", "aigc", _text(content[4:]))


@dataclass(slots=True)
class _Extension:
    """The pieces of large packets, by the digest that names them and by where they begin."""

    pieces: dict[bytes, dict[int, bytes]] = field(default_factory=dict)
    totals: dict[bytes, int] = field(default_factory=dict)
    named: set[bytes] = field(default_factory=set)

    def add(self, block: bytes) -> None:
        digest = block[:32]
        self.totals[digest] = int.from_bytes(block[32:36], "big")
        self.pieces.setdefault(digest, {})[int.from_bytes(block[36:40], "big")] = block[40:]

    def packet(self, digest: bytes) -> bytes:
        """Return the packet that the pieces make; nothing if one is missing."""
        if self.totals[digest] > _MOST_EXTENSION:
            return b""
        packet = bytearray()
        for offset, piece in sorted(self.pieces[digest].items()):
            if offset != len(packet):
                return b""
            packet += piece
        return bytes(packet) if len(packet) == self.totals[digest] else b""


def _segments(source: Source) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and size of each segment in front of the first scan."""
    at = 2
    while True:
        source.step()
        head = source.at(at, 4)
        if len(head) < 4 or head[0] != 0xFF or head[1] == 0xDA:
            return
        if head[1] == 0xFF:  # a fill byte
            at += 1
            continue
        size = int.from_bytes(head[2:], "big")
        if size < 2 or at + 2 + size > source.size:
            return
        yield head[1], at + 4, size - 2
        at += 2 + size


def _text(value: bytes) -> str:
    try:
        return value.decode().strip("\0 ")
    except UnicodeDecodeError:
        return value.decode("latin-1").strip("\0 ")
