"""Manifests of large movies: what is signed and checked piece by piece is what the library does."""

import io
import struct

import pytest

from tests import rendered_files, rendered_sound
from tests.in_pieces import accepted, large
from tests.in_pieces import both as in_pieces_and_whole
from tests.rendered_files import box, decoded
from waarmerk.detection.manifest import read_manifest
from waarmerk.marking import movie_hash
from waarmerk.marking.certificate import make_test_chain
from waarmerk.marking.formats import FORMATS
from waarmerk.marking.manifest import ManifestContent, Parent, sign_bytes
from waarmerk.marking.signer import Signer

CHAIN = make_test_chain()
SIGNER = Signer.from_pem(CHAIN.chain, CHAIN.key)
STRANGER = make_test_chain()
CASES = ["MP4", "MP4 in front", "MOV", "M4A", "AVI", "MP4 in fragments"]


@pytest.fixture(scope="module", params=CASES)
def movie(request, tmp_path_factory):
    name, _, how = request.param.partition(" ")
    path = tmp_path_factory.mktemp("movie") / f"a{FORMATS[name].extensions[0]}"
    flags = {"in front": "faststart", "in fragments": "frag_keyframe+empty_moov"}.get(how)
    if name == "M4A":
        rendered_sound.file(path, name)
    else:
        rendered_files.video(path, name, options={"movflags": flags} if flags else {})
    return path.read_bytes(), FORMATS[name].media_type


def signed(monkeypatch, movie, *, in_pieces, title="movie", **options):
    large(monkeypatch, in_pieces)
    return sign_bytes(movie[0], movie[1], SIGNER, ManifestContent(title=title), **options)


def both(monkeypatch, data, media_type, trust=(CHAIN.root,)):
    return in_pieces_and_whole(monkeypatch, data, media_type, trust)


@pytest.mark.parametrize("in_pieces", [True, False])
def test_a_signed_movie_is_intact_for_both(movie, in_pieces, monkeypatch):
    for size in range(4):
        data = signed(monkeypatch, movie, in_pieces=in_pieces, title="x" * (5 + size))
        assert both(monkeypatch, data, movie[1]).status == "trusted"
        assert both(monkeypatch, data, movie[1], ()).status == "valid"
        assert both(monkeypatch, data, movie[1], (STRANGER.root,)).status == "valid"


@pytest.mark.parametrize("in_pieces", [True, False])
def test_an_independent_validator_accepts_it(movie, in_pieces, monkeypatch):
    data = signed(monkeypatch, movie, in_pieces=in_pieces)
    assert accepted(data, movie[1], CHAIN.root)


def test_it_decodes_as_before(movie, monkeypatch, tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    before.write_bytes(movie[0])
    after.write_bytes(signed(monkeypatch, movie, in_pieces=True))
    assert decoded(after) == decoded(before)


def test_both_ways_write_the_same_places(movie, monkeypatch):
    """Apart from the manifest itself, whose ids are new each time."""
    pieces, library = (signed(monkeypatch, movie, in_pieces=yes) for yes in (True, False))
    if len(pieces) == len(library) and movie[1] != "video/x-msvideo":
        assert pieces[-len(movie[0]) // 2 :] == library[-len(movie[0]) // 2 :]


@pytest.mark.parametrize("in_pieces", [True, False])
def test_any_change_of_the_content_is_noticed(movie, in_pieces, monkeypatch):
    data = signed(monkeypatch, movie, in_pieces=in_pieces)
    spans = [(40, len(movie[0]))]  # of an AVI, whose manifest is at its end
    if movie[1] != "video/x-msvideo":
        boxes = movie_hash.movie_of(io.BytesIO(data)).boxes
        spans = [(start, end) for kind, start, end in boxes if kind in (b"moov", b"mdat", b"moof")]
    for start, end in spans:
        for at in {start + 5, end - 1, *range(start, end, max((end - start) // 10, 1))}:
            changed = bytearray(data)
            changed[at] ^= 0x10
            for yes in (True, False):
                # Where a box is broken, the library only says that the file is damaged.
                large(monkeypatch, yes)
                found = read_manifest(bytes(changed), movie[1], (CHAIN.root,))
                assert found.status in ("invalid", "not_checked")


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("second", [True, False])
def test_a_signed_movie_can_be_signed_again(movie, first, second, monkeypatch, tmp_path):
    data = signed(monkeypatch, movie, in_pieces=first, title="first")
    parent = Parent(data, movie[1], "first")
    again = signed(
        monkeypatch, (data, movie[1]), in_pieces=second, title="second" * 9, parent=parent
    )
    finding = both(monkeypatch, again, movie[1])
    assert finding.status == "trusted"
    assert finding.digital_source_type.endswith("trainedAlgorithmicMedia")
    before, after = tmp_path / "before", tmp_path / "after"
    before.write_bytes(movie[0])
    after.write_bytes(again)
    assert decoded(after) == decoded(before)


def test_something_moved_in_is_noticed(movie, monkeypatch):
    if movie[1] == "video/x-msvideo":
        pytest.skip("has no boxes")
    data = signed(monkeypatch, movie, in_pieces=True)
    for extra in (box(b"mdat", b"x" * 50), box(b"uuid", bytes(16), b"x" * 30)):
        finding = both(monkeypatch, data + extra, movie[1])
        assert finding.status == "invalid"
    # What the standard leaves out may change.
    assert both(monkeypatch, data + box(b"free", b"x" * 50), movie[1]).status == "trusted"


def test_a_second_manifest_is_left_to_the_library(movie, monkeypatch):
    if movie[1] == "video/x-msvideo":
        pytest.skip("has no boxes")
    data = signed(monkeypatch, movie, in_pieces=True)
    store, (start, size) = movie_hash.store_in(io.BytesIO(data))
    assert store
    assert movie_hash.store_in(io.BytesIO(data + data[start : start + size])) is None


FTYP = box(b"ftyp", b"isom", bytes(4))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 100,
        FTYP + b"\0\0\0",
        FTYP + struct.pack(">I4s", 500, b"mdat"),
        FTYP + struct.pack(">I4s", 0, b"mdat") + b"x",
        box(b"mdat", b"x"),
        FTYP * 20_000,
        FTYP + box(b"moof"),
        FTYP + box(b"moov", box(b"trak", box(b"mdia", box(b"minf", box(b"meta"))))),
        FTYP + box(b"moov", box(b"trak", b"\0\0\0\1abcd")),
    ],
)
def test_what_is_not_known_for_sure_is_left_to_the_library(data):
    assert movie_hash.movable(io.BytesIO(data)) is None


def test_places_that_get_too_large_are_refused():
    table = box(b"stco", bytes(4), struct.pack(">II", 1, 0xFFFFFFF0))
    moov = box(b"moov", box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", table)))))
    assert movie_hash._with_moved_places(moov, [(0, 1000)]) is None
    assert movie_hash._with_moved_places(moov, [(0, 3)])[-4:] == b"\xff\xff\xff\xf3"
    short = moov.replace(struct.pack(">II", 1, 0xFFFFFFF0), struct.pack(">II", 9, 0))
    assert movie_hash._with_moved_places(short, [(0, 3)]) is None
