import contextlib
import doctest
import hashlib
import hmac
import json
import os
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from waarmerk.errors import KeyFileError, OutputError
from waarmerk.marking import key as key_module
from waarmerk.marking.key import KeyRing, KeyStream, MarkingKey

CREATED = "2026-11-21T12:00:00Z"
FIXED = MarkingKey(bytes(range(32)), created=CREATED)
SCHEME = "waarmerk.image.1"

keys = st.binary(min_size=32, max_size=32).map(lambda secret: MarkingKey(secret, created=CREATED))
in_a_folder = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def hkdf(secret: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 with SHA-256 and no salt, one block."""
    pseudorandom = hmac.digest(bytes(32), secret, "sha256")
    return hmac.digest(pseudorandom, info + b"\x01", "sha256")[:length]


def test_the_examples_in_the_docstrings():
    assert doctest.testmod(key_module).failed == 0


# Streams


@settings(deadline=None)
@given(st.binary(min_size=32, max_size=32), st.text(max_size=20), st.text(max_size=20))
def test_streams_follow_their_definition(secret, scheme, label):
    key = MarkingKey(secret, created=CREATED)
    seed = hkdf(secret, b"waarmerk/" + scheme.encode(), 32) + label.encode()
    assert key.stream(scheme, label).bytes(500) == hashlib.shake_256(seed).digest(500)
    assert key.key_id == hkdf(secret, b"waarmerk key id", 8).hex()


@settings(deadline=None)
@given(st.lists(st.integers(0, 6000), max_size=8))
def test_calls_continue_the_stream(sizes):
    pieces = FIXED.stream(SCHEME, "x")
    whole = FIXED.stream(SCHEME, "x").bytes(sum(sizes))
    assert b"".join(pieces.bytes(size) for size in sizes) == whole


@settings(deadline=None)
@given(st.integers(0, 300))
def test_numbers_follow_from_the_bytes(n):
    def fresh():
        return FIXED.stream(SCHEME, "numbers")

    data = fresh().bytes(8 * n)
    words = [int.from_bytes(data[4 * i : 4 * i + 4], "little") for i in range(n)]
    double = [int.from_bytes(data[8 * i : 8 * i + 8], "little") for i in range(n)]
    bits = [data[i // 8] >> (i % 8) & 1 for i in range(n)]
    assert fresh().uint32(n).tolist() == words
    assert fresh().uniform(n).tolist() == [word / 2**32 for word in words]
    assert fresh().phases(n).tolist() == [word / 2**32 * (2 * np.pi) for word in words]
    assert fresh().signs(n).tolist() == [1 - 2 * bit for bit in bits]
    assert fresh().permutation(n).tolist() == sorted(range(n), key=lambda i: double[i])


def test_types_and_how_much_each_call_takes():
    stream = FIXED.stream(SCHEME, "types")
    whole = FIXED.stream(SCHEME, "types").bytes(1000)
    assert stream.uint32(3).dtype == np.uint32
    assert stream.uniform(3).dtype == np.float64
    assert stream.phases(3).dtype == np.float64
    assert stream.signs(9).dtype == np.int8
    assert stream.permutation(3).dtype == np.int64
    taken = 12 + 12 + 12 + 2 + 24
    assert stream.bytes(10) == whole[taken : taken + 10]
    with pytest.raises(ValueError, match="cannot take -1"):
        stream.bytes(-1)


def test_streams_of_different_purposes_differ():
    other = MarkingKey(bytes(range(1, 33)), created=CREATED)
    seen = {
        key.stream(scheme, label).bytes(32)
        for key in (FIXED, other)
        for scheme in (SCHEME, "waarmerk.audio.1")
        for label in ("a", "b", "")
    }
    assert len(seen) == 12


def test_streams_never_change():
    """Changed numbers would make every mark ever written unreadable."""
    stream = FIXED.stream(SCHEME, "sync")
    assert FIXED.key_id == "01cce33157bac0dd"
    assert stream.bytes(16).hex() == "3a226d737f230f57585fca6c945d53c0"
    assert stream.uint32(2).tolist() == [3304952300, 3512173787]
    assert stream.signs(8).tolist() == [1, -1, -1, -1, 1, 1, 1, 1]
    assert stream.permutation(6).tolist() == [2, 1, 0, 4, 3, 5]


def test_numbers_are_uniform():
    stream = FIXED.stream(SCHEME, "statistics")
    n = 100_000
    assert abs(stream.signs(n).mean()) < 5 / np.sqrt(n)
    assert abs(stream.uniform(n).mean() - 0.5) < 5 / np.sqrt(12 * n)
    assert abs(np.exp(1j * stream.phases(n)).mean()) < 5 / np.sqrt(n)
    assert sorted(stream.permutation(1000).tolist()) == list(range(1000))


# Keys


def test_new_keys_differ():
    made = [MarkingKey.generate() for _ in range(50)]
    assert len({key.secret for key in made}) == len({key.key_id for key in made}) == 50
    assert all(len(key.key_id) == 16 and int(key.key_id, 16) >= 0 for key in made)


@settings(deadline=None)
@given(keys)
def test_the_secret_is_not_shown(key):
    for text in (repr(key), str(key), repr(KeyRing([key])), repr(key.stream(SCHEME, "x"))):
        assert key.secret.hex() not in text
        assert repr(key.secret) not in text
    assert key.key_id in repr(key)


def test_a_key_goes_to_another_process():
    copy = pickle.loads(pickle.dumps(FIXED))  # noqa: S301
    assert copy == FIXED
    assert copy.key_id == FIXED.key_id


@pytest.mark.parametrize("secret", [b"", bytes(31), bytes(33), "x" * 32, bytearray(32), None])
def test_other_secrets_are_refused(secret):
    with pytest.raises(ValueError, match="32 bytes"):
        MarkingKey(secret, created=CREATED)


@pytest.mark.parametrize(
    "date",
    [
        "",
        "today",
        "2026-11-21",
        "2026-11-21T12:00:00",
        "2026-13-01T00:00:00Z",
        "20261121T120000Z",
        "2026-W47-6T12:00:00Z",
        "2026-11-21 12:00:00Z",
        "2026-11-21T12:00:00Z\n",
    ],
)
def test_other_dates_are_refused(date):
    with pytest.raises(ValueError, match="RFC 3339"):
        MarkingKey(bytes(32), created=date)
    with pytest.raises(ValueError, match="RFC 3339"):
        MarkingKey(bytes(32), created=CREATED, retired=date)


# Key files


@in_a_folder
@given(keys, st.sampled_from([None, "2027-01-01T00:00:00+01:00"]))
def test_a_key_survives_its_file(tmp_path, key, retired):
    key = MarkingKey(key.secret, created=key.created, retired=retired)
    path = tmp_path / "key.json"
    key.save(path, overwrite=True)
    loaded = MarkingKey.load(path)
    assert loaded == key
    assert loaded.key_id == key.key_id
    assert names_in(tmp_path) == ["key.json"]


def test_the_file_is_what_the_contract_says(tmp_path):
    path = tmp_path / "key.json"
    FIXED.save(str(path))
    assert json.loads(path.read_text()) == {
        "schema": "waarmerk.key/1",
        "key_id": FIXED.key_id,
        "secret": bytes(range(32)).hex(),
        "created": CREATED,
    }


@pytest.mark.skipif(os.name != "posix", reason="file modes are a matter of POSIX")
def test_only_the_owner_has_access(tmp_path):
    path = tmp_path / "key.json"
    before = os.umask(0)
    try:
        FIXED.save(path)
        FIXED.save(path, overwrite=True)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    for mode in (0o640, 0o604, 0o620, 0o602, 0o601, 0o644):
        path.chmod(mode)
        with pytest.raises(KeyFileError, match=f"(?s)key.json.*mode {mode:04o}.*chmod 600"):
            MarkingKey.load(path)
        with pytest.raises(KeyFileError, match="chmod 600"):
            KeyRing.load([path])
        assert MarkingKey.load(path, allow_readable_by_others=True) == FIXED
    path.chmod(0o400)
    assert MarkingKey.load(path) == FIXED


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\x00", b"[]", b'{"name": "a package"}'])
def test_what_is_no_key_file_is_not_to_be_made_private(tmp_path, content):
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    path.chmod(0o644)
    for load in (MarkingKey.load, KeyRing.load):
        with pytest.raises(KeyFileError, match=r"photo.jpg: not a key file") as caught:
            load(path)
        assert "chmod" not in str(caught.value)


def test_an_existing_file_is_kept(tmp_path):
    path = tmp_path / "key.json"
    path.write_text("precious")
    with pytest.raises(OutputError, match=r"key.json: exists already"):
        FIXED.save(path)
    with pytest.raises(OutputError, match=r"key.json: exists already"):
        KeyRing([FIXED]).save(path)
    assert path.read_text() == "precious"
    assert names_in(tmp_path) == ["key.json"]
    FIXED.save(path, overwrite=True)
    assert MarkingKey.load(path) == FIXED


def test_a_link_to_nowhere_counts_as_existing(tmp_path):
    path = tmp_path / "key.json"
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="exists already"):
        FIXED.save(path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    for name in ("missing", "file"):
        with pytest.raises(OutputError, match=rf"key.json: .*the folder .*{name} does not exist"):
            FIXED.save(tmp_path / name / "key.json")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=r"folder: cannot be written"):
        FIXED.save(tmp_path / "folder", overwrite=True)
    assert names_in(tmp_path) == ["file", "folder"]


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    path.chmod(0o600)
    return path


def entry(**changes):
    data = {"schema": "waarmerk.key/1", "key_id": FIXED.key_id}
    data |= {"secret": FIXED.secret.hex(), "created": CREATED}
    return {name: value for name, value in (data | changes).items() if value is not ...}


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "not a key file"),
        (b"\x89PNG\r\n\x1a\n\x00", "not a key file"),
        (b"[" * 100_000, "not a key file"),
        (b" " * ((1 << 20) + 1), "not a key file"),
        ([], "not a key file"),
        ({}, "not a key file"),
        (entry(schema="waarmerk.key/2"), "not a key file"),
        (entry(schema=["waarmerk.key/1"]), "not a key file"),
        (entry(secret=...), "damaged"),
        (entry(secret=""), "damaged"),
        (entry(secret=FIXED.secret.hex()[:-2]), "damaged"),
        (entry(secret="g" * 64), "damaged"),
        (entry(secret=list(FIXED.secret)), "damaged"),
        (entry(created=...), "damaged"),
        (entry(created="yesterday"), "damaged"),
        (entry(retired=5), "damaged"),
        (entry(key_id=...), "does not belong to the secret"),
        (entry(key_id="0" * 16), "does not belong to the secret"),
        (entry(secret="00" * 32), "does not belong to the secret"),
    ],
)
def test_a_file_without_a_good_key_is_refused(tmp_path, content, cause):
    path = write(tmp_path / "key.json", content)
    for load in (MarkingKey.load, KeyRing.load):
        with pytest.raises(KeyFileError, match=f"key.json: .*{cause}.*; ") as caught:
            load(path)
        assert "\n" not in str(caught.value)
        assert FIXED.secret.hex()[:8] not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(KeyFileError, match=r"missing.json: cannot read"):
        MarkingKey.load(tmp_path / "missing.json")
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o700)
    with pytest.raises(KeyFileError, match=r"folder: cannot read"):
        MarkingKey.load(folder)


@in_a_folder
@given(st.data())
def test_a_damaged_file_never_gives_another_key(tmp_path, data):
    path = tmp_path / "key.json"
    FIXED.save(path, overwrite=True)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    path.write_bytes(content)
    with contextlib.suppress(KeyFileError):
        assert MarkingKey.load(path).secret == FIXED.secret


def test_fields_of_a_later_release_are_let_pass(tmp_path):
    path = write(tmp_path / "key.json", entry(comment="made by hand"))
    assert MarkingKey.load(path) == FIXED


# Rings


@in_a_folder
@given(st.lists(keys, max_size=5))
def test_a_ring_survives_its_file(tmp_path, members):
    ring = KeyRing(members)
    path = tmp_path / "ring.json"
    ring.save(path, overwrite=True)
    assert KeyRing.load(path) == ring
    assert list(KeyRing.load([path, path])) == list(ring)


def test_a_ring_keeps_order_and_history(tmp_path):
    new, old = MarkingKey.generate(), MarkingKey(bytes(32), created=CREATED, retired=CREATED)
    new.save(tmp_path / "new.json")
    KeyRing([old, FIXED]).save(tmp_path / "ring.json")
    ring = KeyRing.load([tmp_path / "new.json", tmp_path / "ring.json"])
    assert list(ring) == [new, old, FIXED]
    assert ring.active == (new, FIXED)
    assert len(ring) == 3
    assert ring[old.key_id].retired == CREATED
    assert old.key_id in ring
    assert "0" * 16 not in ring
    with pytest.raises(KeyError):
        ring["0" * 16]


def test_a_key_given_twice_counts_once():
    assert len(KeyRing([FIXED, FIXED, MarkingKey(FIXED.secret, created=CREATED)])) == 1


def test_a_ring_is_not_a_key(tmp_path):
    KeyRing([FIXED]).save(tmp_path / "ring.json")
    with pytest.raises(KeyFileError, match="ring of keys"):
        MarkingKey.load(tmp_path / "ring.json")


@pytest.mark.parametrize("members", [..., None, {}, "x", [1], [entry(), {}], [entry(secret="")]])
def test_a_damaged_ring_is_refused(tmp_path, members):
    data = {"schema": "waarmerk.keyring/1"} | ({} if members is ... else {"keys": members})
    path = write(tmp_path / "ring.json", data)
    with pytest.raises(KeyFileError, match=r"ring.json: "):
        KeyRing.load(path)


def test_streams_can_be_made_without_a_key():
    assert KeyStream(b"seed").bytes(4) == hashlib.shake_256(b"seed").digest(4)
