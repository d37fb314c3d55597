"""Labels in MP4, M4A and QuickTime files.

::

    MP4, M4A   ftyp  moov( ... udta(meta: AIGC))  mdat  [uuid: XMP]
    MOV        ftyp  moov( ... udta(XMP_, meta: AIGC))  mdat

XMP stands in a ``uuid`` box at the end of an MP4 and in the user data of a QuickTime movie (ISO
16684-3, 1.2.6 and 1.2.7). AIGC is a key of the movie's metadata (TC260-PG-20257A, 6.1.1), or an
item of its own name where that metadata is a list as iTunes writes it; in a fragmented file, whose
movie box cannot grow safely, it stands in the XMP.

Where the movie box grows in front of the samples, the places of these (``stco``, ``co64``) grow
with it. Samples are copied in pieces, and never change.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

from waarmerk.errors import OutputError
from waarmerk.marking.label.boxes import Box, box, children, head_of, top_boxes
from waarmerk.marking.label.movie_keys import with_aigc, with_child, without_child
from waarmerk.marking.label.packet import MOST_PACKET, extended_packet
from waarmerk.marking.mp4 import XMP
from waarmerk.marking.streams import copied, zeroed

if TYPE_CHECKING:
    from waarmerk.marking.label.content import LabelContent

__all__ = ["label_mov", "label_mp4"]

_MOST_MOVIE = 1 << 28
_PATH = (b"trak", b"mdia", b"minf", b"stbl")


def label_mp4(
    source: BinaryIO, destination: BinaryIO, content: LabelContent, notes: list[str]
) -> None:
    """Write a copy of an MP4 or M4A with a label in its XMP.

    Raises
    ------
    OutputError
        If its XMP cannot be extended, or its boxes are damaged.
    """
    _label(source, destination, content, notes, quicktime=False)


def label_mov(
    source: BinaryIO, destination: BinaryIO, content: LabelContent, notes: list[str]
) -> None:
    """Write a copy of a QuickTime movie with a label in its XMP.

    Raises
    ------
    OutputError
        If its XMP cannot be extended, or its boxes are damaged.
    """
    _label(source, destination, content, notes, quicktime=True)


def _label(
    source: BinaryIO,
    destination: BinaryIO,
    content: LabelContent,
    notes: list[str],
    *,
    quicktime: bool,
) -> None:
    tops = top_boxes(source)
    movies = [one for one in tops if one.kind == b"moov"]
    if len(movies) != 1:
        raise OutputError(f"it holds {len(movies)} movie boxes, not one")
    movie = _read(source, movies[0], _MOST_MOVIE)
    fixed = _cannot_grow(tops, movie)
    new = movie
    if not fixed and content.aigc_json is not None:
        new = with_aigc(movie, content.aigc_json, notes)
    boxed = _xmp_box(source, tops)
    old = b"" if boxed is None else _read(source, boxed, MOST_PACKET)[24:]
    inside = _xmp_of_movie(movie)
    if quicktime and not fixed:
        packet = old if inside is None else inside
        longer = extended_packet(packet, content, notes, aigc=fixed)
        if longer is not packet or inside is None:
            new = with_child(without_child(new, b"XMP_"), box(b"XMP_", longer))
        # What was in a box of its own has moved into the movie.
        replaced, behind = (boxed if inside is None else None), b""
    else:
        packet = old or inside or b""
        longer = extended_packet(packet, content, notes, aigc=fixed)
        same = longer is packet
        replaced = None if same else boxed
        behind = b"" if same else box(b"uuid", XMP + longer)
    new = _moved(new, movies[0], len(new) - len(movie), tops)
    for one in tops:
        if one is movies[0]:
            destination.write(new)
        elif one is replaced:
            destination.write(head_of(b"free", one.end - one.start - 8))
            zeroed(destination, one.end - one.start - 8)
        elif one.open_ended and behind:
            size = one.end - one.start
            if size >= 1 << 32:
                raise OutputError("its last box has no length, and is too long to get one")
            destination.write(struct.pack(">I", size))
            copied(source, destination, one.start + 4, one.end)
        else:
            copied(source, destination, one.start, one.end)
    destination.write(behind)


def _read(source: BinaryIO, one: Box, most: int) -> bytes:
    if one.end - one.start > most:
        kind = one.kind.decode("latin-1")
        raise OutputError(f"its box {kind!r} has {one.end - one.start} bytes, more than are read")
    source.seek(one.start)
    return source.read(one.end - one.start)


def _xmp_box(source: BinaryIO, tops: list[Box]) -> Box | None:
    for one in tops:
        if one.kind == b"uuid":
            source.seek(one.content)
            if one.content == one.start + 8 and source.read(16) == XMP:
                return one
    return None


def _xmp_of_movie(movie: bytes) -> bytes | None:
    for udta in children(movie, 8, len(movie)):
        if udta.kind == b"udta":
            for one in children(movie, udta.content, udta.end):
                if one.kind == b"XMP_":
                    return movie[one.content : one.end]
    return None


def _cannot_grow(tops: list[Box], movie: bytes) -> bool:
    """Return whether there may be places in the file that ``stco`` and ``co64`` do not tell."""
    if struct.unpack_from(">I", movie)[0] != len(movie):
        return True  # its length is written in another way
    outside = {one.kind for one in tops}
    inside = {one.kind for one in children(movie, 8, len(movie))}
    return bool(outside & {b"moof", b"meta"}) or b"mvex" in inside


def _moved(movie: bytes, place: Box, growth: int, tops: list[Box]) -> bytes:
    """Return a movie box whose places of samples behind it are so much farther away."""
    if not growth or not any(one.start > place.start and one.kind == b"mdat" for one in tops):
        return movie
    out = bytearray(movie)
    for table in _sample_tables(movie, 8, len(movie), _PATH):
        for one in children(movie, table.content, table.end):
            if one.kind in (b"saio", b"senc"):
                raise OutputError("it is encrypted")
            if one.kind in (b"stco", b"co64"):
                _shift(out, one, place.end, growth)
    return bytes(out)


def _sample_tables(data: bytes, start: int, end: int, path: tuple[bytes, ...]) -> list[Box]:
    found = [one for one in children(data, start, end) if one.kind == path[0]]
    if len(path) == 1:
        return found
    return [t for one in found for t in _sample_tables(data, one.content, one.end, path[1:])]


def _shift(out: bytearray, one: Box, behind: int, growth: int) -> None:
    form, width = (">I", 4) if one.kind == b"stco" else (">Q", 8)
    if one.end - one.content < 8:
        raise OutputError("its table of samples is damaged")
    (count,) = struct.unpack_from(">I", out, one.content + 4)
    at = one.content + 8
    if at + count * width > one.end:
        raise OutputError("its table of samples is damaged")
    values = struct.unpack_from(f">{count}{form[1]}", out, at)
    moved = [value + growth if value >= behind else value for value in values]
    if moved and max(moved) >= 1 << (8 * width):
        raise OutputError("its samples would lie beyond the 4 GB that it can address")
    struct.pack_into(f">{count}{form[1]}", out, at, *moved)
