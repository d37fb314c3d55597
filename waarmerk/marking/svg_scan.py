"""Where the elements of an SVG are that a manifest is in, found without holding the file.

A parser of XML holds every tag and comment whole, and in a large SVG one attribute may be a picture
of a hundred megabytes. This goes through the file in pieces and knows no more of XML than where
a tag begins and ends (XML 1.0, 2.4 to 2.8, 3.1). What it does not expect, it leaves to others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import BinaryIO

__all__ = ["Scan", "scanned"]

MANIFEST = [b"svg", b"metadata", b"c2pa:manifest"]

_PIECE = 1 << 20
_LONG = 1 << 20  # tags that are longer are not looked into
_MOST_DEPTH = 10_000
_NAME = rb"[^\s<>/!?\"'=]{1,256}"
_TAG = re.compile(
    rb"<(/?)(" + _NAME + rb")((?:\s[^\"'<>]*(?:\"[^\"]*\"[^\"'<>]*|'[^']*'[^\"'<>]*)*)?/?)>"
)
_BEGINNING = re.compile(rb"<(" + _NAME + rb")\s")
_QUOTE_OR_END = re.compile(rb"[\"'<>]")
_END_OR_SUBSET = re.compile(rb"[\[>]")
_SPANS = ((b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>"))
_LONGEST = len(b"<![CDATA[")


@dataclass(slots=True)
class Scan:
    """What is known of a file.

    `root` is the place of the end (``>``) of the tag that opens the picture, and `attributes` what
    is in that tag; `metadata` are the places behind the tags of that name below it; `manifests` are
    where their contents begin and end.
    """

    root: int = -1
    attributes: bytes = b""
    metadata: list[int] = field(default_factory=list)
    manifests: list[tuple[int, int]] = field(default_factory=list)


class _Window:
    """A part of a file that moves on: `data` begins at `base`, and what is next is at `at`."""

    def __init__(self, file: BinaryIO) -> None:
        file.seek(0)
        self.file, self.data, self.base, self.at = file, b"", 0, 0
        self.before = b""  # the character in front of a mark

    @property
    def place(self) -> int:
        return self.base + self.at

    def more(self) -> bool:
        piece = self.file.read(_PIECE)
        self.data, self.base, self.at = self.data[self.at :] + piece, self.place, 0
        return bool(piece)

    def next(self, marks: re.Pattern[bytes]) -> bytes:
        """Go behind the next of some characters, and return it; nothing if there is none."""
        while (found := marks.search(self.data, self.at)) is None:
            self.before = self.data[self.at :][-1:] or self.before
            self.at = len(self.data)
            if not self.more():
                return b""
        self.before = self.data[self.at : found.start()][-1:] or self.before
        self.at = found.end()
        return found[0]

    def skip_to(self, word: bytes) -> bool:
        """Go to where a word begins; return whether there is one."""
        while True:
            found = self.data.find(word, self.at)
            if found >= 0:
                self.at = found
                return True
            self.at = max(self.at, len(self.data) - len(word) + 1)
            if not self.more():
                return False


class _Elements:
    """What is open, and what was found on the way; every step says whether all is in order."""

    def __init__(self) -> None:
        self.scan = Scan()
        self.path: list[bytes] = []
        self.start = 0

    def opened(self, name: bytes, attributes: bytes, behind: int) -> bool:
        path = self.path
        if not path and (self.scan.root >= 0 or name != b"svg"):
            return False
        if attributes.endswith(b"/"):
            return bool(path) and [*path[:3], name] != MANIFEST
        path.append(name)
        if len(path) == 1:
            self.scan.root, self.scan.attributes = behind - 1, attributes
        elif path == MANIFEST[:2]:
            self.scan.metadata.append(behind)
        elif path == MANIFEST:
            self.start = behind
        return len(path) <= _MOST_DEPTH

    def closed(self, name: bytes, rest: bytes, before: int) -> bool:
        if not self.path or self.path[-1] != name or rest.strip():
            return False
        if self.path == MANIFEST:
            self.scan.manifests.append((self.start, before))
        self.path.pop()
        return True


def scanned(file: BinaryIO) -> Scan | None:
    """Return where the elements are that a manifest is in; None if this is no plain SVG."""
    window, elements = _Window(file), _Elements()
    window.more()
    if not window.data.lstrip(b" \t\r\n").startswith(b"<"):
        return None
    while window.skip_to(b"<"):
        tag = _TAG.match(window.data, window.at)
        if tag is None and len(window.data) - window.at < _LONG and window.more():
            continue
        within = elements.path == MANIFEST
        if tag is None:
            good = not within and _skipped(window, elements)
        elif tag[1]:
            good = elements.closed(tag[2], tag[3], window.place)
            window.at = tag.end()
        else:
            window.at = tag.end()
            good = not within and elements.opened(tag[2], tag[3], window.place)
        if not good:
            return None
    done = not elements.path and elements.scan.root >= 0
    return elements.scan if done else None


def _skipped(window: _Window, elements: _Elements) -> bool:
    """Go behind what is no short tag; return whether it is understood."""
    head = window.data[window.at : window.at + _LONGEST]
    for start, end in _SPANS:
        if head.startswith(start):
            window.at += len(start)
            found = window.skip_to(end)
            window.at += len(end)
            return found
    if head.upper() == b"<!DOCTYPE":
        window.at += _LONGEST
        return window.next(_END_OR_SUBSET) == b">"  # without definitions of its own
    beginning = _BEGINNING.match(window.data, window.at)
    if beginning is None:
        return False
    window.at = beginning.end()
    return _behind_long_tag(window, elements, beginning[1])


def _behind_long_tag(window: _Window, elements: _Elements, name: bytes) -> bool:
    while (mark := window.next(_QUOTE_OR_END)) in (b'"', b"'"):
        if not window.skip_to(mark):
            return False
        window.at += 1
    if mark != b">":
        return False
    if window.before == b"/":
        return bool(elements.path)
    # One that a manifest is in would have to be looked into.
    return name not in MANIFEST and elements.opened(name, b"", window.place)
