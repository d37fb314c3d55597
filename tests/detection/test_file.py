"""From a file to its report: what is said of the input, and which inputs have no report."""

import hashlib
import json
import zlib
from io import BytesIO
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from tests.rendered import soft_picture as picture
from waarmerk import MarkingKey, detect_file, mark_image
from waarmerk.detection.file import as_keys, detect_bytes
from waarmerk.detection.report import DetectionReport, json_schema
from waarmerk.errors import InputError

VALIDATOR = jsonschema.Draft202012Validator(json_schema())
KEY = MarkingKey(bytes(range(32)), created="2026-01-01T00:00:00Z")
OTHER = MarkingKey(bytes(range(1, 33)), created="2026-01-01T00:00:00Z")


@pytest.fixture(scope="module")
def marked() -> Image.Image:
    return mark_image(picture(), KEY).content


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def checked(report: DetectionReport) -> DetectionReport:
    VALIDATOR.validate(json.loads(report.to_json()))
    return report


@pytest.mark.parametrize(
    ("format", "media_type"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("WEBP", "image/webp"),
        ("AVIF", "image/avif"),
        ("TIFF", "image/tiff"),
        ("BMP", "image/bmp"),
        ("GIF", "image/gif"),
    ],
)
def test_every_format(marked: Image.Image, tmp_path: Path, format: str, media_type: str) -> None:
    data = encoded(marked, format, **({"quality": 90} if format != "PNG" else {}))
    path = tmp_path / f"picture.{format.lower()}"
    path.write_bytes(data)
    report = checked(detect_file(path, [KEY]))
    assert report.input.as_dict() == {
        "name": path.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "media_type": media_type,
    }
    assert report.verdict == "generated"
    assert report.basis == ("watermark",)
    assert report.watermarks[0].key_id == KEY.key_id
    assert report.manifests[0].status in ("absent", "not_checked")  # a BMP cannot hold one
    assert [label.status for label in report.labels] == ["not_found"]


def test_without_a_key_the_watermark_is_not_checked(marked: Image.Image) -> None:
    report = checked(detect_bytes(encoded(marked, "PNG"), "x.png"))
    assert report.verdict == "none_found"
    assert report.watermarks[0].status == "not_checked"
    assert "not checked for (no key was given)" in report.summary["en"]


def test_another_key_finds_nothing(marked: Image.Image) -> None:
    report = checked(detect_bytes(encoded(marked, "PNG"), "x.png", [OTHER]))
    assert report.verdict == "none_found"
    finding = report.as_dict()["findings"][0]
    assert finding["status"] == "not_found"
    assert finding["key_id"] is None
    assert finding["p_value"] > 1e-9


def test_the_key_that_fits_is_named(marked: Image.Image) -> None:
    report = checked(detect_bytes(encoded(marked, "PNG"), "x.png", [OTHER, KEY]))
    assert report.watermarks[0].key_id == KEY.key_id


def test_fast_effort_says_what_it_left_out() -> None:
    report = checked(detect_bytes(encoded(picture(), "PNG"), "x.png", [KEY], effort="fast"))
    assert report.verdict == "none_found"
    assert report.as_dict()["findings"][0]["reason"].startswith("fast search")
    assert "fast search" in report.summary["en"]
    assert "snelle zoekactie" in report.summary["nl"]


def test_effort_is_one_of_two() -> None:
    with pytest.raises(ValueError, match="'fast' or 'full'"):
        detect_bytes(encoded(picture(64, 64), "PNG"), "x.png", [KEY], effort="slow")  # type: ignore[arg-type]


def test_a_wrong_extension_is_refused(marked: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(encoded(marked, "JPEG", quality=90))
    with pytest.raises(InputError, match=r"named \.png but its content is JPEG"):
        detect_file(path, [KEY])


def test_only_the_first_frame_is_looked_at_and_that_is_said() -> None:
    first = picture(128, 128)
    data = encoded(first, "GIF", save_all=True, append_images=[picture(128, 128, seed=2)])
    report = checked(detect_bytes(data, "x.gif", [KEY]))
    assert "only the first of several frames" in report.summary["en"]
    assert "alleen het eerste van meer beelden" in report.summary["nl"]


def test_the_name_can_be_given(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(picture(64, 64), "PNG"))
    assert detect_file(path).input.name == "a.png"
    assert detect_file(path, name="upload 17").input.name == "upload 17"


def test_the_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(picture(256, 256), "JPEG"))
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    detect_file(path, [KEY])
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert list(tmp_path.iterdir()) == [path]


def test_keys_in_any_form() -> None:
    assert as_keys(KEY) == (KEY,)
    assert as_keys([OTHER, KEY, OTHER]) == (OTHER, KEY)
    assert as_keys(iter([KEY])) == (KEY,)
    assert as_keys(()) == ()


# --- inputs without a report ---


def bomb() -> bytes:
    """A PNG that claims 60,000 x 60,000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return len(content).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")

    size = (60_000).to_bytes(4, "big")
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", size + size + bytes([8, 2, 0, 0, 0]))
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


WRONG = {
    "empty": b"",
    "text": b"this is not a picture at all\n" * 10,
    "noise": bytes(np.random.default_rng(3).integers(0, 256, 4000, dtype=np.uint8)),
    "truncated jpeg": encoded(picture(256, 256), "JPEG")[:3000],
    "truncated png": encoded(picture(256, 256), "PNG")[:3000],
    "header only": encoded(picture(256, 256), "PNG")[:33],
    "bomb": bomb(),
}


@pytest.mark.parametrize("keys", [(), (KEY,)], ids=["no key", "key"])
@pytest.mark.parametrize("case", WRONG)
def test_bad_content_is_an_error_and_never_none_found(
    case: str, keys: tuple[MarkingKey, ...], tmp_path: Path
) -> None:
    path = tmp_path / "bad.png"
    path.write_bytes(WRONG[case])
    with pytest.raises(InputError) as caught:
        detect_file(path, keys)
    assert "bad.png" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        detect_file(tmp_path / "absent.png")
    with pytest.raises(InputError, match="folder"):
        detect_file(tmp_path)


def test_a_broken_trust_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(picture(64, 64), "PNG"))
    with pytest.raises(InputError, match=r"absent\.pem"):
        detect_file(path, trust=[tmp_path / "absent.pem"])
    with pytest.raises(InputError, match="certificate"):
        detect_file(path, trust=[b"nonsense"])
