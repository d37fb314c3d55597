"""How much work the boxes of a file are for the C2PA library, told before it is asked.

The library (c2pa-python 0.38.1) keeps the boxes of an ISO base media file (ISO/IEC 14496-12) as a
tree, whatever they are. To add one it goes over all that stand beside it already, in the same box
or at the top: with n of them it takes n * n / 2 steps, of 7 ns where they lie side by side in
memory and up to 30 ns where much lies between them. Each box costs 8 microseconds besides, to be
read. What lies in boxes that the library does not open costs nothing; so the hundreds of tiles of
a HEIC are one box (``iinf``), while a film in 2000 fragments is 4000 at the top::

    ftyp moov [moof [mfhd traf [tfhd tfdt trun]] mdat] [moof ...] mdat ...

Where a walk here cannot know how the library takes a thing, it counts too much.
"""

from __future__ import annotations

from itertools import islice
from typing import BinaryIO, Final

from waarmerk.marking.sound_structure import boxes, file_length

__all__ = ["MOST_WORK", "may_hold_manifest", "too_many_boxes"]

MOST_WORK: Final = 20_000_000
"""In steps from one box to the next: 6,000 boxes side by side (0.2 s), 2,500 fragments (0.5 s),
48,000 boxes that are spread well (0.4 s)."""

_BOX = 400
"""Work of reading one box, in such steps."""

_MOST_DEPTH = 40
"""The library opens 32, then refuses the file."""

_OPENED = frozenset(
    {
        *(b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"edts", b"udta"),
        *(b"dinf", b"tref", b"treg", b"mvex", b"mfra", b"meta", b"schi"),
    }
)
_C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_MOST_LOOKED_AT = 100_000
_MOST_XMP = 1 << 22


def too_many_boxes(file: BinaryIO) -> bool:
    """Return whether the boxes of a file are more work for the library than `MOST_WORK`.

    Parameters
    ----------
    file
        Of any kind; what does not consist of boxes ends the walk at once.
    """
    work = 0
    levels = [[0, file_length(file), 0]]  # where the next box begins, the end, how many there were
    while levels:
        level = levels[-1]
        at, end, before = level
        if at >= end:
            levels.pop()
            continue
        file.seek(at)
        head = file.read(24)
        work += _BOX + before
        if work > MOST_WORK:
            return True
        size, content = int.from_bytes(head[:4], "big"), 8
        if size == 1:
            size, content = int.from_bytes(head[8:16], "big"), 16
        if len(head) < 8 or (size == 0 and len(levels) == 1):
            return False
        if size < content:  # zeros inside of a box are stepped over; other sizes are believed
            level[0] += size if size > 1 else 8
            level[2] += size > 0
            continue
        level[0] += size
        level[2] += 1
        if head[4:8] in _OPENED and len(levels) < _MOST_DEPTH:
            if head[4:8] == b"meta" and _has_version(head[content:], size):
                content += 4
            levels.append([at + content, min(at + size, end), 0])
    return False


def _has_version(content: bytes, size: int) -> bool:
    """Return whether a meta box begins with a version, not with a box as QuickTime has it."""
    first, kind = int.from_bytes(content[:4], "big"), content[4:8]
    return not (0 < first <= size and all(0x20 <= letter <= 0x7E for letter in kind))


def may_hold_manifest(file: BinaryIO) -> bool:
    """Return whether the library could find a manifest in the boxes of a file, or the way to one.

    It looks for both in boxes at the top (C2PA 2.4, A.5). True also where they are too many.
    """
    length = file_length(file)
    looked_at = 0
    for kind, _, content, end in islice(boxes(file, 0, length), _MOST_LOOKED_AT):
        looked_at += 1
        if kind != b"uuid":
            continue
        file.seek(content)
        user = file.read(16)
        if user == _C2PA:
            return True
        size = end - content - 16
        if user == _XMP and (size > _MOST_XMP or b"provenance" in file.read(max(0, size))):
            return True
    return looked_at == _MOST_LOOKED_AT
