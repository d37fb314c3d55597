"""What tests of results share: opening them, and reading them as anybody would."""

import subprocess
import sys
from pathlib import Path

from tests.scan.rows import RECORD
from waarmerk.scan.results import open_results
from waarmerk.scan.row import from_arrow, from_json

ROOT = Path(__file__).parents[2]


def opened(path, resume=False, record=RECORD, rows_per_part=10):
    return open_results(path, record, resume=resume, rows_per_part=rows_per_part)


def read(path):
    """Return the rows that anybody sees who reads the results."""
    if path.suffix == ".jsonl":
        return [from_json(line) for line in path.read_bytes().splitlines(keepends=True)]
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    assert table.equals(ds.dataset(path).to_table())
    return from_arrow(table)


def sizes(path):
    rows = read(path)
    found = {row["uri"]: row["size"] for row in rows}
    assert len(found) == len(rows), "a row is there twice"
    return found


def expected(numbers, size=1):
    return {f"files/{number}.png": size for number in numbers}


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def python(*arguments, **more):
    done = subprocess.run(  # noqa: S603
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        **more,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
