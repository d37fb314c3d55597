"""Labels in a JPEG: XMP in an APP1 segment (ISO 16684-3, 1.1.3).

::

    SOI [APP0 JFIF] [APP1 Exif] [APP1 XMP] [APP1 extended XMP] ... DQT SOF DHT SOS ...
                                '-- replaced, or put behind the first two

A segment has room for 64 KB. What does not fit lies in further segments, the extended XMP, which
stay as they are; a packet that would grow beyond its segment gives up padding first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from waarmerk.errors import OutputError
from waarmerk.marking.label.content import says_ai
from waarmerk.marking.label.packet import extended_packet, states, without_padding
from waarmerk.marking.metadata import (
    EXIF_PREFIX,
    XMP_EXTENSION,
    XMP_NAMESPACE,
    jpeg_segments,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from waarmerk.marking.label.content import LabelContent

__all__ = ["label_jpeg"]

MOST = 65533 - len(XMP_NAMESPACE)
_EXTENSION_HEAD = len(XMP_EXTENSION) + 32 + 8  # a GUID, the whole length, an offset
_MOST_EXTENDED = 1 << 24


def label_jpeg(data: bytes, content: LabelContent, notes: list[str]) -> bytes:
    """Return a JPEG with a label in its XMP.

    Raises
    ------
    OutputError
        If its XMP cannot be extended, or its segments are damaged.
    """
    place, pictures = 2, len(data)
    old: tuple[int, int] | None = None
    extended: list[bytes] = []
    for marker, start, end in _segments(data):
        body = data[start + 4 : end]
        first = marker == 0xE0 or (marker == 0xE1 and body.startswith(EXIF_PREFIX))
        if first and start == place:
            place = end
        elif marker == 0xE1 and body.startswith(XMP_NAMESPACE) and old is None:
            old = start, end
        elif marker == 0xE1 and body.startswith(XMP_EXTENSION):
            extended.append(body)
        elif marker == 0xE2 and body.startswith(b"MPF\0"):
            pictures = start
    packet = b"" if old is None else data[old[0] + 4 + len(XMP_NAMESPACE) : old[1]]
    if extended and _extension_says_otherwise(extended):
        raise OutputError(
            "its extended XMP states another digital source type, which cannot be replaced"
        )
    new = extended_packet(packet, content, notes)
    if new is packet:
        return data
    if len(new) > MOST:
        new = without_padding(new, MOST)
    if len(new) > MOST:
        raise OutputError("its XMP fills its segment, which has room for 64 KB")
    start, end = old or (place, place)
    if start > pictures:
        # CIPA DC-007: the places of further pictures are counted from there.
        raise OutputError("it holds several pictures, whose index stands in front of its XMP")
    size = 2 + len(XMP_NAMESPACE) + len(new)
    segment = b"\xff\xe1" + size.to_bytes(2, "big") + XMP_NAMESPACE + new
    return data[:start] + segment + data[end:]


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of each segment in front of the first scan."""
    if not data.startswith(b"\xff\xd8"):
        raise OutputError("it does not begin as a JPEG does")
    for marker, _, block, end in jpeg_segments(data):
        if marker == 0xDA:
            return
        yield marker, end - len(block), end
    raise OutputError("its segments are damaged")


def _extension_says_otherwise(segments: list[bytes]) -> bool:
    """Return whether the extended XMP states a digital source type that is not AI."""
    pieces: dict[bytes, dict[int, bytes]] = {}
    for body in segments:
        head = body[len(XMP_EXTENSION) : _EXTENSION_HEAD]
        offset = int.from_bytes(head[36:40], "big")
        pieces.setdefault(head[:32], {})[offset] = body[_EXTENSION_HEAD:]
    for parts in pieces.values():
        whole = b"".join(parts[offset] for offset in sorted(parts))
        if len(whole) <= _MOST_EXTENDED and b"DigitalSourceType" in whole:
            stated = states(whole)
            if stated and not any(says_ai(value) for value in stated):
                return True
    return False
