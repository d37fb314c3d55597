"""The profile that a certificate must follow before it may sign manifests.

The check says what is wrong with a certificate before anything is signed; the C2PA library would
only say that it is invalid. The profile is that of C2PA 2.4, section 14.5, less what a validator
does not look at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID, ObjectIdentifier

from waarmerk.errors import InputError, SigningError
from waarmerk.marking.provenance import signer_name

__all__ = [
    "CLAIM_SIGNING",
    "TEST_ORGANIZATION",
    "SigningCertificate",
    "SigningKey",
    "check_chain",
    "load_key",
    "parse_certificates",
]

_T = TypeVar("_T", bound=x509.ExtensionType)

CLAIM_SIGNING = ObjectIdentifier("1.3.6.1.4.1.62558.2.1")  # c2pa-kp-claimSigning, C2PA 2.4, 14.5.1
DOCUMENT_SIGNING = ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336
TEST_ORGANIZATION = "waarmerk test certificate"

_SIGNING_USAGES = (CLAIM_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION, DOCUMENT_SIGNING)
# A certificate for one of these may be for nothing else (C2PA 2.4, 14.5.1.1).
_EXCLUSIVE_USAGES = (ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.OCSP_SIGNING)
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_RSA_BITS = 2048
_RSA_ALGORITHMS = ("ps256", "ps384", "ps512")
# Signature algorithms of the certificates themselves, by hash; SHA-1 and MD5 are not allowed.
_HASHES = ("sha256", "sha384", "sha512")
_KNOWN_EXTENSIONS = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.CERTIFICATE_POLICIES,
    }
)

_ALONE = (
    "the chain holds the leaf alone: whoever trusts its root will not find the way there; put the "
    "intermediate certificates behind it"
)

SigningKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class SigningCertificate:
    """A chain that was checked and may sign.

    Parameters
    ----------
    chain
        PEM, leaf first.
    algorithms
        C2PA names of the signature algorithms that the leaf's key can be used with, usual one
        first: ``es256``, ``es384``, ``es512``, ``ps256``, ``ps384``, ``ps512`` or ``ed25519``.
    name
        Common name and organization of the leaf, for people.
    not_before, not_after
        When the whole chain is valid.
    is_test
        Whether waarmerk made it for tests.
    notes
        What is allowed, and may surprise later, for people.
    """

    chain: bytes = field(repr=False)
    algorithms: tuple[str, ...]
    name: str
    not_before: datetime
    not_after: datetime
    is_test: bool
    notes: tuple[str, ...] = ()

    def require_valid_at(self, now: datetime | None = None) -> None:
        """Raise SigningError unless every certificate of the chain is valid at that time."""
        now = datetime.now(UTC) if now is None else now
        if now > self.not_after:
            raise SigningError(
                f"the signing certificate of {self.name} expired on {_day(self.not_after)}; "
                "get a new one (what it signed with a time-stamp stays valid)"
            )
        if now < self.not_before:
            raise SigningError(
                f"the signing certificate of {self.name} is not valid before "
                f"{_day(self.not_before)}; check the clock of this machine"
            )


def parse_certificates(pem: bytes, source: str) -> list[x509.Certificate]:
    """Read every certificate of a PEM file.

    Raises
    ------
    InputError
        If there is none, or one is broken. A broken one is never skipped: an anchor that silently
        goes missing changes verdicts.
    """
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        if b"PRIVATE KEY-----" in pem and b"-----BEGIN CERTIFICATE-----" not in pem:
            raise InputError(f"{source}: holds a private key, not a certificate") from None
        if b"-----BEGIN CERTIFICATE-----" in pem:
            raise InputError(f"{source}: holds a broken certificate") from None
        raise InputError(
            f"{source}: holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"
        ) from None


def load_key(
    pem: bytes, *, password: bytes | None = None, source: str = "private key"
) -> SigningKey:
    """Read a private key in PEM form: PKCS#8, encrypted or not, or an older form.

    Raises
    ------
    SigningError
        If it cannot be read, is encrypted and no password is given, or is of a kind that the C2PA
        does not allow.
    """
    try:
        key = load_pem_private_key(pem, password)
    except TypeError:
        if password is None:
            raise SigningError(f"{source}: is encrypted; give its password") from None
        raise SigningError(f"{source}: is not encrypted, but a password was given") from None
    except (ValueError, UnsupportedAlgorithm) as error:
        if b"-----BEGIN CERTIFICATE-----" in pem and b"PRIVATE KEY-----" not in pem:
            raise SigningError(f"{source}: holds a certificate, not a private key") from None
        if password is not None:
            raise SigningError(f"{source}: cannot be read, or the password is wrong") from error
        raise SigningError(
            f"{source}: is not a private key in PEM form (-----BEGIN PRIVATE KEY-----)"
        ) from error
    problem = _key_problem(key.public_key())
    if problem is None and isinstance(key, SigningKey):
        return key
    raise SigningError(f"{source}: {problem}")


def check_chain(
    chain: bytes,
    *,
    key: SigningKey | None = None,
    now: datetime | None = None,
    source: str = "signing certificate",
) -> SigningCertificate:
    """Check that a chain may sign manifests, and say what is wrong if it may not.

    Parameters
    ----------
    chain
        PEM certificates, leaf first, each issued by the next; the root may be left out.
    key
        The private key, if it is at hand: it must be the leaf's.
    now
        The time to check at; the present if None.
    source
        What to call the chain in a message, for instance its file name.

    Raises
    ------
    SigningError
        With the first thing that is wrong.
    """
    try:
        certificates = parse_certificates(chain, source)
    except InputError as error:
        raise SigningError(str(error)) from error
    leaf = certificates[0]
    try:
        for check in _LEAF_CHECKS:
            problem = check(leaf)
            if problem is not None:
                raise SigningError(f"{source}: {problem}")
        is_test = _attribute(leaf, NameOID.ORGANIZATION_NAME) == TEST_ORGANIZATION
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise SigningError(f"{source}: has extensions that cannot be read: {error}") from error
    for position, certificate in enumerate(certificates[1:], 2):
        problem = _issuer(certificate)
        if problem is not None:
            raise SigningError(f"{source}: certificate {position} of the chain {problem}")
    for position, (issued, issuer) in enumerate(pairwise(certificates)):
        try:
            issued.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            raise SigningError(
                f"{source}: certificate {position + 1} of the chain was not issued by "
                f"certificate {position + 2}; put the leaf first, then its issuer, and so on"
            ) from None
    if key is not None and _raw(key.public_key()) != _raw(leaf.public_key()):
        raise SigningError(f"{source}: the private key belongs to another certificate")
    checked = SigningCertificate(
        chain=b"".join(c.public_bytes(Encoding.PEM) for c in certificates),
        algorithms=_algorithms(leaf.public_key()),
        name=_name(leaf),
        not_before=max(c.not_valid_before_utc for c in certificates),
        not_after=min(c.not_valid_after_utc for c in certificates),
        is_test=is_test,
        notes=(_ALONE,) if len(certificates) == 1 else (),
    )
    try:
        checked.require_valid_at(now)
    except SigningError as error:
        raise SigningError(f"{source}: {error}") from None
    return checked


# Each of these looks at a leaf and returns what is wrong, or None. The order is that of the
# messages: what a person most likely did wrong comes first.


def _self_signed(leaf: x509.Certificate) -> str | None:
    if leaf.issuer != leaf.subject:
        return None
    return (
        "the first certificate is self-signed; a signing certificate has to be issued by a "
        "certificate authority, and comes first in the chain"
    )


def _authority(leaf: x509.Certificate) -> str | None:
    constraints = _extension(leaf, x509.BasicConstraints)
    if constraints is None or not constraints.value.ca:
        return None
    return (
        "the first certificate is that of a certificate authority, which must not sign "
        "manifests; put the leaf first"
    )


def _extended_key_usage(leaf: x509.Certificate) -> str | None:
    wanted = (
        "it needs C2PA claim signing (1.3.6.1.4.1.62558.2.1), emailProtection or documentSigning"
    )
    extension = _extension(leaf, x509.ExtendedKeyUsage)
    if extension is None:
        return f"has no extended key usage; {wanted}"
    usages = list(extension.value)
    if ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usages:
        return f"is for any extended key usage, which is not allowed; {wanted}"
    if any(usage in _EXCLUSIVE_USAGES for usage in usages):
        return f"is for time-stamping or OCSP, and such a certificate signs nothing else; {wanted}"
    if not any(usage in _SIGNING_USAGES for usage in usages):
        found = ", ".join(usage.dotted_string for usage in usages)
        return f"has the wrong extended key usage ({found}); {wanted}"
    return None


def _key_usage_of_leaf(leaf: x509.Certificate) -> str | None:
    extension = _extension(leaf, x509.KeyUsage)
    if extension is None:
        return "has no key usage; ask its issuer for one with digitalSignature"
    if not extension.value.digital_signature:
        return "its key usage does not allow digital signatures; ask its issuer for one that does"
    if extension.value.key_cert_sign:
        return "its key usage allows issuing certificates, which a signing certificate must not"
    return None


def _authority_key_identifier(leaf: x509.Certificate) -> str | None:
    if _extension(leaf, x509.AuthorityKeyIdentifier) is None:
        return (
            "has no authority key identifier, which the C2PA profile requires; ask its issuer for "
            "a certificate with one"
        )
    return None


def _critical_extension(leaf: x509.Certificate) -> str | None:
    for extension in leaf.extensions:
        if extension.critical and extension.oid not in _KNOWN_EXTENSIONS:
            return f"has a critical extension that is not known: {extension.oid.dotted_string}"
    return None


def _version(leaf: x509.Certificate) -> str | None:
    return None if leaf.version is x509.Version.v3 else "is not an X.509 version 3 certificate"


def _signature_hash(leaf: x509.Certificate) -> str | None:
    algorithm = leaf.signature_hash_algorithm  # None for Ed25519, which has its own
    if algorithm is None or algorithm.name in _HASHES:
        return None
    return (
        f"was signed by its issuer with {algorithm.name}, which is not allowed; it has to be "
        "SHA-256 or better"
    )


def _issuer(certificate: x509.Certificate) -> str | None:
    """Return what is wrong with a certificate that issued another, or None."""
    try:
        constraints = _extension(certificate, x509.BasicConstraints)
    except (ValueError, x509.DuplicateExtension) as error:
        return f"has extensions that cannot be read: {error}"
    if constraints is None or not constraints.value.ca:
        return "is not one of an authority, and cannot have issued the one before it"
    return _signature_hash(certificate)


def _public_key(leaf: x509.Certificate) -> str | None:
    return _key_problem(leaf.public_key())


_LEAF_CHECKS: tuple[Callable[[x509.Certificate], str | None], ...] = (
    _version,
    _authority,
    _self_signed,
    _extended_key_usage,
    _key_usage_of_leaf,
    _public_key,
    _authority_key_identifier,
    _critical_extension,
    _signature_hash,
)


def _key_problem(key: object) -> str | None:
    wanted = "use P-256, P-384, P-521, Ed25519 or RSA of 2048 bits or more"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return (
            None if key.curve.name in _CURVES else f"its key is on curve {key.curve.name}; {wanted}"
        )
    if isinstance(key, rsa.RSAPublicKey):
        return (
            None if key.key_size >= _RSA_BITS else f"its RSA key has {key.key_size} bits; {wanted}"
        )
    return (
        None
        if isinstance(key, ed25519.Ed25519PublicKey)
        else f"its kind of key is not allowed; {wanted}"
    )


def _algorithms(key: object) -> tuple[str, ...]:
    if isinstance(key, ec.EllipticCurvePublicKey):
        return (_CURVES[key.curve.name],)
    return _RSA_ALGORITHMS if isinstance(key, rsa.RSAPublicKey) else ("ed25519",)


def _extension(certificate: x509.Certificate, kind: type[_T]) -> x509.Extension[_T] | None:
    try:
        return certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None


def _attribute(certificate: x509.Certificate, oid: ObjectIdentifier) -> str | None:
    for attribute in certificate.subject.get_attributes_for_oid(oid):
        return str(attribute.value)
    return None


def _name(leaf: x509.Certificate) -> str:
    common = _attribute(leaf, NameOID.COMMON_NAME)
    organization = _attribute(leaf, NameOID.ORGANIZATION_NAME)
    return signer_name(common, organization) or "a signer without a name"


def _raw(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _day(time: datetime) -> str:
    return time.strftime("%Y-%m-%d")
