"""A file from a stranger, read in places and within bounds.

Carriers seek through a file and read what they need: a video of gigabytes costs as much as a
picture. Sizes lie, so what is read, inflated and walked over is counted for a file as a whole; when
one of the counts is used up, reading stops with what was found by then.
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Final

__all__ = ["MOST_VALUE", "Budget", "Exhausted", "Source"]

MOST_VALUE: Final = 1 << 22
"""Bytes of one value: the largest workflow graphs have some hundred kilobytes."""

_MOST_BYTES = 1 << 26
_MOST_STEPS = 100_000


class Exhausted(Exception):  # noqa: N818 - it is no error: reading ends here
    """The bounds of a file are reached. It never leaves this package."""


@dataclass(slots=True)
class Budget:
    """What may still be spent on a file.

    Parameters
    ----------
    bytes_left
        To be read or inflated.
    steps_left
        Chunks, boxes, tags, elements to be looked at.
    """

    bytes_left: int = _MOST_BYTES
    steps_left: int = _MOST_STEPS


class Source:
    """A file, or a part of one that was taken out of it.

    Parameters
    ----------
    data
        The bytes, or a stream that can seek. Nothing in it is trusted.
    budget
        That of the file this is a part of; a new one if None.
    """

    __slots__ = ("_file", "budget", "size")

    def __init__(self, data: bytes | BinaryIO, budget: Budget | None = None) -> None:
        self._file: BinaryIO = io.BytesIO(data) if isinstance(data, bytes) else data
        self.budget = Budget() if budget is None else budget
        self.size = self._file.seek(0, io.SEEK_END)

    def part(self, data: bytes) -> Source:
        """Return what was read from here as a source that shares the bounds."""
        return Source(data, self.budget)

    def at(self, position: int, count: int) -> bytes:
        """Return `count` bytes from a position on, or as many as there are.

        Raises
        ------
        Exhausted
            If more has been read of the file than may be.
        """
        if not 0 <= position < self.size or count <= 0:
            return b""
        count = min(count, self.size - position)
        self._spend(count)
        self._file.seek(position)
        return self._file.read(count)

    def skim(self, position: int, count: int) -> bytes:
        """Return the same without counting it, to step over content; callers count steps."""
        if not 0 <= position < self.size:
            return b""
        self._file.seek(position)
        return self._file.read(min(count, self.size - position))

    def value(self, position: int, count: int) -> bytes:
        """Return the same; nothing if it is cut off or larger than a value may be."""
        if count > MOST_VALUE or position + count > self.size:
            return b""
        return self.at(position, count)

    def step(self, count: int = 1) -> None:
        """Count one more thing that is looked at, or one that takes as long as several.

        Raises
        ------
        Exhausted
            If there were too many.
        """
        self.budget.steps_left -= count
        if self.budget.steps_left < 0:
            raise Exhausted

    def inflate(self, data: bytes, window: int = zlib.MAX_WBITS) -> bytes:
        """Return what was compressed with zlib; nothing if it is damaged or too large.

        Parameters
        ----------
        data
            Compressed.
        window
            As :func:`zlib.decompressobj` takes it: 31 for gzip, -15 for bare Deflate.

        Raises
        ------
        Exhausted
            If more has been inflated than may be.
        """
        try:
            inflated = zlib.decompressobj(window).decompress(data, MOST_VALUE + 1)
        except zlib.error:
            return b""
        self._spend(len(inflated))
        return inflated if len(inflated) <= MOST_VALUE else b""

    def _spend(self, count: int) -> None:
        self.budget.bytes_left -= count
        if self.budget.bytes_left < 0:
            raise Exhausted
