"""Kernels of the search for a geometry: whiten, score, read lines, undo a geometry.

::

    picture        transform            scan
    ┌──┬──┬──┐     · · · · ·      every (scale, angle) says where the
    │ab│ab│ab│ ─▶  · x · x ·  ◀─  lines of the tile lattice would be;
    ├──┼──┼──┤     · · · · ·      the mean power there is its score
    │ab│ab│ab│
    └──┴──┴──┘
"""

import math

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels._jit import kernel

__all__ = [
    "line_values",
    "log_polar",
    "peaks",
    "smooth_line_scores",
    "stretched_scores",
    "turned_scores",
    "unwarp",
    "whitened_power",
]


@kernel
def whitened_power(
    spectrum: NDArray[np.complex64],
    block: int,
    clip: float,
    mean: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Power of a half-plane spectrum over its local mean, limited.

    Parameters
    ----------
    spectrum : complex64 [n, m]
    block : int
        The local mean is taken over the 3 x 3 blocks of this size around a coefficient.
    clip : float
        Largest value kept: one strong line of the picture itself must not outweigh the lattice.
    mean : float32 [ceil(n / block), ceil(m / block)]
        Overwritten with the local mean of each block.
    out : float32 [n, m]
    """
    height, width = spectrum.shape
    rows, columns = mean.shape
    sums = np.zeros((rows, columns), np.float64)
    counts = np.zeros((rows, columns), np.int64)
    for y in range(height):
        for left in range(0, width, block):
            total = np.float32(0.0)
            for x in range(left, min(left + block, width)):
                value = spectrum[y, x]
                power = value.real * value.real + value.imag * value.imag
                out[y, x] = power
                total += power
            sums[y // block, left // block] += total
            counts[y // block, left // block] += min(block, width - left)
    for i in range(rows):
        for j in range(columns):
            total_around = 0.0
            count = 0
            for k in range(i - 1, i + 2):
                for q in range(max(j - 1, 0), min(j + 2, columns)):
                    total_around += sums[k % rows, q]
                    count += counts[k % rows, q]
            mean[i, j] = total_around / count + 1e-12
    limit = np.float32(clip)
    for y in range(height):
        for left in range(0, width, block):
            inverse = np.float32(1.0) / mean[y // block, left // block]
            for x in range(left, min(left + block, width)):
                out[y, x] = min(out[y, x] * inverse, limit)


@kernel
def log_polar(
    power: NDArray[np.float32],
    radii: NDArray[np.float64],
    angles: NDArray[np.float64],
    steps: float,
    out: NDArray[np.uint8],
) -> None:
    """Sample a half-plane map on a log-polar grid, bilinearly, in whole steps.

    Parameters
    ----------
    power : float32 [n, m]
    radii : float64 [R]
        In bins, ascending.
    angles : float64 [A]
        Radians, in [0, pi): from the column axis towards growing rows.
    steps : float
        Steps for a power of 1; the result is limited to 255.
    out : uint8 [R, A]
        0 where the place lies outside the map.
    """
    size = power.shape[0]
    width = power.shape[1]
    # The other half-plane holds the conjugates: places are turned into this one.
    flip = np.where(np.cos(angles) < 0, -1.0, 1.0)
    across = np.cos(angles) * flip
    down = np.sin(angles) * flip
    for k in range(radii.size):
        radius = radii[k]
        for i in range(angles.size):
            x = radius * across[i]
            y = radius * down[i] + size
            column = int(x)
            row = int(y)
            if column + 1 >= width or row + 1 >= size + size // 2 or row <= size - size // 2:
                out[k, i] = 0
                continue
            fx = np.float32(x - column)
            fy = np.float32(y - row)
            low = row if row < size else row - size
            high = row + 1 if row + 1 < size else row + 1 - size
            upper = power[low, column] + fx * (power[low, column + 1] - power[low, column])
            lower = power[high, column] + fx * (power[high, column + 1] - power[high, column])
            value = (upper + fy * (lower - upper)) * np.float32(steps) + np.float32(0.5)
            out[k, i] = np.uint8(min(value, np.float32(255.0)))


@kernel
def turned_scores(
    polar: NDArray[np.uint8],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    out: NDArray[np.int32],
) -> None:
    """Add up the lines of every scale and angle: on a log-polar map both are shifts.

    Parameters
    ----------
    polar : uint8 [R, 2 A]
        Log-polar map, twice side by side (angles wrap around after half a turn).
    rows, columns : int64 [L]
        Place of each line for the first scale and the first angle. Scale s lowers rows by s,
        angle a adds a to the columns.
    out : int32 [S, A]
        Overwritten with the sums over all lines.
    """
    scales, angles = out.shape
    total = np.empty(angles, np.uint16)
    for s in range(scales):
        total[:] = 0
        for k in range(rows.size):
            source = polar[rows[k] - s, columns[k] : columns[k] + angles]
            for a in range(angles):
                total[a] += np.uint16(source[a])
        for a in range(angles):
            out[s, a] = total[a]


@kernel
def stretched_scores(
    power: NDArray[np.float32],
    lines: NDArray[np.float32],
    scales: NDArray[np.float64],
    reach: int,
    out: NDArray[np.float32],
) -> None:
    """Add up the lines of every pair of scales, without a turn.

    Parameters
    ----------
    power : float32 [n, m]
    lines : float32 [L, 2]
        (x, y) of each line, in bins at scale 1.
    scales : float64 [S]
        Scales to be tried in both directions.
    reach : int
        Pairs whose indices differ by more are left out.
    out : float32 [S, 2 reach + 1]
        ``out[i, reach + j - i]``: sum for column scale i and row scale j; 0 for pairs left out.
    """
    size = power.shape[0]
    width = power.shape[1]
    count = scales.size
    out[:, :] = 0.0
    columns = np.empty(count, np.int64)
    rows = np.empty(count, np.int64)
    for k in range(lines.shape[0]):
        sign = 1.0 if lines[k, 0] >= 0 else -1.0
        for i in range(count):
            x = int(sign * lines[k, 0] / scales[i] + 0.5)
            columns[i] = x if x < width else width - 1
            y = math.floor(sign * lines[k, 1] / scales[i] + 0.5)
            y = min(max(y, -size // 2 + 1), size // 2 - 1)
            rows[i] = y if y >= 0 else y + size
        for i in range(count):
            column = columns[i]
            for j in range(max(i - reach, 0), min(i + reach + 1, count)):
                out[i, reach + j - i] += power[rows[j], column]


@kernel(fastmath={"contract", "reassoc"})
def smooth_line_scores(
    power: NDArray[np.float32],
    lines: NDArray[np.float32],
    maps: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Score a few candidate geometries by the mean power on their lines, between the bins.

    Parameters
    ----------
    power : float32 [n, m]
        Whitened power of a half-plane, about 1 on average where there is no lattice.
    lines : float32 [L, 2]
        Lines of the tile as (x, y) frequencies.
    maps : float32 [C, 4]
        ``(a, b, c, d)`` of each candidate: line (x, y) lies at bin (a x + b y, c x + d y).
    out : float32 [C]
        Sum of (power - 1) over the lines inside the map, divided by sqrt(L).
    """
    size = power.shape[0]
    half = power.shape[1]
    middle = size // 2
    share = np.float32(1.0 / math.sqrt(lines.shape[0]))
    for candidate in range(maps.shape[0]):
        total = np.float32(0.0)
        for k in range(lines.shape[0]):
            x = maps[candidate, 0] * lines[k, 0] + maps[candidate, 1] * lines[k, 1]
            y = maps[candidate, 2] * lines[k, 0] + maps[candidate, 3] * lines[k, 1]
            if x < 0:
                x = -x
                y = -y
            column = int(x)
            row = int(y + np.float32(size)) - size
            if column + 1 < half and row + 1 < middle and row > -middle:
                fx = x - column
                fy = y - row
                low = row % size
                high = (row + 1) % size
                upper = power[low, column] * (1 - fx) + power[low, column + 1] * fx
                lower = power[high, column] * (1 - fx) + power[high, column + 1] * fx
                total += upper * (1 - fy) + lower * fy - np.float32(1.0)
        out[candidate] = total * share


@kernel
def line_values(
    spectrum: NDArray[np.complex64],
    mean: NDArray[np.float32],
    block: int,
    points: NDArray[np.float64],
    centre: tuple[float, float],
    values: NDArray[np.complex128],
    power: NDArray[np.float64],
) -> None:
    """Read a half-plane spectrum between its bins, bilinearly, referred to a point.

    Parameters
    ----------
    spectrum : complex64 [n, m]
        Referred to the first pixel, as the transform gives it.
    mean : float32 [ceil(n / block), ceil(m / block)]
        Local mean power, from `whitened_power`.
    block : int
    points : float64 [L, 2]
        (column, row) in bins; columns may be negative, the conjugate is taken then.
    centre : (float, float)
        Column and row, in pixels, of the point to which the values refer. Phases then vary slowly
        between bins, which is what makes reading between them possible.
    values : complex128 [L]
        0 where a point lies outside.
    power : float64 [L]
        Mean power around each; 1 where a point lies outside.
    """
    size = spectrum.shape[0]
    width = spectrum.shape[1]
    for k in range(points.shape[0]):
        x = points[k, 0]
        y = points[k, 1]
        mirrored = x < 0
        if mirrored:
            x = -x
            y = -y
        column = math.floor(x)
        row = math.floor(y)
        if column + 1 >= width or row + 1 >= size // 2 or row < -size // 2:
            values[k] = 0.0
            power[k] = 1.0
            continue
        total = 0.0 + 0.0j
        for i in range(2):
            for j in range(2):
                share = (y - row if i else 1.0 - y + row) * (x - column if j else 1.0 - x + column)
                angle = 2.0 * math.pi / size * ((column + j) * centre[0] + (row + i) * centre[1])
                turn = complex(math.cos(angle), math.sin(angle))
                total += share * turn * spectrum[(row + i) % size, column + j]
        values[k] = total.conjugate() if mirrored else total
        power[k] = mean[(row % size) // block, column // block]


@kernel
def peaks(surfaces: NDArray[np.float32], places: NDArray[np.int64]) -> None:
    """Find the largest magnitude of surfaces that lie in pairs, element beside element.

    Parameters
    ----------
    surfaces : float32 [k, n, 2]
    places : int64 [k, 2]
        Overwritten with the index of the peak of each.
    """
    for k in range(surfaces.shape[0]):
        surface = surfaces[k]
        first, second = np.float32(-1.0), np.float32(-1.0)
        first_place, second_place = 0, 0
        for i in range(surface.shape[0]):
            one, two = abs(surface[i, 0]), abs(surface[i, 1])
            if one > first:
                first = one
                first_place = i
            if two > second:
                second = two
                second_place = i
        places[k, 0] = first_place
        places[k, 1] = second_place


@kernel
def unwarp(
    values: NDArray[np.float32], homography: NDArray[np.float64], out: NDArray[np.float32]
) -> None:
    """Lay a picture on another grid, bilinearly; 0 outside the picture.

    Parameters
    ----------
    values : float32 [h, w]
    homography : float64 [3, 3]
        Takes (column, row, 1) of the output to (column, row) of the picture.
    out : float32 [H, W]
    """
    height, width = values.shape
    for y in range(out.shape[0]):
        x0 = homography[0, 1] * y + homography[0, 2]
        y0 = homography[1, 1] * y + homography[1, 2]
        w0 = homography[2, 1] * y + homography[2, 2]
        for x in range(out.shape[1]):
            scale = 1.0 / (homography[2, 0] * x + w0)
            sx = (homography[0, 0] * x + x0) * scale
            sy = (homography[1, 0] * x + y0) * scale
            # Written so that NaN, from a point at infinity, is outside too.
            if not (sx >= 0 and sy >= 0 and sx <= width - 1 and sy <= height - 1):
                out[y, x] = 0.0
                continue
            column = min(int(sx), width - 2)
            row = min(int(sy), height - 2)
            fx = np.float32(sx - column)
            fy = np.float32(sy - row)
            upper = values[row, column] + fx * (values[row, column + 1] - values[row, column])
            lower = values[row + 1, column] + fx * (
                values[row + 1, column + 1] - values[row + 1, column]
            )
            out[y, x] = upper + fy * (lower - upper)
