"""What a key finds in the lines of a picture, with the bound on the chance of it.

Synchronisation and payload are separate proofs: their phases are independent parts of the key. The
first says *marked with this key*; the second reads the id and, because an id is accepted only when
its whole word correlates, proves the mark as well, with all 2^64 ids paid for.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from waarmerk.detection.statistics import log10_of_best, log10_tail
from waarmerk.marking.image.lines import TileLines, power_of, sync_values, weights
from waarmerk.marking.image.scheme import ORIENTATIONS, SCHEME, KeyPattern
from waarmerk.marking.payload import Code, MarkId

__all__ = [
    "FINER",
    "NOTHING",
    "REFINED",
    "SHIFTS",
    "VARIANTS",
    "PayloadEvidence",
    "SyncEvidence",
    "matched_lines",
    "read_payload",
    "shift_turns",
    "shifted_sync",
    "upright_lines",
    "upright_quiet",
    "upright_sync",
]

_ATTEMPTS = 2  # places of the highest energy that are decoded
_LIST_SIZES = (8, 32, 128)  # of the decoder: a clean word needs no long list
_CLEAR = -15.0  # log10 p, all ids paid for, that no other id could have as well
LOG10_IDS = 64 * math.log10(2.0)
VARIANTS = 2  # signs of the synchronisation pattern
SHIFTS = 112  # of a tile, in either direction: 8/7 canonical pixels apart
FINER = 3  # times closer together are the shifts that are looked at around a peak
REFINED = 2  # orientations whose peaks are refined


@dataclass(frozen=True, eq=False)
class SyncEvidence:
    """The best alignment of the synchronisation pattern among those looked at.

    Attributes
    ----------
    log10_p : float
        Of that alignment alone: the caller pays for how many were looked at.
    orientation : int
    offset : float64 [2]
        Tile origin relative to the picture's centre, see `align.from_peak`; zeros when upright.
    sign : float
        Of the pattern: which of the two variants it is.
    """

    log10_p: float
    orientation: int
    offset: NDArray[np.float64]
    sign: float


NOTHING = SyncEvidence(0.0, 0, np.zeros(2), 1.0)


@dataclass(frozen=True)
class PayloadEvidence:
    """An id read from the payload lines; ``log10_p`` has all ids paid for, not the alignments."""

    log10_p: float
    mark_id: MarkId

    def paid(self, hypotheses: int) -> "PayloadEvidence":
        """Pay for being the best of so many."""
        return PayloadEvidence(log10_of_best(self.log10_p, hypotheses), self.mark_id)


def upright_lines(
    shape: tuple[int, ...], tiles: TileLines
) -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
    """Read the synchronisation lines of an uncropped picture, for every right-angle turn.

    Parameters
    ----------
    shape
        Rows and columns of the residual.
    tiles
        Of the residual.

    Returns
    -------
    values : complex64 [8, L]
        Referred to the pixel that was top left when the picture was marked; weighted.
    energy : float32 [8]
        Sum of their squared magnitudes.
    """
    raw, weight = sync_values(tiles.total)
    index, conjugate = SCHEME.orientation_lines
    weighted = raw * weight
    values = weighted[index]
    np.conjugate(values, out=values, where=conjugate)
    far = _far_corners() * np.array([shape[1] - 1, shape[0] - 1])
    along = (SCHEME.turned_lines @ far[:, :, None])[:, :, 0]
    values *= np.exp((2j * np.pi / SCHEME.tile) * (along % SCHEME.tile)).astype(np.complex64)
    return values, np.full(len(ORIENTATIONS), np.sum(power_of(weighted)))


@cache
def _far_corners() -> NDArray[np.int64]:
    """1 where a turn brings the first column or row to the far side [8, 2]."""
    far: NDArray[np.int64] = (np.array(ORIENTATIONS).sum(2) < 0).astype(np.int64)
    return far


def upright_sync(
    values: NDArray[np.complex64], energy: NDArray[np.float32], pattern: KeyPattern
) -> SyncEvidence:
    """Correlate the lines of `upright_lines` with a key's pattern; picks the best turn."""
    totals = (values @ pattern.sync_turn).real
    best = int(np.argmax(np.abs(totals)))
    total = float(totals[best])
    return SyncEvidence(
        log10_tail(abs(total), float(energy[best])), best, np.zeros(2), -1.0 if total < 0 else 1.0
    )


def upright_quiet(
    values: NDArray[np.complex64],
    energy: NDArray[np.float32],
    patterns: Sequence[KeyPattern],
    level: float,
) -> NDArray[np.bool_]:
    """Tell of which keys `upright_sync` would surely find nothing down to a log10 p [keys]."""
    totals = (np.array([pattern.sync_turn for pattern in patterns]) @ values.T).real
    # A tenth of a decade is far more than single precision is wrong by.
    least = np.sqrt((-level - 0.1) * math.log(10.0) * np.maximum(energy, 0.0))
    return np.asarray(np.all(np.abs(totals) < least, axis=1), np.bool_)


def shifted_sync(
    lines: NDArray[np.complexfloating], power: NDArray[np.floating], pattern: KeyPattern
) -> SyncEvidence:
    """Correlate lines with a key's pattern at every shift of the tile and every turn.

    Parameters
    ----------
    lines : complex [L]
        Referred to the centre of the picture, at the places that a geometry predicts.
    power : float [L]
        Mean power around each line.
    """
    from waarmerk.kernels.lattice import peaks

    turned, energy = matched_lines(lines, power)
    matched = (turned * pattern.sync_turn).astype(np.complex64)
    x, y = SCHEME.sync_lines.T
    # Two orientations in one transform: surfaces are real, so one goes into the real part and one
    # into the imaginary. A line and its conjugate give twice the real part, hence the halves.
    unit = np.array([0.5, 0.5j], np.complex64)[:, None]
    pairs = matched.reshape(-1, 2, matched.shape[1])
    # Only rows up to the highest line hold anything, so only they are transformed along x.
    top = int(y.max())
    rows = np.zeros((len(pairs), 2 * top + 1, SHIFTS), np.complex64)
    rows[:, y, x] = (pairs * unit).sum(1)
    rows[:, -y, -x] = (pairs.conj() * unit).sum(1)
    rows = scipy.fft.fft(rows, axis=2, overwrite_x=True)
    planes = np.zeros((len(pairs), SHIFTS, SHIFTS), np.complex64)
    planes[:, : top + 1] = rows[:, : top + 1]
    planes[:, -top:] = rows[:, -top:]
    surfaces = scipy.fft.fft(planes, axis=1, overwrite_x=True)
    parts = surfaces.view(np.float32).reshape(len(pairs), SHIFTS * SHIFTS, 2)
    places = np.empty((len(pairs), 2), np.int64)
    peaks(parts, places)
    totals = np.take_along_axis(parts, places[:, None], 1)[:, 0].ravel()
    found = []
    for orientation in np.argsort(-np.abs(totals))[:REFINED]:
        pair, part = divmod(int(orientation), 2)
        row, column = divmod(int(places[pair, part]), SHIFTS)
        total, offset = _refined_peak(matched[orientation], row, column)
        sign = -1.0 if total < 0 else 1.0
        found.append(SyncEvidence(log10_tail(abs(total), energy), int(orientation), offset, sign))
    return min(found, key=lambda evidence: evidence.log10_p)


def matched_lines(
    lines: NDArray[np.complexfloating], power: NDArray[np.floating]
) -> tuple[NDArray[np.complexfloating], float]:
    """Weigh the lines of a geometry and put them in place for every turn [8, L]; their energy."""
    weighted = lines * weights(lines, power)
    energy = float(np.sum(np.abs(weighted) ** 2))
    index, conjugate = SCHEME.orientation_lines
    turned = weighted[index]
    turned[conjugate] = turned[conjugate].conj()
    return turned, energy


def _refined_peak(
    matched: NDArray[np.complex64], row: int, column: int
) -> tuple[float, NDArray[np.float64]]:
    """Look between the shifts: the largest correlation around a peak, and where it is.

    Returns
    -------
    total : float
        With its sign.
    offset : float64 [2]
        (column, row) in canonical pixels, signed.
    """
    around = np.arange(-2 * FINER, 2 * FINER + 1)
    rows = (row * FINER + around) % (SHIFTS * FINER)
    columns = (column * FINER + around) % (SHIFTS * FINER)
    across, down = shift_turns()
    surface = ((down[rows] * matched) @ across[columns].T).real
    i, j = divmod(int(np.argmax(np.abs(surface))), len(around))
    half = SHIFTS * FINER // 2
    place = (np.array([columns[j], rows[i]]) + half) % (2 * half) - half
    return float(surface[i, j]), place * (SCHEME.tile / (SHIFTS * FINER))


@cache
def shift_turns() -> tuple[NDArray[np.complex64], NDArray[np.complex64]]:
    """Give the factors of every line for every fine shift across and down [SHIFTS * FINER, L]."""
    shift = np.arange(SHIFTS * FINER)[:, None]
    step = -2j * np.pi / (SHIFTS * FINER)
    across, down = (
        np.exp(step * (shift * frequency % (SHIFTS * FINER))).astype(np.complex64)
        for frequency in SCHEME.sync_lines.T
    )
    return across, down


def read_payload(
    tiles: TileLines,
    pattern: KeyPattern,
    *,
    place_known: bool,
    gate: float,
) -> PayloadEvidence | None:
    """Read the id from the tiles of a residual that lie where the marker laid them.

    Parameters
    ----------
    tiles
        Of the whole picture, upright, or of an aligned part of it.
    pattern
        Of the key.
    place_known
        Whether the first tile is the first of the marked picture. If not, all 64 places in the
        grid of the key are looked at, and paid for.
    gate
        Decoding is skipped where the energy of the soft bits stays below so many deviations. That
        saves time and cannot make anything significant.
    """
    if place_known:
        soft = [tiles.soft_bits(pattern)]
        if _energy_z(soft[0], tiles.payload_energy) < gate:  # as it is with nearly every key
            return None
    else:
        soft = [
            tiles.soft_bits(pattern, down, across)
            for down in range(SCHEME.grid)
            for across in range(SCHEME.grid)
        ]
    scores = [_energy_z(bits, tiles.payload_energy) for bits in soft]
    best: PayloadEvidence | None = None
    for k in np.argsort(scores)[::-1][:_ATTEMPTS]:
        if scores[k] < gate:
            break
        found = _decoded(soft[k], tiles.payload_energy)
        if found is not None and (best is None or found.log10_p < best.log10_p):
            best = found
    return None if best is None else best.paid(len(soft))


def _decoded(soft: NDArray[np.float64], energy: float) -> PayloadEvidence | None:
    """Find the id whose word correlates best. All 2^64 are paid for: any decoder may be tried."""
    best: PayloadEvidence | None = None
    for list_size in _LIST_SIZES:
        for mark_id in _code(list_size).decode(soft):
            total = float(soft @ SCHEME.code.encode(mark_id))
            log10_p = log10_tail(total, energy) + LOG10_IDS
            if best is None or log10_p < best.log10_p:
                best = PayloadEvidence(log10_p, mark_id)
        if best is not None and best.log10_p < _CLEAR:
            break
    return best


@cache
def _code(list_size: int) -> Code:
    return Code(SCHEME.code_length, list_size)


def _energy_z(soft: NDArray[np.float64], energy: float) -> float:
    """How far the energy of soft bits exceeds what unmatched phases give, in deviations."""
    if energy <= 0.0:
        return 0.0
    return (float(soft @ soft) / (energy / 2) - 1.0) * math.sqrt(SCHEME.code_length / 2)
