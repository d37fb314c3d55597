"""Labels in FLAC, Ogg Vorbis and Opus: in their comments.

XMP has no place in these formats (ISO 16684-3 names none), and IPTC none in comments. The keys are
IPTC's names of the properties in capitals, as comments have them: ``DIGITALSOURCETYPE``,
``AISYSTEMUSED``, ``AISYSTEMVERSIONUSED``. For AIGC the place is settled: the key ``AIGC``
(TC260-PG-202510A, annexes C and D).

Other comments stay byte for byte, in their order. Where the comments still fit on as many pages of
an Ogg, no other page changes; otherwise all later pages are counted anew.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

from waarmerk.errors import OutputError
from waarmerk.marking import vorbis
from waarmerk.marking.label.content import aigc_fields, says_ai
from waarmerk.marking.source import tag_length
from waarmerk.marking.streams import copied, length_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from waarmerk.marking.label.content import LabelContent

__all__ = ["label_flac", "label_ogg"]

SOURCE_TYPE, SYSTEM, VERSION = "DIGITALSOURCETYPE", "AISYSTEMUSED", "AISYSTEMVERSIONUSED"
AIGC = "AIGC"
_MOST = 1 << 24
_MOST_ENTRIES = 100_000
_COMMENT = 4


def label_flac(
    source: BinaryIO, destination: BinaryIO, content: LabelContent, notes: list[str]
) -> None:
    """Write a copy of a FLAC with a label in its comments.

    Raises
    ------
    OutputError
        If its metadata is damaged, or its comments have no room left (16 MB).
    """
    length = length_of(source)
    start = tag_length(source.read(10))
    source.seek(start)
    if source.read(4) != b"fLaC":
        raise OutputError("it does not begin as a FLAC does")
    at, old, frames = start + 4, None, 0
    first_end = 0
    while not frames:
        source.seek(at)
        head = source.read(4)
        size = int.from_bytes(head[1:], "big")
        if len(head) < 4 or at + 4 + size > length:
            raise OutputError("its metadata blocks are damaged or cut off")
        if head[0] & 0x7F == _COMMENT and old is None:
            old = at, at + 4 + size, head[0]
        at += 4 + size
        first_end = first_end or at
        if head[0] & 0x80:
            frames = at
    if old is None:
        # Behind the block that comes first by rule; it is not the last one any more, then.
        source.seek(start + 4)
        last = source.read(1)[0] & 0x80
        block = _block(_extended(_bare(), content, notes), bool(last))
        copied(source, destination, 0, start + 4)
        destination.write(b"\0")
        copied(source, destination, start + 5, first_end)
        destination.write(block)
        copied(source, destination, first_end, length)
        return
    begin, end, flags = old
    source.seek(begin + 4)
    block = _block(_extended(source.read(end - begin - 4), content, notes), bool(flags & 0x80))
    copied(source, destination, 0, begin)
    destination.write(block)
    copied(source, destination, end, length)


def label_ogg(
    source: BinaryIO, destination: BinaryIO, content: LabelContent, notes: list[str]
) -> None:
    """Write a copy of an Ogg Vorbis or Opus file with a label in its comments.

    Raises
    ------
    OutputError
        If its headers are damaged, or it holds another codec, or several streams.
    """
    length = length_of(source)
    pages = vorbis.pages(source)  # which leaves off behind each
    first = next(pages, b"")
    head = vorbis.page_content(first)
    if head.startswith(b"\x01vorbis"):
        prefix, count, framing = b"\x03vorbis", 2, b"\x01"
    elif head.startswith(b"OpusHead"):
        prefix, count, framing = b"OpusTags", 1, b""
    else:
        raise OutputError("it holds neither Vorbis nor Opus, or several streams")
    packets, old = vorbis.header_packets(pages, count, _MOST)
    if not packets[0].startswith(prefix):
        raise OutputError("its comments are not where they belong")
    inside, behind = _split(packets[0][len(prefix) :])
    # Opus may have more behind its comments, which stays (RFC 7845, 5.2); Vorbis has one bit.
    packets[0] = prefix + _extended(inside, content, notes) + (framing or behind)
    serial = first[14:18]
    made = [
        vorbis.numbered(page, i) for i, page in enumerate(vorbis.laid_on_pages(packets, serial), 1)
    ]
    destination.write(first + b"".join(made))
    if len(made) == old:
        copied(source, destination, source.tell(), length)
        return
    read = source.tell()
    for page in pages:
        read += len(page)
        if page[14:18] != serial:
            raise OutputError("it holds several streams")
        number = int.from_bytes(page[18:22], "little") - old + len(made)
        destination.write(vorbis.numbered(page, number))
    if read != length:
        raise OutputError("its pages are damaged or cut off")


def _bare() -> bytes:
    return struct.pack("<II", 0, 0)


def _block(content: bytes, last: bool) -> bytes:
    if len(content) >= 1 << 24:
        raise OutputError("its comments have no room left")
    return bytes([_COMMENT | (0x80 if last else 0)]) + len(content).to_bytes(3, "big") + content


def _split(data: bytes) -> tuple[bytes, bytes]:
    """Return the comments, and what lies behind them."""
    end = 4 + int.from_bytes(data[:4], "little")
    end += 4 + sum(4 + len(entry) for entry in _entries(data))
    return data[:end], data[end:]


def _entries(data: bytes) -> Iterator[bytes]:
    """Yield the comments as they are (https://xiph.org/vorbis/doc/v-comment.html)."""
    at = 4 + int.from_bytes(data[:4], "little")
    count = int.from_bytes(data[at : at + 4], "little")
    if at + 4 > len(data) or count > _MOST_ENTRIES:
        raise OutputError("its comments are damaged")
    at += 4
    for _ in range(count):
        size = int.from_bytes(data[at : at + 4], "little")
        if at + 4 + size > len(data):
            raise OutputError("its comments are damaged")
        yield data[at + 4 : at + 4 + size]
        at += 4 + size


def _extended(data: bytes, content: LabelContent, notes: list[str]) -> bytes:
    """Return comments with those of the label; see :mod:`~waarmerk.marking.label.packet`."""
    vendor = data[: 4 + int.from_bytes(data[:4], "little")]
    entries = list(_entries(data))
    there = {key: _values(entries, key) for key in (SOURCE_TYPE, SYSTEM, VERSION, AIGC)}
    types = there[SOURCE_TYPE]
    gone: set[str] = set()
    if types and not any(says_ai(value) for value in types):
        gone = {SOURCE_TYPE, SYSTEM, VERSION}
        now = content.source_type.rpartition("/")[2]
        was = types[0].rpartition("/")[2][:60] or "nothing"
        notes.append(f"the digital source type of the input ({was}) became {now}")
    wanted = {
        SOURCE_TYPE: content.source_type,
        SYSTEM: content.system,
        VERSION: content.system_version,
        AIGC: content.aigc_json,
    }
    other = there[SYSTEM] and SYSTEM not in gone and there[SYSTEM][0] != content.system
    if other:
        wanted[VERSION] = None
    labels = there[AIGC]
    if content.aigc_json is not None and labels and content.aigc_json not in labels:
        if any((aigc_fields(label) or {}).get("Label") == "1" for label in labels):
            notes.append("the AIGC label of the input stays: a file has one")
        else:
            gone.add(AIGC)
    kept = [entry for entry in entries if _key(entry) not in gone]
    for key, value in wanted.items():
        if value is not None and (key in gone or not there[key]):
            kept.append(f"{key}={value}".encode())
    body = b"".join(struct.pack("<I", len(entry)) + entry for entry in kept)
    return vendor + struct.pack("<I", len(kept)) + body


def _key(entry: bytes) -> str:
    return entry[:64].partition(b"=")[0].decode("latin-1").upper()


def _values(entries: list[bytes], key: str) -> list[str]:
    return [
        entry.partition(b"=")[2].decode("utf-8", "replace").strip()
        for entry in entries
        if _key(entry) == key
    ]
