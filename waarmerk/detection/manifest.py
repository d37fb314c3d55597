"""Read the C2PA manifest of a file and say whether it may be believed, without any network.

::

    the library says             finding
    ---------------------------  ------------------------------------------------------------
    Trusted                      trusted      intact, the signer chains to a given anchor
    Valid                        valid        intact, nobody given vouches for the signer
    Invalid                      invalid      broken, or by a certificate that is not acceptable
    no manifest                  absent
    exception on the manifest    error        there is one, it cannot be read
    exception on the file        not_checked  damaged, or of a kind that is not understood
    the manifest is on the web   not_checked  it is never fetched

Of a text, the manifest is in a wrapper of invisible characters, of which the library knows nothing:
a damaged one is an error; of several, none counts, and what they say is a claim.

A file is untrusted input here: the library may raise, and whatever it returns may have any shape,
be very long, or hold characters that confuse a terminal.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from waarmerk.detection.finding import ManifestFinding
from waarmerk.detection.reasons import LOST_MARKER, OTHER_PLACE, SEVERAL_WRAPPERS
from waarmerk.errors import InputError
from waarmerk.marking.formats import TEXTS
from waarmerk.marking.large_file import checked_store, is_large
from waarmerk.marking.provenance import (
    assertions,
    asset_unreadable,
    is_remote,
    mappings,
    offline_settings,
    signer_name,
    source_kind,
    source_type,
)
from waarmerk.marking.source import not_text
from waarmerk.marking.text_file import checked_text, other_manifest
from waarmerk.marking.text_wrapper import CORRUPTED, MULTIPLE, Wrapper, find_wrappers

if TYPE_CHECKING:
    import os

    from waarmerk.detection.finding import ManifestStatus

__all__ = ["load_anchors", "read_manifest"]

INGREDIENT = "@ingredient"
"""Ends a code that is about an ingredient, now or when it was added, not about the file itself."""

_STATUS: dict[str, ManifestStatus] = {"Trusted": "trusted", "Valid": "valid", "Invalid": "invalid"}

# What is wrong in words, most telling first (codes: C2PA 2.4, 15.2.2).
_REASONS = (
    ("claimSignature.mismatch", "its signature does not match"),
    ("assertion.hashedURI.mismatch", "the manifest was changed after it was signed"),
    ("assertion.dataHash.mismatch", "the file was changed after it was signed"),
    ("assertion.bmffHash.mismatch", "the file was changed after it was signed"),
    ("assertion.boxesHash.mismatch", "the file was changed after it was signed"),
    ("signingCredential.ocsp.revoked", "the certificate of its signer was revoked"),
    ("signingCredential.expired", "the certificate of its signer has expired"),
    ("signingCredential.invalid", "the certificate of its signer is not acceptable"),
    ("claimSignature.outsideValidity", "it was signed outside the validity of its certificate"),
)

_T = TypeVar("_T")

_ANY = "application/octet-stream"
_MOST_CHARACTERS = 300
_MOST_ITEMS = 200
_TEXTS = frozenset(f.media_type for f in TEXTS.values())
_MOST_WRAPPERS = 20
"""So many of the wrappers of a text are read; more than one is wrong in any case."""


def read_manifest(
    source: bytes | BinaryIO,
    media_type: str | None = None,
    trust: Sequence[bytes | str | os.PathLike[str]] = (),
    *,
    sidecar: bytes | None = None,
) -> ManifestFinding:
    """Read and check the manifest of a file.

    Parameters
    ----------
    source
        The file, or a stream of it that can seek.
    media_type
        What the file is; a wrong one does no harm where the content shows what it is.
    trust
        Certificates under which a signer is known: PEM bytes, or paths of PEM files. Each file may
        hold several, and all of them vouch for signers of manifests.
    sidecar
        A manifest store that lies beside the file. It is checked against the file instead of one
        that is embedded.

    Returns
    -------
    ManifestFinding
        Its `codes` are the failures first, then what is only informative, then what holds; those
        about ingredients end in ``@ingredient``. Signer, source type and soft bindings are what
        the active manifest says, whether or not it is intact. What an ingredient that was opened
        says about its source counts where the active manifest says nothing.

    Raises
    ------
    InputError
        If a trust file cannot be read or does not hold sound certificates. Never because of the
        file that is examined.
    """
    import c2pa

    context = c2pa.Context.from_dict(offline_settings(load_anchors(trust)))
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        stream.seek(0)
        if sidecar is None and media_type is not None:
            own = _without_library(stream, media_type, context)
            if own is not None:
                return own
            stream.seek(0)
        reader: Any
        if sidecar is not None:
            reader = c2pa.Reader(media_type or _ANY, stream, sidecar, context=context)
        else:
            reader = c2pa.Reader.try_create(media_type, stream, context=context)
        if reader is None:
            return ManifestFinding("absent")
        with reader:
            store = json.loads(reader.json())
    except c2pa.C2paError as error:
        return _failed(str(error))
    except (OSError, ValueError, RecursionError) as error:
        # A stream that cannot seek or was closed; text that is no JSON, or nested without end.
        return ManifestFinding("error", reason=_plain(f"{type(error).__name__}: {error}"))
    if not isinstance(store, Mapping):
        return ManifestFinding("error", reason="the manifest store is not a mapping")
    return _finding(store)


def _without_library(stream: BinaryIO, media_type: str, context: Any) -> ManifestFinding | None:
    """Return the finding on a file whose hash is computed here; None if it is the library's."""
    if media_type in _TEXTS:
        data = stream.read()
        wrong = not_text(data)
        if wrong is not None:
            return ManifestFinding("not_checked", reason=f"the file {wrong}")
        return _in_text(data.decode("utf-8"), media_type, context)
    if is_large(stream, media_type):
        said = checked_store(stream, media_type, context)
        if said is not None:
            return _finding(said)
    return None


def _in_text(text: str, media_type: str, context: Any) -> ManifestFinding:
    """Return what the wrapper in a text says, if there is one."""
    wrappers = find_wrappers(text)
    if not wrappers:
        if other_manifest(text, media_type):
            return ManifestFinding("not_checked", reason=OTHER_PLACE)
        return ManifestFinding("absent")
    if len(wrappers) > 1:
        # Texts that were put together, for instance. Each may still say that AI was used.
        read = [_in_wrapper(text, w, context) for w in wrappers[:_MOST_WRAPPERS]]
        stated = [finding.digital_source_type for finding in read]
        claimed = next((term for term in stated if source_kind(term) is not None), None)
        return ManifestFinding(
            "invalid", digital_source_type=claimed, codes=(MULTIPLE,), reason=SEVERAL_WRAPPERS
        )
    return _in_wrapper(text, wrappers[0], context)


def _in_wrapper(text: str, wrapper: Wrapper, context: Any) -> ManifestFinding:
    import c2pa

    if wrapper.state != "whole":
        reason = f"its wrapper in the text is damaged: {wrapper.reason}"
        return ManifestFinding("error", codes=(CORRUPTED,), reason=reason)
    try:
        finding = _finding(checked_text(text, wrapper, context))
    except (c2pa.C2paError, ValueError, RecursionError) as error:
        return ManifestFinding("error", reason=_plain(str(error)))
    if finding.intact and not wrapper.marked:
        return replace(finding, reason=LOST_MARKER)
    return finding


def load_anchors(trust: Sequence[bytes | str | os.PathLike[str]]) -> str:
    """Return trust anchors as one PEM text, every certificate of which was parsed.

    The C2PA library silently takes broken PEM for an empty list, which would turn a typing error
    into "signer unknown".

    Raises
    ------
    InputError
        If something given cannot be read, holds no certificate, or a broken one.
    """
    parts = []
    for item in trust:
        if isinstance(item, bytes):
            pem, name = item, "trust anchors"
        else:
            name = str(item)
            try:
                pem = Path(item).read_bytes()
            except (OSError, ValueError) as error:
                cause = getattr(error, "strerror", None) or error
                raise InputError(f"{name}: cannot be read: {cause}") from error
        parts.append(_normalized(pem, name))
    return "".join(parts)


@lru_cache(maxsize=64)
def _normalized(pem: bytes, name: str) -> str:
    """Return the certificates of a PEM file and nothing else that stands in it."""
    # Only who gives anchors pays for loading cryptography.
    from cryptography.hazmat.primitives.serialization import Encoding

    from waarmerk.marking.profile import parse_certificates

    certificates = parse_certificates(pem, name)
    return b"".join(c.public_bytes(Encoding.PEM) for c in certificates).decode("ascii")


def _failed(message: str) -> ManifestFinding:
    """Return the finding for a message of the library, which begins with the kind of error."""
    if is_remote(message):
        _, _, url = message.partition(" url ")
        where = f" ({_plain(url.strip())})" if url else ""
        return ManifestFinding(
            "not_checked",
            reason=f"the manifest is stored elsewhere{where}, and no connection is ever opened",
        )
    if message.startswith("NotSupported:"):
        return ManifestFinding("not_checked", reason="this kind of file cannot be searched for one")
    if asset_unreadable(message):
        return ManifestFinding("not_checked", reason=f"the file is damaged: {_plain(message)}")
    return ManifestFinding("error", reason=_plain(message))


def _finding(store: Mapping[str, Any]) -> ManifestFinding:
    status = _STATUS.get(str(store.get("validation_state")), "invalid")
    failures, others = _active_codes(store.get("validation_results"))
    reason = _reason(status, failures, others)
    manifests = store.get("manifests")
    active: object = None
    if isinstance(manifests, Mapping):
        active = manifests.get(str(store.get("active_manifest")))
    if not isinstance(active, Mapping):
        # Nested too deeply, for instance: the library checks it, but does not show it.
        active = {}
        if status != "invalid":
            status, reason = "error", "what it says cannot be decoded"
    stated = source_type(store)
    ingredients = (code + INGREDIENT for code in _ingredient_codes(store))
    return ManifestFinding(
        status,
        signer=_signer(active),
        digital_source_type=None if stated is None else _plain(stated),
        codes=_unique([*failures, *others, *ingredients]),
        soft_bindings=_unique(_soft_bindings(active)),
        reason=reason,
    )


def _active_codes(results: object) -> tuple[list[str], list[str]]:
    """Return what failed about the active manifest, and everything else that was noted on it."""
    active = results.get("activeManifest") if isinstance(results, Mapping) else None
    if not isinstance(active, Mapping):
        return [], []
    others = [*_codes(active.get("informational")), *_codes(active.get("success"))]
    return _codes(active.get("failure")), others


def _ingredient_codes(store: Mapping[str, Any]) -> Iterator[str]:
    """Yield the codes about ingredients: what changed since they were added, and what was then.

    A defect that was on record when the ingredient was added leaves the state of the whole as it
    is; here it is kept.
    """
    results = store.get("validation_results")
    for delta in mappings(results.get("ingredientDeltas") if isinstance(results, Mapping) else ()):
        changes = delta.get("validationDeltas")
        if isinstance(changes, Mapping):
            for group in ("failure", "informational", "success"):
                yield from _codes(changes.get(group))
    manifests = store.get("manifests")
    for manifest in mappings(list(manifests.values()) if isinstance(manifests, Mapping) else ()):
        for ingredient in mappings(manifest.get("ingredients")):
            yield from _codes(ingredient.get("validation_status"))
            yield from _active_codes(ingredient.get("validation_results"))[0]


def _signer(manifest: Mapping[str, Any]) -> str | None:
    """Return the name in the signer's certificate."""
    info = manifest.get("signature_info")
    if not isinstance(info, Mapping):
        return None
    common, organization = info.get("common_name"), info.get("issuer")
    return signer_name(
        _plain(common) if isinstance(common, str) else None,
        _plain(organization) if isinstance(organization, str) else None,
    )


def _soft_bindings(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for data in assertions(manifest, "c2pa.soft-binding"):
        algorithm = data.get("alg")
        for block in mappings(data.get("blocks")):
            value = block.get("value")
            if isinstance(value, list):  # a byte string, which is what C2PA asks for
                value = _text_of(value)
            if isinstance(algorithm, str) and isinstance(value, str):
                yield _plain(algorithm), _plain(value)


def _text_of(values: list[Any]) -> str | None:
    """Return bytes that came as a list of numbers: as they read in ASCII, or in hexadecimal."""
    if not all(isinstance(v, int) and 0 <= v < 256 for v in values):
        return None
    data = bytes(values)
    text = data.decode("latin-1")
    return text if text.isascii() and text.isprintable() else data.hex()


def _reason(status: ManifestStatus, failures: list[str], others: list[str]) -> str | None:
    if status == "invalid":
        for code, words in _REASONS:
            if code in failures:
                return words
        return f"it fails validation: {', '.join(failures[:5])}" if failures else None
    if status == "valid" and not failures and "signingCredential.trusted" in others:
        return "its signer is known, but not that of an ingredient"
    return None


def _codes(statuses: object) -> list[str]:
    codes = (status.get("code") for status in mappings(statuses))
    return [_plain(code) for code in codes if isinstance(code, str)]


def _unique(values: Iterable[_T]) -> tuple[_T, ...]:
    """Return each value once, in order of appearance, and not without end."""
    return tuple(islice(dict.fromkeys(values), _MOST_ITEMS))


def _plain(text: str) -> str:
    """Return text from a file in one line, without anything a terminal could act upon."""
    line = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
    return line if len(line) <= _MOST_CHARACTERS else line[: _MOST_CHARACTERS - 1] + "…"
