"""Labels in a GIF: XMP in an application extension (ISO 16684-3, 1.1.2).

The packet lies there as it is, so that programs find it by scanning. Readers of GIF, who see
blocks that begin with their length, take its letters for lengths; the 258 bytes behind it lead
them all to the same end, from wherever they come::

    21 ff 0b "XMP Data" "XMP" <?xpacket ... ?> 01 ff fe fd ... 02 01 00 00
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from waarmerk.errors import OutputError
from waarmerk.marking.label.packet import extended_packet

if TYPE_CHECKING:
    from waarmerk.marking.label.content import LabelContent

__all__ = ["label_gif"]

_HEAD = b"\x21\xff\x0bXMP DataXMP"
_TRAILER = b"\x01" + bytes(range(255, -1, -1)) + b"\0"


def label_gif(data: bytes, content: LabelContent, notes: list[str]) -> bytes:
    """Return a GIF with a label in its XMP.

    Raises
    ------
    OutputError
        If its XMP cannot be extended, or it is damaged.
    """
    end, old = _scan(data)
    packet = b"" if old is None else data[old[0] + len(_HEAD) : old[1] - len(_TRAILER)]
    new = extended_packet(packet, content, notes)
    if new is packet:
        return data
    if b"\0" in new:
        raise OutputError("its XMP is not in UTF-8, which GIF requires")
    start, stop = old or (end, end)
    # Extensions came with version 89a.
    return b"GIF89a" + data[6:start] + _HEAD + new + _TRAILER + data[stop:]


def _scan(data: bytes) -> tuple[int, tuple[int, int] | None]:
    """Return where the trailer is, and where the XMP begins and ends."""
    if data[:6] not in (b"GIF87a", b"GIF89a") or len(data) < 13:
        raise OutputError("it does not begin as a GIF does")
    at = 13 + _table(data[10])
    xmp = None
    while at < len(data):
        kind, start = data[at], at
        if kind == 0x3B:
            return at, xmp
        if kind == 0x2C and at + 10 < len(data):
            at += 10 + _table(data[at + 9]) + 1
        elif kind == 0x21:
            at += 2
        else:
            break
        if data.startswith(_HEAD, start):
            end = data.find(_TRAILER, start)
            if end < 0:
                break
            at = end + len(_TRAILER)
            xmp = xmp or (start, at)
            continue
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
    raise OutputError("its blocks are damaged or cut off")


def _table(flags: int) -> int:
    """Return how many bytes a table of colours has."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
