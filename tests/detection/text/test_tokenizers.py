"""Tokenizers of callers and of files: ids without additions, where they lie, and bad files."""

import base64
import json
import sys

import numpy as np
import pytest

from waarmerk.detection.text.tokenizers import CL100K, load_tokenizer, tokenize
from waarmerk.errors import InputError

TEXT = "the whale, the white whale"
BYTES = [(bytes([value]), value) for value in range(256)]


def ranks(path, tokens, more=b""):
    """Write a .tiktoken file."""
    lines = [base64.b64encode(token) + b" %d\n" % rank for token, rank in tokens]
    path.write_bytes(b"".join(lines) + more)
    return path


def cut(tokens, text=TEXT):
    return [text[start:end] for start, end in tokens.spans]


class Words:
    """A tokenizer that somebody wrote himself."""

    def __init__(self, answer=None):
        self.answer = answer

    def encode(self, text):
        return [len(word) for word in text.split()] if self.answer is None else self.answer


# Of callers


def test_anything_with_encode_is_a_tokenizer():
    tokens = tokenize(TEXT, Words())
    assert tokens.ids.dtype == np.int64
    assert tokens.ids.tolist() == [3, 6, 3, 5, 5]
    assert tokens.spans is None


@pytest.mark.parametrize("stranger", [None, "tokenizer.json", len])
def test_what_has_no_encode_is_refused(stranger):
    with pytest.raises(InputError, match="is no tokenizer"):
        tokenize(TEXT, stranger)


@pytest.mark.parametrize("answer", [["the"], [0.5], [-1], "text", {}, [[1]]])
def test_what_encode_gives_has_to_be_ids(answer):
    with pytest.raises(InputError, match="what the tokenizer returned"):
        tokenize(TEXT, Words(answer))


# Of files


def made(folder):
    """Write a tokenizer.json that adds a token to the beginning of every text."""
    tokenizers = pytest.importorskip("tokenizers")
    words = {"<s>": 0, "[UNK]": 1, "the": 2, "whale": 3, "white": 4, ",": 5}
    model = tokenizers.models.WordLevel(words, unk_token="[UNK]")  # noqa: S106 - no password
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 0)]
    )
    path = folder / "tokenizer.json"
    tokenizer.save(str(path))
    assert tokenizer.encode("the").ids == [0, 2]
    return path


def test_tokenizer_json_is_read(tmp_path):
    tokens = tokenize(TEXT, load_tokenizer(made(tmp_path)))
    assert tokens.ids.tolist() == [2, 3, 5, 2, 4, 3]
    assert cut(tokens) == ["the", "whale", ",", "the", "white", "whale"]


@pytest.mark.parametrize("content", ["", "{}", "[1]", "no JSON"])
def test_a_json_that_is_no_tokenizer_is_refused(tmp_path, content):
    pytest.importorskip("tokenizers")
    path = tmp_path / "tokenizer.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"tokenizer\.json: holds no tokenizer: \S"):
        load_tokenizer(path)


def test_a_folder_of_transformers_is_read(tmp_path):
    pytest.importorskip("transformers")
    made(tmp_path)
    config = {"tokenizer_class": "PreTrainedTokenizerFast"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    tokens = tokenize(TEXT, load_tokenizer(tmp_path))
    assert tokens.ids.tolist() == [2, 3, 5, 2, 4, 3]
    assert cut(tokens) == ["the", "whale", ",", "the", "white", "whale"]


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    pytest.importorskip("transformers")
    with pytest.raises(InputError, match="holds no tokenizer"):
        load_tokenizer(tmp_path)
    # From its type alone a tokenizer of no words is made, which would find nothing anywhere.
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(InputError, match="its vocabulary is empty"):
        load_tokenizer(tmp_path)


def test_ranks_of_tiktoken_are_read(tmp_path):
    pytest.importorskip("tiktoken")
    merged = [*BYTES, (b"wh", 256), (b" wh", 257), (b"he", 258), (b"the", 259)]
    tokenizer = load_tokenizer(ranks(tmp_path / "small.tiktoken", merged))
    tokens = tokenize("the whale", tokenizer)
    assert tokens.ids.tolist() == [259, 257, *b"ale"]
    assert cut(tokens, "the whale") == ["the", " wh", "a", "l", "e"]
    # Control words are text like any other, and characters of several bytes are in their place.
    text = "é<|endoftext|>"
    tokens = tokenize(text, tokenizer)
    assert tokens.ids.tolist() == list(text.encode())
    assert cut(tokens, text)[2:] == list("<|endoftext|>")


@pytest.mark.parametrize(
    ("tokens", "more", "why"),
    [
        (BYTES[:200], b"", "some of the 256 bytes"),
        ([], b"", "some of the 256 bytes"),
        ([*BYTES, (b"wh", 7)], b"", "the same rank"),
        ([*BYTES, (b"wh", -7)], b"", "negative"),
        ([*BYTES, (b"wh", 1 << 40)], b"", "a rank is larger"),
        (BYTES, b"d2g=\n", "line 257 is not a token and its rank"),
        (BYTES, b"\n!? 256\n", "line 258 is not a token and its rank"),
    ],
)
def test_damaged_ranks_are_refused(tmp_path, tokens, more, why):
    pytest.importorskip("tiktoken")
    path = ranks(tmp_path / "bad.tiktoken", tokens, more)
    with pytest.raises(InputError, match=rf"bad\.tiktoken: holds no tokenizer: .*{why}"):
        load_tokenizer(path)


def test_text_is_cut_as_by_cl100k_base(monkeypatch):
    """The pattern is that of the package, whose ranks are not shipped with it."""
    public = pytest.importorskip("tiktoken_ext.openai_public")
    monkeypatch.setattr(public, "load_tiktoken_bpe", lambda *_args, **_kwargs: {})
    assert public.cl100k_base()["pat_str"] == CL100K


def test_a_path_where_nothing_is_is_refused(tmp_path):
    with pytest.raises(InputError, match="there is no such tokenizer"):
        load_tokenizer(tmp_path / "tokenizer.json")


@pytest.mark.parametrize(
    ("name", "package"),
    [("t.json", "tokenizers"), ("t.tiktoken", "tiktoken"), ("", "transformers")],
)
def test_a_missing_library_is_named(tmp_path, monkeypatch, name, package):
    monkeypatch.setitem(sys.modules, package, None)
    if name:
        (tmp_path / name).write_text("{}")
    with pytest.raises(InputError, match=rf"pip install {package}"):
        load_tokenizer(tmp_path / name)
