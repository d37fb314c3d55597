"""Results are kept, continued, and of each file there is one row: the newest."""

import os

import pytest

from tests.scan.rows import RECORD, some_rows, source
from tests.scan.stored import expected, names, opened, python, read, sizes
from waarmerk.errors import OutputError
from waarmerk.scan.done import Done, etag_digest
from waarmerk.scan.row import failed_row
from waarmerk.scan.source import Source

SUFFIXES = ["jsonl", "parquet"]


@pytest.fixture(params=SUFFIXES)
def path(request, tmp_path):
    if request.param == "parquet":
        pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    return tmp_path / f"results.{request.param}"


def test_rows_are_kept(path):
    with opened(path) as results:
        for start in range(0, 25, 5):
            results.add(some_rows(range(start, start + 5)))
        assert len(results) == 25
    assert sizes(path) == expected(range(25))
    assert [row["uri"] for row in read(path)] == [f"files/{n}.png" for n in range(25)]


def test_what_lies_there_in_the_end(tmp_path, path):
    with opened(path) as results:
        results.add(some_rows(range(10)))
        results.add(some_rows([10]))
    assert names(tmp_path) == (
        ["results.jsonl", "results.jsonl.scan.json"]
        if path.suffix == ".jsonl"
        else [
            "results.parquet/_scan.json",
            "results.parquet/part-00000.parquet",
            "results.parquet/part-00001.parquet",
        ]
    )


def test_results_without_rows_can_be_read_and_continued(path):
    with opened(path):
        pass
    assert read(path) == []
    with opened(path, resume=True) as results:
        results.add(some_rows([1]))
    assert sizes(path) == expected([1])


def test_a_batch_without_rows_is_nothing(path):
    with opened(path) as results:
        results.add([])
    assert read(path) == []


def test_files_get_the_usual_mode(path, tmp_path):
    before = os.umask(0o027)
    try:
        with opened(path) as results:
            results.add(some_rows(range(3)))
            results.add(some_rows(range(1), 2))
    finally:
        os.umask(before)
    modes = {oct((tmp_path / name).stat().st_mode & 0o777) for name in names(tmp_path)}
    assert modes == {"0o640"}


def test_what_exists_is_not_written_over(path):
    with opened(path) as results:
        results.add(some_rows([1]))
    with pytest.raises(OutputError, match="exists already; continue it"):
        opened(path)
    assert sizes(path) == expected([1])


def test_resuming_nothing_begins_anew(path):
    with opened(path, resume=True) as results:
        assert results.done(source(1)) is None
        results.add(some_rows([1]))
    assert sizes(path) == expected([1])


def test_what_was_done_is_remembered(path):
    given = Source("a", 7, 1_700_000_000_123_456_789, '"tag"')
    with opened(path) as results:
        results.add([failed_row(given, "timeout", "slow", settings="one")])
        results.add([failed_row("b", "error", "gone", settings="two") | {"sha256": "ab" * 32}])
        here = [results.done(given), results.done(Source("b"))]
    with opened(path, resume=True) as results:
        assert [results.done(given), results.done(Source("b"))] == here
        assert results.done(Source("c")) is None
    tag = etag_digest('"tag"')
    assert here == [
        Done(7, 1_700_000_000_123_456, tag, None, "one", "timeout"),
        Done(None, None, None, "ab" * 32, "two", "error"),
    ]


def test_records_of_settings_are_kept(path):
    other = RECORD | {"id": "two", "keys": ["b"]}
    with opened(path) as results:
        assert results.settings == {"one": RECORD}
    with opened(path, resume=True, record=other) as results:
        assert results.settings == {"one": RECORD, "two": other}
    with opened(path, resume=True) as results:
        assert results.settings == {"one": RECORD, "two": other}


def test_older_rows_of_a_file_go_at_the_end(path):
    with opened(path) as results:
        results.add(some_rows(range(30)))
        results.add(some_rows(range(5), 2))
        results.add(some_rows(range(3), 3))
        assert results.done(source(0)).size == 3
    wanted = expected(range(30)) | expected(range(5), 2) | expected(range(3), 3)
    assert sizes(path) == wanted
    with opened(path, resume=True) as results:
        results.add(some_rows(range(12), 4))
    assert sizes(path) == wanted | expected(range(12), 4)


def test_a_part_of_which_no_row_counts_any_more_goes(tmp_path):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    path = tmp_path / "results.parquet"
    with opened(path) as results:
        results.add(some_rows(range(10)))
        results.add(some_rows(range(10), 2))
    assert sizes(path) == expected(range(10), 2)
    assert names(path) == ["_scan.json", "part-00001.parquet"]


def test_the_newest_row_counts_when_older_ones_could_not_be_removed(path):
    with opened(path) as results:
        results.add(some_rows(range(15)))
        results.add(some_rows(range(15), 2))
        results.abandon()
    with opened(path, resume=True) as results:
        assert results.done(source(3)).size == 2
    assert sizes(path) == expected(range(15), 2)


def test_results_can_be_read_while_they_are_written(path):
    with opened(path) as results:
        assert read(path) == []
        for start in range(0, 30, 6):
            results.add(some_rows(range(start, start + 6)))
            seen = sizes(path)
            assert seen == expected(range(len(seen)))
            assert len(seen) >= start + 6 - (10 if path.suffix == ".parquet" else 0)


def test_only_one_scan_writes(path):
    with opened(path) as results:
        results.add(some_rows([1]))
        with pytest.raises(OutputError, match="another scan is writing it"):
            opened(path, resume=True)
        script = (
            "import sys; from waarmerk.scan.results import open_results\n"
            "try: open_results(sys.argv[1], {'id': 'x'}, resume=True)\n"
            "except Exception as error: print(error)"
        )
        assert "another scan is writing it" in python("-c", script, path)
    with opened(path, resume=True) as results:
        results.add(some_rows([2]))
    assert sizes(path) == expected([1, 2])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_a_process_that_outlives_a_killed_scan_does_not_keep_its_lock(path):
    # In a process of its own: one that has threads, as pytest may, should not fork.
    script = """
import os, signal, sys, time
from waarmerk.scan.results import open_results
def scan():
    results = open_results(sys.argv[1], {"id": "x"}, resume=True)
    worker = os.fork()
    if worker == 0:
        time.sleep(60)
        os._exit(0)
    os.write(tells, str(worker).encode())
    os.kill(os.getpid(), signal.SIGKILL)
hears, tells = os.pipe()
child = os.fork()
if child == 0:
    scan()
os.waitpid(child, 0)
worker = int(os.read(hears, 100))
try:
    open_results(sys.argv[1], {"id": "x"}, resume=True).close()
    print("free")
finally:
    os.kill(worker, signal.SIGKILL)
"""
    assert python("-c", script, path) == "free\n"
