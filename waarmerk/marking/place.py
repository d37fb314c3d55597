"""Putting finished files in their place, all of them or none.

Whatever is made lies in temporary files beside the target, so that the last step is a rename:
whoever looks sees the old files or the finished new ones. A manifest that lies beside its file (a
sidecar) comes first; should the file itself then fail, the sidecar goes again, or its predecessor
comes back.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from waarmerk.errors import OutputError
from waarmerk.marking.formats import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Workshop", "destination", "publish", "workshop"]


class Workshop:
    """Names for temporary files beside a target; see :func:`workshop`."""

    def __init__(self, final: Path) -> None:
        self._final = final
        self._made: list[Path] = []

    def new(self) -> Path:
        """Return the path of a temporary file that does not exist yet."""
        path = self._final.with_name(f".waarmerk-{secrets.token_hex(8)}.tmp")
        self._made.append(path)
        return path

    def clear(self) -> None:
        """Remove what is left of the files; once renamed there is nothing left to remove."""
        for path in self._made:
            with suppress(OSError):
                path.unlink(missing_ok=True)


@contextmanager
def workshop(final: Path) -> Iterator[Workshop]:
    """Give out names beside a target, and leave nothing behind, also when interrupted.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    shop = Workshop(final)
    try:
        yield shop
    except OSError as error:
        raise OutputError(f"{shown(str(final))}: cannot be written: {cause(error)}") from error
    finally:
        shop.clear()


def destination(source: Path, target: Path, *, overwrite: bool) -> Path:
    """Return the path to write to, links followed; refuse what is sure to go wrong."""
    name = shown(str(target))
    try:
        final = Path(os.path.realpath(target))
        folder = final.parent
        if not folder.is_dir():
            raise OutputError(f"{name}: the folder {shown(str(folder))} does not exist")
        status = final.stat() if final.exists() else None
    except (OSError, ValueError) as error:  # a name too long, or with a null character
        raise OutputError(f"{name}: cannot be written: {cause(error)}") from error
    if status is None:
        return final
    if stat.S_ISDIR(status.st_mode):
        raise OutputError(f"{name}: is a folder; give the name of a file")
    if not stat.S_ISREG(status.st_mode):
        raise OutputError(f"{name}: is not a regular file")
    if not overwrite:
        same = source.exists() and final.samefile(source)
        what = "is the input itself" if same else "exists already"
        raise OutputError(
            f"{name}: {what}; choose another name, or replace it (--overwrite, overwrite=True)"
        )
    return final


def publish(
    shop: Workshop,
    files: Sequence[tuple[Path, Path]],
    *,
    overwrite: bool,
    stale: Path | None = None,
) -> None:
    """Give finished files their names: all of them, or none and everything is as it was.

    Parameters
    ----------
    shop
        For the names of backups.
    files
        Each temporary file and its final name, the most important last.
    overwrite
        Whether files that exist are replaced.
    stale
        A file to remove, because it would contradict the new ones.

    Raises
    ------
    OutputError
        If one of them cannot be put in place, or exists and is not to be replaced.
    """
    undo: list[tuple[Path, Path, Path | None]] = []
    made, final = files[-1]
    try:
        for temporary, _ in files:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        for temporary, path in files:
            if path != final:
                undo.append((temporary, path, _backup(shop, path) if overwrite else None))
            _place(temporary, path, overwrite=overwrite)
        if stale is not None:
            stale.unlink(missing_ok=True)
    except BaseException as error:
        if not _in_place(made, final):
            for temporary, path, backup in undo:
                with suppress(OSError):
                    if backup is not None:
                        backup.replace(path)
                    elif _in_place(temporary, path):
                        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OutputError(f"{shown(str(final))}: cannot be written: {cause(error)}") from error
        raise


def _in_place(temporary: Path, path: Path) -> bool:
    """Return whether a temporary file has got its name, by a rename or a link."""
    return not temporary.exists() or (path.exists() and path.samefile(temporary))


def _backup(shop: Workshop, final: Path) -> Path | None:
    """Keep a file that is about to be replaced under another name."""
    if not final.exists():
        return None
    path = shop.new()
    try:
        path.hardlink_to(final)
    except OSError:  # a file system without hard links
        path.write_bytes(final.read_bytes())
    return path


def _place(temporary: Path, final: Path, *, overwrite: bool) -> None:
    if overwrite:
        if final.exists():
            with suppress(OSError):  # of a file that belongs to somebody else
                temporary.chmod(stat.S_IMODE(final.stat().st_mode))
        temporary.replace(final)
    else:
        _rename_without_replacing(temporary, final)


def _rename_without_replacing(temporary: Path, final: Path) -> None:
    # A rename would silently replace a file that appeared since we looked; a hard link does not.
    try:
        final.hardlink_to(temporary)
    except FileExistsError:
        raise OutputError(f"{shown(str(final))}: was created by somebody else meanwhile") from None
    except OSError:  # a file system without hard links
        if final.exists():
            raise OutputError(
                f"{shown(str(final))}: was created by somebody else meanwhile"
            ) from None
        temporary.replace(final)


def cause(error: Exception) -> str:
    """Return why something failed, without the name of the file."""
    return getattr(error, "strerror", None) or str(error)
