"""Where rows are kept: JSONL in one file, or Parquet in a folder of parts.

Rows are there as soon as their batch was added: a kill at any moment loses at most the batch in
hand, and a scan that is resumed begins where that one ended. Of a file that was examined twice the
newest row counts; `close` removes the older ones.

::

    results.jsonl             one row a line             results.parquet/
    results.jsonl.scan.json   records of the settings      part-00000.parquet   100,000 rows
    .results.jsonl.lock       while a scan writes          _journal-00001.jsonl rows since, to be
                                                                                the next part
                                                           _scan.json           records
"""

from __future__ import annotations

import json
import os
import struct
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from waarmerk.errors import InputError, OutputError
from waarmerk.marking.formats import shown
from waarmerk.marking.place import cause
from waarmerk.scan.done import Done, Index, etag_digest
from waarmerk.scan.fields import Row
from waarmerk.scan.row import stored_microseconds
from waarmerk.scan.source import Source
from waarmerk.scan.writing import Lock, temporary_of, write_whole

__all__ = ["ROWS_PER_PART", "Results", "open_results"]

ROWS_PER_PART: Final = 100_000
"""Of Parquet: some 20 MB, unless they hold whole reports."""

SCHEMA: Final = "waarmerk.scan/1"


class Results(ABC):
    """Rows of one scan, and of those that it resumes. Made by `open_results`; a context manager.

    Parameters
    ----------
    path
        Where they are.
    sidecar
        Holds the records of the settings.

    Attributes
    ----------
    settings
        The record of every settings that rows were made with, by their id.
    """

    def __init__(self, path: Path, sidecar: Path) -> None:
        self.path = path
        self.settings: dict[str, dict[str, Any]] = {}
        self._sidecar = sidecar
        self._index = Index()
        self._lock = Lock(path)
        self._open = False

    def __len__(self) -> int:
        """Return of how many sources there are rows."""
        return len(self._index)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, OutputError):
            self.abandon()  # what cannot be written cannot be closed
        else:
            self.close()

    def add(self, rows: list[Row]) -> None:
        """Add a batch of rows, all of it or nothing.

        Raises
        ------
        OutputError
            If they cannot be written: a full disk, a folder that is gone.
        """
        if not self._open:
            raise ValueError(f"{self.path} is closed")
        if not rows:
            return
        self._append(rows)

    def done(self, source: Source) -> Done | None:
        """Return what the newest row of a source says; None if there is none."""
        return self._index.get(source.uri)

    def close(self) -> None:
        """Remove the rows that newer ones replaced, and end.

        Raises
        ------
        OutputError
            If that cannot be written; the rows stay as they were.
        """
        if not self._open:
            return
        try:
            self._finish()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """End and leave everything as it is: it can be resumed."""
        self._open = False
        self._drop()
        self._lock.release()

    def start(self, record: dict[str, Any], *, resume: bool) -> Self:
        """Lock the results, and read what is there or create them; see `open_results`."""
        self._lock.acquire()
        try:
            self._clear()
            if os.path.lexists(self.path):
                if not resume:
                    raise OutputError(
                        f"{shown(str(self.path))}: exists already; continue it (--resume, "
                        "resume=True), or choose another name"
                    )
                self._load()
            else:
                self._create()
            self._keep(record)
            self._ready()
            self._open = True
        finally:
            if not self._open:
                self.abandon()
        return self

    def _clear(self) -> None:
        """Remove what a kill left of files that were to be replaced."""
        for path in (self.path, self._sidecar):
            with suppress(OSError):
                temporary_of(path).unlink()

    @abstractmethod
    def _create(self) -> None:
        """Make what the records are kept in."""

    @abstractmethod
    def _load(self) -> None:
        """Remember the records and the rows that are there; repair what a kill left."""

    @abstractmethod
    def _ready(self) -> None:
        """Get ready to append."""

    @abstractmethod
    def _append(self, rows: list[Row]) -> None:
        """Append and remember rows."""

    @abstractmethod
    def _finish(self) -> None:
        """Finish what is appended to, and remove the rows that were superseded."""

    @abstractmethod
    def _drop(self) -> None:
        """Close files, whatever happened."""

    def _remember(self, rows: Iterable[Row]) -> None:
        for row in rows:
            try:
                self._index.put(
                    row["uri"],
                    Done(
                        row["size"],
                        stored_microseconds(row),
                        etag_digest(row["etag"]),
                        row["sha256"],
                        row["settings"],
                        row["status"],
                    ),
                )
            except (TypeError, ValueError, AttributeError, struct.error) as error:
                raise InputError(
                    f"{shown(str(self.path))}: the row of {shown(str(row['uri']))} is none of this "
                    f"program ({error}); remove it"
                ) from error

    def _load_settings(self) -> None:
        name = shown(str(self._sidecar))
        try:
            kept = json.loads(self._sidecar.read_bytes())
            self.settings = {str(key): dict(value) for key, value in kept["settings"].items()}
        except FileNotFoundError:
            return  # files that were examined with other settings are examined again
        except OSError as error:
            raise InputError(f"{name}: cannot be read: {cause(error)}") from error
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise InputError(
                f"{name}: holds no records of settings; remove it, and what was examined with "
                "other settings is examined again"
            ) from error

    def _keep(self, record: dict[str, Any]) -> None:
        """Keep a record of settings before there are rows that name it."""
        if self.settings.get(record["id"]) == record:
            return
        self.settings[record["id"]] = record
        kept = {"schema": SCHEMA, "settings": self.settings}
        write_whole(self._sidecar, json.dumps(kept, indent=1).encode("ascii") + b"\n")


def open_results(
    path: str | os.PathLike[str],
    record: dict[str, Any],
    *,
    resume: bool,
    rows_per_part: int = ROWS_PER_PART,
) -> Results:
    """Open results for writing.

    Parameters
    ----------
    path
        Ends in ``.jsonl`` (a file) or ``.parquet`` (a folder of parts).
    record
        Of the settings that rows will be made with; ``record["id"]`` is what the rows name.
    resume
        Continue what is there, if anything is.
    rows_per_part
        Of Parquet.

    Returns
    -------
    Results
        To be closed; a context manager.

    Raises
    ------
    InputError
        If the name ends otherwise, what is there are no results, or pyarrow is missing.
    OutputError
        If it exists and is not to be resumed, another scan is writing it, or it cannot be written.
    """
    final = Path(os.path.realpath(path))
    name = shown(os.fspath(path))
    suffix = final.suffix.lower()
    if suffix not in (".jsonl", ".parquet"):
        raise InputError(
            f"{name}: results are a file that ends in .jsonl or a folder that ends in .parquet"
        )
    if not final.parent.is_dir():
        raise OutputError(f"{name}: the folder {shown(str(final.parent))} does not exist")
    if suffix == ".jsonl":
        from waarmerk.scan.jsonl import JsonlResults

        return JsonlResults(final).start(record, resume=resume)
    from waarmerk.scan.parquet import ParquetResults

    return ParquetResults(final, rows_per_part).start(record, resume=resume)
