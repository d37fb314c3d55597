"""Tails of sums: exact against SciPy and against convolution, bounds never below the truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from waarmerk.detection.text.tails import Tail, tail_of
from waarmerk.marking.text.layers import bit_law, layer_weights, vote_law
from waarmerk.marking.text.scheme import Bernoulli, Exponentials, Lattice

FEW = settings(deadline=None, derandomize=True, max_examples=60)


def convolved(law, n):
    out = np.ones(1)
    for _ in range(n):
        out = np.convolve(out, law.probabilities)
    return out


@FEW
@given(st.integers(1, 3000), st.floats(0.01, 0.99), st.floats(0, 1))
def test_binomial_tail_equals_scipys(n, p, share):
    k = int(np.ceil(n * p + share * (n - n * p)))
    got = Tail(Bernoulli(p)).exact(k, n)
    expected = stats.binom.sf(k - 1, n, p)
    if k <= n * p:
        return
    if expected > 1e-290:  # below that SciPy's own digits run out
        assert got == pytest.approx(np.log10(expected), abs=1e-6)


@FEW
@given(st.integers(1, 2000), st.floats(1.0, 3.0))
def test_gamma_tail_equals_scipys(n, ratio):
    expected = stats.gamma.sf(n * ratio, n)
    if expected > 1e-290 and ratio > 1:
        assert Tail(Exponentials()).exact(n * ratio, n) == pytest.approx(
            np.log10(expected), abs=1e-6
        )


@FEW
@given(st.integers(1, 30), st.floats(0, 1), st.sampled_from([0.5, 0.497, 0.25]))
def test_lattice_tail_equals_the_convolution(n, share, ones):
    law = bit_law((30, 17, 8, 3), ones)
    sums = convolved(law, n)
    mean = n * float(law.probabilities @ np.arange(law.probabilities.size))
    total = int(np.ceil(mean + share * (58 * n - mean)))
    if total <= mean:
        return
    expected = sums[total:].sum()
    if expected > 1e-290:
        assert Tail(law).exact(total, n) == pytest.approx(np.log10(expected), abs=1e-6)


def test_lattice_tail_of_signs_reaches_the_very_end():
    law = vote_law((30, 20, 3))
    assert law.low == -53
    assert Tail(law).exact(53 * 5, 5) == pytest.approx(5 * np.log10(1 / 8))
    assert Tail(law).exact(53 * 5 + 1, 5) == -np.inf
    assert Tail(law).exact(-10, 5) == 0.0


@pytest.mark.parametrize(
    "law",
    [
        Bernoulli(0.25),
        Exponentials(),
        Exponentials((0.9, 0.1)),
        bit_law(tuple(layer_weights(30)), 0.4993),
        vote_law((24, 18, 5)),
    ],
)
def test_bounds_lie_above_the_tail_and_not_far(law):
    tail = tail_of(law)
    rng = np.random.default_rng(3)
    for n in (1, 30, 400):
        if isinstance(law, Lattice):
            values = law.low + np.arange(law.probabilities.size)
            sums = rng.choice(values, (300, n), p=law.probabilities).sum(1) + n * 3
        elif isinstance(law, Bernoulli):
            sums = np.minimum(rng.binomial(n, 0.35, 300), n)
        else:
            sums = sum(w * rng.gamma(n, 1.15, 300) for w in law.weights)
        bounds = tail.bounds(sums.astype(float), np.full(300, n))
        exact = np.array([tail.exact(float(s), n) for s in sums])
        assert (bounds <= 0).all()
        assert (bounds >= exact - 1e-9).all() or isinstance(law, Exponentials)
        worth = np.isfinite(exact) & (exact < -0.5)
        assert (bounds[worth] - exact[worth] < 2.0 + 0.02 * -exact[worth]).all()


def test_dual_keys_are_bounded_above_their_simulated_tail():
    tail = tail_of(Exponentials((0.9, 0.1)))
    rng = np.random.default_rng(1)
    sums = 0.9 * rng.gamma(50, 1, 200_000) + 0.1 * rng.gamma(50, 1, 200_000)
    for level in (58.0, 64.0, 70.0):
        share = (sums >= level).mean()
        assert share <= 10 ** tail.exact(level, 50)


def test_nothing_counted_says_nothing():
    for law in (Bernoulli(0.25), Exponentials(), bit_law((3, 2))):
        assert tail_of(law).exact(0.0, 0) == 0.0
        assert tail_of(law).bounds(np.zeros(1), np.zeros(1, np.int64))[0] == 0.0


def test_a_million_tokens_do_not_need_the_memory_for_their_law():
    law = bit_law(tuple(layer_weights(30)))
    tail = tail_of(law)
    n = 1_000_000
    total = int(n * tail.mean + 6 * 52 * np.sqrt(n))
    assert -20 < tail.exact(total, n) < -5
