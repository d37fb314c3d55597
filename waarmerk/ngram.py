"""A language model small enough to ship, for the demo, the README and tests; nothing more.

Tokens are words, each with the space before it, single characters, and the 256 bytes. A rare
word is put together of shorter ones, so any text can be written in tokens and comes back the same::

    "The Pequod's nightfall"  ->  "The" " Pequod" "'" "s" " night" "f" "all"

What follows is learned from the last two tokens: the counts of trigrams, less a discount, which
goes to those of bigrams, whose discount goes to single tokens. It writes sentences that look like
English and mean nothing, with three to four bits of chance in a token. Chat models have much less,
so what the demo shows says nothing about how much text a real mark needs; docs/results.md does.

It trains in half a second, on a text of half a megabyte that comes with the package.
"""

from __future__ import annotations

import gzip
import re
from collections import Counter
from importlib import resources
from typing import Any, Self

import numpy as np

from waarmerk.errors import InputError
from waarmerk.marking.text.scheme import Ids, Scores, checked_ids

__all__ = ["DemoModel", "human_text", "training_text"]

BYTES = 256
VOCABULARY = 4096
DISCOUNT = 0.3
"""How much of each count goes to what was not seen. Less repeats the book, more writes salad."""

FLOOR = 1e-9
"""The least probability of a token, so that no logit is infinite."""

PIECES = re.compile(r" ?[^\W\d_]+| ?\S|\s")
"""A word or one other character, each with a space before it; every character is in one piece."""


def training_text() -> str:
    """Return the text that comes with the package: chapters 1 to 50 of Moby-Dick.

    One paragraph a line. Public domain, see demo_data/README.md.
    """
    return _shipped("moby_dick.txt.gz")


def human_text() -> str:
    """Return chapters 61 to 73 of Moby-Dick: a human's text that `training_text` is not."""
    return _shipped("moby_dick_unseen.txt.gz")


class DemoModel:
    """A trigram model of words; `train` makes one.

    Examples
    --------
    >>> model = DemoModel.train("Call me Ishmael. Call me often. Call me.")
    >>> model.decode(model.encode("Call me Queequeg, 魚!"))
    'Call me Queequeg, 魚!'
    >>> logits = model.logits(model.encode("Call"))
    >>> model.decode([int(logits.argmax())])
    ' me'
    """

    def __init__(self, words: list[str], ids: Ids) -> None:
        self._spelling = [bytes([value]) for value in range(BYTES)]
        self._spelling += [word.encode() for word in words]
        self._id_of = {word: BYTES + rank for rank, word in enumerate(words)}
        self._id_of |= {chr(value): value for value in range(128)}
        self._alone = _without_context(ids, self._spelling)
        self._kind = np.array([_kind(token) for token in self._spelling])
        self._pairs = _Successors(ids, 1, self.vocab_size)
        self._triples = _Successors(ids, 2, self.vocab_size)

    @classmethod
    def train(cls, text: str | None = None) -> Self:
        """Learn from a text: `training_text`, if none is given. The same text, the same model.

        Raises
        ------
        InputError
            If it has no words, or half a character.
        """
        text = training_text() if text is None else text
        _checked(text)
        pieces = PIECES.findall(text)
        counts = Counter(piece for piece in pieces if len(piece.encode()) > 1)
        if not counts:
            raise InputError(f"a text of {len(text)} characters has no words to learn from")
        ranked = sorted(counts, key=lambda piece: (-counts[piece], piece))
        words = ranked[: VOCABULARY - BYTES]
        id_of = {word: BYTES + rank for rank, word in enumerate(words)}
        id_of |= {chr(value): value for value in range(128)}
        # A rare word is a gap: letters that spell it would be learned as words of one letter.
        return cls(words, np.array([id_of.get(piece, -1) for piece in pieces], np.int64))

    @property
    def vocab_size(self) -> int:
        """Return the number of tokens."""
        return len(self._spelling)

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a text; `decode` gives the same text back.

        Raises
        ------
        InputError
            If it has half a character: a surrogate without its other half.
        """
        _checked(text)
        ids: list[int] = []
        for piece in PIECES.findall(text):
            known = self._id_of.get(piece)
            if known is None:
                self._spell(piece, ids)
            else:
                ids.append(known)
        return ids

    def _spell(self, piece: str, ids: list[int]) -> None:
        """Append a rare word: the longest word it begins with, again and again, or bytes."""
        while piece:
            for end in range(len(piece), 0, -1):
                known = self._id_of.get(piece[:end])
                if known is not None:
                    ids.append(known)
                    break
            else:
                ids.extend(piece[:end].encode())
            piece = piece[end:]

    def decode(self, ids: Any) -> str:
        """Return the text of tokens; bytes that are no UTF-8 become U+FFFD.

        Parameters
        ----------
        ids
            int [n], each from 0 to `vocab_size` - 1.

        Raises
        ------
        InputError
            If they are not.
        """
        known = checked_ids(ids, self.vocab_size).tolist()
        return b"".join([self._spelling[token] for token in known]).decode(errors="replace")

    def logits(self, ids: Any) -> Scores:
        """Return the log-probabilities of the next token.

        Parameters
        ----------
        ids
            int [n], the text so far; only the last two count. None at all are a new paragraph.

        Returns
        -------
        float32 [vocab_size]
            All finite; the probabilities add up to 1.

        Raises
        ------
        InputError
            If they are not tokens.
        """
        last = checked_ids(ids[-2:], self.vocab_size).tolist() or [ord("\n")]
        chances = self._alone[self._kind[last[-1]]].copy()
        self._pairs.add(last[-1], chances)
        if len(last) == 2:
            self._triples.add(last[0] * self.vocab_size + last[1], chances)
        logs: Scores = np.log(chances)
        return logs


class _Successors:
    """What follows the contexts of one length, in sorted arrays."""

    def __init__(self, ids: Ids, length: int, vocab_size: int) -> None:
        grams = np.zeros(max(len(ids) - length, 0), np.int64)
        whole = np.ones(len(grams), np.bool_)
        for offset in range(length + 1):
            column = ids[offset : offset + len(grams)]
            grams = grams * vocab_size + column
            whole &= column >= 0
        grams, counts = np.unique(grams[whole], return_counts=True)
        self._contexts, begins, members = np.unique(
            grams // vocab_size, return_index=True, return_counts=True
        )
        self._bounds = np.append(begins, len(grams))
        self._tokens = grams % vocab_size
        totals = np.add.reduceat(counts, begins) if len(begins) else counts
        self._gains = ((counts - DISCOUNT) / np.repeat(totals, members)).astype(np.float32)
        self._rest = (DISCOUNT * members / totals).astype(np.float32)

    def add(self, context: int, chances: Scores) -> None:
        """Turn what follows shorter contexts into what follows this one, in place."""
        at = int(np.searchsorted(self._contexts, context))
        if at < len(self._contexts) and self._contexts[at] == context:
            among = slice(self._bounds[at], self._bounds[at + 1])
            chances *= self._rest[at]
            chances[self._tokens[among]] += self._gains[among]


def _kind(token: bytes) -> int:
    """Return what may follow: 0 anything, 1 no letter, 2 white space only.

    A word after a word without a space would be read as one word, and a lone space would be read as
    part of what follows: the text would come back as other tokens.
    """
    if token == b" ":
        return 2
    return 1 if token.decode(errors="replace")[-1].isalpha() else 0


def _without_context(ids: Ids, spelling: list[bytes]) -> Scores:
    """Return the probabilities of all tokens after each kind of token: float32 [3, vocab_size]."""
    counts = np.bincount(ids[ids >= 0], minlength=len(spelling)).astype(np.float64)
    starts = [token.decode(errors="replace")[0] for token in spelling]
    letter = np.array([start.isalpha() for start in starts])
    space = np.array([start.isspace() for start in starts])
    chances = np.stack([counts, counts * ~letter, counts * space])
    totals = np.maximum(chances.sum(axis=1, keepdims=True), 1)
    chances = chances / totals + FLOOR
    scaled: Scores = (chances / chances.sum(axis=1, keepdims=True)).astype(np.float32)
    return scaled


def _checked(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"the text has half a character at {error.start}: {text[error.start]!a} is no text; "
            "decode it with errors='replace'"
        ) from error


def _shipped(name: str) -> str:
    packed = resources.files("waarmerk").joinpath("demo_data", name).read_bytes()
    return gzip.decompress(packed).decode()
