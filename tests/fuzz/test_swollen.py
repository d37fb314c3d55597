"""Files that repeat a thing ten thousands of times are read in time, or refused in one line."""

import random
import time

import pytest
from PIL import Image

from tests.fuzz.readers import outcome, readers
from tests.fuzz.swollen import swollen

FILES = swollen()
MOST = 1.0
"""Seconds of CPU for each reader."""


@pytest.mark.parametrize("name", FILES)
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
