"""What the commands say, and where: results on stdout, all else on stderr, in one line."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "FAILED",
    "FOUND",
    "NONE_FOUND",
    "PipeClosedError",
    "complain",
    "in_words",
    "print_json",
    "print_line",
    "say",
    "shown",
    "width",
]


FOUND, NONE_FOUND, FAILED = 0, 1, 2
"""Exit statuses; 0 is also that of a command that was done."""


class PipeClosedError(Exception):
    """Whoever read our output has gone."""


def in_words(error: BaseException) -> str:
    """Return what went wrong, for one line."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, MemoryError):
        return "out of memory"
    return str(error)


def complain(message: str) -> None:
    """Say what is wrong in one line on stderr, whatever characters a file name holds."""
    say(f"waarmerk: {shown(message)}")


def say(message: str) -> None:
    """Print to stderr."""
    try:
        click.echo(message, err=True)
    except BrokenPipeError:
        raise PipeClosedError from None


def print_line(text: str) -> None:
    """Print to stdout."""
    try:
        click.echo(text)
    except BrokenPipeError:
        # Or Python would complain once more when it flushes stdout at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise PipeClosedError from None


def print_json(value: dict[str, Any]) -> None:
    """Print one line of JSON to stdout."""
    import json

    print_line(json.dumps(value, allow_nan=False))


def shown(text: str | Path) -> str:
    """Return text that is safe to print in one line."""
    from waarmerk.detection.summary import printable

    return printable(str(text))


def width() -> int:
    """Return how wide lines may be."""
    return min(shutil.get_terminal_size().columns, 100)
