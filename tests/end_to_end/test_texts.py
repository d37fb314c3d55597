"""Texts from the model that writes them to the report: both layers, and what becomes of them."""

import jsonschema
import pytest

from waarmerk import MarkId, MarkingKey, Signer, detect_file, mark_file
from waarmerk.detection.report import json_schema
from waarmerk.detection.text import look_with
from waarmerk.marking.certificate import write_test_chain
from waarmerk.marking.text import SynthID, TextMark, generate
from waarmerk.ngram import DemoModel, human_text

MARK = MarkId.from_hex("0123456789abcdef")


@pytest.fixture(scope="module")
def model():
    return DemoModel.train()


@pytest.fixture(scope="module")
def signed(tmp_path_factory, model):
    """A folder with a text that a model wrote under a key, and its signed copy."""
    folder = tmp_path_factory.mktemp("texts")
    # The same key in every run: where a passage seems to end is a matter of chance.
    key = MarkingKey(bytes(range(32)), created="2026-01-01T00:00:00Z")
    files = write_test_chain(folder / "key.json")
    ids = generate(
        model.logits, model.encode("Call me"), TextMark(key, MARK), max_tokens=900, rng=1
    )
    (folder / "answer.txt").write_text(model.decode(ids), encoding="utf-8")
    signer = Signer.from_files(files.chain, files.key)
    mark_file(folder / "answer.txt", folder / "marked.txt", key, signer=signer)
    return folder, key


def examined(path, key, model, trust=()):
    report = detect_file(path, (), trust, look=look_with([TextMark(key)], model))
    jsonschema.validate(report.as_dict(), json_schema())
    return report


def test_a_marked_text_has_both_layers(signed, model):
    folder, key = signed
    report = examined(folder / "marked.txt", key, model, [folder / "key.root.pem"])
    assert report.verdict == "generated"
    assert set(report.basis) == {"watermark", "manifest"}
    watermark, manifest = report.findings[:2]
    assert watermark.mark_id == MARK
    assert manifest.status == "trusted"
    assert "of the text" in report.summary["en"]
    assert "van de tekst" in report.summary["nl"]


def test_the_watermark_is_left_where_the_manifest_is_cleaned_away(signed, model):
    folder, key = signed
    text = (folder / "marked.txt").read_text(encoding="utf-8")
    (folder / "cleaned.txt").write_text("".join(c for c in text if c < "\ufe00"))
    report = examined(folder / "cleaned.txt", key, model)
    assert report.verdict == "generated"
    assert report.basis == ("watermark",)
    assert report.findings[1].status == "absent"


def test_a_passage_in_a_humans_text_is_named_by_its_characters(signed, model):
    folder, key = signed
    answer = (folder / "answer.txt").read_text(encoding="utf-8")
    human = human_text()
    (folder / "mixed.txt").write_text(human[:4000] + answer[:1500] + human[4000:9000])
    (passage,) = examined(folder / "mixed.txt", key, model).findings[0].segments
    assert abs(passage.first - 4000) < 200
    assert abs(passage.last - 5500) < 200


def test_a_humans_text_has_neither(signed, model):
    folder, key = signed
    (folder / "human.txt").write_text(human_text()[:20_000])
    report = examined(folder / "human.txt", key, model)
    assert report.verdict == "none_found"
    assert "human" not in report.summary["en"]


def test_marks_of_others_say_generated_and_name_no_id(signed, model):
    folder, _ = signed
    scheme = SynthID(range(1, 31))
    ids = generate(model.logits, model.encode("Call me"), scheme, max_tokens=300, rng=2)
    (folder / "theirs.md").write_text(model.decode(ids))
    report = detect_file(folder / "theirs.md", look=look_with([scheme], model))
    jsonschema.validate(report.as_dict(), json_schema())
    assert report.verdict == "generated"
    assert "id unreadable" not in report.summary["en"]
    short = detect_file(folder / "theirs.md", look=look_with([scheme, TextMark(
        MarkingKey.generate())], model, min_tokens=1000))  # fmt: skip
    jsonschema.validate(short.as_dict(), json_schema())
    assert short.findings[0].reason.startswith("too short")
    assert "te kort" in short.summary["nl"]
