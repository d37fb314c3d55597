"""Every kernel of SynthID against its naive twin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import reference_text_synthid as reference
from waarmerk.kernels import text_synthid as kernels
from waarmerk.kernels import text_tournament as matches

FEW = settings(deadline=None, derandomize=True, max_examples=40)
SEEDS = st.integers(0, 2**32 - 1)
IDS = st.integers(0, 2**31 - 1) | st.integers(0, 3)
HASHES = st.integers(0, 2**64 - 1)
KEYS = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=64)
ALL = np.uint64(2**64 - 1)


def uint64(values):
    return np.array([value % 2**64 for value in values], np.uint64)


def twos(rng, size, dtype=np.uint8):
    return rng.integers(0, 2, size).astype(dtype)


# Hashes


@FEW
@given(
    st.lists(st.lists(IDS, max_size=12), max_size=5),
    st.integers(2, 8),
    HASHES,
    st.sampled_from([2**64 - 1, 0xFFFF, 0]),
)
def test_every_token_is_hashed_with_those_before_it(texts, length, start, mask):
    offsets = np.cumsum([0, *map(len, texts)])
    ids = np.array([token for text in texts for token in text], np.int64)
    hashes = np.full(ids.size, 7, np.uint64)
    counted = np.full(ids.size, True)
    kernels.ngram_hashes(ids, offsets, length, np.uint64(start), np.uint64(mask), hashes, counted)
    expected, whole = reference.ngram_hashes(ids, offsets, length, start)
    np.testing.assert_array_equal(counted, whole)
    np.testing.assert_array_equal(hashes, expected & np.uint64(mask))


# Words


@FEW
@given(st.lists(HASHES, max_size=9), KEYS, st.integers(1, 300), SEEDS)
def test_bits_of_a_table_of_any_size(hashes, keys, size, seed):
    table = twos(np.random.default_rng(seed), size)
    words = np.empty(len(hashes), np.uint64)
    kernels.table_layers(uint64(hashes), uint64(keys), table, words)
    expected = [
        reference.word([reference.table_bit(value, key, table) for key in keys]) for value in hashes
    ]
    assert words.tolist() == expected


@FEW
@given(st.lists(HASHES, max_size=9), KEYS)
def test_bits_of_more_hashing(hashes, keys):
    words = np.empty(len(hashes), np.uint64)
    kernels.mixed_layers(uint64(hashes), uint64(keys), words)
    expected = [reference.word([reference.mixed_bit(h, key) for key in keys]) for h in hashes]
    assert words.tolist() == expected


@pytest.mark.parametrize("dtype", [np.uint32, np.uint64])
@pytest.mark.parametrize("size", [1, 2, 256, 65536])
def test_packed_words_are_those_of_the_low_bits_of_hashes(dtype, size):
    rng = np.random.default_rng(size)
    pack = rng.integers(0, np.iinfo(dtype).max, size, dtype, endpoint=True)
    hashes = rng.integers(0, 2**64, 50, np.uint64)
    words = np.empty(50, dtype)
    kernels.packed_layers(hashes, pack, words)
    np.testing.assert_array_equal(words, [pack[int(h) % size] for h in hashes])
    context = int(hashes[0])
    words = np.empty(min(size, 60000), dtype)
    kernels.vocabulary_words(np.uint64(context), pack, words)
    for token in {0, words.size - 1, words.size // 2, words.size // 3}:
        assert words[token] == pack[reference.step(context, token) % size]


# Weights


@FEW
@given(st.integers(1, 200), st.integers(1, 300), st.floats(0, 60), SEEDS)
def test_weights_are_exponentials_added_up_modulo_their_number(size, count, spread, seed):
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 1 + spread, count).astype(np.float32)
    scores[rng.random(count) < 0.2] = -np.inf
    highest = scores.max()
    if highest == -np.inf:
        scores[0] = highest = np.float32(1)
    weights = np.full(size, np.nan, np.float32)
    matches.add_weights(scores, highest, weights)
    terms = np.exp((scores - highest).astype(float))
    expected = np.bincount(np.arange(count) % size, terms, size)
    np.testing.assert_allclose(weights, expected, rtol=2e-6, atol=2e-38)
    assert (weights[:count] >= 0).all()


def test_exponentials_are_right_to_the_last_bits_of_float32():
    scores = np.linspace(-86.9, 0, 200_001, dtype=np.float32)
    weights = np.empty(scores.size, np.float32)
    matches.add_weights(scores, np.float32(0), weights)
    np.testing.assert_allclose(weights, np.exp(scores.astype(float)), rtol=2e-7)
    assert weights[-1] == 1


def test_what_is_too_small_for_float32_weighs_nothing():
    scores = np.array([0, -87, -87.1, -1e30, -np.inf], np.float32)
    weights = np.empty(5, np.float32)
    matches.add_weights(scores, np.float32(0), weights)
    assert weights[1] > 0
    np.testing.assert_array_equal(weights[2:], 0)


# Tournament


def played(words, weights, layers, leaves=2):
    gains = np.zeros(words.size)
    weights = weights.copy()
    given_ = matches.tournament(
        words,
        weights,
        layers,
        leaves,
        gains,
        np.empty(matches.BINS),
        np.empty(matches.BINS, np.float32),
        np.empty(matches.BINS),
    )
    return given_, weights, gains


@FEW
@given(
    st.sampled_from([1, 2, 7, 100, matches.FEW - 1, matches.FEW, 3000]),
    st.integers(1, 64),
    st.integers(2, 5),
    st.floats(0, 20),
    SEEDS,
)
def test_a_tournament_is_played_layer_by_layer(count, layers, leaves, spread, seed):
    rng = np.random.default_rng(seed)
    dtype = np.uint32 if layers <= 32 and seed % 2 else np.uint64
    words = rng.integers(0, 2**layers, count, np.uint64).astype(dtype)
    scores = rng.normal(0, spread, count)
    weights = np.exp(scores - scores.max()).astype(np.float32)
    given_, after, gains = played(words, weights, layers, leaves)
    before = weights / weights.sum(dtype=float)
    expected = reference.tournament(before, reference.bits(words, layers), leaves)
    assert given_ == pytest.approx(weights.sum(dtype=float), rel=1e-6)
    np.testing.assert_allclose(before * np.exp(gains), expected, rtol=2e-4, atol=1e-7)
    np.testing.assert_allclose(after / given_, expected, rtol=2e-4, atol=1e-7)
    assert expected.sum() == pytest.approx(1)


@pytest.mark.parametrize("count", [10, 5000])
def test_who_has_lost_for_certain_has_no_probability_left(count):
    words = np.zeros(count, np.uint64)
    words[0] = 1
    weights = np.zeros(count, np.float32)
    weights[0] = 1
    _, after, gains = played(words, weights, 1)
    assert gains[0] == 0
    assert (gains[1:] < -1e299).all()
    np.testing.assert_array_equal(after, weights)


# Scores


@FEW
@given(st.integers(1, 40), st.integers(1, 90), SEEDS)
def test_gains_are_added_and_what_is_minus_infinite_gets_the_floor(size, count, seed):
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 9, count).astype(np.float32)
    scores[rng.random(count) < 0.1] = -np.inf
    gains = rng.normal(0, 9, size)
    gains[rng.random(size) < 0.1] = -np.inf
    out = np.empty_like(scores)
    matches.finish(scores, gains, 2.5, np.float32(-1e12), out)
    expected = scores - 2.5 + gains[np.arange(count) % size]
    expected = np.where(np.isfinite(expected), expected, -1e12)
    np.testing.assert_allclose(out, expected, rtol=1e-6, atol=1e-6)
