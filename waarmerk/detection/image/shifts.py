"""Which keys are worth a close look at the shifts of a candidate geometry: most are not.

To look for a pattern at all shifts of a tile is most of what a further key costs. What comes of it
counts only where it stands out so far that something is left after all the shifts are paid for; for
a picture without the key's mark, hardly ever. So all keys are looked at in single precision, as
products of small matrices, and only those near that level once more by `evidence.shifted_sync`,
whose numbers are the ones reported. The others have a p-value of 1 from the search, as they would
have with their exact numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from waarmerk.detection.image.evidence import FINER, REFINED, SHIFTS, matched_lines, shift_turns
from waarmerk.marking.image.scheme import ORIENTATIONS, SCHEME, KeyPattern

__all__ = ["worth_a_look"]

_SLACK: Final = 0.03
"""Decades by which single precision may be wrong, and much more."""


@dataclass(frozen=True, eq=False)
class _Pairs:
    """The pairs (x, y), (-x, y) of synchronisation lines.

    ``across`` [pairs] is the index of x among the frequencies, ``cosine`` and ``sine`` [pairs,
    shifts] are those of y times every shift, ``even`` and ``odd`` [frequencies, shifts / 2 + 1]
    cosine and sine of every frequency.
    """

    across: NDArray[np.int64]
    cosine: NDArray[np.float32]
    sine: NDArray[np.float32]
    even: NDArray[np.float32]
    odd: NDArray[np.float32]


@cache
def _pairs() -> _Pairs:
    x, y = SCHEME.sync_lines[::2].T
    frequencies, across = np.unique(x, return_inverse=True)
    step = 2 * math.pi / SHIFTS
    along = np.outer(y, np.arange(SHIFTS)) * step
    half = np.outer(frequencies, np.arange(SHIFTS // 2 + 1)) * step
    return _Pairs(
        across.astype(np.int64),
        np.cos(along).astype(np.float32),
        np.sin(along).astype(np.float32),
        np.cos(half).astype(np.float32),
        np.sin(half).astype(np.float32),
    )


def worth_a_look(
    candidates: Sequence[tuple[NDArray[np.complexfloating], NDArray[np.floating]]],
    patterns: Sequence[KeyPattern],
    level: float,
) -> NDArray[np.bool_]:
    """Tell for every key and candidate geometry whether the best shift may reach a level.

    Parameters
    ----------
    candidates
        Lines and power of each, as `shifted_sync` takes them.
    patterns
        Of the keys.
    level
        log10 p of a shift, alone.

    Returns
    -------
    bool [keys, candidates]
    """
    from waarmerk.kernels.shifts import best_around, rows_of_pairs

    pairs = _pairs()
    across, down = shift_turns()
    worth = np.zeros((len(patterns), len(candidates)), np.bool_)
    count = len(ORIENTATIONS) * SHIFTS
    rows = np.empty((2, len(pairs.even), count), np.float32)
    surfaces = np.empty((2, pairs.even.shape[1], count), np.float32)
    matched = np.empty((len(ORIENTATIONS), len(SCHEME.sync_lines)), np.complex64)
    for j, (lines, power) in enumerate(candidates):
        turned, energy = matched_lines(lines, power)
        least = math.sqrt(max(0.0, -level - _SLACK) * math.log(10.0) * energy)
        turned = turned.astype(np.complex64)
        for i, pattern in enumerate(patterns):
            rows_of_pairs(
                turned,
                pattern.sync_turn,
                pairs.across,
                pairs.cosine,
                pairs.sine,
                matched,
                rows[0],
                rows[1],
            )
            np.matmul(pairs.even.T, rows[0], out=surfaces[0])
            np.matmul(pairs.odd.T, rows[1], out=surfaces[1])
            total = best_around(surfaces[0], surfaces[1], matched, across, down, 2 * FINER, REFINED)
            worth[i, j] = total >= least
    return worth
