"""What a key finds in the lines of a picture, with the bound on the chance of it.

Synchronisation and payload are separate proofs: their phases are independent parts of the key. The
first says *marked with this key*; the second reads the id and, because an id is accepted only when
its whole word correlates, proves the mark as well, with all 2^64 ids paid for.
"""

import math
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from waarmerk.detection.image.align import peak_offset
from waarmerk.detection.statistics import log10_of_best, log10_tail
from waarmerk.marking.image.lines import (
    local_power,
    payload_values,
    soft_bits,
    tile_spectrum,
    weights,
)
from waarmerk.marking.image.scheme import ORIENTATIONS, SCHEME, KeyPattern
from waarmerk.marking.payload import MarkId

__all__ = [
    "PayloadEvidence",
    "SyncEvidence",
    "payload_of_tiles",
    "payload_upright",
    "shifted_sync",
    "upright_lines",
    "upright_sync",
]

LOG10_IDS = 64 * math.log10(2.0)
VARIANTS = 2**SCHEME.sync_groups


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
    signs : float64 [L]
        Sign of each line: which of the variants it is.
    """

    log10_p: float
    orientation: int
    offset: NDArray[np.float64]
    signs: NDArray[np.float64]


@dataclass(frozen=True)
class PayloadEvidence:
    """An id read from the payload lines; ``log10_p`` has all ids paid for, not the alignments."""

    log10_p: float
    mark_id: MarkId


def upright_lines(
    residual: NDArray[np.float32],
) -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
    """Synchronisation lines of a picture that was not cropped, for every right-angle turn.

    Returns
    -------
    values : complex64 [8, L]
        Referred to the pixel that was top left when the picture was marked.
    weight : float32 [8, L]
    """
    height, width = residual.shape
    spectrum = tile_spectrum(residual)
    x, y = SCHEME.sync_lines.T
    raw = spectrum[y, x]
    weight = weights(raw, local_power(spectrum)[y, x])
    index, conjugate = SCHEME.orientation_lines
    values = raw[index]
    values[conjugate] = values[conjugate].conj()
    for o, matrix in enumerate(np.array(ORIENTATIONS)):
        far = np.where(matrix.sum(1) < 0, (width - 1, height - 1), 0)
        along = (SCHEME.sync_lines @ matrix.T) @ far
        values[o] *= np.exp(2j * np.pi * along / SCHEME.tile)
    return values, weight[index]


def upright_sync(
    values: NDArray[np.complex64], weight: NDArray[np.float32], pattern: KeyPattern
) -> SyncEvidence:
    """Correlate the lines of `upright_lines` with a key's pattern; picks the best turn."""
    weighted = values * weight
    matched = (weighted * np.exp(-1j * pattern.sync_phase)).real
    by_group = np.stack(
        [matched[:, pattern.sync_group == g].sum(1) for g in range(SCHEME.sync_groups)], 1
    )
    energy = np.sum(np.abs(weighted) ** 2, 1)
    totals = np.abs(by_group).sum(1)
    best = int(np.argmax(totals**2 / np.maximum(energy, 1e-30)))
    signs = np.where(by_group[best] < 0, -1.0, 1.0)[pattern.sync_group]
    return SyncEvidence(
        log10_tail(float(totals[best]), float(energy[best])), best, np.zeros(2), signs
    )


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
    size = SCHEME.tile
    weighted = lines * weights(lines, power)
    energy = float(np.sum(np.abs(weighted) ** 2))
    index, conjugate = SCHEME.orientation_lines
    turned = weighted[index]
    turned[conjugate] = turned[conjugate].conj()
    matched = (turned * np.exp(-1j * pattern.sync_phase)).astype(np.complex64)
    x, y = SCHEME.sync_lines.T
    # Two real surfaces in one transform: the first group in the real part, the second in the
    # imaginary one. A line and its conjugate give twice the real part, hence the halves.
    unit = np.where(pattern.sync_group == 0, 0.5, 0.5j).astype(np.complex64)
    planes = np.zeros((len(ORIENTATIONS), size, size), np.complex64)
    planes[:, y, x] = matched * unit
    planes[:, -y, -x] = matched.conj() * unit
    surfaces = scipy.fft.fft2(planes, overwrite_x=True)
    totals = np.abs(surfaces.real) + np.abs(surfaces.imag)
    orientation, row, column = np.unravel_index(int(np.argmax(totals)), totals.shape)
    peak = surfaces[orientation, row, column]
    signs = np.where(
        np.array([peak.real, peak.imag]) < 0, -1.0, 1.0
    )[pattern.sync_group]
    offset = peak_offset(totals[orientation], int(row), int(column))
    return SyncEvidence(
        log10_tail(float(totals[orientation, row, column]), energy),
        int(orientation),
        offset,
        signs,
    )


def _best_id(
    values: NDArray[np.complex64], weight: NDArray[np.float32], soft: NDArray[np.float64]
) -> PayloadEvidence | None:
    energy = float(np.sum((np.abs(values) * weight).astype(np.float64) ** 2))
    best: PayloadEvidence | None = None
    for mark_id in SCHEME.code.decode(soft):
        total = float(soft @ SCHEME.code.encode(mark_id))
        log10_p = min(0.0, log10_tail(total, energy) + LOG10_IDS)
        if best is None or log10_p < best.log10_p:
            best = PayloadEvidence(log10_p, mark_id)
    return best


def _energy_z(soft: NDArray[np.float64], values: NDArray[np.complexfloating], weight: NDArray[np.floating]) -> float:
    """How far the energy of the soft bits exceeds what unmatched phases give, in deviations."""
    expected = float(np.sum((np.abs(values) * weight) ** 2)) / 2
    if expected <= 0.0:
        return 0.0
    return (float(soft @ soft) / expected - 1.0) * math.sqrt(SCHEME.code_length / 2)


def payload_upright(
    residual: NDArray[np.float32], pattern: KeyPattern, gate: float
) -> PayloadEvidence | None:
    """Read the payload of a residual whose first pixel is that of the marked picture.

    Decoding is skipped when the energy of the soft bits stays below ``gate`` deviations; the gate
    saves time and cannot make anything significant.
    """
    values, weight = payload_values(tile_spectrum(residual, pattern.tile_signs))
    soft = soft_bits(values, weight, pattern)
    if _energy_z(soft, values, weight) < gate:
        return None
    return _best_id(values, weight, soft)


def payload_of_tiles(
    values: NDArray[np.float32], pattern: KeyPattern, attempts: int
) -> PayloadEvidence | None:
    """Read the payload of an aligned picture whose place in the grid of tile signs is unknown.

    Parameters
    ----------
    values : float32 [n * tile, m * tile]
        From `align.aligned`.
    attempts : int
        How many of the 64 places, those of highest energy, are decoded.
    """
    size, grid = SCHEME.tile, SCHEME.sign_grid
    rows, columns = values.shape[0] // size, values.shape[1] // size
    tiles = values.reshape(rows, size, columns, size).swapaxes(1, 2)
    spectra = scipy.fft.fft2(tiles)
    x, y = SCHEME.payload_lines.T
    # Signs scatter a tile's own content, so the power of the sum is the sum of the powers.
    power = np.sqrt(np.sum(np.abs(spectra) ** 2, (0, 1))).astype(np.complex64)
    around = local_power(power)[y, x]
    lines = spectra[:, :, y, x].reshape(rows * columns, -1)
    i, j = np.arange(rows), np.arange(columns)
    down, across = np.divmod(np.arange(grid * grid), grid)
    signs = pattern.tile_signs[
        (i[None, :, None] + down[:, None, None]) % grid,
        (j[None, None, :] + across[:, None, None]) % grid,
    ].reshape(grid * grid, -1)
    sums = signs.astype(np.complex64) @ lines.astype(np.complex64)
    weight = weights(sums, around)
    order = np.argsort(pattern.payload_bit, kind="stable")
    turned = (sums * np.exp(-1j * pattern.payload_phase)).real * weight
    soft = turned[:, order].reshape(grid * grid, SCHEME.code_length, -1).sum(-1).astype(np.float64)
    scores = [_energy_z(soft[k], sums[k], weight[k]) for k in range(grid * grid)]
    best: PayloadEvidence | None = None
    for k in np.argsort(scores)[::-1][:attempts]:
        if scores[k] < 1.5:
            break
        found = _best_id(sums[k], weight[k], soft[k])
        if found is not None and (best is None or found.log10_p < best.log10_p):
            best = found
    if best is None:
        return None
    return PayloadEvidence(log10_of_best(best.log10_p, grid * grid), best.mark_id)
