"""Reasons and notes that reports give, and how they are said in Dutch."""

from __future__ import annotations

import re
from typing import Final

__all__ = [
    "FAST_SEARCH",
    "FAST_SOUND_SEARCH",
    "NO_KEY",
    "NO_LABEL_READER",
    "NO_SIDECAR",
    "note_in_dutch",
    "reason_in_dutch",
]

# Reasons are in English in the report, and the table below translates those that this package
# gives. Others, from a library or a file, are quoted in the English summary only.
NO_KEY: Final = "no key was given"
FAST_SEARCH: Final = "fast search: crops and angles other than right ones were not searched"
FAST_SOUND_SEARCH: Final = "fast search: changed speed, tempo and pitch were not searched"
NO_LABEL_READER: Final = "this version reads no unsigned labels"
NO_SIDECAR: Final = "this format has no place for one, and none lies beside it"

_DUTCH_REASON: Final = {
    NO_KEY: "er is geen sleutel opgegeven",
    NO_LABEL_READER: "deze versie leest geen niet-ondertekende labels",
    NO_SIDECAR: "dit formaat heeft er geen plaats voor, en er ligt er geen naast",
    "its signature does not match": "de handtekening klopt niet",
    "the manifest was changed after it was signed": "het is na het ondertekenen gewijzigd",
    "the file was changed after it was signed": "het bestand is na het ondertekenen gewijzigd",
    "the certificate of its signer was revoked": (
        "het certificaat van de ondertekenaar is ingetrokken"
    ),
    "the certificate of its signer has expired": (
        "het certificaat van de ondertekenaar is verlopen"
    ),
    "the certificate of its signer is not acceptable": (
        "het certificaat van de ondertekenaar is niet aanvaardbaar"
    ),
    "it was signed outside the validity of its certificate": (
        "er is ondertekend buiten de geldigheid van het certificaat"
    ),
}

# Notes on the input that others make, as patterns; an unknown note is quoted in English.
_DUTCH_NOTE: Final = (
    (
        re.compile(r"only the first of several frames was looked at"),
        "alleen het eerste van meer beelden is bekeken",
    ),
    (
        re.compile(r"the file is cut off; ([\d.]+) s of it could be looked at"),
        r"het bestand is afgebroken; \1 s ervan kon worden bekeken",
    ),
    (
        re.compile(r"the file is damaged; ([\d.]+) s of it could be looked at"),
        r"het bestand is beschadigd; \1 s ervan kon worden bekeken",
    ),
    (
        re.compile(r"(.+) lies beside the file, and is not about it"),
        r"\1 ligt naast het bestand, en gaat er niet over",
    ),
)


def reason_in_dutch(reason: str) -> str | None:
    """Return a reason in Dutch; None if it is not one of those that this package gives."""
    return _DUTCH_REASON.get(reason)


def note_in_dutch(note: str) -> str:
    """Return a note in Dutch, or as it is if it is not known."""
    for pattern, translation in _DUTCH_NOTE:
        if pattern.fullmatch(note):
            return pattern.sub(translation, note)
    return note
