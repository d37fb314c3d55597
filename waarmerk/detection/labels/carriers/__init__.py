"""Carriers: where formats keep what they say beside their content.

Each module turns one kind of file into a stream of items (:mod:`waarmerk.detection.labels.items`)
and knows nothing of what they mean. The table below says which one reads a file; its first bytes
decide, and the media type only where they cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from waarmerk.detection.labels.carriers import (
    exif,
    gif,
    id3,
    isomedia,
    jpeg,
    matroska,
    pdf,
    png,
    riff,
    text,
    vorbis,
)
from waarmerk.detection.labels.items import Found, Items, Unreadable
from waarmerk.detection.labels.source import Exhausted, Source
from waarmerk.detection.reasons import TOO_MUCH

__all__ = ["items_of"]

_Reader = Callable[[Source], Iterator[Found]]

_BY_START: Final[tuple[tuple[bytes, _Reader], ...]] = (
    (b"\xff\xd8\xff", jpeg.jpeg_items),
    (b"\x89PNG\r\n\x1a\n", png.png_items),
    (b"RIFF", riff.riff_items),
    (b"RF64", riff.riff_items),
    (b"GIF8", gif.gif_items),
    (b"II*\0", exif.exif_items),
    (b"MM\0*", exif.exif_items),
    (b"II+\0", exif.exif_items),
    (b"MM\0+", exif.exif_items),
    (b"\0\0\0\x0cJXL \r\n\x87\n", isomedia.box_items),
    (b"fLaC", vorbis.flac_items),
    (b"OggS", vorbis.ogg_items),
    (b"\x1aE\xdf\xa3", matroska.matroska_items),
    (b"%PDF-", pdf.pdf_items),
)
_BOXES: Final = frozenset(
    {b"ftyp", b"moov", b"styp", b"wide", b"mdat", b"free", b"skip", b"moof", b"sidx"}
)
_MPEG: Final = frozenset({"audio/mpeg", "audio/aac"})


def items_of(source: Source, media_type: str) -> Items:
    """Return the items of a file, as many as the bounds allow; if there are more, that is one too.

    Parameters
    ----------
    source
        The file.
    media_type
        What it is taken for.
    """
    items = Items()
    try:
        for item in _reader(source, media_type)(source):
            if not items.add(item):
                raise Exhausted
    except Exhausted:
        items.add(Unreadable("file", TOO_MUCH))
    return items


def _reader(source: Source, media_type: str) -> _Reader:
    head = source.at(0, 1024)
    for start, reader in _BY_START:
        if head.startswith(start):
            return reader
    if head[4:8] in _BOXES:
        return isomedia.box_items
    if head.startswith(b"ID3"):
        behind = id3.tag_size(head[:10])
        return vorbis.flac_items if source.at(behind, 4) == b"fLaC" else _mpeg
    if media_type.startswith("text/"):
        return lambda source: text.text_items(source, media_type)
    if media_type in _MPEG:
        return _mpeg
    is_svg = media_type == "image/svg+xml" or b"<svg" in head
    return text.svg_items if is_svg else text.scan_items


def _mpeg(source: Source) -> Iterator[Found]:
    yield from id3.id3_items(source)
    yield from id3.id3v1_items(source)
