"""From the evidence of a scheme to a p-value for every text, and where in the text it comes from.

::

    whole text   |-------------------------------------------------|     four fifths of the chance
    windows      |----|   |----|   |----|  ...                           the other fifth,
                   |----|   |----|   |----|                              shared by all windows
                 |---------|     |---------|  ...
                      |---------|

A text of which a passage is marked says less as a whole than the passage does. All windows are
paid for: the p-value is 5/4 of that of the whole, or 5 W times that of the best of W windows,
whichever is smaller. Where a scheme looks at the same text in several ways, that is paid for too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from waarmerk.detection.text.tails import tail_of

if TYPE_CHECKING:
    from waarmerk.marking.text.scheme import Evidence, Ids

__all__ = ["SHORTEST_WINDOW", "Look", "Place", "look", "passages"]

SHORTEST_WINDOW: Final = 64
"""Tokens: in shorter passages no scheme can be told from chance."""

WHOLE: Final = 0.8
"""The share of the chance of a false alarm that the whole text has; windows have the rest."""

_WORTH_ITS_DIGITS = math.log10(0.05)
_BEYOND_DOUBT = -30.0  # a bound by Chernoff as small as this is good enough
_LN10 = math.log(10.0)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What one way of looking at texts gave.

    Parameters
    ----------
    log10_p
        float64 [texts]: of the whole and all windows, both paid for.
    counts
        int64 [texts]: how many tokens counted.
    where
        int64 [texts, 2]: the best window; the whole text if there is none.
    """

    log10_p: Floats
    counts: NDArray[np.int64]
    where: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Place:
    """A passage from token `start` to before token `end`, and log10 of what it is worth alone."""

    start: int
    end: int
    log10_p: float


def look(
    evidence: Evidence,
    offsets: Ids,
    *,
    shortest: int = SHORTEST_WINDOW,
    beat: Floats | None = None,
) -> Look:
    """Look at ragged texts through one evidence.

    A p-value above about 0.05, or below 1e-30, is a bound by Chernoff; the others are exact, but
    for those that cannot beat what is known already.

    Parameters
    ----------
    evidence
        Of all texts; its `others` are not looked at.
    offsets
        Where each text begins, and the last ends.
    shortest
        Tokens of the shortest window, a multiple of 4; 0 looks at whole texts only.
    beat
        float64 [texts]: log10 of the p-values of other looks, larger than which none is wanted.
    """
    from waarmerk.kernels.text_windows import best_windows

    tail = tail_of(evidence.law)
    texts = offsets.size - 1
    longest = int(np.max(np.diff(offsets), initial=0))
    totals, counts = np.zeros(texts), np.zeros(texts, np.int64)
    tries, best = np.zeros(texts, np.int64), np.zeros(texts)
    where = np.zeros((texts, 2), np.int64)
    best_windows(
        evidence.scores, evidence.counted, offsets, shortest, *tail.table,
        np.empty(longest + 1), np.empty(longest + 1, np.int64),
        totals, counts, tries, best, where,
    )  # fmt: skip
    half = np.where(tries > 0, -math.log10(WHOLE), 0.0)
    shared = np.log10(np.maximum(tries, 1)) - math.log10(1.0 - WHOLE)
    whole = tail.bounds(totals, counts) + half
    window = best / _LN10 + shared
    likely = np.minimum(whole, window)
    for text in np.flatnonzero((likely < _WORTH_ITS_DIGITS) & (likely > _BEYOND_DOUBT)):
        # Chernoff's bound is a decade above the truth. The exact sum of a whole text may take
        # milliseconds, so the smaller bound goes first; often the other cannot win any more.
        whole_first = bool(whole[text] <= window[text])
        rival = np.inf if beat is None else beat[text]
        for is_whole in (whole_first, not whole_first):
            mine, paid = (whole, half) if is_whole else (window, shared)
            bound = float(mine[text] - paid[text])
            if bound >= 0.0 or mine[text] - _looseness(bound) > rival:
                continue
            if is_whole:
                total, count = float(totals[text]), int(counts[text])
            else:
                total, count = _in_window(evidence, offsets[text], where[text])
            mine[text] = tail.exact(total, count) + paid[text]
            rival = min(rival, mine[text])
    return Look(np.minimum(np.minimum(whole, window), 0.0), counts, where)


def _looseness(bound: float) -> float:
    """Return by how many decades, at most, the truth is below log10 of a bound by Chernoff.

    As for a normal sum, and something for those that are not normal. Were it more after all, the
    bound would stand: a p-value too large, never one too small.
    """
    normal = float(log_ndtr(-math.sqrt(-2.0 * bound * _LN10))) / _LN10
    return 0.3 - 0.01 * bound + bound - normal


def _in_window(evidence: Evidence, start: int, window: NDArray[np.int64]) -> tuple[float, int]:
    part = slice(start + window[0], start + window[1])
    total = float(evidence.scores[part].sum(dtype=np.float64))
    return total, int(evidence.counted[part].sum())


def passages(
    evidence: Evidence, window: NDArray[np.int64], *, threshold: float
) -> tuple[Place, ...]:
    """Find where in one text the mark stands.

    The tokens of the best window tell how strong the mark is; with that every token speaks for it
    or against it, and the passages are the stretches that no longer or shorter one beats (Ruzzo and
    Tompa, ISMB 1999). The best one is where the mark was found. Further ones are named only if they
    would be found alone, all stretches of the text paid for.

    Parameters
    ----------
    evidence
        Of this text alone, in which a mark was found.
    window
        int64 [2]: its best window.
    threshold
        log10 of the p-value at which a further passage counts.

    Returns
    -------
    tuple of Place
        In order of the text; at least one.
    """
    from waarmerk.kernels.text_windows import maximal_stretches

    tail = tail_of(evidence.law)
    tilts, log_mgf, means = tail.table
    total, count = _in_window(evidence, 0, window)
    at = min(int(np.searchsorted(means, total / max(count, 1))), tilts.size - 1)
    gains = np.where(evidence.counted, tilts[at] * evidence.scores - log_mgf[at], 0.0)
    n = gains.size
    stretches, room = np.empty((n + 1, 2), np.int64), np.empty((n + 1, 2))
    stretches = stretches[: maximal_stretches(gains, stretches, room)]
    if not len(stretches):
        return (Place(int(window[0]), int(window[1]), tail.exact(total, count)),)
    sums = np.concatenate([[0.0], np.cumsum(evidence.scores, dtype=np.float64)])
    numbers = np.concatenate([[0], np.cumsum(evidence.counted)])
    starts, ends = stretches.T
    log10_p = tail.bounds(sums[ends] - sums[starts], numbers[ends] - numbers[starts])
    best = int(np.argmin(log10_p))
    kept = log10_p + math.log10(n * (n + 1) / 2) <= threshold
    kept[best] = True
    return tuple(
        Place(int(starts[i]), int(ends[i]), float(log10_p[i])) for i in np.flatnonzero(kept)
    )
