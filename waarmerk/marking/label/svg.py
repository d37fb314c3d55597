"""Labels in an SVG: XMP in a ``metadata`` element (ISO 16684-3, 1.3.4; SVG 1.1, 21).

A packet that is there is extended. RDF outside a packet (as drawing programs write it) stays, and
a packet of its own is put in front of it; or behind the tag that opens the picture, where there is
no ``metadata`` yet. Of a second such element the C2PA library makes a second manifest.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from waarmerk.errors import OutputError
from waarmerk.marking.label.packet import extended_document, new_packet
from waarmerk.marking.label.properties import tag_end
from waarmerk.marking.svg_scan import scanned

if TYPE_CHECKING:
    from waarmerk.marking.label.content import LabelContent

__all__ = ["label_svg"]

MOST_BYTES = 1 << 26
_BOM = b"\xef\xbb\xbf"


def label_svg(data: bytes, content: LabelContent, notes: list[str]) -> bytes:
    """Return an SVG with a label in its XMP.

    Raises
    ------
    OutputError
        If it is compressed, not in UTF-8, no XML, or has entities of its own.
    """
    if data.startswith(b"\x1f\x8b"):
        raise OutputError("it is compressed; unpack it first")
    if len(data) > MOST_BYTES:
        raise OutputError(f"it has {len(data)} bytes, more than can be labelled")
    mark = _BOM if data.startswith(_BOM) else b""
    body = data[len(mark) :]
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise OutputError("it is not in UTF-8") from error
    root = _root(body)
    if b"adobe:ns:meta/" in body:
        extended = extended_document(body, content, notes)
        if extended is body:
            return data
        if extended is not None:
            return mark + extended
    scan = scanned(io.BytesIO(body))
    if scan is not None and scan.metadata:
        at = scan.metadata[-1]
        return mark + body[:at] + b"\n" + new_packet(content) + body[at:]
    end = tag_end(body, root)
    if body.endswith(b"/>", 0, end):
        raise OutputError("it draws nothing")
    metadata = b"<metadata>" + new_packet(content) + b"</metadata>"
    return mark + body[:end] + b"\n" + metadata + body[end:]


def _root(data: bytes) -> int:
    """Return where the tag stands that opens the picture."""
    found: list[tuple[int, str]] = []
    parser: Any = expat.ParserCreate("utf-8", namespace_separator=" ")

    def start(name: str, _: dict[str, str]) -> None:
        if not found:
            found.append((parser.CurrentByteIndex, name))

    def refuse(*_: Any) -> None:
        raise OutputError("it has entities of its own, and is not extended")

    parser.StartElementHandler = start
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise OutputError(f"it is no XML ({error})") from error
    at, name = found[0]
    if name.rpartition(" ")[2] != "svg":
        raise OutputError("it does not begin as an SVG does")
    return at
