"""User data of MP4 files (tags as iTunes writes them; ISO/IEC 14496-12 for the boxes)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from waarmerk.errors import OutputError
from waarmerk.marking.sound_structure import boxes, file_length

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = ["read_user_data", "set_user_data", "user_data"]

XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")

_ATOMS = {
    "TITLE": b"\xa9nam",
    "ARTIST": b"\xa9ART",
    "ALBUM": b"\xa9alb",
    "ALBUMARTIST": b"aART",
    "DATE": b"\xa9day",
    "GENRE": b"\xa9gen",
    "COMMENT": b"\xa9cmt",
    "DESCRIPTION": b"desc",
    "COMPOSER": b"\xa9wrt",
    "COPYRIGHT": b"cprt",
    "LYRICS": b"\xa9lyr",
    "GROUPING": b"\xa9grp",
}
_PAIRS = {"TRACKNUMBER": b"trkn", "DISCNUMBER": b"disk"}
_BYTES, _TEXT, _JPEG, _PNG, _BMP = 0, 1, 13, 14, 27
_COVERS = {"image/jpeg": _JPEG, "image/png": _PNG, "image/bmp": _BMP}


def read_user_data(path: Path, most: int) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Return the boxes of user data, and of XMP."""
    udta: list[bytes] = []
    xmp: list[bytes] = []
    with path.open("rb") as file:
        length = file_length(file)
        for kind, start, content, end in boxes(file, 0, length):
            if kind == b"uuid" and end <= length and end - start <= most:
                file.seek(content)
                if file.read(16) == XMP:
                    file.seek(start)
                    xmp.append(file.read(end - start))
            if kind != b"moov":
                continue
            for inner, at, _, stop in boxes(file, content, min(end, length)):
                if inner == b"udta" and stop <= length and stop - at <= most:
                    file.seek(at)
                    udta.append(file.read(stop - at))
    return tuple(udta[:1]), tuple(xmp[:1])


def user_data(
    texts: Iterable[tuple[str, str]], covers: Sequence[tuple[bytes, str, int, str]]
) -> tuple[bytes, ...]:
    """Return a box of user data that says so; none if there is nothing to say."""
    together: dict[str, list[str]] = {}
    for key, value in texts:
        if value:
            together.setdefault(key, []).append(value)
    items = []
    for key, values in together.items():
        joined = "; ".join(values)
        if key in _ATOMS:
            items.append(_box(_ATOMS[key], _data(_TEXT, joined.encode("utf-8", "replace"))))
        elif key in _PAIRS:
            items.append(_box(_PAIRS[key], _data(_BYTES, _pair(joined, key))))
        else:
            name = key.encode("utf-8", "replace")
            mean = _box(b"mean", bytes(4) + b"com.apple.iTunes")
            content = mean + _box(b"name", bytes(4) + name)
            items.append(_box(b"----", content + _data(_TEXT, joined.encode("utf-8", "replace"))))
    pictures = [
        _data(_COVERS[media_type], data)
        for data, media_type, _, _ in covers
        if media_type in _COVERS
    ]
    if pictures:
        items.append(_box(b"covr", b"".join(pictures)))
    if not items:
        return ()
    handler = _box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    meta = _box(b"meta", bytes(4) + handler + _box(b"ilst", b"".join(items)))
    return (_box(b"udta", meta),)


def set_user_data(path: Path, udta: Iterable[bytes], behind: Iterable[bytes]) -> None:
    """Put user data in the place of what a freshly written file has, and boxes at its end.

    Nothing moves by that: the muxer writes the movie box last, behind the samples.
    """
    with path.open("r+b") as file:
        length = file_length(file)
        *_, (kind, start, content, end) = boxes(file, 0, length)
        if kind != b"moov" or end != length or content != start + 8:
            raise OutputError(f"{path.name}: the muxer did not write the movie box last")
        kept = []
        for inner, at, _, stop in boxes(file, content, end):
            if inner != b"udta":
                file.seek(at)
                kept.append(file.read(stop - at))
        file.seek(start)
        file.truncate()
        file.write(_box(b"moov", b"".join((*kept, *udta))) + b"".join(behind))


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _data(kind: int, content: bytes) -> bytes:
    return _box(b"data", struct.pack(">II", kind, 0) + content)


def _pair(text: str, key: str) -> bytes:
    """Return "3/12" as the boxes of tracks and discs hold it; a track has two bytes more."""
    first, _, second = text.partition("/")
    numbers = [int(part) if part.strip().isdecimal() else 0 for part in (first, second)]
    low = [min(number, 0xFFFF) for number in numbers]
    return struct.pack(">HHH", 0, *low) + (bytes(2) if key == "TRACKNUMBER" else b"")
