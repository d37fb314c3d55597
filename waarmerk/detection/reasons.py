"""Reasons and notes that reports give, and how they are said in Dutch."""

from __future__ import annotations

import re
from typing import Final

__all__ = [
    "FAST_SEARCH",
    "FAST_SOUND_SEARCH",
    "IDENTITY_NOT_CHECKED",
    "LOST_MARKER",
    "MAY_BE_TEXT",
    "NONE_BESIDE",
    "NOT_DECODED",
    "NO_AIGC",
    "NO_KEY",
    "NO_SIDECAR",
    "NO_TERM",
    "NO_TOKENS",
    "ONLY_SIGNER_KNOWN",
    "OTHER_PLACE",
    "RECOVERED_KNOWN",
    "RECOVERED_UNKNOWN",
    "SEVERAL_WRAPPERS",
    "STEALTH_DAMAGED",
    "TAG_DAMAGED",
    "TEXT_INSIDE",
    "TEXT_IS_FRAGILE",
    "TOO_MANY_PIECES",
    "TOO_MUCH",
    "VIDEO_NOT_READ",
    "XMP_BROTLI",
    "XMP_DAMAGED",
    "XMP_INCOMPLETE",
    "note_in_dutch",
    "reason_in_dutch",
]

# Reasons are in English in the report, and the table below translates those that this package
# gives. Others, from a library or a file, are quoted in the English summary only.
NO_KEY: Final = "no key was given"
FAST_SEARCH: Final = "fast search: crops and angles other than right ones were not searched"
FAST_SOUND_SEARCH: Final = "fast search: changed speed, tempo and pitch were not searched"
NO_SIDECAR: Final = "this format has no place for one, and none lies beside it"
NO_TOKENS: Final = "a text's watermark is in its tokens: give a scheme and a tokenizer"
NONE_BESIDE: Final = "nor does one lie beside it"
SEVERAL_WRAPPERS: Final = "the text holds several manifests, and may hold one"
OTHER_PLACE: Final = (
    "there is one, or a reference to one, of a kind that this version does not read"
)
LOST_MARKER: Final = "the character that announces it (U+FEFF) is lost, so others may not see it"
IDENTITY_NOT_CHECKED: Final = (
    "it also names a person or organisation (cawg.identity), and that is not checked"
)
ONLY_SIGNER_KNOWN: Final = "its signer is known, but not that of an ingredient"
RECOVERED_KNOWN: Final = (
    "found again by the watermark; its signer is known and its signature holds, but it was made "
    "for other bytes, and the content was not compared"
)
RECOVERED_UNKNOWN: Final = (
    "found again by the watermark; its signature holds, but nobody given vouches for its signer, "
    "it was made for other bytes, and the content was not compared"
)
TAG_DAMAGED: Final = "the ID3 tag of the file is damaged"
TOO_MANY_PIECES: Final = "the file is cut into more pieces than are gone through for one"
VIDEO_NOT_READ: Final = "watermarks in video are not read yet"
NOT_DECODED: Final = "pictures in this format are not decoded"
OTHER_KIND: Final = "what is in a file of this kind is not read"
TEXT_INSIDE: Final = (
    "the text in a document is not read; it carries no watermark unless it was generated with one"
)

# Labels that are there and cannot be read
XMP_DAMAGED: Final = "its XMP cannot be parsed"
XMP_INCOMPLETE: Final = "a part of its XMP is missing"
XMP_BROTLI: Final = "its XMP is compressed with Brotli, which this version does not read"
NO_TERM: Final = "its value is not a term of a vocabulary"
NO_AIGC: Final = "it is not JSON with the fields of the standard"
TOO_MUCH: Final = "it holds more beside its content than is read"
STEALTH_DAMAGED: Final = "what is hidden in the pixels is damaged"

# Notes
MAY_BE_TEXT: Final = (
    "this may be a text, which is known by its name; give it one that ends in .txt, .md or .html"
)
TEXT_IS_FRAGILE: Final = (
    "marks in a text file are fragile: copying, editing or cleaning the text can drop them"
)

_DUTCH_REASON: Final = {
    XMP_DAMAGED: "de XMP ervan is niet te ontleden",
    XMP_INCOMPLETE: "een deel van de XMP ontbreekt",
    XMP_BROTLI: "de XMP is gecomprimeerd met Brotli, dat deze versie niet leest",
    NO_TERM: "de waarde is geen term uit een woordenlijst",
    NO_AIGC: "het is geen JSON met de velden van de norm",
    TOO_MUCH: "het bevat naast de inhoud meer dan er gelezen wordt",
    STEALTH_DAMAGED: "wat in de pixels verborgen is, is beschadigd",
    TAG_DAMAGED: "de ID3-tag van het bestand is beschadigd",
    TOO_MANY_PIECES: "het bestand bestaat uit meer stukken dan ervoor worden doorlopen",
    VIDEO_NOT_READ: "watermerken in video worden nog niet gelezen",
    NOT_DECODED: "beelden in dit formaat worden niet gedecodeerd",
    OTHER_KIND: "wat in een bestand van deze soort zit wordt niet gelezen",
    TEXT_INSIDE: (
        "de tekst in een document wordt niet gelezen; ze draagt alleen een watermerk als ze "
        "daarmee is gegenereerd"
    ),
    NO_KEY: "er is geen sleutel opgegeven",
    NO_SIDECAR: "dit formaat heeft er geen plaats voor, en er ligt er geen naast",
    NO_TOKENS: "het watermerk van een tekst zit in de tokens: geef een methode en een tokenizer op",
    NONE_BESIDE: "en er ligt er ook geen naast",
    SEVERAL_WRAPPERS: "de tekst bevat meer dan één manifest, en er mag er maar één zijn",
    OTHER_PLACE: (
        "er is er een, of een verwijzing ernaar, van een soort die deze versie niet leest"
    ),
    LOST_MARKER: (
        "het teken dat het aankondigt (U+FEFF) is verloren, zodat anderen het misschien niet zien"
    ),
    IDENTITY_NOT_CHECKED: (
        "het noemt ook een persoon of organisatie (cawg.identity), en dat is niet gecontroleerd"
    ),
    ONLY_SIGNER_KNOWN: "de ondertekenaar ervan is bekend, maar die van een bestanddeel niet",
    RECOVERED_KNOWN: (
        "teruggevonden via het watermerk; de ondertekenaar is bekend en de handtekening klopt, "
        "maar het is voor andere bytes gemaakt, en de inhoud is niet vergeleken"
    ),
    RECOVERED_UNKNOWN: (
        "teruggevonden via het watermerk; de handtekening klopt, maar niemand die is opgegeven "
        "staat in voor de ondertekenaar, het is voor andere bytes gemaakt, en de inhoud is niet "
        "vergeleken"
    ),
    "its signature does not match": "de handtekening klopt niet",
    "the manifest was changed after it was signed": "het is na het ondertekenen gewijzigd",
    "it was signed for other bytes than these": "het is voor andere bytes ondertekend dan deze",
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

_DUTCH_REASON_PATTERN: Final = (
    (
        re.compile(r"too short: (\d+) tokens?, and marks are looked for from (\d+) on"),
        r"te kort: \1 tokens, en er wordt vanaf \2 tokens naar merken gezocht",
    ),
    (
        re.compile(r"its wrapper in the text is damaged: it is cut off"),
        "de verpakking ervan in de tekst is beschadigd: het einde ontbreekt",
    ),
    (
        re.compile(r"its wrapper in the text is damaged: its version (\d+) is not known"),
        r"de verpakking ervan in de tekst is beschadigd: versie \1 is onbekend",
    ),
    (
        re.compile(r"its wrapper in the text is damaged: (\d+) of (\d+) bytes are left of it"),
        r"de verpakking ervan in de tekst is beschadigd: er zijn \1 van de \2 bytes over",
    ),
    (
        re.compile(r"the manifest is stored elsewhere( \(.*\))?, and no connection is ever opened"),
        r"het manifest staat ergens anders\1, en er wordt nooit een verbinding gemaakt",
    ),
    (
        re.compile(r"this kind of file cannot be searched for one"),
        "in dit soort bestand kan er niet naar worden gezocht",
    ),
    (
        re.compile(r"it fails validation: (.*)"),
        r"het doorstaat de controle niet: \1",
    ),
    (
        re.compile(
            r"the manifest that was kept as (\S+) is about another mark than the one in this "
            r"content"
        ),
        r"het manifest dat als \1 is bewaard gaat over een ander merk dan dat in deze inhoud",
    ),
    (
        re.compile(r"the manifest that was kept as (\S+) does not hold: (.*)"),
        r"het manifest dat als \1 is bewaard klopt niet: \2",
    ),
)

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
        re.compile(r"its manifest was kept apart, as (.+), and found by the watermark"),
        r"het manifest is apart bewaard, als \1, en via het watermerk gevonden",
    ),
    (
        re.compile(r"(.+) lies beside the file, and is not about it"),
        r"\1 ligt naast het bestand, en gaat er niet over",
    ),
    (
        re.compile(re.escape(MAY_BE_TEXT)),
        "dit kan een tekst zijn, en die is te herkennen aan de naam; laat die eindigen op .txt, "
        ".md of .html",
    ),
    (
        re.compile(re.escape(TEXT_IS_FRAGILE)),
        "merken in een tekstbestand zijn kwetsbaar: wie de tekst kopieert, bewerkt of opschoont, "
        "kan ze verliezen",
    ),
)


def reason_in_dutch(reason: str) -> str | None:
    """Return a reason in Dutch; None if it is not one of those that this package gives."""
    for pattern, translation in _DUTCH_REASON_PATTERN:
        if pattern.fullmatch(reason):
            return pattern.sub(translation, reason)
    return _DUTCH_REASON.get(reason)


def note_in_dutch(note: str) -> str:
    """Return a note in Dutch, or as it is if it is not known."""
    for pattern, translation in _DUTCH_NOTE:
        if pattern.fullmatch(note):
            return pattern.sub(translation, note)
    return note
