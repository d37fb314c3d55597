"""Who signs a manifest: a certificate chain, and something that can sign for it.

Either a private key in PEM form, or any function from bytes to a signature, so that the key can
stay in a security module or with a service. The second makes the file about 9 kB larger: for a
function the C2PA library reserves room for the largest signature it knows. A time-stamp takes 10 kB
more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from waarmerk.errors import SigningError
from waarmerk.marking.profile import SigningCertificate, check_chain, load_key
from waarmerk.marking.timestamp import require_address

if TYPE_CHECKING:
    import os

__all__ = ["Signer"]


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs: a checked certificate chain, and a private key or a function that signs for it.

    Make one with `from_files`, `from_pem` or `from_callback`. It holds no connection and no state:
    one signer serves any number of files, threads and processes.

    Parameters
    ----------
    certificate
        The checked chain.
    algorithm
        C2PA name of the signature algorithm, one of `certificate.algorithms`.
    timestamp
        Address of a time-stamp authority (RFC 3161), which is asked over the network for each
        signature. None: nobody is asked. Not shown, because it may hold a password.
    """

    certificate: SigningCertificate
    algorithm: str
    _key: bytes | Callable[[bytes], bytes] = field(repr=False)
    timestamp: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.timestamp is not None:
            require_address(self.timestamp)

    @classmethod
    def from_pem(
        cls,
        chain: bytes,
        key: bytes,
        *,
        password: bytes | None = None,
        timestamp: str | None = None,
    ) -> Signer:
        """Make a signer from a certificate chain, leaf first, and the leaf's private key."""
        names = "signing certificate", "private key"
        return cls._from_pem(chain, key, password, names, timestamp)

    @classmethod
    def from_files(
        cls,
        chain: str | os.PathLike[str],
        key: str | os.PathLike[str],
        *,
        password: bytes | None = None,
        timestamp: str | None = None,
    ) -> Signer:
        """Make a signer from two PEM files; messages name the file that is wrong."""
        names = str(chain), str(key)
        return cls._from_pem(_read(chain), _read(key), password, names, timestamp)

    @classmethod
    def from_callback(
        cls,
        sign: Callable[[bytes], bytes],
        chain: bytes,
        *,
        algorithm: str | None = None,
        timestamp: str | None = None,
    ) -> Signer:
        """Make a signer from a function, so that the private key can stay where it is.

        Parameters
        ----------
        sign
            Gets the bytes to sign (not their hash) and returns the signature. For ECDSA either
            form is accepted, DER or r and s one after the other.
        chain
            PEM certificates, leaf first.
        algorithm
            Needed for RSA keys only, when it is not ``ps256``.
        timestamp
            As of the class.
        """
        certificate = check_chain(chain)
        if algorithm is None:
            algorithm = certificate.algorithms[0]
        elif algorithm not in certificate.algorithms:
            raise SigningError(
                f"the certificate of {certificate.name} cannot sign with {algorithm}; "
                f"its key is for {' or '.join(certificate.algorithms)}"
            )
        return cls(certificate, algorithm, sign, timestamp)

    @classmethod
    def _from_pem(
        cls,
        chain: bytes,
        key: bytes,
        password: bytes | None,
        names: tuple[str, str],
        timestamp: str | None,
    ) -> Signer:
        private = load_key(key, password=password, source=names[1])
        certificate = check_chain(chain, key=private, source=names[0])
        # The library takes no other form than this one.
        pkcs8 = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return cls(certificate, certificate.algorithms[0], pkcs8, timestamp)

    def with_timestamp(self, address: str | None) -> Signer:
        """Return the same signer that asks another time-stamp authority, or none."""
        return replace(self, timestamp=address)

    @property
    def is_local(self) -> bool:
        """Whether it signs with a key in memory and asks nobody."""
        return isinstance(self._key, bytes) and self.timestamp is None

    @property
    def is_test(self) -> bool:
        """Whether the certificate is one that waarmerk made for tests."""
        return self.certificate.is_test

    def native(self, failures: list[BaseException]) -> Any:
        """Return the same signer as an object of the C2PA library, for one signature.

        Parameters
        ----------
        failures
            Whatever the signing function raises is put here: the library drops it.
        """
        import c2pa

        algorithm = c2pa.C2paSigningAlg[self.algorithm.upper()]
        if isinstance(self._key, bytes):
            info = c2pa.C2paSignerInfo(algorithm, self.certificate.chain, self._key, self.timestamp)
            return c2pa.Signer.from_info(info)
        function = self._key

        def sign(data: bytes) -> bytes:
            try:
                signature = function(data)
                if not isinstance(signature, bytes) or not signature:
                    raise TypeError(f"returned {signature!r:.40}, not a signature in bytes")
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is the cause
                failures.append(error)
                return b""
            return signature

        chain = self.certificate.chain.decode("ascii")
        return c2pa.Signer.from_callback(sign, algorithm, chain, self.timestamp)


def _read(path: str | os.PathLike[str]) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise SigningError(f"{path}: cannot be read: {error.strerror}") from error
