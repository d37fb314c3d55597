"""What fuzzing has found stays mended; and a short fuzzing run of its own."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.inputs import damaged, seeds
from tests.fuzz.target import attempt

FINDS = sorted((Path(__file__).parent / "finds").glob("*.*"))
SEEDS = seeds()
MARKED = {"rich.jpg", "progressive.jpg", "gray.jpg", "rich.png", "palette.png", "clear.png"} | {
    *("rich.webp", "clear.webp", "rich.avif", "rich.tif", "lzw.tif", "deflate.tif", "jpeg.tif"),
    "still.gif",
}


@pytest.mark.parametrize("name", SEEDS)
def test_the_good_files_are_good(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(SEEDS[name])
    detected, marked = attempt(path)
    assert detected == "done"
    assert (marked == "done") == (name in MARKED)


@pytest.mark.parametrize("find", FINDS, ids=lambda path: path.name)
def test_a_find_ends_in_one_clear_line_or_well(find, tmp_path, capfd):
    path = tmp_path / find.name
    path.write_bytes(find.read_bytes())
    attempt(path)
    assert capfd.readouterr().err == ""


def test_no_library_talks_about_them_on_stderr():
    # In a process of its own: pytest listens to loggers, which without it would print.
    work = """
import sys
from pathlib import Path
from waarmerk.errors import WaarmerkError
from waarmerk.marking.picture import open_for_detection
for name in sys.argv[1:]:
    try:
        open_for_detection(Path(name).read_bytes(), name)
    except WaarmerkError:
        pass
"""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", work, *FINDS], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp", ".avif", ".tif", ".gif", ".bmp"])
def test_damaged_files_end_in_one_clear_line_or_well(extension, tmp_path, capfd):
    rng = random.Random(extension)  # noqa: S311
    files = [data for name, data in SEEDS.items() if name.endswith(extension)]
    path = tmp_path / f"input{extension}"
    for _ in range(25):
        path.write_bytes(damaged(rng.choice(files), rng, list(SEEDS.values())))
        attempt(path)
    assert capfd.readouterr().err == ""
