"""IPTC: where content comes from, and with which AI system (IPTC Photo Metadata Standard 2025.1).

* Digital Source Type: a term of https://cv.iptc.org/newscodes/digitalsourcetype/.
* AI System Used, AI System Version Used; AI Prompt Information and AI Prompt Writer Name, which are
  personal.
* ``dcterms:provenance``: where a C2PA manifest is that is not in the file (C2PA 2.4, 11.5). It is
  told of and never fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from waarmerk.detection.finding import LabelFinding
from waarmerk.detection.labels.conventions.said import line, pairs
from waarmerk.detection.labels.items import Items
from waarmerk.detection.reasons import NO_TERM
from waarmerk.marking.provenance import source_kind
from waarmerk.marking.text_label import IPTC, SCHEMA_ORG

__all__ = [
    "REMOTE_KEYS",
    "SOURCE_TYPE_KEYS",
    "SYSTEM_KEYS",
    "remote_manifests",
    "source_types",
    "systems",
]

AI_SYSTEM = "iptc.aisystem"
REMOTE = "c2pa.remote-manifest"

_SYSTEM = ("iptc4xmpext:aisystemused", "aisystemused")
_VERSION = ("iptc4xmpext:aisystemversionused", "aisystemversionused")
_PROMPT = ("iptc4xmpext:aipromptinformation", "aipromptinformation")
_WRITER = ("iptc4xmpext:aipromptwritername", "aipromptwritername")

SOURCE_TYPE_KEYS = (
    "iptc4xmpext:digitalsourcetype",
    "digitalsourcetype",
    "schema.org:digitalsourcetype",
)
SYSTEM_KEYS = (*_SYSTEM, *_VERSION, *_PROMPT, *_WRITER)
REMOTE_KEYS = ("dcterms:provenance",)

# An address in one of the vocabularies, a CURIE as digsrctype:trainedAlgorithmicMedia, or the bare
# term. Anything else could be somebody's own words.
_TERM = re.compile(
    r"https?://(?:cv\.iptc\.org/newscodes/digitalsourcetype|c2pa\.org/digitalsourcetype"
    r"|(?:www\.)?schema\.org)/[A-Za-z]{1,80}|(?:[A-Za-z]{1,40}:)?[A-Za-z]{1,80}"
)


def source_types(items: Items) -> Iterator[LabelFinding]:
    """Yield what is said about the source of the content."""
    system = line(items.text(*_SYSTEM), 100) or None
    for item in items.all(*SOURCE_TYPE_KEYS):
        standard = SCHEMA_ORG if "schema.org/" in item.value else IPTC
        value = item.value.strip()
        if _TERM.fullmatch(value) is None:
            yield LabelFinding("unreadable", standard, reason=NO_TERM, carrier=item.carrier)
            continue
        yield LabelFinding(
            "found",
            standard,
            value,
            kind=source_kind(_term(value)),
            system=system,
            carrier=item.carrier,
        )


def _term(value: str) -> str:
    """Return the value in the words of IPTC."""
    if "schema.org/" in value:
        # https://schema.org/TrainedAlgorithmicMediaDigitalSource
        term = value.rpartition("/")[2].removesuffix("DigitalSource")
        return term[:1].lower() + term[1:]
    if not value.startswith("http") and ":" in value:
        return value.rpartition(":")[2]
    return value


def systems(items: Items) -> Iterator[LabelFinding]:
    """Yield which AI system is said to have been used."""
    name, version = line(items.text(*_SYSTEM), 100), items.text(*_VERSION)
    first = items.first(*SYSTEM_KEYS)
    prompt = (("prompt", items.text(*_PROMPT)), ("prompt writer", items.text(*_WRITER)))
    # The field is about content that AI made; a source type beside it knows better.
    terms = items.all(*SOURCE_TYPE_KEYS)
    kinds = {source_kind(_term(item.value.strip())) for item in terms} or {"generated"}
    yield LabelFinding(
        "found",
        AI_SYSTEM,
        name or "AI System Used",
        kind=next((kind for kind in ("generated", "altered") if kind in kinds), None),
        system=name or None,
        carrier=first.carrier if first else None,
        details=pairs([("version", version)]),
        personal=pairs(prompt, lines=False),
    )


def remote_manifests(items: Items) -> Iterator[LabelFinding]:
    """Yield where a manifest is said to be."""
    for item in items.all(*REMOTE_KEYS):
        address = item.value.strip()
        try:
            parts = urlsplit(address)
        except ValueError:
            continue
        if parts.scheme not in ("http", "https") or not parts.hostname:
            continue  # a place in the file itself
        value = line(f"{parts.scheme}://{parts.hostname}")
        details = pairs([("url", address)])
        yield LabelFinding("found", REMOTE, value, carrier=item.carrier, details=details)
