"""Large files made to take a reader's time: ten thousands of what a good file has one of."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable

from tests.fuzz.inputs import picture

MANY = 30_000


def swollen() -> dict[str, Callable[[], bytes]]:
    """Return how to make each file, by its name."""
    return {
        "chunks.png": lambda: _png(_chunk(b"tEXt", b"parameters\0Steps: 1") * 100_000),
        "keywords.png": lambda: _png(_chunk(b"iTXt", b"AIGC\0\0\0\0\0" + b'{"AIGC":' * MANY)),
        "inflated.png": lambda: _png(
            _chunk(b"zTXt", b"prompt\0\0" + zlib.compress(bytes(10**7), 9)) * 50
        ),
        "segments.jpg": lambda: _jpeg(b"\xff\xe1\0\x0aExif\0\0ab" * MANY),
        "manifests.jpg": lambda: _jpeg(b"\xff\xeb\0\x14JP\0\1\0\0\0\1\0\0\0\x0cjumbabcd" * MANY),
        "packets.jpg": lambda: _jpeg(_app1(b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta") * 50_000),
        "extended.jpg": lambda: _jpeg(
            b"".join(
                _app1(
                    b"http://ns.adobe.com/xmp/extension/\0"
                    + b"A" * 32
                    + struct.pack(">II", 0xFFFFFFF0, i)
                    + b"x" * 40
                )
                for i in range(50_000)
            )
        ),
        "fill.jpg": lambda: _jpeg(b"\xff" * (5 * MANY)),
        "boxes.mp4": lambda: _mp4(struct.pack(">I4s", 8, b"free") * 500_000),
        "flat.mp4": lambda: _mp4(b"") + struct.pack(">I4s", 8, b"free") * 500_000,
        "spread.mp4": lambda: _mp4(
            (struct.pack(">I4s", 808, b"trak") + struct.pack(">I4s", 8, b"free") * 100) * 5000
        ),
        "deep.mp4": lambda: _mp4(
            b"".join(struct.pack(">I4s", 8 * (20_000 - i), b"udta") for i in range(20_000))
        ),
        "boxes.jxl": lambda: (
            b"\0\0\0\x0cJXL \r\n\x87\n" + struct.pack(">I4s", 8, b"xml ") * 100_000
        ),
        "items.heic": lambda: (
            struct.pack(">I4s4sI4s", 20, b"ftyp", b"heic", 0, b"mif1")
            + struct.pack(">I4sI", 12 + 24 * 60_000, b"meta", 0)
            + struct.pack(">I4sIHH8s", 24, b"infe", 1 << 25, 1, 0, b"mime\0\0\0\0") * 60_000
        ),
        "chunks.wav": lambda: _riff(b"WAVE", struct.pack("<4sI", b"LIST", 0) * (10 * MANY)),
        "chunks.webp": lambda: _riff(b"WEBP", struct.pack("<4sI", b"XMP ", 0) * (10 * MANY)),
        "chunks.avi": lambda: _riff(b"AVI ", struct.pack("<4sI4s", b"LIST", 4, b"INFO") * MANY),
        "frames.mp3": lambda: (
            b"ID3\3\0\0\0\x70\0\0" + (b"TXXX\0\0\0\x07\0\0\3AIGC\0{" * MANY)[: 0x70 << 14]
        ),
        "comments.gif": lambda: b"GIF89a\1\0\1\0\0\0\0" + b"\x21\xfe\1a\0" * MANY + b";",
        "tags.tif": lambda: b"II*\0\x08\0\0\0\xff\xff" + bytes(12 * 65535 + 4),
        "circle.tif": lambda: b"II*\0\x08\0\0\0\1\0" + bytes(12) + b"\x08\0\0\0" + bytes(5 * MANY),
        "packets.svg": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'>" + b"<?xpacket " * MANY,
        "comments.svg": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'>" + b"<!--" * MANY,
        "names.svg": lambda: b"<svg " + b"xmlns:a='b' " * MANY + b">",
        "metas.html": lambda: b"<html><head>" + b"<meta name=AIGC content='" * MANY,
        "scripts.html": lambda: b"<html>" + b"<script type='application/ld+json'>{" * MANY,
        "tags.html": lambda: b"<html>" + b"<" * (5 * MANY),
        "spaces.html": lambda: b"<meta" + b" " * (5 * MANY) + b"<meta" + b"\t\n" * MANY,
        "front.md": lambda: b"---\n" + b"a: b\n" * MANY,
        "lines.md": lambda: b"---\n" + b"-" * (5 * MANY) + b"\n---",
        "feff.txt": ("\ufeff\ufe02" * MANY).encode,
        "hidden.txt": ("\u200b\u200d\U000e0041" * MANY).encode,
        "marks.txt": ("a" + "\u0301" * MANY).encode,
        "blocks.txt": lambda: b"-----BEGIN C2PA MANIFEST-----" * 50_000,
        "objects.pdf": lambda: b"%PDF-1.7\n" + b"1 0 obj<</Type/Metadata>>stream\n" * MANY,
        "packets.pdf": lambda: b"%PDF-1.7\n" + b"<?xpacket begin=" * MANY + b"\n%%EOF",
        "inflated.pdf": lambda: (
            b"%PDF-1.7\n"
            + (
                b"1 0 obj<</Type/Metadata/Filter/FlateDecode>>stream\n"
                + zlib.compress(bytes(10**7), 9)
                + b"\nendstream endobj\n"
            )
            * 50
        ),
        "entries.docx": lambda: _zip(20_000),
        "tags.webm": lambda: (
            b"\x1aE\xdf\xa3\x80\x18S\x80g\x01" + b"\xff" * 7 + b"\x12T\xc3g\x80" * MANY
        ),
        "pages.ogg": lambda: (b"OggS" + bytes(22) + b"\0") * MANY,
        "blocks.flac": lambda: b"fLaC" + b"\4\0\0\0" * (3 * MANY),
    }


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _file(kind: str) -> bytes:
    buffer = io.BytesIO()
    picture((48, 60)).save(buffer, kind)
    return buffer.getvalue()


def _png(inside: bytes) -> bytes:
    data = _file("PNG")
    return data[:33] + inside + data[33:]


def _jpeg(inside: bytes) -> bytes:
    data = _file("JPEG")
    return data[:2] + inside + data[2:]


def _app1(body: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def _mp4(inside: bytes) -> bytes:
    return (
        struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 0, b"mp42")
        + struct.pack(">I4s", 8 + len(inside), b"moov")
        + inside
    )


def _riff(kind: bytes, inside: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + len(inside)) + kind + inside


def _zip(entries: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for index in range(entries):
            archive.writestr(f"docProps/custom{index}.xml", "<a/>")
    return buffer.getvalue()
