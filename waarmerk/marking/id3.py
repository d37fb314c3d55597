"""ID3v2 tags (https://id3.org/id3v2.4.0-structure): made, and freed of an old manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waarmerk.marking.source import tag_length

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["build", "without_manifest"]

_FRAMES = {
    "TITLE": b"TIT2",
    "ARTIST": b"TPE1",
    "ALBUM": b"TALB",
    "ALBUMARTIST": b"TPE2",
    "DATE": b"TDRC",
    "GENRE": b"TCON",
    "TRACKNUMBER": b"TRCK",
    "DISCNUMBER": b"TPOS",
    "COMPOSER": b"TCOM",
    "COPYRIGHT": b"TCOP",
    "PUBLISHER": b"TPUB",
    "ORGANIZATION": b"TPUB",
    "LANGUAGE": b"TLAN",
    "ISRC": b"TSRC",
    "BPM": b"TBPM",
    "ENCODED-BY": b"TENC",
}
_WITH_LANGUAGE = {"COMMENT": b"COMM", "DESCRIPTION": b"COMM", "LYRICS": b"USLT"}
_UTF_8 = b"\3"
_MANIFEST_TYPES = (b"application/c2pa", b"application/x-c2pa-manifest-store")


def build(texts: Iterable[tuple[str, str]], covers: Sequence[tuple[bytes, str, int, str]]) -> bytes:
    """Return an ID3v2.4 tag; empty if it would say nothing.

    Parameters
    ----------
    texts
        Keys of Vorbis comments and their values.
    covers
        Data, media type, kind and description of each picture.
    """
    together: dict[str, list[str]] = {}
    for key, value in texts:
        if value:
            together.setdefault(key, []).append(value)
    frames: list[bytes] = []
    for key, values in together.items():
        joined = "\0".join(values).encode("utf-8", "replace")
        if key in _FRAMES:
            frames.append(_frame(_FRAMES[key], _UTF_8 + joined))
        elif key in _WITH_LANGUAGE:
            text = "\n".join(values).encode("utf-8", "replace")
            frames.append(_frame(_WITH_LANGUAGE[key], _UTF_8 + b"XXX\0" + text))
        else:
            name = key.encode("utf-8", "replace").replace(b"\0", b"")
            frames.append(_frame(b"TXXX", _UTF_8 + name + b"\0" + joined))
    for data, media_type, kind, description in covers:
        about = media_type.encode("ascii", "replace") + b"\0" + bytes([kind & 0xFF])
        words = description.encode("utf-8", "replace").replace(b"\0", b"")
        frames.append(_frame(b"APIC", _UTF_8 + about + words + b"\0" + data))
    return _tag(b"".join(frames), 4) if frames else b""


def without_manifest(tag: bytes) -> bytes:
    """Return an ID3v2 tag without the frame that holds a C2PA manifest.

    Empty if nothing else is in it, or if it cannot be taken apart.
    """
    if not any(kind in tag for kind in _MANIFEST_TYPES):
        return tag
    version = tag[3] if len(tag) > 10 else 0
    body = tag[10 : tag_length(tag)]
    if version not in (3, 4) or tag[5] & 0x40:
        return b""
    if tag[5] & 0x80 and version == 3:
        body = body.replace(b"\xff\0", b"\xff")
    kept = []
    at = 0
    while at + 10 <= len(body) and body[at] != 0:
        size = _number(body[at + 4 : at + 8], 7 if version == 4 else 8)
        frame = body[at : at + 10 + size]
        if len(frame) < 10 + size:
            return b""
        if frame[:4] != b"GEOB" or not any(kind in frame[:60] for kind in _MANIFEST_TYPES):
            kept.append(frame)
        at += 10 + size
    return _tag(b"".join(kept), version) if kept else b""


def _frame(kind: bytes, content: bytes) -> bytes:
    return kind + _seven_bits(len(content)) + b"\0\0" + content


def _tag(body: bytes, version: int) -> bytes:
    return b"ID3" + bytes([version, 0, 0]) + _seven_bits(len(body)) + body


def _seven_bits(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def _number(data: bytes, bits: int) -> int:
    out = 0
    for byte in data:
        out = out << bits | byte
    return out
