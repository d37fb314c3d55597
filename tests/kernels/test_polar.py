import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import reference
from waarmerk.kernels.polar import decode_list, schedule


@st.composite
def codes(draw, largest=6):
    length = 1 << draw(st.integers(1, largest))
    information = draw(
        st.lists(st.booleans(), min_size=length, max_size=length).filter(any).map(np.array)
    )
    return length, information


def word_of(bits, information):
    full = np.zeros(information.size, np.uint8)
    full[information] = bits
    return 1 - 2 * np.array(reference.polar_encode(full.tolist()))


@settings(deadline=None)
@given(codes(), st.sampled_from([1, 2, 3, 8]), st.data())
def test_equals_the_naive_decoder(code, list_size, data):
    length, information = code
    # Small whole numbers are exact in both, and make ties, which must be broken alike.
    values = data.draw(st.lists(st.integers(-5, 5), min_size=length, max_size=length))
    llr = np.array(values, np.float32)
    bits, metric = decode_list(llr, schedule(information), list_size)
    expected_bits, expected_metric = reference.polar_decode(
        llr.astype(float), information, list_size
    )
    np.testing.assert_array_equal(metric, expected_metric)
    np.testing.assert_array_equal(bits, expected_bits)


@pytest.mark.parametrize("list_size", [1, 4, 32])
def test_equals_the_naive_decoder_on_noise(list_size):
    rng = np.random.default_rng(list_size)
    information = np.zeros(64, bool)
    information[rng.choice(64, 16, replace=False)] = True
    for _ in range(3):
        llr = rng.standard_normal(64).astype(np.float32)
        bits, metric = decode_list(llr, schedule(information), list_size)
        expected_bits, expected_metric = reference.polar_decode(
            llr.astype(float), information, list_size
        )
        np.testing.assert_array_equal(bits, expected_bits)
        np.testing.assert_allclose(metric, expected_metric, rtol=1e-5)


@settings(deadline=None)
@given(codes(), st.sampled_from([1, 4, 16]), st.integers(0, 2**32 - 1))
def test_metric_is_what_contradicts_the_word(code, list_size, seed):
    length, information = code
    llr = np.random.default_rng(seed).standard_normal(length).astype(np.float32)
    bits, metric = decode_list(llr, schedule(information), list_size)
    assert len(bits) == min(list_size, 2 ** int(information.sum()))
    assert len(np.unique(bits, axis=0)) == len(bits)
    for row, value in zip(bits, metric, strict=True):
        against = np.maximum(0, -llr * word_of(row, information)).sum()
        assert value == pytest.approx(against, rel=1e-4, abs=1e-4)


def test_a_list_of_everything_is_maximum_likelihood():
    rng = np.random.default_rng(7)
    information = np.array([0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 1], bool)
    llr = rng.standard_normal(16).astype(np.float32)
    bits, metric = decode_list(llr, schedule(information), 128)
    all_words = (np.arange(128)[:, None] >> np.arange(7) & 1).astype(np.uint8)
    correlation = [llr @ word_of(word, information) for word in all_words]
    assert len(bits) == 128
    assert bits[0].tolist() == all_words[np.argmax(correlation)].tolist()
    assert (np.diff(metric) >= 0).all()


@pytest.mark.parametrize("sign", [1, -1])
def test_constant_input(sign):
    # All +1 is always a word; all -1 is one exactly if the last bit of u is information.
    information = np.arange(64) >= 48
    bits, metric = decode_list(np.full(64, sign, np.float32), schedule(information), 4)
    assert metric[0] == 0
    assert bits[0].tolist() == [0] * 15 + [int(sign < 0)]


def test_input_is_left_alone_and_the_result_repeats():
    llr = np.random.default_rng(1).standard_normal(256).astype(np.float32)
    before = llr.copy()
    blocks = schedule(np.arange(256) % 5 == 0)
    first, second = decode_list(llr, blocks, 8), decode_list(llr, blocks, 8)
    np.testing.assert_array_equal(llr, before)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


@settings(deadline=None)
@given(codes())
def test_the_schedule_covers_the_tree_once(code):
    length, information = code
    end = 0
    for start, level, kind in schedule(information).tolist():
        assert start == end
        end = start + (1 << level)
        assert start % (1 << level) == 0
        inside = np.flatnonzero(information[start:end])
        assert inside.tolist() == ([(1 << level) - 1] if kind else [])
    assert end == length
