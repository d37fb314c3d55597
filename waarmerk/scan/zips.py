"""ZIP archives, with any number of members.

Python's own reader holds the whole directory, which of a million members is a gigabyte in every
process. Here the directory is read entry by entry, and a member is opened by its entry alone, which
is shown to that reader as the only one there is::

    the archive    | member | member | ... | entry | entry | entry | end |
    what is shown  | member | member | ... |         entry         | end |

So what is decompressed, and that it has its CRC-32, is left to `zipfile`.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from waarmerk.errors import InputError
from waarmerk.marking.formats import shown
from waarmerk.scan.archives import broken
from waarmerk.scan.listing import Failed, Found, failed
from waarmerk.scan.members import Names
from waarmerk.scan.source import Source

if TYPE_CHECKING:
    from waarmerk.scan.archives import Archive

__all__ = ["Reader", "members"]

# APPNOTE.TXT 6.3.10, 4.3.12 and 4.3.14 to 4.3.16.
_ENTRY: Final = struct.Struct("<4s6H3L5H2L")
_END: Final = struct.Struct("<4s4H2LH")
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR: Final = struct.Struct("<4sLQL")
_MOST_COMMENT: Final = 1 << 16
_ALL_ONES: Final = 0xFFFFFFFF

_ENCRYPTED: Final = 1
_UTF_8: Final = 1 << 11
_UNIX: Final = 3

_WHAT: Final = "no whole ZIP archive"
_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class _Directory:
    """Where the directory is: its begin and size in bytes, and what all offsets lack."""

    begin: int
    size: int
    shift: int


@dataclass(frozen=True, slots=True)
class _Entry:
    """One member, as the directory has it."""

    raw: bytes
    name: bytes
    flags: int
    crc: int
    size: int
    mode: int


def members(archive: Archive) -> Iterator[Found]:
    """List the regular files in an archive, in the order of its directory.

    Folders and symbolic links are left out. Of a source, the place is the offset of its entry in
    the directory, and the ETag its CRC-32.
    """
    names = Names(archive.uri)
    try:
        with broken(archive.uri, _WHAT):
            directory = _found(archive.file)
            place, end = directory.begin, directory.begin + directory.size
        while place < end:
            with broken(archive.uri, _WHAT):
                entry = _entry(archive.file, place, end)
            if not entry.name.endswith(b"/") and not stat.S_ISLNK(entry.mode):
                uri = names.named(_text(entry), place)
                if entry.flags & _ENCRYPTED:
                    yield failed(uri, "is encrypted")
                else:
                    etag = f"crc32:{entry.crc:08x}"
                    yield Source(uri, entry.size, archive.facts.modified, etag, "zip", place)
            place += len(entry.raw)
    except InputError as error:
        yield Failed(archive.uri, str(error))


class Reader:
    """Reads members of an archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        with broken(archive.uri, _WHAT):
            self._directory = _found(archive.file)

    def pieces(self, source: Source) -> tuple[int, Iterator[bytes]]:
        """Return the size of a member, and its content in pieces.

        Raises
        ------
        InputError
            If it cannot be read, or its CRC-32 is not what the directory says; the latter with the
            last piece.
        """
        directory, file = self._directory, self._archive.file
        if source.place is None:
            raise InputError(f"{shown(source.uri)}: has no place in its archive")
        with broken(source.uri, "no whole member of a ZIP archive"):
            entry = _entry(file, source.place, directory.begin + directory.size)
            if entry.flags & _ENCRYPTED:
                raise InputError(f"{shown(source.uri)}: is encrypted")
            alone = zipfile.ZipFile(cast("BinaryIO", _Alone(file, directory, entry)))
        return entry.size, self._read(source.uri, alone)

    @staticmethod
    def _read(uri: str, alone: zipfile.ZipFile) -> Iterator[bytes]:
        with (
            alone,
            broken(uri, "no whole member of a ZIP archive"),
            alone.open(alone.infolist()[0]) as member,
        ):
            while piece := member.read(_PIECE):
                yield piece


class _Alone(io.RawIOBase):
    """An archive up to its directory, and then one with a single entry."""

    def __init__(self, file: BinaryIO, directory: _Directory, entry: _Entry) -> None:
        super().__init__()
        self._file, self._at, self._begin = file, 0, directory.begin
        one = entry.raw
        begin = directory.begin - directory.shift
        end_64 = _END_64.pack(b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(one), begin)
        locator = _LOCATOR.pack(b"PK\6\7", 0, begin + len(one), 1)
        end = _END.pack(b"PK\5\6", 0, 0, 1, 1, _ALL_ONES, _ALL_ONES, 0)
        self._tail = one + end_64 + locator + end

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        size = self._begin + len(self._tail)
        place = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: size}[whence] + offset
        if place < 0:
            raise OSError(22, "Invalid argument")
        self._at = place
        return place

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at < self._begin:
            self._file.seek(self._at)
            data = self._file.read(min(len(buffer), self._begin - self._at))
        else:
            begin = self._at - self._begin
            data = self._tail[begin : begin + len(buffer)]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _found(file: BinaryIO) -> _Directory:
    """Find the directory, by the rules of `zipfile`: whoever reads on must find the same."""
    size = file.seek(0, io.SEEK_END)
    begin = max(0, size - _MOST_COMMENT - _END.size)
    file.seek(begin)
    last = file.read(_MOST_COMMENT + _END.size)
    at = len(last) - _END.size
    if at < 0 or last[at : at + 4] != b"PK\5\6" or last[-2:] != b"\0\0":
        at = last.rfind(b"PK\5\6")
    if at < 0 or len(last) - at < _END.size:
        raise zipfile.BadZipFile("it has no directory at its end")
    _, _, _, _, _, length, offset, _ = _END.unpack_from(last, at)
    place = begin + at
    before = place
    if place >= _LOCATOR.size + _END_64.size:
        file.seek(place - _LOCATOR.size - _END_64.size)
        end_64, locator = file.read(_END_64.size), file.read(_LOCATOR.size)
        if locator[:4] == b"PK\6\7" and end_64[:4] == b"PK\6\6":
            *_, length, offset = _END_64.unpack(end_64)
            before = place - _LOCATOR.size - _END_64.size
    if length + offset > before:
        raise zipfile.BadZipFile("its directory is cut off")
    return _Directory(before - length, length, before - length - offset)


def _entry(file: BinaryIO, place: int, end: int) -> _Entry:
    """Read an entry of the directory."""
    file.seek(place)
    head = file.read(_ENTRY.size)
    if place < 0 or place + _ENTRY.size > end or len(head) < _ENTRY.size or head[:4] != b"PK\1\2":
        raise zipfile.BadZipFile("its directory is damaged")
    (_, maker, _, flags, _, _, _, crc, _, size, n_name, n_extra, n_comment, *_, attributes, _) = (
        _ENTRY.unpack(head)
    )
    rest = file.read(n_name + n_extra + n_comment)
    if len(rest) < n_name + n_extra + n_comment:
        raise zipfile.BadZipFile("its directory is cut off")
    if size == _ALL_ONES:
        size = _large_size(rest[n_name : n_name + n_extra])
    mode = attributes >> 16 if maker >> 8 == _UNIX else 0
    return _Entry(head + rest, rest[:n_name], flags, crc, size, mode)


def _large_size(extra: bytes) -> int:
    """Return the size in an extra field, the first of its values (APPNOTE.TXT 4.5.3)."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        if kind == 1 and length >= 8 and len(extra) >= 12:
            return int(struct.unpack_from("<Q", extra, 4)[0])
        extra = extra[4 + length :]
    return _ALL_ONES


def _text(entry: _Entry) -> bytes:
    """Return the name of a member in UTF-8, if it says what it is in."""
    if entry.flags & _UTF_8:
        return entry.name
    return entry.name.decode("cp437").encode()
