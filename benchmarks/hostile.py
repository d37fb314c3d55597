"""Gives damaged files to everything that reads files from strangers.

``python -m benchmarks.hostile --out results/hostile.jsonl [--fixtures DIR] [--files 100000]``

Small files of every format, plain, labelled, signed and swollen, and the C2PA fixtures if named,
are damaged at random (tests/fuzz/inputs.py, tests/fuzz/chunks.py) and handed to the readers of
tests/fuzz/readers.py in a process of its own, in which sockets end the process and memory has a
bound. A find is: an exception other than a WaarmerkError in one line, a crash, more than 2 seconds,
more than 1 GB of resident memory, an attempt to reach the network, a library that talks on stderr.

A row is a batch of 250 files: outcomes by reader, the slowest file, the largest memory, the finds.
The damage follows from ``--seed``, the number of the batch and that of the file. Good files are
made once and kept in a folder beside the results, as certificates differ with every making. A run
that was stopped goes on with the batches that are missing. To see one file again::

    python -m benchmarks.hostile --out results/hostile.jsonl --show BATCH INDEX > file

Found files belong into tests/fuzz/finds, where tests replay them for ever.
"""

import argparse
import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.hostile_worker import LONGEST, READERS, case, readers_of
from waarmerk.bench.report.markdown import table
from waarmerk.bench.rows import ResultFile, Row
from waarmerk.cores import ONE_THREAD

PER_BATCH = 250
_ROOT = Path(__file__).resolve().parent.parent


class Worker:
    """The process that reads; started anew after a crash."""

    def __init__(self, seeds: Path, readers: str = READERS) -> None:
        self._seeds = seeds
        self._readers = readers
        self._folder = tempfile.TemporaryDirectory(prefix="hostile-")
        self._at = Path(self._folder.name) / "at"
        self._words = Path(self._folder.name) / "words"
        self._process: subprocess.Popen[str] | None = None
        self.blocked = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._end()
        self._folder.cleanup()

    def _end(self) -> int:
        """Take leave of a process that has ended or will; return its status."""
        process, self._process = self._process, None
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        code = process.wait()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()
        return code

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            with self._words.open("wb") as words:
                self._process = subprocess.Popen(
                    [
                        *(sys.executable, "-m", "benchmarks.hostile_worker"),
                        *(self._seeds, self._at, self._readers),
                    ],
                    env={**os.environ, **dict.fromkeys(ONE_THREAD, "1")},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=words,
                    text=True,
                    cwd=_ROOT,
                )
            assert self._process.stdout is not None
            line = self._process.stdout.readline()
            if not line:
                raise SystemExit(f"the worker does not start:\n{self._words.read_text()}")
            self.blocked = json.loads(line)["blocked"]
        return self._process

    def batch(self, seed: int, number: int, files: int) -> Row:
        """Return the row of a batch, with crashes among its finds."""
        row: Row = {"counts": {}, "cpu": 0.0, "slowest": [0.0, ""], "largest_mb": [0, ""]}
        row["finds"] = []
        first = 0
        while True:
            process = self._started()
            assert process.stdin is not None
            assert process.stdout is not None
            request = {"seed": seed, "batch": number, "files": files, "first": first, "row": row}
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if line:
                row = json.loads(line)
                return row
            code = self._end()
            at = json.loads(self._at.read_text())
            row, first = at.pop("row"), at["index"] + 1
            trace = self._words.read_text(errors="replace")[-3000:]
            # 31 is SIGSYS: what the filter sends to whoever opens a socket.
            why = "opens a network connection" if code == -31 else f"ends with status {code}"
            why = f"takes over {LONGEST:g} s" if "Timeout (" in trace else why
            row["finds"].append({**at, "why": why, "trace": trace})
            name = f"{at['reader']}: find"
            row["counts"][name] = row["counts"].get(name, 0) + 1


def make_seeds(folder: Path, fixtures: Path | None) -> None:
    """Write the good files, once."""
    if folder.is_dir() and any(folder.iterdir()):
        return
    from tests.fuzz.every_format import every_seed

    folder.mkdir(parents=True, exist_ok=True)
    for name, data in every_seed(fixtures).items():
        (folder / name).write_bytes(data)


def fingerprint(seeds: Path) -> str:
    """Return 12 hex digits that change with the readers, the damage and the good files."""
    digest = hashlib.sha256()
    patterns = ("waarmerk/**/*.py", "tests/fuzz/*.py", "benchmarks/hostile_worker.py")
    paths = {path for pattern in patterns for path in _ROOT.glob(pattern)}
    for path in (*sorted(paths), *sorted(seeds.iterdir())):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def results(rows: list[Row]) -> str:
    """Return what the rows come to as a table of Markdown, and the finds below it."""
    by_reader: dict[str, Counter[str]] = {}
    for row in rows:
        for name, count in row["counts"].items():
            reader, _, result = name.partition(": ")
            by_reader.setdefault(reader, Counter())[result] += count
    lines = []
    for reader, counts in sorted(by_reader.items(), key=lambda item: -item[1].total()):
        refused = counts.total() - counts["done"] - counts["find"]
        finds = sum(find["reader"] == reader for row in rows for find in row["finds"])
        lines.append([reader, *map(str, (counts.total(), counts["done"], refused, finds))])
    total = sum(counts.total() for counts in by_reader.values())
    slowest = max(row["slowest"] for row in rows)
    largest = max(row["largest_mb"] for row in rows)
    kinds = Counter(find["why"] for row in rows for find in row["finds"])
    crashes = sum(n for why, n in kinds.items() if "status" in why or "takes over" in why)
    network = sum(n for why, n in kinds.items() if "network" in why)
    head = ["reader", "damaged files", "read", "refused in one line", "finds"]
    return (
        f"{table(head, lines)}\n\n{total} files, {sum(row['cpu'] for row in rows):.0f} s of CPU. "
        f"Crashes: {crashes}. Attempts to reach the network: {network}. Slowest: "
        f"{slowest[0]:.2f} s ({slowest[1]}). Largest: {largest[0]} MB ({largest[1]})."
    )


def show_finds(rows: list[Row], most: int = 30) -> None:
    """Print the finds, each kind once."""
    seen: set[Any] = set()
    for row in rows:
        for find in row["finds"]:
            last = find["trace"].strip().splitlines()[-4:]
            kind = (find["reader"], find["why"][:60], tuple(last[:-1]))
            if kind not in seen and len(seen) < most:
                seen.add(kind)
                print(f"\n{row['batch']} {find['index']}: {find['seed']}, {find['reader']}: "
                      f"{find['why']}\n{find['trace']}")  # fmt: skip


def main() -> int:
    """Run from the command line; return 1 if there was a find."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("results/hostile.jsonl"))
    parser.add_argument("--fixtures", type=Path, help="folder of C2PA fixtures")
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", nargs=2, type=int, metavar=("BATCH", "INDEX"))
    options = parser.parse_args()
    seeds = options.out.with_suffix(".seeds")
    if options.show:
        files = {path.name: path.read_bytes() for path in sorted(seeds.iterdir())}
        sys.stdout.buffer.write(case(files, readers_of(READERS), options.seed, *options.show)[2])
        return 0
    make_seeds(seeds, options.fixtures)
    parameters = {"seed": options.seed, "per_batch": PER_BATCH}
    out = ResultFile(options.out, ("batch",), parameters, fingerprint(seeds), "whole")
    wanted = [{"batch": number} for number in range(-(-options.files // PER_BATCH))]
    with Worker(seeds) as worker:
        for row in list(out.missing(wanted)):
            done = worker.batch(options.seed, row["batch"], PER_BATCH)
            out.append([{**row, "blocked": worker.blocked, **done}])
            if row["batch"] % 20 == 19:
                finds = sum(len(other["finds"]) for other in out.rows)
                print(f"{(row['batch'] + 1) * PER_BATCH} files, {finds} finds", flush=True)
    show_finds(out.rows)
    print(results(out.rows))
    return int(any(row["finds"] for row in out.rows))


if __name__ == "__main__":
    sys.exit(main())
