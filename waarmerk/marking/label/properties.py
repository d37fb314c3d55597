"""Where our properties stand in an XMP packet, so that they can be changed and nothing else.

Packets come from hostile files: they are read by an expat that declares no entities, and of what is
in them only four properties count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from xml.parsers import expat
from xml.sax.saxutils import escape

from waarmerk.errors import OutputError

__all__ = [
    "AIGC_LABEL",
    "EXT",
    "RDF",
    "SOURCE_TYPE",
    "SYSTEM_USED",
    "TC260",
    "VERSION_USED",
    "Name",
    "Property",
    "Seen",
    "look",
    "tag_end",
]

RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
EXT: Final = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
TC260: Final = "http://www.tc260.org.cn/ns/AIGC/1.0/"

Name = tuple[str, str]
"""Of a property: its namespace and its local name."""

SOURCE_TYPE = (EXT, "DigitalSourceType")
SYSTEM_USED = (EXT, "AISystemUsed")
VERSION_USED = (EXT, "AISystemVersionUsed")
AIGC_LABEL = (TC260, "AIGC")
_META = ("adobe:ns:meta/", "xmpmeta")
_OURS = frozenset({SOURCE_TYPE, SYSTEM_USED, VERSION_USED, AIGC_LABEL})
_MOST_VALUE = 1 << 16
_MOST_TIMES = 100
_TAG = re.compile(rb"""(?:[^"'>]++|"[^"]*+"|'[^']*+')*+>""")
_SPACE = b" \t\r\n"


@dataclass(slots=True)
class Property:
    """One of our properties as it stands in a packet.

    `start` and `end` are the place of what has to change for another value: the value itself, or
    the end of an element that is closed at once.
    """

    name: str
    start: int
    end: int
    value: str
    form: Literal["attribute", "element", "empty"]

    def replaced(self, value: str) -> str:
        """Return what has to stand there for another value."""
        text = escape(value, {'"': "&quot;", "'": "&apos;"})
        return f">{text}</{self.name}>" if self.form == "empty" else text


@dataclass(slots=True)
class Seen:
    """What was found in a packet; places are bytes of its UTF-8.

    `end` is where the RDF ends: in front of its closing tag, or behind one that is closed at once.
    """

    rdf_prefix: str = ""
    about: str = ""
    end: int = -1
    closed_at_once: bool = False
    properties: dict[Name, list[Property]] = field(default_factory=dict)


class _Looker:
    """Follows the events of the parser; only properties of the file itself count.

    RDF holds descriptions, and those hold properties as elements or attributes; what lies deeper
    is about ingredients and earlier versions.
    """

    def __init__(self, data: bytes, *, document: bool) -> None:
        self.data = data
        self.within = _META if document else None
        self.path: list[str] = []
        self.seen = Seen()
        self.depth = 0
        self.rdf_depth = -1
        self.rdf_inner = 0
        self.about_known = False
        self.open: str | None = None  # the element that is being read
        self.inner = 0
        self.value = ""
        self.parser: Any = expat.ParserCreate("utf-8", namespace_separator=" ")
        self.parser.namespace_prefixes = True
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.text
        self.parser.EntityDeclHandler = self.refuse
        if not document:
            self.parser.StartDoctypeDeclHandler = self.refuse

    def refuse(self, *_: Any) -> None:
        raise OutputError("its XMP has entities of its own, and is not extended")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        space, local, prefix = _parts(name)
        self.depth += 1
        at = self.parser.CurrentByteIndex
        inside = self.depth - self.rdf_depth if self.rdf_depth >= 0 else -1
        here = self.within is None or (self.path and _parts(self.path[-1])[:2] == self.within)
        self.path.append(name)
        if here and self.rdf_depth < 0 and self.seen.end < 0 and (space, local) == (RDF, "RDF"):
            self.rdf_depth, self.seen.rdf_prefix = self.depth, prefix
            self.rdf_inner = tag_end(self.data, at)
            self.seen.closed_at_once = self.data.endswith(b"/>", 0, self.rdf_inner)
        elif inside == 1:
            self._description(at, attributes)
        elif inside == 2 and (space, local) in _OURS:
            self.inner = tag_end(self.data, at)
            self.open = name
            self.value = ""
            resource = next((k for k in attributes if _parts(k)[:2] == (RDF, "resource")), None)
            if resource is not None:
                self.open = None
                self._add((space, local), resource, at, attributes[resource])

    def end(self, name: str) -> None:
        at = self.parser.CurrentByteIndex
        if self.open is not None and self.depth - self.rdf_depth == 2:
            space, local, prefix = _parts(name)
            self.open = None
            written = f"{prefix}:{local}" if prefix else local
            empty = self.data.endswith(b"/>", 0, self.inner)
            found = (
                Property(written, self.inner - 2, self.inner, "", "empty")
                if empty
                else Property(written, self.inner, at, self.value.strip(), "element")
            )
            self._keep((space, local), found)
        if self.depth == self.rdf_depth:
            self.rdf_depth = -1
            self.seen.end = self.rdf_inner if self.seen.closed_at_once else at
        self.depth -= 1
        self.path.pop()

    def text(self, text: str) -> None:
        if self.open is not None and len(self.value) < _MOST_VALUE:
            self.value += text

    def _description(self, at: int, attributes: dict[str, str]) -> None:
        for key, value in attributes.items():
            space, local, _ = _parts(key)
            if (space, local) == (RDF, "about") and not self.about_known:
                # All descriptions of a packet are about the same (ISO 16684-1, 7.4).
                self.seen.about, self.about_known = value[:2000], True
            if (space, local) in _OURS:
                self._add((space, local), key, at, value)

    def _add(self, name: Name, key: str, at: int, value: str) -> None:
        """Take note of a property whose value is that of an attribute."""
        _, local, prefix = _parts(key)
        place = _attribute(self.data, at, f"{prefix}:{local}".encode())
        if place is None:
            raise OutputError("its XMP cannot be extended")
        self._keep(name, Property(f"{prefix}:{local}", *place, value.strip(), "attribute"))

    def _keep(self, name: Name, found: Property) -> None:
        self.seen.properties.setdefault(name, []).append(found)
        if len(self.seen.properties[name]) > _MOST_TIMES:
            raise OutputError(f"its XMP says {name[1]} more than {_MOST_TIMES} times")


def look(data: bytes, *, document: bool = False) -> Seen:
    """Return where the first RDF of some XML ends, and our properties in it.

    Parameters
    ----------
    data
        XML in UTF-8, without a byte-order mark, possibly hostile.
    document
        Whether it is a document around a packet: then only RDF in an ``xmpmeta`` counts, and the
        type of the document may be named.

    Raises
    ------
    OutputError
        If it is no XML, declares entities, or says a property too often.
    """
    looker = _Looker(data, document=document)
    try:
        looker.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise OutputError(f"its XMP is no XML ({error}), and cannot be extended") from error
    return looker.seen


def _parts(name: str) -> tuple[str, str, str]:
    """Return namespace, local name and prefix of a name as the parser gives it."""
    parts = name.split(" ")
    if len(parts) == 1:
        return "", parts[0], ""
    return parts[0], parts[1], parts[2] if len(parts) > 2 else ""


def tag_end(data: bytes, at: int) -> int:
    """Return where the tag that begins at a place ends, in XML that is in order."""
    match = _TAG.match(data, at)
    return len(data) if match is None else match.end()


def _attribute(data: bytes, at: int, name: bytes) -> tuple[int, int] | None:
    """Return where the value of an attribute stands, without its quotes, in the tag at a place."""
    i, end = at, tag_end(data, at)
    while i < end:
        equals = data.find(b"=", i, end)
        if equals < 0:
            return None
        opening = equals + 1
        while opening < end and data[opening] in _SPACE:
            opening += 1
        closing = data.find(data[opening : opening + 1], opening + 1, end)
        if closing < 0:
            return None
        key = data[i:equals].split()
        if key and key[-1] == name:
            return opening + 1, closing
        i = closing + 1
    return None
