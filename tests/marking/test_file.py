"""Marking files: both layers or an error, and on an error nothing."""

import io
import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from waarmerk import KeyRing, MarkId, MarkingKey, detect_file, mark_file
from waarmerk.errors import (
    CannotMarkError,
    InputError,
    OutputError,
    SigningError,
    UnsupportedInputError,
    WaarmerkError,
)
from waarmerk.marking import file as marking_file
from waarmerk.marking.certificate import make_test_chain
from waarmerk.marking.place import publish, workshop
from waarmerk.marking.signer import Signer

DEMO = Path(marking_file.__file__).parent.parent / "demo_data"
KEY = MarkingKey.generate()
CHAIN = make_test_chain()
SIGNER = Signer.from_pem(CHAIN.chain, CHAIN.key)
WRITTEN = [".jpg", ".png", ".webp", ".avif", ".tif"]


@pytest.fixture(scope="module")
def photo(tmp_path_factory) -> Path:
    """A small real picture."""
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    with Image.open(DEMO / "pebbles.jpg") as image:
        image.crop((40, 30, 424, 330)).save(path)
    return path


def detected(path: Path, **options: object):
    return detect_file(path, KEY, (CHAIN.root,), **options)


def only(folder: Path, *names: str) -> bool:
    return sorted(p.name for p in folder.iterdir()) == sorted(names)


# Both layers


@pytest.mark.parametrize("extension", WRITTEN)
def test_both_layers_are_written_in_every_format(photo, tmp_path, extension):
    target = tmp_path / f"marked{extension}"
    report = mark_file(photo, target, KEY, signer=SIGNER)
    seen = detected(target)
    watermark, manifest = seen.findings[:2]
    assert watermark.mark_id == report.watermark.mark_id
    assert manifest.status == "trusted"
    assert ("waarmerk.image.1", report.watermark.mark_id.hex) in manifest.soft_bindings
    assert seen.verdict == "generated"
    assert only(tmp_path, target.name)


def test_the_report_says_what_was_done(photo, tmp_path):
    target = tmp_path / "marked.jpg"
    report = mark_file(photo, target, KEY, signer=SIGNER, mark_id=MarkId.from_hex("8" + "1" * 15))
    said = json.loads(json.dumps(report.as_dict()))
    assert said["schema"] == "waarmerk.mark/1"
    assert said["input"]["name"] == "photo.png"
    assert said["input"]["media_type"] == "image/png"
    assert said["output"]["size"] == target.stat().st_size
    watermark, manifest, label = said["layers"]
    assert label["standard"] == "iptc.digitalsourcetype"
    assert label["status"] == "written"
    assert watermark["mark_id"] == "8" + "1" * 15
    assert watermark["kind"] == "altered"
    assert watermark["psnr"] > 40
    assert watermark["log10_p"] < -9
    assert manifest == {"layer": "manifest", "status": "written", "signer": report.manifest.signer}
    assert said["time"].endswith("Z")
    assert any("marked.jpg" in line for line in report.lines())


def test_altered_content_says_so_in_both_layers(photo, tmp_path):
    target = tmp_path / "marked.webp"
    mark_file(photo, target, KEY, signer=SIGNER, kind="altered")
    seen = detected(target)
    assert seen.verdict == "altered"
    assert seen.findings[0].kind == "altered"


def test_one_layer_needs_a_reason_which_is_kept(photo, tmp_path):
    target = tmp_path / "marked.png"
    for reason in (None, "", "  "):
        with pytest.raises(SigningError, match="no signer"):
            mark_file(photo, target, KEY, no_manifest=reason)
    assert only(tmp_path)
    report = mark_file(photo, target, KEY, no_manifest="signed downstream")
    assert report.as_dict()["layers"][1] == {
        "layer": "manifest",
        "status": "omitted",
        "reason": "signed downstream",
    }
    assert any("signed downstream" in line for line in report.lines())
    assert detected(target).findings[1].status == "absent"


def test_a_signer_and_a_reason_for_none_contradict_each_other(photo, tmp_path):
    with pytest.raises(SigningError, match="contradict"):
        mark_file(photo, tmp_path / "m.png", KEY, signer=SIGNER, no_manifest="why not")


def test_the_manifest_of_the_input_is_carried_along_or_its_loss_is_told(photo, tmp_path):
    first, second, bare = (tmp_path / name for name in ("1.jpg", "2.png", "3.png"))
    mark_file(photo, first, KEY, signer=SIGNER)
    other = MarkingKey.generate()
    mark_file(first, second, other, signer=SIGNER)
    seen = detect_file(second, KeyRing([other]), (CHAIN.root,))
    assert seen.findings[1].status == "trusted"
    assert seen.findings[1].digital_source_type.endswith("trainedAlgorithmicMedia")
    report = mark_file(first, bare, other, no_manifest="test")
    assert any("manifest of the input" in note for note in report.notes)


def test_a_mark_of_the_same_key_that_is_there_already_is_told(tmp_path):
    first, second, third = (tmp_path / name for name in ("1.png", "2.png", "3.png"))
    refused: list[bool] = []
    for _ in range(20):  # some keys and ids are refused: the earlier mark is then read back
        key = MarkingKey.generate()
        earlier = mark_file(DEMO / "pebbles.jpg", first, key, signer=SIGNER, overwrite=True)
        assert not any("already" in note for note in earlier.notes)
        try:
            report = mark_file(first, second, key, signer=SIGNER)
            break
        except CannotMarkError as error:
            refused.append(f"already the mark id {earlier.watermark.mark_id.hex}" in str(error))
    assert all(refused)
    (note,) = [note for note in report.notes if "already" in note]
    assert earlier.watermark.mark_id.hex in note
    assert report.watermark.mark_id.hex not in note
    assert sum(note in line for line in report.lines()) == 1
    assert note in report.as_dict()["notes"]
    other = mark_file(first, third, MarkingKey.generate(), signer=SIGNER)
    assert not any("already" in note for note in other.notes)


def test_a_refusal_tells_of_a_mark_that_is_there_already(tmp_path):
    first, small = tmp_path / "1.png", tmp_path / "small.png"
    key, mark_id = MarkingKey(bytes(32), created="2026-01-01T00:00:00Z"), MarkId.from_hex("1" * 16)
    mark_file(DEMO / "pebbles.jpg", first, key, signer=SIGNER, mark_id=mark_id)
    with Image.open(first) as image:  # to a side too short for another mark
        image.resize((image.width * 255 // image.height, 255)).save(small)
    with pytest.raises(CannotMarkError, match=f"already the mark id {mark_id.hex}"):
        mark_file(small, tmp_path / "2.png", key, signer=SIGNER)
    assert only(tmp_path, "1.png", "small.png")


# The picture


def test_a_turned_photograph_is_marked_upright(photo, tmp_path):
    source = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(photo) as image:
        image.save(source, exif=exif, quality=95)
    for name in ("marked.jpg", "marked.png"):
        target = tmp_path / name
        report = mark_file(source, target, KEY, signer=SIGNER)
        assert (report.width, report.height) == (300, 384)
        finding = detected(target).findings[0]
        assert finding.found
        assert finding.geometry.rotation == 0
        assert not finding.geometry.mirrored


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P"])
def test_other_modes_are_marked(photo, tmp_path, mode):
    source, target = tmp_path / "in.png", tmp_path / "out.png"
    with Image.open(photo) as image:
        changed = image.convert("RGB").quantize(200) if mode == "P" else image.convert(mode)
    if "A" in mode:
        alpha = np.full((300, 384), 255, np.uint8)
        alpha[:40, :40] = 90
        changed.putalpha(Image.fromarray(alpha))
    changed.save(source)
    mark_file(source, target, KEY, signer=SIGNER)
    assert detected(target).findings[0].found
    with Image.open(target) as marked:
        assert marked.mode == ("RGB" if mode == "P" else mode)
        if "A" in mode:
            assert np.array_equal(np.asarray(marked.getchannel("A")), alpha)


@pytest.mark.parametrize("extension", [".gif", ".bmp"])
def test_gif_and_bmp_are_read_and_not_written(photo, tmp_path, extension):
    source = tmp_path / f"in{extension}"
    with Image.open(photo) as image:
        image.save(source)
    mark_file(source, tmp_path / "out.png", KEY, signer=SIGNER)
    assert detected(tmp_path / "out.png").verdict == "generated"
    with pytest.raises(OutputError, match=r"use \.png"):
        mark_file(photo, tmp_path / f"out{extension}", KEY, signer=SIGNER)


@pytest.mark.parametrize("size", [(200, 200), (600, 500)])
def test_a_picture_that_cannot_hold_a_mark_is_refused(tmp_path, size):
    source = tmp_path / "plain.png"
    Image.new("RGB", size, "white").save(source)
    with pytest.raises(CannotMarkError, match=r"plain\.png: "):
        mark_file(source, tmp_path / "out.png", KEY, signer=SIGNER)
    assert only(tmp_path, "plain.png")


def test_a_mark_that_does_not_survive_the_quality_asked_for_is_refused(photo, tmp_path):
    with pytest.raises(CannotMarkError, match=r"out\.jpg: the mark cannot be read back"):
        mark_file(photo, tmp_path / "out.jpg", KEY, signer=SIGNER, quality=1)
    assert only(tmp_path)


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_an_impossible_quality_is_refused(photo, tmp_path, quality):
    with pytest.raises(InputError, match="from 1 to 100"):
        mark_file(photo, tmp_path / "out.jpg", KEY, signer=SIGNER, quality=quality)


@pytest.mark.parametrize("quality", [75, 90, 95])
def test_a_small_jpeg_is_written_finer_than_it_was(tmp_path, quality):
    # Quantised by the tables it came with, a small picture would lose the mark again.
    source, target = tmp_path / "in.jpg", tmp_path / "out.jpg"
    with Image.open(DEMO / "lake.jpg") as image:
        image.resize((480, 320)).save(source, quality=quality)
    report = mark_file(source, target, KEY, signer=SIGNER)
    assert report.watermark.log10_p < -30
    assert detected(target).findings[0].mark_id == report.watermark.mark_id


# Nothing half-written


@pytest.mark.parametrize(
    ("step", "overwrite"), [("fsync", False), ("fsync", True), ("link", False), ("replace", True)]
)
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_nothing(photo, tmp_path, monkeypatch, step, overwrite, error):  # noqa: PLR0917
    target = tmp_path / "out.png"
    if overwrite:
        target.write_bytes(b"old")

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(os, step, fail)
    options = {"signer": SIGNER, "overwrite": overwrite}
    if step == "link" and isinstance(error, OSError):
        mark_file(photo, target, KEY, **options)  # a file system without hard links will do
        assert only(tmp_path, "out.png")
        return
    expected = OutputError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        mark_file(photo, target, KEY, **options)
    assert only(tmp_path, *(["out.png"] if overwrite else []))
    assert not overwrite or target.read_bytes() == b"old"


def test_a_failing_signer_leaves_nothing(photo, tmp_path):
    def sign(_: bytes) -> bytes:
        raise RuntimeError("the security module is asleep")

    broken = Signer.from_callback(sign, CHAIN.chain)
    with pytest.raises(SigningError, match="asleep"):
        mark_file(photo, tmp_path / "out.png", KEY, signer=broken)
    assert only(tmp_path)


def test_an_existing_output_is_replaced_only_when_asked(photo, tmp_path):
    target = tmp_path / "out.png"
    target.write_bytes(b"old")
    target.chmod(0o640)
    with pytest.raises(OutputError, match=r"out\.png: exists already"):
        mark_file(photo, target, KEY, signer=SIGNER)
    assert target.read_bytes() == b"old"
    mark_file(photo, target, KEY, signer=SIGNER, overwrite=True)
    assert detected(target).findings[0].found
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert only(tmp_path, "out.png")


def test_a_file_may_replace_itself_when_asked(photo, tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(photo.read_bytes())
    with pytest.raises(OutputError, match="is the input itself"):
        mark_file(path, path, KEY, signer=SIGNER)
    mark_file(path, path, KEY, signer=SIGNER, overwrite=True)
    assert detected(path).verdict == "generated"


def test_a_link_is_followed(photo, tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "link.png"
    link.symlink_to(tmp_path / "real" / "out.png")
    mark_file(photo, link, KEY, signer=SIGNER)
    assert link.is_symlink()
    assert only(tmp_path / "real", "out.png")


def test_a_file_that_appears_meanwhile_is_not_replaced(photo, tmp_path):
    target = tmp_path / "out.png"

    def sign_late(_: bytes) -> bytes:
        target.write_bytes(b"somebody else's")
        return b"\0" * 64

    with pytest.raises(WaarmerkError):
        mark_file(photo, target, KEY, signer=Signer.from_callback(sign_late, CHAIN.chain))
    target.unlink()
    (tmp_path / "1").write_bytes(b"1")
    (tmp_path / "2").write_bytes(b"2")
    with workshop(target) as shop:
        publish(shop, [(tmp_path / "1", target)], overwrite=False)
        with pytest.raises(OutputError, match="meanwhile"):
            publish(shop, [(tmp_path / "2", target)], overwrite=False)
    assert target.read_bytes() == b"1"
    (tmp_path / "1").unlink()
    (tmp_path / "2").unlink()
    assert only(tmp_path, "out.png")


# Bad requests


@pytest.mark.parametrize(
    ("target", "cause"),
    [
        ("missing/out.png", "the folder .* does not exist"),
        ("out", "extension"),
        ("out.doc", "extension"),
        ("out.txt", "the input is a picture"),
        ("folder.png", "is a folder"),
        ("o\0ut.png", "cannot be written"),
        ("x" * 300 + ".png", "cannot be written"),
        ("photo.png/out.png", "does not exist"),
    ],
)
def test_bad_outputs_are_refused_in_one_line(photo, tmp_path, target, cause):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "photo.png").write_bytes(photo.read_bytes())
    with pytest.raises(OutputError, match=cause) as caught:
        mark_file(photo, tmp_path / target, KEY, signer=SIGNER)
    assert "\n" not in str(caught.value)
    assert only(tmp_path, "folder.png", "photo.png")


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="no /dev/null here")
def test_a_device_is_no_output(photo, tmp_path):
    (tmp_path / "null.png").symlink_to("/dev/null")
    with pytest.raises(OutputError, match="not a regular file"):
        mark_file(photo, tmp_path / "null.png", KEY, signer=SIGNER, overwrite=True)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere"
)
def test_a_read_only_folder_is_told(photo, tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="Permission denied"):
            mark_file(photo, tmp_path / "out.png", KEY, signer=SIGNER)
    finally:
        tmp_path.chmod(0o700)


def noise(mode: str = "RGB") -> Image.Image:
    values = np.random.default_rng(3).integers(0, 255, (300, 300, 3)).astype(np.uint8)
    return Image.fromarray(values).convert(mode)


def saved(image: Image.Image, name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "error", "cause"),
    [
        ("zero.jpg", b"", InputError, "is empty"),
        ("cut.jpg", saved(noise(), "JPEG")[:9000], InputError, "cut off"),
        ("cut.png", saved(noise(), "PNG")[:9000], InputError, "cut off"),
        ("text.jpg", b"not a picture at all", InputError, "named .jpg but .* unknown"),
        ("page.jpg", b"<html></html>", InputError, "named .jpg but its content is HTML"),
        ("wrong.jpg", saved(noise(), "PNG"), InputError, "is named .jpg but its content is PNG"),
        ("print.jpg", saved(noise("CMYK"), "JPEG"), UnsupportedInputError, "CMYK"),
        (
            "film.gif",
            saved(noise("P"), "GIF", save_all=True, append_images=[noise("L").convert("P")]),
            UnsupportedInputError,
            "animated",
        ),
        ("wide.png", saved(noise("I;16"), "PNG"), UnsupportedInputError, "16 bits"),
    ],
)
def test_bad_inputs_are_refused_in_one_line_and_nothing_is_written(
    tmp_path, name, data, error, cause
):
    source = tmp_path / name
    source.write_bytes(data)
    with pytest.raises(error, match=cause) as caught:
        mark_file(source, tmp_path / "out.png", KEY, signer=SIGNER)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert only(tmp_path, name)
