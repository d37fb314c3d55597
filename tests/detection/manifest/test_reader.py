"""What is found in files with sound, broken, foreign, hidden and hostile manifests."""

import io
import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import c2pa
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from waarmerk.detection.manifest import INGREDIENT, load_anchors, read_manifest
from waarmerk.errors import InputError
from waarmerk.marking.certificate import make_test_chain, write_test_chain
from waarmerk.marking.manifest import ManifestContent, Parent, Signer, sign_bytes
from waarmerk.marking.profile import CLAIM_SIGNING
from waarmerk.marking.provenance import ALTERED, GENERATED, offline_settings

CHAIN, OTHER = make_test_chain(), make_test_chain("someone else")
SIGNER = Signer.from_pem(CHAIN.chain, CHAIN.key)
ROOT = [CHAIN.root]
BINDING = ("waarmerk.image.1", "0123456789abcdef")
MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "TIFF": "image/tiff",
    "GIF": "image/gif",
}


def picture(file_format="PNG"):
    out = io.BytesIO()
    Image.linear_gradient("L").resize((48, 40)).convert("RGB").save(out, file_format)
    return out.getvalue()


def signed(file_format="PNG", kind="generated", parent=None, signer=SIGNER, source=None):
    media_type = MEDIA_TYPES[file_format]
    content = ManifestContent(title="x", kind=kind)
    source = picture(file_format) if source is None else source
    return sign_bytes(source, media_type, signer, content, soft_binding=BINDING, parent=parent)


def changed(data, position, by=1):
    """Return data with one byte changed."""
    return data[:position] + bytes([data[position] ^ by]) + data[position + 1 :]


# --- sound manifests


@pytest.mark.parametrize("file_format", MEDIA_TYPES)
def test_signed_file_is_trusted_under_its_root(file_format):
    data = signed(file_format)
    finding = read_manifest(data, MEDIA_TYPES[file_format], ROOT)
    assert finding.status == "trusted"
    assert finding.signer == "waarmerk test signer (waarmerk test certificate)"
    assert finding.digital_source_type == GENERATED
    assert finding.soft_bindings == (BINDING,)
    assert finding.reason is None
    assert "claimSignature.validated" in finding.codes
    assert "signingCredential.trusted" in finding.codes
    json.dumps(finding.as_dict())


@pytest.mark.parametrize("trust", [(), (OTHER.root,)], ids=["nobody", "someone else"])
def test_unknown_signer_is_valid_and_no_more(trust):
    finding = read_manifest(signed(), "image/png", trust)
    assert finding.status == "valid"
    assert finding.codes[0] == "signingCredential.untrusted"
    assert finding.digital_source_type == GENERATED


@pytest.mark.parametrize("file_format", MEDIA_TYPES)
def test_unsigned_file_has_no_manifest(file_format):
    finding = read_manifest(picture(file_format), MEDIA_TYPES[file_format], ROOT)
    assert finding.status == "absent"
    assert finding.codes == ()


def test_altered_content():
    finding = read_manifest(signed(kind="altered"), "image/png", ROOT)
    assert finding.status == "trusted"
    assert finding.digital_source_type == ALTERED


@pytest.mark.parametrize("media_type", [None, "image/jpeg", "image/svg+xml", "nonsense"])
def test_wrong_media_type_does_no_harm(media_type):
    assert read_manifest(signed(), media_type, ROOT).status == "trusted"


def test_stream_is_read_from_its_start():
    stream = io.BytesIO(signed())
    stream.seek(50)
    assert read_manifest(stream, "image/png", ROOT).status == "trusted"


# --- histories


def test_origin_is_told_by_a_signed_parent():
    first = signed("JPEG")
    second = signed(parent=Parent(first, "image/jpeg", "first.jpg"))
    third = signed(source=second)
    for data in (second, third):
        finding = read_manifest(data, "image/png", ROOT)
        assert finding.status == "trusted"
        assert finding.digital_source_type == GENERATED
        assert f"ingredient.manifest.validated{INGREDIENT}" in finding.codes


def test_altered_after_it_was_generated():
    data = signed(kind="altered", parent=Parent(signed("JPEG"), "image/jpeg", "first.jpg"))
    assert read_manifest(data, "image/png", ROOT).digital_source_type == ALTERED


def test_defect_of_an_ingredient_is_kept_among_the_codes():
    first = signed("JPEG")
    parent = Parent(changed(first, len(first) - 3), "image/jpeg", "first.jpg")
    finding = read_manifest(signed(parent=parent), "image/png", ROOT)
    assert finding.status == "trusted"  # it was broken when it was added, and that was recorded
    assert f"assertion.dataHash.mismatch{INGREDIENT}" in finding.codes
    assert "assertion.dataHash.mismatch" not in finding.codes
    assert finding.digital_source_type == GENERATED  # by its own statement, not the parent's


def test_parent_by_an_unknown_signer():
    other = Signer.from_pem(OTHER.chain, OTHER.key)
    parent = Parent(signed("JPEG", signer=other), "image/jpeg", "first.jpg")
    finding = read_manifest(signed(parent=parent), "image/png", ROOT)
    assert finding.status in ("trusted", "valid")
    assert f"signingCredential.untrusted{INGREDIENT}" in finding.codes
    assert finding.digital_source_type == GENERATED


# --- broken manifests


@pytest.mark.parametrize("file_format", MEDIA_TYPES)
def test_changed_content_is_found(file_format):
    data = signed(file_format)
    # A byte of the picture's own data: near the end of the file, or (where the manifest is at
    # the end) in front of it.
    position = {"WEBP": 60, "TIFF": 60, "AVIF": len(data) - 20}.get(file_format, len(data) - 20)
    finding = read_manifest(changed(data, position), MEDIA_TYPES[file_format], ROOT)
    assert finding.status == "invalid"
    assert finding.reason == "it was signed for other bytes than these"
    assert finding.codes[0] in ("assertion.dataHash.mismatch", "assertion.bmffHash.mismatch")


def test_appended_bytes_are_found():
    assert read_manifest(signed("JPEG") + b"more", "image/jpeg", ROOT).status == "invalid"


def test_changed_statement_is_found():
    data = signed()
    finding = read_manifest(
        data.replace(b"trainedAlgorithmicMedia", b"trainedAlgorithmicMedix"), "image/png", ROOT
    )
    assert finding.status == "invalid"
    assert finding.reason == "the manifest was changed after it was signed"
    assert "assertion.hashedURI.mismatch" in finding.codes


def test_changed_claim_is_found():
    data = signed()
    finding = read_manifest(data.replace(b"waarmerk", b"vaarmerk"), "image/png", ROOT)
    assert finding.status == "invalid"
    assert "claimSignature.mismatch" in finding.codes


def test_manifest_moved_to_another_picture():
    def chunk(data):
        start = data.index(b"caBX") - 4
        return start, start + 12 + int.from_bytes(data[start : start + 4], "big")

    data = signed()
    start, end = chunk(data)
    out = io.BytesIO()
    Image.new("RGB", (48, 40), "red").save(out, "PNG")
    victim = out.getvalue()
    forged = victim[:start] + data[start:end] + victim[start:]
    assert Image.open(io.BytesIO(forged)).getpixel((0, 0)) == (255, 0, 0)
    finding = read_manifest(forged, "image/png", ROOT)
    assert finding.status == "invalid"
    assert "assertion.dataHash.mismatch" in finding.codes


def test_unreadable_manifest_is_an_error_and_not_absent():
    data = signed().replace(b"claim_generator_info", b"claim_generator_inf\xff")
    finding = read_manifest(data, "image/png", ROOT)
    assert finding.status == "error"
    assert "claim" in finding.reason
    assert "\n" not in finding.reason


def issue(seconds, common_name="Leaf"):
    """Return (signer, root) with a leaf that is valid for so many seconds."""
    now = datetime.now(UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
        for text in ("Short root", common_name)
    ]
    made = []
    for position, (name, key) in enumerate(zip(names, keys, strict=True)):
        is_ca = position == 0
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(names[0])
            .public_key(key.public_key())
            .serial_number(position + 1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + (timedelta(days=1) if is_ca else timedelta(seconds=seconds)))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(not is_ca, False, False, False, False, is_ca, is_ca, False, False),
                critical=True,
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()),
                critical=False,
            )
        )
        if not is_ca:
            builder = builder.add_extension(x509.ExtendedKeyUsage([CLAIM_SIGNING]), critical=False)
        made.append(builder.sign(keys[0], hashes.SHA256()).public_bytes(Encoding.PEM))
    key = keys[1].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Signer.from_pem(made[1], key), made[0]


def test_manifest_ends_with_its_certificate():
    signer, root = issue(seconds=2)
    data = signed(signer=signer)
    assert read_manifest(data, "image/png", [root]).status == "trusted"
    time.sleep(max(0.0, (signer.certificate.not_after - datetime.now(UTC)).total_seconds()) + 1.1)
    finding = read_manifest(data, "image/png", [root])
    assert finding.status == "invalid"
    assert finding.reason == "the certificate of its signer has expired"


def test_signer_cannot_write_to_the_terminal():
    signer, root = issue(seconds=3600, common_name="Mallory\x1b[2J\r\n\u202eEve" + "x" * 20)
    finding = read_manifest(signed(signer=signer), "image/png", [root])
    assert finding.status == "trusted"
    assert finding.signer.isprintable()
    assert finding.signer.startswith("Mallory?[2J ?Eve")


def signed_definition(extra, replace=None):
    """Sign a definition with a further assertion by the C2PA library directly."""
    created = {"action": "c2pa.created", "digitalSourceType": GENERATED}
    actions = {"label": "c2pa.actions.v2", "data": {"actions": [created]}}
    definition = {
        "claim_generator_info": [{"name": "test"}],
        "assertions": [actions, *extra],
    }
    builder = c2pa.Builder(definition, context=c2pa.Context.from_dict(offline_settings()))
    out = io.BytesIO()
    with SIGNER.native([]) as native:
        builder.sign(native, "image/jpeg", io.BytesIO(picture("JPEG")), out)
    data = out.getvalue()
    if replace is not None:
        assert replace[0] in data
        data = data.replace(*replace)
    return data


@pytest.mark.parametrize("depth", [100, 200, 20_000])
def test_nesting_without_end(depth):
    text = b"a" * depth
    header = b"\x78" + bytes([depth]) if depth < 256 else b"\x79" + depth.to_bytes(2, "big")
    nested = b"\x81" * (depth + len(header) - 1) + b"\x00"
    deep = {"label": "org.example.deep", "data": {"x": text.decode()}}
    data = signed_definition([deep], (header + text, nested))
    finding = read_manifest(data, "image/jpeg", ROOT)
    assert finding.status == "invalid"
    assert "assertion.hashedURI.mismatch" in finding.codes


def test_soft_bindings_of_every_form():
    def binding(*blocks, alg="com.example.1"):
        return {"label": "c2pa.soft-binding", "data": {"alg": alg, "blocks": list(blocks)}}

    def block(value):
        return {"scope": {}, "value": value}

    data = signed_definition(
        [
            binding(block("one"), block("two"), block("one")),
            binding(block("three\n\x1b[1m"), alg="com.example.2"),
        ]
    )
    assert read_manifest(data, "image/jpeg", ROOT).soft_bindings == (
        ("com.example.1", "one"),
        ("com.example.1", "two"),
        ("com.example.2", "three ?[1m"),
    )


# --- hostile files


SAMPLES = [(signed(f), MEDIA_TYPES[f]) for f in MEDIA_TYPES]


@settings(deadline=None, max_examples=250)
@given(
    st.sampled_from(SAMPLES),
    st.sampled_from(["cut", "change", "insert", "remove", "zero"]),
    st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=4),
    st.binary(min_size=1, max_size=40),
)
def test_damaged_files_never_raise(sample, how, places, noise):
    data, media_type = sample
    for place in places:
        at = int(place * len(data))
        data = {
            "cut": data[: max(at, 1)],
            "change": data[:at] + noise + data[at + len(noise) :],
            "insert": data[:at] + noise + data[at:],
            "remove": data[:at] + data[at + len(noise) :],
            "zero": data[:at] + bytes(len(noise)) + data[at + len(noise) :],
        }[how]
    finding = read_manifest(data, media_type, ROOT)
    json.dumps(finding.as_dict())
    assert all(code.isprintable() for code in finding.codes)
    assert finding.reason is None or finding.reason.isprintable()
    if finding.status in ("error", "not_checked", "invalid"):
        assert finding.reason


@pytest.mark.parametrize("file_format", MEDIA_TYPES)
def test_cut_off_files_are_never_intact(file_format):
    data = signed(file_format)
    for share in (0.02, 0.2, 0.5, 0.8, 0.99):
        finding = read_manifest(data[: int(share * len(data))], MEDIA_TYPES[file_format], ROOT)
        assert not finding.intact


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"plain text", bytes(1000), picture("BMP")])
@pytest.mark.parametrize("media_type", [None, "image/jpeg", "image/png", "text/csv"])
def test_what_cannot_be_searched_was_not_checked(data, media_type):
    finding = read_manifest(data, media_type)
    assert finding.status == "not_checked"
    assert finding.reason


def test_stream_that_cannot_be_read():
    class Closed(io.BytesIO):
        def seek(self, *_):
            raise OSError("gone")

    assert read_manifest(Closed(b"x"), "image/png").status == "error"
    stream = io.BytesIO(signed())
    stream.close()
    assert read_manifest(stream, "image/png").status == "error"


def test_manifest_on_the_web_was_not_checked():
    created = {"action": "c2pa.created", "digitalSourceType": GENERATED}
    definition = {
        "claim_generator_info": [{"name": "test"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}],
    }
    builder = c2pa.Builder(definition, context=c2pa.Context.from_dict(offline_settings()))
    builder.set_no_embed()
    builder.set_remote_url("https://example.com/m.c2pa")
    out = io.BytesIO()
    with SIGNER.native([]) as native:
        builder.sign(native, "image/jpeg", io.BytesIO(picture("JPEG")), out)
    finding = read_manifest(out.getvalue(), "image/jpeg", ROOT)
    assert finding.status == "not_checked"
    assert "https://example.com/m.c2pa" in finding.reason


# --- trust


def test_trust_from_bytes_and_files(tmp_path):
    files = write_test_chain(tmp_path / "key.json")
    data = signed(signer=Signer.from_files(files.chain, files.key))
    both = tmp_path / "both.pem"
    both.write_bytes(b"# two roots\n" + OTHER.root + files.root.read_bytes())
    for trust in ([files.root], [str(files.root)], [both], [OTHER.root, files.root]):
        assert read_manifest(data, "image/png", trust).status == "trusted"
    # The intermediate is in the chain file, and an authority too.
    assert read_manifest(data, "image/png", [files.chain]).status == "trusted"
    assert read_manifest(data, "image/png", [OTHER.root]).status == "valid"


def test_broken_trust_is_an_error_and_not_an_unknown_signer(tmp_path):
    files = write_test_chain(tmp_path / "key.json")
    cases = {
        "absent.pem": (None, "cannot be read: No such file"),
        "empty.pem": (b"", "holds no certificate"),
        "key.pem": (files.key.read_bytes(), "holds a private key"),
        "cut.pem": (CHAIN.root[:-60], "holds a broken certificate"),
    }
    for name, (content, message) in cases.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=f"{name}: {message}"):
            read_manifest(signed(), "image/png", [CHAIN.root, tmp_path / name])


def test_anchors_hold_certificates_only():
    text = load_anchors([b"Subject: evil\x00\n" + CHAIN.root])
    assert text.startswith("-----BEGIN CERTIFICATE-----")
    assert "evil" not in text


def test_reading_loads_little():
    """What reads manifests and lists of trust loads nothing that is not needed for that."""
    modules = ("manifest", "manifest.trust", "manifest.recovery")
    heavy = ("numpy", "numba", "PIL", "cryptography", "waarmerk.marking.label", "c2pa")
    source = (
        "import sys, " + ", ".join(f"waarmerk.detection.{name}" for name in modules)
        + "\nprint([name for name in " + repr(heavy) + " if name in sys.modules])"
    )  # fmt: skip
    command = [sys.executable, "-c", source]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)  # noqa: S603
    assert done.stdout.decode().strip() == "[]"
