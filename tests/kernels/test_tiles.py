"""Every kernel of the tiles against its naive twin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import reference_image as reference
from waarmerk.kernels.tiles import add_spectra, cut_tiles, gather_bits, weighted_lines

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(deadline=None, max_examples=40)


def complex_noise(rng, shape):
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


# cut_tiles


@FEW
@given(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.integers(1, 16),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    SEEDS,
)
def test_tiles_are_cut_and_those_that_share_a_cell_added(shape, size, cells, seed):
    values = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    expected = reference.cut_tiles(values, size, *cells)
    out = np.full(expected.shape, np.nan, np.float32)
    cut_tiles(values, out)
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-5)


# add_spectra


@FEW
@given(st.integers(1, 9), st.integers(1, 7), st.integers(1, 7), SEEDS)
def test_spectra_are_added_and_their_powers_averaged(count, rows, columns, seed):
    spectra = complex_noise(np.random.default_rng(seed), (count, rows, columns))
    total = np.full((rows, columns), np.nan, np.complex64)
    power = np.full((rows, columns), np.nan, np.float32)
    add_spectra(spectra, total, power)
    np.testing.assert_allclose(total, spectra.sum(0, dtype=complex), atol=1e-5)
    np.testing.assert_allclose(power, (np.abs(spectra.astype(complex)) ** 2).mean(0), rtol=1e-5)


# weighted_lines


@FEW
@given(st.integers(1, 6), st.integers(1, 30), st.integers(1, 30), SEEDS)
def test_lines_are_divided_by_the_power_around(tiles, length, count, seed):
    rng = np.random.default_rng(seed)
    spectra = complex_noise(rng, (tiles, length))
    spectra[rng.random(spectra.shape) < 0.2] *= 100
    places = rng.integers(0, length, count)
    around = rng.uniform(0.1, 3, count).astype(np.float32)
    out = np.full((tiles, count), np.nan, np.complex64)
    energy = weighted_lines(spectra, places, around, 16.0, out)
    expected, expected_energy = reference.weighted_lines(spectra, places, around, 16.0)
    np.testing.assert_allclose(out, expected, rtol=1e-4)
    assert energy == pytest.approx(expected_energy, rel=1e-4)


def test_silent_lines_stay_silent():
    out = np.full((3, 5), np.nan, np.complex64)
    around = np.full(5, 1e-12, np.float32)
    energy = weighted_lines(np.zeros((3, 9), np.complex64), np.arange(5), around, 16.0, out)
    assert energy == 0
    np.testing.assert_array_equal(out, 0)


# gather_bits


@FEW
@given(st.integers(1, 6), st.integers(1, 40), st.integers(0, 5), SEEDS)
def test_lines_are_gathered_to_their_bits(tiles, count, log_bits, seed):
    rng = np.random.default_rng(seed)
    bits = 1 << log_bits
    lines = complex_noise(rng, (tiles, count))
    cells = rng.integers(0, 4, tiles)
    phases = rng.integers(0, 256, (4, count), dtype=np.uint8)
    places = rng.integers(0, bits, count)
    starts = rng.integers(0, bits, 4)
    turns = np.exp(-2j * np.pi / 256 * np.arange(256)).astype(np.complex64)
    out = np.full(bits, np.nan)
    gather_bits(lines, cells, phases, places, starts, turns, out)
    turned = phases[cells] * (2 * np.pi / 256)
    expected = reference.gather_bits(lines, turned, places + starts[cells][:, None], bits)
    np.testing.assert_allclose(out, expected, atol=1e-5)
