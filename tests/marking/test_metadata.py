"""What a file says besides its pixels, read from well-made and from broken files."""

import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from waarmerk.marking.decoder import open_header
from waarmerk.marking.formats import FORMATS
from waarmerk.marking.metadata import (
    Metadata,
    exif_orientation,
    png_chunks,
    read_metadata,
    riff_chunks,
    upright_metadata,
)
from waarmerk.marking.tiff import Tag, build_exif


def turned(orientation: int, big: bool = False) -> bytes:
    exif = Image.Exif()
    exif.endian = ">" if big else "<"
    exif[0x010F] = "Maker"
    exif[0x0112] = orientation
    return exif.tobytes()[6:]


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_read_and_set_upright_in_place(orientation, big):
    exif = turned(orientation, big)
    assert exif_orientation(exif)[0] == orientation
    upright = upright_metadata(Metadata(exif=exif)).exif
    assert exif_orientation(upright)[0] == 1
    assert len(upright) == len(exif)
    assert sum(a != b for a, b in zip(upright, exif, strict=True)) == (orientation != 1)


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"II*\0",
        b"II*\0\xff\xff\xff\xff" + bytes(20),
        turned(9),
        turned(0),
        turned(6)[:20],
        build_exif({274: Tag(4, 1, b"\6\0\0\0")}),
        b"garbage that is long enough",
    ],
)
def test_an_orientation_that_makes_no_sense_is_none(exif):
    assert exif_orientation(exif) == (1, -1)


@given(st.binary(max_size=200))
def test_no_exif_breaks_the_reader(data):
    assert 1 <= exif_orientation(b"MM\0*" + data)[0] <= 8


def test_the_orientation_in_xmp_is_set_upright_too():
    xmp = b'<d tiff:Orientation="6"/><tiff:Orientation>8</tiff:Orientation><a x:Orientation="6"/>'
    assert upright_metadata(Metadata(xmp=xmp)).xmp == (
        b'<d tiff:Orientation="1"/><tiff:Orientation>1</tiff:Orientation><a x:Orientation="6"/>'
    )


def metadata_of(name: str, data: bytes) -> Metadata:
    image = open_header(data, FORMATS[name], "x")
    image.load()
    return read_metadata(name, data, image)


def jpeg(*blocks: bytes, tail: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "JPEG", dpi=(72, 72))
    data = buffer.getvalue()
    after_jfif = 4 + int.from_bytes(data[4:6], "big")
    return data[:after_jfif] + b"".join(blocks) + data[after_jfif:] + tail


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def test_jpeg_blocks_are_kept_whole_but_for_those_that_would_lie():
    iptc = segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\0")
    own = segment(0xE7, b"private")
    comment = segment(0xFE, b"hello")
    c2pa = segment(0xEB, b"JP\0\1\0\0\0\1jumb")
    adobe = segment(0xEE, b"Adobe\0d\0\0\0\0\1")
    index = segment(0xE2, b"MPF\0II*\0")
    found = metadata_of("JPEG", jpeg(iptc, own, c2pa, adobe, index, comment))
    assert found.head[1:] == (iptc, own, comment)
    assert found.head[0][4:8] == b"JFIF"
    assert found.only_here == ("the IPTC block", "the APP7 block")
    assert found.comment == b"hello"
    assert found.lost == ()


def test_what_lies_behind_a_jpeg_is_told():
    assert "1000 bytes" in metadata_of("JPEG", jpeg(tail=b"video" * 200)).lost[0]
    assert metadata_of("JPEG", jpeg(tail=bytes(1000))).lost == ()  # padding


def chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def test_png_chunks_are_kept_whole_but_for_those_that_would_lie():
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "a cat")
    info.add_text("AIGC", '{"Label": "1"}')
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG", pnginfo=info)
    data = buffer.getvalue()
    gamma = chunk(b"gAMA", struct.pack(">I", 45455))
    safe, unsafe, time = chunk(b"saFe", b"x"), chunk(b"unSA", b"x"), chunk(b"tIME", bytes(7))
    manifest, late = chunk(b"caBX", b"jumb"), chunk(b"tEXt", b"late\0text")
    data = data[:33] + gamma + safe + unsafe + time + manifest + data[33:-12] + late + data[-12:]
    found = metadata_of("PNG", data)
    assert found.head[:2] == (gamma, safe)
    assert len(found.head) == 4
    assert found.tail == (late,)
    assert found.only_here == (
        "the PNG chunk gAMA",
        "the PNG chunk saFe",
        "the PNG text 'parameters'",
        "the PNG text 'late'",
    )
    assert found.labels_only_here == ("an AIGC label in a PNG text chunk",)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_walks_through_chunks(data):
    for _kind, _content, _chunk in png_chunks(b"\x89PNG\r\n\x1a\n" + data):
        pass
    assert sum(1 for _ in riff_chunks(b"RIFF\0\0\0\0WEBP" + data)) <= len(data)
