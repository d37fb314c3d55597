"""Kernels of the tournament that every candidate for the next token goes through.

A tournament of 30 layers over a whole vocabulary need not be 30 passes over it. What a layer does
to a candidate depends on its bits alone, so layers are taken ten or so at a time: probabilities are
added up by those bits of their words, the layers are played on the 1,024 sums, and one pass brings
the outcome back to the candidates.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels._jit import kernel

__all__ = ["BINS", "add_weights", "finish", "tournament"]

CHUNK = 11
"""Most layers that are played on one set of sums."""
BINS = 1 << CHUNK
"""How many sums that takes."""
FEW = 1024
"""With fewer candidates than this, a pass for every layer is faster than sums."""

NOTHING = -1e300
"""Stands for the logarithm of 0: thousands add up in float64, and one is -inf in float32."""

LOG2_E = np.float32(1.4426950408889634)
LN2_HIGH = np.float32(0.693359375)  # 12 bits of ln 2 and the rest: Cody and Waite's reduction
LN2_LOW = np.float32(-2.12194440e-4)
SMALLEST_EXPONENT = np.float32(-87.0)  # of a normal float32
# Coefficients of exp on [-ln 2 / 2, ln 2 / 2], of Cephes' expf.
E2 = np.float32(5.0000001201e-1)
E3 = np.float32(1.6666665459e-1)
E4 = np.float32(4.1665795894e-2)
E5 = np.float32(8.3334519073e-3)
E6 = np.float32(1.3981999507e-3)
E7 = np.float32(1.9875691500e-4)

Words = NDArray[Any]
"""uint32 for up to 32 layers, uint64 for up to 64: Numba compiles one kernel for each."""


@kernel(fastmath={"contract"})
def add_weights(
    scores: NDArray[np.float32], highest: np.float32, weights: NDArray[np.float32]
) -> None:
    """Add up the exponentials of scores; score i belongs to the weight at i modulo their number.

    Parameters
    ----------
    scores : float32 [n]
    highest : float32
        Is taken off them, so that no exponential is above 1. What is below the smallest normal
        float32 counts as 0.
    weights : float32 [m]
        Out.
    """
    weights[:] = np.float32(0.0)
    size = weights.size
    for block in range(0, scores.size, size):
        part = scores[block : min(block + size, scores.size)]
        for i in range(part.size):
            given = part[i] - highest
            x = max(given, SMALLEST_EXPONENT)
            # x is not positive: cutting off what follows the point rounds to the nearest.
            power = np.int32(x * LOG2_E - np.float32(0.5))
            n = np.float32(power)
            r = (x - n * LN2_HIGH) - n * LN2_LOW
            y = ((((E7 * r + E6) * r + E5) * r + E4) * r + E3) * r + E2
            y = y * (r * r) + r + np.float32(1.0)
            scale = np.int32((power + np.int32(127)) << np.int32(23)).view(np.float32)
            weights[i] += y * scale if given >= SMALLEST_EXPONENT else np.float32(0.0)


@kernel
def _match(share: float, leaves: int) -> tuple[float, float, float, float]:
    """Give what a layer multiplies bits of 0 by, and how much more bits of 1; and so for logs.

    With differences a loop over candidates needs no branch, which random bits would mislead.
    """
    lost = 1.0
    won = 1.0
    for _ in range(leaves - 1):
        lost *= share
        won += lost
    # Where nothing is left, won is 1: its logarithm comes out as 0 whatever is taken for lost.
    log_lost = math.log(lost) if lost > 0.0 else NOTHING
    return lost, won - lost, log_lost, math.log(won) - log_lost


@kernel(fastmath={"contract", "nsz", "reassoc"})
def _shares(words: Words, weights: NDArray[np.float32], layer: int) -> tuple[float, float]:
    """Add up the weights of bits of 0, and of 1, in any order."""
    shift = words.dtype.type(layer)
    one = words.dtype.type(1)
    zeros = 0.0
    ones = 0.0
    for i in range(words.size):
        bit = np.float64(np.int32((words[i] >> shift) & one))
        ones += weights[i] * bit
        zeros += weights[i] * (1.0 - bit)
    return zeros, ones


@kernel(fastmath={"contract", "nsz", "reassoc"})
def _shares_of_sums(sums: NDArray[np.float64], half: int) -> tuple[float, float]:
    """Add up the sums of bits of 0, and of 1: they take turns, half of a round each."""
    zeros = 0.0
    ones = 0.0
    for start in range(0, sums.size, 2 * half):
        for b in range(start, start + half):
            zeros += sums[b]
            ones += sums[b + half]
    return zeros, ones


# Without "reassoc": what stands for the logarithm of 0 must cancel before anything is added.
@kernel(fastmath={"contract"})
def tournament(
    words: Words,
    weights: NDArray[np.float32],
    layers: int,
    leaves: int,
    gains: NDArray[np.float64],
    sums: NDArray[np.float64],
    factors: NDArray[np.float32],
    logs: NDArray[np.float64],
) -> float:
    """Play all layers, and say by how much the log-probability of every candidate changes.

    With s the share of candidates whose bit is 0, a layer multiplies the probability of a candidate
    whose bit is 0 by s^(leaves - 1), and of one whose bit is 1 by 1 + s + ... + s^(leaves - 1).

    Parameters
    ----------
    words : uint32 or uint64 [n]
        The bits of every candidate.
    weights : float32 [n]
        In proportion to the probabilities; afterwards to what they have become.
    layers : int
    leaves : int
        How many candidates meet in one match; 2 leaves the distribution of the text undistorted.
    gains : float64 [n]
        Added to; below any float32 where no probability is left.
    sums : float64 [BINS]
    factors : float32 [BINS]
    logs : float64 [BINS]
        Room to work in.

    Returns
    -------
    float
        The sum of the weights that were given.
    """
    count = words.size
    given = 0.0
    one = words.dtype.type(1)
    if count < FEW:
        for layer in range(layers):
            shift = words.dtype.type(layer)
            zeros, ones = _shares(words, weights, layer)
            if layer == 0:
                given = zeros + ones
            lost, more, log_lost, log_more = _match(zeros / (zeros + ones), leaves)
            for i in range(count):
                bit = np.float64(np.int32((words[i] >> shift) & one))
                weights[i] = np.float32(weights[i] * (lost + bit * more))
                gains[i] += log_lost + bit * log_more
        return given
    chunks = (layers + CHUNK - 1) // CHUNK
    width = (layers + chunks - 1) // chunks
    for chunk in range(chunks):
        shift = words.dtype.type(chunk * width)
        bits = min(width, layers - chunk * width)
        bins = 1 << bits
        mask = words.dtype.type(bins - 1)
        sums[:bins] = 0.0
        for i in range(count):
            sums[(words[i] >> shift) & mask] += weights[i]
        factors[:bins] = np.float32(1.0)
        logs[:bins] = 0.0
        for layer in range(bits):
            half = 1 << layer
            zeros, ones = _shares_of_sums(sums[:bins], half)
            if chunk == 0 and layer == 0:
                given = zeros + ones
            lost, more, log_lost, log_more = _match(zeros / (zeros + ones), leaves)
            won = lost + more
            for start in range(0, bins, 2 * half):
                for b in range(start, start + half):
                    sums[b] *= lost
                    sums[b + half] *= won
                    factors[b] *= np.float32(lost)
                    factors[b + half] *= np.float32(won)
                    logs[b] += log_lost
                    logs[b + half] += log_lost + log_more
        for i in range(count):
            place = (words[i] >> shift) & mask
            weights[i] *= factors[place]
            gains[i] += logs[place]
    return given


@kernel
def finish(
    scores: NDArray[np.float32],
    gains: NDArray[np.float64],
    taken: float,
    floor: np.float32,
    out: NDArray[np.float32],
) -> None:
    """Turn scores into marked log-probabilities; score i has the gain at i modulo their number.

    Parameters
    ----------
    scores : float32 [n]
    gains : float64 [m]
    taken : float
        Is taken off the scores: the logarithm of the sum of their exponentials.
    floor : float32
        What -inf becomes.
    out : float32 [n]
    """
    size = gains.size
    for block in range(0, scores.size, size):
        end = min(block + size, scores.size)
        part = scores[block:end]
        goal = out[block:end]
        for i in range(part.size):
            value = np.float32(np.float64(part[i]) - taken + gains[i])
            goal[i] = value if value > np.float32(-np.inf) else floor
