"""Good pictures of every format, and ways to damage them."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

from waarmerk.marking.tiff import Tag, append_tags

SIZE = (264, 300)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r tiff:Orientation="6"/></x:xmpmeta>'


def seeds(size: tuple[int, int] = SIZE) -> dict[str, bytes]:
    """Return good files by name; small ones, but large enough to be marked at the usual size."""
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif[0x0112] = 6
    exif[0x8769] = {0x9003: "2026:01:01 00:00:00", 0x9286: b"ASCII\0\0\0x"}
    exif[0x8825] = {1: "N", 2: (52.0, 1.0, 2.0)}
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    rich: dict[str, object] = {"exif": exif.tobytes(), "icc_profile": icc}
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", "a cat " * 20, zip=True)
    texts.add_itxt("XML:com.adobe.xmp", XMP.decode())
    rgb = picture(size)
    gray, palette, clear = rgb.convert("L"), rgb.quantize(64), rgb.convert("RGBA")
    clear.putalpha(gray)
    small = rgb.resize((40, 30))
    tags = {700: Tag(1, len(XMP), XMP), 65001: Tag(3, 2, b"\1\0\2\0")}
    return {
        "rich.jpg": _saved(rgb, "JPEG", quality=80, xmp=XMP, comment=b"hello", **rich),
        "progressive.jpg": _saved(rgb, "JPEG", quality=60, progressive=True),
        "gray.jpg": _saved(gray, "JPEG", quality=70),
        "cmyk.jpg": _saved(small.convert("CMYK"), "JPEG"),
        "rich.png": _saved(rgb, "PNG", pnginfo=texts, **rich),
        "palette.png": _saved(palette, "PNG", transparency=3),
        "clear.png": _saved(clear, "PNG"),
        "moving.png": _saved(small, "PNG", save_all=True, append_images=[small.rotate(90)]),
        "wide.png": _saved(gray.convert("I;16"), "PNG"),
        "rich.webp": _saved(rgb, "WEBP", quality=70, xmp=XMP, **rich),
        "clear.webp": _saved(clear, "WEBP", lossless=True),
        "moving.webp": _saved(small, "WEBP", save_all=True, append_images=[small.rotate(90)]),
        "rich.avif": _saved(rgb, "AVIF", quality=50, xmp=XMP, **rich),
        "clear.avif": _saved(clear.resize((64, 48)), "AVIF", quality=50),
        "rich.tif": append_tags(_saved(rgb, "TIFF", **rich), tags),
        "lzw.tif": _saved(rgb, "TIFF", compression="tiff_lzw"),
        "deflate.tif": _saved(clear, "TIFF", compression="tiff_adobe_deflate"),
        "jpeg.tif": _saved(rgb, "TIFF", compression="jpeg"),
        "fax.tif": _saved(rgb.convert("1"), "TIFF", compression="group4"),
        "pages.tif": _saved(small, "TIFF", save_all=True, append_images=[small]),
        "still.gif": _saved(palette, "GIF", comment=b"hello"),
        "moving.gif": _saved(small, "GIF", save_all=True, append_images=[small.rotate(90)]),
        "rgb.bmp": _saved(small, "BMP"),
        "palette.bmp": _saved(palette.resize((50, 41)), "BMP"),
        "rle.bmp": _rle_bmp(),
    }


def picture(size: tuple[int, int] = SIZE) -> Image.Image:
    """Return a soft, coloured picture of so many rows and columns."""
    rng = np.random.default_rng(7)
    coarse = rng.integers(30, 220, (size[0] // 12, size[1] // 12, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC)


def _saved(image: Image.Image, name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def _rle_bmp() -> bytes:
    # 8 bits, run-length encoded, 40 x 30; Pillow reads these and does not write them.
    rows = b"".join(bytes([20, y, 20, 255 - y, 0, 0]) for y in range(30)) + b"\0\1"
    palette = b"".join(bytes([i, i, i, 0]) for i in range(256))
    start = 14 + 40 + len(palette)
    header = struct.pack("<IiiHHIIiiII", 40, 40, 30, 1, 8, 1, len(rows), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + header + palette + rows


# Damage

_NUMBERS = (0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000)


def damaged(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """Return the file with one or a few things wrong, most of them near its beginning."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        if len(out) < 8:
            break
        rng.choice(_DAMAGES)(out, rng, others)
    if out.startswith(b"\x89PNG") and rng.random() < 0.7:
        mend_png(out)
    return bytes(out)


def _place(out: bytearray, rng: random.Random) -> int:
    # Headers and directories lie at the beginning, and in a TIFF often at the end.
    kind = rng.random()
    if kind < 0.55:
        return rng.randrange(min(len(out), 600))
    if kind < 0.75:
        return len(out) - 1 - rng.randrange(min(len(out), 600))
    return rng.randrange(len(out))


def _flip_bit(out: bytearray, rng: random.Random, _: list[bytes]) -> None:
    out[_place(out, rng)] ^= 1 << rng.randrange(8)


def _set_byte(out: bytearray, rng: random.Random, _: list[bytes]) -> None:
    out[_place(out, rng)] = rng.randrange(256)


def _set_number(out: bytearray, rng: random.Random, _: list[bytes]) -> None:
    at, size = _place(out, rng), rng.choice((2, 4, 4, 8))
    number = rng.choice((*_NUMBERS, len(out), len(out) - 1)) % (1 << 8 * size)
    out[at : at + size] = number.to_bytes(size, rng.choice(("big", "little")))


def _cut(out: bytearray, rng: random.Random, _: list[bytes]) -> None:
    del out[_place(out, rng) :]


def _remove(out: bytearray, rng: random.Random, _: list[bytes]) -> None:
    at = _place(out, rng)
    del out[at : at + rng.choice((1, 2, 4, 12, 100))]


def _repeat(out: bytearray, rng: random.Random, _: list[bytes]) -> None:
    at, size = _place(out, rng), rng.choice((1, 4, 12, 50, 400))
    out[at:at] = out[at : at + size] * rng.choice((1, 2, 20))


def _graft(out: bytearray, rng: random.Random, others: list[bytes]) -> None:
    other = rng.choice(others)
    at, there, size = _place(out, rng), rng.randrange(len(other)), rng.choice((4, 16, 200, 5000))
    out[at : at + size] = other[there : there + size]


def _zero(out: bytearray, rng: random.Random, _: list[bytes]) -> None:
    at, size = _place(out, rng), rng.choice((4, 40, 400))
    out[at : at + size] = bytes(len(out[at : at + size]))


_DAMAGES: tuple[Callable[[bytearray, random.Random, list[bytes]], None], ...] = (
    _flip_bit,
    _set_byte,
    _set_byte,
    _set_number,
    _set_number,
    _set_number,
    _cut,
    _remove,
    _repeat,
    _graft,
    _zero,
)


def mend_png(out: bytearray) -> None:
    """Set the checksums right, behind which a reader of PNG hides."""
    at = 8
    while at + 12 <= len(out):
        end = at + 12 + int.from_bytes(out[at : at + 4], "big")
        if end > len(out):
            return
        out[end - 4 : end] = struct.pack(">I", zlib.crc32(out[at + 4 : end - 4]))
        at = end
