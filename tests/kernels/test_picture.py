"""Every kernel of the canonical grid against its naive twin."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests import reference_image as reference
from tests.kernels.drawn import FEW, SHAPES, levels, pixels
from waarmerk.kernels.picture import (
    add_luma,
    box_mean,
    half_plane_mean,
    mask_strength,
    normalised_residual,
)

LUMA = np.array([0.299, 0.587, 0.114], np.float32)


# box_mean


@FEW
@given(SHAPES, st.integers(0, 8), st.integers(0, 2**32 - 1))
def test_box_mean_equals_the_mean_of_squares(shape, radius, seed):
    values = levels(shape, seed)
    out = np.full_like(values, np.nan)
    box_mean(values, radius, out)
    np.testing.assert_allclose(out, reference.box_mean(values, radius), rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (200, 1), (5, 3)])
def test_box_mean_reaching_over_the_whole_picture(shape):
    values = levels(shape, 1)
    out = np.empty_like(values)
    box_mean(values, 200, out)
    np.testing.assert_allclose(out, values.mean(dtype=float), rtol=1e-5)


def test_box_mean_does_not_drift_over_many_rows():
    values = levels((4000, 5), 2)
    out = np.empty_like(values)
    box_mean(values, 6, out)
    np.testing.assert_allclose(out, reference.box_mean(values, 6), atol=5e-3)


# normalised_residual


@FEW
@given(SHAPES, st.integers(0, 5), st.integers(0, 7), st.floats(0.5, 5), st.integers(0, 2**32 - 1))
def test_residual_equals_the_definition(shape, high_pass, neighbourhood, floor, seed):
    luma = levels(shape, seed)
    out = np.empty_like(luma)
    normalised_residual(luma, high_pass, neighbourhood, floor, 1.2, out)
    expected = reference.normalised_residual(luma, high_pass, neighbourhood, floor, 1.2)
    np.testing.assert_allclose(out, expected, atol=2e-3)


@pytest.mark.parametrize("level", [0.0, 128.0, 255.0])
def test_residual_of_a_constant_is_nothing(level):
    out = np.empty((300, 200), np.float32)
    normalised_residual(np.full(out.shape, level, np.float32), 4, 6, 2.0, 3.0, out)
    assert np.abs(out).max() < 1e-3


def test_residual_is_limited_and_finite_at_the_extremes():
    luma = np.zeros((64, 64), np.float32)
    luma[32, 32] = 255
    luma[:, 50:] = 255
    out = np.empty_like(luma)
    normalised_residual(luma, 4, 6, 2.0, 3.0, out)
    assert np.isfinite(out).all()
    assert out.max() == 3.0
    assert out.min() >= -3.0


# half_plane_mean


def half_mean(power, keep, reach):
    out = np.full_like(power, np.nan)
    half_plane_mean(power, keep, reach, out)
    return out


@FEW
@given(st.integers(0, 3), st.integers(1, 6), st.integers(4, 14), st.integers(0, 2**32 - 1))
def test_half_plane_mean_equals_the_mean_of_the_whole_plane(reach, more, columns, seed):
    rng = np.random.default_rng(seed)
    rows = 2 * reach + more
    power = rng.exponential(1, (rows, columns)).astype(np.float32)
    keep = (rng.random(power.shape) < 0.8).astype(np.float32)
    keep[::2, ::2] = 1  # so that something is left everywhere
    if reach == 0:
        keep[:] = 1
    out = half_mean(power, keep, reach)[: rows - reach]
    expected = reference.half_plane_mean(power, keep, reach)
    # A running sum rounds as large as what went through it, however small what is left of it.
    rounding = 4 * np.finfo(np.float32).eps * power.max()
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=rounding)


def test_half_plane_mean_of_next_to_nothing_behind_a_large_value():
    power = np.full((3, 5), 2.5, np.float32)
    power[1, 3] = 1.168108e-4
    out = half_mean(power, np.ones_like(power), 0)
    np.testing.assert_allclose(out, power, atol=4 * np.finfo(np.float32).eps * 2.5)


def test_half_plane_mean_leaves_out_what_is_not_kept():
    power = np.ones((12, 16), np.float32)
    keep = np.ones_like(power)
    power[5, 3], keep[5, 3] = 1e6, 0
    np.testing.assert_allclose(half_mean(power, keep, 2), 1, rtol=1e-5)


@pytest.mark.parametrize("strong", [1.0, 1e4, 1e9, 1e12])
def test_half_plane_mean_is_positive_beside_strong_lines(strong):
    # Stripes: all the power in a few coefficients, and rounding takes more away than was there.
    rng = np.random.default_rng(3)
    for _ in range(20):
        power = np.zeros((48, 128), np.float32)
        power[rng.integers(0, 48, 9), rng.integers(0, 128, 9)] = strong * rng.random(9)
        out = half_mean(power, np.ones_like(power), 4)
        assert np.isfinite(out).all()
        assert (out > 0).all()


# mask_strength


@FEW
@example((11, 1), 1, 0, 8446)
@given(SHAPES, st.integers(0, 5), st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_mask_equals_the_definition(shape, high_pass, reach, seed):
    luma = levels(shape, seed)
    out = np.empty_like(luma)
    mask_strength(luma, high_pass, reach, 0.45, out)
    expected = reference.mask_strength(luma.astype(float), high_pass, reach, 0.45)
    # A running sum rounds as large as what went through it, and where nothing is left of it, the
    # power of 3/8 makes much of that.
    through = np.square(np.ptp(luma)) if luma.size else 0.0
    rounding = (np.finfo(np.float32).eps * through) ** 0.375
    np.testing.assert_allclose(out, expected, rtol=1e-3, atol=0.05 + rounding)


@pytest.mark.parametrize("level", [0.0, 77.0, 255.0])
def test_mask_of_a_constant_is_the_ground(level):
    out = np.empty((90, 130), np.float32)
    mask_strength(np.full(out.shape, level, np.float32), 4, 2, 0.45, out)
    np.testing.assert_allclose(out, 0.45, atol=5e-3)


def test_mask_takes_the_plain_side_of_an_edge_as_plain():
    luma = np.full((64, 64), 100, np.float32)
    luma[:, 32:] = levels((64, 32), 1)
    out = np.empty_like(luma)
    mask_strength(luma, 4, 2, 0.45, out)
    assert out[:, :20].max() < 0.46
    assert out[8:-8, 44:-8].min() > 5


# add_luma


@FEW
@given(pixels(), st.floats(0, 300), st.integers(0, 2**32 - 1))
def test_add_equals_rounding_and_clipping(source, strength, seed):
    rng = np.random.default_rng(seed)
    change = (strength * rng.standard_normal(source.shape[:2])).astype(np.float32)
    direction = np.array([0.7, 1.3, 0.25], np.float32)
    out = np.empty_like(source)
    squares = add_luma(source, change, direction, out)
    expected, expected_squares = reference.add_luma(source, change, direction)
    np.testing.assert_array_equal(out, expected)
    assert squares == expected_squares


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_add_of_nothing_changes_nothing(channels):
    source = np.random.default_rng(4).integers(0, 256, (33, 21, channels), dtype=np.uint8)
    out = np.empty_like(source)
    squares = add_luma(source, np.zeros((33, 21), np.float32), np.ones(3, np.float32), out)
    assert squares == 0
    np.testing.assert_array_equal(out, source)


@pytest.mark.parametrize(("change", "level"), [(1e9, 255), (-1e9, 0)])
def test_add_stays_within_the_levels(change, level):
    source = np.random.default_rng(5).integers(0, 256, (9, 7, 4), dtype=np.uint8)
    out = np.empty_like(source)
    add_luma(source, np.full((9, 7), change, np.float32), np.ones(3, np.float32), out)
    assert (out[:, :, :3] == level).all()
    np.testing.assert_array_equal(out[:, :, 3], source[:, :, 3])
