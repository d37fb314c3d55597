"""The manifest in a TIFF or DNG of any size: tag 0xCD41 of the last directory, type 7.

C2PA 2.2 (A.3.5) wants a directory of its own for it, the last. The C2PA library makes one where
there are several pages, and in a file of one page adds the tag to that, so that programs go on
seeing one page. So does this. Nothing moves; what is new is appended::

    one page   II*0 [at n]   (old directory)  pixels   n: directory with the tag | manifest
    several    II*0 ... last page -> [at n]   pixels   n: directory of the tag   | manifest

The hash leaves out the manifest, and the number of its bytes in the directory. A file with the tag
in another place, with directories the library would not read, or near the 4 GB of a classic TIFF
is left to it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from waarmerk.errors import OutputError
from waarmerk.marking.data_hash import MOST_STORE, Embed, Found, Ranges
from waarmerk.marking.streams import copied, length_of
from waarmerk.marking.tiff_directory import Directory, Layout, directory_at, header_of

__all__ = ["embedding", "store_in"]

_TAG, _TYPE = 0xCD41, 7
_SUBFILES, _BELOW = 330, (34665, 34853)  # EXIF, GPS
_MOST_PAGES, _MOST_SUBFILES = 2000, 1000  # as many as the library reads
_MOST_CLASSIC = 1 << 32


@dataclass(frozen=True, slots=True)
class _Tiff:
    layout: Layout
    length: int
    pages: tuple[Directory, ...]


def store_in(file: BinaryIO) -> Found | None:
    """Return the manifest store in a file, and what its hash leaves out; None if there is none, or
    it is not dealt with here.
    """  # noqa: D205 - one sentence
    tiff = _tiff(file)
    if tiff is None:
        return None
    holding = [page for page in tiff.pages if _TAG in page.entries]
    if len(holding) != 1 or holding[0] not in (tiff.pages[0], tiff.pages[-1]):
        return None
    (page,) = holding
    entry, layout = page.entries[_TAG], tiff.layout
    (kind,) = struct.unpack_from(layout.order + "H", entry, 2)
    size, start = layout.number(entry), layout.value(entry)
    end = start + size
    if kind != _TYPE or not layout.width < size <= MOST_STORE or end > tiff.length:
        return None
    if not page.unique or list(page.entries) != sorted(page.entries):
        return None
    if start < page.following_at + layout.width and page.start < end:
        return None
    count = (page.places[_TAG] + 4, layout.width)
    file.seek(start)
    return Found(file.read(size), tuple(sorted((count, (start, size)))))


def embedding(file: BinaryIO) -> Embed | None:
    """Return what writes a copy of a file with room for a manifest; None if that is not known."""
    tiff = _tiff(file)
    if tiff is None or not all(page.unique for page in tiff.pages):
        return None
    pages = tiff.pages
    if not tiff.layout.big and tiff.length + MOST_STORE >= _MOST_CLASSIC:
        return None
    if len(pages) > 1 and list(pages[-1].entries) == [_TAG]:
        # A manifest that was there already: the new one takes its place in the chain.
        pages = pages[:-1]
        own = True
    else:
        own = len(pages) > 1
    if own and any(_TAG in page.entries for page in pages):
        return None
    last = pages[-1]
    found = tiff

    def embed(source: BinaryIO, destination: BinaryIO, place: bytes) -> tuple[Ranges, int]:
        return _embedded(source, destination, place, found, last, own)

    return embed


def _embedded(  # noqa: PLR0917 - one step
    source: BinaryIO,
    destination: BinaryIO,
    place: bytes,
    tiff: _Tiff,
    last: Directory,
    own: bool,
) -> tuple[Ranges, int]:
    layout = tiff.layout
    here = tiff.length + -tiff.length % 8
    entries = {} if own else dict(last.entries)
    entries[_TAG] = b""
    head = struct.calcsize(layout.count)
    start = here + head + len(entries) * layout.entry + layout.width
    entries[_TAG] = struct.pack(layout.order + "HH", _TAG, _TYPE)
    entries[_TAG] += struct.pack(layout.offset, len(place)) + struct.pack(layout.offset, start)
    tags = sorted(entries)
    table = struct.pack(layout.count, len(tags)) + b"".join(entries[tag] for tag in tags)
    copied(source, destination, 0, tiff.length)
    destination.write(bytes(here - tiff.length) + table + bytes(layout.width) + place)
    destination.seek(last.following_at if own else layout.pointer)
    destination.write(struct.pack(layout.offset, here))
    count = here + head + tags.index(_TAG) * layout.entry + 4
    return ((count, layout.width), (start, len(place))), start


def _tiff(file: BinaryIO) -> _Tiff | None:
    """Return the pages of a file; None if the library would not read them all."""
    length = length_of(file)
    try:
        layout, at = header_of(file.read(16))
        pages: list[Directory] = []
        seen: set[int] = set()
        while at and at not in seen and len(pages) < _MOST_PAGES:
            seen.add(at)
            pages.append(directory_at(file, layout, at, length))
            _look_below(file, layout, pages[-1], length)
            at = pages[-1].following
    except OutputError:
        return None
    return None if at or not pages else _Tiff(layout, length, tuple(pages))


def _look_below(file: BinaryIO, layout: Layout, page: Directory, length: int) -> None:
    """Read the directories that a page points to, as the library does.

    Raises
    ------
    OutputError
        If one is damaged, or the library takes it for something else.
    """
    places = [layout.value(page.entries[tag]) for tag in _BELOW if tag in page.entries]
    entry = page.entries.get(_SUBFILES)
    if entry is not None:
        count, inside = layout.number(entry), entry[8:12]
        # Of a BigTIFF it reads these places in 4 bytes, which is wrong.
        if layout.big or not 0 < count <= _MOST_SUBFILES:
            raise OutputError("its pages point to others")
        if count > 1:
            file.seek(layout.value(entry))
            inside = file.read(4 * count)
        if len(inside) < 4 * count:
            raise OutputError("its pages point outside it")
        places += struct.unpack(f"{layout.order}{count}I", inside)
    for place in places:
        directory_at(file, layout, place, length)
