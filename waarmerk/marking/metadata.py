"""What a picture file says besides its pixels, and how that survives being written again.

Labels that the input carries must stay (EXIF, XMP, IPTC, colour profiles, text, comments), and
image libraries drop most of them when they save. So where input and output have the same format,
the blocks that hold them are copied byte for byte::

    JPEG  SOI [APP0 JFIF] [APP1 Exif] [APP1 XMP] [APP2 ICC] [APP13 IPTC] [COM] | DQT SOF DHT SOS ...
              '----------- copied from the input, in its order ------------' | '- new -----
    PNG   IHDR [gAMA] [iCCP] [eXIf] [tEXt] ... | PLTE? IDAT ... | [tEXt] [iTXt] | IEND

Between formats EXIF, XMP, the ICC profile, the resolution and a comment are handed over, and what
the other format has no place for is listed, so that nothing disappears silently.
A C2PA manifest is never copied: its hashes would be wrong. Signing makes it an ingredient.
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from waarmerk.marking import tiff

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image

__all__ = [
    "Metadata",
    "exif_orientation",
    "jpeg_segments",
    "png_chunks",
    "png_text_chunk",
    "read_metadata",
    "riff_chunks",
    "splice_jpeg",
    "splice_png",
    "upright_metadata",
]

EXIF_PREFIX = b"Exif\0\0"
XMP_NAMESPACE = b"http://ns.adobe.com/xap/1.0/\0"
XMP_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Ancillary chunks that stay true when the pixels change; the PNG specification's safe-to-copy bit
# says so for unknown ones, these are the known ones that it calls unsafe.
_PNG_COLOUR = {b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV", b"mDCv", b"cLLI", b"cLLi"}
_PNG_TEXT = {b"tEXt", b"zTXt", b"iTXt"}
_PNG_HANDED_OVER = {b"iCCP", b"sRGB", b"eXIf", b"pHYs"}
_PNG_KEYWORDS_HANDED_OVER = {"XML:com.adobe.xmp", "Comment"}


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a file says besides its pixels.

    Parameters
    ----------
    exif
        The TIFF structure of the EXIF block, without the ``Exif`` prefix; empty if there is none.
    xmp, icc, comment
        As they lie in the file; empty if there is none.
    dpi
        Horizontal and vertical resolution.
    head, tail
        Blocks to copy byte for byte if the output has the same format: in front of the new pixel
        data, and behind it.
    only_here
        What another format has no place for, in words.
    labels_only_here
        The same for marks that say how the content was made, which must not be lost.
    lost
        What is not kept in any output, in words.
    """

    exif: bytes = b""
    xmp: bytes = b""
    icc: bytes = b""
    comment: bytes = b""
    dpi: tuple[float, float] | None = None
    head: tuple[bytes, ...] = ()
    tail: tuple[bytes, ...] = ()
    only_here: tuple[str, ...] = ()
    labels_only_here: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


def read_metadata(format_name: str, data: bytes, image: Image.Image) -> Metadata:
    """Return what the file says besides its pixels; ``image`` is the loaded picture."""
    info = image.info
    common = Metadata(
        exif=_bytes(info.get("exif")).removeprefix(EXIF_PREFIX),
        xmp=_bytes(info.get("xmp")),
        icc=_bytes(info.get("icc_profile")),
        comment=_bytes(info.get("comment")),
        dpi=_dpi(info.get("dpi")),
    )
    if format_name == "JPEG":
        return _read_jpeg(data, common)
    if format_name == "PNG":
        return _read_png(data, info, common)
    if format_name == "TIFF":
        return _read_tiff(data, common)
    if format_name == "GIF" and b"XMP DataXMP" in data:
        return replace(common, lost=("XMP",))
    return common


def exif_orientation(exif: bytes) -> tuple[int, int]:
    """Return the orientation that an EXIF block gives, and where in it that is written.

    Parameters
    ----------
    exif
        The TIFF structure, possibly hostile.

    Returns
    -------
    orientation, offset
        1 to 8 and the offset of the two bytes; (1, -1) if there is none or it makes no sense.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None or len(exif) < 10:
        return 1, -1
    (start,) = struct.unpack_from(order + "I", exif, 4)
    if start + 2 > len(exif):
        return 1, -1
    (count,) = struct.unpack_from(order + "H", exif, start)
    for entry in range(start + 2, min(start + 2 + 12 * count, len(exif) - 11), 12):
        tag, kind, values, value = struct.unpack_from(order + "HHIH", exif, entry)
        if tag == tiff.ORIENTATION:
            if kind == 3 and values == 1 and 1 <= value <= 8:
                return value, entry + 8
            break
    return 1, -1


def upright_metadata(metadata: Metadata) -> Metadata:
    """Return the metadata for pixels that have been turned upright: orientation 1 everywhere.

    Only the two bytes of the tag change, so that nothing else in the EXIF block moves (maker notes
    hold offsets into it).
    """
    exif = metadata.exif
    _, at = exif_orientation(exif)
    if at >= 0:
        one = b"\1\0" if exif.startswith(b"II") else b"\0\1"
        exif = exif[:at] + one + exif[at + 2 :]
    xmp = re.sub(rb'(tiff:Orientation\s*=\s*["\'])\d', rb"\g<1>1", metadata.xmp)
    xmp = re.sub(rb"(<tiff:Orientation>\s*)\d", rb"\g<1>1", xmp)
    return replace(metadata, exif=exif, xmp=xmp)


def splice_jpeg(encoded: bytes, blocks: tuple[bytes, ...]) -> bytes:
    """Return a bare JPEG with blocks put in front of its tables."""
    start = 2
    if encoded[2:4] == b"\xff\xe0":
        start = 4 + int.from_bytes(encoded[4:6], "big")
    # A JFIF header among the blocks takes the place of the new one: it knows the resolution.
    keep = 2 if any(block[4:9] == b"JFIF\0" for block in blocks) else start
    return b"".join((encoded[:keep], *blocks, encoded[start:]))


def splice_png(encoded: bytes, head: tuple[bytes, ...], tail: tuple[bytes, ...]) -> bytes:
    """Return a bare PNG with chunks put between its header and its pixels, and behind them."""
    after_header = len(_PNG_SIGNATURE) + 25
    end = len(encoded) - 12
    return b"".join(
        (encoded[:after_header], *head, encoded[after_header:end], *tail, encoded[end:])
    )


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield type, content and the whole of each chunk of a PNG, until one is cut off."""
    at = len(_PNG_SIGNATURE)
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if end > len(data):
            return
        yield data[at + 4 : at + 8], data[at + 8 : end - 4], data[at:end]
        at = end


def riff_chunks(data: bytes) -> Iterator[bytes]:
    """Yield the type of each chunk of a RIFF file, until one is cut off."""
    at = 12
    while at + 8 <= len(data):
        yield data[at : at + 4]
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2


def _read_jpeg(data: bytes, common: Metadata) -> Metadata:
    head: list[bytes] = []
    only_here: list[str] = []
    lost: list[str] = []
    scan = len(data)
    for marker, content, block, end in jpeg_segments(data):
        scan = end
        if marker == 0xE0 and not content.startswith(b"JFIF\0"):
            lost.append("the JFXX thumbnail")
        elif marker == 0xE2 and content.startswith(b"MPF\0"):
            pass  # an index of what lies behind the picture, which is told below
        elif marker in (0xEB, 0xEE):
            pass  # C2PA; Adobe's block, which describes the old encoding
        elif 0xE0 <= marker <= 0xEF or marker == 0xFE:
            head.append(block)
            known = (EXIF_PREFIX, XMP_NAMESPACE, b"ICC_PROFILE\0", b"JFIF\0")
            if marker != 0xFE and not content.startswith(known):
                only_here.append(_name_of_segment(marker, content))
    behind = len(data) - 2 - data.find(b"\xff\xd9", scan)
    if scan < len(data) and 0 < behind < len(data) and data[-behind:].strip(b"\0"):
        lost.append(
            f"{behind} bytes that lie behind the picture (a second picture, a gain map or a video)"
        )
    return replace(common, head=tuple(head), only_here=tuple(only_here), lost=tuple(lost))


def jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes, bytes, int]]:
    """Yield marker, content, the whole block and its end, up to and with the first scan."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end > len(data) or end < at + 4:
            return
        yield marker, data[at + 4 : end], data[at:end], end
        if marker == 0xDA:
            return
        at = end


def _name_of_segment(marker: int, content: bytes) -> str:
    if content.startswith(b"Photoshop 3.0\0"):
        return "the IPTC block"
    if content.startswith(XMP_EXTENSION):
        return "the extended part of the XMP"
    return f"the APP{marker - 0xE0} block"


def _read_png(data: bytes, info: dict[Any, Any], common: Metadata) -> Metadata:
    head: list[bytes] = []
    tail: list[bytes] = []
    only_here: list[str] = []
    labels: list[str] = []
    blocks = head
    for kind, content, chunk in png_chunks(data):
        if kind == b"IDAT":
            blocks = tail
        safe_to_copy = bool(kind[3] & 0x20)
        ancillary = bool(kind[0] & 0x20)
        if not ancillary or kind == b"tIME" or not (safe_to_copy or kind in _PNG_COLOUR):
            continue
        blocks.append(chunk)
        if kind in _PNG_TEXT:
            keyword = content[:80].split(b"\0")[0].decode("latin-1")
            if keyword == "AIGC":
                labels.append("an AIGC label in a PNG text chunk")
            elif keyword not in _PNG_KEYWORDS_HANDED_OVER:
                only_here.append(f"the PNG text {keyword!r}")
        elif kind not in _PNG_HANDED_OVER:
            only_here.append(f"the PNG chunk {kind.decode('latin-1')}")
    comment = info.get("Comment")
    if isinstance(comment, str):
        common = replace(common, comment=str(comment).encode())
    return replace(
        common,
        head=tuple(head),
        tail=tuple(tail),
        only_here=tuple(only_here),
        labels_only_here=tuple(labels),
    )


def png_text_chunk(keyword: str, text: bytes) -> bytes:
    """Return an uncompressed international text chunk of a PNG; the text is UTF-8."""
    body = b"iTXt" + keyword.encode("latin-1") + bytes(5) + text
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def _read_tiff(data: bytes, common: Metadata) -> Metadata:
    # The pixels come upright from Pillow, so the orientation is done with.
    found = tiff.read_tags(data)
    tags = {
        number: tag
        for number, tag in found.items()
        if number not in tiff.STRUCTURE and number != tiff.ORIENTATION
    }
    xmp = tags.pop(tiff.XMP, None)
    tags.pop(tiff.ICC_PROFILE, None)
    rest = sorted(number for number in tags if number not in tiff.EXIF_TAGS)
    found_here = replace(
        common,
        exif=tiff.build_exif({n: tag for n, tag in tags.items() if n in tiff.EXIF_TAGS}),
        xmp=xmp.value if isinstance(xmp, tiff.Tag) else b"",
        head=(tiff.build_exif(tags),),
        only_here=tuple(f"the TIFF tag {number}" for number in rest),
        lost=("Photoshop's layers",) if tiff.LAYERS in found else (),
    )
    return upright_metadata(found_here)  # where there is no tag, some readers ask the XMP


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    return value.encode() if isinstance(value, str) else b""


def _dpi(value: object) -> tuple[float, float] | None:
    try:
        x, y = (float(v) for v in value)  # type: ignore[attr-defined]
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    ok = all(math.isfinite(v) and 1 <= v < 65536 for v in (x, y))
    return (x, y) if ok else None
