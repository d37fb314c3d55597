"""Signed reports: what holds, what does not, and who could ever be taken in."""

import base64
import hashlib
import hmac
import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from waarmerk.detection.finding import ManifestFinding
from waarmerk.detection.report import DetectionReport
from waarmerk.detection.signed import ReportSigner, jws, sign_report, verify_report
from waarmerk.detection.signed.jws import Token, holds, thumbprint
from waarmerk.errors import InputError, KeyFileError, SigningError
from waarmerk.marking.report import FileFacts

NOW = datetime(2026, 5, 22, 12, 0, tzinfo=UTC)
START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2120, 1, 1, tzinfo=UTC)
CONTENT = b"some content"
KEYS: dict[str, Any] = {
    "EdDSA": ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))),
    "ES256": ec.derive_private_key(0x1234567, ec.SECP256R1()),
    "ES384": ec.derive_private_key(0x1234567, ec.SECP384R1()),
    "ES512": ec.derive_private_key(0x1234567, ec.SECP521R1()),
    "PS256": rsa.generate_private_key(65537, 2048),
}
HASHES = {"ES256": hashes.SHA256(), "ES384": hashes.SHA384(), "ES512": hashes.SHA512()}


def pem(key: Any) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[no-any-return]


def public_pem(key: Any) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[no-any-return]


def report(content: bytes = CONTENT, when: datetime = NOW) -> DetectionReport:
    facts = FileFacts.of("a.png", content, "image/png")
    return DetectionReport.conclude(facts, [ManifestFinding("absent")], now=when)


def certificate(
    key: Any,
    name: str,
    issuer_key: Any,
    issuer: str,
    *,
    ca: bool = False,
    start: datetime = START,
    end: datetime = END,
    path_length: int | None = None,
    extra: x509.ExtensionType | None = None,
) -> x509.Certificate:
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca, path_length), critical=True)
    )
    if extra is not None:
        builder = builder.add_extension(extra, critical=True)
    algorithm = None if isinstance(issuer_key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(issuer_key, algorithm)


def as_pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


LEAF_KEY, ROOT_KEY, MIDDLE_KEY = KEYS["ES256"], KEYS["EdDSA"], KEYS["ES384"]
ROOT = certificate(ROOT_KEY, "root", ROOT_KEY, "root", ca=True)
MIDDLE = certificate(MIDDLE_KEY, "middle", ROOT_KEY, "root", ca=True)
LEAF = certificate(LEAF_KEY, "leaf", MIDDLE_KEY, "middle")


def signed(name: str = "ES256", chain: bytes | None = None, **changes: Any) -> str:
    return sign_report(report(**changes), ReportSigner.from_pem(pem(KEYS[name]), chain))


def part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unpart(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def forged(header: dict[str, Any], payload: bytes, key: Any = None) -> str:
    """Sign anything by hand, with cryptography's primitives alone."""
    text = part(json.dumps(header).encode()) + "." + part(payload)
    key = key or KEYS["EdDSA"]
    return text + "." + part(key.sign(text.encode()))


def header_of(line: str) -> dict[str, Any]:
    return json.loads(unpart(line.partition(".")[0]))  # type: ignore[no-any-return]


# --- what is written ---


@pytest.mark.parametrize("name", KEYS)
def test_a_report_is_signed_and_verified(name: str) -> None:
    line = signed(name)
    result = verify_report(line, keys=[public_pem(KEYS[name])], now=NOW)
    assert (result.state, result.known_by, result.reason) == ("verified", "key", None)
    assert result.report == report().as_dict()
    assert result.key_id == thumbprint(KEYS[name].public_key())
    assert result.content_matches is None


@pytest.mark.parametrize("name", KEYS)
def test_others_verify_it_with_primitives_alone(name: str) -> None:
    line = signed(name)
    head, payload, signature = line.split(".")
    message, raw = f"{head}.{payload}".encode(), unpart(signature)
    key = KEYS[name].public_key()
    if name == "EdDSA":
        key.verify(raw, message)
    elif name == "PS256":
        key.verify(raw, message, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    else:
        half = (key.key_size + 7) // 8
        assert len(raw) == 2 * half
        der = encode_dss_signature(
            int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big")
        )
        key.verify(der, message, ec.ECDSA(HASHES[name]))
    assert header_of(line) == {
        "alg": name,
        "typ": "waarmerk-report+jws",
        "cty": "json",
        "kid": thumbprint(key),
    }
    assert unpart(payload) == report().to_json().encode()


def test_what_the_law_asks_for_is_under_the_signature() -> None:
    """Content hash, detector identifier and time: SM2.1.2 of the Code of Practice."""
    data = json.loads(unpart(signed().split(".")[1]))
    assert data["input"]["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert data["detector"]["name"] == "waarmerk"
    assert data["detector"]["version"]
    assert data["time"] == "2026-05-22T12:00:00Z"


def test_the_key_is_nowhere_in_what_is_shown() -> None:
    signer = ReportSigner.from_pem(pem(KEYS["ES256"]))
    assert "PRIVATE" not in repr(signer)
    assert " _key=" not in repr(signer)
    assert signer.public_key == public_pem(KEYS["ES256"])


# --- published vectors, against the library that is used ---

RFC_7515_A3 = (
    "eyJhbGciOiJFUzI1NiJ9"
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cn"
    "VlfQ"
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)
RFC_8037_A4 = (
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
)
EC_POINT = (
    "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
)
ED_KEY = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
RSA_N = (
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP"
    "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY"
    "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f"
    "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
)


def number(text: str) -> int:
    return int.from_bytes(unpart(text), "big")


@pytest.mark.parametrize("vector", [RFC_7515_A3, RFC_8037_A4])
def test_published_signatures_hold(vector: str) -> None:
    head, payload, signature = vector.split(".")
    key: Any = (
        ec.EllipticCurvePublicNumbers(
            number(EC_POINT[0]), number(EC_POINT[1]), ec.SECP256R1()
        ).public_key()
        if vector == RFC_7515_A3
        else ed25519.Ed25519PublicKey.from_public_bytes(unpart(ED_KEY))
    )
    token = Token(vector, json.loads(unpart(head)), unpart(payload), ())
    assert holds(token, key)
    changed = f"{head}.{payload}.{part(bytes([unpart(signature)[0] ^ 1]) + unpart(signature)[1:])}"
    assert not holds(Token(changed, token.header, token.payload, ()), key)


def test_published_thumbprints() -> None:
    rsa_key = rsa.RSAPublicNumbers(65537, number(RSA_N)).public_key()
    assert thumbprint(rsa_key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"  # RFC 7638, 3.1
    ed_key = ed25519.Ed25519PublicKey.from_public_bytes(unpart(ED_KEY))
    assert thumbprint(ed_key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"  # RFC 8037, A.3


# --- who signed ---


def test_a_report_of_a_key_that_nobody_gave() -> None:
    line = signed()
    result = verify_report(line, now=NOW)
    assert result.state == "unchecked"
    assert result.report is None
    assert "give the public key" in (result.reason or "")
    assert verify_report(line, keys=[public_pem(KEYS["EdDSA"])], now=NOW).state == "unchecked"


def test_one_of_several_keys() -> None:
    everybody = [public_pem(key) for key in KEYS.values()]
    for name in KEYS:
        assert verify_report(signed(name), keys=everybody, now=NOW).state == "verified"


def test_a_certificate_that_nobody_vouches_for() -> None:
    line = signed("ES256", as_pem(LEAF, MIDDLE))
    result = verify_report(line, now=NOW)
    assert (result.state, result.signer, result.known_by) == ("intact", "CN=leaf", None)
    assert result.report is not None


def test_a_chain_to_a_root() -> None:
    line = signed("ES256", as_pem(LEAF, MIDDLE))
    assert verify_report(line, trust=[as_pem(ROOT)], now=NOW).known_by == "trust"
    assert verify_report(line, trust=[as_pem(MIDDLE)], now=NOW).known_by == "trust"
    assert verify_report(line, trust=[as_pem(LEAF)], now=NOW).known_by == "trust"
    assert verify_report(line, keys=[as_pem(LEAF)], now=NOW).known_by == "key"
    both = verify_report(line, keys=[public_pem(LEAF_KEY)], trust=[as_pem(ROOT)], now=NOW)
    assert (both.state, both.known_by) == ("verified", "key")


def bad_chain(**leaf: Any) -> bytes:
    return as_pem(certificate(LEAF_KEY, "leaf", MIDDLE_KEY, "middle", **leaf), MIDDLE)


CHAINS = {
    "another root": (
        as_pem(LEAF, MIDDLE),
        certificate(LEAF_KEY, "root", LEAF_KEY, "root", ca=True),
    ),
    "no intermediate": (as_pem(LEAF), ROOT),
    "intermediate is no authority": (
        as_pem(LEAF, certificate(MIDDLE_KEY, "middle", ROOT_KEY, "root")),
        ROOT,
    ),
    "root may have no intermediate": (
        as_pem(LEAF, MIDDLE),
        certificate(ROOT_KEY, "root", ROOT_KEY, "root", ca=True, path_length=0),
    ),
    "root has expired": (
        as_pem(LEAF, MIDDLE),
        certificate(ROOT_KEY, "root", ROOT_KEY, "root", ca=True, end=NOW - timedelta(days=1)),
    ),
    "intermediate has expired": (
        as_pem(
            LEAF,
            certificate(
                MIDDLE_KEY, "middle", ROOT_KEY, "root", ca=True, end=NOW - timedelta(days=1)
            ),
        ),
        ROOT,
    ),
    "name constraints": (
        as_pem(
            LEAF,
            certificate(
                MIDDLE_KEY, "middle", ROOT_KEY, "root", ca=True,
                extra=x509.NameConstraints([x509.DNSName("example.com")], None),
            ),
        ),
        ROOT,
    ),
    "certificate authorities in a circle": (
        as_pem(
            LEAF,
            certificate(MIDDLE_KEY, "middle", ROOT_KEY, "other", ca=True),
            certificate(ROOT_KEY, "other", MIDDLE_KEY, "middle", ca=True),
        ),
        ROOT,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CHAINS)
def test_chains_that_lead_nowhere(case: str) -> None:
    chain, root = CHAINS[case]
    result = verify_report(signed("ES256", chain), trust=[as_pem(root)], now=NOW)
    assert (result.state, result.known_by) == ("intact", None)
    assert result.reason


def test_a_report_from_outside_the_validity_of_its_certificate() -> None:
    chain = as_pem(LEAF, MIDDLE)
    for when in (START - timedelta(days=1), END + timedelta(days=1)):
        line = signed("ES256", chain, when=when)
        for known in ({"trust": [as_pem(ROOT)]}, {"keys": [as_pem(LEAF)]}):
            result = verify_report(line, now=END + timedelta(days=30), **known)  # type: ignore[arg-type]
            assert result.state == "invalid"
            assert "certificate" in (result.reason or "")


def test_a_certificate_that_expired_since_takes_nothing_back() -> None:
    line = signed("ES256", as_pem(LEAF, MIDDLE))
    later = END + timedelta(days=3000)
    assert verify_report(line, trust=[as_pem(ROOT)], now=later).state == "verified"


# --- what it is about ---


def test_the_content_is_compared(tmp_path: Path) -> None:
    same, other = tmp_path / "same", tmp_path / "other"
    same.write_bytes(CONTENT)
    other.write_bytes(CONTENT + b"!")
    known = [public_pem(KEYS["ES256"])]
    result = verify_report(signed(), keys=known, content=same, now=NOW)
    assert (result.state, result.content_matches) == ("verified", True)
    result = verify_report(signed(), keys=known, content=other, now=NOW)
    assert (result.state, result.content_matches) == ("invalid", False)
    assert "about other content" in (result.reason or "")
    with pytest.raises(InputError, match="cannot be read"):
        verify_report(signed(), keys=known, content=tmp_path / "none", now=NOW)


def test_a_report_from_the_future() -> None:
    line = signed(when=NOW + timedelta(hours=1))
    result = verify_report(line, keys=[public_pem(KEYS["ES256"])], now=NOW)
    assert result.state == "invalid"
    assert "future" in (result.reason or "")


# --- attacks ---


@pytest.mark.parametrize("name", KEYS)
def test_a_changed_report(name: str) -> None:
    head, payload, signature = signed(name).split(".")
    data = json.loads(unpart(payload)) | {"verdict": "generated", "basis": ["watermark"]}
    line = f"{head}.{part(json.dumps(data).encode())}.{signature}"
    result = verify_report(line, keys=[public_pem(KEYS[name])], now=NOW)
    assert (result.state, result.reason) == ("invalid", "its signature does not match")
    assert result.report is None


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 255))
def test_any_changed_character(position: int, change: int) -> None:
    line = bytearray(signed("EdDSA").encode())
    line[position % len(line)] ^= change
    result = verify_report(bytes(line), keys=[public_pem(KEYS["EdDSA"])], now=NOW)
    assert result.state in ("invalid", "unchecked")
    assert result.report is None


def test_none_is_no_algorithm() -> None:
    for name in ("none", "None", "NONE", "nOnE", ""):
        header = header_of(signed()) | {"alg": name}
        text = part(json.dumps(header).encode()) + "." + part(report().to_json().encode())
        for signature in ("", "AA"):
            result = verify_report(f"{text}.{signature}", keys=[public_pem(KEYS["ES256"])], now=NOW)
            assert result.state == "invalid"


@pytest.mark.parametrize("name", KEYS)
def test_a_public_key_is_no_secret_of_hmac(name: str) -> None:
    for secret in (public_pem(KEYS[name]), public_pem(KEYS[name]).strip()):
        header = header_of(signed(name)) | {"alg": "HS256"}
        text = part(json.dumps(header).encode()) + "." + part(report().to_json().encode())
        mac = hmac.new(secret, text.encode(), "sha256").digest()
        result = verify_report(f"{text}.{part(mac)}", keys=[public_pem(KEYS[name])], now=NOW)
        assert result.state == "invalid"


@pytest.mark.parametrize("algorithm", ["RS256", "PS512", "ES256", "ES512", "EdDSA", "HS512"])
def test_the_header_does_not_choose_the_algorithm(algorithm: str) -> None:
    key = KEYS["PS256"]
    header = header_of(signed("PS256")) | {"alg": algorithm}
    text = part(json.dumps(header).encode()) + "." + part(report().to_json().encode())
    signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    result = verify_report(f"{text}.{part(signature)}", keys=[public_pem(key)], now=NOW)
    assert result.state == "invalid"


def test_ed25519_under_its_newer_name() -> None:
    """RFC 9864 calls it so; both names mean the same key and the same signature."""
    header = header_of(signed("EdDSA")) | {"alg": "Ed25519"}
    line = forged(header, report().to_json().encode())
    assert verify_report(line, keys=[public_pem(KEYS["EdDSA"])], now=NOW).state == "verified"


def test_keys_and_addresses_in_the_header_are_not_used() -> None:
    attacker = ed25519.Ed25519PrivateKey.from_private_bytes(b"a" * 32)
    raw = attacker.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    header = header_of(signed("EdDSA")) | {
        "kid": thumbprint(attacker.public_key()),
        "jwk": {"kty": "OKP", "crv": "Ed25519", "x": part(raw)},
        "jku": "https://example.com/keys",
        "x5u": "https://example.com/chain",
    }
    line = forged(header, report().to_json().encode(), attacker)
    result = verify_report(line, keys=[public_pem(KEYS["EdDSA"])], now=NOW)
    assert (result.state, result.report) == ("unchecked", None)


def test_a_key_id_of_somebody_else() -> None:
    attacker = ed25519.Ed25519PrivateKey.from_private_bytes(b"a" * 32)
    line = forged(header_of(signed("EdDSA")), report().to_json().encode(), attacker)
    assert verify_report(line, keys=[public_pem(KEYS["EdDSA"])], now=NOW).state == "invalid"
    # Given both keys, too: it names the one and is signed with the other.
    both = [public_pem(KEYS["EdDSA"]), public_pem(attacker)]
    assert verify_report(line, keys=both, now=NOW).state == "invalid"


def test_a_certificate_of_somebody_else() -> None:
    chain = [base64.b64encode(LEAF.public_bytes(Encoding.DER)).decode()]
    header = header_of(signed("EdDSA")) | {"x5c": chain}
    for drop in (False, True):
        if drop:
            header.pop("kid")
        line = forged(header, report().to_json().encode())
        for known in ([], [public_pem(KEYS["EdDSA"])]):
            result = verify_report(line, keys=known, trust=[as_pem(ROOT)], now=NOW)
            assert result.state == "invalid"


@pytest.mark.parametrize(
    "change",
    [
        {"typ": "JWT"},
        {"typ": None},
        {"typ": 5},
        {"crit": ["exp"], "exp": 1},
        {"b64": False, "crit": ["b64"]},
        {"kid": 7},
        {"alg": ["EdDSA"]},
        {"alg": None},
        {"x5c": []},
        {"x5c": "AAAA"},
        {"x5c": [1]},
        {"x5c": ["AAAA"]},
        {"x5c": ["!!"]},
        {"x5c": ["AAAA"] * 9},
        {"x5c": [{"a": 1}]},
    ],
    ids=str,
)
def test_headers_that_are_refused(change: dict[str, Any]) -> None:
    line = forged(header_of(signed("EdDSA")) | change, report().to_json().encode())
    result = verify_report(line, keys=[public_pem(KEYS["EdDSA"])], now=NOW)
    assert result.state == "invalid"
    assert "not a signed report" in (result.reason or "")


def test_a_certificate_of_a_version_that_does_not_exist() -> None:
    broken = LEAF.public_bytes(Encoding.DER).replace(bytes.fromhex("a003020102"), b"\xa0\3\2\1\x2b")
    line = jws.signed(report().to_json().encode(), LEAF_KEY, (broken,))
    result = verify_report(line, trust=[as_pem(ROOT)], now=NOW)
    assert (result.state, result.report) == ("invalid", None)
    assert "is broken" in (result.reason or "")


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.integers(0, 1), st.integers(0, 10**6), st.integers(1, 255))
def test_any_changed_byte_of_a_certificate(which: int, position: int, change: int) -> None:
    chain = [bytearray(one.public_bytes(Encoding.DER)) for one in (LEAF, MIDDLE)]
    chain[which][position % len(chain[which])] ^= change
    line = jws.signed(report().to_json().encode(), LEAF_KEY, tuple(map(bytes, chain)))
    if verify_report(line, trust=[as_pem(ROOT)], now=NOW).state not in ("invalid", "intact"):
        # The count of unused bits of the signature's BIT STRING: what was signed is unchanged.
        read = x509.load_der_x509_certificate(bytes(chain[which]))
        assert read.tbs_certificate_bytes == (LEAF, MIDDLE)[which].tbs_certificate_bytes
        assert read.signature[:-1] == (LEAF, MIDDLE)[which].signature[:-1]


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "waarmerk.detection/2"},
        {"schema": "waarmerk.mark/1"},
        {"schema": None},
        {"verdict": "real"},
        {"verdict": []},
        {"basis": "watermark"},
        {"basis": [1]},
        {"summary": {"en": "x"}},
        {"findings": []},
        {"findings": [1]},
        {"findings": [{"layer": "hunch", "status": "found"}]},
        {"detector": {}},
        {"time": "yesterday"},
        {"time": "2026-13-22T12:00:00Z"},
        {"time": 5},
        {"input": {}},
        {"input": {"name": "x", "sha256": "AB", "size": 1, "media_type": "image/png"}},
        {"input": {"name": "x", "sha256": "ab" * 32, "size": True, "media_type": "image/png"}},
    ],
    ids=str,
)
def test_payloads_that_are_no_reports(change: dict[str, Any]) -> None:
    payload = json.dumps(report().as_dict() | change).encode()
    result = verify_report(
        forged(header_of(signed("EdDSA")), payload), keys=[public_pem(KEYS["EdDSA"])], now=NOW
    )
    assert (result.state, result.report) == ("invalid", None)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"schema": "waarmerk.detection/1", "schema": "x"}',
        b'{"schema": NaN}',
        b'{"schema": 1e999}',
        json.dumps(report().as_dict() | {"more": 1}).replace('"more": 1', '"more": 1e999').encode(),
        json.dumps(report().as_dict()).replace("[", "[" * 40, 1).replace("]", "]" * 40, 1).encode(),
        json.dumps(report().as_dict() | {"more": json.loads("[" * 900 + "]" * 900)}).encode(),
        b"1" * 100_000,
    ],
    ids=lambda data: f"{len(data)} {data[:12]!r}",
)
def test_payloads_that_are_no_json_of_ours(payload: bytes) -> None:
    line = forged(header_of(signed("EdDSA")), payload)
    result = verify_report(line, keys=[public_pem(KEYS["EdDSA"])], now=NOW)
    assert result.state == "invalid"


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "a.b.c.d",
        "e30.e30.e30",
        "bnVsbA.e30.AA",
        "W10.e30.AA",
        "\x00.\x01.\x02",
        "é.é.é",
        "[" * 1000 + ".a.a",
        "A" * 100_000 + ".AA.AA",
        "e30.AA." + "A" * 100_000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_what_is_no_token(text: str) -> None:
    assert verify_report(text, now=NOW).state == "invalid"
    assert verify_report(text.encode(), now=NOW).state == "invalid"


def test_base64_has_one_form_only() -> None:
    head, payload, signature = signed("EdDSA").split(".")
    known = [public_pem(KEYS["EdDSA"])]
    assert verify_report(f"{head}.{payload}.{signature}==", keys=known, now=NOW).state == "invalid"
    assert verify_report(f"{head}.{payload}.{signature}\n", keys=known, now=NOW).state == "verified"
    assert (
        verify_report(f"{head}.{payload[:9]}\n{payload[9:]}.{signature}", keys=known, now=NOW).state
        == "invalid"
    )


def test_huge_input_takes_no_time() -> None:
    start = time.perf_counter()
    for text in ("A" * 20_000_000, "." * 20_000_000, "A." * 10_000_000, "[" * 20_000_000):
        assert verify_report(text, now=NOW).state == "invalid"
        assert verify_report(text.encode(), now=NOW).state == "invalid"
    header = part(json.dumps({"x5c": ["A" * 40_000] * 8}).encode())
    assert verify_report(f"{header}.AA.AA", now=NOW).state == "invalid"
    nested = part(b"[" * 40_000)
    assert verify_report(f"{nested}.AA.AA", now=NOW).state == "invalid"
    assert time.perf_counter() - start < 2


# --- bad keys ---


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sign.pem"
    path.write_bytes(pem(KEYS["ES256"]))
    path.chmod(0o600)
    assert ReportSigner.from_files(path).algorithm == "ES256"
    if os.name == "posix":
        path.chmod(0o640)
        with pytest.raises(KeyFileError, match="chmod 600"):
            ReportSigner.from_files(path)


def test_key_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot read this key"):
        ReportSigner.from_files(tmp_path / "missing.pem")
    public = tmp_path / "public.pem"
    public.write_bytes(public_pem(KEYS["ES256"]))
    with pytest.raises(KeyFileError, match="holds no private key"):
        ReportSigner.from_files(public)
    big = tmp_path / "big.pem"
    big.write_bytes(b"-----BEGIN PRIVATE KEY-----" * 50_000)
    with pytest.raises(KeyFileError, match="holds no private key"):
        ReportSigner.from_files(big)


def test_encrypted_keys(tmp_path: Path) -> None:
    locked = KEYS["ES256"].private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    assert ReportSigner.from_pem(locked, password=b"secret").algorithm == "ES256"
    with pytest.raises(SigningError, match="is encrypted"):
        ReportSigner.from_pem(locked)
    with pytest.raises(SigningError, match="password is wrong"):
        ReportSigner.from_pem(locked, password=b"wrong")


def test_keys_of_other_kinds() -> None:
    for key in (
        rsa.generate_private_key(65537, 1024),  # noqa: S505 - refused
        ec.derive_private_key(5, ec.SECP256K1()),
        dsa.generate_private_key(1024),  # noqa: S505 - refused
    ):
        with pytest.raises(SigningError):
            ReportSigner.from_pem(pem(key))
        with pytest.raises(InputError, match="not signed with a key of this kind"):
            verify_report(signed(), keys=[public_pem(key)])


def test_certificates_that_do_not_fit() -> None:
    key = pem(LEAF_KEY)
    with pytest.raises(SigningError, match="not for this key"):
        ReportSigner.from_pem(key, as_pem(MIDDLE, LEAF))
    with pytest.raises(SigningError, match="expired"):
        ReportSigner.from_pem(key, bad_chain(end=datetime(2021, 1, 1, tzinfo=UTC)))
    with pytest.raises(SigningError, match="at most 8"):
        ReportSigner.from_pem(key, as_pem(LEAF, *[MIDDLE] * 8))
    with pytest.raises(InputError, match="no certificate"):
        ReportSigner.from_pem(key, b"nothing")


def test_what_is_given_as_a_public_key(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give the public one"):
        verify_report(signed(), keys=[pem(KEYS["ES256"])])
    with pytest.raises(InputError, match="neither a public key nor a certificate"):
        verify_report(signed(), keys=[b"nothing"])
    with pytest.raises(InputError, match="broken certificate"):
        verify_report(
            signed(), keys=[b"-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----"]
        )
    with pytest.raises(InputError, match="cannot be read"):
        verify_report(signed(), keys=[tmp_path / "none.pem"])
    with pytest.raises(InputError, match="no certificate"):
        verify_report(signed(), trust=[public_pem(KEYS["ES256"])])
    big = tmp_path / "big.pem"
    big.write_bytes(b"x" * (2 << 20))
    with pytest.raises(InputError, match="larger than any PEM file"):
        verify_report(signed(), keys=[big])


def test_a_report_too_large_to_check_is_not_signed() -> None:
    finding = ManifestFinding("invalid", codes=("x" * 3999,) * 1200)
    large = DetectionReport.conclude(FileFacts.of("a", b"a", "image/png"), [finding], now=NOW)
    with pytest.raises(SigningError, match="larger than the 4 MB"):
        sign_report(large, ReportSigner.from_pem(pem(KEYS["EdDSA"])))
    assert len(large.to_json()) > jws.LARGEST


def test_primitives_notice_a_change() -> None:
    """The independent check above is one: it refuses what is wrong."""
    head, payload, signature = signed("EdDSA").split(".")
    with pytest.raises(InvalidSignature):
        KEYS["EdDSA"].public_key().verify(unpart(signature), f"{head}.{payload}x".encode())
