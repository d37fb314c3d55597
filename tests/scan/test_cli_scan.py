"""The commands ``waarmerk scan`` and ``waarmerk watch``, as programs."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.scan.conftest import MARK
from tests.scan.decoders import CRASHES, HANGS, harmful
from waarmerk.cli import run

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals as on Unix")

COMMAND = (sys.executable, "-m", "waarmerk")


def rows_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def folder(tmp_path, marked_png, plain_jpeg):
    """A dozen files, one of them marked and two of them bad."""
    files = tmp_path / "files"
    files.mkdir()
    for number in range(9):
        (files / f"{number}.jpg").write_bytes(plain_jpeg + bytes(number))
    (files / "marked.png").write_bytes(marked_png)
    (files / "empty.png").write_bytes(b"")
    (files / "sub").mkdir()
    (files / "sub" / "cut.png").write_bytes(marked_png[:2000])
    return files


@pytest.fixture
def keyfile(tmp_path, scan_key):
    scan_key.save(tmp_path / "key.json")
    return tmp_path / "key.json"


def test_every_file_has_a_row_and_the_summary_counts_them(folder, keyfile, tmp_path, capsys):
    out = tmp_path / "results.jsonl"
    assert run(["scan", str(folder), "-o", str(out), "--key", str(keyfile), "--json"]) == 0
    rows = rows_of(out)
    assert sorted(row["uri"] for row in rows) == sorted(
        str(path) for path in folder.rglob("*") if path.is_file()
    )
    by_name = {Path(row["uri"]).name: row for row in rows}
    assert by_name["marked.png"]["verdict"] == "generated"
    assert by_name["marked.png"]["mark_id"] == MARK.hex
    assert by_name["marked.png"]["log10_p"] < -9
    assert by_name["empty.png"]["status"] == by_name["cut.png"]["status"] == "error"
    summary = json.loads(capsys.readouterr().out)
    assert summary["files"] == 12
    assert summary["verdicts"]["generated"] == 1
    assert summary["verdicts"]["none_found"] == 9
    assert summary["statuses"]["error"] == 2


def test_a_second_scan_needs_resume_and_then_leaves_out_what_is_done(
    folder, keyfile, tmp_path, capsys
):
    out = tmp_path / "results.jsonl"
    command = ["scan", str(folder), "-o", str(out), "--key", str(keyfile), "--json"]
    assert run(command) == 0
    before = rows_of(out)
    assert run(command) == 2
    assert "--resume" in capsys.readouterr().err
    changed, touched = folder / "0.jpg", folder / "1.jpg"
    changed.write_bytes(changed.read_bytes() + b"more")
    os.utime(touched, (1e9, 1e9))
    assert run([*command, "--resume", "--by-hash"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["files"], summary["skipped"]) == (1, 11)
    after = rows_of(out)
    assert len(after) == len(before)
    assert {row["uri"] for row in after} == {row["uri"] for row in before}
    size = {row["uri"]: row["size"] for row in after}
    assert size[str(changed)] == changed.stat().st_size


def test_another_key_asks_for_everything_again_and_fewer_keys_for_nothing(
    folder, keyfile, tmp_path, capsys
):
    from waarmerk import MarkingKey

    other = tmp_path / "other.json"
    MarkingKey.generate().save(other)
    out = tmp_path / "results.jsonl"
    command = ["scan", str(folder), "-o", str(out), "--resume", "--json", "--effort", "fast"]
    for keys, files in (((keyfile,), 12), ((keyfile, other), 12), ((other,), 0)):
        given = [option for key in keys for option in ("--key", str(key))]
        assert run([*command, *given]) == 0
        assert json.loads(capsys.readouterr().out)["files"] == files
    assert len(rows_of(out)) == 12


def test_results_as_parquet(folder, keyfile, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra parquet")
    out = tmp_path / "results.parquet"
    assert run(["scan", str(folder), "-o", str(out), "--key", str(keyfile)]) == 0
    table = parquet.read_table(out)
    assert table.num_rows == 12
    assert table.column("verdict").to_pylist().count("generated") == 1


def test_results_in_the_folder_that_is_scanned_are_no_input(folder, tmp_path, capsys):
    out = folder / "results.jsonl"
    for _ in range(2):
        assert run(["scan", str(folder), "-o", str(out), "--resume"]) == 0
    assert len(rows_of(out)) == 12


def test_names_on_stdin(folder, tmp_path):
    names = b"\0".join(os.fsencode(folder / f"{n}.jpg") for n in range(3))
    out = tmp_path / "results.jsonl"
    done = subprocess.run(  # noqa: S603
        [*COMMAND, "scan", "-", "-0", "-o", str(out)], input=names, capture_output=True, check=True
    )
    assert len(rows_of(out)) == 3
    assert done.stdout.startswith(b"3 files")


def test_an_archive_is_examined_in_place(folder, keyfile, tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in sorted(folder.rglob("*.*")):
            archive.write(path, path.name)
    out = tmp_path / "results.jsonl"
    assert run(["scan", str(tmp_path / "all.zip"), "-o", str(out), "--key", str(keyfile)]) == 0
    rows = {row["uri"].rpartition("!/")[2]: row for row in rows_of(out)}
    assert len(rows) == 12
    assert rows["marked.png"]["mark_id"] == MARK.hex
    assert rows["empty.png"]["status"] == "error"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing-there.jpg"], None),
        (["."], "needs a name that ends in"),
    ],
)
def test_what_is_wrong_is_said(arguments, words, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = "results.jsonl" if words is None else "results.csv"
    status = run(["scan", *arguments, "-o", out])
    said = capsys.readouterr()
    assert status == 2
    assert "waarmerk: " in said.err
    assert "Traceback" not in said.err


def test_options_that_need_others(tmp_path, capsys):
    out = str(tmp_path / "r.jsonl")
    for options in (["--scheme", "s.json"], ["--include-personal"], ["--memory-limit", "10"]):
        assert run(["scan", str(tmp_path), "-o", out, *options]) == 2
    assert run(["scan", str(tmp_path), "-o", out, "--memory-limit", "much"]) == 2
    assert "512M" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("ps") is None, reason="asks ps")
def test_a_command_that_fails_leaves_no_process_behind(tmp_path, capsys):
    command = ["scan", str(tmp_path), "-o", str(tmp_path / "r.jsonl"), "--key", "no-such.key"]
    before = children()
    assert run(command) == 2
    assert "no-such.key" in capsys.readouterr().err
    assert children() == before


def children():
    """What the processes run that this one has started."""
    ps = ["ps", "-A", "-o", "ppid=,args="]
    listed = subprocess.run(ps, capture_output=True, check=True).stdout.decode()  # noqa: S603
    found = (line.split(maxsplit=1) for line in listed.splitlines())
    return sorted(args for parent, args in found if int(parent) == os.getpid() and "scan" in args)


def start(*arguments, **more):
    return subprocess.Popen(  # noqa: S603
        [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more
    )


def finish(command):
    done = subprocess.run([*COMMAND, *map(str, command)], capture_output=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr


def wait_for(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_and_resume_goes_on(
    number, harmful_decoders, folder, keyfile, tmp_path
):
    (folder / "a.bmp").write_bytes(harmful(HANGS))
    out = tmp_path / "results.jsonl"
    command = ("scan", folder, "-o", out, "--key", keyfile, "--time-limit", 5, "--workers", 1)
    scanning = start(*command)
    wait_for(lambda: out.exists() and out.read_bytes().count(b"\n") >= 2)
    scanning.send_signal(number)
    said, words = scanning.communicate(timeout=60)
    assert scanning.returncode == 128 + number
    assert b"--resume" in words
    assert b"files" in said
    first = rows_of(out)
    assert 0 < len(first) < 13
    finish((*command, "--resume"))
    rows = rows_of(out)
    assert len(rows) == len({row["uri"] for row in rows}) == 13
    assert rows[: len(first)] == first


def test_three_kills_lose_and_double_nothing(harmful_decoders, folder, keyfile, tmp_path):
    for name in "abc":
        (folder / f"{name}.bmp").write_bytes(harmful(CRASHES))
    (folder / "d.bmp").write_bytes(harmful(HANGS))
    out = tmp_path / "results.jsonl"
    command = ("scan", folder, "-o", out, "--key", keyfile, "--time-limit", 4, "--resume")
    for more in (1, 4, 8):
        scanning = start(*command)
        wait_for(
            lambda n=more, s=scanning: (
                s.poll() is not None or (out.exists() and out.read_bytes().count(b"\n") >= n)
            )
        )
        scanning.kill()
        scanning.communicate()
    finish(command)
    rows = {Path(row["uri"]).name: row["status"] for row in rows_of(out)}
    assert len(rows_of(out)) == len(rows) == 16
    statuses = [rows[f"{name}.bmp"] for name in "abcd"]
    assert statuses == ["crash", "crash", "crash", "timeout"]
    assert all(rows[f"{number}.jpg"] == "ok" for number in range(9))


def test_a_watched_folder_gets_rows_for_what_is_there_and_what_comes(
    folder, keyfile, tmp_path, marked_png
):
    pytest.importorskip("watchfiles", reason="needs the extra watch")
    out, figures = tmp_path / "results.jsonl", tmp_path / "scan.prom"
    watching = start(
        *("watch", folder, "-o", out, "--key", keyfile, "--settle", 0.2, "--metrics", figures)
    )
    try:
        wait_for(lambda: out.exists() and len(rows_of(out)) == 12)
        (folder / "new.png").write_bytes(marked_png)
        (tmp_path / "moved").mkdir()
        (tmp_path / "moved" / "in.png").write_bytes(marked_png)
        (tmp_path / "moved").rename(folder / "moved")
        wait_for(lambda: len(rows_of(out)) == 14)
        with (folder / "slow.png").open("wb") as slow:  # whole only after a while
            slow.write(marked_png[:1000])
            slow.flush()
            time.sleep(0.1)
            slow.write(marked_png[1000:])
        wait_for(lambda: len(rows_of(out)) >= 15)
    finally:
        watching.send_signal(signal.SIGINT)
        _, words = watching.communicate(timeout=60)
    assert watching.returncode == 0, words
    rows = {str(Path(row["uri"]).relative_to(folder)): row for row in rows_of(out)}
    assert len(rows) == 15
    for name in ("new.png", "moved/in.png", "slow.png"):
        assert rows[name]["mark_id"] == MARK.hex
    assert 'waarmerk_scan_verdicts_total{verdict="generated"} 4.0' in figures.read_text()
