"""Generation in plain NumPy: for demonstrations and tests, and as the shortest example of all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from waarmerk.errors import InputError
from waarmerk.marking.text.scheme import Ids, Scores, checked_ids, checked_scores
from waarmerk.marking.text.warp import Warp

if TYPE_CHECKING:
    from waarmerk.marking.text.scheme import TextScheme

__all__ = ["generate", "sample"]


def sample(scores: Scores, rng: np.random.Generator) -> int:
    """Draw from scores.

    Parameters
    ----------
    scores
        float32 [k]: logits or log-probabilities; what has -inf is never drawn.
    rng
        Where chance comes from; one number of it is used.

    Returns
    -------
    int
        A place in `scores`.

    Raises
    ------
    InputError
        If there is nothing to draw from, or NaN or +inf is among the scores.
    """
    scores = checked_scores(scores)
    # In float64, so that sums over a large vocabulary keep small probabilities.
    bounds = np.cumsum(np.exp(scores - scores.max(), dtype=np.float64))
    place = int(np.searchsorted(bounds, rng.random() * bounds[-1], side="right"))
    # The product may round up to the sum itself; the last that can be drawn ends there.
    return min(place, int(np.searchsorted(bounds, bounds[-1])))


def generate(
    model: Callable[[Ids], Scores],
    prompt: Sequence[int] | Ids,
    scheme: TextScheme | None,
    *,
    max_tokens: int,
    rng: np.random.Generator | int | None = None,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    stop: Collection[int] = (),
) -> Ids:
    """Continue a prompt, token by token.

    Parameters
    ----------
    model
        Gets int64 [n], the prompt and all tokens since, and gives float32 [V], the logits of the
        token that follows. The ids are a view of growing room: to be read, not kept.
    prompt
        int [m].
    scheme
        What marks the tokens; None for text without a mark.
    max_tokens
        The text ends after so many.
    rng
        Where chance comes from, or a seed for it; None for a new one from the system.
    temperature, top_k, top_p
        What is done to the logits before; see `Warp`.
    stop
        Ids after which the text ends; the one that ended it is its last.

    Returns
    -------
    int64 [up to max_tokens]
        The new tokens, without the prompt.

    Raises
    ------
    InputError
        If prompt, numbers or logits cannot be used.
    """
    given = checked_ids(prompt, name="the prompt")
    if isinstance(max_tokens, bool) or not isinstance(max_tokens, int) or max_tokens < 0:
        raise InputError(f"max_tokens is a whole number from 0, not {max_tokens!r}")
    warp = Warp(temperature, top_k, top_p)
    generator = np.random.default_rng(rng)
    request = None if scheme is None else scheme.request(given)
    ids = np.empty(given.size + max_tokens, np.int64)
    ids[: given.size] = given
    for end in range(given.size, ids.size):
        candidates, scores = warp.apply(checked_scores(model(ids[:end])))
        if request is not None:
            scores = request.step(scores, candidates)
        place = sample(scores, generator)
        token = place if candidates is None else int(candidates[place])
        ids[end] = token
        if token in stop:
            return ids[given.size : end + 1]
        if request is not None:
            request.append(token)
    return ids[given.size :]
