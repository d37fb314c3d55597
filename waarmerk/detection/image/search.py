"""The full search: candidate geometries, checked with a key, aligned, and read.

::

    lattice (no key)        synchronisation (key)         payload (key)
    ┌───────────────┐       ┌───────────────────┐        ┌──────────────────┐
    │ 3 geometries  │ ────▶ │ shift, turn, sign │ ─────▶ │ lay on tiles,    │ ─▶ id
    └───────────────┘       └───────────────────┘        │ 64 places        │
                                      ▲                  └────────┬─────────┘
                                      └── bend where the pattern ─┘
                                          stands elsewhere
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from waarmerk.detection.image.align import Alignment, aligned, bent, from_peak, upright
from waarmerk.detection.image.analysis import Analysis
from waarmerk.detection.image.evidence import (
    FINER,
    SHIFTS,
    VARIANTS,
    PayloadEvidence,
    SyncEvidence,
    read_payload,
    shifted_sync,
)
from waarmerk.detection.image.locate import CANDIDATES
from waarmerk.detection.statistics import log10_of_best
from waarmerk.marking.image.lines import TileLines
from waarmerk.marking.image.scheme import ORIENTATIONS, KeyPattern

__all__ = ["LEVEL", "SEEN", "Searched", "search"]

SEEN = -4.5  # log10 p of upright synchronisation, alone, from which its orientation is believed
_PROMISING = -7.5  # log10 p of a searched peak, alone, from which the payload is read
_STARTS = 3  # alignments from which the payload is read, at most
_BENDS = 3  # times that an alignment is corrected
_ENOUGH = -9.0  # log10 p of a payload, all paid for, that ends the search
_CLEAR = -10.0  # log10 p of a peak, alone, that is hardly ever chance
_GATE, _LOW_GATE = 2.8, 1.2  # deviations of payload energy from which it is decoded; if clear

_SYNC_HYPOTHESES = CANDIDATES * len(ORIENTATIONS) * VARIANTS * (FINER * SHIFTS) ** 2
LEVEL = -(math.log10(_SYNC_HYPOTHESES) + math.log10(4))
"""log10 p of a peak, alone, of which nothing is left when all is paid for (4: shares of the level).
It lies above `_PROMISING`, so that a peak that does not reach it leads to nothing."""
_PAYLOAD_HYPOTHESES = _STARTS * (1 + _BENDS)  # each pays for its 64 places and all ids itself


@dataclass(frozen=True, eq=False)
class Searched:
    """What the search found: two proofs that have paid for all that was tried, and the geometry.

    ``linear`` [2, 2] takes pixels of the marked picture to received pixels, in the middle.
    """

    sync_log10_p: float
    payload: PayloadEvidence | None
    linear: NDArray[np.float64]


def search(
    analysis: Analysis,
    pattern: KeyPattern,
    seen: SyncEvidence,
    worth: Sequence[bool] | NDArray[np.bool_],
) -> Searched:
    """Look for the mark of a key in a picture that was cropped, scaled, turned or bent.

    Parameters
    ----------
    analysis
        Of the picture.
    pattern
        Of the key.
    seen
        What the fast look found of the synchronisation: if it stands in place but the payload
        could not be read, the picture may only be slightly bent.
    worth
        Which candidates may reach `LEVEL`; the others count as if they showed nothing.
    """
    shape = analysis.residual.shape
    starts: list[tuple[float, Alignment, float]] = []
    for matrix, lines, power in compress(analysis.candidates, worth):
        peak = shifted_sync(lines, power, pattern)
        starts.append(
            (peak.log10_p, from_peak(matrix, peak.orientation, peak.offset, shape), peak.sign)
        )
    starts.sort(key=lambda entry: entry[0])
    sync = log10_of_best(starts[0][0], _SYNC_HYPOTHESES) if starts else 0.0
    promising = [entry for entry in starts if entry[0] <= _PROMISING]
    if seen.log10_p <= SEEN:
        promising.insert(0, (seen.log10_p, upright(seen.orientation, shape), seen.sign))
    for log10_p, alignment, sign in promising[:_STARTS]:
        gate = _LOW_GATE if log10_p <= _CLEAR else _GATE
        payload, last = _read_bending(analysis, pattern, alignment, sign, gate)
        if payload is not None and payload.log10_p <= _ENOUGH:
            return Searched(sync, payload, last.linear(shape))
    best = [*promising, *starts, (0.0, upright(0, shape), 1.0)][0][1]
    return Searched(sync, None, best.linear(shape))


def _read_bending(
    analysis: Analysis, pattern: KeyPattern, alignment: Alignment, sign: float, gate: float
) -> tuple[PayloadEvidence | None, Alignment]:
    """Read the payload along an alignment, correcting it as long as that fails."""
    payload: PayloadEvidence | None = None
    for bends in range(1 + _BENDS):
        values, start = aligned(analysis.residual, alignment)
        payload = read_payload(TileLines.of(values), pattern, place_known=False, gate=gate)
        if payload is not None:
            payload = payload.paid(_PAYLOAD_HYPOTHESES)
            if payload.log10_p <= _ENOUGH:
                break
        corrected = bent(alignment, values, start, pattern, sign) if bends < _BENDS else None
        if corrected is None:
            break
        alignment = corrected
    return payload, alignment


def describe(linear: NDArray[np.float64]) -> tuple[float, float, bool, float]:
    """Give scale, rotation, mirroring and aspect of a matrix [2, 2] of marked to received pixels.

    Returns
    -------
    scale : float
        Geometric mean of the two scales.
    rotation : float
        Degrees counter-clockwise, in (-180, 180].
    mirrored : bool
        Flipped left to right before it was turned.
    aspect : float
        Horizontal over vertical scale.
    """
    whole = linear
    mirrored = bool(np.linalg.det(whole) < 0)
    if mirrored:
        whole = whole @ np.diag([-1.0, 1.0])
    across = math.hypot(whole[0, 0], whole[1, 0])
    down = math.hypot(whole[0, 1], whole[1, 1])
    # Rows count downwards, so a positive angle of the matrix is clockwise.
    angle = math.degrees(math.atan2(-whole[1, 0], whole[0, 0]))
    if angle <= -180.0 + 1e-9:
        angle += 360.0
    return math.sqrt(across * down), angle + 0.0, mirrored, across / down
