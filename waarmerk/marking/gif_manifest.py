"""The manifest in a GIF of any size: an application extension in front of the first image.

::

    GIF89a screen [colours]  21 ff 0b "C2PA_GIF" 01 00 00 sub-blocks 00   other blocks ... 3b
                             '---------- the hash leaves this out ----'

C2PA 2.2, A.3.7. The C2PA library writes it as the first block, and looks for it up to the first
image. A file with several, or with unusual blocks in front of the image, is left to the library.
"""

from __future__ import annotations

from typing import BinaryIO

from waarmerk.marking.data_hash import MOST_STORE, Embed, Found, Ranges
from waarmerk.marking.gif_blocks import after_sub_blocks, start_of_blocks, sub_blocks
from waarmerk.marking.streams import copied, length_of

__all__ = ["embedding", "store_in", "sub_blocks"]

_HEAD = b"\x21\xff\x0bC2PA_GIF\x01\0\0"
_MOST_BLOCKS = 100_000
_MOST_SIZE = MOST_STORE + MOST_STORE // 255 + 2
# How many bytes of an extension stand in front of its sub-blocks; of the one that controls
# the next image, all of them do. Of a text (01) the library takes two for sub-blocks.
_FIXED = {0xFF: 14, 0xFE: 2}
_CONTROL, _CONTROL_SIZE = 0xF9, 8


def store_in(file: BinaryIO) -> Found | None:
    """Return the manifest store in a file, and what its hash leaves out; None if there is none, or
    it is not dealt with here.
    """  # noqa: D205 - one sentence
    found = _blocks(file)
    if found is None or len(found[1]) != 1:
        return None
    start, end = found[1][0]
    if end - start > _MOST_SIZE:
        return None
    file.seek(start + len(_HEAD))
    content = file.read(end - start - len(_HEAD))
    pieces, at = [], 0
    while content[at]:
        pieces.append(content[at + 1 : at + 1 + content[at]])
        at += 1 + content[at]
    return Found(b"".join(pieces), ((start, end - start),))


def embedding(file: BinaryIO) -> Embed | None:
    """Return what writes a copy of a file with room for a manifest; None if that is not known."""
    found = _blocks(file)
    if found is None or len(found[1]) > 1:
        return None
    first, manifests = found
    start, end = manifests[0] if manifests else (first, first)

    def embed(source: BinaryIO, destination: BinaryIO, place: bytes) -> tuple[Ranges, int]:
        block = _HEAD + sub_blocks(place)
        length = length_of(source)
        # Extensions came with version 89a.
        destination.write(b"GIF89a")
        copied(source, destination, 6, start)
        destination.write(block)
        copied(source, destination, end, length)
        return ((start, len(block)),), start + len(_HEAD)

    return embed


def _blocks(file: BinaryIO) -> tuple[int, list[tuple[int, int]]] | None:
    """Return where the blocks begin, and the manifests up to the first image: start and end."""
    first = start_of_blocks(file)
    if first is None:
        return None
    at: int | None = first
    manifests: list[tuple[int, int]] = []
    for _ in range(_MOST_BLOCKS):
        if at is None:
            return None
        file.seek(at)
        head = file.read(len(_HEAD))
        if head[:1] in (b"\x2c", b"\x3b"):
            return first, manifests
        if len(head) < 2 or head[0] != 0x21:
            return None
        start, kind = at, head[1]
        if kind == _CONTROL:
            at = start + _CONTROL_SIZE
            continue
        if kind not in _FIXED or (kind == 0xFF and head[2:3] != b"\x0b"):
            return None
        at = after_sub_blocks(file, start + _FIXED[kind])
        if head == _HEAD and at is not None:
            manifests.append((start, at))
    return None
