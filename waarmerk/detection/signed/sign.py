"""Detection reports that are signed, so that others can see who says this and that it is whole.

A signed report is a JWS (RFC 7515, compact: one line of ASCII) over the JSON of the report, which
has the hash of the content, the detector with its version, and the time. ``jws.py`` has its form,
``check.py`` checks it.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from waarmerk.detection.signed.chain import own_problem
from waarmerk.detection.signed.check import (
    LARGEST_PEM,
    VerifiedReport,
    read_pem,
    verify_report,
)
from waarmerk.detection.signed.jws import LARGEST, PublicKey, algorithm_of, signed, thumbprint
from waarmerk.errors import KeyFileError, SigningError
from waarmerk.marking.profile import SigningKey, load_key, parse_certificates

if TYPE_CHECKING:
    from waarmerk.detection.report import DetectionReport

__all__ = ["ReportSigner", "VerifiedReport", "sign_report", "verify_report"]

_MOST_CERTIFICATES: Final = 8


@dataclass(frozen=True, slots=True)
class ReportSigner:
    """Who signs reports: a private key, and the certificates for it if there are any.

    Make one with `from_files` or `from_pem`.

    Parameters
    ----------
    algorithm
        Of RFC 7518 and RFC 8037: ``EdDSA``, ``ES256``, ``ES384``, ``ES512`` or ``PS256``.
    key_id
        SHA-256 thumbprint of the public key (RFC 7638).
    public_key
        PEM, to be given to those who check reports.
    """

    algorithm: str
    key_id: str
    public_key: bytes
    _key: SigningKey = field(repr=False)
    _certificates: tuple[bytes, ...] = field(default=(), repr=False)

    @classmethod
    def from_pem(
        cls, key: bytes, certificates: bytes | None = None, *, password: bytes | None = None
    ) -> ReportSigner:
        """Make a signer from a private key and, if given, its certificates, leaf first.

        Raises
        ------
        SigningError
            If the key cannot be read or is of another kind than Ed25519, P-256, P-384, P-521 or
            RSA from 2048 bits, or if the certificates are not for it, expired or too many.
        InputError
            If there is no certificate, or a broken one.
        """
        return cls._made(key, certificates, password, "private key", "certificate")

    @classmethod
    def from_files(
        cls,
        key: str | os.PathLike[str],
        certificates: str | os.PathLike[str] | None = None,
        *,
        password: bytes | None = None,
    ) -> ReportSigner:
        """Make a signer from PEM files.

        Raises
        ------
        KeyFileError
            If the key cannot be read, or others than its owner have access to it.
        SigningError, InputError
            As in `from_pem`.
        """
        chain = None if certificates is None else read_pem(certificates)
        return cls._made(_read_private(key), chain, password, str(key), str(certificates))

    @classmethod
    def _made(
        cls,
        key: bytes,
        certificates: bytes | None,
        password: bytes | None,
        key_name: str,
        chain_name: str,
    ) -> ReportSigner:
        private = load_key(key, password=password, source=key_name)
        public = private.public_key()
        algorithm = algorithm_of(public)
        if algorithm is None:
            raise SigningError(f"{key_name}: reports are not signed with a key of this kind")
        chain: list[x509.Certificate] = []
        if certificates is not None:
            chain = parse_certificates(certificates, chain_name)
            _check_own(chain, public, chain_name)
        return cls(
            algorithm,
            thumbprint(public),
            public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            private,
            tuple(one.public_bytes(Encoding.DER) for one in chain),
        )

    def sign(self, payload: bytes) -> str:
        """Return a payload in its signed form: one line of ASCII, without a line end.

        Raises
        ------
        SigningError
            If it is larger than those who check are willing to read.
        """
        line = signed(payload, self._key, self._certificates)
        if len(line) > LARGEST:
            raise SigningError(
                f"the report is larger than the {LARGEST >> 20} MB that can be signed"
            )
        return line


def sign_report(report: DetectionReport, signer: ReportSigner) -> str:
    """Return a report in its signed form: one line of ASCII, without a line end.

    Raises
    ------
    SigningError
        If the report is larger than those who check are willing to read.
    """
    return signer.sign(report.to_json().encode("ascii"))


def _read_private(path: str | os.PathLike[str]) -> bytes:
    """Read a key that only its owner can read, as `waarmerk.marking.keyfile` does."""
    try:
        with Path(path).open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode  # of the open file, so that nobody swaps it
            pem = file.read(LARGEST_PEM + 1)
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or error
        raise KeyFileError(f"{path}: cannot read this key: {cause}") from error
    # Before its mode: what is no private key must not become private on our advice.
    if len(pem) > LARGEST_PEM or b"PRIVATE KEY-----" not in pem:
        raise KeyFileError(f"{path}: holds no private key in PEM form; give one")
    if os.name == "posix" and mode & 0o077:
        raise KeyFileError(
            f"{path}: others than its owner may read or change this key "
            f"(mode {stat.S_IMODE(mode):04o}); run: chmod 600 {path}"
        )
    return pem


def _check_own(chain: list[x509.Certificate], public: PublicKey, name: str) -> None:
    """Refuse certificates that would make every report invalid."""
    if len(chain) > _MOST_CERTIFICATES:
        raise SigningError(
            f"{name}: holds {len(chain)} certificates, and at most {_MOST_CERTIFICATES} go into a "
            "report; give the chain of the key alone, leaf first"
        )
    if chain[0].public_key() != public:
        raise SigningError(
            f"{name}: its first certificate is not for this key; give the leaf first"
        )
    problem = own_problem(chain[0], datetime.now(UTC))
    if problem is not None:
        raise SigningError(f"{name}: the certificate {problem}; give one that may sign now")
