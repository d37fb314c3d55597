"""ID3 tags (id3.org: ID3v2.2, 2.3 and 2.4, and ID3v1): comments, own texts, addresses, and XMP.

Frames of interest::

    TXXX (TXX)   a name and a text                  the name is the key
    COMM (COM)   language, a short description      comment
    TSSE, TENC   encoder, encoded-by
    WOAS, WXXX   an address
    PRIV XMP     an XMP packet (XMP specification part 3, 1.1.4)
"""

from __future__ import annotations

from collections.abc import Iterator

from waarmerk.detection.labels.carriers import xmp
from waarmerk.detection.labels.items import Found, Item
from waarmerk.detection.labels.source import Source

__all__ = ["id3_items", "id3v1_items", "tag_size"]

_TEXTS = {b"TSSE": "encoder", b"TSS": "encoder", b"TENC": "encoded-by", b"TEN": "encoded-by"}
_ADDRESSES = {b"WOAS": "source address", b"WAS": "source address"}
_MOST_TAG = 1 << 25
_CODECS = ("latin-1", "utf-16", "utf-16-be", "utf-8")


def tag_size(head: bytes) -> int:
    """Return the length of the ID3v2 tag that begins with these ten bytes; 0 if none does."""
    if len(head) < 10 or not head.startswith(b"ID3"):
        return 0
    return 10 + _number(head[6:10], 7) + (10 if head[5] & 0x10 else 0)


def id3_items(source: Source, start: int = 0) -> Iterator[Found]:
    """Yield what an ID3v2 tag says.

    Parameters
    ----------
    source
        The file.
    start
        Where in it the tag begins.
    """
    head = source.at(start, 10)
    size = tag_size(head)
    version = head[3] if size else 0
    if version not in (2, 3, 4):
        return
    end = min(start + size, source.size)
    at = start + 10
    whole = bool(head[5] & 0x80) and version < 4  # unsynchronised as a whole
    if whole:
        if size > _MOST_TAG:
            return
        source = source.part(source.at(at, end - at).replace(b"\xff\0", b"\xff"))
        at, end = 0, source.size
    if head[5] & 0x40 and version > 2:
        first = source.at(at, 4)
        at += _number(first, 7) if version == 4 else 4 + _number(first, 8)
    width = 3 if version == 2 else 4
    while at + 2 * width < end:
        source.step()
        frame = source.at(at, 6 if version == 2 else 10)
        kind = frame[:width]
        length = _number(frame[width : 2 * width], 7 if version == 4 else 8)
        if not kind.strip(b"\0") or length <= 0:
            return
        at += len(frame)
        if kind in _TEXTS or kind in _ADDRESSES or kind in _OTHERS:
            content = source.value(at, min(length, end - at))
            yield from _frame_items(kind, _unpacked(content, frame, version, source), source)
        at += length


def id3v1_items(source: Source) -> Iterator[Found]:
    """Yield the comment of the 128 bytes at the end of an MP3."""
    tag = source.at(source.size - 128, 128)
    if tag.startswith(b"TAG"):
        yield Item("ID3v1 comment", "comment", tag[97:127].split(b"\0")[0].decode("latin-1"))


def _unpacked(content: bytes, frame: bytes, version: int, source: Source) -> bytes:
    flags = frame[9] if len(frame) == 10 else 0
    if version == 4:
        if flags & 0x04:
            return b""  # encrypted
        if flags & 0x01:
            content = content[4:]
        if flags & 0x02:
            content = content.replace(b"\xff\0", b"\xff")
        return source.inflate(content) if flags & 0x08 else content
    if version == 3:
        if flags & 0x40:
            return b""
        return source.inflate(content[4:]) if flags & 0x80 else content
    return content


def _frame_items(kind: bytes, content: bytes, source: Source) -> Iterator[Found]:
    if kind == b"PRIV":
        owner, _, packet = content.partition(b"\0")
        if owner == b"XMP":
            yield from xmp.packet_items(packet, source)
        return
    if kind in _ADDRESSES:
        text = content.split(b"\0")[0].decode("latin-1")
        yield Item(f"ID3 {kind.decode()}", _ADDRESSES[kind], text)
        return
    carrier = f"ID3 {kind.decode()}"
    encoding, content = content[:1], content[1:]
    codec = _CODECS[encoding[0]] if encoding in (b"\0", b"\1", b"\2", b"\3") else ""
    if not codec:
        return
    if kind in _TEXTS:
        yield Item(carrier, _TEXTS[kind], _decoded(content, codec))
    elif kind in (b"COMM", b"COM"):
        _, text = _split(content[3:], codec)
        yield Item(carrier, "comment", text)
    else:
        name, text = _split(content, codec)
        yield Item(carrier, name.strip().lower()[:100], text)


_OTHERS = frozenset({b"TXXX", b"TXX", b"COMM", b"COM", b"PRIV"})


def _split(content: bytes, codec: str) -> tuple[str, str]:
    """Return the two strings of a frame, the first of which ends with a zero."""
    if codec.startswith("utf-16"):
        at = 0
        while (at := content.find(b"\0\0", at)) >= 0 and at % 2:
            at += 1
        if at < 0:
            return "", ""
        first, second = content[:at], content[at + 2 :]
    else:
        first, _, second = content.partition(b"\0")
    return _decoded(first, codec), _decoded(second, codec)


def _decoded(content: bytes, codec: str) -> str:
    if codec == "latin-1":
        # Against the standard, and common: UTF-8 that says it is Latin-1.
        try:
            return content.decode().rstrip("\0")
        except UnicodeDecodeError:
            pass
    return content.decode(codec, "replace").strip("\0\ufeff")


def _number(data: bytes, bits: int) -> int:
    out = 0
    for byte in data:
        out = out << bits | (byte & 0x7F if bits == 7 else byte)
    return out
