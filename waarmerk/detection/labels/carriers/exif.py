"""TIFF files and EXIF blocks (TIFF 6.0, BigTIFF, EXIF 2.32): tags that hold text.

A user comment begins with eight bytes that name its encoding. For UNICODE the byte order is that of
the block in theory; in practice it is whatever the writer liked, so the zeros in it decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from waarmerk.detection.labels.carriers import iptc, xmp
from waarmerk.detection.labels.items import Found, Item
from waarmerk.detection.labels.source import Source

__all__ = ["exif_items"]

_Order = Literal["little", "big"]

_XMP, _IIM, _PHOTOSHOP, _EXIF = 700, 33723, 34377, 0x8769
_USER_COMMENT, _MAKER_NOTE = 0x9286, 0x927C
_NAMES = {
    0x010D: "DocumentName",
    0x010E: "ImageDescription",
    0x010F: "Make",
    0x0110: "Model",
    0x0131: "Software",
    0x013B: "Artist",
    0x8298: "Copyright",
    0x9C9C: "XPComment",
    _MAKER_NOTE: "MakerNote",
    _USER_COMMENT: "UserComment",
}
# ComfyUI counts down from Make, one tag for each thing that it has to say.
_NAMES |= {tag: f"tag {tag}" for tag in range(0x0105, 0x010D)}
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 13: 4, 16: 8, 18: 8}
_MOST_PAGES = 4
_MOST_MAKER_NOTE = 64


def exif_items(source: Source) -> Iterator[Found]:
    """Yield the texts of a TIFF structure, and the XMP and IPTC in it.

    Parameters
    ----------
    source
        Begins with the header of the structure: a TIFF file, or an EXIF block without its prefix.
    """
    reader = _Reader(source)
    seen: set[int] = set()
    pages = [reader.start]
    while pages and len(seen) < _MOST_PAGES * 2:
        at = pages.pop(0)
        if at <= 0 or at in seen:
            continue
        seen.add(at)
        entries, after = reader.directory(at)
        for tag, value in entries:
            if tag == _EXIF:
                pages.append(int.from_bytes(value[: reader.wide], reader.order))
            else:
                yield from _tag_items(tag, value, reader.order, source)
        if len(seen) < _MOST_PAGES:
            pages.append(after)


def _tag_items(tag: int, value: bytes, order: _Order, source: Source) -> Iterator[Found]:
    if tag == _XMP:
        yield from xmp.packet_items(value, source)
    elif tag == _IIM:
        yield from iptc.iim_items(value, source)
    elif tag == _PHOTOSHOP:
        yield from iptc.photoshop_items(value, source)
    else:
        name = _NAMES[tag]
        if tag == _USER_COMMENT:
            text = _comment(value, order)
        elif tag == 0x9C9C:
            text = value.decode("utf-16-le", "replace")
        elif tag == _MAKER_NOTE:
            text = _text(value) if len(value) <= _MOST_MAKER_NOTE else ""
        else:
            text = _text(value)
        yield Item(f"EXIF {name}", f"exif:{name.lower()}", text.strip("\0 \r\n\t"))


class _Reader:
    """Reads directories, of the usual and of the large kind of TIFF."""

    def __init__(self, source: Source) -> None:
        head = source.at(0, 16)
        self._source = source
        self.order: _Order = "little" if head.startswith(b"II") else "big"
        self.wide = 4
        self.start = 0
        version = int.from_bytes(head[2:4], self.order)
        if head[:2] in (b"II", b"MM") and version == 42:
            self.start = int.from_bytes(head[4:8], self.order)
        elif head[:2] in (b"II", b"MM") and version == 43:
            self.wide = 8
            self.start = int.from_bytes(head[8:16], self.order)

    def directory(self, at: int) -> tuple[list[tuple[int, bytes]], int]:
        """Return the tags of interest with their bytes, and where the next directory is."""
        source, wide, order = self._source, self.wide, self.order
        width = 2 if wide == 4 else 8
        count = int.from_bytes(source.at(at, width), order)
        size = 4 + 2 * wide
        # A directory cannot have more entries than there are tags.
        block = source.at(at + width, min(count, 1 << 16) * size + wide)
        found = []
        for number in range(min(count, len(block) // size)):
            source.step()
            entry = block[number * size : (number + 1) * size]
            tag = int.from_bytes(entry[:2], order)
            if tag not in _NAMES and tag not in (_XMP, _IIM, _PHOTOSHOP, _EXIF):
                continue
            kind = int.from_bytes(entry[2:4], order)
            length = int.from_bytes(entry[4 : 4 + wide], order) * _SIZES.get(kind, 0)
            value = entry[4 + wide :]
            if length > wide:
                value = source.value(int.from_bytes(value, order), length)
            found.append((tag, value[:length]))
        end = min(count, 1 << 16) * size
        return found, int.from_bytes(block[end : end + wide], order)


def _text(value: bytes) -> str:
    value = value.split(b"\0\0", 1)[0]
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _comment(value: bytes, order: _Order) -> str:
    code, content = value[:8], value[8:]
    if code == b"UNICODE\0":
        return _wide_text(content, order)
    if code in (b"ASCII\0\0\0", bytes(8)):
        return _text(content)
    if code == b"JIS\0\0\0\0\0":
        return content.decode("iso2022_jp", "replace")
    # Without a code, against the standard, and common.
    return _text(value)


def _wide_text(content: bytes, order: _Order) -> str:
    content = content[: len(content) & ~1]
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    first, second = content[:1024:2].count(0), content[1:1024:2].count(0)
    big = first > second if first != second else order == "big"
    return content.decode("utf-16-be" if big else "utf-16-le", "replace")
