"""Opening a source where it is examined: on this machine or on another one.

One archive or table at most is open between calls, since their members come in order. So a process
examines one source at a time; it does not matter which came before.

What is no file of this machine is held in memory, and when large, in a temporary file, which is
removed afterwards. A process that is killed cannot do that: who killed it calls `sweep`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from waarmerk.errors import InputError
from waarmerk.marking.formats import claimed_format, shown
from waarmerk.marking.source import MAX_FILE_BYTES, refuse_size
from waarmerk.scan.archives import Archive, opened_archive
from waarmerk.scan.names import (
    as_text,
    local_path,
    scheme_of,
    split_member,
    unescaped,
    without_secrets,
)
from waarmerk.scan.source import Source

__all__ = ["SPOOL", "close", "name_of", "opened", "sweep"]

SPOOL: Final = 32 << 20
"""Of what is larger, a temporary file is made, in bytes."""

_SPARE: Final = 1 << 28
"""So much of the disk is left to others, in bytes."""

_PIECE: Final = 1 << 20


@dataclass
class _Kept:
    """The archive or table that is open."""

    key: tuple[Any, ...]
    stack: ExitStack
    archive: Archive
    reader: Any
    last: tuple[Source, str | None] | None = None


_kept: list[_Kept] = []


@contextmanager
def opened(source: Source, filesystem: Any = None) -> Iterator[Path | bytes]:
    """Open what is to be examined.

    Parameters
    ----------
    source
        As it was listed.
    filesystem
        A file system of fsspec that it is in, or the archive around it.

    Yields
    ------
    content
        The path of a local file. Of all else the bytes, or from `SPOOL` bytes on the path of a
        temporary file, whose extension is that of the source.

    Raises
    ------
    InputError
        If it is missing, cannot be read, is larger than it claims to be or than the limit, is
        encrypted or damaged, or was changed since it was listed.
    """
    if source.container is None and filesystem is None and _is_local(source.uri):
        yield local_path(source.uri)
        return
    with ExitStack() as stack:
        if source.container is None:
            size, pieces = _whole(source, filesystem, stack)
        elif source.container == "parquet":
            kept = _archive_of(source, filesystem)
            data, name = kept.reader.cell(source)
            kept.last = (source, name)
            size, pieces = len(data), iter((data,))
        else:
            kept = _archive_of(source, filesystem)
            size, pieces = kept.reader.pieces(source)
            if source.size is not None and source.size != size:
                raise InputError(f"{shown(source.uri)}: was changed while it was scanned")
        content = _held(source, size, pieces, stack)
        if source.container is not None and filesystem is None:
            _require_same(source)
        yield content


def name_of(source: Source) -> str:
    """Return what a report calls its input: the last part of the name.

    Of a cell of a table that is just opened, the name that is stored beside the content, if any is.

    Examples
    --------
    >>> name_of(Source("uploads.zip!/photos/a.jpg", container="zip"))
    'a.jpg'
    """
    if source.container is None:
        if _is_local(source.uri):
            return as_text(os.fsencode(local_path(source.uri).name)) or source.uri
        address = without_secrets(source.uri)
        return unescaped(address, scheme_of(address)).rstrip("/").rpartition("/")[2]
    if source.container == "parquet":
        stored = next((k.last[1] for k in _kept if k.last and k.last[0] == source), None)
        name = (stored or "").replace("\\", "/").rpartition("/")[2]
        if name:
            return name.encode("utf-8", "replace").decode()
    member = split_member(source.uri)[1]
    # A place tells members of one name apart.
    while member.endswith(f"?{source.place}"):
        member = member.removesuffix(f"?{source.place}")
    return member.rstrip("/").rpartition("/")[2] or member


def close() -> None:
    """Close the archive or table that is open, if one is."""
    while _kept:
        kept = _kept.pop()
        if kept.key[0] == os.getpid():
            kept.stack.close()


def sweep(process: int) -> None:
    """Remove the temporary files that a killed process left behind."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_prefix(process)}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _is_local(uri: str) -> bool:
    return scheme_of(uri) in (None, "file")


def _prefix(process: int) -> str:
    return f"waarmerk-scan-{process}-"


def _whole(source: Source, filesystem: Any, stack: ExitStack) -> tuple[int | None, Iterator[bytes]]:
    """Open an object in a store or a file system: its size, if known, and its pieces."""
    name = shown(source.uri)
    size: int | None
    if filesystem is not None:
        from waarmerk.scan import filesystems

        if source.modified is not None or source.etag is not None:
            size, *version = filesystems.facts(source.uri, filesystem)
            if version != [source.modified, source.etag]:
                raise InputError(f"{name}: was changed while it was scanned")
        file = stack.enter_context(filesystems.opened(source.uri, filesystem))
        return source.size, _read(file, name)
    from waarmerk.scan import stores

    size, pieces = stack.enter_context(stores.chunks(source.uri, source.etag))
    if source.size is not None and source.size != size:
        raise InputError(f"{name}: was changed while it was scanned")
    return size, pieces


def _read(file: Any, name: str) -> Iterator[bytes]:
    while True:
        try:
            piece = file.read(_PIECE)
        except OSError as error:
            raise InputError(f"{name}: {error.strerror or error}") from error
        if not piece:
            return
        yield piece


def _archive_of(source: Source, filesystem: Any) -> _Kept:
    """Return the archive or table around a source: the one that is open, or opened now."""
    uri, _ = split_member(source.uri)
    key = (os.getpid(), uri, source.container, source.modified, id(filesystem))
    if _kept and _kept[0].key == key:
        return _kept[0]
    close()
    with ExitStack() as stack:
        archive = stack.enter_context(opened_archive(uri, filesystem))
        changed = source.modified != archive.facts.modified
        # That of a member of a ZIP archive is its own.
        if source.container != "zip":
            changed = changed or source.etag != archive.facts.etag
        if changed:
            raise InputError(f"{shown(uri)}: was changed while it was scanned")
        reader: Any
        if source.container == "zip":
            from waarmerk.scan import zips

            reader = zips.Reader(archive)
        elif source.container == "tar":
            from waarmerk.scan import tars

            reader = tars.Reader(archive)
        else:
            from waarmerk.scan import tables

            reader = tables.Reader(archive)
        _kept.append(_Kept(key, stack.pop_all(), archive, reader))
    return _kept[0]


def _require_same(source: Source) -> None:
    """Refuse a member of a local archive that was replaced or written to while it was open."""
    uri, _ = split_member(source.uri)
    if not _is_local(uri):
        return
    try:
        modified = local_path(uri).stat().st_mtime_ns
    except OSError:
        modified = None
    if modified != source.modified:
        close()
        raise InputError(f"{shown(uri)}: was changed while it was scanned")


def _held(
    source: Source, size: int | None, pieces: Iterator[bytes], stack: ExitStack
) -> Path | bytes:
    """Return content that comes in pieces: never more of it than it claims to be."""
    name = shown(source.uri)
    if size:
        refuse_size(size, MAX_FILE_BYTES, name)
    if size is not None and size > SPOOL:
        return _spooled(source, size, b"", pieces, stack)
    held: list[bytes] = []
    count = 0
    for piece in pieces:
        held.append(piece)
        count += len(piece)
        if size is not None and count > size:
            raise InputError(f"{name}: is larger than it claims to be")
        if count > SPOOL:
            return _spooled(source, None, b"".join(held), pieces, stack)
    if size is not None and count < size:
        raise InputError(f"{name}: is cut off: it has {count} of {size} bytes")
    return b"".join(held)


def _spooled(
    source: Source, size: int | None, begin: bytes, pieces: Iterator[bytes], stack: ExitStack
) -> Path:
    """Write content to a temporary file, which lives as long as `stack`."""
    name = shown(source.uri)
    try:
        _require_room(name, size or len(begin))
        folder = tempfile.TemporaryDirectory(prefix=_prefix(os.getpid()))
        path = Path(stack.enter_context(folder)) / f"input{_extension(source)}"
        count = len(begin)
        with path.open("wb") as file:
            file.write(begin)
            for piece in pieces:
                count += len(piece)
                if size is not None and count > size:
                    raise InputError(f"{name}: is larger than it claims to be")
                if size is None:
                    refuse_size(count, MAX_FILE_BYTES, name)
                file.write(piece)
    except OSError as error:
        raise InputError(
            f"{name}: no temporary file for it can be written: {error.strerror or error}; set "
            "TMPDIR to a folder with room"
        ) from error
    if size is not None and count < size:
        raise InputError(f"{name}: is cut off: it has {count} of {size} bytes")
    return path


def _require_room(name: str, size: int) -> None:
    """Refuse to fill the disk: a file of a few kilobytes can claim gigabytes."""
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if size + _SPARE > free:
        raise InputError(
            f"{name}: takes {size / 1e9:.1f} GB of temporary space, and {free / 1e9:.1f} GB are "
            "free; set TMPDIR to a folder with room"
        )


def _extension(source: Source) -> str:
    """Return the extension of a source if it is one that we know: names of others are not used."""
    with suppress(InputError):
        name = name_of(source)
        if claimed_format(name) is not None:
            return Path(name).suffix.lower()
    return ""
