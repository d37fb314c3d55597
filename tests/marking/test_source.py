"""Judging files by their content, and reading them."""

import io
import os
import time

import pytest
from PIL import Image

from tests import rendered_files, rendered_sound
from waarmerk.errors import InputError, UnsupportedInputError
from waarmerk.marking import source
from waarmerk.marking.formats import (
    DOCUMENTS,
    FORMATS,
    PICTURES,
    SOUNDS,
    TEXTS,
    UNKNOWN,
    mislabelled,
)
from waarmerk.marking.source import decoded, identify, read_source, sniff, tag_length


def encoded(format_name: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 12), (90, 120, 40)).save(buffer, format_name)
    return buffer.getvalue()


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_is_known_by_its_content(name):
    assert sniff(encoded(name), "x") is FORMATS[name]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"%PDF-1.7", "PDF"),
        (b"PK\x03\x04rest", "ZIP"),
        (b"8BPS", "PSD"),
        (b"\x00\x00\x00\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\xff\x0a", "JXL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JXL"),
        (b"RF64\xff\xff\xff\xffWAVEds64", "RF64"),
        (b"RIFF\0\0\0\0AVI LIST", "AVI"),
        (b"FORM\0\0\0\0AIFFCOMM", "AIFF"),
        (b"MThd\0\0\0\6", "MIDI"),
        (b"\x1aE\xdf\xa3", "MKV"),
        (b"\x1aE\xdf\xa3\x9fB\x82\x84webm", "WEBM"),
        (b"OggS\0\2" + bytes(20) + b"\1\x08Speex   ", "SPEEX"),
        (b"OggS\0\2" + bytes(20) + b"\1\x08\x7fFLAC\1\0\0", "OGG FLAC"),
        (b"OggS\0\2" + bytes(20) + b"\1\x08\x80theora", "OGV"),
        (b"<svg xmlns=", "SVG"),
        (b"\xef\xbb\xbf\n<?xml version='1.0'?><!-- <html> --><!DOCTYPE svg><svg ", "SVG"),
        (b"<?xml version='1.0'?><x:svg xmlns:x=", "SVG"),
        (b"<?xml version='1.0'?><root><svg>", "XML"),
        (b"#!/bin/sh", "SCRIPT"),
        (b'{"a": 1}', "JSON"),
        (b"\0\0\0\x08wide\0\0\0\x08mdat", "MOV"),
        (b"\0\0\0\x10ftypqt  \0\0\0\0", "MOV"),
        (b"\0\0\0\x10ftypisom\0\0\0\0", "M4A"),  # no track of pictures
    ],
)
def test_other_files_are_known_by_their_content(data, name):
    assert sniff(data, "f") is FORMATS[name]


def test_a_movie_is_one_whose_tracks_show_pictures(tmp_path):
    for name in ("MP4", "MOV", "AVI", "WEBM", "MKV"):
        path = rendered_files.video(tmp_path / "clip", name)
        assert identify(path) is FORMATS[name]
        assert sniff(path.read_bytes(), "x") is FORMATS[name]
    path = rendered_files.video(tmp_path / "clip", "MP4")
    with path.open("r+b") as file:  # its tracks lie beyond what is read at first
        data = file.read()
        at = data.index(b"moov") - 4
        file.seek(at)
        file.write(rendered_files.box(b"free", bytes(1 << 17)) + data[at:])
    assert identify(path) is FORMATS["MP4"]


def test_a_film_named_as_a_sound_is_refused_and_chapters_with_pictures_are_not():
    handler = rendered_files.box(b"hdlr", bytes(8), b"vide", bytes(13))
    track = rendered_files.box(b"trak", rendered_files.box(b"mdia", handler))
    moov = rendered_files.box(b"moov", track)
    for brand, name in ((b"isom", "MP4"), (b"M4A ", "M4A"), (b"M4B ", "M4A")):
        data = rendered_files.box(b"ftyp", brand, bytes(4)) + moov
        assert sniff(data, "a.m4a") is FORMATS[name]
    assert mislabelled("a.m4a", FORMATS["MP4"]) == "is named .m4a but its content is MP4"
    assert mislabelled("a.mp4", FORMATS["M4A"]) is None


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_are_known_by_what_their_archive_begins_with(name):
    data = rendered_files.pdf() if name == "PDF" else rendered_files.office(name)
    assert sniff(data, "x") is DOCUMENTS[name]
    assert mislabelled("x.txt", DOCUMENTS[name]) is not None
    assert mislabelled("x.dat", DOCUMENTS[name]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"<!--" * 20_000,
        b"<?xml" * 20_000,
        b" " * 65_000,
        b"<!DOCTYPE svg [" * 5_000,
        b"<?a?>" * 15_000,
        b"<!-- -->" * 10_000,
        b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x08moov" * 200_000,
    ],
)
def test_hostile_beginnings_take_no_time(data):
    start = time.process_time()
    sniff(data, "x")
    assert time.process_time() - start < 0.2


def test_a_raw_picture_is_known_by_its_name_as_well():
    data = encoded("TIFF")
    assert sniff(data, "a.dng") is FORMATS["DNG"]
    assert sniff(data, "a.tif") is sniff(data, "a") is FORMATS["TIFF"]
    assert mislabelled("a.dng", FORMATS["JPEG"]) == "is named .dng but its content is JPEG"


def test_avif_is_also_known_by_a_compatible_brand():
    assert sniff(b"\0\0\0\x20ftypmif1\0\0\0\0mif1miafavifMA1B", "x").name == "AVIF"


@pytest.mark.parametrize(
    "data",
    [
        b"hello",
        b"\0" * 100,
        b"BM is how this text begins",
        b"RIFF",
        b"ID3 tags",
        b"\xff\xfea\0b\0c\0d\0",
    ],
)
def test_what_is_none_of_these_is_of_an_unknown_kind(data):
    assert sniff(data, "x") is UNKNOWN
    assert mislabelled("x.png", UNKNOWN) == "is named .png but its content is of an unknown kind"


def test_an_empty_file_is_said_to_be_empty():
    with pytest.raises(InputError, match=r"^x\.png: is empty"):
        sniff(b"", "x.png")


@pytest.mark.parametrize("name", SOUNDS)
def test_every_sound_is_known_by_its_content(name, tmp_path):
    path = rendered_sound.file(tmp_path / "sound", name)
    assert identify(path) is FORMATS[name]
    assert sniff(path.read_bytes()[:1024], "x") is FORMATS[name]


def test_what_stands_behind_a_tag_decides(tmp_path):
    tag = b"ID3\4\0\0\0\7\0\0" + bytes(7 << 14)  # longer than what is read of a file at first
    assert tag_length(tag) == len(tag)
    for name in ("FLAC", "AAC", "MP3"):
        data = rendered_sound.file(tmp_path / name, name).read_bytes()
        path = tmp_path / "tagged"
        path.write_bytes(tag + data[tag_length(data) :])
        assert identify(path) is FORMATS[name]


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
        file.truncate(source.MAX_BYTES + 1)  # sparse
    with pytest.raises(InputError, match="the limit is"):
        read_source(path)


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "{ begins with a brace",
        "#!/bin/sh is a script",
        "MAC addresses are",
        "caffeine is",
        "ID3 tags are",
        "GIF89a is a format",
        "%PDF-1.7 is another",
        "<!doctype html>",
        "é" * 40_000,
    ],
)
def test_what_is_named_as_a_text_and_is_one_is_one(text, tmp_path):
    data = text.encode()
    assert sniff(data, "a.txt") is TEXTS["TXT"]
    assert sniff(data, "a.MD") is TEXTS["MARKDOWN"]
    path = tmp_path / "a.html"
    path.write_bytes(b"x" + data)  # what is read at first ends inside a character
    assert identify(path) is TEXTS["HTML"]
    assert decoded(data, "a.txt") == text


def test_a_page_is_known_without_a_name():
    assert sniff(b"<!DOCTYPE html><p>", "page") is TEXTS["HTML"]
    assert sniff(b"<HTML>", "page.bin") is TEXTS["HTML"]
    assert sniff(b"<!DOCTYPE svg", "page.bin") is UNKNOWN


@pytest.mark.parametrize(
    ("data", "error", "cause"),
    [
        ("abc".encode("utf-16"), UnsupportedInputError, "UTF-16.* save it as UTF-8"),
        (b"\xfe\xff\0a", UnsupportedInputError, "UTF-16"),
        ("abcd é".encode("latin-1") + b" x", InputError, "byte 0xe9 at offset 5"),
        (b"ab\0c", InputError, "null character at offset 2"),
        (b"\x89PDF\0", InputError, "byte 0x89 at offset 0"),
        (b"", InputError, "is empty"),
    ],
)
def test_what_is_named_as_a_text_and_is_none_is_called_what_it_is(data, error, cause):
    with pytest.raises(error, match=rf"^a\.txt: .*{cause}"):
        sniff(data, "a.txt")


def test_a_picture_named_as_a_text_is_a_picture():
    assert sniff(encoded("PNG"), "a.txt") is FORMATS["PNG"]
    assert mislabelled("a.txt", FORMATS["PNG"]) == "is named .txt but its content is PNG"


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"abc\xc3", "is cut off: its last character, at offset 3, is not whole"),
        (b"abc\xff", "byte 0xff at offset 3"),
        (b"\xed\xa0\x80", "byte 0xed at offset 0"),  # half of a surrogate pair
    ],
)
def test_a_text_is_decoded_to_its_end(data, cause):
    with pytest.raises(InputError, match=rf"^a\.txt: .*{cause}"):
        decoded(data, "a.txt")


def test_small_limits_are_said_in_megabytes(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(bytes(3_000_000))
    with pytest.raises(InputError, match="is 3 MB; the limit is 2 MB"):
        read_source(path, 2_000_000)
