"""Every kernel of the audio detector against its naive twin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import reference_sound as reference
from waarmerk.kernels.sound_table import (
    banded,
    best_offsets,
    block_lines,
    laid_on_tiles,
    levels,
    line_power,
    line_scores,
    soft_bits,
    standing_out,
)

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(deadline=None, derandomize=True, max_examples=40)
# One band and one frame among them.
SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 70))
KINDS = st.sampled_from(["noise", "constant", "tiny", "silent"])


def values(kind, shape, rng):
    out = {
        "noise": rng.normal(0, 2, shape),
        "constant": np.full(shape, rng.normal()),
        "tiny": rng.normal(0, 1e-15, shape),
        "silent": np.zeros(shape),
    }[kind]
    return out.astype(np.float32)


def waves(lines, period):
    angle = np.outer(lines, np.arange(period)) * (2 * np.pi / period)
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


# levels


@FEW
@given(SHAPES, SEEDS)
def test_levels_and_weights(shape, seed):
    rng = np.random.default_rng(seed)
    power = (10 ** rng.uniform(-30, 30, shape)).astype(np.float32)
    power[rng.random(shape) < 0.3] = rng.choice([1e-7, 1.0, 2.0])
    noise = (10 ** rng.uniform(-30, 30, shape[0])).astype(np.float32)
    level, weight = np.full((2, *shape), np.nan, np.float32)
    levels(power, noise, 0.1, level, weight)
    expected, expected_weight = reference.levels(power, noise, 0.1)
    # 0.0004 dB of the polynomial, and the rounding of levels up to 300 dB.
    np.testing.assert_allclose(level, expected, rtol=2e-7, atol=4e-4)
    np.testing.assert_allclose(weight, expected_weight, rtol=0, atol=1e-6)


def test_levels_hold_everywhere_between_two_powers_of_two():
    power = np.linspace(0.5, 4, 200_001, dtype=np.float32)[None]
    level, weight = np.empty((2, *power.shape), np.float32)
    levels(power, np.zeros(1, np.float32), 0.1, level, weight)
    np.testing.assert_allclose(level, 10 * np.log10(power.astype(float)), rtol=0, atol=4e-4)
    np.testing.assert_array_equal(weight, 1)


# banded


@FEW
@given(KINDS, SHAPES, st.integers(1, 6), SEEDS)
def test_bands_are_put_together(kind, shape, bands, seed):
    rng = np.random.default_rng(seed)
    parts = np.abs(values(kind, shape, rng))
    share = (rng.uniform(0, 1, (shape[0], bands)) * (rng.random((shape[0], bands)) < 0.4)).astype(
        np.float32
    )
    out = np.full((bands, shape[1]), np.nan, np.float32)
    banded(parts, share, 1e-7, out)
    expected = share.T.astype(float) @ parts.astype(float) + 1e-7
    np.testing.assert_allclose(out, expected, rtol=1e-6)


# standing_out


def room(shape, spans, exact):
    return np.full((4, shape[1] + 2 * max(spans[0], spans[2])), np.nan, exact)


@FEW
@given(
    st.tuples(KINDS, SHAPES),
    st.tuples(st.integers(0, 9), st.integers(0, 4), st.integers(0, 17)),
    st.sampled_from([1.0, 30.0]),
    SEEDS,
)
@pytest.mark.parametrize("exact", [np.float32, np.float64])
def test_what_stands_out(exact, kind_and_shape, spans, scale, seed):
    rng = np.random.default_rng(seed)
    kind, shape = kind_and_shape
    level = values(kind, shape, rng) * np.float32(scale) - np.float32(40)
    weight = rng.uniform(0.1, 1, shape).astype(np.float32)
    out = np.full(shape, np.nan, np.float32)
    standing_out(level, weight, *spans, 1.5, 2.0, room(shape, spans, exact), out)
    expected = reference.standing_out(level, weight, spans, 1.5, 2.0)
    # Differences of levels around -40 dB in single precision.
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("exact", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1), (24, 1), (1, 50), (24, 300)])
def test_nothing_stands_out_of_constant_levels(shape, exact):
    out = np.full(shape, np.nan, np.float32)
    level = np.full(shape, -70, np.float32)
    weight, inner = np.full(shape, 0.3, np.float32), room(shape, (8, 3, 16), exact)
    standing_out(level, weight, 8, 3, 16, 1.5, 2.0, inner, out)
    np.testing.assert_allclose(out, 0, atol=1e-5)


# block_lines


@FEW
@given(KINDS, st.integers(1, 5), st.integers(1, 90), st.sampled_from([(8, 16), (16, 16), (4, 32)]),
       SEEDS)  # fmt: skip
def test_lines_of_blocks(kind, bands, n, sizes, seed):
    length, period = sizes
    table = values(kind, (bands, n), np.random.default_rng(seed))
    cosine, sine = waves([1, 2, 5], period)
    expected = reference.block_lines(table, length, cosine, sine)
    out = np.full(expected.shape, np.nan, np.complex64)
    block_lines(table, length, cosine, sine, out)
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-4)


def test_sums_over_blocks_are_coherent():
    # A wave that goes on gives every block the same phase.
    time = np.arange(128)
    table = np.cos(2 * np.pi * 3 / 32 * time + 0.7).astype(np.float32)[None]
    out = np.empty((8, 1, 1), np.complex64)
    block_lines(table, 16, *waves([3], 32), out)
    total = out.sum()
    assert np.angle(total) == pytest.approx(0.7, abs=1e-4)
    assert abs(total) == pytest.approx(64, rel=1e-4)


# laid_on_tiles


@FEW
@given(KINDS, SHAPES, st.integers(0, 50), st.tuples(st.floats(-30, 100), st.floats(0.1, 5)), SEEDS)
def test_tables_are_read_between_their_frames(kind, shape, count, times, seed):
    start, step = times
    table = values(kind, shape, np.random.default_rng(seed))
    out = np.full((shape[0], count), np.nan, np.float32)
    laid_on_tiles(table, start, step, out)
    expected = reference.laid_on_tiles(table, start, step, count)
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-5)


def test_times_on_the_frames_give_the_frames():
    table = values("noise", (3, 20), np.random.default_rng(1))
    out = np.full((3, 24), np.nan, np.float32)
    laid_on_tiles(table, -2.0, 1.0, out)
    np.testing.assert_array_equal(out[:, 2:21], table[:, :19])
    np.testing.assert_array_equal(out[:, :2], 0)
    np.testing.assert_array_equal(out[:, 22:], 0)


# soft_bits


@FEW
@given(KINDS, SHAPES, st.integers(1, 40), st.integers(1, 16), SEEDS)
def test_cells_are_gathered_to_their_bits(kind, shape, cycle, bits, seed):
    rng = np.random.default_rng(seed)
    table = values(kind, shape, rng)
    sign = rng.choice(np.array([-1, 1], np.int8), (shape[0], cycle))
    place = rng.integers(0, bits, (shape[0], cycle)).astype(np.int16)
    start = int(rng.integers(0, cycle))
    out = rng.normal(0, 1, bits)
    expected = reference.soft_bits(table, sign, place, start, out)
    soft_bits(table, sign, place, start, out)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-9)


# best_offsets


@FEW
@given(KINDS, st.integers(0, 9), st.integers(1, 12), st.integers(1, 64), SEEDS)
def test_the_best_offset_of_either_sign(kind, candidates, lines, offsets, seed):
    rng = np.random.default_rng(seed)
    shape = (candidates, lines)
    found = (values(kind, shape, rng) + 1j * values(kind, shape, rng)).astype(np.complex64)
    cosine, sine = waves(np.arange(1, lines + 1), offsets)
    total = np.full(candidates, np.nan, np.float32)
    place = np.full(candidates, -1)
    best_offsets(found, cosine, sine, total, place)
    sums = reference.offset_sums(found, cosine, sine)
    np.testing.assert_allclose(np.abs(total), np.abs(sums).max(1), rtol=1e-4, atol=1e-5)
    # Of offsets that are as good as each other either may be named.
    np.testing.assert_allclose(total, sums[np.arange(candidates), place], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("offset", [0, 1, 100, 255])
def test_a_shift_is_found(sign, offset):
    lines = np.arange(4, 12)
    cosine, sine = waves(lines, 256)
    shifted = sign * np.exp(-2j * np.pi * lines * offset / 256)
    total, place = np.empty(1, np.float32), np.empty(1, np.int64)
    best_offsets(shifted.astype(np.complex64)[None], cosine, sine, total, place)
    assert place[0] == offset
    assert total[0] == pytest.approx(sign * len(lines), rel=1e-5)


# line_power


@FEW
@given(KINDS, SHAPES, st.integers(1, 40), SEEDS)
def test_power_over_the_mean_around(kind, shape, block, seed):
    rng = np.random.default_rng(seed)
    spectra = (values(kind, shape, rng) + 1j * values(kind, shape, rng)).astype(np.complex64)
    spectra[rng.random(shape) < 0.1] *= 30
    out = np.full(shape[1], np.nan, np.float32)
    line_power(spectra, block, 8.0, out)
    expected = reference.line_power(spectra, block, 8.0)
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-6)


def test_one_strong_bin_counts_no_more_than_the_limit():
    spectra = np.full((3, 256), 1e-3, np.complex64)
    spectra[:, 77] = 1e4
    out = np.empty(256, np.float32)
    line_power(spectra, 128, 8.0, out)
    assert out[77] == 24
    assert out[:128].sum() < 24.001
    np.testing.assert_allclose(out[128:], 3, rtol=1e-5)


# line_scores


@FEW
@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 12), st.data())
def test_power_of_the_lines_is_added_up(size, tempos, lines, data):
    few = data.draw(st.integers(0, lines))
    rng = np.random.default_rng(data.draw(SEEDS))
    power = rng.uniform(0, 100, size).astype(np.float32)
    bins = rng.integers(0, size, (tempos, lines))
    some, every = np.full((2, tempos), np.nan, np.float32)
    line_scores(power, bins, few, some, every)
    np.testing.assert_allclose(some, power[bins[:, :few]].sum(1), rtol=1e-6)
    np.testing.assert_allclose(every, power[bins].sum(1), rtol=1e-6)
