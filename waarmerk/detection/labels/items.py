"""What carriers find: keys with values, whatever the format of the file.

Keys are in lower case. Those of text chunks, ID3, Vorbis comments, MP4 and Matroska are names that
the writer chose (``parameters``, ``aigc``); what such formats have in common goes by one name:
``comment``, ``description``, ``software``, ``encoder``. A prefix tells the others apart::

    iptc4xmpext:digitalsourcetype    XMP, with the usual prefix of its namespace
    exif:usercomment                 EXIF, and XMP of that namespace
    iim:credit                       IPTC-IIM
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

__all__ = ["Found", "Item", "Items", "Unreadable"]

_MOST_ITEMS: Final = 5000


@dataclass(frozen=True, slots=True)
class Item:
    """One value that a file holds beside its content.

    Parameters
    ----------
    carrier
        Where it stands, in words for a report; says nothing that the file's author chose.
    key
        In lower case; see the top of this module.
    value
        As it stands there.
    """

    carrier: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A place that may hold a label and cannot be read.

    Parameters
    ----------
    carrier
        As of an item.
    reason
        One of :mod:`waarmerk.detection.reasons`; never words from the file.
    """

    carrier: str
    reason: str


Found = Item | Unreadable
"""What a carrier yields."""


@dataclass(slots=True)
class Items:
    """The items of a file, by key, in the order in which they stand in it.

    Parameters
    ----------
    unreadable
        What could not be read.
    """

    unreadable: list[Unreadable] = field(default_factory=list)
    _by_key: dict[str, list[Item]] = field(default_factory=dict)
    _count: int = 0

    def add(self, item: Found) -> bool:
        """Keep an item that says something; return whether more can be kept."""
        if isinstance(item, Unreadable):
            self.unreadable.append(item)
            self._count += 1
        elif item.value:
            self._by_key.setdefault(item.key, []).append(item)
            self._count += 1
        return self._count < _MOST_ITEMS

    def __contains__(self, key: str) -> bool:
        return key in self._by_key

    def __iter__(self) -> Iterator[Item]:
        for items in self._by_key.values():
            yield from items

    def all(self, *keys: str) -> list[Item]:
        """Return the items with one of these keys."""
        return [item for key in keys for item in self._by_key.get(key, ())]

    def first(self, *keys: str) -> Item | None:
        """Return the first item with the first of these keys that is there."""
        for key in keys:
            if key in self._by_key:
                return self._by_key[key][0]
        return None

    def text(self, *keys: str) -> str:
        """Return its value; empty if there is none."""
        item = self.first(*keys)
        return "" if item is None else item.value
