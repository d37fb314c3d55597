"""JSON Web Signatures (RFC 7515) over reports: what is written, and what is taken for one.

::

    BASE64URL(header) . BASE64URL(report) . BASE64URL(signature)

    header  alg  EdDSA, ES256, ES384, ES512 or PS256: what the key is for, and nothing else
            typ  waarmerk-report+jws, so that nothing signed for another purpose passes for a report
            cty  json
            kid  SHA-256 thumbprint of the public key (RFC 7638)
            x5c  the certificates of the signer, leaf first, if there are any

Tokens come from strangers. The key decides on the algorithm, never the header: there is no ``none``
and no HMAC to confuse a public key with. Keys and addresses in the header (``jwk``, ``jku``,
``x5u``) are never used, and what is marked as critical (``crit``) is refused, as RFC 7515, 4.1.11,
asks of those who do not know it.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

if TYPE_CHECKING:
    from joserfc.jws import JWSRegistry

    from waarmerk.marking.profile import SigningKey

__all__ = [
    "LARGEST",
    "Token",
    "TokenError",
    "algorithm_of",
    "holds",
    "parse",
    "signed",
    "strict_json",
    "thumbprint",
]

LARGEST: Final = 4 << 20
"""Bytes of a signed report. One with hundreds of findings has less than a tenth of it."""

TYPE: Final = "waarmerk-report+jws"
_LARGEST_HEADER: Final = 64 << 10  # a chain of eight certificates
_LARGEST_SIGNATURE: Final = 2 << 10  # RSA of 8192 bits has 1366 characters
_MOST_CERTIFICATES: Final = 8
_DEEPEST: Final = 32  # a report has six levels
_SMALLEST_RSA: Final = 2048  # RFC 7518, 3.5

# RFC 7518, 3.4: each curve has its own algorithm.
_CURVES: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
# RFC 9864 gives EdDSA with Ed25519 a name of its own; most readers only know the older one yet.
_ALSO: Final = {"Ed25519": "EdDSA"}
_PART = re.compile(r"[A-Za-z0-9_-]+")

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey


class TokenError(ValueError):
    """What was given is no signed report; the message says why."""


@dataclass(frozen=True, slots=True)
class Token:
    """A signed report that was taken apart; nothing about it is proven.

    Parameters
    ----------
    text
        As it came.
    header
        Parsed; every value has the type it should have.
    payload
        The bytes that were signed.
    certificates
        DER, leaf first.
    """

    text: str
    header: Mapping[str, Any]
    payload: bytes
    certificates: tuple[bytes, ...]


def algorithm_of(key: object) -> str | None:
    """Return the one algorithm that a public key is used with here; None if it has none."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "EdDSA"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _CURVES.get(key.curve.name)
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _SMALLEST_RSA:
        return "PS256"
    return None


def thumbprint(key: PublicKey) -> str:
    """Return the SHA-256 thumbprint of a public key (RFC 7638), in base64url: 43 characters."""
    from joserfc.jwk import import_key

    return import_key(_pem(key), _kind(key)).thumbprint()  # type: ignore[call-overload,no-any-return]


def signed(payload: bytes, key: SigningKey, certificates: tuple[bytes, ...] = ()) -> str:
    """Return the signed form of a report, in one line of ASCII.

    Parameters
    ----------
    payload
        The report as JSON.
    key
        The private key.
    certificates
        DER, leaf first.
    """
    from joserfc.jwk import import_key
    from joserfc.jws import serialize_compact

    public = key.public_key()
    algorithm = algorithm_of(public)
    if algorithm is None:
        raise TypeError(f"no algorithm for a key of this kind: {type(key).__name__}")
    header: dict[str, Any] = {
        "alg": algorithm,
        "typ": TYPE,
        "cty": "json",
        "kid": thumbprint(public),
    }
    if certificates:
        # Standard base64, not the one for URLs (RFC 7515, 4.1.6).
        header["x5c"] = [base64.b64encode(one).decode("ascii") for one in certificates]
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    own = import_key(pem, _kind(public))  # type: ignore[call-overload]
    return serialize_compact(header, payload, own, registry=_registry(algorithm))


def parse(text: str) -> Token:
    """Take a signed report apart.

    Raises
    ------
    TokenError
        If it is too large or has not the form of one.
    """
    if len(text) > LARGEST:
        raise TokenError(f"larger than {LARGEST >> 20} MB, which no report is")
    parts = text.split(".", 3)
    if len(parts) != 3 or not all(_PART.fullmatch(part) for part in parts):
        raise TokenError("not three parts in base64url with dots between them (RFC 7515, 3.1)")
    if len(parts[0]) > _LARGEST_HEADER or len(parts[2]) > _LARGEST_SIGNATURE:
        raise TokenError("a header or a signature that is larger than any that are written")
    header = strict_json(_decoded(parts[0]))
    if not isinstance(header, dict):
        raise TokenError("its header is no JSON object")
    _check_header(header)
    return Token(text, header, _decoded(parts[1]), _certificates(header.get("x5c")))


def holds(token: Token, key: PublicKey) -> bool:
    """Return whether the signature is that of a key, with the key's own algorithm."""
    from joserfc.errors import JoseError
    from joserfc.jwk import import_key
    from joserfc.jws import deserialize_compact

    algorithm = algorithm_of(key)
    named = token.header["alg"]
    if algorithm is None or _ALSO.get(named, named) != algorithm:
        return False
    own = import_key(_pem(key), _kind(key))  # type: ignore[call-overload]
    try:
        result = deserialize_compact(token.text, own, registry=_registry(named))
    except JoseError:
        return False
    return result.payload == token.payload


def strict_json(data: bytes) -> Any:
    """Parse JSON in which no name stands twice, every number is one, and few levels are nested.

    Raises
    ------
    TokenError
        If it is anything else. Of two values under one name, two readers may take different ones.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        out = dict(pairs)
        if len(out) != len(pairs):
            raise TokenError("a name stands twice in its JSON")
        return out

    def refuse(constant: str) -> None:
        raise TokenError(f"{constant} is no JSON")

    def finite(text: str) -> float:
        number = float(text)
        if not math.isfinite(number):
            refuse(text[:20])
        return number

    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=unique,
            parse_constant=refuse,
            parse_float=finite,
        )
    except TokenError:
        raise
    except (ValueError, RecursionError):
        raise TokenError("it holds no JSON") from None
    if _deeper_than(value, _DEEPEST):
        raise TokenError("its JSON is nested more deeply than any report")
    return value


def _deeper_than(value: object, most: int) -> bool:
    """Return whether JSON is nested too deeply for those who walk through it."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(most):
        inner = (one.values() if isinstance(one, dict) else one for one in level)
        level = [v for values in inner for v in values if isinstance(v, dict | list)]
        if not level:
            return False
    return True


def _check_header(header: dict[str, Any]) -> None:
    if not isinstance(header.get("alg"), str):
        raise TokenError("its header names no algorithm")
    kind = header.get("typ")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") != TYPE:
        raise TokenError(f"not a signed report: its type (typ) is not {TYPE}")
    if "crit" in header or "b64" in header:
        raise TokenError("its header asks for an extension that is not known here")
    if not isinstance(header.get("kid", ""), str):
        raise TokenError("the key id in its header is no text")


def _certificates(values: object) -> tuple[bytes, ...]:
    if values is None:
        return ()
    if not isinstance(values, list) or not 0 < len(values) <= _MOST_CERTIFICATES:
        raise TokenError(f"not 1 to {_MOST_CERTIFICATES} certificates in its header (x5c)")
    try:
        return tuple(base64.b64decode(value, validate=True) for value in values)
    except (TypeError, ValueError):
        raise TokenError("a certificate in its header (x5c) is not in base64") from None


def _decoded(part: str) -> bytes:
    """Decode base64url without padding, of which there is one form only (RFC 4648, 3.5)."""
    try:
        data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raise TokenError("one of its parts is not in base64url") from None
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii") != part:
        raise TokenError("one of its parts is not in base64url")
    return data


def _kind(key: object) -> str:
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "EC"
    return "RSA" if isinstance(key, rsa.RSAPublicKey) else "OKP"


def _pem(key: PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@lru_cache
def _registry(algorithm: str) -> JWSRegistry:
    """Return the library's registry with a single algorithm, and with our limits."""
    from joserfc.errors import UnsupportedAlgorithmError
    from joserfc.jws import JWSRegistry

    class One(JWSRegistry):
        max_header_length = _LARGEST_HEADER
        max_payload_length = LARGEST
        max_signature_length = _LARGEST_SIGNATURE

        def get_alg(self, name: str) -> Any:
            # The library's own would warn of EdDSA, for which see _ALSO.
            if name != algorithm:
                raise UnsupportedAlgorithmError(f"not {algorithm}")
            return self.algorithms[name]

    return One(strict_check_header=False)
