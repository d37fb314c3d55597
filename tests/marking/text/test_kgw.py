"""KGW against the vectors of transformers, and against a twin that shuffles for every question."""

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

from tests import reference_text_kgw as reference
from waarmerk.errors import InputError
from waarmerk.marking.text import kgw
from waarmerk.marking.text.kgw import KGW
from waarmerk.marking.text.scheme import Bernoulli, ragged

DATA = Path(__file__).parents[2] / "data" / "text"
SHARED = Path(__file__).parents[3].parent / "shared" / "vectors" / "text"
FEW = settings(deadline=None, derandomize=True, max_examples=30)
CONFIGS = json.loads((DATA / "kgw_hf.json").read_text())["configs"]
CASES = [pytest.param(config, id=config["name"]) for config in CONFIGS]

# Small enough for the twin, with contexts of every kind; gamma 0.001 leaves one green token.
SMALL = [
    KGW(50),
    KGW(50, gamma=0.5, context_width=3),
    KGW(50, -12345678901, delta=1.5),
    KGW(30, seeding="selfhash"),
    KGW(50, 2**64 - 1, seeding="selfhash", context_width=4),
    KGW(1000, -7, gamma=0.001, seeding="selfhash", context_width=2),
]
NAIVE = [reference.Naive(scheme) for scheme in SMALL]
TWINS = list(zip(SMALL, NAIVE, strict=True))


@pytest.fixture(scope="module")
def original():
    return dict(np.load(DATA / "kgw_hf.npz"))


@pytest.fixture(scope="module")
def whole():
    return dict(np.load(SHARED / "kgw_hf.npz"))


def of_config(config):
    names = ("V", "key", "ratio", "bias", "scheme", "w")
    return KGW(*(config[name] for name in names))


def digest(ids):
    return hashlib.sha256(np.ascontiguousarray(ids, "<i8").tobytes()).hexdigest()


def test_the_examples_in_the_docstrings():
    assert doctest.testmod(kgw).failed == 0


# Vectors of transformers


@pytest.mark.parametrize("config", CASES)
def test_seeds_and_lists_are_those_of_transformers(config, original):
    scheme, name = of_config(config), config["name"]
    assert scheme.green_size == config["greenlist_size"]
    contexts = original[f"{name}/contexts"]
    seeds = original[f"{name}/seeds_u64"]
    heads = original[f"{name}/greenlist_head"]
    digests = config["greenlist_head256_sha256"]
    for context, seed, head, known in zip(contexts, seeds, heads, digests, strict=True):
        assert scheme.seed(context) == int(seed)
        green = scheme.green_list(context.tolist())
        assert green.dtype == np.int64
        assert green.size == scheme.green_size
        np.testing.assert_array_equal(green[: head.size], head)
        assert digest(green[:256]) == known
    assert digest(scheme.green_list(contexts[0])) == config["greenlist_full_0_sha256"]


@pytest.mark.parametrize("config", CASES)
def test_the_table_is_that_of_transformers(config):
    scheme = of_config(config)
    table = scheme._hashing()[1][: config["fixed_table_entries"]].astype(np.int64) - 1
    assert digest(table) == config["fixed_table_sha256"]


@pytest.mark.parametrize("config", CASES)
def test_members_are_those_of_the_lists(config, original):
    scheme = of_config(config)
    rng = np.random.default_rng(1)
    for context in original[f"{config['name']}/contexts"][:3]:
        if scheme.seeding == "lefthash":
            tokens = np.arange(0, scheme.vocab_size, 97)
            expected = np.isin(tokens, scheme.green_list(context))
        else:
            tokens = rng.integers(0, scheme.vocab_size, 6)
            expected = [token in scheme.green_list([*context, token]) for token in tokens]
        contexts = np.tile(context, (tokens.size, 1))
        np.testing.assert_array_equal(scheme.contains(contexts, tokens), expected)


@pytest.mark.parametrize("config", CASES)
def test_scores_are_those_of_transformers(config, original):
    scheme, name = of_config(config), config["name"]
    # There are none for the two with the largest lists.
    for row, tokens in enumerate(original.get(f"{name}/proc_tokens", [])):
        given, expected = (original[f"{name}/proc_{end}"][row] for end in ("in", "out"))
        context = original[f"{name}/contexts"][row]
        request = scheme.request(context[:5])
        for token in context[5:]:
            request.append(token)
        np.testing.assert_array_equal(request.step(given, tokens), expected)
        # The others are lower, as they were.
        scores = np.full(scheme.vocab_size, given.min() - 9, np.float32)
        scores[tokens] = given
        before = scores.copy()
        out = request.step(scores)
        np.testing.assert_array_equal(out[tokens], expected)
        np.testing.assert_array_equal(scores, before)
        if scheme.seeding == "selfhash":
            np.testing.assert_array_equal(np.delete(out, tokens), np.delete(scores, tokens))


@pytest.mark.parametrize("ignore", [False, True])
@pytest.mark.parametrize("config", CASES)
def test_the_detector_is_that_of_transformers(config, ignore, original):
    scheme, name = of_config(config), config["name"]
    results = original[f"{name}/det_ign{int(ignore)}"].T
    for ids, result in zip(original[f"{name}/det_ids"], results, strict=True):
        score = scheme.original_score(ids, ignore)
        np.testing.assert_allclose(list(dict(score).values()), result, rtol=1e-12)
        assert score["num_green_tokens"] == result[1]
        assert scheme.original_score([99, *ids], ignore, bos_token_id=99) == score


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="needs the whole vectors in ../shared")
@pytest.mark.parametrize("config", CASES)
def test_the_whole_vectors(config, whole):
    scheme, name = of_config(config), config["name"]
    contexts = whole[f"{name}/contexts"]
    for context, head in zip(contexts, whole[f"{name}/greenlist_head256"], strict=True):
        np.testing.assert_array_equal(scheme.green_list(context)[:256], head)
    full = whole[f"{name}/greenlist_full_0"]
    np.testing.assert_array_equal(scheme.green_list(contexts[0]), full)
    table = scheme._hashing()[1][: config["fixed_table_entries"]].astype(np.int64) - 1
    np.testing.assert_array_equal(table, whole[f"{name}/fixed_table_head"][: table.size])
    for row, scores in enumerate(whole.get(f"{name}/proc_in", [])):
        out = scheme.request(contexts[row]).step(scores)
        np.testing.assert_array_equal(out, whole[f"{name}/proc_out"][row])


# Against the twin


@FEW
@given(st.data())
def test_steps_are_those_of_the_twin(data):
    scheme, naive = data.draw(st.sampled_from(TWINS))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    tokens = rng.integers(0, scheme.vocab_size, 12).tolist()
    prompt = tokens[: data.draw(st.integers(0, 6))]
    request = scheme.request(prompt)
    for i in range(len(prompt), len(tokens)):
        scores = np.round(rng.normal(0, 4, scheme.vocab_size)).astype(np.float32)  # with ties
        scores[rng.random(scores.size) < 0.3] = -np.inf
        scores[0] = 1
        expected = naive.step(tokens[:i], scores)
        np.testing.assert_array_equal(request.step(scores), expected)
        finite = np.flatnonzero(scores > -np.inf)
        found = request.step(scores[finite], finite)
        np.testing.assert_array_equal(found, expected[finite])
        request.append(tokens[i])


@FEW
@given(st.sampled_from(TWINS), st.lists(st.integers(0, 40), max_size=4), st.integers(0, 2**32 - 1))
def test_evidence_is_that_of_the_twin(twin, lengths, seed):
    scheme, naive = twin
    rng = np.random.default_rng(seed)
    # Few ids, so that n-grams come again; among them 0.
    some = rng.integers(0, scheme.vocab_size, 5)
    some[0] = 0
    texts = [rng.choice(some, length).tolist() for length in lengths]
    evidence = scheme.evidence(*ragged(texts))
    assert evidence.law == Bernoulli(scheme.green_size / scheme.vocab_size)
    assert evidence.scores.dtype == np.float32
    assert evidence.counted.dtype == np.bool_
    expected = [score for text in texts for score in naive.evidence(text)]
    assert evidence.counted.tolist() == [score is not None for score in expected]
    assert evidence.scores.tolist() == [score or 0.0 for score in expected]


@FEW
@given(st.sampled_from(TWINS), st.integers(0, 30), st.booleans(), st.integers(0, 2**32 - 1))
def test_the_original_score_is_that_of_the_twin(twin, more, ignore, seed):
    scheme, naive = twin
    ids = np.random.default_rng(seed).integers(0, 6, scheme.context_width + 1 + more).tolist()
    score = scheme.original_score(ids, ignore)
    assert list(dict(score).values()) == pytest.approx(naive.original_score(ids, ignore))


# What the vectors say nothing about


@pytest.mark.parametrize("vocab_size", [2, 3, 39, 40, 41])
def test_selfhash_takes_small_vocabularies(vocab_size):
    scheme = KGW(vocab_size, gamma=0.5, seeding="selfhash", context_width=2)
    naive = reference.Naive(scheme)
    scores = np.linspace(-1, 1, vocab_size, dtype=np.float32)
    out = scheme.request([1, 0]).step(scores)
    np.testing.assert_array_equal(out, naive.step([1, 0], scores))


def test_where_none_of_the_best_is_green_nothing_changes():
    scheme, naive = TWINS[-1]  # one green token of 1000
    scores = np.random.default_rng(2).normal(0, 3, 1000).astype(np.float32)
    assert not any(c in naive.green_list([5, 6, c]) for c in reference.best(scores, 40))
    assert scheme.request([5, 6]).step(scores) is scores


@pytest.mark.parametrize("seeding", ["lefthash", "selfhash"])
def test_with_too_few_tokens_before_nothing_changes(seeding):
    scheme = KGW(64, gamma=0.5, seeding=seeding, context_width=3)
    scores = np.linspace(0, 1, 64, dtype=np.float32)
    request = scheme.request([1])
    assert request.step(scores) is scores
    request.append(2)
    assert request.step(scores) is scores
    request.append(np.int64(3))
    assert not np.array_equal(request.step(scores), scores)
    with pytest.raises(InputError, match="prefix of 2"):
        scheme.seed([1, 2])
    with pytest.raises(InputError, match="prefix of 0"):
        scheme.green_list([])


def test_what_is_ruled_out_stays_so():
    for scheme in (KGW(64, gamma=0.9), KGW(64, gamma=0.9, seeding="selfhash")):
        scores = np.full(64, -np.inf, np.float32)
        scores[[3, 9]] = 1.0, 2.0
        out = scheme.request([5]).step(scores)
        np.testing.assert_array_equal(np.flatnonzero(out > -np.inf), [3, 9])


@pytest.mark.parametrize(("seeding", "width"), [("lefthash", 1), ("selfhash", 3)])
def test_marked_text_is_green(seeding, width):
    scheme = KGW(500, 2**40 + 7, delta=4.0, seeding=seeding, context_width=width)
    other = KGW(500, 2**40 + 9, seeding=seeding, context_width=width)
    rng = np.random.default_rng(3)
    request, text = scheme.request([1, 2, 3]), []
    for _ in range(300):
        marked = request.step(rng.normal(0, 2, 500).astype(np.float32)).astype(float)
        text.append(int(np.argmax(marked + rng.gumbel(size=500))))
        request.append(text[-1])
    shares = []
    for detector in (scheme, other):
        evidence = detector.evidence(*ragged([text]))
        shares.append(evidence.scores[evidence.counted].mean())
    assert shares[0] > 0.6
    assert abs(shares[1] - 0.25) < 0.08
    assert scheme.original_score(text).z_score > 10


def test_every_draw_counts_once():
    # After 7 the token 9: one draw, whatever is before, although the context is said to be 2 wide.
    scheme = KGW(50, context_width=2)
    counted = scheme.evidence(*ragged([[1, 7, 9, 2, 7, 9], [1, 7, 9]])).counted
    assert counted.tolist() == [False, False, True, True, True, False, False, False, True]


def test_lists_after_token_0_say_nothing_about_a_key():
    lists = [KGW(50, key).green_list([0]).tolist() for key in (3, 15485863, -9)]
    assert lists[0] == lists[1] == lists[2]
    assert KGW(50).evidence(*ragged([[4, 0, 5, 6]])).counted.tolist() == [False, True, False, True]
    assert KGW(50, seeding="selfhash", context_width=2).evidence(
        *ragged([[4, 0, 5, 6]])
    ).counted.tolist() == [False, True, True, True]


def test_contexts_of_members():
    scheme = KGW(50, gamma=0.5)
    green = scheme.green_list([8])
    assert scheme.contains([3, 8], green[0]).tolist() == [True]
    assert scheme.contains([[8]] * 50, np.arange(50)).sum() == 25
    assert KGW(50, seeding="selfhash").contains(np.zeros((2, 0), int), [1, 2]).shape == (2,)
    for contexts, token in [([], 1), ([[[1]]], 1), ([[1], [2, 3]], 1), ([[1]], [1, 2]), ([[50]], 1),
                            ([[1]], 50), ([[1.5]], 1), ([[1]], -1), ([[1]], [[1]])]:  # fmt: skip
        with pytest.raises(InputError):
            scheme.contains(contexts, token)


@pytest.mark.parametrize(
    "given",
    [
        {"vocab_size": 1},
        {"vocab_size": 2**24 + 1},
        {"vocab_size": 50.0},
        {"vocab_size": True},
        {"gamma": 0.0},
        {"gamma": 1.0},
        {"gamma": 0.01},
        {"gamma": float("nan")},
        {"gamma": "0.25"},
        {"gamma": True},
        {"delta": 0.0},
        {"delta": -1.0},
        {"delta": float("inf")},
        {"delta": float("nan")},
        {"delta": None},
        {"seeding": "minhash"},
        {"seeding": 1},
        {"context_width": 0},
        {"context_width": 1.0},
        {"context_width": True},
        {"hashing_key": 3.0},
        {"hashing_key": True},
        {"hashing_key": "3"},
        {"hashing_key": 0},
        {"hashing_key": 2**33},
        {"hashing_key": 2**64 - 1},
        {"hashing_key": 2**64 + 1},
        {"hashing_key": -(2**63) - 1},
        {"key_id": 5},
    ],
)
def test_bad_parameters_are_refused(given):
    with pytest.raises(InputError) as caught:
        KGW(**{"vocab_size": 50, **given})
    if given.get("hashing_key") in (2**33, 2**64 + 1):
        assert str(given["hashing_key"]) not in str(caught.value)


def test_bad_input_is_refused():
    scheme = KGW(50, gamma=0.5)
    request = scheme.request([1])
    scores = np.zeros(50, np.float32)
    for bad in (50, -1, 1.5, "1"):
        with pytest.raises(InputError):
            request.append(bad)
    for prompt in ([50], [-1], "text", [1.5]):
        with pytest.raises(InputError):
            scheme.request(prompt)
    with pytest.raises(InputError, match="width of the logits"):
        request.step(np.zeros(51, np.float32))
    with pytest.raises(InputError, match="every candidate has one"):
        request.step(scores, np.arange(49))
    with pytest.raises(InputError):
        request.step(scores, np.arange(1, 51))
    with pytest.raises(InputError):
        request.step(np.full(50, np.nan, np.float32))
    for ids, offsets in [([50], [0, 1]), ([1], [0, 2]), ([1], [1]), ([1, 2], [0, 2, 1, 2]),
                         ([1], [0.0, 1.0]), ([1], []), ([1], 1)]:  # fmt: skip
        with pytest.raises(InputError):
            scheme.evidence(np.array(ids), np.array(offsets))
    for text, bos in [([], None), ([1], None), ([1, 2], 1), ([1, 50], None)]:
        with pytest.raises(InputError):
            scheme.original_score(text, bos_token_id=bos)
    with pytest.raises(KeyError):
        scheme.original_score([1, 2])["prediction"]
    assert scheme.evidence(*ragged([])).scores.size == 0
    assert scheme.evidence(*ragged([[], [1]])).counted.tolist() == [False]


def test_a_scheme_is_made_of_its_parts():
    scheme = KGW(50, 987654321987, gamma=0.5, seeding="selfhash", context_width=4, key_id="k")
    parts = json.loads(json.dumps([scheme.parameters(), scheme.secrets()]))
    assert KGW.from_parts(*parts, "k") == scheme
    assert scheme.name == "kgw.selfhash"
    assert "987654321987" not in repr(scheme) + json.dumps(parts[0])
    assert pickle.loads(pickle.dumps(scheme)) == copy.deepcopy(scheme) == scheme  # noqa: S301
    for parameters, secrets in [
        ({**parts[0], "ratio": 0.5}, parts[1]),
        ({}, parts[1]),
        (parts[0], {}),
        (parts[0], {"keys": [1]}),
        ({**parts[0], "gamma": 2}, parts[1]),
    ]:
        with pytest.raises(InputError):
            KGW.from_parts(parameters, secrets, None)


def test_threads_do_not_disturb_each_other():
    schemes = [KGW(2000 + i, gamma=0.5) for i in range(6)]  # more than a thread keeps tables for
    expected = [scheme.green_list([9]).tolist() for scheme in schemes]
    found = {}

    def work(number):
        found[number] = [s.green_list([9]).tolist() for _ in range(5) for s in schemes]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(found[i] == expected * 5 for i in range(4))
