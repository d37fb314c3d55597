"""The benchmark of scans: the set it makes, what it breaks, what it watches, its tables."""

import os
import subprocess
import sys
import time
from argparse import Namespace
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from benchmarks import (
    report,
    scan_decode,
    scan_hostile,
    scan_mix,
    scan_process,
    scan_report,
    scan_set,
)
from benchmarks.scan_bench import FIELDS, Bench, named
from benchmarks.scan_survival import judged
from tests import rendered_sound
from tests.rendered import soft_picture
from waarmerk.bench import rows as results
from waarmerk.bench.seeds import rng_for


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return a folder of pictures and sounds as ``--data`` has them, but small."""
    folder = tmp_path_factory.mktemp("data")
    for name, size in (("512", (256, 256)), ("1024", (600, 800)), ("12mp", (900, 1200))):
        (folder / "images" / name).mkdir(parents=True)
        for number in range(2):
            soft_picture(*size).rotate(180 * number).save(folder / f"images/{name}/{number}.png")
    (folder / "audio").mkdir()
    for name, channels in (("mu_a", 2), ("mu_b", 2), ("sp_a", 1), ("sp_b", 1)):
        sound = rendered_sound.melody(3.0, channels=channels)
        soundfile.write(folder / f"audio/{name}.flac", sound, rendered_sound.RATE)
    return folder


@pytest.fixture
def content(data):
    return scan_mix.Content(data)


def test_shares_make_a_whole_and_files_are_named_after_their_kind():
    assert sum(kind.share for kind in scan_mix.MIX.values()) == pytest.approx(1.0)
    tasks = [task for task in scan_set.tasks_of(1000, 1) if task.part == "files"]
    assert len(tasks) == len({task.name for task in tasks}) == 1000
    counts = Counter(task.kind for task in tasks)
    assert {name: counts[name] for name in ("social", "bmp", "mp3")} == {
        "social": 270,
        "bmp": 5,
        "mp3": 25,
    }
    assert 60 < sum(task.marked for task in tasks) < 140
    assert list(scan_set.tasks_of(1000, 1)) != list(scan_set.tasks_of(1000, 2))
    assert "| phone (JPEG) | 8.0% | 10.5 to 12 MP |" in scan_set.mix_table()


@pytest.mark.parametrize("kind", scan_mix.MIX)
def test_every_kind_is_made_anew_each_time_and_again_from_its_seed(kind, content, tmp_path):
    make = scan_mix.sound if scan_mix.MIX[kind].sound else scan_mix.picture
    first, said = make(kind, content, rng_for("a"), None)
    if make is scan_mix.picture:  # an Ogg file has a serial number that is drawn anew
        assert make(kind, content, rng_for("a"), None)[0] == first
    assert make(kind, content, rng_for("b"), None)[0] != first
    path = tmp_path / f"a{scan_mix.MIX[kind].extension}"
    path.write_bytes(first)
    scan_decode.decode(path)
    if "seconds" in said:
        low, high = scan_mix.MIX[kind].low, scan_mix.MIX[kind].high
        assert low <= said["seconds"] <= high
        assert soundfile.info(path).channels == said["channels"]
    else:
        with Image.open(path) as image:
            assert image.size == (said["width"], said["height"])


def test_marks_that_are_laid_are_found(content, tmp_path):
    from waarmerk import detect_file

    task = scan_set.Task("files/000/00000-generated.png", "files", "generated", marked=True)
    made, said = scan_set.made(task, content, 3)
    path = tmp_path / "a.png"
    path.write_bytes(made)
    assert said["marked"]
    [finding] = detect_file(path, keys=[scan_set.KEY]).watermarks
    assert str(finding.mark_id) == str(scan_set.bench_id("scan", task.name))


@pytest.fixture
def small_set(content, tmp_path):
    """Make a set of some files by hand, with its hostile ones."""
    folder = tmp_path / "set"
    rows = results.ResultFile(
        folder / "set.jsonl", ("task",), {"files": 6, "seed": 1}, "abc", "whole"
    )
    for number, kind in enumerate(["small", "gif", "small", "bmp", "small", "webp"]):
        name = f"files/000/{number:05}-{kind}{scan_mix.MIX[kind].extension}"
        made, said = scan_mix.picture(kind, content, rng_for(number), None)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(made)
        rows.append([{"task": name, "name": name, "part": "files", "kind": kind, **said}])
    return folder


def test_hostile_files_lie_among_the_others(small_set):
    hostile = scan_set.add_hostile(small_set, 0.5, 1)
    assert [row["what"] for row in hostile][:1] == ["segfault"]
    there = [path for path in (small_set / "faults").rglob("*") if path.is_file()]
    assert len(there) == 6 + 3
    assert all((small_set / "faults" / row["among"]).exists() for row in hostile)
    again = scan_set.add_hostile(small_set, 0.5, 1)
    assert [row["name"] for row in again] == [row["name"] for row in hostile]


def test_every_bad_file_can_be_made(small_set):
    files = scan_set.rows_of(small_set)
    names = set()
    wanted = 10 + sum(map(len, scan_hostile.BAD.values()))
    for name, made, said in scan_hostile.hostile_files(small_set, files, wanted, 1):
        names.add(name)
        assert isinstance(made, bytes)
        assert said["expected"]
        assert len(made) < 40_000_000
        assert len(os.fsencode(name)) < 250
        if said["what"] in ("name", "lies"):
            (small_set / name).write_bytes(made)
    assert len(names) == wanted


@pytest.mark.parametrize(
    ("fault", "code"), [("segfault", -11), ("abort", -6), ("exit", 0), ("memory of Python", 1)]
)
def test_pillow_is_broken_only_where_it_is_asked_for(fault, code, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(scan_hostile.asking_for(fault, "PNG", rng_for(1))[0])
    with Image.open(path) as image:
        image.load()
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_DATA, (1 << 29, 1 << 29));"
        "from PIL import Image; Image.open(sys.argv[1]).load(); print('fine')"
    )
    env = {**os.environ, "PYTHONPATH": str(scan_process.FAULTS)}
    done = subprocess.run(  # noqa: S603 - a program of our own
        [sys.executable, "-c", program, str(path)],
        env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (code, "")


def test_decoding_alone_says_what_cannot_be_decoded(small_set):
    (small_set / "bad.jpg").write_bytes(b"no picture")
    names = [row["name"] for row in scan_set.rows_of(small_set)]
    done = scan_decode.decoded(small_set, [*names, "bad.jpg"], 2)
    assert set(done["seconds"]) == {*names, "bad.jpg"}
    assert [Path(path).name for path in done["errors"]] == ["bad.jpg"]
    assert 0 < done["wall"] < done["cpu"] + 5


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_processes_are_watched_and_leave_nothing_behind():
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:  # noqa: S603 - our own
        until = time.monotonic() + 10
        while len(found := scan_process.tree(process.pid)) < 2 and time.monotonic() < until:
            time.sleep(0.02)
        assert process.pid in found
        assert len(found) == 2
        assert scan_process.pss(found) > 1
        process.kill()
        seconds, left = scan_process.gone(found, 0.2)
        assert left == 1
        assert seconds >= 0.2
        assert scan_process.gone(found, 5.0)[1] == 0


def test_lines_are_counted_as_they_come(tmp_path):
    path = tmp_path / "a"
    lines = scan_process.Lines(path)
    assert lines.now() == 0
    path.write_bytes(b"1\n2\n3")
    assert lines.now() == 2
    with path.open("ab") as file:
        file.write(b"\n")
    assert lines.now() == 3


def test_names_of_rows_lead_back_to_files():
    assert os.fsencode(scan_process.path_of("file:///a/%FF%41.jpg")) == b"/a/\xffA.jpg"
    assert scan_process.path_of("a/%41.jpg") == "a/%41.jpg"


def scan_row(bench, name, status="ok", **more):
    path = str(bench.folder / "faults" / name)
    return {"uri": path, "status": status, "verdict": None, "mark_id": None, "error": None, **more}


def test_what_is_missing_or_harmed_is_counted(small_set):
    hostile = {row["among"]: row for row in scan_set.add_hostile(small_set, 0.3, 1)}
    options = Namespace(engine="local", seed=1)
    out = results.ResultFile(small_set / "scan.jsonl", FIELDS, {}, "abc", "whole")
    bench = Bench(small_set, out, options)
    names = [*bench.files]
    [bad, *others] = hostile
    rows = [scan_row(bench, name) for name in names[1:]]
    rows += [scan_row(bench, names[1]), scan_row(bench, bad, "ok"), scan_row(bench, "more")]
    rows += [scan_row(bench, other, hostile[other]["expected"][0]) for other in others]
    rows[2]["verdict"] = "generated"
    good = {name: scan_row(bench, name) for name in names}
    said = judged(bench, rows, "faults", {*names, *hostile}, hostile, good)
    assert [said[name] for name in scan_report.COUNTS] == [1, 1, 1, 1, 1]
    assert said["harmed_some"][0][0] == names[3]
    assert said["surprises_some"] == [[bad, "ok", None, "segfault"]]
    assert said["hostile"]["segfault"] == {"ok": 1}


def rows_of_all_parts():
    kinds = {"small": [2, 0.02, 0.6], "mp3": [1, 0.1, 20.0]}
    rows = [
        named("throughput", "all", engine=engine, effort=effort, workers=workers, keys=0)
        | {"files": 3, "wall": wall, "cpu": wall, "kinds": kinds}
        for engine, effort, workers, wall in (
            ("decode", "", 1, 1.0), ("local", "fast", 1, 1.25),
            ("decode", "", 2, 0.5), ("local", "fast", 2, 1.0),
        )
    ]  # fmt: skip
    rows[1]["found"] = {"marked": 4, "marked found": 3}
    rows.append(named("start", "help") | {"seconds": 0.1})
    rows.append(named("start", "one file") | {"seconds": 2.5, "to_end": 0.1})
    samples = [[float(n), 500 * n, 200.0 + 2 * n, 5] for n in range(20)]
    rows.append(named("memory", "all") | {"files": 9500, "samples": samples})
    rows += [
        named("keys", "pictures", keys=n) | {"files": 2, "seconds": s, "cpu": s, "found": 1}
        for n, s in ((1, 1.0), (100, 2.0))
    ]
    rows.append(named("sizes", "jpeg-12.00", workers=1) | {
        "width": 4000, "height": 3000, "bytes": 3e6, "seconds": 0.05, "decode": 0.08})  # fmt: skip
    none = dict.fromkeys(scan_report.COUNTS, 0)
    kills = [{"rows": 5, "gone_after": 0.2, "left": 0, "processes": 5, "everything": False}]
    rows.append(named("faults", "three kills") | none | {
        "files": 10, "rows": 10, "kills": kills,
        "hostile": {"segfault": {"crash": 6}}})  # fmt: skip
    return rows


def test_tables_say_what_is_kept_and_what_is_missed():
    rows = rows_of_all_parts()
    header = results.header({"set": {"files": 3}}, "abc", "whole")
    text = scan_report.scan(header, rows)
    assert "| fast: rate of decoding alone, 1 worker | at least 70% | 80% |" in text
    assert "| at least 70% | **50%** (missed) |" in text
    assert "| fast: two workers beside one | at least 1.8x | **1.25x** (missed) |" in text
    assert "| first row, one file | under 2 s | **2.50 s** (missed) |" in text
    assert "| flat: at most +1% | **+4.00 MB** (missed) |" in text
    assert "| 100 keys on pictures, fast | at most 3x of one | 2.00x |" in text
    assert "| every file one row, no good one harmed | kept |" in text
    assert "| small (JPEG) | 2 | 0.3 MP | 10.0 | 10.0 | 100% |" in text
    assert "3 of 4 marked files" in text
    assert "| jpeg | 12 MP | 3.00 | 80.0 | 50.0 |  |" in text
    assert "| segfault | crash 6 |" in text
    assert "the first process after 5 rows" in text


def test_report_has_a_section_for_scans():
    assert report.SECTIONS["scan"] == (("scan.jsonl",), scan_report.scan)
    assert report.TITLES["scan"] == "Scans of many files"


def test_slope_of_memory_is_by_files():
    flat = [[float(n), n, 100.0 + (n % 2), 3] for n in range(1000, 2000, 10)]
    assert abs(scan_report.slope(flat)) < 0.1
    assert scan_report.slope([[0.0, 1, 1.0, 1]]) == 0.0
    assert np.isclose(scan_report.slope([[0.0, 0, 0.0, 1], [1.0, 500, 1.0, 1]]), 2.0)
