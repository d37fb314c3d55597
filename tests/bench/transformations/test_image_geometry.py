"""Places move as said, and parts are where they should be."""

import numpy as np
import pytest

from tests.bench.transformations.toy_image import content, picture, tools
from waarmerk.bench.seeds import rng_for
from waarmerk.bench.transformations import image_geometry as geometry
from waarmerk.bench.transformations import image_local as local
from waarmerk.bench.transformations.image import resize

RGB = picture("geometry", 180, 240)


def test_a_mesh_that_moves_nothing_changes_nothing():
    same = geometry.warped(RGB, lambda x, y: (x, y), 180, 240)
    assert np.abs(same.astype(int) - RGB).max() <= 1


def test_a_mesh_moves_by_whole_pixels():
    moved = geometry.warped(RGB, lambda x, y: (x + 7, y + 4), 180, 240)
    np.testing.assert_allclose(moved[8:-12, 8:-16].astype(int), RGB[12:-8, 15:-9], atol=1)


def test_what_lies_outside_comes_from_the_edge():
    white = np.full((60, 60, 3), 255, np.uint8)
    assert geometry.warped(white, lambda x, y: (x + 30, y - 30), 60, 60).min() == 255


def test_enlarging_in_strips_is_enlarging():
    tall = picture("tall", 700, 60)
    strips = geometry.enlarge(tall, None, factor=1.5)
    difference = np.abs(strips.astype(int) - resize(tall, None, factor=1.5))
    # Which of the two passes comes first, and rounds first, depends on the shape.
    assert difference.max() <= 4
    assert difference.mean() < 0.5


def test_lines_are_removed_and_the_rest_kept():
    lines = np.zeros((100, 90, 3), np.uint8) + np.arange(100, dtype=np.uint8)[:, None, None]
    rows = geometry.remove_lines(lines, rng_for("lines"), share=0.1)
    assert rows.shape == (90, 81, 3)
    assert (np.diff(rows[:, 0, 0].astype(int)) >= 1).all()


def test_bending_moves_by_the_rms_asked_for():
    ramp = np.zeros((512, 512, 3), np.uint8) + (np.arange(512) // 4 + 60)[:, None].astype(np.uint8)
    ramp = np.ascontiguousarray(ramp.swapaxes(0, 1))
    moves = [
        4.0 * (geometry.bend(ramp, rng_for("bend", seed), rms=8).astype(int) - ramp)[40:-40, 40:-40]
        for seed in range(6)
    ]
    assert np.sqrt(np.mean(np.square(moves))) == pytest.approx(8, rel=0.25)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("name", ["blur_faces", "erase", "inpaint", "emoji", "paste_other"])
def test_parts_cover_the_share_asked_for(name, share):
    if name == "emoji" and share > 0.3:
        pytest.skip("six circles of that size do not fit")
    of = content("parts", 180, 240)
    own = tools(of, name)
    chance = own if name == "paste_other" else own.rng
    checks = RGB.copy()
    checks[::2, ::2] = 255 - checks[::2, ::2] // 4
    result = getattr(local, name)(checks, chance, share=share)
    changed = (result != checks).any(axis=2)
    assert changed.mean() == pytest.approx(share, rel=0.12, abs=0.006)


def test_a_filled_rectangle_continues_its_surroundings():
    ramp = np.zeros((120, 120, 3), np.uint8) + np.arange(120, dtype=np.uint8)[:, None, None] * 2
    result = local.inpaint(ramp, rng_for("ramp"), share=0.3)
    assert np.abs(result.astype(int) - ramp).max() < 30


def test_a_picture_in_a_picture_is_all_there():
    of = content("inner", 180, 240)
    bright = np.full((180, 240, 3), 255, np.uint8)
    result = local.picture_in_picture(bright, tools(of, "inner"), share=0.25)
    inner = (result == 255).all(axis=2)
    assert result.shape == bright.shape
    assert inner.mean() == pytest.approx(0.25, abs=0.03)
