"""The blocks of a GIF of any size (GIF 89a, 12 to 26): found one by one, and never held.

::

    GIF89a screen [colours]   (21 kind: sub-blocks)   (2c image [colours] code: sub-blocks)   3b
                              sub-blocks: size, bytes; size, bytes; ...; 0
"""

from __future__ import annotations

from typing import BinaryIO

__all__ = ["after_sub_blocks", "start_of_blocks", "sub_blocks", "table_of_colours"]

_LEAST, _PIECE = 1 << 12, 1 << 20


def table_of_colours(flags: int) -> int:
    """Return how many bytes a table of colours has."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def start_of_blocks(file: BinaryIO) -> int | None:
    """Return where the blocks of a file begin; None if it does not begin as a GIF does."""
    file.seek(0)
    head = file.read(13)
    if len(head) < 13 or head[:6] not in (b"GIF87a", b"GIF89a"):
        return None
    return 13 + table_of_colours(head[10])


def after_sub_blocks(file: BinaryIO, at: int) -> int | None:
    """Return where a row of sub-blocks ends that begins at a place; None if its end is missing."""
    window = _LEAST
    while True:
        file.seek(at)
        data = file.read(window)
        if not data:
            return None
        place = 0
        while place < len(data):
            size = data[place]
            place += 1 + size
            if not size:
                return at + place
        at += place
        window = min(window * 4, _PIECE)


def sub_blocks(content: bytes) -> bytes:
    """Return bytes as a row of sub-blocks."""
    pieces = (content[at : at + 255] for at in range(0, len(content), 255))
    return b"".join(bytes((len(piece),)) + piece for piece in pieces) + b"\0"
