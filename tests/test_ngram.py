"""The small model of the demo: tokens give the text back, and probabilities add up to 1."""

import gzip
import runpy
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waarmerk.errors import InputError
from waarmerk.ngram import PIECES, DemoModel, human_text, training_text

PACKER = Path(__file__).parent.parent / "scripts" / "pack_demo_text.py"


@pytest.fixture(scope="module")
def model() -> DemoModel:
    """Return the model of the demo."""
    return DemoModel.train()


def write(model: DemoModel, count: int, seed: int) -> list[int]:
    """Return tokens drawn from the model itself."""
    rng = np.random.default_rng(seed)
    ids: list[int] = []
    for _ in range(count):
        chances = np.exp(model.logits(ids).astype(np.float64))
        ids.append(int(rng.choice(model.vocab_size, p=chances / chances.sum())))
    return ids


# Tokens


@given(st.text())
def test_any_text_comes_back(model: DemoModel, text: str) -> None:
    ids = model.encode(text)
    assert model.decode(ids) == text
    assert all(0 <= token < model.vocab_size for token in ids)


@given(st.lists(st.sampled_from(PIECES.findall(human_text()[:20_000]))))
def test_words_in_any_order_come_back(model: DemoModel, pieces: list[str]) -> None:
    text = "".join(pieces)
    assert model.decode(model.encode(text)) == text


@given(st.text())
def test_every_character_is_in_one_piece(text: str) -> None:
    assert "".join(PIECES.findall(text)) == text


@given(st.lists(st.integers(0, 4095)))
def test_any_tokens_are_text(model: DemoModel, ids: list[int]) -> None:
    assert isinstance(model.decode(ids), str)


def test_common_words_are_one_token(model: DemoModel) -> None:
    assert len(model.encode("The whale and the ship.")) == 6


def test_unseen_characters_are_bytes(model: DemoModel) -> None:
    text = "魚 🐋"
    assert model.encode(text) == list(text.encode())


def test_tokens_that_are_no_text_become_a_sign(model: DemoModel) -> None:
    assert model.decode([0xFF, ord("a")]) == "\ufffda"


@pytest.mark.parametrize("ids", [[-1], [4096], [0.5], "text", [[1]]])
def test_wrong_tokens_are_refused(model: DemoModel, ids: object) -> None:
    with pytest.raises(InputError):
        model.decode(ids)
    with pytest.raises(InputError):
        model.logits(ids)


def test_half_a_character_is_refused(model: DemoModel) -> None:
    with pytest.raises(InputError, match="half a character at 1"):
        model.encode("a\ud800")
    with pytest.raises(InputError, match="half a character"):
        DemoModel.train("\udfff")


# The model


@given(st.lists(st.integers(0, 4095), max_size=4))
def test_probabilities_add_up_to_1(model: DemoModel, ids: list[int]) -> None:
    logits = model.logits(ids)
    assert logits.dtype == np.float32
    assert logits.shape == (model.vocab_size,)
    assert np.isfinite(logits).all()
    assert np.exp(logits.astype(np.float64)).sum() == pytest.approx(1, abs=1e-5)


def test_probabilities_add_up_to_1_after_contexts_it_knows(model: DemoModel) -> None:
    ids = model.encode(training_text()[:5000])
    for pair in pairwise(ids):
        assert np.exp(model.logits(pair).astype(np.float64)).sum() == pytest.approx(1, abs=1e-5)


def test_probabilities_are_those_of_the_formula() -> None:
    text = "a bb a bb cc bb a"
    small = DemoModel.train(text)
    (a,), (bb,), (cc,) = small.encode(" a"), small.encode(" bb"), small.encode(" cc")
    assert small.encode(text) == [ord("a"), bb, a, bb, cc, bb, a]
    chances = np.exp(small.logits([cc, bb]).astype(np.float64))
    # Once " a" after " cc bb"; " a" twice and " cc" once after " bb"; no letter after a letter, so
    # of the other tokens " a" counts 2, " bb" 3 and " cc" 1.
    alone = {a: 2 / 6, bb: 3 / 6, cc: 1 / 6}
    pairs = {a: 1.7 / 3, bb: 0.0, cc: 0.7 / 3}
    for token, triple in ((a, 0.7), (bb, 0.0), (cc, 0.0)):
        expected = triple + 0.3 * (pairs[token] + 0.6 / 3 * alone[token])
        assert chances[token] == pytest.approx(expected, abs=1e-6)


def test_only_the_last_two_tokens_count(model: DemoModel) -> None:
    ids = model.encode("It was a clear steel-blue day")
    assert np.array_equal(model.logits(ids), model.logits(np.array(ids[-2:])))


def test_the_start_is_that_of_a_paragraph(model: DemoModel) -> None:
    assert np.array_equal(model.logits([]), model.logits(model.encode("\n")))


def test_training_again_gives_the_same(model: DemoModel) -> None:
    again = DemoModel.train(training_text())
    for context in ([], [10], model.encode(" of the"), [4095, 0]):
        assert np.array_equal(model.logits(context), again.logits(context))


def test_what_it_writes_reads_as_the_same_tokens(model: DemoModel) -> None:
    ids = write(model, 3000, seed=1)
    assert model.encode(model.decode(ids)) == ids


def test_what_it_writes_looks_like_english(model: DemoModel) -> None:
    ids = write(model, 1500, seed=2)
    words = set(PIECES.findall(training_text() + human_text()))
    written = PIECES.findall(model.decode(ids))
    assert sum(piece in words for piece in written) > 0.99 * len(written)
    bits = []
    for end in range(2, len(ids)):
        logits = model.logits(ids[end - 2 : end]).astype(np.float64)
        bits.append(-np.sum(np.exp(logits) * logits) / np.log(2))
    assert 3 < np.mean(bits) < 4


@pytest.mark.parametrize("text", ["one", "Call me", "a bb", " bb" * 40])
def test_a_tiny_text_is_enough(text: str) -> None:
    tiny = DemoModel.train(text)
    for ids in ([], tiny.encode(text), [0, 1]):
        assert np.exp(tiny.logits(ids).astype(np.float64)).sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("text", ["", " ", "..."])
def test_a_text_without_words_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no words"):
        DemoModel.train(text)


# What is shipped


def test_the_human_text_is_not_in_training() -> None:
    learned = set(training_text().splitlines())
    assert len(human_text()) > 50_000
    assert not [line for line in human_text().splitlines() if len(line) > 40 and line in learned]


def test_packing_cleans_chapters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "package" / "data"
    data.mkdir(parents=True)
    for number in range(1, 74):
        chapter = f"CHAPTER {number}. A Title.\n\nIt’s  {number}.\n\n“Ay,”\nsaid he.\n"
        (data / f"chapter_{number}.txt").write_text(chapter, encoding="utf-8")
    command = ["pack_demo_text.py", str(data.parent), str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", command)
    pack = runpy.run_path(str(PACKER))["main"]
    pack()
    packed = tmp_path / "out" / "moby_dick_unseen.txt.gz"
    lines = gzip.decompress(packed.read_bytes()).decode().splitlines()
    assert lines[:3] == ["It's 61.", '"Ay,"', "said he."]
    before = packed.read_bytes()
    pack()
    assert packed.read_bytes() == before
