"""Time-stamps of an authority on this machine, and everything that can go wrong with one."""

import io
import json
import socket
import threading
import time
from datetime import UTC, datetime, timedelta

import c2pa
import pytest

pytest.importorskip("asn1crypto")

from tests import tsa
from tests.every_format import large_wave, sample
from tests.manifest_kinds import CHAIN, SIGNER
from tests.rubric import broken
from tests.second_validator import verified
from waarmerk.errors import InputError, SigningError
from waarmerk.marking import timestamp as timestamp_module
from waarmerk.marking.certificate import make_test_chain
from waarmerk.marking.large_file import LARGE
from waarmerk.marking.manifest import ManifestContent, Signer, sign_bytes, sign_stream
from waarmerk.marking.profile import load_key
from waarmerk.marking.provenance import offline_settings
from waarmerk.marking.timestamp import problem_of, require_address, shown_address

TITLE = ManifestContent(title="out.png")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def authority():
    with tsa.running() as running:
        yield running


def signer(authority, chain=CHAIN):
    return Signer.from_pem(chain.chain, chain.key, timestamp=authority.address)


def read(data, media_type="image/png", chain=CHAIN, authority=None, store=None):
    """Return the state, the time of the stamp and the codes, with or without the authority."""
    settings = offline_settings(chain.root.decode())
    if authority is not None:
        anchors = {"trust_kind": "tsa", "trust_uri": "urn:tsa"}
        settings["trust"]["anchors"].append(anchors | {"trust_anchors": authority.root.decode()})
    context = c2pa.Context.from_dict(settings)
    apart = () if store is None else (store,)
    with c2pa.Reader(media_type, io.BytesIO(data), *apart, context=context) as reader:
        said = json.loads(reader.json())
    results = said["validation_results"]["activeManifest"]
    codes = {status["code"] for kind in results.values() for status in kind}
    stamp = said["manifests"][said["active_manifest"]]["signature_info"].get("time")
    return said["validation_state"], stamp, codes


def sign(by, data=None, media_type="image/png"):
    return sign_bytes(sample("image/png") if data is None else data, media_type, by, TITLE)


# --- what a time-stamp is good for


def test_time_stamp_is_in_the_manifest(authority):
    state, stamp, codes = read(sign(signer(authority)), authority=authority)
    assert state == "Trusted"
    assert {"timeStamp.validated", "timeStamp.trusted"} <= codes
    assert abs(datetime.fromisoformat(stamp) - datetime.now(UTC)) < timedelta(minutes=1)
    assert authority.asked == 1
    # Whoever does not know the authority sees that it is there.
    state, _, codes = read(sign(signer(authority)))
    assert state == "Trusted"
    assert "timeStamp.untrusted" in codes


def test_nobody_is_asked_unless_told(authority):
    assert read(sign(SIGNER))[1] is None
    assert SIGNER.timestamp is None
    assert authority.asked == 0


def test_function_that_signs_gets_a_time_stamp_too(authority):
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key = load_key(CHAIN.key)
    by = Signer.from_callback(
        lambda data: key.sign(data, ec.ECDSA(hashes.SHA256())),
        CHAIN.chain,
        timestamp=authority.address,
    )
    assert "timeStamp.trusted" in read(sign(by), authority=authority)[2]


def test_address_can_be_given_later(authority):
    by = SIGNER.with_timestamp(authority.address)
    assert read(sign(by))[1] is not None
    assert by.with_timestamp(None) == SIGNER
    with pytest.raises(InputError):
        SIGNER.with_timestamp("ftp://x/")


def test_stamped_manifest_follows_the_rules(authority):
    data = sign(signer(authority))
    context = c2pa.Context.from_dict(offline_settings(CHAIN.root.decode()))
    with c2pa.Reader("image/png", io.BytesIO(data), context=context) as reader:
        said = reader.crjson()
    assert broken(json.loads(said) if isinstance(said, str) else said) == {}


def test_another_validator_accepts_time_stamps(authority, tmp_path, monkeypatch):
    pytest.importorskip("encypher_c2pa")
    monkeypatch.setenv("HOME", str(tmp_path))  # it keeps there what telemetry=False says
    said = verified(sign(signer(authority)), "image/png", CHAIN.root)
    assert said["validation_state"] == "Trusted"


def test_manifest_beside_a_file_is_stamped(authority):
    text, out = b"A text.", io.BytesIO()
    store = sign_stream(io.BytesIO(text), out, "text/plain", signer(authority), TITLE, embed=False)
    assert "timeStamp.trusted" in read(text, "text/plain", authority=authority, store=store)[2]


def test_large_sound_is_stamped(authority, tmp_path):
    path = tmp_path / "out.wav"
    with path.open("w+b") as out:
        source = io.BytesIO(large_wave(LARGE + 4))
        sign_stream(source, out, "audio/wav", signer(authority), TITLE)
    state, _, codes = read(path.read_bytes(), "audio/wav", authority=authority)
    assert state == "Trusted"
    assert "timeStamp.trusted" in codes


def test_stamped_file_outlives_its_certificate(authority):
    start = datetime.now(UTC) - timedelta(seconds=1)
    brief = make_test_chain(days=4 / 86_400, now=start)
    stamped = sign(signer(authority, brief))
    plain = sign(Signer.from_pem(brief.chain, brief.key))
    end = Signer.from_pem(brief.chain, brief.key).certificate.not_after
    assert read(plain, chain=brief)[0] == "Trusted"
    time.sleep(max(0.0, (end - datetime.now(UTC)).total_seconds()) + 1.1)
    assert read(stamped, chain=brief, authority=authority)[0] == "Trusted"
    assert "signingCredential.expired" in read(plain, chain=brief)[2]
    # Only who knows the authority can tell: this is why readers need its root as well.
    assert "signingCredential.expired" in read(stamped, chain=brief)[2]


# --- what can go wrong

CAUSES = {
    "refuse": "it refused: rejection, 'not for you'",
    "status 500": "it answered with HTTP status 500",
    "redirect": "it answered with HTTP status 302",
    "wrong nonce": "its time-stamp answers another request",
    "other": "its time-stamp is about something else",
    "garbage": "its answer is not a time-stamp",
    "empty": "its answer is not a time-stamp",
}


@pytest.mark.parametrize("mood", CAUSES)
def test_failing_authority_is_named_with_the_cause(authority, mood):
    authority.mood = mood
    by = Signer.from_pem(CHAIN.chain, CHAIN.key, timestamp=authority.address + "?key=secret")
    with pytest.raises(SigningError, match=r"127\.0\.0\.1:\d+/tsa: ") as caught:
        sign(by)
    message = str(caught.value)
    assert CAUSES[mood] in message
    assert "nothing was signed: try again, name another authority" in message
    assert "\n" not in message
    assert "secret" not in message
    assert caught.value.__suppress_context__  # nor in a traceback


def test_every_mood_is_tested():
    assert set(CAUSES) == set(tsa.Authority.MOODS) - {"hang"}


def test_nobody_there():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        by = Signer.from_pem(CHAIN.chain, CHAIN.key, timestamp=address)
        with pytest.raises(SigningError, match=rf"{address}: it cannot be reached \(Connection re"):
            sign(by)


def test_host_without_an_address():
    by = Signer.from_pem(CHAIN.chain, CHAIN.key, timestamp="https://tsa.invalid/")
    with pytest.raises(SigningError, match=r"https://tsa\.invalid/: it cannot be reached \("):
        sign(by)


@pytest.mark.parametrize("first", ["thread", "socket"])
def test_words_for_silence_do_not_depend_on_which_limit_runs_out(authority, monkeypatch, first):
    monkeypatch.setattr(timestamp_module, "_SECONDS", 0.3)
    authority.mood = "hang"
    joined = threading.Thread.join
    later = 5 if first == "socket" else None
    monkeypatch.setattr(threading.Thread, "join", lambda self, t=None: joined(self, later or t))
    assert problem_of(authority.address) == "it did not answer in 0.3 seconds"


def test_silent_and_slow_authorities_do_not_hang(authority, monkeypatch):
    # The library gives up after 30 seconds of itself, which is measured and not waited for here.
    monkeypatch.setattr(timestamp_module, "_SECONDS", 0.5)
    authority.mood = "hang"
    start = time.monotonic()
    assert problem_of(authority.address) == "it did not answer in 0.5 seconds"
    with socket.create_server(("127.0.0.1", 0)) as server, server_of_drops(server) as address:
        assert problem_of(address) == "it did not answer in 0.5 seconds"
    assert time.monotonic() - start < 5


class server_of_drops:  # noqa: N801 - used like a function
    """One byte at a time, for ever."""

    def __init__(self, server):
        self.server, self.over = server, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        connection, _ = self.server.accept()
        with connection:
            while not self.over.wait(0.05):
                try:
                    connection.sendall(b"H")
                except OSError:
                    return

    def __enter__(self):
        self.thread.start()
        return f"http://127.0.0.1:{self.server.getsockname()[1]}/"

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def test_clock_of_the_authority_is_wrong(authority):
    authority.clock = datetime.now(UTC) - timedelta(days=30)
    with pytest.raises(SigningError, match=r"says it is \d{4}-.* \(UTC\), when .* is not valid"):
        sign(signer(authority))


def test_other_failures_are_not_blamed_on_the_authority(authority):
    def broken(_):
        raise ConnectionError("the vault is closed")

    by = Signer.from_callback(broken, CHAIN.chain, timestamp=authority.address)
    with pytest.raises(SigningError, match="the vault is closed"):
        sign(by)
    with pytest.raises(SigningError, match="cannot be signed with a time-stamp of http"):
        sign(signer(authority), b"not a picture")


# --- addresses


@pytest.mark.parametrize(
    "address",
    [
        "",
        "tsa",
        "//x",
        "ftp://x/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://",
        "http://[/",
        "http://x:99999/",
        "http://x y/",
        "http://é/",
        "http://x/" + "a" * 2000,
    ],
)
def test_what_is_no_address(address):
    with pytest.raises(InputError, match="is not the address of a time-stamp authority"):
        require_address(address)
    with pytest.raises(InputError):
        Signer.from_pem(CHAIN.chain, CHAIN.key, timestamp=address)


def test_secrets_in_an_address_are_not_shown():
    by = Signer.from_pem(CHAIN.chain, CHAIN.key, timestamp="https://x/?key=secret")
    assert "secret" not in repr(by)
    for address in ("https://me:secret@x/", "https://secret@x/", "https://x@secret:0/"):
        with pytest.raises(InputError) as caught:
            Signer.from_pem(CHAIN.chain, CHAIN.key, timestamp=address)
        assert "me:" not in str(caught.value)
        assert "://secret@" not in str(caught.value)
    assert shown_address("https://me:secret@[::1]:8/p?q=secret#secret") == "https://[::1]:8/p"
    assert shown_address("http://x:y:z") == shown_address("nothing") == "the address given"
