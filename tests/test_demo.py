"""The demo does what it says, on pictures, sounds and text that are what they say."""

import re
import socket
import tempfile
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from waarmerk import demo, demo_text
from waarmerk.marking.sound import open_sound
from waarmerk.marking.source import identify

FILES = demo.PICTURES + demo.SOUNDS


def test_the_demo_finds_every_mark_raises_no_alarm_and_leaves_nothing(monkeypatch, tmp_path):
    def no_network(*_: object, **__: object) -> None:
        raise AssertionError("the demo opened a connection")

    monkeypatch.setattr(socket, "socket", no_network)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    lines: list[str] = []
    result = demo.run(lines.append)
    assert result.tried == 3 * 7 + 2 * 6 + 3 * 3
    assert result.found == result.tried
    assert result.false_alarms == 0
    assert list(tmp_path.iterdir()) == []
    text = "\n".join(lines)
    assert len(re.findall(r"<= 1e-\d+", text)) == result.found
    assert text.count("trusted") == len(FILES)
    assert text.count("none found") == len(FILES) + 2 + 3 + 1
    assert f"found in {result.tried} of {result.tried} marked files and texts, and 0 of\n44" in text
    assert "threw the manifest away and not the watermark" in text
    assert all(len(line) <= 100 for line in lines)


def test_the_demo_of_text_finds_what_was_marked_and_where():
    lines: list[str] = []
    rows: list[tuple[str, ...]] = []
    result = demo_text.run(lines.append, lambda *cells: rows.append(cells))
    assert (result.tried, result.found, result.without, result.false_alarms) == (9, 9, 37, 0)
    for name in demo_text.NAMES:
        assert f"  {name}" in lines
    places = [row[-1] for row in rows if "in human text" in row[0]]
    assert len(places) == 3
    begin, end = demo_text.PLACE, demo_text.PLACE + demo_text.PIECE
    for place in places:
        first, last = map(int, place.partition(",")[0].split("-"))
        # Keys are new every time. Of 450 passages the worst overlapped by 0.83; ends were off by
        # more than 40 tokens in three.
        assert (min(last, end) - max(first, begin)) / (max(last, end) - min(first, begin)) > 0.6
    assert [row[3] for row in rows if "as it was written" in row[0]] == ["right", "-", "-"]
    # The beginning of every text is shown.
    shown = [line for line in lines if line.startswith("    ")]
    assert len(shown) == 6


@pytest.mark.parametrize("name", demo.PICTURES)
def test_the_pictures_are_small_and_intact(name):
    data = resources.files("waarmerk").joinpath("demo_data", name)
    with resources.as_file(data) as path, Image.open(path) as image:
        image.load()
        assert path.stat().st_size < 250_000
        assert min(image.size) >= 480
        assert max(image.size) <= 1024


@pytest.mark.parametrize("name", demo.SOUNDS)
def test_the_sounds_are_small_and_not_overdriven(name):
    data = resources.files("waarmerk").joinpath("demo_data", name)
    with resources.as_file(data) as path:
        assert path.stat().st_size < 250_000
        assert soundfile.info(path).subtype == "PCM_16"
        samples, rate = soundfile.read(path)
    assert samples.ndim == 1
    assert 6.5 < len(samples) / rate < 9
    assert 0.3 < np.max(np.abs(samples)) < 10 ** (-1 / 20)
    assert abs(np.mean(samples)) < 1e-3
    # It begins and ends in silence, without a click.
    assert np.max(np.abs(samples[[0, -1]])) < 1e-3


def test_the_sounds_are_changed_as_the_rows_say(tmp_path):
    medium = demo._sounds()
    path = tmp_path / "voice.flac"
    path.write_bytes(resources.files("waarmerk").joinpath("demo_data", path.name).read_bytes())
    before = soundfile.info(path)
    changed = dict(demo._changed(path, medium)[1:])
    assert len(changed) == len(medium.damages)
    heard = {}
    for what, file in changed.items():
        with open_sound(file, identify(file), file.name) as reader:
            frames = sum(len(block) for block in reader.blocks())
            seconds = frames / reader.facts.sample_rate
            heard[what] = (reader.facts.format.name, seconds, file.stat().st_size * 8 / seconds)
    expected = {
        "MP3, 64 kbit/s": ("MP3", before.duration, 64_000),
        "Opus, 16 kbit/s": ("OPUS", before.duration, 16_000),
        "its middle 3 seconds, WAV": ("WAV", 3.0, 256_000),
        "played 5 % faster, FLAC": ("FLAC", before.duration / 1.05, None),
        "as by telephone, 8 kHz mu-law WAV": ("WAV", before.duration, 64_000),
    }
    assert set(heard) == set(expected)
    for what, (name, seconds, bits) in expected.items():
        assert heard[what][0] == name
        assert heard[what][1] == pytest.approx(seconds, abs=0.1)
        if bits is not None:  # which a variable rate keeps on average only
            assert heard[what][2] == pytest.approx(bits, rel=0.25), what


def test_every_file_has_its_source_and_licence_told():
    folder = Path(demo.__file__).parent / "demo_data"
    told = (folder / "README.md").read_text()
    files = {p.name for p in folder.iterdir() if p.suffix != ".md"}
    assert files == {*FILES, "moby_dick.txt.gz", "moby_dick_unseen.txt.gz"}
    assert all(name in told for name in files)
    assert "CC0" in told
