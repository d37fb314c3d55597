"""The kernel that looks for the passage of a text that speaks most for a mark."""

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels._jit import kernel

__all__ = ["best_windows", "maximal_stretches"]


LONG = 1 << 12  # tokens added up in one go where no windows are asked for


@kernel
def _total(scores: NDArray[np.float32], begin: int, end: int) -> float:
    """Add up, in four sums that need not wait for each other."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    i = begin
    while i + 4 <= end:
        a += scores[i]
        b += scores[i + 1]
        c += scores[i + 2]
        d += scores[i + 3]
        i += 4
    while i < end:
        a += scores[i]
        i += 1
    return (a + b) + (c + d)


@kernel
def _first_at_least(means: NDArray[np.float64], share: float) -> int:
    """Return the first of rising values that is no less than a share; the last if none is."""
    low, high = 0, means.size - 1
    while low < high:
        middle = (low + high) // 2
        if means[middle] < share:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _rank(
    tilts: NDArray[np.float64],
    log_mgf: NDArray[np.float64],
    means: NDArray[np.float64],
    rate: float,
) -> int:
    """Return the last step at which I = s K'(s) - K(s) is no more than a rate; 0 if none is."""
    low, high = 0, means.size - 1
    while low < high:
        middle = (low + high + 1) // 2
        if tilts[middle] * means[middle] - log_mgf[middle] <= rate:
            low = middle
        else:
            high = middle - 1
    return low


@kernel
def best_windows(
    scores: NDArray[np.float32],
    counted: NDArray[np.bool_],
    offsets: NDArray[np.int64],
    shortest: int,
    tilts: NDArray[np.float64],
    log_mgf: NDArray[np.float64],
    means: NDArray[np.float64],
    sums: NDArray[np.float64],
    numbers: NDArray[np.int64],
    totals: NDArray[np.float64],
    counts: NDArray[np.int64],
    tries: NDArray[np.int64],
    best: NDArray[np.float64],
    where: NDArray[np.int64],
) -> None:
    """Add up every text, and find its best window by Chernoff's bound.

    Windows are `shortest` tokens long, and twice as long, and so on, as long as they are shorter
    than the text; each length begins at every quarter of itself. So all begin and end at multiples
    of a quarter of the shortest, and sums are kept for those places alone.

    A window is weighed only if it may be better than the best so far. The bound of n scores that
    are m on average is exp(-n I(m)), and I rises with m: at m = K'(s) it is s m - K(s). What the
    windows of one length must exceed on average follows from the best so far, by one search.

    Parameters
    ----------
    scores : float32 [n]
        0 where not counted.
    counted : bool [n]
    offsets : int64 [texts + 1]
    shortest : int
        A multiple of 4; 0 for no windows.
    tilts, log_mgf, means : float64 [steps]
        Of the law of a counted score: s, K(s) and K'(s), rising.
    sums, numbers : float64, int64 [longest text + 1]
        Room to work in.
    totals, counts : float64, int64 [texts]
        Filled: the sum of scores and how many count.
    tries : int64 [texts]
        Filled: how many windows there were.
    best : float64 [texts]
        Filled: the natural logarithm of the best window's bound; 0 if none is below 1.
    where : int64 [texts, 2]
        Filled: where that window begins and ends, in tokens of its text.
    """
    unit = shortest // 4 if shortest > 0 else LONG
    for text in range(offsets.size - 1):
        start = offsets[text]
        length = offsets[text + 1] - start
        total, number, units = 0.0, 0, 0
        sums[0], numbers[0] = 0.0, 0
        for begin in range(start, start + length, unit):
            end = min(begin + unit, start + length)
            total += _total(scores, begin, end)
            for i in range(begin, end):
                number += counted[i]
            if shortest > 0:
                units += 1
                sums[units], numbers[units] = total, number
        totals[text], counts[text] = total, number
        best[text], tries[text] = 0.0, 0
        where[text, 0], where[text, 1] = 0, length
        if shortest == 0:
            continue
        lowest, first, last, tried = 0.0, 0, length, 0
        width = 4  # in units from here on
        while width * unit < length:
            least = means[_rank(tilts, log_mgf, means, -lowest / (width * unit))]
            step = width // 4
            for begin in range(0, length // unit - width + 1, step):
                tried += 1
                n = numbers[begin + width] - numbers[begin]
                t = sums[begin + width] - sums[begin]
                if t <= n * least:
                    continue
                at = _first_at_least(means, t / n)
                bound = n * log_mgf[at] - tilts[at] * t
                if bound < lowest:
                    lowest, first, last = bound, begin * unit, (begin + width) * unit
                    least = means[_rank(tilts, log_mgf, means, -lowest / (width * unit))]
            width *= 2
        best[text], tries[text] = lowest, tried
        where[text, 0], where[text, 1] = first, last


@kernel
def maximal_stretches(
    gains: NDArray[np.float64], stretches: NDArray[np.int64], sums: NDArray[np.float64]
) -> int:
    """Find all stretches whose sum no longer or shorter one beats (Ruzzo and Tompa, ISMB 1999).

    Parameters
    ----------
    gains : float64 [n]
    stretches : int64 [n or more, 2]
        Filled: where each begins, and where it ends, in order.
    sums : float64 [n or more, 2]
        Room to work in: of every stretch, the sums of all gains before it and through it.

    Returns
    -------
    int
        How many there are.
    """
    found = 0
    total = 0.0
    for i in range(gains.size):
        before = total
        total += gains[i]
        if gains[i] <= 0.0:
            continue
        start = i
        while True:
            j = found - 1
            while j >= 0 and sums[j, 0] >= before:
                j -= 1
            if j < 0 or sums[j, 1] >= total:
                break
            # Together they are more than the earlier one: one stretch of both.
            start, before = stretches[j, 0], sums[j, 0]
            found = j
        stretches[found, 0], stretches[found, 1] = start, i + 1
        sums[found, 0], sums[found, 1] = before, total
        found += 1
    return found
