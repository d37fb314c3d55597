"""ISO base media (ISO/IEC 14496-12): MP4, MOV, M4A, HEIC, AVIF, and the boxes of JPEG XL.

::

    uuid BE7ACFCB...            an XMP packet (XMP specification part 3)
    moov / udta / XMP_          the same in QuickTime
    moov / [udta /] meta        hdlr, keys, ilst: names and values (mdta), or Apple's (mdir)
    moov / udta / (c)cmt        a text of QuickTime, with its length and language
    meta / iinf, iloc           items of HEIC and AVIF: XMP is of type mime, EXIF of type Exif
    xml , Exif, brob            JPEG XL (ISO/IEC 18181-2); brob is compressed with Brotli
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from waarmerk.detection.labels.carriers import exif, xmp
from waarmerk.detection.labels.items import Found, Item, Unreadable
from waarmerk.detection.labels.source import MOST_VALUE, Source
from waarmerk.detection.reasons import XMP_BROTLI

__all__ = ["box_items"]

_XMP_ID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_NAMES = {
    b"\xa9cmt": "comment",
    b"\xa9too": "encoder",
    b"\xa9swr": "software",
    b"\xa9enc": "encoded-by",
    b"\xa9des": "description",
    b"desc": "description",
    b"ldes": "description",
    b"\xa9inf": "description",
}
_MDTA = "com.apple.quicktime."
_MOST_DEPTH = 4


def box_items(source: Source) -> Iterator[Found]:
    """Yield what the boxes of a file say."""
    for kind, start, end in _boxes(source, 0, source.size):
        if kind == b"uuid" and source.at(start, 16) == _XMP_ID:
            yield from xmp.packet_items(source.value(start + 16, end - start - 16), source)
        elif kind == b"moov":
            yield from _movie_items(source, start, end, 0)
        elif kind == b"meta":
            yield from _meta_items(source, start, end)
            yield from _stored_items(source, start, end)
        elif kind == b"xml ":
            yield from xmp.packet_items(source.value(start, end - start), source)
        elif kind == b"Exif":
            yield from _exif_items(source.value(start, end - start), source)
        elif kind == b"brob" and source.at(start, 4) == b"xml ":
            yield Unreadable(xmp.CARRIER, XMP_BROTLI)


def _movie_items(source: Source, start: int, end: int, depth: int) -> Iterator[Found]:
    for kind, at, stop in _boxes(source, start, end):
        if kind == b"udta" and depth < _MOST_DEPTH:
            yield from _movie_items(source, at, stop, depth + 1)
        elif kind == b"meta":
            yield from _meta_items(source, at, stop)
        elif kind == b"XMP_":
            yield from xmp.packet_items(source.value(at, stop - at), source)
        elif kind == b"uuid" and source.at(at, 16) == _XMP_ID:
            yield from xmp.packet_items(source.value(at + 16, stop - at - 16), source)
        elif kind in _NAMES and depth:
            block = source.value(at, stop - at)
            size = int.from_bytes(block[:2], "big")
            yield Item("MP4 user data", _NAMES[kind], _text(block[4 : 4 + size], 1))


def _meta_items(source: Source, start: int, end: int) -> Iterator[Found]:
    """Yield the names and values of a meta box."""
    names: list[str] = []
    for kind, at, stop in _boxes(source, _children(source, start), end):
        if kind == b"keys":
            names = _keys(source.value(at, stop - at), source)
        elif kind == b"ilst":
            for item, inner, until in _boxes(source, at, stop):
                yield from _list_items(source, item, inner, until, names)


def _list_items(
    source: Source, item: bytes, start: int, end: int, names: list[str]
) -> Iterator[Found]:
    number = int.from_bytes(item, "big")
    name = ""
    if 1 <= number <= len(names):
        name = names[number - 1]
    elif item != b"----":
        name = _NAMES.get(item, "other")
    for kind, at, stop in _boxes(source, start, end):
        if kind == b"name":
            name = source.value(at + 4, min(stop - at - 4, 200)).decode("utf-8", "replace").lower()
        elif kind == b"data":
            block = source.value(at, stop - at)
            text = _text(block[8:], int.from_bytes(block[1:4], "big"))
            carrier = "MP4 key" if names or item == b"----" else "MP4 metadata"
            yield Item(carrier, name, text)


def _keys(block: bytes, source: Source) -> list[str]:
    names = []
    at = 8
    while at + 8 <= len(block):
        source.step()
        size = int.from_bytes(block[at : at + 4], "big")
        if size < 8:
            break
        name = block[at + 8 : at + min(size, 300)].decode("utf-8", "replace").lower()
        names.append(name.removeprefix(_MDTA))
        at += size
    return names


@dataclass(slots=True)
class _Stored:
    """The items of a picture: their types, and where their bytes are."""

    kinds: dict[int, bytes] = field(default_factory=dict)
    places: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    in_box: set[int] = field(default_factory=set)
    box: int = 0


def _stored_items(source: Source, start: int, end: int) -> Iterator[Found]:
    """Yield what the items of a HEIC or AVIF say."""
    stored = _Stored()
    for kind, at, stop in _boxes(source, _children(source, start), end):
        if kind == b"iinf":
            _read_kinds(source, at, stop, stored)
        elif kind == b"iloc":
            _read_places(source.value(at, stop - at), source, stored)
        elif kind == b"idat":
            stored.box = at
    for number, kind in stored.kinds.items():
        if kind not in (b"xmp", b"Exif"):
            continue
        pieces = stored.places.get(number, [])
        if sum(size for _, size in pieces) > MOST_VALUE:
            continue
        base = stored.box if number in stored.in_box else 0
        content = b"".join(source.value(base + at, size) for at, size in pieces)
        if kind == b"xmp":
            yield from xmp.packet_items(content, source)
        else:
            yield from _exif_items(content, source)


def _read_kinds(source: Source, start: int, end: int, stored: _Stored) -> None:
    version = source.at(start, 1)
    for kind, at, stop in _boxes(source, start + (6 if version == b"\0" else 8), end):
        if kind != b"infe":
            continue
        entry = source.value(at, min(stop - at, 1024))
        wide = 2 if entry[:1] == b"\2" else 4
        number = int.from_bytes(entry[4 : 4 + wide], "big")
        item = entry[6 + wide : 10 + wide]
        content_type = entry[10 + wide :].split(b"\0")[1:2]
        if item == b"mime" and content_type == [b"application/rdf+xml"]:
            stored.kinds[number] = b"xmp"
        elif item == b"Exif":
            stored.kinds[number] = item


def _read_places(block: bytes, source: Source, stored: _Stored) -> None:
    if len(block) < 8:
        return
    version = block[0]
    offset, length = block[4] >> 4, block[4] & 15
    base, index = block[5] >> 4, (block[5] & 15 if version else 0)
    wide = 4 if version == 2 else 2
    at = 6 + wide

    def number(size: int) -> int:
        nonlocal at
        at += size
        return int.from_bytes(block[at - size : at], "big")

    for _ in range(int.from_bytes(block[6:at], "big")):
        source.step()
        if at >= len(block):
            return
        item = number(wide)
        if version and number(2) & 15 == 1:
            stored.in_box.add(item)
        number(2)  # which file it is in: this one
        origin = number(base)
        places = stored.places.setdefault(item, [])
        for _ in range(number(2)):
            source.step()
            if at >= len(block):
                return
            number(index)
            where = origin + number(offset)
            places.append((where, number(length)))


def _exif_items(content: bytes, source: Source) -> Iterator[Found]:
    start = 4 + int.from_bytes(content[:4], "big")
    yield from exif.exif_items(source.part(content[start:]))


def _children(source: Source, start: int) -> int:
    """Return where the boxes in a meta box begin: QuickTime's has no version in front of them."""
    return start if source.at(start + 4, 4) == b"hdlr" else start + 4


def _boxes(source: Source, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start of the content and end of each box, until one cannot be right."""
    end = min(end, source.size)
    while at + 8 <= end:
        source.step()
        head = source.at(at, 16)
        size, start = int.from_bytes(head[:4], "big"), at + 8
        if size == 1:
            size, start = int.from_bytes(head[8:], "big"), at + 16
        elif size == 0:
            size = end - at
        if size < start - at or at + size > end:
            return
        yield head[4:8], start, at + size
        at += size


def _text(value: bytes, kind: int) -> str:
    if kind == 2:
        return value.decode("utf-16-be", "replace")
    if kind not in (0, 1):
        return ""
    return value.decode("utf-8", "replace").rstrip("\0")
