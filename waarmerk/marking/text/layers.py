"""Schemes that give every token a row of bits: how those are weighed, and what chance makes of it.

In tournament sampling a token wins many layers one after the other, and every layer pulls its bit
towards 1. What is left to choose from shrinks on the way, so that early layers say more than late
ones. With weights that shrink by 6 % from layer to layer hardly anything is lost to the best
weights there are, and least where it matters, in text of low entropy; weights that fall evenly from
10 to 1 (Dathathri et al., Nature 634, 2024) lose up to 3 % there. A mixture over tokens of high and
low entropy, which looks at the bits of a token together, gained 0.3 %, so that the sum it is::

    score of a token = sum over layers of weight x bit

Weights are whole numbers, and so are the scores: what chance makes of them is known exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from waarmerk.marking.text.scheme import Evidence, Lattice

__all__ = ["bit_law", "layer_weights", "layered_evidence", "vote_law"]

LARGEST_WEIGHT, SHRINKING = 40, 0.94


@lru_cache(maxsize=64)
def _weights(depth: int) -> tuple[int, ...]:
    return tuple(max(1, round(LARGEST_WEIGHT * SHRINKING**layer)) for layer in range(depth))


def layer_weights(depth: int) -> NDArray[np.int64]:
    """Return the weight of every layer, the first layer first: int64 [depth]."""
    return np.array(_weights(depth), np.int64)


def bit_law(weights: Sequence[int], ones: float = 0.5) -> Lattice:
    """Return what a sum of weighted bits follows that are 1 by chance.

    Parameters
    ----------
    weights
        Whole numbers, 0 or more.
    ones
        The probability of a 1.
    """
    return Lattice(0, _sum_of_bits(tuple(weights), ones))


def vote_law(weights: Sequence[int]) -> Lattice:
    """Return what a sum of weighted signs follows; it lies between minus and plus their sum."""
    law = _sum_of_bits(tuple(2 * w for w in weights), 0.5)
    return Lattice(-sum(weights), law)


@lru_cache(maxsize=64)
def _sum_of_bits(weights: tuple[int, ...], ones: float) -> NDArray[np.float64]:
    law = np.ones(1)
    for weight in weights:
        wider = np.zeros(law.size + weight)
        wider[: law.size] += (1.0 - ones) * law
        wider[weight:] += ones * law
        law = wider
    law.setflags(write=False)
    return law


@lru_cache(maxsize=64)
def _tables(weights: tuple[int, ...]) -> NDArray[np.int32]:
    """Give the sum of weights of every value of every byte: int32 [bytes, 256]."""
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")
    padded = np.zeros(-(-len(weights) // 8) * 8, np.int32)
    padded[: len(weights)] = weights
    tables = padded.reshape(-1, 8) @ bits.T.astype(np.int32)
    tables.setflags(write=False)
    return tables


def layered_evidence(
    words: NDArray[np.uint64],
    counted: NDArray[np.bool_],
    depth: int,
    ones: float = 0.5,
    *,
    layers: Sequence[int] | None = None,
) -> Evidence:
    """Weigh the bits of every token.

    Parameters
    ----------
    words
        uint64 [n]: bit l is that of layer l.
    counted
        bool [n].
    depth
        Number of layers, up to 64.
    ones
        The probability of a 1 without the key.
    layers
        Those that count; all if left out.
    """
    from waarmerk.kernels.text import layer_sums

    weights = layer_weights(depth)
    if layers is not None:
        weights = np.where(np.isin(np.arange(depth), layers), weights, 0)
    key = tuple(int(w) for w in weights)
    scores = np.empty(words.size, np.float32)
    layer_sums(words, counted, _tables(key), scores)
    return Evidence(scores, counted, bit_law(key, ones))
