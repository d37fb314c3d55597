"""The bounds hold, are monotone, and are no wider than they must be."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import special, stats

from waarmerk.detection.statistics import log10_any_of, log10_of_best, log10_tail

LN10 = math.log(10)
POSITIVE = st.floats(1e-100, 1e100)
LOGS = st.floats(-1e6, 0)


# log10_tail


@given(st.floats(-1e100, 1e100), st.floats(0, 1e100))
def test_the_tail_is_a_logarithm_of_at_most_1(total, energy):
    value = log10_tail(total, energy)
    assert value <= 0
    assert not math.isnan(value)


@given(POSITIVE, POSITIVE, st.floats(1, 1e3))
def test_the_tail_falls_with_the_correlation_and_rises_with_the_energy(total, energy, more):
    value = log10_tail(total, energy)
    assert log10_tail(total * more, energy) <= value
    assert log10_tail(total, energy * more) >= value


@given(st.floats(1e-30, 1e30), st.floats(1e-30, 1e30), st.floats(1e-20, 1e20))
def test_the_tail_does_not_depend_on_the_unit(total, energy, unit):
    scaled = log10_tail(total * unit, energy * unit * unit)
    assert scaled == pytest.approx(log10_tail(total, energy), rel=1e-12)


@pytest.mark.parametrize(("total", "energy"), [(0, 0), (0, 1), (-1, 1), (1, 0), (-1, 0), (1, -1)])
def test_no_evidence(total, energy):
    assert log10_tail(total, energy) == 0


@given(st.floats(0.01, 30))
def test_the_tail_is_that_of_a_rayleigh_law(deviations):
    # exp(-t^2 / E) is the chance of a complex normal number of mean power E to exceed t.
    law = stats.rayleigh.logsf(deviations, scale=math.sqrt(0.5))
    assert log10_tail(deviations, 1.0) == pytest.approx(law / LN10, rel=1e-12)


@given(st.floats(0.01, 40))
def test_the_tail_bounds_the_normal_law_of_many_lines(deviations):
    # Of variance E / 2: what very many lines of equal weight come to.
    law = stats.norm.logsf(deviations * math.sqrt(2)) / LN10
    bound = log10_tail(deviations, 1.0)
    assert law <= bound
    # Wider only by the factor between a normal tail and its exponential.
    assert bound - law <= math.log10(2 * math.sqrt(math.pi) * deviations + 2) + 1


@given(st.floats(0, 1, exclude_min=True))
def test_the_tail_bounds_a_single_line(cosine):
    assert math.log10(max(math.acos(cosine) / math.pi, 1e-300)) <= log10_tail(cosine, 1.0) + 1e-12


@given(st.floats(0, 2, exclude_min=True))
def test_the_tail_bounds_two_equal_lines(total):
    # cos a + cos b = 2 cos((a + b) / 2) cos((a - b) / 2): a product of two arcsine laws.
    angle = (np.arange(4000) + 0.5) * (math.pi / 8000)
    share = np.arccos(np.minimum(total / 2 / np.cos(angle), 1)) / math.pi
    chance = float(np.mean(np.where(total / 2 < np.cos(angle), share, 0)))
    assert math.log10(max(chance, 1e-300)) <= log10_tail(total, 2.0) + 1e-6


@given(
    st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=12),
    st.floats(0.05, 0.95),
)
def test_the_tail_bounds_the_exact_chernoff_exponent(weights, share):
    weights = np.array(weights)
    total = share * weights.sum()
    energy = float(weights @ weights)
    slope = 2 * total / energy
    # log I0(x) = log(i0e(x)) + x, which does not overflow.
    moment = np.sum(np.log(special.i0e(slope * weights)) + slope * weights)
    assert (moment - slope * total) / LN10 <= log10_tail(total, energy) + 1e-9


# log10_of_best


@given(LOGS, st.floats(1, 1e12))
def test_tries_are_paid_for(log10_p, tries):
    value = log10_of_best(log10_p, tries)
    assert log10_p <= value <= 0
    assert value == min(0, log10_p + math.log10(tries))


@given(LOGS, st.integers(1, 10**6), st.integers(1, 10**6))
def test_paying_twice_is_paying_the_product(log10_p, first, second):
    twice = log10_of_best(log10_of_best(log10_p, first), second)
    assert twice == pytest.approx(log10_of_best(log10_p, first * second), abs=1e-6)


def test_a_single_try_is_free():
    assert log10_of_best(-7.5, 1) == -7.5


@given(st.floats(1e-6, 0.999), st.integers(1, 1000))
def test_it_bounds_the_best_of_independent_tries(p, tries):
    # The smallest of n uniform numbers is a Beta(1, n).
    exact = stats.beta.cdf(p, 1, tries)
    assert exact <= 10 ** log10_of_best(math.log10(p), tries) * (1 + 1e-9)


# log10_any_of


@given(st.lists(LOGS, min_size=1, max_size=9))
def test_the_best_of_several_pays_for_their_number(values):
    assert log10_any_of(*values) == log10_of_best(min(values), len(values))


@given(st.lists(LOGS, min_size=2, max_size=9), st.randoms())
def test_the_order_does_not_matter(values, random):
    shuffled = values.copy()
    random.shuffle(shuffled)
    assert log10_any_of(*shuffled) == log10_any_of(*values)


@given(LOGS, st.integers(2, 9))
def test_weak_company_costs_its_price_and_no_more(log10_p, count):
    assume(log10_p < -2)
    together = log10_any_of(log10_p, *[0.0] * (count - 1))
    assert together == pytest.approx(log10_p + math.log10(count))
