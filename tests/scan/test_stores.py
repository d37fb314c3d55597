"""Objects in a store, with a real server on this machine, and file systems of fsspec."""

import io
import multiprocessing
import os
import tarfile
import threading
import time
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.scan.s3_server import SECRET, s3_server
from waarmerk.errors import InputError
from waarmerk.scan import content, stores
from waarmerk.scan.content import name_of, opened
from waarmerk.scan.inputs import Failed, Listing, sources_of
from waarmerk.scan.source import Source

__all__ = ["s3_server"]

ODD_KEYS = [
    "é 🎉+%20x?y#z[1].jpg",
    "a!/b.jpg",
    "a%21/b.jpg",
    "~t*.jpg",
    "quote'\"<>.jpg",
    "!.zip!/x",
]


@pytest.fixture(autouse=True)
def nothing_stays_open():
    yield
    content.close()


def read(source, filesystem=None):
    with opened(source, filesystem) as found:
        return found if isinstance(found, bytes) else found.read_bytes()


def listed(*inputs, **options):
    return list(sources_of(inputs, options=Listing(**options)))


def only_failed(*inputs, **options):
    (one,) = listed(*inputs, **options)
    assert isinstance(one, Failed)
    assert "\n" not in one.error
    assert SECRET not in one.error
    return one.error


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tarred(files, mode="w"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


FILES = {"a.jpg": b"first", "in/b.jpg": os.urandom(3_000_000), "c": b"last"}


# Object stores


def test_all_below_a_prefix_is_listed(s3_server):
    for i in range(5):
        s3_server.put(f"below/{i}/a.jpg", b"%d" % i)
    found = listed("s3://uploads/below/")
    assert [s.uri for s in found] == [f"s3://uploads/below/{i}/a.jpg" for i in range(5)]
    assert [s.size for s in found] == [1] * 5
    assert all(abs(s.modified - time.time_ns()) < 60e9 for s in found)
    assert all(s.etag for s in found)
    assert [read(s) for s in found] == [b"%d" % i for i in range(5)]
    assert name_of(found[0]) == "a.jpg"
    assert [s.uri for s in listed("s3://uploads/below/3/a.jpg")] == [found[3].uri]
    assert listed("s3://uploads/below/3/a.jpg") == [found[3]]
    assert found[0] in listed("s3://uploads")
    assert "ends in / lists all below" in only_failed("s3://uploads/below/3")


def test_a_prefix_of_many_pages(s3_server, monkeypatch):
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "7")  # in a page
    for i in range(30):
        s3_server.put(f"pages/{i:02}", b"x")
    found = listed("s3://uploads/pages/")
    assert [s.uri for s in found] == [f"s3://uploads/pages/{i:02}" for i in range(30)]


def test_nothing_is_listed_twice(s3_server):
    for name in ("a", "b/1", "b/2"):
        s3_server.put(f"twice/{name}", b"x")
    top = "s3://uploads/twice/"
    for inputs in (
        (top, top),
        (top, f"{top}b/", f"{top}a"),
        (f"{top}a", f"{top}b/", top),
        (f"{top}b/*", top, f"{top}**"),
    ):
        assert sorted(s.uri.removeprefix(top) for s in listed(*inputs)) == ["a", "b/1", "b/2"]


def test_patterns_of_addresses(s3_server):
    for name in ("1.jpg", "2.png", "in/3.jpg", "in/[4].jpg"):
        s3_server.put(f"glob/{name}", b"x")
    top = "s3://uploads/glob/"

    def found(pattern):
        return [s.uri.removeprefix(top) for s in listed(top + pattern)]

    assert found("*.jpg") == ["1.jpg"]
    assert found("**/*.jpg") == ["1.jpg", "in/3.jpg", "in/[4].jpg"]
    assert found("i*") == ["in/3.jpg", "in/[4].jpg"]
    assert found("in/[4].jpg") == ["in/[4].jpg"]
    assert "none that matches" in only_failed(f"{top}*.gif")


def test_odd_keys(s3_server):
    for key in ODD_KEYS:
        s3_server.put(f"odd/{key}", key.encode())
    found = listed("s3://uploads/odd/", archives=False)
    assert sorted(read(s).decode() for s in found) == sorted(ODD_KEYS)
    assert not [s.uri for s in found if "!/" in s.uri]
    for source in found:
        assert listed(source.uri, archives=False) == [source]


def test_folders_that_a_console_made_are_none(s3_server):
    s3_server.put("console/", b"")
    s3_server.put("console/empty.jpg", b"")
    assert [s.uri for s in listed("s3://uploads/console/")] == ["s3://uploads/console/empty.jpg"]


def test_large_objects_go_through_a_file(s3_server):
    data = os.urandom(content.SPOOL + 5)
    address = s3_server.put("large.flac", data)
    (source,) = listed(address)
    with opened(source) as path:
        assert path.name == "input.flac"
        assert path.read_bytes() == data
    assert not path.exists()


def test_an_object_that_was_replaced(s3_server):
    address = s3_server.put("changing.jpg", b"one")
    (source,) = listed(address)
    s3_server.put("changing.jpg", b"two")
    with pytest.raises(InputError, match=r"changing\.jpg: was changed while it was read"):
        read(source)
    s3_server.put("changing.zip", zipped(FILES))
    members = listed("s3://uploads/changing.zip")
    with opened(members[0]):
        s3_server.put("changing.zip", zipped({"a.jpg": os.urandom(4_000_000)}))
    content.close()
    time.sleep(1.1)  # the store counts seconds
    s3_server.put("changing.zip", zipped({"a.jpg": b"other"}))
    with pytest.raises(InputError, match="was changed"):
        read(members[0])


def test_archives_are_read_in_place(s3_server):
    s3_server.put("in/place.zip", zipped(FILES))
    s3_server.put("in/place.tar", tarred(FILES))
    s3_server.put("in/place.tgz", tarred(FILES, "w:gz"))
    found = listed("s3://uploads/in/")
    assert len(found) == 9
    assert found[0].uri == "s3://uploads/in/place.tar!/a.jpg"
    for source in found:
        assert read(source) == FILES[source.uri.split("!/")[1]]
        assert name_of(source) in ("a.jpg", "b.jpg", "c")


def test_tables_are_read_in_place(s3_server):
    pa = pytest.importorskip("pyarrow", reason="tables are tested with pyarrow")
    pq = pytest.importorskip("pyarrow.parquet", reason="tables are tested with pyarrow")
    buffer = io.BytesIO()
    pq.write_table(pa.table({"x": [os.urandom(100_000) for _ in range(30)]}), buffer)
    s3_server.put("t.parquet", buffer.getvalue())
    found = listed("s3://uploads/t.parquet")
    values = pq.read_table(buffer)["x"].to_pylist()
    assert [read(s) for s in found] == values


def test_what_is_not_there(s3_server):
    assert "there is no such object" in only_failed("s3://uploads/none.jpg")
    assert "there is no such bucket" in only_failed("s3://nobody/none/")
    assert "no bucket" in only_failed("s3://")
    assert "of this kind are unknown" in only_failed("ftp://host/a.jpg")
    assert listed("s3://uploads/none/") == []
    with pytest.raises(InputError, match="there is no such object"):
        read(Source("s3://uploads/none.jpg"))


def test_no_secret_is_shown(s3_server):
    error = only_failed(f"s3://me:{SECRET}@uploads/a.jpg")
    assert "does not belong in an address" in error
    assert SECRET not in only_failed(f"https://host/a.jpg?X-Amz-Signature={SECRET}")


def test_a_key_that_the_library_cannot_read(s3_server, tmp_path):
    s3_server.put("bad//name.jpg", b"x")
    (tmp_path / "a.jpg").write_bytes(b"x")
    failure, after = listed("s3://uploads/bad/", str(tmp_path))
    assert "cannot read names" in failure.error
    assert after.uri.endswith("a.jpg")


def test_files_of_a_web_server(tmp_path):
    pytest.importorskip("obstore", reason="object stores are tested with obstore")
    (tmp_path / "a b!").mkdir()
    (tmp_path / "a b!" / "é.jpg").write_bytes(b"x")
    handler = partial(Quiet, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        top = f"http://127.0.0.1:{server.server_port}"
        (source,) = listed(f"{top}/a%20b!/%C3%A9.jpg")
        assert source.size == 1
        assert read(source) == b"x"
        assert name_of(source) == "é.jpg"
        assert "no such object" in only_failed(f"{top}/none.jpg")
        assert "cannot be used" in only_failed(f"{top}/a%20b!/")
        server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_a_server_that_is_not_there(monkeypatch):
    pytest.importorskip("obstore", reason="object stores are tested with obstore")
    stores.forget()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    try:
        assert "the store cannot be used" in only_failed("s3://elsewhere/a.jpg")
    finally:
        stores.forget()


def in_a_fork(source, answers):
    try:
        with opened(source):
            answers.put("read")
    except InputError as error:
        answers.put(str(error))


def test_a_forked_process_says_that_it_cannot(s3_server):
    (source,) = listed(s3_server.put("forked.jpg", b"x"))
    for method, answer in (("fork", "spawn or forkserver"), ("spawn", "read")):
        context = multiprocessing.get_context(method)
        answers = context.Queue()
        process = context.Process(target=in_a_fork, args=(source, answers))
        process.start()
        assert answer in answers.get(timeout=30)
        process.join()


# File systems of fsspec


@pytest.fixture
def memory():
    fsspec = pytest.importorskip("fsspec", reason="file systems are tested with fsspec")
    filesystem = fsspec.filesystem("memory")
    filesystem.store.clear()
    filesystem.pseudo_dirs[:] = [""]
    yield filesystem
    filesystem.store.clear()


def test_a_file_system_in_memory(memory):
    for name in ("b/2.jpg", "a.jpg", "b/c/3.jpg", "b!/4 é%21.jpg"):
        memory.pipe(f"/up/{name}", name.encode())
    found = listed("/up", filesystem=memory)
    assert [s.uri for s in found] == [
        "memory:///up/a.jpg",
        "memory:///up/b%21/4 é%21.jpg",
        "memory:///up/b/2.jpg",
        "memory:///up/b/c/3.jpg",
    ] or [s.uri for s in found] == [
        "memory:///up/a.jpg",
        "memory:///up/b/2.jpg",
        "memory:///up/b/c/3.jpg",
        "memory:///up/b%21/4 é%21.jpg",
    ]
    for source in found:
        assert read(source, memory).decode() == source.uri[13:].replace("%21/", "!/")
        assert source.size == len(read(source, memory))
        assert listed(source.uri, filesystem=memory) == [source]
        assert name_of(source).endswith(".jpg")
    everything = listed("up", filesystem=memory)
    assert everything == found
    assert listed("/up", "/up/b", "/up/*.jpg", "/up/a.jpg", filesystem=memory) == found
    assert [s.uri[13:] for s in listed("/up/b/*.jpg", filesystem=memory)] == ["b/2.jpg"]
    assert len(listed("/up/**/*.jpg", filesystem=memory)) == 4


def test_archives_in_a_file_system(memory):
    memory.pipe("/a.zip", zipped(FILES))
    memory.pipe("/a.tar", tarred(FILES))
    found = listed("/", filesystem=memory)
    assert len(found) == 6
    for source in found:
        assert read(source, memory) == FILES[source.uri.split("!/")[1]]
    memory.pipe("/a.zip", zipped(FILES))
    content.close()
    with pytest.raises(InputError, match="was changed"):
        read(found[-1], memory)


def test_changes_in_a_file_system(memory):
    memory.pipe("/a.jpg", b"one")
    (source,) = listed("/a.jpg", filesystem=memory)
    memory.pipe("/a.jpg", b"two")
    with pytest.raises(InputError, match="was changed"):
        read(source, memory)
    memory.rm("/a.jpg")
    with pytest.raises(InputError, match="no such file"):
        read(source, memory)
    assert "no such file" in only_failed("/a.jpg", filesystem=memory)
    assert "nothing matches" in only_failed("/*.jpg", filesystem=memory)


def test_the_file_system_of_this_machine(tmp_path):
    fsspec = pytest.importorskip("fsspec", reason="file systems are tested with fsspec")
    local = fsspec.filesystem("file")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.jpg").write_bytes(b"x")
    (tmp_path / "in/loop").symlink_to(tmp_path)
    (tmp_path / os.fsdecode(b"z\xe9.jpg")).touch()
    first, *others = listed(str(tmp_path), filesystem=local)
    assert first.uri == f"file://{tmp_path}/in/a.jpg"
    assert read(first, local) == b"x"
    assert len(others) < 3
    assert "no UTF-8" in others[-1].error


def test_a_file_system_that_raises_what_it_likes():
    fsspec = pytest.importorskip("fsspec", reason="file systems are tested with fsspec")

    class Broken(fsspec.AbstractFileSystem):
        protocol = "broken"
        cachable = False

        def ls(self, path, detail=True, **options):
            if path == "folder":
                return [
                    {"name": "folder/a", "type": "file", "size": 3},
                    {"name": "folder/b", "type": "directory"},
                ]
            raise KeyError("folder\nfell over")

        def info(self, path, **options):
            return {"name": "folder", "type": "directory"}

        def _open(self, path, mode="rb", **options):
            raise ZeroDivisionError("by\nzero")

    source, failure = listed("folder", filesystem=Broken())
    assert "\n" not in failure.error
    with pytest.raises(InputError, match="cannot be read: by"):
        read(source, Broken())
