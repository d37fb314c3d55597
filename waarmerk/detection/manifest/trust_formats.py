"""Reading lists of certificates that may vouch for others, in the forms in which they come.

::

    PEM             -----BEGIN CERTIFICATE----- ..., with anything between: C2PA-TRUST-LIST.pem
    ETSI JSON       {"LoTE": {"TrustedEntitiesList": [... "val": base64 of DER ...]}}: TS 119 602
                    as the C2PA conformance programme publishes it, C2PA-TRUST-LIST.json

Every certificate is parsed. The C2PA library silently takes a broken PEM for an empty list, which
would turn a typing error into "signer unknown".
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from waarmerk.errors import InputError
from waarmerk.marking.provenance import mappings

if TYPE_CHECKING:
    from cryptography import x509

__all__ = ["MOST_BYTES", "Read", "read_certificates"]

MOST_BYTES = 1 << 24
"""Of a file with certificates."""

_MOST_CERTIFICATES = 5000
_TRUSTED = "/trust-list/trusted"  # the end of C2PA's ServiceStatus for what is in force
_TIME_STAMPING = "1.3.6.1.5.5.7.3.8"
_ASK_FOR_TSA = (
    "it would vouch for signers of manifests here; add it with `waarmerk trust add --tsa`"
)


@dataclass(frozen=True, slots=True)
class Read:
    """What a file with certificates holds.

    Parameters
    ----------
    authorities
        DER of those that vouch for whom they certified.
    signers
        DER of those that are signers themselves, certified by somebody else. The C2PA library
        knows them by themselves alone.
    issued, next_update
        RFC 3339, as the list says; None if it does not.
    left_out
        How many certificates it holds that are not in force.
    """

    authorities: tuple[bytes, ...] = field(repr=False)
    signers: tuple[bytes, ...] = field(repr=False)
    issued: str | None = None
    next_update: str | None = None
    left_out: int = 0


def read_certificates(data: bytes, name: str, *, for_time_stamps: bool = False) -> Read:
    """Read the certificates of a file, whatever its form.

    Parameters
    ----------
    data
        Of the file.
    name
        What to call it in an error.
    for_time_stamps
        Whether they are to vouch for time-stamps, not for signers of manifests.

    Raises
    ------
    InputError
        If there is none, one is broken, or they are not what they are to be used for.
    """
    if len(data) > MOST_BYTES:
        raise InputError(f"{name}: has {len(data):,} bytes, and may have {MOST_BYTES:,}")
    start = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"{"):
        certificates, told = _from_json(data, name, for_time_stamps=for_time_stamps)
    elif start.startswith(b"eyJ"):
        raise InputError(f"{name}: is a signed list (JWS); give the JSON that it holds")
    else:
        from waarmerk.marking.profile import parse_certificates

        certificates, told = parse_certificates(data, name), {}
    if len(certificates) > _MOST_CERTIFICATES:
        raise InputError(f"{name}: holds more than {_MOST_CERTIFICATES} certificates")
    return _sorted(certificates, name, for_time_stamps=for_time_stamps, **told)


def _from_json(
    data: bytes, name: str, *, for_time_stamps: bool
) -> tuple[list[x509.Certificate], dict[str, Any]]:
    """Read a list of trusted entities (ETSI TS 119 602 V1.1.1)."""
    try:
        lists = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: is not the JSON that it looks like: {error}") from None
    root = lists.get("LoTE") if isinstance(lists, Mapping) else None
    if not isinstance(root, Mapping):
        raise InputError(f'{name}: is JSON, but no list of trusted entities ("LoTE")')
    scheme = root.get("ListAndSchemeInformation")
    scheme = scheme if isinstance(scheme, Mapping) else {}
    called = " ".join(str(text.get("value")) for text in mappings(scheme.get("SchemeName")))
    if not for_time_stamps and "TSA" in called.split():
        raise InputError(f"{name}: is a list of time-stamp authorities; {_ASK_FOR_TSA}")
    found: list[x509.Certificate] = []
    left_out = 0
    for service, value in _values(root):
        if not _in_force(service):
            left_out += 1
        elif len(found) <= _MOST_CERTIFICATES:
            found.append(_certificate(value, name))
    if not found:
        raise InputError(f"{name}: no certificate in this list is in force")
    told = {
        "issued": _time(scheme.get("ListIssueDateTime")),
        "next_update": _time(scheme.get("NextUpdate")),
        "left_out": left_out,
    }
    return found, told


def _values(root: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], object]]:
    """Yield each certificate with what the list says about the service that has it."""
    for entity in mappings(root.get("TrustedEntitiesList")):
        for entry in mappings(entity.get("TrustedEntityServices")):
            service = entry.get("ServiceInformation")
            if not isinstance(service, Mapping):
                continue
            identity = service.get("ServiceDigitalIdentity")
            if isinstance(identity, Mapping):
                for certificate in mappings(identity.get("X509Certificates")):
                    yield service, certificate.get("val")


def _in_force(service: Mapping[str, Any]) -> bool:
    status, since = service.get("ServiceStatus"), service.get("StatusStartingTime")
    if status is not None and not (isinstance(status, str) and status.endswith(_TRUSTED)):
        return False
    start = _moment(since)
    return start is None or start <= datetime.now(UTC)


def _certificate(value: object, name: str) -> x509.Certificate:
    from cryptography import x509

    try:
        der = base64.b64decode("".join(str(value).split()), validate=True)
        return x509.load_der_x509_certificate(der)
    except (ValueError, binascii.Error):
        raise InputError(f"{name}: holds a broken certificate") from None


def _sorted(
    certificates: list[x509.Certificate],
    name: str,
    *,
    for_time_stamps: bool,
    issued: str | None = None,
    next_update: str | None = None,
    left_out: int = 0,
) -> Read:
    """Tell authorities from signers; each certificate once."""
    from cryptography.hazmat.primitives.serialization import Encoding

    authorities: dict[bytes, None] = {}
    signers: dict[bytes, None] = {}
    for certificate in certificates:
        der = certificate.public_bytes(Encoding.DER)
        try:
            authority, only_time = _is_authority(certificate), _only_time_stamps(certificate)
        except ValueError:
            raise InputError(f"{name}: holds a certificate with broken extensions") from None
        if only_time and not for_time_stamps:
            raise InputError(f"{name}: holds a certificate for time-stamps only; {_ASK_FOR_TSA}")
        if authority:
            authorities[der] = None
        elif not for_time_stamps:
            signers[der] = None
        else:
            left_out += 1
    if for_time_stamps and not authorities:
        raise InputError(
            f"{name}: holds the certificate of a time-stamp service alone; give that of the "
            "authority that certified it"
        )
    return Read(tuple(authorities), tuple(signers), issued, next_update, left_out)


def _is_authority(certificate: x509.Certificate) -> bool:
    """Return whether the C2PA library can build on a certificate: an authority, or its own one."""
    from cryptography import x509

    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return certificate.subject == certificate.issuer
    return basic.ca or certificate.subject == certificate.issuer


def _only_time_stamps(certificate: x509.Certificate) -> bool:
    from cryptography import x509

    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return [usage.dotted_string for usage in usages] == [_TIME_STAMPING]


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _time(value: object) -> str | None:
    moment = _moment(value)
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
