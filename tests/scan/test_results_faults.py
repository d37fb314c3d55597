"""Results survive kills, full disks and the files of others; none twice, none missing."""

import errno
import json
import os
import tracemalloc

import pytest

from tests.scan.rows import some_rows
from tests.scan.stored import expected, names, opened, python, read, sizes
from waarmerk.errors import InputError, OutputError
from waarmerk.scan.done import Done, Index
from waarmerk.scan.row import to_arrow, to_json

SUFFIXES = ["jsonl", "parquet"]


@pytest.fixture(params=SUFFIXES)
def path(request, tmp_path):
    if request.param == "parquet":
        pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    return tmp_path / f"results.{request.param}"


@pytest.mark.parametrize(
    "torn", [b'{"uri": "torn', b"\0" * 4096, b'{"uri": "a"}\n', b"}\n", b"\xff"]
)
def test_a_torn_last_line_is_cut_off(tmp_path, torn):
    path = tmp_path / "results.jsonl"
    with opened(path) as results:
        results.add(some_rows(range(3)))
    with path.open("ab") as file:
        file.write(torn)
    with opened(path, resume=True) as results:
        assert len(results) == 3
        results.add(some_rows([3]))
    assert sizes(path) == expected(range(4))


def test_every_place_where_a_line_can_tear(tmp_path):
    path = tmp_path / "results.jsonl"
    first, second = (to_json(row).encode() + b"\n" for row in some_rows([1, 2]))
    with opened(path):
        pass
    for end in (*range(0, len(second), 29), len(second) - 1, len(second)):
        path.write_bytes(first + second[:end])
        with opened(path, resume=True) as results:
            assert len(results) == 1 + (end >= len(second) - 1)
            results.add(some_rows([3]))
        assert len(sizes(path)) == 2 + (end >= len(second) - 1)


def test_a_broken_line_in_the_middle_is_not_passed_over(tmp_path):
    path = tmp_path / "results.jsonl"
    with opened(path) as results:
        results.add(some_rows(range(3)))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1][:20] + b"\n" + lines[2])
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"line 2: no row of results: .*; remove that line"):
        opened(path, resume=True)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [b"precious", b'{"text": "precious"}\n', b"\n", b'{"uri": "a"}', b'{"uri": 1}\n{"uri": 2}\n'],
)
def test_a_file_of_somebody_else_is_not_touched(tmp_path, content):
    path = tmp_path / "results.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError):
        opened(path, resume=True)
    assert path.read_bytes() == content
    assert names(tmp_path) == ["results.jsonl"]


def test_a_row_that_somebody_changed_is_named(tmp_path):
    path = tmp_path / "results.jsonl"
    with opened(path) as results:
        results.add(some_rows(range(3)))
    path.write_text(path.read_text().replace('"size": 1', '"size": "1"', 1))
    with pytest.raises(InputError, match=r"the row of files/0\.png is none of this program"):
        opened(path, resume=True)


def test_a_folder_of_somebody_else_is_not_touched(tmp_path):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    path = tmp_path / "results.parquet"
    path.mkdir()
    (path / "part-00000.parquet").write_bytes(b"precious")
    with pytest.raises(InputError, match="is not a folder of results"):
        opened(path, resume=True)
    assert names(tmp_path) == ["results.parquet/part-00000.parquet"]


def test_a_damaged_part_is_named(tmp_path):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    path = tmp_path / "results.parquet"
    with opened(path) as results:
        results.add(some_rows(range(3)))
    part = path / "part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"part-00000\.parquet: is no part of results"):
        opened(path, resume=True)


def test_damaged_records_are_named(path, tmp_path):
    with opened(path):
        pass
    sidecar = next(tmp_path.rglob("*scan.json"))
    sidecar.write_text('{"settings": [1]}')
    with pytest.raises(InputError, match="holds no records of settings; remove it"):
        opened(path, resume=True)
    sidecar.unlink()
    if path.suffix == ".jsonl":
        opened(path, resume=True).close()


@pytest.mark.parametrize("name", ["results.csv", "results", ".jsonl"])
def test_the_name_says_what_is_written(tmp_path, name):
    with pytest.raises(InputError, match=r"ends in \.jsonl or a folder that ends in \.parquet"):
        opened(tmp_path / name)


def test_a_folder_that_does_not_exist(path):
    with pytest.raises(OutputError, match=r"the folder .* does not exist"):
        opened(path.parent / "absent" / path.name)


def test_a_file_where_a_folder_should_be_and_the_reverse(path):
    if path.suffix == ".jsonl":
        path.mkdir()
    else:
        path.touch()
    with pytest.raises(OutputError, match=r"is a file; results in|is not a regular file"):
        opened(path, resume=True)


def test_what_is_closed_takes_no_rows(path):
    with opened(path) as results:
        pass
    results.close()
    with pytest.raises(ValueError, match="is closed"):
        results.add(some_rows([1]))


def remove(path):
    for name in names(path.parent):
        if ".lock" not in name:
            (path.parent / name).unlink()
    if path.is_dir():
        path.rmdir()


def test_results_that_were_removed_meanwhile(path):
    results = opened(path)
    results.add(some_rows([1]))
    remove(path)
    with pytest.raises(OutputError, match="removed or replaced while it was written"), results:
        results.add(some_rows([2]))
    assert names(path.parent) == []


def test_a_folder_that_was_removed_before_the_next_journal(tmp_path):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    results = opened(tmp_path / "results.parquet")
    results.add(some_rows(range(10)))
    remove(results.path)
    with pytest.raises(OutputError, match=os.strerror(errno.ENOENT)), results:
        results.add(some_rows([11]))


def test_a_folder_that_was_removed_before_the_end(tmp_path):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    results = opened(tmp_path / "results.parquet")
    results.add(some_rows(range(10)))
    remove(results.path)
    with pytest.raises(OutputError, match=os.strerror(errno.ENOENT)):
        results.close()
    assert names(tmp_path) == []


def test_a_link_is_followed(tmp_path, path):
    target = tmp_path / "elsewhere"
    target.mkdir()
    path.symlink_to(target / path.name)
    with opened(path) as results:
        results.add(some_rows(range(3)))
        results.add(some_rows([1], 2))
    assert path.is_symlink()
    assert sizes(target / path.name) == expected(range(3)) | expected([1], 2)


def test_a_full_disk_leaves_what_was_there(path):
    pytest.importorskip("resource", reason="limits of a process are a matter of Unix")
    # A limit on the size of files fails in the middle of a write, as a full disk does.
    script = """
import resource, signal, sys
from tests.scan.rows import RECORD, some_rows
from waarmerk.errors import OutputError
from waarmerk.scan.results import open_results
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
done = 0
try:
    with open_results(sys.argv[1], RECORD, resume=False, rows_per_part=10**6) as results:
        for start in range(0, 100_000, 7):
            results.add(some_rows(range(start, start + 7)))
            done = start + 7
except OutputError as error:
    print(error)
print(done)
"""
    message, done = python("-c", script, path).splitlines()
    assert f"cannot be written: {os.strerror(errno.EFBIG)}" in message
    before = [file.read_bytes() for file in path.parent.rglob("*.jsonl")]
    assert all(data.endswith(b"}\n") for data in before)
    with opened(path, resume=True) as results:
        assert len(results) == int(done)
    assert sizes(path) == expected(range(int(done)))


def test_a_full_disk_at_the_end_leaves_older_rows(tmp_path):
    pytest.importorskip("resource", reason="limits of a process are a matter of Unix")
    path = tmp_path / "results.jsonl"
    script = """
import resource, signal, sys
from tests.scan.rows import RECORD, some_rows
from waarmerk.errors import OutputError
from waarmerk.scan.results import open_results
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    with open_results(sys.argv[1], RECORD, resume=False) as results:
        results.add(some_rows(range(30)))
        results.add(some_rows(range(5), 2))
        resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))
except OutputError as error:
    print(error)
"""
    assert "cannot be written" in python("-c", script, path)
    assert len(read(path)) == 35
    assert names(tmp_path) == ["results.jsonl", "results.jsonl.scan.json"]
    with opened(path, resume=True):
        pass
    assert sizes(path) == expected(range(30)) | expected(range(5), 2)


def test_a_crash_between_the_part_and_its_journal_doubles_nothing(tmp_path):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    path = tmp_path / "results.parquet"
    with opened(path) as results:
        results.add(some_rows(range(9)))
        journal = path / "_journal-00000.jsonl"
        stale = journal.read_bytes()
        results.add(some_rows([9]))
        assert not journal.exists()
        results.abandon()
    journal.write_bytes(stale)
    with opened(path, resume=True) as results:
        assert len(results) == 10
    assert sizes(path) == expected(range(10))
    assert names(path) == ["_scan.json", "part-00000.parquet"]


def test_what_a_kill_leaves_of_a_part_is_written_again(tmp_path):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    path = tmp_path / "results.parquet"
    with opened(path) as results:
        results.add(some_rows(range(9)))
        results.abandon()
    (path / ".part-00000.parquet.tmp").write_bytes(b"PAR1 torn")
    (path / "._scan.json.tmp").write_bytes(b"{")
    with (path / "_journal-00000.jsonl").open("ab") as journal:
        journal.write(b'{"uri": "to')
    assert read(path) == []
    with opened(path, resume=True) as results:
        assert sizes(path) == expected(range(9)), "a journal becomes a part at once"
        results.add(some_rows([9]))
    assert sizes(path) == expected(range(10))
    assert names(path) == ["_scan.json", "part-00000.parquet", "part-00001.parquet"]


def test_a_kill_before_the_first_record(tmp_path):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    path = tmp_path / "results.parquet"
    path.mkdir()
    (path / "._scan.json.tmp").write_bytes(b"{")
    with opened(path, resume=True) as results:
        results.add(some_rows([1]))
    assert sizes(path) == expected([1])
    assert names(path) == ["_scan.json", "part-00000.parquet"]


def test_parts_of_an_older_version_are_continued(tmp_path):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    import pyarrow.parquet as pq

    path = tmp_path / "results.parquet"
    with opened(path) as results:
        results.add(some_rows(range(10)))
    part = path / "part-00000.parquet"
    pq.write_table(to_arrow(read(path)).drop_columns(["report", "labels"]), part)
    with opened(path, resume=True) as results:
        results.add(some_rows([3], 2))
    assert sizes(path) == expected(range(10)) | expected([3], 2)


def test_rows_with_whole_reports_become_parts_in_pieces(tmp_path, monkeypatch):
    pq = pytest.importorskip("pyarrow.parquet", reason="Parquet needs pyarrow")
    monkeypatch.setattr("waarmerk.scan.parquet._BYTES_AT_ONCE", 3000)
    monkeypatch.setattr("waarmerk.scan.parquet._BYTES_PER_PART", 20_000)
    path = tmp_path / "results.parquet"
    with opened(path, rows_per_part=1000) as results:
        for number in range(30):
            results.add([row | {"report": "x" * 1000} for row in some_rows([number])])
    assert sizes(path) == expected(range(30))
    parts = sorted(path.glob("part-*"))
    assert len(parts) == 3
    assert pq.ParquetFile(parts[0]).num_row_groups > 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_many_kills_lose_no_more_than_the_batch_in_hand(path):
    told = json.loads(python("-m", "tests.scan.kill_rounds", path, 1, 15))
    assert told["killed"] >= 5
    with opened(path, resume=True) as results:
        known = len(results)
    found = sizes(path)
    assert len(found) == known
    assert told["added"].keys() <= found.keys()
    # One batch more may have been written than the process had time to say.
    assert all(found[uri] >= version for uri, version in told["added"].items())
    leftovers = [name for name in names(path.parent) if "tmp" in name or "journal" in name]
    assert leftovers == []


def test_parquet_without_pyarrow_says_what_to_install(tmp_path):
    script = """
import sys
sys.modules["pyarrow"] = None
from tests.scan.rows import RECORD, some_rows
from waarmerk.errors import InputError
from waarmerk.scan.results import open_results
with open_results(sys.argv[1] + "/a.jsonl", RECORD, resume=False) as results:
    results.add(some_rows([1]))
try:
    open_results(sys.argv[1] + "/a.parquet", RECORD, resume=False)
except InputError as error:
    print(error)
"""
    assert 'pip install "waarmerk[parquet]"' in python("-c", script, tmp_path)
    assert names(tmp_path) == ["a.jsonl", "a.jsonl.scan.json"]


def test_a_million_files_need_less_than_100_mb():
    index, count = Index(), 20_000
    tracemalloc.start()
    try:
        for number in range(count):
            index.put(
                f"files/{number}.png", Done(number, number, b"etagetag", "ab" * 32, "x", "ok")
            )
        assert tracemalloc.get_traced_memory()[0] < 100 * count
    finally:
        tracemalloc.stop()
    assert len(index) == count
    assert index.get("files/19999.png").size == 19_999
    assert index.get("files/20000.png") is None
