"""Labels in a JPEG XL: XMP in a box ``xml `` of its container (ISO/IEC 18181-2, 9.6).

A bare codestream has no place for it. The boxes count no bytes from the beginning of the file, so
an old packet is replaced where it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from waarmerk.errors import OutputError
from waarmerk.marking.label.boxes import box, children, head_of
from waarmerk.marking.label.packet import extended_packet

if TYPE_CHECKING:
    from waarmerk.marking.label.content import LabelContent

__all__ = ["label_jxl"]

_SIGNATURE = b"\0\0\0\x0cJXL \r\n\x87\n"


def label_jxl(data: bytes, content: LabelContent, notes: list[str]) -> bytes:
    """Return a JPEG XL with a label in its XMP.

    Raises
    ------
    OutputError
        If it is a bare codestream, its XMP is compressed with Brotli or cannot be extended, or
        its boxes are damaged.
    """
    if data[:2] == b"\xff\x0a":
        raise OutputError(
            "a bare JPEG XL codestream has no place for a label; put it in a container"
        )
    tops = list(children(data, 0, len(data)))
    if not data.startswith(_SIGNATURE) or tops[-1].end != len(data):
        raise OutputError("its boxes are damaged or cut off")
    if any(one.kind == b"brob" and data[one.content : one.content + 4] == b"xml " for one in tops):
        raise OutputError("its XMP is compressed, and cannot be extended")
    old = next((one for one in tops if one.kind == b"xml "), None)
    packet = b"" if old is None else data[old.content : old.end]
    new = extended_packet(packet, content, notes)
    if new is packet:
        return data
    parts = []
    for one in tops:
        if one is old:
            parts.append(box(b"xml ", new))
        elif one.open_ended:
            body = data[one.content : one.end]
            parts.append(head_of(one.kind, len(body)) + body)
        else:
            parts.append(data[one.start : one.end])
    return b"".join(parts) + (box(b"xml ", new) if old is None else b"")
