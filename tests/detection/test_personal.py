"""Personal data from metadata: left out of the JSON, the summary and the lines unless asked for."""

import json
import time

import jsonschema
import pytest

from waarmerk.detection.finding import Ingredient, LabelFinding, ManifestFinding, WatermarkFinding
from waarmerk.detection.personal import without_contacts
from waarmerk.detection.plain import lines
from waarmerk.detection.report import DetectionReport, json_schema
from waarmerk.marking.report import FileFacts

INPUT = FileFacts("photo.jpg", "ab" * 32, 12345, "image/jpeg")
LABEL = LabelFinding(
    "found",
    "generator.automatic1111",
    "Steps: 20, by ann.o'neil@example.com",
    kind="generated",
    system="webui of ann@example.com",
    carrier="PNG text ann@example.com",
    details=(("place", "52.370216, 4.895168"), ("ann@example.com", "x")),
    personal=(("prompt", "my daughter Roos at school"), ("author", "Ann O'Neil")),
)
MANIFEST = ManifestFinding(
    "valid",
    signer="Ann <ann@example.com>",
    digital_source_type="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
    codes=("com.example.ann@example.com",),
    soft_bindings=(("com.example.1", "ann@example.com"),),
    reason="of ann@example.com",
    generator="Tool (ann@example.com)",
    ingredients=(Ingredient("parentOf", 1, "intact", None, "ann@example.com", "Roos in bed.jpg"),),
)
WATERMARK = WatermarkFinding(
    "not_checked", "waarmerk.image.1", reason="cannot read ann@example.com"
)
SECRETS = ("ann@", "o'neil", "O'Neil", "Roos", "52.370216")


def shown(*, include_personal: bool) -> tuple[dict[str, object], str]:
    report = DetectionReport.conclude(
        INPUT,
        [WATERMARK, MANIFEST, LABEL],
        notes=["ann@example.com lies beside the file"],
        include_personal=include_personal,
    )
    data = report.as_dict()
    jsonschema.Draft202012Validator(json_schema()).validate(json.loads(report.to_json()))
    return data, "\n".join([report.to_json(), *report.summary.values(), *lines(report, 100)])


def test_nothing_personal_is_shown() -> None:
    _, text = shown(include_personal=False)
    for secret in SECRETS:
        assert secret not in text
    assert "e-mail address left out" in text
    assert "place left out" in text


def test_personal_data_is_shown_when_asked_for() -> None:
    data, text = shown(include_personal=True)
    for secret in SECRETS:
        assert secret in text
    findings = data["findings"]
    assert isinstance(findings, list)
    assert findings[2]["personal"] == dict(LABEL.personal)
    assert findings[1]["ingredients"][0]["title"] == "Roos in bed.jpg"


def test_the_findings_themselves_hold_none() -> None:
    report = DetectionReport.conclude(INPUT, [MANIFEST, LABEL])
    assert report.labels[0].personal == ()
    assert report.manifests[0].ingredients[0].title is None


def test_the_verdict_is_the_same() -> None:
    assert shown(include_personal=True)[0]["verdict"] == shown(include_personal=False)[0]["verdict"]


@pytest.mark.parametrize(
    "text",
    [
        "ann@example.com",
        "mailto:ann%40example.com",
        "Ann.O'Neil+x@mail.example.co.uk",
        "ünï@exämple.nl",
        "tel:+31 20 123 45 67",
        "geo:52.37,4.89",
        "+52.3702+004.8952/",
        "+52.3702+004.8952+012.3/",
        "52.370216, 4.895168",
        "-33.856784;151.215297",
        "52° 22' 12.7\" N",
        "52 deg 22' 12.78\"",
        "52,22.212N",
        "52,22,12N",
    ],
)
def test_forms_that_are_left_out(text: str) -> None:
    left = without_contacts(f"before {text} after")
    assert "left out]" in left
    assert text not in left
    assert left.startswith("before ")
    assert left.endswith(" after")


@pytest.mark.parametrize(
    "text",
    [
        "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
        "assertion.dataHash.mismatch@ingredient",
        "signingCredential.trusted",
        "2026-11-22T10:00:00+01:00",
        "0123456789abcdef",
        "waarmerk 0.1.0, c2pa-rs/0.91.1",
        "Stable Diffusion XL 1.0, steps 20, CFG 7.5",
        "urn:c2pa:1f0a7f9c-0000-4000-8000-000000000000:acme",
        "1024,768",
    ],
)
def test_what_is_not_personal_stays(text: str) -> None:
    assert without_contacts(text) == text


@pytest.mark.parametrize(
    "piece", ["a", "@", "a@", "a.", "1", "1.1111,", "+52", "52° ", "tel:1", "%40"]
)
def test_hostile_text_takes_no_time(piece: str) -> None:
    start = time.perf_counter()
    assert len(without_contacts(piece * 200_000)) < 200_000
    assert time.perf_counter() - start < 1.0
