"""Real sound files with real marks: what outlives what, and what the report makes of it."""

import json
import shutil
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from tests import rendered_sound
from tests.rendered_sound import RATE, melody
from waarmerk import MarkId, MarkingKey, detect_file, mark_file
from waarmerk.detection.report import DetectionReport, json_schema
from waarmerk.marking.certificate import make_test_chain
from waarmerk.marking.signer import Signer
from waarmerk.marking.sound import open_sound
from waarmerk.marking.source import identify

VALIDATOR = jsonschema.Draft202012Validator(json_schema())
KEY = MarkingKey(bytes(range(32)), created="2026-01-01T00:00:00Z")
CHAIN = make_test_chain()
SIGNER = Signer.from_pem(CHAIN.chain, CHAIN.key)
ID, OTHER_ID = MarkId.from_hex("0123456789abcdef"), MarkId.from_hex("0fedcba987654321")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    plain = rendered_sound.file(folder / "plain.wav", "WAV", melody(8.0))
    for name in ("both.wav", "both.mp3", "both.ogg"):
        mark_file(plain, folder / name, KEY, signer=SIGNER, mark_id=ID)
    mark_file(plain, folder / "other.ogg", KEY, signer=SIGNER, mark_id=OTHER_ID)
    return folder


def samples_of(path: Path) -> np.ndarray:
    with open_sound(path, identify(path), path.name) as reader:
        samples = np.concatenate(list(reader.blocks())).astype(np.float32)
        return samples / 32768 if reader.facts.dtype == "int16" else samples


def examined(path: Path) -> DetectionReport:
    report = detect_file(path, KEY, (CHAIN.root,))
    VALIDATOR.validate(json.loads(report.to_json()))
    return report


@pytest.mark.parametrize("name", ["MP3", "M4A", "OGG", "OPUS"])
@pytest.mark.parametrize("source", ["both.wav", "both.mp3"])
def test_the_watermark_outlives_the_manifest(
    folder: Path, source: str, name: str, tmp_path: Path
) -> None:
    path = rendered_sound.file(tmp_path / "again", name, samples_of(folder / source))
    report = examined(path)
    assert report.verdict == "generated"
    assert report.basis == ("watermark",)
    assert report.watermarks[0].mark_id == ID
    assert report.manifests[0].status == "absent"


def test_a_passage_is_enough(folder: Path, tmp_path: Path) -> None:
    samples = samples_of(folder / "both.wav")[int(1.7 * RATE) : int(6.9 * RATE)]
    report = examined(rendered_sound.file(tmp_path / "part.flac", "FLAC", samples))
    assert report.verdict in ("generated", "marked")
    assert report.basis == ("watermark",)


@pytest.mark.parametrize("name", ["both.wav", "both.mp3", "both.ogg"])
def test_a_broken_manifest_does_not_hide_the_watermark(
    folder: Path, name: str, tmp_path: Path
) -> None:
    data = bytearray((folder / name).read_bytes())
    place = len(data) // 2
    data[place] ^= 1
    (tmp_path / name).write_bytes(data)
    if name == "both.ogg":
        shutil.copy(folder / "both.ogg.c2pa", tmp_path)
    report = examined(tmp_path / name)
    assert report.manifests[0].status == "invalid"
    assert (report.verdict, report.conflict) == ("inconsistent", "moved")
    assert report.basis == ("watermark", "manifest")
    assert "a watermark was found that says that AI generated this content" in report.summary["en"]
    assert "not valid" in report.summary["en"]


def test_the_manifest_of_another_sound_does_not_fit(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "both.ogg", tmp_path / "a.ogg")
    shutil.copy(folder / "other.ogg.c2pa", tmp_path / "a.ogg.c2pa")
    report = examined(tmp_path / "a.ogg")
    assert report.manifests[0].status == "invalid"
    assert report.watermarks[0].mark_id == ID
    assert (report.verdict, report.conflict) == ("inconsistent", "moved")
    assert report.watermark_says == "generated"


def test_a_file_that_lost_its_sidecar_still_has_its_watermark(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "both.ogg", tmp_path / "renamed.ogg")
    report = examined(tmp_path / "renamed.ogg")
    assert report.basis == ("watermark",)
    assert "none lies beside it" in report.summary["en"]


def test_without_the_key_the_manifest_still_speaks(folder: Path) -> None:
    for name in ("both.wav", "both.ogg"):
        report = detect_file(folder / name, (), (CHAIN.root,))
        assert report.verdict == "generated"
        assert report.basis == ("manifest",)
