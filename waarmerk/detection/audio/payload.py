"""Reading the id from the cells that the synchronisation points to."""

import math
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from waarmerk.detection.audio.sync import Place
from waarmerk.detection.audio.table import DENSE
from waarmerk.detection.statistics import LOG10_IDS, log10_of_best, log10_sign_tail
from waarmerk.marking.audio.scheme import SCHEME, KeyPattern
from waarmerk.marking.payload import Code, MarkId

__all__ = ["Laid", "Reading", "lay", "read"]

_ATTEMPTS = 2  # places in the cycle of the highest energy that are decoded
_LIST_SIZES = (8, 32, 128)  # of the decoder: a clean word needs no long list
_CLEAR = -15.0  # log10 p, all ids paid for, that no other id could have as well


@dataclass(frozen=True, eq=False)
class Laid:
    """A table laid on the cells of the mark.

    Attributes
    ----------
    cells : float32 [bands, n]
    low : int
        Number of the cell in column 0, as the place counts them.
    start, step : float
        Time of column 0 and distance of columns, in cells of 10 ms of the recording.
    """

    cells: NDArray[np.float32]
    low: int
    start: float
    step: float


def lay(table: NDArray[np.float32], place: Place, first: float, last: float) -> Laid:
    """Sample a table [bands, frames] where a place puts the cells, between two times in cells."""
    from waarmerk.kernels.sound_table import laid_on_tiles

    low = math.ceil(place.cell + place.tempo * (first - place.centre))
    high = math.ceil(place.cell + place.tempo * (last - place.centre))
    start = place.centre + (low - place.cell) / place.tempo
    step = 1.0 / place.tempo
    cells = np.empty((SCHEME.bands, max(0, high - low)), np.float32)
    laid_on_tiles(table, start * DENSE, step * DENSE, cells)
    return Laid(cells, low, start, step)


@dataclass(frozen=True)
class Reading:
    """An id and the proof of it.

    Attributes
    ----------
    log10_p : float
        With everything paid for that was tried.
    mark_id : MarkId
    place : Place
        With cells that count from the start of the cycle, not of a tile.
    """

    log10_p: float
    mark_id: MarkId
    place: Place


def read(
    table: NDArray[np.float32],
    place: Place,
    span: tuple[float, float],
    pattern: KeyPattern,
    gate: float,
) -> Reading | None:
    """Read the id from a stretch of a table, at all places in the cycle.

    Parameters
    ----------
    table : float32 [bands, frames]
    place
        Where the synchronisation puts the tiles.
    span
        First and last time, in cells of 10 ms.
    pattern
        Of the key.
    gate
        Decoding is skipped where the energy of the soft bits stays below so many deviations. That
        saves time and cannot make anything significant.
    """
    from waarmerk.kernels.sound_table import soft_bits

    laid = lay(table, place, *span)
    cells = _folded(laid.cells)
    energy = float(np.einsum("bt,bt->", cells, cells, dtype=np.float64))
    if energy <= 0.0:
        return None
    shifts = SCHEME.tile * np.arange(SCHEME.payload_tiles)
    soft = np.zeros((SCHEME.payload_tiles, SCHEME.code_length))
    for shift, row in zip(shifts, soft, strict=True):
        start = int(laid.low + shift) % SCHEME.cycle
        soft_bits(cells, pattern.sign_rows, pattern.place_rows, start, row)
    scores = (np.einsum("sn,sn->s", soft, soft) / energy - 1.0) * math.sqrt(SCHEME.code_length / 2)
    best: Reading | None = None
    for k in np.argsort(-scores)[:_ATTEMPTS]:
        if scores[k] < gate:
            break
        found = _decoded(soft[k], energy)
        if found is not None and (best is None or found[0] < best.log10_p):
            log10_p, mark_id = found
            best = Reading(
                log10_of_best(log10_p, SCHEME.payload_tiles),
                mark_id,
                replace(place, cell=place.cell + float(shifts[k])),
            )
    return best


def _folded(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Add up cells that lie a cycle apart: they share one sign, and are one draw of chance."""
    count = cells.shape[1]
    if count <= SCHEME.cycle:
        return cells
    padded = np.pad(cells, ((0, 0), (0, -count % SCHEME.cycle)))
    folded: NDArray[np.float32] = padded.reshape(len(cells), -1, SCHEME.cycle).sum(1)
    return folded


def _decoded(soft: NDArray[np.float64], energy: float) -> tuple[float, MarkId] | None:
    """Find the id whose word correlates best. All 2^64 are paid for: any decoder may be tried."""
    best: tuple[float, MarkId] | None = None
    for list_size in _LIST_SIZES:
        for mark_id in _code(list_size).decode(soft):
            total = float(soft @ SCHEME.code.encode(mark_id))
            log10_p = log10_sign_tail(total, energy) + LOG10_IDS
            if best is None or log10_p < best[0]:
                best = log10_p, mark_id
        if best is not None and best[0] < _CLEAR:
            break
    return best


@cache
def _code(list_size: int) -> Code:
    return Code(SCHEME.code_length, list_size)
