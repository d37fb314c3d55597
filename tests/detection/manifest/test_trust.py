"""Lists of trust: who may vouch for whom, and what the C2PA library is asked with."""

import io
import os
from datetime import UTC, datetime, timedelta

import c2pa
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.detection.manifest.test_reader import CHAIN, OTHER, changed, picture, signed
from waarmerk.detection.manifest import read_manifest
from waarmerk.detection.manifest.trust import TrustList, TrustLists
from waarmerk.detection.manifest.trust_list import _context
from waarmerk.detection.manifest.wording import signer_of, without_addresses
from waarmerk.errors import InputError
from waarmerk.marking.manifest import Parent, Signer
from waarmerk.marking.profile import CLAIM_SIGNING
from waarmerk.marking.provenance import GENERATED, offline_settings

SIGNED = signed("JPEG")


def manifests(pem, name="own"):
    return TrustList.from_bytes(pem, name)


def time_stamps(pem, name="time"):
    return TrustList.from_bytes(pem, name, "tsa")


def split(pem):
    end = b"-----END CERTIFICATE-----\n"
    return [part + end for part in pem.split(end) if part.strip()]


LEAF, INTERMEDIATE = split(CHAIN.chain)


def read(*lists, data=SIGNED, media_type="image/jpeg"):
    return read_manifest(data, media_type, TrustLists(lists))


# --- who vouches


def test_list_that_vouches_is_named():
    finding = read(manifests(OTHER.root, "others"), manifests(CHAIN.root, "ours"))
    assert (finding.status, finding.trust_list) == ("trusted", "ours")
    finding = read(manifests(OTHER.root, "others"))
    assert (finding.status, finding.trust_list) == ("valid", None)
    assert read().trust_list is None


def test_list_is_named_for_broken_files_too():
    finding = read(manifests(CHAIN.root, "ours"), data=changed(SIGNED, len(SIGNED) - 3))
    assert (finding.status, finding.trust_list) == ("invalid", "ours")


def test_paths_are_named_by_their_file(tmp_path):
    (tmp_path / "our roots.pem").write_bytes(CHAIN.root)
    finding = read_manifest(SIGNED, "image/jpeg", [tmp_path / "our roots.pem"])
    assert finding.trust_list == "our roots.pem"


@pytest.mark.parametrize("order", [1, -1])
def test_authority_for_time_stamps_vouches_for_no_signer(order):
    lists = [manifests(OTHER.root), time_stamps(CHAIN.root)][::order]
    finding = read(*lists)
    assert (finding.status, finding.trust_list) == ("valid", None)
    assert "signingCredential.untrusted" in finding.codes
    assert "signingCredential.trusted" not in finding.codes


def test_nor_for_the_signer_of_an_ingredient():
    other = Signer.from_pem(OTHER.chain, OTHER.key)
    parent = Parent(signed("JPEG", signer=other), "image/jpeg", "first.jpg")
    data = signed("PNG", parent=parent)
    lists = manifests(CHAIN.root), time_stamps(OTHER.root)
    finding = read(*lists, data=data, media_type="image/png")
    assert finding.trust_list == "own"
    assert "signingCredential.trusted@ingredient" not in finding.codes


@pytest.mark.parametrize(
    ("own", "time"),
    [
        (CHAIN.root, CHAIN.root),
        (CHAIN.root, INTERMEDIATE),
        (INTERMEDIATE, CHAIN.root),
        (CHAIN.root + OTHER.root, OTHER.root + INTERMEDIATE + CHAIN.root),
    ],
    ids=["the same", "below", "above", "among others"],
)
def test_authorities_on_lists_of_both_kinds(own, time):
    # The library names one of the lists by chance, and another each time.
    for _ in range(12):
        _context.cache_clear()
        finding = read(manifests(own), time_stamps(time))
        assert (finding.status, finding.trust_list) == ("trusted", "own")


def test_certificate_of_a_signer_vouches_for_that_signer():
    finding = read(manifests(LEAF, "one signer"))
    assert (finding.status, finding.trust_list) == ("trusted", "one signer")
    listed = manifests(LEAF, "one signer")
    assert (len(listed.authorities), len(listed.signers)) == (0, 1)
    other = split(OTHER.chain)[0]
    assert read(manifests(other)).status == "valid"


def certificate(subject, *, issuer=None, usages=None, days=300, ca=False, signer=None):
    """Return (certificate, key); signed by `signer`, or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    by_key = signer[1] if signer else key
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(signer[0].subject if signer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False), critical=True
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(by_key.public_key()), critical=False
        )
    )
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=True)
    return builder.sign(by_key, hashes.SHA256()), key


def pem_of(made):
    return made[0].public_bytes(Encoding.PEM)


def test_self_signed_signer_is_known_by_its_own_certificate():
    made = certificate("Self", usages=[CLAIM_SIGNING])
    key = made[1].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    native = c2pa.Signer.from_info(
        c2pa.C2paSignerInfo(alg=b"es256", sign_cert=pem_of(made), private_key=key, ta_url=None)
    )
    created = {"action": "c2pa.created", "digitalSourceType": GENERATED}
    definition = {
        "claim_generator_info": [{"name": "test"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}],
    }
    context = c2pa.Context.from_dict(offline_settings(pem_of(made).decode()))
    out = io.BytesIO()
    c2pa.Builder(definition, context=context).sign(
        native, "image/jpeg", io.BytesIO(picture("JPEG")), out
    )
    finding = read(manifests(pem_of(made), "self"), data=out.getvalue())
    assert (finding.status, finding.trust_list) == ("trusted", "self")
    assert read(data=out.getvalue()).status == "valid"


def der_of(pem):
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


def test_time_stamp_certificates_are_refused_among_signers(tmp_path):
    root = certificate("Time root", ca=True)
    issuing = certificate(
        "Time CA", ca=True, usages=[ExtendedKeyUsageOID.TIME_STAMPING], signer=root
    )
    leaf = certificate("Time", usages=[ExtendedKeyUsageOID.TIME_STAMPING], signer=issuing)
    with pytest.raises(InputError, match=r"for time-stamps only.*trust add --tsa"):
        manifests(pem_of(root) + pem_of(issuing))
    found = time_stamps(pem_of(root) + pem_of(issuing) + pem_of(leaf))
    assert (len(found.authorities), len(found.signers), found.left_out) == (2, 0, 1)
    with pytest.raises(InputError, match="time-stamp service alone"):
        time_stamps(pem_of(leaf))


# --- contexts


def test_context_is_made_once_for_the_same_lists():
    one, two = (TrustLists([manifests(CHAIN.root)]) for _ in range(2))
    assert one == two
    assert one.context() is two.context()
    assert one.context() is one.context(for_manifests=True)
    both = one + TrustLists([time_stamps(OTHER.root)])
    assert both.context() is not one.context()
    assert both.context(for_manifests=True) is one.context()
    assert [found.name for found in both] == ["own", "time"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # fork beside threads
def test_lists_survive_a_fork():
    import multiprocessing

    assert read(manifests(CHAIN.root)).status == "trusted"
    # The context that was just used does not outlive the fork; another is made in the child.
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found = pool.map(_status, [CHAIN.root, OTHER.root] * 3)
    assert found == ["trusted", "valid"] * 3
    assert read(manifests(CHAIN.root)).status == "trusted"


def _status(root):
    return read(manifests(root)).status


# --- names


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Adobe Inc.", "Adobe Inc."),
        ("Jan <jan@example.org>", "Jan (e-mail address)"),
        ("jan@example.org", None),
        ("mailto:jan.jansen+x@mail.example.org", None),
        ("a@b, c@d", None),
        ("@home", "@home"),
        ("at 5 @ night", "at 5 @ night"),
        ("x" * 300 + "@" + "y" * 300, None),
    ],
)
def test_addresses_are_left_out(name, expected):
    found = without_addresses(name)
    assert found == expected or (expected is None and found is not None and name not in found)


def test_signer_without_addresses():
    def signer(common, organization):
        return signer_of({"signature_info": {"common_name": common, "issuer": organization}})

    assert signer("jan@example.org", "Example") == "Example"
    assert signer("Jan (jan@example.org)", None) == "Jan (e-mail address)"
    assert signer("jan@example.org", None) == "(e-mail address)"
    assert signer(None, None) is None
    assert signer(5, ["x"]) is None
