"""The bounds hold, are monotone, and are no wider than they must be."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import special, stats

from waarmerk.detection.statistics import (
    LOG10_IDS,
    log10_any_of,
    log10_of_best,
    log10_phase_tail,
    log10_sign_tail,
    log10_tail,
)

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


# log10_phase_tail

SAME = settings(derandomize=True, deadline=None, max_examples=60)
MAGNITUDES = {
    "one": [1],
    "two": [1, 1],
    "three": [3, 2, 1],
    "twelve equal": [1] * 12,
    "one among many": [8] + [1] * 63,
    "falling by halves": [2.0**-k for k in range(20)],
    "harmonic": [1 / k for k in range(1, 65)],
    "heavy tail": np.exp(3 * np.random.default_rng(1).standard_normal(64)),
    "with zeros": [0, 2, 0, 1, 1e-12],
    "single precision": np.float32([0.1, 0.7, 0.3]),
}
EACH = pytest.mark.parametrize("magnitudes", MAGNITUDES.values(), ids=MAGNITUDES.keys())
LINES = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=40).map(np.array)


def most(magnitudes):
    """The correlation when all phases agree."""
    return float(np.sum(magnitudes, dtype=np.float64))


@EACH
def test_the_tail_of_phases_is_never_below_the_chance(magnitudes):
    magnitudes = np.asarray(magnitudes)
    rng = np.random.default_rng(7)
    count = 40_000
    totals = np.cos(rng.uniform(0, 2 * np.pi, (count, magnitudes.size))) @ magnitudes
    for chance in (0.5, 0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4):
        total = float(np.quantile(totals, 1 - chance))
        seen = int(np.sum(totals >= total))
        bound = 10 ** log10_phase_tail(total, magnitudes)
        # So many are seen by chance less than once in 100,000, if the bound is right.
        assert stats.binom.sf(seen - 1, count, bound) > 1e-5, (chance, bound)


@SAME
@given(st.floats(0, 1, exclude_min=True), st.floats(1e-6, 1e6))
def test_the_tail_of_phases_bounds_a_single_line(cosine, magnitude):
    exact = math.log10(max(math.acos(cosine) / math.pi, 1e-300))
    assert exact <= log10_phase_tail(cosine * magnitude, np.array([magnitude])) + 1e-9


@SAME
@given(st.floats(0, 2, exclude_min=True))
def test_the_tail_of_phases_bounds_two_equal_lines(total):
    # As above: a product of two arcsine laws.
    angle = (np.arange(4000) + 0.5) * (math.pi / 8000)
    share = np.arccos(np.minimum(total / 2 / np.cos(angle), 1)) / math.pi
    chance = float(np.mean(np.where(total / 2 < np.cos(angle), share, 0)))
    bound = log10_phase_tail(total, np.array([1.0, 1.0]))
    assert math.log10(max(chance, 1e-300)) <= bound + 1e-6


@SAME
@given(LINES, st.floats(0.01, 0.99))
def test_the_tail_of_phases_is_an_exponent_of_chernoff_and_nearly_the_smallest(magnitudes, share):
    total = share * most(magnitudes)
    slopes = np.logspace(-3, 4, 400)[:, None] / magnitudes.max()
    moment = np.log(special.i0e(slopes * magnitudes)) + slopes * magnitudes
    smallest = float((moment.sum(1) - slopes[:, 0] * total).min()) / LN10
    value = log10_phase_tail(total, magnitudes)
    # Not below the smallest there is, between the slopes that were looked at; and close to it.
    assert value >= smallest * 1.01 - 1e-3
    assert value <= smallest * 0.98 + 1e-3


@SAME
@given(LINES, st.floats(0.001, 0.999))
def test_the_tail_of_phases_is_at_most_the_simple_one(magnitudes, share):
    total = share * most(magnitudes)
    simple = log10_tail(total, float(magnitudes @ magnitudes))
    assert log10_phase_tail(total, magnitudes) <= simple + 1e-9 * abs(simple)


def test_the_tail_of_phases_is_sharper_where_magnitudes_differ():
    magnitudes = np.array([20.0] + [1.0] * 60)
    total = 0.6 * most(magnitudes)
    assert log10_phase_tail(total, magnitudes) < 1.5 * log10_tail(total, magnitudes @ magnitudes)


@SAME
@given(LINES, st.floats(0.01, 0.95), st.floats(1, 1.05))
def test_the_tail_of_phases_falls_with_the_correlation(magnitudes, share, more):
    total = share * most(magnitudes)
    value = log10_phase_tail(total, magnitudes)
    assert log10_phase_tail(total * more, magnitudes) <= value + 1e-6 * abs(value) + 1e-9


@SAME
@given(LINES, st.floats(0.01, 0.95), st.floats(1e-6, 1e6))
def test_the_tail_of_phases_does_not_depend_on_the_unit(magnitudes, share, unit):
    total = share * most(magnitudes)
    scaled = log10_phase_tail(total * unit, magnitudes * unit)
    assert scaled == pytest.approx(log10_phase_tail(total, magnitudes), rel=1e-6, abs=1e-9)


@SAME
@given(LINES, st.floats(0.01, 0.95))
def test_the_shape_of_the_lines_does_not_matter(magnitudes, share):
    total = share * most(magnitudes)
    table = np.stack([magnitudes, np.zeros_like(magnitudes)])
    expected = log10_phase_tail(total, magnitudes)
    assert log10_phase_tail(total, table) == pytest.approx(expected, rel=1e-9)


@EACH
@pytest.mark.parametrize("share", [-1.0, -0.3, 0.0, 1e-12, 0.5, 1.0, 1.0001])
def test_the_tail_of_phases_is_a_logarithm_of_at_most_1(magnitudes, share):
    magnitudes = np.asarray(magnitudes)
    value = log10_phase_tail(share * most(magnitudes), magnitudes)
    assert math.isfinite(value)
    assert value <= 0
    if share <= 0:
        assert value == 0


@pytest.mark.parametrize("total", [-1.0, 0.0, 1.0])
def test_no_lines_are_no_evidence(total):
    for magnitudes in (np.zeros(5), np.zeros(0), np.zeros((3, 4), np.float32)):
        assert log10_phase_tail(total, magnitudes) == 0


# log10_sign_tail


@SAME
@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=11).map(np.array))
def test_the_tail_of_signs_is_never_below_the_chance(values):
    # All signs there are.
    signs = 1 - 2 * (np.arange(2**values.size)[:, None] >> np.arange(values.size) & 1)
    totals = np.sort(signs @ values)
    energy = float(values @ values)
    for rank, total in enumerate(totals):
        if total <= 0:
            continue
        chance = (totals.size - rank) / totals.size
        assert math.log10(chance) <= log10_sign_tail(float(total), energy) + 1e-9


def test_the_tail_of_signs_holds_for_many():
    rng = np.random.default_rng(8)
    count = 20_000
    for values in (np.ones(300), rng.uniform(0, 1, 300), 1 / np.arange(1.0, 301)):
        totals = (1.0 - 2 * rng.integers(0, 2, (count, values.size), dtype=np.int8)) @ values
        energy = float(values @ values)
        for chance in (0.3, 0.1, 0.01, 1e-3):
            total = float(np.quantile(totals, 1 - chance))
            seen = int(np.sum(totals >= total))
            bound = 10 ** log10_sign_tail(total, energy)
            assert stats.binom.sf(seen - 1, count, bound) > 1e-5


@SAME
@given(POSITIVE, POSITIVE, st.floats(1, 1e3))
def test_the_tail_of_signs_falls_with_the_sum_and_rises_with_the_energy(total, energy, more):
    value = log10_sign_tail(total, energy)
    assert value <= 0
    assert log10_sign_tail(total * more, energy) <= value
    assert log10_sign_tail(total, energy * more) >= value


@SAME
@given(st.floats(0.01, 40))
def test_the_tail_of_signs_bounds_the_normal_law(deviations):
    law = stats.norm.logsf(deviations) / LN10
    bound = log10_sign_tail(deviations, 1.0)
    assert law <= bound
    assert bound - law <= math.log10(2 * math.sqrt(math.pi) * deviations + 2) + 1


@pytest.mark.parametrize(("total", "energy"), [(0, 0), (0, 1), (-1, 1), (1, 0), (-1, 0)])
def test_no_evidence_of_signs(total, energy):
    assert log10_sign_tail(total, energy) == 0


def test_all_ids_are_paid_for():
    assert pytest.approx(math.log10(2**64)) == LOG10_IDS


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
