"""Real files with real marks: what the report makes of two layers that agree, fail or differ."""

import json
from io import BytesIO
from pathlib import Path

import c2pa
import jsonschema
import pytest
from PIL import Image

from tests.rendered import soft_picture as picture
from waarmerk import MarkId, MarkingKey, detect_file, mark_file, mark_image
from waarmerk.detection.file import detect_bytes
from waarmerk.detection.report import DetectionReport, json_schema
from waarmerk.errors import CannotMarkError, SigningError, WaarmerkError
from waarmerk.marking.certificate import make_test_chain
from waarmerk.marking.manifest import ManifestContent, Signer, sign_bytes
from waarmerk.marking.provenance import offline_settings

SCHEME = "waarmerk.image.1"
VALIDATOR = jsonschema.Draft202012Validator(json_schema())
KEY = MarkingKey(bytes(range(32)), created="2026-01-01T00:00:00Z")
OTHER = MarkingKey(bytes(range(1, 33)), created="2026-01-01T00:00:00Z")
CHAIN = make_test_chain()
SIGNER = Signer.from_pem(CHAIN.chain, CHAIN.key)
TRUST = (CHAIN.root,)
ID = MarkId.from_hex("0123456789abcdef")


def jpeg(image: Image.Image, quality: int = 92) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two-layers")
    picture().save(folder / "plain.png")
    mark_file(folder / "plain.png", folder / "both.jpg", KEY, signer=SIGNER, mark_id=ID)
    return folder


@pytest.fixture(scope="module")
def watermarked() -> bytes:
    """A watermark and no manifest."""
    return jpeg(mark_image(picture(), KEY, mark_id=ID).content)


def examined(
    data: bytes, *, keys: tuple[MarkingKey, ...] = (KEY,), trust: tuple[bytes, ...] = TRUST
) -> DetectionReport:
    report = detect_bytes(data, "x.jpg", keys, trust)
    VALIDATOR.validate(json.loads(report.to_json()))
    return report


def test_two_layers_that_agree(folder: Path) -> None:
    report = detect_file(folder / "both.jpg", [KEY], TRUST)
    VALIDATOR.validate(json.loads(report.to_json()))
    assert report.verdict == "generated"
    assert report.basis == ("watermark", "manifest")
    (watermark,), (manifest,) = report.watermarks, report.manifests
    assert watermark.mark_id == ID
    assert watermark.log10_p is not None
    assert watermark.log10_p <= -9
    assert manifest.status == "trusted"
    assert (SCHEME, ID.hex) in manifest.soft_bindings
    assert manifest.digital_source_type is not None
    assert manifest.digital_source_type.endswith("/trainedAlgorithmicMedia")


def test_without_trust_the_signer_is_unknown(folder: Path) -> None:
    report = examined((folder / "both.jpg").read_bytes(), trust=())
    assert report.verdict == "generated"
    assert report.manifests[0].status == "valid"
    assert "anyone can sign" in report.summary["en"]


def test_without_the_key_the_manifest_still_speaks(folder: Path) -> None:
    data = (folder / "both.jpg").read_bytes()
    for keys in ((), (OTHER,)):
        report = examined(data, keys=keys)
        assert report.verdict == "generated"
        assert report.basis == ("manifest",)


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image,
        lambda image: image.resize((400, 320), Image.Resampling.LANCZOS),
        lambda image: image.transpose(Image.Transpose.ROTATE_90),
        lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        lambda image: image.crop((60, 40, 620, 500)),
    ],
    ids=["recompressed", "resized", "turned", "mirrored", "cropped"],
)
def test_the_watermark_outlives_the_manifest(folder: Path, change: object) -> None:
    with Image.open(folder / "both.jpg") as image:
        data = jpeg(change(image), 75)  # type: ignore[operator]
    report = examined(data)
    assert report.verdict == "generated"
    assert report.basis == ("watermark",)
    assert report.watermarks[0].mark_id == ID
    assert report.manifests[0].status == "absent"


def test_a_broken_manifest_does_not_hide_the_watermark(folder: Path) -> None:
    data = bytearray((folder / "both.jpg").read_bytes())
    data[len(data) // 2] ^= 1  # somewhere in the compressed pixels
    report = examined(bytes(data))
    assert report.manifests[0].status == "invalid"
    assert (report.verdict, report.conflict) == ("inconsistent", "moved")
    assert report.basis == ("watermark", "manifest")
    assert "a watermark was found that says that AI generated this content" in report.summary["en"]
    assert "een watermerk gevonden dat zegt dat AI deze inhoud heeft" in report.summary["nl"]
    assert "not valid" in report.summary["en"]
    assert "niet geldig" in report.summary["nl"]


def segments_of_manifest(data: bytes) -> bytes:
    """Return the APP11 segments of a JPEG, in which its manifest lies (C2PA 2.4, A.3.1)."""
    place, found = 2, b""
    while data[place] == 0xFF and data[place + 1] != 0xDA:
        length = 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        if data[place + 1] == 0xEB:
            found += data[place : place + length]
        place += length
    return found


def test_both_marks_moved_onto_another_picture_do_not_fit_together(folder: Path) -> None:
    """The copy of R24: the same watermark on other content, under the manifest it came with."""
    other = picture().transpose(Image.Transpose.ROTATE_180)
    moved = jpeg(mark_image(other, KEY, mark_id=ID).content)
    manifest = segments_of_manifest((folder / "both.jpg").read_bytes())
    assert manifest
    report = examined(moved[:2] + manifest + moved[2:])
    assert report.watermarks[0].mark_id == ID
    assert (SCHEME, ID.hex) in report.manifests[0].soft_bindings
    assert (report.verdict, report.conflict) == ("inconsistent", "moved")
    assert "copied from other content" in report.summary["en"]
    assert "van andere inhoud overgenomen" in report.summary["nl"]


def test_a_broken_manifest_alone_is_inconsistent() -> None:
    signed = bytearray(
        sign_bytes(jpeg(picture()), "image/jpeg", SIGNER, ManifestContent(title="x.jpg"))
    )
    assert examined(bytes(signed)).basis == ("manifest",)
    signed[len(signed) // 2] ^= 1
    report = examined(bytes(signed))
    assert (report.verdict, report.conflict) == ("inconsistent", "broken")


def test_a_manifest_for_another_watermark_is_inconsistent(watermarked: bytes) -> None:
    other = ("waarmerk.image.1", MarkId.random().hex)
    content = ManifestContent(title="x.jpg")
    signed = sign_bytes(watermarked, "image/jpeg", SIGNER, content, soft_binding=other)
    report = examined(signed)
    assert report.manifests[0].status == "trusted"
    assert (report.verdict, report.conflict) == ("inconsistent", "binding")
    assert report.basis == ("watermark", "manifest")
    assert "another watermark" in report.summary["en"]
    assert examined(signed, keys=()).verdict == "generated"  # nothing to contradict it


def test_a_manifest_of_another_kind_is_inconsistent(watermarked: bytes) -> None:
    content = ManifestContent(title="x.jpg", kind="altered")
    signed = sign_bytes(watermarked, "image/jpeg", SIGNER, content, soft_binding=(SCHEME, ID.hex))
    report = examined(signed)
    assert (report.verdict, report.conflict) == ("inconsistent", "kind")


def test_a_camera_manifest_over_a_watermark_is_inconsistent(watermarked: bytes) -> None:
    capture = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
    actions = {"actions": [{"action": "c2pa.created", "digitalSourceType": capture}]}
    definition = {
        "claim_generator_info": [{"name": "camera", "version": "1"}],
        "title": "x.jpg",
        "assertions": [{"label": "c2pa.actions.v2", "created": True, "data": actions}],
    }
    context = c2pa.Context.from_dict(offline_settings())
    out = BytesIO()
    with SIGNER.native([]) as native:
        builder = c2pa.Builder(json.dumps(definition), context=context)
        builder.sign(native, "image/jpeg", BytesIO(watermarked), out)
    report = examined(out.getvalue())
    assert (report.verdict, report.conflict) == ("inconsistent", "origin")
    unmarked = examined(out.getvalue(), keys=(OTHER,))
    assert unmarked.verdict == "none_found"
    assert "does not say that AI was used" in unmarked.summary["en"]


def test_altered_content_is_called_altered(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "altered.webp"
    mark_file(folder / "plain.png", target, KEY, signer=SIGNER, kind="altered")
    report = detect_file(target, [KEY], TRUST)
    assert report.verdict == "altered"
    assert report.basis == ("watermark", "manifest")


def test_a_missing_layer_is_an_error(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SigningError):
        mark_file(folder / "plain.png", tmp_path / "out.png", KEY)
    assert not list(tmp_path.iterdir())


def test_plain_content_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    Image.new("RGB", (640, 512), "white").save(tmp_path / "white.png")
    with pytest.raises(CannotMarkError, match=r"white\.png"):
        mark_file(tmp_path / "white.png", tmp_path / "out.png", KEY, signer=SIGNER)
    assert [p.name for p in tmp_path.iterdir()] == ["white.png"]


def test_a_mark_id_of_the_wrong_kind_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WaarmerkError, match="says generated"):
        mark_file(
            folder / "plain.png", tmp_path / "x.png", KEY, signer=SIGNER, mark_id=ID, kind="altered"
        )
