"""The project's own mark on text, `waarmerk.text.1`: tournament sampling that carries a mark id.

::

    four tokens before ---SipHash-2-4-128, sub-key---> context key, 128 bits
                                                            |
             +---------------- SipHash-2-4 -----------------+
             |                                              |
     of a candidate token                              of nothing
             |                                              |
      32 g-bits, one a layer           first place and stride in the code word
             |                                              |
             |    pilot layers: as they are                 |
             +--> payload layers: flipped where the bit of the code word at their place is -1
                                   |
                      tournament over 32 layers -> distribution of the next token

The word is that of `waarmerk.marking.payload.Code`: 1024 values of +-1 for an id of 64 bits. Every
second layer is a pilot, which proves that the mark is there, whatever it says; the others say which
id it is, once the text is long enough. The first 200 tokens of a text are marked as if there were
no id, and all layers prove presence: a short text could not carry an id anyway.

A context is marked once in a text: the second time the same draw would come out, and people would
see it. The detector counts first occurrences alone for the same reason, and what it counts is thus
independent. The hash is a pseudo-random function of the four tokens *and* the key; there is no
table and no state of 16 bits to collide in. Averaged over keys the distribution of every token is
the model's: in each layer the chances of the two leaves that meet are equal (docs/marks/text.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from waarmerk.errors import InputError
from waarmerk.marking.job import require_in_use
from waarmerk.marking.key import MarkingKey
from waarmerk.marking.payload import Code, MarkId
from waarmerk.marking.text.layers import layer_weights, layered_evidence
from waarmerk.marking.text.scheme import (
    Evidence,
    Ids,
    Marks,
    Scores,
    checked_ids,
    checked_scores,
    count_once,
)
from waarmerk.marking.text.tournament import room

__all__ = ["TEXT_1", "TextMark", "TextScheme1", "Votes"]


@dataclass(frozen=True, slots=True)
class TextScheme1:
    """The parameters of `waarmerk.text.1`; fixed for good.

    Parameters
    ----------
    name
        Of the scheme.
    context_width
        So many tokens before a token decide its draw.
    depth
        Layers of the tournament.
    payload_layers
        Those that carry the code word; all others are pilots.
    code_length
        Values in the code word.
    lead
        So many tokens at the beginning of a text carry no code word.
    """

    name: str = "waarmerk.text.1"
    context_width: int = 4
    depth: int = 32
    payload_layers: tuple[int, ...] = tuple(range(1, 32, 2))
    code_length: int = 1024
    lead: int = 200

    @property
    def pilot_layers(self) -> tuple[int, ...]:
        """The layers that are the same whatever the mark says."""
        return tuple(layer for layer in range(self.depth) if layer not in self.payload_layers)


TEXT_1: Final = TextScheme1()

_NEVER: Final = np.float32(-np.inf)
_WHOLE: Final = 0.8
_PAYLOAD: Final = np.array(TEXT_1.payload_layers, np.int64)
_NO_WORD: Final = np.zeros(0, np.int8)
_NO_WORD.setflags(write=False)  # as those of ids are, so that kernels are compiled once


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """What the payload layers of a text say about the code word.

    Parameters
    ----------
    soft
        int64 [length of the word]: weights of what speaks for +1, minus those of what speaks for
        -1.
    tokens
        How many tokens were counted.
    weights
        int [payload layers]: the weight of every layer; a token casts one vote for each.
    """

    soft: NDArray[np.int64]
    tokens: int
    weights: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TextMark(Marks):
    """The mark `waarmerk.text.1` under a key.

    Parameters
    ----------
    key
        The key that will find the mark again.
    mark_id
        What the mark says. None marks without an id: then presence is proven sooner, and there is
        nothing to look up. Detection does not need it, and tries both ways.

    Examples
    --------
    >>> key = MarkingKey(bytes(32), created="2026-01-01T00:00:00Z")
    >>> mark = TextMark(key, MarkId.from_hex("0123456789abcdef"))
    >>> request = mark.request(prompt=[5, 6, 7, 8])
    >>> request.step(np.zeros(4, np.float32)).dtype
    dtype('float32')
    """

    key: MarkingKey
    mark_id: MarkId | None = None
    _subkey: NDArray[np.uint64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.key, MarkingKey):
            raise InputError("a text mark needs a MarkingKey, as `waarmerk keygen` makes it")
        if self.mark_id is not None and not isinstance(self.mark_id, MarkId):
            raise InputError(f"a mark id is a MarkId, not {self.mark_id!r}")
        subkey = np.frombuffer(self.key.stream(TEXT_1.name, "context").bytes(16), "<u8")
        object.__setattr__(self, "_subkey", subkey.astype(np.uint64))

    @property
    def name(self) -> str:
        """``waarmerk.text.1``."""
        return TEXT_1.name

    @property
    def key_id(self) -> str:
        """That of the key."""
        return self.key.key_id

    def request(self, prompt: Sequence[int] | Ids = ()) -> _Request:
        """Begin a text; its prompt belongs to the context.

        Raises
        ------
        KeyFileError
            If the key was retired.
        InputError
            If the prompt holds anything but token ids.
        """
        require_in_use(self.key)
        return _Request(self._subkey, self.mark_id, checked_ids(prompt, name="the prompt"))

    def evidence(self, ids: Ids, offsets: Ids) -> Evidence:
        """Score every token by all layers, as if there were no id, or else by its pilot layers.

        A short text lives by the former, so it has most of the share. Where the latter is needed,
        in the midst of a long text, there is enough of it.
        """
        words, _, counted = self._draws(ids, offsets, places=False)
        wide = words.astype(np.uint64)
        pilots = layered_evidence(wide, counted, TEXT_1.depth, layers=TEXT_1.pilot_layers)
        whole = layered_evidence(wide, counted, TEXT_1.depth)
        rest = replace(pilots, share=1.0 - _WHOLE)
        return replace(whole, others=(rest,), share=_WHOLE)

    def votes(self, ids: Ids, start: int = 0, end: int | None = None) -> Votes:
        """Collect what a text says about the code word.

        Parameters
        ----------
        ids
            The text.
        start, end
            The passage whose tokens vote; those before it are context.
        """
        from waarmerk.kernels.text_siphash import add_votes

        words, places, counted = self._draws(ids, np.array([0, ids.size], np.int64), places=True)
        counted[:start] = False
        if end is not None:
            counted[end:] = False
        soft = np.zeros(TEXT_1.code_length, np.int64)
        weights = layer_weights(TEXT_1.depth)[_PAYLOAD]
        add_votes(words, places, counted, _PAYLOAD, weights, soft)
        return Votes(soft, int(counted.sum()), tuple(int(w) for w in weights))

    def parameters(self) -> dict[str, Any]:
        """Return what may be public."""
        return {}

    def secrets(self) -> dict[str, Any]:
        """Refuse: the key has a file of its own."""
        raise InputError(
            "the key of waarmerk.text.1 is kept by MarkingKey.save, not in a scheme's description"
        )

    @classmethod
    def from_parts(
        cls, parameters: Mapping[str, Any], secrets: Mapping[str, Any], key_id: str | None
    ) -> Self:
        """Refuse: see `secrets`."""
        raise InputError("waarmerk.text.1 is made of a MarkingKey; load that")

    def _draws(
        self, ids: Ids, offsets: Ids, *, places: bool
    ) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.bool_]]:
        """Return g-words, places and what counts, of ragged texts."""
        from waarmerk.kernels.text_siphash import candidate_words, context_draws

        contexts = np.zeros((ids.size, 2), np.uint64)
        counted = np.zeros(ids.size, np.bool_)
        context_draws(ids, offsets, self._subkey, contexts, counted)
        count_once(contexts[:, 0], offsets, counted)
        words = np.empty(ids.size, np.uint32)
        where = np.empty(ids.size if places else 0, np.uint32)
        candidate_words(contexts, ids, counted, words, where)
        return words, where, counted


class _Request:
    """One text that is being generated."""

    __slots__ = ("_context", "_last", "_seen", "_subkey", "_word", "_written")

    def __init__(self, subkey: NDArray[np.uint64], mark_id: MarkId | None, prompt: Ids) -> None:
        width = TEXT_1.context_width
        self._subkey = subkey
        self._word = _NO_WORD if mark_id is None else _word(mark_id)
        self._last = np.full(width, -1, np.int64)
        if prompt.size:
            self._last[-prompt[-width:].size :] = prompt[-width:]
        self._context = np.empty(2, np.uint64)
        self._seen: set[int] = set()
        self._written = 0

    def append(self, token: int) -> None:
        """Take note of the token that was chosen."""
        self._last[:-1] = self._last[1:]
        self._last[-1] = token
        self._written += 1

    def step(self, scores: Scores, candidates: Ids | None = None) -> Scores:
        """Mark the distribution of the next token; see `Request`."""
        from waarmerk.kernels.text_siphash import hash_context, vocabulary_words

        scores = checked_scores(scores)
        if self._last[0] < 0:  # fewer tokens than a context has
            return scores
        hash_context(self._last, self._subkey, self._context)
        draw = int(self._context[0])
        if draw in self._seen:
            return scores
        self._seen.add(draw)

        left = np.flatnonzero(scores > -np.inf)  # top-k: a handful of a large vocabulary
        ids = left if candidates is None else np.asarray(candidates, np.int64)[left]
        word = self._word if self._written >= TEXT_1.lead else _NO_WORD

        def fill(_block: int, words: NDArray[np.uint32]) -> None:
            vocabulary_words(self._context, ids, word, _PAYLOAD, words)

        chosen = scores[left]
        room().play(
            chosen, fill, chosen, size=ids.size, dtype=np.uint32, depth=TEXT_1.depth, floor=_NEVER
        )
        out = np.full(scores.size, _NEVER, np.float32)
        out[left] = chosen
        return out


@lru_cache(maxsize=4096)
def _word(mark_id: MarkId) -> NDArray[np.int8]:
    word = Code(TEXT_1.code_length).encode(mark_id)
    word.setflags(write=False)
    return word
