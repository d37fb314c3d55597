"""Keyed Gumbel sampling against vLLM 0.33.0, SGLang 0.5.23 and naive twins."""

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import reference_text_gumbel as reference
from waarmerk.errors import InputError
from waarmerk.marking.text.gumbel import SGLANG_CONTEXTS, Gumbel
from waarmerk.marking.text.scheme import Exponentials, one_text, ragged

DATA = Path(__file__).parents[2] / "data" / "text"
FEW = settings(deadline=None, derandomize=True, max_examples=25)
SEEDS = st.integers(0, 2**32 - 1)
VLLM = json.loads((DATA / "gumbel_vllm033.json").read_text())["configs"]
SGLANG = json.loads((DATA / "gumbel_sglang0523.json").read_text())


@pytest.fixture(scope="module")
def vllm():
    with np.load(DATA / "gumbel_vllm033.npz") as file:
        return dict(file)


def vllm_scheme(config, **more):
    return Gumbel(int(config["key"]), "vllm", config["context_width"], **more)


def sglang_scheme(record):
    second = record["key_b"]
    dual = record["mixing_probability"] if second else None
    width = record["context_window"]
    return Gumbel(record["key"], "sglang", width, dual=dual, second_key=second)


def only(out):
    """The one token above -inf."""
    (where,) = np.nonzero(out > -np.inf)
    assert where.size == 1
    assert out[where[0]] == 0
    return int(where[0])


# vLLM 0.33.0


@pytest.mark.parametrize("config", VLLM, ids=lambda c: c["name"])
def test_uniforms_and_sampled_tokens_of_vllm(vllm, config):
    name, scheme = config["name"], vllm_scheme(config)
    contexts = vllm[f"{name}/contexts"]
    u = scheme.uniforms(contexts, vllm[f"{name}/tokens"])
    assert u.dtype == np.float32
    np.testing.assert_array_equal(u, vllm[f"{name}/uniform"])
    for context, logits, token in zip(
        contexts, vllm[f"{name}/logits"], vllm[f"{name}/sampled"], strict=True
    ):
        request = scheme.request()
        request._tail = context.tolist()
        assert only(request.step(logits)) == token
        every = np.arange(logits.size)[::-1]
        assert logits.size - 1 - only(request.step(logits[::-1], every)) == token


@pytest.mark.parametrize("config", VLLM, ids=lambda c: c["name"])
def test_detection_of_vllm(vllm, config):
    name, scheme = config["name"], vllm_scheme(config)
    ids = vllm[f"{name}/det_ids"]
    for dedup in (False, True):
        expected = vllm[f"{name}/det_dedup{int(dedup)}"]
        assert scheme.original_score(ids, dedup) == pytest.approx(expected, rel=1e-9)
    evidence = scheme.evidence(ids, one_text(ids))
    score, _, n = vllm[f"{name}/det_dedup1"]
    assert evidence.counted.sum() == n
    assert evidence.scores.sum(dtype=np.float64) == pytest.approx(score, rel=1e-6)
    assert evidence.law == Exponentials((1.0,))


@pytest.mark.parametrize("config", VLLM, ids=lambda c: c["name"])
def test_two_keys_of_vllm(vllm, config):
    name = config["name"]
    ids = vllm[f"{name}/det_ids"]
    for alpha in (0.1, 0.5):
        if f"{name}/dual_alpha{alpha}" not in vllm:
            continue  # the original has no answer for one configuration
        scheme = vllm_scheme(config, dual=alpha)
        assert scheme._keys[:2].tolist() == [int(config["key_a"]), int(config["key_b"])]
        expected = vllm[f"{name}/dual_alpha{alpha}"]
        assert scheme.original_score(ids) == pytest.approx(expected, rel=1e-9)
        evidence = scheme.evidence(ids, one_text(ids))
        assert evidence.scores.sum(dtype=np.float64) == pytest.approx(expected[0], rel=1e-6)
        assert evidence.law == Exponentials((1 - alpha, alpha))


def test_a_step_with_two_keys_leaves_the_draw_between_them_to_the_engine():
    scores = np.random.default_rng(2).normal(size=500).astype(np.float32)
    scheme, seen = Gumbel(42, dual=0.25), set()
    keys = [int(k) for k in scheme._keys[:2]]
    for token in range(60):
        request = scheme.request()
        request.append(token)
        out = request.step(scores)
        context = [-1, -1, -1, token]
        chosen = [
            reference.choose(scores, [reference.philox_u(context, t, key) for t in range(500)])
            for key in keys
        ]
        if chosen[0] == chosen[1]:
            assert only(out) == chosen[0]
        else:
            np.testing.assert_allclose(np.exp(out[chosen]), [0.75, 0.25], rtol=1e-6)
            assert (out > -np.inf).sum() == 2
        seen.add(chosen[0] == chosen[1])
    assert False in seen
    for alpha, key in ((0, keys[0]), (1, keys[1])):
        request = Gumbel(42, dual=alpha).request()
        ids = np.arange(30)
        evidence = Gumbel(42, dual=alpha).evidence(ids, one_text(ids))
        single = Gumbel(key).evidence(ids, one_text(ids))
        np.testing.assert_array_equal(evidence.scores, single.scores)
        assert evidence.law == single.law
        assert only(request.step(scores)) == only(Gumbel(key).request().step(scores))


# SGLang 0.5.23


def test_hashes_of_sglang():
    for record in SGLANG["hash"]:
        scheme = Gumbel(record["key"], "sglang", len(record["context"]))
        u = scheme.uniforms([record["context"]], [record["tokens"]])
        expected = (np.array([record["token_hash"]]) + 0.5) / 2**32
        assert u.dtype == np.float64
        np.testing.assert_array_equal(u, expected)
        # The coin of SGLang, in the share of the first key: below it or not.
        coin = record["coin_with_key_b_deadbeef"]
        for first, share in ((False, coin / 2**32), (True, (coin + 1) / 2**32)):
            dual = Gumbel(record["key"], "sglang", 9, dual=share, second_key="deadbeef")
            key = record["key"] if first else "deadbeef"
            np.testing.assert_array_equal(
                dual.uniforms([record["context"]], [record["tokens"]]),
                Gumbel(key, "sglang", 9).uniforms([record["context"]], [record["tokens"]]),
            )


@pytest.mark.parametrize("record", SGLANG["detect"], ids=range(len(SGLANG["detect"])))
def test_detection_of_sglang(record):
    scheme, ids = sglang_scheme(record), record["ids"]
    score, p, n = scheme.original_score(ids, prompt=record["prompt"])
    assert n == record["n"]
    assert score == pytest.approx(record["score"], rel=1e-12)
    assert p == pytest.approx(record["p"], rel=1e-9)
    if not record["prompt"]:
        evidence = scheme.evidence(*ragged([ids]))
        assert evidence.counted.sum() == n
        assert evidence.scores.sum(dtype=np.float64) == pytest.approx(score, rel=1e-6)
        assert evidence.law == Exponentials((1.0,))


def test_a_key_of_sglang_is_hex_digits_or_a_number():
    for text, number in (("1F", 0x1F), ("0xff", 0xFF), ("f" * 16, 2**64 - 1)):
        assert Gumbel(text, "sglang") == Gumbel(number, "sglang")
        assert Gumbel(text, "sglang").secrets()["key"] == number


def test_the_first_contexts_of_sglang_reach_into_the_prompt():
    scheme = Gumbel(7, "sglang", 3)
    scores = np.zeros(200, np.float32)
    request, row = scheme.request([5, 6, 7, 8]), [5, 6, 7, 8]
    for _ in range(6):
        u = [reference.murmur_u(row[-3:], t, (7, 7, 2**32)) for t in range(200)]
        assert only(request.step(scores)) == int(np.argmax(u))
        request.append(int(np.argmax(u)))
        row.append(int(np.argmax(u)))
    request = scheme.request([5])  # a context of one
    u = [reference.murmur_u([5], t, (7, 7, 2**32)) for t in range(200)]
    assert only(request.step(scores)) == int(np.argmax(u))
    assert scheme.request().step(scores) is scores  # no context


def test_sglang_marks_no_more_than_so_many_contexts():
    scheme, scores = Gumbel(7, "sglang", 1), np.zeros(20_000, np.float32)
    request = scheme.request([0])
    few = np.zeros(2, np.float32)
    for token in range(SGLANG_CONTEXTS):
        only(request.step(few))
        request.append(token + 1)
    assert request.step(scores) is scores


# Contexts that come again


def test_a_context_that_comes_again_is_sampled_in_the_ordinary_way():
    scores = np.zeros(50, np.float32)
    for variant in ("vllm", "sglang"):
        request = Gumbel(3, variant, 2).request([3, 4])
        for token in (1, 2, 9):
            first = only(request.step(scores))
            assert only(request.step(scores)) == first  # asked again, the same
            request.append(token)
        request.append(1)
        request.append(2)
        assert request.step(scores) is scores


def test_vllm_forgets_contexts_after_8192_tokens():
    scheme, scores = Gumbel(3, "vllm", 1), np.zeros(3, np.float32)
    request = scheme.request()
    request.append(7)
    request.append(8)  # context 7 at place 1
    for i in range(8190):
        request.append(100 + i)
    request._tail = [7]
    assert request._next == 8192
    assert request.step(scores) is scores
    request._tail = [50_000]
    request.append(7)
    request._tail = [7]
    assert request.step(scores) is scores  # 8193 - 1 is still within
    request._tail = [50_001]
    request.append(7)
    only(request.step(scores))
    assert len(request._recent) <= 8192


@FEW
@given(SEEDS, st.sampled_from(["vllm", "sglang"]), st.integers(1, 6), st.booleans())
def test_evidence_is_that_of_the_twin(seed, variant, width, dual):
    rng = np.random.default_rng(seed)
    texts = [rng.integers(0, rng.choice([2, 50_000]), rng.integers(0, 90)) for _ in range(4)]
    second = 99 if dual and variant == "sglang" else None
    scheme = Gumbel(11, variant, width, dual=0.3 if dual else None, second_key=second)
    ids, offsets = ragged(texts)
    evidence = scheme.evidence(ids, offsets)
    assert evidence.scores.dtype == np.float32
    keys = [int(k) for k in scheme._keys]
    for text, (begin, end) in zip(texts, pairwise(offsets), strict=True):
        counted = reference.first_contexts(text, width, complete=variant == "sglang")
        assert evidence.counted[begin:end].tolist() == counted
        rows = reference.contexts(text, width)
        for i in range(begin, end):
            row, token = rows[i - begin], int(ids[i])
            if not counted[i - begin]:
                expected = 0.0
            elif variant == "sglang":
                expected = reference.score(reference.murmur_u(row, token, keys))
            else:
                of = [reference.score(reference.philox_u(row, token, k)) for k in keys[:2]]
                expected = 0.7 * of[0] + 0.3 * of[1] if dual else of[0]
            assert evidence.scores[i] == pytest.approx(expected, rel=5e-7)


@pytest.mark.parametrize("variant", ["vllm", "sglang"])
def test_what_is_marked_is_found_and_only_with_its_key(variant):
    rng = np.random.default_rng(5)
    logits = rng.normal(size=(300, 200)).astype(np.float32) * 2
    scheme = Gumbel(2**40 + 5, variant)
    request, ids = scheme.request([1, 2, 3, 4]), []
    for scores in logits:
        out = request.step(scores)
        noise = -np.log(-np.log(rng.uniform(size=200)))
        ids.append(int(np.argmax(out + noise)))
        request.append(ids[-1])
    assert scheme.original_score(ids)[1] < 1e-20
    assert Gumbel(2**40 + 6, variant).original_score(ids)[1] > 1e-4


def test_scores_are_exponential_in_texts_without_the_mark():
    ids, offsets = ragged([np.random.default_rng(8).integers(0, 50_000, 20_000)])
    for scheme in (
        Gumbel(1),
        Gumbel(1, "sglang"),
        Gumbel(1, "sglang", dual=0.5, second_key=4),
        Gumbel(1, dual=0.1),
    ):
        evidence = scheme.evidence(ids, offsets)
        scores = evidence.scores[evidence.counted]
        weights = np.array(evidence.law.weights)
        assert weights.sum() == pytest.approx(1)
        error = 4 / math.sqrt(scores.size)
        assert scores.mean() == pytest.approx(1, abs=error)
        assert scores.var() == pytest.approx((weights**2).sum(), abs=3 * error)


def test_no_text_has_no_evidence():
    for scheme in (Gumbel(1), Gumbel(1, "sglang")):
        for texts in ([], [[]], [[], []]):
            assert scheme.evidence(*ragged(texts)).scores.size == 0
        assert scheme.original_score([]) == (0.0, 1.0, 0)


# Parts, bad input


@pytest.mark.parametrize(
    "scheme",
    [
        Gumbel(2**64 - 1, key_id="a"),
        Gumbel(5, "vllm", 7, dual=0.1),
        Gumbel("ff", "sglang", 2, dual=0.25, second_key="dead"),
    ],
)
def test_a_scheme_is_made_of_its_parts_again(scheme):
    parts = json.loads(json.dumps([scheme.parameters(), scheme.secrets()]))
    assert Gumbel.from_parts(*parts, scheme.key_id) == scheme
    assert not set(scheme.parameters()) & set(scheme.secrets())
    assert str(scheme.key) not in repr(scheme)
    assert scheme.name == f"gumbel.{scheme.variant}"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"key": -1}, "2\\^64"),
        ({"key": 2**64}, "2\\^64"),
        ({"key": True}, "2\\^64"),
        ({"key": 1.0}, "2\\^64"),
        ({"key": "ff"}, "2\\^64"),
        ({"key": "", "variant": "sglang"}, "hex"),
        ({"key": "0" * 17, "variant": "sglang"}, "hex"),
        ({"key": "xyz", "variant": "sglang"}, "hex"),
        ({"key": 1, "variant": "trtllm"}, "variants"),
        ({"key": 1, "variant": None}, "variants"),
        ({"key": 1, "context_width": 0}, "context_width"),
        ({"key": 1, "context_width": True}, "context_width"),
        ({"key": 1, "context_width": 2000}, "context_width"),
        ({"key": 1, "context_width": 65, "variant": "sglang"}, "context_width"),
        ({"key": 1, "dual": 1.5}, "dual"),
        ({"key": 1, "dual": math.nan}, "dual"),
        ({"key": 1, "dual": True}, "dual"),
        ({"key": 1, "dual": 0.5, "variant": "sglang"}, "together"),
        ({"key": 1, "second_key": 2, "variant": "sglang"}, "together"),
        ({"key": 1, "second_key": 2, "dual": 0.5}, "derives"),
        ({"key": 1, "key_id": 5}, "key id"),
    ],
)
def test_what_does_not_fit_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        Gumbel(**given)


def test_damaged_ids_and_scores_are_refused():
    for scheme in (Gumbel(1), Gumbel(1, "sglang")):
        for ids, offsets in (
            ([-1, 2], [0, 2]),
            ([1, 2], [0, 1]),
            ([1, 2], [1, 2]),
            ([1, 2], []),
            ([1, 2], [0, 2, 1, 2]),
            ([2**31], [0, 1]),
        ):
            with pytest.raises(InputError):
                scheme.evidence(ids, offsets)
        with pytest.raises(InputError):
            scheme.original_score([3, -1])
        with pytest.raises(InputError):
            scheme.request([-1])
        request = scheme.request([1, 2, 3, 4])
        good = np.zeros(3, np.float32)
        for scores, candidates in (
            (np.array([0, np.nan], np.float32), None),
            (np.array([0, np.inf], np.float32), None),
            (np.array([-np.inf], np.float32), None),
            (good, [1, 2]),
            (good, [1, 2, -3]),
        ):
            with pytest.raises(InputError):
                request.step(scores, candidates)
        for token in (-1, 2**31, True, 1.0):
            with pytest.raises(InputError):
                request.append(token)
        for contexts, tokens, second in (
            ([[1] * 5], [[1]], False),
            ([[-2, 1, 1, 1]], [[1]], False),
            ([[1, 1, 1, 1]], [[-1]], False),
            ([1, 1, 1, 1], [1], False),
            ([[1, 1], [1]], [[1]], False),
            ([[1, 1, 1, 1]], [[1], [2]], False),
            ([[1, 1, 1, 1]], [[1]], True),
        ):
            with pytest.raises(InputError):
                scheme.uniforms(contexts, tokens, second=second)
