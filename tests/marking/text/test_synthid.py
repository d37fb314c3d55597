"""SynthID against the vectors of its two originals, and what it does where they say nothing."""

import copy
import doctest
import hashlib
import json
import pickle
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import reference_text_synthid as reference
from waarmerk.errors import InputError
from waarmerk.kernels import text_tournament as matches
from waarmerk.marking.text import synthid, synthid_request
from waarmerk.marking.text.scheme import ragged
from waarmerk.marking.text.synthid import SynthID
from waarmerk.marking.text.synthid_scores import (
    bayesian_score,
    mean_score,
    weighted_mean_score,
)

DATA = Path(__file__).parents[2] / "data" / "text"
FEW = settings(deadline=None, derandomize=True, max_examples=30)
LOWEST = np.finfo(np.float32).min


def configs(name):
    found = json.loads((DATA / f"{name}.json").read_text())["configs"]
    return [pytest.param(config, id=config["name"]) for config in found]


@pytest.fixture(scope="module")
def original():
    return dict(np.load(DATA / "synthid_hf.npz"))


@pytest.fixture(scope="module")
def original_021():
    return dict(np.load(DATA / "synthid_ref021.npz"))


@pytest.fixture(scope="module")
def detectors():
    return dict(np.load(DATA / "synthid_detectors.npz"))


def scheme_of(config, **more):
    names = ["sampling_table_size", "sampling_table_seed", "context_history_size"]
    known = {name: config[name] for name in names if name in config}
    return SynthID(config["keys"], config["ngram_len"], **known, **more)


KEYS = configs("synthid_hf")[0].values[0]["keys"]  # 30 of them


def table_of(scheme):
    return scheme._bits._table


def run(scheme, vectors, prefix, row, wanted="scores_in"):
    """Give what goes in and comes out at every step of one row."""
    request = scheme.request(vectors[prefix + "prompt"][row])
    for call, scores in enumerate(vectors[prefix + wanted][:, row]):
        if call:
            request.append(vectors[prefix + "forced_tokens"][call - 1, row])
        ids = vectors[prefix + "topk_idx"][call, row] if "topk" in wanted else None
        yield scores, request.step(scores, ids)


def test_the_examples_in_the_docstrings():
    assert doctest.testmod(synthid).failed == 0


# Vectors of transformers


def test_the_generator_is_that_of_pytorch():
    for name, drawn in np.load(DATA / "synthid_rng.npz").items():
        seed = int(name.removeprefix("randint2_"))
        scheme = SynthID([1], sampling_table_size=drawn.size, sampling_table_seed=seed)
        np.testing.assert_array_equal(table_of(scheme), drawn)


@pytest.mark.parametrize("config", configs("synthid_hf"))
def test_all_whole_numbers_are_those_of_transformers(config, original):
    scheme = scheme_of(config)
    name = config["name"]
    table = table_of(scheme)
    packed = original[f"{name}/table_packed"]
    np.testing.assert_array_equal(np.packbits(table, bitorder="little"), packed)
    assert hashlib.sha256(table.tobytes()).hexdigest() == config["table_sha256_u8"]
    for row, ids in enumerate(original[f"{name}/input_ids"]):
        for what, got in {
            "g_values": scheme.g_values(ids),
            "ngram_keys": scheme.ngram_keys(ids),
            "context_repetition_mask": scheme.context_repetition_mask(ids.tolist()),
            "eos_mask_id1": scheme.eos_mask(ids, 1),
        }.items():
            np.testing.assert_array_equal(got, original[f"{name}/{what}"][row], what)
        assert scheme.g_values(ids).dtype == np.uint8
        assert scheme.ngram_keys(ids).dtype == np.int64


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("config", configs("synthid_hf"))
def test_every_step_is_that_of_transformers(config, skip, original):
    scheme = scheme_of(config, skip_first_ngram_calls=skip)
    prefix = f"{config['name']}/step_{'skip' if skip else 'noskip'}/"
    for row in range(3):
        expected = original[prefix + "scores_out"][:, row]
        for call, (scores, got) in enumerate(run(scheme, original, prefix, row)):
            if np.array_equal(expected[call], scores):
                np.testing.assert_array_equal(got, scores)
                continue
            assert not np.array_equal(got, scores)
            np.testing.assert_array_equal(got[scores == -np.inf], LOWEST)
            np.testing.assert_allclose(
                np.exp(got.astype(float)), np.exp(expected[call].astype(float)), rtol=0, atol=1e-6
            )


# Vectors of synthid-text


@pytest.mark.parametrize("config", configs("synthid_ref021"))
def test_all_whole_numbers_are_those_of_synthid_text(config, original_021):
    scheme = scheme_of(config, variant="synthid-text")
    name = config["name"]
    assert scheme._start == config["hash_iv"]
    for row, ids in enumerate(original_021[f"{name}/input_ids"]):
        for what in ("g_values", "ngram_keys", "context_repetition_mask"):
            got = getattr(scheme, what)(ids)
            np.testing.assert_array_equal(got, original_021[f"{name}/{what}"][row], what)


@pytest.mark.parametrize("config", configs("synthid_ref021"))
def test_every_step_is_that_of_synthid_text(config, original_021):
    scheme = scheme_of(config, variant="synthid-text")
    prefix = f"{config['name']}/step/"
    for row in range(3):
        expected = original_021[prefix + "scores_out_topk"][:, row]
        for call, (scores, got) in enumerate(run(scheme, original_021, prefix, row, "orig_topk")):
            if np.array_equal(expected[call], scores):
                np.testing.assert_array_equal(got, scores)
                continue
            assert not np.array_equal(got, scores)
            np.testing.assert_allclose(
                np.exp(got.astype(float)), np.exp(expected[call].astype(float)), rtol=0, atol=1e-6
            )


@pytest.mark.parametrize("leaves", [2, 3, 4])
def test_matches_of_more_leaves_are_those_of_synthid_text(leaves, original_021):
    for row, scores in enumerate(original_021["distort/scores"]):
        g = original_021["distort/g"][row]
        words = np.array([reference.word(bits) for bits in g], np.uint64)
        weights, gains = np.empty(scores.size, np.float32), np.zeros(scores.size)
        room = [np.empty(matches.BINS, dtype) for dtype in (float, np.float32, float)]
        matches.add_weights(scores, scores.max(), weights)
        matches.tournament(words, weights, g.shape[1], leaves, gains, *room)
        expected = np.exp(original_021[f"distort/out_{leaves}"][row].astype(float))
        got = reference.softmax(scores) * np.exp(gains)
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6)
        got = reference.tournament(reference.softmax(scores), g, leaves)
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("leaves", [2, 3, 5])
def test_matches_of_more_leaves_are_played_in_a_step(leaves):
    scheme = SynthID(KEYS, variant="synthid-text", num_leaves=leaves)
    scores = np.random.default_rng(leaves).normal(0, 2, 60).astype(np.float32)
    got = scheme.request().step(scores)
    expected = expected_step(scheme, [0] * 4, scores, np.arange(60))
    np.testing.assert_allclose(np.exp(got.astype(float)), expected, rtol=0, atol=1e-6)


# Published scores


@pytest.mark.parametrize("name", ["def_n5_d30", "n5_d9", "n2_d1"])
def test_published_scores(name, original, detectors):
    g, mask = original[f"{name}/g_values"], detectors[f"{name}/mask"]
    for score, what in ((mean_score, "mean"), (weighted_mean_score, "weighted_mean")):
        expected = detectors[f"{name}/{what}"]
        np.testing.assert_allclose(score(g, mask), expected, rtol=1e-6)
        one = [score(g[row], mask[row]) for row in range(len(g))]
        np.testing.assert_allclose(one, expected, rtol=1e-6)
    if f"{name}/bayes_beta" in detectors:
        beta, delta = (detectors[f"{name}/bayes_{what}"] for what in ("beta", "delta"))
        prior = float(detectors[f"{name}/bayes_prior"][0])
        got = bayesian_score(detectors[f"{name}/g_values"], mask, beta, delta, prior)
        np.testing.assert_allclose(got, detectors[f"{name}/bayes_posterior"], rtol=2e-5)


def test_weights_of_layers_are_relative():
    g = np.array([[1, 0], [1, 1]])
    assert weighted_mean_score(g, [1, 1], [3, 1]) == pytest.approx((3 + 4) / 8)
    assert weighted_mean_score(g, [1, 0], [30, 10]) == pytest.approx(3 / 4)
    assert bayesian_score(g, [0, 0], [0, 0], np.zeros((2, 2)), 0) == pytest.approx(1e-5)


@pytest.mark.parametrize(
    ("score", "more"),
    [
        (mean_score, ()),
        (weighted_mean_score, ([1, 2],)),
        (weighted_mean_score, ([0, 0, 0],)),
        (bayesian_score, ([0, 0], np.zeros((3, 3)), 0.5)),
        (bayesian_score, ([0, 0, 0], np.zeros((3, 3)), 1.5)),
    ],
)
def test_scores_of_what_does_not_fit(score, more):
    with pytest.raises(InputError):
        score(np.zeros((4, 3)), np.ones(4 if more else 5), *more)


# Steps


def expected_step(scheme, context, scores, ids):
    """Compute probabilities of one step by the definition."""
    value = reference.chain(scheme._start, context)
    g = []
    for token in ids:
        ngram = reference.step(value, token)
        if scheme.variant == "transformers":
            g.append([reference.table_bit(ngram, key, table_of(scheme)) for key in scheme.keys])
        else:
            g.append([reference.mixed_bit(ngram, key) for key in scheme.keys])
    return reference.tournament(reference.softmax(scores), g, scheme.num_leaves)


@FEW
@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=80),
    st.tuples(st.integers(2, 7), st.sampled_from([1, 2, 16, 256, 1000, 2**17])),
    st.integers(1, 700),
    st.sampled_from([0, 0.3, 0.95]),
    st.integers(0, 2**32 - 1),
)
def test_a_row_and_its_candidates_are_marked_alike(keys, sizes, count, ruled_out, seed):
    length, size = sizes
    # Tables smaller than the row, larger, of no power of two; more layers than a word holds.
    scheme = SynthID(keys, length, sampling_table_size=size)
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 3, count).astype(np.float32)
    scores[1:][rng.random(count - 1) < ruled_out] = -np.inf
    ids = np.flatnonzero(scores > -np.inf)
    context = rng.integers(0, 2**31, length - 1).tolist()
    whole, some = scheme.request(), scheme.request()
    for request in (whole, some):
        request.step(scores)
        for token in context:
            request.append(token)
    before = scores.copy()
    row, listed = whole.step(scores), some.step(scores[ids], ids)
    np.testing.assert_array_equal(scores, before)
    np.testing.assert_array_equal(row[scores == -np.inf], LOWEST)
    if reference.chain(1, context) == reference.chain(1, [0] * (length - 1)):
        return
    expected = expected_step(scheme, context, scores[ids], ids)
    np.testing.assert_allclose(np.exp(listed.astype(float)), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(np.exp(row[ids].astype(float)), expected, rtol=1e-4, atol=1e-6)
    assert row.dtype == listed.dtype == np.float32


@pytest.mark.parametrize("keys", [KEYS, KEYS[:9], range(64), range(0, 900, 9)])
def test_a_whole_vocabulary(keys):
    # Larger than the table: tokens that are equal modulo 65,536 have the same bits.
    scheme = SynthID(keys)
    scores = np.random.default_rng(3).normal(0, 2.5, 150_000).astype(np.float32)
    marked = scheme.request().step(scores)
    value = reference.chain(1, [0] * 4)
    hashes = (np.arange(scores.size, dtype=np.uint64) + np.uint64(value % 2**64)) * np.uint64(
        reference.A
    ) + np.uint64(1)
    g = table_of(scheme)[scheme._bits.layer_hashes(hashes) & np.uint64(65535)]
    expected = reference.tournament(reference.softmax(scores), g)
    got = np.exp(marked.astype(float))
    np.testing.assert_allclose(got, expected, rtol=2e-4, atol=1e-7)
    assert got.sum() == pytest.approx(1, abs=1e-5)


def test_a_single_candidate_is_certain_before_and_after():
    scheme = SynthID(KEYS)
    assert scheme.request().step(np.array([7.5], np.float32)) == pytest.approx(0, abs=1e-6)
    row = np.full(1000, -np.inf, np.float32)
    row[17] = -40
    marked = scheme.request().step(row)
    assert marked[17] == pytest.approx(0, abs=1e-5)
    np.testing.assert_array_equal(np.delete(marked, 17), LOWEST)


def test_the_floor_of_synthid_text():
    row = np.array([0, -np.inf, 1], np.float32)
    assert SynthID(KEYS, variant="synthid-text").request().step(row)[1] == np.float32(-1e12)


def test_a_mark_leaves_the_distribution_as_it_is_on_average_over_contexts():
    scheme = SynthID(KEYS[:5])
    scores = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32))
    request = scheme.request()
    mean = np.zeros(4)
    for token in range(4000):
        mean += np.exp(request.step(scores).astype(float)) / 4000
        request.append(token)
    np.testing.assert_allclose(mean, np.exp(scores), atol=0.02)


# State


@pytest.mark.parametrize("size", [0, 1, 3, 1024])
def test_contexts_that_come_again_are_left_alone_as_long_as_they_are_remembered(size):
    rng = np.random.default_rng(size)
    scheme = SynthID(KEYS[:3], 2, context_history_size=size)
    tokens = rng.integers(0, 6 if size < 9 else 1500, 3000)
    request, history = scheme.request(), reference.History(size)
    scores = rng.normal(size=8).astype(np.float32)
    new = []
    for token in [0, *tokens.tolist()]:
        if request._calls:
            request.append(token)
        new.append(history.add(reference.step(1, token)))
        assert (not np.array_equal(request.step(scores), scores)) == new[-1]
    np.testing.assert_array_equal(
        scheme.context_repetition_mask(np.append(tokens, 1)),
        [
            history_.add(reference.step(1, t))
            for history_ in [reference.History(size)]
            for t in tokens
        ],
    )
    assert any(new)
    assert size == 0 or not all(new)


def test_a_hash_of_0_counts_as_seen():
    history = synthid_request.History(4)
    assert not history.add(0)
    assert [history.add(value) for value in (5, 6, 7, 8, 0, 5)] == [True] * 6


def test_the_prompt_is_not_used_and_nothing_before_the_first_step():
    scores = np.random.default_rng(1).normal(size=50).astype(np.float32)
    requests = [SynthID(KEYS).request(prompt) for prompt in ((), [5, 6, 7, 8, 9])]
    requests[1].append(3)
    first, second = (request.step(scores) for request in requests)
    np.testing.assert_array_equal(first, second)
    for request in requests:
        request.append(11)
    first, third = (request.step(scores) for request in requests)
    np.testing.assert_array_equal(first, third)
    assert not np.array_equal(first, second)


def test_requests_do_not_share_state_between_each_other_or_threads():
    scheme = SynthID(KEYS)
    scores = np.random.default_rng(1).normal(size=5000).astype(np.float32)

    def marked():
        request = scheme.request()
        out = []
        for token in range(20):
            out.append(request.step(scores))
            request.append(token)
        return np.array(out)

    expected, got = marked(), [None] * 3

    def work(place):
        got[place] = marked()

    threads = [threading.Thread(target=work, args=(place,)) for place in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in got:
        np.testing.assert_array_equal(result, expected)


# Detection

TEXTS = st.lists(st.lists(st.integers(0, 3) | st.integers(0, 2**31 - 1), max_size=15), max_size=5)


@FEW
@given(
    TEXTS,
    st.integers(2, 6),
    st.sampled_from([2, 64, 1000, 65536, 2**18, None]),
    st.integers(1, 64),
)
def test_words_hold_the_bits_of_every_token(texts, length, size, depth):
    keys = list(range(depth))
    if size is None:
        scheme = SynthID(keys, length, "synthid-text")
    else:
        scheme = SynthID(keys, length, sampling_table_size=size)
    ids, offsets = ragged(texts)
    words, counted = scheme.layer_words(ids, offsets)
    hashes, whole = reference.ngram_hashes(ids, offsets, length, scheme._start)
    state = hashes % size if size and size & (size - 1) == 0 else hashes
    before, _ = reference.ngram_hashes(ids, offsets, length - 1, scheme._start)
    new = reference.first_draws(np.concatenate([[0], before])[:-1], offsets, whole)
    np.testing.assert_array_equal(counted, reference.first_draws(state, offsets, new))
    assert words.dtype == np.uint64
    for text, first in zip(texts, offsets[:-1], strict=True):
        g = scheme.g_values(text)
        assert g.shape == (max(len(text) - length + 1, 0), depth)
        start = first + length - 1
        np.testing.assert_array_equal(reference.bits(words[start : start + len(g)], depth), g)


def test_equal_states_are_one_draw():
    # Tokens that differ by 65,536 come out the same, with the default table only.
    ids, offsets = ragged([[1, 2, 3, 4, 5, 1, 2, 3, 4 + 65536, 5]])
    _, counted = SynthID(KEYS).layer_words(ids, offsets)
    assert counted.tolist() == [False] * 4 + [True] * 5 + [False]
    for scheme in (SynthID(KEYS, variant="synthid-text"), SynthID(KEYS, sampling_table_size=2**17)):
        assert scheme.layer_words(ids, offsets)[1].sum() == 6


def test_a_context_that_comes_again_was_not_marked_and_does_not_count():
    ids, offsets = ragged([[1, 2, 3, 4, 5, 1, 2, 3, 4, 6]])
    _, counted = SynthID(KEYS).layer_words(ids, offsets)
    assert counted.tolist() == [False] * 4 + [True] * 5 + [False]


def test_texts_that_are_empty_or_too_short_hold_no_evidence():
    scheme = SynthID(KEYS)
    ids, offsets = ragged([[], [1], [1, 2, 3, 4], [1, 2, 3, 4, 5], []])
    evidence = scheme.evidence(ids, offsets)
    assert evidence.counted.tolist() == [False] * 9 + [True]
    nothing = scheme.evidence(*ragged([]))
    assert nothing.scores.size == nothing.counted.size == 0
    for short in ([], [1], [1, 2, 3, 4]):
        assert scheme.g_values(short).shape == scheme.ngram_keys(short).shape == (0, 30)
        assert scheme.context_repetition_mask(short).shape == (0,)
        assert scheme.eos_mask(short, 1).shape == (len(short),)


def test_64_layers():
    scheme = SynthID(range(-32, 32))
    ids, offsets = ragged([np.random.default_rng(2).integers(0, 32000, 300)])
    words, _ = scheme.layer_words(ids, offsets)
    np.testing.assert_array_equal(reference.bits(words[4:], 64), scheme.g_values(ids))
    assert scheme.evidence(ids, offsets).counted.sum() > 250


def test_more_than_64_layers_have_bits_but_no_evidence():
    scheme = SynthID(range(65))
    ids, offsets = ragged([range(50)])
    assert scheme.g_values(ids).shape == (46, 65)
    for method in (scheme.evidence, scheme.layer_words):
        with pytest.raises(InputError, match="at most 64"):
            method(ids, offsets)


def mean_and_deviation(law):
    values = law.low + np.arange(law.probabilities.size)
    mean = (values * law.probabilities).sum()
    return mean, np.sqrt(((values - mean) ** 2 * law.probabilities).sum())


def standard(scheme, texts):
    """Give the score of every text in standard deviations, by the law of its tokens."""
    ids, offsets = ragged(texts)
    evidence = scheme.evidence(ids, offsets)
    mean, deviation = mean_and_deviation(evidence.law)
    sums = [part.sum() for part in np.split(evidence.scores * evidence.counted, offsets[1:-1])]
    counts = [part.sum() for part in np.split(evidence.counted, offsets[1:-1])]
    return (np.array(sums) - mean * np.array(counts)) / (deviation * np.sqrt(counts))


@pytest.mark.parametrize(
    "scheme",
    [
        SynthID(KEYS),
        SynthID(KEYS, variant="synthid-text"),
        SynthID(KEYS[:5], 3, sampling_table_size=1000),
        SynthID([7, 7 + 65536, 7 - 65536, 8]),  # the same layer three times
        SynthID([7, 7, 7, 8], variant="synthid-text"),
    ],
    ids=["transformers", "synthid-text", "small table", "equal states", "equal keys"],
)
def test_scores_of_unmarked_texts_follow_the_law(scheme):
    rng = np.random.default_rng(11)
    z = standard(scheme, rng.integers(0, 50_000, (400, 150)))
    assert abs(z.mean()) < 4 / 20
    assert abs(z.std() - 1) < 4 / np.sqrt(2 * 400)


@pytest.mark.parametrize("variant", ["transformers", "synthid-text"])
def test_marked_texts_are_found_with_their_keys_and_variant_only(variant):
    scheme = SynthID(KEYS, variant=variant)
    rng = np.random.default_rng(5)
    request = scheme.request([1, 2, 3])
    text = []
    for _ in range(200):
        scores = rng.normal(0, 1.5, 40).astype(np.float32)
        marked = request.step(scores, np.arange(40) * 100)
        token = int(rng.choice(40, p=reference.softmax(marked))) * 100
        text.append(token)
        request.append(token)
    assert standard(scheme, [text])[0] > 8
    assert mean_score(scheme.g_values(text), scheme.context_repetition_mask(text)) > 0.53
    other = "synthid-text" if variant == "transformers" else "transformers"
    assert abs(standard(SynthID(KEYS, variant=other), [text])[0]) < 4.5
    assert abs(standard(SynthID([key + 1 for key in KEYS], variant=variant), [text])[0]) < 4.5


# Parts


def test_a_scheme_is_made_again_of_its_parts():
    scheme = SynthID(
        KEYS,
        4,
        "synthid-text",
        context_history_size=9,
        skip_first_ngram_calls=True,
        num_leaves=3,
        key_id="abc",
    )
    parts = json.loads(json.dumps([scheme.parameters(), scheme.secrets()]))
    again = SynthID.from_parts(*parts, "abc")
    assert again == scheme
    assert hash(again) == hash(scheme)
    assert pickle.loads(pickle.dumps(scheme)) == copy.deepcopy(scheme) == scheme  # noqa: S301
    assert SynthID.from_parts(*parts, None) != scheme
    assert "keys" not in parts[0]
    assert scheme.name == "synthid.synthid-text"
    assert SynthID(KEYS).name == "synthid.transformers"
    assert scheme.depth == 30


def test_keys_are_not_shown():
    assert "4455667788" not in repr(SynthID([4455667788]))
    with pytest.raises(InputError) as caught:
        SynthID([4455667788 << 40])
    assert "4455667788" not in str(caught.value)
    assert str(4455667788 << 40) not in str(caught.value)


def test_keys_may_be_an_array():
    assert SynthID(np.array([3, -4])).keys == (3, -4)
    assert json.dumps(SynthID(np.array([3, -4])).secrets()) == '{"keys": [3, -4]}'


@pytest.mark.parametrize(
    "keys", [[], 5, None, "12", [1.0], [True], [np.True_], ["1"], [None], [2**63], [-(2**63) - 1]]
)
def test_keys_that_are_none(keys):
    with pytest.raises(InputError):
        SynthID(keys)


@pytest.mark.parametrize(
    "more",
    [
        {"ngram_len": 1},
        {"ngram_len": 5.0},
        {"ngram_len": True},
        {"variant": "Transformers"},
        {"variant": None},
        {"variant": []},
        {"sampling_table_size": 0},
        {"sampling_table_size": 2**24 + 1},
        {"sampling_table_seed": 2**64},
        {"sampling_table_seed": "0"},
        {"context_history_size": -1},
        {"skip_first_ngram_calls": 1},
        {"num_leaves": 3},
        {"num_leaves": 1, "variant": "synthid-text"},
        {"key_id": 5},
    ],
    ids=str,
)
def test_parameters_outside_of_their_range(more):
    with pytest.raises(InputError):
        SynthID([1, 2], **more)


@pytest.mark.parametrize(
    ("parameters", "secrets"),
    [({"size": 1}, {"keys": [1]}), ({}, {}), ({}, {"keys": [1], "more": 2}), ({}, {"keys": 1})],
)
def test_parts_that_are_not_those_of_a_scheme(parameters, secrets):
    with pytest.raises(InputError):
        SynthID.from_parts(parameters, secrets, None)


@pytest.mark.parametrize(
    ("scores", "candidates"),
    [
        ([0.0, np.nan], None),
        ([0.0, np.inf], None),
        ([-np.inf, -np.inf], None),
        ([], None),
        ([1, 2], None),
        ([[0.0, 1.0]], None),
        ([0.0, 1.0], [1]),
        ([0.0, 1.0], [1, -1]),
        ([0.0, 1.0], [1.0, 2.0]),
    ],
)
def test_scores_that_are_no_distribution(scores, candidates):
    request = SynthID([1, 2]).request()
    with pytest.raises(InputError):
        request.step(np.array(scores), candidates)
    assert request._calls == 0


@pytest.mark.parametrize("token", [-1, 2**31, 1.0, "1", None])
def test_tokens_that_are_none(token):
    request = SynthID([1]).request()
    with pytest.raises(InputError):
        request.append(token)


@pytest.mark.parametrize("ids", [[-1], [1.5], "text", [[1]]])
def test_ids_that_are_none(ids):
    scheme = SynthID([1])
    for method in (
        scheme.g_values,
        scheme.ngram_keys,
        scheme.context_repetition_mask,
        scheme.request,
        lambda ids: scheme.eos_mask(ids, 1),
        lambda ids: scheme.evidence(ids, [0, 1]),
    ):
        with pytest.raises(InputError):
            method(ids)
    with pytest.raises(InputError):
        scheme.eos_mask([1], -1)


@pytest.mark.parametrize(
    "offsets", [[], [0], [0, 2], [1, 3], [0, 2, 1, 3], [0.0, 3.0], [[0, 3]], [0, 4, 3], None]
)
def test_offsets_that_do_not_fit(offsets):
    with pytest.raises(InputError):
        SynthID([1]).evidence(np.arange(3), offsets)
