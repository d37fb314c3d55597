"""The kernels that mix two channels down against NumPy."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from waarmerk.kernels.sound_mix import mixed_pairs, mixed_rows

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(deadline=None, derandomize=True, max_examples=40)
TYPES = st.sampled_from([np.float32, np.int16])


@FEW
@given(st.integers(0, 99), TYPES, st.sampled_from([1.0, 2.0**-15]), SEEDS)
def test_two_channels_are_averaged(n, kind, scale, seed):
    samples = np.random.default_rng(seed).uniform(-32768, 32767, (n, 2)).astype(kind)
    expected = samples.astype(float) * scale
    wanted = [np.square(expected.mean(1)).sum(), np.square(expected).sum() / 2]
    out, again = np.full((2, n), np.nan, np.float32)
    sums = mixed_pairs(samples.reshape(-1), scale, out)
    np.testing.assert_allclose(out, expected.mean(1), rtol=1e-6, atol=1e-2 * scale)
    np.testing.assert_allclose(sums, wanted, rtol=1e-5)
    sums = mixed_rows(*np.ascontiguousarray(samples.T), scale, again)
    np.testing.assert_array_equal(again, out)
    np.testing.assert_allclose(sums, wanted, rtol=1e-5)
