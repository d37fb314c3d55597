"""Every format's places for a label are read, and only those of the file itself."""

import io
import struct
import zlib
from xml.sax.saxutils import escape, quoteattr

import pytest

from tests.detection.labels import files
from tests.detection.labels.files import ALTERED, GENERATED, IPTC
from waarmerk.detection.labels import read_labels

XMP_ID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
PACKET = files.xmp()
JXL = b"\0\0\0\x0cJXL \r\n\x87\n" + files.box(b"ftyp", b"jxl \0\0\0\0jxl ")


def extended():
    """XMP too large for a segment, as XMP specification part 3, 1.1.3.1 cuts it."""
    filler = "<dc:description>" + "x" * 70_000 + "</dc:description>"
    large = files.xmp(
        f"{filler}<Iptc4xmpExt:DigitalSourceType>{GENERATED}</Iptc4xmpExt:DigitalSourceType>"
    )
    guid = b"0123456789ABCDEF0123456789ABCDEF"
    small = files.xmp(f"<xmpNote:HasExtendedXMP>{guid.decode()}</xmpNote:HasExtendedXMP>")
    half = len(large) // 2
    segments = [(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + small)]
    for at, piece in ((half, large[half:]), (0, large[:half])):  # in any order
        head = guid + struct.pack(">II", len(large), at)
        segments.append((0xE1, b"http://ns.adobe.com/xmp/extension/\0" + head + piece))
    return files.jpeg(*segments)


def compressed_itxt():
    return files.png_with(
        files.chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(PACKET))
    )


def imagemagick_profile():
    digits = PACKET.hex().encode()
    text = b"\nxmp\n%8d\n" % len(PACKET) + digits
    return files.png_with(files.chunk(b"zTXt", b"Raw profile type xmp\0\0" + zlib.compress(text)))


def photoshop(packet):
    block = b"8BIM\x04\x24\0\0" + struct.pack(">I", len(packet)) + packet
    return files.jpeg((0xED, b"Photoshop 3.0\0" + block))


def gif():
    data = files.saved("GIF", files.image("P"))
    trailer = b"\1" + bytes(range(255, -1, -1)) + b"\0"
    return data[:-1] + b"!\xff\x0bXMP DataXMP" + PACKET + trailer + b";"


def big_tiff():
    """A BigTIFF of one directory with one tag."""
    entry = struct.pack("<HHQQ", 700, 1, len(PACKET), 16 + 8 + 20 + 8)
    return b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 1) + entry + bytes(8) + PACKET


def movie(*boxes):
    return files.box(b"ftyp", b"isom\0\0\0\0isom") + files.box(b"mdat", b"") + b"".join(boxes)


CARRIERS = {
    "jpeg": files.saved("JPEG", xmp=PACKET),
    "jpeg, extended": extended(),
    "jpeg, photoshop": photoshop(PACKET),
    "png": files.png({"XML:com.adobe.xmp": PACKET.decode()}),
    "png, compressed": compressed_itxt(),
    "png, by ImageMagick": imagemagick_profile(),
    "webp": files.saved("WEBP", xmp=PACKET),
    "avif": files.saved("AVIF", xmp=PACKET),
    "heic": files.heic(PACKET),
    "jxl": JXL + files.box(b"xml ", PACKET),
    "tiff": files.saved("TIFF", tiffinfo={700: PACKET}),
    "tiff, large": big_tiff(),
    "gif": gif(),
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><metadata>' + PACKET + b"</metadata></svg>",
    "pdf": files.pdf(PACKET),
    "pdf, compressed": files.pdf(PACKET, compress=True),
    "pdf, catalog in a stream": files.pdf(PACKET, compress=True, hidden=True),
    "mp4": movie(files.box(b"uuid", XMP_ID + PACKET)),
    "mp4, from ffmpeg": files.video("mp4", {}) + files.box(b"uuid", XMP_ID + PACKET),
    "mov": movie(files.box(b"moov", files.box(b"udta", files.box(b"XMP_", PACKET)))),
    "mp3": files.id3((b"PRIV", b"XMP\0" + PACKET)),
    "mp3, ID3v2.3": files.id3((b"PRIV", b"XMP\0" + PACKET), version=3),
    "wav": files.wav((b"_PMX", PACKET)),
    "avi": files.riff(files.video("avi", {}), (b"_PMX", PACKET)),
    "flac, ID3 in front": files.id3((b"PRIV", b"XMP\0" + PACKET))[:-400] + files.sound("flac", {}),
    "unknown": b"\x00\x01something" + bytes(5000) + PACKET + bytes(5000),
}


@pytest.mark.parametrize("name", CARRIERS)
def test_xmp_is_read_in_every_carrier(name):
    data = CARRIERS[name]
    labels = read_labels(data, "application/octet-stream")
    assert [
        (label.status, label.standard, label.value, label.kind)
        for label in labels
        if label.standard != "generator.flux"
    ] == [("found", "iptc.digitalsourcetype", GENERATED, "generated")]
    assert labels[0].carrier.startswith("XMP")
    stream = io.BytesIO(data)
    stream.seek(3)
    assert read_labels(stream, "application/octet-stream") == labels
    assert stream.tell() == 3


def test_exif_of_a_heic_is_read():
    (_, flux) = read_labels(files.heic(PACKET), "image/heic")
    assert flux.standard == "generator.flux"


TC260 = "Seen in: wiltodelta/remove-ai-watermarks, metadata.py; GB 45438-2025, 6.2 and Annex E"
LABEL = f"<TC260:AIGC>{files.aigc(wrapped=False)}</TC260:AIGC>"
QUOTED = f"<TC260:AIGC>{escape(files.aigc(), {chr(34): '&quot;'})}</TC260:AIGC>"
ABOUT = b'rdf:about=""'
ATTRIBUTE = f" TC260:AIGC={quoteattr(files.aigc(wrapped=False))}".encode()
KEYS = {"movflags": "use_metadata_tags"}
AIGC_CARRIERS = {
    "xmp": files.saved("JPEG", xmp=files.xmp(LABEL)),
    "xmp, attribute": files.saved("WEBP", xmp=files.xmp("").replace(ABOUT, ABOUT + ATTRIBUTE)),
    "xmp, wrapped and quoted": files.saved("JPEG", xmp=files.xmp(QUOTED)),
    "png text": files.png({"AIGC": files.aigc()}),
    "png text, compressed": files.png({"AIGC": files.aigc(wrapped=False)}, compress=True),
    "jpeg, user comment": files.saved(
        "JPEG", exif=files.exif({}, b"ASCII\0\0\0" + files.aigc().encode())
    ),
    "jpeg, description": files.saved("JPEG", exif=files.exif({0x010E: files.aigc(wrapped=False)})),
    "jpeg, own segment": files.jpeg((0xE9, b"AIGC" + files.aigc(wrapped=False).encode())),
    "mp4, key": files.video("mp4", {"AIGC": files.aigc(wrapped=False)}, options=KEYS),
    "mov, key": files.video("mov", {"AIGC": files.aigc(wrapped=False)}, options=KEYS),
    "mp4, comment": files.video("mp4", {"comment": files.aigc()}),
    "mkv, tag": files.video("matroska", {"AIGC": files.aigc(wrapped=False)}),
    "avi, list": files.riff(
        files.video("avi", {}), (b"LIST", files.info_list(AIGC=files.aigc(wrapped=False)))
    ),
    "wav, chunk": files.wav((b"AIGC", files.aigc().encode())),
    "wav, comment": files.wav((b"LIST", files.info_list(ICMT=files.aigc()))),
    "wav, id3": files.wav((b"id3 ", files.id3(files.txxx("AIGC", files.aigc()))[:-400])),
    "mp3": files.id3(files.txxx("AIGC", files.aigc(wrapped=False))),
    "mp3, from ffmpeg": files.sound("mp3", {"AIGC": files.aigc()}),
    "flac": files.sound("flac", {"AIGC": files.aigc()}),
    "ogg, FLAC": files.ogg_flac(AIGC=files.aigc(), LYRICS="la " * 40_000),
    "opus": files.sound("opus", {"AIGC": files.aigc()}),
}


@pytest.mark.parametrize("name", AIGC_CARRIERS)
def test_the_chinese_label_is_read_in_every_carrier(name):
    (label,) = read_labels(AIGC_CARRIERS[name], "application/octet-stream")
    assert (label.status, label.standard, label.value, label.kind) == (
        "found",
        "aigc",
        "1",
        "generated",
    ), TC260
    assert dict(label.details)["ContentProducer"] == files.AIGC["ContentProducer"]
    assert dict(label.details)["PropagateID"] == "7ac1f2d9"


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("flac", files.sound("flac", {"comment": "made with suno"})),
        ("ogg, FLAC", files.ogg_flac(COMMENT="made with suno")),
        ("ogg, Vorbis", files.vorbis("made with suno")),
        ("opus", files.sound("opus", {"comment": "made with suno"})),
        ("mp3", files.sound("mp3", {"comment": "made with suno"})),
        ("m4a", files.sound("mp4", {"comment": "made with suno"}, codec="aac")),
        ("mov", files.sound("mov", {"comment": "made with suno"}, codec="aac")),
        ("mkv", files.sound("matroska", {"comment": "made with suno"}, codec="libopus")),
        ("wav", files.sound("wav", {"comment": "made with suno"}, codec="pcm_f32le")),
        ("ID3v2.2", files.id3((b"COM", b"\0eng\0made with suno"), version=2)),
        (
            "ID3, UTF-16",
            files.id3(
                (b"COMM", b"\1eng\xff\xfe\0\0" + "\ufeffmade with suno".encode("utf-16-le")),
                version=3,
            ),
        ),
        ("ID3v1", b"\xff\xfb\x90\0" * 50 + b"TAG" + bytes(94) + b"made with suno".ljust(31, b"\0")),
        ("gif", files.saved("GIF", files.image("P"), comment=b"made with suno")),
        ("jpeg", files.saved("JPEG", comment=b"made with suno")),
    ],
)
def test_comments_are_read(kind, data):
    media_type = "audio/mpeg" if kind == "ID3v1" else "application/octet-stream"
    (label,) = read_labels(data, media_type)
    assert label.standard == "generator.suno"


def test_the_labels_of_texts_are_read():
    page = f'<html><head><meta name="digitalsourcetype" content="{ALTERED}"></head></html>'
    (label,) = read_labels(page.encode(), "text/html")
    assert (label.value, label.kind, label.carrier) == (ALTERED, "altered", "HTML meta element")
    (label,) = read_labels(b"---\nAIGC: {Label: '2'}\n---\n", "text/markdown")
    assert (label.standard, label.value, label.kind) == ("aigc", "2", None)
    assert read_labels(page.encode(), "text/plain") == ()


def test_the_packets_of_ingredients_are_not_those_of_the_file():
    said = f"<Iptc4xmpExt:DigitalSourceType>{GENERATED}</Iptc4xmpExt:DigitalSourceType>"
    inner = f"<rdf:li rdf:parseType='Resource'>{said}</rdf:li>"
    pantry = f"<xmpMM:Pantry><rdf:Bag>{inner}</rdf:Bag></xmpMM:Pantry>"
    assert read_labels(files.saved("JPEG", xmp=files.xmp(pantry)), "image/jpeg") == ()


@pytest.mark.parametrize(
    "packet",
    [
        files.xmp("").replace(
            b'rdf:about=""', f'rdf:about="" Iptc4xmpExt:DigitalSourceType="{GENERATED}"'.encode()
        ),
        files.xmp(f'<Iptc4xmpExt:DigitalSourceType rdf:resource="{GENERATED}"/>'),
        files.xmp(
            f"<Iptc4xmpExt:DigitalSourceType><rdf:Bag><rdf:li>{GENERATED}</rdf:li></rdf:Bag>"
            "</Iptc4xmpExt:DigitalSourceType>"
        ),
        files.xmp().replace(b"Iptc4xmpExt:", b"other:").replace(b":Iptc4xmpExt=", b":other="),
        files.xmp().replace(
            b' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"', b""
        ),
        files.xmp().decode().encode("utf-16"),
        files.xmp().decode().lstrip("\ufeff").encode("utf-16-le"),
        files.xmp().decode().encode("utf-16-be"),
        files.xmp() + b"\0\0\0 rest",
        files.xmp().replace(
            b"</rdf:Description>", b"<dc:title>\xff\xfe</dc:title></rdf:Description>"
        ),
    ],
)
def test_a_packet_may_be_written_in_many_ways(packet):
    (label,) = read_labels(files.wav((b"_PMX", packet)), "audio/wav")
    assert label.value == GENERATED


def test_what_cannot_be_read_is_said():
    broken = files.xmp().replace(b"</rdf:RDF>", b"")
    (label,) = read_labels(files.saved("JPEG", xmp=broken), "image/jpeg")
    assert (label.status, label.carrier, label.kind) == ("unreadable", "XMP", None)
    assert "XMP" in label.reason
    whole = extended()
    cut = whole.replace(
        b"http://ns.adobe.com/xmp/extension/", b"http://ns.adobe.com/xmp/extensioN/", 1
    )
    (label,) = read_labels(cut, "image/jpeg")
    assert label.status == "unreadable"
    (label,) = read_labels(JXL + files.box(b"brob", b"xml \x8b\0"), "image/jxl")
    assert label.status == "unreadable"
    assert "Brotli" in label.reason
    (label,) = read_labels(files.png({"AIGC": "yes"}), "image/png")
    assert (label.status, label.standard) == ("unreadable", "aigc")
    strange = files.xmp(
        "<Iptc4xmpExt:DigitalSourceType>made by Ann at home</Iptc4xmpExt:DigitalSourceType>"
    )
    (label,) = read_labels(files.saved("JPEG", xmp=strange), "image/jpeg")
    assert (label.status, label.value) == ("unreadable", None)
    # Broken XMP that tells nothing about AI is nobody's business here.
    assert read_labels(files.saved("JPEG", xmp=b"<x:xmpmeta"), "image/jpeg") == ()


@pytest.mark.parametrize(
    "data",
    [
        files.saved("JPEG"),
        files.saved("PNG"),
        files.saved("WEBP"),
        files.saved("TIFF"),
        files.saved("GIF", files.image("P")),
        files.wav(),
        files.sound("flac", {"title": "a song"}),
        files.video("mp4", {"title": "a film"}),
        b"",
        b"hello",
    ],
)
def test_files_without_labels_have_none(data):
    assert read_labels(data, "application/octet-stream") == ()


def test_a_label_said_twice_is_found_once():
    data = files.saved("JPEG", xmp=PACKET)
    end = 4 + int.from_bytes(data[4:6], "big")
    again = data[:2] + data[2:end] + data[end:]
    assert len(read_labels(again, "image/jpeg")) == 1


def test_a_camera_may_say_that_it_is_one():
    packet = files.xmp(
        f"<Iptc4xmpExt:DigitalSourceType>{IPTC}digitalCapture</Iptc4xmpExt:DigitalSourceType>"
    )
    (label,) = read_labels(files.saved("JPEG", xmp=packet), "image/jpeg")
    assert (label.value, label.kind) == (IPTC + "digitalCapture", None)
