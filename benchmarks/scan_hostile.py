"""Files that should harm whoever scans them, and what may be said of them.

Most are what strangers send: cut off, empty, noise, bombs, named as something else, with names of
any bytes. Pictures with a certain comment make a broken Pillow crash, hang or eat memory (see
`benchmarks/scan_faults`); a good one reads them like any other.
"""

from __future__ import annotations

import io
import itertools
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from benchmarks.scan_faults.sitecustomize import WORD
from waarmerk.bench.rows import Row
from waarmerk.bench.seeds import rng_for

# What a picture is made to do, in which format, and which status its row may have.
_CRASH, _LATE, _MEMORY = ["crash"], ["timeout"], ["memory"]
FAULTS: tuple[tuple[str, str, list[str]], ...] = (
    ("segfault", "JPEG", _CRASH),
    ("hang in C", "JPEG", _LATE),
    ("memory of C", "PNG", _MEMORY),
    ("abort", "PNG", _CRASH),
    ("exit", "JPEG", _CRASH),
    ("hang busy", "PNG", _LATE),
    ("memory of Python", "JPEG", _MEMORY),
    ("segfault", "PNG", _CRASH),
    ("segfault", "GIF", _CRASH),
    ("hang asleep", "GIF", _LATE),
    ("memory of C", "JPEG", _MEMORY),
    ("segfault", "JPEG", _CRASH),
    ("segfault", "JPEG", _CRASH),
    ("hang in C", "PNG", _LATE),
    ("memory of Python", "PNG", _MEMORY),
    ("segfault", "PNG", _CRASH),
    ("abort", "JPEG", _CRASH),
    ("exit", "GIF", _CRASH),
)
GOOD = ["ok"]
CAUGHT = ["ok", "unsupported", "error"]
"""What a file that is merely bad may come to: no row of these says that a process ended."""
LARGE = [*CAUGHT, "memory"]

Find = Callable[[str], bytes]
"""Returns some file of a kind of the set."""


def hostile_files(
    folder: Path, files: list[Row], count: int, seed: int
) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    """Yield name, content and description of hostile files; a fifth of them break the decoder."""
    rng = rng_for("hostile", seed)
    by_kind: dict[str, list[str]] = {}
    for row in files:
        by_kind.setdefault(row["kind"], []).append(row["name"])

    def find(kind: str) -> bytes:
        names = by_kind.get(kind) or [row["name"] for row in files]
        return (folder / names[int(rng.integers(len(names)))]).read_bytes()

    broken = max(1, min(len(FAULTS), count // 5))
    for index, (fault, form, expected) in enumerate(FAULTS[:broken]):
        data, suffix = asking_for(fault, form, rng)
        name = f"h{index:03}-{fault.replace(' ', '-')}{suffix}"
        yield name, data, {"what": fault, "expected": expected}
    makers = [(what, maker) for what, members in BAD.items() for maker in members]
    makers = [makers[index] for index in rng.permutation(len(makers))]
    for index, (what, (suffix, make)) in zip(
        range(broken, count), itertools.cycle(makers), strict=False
    ):
        expected = GOOD if what == "name" else LARGE if what == "bomb" else CAUGHT
        name = f"h{index:03}-{'' if what == 'name' else what.replace(' ', '-')}{suffix}"
        yield name, make(find, rng), {"what": what, "expected": expected}


def asking_for(fault: str, form: str, rng: np.random.Generator) -> tuple[bytes, str]:
    """Return a good picture whose comment asks for a fault, and its extension."""
    pixels = np.kron(rng.integers(0, 256, (40, 60, 3)), np.ones((10, 10, 1))).astype(np.uint8)
    image, out = Image.fromarray(pixels), io.BytesIO()
    if form == "PNG":
        words = PngImagePlugin.PngInfo()
        words.add_text("comment", WORD + fault)
        image.save(out, form, pnginfo=words)
    else:
        image.save(out, form, comment=(WORD + fault).encode())
    return out.getvalue(), {"PNG": ".png", "JPEG": ".jpg", "GIF": ".gif"}[form]


Maker = tuple[str, Callable[[Find, np.random.Generator], bytes]]


def _cut(kind: str, suffix: str, share: float) -> Maker:
    def make(find: Find, _: np.random.Generator) -> bytes:
        data = find(kind)
        return data[: int(share * len(data))]

    return suffix, make


def _noise(suffix: str, magic: bytes) -> Maker:
    return suffix, lambda _, rng: magic + rng.bytes(int(rng.integers(10, 300_000)))


def _as(kind: str, suffix: str) -> Maker:
    return suffix, lambda find, _: find(kind)


def _fixed(suffix: str, make: Callable[[], bytes]) -> Maker:
    return suffix, lambda *_: make()


def chunk(name: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, depth: int, colour: int, *, padding: int = 0) -> bytes:
    """Return a PNG that is all black: many pixels in few bytes, and some that are noise."""
    channels = {0: 1, 2: 3}[colour]
    line = bytes(1 + (width * depth * channels + 7) // 8)
    packer = zlib.compressobj(1)
    packed = b"".join([*(packer.compress(line) for _ in range(height)), packer.flush()])
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    extra = chunk(b"prVt", os.urandom(padding)) if padding else b""
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", packed)
        + chunk(b"IEND", b"")
    )


def _png_header() -> bytes:
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 6, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(bytes(200_004)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def _png_text_bomb() -> bytes:
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(256)) + packer.flush()
    good = png(64, 64, 8, 2)
    return good[:33] + chunk(b"zTXt", b"Comment\0\0" + packed) + good[33:]


def _png_chunks() -> bytes:
    good = png(64, 64, 8, 2)
    return good[:33] + chunk(b"tEXt", b"a\0b") * 200_000 + good[33:]


def _gif() -> bytes:
    screen = b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0x80, 0, 0) + bytes(6)
    image = b"," + struct.pack("<HHHHB", 0, 0, 65_535, 65_535, 0) + b"\x02\x02\x44\x01\x00"
    return screen + image + b";"


def _webp() -> bytes:
    body = b"VP8X" + struct.pack("<I", 10) + bytes(4) + b"\xff\xff\xff" * 2 + b"VP8 " + bytes(16)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _tiff() -> bytes:
    def entry(tag: int, kind: int, value: int) -> bytes:
        return struct.pack("<HHII", tag, kind, 1, value)

    fields = [(256, 4, 60_000), (257, 4, 60_000), (258, 3, 8), (259, 3, 8), (262, 3, 1)]
    fields += [(273, 4, 200), (277, 3, 1), (278, 4, 60_000), (279, 4, 4000)]
    directory = struct.pack("<H", len(fields)) + b"".join(itertools.starmap(entry, fields))
    head = b"II*\0" + struct.pack("<I", 8) + directory + bytes(4)
    return head.ljust(200, b"\0") + zlib.compress(bytes(4_000_000), 9)[:4000]


def _bmp() -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, 60_000, 60_000, 1, 24, 0, 0, 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 1000, 0, 0, 54) + info + bytes(1000)


def _jpeg_size(find: Find, _: np.random.Generator) -> bytes:
    data = bytearray(find("small"))
    for marker in (b"\xff\xc0", b"\xff\xc2"):
        if (at := data.find(marker)) > 0:
            data[at + 5 : at + 9] = b"\xff\xdc\xff\xdc"
    return bytes(data)


def _jpeg_scans(find: Find, _: np.random.Generator) -> bytes:
    image, out = Image.open(io.BytesIO(find("small"))), io.BytesIO()
    image.load()
    image.save(out, "JPEG", progressive=True)
    data = out.getvalue()
    at = data.rfind(b"\xff\xda")
    return data[:at] + data[at:-2] * 1000 + b"\xff\xd9"


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("a.bmp", bytes(100 << 20))
    return out.getvalue()


def _wave(layout: tuple[int, int, int], claimed: int, data: bytes, tag: int = 1) -> bytes:
    channels, rate, bits = layout
    block = channels * bits // 8
    head = struct.pack(
        "<HHIIHH", tag, channels, rate, rate * block & 0xFFFFFFFF, block & 0xFFFF, bits
    )
    body = b"WAVEfmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", claimed) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _flac(find: Find, _: np.random.Generator) -> bytes:
    data = bytearray(find("flac"))
    data[21] |= 0x0F  # of STREAMINFO: 36 bits that count the samples
    data[22:26] = b"\xff\xff\xff\xff"
    return bytes(data)


def _id3(find: Find, _: np.random.Generator) -> bytes:
    return b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + find("mp3")


def _entities() -> bytes:
    lines = ['<!DOCTYPE svg [<!ENTITY a0 "aaaaaaaaaa">']
    lines += [f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12)]
    return ("\n".join(lines) + ']><svg xmlns="http://www.w3.org/2000/svg">&a11;</svg>').encode()


def _boxes() -> bytes:
    data = b""
    for _ in range(20_000):
        data = struct.pack(">I4s", len(data) + 8, b"moov") + data
        if len(data) > 400_000:
            break
    return struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 0, b"isom") + data


def _app11(find: Find, rng: np.random.Generator) -> bytes:
    data = find("small")
    box = b"JP\0\1\0\0\0\1" + struct.pack(">I", 0xFFFFFFF0) + b"jumb" + rng.bytes(60_000)
    return data[:2] + (b"\xff\xeb" + struct.pack(">H", len(box) + 2) + box) * 40 + data[2:]


def _exif_loop(find: Find, _: np.random.Generator) -> bytes:
    data = find("small")
    directory = struct.pack("<H", 2) + struct.pack("<HHII", 0x8769, 4, 1, 8)
    directory += struct.pack("<HHII", 0x014A, 4, 0xFFFFFFFF, 8) + struct.pack("<I", 8)
    exif = b"Exif\0\0II*\0" + struct.pack("<I", 8) + directory
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]


BAD: dict[str, tuple[Maker, ...]] = {
    "cut off": (
        _cut("phone", ".jpg", 0.6),
        _cut("small", ".jpg", 0.02),
        _cut("generated", ".png", 0.5),
        _cut("webp", ".webp", 0.5),
        _cut("gif", ".gif", 0.5),
        _cut("avif", ".avif", 0.5),
        _cut("tiff", ".tif", 0.5),
        _cut("wav", ".wav", 0.5),
        _cut("mp3", ".mp3", 0.51),
        _cut("flac", ".flac", 0.5),
        _cut("voice", ".opus", 0.5),
        _cut("vorbis", ".ogg", 0.01),
    ),
    "empty": tuple(
        _fixed(suffix, bytes) for suffix in (".jpg", ".png", ".wav", ".mp3", ".txt", "")
    ),
    "noise": (
        _noise(".jpg", b"\xff\xd8\xff\xe0"),
        _noise(".png", b"\x89PNG\r\n\x1a\n"),
        _noise(".webp", b"RIFF\x00\x10\x00\x00WEBPVP8 "),
        _noise(".gif", b"GIF89a"),
        _noise(".avif", b"\0\0\0\x18ftypavif\0\0\0\0avifmif1"),
        _noise(".tif", b"II*\0\x08\0\0\0"),
        _noise(".bmp", b"BM\x00\x10\x00\x00\x00\x00\x00\x00"),
        _noise(".wav", b"RIFF\x00\x10\x00\x00WAVEfmt "),
        _noise(".flac", b"fLaC"),
        _noise(".ogg", b"OggS"),
        _noise(".mp3", b"\xff\xfb\x90\x64"),
        _noise(".pdf", b"%PDF-1.7\n"),
        _noise(".mp4", b"\0\0\0\x18ftypisom"),
        _noise(".bin", b""),
    ),
    "wrong extension": (
        _as("generated", ".jpg"),
        _as("small", ".png"),
        _as("wav", ".mp3"),
        _as("mp3", ".wav"),
        _as("social", ".wav"),
        _as("flac", ".gif"),
        _fixed(".png", _zip),
        _fixed(".jpg", lambda: b"a text that says it is a picture\n" * 50),
        _fixed(".gif", lambda: b"MZ" + bytes(5000)),
    ),
    "bomb": (
        _fixed(".png", _png_header),
        _fixed(".png", lambda: png(50_000, 50_000, 1, 0)),
        _fixed(".png", lambda: png(14_000, 14_000, 8, 2, padding=400_000)),
        _fixed(".png", _png_text_bomb),
        _fixed(".png", _png_chunks),
        _fixed(".gif", _gif),
        _fixed(".webp", _webp),
        _fixed(".tif", _tiff),
        _fixed(".bmp", _bmp),
        (".jpg", _jpeg_size),
        (".jpg", _jpeg_scans),
        _fixed(".svg", _entities),
    ),
    "lies": (
        (".flac", _flac),
        (".mp3", _id3),
        (".jpg", _app11),
        (".jpg", _exif_loop),
        _fixed(".mp4", _boxes),
        _fixed(".wav", lambda: _wave((2, 44_100, 16), 0xFFFFFFF0, bytes(40_000))),
        _fixed(".wav", lambda: _wave((65_535, 44_100, 16), 40_000, bytes(40_000))),
        _fixed(".wav", lambda: _wave((1, 0, 16), 40_000, bytes(40_000))),
        _fixed(".wav", lambda: _wave((1, 16_000, 32), 400_000, b"\0\0\xc0\x7f" * 100_000, 3)),
    ),
    "name": (
        _as("small", os.fsdecode(b"-\xff\xe9.jpg")),
        _as("small", "-a\nb.jpg"),
        _as("small", "-%41 'q\"?*[x]!\u202e\u00e9.jpg"),
        _as("small", "-e\u0301-\U0001f600.jpg"),
        _as("small", "-" + "n" * 200 + ".jpg"),
    ),
}
