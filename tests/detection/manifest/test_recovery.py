"""Manifests that were stripped from their content, found again by the mark in it."""

import io
import os
from dataclasses import replace

import pytest
from PIL import Image

from tests.detection.manifest.test_reader import CHAIN, MEDIA_TYPES, OTHER, SIGNER, changed, picture
from waarmerk.detection.finding import WatermarkFinding
from waarmerk.detection.manifest import read_manifest, recovery
from waarmerk.detection.manifest.recovery import recovered_manifest
from waarmerk.detection.manifest.trust import TrustList, TrustLists
from waarmerk.detection.reasons import RECOVERED_KNOWN, RECOVERED_UNKNOWN, reason_in_dutch
from waarmerk.errors import InputError
from waarmerk.marking.manifest import ManifestContent, sign_stream
from waarmerk.marking.payload import MarkId
from waarmerk.marking.provenance import GENERATED

MARK_ID = MarkId.from_hex("8123456789abcdef")
SCHEME, KEY = "waarmerk.image.1", "00112233445566ff"
ROOT = [CHAIN.root]
NAME = f"{MARK_ID.hex}.c2pa"


def mark(mark_id=MARK_ID, scheme=SCHEME, key=KEY, **more):
    return WatermarkFinding("found", scheme, key_id=key, log10_p=-20.0, mark_id=mark_id, **more)


def kept(file_format="PNG", mark_id=MARK_ID, scheme=SCHEME, key=None, source=None):
    """Return (marked file, its manifest store)."""
    out = io.BytesIO()
    source = picture(file_format) if source is None else source
    store = sign_stream(
        io.BytesIO(source),
        out,
        MEDIA_TYPES[file_format],
        SIGNER,
        ManifestContent(title="x", kind="generated"),
        soft_binding=(scheme, mark_id.hex),
        key_id=key,
    )
    return out.getvalue(), store


MARKED, STORE = kept()


def copy(file_format="JPEG"):
    """Return the marked picture as somebody stored it anew: without manifest, with other bytes."""
    out = io.BytesIO()
    Image.open(io.BytesIO(MARKED)).save(out, file_format)
    return out.getvalue()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / NAME).write_bytes(STORE)
    return tmp_path


def recover(folder, data=None, media_type="image/jpeg", marks=None, trust=ROOT):
    data = copy() if data is None else data
    return recovered_manifest(data, media_type, folder, [mark()] if marks is None else marks, trust)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP"])
def test_stripped_manifest_is_found_again(folder, file_format):
    data, media_type = copy(file_format), MEDIA_TYPES.get(file_format, "image/bmp")
    finding = recover(folder, data, media_type)
    assert finding.status == "recovered"
    assert not finding.intact
    assert finding.reason == RECOVERED_KNOWN
    assert finding.signer == "waarmerk test signer (waarmerk test certificate)"
    assert finding.trust_list == "trust anchors"
    assert finding.digital_source_type == GENERATED
    assert "inception:signal_fullyGenAIMedia" in finding.signals
    assert (SCHEME, MARK_ID.hex) in finding.soft_bindings
    assert finding.codes[0] == "assertion.dataHash.mismatch"
    assert finding.sidecar is None


@pytest.mark.parametrize("file_format", ["JPEG", "AVIF", "TIFF"])
def test_whatever_was_signed(folder, file_format):
    _, store = kept(file_format)
    (folder / NAME).write_bytes(store)
    for target in ("PNG", "AVIF"):
        assert recover(folder, copy(target), MEDIA_TYPES[target]).status == "recovered"


@pytest.mark.parametrize("trust", [(), (OTHER.root,)], ids=["nobody", "someone else"])
def test_unknown_signer_is_said(folder, trust):
    finding = recover(folder, trust=trust)
    assert finding.status == "recovered"
    assert finding.reason == RECOVERED_UNKNOWN
    assert finding.trust_list is None
    assert "signingCredential.untrusted" in finding.codes


def test_list_for_time_stamps_does_not_make_the_signer_known(folder):
    lists = TrustLists([TrustList.from_bytes(CHAIN.root, "time", "tsa")])
    assert recover(folder, trust=lists).reason == RECOVERED_UNKNOWN


def test_reasons_are_said_in_dutch():
    assert "ondertekenaar is bekend" in reason_in_dutch(RECOVERED_KNOWN)
    assert "niemand" in reason_in_dutch(RECOVERED_UNKNOWN)


def test_same_bytes_are_intact(folder):
    # Signed with the manifest beside the file, for instance, which was lost.
    finding = recover(folder, MARKED, "image/png")
    assert finding.status == "trusted"
    assert recover(folder, MARKED, "image/png", trust=()).status == "valid"


def test_stream_is_read(folder):
    assert recover(folder, io.BytesIO(copy())).status == "recovered"


# --- what is not taken


@pytest.mark.parametrize(
    "marks",
    [
        [],
        [WatermarkFinding("not_found", SCHEME, log10_p=-0.1)],
        [mark(mark_id=None)],
        [mark(public=True)],
        [mark(MarkId.from_hex("8000000000000001"))],
    ],
    ids=["none", "not found", "no id", "public", "another"],
)
def test_nothing_to_look_for(folder, marks):
    assert recover(folder, marks=marks) is None


def test_store_of_another_mark(folder):
    other = MarkId.from_hex("8000000000000001")
    (folder / f"{other.hex}.c2pa").write_bytes(STORE)
    finding = recover(folder, marks=[mark(other)])
    assert finding.status == "error"
    assert "is about another mark" in finding.reason
    # A good one that comes later is still found.
    assert recover(folder, marks=[mark(other), mark()]).status == "recovered"


def test_store_of_another_scheme(folder):
    assert recover(folder, marks=[mark(scheme="waarmerk.sound.1")]).status == "error"


def test_store_that_names_another_key(folder):
    _, store = kept(key=KEY)
    (folder / NAME).write_bytes(store)
    finding = recover(folder)
    assert finding.status == "recovered"
    assert finding.bound_keys == ((SCHEME, KEY),)
    assert recover(folder, marks=[mark(key="f" * 16)]).status == "error"
    assert recover(folder, marks=[mark(key=None)]).status == "recovered"


def test_store_without_soft_binding(folder):
    out = io.BytesIO()
    content = ManifestContent(title="x", kind="generated")
    store = sign_stream(io.BytesIO(picture("PNG")), out, "image/png", SIGNER, content)
    (folder / NAME).write_bytes(store)
    assert recover(folder).status == "error"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"trainedAlgorithmicMedia", b"trainedAlgorithmicMedix", "assertion.hashedURI.mismatch"),
        (b"claim_generator_info", b"claim_generator_inf\xff", "cannot be read"),
        (b"waarmerk test signer", b"waarmerk best signer", "does not hold"),
    ],
)
def test_changed_store(folder, old, new, message):
    assert old in STORE
    (folder / NAME).write_bytes(STORE.replace(old, new))
    finding = recover(folder)
    assert finding.status == "error"
    assert message in finding.reason
    assert NAME in finding.reason


def test_every_changed_byte_is_noticed_or_harmless(folder):
    for position in range(50, len(STORE), 97):
        (folder / NAME).write_bytes(changed(STORE, position))
        finding = recover(folder)
        assert finding.status in ("error", "recovered")
        if finding.status == "recovered":  # in padding, which is not signed
            assert finding.digital_source_type == GENERATED


@pytest.mark.parametrize("content", [b"", b"junk", bytes(1000), MARKED, STORE[:500]])
def test_what_is_no_store(folder, content):
    (folder / NAME).write_bytes(content)
    assert recover(folder).status == "error"


def test_no_folder(tmp_path):
    assert recover(tmp_path / "gone") is None
    (tmp_path / "file").write_bytes(b"")
    assert recover(tmp_path / "file") is None


@pytest.mark.skipif(os.name != "posix", reason="needs links and pipes")
def test_traps_in_the_folder(folder):
    (folder / NAME).rename(folder / "elsewhere")
    (folder / NAME).symlink_to(folder / "elsewhere")
    assert "is a link" in recover(folder).reason
    (folder / NAME).unlink()
    os.mkfifo(folder / NAME)
    assert "is not a file" in recover(folder).reason
    (folder / NAME).unlink()
    (folder / NAME).mkdir()
    assert "is not a file" in recover(folder).reason


def test_large_store(folder, monkeypatch):
    monkeypatch.setattr(recovery, "MOST_STORE", len(STORE) - 1)
    assert "has more than" in recover(folder).reason


def test_broken_trust_is_an_error(folder):
    with pytest.raises(InputError, match="holds no certificate"):
        recover(folder, trust=[b"x"])


def test_unmarked_copy_stays_absent(folder):
    data = copy()
    assert read_manifest(data, "image/jpeg", ROOT).status == "absent"
    assert recover(folder, data, marks=[replace(mark(), status="not_found")]) is None
