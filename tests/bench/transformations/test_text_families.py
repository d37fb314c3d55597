"""Families of changes of text, with a model of a few lines and a scheme that marks no token."""

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import pytest

pytest.importorskip("tokenizers")

from waarmerk.bench.content.generator import Library, TextGenerator
from waarmerk.bench.content.text_model import Ids, Model
from waarmerk.bench.protocol import CATEGORIES, Content, Marked, Medium, Reading, Tools
from waarmerk.bench.seeds import rng_for
from waarmerk.bench.transformations import text_families as families
from waarmerk.bench.transformations.text import Ground
from waarmerk.bench.transformations.text_families import TEXT
from waarmerk.errors import InputError

FAMILIES = {each.name: each for each in TEXT}
WORDS = ["mark", "text", "Token", "key", "draw", "layer", "word", "chance", "of", "and", "the"]
SIZE = 120


@cache
def model() -> Model:
    rng = rng_for("test text")
    lines = [". ".join(" ".join(rng.choice(WORDS, 8)) for _ in range(5)) for _ in range(60)]
    return Model.train(lines, vocab_size=400)


@cache
def generator() -> TextGenerator:
    ids = model().encode(" ".join(rng_for("human").choice(WORDS, 4000)))
    counts = np.bincount(ids, minlength=model().vocab_size) + 0.1
    ground = Ground(counts / counts.sum(), ids)
    library = Library(model(), "en", ground, (), (), ())
    return TextGenerator(library, model().encode("mark the text of"), "high")


@dataclass
class Toy:
    """Writes another text for every key and number; there is no mark in it."""

    name: str = "toy"
    medium: Medium = "text"
    keyed: bool = True

    def mark(self, content: Content, value: Ids, key: int, number: int = 0) -> Marked:
        ids = generator().write(None, len(value), content.name, key, number).ids
        return Marked(ids)

    def read(self, value: Ids, keys: Sequence[int]) -> list[Reading]:
        return [Reading(None) for _ in keys]


def tools(size: int, *seed: object) -> Tools:
    content = Content("own", "text", "en", partial(np.zeros, size, np.int64), generator)
    return Tools(rng_for("tools", *seed), content, Toy(), 0, [content])


def written(size: int = SIZE) -> Ids:
    return generator().write(None, size, "test").ids


def changed(name: str, ids: Ids, strength: float) -> Ids:
    value: Ids = FAMILIES[name].function(ids, strength, tools(ids.size, name, strength))
    return value


def test_the_table_is_in_order() -> None:
    assert len(FAMILIES) == len(TEXT)
    for family in TEXT:
        assert family.medium == "text"
        assert not family.forges
        assert set(family.quick) <= set(family.strengths)
        assert bool(family.axis) == (family.strengths != (0.0,))
        if family.axis:
            assert 4 <= len(family.strengths) <= 8
        steps = np.diff(family.strengths)
        assert (steps > 0).all() or (steps < 0).all()
        pickle.dumps(family)
    assert {family.category for family in TEXT} == set(CATEGORIES)
    assert [family.name for family in TEXT if family.category == "none"] == ["none"]
    assert 12 <= sum(len(family.quick) for family in TEXT) <= 20


@pytest.mark.parametrize("name", FAMILIES)
def test_texts_become_other_tokens_of_the_vocabulary_the_same_ones_each_time(name: str) -> None:
    for size in (SIZE, 5, 2, 1, 0):
        ids = written(SIZE)[:size].copy()
        before = ids.copy()
        for strength in FAMILIES[name].strengths:
            out, again = (changed(name, ids, strength) for _ in range(2))
            np.testing.assert_array_equal(ids, before)
            np.testing.assert_array_equal(out, again)
            assert out.dtype == np.int64
            assert out.ndim == 1
            assert not np.shares_memory(out, ids)
            assert ((out >= 0) & (out < model().vocab_size)).all()
            assert out.size <= 21 * size + 20


@pytest.mark.parametrize(
    "name",
    [
        "substitution", "substitution_in_context", "homoglyphs", "capitals", "rewritten",
        "deletion", "characters_left_out", "characters_put_in", "characters_swapped",
        "blocks_shuffled", "sentences_shuffled", "misread", "retyped", "reworded", "overwriting",
        "zero_width", "markdown", "line_wrap",
    ],
)  # fmt: skip
def test_stronger_changes_leave_fewer_n_grams(name: str) -> None:
    ids = written()

    def kept(strength: float) -> float:
        out = changed(name, ids, strength)
        grams = [{tuple(x[i : i + 4]) for i in range(x.size - 3)} for x in (ids, out)]
        return len(grams[0] & grams[1]) / len(grams[0])

    weak, strong = (kept(FAMILIES[name].strengths[end]) for end in (0, -1))
    assert weak > strong


def test_text_that_is_not_changed_comes_back() -> None:
    ids = model().encode("mark the text. Token of chance, and key.")
    for name, strength in (("none", 0), ("retokenised", 0), ("homoglyphs", 0), ("line_wrap", 99)):
        np.testing.assert_array_equal(changed(name, ids, strength), ids)


@pytest.mark.parametrize("percent", [10, 30])
def test_shares_of_tokens_are_what_they_say(percent: float) -> None:
    ids = written()
    for name in ("substitution", "substitution_in_context"):
        out = changed(name, ids, percent)
        assert out.size == ids.size
        assert np.mean(out != ids) == pytest.approx(percent / 100, abs=0.02)
    for name in ("reworded", "rewritten", "overwriting"):
        assert np.mean(changed(name, ids, percent) != ids) <= percent / 100 + 0.15
    place = np.flatnonzero(changed("overwriting", ids, percent) != ids)
    assert np.ptp(place) < percent / 100 * ids.size
    assert changed("deletion", ids, percent).size == round((1 - percent / 100) * ids.size)


def test_what_is_likely_in_a_context_is_put_there() -> None:
    ids = written()

    def likelihood(name: str) -> float:
        out = changed(name, ids, 30)
        places = np.flatnonzero(out != ids)
        return float(np.mean([model().logits(out[:place][-4:])[out[place]] for place in places]))

    assert likelihood("substitution_in_context") > likelihood("substitution") + 1


def test_a_human_passage_and_human_surroundings_take_their_share() -> None:
    ids = written()
    out = changed("interrupted", ids, 75)
    assert out.size == 4 * ids.size
    np.testing.assert_array_equal(out[:60], ids[:60])
    np.testing.assert_array_equal(out[-60:], ids[60:])
    assert changed("dilution", ids, 25).size == 4 * ids.size


def test_an_excerpt_is_from_the_text() -> None:
    ids = written()
    out = changed("excerpt", ids, 50)
    assert any((ids[i : i + 50] == out).all() for i in range(ids.size - 49))
    np.testing.assert_array_equal(changed("excerpt", ids, 300), ids)


def test_copies_are_spliced_block_by_block() -> None:
    ids = written()
    with_tools = tools(ids.size)
    copy = with_tools.copies(1)[0]
    out = families.spliced(ids, 2, with_tools)
    assert out.size == ids.size
    for start in range(0, SIZE, 2 * families.BLOCK):
        middle = start + families.BLOCK
        np.testing.assert_array_equal(out[start:middle], ids[start:middle])
        end = middle + families.BLOCK
        np.testing.assert_array_equal(out[middle:end], copy[middle:end])


def test_sentences_stay_whole() -> None:
    text = "One of text. Two of text. Three of text. Four of text. "
    ids = model().encode(text)
    out = model().decode(changed("sentences_shuffled", ids, 100))
    assert sorted(out.split(". ")) == sorted(text.split(". "))


def test_a_text_needs_its_generator() -> None:
    content = Content("bare", "text", "en", lambda: np.zeros(4, np.int64))
    bare = Tools(rng_for("bare"), content, Toy(), 0)
    change: Callable[..., Ids] = FAMILIES["retokenised"].function
    with pytest.raises(InputError, match=r"bare: .* generator"):
        change(np.zeros(4, np.int64), 0, bare)
