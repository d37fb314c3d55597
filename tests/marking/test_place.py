"""Putting finished files in their place: all of them or none."""

import pytest

from waarmerk.errors import OutputError
from waarmerk.marking.place import publish, workshop


def made(shop, content):
    path = shop.new()
    path.write_bytes(content)
    return path


def content(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_two_files_appear_together(tmp_path):
    final, beside = tmp_path / "a", tmp_path / "a.c2pa"
    with workshop(final) as shop:
        publish(shop, [(made(shop, b"2"), beside), (made(shop, b"1"), final)], overwrite=False)
    assert content(tmp_path) == {"a": b"1", "a.c2pa": b"2"}


@pytest.mark.parametrize("taken", ["a", "a.c2pa"])
def test_what_somebody_else_made_meanwhile_stays_and_nothing_is_added(tmp_path, taken):
    final, beside = tmp_path / "a", tmp_path / "a.c2pa"
    (tmp_path / taken).write_bytes(b"theirs")
    with workshop(final) as shop, pytest.raises(OutputError, match="meanwhile"):
        publish(shop, [(made(shop, b"2"), beside), (made(shop, b"1"), final)], overwrite=False)
    assert content(tmp_path) == {taken: b"theirs"}


def test_both_are_replaced(tmp_path):
    final, beside = tmp_path / "a", tmp_path / "a.c2pa"
    final.write_bytes(b"old")
    beside.write_bytes(b"older")
    with workshop(final) as shop:
        publish(shop, [(made(shop, b"2"), beside), (made(shop, b"1"), final)], overwrite=True)
    assert content(tmp_path) == {"a": b"1", "a.c2pa": b"2"}


def test_the_first_comes_back_when_the_second_fails(tmp_path):
    final, beside = tmp_path / "a", tmp_path / "a.c2pa"
    final.mkdir()  # which no file can replace
    beside.write_bytes(b"older")
    with workshop(final) as shop, pytest.raises(OutputError):
        publish(shop, [(made(shop, b"2"), beside), (made(shop, b"1"), final)], overwrite=True)
    assert beside.read_bytes() == b"older"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "a.c2pa"]


def test_what_would_contradict_the_new_file_goes(tmp_path):
    final, stale = tmp_path / "a", tmp_path / "a.c2pa"
    stale.write_bytes(b"old")
    with workshop(final) as shop:
        publish(shop, [(made(shop, b"1"), final)], overwrite=True, stale=stale)
    assert content(tmp_path) == {"a": b"1"}
