"""Examining files whose content is not decoded: manifest and labels, and what was not looked at."""

import io
import json
import time

import jsonschema
import pytest

from tests import rendered_files
from tests.rendered_files import MADE, extension
from waarmerk import MarkingKey, detect_file
from waarmerk.detection.file import detect_bytes
from waarmerk.detection.other_file import manifest_of
from waarmerk.detection.reasons import (
    MAY_BE_TEXT,
    NOT_DECODED,
    OTHER_KIND,
    TEXT_INSIDE,
    VIDEO_NOT_READ,
)
from waarmerk.detection.report import json_schema
from waarmerk.errors import InputError
from waarmerk.files import mark_file
from waarmerk.marking.certificate import make_test_chain
from waarmerk.marking.formats import DOCUMENTS, FORMATS, UNKNOWN, VIDEOS
from waarmerk.marking.signer import Signer

VALIDATOR = jsonschema.Draft202012Validator(json_schema())
CHAIN = make_test_chain()
SIGNER = Signer.from_pem(CHAIN.chain, CHAIN.key)
KEY = MarkingKey(bytes(range(32)), created="2026-01-01T00:00:00Z")
OTHERS = [name for name in MADE if not FORMATS.get(name, UNKNOWN).decoded]


def reason(name):
    if name in VIDEOS:
        return VIDEO_NOT_READ
    if name in DOCUMENTS:
        return TEXT_INSIDE
    return NOT_DECODED if name in ("HEIC", "JXL", "SVG") else OTHER_KIND


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("way", ["file", "bytes"])
def test_the_report_says_what_was_not_looked_at(tmp_path, name, way):
    path = rendered_files.file(tmp_path, name)
    keys = [KEY]
    if way == "file":
        report = detect_file(path, keys)
    else:
        report = detect_bytes(path.read_bytes(), path.name, keys)
    VALIDATOR.validate(json.loads(report.to_json()))
    assert report.verdict == "none_found"
    (watermark,) = report.watermarks
    assert watermark.status == "not_checked"
    assert watermark.reason == reason(name)
    assert reason(name) in report.summary["en"]
    assert "(" in report.summary["nl"]
    assert [m.status for m in report.manifests] == ["absent"]
    assert [label.status for label in report.labels] == ["not_found"]
    assert report.input.media_type == FORMATS.get(name, UNKNOWN).media_type


@pytest.mark.parametrize("name", OTHERS)
def test_the_manifest_is_read_also_from_bytes(tmp_path, name):
    source = rendered_files.file(tmp_path, name)
    target = tmp_path / f"b{extension(name)}"
    why = None if name in DOCUMENTS else "a test"
    mark_file(source, target, signer=SIGNER, no_watermark=why)
    actual = FORMATS.get(name, UNKNOWN)
    report = detect_file(target, trust=(CHAIN.root,))
    assert report.verdict == "generated"
    assert report.manifests[0].status == "trusted"
    alone = detect_bytes(target.read_bytes(), target.name, trust=(CHAIN.root,))
    assert alone.manifests[0].status == ("trusted" if actual.embeds else "absent")


def test_the_manifest_of_another_file_is_noted_or_counts_against_it(tmp_path):
    one = rendered_files.file(tmp_path, "WEBM")
    target = tmp_path / "b.webm"
    mark_file(one, target, signer=SIGNER, no_watermark="a test")
    store = (tmp_path / "b.webm.c2pa").read_bytes()
    other = tmp_path / "c.webm"
    other.write_bytes(one.read_bytes() + b"x")
    (tmp_path / "c.c2pa").write_bytes(store)
    report = detect_file(other)
    assert report.manifests[0].status == "absent"
    assert report.notes == ("c.c2pa lies beside the file, and is not about it",)
    (tmp_path / "c.webm.c2pa").write_bytes(store)
    assert detect_file(other).manifests[0].status == "invalid"


def test_a_picture_has_what_lies_beside_it_looked_at(tmp_path):
    source = rendered_files.file(tmp_path, "BMP")
    target = tmp_path / "b.bmp"
    mark_file(source, target, signer=SIGNER, no_watermark="a test")
    report = detect_file(target, KEY, (CHAIN.root,))
    assert report.manifests[0].status == "trusted"
    assert report.manifests[0].sidecar == "b.bmp.c2pa"


def test_labels_are_read(tmp_path):
    source = rendered_files.file(tmp_path, "MP4")
    target = tmp_path / "b.mp4"
    mark_file(source, target, signer=SIGNER, no_watermark="a test", kind="altered")
    labels = detect_file(target).labels
    assert ("iptc.digitalsourcetype", "altered") in [(s.standard, s.kind) for s in labels]
    mark_file(source, tmp_path / "c.mp4", signer=SIGNER, no_watermark="a test", label=False)
    assert [s.status for s in detect_file(tmp_path / "c.mp4").labels] == ["not_found"]


def test_what_may_be_a_text_is_told(tmp_path):
    path = tmp_path / "readme"
    path.write_text("This is a text without a name.")
    report = detect_file(path)
    assert report.notes == (MAY_BE_TEXT,)
    assert "herkennen" in report.summary["nl"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.png", b"{}"),
        ("a.mp4", b"%PDF-1.7"),
        ("a.svg", b"not a drawing"),
        ("a.pdf", b"\0" * 50),
        ("a.txt", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3"),
        ("a.heic", b"\0\0\0\x10ftypisom\0\0\0\0"),
    ],
)
def test_a_wrong_name_is_refused(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    for examine in (lambda: detect_file(path), lambda: detect_bytes(data, name)):
        with pytest.raises(InputError, match=r"is named .* but its content is"):
            examine()


def test_an_empty_file_is_an_error(tmp_path):
    (tmp_path / "a.bin").touch()
    with pytest.raises(InputError, match="is empty"):
        detect_file(tmp_path / "a.bin")
    with pytest.raises(InputError, match="is empty"):
        detect_bytes(b"", "a.bin")


def test_a_broken_trust_file_is_an_error_for_every_kind(tmp_path):
    for name in ("WEBM", "MP4", "anything"):
        path = rendered_files.file(tmp_path, name)
        with pytest.raises(InputError, match="none"):
            detect_file(path, trust=(tmp_path / "none.pem",))


@pytest.mark.parametrize("name", OTHERS)
def test_a_cut_off_file_takes_no_time_and_has_a_report_or_an_error(tmp_path, name):
    whole = rendered_files.file(tmp_path, name).read_bytes()
    for length in (1, 9, 40, len(whole) // 2, len(whole) - 3):
        start = time.process_time()
        try:
            report = detect_bytes(whole[:length], "x")
            assert report.verdict in ("none_found", "claimed")
        except InputError:
            pass
        assert time.process_time() - start < 2.0


def test_a_store_of_a_stream_is_the_same_as_of_bytes(tmp_path):
    path = rendered_files.file(tmp_path, "MP4")
    target = tmp_path / "b.mp4"
    mark_file(path, target, signer=SIGNER, no_watermark="a test")
    data = target.read_bytes()
    one, _ = manifest_of(data, FORMATS["MP4"], (CHAIN.root,), None)
    other, _ = manifest_of(io.BytesIO(data), FORMATS["MP4"], (CHAIN.root,), None)
    assert one == other
