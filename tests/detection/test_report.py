"""The report: its JSON against the published schema, its summaries against their rules."""

import dataclasses
import itertools
import json
import math
import re
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waarmerk.detection.finding import (
    Finding,
    Geometry,
    Ingredient,
    LabelFinding,
    ManifestFinding,
    WatermarkFinding,
)
from waarmerk.detection.manifest.store import _REASONS
from waarmerk.detection.plain import lines
from waarmerk.detection.report import DetectionReport, json_schema
from waarmerk.detection.summary import NO_KEY, bound, printable
from waarmerk.marking.payload import MarkId
from waarmerk.marking.report import FileFacts

SCHEME = "waarmerk.image.1"
IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED = IPTC + "trainedAlgorithmicMedia"
CAMERA = IPTC + "digitalCapture"
MARK_ID = MarkId.from_hex("0123456789abcdef")
KEY_ID = "0011223344556677"
INPUT = FileFacts("out.png", "ab" * 32, 12345, "image/png")
VALIDATOR = jsonschema.Draft202012Validator(
    json_schema(), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)

FOUND = WatermarkFinding(
    "found", SCHEME, key_id=KEY_ID, log10_p=-42.0, mark_id=MARK_ID, geometry=Geometry()
)
WATERMARKS = [
    FOUND,
    WatermarkFinding("found", SCHEME, key_id=KEY_ID, log10_p=-9.3),
    WatermarkFinding("not_found", SCHEME, log10_p=-0.4),
    WatermarkFinding("not_checked", SCHEME, reason=NO_KEY),
    WatermarkFinding("unreadable", SCHEME, reason="too small"),
    WatermarkFinding("error", SCHEME, reason="a bug"),
    WatermarkFinding(
        "found", "imwatermark.sdxl", log10_p=-9.0, kind="generated", system="SDXL", public=True
    ),
]
PART = Ingredient("componentOf", 1, "intact", GENERATED, "Acme", "a.png")
INPUT_OF_MODEL = Ingredient("inputTo", 2, "broken", None)
MANIFESTS = [
    ManifestFinding(
        status,  # type: ignore[arg-type]
        signer=signer,
        digital_source_type=source,
        codes=codes,
        soft_bindings=((SCHEME, MARK_ID.hex),) if signer else (),
        reason="why" if status in ("error", "not_checked", "invalid") else None,
    )
    for status in ("trusted", "valid", "invalid", "recovered", "absent", "error", "not_checked")
    for signer in ("Example “Signer”", None)
    for source in (GENERATED, CAMERA, None)
    for codes in ((), ("assertion.dataHash.mismatch",))
]
MANIFESTS += [
    ManifestFinding(
        status,  # type: ignore[arg-type]
        signer="Example",
        digital_source_type=source,
        soft_bindings=((SCHEME, "0fedcba987654321"),),
        bound_keys=((SCHEME, key),),
        signals=(
            "component:inception:signal_fullyGenAIMedia",
            "transformation:signal_nonEditorial",
        ),
        ingredients=(PART, INPUT_OF_MODEL),
        generator="Tool 1.0",
        signed_at="2026-11-22T10:00:00Z",
        trust_list="a list",
    )
    for status in ("trusted", "valid", "invalid", "recovered")
    for source in (CAMERA, None)
    for key in (KEY_ID, "7766554433221100")
]
LABELS = [
    LabelFinding(
        "found",
        "iptc.digitalsourcetype",
        GENERATED,
        kind="generated",
        system="Tool",
        carrier="XMP",
        details=(("version", "1.0"),),
        personal=(("prompt", "x"),),
    ),
    LabelFinding("found", "c2pa.remote-manifest", "https://example.com/a.c2pa"),
    LabelFinding("not_found"),
    LabelFinding("not_checked", reason="nobody asked"),
    LabelFinding("unreadable", "aigc", reason="not JSON"),
    LabelFinding("error", reason="a bug"),
]
# Every watermark with every manifest; the labels take turns.
ALL = [
    [*pair, label]
    for pair, label in zip(
        itertools.product(WATERMARKS, MANIFESTS), itertools.cycle(LABELS), strict=False
    )
]


def report(*findings: Finding, fully: bool = True) -> DetectionReport:
    return DetectionReport.conclude(INPUT, findings, searched_fully=fully)


def test_the_schema_itself_is_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_every_report_follows_the_schema() -> None:
    for findings in ALL:
        one = report(*findings)
        VALIDATOR.validate(json.loads(one.to_json()))


def test_every_report_with_personal_data_follows_the_schema() -> None:
    for findings in ALL[::7]:
        one = DetectionReport.conclude(INPUT, findings, include_personal=True)
        VALIDATOR.validate(json.loads(one.to_json()))


def test_the_conflict_is_in_the_json_of_an_inconsistent_report() -> None:
    moved = ManifestFinding("invalid", codes=("assertion.dataHash.mismatch",))
    data = report(FOUND, moved).as_dict()
    assert (data["verdict"], data["conflict"]) == ("inconsistent", "moved")
    VALIDATOR.validate(data)
    del data["conflict"]
    assert not VALIDATOR.is_valid(data)
    assert "conflict" not in report(FOUND).as_dict()
    assert not VALIDATOR.is_valid(report(FOUND).as_dict() | {"conflict": "moved"})


def test_json_is_the_one_of_the_design() -> None:
    label = LabelFinding("found", "iptc.digitalsourcetype", GENERATED)
    manifest = ManifestFinding(
        "trusted", signer="Example", digital_source_type=GENERATED, codes=("a.b",)
    )
    moment = datetime(2026, 11, 21, 22, 30, 5, 999, tzinfo=timezone(timedelta(hours=1)))
    one = DetectionReport.conclude(INPUT, [FOUND, manifest, label], now=moment)
    data = json.loads(one.to_json())
    summary = data.pop("summary")
    version = data["detector"].pop("version")
    assert set(summary) == {"en", "nl"}
    assert version == one.version
    assert data == {
        "schema": "waarmerk.detection/1",
        "input": {
            "name": "out.png",
            "sha256": "ab" * 32,
            "size": 12345,
            "media_type": "image/png",
        },
        "verdict": "generated",
        "basis": ["watermark", "manifest"],
        "findings": [
            {
                "layer": "watermark",
                "status": "found",
                "scheme": SCHEME,
                "key_id": KEY_ID,
                "p_value": 1e-42,
                "log10_p": -42.0,
                "mark_id": MARK_ID.hex,
                "kind": "generated",
                "geometry": {"scale": 1.0, "rotation": 0.0, "mirrored": False},
            },
            {
                "layer": "manifest",
                "status": "trusted",
                "signer": "Example",
                "digital_source_type": GENERATED,
                "codes": ["a.b"],
            },
            {
                "layer": "label",
                "status": "found",
                "standard": "iptc.digitalsourcetype",
                "value": GENERATED,
            },
        ],
        "detector": {"name": "waarmerk"},
        "time": "2026-11-21T21:30:05Z",
    }
    assert list(json.loads(one.to_json())) == [
        "schema", "input", "verdict", "basis", "summary", "findings", "detector", "time",
    ]  # fmt: skip


def test_json_is_one_line_of_ascii_unless_indented() -> None:
    one = report(FOUND, ManifestFinding("valid", signer="Jörg\n\u202e"))
    assert one.to_json().isascii()
    assert "\n" not in one.to_json()
    assert json.loads(one.to_json(indent=2)) == json.loads(one.to_json())


def test_a_name_that_is_no_unicode_still_makes_json() -> None:
    name = b"caf\xe9.png".decode("utf-8", "surrogateescape")
    examined = dataclasses.replace(INPUT, name=name)
    data = json.loads(DetectionReport.conclude(examined, [FOUND]).to_json())
    assert data["input"]["name"] == "caf\ufffd.png"
    VALIDATOR.validate(data)


def test_a_p_value_is_never_zero() -> None:
    for log10_p in (-300.0, -320.0, -5000.0, -math.inf):
        finding = dataclasses.replace(FOUND, log10_p=log10_p, p_value=None)
        data = report(finding).as_dict()["findings"][0]
        assert data["p_value"] > 0
        assert data["p_value"] >= 10.0**log10_p
    assert WatermarkFinding("found", SCHEME, log10_p=-5000.0).p_value == 0.0


def test_a_bound_above_one_is_written_as_one() -> None:
    data = WatermarkFinding("not_found", SCHEME, log10_p=3.5).as_dict()
    assert (data["p_value"], data["log10_p"]) == (1.0, 0.0)


def test_geometry_names_aspect_only_when_there_is_some() -> None:
    assert "aspect" not in Geometry(0.5, 5.0, True).as_dict()
    assert Geometry(0.5, 5.0, True, 1.1).as_dict() == {
        "scale": 0.5,
        "rotation": 5.0,
        "mirrored": True,
        "aspect": 1.1,
    }


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "real"},
        {"verdict": "none_found"},
        {"basis": []},
        {"findings": []},
        {"extra": 1},
        {"summary": {"en": "only English"}},
        {"time": "yesterday"},
        {"input": {"name": "x", "sha256": "AB", "size": 1, "media_type": "image/png"}},
    ],
    ids=str,
)
def test_the_schema_refuses_what_is_wrong(change: dict[str, object]) -> None:
    data = report(FOUND, ManifestFinding("absent")).as_dict()
    VALIDATOR.validate(data)
    assert not VALIDATOR.is_valid(data | change)


@pytest.mark.parametrize(
    "change",
    [
        {"p_value": 0},
        {"p_value": None},
        {"log10_p": 1.0},
        {"key_id": None},
        {"mark_id": "0x12"},
        {"status": "probably"},
        {"status": "not_checked"},
        {"layer": "hunch"},
    ],
    ids=str,
)
def test_the_schema_refuses_wrong_findings(change: dict[str, object]) -> None:
    data = report(FOUND).as_dict()
    data["findings"][0] |= change
    assert not VALIDATOR.is_valid(data)


# --- summaries ---

# Words that would turn "no mark" into a statement about who made it.
OVERCLAIMS = re.compile(
    r"\b(human|person|people|authentic|genuine|real|clean|original|not generated|not AI|"
    r"menselijk\w*|mensen|mens|echt|authentiek|origineel|niet gegenereerd|schoon)\b",
    re.IGNORECASE,
)


def test_no_summary_overclaims() -> None:
    for findings, fully in itertools.product(ALL, (True, False)):
        for text in report(*findings, fully=fully).summary.values():
            assert not OVERCLAIMS.search(text), text


def test_none_found_says_that_this_says_nothing() -> None:
    for findings in ALL:
        one = report(*findings)
        if one.verdict == "none_found":
            assert "says nothing about how the content was made" in one.summary["en"]
            assert "zegt niets over hoe de inhoud is gemaakt" in one.summary["nl"]


def test_every_layer_that_was_not_checked_is_named() -> None:
    for findings in ALL:
        summary = report(*findings).summary
        missing = sum(finding.status == "not_checked" for finding in findings)
        assert summary["en"].count("were not checked") == missing
        assert summary["nl"].count("niet gecontroleerd") == missing


def test_fast_search_is_said_when_it_found_nothing() -> None:
    nothing = WatermarkFinding("not_found", SCHEME, log10_p=-0.4)
    assert "fast search" not in report(nothing).summary["en"]
    assert "fast search" in report(nothing, fully=False).summary["en"]
    assert "snelle zoekactie" in report(nothing, fully=False).summary["nl"]
    assert "fast search" not in report(FOUND, fully=False).summary["en"]


def test_a_public_watermark_is_said_to_prove_nothing() -> None:
    one = report(WATERMARKS[-1])
    assert one.verdict == "claimed"
    english, dutch = one.summary["en"], one.summary["nl"]
    for text in (english, dutch):
        assert "“SDXL”" in text
        assert "1.0e-9" in text
    assert "anyone can write it" in english
    assert "an estimate and not proven" in english
    assert "is at most" not in english
    assert "iedereen kan het aanbrengen" in dutch
    assert "een schatting is en niet bewezen" in dutch


def test_a_recovered_manifest_is_said_not_to_have_been_compared() -> None:
    one = report(FOUND, ManifestFinding("recovered", "Acme", GENERATED))
    assert one.basis == ("watermark",)
    assert "was not compared" in one.summary["en"]
    assert "no given trust list knows its signer" in one.summary["en"]
    assert "is niet vergeleken" in one.summary["nl"]
    known = ("signingCredential.trusted",)
    two = report(FOUND, ManifestFinding("recovered", "Acme", GENERATED, known))
    assert "its signer is vouched for by a given trust list" in two.summary["en"]
    assert "staat in voor de ondertekenaar" in two.summary["nl"]


@pytest.mark.parametrize(
    ("findings", "english", "dutch"),
    [
        (
            [FOUND, ManifestFinding("valid", "A", soft_bindings=((SCHEME, MARK_ID.hex),))],
            "names the watermark that was found",
            "noemt het watermerk dat is gevonden",
        ),
        (
            [FOUND, ManifestFinding("valid", "A", GENERATED)],
            "nothing ties the two together",
            "niets verbindt die twee",
        ),
        (
            [WATERMARKS[2], ManifestFinding("valid", "A", soft_bindings=((SCHEME, MARK_ID.hex),))],
            "it may be lost, or be of a key that was not given",
            "het kan verloren zijn",
        ),
        (
            [WATERMARKS[3], ManifestFinding("valid", "A", soft_bindings=((SCHEME, MARK_ID.hex),))],
            "names a watermark, which was not looked for",
            "waarnaar niet is gezocht",
        ),
        (
            [FOUND, dataclasses.replace(FOUND, mark_id=MarkId.from_hex("0fedcba987654321"))],
            "The watermarks have different ids",
            "verschillende nummers",
        ),
        (
            [ManifestFinding("trusted", "A", ingredients=(PART,), trust_list="My list")],
            "a part of the content was made with AI",
            "een deel van de inhoud met AI is gemaakt",
        ),
        (
            [ManifestFinding("trusted", "A", ingredients=(PART,), trust_list="My list")],
            "the trust list “My list”",
            "de vertrouwenslijst “My list”",
        ),
        (
            [ManifestFinding("trusted", "A", ingredients=(INPUT_OF_MODEL,))],
            "has a manifest that does not hold",
            "een manifest dat niet klopt",
        ),
        (
            [ManifestFinding("trusted", "A", signed_at="2026-11-22T10:00:00Z", generator="Tool")],
            "signed no later than 2026-11-22T10:00:00Z",
            "uiterlijk op 2026-11-22T10:00:00Z",
        ),
        (
            [
                ManifestFinding(
                    "trusted", "A", signals=("inception:signal_compositionMayContainGenAI",)
                )
            ],
            "leaves open whether AI was used",
            "laat open of AI is gebruikt",
        ),
        (
            [LABELS[0]],
            "(iptc.digitalsourcetype, XMP) reads “trainedAlgorithmicMedia”, which says generated "
            "by AI; it names “Tool”.",
            "wat betekent: door AI gegenereerd; het noemt “Tool”.",
        ),
        ([LABELS[1]], "which was not fetched", "niet is opgehaald"),
        ([LABELS[0]] * 14, "There are 2 more unsigned labels.", "nog 2 niet-ondertekende labels"),
        ([LABELS[0]] * 13, "There is one more unsigned label.", "nog één niet-ondertekend label"),
    ],
)
def test_sentences(findings: list[Finding], english: str, dutch: str) -> None:
    summary = report(*findings).summary
    assert english in summary["en"]
    assert dutch in summary["nl"]


def test_a_broken_manifest_tells_nothing_of_what_it_says() -> None:
    one = report(ManifestFinding("invalid", "Acme", GENERATED, generator="Tool 1.0"))
    for text in one.summary.values():
        assert "Acme" not in text
        assert "Tool" not in text


def test_both_languages_give_the_facts() -> None:
    one = report(FOUND, ManifestFinding("valid", signer="Acme", digital_source_type=GENERATED))
    for text in one.summary.values():
        for fact in (KEY_ID, MARK_ID.hex, "1.0e-42", "Acme", SCHEME):
            assert fact in text
    assert "marked as generated by AI" in one.summary["en"]
    assert "door AI gegenereerd" in one.summary["nl"]


def test_an_unknown_signer_is_said_to_be_unknown() -> None:
    one = report(ManifestFinding("valid", signer="Acme", digital_source_type=GENERATED))
    assert "no given trust list knows the signer" in one.summary["en"]
    assert "kent de ondertekenaar" in one.summary["nl"]


def test_dutch_summaries_hold_no_english_reason() -> None:
    one = report(
        WatermarkFinding("not_checked", SCHEME, reason=NO_KEY),
        ManifestFinding("error", reason="invalid CBOR box"),
    )
    assert "no key was given" in one.summary["en"]
    assert "invalid CBOR box" in one.summary["en"]
    assert "geen sleutel opgegeven" in one.summary["nl"]
    assert "invalid CBOR box" not in one.summary["nl"]


def test_a_hostile_signer_cannot_steer_a_terminal() -> None:
    hostile = "Acme\x1b[2J\r\nverdict: none\u202e\ud800"
    one = report(ManifestFinding("valid", signer=hostile, digital_source_type=GENERATED))
    for text in (*one.summary.values(), *lines(one)):
        assert all(c.isprintable() for c in text)
    long = report(ManifestFinding("valid", signer="x" * 10**6, digital_source_type=GENERATED))
    assert len(long.summary["en"]) < 1500
    everywhere = ManifestFinding(
        "trusted", hostile, hostile, (hostile,), ((hostile, hostile),), hostile, hostile,
        (hostile,), (Ingredient(hostile, 1, "broken", hostile, hostile, hostile),),
        hostile, hostile, hostile, ((hostile, hostile),),
    )  # fmt: skip
    label = LabelFinding(
        "found", hostile, hostile, hostile, "generated", hostile, hostile, ((hostile, hostile),),
        ((hostile, hostile),),
    )  # fmt: skip
    public = WatermarkFinding("found", "a.b", log10_p=-9.0, system=hostile, public=True)
    two = DetectionReport.conclude(INPUT, [everywhere, label, public], include_personal=True)
    for text in (*two.summary.values(), *lines(two)):
        assert all(c.isprintable() for c in text)


# --- small parts ---


@given(st.text(st.characters()))
def test_printable_is_printable_and_keeps_plain_text(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    shown.encode()
    if text.isprintable():
        assert shown == text


@given(st.floats(-400, 0))
def test_a_bound_is_never_rounded_down(log10_p: float) -> None:
    shown = Fraction(bound(log10_p))
    if log10_p > -300:
        assert shown >= Fraction(10.0**log10_p) * (1 - Fraction(1, 10**9))
        assert shown <= Fraction(10.0**log10_p) * Fraction(12, 10)
    assert 0 < shown <= 1


def test_report_gives_its_findings_by_layer() -> None:
    label = LabelFinding("not_found")
    manifest = ManifestFinding("absent")
    one = report(label, manifest, FOUND)
    assert one.watermarks == (FOUND,)
    assert one.manifests == (manifest,)
    assert one.labels == (label,)
    assert one.found
    assert not report(manifest).found


def test_time_is_now_in_utc() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    time = datetime.fromisoformat(report(FOUND).time)
    assert before <= time <= datetime.now(UTC)


def test_every_reason_of_our_own_has_a_translation() -> None:
    reasons = [words for _, words in _REASONS]
    for reason in reasons:
        one = report(ManifestFinding("invalid", reason=reason))
        assert f"not valid ({reason})" in one.summary["en"]
        assert "niet geldig (" in one.summary["nl"]
