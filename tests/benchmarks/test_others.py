"""What the benchmark of other systems' marks counts, and on what."""

import numpy as np
import pytest

from benchmarks import others
from benchmarks.provenance_speed import small
from waarmerk.detection.others.imwatermark import MARKS


@pytest.fixture(scope="module")
def picture():
    rng = np.random.default_rng(2)
    return rng.integers(0, 256, (300, 420, 3), dtype=np.uint8)


def test_crops_are_the_picture_and_parts_large_enough_to_carry_a_mark(picture):
    parts = list(others.crops(picture, 40, "name"))
    assert len(parts) == 40
    assert parts[0].shape == picture.shape
    assert all(min(part.shape[:2]) >= 256 for part in parts)
    assert sum(part.shape[1] % 128 == 0 for part in parts) >= 19
    again = list(others.crops(picture, 40, "name"))
    assert all(np.array_equal(a, b) for a, b in zip(parts, again, strict=True))


def test_counts_are_of_shares_at_every_depth(picture):
    row = others.unmarked(picture, 10, "name")
    assert row["crops"] == 10
    for mark in MARKS:
        counts = row["counts"][mark.system]
        assert counts == sorted(counts, reverse=True)
        assert counts[0] <= 10
        assert row["lowest"][mark.system] <= 0


def test_bits_are_counted_as_the_package_counts_them(picture):
    from tests import reference_imwatermark as package

    bgr = np.ascontiguousarray(picture[..., ::-1]).astype(np.float32)
    read = package.decode(bgr, 48)
    assert others.bits_of(picture, "float", 48) == "".join(str(int(bit)) for bit in read)


def test_the_summary_says_what_was_found(picture, capsys):
    row = {"part": "unmarked", "half": "tuning", "folder": "a", "picture": "b", "change": "c"}
    others.summary([row | others.unmarked(picture, 3, "name")])
    said = capsys.readouterr().out
    assert "tuning: 3 crops of 1 pictures" in said
    assert "with any find: 0" in said


@pytest.mark.parametrize("size", [(640, 480), (200, 300)])
def test_small_files_have_their_size(picture, size):
    import io

    from PIL import Image

    with Image.open(io.BytesIO(small(picture, *size, 75))) as image:
        assert image.size == size
