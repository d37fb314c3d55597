"""XMP packets (ISO 16684-1): made, and extended without touching what they hold.

::

    <?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
    <x:xmpmeta xmlns:x="adobe:ns:meta/">
     <rdf:RDF xmlns:rdf="...">
      <rdf:Description rdf:about="" ...>  what is there stays, byte for byte
      </rdf:Description>
      <rdf:Description rdf:about="" xmlns:Iptc4xmpExt="...">    <-- put in front of the end
       <Iptc4xmpExt:DigitalSourceType>http://...</Iptc4xmpExt:DigitalSourceType>
      </rdf:Description>
     </rdf:RDF>
    </x:xmpmeta>
    (padding)<?xpacket end="w"?>

What may be there already:

* A digital source type that says AI stays, also where it is not the same: it is a mark that the
  input carries, and the file goes on saying that AI made or changed it. The property holds one
  value (IPTC Photo Metadata Standard 2025.1: cardinality 0..1).
* One that says something else (``digitalCapture``) was true of the input and is not of the output.
  Two values that contradict each other help nobody, so it is replaced, which is told; the
  manifest keeps the input as an ingredient, with its own statement.
* An AI system that is named stays together with the AI value it belongs to.
* An AIGC label whose ``Label`` is 1 stays, and is not written twice; one that says "possibly" or
  "suspected", or that cannot be read, is replaced by the one asked for.

A packet that ends in ``end="r"`` is closed to programs that find it by scanning and overwrite it in
place. Who rewrites the file may change it (ISO 16684-1, 7.3.2), and leaves the letter as it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from waarmerk.errors import OutputError
from waarmerk.marking.label.content import aigc_fields, says_ai
from waarmerk.marking.label.properties import (
    AIGC_LABEL,
    EXT,
    RDF,
    SOURCE_TYPE,
    SYSTEM_USED,
    TC260,
    VERSION_USED,
    Name,
    Seen,
    look,
)

if TYPE_CHECKING:
    from waarmerk.marking.label.content import LabelContent

__all__ = [
    "MOST_PACKET",
    "extended_document",
    "extended_packet",
    "new_packet",
    "states",
    "without_padding",
]

MOST_PACKET = 1 << 24
"""In bytes. Of one packet; the largest have some megabytes of editing history."""


_PREFIXES = {EXT: "Iptc4xmpExt", TC260: "TC260"}

_HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
_TAIL = '\n<?xpacket end="w"?>'
_ENCODINGS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
    (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_NOTHING = b"\0 \t\r\n"
_SPACE = b" \t\r\n"


def new_packet(content: LabelContent, *, aigc: bool = True) -> bytes:
    """Return a packet that says no more than the label.

    Parameters
    ----------
    content
        The label.
    aigc
        Whether AIGC belongs in it; some containers have another place for that.
    """
    wanted = _wanted(content, aigc=aigc)
    body = _description("rdf", "", wanted)
    return (
        f'{_HEAD}<x:xmpmeta xmlns:x="adobe:ns:meta/">\n <rdf:RDF xmlns:rdf="{RDF}">\n'
        f"{body} </rdf:RDF>\n</x:xmpmeta>{_TAIL}"
    ).encode()


def extended_packet(
    packet: bytes, content: LabelContent, notes: list[str], *, aigc: bool = True
) -> bytes:
    """Return a packet that says the label besides all it said before.

    Parameters
    ----------
    packet
        What a file holds as its XMP, in any encoding of Unicode; empty if it holds none.
    content
        The label.
    notes
        Gets, in words, what had to be replaced.
    aigc
        Whether AIGC belongs in it.

    Returns
    -------
    bytes
        The very same object if it says everything already.

    Raises
    ------
    OutputError
        If the packet is too large, is no XML, has entities of its own, or holds no RDF.
    """
    if not packet.strip(_NOTHING):
        carried = content.carried
        if not carried.strip(_NOTHING):
            return new_packet(content, aigc=aigc)
        return extended_packet(carried, replace(content, carried=b""), notes, aigc=aigc)
    if len(packet) > MOST_PACKET:
        raise OutputError(f"its XMP has {len(packet)} bytes, more than are read")
    bare = packet.rstrip(b"\0")
    encoding, mark = _encoding(packet)
    if encoding != "utf-8":
        bare = packet  # in UTF-16 the last letter has a zero byte
    try:
        text = bare[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise OutputError(f"its XMP cannot be decoded as {encoding}") from error
    text, ends = text.rstrip("\0"), len(text) - len(text.rstrip("\0"))
    data = text.encode()
    changed = _extended(data, content, notes, aigc=aigc)
    if changed is data:
        return packet
    rest = packet[len(bare) :] if encoding == "utf-8" else ("\0" * ends).encode(encoding)
    return mark + changed.decode().encode(encoding) + rest


def without_padding(packet: bytes, size: int) -> bytes:
    """Return a packet in UTF-8 with so much less padding that it has `size` bytes, if it can.

    Parameters
    ----------
    packet
        Padding is the white space in front of the processing instruction that ends it.
    size
        At most so many bytes.
    """
    end = packet.rfind(b"<?xpacket end")
    if end < 0:
        return packet
    body = packet[:end].rstrip(_SPACE)
    room = max(0, size - len(body) - (len(packet) - end))
    return body + packet[len(body) : len(body) + min(room, end - len(body))] + packet[end:]


def states(packet: bytes) -> tuple[str, ...]:
    """Return the digital source types that a packet states; () if it cannot be read."""
    encoding, mark = _encoding(packet)
    try:
        seen = look(packet[len(mark) :].decode(encoding).rstrip("\0").encode())
    except (UnicodeDecodeError, OutputError):
        return ()
    return tuple(p.value for p in seen.properties.get(SOURCE_TYPE, ()))


def _encoding(packet: bytes) -> tuple[str, bytes]:
    for start, encoding in _ENCODINGS:
        if packet.startswith(start):
            mark = b"" if b"<" in start else start
            return encoding, mark
    return "utf-8", b""


def _wanted(content: LabelContent, *, aigc: bool) -> dict[Name, str]:
    values = {
        SOURCE_TYPE: content.source_type,
        SYSTEM_USED: content.system,
        VERSION_USED: content.system_version,
        AIGC_LABEL: content.aigc_json if aigc else None,
    }
    return {name: value for name, value in values.items() if value}


def extended_document(data: bytes, content: LabelContent, notes: list[str]) -> bytes | None:
    """Return an XML document in UTF-8 whose XMP says the label; None if it holds none.

    Its document type may be named, as those of SVG are; entities must not be declared.

    Raises
    ------
    OutputError
        If it is no XML, or declares entities.
    """
    seen = look(data, document=True)
    return None if seen.end < 0 else _with_label(data, seen, content, notes, aigc=True)


def _extended(data: bytes, content: LabelContent, notes: list[str], *, aigc: bool) -> bytes:
    seen = look(data)
    if seen.end < 0:
        raise OutputError("its XMP holds no RDF, and cannot be extended")
    return _with_label(data, seen, content, notes, aigc=aigc)


def _with_label(
    data: bytes, seen: Seen, content: LabelContent, notes: list[str], *, aigc: bool
) -> bytes:
    wanted = _wanted(content, aigc=aigc)
    edits = _settled(seen, wanted, notes)
    if wanted:
        body = _description(seen.rdf_prefix, seen.about, wanted)
        if seen.closed_at_once:
            name = f"{seen.rdf_prefix}:RDF" if seen.rdf_prefix else "RDF"
            edits.append((seen.end - 2, seen.end, f">\n{body} </{name}>"))
        else:
            edits.append((seen.end, seen.end, body + " "))
    if not edits:
        return data
    parts, at = [], 0
    for start, end, text in sorted(edits):
        parts += [data[at:start], text.encode()]
        at = end
    return b"".join((*parts, data[at:]))


def _settled(seen: Seen, wanted: dict[Name, str], notes: list[str]) -> list[tuple[int, int, str]]:
    """Take out of what is wanted what is there already, and return how the rest of that changes."""
    types = seen.properties.get(SOURCE_TYPE, [])
    untrue = bool(types) and not any(says_ai(p.value) for p in types)
    systems = seen.properties.get(SYSTEM_USED, [])
    if systems and not untrue and systems[0].value != wanted.get(SYSTEM_USED):
        # The version would be taken for that of the system that is named.
        wanted.pop(VERSION_USED, None)
    edits = []
    for name in list(wanted):
        old = seen.properties.get(name)
        if not old:
            continue
        value = wanted.pop(name)
        if _stays(name, old[0].value, untrue=untrue):
            if name == AIGC_LABEL and old[0].value != value:
                notes.append("the AIGC label of the input stays: a file has one")
            continue
        edits += [(p.start, p.end, p.replaced(value)) for p in old]
        if name == SOURCE_TYPE:
            was = old[0].value.rpartition("/")[2][:60] or "nothing"
            now = value.rpartition("/")[2]
            notes.append(f"the digital source type of the input ({was}) became {now}")
    return edits


def _stays(name: Name, value: str, *, untrue: bool) -> bool:
    if name != AIGC_LABEL:
        return not untrue
    fields = aigc_fields(value)
    return fields is not None and fields["Label"] == "1"


def _description(prefix: str, about: str, values: dict[Name, str]) -> str:
    spaces = "".join(
        f'\n    xmlns:{_PREFIXES[space]}="{space}"' for space in dict.fromkeys(n for n, _ in values)
    )
    name = prefix or "rdf"
    declared = "" if prefix else f' xmlns:rdf="{RDF}"'
    about = escape(about, {'"': "&quot;"})
    lines = "".join(
        f"   <{_PREFIXES[space]}:{local}>{escape(value)}</{_PREFIXES[space]}:{local}>\n"
        for (space, local), value in values.items()
    )
    return (
        f'  <{name}:Description{declared} {name}:about="{about}"{spaces}>\n{lines}'
        f"  </{name}:Description>\n"
    )
