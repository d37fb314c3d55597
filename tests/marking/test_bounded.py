"""What the C2PA library is never given: small files that would take it long; good ones pass."""

import io
import json
import struct
import time
import zlib

import c2pa
import pytest

from waarmerk.detection.manifest import read_manifest
from waarmerk.detection.reasons import TAG_DAMAGED, TOO_MANY_PIECES, reason_in_dutch
from waarmerk.errors import InputError
from waarmerk.marking.bounded import Bounded, trap_in
from waarmerk.marking.boxes import may_hold_manifest, too_many_boxes
from waarmerk.marking.certificate import make_test_chain
from waarmerk.marking.history import Parent, known
from waarmerk.marking.provenance import offline_settings
from waarmerk.marking.signer import Signer

C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


def box(kind, body=b""):
    return struct.pack(">I4s", 8 + len(body), kind) + body


HEAD = box(b"ftyp", b"isom\0\0\0\0mp42")
MOVIE = box(b"moov", box(b"mvhd", bytes(100)))
FREE = box(b"free")


def film(fragments, size=2000):
    """Return a film as DASH has it: one fragment for each few seconds."""
    track = box(b"tfhd", bytes(8)) + box(b"tfdt", bytes(12)) + box(b"trun", bytes(120))
    fragment = box(b"moof", box(b"mfhd", bytes(8)) + box(b"traf", track))
    return HEAD + MOVIE + (fragment + box(b"mdat", bytes(size))) * fragments


def picture(tiles):
    """Return the boxes of a HEIC that is put together of tiles."""
    entries = b"".join(
        box(b"infe", struct.pack(">IHH4sx", 2 << 24, n, 0, b"hvc1")) for n in range(tiles)
    )
    items = box(b"iinf", bytes(4) + struct.pack(">H", tiles) + entries)
    places = box(b"iloc", bytes(8 + 14 * tiles))
    properties = box(b"iprp", box(b"ipco", box(b"ispe", bytes(12)) * tiles))
    meta = box(b"meta", bytes(4) + box(b"hdlr", bytes(24)) + items + places + properties)
    return box(b"ftyp", b"heic\0\0\0\0mif1") + meta + box(b"mdat", bytes(tiles * 100))


@pytest.fixture(scope="module")
def context():
    return c2pa.Context.from_dict(offline_settings())


@pytest.fixture(scope="module")
def signed():
    """Return a function that signs a film with the library itself."""
    chain = make_test_chain()
    signer = Signer.from_pem(chain.chain, chain.key)
    actions = [{"action": "c2pa.created", "digitalSourceType": "http://c2pa.org/x"}]
    definition = {
        "claim_generator_info": [{"name": "x", "version": "1"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
    }

    def sign(data):
        context = c2pa.Context.from_dict(offline_settings())
        builder = c2pa.Builder(json.dumps(definition), context=context)
        out = io.BytesIO()
        with signer.native([]) as native:
            builder.sign(native, "video/mp4", io.BytesIO(data), out)
        return out.getvalue()

    return sign


GOOD = {
    "film": film(2500),
    "picture of tiles": picture(2000),
    "tracks": HEAD + box(b"moov", box(b"trak", box(b"mdia", box(b"minf", FREE))) * 100),
    "nothing": b"",
    "text": b"Some words.\n" * 10_000,
    "zeros": bytes(100_000),
    "PNG": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "cut off PDF": b"%PDF-1.7\n1 0 obj<<>>stream\n" + b"x" * 3_000_000,
    "PDF": b"%PDF-1.7\n" + b"1 0 obj<<>>stream\nabc\nendstream\nendobj\n" * 50_000,
}
BAD = {
    "at the top": HEAD + FREE * 20_000,
    "in one box": HEAD + box(b"moov", FREE * 20_000),
    "of a kind that is not known": HEAD + box(b"abcd", b"x" * 16) * 20_000,
    "deeper": HEAD + box(b"moov", box(b"trak", box(b"mdia", FREE * 20_000))),
    "in a meta box": HEAD + box(b"meta", bytes(4) + FREE * 20_000),
    "in a meta box of QuickTime": HEAD + box(b"meta", FREE * 20_000),
    "spread": HEAD + box(b"moov", box(b"trak", FREE * 100) * 1000),
    "with long sizes": HEAD + struct.pack(">I4sQ", 1, b"free", 16) * 20_000,
    "smaller than a box": HEAD + box(b"moov", struct.pack(">I", 4) * 40_000),
    "zeros in a box": HEAD + box(b"moov", bytes(800_000)),
    "film": film(6000, 20),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_files_are_given_to_the_library_and_take_it_little_time(name, context):
    data = GOOD[name]
    assert trap_in(io.BytesIO(data)) is None
    bounded = Bounded(io.BytesIO(data))
    start = time.process_time()
    try:
        reader = c2pa.Reader.try_create("video/mp4", bounded, context=context)
    except c2pa.C2paError:
        reader = None
    assert time.process_time() - start < 1.5
    assert reader is None
    assert not bounded.used_up


@pytest.mark.parametrize("name", BAD)
def test_boxes_without_end_are_not(name):
    data = BAD[name]
    start = time.process_time()
    assert too_many_boxes(io.BytesIO(data))
    assert trap_in(io.BytesIO(data)) == "boxes"
    assert time.process_time() - start < 1
    assert read_manifest(data, "video/mp4").status == "absent"
    with pytest.raises(InputError, match=r"one\.mp4: is cut into so many pieces"):
        known(Parent(data, "video/mp4", "one.mp4"), None)


def test_boxes_in_boxes_without_end_are_left_to_the_library_which_refuses_them():
    deep = b"".join(struct.pack(">I4s", 8 * (20_000 - i), b"udta") for i in range(20_000))
    data = HEAD + box(b"moov", deep)
    assert not too_many_boxes(io.BytesIO(data))
    start = time.process_time()
    found = read_manifest(data, "video/mp4")
    assert time.process_time() - start < 0.5
    assert found.status == "not_checked"
    assert "nested" in found.reason


def test_streams_without_end_in_a_pdf_are_not_searched_for_it():
    data = b"%PDF-1.7\n" + b"1 0 obj<<>>stream\n" * 30_000
    assert trap_in(io.BytesIO(data)) == "streams"
    late = b"%PDF-1.7\n" + b"1 0 obj<<>>stream\nendstream " + data + bytes(3_000_000)
    assert trap_in(io.BytesIO(late)) == "streams"
    start = time.process_time()
    found = read_manifest(data, "application/pdf")
    assert (found.status, found.reason) == ("not_checked", TOO_MANY_PIECES)
    with_store = read_manifest(data + b"jumdc2pa", "application/pdf")
    assert (with_store.status, with_store.reason) == ("error", TOO_MANY_PIECES)
    assert time.process_time() - start < 0.5
    with pytest.raises(InputError, match="pieces"):
        known(Parent(data, "application/pdf", "one.pdf"), None)


@pytest.mark.parametrize("over", range(9))
def test_a_stream_is_counted_once_wherever_the_file_is_cut(over):
    # Pieces of a megabyte from the end on; the word lies across the border between two of them.
    streams = b"stream\n" * 120
    data = b"%PDF-1.7\n" + streams + bytes(3 * (1 << 20) - 7 * 60 - over)
    assert trap_in(io.BytesIO(data)) == "streams"
    ended = data + b"\nendstream"
    assert trap_in(io.BytesIO(ended)) is None
    few = b"%PDF-1.7\n" + b"stream\n" * 100 + bytes(3 * (1 << 20) - over)
    assert trap_in(io.BytesIO(few)) is None


def test_a_signed_film_of_many_fragments_is_checked_without_the_library(signed):
    data = signed(film(3500, 20))
    assert too_many_boxes(io.BytesIO(data))
    start = time.process_time()
    found = read_manifest(data, "video/mp4")
    assert time.process_time() - start < 0.5
    assert found.status == "valid"
    broken = data[:-1] + b"\1"
    assert read_manifest(broken, "video/mp4").status == "invalid"


def test_a_manifest_that_cannot_be_got_at_is_said_to_be_there(signed):
    data = signed(film(10))
    found = read_manifest(data + FREE * 20_000, "image/heic")
    assert (found.status, found.reason) == ("error", TOO_MANY_PIECES)
    assert reason_in_dutch(TOO_MANY_PIECES) is not None


def test_a_reference_to_a_manifest_elsewhere_is_not_said_to_be_none():
    packet = box(b"uuid", XMP + b'<r dcterms:provenance="http://127.0.0.1/x"/>')
    assert may_hold_manifest(io.BytesIO(HEAD + packet))
    assert not may_hold_manifest(io.BytesIO(HEAD + box(b"uuid", XMP + b"<r/>") + FREE))
    assert may_hold_manifest(io.BytesIO(HEAD + box(b"uuid", C2PA)))
    assert not may_hold_manifest(io.BytesIO(HEAD + box(b"uuid") + box(b"uuid", C2PA[:8])))
    found = read_manifest(HEAD + FREE * 20_000 + packet, "video/mp4")
    assert (found.status, found.reason) == ("not_checked", TOO_MANY_PIECES)


def tag(frames, version=3, flags=0):
    size = bytes(len(frames) >> shift & 127 for shift in (21, 14, 7, 0))
    return b"ID3" + bytes([version, 0, flags]) + size + frames + b"\xff\xfb\x90\0" * 100


def packed(version, content):
    """Return a frame that is compressed, behind its length."""
    body = bytes(4) + zlib.compress(content, 9)
    size = len(body) if version == 3 else sum((len(body) >> 7 * n & 127) << 8 * n for n in range(4))
    return b"TXXX" + struct.pack(">IBB", size, 0, 0x80 if version == 3 else 0x09) + body


TITLE = b"TIT2\0\0\0\5\0\0\0four"
CHAPTER = b"CHAP\0\0\0\x26\0\0one\0" + bytes(16) + TITLE + b"\0\0\0"
CONTENTS = b"CTOC\0\0\0\x1a\0\0top\0\3\1one\0" + TITLE + b"\0"
GOOD_TAGS = {
    "empty": tag(b""),
    "plain": tag(TITLE * 3),
    "v2.4": tag(TITLE * 3, 4),
    "padded": tag(TITLE + bytes(100)),
    "chapters": tag(TITLE + CHAPTER + CONTENTS + TITLE),
    "extended": tag(bytes([0, 0, 0, 6]) + bytes(6) + TITLE, 3, 0x40),
    "compressed": tag(packed(3, bytes(100_000)) + TITLE),
    "compressed in v2.4": tag(packed(4, bytes(100_000)) + TITLE, 4),
    "no room for a length": tag(TITLE + b"TXXX\0\0\0\2\0\x80ab"),
    "v2.2": tag(b"TT2\xff\xff\xff\0", 2),
}
BAD_TAGS = {
    "beyond the tag": tag(TITLE + b"TXXX\xff\xff\xff\xf8\0\0"),
    "beyond the tag in v2.4": tag(TITLE + b"TXXX\x7f\x7f\x7f\x7f\0\0", 4),
    "an eighth bit": tag(TITLE + b"TXXX\0\0\xff\xff\0\0", 4),
    "compressed": tag(TITLE + packed(3, bytes(1 << 26))),
    "compressed in v2.4": tag(TITLE + packed(4, bytes(1 << 26)), 4),
    "many compressed": tag(packed(3, bytes(1 << 22)) * 9),
    "in a chapter": tag(CHAPTER.replace(b"TIT2\0", b"TIT2\1")),
    "in a table": tag(CONTENTS.replace(b"TIT2\0", b"TIT2\xff")),
    "behind another byte": tag(b"TXXX\xff\0\0\0\1\0\0ab", 3, 0x80),
    "extension": tag(b"\xff\xff\xff\xff" + TITLE, 3, 0x40),
}


@pytest.mark.parametrize("name", GOOD_TAGS)
def test_a_good_tag_is_given_to_the_library(name, context):
    assert trap_in(io.BytesIO(GOOD_TAGS[name])) is None
    assert read_manifest(GOOD_TAGS[name], "audio/mpeg").status == "absent"


@pytest.mark.parametrize("name", BAD_TAGS)
def test_a_tag_whose_frames_ask_for_all_memory_is_not(name):
    assert trap_in(io.BytesIO(BAD_TAGS[name])) == "tag"
    found = read_manifest(BAD_TAGS[name], "audio/mpeg")
    assert (found.status, found.reason) == ("not_checked", TAG_DAMAGED)
    assert reason_in_dutch(TAG_DAMAGED) is not None
    with pytest.raises(InputError, match="ID3 tag is damaged"):
        known(Parent(BAD_TAGS[name], "audio/mpeg", "one.mp3"), None)


def test_a_stream_is_read_so_often_and_no_more(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(1000))
    with path.open("rb") as file:
        bounded = Bounded(file)
        buffer = bytearray(10)
        for _ in range(60_010):
            bounded.seek(995)
            assert bounded.readinto(buffer) == 5
        assert not bounded.used_up
        with pytest.raises(OSError, match="too often"):
            bounded.readinto(buffer)
        assert bounded.used_up
        with pytest.raises(OSError, match="too often"):
            bounded.read(1)
        with pytest.raises(OSError, match="only read"):
            bounded.write(b"x")
    assert path.read_bytes() == bytes(1000)


def test_a_file_of_tiny_chunks_is_given_up_when_it_is_read_and_marked(context):
    chunks = struct.pack("<4sI", b"LIST", 0) * 300_000
    data = b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks
    assert trap_in(io.BytesIO(data)) is None
    start = time.process_time()
    assert read_manifest(data, "audio/wav").reason == TOO_MANY_PIECES
    with pytest.raises(InputError, match="pieces"):
        known(Parent(data, "audio/wav", "one.wav"), context)
    with pytest.raises(InputError, match="pieces"):
        known(Parent(data, "audio/wav", "one.wav", sidecar=b"jumb"), context)
    assert time.process_time() - start < 2
