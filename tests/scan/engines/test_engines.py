"""The same rows on every engine, whatever files and workers do.

Each needs an engine that the other tests do without: ``pip install ".[test,ray]"``, and
``dask[distributed]`` or pyspark with Java. What is not installed is skipped, and says so.
"""

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.scan.decoders import CRASHES, HANGS, environment_of, harmful
from waarmerk.marking.key import KeyRing
from waarmerk.scan import Limits, ScanSettings, scan, scan_batch, sources_of
from waarmerk.scan.batch import close_guard

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "scan.md").read_text("utf-8")
DIFFERS = {"seconds", "time"}


def needs(module: str) -> pytest.MarkDecorator:
    found = importlib.util.find_spec(module) is not None
    return pytest.mark.skipif(not found, reason=f"needs {module}, which is not installed")


@pytest.fixture(scope="module")
def uploads(tmp_path_factory, marked_png, plain_jpeg):
    folder = tmp_path_factory.mktemp("uploads")
    for number in range(30):
        (folder / f"{number:02}.jpg").write_bytes(plain_jpeg + bytes(number))
    (folder / "marked.png").write_bytes(marked_png)
    (folder / "cut.png").write_bytes(marked_png[:3000])
    (folder / "empty.wav").write_bytes(b"")
    (folder / "crashes.bmp").write_bytes(harmful(CRASHES))
    (folder / "hangs.bmp").write_bytes(harmful(HANGS))
    return folder


@pytest.fixture(scope="module", autouse=True)
def harmful_everywhere(tmp_path_factory):
    """Also in processes that an engine starts on its own."""
    before = os.environ.get("PYTHONPATH")
    os.environ.update(environment_of(tmp_path_factory.mktemp("site")))
    yield
    os.environ.pop("PYTHONPATH")
    if before is not None:
        os.environ["PYTHONPATH"] = before


@pytest.fixture(scope="module")
def settings(scan_key):
    return ScanSettings(keys=KeyRing([scan_key]), effort="fast", limits=Limits(seconds=5.0))


@pytest.fixture(scope="module")
def expected(uploads, settings):
    rows = scan_batch(list(sources_of([uploads])), settings)
    close_guard()
    statuses = sorted(row["status"] for row in rows if row["status"] != "ok")
    assert statuses == ["crash", "error", "error", "timeout"]
    assert [Path(row["uri"]).name for row in rows if row["verdict"] == "generated"] == [
        "marked.png"
    ]
    return comparable(rows)


def comparable(rows):
    kept = [{name: row[name] for name in row if name not in DIFFERS} for row in rows]
    return sorted(kept, key=lambda row: row["uri"])


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_local(uploads, settings, expected, tmp_path):
    tally = scan([uploads], tmp_path / "rows.jsonl", settings, workers=2)
    assert comparable(read(tmp_path / "rows.jsonl")) == expected
    assert tally.files == 35


@needs("ray")
@pytest.mark.filterwarnings("default")
def test_ray(uploads, settings, expected, tmp_path):
    scan([uploads], tmp_path / "rows.jsonl", settings, engine="ray", workers=2)
    assert comparable(read(tmp_path / "rows.jsonl")) == expected


@needs("ray")
@pytest.mark.filterwarnings("default")
def test_ray_loses_nothing_when_a_worker_is_killed(
    uploads, settings, scan_key, tmp_path, marked_png
):
    """A worker is killed in the middle, with all that it has started."""
    for number in range(600):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / f"{number:03}.png").write_bytes(marked_png + bytes(number))
    scan_key.save(tmp_path / "key.json")
    out = tmp_path / "rows.jsonl"
    scanning = subprocess.Popen(  # noqa: S603
        [
            *(sys.executable, "-m", "waarmerk", "scan", tmp_path / "in", "-o", out),
            *("--key", tmp_path / "key.json", "--engine", "ray", "--workers", "2"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    killed = []

    def kill():
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not killed:
            for worker in examining(scanning.pid):
                os.kill(worker, signal.SIGKILL)
                killed.append(worker)
                break
            time.sleep(0.1)

    killer = threading.Thread(target=kill)
    killer.start()
    _, words = scanning.communicate(timeout=300)
    killer.join()
    assert scanning.returncode == 0, words
    assert killed
    rows = read(out)
    assert len(rows) == len({row["uri"] for row in rows}) == 600
    assert {row["verdict"] for row in rows} == {"generated"}


def examining(_scan):
    """Return the Ray workers that have started a guarded process, by their process ids."""
    workers = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            if b"waarmerk.scan.child" not in command:
                continue
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if b"ray::" in Path(f"/proc/{parent}/cmdline").read_bytes():
                workers.append(parent)
        except (OSError, ValueError):  # it has ended meanwhile
            continue
    return workers


def recipe(begins: str) -> str:
    """Return a recipe of docs/scan.md, by its first line."""
    for block in re.findall(r"^```py\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE):
        if block.startswith(f"# {begins}"):
            return block
    raise AssertionError(f"docs/scan.md has no recipe for {begins}")


@needs("distributed")
@pytest.mark.filterwarnings("default")
def test_dask(uploads, settings, expected):
    sources = list(sources_of([uploads]))
    tables = []
    names = {
        "settings": settings,
        "batches_of_your_choice": [sources[at : at + 10] for at in range(0, len(sources), 10)],
        "write": tables.append,
    }
    exec(recipe("Dask"), names)  # noqa: S102 - the document is ours
    from waarmerk.scan.row import from_arrow

    assert comparable(row for table in tables for row in from_arrow(table)) == expected


@needs("pyspark")
@pytest.mark.filterwarnings("default")
def test_spark(uploads, settings, expected, tmp_path, monkeypatch):
    import pyarrow.parquet
    from pyspark.sql import SparkSession

    from waarmerk.scan.row import from_arrow

    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    spark = SparkSession.builder.master("local[2]").getOrCreate()
    try:
        uris = [source.uri for source in sources_of([uploads])]
        code = recipe("Spark").replace('"results"', repr(str(tmp_path / "results")))
        exec(code.replace("1000", "4"), {"spark": spark, "settings": settings, "uris": uris})  # noqa: S102
    finally:
        spark.stop()
    rows = from_arrow(pyarrow.parquet.read_table(tmp_path / "results"))
    # Spark was given names alone, without sizes and times.
    listed = {"modified", "size", "etag"}
    assert [{n: row[n] for n in row if n not in listed} for row in comparable(rows)] == [
        {name: row[name] for name in row if name not in listed} for row in expected
    ]
