"""Every kernel of the tile lattice against its naive twin."""

import math

import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import reference_image as reference
from waarmerk.kernels.lattice import (
    best_shifts,
    climb,
    line_values,
    peaks,
    quadrants,
    sampled,
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
    out = np.full(spectrum.shape, 255, np.uint8)
    whitened_power(spectrum, block, 5.0, 20.0, mean, out)
    expected_mean, expected = reference.whitened_power(spectrum, block, 5.0, 20.0)
    np.testing.assert_allclose(mean, expected_mean, rtol=1e-4)
    np.testing.assert_allclose(out, expected, atol=0.51)


def test_no_power_at_all():
    mean = np.empty((4, 3), np.float32)
    out = np.full((64, 40), 255, np.uint8)
    whitened_power(np.zeros((64, 40), np.complex64), 16, 16.0, 7.0, mean, out)
    np.testing.assert_array_equal(out, 0)
    assert (mean > 0).all()


# quadrants, sampled and best_shifts


@FEW
@given(st.integers(2, 12), st.integers(0, 3), SEEDS)
def test_quadrants_are_read_between_the_bins(width, further, seed):
    rng = np.random.default_rng(seed)
    power = rng.integers(0, 128, (2 * width + 2 * further, width)).astype(np.uint8)
    right, left = np.full((2, 4, width, width), 255, np.uint8)
    quadrants(power, right, left)
    for planes, is_left in ((right, False), (left, True)):
        halves = np.empty((2 * width, 2 * width), np.uint8)
        for i, j in np.ndindex(2, 2):
            halves[i::2, j::2] = planes[2 * i + j]
        expected = reference.quadrant(power, width, left=is_left)
        inside = halves[:-1, :-1]
        np.testing.assert_allclose(inside, expected[:-1, :-1], atol=1.0)
        np.testing.assert_array_equal(inside[::2, ::2], expected[:-1:2, :-1:2])
        assert halves[-1, -1] == 0  # what places outside read


def test_sampled_adds_up_two_maps():
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 128, (2, 50)).astype(np.uint8)
    places, others = rng.integers(0, 50, (2, 7, 9)).astype(np.int32)
    out = np.empty((7, 9), np.uint8)
    sampled(first, second, places, others, out)
    np.testing.assert_array_equal(out, first[places].astype(int) + second[others])


@FEW
@given(
    st.integers(1, 6), st.tuples(st.integers(1, 8), st.integers(1, 12)), st.integers(0, 12),
    st.integers(1, 4), SEEDS,
)  # fmt: skip
def test_best_shifts_of_every_run(lines, shifts, reach, runs, seed):
    scales, count = shifts
    rng = np.random.default_rng(seed)
    chart = rng.integers(0, 256, (scales + 5, count + 4)).astype(np.uint8)
    rows, columns = rng.integers(0, 6, lines), rng.integers(0, 5, lines)
    best, places = np.full((2, scales, runs), -9, np.int32)
    best_shifts(chart, rows, columns, count, reach, best, places)
    expected, where = reference.best_shifts(
        chart, list(zip(rows, columns, strict=True)), shifts, reach, runs
    )
    np.testing.assert_array_equal(best, expected)
    np.testing.assert_array_equal(places, where)


def test_best_shifts_hold_the_brightest_map():
    chart = np.full((4, 10), 255, np.uint8)
    best, places = np.empty((2, 1, 1), np.int32)
    best_shifts(chart, np.full(257, 3), np.zeros(257, np.int64), 5, 9, best, places)
    assert best[0, 0] == 257 * 255


# climb


def bump(matrix, lines, size=64, width=33, steps=20.0):
    """Draw a map with a hill on every line of a geometry."""
    rows, columns = np.mgrid[:size, :width]
    rows = (rows + size // 2) % size - size // 2
    out = np.zeros((size, width))
    places = lines @ np.linalg.inv(matrix)
    for x, y in np.where(places[:, :1] < 0, -places, places):
        out += np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8)
    return np.rint(out * 5 * steps).clip(0, 255).astype(np.uint8)


MOVES = np.array([[[1, 0], [0, 1]], [[1, 0], [0, -1]], [[0, -1], [1, 0]], [[0, 1], [1, 0]]], float)
MOVES = np.concatenate([MOVES, -MOVES])


@FEW
@given(st.integers(1, 6), SEEDS)
def test_a_score_is_the_power_on_the_lines(count, seed):
    rng = np.random.default_rng(seed)
    power = rng.integers(0, 256, (32, 17)).astype(np.uint8)
    lines = rng.uniform(-20, 20, (count, 2)).astype(np.float32)
    maps = np.eye(2) + rng.uniform(-0.4, 0.4, (3, 2, 2))
    before, out = maps.copy(), np.empty(3)
    climb(power, lines, 20.0, MOVES, np.empty(0), 6, maps, out)
    np.testing.assert_array_equal(maps, before)
    expected = [reference.line_score(power, lines, 20.0, matrix) for matrix in maps]
    np.testing.assert_allclose(out, expected, rtol=1e-3, atol=0.02)


def test_climbing_ends_on_the_lines():
    lines = np.array([[5, 5], [20, 3], [-5, 12], [8, -16], [14, 14]], np.float32)
    turn = math.radians(12)
    true = 0.9 * np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    power = bump(true, lines)
    maps = np.array([true @ [[1.03, 0.02], [-0.015, 0.98]], true])
    out = np.empty(2)
    climb(power, lines, 20.0, MOVES, np.array([0.01, 0.005, 0.002]), 6, maps, out)
    np.testing.assert_allclose(maps[0], true, atol=0.01)
    assert out[0] == pytest.approx(out[1], rel=0.03)
    assert out[1] >= reference.line_score(power, lines, 20.0, true) - 1e-3


def test_lines_outside_the_map_count_for_nothing():
    power = np.full((32, 17), 40, np.uint8)
    lines = np.array([[5, 5], [200, 3], [3, -90]], np.float32)
    out = np.empty(1)
    climb(power, lines, 20.0, MOVES, np.empty(0), 1, np.eye(2)[None].copy(), out)
    assert out[0] == pytest.approx(1 / math.sqrt(3))


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
