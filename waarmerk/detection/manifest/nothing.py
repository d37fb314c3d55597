"""Pictures in which there is surely no manifest, nor a word of one elsewhere.

To ask the C2PA library takes it half a millisecond, and longer for large files and for such as
consist of many pieces, which is much of what a small picture costs in all. Most pictures have no
place for a manifest at all: what they consist of can be told from a few headers::

    JPEG   segments before the first scan        APP11, or XMP in APP1
    PNG    chunks                                caBX, iTXt (which may be XMP)
    WebP   chunks                                "C2PA", "XMP "
    GIF    blocks                                applications C2PA_GIF, XMP Data

A file that is in order so far as it is looked at here, and that has none of what is on the right,
is one in which the library (c2pa-python 0.38.1) finds nothing to complain of: it goes the same way.
Wherever there is any doubt it is asked, for it also says what is damaged.
"""

from __future__ import annotations

from typing import Final

from waarmerk.marking.gif_blocks import table_of_colours

__all__ = ["surely_none"]

_MOST_PIECES: Final = 10_000
"""Of more the library may be stopped in the middle (:mod:`~waarmerk.marking.bounded`)."""

_SCAN, _APP1, _APP11 = 0xDA, 0xE1, 0xEB
_XMP = b"http://ns.adobe.com/xap/1.0/"
_LENGTHS: Final = frozenset({*range(0xC0, 0xD0), 0xDB, 0xDD, *range(0xE0, 0xF0), 0xFE} - {0xC8})
"""Markers that stand before the first scan and are followed by a length (ITU-T T.81, table B.1)."""

_APPLICATIONS = (b"C2PA_GIF", b"XMP Data")
_TRAILER, _EXTENSION, _PICTURE = 0x3B, 0x21, 0x2C
_CONTROL, _COMMENT, _APPLICATION = 0xF9, 0xFE, 0xFF


def surely_none(data: bytes, media_type: str | None) -> bool:
    """Return whether there is surely no manifest in a file, nor an address of one.

    Parameters
    ----------
    data
        The file.
    media_type
        What it is. False for other types than those at the top.
    """
    look = _LOOKS.get(media_type or "")
    try:
        return look is not None and look(data)
    except IndexError:  # it is cut off
        return False


def _jpeg(data: bytes) -> bool:
    at, marker = 2, 0
    in_order = data[:2] == b"\xff\xd8" and data[3] != _SCAN
    for _ in range(_MOST_PIECES):
        marker, length = data[at + 1], data[at + 2] << 8 | data[at + 3]
        in_order = in_order and data[at] == 0xFF and 2 <= length <= len(data) - at - 2
        if not in_order or marker not in _LENGTHS or marker == _APP11:
            break
        if marker == _APP1 and data.startswith(_XMP, at + 4):
            break
        at += 2 + length
    return in_order and marker == _SCAN


def _png(data: bytes) -> bool:
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        return False
    at = 8
    for _ in range(_MOST_PIECES):
        kind = data[at + 4 : at + 8]
        at += 12 + int.from_bytes(data[at : at + 4], "big")
        if at > len(data) or kind in (b"caBX", b"iTXt") or not kind.isalpha():
            return False
        if kind == b"IEND":
            return True
    return False


def _webp(data: bytes) -> bool:
    end = 8 + int.from_bytes(data[4:8], "little")
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or end > len(data):
        return False
    at = 12
    for _ in range(_MOST_PIECES):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
        if at > end or kind in (b"C2PA", b"XMP "):
            return False
        if at == end:
            return True
    return False


def _gif(data: bytes) -> bool:
    in_order = data[:6] in (b"GIF87a", b"GIF89a")
    at = 13 + table_of_colours(data[10])
    pieces = 0
    while in_order and data[at] != _TRAILER:
        if data[at] == _PICTURE:
            at += 11 + table_of_colours(data[at + 9])  # behind the size of its codes
        elif data[at] == _EXTENSION:
            label, size = data[at + 1], data[at + 2]
            if label == _CONTROL:
                in_order = size == 4 and not data[at + 7]  # the library takes that for granted
            elif label == _APPLICATION:
                in_order = size == 11 and data[at + 3 : at + 11] not in _APPLICATIONS
            else:
                in_order = label == _COMMENT
            at += 2
        else:
            return False
        while size := data[at]:
            at += 1 + size
            pieces += 1
        at += 1
        pieces += 1
        in_order = in_order and pieces < _MOST_PIECES
    return in_order


_LOOKS: Final = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/webp": _webp,
    "image/gif": _gif,
}
