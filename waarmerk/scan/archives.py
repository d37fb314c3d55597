"""Archives and tables: which files are any, opening them, and listing what is in them.

They are read where they are: files on this machine by seeking, objects in stores by ranges. What is
in them has names, which are names only: nothing is ever written under one.

An archive in an archive is a file like any other.
"""

from __future__ import annotations

import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, cast

from waarmerk.errors import InputError
from waarmerk.marking.formats import shown
from waarmerk.marking.source import open_source
from waarmerk.scan.listing import Failed, Found
from waarmerk.scan.names import local_path, scheme_of
from waarmerk.scan.source import Container, Source
from waarmerk.scan.stores import Facts

__all__ = ["Archive", "broken", "container_of", "inside", "opened_archive"]

_SUFFIXES: Final[dict[str, Container]] = {
    ".zip": "zip",
    ".tar": "tar",
    ".tar.gz": "tar",
    ".tgz": "tar",
    ".tar.bz2": "tar",
    ".tbz2": "tar",
    ".tar.xz": "tar",
    ".txz": "tar",
    ".parquet": "parquet",
}
_ALL: Final = tuple(_SUFFIXES)
_LONGEST: Final = max(map(len, _ALL))

_LARGEST: Final = 1 << 46
"""Of an archive, in bytes: what is in it counts, not itself."""

_RANGE: Final = 1 << 20
"""So much is asked of a store at once, at least, in bytes; of what is read in a row, more."""
_LONG_RANGE: Final = 1 << 23

_BROKEN: Final = (
    OSError,
    EOFError,
    ValueError,  # of numbers and names in headers; it includes UnicodeDecodeError
    OverflowError,
    RuntimeError,  # zipfile: no password; tarfile: headers upon headers (RecursionError)
    NotImplementedError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
)


@dataclass(frozen=True)
class Archive:
    """An archive or a table that is open.

    Attributes
    ----------
    uri
        What it is called.
    file
        Its content.
    facts
        What it is.
    """

    uri: str
    file: BinaryIO
    facts: Facts


def container_of(name: str) -> Container | None:
    """Return what kind of archive or table a file is, by the end of its name; None if it is none.

    Examples
    --------
    >>> container_of("shards/train-0001.tar.gz")
    'tar'
    """
    end = name[-_LONGEST:].lower()
    if not end.endswith(_ALL):
        return None
    return next(kind for suffix, kind in _SUFFIXES.items() if end.endswith(suffix))


def inside(
    source: Source, filesystem: Any = None, *, columns: tuple[str, ...] = ()
) -> Iterator[Found]:
    """List the files in an archive or a table, one at a time.

    Of an archive that is broken what comes before is given, and then why it ends. It can hold
    anything: a number of members without end, sizes that need all memory. So what lists archives of
    strangers had better be a process with limits of its own.

    Parameters
    ----------
    source
        The archive or table.
    filesystem
        Where it is, if not on this machine or in a store.
    columns
        Of a table, the columns that hold files; all that hold bytes when empty.
    """
    kind = container_of(source.uri)
    try:
        with ExitStack() as stack:
            archive = stack.enter_context(opened_archive(source.uri, filesystem))
            if kind == "zip":
                from waarmerk.scan.zips import members
            elif kind == "tar":
                from waarmerk.scan.tars import members
            elif kind == "parquet":
                from waarmerk.scan.tables import cells

                yield from cells(archive, columns)
                return
            else:
                raise InputError(f"{shown(source.uri)}: is no archive or table by its name")
            yield from members(archive)
    except InputError as error:
        yield Failed(source.uri, str(error))


@contextmanager
def opened_archive(uri: str, filesystem: Any = None) -> Iterator[Archive]:
    """Open an archive or a table where it is.

    Raises
    ------
    InputError
        If it is missing or cannot be opened.
    """
    if filesystem is not None:
        from waarmerk.scan import filesystems

        known = filesystems.facts(uri, filesystem)
        with filesystems.opened(uri, filesystem) as file:
            yield Archive(uri, cast("BinaryIO", file), known)
    elif scheme_of(uri) in (None, "file"):
        import os

        with open_source(local_path(uri), _LARGEST) as file:
            status = os.fstat(file.fileno())
            yield Archive(uri, file, Facts(status.st_size, status.st_mtime_ns, None))
    else:
        from waarmerk.scan import stores

        known = stores.facts(uri)
        in_a_row = container_of(uri) == "tar" and not uri.lower().endswith(".tar")
        raw = stores.ObjectFile(uri, known)
        with io.BufferedReader(raw, _LONG_RANGE if in_a_row else _RANGE) as file:
            yield Archive(uri, cast("BinaryIO", file), known)


@contextmanager
def broken(uri: str, what: str) -> Iterator[None]:
    """Turn whatever reading an archive raises into one line.

    Raises
    ------
    InputError
        That names it, and says that it is not `what` it should be.
    """
    try:
        yield
    except InputError:
        raise
    except _BROKEN as error:
        name = shown(uri)
        if isinstance(error, OSError) and error.strerror:
            raise InputError(f"{name}: cannot be read: {error.strerror}") from error
        line = (str(error).splitlines() or [""])[0][:200] or type(error).__name__
        raise InputError(f"{name}: is {what}: {shown(line)}") from error
