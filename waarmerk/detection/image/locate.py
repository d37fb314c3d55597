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
_BLOCK = 8  # bins: the local mean is that of the 3 x 3 blocks around
_SMALLEST, _LARGEST = 0.62, 2.6  # scale: received canonical pixels per canonical pixel
_TURN_STEP = math.pi / 896  # of angle (radians) and log scale: under half a line's width
_STRETCH_STEP = 0.005  # of log scale in either direction
_WIDEST = 0.30  # log aspect
_STEP = 0.005  # of the refinement, to begin with
_SIZES = np.array([_STEP / 2, _STEP / 4, _STEP / 8])
_MOST = 6  # moves of a size
_POWER_CLIP = 6.0  # little more than chance shows: few strong lines are a picture's, not a lattice
_POWER_STEPS = 21.0  # steps for a power of 1: two of the largest, 126, have room in a byte
_SHORTLIST = 200
_RUN = 64  # neighbouring candidates of which one is kept

_COLUMNS = int(SCHEME.sync_ring[1] * _SIZE / _SMALLEST) + 2
"""Of the half-plane that is kept: beyond lies no line, whatever the scale."""

# Scale, aspect, turn and shear.
_MOVES = np.array(
    [[[1, 0], [0, 1]], [[1, 0], [0, -1]], [[0, -1], [1, 0]], [[0, 1], [1, 0]]], np.float64
)
_MOVES = np.concatenate([_MOVES, -_MOVES])


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The transform of a residual, shared by all keys.

    Attributes
    ----------
    values : complex64 [n, m]
        Half-plane, referred to the first pixel of the part that was transformed.
    mean : float32 [n / block, m / block]
        Local mean of the power.
    power : uint8 [n, m]
        Power over its local mean, limited, in steps.
    centre : (float, float)
        Column and row of the picture's centre in that part.
    """

    values: NDArray[np.complex64]
    mean: NDArray[np.float32]
    power: NDArray[np.uint8]
    centre: tuple[float, float]


def spectrum_of(residual: NDArray[np.float32]) -> Spectrum:
    """Transform the middle 1024 x 1024 of a residual [h, w] and whiten its power."""
    from waarmerk.kernels.lattice import whitened_power

    height, width = residual.shape
    top = max(0, (height - _SIZE) // 2)
    left = max(0, (width - _SIZE) // 2)
    part = residual[top : top + _SIZE, left : left + _SIZE]
    across = scipy.fft.rfft(part, _SIZE, axis=1)[:, :_COLUMNS]
    values = scipy.fft.fft(across, _SIZE, axis=0)
    mean = np.empty((_SIZE // _BLOCK, -(-_COLUMNS // _BLOCK)), np.float32)
    power = np.empty(values.shape, np.uint8)
    whitened_power(values, _BLOCK, _POWER_CLIP, _POWER_STEPS, mean, power)
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
class _Chart:
    """A map of the spectrum on which geometries of some kind are shifts.

    ::

        (x, y), (-x, y)    a stretch keeps them mirrored     a chart shows, at the place of a line,
        (x, y), (-y, x)    a turn keeps them square          the sum of both

    Attributes
    ----------
    right, left : int32 [R, C]
        Which half bin of either quadrant stands there; see `quadrants`.
    wraps : bool
        Whether the first column follows the last.
    rows, columns : int64 [L / 2]
        Where each pair of lines stands at the first geometry. The next ones move all of them down,
        and all of them to the right.
    reach : int
        How far these two moves may differ.
    along, across : float64 [moves, 2, 2]
        The geometry that was moved s down and a to the right is ``along[s] @ across[a]``.
    """

    right: NDArray[np.int32]
    left: NDArray[np.int32]
    wraps: bool
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    reach: int
    along: NDArray[np.float64]
    across: NDArray[np.float64]


def _first_of_pairs() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Columns and rows, in bins, of one line of every pair; all lie right and up.

    Of every four lines (x, y), (-x, y), (y, x), (-y, x) it is the first and the third, for a
    stretch and for a turn.
    """
    lines = SCHEME.sync_lines[::2].astype(np.float64) * (_SIZE / SCHEME.tile)
    return lines[:, 0], lines[:, 1]


def _half_bins(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int32]:
    """Give the indices of the nearest half bins of a quadrant; for places outside, of an empty one.

    That way a place is at most a quarter of a bin off, and reading it is no arithmetic.
    """
    column, row = np.rint(2 * x).astype(np.int32), np.rint(2 * y).astype(np.int32)
    index = ((2 * (row & 1) + (column & 1)) * _COLUMNS + (row >> 1)) * _COLUMNS + (column >> 1)
    inside = np.maximum(column, row) <= 2 * (_COLUMNS - 1)
    return np.where(inside, index, 4 * _COLUMNS**2 - 1).astype(np.int32)


def _logarithms(largest: float, step: float) -> tuple[float, NDArray[np.float64]]:
    """Give the first frequency of a logarithmic axis, and all scales, in steps of ``step``."""
    count = int(math.log(_LARGEST / _SMALLEST) / step)
    return largest / _SMALLEST, _SMALLEST * np.exp(np.arange(count) * step)


@cache
def _turned() -> _Chart:
    """Scales and angles: the chart has log radius along its rows and angle along its columns."""
    x, y = _first_of_pairs()
    radius = np.hypot(x, y)
    first, scales = _logarithms(radius.max(), _TURN_STEP)
    rows = np.rint(np.log(first * _SMALLEST / radius) / _TURN_STEP).astype(np.int64)
    quarter = round(math.pi / 2 / _TURN_STEP)
    angles = np.arange(quarter) * _TURN_STEP
    # From -45 to 45 degrees; further turns are among the eight orientations.
    columns = np.rint(np.arctan2(y, x) / _TURN_STEP).astype(np.int64) - quarter // 2
    radii = first * np.exp(-np.arange(rows.max() + scales.size) * _TURN_STEP)[:, None]
    cosine, sine = np.cos(angles - math.pi / 4), np.sin(angles - math.pi / 4)
    return _Chart(
        right=_half_bins(radii * np.cos(angles), radii * np.sin(angles)),
        left=_half_bins(radii * np.sin(angles), radii * np.cos(angles)),
        wraps=True,
        rows=rows,
        columns=columns % quarter,
        reach=scales.size + quarter,
        along=scales[:, None, None] * np.eye(2),
        across=np.array([[cosine, -sine], [sine, cosine]]).transpose(2, 0, 1).copy(),
    )


@cache
def _stretched() -> _Chart:
    """Horizontal and vertical scales: the chart has logarithms along rows and columns."""
    x, y = _first_of_pairs()
    first, scales = _logarithms(x.max(), _STRETCH_STEP)
    columns = np.rint(np.log(first * _SMALLEST / x) / _STRETCH_STEP).astype(np.int64)
    rows = np.rint(np.log(first * _SMALLEST / y) / _STRETCH_STEP).astype(np.int64)
    places = first * np.exp(-np.arange(rows.max() + scales.size) * _STRETCH_STEP)
    index = _half_bins(*np.broadcast_arrays(places, places[:, None]))
    one = np.ones(scales.size)
    return _Chart(
        right=index,
        left=index,
        wraps=False,
        rows=rows,
        columns=columns,
        reach=int(_WIDEST / _STRETCH_STEP),
        along=np.array([np.diag(pair) for pair in zip(one, scales, strict=True)]),
        across=np.array([np.diag(pair) for pair in zip(scales, one, strict=True)]),
    )


def _best(
    chart: _Chart, right: NDArray[np.uint8], left: NDArray[np.uint8]
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Scores [k] and matrices [k, 2, 2] of the best geometries, one at most from every run."""
    from waarmerk.kernels.lattice import best_shifts, sampled

    values = np.empty(chart.right.shape, np.uint8)
    sampled(right, left, chart.right, chart.left, values)
    if chart.wraps:
        values = np.concatenate([values, values], 1)
    count = len(chart.across)
    best = np.empty((len(chart.along), -(-count // _RUN)), np.int32)
    places = np.empty(best.shape, np.int32)
    best_shifts(values, chart.rows, chart.columns, count, chart.reach, best, places)
    picked = np.argpartition(best.ravel(), -_SHORTLIST)[-_SHORTLIST:]
    maps = chart.along[picked // best.shape[1]] @ chart.across[places.ravel()[picked]]
    return best.ravel()[picked], maps


def candidate_maps(spectrum: Spectrum) -> list[tuple[float, NDArray[np.float64]]]:
    """Give the geometries most likely by their lines, the best first.

    Returns
    -------
    list of (score, matrix)
        At most `CANDIDATES`. The matrix [2, 2] takes canonical pixels of the marked picture, up to
        a right-angle turn or mirror, to received pixels, both from the centre. The score is in
        standard deviations of an average spectrum without lines.
    """
    from waarmerk.kernels.lattice import climb, quadrants

    right, left = np.empty((2, 4, _COLUMNS, _COLUMNS), np.uint8)
    quadrants(spectrum.power, right, left)
    charts = [_best(chart, right.ravel(), left.ravel()) for chart in (_turned(), _stretched())]
    scores, maps = (np.concatenate(parts) for parts in zip(*charts, strict=True))
    maps = maps[_best_apart(scores, maps, 2 * CANDIDATES, 4 * _STEP)]
    refined = np.empty(len(maps))
    lines = (SCHEME.sync_lines * (_SIZE / SCHEME.tile)).astype(np.float32)
    climb(spectrum.power, lines, _POWER_STEPS, _MOVES, _SIZES, _MOST, maps, refined)
    found = _best_apart(refined, maps, CANDIDATES, _STEP)
    return [(float(refined[k]), maps[k]) for k in found]


def _best_apart(
    scores: NDArray[Any], maps: NDArray[np.float64], most: int, distance: float
) -> list[int]:
    """Give the indices of the best that differ by more than ``distance``, in parts of one."""
    found: list[int] = []
    order = np.argsort(-scores, kind="stable")
    while order.size and len(found) < most:
        found.append(int(order[0]))
        one = maps[order[0]]
        far = np.abs(maps[order] - one).max((1, 2)) > distance * np.abs(one).max()
        order = order[far]
    return found
