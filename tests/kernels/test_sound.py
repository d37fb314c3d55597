"""Every kernel of the audio marker against its naive twin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import reference_sound as reference
from waarmerk.kernels.sound import (
    add_limited,
    apply_gains,
    band_power,
    cut_frames,
    overlap_add,
)

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(deadline=None, derandomize=True, max_examples=40)
CHANNELS = st.integers(1, 5)
SIZES = st.tuples(st.integers(1, 6), st.integers(1, 50), st.integers(1, 8))  # frames, bins, bands
# What sound is made of: noise, one level throughout, hardly anything, nothing.
KINDS = st.sampled_from(["noise", "constant", "tiny", "silent"])


def sound(kind, shape, rng):
    values = {
        "noise": rng.uniform(-1, 1, shape),
        "constant": np.full(shape, rng.uniform(-1, 1)),
        "tiny": rng.uniform(-1e-20, 1e-20, shape),
        "silent": np.zeros(shape),
    }[kind]
    return values.astype(np.float32)


def spectrum(kind, shape, rng):
    return (sound(kind, shape, rng) + 1j * sound(kind, shape, rng)).astype(np.complex64)


def bands(count, bins, rng):
    """First and last bin of every band, and shares that are 0 outside; some hold no bin."""
    ends = np.sort(rng.integers(0, bins + 1, (count, 2)), axis=1)
    bin_ = np.arange(bins)
    inside = (bin_ >= ends[:, :1]) & (bin_ < ends[:, 1:])
    weight = (rng.uniform(0, 1, inside.shape) * inside).astype(np.float32)
    return np.ascontiguousarray(ends[:, 0]), np.ascontiguousarray(ends[:, 1]), weight


# cut_frames


@FEW
@given(KINDS, CHANNELS, st.integers(0, 9), st.integers(1, 40), SEEDS)
def test_frames_are_cut_and_windowed(kind, channels, frames, length, seed):
    rng = np.random.default_rng(seed)
    samples = sound(kind, (channels, length + rng.integers(0, 60)), rng)
    starts = rng.integers(0, samples.shape[1] - length + 1, frames)
    window = rng.uniform(0, 1, length).astype(np.float32)
    out = np.full((frames * channels + 3, length), np.nan, np.float32)
    cut_frames(samples, starts, window, out)
    expected = reference.cut_frames(samples, starts, window)
    np.testing.assert_allclose(out[: frames * channels], expected, rtol=1e-6, atol=0)
    assert np.isnan(out[frames * channels :]).all()  # rows that only fill a batch


# band_power


@FEW
@given(KINDS, CHANNELS, SIZES, SEEDS)
def test_power_is_added_up_over_bins_and_channels(kind, channels, sizes, seed):
    rng = np.random.default_rng(seed)
    frames, bins, count = sizes
    spectra = spectrum(kind, (frames * channels, bins), rng)
    first, last, weight = bands(count, bins, rng)
    out = np.full((frames, count), np.nan, np.float32)
    band_power(spectra, channels, first, last, weight, out)
    expected = reference.band_power(spectra, channels, weight)
    # Powers of what is tiny are below the smallest float32.
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-37)


def test_bands_that_hold_no_bin_have_no_power():
    none = np.zeros(3, np.int64)
    out = np.full((2, 3), np.nan, np.float32)
    band_power(np.ones((2, 9), np.complex64), 1, none, none, np.zeros((3, 9), np.float32), out)
    np.testing.assert_array_equal(out, 0)


# apply_gains


@FEW
@given(KINDS, CHANNELS, SIZES, SEEDS)
def test_gains_reach_the_bins_of_their_bands_in_all_channels(kind, channels, sizes, seed):
    rng = np.random.default_rng(seed)
    frames, bins, count = sizes
    spectra = spectrum(kind, (frames * channels, bins), rng)
    first, last, weight = bands(count, bins, rng)
    gains = rng.uniform(-0.5, 0.5, (frames, count)).astype(np.float32)
    expected = reference.apply_gains(spectra, channels, gains, weight)
    apply_gains(spectra, channels, gains, first, last, weight)
    np.testing.assert_allclose(spectra, expected, rtol=0, atol=2e-6)


def test_what_lies_in_no_band_is_not_changed_at_all():
    spectra = spectrum("noise", (4, 30), np.random.default_rng(1))
    weight = np.zeros((1, 30), np.float32)
    weight[0, 10:20] = 1
    ones = np.ones((4, 1), np.float32)
    before = spectra.copy()
    apply_gains(spectra, 1, ones, np.array([10]), np.array([20]), weight)
    np.testing.assert_array_equal(spectra[:, 10:20], before[:, 10:20])
    np.testing.assert_array_equal(np.delete(spectra, np.s_[10:20], 1), 0)


# overlap_add


@FEW
@given(KINDS, CHANNELS, st.integers(0, 9), st.integers(1, 40), SEEDS)
def test_frames_are_windowed_and_added_where_they_belong(kind, channels, frames, length, seed):
    rng = np.random.default_rng(seed)
    out = sound(kind, (channels, length + rng.integers(0, 60)), rng)
    starts = rng.integers(0, out.shape[1] - length + 1, frames)
    window = rng.uniform(0, 1, length).astype(np.float32)
    pieces = sound(kind, (frames * channels + 2, length), rng)
    expected = reference.overlap_add(pieces, starts, window, out)
    overlap_add(pieces, starts, window, out)
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=3e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_what_was_cut_adds_up_again(channels):
    # The window is used twice, and its squares of two frames add up to 1.
    length, hop = 40, 20
    samples = sound("noise", (channels, 400), np.random.default_rng(2))
    starts = np.arange(0, 361, hop)
    window = np.sin(np.pi * (np.arange(length) + 0.5) / length).astype(np.float32)
    frames = np.empty((len(starts) * channels, length), np.float32)
    out = np.zeros_like(samples)
    cut_frames(samples, starts, window, frames)
    overlap_add(frames, starts, window, out)
    np.testing.assert_allclose(out[:, hop:-hop], samples[:, hop:-hop], atol=1e-6)


# add_limited


@st.composite
def limited(draw):
    rng = np.random.default_rng(draw(SEEDS))
    channels = draw(CHANNELS)
    bounds = np.concatenate([[0], np.cumsum(rng.integers(1, 12, draw(st.integers(2, 8))))])
    samples = sound(draw(KINDS), (channels, bounds[-1]), rng)
    change = sound(draw(KINDS), samples.shape, rng) * np.float32(0.3)
    # Every second hop or so is soft; here and there a sample is beyond full scale.
    if draw(st.booleans()):
        soft = rng.random(len(bounds) - 1) < 0.5
        samples *= np.repeat(np.where(soft, 0.1, 1), np.diff(bounds)).astype(np.float32)
    if draw(st.booleans()):
        samples[rng.random(samples.shape) < 0.1] *= 3
    return samples, change, bounds, draw(st.floats(0, 1)), draw(st.sampled_from([1, 32767 / 32768]))


@FEW
@given(limited())
def test_the_change_is_made_small_enough(given_):
    samples, change, bounds, previous, limit = given_
    out = np.full((len(samples), bounds[-2]), np.nan, np.float32)
    last = add_limited(samples, change, bounds, previous, limit, out)
    expected, expected_last = reference.add_limited(samples, change, bounds, previous, limit)
    assert last == pytest.approx(expected_last, abs=2e-6)
    # Where rounding takes a sample beyond the limit the kernel leaves it as it was.
    near = np.abs(expected) > limit - 1e-6
    np.testing.assert_allclose(out[~near], expected[~near], rtol=0, atol=2e-6)
    before = np.abs(samples[:, : bounds[-2]])
    assert (np.abs(out) <= np.maximum(before, np.float32(limit))).all()


def test_a_change_that_fits_is_added_as_it_is():
    rng = np.random.default_rng(3)
    samples, change = sound("noise", (2, 60), rng) / 2, sound("noise", (2, 60), rng) / 4
    out = np.empty((2, 50), np.float32)
    assert add_limited(samples, change, np.arange(0, 61, 10), 1.0, 1.0, out) == 1.0
    np.testing.assert_array_equal(out, (samples + change)[:, :50])


def test_hop_by_hop_is_the_same_as_all_at_once():
    rng = np.random.default_rng(4)
    samples, change = sound("noise", (2, 600), rng), sound("noise", (2, 600), rng) / 3
    bounds = np.arange(0, 601, 20)
    whole = np.empty((2, 580), np.float32)
    add_limited(samples, change, bounds, 1.0, 1.0, whole)
    parts, share = [], 1.0
    for h in range(len(bounds) - 2):
        part = np.empty((2, 20), np.float32)
        inside = np.s_[:, bounds[h] : bounds[h + 2]]
        share = add_limited(
            samples[inside], change[inside], bounds[h : h + 3] - bounds[h], share, 1.0, part
        )
        parts.append(part)
    np.testing.assert_array_equal(np.concatenate(parts, 1), whole)
