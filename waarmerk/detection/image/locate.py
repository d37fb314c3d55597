"""Finding out, without any key, how a picture was scaled, turned and cropped.

A tile that repeats makes a line spectrum: power stands only at multiples of one cycle per tile.
A picture that was scaled and turned shows the same lines elsewhere::

      ·   ·   ·   ·                 ·
                             scale     ·   ·
      ·   ●   ·   ·          turn   ·   ●      ·
                             ────▶        ·   ·
      ·   ·   ·   ·                    ·     ·

So every candidate geometry names the places of its lines, and the mean of the whitened power there
is its score. No key is needed, hence the search costs nothing in the p-value: what it discards was
chosen without the key.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from waarmerk.marking.image.scheme import SCHEME

__all__ = ["CANDIDATES", "Spectrum", "candidate_maps", "read_lines", "spectrum_of"]

CANDIDATES = 3  # geometries that are checked with each key
_SIZE = 1024  # of the zero-padded transform; a longer picture gives its middle
_BLOCK = 16  # bins: the local mean is that of the 3 x 3 blocks around
_SMALLEST, _LARGEST = 0.62, 2.6  # scale: received canonical pixels per canonical pixel
_TURN_STEP = math.pi / 896  # of angle (radians) and log scale: under half a line's width
_STRETCH_STEP = 0.005  # of log scale in either direction
_WIDEST = 0.30  # log aspect
_STEP = 0.005  # of the refinement, to begin with
_POWER_CLIP = 16.0
_POWER_STEPS = 15.9  # steps of the log-polar map for a power of 1; 16 give its largest, 254
_SHORTLIST = 200
_RUN = 64  # neighbouring candidates of which one is kept


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The transform of a residual, shared by all keys.

    Attributes
    ----------
    values : complex64 [n, m]
        Half-plane, referred to the first pixel of the part that was transformed.
    mean : float32 [n / block, m / block]
        Local mean of the power.
    power : float32 [n, m]
        Power over its local mean, limited.
    centre : (float, float)
        Column and row of the picture's centre in that part.
    """

    values: NDArray[np.complex64]
    mean: NDArray[np.float32]
    power: NDArray[np.float32]
    centre: tuple[float, float]


def spectrum_of(residual: NDArray[np.float32]) -> Spectrum:
    """Transform the middle 1024 x 1024 of a residual [h, w] and whiten its power."""
    from waarmerk.kernels.lattice import whitened_power

    height, width = residual.shape
    top = max(0, (height - _SIZE) // 2)
    left = max(0, (width - _SIZE) // 2)
    part = residual[top : top + _SIZE, left : left + _SIZE]
    # Columns beyond the highest line of the smallest scale are never looked at.
    highest = int(SCHEME.sync_ring[1] * _SIZE / _SMALLEST) + 2
    across = scipy.fft.rfft(part, _SIZE, axis=1)[:, :highest]
    values = scipy.fft.fft(across, _SIZE, axis=0)
    mean = np.empty((_SIZE // _BLOCK, -(-highest // _BLOCK)), np.float32)
    power = np.empty(values.shape, np.float32)
    whitened_power(values, _BLOCK, _POWER_CLIP, mean, power)
    return Spectrum(values, mean, power, ((width - 1) / 2 - left, (height - 1) / 2 - top))


def read_lines(
    spectrum: Spectrum, matrix: NDArray[np.float64]
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Read the synchronisation lines of a geometry [2, 2], referred to the picture's centre.

    Returns
    -------
    values : complex128 [L]
    power : float64 [L]
        Mean power around each.
    """
    from waarmerk.kernels.lattice import line_values

    points = np.ascontiguousarray(SCHEME.sync_lines @ _bins(matrix).T)
    values = np.empty(len(points), np.complex128)
    power = np.empty(len(points), np.float64)
    line_values(spectrum.values, spectrum.mean, _BLOCK, points, spectrum.centre, values, power)
    return values, power


def _bins(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Matrices from lines of the tile to bins of the spectrum: inverse transpose, scaled."""
    inverse = np.linalg.inv(maps).astype(np.float64)
    return inverse.swapaxes(-1, -2) * (_SIZE / SCHEME.tile)


@dataclass(frozen=True, eq=False)
class _PolarGrid:
    """Where the log-polar map is sampled, and where each line starts on it.

    Rows are log radius, columns angle over half a turn; scale s stands ``s`` rows below the place
    of a line at the smallest scale, and angle a stands ``a`` columns further.
    """

    radii: NDArray[np.float64]
    angles: NDArray[np.float64]
    scales: NDArray[np.float64]
    turns: NDArray[np.float64]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]


@cache
def _polar_grid() -> _PolarGrid:
    x, y = SCHEME.sync_lines.T
    radius = np.hypot(x, y) * (_SIZE / SCHEME.tile)
    lowest = math.log(radius.min() / _LARGEST) - _TURN_STEP
    highest = math.log(radius.max() / _SMALLEST) + 2 * _TURN_STEP
    radii = np.exp(np.arange(lowest, highest, _TURN_STEP))
    half = round(math.pi / _TURN_STEP)
    count = int(math.log(_LARGEST / _SMALLEST) / _TURN_STEP)
    rows = np.rint((np.log(radius / _SMALLEST) - lowest) / _TURN_STEP).astype(np.int64)
    # A quarter turn is covered from -45 degrees; the map wraps after a half turn.
    columns = np.rint(np.arctan2(y, x) / _TURN_STEP).astype(np.int64) - half // 4
    return _PolarGrid(
        radii=radii,
        angles=np.arange(half, dtype=np.float64) * _TURN_STEP,
        scales=_SMALLEST * np.exp(np.arange(count) * _TURN_STEP),
        turns=np.arange(half // 2, dtype=np.float64) * _TURN_STEP - math.pi / 4,
        rows=rows,
        columns=columns % half,
    )


def _best_turned(power: NDArray[np.float32]) -> list[tuple[float, NDArray[np.float64]]]:
    """Scores and matrices of the best scales and angles."""
    from waarmerk.kernels.lattice import log_polar, turned_scores

    grid = _polar_grid()
    polar = np.empty((grid.radii.size, grid.angles.size), np.uint8)
    log_polar(power, grid.radii, grid.angles, _POWER_STEPS, polar)
    scores = np.empty((grid.scales.size, grid.turns.size), np.int32)
    turned_scores(np.concatenate([polar, polar], 1), grid.rows, grid.columns, scores)
    rows, columns, best = _best_of_runs(scores)
    scale, turn = grid.scales[rows], grid.turns[columns]
    maps = np.empty((rows.size, 2, 2))
    maps[:, 0, 0] = maps[:, 1, 1] = scale * np.cos(turn)
    maps[:, 1, 0] = scale * np.sin(turn)
    maps[:, 0, 1] = -maps[:, 1, 0]
    return list(zip(best / _POWER_STEPS, maps, strict=True))


def _best_stretched(power: NDArray[np.float32]) -> list[tuple[float, NDArray[np.float64]]]:
    """Scores and matrices of the best pairs of horizontal and vertical scale."""
    from waarmerk.kernels.lattice import stretched_scores

    scales = np.exp(np.arange(math.log(_SMALLEST), math.log(_LARGEST), _STRETCH_STEP))
    reach = int(_WIDEST / _STRETCH_STEP)
    lines = SCHEME.sync_lines.astype(np.float32) * np.float32(_SIZE / SCHEME.tile)
    scores = np.empty((scales.size, 2 * reach + 1), np.float32)
    stretched_scores(power, lines, scales, reach, scores)
    rows, columns, best = _best_of_runs(scores)
    across = scales[rows]
    down = across * np.exp((columns - reach) * _STRETCH_STEP)
    maps = np.zeros((rows.size, 2, 2))
    maps[:, 0, 0], maps[:, 1, 1] = across, down
    return list(zip(best, maps, strict=True))


def _best_of_runs(
    scores: NDArray[Any],
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Rows, columns and values of the highest scores, at most one from every run of a row."""
    height, width = scores.shape
    padded = np.pad(scores, ((0, 0), (0, -width % _RUN)))
    runs = padded.reshape(height, -1, _RUN)
    within = runs.argmax(2)
    highest = np.take_along_axis(runs, within[:, :, None], 2)[:, :, 0]
    picked = np.argsort(-highest.ravel().astype(np.float32))[:_SHORTLIST]
    rows, run = np.divmod(picked, highest.shape[1])
    return rows, run * _RUN + within[rows, run], highest[rows, run].astype(np.float64)


# Scale, aspect, turn and shear.
_MOVES = np.array(
    [[[1, 0], [0, 1]], [[1, 0], [0, -1]], [[0, -1], [1, 0]], [[0, 1], [1, 0]]], np.float64
)
_MOVES = np.concatenate([_MOVES, -_MOVES])


def _refined(
    power: NDArray[np.float32], matrix: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Climb to the best geometry near a candidate; gives its score and matrix."""
    from waarmerk.kernels.lattice import smooth_line_scores

    lines = SCHEME.sync_lines.astype(np.float32)
    out = np.empty(len(_MOVES), np.float32)
    maps = matrix[None]
    smooth_line_scores(power, lines, _bins(maps).reshape(-1, 4).astype(np.float32), out[:1])
    best = float(out[0])
    for size in (_STEP / 2, _STEP / 4, _STEP / 8):
        for _ in range(6):
            maps = (np.eye(2) + size * _MOVES) @ matrix
            smooth_line_scores(power, lines, _bins(maps).reshape(-1, 4).astype(np.float32), out)
            top = int(np.argmax(out))
            if out[top] <= best:
                break
            best = float(out[top])
            matrix = maps[top]
    return best, matrix


def candidate_maps(spectrum: Spectrum) -> list[tuple[float, NDArray[np.float64]]]:
    """Give the geometries most likely by their lines, the best first.

    Returns
    -------
    list of (score, matrix)
        At most `CANDIDATES`. The matrix [2, 2] takes canonical pixels of the marked picture, up to
        a right-angle turn or mirror, to received pixels, both from the centre. The score is in
        standard deviations of an average spectrum without lines.
    """
    entries = _best_turned(spectrum.power) + _best_stretched(spectrum.power)
    picked: list[NDArray[np.float64]] = []
    for _, matrix in sorted(entries, key=lambda entry: -entry[0]):
        if _is_new(matrix, picked, 4 * _STEP):
            picked.append(matrix)
            if len(picked) == 2 * CANDIDATES:
                break
    found: list[tuple[float, NDArray[np.float64]]] = []
    refined = (_refined(spectrum.power, matrix) for matrix in picked)
    for score, matrix in sorted(refined, key=lambda entry: -entry[0]):
        if _is_new(matrix, [other for _, other in found], _STEP):
            found.append((score, matrix))
    return found[:CANDIDATES]


def _is_new(
    matrix: NDArray[np.float64], others: list[NDArray[np.float64]], distance: float
) -> bool:
    return all(np.abs(matrix - other).max() > distance * np.abs(other).max() for other in others)
