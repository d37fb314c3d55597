"""Temperature, top-k and top-p: from a model's logits to the distribution that is marked.

A mark belongs to the final distribution, the one tokens are drawn from. Whoever can hand that over
leaves a `Warp` at its defaults, which changes nothing; whoever holds bare logits lets it do what
the warpers of transformers do, in the same order, with the same tokens left::

    logits --/ temperature--> --the k highest--> --the fewest that hold top_p--> what is marked
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from waarmerk.errors import InputError
from waarmerk.marking.text.scheme import Ids, Scores

__all__ = ["Warp"]

LOWEST_TEMPERATURE = 1e-3
"""Below it the highest score takes everything; that is a greedy choice, written differently."""
FIRST_PORTION = 1024
"""So many of the highest scores are tried first for top-p; they nearly always hold enough."""


@dataclass(frozen=True, slots=True)
class Warp:
    """What is done to scores before they are marked; the defaults do nothing.

    Parameters
    ----------
    temperature
        Scores are divided by it; from 0.001.
    top_k
        So many of the highest scores stay, and all that equal the lowest of them; 0 for all.
    top_p
        The fewest of the highest scores stay whose probabilities add up to at least this, so that
        the token that crosses the limit stays; of equal scores, higher ids stay first. Above 0;
        1 for all.

    Raises
    ------
    InputError
        If one of them is outside of its range.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if not _is_number(self.temperature) or not math.isfinite(self.temperature):
            raise InputError(f"a temperature is a finite number, not {self.temperature!r}")
        if self.temperature < LOWEST_TEMPERATURE:
            raise InputError(
                f"a temperature of {self.temperature} leaves nothing to choose, and so nothing to "
                f"mark; use {LOWEST_TEMPERATURE} or more"
            )
        if not _is_whole(self.top_k) or self.top_k < 0:
            raise InputError(f"top_k is a whole number from 0 (keep all), not {self.top_k!r}")
        if not _is_number(self.top_p) or not 0.0 < self.top_p <= 1.0:
            raise InputError(f"top_p lies above 0 and up to 1 (keep all), not {self.top_p!r}")

    def apply(self, scores: Scores, room: Scores | None = None) -> tuple[Ids | None, Scores]:
        """Warp the scores of one row.

        Parameters
        ----------
        scores
            float32 [V], as `checked_scores` gives them; left as they are.
        room
            float32 [V] to work in, for callers that warp at every step. What is returned may lie
            in it.

        Returns
        -------
        candidates
            int64 [k], the ids that stay, ascending; None where neither top-k nor top-p is set. None
            of them has a score of -inf.
        scores
            float32 [k], or [V] where `candidates` is None: `scores` itself, if nothing changes.
        """
        if self.temperature != 1.0:
            # Engines mask with the most negative float32 as well as with -inf; both become -inf.
            with np.errstate(over="ignore"):
                scores = np.divide(scores, np.float32(self.temperature), out=room)
        candidates: Ids | None = None
        if 0 < self.top_k < scores.size:
            candidates = _at_least(scores, _highest(scores, self.top_k))
            scores = scores[candidates]
        elif self.top_k:
            candidates = _at_least(scores, -np.inf)
            scores = scores[candidates]
        if self.top_p < 1.0:
            kept = _nucleus(scores, self.top_p)
            candidates = kept if candidates is None else candidates[kept]
            scores = scores[kept]
        return candidates, scores


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _at_least(scores: Scores, limit: float) -> Ids:
    """Return the ids of finite scores from a limit on, ascending."""
    return np.flatnonzero(scores > limit if limit == -np.inf else scores >= limit)


def _highest(scores: Scores, count: int) -> float:
    """Return the score that is the `count`-th highest of float32 [V]; `count` lies below V.

    The scores are laid out in columns. The `count`-th highest of the columns' maxima is a lower
    bound of what is sought, and for logits so tight a one that hardly more than `count` of them
    are left to be partitioned: less work than a partition of all, and most of it a plain maximum.
    """
    width = max(1024, 4 * count)
    rows = scores.size // width
    if rows >= 16:
        maxima = scores[: rows * width].reshape(rows, width).max(axis=0)
        bound = np.partition(maxima, width - count)[width - count]
        scores = scores[scores >= bound]
    place = scores.size - count
    return float(np.partition(scores, place)[place])


def _nucleus(scores: Scores, share: float) -> Ids:
    """Return where the fewest of the highest scores are that hold a share of the probability.

    From the lowest upwards, scores go for as long as all that went hold no more than 1 - share.
    Instead of sorting all, a portion of the highest is split off; if the others together may go, it
    alone decides.
    """
    weights = np.exp(scores - scores.max())
    total = float(weights.sum(dtype=np.float64))
    limit = np.float32(1.0 - share)
    portion = FIRST_PORTION
    while True:
        if portion < scores.size:
            places = _at_least(scores, _highest(scores, portion))
            rest = total - float(weights[places].sum(dtype=np.float64))
        else:
            places = _at_least(scores, -np.inf)
            rest = 0.0
        if rest / total <= limit:
            break
        portion *= 4
    places = places[_ascending(scores[places])]
    held = rest + np.cumsum(weights[places], dtype=np.float64)
    # Rounded as sums in float32 are; the highest stays, whatever the share is.
    gone = int(np.count_nonzero((held[:-1] / total).astype(np.float32) <= limit))
    return np.sort(places[gone:])


def _ascending(scores: Scores) -> Ids:
    """Return the places of scores [k] in ascending order; of equal ones, the first comes first.

    As a stable argsort, in an eighth of its time: score and place are packed into one whole number
    each, as the bits of a float32 ascend with its value if those of negative ones are turned over.
    """
    bits = (scores + np.float32(0.0)).view(np.int32)  # the sum has no negative zero
    keys = (bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))).astype(np.int64) << 32
    keys |= np.arange(scores.size)
    keys.sort()
    return keys & 0xFFFFFFFF
