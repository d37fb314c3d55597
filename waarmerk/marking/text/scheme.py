"""What all token schemes share: how they are asked, what they answer, and how ids are checked.

A token scheme is a small immutable object that both sides use::

    generation   scheme.request(prompt) -> Request: step(scores) -> scores, append(token), ...
                 scheme.processor(...)  -> the same for an engine: (ids, scores) -> scores
    detection    scheme.evidence(ids, offsets) -> Evidence: a score for every token, and the law
                 that the scores follow where the key had no part in the text

Many texts at once are ragged: all ids in one array, and `offsets` that say where each begins, as
in an Arrow list array::

    ids      17 4 9 | 8 8 1 5 |  | 3 2
    offsets  0        3       7  7    9

Nothing here looks at characters; what a text is in tokens, the caller's tokenizer decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from waarmerk.errors import InputError

if TYPE_CHECKING:
    from waarmerk.marking.text.process import Processor

__all__ = [
    "Bernoulli",
    "Evidence",
    "Exponentials",
    "Ids",
    "Lattice",
    "Law",
    "Marks",
    "Request",
    "Scores",
    "TextScheme",
    "check_parts",
    "check_whole",
    "checked_candidates",
    "checked_ids",
    "checked_scores",
    "checked_texts",
    "count_once",
    "one_text",
    "ragged",
]

Ids = NDArray[np.int64]
Scores = NDArray[np.float32]

LARGEST_ID = (1 << 31) - 1
"""Ids are 32 bits wide in every engine; more would be cut off silently somewhere."""


@dataclass(frozen=True, slots=True)
class Bernoulli:
    """A score of 1 with this probability, and of 0 otherwise: sums are binomial."""

    probability: float


@dataclass(frozen=True, slots=True)
class Exponentials:
    """A score that is a weighted sum of exponentials of mean 1; with one weight, sums are gamma.

    Parameters
    ----------
    weights
        All positive.
    """

    weights: tuple[float, ...] = (1.0,)


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """A score on a lattice: ``low + k`` with probability ``probabilities[k]``, in whole numbers.

    Parameters
    ----------
    low
        The smallest score.
    probabilities
        float64 [k], adding up to 1.
    """

    low: int
    probabilities: NDArray[np.float64]


Law = Bernoulli | Exponentials | Lattice
"""What one counted score follows where the key had no part in the text, independent of others."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a scheme sees in texts.

    Parameters
    ----------
    scores
        float32 [n], for every token of all texts; 0 where it does not count.
    counted
        bool [n]: whether the score counts. Tokens without enough context before them do not, and
        of tokens whose score is the same draw of chance (a repeated n-gram) only the first in its
        text does.
    law
        What a counted score follows without the key.
    others
        Other ways to look at the same texts, each a try that the detector pays for.
    share
        The share of the chance of a false alarm that this way has, as many ways as there are; all
        shares add up to 1 at most.
    """

    scores: Scores
    counted: NDArray[np.bool_]
    law: Law
    others: tuple[Evidence, ...] = ()
    share: float = 1.0


class Request(Protocol):
    """One text that is being generated: its context, and what was used up of it.

    It belongs to one text and is not shared. `append` is called with every token that was chosen,
    in order.
    """

    def step(self, scores: Scores, candidates: Ids | None = None) -> Scores:
        """Mark the distribution of the next token.

        Parameters
        ----------
        scores
            float32 [k]: logits or log-probabilities of the final distribution, after temperature,
            top-k and top-p; -inf for what was ruled out. They are left as they are.
        candidates
            int64 [k], the ids the scores belong to; None when they are 0 ... k-1.

        Returns
        -------
        float32 [k]
            The marked scores, from which the next token is drawn. Where nothing is to be marked
            (a context that was used before), the scores that were given.
        """

    def append(self, token: int) -> None:
        """Take note of the token that was chosen."""


class TextScheme(Protocol):
    """A way of marking tokens. Immutable; all its state is in requests.

    `name` is what reports call it; `key_id` is public, tells keys apart, and is None for keys that
    never were in a key file.
    """

    @property
    def name(self) -> str:
        """What reports call it."""

    @property
    def key_id(self) -> str | None:
        """Public name of the key."""

    def request(self, prompt: Sequence[int] | Ids = ()) -> Request:
        """Begin a text that continues a prompt."""

    def processor(
        self, *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0
    ) -> Processor:
        """Return what an engine calls with ids and scores; see `Processor`."""

    def evidence(self, ids: Ids, offsets: Ids) -> Evidence:
        """Score every token of ragged texts; see `Evidence`."""

    def parameters(self) -> dict[str, Any]:
        """Return what may be public, JSON-ready: all that the constructor takes but the keys."""

    def secrets(self) -> dict[str, Any]:
        """Return the keys, JSON-ready, for a key file."""

    @classmethod
    def from_parts(
        cls, parameters: Mapping[str, Any], secrets: Mapping[str, Any], key_id: str | None
    ) -> Self:
        """Make the scheme of what `parameters` and `secrets` gave."""


class Marks:
    """What all schemes do alike; a base class of theirs."""

    __slots__ = ()

    def processor(
        self: TextScheme, *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0
    ) -> Processor:
        """Return what an engine calls with ids and scores; see `Processor`."""
        from waarmerk.marking.text.process import Processor

        return Processor(self, temperature=temperature, top_k=top_k, top_p=top_p)


def check_parts(
    name: str,
    parameters: Mapping[str, Any],
    known: Sequence[str],
    secrets: Mapping[str, Any],
    secret: str,
) -> None:
    """Raise InputError unless the parts of a scheme are those that it has.

    Parameters
    ----------
    name
        What messages call it.
    parameters, known
        Those that are given, and all that it takes.
    secrets, secret
        What is given, and the one that it has.
    """
    if unknown := sorted(set(parameters) - set(known)):
        raise InputError(
            f"{name} has no parameter {unknown[0]!r}; it was written by a newer version, or for "
            "another scheme"
        )
    if set(secrets) != {secret}:
        raise InputError(f"the secrets of {name} are {secret!r}, not {sorted(secrets)}")


def count_once(draws: NDArray[np.uint64], offsets: Ids, counted: NDArray[np.bool_]) -> None:
    """Leave of equal draws of chance only the first in each text counted.

    Parameters
    ----------
    draws
        uint64 [n]: what identifies the draw of every token.
    offsets
        int64 [texts + 1]: where each text begins, and the last ends.
    counted
        bool [n]: changed in place.
    """
    from waarmerk.kernels.text import first_occurrences

    longest = int(np.diff(offsets).max(initial=1))
    size = 1 << (2 * longest - 1).bit_length()
    table, stamps = np.empty(size, np.uint64), np.zeros(size, np.int64)
    first_occurrences(draws, offsets, counted, table, stamps)


def checked_ids(ids: Any, vocab_size: int | None = None, *, name: str = "ids") -> Ids:
    """Return token ids as an array, or say what is wrong with them.

    Parameters
    ----------
    ids
        A list, or anything NumPy makes an array of: int [n].
    vocab_size
        Ids lie below it.
    name
        What messages call them.

    Raises
    ------
    InputError
        If they are not whole numbers in one row, negative, or too large.
    """
    if isinstance(ids, str | bytes):
        raise InputError(f"{name} are token ids, not text; give a tokenizer for text")
    try:
        array = np.asarray(ids)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"{name} are not whole numbers in one row: {error}") from error
    if array.ndim != 1:
        raise InputError(f"{name} are one row of token ids, not an array of shape {array.shape}")
    if array.size == 0:
        return np.zeros(0, np.int64)
    if array.dtype.kind not in "iu":
        raise InputError(f"{name} are whole numbers, not {array.dtype}")
    lowest, highest = int(array.min()), int(array.max())
    if lowest < 0:
        raise InputError(
            f"{name} hold {lowest}, which is no token; engines write -1 where a token is not known "
            "yet: wait until it is"
        )
    limit = LARGEST_ID + 1 if vocab_size is None else vocab_size
    if highest >= limit:
        raise InputError(
            f"{name} hold {highest}, outside of a vocabulary of {limit}; is this the tokenizer "
            "the text was made with?"
        )
    return np.ascontiguousarray(array, np.int64)


def checked_scores(scores: Any, vocab_size: int | None = None) -> Scores:
    """Return scores of the next token as float32 [k], or say what is wrong with them.

    Raises
    ------
    InputError
        If they are not numbers in one row, NaN or +inf is among them, all are -inf, or their
        number is not that of the vocabulary.
    """
    array = np.asarray(scores)
    if array.ndim != 1 or array.dtype.kind != "f":
        raise InputError(
            f"scores are one row of floating-point numbers, not {array.dtype} of shape "
            f"{array.shape}"
        )
    if vocab_size is not None and array.size != vocab_size:
        raise InputError(
            f"{array.size} scores do not fit a vocabulary of {vocab_size}; the width of the logits "
            "is what counts, not the size of the tokenizer"
        )
    array = np.ascontiguousarray(array, np.float32)
    highest = float(array.max()) if array.size else -np.inf
    if not np.isfinite(highest):
        # max() is NaN where one score is.
        what = {True: "NaN", False: "+inf" if highest > 0 else "no score above -inf"}
        raise InputError(
            f"the scores hold {what[bool(np.isnan(highest))]}; the model's output is damaged"
        )
    return array


def checked_texts(ids: Any, offsets: Any, vocab_size: int | None = None) -> tuple[Ids, Ids]:
    """Return ragged texts as int64 arrays, or say what is wrong with them.

    Raises
    ------
    InputError
        As `checked_ids` does, or if the offsets do not rise from 0 to the number of ids.
    """
    ids = checked_ids(ids, vocab_size)
    bounds = np.asarray(offsets)
    good = bounds.ndim == 1 and bounds.size > 0 and bounds.dtype.kind in "iu"
    if not (good and bounds[0] == 0 and bounds[-1] == ids.size and (np.diff(bounds) >= 0).all()):
        raise InputError(
            "offsets say where each text begins: whole numbers that rise from 0 to the number of "
            f"ids, {ids.size}; make both with `ragged`"
        )
    return ids, np.ascontiguousarray(bounds, np.int64)


def check_whole(name: str, value: Any, low: int, high: int) -> None:
    """Raise InputError unless a parameter is a whole number within its range."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(f"{name} is a whole number, not {value!r}")
    if not low <= value <= high:
        raise InputError(f"{name} is {value}, and lies between {low} and {high}")


def checked_candidates(candidates: Any, scores: Scores, vocab_size: int | None = None) -> Ids:
    """Return the ids that scores belong to, or say what is wrong with them.

    Raises
    ------
    InputError
        As `checked_ids` does, or if there are not as many as scores.
    """
    ids = checked_ids(candidates, vocab_size, name="candidates")
    if ids.size != scores.size:
        raise InputError(
            f"{scores.size} scores do not fit {ids.size} candidates; every candidate has one"
        )
    return ids


def one_text(ids: Ids) -> Ids:
    """Return the offsets of a single text."""
    return np.array([0, ids.size], np.int64)


def ragged(texts: Sequence[Any], vocab_size: int | None = None) -> tuple[Ids, Ids]:
    """Return many texts as one array of ids and the offsets where each begins."""
    rows = [checked_ids(text, vocab_size, name=f"text {i}") for i, text in enumerate(texts)]
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([row.size for row in rows], out=offsets[1:])
    return (np.concatenate(rows) if rows else np.zeros(0, np.int64)), offsets
