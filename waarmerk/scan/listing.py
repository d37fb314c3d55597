"""What a listing is asked for, and what it gives apart from sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from waarmerk.marking.formats import shown
from waarmerk.scan.names import without_secrets
from waarmerk.scan.source import Source

__all__ = ["Failed", "Found", "Listing", "failed"]


@dataclass(frozen=True, slots=True)
class Failed:
    """Something that was named or found and cannot be listed: it becomes a row, too.

    Attributes
    ----------
    uri
        What it is called.
    error
        Why, in one line that begins with its name.
    """

    uri: str
    error: str


Found = Source | Failed


@dataclass(frozen=True)
class Listing:
    """How inputs are listed.

    Attributes
    ----------
    archives
        Whether archives and tables are opened; otherwise they are files like all others.
    columns
        The columns of tables that hold files; all that hold bytes when empty.
    nul
        Whether the names of a list end in NUL, as `find -print0` writes them, and not in a line
        feed.
    filesystem
        A file system of fsspec in which all inputs are.
    follow_links
        Whether symbolic links in folders are followed; one that is named always is.
    hidden
        Whether folders are listed with what begins with a full stop.
    inside
        What lists an archive or a table; `archives.inside` when None. To be given where that
        happens in a process of its own.
    """

    archives: bool = True
    columns: tuple[str, ...] = ()
    nul: bool = False
    filesystem: Any = None
    follow_links: bool = True
    hidden: bool = True
    inside: Callable[[Source], Iterator[Found]] | None = None


def failed(uri: str, why: str) -> Failed:
    """Return what failed, with a message that names it."""
    uri = without_secrets(uri)
    return Failed(uri, f"{shown(uri)}: {why}")
