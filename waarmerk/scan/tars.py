"""Tar archives, plain and compressed, and with them the shards of WebDataset.

Of a plain archive members are reached by seeking. A compressed one can only be read in a row: it
goes forward while members are asked for in their order, and begins anew otherwise.

Given are regular files alone. Links are left out: a hard link names a member that is given itself,
a symbolic one a name that may mean anything where the archive is unpacked. So are folders, pipes
and devices. A sparse file is an error: its content is not what is stored.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from waarmerk.errors import InputError
from waarmerk.marking.formats import shown
from waarmerk.scan.archives import broken
from waarmerk.scan.listing import Failed, Found, failed
from waarmerk.scan.members import Names
from waarmerk.scan.source import Source

if TYPE_CHECKING:
    from waarmerk.scan.archives import Archive

__all__ = ["Reader", "members"]

_WHAT: Final = "no whole tar archive"
_PIECE: Final = 1 << 20


def members(archive: Archive) -> Iterator[Found]:
    """List the regular files in an archive, in their order.

    A member is given when all of it is there. Of a source, the place is the offset of its content
    in the archive as it is when decompressed, and the ETag that of the archive.
    """
    names = Names(archive.uri)
    try:
        with broken(archive.uri, _WHAT):
            stream = _decompressed(archive)
            tar = tarfile.TarFile(fileobj=stream, mode="r", encoding="utf-8")
        with closing(tar):
            before = -1
            while True:
                with broken(archive.uri, _WHAT):
                    member = tar.next()
                    # It keeps every member that it ever saw.
                    tar.members = []  # type: ignore[attr-defined]
                    if member is None:
                        _require_end(stream, tar)
                        return
                    if member.offset <= before or member.size < 0:
                        raise tarfile.ReadError("a member lies before the one in front of it")
                    before = member.offset
                    if member.isreg():
                        _require_all(stream, member)
                if not member.isreg():
                    continue
                name = member.name.encode("utf-8", "surrogateescape")
                uri = names.named(name, member.offset_data)
                if member.issparse():
                    yield failed(uri, "is stored as a sparse file, which is not read; pack it anew")
                    continue
                facts, place = archive.facts, member.offset_data
                yield Source(uri, member.size, facts.modified, facts.etag, "tar", place)
    except InputError as error:
        yield Failed(archive.uri, str(error))


class Reader:
    """Reads members of an archive."""

    def __init__(self, archive: Archive) -> None:
        with broken(archive.uri, _WHAT):
            self._stream = _decompressed(archive)

    def pieces(self, source: Source) -> tuple[int, Iterator[bytes]]:
        """Return the size of a member, and its content in pieces.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        if source.place is None or source.size is None:
            raise InputError(f"{shown(source.uri)}: has no place in its archive")
        return source.size, self._read(source.uri, source.place, source.size)

    def _read(self, uri: str, place: int, size: int) -> Iterator[bytes]:
        with broken(uri, "no whole member of a tar archive"):
            self._stream.seek(place)
            left = size
            while left:
                piece = self._stream.read(min(left, _PIECE))
                if not piece:
                    raise EOFError("it is cut off")
                left -= len(piece)
                yield piece


def _decompressed(archive: Archive) -> BinaryIO:
    """Return an archive as it is when decompressed; which way, its first bytes say."""
    file = archive.file
    file.seek(0)
    head = file.read(6)
    file.seek(0)
    if head.startswith(b"\x1f\x8b"):
        return cast("BinaryIO", gzip.GzipFile(fileobj=file, mode="rb"))
    if head.startswith(b"BZh"):
        return cast("BinaryIO", bz2.BZ2File(file))
    if head.startswith(b"\xfd7zXZ\0"):
        return cast("BinaryIO", lzma.LZMAFile(file))
    return file


def _require_all(stream: BinaryIO, member: tarfile.TarInfo) -> None:
    """Refuse a member that is not all there."""
    if member.size and not member.issparse():
        stream.seek(member.offset_data + member.size - 1)
        if not stream.read(1):
            raise tarfile.ReadError(f"{member.name} is cut off")


def _require_end(stream: BinaryIO, tar: tarfile.TarFile) -> None:
    """Refuse an archive that ends in something else than zeros: there `tarfile` just stops."""
    stream.seek(tar.offset)
    block = stream.read(tarfile.BLOCKSIZE)
    if not block:
        raise tarfile.ReadError("it has no mark at its end, and may be cut off")
    if block.strip(b"\0"):
        raise tarfile.ReadError("what stands behind the last member is no header")
