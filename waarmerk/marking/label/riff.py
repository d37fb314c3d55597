"""Labels in RIFF files: WebP, WAV and AVI.

::

    WebP  RIFF WEBP [VP8X] [ICCP] [ANIM] image [EXIF] [XMP ]             XMP (RFC 9649, 2.7.1.5)
    WAV   RIFF WAVE [fmt ] ... [data] ... [_PMX] [AIGC]                  XMP (ISO 16684-3, 1.2.8)
    AVI   RIFF AVI  [LIST hdrl] [LIST movi] [idx1] [_PMX] [LIST INFO(AIGC)]        (1.2.2)

AIGC stands in a chunk of its name (TC260-PG-202510A: WAV), or of that name in a LIST of INFO
(TC260-PG-20257A: AVI); in a WebP it stands in the XMP.

In sounds and videos chunks are appended, and an old one becomes padding: indexes count bytes from
the beginning of the file.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

from waarmerk.errors import OutputError
from waarmerk.marking.label.content import aigc_fields
from waarmerk.marking.label.packet import MOST_PACKET, extended_packet
from waarmerk.marking.streams import length_of, with_changes
from waarmerk.marking.wave import chunk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from waarmerk.marking.label.content import LabelContent

__all__ = ["label_avi", "label_wave", "label_webp"]

_MOST_CHUNKS = 100_000
_MOST_AIGC = 1 << 16
_XMP_FLAG, _ALPHA_FLAG = 0x04, 0x10


def label_webp(data: bytes, content: LabelContent, notes: list[str]) -> bytes:
    """Return a WebP with a label in its XMP.

    Raises
    ------
    OutputError
        If its XMP cannot be extended, or it is damaged.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise OutputError("it does not begin as a WebP does")
    end = min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    parts: list[tuple[bytes, bytes]] = []
    at = 12
    while at + 8 <= end:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + size > end:
            raise OutputError("its chunks are damaged or cut off")
        parts.append((data[at : at + 4], data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    packet = next((body for kind, body in parts if kind == b"XMP "), b"")
    new = extended_packet(packet, content, notes)
    if new is packet:
        return data
    if packet:
        place = next(i for i, (kind, _) in enumerate(parts) if kind == b"XMP ")
        parts[place] = (b"XMP ", new)
    else:
        parts.append((b"XMP ", new))
    if not parts or parts[0][0] != b"VP8X":
        parts.insert(0, (b"VP8X", _features(parts)))
    features = parts[0][1]
    parts[0] = (b"VP8X", bytes([features[0] | _XMP_FLAG]) + features[1:])
    body = b"".join(chunk(kind, part) for kind, part in parts)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body + data[end + end % 2 :]


def _features(parts: list[tuple[bytes, bytes]]) -> bytes:
    """Return the extended header of a simple file, from that of its one image."""
    kind, body = parts[0] if parts else (b"", b"")
    flags, width, height = 0, 0, 0
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a" and len(body) >= 10:  # RFC 6386, 9.1
        width, height = (value & 0x3FFF for value in struct.unpack_from("<HH", body, 6))
    elif kind == b"VP8L" and body[:1] == b"\x2f" and len(body) >= 5:  # RFC 9649, 3.4
        bits = int.from_bytes(body[1:5], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        flags = _ALPHA_FLAG if bits >> 28 & 1 else 0
    else:
        raise OutputError("its chunks are damaged")
    if not width or not height:
        raise OutputError("its chunks are damaged")
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes([flags, 0, 0, 0]) + size


def label_wave(
    source: BinaryIO, destination: BinaryIO, content: LabelContent, notes: list[str]
) -> None:
    """Write a copy of a WAV with a label in a chunk of XMP, and AIGC in one of its own.

    Raises
    ------
    OutputError
        If its XMP cannot be extended, it is damaged, or it would grow beyond 4 GB.
    """
    _label(source, destination, b"WAVE", content, notes)


def label_avi(
    source: BinaryIO, destination: BinaryIO, content: LabelContent, notes: list[str]
) -> None:
    """Write a copy of an AVI with a label in a chunk of XMP, and AIGC among its INFO.

    Raises
    ------
    OutputError
        If its XMP cannot be extended, it is damaged, or has more than one RIFF (OpenDML).
    """
    _label(source, destination, b"AVI ", content, notes)


def _label(
    source: BinaryIO,
    destination: BinaryIO,
    form: bytes,
    content: LabelContent,
    notes: list[str],
) -> None:
    length = length_of(source)
    head = source.read(12)
    if head[:4] != b"RIFF" or head[8:12] != form:
        raise OutputError(f"it does not begin as RIFF {form.decode('ascii').strip()} does")
    end = 8 + int.from_bytes(head[4:8], "little")
    if end != length and end + end % 2 != length:
        # More behind it is what OpenDML has; less is a file that is cut off.
        raise OutputError("it is not one RIFF from its beginning to its end")
    changes: dict[int, bytes | int] = {}
    packet = b""
    labels = []
    for kind, start, size in _chunks(source, 12, end):
        if kind == b"_PMX" and not packet:
            if size > MOST_PACKET:
                raise OutputError(f"its XMP has {size} bytes, more than are read")
            source.seek(start)
            packet = source.read(size)
            changes = {start - 8: b"JUNK", start: size}
        labels += _aigc_of(source, form, kind, start, size)
    new = extended_packet(packet, content, notes, aigc=False)
    if new is packet:
        changes, new = {}, b""
    behind = (chunk(b"_PMX", new) if new else b"") + _aigc_chunk(form, content, labels, notes)
    total = length + length % 2 + len(behind)
    if total - 8 >= 1 << 32:
        raise OutputError("a RIFF file has no more than 4 GB")
    with_changes(source, destination, length, changes | {4: struct.pack("<I", total - 8)})
    destination.write(bytes(length % 2) + behind)


def _chunks(file: BinaryIO, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start of the content and size of the chunks between two places."""
    for _ in range(_MOST_CHUNKS):
        if at + 8 > end:
            return
        file.seek(at)
        kind, size = struct.unpack("<4sI", file.read(8))
        if at + 8 + size > end:
            raise OutputError("its chunks are damaged or cut off")
        yield kind, at + 8, size
        at += 8 + size + size % 2
    raise OutputError(f"it has more than {_MOST_CHUNKS} chunks")


def _aigc_of(file: BinaryIO, form: bytes, kind: bytes, start: int, size: int) -> list[bytes]:
    """Return the AIGC labels in a chunk."""
    places = []
    if form == b"WAVE" and kind == b"AIGC":
        places = [(start, size)]
    elif form == b"AVI " and kind == b"LIST" and size >= 4:
        file.seek(start)
        if file.read(4) == b"INFO":
            inside = _chunks(file, start + 4, start + size)
            places = [(at, n) for name, at, n in inside if name == b"AIGC"]
    found = []
    for at, many in places:
        file.seek(at)
        found.append(file.read(min(many, _MOST_AIGC)))
    return found


def _aigc_chunk(form: bytes, content: LabelContent, labels: list[bytes], notes: list[str]) -> bytes:
    text = content.aigc_json
    if text is None:
        return b""
    for label in labels:
        fields = aigc_fields(label.rstrip(b"\0").decode("utf-8", "replace"))
        if fields is not None:
            if label.rstrip(b"\0") != text.encode():
                notes.append("the AIGC label of the input stays: a file has one")
            return b""
    inner = chunk(b"AIGC", text.encode())
    return inner if form == b"WAVE" else chunk(b"LIST", b"INFO" + inner)
