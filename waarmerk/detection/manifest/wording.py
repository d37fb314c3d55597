"""Text from manifests, made fit to be shown: in one line, of one length, without e-mail addresses.

A file decides what stands in its manifest. Whatever is shown of it may end in a terminal, a web
page, or a report that is handed on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, TypeVar

from waarmerk.marking.provenance import mappings, signer_name

__all__ = ["codes_of", "generator_of", "plain", "signer_of", "unique", "without_addresses"]

ADDRESS = "(e-mail address)"
"""Stands where one was left out."""

_MOST_CHARACTERS = 300
_MOST_ITEMS = 200
_ADDRESS = re.compile(
    r"[<(]?(?:mailto:)?[^\s<>()\[\],;:@\"']{1,64}@[^\s<>()\[\],;@\"']{1,255}[>)]?"
)

_T = TypeVar("_T")


def plain(text: str) -> str:
    """Return text from a file in one line, without anything a terminal could act upon."""
    # Cut first: what is thrown away needs no work.
    head = text[: 8 * _MOST_CHARACTERS]
    line = "".join(c if c.isprintable() else "?" for c in " ".join(head.split()))
    whole = len(head) == len(text) and len(line) <= _MOST_CHARACTERS
    return line if whole else line[: _MOST_CHARACTERS - 1] + "…"


def without_addresses(text: str) -> str | None:
    """Return a name without the e-mail addresses in it; None if nothing else is left.

    Examples
    --------
    >>> without_addresses("Jan Jansen <jan@example.org>"), without_addresses("jan@example.org")
    ('Jan Jansen (e-mail address)', None)
    """
    cleaned = _ADDRESS.sub(ADDRESS, text)
    return None if not cleaned.replace(ADDRESS, "").strip(" ,;:-()") else cleaned


def signer_of(manifest: Mapping[str, Any]) -> str | None:
    """Return the name in the certificate of the signer of a manifest, without e-mail addresses.

    Those are personal; that a name consists of one is said in their place.
    """
    info = manifest.get("signature_info")
    if not isinstance(info, Mapping):
        return None
    names = [info.get("common_name"), info.get("issuer")]
    given = [plain(name) if isinstance(name, str) and name else None for name in names]
    common, organization = (None if name is None else without_addresses(name) for name in given)
    return signer_name(common, organization) or (ADDRESS if any(given) else None)


def generator_of(manifest: Mapping[str, Any]) -> str | None:
    """Return the program that made the claim of a manifest, with its version."""
    info = next(mappings(manifest.get("claim_generator_info")), {})
    name, version = info.get("name"), info.get("version")
    if not isinstance(name, str) or not name.strip():
        name, version = manifest.get("claim_generator"), None
    if not isinstance(name, str):
        return None
    text = f"{name} {version}" if isinstance(version, str) and version not in name else name
    return without_addresses(plain(text)) or None


def codes_of(statuses: object) -> list[str]:
    """Return the codes in a list of what validation had to say."""
    codes = (status.get("code") for status in mappings(statuses))
    return [plain(code) for code in codes if isinstance(code, str)]


def unique(values: Iterable[_T]) -> tuple[_T, ...]:
    """Return each value once, in order of appearance, and not without end."""
    return tuple(islice(dict.fromkeys(values), _MOST_ITEMS))
