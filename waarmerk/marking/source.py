"""Reading input files: which of them are refused unread, and what the others are.

What a file is, its content tells (:mod:`waarmerk.marking.sniff`).
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from waarmerk.errors import InputError
from waarmerk.marking.formats import Format, shown
from waarmerk.marking.sniff import HEAD, not_text, sniff, tag_length

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "HEAD",
    "MAX_BYTES",
    "MAX_FILE_BYTES",
    "MAX_SOUND_BYTES",
    "MAX_TEXT_BYTES",
    "decoded",
    "identify",
    "limit_of",
    "not_text",
    "open_source",
    "read_source",
    "refuse_size",
    "sniff",
    "tag_length",
    "unchanged_since",
]

MAX_BYTES = 1 << 30
"""Larger pictures are refused unread: none of MAX_PIXELS needs more than 0.8 GB."""

MAX_SOUND_BYTES = 1 << 32
"""Larger sounds are refused unread: it is as much as a WAV file can hold."""

MAX_TEXT_BYTES = 1 << 26
"""Larger texts are refused unread: sixty books of a thousand pages fit in."""

MAX_FILE_BYTES = 1 << 36
"""Larger files of any kind are refused unread."""


def decoded(data: bytes, name: str) -> str:
    """Return the text of a file. A byte-order mark and line ends stay as they are.

    Raises
    ------
    InputError
        If it is no text in UTF-8.
    """
    wrong = not_text(data)
    if wrong is not None:
        raise InputError(f"{shown(name)}: {wrong}")
    return data.decode("utf-8")


@contextmanager
def open_source(path: str | os.PathLike[str], limit: int = MAX_SOUND_BYTES) -> Iterator[BinaryIO]:
    """Open an input file.

    Raises
    ------
    InputError
        If it is missing, cannot be read, is no regular file (reading a pipe could block for ever),
        is empty, or is larger than the limit.
    """
    name = shown(os.fspath(path))
    # Opening a named pipe that nobody writes to would wait for ever without O_NONBLOCK.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        file = os.fdopen(os.open(path, flags), "rb")
    except FileNotFoundError:
        raise InputError(f"{name}: there is no such file") from None
    except IsADirectoryError:
        raise InputError(f"{name}: is a folder, not a file") from None
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a name with a null character
        raise InputError(f"{name}: is not a possible file name") from error
    with file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{name}: is not a regular file")
        refuse_size(status.st_size, limit, name)
        yield file


def limit_of(actual: Format) -> int:
    """Return how many bytes a file of some format may have."""
    limits = {"picture": MAX_BYTES, "sound": MAX_SOUND_BYTES, "text": MAX_TEXT_BYTES}
    return limits.get(actual.medium, MAX_FILE_BYTES)


def unchanged_since(before: os.stat_result, path: str | os.PathLike[str], name: str) -> None:
    """Raise InputError if a file is not the one any more that it was."""
    after = Path(path).stat()
    if (before.st_ino, before.st_size, before.st_mtime_ns) != (
        after.st_ino,
        after.st_size,
        after.st_mtime_ns,
    ):
        raise InputError(f"{shown(name)}: was changed while it was read")


def identify(path: str | os.PathLike[str]) -> Format:
    """Return the format of an input file by its content.

    Raises
    ------
    InputError
        As `open_source` and `sniff` do.
    """
    name = os.fspath(path)
    try:
        with open_source(path, MAX_FILE_BYTES) as file:
            head = file.read(HEAD)
            behind = None
            if tag_length(head) > len(head) - 16:
                file.seek(tag_length(head))
                behind = file.read(HEAD)
            return sniff(head, name, behind_tag=behind, file=file)
    except OSError as error:
        raise InputError(f"{shown(name)}: cannot be read: {error.strerror or error}") from error


def read_source(path: str | os.PathLike[str], limit: int = MAX_BYTES) -> bytes:
    """Return the content of an input file.

    Raises
    ------
    InputError
        As `open_source` does.
    """
    name = shown(os.fspath(path))
    try:
        with open_source(path, limit) as file:
            # Python takes as much memory as is asked for before it reads.
            size = os.fstat(file.fileno()).st_size
            data = file.read(min(size, limit) + 1)
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror or error}") from error
    refuse_size(len(data), limit, name)
    return data


def refuse_size(size: int, limit: int, name: str) -> None:
    """Refuse a file that is empty or too large; the name must be safe to show."""
    if not size:
        raise InputError(f"{name}: is empty (0 bytes)")
    if size > limit and limit < 1e9:
        raise InputError(f"{name}: is {size / 1e6:.0f} MB; the limit is {limit / 1e6:.0f} MB")
    if size > limit:
        raise InputError(f"{name}: is {size / 1e9:.1f} GB; the limit is {limit / 1e9:.1f} GB")
