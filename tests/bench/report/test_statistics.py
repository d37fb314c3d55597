"""Intervals against SciPy's and published ones, and what dependent readings are worth."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from waarmerk.bench.report.statistics import clopper_pearson, rate, rates_below, significant, wilson

COUNTS = st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS, st.sampled_from([0.8, 0.95, 0.99]))
def test_both_intervals_are_scipys(counts: tuple[int, int], confidence: float) -> None:
    test = binomtest(*counts)
    for own, method in ((wilson, "wilson"), (clopper_pearson, "exact")):
        theirs = test.proportion_ci(confidence, method=method)
        assert own(*counts, confidence) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # Newcombe (1998), Statistics in Medicine 17, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611),
     (1, 29, 0.0061, 0.1718)],
)  # fmt: skip
def test_wilson_as_published(successes: int, n: int, low: float, high: float) -> None:
    assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


def test_of_nothing_everything_is_possible() -> None:
    assert wilson(0, 0) == clopper_pearson(0, 0) == (0.0, 1.0)
    assert rate([]) == {"n": 0, "successes": 0, "clusters": 0, "low": 0.0, "high": 1.0}


@pytest.mark.parametrize(("successes", "n"), [(-1, 3), (4, 3)])
def test_impossible_counts_are_refused(successes: int, n: int) -> None:
    for interval in (wilson, clopper_pearson):
        with pytest.raises(ValueError, match="successes of 3"):
            interval(successes, n)


def test_independent_readings_get_the_plain_interval() -> None:
    result = rate((number, number < 7) for number in range(10))
    assert (result["low"], result["high"]) == pytest.approx(wilson(7, 10), rel=1e-5)
    assert result["clusters"] == 10


def test_readings_of_few_contents_that_all_succeed_are_worth_the_contents() -> None:
    result = rate((content, True) for content in range(12) for _ in range(100))
    assert result["successes"] == result["n"] == 1200
    assert result["low"] == pytest.approx(wilson(12, 12)[0], abs=0.01)


@pytest.mark.parametrize("spread", [False, True])
def test_one_miss_more_hardly_ever_looks_better(spread: bool) -> None:
    def low(misses: int) -> float:
        readings = ((content, reading) for content in range(12) for reading in range(100))
        value = rate(
            (content, (content + 12 * reading if spread else 1000 * content + reading) >= misses)
            for content, reading in readings
        )["low"]
        return float(value)

    lows = [low(misses) for misses in range(100)]
    assert all(after <= before + 0.002 for before, after in pairwise(lows))
    assert max(lows) == lows[0]


@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=6), min_size=2, max_size=20))
def test_worth_lies_between_clusters_and_readings(clusters: list[list[bool]]) -> None:
    result = rate((name, hit) for name, hits in enumerate(clusters) for hit in hits)
    n, share = result["n"], result["successes"] / result["n"]
    widest, narrowest = wilson(share * len(clusters), len(clusters)), wilson(share * n, n)
    assert widest[0] - 1e-5 <= result["low"] <= narrowest[0] + 1e-5
    assert narrowest[1] - 1e-5 <= result["high"] <= widest[1] + 1e-5


def test_contents_that_differ_widen_the_interval() -> None:
    alike = rate((content, reading % 2 == 0) for content in range(60) for reading in range(4))
    apart = rate((content, content % 2 == 0) for content in range(60) for _ in range(4))
    assert alike["low"] > apart["low"] + 0.03
    assert apart["low"] == pytest.approx(wilson(30, 60)[0], abs=0.005)


def test_rates_below_thresholds() -> None:
    rates = rates_below([("a", -5.0), ("b", -1.0), ("c", 0.0)], [-6.0, -5.0, -0.5, 0.0], exact=True)
    assert [one["successes"] for one in rates] == [0, 1, 2, 3]
    assert rates[0]["high"] == pytest.approx(clopper_pearson(0, 3)[1], rel=1e-5)


def test_significant() -> None:
    assert significant(0.000123456789) == 0.000123457
