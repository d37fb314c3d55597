"""Marking files whose content is copied as it is: the manifest alone, in it or beside it."""

import json
import os

import encypher_c2pa
import pytest
from PIL import Image

from tests import rendered_files
from tests.rendered_files import MADE, decoded, extension
from tests.second_validator import verified
from waarmerk import MarkId, MarkingKey, detect_file
from waarmerk.errors import CannotMarkError, InputError, OutputError, SigningError
from waarmerk.files import mark_file
from waarmerk.marking.certificate import make_test_chain
from waarmerk.marking.copy_file import TEXT_INSIDE
from waarmerk.marking.disclosure import Disclosure
from waarmerk.marking.formats import DOCUMENTS, FORMATS, PICTURES, SOUNDS, UNKNOWN, VIDEOS
from waarmerk.marking.place import publish
from waarmerk.marking.signer import Signer
from waarmerk.marking.source import identify

CHAIN = make_test_chain()
SIGNER = Signer.from_pem(CHAIN.chain, CHAIN.key)
KEY = MarkingKey(bytes(range(32)), created="2026-01-01T00:00:00Z")
MAKER = Disclosure(system="Maker")
WHY = "made before there were watermarks"
EMBEDS = [n for n in MADE if n in FORMATS and FORMATS[n].embeds]


def why(name):
    return None if name in DOCUMENTS else WHY


def kind_of(name):
    return FORMATS.get(name, UNKNOWN)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    made = {}
    for name in MADE:
        (folder / name).mkdir()
        made[name] = rendered_files.file(folder / name, name)
    return made


@pytest.fixture(scope="module")
def marked(files, tmp_path_factory):
    """Every file with a manifest, and what was reported."""
    folder = tmp_path_factory.mktemp("marked")
    out = {}
    for name, source in files.items():
        target = folder / f"{name}{extension(name)}"
        report = mark_file(source, target, signer=SIGNER, no_watermark=why(name), disclosure=MAKER)
        out[name] = target, report
    return out


def detected(path):
    return detect_file(path, trust=(CHAIN.root,))


@pytest.mark.parametrize("name", MADE)
def test_every_file_is_known_by_its_content(files, name):
    assert identify(files[name]) is kind_of(name)


@pytest.mark.parametrize("name", MADE)
def test_the_manifest_is_intact_and_says_so(marked, name):
    target, _ = marked[name]
    seen = detected(target)
    (manifest,) = seen.manifests
    assert manifest.status == "trusted"
    assert manifest.soft_bindings == ()
    assert seen.verdict == "generated"
    assert all(finding.status == "not_checked" for finding in seen.watermarks)
    beside = target.with_name(target.name + ".c2pa")
    assert manifest.sidecar == (None if kind_of(name).embeds else beside.name)
    assert beside.exists() == (not kind_of(name).embeds)


@pytest.mark.parametrize("name", MADE)
def test_the_report_says_that_there_is_no_watermark_and_why(marked, files, name):
    target, report = marked[name]
    said = json.loads(json.dumps(report.as_dict()))
    assert said["layers"][0] == {
        "layer": "watermark",
        "status": "omitted",
        "reason": why(name) or TEXT_INSIDE,
    }
    assert said["layers"][1]["status"] == "written"
    assert said["input"]["size"] == files[name].stat().st_size
    assert said["output"]["size"] == target.stat().st_size
    assert said["output"]["media_type"] == kind_of(name).media_type
    assert any("none, because" in line for line in report.lines())


@pytest.mark.parametrize("name", MADE)
def test_the_content_stays_as_it_was(marked, files, name):
    before, after = files[name], marked[name][0]
    if name in PICTURES:
        with Image.open(before) as one, Image.open(after) as other:
            assert one.mode == other.mode
            assert one.tobytes() == other.tobytes()
    elif name in SOUNDS or name in VIDEOS:
        assert decoded(after) == decoded(before)
    elif not kind_of(name).embeds:
        assert after.read_bytes() == before.read_bytes()
    elif name == "PDF":  # the library writes its objects anew
        assert b"(a report) Tj" in after.read_bytes()
    else:
        assert before.read_bytes()[-30:] in after.read_bytes()


@pytest.mark.parametrize("name", MADE)
def test_a_changed_byte_breaks_it(marked, files, tmp_path, name):
    target, _ = marked[name]
    data = bytearray(target.read_bytes())
    whole = files[name].read_bytes()
    # Inside the content: a piece of the input that stands once in the output as well.
    places = range(len(whole) // 2, len(whole) - 8)
    once = (data.find(whole[i : i + 8]) for i in places if data.count(whole[i : i + 8]) == 1)
    data[next(once, len(data) - 8) + 4] ^= 1
    changed = tmp_path / target.name
    changed.write_bytes(data)
    beside = target.with_name(target.name + ".c2pa")
    if beside.exists():
        (tmp_path / beside.name).write_bytes(beside.read_bytes())
    try:
        (manifest,) = detected(changed).manifests
    except InputError:  # what is decoded here, and now cannot be
        return
    # Where the structure is broken as well, the library does not get as far as the hash.
    assert manifest.status in ("invalid", "not_checked", "error")
    assert detected(changed).verdict != "generated"


@pytest.mark.parametrize("name", MADE)
def test_an_independent_validator_accepts_it(marked, name):
    target, _ = marked[name]
    actual = kind_of(name)
    if name == "JSON":
        pytest.skip("encypher-c2pa wants another kind of hash for a structured text")
    if actual.media_type not in encypher_c2pa.supported_mime_types():
        pytest.skip(f"encypher-c2pa does not know {actual.media_type}")
    beside = target.with_name(target.name + ".c2pa")
    store = beside if beside.exists() else None
    report = verified(target, actual.media_type, CHAIN.root, store)
    assert report["validation_state"] == "Trusted", report


@pytest.mark.parametrize("name", ["MP4", "WEBM", "SVG", "HEIC", "ZIP", "anything", "PNG", "WAV"])
def test_one_layer_needs_a_reason(files, tmp_path, name):
    target = tmp_path / f"b{extension(name)}"
    for reason in (None, " "):
        with pytest.raises(CannotMarkError, match=r"no_watermark|say why"):
            mark_file(files[name], target, signer=SIGNER, no_watermark=reason)
    assert list(tmp_path.iterdir()) == []


def test_neither_layer_is_nothing_to_write(files, tmp_path):
    with pytest.raises(SigningError, match="nothing to write"):
        mark_file(files["MP4"], tmp_path / "b.mp4", no_watermark=WHY, no_manifest=WHY)
    with pytest.raises(SigningError, match="nothing would be written"):
        mark_file(files["PDF"], tmp_path / "b.pdf", no_manifest=WHY)
    with pytest.raises(SigningError, match="no signer"):
        mark_file(files["MP4"], tmp_path / "b.mp4", no_watermark=WHY)


def test_what_belongs_to_a_watermark_is_refused_without_one(files, tmp_path):
    number = MarkId.from_hex("0123456789abcdef")
    options = {"signer": SIGNER, "no_watermark": WHY}
    with pytest.raises(InputError, match="mark id"):
        mark_file(files["MP4"], tmp_path / "b.mp4", mark_id=number, **options)
    with pytest.raises(InputError, match="mark id"):
        mark_file(files["PDF"], tmp_path / "b.pdf", mark_id=number, signer=SIGNER)
    with pytest.raises(InputError, match="quality"):
        mark_file(files["JPEG"], tmp_path / "b.jpg", quality=80, **options)
    with pytest.raises(InputError, match="keep_manifest"):
        mark_file(files["MP4"], tmp_path / "b.mp4", keep_manifest=tmp_path, **options)


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("MP4", "b.avi"),
        ("PNG", "b.jpg"),
        ("PDF", "b.txt"),
        ("DOCX", "b.pdf"),
        ("anything", "b.png"),
    ],
)
def test_a_copy_keeps_its_format(files, tmp_path, name, target):
    with pytest.raises(OutputError, match=f"remains {kind_of(name).name}"):
        mark_file(files[name], tmp_path / target, signer=SIGNER, no_watermark=why(name))


def test_altered_content_says_so(files, tmp_path):
    target = tmp_path / "b.mp4"
    mark_file(files["MP4"], target, signer=SIGNER, no_watermark=WHY, kind="altered")
    assert detected(target).verdict == "altered"


@pytest.mark.parametrize("name", ["MP4", "MOV", "AVI", "PDF", "SVG", "HEIC", "JXL", "GIF", "WEBM"])
def test_a_marked_file_can_be_marked_again_and_keeps_its_history(marked, tmp_path, name):
    first, _ = marked[name]
    second = tmp_path / f"b{extension(name)}"
    mark_file(first, second, signer=SIGNER, no_watermark=why(name), kind="altered")
    (manifest,) = detected(second).manifests
    assert manifest.status == "trusted"
    assert any(code.endswith("@ingredient") for code in manifest.codes)
    assert [i.relationship for i in manifest.ingredients] == ["parentOf"]


def test_the_target_is_replaced_only_when_asked(files, marked, tmp_path):
    target = tmp_path / "b.webm"
    options = {"signer": SIGNER, "no_watermark": WHY}
    mark_file(files["WEBM"], target, **options)
    with pytest.raises(OutputError, match="exists already"):
        mark_file(files["WEBM"], target, **options)
    target.unlink()
    with pytest.raises(OutputError, match=r"b\.webm\.c2pa: exists already"):
        mark_file(files["WEBM"], target, **options)
    mark_file(files["WEBM"], target, overwrite=True, **options)
    assert detected(target).manifests[0].status == "trusted"
    mark_file(files["MP4"], tmp_path / "b.mp4", **options)
    (tmp_path / "b.mp4.c2pa").write_bytes(b"of an older file")
    mark_file(files["MP4"], tmp_path / "b.mp4", overwrite=True, **options)
    assert not (tmp_path / "b.mp4.c2pa").exists()


def test_a_file_can_take_the_place_of_its_source(files, tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(files["MP4"].read_bytes())
    mark_file(path, path, signer=SIGNER, no_watermark=WHY, overwrite=True)
    assert detected(path).manifests[0].status == "trusted"


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="this system has no such permissions")
def test_a_folder_that_cannot_be_written_is_one_line(files, tmp_path, monkeypatch):
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0o500)
    try:
        if os.geteuid() == 0:
            pytest.skip("whoever is root can write everywhere")
        with pytest.raises(OutputError, match="cannot be written") as caught:
            mark_file(files["MP4"], folder / "b.mp4", signer=SIGNER, no_watermark=WHY)
        assert "\n" not in str(caught.value)
    finally:
        folder.chmod(0o700)


def test_without_room_nothing_is_left(files, tmp_path):
    """A limit on the size of files stands for a full disk: a write fails half way."""
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, before[1]))
    try:
        with pytest.raises((OutputError, SigningError)) as caught:
            mark_file(files["MP4"], tmp_path / "b.mp4", signer=SIGNER, no_watermark=WHY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert "b.mp4" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_changes_meanwhile_is_noticed(files, tmp_path, monkeypatch):
    path = tmp_path / "a.mp4"
    path.write_bytes(files["MP4"].read_bytes())

    def sign(data):
        with path.open("ab") as file:
            file.write(b"more")
        return SIGNATURE(data)

    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    private = load_pem_private_key(CHAIN.key, None)

    def SIGNATURE(data):  # noqa: N802
        return private.sign(data, ec.ECDSA(hashes.SHA256()))

    signer = Signer.from_callback(sign, CHAIN.chain)
    with pytest.raises(InputError, match="was changed while it was read"):
        mark_file(path, tmp_path / "b.mp4", signer=signer, no_watermark=WHY)
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_what_was_put_into_it_is_named(files, marked, tmp_path):
    target = tmp_path / "b.mp4"
    parts = [marked["JPEG"][0], marked["WEBM"][0], files["PNG"]]
    mark_file(files["MP4"], target, signer=SIGNER, no_watermark=WHY, parts=parts)
    (manifest,) = detected(target).manifests
    assert manifest.status == "trusted"
    told = [(i.relationship, i.status) for i in manifest.ingredients]
    assert told == [
        ("componentOf", "intact"),
        ("componentOf", "intact"),
        ("componentOf", "no_manifest"),
    ]
    with pytest.raises(InputError, match="stands in the manifest"):
        mark_file(files["PNG"], tmp_path / "b.png", KEY, no_manifest=WHY, parts=parts)


def test_a_signed_pdf_keeps_its_signature(files, tmp_path):
    source, target = tmp_path / "a.pdf", tmp_path / "b.pdf"
    source.write_bytes(rendered_files.pdf(body=b"\n% /ByteRange [0 1 2 3]"))
    report = mark_file(source, target, signer=SIGNER, label=False)
    assert target.read_bytes() == source.read_bytes()
    assert any("lies beside this PDF" in note for note in report.notes)
    manifest = detected(target).manifests[0]
    assert (manifest.status, manifest.sidecar) == ("trusted", "b.pdf.c2pa")


# Manifests that are kept besides


def test_a_manifest_is_kept_and_found_again(files, tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    source = tmp_path / "a.png"
    from tests.rendered import soft_picture

    soft_picture(384, 384).save(source)
    target = tmp_path / "b.png"
    report = mark_file(source, target, KEY, signer=SIGNER, keep_manifest=kept)
    number = report.watermark.mark_id.hex
    assert [p.name for p in kept.iterdir()] == [f"{number}.c2pa"]
    bare = tmp_path / "c.png"
    with Image.open(target) as image:
        image.save(bare)
    assert detect_file(bare, KEY, (CHAIN.root,)).manifests[0].status == "absent"
    (manifest,) = detect_file(bare, KEY, (CHAIN.root,), manifests=kept).manifests
    assert manifest.status == "recovered"
    assert detect_file(target, KEY, (CHAIN.root,), manifests=kept).manifests[0].status == "trusted"
    (kept / f"{number}.c2pa").unlink()
    assert detect_file(bare, KEY, (CHAIN.root,), manifests=kept).manifests[0].status == "absent"


def test_nothing_is_kept_of_a_file_that_never_came_to_be(tmp_path, monkeypatch):
    from tests.rendered import soft_picture
    from waarmerk.marking import picture_file

    def fails(*_arguments, **_options):
        raise OutputError("no room")

    source, kept = tmp_path / "a.png", tmp_path / "kept"
    kept.mkdir()
    soft_picture(384, 384).save(source)
    with pytest.raises(OutputError, match="no folder"):
        mark_file(source, tmp_path / "b.png", KEY, signer=SIGNER, keep_manifest=tmp_path / "none")
    with pytest.raises(SigningError, match="to be kept"):
        mark_file(source, tmp_path / "b.png", KEY, no_manifest=WHY, keep_manifest=kept)
    assert publish is picture_file.publish
    monkeypatch.setattr(picture_file, "publish", fails)
    with pytest.raises(OutputError, match="no room"):
        mark_file(source, tmp_path / "b.png", KEY, signer=SIGNER, keep_manifest=kept)
    assert list(kept.iterdir()) == []
