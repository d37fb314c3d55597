"""IPTC-IIM records (IIM 4.2) and the Photoshop resources around them."""

from __future__ import annotations

from collections.abc import Iterator

from waarmerk.detection.labels.carriers import xmp
from waarmerk.detection.labels.items import Found, Item
from waarmerk.detection.labels.source import Source

__all__ = ["iim_items", "photoshop_items"]

_IIM, _XMP = 0x0404, 0x0424  # Adobe, Photoshop File Formats, Image Resource IDs
# Datasets of record 2, by the names of IIM 4.2.
_DATASETS = {
    65: ("iim:originating program", "Originating Program"),
    80: ("iim:by-line", "By-line"),
    110: ("iim:credit", "Credit"),
    120: ("iim:caption", "Caption/Abstract"),
}


def photoshop_items(block: bytes, source: Source) -> Iterator[Found]:
    """Yield what the image resources of a Photoshop block say."""
    at = 0
    while block[at : at + 4] == b"8BIM":
        source.step()
        kind = int.from_bytes(block[at + 4 : at + 6], "big")
        name = block[at + 6] if at + 6 < len(block) else 0
        start = at + 6 + name + 1 + (name + 1) % 2
        size = int.from_bytes(block[start : start + 4], "big")
        content = block[start + 4 : start + 4 + size]
        if kind == _IIM:
            yield from iim_items(content, source)
        elif kind == _XMP:
            yield from xmp.packet_items(content, source)
        at = start + 4 + size + size % 2


def iim_items(block: bytes, source: Source) -> Iterator[Found]:
    """Yield the datasets that tell who or what made the content."""
    at = 0
    while at + 5 <= len(block) and block[at] == 0x1C:
        source.step()
        record, dataset = block[at + 1], block[at + 2]
        size = int.from_bytes(block[at + 3 : at + 5], "big")
        if size & 0x8000:  # an extended dataset, for what is larger than any text
            return
        if record == 2 and dataset in _DATASETS:
            key, name = _DATASETS[dataset]
            value = block[at + 5 : at + 5 + size]
            yield Item(f"IPTC-IIM {name}", key, _text(value))
        at += 5 + size


def _text(value: bytes) -> str:
    try:
        return value.decode().strip("\0 ")
    except UnicodeDecodeError:
        return value.decode("latin-1").strip("\0 ")
