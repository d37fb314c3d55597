"""Files of results on the disk: written whole, appended to, and by one scan at a time.

A rename puts a finished file in its place, so that whoever reads sees the old one or the new one. A
log is appended to by whole batches; what a kill or a full disk left of a batch is cut off again.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from waarmerk.errors import InputError, OutputError
from waarmerk.marking.formats import shown
from waarmerk.marking.place import cause
from waarmerk.scan.fields import Row
from waarmerk.scan.row import from_json, to_json

__all__ = ["Lock", "Log", "cannot_write", "replacing", "sync_folder", "temporary_of", "write_whole"]

_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})
"""A file system that knows no locks: the scan goes on without."""


def cannot_write(path: Path, error: OSError) -> OutputError:
    """Return the error that says which file cannot be written, and why."""
    return OutputError(f"{shown(str(path))}: cannot be written: {cause(error)}")


def temporary_of(path: Path) -> Path:
    """Return where a file is written before it gets its name: always the same place beside it."""
    return path.with_name(f".{path.name}.tmp")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give the name of a temporary file, and put that in the place of `path` when all went well.

    Raises
    ------
    OutputError
        If it cannot be written; then the old file is as it was.
    """
    temporary = temporary_of(path)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file, all of it or nothing."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def sync_folder(folder: Path) -> None:
    """Have renames in a folder outlast a loss of power, where the system can do that."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


class Log:
    """A file of rows as JSON, one a line, that batches are appended to.

    Parameters
    ----------
    path
        The file.

    Attributes
    ----------
    size
        In bytes, of the whole rows.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._number: int | None = None

    def open(self) -> None:
        """Open it for appending, or create it."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        try:
            self._number = os.open(self.path, flags, 0o666)
            self.size = os.fstat(self._number).st_size
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def append(self, rows: list[Row]) -> None:
        """Append a batch, all of it or nothing.

        Raises
        ------
        OutputError
            If it cannot be written, or somebody removed or replaced the file.
        """
        assert self._number is not None  # noqa: S101
        data = "".join([f"{to_json(row)}\n" for row in rows]).encode("ascii")
        try:
            self._require_in_place()
            left = memoryview(data)
            while left:
                left = left[os.write(self._number, left) :]
        except OSError as error:
            with suppress(OSError):  # what is left then, is cut off when the scan is resumed
                os.ftruncate(self._number, self.size)
            raise cannot_write(self.path, error) from error
        self.size += len(data)

    def _require_in_place(self) -> None:
        assert self._number is not None  # noqa: S101
        try:
            here = os.path.samestat(self.path.stat(), os.fstat(self._number))
        except FileNotFoundError:
            here = False
        if not here:
            raise OutputError(
                f"{shown(str(self.path))}: was removed or replaced while it was written; "
                "rows written since are not in it"
            )

    def close(self) -> None:
        """Close it when everything is on the disk."""
        if self._number is None:
            return
        number, self._number = self._number, None
        try:
            os.fsync(number)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        finally:
            os.close(number)

    def drop(self) -> None:
        """Close it whatever happened."""
        with suppress(OutputError):
            self.close()

    def rows(
        self, read: Callable[[bytes], Row] = from_json, *, repair: bool = True
    ) -> Iterator[Row]:
        """Yield the rows; at the end, cut off a last line that a kill left unfinished.

        Parameters
        ----------
        read
            Makes a row of a line, or raises InputError.
        repair
            Whether such a line is cut off; otherwise it is an error like any other.

        Raises
        ------
        InputError
            If it cannot be read, or a line that is not the last holds no row.
        OutputError
            If it cannot be repaired.
        """
        end, broken, line = 0, None, b"\n"
        try:
            with self.path.open("rb", buffering=1 << 20) as file:
                for number, line in enumerate(file, 1):
                    if broken is not None:
                        raise self._no_row(broken)
                    try:
                        row = read(line)
                    except InputError as error:
                        broken = f"line {number}: {error}"
                        continue
                    end += len(line)
                    yield row
        except OSError as error:
            raise InputError(f"{shown(str(self.path))}: cannot be read: {cause(error)}") from error
        if broken is not None and not repair:
            raise self._no_row(broken)
        try:
            if broken is not None:
                os.truncate(self.path, end)
            elif not line.endswith(b"\n"):  # killed between a row and the end of its line
                with self.path.open("ab") as file:
                    file.write(b"\n")
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def _no_row(self, broken: str) -> InputError:
        return InputError(
            f"{shown(str(self.path))}: {broken}; remove that line, or write the results elsewhere"
        )


_held: set[int] = set()


def _let_go() -> None:
    # A process that was forked would keep the lock of its parent when that is killed.
    for number in _held:
        with suppress(OSError):
            os.close(number)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


class Lock:
    """Keeps a second scan from writing the same results; the system lets go of it after a kill.

    Parameters
    ----------
    path
        Of the results; the lock is a file beside them that is there only meanwhile.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f".{path.name}.lock")
        self._results = path
        self._number: int | None = None

    def acquire(self) -> None:
        """Take it.

        Raises
        ------
        OutputError
            If another scan has it, or it cannot be written.
        """
        while self._number is None:
            try:
                number = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            except OSError as error:
                raise cannot_write(self._results, error) from error
            try:
                _lock(number)
                # Whoever had it may have removed the file since it was opened here.
                if os.path.samestat(os.fstat(number), self._path.stat()):
                    self._number = number
                    _held.add(number)
            except FileNotFoundError:
                pass
            except BlockingIOError:
                raise OutputError(
                    f"{shown(str(self._results))}: another scan is writing it; wait for that, or "
                    "write the results elsewhere"
                ) from None
            except OSError as error:
                raise cannot_write(self._results, error) from error
            finally:
                if self._number is None:
                    os.close(number)

    def release(self) -> None:
        """Let go of it."""
        if self._number is None or self._number not in _held:  # not taken, or in a forked process
            return
        with suppress(OSError):
            self._path.unlink()
        _held.discard(self._number)
        os.close(self._number)
        self._number = None


def _lock(number: int) -> None:
    """Lock an open file, or raise BlockingIOError if another process has."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        except OSError as error:
            raise BlockingIOError from error
        return
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
