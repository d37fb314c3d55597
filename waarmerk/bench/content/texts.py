"""The texts that the benchmark measures: human writing, English and Dutch, in two halves.

``--data DIR`` names a folder with ``en.jsonl.gz`` and ``nl.jsonl.gz``: a document a line, as
``{"lang", "source", "doc", "text"}``, where a text has one paragraph a line. Manuals, scripture, a
handbook of politics, collected quotations; no news, fiction or chat, and the Dutch is nearly all
translated manuals. Whatever is claimed about human text holds for such text.

The tuning half trains the text model and is what anything may be chosen by; the reporting half is
for figures, and for nothing else. A document is never in both. Within every source, documents are
taken in the order of the SHA-1 of source and name, each into the half that has fewer characters of
that source so far (tuning, where they are even). So both halves have every source that has two
documents (the jargon file is one, and is for tuning); plainly by a bit of the SHA-1, nine tenths
of the quotations and of the music manual would have been in one half.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from waarmerk.errors import InputError

HALVES = ("tuning", "reporting")
LANGUAGES = ("en", "nl")


@dataclass(frozen=True, slots=True)
class Document:
    """One document: the half it is in, what it is from, and its text, a paragraph a line."""

    half: str
    language: str
    source: str
    name: str
    text: str

    @property
    def paragraphs(self) -> list[str]:
        """Return the lines of the text."""
        return self.text.splitlines()


def documents(data: Path, half: str, language: str) -> list[Document]:
    """Return the documents of a half (or of both, for ``"both"``) in one language.

    They are in the order of their SHA-1, which has nothing to do with what they say; sources mix.
    """
    if half not in (*HALVES, "both"):
        raise InputError(f"no half is called {half}; there are {', '.join(HALVES)} and both")
    path = data / f"{language}.jsonl.gz"
    if not path.is_file():
        raise InputError(f"no texts: {path} is not a file (see --data)")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    rows.sort(key=lambda row: order(row["source"], row["doc"]))
    dealt = split([(row["source"], len(row["text"])) for row in rows])
    return [
        Document(where, language, row["source"], row["doc"], row["text"])
        for where, row in zip(dealt, rows, strict=True)
        if half in (where, "both")
    ]


def order(source: str, name: str) -> str:
    """Return what documents are sorted by."""
    return hashlib.sha1(f"{source}{name}".encode(), usedforsecurity=False).hexdigest()


def split(sizes: list[tuple[str, int]]) -> list[str]:
    """Return the half of every document, from its source and its characters, in order.

    >>> split([("bible", 5), ("bible", 2), ("bible", 2), ("faq", 1), ("bible", 2), ("bible", 1)])
    ['tuning', 'reporting', 'reporting', 'tuning', 'reporting', 'tuning']
    """
    filled: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    halves = []
    for source, size in sizes:
        so_far = filled[source]
        lighter = 0 if so_far[0] <= so_far[1] else 1
        so_far[lighter] += size
        halves.append(HALVES[lighter])
    return halves
