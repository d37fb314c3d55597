"""What this package writes into a file it reads back, in every format."""

import pytest

from tests.detection.labels import files
from waarmerk.detection.labels import read_labels
from waarmerk.marking.label import AigcLabel, LabelContent, can_label, labelled_bytes

CONTENT = LabelContent(
    "generated",
    system="Aurora",
    system_version="2.1",
    aigc=AigcLabel("Acme", produce_id="77"),
    mark_id="0123456789abcdef",
)
FILES = {
    "image/jpeg": files.saved("JPEG", exif=files.exif({0x010F: "Canon"})),
    "image/png": files.png({"Title": "a lake"}),
    "image/webp": files.saved("WEBP"),
    "image/gif": files.saved("GIF", files.image("P")),
    "image/tiff": files.saved("TIFF"),
    "image/avif": files.saved("AVIF"),
    "image/jxl": b"\0\0\0\x0cJXL \r\n\x87\n" + files.box(b"ftyp", b"jxl \0\0\0\0jxl "),
    "image/svg+xml": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>',
    "application/pdf": files.saved("PDF"),
    "audio/wav": files.wav(),
    "audio/mpeg": files.sound("mp3", {"title": "a song"}),
    "audio/flac": files.sound("flac", {"title": "a song"}),
    "audio/ogg": files.vorbis("a song"),
    "audio/ogg; codecs=opus": files.sound("opus", {"title": "a song"}),
    "audio/mp4": files.sound("mp4", {"title": "a song"}, codec="aac"),
    "video/mp4": files.video("mp4", {"title": "a film"}),
    "video/quicktime": files.video("mov", {"title": "a film"}),
    "video/x-msvideo": files.video("avi", {"title": "a film"}),
}


@pytest.mark.parametrize("media_type", FILES)
def test_what_is_written_is_read(media_type):
    kind = media_type.partition(";")[0]
    assert can_label(kind)
    marked = labelled_bytes(FILES[media_type], kind, CONTENT)
    assert read_labels(FILES[media_type], media_type) == ()
    found = {label.standard: label for label in read_labels(marked, media_type)}
    assert found.keys() == {"iptc.digitalsourcetype", "iptc.aisystem", "aigc"}
    assert found["iptc.digitalsourcetype"].value == files.GENERATED
    assert found["iptc.aisystem"].system == "Aurora"
    assert dict(found["iptc.aisystem"].details) == {"version": "2.1"}
    assert found["aigc"].value == "1"
    assert dict(found["aigc"].details) == {"ContentProducer": "Acme", "ProduceID": "77"}
    assert {label.kind for label in found.values()} == {"generated"}
