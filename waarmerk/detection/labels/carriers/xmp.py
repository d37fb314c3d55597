"""XMP packets (ISO 16684-1): the properties of the file itself.

Only properties of the packet's own descriptions are read. What lies deeper tells about something
else: XMP keeps whole packets of the pictures that went into this one::

    rdf:RDF / rdf:Description / property                       text, or an attribute, or a resource
    rdf:RDF / rdf:Description / property / rdf:Alt / rdf:li    text, one item for each
    rdf:RDF / rdf:Description / xmpMM:Pantry / ...             of others: not read

A packet is small XML without a document type. One that declares a type or an entity is refused,
which ends "a billion laughs" before the first one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.parsers import expat

from waarmerk.detection.labels.items import Found, Item, Unreadable
from waarmerk.detection.labels.source import Source
from waarmerk.detection.reasons import XMP_DAMAGED

__all__ = ["CARRIER", "packet_items", "packets_in"]

CARRIER = "XMP"

_MOST_PACKET = 1 << 24
_MOST_DEPTH = 64
_MOST_ELEMENTS = 50_000
_MOST_PACKETS = 20
_STEPS = 50
"""What a packet takes, however small, in steps over a chunk."""

_RDF = "rdf"
# By the end of their addresses, so that neither http and https nor a last sign make a difference.
_PREFIXES = {
    "www.w3.org/1999/02/22-rdf-syntax-ns": _RDF,
    "iptc.org/std/iptc4xmpext/2008-02-29": "iptc4xmpext",
    "www.tc260.org.cn/ns/aigc/1.0": "tc260",
    "ns.adobe.com/xap/1.0": "xmp",
    "ns.adobe.com/photoshop/1.0": "photoshop",
    "ns.adobe.com/exif/1.0": "exif-in-xmp",
    "ns.adobe.com/tiff/1.0": "tiff",
    "ns.adobe.com/xmp/note": "xmpnote",
    "purl.org/dc/elements/1.1": "dc",
    "purl.org/dc/terms": "dcterms",
}
_KNOWN = frozenset(_PREFIXES.values()) - {_RDF}
_LISTS = frozenset({"rdf:alt", "rdf:bag", "rdf:seq"})
_WORDS = ("DigitalSourceType", "AISystem", "AIPrompt", "AIGC")
# In UTF-16 of either order, too: the first byte, a zero, belongs to the next letter in one of them.
_TELLING = tuple(form for word in _WORDS for form in (word.encode(), word.encode("utf-16-le")[:-1]))
_START = re.compile(rb"<(?:x:xmpmeta|x:xapmeta|rdf:RDF)[\s>]")
_ENDS = {b"<x:xmpmeta": b"</x:xmpmeta>", b"<x:xapmeta": b"</x:xapmeta>", b"<rdf:RDF": b"</rdf:RDF>"}


class _Refused(Exception):  # noqa: N818 - it never leaves this module
    """The packet has what no packet has."""


def packet_items(packet: bytes, source: Source, carrier: str = CARRIER) -> Iterator[Found]:
    """Yield the properties of a packet.

    Parameters
    ----------
    packet
        As it lies in the file, with or without wrapper and padding, in UTF-8 or UTF-16.
    source
        What it was taken from.
    carrier
        Where it was, if that is not what carries XMP ordinarily.
    """
    source.step(_STEPS)
    reader = _Reader(source)
    try:
        if len(packet) > _MOST_PACKET:
            raise _Refused
        reader.read(_trimmed(packet))
    except (_Refused, expat.ExpatError, ValueError, LookupError):
        if any(word in packet for word in _TELLING):
            yield Unreadable(carrier, XMP_DAMAGED)
        return
    for key, value in reader.found:
        yield Item(carrier, key, value)


def packets_in(data: bytes, source: Source, carrier: str) -> Iterator[Found]:
    """Yield the properties of the packets that lie somewhere in plain bytes."""
    at = 0
    for _ in range(_MOST_PACKETS):
        start = _START.search(data, at)
        if start is None:
            return
        closing = _ENDS[start[0][:-1]]
        end = data.find(closing, start.end())
        if end < 0:
            return
        at = end + len(closing)
        yield from packet_items(data[start.start() : at], source, carrier)


def _trimmed(packet: bytes) -> bytes:
    """Return the packet alone, without wrapper and padding, in UTF-8."""
    if packet[:2] in (b"<\0", b"\0<"):
        packet = (b"\xff\xfe" if packet[0] else b"\xfe\xff") + packet
    for mark, encoding in ((b"\xfe\xff", "utf-16-be"), (b"\xff\xfe", "utf-16-le")):
        if packet.startswith(mark):
            packet = packet[2:].decode(encoding, "replace").encode()
    start = _START.search(packet)
    if start is not None:
        closing = _ENDS[start[0][:-1]]
        end = packet.rfind(closing)
        packet = packet[start.start() : end + len(closing) if end > 0 else None]
    return packet.decode("utf-8", "replace").encode()


class _Reader:
    """Collects properties while the parser goes through a packet."""

    def __init__(self, source: Source) -> None:
        self.found: list[tuple[str, str]] = []
        self._source = source
        self._path: list[str] = []
        self._scopes: list[dict[str, str]] = [{}]
        self._text: list[str] = []
        self._elements = 0

    def read(self, packet: bytes) -> None:
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse
        parser.Parse(packet, True)

    def _refuse(self, *_: object) -> None:
        raise _Refused

    def _name(self, name: str) -> str:
        prefix, colon, local = name.rpartition(":")
        for scope in reversed(self._scopes):
            if prefix in scope:
                prefix = scope[prefix]
                break
        else:
            # Some writers forget to declare the usual prefixes.
            prefix = prefix.lower() if prefix.lower() in _PREFIXES.values() else ""
        return f"{prefix}:{local.lower()}" if colon or prefix else local.lower()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if len(self._path) >= _MOST_DEPTH or self._elements > _MOST_ELEMENTS:
            raise _Refused
        self._source.step()
        self._scopes.append(_declared(attributes))
        key = self._name(name)
        self._path.append(key)
        self._text = []
        place = self._place()
        if place is None:
            return
        if len(place) == 1:
            for attribute, value in attributes.items():
                self._keep(self._name(attribute), value)
        elif len(place) == 2:
            for attribute, value in attributes.items():
                if self._name(attribute) == "rdf:resource":
                    self._keep(key, value)

    def _end(self, _: str) -> None:
        place = self._place()
        said = "".join(self._text).strip()
        if place is not None and said and _holds_value(place[2:], len(place)):
            self._keep(place[1], said)
        self._text = []
        self._path.pop()
        self._scopes.pop()

    def _characters(self, text: str) -> None:
        self._text.append(text)

    def _place(self) -> list[str] | None:
        """Return the path from the description of the file on; None if this is not below one."""
        path = self._path
        if "rdf:rdf" not in path[:3]:
            return None
        place = path[path.index("rdf:rdf") + 1 :]
        return place if place and place[0] == "rdf:description" else None

    def _keep(self, key: str, value: str) -> None:
        if key.partition(":")[0] in _KNOWN:
            self.found.append((key.replace("exif-in-xmp:", "exif:"), value.strip()))


def _holds_value(below: list[str], depth: int) -> bool:
    """Return whether text at a place is a value of the property, by the path below that."""
    if depth < 2:
        return False
    if len(below) == 2 and below[0] in _LISTS:
        return below[1] == "rdf:li"
    return below in ([], ["rdf:value"], ["rdf:description", "rdf:value"])


def _declared(attributes: dict[str, str]) -> dict[str, str]:
    scope = {}
    for name, value in attributes.items():
        if name.startswith("xmlns"):
            address = value.partition("://")[2].rstrip("/#").lower()
            scope[name[6:]] = _PREFIXES.get(address, "?")
    return scope
