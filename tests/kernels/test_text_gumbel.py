"""Every kernel of keyed Gumbel sampling against its naive twin."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import reference_text_gumbel as reference
from waarmerk.kernels import text_gumbel as kernels

FEW = settings(deadline=None, derandomize=True, max_examples=40)
SEEDS = st.integers(0, 2**32 - 1)
KEYS = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 1, 2**32 - 1, 2**64 - 1]))
IDS = st.one_of(st.integers(0, 2**31 - 1), st.integers(0, 300))
U = np.uint64
ALL = 1 << 32


def keys_of(first, second=0, share=ALL):
    return np.array([first, second, share], np.uint64)


def state_of(context, key, murmur):
    state, room = np.zeros(4, np.uint64), kernels.room()
    if murmur:
        state[0] = kernels.murmur_hash(np.array(context, np.uint64))
    else:
        kernels.philox_state(np.array(context, np.int64), U(key), state, room)
    return state


# Published answers


@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    # kat_vectors of Random123 (D. E. Shaw Research), lines "philox4x32 10".
    [
        ((0,) * 4, (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((2**32 - 1,) * 4, (2**32 - 1,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_published_answers(counter, key, answer):
    assert tuple(reference.philox4x32_10(counter, key)) == answer
    lanes = kernels.room()[0]
    lanes[:5] = np.array([*counter, key[0]], np.uint64)[:, None]
    kernels._philox(lanes, U(key[1]), kernels.LANES)
    assert (lanes[:4] == np.array(answer, np.uint64)[:, None]).all()


@pytest.mark.parametrize(
    ("data", "answer"),
    # Test vectors made with the code of SMHasher: stackoverflow.com/a/31929528.
    [
        (b"", 0),
        (b"\xff\xff\xff\xff", 0x76293B50),
        (b"\x21\x43\x65\x87", 0xF55B516B),
        (b"\0\0\0\0", 0x2362F9DE),
    ],
)
def test_murmur_gives_the_published_answers(data, answer):
    assert reference.murmur3(data) == answer
    assert kernels.murmur_hash(np.frombuffer(data, "<u4").astype(np.uint64)) == answer


# uniforms


@FEW
@given(st.lists(st.one_of(IDS, st.just(-1)), min_size=1, max_size=11), KEYS, SEEDS)
def test_uniforms_of_philox_are_those_of_the_twin(context, key, seed):
    tokens = np.random.default_rng(seed).integers(0, 2**31, 300)
    out = np.empty(300)
    state = state_of(context, key, murmur=False)
    assert state.tolist() == reference.philox_state(context, key)
    kernels.uniforms(tokens, state, False, keys_of(key), out, kernels.room())
    assert out[:40].tolist() == [reference.philox_u(context, int(t), key) for t in tokens[:40]]
    assert out[-1] == reference.philox_u(context, int(tokens[-1]), key)
    assert (out > 0).all()
    assert (out < 1).all()


@FEW
@given(st.lists(IDS, min_size=1, max_size=9), KEYS, KEYS, st.sampled_from([0, 9**9, ALL]), SEEDS)
def test_uniforms_of_murmur_are_those_of_the_twin(context, first, second, share, seed):
    tokens = np.random.default_rng(seed).integers(0, 2**31, 30)
    out = np.empty(30)
    keys = keys_of(first, second, share)
    kernels.uniforms(tokens, state_of(context, 0, True), True, keys, out, kernels.room())
    expected = [reference.murmur_u(context, int(t), (first, second, share)) for t in tokens]
    assert out.tolist() == expected


def test_the_largest_and_smallest_words_stay_inside_of_the_unit_interval():
    for word in (0, 255, 256, 2**31, 2**32 - 1):
        u = kernels._uniform(U(word), False)
        assert u == float(np.float32(((word >> 8) + 1) / (2**24 + 1)))
        assert 0 < u < 1
        assert 0 < kernels._uniform(U(word), True) < 1
    most = -math.log(-math.log(kernels._uniform(U(2**32 - 1), False)))
    assert 0 < kernels.MOST_PHILOX - most < 0.01
    most = -math.log(-math.log(kernels._uniform(U(2**32 - 1), True)))
    assert 0 < kernels.MOST_MURMUR - most < 0.01


# logarithms


def test_logarithms_are_those_of_the_library():
    rng = np.random.default_rng(3)
    values = np.concatenate(
        [
            1 - rng.uniform(0, 1, 5000),
            2.0 ** -rng.uniform(0, 33, 5000),
            1 - 2.0 ** -rng.uniform(1, 33, 5000),
            2.0 ** -np.arange(34),
            2.0 ** -(np.arange(34) + 0.5),
        ]
    )
    values = values[: values.size // kernels.LANES * kernels.LANES]
    scores = np.zeros(values.size, np.float32)
    room = kernels.room()
    worst = 0.0
    for begin in range(0, values.size, kernels.LANES):
        part = values[begin : begin + kernels.LANES]
        room[1][0] = np.arange(begin, begin + kernels.LANES)
        room[2][:] = part
        kernels._put_logs(kernels.LANES, scores, room)
        exact = np.array([-math.log(v) for v in part])
        some = exact > 0
        worst = max(worst, float(np.max(np.abs(room[2][some] / exact[some] - 1))))
        np.testing.assert_array_equal(room[2][~some], 0)
    assert worst < 1e-10
    np.testing.assert_allclose(scores, -np.log(values), rtol=1e-7, atol=0)


# choose


def model_scores(kind, size, rng):
    """Distributions as they come from models."""
    return {
        "flat": rng.normal(size=size),
        "peaked": np.concatenate([rng.normal(size=size - 1), [25.0]]) * 3,
        "equal": np.zeros(size),
        "ruled out": np.where(rng.uniform(size=size) < 0.9, -np.inf, rng.normal(size=size)),
        "huge": rng.normal(size=size) * 1e30,
    }[kind].astype(np.float32)


@FEW
@given(
    st.sampled_from(["flat", "peaked", "equal", "ruled out", "huge"]),
    st.integers(1, 1500),
    KEYS,
    SEEDS,
)
def test_the_token_that_is_chosen_has_the_largest_noisy_score(kind, size, key, seed):
    rng = np.random.default_rng(seed)
    scores = model_scores(kind, size, rng)
    scores[rng.integers(size)] = 1.0  # not all are ruled out
    context = rng.integers(0, 50_000, 4)
    tokens = rng.permutation(2 * size)[:size]
    keys, none = keys_of(key), np.zeros(0, np.int64)
    out, room = np.empty(size), kernels.room()
    for murmur in (False, True):
        state = state_of(context, key, murmur)
        kernels.uniforms(np.arange(size), state, murmur, keys, out, room)
        expected = reference.choose(scores, out)
        assert kernels.choose(scores, none, state, murmur, keys, room) == expected
        if not murmur:
            assert kernels.choose_philox_all(scores, state, U(key), room) == expected
        kernels.uniforms(tokens, state, murmur, keys, out, room)
        expected = reference.choose(scores, out)
        assert kernels.choose(scores, tokens, state, murmur, keys, room) == expected


@FEW
@given(st.floats(-1e3, 1e3), st.floats(0, 1, exclude_min=True, exclude_max=True), st.floats(0, 1e3))
def test_only_hopeless_tokens_are_passed_over(score, u, ahead):
    best = score + ahead
    if kernels._hopeless(score, 1 - u, best):
        assert score - math.log(-math.log(u)) < best


# context_hashes, score_tokens


def texts(rng, few):
    lengths = rng.integers(0, 400, 4)
    ids = rng.integers(0, 3 if few else 2**31, lengths.sum())
    return ids, np.concatenate([[0], np.cumsum(lengths)])


@FEW
@given(SEEDS, st.integers(1, 9), st.booleans())
def test_contexts_have_the_same_hash_exactly_where_they_are_the_same(seed, width, few):
    ids, offsets = texts(np.random.default_rng(seed), few)
    hashes = np.empty(ids.size, np.uint64)
    kernels.context_hashes(ids, offsets, width, hashes)
    all_contexts = [
        context
        for begin, end in pairwise(offsets)
        for context in reference.contexts(ids[begin:end], width)
    ]
    seen = {}
    for context, value in zip(all_contexts, hashes.tolist(), strict=True):
        assert seen.setdefault(context, value) == value
    assert len(set(seen.values())) == len(seen)


@FEW
@given(SEEDS, st.integers(1, 9), KEYS, KEYS, st.sampled_from([9**9, ALL]))
def test_scores_are_those_of_the_twin(seed, width, first, second, share):
    rng = np.random.default_rng(seed)
    ids, offsets = texts(rng, few=False)
    counted = rng.uniform(size=ids.size) < 0.8
    keys = keys_of(first, second, share)
    for murmur in (False, True):
        if murmur:
            for begin, end in pairwise(offsets):
                counted[begin : min(begin + width, end)] = False
        scores = np.full(ids.size, -1, np.float32)
        kernels.score_tokens(ids, offsets, counted, width, murmur, keys, scores, kernels.room())
        assert (scores[~counted] == -1).all()
        for begin, end in pairwise(offsets):
            rows = reference.contexts(ids[begin:end], width)
            for i in range(begin, end, 7):
                if counted[i]:
                    context, token = rows[i - begin], int(ids[i])
                    u = (
                        reference.murmur_u(context, token, (first, second, share))
                        if murmur
                        else reference.philox_u(context, token, first)
                    )
                    assert scores[i] == pytest.approx(reference.score(u), rel=2e-7)


def test_no_text_and_empty_texts_have_no_scores():
    none, room = np.zeros(0, np.int64), kernels.room()
    for offsets in (np.zeros(1, np.int64), np.zeros(4, np.int64)):
        for murmur in (False, True):
            counted, scores = np.zeros(0, np.bool_), np.zeros(0, np.float32)
            kernels.score_tokens(none, offsets, counted, 4, murmur, keys_of(5), scores, room)
