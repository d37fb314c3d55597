"""Every kernel of the tile lattice against its naive twin."""

import math

import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import reference_image as reference
from waarmerk.kernels.lattice import (
    line_values,
    log_polar,
    peaks,
    smooth_line_scores,
    stretched_scores,
    turned_scores,
    unwarp,
    whitened_power,
)

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(deadline=None, max_examples=40)


def complex_noise(rng, shape):
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


# whitened_power


@FEW
@given(st.integers(3, 5), st.integers(1, 30), st.sampled_from([1, 2, 4]), SEEDS)
def test_power_is_divided_by_that_of_the_blocks_around(rows, width, block, seed):
    rng = np.random.default_rng(seed)
    spectrum = complex_noise(rng, (rows * block, width)) * np.float32(rng.choice([1e-3, 1, 1e3]))
    spectrum[0, 0] *= 50
    mean = np.full((rows, -(-width // block)), np.nan, np.float32)
    out = np.full(spectrum.shape, np.nan, np.float32)
    whitened_power(spectrum, block, 5.0, mean, out)
    expected_mean, expected = reference.whitened_power(spectrum, block, 5.0)
    np.testing.assert_allclose(mean, expected_mean, rtol=1e-4)
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-6)


def test_no_power_at_all():
    mean = np.empty((4, 3), np.float32)
    out = np.empty((64, 40), np.float32)
    whitened_power(np.zeros((64, 40), np.complex64), 16, 16.0, mean, out)
    np.testing.assert_array_equal(out, 0)
    assert (mean > 0).all()


# log_polar and turned_scores


@FEW
@given(st.integers(2, 20), st.integers(2, 20), st.floats(0.5, 30), SEEDS)
def test_log_polar_reads_between_the_bins(half, width, steps, seed):
    rng = np.random.default_rng(seed)
    power = rng.exponential(3, (2 * half, width)).astype(np.float32)
    radii = np.exp(np.linspace(0, math.log(1.5 * max(half, width)), 9)) + 1e-3
    angles = np.arange(13) * (math.pi / 13) + 1e-3
    out = np.full((9, 13), 77, np.uint8)
    log_polar(power, radii, angles, steps, out)
    expected = reference.log_polar(power, radii, angles, steps)
    # Rounded to whole steps.
    assert np.abs(out - expected).max() <= 0.5 + 1e-3


def test_log_polar_saturates():
    out = np.empty((2, 4), np.uint8)
    power = np.full((16, 9), 1e6, np.float32)
    log_polar(power, np.array([2.0, 5.0]), np.arange(4) * 0.7, 15.9, out)
    assert (out == 255).all()


@FEW
@given(st.integers(1, 12), st.integers(1, 5), st.integers(1, 9), SEEDS)
def test_turned_scores_add_up_every_line(lines, scales, angles, seed):
    rng = np.random.default_rng(seed)
    polar = rng.integers(0, 256, (14, 2 * angles), dtype=np.uint8)
    rows = rng.integers(scales - 1, 14, lines)
    columns = rng.integers(0, angles + 1, lines)
    out = np.full((scales, angles), -1, np.int32)
    turned_scores(polar, rows, columns, out)
    np.testing.assert_array_equal(
        out, reference.turned_scores(polar, rows, columns, scales, angles)
    )


def test_turned_scores_hold_the_brightest_map():
    polar = np.full((4, 8), 255, np.uint8)
    out = np.empty((1, 4), np.int32)
    turned_scores(polar, np.full(256, 3), np.zeros(256, np.int64), out)
    assert (out == 255 * 256).all()


# stretched_scores


@FEW
@given(st.integers(1, 9), st.integers(1, 6), st.integers(0, 6), SEEDS)
def test_stretched_scores_add_up_every_line(count, scales, reach, seed):
    rng = np.random.default_rng(seed)
    power = rng.exponential(1, (64, 33)).astype(np.float32)
    lines = rng.integers(-15, 16, (count, 2)).astype(np.float32)
    factors = np.sort(rng.uniform(0.62, 2.6, scales))
    out = np.full((scales, 2 * reach + 1), np.nan, np.float32)
    stretched_scores(power, lines, factors, reach, out)
    expected = reference.stretched_scores(power, lines, factors, reach)
    np.testing.assert_allclose(out, expected, rtol=1e-5)


def test_stretched_scores_stay_inside_the_map():
    power = np.ones((16, 5), np.float32)
    lines = np.array([[1e4, 1e4], [-1e4, 1e4], [1e4, -1e4], [0, 1e4]], np.float32)
    out = np.empty((2, 3), np.float32)
    stretched_scores(power, lines, np.array([0.01, 1.0]), 1, out)
    assert out.max() == 4.0


# smooth_line_scores


@FEW
@given(st.integers(1, 12), st.integers(1, 6), SEEDS)
def test_smooth_scores_equal_the_mean_power_on_the_lines(count, candidates, seed):
    rng = np.random.default_rng(seed)
    power = rng.exponential(1, (64, 33)).astype(np.float32)
    lines = rng.uniform(-9, 9, (count, 2)).astype(np.float32)
    maps = rng.uniform(-1.6, 1.6, (candidates, 4)).astype(np.float32)
    out = np.full(candidates, np.nan, np.float32)
    smooth_line_scores(power, lines, maps, out)
    expected = reference.smooth_line_scores(power, lines, maps)
    np.testing.assert_allclose(out, expected, atol=2e-3)


def test_lines_outside_the_map_do_not_count():
    power = np.full((64, 33), 7, np.float32)
    maps = np.array([[1, 0, 0, 1], [100, 0, 0, 100], [3, 0, 0, 3]], np.float32)
    out = np.empty(3, np.float32)
    smooth_line_scores(power, np.array([[5, 5], [20, 3]], np.float32), maps, out)
    # Of the second line, three times as far out, nothing is left.
    np.testing.assert_allclose(out, np.array([12, 0, 6]) / math.sqrt(2), rtol=1e-6)


# line_values


@FEW
@given(st.integers(1, 20), st.floats(-40, 40), st.floats(-40, 40), SEEDS)
def test_line_values_are_read_between_the_bins(count, across, down, seed):
    rng = np.random.default_rng(seed)
    spectrum = complex_noise(rng, (32, 17))
    mean = rng.uniform(0.5, 2, (4, 3)).astype(np.float32)
    points = rng.uniform(-18, 18, (count, 2))
    values = np.full(count, np.nan, complex)
    power = np.full(count, np.nan)
    line_values(spectrum, mean, 8, points, (across, down), values, power)
    expected, expected_power = reference.line_values(spectrum, mean, 8, points, (across, down))
    np.testing.assert_allclose(values, expected, atol=1e-4)
    np.testing.assert_allclose(power, expected_power, rtol=1e-6)


def test_line_values_of_a_wave_do_not_depend_on_the_frame():
    # The same wave in two frames: referred to one of its points, the value is the same.
    size, place = 64, (20, 17)
    y, x = np.mgrid[:33, :41]
    points = np.array([[6.3, 4.8], [-6.3, -4.8], [5.1, -3.3]])
    seen = []
    for left, top in ((0, 0), (7, 5)):
        wave = np.cos(2 * np.pi / size * (6.3 * (x - 20) + 4.8 * (y - 17)) - 0.9)
        frame = np.zeros((size, size))
        frame[top : top + 33, left : left + 41] = wave
        spectrum = scipy.fft.fft2(frame)[:, :33].astype(np.complex64)
        values = np.empty(3, complex)
        centre = (float(place[0] + left), float(place[1] + top))
        line_values(spectrum, np.ones((4, 3), np.float32), 16, points, centre, values, np.empty(3))
        seen.append(values)
    np.testing.assert_allclose(seen[0], seen[1], rtol=0.02, atol=1)
    assert np.angle(seen[0][0]) == pytest.approx(-0.9, abs=0.05)
    assert np.angle(seen[0][1]) == pytest.approx(0.9, abs=0.05)


# peaks


@FEW
@given(st.integers(1, 5), st.integers(1, 50), SEEDS)
def test_peaks_are_the_largest_magnitudes(count, length, seed):
    rng = np.random.default_rng(seed)
    surfaces = rng.integers(-9, 10, (count, length, 2)).astype(np.float32)  # with ties
    places = np.full((count, 2), -1)
    peaks(surfaces, places)
    np.testing.assert_array_equal(places, np.abs(surfaces).argmax(1))


# unwarp


def unwarped(values, homography, shape):
    out = np.full(shape, np.nan, np.float32)
    unwarp(values, np.asarray(homography, float), out)
    return out


@FEW
@given(st.integers(1, 30), st.integers(1, 30), SEEDS)
def test_unwarp_reads_between_pixels(height, width, seed):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((height, width)).astype(np.float32)
    homography = np.eye(3) + 0.3 * rng.standard_normal((3, 3))
    homography[:2, 2] = rng.uniform(-5, 15, 2)
    homography[2, :2] *= 0.02
    expected, inside = reference.unwarp(values, homography, (19, 23))
    out = unwarped(values, homography, (19, 23))
    np.testing.assert_allclose(out[inside], expected[inside], atol=1e-3)
    np.testing.assert_array_equal(out[~inside], 0)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 2), (9, 5)])
def test_unwarp_by_nothing_gives_the_picture(shape):
    values = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    np.testing.assert_allclose(unwarped(values, np.eye(3), shape), values, atol=1e-6)


def test_unwarp_outside_is_zero():
    values = np.ones((4, 4), np.float32)
    out = unwarped(values, np.eye(3), (6, 6))
    assert out.sum() == 16
    assert not out[4:].any()
    assert not out[:, 4:].any()


@pytest.mark.parametrize(
    "homography",
    [
        np.zeros((3, 3)),
        np.full((3, 3), np.nan),
        np.full((3, 3), np.inf),
        [[1, 0, 0], [0, 1, 0], [-1, 0, 8]],  # column 8 lies at infinity
        [[1, 0, 0], [0, 1, 0], [0, 0, 0]],
        [[1e300, 0, 0], [0, 1e300, 0], [0, 0, 1e-300]],
        [[0, 0, -1e-320], [0, 0, -1e-320], [0, 0, 1]],
    ],
    ids=["zeros", "nan", "inf", "horizon", "all at infinity", "overflow", "below 0 by little"],
)
def test_unwarp_survives_points_at_infinity(homography):
    out = unwarped(np.ones((16, 16), np.float32), homography, (16, 16))
    assert np.isfinite(out).all()
    assert out.min() >= 0
    assert out.max() <= 1 + 1e-6
