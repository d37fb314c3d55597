"""The plain loop, and the warp before it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from tests.marking.text.test_process import Toy, some_scores
from waarmerk.errors import InputError
from waarmerk.marking.text import warp as warp_module
from waarmerk.marking.text.sampling import generate, sample
from waarmerk.marking.text.warp import Warp


def warped(scores, temperature, top_k, top_p):
    """What `Warp.apply` does, with everything sorted: the ids that stay, and the scores."""
    scores = scores / np.float32(temperature)
    stay = scores > -np.inf
    if 0 < top_k < scores.size:
        stay &= scores >= sorted(scores)[-top_k]
    if top_p < 1:
        order = [i for i in sorted(range(scores.size), key=lambda i: (scores[i], i)) if stay[i]]
        weights = np.exp(scores[order] - scores.max()).astype(np.float64)
        held = 0.0
        for i, weight in zip(order[:-1], weights, strict=False):
            held += weight / weights.sum()
            if np.float32(held) <= np.float32(1 - top_p):
                stay[i] = False
    return np.flatnonzero(stay), scores[stay]


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.integers(-12, 12), min_size=1, max_size=40),
    st.sampled_from([0.3, 1.0, 2.0]),
    st.integers(0, 50),
    st.sampled_from([0.01, 0.3, 0.9, 0.999, 1.0]),
)
def test_the_tokens_that_stay_are_those_of_the_slow_way(values, temperature, top_k, top_p):
    """Whole numbers give many ties, and low ones stand for -inf."""
    scores = np.array([-np.inf if v < -10 else v * 0.71 for v in values], np.float32)
    scores[0] = 0.0
    candidates, left = Warp(temperature, top_k, top_p).apply(scores)
    ids, expected = warped(scores, temperature, top_k, top_p)
    if candidates is None:
        assert top_k == 0
        assert top_p == 1.0
        assert np.array_equal(left, scores / np.float32(temperature))
    else:
        assert candidates.dtype == np.int64
        assert candidates.tolist() == ids.tolist()
        assert np.array_equal(left, expected)


@pytest.mark.parametrize("spread", [0.1, 3.0, 12.0])
@pytest.mark.parametrize("numbers", [(0.8, 50, 1.0), (1.0, 2000, 0.9), (1.2, 0, 0.5), (1, 0, 0.97)])
def test_large_vocabularies_take_the_short_ways(spread, numbers):
    scores = (np.random.default_rng(3).standard_normal(70_001) * spread).astype(np.float32)
    scores[::7] = np.round(scores[::7])  # ties
    scores[::11] = -np.inf
    candidates, left = Warp(*numbers).apply(scores)
    ids, expected = warped(scores, *numbers)
    # Sums of 70,001 in another order: the limit may fall between two neighbours.
    assert np.setxor1d(candidates, ids).size <= (1 if numbers[2] < 1 else 0)
    if candidates.size == ids.size:
        assert np.array_equal(left, expected)


@settings(deadline=None)
@given(st.lists(st.floats(width=32, allow_nan=False), max_size=60))
def test_packed_sorting_is_a_stable_sort(values):
    scores = np.array(values, np.float32)
    order = warp_module._ascending(scores)
    assert np.array_equal(order, np.argsort(scores, kind="stable"))


def test_a_warp_leaves_scores_as_they_are():
    scores = some_scores(500)
    before = scores.copy()
    room = np.empty_like(scores)
    for warp in (Warp(), Warp(0.5), Warp(0.5, 9, 0.9)):
        candidates, left = warp.apply(scores)
        again, in_room = warp.apply(scores, room)
        assert np.array_equal(left, in_room)
        assert candidates is None or np.array_equal(candidates, again)
        assert np.array_equal(scores, before)
    assert Warp().apply(scores)[1] is scores


def test_the_highest_always_stays():
    scores = some_scores(500)
    candidates, left = Warp(top_p=1e-9).apply(scores)
    assert candidates.tolist() == [scores.argmax()]
    assert left.tolist() == [scores.max()]


def test_masks_of_the_lowest_float_stay_masks():
    scores = np.array([0, np.finfo(np.float32).min, 1], np.float32)
    assert Warp(0.5).apply(scores)[1].tolist() == [0, -math.inf, 2]
    assert Warp(0.5, top_k=3).apply(scores)[0].tolist() == [0, 2]


@pytest.mark.parametrize(
    "numbers",
    [
        {"temperature": 0},
        {"temperature": -1.0},
        {"temperature": math.nan},
        {"temperature": math.inf},
        {"temperature": 1e-9},
        {"temperature": "hot"},
        {"temperature": True},
        {"top_k": -1},
        {"top_k": 1.5},
        {"top_k": True},
        {"top_p": 0},
        {"top_p": 1.01},
        {"top_p": math.nan},
        {"top_p": None},
    ],
)
def test_numbers_out_of_range_are_refused(numbers):
    with pytest.raises(InputError, match=next(iter(numbers))):
        Warp(**numbers)


def test_numpy_numbers_are_numbers():
    assert Warp(np.float32(0.5), np.int64(5), np.float64(0.9)).top_k == 5


def test_samples_follow_the_scores():
    rng = np.random.default_rng(2)
    scores = np.array([math.log(p) if p else -math.inf for p in (0.5, 0, 0.3, 0.15, 0.05, 0)])
    drawn = np.bincount([sample(scores + 3, rng) for _ in range(20_000)], minlength=6)
    assert drawn[1] == drawn[5] == 0
    assert chisquare(drawn[[0, 2, 3, 4]], np.array([0.5, 0.3, 0.15, 0.05]) * 20_000).pvalue > 1e-3


class Ends:
    """A generator that gives the ends of its range."""

    def __init__(self, value):
        self.value = value

    def random(self):
        return self.value


@pytest.mark.parametrize(("value", "place"), [(0.0, 1), (1 - 2**-53, 3), (1.0, 3)])
def test_the_ends_of_chance_hit_what_can_be_drawn(value, place):
    scores = np.array([-np.inf, 0, -1, -2, -np.inf], np.float32)
    assert sample(scores, Ends(value)) == place


@pytest.mark.parametrize("scores", [[], [np.nan, 1], [-np.inf, -np.inf], [np.inf, 0]])
def test_nothing_to_draw_from_is_refused(scores):
    with pytest.raises(InputError):
        sample(np.array(scores, np.float32), np.random.default_rng(0))


def model(ids):
    """Logits that depend on the last two ids."""
    return some_scores(80, seed=int(ids[-2:].sum()))


def test_generation_asks_once_and_tells_everything():
    toy = Toy()
    tokens = generate(model, [3, 4], toy, max_tokens=30, rng=5, temperature=0.9, top_k=20)
    assert tokens.dtype == np.int64
    assert tokens.shape == (30,)
    (request,) = toy.requests
    assert request.ids == [3, 4, *tokens]
    assert request.steps == 30


@pytest.mark.parametrize("warp", [{}, {"temperature": 0.7, "top_k": 12, "top_p": 0.9}])
def test_the_loop_agrees_with_the_processor(warp):
    tokens = generate(model, [3, 4], Toy(), max_tokens=30, rng=5, **warp)
    rng = np.random.default_rng(5)
    processor = Toy().processor(**warp)
    ids = [3, 4]
    for token in tokens:
        marked = processor(ids, model(np.array(ids)))
        assert sample(marked, rng) == token
        ids.append(int(token))


def test_the_same_seed_gives_the_same_text_and_a_mark_another_one():
    plain = generate(model, [1], None, max_tokens=30, rng=1)
    assert np.array_equal(plain, generate(model, [1], None, max_tokens=30, rng=1))
    assert not np.array_equal(plain, generate(model, [1], None, max_tokens=30, rng=2))
    assert not np.array_equal(plain, generate(model, [1], Toy(), max_tokens=30, rng=1))
    generator = np.random.default_rng(1)
    assert np.array_equal(plain, generate(model, [1], None, max_tokens=30, rng=generator))


def test_a_stop_token_is_the_last():
    tokens = generate(model, [1], None, max_tokens=200, rng=1, stop=range(0, 80, 9))
    assert 0 < tokens.size < 200
    assert tokens[-1] % 9 == 0
    assert np.all(tokens[:-1] % 9)


def test_no_tokens_and_no_prompt_are_fine():
    assert generate(model, [1], Toy(), max_tokens=0).size == 0
    assert generate(lambda ids: some_scores(9, seed=ids.size), [], None, max_tokens=3).size == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt": [-1]},
        {"prompt": "text"},
        {"max_tokens": -1},
        {"max_tokens": 1.5},
        {"max_tokens": True},
        {"temperature": 0},
        {"model": lambda ids: np.full(9, np.nan, np.float32)},
    ],
)
def test_what_cannot_be_used_is_refused(wrong):
    arguments = {"model": model, "prompt": [1], "scheme": None, "max_tokens": 3} | wrong
    with pytest.raises(InputError):
        generate(**arguments)
