"""What names claim, and which output they stand for."""

import pytest

from waarmerk.errors import InputError, OutputError
from waarmerk.marking.formats import (
    FORMATS,
    SOUNDS,
    TEXTS,
    claimed_format,
    format_for_output,
    mislabelled,
    refuse_wrong_name,
)


def test_only_the_extension_of_another_format_contradicts():
    png = FORMATS["PNG"]
    assert mislabelled("a.jpg", png) == "is named .jpg but its content is PNG"
    for name in ("a.png", "a.PNG", "a", "a.bin", "a.png.part", "folder.jpg/a"):
        assert mislabelled(name, png) is None


@pytest.mark.parametrize(("name", "expected"), [("a.JPG", "JPEG"), ("a.b.tiff", "TIFF")])
def test_the_extension_decides_the_output(name, expected):
    assert format_for_output(name).name == expected


@pytest.mark.parametrize("name", ["a", "a.", "a.doc", "a.gif", "a.bmp", ".png"])
def test_an_output_in_no_writable_format_is_refused(name):
    with pytest.raises(OutputError, match=r"\.png"):
        format_for_output(name)


def test_formats_may_share_an_extension():
    assert claimed_format("a.ogg").name == "OGG"
    assert mislabelled("a.ogg", SOUNDS["OPUS"]) is None
    assert mislabelled("a.opus", SOUNDS["OGG"]) == "is named .opus but its content is OGG"
    assert format_for_output("a.ogg").name == "OGG"
    assert format_for_output("a.ogg", SOUNDS["OPUS"]).name == "OPUS"
    assert format_for_output("a.ogg", SOUNDS["MP3"]).name == "OGG"


def test_a_wrong_name_is_refused_with_the_right_one():
    with pytest.raises(InputError, match=r"is named \.mp3 but its content is WAV; .* \.wav"):
        refuse_wrong_name("a.mp3", SOUNDS["WAV"])


@pytest.mark.parametrize(
    ("name", "source", "remedy"),
    [
        ("a.wav", "PNG", r"\.png"),
        ("a.png", "MP3", r"\.mp3"),
        ("a.mp3", "GIF", r"\.png"),
        ("a.png", "TXT", r"\.txt"),
        ("a.md", "FLAC", r"\.flac"),
        ("a.html", "MARKDOWN", r"\.md"),
        ("a.txt", "HTML", r"\.html"),
    ],
)
def test_what_is_of_different_kinds_does_not_mix(name, source, remedy):
    with pytest.raises(OutputError, match=f"cannot hold; use {remedy}"):
        format_for_output(name, FORMATS[source])


def test_texts_of_letters_can_become_one_another():
    assert format_for_output("a.md", TEXTS["TXT"]).name == "MARKDOWN"
    assert format_for_output("a.text", TEXTS["MARKDOWN"]).name == "TXT"
    assert format_for_output("a.htm", TEXTS["HTML"]).name == "HTML"


def test_a_raw_stream_is_not_written():
    with pytest.raises(OutputError, match=r"use \.m4a"):
        format_for_output("a.aac")
