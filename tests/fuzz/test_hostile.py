"""The campaign of hostile files: its damage, its cage, and a short run of it."""

import random
import sys

import pytest

from benchmarks.hostile import Worker, make_seeds, results
from tests.fuzz.chunks import chunks, mutated
from tests.fuzz.every_format import every_seed
from tests.fuzz.readers import outcome, readers
from waarmerk.detection.manifest import read_manifest
from waarmerk.detection.manifest.trust_formats import read_certificates
from waarmerk.marking.disclosure import Disclosure

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="counts memory and calls as Linux does")
HAS_CHUNKS = (
    *("labels.png", "labels.jpg", "labels.webp", "labels.avif", "labels.jxl", "tags.wav"),
    *("tags.flac", "labels.mp3", "clip.mp4", "clip.avi"),
)


@pytest.fixture(scope="module")
def files():
    return every_seed()


@pytest.fixture(scope="module")
def folder(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeds")
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize("name", HAS_CHUNKS)
def test_chunks_are_found_and_lie_in_the_file(files, name):
    data = files[name]
    found = chunks(data)
    assert found
    for chunk in found:
        assert 0 <= chunk.start < chunk.end <= len(data)
        assert chunk.start <= chunk.length_at < chunk.end
    assert chunks(b"") == chunks(b"RIFF") == chunks(b"\xff\xd8\xff") == []


def test_damage_follows_from_its_seed_and_always_ends(files):
    others = [files["labels.png"]]
    for name, data in files.items():
        if len(data) < 60_000:
            once = [mutated(data, random.Random(f"{name}{i}"), others) for i in range(20)]  # noqa: S311
            again = [mutated(data, random.Random(f"{name}{i}"), others) for i in range(20)]  # noqa: S311
            assert once == again
            assert sum(other != data for other in once) > 10


READS = {
    ".toml": "profile",
    ".json": "trust list",
    ".pem": "trust list",
    ".jws": "signed report",
    ".c2pa": "manifest beside",
}
REFUSED = {"bomb.png": "InputError"}
"""Refused on purpose: what swells while it is opened."""


def test_every_seed_is_accepted_as_it_is_by_its_reader(files, tmp_path):
    every = readers()
    for name, data in files.items():
        path = tmp_path / name
        path.write_bytes(data)
        read = every[READS.get(path.suffix, "detect file")][1]
        assert outcome(read, path, data, random.Random(4)) == REFUSED.get(name, "done"), name  # noqa: S311


def test_the_seeds_that_are_no_media_say_all_that_their_readers_know(files, tmp_path):
    path = tmp_path / "profile.toml"
    path.write_bytes(files["profile.toml"])
    profile = Disclosure.from_toml(path)
    assert (profile.oversight, profile.aigc.content_producer) == ("prompt_guided", "p")
    assert len(profile.operations) == 1
    read = read_certificates(files["list.json"], "list.json")
    assert len(read.authorities) == 1
    assert read.issued == "2026-01-01T00:00:00Z"
    found = read_manifest(files["signed_labels.png"], "image/png")
    assert found.status == "valid"


def test_good_files_are_no_find(files, tmp_path, capfd):
    every = readers()
    for name, data in files.items():
        path = tmp_path / name
        path.write_bytes(data)
        for reader in ("detect file", "manifest", "labels", "hidden text"):
            rng = random.Random(name)  # noqa: S311
            assert outcome(every[reader][1], path, data, rng) in (
                "done",
                "InputError",
                "UnsupportedInputError",
            )
    assert capfd.readouterr().err == ""


@LINUX
def test_a_short_campaign_finds_nothing(folder):
    with Worker(folder) as worker:
        row = worker.batch(7, 0, 250)
    assert row["finds"] == []
    assert sum(row["counts"].values()) == 250
    assert row["slowest"][0] < 2
    assert 0 < row["largest_mb"][0] < 1024


@LINUX
def test_a_campaign_sees_every_fault_and_lays_it_to_its_file(folder):
    with Worker(folder, "tests.fuzz.bad_readers") as worker:
        row = worker.batch(1, 1223, 16)  # in which every bad reader has its turn
        confined = worker.blocked == "seccomp"
    whys = {}
    for find in row["finds"]:
        whys.setdefault(find["reader"], set()).add(find["why"])
    assert whys["raises"] == {"ValueError: not of this package"}
    assert whys["talks_in_lines"] == {"AssertionError: not a line to show: 'two\\nlines'"}
    assert whys["crashes"] == {"ends with status -6"}
    assert whys["asks_around"] == {"AssertionError: opens a network connection"}
    if confined:
        assert whys["connects"] == {"opens a network connection"}
    assert all(why.endswith("MB") for why in whys["eats"])
    assert all("emory" in why for why in whys["devours"])
    assert all(why.startswith("takes ") and why.endswith(" s") for why in whys["dawdles"])
    assert whys["mutters"] == {"a library talks on stderr"}
    assert "refuses" not in whys
    assert sum(row["counts"].values()) == 16
    assert sum(count for name, count in row["counts"].items() if "find" in name) == len(
        row["finds"]
    )
    assert "Crashes: " in results([row])


def test_the_good_files_are_made_once(tmp_path):
    folder = tmp_path / "seeds"
    folder.mkdir()
    (folder / "one.txt").write_bytes(b"here already")
    make_seeds(folder, None)
    assert [path.name for path in folder.iterdir()] == ["one.txt"]
