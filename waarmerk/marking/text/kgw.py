"""KGW: a part of the vocabulary is green after every context, and green tokens are preferred.

As Hugging Face transformers does it (``WatermarkingConfig``, 4.46 to 5.23), with the same lists and
scores. Which tokens are green follows from a seed::

    lefthash   ... 8  4 [17]  ?       seed = key * 17 mod (2^64 - 1): the last token alone decides,
                                      whatever the width of the context
    selfhash   ... 8 [4  17   ?]      for every candidate a seed of its own, from the candidate and
                   context_width      that token of the window which gives the least product

    green      the first gamma * V of a permutation of the vocabulary, drawn by 32 bits of a seed

At lefthash every green token's score is raised by `delta`; at selfhash only green ones among the 40
best candidates. A detector with the key counts: text that was not marked has a share of gamma.

Of the key little is left in the lists: the generator takes 32 bits of the seed. Keys that are equal
modulo 2^32 mostly give the same lists, and after token 0 lefthash has the same list for all keys.
It says nothing about a key, so `KGW.evidence` does not count what follows a token 0.

Kirchenbauer et al., "A watermark for large language models" (ICML 2023), arXiv 2301.10226, and "On
the reliability of watermarks for large language models" (2023), arXiv 2306.04634.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from waarmerk.errors import InputError
from waarmerk.kernels import text_kgw_seeds as seeding_kernels
from waarmerk.marking.text.kgw_green import TABLE, draws_of, hash_table, room
from waarmerk.marking.text.kgw_request import KGWRequest
from waarmerk.marking.text.scheme import (
    Bernoulli,
    Evidence,
    Ids,
    Marks,
    check_parts,
    check_whole,
    checked_ids,
    checked_texts,
    count_once,
)

__all__ = ["KGW", "KGWRequest", "OriginalScore"]

Seeding = Literal["lefthash", "selfhash"]
Seeds = NDArray[np.uint64]

ROUND = (1 << 64) - 1
"""Seeds are taken modulo this number."""
LARGEST_VOCABULARY = 1 << 24
SLICE = 4096
"""Draws that are looked up in one call, which nothing interrupts: some 60 ms."""
PARAMETERS = ("vocab_size", "gamma", "delta", "seeding", "context_width")


@dataclass(frozen=True, slots=True)
class OriginalScore:
    """What the detector of transformers says of a text; ``dict(score)`` makes a dictionary of it.

    Parameters
    ----------
    num_tokens_scored, num_green_tokens
        Counts.
    green_fraction
        The one divided by the other.
    z_score
        How many standard deviations the count is above that of text without the mark.
    p_value
        Of the z-score, under a normal distribution. Too small for text that repeats itself.
    """

    num_tokens_scored: int
    num_green_tokens: int
    green_fraction: float
    z_score: float
    p_value: float

    def keys(self) -> tuple[str, ...]:
        """Return the names of all values."""
        return tuple(self.__slots__)

    def __getitem__(self, name: str) -> float:
        if name not in self.__slots__:
            raise KeyError(name)
        value: float = getattr(self, name)
        return value


@dataclass(frozen=True, slots=True)
class KGW(Marks):
    """Green lists with a given key; the same lists and scores as those of transformers.

    Parameters
    ----------
    vocab_size
        The width of the logits, 2 to 2^24: ``config.vocab_size`` of the model, which often is more
        than the tokenizer has. With another one all lists are others.
    hashing_key
        From -2^63 to 2^64 - 1, and no multiple of 2^32, which would make all lists the same.
        Secret; the default is that of transformers, and known to all.
    gamma
        Share of the vocabulary that is green, between 0 and 1.
    delta
        What is added to the scores of green tokens, above 0.
    seeding
        ``"lefthash"`` or ``"selfhash"``.
    context_width
        At selfhash the tokens in a window, the candidate among them. At lefthash only how many
        tokens there must be before one is marked.
    key_id
        What is public about the key.

    Raises
    ------
    InputError
        If one of them lies outside of its range.

    Examples
    --------
    >>> scheme = KGW(32000)
    >>> scheme.name, scheme.green_size
    ('kgw.lefthash', 8000)
    >>> scheme.green_list([17, 4])[:3].tolist()
    [31256, 22694, 10581]
    >>> scheme.contains([[17, 4], [4, 17]], 31256)
    array([ True, False])
    """

    family: ClassVar[str] = "kgw"

    vocab_size: int
    hashing_key: int = field(default=15485863, repr=False)
    gamma: float = 0.25
    delta: float = 2.0
    seeding: Seeding = "lefthash"
    context_width: int = 1
    _: KW_ONLY
    key_id: str | None = None

    def __post_init__(self) -> None:
        check_whole("vocab_size", self.vocab_size, 2, LARGEST_VOCABULARY)
        check_whole("context_width", self.context_width, 1, 1 << 20)
        if not isinstance(self.seeding, str) or self.seeding not in ("lefthash", "selfhash"):
            raise InputError(f"KGW seeds by 'lefthash' or 'selfhash', not {self.seeding!r}")
        _check_key(self.hashing_key, self.seeding)
        if not _is_number(self.gamma) or not 0.0 < self.gamma < 1.0:
            raise InputError(f"gamma is a share between 0 and 1, not {self.gamma!r}")
        if not _is_number(self.delta) or not 0.0 < self.delta < math.inf:
            raise InputError(f"delta is a number above 0, not {self.delta!r}")
        if self.green_size < 1:
            raise InputError(
                f"gamma {self.gamma} makes none of {self.vocab_size} tokens green; take more"
            )
        if not (self.key_id is None or isinstance(self.key_id, str)):
            raise InputError(f"a key id is text or None, not {self.key_id!r}")

    @property
    def name(self) -> str:
        """What reports call it: ``kgw.lefthash`` or ``kgw.selfhash``."""
        return f"{self.family}.{self.seeding}"

    @property
    def green_size(self) -> int:
        """How many tokens are green after every context."""
        return int(self.vocab_size * self.gamma)

    @property
    def _first(self) -> int:
        """The first token of a text with enough tokens before it."""
        return self.context_width - (self.seeding == "selfhash")

    def request(self, prompt: Sequence[int] | Ids = ()) -> KGWRequest:
        """Begin a text that continues a prompt, the end of which is its first context."""
        return KGWRequest(self, checked_ids(prompt, self.vocab_size, name="the prompt's ids"))

    def evidence(self, ids: Ids, offsets: Ids) -> Evidence:
        """Score every token of ragged texts; see `Evidence`.

        A green token scores 1. A token counts if `context_width` tokens come before it (one fewer
        at selfhash, whose windows hold the token itself), and if no token of its text before it had
        the same seed and was the same. After a token 0 none counts at lefthash: see above.

        Raises
        ------
        InputError
            If the ids and offsets are no texts, or ids lie outside of the vocabulary.
        """
        ids, offsets = checked_texts(ids, offsets, self.vocab_size)
        lengths = np.diff(offsets)
        counted = np.arange(ids.size) - np.repeat(offsets[:-1], lengths) >= self._first
        if self.seeding == "lefthash":
            counted[1:] &= ids[:-1] != 0
        draws = draws_of(self._seeds_before(ids), ids)
        # The upper half is all that the generator gets of a seed: this is the draw, not a hash.
        count_once(draws, offsets, counted)
        scores = np.zeros(ids.size, np.float32)
        scores[counted] = self._are_green(draws[counted])
        return Evidence(scores, counted, Bernoulli(self.green_size / self.vocab_size))

    def original_score(
        self,
        ids: Sequence[int] | Ids,
        ignore_repeated_ngrams: bool = False,
        bos_token_id: int | None = None,
    ) -> OriginalScore:
        """Score one text as the detector of transformers does.

        Parameters
        ----------
        ids
            int [n], of the text without its prompt.
        ignore_repeated_ngrams
            Whether equal n-grams count once. The original's default is no, which makes text that
            repeats itself look marked.
        bos_token_id
            A token that is dropped if the text begins with it.

        Raises
        ------
        InputError
            If no more than `context_width` tokens are left.
        """
        text = checked_ids(ids, self.vocab_size)
        if bos_token_id is not None and text.size and text[0] == bos_token_id:
            text = text[1:]
        if text.size <= self.context_width:
            raise InputError(
                f"a text of {text.size} tokens is too short to score; with a context of "
                f"{self.context_width} it takes more than that"
            )
        draws = draws_of(self._seeds_before(text), text)[self._first :]
        if ignore_repeated_ngrams:
            ngrams = sliding_window_view(text, self._first + 1)
            draws = draws[np.unique(ngrams, axis=0, return_index=True)[1]]
        total, green = draws.size, int(np.count_nonzero(self._are_green(draws)))
        deviation = math.sqrt(total * self.gamma * (1 - self.gamma))
        z = (green - self.gamma * total) / deviation
        return OriginalScore(total, green, green / total, z, 0.5 * math.erfc(z / math.sqrt(2)))

    def seed(self, prefix_ids: Sequence[int] | Ids) -> int:
        """Give the seed that follows from a prefix, as transformers hands it to the generator.

        Parameters
        ----------
        prefix_ids
            int [n], at least `context_width`; at selfhash the last one is the candidate.

        Returns
        -------
        int
            From 0 to 2^64 - 2.

        Raises
        ------
        InputError
            If the prefix is too short, or holds what is no token.
        """
        prefix = checked_ids(prefix_ids, self.vocab_size, name="the prefix's ids")
        if prefix.size < self.context_width:
            raise InputError(
                f"a prefix of {prefix.size} tokens is too short for a context of "
                f"{self.context_width}"
            )
        return int(self._seeds(prefix[-self.context_width :])[-1])

    def green_list(self, prefix_ids: Sequence[int] | Ids) -> Ids:
        """List the green tokens after a prefix, in the order of the permutation; see `seed`.

        Returns
        -------
        int64 [green_size]
        """
        out = np.empty(self.green_size, np.int64)
        room(self.vocab_size, self.green_size).list_green(self.seed(prefix_ids), out)
        return out

    def contains(self, contexts: Any, token: Any) -> NDArray[np.bool_]:
        """Say whether a token is green after given contexts.

        Parameters
        ----------
        contexts
            int [k, c], or [c] for a single one: the tokens before. At lefthash c is at least
            `context_width`, at selfhash one less is enough.
        token
            An id, or int [k] with one for each context.

        Returns
        -------
        bool [k]

        Raises
        ------
        InputError
            If the contexts are too short, the shapes do not fit, or ids are no tokens.
        """
        try:
            rows = np.atleast_2d(np.asarray(contexts))
        except ValueError as error:
            raise InputError(f"contexts are an array [k, c] of equal rows: {error}") from error
        if rows.ndim != 2 or rows.shape[1] < self._first:
            raise InputError(
                f"contexts are an array [k, c] with c at least {self._first}, not {rows.shape}"
            )
        last = checked_ids(np.atleast_1d(token), self.vocab_size, name="the tokens")
        if last.size not in (1, len(rows)):
            raise InputError(f"{last.size} tokens do not fit {len(rows)} contexts; give one each")
        flat = checked_ids(rows.ravel(), self.vocab_size, name="the contexts' ids")
        last = np.broadcast_to(last, len(rows))
        width = self._first + 1
        windows = np.column_stack([flat.reshape(rows.shape), last])[:, -width:]
        seeds = self._seeds_before(windows.ravel())[self._first :: width]
        return self._are_green(draws_of(seeds, last))

    def parameters(self) -> dict[str, Any]:
        """Return what may be public, JSON-ready: all that the constructor takes but the key."""
        return {name: getattr(self, name) for name in PARAMETERS}

    def secrets(self) -> dict[str, Any]:
        """Return the key, JSON-ready, for a key file."""
        return {"hashing_key": self.hashing_key}

    @classmethod
    def from_parts(
        cls, parameters: Mapping[str, Any], secrets: Mapping[str, Any], key_id: str | None
    ) -> Self:
        """Make the scheme of what `parameters` and `secrets` gave.

        Raises
        ------
        InputError
            If a part is missing, unknown, or outside of its range.
        """
        check_parts("KGW", parameters, PARAMETERS, secrets, "hashing_key")
        if "vocab_size" not in parameters:
            raise InputError("the parameters of KGW lack 'vocab_size'; give the logits' width")
        return cls(**parameters, hashing_key=secrets["hashing_key"], key_id=key_id)

    def _seeds(self, ids: Ids) -> Seeds:
        """Give the seed of every prefix of a row: uint64 [n]; see `seed`."""
        out = np.empty(ids.size, np.uint64)
        if self.seeding == "lefthash":
            seeding_kernels.left_seeds(ids, np.uint64(self.hashing_key % ROUND), out)
        else:
            key, table = self._hashing()
            seeding_kernels.self_seeds(ids, table, key, self.context_width, out)
        return out

    def _seeds_before(self, ids: Ids) -> Seeds:
        """Give the seed that decides on every token of a row: uint64 [n]."""
        if self.seeding == "selfhash":
            return self._seeds(ids)
        return np.concatenate([np.zeros(min(1, ids.size), np.uint64), self._seeds(ids[:-1])])

    def _hashing(self) -> tuple[np.uint64, NDArray[np.uint32]]:
        """Return the key modulo 2^64, and what tokens are hashed with."""
        key = self.hashing_key % (1 << 64)
        return np.uint64(key), hash_table(key % (1 << 32), min(self.vocab_size, TABLE))

    def _are_green(self, draws: Seeds) -> NDArray[np.bool_]:
        """Say of every draw whether its token is green: bool [n]."""
        # Sorted, so that each is looked up once, and those of one seed together.
        distinct, places = np.unique(draws, return_inverse=True)
        green = np.empty(distinct.size, np.bool_)
        shared = room(self.vocab_size, self.green_size)
        for start in range(0, distinct.size, SLICE):
            shared.look_up(distinct[start : start + SLICE], green[start : start + SLICE])
        return green[places]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_key(key: Any, seeding: Seeding) -> None:
    """Check a key without showing it."""
    if not isinstance(key, int) or isinstance(key, bool):
        raise InputError(f"hashing_key is a whole number, not of type {type(key).__name__}")
    if not -(1 << 63) <= key < 1 << 64:
        raise InputError("hashing_key lies outside of -2^63 ... 2^64 - 1; PyTorch takes no other")
    if key % (1 << 32) == 0 or (seeding == "lefthash" and key % ROUND == 0):
        raise InputError(
            "hashing_key would give the same green list after every context, and so would others "
            "like it; take one that is no multiple of 2^32 and not 2^64 - 1"
        )
