"""The figures of a running scan, as Prometheus reads them."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.scan.test_summary import Clock, examined, failed
from waarmerk.errors import OutputError
from waarmerk.scan.metrics import Metrics
from waarmerk.scan.summary import Tally

parser = pytest.importorskip("prometheus_client.parser", reason="metrics need prometheus-client")


def read(path):
    """Return the samples of a file of metrics, by name and sorted labels."""
    families = parser.text_string_to_metric_families(path.read_text())
    return {
        (sample.name.removeprefix("waarmerk_scan_"), *sorted(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def test_figures_are_those_of_the_tally(tmp_path):
    path = tmp_path / "scan.prom"
    tally = Tally()
    for seconds in (0.02, 0.02, 2.0):
        tally.add(examined(verdict="generated") | {"seconds": seconds})
    tally.add(failed("killed", status="crash"))
    tally.skipped, tally.restarts = 5, 2
    metrics = Metrics(path, every=0)
    metrics.update(tally, 10, 3)
    found = read(path)
    assert found["files_total", "ok"] == 3
    assert found["files_total", "crash"] == 1
    assert found["files_total", "timeout"] == 0
    assert found["verdicts_total", "generated"] == 3
    assert found["verdicts_total", "none_found"] == 0
    assert found["bytes_total",] == 3_000_000
    assert found["skipped_total",] == 5
    assert found["worker_restarts_total",] == 2
    assert found["listed_files",] == 10
    assert found["in_flight_files",] == 3
    assert time.time() - 60 < found["started_timestamp_seconds",] <= time.time()
    assert time.time() - 60 < found["last_success_timestamp_seconds",] <= time.time()
    assert found["file_seconds_count", "picture"] == 3
    assert found["file_seconds_sum", "picture"] == pytest.approx(2.04)
    assert found["file_seconds_bucket", "0.01", "picture"] == 0
    assert found["file_seconds_bucket", "0.025", "picture"] == 2
    assert found["file_seconds_bucket", "60.0", "picture"] == 3
    assert found["file_seconds_count", "other"] == 1


def test_what_is_not_known_is_absent(tmp_path):
    path = tmp_path / "scan.prom"
    Metrics(path).close()
    names = {name for name, *_ in read(path)}
    assert "files_total" in names
    assert not names & {"listed_files", "in_flight_files", "last_success_timestamp_seconds"}


def test_the_file_is_written_now_and_then_and_at_the_end(tmp_path):
    path, clock, tally = tmp_path / "scan.prom", Clock(), Tally()
    metrics = Metrics(path, clock=clock)
    for clock.now, seen in ((1.0, 0), (4.9, 0), (5.0, 3), (9.9, 3), (10.0, 5)):
        tally.add(examined())
        metrics.update(tally)
        assert read(path)["files_total", "ok"] == seen
    tally.add(examined())
    metrics.close()
    assert read(path)["files_total", "ok"] == 6
    assert os.listdir(tmp_path) == ["scan.prom"]  # noqa: PTH208


def test_two_scans_keep_their_own_figures(tmp_path):
    tally = Tally()
    tally.add(examined())
    first, second = (Metrics(tmp_path / name, every=0) for name in ("a.prom", "b.prom"))
    first.update(tally)
    second.close()
    assert read(tmp_path / "a.prom")["files_total", "ok"] == 1
    assert read(tmp_path / "b.prom")["files_total", "ok"] == 0


def test_a_file_that_cannot_be_written_is_an_error_at_once(tmp_path):
    with pytest.raises(OutputError, match=r"scan\.prom: cannot be written: No such file"):
        Metrics(tmp_path / "absent" / "scan.prom")
    (tmp_path / "scan.prom").mkdir()
    with pytest.raises(OutputError, match=r"scan\.prom: cannot be written: "):
        Metrics(tmp_path / "scan.prom")
    assert [path.name for path in tmp_path.iterdir()] == ["scan.prom"]


def test_without_prometheus_client_it_says_what_to_install(tmp_path):
    script = (
        "import sys; sys.modules['prometheus_client'] = None\n"
        "from waarmerk.scan.metrics import Metrics\n"
        "try: Metrics(sys.argv[1])\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", script, str(tmp_path / "scan.prom")],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == (
        'InputError metrics need prometheus-client: pip install "waarmerk[metrics]"\n'
    )
