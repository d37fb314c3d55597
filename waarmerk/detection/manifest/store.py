"""From what the C2PA library says about a manifest store to a finding.

Whatever the library returns about a hostile file may have any shape, be very long, or hold
characters that confuse a terminal; nothing of it is taken for granted here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from waarmerk.detection.finding import ManifestFinding
from waarmerk.detection.manifest.ingredients import walk
from waarmerk.detection.manifest.signals import own_signals
from waarmerk.detection.manifest.wording import codes_of, generator_of, plain, signer_of, unique
from waarmerk.detection.reasons import IDENTITY_NOT_CHECKED, ONLY_SIGNER_KNOWN
from waarmerk.marking.provenance import assertions, mappings, source_type

if TYPE_CHECKING:
    from waarmerk.detection.finding import ManifestStatus
    from waarmerk.detection.manifest.trust_list import TrustLists

__all__ = ["INGREDIENT", "failures_of", "finding_of"]

INGREDIENT = "@ingredient"
"""Ends a code that is about an ingredient, now or when it was added, not about the file itself."""

_STATUS: dict[str, ManifestStatus] = {"Trusted": "trusted", "Valid": "valid", "Invalid": "invalid"}

# What is wrong in words, most telling first (codes: C2PA 2.4, 15.2.2).
_REASONS = (
    ("claimSignature.mismatch", "its signature does not match"),
    ("assertion.hashedURI.mismatch", "the manifest was changed after it was signed"),
    ("assertion.dataHash.mismatch", "it was signed for other bytes than these"),
    ("assertion.bmffHash.mismatch", "it was signed for other bytes than these"),
    ("assertion.boxesHash.mismatch", "it was signed for other bytes than these"),
    ("signingCredential.ocsp.revoked", "the certificate of its signer was revoked"),
    ("signingCredential.expired", "the certificate of its signer has expired"),
    ("signingCredential.invalid", "the certificate of its signer is not acceptable"),
    ("claimSignature.outsideValidity", "it was signed outside the validity of its certificate"),
)

_KEY_ID = re.compile(r"[0-9a-f]{16}")


def finding_of(
    store: Mapping[str, Any], detail: Mapping[str, Any], lists: TrustLists
) -> ManifestFinding:
    """Return the finding for a manifest store.

    Parameters
    ----------
    store, detail
        Parsed JSON of the C2PA library's `Reader.json` and `Reader.detailed_json`.
    lists
        Those that the library asked.
    """
    status = _STATUS.get(str(store.get("validation_state")), "invalid")
    failures, others = _active_codes(store.get("validation_results"))
    vouching = lists.vouching(store)
    if status == "trusted" and vouching is None:
        status = "valid"  # by something that is not for signers of manifests
    reason = _reason(status, failures, others)
    active = _manifest(store)
    if active is None:
        # Nested too deeply, for instance: the library checks it, but does not show it.
        active = {}
        if status != "invalid":
            status, reason = "error", "what it says cannot be decoded"
    at_length = _manifest(detail) or {}
    if reason is None and status in ("trusted", "valid") and _has_identity(at_length):
        reason = IDENTITY_NOT_CHECKED
    stated = source_type(store)
    ingredients, said = walk(store, detail)
    about_parts = (code + INGREDIENT for code in _ingredient_codes(store))
    return ManifestFinding(
        status,
        signer=signer_of(active),
        digital_source_type=None if stated is None else plain(stated),
        codes=unique([*failures, *others, *about_parts]),
        soft_bindings=unique(_soft_bindings(active)),
        reason=reason,
        signals=unique([*own_signals(at_length), *said]),
        ingredients=ingredients,
        generator=generator_of(active),
        signed_at=_signed_at(active, store.get("validation_results")),
        trust_list=None if vouching is None else plain(vouching),
        bound_keys=unique(_bound_keys(active)),
    )


def failures_of(store: Mapping[str, Any]) -> list[str]:
    """Return the codes of all that is wrong now, with the active manifest or an ingredient's."""
    results = store.get("validation_results")
    failures, _ = _active_codes(results)
    for delta in mappings(results.get("ingredientDeltas") if isinstance(results, Mapping) else ()):
        changes = delta.get("validationDeltas")
        failures += codes_of(changes.get("failure")) if isinstance(changes, Mapping) else []
    return failures


def _manifest(store: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the active manifest."""
    manifests, label = store.get("manifests"), store.get("active_manifest")
    found = manifests.get(str(label)) if isinstance(manifests, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _has_identity(manifest: Mapping[str, Any]) -> bool:
    """Return whether somebody is named beside the signer (CAWG identity assertion)."""
    store = manifest.get("assertion_store")
    names = store if isinstance(store, Mapping) else ()
    return any(str(name).startswith("cawg.identity") for name in names)


def _active_codes(results: object) -> tuple[list[str], list[str]]:
    """Return what failed about the active manifest, and everything else that was noted on it."""
    active = results.get("activeManifest") if isinstance(results, Mapping) else None
    if not isinstance(active, Mapping):
        return [], []
    others = [*codes_of(active.get("informational")), *codes_of(active.get("success"))]
    return codes_of(active.get("failure")), others


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
                yield from codes_of(changes.get(group))
    manifests = store.get("manifests")
    for manifest in mappings(list(manifests.values()) if isinstance(manifests, Mapping) else ()):
        for ingredient in mappings(manifest.get("ingredients")):
            yield from codes_of(ingredient.get("validation_status"))
            yield from _active_codes(ingredient.get("validation_results"))[0]


def _signed_at(manifest: Mapping[str, Any], results: object) -> str | None:
    """Return when a manifest was signed, if somebody who is trusted with that says so.

    In a claim of version 1 the library (0.91) takes any time-stamp for trusted, also one that the
    signer made; those are not believed.
    """
    version, info = manifest.get("claim_version"), manifest.get("signature_info")
    if not isinstance(version, int) or version < 2 or not isinstance(info, Mapping):
        return None
    failures, others = _active_codes(results)
    sound = {"timeStamp.validated", "timeStamp.trusted"}.issubset(others)
    if not sound or any(code.startswith("timeStamp.") for code in failures):
        return None
    time = info.get("time")
    return plain(time) if isinstance(time, str) else None


def _soft_bindings(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for data in assertions(manifest, "c2pa.soft-binding"):
        algorithm = data.get("alg")
        for block in mappings(data.get("blocks")):
            value = _text_of(block.get("value"))
            if isinstance(algorithm, str) and value is not None:
                yield plain(algorithm), plain(value)


def _bound_keys(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (alg, key id) where the parameters of a soft binding are the id of a key."""
    for data in assertions(manifest, "c2pa.soft-binding"):
        algorithm, key = data.get("alg"), _text_of(data.get("alg-params"))
        if isinstance(algorithm, str) and key is not None and _KEY_ID.fullmatch(key):
            yield plain(algorithm), key


def _text_of(value: object) -> str | None:
    """Return text, or bytes that came as a list of numbers: as ASCII, or in hexadecimal."""
    if isinstance(value, str):
        return value
    # A byte string is what C2PA asks for.
    if not isinstance(value, list) or not all(isinstance(v, int) and 0 <= v < 256 for v in value):
        return None
    data = bytes(value)
    text = data.decode("latin-1")
    return text if text.isascii() and text.isprintable() else data.hex()


def _reason(status: ManifestStatus, failures: list[str], others: list[str]) -> str | None:
    if status == "invalid":
        for code, words in _REASONS:
            if code in failures:
                return words
        return f"it fails validation: {', '.join(failures[:5])}" if failures else None
    if status == "valid" and not failures and "signingCredential.trusted" in others:
        return ONLY_SIGNER_KNOWN
    return None
