"""The kernels of text against their naive twins, and SipHash against its published vectors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import independent_text as twin
from waarmerk.detection.text.tails import tail_of
from waarmerk.kernels import text_siphash as kernels
from waarmerk.kernels.text import first_occurrences
from waarmerk.kernels.text_windows import best_windows, maximal_stretches
from waarmerk.marking.text.layers import bit_law

FEW = settings(deadline=None, derandomize=True, max_examples=40)


def ragged(rows):
    offsets = np.cumsum([0, *(len(row) for row in rows)]).astype(np.int64)
    return np.array([x for row in rows for x in row], np.int64), offsets


# first_occurrences


@FEW
@given(st.lists(st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=20), max_size=6))
def test_of_equal_draws_the_first_in_each_text_counts(rows):
    flat, offsets = ragged([[value for value, _ in row] for row in rows])
    counted = np.array([flag for row in rows for _, flag in row], np.bool_)
    expected = []
    for row in rows:
        seen = set()
        for value, flag in row:
            expected.append(flag and value not in seen)
            if flag:
                seen.add(value)
    stamps = np.zeros(64, np.int64)
    first_occurrences(flat.astype(np.uint64), offsets, counted, np.empty(64, np.uint64), stamps)
    assert counted.tolist() == expected
    assert not stamps.any()


def test_many_equal_and_many_different_draws():
    hashes = np.concatenate([np.zeros(1000), np.arange(1000)]).astype(np.uint64)
    counted = np.ones(2000, np.bool_)
    first_occurrences(hashes, np.array([0, 2000]), counted, np.empty(4096, np.uint64),
                      np.zeros(4096, np.int64))  # fmt: skip
    assert counted.sum() == 1000
    assert counted[0]
    assert counted[1001:].all()


# SipHash


@pytest.mark.parametrize(
    ("length", "digest"),
    [  # the first, fifth and ninth vector of the authors' reference, key 00 01 ... 0f
        (0, "310e0edd47db6f72"),
        (4, "b7877127e09427cf"),
        (8, "6224939a79f5f593"),
    ],
)
def test_the_twin_of_siphash_gives_the_published_vectors(length, digest):
    assert twin.siphash(bytes(range(16)), bytes(range(length))).hex() == digest


def test_the_twin_of_wide_siphash_gives_the_published_vector():
    out = twin.siphash(bytes(range(16)), bytes(range(16)), wide=True)
    assert out.hex() == "6ee2a4ca67b054bbfd3315bf85230577"


def draws(key, ids, offsets):
    contexts = np.zeros((ids.size, 2), np.uint64)
    counted = np.ones(ids.size, np.bool_)
    kernels.context_draws(ids, offsets, np.frombuffer(key, "<u8").astype(np.uint64), contexts,
                          counted)  # fmt: skip
    return contexts, counted


@FEW
@given(
    st.binary(min_size=16, max_size=16),
    st.lists(st.lists(st.integers(0, 2**31 - 1), max_size=9), max_size=4),
)
def test_contexts_and_words_are_those_of_the_specification(key, rows):
    ids, offsets = ragged(rows)
    contexts, counted = draws(key, ids, offsets)
    words, places = np.empty(ids.size, np.uint32), np.empty(ids.size, np.uint32)
    kernels.candidate_words(contexts, ids, counted, words, places)
    at = 0
    for row in rows:
        for i, token in enumerate(row):
            assert counted[at] == (i >= 4)
            if i >= 4:
                context = twin.context_key(key, row[i - 4 : i])
                assert contexts[at].astype("<u8").tobytes() == context
                assert words[at] == twin.word(context, token)
                value = int.from_bytes(twin.siphash(context, b""), "little")
                assert places[at] == value & 0xFFFFF
            else:
                assert words[at] == 0
            at += 1


# layer_sums and add_votes


@FEW
@given(st.integers(1, 64), st.integers(0, 30), st.integers(0, 2**32 - 1))
def test_layer_sums_equal_the_sum_of_weighted_bits(depth, size, seed):
    from waarmerk.marking.text.layers import layer_weights, layered_evidence

    rng = np.random.default_rng(seed)
    words = rng.integers(0, 2**64, size, dtype=np.uint64)
    counted = rng.random(size) < 0.7
    weights = layer_weights(depth)
    seen = layered_evidence(words, counted, depth)
    for i in range(size):
        bits = [int(words[i]) >> n & 1 for n in range(depth)]
        assert seen.scores[i] == (np.dot(weights, bits) if counted[i] else 0)
    assert seen.law.probabilities.sum() == pytest.approx(1)
    assert seen.law.probabilities.size == weights.sum() + 1


# best_windows


def windows_by_definition(scores, counted, shortest, tail):
    tilts, log_mgf, _ = tail.table
    best, where, tries, width = 0.0, None, 0, shortest
    while width < len(scores):
        for start in range(0, len(scores) - width + 1, width // 4):
            tries += 1
            n = counted[start : start + width].sum()
            t = scores[start : start + width].sum(dtype=float)
            bound = (n * log_mgf - tilts * t).min() if n else 0.0
            if bound < best:
                best, where = bound, (start, start + width)
        width *= 2
    return best, where, tries


@FEW
@given(st.integers(0, 120), st.sampled_from([4, 8, 16]), st.integers(0, 2**32 - 1))
def test_the_best_window_is_the_best_of_all(length, shortest, seed):
    rng = np.random.default_rng(seed)
    law = bit_law((30, 16, 3))
    tail = tail_of(law)
    counted = rng.random(length) < 0.8
    scores = np.where(counted, rng.choice([0, 3, 16, 30, 49], length), 0).astype(np.float32)
    best, where, tries = windows_by_definition(scores, counted, shortest, tail)
    out = [np.zeros(1), np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(1)]
    place = np.zeros((1, 2), np.int64)
    best_windows(scores, counted, np.array([0, length]), shortest, *tail.table,
                 np.empty(length + 1), np.empty(length + 1, np.int64), *out, place)  # fmt: skip
    totals, counts, tried, found = out
    assert totals[0] == scores.sum()
    assert counts[0] == counted.sum()
    assert tried[0] == tries
    # The table's neighbour of the best s is tried alone: a bound, hardly above the best.
    assert best - 1e-9 <= found[0] <= 0.9 * best + 1e-9
    if where is None:
        assert place[0].tolist() == [0, length]


# maximal_stretches


def maximal_by_definition(gains):
    """Cut the best stretch out, and look for more on both sides of it."""

    def within(start, end):
        best, where = 0.0, None
        for i in range(start, end):
            total = 0.0
            for j in range(i, end):
                total += gains[j]
                if total > best + 1e-12:
                    best, where = total, (i, j + 1)
        if where is None:
            return []
        return [*within(start, where[0]), where, *within(where[1], end)]

    return within(0, len(gains))


@FEW
@given(st.lists(st.integers(-1000, 1000), max_size=25))
def test_maximal_stretches_are_the_best_and_the_best_beside_them(numbers):
    # Of many digits, so that no two stretches are equally good.
    gains = np.array([x + 0.001 * np.sin(i + 1) for i, x in enumerate(numbers)], float)
    stretches, sums = np.empty((len(gains), 2), np.int64), np.empty((len(gains), 2))
    count = maximal_stretches(gains, stretches, sums)
    assert [tuple(s) for s in stretches[:count].tolist()] == maximal_by_definition(gains)
