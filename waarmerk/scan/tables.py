"""Tables in Parquet files, of which some columns hold files: data sets of pictures and sounds.

Such a column holds bytes, or structures with a field `bytes`, and often one `path`, the name that a
file had: so the data sets of Hugging Face store pictures and sounds. A cell is named by its row and
that column, as ``train.parquet!/12/image.bytes``.

Cells are listed without reading them, unless the file does not say that none is empty. They are
read a few rows at a time, one column alone, and forward within a row group.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from waarmerk.errors import InputError
from waarmerk.marking.formats import shown
from waarmerk.scan.archives import broken
from waarmerk.scan.listing import Failed, Found, failed
from waarmerk.scan.names import member_uri, split_member
from waarmerk.scan.source import Source

if TYPE_CHECKING:
    from waarmerk.scan.archives import Archive

__all__ = ["Reader", "cells"]

_ROWS: Final = 16
"""So many are read at once: pictures have megabytes."""

_WHAT: Final = "no whole Parquet file"


@dataclass(frozen=True, slots=True)
class _Column:
    """A column that holds files.

    Attributes
    ----------
    name
        Of the column itself.
    label
        How it is called in names of sources, and may be asked for.
    inner
        Whether the bytes are a field of a structure.
    named
        Whether that has a field for the name, too.
    """

    name: str
    label: str
    inner: bool = False
    named: bool = False


def cells(archive: Archive, columns: tuple[str, ...] = ()) -> Iterator[Found]:
    """List the cells of a table that hold files: row group by row group, column by column.

    Cells without a value are left out. What a cell holds is not known before it is read, so sources
    have no size; their ETag is that of the table.
    """
    try:
        with _in_words(archive.uri):
            table = _opened(archive)
            held = _columns(table.schema_arrow)
            groups = table.metadata.num_row_groups
        chosen, missing = _chosen(held, columns)
        for name in missing:
            there = ", ".join(column.label for column in held)
            hint = f"it has {shown(there)}" if there else "nor has any other of its columns"
            yield failed(archive.uri, f"has no column {shown(name)} that holds bytes; {hint}")
        if not chosen and not missing:
            yield failed(archive.uri, "has no column that holds bytes, so no files")
        first = 0
        for group in range(groups):
            with _in_words(archive.uri):
                rows = table.metadata.row_group(group).num_rows
            for column in chosen:
                for row in _filled(archive, table, group, rows, column):
                    place = first + row
                    uri = member_uri(archive.uri, f"{place}/{_spelt(column.label)}")
                    facts = archive.facts
                    yield Source(uri, None, facts.modified, facts.etag, "parquet", place)
            first += rows
    except InputError as error:
        yield Failed(archive.uri, str(error))


class Reader:
    """Reads cells of a table."""

    def __init__(self, archive: Archive) -> None:
        self._uri = archive.uri
        with _in_words(archive.uri):
            self._table = _opened(archive)
            self._columns = {c.label: c for c in _columns(self._table.schema_arrow)}
            data = self._table.metadata
            self._rows = [data.row_group(i).num_rows for i in range(data.num_row_groups)]
        # What is being read: group and column, the rows left, and those at hand with their first.
        self._open: tuple[int, str] | None = None
        self._batches: Iterator[Any] = iter(())
        self._batch: Any = None
        self._begin = 0

    def cell(self, source: Source) -> tuple[bytes, str | None]:
        """Return what a cell holds, and the name that it had.

        Raises
        ------
        InputError
            If there is no such cell, it is empty, or cannot be read.
        """
        label = split_member(source.uri)[1].partition("/")[2]
        column = next((c for c in self._columns.values() if _spelt(c.label) == label), None)
        if column is None or source.place is None:
            raise InputError(f"{shown(source.uri)}: there is no such column")
        group, row = 0, source.place
        while group < len(self._rows) and row >= self._rows[group]:
            row -= self._rows[group]
            group += 1
        if group == len(self._rows):
            raise InputError(f"{shown(source.uri)}: there is no such row")
        with _in_words(self._uri):
            value = self._value(group, column, row)
        data = value.get("bytes") if column.inner and value is not None else value
        if data is None:
            raise InputError(f"{shown(source.uri)}: the cell is empty")
        name = value.get("path") if column.named else None
        return data, name if isinstance(name, str) else None

    def _value(self, group: int, column: _Column, row: int) -> Any:
        """Return a cell, going forward as long as that leads there."""
        if self._open != (group, column.name) or row < self._begin:
            self._open, self._batch, self._begin = (group, column.name), None, 0
            self._batches = _batches(self._table, group, column)
        while self._batch is None or row >= self._begin + self._batch.num_rows:
            if self._batch is not None:
                self._begin += self._batch.num_rows
            self._batch = next(self._batches, None)
            if self._batch is None:
                self._open = None
                raise EOFError("a row group has fewer rows than it says")
        return self._batch.column(0)[row - self._begin].as_py()


def _opened(archive: Archive) -> Any:
    """Return a table; what it needs of the file is read later, in pieces."""
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise InputError(
            f'{shown(archive.uri)}: tables need the extra "parquet": '
            'pip install "waarmerk[parquet]"'
        ) from error
    return parquet.ParquetFile(archive.file, pre_buffer=False, buffer_size=1 << 20)


def _columns(schema: Any) -> list[_Column]:
    """Return the columns that hold bytes."""
    from pyarrow import types

    def holds_bytes(kind: Any) -> bool:
        view = getattr(types, "is_binary_view", lambda _: False)
        return bool(types.is_binary(kind) or types.is_large_binary(kind) or view(kind))

    out = []
    for field in schema:
        if holds_bytes(field.type):
            out.append(_Column(field.name, field.name))
        elif types.is_struct(field.type):
            fields = {inner.name: inner.type for inner in field.type}
            if "bytes" in fields and holds_bytes(fields["bytes"]):
                label = f"{field.name}.bytes"
                out.append(_Column(field.name, label, inner=True, named="path" in fields))
    return out


def _chosen(held: list[_Column], columns: tuple[str, ...]) -> tuple[list[_Column], list[str]]:
    """Return the columns that are asked for, and the names of those that are not there."""
    if not columns:
        return held, []
    chosen = [c for c in held if c.name in columns or c.label in columns]
    names = {c.name for c in chosen} | {c.label for c in chosen}
    return chosen, [name for name in columns if name not in names]


def _filled(archive: Archive, table: Any, group: int, rows: int, column: _Column) -> Iterator[int]:
    """Return the rows of a group that have a value in a column."""
    with _in_words(archive.uri):
        whole = _none_empty(table.metadata.row_group(group), column)
    if whole:
        yield from range(rows)
        return
    with _in_words(archive.uri):
        batches = _batches(table, group, column)
    first = 0
    while True:
        with _in_words(archive.uri):
            batch = next(batches, None)
            if batch is None:
                return
            values = batch.column(0)
            if column.inner:
                # A field has values of its own where the structure around it has none.
                valid = values.is_valid().to_pylist()
                inner = values.field("bytes").is_valid().to_pylist()
                there = [a and b for a, b in zip(valid, inner, strict=True)]
            else:
                there = values.is_valid().to_pylist()
        yield from (first + i for i, value in enumerate(there) if value)
        first += len(there)


def _none_empty(group: Any, column: _Column) -> bool:
    """Return whether the file says that every cell of a column has a value."""
    for i in range(group.num_columns):
        chunk = group.column(i)
        if chunk.path_in_schema == column.label:
            found = chunk.statistics
            return bool(found is not None and found.has_null_count and found.null_count == 0)
    return False


def _batches(table: Any, group: int, column: _Column) -> Iterator[Any]:
    batches = table.iter_batches(
        batch_size=_ROWS, row_groups=[group], columns=[column.name], use_threads=False
    )
    return iter(batches)


def _spelt(label: str) -> str:
    """Return a label as it stands in a name."""
    return label.encode("utf-8", "replace").decode()


@contextmanager
def _in_words(uri: str) -> Iterator[None]:
    """Turn what the library raises into one line."""
    with broken(uri, _WHAT):
        try:
            from pyarrow import ArrowException
        except ImportError:  # `_opened` says so
            yield
            return
        try:
            yield
        except ArrowException as error:
            line = (str(error).splitlines() or [""])[0][:200]
            raise InputError(f"{shown(uri)}: is {_WHAT}: {shown(line)}") from error
