"""What every detector's p-values have to hold, and keys to try it with."""

import hashlib

import numpy as np
from scipy import stats

from waarmerk.marking.key import MarkingKey

__all__ = ["IMPOSSIBLE", "THRESHOLDS", "assert_valid", "key"]

THRESHOLDS = (0.3, 0.1, 0.01, 0.001)
IMPOSSIBLE = 1e-5  # a share that an honest p-value exceeds less often than this is a broken promise


def key(*name):
    """A key for tests, by name."""
    secret = hashlib.sha256(repr(name).encode()).digest()
    return MarkingKey(secret, created="2026-01-01T00:00:00Z")


def assert_valid(log10_ps, what=""):
    """Fail when more p-values are small than chance allows."""
    log10_ps = np.asarray(log10_ps)
    assert np.isfinite(log10_ps).all()
    assert (log10_ps <= 0).all()
    for threshold in THRESHOLDS:
        count = int(np.sum(log10_ps <= np.log10(threshold)))
        chance = stats.binom.sf(count - 1, log10_ps.size, threshold)
        assert chance > IMPOSSIBLE, f"{what}: p <= {threshold} in {count} of {log10_ps.size}"
