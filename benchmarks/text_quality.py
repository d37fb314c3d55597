"""What marks do to the text: its distribution, its surprise to the model, and its variety.

- ``distortion``: at one context the marked distribution is averaged over many keys and compared
  with the model's. A mark that does not distort differs by no more than that many draws do.
- ``surprise``: bits a token of texts under the model itself, the unmarked distribution.
- ``variety``: the share of different 4-grams among 20 answers to one prompt under one key. A mark
  need not distort any answer and still make all of them alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

from benchmarks.text_power import MAIN, texts_of
from waarmerk.bench.content.text_model import SETTINGS, Ids, Model
from waarmerk.bench.content.text_write import SCHEMES, human_tokens, prompts, scheme_of, write
from waarmerk.bench.rows import Row
from waarmerk.bench.seeds import rng_for

if TYPE_CHECKING:
    from waarmerk.marking.text.scheme import TextScheme

UNMARKED = "unmarked"
WRITTEN = (UNMARKED, *SCHEMES)
LEAST_BITS = 0.5  # of the entropy of a context: where nothing is open nothing can be distorted
LEAST_COUNT = 40  # of the keys that should draw a token, or should not, for it to be tested
CONTEXT = 4
SURPRISE_TOKENS = 400
VARIETY_TOKENS = 200
SIMULATED = 200


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    Parameters
    ----------
    keys, contexts
        Of `distortion`.
    texts
        Of `surprise`, for each scheme.
    prompts, answers
        Of `variety`.
    """

    keys: int = 2000
    contexts: int = 50
    texts: int = 120
    prompts: int = 10
    answers: int = 20


QUICK = Size(400, 5, 3, 1, 4)


def tasks(models: dict[str, Model], data: Path, size: Size) -> Iterator[tuple[Row, Ids]]:
    """Yield the names of rows, with the prompt if there is one; `distortion` gives several rows."""
    for scheme in SCHEMES:
        yield (
            {"what": "distortion", "scheme": scheme, "language": "en", "text": 0},
            np.zeros(0, int),
        )
    texts = list(texts_of(models, data, size.texts))
    for scheme in WRITTEN:
        for language, number, prompt in texts:
            yield (
                {"what": "surprise", "scheme": scheme, "language": language, "text": number},
                prompt,
            )
    beginnings = prompts(data, models["en"], "en", size.prompts)
    for scheme in WRITTEN:
        for number, prompt in enumerate(beginnings):
            yield {"what": "variety", "scheme": scheme, "language": "en", "text": number}, prompt


def measure(name: Row, model: Model, data: Path, prompt: Ids, size: Size) -> list[Row]:
    """Return the rows of one task."""
    if name["what"] == "distortion":
        return distortion(name, model, contexts(data, model, size.contexts), size.keys)
    return [(surprise if name["what"] == "surprise" else variety)(name, model, prompt, size)]


def contexts(data: Path, model: Model, count: int) -> list[Ids]:
    """Return contexts out of human text after which the model has a choice."""
    text = np.concatenate(human_tokens(data, model, "en"))
    found: list[Ids] = []
    for end in rng_for("contexts").integers(CONTEXT, text.size, 50 * count):
        context = text[end - CONTEXT : end]
        scores = model.candidates(context, SETTINGS[MAIN].temperature)[1] / np.log(2)
        if -np.sum(np.exp2(scores) * scores) >= LEAST_BITS:
            found.append(context)
        if len(found) == count:
            return found
    raise SystemExit(f"only {len(found)} contexts leave the model {LEAST_BITS} bits")


def marked(scheme: TextScheme, context: Ids, ids: Ids, scores: np.ndarray) -> np.ndarray:
    """Return the distribution after a context: float64 [k]."""
    request = scheme.request()
    # What SynthID knows as a context is what came after its first step.
    request.step(np.zeros(1, np.float32), np.zeros(1, np.int64))
    for token in context.tolist():
        request.append(token)
    out = request.step(scores, ids).astype(np.float64)
    p = np.exp(out - out.max())
    return p / p.sum()


def distortion(name: Row, model: Model, places: list[Ids], keys: int) -> list[Row]:
    """Compare the mean over keys with the model, at every context."""
    open_to = [model.candidates(context, SETTINGS[MAIN].temperature) for context in places]
    sums = [np.zeros(len(ids)) for ids, _ in open_to]
    for key in range(keys):
        scheme = scheme_of(name["scheme"], model.vocab_size, "distortion", key)
        for i, (context, (ids, scores)) in enumerate(zip(places, open_to, strict=True)):
            sums[i] += marked(scheme, context, ids, scores)
    rows = []
    for i, (_, scores) in enumerate(open_to):
        p = np.exp(scores.astype(np.float64))
        p /= p.sum()
        mean = sums[i] / keys
        # What lies between 0 and 1 and is p on average spreads no more than this. How much it did
        # spread is no help: a token that few keys drew would seem to be known too well.
        spread = np.sqrt(p * (1 - p) / keys)
        tested = np.minimum(p, 1 - p) * keys >= LEAST_COUNT
        deviations = np.abs(mean - p)[tested] / spread[tested]
        drawn = rng_for("drawn", name["scheme"], i).multinomial(keys, p, SIMULATED) / keys
        by_chance = np.abs(drawn - p).sum(axis=1) / 2
        rows.append(
            {
                **name,
                "text": i,
                "keys": keys,
                "bits": round(float(-np.sum(p * np.log2(p))), 4),
                "distance": round(float(np.abs(mean - p).sum() / 2), 6),
                "by_chance": round(float(by_chance.mean()), 6),
                "worst": round(float(np.max(deviations, initial=0.0)), 4),
                "tested": int(tested.sum()),
            }
        )
    return rows


def limit(tests: int) -> float:
    """Return what the largest of so many normal deviations stays below in 95 %."""
    return float(norm.isf((1 - 0.95 ** (1 / tests)) / 2))


def surprise(name: Row, model: Model, prompt: Ids, size: Size) -> Row:
    """Return bits a token of one text, under the distribution it was drawn from unmarked."""
    seed = (name["language"], name["text"])
    scheme = own_scheme(name, model, "surprise", *seed)
    text = write(model, MAIN, scheme, prompt, SURPRISE_TOKENS, "surprise", name["scheme"], *seed)
    return name | {"bits": round(float(text.surprise.mean()), 4)}


def variety(name: Row, model: Model, prompt: Ids, size: Size) -> Row:
    """Return the share of different 4-grams among answers to one prompt."""
    scheme = own_scheme(name, model, "variety", name["text"])
    answers = [
        write(model, MAIN, scheme, prompt, VARIETY_TOKENS, "variety", name["scheme"],
              name["text"], answer).ids
        for answer in range(size.answers)
    ]  # fmt: skip
    return name | {"different": round(different(answers), 5)}


def own_scheme(name: Row, model: Model, *key: object) -> TextScheme | None:
    """Return the scheme of a row; None for text without a mark."""
    if name["scheme"] == UNMARKED:
        return None
    return scheme_of(name["scheme"], model.vocab_size, *key)


def different(texts: list[Ids], length: int = 4) -> float:
    """Return the share of n-grams of all texts that are left when each is kept once.

    >>> different([np.arange(6), np.arange(6)])
    0.5
    """
    grams = np.concatenate([np.lib.stride_tricks.sliding_window_view(t, length) for t in texts])
    return len(np.unique(grams, axis=0)) / len(grams)
