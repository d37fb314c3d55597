"""What findings mean together: every row of the table in verdict.py, and its policies."""

import itertools

import pytest

from waarmerk.detection.finding import (
    Ingredient,
    LabelFinding,
    ManifestFinding,
    WatermarkFinding,
)
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
KEY = "0011223344556677"
OTHER_KEY = "7766554433221100"


def watermark(
    mark_id: MarkId | None = ID_GENERATED, scheme: str = SCHEME, key: str | None = KEY
) -> WatermarkFinding:
    return WatermarkFinding("found", scheme, key_id=key, log10_p=-30.0, mark_id=mark_id)


def manifest(
    status: str = "trusted",
    source: str | None = GENERATED,
    bound: MarkId | str | None = None,
    codes: tuple[str, ...] = (),
    *,
    alg: str = SCHEME,
    key: str | None = None,
    signals: tuple[str, ...] = (),
    ingredients: tuple[Ingredient, ...] = (),
) -> ManifestFinding:
    value = bound.hex if isinstance(bound, MarkId) else bound
    return ManifestFinding(
        status,  # type: ignore[arg-type]
        signer="Example",
        digital_source_type=source,
        codes=codes,
        soft_bindings=() if value is None else ((alg, value),),
        bound_keys=() if key is None else ((alg, key),),
        signals=signals,
        ingredients=ingredients,
    )


def ingredient(
    relationship: str = "componentOf",
    status: str = "intact",
    source: str | None = GENERATED,
    depth: int = 1,
) -> ManifestFinding:
    """Return the manifest of a drawing with one ingredient."""
    part = Ingredient(relationship, depth, status, source)  # type: ignore[arg-type]
    return manifest(source=IPTC + "digitalCreation", ingredients=(part,))


def inconsistent(conflict: str, says: str | None = "generated") -> Conclusion:
    return Conclusion(
        "inconsistent",
        ("watermark", "manifest"),
        conflict,  # type: ignore[arg-type]
        watermark_says=says,  # type: ignore[arg-type]
    )


NOT_FOUND = WatermarkFinding("not_found", SCHEME, log10_p=-0.2)
NOT_CHECKED = WatermarkFinding("not_checked", SCHEME, reason="no key was given")
FAILED = WatermarkFinding("error", SCHEME, reason="broke")
ABSENT = ManifestFinding("absent")
BROKEN = ("assertion.dataHash.mismatch", "claimSignature.validated")
EXPIRED = ("signingCredential.expired",)
LABEL = LabelFinding("found", "iptc.digitalsourcetype", GENERATED, kind="generated")
CAMERA_LABEL = LabelFinding("found", "iptc.digitalsourcetype", CAMERA)
AIGC_1 = LabelFinding("found", "aigc", "1", kind="generated")
AIGC_2 = LabelFinding("found", "aigc", "2")
PUBLIC = WatermarkFinding(
    "found", "imwatermark.sdxl", log10_p=-9.0, kind="generated", system="SDXL", public=True
)
COMPONENT = "component:inception:signal_fullyGenAIMedia"

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
        inconsistent("binding"),
    ),
    # contradictions
    "another id is bound": (
        [watermark(), manifest(bound=ID_OTHER)],
        inconsistent("binding"),
    ),
    "another id is bound, signer unknown": (
        [watermark(), manifest("valid", bound=ID_OTHER)],
        inconsistent("binding"),
    ),
    "same act, other kind": (
        [watermark(), manifest(source=ALTERED, bound=ID_GENERATED)],
        inconsistent("kind"),
    ),
    "altered watermark under 'wholly generated'": (
        [watermark(ID_ALTERED), manifest()],
        inconsistent("kind", "altered"),
    ),
    "watermark under a camera's manifest": (
        [watermark(), manifest(source=CAMERA)],
        inconsistent("origin"),
    ),
    "unread watermark under a camera's manifest": (
        [watermark(None), manifest(source=CAMERA)],
        inconsistent("origin", None),
    ),
    # broken manifests
    "a manifest for other bytes": (
        [watermark(), manifest("invalid", CAMERA, ID_OTHER, BROKEN)],
        inconsistent("moved"),
    ),
    "a manifest for other bytes that names the watermark": (
        [watermark(), manifest("invalid", bound=ID_GENERATED, codes=BROKEN)],
        inconsistent("moved"),
    ),
    "a manifest for other bytes, altered": (
        [watermark(ID_ALTERED), manifest("invalid", None, codes=("assertion.bmffHash.mismatch",))],
        inconsistent("moved", "altered"),
    ),
    "a manifest for other bytes, unread": (
        [watermark(None), manifest("invalid", None, codes=("assertion.boxesHash.mismatch",))],
        inconsistent("moved", None),
    ),
    "a forged manifest says nothing about the bytes": (
        [watermark(), manifest("invalid", CAMERA, ID_OTHER, ("claimSignature.mismatch",))],
        Conclusion("generated", ("watermark",)),
    ),
    "an ingredient's broken hash is not the file's": (
        [watermark(), manifest(codes=("assertion.dataHash.mismatch@ingredient",))],
        Conclusion("generated", ("watermark", "manifest")),
    ),
    "an expired manifest beside a watermark": (
        [watermark(), manifest("invalid", CAMERA, codes=EXPIRED)],
        Conclusion("generated", ("watermark",)),
    ),
    # keys that manifests name
    "the key is the one that is named": (
        [watermark(), manifest(bound=ID_GENERATED, key=KEY)],
        Conclusion("generated", ("watermark", "manifest")),
    ),
    "another key is named, same id": (
        [watermark(), manifest(bound=ID_GENERATED, key=OTHER_KEY)],
        inconsistent("key"),
    ),
    "another key is named, other id": (
        [watermark(), manifest("valid", None, ID_OTHER, key=OTHER_KEY)],
        inconsistent("key"),
    ),
    "another key is named, unread": (
        [watermark(None), manifest("valid", None, ID_OTHER, key=OTHER_KEY)],
        inconsistent("key", None),
    ),
    "another key is named for another scheme": (
        [watermark(), manifest(bound=ID_OTHER, key=OTHER_KEY, alg="waarmerk.audio.1")],
        Conclusion("generated", ("watermark", "manifest")),
    ),
    "a mark without a key": (
        [watermark(key=None), manifest(bound=ID_GENERATED, key=OTHER_KEY)],
        Conclusion("generated", ("watermark", "manifest")),
    ),
    "marked by two keys, one named": (
        [watermark(ID_OTHER, key=OTHER_KEY), watermark(), manifest(bound=ID_GENERATED, key=KEY)],
        Conclusion("generated", ("watermark", "manifest")),
    ),
    "a named watermark that nobody found": (
        [NOT_FOUND, manifest(bound=ID_GENERATED, key=OTHER_KEY)],
        Conclusion("generated", ("manifest",)),
    ),
    # parts
    "an AI part": (
        [NOT_FOUND, ingredient()],
        Conclusion("altered", ("manifest",), part=True),
    ),
    "an AI part, by its signal": (
        [NOT_FOUND, manifest(source=None, signals=(COMPONENT,))],
        Conclusion("altered", ("manifest",), part=True),
    ),
    "an edited part": (
        [NOT_FOUND, ingredient(source=ALTERED)],
        Conclusion("altered", ("manifest",), part=True),
    ),
    "an AI part of a part": (
        [NOT_FOUND, ingredient(depth=2)],
        Conclusion("altered", ("manifest",), part=True),
    ),
    "an AI input is no part": ([NOT_FOUND, ingredient("inputTo")], Conclusion("none_found")),
    "an AI input, by its signal": (
        [NOT_FOUND, manifest(source=None, signals=("input:inception:signal_fullyGenAIMedia",))],
        Conclusion("none_found"),
    ),
    "a part of an input": (
        [
            NOT_FOUND,
            manifest(
                source=None,
                ingredients=(
                    Ingredient("inputTo", 1, "intact"),
                    Ingredient("componentOf", 2, "intact", GENERATED),
                ),
            ),
        ],
        Conclusion("none_found"),
    ),
    "a broken AI part": ([NOT_FOUND, ingredient(status="broken")], Conclusion("none_found")),
    "signals that are none": (
        [NOT_FOUND, manifest(source=None, signals=("", ":", "component", "component:", "x:y:z"))],
        Conclusion("none_found"),
    ),
    "a part that may be AI": (
        [
            NOT_FOUND,
            manifest(
                source=None, signals=("component:inception:signal_compositionMayContainGenAI",)
            ),
        ],
        Conclusion("none_found"),
    ),
    "a camera's part": ([NOT_FOUND, ingredient(source=CAMERA)], Conclusion("none_found")),
    "an AI part and its watermark": (
        [watermark(), ingredient()],
        Conclusion("generated", ("watermark", "manifest")),
    ),
    "an AI part and a watermark that cannot be read": (
        [watermark(None), ingredient()],
        Conclusion("altered", ("watermark", "manifest")),
    ),
    "an AI part in an expired manifest": (
        [manifest("invalid", None, codes=EXPIRED, signals=(COMPONENT,))],
        Conclusion("claimed", ("manifest",)),
    ),
    # public watermarks
    "a public watermark": ([NOT_FOUND, PUBLIC], Conclusion("claimed", ("watermark",))),
    "a public watermark and a label": (
        [PUBLIC, LABEL],
        Conclusion("claimed", ("watermark", "label")),
    ),
    "a public watermark that says nothing": (
        [WatermarkFinding("found", "imwatermark.bits", log10_p=-9.0, public=True)],
        Conclusion("none_found"),
    ),
    "a public watermark contradicts no camera": (
        [PUBLIC, manifest(source=CAMERA)],
        Conclusion("claimed", ("watermark",)),
    ),
    "a public watermark adds nothing to proof": (
        [PUBLIC, watermark(ID_ALTERED)],
        Conclusion("altered", ("watermark",)),
    ),
    "a public watermark does not explain a broken manifest": (
        [PUBLIC, manifest("invalid", codes=BROKEN)],
        Conclusion("inconsistent", ("manifest",), "broken"),
    ),
    "a box that was not signed": (
        [NOT_FOUND, manifest("invalid", codes=("assertion.boxesHash.unknownBox",))],
        Conclusion("inconsistent", ("manifest",), "broken"),
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
        Conclusion("generated", ("watermark",)),
    ),
    "recovered, of another watermark": (
        [watermark(), manifest("recovered", bound=ID_OTHER)],
        inconsistent("binding"),
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
        if conclusion.verdict == "inconsistent":
            kind = None if mark is None else mark.kind
            assert conclusion.watermark_says == kind
        if status in ("absent", "error") or (status == "invalid" and codes != BROKEN):
            assert conclusion == conclude([watermark(mark)])
        if status == "invalid" and codes == BROKEN:
            assert conclusion.conflict == "moved"


def test_conflict_is_given_only_when_inconsistent() -> None:
    for findings, _ in CASES.values():
        conclusion = conclude(findings)
        assert (conclusion.conflict is not None) == (conclusion.verdict == "inconsistent")
        assert bool(conclusion.basis) == (conclusion.verdict != "none_found")


def test_the_most_telling_of_several_conflicts_is_given() -> None:
    moved = manifest("invalid", codes=BROKEN)
    camera = manifest(source=CAMERA)
    other = manifest(bound=ID_OTHER)
    foreign = manifest(bound=ID_OTHER, key=OTHER_KEY)
    for given, expected in (
        ((moved, camera), "origin"),
        ((moved, camera, other), "binding"),
        ((foreign, moved, other), "key"),
    ):
        for order in itertools.permutations((watermark(), *given)):
            assert conclude(order).conflict == expected


def test_a_label_decides_by_its_kind_alone() -> None:
    for value in (GENERATED, "1", "https://schema.org/TrainedAlgorithmicMediaDigitalSource"):
        for standard in ("iptc.digitalsourcetype", "aigc", "schema.org.digitalsourcetype"):
            assert conclude([LabelFinding("found", standard, value)]).verdict == "none_found"
    for kind in ("generated", "altered"):
        label = LabelFinding("found", "generator.comfyui", "prompt", kind=kind)  # type: ignore[arg-type]
        assert conclude([label]) == Conclusion("claimed", ("label",))
