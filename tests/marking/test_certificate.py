"""Test chains follow the C2PA profile, and a certificate outside it is refused with the reason."""

import io
import stat
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import c2pa
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from PIL import Image

from waarmerk.errors import InputError, OutputError, SigningError
from waarmerk.marking.certificate import certificate_files, make_test_chain, write_test_chain
from waarmerk.marking.manifest import ManifestContent, Signer, sign_bytes
from waarmerk.marking.profile import CLAIM_SIGNING, check_chain, load_key, parse_certificates
from waarmerk.marking.provenance import offline_settings

NOW = datetime.now(UTC)


def name(common):
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "NL"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


class Authority:
    """Issues leaves that are right in everything except what a test changes."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name("Authority"))
            .issuer_name(name("Root"))
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(NOW - timedelta(days=400))
            .not_valid_after(NOW + timedelta(days=400))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self.key, hashes.SHA256())
        )

    def leaf(
        self,
        *,
        key=None,
        usages=(CLAIM_SIGNING,),
        start=NOW - timedelta(days=1),
        end=NOW + timedelta(days=1),
        key_usage=("digital_signature",),
        is_ca=False,
        authority_key=True,
        extra=None,
        self_signed=False,
    ):
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject = name("Leaf")
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if self_signed else name("Authority"))
            .public_key(key.public_key())
            .serial_number(2)
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )
        if usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        if key_usage is not None:
            bits = [
                "digital_signature",
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "key_cert_sign",
                "crl_sign",
                "encipher_only",
                "decipher_only",
            ]
            usage = x509.KeyUsage(**{bit: bit in key_usage for bit in bits})
            builder = builder.add_extension(usage, critical=True)
        if authority_key:
            identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
            builder = builder.add_extension(identifier, critical=False)
        if extra is not None:
            builder = builder.add_extension(extra, critical=True)
        certificate = builder.sign(key if self_signed else self.key, hashes.SHA256())
        return certificate, key

    def chain(self, **changes):
        return pem(self.leaf(**changes)[0], self.certificate)


def pem(*certificates):
    return b"".join(c.public_bytes(Encoding.PEM) for c in certificates)


def pkcs8(key, encryption=None):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


@pytest.fixture(scope="module")
def authority():
    return Authority()


# --- the chain that waarmerk makes


def test_chain_follows_the_profile():
    made = make_test_chain("Someone")
    leaf, intermediate = x509.load_pem_x509_certificates(made.chain)
    (root,) = x509.load_pem_x509_certificates(made.root)
    leaf.verify_directly_issued_by(intermediate)
    intermediate.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)

    for certificate in (leaf, intermediate, root):
        assert certificate.version is x509.Version.v3
        for oid in (NameOID.COUNTRY_NAME, NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME):
            assert len(certificate.subject.get_attributes_for_oid(oid)) == 1
        extensions = certificate.extensions
        assert extensions.get_extension_for_class(x509.BasicConstraints).critical
        assert extensions.get_extension_for_class(x509.KeyUsage).critical
        extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.content_commitment
    assert not usage.key_cert_sign
    usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usages) == {CLAIM_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION}
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc <= timedelta(days=366)
    assert [
        c.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        for c in (leaf, intermediate, root)
    ] == [False, True, True]
    # Nothing that only a certificate of the real programme may say.
    with pytest.raises(x509.ExtensionNotFound):
        leaf.extensions.get_extension_for_class(x509.CertificatePolicies)


def test_chain_passes_the_check_and_is_known_as_a_test():
    made = make_test_chain()
    checked = check_chain(made.chain, key=load_key(made.key))
    assert checked.algorithms == ("es256",)
    assert checked.is_test
    assert checked.name == "waarmerk test signer (waarmerk test certificate)"
    assert made.key.decode() not in repr(made)


def test_no_two_chains_share_a_key():
    one, other = make_test_chain(), make_test_chain()
    with pytest.raises(SigningError, match="private key belongs to another certificate"):
        check_chain(one.chain, key=load_key(other.key))
    with pytest.raises(ValueError, match=r".*"):
        load_pem_private_key(one.root, None)  # the root's key is nowhere


def test_certificate_of_others_is_no_test_certificate(authority):
    assert not check_chain(authority.chain()).is_test


# --- files


def test_files_lie_beside_the_key(tmp_path):
    files = write_test_chain(tmp_path / "key.json")
    assert files == certificate_files(tmp_path / "key.json")
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "key.cert.pem",
        "key.root.pem",
        "key.sign.pem",
    ]
    check_chain(files.chain.read_bytes(), key=load_key(files.key.read_bytes()))
    assert files.key.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert len(parse_certificates(files.chain.read_bytes(), "chain")) == 2
    assert len(parse_certificates(files.root.read_bytes(), "root")) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no POSIX modes")
def test_only_the_owner_can_read_the_private_key(tmp_path):
    files = write_test_chain(tmp_path / "key.json")
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.chain.stat().st_mode) == 0o644


@pytest.mark.parametrize("existing", ["key.cert.pem", "key.sign.pem", "key.root.pem"])
def test_nothing_is_overwritten_unless_asked(tmp_path, existing):
    (tmp_path / existing).write_text("precious")
    with pytest.raises(OutputError, match=rf"{existing}: exists already"):
        write_test_chain(tmp_path / "key.json")
    assert [p.name for p in tmp_path.iterdir()] == [existing]
    assert (tmp_path / existing).read_text() == "precious"
    write_test_chain(tmp_path / "key.json", overwrite=True)
    assert (tmp_path / existing).read_text() != "precious"


def test_missing_folder_is_one_clear_error(tmp_path):
    with pytest.raises(OutputError, match=r"key\.sign\.pem: .*the folder .*missing does not exist"):
        write_test_chain(tmp_path / "missing" / "key.json")
    assert not list(tmp_path.iterdir())


def test_nothing_is_left_behind_when_one_file_cannot_be_written(tmp_path):
    (tmp_path / "key.cert.pem").mkdir()
    with pytest.raises(OutputError, match=r"key\.cert\.pem"):
        write_test_chain(tmp_path / "key.json", overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["key.cert.pem"]


# --- what is wrong with a certificate

WRONG = {
    "expired": ({"end": NOW - timedelta(hours=1)}, r"expired on \d{4}-\d\d-\d\d; get a new one"),
    "not yet valid": ({"start": NOW + timedelta(hours=1)}, "is not valid before"),
    "self-signed": ({"self_signed": True}, "is self-signed"),
    "an authority": ({"is_ca": True}, "certificate authority, which must not sign"),
    "no EKU": ({"usages": ()}, "has no extended key usage; it needs C2PA claim signing"),
    "TLS EKU": (
        {"usages": (ExtendedKeyUsageOID.SERVER_AUTH,)},
        r"wrong extended key usage \(1\.3\.6\.1\.5\.5\.7\.3\.1\)",
    ),
    "any EKU": (
        {"usages": (CLAIM_SIGNING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)},
        "any extended key usage, which is not allowed",
    ),
    "time-stamping mixed in": (
        {"usages": (CLAIM_SIGNING, ExtendedKeyUsageOID.TIME_STAMPING)},
        "is for time-stamping or OCSP",
    ),
    "no key usage": ({"key_usage": None}, "has no key usage; ask its issuer for one"),
    "other key usage": ({"key_usage": ("key_agreement",)}, "does not allow digital signatures"),
    "may issue": (
        {"key_usage": ("digital_signature", "key_cert_sign")},
        "key usage allows issuing certificates",
    ),
    "no AKI": ({"authority_key": False}, "has no authority key identifier"),
    "unknown critical extension": (
        {"extra": x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00")},
        r"critical extension that is not known: 1\.2\.3\.4",
    ),
    "small RSA key": (
        {"key": rsa.generate_private_key(public_exponent=65537, key_size=1024)},  # noqa: S505
        "RSA key has 1024 bits; use P-256",
    ),
    "curve": (
        {"key": ec.generate_private_key(ec.SECP256K1())},
        "its key is on curve secp256k1; use P-256",
    ),
    "Ed448": (
        {"key": ed448.Ed448PrivateKey.generate()},
        "its kind of key is not allowed; use P-256",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_certificate_is_named(authority, case):
    changes, message = WRONG[case]
    with pytest.raises(SigningError, match=message) as caught:
        check_chain(authority.chain(**changes), source="chain.pem")
    assert str(caught.value).startswith("chain.pem: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "algorithms"),
    [
        (ec.generate_private_key(ec.SECP384R1()), ("es384",)),
        (ec.generate_private_key(ec.SECP521R1()), ("es512",)),
        (ed25519.Ed25519PrivateKey.generate(), ("ed25519",)),
        (
            rsa.generate_private_key(public_exponent=65537, key_size=2048),
            ("ps256", "ps384", "ps512"),
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_algorithm_follows_from_the_key(authority, key, algorithms):
    chain = authority.chain(key=key)
    assert check_chain(chain, key=key).algorithms == algorithms


@pytest.mark.parametrize(
    "make",
    [
        lambda: ec.generate_private_key(ec.SECP384R1()),
        lambda: ec.generate_private_key(ec.SECP521R1()),
        ed25519.Ed25519PrivateKey.generate,
        lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    ],
    ids=["es384", "es512", "ed25519", "ps256"],
)
def test_every_kind_of_key_really_signs(authority, make):
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(out, "PNG")
    key = make()
    signer = Signer.from_pem(authority.chain(key=key), pkcs8(key))
    signed = sign_bytes(out.getvalue(), "image/png", signer, ManifestContent(title="x.png"))
    context = c2pa.Context.from_dict(offline_settings())
    with c2pa.Reader("image/png", io.BytesIO(signed), context=context) as reader:
        assert reader.get_validation_state() == "Valid"


@pytest.mark.parametrize(
    "usage", [ExtendedKeyUsageOID.EMAIL_PROTECTION, ObjectIdentifier("1.3.6.1.5.5.7.3.36")]
)
def test_older_usages_are_accepted(authority, usage):
    check_chain(authority.chain(usages=(usage,)))


def test_order_of_the_chain_matters(authority):
    leaf, _ = authority.leaf()
    with pytest.raises(SigningError, match="put the leaf first"):
        check_chain(pem(authority.certificate, leaf))
    with pytest.raises(SigningError, match=r"certificate 1 of the chain was not issued by"):
        check_chain(pem(leaf, Authority().certificate))


def test_expired_authority_is_found(authority):
    with pytest.raises(SigningError, match="expired on"):
        check_chain(authority.chain(end=NOW + timedelta(days=500)), now=NOW + timedelta(days=450))


def test_leaf_alone_is_accepted_with_a_note(authority):
    (note,) = check_chain(pem(authority.leaf()[0])).notes
    assert "put the intermediate certificates behind it" in note
    assert check_chain(authority.chain()).notes == ()


def test_key_of_another_certificate(authority):
    other = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(SigningError, match=r"c\.pem: the private key belongs to another certif"):
        check_chain(authority.chain(), key=other, source="c.pem")


def test_leaf_as_an_issuer(authority):
    with pytest.raises(SigningError, match="certificate 2 of the chain is not one of an authority"):
        check_chain(pem(authority.leaf()[0], authority.leaf()[0]))


def test_sha1_is_refused_in_the_whole_chain():
    # The library that makes certificates for these tests no longer signs with SHA-1: this is one
    # that OpenSSL made, as leaf and as issuer.
    old = (Path(__file__).parents[1] / "data" / "certificates" / "sha1.pem").read_bytes()
    with pytest.raises(SigningError, match="with sha1, which is not allowed; it has to be SHA-256"):
        check_chain(old)
    _, issuer = x509.load_pem_x509_certificates(old)
    with pytest.raises(SigningError, match=r"certificate 3 of the chain was signed .* with sha1"):
        check_chain(Authority().chain() + pem(issuer))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "holds no certificate in PEM form"),
        (b"\x30\x82\x01\x00", "holds no certificate in PEM form"),
        (
            b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
            "holds a broken certificate",
        ),
        (pkcs8(ec.generate_private_key(ec.SECP256R1())), "holds a private key, not a certificate"),
    ],
)
def test_what_is_no_certificate(text, message):
    with pytest.raises(SigningError, match=f"c.pem: {message}"):
        check_chain(text, source="c.pem")
    with pytest.raises(InputError, match=f"c.pem: {message}"):
        parse_certificates(text, "c.pem")


def test_one_broken_certificate_spoils_the_file():
    good = make_test_chain().root
    with pytest.raises(InputError, match="holds a broken certificate"):
        parse_certificates(good + good.replace(b"MII", b"MIX", 1), "c.pem")


# --- private keys


def test_key_forms_that_can_be_read():
    key = ec.generate_private_key(ec.SECP256R1())
    numbers = key.private_numbers()
    older = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    assert b"BEGIN EC PRIVATE KEY" in older
    locked = pkcs8(key, BestAvailableEncryption(b"secret"))
    for text, password in ((pkcs8(key), None), (older, None), (locked, b"secret")):
        assert load_key(text, password=password).private_numbers() == numbers


@pytest.mark.parametrize(
    ("text", "password", "message"),
    [
        (b"nothing", None, "is not a private key in PEM form"),
        (make_test_chain().chain, None, "holds a certificate, not a private key"),
        (pkcs8(ec.generate_private_key(ec.SECP256R1())), b"x", "is not encrypted, but a password"),
        (
            pkcs8(ec.generate_private_key(ec.SECP256K1())),
            None,
            "its key is on curve secp256k1; use P-256",
        ),
        (
            pkcs8(ed448.Ed448PrivateKey.generate()),
            None,
            "its kind of key is not allowed; use P-256",
        ),
    ],
)
def test_wrong_key_is_named(text, password, message):
    with pytest.raises(SigningError, match=f"k.pem: {message}"):
        load_key(text, password=password, source="k.pem")


def test_encrypted_key_needs_its_password():
    locked = pkcs8(ec.generate_private_key(ec.SECP256R1()), BestAvailableEncryption(b"secret"))
    with pytest.raises(SigningError, match="is encrypted; give its password"):
        load_key(locked)
    with pytest.raises(SigningError, match="the password is wrong"):
        load_key(locked, password=b"guess")
