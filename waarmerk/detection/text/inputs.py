"""Files that hold texts or token ids, for the command line."""

from __future__ import annotations

import json
import os
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from waarmerk.errors import InputError
from waarmerk.marking.formats import shown
from waarmerk.marking.source import open_source
from waarmerk.marking.text.scheme import Ids, checked_ids

__all__ = ["read_text", "read_tokens"]

_MOST_BYTES = 1 << 30


def read_text(path: str | os.PathLike[str]) -> str:
    """Return the text of a UTF-8 file.

    Raises
    ------
    InputError
        If it cannot be read, is empty, or is no UTF-8.
    """
    name = shown(os.fspath(path))
    with open_source(path, _MOST_BYTES) as file:
        data = file.read()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name}: is no UTF-8 text (byte {error.start}); convert it, or give its tokens"
        ) from error


def read_tokens(path: str | os.PathLike[str]) -> list[Ids]:
    """Return the token ids in a file, one array for each text.

    A .npy holds whole numbers, [n] for one text or [texts, n]; a .json a list of numbers or of such
    lists; any other file numbers with blanks or commas between them.

    Raises
    ------
    InputError
        If it cannot be read or holds anything else.
    """
    name = shown(os.fspath(path))
    with open_source(path, _MOST_BYTES) as file:
        if name.endswith(".npy"):
            values: Any = _array(file, name)
        else:
            values = _numbers(file.read(), name)
    if isinstance(values, list) and values and isinstance(values[0], list):
        rows = values
    elif isinstance(values, np.ndarray) and values.ndim == 2:
        rows = list(values)
    else:
        rows = [values]
    return [checked_ids(row, name=f"{name}: ids") for row in rows]


def _array(file: BinaryIO, name: str) -> NDArray[Any]:
    try:
        # Never with pickles: they run code.
        values = np.load(file, allow_pickle=False)
    except (ValueError, EOFError, OSError, MemoryError) as error:
        # A damaged head may promise more numbers than any memory holds.
        raise InputError(f"{name}: is no array of numbers in NumPy's format") from error
    if not isinstance(values, np.ndarray):
        raise InputError(f"{name}: holds several arrays (.npz); give each as a .npy of its own")
    return values


def _numbers(data: bytes, name: str) -> Any:
    try:
        if name.endswith(".json"):
            values = json.loads(data)
            if not isinstance(values, list):
                raise ValueError("not a list")
            return values
        return [int(word) for word in data.decode("ascii").replace(",", " ").split()]
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{name}: holds no token ids: they are whole numbers, in JSON as a list or with blanks "
            "between them"
        ) from error
