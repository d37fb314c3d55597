"""What findings mean together: every row of the table in verdict.py, and its policies."""

import itertools

import pytest

from waarmerk.detection.finding import LabelFinding, ManifestFinding, WatermarkFinding
from waarmerk.detection.verdict import Conclusion, conclude
from waarmerk.marking.payload import MarkId

SCHEME = "waarmerk.image.1"
IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED = IPTC + "trainedAlgorithmicMedia"
ALTERED = IPTC + "compositeWithTrainedAlgorithmicMedia"
CAMERA = IPTC + "digitalCapture"
SCREEN = IPTC + "screenCapture"
ID_GENERATED = MarkId.from_hex("0123456789abcdef")
ID_OTHER = MarkId.from_hex("0fedcba987654321")
ID_ALTERED = MarkId.from_hex("8123456789abcdef")


def watermark(mark_id: MarkId | None = ID_GENERATED, scheme: str = SCHEME) -> WatermarkFinding:
    return WatermarkFinding(
        "found", scheme, key_id="0011223344556677", log10_p=-30.0, mark_id=mark_id
    )


def manifest(
    status: str = "trusted",
    source: str | None = GENERATED,
    bound: MarkId | str | None = None,
    codes: tuple[str, ...] = (),
    alg: str = SCHEME,
) -> ManifestFinding:
    value = bound.hex if isinstance(bound, MarkId) else bound
    return ManifestFinding(
        status,  # type: ignore[arg-type]
        signer="Example",
        digital_source_type=source,
        codes=codes,
        soft_bindings=() if value is None else ((alg, value),),
    )


NOT_FOUND = WatermarkFinding("not_found", SCHEME, log10_p=-0.2)
NOT_CHECKED = WatermarkFinding("not_checked", SCHEME, reason="no key was given")
FAILED = WatermarkFinding("error", SCHEME, reason="broke")
ABSENT = ManifestFinding("absent")
BROKEN = ("assertion.dataHash.mismatch", "claimSignature.validated")
EXPIRED = ("signingCredential.expired",)
LABEL = LabelFinding("found", "iptc.digitalsourcetype", GENERATED)
CAMERA_LABEL = LabelFinding("found", "iptc.digitalsourcetype", CAMERA)
AIGC_1 = LabelFinding("found", "aigc", "1")
AIGC_2 = LabelFinding("found", "aigc", "2")

CASES = {
    # nothing, or nothing that was looked at
    "nothing at all": ([], Conclusion("none_found")),
    "nothing found": ([NOT_FOUND, ABSENT], Conclusion("none_found")),
    "nothing checked": ([NOT_CHECKED, ABSENT], Conclusion("none_found")),
    "a failed check is not a mark": ([FAILED, ABSENT], Conclusion("none_found")),
    # one layer
    "watermark, generated": ([watermark(), ABSENT], Conclusion("generated", ("watermark",))),
    "watermark, altered": (
        [watermark(ID_ALTERED), ABSENT],
        Conclusion("altered", ("watermark",)),
    ),
    "watermark, unread": ([watermark(None), ABSENT], Conclusion("marked", ("watermark",))),
    "trusted manifest": ([NOT_FOUND, manifest()], Conclusion("generated", ("manifest",))),
    "valid manifest": ([NOT_FOUND, manifest("valid")], Conclusion("generated", ("manifest",))),
    "manifest, altered": (
        [NOT_CHECKED, manifest(source=ALTERED)],
        Conclusion("altered", ("manifest",)),
    ),
    "manifest of a camera": ([NOT_FOUND, manifest(source=CAMERA)], Conclusion("none_found")),
    "manifest without a source": ([NOT_FOUND, manifest(source=None)], Conclusion("none_found")),
    "manifest names a watermark that was not found": (
        [NOT_FOUND, manifest(source=None, bound=ID_GENERATED)],
        Conclusion("none_found"),
    ),
    # two layers that agree
    "both, bound together": (
        [watermark(), manifest(bound=ID_GENERATED)],
        Conclusion("generated", ("watermark", "manifest")),
    ),
    "both, bound, in capitals": (
        [watermark(), manifest(bound="0123456789ABCDEF")],
        Conclusion("generated", ("watermark", "manifest")),
    ),
    "both, altered": (
        [watermark(ID_ALTERED), manifest("valid", ALTERED, ID_ALTERED)],
        Conclusion("altered", ("watermark", "manifest")),
    ),
    "both, unbound": (
        [watermark(), manifest()],
        Conclusion("generated", ("watermark", "manifest")),
    ),
    "unread watermark, manifest says it": (
        [watermark(None), manifest(bound=ID_GENERATED)],
        Conclusion("generated", ("watermark", "manifest")),
    ),
    "generated first, edited with AI later": (
        [watermark(), manifest(source=ALTERED)],
        Conclusion("generated", ("watermark", "manifest")),
    ),
    "manifest says nothing about AI": (
        [watermark(), manifest(source=None)],
        Conclusion("generated", ("watermark",)),
    ),
    "camera under an authority nobody knows": (
        [watermark(), manifest(source="http://example.com/digitalCapture")],
        Conclusion("generated", ("watermark",)),
    ),
    "screen capture of something generated": (
        [watermark(), manifest(source=SCREEN)],
        Conclusion("generated", ("watermark",)),
    ),
    "binding of another watermark's scheme": (
        [watermark(), manifest(bound="2*1100101", alg="com.adobe.trustmark.P")],
        Conclusion("generated", ("watermark", "manifest")),
    ),
    "scheme under a reverse domain": (
        [watermark(), manifest(bound=ID_OTHER, alg="org.example." + SCHEME)],
        Conclusion("inconsistent", ("watermark", "manifest"), "binding"),
    ),
    # contradictions
    "another id is bound": (
        [watermark(), manifest(bound=ID_OTHER)],
        Conclusion("inconsistent", ("watermark", "manifest"), "binding"),
    ),
    "another id is bound, signer unknown": (
        [watermark(), manifest("valid", bound=ID_OTHER)],
        Conclusion("inconsistent", ("watermark", "manifest"), "binding"),
    ),
    "same act, other kind": (
        [watermark(), manifest(source=ALTERED, bound=ID_GENERATED)],
        Conclusion("inconsistent", ("watermark", "manifest"), "kind"),
    ),
    "altered watermark under 'wholly generated'": (
        [watermark(ID_ALTERED), manifest()],
        Conclusion("inconsistent", ("watermark", "manifest"), "kind"),
    ),
    "watermark under a camera's manifest": (
        [watermark(), manifest(source=CAMERA)],
        Conclusion("inconsistent", ("watermark", "manifest"), "origin"),
    ),
    "unread watermark under a camera's manifest": (
        [watermark(None), manifest(source=CAMERA)],
        Conclusion("inconsistent", ("watermark", "manifest"), "origin"),
    ),
    # broken manifests
    "broken manifest never weighs against a watermark": (
        [watermark(), manifest("invalid", CAMERA, ID_OTHER, BROKEN)],
        Conclusion("generated", ("watermark",)),
    ),
    "broken manifest alone": (
        [NOT_FOUND, manifest("invalid", codes=BROKEN)],
        Conclusion("inconsistent", ("manifest",), "broken"),
    ),
    "broken signature alone": (
        [NOT_FOUND, manifest("invalid", None, codes=("claimSignature.mismatch",))],
        Conclusion("inconsistent", ("manifest",), "broken"),
    ),
    "broken manifest of a camera": (
        [NOT_FOUND, manifest("invalid", CAMERA, codes=BROKEN)],
        Conclusion("inconsistent", ("manifest",), "broken"),
    ),
    "expired manifest": (
        [NOT_FOUND, manifest("invalid", codes=EXPIRED)],
        Conclusion("claimed", ("manifest",)),
    ),
    "expired manifest of a camera": (
        [NOT_FOUND, manifest("invalid", CAMERA, codes=EXPIRED)],
        Conclusion("none_found"),
    ),
    "unreadable manifest": (
        [NOT_FOUND, ManifestFinding("error", reason="invalid CBOR")],
        Conclusion("none_found"),
    ),
    # recovered manifests
    "recovered with its watermark": (
        [watermark(), manifest("recovered", bound=ID_GENERATED)],
        Conclusion("generated", ("watermark", "manifest")),
    ),
    "recovered, of another watermark": (
        [watermark(), manifest("recovered", bound=ID_OTHER)],
        Conclusion("inconsistent", ("watermark", "manifest"), "binding"),
    ),
    "recovered, alone": (
        [NOT_FOUND, manifest("recovered", bound=ID_GENERATED)],
        Conclusion("claimed", ("manifest",)),
    ),
    # labels
    "label alone": ([NOT_FOUND, ABSENT, LABEL], Conclusion("claimed", ("label",))),
    "AIGC label alone": ([NOT_FOUND, ABSENT, AIGC_1], Conclusion("claimed", ("label",))),
    "AIGC label that only suspects": ([NOT_FOUND, ABSENT, AIGC_2], Conclusion("none_found")),
    "label of a camera": ([NOT_FOUND, ABSENT, CAMERA_LABEL], Conclusion("none_found")),
    "label never contradicts": (
        [watermark(), ABSENT, CAMERA_LABEL],
        Conclusion("generated", ("watermark",)),
    ),
    "label adds nothing to proof": (
        [watermark(), ABSENT, LABEL],
        Conclusion("generated", ("watermark",)),
    ),
    "expired manifest and label": (
        [manifest("invalid", codes=EXPIRED), LABEL],
        Conclusion("claimed", ("manifest", "label")),
    ),
    # several marks
    "two watermarks, one bound": (
        [watermark(), watermark(ID_OTHER), manifest(bound=ID_OTHER)],
        Conclusion("generated", ("watermark", "manifest")),
    ),
    "two watermarks, both kinds": (
        [watermark(), watermark(ID_ALTERED)],
        Conclusion("generated", ("watermark",)),
    ),
    "a watermark of another scheme is not bound": (
        [watermark(scheme="waarmerk.audio.1"), manifest(bound=ID_OTHER)],
        Conclusion("generated", ("watermark", "manifest")),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_verdict(case: str) -> None:
    findings, expected = CASES[case]
    assert conclude(findings) == expected


@pytest.mark.parametrize("case", CASES)
def test_order_does_not_matter(case: str) -> None:
    findings, expected = CASES[case]
    for order in itertools.permutations(findings):
        assert conclude(order) == expected


@pytest.mark.parametrize("source", [GENERATED, ALTERED, CAMERA, SCREEN, None])
@pytest.mark.parametrize("status", ["trusted", "valid", "invalid", "recovered", "absent", "error"])
@pytest.mark.parametrize("bound", [None, ID_GENERATED, ID_OTHER])
@pytest.mark.parametrize("mark", [ID_GENERATED, ID_ALTERED, None])
def test_a_watermark_is_never_talked_away(
    mark: MarkId | None, bound: MarkId | None, status: str, source: str | None
) -> None:
    """Whatever manifest is put on top of a marked picture, some mark is still reported."""
    for codes in ((), BROKEN, EXPIRED):
        conclusion = conclude([watermark(mark), manifest(status, source, bound, codes)])
        assert conclusion.verdict not in ("none_found", "claimed")
        assert "watermark" in conclusion.basis
        if status in ("invalid", "absent", "error"):
            assert conclusion == conclude([watermark(mark)])


def test_conflict_is_given_only_when_inconsistent() -> None:
    for findings, _ in CASES.values():
        conclusion = conclude(findings)
        assert (conclusion.conflict is not None) == (conclusion.verdict == "inconsistent")
        assert bool(conclusion.basis) == (conclusion.verdict != "none_found")
