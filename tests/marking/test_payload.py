import contextlib
import doctest
import hashlib
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import reference
from waarmerk.errors import InputError
from waarmerk.marking import payload
from waarmerk.marking.payload import Code, MarkId

LENGTHS = (128, 512, 1024, 2048, 4096)
mark_ids = st.integers(0, 2**64 - 1).map(MarkId)
EXAMPLE = MarkId.from_hex("0123456789abcdef")


def noisy(code, mark_id, ebn0_db, rng):
    """Send a word over a channel of a given energy per payload bit."""
    sigma = np.sqrt(code.length / 64 / 2 / 10 ** (ebn0_db / 10))
    return (code.encode(mark_id) + sigma * rng.standard_normal(code.length)).astype(np.float32)


def test_the_examples_in_the_docstrings():
    assert doctest.testmod(payload).failed == 0


@settings(deadline=None)
@given(mark_ids)
def test_an_id_survives_being_written_down(mark_id):
    assert MarkId.from_hex(mark_id.hex) == mark_id
    assert MarkId.from_hex(mark_id.hex.upper()) == mark_id
    assert len(mark_id.hex) == 16
    assert str(mark_id) == mark_id.hex == f"{int(mark_id):016x}"
    assert mark_id.kind == ("altered" if int(mark_id) >= 2**63 else "generated")
    assert hash(mark_id) == hash(MarkId(int(mark_id)))


@pytest.mark.parametrize("kind", ["generated", "altered"])
def test_random_ids_are_of_the_kind_asked_for_and_differ(kind):
    drawn = [MarkId.random(kind) for _ in range(200)]
    assert {mark_id.kind for mark_id in drawn} == {kind}
    assert len(set(drawn)) == 200
    # Every one of the 63 random bits takes both values.
    assert np.bitwise_or.reduce([int(m) & (2**63 - 1) for m in drawn]) == 2**63 - 1
    assert np.bitwise_and.reduce([int(m) & (2**63 - 1) for m in drawn]) == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0" * 15,
        "0" * 17,
        "0x00000000000000",
        " 123456789abcdef",
        "+123456789abcdef",
        "0123456789abcdeg",
        "0123_456789abcde",
        "٠١٢٣٤٥٦٧٨٩012345",
        "0123456789abcde\n",
    ],
)
def test_other_texts_are_no_id(text):
    with pytest.raises(InputError, match="16 hexadecimal digits"):
        MarkId.from_hex(text)


@settings(deadline=None)
@given(st.text(max_size=20))
def test_any_text_is_an_id_or_an_input_error(text):
    with contextlib.suppress(InputError):
        assert MarkId.from_hex(text).hex == text.lower()


@pytest.mark.parametrize("value", [-1, 2**64, 1.0, True, "1", None])
def test_other_values_are_no_id(value):
    with pytest.raises(InputError, match="64 bits"):
        MarkId(value)


def test_other_kinds_are_refused():
    with pytest.raises(InputError, match="'generated' or 'altered'"):
        MarkId.random("human")


@settings(deadline=None)
@given(mark_ids, st.sampled_from(LENGTHS), st.sampled_from([1, 8, 32]))
def test_what_is_encoded_is_decoded(mark_id, length, list_size):
    code = Code(length, list_size)
    word = code.encode(mark_id)
    assert word.dtype == np.int8
    assert word.shape == (length,)
    assert set(np.unique(word)) <= {-1, 1}
    assert code.decode(word.astype(np.float32))[0] == mark_id


@settings(deadline=None, max_examples=30)
@given(mark_ids, st.floats(1e-30, 1e30))
def test_scale_and_type_of_the_soft_values_do_not_matter(mark_id, scale):
    code = Code(512)
    received = noisy(code, mark_id, 2.0, np.random.default_rng(int(mark_id) % 1000))
    expected = code.decode(received)
    assert code.decode((received.astype(float) * scale).astype(np.float64)) == expected
    assert code.decode(np.repeat(received, 2)[::2]) == expected


@settings(deadline=None, max_examples=30)
@given(mark_ids, st.sampled_from(LENGTHS))
def test_encoding_follows_the_definition(mark_id, length):
    """CRC by long division, positions by polarisation weight, word by the recursion."""
    remainder = (int(mark_id) << 16) ^ (0xFFFF << 64)
    for shift in range(63, -1, -1):
        if remainder >> (shift + 16) & 1:
            remainder ^= 0x11021 << shift
    checked = int(mark_id) << 16 | remainder
    with localcontext() as context:
        context.prec = 50
        steps = [Decimal(2) ** (Decimal(j) / 4) for j in range(length.bit_length() - 1)]
        weight = [sum(s for j, s in enumerate(steps) if i >> j & 1) for i in range(length)]
        positions = sorted(sorted(range(length), key=lambda i: weight[i])[-80:])
    u = [0] * length
    for index, position in enumerate(positions):
        u[position] = checked >> (79 - index) & 1
    expected = [1 - 2 * bit for bit in reference.polar_encode(u)]
    assert Code(length).encode(mark_id).tolist() == expected


@pytest.mark.parametrize(
    ("length", "digest"),
    [
        (128, "51afc7c8224688cd"),
        (512, "91a7f414d52d2668"),
        (1024, "5dcb36c63c0e88ac"),
        (2048, "4618d9b641bf48df"),
    ],
)
def test_words_never_change(length, digest):
    """A changed word would make every mark ever written unreadable."""
    word = Code(length).encode(EXAMPLE)
    assert hashlib.sha256(np.packbits(word < 0).tobytes()).hexdigest()[:16] == digest


@settings(deadline=None, max_examples=50)
@given(mark_ids, mark_ids)
def test_words_of_two_ids_differ_in_many_places(one, other):
    if one != other:
        code = Code(512)
        assert np.count_nonzero(code.encode(one) != code.encode(other)) >= 32


@pytest.mark.parametrize("length", [512, 1024, 2048])
def test_reads_through_noise(length):
    # At 2.5 dB fewer than one word in 1000 is lost.
    rng = np.random.default_rng(length)
    code = Code(length)
    for _ in range(60):
        mark_id = MarkId(int(rng.integers(0, 2**63)))
        assert code.decode(noisy(code, mark_id, 2.5, rng))[:1] == [mark_id]


@pytest.mark.parametrize("length", [512, 1024])
def test_reads_when_a_third_is_erased_or_a_tenth_is_wrong(length):
    rng = np.random.default_rng(length)
    code = Code(length)
    word = code.encode(EXAMPLE).astype(np.float32)
    erased, wrong = word.copy(), word.copy()
    erased[rng.choice(length, length // 3, replace=False)] = 0
    wrong[rng.choice(length, length // 10, replace=False)] *= -1
    assert code.decode(erased)[0] == EXAMPLE
    assert code.decode(wrong)[0] == EXAMPLE


def test_noise_gives_hardly_any_candidate():
    rng = np.random.default_rng(5)
    code = Code(512)
    found = [code.decode(rng.standard_normal(512).astype(np.float32)) for _ in range(200)]
    # One in 2048 each; three or more have a probability of 1e-4.
    assert sum(map(bool, found)) < 3


def test_a_longer_list_reads_more():
    rng = np.random.default_rng(6)
    short, long = Code(512, 2), Code(512, 32)
    received = [noisy(short, EXAMPLE, 1.0, rng) for _ in range(60)]
    read_short = sum(short.decode(llr)[:1] == [EXAMPLE] for llr in received)
    read_long = sum(long.decode(llr)[:1] == [EXAMPLE] for llr in received)
    assert read_long > read_short + 10


def test_nothing_received_is_nothing_found():
    assert Code(512).decode(np.zeros(512, np.float32)) == []


@settings(deadline=None, max_examples=50)
@given(st.sampled_from([-1e30, -1.0, -1e-30, 0.0, 1e-30, 1.0, 1e30]), st.integers(0, 2**32 - 1))
def test_strange_values_do_no_harm(constant, seed):
    rng = np.random.default_rng(seed)
    code = Code(128, 4)
    llr = np.where(rng.random(128) < 0.5, constant, rng.standard_normal(128))
    for mark_id in code.decode(llr.astype(np.float32)):
        assert code.encode(mark_id).shape == (128,)
    assert all(isinstance(m, MarkId) for m in code.decode(np.full(128, constant, np.float32)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_number_are_refused(value):
    llr = np.ones(512, np.float32)
    llr[100] = value
    with pytest.raises(ValueError, match="finite"):
        Code(512).decode(llr)


@pytest.mark.parametrize("shape", [(511,), (1, 512), (0,), ()])
def test_arrays_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match="reads 512 values"):
        Code(512).decode(np.ones(shape, np.float32))


@pytest.mark.parametrize("length", [0, 64, 100, 513, -512])
def test_other_lengths_are_refused(length):
    with pytest.raises(ValueError, match="power of two"):
        Code(length)


def test_a_list_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one path"):
        Code(512, 0)
