"""Files of which the library is not asked: it would find nothing, whatever happened to them."""

import io

import numpy as np
import pytest
from PIL import Image

from waarmerk.detection.manifest import read_manifest, reader
from waarmerk.detection.manifest.nothing import surely_none

TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"


def encoded(name, **options):
    noise = np.random.default_rng(1).integers(0, 256, (40, 50, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, name, **options)
    return file.getvalue()


CASES = {
    "jpeg": ("JPEG", {}),
    "jpeg progressive": ("JPEG", {"progressive": True, "comment": b"here", "dpi": (72, 72)}),
    "jpeg exif": ("JPEG", {"exif": Image.Exif().tobytes(), "restart_marker_rows": 1}),
    "png": ("PNG", {}),
    "png exif": ("PNG", {"exif": Image.Exif().tobytes(), "dpi": (72, 72)}),
    "webp": ("WEBP", {}),
    "webp lossless": ("WEBP", {"lossless": True, "exif": b"Exif\0\0MM\0*"}),
    "gif": ("GIF", {}),
    "gif with more": ("GIF", {"comment": b"here", "loop": 3, "transparency": 3, "duration": 9}),
}


def asked(data, media_type, monkeypatch):
    """What is found when the library is always asked."""
    with monkeypatch.context() as always:
        always.setattr(reader, "surely_none", lambda *_: False)
        return read_manifest(data, media_type)


@pytest.mark.parametrize("case", CASES)
def test_the_library_is_not_asked_of_files_in_order(case, monkeypatch):
    name, options = CASES[case]
    data = encoded(name, **options)
    assert surely_none(data, TYPES[name])
    finding = read_manifest(data, TYPES[name])
    assert finding.status == "absent"
    assert finding == asked(data, TYPES[name], monkeypatch)
    assert not surely_none(data, "image/tiff")
    assert not surely_none(data, None)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
def test_it_is_asked_where_there_is_xmp(name):
    if name == "PNG":
        text = b"XML:com.adobe.xmp" + bytes(5) + XMP
        data = encoded(name)
        data = data[:33] + len(text).to_bytes(4, "big") + b"iTXt" + text + bytes(4) + data[33:]
    else:
        data = encoded(name, xmp=XMP)
    assert not surely_none(data, TYPES[name])


@pytest.mark.parametrize("application", [b"C2PA_GIF\1\0\0", b"XMP DataXMP"])
def test_it_is_asked_where_a_gif_has_such_an_application(application):
    data = encoded("GIF")
    at = 13 + (3 << ((data[10] & 7) + 1))
    block = b"\x21\xff\x0b" + application + b"\x01a\0"
    assert not surely_none(data[:at] + block + data[at:], TYPES["GIF"])
    block = b"\x21\xff\x0bNETSCAPE2.0\x01a\0"
    assert surely_none(data[:at] + block + data[at:], TYPES["GIF"])


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("JPEG", b"\xff\xeb\x00\x04ab"),
        ("PNG", b"\x00\x00\x00\x02caBXab\0\0\0\0"),
        ("WEBP", b"C2PA\x02\0\0\0ab"),
    ],
)
def test_it_is_asked_where_there_is_a_place_for_one(name, part):
    data = encoded(name)
    at = {"JPEG": 2, "PNG": 33, "WEBP": 12}[name]
    data = data[:at] + part + data[at:]
    if name == "WEBP":
        data = data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:]
    assert not surely_none(data, TYPES[name])


def test_it_is_asked_where_there_are_very_many_pieces():
    data = encoded("PNG")
    chunk = b"\0\0\0\0IDAT\0\0\0\0"
    assert surely_none(data[:33] + 9_000 * chunk + data[33:], TYPES["PNG"])
    assert not surely_none(data[:33] + 11_000 * chunk + data[33:], TYPES["PNG"])


@pytest.mark.parametrize("name", TYPES)
def test_of_damaged_files_too_it_would_say_the_same(name, monkeypatch):
    rng = np.random.default_rng(len(name))
    plain, sure = encoded(name), 0
    for _ in range(400):
        data = bytearray(plain)
        for _ in range(rng.integers(1, 4)):
            at = int(rng.integers(min(len(data), int(rng.choice([40, 700, len(data)])))))
            kind = rng.integers(5)
            if kind == 0:
                data[at] = int(
                    rng.choice([0, 255, 0x3B, 0x21, 0xD9, 0xDA, 0xEB, rng.integers(256)])
                )
            elif kind == 1:
                del data[at : at + int(rng.integers(1, 30))]
            elif kind == 2:
                data[at:at] = rng.bytes(int(rng.integers(1, 30)))
            elif kind == 3:
                data += rng.bytes(int(rng.integers(1, 100)))
            elif len(data) > 100:
                del data[int(rng.integers(100, len(data))) :]
        if surely_none(bytes(data), TYPES[name]):
            sure += 1
            finding = asked(bytes(data), TYPES[name], monkeypatch)
            assert finding.status == "absent", bytes(data)
    assert sure > 20
