"""Writing with SynthID: the state of one text, and the step of its tournament."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

import numpy as np

from waarmerk.errors import InputError
from waarmerk.kernels import text_synthid as kernels
from waarmerk.marking.text.scheme import Ids, Scores, checked_candidates, checked_scores
from waarmerk.marking.text.synthid_bits import MASK, MULTIPLIER, Words, steps
from waarmerk.marking.text.tournament import room

if TYPE_CHECKING:
    from waarmerk.marking.text.synthid import SynthID

__all__ = ["FLOORS", "History", "SynthIDRequest"]

# What a log-probability of -inf becomes, in either original.
FLOORS = {"transformers": np.finfo(np.float32).min, "synthid-text": np.float32(-1e12)}


class SynthIDRequest:
    """One text that is being generated with SynthID; see `Request`.

    Made by `SynthID.request`. As in the originals, the context of the first token is ``ngram_len -
    1`` tokens 0, and only what is appended after the first `step` enters it.
    """

    __slots__ = ("_calls", "_context", "_history", "_scheme")

    def __init__(self, scheme: SynthID) -> None:
        self._scheme = scheme
        self._context = [0] * (scheme.ngram_len - 1)
        self._calls = 0
        self._history = History(scheme.context_history_size)

    def append(self, token: int) -> None:
        """Take note of the token that was chosen.

        Raises
        ------
        InputError
            If it is no token id.
        """
        try:
            number = operator.index(token)
        except TypeError as error:
            raise InputError(f"a token is a whole number, not {token!r}") from error
        if not 0 <= number < 1 << 31:
            raise InputError(f"a token is an id from 0 to 2^31 - 1, not {number}")
        if self._calls:
            del self._context[0]
            self._context.append(number)

    def step(self, scores: Scores, candidates: Ids | None = None) -> Scores:
        """Mark the distribution of the next token; see `Request.step`.

        Candidates that are ruled out, or lost every chance, get the lowest float32 (-1e12 in the
        synthid-text variant), as in the originals.

        Raises
        ------
        InputError
            If the scores are no distribution, or do not belong to the candidates.
        """
        scheme = self._scheme
        scores = checked_scores(scores)
        if candidates is not None:
            candidates = checked_candidates(candidates, scores)
        self._calls += 1
        if scheme.skip_first_ngram_calls and self._calls < scheme.ngram_len:
            return scores
        context = scheme._start
        for token in self._context:
            context = ((context + token) * MULTIPLIER + 1) & MASK
        if not self._history.add(context):
            return scores
        bits = scheme._bits
        out = np.empty_like(scores)
        if candidates is not None:
            _play(scheme, context, scores, candidates, out)
            return out
        finite = scores > -np.inf
        count = np.count_nonzero(finite)
        # A few candidates are hashed one by one. The whole vocabulary is taken by the states of the
        # table, of which there may be fewer than tokens.
        if bits.packs and 2 * count > min(bits.states, scores.size):
            _play(scheme, context, scores, None, out)
            return out
        places = np.flatnonzero(finite)
        values = scores[places]
        _play(scheme, context, values, places, values)
        out.fill(FLOORS[scheme.variant])
        out[places] = values
        return out


def _play(scheme: SynthID, context: int, scores: Scores, ids: Ids | None, out: Scores) -> None:
    """Mark the scores of ids, or of all ids from 0; `out` may be the scores."""
    bits = scheme._bits
    start = np.uint64(context)
    hashes = None if ids is None else steps(ids.view(np.uint64) + start)

    def fill(block: int, words: Words) -> None:
        if hashes is None:
            kernels.vocabulary_words(start, bits.packs[block], words)
        else:
            bits.look_up(hashes, block, words)

    room().play(
        scores,
        fill,
        out,
        size=min(bits.states, scores.size) if ids is None else ids.size,
        dtype=bits.dtype,
        depth=scheme.depth,
        floor=FLOORS[scheme.variant],
        leaves=scheme.num_leaves,
    )


class History:
    """The last contexts that were used: zeros at first, so that a hash of 0 counts as seen."""

    __slots__ = ("_counts", "_next", "_ring")

    def __init__(self, size: int) -> None:
        self._ring = [0] * size
        self._next = 0
        self._counts = {0: size} if size else {}

    def add(self, context: int) -> bool:
        """Put a context in for the oldest one, and say whether it was new."""
        counts = self._counts
        new = context not in counts
        if self._ring:
            oldest = self._ring[self._next]
            if counts[oldest] == 1:
                del counts[oldest]
            else:
                counts[oldest] -= 1
            counts[context] = counts.get(context, 0) + 1
            self._ring[self._next] = context
            self._next = (self._next + 1) % len(self._ring)
        return new
