"""Damage that knows how files are built: chunks, boxes and segments, and the words in them.

`damaged` of tests/fuzz/inputs.py hits bytes at random. Here chunks are doubled, dropped, exchanged,
put into each other or given lying lengths, and words that readers look for come in where they are
not expected.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.fuzz.inputs import damaged, mend_png

MOST = 400  # chunks that are looked at in one file

TOKENS = (
    *(b"IHDR", b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"caBX", b"IDAT", b"IEND", b"acTL"),
    *(b"RIFF", b"WEBP", b"WAVE", b"AVI ", b"LIST", b"INFO", b"C2PA", b"XMP ", b"EXIF", b"id3 "),
    *(b"ftyp", b"moov", b"udta", b"meta", b"keys", b"ilst", b"mdta", b"uuid", b"jumb", b"jumd"),
    *(b"brob", b"jxlc", b"iloc", b"iinf", b"infe", b"mdat", b"free", b"stsd", b"\0\0\0\1"),
    *(b"ID3\x04\0\0", b"TXXX", b"GEOB", b"COMM", b"APIC", b"fLaC", b"OggS", b"vorbis", b"OpusTags"),
    *(b"\xff\xd8", b"\xff\xe1", b"\xff\xeb", b"\xff\xda", b"\xff\xfe", b"Exif\0\0", b"II*\0"),
    *(b"MM\0*", b"JP\0\0", b"GIF89a", b"\x21\xff\x0b", b"%PDF-1.7", b"xref", b"trailer", b"/AF"),
    *(b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"),
    *(b"<?xpacket begin=", b"<x:xmpmeta", b"<rdf:RDF", b"<!DOCTYPE a [<!ENTITY b '", b"&b;", b"]>"),
    *(b"Iptc4xmpExt:DigitalSourceType", b"trainedAlgorithmicMedia", b"xmpNote:HasExtendedXMP"),
    *(b"TC260:AIGC", b'{"AIGC":{"Label":"1"', b"[" * 3000, b'{"a":' * 2000, b"\\u0000", b"1e999"),
    *(b"parameters", b"prompt", b"workflow", b"invokeai_metadata", b"Software", b"NovelAI"),
    *(b"c2pa.assertions", b"c2pa.signature", b"c2pa.hash.data", b"cbor", b"\xbf\x9f\x7f", b"\xd8d"),
    *(b"-----BEGIN CERTIFICATE-----", b"-----BEGIN C2PA MANIFEST-----", b"eyJ", b"..", b"==="),
    *("\ufeff\ufe02\U000e0153\ufe01".encode(), "\U000e0100".encode() * 500, b"\xed\xa0\x80", b"\0"),
    *(b"<script>", b"<meta name=", b"---\n", b"%1$s%n", b"../../", b"\n" * 500, b" " * 5000),
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk of a file, and where and how its length is written."""

    start: int
    end: int
    length_at: int
    length: str  # as struct writes it


def chunks(data: bytes | bytearray) -> list[Chunk]:
    """Return the chunks of a file, as far as they can be followed; those in a box too."""
    if data.startswith(b"\x89PNG"):
        found = _run(data, 8, len(data), ">I", 0, 12)
    elif data[:4] == b"RIFF":
        found = _run(data, 12, len(data), "<I", 4, 8)
    elif data.startswith(b"\xff\xd8"):
        found = _segments(data)
    elif data[4:8] in (b"ftyp", b"JXL ", b"jumb", b"styp", b"moov"):
        found = _boxes(data, 0, len(data), 0)
    elif data.startswith(b"fLaC"):
        found = _run(data, 4, len(data), ">I", 0, 4, 0xFFFFFF)
    elif data.startswith(b"ID3"):
        found = _run(data, 10, len(data), ">I", 4, 10)
    else:
        return []
    return [chunk for chunk, _ in zip(found, range(MOST), strict=False)]


def _run(  # noqa: PLR0917
    data: bytes | bytearray,
    at: int,
    end: int,
    length: str,
    where: int,
    more: int,
    mask: int = 0xFFFFFFFF,
) -> Iterator[Chunk]:
    while at + more <= end:
        (size,) = struct.unpack_from(length, data, at + where)
        stop = at + more + (size & mask)
        stop += (stop - at) % 2 if length == "<I" else 0
        if stop > end:
            return
        yield Chunk(at, stop, at + where, length)
        at = stop


def _segments(data: bytes | bytearray) -> Iterator[Chunk]:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        stop = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if stop > len(data):
            return
        yield Chunk(at, stop, at + 2, ">H")
        at = stop


_NESTS = (b"moov", b"udta", b"meta", b"ilst", b"trak", b"jumb", b"iprp", b"ipco", b"uuid")


def _boxes(data: bytes | bytearray, at: int, end: int, depth: int) -> Iterator[Chunk]:
    while at + 8 <= end:
        (size,) = struct.unpack_from(">I", data, at)
        if size < 8 or at + size > end:
            return
        yield Chunk(at, at + size, at, ">I")
        kind = bytes(data[at + 4 : at + 8])
        if kind in _NESTS and depth < 6:
            inside = {b"meta": 12, b"uuid": 45 if size > 60 else 24}.get(kind, 8)
            yield from _boxes(data, at + inside, at + size, depth + 1)
        at += size


def mutated(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """Return the file with one or a few things wrong."""
    kind = rng.random()
    if kind < 0.5:
        return damaged(data, rng, others)
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        if len(out) < 16:
            break
        found = chunks(out) if rng.random() < 0.7 else []
        if found:
            rng.choice(_ON_CHUNKS)(out, rng.choice(found), found, rng)
        else:
            _word(out, rng)
    if rng.random() < 0.8:
        mend_png(out)
    return bytes(out) if kind < 0.85 else damaged(bytes(out), rng, others)


def _word(out: bytearray, rng: random.Random) -> None:
    token, at = rng.choice(TOKENS), rng.randrange(len(out))
    if rng.random() < 0.3:  # behind or over a word that is there
        there = out.find(rng.choice(TOKENS)[:6])
        at = there if there >= 0 else at
    out[at : at + (len(token) if rng.random() < 0.5 else 0)] = token


def _lie(out: bytearray, chunk: Chunk, _: list[Chunk], rng: random.Random) -> None:
    size = struct.calcsize(chunk.length)
    (true,) = struct.unpack_from(chunk.length, out, chunk.length_at)
    most = (1 << 8 * size) - 1
    lie = rng.choice((0, 1, true - 1, true + 1, true * 2, len(out), most, most >> 1, most - 7))
    struct.pack_into(chunk.length, out, chunk.length_at, max(0, lie) & most)


def _double(out: bytearray, chunk: Chunk, _: list[Chunk], rng: random.Random) -> None:
    part = bytes(out[chunk.start : chunk.end])
    times = rng.choice((1, 1, 3, 40)) if len(part) < 5000 else 1
    out[chunk.end : chunk.end] = part * times


def _drop(out: bytearray, chunk: Chunk, _: list[Chunk], __: random.Random) -> None:
    del out[chunk.start : chunk.end]


def _exchange(out: bytearray, chunk: Chunk, found: list[Chunk], rng: random.Random) -> None:
    other = rng.choice(found)
    first, second = sorted((chunk, other), key=lambda c: c.start)
    if first.end <= second.start:
        one, two = out[first.start : first.end], out[second.start : second.end]
        out[second.start : second.end] = one
        out[first.start : first.end] = two


def _nest(out: bytearray, chunk: Chunk, _: list[Chunk], rng: random.Random) -> None:
    """Put a chunk into itself, many times; only boxes truly nest."""
    part = bytes(out[chunk.start : chunk.end])[:2000]
    if len(part) < 8:
        return
    for _time in range(rng.choice((1, 5, 60))):
        part = struct.pack(">I", (len(part) + 8) & 0xFFFFFFFF) + part[4:8] + part
        if len(part) > 20_000:
            break
    out[chunk.start : chunk.end] = part


def _rename(out: bytearray, chunk: Chunk, _: list[Chunk], rng: random.Random) -> None:
    token = rng.choice(TOKENS)[:4]
    out[chunk.start + 4 : chunk.start + 4 + len(token)] = token


def _fill(out: bytearray, chunk: Chunk, _: list[Chunk], rng: random.Random) -> None:
    """Set a word into a chunk, its length kept right by overwriting."""
    token = rng.choice(TOKENS)
    room = chunk.end - chunk.start - 8
    if room > 0:
        at = chunk.start + 8 + rng.randrange(room)
        token = token[: chunk.end - at]
        out[at : at + len(token)] = token


_ON_CHUNKS: tuple[Callable[[bytearray, Chunk, list[Chunk], random.Random], None], ...] = (
    _lie,
    _lie,
    _double,
    _drop,
    _exchange,
    _nest,
    _rename,
    _fill,
    _fill,
)
