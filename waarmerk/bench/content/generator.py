"""What writes the marked texts of the suite: a language model trained on the tuning half.

`text_model` says what model that is, and why its settings are anchored on what was published of
chat models. Without texts of the user's, it learns the book that comes with the demo.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from waarmerk.bench.content import texts
from waarmerk.bench.content.text_model import Ids, Model
from waarmerk.bench.content.text_write import PROMPT, Written, write
from waarmerk.bench.transformations.text import Ground
from waarmerk.errors import InputError

if TYPE_CHECKING:
    from waarmerk.marking.text.scheme import TextScheme

__all__ = ["SETTING", "Library", "TextGenerator", "library"]

SETTING = "7b"
"""Of `text_model.SETTINGS`: the entropy of a token is that of a 7B chat model."""


@dataclass(frozen=True, slots=True)
class Library:
    """A model of one language, and human text that it did not learn: the reporting half.

    Attributes
    ----------
    model : Model
        With the tokenizer.
    language : str
        ``en`` or ``nl``.
    ground : Ground
        What edits take their tokens from.
    names : tuple of str
        Of the documents, each once.
    documents : tuple of int64 [n]
        Their tokens.
    prompts : tuple of int64 [PROMPT]
        How the longest paragraph of each begins.
    """

    model: Model
    language: str
    ground: Ground
    names: tuple[str, ...]
    documents: tuple[Ids, ...]
    prompts: tuple[Ids, ...]


@dataclass(frozen=True, slots=True)
class TextGenerator:
    """Continues one prompt, with a scheme or without."""

    library: Library
    prompt: Ids
    setting: str = SETTING

    @property
    def model(self) -> Model:
        """Return the model that writes."""
        return self.library.model

    @property
    def language(self) -> str:
        """Return the language that is written."""
        return self.library.language

    @property
    def ground(self) -> Ground:
        """Return what edits take their tokens from."""
        return self.library.ground

    def write(self, scheme: TextScheme | None, tokens: int, *seed: object) -> Written:
        """Write so many tokens after the prompt; what chance decides follows from the seed."""
        return write(self.model, self.setting, scheme, self.prompt, tokens, *seed)


@lru_cache(maxsize=4)
def library(data: Path | None, models: Path, language: str) -> Library:
    """Return the model of a language; it is trained once, and kept in the folder `models`.

    Raises
    ------
    InputError
        If the folder `data` has no texts, or too few.
    """
    tuning = _documents(data, "tuning", language)
    everything = [
        text
        for other in _languages(data)
        for _, text in (tuning if other == language else _documents(data, "tuning", other))
    ]
    models.mkdir(parents=True, exist_ok=True)
    # Another folder of texts makes another model, and does not replace this one.
    source = hashlib.sha256(b"\0".join(text.encode() for _, text in tuning)).hexdigest()[:8]
    learned = [text for _, text in tuning]
    model = Model.cached(models / f"{language}-{source}.npz", learned, everything)
    counts = np.zeros(model.vocab_size)
    for text in learned:
        counts += np.bincount(model.encode(text), minlength=model.vocab_size)
    held_out = _documents(data, "reporting", language)
    documents = [model.encode(text) for _, text in held_out]
    if not documents:
        raise InputError(f"{data}: has no text in the language {language} to report on")
    ground = Ground(counts / counts.sum(), np.concatenate(documents))
    prompts = [model.encode(max(text.splitlines(), key=len))[:PROMPT] for _, text in held_out]
    names = [name for name, _ in held_out]
    return Library(model, language, ground, tuple(names), tuple(documents), tuple(prompts))


def _languages(data: Path | None) -> Sequence[str]:
    return ("en",) if data is None else texts.LANGUAGES


def _documents(data: Path | None, half: str, language: str) -> list[tuple[str, str]]:
    """Return name and text of every document of a half."""
    if data is not None:
        found = texts.documents(data, half, language)
        brief = [f"{each.source}/{each.name.rpartition('/')[2]}" for each in found]
        many = {name for name, count in Counter(brief).items() if count > 1}
        return [
            (f"{each.source}/{each.name}" if name in many else name, each.text)
            for name, each in zip(brief, found, strict=True)
        ]
    from waarmerk.ngram import human_text, training_text

    if language != "en":
        raise InputError(f"no text in the language {language} comes with the package; give --data")
    text = training_text() if half == "tuning" else human_text()
    lines = text.splitlines()
    size = max(1, len(lines) // 12)
    return [
        (f"moby-dick/{half}-{start // size:02}", "\n".join(lines[start : start + size]))
        for start in range(0, len(lines), size)
    ]
