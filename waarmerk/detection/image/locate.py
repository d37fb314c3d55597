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

from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from waarmerk.marking.image.scheme import SCHEME

__all__ = ["CANDIDATES", "SPECTRUM", "Spectrum", "candidate_maps", "line_bins", "spectrum_of"]

SPECTRUM = 1024  # size of the zero-padded transform; longer pictures give their middle
CANDIDATES = 8  # geometries that are checked with each key
_SMALLEST, _LARGEST = 0.62, 2.6  # scale: received canonical pixels per canonical pixel
_STEP = 0.0052  # of log scale, log aspect and angle (radians): under half a line's width
_WIDEST = 0.30  # log aspect
_POWER_CLIP = 8.0
_POWER_REACH = 16


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The transform of a residual, shared by all keys.

    Attributes
    ----------
    values : complex64 [n, n // 2 + 1]
        Referred to the centre of the picture.
    mean : float32 [n, n // 2 + 1]
        Local mean of the power.
    power : float32 [n, n // 2 + 1]
        Over its local mean, limited.
    """

    values: NDArray[np.complex64]
    mean: NDArray[np.float32]
    power: NDArray[np.float32]


def spectrum_of(residual: NDArray[np.float32]) -> Spectrum:
    """Transform the middle 1024 x 1024 of a residual [h, w] and whiten its power."""
    from waarmerk.kernels.lattice import centre_phases, power_of, whitened_power
    from waarmerk.kernels.picture import box_mean

    height, width = residual.shape
    top = max(0, (height - SPECTRUM) // 2)
    left = max(0, (width - SPECTRUM) // 2)
    part = residual[top : top + SPECTRUM, left : left + SPECTRUM]
    values = scipy.fft.rfft2(part, s=(SPECTRUM, SPECTRUM))
    # The centre of the whole picture, in coordinates of the part.
    centre_phases(values, (width - 1) / 2 - left, (height - 1) / 2 - top)
    power = np.empty(values.shape, np.float32)
    power_of(values, power)
    mean = np.empty_like(power)
    box_mean(power, _POWER_REACH, _POWER_REACH, mean)
    whitened_power(power, mean, _POWER_CLIP, power)
    return Spectrum(values, mean, power)


@cache
def _grid() -> NDArray[np.float64]:
    """All candidate geometries [C, 2, 2]: matrix from canonical to received pixels."""
    scales = np.exp(np.arange(np.log(_SMALLEST), np.log(_LARGEST), _STEP))
    angles = np.arange(-np.pi / 4, np.pi / 4, _STEP)
    aspects = np.exp(np.arange(-_WIDEST, _WIDEST, _STEP))
    s, a = (grid.ravel() for grid in np.meshgrid(scales, angles, indexing="ij"))
    turned = np.empty((s.size, 2, 2))
    turned[:, 0, 0] = turned[:, 1, 1] = s * np.cos(a)
    turned[:, 1, 0] = s * np.sin(a)
    turned[:, 0, 1] = -s * np.sin(a)
    s, a = (grid.ravel() for grid in np.meshgrid(scales, aspects, indexing="ij"))
    stretched = np.zeros((s.size, 2, 2))
    stretched[:, 0, 0] = s * np.sqrt(a)
    stretched[:, 1, 1] = s / np.sqrt(a)
    return np.concatenate([turned, stretched])


@cache
def _grid_bins() -> NDArray[np.float32]:
    return _bins(_grid()).reshape(-1, 4).astype(np.float32)


def _bins(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Matrices from lines of the tile to bins of the spectrum: inverse transpose, scaled."""
    return np.linalg.inv(maps).swapaxes(-1, -2) * (SPECTRUM / SCHEME.tile)


def line_bins(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the synchronisation lines of a geometry [2, 2] lie: [L, 2] as (column, row)."""
    return np.ascontiguousarray(SCHEME.sync_lines @ _bins(matrix).T)


def _scores(power: NDArray[np.float32], bins: NDArray[np.float32]) -> NDArray[np.float32]:
    from waarmerk.kernels.lattice import line_scores

    out = np.empty(len(bins), np.float32)
    line_scores(power, SCHEME.sync_lines.astype(np.float32), bins, out)
    return out


@cache
def _steps() -> NDArray[np.float64]:
    """The 81 small matrices around 1 that refinement tries: scale, aspect, turn, shear."""
    grid = np.stack(np.meshgrid(*[[-1.0, 0.0, 1.0]] * 4, indexing="ij"), -1).reshape(-1, 4)
    out = np.zeros((len(grid), 2, 2))
    out[:, 0, 0] = grid[:, 0] + grid[:, 1]
    out[:, 1, 1] = grid[:, 0] - grid[:, 1]
    out[:, 0, 1] = -grid[:, 2] + grid[:, 3]
    out[:, 1, 0] = grid[:, 2] + grid[:, 3]
    return out


def _refined(
    power: NDArray[np.float32], matrix: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Climb to the best geometry near a candidate; gives its score and matrix."""
    from waarmerk.kernels.lattice import smooth_line_scores

    lines = SCHEME.sync_lines.astype(np.float32)
    best = -np.inf
    out = np.empty(len(_steps()), np.float32)
    for size in (_STEP / 2, _STEP / 4, _STEP / 8):
        for _ in range(3):
            maps = (np.eye(2) + size * _steps()) @ matrix
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
    maps = _grid()
    scores = _scores(spectrum.power, _grid_bins())
    order = np.argsort(-scores)[:400]
    picked: list[NDArray[np.float64]] = []
    for index in order:
        matrix = maps[index]
        if all(np.abs(matrix - other).max() > 2.5 * _STEP * np.abs(other).max() for other in picked):
            picked.append(matrix)
            if len(picked) == CANDIDATES:
                break
    found = [_refined(spectrum.power, matrix) for matrix in picked]
    return sorted(found, key=lambda entry: -entry[0])
