"""A drop folder: what is there, and then what comes, once nobody writes to it any more."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from waarmerk.errors import InputError
from waarmerk.scan.inputs import Failed, Listing, sources_of

if TYPE_CHECKING:
    from waarmerk.scan.source import Source

__all__ = ["arriving"]

_TICK = 500  # milliseconds between looks at files that are still being written


def arriving(
    folder: Path, listing: Listing, *, settle: float, stop: threading.Event
) -> Iterator[Source | Failed | None]:
    """Yield what is in a folder and all below it, and then what comes or changes.

    Parameters
    ----------
    folder
        Which one.
    listing
        How it is listed.
    settle
        Seconds for which a file must not have changed. Who writes files under another name and
        renames them when they are whole needs none.
    stop
        Ends it.

    Yields
    ------
    Source, Failed or None
        None when there is nothing new at the moment.

    Raises
    ------
    InputError
        If watchfiles is not installed, or there is no such folder.
    """
    try:
        from watchfiles import Change, DefaultFilter, watch
    except ImportError as error:
        raise InputError(
            'watching a folder needs watchfiles: pip install "waarmerk[watch]"'
        ) from error
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder to watch")
    changes = watch(
        os.path.realpath(folder),
        watch_filter=DefaultFilter(ignore_dirs=(), ignore_entity_patterns=(), ignore_paths=()),
        step=50,
        rust_timeout=_TICK,
        yield_on_timeout=True,
        stop_event=stop,
        raise_interrupt=False,
        ignore_permission_denied=True,
    )
    # It is watched from the first answer on; what was there before is listed after that.
    found = next(changes, None)
    yield from sources_of([folder], options=listing)
    seen: dict[Path, tuple[tuple[int, int], float]] = {}
    while found is not None:
        for change, path in found:
            if change is not Change.deleted:
                for file in _files(_as_listed(folder, path)):
                    seen.setdefault(file, ((-1, -1), monotonic()))
        for file, (before, since) in list(seen.items()):
            state = _state(file)
            if state is None:
                del seen[file]
            elif state != before:
                seen[file] = (state, monotonic())
            elif monotonic() - since >= settle:
                del seen[file]
                yield from sources_of([file], options=listing)
        yield None
        found = next(changes, None)


def _as_listed(folder: Path, path: str) -> Path:
    """Return a path below the folder as it was given, so that a file has one name."""
    return folder / os.path.relpath(path, os.path.realpath(folder))


def _files(path: Path) -> Iterator[Path]:
    """Yield a file, or the files in a folder: of one that was moved here only it itself is told."""
    if not path.is_dir():
        yield path
        return
    for folder, _, names in os.walk(path):
        for name in names:
            yield Path(folder) / name


def _state(path: Path) -> tuple[int, int] | None:
    """Return size and time of a regular file; None if it is gone or something else."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None
