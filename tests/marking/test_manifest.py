"""Manifests that are really signed, and read back by the C2PA library as it comes."""

import http.server
import io
import json
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import c2pa
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from PIL import Image

from waarmerk.errors import InputError, SigningError, UnsupportedInputError
from waarmerk.marking.certificate import make_test_chain, write_test_chain
from waarmerk.marking.disclosure import Disclosure
from waarmerk.marking.manifest import ManifestContent, Parent, Signer, sign_bytes, sign_stream
from waarmerk.marking.profile import load_key
from waarmerk.marking.provenance import ALTERED, GENERATED, offline_settings

CHAIN = make_test_chain()
SIGNER = Signer.from_pem(CHAIN.chain, CHAIN.key)
BINDING = ("waarmerk.image.1", "0123456789abcdef")
TITLE = ManifestContent(title="out.png")
MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "TIFF": "image/tiff",
    "GIF": "image/gif",
}


def picture(file_format="PNG", **options):
    out = io.BytesIO()
    Image.linear_gradient("L").resize((48, 40)).convert("RGB").save(out, file_format, **options)
    return out.getvalue()


def store(data, media_type):
    """Return what the C2PA library reads, with the root of the test chain as anchor."""
    context = c2pa.Context.from_dict(offline_settings(CHAIN.root.decode()))
    with c2pa.Reader(media_type, io.BytesIO(data), context=context) as reader:
        return json.loads(reader.json())


def active(data, media_type="image/png"):
    parsed = store(data, media_type)
    assert parsed["validation_state"] == "Trusted"
    return parsed["manifests"][parsed["active_manifest"]]


def assertion(manifest, label):
    found = [a["data"] for a in manifest["assertions"] if a["label"] == label]
    return found[0] if len(found) == 1 else None


def actions(manifest):
    data = assertion(manifest, "c2pa.actions.v2")
    assert data["allActionsIncluded"] is True
    return data["actions"]


def names(manifest):
    return [action["action"] for action in actions(manifest)]


# --- what is written


@pytest.mark.parametrize("file_format", MEDIA_TYPES)
def test_every_format_is_signed_and_its_pixels_are_untouched(file_format):
    media_type, data = MEDIA_TYPES[file_format], picture(file_format)
    signed = sign_bytes(data, media_type, SIGNER, TITLE, soft_binding=BINDING)
    manifest = active(signed, media_type)
    assert names(manifest) == ["c2pa.created", "c2pa.watermarked.bound"]
    with Image.open(io.BytesIO(data)) as before, Image.open(io.BytesIO(signed)) as after:
        assert before.tobytes() == after.tobytes()
    # No thumbnail; certificates, claim and four assertions.
    assert "thumbnail" not in manifest
    assert len(signed) - len(data) < 5000


def test_generated_content():
    when = datetime(2026, 11, 21, 10, 0, 0, 5, tzinfo=UTC)
    content = ManifestContent(title="generated.png", when=when)
    system = Disclosure(system="ExampleGen XL", version="1.0")
    manifest = active(
        sign_bytes(picture(), "image/png", SIGNER, content, soft_binding=BINDING, disclosure=system)
    )
    created, watermarked = actions(manifest)
    assert created == {
        "action": "c2pa.created",
        "digitalSourceType": GENERATED,
        "softwareAgent": {"name": "ExampleGen XL", "version": "1.0"},
        "when": "2026-11-21T10:00:00Z",
    }
    assert watermarked["action"] == "c2pa.watermarked.bound"
    assert watermarked["softwareAgent"]["name"] == "waarmerk"
    assert "digitalSourceType" not in watermarked
    assert abs(datetime.fromisoformat(watermarked["when"]) - datetime.now(UTC)) < timedelta(hours=1)
    binding = assertion(manifest, "c2pa.soft-binding")
    assert binding == {"alg": BINDING[0], "blocks": [{"scope": {}, "value": BINDING[1]}]}
    assert manifest["title"] == "generated.png"
    (generator,) = manifest["claim_generator_info"]
    assert generator["name"] == "waarmerk"
    assert generator["specVersion"] == "2.4.0"
    assert all(a.get("created") for a in manifest["assertions"])


def test_unknown_generator_is_not_named():
    (created,) = actions(active(sign_bytes(picture(), "image/png", SIGNER, TITLE)))
    assert "softwareAgent" not in created


def test_without_a_watermark_nothing_is_said_about_one():
    manifest = active(sign_bytes(picture(), "image/png", SIGNER, TITLE))
    assert names(manifest) == ["c2pa.created"]
    assert assertion(manifest, "c2pa.soft-binding") is None


def test_altered_content_refers_to_what_was_altered():
    content = ManifestContent(title="out.png", kind="altered")
    parent = Parent(picture("JPEG"), "image/jpeg", "photo.jpg")
    signed = sign_bytes(
        picture(),
        "image/png",
        SIGNER,
        content,
        soft_binding=BINDING,
        parent=parent,
        disclosure=Disclosure(system="Inpaint"),
    )
    manifest = active(signed)
    opened, edited, *_ = actions(manifest)
    assert names(manifest) == [
        "c2pa.opened",
        "c2pa.edited",
        "c2pa.watermarked.bound",
        "c2pa.converted",
    ]
    assert "digitalSourceType" not in opened  # C2PA 2.4 forbids it
    assert len(opened["parameters"]["ingredients"]) == 1
    assert edited["digitalSourceType"] == ALTERED
    assert edited["softwareAgent"] == {"name": "Inpaint"}
    (ingredient,) = manifest["ingredients"]
    assert ingredient["relationship"] == "parentOf"
    assert ingredient["title"] == "photo.jpg"
    assert ingredient["format"] == "image/jpeg"
    assert "active_manifest" not in ingredient


# --- the history of the input


def test_generated_parent_tells_the_origin():
    first = sign_bytes(picture("JPEG"), "image/jpeg", SIGNER, ManifestContent(title="first.jpg"))
    parent = Parent(io.BytesIO(first), "image/jpeg", "first.jpg")
    signed = sign_bytes(picture(), "image/png", SIGNER, TITLE, soft_binding=BINDING, parent=parent)
    manifest = active(signed)
    assert names(manifest) == ["c2pa.opened", "c2pa.watermarked.bound", "c2pa.converted"]
    (ingredient,) = manifest["ingredients"]
    carried = store(signed, "image/png")["manifests"][ingredient["active_manifest"]]
    assert names(carried) == ["c2pa.created"]


def test_parent_that_does_not_say_generated_is_overruled_openly():
    content = ManifestContent(title="first.jpg", kind="altered")
    first = sign_bytes(picture("JPEG"), "image/jpeg", SIGNER, content)
    parent = Parent(first, "image/jpeg", "first.jpg")
    signed = sign_bytes(picture("JPEG"), "image/jpeg", SIGNER, TITLE, parent=parent)
    opened, edited = actions(active(signed, "image/jpeg"))
    assert opened["action"] == "c2pa.opened"
    assert edited["action"] == "c2pa.edited"
    assert edited["digitalSourceType"] == GENERATED


def test_manifest_of_the_source_itself_is_kept():
    first = sign_bytes(picture(), "image/png", SIGNER, TITLE)
    second = sign_bytes(first, "image/png", SIGNER, TITLE)
    third = sign_bytes(second, "image/png", SIGNER, TITLE)
    parsed = store(third, "image/png")
    assert parsed["validation_state"] == "Trusted"
    assert len(parsed["manifests"]) == 3


def test_tampered_parent_is_carried_but_not_believed():
    first = sign_bytes(picture("JPEG"), "image/jpeg", SIGNER, TITLE)
    tampered = first[:-3] + bytes([first[-3] ^ 1]) + first[-2:]
    parent = Parent(tampered, "image/jpeg", "first.jpg")
    signed = sign_bytes(picture("JPEG"), "image/jpeg", SIGNER, TITLE, parent=parent)
    manifest = active(signed, "image/jpeg")
    assert names(manifest) == ["c2pa.opened", "c2pa.edited"]
    recorded = manifest["ingredients"][0]["validation_results"]["activeManifest"]["failure"]
    assert "assertion.dataHash.mismatch" in {status["code"] for status in recorded}


def test_parent_with_an_unreadable_manifest_is_refused():
    first = sign_bytes(picture(), "image/png", SIGNER, TITLE)
    broken = first.replace(b"claim_generator_info", b"claim_generator_inf\xff")
    with pytest.raises(
        InputError, match=r"first\.png: already has a manifest, which cannot be read"
    ):
        sign_bytes(
            picture(), "image/png", SIGNER, TITLE, parent=Parent(broken, "image/png", "first.png")
        )


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (picture("BMP"), "image/bmp"),
        (picture()[:100], "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"", "image/jpeg"),
    ],
    ids=["without a place for manifests", "damaged", "not recognised", "empty"],
)
@pytest.mark.parametrize("kind", ["generated", "altered"])
def test_parent_that_cannot_be_searched(kind, data, media_type):
    content = ManifestContent(title="out.png", kind=kind)
    parent = Parent(data, media_type, "in")
    manifest = active(sign_bytes(picture(), "image/png", SIGNER, content, parent=parent))
    if kind == "generated":
        assert names(manifest) == ["c2pa.created"]
        assert not manifest.get("ingredients")
    else:
        assert (
            names(manifest)
            == ["c2pa.opened", "c2pa.edited", "c2pa.converted"][: 2 + (media_type != "image/png")]
        )
        assert manifest["ingredients"][0]["title"] == "in"


# --- streams, files, threads


def test_streams_and_the_returned_store(tmp_path):
    (tmp_path / "in.png").write_bytes(picture())
    with (tmp_path / "in.png").open("rb") as source, (tmp_path / "out.png").open("wb") as target:
        source.read()  # wherever the stream stands
        kept = sign_stream(source, target, "image/png", SIGNER, TITLE)
    active((tmp_path / "out.png").read_bytes())
    # What was returned fits the same file without its manifest.
    context = c2pa.Context.from_dict(offline_settings())
    with c2pa.Reader("image/png", io.BytesIO(picture()), kept, context=context) as reader:
        codes = [s["code"] for s in reader.get_validation_results()["activeManifest"]["success"]]
    assert "claimSignature.validated" in codes


def test_signer_from_files(tmp_path):
    files = write_test_chain(tmp_path / "key.json")
    signer = Signer.from_files(files.chain, files.key)
    assert signer.is_test
    sign_bytes(picture(), "image/png", signer, TITLE)
    with pytest.raises(SigningError, match=r"absent\.pem: cannot be read: No such file"):
        Signer.from_files(tmp_path / "absent.pem", files.key)
    with pytest.raises(SigningError, match=r"key\.sign\.pem: holds a private key, not a cert"):
        Signer.from_files(files.key, files.key)
    with pytest.raises(SigningError, match=r"key\.root\.pem: .*certificate authority"):
        Signer.from_files(files.root, files.key)


def test_one_signer_in_several_threads():
    with ThreadPoolExecutor(4) as pool:
        signed = list(
            pool.map(lambda _: sign_bytes(picture(), "image/png", SIGNER, TITLE), range(12))
        )
    assert all(active(data) for data in signed)


# --- callbacks


def raw(signature):
    r, s = decode_dss_signature(signature)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@pytest.mark.parametrize("form", [bytes, raw], ids=["DER", "raw"])
def test_callback_signs(form):
    key, seen = load_key(CHAIN.key), []

    def sign(data):
        seen.append(data)
        return form(key.sign(data, ec.ECDSA(hashes.SHA256())))

    signer = Signer.from_callback(sign, CHAIN.chain)
    assert signer.algorithm == "es256"
    active(sign_bytes(picture(), "image/png", signer, TITLE, soft_binding=BINDING))
    assert len(seen) == 1


def broken(_data):
    raise ConnectionError("the vault is closed")


@pytest.mark.parametrize(
    ("sign", "message"),
    [
        (broken, "ConnectionError: the vault is closed"),
        (lambda _: b"", "not a signature in bytes"),
        (lambda _: "text", "not a signature in bytes"),
        (lambda _: bytes(64), "cannot be signed: Signature"),
        (lambda _: bytes(50_000), "cannot be signed: Signature"),
        (
            lambda data: ec.generate_private_key(ec.SECP256R1()).sign(
                data, ec.ECDSA(hashes.SHA256())
            ),
            "signature does not match",
        ),
    ],
)
def test_failing_callback_is_explained(sign, message):
    signer = Signer.from_callback(sign, CHAIN.chain)
    with pytest.raises(SigningError, match=message) as caught:
        sign_bytes(picture(), "image/png", signer, TITLE)
    assert "\n" not in str(caught.value)


def test_interruption_passes_through_the_library():
    def sign(_data):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sign_bytes(picture(), "image/png", Signer.from_callback(sign, CHAIN.chain), TITLE)


def test_algorithm_must_fit_the_certificate():
    with pytest.raises(SigningError, match="cannot sign with ed25519; its key is for es256"):
        Signer.from_callback(broken, CHAIN.chain, algorithm="ed25519")


# --- refusals


def test_expired_certificate_is_found_before_signing():
    old = make_test_chain(now=datetime.now(UTC) - timedelta(days=366))
    with pytest.raises(SigningError, match=r"signing certificate: .* expired on .*; get a new one"):
        Signer.from_pem(old.chain, old.key)


def test_certificate_that_expires_while_the_signer_lives():
    soon = make_test_chain(days=1)
    signer = Signer.from_pem(soon.chain, soon.key)
    tomorrow = datetime.now(UTC) + timedelta(days=2)
    with pytest.raises(SigningError, match="expired on"):
        signer.certificate.require_valid_at(tomorrow)


@pytest.mark.parametrize("media_type", ["image/bmp", "image/jpg", "text/plain", ""])
def test_type_without_a_place_for_a_manifest(media_type):
    with pytest.raises(UnsupportedInputError, match=r"out\.png: a file of type .* cannot hold"):
        sign_bytes(picture("BMP"), media_type, SIGNER, TITLE)


def test_source_that_is_not_what_it_is_called():
    with pytest.raises(SigningError, match=r"out\.png: cannot be signed"):
        sign_bytes(picture("PNG"), "image/jpeg", SIGNER, TITLE)


def test_content_that_makes_no_sense():
    with pytest.raises(InputError, match="'generated' or 'altered', not 'fake'"):
        ManifestContent(title="x", kind="fake")
    with pytest.raises(InputError, match="needs a time zone"):
        ManifestContent(title="x", when=datetime(2026, 1, 1))


def test_names_that_no_manifest_can_hold():
    # What a file name that is not UTF-8 looks like in Python, and one that draws on terminals.
    content = ManifestContent(title="a\udcff\x1b[1m\x00.png", kind="altered")
    parent = Parent(picture(), "image/png", "\ud800")
    manifest = active(sign_bytes(picture(), "image/png", SIGNER, content, parent=parent))
    assert manifest["title"] == "a??[1m?.png"
    assert manifest["ingredients"][0]["title"] == "?"


def test_secret_is_not_shown():
    secret = CHAIN.key.splitlines()[1].decode()
    assert secret not in repr(SIGNER)
    assert secret not in repr(CHAIN)


# --- no network


@contextmanager
def canary():
    """Run a web server that notes who knocks; yield its address and the notes."""
    knocks = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            knocks.append(self.path)
            self.send_error(404)

        do_POST = do_HEAD = do_CONNECT = do_GET  # noqa: N815 - the names are http.server's

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/manifest.c2pa", knocks
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def with_remote_manifest(url):
    created = {"action": "c2pa.created", "digitalSourceType": GENERATED}
    definition = {
        "claim_generator_info": [{"name": "test"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}],
    }
    builder = c2pa.Builder(definition, context=c2pa.Context.from_dict(offline_settings()))
    builder.set_no_embed()
    builder.set_remote_url(url)
    out = io.BytesIO()
    with SIGNER.native([]) as native:
        builder.sign(native, "image/jpeg", io.BytesIO(picture("JPEG")), out)
    return out.getvalue()


def test_file_that_refers_to_the_web_makes_nobody_go_there(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    with canary() as (url, knocks):
        data = with_remote_manifest(url)
        with pytest.raises(c2pa.C2paError, match="Remote"):
            c2pa.Reader("image/jpeg", io.BytesIO(data))
        assert knocks, "the canary does not sing: the library's default no longer fetches"
        knocks.clear()
        # As the source, and as the parent: the reference is a manifest, which is not at hand.
        parent = Parent(data, "image/jpeg", "remote.jpg")
        for signed in (
            sign_bytes(data, "image/jpeg", SIGNER, TITLE),
            sign_bytes(picture("JPEG"), "image/jpeg", SIGNER, TITLE, parent=parent),
        ):
            manifest = active(signed, "image/jpeg")
            assert names(manifest) == ["c2pa.opened", "c2pa.edited"]
            (ingredient,) = manifest["ingredients"]
            failed = ingredient["validation_results"]["activeManifest"]["failure"]
            assert [status["code"] for status in failed] == ["manifest.inaccessible"]
        assert not knocks


OFFLINE = """
import io, sys
sys.addaudithook(lambda event, _: event.startswith("socket.") and sys.exit("opened a socket"))
from waarmerk.marking.certificate import make_test_chain
from waarmerk.marking.disclosure import Disclosure
from waarmerk.marking.manifest import ManifestContent, Parent, Signer, sign_bytes
from waarmerk.detection.manifest import read_manifest
data = sys.stdin.buffer.read()
made = make_test_chain()
signer = Signer.from_pem(made.chain, made.key)
parent = Parent(data, "image/jpeg", "remote.jpg")
for kind in ("generated", "altered"):
    content = ManifestContent(title="x", kind=kind)
    signed = sign_bytes(data, "image/jpeg", signer, content, parent=parent)
    assert read_manifest(signed, "image/jpeg", [made.root]).status == "trusted"
    assert read_manifest(data, "image/jpeg", [made.root]).status == "not_checked"
assert not {"numpy", "numba", "PIL"} & set(sys.modules), "needless import"
print("done")
"""


def run_offline(*prefix):
    data = with_remote_manifest("https://example.com/manifest.c2pa")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(  # noqa: S603
        [*prefix, sys.executable, "-c", OFFLINE],
        input=data,
        capture_output=True,
        env=environment,
        timeout=300,
        check=False,
    )


def test_python_opens_no_socket_and_imports_no_numpy():
    done = run_offline()
    assert done.stdout == b"done\n", done.stderr.decode()


def test_native_code_opens_no_socket(tmp_path):
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed; the canary test covers the known ways out")
    trace = tmp_path / "trace"
    probe = subprocess.run(  # noqa: S603
        [strace, "-o", str(trace), "true"], capture_output=True, timeout=60, check=False
    )
    if probe.returncode:
        pytest.skip("strace may not trace here")
    done = run_offline(strace, "-f", "-qq", "-e", "trace=network", "-o", str(trace))
    assert done.stdout == b"done\n", done.stderr.decode()
    calls = [line for line in trace.read_text().splitlines() if "(" in line]
    assert not [line for line in calls if "AF_INET" in line or "connect(" in line]
