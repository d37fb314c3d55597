"""Listing what is in local folders, in an order that is always the same.

The names in a folder are held while it is listed, nothing else: what the sources are is asked of
each when its turn comes. Names are bytes here, as the system has them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from waarmerk.scan.globs import Glob
from waarmerk.scan.known import Known
from waarmerk.scan.listing import Found, Listing, failed
from waarmerk.scan.names import is_plain, local_uri
from waarmerk.scan.source import Source

__all__ = ["MOST_LINKS", "local_source", "walk"]

MOST_LINKS: Final = 8
"""So many links to folders may lie on the way to a file: links between a few folders that each
point to all others would otherwise make more names than can ever be listed."""


@dataclass(slots=True)
class _Folder:
    """A folder on the way down.

    Attributes
    ----------
    prefix
        What stands before the names in it.
    text
        The same as a text; None where that takes a URI.
    names
        What is still to be looked at, the first one last.
    links
        Which of them are symbolic links.
    identity
        Of the folder: device and inode.
    depth
        How many links to folders led here.
    states
        How much of a pattern is matched; None where all is listed.
    """

    prefix: bytes
    text: str | None
    names: list[bytes]
    links: set[bytes]
    identity: tuple[int, int]
    depth: int
    states: frozenset[int] | None


def local_source(uri: str, status: os.stat_result) -> Source:
    """Return a local file as a source."""
    return Source(uri, status.st_size, status.st_mtime_ns)


def walk(
    root: bytes, status: os.stat_result, known: Known, options: Listing, glob: Glob | None = None
) -> Iterator[Found]:
    """List the regular files in a folder and all folders below, or those that match a pattern.

    A link that leads to a folder in which it lies ends there: what is behind it is listed already.
    Pipes, sockets and devices are left out.

    Parameters
    ----------
    root
        The folder; with a pattern, its base.
    status
        What the folder is.
    known
        What was listed before and is left out.
    options, glob
        What is asked for.
    """
    prefix = root if not root or root.endswith(b"/") else root + b"/"
    states = None if glob is None else glob.start()
    folder, problem = _entered(prefix, status, 0, states, options)
    if problem is not None:
        yield failed(local_uri(root or b"."), problem)
    stack = [folder]
    above = {folder.identity}
    check = known.anything
    while stack:
        folder = stack[-1]
        if not folder.names:
            above.discard(stack.pop().identity)
            continue
        name = folder.names.pop()
        path = folder.prefix + name
        states, matched = _stepped(glob, folder.states, name)
        if states is not None and not states:
            continue
        try:
            status = os.stat(path)  # noqa: PTH116 - a Path would cost more than the call
        except OSError as error:
            if matched:
                yield failed(local_uri(path), _why(error, name in folder.links))
            continue
        if stat.S_ISREG(status.st_mode):
            wanted = matched and not (folder.states is not None and glob and glob.folders_only)
            if wanted and not (check and known.has_file(path)):
                yield local_source(_uri(folder.text, name, path), status)
        elif stat.S_ISDIR(status.st_mode):
            if (status.st_dev, status.st_ino) in above or (check and known.has_folder(path + b"/")):
                continue
            depth = folder.depth + (name in folder.links)
            if depth > MOST_LINKS:
                yield failed(local_uri(path), f"lies behind more than {MOST_LINKS} links")
                continue
            left = None if matched else states
            below, problem = _entered(path + b"/", status, depth, left, options)
            if problem is not None:
                yield failed(local_uri(path), problem)
            stack.append(below)
            above.add(below.identity)


def _stepped(
    glob: Glob | None, states: frozenset[int] | None, name: bytes
) -> tuple[frozenset[int] | None, bool]:
    """Return how much of a pattern is matched with one more name, and whether that is all."""
    if glob is None or states is None:
        return None, True
    states = glob.step(states, os.fsdecode(name))
    return states, glob.is_end(states)


def _entered(
    prefix: bytes,
    status: os.stat_result,
    depth: int,
    states: frozenset[int] | None,
    options: Listing,
) -> tuple[_Folder, str | None]:
    """Read the names in a folder; returns it, and why some or all are missing."""
    names: list[bytes] = []
    links: set[bytes] = set()
    problem = None
    try:
        with os.scandir(prefix or b".") as entries:
            for entry in entries:
                name = entry.name
                if entry.is_symlink():
                    if not options.follow_links:
                        continue
                    links.add(name)
                # Where a pattern is matched, that alone says what is hidden.
                if states is None and not options.hidden and name.startswith(b"."):
                    continue
                names.append(name)
    except OSError as error:
        problem = f"cannot be listed: {error.strerror or error}"
    names.sort(reverse=True)
    text: str | None
    try:
        text = prefix.decode("utf-8")
    except UnicodeDecodeError:
        text = None
    else:
        text = text if is_plain(text) else None
    identity = (status.st_dev, status.st_ino)
    return _Folder(prefix, text, names, links, identity, depth, states), problem


def _uri(prefix: str | None, name: bytes, path: bytes) -> str:
    """Return what a file is called; its folder is settled, so its name alone can be a problem."""
    if prefix is not None:
        try:
            return prefix + name.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return local_uri(path)


def _why(error: OSError, linked: bool) -> str:
    """Return in words why what stands in a folder cannot be looked at."""
    if isinstance(error, FileNotFoundError):
        if linked:
            return "is a link to nothing"
        return "was removed while its folder was listed"
    return f"cannot be read: {error.strerror or error}"
