"""Forging the marks of text: pasted passages, and preferences learnt from marked texts.

The attacker collects texts of 400 tokens that were marked under one key, each with a payload of its
own. He has the tokenizer, and the model that wrote them, without the key: more than most have.

**Paste.** Passages of 25 tokens out of the marked texts make up a share of a text of his own.

**Preference.** He counts which tokens follow which contexts, as many tokens as the scheme looks at
(Jovanović, Staab and Vechev 2024, "Watermark stealing in large language models", in its simplest
form), and writes with the model's log-probabilities plus `weight` times::

    log((count(context, token) + p) / (count(context) + 1) / p)      p: what the model gives it

Contexts that he never saw get nothing. ``bits`` is what the tokens of the text are worth to the
model, on average, ``plain bits`` the same of text written without preferences, and ``known`` the
share of its contexts that he saw. A 4-gram model comes back to the same contexts far more often
than a large one does, so that this is an upper limit for such an attack.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from waarmerk.bench.content.generator import SETTING, Library, library
from waarmerk.bench.content.text_model import ORDER, Ids, Writer
from waarmerk.bench.content.text_write import PROMPT, SCHEMES, WITH_ID, scheme_of, write
from waarmerk.bench.integrity.collect import Group, Settings, groups, parts, save
from waarmerk.bench.integrity.signal import blocks, keys_row, row_of
from waarmerk.bench.marks import bench_id, bench_key
from waarmerk.bench.rows import Row
from waarmerk.bench.seeds import rng_for

if TYPE_CHECKING:
    from waarmerk import MarkId
    from waarmerk.marking.text.scheme import TextScheme

__all__ = ["FAMILIES", "Preferences", "cases", "collect_texts", "measure", "pasted", "text_parts"]

TOKENS = 400
PASSAGE = 25
SHARES = (12.5, 25.0, 50.0)
"""Per cent of the text that is pasted."""

WEIGHTS = (1.0, 4.0)
FAMILIES = {WITH_ID: 4, "kgw.lefthash": 1, "synthid.transformers": 4}
"""Schemes that are attacked, and how many tokens before a token they look at."""


def _library(settings: Settings) -> Library:
    data = settings.data
    if data is not None and (data / "text").is_dir():
        data /= "text"
    return library(data, settings.cache / "models", "en")


@lru_cache(maxsize=8)
def _scheme(family: str, vocab_size: int, number: int | None) -> TextScheme:
    """Return the victim's scheme; with the payload of a work, if one is numbered."""
    if SCHEMES[family][0] != "waarmerk":
        return scheme_of(family, vocab_size, "integrity")
    from waarmerk.marking.text import TextMark

    mark_id = None if number is None else _id(number)
    return TextMark(bench_key("integrity", "text"), mark_id)


def _id(number: int) -> MarkId:
    return bench_id("integrity", "text", number)


# Collecting


def text_parts(works: int) -> list[tuple[int, int]]:
    """Return the parts that are collected: none is smaller than ten texts.

    >>> text_parts(120)[-2:]
    [(90, 100), (100, 120)]
    """
    return [(0, min(10, works)), *(part for part in parts(works) if part[0] >= 10)]


def collect_texts(settings: Settings, family: str, part: tuple[int, int]) -> None:
    """Write the marked texts of a part and keep them; nothing if that was done."""
    path = _path(settings, family, part)
    if path.is_file():
        return
    known = _library(settings)
    texts = []
    for number in range(*part):
        # Prompts out of the book, as many as there are places: no two works begin alike.
        prompt = _human(known, PROMPT, "prompt", number)
        texts.append(_marked(known, family, number, prompt))
    save(path, {"ids": np.array(texts, np.int32)})


def _marked(known: Library, family: str, number: int, prompt: Ids) -> Ids:
    scheme = _scheme(family, known.model.vocab_size, number)
    seed = ("integrity", family, number)
    return write(known.model, SETTING, scheme, prompt, TOKENS, *seed).ids


def _human(known: Library, tokens: int, *seed: object) -> Ids:
    """Return so many tokens out of a document that nobody trained on."""
    rng = rng_for("integrity human", *seed)
    rooms = np.array([max(document.size - tokens + 1, 0) for document in known.documents])
    index = int(rng.choice(rooms.size, p=rooms / rooms.sum()))
    start = int(rng.integers(rooms[index]))
    return known.documents[index][start : start + tokens]


def _path(settings: Settings, family: str, part: tuple[int, int]) -> Path:
    name = family.replace(" ", "_")
    return settings.cache / f"text-{name}-{part[0]:04}-{part[1]:04}.npz"


@lru_cache(maxsize=4)
def _texts(settings: Settings, family: str) -> Ids:
    """Return all texts that were collected, [works, 400]."""
    held = []
    for part in text_parts(settings.works):
        with np.load(_path(settings, family, part)) as file:
            held.append(file["ids"].astype(np.int64))
    return np.concatenate(held)


# Forging


class Preferences:
    """How much likelier a token follows a context in marked texts than the model has it.

    Parameters
    ----------
    texts : int64 [works, tokens]
        Marked.
    width : int
        Tokens of a context.
    """

    def __init__(self, texts: Ids, width: int) -> None:
        self._width = width
        self._counts: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for text in texts.tolist():
            for i in range(width, len(text)):
                self._counts[tuple(text[i - width : i])][text[i]] += 1

    def of(self, context: Ids, ids: Ids, scores: np.ndarray) -> np.ndarray:
        """Return the preference for each candidate, float64 [n]; 0 after an unknown context."""
        seen = self._counts.get(tuple(context[context.size - self._width :].tolist()))
        if seen is None:
            return np.zeros(ids.size)
        chance = np.exp(np.asarray(scores, np.float64))
        counts = np.array([seen[token] for token in ids.tolist()])
        return np.asarray(np.log((counts + chance) / (seen.total() + 1) / chance))

    def known(self, text: Ids) -> float:
        """Return the share of the contexts of a text that are known."""
        tokens, width = text.tolist(), self._width
        contexts = [tuple(tokens[i - width : i]) for i in range(width, len(tokens))]
        return sum(context in self._counts for context in contexts) / max(len(contexts), 1)


@lru_cache(maxsize=1)
def _learnt(settings: Settings, family: str, first: int, works: int) -> Preferences:
    return Preferences(_texts(settings, family)[first : first + works], FAMILIES[family])


def _written(
    known: Library, liked: Preferences | None, weight: float, *seed: object
) -> tuple[Ids, np.ndarray]:
    """Write a text with preferences: tokens, and what each was worth to the model in bits."""
    prompt = _human(known, PROMPT, "own prompt", *seed)
    writer = Writer(known.model, SETTING, rng_for("integrity certain", *seed))
    rng = rng_for("integrity writes", *seed)
    text = np.concatenate([prompt, np.zeros(TOKENS, np.int64)])
    bits = np.zeros(TOKENS)
    for i in range(PROMPT, PROMPT + TOKENS):
        ids, scores = writer.candidates(text[max(0, i - ORDER) : i])
        logits = scores.astype(np.float64)
        if liked is not None:
            logits += weight * liked.of(text[:i], ids, scores)
        odds = np.cumsum(np.exp(logits - logits.max()))
        place = min(int(np.searchsorted(odds, rng.random() * odds[-1])), ids.size - 1)
        text[i] = ids[place]
        bits[i - PROMPT] = -float(scores[place]) / np.log(2)
    return text[PROMPT:], bits


def pasted(own: Ids, texts: Ids, share: float, rng: np.random.Generator) -> Ids:
    """Replace a share of a text, per cent, by passages of marked texts, at places of their own."""
    slots = own.size // PASSAGE
    out = own.copy()
    for slot in rng.choice(slots, round(share / 100 * slots), replace=False):
        text = texts[int(rng.integers(len(texts)))]
        start = int(rng.integers(text.size - PASSAGE + 1))
        out[slot * PASSAGE : (slot + 1) * PASSAGE] = text[start : start + PASSAGE]
    return out


# Rows


def cases(settings: Settings) -> Iterator[list[Row]]:
    """Yield what names the rows of every call of `measure`."""
    for family in FAMILIES:
        base: Row = {"suite": "text", "scheme": family}
        for group in groups(settings.works, settings.samples):
            # The largest group is one; the texts that are forged from it are several.
            many = group.works == settings.works
            for sample in range(settings.samples) if many else [group.index]:
                yield list(_attacks(base, group, sample))
        for number in range(settings.contents):
            for what in ("unmarked", "wrong key"):
                for first, count in blocks(settings.keys):
                    yield [
                        base
                        | {"test": "keys", "what": what, "content": f"text {number}"}
                        | {"strength": 0.0, "key": first, "keys": count}
                    ]


def _attacks(base: Row, group: Group, sample: int) -> Iterator[Row]:
    for test, strengths in (("paste", SHARES), ("preference", WEIGHTS)):
        for strength in strengths:
            yield base | {
                "test": test, "what": "forged", "content": "text", "strength": strength,
                "works": group.works, "first": group.first, "sample": sample, "payloads": "random",
            }  # fmt: skip


def measure(settings: Settings, names: list[Row]) -> list[Row]:
    """Return the rows that `names` name, all of one group of works or of one block of keys."""
    known, family = _library(settings), names[0]["scheme"]
    if names[0]["test"] == "keys":
        return [_keys(known, family, name) for name in names]
    first, works = names[0]["first"], names[0]["works"]
    texts = _texts(settings, family)[first : first + works]
    ids = frozenset(int(_id(number)) for number in range(first, first + works))
    seed = (family, works, names[0]["sample"])
    plain: np.ndarray | None = None
    rows = []
    for name in names:
        if name["test"] == "paste":
            own = _human(known, TOKENS, "own", *seed)
            text = pasted(own, texts, name["strength"], rng_for("paste", *seed, name["strength"]))
            quality = {"pasted": round(float(np.mean(text != own)), 4)}
        else:
            liked = _learnt(settings, family, first, works)
            text, bits = _written(known, liked, name["strength"], *seed)
            plain = plain if plain is not None else _written(known, None, 0.0, *seed)[1]
            quality = {
                "bits": round(float(bits.mean()), 3),
                "plain bits": round(float(plain.mean()), 3),
                "known": round(liked.known(text), 4),
            }
        rows.append(_read(known, family, name, text, ids) | {"quality": quality})
    return rows


def _read(known: Library, family: str, name: Row, text: Ids, ids: frozenset[int]) -> Row:
    from waarmerk import detect_text

    scheme = _scheme(family, known.model.vocab_size, None)
    start = time.process_time()
    finding = detect_text(text, scheme, min_tokens=0)
    row = name | row_of(finding, ids, time.process_time() - start)
    if SCHEMES[family][0] != "waarmerk":  # it has no payload
        row |= {"payload": None, "exact": None}
    return row | {"size": int(text.size)}


def _keys(known: Library, family: str, name: Row) -> Row:
    from waarmerk import detect_text

    content = name["content"]
    text = _human(known, TOKENS, "keys", content)
    if name["what"] == "wrong key":
        # A work that is not among those collected.
        text = _marked(known, family, -1 - int(content.split()[1]), text[:PROMPT])
    numbers = range(name["key"], name["key"] + name["keys"])
    schemes = [
        scheme_of(family, known.model.vocab_size, "integrity", name["what"], content, number)
        for number in numbers
    ]
    row = keys_row(name, lambda: [detect_text(text, one, min_tokens=0) for one in schemes])
    return row | {"size": int(text.size)}
