"""A row for every source, also for what crashes, never ends, or needs all memory."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.scan.conftest import MARK
from tests.scan.decoders import CRASHES, HANGS, HANGS_ONCE, SWALLOWS, harmful
from waarmerk.marking.key import KeyRing
from waarmerk.scan.batch import close_guard, guard_for, scan_batch
from waarmerk.scan.guard import Guard, GuardError
from waarmerk.scan.settings import Limits, ScanSettings
from waarmerk.scan.source import Source

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals as on Unix")


@pytest.fixture
def files(tmp_path, marked_png, plain_jpeg):
    contents = {
        "marked.png": marked_png,
        "plain.jpg": plain_jpeg,
        "empty.jpg": b"",
        "cut.png": marked_png[:5000],
        "wrong.wav": plain_jpeg,
        "crashes.bmp": harmful(CRASHES),
        "hangs.bmp": harmful(HANGS),
        "swallows.bmp": harmful(SWALLOWS),
        "after.jpg": plain_jpeg,
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    return [Source(str(tmp_path / name), len(data)) for name, data in contents.items()]


def settings(scan_key, **limits):
    return ScanSettings(keys=KeyRing([scan_key]), limits=Limits(**limits))


def test_every_source_has_its_row_whatever_it_does(harmful_decoders, files, scan_key, tmp_path):
    rows = scan_batch(files, settings(scan_key, seconds=8.0, memory=1 << 30))
    close_guard()
    assert [row["uri"] for row in rows] == [source.uri for source in files]
    assert {Path(row["uri"]).name: row["status"] for row in rows} == {
        "marked.png": "ok",
        "plain.jpg": "ok",
        "empty.jpg": "error",
        "cut.png": "error",
        "wrong.wav": "error",
        "crashes.bmp": "crash",
        "hangs.bmp": "timeout",
        "swallows.bmp": "memory" if sys.platform == "linux" else "ok",
        "after.jpg": "ok",
    }
    by_name = {Path(row["uri"]).name: row for row in rows}
    assert by_name["marked.png"]["verdict"] == "generated"
    assert by_name["marked.png"]["mark_id"] == MARK.hex
    assert by_name["plain.jpg"]["verdict"] == "none_found"
    assert "SIGSEGV" in by_name["crashes.bmp"]["error"]
    assert "longer than 8 s" in by_name["hangs.bmp"]["error"]
    for row in rows:
        assert (row["error"] is None) == (row["status"] == "ok")
        assert row["verdict"] is None or row["status"] == "ok"


def test_what_the_first_process_had_no_time_for_is_tried_once_more(
    harmful_decoders, files, scan_key, tmp_path
):
    path = tmp_path / "once.bmp"
    path.write_bytes(harmful(HANGS_ONCE))
    with Guard(settings(scan_key, seconds=3.0)) as guard:
        assert guard.row(Source(str(path)))["status"] == "ok"
        (tmp_path / "sitecustomize" / "seen").unlink()
        assert guard.row(Source(str(path)))["status"] == "timeout"


def test_a_crash_is_tried_once_more_before_the_file_is_blamed(
    harmful_decoders, files, scan_key, tmp_path
):
    with Guard(settings(scan_key)) as guard:
        assert guard.row(files[5])["status"] == "crash"
        assert guard.restarts == 2
        assert guard.row(files[1])["status"] == "ok"
        assert guard.restarts == 2


@pytest.mark.parametrize("whole", [False, True], ids=["worker", "template"])
def test_a_killed_process_costs_no_file(whole, files, scan_key):
    with Guard(settings(scan_key)) as guard:
        assert guard.row(files[1])["status"] == "ok"
        os.kill(guard._process.running.pid if whole else guard._worker, signal.SIGKILL)
        assert guard.row(files[0])["mark_id"] == MARK.hex
        assert guard.restarts == 1


def test_a_batch_can_be_stopped_between_files(files, scan_key):
    asked = iter([False, False, True])
    rows = scan_batch(files[:4], settings(scan_key), stop=lambda: next(asked))
    close_guard()
    assert [row["uri"] for row in rows] == [source.uri for source in files[:2]]


def test_the_process_stays_for_the_next_batch_with_equal_settings(files, scan_key):
    rows = scan_batch(files[:1], settings(scan_key))
    first = guard_for(settings(scan_key))
    assert guard_for(settings(scan_key)) is first
    assert guard_for(settings(scan_key, seconds=5.0)) is not first
    assert rows[0]["status"] == "ok"
    close_guard()


def test_what_has_the_content_that_was_examined_before_has_no_row(files, scan_key):
    with Guard(settings(scan_key)) as guard:
        row = guard.row(files[0])
        same = Source(files[0].uri, sha256=row["sha256"])
        assert guard.row(same) is None
        other = Source(files[1].uri, sha256=row["sha256"])
        assert guard.row(other)["status"] == "ok"


def test_settings_that_cannot_be_used_are_an_error_of_the_scan(tmp_path, scan_key, files):
    (tmp_path / "tokenizer.json").write_text("{}")
    chosen = ScanSettings(keys=KeyRing([scan_key]), tokenizer=str(tmp_path / "tokenizer.json"))
    with Guard(chosen) as guard, pytest.raises(GuardError, match="tokenizer"):
        guard.row(files[0])


def test_limits_below_what_the_program_needs_are_refused():
    with pytest.raises(ValueError, match="too few"):
        Limits(memory=1 << 20)
    with pytest.raises(ValueError, match="more than"):
        Limits(seconds=0)
    assert Limits(seconds=10).seconds_for(50_000_000) == 20


def test_processes_end_when_the_one_that_scans_is_killed(tmp_path, harmful_decoders, files):
    """Also while a file hangs in them: nothing is left that examines files for nobody."""
    program = f"""
from waarmerk.scan.batch import guard_for
from waarmerk.scan.settings import Limits, ScanSettings
from waarmerk.scan.source import Source
guard = guard_for(ScanSettings(limits=Limits(seconds=3.0)))
guard.row(Source({files[1].uri!r}))
print(guard._process.running.pid, guard._worker, flush=True)
guard.row(Source({files[6].uri!r}))
"""
    scanning = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    )
    template, worker = map(int, scanning.stdout.readline().split())
    time.sleep(0.5)
    scanning.kill()
    scanning.communicate()
    # What hangs ends by itself when its time is over, and the 5 s more that its guard had.
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline and (alive(template) or alive(worker)):
        time.sleep(0.2)
    assert not alive(worker)
    assert not alive(template)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_after_a_lack_of_memory_the_next_file_has_a_fresh_process(
    harmful_decoders, files, scan_key
):
    """What failed for want of memory may have left anything behind."""
    with Guard(settings(scan_key, seconds=20.0, memory=1 << 30)) as guard:
        assert guard.row(files[1])["status"] == "ok"
        before = guard._worker
        assert guard.row(files[7])["status"] == "memory"
        assert guard.row(files[1])["status"] == "ok"
        assert guard._worker != before


def test_the_template_has_no_threads_when_it_forks(scan_key):
    """Locks that another thread holds at a fork stay locked for ever in the worker."""
    if sys.platform != "linux":
        pytest.skip("threads are counted in /proc")
    with Guard(settings(scan_key)) as guard:
        guard.start()
        guard._ready()
        assert len(list(Path(f"/proc/{guard._process.running.pid}/task").iterdir())) == 1
