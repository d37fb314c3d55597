"""Every kernel of the green lists against its naive twin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import reference_text_kgw as reference
from waarmerk.kernels import text_kgw as kernels
from waarmerk.kernels import text_kgw_seeds as seeding

FEW = settings(deadline=None, derandomize=True, max_examples=60)
SEEDS = st.integers(0, 2**32 - 1)
EXTREMES = [0, 1, 2, 5489, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1]
KEYS = st.one_of(st.integers(1, 2**63), st.sampled_from([1, 2**32 - 1, 2**63 - 1, 2**64 - 2]))


class Room:
    """What the kernels work in, and whether they leave it as they found it."""

    def __init__(self, size, count):
        self.factor, self.shift = kernels.divisors(size, count)
        self.order = np.arange(size, dtype=np.int32)
        self.swaps = np.empty(size, np.int32)
        self.mask = np.zeros(size, np.bool_)
        self.states = np.empty((4, kernels.STATE), np.uint32)
        self.words = np.empty(kernels.BATCH, np.uint32)

    def members(self, seeds, tokens):
        draws = np.asarray(seeds, np.uint64) << np.uint64(32) | np.asarray(tokens, np.uint64)
        green = np.ones(draws.size, np.bool_)
        tables = self.factor, self.shift, self.order, self.swaps, self.mask
        kernels.members(draws, *tables, self.states, self.words, green)
        self.check()
        return green

    def green_list(self, seed, count):
        out = np.empty(count, np.int64)
        kernels.green_list(seed, self.order, self.swaps, self.states[0], self.words, out)
        self.check()
        return out

    def check(self):
        np.testing.assert_array_equal(self.order, np.arange(self.order.size))
        assert not self.mask.any()


# seed_state, draw


@pytest.mark.parametrize("seed", EXTREMES)
@pytest.mark.parametrize("counts", [[1, 1, 2, 700], [623, 624, 625], [2048, 2048, 5], [227, 397]])
def test_words_are_those_of_the_mersenne_twister(seed, counts):
    state, words = np.empty(kernels.STATE, np.uint32), np.empty(kernels.BATCH, np.uint32)
    kernels.seed_state(seed, state)
    drawn = []
    for count in counts:
        kernels.draw(state, words, count)
        drawn.append(words[:count].copy())
    np.testing.assert_array_equal(np.concatenate(drawn), reference.words(seed, sum(counts)))


# divisors


@FEW
@given(st.integers(2, 300_000), st.data())
def test_every_multiple_passes_the_tables(size, data):
    count = data.draw(st.integers(1, size - 1))
    factor, shift = kernels.divisors(size, count)
    steps = np.unique(np.linspace(0, count - 1, 200).astype(np.int64))
    rng = np.random.default_rng(size)
    for i in steps.tolist():
        m = size - i
        highest = (2**32 - 1 + size) // m
        quotients = {0, 1, highest, highest - 1, *rng.integers(0, highest + 1, 20).tolist()}
        results = [((q * m * int(factor[i])) % 2**32) >> int(shift[i]) for q in quotients]
        assert max(results) <= (2**32 - 1 + size) // m


def test_few_others_pass():
    size, count = 128_256, 32_064
    factor, shift = kernels.divisors(size, count)
    words = reference.words(1, count)
    results = (words * factor) >> shift
    assert np.count_nonzero(results <= (2**32 - 1 + size) // (size - count + 1)) < 10


# first_hit


@FEW
@given(st.integers(1, 900), st.integers(1, 5000), st.integers(0, 4000), SEEDS, st.data())
def test_the_first_hit_is_found(length, above, start, seed, data):
    rng = np.random.default_rng(seed)
    end = start + length
    place = end + int(rng.integers(0, above))
    size = place + int(rng.integers(1, 100_000))
    drawn = reference.words(seed, length)
    # Words that hit, up to the very last multiple: there the sum runs over 2^32.
    for k in data.draw(st.lists(st.integers(0, length - 1), max_size=3)):
        m, rest = size - start - k, (place - start - k)
        multiples = (2**32 - 1 - rest) // m
        drawn[k] = rest + m * data.draw(st.sampled_from([0, multiples // 2, multiples]))
    factor, shift = kernels.divisors(size, end)
    found = kernels.first_hit(drawn, start, factor, shift, (start, end), size, place)
    assert found == reference.first_hit(drawn, start, end, size, place)


# green_list, add_to_green, members


@FEW
@given(st.integers(2, 80), SEEDS, st.data())
def test_lists_and_members_are_those_of_the_whole_permutation(size, seed, data):
    row = reference.permutation(size, seed)
    count = data.draw(st.integers(1, size - 1))
    room = Room(size, count)
    np.testing.assert_array_equal(room.green_list(seed, count), row[:count])
    expected = np.isin(np.arange(size), row[:count])
    np.testing.assert_array_equal(room.members([seed] * size, range(size)), expected)
    for token in range(size):
        assert room.members([seed], [token]) == expected[token]


@pytest.mark.parametrize("size", [2, 3, 5, 8, 33, 64])
def test_members_for_every_number_of_green_tokens(size):
    for seed in EXTREMES:
        row = reference.permutation(size, seed)
        for count in range(1, size):
            green = Room(size, count).members([seed] * size, range(size))
            assert set(np.flatnonzero(green)) == set(row[:count])


@pytest.mark.parametrize(("size", "count"), [(6000, 5999), (9000, 2048), (12_000, 4097)])
@pytest.mark.parametrize("seed", [7, 2**32 - 1])
def test_members_over_many_batches(size, count, seed):
    row = reference.permutation(size, seed)
    room = Room(size, count)
    np.testing.assert_array_equal(room.green_list(seed, count), row[:count])
    expected = np.isin(np.arange(size), row[:count])
    # All at once is a shuffle, and pieces of 47 are followed.
    np.testing.assert_array_equal(room.members([seed] * size, range(size)), expected)
    for start in range(0, size, 47):
        tokens = np.arange(start, min(start + 47, size))
        found = room.members([seed] * tokens.size, tokens)
        np.testing.assert_array_equal(found, expected[tokens])


@FEW
@given(st.lists(st.tuples(st.sampled_from(EXTREMES), st.integers(0, 59)), max_size=200))
def test_seeds_may_come_in_any_order(draws):
    greens = {seed: set(reference.permutation(60, seed)[:20]) for seed in EXTREMES}
    found = Room(60, 20).members([s for s, _ in draws], [t for _, t in draws])
    assert found.tolist() == [token in greens[seed] for seed, token in draws]


@FEW
@given(st.integers(2, 3000), SEEDS)
def test_green_scores_are_raised(size, seed):
    count = 1 + seed % (size - 1)
    room = Room(size, count)
    scores = np.random.default_rng(seed).normal(0, 5, size).astype(np.float32)
    expected = scores.copy()
    expected[reference.permutation(size, seed)[:count]] += np.float32(1.7)
    tables = room.order, room.swaps, room.states[0], room.words
    kernels.add_to_green(seed, count, *tables, 1.7, scores)
    room.check()
    np.testing.assert_array_equal(scores, expected)


# left_seeds, self_seeds, candidate_seeds


@FEW
@given(KEYS, st.lists(st.integers(0, 2**31 - 1), max_size=20))
def test_seeds_of_the_last_token(key, ids):
    out = np.empty(len(ids), np.uint64)
    seeding.left_seeds(np.array(ids, np.int64), np.uint64(key % reference.ROUND), out)
    assert out.tolist() == [reference.left_seed([token], key) for token in ids]


@FEW
@given(KEYS, st.integers(1, 6), st.lists(st.integers(0, 2**31 - 1), max_size=20), SEEDS)
def test_seeds_of_windows(key, width, ids, seed):
    table = np.random.default_rng(seed).integers(1, 1_000_004, 97).astype(np.uint32)
    array = np.array(ids, np.int64)
    out = np.ones(len(ids), np.uint64)
    seeding.self_seeds(array, table, np.uint64(key), width, out)
    windows = [ids[i - width + 1 : i + 1] for i in range(width - 1, len(ids))]
    expected = [reference.self_seed(window, key, table) for window in windows]
    assert out.tolist() == [0] * min(width - 1, len(ids)) + expected
    for window, value in zip(windows, expected, strict=True):
        last = np.array([window[-1], *ids], np.int64)
        out = np.empty(last.size, np.uint64)
        context = np.array(window[:-1], np.int64)
        seeding.candidate_seeds(context, last, table, np.uint64(key), out)
        assert out[0] == value


# best


@FEW
@given(
    st.lists(st.one_of(st.integers(-3, 3), st.floats(-9, 9, width=32), st.just(-np.inf))),
    st.integers(1, 40),
)
def test_the_highest_scores_are_found(values, count):
    scores = np.array(values, np.float32)
    out = np.full(count, -1, np.int64)
    found = seeding.best(scores, out)
    assert out[:found].tolist() == reference.best(scores, count)
    assert (out[found:] == -1).all()
