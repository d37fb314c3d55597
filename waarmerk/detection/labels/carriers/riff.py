"""RIFF (Microsoft, 1991; RF64: EBU Tech 3306): WAV, AVI and WebP.

::

    WAV    fmt  data ... [LIST INFO] [id3 ] [_PMX XMP] [AIGC]
    AVI    LIST hdrl  LIST movi ... [LIST INFO] [_PMX XMP]
    WebP   VP8X ... [EXIF] [XMP ]

GB 45438-2025 puts its label into a chunk of a WAV, and TC260-PG-20257A into the list of an AVI.
"""

from __future__ import annotations

from collections.abc import Iterator

from waarmerk.detection.labels.carriers import exif, id3, xmp
from waarmerk.detection.labels.items import Found, Item
from waarmerk.detection.labels.source import Source

__all__ = ["riff_items"]

# Chunks of LIST INFO (Microsoft, Multimedia Programming Interface 1.0, chapter 3).
_INFO = {
    b"ICMT": "comment",
    b"ISBJ": "description",
    b"ISFT": "software",
    b"ISRC": "source",
    b"ITCH": "encoded-by",
    b"AIGC": "aigc",
}
_MOST_INFO = 1 << 22


def riff_items(source: Source) -> Iterator[Found]:
    """Yield what the chunks of a RIFF file say."""
    large = 0
    for kind, start, size in _chunks(source, 12, source.size):
        if kind == b"ds64":
            large = int.from_bytes(source.at(start + 8, 8), "little")
        elif kind == b"data" and size == 0xFFFFFFFF:
            # Its length is in ds64; what lies behind it is walked over anew.
            for again, at, length in _chunks(source, start + large + large % 2, source.size):
                yield from _chunk_items(again, at, length, source)
            return
        else:
            yield from _chunk_items(kind, start, size, source)


def _chunk_items(kind: bytes, start: int, size: int, source: Source) -> Iterator[Found]:
    if kind in (b"_PMX", b"XMP "):
        yield from xmp.packet_items(source.value(start, size), source)
    elif kind == b"EXIF":
        block = source.value(start, size).removeprefix(b"Exif\0\0")
        yield from exif.exif_items(source.part(block))
    elif kind in (b"id3 ", b"ID3 "):
        yield from id3.id3_items(source, start)
    elif kind in (b"AIGC", b"aigc"):
        yield Item("RIFF chunk", "aigc", _text(source.value(start, size)))
    elif kind == b"LIST" and size <= _MOST_INFO and source.at(start, 4) == b"INFO":
        for inner, at, length in _chunks(source, start + 4, start + size):
            if inner in _INFO:
                text = _text(source.value(at, length))
                yield Item(f"RIFF {inner.decode()}", _INFO[inner], text)


def _chunks(source: Source, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and size of each chunk."""
    while at + 8 <= min(end, source.size):
        source.step()
        head = source.at(at, 8)
        size = int.from_bytes(head[4:], "little")
        yield head[:4], at + 8, size
        at += 8 + size + size % 2


def _text(value: bytes) -> str:
    value = value.rstrip(b"\0 ")
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
