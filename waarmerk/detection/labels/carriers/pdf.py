"""PDF (ISO 32000-2, 14.3.2): the metadata stream of the document, bare or compressed with Flate.

Pictures inside a PDF have metadata streams of their own. That of the document is the one to which
the catalog points; of several with its number the last one holds, because a PDF is changed by
appending. Objects are looked for in the bytes rather than by the table of references, which may be
damaged or a stream itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from waarmerk.detection.labels.carriers import xmp
from waarmerk.detection.labels.items import Found
from waarmerk.detection.labels.source import MOST_VALUE, Exhausted, Source

__all__ = ["pdf_items"]

_MOST_PDF = 1 << 25
_MOST_OBJECT = 2000
_MOST_INFLATED = 200
_MOST_PACKED = 1 << 20
_MOST_HITS = 20_000  # a metadata stream for each picture of a large document
_TYPE = re.compile(rb"/Type\s{0,4}/(Metadata|Catalog|ObjStm)\b")
_NUMBER = re.compile(rb"(\d{1,10})\s{1,4}\d{1,5}\s{1,4}\Z")
_CATALOG = re.compile(rb"/Type\s{0,4}/Catalog\b")
_POINTER = re.compile(rb"/Metadata\s{1,4}(\d{1,10})\s{1,4}\d{1,5}\s{1,4}R\b")
_FLATE = re.compile(rb"/Filter\s{0,4}\[?\s{0,4}/(?:FlateDecode|Fl)\b")
_STREAM = re.compile(rb"stream\r?\n")


def pdf_items(source: Source) -> Iterator[Found]:
    """Yield what the metadata stream of a document says."""
    data = source.at(0, min(source.size, _MOST_PDF))
    if source.size > _MOST_PDF:
        # What was appended last counts most.
        data = data[: _MOST_PDF // 2] + source.at(source.size - _MOST_PDF // 2, _MOST_PDF // 2)
    streams: dict[int, int] = {}  # where they begin, by number
    wanted: int | None = None
    inflated = 0
    for hits, match in enumerate(_TYPE.finditer(data)):
        source.step()
        if hits > _MOST_HITS:
            raise Exhausted
        number, start = _object(data, match.start())
        if match[1] == b"Metadata":
            streams[number] = start
        elif match[1] == b"Catalog":
            pointer = _POINTER.search(
                data[start : match.end() + _MOST_OBJECT].split(b"endobj", 1)[0]
            )
            wanted = int(pointer[1]) if pointer else wanted
        elif inflated < _MOST_INFLATED:
            inflated += 1
            packed = _content(data, start, source, _MOST_PACKED)
            at = _CATALOG.search(packed)
            if at is not None:
                around = packed[max(0, at.start() - _MOST_OBJECT) : at.end() + _MOST_OBJECT]
                pointer = _POINTER.search(around)
                wanted = int(pointer[1]) if pointer else wanted
    if wanted is None and len(streams) == 1:
        wanted = next(iter(streams))
    if wanted in streams:
        yield from xmp.packet_items(_content(data, streams[wanted], source), source)


def _object(data: bytes, inside: int) -> tuple[int, int]:
    """Return the number of the object around a place, and where its dictionary begins."""
    start = data.rfind(b"obj", max(0, inside - _MOST_OBJECT), inside)
    number = _NUMBER.search(data[max(0, start - 24) : start]) if start >= 0 else None
    return (int(number[1]), start + 3) if number else (-1, inside)


def _content(data: bytes, at: int, source: Source, most: int = MOST_VALUE) -> bytes:
    start = _STREAM.search(data, at, at + _MOST_OBJECT)
    if start is None:
        return b""
    end = data.find(b"endstream", start.end(), start.end() + most)
    content = data[start.end() : end] if end >= 0 else b""
    dictionary = data[at : start.start()]
    return source.inflate(content) if _FLATE.search(dictionary) else content
