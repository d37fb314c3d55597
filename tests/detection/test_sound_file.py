"""From a sound file to its report: time, tempo and pitch, manifests beside it, damage."""

import hashlib
import json
import shutil
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from tests import rendered_sound
from tests.rendered_sound import RATE, melody
from waarmerk import MarkId, MarkingKey, detect_audio, detect_file, mark_audio, mark_file
from waarmerk.detection.file import detect_bytes
from waarmerk.detection.plain import lines
from waarmerk.detection.report import DetectionReport, json_schema
from waarmerk.errors import InputError
from waarmerk.marking.certificate import make_test_chain
from waarmerk.marking.formats import SOUNDS
from waarmerk.marking.signer import Signer

VALIDATOR = jsonschema.Draft202012Validator(json_schema())
KEY = MarkingKey(bytes(range(32)), created="2026-01-01T00:00:00Z")
OTHER = MarkingKey(bytes(range(1, 33)), created="2026-01-01T00:00:00Z")
ID = MarkId.from_hex("0123456789abcdef")
CHAIN = make_test_chain()
SIGNER = Signer.from_pem(CHAIN.chain, CHAIN.key)
EXTENSION = {name: f.extensions[0] for name, f in SOUNDS.items()}


@pytest.fixture(scope="module")
def marked() -> np.ndarray:
    return mark_audio(melody(8.0), RATE, KEY, mark_id=ID).content


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a signed Ogg file and its manifest."""
    folder = tmp_path_factory.mktemp("signed")
    source = rendered_sound.file(folder / "voice.wav", "WAV", melody(8.0))
    mark_file(source, folder / "voice.ogg", KEY, signer=SIGNER, mark_id=ID)
    return folder


def checked(report: DetectionReport) -> DetectionReport:
    VALIDATOR.validate(json.loads(report.to_json()))
    for text in report.summary.values():
        assert "picture" not in text
        assert "afbeelding" not in text
    return report


@pytest.mark.parametrize("name", SOUNDS)
def test_every_format(name: str, marked: np.ndarray, tmp_path: Path) -> None:
    path = rendered_sound.file(tmp_path / f"sound{EXTENSION[name]}", name, marked)
    data = path.read_bytes()
    report = checked(detect_file(path, [OTHER, KEY]))
    assert report.input.as_dict() == {
        "name": path.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "media_type": SOUNDS[name].media_type,
    }
    assert report.verdict == "generated"
    assert report.basis == ("watermark",)
    finding = report.as_dict()["findings"][0]
    assert finding["key_id"] == KEY.key_id
    assert finding["mark_id"] == ID.hex
    assert finding["geometry"] == {"tempo": 1.0, "pitch": 1.0}
    (segment,) = finding["segments"]
    assert segment["start"] < 1.5
    assert segment["end"] > 6.5
    assert report.manifests[0].status == "absent"
    assert detect_bytes(data, path.name, [KEY]).watermarks == detect_file(path, [KEY]).watermarks


def test_where_in_time_and_how_changed_is_said(marked: np.ndarray, tmp_path: Path) -> None:
    places = np.arange(0.0, len(marked) - 1, 1.06)
    faster = np.interp(places, np.arange(len(marked)), marked[:, 0]).astype(np.float32)
    path = rendered_sound.file(tmp_path / "fast.wav", "WAV", faster[:, None])
    report = checked(detect_file(path, KEY))
    geometry = report.watermarks[0].geometry
    assert geometry is not None
    assert geometry.tempo == pytest.approx(1.06, abs=0.01)
    assert geometry.pitch == pytest.approx(1.06, abs=0.02)
    assert " faster and " in report.summary["en"]
    assert " sneller en " in report.summary["nl"]
    assert "of the sound" in report.summary["en"]
    text = "\n".join(lines(report))
    assert "tempo 1.0" in text
    assert "pitch 1.0" in text
    quick = checked(detect_file(path, KEY, effort="fast"))
    assert quick.watermarks[0].status == "not_found"
    assert quick.watermarks[0].reason is not None
    assert "changed speed" in quick.watermarks[0].reason
    assert "tempo or pitch was changed was not searched for" in quick.summary["en"]
    assert "toonhoogte is veranderd is niet gezocht" in quick.summary["nl"]


def test_a_marked_passage_is_located(marked: np.ndarray, tmp_path: Path) -> None:
    around = melody(8.0, RATE, 1, 7)
    path = rendered_sound.file(
        tmp_path / "a.flac", "FLAC", np.concatenate([around, marked, around])
    )
    (segment,) = checked(detect_file(path, KEY)).watermarks[0].segments
    assert segment.start == pytest.approx(8.0, abs=1.5)
    assert segment.end == pytest.approx(16.0, abs=1.5)


def test_arrays_and_files_agree(marked: np.ndarray, tmp_path: Path) -> None:
    path = rendered_sound.file(tmp_path / "a.wav", "WAV", marked, sample="float32")
    assert detect_audio(marked, RATE, KEY) == detect_file(path, KEY).watermarks[0]


def test_another_key_and_no_key(marked: np.ndarray, tmp_path: Path) -> None:
    path = rendered_sound.file(tmp_path / "a.mp3", "MP3", marked)
    report = checked(detect_file(path, OTHER))
    assert report.verdict == "none_found"
    assert report.as_dict()["findings"][0]["key_id"] is None
    report = checked(detect_file(path))
    assert report.watermarks[0].status == "not_checked"
    assert "not checked for (no key was given)" in report.summary["en"]


def test_a_sound_too_short_to_look_at_is_unreadable(tmp_path: Path) -> None:
    path = rendered_sound.file(tmp_path / "a.wav", "WAV", melody(0.1))
    report = checked(detect_file(path, KEY))
    assert report.watermarks[0].status == "unreadable"


# Manifests beside the file


def copied(signed: Path, folder: Path, *names: str) -> None:
    for name, new in zip(("voice.ogg", "voice.ogg.c2pa"), names, strict=False):
        shutil.copy(signed / name, folder / new)


@pytest.mark.parametrize("beside", ["a.ogg.c2pa", "a.c2pa"])
def test_the_manifest_beside_the_file_is_found(beside: str, signed: Path, tmp_path: Path) -> None:
    copied(signed, tmp_path, "a.ogg", beside)
    report = checked(detect_file(tmp_path / "a.ogg", KEY, (CHAIN.root,)))
    assert report.basis == ("watermark", "manifest")
    assert report.manifests[0].status == "trusted"
    assert report.as_dict()["findings"][1]["sidecar"] == beside
    assert f"“{beside}” beside the file" in report.summary["en"]
    assert f"“{beside}” naast het bestand" in report.summary["nl"]
    assert f"in {beside} beside the file" in " ".join(" ".join(lines(report)).split())


def test_a_missing_sidecar_is_told(signed: Path, tmp_path: Path) -> None:
    copied(signed, tmp_path, "a.ogg")
    report = checked(detect_file(tmp_path / "a.ogg", KEY))
    assert report.basis == ("watermark",)
    assert report.manifests[0].status == "absent"
    assert "none lies beside it" in report.summary["en"]
    assert "er ligt er geen naast" in report.summary["nl"]


def test_a_sidecar_that_does_not_fit(signed: Path, tmp_path: Path) -> None:
    rendered_sound.file(tmp_path / "b.ogg", "OGG", melody(3.0))
    shutil.copy(signed / "voice.ogg.c2pa", tmp_path / "b.ogg.c2pa")
    report = checked(detect_file(tmp_path / "b.ogg", KEY, (CHAIN.root,)))
    assert report.manifests[0].status == "invalid"
    assert report.verdict == "inconsistent"
    (tmp_path / "b.ogg.c2pa").rename(tmp_path / "b.c2pa")  # which may mean another b
    report = checked(detect_file(tmp_path / "b.ogg", KEY, (CHAIN.root,)))
    assert report.manifests[0].status == "absent"
    assert report.verdict == "none_found"
    assert "b.c2pa lies beside the file, and is not about it" in report.summary["en"]
    assert "b.c2pa ligt naast het bestand, en gaat er niet over" in report.summary["nl"]


def test_a_sidecar_full_of_nonsense_is_an_error_of_the_manifest_only(
    signed: Path, tmp_path: Path
) -> None:
    copied(signed, tmp_path, "a.ogg")
    (tmp_path / "a.ogg.c2pa").write_bytes(b"nonsense" * 100)
    report = checked(detect_file(tmp_path / "a.ogg", KEY))
    assert report.verdict == "generated"
    assert report.manifests[0].status in ("error", "not_checked", "invalid")


def test_a_manifest_in_the_file_counts_before_one_beside_it(signed: Path, tmp_path: Path) -> None:
    mark_file(signed / "voice.wav", tmp_path / "a.mp3", KEY, signer=SIGNER)
    shutil.copy(signed / "voice.ogg.c2pa", tmp_path / "a.mp3.c2pa")
    manifest = detect_file(tmp_path / "a.mp3", KEY, (CHAIN.root,)).manifests[0]
    assert manifest.status == "trusted"
    assert manifest.sidecar is None


# Damage


@pytest.mark.parametrize("name", ["WAV", "FLAC", "MP3", "OGG", "OPUS"])
def test_what_is_left_of_a_cut_off_sound_is_looked_at_and_that_is_said(
    name: str, marked: np.ndarray, tmp_path: Path
) -> None:
    path = rendered_sound.file(tmp_path / f"a{EXTENSION[name]}", name, marked)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.8)])
    report = checked(detect_file(path, KEY))
    assert report.watermarks[0].found
    assert "s of it could be looked at" in report.summary["en"]
    assert "s ervan kon worden bekeken" in report.summary["nl"]


def test_what_cannot_be_decoded_has_no_report(tmp_path: Path) -> None:
    path = rendered_sound.file(tmp_path / "a.m4a", "M4A")
    path.write_bytes(path.read_bytes()[:500])
    for keys in ((), (KEY,)):
        with pytest.raises(InputError, match=r"a\.m4a"):
            detect_file(path, keys)


def test_a_broken_trust_file_is_an_error(signed: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.pem"):
        detect_file(signed / "voice.ogg", trust=[signed / "absent.pem"])


def test_the_file_is_left_alone(signed: Path, tmp_path: Path) -> None:
    copied(signed, tmp_path, "a.ogg", "a.ogg.c2pa")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    detect_file(tmp_path / "a.ogg", KEY)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
