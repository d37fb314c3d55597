"""Print, scan and camera: what of a picture goes through them, and what they leave in it."""

import numpy as np
import pytest

from tests.bench.transformations.toy_image import picture
from waarmerk.bench.seeds import rng_for
from waarmerk.bench.transformations import image_analogue as analogue

RGB = picture("analogue", 200, 264)


def ramp():
    """Grey steps from black to white, 40 pixels each."""
    levels = np.linspace(0, 255, 8).round().astype(np.uint8)
    return np.tile(levels.repeat(40)[None, :, None], (80, 1, 3))


def test_the_curve_of_srgb_is_undone():
    values = np.arange(256, dtype=np.uint8)
    np.testing.assert_allclose(analogue.from_linear(analogue.to_linear(values)), values, atol=1)


@pytest.mark.parametrize("lines", [0.6, 0.5, 0.3, 0.2])
def test_halftones_keep_tone_but_for_dot_gain(lines):
    light = analogue.printed(ramp(), lines=lines).reshape(80, 8, 40, 3).mean(axis=(0, 2, 3))
    wanted = analogue.INK + (1 - analogue.INK) * analogue.to_linear(ramp()[0, ::40, 0])
    # Gain darkens middle tones by 5 %, most at 50 %; ink in three layers and black by more.
    assert ((light - wanted) < 0.03).all()
    assert ((light - wanted) > -0.12).all()
    assert (np.diff(light) > 0).all()


def test_a_coarser_screen_shows_more():
    grey = np.full((96, 96, 3), 140, np.uint8)
    spread = [analogue.printed(grey, lines=lines).std() for lines in (0.75, 0.5, 0.3, 0.15)]
    assert (np.diff(spread) > 0).all()


def test_bands_of_rows_do_not_show(monkeypatch):
    whole = analogue.printed(RGB, lines=0.4)
    monkeypatch.setattr(analogue, "_BAND", 64)
    np.testing.assert_allclose(analogue.printed(RGB, lines=0.4), whole, atol=0.02)


@pytest.mark.parametrize(
    "through",
    [
        lambda rgb, rng: analogue.print_scan(rgb, rng, lines=0.6),
        lambda rgb, rng: analogue.screen_photo(rgb, rng, pitch=1.0),
        lambda rgb, rng: analogue.camcording(rgb, rng, tilt=5),
        lambda rgb, rng: analogue.print_photo(rgb, rng, tilt=5),
    ],
    ids=["print_scan", "screen_photo", "camcording", "print_photo"],
)
def test_the_picture_is_still_seen(through):
    result = through(RGB, rng_for("seen"))
    assert result.dtype == np.uint8
    small = [
        each[: len(each) // 8 * 8, : each.shape[1] // 8 * 8]
        .reshape(8, len(each) // 8, 8, each.shape[1] // 8, 3)
        .mean(axis=(1, 3))
        for each in (RGB, result)
    ]
    likeness = np.corrcoef(small[0].ravel(), small[1].ravel())[0, 1]
    assert likeness > 0.85


def test_a_camera_to_the_side_sees_the_picture_narrower():
    widths = [analogue.camcording(RGB, rng_for("side"), tilt=tilt).shape[1] for tilt in (0, 15, 30)]
    assert widths[0] > widths[1] > widths[2]


def test_a_camera_looks_at_nothing_but_the_picture():
    for seed in range(20):
        mapping, height, width = analogue.view(200, 264, rng_for("view", seed), 1.2, 30.0)
        x, y = np.meshgrid(np.linspace(0, width, 9), np.linspace(0, height, 9))
        u, v = mapping(x, y)
        assert u.min() > -1
        assert v.min() > -1
        assert u.max() < 265
        assert v.max() < 201


def test_a_large_picture_is_shown_at_the_size_of_a_screen():
    large = picture("large", 1400, 1500)
    assert analogue.screen_photo(large, rng_for("large"), pitch=0.5).shape[0] == 540


def test_a_grid_shows_where_the_camera_has_many_pixels():
    grey = np.full((120, 120, 3), 140, np.uint8)
    fine, coarse = (
        analogue.screen_photo(grey, rng_for("grid"), pitch=pitch)[:, :, 0].std()
        for pitch in (1.8, 0.5)
    )
    assert fine > 2 * coarse
