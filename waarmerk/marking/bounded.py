"""A file from a stranger, given to the C2PA library within bounds.

What the library does with a small file can take minutes, or end the process. Each cause has a bound
that follows from the file alone, so that the answer is the same on every machine::

    boxes       the square of their number        see :mod:`~waarmerk.marking.boxes`
    PDF         for each stream without an end    streams behind the last "endstream", times the
                all the rest is searched          bytes behind them
    ID3         memory as a frame asks for it     see :mod:`~waarmerk.marking.id3_check`
    all others  each piece, however small, is     how often it reads, for the size of the file
                asked for one by one (4 us)
"""

from __future__ import annotations

import re
from typing import BinaryIO, Final, Literal

from waarmerk.marking.boxes import too_many_boxes
from waarmerk.marking.id3_check import is_harmful
from waarmerk.marking.sound_structure import file_length

__all__ = ["Bounded", "trap_in"]

_MOST_READS: Final = 60_000
_BYTES_PER_READ: Final = 100
"""Besides, for the size of a file: a GIF reads twice for each 256 bytes, which is the most that a
good file of some size takes."""

# Searched at 0.8 to 1.5 GB/s. A PDF that is cut off has one such stream, whatever its size.
_MOST_OPEN = 100
_MOST_SEARCHED = 1 << 28
_PIECE = 1 << 20
_STREAM = re.compile(rb"(?<!end)stream[\r\n]")


class Bounded:
    """A stream that can be read so many times, then no more.

    Parameters
    ----------
    file
        That is read, from its beginning on.
    """

    __slots__ = ("_file", "_left")

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = _MOST_READS + file_length(file) // _BYTES_PER_READ

    @property
    def used_up(self) -> bool:
        """Whether reading has failed because it was tried too often."""
        return self._left < 0

    def read(self, size: int = -1) -> bytes:
        """Return bytes as any stream does."""
        self._count()
        return self._file.read(size)

    def readinto(self, buffer: bytearray | memoryview) -> int:
        """Read into a buffer and return how many bytes it was, as any stream does."""
        self._count()
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to another place and return it, as any stream does."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the place."""
        return self._file.tell()

    def write(self, data: bytes) -> int:
        """Refuse: what is examined is never changed."""
        raise OSError("is only read")

    def flush(self) -> None:
        """Do nothing."""

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise OSError("was read too often")


def trap_in(file: BinaryIO) -> Literal["boxes", "streams", "tag"] | None:
    """Return what there is in a file for which the library must not be asked about it, or None.

    The file stands at its beginning afterwards.

    Parameters
    ----------
    file
        Of any kind: its bytes tell what it is.
    """
    file.seek(0)
    is_pdf = b"%PDF-" in file.read(1024)
    found: Literal["boxes", "streams", "tag"] | None = None
    if too_many_boxes(file):
        found = "boxes"
    elif is_pdf and _too_many_open(file):
        found = "streams"
    elif is_harmful(file):
        found = "tag"
    file.seek(0)
    return found


def _too_many_open(file: BinaryIO) -> bool:
    """Return whether too many streams of a PDF have no end, looking from its end on."""
    length = at = file_length(file)
    count, behind = 0, b""
    while at > 0:
        start = max(0, at - _PIECE)
        file.seek(start)
        data = file.read(at - start) + behind
        last = data.rfind(b"endstream")
        count += sum(1 for _ in _STREAM.finditer(data, max(0, last)))
        if last >= 0:
            return count > _MOST_OPEN and count * (length - start - last) > _MOST_SEARCHED
        if count > _MOST_OPEN and count * (length - start) > _MOST_SEARCHED:
            return True
        # What spans two pieces is in the next one; a word that is whole here is not counted twice.
        at, behind = start, data[:8] if start else b""
        count -= sum(1 for _ in _STREAM.finditer(behind))
    return False
