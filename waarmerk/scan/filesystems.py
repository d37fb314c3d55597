"""Files in a file system that was handed in, from fsspec: any that has one.

Such a file system is somebody else's code, and may raise what it likes; that becomes an error of
one file.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import IO, Any, Final, cast

from waarmerk.errors import InputError
from waarmerk.marking.formats import shown
from waarmerk.scan.globs import Glob, has_magic
from waarmerk.scan.known import Known
from waarmerk.scan.listing import Found, failed
from waarmerk.scan.names import escaped, unescaped, without_secrets
from waarmerk.scan.source import Source
from waarmerk.scan.stores import Facts, nanoseconds

__all__ = ["facts", "listed", "opened"]

_MODIFIED: Final = ("mtime", "LastModified", "last_modified", "modified", "updated", "created")
_ETAG: Final = ("ETag", "etag", "e_tag", "md5", "contentHash")
_DEEPEST: Final = 1000
"""Deeper folders are taken for a loop of links, which a file system need not show."""


def listed(name: str, filesystem: Any, known: Known, hidden: bool = True) -> Iterator[Found]:
    """List a file, a folder with all below, or a pattern, sorted in each folder."""
    try:
        path = filesystem._strip_protocol(unescaped(name))
        if known.has(_bytes(path)) or known.has_folder(_bytes(path.rstrip("/") + "/")):
            return
        info = _info(filesystem, path)
    except FileNotFoundError:
        if not has_magic(name):
            yield failed(name, "there is no such file or folder")
            return
        glob = Glob.of(path)
        any_found = False
        for source in _walk(filesystem, glob.base.rstrip("/"), glob, known, hidden):
            any_found = True
            yield source
        known.add_glob(glob)
        if not any_found:
            yield failed(name, "nothing matches the pattern")
        return
    except Exception as error:  # noqa: BLE001 - see above
        yield failed(name, _why(error))
        return
    if info.get("type") == "directory":
        yield from _walk(filesystem, path, None, known, hidden)
        known.add_folder(_bytes(path.rstrip("/") + "/"))
    elif info.get("type") == "file":
        yield _source(filesystem, path, info)
        known.add(_bytes(path))
    else:
        yield failed(name, "is not a regular file")


def facts(uri: str, filesystem: Any) -> Facts:
    """Return what a file system says of a file.

    Raises
    ------
    InputError
        If it is not there, or cannot be asked.
    """
    try:
        return _facts(filesystem.info(unescaped(uri)))
    except Exception as error:
        raise InputError(f"{shown(without_secrets(uri))}: {_why(error)}") from error


@contextmanager
def opened(uri: str, filesystem: Any) -> Iterator[IO[bytes]]:
    """Open a file for reading.

    Raises
    ------
    InputError
        If that fails.
    """
    try:
        file = filesystem.open(unescaped(uri), "rb")
    except Exception as error:
        raise InputError(f"{shown(without_secrets(uri))}: {_why(error)}") from error
    with file:
        yield io.BufferedReader(_Plain(file))


class _Plain(io.RawIOBase):
    """A file of somebody else's whose errors are OSError, as those of files are."""

    def __init__(self, file: Any) -> None:
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return int(self._file.seek(offset, whence))
        except Exception as error:
            raise OSError(5, _why(error)) from error

    def tell(self) -> int:
        return int(self._file.tell())

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._file.read(len(buffer))
        except Exception as error:
            raise OSError(5, _why(error)) from error
        buffer[: len(data)] = data
        return len(data)


def _walk(
    filesystem: Any, root: str, glob: Glob | None, known: Known, hidden: bool
) -> Iterator[Found]:
    """List what is in a folder, or matches a pattern."""
    states = None if glob is None else glob.start()
    stack = [(iter(_entries(filesystem, root)), states)]
    check = known.anything
    folders_only = glob is not None and glob.folders_only
    while stack:
        entries, states = stack[-1]
        found = next(entries, None)
        if found is None:
            stack.pop()
            continue
        if not isinstance(found, dict):
            yield found
            continue
        path = found["name"]
        name = path.rstrip("/").rpartition("/")[2]
        matched, below = states is None, states
        if states is not None and glob is not None:
            below = glob.step(states, name)
            if not below:
                continue
            matched = glob.is_end(below)
        elif not hidden and name.startswith("."):
            continue
        if found.get("type") == "directory":
            prefix = _bytes(path.rstrip("/") + "/")
            if check and known.has_folder(prefix):
                continue
            if len(stack) >= _DEEPEST:
                yield failed(filesystem.unstrip_protocol(path), "lies too deep, or in a loop")
                continue
            stack.append((iter(_entries(filesystem, path)), None if matched else below))
            continue
        if found.get("type") != "file" or not matched or (states is not None and folders_only):
            continue
        if not (check and known.has_file(_bytes(path))):
            yield _source(filesystem, path, found)


def _entries(filesystem: Any, folder: str) -> Iterator[Any]:
    """Return what is in a folder, sorted; of one that cannot be listed, why."""
    try:
        entries = filesystem.ls(folder, detail=True)
    except Exception as error:  # noqa: BLE001 - see above
        yield failed(filesystem.unstrip_protocol(folder), _why(error, "listed"))
        return
    # Some list the folder itself as well.
    own = folder.strip("/")
    yield from sorted(
        (entry for entry in entries if entry["name"].strip("/") != own),
        key=lambda entry: _bytes(entry["name"]),
    )


def _info(filesystem: Any, path: str) -> dict[str, Any]:
    info = filesystem.info(path)
    return cast("dict[str, Any]", info)


def _source(filesystem: Any, path: str, info: dict[str, Any]) -> Found:
    """Return a file as a source."""
    uri = filesystem.unstrip_protocol(path)
    try:
        uri.encode()
    except UnicodeEncodeError:
        uri = uri.encode("utf-8", "replace").decode()
        return failed(uri, "its name is no UTF-8, which this file system cannot be asked for")
    return Source(escaped(uri), *_facts(info))


def _facts(info: dict[str, Any]) -> Facts:
    """Return what file systems call by various names."""
    modified = next((info[key] for key in _MODIFIED if info.get(key) is not None), None)
    if isinstance(modified, datetime):
        modified = nanoseconds(modified)
    elif isinstance(modified, int | float):
        modified = round(modified * 10**6) * 1000
    else:
        modified = None
    etag = next((info[key] for key in _ETAG if isinstance(info.get(key), str)), None)
    return Facts(info.get("size"), modified, etag)


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def _why(error: Exception, what: str = "read") -> str:
    """Return in words what a file system raised."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    line = (str(error).splitlines() or [""])[0][:200]
    if isinstance(error, OSError) and error.strerror:
        line = error.strerror
    return f"cannot be {what}: {shown(line or type(error).__name__)}"
