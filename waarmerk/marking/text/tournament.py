"""Playing tournaments: the work arrays, and the order of the kernels."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels import text_tournament as kernels
from waarmerk.marking.text.scheme import Scores

__all__ = ["WORD", "Room", "room"]

WORD = 64
"""Layers that one word holds."""

Fill = Callable[[int, NDArray[Any]], None]
"""Writes the words of a block of 64 layers: the number of the block, and where to."""


class Room:
    """What tournaments are played in; every thread has one for all its texts."""

    __slots__ = ("_factors", "_gains", "_logs", "_sums", "_weights", "_words")

    def __init__(self) -> None:
        self._sums = np.empty(kernels.BINS, np.float64)
        self._logs = np.empty(kernels.BINS, np.float64)
        self._factors = np.empty(kernels.BINS, np.float32)
        self._make(0)

    def _make(self, size: int) -> None:
        self._weights = np.empty(size, np.float32)
        self._gains = np.empty(size, np.float64)
        self._words = np.empty(size, np.uint64)

    def play(
        self,
        scores: Scores,
        fill: Fill,
        out: Scores,
        *,
        size: int,
        dtype: Any,
        depth: int,
        floor: np.float32,
        leaves: int = 2,
    ) -> None:
        """Mark scores.

        Parameters
        ----------
        scores
            float32 [n].
        fill
            Writes the words of all candidates.
        out
            float32 [n], filled with log-probabilities; may be the scores.
        size
            How many words there are: candidate i has word i mod size.
        dtype
            Of the words: uint32, or uint64 for more than 32 layers.
        depth
            Layers of the tournament.
        floor
            What becomes of candidates that have no chance left.
        leaves
            How many candidates meet in one match.
        """
        if self._weights.size < size:
            self._make(size)
        weights, gains = self._weights[:size], self._gains[:size]
        words = self._words.view(dtype)[:size]
        highest = scores.max()
        kernels.add_weights(scores, highest, weights)
        gains.fill(0.0)
        taken = 0.0
        for block, first in enumerate(range(0, depth, WORD)):
            fill(block, words)
            total = kernels.tournament(
                words,
                weights,
                min(depth - first, WORD),
                leaves,
                gains,
                self._sums,
                self._factors,
                self._logs,
            )
            if first == 0:
                taken = float(highest) + math.log(total)
        kernels.finish(scores, gains, taken, floor, out)


_rooms = threading.local()


def room() -> Room:
    """Return the room of this thread."""
    try:
        found: Room = _rooms.room
    except AttributeError:
        found = _rooms.room = Room()
    return found
