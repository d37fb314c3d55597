"""The runner: every case once, the same again, and nothing lost when it is stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("skimage", reason="needs the extra bench")
pytest.importorskip("librosa", reason="needs the extra bench")

from waarmerk.bench import rows as result_rows
from waarmerk.bench.plan import FIELDS
from waarmerk.bench.run import Job, run_suite
from waarmerk.bench.workers import WorkerError
from waarmerk.cli import run as command
from waarmerk.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
FEW = {"suites": ("image",), "transformations": ("none", "jpeg", "noise"), "per_group": 1}

PLUG_IN = '''
import os
from waarmerk.bench.protocol import Marked, Reading, RefusedError

class Tint:
    """Adds one to every value, and finds whatever is bright."""
    name, medium, keyed = "tint", "image", False
    def mark(self, content, value, key, number=0):
        return Marked(value | 1, "0f")
    def read(self, value, keys):
        return [Reading(bool((value & 1).all()), "0e") for _ in keys]

class Refuses(Tint):
    name = "refuses"
    def mark(self, content, value, key, number=0):
        raise RefusedError("too small for me")

class Breaks(Tint):
    name = "breaks"
    def read(self, value, keys):
        raise ZeroDivisionError("oops")

class Dies(Tint):
    name = "dies"
    def read(self, value, keys):
        os._exit(3)

nothing = object
'''


def rows_of(path):
    """Return the rows of a result file without what a clock said, in the order of their names."""
    _, rows = result_rows.read(path)
    for row in rows:
        del row["seconds"]
    return sorted(rows, key=lambda row: [str(row[field]) for field in FIELDS])


def named(rows):
    return [tuple(row[field] for field in FIELDS) for row in rows]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the result file of a run that nobody stopped."""
    return run_suite(Job(out=tmp_path_factory.mktemp("whole") / "a.jsonl", **FEW))


@pytest.fixture
def plug_in(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(PLUG_IN)
    return path


def test_every_case_is_a_row(whole):
    rows = rows_of(whole)
    assert len(set(named(rows))) == len(rows)
    kinds = {row["what"] for row in rows}
    assert kinds == {"mark", "marked", "unmarked", "wrong key"}
    [mark] = [row for row in rows if row["what"] == "mark"]
    assert mark["quality"]["psnr"] > 38
    [same] = [row for row in rows if row["transformation"] == "none" and row["what"] == "marked"]
    assert same["exact"]
    assert same["bits"] == 1.0
    assert same["read"] == same["payload"] == mark["payload"]
    assert same["log10_p"] < -9
    assert not any(row["found"] for row in rows if row["what"] in ("unmarked", "wrong key"))
    assert {row["status"] for row in rows} == {"ok"}


def test_the_same_seed_gives_the_same_rows(whole, tmp_path):
    again = run_suite(Job(out=tmp_path / "b.jsonl", workers=2, **FEW))
    assert rows_of(again) == rows_of(whole)


def test_another_seed_gives_other_chance(whole, tmp_path):
    other = run_suite(Job(out=tmp_path / "b.jsonl", seed=1, **FEW))
    noisy = [
        [row["log10_p"] for row in rows_of(path) if row["transformation"] == "noise"]
        for path in (whole, other)
    ]
    assert noisy[0] != noisy[1]


def test_a_finished_run_is_not_run_again(whole):
    before = whole.read_bytes()
    told = []
    run_suite(Job(out=whole, **FEW), lambda done, of_all: told.append((done, of_all)))
    assert whole.read_bytes() == before
    assert len(told) == 1
    assert told[0][0] == told[0][1] > 0


def test_more_can_be_added_to_a_file(whole, tmp_path):
    path = tmp_path / "c.jsonl"
    path.write_bytes(whole.read_bytes())
    run_suite(Job(out=path, **{**FEW, "transformations": ("none", "mirror")}))
    before, after = named(rows_of(whole)), named(rows_of(path))
    assert set(before) < set(after)
    assert {row[4] for row in set(after) - set(before)} == {"mirror"}


def test_what_was_killed_goes_on_where_it_was(whole, tmp_path):
    path = tmp_path / "d.jsonl"
    code = (
        "from pathlib import Path\nfrom waarmerk.bench.run import Job, run_suite\n"
        f"run_suite(Job(out=Path({str(path)!r}), workers=2, **{FEW!r}))\n"
    )
    script = tmp_path / "go.py"
    script.write_text(f"if __name__ == '__main__':\n    {code.replace(chr(10), chr(10) + '    ')}")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, str(script)], env=environment)  # noqa: S603
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (not path.exists() or path.read_bytes().count(b"\n") < 2):
        time.sleep(0.01)
    children = children_of(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with path.open("ab") as file:
        file.write(b'{"suite": "image", "sch')  # what a kill in the middle of a line leaves
    kept = rows_of(path)
    run_suite(Job(out=path, **FEW))
    assert rows_of(path) == rows_of(whole)
    assert set(named(kept)) <= set(named(rows_of(path)))
    while time.monotonic() < deadline and any(map(alive, children)):
        time.sleep(0.05)
    assert not any(map(alive, children))


def children_of(pid):
    """Return the processes that a process started, where the system says so."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []


def alive(pid):
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_rows_of_another_job_are_not_mixed(whole):
    with pytest.raises(InputError, match="holds rows of other parameters"):
        run_suite(Job(out=whole, profile="full", **FEW))


# --- schemes of others


def test_a_scheme_of_ones_own(plug_in, tmp_path):
    path = run_suite(Job(out=tmp_path / "a.jsonl", schemes=(f"{plug_in}:Tint",), **FEW))
    marked = [row for row in rows_of(path) if row["what"] == "marked"]
    [same] = [row for row in marked if row["transformation"] == "none"]
    assert (same["found"], same["exact"], same["bits"]) == (True, False, 0.875)
    assert same["log10_p"] is None
    assert not any(row["found"] for row in marked if row["transformation"] != "none")
    assert len([row for row in rows_of(path) if row["what"] == "unmarked"]) == 1
    assert not [row for row in rows_of(path) if row["what"] == "wrong key"]  # it has no keys


def test_marks_of_one_scheme_are_shown_to_the_other(plug_in, tmp_path):
    schemes = ("waarmerk.image.1", f"{plug_in}:Tint")
    path = run_suite(Job(out=tmp_path / "a.jsonl", schemes=schemes, **FEW))
    found = {
        (row["scheme"], row["other"]): row["found"]
        for row in rows_of(path)
        if row["what"] == "another scheme"
    }
    names = ("waarmerk.image.1", "tint")
    assert found == {names: False, names[::-1]: False}


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [("Refuses", "refused", "too small for me"), ("Breaks", "error", "reading: ZeroDivisionError")],
)
def test_what_does_not_work_is_a_row(plug_in, tmp_path, name, status, reason):
    path = run_suite(Job(out=tmp_path / "a.jsonl", schemes=(f"{plug_in}:{name}",), **FEW))
    rows = [row for row in rows_of(path) if row["what"] == "marked"]
    assert rows
    assert {row["status"] for row in rows} == {status}
    assert all(row["reason"].startswith(reason) for row in rows)
    assert not any(row["found"] for row in rows)


def test_a_dead_worker_ends_the_run_with_a_word(plug_in, tmp_path):
    with pytest.raises(WorkerError, match=r"died while dies was measured on shipped/lake\.jpg"):
        run_suite(Job(out=tmp_path / "a.jsonl", schemes=(f"{plug_in}:Dies",), **FEW))
    result_rows.read(tmp_path / "a.jsonl")  # whole, as far as it goes


@pytest.mark.parametrize(
    ("scheme", "message"),
    [
        ("nonsense", "is no scheme of the suite; there are waarmerk.image.1"),
        ("nowhere.py:Scheme", "nowhere.py: there is no such file"),
        ("no.such.module:Scheme", "cannot be loaded: No module named"),
        ("{plug_in}:Absent", "cannot be loaded: .*Absent"),
        ("{plug_in}:nothing", "is not a scheme"),
    ],
)
def test_what_is_no_scheme_is_said(plug_in, tmp_path, scheme, message):
    name = scheme.format(plug_in=plug_in)
    with pytest.raises(InputError, match=message):
        run_suite(Job(out=tmp_path / "a.jsonl", schemes=(name,), **FEW))
    assert not (tmp_path / "a.jsonl").exists()


# --- the command


def test_the_command(tmp_path, capsys):
    out = tmp_path / "r.jsonl"
    wanted = ["--transformation", "none", "--contents", "1", "--workers", "1", "-o", str(out)]
    assert command(["bench", "run", "--suite", "audio", *wanted]) == 0
    said = capsys.readouterr()
    assert "waarmerk bench report" in said.out
    assert "rows" in said.err
    rows = rows_of(out)
    assert {row["group"] for row in rows} == {"music", "speech"}
    assert all(row["exact"] for row in rows if row["what"] == "marked")
    header = json.loads(out.read_text().splitlines()[0])
    assert header["code"].keys() == {"audio"}
    assert str(tmp_path) not in out.read_text()


def test_text_without_a_folder(tmp_path):
    few = {"transformations": ("none",), "per_group": 2}
    path = run_suite(Job(out=tmp_path / "t.jsonl", suites=("text",), **few))
    rows = rows_of(path)
    marked = [row for row in rows if row["what"] == "marked"]
    assert {row["scheme"] for row in marked} == {"waarmerk.text.1 with id", "synthid.transformers"}
    assert all(row["found"] for row in marked)
    quality = [row["quality"] for row in rows if row["what"] == "mark"]
    assert all(0 < each["bits"] < 5 for each in quality)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nowhere"], "nowhere: is not a folder"),
        (["--transformation", "melt"], "no such transformation: melt"),
        (["--suite", "smell"], "'smell' is not one of"),
        (["--suite", "text", "--half", "tuning"], "the tuning half trains the generator"),
    ],
)
def test_mistakes_are_named(arguments, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command(["bench", "run", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not Path("bench.jsonl").exists()


def test_empty_folder_is_named(tmp_path, capsys):
    out = tmp_path / "o.jsonl"
    arguments = ["--suite", "image", "--data", str(tmp_path), "-o", str(out)]
    assert command(["bench", "run", *arguments]) == 2
    assert "has no content for the suite image" in capsys.readouterr().err
