"""The project's own mark on text: what it promises while text is generated."""

from pathlib import Path

import numpy as np
import pytest

from tests import independent_text as twin
from waarmerk import InputError, KeyFileError, MarkId, MarkingKey
from waarmerk.marking.payload import Code
from waarmerk.marking.text.textmark import TEXT_1, TextMark

KEY = MarkingKey(bytes(range(32)), created="2026-01-01T00:00:00Z")
MARK = MarkId.from_hex("0123456789abcdef")


def probabilities(scores):
    p = np.exp(scores - scores.max())
    return p / p.sum()


def model(seed, size=50):
    return np.random.default_rng(seed).normal(0, 2, size).astype(np.float32)


# The specification


@pytest.mark.parametrize(("mark_id", "written"), [(None, 300), (MARK, 199), (MARK, 200)])
def test_a_step_is_the_tournament_of_the_specification(mark_id, written):
    last = [3, 1, 4, 1]
    scores = model(1)
    request = TextMark(KEY, mark_id).request([8, 8])
    for token in [*range(written - 4), *last]:
        request.append(token)
    got = probabilities(request.step(scores))
    context = twin.context_key(twin.subkey(KEY.secret), last)
    carries = mark_id is not None and written >= twin.LEAD
    turned = twin.flips(context, Code(1024).encode(mark_id)) if carries else 0
    words = [twin.word(context, token) ^ turned for token in range(50)]
    expected = twin.tournament(list(probabilities(scores).astype(float)), words)
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_evidence_is_that_of_the_specification():
    ids = np.random.default_rng(2).integers(0, 9, 300)  # so few that contexts come again
    seen = TextMark(KEY).evidence(ids, np.array([0, 300]))
    seen = seen.others[0]
    total, count = twin.pilot_score(KEY.secret, ids.tolist())
    assert seen.scores.sum() == total
    assert seen.counted.sum() == count < 296


def test_layers_are_pilots_or_payload():
    assert sorted(TEXT_1.pilot_layers + TEXT_1.payload_layers) == list(range(32))
    assert TEXT_1.payload_layers == twin.PAYLOAD


# Requests


def test_the_end_of_the_prompt_is_context():
    scores = model(3)
    one = TextMark(KEY).request([9, 8, 1, 2, 3, 4]).step(scores)
    other = TextMark(KEY).request([1, 2, 3, 4]).step(scores)
    np.testing.assert_array_equal(one, other)
    third = TextMark(KEY).request([1, 2, 3, 5]).step(scores)
    assert np.abs(probabilities(third) - probabilities(one)).max() > 0.01


def test_without_four_tokens_before_it_a_token_is_not_marked():
    request = TextMark(KEY).request([1])
    scores = model(4)
    for token in (5, 6):
        np.testing.assert_array_equal(request.step(scores), scores)
        request.append(token)
    np.testing.assert_array_equal(request.step(scores), scores)
    request.append(7)
    assert not np.array_equal(request.step(scores), scores)


def test_a_context_is_marked_once_in_a_text():
    request = TextMark(KEY).request([1, 2, 3, 4])
    scores = model(5)
    first = request.step(scores)
    for token in (1, 2, 3, 4):
        request.append(token)
    np.testing.assert_array_equal(request.step(scores), scores)
    again = TextMark(KEY).request([1, 2, 3, 4]).step(scores)
    np.testing.assert_array_equal(again, first)


def test_candidates_get_what_the_full_vocabulary_would():
    scores = model(6, 400)
    few = np.argsort(scores)[-20:][::-1].copy()
    wide = np.full(400, -np.inf, np.float32)
    wide[few] = scores[few]
    full = TextMark(KEY, MARK).request([1, 2, 3, 4]).step(wide)
    subset = TextMark(KEY, MARK).request([1, 2, 3, 4]).step(scores[few], few)
    # The sums are in another order.
    np.testing.assert_allclose(probabilities(full[few]), probabilities(subset), atol=1e-6)
    assert np.isneginf(np.delete(full, few)).all()


def test_scores_given_stay_as_they_are():
    scores = model(7)
    before = scores.copy()
    TextMark(KEY).request([1, 2, 3, 4]).step(scores)
    np.testing.assert_array_equal(scores, before)


def test_a_certain_token_stays_certain():
    scores = np.full(30, -np.inf, np.float32)
    scores[7] = 0.0
    out = TextMark(KEY).request([1, 2, 3, 4]).step(scores)
    assert probabilities(out)[7] == 1.0


# Non-distortion


@pytest.mark.parametrize("mark_id", [None, MARK])
def test_over_many_keys_the_next_token_is_the_models(mark_id):
    """The mean of the marked distributions is the model's, within four standard errors."""
    scores = model(8, 30)
    rng = np.random.default_rng(9)
    n = 4000
    rows = np.empty((n, 30))
    for i in range(n):
        key = MarkingKey(rng.bytes(32), created="2026-01-01T00:00:00Z")
        request = TextMark(key, mark_id).request([1, 2, 3, 4])
        for token in range(TEXT_1.lead):  # behind them the word of the id, if there is one
            request.append(token)
        rows[i] = probabilities(request.step(scores))
    expected = probabilities(scores)
    # Rare tokens together: of one in ten thousand draws four thousand keys show none or too many.
    rare = expected < 0.01
    rows = np.column_stack([rows[:, ~rare], rows[:, rare].sum(axis=1)])
    expected = np.append(expected[~rare], expected[rare].sum())
    error = rows.std(axis=0) / np.sqrt(n)
    assert (np.abs(rows.mean(axis=0) - expected) < 4 * error).all()
    # And the marks are strong: each single key leaves little to chance.
    assert np.median(rows.max(axis=1)) > expected.max()


# What is refused


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (np.full(5, np.nan, np.float32), "NaN"),
        (np.full(5, -np.inf, np.float32), "no score above -inf"),
        (np.array([0, np.inf], np.float32), r"\+inf"),
        (np.zeros((2, 3), np.float32), "one row"),
        (np.zeros(3, np.int64), "floating-point"),
    ],
)
def test_damaged_scores_are_refused(scores, message):
    with pytest.raises(InputError, match=message):
        TextMark(KEY).request([1, 2, 3, 4]).step(scores)


@pytest.mark.parametrize(
    ("prompt", "message"),
    [([1, -1], "holds? -1"), ([1.5], "whole numbers"), ([[1]], "one row"), ("abc", "not text")],
)
def test_prompts_that_are_no_ids_are_refused(prompt, message):
    with pytest.raises(InputError, match=message):
        TextMark(KEY).request(prompt)


def test_what_is_no_key_or_id_is_refused():
    with pytest.raises(InputError, match="MarkingKey"):
        TextMark("secret")
    with pytest.raises(InputError, match="MarkId"):
        TextMark(KEY, "0123456789abcdef")


def test_a_retired_key_marks_nothing_and_still_detects():
    old = MarkingKey(bytes(32), created="2025-01-01T00:00:00Z", retired="2025-06-01T00:00:00Z")
    with pytest.raises(KeyFileError, match="retired"):
        TextMark(old).request()
    assert TextMark(old).evidence(np.arange(9), np.array([0, 9])).counted.sum() == 5


def test_the_key_does_not_show():
    assert KEY.secret.hex()[:16] not in repr(TextMark(KEY, MARK))


def test_the_documents_vectors_are_those_of_the_second_implementation():
    text = (Path(__file__).parents[3] / "docs" / "marks" / "text.md").read_text()
    for line in twin.vectors():
        assert line in text
