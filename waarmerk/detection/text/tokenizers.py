"""Tokenizers: whatever turns text into the ids a model works with.

A mark is in the ids, so the text has to be cut exactly as the model that wrote it cut it. The
tokenizer of that model comes from the caller: an object with a method `encode`, or a file of one of
three common kinds (`load_tokenizer`)::

    tokenizer.json        tokenizers             extra `tokenizers`
    a folder              transformers           extra `hf`
    *.tiktoken            tiktoken               extra `tiktoken`
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

from waarmerk.errors import InputError
from waarmerk.marking.text.scheme import LARGEST_ID, Ids, checked_ids

__all__ = ["Tokens", "load_tokenizer", "tokenize"]

CL100K: Final = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|"
    r"\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
"""How tiktoken's cl100k_base cuts text before merging; the ranks in a .tiktoken file do not say."""


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """The ids of a text, and where each lies in it.

    Parameters
    ----------
    ids
        int64 [n].
    spans
        For every token the characters from which to which it reaches; None if the tokenizer does
        not tell.
    """

    ids: Ids
    spans: Sequence[tuple[int, int]] | None


def tokenize(text: str, tokenizer: Any) -> Tokens:
    """Cut a text into tokens, without any that mark its beginning or end.

    Parameters
    ----------
    text
        As it was received.
    tokenizer
        Anything with `encode`: of `tokenizers`, `transformers`, `tiktoken`, or your own.

    Raises
    ------
    InputError
        If there is no `encode`, or it does not return ids.
    """
    if isinstance(tokenizer, str) or not hasattr(tokenizer, "encode"):  # str.encode is another
        raise InputError(
            f"{tokenizer!r:.60} is no tokenizer, which has a method encode for text; give that of "
            "the model that may have written the text, or its file to load_tokenizer"
        )
    module = type(tokenizer).__module__.partition(".")[0]
    if module == "tiktoken":
        ids = tokenizer.encode_ordinary(text)
        _, starts = tokenizer.decode_with_offsets(ids)
        return Tokens(_ids(ids), list(zip(starts, [*starts[1:], len(text)], strict=True)))
    if module == "transformers" and getattr(tokenizer, "is_fast", False):
        out = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return Tokens(_ids(out["input_ids"]), out["offset_mapping"])
    if module in ("tokenizers", "transformers"):
        out = tokenizer.encode(text, add_special_tokens=False)
    else:
        out = tokenizer.encode(text)
    if hasattr(out, "ids"):  # an Encoding of `tokenizers`
        return Tokens(_ids(out.ids), getattr(out, "offsets", None))
    ids = _ids(out)
    return Tokens(ids, _spans(tokenizer, ids, text))


def _spans(tokenizer: Any, ids: Ids, text: str) -> list[tuple[int, int]] | None:
    """Find out where tokens lie by decoding them one by one, if that gives the text again."""
    if not hasattr(tokenizer, "decode"):
        return None
    pieces = [tokenizer.decode([i]) for i in ids.tolist()]
    if not all(isinstance(piece, str) for piece in pieces) or "".join(pieces) != text:
        return None
    ends = list(accumulate(map(len, pieces)))
    return list(zip([0, *ends], ends, strict=False))


def _ids(values: Any) -> Ids:
    return checked_ids(values, name="what the tokenizer returned")


def load_tokenizer(path: str | os.PathLike[str]) -> Any:
    """Load a tokenizer from a file or folder on this machine.

    Parameters
    ----------
    path
        ``tokenizer.json``, a folder of transformers, or ``*.tiktoken`` (with the pattern of
        cl100k_base; for another pattern make the `tiktoken.Encoding` yourself).

    Raises
    ------
    InputError
        If there is nothing there, it cannot be read, or the library for it is not installed.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: there is no such tokenizer file or folder")
    try:
        if path.is_dir():
            return _of_transformers(path)
        if path.suffix == ".tiktoken":
            return _tiktoken(path)
        from tokenizers import Tokenizer

        return Tokenizer.from_file(str(path))
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        remedy = f"needs the package {package}; install it with: pip install {package}"
        raise InputError(f"{path}: {remedy if package else _first_line(error)}") from error
    except Exception as error:  # the libraries raise whatever comes their way
        raise InputError(f"{path}: holds no tokenizer: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _of_transformers(path: Path) -> Any:
    from transformers import AutoTokenizer

    # No network, and no code out of the folder.
    tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    if not len(tokenizer.get_vocab()) > len(tokenizer.get_added_vocab()):
        # What comes of a folder that names a model and has no tokenizer beside it.
        raise ValueError("its vocabulary is empty; the files of the tokenizer are missing")
    return tokenizer


def _tiktoken(path: Path) -> Any:
    import base64

    import tiktoken

    ranks: dict[bytes, int] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line:
            continue
        token, _, rank = line.partition(b" ")
        try:
            ranks[base64.b64decode(token, validate=True)] = int(rank)
        except ValueError as error:
            raise ValueError(f"line {number} is not a token and its rank") from error
    # The library takes these for granted, and ends the process or panics where they do not hold.
    if any(bytes([value]) not in ranks for value in range(256)):
        raise ValueError("some of the 256 bytes have no rank; the file is damaged or cut off")
    if len(set(ranks.values())) < len(ranks) or min(ranks.values()) < 0:
        raise ValueError("two tokens have the same rank, or one is negative")
    if max(ranks.values()) > LARGEST_ID:
        raise ValueError(f"a rank is larger than {LARGEST_ID}")
    return tiktoken.Encoding(path.stem, pat_str=CL100K, mergeable_ranks=ranks, special_tokens={})
