"""Where in a recording a mark stands whose id is known."""

import numpy as np
from numpy.typing import NDArray

from waarmerk.detection.audio.payload import Reading, lay
from waarmerk.detection.finding import Segment
from waarmerk.marking.audio.pattern import unit_pattern
from waarmerk.marking.audio.scheme import SCHEME, KeyPattern

__all__ = ["joined", "marked_segments"]

_BLOCK = 32  # cells
_AROUND = 2  # blocks to either side that are looked at together
_PRESENT = 4.0  # deviations of the mark over these blocks that say it is there
_GAP = 0.7  # seconds: shorter gaps, as pauses in speech leave them, are closed


def marked_segments(
    table: NDArray[np.float32], cells: float, reading: Reading, pattern: KeyPattern
) -> list[Segment]:
    """Tell where the mark of a reading stands in a table [bands, frames] of so many cells.

    The whole mark is known now, so that a second of sound is enough to see it: the correlation of
    every third of a second is compared with its deviation.
    """
    laid = lay(table, reading.place, 0.0, cells)
    whole = unit_pattern(pattern, reading.mark_id)
    mark = whole[(laid.low + np.arange(laid.cells.shape[1])) % SCHEME.cycle].T
    blocks = -(-laid.cells.shape[1] // _BLOCK)
    padding = ((0, 0), (0, blocks * _BLOCK - laid.cells.shape[1]))
    seen, squares = (
        np.pad(values, padding).reshape(SCHEME.bands, blocks, _BLOCK).sum((0, 2), np.float64)
        for values in (laid.cells * mark, laid.cells**2)
    )
    near = _around(seen)
    deviation = np.sqrt(_around(squares)) + 1e-12
    # A block belongs to the mark if the mark is seen around it, and not against it itself.
    present = (near / deviation >= _PRESENT) & (seen > 0)
    seconds = laid.step * _BLOCK / SCHEME.frame_rate
    origin = laid.start / SCHEME.frame_rate
    end = cells / SCHEME.frame_rate
    segments = [
        Segment(max(0.0, origin + k * seconds), min(end, origin + (k + 1) * seconds))
        for k in np.flatnonzero(present).tolist()
    ]
    return joined(segments)


def _around(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add up the blocks to either side of each; there may be fewer blocks than are added up."""
    whole = np.convolve(values, np.ones(2 * _AROUND + 1))
    return whole[_AROUND : _AROUND + len(values)]


def joined(segments: list[Segment]) -> list[Segment]:
    """Merge segments that overlap or lie close together."""
    out: list[Segment] = []
    for segment in sorted(segments, key=lambda s: s.start):
        if out and segment.start - out[-1].end <= _GAP:
            out[-1] = Segment(out[-1].start, max(out[-1].end, segment.end))
        else:
            out.append(segment)
    return [segment for segment in out if segment.end > segment.start]
