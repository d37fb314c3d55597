"""Pillow's decoders, called so that hostile bytes can do no harm.

Everything that can be decided from the header is decided here, before a pixel is decoded: size,
decompression bombs, animation, bit depth, colour space. The plugins are called directly, not
through ``Image.open``: its size limit is a setting of the whole process and warns on stderr, ours
is an error that names the file.
"""

from __future__ import annotations

import ctypes
import importlib
import logging
import threading
import warnings
from contextlib import contextmanager, suppress
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

from waarmerk.errors import InputError, UnsupportedInputError, WaarmerkError
from waarmerk.marking.formats import Format, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image

__all__ = [
    "MAX_PIXELS",
    "PLUGINS",
    "bits_per_channel",
    "decoding",
    "has_more_frames",
    "has_several_scans",
    "open_header",
    "refuse_what_would_be_lost",
]

# Pillow logs some of what it dislikes, and a logger that nobody handles prints to stderr. Programs
# that set up logging get the records as before.
logging.getLogger("PIL").addHandler(logging.NullHandler())

MAX_PIXELS = 200_000_000
"""The largest picture that is decoded: the largest sensors of cameras and telephones fit."""

SUSPICIOUS_PIXELS = 25_000_000
MAX_PIXELS_PER_BYTE = 1000
"""A picture above SUSPICIOUS_PIXELS that packs more than this into one byte of file is a bomb.
Plain paper scanned at 1 bit reaches some hundreds."""

MAX_SCANS = 500
"""Each scan of a progressive JPEG costs a pass over all coefficients; encoders write about ten."""

MAX_CHUNKS = 10_000
"""Chunks of a PNG besides those of its picture, of which a good file has some tens."""

_PIXEL_CHUNKS = (b"IDAT", b"fdAT", b"fcTL")

PLUGINS = {
    "JPEG": ("PIL.JpegImagePlugin", "JpegImageFile"),
    "PNG": ("PIL.PngImagePlugin", "PngImageFile"),
    "WEBP": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "AVIF": ("PIL.AvifImagePlugin", "AvifImageFile"),
    "TIFF": ("PIL.TiffImagePlugin", "TiffImageFile"),
    "GIF": ("PIL.GifImagePlugin", "GifImageFile"),
    "BMP": ("PIL.BmpImagePlugin", "BmpImageFile"),
}

# Modes that 8-bit gray or colour with or without transparency comes in. The rest is refused.
_REFUSED_MODES = {
    "CMYK": "is in CMYK, and converting it to RGB would change its colours; convert it first",
    "YCbCr": "stores YCbCr pixels, and converting them to RGB would lose some; convert it first",
    "LAB": "is in CIELAB, and converting it to RGB would lose colours; convert it first",
    "F": "has floating-point pixels, which 8 bits cannot hold; convert it first",
}


@contextmanager
def decoding(name: str, actual: Format) -> Iterator[None]:
    """Turn whatever a decoder makes of hostile bytes into one InputError; silence its warnings."""
    try:
        with _quiet():
            yield
    except WaarmerkError:
        raise
    except MemoryError as error:
        raise InputError(f"{shown(name)}: does not fit into memory") from error
    except Exception as error:  # decoders raise every kind of exception on damaged input
        cause = " ".join(shown(str(error)).split())[:120] or type(error).__name__
        what = "is cut off" if "truncated" in cause.lower() else f"is a damaged {actual.name}"
        raise InputError(f"{shown(name)}: {what} ({cause})") from error


_quiet_lock = threading.Lock()
_quiet_depth = 0
_quiet_filters: warnings.catch_warnings[None] | None = None


@contextmanager
def _quiet() -> Iterator[None]:
    # warnings.catch_warnings() restores what it saw when it was entered. In two threads that
    # overlap, the last one out would bring back the silence of the first: so only the first one
    # in and the last one out touch the filters.
    global _quiet_depth, _quiet_filters  # noqa: PLW0603
    with _quiet_lock:
        _quiet_depth += 1
        if _quiet_depth == 1:
            _quiet_filters = warnings.catch_warnings()
            _quiet_filters.__enter__()
            warnings.simplefilter("ignore")
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_depth -= 1
            if _quiet_depth == 0 and _quiet_filters is not None:
                _quiet_filters.__exit__(None, None, None)
                _quiet_filters = None


def open_header(data: bytes, actual: Format, name: str) -> Image.Image:
    """Open a picture without decoding its pixels; refuse it if they would be too many.

    To be called inside :func:`decoding`.
    """
    module, plugin = PLUGINS[actual.name]
    if actual.name == "PNG" and _has_too_many_chunks(data):
        raise InputError(
            f"{shown(name)}: holds more than {MAX_CHUNKS:,} chunks that are no picture; save it "
            "anew without them"
        )
    if actual.name == "TIFF":
        _silence_libtiff()
    image = cast("Image.Image", getattr(importlib.import_module(module), plugin)(BytesIO(data)))
    width, height = image.size
    pixels = width * height
    if pixels > MAX_PIXELS:
        raise InputError(
            f"{shown(name)}: is {width} x {height} pixels; "
            f"the limit is {MAX_PIXELS // 1_000_000} megapixels"
        )
    if pixels > SUSPICIOUS_PIXELS and pixels > MAX_PIXELS_PER_BYTE * len(data):
        raise InputError(
            f"{shown(name)}: is a decompression bomb: {width} x {height} pixels "
            f"in {len(data)} bytes"
        )
    if (
        actual.name == "JPEG"
        and has_several_scans(image, data)
        and data.count(b"\xff\xda") > MAX_SCANS
    ):
        raise InputError(f"{shown(name)}: is a decompression bomb: more than {MAX_SCANS} scans")
    return image


def _has_too_many_chunks(data: bytes) -> bool:
    """Return whether a PNG has more chunks beside its picture than Pillow should go through."""
    at, count = 8, 0
    while at + 12 <= len(data):
        if data[at + 4 : at + 8] not in _PIXEL_CHUNKS:
            count += 1
            if count > MAX_CHUNKS:
                return True
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return False


def has_several_scans(image: Image.Image, data: bytes) -> bool:
    """Return whether a JPEG that was opened and not decoded keeps its picture in several scans."""
    # As libjpeg decides it: progressive, or a first scan without all the components. Pillow has
    # just read the header of that scan (T.81, B.2.3): their number, two bytes for each, three more.
    if image.info.get("progressive"):
        return True
    jpeg = cast("Any", image)
    at = jpeg.fp.tell() - 4 - 2 * len(jpeg.layer)
    return not 0 < at < len(data) or data[at] != len(jpeg.layer)


@cache
def _silence_libtiff() -> None:
    # libtiff by itself writes to stderr what it dislikes about a file, hundreds of lines for a bad
    # fax, and Pillow raises an error all the same. Where Pillow's libtiff does not show the symbol
    # (Windows), the words stay.
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(importlib.import_module("PIL._imaging").__file__)
        set_handler = library.TIFFSetErrorHandler
        set_handler.argtypes, set_handler.restype = [ctypes.c_void_p], ctypes.c_void_p
        set_handler(None)


def has_more_frames(image: Image.Image) -> bool:
    """Return whether this is one of several frames or pages."""
    # Not n_frames: to count them is to walk through the whole file.
    return bool(getattr(image, "is_animated", False))


def refuse_what_would_be_lost(image: Image.Image, data: bytes, actual: Format, name: str) -> None:
    """Raise UnsupportedInputError for what a marked copy in 8 bits a channel could not keep."""
    if has_more_frames(image):
        what = "has several pages" if actual.name == "TIFF" else "is animated"
        raise UnsupportedInputError(
            f"{shown(name)}: {what}, and only single pictures can be marked"
        )
    bits = bits_per_channel(image, data, actual)
    if bits > 8:
        raise UnsupportedInputError(
            f"{shown(name)}: has {bits} bits a channel, and a marked copy would have only 8; "
            "convert it to 8 bits first"
        )
    if actual.name == "AVIF" and _avif_is_hdr(data):
        raise UnsupportedInputError(
            f"{shown(name)}: has HDR or wide-gamut colours without a profile, which a marked copy "
            "could not keep; convert it to sRGB first"
        )
    if image.mode in _REFUSED_MODES:
        raise UnsupportedInputError(f"{shown(name)}: {_REFUSED_MODES[image.mode]}")
    if image.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA"):
        raise UnsupportedInputError(
            f"{shown(name)}: stores its pixels in a way that is not supported ({image.mode})"
        )


def bits_per_channel(image: Image.Image, data: bytes, actual: Format) -> int:
    """Return how many bits the file itself has for each channel.

    Pillow opens 16-bit RGB as 8-bit RGB without a word, so the headers are asked.
    """
    if actual.name == "PNG":
        return data[24]
    if actual.name == "TIFF":
        tags = cast("Any", image).tag_v2
        bits = tags.get(258, (1,))
        return max(int(b) for b in (bits if isinstance(bits, tuple) else (bits,)))
    if actual.name == "AVIF":
        return _avif_bits(data)
    return 16 if image.mode.startswith("I") else 8


def _avif_bits(data: bytes) -> int:
    # AV1-ISOBMFF 2.3.3: in the third byte of av1C, bits 6 and 5 are high_bitdepth and twelve_bit.
    # All descriptions lie in the 'meta' box (or 'moov'), in front of the pixels or behind them.
    bits = 8
    at = data.find(b"av1C")
    while at >= 0:
        if data[at + 4 : at + 5] == b"\x81" and len(data) > at + 6:  # marker and version 1
            flags = data[at + 6]
            if flags & 0x40:
                bits = max(bits, 12 if flags & 0x20 else 10)
        at = data.find(b"av1C", at + 4)
    return bits


def _avif_is_hdr(data: bytes) -> bool:
    # ISO/IEC 23091-2: primaries 9 BT.2020, 11 and 12 P3; transfer 16 PQ, 18 HLG.
    at = data.find(b"colrnclx")
    if at < 0 or b"colrprof" in data:
        return False
    primaries, transfer = data[at + 8 : at + 10], data[at + 10 : at + 12]
    return primaries in (b"\0\x09", b"\0\x0b", b"\0\x0c") or transfer in (b"\0\x10", b"\0\x12")
