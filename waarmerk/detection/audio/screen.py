"""Which of many keys are worth a close look at windows or candidates: most are not.

What comes of a key counts only where something is left of it after all that was tried is paid
for. Without the key's mark that is rare, so all keys are looked at together first, as products of
small matrices in single precision, with an estimate of the bound from below. Only keys near that
level are looked at by `sync`, whose numbers are the ones reported. The others have a p-value of 1
from there, as they would have with their exact numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from waarmerk.detection.audio.sync import OFFSETS, SELECTIONS, waves
from waarmerk.detection.statistics import may_reach

__all__ = ["worth_a_look"]

_AT_ONCE: Final = 8  # keys: what they need stays in the cache


@cache
def _offset_waves() -> NDArray[np.float32]:
    """Give what real and imaginary part of every line add at every offset [2 lines, offsets]."""
    return np.stack(waves(OFFSETS), 1).reshape(-1, OFFSETS)


def worth_a_look(
    values: NDArray[np.complex64],
    energy: NDArray[np.float64],
    turns: Sequence[NDArray[np.complex64]],
    level: float,
) -> NDArray[np.bool_]:
    """Tell for every key whether its best row, offset and sign may reach a level.

    Parameters
    ----------
    values : complex64 [n, lines, bands]
    energy : float64 [selections, n]
    turns : complex64 [lines, bands]
        Of every key.
    level
        log10 p of one row, offset and sign, alone.

    Returns
    -------
    bool [keys]
    """
    if len(turns) == 1:
        return np.ones(1, np.bool_)
    count = len(values)
    few, all_lines = sorted(SELECTIONS)
    wave = _offset_waves()
    by_line = np.ascontiguousarray(values.transpose(1, 0, 2))
    deviation = np.sqrt(energy + 1e-30)[:, :, None]
    totals = np.empty(len(turns))
    rows = np.empty(len(turns), np.int64)
    counts = np.empty(len(turns), np.int64)
    for first in range(0, len(turns), _AT_ONCE):
        turn = np.array(turns[first : first + _AT_ONCE]).transpose(1, 2, 0)
        matched = np.matmul(by_line, turn).transpose(1, 2, 0)  # rows, keys, lines
        parts = np.ascontiguousarray(matched).view(np.float32).reshape(-1, 2 * all_lines)
        sums = parts[:, : 2 * few] @ wave[: 2 * few]
        highest = {few: np.maximum(sums.max(1), -sums.min(1))}
        sums += parts[:, 2 * few :] @ wave[2 * few :]
        highest[all_lines] = np.maximum(sums.max(1), -sums.min(1))
        heights = np.array([highest[size] for size in SELECTIONS]).reshape(2, count, -1)
        best = (heights / deviation).reshape(2 * count, -1).argmax(0)
        selection, row = np.divmod(best, count)
        here = slice(first, first + len(best))
        totals[here] = heights[selection, row, np.arange(len(best))]
        rows[here] = row
        counts[here] = np.array(SELECTIONS)[selection] * values.shape[2]
    magnitudes = np.abs(values).reshape(count, -1).astype(np.float64)
    return may_reach(totals, magnitudes, rows, counts, level)
