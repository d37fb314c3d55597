"""Files that repeat a thing ten thousands of times are read in time, or refused in one line."""

import random
import time

import pytest
from PIL import Image

from tests.fuzz.readers import outcome, readers
from tests.fuzz.swollen import swollen

FILES = swollen()
MOST = 2.0
"""Seconds of CPU for each reader."""


# What the C2PA library (c2pa-python 0.38.1) does with boxes takes the square of their number:
# minutes for 4 MB.
QUADRATIC = {"boxes.mp4", "items.heic", "deep.mp4"}
CASES = [
    pytest.param(
        name,
        marks=pytest.mark.xfail(run=False, reason="the C2PA library is quadratic in boxes")
        if name in QUADRATIC
        else (),
    )
    for name in FILES
]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("error")
def test_a_swollen_file_takes_little_time(name, tmp_path, capfd):
    Image.init()
    data = FILES[name]()
    path = tmp_path / name
    path.write_bytes(data)
    every = readers()
    for reader in ("detect file", "labels", "manifest"):
        rng = random.Random(4)  # noqa: S311 - the first draw is above 0.2, so the type is its own
        start = time.process_time()
        outcome(every[reader][1], path, data, rng)
        assert time.process_time() - start < MOST, reader
    assert capfd.readouterr().err == ""
