"""Conventions of generators and standards are read, and nothing that only looks like them."""

import json

import pytest

from tests.detection.labels import files
from tests.detection.labels.samples import SAMPLES
from tests.detection.labels.service_samples import UUID, VIDEO_KEYS
from waarmerk.detection.labels import read_labels
from waarmerk.detection.labels.carriers import items_of
from waarmerk.detection.labels.conventions import CONVENTIONS
from waarmerk.detection.labels.source import Source


@pytest.mark.parametrize("name", SAMPLES)
def test_a_convention_is_read(name):
    data, standard, kind, system, details = SAMPLES[name]
    (label,) = read_labels(data, "application/octet-stream")
    assert (label.status, label.standard, label.kind, label.system) == (
        "found",
        standard,
        kind,
        system,
    )
    assert details.items() <= dict(label.details).items()
    assert label.value
    assert label.carrier


@pytest.mark.parametrize("name", SAMPLES)
def test_prompts_and_people_are_only_in_what_is_personal(name):
    (label,) = read_labels(SAMPLES[name][0], "application/octet-stream")
    shown = json.dumps(label.as_dict())
    for secret in ("lake", "blurry", "ann", UUID, "1234567890", "QUJD"):
        assert secret not in shown
    told = dict(label.personal)
    assert "dawn" in told.get("prompt", "dawn")
    if label.standard == "generator.midjourney":
        assert told["job"] == UUID
    if name == "invokeai":
        assert told["author"] == "ann@example.com"


def test_every_convention_has_a_sample():
    marked = [sample[0] for sample in SAMPLES.values()]
    marked += [
        files.saved("JPEG", xmp=files.xmp(f"<{name}>{value}</{name}>"))
        for name, value in (
            ("Iptc4xmpExt:DigitalSourceType", files.GENERATED),
            ("Iptc4xmpExt:AISystemUsed", "Aurora"),
            ("dcterms:provenance", "https://example.com/a.c2pa"),
            ("TC260:AIGC", files.aigc()),
        )
    ]
    found = [items_of(Source(data), "application/octet-stream") for data in marked]
    for convention in CONVENTIONS:
        assert any(
            label.status == "found" for items in found for label in convention.read(items)
        ), convention


@pytest.mark.parametrize(
    "data",
    [
        files.video("mp4", {"AigcInfo": '{"aigc_label_type":0}'}, options=VIDEO_KEYS),
        files.png({"unreadable": "Ann", "aigc label": ""}),
        files.png({"parameters": "Steps: 20 minutes in the oven"}),
        files.png({"Description": "Job ID: 17, photographed at work"}),
        files.png({"prompt": "Say cheese", "workflow": '{"nodes": "none"}'}),
        files.png({"Software": "GIMP 3.0", "Comment": '{"a": 1}', "Title": "My dog"}),
        files.png({"Comment": "not made with suno"}),
        files.saved("JPEG", exif=files.exif({0x010F: "Canon", 0x0131: "Adobe Photoshop 25.0"})),
        files.saved("JPEG", exif=files.exif({0x010E: "Signature: Ann", 0x013B: UUID})),
        files.saved("JPEG", xmp=files.xmp("<photoshop:Credit>Ann / AP</photoshop:Credit>")),
        files.saved("JPEG", xmp=files.xmp("<xmp:CreatorTool>Firefly festival</xmp:CreatorTool>")),
        files.png({"parameters": "[" * 100_000, "AIGCs": '{"AIGC": ' * 50_000}),
        files.png({"parameters": '{"sui_image_params": 7}', "prompt": '{"1": {"class_type": 3}}'}),
    ],
)
def test_what_only_looks_like_a_convention_is_none(data):
    assert read_labels(data, "application/octet-stream") == ()


def test_the_fields_of_iptc_2025_are_read():
    # IPTC Photo Metadata Standard 2025.1, AI System Used and the following
    body = (
        "<Iptc4xmpExt:AISystemUsed>GPT Image</Iptc4xmpExt:AISystemUsed>"
        "<Iptc4xmpExt:AISystemVersionUsed>1.5</Iptc4xmpExt:AISystemVersionUsed>"
        "<Iptc4xmpExt:AIPromptInformation>a lake at dawn</Iptc4xmpExt:AIPromptInformation>"
        "<Iptc4xmpExt:AIPromptWriterName>Ann</Iptc4xmpExt:AIPromptWriterName>"
    )
    (label,) = read_labels(files.saved("JPEG", xmp=files.xmp(body)), "image/jpeg")
    assert (label.standard, label.value, label.system) == (
        "iptc.aisystem",
        "GPT Image",
        "GPT Image",
    )
    assert label.kind == "generated"
    assert dict(label.details) == {"version": "1.5"}
    assert dict(label.personal) == {"prompt": "a lake at dawn", "prompt writer": "Ann"}
    both = body + (
        f"<Iptc4xmpExt:DigitalSourceType>{files.ALTERED}</Iptc4xmpExt:DigitalSourceType>"
    )
    source, system = read_labels(files.saved("JPEG", xmp=files.xmp(both)), "image/jpeg")
    assert (source.kind, source.system, system.kind) == ("altered", "GPT Image", "altered")


def test_a_remote_manifest_is_told_of():
    # C2PA 2.4, 11.5; the address is that of c2pa-rs' cloud.jpg
    url = "https://cai-manifests.adobe.com/manifests/adobe-urn-uuid-5f37e182-3687"
    body = f"<dcterms:provenance>{url}</dcterms:provenance>"
    (label,) = read_labels(files.saved("JPEG", xmp=files.xmp(body)), "image/jpeg")
    assert (label.standard, label.kind) == ("c2pa.remote-manifest", None)
    assert label.value == "https://cai-manifests.adobe.com"
    assert dict(label.details) == {"url": url}
    inside = "<dcterms:provenance>self#jumbf=c2pa/urn:uuid:1</dcterms:provenance>"
    assert read_labels(files.saved("JPEG", xmp=files.xmp(inside)), "image/jpeg") == ()


@pytest.mark.parametrize(
    ("label", "value", "kind"),
    [
        ({"AIGC": {**files.AIGC, "Label": "2"}}, "2", None),
        ({**files.AIGC, "Label": "3"}, "3", None),
        ({"AIGC": json.dumps(files.AIGC)}, "1", "generated"),
        ({"AIGC": {**files.AIGC, "Label": 1}}, "1", "generated"),
        ({"label": "1"}, "1", "generated"),
        ({**files.AIGC, "Label": "by Ann Smith"}, "AIGC", None),
        ({"ServiceProvider": "腾讯云", "ServiceUser": "7"}, "AIGC", None),
    ],
)
def test_the_chinese_label_says_what_it_says(label, value, kind):
    (found,) = read_labels(files.png({"AIGC": json.dumps(label)}), "image/png")
    assert (found.standard, found.value, found.kind) == ("aigc", value, kind)


def test_the_chinese_label_may_be_properties():
    body = "<TC260:Label>1</TC260:Label><TC260:ContentProducer>x</TC260:ContentProducer>"
    (found,) = read_labels(files.saved("JPEG", xmp=files.xmp(body)), "image/jpeg")
    assert (found.standard, found.value) == ("aigc", "1")


def test_terms_may_be_written_in_several_ways():
    for written in ("trainedAlgorithmicMedia", "digsrctype:trainedAlgorithmicMedia"):
        body = f"<Iptc4xmpExt:DigitalSourceType>{written}</Iptc4xmpExt:DigitalSourceType>"
        (label,) = read_labels(files.saved("JPEG", xmp=files.xmp(body)), "image/jpeg")
        assert (label.value, label.kind) == (written, "generated")
