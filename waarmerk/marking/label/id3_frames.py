"""Labels in an MP3: XMP in an ID3v2 frame ``PRIV`` (ISO 16684-3, 1.2.5), AIGC in a ``TXXX``.

::

    ID3 [frames of the input ...] [TXXX AIGC] [PRIV "XMP" 00 packet]   frames of sound ...

The frames of the input stay byte for byte (https://id3.org/id3v2.4.0-structure). What goes is
padding, an old XMP whose words are in the new one, and the extended header, whose checksum would be
wrong. AIGC's place is that of TC260-PG-202510A (6.2: description ``AIGC``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from waarmerk.errors import OutputError
from waarmerk.marking.label.content import aigc_fields
from waarmerk.marking.label.packet import extended_packet
from waarmerk.marking.source import tag_length
from waarmerk.marking.streams import copied, length_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from waarmerk.marking.label.content import LabelContent

__all__ = ["label_mp3", "xmp_of_tag"]

MOST_TAG = 1 << 26
_OWNER = b"XMP\0"
_UNSYNCHRONISED, _EXTENDED, _FOOTER = 0x80, 0x40, 0x10
_ENCODINGS = ("latin-1", "utf-16", "utf-16-be", "utf-8")


def label_mp3(
    source: BinaryIO, destination: BinaryIO, content: LabelContent, notes: list[str]
) -> None:
    """Write a copy of an MP3 with a label in its ID3v2 tag.

    Raises
    ------
    OutputError
        If its XMP cannot be extended, or its tag is damaged or of version 2.2.
    """
    length = length_of(source)
    head = source.read(10)
    size = tag_length(head)
    if size > min(length, MOST_TAG):
        raise OutputError("its ID3 tag is longer than the file, or than is read")
    version, frames = 4, b""
    if size:
        source.seek(0)
        version, frames = _frames(source.read(size))
    kept, packet, labels = [], b"", []
    for kind, flags, body, frame in _each(frames, version):
        if kind == b"PRIV" and body.startswith(_OWNER) and not flags and not packet:
            packet = body[len(_OWNER) :]
            continue
        if kind == b"TXXX" and not flags and (text := _aigc(body)) is not None:
            labels.append(text)
        kept.append(frame)
    new = extended_packet(packet, content, notes, aigc=False)
    made = []
    text = content.aigc_json
    if text is not None:
        if not any(aigc_fields(label) for label in labels):
            made.append(_frame(b"TXXX", b"\0AIGC\0" + text.encode("ascii"), version))
        elif text not in labels:
            notes.append("the AIGC label of the input stays: a file has one")
    if new is packet and not made:
        copied(source, destination, 0, length)
        return
    made.append(_frame(b"PRIV", _OWNER + new, version))
    body = b"".join((*kept, *made))
    if len(body) >= 1 << 28:
        raise OutputError("its ID3 tag has no room left")
    destination.write(b"ID3" + bytes([version, 0, 0]) + _seven_bits(len(body)) + body)
    copied(source, destination, size, length)


def xmp_of_tag(tag: bytes) -> bytes:
    """Return the XMP packet in an ID3v2 tag; empty if there is none, or it cannot be read."""
    try:
        version, frames = _frames(tag)
        for kind, flags, body, _ in _each(frames, version):
            if kind == b"PRIV" and body.startswith(_OWNER) and not flags:
                return body[len(_OWNER) :]
    except OutputError:
        pass
    return b""


def _frames(tag: bytes) -> tuple[int, bytes]:
    """Return the version of a tag, and its frames."""
    version, flags = tag[3], tag[5]
    if version not in (3, 4):
        raise OutputError(f"its ID3 tag is of version 2.{version}, which has other frames")
    end = len(tag) - (10 if flags & _FOOTER and version == 4 else 0)
    body = tag[10:end]
    if flags & _UNSYNCHRONISED:
        if version == 4:
            # There every frame says so for itself as well, and readers differ in whom they believe.
            raise OutputError("its ID3 tag is unsynchronised")
        body = body.replace(b"\xff\0", b"\xff")
    if flags & _EXTENDED:
        size = _number(body[:4], 7) if version == 4 else _number(body[:4], 8) + 4
        if not 6 <= size <= len(body):
            raise OutputError("its ID3 tag is damaged")
        body = body[size:]
    return version, body


def _each(body: bytes, version: int) -> Iterator[tuple[bytes, bytes, bytes, bytes]]:
    """Yield kind, flags (empty if none are set), content and the whole of each frame."""
    at = 0
    while at + 10 <= len(body) and body[at]:
        size = _number(body[at + 4 : at + 8], 7 if version == 4 else 8)
        end = at + 10 + size
        if end > len(body) or not body[at : at + 4].isalnum():
            raise OutputError("the frames of its ID3 tag are damaged")
        flags = body[at + 8 : at + 10].strip(b"\0")
        yield body[at : at + 4], flags, body[at + 10 : end], body[at:end]
        at = end


def _aigc(body: bytes) -> str | None:
    """Return the text of a ``TXXX`` frame whose description is AIGC."""
    if not body or body[0] >= len(_ENCODINGS):
        return None
    text = body[1:].decode(_ENCODINGS[body[0]], "replace")
    name, _, value = text.partition("\0")
    return value.rstrip("\0").removeprefix("\ufeff") if name == "AIGC" else None


def _frame(kind: bytes, content: bytes, version: int) -> bytes:
    size = _seven_bits(len(content)) if version == 4 else len(content).to_bytes(4, "big")
    return kind + size + b"\0\0" + content


def _seven_bits(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def _number(data: bytes, bits: int) -> int:
    out = 0
    for byte in data:
        out = out << bits | byte & ((1 << bits) - 1)
    return out
