"""What all measurements of a scan share: the set of files, and where rows go."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.scan_process import Command, path_of
from benchmarks.scan_set import linked, rows_of
from waarmerk.bench.rows import ResultFile, Row

FIELDS = ("part", "case", "engine", "effort", "workers", "keys", "round")
"""What names a row of results."""


class Bench:
    """A set of files, and where rows go.

    Parameters
    ----------
    folder
        Of the set.
    out
        For rows.
    options
        Of the command line.
    """

    def __init__(self, folder: Path, out: ResultFile, options: argparse.Namespace) -> None:
        self.folder = folder
        self.out = out
        self.options = options
        self.work = folder / "out"
        self.files = {row["name"].removeprefix("files/"): row for row in rows_of(folder)}

    def command(self, folder: str = "files", **settings: Any) -> Command:
        """Return a scan of a folder of the set."""
        given = {"engine": self.options.engine, "key": self.folder / "key.json", **settings}
        return Command(self.folder / folder, self.work / "scan.jsonl", **given)

    def subset(self, name: str, names: Iterable[str]) -> list[str]:
        """Make a folder with some of the files; return their names."""
        chosen = list(names)
        linked(self.folder, {one: f"files/{one}" for one in chosen}, self.folder / name)
        return chosen

    def name(self, row: Row, folder: str) -> str:
        """Return which file of a folder a row is about."""
        path = Path(os.path.abspath(path_of(row["uri"])))  # noqa: PTH100 - links stay as they are
        return str(path.relative_to((self.folder / folder).absolute()))

    def wants(self, **fields: Any) -> bool:
        """Return whether a row is not there yet."""
        return fields not in self.out

    def add(self, row: Row) -> None:
        """Keep a row and print what is short of it."""
        self.out.append([row])
        short = {name: value for name, value in row.items() if not isinstance(value, dict | list)}
        print(short, flush=True)


def named(part: str, case: str, **more: Any) -> Row:
    """Return the fields that name a row."""
    row = {"engine": "local", "effort": "fast", "workers": 2, "keys": 1, "round": 0}
    return {"part": part, "case": case, **row, **more}


def warm(folder: Path, files: Iterable[str]) -> None:
    """Read files, so that they lie in memory."""
    buffer = bytearray(1 << 22)
    for name in files:
        with (folder / name).open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass
