"""Kernels of the seeds of green lists (KGW), and of the candidates that get one each."""

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels._jit import kernel

__all__ = ["best", "candidate_seeds", "left_seeds", "self_seeds"]

Words = NDArray[np.uint32]
Seeds = NDArray[np.uint64]
Ids = NDArray[np.int64]

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ROUND = np.uint64(0xFFFFFFFFFFFFFFFF)  # seeds are taken modulo 2^64 - 1


@kernel
def left_seeds(ids: Ids, key: np.uint64, out: Seeds) -> None:
    """Multiply ids by the key modulo 2^64 - 1: seeds for the token after each of them.

    Parameters
    ----------
    ids : int64 [n]
        Less than 2^32.
    key : uint64
        Already modulo 2^64 - 1.
    out : uint64 [n]
    """
    low_key = np.uint64(key) & _LOW
    high_key = np.uint64(key) >> _HALF
    for i in range(ids.size):
        token = np.uint64(ids[i])
        low = token * low_key
        high = token * high_key
        # The product is high 2^32 + low; 2^64 counts as 1, so what overflows is added at the end.
        carried = np.uint64(high << _HALF)
        total = low + carried
        above = (high >> _HALF) + np.uint64(total < low)
        total += above
        if total < above:
            total += np.uint64(1)
        if total == _ROUND:
            total = np.uint64(0)
        out[i] = total


@kernel
def _as_seed(least: np.int64) -> np.uint64:
    """Take a signed number modulo 2^64 - 1, as Python does."""
    seed = np.uint64(least)
    if least < 0:
        seed -= np.uint64(1)
    return seed


@kernel
def self_seeds(ids: Ids, table: Words, key: np.uint64, width: int, out: Seeds) -> None:
    """Compute the seed of every window of ids from their last id and one other.

    Of the products key * table[id] * table[last] for all ids of the window, in signed 64 bits and
    wrapping, the least is the seed.

    Parameters
    ----------
    ids : int64 [n]
    table : uint32 [k]
        The hash of an id is ``table[id % k]``.
    key : uint64
        Modulo 2^64.
    width : int
        Ids in a window.
    out : uint64 [n]
        For the window that ends with each id; 0 where it would begin before the first.
    """
    size = table.size
    for i in range(ids.size):
        if i < width - 1:
            out[i] = np.uint64(0)
            continue
        scale = np.uint64(key) * np.uint64(table[ids[i] % size])
        least = np.int64(scale * np.uint64(table[ids[i] % size]))
        for k in range(i - width + 1, i):
            least = min(least, np.int64(scale * np.uint64(table[ids[k] % size])))
        out[i] = _as_seed(least)


@kernel
def candidate_seeds(
    context: Ids, candidates: Ids, table: Words, key: np.uint64, out: Seeds
) -> None:
    """Compute the seeds of windows that differ only in their last id; see `self_seeds`.

    Parameters
    ----------
    context : int64 [width - 1]
    candidates : int64 [n]
    table : uint32 [k]
    key : uint64
    out : uint64 [n]
    """
    size = table.size
    for i in range(candidates.size):
        last = np.uint64(table[candidates[i] % size])
        scale = np.uint64(key) * last
        least = np.int64(scale * last)
        for k in range(context.size):
            least = min(least, np.int64(scale * np.uint64(table[context[k] % size])))
        out[i] = _as_seed(least)


@kernel
def best(scores: NDArray[np.float32], out: Ids) -> int:
    """Find the highest scores above -inf, in descending order; of equal ones the first first.

    Parameters
    ----------
    scores : float32 [n]
        Without NaN.
    out : int64 [k]
        Where they stand.

    Returns
    -------
    int
        How many there are, at most k.
    """
    found = 0
    least = np.float32(-np.inf)  # has to be exceeded
    for i in range(scores.size):
        score = scores[i]
        if not score > least:
            continue
        if found < out.size:
            found += 1
        k = found - 1
        while k > 0 and scores[out[k - 1]] < score:
            out[k] = out[k - 1]
            k -= 1
        out[k] = i
        if found == out.size:
            least = scores[out[found - 1]]
    return found
