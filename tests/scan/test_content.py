"""Opening sources: files, and what is left behind when that goes wrong."""

import os
import tempfile
from pathlib import Path

import pytest

from waarmerk.detection.file import detect_file
from waarmerk.errors import InputError
from waarmerk.scan import content
from waarmerk.scan.content import close, name_of, opened, sweep
from waarmerk.scan.inputs import sources_of
from waarmerk.scan.source import Source


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Let temporary files be made in a folder of their own."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_local_file_is_its_path(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"x")
    (source,) = sources_of([tmp_path / "a.jpg"])
    with opened(source) as path:
        assert path == tmp_path / "a.jpg"
    (tmp_path / "a.jpg").unlink()
    with opened(source) as path, pytest.raises(InputError, match="no such file"):
        detect_file(path)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (Source("photos/a.jpg"), "a.jpg"),
        (Source("a.jpg"), "a.jpg"),
        (Source("file:///srv/%E9.jpg"), "%E9.jpg"),
        (Source("file:///srv/a%21/b.jpg"), "b.jpg"),
        (Source("s3://bucket/in/a%20b.jpg"), "a%20b.jpg"),
        (Source("https://host/in/a%20b.jpg"), "a b.jpg"),
        (Source("a.zip!/in/a.jpg", container="zip", place=7), "a.jpg"),
        (Source("a.zip!/in/a.jpg?7", container="zip", place=7), "a.jpg"),
        (Source("a.zip!/in/a.jpg?8", container="zip", place=7), "a.jpg?8"),
        (Source("a.tar!//", container="tar", place=7), "/"),
        (Source("t.parquet!/12/image.bytes", container="parquet", place=12), "image.bytes"),
    ],
)
def test_names_for_reports(source, name):
    assert name_of(source) == name


def test_temporary_files_are_removed_after_errors(temporary):
    def pieces(error):
        yield b"x" * (content.SPOOL + 1)
        if error is not None:
            raise error

    from contextlib import ExitStack

    source = Source("s3://bucket/a.jpg")
    for error in (InputError("gone"), KeyboardInterrupt(), None):
        with ExitStack() as stack:
            size = content.SPOOL + 9
            with pytest.raises((InputError, KeyboardInterrupt)):
                content._held(source, size, pieces(error), stack)
            assert len(list(temporary.iterdir())) == 1
        assert list(temporary.iterdir()) == []
    with ExitStack() as stack, pytest.raises(InputError, match="larger than it claims"):
        content._held(source, 5, pieces(None), stack)


def test_what_a_killed_process_left_behind_is_removed(temporary):
    pid = os.fork()
    if pid == 0:
        (Path(tempfile.mkdtemp(prefix=content._prefix(os.getpid()))) / "input.jpg").write_bytes(b"")
        os._exit(0)
    os.waitpid(pid, 0)
    other = Path(tempfile.mkdtemp(prefix=content._prefix(10 * pid)))
    assert len(list(temporary.iterdir())) == 2
    sweep(pid)
    assert list(temporary.iterdir()) == [other]


def test_temporary_files_that_cannot_be_written(temporary):
    temporary.rmdir()
    with pytest.raises(InputError, match="set TMPDIR"):
        content._spooled(Source("s3://b/a"), 3, b"", iter((b"abc",)), None)


def test_closing_what_is_not_open():
    close()
    close()
