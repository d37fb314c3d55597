"""Manifests of large files: what is signed and checked piece by piece is what the library does."""

import io
import struct

import pytest

from tests import rendered_sound
from tests.in_pieces import both as in_pieces_and_whole
from tests.in_pieces import large
from tests.rendered_sound import melody
from waarmerk.marking import large_file
from waarmerk.marking.certificate import make_test_chain
from waarmerk.marking.manifest import ManifestContent, Parent, sign_bytes
from waarmerk.marking.signer import Signer
from waarmerk.marking.source import tag_length

CHAIN = make_test_chain()
SIGNER = Signer.from_pem(CHAIN.chain, CHAIN.key)
STRANGER = make_test_chain()
KINDS = {"WAV": "audio/wav", "FLAC": "audio/flac", "MP3": "audio/mpeg"}
BINDING = ("waarmerk.audio.1", "0123456789abcdef")


@pytest.fixture(params=KINDS)
def sound(request, tmp_path):
    path = rendered_sound.file(tmp_path / "sound", request.param, melody(1.0))
    return path.read_bytes(), KINDS[request.param]


def signed(monkeypatch, sound, *, in_pieces, signer=SIGNER, title="sound", **options):
    data, media_type = sound
    large(monkeypatch, in_pieces)
    content = ManifestContent(title=title)
    return sign_bytes(data, media_type, signer, content, soft_binding=BINDING, **options)


def both(monkeypatch, data, media_type, trust=(CHAIN.root,)):
    return in_pieces_and_whole(monkeypatch, data, media_type, trust)


@pytest.mark.parametrize("in_pieces", [True, False])
def test_a_signed_file_is_intact_for_both(sound, in_pieces, monkeypatch):
    for size in range(4):  # of the title, and so of the manifest: odd and even
        title = "x" * (5 + size)
        data = signed(monkeypatch, sound, in_pieces=in_pieces, title=title)
        assert both(monkeypatch, data, sound[1]).status == "trusted"
        assert both(monkeypatch, data, sound[1], ()).status == "valid"
        finding = both(monkeypatch, data, sound[1], (STRANGER.root,))
        assert finding.status == "valid"
        assert BINDING in finding.soft_bindings


def test_the_sound_is_copied_byte_for_byte(sound, monkeypatch):
    data = signed(monkeypatch, sound, in_pieces=True)
    original = sound[0]
    if sound[1] != "audio/wav":
        assert data.endswith(original[tag_length(original) :])
    else:
        assert data[8 : len(original)] == original[8:]
        assert int.from_bytes(data[4:8], "little") == len(data) - 8


@pytest.mark.parametrize("in_pieces", [True, False])
def test_any_change_of_the_content_is_noticed(sound, in_pieces, monkeypatch):
    data = signed(monkeypatch, sound, in_pieces=in_pieces)
    store, ((start, length),) = large_file.embedded_store(io.BytesIO(data), sound[1])
    rest = [*range(start), *range(start + length, len(data))]
    for place in (rest[40], rest[len(rest) // 2], rest[-1]):
        changed = bytearray(data)
        changed[place] ^= 1
        assert both(monkeypatch, bytes(changed), sound[1]).status not in ("trusted", "valid")
    assert both(monkeypatch, data + b"\0", sound[1]).status not in ("trusted", "valid")
    for place in range(0, len(store), len(store) // 40):
        changed = bytearray(data)
        changed[start + length - len(store) + place] ^= 1
        both(monkeypatch, bytes(changed), sound[1])


def test_a_manifest_of_another_file_does_not_count(sound, monkeypatch, tmp_path):
    data = signed(monkeypatch, sound, in_pieces=True)
    store, _ = large_file.embedded_store(io.BytesIO(data), sound[1])
    name = {v: k for k, v in KINDS.items()}[sound[1]]
    other = rendered_sound.file(tmp_path / "other", name, melody(1.0, seed=5)).read_bytes()
    out = io.BytesIO()
    large_file._way_for(io.BytesIO(other), sound[1])[0](io.BytesIO(other), out, store)
    assert both(monkeypatch, out.getvalue(), sound[1]).status == "invalid"


def test_what_is_hidden_beside_the_manifest_is_left_to_the_library(sound, monkeypatch):
    data = signed(monkeypatch, sound, in_pieces=True)
    if sound[1] == "audio/wav":
        more = data + b"C2PA" + struct.pack("<I", 4) + b"more"
        more = more[:4] + struct.pack("<I", len(more) - 8) + more[8:]
        assert large_file.embedded_store(io.BytesIO(more), sound[1]) is None
    else:
        assert large_file.embedded_store(io.BytesIO(b"ID3\3" + data[4:]), sound[1]) is None
    assert large_file.embedded_store(io.BytesIO(sound[0]), sound[1]) is None


@pytest.mark.parametrize("in_pieces", [True, False])
def test_the_history_is_carried_along(sound, in_pieces, monkeypatch):
    data = signed(monkeypatch, sound, in_pieces=in_pieces)
    parent = Parent(data, sound[1], "before")
    again = signed(monkeypatch, sound, in_pieces=in_pieces, parent=parent)
    finding = both(monkeypatch, again, sound[1])
    assert finding.status == "trusted"
    assert finding.digital_source_type.endswith("/trainedAlgorithmicMedia")
    assert "ingredient.manifest.validated@ingredient" in finding.codes


def test_a_parent_by_a_stranger_makes_it_no_worse_than_the_library_says(sound, monkeypatch):
    stranger = Signer.from_pem(STRANGER.chain, STRANGER.key)
    data = signed(monkeypatch, sound, in_pieces=True, signer=stranger)
    parent = Parent(data, sound[1], "before")
    for in_pieces in (True, False):
        again = signed(monkeypatch, sound, in_pieces=in_pieces, parent=parent)
        assert both(monkeypatch, again, sound[1]).status in ("trusted", "valid")


# What else stands in a tag


def seven(number):
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def tagged(version, *frames, flags=0, padding=0):
    """An ID3v2 tag in front of a second of sound."""
    size = seven if version == 4 else (lambda n: n.to_bytes(4, "big"))
    content = b"".join(kind + size(len(data)) + b"\0\0" + data for kind, data in frames)
    content += bytes(padding)
    return b"ID3" + bytes((version, 0, flags)) + seven(len(content)) + content


@pytest.fixture(scope="module")
def frames_of_sound(tmp_path_factory):
    path = rendered_sound.file(tmp_path_factory.mktemp("bare") / "a.mp3", "MP3", melody(1.0))
    data = path.read_bytes()
    return data[tag_length(data) :]


TITLE = (b"TIT2", b"\0" + b"A title" * 30)  # longer than seven bits count
COVER = (b"APIC", b"\0image/png\0\3\0" + bytes(range(256)) * 3)


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("padding", [0, 700])
def test_what_is_in_the_tag_stays(frames_of_sound, version, padding, monkeypatch):
    sound = tagged(version, TITLE, COVER, padding=padding) + frames_of_sound, "audio/mpeg"
    data = signed(monkeypatch, sound, in_pieces=True)
    assert both(monkeypatch, data, sound[1]).status == "trusted"
    assert data.count(TITLE[1]) == data.count(COVER[1]) == data.count(b"application/c2pa") == 1
    assert data.endswith(frames_of_sound)
    again = signed(monkeypatch, (data, sound[1]), in_pieces=True, title="again" * 9)
    assert both(monkeypatch, again, sound[1]).status == "trusted"
    assert again.count(TITLE[1]) == again.count(b"application/c2pa") == 1 or len(again) > len(data)


@pytest.mark.parametrize(
    "tag",
    [
        tagged(2, (b"TT2\0", b"x")),
        tagged(4, TITLE, flags=0x80),
        tagged(4, TITLE, flags=0x40),
        b"ID3\4\0\0" + seven(500) + b"TIT2" + seven(5000) + b"\0\0" + bytes(490),
        b"ID3\4\0\0" + seven(500) + b"TIT2\xff\xff\xff\xff" + bytes(492),
        b"ID3\4\0\0" + seven(1 << 27),
        b"ID3\3\0\0" + seven(12) + b"\1\2\3\4" + bytes(8),
    ],
)
def test_a_tag_in_another_form_is_left_to_the_library(tag, frames_of_sound):
    assert large_file.tag_with(io.BytesIO(tag + frames_of_sound), b"place") is None
    assert large_file.store_in_tag(io.BytesIO(tag + frames_of_sound)) is None


def test_two_manifests_in_a_tag_are_left_to_the_library(frames_of_sound):
    one = (b"GEOB", b"\3application/c2pa\0c2pa\0manifest\0store")
    found = large_file.store_in_tag(io.BytesIO(tagged(4, TITLE, one) + frames_of_sound))
    assert found is not None
    assert found[0] == b"store"
    two = tagged(4, one, TITLE, one) + frames_of_sound
    assert large_file.store_in_tag(io.BytesIO(two)) is None
