"""What containers may hold besides: labels in odd places, full segments, several pictures."""

import io
import struct
import tracemalloc
import zlib

import av
import pytest
from PIL import Image

from tests.marking.label.samples import (
    RATE,
    SVG,
    decoded,
    modern_pdf,
    picture,
    pixels,
    sound,
    video,
)
from tests.marking.label.test_packet import CAPTURE, element, packet, values
from waarmerk.detection.labels import read_labels
from waarmerk.errors import OutputError
from waarmerk.marking import id3, vorbis
from waarmerk.marking.label import AigcLabel, LabelContent, labelled_bytes, labelled_file
from waarmerk.marking.label.packet import new_packet
from waarmerk.marking.metadata import XMP_EXTENSION, XMP_NAMESPACE, png_text_chunk
from waarmerk.marking.provenance import GENERATED
from waarmerk.marking.wave import chunk

CONTENT = LabelContent("generated", "A system", None, AigcLabel("acme"), "8" * 16)
OLD = packet(element("DigitalSourceType", CAPTURE) + element("CreatorTool", "x"), padding=40)
OTHER_AIGC = '{"Label":"1","ContentProducer":"another"}'


def sources(data, media_type):
    """Return the source types that a reader finds."""
    labels = read_labels(data, media_type)
    return [x.value for x in labels if x.standard == "iptc.digitalsourcetype"]


def segment(marker, content):
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def with_segments(*segments):
    data = picture("JPEG")
    return data[:20] + b"".join(segments) + data[20:]  # behind JFIF


# Pictures


@pytest.mark.parametrize(
    ("kind", "media_type", "options"),
    [
        ("JPEG", "image/jpeg", {"xmp": OLD.encode()}),
        ("WEBP", "image/webp", {"xmp": OLD.encode()}),
        ("AVIF", "image/avif", {"xmp": OLD.encode()}),
        ("TIFF", "image/tiff", {"tiffinfo": {700: OLD.encode()}}),
    ],
)
def test_an_xmp_packet_is_kept_and_extended(kind, media_type, options):
    data = picture(kind, **options)
    notes = []
    out = labelled_bytes(data, media_type, CONTENT, notes)
    assert decoded(out, media_type) == decoded(data, media_type)
    with Image.open(io.BytesIO(out)) as image:
        image.load()
        said = values(image.info["xmp"])
    assert said["CreatorTool"] == ["x"]
    assert said["DigitalSourceType"] == [GENERATED]
    assert len(notes) == 1
    if kind not in ("TIFF", "AVIF"):  # where what was there stays as unused bytes
        assert CAPTURE.encode() not in out


@pytest.mark.parametrize("compressed", [False, True])
def test_png_text_is_extended_compressed_or_not(compressed):
    text = png_text_chunk("XML:com.adobe.xmp", OLD.encode())
    if compressed:
        body = b"iTXtXML:com.adobe.xmp\0\1\0en\0title\0" + zlib.compress(OLD.encode())
        text = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    bare = picture("PNG")
    data = bare[:33] + text + bare[33:]
    out = labelled_bytes(data, "image/png", CONTENT)
    assert sources(out, "image/png") == [GENERATED]
    assert out.count(b"iTXt") == 1
    assert decoded(out, "image/png") == decoded(bare, "image/png")


def test_a_bomb_in_a_png_is_refused():
    for text in (zlib.compress(bytes(1 << 25)), b"x", zlib.compress(OLD.encode())[:-20]):
        body = b"iTXtXML:com.adobe.xmp\0\1\0\0\0" + text
        data = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        bare = picture("PNG")
        with pytest.raises(OutputError, match="compressed XMP"):
            labelled_bytes(bare[:33] + data + bare[33:], "image/png", CONTENT)


def test_a_full_segment_of_a_jpeg_gives_up_its_padding():
    room = 65533 - len(XMP_NAMESPACE)
    old = packet(element("CreatorTool", "x"), padding=room)
    old = packet(element("CreatorTool", "x"), padding=2 * room - len(old.encode()))
    data = with_segments(segment(0xE1, XMP_NAMESPACE + old.encode()))
    assert len(old.encode()) == room
    assert sources(labelled_bytes(data, "image/jpeg", CONTENT), "image/jpeg") == [GENERATED]

    empty = len(packet(element("CreatorTool", "")).encode())
    full = packet(element("CreatorTool", "x" * (room - empty))).encode()
    data = with_segments(segment(0xE1, XMP_NAMESPACE + full))
    with pytest.raises(OutputError, match="fills its segment"):
        labelled_bytes(data, "image/jpeg", CONTENT)


@pytest.mark.parametrize(("value", "refused"), [(CAPTURE, True), (GENERATED, False)])
def test_extended_xmp_of_a_jpeg_stays(value, refused):
    more = packet(element("DigitalSourceType", value)).encode()
    head = XMP_EXTENSION + b"A" * 32 + struct.pack(">I", len(more))
    parts = [(0, more[:100]), (100, more[100:])]
    blocks = [segment(0xE1, head + struct.pack(">I", at) + part) for at, part in parts[::-1]]
    data = with_segments(segment(0xE1, XMP_NAMESPACE + packet("").encode()), *blocks)
    if refused:
        with pytest.raises(OutputError, match="extended XMP states another"):
            labelled_bytes(data, "image/jpeg", CONTENT)
    else:
        out = labelled_bytes(data, "image/jpeg", CONTENT)
        assert all(block in out for block in blocks)


def test_a_jpeg_with_more_pictures_is_not_torn_apart():
    index = segment(0xE2, b"MPF\0II*\0\x08\0\0\0\0\0")
    xmp = segment(0xE1, XMP_NAMESPACE + packet("").encode())
    assert labelled_bytes(with_segments(xmp, index), "image/jpeg", CONTENT)
    with pytest.raises(OutputError, match="several pictures"):
        labelled_bytes(with_segments(index, xmp), "image/jpeg", CONTENT)


def test_a_jpeg_gets_its_label_behind_jfif_and_exif():
    exif = segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0")
    out = labelled_bytes(with_segments(exif), "image/jpeg", CONTENT)
    assert out[20 : 20 + len(exif)] == exif
    assert out[20 + len(exif) + 4 :].startswith(XMP_NAMESPACE)


def test_a_moving_gif_keeps_its_frames_and_its_loop():
    frames = [Image.fromarray(pixels()[:, ::step]).resize((64, 48)) for step in (1, 2, 4)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=90, loop=3)
    data = labelled_bytes(out.getvalue(), "image/gif", CONTENT)
    assert decoded(data, "image/gif") == decoded(out.getvalue(), "image/gif")
    with Image.open(io.BytesIO(data)) as image:
        assert (image.n_frames, image.info["loop"]) == (3, 3)
    old = labelled_bytes(data.replace(b"GIF89a", b"GIF87a", 1), "image/gif", CONTENT)
    assert old == data.replace(b"GIF89a", b"GIF87a", 1)  # which has its label already


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_kind_of_tiff(order, big):
    # One strip of 2 x 2 grey pixels, and a second page.
    def directory(at, strip, following):
        entries = [(256, 3, 2), (257, 3, 2), (258, 3, 8), (259, 3, 1), (262, 3, 1)]
        entries += [(273, 4, strip), (277, 3, 1), (278, 3, 2), (279, 4, 4)]
        out = struct.pack(order + ("Q" if big else "H"), len(entries))
        for tag, kind, value in entries:
            width = 8 if big else 4
            form = {3: "H", 4: "I"}[kind]
            out += struct.pack(order + "HH" + ("Q" if big else "I"), tag, kind, 1)
            out += struct.pack(order + form, value).ljust(width, b"\0")
        return out + struct.pack(order + ("Q" if big else "I"), following)

    mark = b"II" if order == "<" else b"MM"
    size = len(directory(0, 0, 0))
    head = 16 if big else 8
    first, second = head + 8, head + 8 + size
    start = (
        struct.pack(order + "HHHQ", 43, 8, 0, first)
        if big
        else struct.pack(order + "HI", 42, first)
    )
    data = mark + start + bytes(range(8)) + directory(first, head, second)
    data += directory(second, head + 4, 0)
    out = labelled_bytes(data, "image/tiff", CONTENT)
    assert out[8 if not big else 16 : len(data)] == data[8 if not big else 16 :]
    if order == "<" or not big:  # which Pillow does not read
        assert decoded(out, "image/tiff") == decoded(data, "image/tiff")
        assert len(decoded(out, "image/tiff")) == 2
    assert sources(out, "image/tiff") == [GENERATED]


def test_svg_metadata_of_drawing_programs_stays():
    rdf = (
        b'<metadata><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><a '
        b'xmlns="x" rdf:about=""/></rdf:RDF></metadata>'
    )
    data = SVG.replace(b"<rect", rdf + b"<rect")
    out = labelled_bytes(data, "image/svg+xml", CONTENT)
    assert rdf.removeprefix(b"<metadata>") in out
    # One element: the C2PA library would put a manifest into each.
    assert out.count(b"<metadata>") == 1
    assert sources(out, "image/svg+xml") == [GENERATED]
    inside = b"<metadata>" + OLD.encode() + b"</metadata>"
    out = labelled_bytes(SVG.replace(b"<rect", inside + b"<rect"), "image/svg+xml", CONTENT)
    assert sources(out, "image/svg+xml") == [GENERATED]
    assert out.count(b"<metadata>") == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x1f\x8b\x08", "compressed"),
        (SVG[:-9], "no XML"),
        (b"<svg/>", "draws nothing"),
        (b"<html></html>", "does not begin"),
        (b'<!DOCTYPE svg [<!ENTITY a "b">]><svg>&a;</svg>', "entities"),
        (SVG.replace(b"<rect", b"\xe9<rect"), "UTF-8"),
    ],
)
def test_svg_that_is_not_touched(data, message):
    with pytest.raises(OutputError, match=message):
        labelled_bytes(data, "image/svg+xml", CONTENT)


def test_jpeg_xl_that_is_not_touched():
    with pytest.raises(OutputError, match="bare JPEG XL"):
        labelled_bytes(b"\xff\x0a" + bytes(99), "image/jxl", CONTENT)
    head = b"\0\0\0\x0cJXL \r\n\x87\n"
    with pytest.raises(OutputError, match="compressed"):
        labelled_bytes(head + b"\0\0\0\x10brobxml abcd", "image/jxl", CONTENT)


# Documents


def test_a_pdf_is_only_added_to():
    for data in (picture("PDF"), modern_pdf()):
        out = labelled_bytes(data, "application/pdf", CONTENT)
        assert out.startswith(data)
        again = labelled_bytes(out, "application/pdf", CONTENT)
        assert again == out


def test_metadata_of_a_pdf_is_extended():
    data = picture("PDF")
    once = labelled_bytes(data, "application/pdf", LabelContent("altered"))
    more = once.replace(b"compositeWithTrainedAlgorithmicMedia", b"digitalCapture".ljust(36, b" "))
    notes = []
    out = labelled_bytes(more, "application/pdf", CONTENT, notes)
    assert sources(out, "application/pdf") == [GENERATED]
    assert "digitalCapture" in notes[0]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (modern_pdf().replace(b"/Root", b"/Encrypt 9 0 R/Root"), "encrypted"),
        (picture("PDF") + b"%/ByteRange", "signed"),
        (picture("PDF").replace(b"startxref\n", b"startxref\n9"), "cannot be read"),
        (b"%PDF-1.4\n", "does not begin and end"),
        (modern_pdf(b"<</Type/Catalog/Metadata 9 0 R>>"), "cannot be read"),
        (modern_pdf(b"<</Type/Catalog/Pages 2 0 R/A" + b"[" * 60 + b"]" * 60 + b">>"), "cannot"),
    ],
    ids=["encrypted", "signed", "no table", "nothing", "nowhere", "deep"],
)
def test_pdf_that_is_not_touched(data, message):
    with pytest.raises(OutputError, match=message):
        labelled_bytes(data, "application/pdf", CONTENT)


# Sounds and videos


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sounds")


def test_the_chunks_of_a_wav_stay_where_they_are(folder):
    bare = sound(folder, "wav", "pcm_s16le")
    extra = chunk(b"_PMX", OLD.encode()) + chunk(b"cue ", b"abc") + chunk(b"LIST", b"INFOICMT")
    data = bare + extra
    data = data[:4] + struct.pack("<I", len(data) - 8) + data[8:]
    out = labelled_bytes(data, "audio/wav", CONTENT)
    assert out.find(b"cue ") == data.find(b"cue ")
    assert CAPTURE.encode() not in out  # what was the packet is padding now, and empty
    assert sources(out, "audio/wav") == [GENERATED]
    assert decoded(out, "audio/wav") == decoded(bare, "audio/wav")
    assert struct.unpack_from("<I", out, 4)[0] == len(out) - 8


@pytest.mark.parametrize("media_type", ["audio/wav", "video/x-msvideo"])
def test_riff_that_is_not_touched(media_type, folder):
    data = sound(folder, "wav", "pcm_s16le") if media_type == "audio/wav" else video(folder, "avi")
    with pytest.raises(OutputError, match="one RIFF"):
        labelled_bytes(data + data, media_type, CONTENT)  # as OpenDML has it
    with pytest.raises(OutputError, match="does not begin"):
        labelled_bytes(b"RF64" + data[4:], media_type, CONTENT)
    part = data[:4] + struct.pack("<I", 192) + data[8:200]
    with pytest.raises(OutputError, match="damaged or cut off"):
        labelled_bytes(part, media_type, CONTENT)


def aigc_tags(data):
    """Return what FFmpeg finds under AIGC."""
    with av.open(io.BytesIO(data)) as container:
        tags = dict(container.metadata)
        for stream in container.streams:
            tags |= stream.metadata
    return {key: value for key, value in tags.items() if key.upper() == "AIGC"}


@pytest.mark.parametrize("kind", ["mp3", "flac", "ogg", "ipod", "mp4", "mov"])
def test_ffmpeg_finds_aigc_where_the_guides_put_it(kind, folder):
    media_type, made = {
        "mp3": ("audio/mpeg", lambda: sound(folder, "mp3", "libmp3lame")),
        "flac": ("audio/flac", lambda: sound(folder, "flac", "flac")),
        "ogg": ("audio/ogg", lambda: sound(folder, "ogg", "libopus", 48_000)),
        "ipod": ("audio/mp4", lambda: sound(folder, "ipod", "aac", RATE, (("title", "x"),))),
        "mp4": ("video/mp4", lambda: video(folder, "mp4", "use_metadata_tags", "faststart")),
        "mov": ("video/quicktime", lambda: video(folder, "mov")),
    }[kind]
    out = labelled_bytes(made(), media_type, CONTENT)
    (said,) = aigc_tags(out).values()
    assert said == CONTENT.aigc_json


def test_aigc_of_the_input_stays(folder):
    flac = sound(folder, "flac", "flac", RATE, (("AIGC", OTHER_AIGC),))
    mp3 = sound(folder, "mp3", "libmp3lame", RATE, (("AIGC", OTHER_AIGC),))
    wav = sound(folder, "wav", "pcm_s16le") + chunk(b"AIGC", OTHER_AIGC.encode())
    wav = wav[:4] + struct.pack("<I", len(wav) - 8) + wav[8:]
    for data, media_type in ((flac, "audio/flac"), (mp3, "audio/mpeg"), (wav, "audio/wav")):
        notes = []
        out = labelled_bytes(data, media_type, CONTENT, notes)
        labels = [x for x in read_labels(out, media_type) if x.standard == "aigc"]
        assert [dict(x.details)["ContentProducer"] for x in labels] == ["another"]
        assert notes == ["the AIGC label of the input stays: a file has one"]


def tagged(flags, body, version=4):
    return b"ID3" + bytes([version, 0, flags]) + id3._seven_bits(len(body)) + body


@pytest.mark.parametrize("version", [3, 4])
def test_frames_of_an_mp3_stay_byte_for_byte(version, folder):
    bare = sound(folder, "mp3", "libmp3lame")
    bare = bare[10 + id3._number(bare[6:10], 7) :]
    frame = b"TIT2\0\0\0\x03\0\0\0xy"
    private = b"PRIV\0\0\0\x05\0\0abc\0d"
    xmp = b"XMP\0" + OLD.encode()
    size = id3._seven_bits(len(xmp)) if version == 4 else struct.pack(">I", len(xmp))
    body = frame + b"PRIV" + size + b"\0\0" + xmp + private + bytes(300)
    out = labelled_bytes(tagged(0, body, version) + bare, "audio/mpeg", CONTENT)
    assert out[10:].startswith(frame + private)
    assert out.endswith(bare)
    assert sources(out, "audio/mpeg") == [GENERATED]
    assert CAPTURE.encode() not in out


def test_odd_tags_of_an_mp3(folder):
    bare = sound(folder, "mp3", "libmp3lame")
    bare = bare[10 + id3._number(bare[6:10], 7) :]
    frame = b"TIT2\0\0\0\x04\0\0\1\xff\0\xfe\0"
    extended = tagged(0x40, b"\0\0\0\x06\1\0" + b"TIT2\0\0\0\x03\0\0\0xy")
    assert sources(labelled_bytes(extended + bare, "audio/mpeg", CONTENT), "audio/mpeg")
    unsynchronised = tagged(0x80, frame, 3)
    assert sources(labelled_bytes(unsynchronised + bare, "audio/mpeg", CONTENT), "audio/mpeg")
    for tag, message in (
        (tagged(0x80, frame), "unsynchronised"),
        (tagged(0, frame, 2), "2.2"),
        (tagged(0, b"TIT2\x7f\x7f\x7f\x7f\0\0x"), "damaged"),
        (tagged(0x40, b"\x7f\x7f\x7f\x7f"), "damaged"),
        (b"ID3\4\0\0\x7f\x7f\x7f\x7f", "longer than the file"),
    ):
        with pytest.raises(OutputError, match=message):
            labelled_bytes(tag + bare, "audio/mpeg", CONTENT)
    assert sources(labelled_bytes(bare, "audio/mpeg", CONTENT), "audio/mpeg") == [GENERATED]


def test_comments_that_are_not_true_any_more_are_replaced(folder):
    entry = (("DigitalSourceType", CAPTURE), ("title", "x"))
    for container, codec, media_type in (
        ("flac", "flac", "audio/flac"),
        ("ogg", "libopus", "audio/ogg"),
    ):
        rate = RATE if container == "flac" else 48_000
        notes = []
        out = labelled_bytes(
            sound(folder, container, codec, rate, entry), media_type, CONTENT, notes
        )
        assert sources(out, media_type) == [GENERATED]
        assert len(notes) == 1


def test_comments_of_an_ogg_may_need_another_page(folder):
    # A page has 255 pieces of 255 bytes at most: 65,025.
    long = (("comment", "x" * 64_700),)
    data = sound(folder, "ogg", "libopus", 48_000, long)
    before = list(vorbis.pages(io.BytesIO(data)))
    out = labelled_bytes(data, "audio/ogg", CONTENT)
    after = list(vorbis.pages(io.BytesIO(out)))
    assert len(after) == len(before) + 1
    assert [page[18:22] for page in after] == [struct.pack("<I", i) for i in range(len(after))]
    assert decoded(out, "audio/ogg") == decoded(data, "audio/ogg")
    assert sources(out, "audio/ogg") == [GENERATED]
    with pytest.raises(OutputError, match="damaged or cut off"):
        labelled_bytes(data + b"rest", "audio/ogg", CONTENT)


def test_movies_that_are_not_touched(folder):
    movie = video(folder, "mp4")
    for data, message in (
        (movie[:-30], "damaged or cut off"),
        (movie + movie, "2 movie boxes"),
        (b"\0\0\0\x08free", "0 movie boxes"),
    ):
        with pytest.raises(OutputError, match=message):
            labelled_bytes(data, "video/mp4", CONTENT)


def test_an_old_packet_of_a_movie_becomes_empty_space(folder):
    movie = video(folder, "mp4")
    old = bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + OLD.encode()
    data = movie + struct.pack(">I", len(old) + 8) + b"uuid" + old
    out = labelled_bytes(data, "video/mp4", CONTENT)
    assert sources(out, "video/mp4") == [GENERATED]
    assert CAPTURE.encode() not in out
    assert decoded(out, "video/mp4") == decoded(movie, "video/mp4")


def test_a_last_box_without_a_length_gets_one(folder):
    movie = video(folder, "mp4", "faststart")
    at = movie.rindex(b"mdat") - 4
    data = movie[:at] + bytes(4) + movie[at + 4 :]
    out = labelled_bytes(data, "video/mp4", CONTENT)
    assert sources(out, "video/mp4") == [GENERATED]
    assert decoded(out, "video/mp4") == decoded(movie, "video/mp4")


def test_memory_stays_flat_on_a_large_file(folder, tmp_path):
    head = sound(folder, "wav", "pcm_s16le")[:44]
    size = 200_000_000
    path = tmp_path / "large.wav"
    with path.open("wb") as file:
        file.write(b"RIFF" + struct.pack("<I", 36 + size) + b"WAVE")
        file.write(chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)))
        file.write(b"data" + struct.pack("<I", size))
        file.truncate(len(head) + size)
    tracemalloc.start()
    with path.open("rb") as source, (tmp_path / "out").open("x+b") as out:
        labelled_file(source, out, "audio/wav", CONTENT)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert {x.standard for x in read_labels(out, "audio/wav")} >= {"aigc"}
    assert peak < 8_000_000
    assert new_packet(CONTENT, aigc=False) in (tmp_path / "out").read_bytes()[-3000:]
