"""The kernel that looks for the passage of a text that speaks most for a mark."""

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels._jit import kernel

__all__ = ["best_windows"]


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
    than the text; each length begins at every quarter of itself.

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
    last = tilts.size - 1
    for text in range(offsets.size - 1):
        start = offsets[text]
        length = offsets[text + 1] - start
        total, number = 0.0, 0
        sums[0], numbers[0] = 0.0, 0
        for i in range(length):
            total += scores[start + i]
            number += counted[start + i]
            sums[i + 1], numbers[i + 1] = total, number
        totals[text], counts[text] = total, number
        best[text], tries[text] = 0.0, 0
        where[text, 0], where[text, 1] = 0, length
        if shortest == 0:
            continue
        width = shortest
        while width < length:
            step = width // 4
            for begin in range(0, length - width + 1, step):
                tries[text] += 1
                n = numbers[begin + width] - numbers[begin]
                t = sums[begin + width] - sums[begin]
                if t <= n * means[0]:
                    continue
                share = t / n
                low, high = 0, last
                while low < high:
                    middle = (low + high) // 2
                    if means[middle] < share:
                        low = middle + 1
                    else:
                        high = middle
                bound = n * log_mgf[low] - tilts[low] * t
                if bound < best[text]:
                    best[text] = bound
                    where[text, 0], where[text, 1] = begin, begin + width
            width *= 2
