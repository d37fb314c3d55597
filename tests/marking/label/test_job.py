"""Marking a file: the label is written before signing, read back, and told in the report."""

import io

import numpy as np
import pytest
import soundfile
from PIL import Image

from tests.rendered_sound import RATE, melody
from waarmerk import MarkId, MarkingKey, detect_file, mark_file
from waarmerk.errors import OutputError
from waarmerk.marking.certificate import make_test_chain
from waarmerk.marking.disclosure import Disclosure
from waarmerk.marking.formats import FORMATS
from waarmerk.marking.job import Job
from waarmerk.marking.label import AigcLabel, LabelContent, labelled_bytes
from waarmerk.marking.label.of_job import add_label_in_memory, labels_read_back
from waarmerk.marking.label.table import can_label
from waarmerk.marking.metadata import png_text_chunk
from waarmerk.marking.provenance import ALTERED, GENERATED
from waarmerk.marking.signer import Signer

KEY = MarkingKey.generate()
CHAIN = make_test_chain()
SIGNER = Signer.from_pem(CHAIN.chain, CHAIN.key)
AIGC = AigcLabel("acme")
CAPTURE = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf='
    '"http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:i='
    f'"http://iptc.org/std/Iptc4xmpExt/2008-02-29/" i:DigitalSourceType="{CAPTURE}" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="kept"/></rdf:RDF></x:xmpmeta>'
)


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """A picture with enough in it to hold a mark."""
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    grid = np.add.outer(np.arange(288) // 3, np.arange(352) // 2) % 200
    noise = np.random.default_rng(1).integers(0, 50, (288, 352, 3))
    Image.fromarray((grid[:, :, None] + noise).astype(np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    path = tmp_path_factory.mktemp("voice") / "voice.wav"
    soundfile.write(path, melody(8.0), RATE)
    return path


def said(path):
    """Return what a detector says of the labels of a file: {standard: value}."""
    seen = detect_file(path, KEY, (CHAIN.root,))
    return {x.standard: x.value for x in seen.labels if x.status == "found"}, seen


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp", ".avif", ".tif"])
def test_pictures_get_a_label(photo, tmp_path, extension):
    target = tmp_path / f"marked{extension}"
    report = mark_file(
        photo,
        target,
        KEY,
        signer=SIGNER,
        disclosure=Disclosure(system="A system", version="2"),
        aigc=AIGC,
    )
    labels, seen = said(target)
    assert labels["iptc.digitalsourcetype"] == GENERATED
    assert labels["iptc.aisystem"] == "A system"
    assert labels["aigc"] == "1"
    assert [x.standard for x in report.labels] == ["iptc.digitalsourcetype", "aigc"]
    assert seen.findings[0].mark_id == report.watermark.mark_id
    assert seen.manifests[0].status == "trusted"
    assert seen.verdict == "generated"
    (aigc,) = (x for x in seen.labels if x.standard == "aigc")
    assert dict(aigc.details)["ProduceID"] == report.watermark.mark_id.hex
    lines = report.lines()
    assert "  label      iptc.digitalsourcetype = trainedAlgorithmicMedia" in lines
    assert report.as_dict()["layers"][2]["value"] == GENERATED


def test_the_pixels_do_not_change_with_a_label(photo, tmp_path):
    mark = MarkId.random("altered")
    for extension in (".png", ".jpg", ".tif", ".webp"):
        seen = []
        for label in (True, False):
            target = tmp_path / f"{label}{extension}"
            report = mark_file(photo, target, KEY, signer=SIGNER, mark_id=mark, label=label)
            with Image.open(target) as image:
                seen.append(image.tobytes())
            assert bool(report.labels) == label
            assert bool(said(target)[0]) == label
        assert seen[0] == seen[1]


def test_labels_of_the_input_stay_and_untrue_ones_are_told(photo, tmp_path):
    source, target = tmp_path / "in.png", tmp_path / "out.webp"
    data = photo.read_bytes()
    chunk = png_text_chunk("XML:com.adobe.xmp", XMP.encode())
    source.write_bytes(data[:33] + chunk + data[33:])
    report = mark_file(source, target, KEY, signer=SIGNER, kind="altered")
    assert said(target)[0]["iptc.digitalsourcetype"] == ALTERED
    with Image.open(target) as image:
        assert b'dc:source="kept"' in image.info["xmp"]
    note = "digital source type of the input (digitalCapture) became"
    assert any(note in line for line in report.notes)


def test_a_label_that_cannot_be_written_is_told_or_refused(photo, tmp_path):
    source = tmp_path / "in.png"
    data = photo.read_bytes()
    source.write_bytes(data[:33] + png_text_chunk("XML:com.adobe.xmp", b"<broken") + data[33:])
    report = mark_file(source, tmp_path / "out.png", KEY, signer=SIGNER)
    assert not report.labels
    assert any(note.startswith("no label was written: its XMP is no XML") for note in report.notes)
    for options in ({"label": True}, {"aigc": AIGC}):
        with pytest.raises(OutputError, match=r"no.png: cannot get a label: its XMP is no XML"):
            mark_file(source, tmp_path / "no.png", KEY, signer=SIGNER, **options)
    assert not (tmp_path / "no.png").exists()


@pytest.mark.parametrize("extension", [".wav", ".flac", ".mp3", ".m4a", ".ogg", ".opus"])
def test_sounds_get_a_label(voice, tmp_path, extension):
    target = tmp_path / f"marked{extension}"
    report = mark_file(
        voice, target, KEY, signer=SIGNER, disclosure=Disclosure(system="A system"), aigc=AIGC
    )
    labels, seen = said(target)
    assert labels["iptc.digitalsourcetype"] == GENERATED
    assert labels["iptc.aisystem"] == "A system"
    assert labels["aigc"] == "1"
    assert [x.standard for x in report.labels] == ["iptc.digitalsourcetype", "aigc"]
    assert seen.findings[0].found
    assert seen.manifests[0].status == "trusted"


@pytest.mark.parametrize(
    ("first", "second"), [(".wav", ".mp3"), (".mp3", ".m4a"), (".m4a", ".wav"), (".wav", ".flac")]
)
def test_xmp_of_a_sound_comes_along_to_another_format(voice, tmp_path, first, second):
    bare, source, target = (tmp_path / f"{i}{e}" for i, e in enumerate((first, first, second)))
    mark_file(voice, bare, KEY, signer=SIGNER, label=False)
    media_type = {".wav": "audio/wav", ".mp3": "audio/mpeg", ".m4a": "audio/mp4"}[first]
    said_before = LabelContent("generated", carried=XMP.encode())
    source.write_bytes(labelled_bytes(bare.read_bytes(), media_type, said_before))
    report = mark_file(source, target, MarkingKey.generate(), signer=SIGNER)
    kept = b'dc:source="kept"' in target.read_bytes()
    assert kept == (second != ".flac")
    assert any("not kept in" in note and "X" in note for note in report.notes) != kept
    assert said(target)[0]["iptc.digitalsourcetype"] == GENERATED


def test_a_sound_may_go_without(voice, tmp_path):
    with_label, without = tmp_path / "a.flac", tmp_path / "b.flac"
    mark = MarkId.random("generated")
    assert mark_file(voice, with_label, KEY, signer=SIGNER, mark_id=mark).labels
    assert not mark_file(voice, without, KEY, signer=SIGNER, mark_id=mark, label=False).labels
    assert not said(without)[0]
    assert (soundfile.read(with_label)[0] == soundfile.read(without)[0]).all()


@pytest.mark.parametrize("name", ["page.html", "text.md"])
def test_texts_get_aigc_on_request(tmp_path, name):
    source, target = tmp_path / name, tmp_path / f"out.{name}"
    source.write_text("<html><head></head>It's</html>" if name.endswith("html") else "# It's\n")
    report = mark_file(source, target, signer=SIGNER, aigc=AigcLabel("it's me"))
    assert [x.standard for x in report.labels] == ["iptc.digitalsourcetype", "aigc"]
    assert said(target)[0]["aigc"] == "1"


class _Seen:
    def __init__(self, standard, kind, status="found"):
        self.standard, self.kind, self.status, self.value = standard, kind, status, "x"


def job(tmp_path, labels, **options):
    """Return a request whose reader finds these labels."""
    given = {
        "source": tmp_path / "in.png",
        "target": tmp_path / "out.png",
        "final": tmp_path / "out.png",
        "format": FORMATS["PNG"],
        "given_key": KEY,
        "mark_id": MarkId.random("generated"),
        "signer": SIGNER,
        "no_manifest": None,
        "quality": None,
        "overwrite": False,
        "read_manifest": None,
        "read_labels": lambda source, media_type: labels,
    }
    return Job(**(given | options))


@pytest.mark.parametrize(
    ("labels", "right"),
    [
        ([_Seen("iptc.digitalsourcetype", "generated"), _Seen("aigc", "generated")], True),
        ([_Seen("iptc.digitalsourcetype", "altered"), _Seen("aigc", "generated")], True),
        ([_Seen("iptc.digitalsourcetype", None), _Seen("aigc", "generated")], False),
        ([_Seen("iptc.digitalsourcetype", "generated")], False),
        ([_Seen("iptc.digitalsourcetype", "generated"), _Seen("aigc", None)], False),
        ([_Seen("iptc.digitalsourcetype", "generated", "unreadable")], False),
        ([], False),
    ],
)
def test_a_label_that_cannot_be_read_back_is_an_error(tmp_path, labels, right):
    request = job(tmp_path, labels, aigc=AIGC)
    if right:
        assert len(labels_read_back(request, b"")) == 2
        return
    with pytest.raises(OutputError, match="cannot be read back"):
        labels_read_back(request, b"")


def test_every_format_that_gets_a_watermark_has_a_place():
    marked = [f for f in FORMATS.values() if f.not_written is None and f.medium != "text"]
    lacking = {f.name for f in marked if not can_label(f.media_type)}
    assert {"JPEG", "PNG", "WEBP", "AVIF", "TIFF", "WAV", "FLAC", "MP3", "M4A", "OGG"}.isdisjoint(
        lacking
    )


def test_a_format_without_a_place(tmp_path):
    bmp = FORMATS["BMP"]
    assert add_label_in_memory(job(tmp_path, [], format=bmp), b"x", []) == (b"x", False)
    with pytest.raises(Exception, match="has no place for a label"):
        add_label_in_memory(job(tmp_path, [], format=bmp, label=True), b"x", [])
    assert add_label_in_memory(job(tmp_path, [], label=False), b"x", []) == (b"x", False)
    data = io.BytesIO()
    Image.new("L", (2, 2)).save(data, "PNG")
    out, done = add_label_in_memory(job(tmp_path, []), data.getvalue(), [])
    assert done
    assert GENERATED.encode() in out
