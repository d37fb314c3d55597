"""The examples of docs/signing.md, run: the key is with a service, or in a module."""

import http.server
import io
import json
import os
import re
import shutil
import subprocess
import threading
from base64 import b64decode, b64encode
from contextlib import contextmanager
from pathlib import Path

import c2pa
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key

from tests.every_format import sample
from tests.manifest_kinds import CHAIN
from waarmerk.errors import SigningError
from waarmerk.marking.manifest import ManifestContent, sign_bytes
from waarmerk.marking.profile import load_key
from waarmerk.marking.provenance import offline_settings

GUIDE = Path(__file__).parents[2] / "docs" / "signing.md"
KEY = load_key(CHAIN.key)
MODULES = (
    os.environ.get("SOFTHSM2_MODULE", ""),
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)


def example(name):
    """Run an example of the guide, and return the function that it defines."""
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    (text,) = (block for block in blocks if block.startswith(f"# example: {name}\n"))
    defined = {}
    exec(compile(text, str(GUIDE), "exec"), defined)  # noqa: S102 - it is ours
    return next(value for key, value in defined.items() if key.startswith("signer_of_"))


def state(signer, root=CHAIN.root):
    signed = sign_bytes(sample("image/png"), "image/png", signer, ManifestContent(title="x.png"))
    context = c2pa.Context.from_dict(offline_settings(root.decode()))
    with c2pa.Reader("image/png", io.BytesIO(signed), context=context) as reader:
        return reader.get_validation_state()


@contextmanager
def service(answer):
    """Run a service that answers JSON with JSON; yield its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, said = answer(self.headers, request)
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


# --- a service of your own


def key_service(headers, request):
    if headers["Authorization"] != "Bearer right":
        return 403, {}
    signature = KEY.sign(b64decode(request["data"]), ec.ECDSA(hashes.SHA256()))
    return 200, {"signature": b64encode(signature).decode()}


def test_key_with_a_service():
    with service(key_service) as address:
        assert state(example("service")(address, "right", CHAIN.chain)) == "Trusted"


def test_service_that_refuses():
    with service(key_service) as address:
        signer = example("service")(address, "wrong", CHAIN.chain)
        with pytest.raises(SigningError, match="failed: HTTPError: HTTP Error 403") as caught:
            state(signer)
        caught.value.__cause__.close()


def test_service_that_is_gone():
    with service(key_service) as address:
        signer = example("service")(address, "right", CHAIN.chain)
    with pytest.raises(SigningError, match=r"failed: URLError: .*refused"):
        state(signer)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({}, "failed: KeyError: 'signature'"),
        ({"signature": ""}, "not a signature in bytes"),
        ({"signature": b64encode(bytes(64)).decode()}, "cannot be signed: Signature"),
    ],
)
def test_service_that_answers_nonsense(said, message):
    with service(lambda *_: (200, said)) as address:
        signer = example("service")(address, "right", CHAIN.chain)
        with pytest.raises(SigningError, match=message):
            state(signer)


# --- key services of others


def test_aws(monkeypatch):
    boto3 = pytest.importorskip("boto3")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")

    def kms(headers, request):
        assert headers["X-Amz-Target"] == "TrentService.Sign"
        assert request["KeyId"] == "alias/marks"
        assert (request["MessageType"], request["SigningAlgorithm"]) == ("DIGEST", "ECDSA_SHA_256")
        signature = KEY.sign(b64decode(request["Message"]), ec.ECDSA(Prehashed(hashes.SHA256())))
        return 200, {"Signature": b64encode(signature).decode(), "KeyId": request["KeyId"]}

    with service(kms) as address:
        client = boto3.client("kms", region_name="eu-west-1", endpoint_url=address)
        assert state(example("aws")(client, "alias/marks", CHAIN.chain)) == "Trusted"
        client.close()


def test_google_example_is_python():
    assert callable(example("google"))


# --- PKCS#11


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Make an empty token in software, and return the path of the library that opens it."""
    pytest.importorskip("pkcs11")
    tool = shutil.which("softhsm2-util")
    library = next((path for path in MODULES if path and Path(path).exists()), None)
    if tool is None or library is None:
        pytest.skip("SoftHSM is not installed")
    (tmp_path / "tokens").mkdir()
    settings = tmp_path / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {tmp_path}/tokens\nobjectstore.backend = file\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(settings))
    options = [
        "--init-token",
        "--free",
        "--label",
        "marks",
        "--pin",
        "1234",
        "--so-pin",
        "5678",
        "--module",
    ]
    subprocess.run([tool, *options, library], check=True, capture_output=True)  # noqa: S603
    return library


def test_key_in_a_module(module):
    import pkcs11
    from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters

    token = pkcs11.lib(module).get_token(token_label="marks")  # noqa: S106
    with token.open(rw=True, user_pin="1234") as session:
        curve = encode_named_curve_parameters("secp256r1")
        parameters = session.create_domain_parameters(
            pkcs11.KeyType.EC, {pkcs11.Attribute.EC_PARAMS: curve}, local=True
        )
        public, _ = parameters.generate_keypair(store=True, label="signing")
        made = encode_ec_public_key(public)
    chain, root = issued(load_der_public_key(made))
    signer = example("pkcs11")(module, "marks", "1234", "signing", chain)
    assert state(signer, root) == "Trusted"
    with pytest.raises(SigningError, match="failed: PinIncorrect"):
        state(example("pkcs11")(module, "marks", "0000", "signing", chain), root)
    with pytest.raises(SigningError, match="failed: NoSuchKey"):
        state(example("pkcs11")(module, "marks", "1234", "absent", chain), root)


def issued(public_key):
    """Return a certificate for a public key, made like the leaf of a test chain, and its root."""
    leaf, _ = x509.load_pem_x509_certificates(CHAIN.chain)
    authority = ec.generate_private_key(ec.SECP256R1())
    common = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])

    def made(subject, key, extensions):
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(common)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(leaf.not_valid_before_utc)
            .not_valid_after(leaf.not_valid_after_utc)
        )
        for value, critical in extensions:
            builder = builder.add_extension(value, critical)
        return builder.sign(authority, hashes.SHA256()).public_bytes(Encoding.PEM)

    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
    like_the_leaf = [
        (identifier if isinstance(e.value, x509.AuthorityKeyIdentifier) else e.value, e.critical)
        for e in leaf.extensions
    ]
    root = [(x509.BasicConstraints(ca=True, path_length=0), True)]
    return made(leaf.subject, public_key, like_the_leaf), made(common, authority.public_key(), root)
