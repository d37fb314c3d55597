"""The demo does what it says, on pictures that are what they say."""

import re
import socket
import tempfile
from importlib import resources
from pathlib import Path

import pytest
from PIL import Image

from waarmerk import demo


def test_the_demo_finds_every_mark_raises_no_alarm_and_leaves_nothing(monkeypatch, tmp_path):
    def no_network(*_: object, **__: object) -> None:
        raise AssertionError("the demo opened a connection")

    monkeypatch.setattr(socket, "socket", no_network)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    lines: list[str] = []
    result = demo.run(lines.append)
    assert result.tried == 21
    assert result.found == result.tried
    assert result.false_alarms == 0
    assert list(tmp_path.iterdir()) == []
    text = "\n".join(lines)
    assert len(re.findall(r"<= 1e-\d+", text)) == result.found
    assert text.count("trusted") == len(demo.PICTURES)
    assert all(len(line) <= 100 for line in lines)


@pytest.mark.parametrize("name", demo.PICTURES)
def test_the_pictures_are_small_and_intact(name):
    data = resources.files("waarmerk").joinpath("demo_data", name)
    with resources.as_file(data) as path, Image.open(path) as image:
        image.load()
        assert path.stat().st_size < 250_000
        assert min(image.size) >= 480
        assert max(image.size) <= 1024


def test_every_picture_has_its_source_and_licence_told():
    folder = Path(demo.__file__).parent / "demo_data"
    told = (folder / "README.md").read_text()
    files = {p.name for p in folder.iterdir() if p.suffix != ".md"}
    assert files == set(demo.PICTURES)
    assert all(name in told for name in files)
    assert "CC0" in told
