"""Shares with their confidence intervals: what the tables and figures of a report are made of.

Readings are not all independent. Twelve pictures, each marked with four keys and changed in thirty
ways, are 1,440 readings but only twelve pictures: if one picture in ten lost its mark every time,
1,440 hits would be no surprise. So readings come in clusters, and an interval is as wide as the
number of independent readings that they are worth (the design effect of survey sampling, Kish
1965; for binomial intervals Korn and Graubard 1998)::

    readings   c1: 1 1 1 1   c2: 0 0 0 1   c3: 1 1 1 1      n = 12, clusters = 3
    worth      n / design effect, between 3 and 12
    interval   Wilson, of the share and this number
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Final

from scipy.stats import beta, norm

__all__ = ["CONFIDENCE", "clopper_pearson", "rate", "rates_below", "significant", "wilson"]

CONFIDENCE: Final = 0.95
"""Of every interval in a report, two-sided."""


def wilson(successes: float, n: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the score interval of a share (Wilson 1927); 0 to 1 of nothing.

    Parameters
    ----------
    successes, n
        Need not be whole numbers: `n` may be what dependent readings are worth.
    confidence
        Two-sided.

    >>> low, high = wilson(8, 10)
    >>> round(low, 4), round(high, 4)
    (0.4902, 0.9433)
    """
    _check(successes, n)
    if not n:
        return 0.0, 1.0
    z = float(norm.ppf(0.5 + confidence / 2))
    share = successes / n
    scale = 1 + z * z / n
    middle = (share + z * z / (2 * n)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # Exactly 0 and 1 where rounding would leave a trace.
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    high = 1.0 if successes == n else min(1.0, middle + half)
    return low, high


def clopper_pearson(
    successes: float, n: float, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Return the exact interval of a share, which is never too narrow (Clopper, Pearson 1934).

    Parameters as in `wilson`.

    >>> low, high = clopper_pearson(0, 100)
    >>> low, round(high, 4)
    (0.0, 0.0362)
    """
    _check(successes, n)
    tail = (1 - confidence) / 2
    low, high = 0.0, 1.0
    if successes > 0:
        low = float(beta.ppf(tail, successes, n - successes + 1))
    if successes < n:
        high = float(beta.ppf(1 - tail, successes + 1, n - successes))
    return low, high


def _check(successes: float, n: float) -> None:
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}")


def rate(readings: Iterable[tuple[Hashable, bool]], *, exact: bool = False) -> dict[str, Any]:
    """Return a share of readings as an object of a report.

    Parameters
    ----------
    readings
        Pairs of a cluster and whether it succeeded.
    exact
        Take the interval of Clopper and Pearson.

    Returns
    -------
    dict
        ``n`` readings, ``successes``, ``clusters``, and the interval from ``low`` to ``high``.
    """
    clusters: dict[Hashable, list[int]] = {}
    for name, success in readings:
        cluster = clusters.setdefault(name, [0, 0])
        cluster[0] += 1
        cluster[1] += success
    n = sum(size for size, _ in clusters.values())
    successes = sum(hits for _, hits in clusters.values())
    worth = _worth(list(clusters.values()), n)
    interval = clopper_pearson if exact else wilson
    low, high = interval(successes / n * worth if n else 0, worth)
    return {
        "n": n,
        "successes": successes,
        "clusters": len(clusters),
        "low": significant(low),
        "high": significant(high),
    }


def _worth(clusters: Sequence[Sequence[int]], n: int) -> float:
    """Return how many independent readings the clusters, each (readings, hits), are worth.

    How alike the readings of a cluster are, few clusters cannot show, least of all if every reading
    succeeded. So two clusters are imagined beside them, one of hits and one of misses, much as
    Agresti and Coull (1998) add two hits and two misses to a share. That only widens intervals.
    """
    count = len(clusters)
    if count in (0, 1, n):
        return count
    each = n / count
    whole = [*clusters, (each, each), (each, 0)]
    size = n + 2 * each
    share = sum(hits for _, hits in whole) / size
    between = sum((hits - share * own) ** 2 for own, hits in whole)
    variance = (count + 2) / (count + 1) * between / size**2
    design_effect = variance / (share * (1 - share) / size)
    return min(max(n / design_effect, count), n)


def rates_below(
    readings: Sequence[tuple[Hashable, float]], thresholds: Sequence[float], *, exact: bool = False
) -> list[dict[str, Any]]:
    """Return the share of readings at or below each threshold: an axis of a ROC curve.

    Parameters
    ----------
    readings
        Pairs of a cluster and a log10 p-value.
    thresholds
        Of log10 p.
    """
    return [
        rate(((name, value <= threshold) for name, value in readings), exact=exact)
        for threshold in thresholds
    ]


def significant(value: float, digits: int = 6) -> float:
    """Round to a number of significant digits: no report is better for more of them."""
    return float(f"{value:.{digits}g}")
