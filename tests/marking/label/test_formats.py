"""Every kind of file: the label is there, the content is the same, and signing works."""

import io
import random
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.marking.label.samples import decoded, documents, files
from tests.marking.label.test_packet import values
from tests.second_validator import verified
from waarmerk.detection.labels import read_labels
from waarmerk.detection.manifest import read_manifest
from waarmerk.errors import OutputError
from waarmerk.marking.certificate import make_test_chain
from waarmerk.marking.label import (
    AigcLabel,
    LabelContent,
    can_label,
    labelled_bytes,
    labelled_file,
)
from waarmerk.marking.manifest import ManifestContent, sign_bytes
from waarmerk.marking.provenance import ALTERED, GENERATED
from waarmerk.marking.signer import Signer

CHAIN = make_test_chain()
SIGNER = Signer.from_pem(CHAIN.chain, CHAIN.key)
MARK = "8" * 16
CONTENT = LabelContent("generated", "A system", "2.0", AigcLabel("acme"), MARK)
PLAIN = LabelContent("altered")
FIXTURES = Path(__file__).parents[4] / "shared" / "fixtures" / "c2pa"

DECODED = [
    ("JPEG", "image/jpeg"),
    ("PNG", "image/png"),
    ("lossy WebP", "image/webp"),
    ("lossless WebP", "image/webp"),
    ("GIF", "image/gif"),
    ("TIFF", "image/tiff"),
    ("AVIF", "image/avif"),
    ("WAV", "audio/wav"),
    ("MP3", "audio/mpeg"),
    ("FLAC", "audio/flac"),
    ("Vorbis", "audio/ogg"),
    ("Opus", "audio/ogg"),
    ("M4A", "audio/mp4"),
    ("MP4", "video/mp4"),
    ("MP4, movie box first", "video/mp4"),
    ("MP4 in fragments", "video/mp4"),
    ("MP4 with keys", "video/mp4"),
    ("MOV", "video/quicktime"),
    ("MOV, movie box first", "video/quicktime"),
    ("AVI", "video/x-msvideo"),
]
ALL = [*DECODED, *documents()]
NOT_SIGNED = ("audio/ogg", "image/jxl")  # no place in the first; a made-up codestream in the other


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One file of every kind."""
    folder = tmp_path_factory.mktemp("samples")
    return files(folder) | documents()


def found(data, media_type):
    """Return the labels that the reader finds, by their standard."""
    return {label.standard: label for label in read_labels(data, media_type)}


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind[0])
def test_a_label_is_read_back(made, kind):
    data, media_type = made[kind], kind[1]
    assert can_label(media_type)
    seen = found(labelled_bytes(data, media_type, CONTENT), media_type)
    assert all(label.status == "found" for label in seen.values())
    assert seen["iptc.digitalsourcetype"].value == GENERATED
    assert seen["iptc.digitalsourcetype"].kind == "generated"
    assert seen["iptc.aisystem"].value == "A system"
    assert (seen["aigc"].value, seen["aigc"].kind) == ("1", "generated")
    details = dict(seen["aigc"].details)
    assert details["ContentProducer"] == "acme"
    assert details["ProduceID"] == MARK

    plain = found(labelled_bytes(data, media_type, PLAIN), media_type)
    assert plain["iptc.digitalsourcetype"].value == ALTERED
    assert "aigc" not in plain
    assert "iptc.aisystem" not in plain


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind[0])
def test_a_second_label_that_says_the_same_changes_nothing(made, kind):
    once = labelled_bytes(made[kind], kind[1], CONTENT)
    notes = []
    assert labelled_bytes(once, kind[1], CONTENT, notes) == once
    assert not notes
    # One that is asked for later joins the other.
    later = labelled_bytes(labelled_bytes(made[kind], kind[1], PLAIN), kind[1], CONTENT)
    seen = found(later, kind[1])
    assert seen["iptc.digitalsourcetype"].value == ALTERED
    assert seen["aigc"].value == "1"


@pytest.mark.parametrize("kind", DECODED, ids=lambda kind: kind[0])
def test_what_is_seen_and_heard_is_the_same(made, kind):
    data, media_type = made[kind], kind[1]
    before = decoded(data, media_type)
    once = labelled_bytes(data, media_type, PLAIN)
    assert decoded(once, media_type) == before
    # And where the label of the input has to be replaced, which moves what is there.
    twice = labelled_bytes(once, media_type, CONTENT)
    assert decoded(twice, media_type) == before


@pytest.mark.parametrize("kind", [k for k in ALL if k[1] not in NOT_SIGNED], ids=lambda k: k[0])
def test_signing_after_labelling_checks_out(made, kind):
    media_type = kind[1]
    data = labelled_bytes(made[kind], media_type, CONTENT)
    signed = sign_bytes(data, media_type, SIGNER, ManifestContent(title="x", kind="generated"))
    assert read_manifest(signed, media_type, (CHAIN.root,)).status == "trusted"
    assert found(signed, media_type).keys() == found(data, media_type).keys()
    if kind in DECODED:
        assert decoded(signed, media_type) == decoded(made[kind], media_type)


@pytest.mark.parametrize("kind", [k for k in ALL if k[1] not in NOT_SIGNED], ids=lambda k: k[0])
def test_another_validator_accepts_what_was_labelled(made, kind, tmp_path, monkeypatch):
    pytest.importorskip("encypher_c2pa")
    monkeypatch.setenv("HOME", str(tmp_path))  # it keeps there what telemetry=False says
    media_type = kind[1]
    data = labelled_bytes(made[kind], media_type, CONTENT)
    signed = sign_bytes(data, media_type, SIGNER, ManifestContent(title="x", kind="generated"))
    said = verified(signed, media_type, CHAIN.root)
    assert said["validation_state"] == "Trusted"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_pillow_reads_the_xmp(made, kind):
    media_type = f"image/{kind.lower()}"
    data = next(data for (_, name), data in made.items() if name == media_type)
    with Image.open(io.BytesIO(labelled_bytes(data, media_type, CONTENT))) as image:
        image.load()
        said = image.info["xmp"]
    assert values(said)["DigitalSourceType"] == [GENERATED]
    assert "ContentProducer" in values(said)["AIGC"][0]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind[0])
def test_files_that_are_cut_off_are_refused_or_stay_readable(made, kind):
    data = made[kind]
    for share in (0.02, 0.3, 0.6, 0.95):
        part = data[: round(len(data) * share)]
        out, error = labelled_or_error(part, kind[1])
        # An error stands behind the name of a file.
        assert error.startswith(("its ", "it ", "an item")) if out is None else found(out, kind[1])


def labelled_or_error(data, media_type):
    try:
        return labelled_bytes(data, media_type, CONTENT), ""
    except OutputError as error:
        return None, str(error)


def test_damaged_files_are_labelled_or_refused_in_no_time(made):
    chance = random.Random(4)  # noqa: S311
    labelled = {kind: labelled_bytes(data, kind[1], PLAIN) for kind, data in made.items()}
    was = {kind: data.replace(b"compositeW", b"digitalCap") for kind, data in labelled.items()}
    start = time.process_time()
    for _ in range(6000):
        kind = chance.choice(ALL)
        data = bytearray(chance.choice((made, labelled, was))[kind])
        for _ in range(chance.choice((1, 1, 3, 20))):
            # Most of what matters stands at the beginning.
            early = min(int(chance.expovariate(1 / 300)), len(data) - 60)
            at = early if chance.random() < 0.6 else chance.randrange(len(data) - 60)
            what = chance.random()
            if what < 0.6:
                data[at] = chance.choice((0, 1, 127, 128, 255, chance.randrange(256)))
            elif what < 0.8 and len(data) > 150:
                del data[at : at + chance.choice((1, 4, 30))]
            else:
                data[at:at] = chance.randbytes(chance.choice((1, 4, 20)))
        labelled_or_error(bytes(data), kind[1])
    assert time.process_time() - start < 60


def test_files_are_labelled_from_wherever_they_stand(made, tmp_path):
    data = made["WAV", "audio/wav"]
    source = io.BytesIO(data)
    source.seek(1000)
    with (tmp_path / "out").open("x+b") as out:
        labelled_file(source, out, "audio/x-wav", CONTENT)
        out.seek(0)
        assert out.read() == labelled_bytes(data, "audio/wav", CONTENT)


def test_other_types_have_no_place():
    for media_type in ("image/bmp", "audio/aac", "video/webm", "text/plain", "x"):
        assert not can_label(media_type)
        with pytest.raises(OutputError, match="no place for a label"):
            labelled_bytes(b"x", media_type, PLAIN)


@pytest.mark.shared
@pytest.mark.skipif(not FIXTURES.exists(), reason="../shared/fixtures is not there")
def test_files_of_other_writers():
    types = {
        **{".jpg": "image/jpeg", ".heic": "image/heic", ".png": "image/png"},
        **{".webp": "image/webp", ".tiff": "image/tiff", ".dng": "image/tiff"},
        **{".svg": "image/svg+xml", ".pdf": "application/pdf", ".mp3": "audio/mpeg"},
        **{".mp4": "video/mp4", ".avi": "video/x-msvideo", ".wav": "audio/wav"},
    }
    # The table of the first is not where its end says; Acrobat and others look for the objects.
    damaged = {"x509-es256-pdf.pdf"}
    seen = set()
    for path in sorted(FIXTURES.rglob("*")):
        media_type = types.get(path.suffix.lower())
        if media_type is None or path.name in damaged or path.stat().st_size > 2_000_000:
            continue
        out = labelled_bytes(path.read_bytes(), media_type, CONTENT)
        assert {"iptc.digitalsourcetype", "aigc"} <= found(out, media_type).keys(), path.name
        seen.add(path.suffix)
    assert {".jpg", ".heic", ".mp4", ".pdf", ".avi"} <= seen


@pytest.mark.shared
@pytest.mark.skipif(not FIXTURES.exists(), reason="../shared/fixtures is not there")
def test_a_heic_keeps_its_pictures_where_its_items_say_they_are():
    (path,) = FIXTURES.rglob("trustnxt-icon.heic")
    data = path.read_bytes()
    out = labelled_bytes(data, "image/heic", CONTENT)
    # The pictures lie in the old media data, which moved as a whole.
    old, new = data.index(b"mdat"), out.index(b"mdat")
    assert out[new : new + len(data) - old] == data[old:]
    signed = sign_bytes(out, "image/heic", SIGNER, ManifestContent(title="x", kind="generated"))
    assert read_manifest(signed, "image/heic", (CHAIN.root,)).status == "trusted"
