"""Zip and tar archives: whole, hostile and cut, listed and opened."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.scan.opening import listed, outcome, read
from waarmerk.errors import InputError
from waarmerk.scan import content
from waarmerk.scan.archives import container_of, inside
from waarmerk.scan.content import name_of, opened
from waarmerk.scan.inputs import Failed
from waarmerk.scan.members import Names
from waarmerk.scan.source import Source

PACKED = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


@pytest.fixture(autouse=True)
def nothing_stays_open():
    yield
    content.close()


def split(found):
    return [f for f in found if isinstance(f, Source)], [f for f in found if isinstance(f, Failed)]


def zip_of(path, files, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return path


def tar_of(files, **options):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", **options) as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


FILES = [("a.jpg", b"first"), ("in/b.png", b"x" * 3000), ("empty", b""), ("ü.txt", b"last")]


def test_what_is_an_archive_by_its_name():
    for name in ("a.zip", "A.ZIP", "a.tar", "s/a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz"):
        assert container_of(name) in ("zip", "tar")
    assert container_of("s3://b/t.parquet") == "parquet"
    for name in ("a.gz", "zip", "a.zip.jpg", "a.docx", "atar", ""):
        assert container_of(name) is None


# Zip


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_members_of_a_zip_archive(tmp_path, method):
    path = zip_of(tmp_path / "a.zip", [*FILES, ("folder/", b"")], method)
    found = listed(path)
    assert [s.uri for s in found] == [f"{path}!/{name}" for name, _ in FILES]
    assert [s.size for s in found] == [len(data) for _, data in FILES]
    assert {s.modified for s in found} == {path.stat().st_mtime_ns}
    assert found[0].etag == f"crc32:{zlib.crc32(b'first'):08x}"
    assert [name_of(s) for s in found] == ["a.jpg", "b.png", "empty", "ü.txt"]
    for order in (found, found[::-1]):
        assert {s.uri: read(s) for s in order} == {f"{path}!/{n}": d for n, d in FILES}
    assert [s.uri for s in listed(path, archives=False)] == [str(path)]


def test_members_of_one_name(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"):
        path = zip_of(tmp_path / "a.zip", [("a.jpg", b"1"), ("a.jpg", b"2"), ("a.jpg", b"3")])
    found = listed(path)
    assert found == listed(path)
    assert found[0].uri == f"{path}!/a.jpg"
    assert found[1].uri == f"{path}!/a.jpg?{found[1].place}"
    assert len({s.uri for s in found}) == 3
    assert [read(s) for s in found] == [b"1", b"2", b"3"]
    assert [name_of(s) for s in found] == ["a.jpg"] * 3


@given(st.lists(st.binary(max_size=3), max_size=30))
def test_every_member_gets_a_name_of_its_own(members):
    names = Names("a.tar")
    given_names = [names.named(name, place) for place, name in enumerate(members)]
    assert len(set(given_names)) == len(members)
    assert all(name.encode().startswith(b"a.tar!/") for name in given_names)
    hostile = [b"a", b"a", b"a?1", b"a?3", b"a?3?3", b"a"]
    names = Names("x")
    assert len({names.named(name, i) for i, name in enumerate(hostile)}) == len(hostile)


def test_names_that_would_lead_out_are_only_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    evil = ["../../evil.jpg", "/etc/passwd.jpg", "C:\\evil.jpg", "a!/b.jpg", "\x1b[2J.jpg"]
    zip_of("a.zip", [(name, b"x" * (content.SPOOL + 1)) for name in evil[:1]])
    (source,) = listed("a.zip")
    with opened(source) as path:
        assert path.name == "input.jpg"
        assert path.stat().st_size == content.SPOOL + 1
    assert not path.parent.exists()
    zip_of("a.zip", [(name, name.encode()) for name in evil])
    assert [read(s).decode() for s in listed("a.zip")] == evil
    assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]


def test_a_zip_archive_in_front_of_which_something_stands(tmp_path):
    path = zip_of(tmp_path / "a.zip", FILES)
    path.write_bytes(b"#!/bin/sh\n" * 50 + path.read_bytes())
    assert [read(s) for s in listed(path)] == [data for _, data in FILES]


def test_a_zip_archive_with_a_remark_and_with_large_fields(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = b"a remark, with PK in it" * 20
        with archive.open("large.jpg", "w", force_zip64=True) as member:
            member.write(b"x" * 100)
    (source,) = listed(path)
    assert source.size == 100
    assert read(source) == b"x" * 100


def test_a_zip_archive_with_more_members_than_16_bits_count(tmp_path):
    path = zip_of(tmp_path / "a.zip", [(f"{i}", b"") for i in range(66000)], zipfile.ZIP_STORED)
    found = listed(path)
    assert len(found) == 66000
    assert read(found[65999]) == b""


def test_links_in_a_zip_archive_are_left_out(tmp_path):
    link = zipfile.ZipInfo("link")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    path = zip_of(tmp_path / "a.zip", [(link, "/etc/passwd"), ("a", b"a")])
    assert [read(s) for s in listed(path)] == [b"a"]


def test_encrypted_members(tmp_path):
    path = zip_of(tmp_path / "a.zip", [("a.jpg", b"secret"), ("b.jpg", b"open")])
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\1\2")
    data[entry + 8] |= 1
    path.write_bytes(data)
    sources, failures = split(listed(path))
    assert [read(s) for s in sources] == [b"open"]
    assert [f.uri for f in failures] == [f"{path}!/a.jpg"]
    assert "is encrypted" in failures[0].error


def test_a_wrong_crc_and_a_wrong_size(tmp_path):
    path = zip_of(tmp_path / "a.zip", [("a.jpg", b"content" * 9)], zipfile.ZIP_STORED)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"content", b"CONTENT", 1))
    (source,) = listed(path)
    with pytest.raises(InputError, match=r"a\.jpg: is no whole member of a ZIP archive: Bad CRC"):
        read(source)
    entry = whole.index(b"PK\1\2")
    for size in (5, 500, 0xFFFFFFFE):
        data = bytearray(whole)
        data[entry + 24 : entry + 28] = struct.pack("<L", size)
        path.write_bytes(data)
        (source,) = listed(path)
        with pytest.raises(InputError, match=r"a\.jpg"):
            read(source)


def test_a_bomb_gives_no_more_than_it_declares(tmp_path):
    path = zip_of(tmp_path / "a.zip", [("a.jpg", bytes(50_000_000))])
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\1\2")
    data[entry + 24 : entry + 28] = struct.pack("<L", 1000)
    path.write_bytes(data)
    (source,) = listed(path)
    assert source.size == 1000
    with pytest.raises(InputError, match="CRC"):
        read(source)


def test_a_member_that_claims_more_than_the_limit(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive, archive.open("a", "w", force_zip64=True) as file:
        file.write(b"x")
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\1\2")
    data[entry + 24 : entry + 28] = struct.pack("<L", 0xFFFFFFFF)
    name_end = entry + 46 + 1
    extra = struct.pack("<HHQ", 1, 8, 1 << 40)
    data[name_end:name_end] = extra
    data[entry + 30 : entry + 32] = struct.pack("<H", len(extra))
    end = data.index(b"PK\5\6")
    data[end + 12 : end + 16] = struct.pack("<L", end - entry)
    path.write_bytes(data)
    (source,) = listed(path)
    assert source.size == 1 << 40
    with pytest.raises(InputError, match="the limit is"):
        read(source)


def test_a_bomb_that_would_fill_the_disk(tmp_path):
    source = Source("a.zip!/a", 1 << 35, container="zip")
    with pytest.raises(InputError, match="temporary space"):
        content._require_room(source.uri, 1 << 60)


def test_an_archive_that_was_changed(tmp_path):
    path = zip_of(tmp_path / "a.zip", FILES)
    first, second, *_ = listed(path)
    assert read(first) == b"first"
    zip_of(path, [("a.jpg", b"other"), *FILES[1:]])
    for source in (first, second):
        with pytest.raises(InputError, match="was changed while it was scanned"):
            read(source)
    assert read(listed(path)[0]) == b"other"
    path.unlink()
    with pytest.raises(InputError, match="no such file"):
        read(first)


def test_archives_that_are_none(tmp_path):
    for name in ("a.zip", "a.tar", "a.tar.gz", "a.tgz"):
        for data in (b"", b"x", b"\xff\xd8\xff" + bytes(2000), b"PK\5\6" + bytes(18) + b"x"):
            path = tmp_path / name
            path.write_bytes(data)
            for found in listed(path):
                assert isinstance(found, Failed)
                assert str(path) in found.error
                assert "\n" not in found.error


def test_an_archive_in_an_archive_is_a_file(tmp_path):
    zip_of(tmp_path / "in.zip", FILES)
    path = zip_of(tmp_path / "out.zip", [("in.zip", (tmp_path / "in.zip").read_bytes())])
    (source,) = listed(path)
    assert source.uri == f"{path}!/in.zip"
    assert read(source).startswith(b"PK")


def test_what_stands_in_the_place_of_listing_archives(tmp_path):
    path = zip_of(tmp_path / "a.zip", FILES)
    asked = []

    def guarded(source):
        asked.append(source.uri)
        yield from inside(source)

    assert listed(path, inside=guarded) == listed(path)
    assert asked == [str(path)]


# Tar


@pytest.mark.parametrize("packed", PACKED)
def test_members_of_a_tar_archive(tmp_path, packed):
    path = tmp_path / f"a.tar{packed}"
    path.write_bytes(PACKED[packed](tar_of(FILES)))
    found = listed(path)
    assert [s.uri for s in found] == [f"{path}!/{name}" for name, _ in FILES]
    assert [s.size for s in found] == [len(data) for _, data in FILES]
    for order in (found, found[::-1], found[:2] * 2):
        assert [read(s) for s in order] == [dict(FILES)[s.uri.split("!/")[1]] for s in order]


def test_what_is_left_out_of_a_tar_archive(tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for kind, name in (
            (tarfile.DIRTYPE, "folder"),
            (tarfile.SYMTYPE, "link"),
            (tarfile.LNKTYPE, "hard"),
            (tarfile.FIFOTYPE, "pipe"),
            (tarfile.CHRTYPE, "device"),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("a")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"a"))
    assert [(s.uri[-1], read(s)) for s in listed(path)] == [("a", b"a")]


def test_a_sparse_member_is_an_error(tmp_path):
    data = bytearray(tar_of([("sparse", b"x" * 600), ("a", b"a")]))
    data[156:157] = b"S"
    data[386:398] = data[398:410] = b"00000000000\0"
    data[483:495] = b"00000001130\0"
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    path = tmp_path / "a.tar"
    path.write_bytes(data)
    sources, failures = split(listed(path))
    assert [read(s) for s in sources] == [b"a"]
    assert "sparse" in failures[0].error


def test_long_and_odd_names_in_a_tar_archive(tmp_path):
    path = tmp_path / "a.tar"
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        files = [("x" * 300, b"1"), ("\udce9t\udce9.jpg", b"2"), ("a", b"3"), ("a", b"4")]
        path.write_bytes(tar_of(files, format=form, errors="surrogateescape"))
        found = listed(path)
        assert [read(s) for s in found] == [b"1", b"2", b"3", b"4"]
        assert found[1].uri == f"{path}!/%E9t%E9.jpg"
        assert found[3].uri == f"{path}!/a?{found[3].place}"


@pytest.mark.parametrize("packed", PACKED)
def test_a_tar_archive_that_is_cut_gives_what_is_whole(tmp_path, packed):
    files = [(f"{i}", zlib.compress(bytes([i]) * 50) * 40) for i in range(8)]
    whole = PACKED[packed](tar_of(files))
    path = tmp_path / f"a.tar{packed}"
    counts = Counter()
    for part in range(1, 10):
        path.write_bytes(whole[: len(whole) * part // 10])
        sources, failures = split(listed(path))
        assert len(failures) == 1 or len(sources) == len(files)
        assert {f.uri for f in failures} <= {str(path)}
        assert not any("\n" in f.error for f in failures)
        assert [read(s) for s in sources] == [data for _, data in files[: len(sources)]]
        counts[len(sources)] += 1
    if packed in ("", ".gz"):
        assert max(counts) > 3


def test_a_tar_archive_that_is_damaged_in_the_middle(tmp_path):
    path = tmp_path / "a.tar"
    data = bytearray(tar_of(FILES))
    data[1024 + 148] ^= 0xFF
    path.write_bytes(data)
    sources, failures = split(listed(path))
    assert [read(s) for s in sources] == [b"first"]
    assert "no header" in failures[0].error


def test_a_tar_archive_that_goes_backwards_ends(tmp_path):
    data = bytearray(tar_of([("a", b"a"), ("b", b"b")]))
    data[1024 + 124 : 1024 + 136] = b"\xff" * 10 + b"\xfc\x00"  # -1024 in base 256
    data[1024 + 148 : 1024 + 156] = b" " * 8
    data[1024 + 148 : 1024 + 156] = b"%06o\0 " % sum(data[1024 : 1024 + 512])
    path = tmp_path / "a.tar"
    path.write_bytes(data)
    sources, failures = split(listed(path))
    assert len(sources) == 1
    assert len(failures) == 1


def test_web_dataset_shards_are_tar_archives(tmp_path):
    path = tmp_path / "shard-000.tar"
    path.write_bytes(tar_of([("000001.jpg", b"x"), ("000001.cls", b"1")]))
    assert listed(path)[0].uri.endswith("shard-000.tar!/000001.jpg")


DAMAGE = st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), min_size=1, max_size=6)


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tar.xz", "a.tar.bz2"])
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(damage=DAMAGE, cut=st.integers(0, 400))
def test_damaged_archives_never_raise_anything_else(tmp_path, name, damage, cut):
    path = tmp_path / name
    if name == "a.zip":
        zip_of(path, FILES)
        data = bytearray(path.read_bytes())
    else:
        data = bytearray(PACKED[name.removeprefix("a.tar")](tar_of(FILES)))
    for place, value in damage:
        data[place % len(data)] = value
    path.write_bytes(data[: len(data) - cut] if cut < len(data) else data)
    for found in listed(path):
        assert found.uri.encode()
        if isinstance(found, Source):
            assert "\n" not in outcome(found)
    content.close()
