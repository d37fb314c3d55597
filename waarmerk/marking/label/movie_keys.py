"""AIGC in the metadata of a movie box, as keys of their own or as iTunes lists them.

::

    moov
    └── udta
        └── meta                 handler "mdta": the guide's place (TC260-PG-20257A, 6.1.1)
            ├── hdlr
            ├── keys             1: mdta AIGC
            └── ilst             1: data {"Label":"1", ...}

    moov/udta/meta               handler "mdir": tags as iTunes writes them
            └── ilst             ----: mean com.apple.iTunes, name AIGC, data {...}

The keys are QuickTime's (Apple, QuickTime File Format: Metadata); FFmpeg writes and reads both.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from waarmerk.errors import OutputError
from waarmerk.marking.label.boxes import Box, box, children
from waarmerk.marking.label.content import aigc_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["with_aigc", "with_child", "without_child"]

_UTF_8 = 1
_MOST_KEYS = 10_000


def with_aigc(movie: bytes, text: str, notes: list[str]) -> bytes:
    """Return a movie box with an AIGC label in its metadata; the same object if it has one.

    Raises
    ------
    OutputError
        If its metadata is damaged, or of another kind.
    """
    udta = _child(movie, 8, len(movie), b"udta")
    meta = None if udta is None else _child(movie, udta.content, udta.end, b"meta")
    if meta is None:
        return with_child(movie, _new_meta(text))
    content = movie[meta.content : meta.end]
    # QuickTime has no version in front of what is in there, ISO has.
    start = 0 if content[4:8] == b"hdlr" else 4
    handler = _child(content, start, len(content), b"hdlr")
    kind = b"" if handler is None else content[handler.content + 8 : handler.content + 12]
    if kind not in (b"mdta", b"mdir"):
        raise OutputError("its metadata is of a kind that cannot hold AIGC")
    labels = list(_in_keys(content, start) if kind == b"mdta" else _in_list(content, start))
    if labels:
        if text not in labels:
            if not any(aigc_fields(label) for label in labels):
                raise OutputError("it has an AIGC label that cannot be read, nor be replaced")
            notes.append("the AIGC label of the input stays: a file has one")
        return movie
    extended = _with_key(content, start, text) if kind == b"mdta" else _with_item(content, text)
    return with_child(without_child(movie, b"meta"), box(b"meta", extended))


def with_child(movie: bytes, child: bytes) -> bytes:
    """Return a movie box with one more box in its user data."""
    udta = _child(movie, 8, len(movie), b"udta")
    if udta is None:
        return box(b"moov", movie[8:] + box(b"udta", child))
    end = max((one.end for one in children(movie, udta.content, udta.end)), default=udta.content)
    data = box(b"udta", movie[udta.content : end] + child + movie[end : udta.end])
    return box(b"moov", movie[8 : udta.start] + data + movie[udta.end :])


def without_child(movie: bytes, kind: bytes) -> bytes:
    """Return a movie box without the first box of a kind in its user data."""
    udta = _child(movie, 8, len(movie), b"udta")
    one = None if udta is None else _child(movie, udta.content, udta.end, kind)
    if udta is None or one is None:
        return movie
    data = box(b"udta", movie[udta.content : one.start] + movie[one.end : udta.end])
    return box(b"moov", movie[8 : udta.start] + data + movie[udta.end :])


def _child(data: bytes, start: int, end: int, kind: bytes) -> Box | None:
    return next((one for one in children(data, start, end) if one.kind == kind), None)


def _new_meta(text: str) -> bytes:
    handler = box(b"hdlr", bytes(8) + b"mdta" + bytes(13))
    content = bytes(4) + handler + _keys([b"AIGC"]) + box(b"ilst", _item(1, text))
    return box(b"meta", content)


def _keys(names: list[bytes]) -> bytes:
    entries = b"".join(struct.pack(">I4s", 8 + len(name), b"mdta") + name for name in names)
    return box(b"keys", struct.pack(">II", 0, len(names)) + entries)


def _item(number: int, text: str) -> bytes:
    return box(struct.pack(">I", number), _data(text))


def _data(text: str) -> bytes:
    return box(b"data", struct.pack(">II", _UTF_8, 0) + text.encode("ascii"))


def _names(content: bytes, keys: Box) -> list[bytes]:
    """Return the keys; the items of the list name them by their numbers, from 1 on."""
    count = int.from_bytes(content[keys.content + 4 : keys.content + 8], "big")
    at = keys.content + 8
    names = []
    if count > _MOST_KEYS:
        raise OutputError("its metadata is damaged")
    for _ in range(count):
        size = int.from_bytes(content[at : at + 4], "big")
        if size < 8 or at + size > keys.end:
            raise OutputError("its metadata is damaged")
        names.append(content[at + 8 : at + size])
        at += size
    return names


def _in_keys(content: bytes, start: int) -> Iterator[str]:
    keys = _child(content, start, len(content), b"keys")
    items = _child(content, start, len(content), b"ilst")
    if keys is None or items is None:
        return
    names = _names(content, keys)
    for item in children(content, items.content, items.end):
        number = int.from_bytes(item.kind, "big")
        if 1 <= number <= len(names) and names[number - 1] == b"AIGC":
            yield _text(content, item)


def _in_list(content: bytes, start: int) -> Iterator[str]:
    items = _child(content, start, len(content), b"ilst")
    if items is None:
        return
    for item in children(content, items.content, items.end):
        if item.kind == b"----":
            name = _child(content, item.content, item.end, b"name")
            if name is not None and content[name.content + 4 : name.end] == b"AIGC":
                yield _text(content, item)


def _text(content: bytes, item: Box) -> str:
    data = _child(content, item.content, item.end, b"data")
    return "" if data is None else content[data.content + 8 : data.end].decode("utf-8", "replace")


def _with_key(content: bytes, start: int, text: str) -> bytes:
    """Return metadata with one more key and its value."""
    keys = _child(content, start, len(content), b"keys")
    names = [] if keys is None else _names(content, keys)
    items = _child(content, start, len(content), b"ilst")
    inside = b"" if items is None else content[items.content : items.end]
    rest = b"".join(
        content[one.start : one.end]
        for one in children(content, start, len(content))
        if one.kind not in (b"keys", b"ilst")
    )
    listed = box(b"ilst", inside + _item(len(names) + 1, text))
    return content[:start] + rest + _keys([*names, b"AIGC"]) + listed


def _with_item(content: bytes, text: str) -> bytes:
    """Return metadata with one more item in its list, and a name that iTunes leaves to others."""
    start = 0 if content[4:8] == b"hdlr" else 4
    mean = box(b"mean", bytes(4) + b"com.apple.iTunes")
    item = box(b"----", mean + box(b"name", bytes(4) + b"AIGC") + _data(text))
    items = _child(content, start, len(content), b"ilst")
    if items is None:
        return content + box(b"ilst", item)
    listed = box(b"ilst", content[items.content : items.end] + item)
    return content[: items.start] + listed + content[items.end :]
