"""Files of texts and token ids: what is read, and what is refused and why."""

import json

import numpy as np
import pytest

from waarmerk.detection.text.inputs import read_text, read_tokens
from waarmerk.errors import InputError

IDS = [5, 0, 70_000, 5]


def saved(path, value):
    if path.suffix == ".npy":
        np.save(path, value)
    elif path.suffix == ".json":
        path.write_text(json.dumps(np.asarray(value).tolist()))
    else:
        path.write_text(" ".join(map(str, value)))
    return path


@pytest.mark.parametrize("name", ["ids.npy", "ids.json", "ids.txt", "ids"])
def test_one_text_is_one_row(tmp_path, name):
    (row,) = read_tokens(saved(tmp_path / name, IDS))
    assert row.dtype == np.int64
    assert row.tolist() == IDS


@pytest.mark.parametrize("name", ["ids.npy", "ids.json"])
def test_many_texts_are_many_rows(tmp_path, name):
    rows = read_tokens(saved(tmp_path / name, [IDS, IDS[::-1]]))
    assert [row.tolist() for row in rows] == [IDS, IDS[::-1]]


def test_rows_of_json_may_differ_in_length(tmp_path):
    path = tmp_path / "ids.json"
    path.write_text("[[1, 2], [], [3]]")
    assert [row.tolist() for row in read_tokens(path)] == [[1, 2], [], [3]]


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.uint64, ">i4"])
def test_any_whole_numbers_will_do(tmp_path, dtype):
    ids = np.array([5, 0, 7000, 5], dtype)
    (row,) = read_tokens(saved(tmp_path / "ids.npy", ids))
    assert row.tolist() == ids.tolist()


@pytest.mark.parametrize("text", ["1,2 , 3", "1\n2\r\n3\n", "\t1 2\n\n 3"])
def test_numbers_in_a_text_are_set_apart_by_blanks_or_commas(tmp_path, text):
    path = tmp_path / "ids.txt"
    path.write_text(text)
    assert read_tokens(path)[0].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("an object.json", '{"ids": [1]}'),
        ("cut.json", "[1, 2"),
        ("deep.json", "[" * 100_000),
        ("no text.json", b"\xff[1]"),
        ("words.txt", "call me Ishmael"),
        ("real.txt", "1.0 2.0"),
        ("long.txt", "1" * 5000),
        ("accents.txt", "1 é"),
        ("text.npy", "1 2 3"),
        ("head only.npy", b"\x93NUMPY\x01\x00"),
    ],
)
def test_what_holds_no_ids_is_refused_by_name(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=rf"{name}: (holds no token ids|is no array)"):
        read_tokens(path)


@pytest.mark.parametrize(
    ("ids", "why"),
    [
        ([1.0, 2.0], "whole numbers, not float64"),
        ([True, False], "whole numbers, not bool"),
        ([1, -1], "hold -1"),
        ([1, 1 << 31], "outside of a vocabulary"),
        ([1, 10**30], "whole numbers, not object"),
        ([[1], 2], "one row"),
        ([1, [2]], "one row"),
        ([[[1]]], "one row"),
    ],
)
def test_numbers_that_are_no_ids_are_refused(tmp_path, ids, why):
    path = tmp_path / "ids.json"
    path.write_text(json.dumps(ids))
    with pytest.raises(InputError, match=rf"ids\.json: ids .*{why}"):
        read_tokens(path)


@pytest.mark.parametrize("array", [np.int64(3), np.zeros((2, 2, 2), np.int64)], ids=["0-D", "3-D"])
def test_arrays_of_other_shapes_are_refused(tmp_path, array):
    with pytest.raises(InputError, match="one row"):
        read_tokens(saved(tmp_path / "ids.npy", array))


def test_a_pickle_is_refused_and_not_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").touch, ())

    np.save(tmp_path / "ids.npy", np.array([Bomb()], object), allow_pickle=True)
    with pytest.raises(InputError, match="no array of numbers"):
        read_tokens(tmp_path / "ids.npy")
    assert not (tmp_path / "ran").exists()


def test_a_head_that_promises_too_much_is_refused(tmp_path):
    path = saved(tmp_path / "ids.npy", np.arange(300))
    head = path.read_bytes()
    for promise in (b"(301,), }", b"(300000000000000,), }"):
        path.write_bytes(head.replace(b"(300,), }".ljust(len(promise)), promise))
        with pytest.raises(InputError, match="no array of numbers"):
            read_tokens(path)


def test_several_arrays_in_one_file_are_refused(tmp_path):
    with (tmp_path / "ids.npy").open("wb") as file:
        np.savez(file, a=[1], b=[2])
    with pytest.raises(InputError, match="several arrays"):
        read_tokens(tmp_path / "ids.npy")


@pytest.mark.parametrize("read", [read_text, read_tokens])
def test_a_file_that_is_missing_empty_or_none_is_refused(tmp_path, read):
    (tmp_path / "empty.txt").touch()
    for path, why in (
        (tmp_path / "empty.txt", "0 bytes"),
        (tmp_path / "missing", "no such file"),
        (tmp_path, "a folder"),
        ("nu\0ll", "not a possible file name"),
    ):
        with pytest.raises(InputError, match=why):
            read(path)


def test_a_text_is_utf_8_with_or_without_a_byte_order_mark(tmp_path):
    path = tmp_path / "text.txt"
    for data in ("één\r\ntwee".encode(), "\ufefféén\r\ntwee".encode()):
        path.write_bytes(data)
        assert read_text(path) == "één\r\ntwee"
    path.write_bytes("één".encode("latin-1"))
    with pytest.raises(InputError, match=r"text\.txt: is no UTF-8 text \(byte 0\)"):
        read_text(path)
