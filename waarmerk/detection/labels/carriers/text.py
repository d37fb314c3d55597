"""Labels in texts: front matter and meta elements, and the metadata of an SVG.

Texts hold no items but whole labels; :mod:`waarmerk.marking.text_label` reads and writes them.
"""

from __future__ import annotations

from collections.abc import Iterator

from waarmerk.detection.labels.carriers import xmp
from waarmerk.detection.labels.items import Found, Item
from waarmerk.detection.labels.source import Source
from waarmerk.marking import text_label

__all__ = ["scan_items", "svg_items", "text_items"]

_MOST_TEXT = 1 << 19
_MOST_SCAN = 1 << 24
_KEYS = {
    text_label.IPTC: "digitalsourcetype",
    text_label.SCHEMA_ORG: "schema.org:digitalsourcetype",
    text_label.AIGC: "aigc label",
}
_CARRIERS = {"text/markdown": "front matter", "text/html": "HTML meta element"}


def text_items(source: Source, media_type: str) -> Iterator[Found]:
    """Yield the labels of a Markdown text or an HTML page; another text has no place for one."""
    text = source.at(0, _MOST_TEXT).decode("utf-8", "replace")
    for label in text_label.read_labels(text, media_type):
        if label.standard in _KEYS:
            yield Item(_CARRIERS.get(media_type, "text"), _KEYS[label.standard], label.value)


def svg_items(source: Source) -> Iterator[Found]:
    """Yield the XMP of an SVG (SVG 2, 21): in its metadata element, anywhere in the text."""
    yield from xmp.packets_in(source.at(0, _MOST_SCAN), source, xmp.CARRIER)


def scan_items(source: Source) -> Iterator[Found]:
    """Yield the packets in a file of a kind that is not known: from its start and its end."""
    data = source.at(0, _MOST_SCAN)
    if source.size > _MOST_SCAN:
        rest = min(source.size - _MOST_SCAN, _MOST_SCAN)
        data += source.at(source.size - rest, rest)
    yield from xmp.packets_in(data, source, "XMP, found by scanning the file")
