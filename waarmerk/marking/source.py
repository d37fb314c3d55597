"""Reading input files, and telling by their content what they are.

A file is judged by its first bytes, whatever its name says. An ID3 tag says nothing about what
follows it: MP3, AAC and, once a manifest is embedded, FLAC begin with one. So what counts there are
the bytes behind the tag.

Texts have no first bytes of their own: "MAC addresses are" and "{" begin texts, too. So what is
named as a text and consists of letters in UTF-8 is one; what is named so and does not is looked at
like any other file, and then called what it is.
"""

from __future__ import annotations

import codecs
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from waarmerk.errors import InputError, UnsupportedInputError
from waarmerk.marking.formats import (
    FORMATS,
    PICTURES,
    SOUNDS,
    TEXTS,
    Format,
    claimed_format,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "MAX_BYTES",
    "MAX_SOUND_BYTES",
    "MAX_TEXT_BYTES",
    "decoded",
    "identify",
    "not_text",
    "open_source",
    "read_source",
    "refuse_size",
    "sniff",
    "tag_length",
]

MAX_BYTES = 1 << 30
"""Larger pictures are refused unread: none of MAX_PIXELS needs more than 0.8 GB."""

MAX_SOUND_BYTES = 1 << 32
"""Larger sounds are refused unread: it is as much as a WAV file can hold."""

MAX_TEXT_BYTES = 1 << 26
"""Larger texts are refused unread: sixty books of a thousand pages fit in."""

_HEAD = 1 << 16


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
    (8, b"WAVE", "WAV"),
    (0, b"fLaC", "FLAC"),
)

_START = {"WEBP": b"RIFF", "BMP": b"BM", "WAV": b"RIFF"}

# What the first packet of an Ogg stream begins with.
_OGG: tuple[tuple[bytes, str], ...] = ((b"\x01vorbis", "OGG"), (b"OpusHead", "OPUS"))
_OGG_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"\x7fFLAC", "a FLAC stream in an Ogg file"),
    (b"Speex   ", "a Speex recording"),
    (b"\x80theora", "an Ogg video"),
    (b"fishead\0", "an Ogg file with several streams"),
)

# What else turns up under such names: only so that the message can call it what it is.
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
    (0, b"\x1aE\xdf\xa3", "a Matroska or WebM file"),
    (0, b"OggS", "an Ogg file of another kind"),
    (0, b"RF64", "an RF64 file (WAV for more than 4 GB)"),
    (0, b"riff\x2e\x91\xcf\x11", "a Wave64 file"),
    (8, b"AVI ", "an AVI video"),
    (8, b"AIFF", "an AIFF file"),
    (8, b"AIFC", "an AIFF file"),
    (0, b".snd", "an AU file"),
    (0, b"caff", "a Core Audio file"),
    (0, b"#!AMR", "an AMR recording"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media file"),
    (0, b"MThd", "a MIDI file, which has notes and no sound"),
    (0, b"wvpk", "a WavPack file"),
    (0, b"MAC ", "a Monkey's Audio file"),
    (0, b"ADIF", "an AAC stream of the ADIF kind"),
    (0, b"FLV\1", "a Flash video"),
    (0, b"#EXTM3U", "a playlist"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a program"),
    (0, b"#!", "a script"),
)
_PAGES = (b"<!doctype html", b"<html")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_AVIF_BRANDS = (b"avif", b"avis")
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def sniff(data: bytes, name: str, *, behind_tag: bytes | None = None) -> Format:
    """Return the format the content has.

    Parameters
    ----------
    data
        The file, or at least its first kilobyte.
    name
        What to call the file in a message.
    behind_tag
        What follows the ID3 tag that the file begins with, where `data` does not reach so far.

    Raises
    ------
    InputError
        If it is empty, or neither a picture nor a sound nor a text.
    UnsupportedInputError
        If it is a file of another kind that can be recognised.
    """
    if not data:
        raise InputError(f"{shown(name)}: is empty (0 bytes)")
    found = _sniff_text(data, name) or _sniff_media(data, name, behind_tag)
    if found is not None:
        return found
    if _named_as_text(name):
        raise InputError(f"{shown(name)}: {not_text(data, whole=False)}")
    raise InputError(
        f"{shown(name)}: is neither a picture nor a sound: its content is none of "
        f"{_names((PICTURES | SOUNDS).values())}; a text is known by its name "
        f"({', '.join(f.extensions[0] for f in TEXTS.values())})"
    )


def _sniff_text(data: bytes, name: str) -> Format | None:
    """Return the format of what is named as a text and is one, or is an HTML page without a name.

    Raises
    ------
    UnsupportedInputError
        If it is in UTF-16.
    """
    claimed = claimed_format(name)
    if claimed is None:
        return TEXTS["HTML"] if data[:14].lower().startswith(_PAGES) else None
    if claimed.medium != "text":
        return None
    if data.startswith(_UTF16):
        raise UnsupportedInputError(f"{shown(name)}: {not_text(data)}")
    return claimed if not_text(data, whole=False) is None else None


def _named_as_text(name: str) -> bool:
    claimed = claimed_format(name)
    return claimed is not None and claimed.medium == "text"


def _sniff_media(data: bytes, name: str, behind_tag: bytes | None) -> Format | None:
    """Return the picture or sound format of some content; None if it is none.

    Raises
    ------
    UnsupportedInputError
        If it is a file of another kind that can be recognised.
    """
    if data.startswith(b"ID3"):
        data = data[tag_length(data) :] if behind_tag is None else behind_tag
        if not data.startswith(b"fLaC"):
            return FORMATS["AAC" if _mpeg_frame(data) == "AAC" else "MP3"]
    for offset, magic, found in _MAGIC:
        if data.startswith(magic, offset) and data.startswith(_START.get(found, b"")):
            return FORMATS[found]
    if data[4:8] == b"ftyp":
        return _sniff_iso_media(data, name)
    if data.startswith(b"OggS"):
        return _sniff_ogg(data, name)
    for offset, magic, description in _OTHERS:
        if data.startswith(magic, offset):
            raise _unsupported(name, description)
    frame = _mpeg_frame(data)
    return None if frame is None else FORMATS[frame]


def not_text(data: bytes, *, whole: bool = True) -> str | None:
    """Return in words why bytes are no text in UTF-8; None if they are.

    Parameters
    ----------
    data
        The file, or its beginning.
    whole
        Whether it is all of the file; otherwise a character may be cut off at its end.
    """
    if data.startswith(_UTF16):
        return "is in UTF-16, which is not supported; save it as UTF-8"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data, final=whole)
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            return f"is cut off: its last character, at offset {error.start}, is not whole"
        return (
            f"is not a text in UTF-8: byte 0x{data[error.start]:02x} at offset {error.start} "
            "belongs to no character; save it as UTF-8"
        )
    null = data.find(0)
    if null >= 0:
        return f"is not a text: it holds a null character at offset {null}"
    return None


def decoded(data: bytes, name: str) -> str:
    """Return the text of a file. A byte-order mark and line ends stay as they are.

    Raises
    ------
    InputError
        If it is no text in UTF-8.
    """
    wrong = not_text(data)
    if wrong is not None:
        raise InputError(f"{shown(name)}: {wrong}")
    return data.decode("utf-8")


def tag_length(data: bytes) -> int:
    """Return how long the ID3v2 tag is that a file begins with; 0 if there is none."""
    if not data.startswith(b"ID3") or len(data) < 10:
        return 0
    size = 0
    for byte in data[6:10]:  # seven bits each
        size = size << 7 | (byte & 0x7F)
    return 10 + size + (10 if data[5] & 0x10 else 0)


def _sniff_iso_media(data: bytes, name: str) -> Format:
    # ISO/IEC 14496-12: the major brand, a version, then the compatible brands to the box's end.
    end = min(int.from_bytes(data[:4], "big"), 1024)
    brands = [data[8:12], *(data[i : i + 4] for i in range(16, end, 4))]
    if any(brand in _AVIF_BRANDS for brand in brands):
        return FORMATS["AVIF"]
    if any(brand in _HEIF_BRANDS for brand in brands):
        raise _unsupported(name, "a HEIF picture")
    # Whether there are moving pictures in it too, only its tracks tell.
    return FORMATS["M4A"]


def _sniff_ogg(data: bytes, name: str) -> Format:
    # RFC 3533: a header of 27 bytes and one for each segment, then the first packet.
    start = 27 + (data[26] if len(data) > 26 else 0)
    for magic, found in _OGG:
        if data.startswith(magic, start):
            return FORMATS[found]
    for magic, description in _OGG_OTHERS:
        if data.startswith(magic, start):
            raise _unsupported(name, description)
    raise _unsupported(name, "an Ogg file of another kind")


def _mpeg_frame(data: bytes) -> str | None:
    """Return which of MP3 and AAC a stream of frames is (ISO/IEC 11172-3; 13818-7, ADTS)."""
    data = data.lstrip(b"\0")  # padding behind a tag
    if len(data) < 7 or data[0] != 0xFF:
        return None
    if data[1] & 0xF6 == 0xF0 and data[2] >> 2 & 15 < 13:
        length = (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5
        return "AAC" if length >= 7 and data[length : length + 1] in (b"", b"\xff") else None
    layer_three = data[1] & 0xE6 == 0xE2 and data[1] & 0x18 != 0x08
    possible = data[2] >> 4 not in (0, 15) and data[2] >> 2 & 3 != 3
    return "MP3" if layer_three and possible else None


@contextmanager
def open_source(path: str | os.PathLike[str], limit: int = MAX_SOUND_BYTES) -> Iterator[BinaryIO]:
    """Open an input file.

    Raises
    ------
    InputError
        If it is missing, cannot be read, is no regular file (reading a pipe could block for ever),
        is empty, or is larger than the limit.
    """
    name = shown(os.fspath(path))
    # Opening a named pipe that nobody writes to would wait for ever without O_NONBLOCK.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        file = os.fdopen(os.open(path, flags), "rb")
    except FileNotFoundError:
        raise InputError(f"{name}: there is no such file") from None
    except IsADirectoryError:
        raise InputError(f"{name}: is a folder, not a file") from None
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a name with a null character
        raise InputError(f"{name}: is not a possible file name") from error
    with file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{name}: is not a regular file")
        refuse_size(status.st_size, limit, name)
        yield file


def identify(path: str | os.PathLike[str]) -> Format:
    """Return the format of an input file by its content.

    Raises
    ------
    InputError
        As `open_source` and `sniff` do.
    """
    name = os.fspath(path)
    try:
        with open_source(path) as file:
            head = file.read(_HEAD)
            behind = None
            if tag_length(head) > len(head) - 16:
                file.seek(tag_length(head))
                behind = file.read(_HEAD)
    except OSError as error:
        raise InputError(f"{shown(name)}: cannot be read: {error.strerror or error}") from error
    return sniff(head, name, behind_tag=behind)


def read_source(path: str | os.PathLike[str], limit: int = MAX_BYTES) -> bytes:
    """Return the content of an input file.

    Raises
    ------
    InputError
        As `open_source` does.
    """
    name = shown(os.fspath(path))
    try:
        with open_source(path, limit) as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror or error}") from error
    refuse_size(len(data), limit, name)
    return data


def refuse_size(size: int, limit: int, name: str) -> None:
    """Refuse a file that is empty or too large; the name must be safe to show."""
    if not size:
        raise InputError(f"{name}: is empty (0 bytes)")
    if size > limit and limit < 1e9:
        raise InputError(f"{name}: is {size / 1e6:.0f} MB; the limit is {limit / 1e6:.0f} MB")
    if size > limit:
        raise InputError(f"{name}: is {size / 1e9:.1f} GB; the limit is {limit / 1e9:.1f} GB")


def _unsupported(name: str, description: str) -> UnsupportedInputError:
    return UnsupportedInputError(
        f"{shown(name)}: is {description}, which is not supported; "
        f"supported are {_names(FORMATS.values())}"
    )


def _names(formats: Iterable[Format]) -> str:
    return ", ".join(f.name for f in formats)
