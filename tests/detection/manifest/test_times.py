"""When a manifest was signed, as an authority on this machine says that is trusted with that."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.detection.manifest.test_reader import CHAIN, issue, signed
from waarmerk.detection.manifest import read_manifest
from waarmerk.detection.manifest.trust import TrustList, TrustLists
from waarmerk.marking.manifest import Signer

pytest.importorskip("asn1crypto", reason="the authority is written with asn1crypto")

from tests.tsa import running


@pytest.fixture(scope="module")
def stamping():
    with running() as authority:
        yield authority


@pytest.fixture(scope="module")
def stamped(stamping):
    return signed(
        "JPEG", signer=Signer.from_pem(CHAIN.chain, CHAIN.key, timestamp=stamping.address)
    )


def read(data, *, signers=(), times=()):
    lists = [TrustList.from_bytes(pem, "signers") for pem in signers]
    lists += [TrustList.from_bytes(pem, "times", "tsa") for pem in times]
    return read_manifest(data, "image/jpeg", TrustLists(lists))


def test_time_that_is_vouched_for(stamping, stamped):
    finding = read(stamped, signers=[CHAIN.root], times=[stamping.root])
    assert (finding.status, finding.trust_list) == ("trusted", "signers")
    age = datetime.now(UTC) - datetime.fromisoformat(finding.signed_at)
    assert timedelta(0) <= age < timedelta(minutes=5)


def test_time_that_nobody_vouches_for(stamped):
    finding = read(stamped, signers=[CHAIN.root])
    assert finding.status == "trusted"
    assert "timeStamp.validated" in finding.codes
    assert finding.signed_at is None


def test_authority_for_both(stamping, stamped):
    # As half of the official authorities are: on the lists of both kinds.
    both = CHAIN.root + stamping.root
    finding = read(stamped, signers=[both], times=[stamping.root + CHAIN.root])
    assert (finding.status, finding.trust_list) == ("trusted", "signers")
    assert finding.signed_at is not None


def test_time_that_was_not_asked_for():
    assert read(signed("JPEG"), signers=[CHAIN.root]).signed_at is None


def test_time_keeps_a_manifest_after_its_certificate(stamping):
    signer, root = issue(seconds=3)
    renewed = replace(signer, timestamp=stamping.address)
    data = signed("JPEG", signer=renewed)
    time.sleep(max(0.0, (signer.certificate.not_after - datetime.now(UTC)).total_seconds()) + 1.1)
    finding = read(data, signers=[root], times=[stamping.root])
    assert (finding.status, finding.trust_list) == ("trusted", "signers")
    assert finding.signed_at is not None
    for _ in range(5):  # on both lists, too
        finding = read(data, signers=[root], times=[stamping.root + root])
        assert finding.status == "trusted"
    finding = read(data, signers=[root])
    assert finding.status == "invalid"
    assert finding.reason == "the certificate of its signer has expired"
    # Nor does whoever vouches for the time alone make the signer known.
    assert read(data, times=[stamping.root, root]).status != "trusted"
