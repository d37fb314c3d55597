"""Detection of token marks: what is found, what is not, and what the p-values promise."""

import numpy as np
import pytest

import waarmerk
from waarmerk import InputError, MarkId, MarkingKey, detect_text, detect_texts
from waarmerk.detection.text.search import look, passages
from waarmerk.marking.text import KGW, Gumbel, SynthID, TextMark
from waarmerk.marking.text.layers import bit_law
from waarmerk.marking.text.scheme import Evidence

KEY = MarkingKey(bytes(range(32)), created="2026-01-01T00:00:00Z")
MARK = MarkId.from_hex("0123456789abcdef")
VOCAB = 5000
SCHEMES = {
    "textmark": TextMark(KEY),
    "synthid": SynthID(range(1, 31)),
    "synthid-text": SynthID(range(1, 31), variant="synthid-text"),
    "kgw": KGW(VOCAB, delta=4.0),
    "kgw-self": KGW(VOCAB, seeding="selfhash", context_width=4, delta=4.0),
    "vllm": Gumbel(42),
    "sglang": Gumbel(42, variant="sglang"),
}


def written(scheme, length, seed, prompt=(7, 7, 8, 9)):
    """Text of a model whose next token is one of twenty; scheme None is a human."""
    rng = np.random.default_rng(seed)
    request = None if scheme is None else scheme.request(prompt)
    out = []
    for _ in range(length):
        ids = rng.choice(VOCAB, 20, replace=False)
        scores = rng.normal(0, 1.5, 20).astype(np.float32)
        scores = np.asarray(scores - np.log(np.exp(scores).sum()), np.float32)
        if request is not None:
            scores = request.step(scores, ids)
        p = np.exp(scores - scores.max())
        out.append(int(rng.choice(ids, p=p / p.sum())))
        if request is not None:
            request.append(out[-1])
    return np.array(out)


@pytest.fixture(scope="module")
def human():
    return written(None, 900, 1)


@pytest.mark.parametrize("name", SCHEMES)
def test_what_a_scheme_marks_is_found_with_its_key_alone(name, human):
    scheme = SCHEMES[name]
    ids = written(scheme, 300, 2)
    finding = detect_text(ids, schemes=[scheme])
    assert finding.found
    assert finding.status == "found"
    assert finding.p_value <= 1e-5
    assert finding.scheme == scheme.name
    assert 200 < finding.tokens_scored <= 300
    assert not detect_text(human, schemes=[scheme]).found
    others = [s for n, s in SCHEMES.items() if n != name]
    assert not detect_text(ids, schemes=others).found
    assert detect_text(ids, schemes=list(SCHEMES.values())).scheme == scheme.name


def test_every_scheme_that_is_tried_is_paid_for():
    ids = written(SCHEMES["textmark"], 250, 3)
    alone = detect_text(ids, SCHEMES["textmark"])
    among = detect_text(ids, [SCHEMES["textmark"]] * 10)
    assert among.log10_p == pytest.approx(alone.log10_p + 1)


def test_a_long_text_gives_its_mark_id():
    ids = written(TextMark(KEY, MARK), 700, 4)
    finding = detect_text(ids, TextMark(KEY))
    assert finding.mark_id == MARK
    assert finding.kind == "generated"
    assert finding.key_id == KEY.key_id
    short = detect_text(ids[:200], TextMark(KEY))
    assert short.found
    assert short.mark_id in (None, MARK)


def test_without_an_id_none_is_read():
    finding = detect_text(written(TextMark(KEY), 700, 5), TextMark(KEY))
    assert finding.found
    assert finding.mark_id is None


def test_a_passage_within_human_text_is_found_where_it_stands(human):
    marked = written(TextMark(KEY), 200, 6)
    ids = np.concatenate([human[:400], marked, human[400:]])
    finding = detect_text(ids, TextMark(KEY))
    assert finding.found
    assert len(finding.segments) == 1
    passage = finding.segments[0]
    assert abs(passage.start - 400) < 30
    assert abs(passage.end - 600) < 30


def test_two_passages_are_both_named(human):
    one, two = written(TextMark(KEY), 250, 7), written(TextMark(KEY), 250, 8)
    ids = np.concatenate([human[:300], one, human[300:700], two, human[700:]])
    segments = detect_text(ids, TextMark(KEY)).segments
    assert len(segments) == 2
    assert abs(segments[0].start - 300) < 40
    assert abs(segments[1].end - 1200) < 40


def test_a_repetition_adds_nothing():
    marked = written(TextMark(KEY), 60, 9)
    once = detect_text(marked, TextMark(KEY), min_tokens=0)
    often = detect_text(np.tile(marked, 20), TextMark(KEY), min_tokens=0)
    assert often.tokens_scored <= 60
    assert often.log10_p >= once.log10_p - 1


# Too short, and other things that are not findings


def test_a_short_text_is_not_checked_unless_asked():
    ids = written(TextMark(KEY), 120, 10)
    finding = detect_text(ids, TextMark(KEY))
    assert finding.status == "not_checked"
    assert finding.reason == "too short: 120 tokens, and marks are looked for from 200 on"
    assert finding.p_value is None
    assert detect_text(ids, TextMark(KEY), min_tokens=0).found
    assert detect_text([], TextMark(KEY), min_tokens=0).status == "not_found"
    assert detect_text([5], SCHEMES["synthid"], min_tokens=1).p_value == 1.0


@pytest.mark.parametrize("name", SCHEMES)
def test_texts_of_a_few_tokens_say_nothing(name):
    for length in range(7):
        finding = detect_text(np.arange(length), SCHEMES[name], min_tokens=0)
        assert not finding.found
        assert finding.log10_p <= 0


@pytest.mark.parametrize("name", SCHEMES)
def test_one_token_all_the_way_is_no_mark(name):
    assert not detect_text(np.full(5000, 17), SCHEMES[name]).found


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (np.array([1, -1, 2]), "-1"),
        (np.array([0.5]), "whole numbers"),
        (np.zeros((2, 2), int), "one row"),
        ([1 << 40], "outside of a vocabulary"),
        ([True, False], "whole numbers"),
        ([[1], [2, 3]], "whole numbers"),
    ],
)
def test_what_is_no_list_of_ids_is_refused(ids, message):
    with pytest.raises(InputError, match=message):
        detect_text(ids, TextMark(KEY))


def test_ids_outside_the_vocabulary_are_refused():
    with pytest.raises(InputError, match="vocabulary of 5000"):
        detect_text([1, 5000, 3] * 100, SCHEMES["kgw"])


def test_wrong_requests_are_refused():
    ids = np.arange(300)
    with pytest.raises(InputError, match="no scheme"):
        detect_text(ids, [])
    with pytest.raises(InputError, match="is no scheme"):
        detect_text(ids, ["synthid"])
    with pytest.raises(InputError, match="threshold"):
        detect_text(ids, TextMark(KEY), threshold=0)
    with pytest.raises(InputError, match="min_tokens"):
        detect_text(ids, TextMark(KEY), min_tokens=-1)
    with pytest.raises(InputError, match="tokenizer"):
        detect_text("raw text", TextMark(KEY))


# Many at once


def test_many_texts_give_what_each_gives_alone(human):
    texts = [written(TextMark(KEY), n, n) for n in (0, 3, 199, 200, 450)] + [human]
    together = detect_texts(texts, SCHEMES.values(), workers=2)
    assert len(together) == 6
    for row, ids in enumerate(texts):
        assert together.finding(row) == detect_text(ids, SCHEMES.values())
    columns = together.columns()
    assert {len(column) for column in columns.values()} == {6}
    assert columns["found"].tolist() == [False, False, False, True, True, False]


def test_work_is_the_same_on_any_number_of_threads(monkeypatch):
    monkeypatch.setattr("waarmerk.detection.text.detector._PIECE", 1000)
    ids = np.random.default_rng(3).integers(0, VOCAB, 20_000)
    offsets = np.arange(0, 20_001, 250)
    one = detect_texts((ids, offsets), SCHEMES["synthid"], workers=1)
    two = detect_texts((ids, offsets), SCHEMES["synthid"], workers=2)
    np.testing.assert_array_equal(one.log10_p, two.log10_p)


def test_ragged_texts_come_as_pairs_or_as_arrow_lists():
    class ListArray:  # what pyarrow's has
        values = np.arange(600)
        offsets = np.array([0, 250, 600])
        null_count = 0

    pair = detect_texts((np.arange(600), np.array([0, 250, 600])), SCHEMES["vllm"])
    arrow = detect_texts(ListArray(), SCHEMES["vllm"])
    rows = detect_texts([np.arange(250), np.arange(250, 600)], SCHEMES["vllm"])
    np.testing.assert_array_equal(pair.log10_p, arrow.log10_p)
    np.testing.assert_array_equal(pair.log10_p, rows.log10_p)


@pytest.mark.parametrize("offsets", [[0, 5, 3, 10], [1, 10], [0, 11], [0.0, 10.0], []])
def test_wrong_offsets_are_refused(offsets):
    with pytest.raises(InputError, match="offsets"):
        detect_texts((np.arange(10), np.array(offsets)), TextMark(KEY))


def test_no_texts_give_no_findings():
    assert len(detect_texts([], TextMark(KEY))) == 0


# p-values


@pytest.mark.parametrize("name", SCHEMES)
def test_p_values_of_unmarked_text_hold(name):
    """Of 3,000 texts without a mark about 30 may have p <= 1e-2; 70 would be wrong."""
    rng = np.random.default_rng(11)
    lengths = rng.choice([60, 210, 500], 3000)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    # Words as in texts: few are frequent.
    ids = np.minimum(rng.zipf(1.3, offsets[-1]) - 1, VOCAB - 1)
    seen = detect_texts((ids, offsets), SCHEMES[name], min_tokens=0)
    assert seen.found.sum() <= 1  # 0.03 are to be expected
    assert (seen.log10_p <= -2).mean() < 70 / 3000
    assert (seen.log10_p <= -3).mean() < 14 / 3000


def test_a_window_is_worth_less_than_it_is_alone():
    law = bit_law((1,) * 20)
    scores = np.zeros(1000, np.float32)
    scores[:] = 10
    scores[300:400] = 17
    evidence = Evidence(scores, np.ones(1000, np.bool_), law)
    whole = look(evidence, np.array([0, 1000]), shortest=0)
    both = look(evidence, np.array([0, 1000]))
    assert both.log10_p[0] < whole.log10_p[0]
    start, end = both.where[0]
    assert 280 <= start < end <= 430
    found = passages(evidence, both.where[0], threshold=-5)
    assert [(p.start, p.end) for p in found] == [(300, 400)]


# Raw text


class Letters:
    """A tokenizer of one's own: nothing but `encode`."""

    def encode(self, text):
        return [ord(c) % VOCAB for c in text]


def test_raw_text_needs_only_encode():
    ids = written(TextMark(KEY), 300, 12)
    text = "".join(chr(0x4E00 - 0x4E00 % VOCAB + VOCAB + int(i)) for i in ids)
    assert [ord(c) % VOCAB for c in text] == ids.tolist()
    finding = detect_text(text, TextMark(KEY), tokenizer=Letters())
    assert finding.found
    assert finding.log10_p == detect_text(ids, TextMark(KEY)).log10_p


def test_what_is_no_tokenizer_is_refused():
    with pytest.raises(InputError, match="encode"):
        detect_text("text", TextMark(KEY), tokenizer=object())


def test_the_names_are_public():
    assert {"detect_text", "detect_texts"} <= set(waarmerk.__all__)
