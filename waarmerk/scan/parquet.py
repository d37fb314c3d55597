"""Results as Parquet: a folder of parts, each of them whole.

Rows are appended to a journal of JSON, which becomes the next part when it is full, when the scan
ends, or when it is resumed after a kill::

    _journal-00003.jsonl ──write──▶ .part-00003.parquet.tmp ──rename──▶ part-00003.parquet
                                                              then the journal is removed

A journal beside the part of its number is therefore stale. Readers of Parquet skip names that begin
with ``_`` or ``.``: they see the parts that are finished, at any moment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from waarmerk.errors import InputError, OutputError
from waarmerk.marking.formats import shown
from waarmerk.marking.place import cause
from waarmerk.scan.arrow import from_arrow, require_arrow, schema, to_arrow
from waarmerk.scan.done import Done, etag_digest
from waarmerk.scan.fields import Row
from waarmerk.scan.results import Results
from waarmerk.scan.writing import Log, cannot_write, replacing

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ParquetResults"]

_PART: Final = re.compile(r"part-(\d{5,9})\.parquet")
_JOURNAL: Final = re.compile(r"_journal-(\d{5,9})\.jsonl")
_TEMPORARY: Final = re.compile(r"\.(part-\d{5,9}\.parquet|_scan\.json)\.tmp")

_REMEMBERED: Final = ["modified", "uri", "size", "etag", "sha256", "settings", "status"]

_ROWS_AT_ONCE: Final = 10_000
"""That are in memory as tables: a group of rows in a part."""

_BYTES_AT_ONCE: Final = 1 << 25
"""Rows with whole reports make smaller groups: so much of the journal, about."""

_BYTES_PER_PART: Final = 1 << 29
"""Of the journal: what holds whole reports becomes a part before it has all its rows."""


class ParquetResults(Results):
    """Rows in parts, the newest ones in a journal.

    Parameters
    ----------
    path
        The folder.
    rows_per_part
        From so many rows on the journal becomes a part.
    """

    def __init__(self, path: Path, rows_per_part: int) -> None:
        require_arrow()
        super().__init__(path, path / "_scan.json")
        self._rows_per_part = rows_per_part
        self._number = 0
        self._in_journal = 0
        self._journal: Log | None = None

    def _create(self) -> None:
        try:
            self.path.mkdir()
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def _load(self) -> None:
        name = shown(str(self.path))
        if not self.path.is_dir():
            raise OutputError(
                f"{name}: is a file; results in Parquet are a folder of parts: choose another name"
            )
        self._load_settings()
        try:
            names = sorted(entry.name for entry in self.path.iterdir())
        except OSError as error:
            raise InputError(f"{name}: cannot be read: {cause(error)}") from error
        if names and not self._sidecar.exists() and not any(map(_TEMPORARY.fullmatch, names)):
            raise InputError(
                f"{name}: is not a folder of results (it has no {self._sidecar.name}); choose "
                "another name for the results"
            )
        for temporary in filter(_TEMPORARY.fullmatch, names):
            with suppress(OSError):
                (self.path / temporary).unlink()
        parts = self._parts()
        journals = {int(m[1]) for m in map(_JOURNAL.fullmatch, names) if m}
        for number in sorted(journals & parts.keys()):
            self._remove(self._journal_path(number))
        for part in parts.values():
            self._remember_part(part)
        self._number = max(parts, default=-1) + 1
        for number in sorted(journals - parts.keys()):
            # What was killed with its journal open has one; its rows are the newest.
            self._number = max(self._number, number)
            log = Log(self._journal_path(number))
            self._remember(log.rows())
            self._to_part(log, number)

    def _ready(self) -> None:
        pass  # a journal is begun with its first row

    def _append(self, rows: list[Row]) -> None:
        if self._journal is None:
            self._journal = Log(self._journal_path(self._number))
            self._journal.open()
        self._journal.append(rows)
        self._remember(rows)
        self._in_journal += len(rows)
        if self._in_journal >= self._rows_per_part or self._journal.size >= _BYTES_PER_PART:
            self._finish_part()

    def _finish(self) -> None:
        self._finish_part()
        if not self._parts():
            # So that whoever reads finds the columns, and no rows.
            with self._writing(self._path(self._number)):
                pass
        if self._index.superseded:
            self._drop_superseded()

    def _drop(self) -> None:
        if self._journal is not None:
            self._journal.drop()

    def _finish_part(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._to_part(self._journal, self._number)
            self._journal, self._in_journal = None, 0

    def _to_part(self, log: Log, number: int) -> None:
        """Write the part that a journal becomes, and remove the journal."""
        groups = _groups(log.rows())
        first = next(groups, None)
        if first is not None:
            with self._writing(self._path(number)) as write:
                write(first)
                for group in groups:
                    write(group)
            self._number = max(self._number, number + 1)
        self._remove(log.path)

    @contextmanager
    def _writing(self, path: Path) -> Iterator[Callable[[list[Row]], None]]:
        """Give a function that writes rows into a part, which is put in its place at the end."""
        import pyarrow.parquet as pq

        with (
            replacing(path) as temporary,
            temporary.open("wb") as file,
            pq.ParquetWriter(file, schema(), compression="zstd") as writer,
        ):
            yield lambda rows: writer.write_table(to_arrow(rows))

    def _remember_part(self, path: Path) -> None:
        for batch in _batches(path, _REMEMBERED):
            modified = batch.column("modified").cast("int64").to_pylist()
            columns = [batch.column(name).to_pylist() for name in _REMEMBERED if name != "modified"]
            for changed, uri, size, etag, sha256, settings, status in zip(
                modified, *columns, strict=True
            ):
                done = Done(size, changed, etag_digest(etag), sha256, settings, status)
                self._index.put(uri, done)

    def _drop_superseded(self) -> None:
        """Write those parts anew that hold rows which newer ones replaced."""
        gone = set(self._index.superseded)
        start = 0
        for path in self._parts().values():
            end = start + _length(path)
            here = {number for number in gone if start <= number < end}
            if len(here) == end - start and here:
                self._remove(path)
            elif here:
                with self._writing(path) as write:
                    for batch in _batches(path):
                        rows = from_arrow(batch)
                        write([row for n, row in enumerate(rows, start) if n not in here])
                        start += len(rows)
            start = end

    def _parts(self) -> dict[int, Path]:
        """Return the parts in their order."""
        try:
            matches = [_PART.fullmatch(entry.name) for entry in self.path.iterdir()]
        except OSError as error:
            raise cannot_write(self.path, error) from error
        numbers = sorted(int(match[1]) for match in matches if match)
        return {number: self._path(number) for number in numbers}

    def _path(self, number: int) -> Path:
        return self.path / f"part-{number:05}.parquet"

    def _journal_path(self, number: int) -> Path:
        return self.path / f"_journal-{number:05}.jsonl"

    def _remove(self, path: Path) -> None:
        try:
            path.unlink()
        except OSError as error:
            raise cannot_write(path, error) from error


def _groups(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Yield rows in lists that fit into memory."""
    group: list[Row] = []
    size = 0
    for row in rows:
        group.append(row)
        size += len(row["report"] or "")
        if len(group) == _ROWS_AT_ONCE or size >= _BYTES_AT_ONCE:
            yield group
            group, size = [], 0
    if group:
        yield group


def _batches(path: Path, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a part, some thousands at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=_ROWS_AT_ONCE, columns=columns)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{shown(str(path))}: is no part of results: {cause(error)}") from error


def _length(path: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)
