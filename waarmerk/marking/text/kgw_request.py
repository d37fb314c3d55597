"""Writing with KGW: the state of one text, and raising the scores of green tokens."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

import numpy as np

from waarmerk.errors import InputError
from waarmerk.kernels import text_kgw_seeds as seeding_kernels
from waarmerk.marking.text.kgw_green import draws_of, room
from waarmerk.marking.text.scheme import Ids, Scores, checked_candidates, checked_scores

if TYPE_CHECKING:
    from waarmerk.marking.text.kgw import KGW

__all__ = ["KGWRequest"]

TESTED = 40
"""Candidates that selfhash looks at."""


class KGWRequest:
    """One text that is being generated with KGW; see `Request`. Made by `KGW.request`."""

    __slots__ = ("_context", "_scheme")

    def __init__(self, scheme: KGW, prompt: Ids) -> None:
        self._scheme = scheme
        self._context: list[int] = prompt[-scheme.context_width :].tolist()

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
        if not 0 <= number < self._scheme.vocab_size:
            raise InputError(
                f"token {number} lies outside of a vocabulary of {self._scheme.vocab_size}"
            )
        self._context.append(number)
        del self._context[: -self._scheme.context_width]

    def step(self, scores: Scores, candidates: Ids | None = None) -> Scores:
        """Raise the scores of green tokens; see `Request.step`.

        At selfhash the 40 highest scores above -inf are looked at, of equal ones those that come
        first. Fewer than `context_width` tokens before, or none of them green: the scores that were
        given.

        Raises
        ------
        InputError
            If the scores are no distribution, or do not fit the vocabulary or the candidates.
        """
        scheme = self._scheme
        scores = checked_scores(scores, scheme.vocab_size if candidates is None else None)
        if candidates is not None:
            candidates = checked_candidates(candidates, scores, scheme.vocab_size)
        if len(self._context) < scheme.context_width:
            return scores
        shared = room(scheme.vocab_size, scheme.green_size)
        if scheme.seeding == "lefthash":
            seed = scheme.seed(self._context)
            if candidates is None:
                out = scores.copy()
                shared.raise_green(seed, scheme.delta, out)
                return out
            places = np.arange(scores.size)
            seeds = np.full(scores.size, seed, np.uint64)
            tokens = candidates
        else:
            places = np.empty(TESTED, np.int64)
            places = places[: seeding_kernels.best(scores, places)]
            tokens = places if candidates is None else candidates[places]
            seeds = np.empty(places.size, np.uint64)
            key, table = scheme._hashing()
            context = np.array(self._context[1:], np.int64)
            seeding_kernels.candidate_seeds(context, tokens, table, key, seeds)
        green = np.empty(places.size, np.bool_)
        shared.look_up(draws_of(seeds, tokens), green)
        if not green.any():
            return scores
        out = scores.copy()
        out[places[green]] += np.float32(scheme.delta)
        return out
