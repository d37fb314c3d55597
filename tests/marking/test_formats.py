"""Judging files by their content, and reading them."""

import io
import os

import pytest
from PIL import Image

from waarmerk.errors import InputError, OutputError, UnsupportedInputError
from waarmerk.marking import formats
from waarmerk.marking.formats import FORMATS, format_for_output, mislabelled, read_source, sniff


def encoded(format_name: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 12), (90, 120, 40)).save(buffer, format_name)
    return buffer.getvalue()


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_known_by_its_content(name):
    assert sniff(encoded(name), "x") is FORMATS[name]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"%PDF-1.7", "PDF"),
        (b"PK\x03\x04rest", "ZIP"),
        (b"8BPS", "Photoshop"),
        (b"\x00\x00\x00\x18ftypheic\0\0\0\0mif1heic", "HEIF"),
        (b"\x00\x00\x00\x18ftypisom\0\0\x02\0isomiso2", "video"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "WAV"),
        (b"<svg xmlns=", "SVG"),
        (b"#!/bin/sh", "script"),
    ],
)
def test_other_files_are_called_what_they_are(data, what):
    with pytest.raises(UnsupportedInputError, match=rf"^f\.jpg: is .*{what}.*supported are JPEG"):
        sniff(data, "f.jpg")


def test_avif_is_also_known_by_a_compatible_brand():
    assert sniff(b"\0\0\0\x20ftypmif1\0\0\0\0mif1miafavifMA1B", "x").name == "AVIF"


@pytest.mark.parametrize("data", [b"hello", b"\0" * 100, b"BM is how this text begins", b"RIFF"])
def test_what_is_no_picture_is_said_to_be_none(data):
    with pytest.raises(InputError, match=r"^x: is not a picture"):
        sniff(data, "x")


def test_an_empty_file_is_said_to_be_empty():
    with pytest.raises(InputError, match=r"^x\.png: is empty"):
        sniff(b"", "x.png")


def test_only_the_extension_of_another_picture_format_contradicts():
    png = FORMATS["PNG"]
    assert mislabelled("a.jpg", png) == "is named .jpg but its content is PNG"
    for name in ("a.png", "a.PNG", "a", "a.bin", "a.png.part", "folder.jpg/a"):
        assert mislabelled(name, png) is None


@pytest.mark.parametrize(("name", "expected"), [("a.JPG", "JPEG"), ("a.b.tiff", "TIFF")])
def test_the_extension_decides_the_output(name, expected):
    assert format_for_output(name).name == expected


@pytest.mark.parametrize("name", ["a", "a.", "a.txt", "a.gif", "a.bmp", ".png"])
def test_an_output_in_no_writable_format_is_refused(name):
    with pytest.raises(OutputError, match=r"\.png"):
        format_for_output(name)


def test_reading_a_file(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"content")
    assert read_source(path) == b"content"


def test_what_cannot_be_read_gets_one_line_that_names_it(tmp_path):
    (tmp_path / "empty").touch()
    for name, cause in [
        ("none", "there is no such file"),
        (".", "folder"),
        ("empty", "empty"),
        ("x" * 300, "cannot be read"),
        ("a\0b", "not a possible file name"),
        ("a\nb", "no such file"),
    ]:
        with pytest.raises(InputError, match=cause) as caught:
            read_source(tmp_path / name)
        assert "\n" not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InputError, match="not a regular file"):
        read_source(tmp_path / "pipe.png")


def test_a_huge_file_is_refused_unread(tmp_path):
    path = tmp_path / "huge.tif"
    with path.open("wb") as file:
        file.truncate(formats.MAX_BYTES + 1)  # sparse
    with pytest.raises(InputError, match="the limit is"):
        read_source(path)
