"""Damaged sounds end in one clear line or well, and leave nothing behind."""

import random

import pytest

from tests.fuzz.inputs import damaged
from tests.fuzz.sounds import sound_seeds
from tests.fuzz.target import attempt
from waarmerk.marking.formats import SOUNDS


def test_the_good_files_are_good(tmp_path, capfd):
    for name, data in sound_seeds().items():
        path = tmp_path / name
        path.write_bytes(data)
        assert attempt(path) == ("done", "done")
        path.unlink()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("extension", [f.extensions[0] for f in SOUNDS.values()])
def test_damaged_sounds_end_in_one_clear_line_or_well(extension, tmp_path, capfd):
    rng = random.Random(extension)  # noqa: S311
    files = [data for name, data in sound_seeds().items() if name.endswith(extension)]
    path = tmp_path / f"input{extension}"
    for _ in range(20):
        path.write_bytes(damaged(rng.choice(files), rng, list(sound_seeds().values())))
        attempt(path)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("extension", [f.extensions[0] for f in SOUNDS.values()])
def test_a_file_may_end_anywhere(extension, tmp_path, capfd):
    data = sound_seeds()[f"plain{extension}"]
    path = tmp_path / f"input{extension}"
    for end in (1, 4, 11, 12, 13, 27, 28, 44, 60, 100, 1000, 4500, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:end])
        attempt(path)
    assert capfd.readouterr().err == ""
