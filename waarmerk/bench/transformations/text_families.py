"""The changes of text of the suite: families with a strength axis, in one table.

Edits of tokens stand in text, those of characters in text_characters; what needs the language model
or marked texts is here. A change of characters decodes the tokens and encodes the new text, which
changes a few tokens by itself: what a model writes is not always what its tokenizer makes of it.

Two things that the Code of Practice names are absent: **paraphrase** and **translation** and back.
They need a model that understands what it rewrites. `reworded` redraws tokens from a 4-gram model;
it damages a mark as a paraphrase of so many words does, but not the order of what is said.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from waarmerk.bench.content.text_model import ORDER, SETTINGS, Ids, Model
from waarmerk.bench.protocol import Category, Tools, Transformation
from waarmerk.bench.transformations import text as edits
from waarmerk.bench.transformations import text_characters as characters
from waarmerk.errors import InputError

if TYPE_CHECKING:
    from waarmerk.bench.content.generator import TextGenerator

__all__ = ["TEXT"]

Apply = Callable[[Ids, float, Tools], Ids]
Random = np.random.Generator

SETTING = SETTINGS["7b"]  # of what is rewritten: as marked texts are, so that nothing else differs
LIKELY = 10  # alternatives of a token in its context
BLOCK = 20  # tokens that are copied together


def generator_of(tools: Tools) -> TextGenerator:
    """Return what writes in place of this content."""
    if tools.content.generator is None:
        raise InputError(f"{tools.content.name}: text without a generator cannot be transformed")
    return tools.content.generator()


def edited(
    ids: Ids,
    strength: float,
    tools: Tools,
    *,
    change: Callable[..., edits.Edited],
    axis: str = "",
    scale: float = 1,
) -> Ids:
    """Call an edit of tokens, with `strength` as its argument `axis`; counts are whole."""
    named = {axis: round(strength) if axis == "tokens" else scale * strength} if axis else {}
    return change(ids, generator_of(tools).ground, tools.rng, **named).ids.copy()


def respelt(
    ids: Ids,
    percent: float,
    tools: Tools,
    *,
    change: Callable[[str, float, Random], str],
) -> Ids:
    """Call a change of characters on the decoded text."""
    model = generator_of(tools).model
    return model.encode(change(model.decode(ids), percent / 100, tools.rng))


def retokenised(ids: Ids, _strength: float, tools: Tools) -> Ids:
    """Copy the text and paste it somewhere else: the same characters, maybe other tokens."""
    model = generator_of(tools).model
    return model.encode(model.decode(ids))


def wrapped(ids: Ids, columns: float, tools: Tools) -> Ids:
    """Break lines after so many columns."""
    model = generator_of(tools).model
    return model.encode(characters.wrapped(model.decode(ids), columns))


# With the language model


def drawn(model: Model, context: Ids, rng: Random, *, top_k: int, without: int = -1) -> int:
    """Draw a token that is likely after a context; another one than `without`."""
    ids, scores = model.candidates(context[-ORDER:], SETTING.temperature, top_k)
    chances = np.where(ids == without, 0, np.exp(scores, dtype=np.float64))
    if chances.sum() <= 0:
        return without
    return int(ids[int(rng.choice(ids.size, p=chances / chances.sum()))])


def substituted_in_context(ids: Ids, percent: float, tools: Tools) -> Ids:
    """Put other tokens in place of some, each one that is likely after what stands before it."""
    model, new = generator_of(tools).model, ids.copy()
    for place in characters.some(ids.size, percent / 100, tools.rng):
        new[place] = drawn(model, new[:place], tools.rng, top_k=LIKELY, without=int(ids[place]))
    return new


def reworded(ids: Ids, percent: float, tools: Tools) -> Ids:
    """Redraw every token, in turn, with a probability; at 100 % the model writes a text anew.

    It may draw the same token, as a writer without alternatives does.
    """
    model, new = generator_of(tools).model, ids.copy()
    for place in np.flatnonzero(tools.rng.random(ids.size) < percent / 100):
        new[place] = drawn(model, new[:place], tools.rng, top_k=SETTING.top_k)
    return new


def rewritten(ids: Ids, percent: float, tools: Tools) -> Ids:
    """Let the model write one passage anew, without a mark."""
    model, new = generator_of(tools).model, ids.copy()
    for place in range(*passage(ids.size, percent, tools.rng)):
        new[place] = drawn(model, new[:place], tools.rng, top_k=SETTING.top_k)
    return new


def passage(size: int, percent: float, rng: Random) -> tuple[int, int]:
    """Draw first token and end of a passage that is `percent` of a text."""
    length = round(percent / 100 * size)
    start = int(rng.integers(size - length + 1))
    return start, start + length


# Other tokens, other order


def interrupted(ids: Ids, percent: float, tools: Tools) -> Ids:
    """Put human text into the middle, which then is `percent` of the text."""
    human = generator_of(tools).ground.human
    length = min(human.size, round(ids.size * percent / (100 - percent)))
    start = int(tools.rng.integers(human.size - length + 1))
    return np.insert(ids, ids.size // 2, human[start : start + length])


def excerpt(ids: Ids, tokens: float, tools: Tools) -> Ids:
    """Keep so many tokens from anywhere; a text that is shorter stays."""
    length = min(ids.size, round(tokens))
    start = int(tools.rng.integers(ids.size - length + 1))
    return ids[start : start + length].copy()


def shuffled_sentences(ids: Ids, percent: float, tools: Tools) -> Ids:
    """Put `percent` of the sentences in the place of another."""

    def shuffle(text: str, share: float, rng: Random) -> str:
        parts = characters.sentences(text)
        moved = characters.some(len(parts), share, rng)
        turned = dict(zip(moved, rng.permutation(moved).tolist(), strict=True))
        return "".join(parts[turned.get(place, place)] for place in range(len(parts)))

    return respelt(ids, percent, tools, change=shuffle)


# Several marked texts


def overwritten(ids: Ids, percent: float, tools: Tools) -> Ids:
    """Put a passage of a text under another key in the same place."""
    other = tools.other_key(ids)
    start, end = passage(ids.size, percent, tools.rng)
    return np.concatenate([ids[:start], other[start:end], ids[end:]])


def spliced(ids: Ids, copies: float, tools: Tools) -> Ids:
    """Take blocks of 20 tokens in turn from `copies` texts with payloads of their own."""
    texts = [ids, *tools.copies(round(copies) - 1)]
    blocks = []
    for number in count():
        block = texts[number % len(texts)][number * BLOCK : (number + 1) * BLOCK]
        if not block.size:
            break
        blocks.append(block)
    return np.concatenate(blocks) if blocks else ids.copy()


# The table


def _token(change: Callable[..., edits.Edited], axis: str = "", scale: float = 1) -> Apply:
    return partial(edited, change=change, axis=axis, scale=scale)


def _character(change: Callable[[str, float, Random], str]) -> Apply:
    return partial(respelt, change=change)


Strengths = tuple[float, ...]
Row = tuple[str, str, str, Strengths, Strengths, Any]

_SHARES = (5, 10, 20, 30, 50, 70)  # % of the tokens
_SLIGHT = (0.5, 1, 2, 5, 10, 20)  # % of the characters
_PARTS = (10, 25, 50, 75, 90)  # % of the text
_CHARACTERS, _TOKENS = "% of the characters", "% of the tokens"
_NO_AXIS: tuple[str, Strengths] = ("", (0,))

# Name, title, axis, strengths, those of the quick profile, and what is done.
_ROWS: dict[Category, list[Row]] = {
    "none": [("none", "untouched", *_NO_AXIS, (0,), _token(edits.keep))],
    "in place": [
        ("retokenised", "copied and pasted as characters", *_NO_AXIS, (0,), retokenised),
        (
            "substitution", "other tokens by their frequency", _TOKENS, _SHARES, (20,),
            _token(edits.substitute, "share", 0.01),
        ),
        (
            "substitution_in_context", "other tokens that are likely in their context", _TOKENS,
            _SHARES, (20,), substituted_in_context,
        ),
        (
            "homoglyphs", "letters of other scripts", "% of the letters", (*_SLIGHT, 50), (2,),
            _character(characters.homoglyphs),
        ),
        (
            "capitals", "words in capitals", "% of the words", _PARTS, (),
            _character(characters.capitals),
        ),
        (
            "small_letters", "words in small letters", "% of the words", (*_PARTS, 100), (),
            _character(characters.small),
        ),
        ("curly_quotes", "typographic quotes and dashes", *_NO_AXIS, (),
         _character(characters.curly)),
        ("plain_quotes", "straight quotes, single spaces", *_NO_AXIS, (0,),
         _character(characters.plain)),
        ("line_wrap", "lines broken", "columns", (120, 80, 60, 40, 20), (), wrapped),
        (
            "markdown", "list of sentences with bold words", "% of the words", (0, 5, 10, 25, 50),
            (), _character(characters.emphasised),
        ),
    ],
    "localised": [
        ("rewritten", "a passage written anew", "% of the text", _PARTS, (25,), rewritten),
        ("interrupted", "a human passage in the middle", "% of the text", _PARTS, (), interrupted),
    ],
    "desynchronisation": [
        ("deletion", "tokens left out", _TOKENS, _SHARES, (20,),
         _token(edits.delete, "share", 0.01)),
        ("insertion", "tokens put in", _TOKENS, (*_SHARES, 100), (),
         _token(edits.insert, "share", 0.01)),
        ("characters_left_out", "characters left out", _CHARACTERS, _SLIGHT, (),
         _character(characters.leave_out)),
        ("characters_put_in", "characters put in", _CHARACTERS, _SLIGHT, (),
         _character(characters.put_in)),
        ("characters_swapped", "characters swapped", _CHARACTERS, _SLIGHT, (2,),
         _character(characters.swap)),
        ("beginning_cut", "beginning cut off", "tokens", (1, 4, 20, 100, 200, 300), (),
         _token(edits.cut, "tokens")),
        ("excerpt", "excerpt", "tokens kept", (300, 200, 100, 50, 25), (100,), excerpt),
        ("sentences_shuffled", "sentences in another order", "% of the sentences",
         (10, 25, 50, 100), (), shuffled_sentences),
        ("blocks_shuffled", "blocks in another order", "tokens", (100, 50, 20, 10, 5, 2), (20,),
         _token(edits.shuffle, "tokens")),
        (
            "dilution", "put into human text", "% of the text that is marked",
            (75, 50, 25, 10, 5), (25,), _token(edits.dilute, "share", 0.01),
        ),
    ],
    "analogue hole": [
        (
            "misread", "printed and recognised with errors", _CHARACTERS, (*_SLIGHT[:-1], 15),
            (2,), _character(characters.misread),
        ),
        (
            "retyped", "typed anew with slips", _CHARACTERS, (0, *_SLIGHT), (),
            _character(characters.retype),
        ),
    ],
    "malicious": [
        ("reworded", "tokens redrawn by a language model", _TOKENS, (5, 10, 25, 50, 75, 100),
         (25,), reworded),
        ("overwriting", "a passage of a text under another key", "% of the text", _PARTS, (25,),
         overwritten),
        ("spliced_copies", "blocks of copies with other payloads", "copies", (2, 3, 5, 8), (2,),
         spliced),
        ("zero_width", "invisible characters", _CHARACTERS, (*_SLIGHT, 50), (),
         _character(characters.zero_width)),
    ],
}  # fmt: skip

TEXT: tuple[Transformation, ...] = tuple(
    Transformation(
        name,
        "text",
        category,
        title,
        axis,
        tuple(map(float, strengths)),
        function,
        quick=tuple(map(float, quick)),
    )
    for category, rows in _ROWS.items()
    for name, title, axis, strengths, quick, function in rows
)
