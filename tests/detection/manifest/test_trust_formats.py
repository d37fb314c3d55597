"""The forms in which lists of certificates come: PEM, and the JSON that the C2PA publishes."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.detection.manifest.test_reader import CHAIN, OTHER
from tests.detection.manifest.test_trust import der_of, manifests, read, time_stamps
from waarmerk.detection.manifest.trust import TrustList
from waarmerk.errors import InputError

SHARED = Path(__file__).parents[2].parent / "shared" / "fixtures" / "c2pa" / "trust"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="needs the official lists in ../shared/fixtures/c2pa/trust"
)


def entity(der, status="http://c2pa.org/conformance/trust-list/trusted", since=None):
    service = {
        "ServiceName": [{"lang": "en", "value": "x"}],
        "ServiceDigitalIdentity": {"X509Certificates": [{"val": base64.b64encode(der).decode()}]},
        "ServiceStatus": status,
        "StatusStartingTime": since or "2025-05-08T22:32:21Z",
    }
    return {"TrustedEntityServices": [{"ServiceInformation": service}]}


def lote(*entities, name="C2PA Trust List"):
    scheme = {
        "LoTEVersionIdentifier": 1,
        "SchemeName": [{"lang": "en", "value": name}],
        "ListIssueDateTime": "2026-08-05T00:11:39Z",
        "NextUpdate": "2027-08-05T00:11:39+00:00",
    }
    both = {"ListAndSchemeInformation": scheme, "TrustedEntitiesList": list(entities)}
    return json.dumps({"LoTE": both}).encode()


def test_list_in_json():
    found = manifests(lote(entity(der_of(CHAIN.root)), entity(der_of(OTHER.root))), "c2pa")
    assert found.authorities == (der_of(CHAIN.root), der_of(OTHER.root))
    assert (found.issued, found.next_update) == ("2026-08-05T00:11:39Z", "2027-08-05T00:11:39Z")
    assert read(found).trust_list == "c2pa"
    # White space within the value, as some writers break it.
    assert manifests(lote(entity(der_of(CHAIN.root))).replace(b"MII", b"M\\nII")).authorities


def test_what_is_not_in_force_is_left_out():
    out = "http://c2pa.org/conformance/trust-list/untrusted"
    found = manifests(
        lote(
            entity(der_of(OTHER.root)),
            entity(der_of(CHAIN.root), out),
            entity(der_of(CHAIN.root), since="2999-01-01T00:00:00Z"),
        )
    )
    assert (found.authorities, found.left_out) == ((der_of(OTHER.root),), 2)
    with pytest.raises(InputError, match="no certificate in this list is in force"):
        manifests(lote(entity(der_of(CHAIN.root), out)))


def test_list_of_time_stamps_is_refused_among_signers():
    data = lote(entity(der_of(CHAIN.root)), name="C2PA TSA Trust List")
    with pytest.raises(InputError, match=r"list of time-stamp authorities.*--tsa"):
        manifests(data)
    assert time_stamps(data).kind == "tsa"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "holds no certificate"),
        (b"{", "is not the JSON"),
        (b'{"a": 1}', "no list of trusted entities"),
        (b'{"LoTE": []}', "no list of trusted entities"),
        (b'{"LoTE": {}}', "no certificate in this list"),
        (lote(entity(b"not DER")), "broken certificate"),
        (lote({"TrustedEntityServices": 5}), "no certificate in this list"),
        (b'{"LoTE": ' + b"[" * 100_000, "is not the JSON"),
        (b"eyJhbGciOiJFUzI1NiJ9.e30.x", "signed list"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "broken certificate"),
        (CHAIN.key, "private key"),
        (bytes(1 << 24) + b"x", "may have"),
    ],
)
def test_what_is_no_list(data, message):
    with pytest.raises(InputError, match=message) as caught:
        manifests(data, "given.pem")
    assert str(caught.value).startswith("given.pem: ")
    assert "\n" not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
KEYS = ("ListAndSchemeInformation", "TrustedEntitiesList", "TrustedEntityServices")


@settings(derandomize=True, deadline=None, max_examples=150)
@given(JSON, JSON, JSON)
def test_lists_of_any_shape(one, two, three):
    service = {"ServiceInformation": {"ServiceDigitalIdentity": one, "ServiceStatus": two}}
    for root in (
        {KEYS[0]: one, KEYS[1]: two},
        {KEYS[0]: {"SchemeName": three}, KEYS[1]: [{KEYS[2]: [service, one]}]},
        {KEYS[1]: [{KEYS[2]: [{"ServiceInformation": {
            "ServiceDigitalIdentity": {"X509Certificates": [{"val": three}]},
            "StatusStartingTime": two}}]}]},
    ):  # fmt: skip
        with pytest.raises(InputError):
            manifests(json.dumps({"LoTE": root}).encode())


@pytest.mark.shared
@needs_shared
def test_official_lists():
    official = TrustList.from_bytes((SHARED / "C2PA-TRUST-LIST.pem").read_bytes(), "c2pa")
    times = TrustList.from_bytes((SHARED / "C2PA-TSA-TRUST-LIST.pem").read_bytes(), "tsa", "tsa")
    assert len(official.authorities) == 30
    assert len(times.authorities) == 22
    with pytest.raises(InputError, match="--tsa"):
        TrustList.from_bytes((SHARED / "C2PA-TSA-TRUST-LIST.pem").read_bytes(), "c2pa")
    assert read(official, times).status == "valid"
    assert read(official, times, manifests(CHAIN.root, "own")).trust_list == "own"
