"""Green lists: the tables and arrays that the kernels work in, one set for every thread."""

from __future__ import annotations

import threading
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels import text_kgw as kernels
from waarmerk.marking.text.scheme import Ids, Scores

__all__ = ["TABLE", "Room", "draws_of", "hash_table", "room"]

Seeds = NDArray[np.uint64]

TABLE = 1_000_003
"""Entries of the table that selfhash hashes tokens with; a prime."""
KEPT = 4
"""Vocabularies for which a thread keeps its tables; some 10 bytes a token each."""


class Room:
    """What permutations are drawn in: tables for one vocabulary and number of green tokens."""

    __slots__ = ("_count", "_factor", "_mask", "_order", "_shift", "_states", "_swaps", "_words")

    def __init__(self, size: int, count: int) -> None:
        self._count = count
        self._factor, self._shift = kernels.divisors(size, count)
        self._order = np.arange(size, dtype=np.int32)
        self._swaps = np.empty(count, np.int32)
        self._mask = np.zeros(size, np.bool_)
        self._states = np.empty((4, kernels.STATE), np.uint32)
        self._words = np.empty(kernels.BATCH, np.uint32)

    def list_green(self, seed: int, out: Ids) -> None:
        """Write the first tokens of the permutation to `out`."""
        state = self._states[0]
        kernels.green_list(seed % (1 << 32), self._order, self._swaps, state, self._words, out)

    def raise_green(self, seed: int, delta: float, scores: Scores) -> None:
        """Add `delta` to the scores of all green tokens, in place."""
        kernels.add_to_green(
            seed % (1 << 32),
            self._count,
            self._order,
            self._swaps,
            self._states[0],
            self._words,
            delta,
            scores,
        )

    def look_up(self, draws: Seeds, green: NDArray[np.bool_]) -> None:
        """Write for every draw whether its token is green."""
        kernels.members(
            draws,
            self._factor,
            self._shift,
            self._order,
            self._swaps,
            self._mask,
            self._states,
            self._words,
            green,
        )


_threads = threading.local()


def room(vocab_size: int, green_size: int) -> Room:
    """Return this thread's room for green lists of a size; those of a few sizes are kept."""
    try:
        rooms: dict[tuple[int, int], Room] = _threads.rooms
    except AttributeError:
        rooms = _threads.rooms = {}
    key = (vocab_size, green_size)
    if key not in rooms:
        if len(rooms) == KEPT:
            rooms.clear()
        rooms[key] = Room(*key)
    return rooms[key]


@lru_cache(maxsize=4)
def hash_table(seed: int, count: int) -> NDArray[np.uint32]:
    """Draw the hashes of the first tokens: a permutation of 1 ... TABLE, uint32 [count]."""
    out = np.empty(count, np.int64)
    order, swaps = np.arange(TABLE, dtype=np.int32), np.empty(count, np.int32)
    state, words = np.empty(kernels.STATE, np.uint32), np.empty(kernels.BATCH, np.uint32)
    kernels.green_list(seed, order, swaps, state, words, out)
    return (out + 1).astype(np.uint32)


def draws_of(seeds: Seeds, tokens: Ids) -> Seeds:
    """Put the half of the seed that the generator takes above the token."""
    return seeds << np.uint64(32) | tokens.astype(np.uint64)
