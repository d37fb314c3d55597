"""Laying a received picture back on the tiles it was marked in.

An *alignment* is a homography from pattern pixels (column, row; tile [0, 0] starts at 0) to pixels
of the received canonical picture. It starts as the affine map that the lattice search and the
correlation peak give, and is then bent where local correlations say so: mild perspective, lens and
scanner distortions, rounding of sizes.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from waarmerk.marking.image.lines import TileLines, sync_values
from waarmerk.marking.image.scheme import ORIENTATIONS, SCHEME, KeyPattern

__all__ = ["Alignment", "aligned", "bent", "from_peak", "peak_offset", "upright"]

_WINDOW = 256  # pattern pixels; local correlations are read in windows of this size
_HOP = 128
_FARTHEST = 40.0  # pixels that a correction may move the outermost windows
_NEAR = 10  # pixels: largest local displacement that is believed
_CERTAIN = 4.2  # standard deviations of a local peak that is believed
_LARGEST = 2048  # pattern pixels: no aligned picture is larger


@dataclass(frozen=True, eq=False)
class Alignment:
    """A map from pattern pixels to received pixels.

    Attributes
    ----------
    homography : float64 [3, 3]
        (column, row, 1) of the pattern to (column, row) of the received picture.
    """

    homography: NDArray[np.float64]

    def linear(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Give its linear part [2, 2] in the middle of a received picture of that shape."""
        column, row, scale = np.linalg.inv(self.homography) @ [
            (shape[1] - 1) / 2,
            (shape[0] - 1) / 2,
            1.0,
        ]
        point = self.homography @ [column / scale, row / scale, 1.0]
        slope = self.homography[:2, :2] - np.outer(point[:2] / point[2], self.homography[2, :2])
        linear: NDArray[np.float64] = slope / point[2]
        return linear


def from_peak(
    matrix: NDArray[np.float64],
    orientation: int,
    offset: NDArray[np.float64],
    shape: tuple[int, ...],
) -> Alignment:
    """Build the alignment of a geometry whose tile origin lies at ``-offset`` from the centre."""
    turn = matrix @ np.array(ORIENTATIONS[orientation], np.float64)
    centre = np.array([(shape[1] - 1) / 2, (shape[0] - 1) / 2])
    homography = np.eye(3)
    homography[:2, :2] = turn
    homography[:2, 2] = centre - turn @ offset
    return Alignment(homography)


def upright(orientation: int, shape: tuple[int, ...]) -> Alignment:
    """Build the alignment of a whole picture that was only turned by right angles or mirrored."""
    turn = np.array(ORIENTATIONS[orientation], np.float64)
    homography = np.eye(3)
    homography[:2, :2] = turn
    homography[:2, 2] = np.where(turn.sum(1) < 0, (shape[1] - 1, shape[0] - 1), 0)
    return Alignment(homography)


def aligned(
    residual: NDArray[np.float32], alignment: Alignment
) -> tuple[NDArray[np.float32], tuple[int, int]]:
    """Resample a residual onto its tiles.

    Returns
    -------
    values : float32 [h, w]
        Starts and ends at tile borders; 0 where the received picture has nothing.
    start : (int, int)
        Column and row of the first pixel in pattern pixels, multiples of the tile.
    """
    from waarmerk.kernels.lattice import unwarp

    height, width = residual.shape
    corners = np.array(
        [[0, 0, 1], [width - 1, 0, 1], [0, height - 1, 1], [width - 1, height - 1, 1]], float
    )
    back = corners @ np.linalg.inv(alignment.homography).T
    back = back[:, :2] / back[:, 2:]
    size = SCHEME.tile
    first = np.floor(back.min(0) / size).astype(int) * size
    last = np.minimum(np.ceil((back.max(0) + 1) / size).astype(int) * size, first + _LARGEST)
    shift = np.eye(3)
    shift[:2, 2] = first
    out = np.empty((last[1] - first[1], last[0] - first[0]), np.float32)
    unwarp(residual, alignment.homography @ shift, out)
    return out, (int(first[0]), int(first[1]))


def peak_offset(surface: NDArray[np.floating], row: int, column: int) -> NDArray[np.float64]:
    """Refine the place of a peak on a cyclic surface [n, n] that spans one tile.

    Returns
    -------
    float64 [2]
        (column, row) in canonical pixels, signed.
    """
    size = surface.shape[0]

    def vertex(before: float, here: float, after: float) -> float:
        bend = before - 2 * here + after
        return 0.0 if bend >= 0 else float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))

    here = float(surface[row, column])
    place = np.array(
        [
            column + vertex(surface[row, column - 1], here, surface[row, (column + 1) % size]),
            row + vertex(surface[row - 1, column], here, surface[(row + 1) % size, column]),
        ]
    )
    offset: NDArray[np.float64] = ((place + size / 2) % size - size / 2) * (SCHEME.tile / size)
    return offset


def bent(
    alignment: Alignment,
    values: NDArray[np.float32],
    start: tuple[int, int],
    pattern: KeyPattern,
    sign: float,
) -> Alignment | None:
    """Correct an alignment by the displacement of the synchronisation pattern in every window.

    Parameters
    ----------
    alignment
        As found so far.
    values, start
        What `aligned` gives for it.
    pattern, sign
        The key's pattern and the sign of its synchronisation.

    Returns
    -------
    Alignment or None
        None where too few windows show the pattern.
    """
    size = SCHEME.tile
    x, y = SCHEME.sync_lines.T
    reference = pattern.sync_turn * np.float32(sign)
    window = np.hanning(_WINDOW + 2)[1:-1].astype(np.float32)
    taper = window[:, None] * window
    places, moved, certainty = [], [], []
    for top in range(0, max(1, values.shape[0] - _WINDOW + 1), _HOP):
        for left in range(0, max(1, values.shape[1] - _WINDOW + 1), _HOP):
            part = values[top : top + _WINDOW, left : left + _WINDOW]
            if part.shape != taper.shape or np.count_nonzero(part) < part.size // 4:
                continue
            folded = (part * taper).reshape(2, size, 2, size).sum((0, 2))
            lines, weight = sync_values(TileLines.of(folded).total)
            plane = np.zeros((size, size), np.complex64)
            plane[y, x] = lines * weight * reference
            surface = scipy.fft.fft2(plane).real
            near = np.roll(surface, (_NEAR, _NEAR), (0, 1))[: 2 * _NEAR + 1, : 2 * _NEAR + 1]
            row, column = np.unravel_index(np.argmax(near), near.shape)
            deviation = np.sqrt(np.sum(np.abs(lines * weight) ** 2) / 2)
            z = near[row, column] / max(float(deviation), 1e-12)
            if z < _CERTAIN:
                continue
            offset = peak_offset(surface, (int(row) - _NEAR) % size, (int(column) - _NEAR) % size)
            places.append((start[0] + left + _WINDOW / 2, start[1] + top + _WINDOW / 2))
            moved.append(offset)
            certainty.append(z)
    if len(places) < 4:
        return None
    # The pattern at u shows where the alignment expects u - offset.
    target = np.array(places)
    source = target - np.array(moved)
    correction = _fit(target, source, np.array(certainty), projective=len(places) >= 6)
    if correction is None:
        return None
    return Alignment(alignment.homography @ correction)


def _fit(
    target: NDArray[np.float64],
    source: NDArray[np.float64],
    certainty: NDArray[np.float64],
    projective: bool,
) -> NDArray[np.float64] | None:
    """Least-squares homography (or affine map) from target to source points, [3, 3].

    None when it bends more than local displacements can mean: the fit is degenerate then.
    """
    middle = target.mean(0)
    scale = max(float(np.abs(target - middle).max()), 1.0)
    t = (target - middle) / scale
    s = (source - middle) / scale
    zero, one = np.zeros(len(t)), np.ones(len(t))
    rows_x = [t[:, 0], t[:, 1], one, zero, zero, zero]
    rows_y = [zero, zero, zero, t[:, 0], t[:, 1], one]
    if projective:
        rows_x += [-t[:, 0] * s[:, 0], -t[:, 1] * s[:, 0]]
        rows_y += [-t[:, 0] * s[:, 1], -t[:, 1] * s[:, 1]]
    system = np.concatenate([np.stack(rows_x, 1), np.stack(rows_y, 1)])
    wanted = np.concatenate([s[:, 0], s[:, 1]])
    weight = np.concatenate([certainty, certainty])
    for _ in range(3):
        # Reweighted: one wrong local peak must not bend the picture.
        solution = np.linalg.lstsq(system * weight[:, None], wanted * weight, rcond=None)[0]
        error = np.abs(system @ solution - wanted).reshape(2, -1).max(0) * scale
        weight = np.tile(certainty / (1.0 + (error / 1.5) ** 2), 2)
    matrix = np.eye(3)
    matrix.ravel()[: len(solution)] = solution
    if not projective:
        matrix[2] = (0, 0, 1)
    normal = np.array(
        [[1 / scale, 0, -middle[0] / scale], [0, 1 / scale, -middle[1] / scale], [0, 0, 1]]
    )
    moved = np.array([[-1, -1, 1], [1, -1, 1], [-1, 1, 1], [1, 1, 1]]) @ matrix.T
    stray = moved[:, :2] / moved[:, 2:] - [[-1, -1], [1, -1], [-1, 1], [1, 1]]
    if not np.abs(stray).max() * scale <= _FARTHEST:
        return None
    fitted: NDArray[np.float64] = np.linalg.inv(normal) @ matrix @ normal
    return fitted
