"""What a report leaves out unless it is asked for: what metadata says about people.

::

    left out                                             because
    ---------------------------------------------------  ---------------------------------------
    `LabelFinding.personal`: prompts, names, accounts    readers of labels put it there
    `Ingredient.title`                                   file names name people and places
    e-mail addresses, telephone numbers in `tel:` links,
      coordinates, wherever else text of a file shows    found by their form, as good as that is

A signer's name stays: the certificate was issued to be shown. So does the name that the caller
gave the input. Names in free text that no reader recognised as such cannot be told from other
words; readers therefore put free text under `personal`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from waarmerk.detection.finding import Finding, Ingredient, LabelFinding, ManifestFinding

__all__ = ["as_dict", "impersonal", "without_contacts"]

E_MAIL_LEFT_OUT: Final = "[e-mail address left out]"
NUMBER_LEFT_OUT: Final = "[telephone number left out]"
PLACE_LEFT_OUT: Final = "[place left out]"

# Every repetition is bounded, so that hostile text costs no more than its length.
_E_MAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_TELEPHONE = re.compile(r"tel:[+\d][\d().\- ]{3,30}\d", re.IGNORECASE)
_DECIMAL = r"[+-]?\d{1,3}\.\d{4,15}"
_PLACES = (
    re.compile(r"geo:[+-]?\d{1,3}(?:\.\d{1,15})?,[+-]?\d{1,3}(?:\.\d{1,15})?", re.IGNORECASE),
    # ISO 6709, as cameras write it: +52.3702+004.8952/
    re.compile(r"[+-]\d{2}(?:\.\d{1,15})?[+-]\d{3}(?:\.\d{1,15})?(?:[+-]\d{1,6}(?:\.\d{1,9})?)?/"),
    re.compile(rf"(?<![\d.]){_DECIMAL}\s{{0,3}}[,;]\s{{0,3}}{_DECIMAL}(?![\d.])"),
    # Degrees and minutes: 52° 22' 12.7" N, and as XMP has them: 52,22.212N
    re.compile(
        r"\d{1,3}\s?(?:°|deg)\s?\d{1,2}(?:\.\d{1,9})?\s?['′]"
        r"(?:\s?\d{1,2}(?:\.\d{1,9})?\s?[\"″])?(?:\s?[NSEWO]\b)?",
        re.IGNORECASE,
    ),
    re.compile(r"(?<!\d)\d{1,3},\d{1,2}(?:\.\d{1,9}|,\d{1,2})[NSEW]\b"),
)
_DIGIT = re.compile(r"\d")  # there is one in whatever the others find
_LONGEST = 4000
"""More of one text is not searched, and therefore not passed on either."""


def without_contacts(text: str) -> str:
    """Return text with e-mail addresses, telephone numbers and coordinates left out.

    Examples
    --------
    >>> without_contacts("by Ann <ann@example.com>, near geo:52.37,4.89")
    'by Ann <[e-mail address left out]>, near [place left out]'
    """
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 1] + "…"
    if "@" in text or "%40" in text:
        text = _E_MAIL.sub(E_MAIL_LEFT_OUT, text)
    if _DIGIT.search(text):
        text = _TELEPHONE.sub(NUMBER_LEFT_OUT, text)
        for pattern in _PLACES:
            text = pattern.sub(PLACE_LEFT_OUT, text)
    return text


def impersonal(finding: Finding) -> Finding:
    """Return a finding without what is personal in it."""
    if isinstance(finding, LabelFinding):
        return replace(
            finding,
            standard=_clean(finding.standard),
            value=_clean(finding.value),
            reason=_clean(finding.reason),
            system=_clean(finding.system),
            carrier=_clean(finding.carrier),
            details=_cleaned(finding.details),
            personal=(),
        )
    if isinstance(finding, ManifestFinding):
        return replace(
            finding,
            signer=_clean(finding.signer),
            digital_source_type=_clean(finding.digital_source_type),
            codes=tuple(without_contacts(code) for code in finding.codes),
            soft_bindings=_cleaned(finding.soft_bindings),
            reason=_clean(finding.reason),
            signals=tuple(without_contacts(signal) for signal in finding.signals),
            ingredients=tuple(_untitled(ingredient) for ingredient in finding.ingredients),
            generator=_clean(finding.generator),
            signed_at=_clean(finding.signed_at),
            trust_list=_clean(finding.trust_list),
            bound_keys=_cleaned(finding.bound_keys),
        )
    if finding.reason is None and finding.system is None:
        return finding
    return replace(finding, reason=_clean(finding.reason), system=_clean(finding.system))


def as_dict(finding: Finding, *, include_personal: bool) -> dict[str, Any]:
    """Return a finding as it stands in the report, with or without what is personal in it."""
    out = finding.as_dict()
    if not include_personal:
        return out
    if isinstance(finding, LabelFinding) and finding.personal:
        out["personal"] = dict(finding.personal)
    if isinstance(finding, ManifestFinding) and finding.ingredients:
        for shown, ingredient in zip(out["ingredients"], finding.ingredients, strict=True):
            if ingredient.title is not None:
                shown["title"] = ingredient.title
    return out


def _untitled(ingredient: Ingredient) -> Ingredient:
    return replace(
        ingredient,
        relationship=without_contacts(ingredient.relationship),
        digital_source_type=_clean(ingredient.digital_source_type),
        signer=_clean(ingredient.signer),
        title=None,
    )


def _clean(text: str | None) -> str | None:
    return None if text is None else without_contacts(text)


def _cleaned(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((without_contacts(name), without_contacts(value)) for name, value in pairs)
