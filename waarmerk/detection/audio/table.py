"""From the power of the bands to the tables in which the mark is looked for.

Two tables differ in how far a cell is compared with its surroundings in time: the payload changes
from cell to cell, and shows best against the nearest; the slow lines of the synchronisation need
a wider view.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from waarmerk.detection.audio.hearing import FRAMES_A_SECOND, PARTS
from waarmerk.marking.audio.scheme import SCHEME

__all__ = ["DENSE", "Levels"]

DENSE = FRAMES_A_SECOND // SCHEME.frame_rate  # frames of a table for every cell

# Of `standing_out`, in cells and bands; chosen on the tuning clips.
_PAYLOAD = (2, 4)  # reach and width
_SYNC = (4, 8)
_ACROSS = 3
_FLOOR_DB = 1.5
_CLIP = 2.0
_LEAST = 0.1
_QUIET = 10  # per cent of the frames, by power, that count as noise
_NOISE_OVER_QUIET = 2.0
_EVERY = 8  # frames of which one is looked at to tell the noise
_SILENCE = 1e-7  # of the power of a full-scale band: what 16 bits leave of silence


@cache
def _regridding(pitch: float) -> NDArray[np.float32]:
    """Shares of the parts of bands that make up each band at a pitch [bands * PARTS, bands]."""
    low, high = (math.log1p(f / SCHEME.knee) for f in (SCHEME.lowest, SCHEME.highest))
    parts = np.expm1(np.linspace(low, high, SCHEME.bands * PARTS + 1)) * SCHEME.knee
    edges = SCHEME.edges * pitch
    lower = np.maximum(parts[:-1, None], edges[None, :-1])
    upper = np.minimum(parts[1:, None], edges[None, 1:])
    # Of a band that reaches beyond the outermost part there is only what lies within.
    share: NDArray[np.float32] = (np.maximum(upper - lower, 0.0) / np.diff(parts)[:, None]).astype(
        np.float32
    )
    return share


@dataclass(frozen=True, eq=False)
class Levels:
    """Levels of the bands as a pitch puts them, and their weights [bands, frames].

    Attributes
    ----------
    level : float32
        dB.
    weight : float32
        Share of the power that is not noise.
    dense : int
        Frames for every cell.
    """

    level: NDArray[np.float32]
    weight: NDArray[np.float32]
    dense: int

    @classmethod
    def of(cls, power: NDArray[np.float32], *, pitch: float = 1.0) -> Levels:
        """Take levels of the power of the parts of bands.

        Parameters
        ----------
        power : float32 [frames, bands * PARTS]
            See :class:`waarmerk.detection.audio.hearing.Hearing`.
        pitch : float, optional
            How much higher the sound is than when it was marked.
        """
        bands = np.ascontiguousarray((power @ _regridding(pitch)).T)
        bands += np.float32(_SILENCE)
        return cls._of_bands(bands, DENSE)

    @classmethod
    def for_search(cls, power: NDArray[np.float32], pitches: Iterable[float]) -> Iterator[Levels]:
        """Take levels at one pitch after the other, a frame for every cell, for a search.

        They are right to the rounding of single precision, and not the very same as those of `of`.
        """
        from waarmerk.kernels.sound_table import banded

        parts = np.ascontiguousarray(power[::DENSE].T)
        bands = np.empty((SCHEME.bands, parts.shape[1]), np.float32)
        for pitch in pitches:
            banded(parts, _regridding(pitch), _SILENCE, bands)
            yield cls._of_bands(bands, 1)

    @classmethod
    def _of_bands(cls, bands: NDArray[np.float32], dense: int) -> Levels:
        from waarmerk.kernels.sound_table import levels

        quiet = bands[:, :: _EVERY * dense // DENSE]
        rank = quiet.shape[1] * _QUIET // 100
        noise = np.partition(quiet, rank, axis=1)[:, rank] * np.float32(_NOISE_OVER_QUIET)
        level, weight = np.empty_like(bands), np.empty_like(bands)
        levels(bands, noise, _LEAST, level, weight)
        return cls(level, weight, dense)

    def payload_table(self) -> NDArray[np.float32]:
        """Tell how far every cell stands out of its nearest surroundings [bands, frames]."""
        return self._table(*_PAYLOAD)

    def sync_table(self) -> NDArray[np.float32]:
        """Tell how far every cell stands out of its wider surroundings [bands, frames]."""
        return self._table(*_SYNC)

    def _table(self, reach: int, wide: int) -> NDArray[np.float32]:
        from waarmerk.kernels.sound_table import standing_out

        out = np.empty_like(self.level)
        reach, wide = reach * self.dense, wide * self.dense
        # What a search finds is looked at once more, in full.
        exact = np.float32 if self.dense == 1 else np.float64
        room = np.empty((4, out.shape[1] + 2 * max(reach, wide)), exact)
        standing_out(self.level, self.weight, reach, _ACROSS, wide, _FLOOR_DB, _CLIP, room, out)
        return out
