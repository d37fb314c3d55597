"""Matroska and WebM (RFC 9559): simple tags. Clusters, which hold the media, are stepped over.

::

    Segment / Tags / Tag / SimpleTag:  TagName, TagString
"""

from __future__ import annotations

from collections.abc import Iterator

from waarmerk.detection.labels.items import Found, Item
from waarmerk.detection.labels.source import Source

__all__ = ["matroska_items"]

_SEGMENT, _TAGS, _TAG, _SIMPLE = 0x18538067, 0x1254C367, 0x7373, 0x67C8
_NAME, _STRING = 0x45A3, 0x4487
_PARENTS = {0: _SEGMENT, 1: _TAGS, 2: _TAG}


def matroska_items(source: Source) -> Iterator[Found]:
    """Yield the simple tags of a file."""
    yield from _items(source, 0, source.size, 0)


def _items(source: Source, start: int, end: int, depth: int) -> Iterator[Found]:
    for kind, at, stop in _elements(source, start, end):
        if depth < 3 and kind == _PARENTS[depth]:
            yield from _items(source, at, stop, depth + 1)
        elif depth == 3 and kind == _SIMPLE:
            said = {
                inner: source.value(place, until - place).decode("utf-8", "replace").rstrip("\0")
                for inner, place, until in _elements(source, at, stop)
                if inner in (_NAME, _STRING)
            }
            name = said.get(_NAME, "").lower()[:100]
            yield Item("Matroska tag", name, said.get(_STRING, ""))


def _elements(source: Source, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield identifier, start of the content and end of each element."""
    end = min(end, source.size)
    while at < end:
        source.step()
        head = source.at(at, 12)
        width = 9 - head[0].bit_length()
        rest = head[width : width + 8]
        if width > 4 or not rest or not rest[0]:
            return
        long = 9 - rest[0].bit_length()
        size = int.from_bytes(rest[:long], "big") & ~(1 << 7 * long)
        start = at + width + long
        # All ones: the length is not known, and everything up to the end belongs to it.
        unknown = size == (1 << 7 * long) - 1
        stop = end if unknown else min(start + size, end)
        yield int.from_bytes(head[:width], "big"), start, stop
        at = stop
