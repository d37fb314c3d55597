"""PNG (third edition, section 11): text chunks, compressed or not, EXIF, and XMP.

ImageMagick writes what it takes from other formats as text, too: hexadecimal digits under
``Raw profile type ...``.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator

from waarmerk.detection.labels.carriers import exif, iptc, xmp
from waarmerk.detection.labels.items import Found, Item
from waarmerk.detection.labels.source import Source

__all__ = ["png_items"]

_XMP = b"XML:com.adobe.xmp"
_PROFILE = b"Raw profile type "


def png_items(source: Source) -> Iterator[Found]:
    """Yield what the chunks of a PNG say."""
    at = 8
    while at + 12 <= source.size:
        source.step()
        head = source.at(at, 8)
        size, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind == b"IEND":
            return
        if kind in (b"tEXt", b"zTXt", b"iTXt"):
            keyword, value = _unpacked(kind, source.value(at + 8, size), source)
            yield from _text_items(kind, keyword, value, source)
        elif kind == b"eXIf":
            yield from exif.exif_items(source.part(source.value(at + 8, size)))
        at += 12 + size


def _unpacked(kind: bytes, chunk: bytes, source: Source) -> tuple[bytes, bytes]:
    """Return keyword and text of a chunk."""
    keyword, _, rest = chunk.partition(b"\0")
    if kind == b"tEXt":
        return keyword, rest
    if kind == b"zTXt":
        return keyword, source.inflate(rest[1:])
    compressed = rest[:1] == b"\1"
    # The language and the translated keyword stand in between.
    text = rest[2:].split(b"\0", 2)[-1]
    return keyword, source.inflate(text) if compressed else text


def _text_items(kind: bytes, keyword: bytes, value: bytes, source: Source) -> Iterator[Found]:
    if keyword == _XMP:
        yield from xmp.packet_items(value, source)
    elif keyword.startswith(_PROFILE):
        yield from _profile_items(keyword[len(_PROFILE) :], value, source)
    else:
        name = keyword[:79].decode("latin-1")
        yield Item("PNG text", name.lower(), _text(value, kind))


def _profile_items(name: bytes, value: bytes, source: Source) -> Iterator[Found]:
    """Yield what a profile says: its name, its length and then digits, on lines."""
    parts = value.split(None, 2)
    try:
        content = binascii.unhexlify(b"".join(parts[2].split())) if len(parts) == 3 else b""
    except binascii.Error:
        return
    if name in (b"exif", b"APP1") and content.startswith(b"Exif\0\0"):
        yield from exif.exif_items(source.part(content[6:]))
    elif name == b"xmp":
        yield from xmp.packet_items(content, source)
    elif name in (b"iptc", b"8bim"):
        yield from iptc.photoshop_items(content.removeprefix(b"Photoshop 3.0\0"), source)


def _text(value: bytes, kind: bytes) -> str:
    # The older chunks are Latin-1 by the standard; most programs write UTF-8 into them.
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("utf-8" if kind == b"iTXt" else "latin-1", "replace")
