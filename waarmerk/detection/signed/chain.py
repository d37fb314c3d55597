"""Whether the certificates that came with a signed report lead to a root that somebody trusts.

::

    leaf ──issued by──> intermediate ──issued by──> root, one of those given
    each valid at the time of the report; every issuer a CA that may sign certificates

After RFC 5280, 6.1, and stricter: certificates with name constraints, with a critical extension
that is not known here, or signed with SHA-1 are refused, and revocation is not looked up, because
nothing here opens a connection. The verifier of cryptography itself follows the profile of web
servers, in which Ed25519 does not occur.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtensionOID

from waarmerk.detection.signed.jws import algorithm_of

__all__ = ["chain_problem", "name_of", "own_problem"]

_T = TypeVar("_T", bound=x509.ExtensionType)

_LONGEST: Final = 8
_HASHES: Final = ("sha256", "sha384", "sha512")
_KNOWN: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.CERTIFICATE_POLICIES,
    }
)


def own_problem(certificate: x509.Certificate, when: datetime) -> str | None:
    """Return why a certificate could not sign anything at a time; None if it could."""
    try:
        return next(_problems(certificate, when), None)
    except (ValueError, UnsupportedAlgorithm):
        return "is malformed"


def _problems(certificate: x509.Certificate, when: datetime) -> Iterator[str]:
    if when < certificate.not_valid_before_utc:
        yield f"was not valid before {certificate.not_valid_before_utc:%Y-%m-%d}"
    if when > certificate.not_valid_after_utc:
        yield f"expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
    if algorithm_of(certificate.public_key()) is None:
        yield "has a key of a kind that is not accepted"
    hashed = certificate.signature_hash_algorithm
    if hashed is not None and hashed.name not in _HASHES:
        yield f"is signed with {hashed.name}"
    for extension in certificate.extensions:
        if extension.oid == ExtensionOID.NAME_CONSTRAINTS:
            yield "has name constraints, which are not supported"
        if extension.critical and extension.oid not in _KNOWN:
            yield f"has a critical extension that is not known ({extension.oid.dotted_string})"
    usage = _extension(certificate, x509.KeyUsage)
    constraints = _extension(certificate, x509.BasicConstraints)
    authority = constraints is not None and constraints.ca
    if usage is not None and not (usage.key_cert_sign if authority else usage.digital_signature):
        yield "is not for this use (key usage)"


def chain_problem(
    chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], when: datetime
) -> str | None:
    """Return why a chain does not lead to a root; None if it does.

    Parameters
    ----------
    chain
        The leaf, then others in any order.
    roots
        Those that are trusted.
    when
        Each certificate on the way must be valid then.
    """
    current, others, below = chain[0], list(chain[1:_LONGEST]), 0
    while True:
        problem = own_problem(current, when)
        if problem is not None:
            return f"the certificate of {name_of(current)} {problem}"
        if current in roots:
            return None
        # Several may have the name: an authority that was certified twice, or a decoy.
        root = next((one for one in roots if _issued(one, current, below)), None)
        if root is not None:
            problem = own_problem(root, when)
            return None if problem is None else f"the root {name_of(root)} {problem}"
        issuer = next((one for one in others if _issued(one, current, below)), None)
        if issuer is None:
            return f"no given root vouches for {name_of(current)}"
        others.remove(issuer)  # so that circles end
        current, below = issuer, below + 1


def _issued(issuer: x509.Certificate, certificate: x509.Certificate, below: int) -> bool:
    """Return whether a certificate authority issued a certificate with `below` others under it."""
    try:
        constraints = _extension(issuer, x509.BasicConstraints)
        if constraints is None or not constraints.ca:
            return False
        if constraints.path_length is not None and constraints.path_length < below:
            return False
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _extension(certificate: x509.Certificate, kind: type[_T]) -> _T | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def name_of(certificate: x509.Certificate) -> str:
    """Return the subject of a certificate in one line, as RFC 4514 writes it."""
    try:
        return certificate.subject.rfc4514_string()[:120] or "a certificate without a name"
    except ValueError:
        return "a certificate without a readable name"
