"""Which picture formats there are, and which one a file really is.

A file is judged by its first bytes. Its name is only a claim: where name and content disagree,
marking refuses (somebody made a mistake that copying would spread), and detection reads what is
there and says so (or renaming a file would hide its mark).
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from waarmerk.errors import InputError, OutputError, UnsupportedInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "FORMATS",
    "MAX_BYTES",
    "Format",
    "claimed_format",
    "format_for_output",
    "mislabelled",
    "read_source",
    "shown",
    "sniff",
]

MAX_BYTES = 1 << 30
"""Larger files are refused unread: no supported picture of MAX_PIXELS needs more than 0.8 GB."""


@dataclass(frozen=True, slots=True)
class Format:
    """One supported picture format.

    Parameters
    ----------
    name
        Pillow's name of it, which is also how messages call it.
    media_type
        As registered with IANA.
    extensions
        The first one is the usual one.
    alpha
        Whether it can hold transparency.
    not_written
        Why no marked picture is written in it; None when one can be.
    """

    name: str
    media_type: str
    extensions: tuple[str, ...]
    alpha: bool = True
    not_written: str | None = None


FORMATS: dict[str, Format] = {
    f.name: f
    for f in (
        Format("JPEG", "image/jpeg", (".jpg", ".jpeg", ".jpe", ".jfif"), alpha=False),
        Format("PNG", "image/png", (".png",)),
        Format("WEBP", "image/webp", (".webp",)),
        Format("AVIF", "image/avif", (".avif",)),
        Format("TIFF", "image/tiff", (".tif", ".tiff")),
        Format(
            "GIF",
            "image/gif",
            (".gif",),
            not_written="a GIF has 256 colours, too few to hold a watermark",
        ),
        Format(
            "BMP",
            "image/bmp",
            (".bmp", ".dib"),
            not_written="a BMP has no place for a signed manifest",
        ),
    )
}

_BY_EXTENSION = {extension: f for f in FORMATS.values() for extension in f.extensions}

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (8, b"WEBP", "WEBP"),  # after RIFF and a size
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "TIFF"),
    (0, b"MM\0+", "TIFF"),
    (0, b"GIF87a", "GIF"),
    (0, b"GIF89a", "GIF"),
    (6, bytes(4), "BMP"),  # after BM and a size: two reserved words
)

_START = {"WEBP": b"RIFF", "BMP": b"BM"}

# What else turns up under a picture's name: only so that the message can call it what it is.
_OTHERS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive or an office document"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (4, b"JXL \r\n\x87\n", "a JPEG XL picture"),
    (4, b"jP  \r\n\x87\n", "a JPEG 2000 picture"),
    (0, b"\x76\x2f\x31\x01", "an OpenEXR picture"),
    (0, b"\x00\x00\x01\x00", "an icon"),
    (0, b"\x00\x00\x02\x00", "a cursor"),
    (0, b"<svg", "an SVG drawing"),
    (0, b"<?xml", "an XML document or an SVG drawing"),
    (0, b"<!DOCTYPE", "an HTML page"),
    (0, b"<!doctype", "an HTML page"),
    (0, b"<html", "an HTML page"),
    (0, b"{", "JSON or other text"),
    (0, b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (0, b"OggS", "an Ogg file"),
    (0, b"fLaC", "a FLAC file"),
    (0, b"ID3", "an MP3 file"),
    (8, b"WAVE", "a WAV file"),
    (8, b"AVI ", "an AVI video"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a program"),
    (0, b"#!", "a script"),
)
_AVIF_BRANDS = (b"avif", b"avis")
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def shown(name: str) -> str:
    """Return a file name that is safe in a one-line message: whatever cannot be printed is `?`."""
    return "".join(c if c.isprintable() else "?" for c in name)


def sniff(data: bytes, name: str) -> Format:
    """Return the format the content has.

    Parameters
    ----------
    data
        The file, or at least its first kilobyte.
    name
        What to call the file in a message.

    Raises
    ------
    InputError
        If it is empty or not a picture.
    UnsupportedInputError
        If it is a picture, or another file that can be recognised, of a kind that is not supported.
    """
    if not data:
        raise InputError(f"{shown(name)}: is empty (0 bytes)")
    for offset, magic, found in _MAGIC:
        if data.startswith(magic, offset) and data.startswith(_START.get(found, b"")):
            return FORMATS[found]
    if data[4:8] == b"ftyp":
        return _sniff_iso_media(data, name)
    for offset, magic, description in _OTHERS:
        if data.startswith(magic, offset):
            raise _unsupported(name, description)
    raise InputError(
        f"{shown(name)}: is not a picture: its content is none of {_names(FORMATS.values())}"
    )


def _sniff_iso_media(data: bytes, name: str) -> Format:
    # ISO/IEC 14496-12: the major brand, a version, then the compatible brands to the box's end.
    end = min(int.from_bytes(data[:4], "big"), 1024)
    brands = [data[8:12], *(data[i : i + 4] for i in range(16, end, 4))]
    if any(brand in _AVIF_BRANDS for brand in brands):
        return FORMATS["AVIF"]
    if any(brand in _HEIF_BRANDS for brand in brands):
        raise _unsupported(name, "a HEIF picture")
    raise _unsupported(name, "a video or another file of the MP4 family")


def claimed_format(name: str) -> Format | None:
    """Return the picture format that a name claims by its extension; None if it claims none."""
    return _BY_EXTENSION.get(Path(name).suffix.lower())


def mislabelled(name: str, actual: Format) -> str | None:
    """Return in words how a name contradicts its content; None if it does not.

    Only an extension of another picture format contradicts: `upload.bin` and `photo.jpg.1` claim
    nothing that matters here.
    """
    claimed = claimed_format(name)
    if claimed is None or claimed is actual:
        return None
    return f"is named {Path(name).suffix} but its content is {actual.name}"


def format_for_output(name: str) -> Format:
    """Return the format to write, which the extension of the output decides.

    Raises
    ------
    OutputError
        If the extension is missing, unknown, or of a format that marks are not written to.
    """
    writable = [f for f in FORMATS.values() if f.not_written is None]
    target = claimed_format(name)
    if target is None:
        raise OutputError(
            f"{shown(name)}: the extension decides the format of the output; "
            f"use one of {', '.join(f.extensions[0] for f in writable)}"
        )
    if target.not_written is not None:
        raise OutputError(f"{shown(name)}: {target.not_written}; use .png")
    return target


def read_source(path: str | os.PathLike[str]) -> bytes:
    """Return the content of an input file.

    Raises
    ------
    InputError
        If it is missing, cannot be read, is no regular file (reading a pipe could block for ever),
        is empty, or is larger than MAX_BYTES.
    """
    name = shown(os.fspath(path))
    # Opening a named pipe that nobody writes to would wait for ever without O_NONBLOCK.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise InputError(f"{name}: is not a regular file")
            if status.st_size > MAX_BYTES:
                raise InputError(
                    f"{name}: is {status.st_size / 1e9:.1f} GB; "
                    f"the limit is {MAX_BYTES / 1e9:.1f} GB"
                )
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"{name}: there is no such file") from None
    except IsADirectoryError:
        raise InputError(f"{name}: is a folder, not a picture") from None
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a name with a null character
        raise InputError(f"{name}: is not a possible file name") from error
    if not data:
        raise InputError(f"{name}: is empty (0 bytes)")
    if len(data) > MAX_BYTES:
        raise InputError(f"{name}: is larger than {MAX_BYTES / 1e9:.1f} GB")
    return data


def _unsupported(name: str, description: str) -> UnsupportedInputError:
    return UnsupportedInputError(
        f"{shown(name)}: is {description}, which is not supported; "
        f"supported are {_names(FORMATS.values())}"
    )


def _names(formats: Iterable[Format]) -> str:
    return ", ".join(f.name for f in formats)
