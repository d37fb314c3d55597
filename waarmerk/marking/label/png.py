"""Labels in a PNG: XMP in an ``iTXt`` chunk of its own keyword (ISO 16684-3, 1.1.5).

AIGC stands in the XMP as well (TC260-PG-20259A, clause 6), not in the text chunk that its Annex B
shows besides: that one gets lost when the picture becomes a JPEG.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from waarmerk.errors import OutputError
from waarmerk.marking.label.packet import MOST_PACKET, extended_packet
from waarmerk.marking.metadata import png_chunks, png_text_chunk

if TYPE_CHECKING:
    from waarmerk.marking.label.content import LabelContent

__all__ = ["label_png"]

KEYWORD = "XML:com.adobe.xmp"
_AFTER_HEADER = 8 + 25


def label_png(data: bytes, content: LabelContent, notes: list[str]) -> bytes:
    """Return a PNG with a label in its XMP.

    Raises
    ------
    OutputError
        If its XMP cannot be extended, or it does not begin as a PNG does.
    """
    if data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR":
        raise OutputError("it does not begin as a PNG does")
    at, place, packet = 8, None, b""
    for kind, body, chunk in png_chunks(data):
        if kind == b"iTXt" and place is None and body.startswith(KEYWORD.encode() + b"\0"):
            place, packet = (at, at + len(chunk)), _text(body)
        at += len(chunk)
    new = extended_packet(packet, content, notes)
    if new is packet:
        return data
    # Where there is none yet, in front of the pixels, so that nobody has to read those first.
    start, end = place or (_AFTER_HEADER, _AFTER_HEADER)
    return data[:start] + png_text_chunk(KEYWORD, new) + data[end:]


def _text(body: bytes) -> bytes:
    """Return the text of an ``iTXt`` chunk, which may be compressed (PNG 3, 11.3.3.4)."""
    flags = len(KEYWORD) + 1
    compressed = body[flags : flags + 1] == b"\1"
    parts = body[flags + 2 :].split(b"\0", 2)  # language, translated keyword, text
    if len(parts) < 3:
        raise OutputError("its XMP is damaged")
    if not compressed:
        return parts[2]
    inflate = zlib.decompressobj()
    try:
        text = inflate.decompress(parts[2], MOST_PACKET)
    except zlib.error as error:
        raise OutputError("its compressed XMP is damaged") from error
    if not inflate.eof:
        raise OutputError("its compressed XMP is cut off or too large")
    return text
