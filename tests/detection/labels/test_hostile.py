"""No file makes the reader of labels fail, hang, or need much memory."""

import io
import random
import struct
import subprocess
import sys
import time
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.detection.labels import files
from tests.detection.labels.samples import SAMPLES
from tests.detection.labels.test_carriers import AIGC_CARRIERS, CARRIERS, PACKET
from waarmerk.detection.labels import read_labels

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared" / "fixtures" / "c2pa"
GOOD = [*CARRIERS.values(), *AIGC_CARRIERS.values(), *(sample[0] for sample in SAMPLES.values())]
STARTS = (
    b"\xff\xd8\xff\xe1",
    b"\x89PNG\r\n\x1a\n",
    b"RIFF\0\0\0\0WAVE",
    b"GIF89a",
    b"II*\0",
    b"MM\0+",
    b"\0\0\0\x0cJXL \r\n\x87\n",
    b"\0\0\0\x08ftyp",
    b"fLaC",
    b"OggS",
    b"\x1aE\xdf\xa3",
    b"%PDF-",
    b"ID3\4\0\0",
    b"<svg",
    b"",
)
BOMB = zlib.compress(bytes(30_000_000), 9)
LAUGHS = b"<!DOCTYPE x [<!ENTITY a0 'ha'>" + b"".join(
    b"<!ENTITY a%d '%s'>" % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12)
)


def nested(depth, kind=b"moov"):
    """Boxes in boxes."""
    out = bytearray()
    for level in range(depth, 0, -1):
        out += struct.pack(">I4s", 8 * level, kind)
    return bytes(out)


def sub_directories(count):
    """A TIFF whose directories point at one another, and at themselves."""
    entry = struct.pack("<HHII", 0x8769, 4, 1, 8)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", count) + entry * count + struct.pack("<I", 8)


def many_texts():
    chunks = b"".join(files.chunk(b"tEXt", b"k%d\0v" % n) for n in range(100_000))
    return files.png_with(chunks)


HOSTILE = {
    "boxes in boxes": files.box(b"ftyp", b"isom\0\0\0\0isom") + nested(1_250_000),
    "user data in user data": files.box(b"moov", nested(1_250_000, b"udta")),
    "empty boxes": files.box(b"ftyp", b"") * 1_250_000,
    "boxes of no length": b"\0\0\0\x08ftyp" + bytes(10_000_000),
    "items without end": files.heic(PACKET).replace(b"\0\2\0\1", b"\xff\xff\0\1"),
    "text bombs": files.png_with(files.chunk(b"zTXt", b"parameters\0\0" + BOMB) * 200),
    "packet bombs": files.png_with(
        files.chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + BOMB) * 200
    ),
    "frame bomb": files.id3((b"TXXX", b"\0\0\0\0" + BOMB), version=3),
    "pdf bombs": b"%PDF-1.7\n"
    + b"1 0 obj\n<< /Type /ObjStm /Filter /FlateDecode >>\nstream\n%s\nendstream\nendobj\n"
    % BOMB
    * 100,
    "pdf of open streams": b"%PDF-1.7\n" + b"1 0 obj /Type /Metadata stream\n" * 300_000,
    "pdf of open objects": b"%PDF-1.7\n" + b"1 0 obj /Type /ObjStm stream\n" * 300_000,
    "pdf of numbers": b"%PDF-1.7\n" + b"1 0 obj " * 1_200_000,
    "pdf of types": b"%PDF-1.7\n" + b"/Type /Catalog " * 700_000,
    "pdf of spaces": b"%PDF-1.7\n" + b"/Type" + b" " * 10_000_000,
    "100,000 texts": many_texts(),
    "a billion laughs": files.wav(
        (b"_PMX", LAUGHS + b"]><rdf:RDF>&a11; DigitalSourceType</rdf:RDF>")
    ),
    "laughs in an svg": LAUGHS + b"]><svg>&a11;</svg>",
    "elements in elements": files.wav((b"_PMX", b"<rdf:RDF>" + b"<a>" * 1_000_000)),
    "many elements": files.wav(
        (b"_PMX", files.xmp("<dc:title>DigitalSourceType</dc:title>" * 90_000))
    ),
    "many attributes": files.wav(
        (
            b"_PMX",
            files.xmp("").replace(
                b'about=""', b'about="" ' + b" ".join(b'a%d="x"' % n for n in range(100_000))
            ),
        )
    ),
    "many packets": b"\0" + PACKET * 10_000,
    "packets without end": b"\0" + b"<rdf:RDF>" * 1_000_000,
    "a lying tag": b"ID3\4\0\0\x7f\x7f\x7f\x7f" + b"TXXX\x7f\x7f\x7f\x7f\0\0" + bytes(1000),
    "frames of no length": b"ID3\4\0\0\x7f\x7f\x7f\x7f" + b"TXXX\0\0\0\0\0\0" * 100_000,
    "frames of one byte": b"ID3\4\0\0\x7f\x7f\x7f\x7f" + b"TXXX\0\0\0\1\0\0a" * 900_000,
    "lying comments": files.ogg(b"\x01vorbis", b"\x03vorbis\0\0\0\0\xff\xff\xff\xff" + bytes(900)),
    "pages without packets": b"OggS\0\0" + bytes(20) + b"\0" + files.ogg(b"") * 300_000,
    "a comment without end": files.ogg(b"\x01vorbis", b"\x03vorbis" + bytes(8_000_000)),
    "blocks without end": b"fLaC" + b"\1\0\0\0" * 2_000_000,
    "chunks of no length": b"RIFF\0\0\0\0WAVE" + b"junk\0\0\0\0" * 1_200_000,
    "a chunk in a chunk": b"RIFF\0\0\0\0WAVE" + b"LIST\x04\0\x30\0INFO" * 800_000,
    "directories in circles": sub_directories(60_000),
    "extensions without end": files.saved("GIF", files.image("P"))[:-1] + b"!\xff\0" * 3_000_000,
    "packets in a gif": files.saved("GIF", files.image("P"))[:-1]
    + b"!\xff\x0bXMP DataXMP\1\xff\xfe\0" * 400_000,
    "elements of no length": b"\x1aE\xdf\xa3\x80" + b"\xec\x80" * 3_000_000,
    "segments in a jpeg": b"\xff\xd8" + b"\xff\xe9\0\2" * 2_000_000,
    "datasets": files.jpeg((0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\0" * 5000)),
    "nested json": files.png({"prompt": '{"a":' * 500_000, "workflow": '{"AIGC":' * 100_000}),
    "steps": files.png(
        {"parameters": "Steps: 1, " * 400_000, "comment": "Steps: 1," + "A" * 900_000}
    ),
    "settings": files.png({"parameters": "Steps: 20, Seed: 1, " + "A " * 400_000}),
    "a dream": files.png({"Dream": '"' + "a" * 900_000 + '" -s' + " -s" * 300_000}),
    "a job": files.png({"Description": "--v " * 200_000 + "Job ID: " + "0" * 900_000}),
    "a signature": files.saved("JPEG", exif=files.exif({0x010E: "Signature:" + " " * 60_000})),
    "a digest": files.jpeg(
        *[(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(32) + b"\xff" * 8)] * 200,
        (
            0xE1,
            b"http://ns.adobe.com/xap/1.0/\0"
            + files.xmp("<xmpNote:HasExtendedXMP>0</xmpNote:HasExtendedXMP>"),
        ),
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_soon(name):
    start = time.process_time()
    labels = read_labels(HOSTILE[name], "application/octet-stream")
    assert time.process_time() - start < 2.0
    assert isinstance(labels, tuple)
    for label in labels:
        assert len(str(label.as_dict())) < 5000


def test_what_was_not_read_is_said():
    (label,) = read_labels(HOSTILE["100,000 texts"], "image/png")
    assert (label.status, label.carrier) == ("unreadable", "file")


def test_a_large_gif_is_stepped_over():
    data = CARRIERS["gif"]
    at = data.index(b"!\xff\x0bXMP")
    pixels = b"!\xff" + (b"\xff" + bytes(255)) * 300_000 + b"\0"
    (label,) = read_labels(data[:at] + pixels + data[at:], "image/gif")
    assert label.kind == "generated"


@pytest.mark.parametrize("name", ["text bombs", "packet bombs", "pdf bombs", "frame bomb"])
def test_a_bomb_needs_little_memory(name):
    tracemalloc.start()
    read_labels(HOSTILE[name], "application/octet-stream")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 150_000_000


class Counting(io.RawIOBase):
    """A large file of zeros around what there is at its start and end."""

    def __init__(self, head, tail, size):
        self._parts = ((0, head), (size - len(tail), tail))
        self._size, self._at, self.read_bytes = size, 0, 0

    def seekable(self):
        return True

    def seek(self, offset, whence=0):
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self):
        return self._at

    def read(self, count=-1):
        count = max(0, min(self._size - self._at if count < 0 else count, self._size - self._at))
        out = bytearray(count)
        for start, part in self._parts:
            first, last = max(start, self._at), min(start + len(part), self._at + count)
            if first < last:
                out[first - self._at : last - self._at] = part[first - start : last - start]
        self._at += count
        self.read_bytes += count
        return bytes(out)


@pytest.mark.parametrize(
    ("head", "tail"),
    [
        (
            b"RIFF\0\0\0\0WAVEdata" + struct.pack("<I", 3_000_000_000),
            b"_PMX" + struct.pack("<I", len(PACKET)) + PACKET + b"\0" * (len(PACKET) % 2),
        ),
        (
            b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0"
            + bytes(8)
            + struct.pack("<Q", 3_000_000_000)
            + bytes(12)
            + b"data\xff\xff\xff\xff",
            b"_PMX" + struct.pack("<I", len(PACKET)) + PACKET + b"\0" * (len(PACKET) % 2),
        ),
        (
            files.box(b"ftyp", b"isom\0\0\0\0isom")
            + struct.pack(">I4sQ", 1, b"mdat", 3_000_000_016),
            files.box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + PACKET),
        ),
    ],
)
def test_a_large_file_is_not_read_whole(head, tail):
    size = len(head) + 3_000_000_000 + len(tail)
    file = Counting(head, tail, size)
    (label,) = read_labels(file, "application/octet-stream")
    assert label.kind == "generated"
    assert file.read_bytes < 100_000


@settings(derandomize=True, deadline=None, max_examples=300)
@given(
    st.sampled_from(STARTS),
    st.binary(max_size=300),
    st.sampled_from(["", "audio/mpeg", "text/html", "text/markdown"]),
)
def test_random_bytes_are_read_without_fail(start, rest, media_type):
    assert isinstance(read_labels(start + rest, media_type), tuple)


def test_files_may_end_anywhere_and_be_damaged():
    rng = random.Random(5)  # noqa: S311
    for data in GOOD:
        for _ in range(12):
            cut = bytearray(data[: rng.randrange(len(data) + 1)] if rng.random() < 0.5 else data)
            for _ in range(rng.randrange(4)):
                if cut:
                    at = rng.randrange(len(cut))
                    cut[at : at + rng.choice((1, 1, 4))] = rng.randbytes(rng.choice((0, 1, 1, 4)))
            for label in read_labels(bytes(cut), "application/octet-stream"):
                assert label.status in ("found", "unreadable")
                str(label.as_dict()).encode()


def test_a_picture_without_labels_costs_next_to_nothing():
    data = files.saved("JPEG")
    read_labels(data, "image/jpeg")
    best = 1.0
    for _ in range(50):
        start = time.perf_counter()
        read_labels(data, "image/jpeg")
        best = min(best, time.perf_counter() - start)
    assert best < 0.0005


def test_reading_labels_loads_no_arrays():
    code = (
        "import sys; from waarmerk.detection.labels import read_labels; "
        "read_labels(b'\\xff\\xd8\\xff\\xd9', 'image/jpeg'); "
        "print(*(m for m in ('numpy', 'numba', 'PIL', 'av', 'c2pa') if m in sys.modules))"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="needs the C2PA files in ../shared")
def test_real_files_of_others_are_read():
    found = {}
    for path in sorted(SHARED.rglob("*.*")):
        if path.suffix not in (".json", ".md", ".pem", ".cfg"):
            with path.open("rb") as file:
                found[path.name] = read_labels(file, "application/octet-stream")
    (remote,) = found["cloud.jpg"]
    assert remote.standard == "c2pa.remote-manifest"
    assert all(
        label.status in ("found", "unreadable") for labels in found.values() for label in labels
    )
