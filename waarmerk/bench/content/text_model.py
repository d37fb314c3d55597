"""An honest generator of text, without a network and without a graphics card.

A byte-level BPE tokenizer and a 4-gram model of its tokens for each language, all trained on the
tuning half of the texts (`texts`). It writes no sense, but its next-token distributions are
real ones, and marks see nothing else::

    writer = Writer(models(data, folder)["en"], "7b", seed)
    request = scheme.request(prompt)
    ids, scores = writer.candidates(context)       # the final distribution: 40 log-probabilities
    scores = request.step(scores, ids)             # the scheme marks them; draw a token, append it

**How easy a text is to mark depends on the entropy of its tokens**, and at temperature 1 this model
has far more of it than a chat model. So `SETTINGS` are anchored on what was published of real
models: the mean g-value under SynthID with 30 layers was 0.547 for Qwen2.5-7B and 0.586 for
Qwen2.5-1.5B, and 0.513 for the 7B writing code and lists
(github.com/natzir/synthid-text-watermark-attacks). A figure for power is only worth something
together with the setting it was measured at. The settings were found by::

    python -m benchmarks.text_model --data DIR --models FOLDER

The model is interpolated Kneser-Ney (Chen and Goodman 1999, one absolute discount for each order)::

    p(w | abc) = (count(abcw) - D) / count(abc) + rest(abc) p(w | bc)
    p(w | bc)  = the same with how many different tokens precede bcw in place of its count, ...
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, pre_tokenizers, trainers
from tokenizers.models import BPE

from waarmerk.bench.content import texts

Ids = NDArray[np.int64]
Scores = NDArray[np.float32]

VOCABULARY = 16_384
ORDER = 4
BITS = 14  # of an id, where several make one number: VOCABULARY is 2 ** BITS
TOP = 40
RUN = 40  # tokens that a run of certain tokens has on average: a list, a few lines of code


# The settings


@dataclass(frozen=True, slots=True)
class Setting:
    """How text is written, and what that gives: measured by `main` on prompts of the tuning half.

    Parameters
    ----------
    temperature, top_k
        Of the final distribution: the scores are divided first, then cut.
    certain
        The share of tokens that have no alternative; they come in runs, as code and lists do.
    mean_g
        English and Dutch: the g-value that a token of a text marked by SynthID has on average (30
        layers; n-grams of 5, each context once); 0.5 without a mark.
    bits
        English and Dutch: the entropy of a token, mean over all of them.
    """

    temperature: float
    top_k: int = TOP
    certain: float = 0.0
    mean_g: tuple[float, float] = (0.0, 0.0)
    bits: tuple[float, float] = (0.0, 0.0)


# What anchors asked for, in both languages within 0.02 of these temperatures. Figures are of 128
# texts of 400 tokens; the standard error of a mean g is below 0.001.
ANCHORS = {"low": 0.53, "7b": 0.549, "middle": 0.573, "1.5b": 0.586, "high": 0.607}
SETTINGS = {
    "low": Setting(0.35, mean_g=(0.531, 0.532), bits=(0.83, 0.88)),
    "7b": Setting(0.5, mean_g=(0.549, 0.551), bits=(1.35, 1.42)),
    "middle": Setting(0.67, mean_g=(0.574, 0.575), bits=(2.08, 2.12)),
    "1.5b": Setting(0.76, mean_g=(0.586, 0.587), bits=(2.46, 2.50)),
    "high": Setting(0.91, mean_g=(0.606, 0.608), bits=(3.07, 3.12)),
    # The 7B model where it writes code and lists: 0.513.
    "7b-code": Setting(0.5, certain=0.735, mean_g=(0.513, 0.513), bits=(0.35, 0.35)),
}


# The model


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """What follows every context of 1 to 3 tokens, in one row of arrays.

    Contexts of j tokens are ``keys[bounds[j - 1] : bounds[j]]``, sorted, the latest token in the
    lowest `BITS`. After context i come ``tokens[first[i] : first[i + 1]]``, to which it gives the
    probabilities `gains`; shorter contexts divide the share ``rest[i]``.
    """

    bounds: Ids
    keys: Ids
    first: Ids
    rest: Scores
    tokens: Ids
    gains: Scores


class Model:
    """A tokenizer, and a 4-gram model of a text in its tokens; `models` gives those to use."""

    def __init__(self, tokenizer: str, stream: Ids, fingerprint: str = "") -> None:
        self._tokenizer = Tokenizer.from_str(tokenizer)
        self._stream = stream
        self._fingerprint = fingerprint
        self.vocab_size = self._tokenizer.get_vocab_size()
        self._base, self._table = tables(stream, self.vocab_size)
        self._ranked = np.argsort(-self._base, kind="stable")
        self._start = self.encode("\n")

    @classmethod
    def train(
        cls,
        texts: Sequence[str],
        tokenizer_texts: Sequence[str] | None = None,
        vocab_size: int = VOCABULARY,
    ) -> Model:
        """Train on texts, the tokenizer on others if given; deterministic.

        A line feed stands between texts, as between paragraphs.
        """
        if vocab_size > 1 << BITS:
            raise ValueError(f"a vocabulary of {vocab_size} does not fit {BITS} bits an id")
        tokenizer = Tokenizer(BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        tokenizer.train_from_iterator(tokenizer_texts or texts, trainer)
        rows = tokenizer.encode_batch([f"{text}\n" for text in texts])
        stream = np.concatenate([np.array(row.ids, np.int64) for row in rows])
        return cls(tokenizer.to_str(), stream, fingerprint(texts, tokenizer_texts or texts))

    @classmethod
    def cached(
        cls, path: Path, texts: Sequence[str], tokenizer_texts: Sequence[str] | None = None
    ) -> Model:
        """Return the model of these texts from a file; train and write it if it is another's."""
        if path.is_file():
            model = cls.load(path)
            if model._fingerprint == fingerprint(texts, tokenizer_texts or texts):
                return model
        model = cls.train(texts, tokenizer_texts)
        model.save(path)
        return model

    def save(self, path: Path) -> None:
        """Write the tokenizer and the text in tokens; counting again takes half a second."""
        with path.open("wb") as file:
            np.savez_compressed(
                file,
                stream=self._stream.astype(np.uint16),
                tokenizer=np.array(self._tokenizer.to_str()),
                fingerprint=np.array(self._fingerprint),
            )

    @classmethod
    def load(cls, path: Path) -> Model:
        """Read what `save` wrote."""
        with np.load(path) as held:
            stream = held["stream"].astype(np.int64)
            return cls(str(held["tokenizer"]), stream, str(held["fingerprint"]))

    def encode(self, text: str) -> Ids:
        """Return the tokens of a text."""
        return np.array(self._tokenizer.encode(text).ids, np.int64)

    def decode(self, ids: Sequence[int] | Ids) -> str:
        """Return the text of tokens; half a character becomes U+FFFD."""
        return str(self._tokenizer.decode([int(token) for token in ids]))

    def logits(self, context: Sequence[int] | Ids) -> Scores:
        """Return the log-probabilities of all tokens after a context: float32 [V], all finite.

        An empty context is the beginning of a paragraph.
        """
        return np.log(self._chances(context)[0])

    def candidates(
        self, context: Sequence[int] | Ids, temperature: float = 1.0, top_k: int = TOP
    ) -> tuple[Ids, Scores]:
        """Return the likeliest tokens and their log-probabilities, divided by the temperature.

        They are int64 [top_k] and float32 [top_k], likeliest first, ties by id; the probabilities
        add up to 1.
        """
        top_k = min(top_k, self.vocab_size)
        chances, whole = self._chances(context)
        # Contexts only add, so the k-th without context is a lower bound of the k-th.
        ids = np.flatnonzero(chances >= self._base[self._ranked[top_k - 1]] * whole)
        ids = ids[np.argsort(-chances[ids], kind="stable")[:top_k]]
        scores = np.log(chances[ids]) / np.float32(temperature)
        scores -= scores[0]
        return ids, scores - np.log(np.sum(np.exp(scores)))

    def _chances(self, context: Sequence[int] | Ids) -> tuple[Scores, np.float32]:
        """Return all probabilities, and the share that what needs no context was given."""
        tail = [int(token) for token in context[1 - ORDER :]] or self._start.tolist()
        table = self._table
        found = []
        packed = 0
        for j, token in enumerate(reversed(tail)):
            packed |= token << (BITS * j)
            begin, end = table.bounds[j], table.bounds[j + 1]
            at = begin + np.searchsorted(table.keys[begin:end], packed)
            if at == end or table.keys[at] != packed:
                break  # a longer context that occurs has this one in it
            found.append(at)
        share = np.float32(1)
        gains = []
        for at in reversed(found):
            among = slice(table.first[at], table.first[at + 1])
            gains.append((table.tokens[among], table.gains[among] * share))
            share *= table.rest[at]
        chances = self._base * share
        for tokens, gain in gains:
            chances[tokens] += gain
        return chances, share


class Writer:
    """The distributions of one text in one of `SETTINGS`; it is not shared between texts.

    The seed decides what is certain: which runs of tokens, and which token each is. What is left
    to chance is the caller's to draw.
    """

    def __init__(self, model: Model, setting: str | Setting, seed: Any = 0) -> None:
        self._model = model
        self.setting = SETTINGS[setting] if isinstance(setting, str) else setting
        self._rng = np.random.default_rng(seed)
        self._certain = bool(self._rng.random() < self.setting.certain)

    def candidates(self, context: Ids) -> tuple[Ids, Scores]:
        """Return the final distribution of the next token; in a certain run, one token of score 0.

        Call it once for every token: it decides where runs begin and end.
        """
        ids, scores = self._model.candidates(context, self.setting.temperature, self.setting.top_k)
        share = self.setting.certain
        if not share:
            return ids, scores
        certain = self._certain
        leave = 1 / RUN if certain else share / (1 - share) / RUN
        if self._rng.random() < leave:
            self._certain = not certain
        if certain:
            # What the text has to say here: drawn before the mark comes, so out of its reach.
            drawn = np.searchsorted(np.cumsum(np.exp(scores)), self._rng.random())
            ids, scores = ids[[min(int(drawn), len(ids) - 1)]], np.zeros(1, np.float32)
        return ids, scores


def models(data: Path, folder: Path) -> dict[str, Model]:
    """Return a model for every language; they share a tokenizer, as in a real model.

    One model of both languages would not stay in the one it began with. They are kept in a folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    read = {
        language: [document.text for document in texts.documents(data, "tuning", language)]
        for language in texts.LANGUAGES
    }
    everything = [text for own in read.values() for text in own]
    return {
        language: Model.cached(folder / f"{language}.npz", own, everything)
        for language, own in read.items()
    }


def fingerprint(*groups: Sequence[str]) -> str:
    """Return what changes with the texts that a model is made of."""
    return hashlib.sha256(json.dumps(groups).encode()).hexdigest()


def tables(stream: Ids, vocab_size: int) -> tuple[Scores, Table]:
    """Return the probability of every token without context, float32 [V], and with context."""
    shift = 1 << BITS
    grams = stream
    for _ in range(1, ORDER):
        grams = grams[:-1] * shift + stream[len(stream) - len(grams) + 1 :]
    unique, counts = np.unique(grams, return_counts=True)
    levels = [(unique, counts, discount(counts))]
    for length in range(ORDER - 1, 0, -1):
        # A shorter n-gram counts the different tokens before it, not how often it occurs.
        unique, counts = np.unique(unique % shift**length, return_counts=True)
        levels.append((unique, counts, discount(counts)))
    unique, counts, taken = levels.pop()
    base = np.full(vocab_size, taken * len(unique) / counts.sum() / vocab_size)
    base[unique] += (counts - taken) / counts.sum()
    keys, first, rest, tokens, gains = [], [], [], [], []
    ends = 0
    for unique, counts, taken in reversed(levels):
        contexts, begins, members = np.unique(
            unique // shift, return_index=True, return_counts=True
        )
        total = np.add.reduceat(counts, begins)
        keys.append(contexts)
        first.append(begins + ends)
        rest.append(taken * members / total)
        tokens.append(unique % shift)
        gains.append((counts - taken) / np.repeat(total, members))
        ends += len(unique)
    return base.astype(np.float32), Table(
        bounds=np.cumsum([0, *map(len, keys)]).astype(np.int64),
        keys=np.concatenate(keys),
        first=np.concatenate([*first, [ends]]).astype(np.int64),
        rest=np.concatenate(rest).astype(np.float32),
        tokens=np.concatenate(tokens),
        gains=np.concatenate(gains).astype(np.float32),
    )


def discount(counts: Ids) -> float:
    """Return the absolute discount: n1 / (n1 + 2 n2) of Ney, Essen and Kneser 1994, kept sane."""
    once, twice = (int(np.count_nonzero(counts == n)) for n in (1, 2))
    return float(np.clip(once / max(once + 2 * twice, 1), 0.1, 0.9))
