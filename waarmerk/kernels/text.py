"""Kernels that all token schemes share."""

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels._jit import kernel

__all__ = ["first_occurrences", "layer_sums"]


@kernel
def first_occurrences(
    hashes: NDArray[np.uint64],
    offsets: NDArray[np.int64],
    counted: NDArray[np.bool_],
    table: NDArray[np.uint64],
    stamps: NDArray[np.int64],
) -> None:
    """Of equal draws of chance keep only the first in each text.

    Parameters
    ----------
    hashes : uint64 [n]
        What identifies the draw of every token; well mixed, or few of them.
    offsets : int64 [texts + 1]
        Where each text begins, and the last ends.
    counted : bool [n]
        Which tokens count; changed in place. A token that does not count does not make a later
        one a repetition.
    table : uint64 [size]
        Room to work in: a power of two, at least twice the longest text.
    stamps : int64 [size]
        Zeros before the first call with this table. A slot is in use for the text whose number is
        in it, so that nothing has to be cleared between texts; it is cleared at the end.
    """
    mask = np.uint64(table.size - 1)
    mix = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: spreads neighbours
    shift = np.uint64(29)
    for text in range(offsets.size - 1):
        stamp = text + 1
        for i in range(offsets[text], offsets[text + 1]):
            if not counted[i]:
                continue
            value = hashes[i]
            spread = (value ^ (value >> shift)) * mix
            slot = np.int64((spread >> shift) & mask)
            while stamps[slot] == stamp and table[slot] != value:
                slot = (slot + 1) & np.int64(mask)
            if stamps[slot] == stamp:
                counted[i] = False
            else:
                stamps[slot] = stamp
                table[slot] = value
    stamps[:] = 0


@kernel
def layer_sums(
    words: NDArray[np.uint64],
    counted: NDArray[np.bool_],
    tables: NDArray[np.int32],
    scores: NDArray[np.float32],
) -> None:
    """Add up the weights of the bits that are set.

    Parameters
    ----------
    words : uint64 [n]
    counted : bool [n]
        Where False the score becomes 0.
    tables : int32 [bytes, 256]
        For every byte of the words, the lowest first: the sum of weights of each of its values.
    scores : float32 [n]
        Filled.
    """
    for i in range(words.size):
        total = 0
        if counted[i]:
            word = words[i]
            for j in range(tables.shape[0]):
                total += tables[j, (word >> np.uint64(8 * j)) & np.uint64(0xFF)]
        scores[i] = total
