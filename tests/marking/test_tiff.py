"""TIFF tags: read from hostile bytes, written into EXIF blocks and finished files."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from waarmerk.marking.tiff import Tag, append_tags, build_exif, read_tags

TAGS = {
    270: Tag(2, 5, b"Caf\xe9\0"),
    282: Tag(5, 1, struct.pack("<II", 300, 1)),
    296: Tag(3, 1, b"\2\0"),
    0x8769: {0x9003: Tag(2, 20, b"2026:01:01 00:00:00\0"), 0x9286: Tag(7, 3, b"abc")},
    0x8825: {1: Tag(2, 2, b"N\0")},
}


def big_endian(tags: dict) -> bytes:
    """The same block as build_exif writes, in the other byte order; only 2- and 4-byte values."""
    entries = sorted(tags.items())
    heap, at = b"", 8 + 2 + 12 * len(entries) + 4
    table = struct.pack(">H", len(entries))
    for number, (kind, values) in entries:
        raw = struct.pack(f">{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(raw) <= 4:
            table += struct.pack(">HHI", number, kind, len(values)) + raw.ljust(4, b"\0")
        else:
            table += struct.pack(">HHII", number, kind, len(values), at + len(heap))
            heap += raw
    return b"MM\0*\0\0\0\x08" + table + bytes(4) + heap


def test_what_is_written_is_read_again():
    assert read_tags(build_exif(TAGS)) == TAGS


def test_no_tags_make_no_block():
    assert build_exif({}) == b""


def test_pillow_reads_what_is_written():
    exif = Image.Exif()
    exif.load(build_exif(TAGS))
    assert exif[282] == 300
    assert exif.get_ifd(0x8769)[0x9286] == b"abc"
    assert exif.get_ifd(0x8825)[1] == "N"


def test_big_endian_values_are_turned():
    assert read_tags(big_endian({274: (3, (6,)), 1000: (3, (1, 2, 3)), 1001: (4, (70000, 1))})) == {
        274: Tag(3, 1, b"\6\0"),
        1000: Tag(3, 3, struct.pack("<3H", 1, 2, 3)),
        1001: Tag(4, 2, struct.pack("<2I", 70000, 1)),
    }


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate"])
def test_tags_are_added_to_a_finished_file(compression):
    pixels = np.random.default_rng(1).integers(0, 255, (37, 51, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "TIFF", compression=compression)
    data = append_tags(buffer.getvalue(), TAGS | {256: Tag(3, 1, b"\1\0")})
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(np.asarray(image), pixels)  # its own width won
        assert image.tag_v2[270] == "Café"
        assert image.getexif().get_ifd(0x8769)[0x9003] == "2026:01:01 00:00:00"


def test_a_bigtiff_is_read():
    buffer = io.BytesIO()
    Image.new("L", (5, 4)).save(buffer, "TIFF", big_tiff=True, description="here")
    tags = read_tags(buffer.getvalue())
    assert tags[270].value == b"here\0"
    assert all(tag.kind < 16 for tag in tags.values())  # 64-bit types have no place elsewhere


def test_directories_that_point_at_themselves_end():
    entry = struct.pack("<HHII", 0x8769, 4, 1, 8)
    block = b"II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry + bytes(4)
    assert read_tags(block) == {}


def test_values_that_overlap_do_not_multiply():
    # 4,000 tags that all claim the same 40 kB would be 160 MB.
    count = 4000
    end = 8 + 2 + 12 * count + 4
    entries = b"".join(struct.pack("<HHII", i + 1, 1, 40_000, end) for i in range(count))
    block = b"II*\0\x08\0\0\0" + struct.pack("<H", count) + entries + bytes(4) + bytes(40_000)
    assert sum(len(tag.value) for tag in read_tags(block).values()) <= len(block)


@given(st.binary(max_size=300), st.sampled_from([b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"]))
def test_no_bytes_break_the_reader(data, magic):
    tags = read_tags(magic + data)
    assert read_tags(build_exif(tags)) == tags
