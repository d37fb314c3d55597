"""Patterns of names, as shells know them, for those that no shell expanded.

``*``, ``?`` and ``[a-z]`` stand for what is in one part of a name, ``**`` for any number of
folders. What begins with a full stop is only matched where the pattern says so. A folder that
matches stands for all that is in it.

A pattern is matched part by part on the way down, so that no folder is listed twice and none that
cannot match::

    pattern   a / ** / b* / c.jpg        states = how many parts of the pattern are matched
    name      a / x  / bb / c.jpg        {0} ─a▶ {1} ─x▶ {1} ─bb▶ {1,2} ─c.jpg▶ {1,3} = end
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from typing import Final

__all__ = ["Glob", "has_magic"]

_MAGIC: Final = re.compile(r"[*?[]")


def has_magic(name: str) -> bool:
    """Return whether a name could be a pattern."""
    return _MAGIC.search(name) is not None


@dataclass(frozen=True)
class Glob:
    """A pattern.

    Attributes
    ----------
    base
        The name of the folder that it begins in, with a slash at its end; empty for the current
        one.
    parts
        Below that, the parts of the pattern; None for ``**``.
    folders_only
        Whether it ended in a slash.
    """

    base: str
    parts: tuple[re.Pattern[str] | None, ...]
    folders_only: bool = False

    @classmethod
    def of(cls, pattern: str, keep: int = 0) -> Glob:
        """Read a pattern; of its first `keep` characters none means anything special."""
        magic = _MAGIC.search(pattern, keep)
        begin = pattern.rfind("/", 0, magic.start() if magic else len(pattern)) + 1
        texts = [text for text in pattern[begin:].split("/") if text]
        if texts and texts[-1] == "**":
            texts.append("*")
        parts = tuple(None if text == "**" else _part(text) for text in texts)
        return cls(pattern[:begin], parts, pattern.endswith("/"))

    def start(self) -> frozenset[int]:
        """Return the states in which the base is entered."""
        return self._closed({0})

    def step(self, states: frozenset[int], name: str) -> frozenset[int]:
        """Return the states behind one more part of a name."""
        out = set()
        for state in states:
            if state == len(self.parts):
                continue
            part = self.parts[state]
            if part is None:
                if not name.startswith("."):
                    out.add(state)
            elif part.match(name):
                out.add(state + 1)
        return self._closed(out)

    def is_end(self, states: frozenset[int]) -> bool:
        """Return whether the whole pattern was matched."""
        return len(self.parts) in states

    def covers(self, name: str) -> bool:
        """Return whether a file is found by the pattern: itself, or a folder that it is in."""
        if not name.startswith(self.base):
            return False
        states = self.start()
        parts = name[len(self.base) :].split("/")
        for place, part in enumerate(parts, 1):
            states = self.step(states, part)
            if self.is_end(states):
                return not (self.folders_only and place == len(parts))
        return False

    def _closed(self, states: set[int]) -> frozenset[int]:
        """Return states with those that follow because ``**`` may stand for no folder at all."""
        for state in sorted(states):
            following = state
            while following < len(self.parts) and self.parts[following] is None:
                following += 1
                states.add(following)
        return frozenset(states)


def _part(text: str) -> re.Pattern[str]:
    hidden = "" if text.startswith(".") else r"(?!\.)"
    return re.compile(hidden + fnmatch.translate(text))
