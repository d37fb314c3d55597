"""How deep the mark goes follows the sound, and not its volume."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waarmerk.marking.audio.perception import LOOK_AHEAD, LOOK_BACK, amplitudes

BANDS = 24
AROUND = LOOK_BACK + LOOK_AHEAD


def power(frames, seed=1, spread=3.0):
    rng = np.random.default_rng(seed)
    return (10 ** rng.uniform(-spread, 0, (frames + AROUND, BANDS))).astype(np.float32)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.integers(1, 30), st.integers(0, 1000), st.floats(0.1, 12))
def test_the_depth_is_within_bounds(frames, seed, spread):
    depth = amplitudes(power(frames, seed, spread))
    assert depth.shape == (frames, BANDS)
    assert depth.dtype == np.float32
    assert depth.min() > 0
    assert depth.max() <= 4


@pytest.mark.parametrize("level", [0, 1e-30, 1e-9, 1.0, 1e9])
def test_even_spectra_are_marked_evenly(level):
    # All is as loud as the loudest, silence as well.
    depth = amplitudes(np.full((6 + AROUND, BANDS), level, np.float32))
    assert np.ptp(depth) == 0
    assert 0 < depth[0, 0] < 2


def test_what_is_masked_is_marked_deeper():
    values = np.full((1 + AROUND, BANDS), 1e-4, np.float32)
    values[:, 7] = 1
    values[:, 8] = 10**-1.5
    depth = amplitudes(values)[0]
    assert depth[7] < depth[8] < depth[9]
    np.testing.assert_array_equal(depth[9:], depth[9])


def test_what_is_held_is_marked_less_than_what_is_restless():
    # A held tone would be heard to tremble.
    rng = np.random.default_rng(2)
    values = np.full((40 + AROUND, BANDS), 1e-2, np.float32)
    values[:, 0] = 1
    values[:, 1] *= 10 ** (0.5 * rng.standard_normal(len(values)))
    depth = amplitudes(values)
    assert depth[:, 2].max() < depth[:, 1].min()


def test_the_volume_does_not_matter():
    values = power(20)
    np.testing.assert_allclose(amplitudes(values), amplitudes(values * 100), atol=1e-4)


@pytest.mark.parametrize(("away", "counts"), [(-2, 1), (-1, 1), (0, 1), (1, 1), (2, 1), (3, 0)])
def test_a_loud_moment_masks_what_is_near(away, counts):
    values = np.full((9 + AROUND, BANDS), 1e-3, np.float32)
    plain = amplitudes(values)
    values[LOOK_BACK + 4 + away, 0] = 1
    deeper = amplitudes(values)[4, 1] > plain[4, 1]
    assert deeper == bool(counts)


def test_frames_stand_for_themselves():
    # So that it does not matter how many are handled at once.
    values = power(40)
    whole = amplitudes(values)
    for first, count in ((0, 1), (7, 1), (11, 16), (3, 37)):
        part = amplitudes(values[first : first + count + AROUND])
        np.testing.assert_array_equal(part, whole[first : first + count])
