"""From what a user gives to sources: real folders, links, lists and names in any encoding."""

import ast
import os
import socket
import subprocess
import sys
import tempfile
import textwrap
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waarmerk.scan.content import name_of, opened
from waarmerk.scan.folders import MOST_LINKS
from waarmerk.scan.globs import Glob
from waarmerk.scan.inputs import Failed, Listing, names_from, sources_of
from waarmerk.scan.known import Seen
from waarmerk.scan.names import (
    escaped,
    local_path,
    local_uri,
    scheme_of,
    split_member,
    unescaped,
    without_secrets,
)
from waarmerk.scan.source import INSIDE, Source

ODD_NAMES = [
    b"plain.jpg",
    b"\xe9t\xe9.jpg",  # Latin-1
    "été 🎉.jpg".encode(),
    b"two\nlines.jpg",
    b"-dash.jpg",
    b"100%.jpg",
    b"%E9.jpg",
    b"~",
    b"[a]*?.jpg",
    b"a b'\"\\.jpg",
    b"s3:",
    b"shout!",
    b"a.jpg?12",
]


def tree(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


def listed(*inputs, **options):
    return list(sources_of([os.fspath(i) for i in inputs], options=Listing(**options)))


def names(found, folder=None):
    assert not [f for f in found if isinstance(f, Failed)]
    begin = 0 if folder is None else len(f"{folder}/")
    return [source.uri[begin:] for source in found]


def only_failed(found):
    (one,) = found
    assert isinstance(one, Failed), one
    assert "\n" not in one.error
    return one


# Folders and files


def test_a_folder_is_listed_in_the_order_of_its_names(tmp_path):
    tree(tmp_path, "b.jpg", "a/z.jpg", "a/b/c", "Z", "a.jpg", "c/empty.txt", "ü", ".hidden")
    assert names(listed(tmp_path), tmp_path) == [
        *(".hidden", "Z", "a/b/c", "a/z.jpg", "a.jpg", "b.jpg", "c/empty.txt", "ü")
    ]
    assert names(listed(f"{tmp_path}/"), tmp_path)[0] == ".hidden"
    assert ".hidden" not in names(listed(tmp_path, hidden=False), tmp_path)


def test_a_source_says_what_the_file_is(tmp_path):
    tree(tmp_path, "a.jpg")
    os.utime(tmp_path / "a.jpg", ns=(1, 1_700_000_000_123_456_789))
    (source,) = listed(tmp_path)
    assert source == Source(f"{tmp_path}/a.jpg", 5, 1_700_000_000_123_456_789)


def test_names_stay_as_they_are_given(tmp_path, monkeypatch):
    tree(tmp_path, "in/a.jpg")
    monkeypatch.chdir(tmp_path)
    assert names(listed("in")) == ["in/a.jpg"]
    assert names(listed("./in")) == ["./in/a.jpg"]
    assert names(listed(".")) == ["./in/a.jpg"]
    assert names(listed("in/a.jpg")) == ["in/a.jpg"]
    assert names(listed(Path("in"))) == ["in/a.jpg"]


def test_a_file_called_dash_is_one_when_a_path_is_given(tmp_path, monkeypatch):
    tree(tmp_path, "-")
    monkeypatch.chdir(tmp_path)
    assert names(list(sources_of([Path("-")]))) == ["-"]


def test_nothing_is_listed_twice_under_one_name(tmp_path):
    tree(tmp_path, "a/1", "a/2", "b/1", "b/.x")
    everything = ["a/1", "a/2", "b/.x", "b/1"]
    for inputs in (
        (tmp_path, tmp_path),
        (tmp_path, tmp_path / "a", tmp_path / "b/1"),
        (tmp_path / "a", tmp_path),
        (tmp_path / "b/1", tmp_path),
        (tmp_path / "*/1", tmp_path / "b", tmp_path / "a/1", tmp_path),
        (tmp_path / "**/*", tmp_path),
        (f"file://{tmp_path}", tmp_path),
    ):
        found = names(listed(*inputs), tmp_path)
        assert sorted(found) == everything, inputs


def test_what_a_folder_was_listed_without_can_be_named(tmp_path):
    tree(tmp_path, "a", ".x")
    assert names(listed(tmp_path, tmp_path / ".x", hidden=False), tmp_path) == ["a", ".x"]
    (tmp_path / "link").symlink_to("a")
    found = listed(tmp_path, tmp_path / "link", follow_links=False)
    assert names(found, tmp_path) == [".x", "a", "link"]


def test_what_is_not_there_is_said_and_the_rest_goes_on(tmp_path):
    tree(tmp_path, "a.jpg")
    first, second, third = listed(tmp_path / "none.jpg", tmp_path, "")
    assert "none.jpg: there is no such file" in first.error
    assert second.uri.endswith("a.jpg")
    assert "no input" in third.error
    assert "not a possible" in only_failed(listed("a\0b")).error
    assert "not a possible" in only_failed(listed("a\ud800b")).error


def test_what_is_no_regular_file(tmp_path):
    tree(tmp_path, "a.jpg")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        assert names(listed(tmp_path), tmp_path) == ["a.jpg"]
        assert "not a regular file" in only_failed(listed(tmp_path / "socket")).error
    assert "not a regular file" in only_failed(listed(tmp_path / "pipe")).error
    assert "not a regular file" in only_failed(listed("/dev/null")).error


def test_a_home_is_left_to_the_shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "there is no such file" in only_failed(listed("~")).error
    tree(tmp_path, "~/a")
    assert names(listed("~")) == ["~/a"]


# Links


def test_links_are_followed_and_loops_end(tmp_path):
    tree(tmp_path, "a/1", "elsewhere/2")
    (tmp_path / "a/up").symlink_to("..")
    (tmp_path / "a/self").symlink_to(".")
    (tmp_path / "a/other").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/back").symlink_to(tmp_path / "a")
    (tmp_path / "a/file").symlink_to("1")
    found = names(listed(tmp_path / "a"), tmp_path)
    assert found == ["a/1", "a/file", "a/other/2", "a/up/elsewhere/2"]
    assert names(listed(tmp_path / "a", follow_links=False), tmp_path) == ["a/1"]


def test_a_folder_behind_two_links_is_listed_under_both(tmp_path):
    tree(tmp_path, "x/1")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/p").symlink_to("../x")
    (tmp_path / "in/q").symlink_to("../x")
    assert names(listed(tmp_path / "in"), tmp_path) == ["in/p/1", "in/q/1"]
    (tmp_path / "link").symlink_to("x")
    assert names(listed(tmp_path / "link"), tmp_path) == ["link/1"]


def test_links_that_lead_nowhere(tmp_path):
    tree(tmp_path, "z.jpg")
    (tmp_path / "broken").symlink_to("nothing")
    (tmp_path / "round").symlink_to("round")
    broken, circle, source = listed(tmp_path)
    assert "link to nothing" in broken.error
    assert "cannot be read" in circle.error
    assert source.uri.endswith("z.jpg")
    assert "link to nothing" in only_failed(listed(tmp_path / "broken")).error


def test_links_between_many_folders_end(tmp_path):
    """With 9 folders that point to each other there would be 9! names."""
    folders = [tmp_path / str(i) for i in range(5)]
    for folder in folders:
        folder.mkdir()
        for other in folders:
            if other != folder:
                (folder / f"to{other.name}").symlink_to(other)
    assert listed(tmp_path) == []
    deep = tmp_path / "deep"
    deep.mkdir()
    for i in range(MOST_LINKS + 2):
        (deep / str(i)).mkdir()
        (deep / str(i) / "next").symlink_to(deep / str(i + 1))
    found = [f for f in listed(deep / "0") if isinstance(f, Failed)]
    assert [f"behind more than {MOST_LINKS} links" in f.error for f in found] == [True]


# What goes wrong on the way


def as_nobody(code: str, *arguments: str) -> str:
    """Run code as a user without rights: root can list every folder."""
    if os.name != "posix":
        pytest.skip("needs the permissions of POSIX")
    drop = "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n" if os.geteuid() == 0 else ""
    program = f"import os, sys\nfrom waarmerk.scan.inputs import *\n{drop}{textwrap.dedent(code)}"
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_folder_that_must_not_be_read(tmp_path):
    tree(tmp_path, "closed/a.jpg", "open/b.jpg")
    for folder in (tmp_path, *tmp_path.parents):
        if folder == Path(tempfile.gettempdir()):
            break
        folder.chmod(0o755)
    (tmp_path / "closed").chmod(0)
    try:
        out = as_nobody("for f in sources_of(sys.argv[1:]): print(f)", str(tmp_path))
    finally:
        (tmp_path / "closed").chmod(0o755)
    first, second = out.splitlines()
    assert "Failed" in first
    assert "closed: cannot be listed: Permission denied" in first
    assert "b.jpg" in second


def test_folders_and_files_that_vanish_while_they_are_listed(tmp_path):
    tree(tmp_path, "a/1", "b/2", "c", "d")
    found = sources_of([tmp_path])
    assert next(found).uri.endswith("a/1")
    (tmp_path / "b/2").unlink()
    (tmp_path / "b").rmdir()
    (tmp_path / "c").unlink()
    gone, file, last = found
    assert "b: was removed" in gone.error
    assert "c: was removed" in file.error
    assert last.uri.endswith("/d")


def test_deep_folders(tmp_path):
    folders = [Path(f"{tmp_path}{'/d' * depth}") for depth in range(1, 1201)]
    for folder in folders:
        folder.mkdir()
    deepest = folders[-1] / "f"
    deepest.touch()
    assert names(listed(tmp_path)) == [str(deepest)]
    # What clears up after tests is less patient.
    deepest.unlink()
    for folder in reversed(folders):
        folder.rmdir()


def test_memory_stays_flat(tmp_path):
    for i in range(30):
        tree(tmp_path, *(f"{i}/some-file-of-an-upload-{j}.jpg" for j in range(100)))
    everything = sources_of([tmp_path])
    next(everything)
    tracemalloc.start()
    count = sum(1 for _ in everything)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 2999
    assert peak < 100_000


def test_that_the_newest_names_are_remembered():
    seen = Seen(most=100)
    for i in range(1000):
        seen.add(b"%d" % i)
    assert all(b"%d" % i in seen for i in range(900, 1000))
    assert b"5" not in seen


# Names


def test_odd_names_are_utf8_alone_and_lead_back(tmp_path):
    for name in ODD_NAMES:
        (tmp_path / os.fsdecode(name)).write_bytes(name)
    odd = tmp_path / os.fsdecode(b"d\xff!")
    odd.mkdir()
    (odd / "x").write_bytes(b"x")
    (tmp_path / "loud!").mkdir()
    (tmp_path / "loud!/a.jpg").write_bytes(b"loud")
    found = listed(tmp_path)
    assert len({f.uri for f in found}) == len(ODD_NAMES) + 2
    for source in found:
        assert source.uri.encode()
        assert INSIDE not in source.uri
        with opened(source) as path:
            read = path.read_bytes()
        assert read in [*ODD_NAMES, b"x", b"loud"]
        assert name_of(source)
        assert name_of(source).encode()
        # What it is called names it again.
        assert listed(source.uri) == [source]
    assert names(found) == names(listed(tmp_path))
    plain = [f.uri for f in found if not f.uri.startswith("file://")]
    assert f"{tmp_path}/été 🎉.jpg" in plain
    assert f"{tmp_path}/%E9.jpg" in plain
    assert f"file://{tmp_path}/%E9t%E9.jpg" in [f.uri for f in found]
    assert f"file://{tmp_path}/loud%21/a.jpg" in [f.uri for f in found]


def test_a_folder_that_is_called_like_an_address(tmp_path, monkeypatch):
    tree(tmp_path, "s3:/bucket/a.jpg")
    monkeypatch.chdir(tmp_path)
    (source,) = listed("s3:")
    assert source.uri == f"file://{tmp_path}/s3%3A/bucket/a.jpg"
    with opened(source) as path:
        assert path.read_bytes() == b"s3:/bucket/a.jpg"
    assert names(listed("./s3:")) == ["./s3:/bucket/a.jpg"]


def test_uris_of_files(tmp_path):
    tree(tmp_path, "a b.jpg")
    assert names(listed(f"file://{tmp_path}/a%20b.jpg"), tmp_path) == ["a b.jpg"]
    assert names(listed(f"file://localhost{tmp_path}/a%20b.jpg"), tmp_path) == ["a b.jpg"]
    assert "another machine" in only_failed(listed("file://server/a.jpg")).error


BYTES = st.binary(min_size=1, max_size=40).filter(lambda b: b"\0" not in b)


@given(BYTES)
def test_every_name_leads_back(name):
    uri = local_uri(name)
    assert uri.encode()
    assert INSIDE not in uri
    assert scheme_of(uri) in (None, "file")
    back = Path.cwd() / local_path(uri)
    assert back == Path.cwd() / os.fsdecode(name)


@given(BYTES, BYTES)
def test_two_names_never_become_one(one, two):
    assert (local_uri(one) == local_uri(two)) == (one == two)


@given(st.text(st.sampled_from("%25!/1a"), max_size=20), st.sampled_from(["s3", "https"]))
def test_every_key_leads_back(key, scheme):
    assert INSIDE not in escaped(key, scheme)
    assert unescaped(escaped(key, scheme), scheme) == key


@given(BYTES, st.text(max_size=20))
def test_members_and_archives_can_be_told_apart(archive, member):
    uri = local_uri(archive)
    assert split_member(f"{uri}{INSIDE}{member}") == (uri, member)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://me:secret@host/a.jpg", "https://host/a.jpg"),
        ("https://secret@host/a.jpg?x=1", "https://host/a.jpg"),
        ("https://host/a.jpg?X-Amz-Signature=00", "https://host/a.jpg"),
        ("https://host?sig=00", "https://host"),
        ("s3://key:secret@bucket/a?b.jpg", "s3://bucket/a?b.jpg"),
        ("az://box/a.jpg?sv=2020&sig=00%3D", "az://box/a.jpg"),
        ("abfss://box@me.dfs.core.windows.net/a@b:c.jpg", None),
        ("s3://bucket/what?.jpg#1", None),
        ("folder/a.jpg?sig=1", None),
    ],
)
def test_secrets_are_cut(address, shown):
    assert without_secrets(address) == (address if shown is None else shown)


# Patterns


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.jpg", ["1.jpg", "[x].jpg"]),
        ("a/*.jpg", ["a/1.jpg", "a/2.jpg"]),
        ("*/1.jpg", ["a/1.jpg"]),
        ("**/*.jpg", ["1.jpg", "[x].jpg", "a/1.jpg", "a/2.jpg", "a/b/3.jpg"]),
        ("**", ["1.jpg", "[x].jpg", "a/1.jpg", "a/2.jpg", "a/b/.y", "a/b/3.jpg"]),
        ("a/**", ["a/1.jpg", "a/2.jpg", "a/b/.y", "a/b/3.jpg"]),
        ("**/b", ["a/b/.y", "a/b/3.jpg"]),
        ("**/b/**/*.jpg", ["a/b/3.jpg"]),
        ("*/", ["a/1.jpg", "a/2.jpg", "a/b/.y", "a/b/3.jpg"]),
        ("a/?.jpg", ["a/1.jpg", "a/2.jpg"]),
        ("a/[!1].jpg", ["a/2.jpg"]),
        (".*", [".x"]),
        ("**/.y", ["a/b/.y"]),
        ("[x].jpg", ["[x].jpg"]),  # there is one
        ("a/*/**/**/*a*a*a*a*a*a*a*a*a*a*b", None),
        ("nothing*", None),
        ("none/*.jpg", None),
        ("[", None),
    ],
)
def test_patterns(tmp_path, monkeypatch, pattern, expected):
    tree(tmp_path, "1.jpg", "a/1.jpg", "a/2.jpg", "a/b/3.jpg", "a/b/.y", ".x", "[x].jpg")
    monkeypatch.chdir(tmp_path)
    if expected is None:
        assert "there is no such file" in only_failed(listed(pattern)).error
        return
    found = names(listed(pattern))
    assert found == expected
    assert names(listed(f"{tmp_path}/{pattern}"), tmp_path) == expected
    everything = names(listed(tmp_path), tmp_path)
    if pattern != "[x].jpg":
        glob = Glob.of(pattern)
        assert [name for name in everything if glob.covers(name)] == expected


def test_patterns_match_names_that_are_no_utf8(tmp_path):
    (tmp_path / os.fsdecode(b"\xe9.jpg")).touch()
    (source,) = listed(tmp_path / "?.jpg")
    assert source.uri.endswith("/%E9.jpg")


# Lists


def run_with_stdin(folder, data: bytes, *, nul=False):
    code = (
        "import sys; from waarmerk.scan.inputs import *\n"
        f"for f in sources_of(['-'], options=Listing(nul={nul})): print(ascii(f.uri))"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], input=data, capture_output=True, check=True, cwd=folder
    )
    return [ast.literal_eval(line) for line in done.stdout.decode().splitlines()]


def test_lists_on_standard_input(tmp_path):
    tree(tmp_path, "a.jpg", "*.jpg", "in/b.jpg", "two\nlines")
    (tmp_path / os.fsdecode(b"\xe9")).touch()
    data = b"\xef\xbb\xbfa.jpg\r\n\r\n\n*.jpg\n\xe9\nin\na.jpg\nfile://" + os.fsencode(tmp_path)
    assert run_with_stdin(tmp_path, data + b"/two%0Alines") == [
        *("a.jpg", "*.jpg", f"file://{tmp_path}/%E9", "in/b.jpg", f"{tmp_path}/two\nlines")
    ]
    assert run_with_stdin(tmp_path, b"two\nlines\0\0a.jpg", nul=True) == ["two\nlines", "a.jpg"]
    assert run_with_stdin(tmp_path, b"[a].jpg") == ["[a].jpg"]  # no pattern: it failed


def test_names_come_as_soon_as_they_are_written():
    out, into = os.pipe()
    with os.fdopen(out, "rb") as stream:
        found = names_from(stream)
        for name in (b"first", b"second"):
            os.write(into, name + b"\n")
            assert next(found) == name
        os.write(into, b"thi")
        os.write(into, b"rd\nlast")
        assert next(found) == b"third"
        os.close(into)
        assert list(found) == [b"last"]


@given(st.lists(st.binary(max_size=9)), st.booleans(), st.integers(1, 7))
def test_lists_are_read_as_they_were_written(parts, nul, block):
    ends = b"\0" if nul else b"\n"
    expected = [p.replace(ends, b"").removeprefix(b"\xef\xbb\xbf") for p in parts]
    expected = [p.rstrip(b"\r") if not nul else p for p in expected]
    data = ends.join(expected)

    class Slow:
        def __init__(self):
            self.at = 0

        def read(self, _):
            self.at += block
            return data[self.at - block : self.at]

    wanted = [p for p in expected if p]
    assert list(names_from(Slow(), nul=nul)) == wanted


def test_a_line_without_end_takes_no_memory():
    class Endless:
        left = 300

        def read(self, size):
            self.left -= 1
            return b"x" * size if self.left > 0 else b"\nend\n" if self.left == 0 else b""

    assert list(names_from(Endless())) == [None, b"end"]
