"""Copying open files in pieces, with a few bytes changed on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from waarmerk.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["copied", "length_of", "with_changes", "zeroed"]

PIECE = 1 << 20


def length_of(file: BinaryIO) -> int:
    """Return how many bytes a file has; it stands at its beginning afterwards."""
    length = file.seek(0, 2)
    file.seek(0)
    return length


def copied(source: BinaryIO, destination: BinaryIO, start: int, end: int) -> None:
    """Copy the bytes between two places.

    Raises
    ------
    OutputError
        If there are fewer.
    """
    source.seek(start)
    left = end - start
    while left > 0:
        piece = source.read(min(PIECE, left))
        if not piece:
            raise OutputError("it got shorter while it was read")
        destination.write(piece)
        left -= len(piece)


def zeroed(destination: BinaryIO, size: int) -> None:
    """Write so many zeros."""
    while size > 0:
        destination.write(bytes(min(PIECE, size)))
        size -= PIECE


def with_changes(
    source: BinaryIO, destination: BinaryIO, length: int, changes: Mapping[int, bytes | int]
) -> None:
    """Copy a file of some length with other bytes at some places, none of them overlapping.

    Parameters
    ----------
    source, destination
        Open files.
    length
        How much is copied.
    changes
        What stands at a place: bytes, or a number of zeros.
    """
    at = 0
    for place in sorted(changes):
        new = changes[place]
        copied(source, destination, at, place)
        if isinstance(new, int):
            zeroed(destination, new)
            at = place + new
        else:
            destination.write(new)
            at = place + len(new)
    copied(source, destination, at, length)
