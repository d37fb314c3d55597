"""Labels in a GIF: XMP in an application extension (ISO 16684-3, 1.1.2).

The packet lies there as it is, so that programs find it by scanning. Readers of GIF, who see
blocks that begin with their length, take its letters for lengths; the 258 bytes behind it lead
them all to the same end, from wherever they come::

    21 ff 0b "XMP Data" "XMP" <?xpacket ... ?> 01 ff fe fd ... 02 01 00 00
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from waarmerk.errors import OutputError
from waarmerk.marking.gif_blocks import after_sub_blocks, start_of_blocks, table_of_colours
from waarmerk.marking.label.packet import MOST_PACKET, extended_packet
from waarmerk.marking.streams import copied, length_of

if TYPE_CHECKING:
    from waarmerk.marking.label.content import LabelContent

__all__ = ["label_gif"]

_HEAD = b"\x21\xff\x0bXMP DataXMP"
_TRAILER = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
_MOST_BLOCKS = 1_000_000
_LONG = 1 << 22  # bytes


def label_gif(
    source: BinaryIO, destination: BinaryIO, content: LabelContent, notes: list[str]
) -> None:
    """Write a copy of a GIF with a label in its XMP.

    Raises
    ------
    OutputError
        If its XMP cannot be extended, or it is damaged.
    """
    length = length_of(source)
    first, end, old = _scan(source, length)
    packet = b""
    if old is not None:
        source.seek(old[0] + len(_HEAD))
        packet = source.read(old[1] - len(_TRAILER) - source.tell())
    new = extended_packet(packet, content, notes)
    if new is packet:
        copied(source, destination, 0, length)
        return
    if b"\0" in new:
        raise OutputError("its XMP is not in UTF-8, which GIF requires")
    start, stop = old or (end, end)
    if old is None and length > _LONG:
        start = stop = first  # readers of labels do not go through thousands of frames
    # Extensions came with version 89a.
    destination.write(b"GIF89a")
    copied(source, destination, 6, start)
    destination.write(_HEAD + new + _TRAILER)
    copied(source, destination, stop, length)


def _scan(source: BinaryIO, length: int) -> tuple[int, int, tuple[int, int] | None]:
    """Return where the blocks begin, where the trailer is, and where XMP begins and ends."""
    first = start_of_blocks(source)
    if first is None:
        raise OutputError("it does not begin as a GIF does")
    at = first
    xmp = None
    for _ in range(_MOST_BLOCKS):
        source.seek(at)
        head, start = source.read(len(_HEAD)), at
        if head[:1] == b"\x3b":
            return first, at, xmp
        if head == _HEAD:
            source.seek(start)
            end = source.read(MOST_PACKET + len(_HEAD) + len(_TRAILER)).find(_TRAILER)
            if end < 0:
                break
            at = start + end + len(_TRAILER)
            xmp = xmp or (start, at)
            continue
        if head[:1] == b"\x2c" and len(head) > 9:
            at += 10 + table_of_colours(head[9]) + 1
        elif head[:1] == b"\x21":
            at += 2
        else:
            break
        following = after_sub_blocks(source, at)
        if following is None or following > length:
            break
        at = following
    else:
        raise OutputError(f"it has more than {_MOST_BLOCKS} blocks")
    raise OutputError("its blocks are damaged or cut off")
