"""Vorbis comments (xiph.org), in FLAC (RFC 9639) and in Ogg (RFC 3533)."""

from __future__ import annotations

from collections.abc import Iterator

from waarmerk.detection.labels.carriers import id3, xmp
from waarmerk.detection.labels.items import Found, Item
from waarmerk.detection.labels.source import Source

__all__ = ["flac_items", "ogg_items"]

_COMMENT = 4
_OGG_PREFIXES = (b"\x03vorbis", b"OpusTags", b"Speex   ")
_MOST_PAGES = 600
_MOST_COMMENTS = 1 << 24  # covers of albums stand among them


def flac_items(source: Source) -> Iterator[Found]:
    """Yield the comments of a FLAC, and of a tag in front of it."""
    at = id3.tag_size(source.at(0, 10))
    if at:
        yield from id3.id3_items(source)
    at += 4
    while True:
        source.step()
        head = source.at(at, 4)
        if len(head) < 4:
            return
        size = int.from_bytes(head[1:], "big")
        if head[0] & 0x7F == _COMMENT:
            yield from _comments(source.at(at + 4, min(size, _MOST_COMMENTS)), source)
        if head[0] & 0x80:
            return
        at += 4 + size


def ogg_items(source: Source) -> Iterator[Found]:
    """Yield the comments of an Ogg file."""
    packet = _second_packet(source)
    for prefix in _OGG_PREFIXES:
        if packet.startswith(prefix):
            yield from _comments(packet[len(prefix) :], source)
            return
    if packet[:1] in (b"\x04", b"\x84"):  # FLAC in Ogg: a metadata block
        yield from _comments(packet[4:], source)


def _second_packet(source: Source) -> bytes:
    """Return the packet behind the first one, which may go over many pages; empty if damaged."""
    packets = 0
    found = bytearray()
    at = 0
    serial = source.at(14, 4)
    for _ in range(_MOST_PAGES):
        source.step()
        head = source.at(at, 27)
        if len(head) < 27 or not head.startswith(b"OggS"):
            return b""
        table = source.at(at + 27, head[26])
        start = at + 27 + len(table)
        at = start + sum(table)
        if head[14:18] != serial:
            continue  # another stream, side by side with this one
        for lace in table:
            if packets == 1:
                found += source.at(start, lace)
            start += lace
            packets += lace < 255
            if packets == 2:
                return bytes(found)
            if len(found) > _MOST_COMMENTS:
                return b""
    return b""


def _comments(block: bytes, source: Source) -> Iterator[Found]:
    at = 4 + int.from_bytes(block[:4], "little")
    count = int.from_bytes(block[at : at + 4], "little")
    at += 4
    for _ in range(count):
        source.step()
        if at + 4 > len(block):
            return
        size = int.from_bytes(block[at : at + 4], "little")
        entry = block[at + 4 : at + 4 + size]
        at += 4 + size
        key, equals, value = entry.decode("utf-8", "replace").partition("=")
        key = key.strip().lower()[:100]
        if key == "xmp":
            yield from xmp.packet_items(value.encode(), source)
        elif equals and key != "metadata_block_picture":
            yield Item("Vorbis comment", key, value)
