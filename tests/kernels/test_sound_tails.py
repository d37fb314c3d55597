"""The estimate of Chernoff's bound, against the bound itself."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from waarmerk.detection.statistics import log10_phase_tail
from waarmerk.kernels.sound_tails import least_tails


def estimates(totals, magnitudes, rows, counts):
    out = np.full(len(totals), np.nan)
    least_tails(
        np.array(totals, np.float64),
        np.array(magnitudes, np.float64),
        np.array(rows, np.int64),
        np.array(counts, np.int64),
        out,
    )
    return out / np.log(10)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.sampled_from(["even", "uneven", "one", "silent", "tiny", "huge"]),
    st.integers(1, 60),
    st.floats(0.0, 1.1),
    st.integers(0, 2**32 - 1),
)
def test_it_is_never_above_the_bound_and_close_to_it(kind, size, share, seed):
    rng = np.random.default_rng(seed)
    magnitudes = rng.uniform(0.5, 1.5, (2, size))
    if kind == "uneven":
        magnitudes **= 8
    elif kind == "one":
        magnitudes[:, 1:] = 0.0
    elif kind == "silent":
        magnitudes[:] = 0.0
    elif kind in ("tiny", "huge"):
        magnitudes *= 1e-12 if kind == "tiny" else 1e12
    counts = [size, max(1, size // 2)]
    totals = [share * float(magnitudes[1, : counts[1]].sum()), -1.0]
    found = estimates(totals, magnitudes, [1, 0], [counts[1], size])
    exact = log10_phase_tail(totals[0], magnitudes[1, : counts[1]])
    assert found[0] <= exact + 1e-5
    assert found[1] == 0.0
    if share <= 0.9 and kind not in ("one", "silent"):
        assert found[0] >= exact - 0.02
