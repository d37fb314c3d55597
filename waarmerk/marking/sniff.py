"""Telling by the content of a file what it is.

A file is judged by its first bytes, whatever its name says. An ID3 tag says nothing about what
follows it: MP3, AAC and, once a manifest is embedded, FLAC begin with one. So what counts there are
the bytes behind the tag.

Texts have no first bytes of their own: "MAC addresses are" and "{" begin texts, too. So what is
named as a text and consists of letters in UTF-8 is one; what is named so and does not is looked at
like any other file, and then called what it is. Nor has a drawing in SVG, which may begin with any
remark.

Whether an MP4 or QuickTime file holds moving pictures, only its tracks tell, which can lie at its
end; these are looked for in the file itself.
"""

from __future__ import annotations

import codecs
import io
import re
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from waarmerk.errors import InputError, UnsupportedInputError
from waarmerk.marking.formats import (
    DOCUMENTS,
    FORMATS,
    OTHERS,
    TEXTS,
    UNKNOWN,
    Format,
    claimed_format,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["HEAD", "not_text", "sniff", "tag_length"]

HEAD = 1 << 16
"""So much of a file is looked at, in bytes, apart from the tracks of a video."""

_MOST_BOXES = 1000

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

_START = {"WEBP": b"RIFF", "BMP": b"BM", "WAV": b"RIFF", "AVI": b"RIFF", "AIFF": b"FORM"}

# What the first packet of an Ogg stream begins with.
_OGG: tuple[tuple[bytes, str], ...] = (
    (b"\x01vorbis", "OGG"),
    (b"OpusHead", "OPUS"),
    (b"\x7fFLAC", "OGG FLAC"),
    (b"Speex   ", "SPEEX"),
    (b"\x80theora", "OGV"),
    (b"fishead\0", "OGX"),
)

# What is copied as it is.
_OTHERS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF", "PDF"),
    (0, b"\x1f\x8b", "GZIP"),
    (0, b"7z\xbc\xaf\x27\x1c", "7Z"),
    (0, b"Rar!", "RAR"),
    (0, b"8BPS", "PSD"),
    (0, b"\xff\x0a", "JXL"),
    (4, b"JXL \r\n\x87\n", "JXL"),
    (4, b"jP  \r\n\x87\n", "JP2"),
    (0, b"\x76\x2f\x31\x01", "EXR"),
    (0, b"\x00\x00\x01\x00", "ICO"),
    (0, b"\x00\x00\x02\x00", "CUR"),
    (0, b"<svg", "SVG"),
    (0, b"<?xml", "XML"),
    (0, b"{", "JSON"),
    (0, b"RF64", "RF64"),
    (0, b"riff\x2e\x91\xcf\x11", "W64"),
    (8, b"AVI ", "AVI"),
    (8, b"AIFF", "AIFF"),
    (8, b"AIFC", "AIFF"),
    (0, b".snd", "AU"),
    (0, b"caff", "CAF"),
    (0, b"#!AMR", "AMR"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "ASF"),
    (0, b"MThd", "MIDI"),
    (0, b"wvpk", "WAVPACK"),
    (0, b"MAC ", "APE"),
    (0, b"ADIF", "ADIF"),
    (0, b"FLV\1", "FLV"),
    (0, b"#EXTM3U", "PLAYLIST"),
    (0, b"\x7fELF", "ELF"),
    (0, b"MZ", "EXE"),
    (0, b"#!", "SCRIPT"),
)
_PAGES = (b"<!doctype html", b"<html")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_AVIF_BRANDS = (b"avif", b"avis")
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_QUICKTIME = b"qt  "
_SOUND_BRANDS = (b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B ")
# QuickTime files of old have no ftyp box, and begin with one of these.
_QUICKTIME_BOXES = (b"moov", b"mdat", b"wide", b"pnot")
# Only what may stand in front of the root of an XML document, each piece of it bounded.
_SVG = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s+|<\?[^>]{0,1000}\?>|<!--(?s:.){0,20000}?-->|"
    rb"<!DOCTYPE\s+svg\b[^>\[]{0,1000}(?:\[(?s:.){0,4000}?\]\s*)?>)*+<(?:\w{1,20}:)?svg\b"
)
# The first name in a ZIP archive (APPNOTE 4.3.7) tells its kind: for ODF (part 2, 3.3) and EPUB
# (OCF 3.3, 4.3) the content of that file.
_OPEN_XML = ((b"word/", "DOCX"), (b"xl/", "XLSX"), (b"ppt/", "PPTX"))


def sniff(
    data: bytes, name: str, *, behind_tag: bytes | None = None, file: BinaryIO | None = None
) -> Format:
    """Return the format the content has.

    Parameters
    ----------
    data
        The file, or at least its first kilobyte.
    name
        What to call the file in a message.
    behind_tag
        What follows the ID3 tag that the file begins with, where `data` does not reach so far.
    file
        The whole file, where `data` is only its beginning.

    Raises
    ------
    InputError
        If it is empty, or named as a text and none.
    UnsupportedInputError
        If it is a text in UTF-16.
    """
    if not data:
        raise InputError(f"{shown(name)}: is empty (0 bytes)")
    found = _sniff_text(data, name) or _sniff_media(data, name, behind_tag, file)
    if found is not None:
        return found
    if _named_as_text(name):
        raise InputError(f"{shown(name)}: {not_text(data, whole=False)}")
    return UNKNOWN


def _sniff_text(data: bytes, name: str) -> Format | None:
    """Return the format of what is named as a text and is one, or is an HTML page without a name.

    Raises
    ------
    UnsupportedInputError
        If it is in UTF-16.
    """
    claimed = claimed_format(name)
    if claimed is None or claimed.medium != "text":
        # Also what is named as something else: it is then refused as a page.
        return TEXTS["HTML"] if data[:14].lower().startswith(_PAGES) else None
    if data.startswith(_UTF16):
        raise UnsupportedInputError(f"{shown(name)}: {not_text(data)}")
    return claimed if not_text(data, whole=False) is None else None


def _named_as_text(name: str) -> bool:
    claimed = claimed_format(name)
    return claimed is not None and claimed.medium == "text"


def _sniff_media(
    data: bytes, name: str, behind_tag: bytes | None, file: BinaryIO | None
) -> Format | None:
    """Return the format of some content that is no text; None if it is not known."""
    if data.startswith(b"ID3") and tag_length(data):
        data = data[tag_length(data) :] if behind_tag is None else behind_tag
        if not data.startswith(b"fLaC"):
            return FORMATS["AAC" if _mpeg_frame(data) == "AAC" else "MP3"]
    for offset, magic, kind in _MAGIC:
        if data.startswith(magic, offset) and data.startswith(_START.get(kind, b"")):
            dng = kind == "TIFF" and claimed_format(name) is FORMATS["DNG"]
            return FORMATS["DNG" if dng else kind]
    found = _sniff_container(data, name, io.BytesIO(data) if file is None else file)
    if found is not None:
        return found
    for offset, magic, other in _OTHERS:
        if data.startswith(magic, offset) and data.startswith(_START.get(other, b"")):
            return FORMATS[other]
    frame = _mpeg_frame(data)
    return None if frame is None else FORMATS[frame]


def _sniff_container(data: bytes, name: str, file: BinaryIO) -> Format | None:
    """Return the format of what can hold this or that; None if it is none of these."""
    found: Format | None = None
    if data[4:8] == b"ftyp":
        found = _sniff_iso_media(data, name, file)
    elif data[4:8] in _QUICKTIME_BOXES:
        found = FORMATS["MOV"]
    elif data.startswith(b"OggS"):
        found = _sniff_ogg(data)
    elif data.startswith(b"PK\x03\x04"):
        found = _sniff_zip(data)
    elif data.startswith(b"\x1aE\xdf\xa3"):  # EBML (RFC 8794); RFC 9559 names the types
        found = FORMATS["WEBM" if b"webm" in data[:128] else "MKV"]
    elif _SVG.match(data[:HEAD]):
        found = FORMATS["SVG"]
    return found


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


def tag_length(data: bytes) -> int:
    """Return how long the ID3v2 tag is that a file begins with; 0 if there is none."""
    if not data.startswith(b"ID3") or len(data) < 10:
        return 0
    size = 0
    for byte in data[6:10]:  # seven bits each
        size = size << 7 | (byte & 0x7F)
    return 10 + size + (10 if data[5] & 0x10 else 0)


def _sniff_iso_media(data: bytes, name: str, file: BinaryIO) -> Format:
    # ISO/IEC 14496-12: the major brand, a version, then the compatible brands to the box's end.
    end = min(int.from_bytes(data[:4], "big"), 1024)
    brands = [data[8:12], *(data[i : i + 4] for i in range(16, end, 4))]
    if any(brand in _AVIF_BRANDS for brand in brands):
        return FORMATS["AVIF"]
    if any(brand in _HEIF_BRANDS for brand in brands):
        return FORMATS["HEIC"]
    # A cover, or the pictures of chapters, may be a track of its own.
    if brands[0] in _SOUND_BRANDS or (brands[0] != _QUICKTIME and not _has_pictures(file)):
        return FORMATS["M4A"]
    if brands[0] == _QUICKTIME:
        sound = claimed_format(name) is FORMATS["M4A"] and not _has_pictures(file)
        return FORMATS["M4A" if sound else "MOV"]
    return FORMATS["MP4"]


def _has_pictures(file: BinaryIO) -> bool:
    """Return whether an MP4 has a track of moving pictures (ISO/IEC 14496-12, 8.4.3)."""
    from waarmerk.marking.sound_structure import boxes, file_length

    def inside(kind: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
        for found, _, content, stop in islice(boxes(file, start, end), _MOST_BOXES):
            if found == kind:
                yield content, min(stop, end)

    place = file.tell()
    try:
        for movie in islice(inside(b"moov", 0, file_length(file)), 1):
            for track in inside(b"trak", *movie):
                for media in islice(inside(b"mdia", *track), 1):
                    for handler, _ in islice(inside(b"hdlr", *media), 1):
                        file.seek(handler + 8)
                        if file.read(4) == b"vide":
                            return True
    finally:
        file.seek(place)
    return False


def _sniff_ogg(data: bytes) -> Format:
    # RFC 3533: a header of 27 bytes and one for each segment, then the first packet.
    start = 27 + (data[26] if len(data) > 26 else 0)
    for magic, found in _OGG:
        if data.startswith(magic, start):
            return FORMATS[found]
    return OTHERS["OGX"]


def _sniff_zip(data: bytes) -> Format:
    # A local file header has 30 bytes, and gives the lengths of the name and of an extra field.
    length, extra = (int.from_bytes(data[i : i + 2], "little") for i in (26, 28))
    if data[30 : 30 + length] == b"mimetype":
        content = data[30 + length + extra :]
        for document in DOCUMENTS.values():
            media_type = document.media_type.encode()
            if content.startswith((media_type + b"PK", media_type + b"-template")):
                return document
    elif data[30 : 30 + length] in (b"[Content_Types].xml", b"_rels/.rels", b"docProps/app.xml"):
        for folder, kind in _OPEN_XML:
            if folder in data:
                return DOCUMENTS[kind]
    return OTHERS["ZIP"]


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
