"""Hidden characters: named and counted where they have no business, and nowhere else."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waarmerk.detection.hidden import HIDDEN, Place, find_hidden, hidden_finding, without_hidden
from waarmerk.marking.text_wrapper import find_wrappers, wrapper_of

TAGS = "".join(chr(0xE0000 + ord(c)) for c in "tell nobody")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("one\u200b\u200c\u200btwo", Place("zero-width", 3, 3)),
        ("one\u200b\u2063\u200btwo", Place("mixed", 3, 3)),
        (f"plain{TAGS}", Place("tag", 5, len(TAGS))),
        (f"🏴{TAGS}", Place("tag", 1, len(TAGS))),
        ("a\U000e0041", Place("tag", 1, 1)),
        ("a\ufe00b", Place("selector", 1, 1)),
        (" \ufe0f", Place("selector", 1, 1)),
        ("❤\ufe0f\U000e0155\U000e0156", Place("selector", 2, 2)),
        ("x\U000e0155\U000e0156", Place("selector", 1, 2)),
        ("x\u2062\u2063\u2064", Place("operator", 1, 3)),
        ("x\u200e\u200f\u200e", Place("direction", 1, 3)),
        ("שלום\u200e\u200f\u200e\u200f", Place("direction", 4, 4)),
        ("x\u3164\u3164", Place("filler", 1, 2)),
        ("x\u00ad\u00ad", Place("soft-hyphen", 1, 2)),
        ("x\ufff9y", Place("control", 1, 1)),
        ("x\U000e0fff", Place("control", 1, 1)),
        ("\ufeff\ufeff\u200bx", Place("zero-width", 1, 2)),
    ],
)
def test_what_has_no_business_there(text, place):
    hidden = find_hidden(text)
    assert hidden.places == [place]
    assert hidden.total == 1
    assert sum(hidden.counts.values()) == place.length
    end = place.start + place.length
    assert without_hidden(text) == text[: place.start] + text[end:]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "👨‍👩‍👧 ❤️‍🔥 1️⃣ #️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🏳️‍🌈 👩🏽‍💻 🧑🏻‍❤️‍💋‍🧑🏼 ‼️ ℹ️ Ⓜ️ ©️",
        "می‌خواهم کتاب‌ها را",
        "क्‍ष क्‌ष",
        "ක්‍රි",
        "葛󠄀城市 芦󠄁屋",
        "ภาษา\u200bไทย",
        "ភាសា\u200bខ្មែរ",
        "\ufeffa byte-order mark",
        "soft\u00adhy\u00adphens " * 20,
        "שלום \u200fabc\u200e " * 20,
        "ᠮᠣᠩᠭ᠋ᠣᠯ ᠨᠡᠷ᠎ᠡ",
        "가ᅟᅡ",
        "\U0001d49c\ufe00",
    ],
)
def test_ordinary_uses_are_none(text):
    assert find_hidden(text).total == 0
    assert without_hidden(text) == text


def test_one_by_one_they_count_from_eight_on():
    assert find_hidden("a\u200bb" * 7).total == 0
    hidden = find_hidden("a\u200bb\u2060" * 4)
    assert hidden.total == 8
    assert hidden.counts == {"zero-width": 8}
    assert str(hidden) == "zero-width 8; at 1, 3, 5, 7, 9 and 3 more places"
    assert without_hidden("a\u200bb") == "ab"


def test_both_sorts_are_counted_together_and_in_order():
    text = "a\u2063" * 9 + f"b{TAGS}" + "c"
    hidden = find_hidden(text)
    assert hidden.counts == {"tag": len(TAGS), "operator": 9}
    assert [place.start for place in hidden.places] == [*range(1, 18, 2), 19]


def test_a_wrapper_is_accounted_for():
    text = "text\u200b\u200b" + wrapper_of(b"store") + TAGS
    known = [(w.start, w.run_end) for w in find_wrappers(text)]
    hidden = find_hidden(text, known)
    assert hidden.counts == {"zero-width": 2, "tag": len(TAGS)}
    assert without_hidden(text) == "text"
    assert find_hidden(text).counts["selector"] == 18


def test_the_finding_names_them_and_claims_nothing():
    found = hidden_finding(f"x{TAGS}")
    assert found.as_dict() == {
        "layer": "label",
        "status": "found",
        "standard": HIDDEN,
        "value": f"tag {len(TAGS)}; at 1",
    }
    assert hidden_finding("x").as_dict() == {
        "layer": "label",
        "status": "not_found",
        "standard": HIDDEN,
        "value": None,
    }


@given(st.text(alphabet="ab \u200b\u200c\u200d\ufe0f\U000e0041❤🏴\u06cc\u00ad\u200e\u05d0\ufeff1"))
def test_what_is_left_has_nothing_surely_hidden_that_was_removed(text):
    hidden = find_hidden(text)
    assert sum(hidden.counts.values()) == sum(place.length for place in hidden.places)
    for place in hidden.places:
        assert 0 <= place.start < place.start + place.length <= len(text)
    left = without_hidden(text)
    assert len(left) <= len(text) - sum(hidden.counts.values())
    assert [c for c in left if c in "ab ❤🏴1"] == [c for c in text if c in "ab ❤🏴1"]


@pytest.mark.parametrize(
    "text",
    [
        "\ufe00" * 2_500_000,
        "a\u200b" * 500_000,
        TAGS * 200_000,
        "❤️‍🔥" * 200_000,
        "\u200b\ufeff" * 10**6,
    ],
    ids=["selectors", "alone", "tags", "emoji", "mixed"],
)
def test_hostile_texts_take_no_longer_than_others(text):
    start = time.process_time()
    find_hidden(text)
    assert time.process_time() - start < 15
