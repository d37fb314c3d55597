"""Large pictures in an unusual form: what is not understood here is left to the C2PA library."""

import io
import struct

import pytest

from tests.marking.test_large_picture import GIF, META, SVG, both, saved, signed, svg, tiff
from waarmerk.marking import gif_manifest, large_file, svg_manifest, svg_scan, tiff_manifest


def test_two_manifests_are_left_to_the_library(monkeypatch):
    data = signed(monkeypatch, (saved("GIF"), GIF), in_pieces=True)
    (start, length), *_ = large_file.embedded_store(io.BytesIO(data), GIF).left_out
    block = data[start : start + length]
    two = data[:start] + block + data[start:]
    assert gif_manifest.store_in(io.BytesIO(two)) is None
    assert gif_manifest.embedding(io.BytesIO(two)) is None
    # Behind the first image nobody looks for one.
    late = data[:-1] + block + data[-1:]
    assert both(monkeypatch, late, GIF).status == "invalid"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        b"GIF88a" + bytes(20),
        b"GIF89a" + bytes(6),
        saved("GIF")[:40],
        b"GIF89a" + bytes(7) + b"\x21\x77\0\x3b",
        b"GIF89a" + bytes(7) + b"\x21\xff\x0aC2PA_GIF\1\0\0\0\x3b",
        b"GIF89a" + bytes(7) + b"\x21\xff\x0bC2PA_GIF\1\0\0\xffcut off",
        b"GIF89a" + bytes(7) + b"\x21\x01\x0c" + bytes(13) + b"\x2c" + bytes(20),
        b"GIF89a" + bytes(7) + b"\x21\xfe\0" * 200_000,
    ],
)
def test_a_gif_in_an_unusual_form_is_left_to_the_library(data):
    assert gif_manifest.store_in(io.BytesIO(data)) is None
    assert gif_manifest.embedding(io.BytesIO(data)) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        b"\xef\xbb\xbf" + svg(),
        svg().decode().encode("utf-16"),
        b"<s:svg></s:svg>",
        b"<svg/>",
        b"<svg>" * 2,
        b"<svg></g>",
        b"<svg></svg><svg></svg>",
        b"<svg><!-- </svg>",
        b"<svg><?x </svg>",
        b"<svg><g a='</svg>",
        b"<svg><g a=<b></g></svg>",
        b"<svg></svg x>",
        b"<!DOCTYPE svg [<!ENTITY a 'b'>]><svg></svg>",
        b"<svg>" + b"<g>" * 20_000 + b"</g>" * 20_000 + b"</svg>",
        b"<svg a='" + b"x" * 3_000_000 + b"'></svg>",
        b"<svg><metadata><c2pa:manifest/></metadata></svg>",
        b"<svg><metadata><c2pa:manifest><g/></c2pa:manifest></metadata></svg>",
        b"<svg><metadata><c2pa:manifest>AA<!-- -->AA</c2pa:manifest></metadata></svg>",
        b"<svg><metadata>" + b"<c2pa:manifest>AAAA</c2pa:manifest>" * 2 + b"</metadata></svg>",
        b"<svg><" + b"a" * 300 + b"></svg>",
    ],
)
def test_an_svg_in_an_unusual_form_is_left_to_the_library(data):
    assert svg_manifest.store_in(io.BytesIO(data)) is None
    assert svg_manifest.embedding(io.BytesIO(data)) is None


@pytest.mark.parametrize("content", [b"", b" AAAA", b"AAAA\n", b"AA&#65;A", b"AAB=", b"A", b"AA=="])
def test_what_is_not_base64_is_left_to_the_library(content):
    data = b"<svg><metadata><c2pa:manifest>" + content + b"</c2pa:manifest></metadata></svg>"
    found = svg_manifest.store_in(io.BytesIO(data))
    assert (found is None) == (content != b"AA==")


def test_pieces_may_end_anywhere(monkeypatch):
    monkeypatch.setattr(svg_scan, "_PIECE", 1)
    data = (
        b"<!DOCTYPE svg><svg a='>'><!-- - --><metadata/><metadata >t</metadata><![CDATA[]]]></svg>"
    )
    one = svg_scan.scanned(io.BytesIO(data))
    monkeypatch.undo()
    assert one.metadata == [data.index(b">t") + 1]
    assert one == svg_scan.scanned(io.BytesIO(data))


def test_a_manifest_in_front_of_other_metadata_is_left_to_the_library(monkeypatch):
    data = signed(monkeypatch, (svg(), SVG), in_pieces=True)
    more = data.replace(b"</svg>\n", META + b"</svg>\n")
    assert svg_manifest.store_in(io.BytesIO(data)) is not None
    assert svg_manifest.store_in(io.BytesIO(more)) is None
    assert svg_manifest.embedding(io.BytesIO(more)) is None
    assert both(monkeypatch, more, SVG).status == "invalid"
    # Of two, the last one takes the manifest; the library alone would write two.
    data = signed(monkeypatch, (svg(META, META), SVG), in_pieces=True)
    assert both(monkeypatch, data, SVG).status == "trusted"


def entry(tag, kind, number, value):
    return struct.pack("<HHII", tag, kind, number, value)


def directory(*entries, following=0):
    return struct.pack("<H", len(entries)) + b"".join(entries) + struct.pack("<I", following)


WIDTH = entry(256, 3, 1, 1)
HEAD = b"II*\0" + struct.pack("<I", 8)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"II*\0",
        b"II*\0" + struct.pack("<I", 7000) + bytes(40),
        b"II+\0\4\0\0\0" + bytes(40),
        HEAD + b"\xff\xff" + bytes(100),
        HEAD + directory(WIDTH, following=8) + bytes(20),
        HEAD + directory(WIDTH, WIDTH) + bytes(20),
        HEAD + directory(WIDTH, entry(34665, 4, 1, 9000)) + bytes(20),
        HEAD + directory(WIDTH, entry(330, 4, 900, 8)) + bytes(20),
        HEAD + directory(WIDTH, entry(330, 4, 5000, 8)) + bytes(20),
        tiff(2, big=True, below=1),
    ],
)
def test_a_tiff_in_an_unusual_form_is_left_to_the_library(data):
    assert tiff_manifest.embedding(io.BytesIO(data)) is None
    assert tiff_manifest.store_in(io.BytesIO(data)) is None


@pytest.mark.parametrize(
    "value",
    [
        entry(0xCD41, 1, 30, 40),
        entry(0xCD41, 7, 4, 40),
        entry(0xCD41, 7, 30, 9),
        entry(0xCD41, 7, 30, 1000),
        entry(0xCD41, 7, (1 << 26) + 1, 40),
    ],
)
def test_a_tag_that_makes_no_sense_is_left_to_the_library(value):
    data = HEAD + directory(WIDTH, value) + bytes(100)
    assert tiff_manifest.store_in(io.BytesIO(data)) is None
    good = HEAD + directory(WIDTH, entry(0xCD41, 7, 30, 40)) + bytes(100)
    assert tiff_manifest.store_in(io.BytesIO(good)).left_out == ((26, 4), (40, 30))
    unsorted = HEAD + directory(entry(0xCD41, 7, 30, 40), WIDTH) + bytes(100)
    assert tiff_manifest.store_in(io.BytesIO(unsorted)) is None


def test_the_tag_in_one_of_several_pages_is_left_to_the_library():
    end = 8 + len(directory(WIDTH, WIDTH))
    first = directory(WIDTH, entry(0xCD41, 7, 30, 70), following=end)
    data = HEAD + first + directory(WIDTH) + bytes(100)
    assert tiff_manifest.embedding(io.BytesIO(data)) is None
    assert tiff_manifest.store_in(io.BytesIO(data)) is not None  # older files have it there
    second = directory(WIDTH, entry(0xCD41, 7, 30, 70))
    data = HEAD + first + second + bytes(100)
    assert tiff_manifest.store_in(io.BytesIO(data)) is None


def test_a_tiff_near_four_gigabytes_is_left_to_the_library():
    class Long(io.BytesIO):
        def seek(self, place, whence=0):
            return (1 << 32) - (1 << 20) if whence == 2 else super().seek(place, whence)

    assert tiff_manifest.embedding(Long(tiff())) is None
    assert tiff_manifest.embedding(Long(tiff(big=True))) is not None
