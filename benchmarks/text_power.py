"""Power on text: how often a mark is found, by length, setting and edit; and how often its id.

Every text has a key and a prompt of its own. What was written is cut into prefixes; detection sees
the text alone, not its prompt, with ``min_tokens=0`` and one scheme.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from waarmerk.bench.content.text_model import Ids, Model
from waarmerk.bench.content.text_write import (
    SCHEMES,
    SHARES,
    WITH_ID,
    Written,
    human_tokens,
    prompts,
    scheme_of,
    unigrams,
    write,
)
from waarmerk.bench.rows import Row
from waarmerk.bench.seeds import rng_for
from waarmerk.bench.transformations.text import EDITS, Ground, overlap

if TYPE_CHECKING:
    from waarmerk.marking.text.scheme import TextScheme

FOUND = -5.0  # log10 p
MAIN = "7b"
LENGTHS = (25, 50, 100, 200, 400)
LONG_LENGTHS = (800, 1600)  # of the mark with an id
ID_LENGTHS = (200, 300, 400, 500, 600, 700, 800, 1000, 1200, 1400, 1600)
EDIT_LENGTHS = (200, 400)


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured; texts are counted in English and Dutch together.

    Parameters
    ----------
    main, other, ids, edits
        Texts of each scheme: at the main setting, at each other one, of each setting whose ids are
        read, and for edits.
    """

    main: int = 300
    other: int = 60
    ids: int = 150
    edits: int = 300


QUICK = Size(6, 3, 3, 3)
POWER_SETTINGS = ("7b", "low", "1.5b", "7b-code")
ID_SETTINGS = ("7b", "1.5b", "high")


def texts_of(models: dict[str, Model], data: Path, count: int) -> Iterator[tuple[str, int, Ids]]:
    """Yield (language, number, prompt) of so many texts, two thirds of them English."""
    for language, share in SHARES.items():
        own = round(count * share / sum(SHARES.values()))
        for number, prompt in enumerate(prompts(data, models[language], language, own)):
            yield language, number, prompt


def power_tasks(models: dict[str, Model], data: Path, size: Size) -> Iterator[tuple[Row, Ids]]:
    """Yield the name of every row of `power`, with its prompt."""
    for setting in POWER_SETTINGS:
        texts = list(texts_of(models, data, size.main if setting == MAIN else size.other))
        for scheme in SCHEMES:
            for language, number, prompt in texts:
                name = {"scheme": scheme, "setting": setting, "language": language, "text": number}
                yield name, prompt


def written_for(name: Row, model: Model, prompt: Ids, tokens: int) -> tuple[TextScheme, Written]:
    """Write the text of a row, with its scheme and a key of its own."""
    seed = (name["scheme"], name["setting"], name["language"], name["text"])
    scheme = scheme_of(name["scheme"], model.vocab_size, *seed[1:])
    return scheme, write(model, name["setting"], scheme, prompt, tokens, *seed)


def power(name: Row, model: Model, prompt: Ids) -> Row:
    """Return log10 p of every prefix of a text, and the mean g-value of SynthID."""
    lengths = (*LENGTHS, *(LONG_LENGTHS if name["scheme"] == WITH_ID else ()))
    scheme, written = written_for(name, model, prompt, max(lengths))
    row = name | {"log10_p": dict(zip(map(str, lengths), seen(scheme, written.ids, lengths).log10_p
                                      .round(4).tolist(), strict=True))}  # fmt: skip
    part = slice(LENGTHS[-1])
    row["bits"] = round(float(written.entropy[part].mean()), 4)
    if name["scheme"].startswith("synthid"):
        ids = written.ids[part]
        counted = scheme.evidence(ids, np.array([0, ids.size])).counted
        g = scheme.g_values(ids)[counted[scheme.ngram_len - 1 :]]
        row |= {"mean_g": round(float(g.mean()), 5), "counted": len(g)}
    return row


def id_tasks(models: dict[str, Model], data: Path, size: Size) -> Iterator[tuple[Row, Ids]]:
    """Yield the name of every row of `read_ids`, with its prompt."""
    for setting in ID_SETTINGS:
        for language, number, prompt in texts_of(models, data, size.ids):
            name = {"scheme": WITH_ID, "setting": setting, "language": language, "text": number}
            yield name, prompt


def read_ids(name: Row, model: Model, prompt: Ids) -> Row:
    """Say of every prefix whether its id was read: right, wrong or none."""
    scheme, written = written_for(name, model, prompt, ID_LENGTHS[-1])
    found = seen(scheme, written.ids, ID_LENGTHS)
    read = {
        str(length): verdict(mark_id, scheme)
        for length, mark_id in zip(ID_LENGTHS, found.mark_ids, strict=True)
    }
    return name | {"read": read, "bits": round(float(written.entropy.mean()), 4)}


def verdict(mark_id: Any, scheme: Any) -> str:
    """Compare an id that was read with the one that was written."""
    if mark_id is None:
        return "none"
    return "right" if mark_id == scheme.mark_id else "wrong"


def edit_tasks(models: dict[str, Model], data: Path, size: Size) -> Iterator[tuple[Row, Ids]]:
    """Yield the name of every row of `edits`, with its prompt."""
    for scheme in SCHEMES:
        for language, number, prompt in texts_of(models, data, size.edits):
            name = {"scheme": scheme, "setting": MAIN, "language": language, "text": number}
            yield name, prompt


def grounds(models: dict[str, Model], data: Path) -> dict[str, Ground]:
    """Return what edits take their tokens from, by language."""
    return {
        language: Ground(
            unigrams(data, model, language), np.concatenate(human_tokens(data, model, language))
        )
        for language, model in models.items()
    }


def edits(name: Row, model: Model, prompt: Ids, ground: Ground) -> Row:
    """Return log10 p after every edit, and where the passage was found in a diluted text."""
    from waarmerk import detect_texts

    scheme, written = written_for(name, model, prompt, EDIT_LENGTHS[-1])
    log10_p: dict[str, dict[str, float]] = {}
    places: dict[str, dict[str, float]] = {}
    for length in EDIT_LENGTHS:
        done = {
            # Each language's texts are edited alike for every scheme.
            edit: change(written.ids[:length], ground,
                         rng_for("edit", edit, length, name["language"], name["text"]))
            for edit, change in EDITS.items()
        }  # fmt: skip
        found = detect_texts([e.ids for e in done.values()], scheme, min_tokens=0, workers=1)
        log10_p[str(length)] = dict(zip(done, found.log10_p.round(4).tolist(), strict=True))
        places[str(length)] = {
            edit: round(overlap([(p.start, p.end) for p in passages], edited.marked), 4)
            for (edit, edited), passages in zip(done.items(), found.passages, strict=True)
            if edited.marked and passages
        }
    return name | {"log10_p": log10_p, "overlap": places}


def seen(scheme: TextScheme, ids: Ids, lengths: tuple[int, ...]) -> Any:
    """Look for the mark in prefixes of a text."""
    from waarmerk import detect_texts

    return detect_texts([ids[:n] for n in lengths], scheme, min_tokens=0, workers=1)
