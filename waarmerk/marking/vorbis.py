"""Vorbis comments, in FLAC and in Ogg (https://xiph.org/vorbis/doc/v-comment.html, RFC 3533).

The encoders write files without comments. Here they are put in: into a FLAC by replacing its
metadata blocks, into an Ogg by laying the header packets on new pages and counting all later pages
anew, whose checksums change with that.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from typing import TYPE_CHECKING, BinaryIO

from waarmerk.errors import OutputError
from waarmerk.marking.source import tag_length

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = [
    "flac_blocks",
    "header_packets",
    "laid_on_pages",
    "numbered",
    "page_content",
    "pages",
    "read_flac",
    "read_ogg",
    "splice_flac",
    "splice_ogg",
    "with_pictures",
]

Comments = tuple[tuple[str, str], ...]
Picture = tuple[bytes, str, int, str]
"""Data, media type, kind and description."""

PICTURE_KEY = "METADATA_BLOCK_PICTURE"
STREAMINFO, PADDING, APPLICATION, SEEKTABLE, COMMENT, CUESHEET, PICTURE = range(7)
_NOT_COPIED = {STREAMINFO, PADDING, SEEKTABLE}  # what describes the old encoding
_ONLY_FLAC = {APPLICATION: "the FLAC block APPLICATION", CUESHEET: "the cue sheet"}
_MOST_FLAC_BLOCK = (1 << 24) - 1

_REVERSED = bytes(int(f"{i:08b}"[::-1], 2) for i in range(256))


def read_flac(
    path: Path, most: int
) -> tuple[tuple[bytes, ...], Comments, tuple[Picture, ...], tuple[str, ...]]:
    """Return the blocks to copy, the comments, the pictures, and what only a FLAC can hold."""
    blocks: list[bytes] = []
    comments: Comments = ()
    pictures: list[Picture] = []
    only_here: list[str] = []
    total = 0
    with path.open("rb") as file:
        for kind, content in _flac_blocks(file):
            total += len(content)
            if kind in _NOT_COPIED or total > most:
                continue
            blocks.append(bytes([kind]) + len(content).to_bytes(3, "big") + content)
            if kind == COMMENT:
                comments = _parsed(content)[1]
            elif kind == PICTURE:
                picture = _picture(content)
                pictures += [picture] if picture else []
            elif kind in _ONLY_FLAC:
                only_here.append(_ONLY_FLAC[kind])
    texts, more = _apart(comments)
    return tuple(blocks), texts, (*pictures, *more), tuple(dict.fromkeys(only_here))


def flac_blocks(comments: Iterable[tuple[str, str]], pictures: Iterable[Picture]) -> list[bytes]:
    """Return metadata blocks that say so; none if there is nothing to say."""
    contents = [(PICTURE, _picture_block(*picture)) for picture in pictures]
    comments = tuple(comments)
    if comments:
        contents.insert(0, (COMMENT, _built(b"", comments)))
    return [
        bytes([kind]) + len(content).to_bytes(3, "big") + content
        for kind, content in contents
        if len(content) <= _MOST_FLAC_BLOCK
    ]


def splice_flac(path: Path, out: Path, blocks: Sequence[bytes]) -> None:
    """Copy a FLAC file with other metadata blocks; that of the stream stays as it is."""
    with path.open("rb") as source, out.open("xb") as target:
        info = b""
        vendor = b""
        for kind, content in _flac_blocks(source):
            if kind == STREAMINFO:
                info = content
            elif kind == COMMENT:
                vendor = content
        if not any(block[0] & 0x7F == COMMENT for block in blocks) and vendor:
            block = bytes([COMMENT]) + len(vendor).to_bytes(3, "big") + vendor
            blocks = [*blocks, block]
        stream = bytes([STREAMINFO]) + len(info).to_bytes(3, "big") + info
        whole = [stream, *blocks]
        whole[-1] = bytes([whole[-1][0] | 0x80]) + whole[-1][1:]
        target.write(b"fLaC" + b"".join(whole))
        while piece := source.read(1 << 20):
            target.write(piece)


def read_ogg(path: Path, most: int) -> tuple[Comments, tuple[Picture, ...]]:
    """Return the comments and pictures of a Vorbis or Opus file; none if they are damaged."""
    with path.open("rb") as file:
        packets = _packets(file, 2, most)
    if len(packets) < 2:
        return (), ()
    return _apart(_parsed(packets[1].removeprefix(_prefix(packets[0])))[1])


def with_pictures(
    comments: Iterable[tuple[str, str]], pictures: Iterable[Picture]
) -> list[tuple[str, str]]:
    """Return comments among which the pictures are, as Ogg files hold them."""
    encoded = (base64.b64encode(_picture_block(*p)).decode("ascii") for p in pictures)
    return [*comments, *((PICTURE_KEY, text) for text in encoded)]


def splice_ogg(path: Path, out: Path, comments: Sequence[tuple[str, str]]) -> None:
    """Copy a Vorbis or Opus file with other comments."""
    with path.open("rb") as source, out.open("xb") as target:
        found = pages(source)
        first = next(found, b"")
        head = page_content(first)
        count = 3 if head.startswith(b"\x01vorbis") else 2
        prefix = _prefix(head)
        packets, old = header_packets(found, count - 1)
        vendor = _parsed(packets[0].removeprefix(prefix))[0]
        framing = b"\x01" if count == 3 else b""
        packets[0] = prefix + _built(vendor, comments) + framing
        serial = first[14:18]
        target.write(first)
        new = 0
        for page in laid_on_pages(packets, serial):
            new += 1
            target.write(numbered(page, new))
        for page in found:
            number = int.from_bytes(page[18:22], "little") - old + new
            target.write(numbered(page, number))


def _prefix(head: bytes) -> bytes:
    return b"OpusTags" if head.startswith(b"OpusHead") else b"\x03vorbis"


def _flac_blocks(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield kind and content of each metadata block; the file stands at the frames afterwards."""
    file.seek(0)
    start = tag_length(file.read(10))
    file.seek(start)
    if file.read(4) != b"fLaC":
        return
    last = False
    while not last:
        head = file.read(4)
        if len(head) < 4:
            return
        last = bool(head[0] & 0x80)
        content = file.read(int.from_bytes(head[1:], "big"))
        yield head[0] & 0x7F, content


def _apart(comments: Comments) -> tuple[Comments, tuple[Picture, ...]]:
    """Separate the pictures among comments from the texts."""
    texts: list[tuple[str, str]] = []
    pictures: list[Picture] = []
    for key, value in comments:
        if key == PICTURE_KEY:
            try:
                picture = _picture(base64.b64decode(value, validate=False))
            except (binascii.Error, ValueError):
                picture = None
            pictures += [picture] if picture else []
        else:
            texts.append((key, value))
    return tuple(texts), tuple(pictures)


def _parsed(data: bytes) -> tuple[bytes, Comments]:
    """Return the vendor and the comments, as far as they are in order."""

    def field(at: int) -> tuple[bytes, int]:
        (size,) = struct.unpack_from("<I", data, at)
        if at + 4 + size > len(data):
            raise struct.error
        return data[at + 4 : at + 4 + size], at + 4 + size

    comments: list[tuple[str, str]] = []
    vendor = b""
    try:
        vendor, at = field(0)
        (count,) = struct.unpack_from("<I", data, at)
        at += 4
        for _ in range(count):
            entry, at = field(at)
            key, equals, value = entry.decode("utf-8", "replace").partition("=")
            if equals:
                comments.append((key.upper(), value))
    except struct.error:
        pass
    return vendor, tuple(comments)


def _built(vendor: bytes, comments: Iterable[tuple[str, str]]) -> bytes:
    entries = []
    for key, value in comments:
        # A key is printable ASCII without the sign that ends it.
        name = "".join(c if " " <= c <= "}" and c != "=" else "_" for c in key)
        entries.append(f"{name}={value}".encode("utf-8", "replace"))
    out = struct.pack("<I", len(vendor)) + vendor + struct.pack("<I", len(entries))
    return out + b"".join(struct.pack("<I", len(entry)) + entry for entry in entries)


def _picture(block: bytes) -> Picture | None:
    """Take a FLAC picture block apart (RFC 9639, 8.8); None if it is damaged."""
    try:
        kind, size = struct.unpack_from(">II", block)
        media_type = block[8 : 8 + size]
        at = 8 + size
        (size,) = struct.unpack_from(">I", block, at)
        description = block[at + 4 : at + 4 + size]
        at += 4 + size + 16
        (size,) = struct.unpack_from(">I", block, at)
    except struct.error:
        return None
    data = block[at + 4 : at + 4 + size]
    if not data or len(data) < size:
        return None
    return data, media_type.decode("ascii", "replace"), kind, description.decode("utf-8", "replace")


def _picture_block(data: bytes, media_type: str, kind: int, description: str) -> bytes:
    about, words = media_type.encode("ascii", "replace"), description.encode("utf-8", "replace")
    return b"".join(
        (
            struct.pack(">II", kind, len(about)),
            about,
            struct.pack(">I", len(words)),
            words,
            bytes(16),  # width, height, depth, colours: 0 where the picture itself tells
            struct.pack(">I", len(data)),
            data,
        )
    )


def pages(file: BinaryIO) -> Iterator[bytes]:
    """Yield the pages of an Ogg file, until something else comes."""
    file.seek(0)
    while True:
        head = file.read(27)
        if len(head) < 27 or not head.startswith(b"OggS"):
            return
        table = file.read(head[26])
        yield head + table + file.read(sum(table))


def page_content(page: bytes) -> bytes:
    """Return what is on a page (RFC 3533, 6)."""
    return page[27 + page[26] :] if len(page) >= 27 else b""


def _split(page: bytes) -> Iterator[tuple[bytes, bool]]:
    """Yield the pieces of packets on a page, and whether the packet ends there."""
    at = 27 + page[26]
    size = 0
    for lace in page[27 : 27 + page[26]]:
        size += lace
        if lace < 255:
            yield page[at : at + size], True
            at, size = at + size, 0
    if size:
        yield page[at : at + size], False


def _packets(file: BinaryIO, count: int, most: int) -> list[bytes]:
    """Return the first packets of a file, as many as are there and not too large."""
    packets: list[bytes] = []
    part = b""
    for page in pages(file):
        for piece, ends in _split(page):
            part += piece
            if ends:
                packets.append(part)
                part = b""
                if len(packets) == count:
                    return packets
        if len(part) > most:
            break
    return packets


def header_packets(
    following: Iterator[bytes], count: int, most: int = 1 << 30
) -> tuple[list[bytes], int]:
    """Return the header packets behind the first, and how many pages they are on.

    Parameters
    ----------
    following
        The pages behind the first.
    count
        How many packets there are to be.
    most
        How many bytes they may have.

    Raises
    ------
    OutputError
        If they are not there, or too large.
    """
    packets: list[bytes] = []
    parts: list[bytes] = []
    size = 0
    for used, page in enumerate(following, 1):
        for piece, ends in _split(page):
            parts.append(piece)
            size += len(piece)
            if ends:
                packets.append(b"".join(parts))
                parts = []
        if len(packets) >= count:
            return packets, used
        if size > most:
            break
    raise OutputError("its headers are missing, cut off or too large")


def laid_on_pages(packets: Sequence[bytes], serial: bytes) -> Iterator[bytes]:
    """Lay packets on pages, each of at most 255 segments."""
    laces: list[int] = []
    starts: list[bool] = []  # whether a packet begins with this segment
    for packet in packets:
        full, rest = divmod(len(packet), 255)
        laces += [255] * full + [rest]
        starts += [True] + [False] * full
    body = b"".join(packets)
    at = 0
    for i in range(0, len(laces), 255):
        table = laces[i : i + 255]
        size = sum(table)
        continued = 0 if starts[i] else 1
        # No packet that ends here has a place in time; where none ends, it is all ones.
        granule = bytes(8) if any(lace < 255 for lace in table) else b"\xff" * 8
        head = b"OggS\0" + bytes([continued]) + granule + serial + bytes(8)
        yield head + bytes([len(table)]) + bytes(table) + body[at : at + size]
        at += size


def numbered(page: bytes, number: int) -> bytes:
    """Return a page with another number, and the checksum that goes with it."""
    page = page[:18] + struct.pack("<I", number & 0xFFFFFFFF) + bytes(4) + page[26:]
    return page[:22] + struct.pack("<I", _checksum(page)) + page[26:]


def _checksum(data: bytes) -> int:
    """Return Ogg's CRC-32, which is zlib's with all bits in the other order, and from 0."""
    reflected = zlib.crc32(data.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reflected:032b}"[::-1], 2)
