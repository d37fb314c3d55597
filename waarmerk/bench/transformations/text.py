"""What may happen to a marked text before somebody looks at it, in tokens.

``EDITS`` maps a name to a function of (text, ground, rng) that returns an `Edited`: the new text,
and where the marked passage lies in it, if it was put among human text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from waarmerk.bench.content.text_model import Ids

Random = np.random.Generator


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What edits take their tokens from.

    Parameters
    ----------
    unigrams
        float64 [V]: the frequencies of tokens in the tuning half.
    human
        int64 [n]: human text that the marked passage is put into.
    """

    unigrams: np.ndarray
    human: Ids

    def draw(self, count: int, rng: Random) -> Ids:
        """Draw tokens by their frequencies."""
        return rng.choice(self.unigrams.size, count, p=self.unigrams)


@dataclass(frozen=True, slots=True, eq=False)
class Edited:
    """A text, and from which token to before which the mark was put in (None: everywhere)."""

    ids: Ids
    marked: tuple[int, int] | None = None


def keep(text: Ids, ground: Ground, rng: Random) -> Edited:
    """Change nothing."""
    return Edited(text)


def delete(text: Ids, ground: Ground, rng: Random, *, share: float) -> Edited:
    """Leave out tokens here and there."""
    gone = rng.choice(text.size, round(share * text.size), replace=False)
    return Edited(np.delete(text, gone))


def substitute(text: Ids, ground: Ground, rng: Random, *, share: float) -> Edited:
    """Put other tokens in place of some, drawn by their frequencies."""
    at = rng.choice(text.size, round(share * text.size), replace=False)
    new = text.copy()
    while at.size:
        new[at] = ground.draw(at.size, rng)
        at = at[new[at] == text[at]]
    return Edited(new)


def insert(text: Ids, ground: Ground, rng: Random, *, share: float) -> Edited:
    """Put tokens between others, drawn by their frequencies."""
    count = round(share * text.size)
    at = rng.integers(0, text.size + 1, count)
    return Edited(np.insert(text, at, ground.draw(count, rng)))


def dilute(text: Ids, ground: Ground, rng: Random, *, share: float) -> Edited:
    """Put the text as one passage into human text, of which it then is this share."""
    around = round(text.size / share) - text.size
    if ground.human.size < around:
        raise ValueError(f"{ground.human.size} human tokens are not the {around} it takes")
    start = int(rng.integers(0, ground.human.size - around + 1))
    human = ground.human[start : start + around]
    at = int(rng.integers(0, around + 1))
    return Edited(np.concatenate([human[:at], text, human[at:]]), (at, at + text.size))


def cut(text: Ids, ground: Ground, rng: Random, *, tokens: int) -> Edited:
    """Cut off the beginning."""
    return Edited(text[tokens:])


def shuffle(text: Ids, ground: Ground, rng: Random, *, tokens: int) -> Edited:
    """Put blocks of so many tokens, as long as a paragraph, in another order."""
    blocks = np.split(text, range(tokens, text.size, tokens))
    return Edited(np.concatenate([blocks[i] for i in rng.permutation(len(blocks))]))


EDITS: dict[str, Callable[[Ids, Ground, Random], Edited]] = {
    "none": keep,
    "delete 10 %": partial(delete, share=0.1),
    "delete 20 %": partial(delete, share=0.2),
    "delete 30 %": partial(delete, share=0.3),
    "substitute 10 %": partial(substitute, share=0.1),
    "substitute 20 %": partial(substitute, share=0.2),
    "substitute 30 %": partial(substitute, share=0.3),
    "insert 10 %": partial(insert, share=0.1),
    "first 4 tokens cut": partial(cut, tokens=4),
    "blocks of 50 shuffled": partial(shuffle, tokens=50),
    "50 % of a human text": partial(dilute, share=0.5),
    "25 % of a human text": partial(dilute, share=0.25),
}


def overlap(passages: list[tuple[int, int]], marked: tuple[int, int]) -> float:
    """Return the tokens in both, divided by those in either.

    >>> overlap([(0, 50), (60, 120)], (40, 100))
    0.4166666666666667
    """
    inside = sum(max(0, min(end, marked[1]) - max(start, marked[0])) for start, end in passages)
    union = sum(end - start for start, end in passages) + marked[1] - marked[0] - inside
    return inside / union
