"""Changes of characters: as many as they say, none to what has none."""

import re

import numpy as np
import pytest

from waarmerk.bench.seeds import rng_for
from waarmerk.bench.transformations import text_characters as characters

TEXT = (
    "It was \"cold\" -- and 'dark'... in the room. Modern clocks ran well! Did Bill see Oslo?\n"
    "A new line, then. Another sentence of no great interest follows it.  Two spaces.\n"
) * 5
CHANGES = (
    characters.homoglyphs,
    characters.zero_width,
    characters.misread,
    characters.leave_out,
    characters.put_in,
    characters.swap,
    characters.mistype,
    characters.retype,
    characters.capitals,
    characters.small,
    characters.emphasised,
    characters.curly,
    characters.plain,
)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("text", ["", "a", "an", "rn", '"', " ", "\n", "a\u00e9\ufffd"])
@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_the_shortest_texts_are_taken(change: object, text: str, share: float) -> None:
    assert isinstance(change(text, share, rng_for("short")), str)  # type: ignore[operator]


@pytest.mark.parametrize("change", CHANGES)
def test_the_same_chance_makes_the_same_text(change: object) -> None:
    once, again = (change(TEXT, 0.1, rng_for("same")) for _ in range(2))  # type: ignore[operator]
    assert once == again


@pytest.mark.parametrize(
    "change",
    [
        characters.homoglyphs, characters.zero_width, characters.misread, characters.leave_out,
        characters.put_in, characters.swap, characters.mistype, characters.capitals,
        characters.small,
    ],
)  # fmt: skip
def test_a_share_of_nothing_changes_nothing(change: object) -> None:
    assert change(TEXT, 0, rng_for("none")) == TEXT  # type: ignore[operator]


@pytest.mark.parametrize("share", [0.02, 0.1])
def test_shares_are_what_they_say(share: float) -> None:
    wanted = round(share * len(TEXT))
    rng = rng_for("share", share)
    looks = characters.homoglyphs(TEXT, share, rng)
    differ = sum(one != two for one, two in zip(TEXT, looks, strict=True))
    assert differ == round(share * sum(letter.isalpha() for letter in TEXT))
    assert not any(one.isascii() for one, two in zip(looks, TEXT, strict=True) if one != two)
    hidden = characters.zero_width(TEXT, share, rng)
    assert len(hidden) == len(TEXT) + wanted
    assert re.sub("[\u200b-\u2060]", "", hidden) == TEXT
    assert len(characters.leave_out(TEXT, share, rng)) == len(TEXT) - wanted
    assert len(characters.put_in(TEXT, share, rng)) == len(TEXT) + wanted
    assert sorted(characters.swap(TEXT, share, rng)) == sorted(TEXT)


def test_every_look_alike_is_of_another_script() -> None:
    assert all(letter.isascii() and letter.isalpha() for letter in characters.HOMOGLYPHS)
    assert all("\u0370" <= other <= "\u04ff" for other in characters.HOMOGLYPHS.values())


def test_what_is_misread_looks_alike() -> None:
    assert characters.misread("modern", 1, np.random.default_rng(0)) != "modern"
    assert {characters.misread("rn", 0.5, rng_for(i)) for i in range(9)} == {"m"}
    assert {characters.misread("O", 1, rng_for(i)) for i in range(9)} == {"0"}
    assert {characters.misread("1", 1, rng_for(i)) for i in range(9)} == {"l"}


def test_slips_are_of_four_kinds() -> None:
    typed = {characters.mistype("say", 1 / 3, rng_for("slip", i)) for i in range(300)}
    assert {"asy", "sya"} & typed
    assert {"ssay", "saay", "sayy"} <= typed
    assert {"ay", "sy", "sa"} <= typed
    assert {"day", "sau"} <= typed
    assert characters.NEIGHBOURS["s"] == "qweadzxc"


def test_layout() -> None:
    rng = rng_for("layout")
    curly = characters.curly("\"It's...\" -- ('so')", 0, rng)
    assert curly == "“It’s…” – (‘so’)"
    assert characters.plain(curly + "\u00a0\n x ", 0, rng) == "\"It's...\" - ('so') x"
    lines = characters.wrapped(TEXT, 40).split("\n")
    assert max(map(len, lines)) <= 40
    assert "".join(characters.sentences(TEXT)) == TEXT
    listed = characters.emphasised("One two. Three!", 1, rng)
    assert listed == "- **One** **two**.\n- **Three**!\n"
    assert characters.capitals("one two", 0.5, rng) in ("ONE two", "one TWO")
    assert characters.small("ONE TWO", 1, rng) == "one two"
