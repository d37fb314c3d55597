"""WAV files: their chunks, and writing them block by block.

A WAV is written here and not by libsndfile, so that every chunk of the input keeps its place and
its bytes: broadcast extension (``bext``), cue points, samplers' loops, ``LIST`` and ID3.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from waarmerk.errors import OutputError
from waarmerk.marking.sound_structure import chunks, file_length

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["WaveWriter", "chunk", "info_chunk", "read_chunks"]

# The samples; what describes the old encoding; peaks, which change; a manifest; padding.
_NOT_COPIED = frozenset({b"data", b"fact", b"PEAK", b"C2PA", b"JUNK", b"FLLR", b"PAD "})
_NOT_TOLD = frozenset({b"fmt ", b"id3 ", b"ID3 ", b"LIST", *_NOT_COPIED})

_INFO = {
    "TITLE": b"INAM",
    "ARTIST": b"IART",
    "ALBUM": b"IPRD",
    "DATE": b"ICRD",
    "GENRE": b"IGNR",
    "COMMENT": b"ICMT",
    "DESCRIPTION": b"ICMT",
    "TRACKNUMBER": b"IPRT",
    "COPYRIGHT": b"ICOP",
    "LANGUAGE": b"ILNG",
}
_BITS = {"int16": 16, "int24": 24, "int32": 32, "float32": 32, "float64": 64}
# WAVEFORMATEXTENSIBLE: the speakers that so many channels mean by default.
_SPEAKERS = {1: 0x4, 2: 0x3, 3: 0x7, 4: 0x33, 5: 0x37, 6: 0x3F, 7: 0x13F, 8: 0x63F}
_GUID = bytes.fromhex("0000000010008000 00aa00389b71")


def read_chunks(
    path: Path, most: int
) -> tuple[tuple[bytes, ...], tuple[bytes, ...], tuple[str, ...]]:
    """Return the chunks in front of the samples, those behind, and what only a WAV can hold."""
    head: list[bytes] = []
    rest: list[bytes] = []
    only_here: list[str] = []
    where = head
    with path.open("rb") as file:
        length = file_length(file)
        for kind, start, size in chunks(file):
            if kind == b"data":
                where = rest
            elif start + size <= length and size <= most and kind not in _NOT_COPIED:
                file.seek(start)
                where.append(chunk(kind, file.read(size)))
                if kind not in _NOT_TOLD and kind.isascii():
                    only_here.append(f"the WAV chunk {kind.decode('ascii').strip()}")
            if len(head) + len(rest) > 1000:
                break
    return tuple(head), tuple(rest), tuple(dict.fromkeys(only_here))


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk, padded to an even length."""
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def info_chunk(texts: Iterable[tuple[str, str]]) -> bytes:
    """Return a LIST chunk of the texts that it has words for; empty if there are none."""
    found: dict[bytes, str] = {}
    for key, value in texts:
        if key in _INFO and value:
            found.setdefault(_INFO[key], value)
    body = b"".join(chunk(kind, v.encode("utf-8", "replace") + b"\0") for kind, v in found.items())
    return chunk(b"LIST", b"INFO" + body) if body else b""


class WaveWriter:
    """Writes a WAV file.

    Parameters
    ----------
    path
        A file that does not exist yet.
    sample_rate, channels, sample
        What it holds; `sample` is int16, int24, int32, float32 or float64.
    head, rest
        Chunks in front of the samples and behind them; a ``fmt`` chunk among them that says the
        same about the samples is kept as it is.
    """

    def __init__(
        self,
        path: Path,
        sample_rate: int,
        channels: int,
        sample: str,
        *,
        head: Iterable[bytes] = (),
        rest: Iterable[bytes] = (),
    ) -> None:
        self._sample = sample
        self._frame_bytes = channels * _BITS[sample] // 8
        self._rest = b"".join(rest)
        self._frames = 0
        self._path = path
        self._file: Any = path.open("xb")
        made = _format_chunk(sample_rate, channels, sample)
        head = tuple(head)
        given = [c for c in head if c.startswith(b"fmt ")]
        kept = given[0] if given and _same_format(given[0], made) else made
        blocks = [kept if c.startswith(b"fmt ") else c for c in head] if given else [made, *head]
        self._fact = 0
        front = b"RIFF\0\0\0\0WAVE" + b"".join(blocks)
        if sample.startswith("float"):
            self._fact = len(front) + 8
            front += chunk(b"fact", bytes(4))
        self._data = len(front)
        self._file.write(front + b"data\0\0\0\0")

    def write(self, block: NDArray[Any]) -> None:
        """Write samples [n, channels]: int16, or int32 whose upper bits count, or floats."""
        self._frames += len(block)
        if self._data + 8 + self._frames * self._frame_bytes + len(self._rest) >= 1 << 32:
            raise OutputError(
                f"{self._path.name}: a WAV holds no more than 4 GB; write .flac instead"
            )
        self._file.write(_encoded(block, self._sample))

    def close(self) -> None:
        """Finish the file."""
        file, size = self._file, self._frames * self._frame_bytes
        file.write(bytes(size % 2) + self._rest)
        end = file.tell()
        file.seek(4)
        file.write(struct.pack("<I", end - 8))
        if self._fact:
            file.seek(self._fact)
            file.write(struct.pack("<I", self._frames))
        file.seek(self._data + 4)
        file.write(struct.pack("<I", size))
        file.close()

    def abandon(self) -> None:
        """Close the file unfinished."""
        self._file.close()


def _encoded(block: NDArray[Any], sample: str) -> bytes:
    import numpy as np

    if sample == "int24":
        values: NDArray[np.int32] = np.ascontiguousarray(block, dtype="<i4")
        return values.view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()
    kind = {"int16": "<i2", "int32": "<i4", "float32": "<f4", "float64": "<f8"}[sample]
    return np.ascontiguousarray(block, dtype=kind).tobytes()


def _format_chunk(sample_rate: int, channels: int, sample: str) -> bytes:
    bits = _BITS[sample]
    tag = 3 if sample.startswith("float") else 1
    extensible = channels > 2 or (tag == 1 and bits > 16)
    width = channels * bits // 8
    content = struct.pack(
        "<HHIIHH",
        0xFFFE if extensible else tag,
        channels,
        sample_rate,
        (sample_rate * width) & 0xFFFFFFFF,
        width,
        bits,
    )
    if extensible:
        speakers = _SPEAKERS.get(channels, 0)
        content += struct.pack("<HHIH", 22, bits, speakers, tag) + _GUID
    return chunk(b"fmt ", content)


def _same_format(given: bytes, made: bytes) -> bool:
    """Return whether a format chunk describes the same samples, in whichever of its two forms."""

    def facts(block: bytes) -> tuple[int, ...]:
        tag, channels, rate, _, width, bits = struct.unpack_from("<HHIIHH", block, 8)
        if tag == 0xFFFE and len(block) >= 8 + 26:
            (tag,) = struct.unpack_from("<H", block, 8 + 24)
        return tag, channels, rate, width, bits

    return len(given) >= 24 and facts(given) == facts(made)
