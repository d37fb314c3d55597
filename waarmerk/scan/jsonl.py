"""Results as JSONL: one file, one row a line."""

from __future__ import annotations

from pathlib import Path

from waarmerk.errors import OutputError
from waarmerk.marking.formats import shown
from waarmerk.scan.fields import Row
from waarmerk.scan.results import Results
from waarmerk.scan.row import glance
from waarmerk.scan.writing import Log, replacing

__all__ = ["JsonlResults"]


class JsonlResults(Results):
    """Rows in a file, and the records of their settings beside it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, path.with_name(f"{path.name}.scan.json"))
        self._log = Log(path)

    def _create(self) -> None:
        pass  # the records lie beside the file, which is made when it is opened

    def _load(self) -> None:
        if not self.path.is_file():
            raise OutputError(f"{shown(str(self.path))}: is not a regular file")
        self._load_settings()
        # The records are there before the first row: without them, this may be a file of others.
        self._remember(self._log.rows(glance, repair=bool(self.settings)))

    def _ready(self) -> None:
        self._log.open()

    def _append(self, rows: list[Row]) -> None:
        self._log.append(rows)
        self._remember(rows)

    def _finish(self) -> None:
        self._log.close()
        gone = set(self._index.superseded)
        if not gone:
            return
        with (
            replacing(self.path) as temporary,
            self.path.open("rb") as old,
            temporary.open("wb") as new,
        ):
            new.writelines(line for number, line in enumerate(old) if number not in gone)

    def _drop(self) -> None:
        self._log.drop()
