"""Processor and Batch: every token exactly once, or a clear no."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from waarmerk.errors import InputError
from waarmerk.marking.text.process import Batch, Processor
from waarmerk.marking.text.synthid import SynthID
from waarmerk.marking.text.warp import Warp

DATA = Path(__file__).parents[2] / "data" / "text"
WIDTH = 60


class Toy:
    """A scheme that depends on everything a request is told, and on how often it is asked."""

    name = "toy"
    key_id = None

    def __init__(self, breaks_at=None):
        self.breaks_at = breaks_at
        self.requests = []

    def request(self, prompt=()):
        request = ToyRequest(self, [int(token) for token in prompt])
        self.requests.append(request)
        return request

    def processor(self, **warp):
        return Processor(self, **warp)


class ToyRequest:
    def __init__(self, scheme, prompt):
        self.scheme = scheme
        self.ids = prompt
        self.steps = 0

    def append(self, token):
        assert type(token) is int
        self.ids.append(token)

    def step(self, scores, candidates=None):
        if self.ids and self.scheme.breaks_at == (len(self.ids), self.ids[-1]):
            raise InputError("the toy broke")
        self.steps += 1
        if self.steps % 5 == 0:
            return scores  # as schemes do where a context comes again
        ids = np.arange(scores.size) if candidates is None else candidates
        seed = sum((i + 1) * token for i, token in enumerate(self.ids)) + 31 * self.steps
        return (scores + ((ids * 7919 + seed) % 13 < 5)).astype(np.float32)


def expected(prompt, tokens, rows, warp=None):
    """What a request gives that is asked in order."""
    request = Toy().request(prompt)
    answers = []
    for i, scores in enumerate(rows):
        if i:
            request.append(int(tokens[i - 1]))
        candidates, left = (warp or Warp()).apply(scores)
        answer = np.full(scores.size, -np.inf, np.float32)
        answer[slice(None) if candidates is None else candidates] = request.step(left, candidates)
        answers.append(answer)
    return answers


def some_scores(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32) * 3


@pytest.mark.parametrize("dtype", [np.intc, np.int64, np.uint16])
@pytest.mark.parametrize(
    "warp",
    [{}, {"temperature": 0.7}, {"top_k": 5}, {"temperature": 1.5, "top_k": 20, "top_p": 0.9}],
)
def test_one_row_is_marked_like_its_request(dtype, warp):
    prompt, tokens = [3, 1, 4], np.arange(1, 12)
    rows = some_scores(12, WIDTH)
    processor = Processor(Toy(), **warp)
    before = rows.copy()
    for i, answer in enumerate(expected(prompt, tokens, rows, Warp(**warp))):
        ids = np.array([*prompt, *tokens[:i]], dtype)
        assert processor.steps == i
        marked = processor(ids, rows[i])
        assert marked.dtype == np.float32
        assert np.array_equal(marked, answer)
        marked[:] = 0  # an engine may do what it likes with it
    assert np.array_equal(rows, before)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 4), st.integers(0, 3), st.integers(1, 8), st.randoms(use_true_random=False))
def test_rows_of_a_batch_are_marked_like_their_requests(count, length, steps, random):
    ids = np.array([[random.randrange(50) for _ in range(length + steps)] for _ in range(count)])
    ids = ids.reshape(count, -1)
    scores = some_scores(steps, count, WIDTH, seed=random.randrange(1000))
    processor = Processor(Toy(), top_k=9)
    wanted = [
        expected(r[:length], r[length:], scores[:, i], Warp(top_k=9)) for i, r in enumerate(ids)
    ]
    for step in range(steps):
        marked = processor(ids[:, : length + step], scores[step])
        assert np.array_equal(marked, np.array([rows[step] for rows in wanted]))
        if random.random() < 0.3:  # the engine evaluates again
            assert np.array_equal(processor(ids[:, : length + step], scores[step] + 1), marked)
    assert processor.steps == steps


@pytest.mark.parametrize("skip", ["noskip", "skip"])
def test_a_batch_of_synthid_is_that_of_transformers(skip):
    """The vectors that transformers made step by step, three rows at a time."""
    configs = json.loads((DATA / "synthid_hf.json").read_text())["configs"]
    with np.load(DATA / "synthid_hf.npz") as vectors:
        for config in configs:
            part = {
                name: vectors[f"{config['name']}/step_{skip}/{name}"]
                for name in ("prompt", "scores_in", "scores_out", "forced_tokens")
            }
            names = ("sampling_table_size", "sampling_table_seed", "context_history_size")
            scheme = SynthID(
                config["keys"],
                config["ngram_len"],
                skip_first_ngram_calls=skip == "skip",
                **{name: config[name] for name in names},
            )
            processor = Processor(scheme)
            ids = part["prompt"]
            for scores, wanted, tokens in zip(
                part["scores_in"], part["scores_out"], part["forced_tokens"], strict=True
            ):
                marked = processor(ids, scores)
                assert np.allclose(softmax(marked, 1), softmax(wanted, 1), rtol=0, atol=1e-6)
                ids = np.column_stack([ids, tokens])


def test_long_texts_outgrow_the_first_room():
    tokens = np.random.default_rng(1).integers(0, 50, 700)
    scores = some_scores(8)
    processor = Processor(Toy())
    wanted = expected([5], tokens, [scores] * 701)
    for i in range(701):
        assert np.array_equal(processor(np.array([5, *tokens[:i]]), scores), wanted[i])


def test_what_the_warp_rules_out_is_never_drawn():
    marked = Processor(Toy(), top_k=3)([1], some_scores(WIDTH))
    assert np.count_nonzero(marked > -np.inf) == 3
    assert marked.shape == (WIDTH,)


def test_what_the_engine_rules_out_stays_so():
    scores = some_scores(WIDTH)
    scores[10:] = -np.inf
    assert np.count_nonzero(Processor(Toy())([1], scores) > -np.inf) == 10
    assert np.count_nonzero(Processor(Toy(), top_k=20)([1], scores) > -np.inf) == 10


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floats_become_float32(dtype):
    scores = some_scores(WIDTH).astype(dtype)
    assert Processor(Toy())([1], scores).dtype == np.float32


def test_the_same_ids_again_give_the_same_answer_and_change_nothing():
    toy = Toy()
    processor = toy.processor()
    scores = some_scores(WIDTH)
    first = processor([1, 2], scores)
    kept = first.copy()
    first[:] = 7
    assert np.array_equal(processor([1, 2], scores + 0.5), kept)
    assert toy.requests[0].steps == 1
    processor([1, 2, 3], scores)
    assert toy.requests[0].ids == [1, 2, 3]
    assert toy.requests[0].steps == 2


@pytest.mark.parametrize(
    "ids",
    [
        [1, 2, 3, 4, 5],  # two at once
        [1, 2],  # taken back
        [1, 9, 3, 4],  # another text
        [7],
        [[1, 2, 3, 4], [1, 2, 3, 4]],
    ],
)
def test_ids_that_do_not_continue_are_refused(ids):
    toy = Toy()
    processor = toy.processor()
    processor([1, 2], some_scores(WIDTH))
    processor([1, 2, 3], some_scores(WIDTH))
    scores = some_scores(*np.shape(ids)[:-1], WIDTH)
    with pytest.raises(InputError, match="beam search") as caught:
        processor(ids, scores)
    assert "new one for another text" in str(caught.value)
    # Nothing was changed: the right ids are still welcome.
    processor([1, 2, 3, 4], some_scores(WIDTH))
    assert toy.requests[0].ids == [1, 2, 3, 4]


def test_rows_that_change_places_are_refused():
    processor = Processor(Toy())
    scores = some_scores(2, WIDTH)
    processor([[1, 2], [1, 2]], scores)
    processor([[1, 2, 5], [1, 2, 6]], scores)
    with pytest.raises(InputError, match="beam search"):
        processor([[1, 2, 6, 3], [1, 2, 6, 4]], scores)


def test_rows_of_which_only_some_go_on_are_refused():
    processor = Processor(Toy())
    processor([[1, 2], [3, 4]], some_scores(2, WIDTH))
    with pytest.raises(InputError, match="one token in every row"):
        processor([[1, 2], [3, 5]], some_scores(2, WIDTH))


def test_reset_begins_another_text():
    toy = Toy()
    processor = toy.processor()
    first = processor([1, 2], some_scores(WIDTH))
    processor([1, 2, 3], some_scores(WIDTH))
    processor.reset()
    assert processor.steps == 0
    assert np.array_equal(processor([1, 2], some_scores(WIDTH)), first)
    processor.reset()
    processor([[1], [2]], some_scores(2, WIDTH + 5))


@pytest.mark.parametrize("ids", [[1, -1], [-1, 2, 3], [1, 2, -1], [-1, 2]])
def test_placeholders_are_refused(ids):
    processor = Processor(Toy())
    processor([1, 2], some_scores(WIDTH))
    with pytest.raises(InputError, match="wait until it is"):
        processor(ids, some_scores(WIDTH))
    with pytest.raises(InputError, match="wait until it is"):
        Processor(Toy())(ids, some_scores(WIDTH))
    processor([1, 2, 3], some_scores(WIDTH))


@pytest.mark.parametrize(
    ("ids", "scores"),
    [
        ([1], some_scores(2, WIDTH)),
        ([[1]], some_scores(WIDTH)),
        ([[1], [2]], some_scores(3, WIDTH)),
        (1, some_scores(WIDTH)),
        ([[1], [2, 3]], some_scores(2, WIDTH)),
        ([1.5], some_scores(WIDTH)),
        (["a"], some_scores(WIDTH)),
        ([1], np.arange(WIDTH)),
        ([1], np.zeros(0, np.float32)),
        ([1], np.full(WIDTH, np.nan)),
        ([1], np.full(WIDTH, -np.inf)),
        ([1], np.full(WIDTH, np.inf)),
        (np.zeros((0, 3), int), np.zeros((0, WIDTH))),
        ([1 << 31], some_scores(WIDTH)),
    ],
)
def test_arrays_that_do_not_fit_are_refused(ids, scores):
    toy = Toy()
    with pytest.raises(InputError):
        toy.processor()(ids, scores)
    assert not toy.requests


def test_damaged_scores_of_one_row_advance_no_row():
    toy = Toy()
    processor = toy.processor()
    scores = some_scores(2, WIDTH)
    processor([[1], [2]], scores)
    damaged = scores.copy()
    damaged[1, 3] = np.nan
    with pytest.raises(InputError, match="NaN"):
        processor([[1, 5], [2, 6]], damaged)
    processor([[1, 5], [2, 6]], scores)
    assert [request.ids for request in toy.requests] == [[1, 5], [2, 6]]


def test_another_width_is_refused():
    processor = Processor(Toy())
    processor([1], some_scores(WIDTH))
    with pytest.raises(InputError, match="same vocabulary"):
        processor([1, 2], some_scores(WIDTH + 1))


def test_after_a_scheme_broke_off_the_rows_are_not_trusted():
    processor = Processor(Toy(breaks_at=(2, 6)))
    scores = some_scores(2, WIDTH)
    processor([[1], [2]], scores)
    with pytest.raises(InputError, match="the toy broke"):
        processor([[1, 5], [2, 6]], scores)
    for ids in ([[1, 5], [2, 6]], [[1, 5, 7], [2, 6, 7]]):
        with pytest.raises(InputError, match="broke off"):
            processor(ids, scores)
    processor.reset()
    processor([[1], [2]], scores)


def test_errors_that_an_engine_kept_to_itself_are_found_afterwards():
    processor = Processor(Toy(breaks_at=(4, 9)))
    scores = some_scores(WIDTH)
    with pytest.raises(InputError, match="never called"):
        processor.check()
    processor([1], scores)
    processor.check()
    processor([1, 2], scores)
    with pytest.raises(InputError):
        processor([1, 2, 3], np.full(WIDTH, np.nan))
    with pytest.raises(InputError, match="up to token 2 at most: the scores hold NaN"):
        processor.check()
    processor([1, 2, 3], scores)  # caught, and done right
    processor.check()
    with pytest.raises(InputError):
        processor([1, 2, 3, 9], scores)
    with pytest.raises(InputError, match="the toy broke"):
        processor.check()
    processor.reset()
    with pytest.raises(InputError, match="never called"):
        processor.check()


def test_other_errors_of_a_scheme_are_found_as_well():
    processor = Processor(Toy())
    processor.scheme.request = lambda prompt: 1 / 0
    with pytest.raises(ZeroDivisionError):
        processor([1], some_scores(WIDTH))
    with pytest.raises(InputError, match="not marked to its end"):
        processor.check()


@pytest.mark.parametrize("make", [Processor, Batch])
@pytest.mark.parametrize("warp", [{"temperature": 0}, {"top_k": -1}, {"top_p": 0.0}])
def test_numbers_out_of_range_are_refused(make, warp):
    with pytest.raises(InputError):
        make(Toy(), **warp)


def test_it_says_what_it_is():
    assert repr(Processor(Toy())).startswith("Processor(toy, Warp(")


@settings(deadline=None, max_examples=40)
@given(st.randoms(use_true_random=False))
def test_texts_that_join_and_leave_are_marked_like_their_requests(random):
    """What a text gets depends neither on its neighbours nor on the order of rows."""
    toy = Toy()
    batch = Batch(toy, top_k=9)
    texts, last, done = {}, {}, 0
    for step in range(25):
        if len(batch) < 4 and random.random() < 0.5:
            prompt = [random.randrange(50) for _ in range(random.randrange(4))]
            batch.join(step, prompt)
            texts[step] = (prompt, [], [], [])
            last[step] = None
        present = [name for name in last if random.random() < 0.8]
        random.shuffle(present)
        scores = some_scores(len(present), WIDTH, seed=random.randrange(10**6))
        marked = batch.step([(name, last[name]) for name in present], scores)
        for name, given_scores, answer in zip(present, scores, marked, strict=True):
            _, tokens, rows, answers = texts[name]
            if last[name] is not None:
                tokens.append(last[name])
            rows.append(given_scores)
            answers.append(answer)
            last[name] = random.randrange(50)
        if last and random.random() < 0.2:
            name = random.choice(list(last))
            batch.leave(name)
            assert name not in batch
            del last[name]
            done += 1
    for prompt, tokens, rows, answers in texts.values():
        wanted = expected(prompt, tokens, rows, Warp(top_k=9))
        assert all(map(np.array_equal, answers, wanted))
    assert len(batch) == len(texts) - done


def test_a_text_may_bring_its_own_warp():
    batch = Batch(Toy(), top_k=9)
    batch.join("a")
    batch.join("b", warp=Warp(top_k=2))
    marked = batch.step([("a", None), ("b", None)], some_scores(2, WIDTH))
    assert np.count_nonzero(marked > -np.inf, axis=1).tolist() == [9, 2]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("c", None)], "join comes first"),
        ([("a", None), ("a", None)], "twice"),
        ([("a", None)], "wait until"),
        ([("a", -1)], "wait until"),
        ([("a", 1.5)], "whole numbers"),
        ([("b", 3)], "no step"),
    ],
)
def test_steps_that_cannot_be_are_refused(rows, message):
    toy = Toy()
    batch = Batch(toy)
    batch.join("a", [1])
    batch.step([("a", None)], some_scores(1, WIDTH))
    batch.join("b", [2])
    with pytest.raises(InputError, match=message):
        batch.step(rows, some_scores(len(rows), WIDTH))
    assert [request.ids for request in toy.requests] == [[1], [2]]
    batch.step([("a", 5), ("b", None)], some_scores(2, WIDTH))


def test_scores_that_do_not_fit_the_texts_are_refused():
    batch = Batch(Toy())
    batch.join("a")
    for scores in (some_scores(2, WIDTH), some_scores(WIDTH), np.full((1, WIDTH), np.nan)):
        with pytest.raises(InputError):
            batch.step([("a", None)], scores)
    batch.step([("a", None)], some_scores(1, WIDTH))


def test_joining_twice_and_leaving_unknown_are_refused():
    batch = Batch(Toy())
    batch.join("a")
    with pytest.raises(InputError, match="let it leave"):
        batch.join("a")
    with pytest.raises(InputError, match="join comes first"):
        batch.leave("b")
    with pytest.raises(InputError, match="wait until"):
        batch.join("b", [1, -1])
    assert "b" not in batch
    batch.leave("a")
    batch.join("a")


def test_a_text_whose_step_broke_off_has_to_begin_again():
    batch = Batch(Toy(breaks_at=(2, 6)))
    for name in "ab":
        batch.join(name, [1])
    scores = some_scores(2, WIDTH)
    batch.step([("a", None), ("b", None)], scores)
    with pytest.raises(InputError, match="the toy broke"):
        batch.step([("a", 5), ("b", 6)], scores)
    with pytest.raises(InputError, match="broke off"):
        batch.step([("b", 6)], scores[:1])
    batch.leave("b")
    # The row before it had its step.
    batch.step([("a", 7)], scores[:1])


def test_no_rows_are_no_work():
    assert Batch(Toy()).step([], np.zeros((0, WIDTH), np.float32)).shape == (0, WIDTH)
