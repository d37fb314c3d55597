"""Labels in a PDF: XMP in the metadata of its catalogue (ISO 32000-2, 14.3.2).

::

    %PDF ... objects ... table, trailer      everything that was there, byte for byte
    4 0 obj <<catalogue /Metadata 9 0 R>>    an incremental update (7.5.6)
    9 0 obj <</Type/Metadata>> stream <?xpacket ...
    table, trailer

AIGC stands in the information dictionary, under its name (TC260-PG-20258A, 6.3), and in the XMP,
which is newer and which more programs read. An encrypted file
is left alone, since its strings would have to be encrypted; so is a signed one, whose signature
would cover less than the file.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from waarmerk.errors import OutputError
from waarmerk.marking.label.content import aigc_fields
from waarmerk.marking.label.packet import extended_packet
from waarmerk.marking.label.pdf_objects import Pdf, entries, open_pdf

if TYPE_CHECKING:
    from waarmerk.marking.label.content import LabelContent

__all__ = ["label_pdf"]


def label_pdf(data: bytes, content: LabelContent, notes: list[str]) -> bytes:
    """Return a PDF with a label in its XMP, and AIGC in its information dictionary.

    Raises
    ------
    OutputError
        If it is encrypted or signed, its XMP cannot be extended, or it is damaged.
    """
    pdf = open_pdf(data)
    if b"Encrypt" in pdf.trailer:
        raise OutputError("it is encrypted")
    if b"/ByteRange" in data:
        raise OutputError("it is signed, and would not be as it was signed")
    root = pdf.reference(pdf.trailer.get(b"Root"))
    if root is None:
        raise OutputError("its objects cannot be read, so that nothing can be added")
    size = pdf.trailer.get(b"Size", b"")
    free = max([int(size) if size.isdigit() else 0, *(n + 1 for n in pdf.places)])
    catalogue = dict(entries(pdf.dictionary(root[0])))
    made: dict[int, tuple[int, bytes]] = {}

    old = pdf.reference(catalogue.get(b"Metadata"))
    packet = b"" if old is None else pdf.stream(old[0])[1]
    new = extended_packet(packet, content, notes)
    if new is not packet:
        number, generation = old or (free, 0)
        free += old is None
        head = b"<</Type/Metadata/Subtype/XML/Length %d>>\nstream\n" % len(new)
        made[number] = generation, head + new + b"\nendstream"
        if old is None:
            catalogue[b"Metadata"] = b"%d 0 R" % number
            made[root[0]] = root[1], _written(catalogue)
    trailer: dict[bytes, bytes] = {
        k: pdf.trailer[k] for k in (b"Root", b"Info", b"ID") if k in pdf.trailer
    }
    free = _add_aigc(pdf, content, notes, made, trailer, free)
    if not made:
        return data
    trailer[b"Prev"] = b"%d" % pdf.start
    return _updated(data, made, trailer, free, streamed=pdf.streamed)


def _add_aigc(  # noqa: PLR0917 - one step of the above
    pdf: Pdf,
    content: LabelContent,
    notes: list[str],
    made: dict[int, tuple[int, bytes]],
    trailer: dict[bytes, bytes],
    free: int,
) -> int:
    """Put AIGC into the information dictionary; return the first number that is free."""
    text = content.aigc_json
    if text is None:
        return free
    place = pdf.reference(pdf.trailer.get(b"Info"))
    said = {} if place is None else dict(entries(pdf.dictionary(place[0])))
    written = b"(" + text.encode("ascii").replace(b"\\", b"\\\\") + b")"
    for sign in (b"(", b")"):
        inner = written[1:-1].replace(sign, b"\\" + sign)
        written = b"(" + inner + b")"
    old = said.get(b"AIGC")
    if old is not None:
        if old != written:
            inner = old[1:-1].replace(b"\\(", b"(").replace(b"\\)", b")").replace(b"\\\\", b"\\")
            if aigc_fields(inner.decode("latin-1")) is None:
                raise OutputError("it has an AIGC label that cannot be read, nor be replaced")
            notes.append("the AIGC label of the input stays: a file has one")
        return free
    said[b"AIGC"] = written
    number, generation = place or (free, 0)
    made[number] = generation, _written(said)
    trailer[b"Info"] = b"%d %d R" % (number, generation)
    return free + (place is None)


def _written(dictionary: dict[bytes, bytes]) -> bytes:
    return b"<<" + b"".join(b"/%s %s\n" % item for item in dictionary.items()) + b">>"


def _updated(
    data: bytes,
    made: dict[int, tuple[int, bytes]],
    trailer: dict[bytes, bytes],
    free: int,
    *,
    streamed: bool,
) -> bytes:
    out = bytearray(data if data.endswith(b"\n") else data + b"\n")
    places: dict[int, tuple[int, int]] = {}
    for number, (generation, body) in sorted(made.items()):
        places[number] = len(out), generation
        out += b"%d %d obj\n%s\nendobj\n" % (number, generation, body)
    start = len(out)
    # A reader may not know both kinds of tables in one file.
    if streamed:
        places[free] = start, 0
        rows = b"".join(struct.pack(">BQH", 1, *places[number]) for number in sorted(places))
        index = b" ".join(b"%d 1" % number for number in sorted(places))
        said = {b"Type": b"/XRef", b"Size": b"%d" % (free + 1), b"W": b"[1 8 2]"}
        said |= {b"Index": b"[" + index + b"]", b"Length": b"%d" % len(rows), **trailer}
        body = _written(said) + b"\nstream\n" + rows + b"\nendstream"
        out += b"%d 0 obj\n%s\nendobj\n" % (free, body)
    else:
        out += b"xref\n"
        for number in sorted(places):
            out += b"%d 1\n%010d %05d n \n" % (number, *places[number])
        out += b"trailer\n" + _written({b"Size": b"%d" % free, **trailer}) + b"\n"
    return bytes(out) + b"startxref\n%d\n%%%%EOF\n" % start
