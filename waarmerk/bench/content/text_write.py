"""What the benchmark of text writes: schemes with keys of their own, prompts, and marked texts.

Everything follows from names (`waarmerk.bench.seeds.rng_for`), so that a text can be written again
alone. Prompts are of the reporting half; the generator was trained on the tuning half.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from waarmerk.bench.content import texts
from waarmerk.bench.content.text_model import ORDER, Ids, Model, Writer
from waarmerk.bench.marks import bench_id, bench_key
from waarmerk.bench.seeds import rng_for
from waarmerk.errors import InputError

if TYPE_CHECKING:
    from waarmerk.marking.text.scheme import TextScheme

DEPTH = 30  # layers of SynthID, as in its published configurations
PROMPT = 20  # tokens
WITH_ID = "waarmerk.text.1 with id"
# Name in rows: family, and what its constructor takes beside the key.
SCHEMES: dict[str, tuple[str, dict[str, object]]] = {
    "synthid.transformers": ("synthid", {"variant": "transformers"}),
    "synthid.synthid-text": ("synthid", {"variant": "synthid-text"}),
    "kgw.lefthash": ("kgw", {"gamma": 0.25, "delta": 2.0}),
    "kgw.selfhash": (
        "kgw",
        {"gamma": 0.25, "delta": 2.0, "seeding": "selfhash", "context_width": 4},
    ),
    "gumbel.vllm": ("gumbel", {"variant": "vllm"}),
    "gumbel.sglang": ("gumbel", {"variant": "sglang"}),
    "waarmerk.text.1": ("waarmerk", {"mark_id": False}),
    WITH_ID: ("waarmerk", {"mark_id": True}),
}
# Languages, and of how many texts in three they are.
SHARES = {"en": 2, "nl": 1}


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """A text without its prompt, and what each token was worth to the model.

    Parameters
    ----------
    ids
        int64 [n].
    surprise
        float64 [n]: -log2 of the probability that the unmarked distribution gave the token.
    entropy
        float64 [n]: of that distribution, in bits.
    """

    ids: Ids
    surprise: np.ndarray
    entropy: np.ndarray


def scheme_of(name: str, vocab_size: int, *key: object) -> TextScheme:
    """Return a scheme with the benchmark's key of that name; schemes do not share keys."""
    from waarmerk.marking.text import KGW, Gumbel, SynthID, TextMark

    family, options = SCHEMES[name]
    rng = rng_for("text key", name, *key)
    if family == "waarmerk":
        # The same key with and without an id: one detector looks for both.
        mark_id = bench_id("text", *key) if options["mark_id"] else None
        return TextMark(bench_key("text", *key), mark_id)
    makers: dict[str, Callable[[], Callable[..., TextScheme]]] = {
        "synthid": lambda: partial(SynthID, rng.integers(-(1 << 63), 1 << 63, DEPTH).tolist()),
        "kgw": lambda: partial(KGW, vocab_size, int(rng.integers(1, 1 << 63))),
        "gumbel": lambda: partial(Gumbel, int(rng.integers(1 << 63))),
    }
    return makers[family]()(**options)


def prompts(data: Path, model: Model, language: str, count: int) -> list[Ids]:
    """Return the beginnings of the longest paragraphs of as many documents."""
    found = [
        model.encode(max(document.paragraphs, key=len))[:PROMPT]
        for document in texts.documents(data, "reporting", language)[:count]
    ]
    if len(found) < count:
        raise InputError(f"{language}: {len(found)} documents, too few for {count} prompts")
    return found


def write(
    model: Model,
    setting: str,
    scheme: TextScheme | None,
    prompt: Ids,
    tokens: int,
    *seed: object,
) -> Written:
    """Continue a prompt; chance follows from the seed."""
    from waarmerk.marking.text.sampling import sample

    writer = Writer(model, setting, rng_for("certain", setting, *seed))
    rng = rng_for("sample", setting, *seed)
    text = np.concatenate([prompt, np.zeros(tokens, np.int64)])
    surprise, entropy = np.zeros(tokens), np.zeros(tokens)
    request = scheme.request(prompt) if scheme else None
    for i in range(tokens):
        end = prompt.size + i
        ids, scores = writer.candidates(text[max(0, end - ORDER) : end])
        place = sample(scores if request is None else request.step(scores, ids), rng)
        text[end] = ids[place]
        bits = scores / np.log(2)
        surprise[i] = -bits[place]
        entropy[i] = -np.sum(np.exp2(bits) * bits)
        if request is not None:
            request.append(int(ids[place]))
    return Written(text[prompt.size :], surprise, entropy)


def human_tokens(data: Path, model: Model, language: str) -> list[Ids]:
    """Return the documents of the reporting half in tokens."""
    return [
        model.encode(document.text) for document in texts.documents(data, "reporting", language)
    ]


def unigrams(data: Path, model: Model, language: str) -> np.ndarray:
    """Return how often each token stands in the tuning half: float64 [V], adding up to 1."""
    counts = np.zeros(model.vocab_size)
    for document in texts.documents(data, "tuning", language):
        counts += np.bincount(model.encode(document.text), minlength=model.vocab_size)
    return np.asarray(counts / counts.sum())
