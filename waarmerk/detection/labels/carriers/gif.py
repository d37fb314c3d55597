"""GIF (89a): comments, and XMP in an application extension (XMP specification part 3, 1.1.2)."""

from __future__ import annotations

from collections.abc import Iterator

from waarmerk.detection.labels.carriers import xmp
from waarmerk.detection.labels.items import Found, Item
from waarmerk.detection.labels.source import MOST_VALUE, Source

__all__ = ["gif_items"]

_XMP = b"XMP DataXMP"
_COMMENT, _APPLICATION = 0xFE, 0xFF
_HOPS = 16  # blocks that count as one step: they hold pixels


def gif_items(source: Source) -> Iterator[Found]:
    """Yield what the extensions of a GIF say."""
    at = 13 + _table(source.at(10, 1))
    while True:
        source.step()
        head = source.at(at, 2)
        if head[:1] == b",":  # a picture: its descriptor, its colours, and the size of its codes
            at += 10 + _table(source.at(at + 9, 1)) + 1
        elif head[:1] == b"!" and len(head) == 2:
            at += 2
            if head[1] == _APPLICATION and source.at(at + 1, 11) == _XMP:
                # The packet is no chain of blocks; a trailer behind it leads the others out.
                packet = source.at(at + 12, min(MOST_VALUE, source.size)).split(b"\1\xff\xfe")[0]
                yield from xmp.packet_items(packet, source)
                at += 12 + len(packet)
            elif head[1] == _COMMENT:
                yield Item("GIF comment", "comment", _comment(source, at))
        else:
            return
        at = _behind(source, at)


def _table(flags: bytes) -> int:
    """Return the length of a table of colours."""
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def _behind(source: Source, at: int) -> int:
    """Return where a chain of blocks ends."""
    # Large pictures have many blocks: they are read a piece at a time.
    piece, start, hops = source.skim(at, 1 << 16), at, 0
    while True:
        if not start <= at < start + len(piece):
            piece, start = source.skim(at, 1 << 16), at
            if not piece:
                return at
        size = piece[at - start]
        at += 1 + size
        if not size:
            return at
        hops += 1
        if not hops % _HOPS:
            source.step()


def _comment(source: Source, at: int) -> str:
    text = bytearray()
    while (size := source.at(at, 1)) and size[0] and len(text) < MOST_VALUE:
        source.step()
        text += source.at(at + 1, size[0])
        at += 1 + size[0]
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")
