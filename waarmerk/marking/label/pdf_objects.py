"""The objects of a PDF (ISO 32000-2, 7.3 and 7.5), as far as adding to one needs them.

A PDF is read from its end: ``startxref`` tells where the newest table of objects is, each table
where the one before it is. Tables are text, or streams of numbers (7.5.8); objects lie at a place
of the file, or packed in a stream (7.5.7).
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from waarmerk.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Pdf", "entries", "open_pdf"]

MOST_INFLATED = 1 << 26
_MOST_TABLES = 1000
_MOST_OBJECTS = 1 << 20
_MOST_DEPTH = 50

_SPACE = rb"[\0\t\n\f\r ]"
_SKIP = re.compile(rb"(?:[\0\t\n\f\r ]++|%[^\r\n]*+)*+")
_NAME = re.compile(rb"/[^\0\t\n\f\r ()<>\[\]{}/%]*+")
_WORD = re.compile(rb"[^\0\t\n\f\r ()<>\[\]{}/%]++")
_REFERENCE = re.compile(rb"(\d{1,10})" + _SPACE + rb"{1,20}(\d{1,5})" + _SPACE + rb"{1,20}R\b")
_OBJECT = re.compile(rb"(\d{1,10})" + _SPACE + rb"{1,20}(\d{1,5})" + _SPACE + rb"{1,20}obj\b")
_START = re.compile(rb"startxref" + _SPACE + rb"{1,20}(\d{1,12})")
_SECTION = re.compile(rb"(\d{1,10}) {1,5}(\d{1,10})" + _SPACE + rb"{1,20}")
_STRING = re.compile(rb"[^()\\]++|\\.", re.DOTALL)


def _damaged(what: str = "its objects") -> OutputError:
    return OutputError(f"{what} cannot be read, so that nothing can be added")


@dataclass(slots=True)
class Pdf:
    """A PDF: what its newest table says, and where its objects are.

    Parameters
    ----------
    data
        The file.
    start
        Where its newest table is.
    streamed
        Whether that is a stream.
    trailer
        What the tables say of the whole, the newest first, as it is written.
    places
        Of each object where it is: (1, place, generation) or (2, the stream it is in, which).
    left
        How many more entries of tables are read.
    unpacking
        Whether a stream of objects is being read.
    """

    data: bytes
    start: int = 0
    streamed: bool = False
    trailer: dict[bytes, bytes] = field(default_factory=dict)
    places: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    left: int = _MOST_OBJECTS
    unpacking: bool = False

    def take(self, count: int) -> None:
        """Count entries of tables, so that a small file cannot make many of them.

        Raises
        ------
        OutputError
            If there are too many.
        """
        self.left -= count
        if self.left < 0:
            raise OutputError(f"it has more than {_MOST_OBJECTS} objects")

    def reference(self, value: bytes | None) -> tuple[int, int] | None:
        """Return number and generation of the object that a value refers to."""
        match = None if value is None else _REFERENCE.match(value)
        return None if match is None else (int(match[1]), int(match[2]))

    def dictionary(self, number: int) -> bytes:
        """Return an object that is a dictionary, as it is written."""
        data, at = self._found(number)
        if not data.startswith(b"<<", at):
            raise _damaged()
        return data[at : _end(data, at, 0)]

    def stream(self, number: int) -> tuple[dict[bytes, bytes], bytes]:
        """Return the dictionary and the decoded content of a stream.

        Raises
        ------
        OutputError
            If it is encoded in another way than by Flate, or is too large.
        """
        data, at = self._found(number)
        return self._stream_at(data, at)

    def _found(self, number: int) -> tuple[bytes, int]:
        kind, where, which = self.places.get(number, (0, 0, 0))
        if kind == 1 and where < len(self.data):
            match = _OBJECT.match(self.data, _skipped(self.data, where))
            if match is None or int(match[1]) != number:
                raise _damaged()
            return self.data, _skipped(self.data, match.end())
        # A stream of objects is in none itself, and neither is its length (7.5.7).
        if kind == 2 and not self.unpacking and self.places.get(where, (0, 0, 0))[0] == 1:
            self.unpacking = True
            said, content = self.stream(where)
            self.unpacking = False
            first, count = _number(said.get(b"N")), _number(said.get(b"First"))
            numbers = content[:count].split()
            if first > _MOST_OBJECTS or 2 * which + 1 >= len(numbers):
                raise _damaged()
            if _number(numbers[2 * which]) != number:
                raise _damaged()
            return content, _skipped(content, count + _number(numbers[2 * which + 1]))
        raise _damaged()

    def _stream_at(self, data: bytes, at: int) -> tuple[dict[bytes, bytes], bytes]:
        if not data.startswith(b"<<", at):
            raise _damaged()
        end = _end(data, at, 0)
        said = dict(entries(data[at:end]))
        start = _skipped(data, end)
        if not data.startswith(b"stream", start):
            raise _damaged()
        start += 6
        start += 2 if data.startswith(b"\r\n", start) else 1
        length = said.get(b"Length")
        inside = self.reference(length)
        if inside is not None:
            body, place = self._found(inside[0])
            word = _WORD.match(body, place)
            length = None if word is None else word[0]
        size = _number(length)
        if start + size > len(data):
            raise _damaged()
        content = data[start : start + size]
        kind = said.get(b"Filter", b"").strip(b"[] \r\n")
        if kind == b"/FlateDecode":
            content = _predicted(_inflated(content), said)
        elif kind:
            raise OutputError("a part of it is encoded in a way that is not read here")
        return said, content


def open_pdf(data: bytes) -> Pdf:
    """Return a PDF with its tables read.

    Raises
    ------
    OutputError
        If they are damaged.
    """
    starts = list(_START.finditer(data, max(0, len(data) - 2048)))
    if b"%PDF-" not in data[:1024] or not starts:
        raise OutputError("it does not begin and end as a PDF does")
    pdf = Pdf(data, int(starts[-1][1]))
    pdf.streamed = not data.startswith(b"xref", pdf.start)
    waiting, seen = [pdf.start], set[int]()
    while waiting:
        start = waiting.pop(0)
        if start in seen:
            continue
        seen.add(start)
        if len(seen) > _MOST_TABLES or not 0 < start < len(data):
            raise _damaged("its tables")
        is_text = data.startswith(b"xref", start)
        said = _text_table(pdf, start) if is_text else _stream_table(pdf, start)
        for key, value in said.items():
            pdf.trailer.setdefault(key, value)
        waiting += [_number(said[key]) for key in (b"XRefStm", b"Prev") if key in said]
    return pdf


def entries(dictionary: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys of a dictionary, without their slash, and the values as they are written."""
    at = 2
    while True:
        at = _skipped(dictionary, at)
        if dictionary.startswith(b">>", at):
            return
        name = _NAME.match(dictionary, at)
        if name is None:
            raise _damaged()
        start = _skipped(dictionary, name.end())
        at = _end(dictionary, start, 1)
        yield name[0][1:], dictionary[start:at]


def _text_table(pdf: Pdf, start: int) -> dict[bytes, bytes]:
    data, at = pdf.data, _skipped(pdf.data, start + 4)
    while (section := _SECTION.match(data, at)) is not None:
        first, count = int(section[1]), int(section[2])
        at = section.end()
        pdf.take(count)
        if at + 20 * count > len(data):
            raise _damaged("its tables")
        for i in range(count):
            line = data[at + 20 * i : at + 20 * i + 18]
            if line[17:18] == b"n" and line[:10].isdigit() and line[11:16].isdigit():
                pdf.places.setdefault(first + i, (1, int(line[:10]), int(line[11:16])))
            else:
                pdf.places.setdefault(first + i, (0, 0, 0))
        at = _skipped(data, at + 20 * count)
    if not data.startswith(b"trailer", at):
        raise _damaged("its tables")
    at = _skipped(data, at + 7)
    if not data.startswith(b"<<", at):
        raise _damaged("its tables")
    return dict(entries(data[at : _end(data, at, 0)]))


def _stream_table(pdf: Pdf, start: int) -> dict[bytes, bytes]:
    match = _OBJECT.match(pdf.data, _skipped(pdf.data, start))
    if match is None:
        raise _damaged("its tables")
    said, content = pdf._stream_at(pdf.data, _skipped(pdf.data, match.end()))
    if said.get(b"Type") != b"/XRef":
        raise _damaged("its tables")
    widths = [_number(word) for word in said.get(b"W", b"").strip(b"[]").split()]
    if len(widths) != 3 or not 0 < sum(widths) <= 32:
        raise _damaged("its tables")
    size = _number(said.get(b"Size"))
    ranges = [_number(word) for word in said.get(b"Index", b"").strip(b"[]").split()] or [0, size]
    at = 0
    for first, count in zip(ranges[::2], ranges[1::2], strict=False):
        pdf.take(count)
        if at + count * sum(widths) > len(content):
            raise _damaged("its tables")
        for i in range(count):
            values = []
            for width in widths:
                values.append(int.from_bytes(content[at : at + width], "big") if width else -1)
                at += width
            kind = 1 if values[0] < 0 else values[0]
            pdf.places.setdefault(first + i, (kind, max(values[1], 0), max(values[2], 0)))
    return said


def _inflated(data: bytes) -> bytes:
    inflate = zlib.decompressobj()
    try:
        out = inflate.decompress(data, MOST_INFLATED)
    except zlib.error as error:
        raise _damaged() from error
    if inflate.unconsumed_tail:
        raise OutputError("a part of it is too large to be unpacked")
    return out


def _predicted(data: bytes, said: dict[bytes, bytes]) -> bytes:
    """Undo the prediction of rows (ISO 32000-2, 7.4.4.4), of which tables use one: up."""
    if b"DecodeParms" not in said:
        return data
    parameters = said[b"DecodeParms"].strip(b"[] \r\n")
    options = dict(entries(parameters)) if parameters.startswith(b"<<") else {}
    if _number(options.get(b"Predictor", b"1")) < 10:
        return data
    columns = _number(options.get(b"Columns", b"1"))
    if not columns or len(data) > _MOST_OBJECTS * (columns + 1):
        raise _damaged("its tables")
    rows = []
    last = bytes(columns)
    for at in range(0, len(data), columns + 1):
        row = data[at + 1 : at + 1 + columns]
        if data[at] == 2:
            row = bytes((a + b) & 0xFF for a, b in zip(row, last, strict=False))
        elif data[at] != 0:
            raise OutputError("its tables are encoded in a way that is not read here")
        rows.append(row)
        last = row
    return b"".join(rows)


def _skipped(data: bytes, at: int) -> int:
    match = _SKIP.match(data, at)
    return at if match is None else match.end()


def _number(word: bytes | None) -> int:
    if word is None or not word.isdigit() or len(word) > 12:
        raise _damaged()
    return int(word)


def _end(data: bytes, at: int, depth: int) -> int:
    """Return where the value that begins at a place ends."""
    if depth > _MOST_DEPTH:
        raise _damaged()
    if data.startswith((b"<<", b"["), at):
        closing = b">>" if data.startswith(b"<<", at) else b"]"
        at = _skipped(data, at + len(closing))
        while not data.startswith(closing, at):
            at = _skipped(data, _end(data, at, depth + 1))
        return at + len(closing)
    if data.startswith(b"(", at):
        return _string_end(data, at)
    if data.startswith(b"<", at):
        end = data.find(b">", at)
        if end < 0:
            raise _damaged()
        return end + 1
    match = _REFERENCE.match(data, at) or _NAME.match(data, at) or _WORD.match(data, at)
    if match is None:
        raise _damaged()
    return match.end()


def _string_end(data: bytes, at: int) -> int:
    open_ones = 0
    while at < len(data):
        byte = data[at : at + 1]
        if byte == b"(":
            open_ones, at = open_ones + 1, at + 1
        elif byte == b")":
            open_ones, at = open_ones - 1, at + 1
            if not open_ones:
                return at
        else:
            match = _STRING.match(data, at)
            if match is None:
                break
            at = match.end()
    raise _damaged()
