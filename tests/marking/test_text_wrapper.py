"""The wrapper of a manifest in a text: byte for byte as others write it, and always found."""

import json
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waarmerk.errors import InputError
from waarmerk.marking.text_wrapper import (
    bytes_of,
    find_wrappers,
    length_of,
    nfc,
    strip_hidden,
    wrap,
    wrapper_of,
)

VECTORS = json.loads((Path(__file__).parents[1] / "data/text/c2pa_a8.json").read_text("utf-8"))
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff"), max_size=60)


def selectors(data: bytes) -> str:
    """The naive twin of the codec: one character a byte (C2PA 2.4, A.8.3.1)."""
    return "".join(chr(0xFE00 + b) if b < 16 else chr(0xE0100 + b - 16) for b in data)


@pytest.mark.parametrize("vector", VECTORS, ids=[v["name"] for v in VECTORS])
def test_the_vectors_of_the_standards_testfiles(vector):
    store = bytes.fromhex(vector["payload_hex"])
    length = vector["E_target"]
    assert wrapper_of(store).encode().hex() == vector["unpadded_utf8_hex"]
    assert length_of(len(store)) == length
    assert wrapper_of(store, length).encode().hex() == vector["padded_draft_utf8_hex"]
    text = vector["text"] + wrapper_of(store, length)
    (found,) = find_wrappers(text)
    assert (found.state, found.store, found.marked) == ("whole", store, True)
    start = len(text[: found.start].encode())
    run = len(text[found.start : found.run_end].encode())
    assert [store.hex(), start, run] == vector["c2pa_text3_find"]
    assert start == vector["exclusion_start_stored"]


@given(TEXTS, st.binary(max_size=80), TEXTS, st.booleans())
def test_what_is_wrapped_is_found_where_it_stands(before, store, after, padded):
    # A selector right behind the wrapper would be taken for padding of it.
    after = "|" + after
    wrapper = wrapper_of(store, length_of(len(store)) if padded else None)
    assert wrapper[: 14 + len(store)] == "\ufeff" + selectors(
        b"C2PATXT\0\x01" + len(store).to_bytes(4, "big") + store
    )
    text = before + wrapper + after
    (found,) = find_wrappers(text)
    assert found.store == store
    assert text[: found.start] == before
    assert text[found.run_end :] == after
    assert found.end == found.start + 14 + len(store)
    assert set(bytes_of(text[found.end : found.run_end])) <= {0x00, 0x10}
    assert strip_hidden(text) == before + after


@given(st.binary(max_size=60))
def test_every_gap_can_be_filled(store):
    assert len(wrapper_of(store, length_of(len(store))).encode()) == length_of(len(store))


def test_a_length_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="cannot be filled up"):
        wrapper_of(b"abc", 20)


def test_a_text_is_normalised_and_the_wrapper_is_left_alone():
    text = wrap("Cafe\u0301", b"\xff\x00\x0f\x10")
    assert text.startswith("Caf\u00e9\ufeff")
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        (found,) = find_wrappers(unicodedata.normalize(form, text))
        assert found.store == b"\xff\x00\x0f\x10"


def test_a_lost_marker_is_noticed():
    text = ("hello" + wrapper_of(b"store")).replace("\ufeff", "")
    (found,) = find_wrappers(text)
    assert (found.marked, found.state, found.start, found.store) == (False, "whole", 5, b"store")
    assert strip_hidden(text) == "hello"
    # The U+FEFF of what ends before is none of it.
    two = find_wrappers(wrapper_of(b"a") + wrapper_of(b"b") + wrapper_of(b"c")[1:])
    assert [(w.store, w.marked) for w in two] == [(b"a", True), (b"b", True), (b"c", False)]


@pytest.mark.parametrize(
    ("wrapper", "reason"),
    [
        (wrapper_of(b"store")[:9], "it is cut off"),
        (wrapper_of(b"store")[:13], "it is cut off"),
        (wrapper_of(b"store")[:-1], "4 of 5 bytes are left of it"),
        (wrapper_of(b"store")[:-2] + "x" + wrapper_of(b"store")[-1], "3 of 5 bytes"),
        (wrapper_of(b"")[:9] + selectors(b"\x02\0\0\0\0"), "its version 2 is not known"),
        (wrapper_of(b"")[:9] + selectors(b"\x01\xff\xff\xff\xff"), "0 of 4294967295 bytes"),
    ],
)
def test_what_is_corrupted_is_named(wrapper, reason):
    (found,) = find_wrappers("text" + wrapper)
    assert found.state == "corrupted"
    assert reason in (found.reason or "")
    assert found.store == b""


@pytest.mark.parametrize(
    "text", ["", "plain", "\ufeff", "\ufefftext", "\ufeff\ufe00", selectors(b"C2PATXT"), "❤️" * 9]
)
def test_what_is_none_is_not_found(text):
    assert find_wrappers(text) == []
    assert strip_hidden(text) == text


def test_several_and_one_in_the_middle():
    text = "a" + wrapper_of(b"one") + "b" + wrapper_of(b"two")[:-1] + "c" + wrapper_of(b"three")
    assert [w.state for w in find_wrappers(text)] == ["whole", "corrupted", "whole"]
    assert strip_hidden(text) == "abc"


def test_passages_that_overlap_are_left_out_once():
    text = "abc" + wrapper_of(b"x") + "defg"
    assert strip_hidden(text, [(1, 5), (2, 3), (len(text) - 1, len(text))]) == "adef"


@pytest.mark.parametrize(
    "text",
    [
        "\ufe00" * 2_500_000,
        wrapper_of(b"") * 50_000,
        wrapper_of(b"")[1:] * 50_000,
        selectors(b"C2PATXT\0") * 300_000,
        "\ufeff" * 3_000_000,
        ("\ufeff" + selectors(b"C2PATXT")) * 300_000,
        wrapper_of(bytes(100))[:-1] * 20_000,
    ],
    ids=["selectors", "empty", "unmarked", "magic", "markers", "nearly", "cut"],
)
def test_hostile_texts_take_no_longer_than_others(text):
    start = time.process_time()
    find_wrappers(text)
    strip_hidden(text)
    assert time.process_time() - start < 15


def test_piles_of_marks_are_refused_at_once():
    pile = "e" + "\u0315\u0300" * 500_000
    start = time.process_time()
    with pytest.raises(InputError, match="combining marks"):
        nfc("text " * 99 + pile)
    assert time.process_time() - start < 5
    zalgo = ("e" + "\u0315\u0300" * 40) * 100
    assert nfc(zalgo) == unicodedata.normalize("NFC", zalgo)
    assert nfc("\u0300" * 1000) == "\u0300" * 1000  # in order already
