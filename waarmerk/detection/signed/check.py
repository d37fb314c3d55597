"""Check a signed detection report: who says this, and is it as it was signed.

::

    state       the signature    the key
    ----------  ---------------  ------------------------------------------------------------
    verified    holds            was given, or its certificate leads to a given root
    intact      holds            from a certificate in the report that nobody given vouches for
    unchecked   cannot be known  neither given nor in the report
    invalid     does not hold, or what it is over is no report, or not about the given content

The time is what the signer's clock said; a time-stamp it is not.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.utils import CryptographyDeprecationWarning

from waarmerk.detection.signed.chain import chain_problem, name_of, own_problem
from waarmerk.detection.signed.form import report_in
from waarmerk.detection.signed.jws import (
    LARGEST,
    PublicKey,
    Token,
    TokenError,
    algorithm_of,
    holds,
    parse,
    thumbprint,
)
from waarmerk.errors import InputError
from waarmerk.marking.profile import parse_certificates

__all__ = [
    "LARGEST_PEM",
    "KnownBy",
    "Pem",
    "Signature",
    "State",
    "VerifiedReport",
    "flaw_of",
    "pem_of",
    "public_key_of",
    "read_pem",
    "signature_of",
    "verify_report",
    "worth_of",
]

State = Literal["verified", "intact", "unchecked", "invalid"]
KnownBy = Literal["key", "trust"] | None
Pem = bytes | str | os.PathLike[str]
"""PEM, or the path of a PEM file."""

LARGEST_PEM: Final = 1 << 20
# What a malformed certificate raises; the last where warnings are errors.
_BROKEN: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    CryptographyDeprecationWarning,
)
_CLOCKS_DIFFER: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class VerifiedReport:
    """What is known about a signed report.

    Parameters
    ----------
    state
        See the top of this module.
    reason
        Why it is not ``verified``.
    report
        What it says; None unless its signature holds and it is a report. If ``state`` is
        ``invalid``, not to be relied on.
    key_id
        Thumbprint of the key that signed, or of the one that the report names.
    signer
        Name in the certificate that came with it; proven only if ``known_by`` is ``"trust"``.
    known_by
        ``"key"``: the key was given. ``"trust"``: a given root vouches for it.
    content_matches
        Whether it is about the given content; None if none was given.
    """

    state: State
    reason: str | None = None
    report: Mapping[str, Any] | None = None
    key_id: str | None = None
    signer: str | None = None
    known_by: KnownBy = None
    content_matches: bool | None = None


def verify_report(
    jws: str | bytes,
    *,
    keys: Sequence[Pem] = (),
    trust: Sequence[Pem] = (),
    content: str | os.PathLike[str] | None = None,
    now: datetime | None = None,
) -> VerifiedReport:
    """Check a signed report, without any connection.

    Parameters
    ----------
    jws
        The report, at most 4 MB.
    keys
        Those whose reports are believed: public keys, or certificates of which the first counts.
    trust
        Roots under whose certificates reports are believed.
    content
        A file that the report should be about; it is read once, in pieces.
    now
        The present, to refuse reports from the future.

    Raises
    ------
    InputError
        If `keys`, `trust` or `content` cannot be read. Never because of the report.
    """
    known = [public_key_of(item) for item in keys]
    roots = [one for item in trust for one in parse_certificates(*pem_of(item))]
    try:
        text = jws if isinstance(jws, str) else jws[: LARGEST + 1].decode("ascii")
        token = parse(text.strip())
        signature = signature_of(token, known)
        if isinstance(signature, VerifiedReport):
            return signature
        return _judged(token, signature, roots, content, now or datetime.now(UTC))
    except UnicodeDecodeError:
        return VerifiedReport("invalid", "not a signed report: it holds other bytes than ASCII")
    except TokenError as error:
        return VerifiedReport("invalid", f"not a signed report: {error}")


@dataclass(frozen=True, slots=True)
class Signature:
    """One that holds: with which key, and what is known about that."""

    key_id: str
    chain: list[x509.Certificate]
    given: bool
    dated: x509.Certificate | None
    """The certificate whose validity counts."""

    @property
    def signer(self) -> str | None:
        """Return the name in its own certificate."""
        return name_of(self.chain[0]) if self.chain else None


def signature_of(
    token: Token, known: list[tuple[PublicKey, x509.Certificate | None]]
) -> Signature | VerifiedReport:
    """Check the signature with the keys that were given, else with the one that came with it."""
    chain = _chain(token)
    named = token.header.get("kid")
    own = _supported(chain[0]) if chain else None
    if own is not None and named not in (None, thumbprint(own)):
        raise TokenError("its header names another key than its certificate has")
    fitting = [(key, one) for key, one in known if named in (None, thumbprint(key))]
    for key, certificate in fitting:
        if holds(token, key):
            if own is not None and thumbprint(own) != thumbprint(key):
                raise TokenError("its certificate has another key than the one that signed it")
            return Signature(thumbprint(key), chain, True, certificate)
    if own is not None and holds(token, own):
        return Signature(thumbprint(own), chain, False, chain[0])
    if own is None and not fitting:
        reason = "there is no key to check it with: give the public key of whoever signed it"
        return VerifiedReport("unchecked", reason, key_id=named)
    return VerifiedReport("invalid", "its signature does not match", key_id=named)


def _judged(
    token: Token,
    signature: Signature,
    roots: list[x509.Certificate],
    content: str | os.PathLike[str] | None,
    now: datetime,
) -> VerifiedReport:
    """Say what a report with a signature that holds is worth."""
    report, moment = report_in(token.payload)
    reason = flaw_of(signature, report["time"], moment, now)
    matches = None if content is None else _is_about(report, content)
    if reason is None and matches is False:
        reason = f"it is about other content than {content}"
    state: State = "invalid"
    known_by: KnownBy = None
    if reason is None:
        state, known_by, reason = worth_of(signature, roots, moment)
    return VerifiedReport(
        state, reason, report, signature.key_id, signature.signer, known_by, matches
    )


def flaw_of(signature: Signature, stated: str, moment: datetime, now: datetime) -> str | None:
    """Return what is wrong with the time of something signed, as stated and as a moment."""
    if moment > now + _CLOCKS_DIFFER:
        return f"it is dated in the future ({stated})"
    if signature.dated is not None:
        problem = own_problem(signature.dated, moment)
        if problem is not None:
            return f"the certificate of its signer {problem}; the report is of {stated}"
    return None


def worth_of(
    signature: Signature, roots: list[x509.Certificate], moment: datetime
) -> tuple[State, KnownBy, str | None]:
    """Return whether somebody vouches for a signature that holds, who, and why nobody does."""
    if signature.given:
        return "verified", "key", None
    untrusted: str | None = "no given key or root vouches for the certificate in it"
    if signature.chain and roots:
        untrusted = chain_problem(signature.chain, roots, moment)
    return ("verified", "trust", None) if untrusted is None else ("intact", None, untrusted)


def _chain(token: Token) -> list[x509.Certificate]:
    try:
        chain = [x509.load_der_x509_certificate(data) for data in token.certificates]
        for one in chain:  # parsed when first asked for
            _ = one.subject, one.extensions, one.not_valid_after_utc
    except _BROKEN:
        raise TokenError("a certificate in its header (x5c) is broken") from None
    return chain


def _supported(certificate: x509.Certificate) -> PublicKey:
    key: object
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, PublicKey) and algorithm_of(key) is not None:
        return key
    raise TokenError("the key in its certificate is of a kind that is not accepted")


def _is_about(report: Mapping[str, Any], content: str | os.PathLike[str]) -> bool:
    digest = hashlib.sha256()
    size = 0
    try:
        with open(content, "rb") as file:  # noqa: PTH123 - any path-like
            while piece := file.read(1 << 20):
                digest.update(piece)
                size += len(piece)
    except OSError as error:
        raise InputError(f"{content}: cannot be read: {error.strerror}") from error
    stated = report["input"]
    return bool(digest.hexdigest() == stated["sha256"] and size == stated["size"])


def public_key_of(item: Pem) -> tuple[PublicKey, x509.Certificate | None]:
    """Return the key in PEM, and the certificate that it stands in; raises InputError."""
    pem, name = pem_of(item)
    certificate = None
    try:
        if b"-----BEGIN CERTIFICATE-----" in pem:
            certificate = parse_certificates(pem, name)[0]
            key: object = certificate.public_key()
        else:
            key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        if b"PRIVATE KEY-----" in pem:
            raise InputError(f"{name}: holds a private key; give the public one") from None
        raise InputError(
            f"{name}: holds neither a public key nor a certificate in PEM form"
        ) from error
    if isinstance(key, PublicKey) and algorithm_of(key) is not None:
        return key, certificate
    raise InputError(f"{name}: reports are not signed with a key of this kind")


def pem_of(item: Pem) -> tuple[bytes, str]:
    """Return PEM, and what messages call it; raises InputError."""
    return (item, "PEM") if isinstance(item, bytes) else (read_pem(item), str(item))


def read_pem(path: str | os.PathLike[str]) -> bytes:
    """Return what a file holds, if it is not larger than any PEM file."""
    try:
        with Path(path).open("rb") as file:
            pem = file.read(LARGEST_PEM + 1)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', error)}") from error
    if len(pem) > LARGEST_PEM:
        raise InputError(f"{path}: is larger than any PEM file; give the right one")
    return pem
