"""Test certificates for signing manifests, when there is no bought one (yet).

::

    root                 CA, made here, trusted by nobody   key.root.pem   for `detect --trust`
     └─ intermediate     CA, path length 0               ┐
         └─ leaf         signs the manifests             ┘  key.cert.pem   leaf first
                         its private key                    key.sign.pem   PKCS#8, mode 0600

A test chain follows the C2PA certificate profile, so that whatever works with it works with a
bought certificate, except for three things that would be lies: it names no certificate policy of
the C2PA programme, no assurance level and no OCSP responder. The private keys of its root and
intermediate are thrown away at once, so nothing can ever be added to the chain, and no trust list
leads to it: a validator calls what it signed intact, by a signer it does not know.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from waarmerk.marking.keyfile import Part, require_new, write_files
from waarmerk.marking.profile import CLAIM_SIGNING, TEST_ORGANIZATION

__all__ = [
    "CertificateFiles",
    "TemporaryChain",
    "certificate_files",
    "make_test_chain",
    "write_test_chain",
]

DAYS = 365  # the C2PA certificate policy allows a leaf 366 days, the hour of clock skew included


@dataclass(frozen=True, slots=True)
class TemporaryChain:
    """A test chain: three certificates and the one private key that is kept."""

    chain: bytes
    key: bytes = field(repr=False)
    root: bytes


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where the certificate of a key file lies."""

    chain: Path
    key: Path
    root: Path


def certificate_files(key_path: str | os.PathLike[str]) -> CertificateFiles:
    """Return the names that belong to a key file: key.json, key.cert.pem, key.sign.pem, ..."""
    path = Path(key_path)
    return CertificateFiles(
        chain=path.with_suffix(".cert.pem"),
        key=path.with_suffix(".sign.pem"),
        root=path.with_suffix(".root.pem"),
    )


def make_test_chain(
    name: str = "waarmerk test signer", *, days: int = DAYS, now: datetime | None = None
) -> TemporaryChain:
    """Make a root, an intermediate and a leaf for claim signing, each with a new P-256 key.

    Parameters
    ----------
    name
        Common name of the leaf.
    days
        How long the leaf is valid. A manifest without a time-stamp stops being valid when its
        certificate expires.
    now
        Start of validity; one hour before the present if None, for clocks that run behind.

    Returns
    -------
    TemporaryChain
        ``chain`` holds leaf and intermediate, ``root`` is what a validator has to trust.
    """
    start = datetime.now(UTC) - timedelta(hours=1) if now is None else now
    root_key, intermediate_key, leaf_key = (
        ec.generate_private_key(ec.SECP256R1()) for _ in range(3)
    )
    root_name, intermediate_name = _name("waarmerk test root"), _name("waarmerk test intermediate")
    # Certificate authorities outlive the leaf by a day, so that the leaf is what expires.
    authority_end = start + timedelta(days=days + 1)
    usages = [CLAIM_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION]

    def certificate(
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        issuer: x509.Name,
        issuer_key: ec.EllipticCurvePrivateKey,
        path_length: int | None,
    ) -> x509.Certificate:
        is_ca = path_length is not None
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(authority_end if is_ca else start + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=path_length), critical=True)
            .add_extension(_key_usage(is_ca=is_ca), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False
            )
        )
        if not is_ca:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        return builder.sign(issuer_key, hashes.SHA256())

    root = certificate(root_name, root_key, root_name, root_key, 1)
    intermediate = certificate(intermediate_name, intermediate_key, root_name, root_key, 0)
    leaf = certificate(_name(name), leaf_key, intermediate_name, intermediate_key, None)
    return TemporaryChain(
        chain=leaf.public_bytes(Encoding.PEM) + intermediate.public_bytes(Encoding.PEM),
        key=leaf_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        root=root.public_bytes(Encoding.PEM),
    )


def write_test_chain(
    key_path: str | os.PathLike[str], *, overwrite: bool = False, also: Sequence[Part] = ()
) -> CertificateFiles:
    """Make a test chain and write it beside a key file: all of its files or none.

    Parameters
    ----------
    key_path
        Name of the key file, which need not exist.
    overwrite
        Whether existing files are replaced.
    also
        More files to write with it, after those of the chain.

    Raises
    ------
    OutputError
        If one of the files exists already (unless `overwrite`) or cannot be written.
    """
    files = certificate_files(key_path)
    if not overwrite:
        require_new(files.chain, files.key, files.root)
    made = make_test_chain()
    write_files(
        (files.key, made.key, 0o600),
        (files.chain, made.chain, 0o644),
        (files.root, made.root, 0o644),
        *also,
        overwrite=overwrite,
    )
    return files


def _key_usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_ca,
        content_commitment=not is_ca,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "XX"),  # ISO 3166: never a country
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, TEST_ORGANIZATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )
