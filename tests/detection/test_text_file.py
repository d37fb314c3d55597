"""From a text file to its report: wrappers whole and broken, what lies beside it, labels."""

import hashlib
import json
import shutil
import time
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waarmerk import MarkingKey, detect_file, mark_file
from waarmerk.detection.file import detect_bytes
from waarmerk.detection.finding import LabelFinding, WatermarkFinding
from waarmerk.detection.manifest import read_manifest
from waarmerk.detection.plain import lines
from waarmerk.detection.reasons import (
    LOST_MARKER,
    NO_TOKENS,
    NONE_BESIDE,
    OTHER_PLACE,
    SEVERAL_WRAPPERS,
    TEXT_IS_FRAGILE,
    note_in_dutch,
    reason_in_dutch,
)
from waarmerk.detection.report import DetectionReport, json_schema
from waarmerk.detection.verdict import conclude
from waarmerk.errors import InputError, UnsupportedInputError
from waarmerk.marking import source
from waarmerk.marking.certificate import make_test_chain
from waarmerk.marking.formats import TEXTS
from waarmerk.marking.provenance import GENERATED
from waarmerk.marking.signer import Signer
from waarmerk.marking.text_wrapper import CORRUPTED, MULTIPLE, find_wrappers, wrapper_of

VALIDATOR = jsonschema.Draft202012Validator(json_schema())
KEY = MarkingKey(bytes(range(32)), created="2026-01-01T00:00:00Z")
CHAIN = make_test_chain()
SIGNER = Signer.from_pem(CHAIN.chain, CHAIN.key)
TEXT = "What was written, é.\n"
FRAGILE_NL = "merken in een tekstbestand zijn kwetsbaar"


@pytest.fixture(scope="module")
def marked(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("marked")
    (folder / "in.txt").write_text(TEXT, "utf-8")
    mark_file(folder / "in.txt", folder / "out.txt", KEY, signer=SIGNER)
    return (folder / "out.txt").read_bytes().decode()


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    """A folder with a page and its manifest."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "in.html").write_text("<title>x</title><p>y", "utf-8")
    mark_file(folder / "in.html", folder / "out.html", KEY, signer=SIGNER)
    return folder


def checked(report: DetectionReport) -> DetectionReport:
    VALIDATOR.validate(json.loads(report.to_json()))
    english, dutch = report.summary["en"], report.summary["nl"]
    assert TEXT_IS_FRAGILE in english
    assert FRAGILE_NL in dutch
    for word in ("human", "authentic", "clean,", "picture", "cropped", "mens"):
        assert word not in english + dutch
    assert lines(report)
    return report


def detected(text: str | bytes, name: str = "a.txt", **options) -> DetectionReport:
    data = text.encode() if isinstance(text, str) else text
    return checked(detect_bytes(data, name, (), (CHAIN.root,), **options))


def test_a_text_without_marks():
    report = detected(TEXT)
    data = TEXT.encode()
    assert report.input.as_dict() == {
        "name": "a.txt",
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "media_type": "text/plain",
    }
    assert report.verdict == "none_found"
    watermark, manifest, label, hidden = report.as_dict()["findings"]
    assert watermark["status"] == "not_checked"
    assert watermark["reason"] == NO_TOKENS
    assert manifest["status"] == "absent"
    assert (label["status"], label["standard"]) == ("not_found", None)
    assert (hidden["status"], hidden["standard"]) == ("not_found", "hidden-characters")
    assert "says nothing about how the content was made" in report.summary["en"]
    assert lines(report)[-5:-2] == [
        "  manifest   none in the file",
        "  label      not found",
        "  hidden     not found",
    ]


@pytest.mark.parametrize("name", ["a.txt", "a.text", "a.md", "a.markdown", "a.html", "a.htm"])
def test_a_wrapper_is_read_in_every_format(marked, name):
    report = detected(marked, name)
    assert report.verdict == "generated"
    assert report.manifests[0].status == "trusted"
    assert report.manifests[0].digital_source_type == GENERATED
    assert report.labels == (
        LabelFinding("not_found"),
        LabelFinding("not_found", "hidden-characters"),
    )
    assert detect_bytes(marked.encode(), name).manifests[0].status == "valid"


def test_the_effort_changes_nothing(marked):
    assert "fast" not in detected(marked, effort="fast").summary["en"]
    with pytest.raises(ValueError, match="effort"):
        detect_bytes(b"x", "a.txt", effort="slow")


def test_a_lost_marker_is_said(marked):
    report = detected(marked.replace("\ufeff", ""))
    assert report.verdict == "generated"
    assert report.manifests[0].reason == LOST_MARKER
    assert LOST_MARKER in report.summary["en"]
    assert "(U+FEFF) is verloren" in report.summary["nl"]


@pytest.mark.parametrize(
    ("change", "verdict", "status", "codes", "reason"),
    [
        (lambda t: t.replace("What", "That"), "inconsistent", "invalid",
         {"assertion.dataHash.mismatch"}, "it was signed for other bytes than these"),
        (lambda t: t + "more", "inconsistent", "invalid",
         {"assertion.dataHash.mismatch"}, "it was signed for other bytes than these"),
        (lambda t: t * 2, "claimed", "invalid", {MULTIPLE}, SEVERAL_WRAPPERS),
        (lambda t: t + wrapper_of(b"x")[:-1], "claimed", "invalid", {MULTIPLE}, SEVERAL_WRAPPERS),
        (lambda t: t[:-2000], "none_found", "error", {CORRUPTED}, "bytes are left of it"),
        (lambda t: t[:30], "none_found", "error", {CORRUPTED}, "it is cut off"),
        (lambda t: t[:25] + "x" + t[25:], "none_found", "absent", set(), None),
        (lambda t: TEXT + wrapper_of(b""), "none_found", "error", set(), ""),
        (lambda t: TEXT + wrapper_of(b"nothing"), "none_found", "error", set(), ""),
        (lambda t: TEXT + wrapper_of(b"")[:9] + "\ufe02" * 5, "none_found", "error", {CORRUPTED},
         "its version 2 is not known"),
        (lambda t: TEXT + wrapper_of(b"a") + wrapper_of(b"b"), "none_found", "invalid",
         {MULTIPLE}, SEVERAL_WRAPPERS),
    ],
)  # fmt: skip
def test_a_broken_wrapper_is_named(  # noqa: PLR0917
    marked, change, verdict, status, codes, reason
):
    report = detected(change(marked))
    assert report.verdict == verdict
    (manifest,) = report.manifests
    assert manifest.status == status
    assert codes <= set(manifest.codes)
    if reason is None:
        assert manifest.reason is None
    else:
        assert reason in (manifest.reason or "")
        if reason:
            assert reason_in_dutch(manifest.reason) is not None


def test_a_wrapper_that_was_moved_is_not_intact(marked):
    (wrapper,) = find_wrappers(marked)
    moved = marked[:4] + marked[wrapper.start :] + marked[4 : wrapper.start]
    assert detected(moved).manifests[0].status == "invalid"


def test_watermarks_are_looked_for_by_whoever_can(marked):
    seen = []

    def look(text: str) -> list[WatermarkFinding]:
        seen.append(text)
        return [
            WatermarkFinding(
                "found", "synthid.synthid-text", key_id="0" * 16, log10_p=-9.0, kind="generated"
            )
        ]

    report = detected("\ufeff" + marked, look=look)
    assert seen == [TEXT]
    assert [finding.scheme for finding in report.watermarks] == ["synthid.synthid-text"]
    # The mark in front of the text is not in what was signed.
    assert (report.verdict, report.conflict) == ("inconsistent", "moved")
    assert detected(TEXT, look=lambda _: []).watermarks[0].reason == NO_TOKENS


def test_hidden_characters_are_reported_and_decide_nothing():
    report = detected("one\u200b\u200c\u200btwo " + TEXT)
    hidden = report.labels[-1]
    assert (hidden.status, hidden.value) == ("found", "zero-width 3; at 3")
    assert report.verdict == "none_found"
    assert not report.found
    assert "hidden characters of unknown meaning (zero-width 3; at 3)" in report.summary["en"]
    assert "verborgen tekens" in report.summary["nl"]
    assert "  hidden     found: zero-width 3; at 3" in lines(report)


def test_labels_are_claims():
    report = detected(f"---\ndigitalsourcetype: {GENERATED}\n---\n# x\n", "a.md")
    assert report.verdict == "claimed"
    assert report.basis == ("label",)
    assert report.labels[0].as_dict()["value"] == GENERATED
    other = "https://schema.org/{}DigitalSource"
    for term, verdict in (("CompositeSynthetic", "claimed"), ("DigitalCapture", "none_found")):
        text = f"<meta name=digitalsourcetype content={other.format(term)}>"
        assert detected(text, "a.html").verdict == verdict
    for value, verdict in (("1", "claimed"), ("2", "none_found")):
        assert detected(f"---\nAIGC:\n  Label: {value}\n---\n", "a.md").verdict == verdict
    assert detected(f"digitalsourcetype: {GENERATED}\n").verdict == "none_found"


def test_hidden_characters_are_no_claim_whatever_their_value():
    finding = LabelFinding("found", "hidden-characters", GENERATED + "s")
    assert conclude([finding]).verdict == "none_found"


# Beside the file


def test_what_lies_beside_is_read(page, tmp_path):
    report = checked(detect_file(page / "out.html", (), (CHAIN.root,)))
    assert report.verdict == "generated"
    assert report.basis == ("manifest",)
    assert report.manifests[0].sidecar == "out.html.c2pa"
    shutil.copy(page / "out.html", tmp_path / "a.html")
    alone = checked(detect_file(tmp_path / "a.html"))
    assert alone.verdict == "claimed"
    assert alone.manifests[0].reason == NONE_BESIDE
    shutil.copy(page / "out.html.c2pa", tmp_path / "a.c2pa")
    assert detect_file(tmp_path / "a.html").manifests[0].sidecar == "a.c2pa"
    (tmp_path / "a.html").write_bytes((tmp_path / "a.html").read_bytes() + b"\n")
    other = checked(detect_file(tmp_path / "a.html"))
    assert "a.c2pa lies beside the file, and is not about it" in other.notes
    (tmp_path / "a.c2pa").rename(tmp_path / "a.html.c2pa")
    broken = checked(detect_file(tmp_path / "a.html"))
    assert broken.manifests[0].status == "invalid"
    assert broken.verdict == "inconsistent"


def test_both_are_checked_where_there_are_two(marked, page, tmp_path):
    (tmp_path / "a.txt").write_bytes(marked.encode())
    shutil.copy(page / "out.html.c2pa", tmp_path / "a.txt.c2pa")
    report = checked(detect_file(tmp_path / "a.txt"))
    assert [(m.status, m.sidecar) for m in report.manifests] == [
        ("valid", None),
        ("invalid", "a.txt.c2pa"),
    ]
    assert report.verdict == "generated"  # a broken one talks nothing away


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('<script type="application/c2pa">AAAA</script>', "a.html"),
        ("<link rel='c2pa-manifest' href=x>", "a.html"),
        ("-----BEGIN C2PA MANIFEST----- x", "a.md"),
    ],
)
def test_manifests_of_other_kinds_are_not_called_absent(text, name):
    (manifest,) = detected(text, name).manifests
    assert (manifest.status, manifest.reason) == ("not_checked", OTHER_PLACE)


# Errors


@pytest.mark.parametrize(
    ("data", "name", "error", "cause"),
    [
        (b"", "a.txt", InputError, "is empty"),
        (b"abc\xff", "a.txt", InputError, "byte 0xff at offset 3"),
        ("é".encode()[:1], "a.txt", InputError, "is cut off"),
        ("x".encode("utf-16"), "a.md", UnsupportedInputError, "UTF-16"),
        (b"a\0", "a.html", InputError, "null character"),
        (b"\x89PNG\r\n\x1a\n", "a.txt", InputError, "is named .txt but its content is PNG"),
    ],
)
def test_what_is_no_text_has_no_report(tmp_path, data, name, error, cause):
    with pytest.raises(error, match=cause):
        detect_bytes(data, name)
    (tmp_path / name).write_bytes(data)
    with pytest.raises(error, match=cause):
        detect_file(tmp_path / name)


def test_a_text_that_is_too_large_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "MAX_TEXT_BYTES", 1000)
    with pytest.raises(InputError, match="the limit is"):
        detect_bytes(b"x" * 1001, "a.txt")
    (tmp_path / "a.txt").write_bytes(b"x" * 1001)
    with pytest.raises(InputError, match="the limit is"):
        detect_file(tmp_path / "a.txt")


def test_a_page_without_a_name_is_examined(tmp_path):
    (tmp_path / "page").write_bytes(b"<!doctype html><p>x")
    report = checked(detect_file(tmp_path / "page"))
    assert report.input.media_type == "text/html"


@pytest.mark.parametrize("media_type", sorted(f.media_type for f in TEXTS.values()))
def test_what_is_no_text_cannot_be_searched(media_type):
    for data in (b"\xff", bytes(9)):
        finding = read_manifest(data, media_type)
        assert finding.status == "not_checked"
        assert finding.reason
    assert read_manifest(b"text", media_type).status == "absent"


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_nothing_that_happens_to_a_text_is_taken_for_intact(marked, data):
    edit = data.draw(st.sampled_from(["cut", "insert", "replace", "drop"]))
    at = data.draw(st.integers(0, len(marked) - 1))
    what = data.draw(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
    text = {
        "cut": marked[:at] or "x",
        "insert": marked[:at] + what + marked[at:],
        "replace": marked[:at] + what + marked[at + 1 :],
        "drop": marked[:at] + marked[at + 1 :],
    }[edit]
    report = detected(text)
    if report.manifests[0].intact:
        # Only what lies outside the signed bytes: the marker, padding, and the pad of a signature.
        (before,), (after,) = find_wrappers(marked), find_wrappers(text)
        assert text[: after.start] == marked[: before.start]
        assert text[after.run_end :] == ""


@pytest.mark.parametrize(
    "text",
    [
        "\ufe00" * 3_000_000,
        wrapper_of(b"x" * 50) * 20_000,
        "x" + wrapper_of(b"")[:9] + "\ufe01" + "\ufe0f" * 3_000_000,
        TEXT * 400_000 + wrapper_of(b"nothing"),
    ],
    ids=["selectors", "wrappers", "long", "text"],
)
def test_hostile_texts_take_no_longer_than_others(text):
    start = time.process_time()
    report = detected(text)
    assert time.process_time() - start < 30
    assert report.verdict == "none_found"


def test_everything_said_is_said_in_dutch():
    for reason in (NO_TOKENS, NONE_BESIDE, SEVERAL_WRAPPERS, OTHER_PLACE, LOST_MARKER):
        assert reason_in_dutch(reason)
    assert note_in_dutch(TEXT_IS_FRAGILE).startswith(FRAGILE_NL)
