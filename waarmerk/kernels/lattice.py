"""Kernels for the tile lattice: fold tiles together, score geometries, undo a geometry.

::

    picture          fold          transform            scan
    ┌──┬──┬──┐      ┌──┐          · · · · ·      every (scale, angle) says where the
    │ab│ab│ab│  ─▶  │ab│  ─FFT─▶  · x · x ·  ◀─  lines of the tile lattice would be;
    ├──┼──┼──┤      └──┘          · · · · ·      the mean power there is its score
    │ab│ab│ab│
    └──┴──┴──┘
"""

import math

import numpy as np

from waarmerk.kernels._jit import kernel

__all__ = [
    "centre_phases",
    "fold",
    "line_scores",
    "line_values",
    "mean_at",
    "power_of",
    "smooth_line_scores",
    "unwarp",
    "whitened_power",
]


@kernel
def fold(values, signs, out):  # type: ignore[no-untyped-def]
    """Add all tiles of a picture onto one, each with its sign.

    Parameters
    ----------
    values : float32 [h, w]
        The first tile starts at [0, 0]; partial tiles at the far edges count too.
    signs : float32 [n, m]
        Sign of tile [i, j] is ``signs[i % n, j % m]``.
    out : float32 [t, t]
        Overwritten with the sum; t is the size of the tile.
    """
    height, width = values.shape
    size = out.shape[0]
    out[:, :] = 0.0
    for y in range(height):
        row = y % size
        i = (y // size) % signs.shape[0]
        for left in range(0, width, size):
            sign = signs[i, (left // size) % signs.shape[1]]
            for x in range(min(size, width - left)):
                out[row, x] += sign * values[y, left + x]


@kernel
def centre_phases(spectrum, column, row):  # type: ignore[no-untyped-def]
    """Refer a half-plane spectrum to a point instead of the first pixel, in place.

    Parameters
    ----------
    spectrum : complex64 [n, n // 2 + 1]
    column, row : float
        The point, in pixels; halves are allowed.
    """
    size = spectrum.shape[0]
    across = np.empty(spectrum.shape[1], np.complex64)
    for x in range(spectrum.shape[1]):
        angle = 2.0 * math.pi * x * column / size
        across[x] = complex(math.cos(angle), math.sin(angle))
    for y in range(size):
        angle = 2.0 * math.pi * (y if y < size // 2 else y - size) * row / size
        down = np.complex64(complex(math.cos(angle), math.sin(angle)))
        for x in range(spectrum.shape[1]):
            spectrum[y, x] *= down * across[x]


@kernel
def power_of(spectrum, out):  # type: ignore[no-untyped-def]
    """Squared magnitude: complex64 [n, m] to float32 [n, m]."""
    for y in range(spectrum.shape[0]):
        for x in range(spectrum.shape[1]):
            value = spectrum[y, x]
            out[y, x] = value.real * value.real + value.imag * value.imag


@kernel
def whitened_power(power, mean, clip, out):  # type: ignore[no-untyped-def]
    """Power over its local mean, limited.

    Parameters
    ----------
    power, mean : float32 [n, m]
    clip : float
        Largest value kept: one strong line of the picture itself must not outweigh the lattice.
    out : float32 [n, m]
        May be ``power`` itself.
    """
    tiny = np.float32(1e-20)
    limit = np.float32(clip)
    for y in range(power.shape[0]):
        for x in range(power.shape[1]):
            out[y, x] = min(power[y, x] / (mean[y, x] + tiny), limit)


@kernel(fastmath={"contract", "reassoc"})
def line_scores(power, lines, maps, out):  # type: ignore[no-untyped-def]
    """Score every candidate geometry by the mean power on its lattice lines.

    Parameters
    ----------
    power : float32 [n, n // 2 + 1]
        Whitened power, about 1 on average where there is no lattice.
    lines : float32 [L, 2]
        Lines of the tile as (x, y) frequencies.
    maps : float32 [C, 4]
        ``(a, b, c, d)`` of each candidate: line (x, y) lies at bin (a x + b y, c x + d y).
    out : float32 [C]
        Sum of (power - 1) over the lines inside the spectrum, divided by sqrt(L).
    """
    size = power.shape[0]
    half = power.shape[1]
    middle = size // 2
    share = np.float32(1.0 / math.sqrt(lines.shape[0]))
    for candidate in range(maps.shape[0]):
        a = maps[candidate, 0]
        b = maps[candidate, 1]
        c = maps[candidate, 2]
        d = maps[candidate, 3]
        total = np.float32(0.0)
        for k in range(lines.shape[0]):
            x = a * lines[k, 0] + b * lines[k, 1]
            y = c * lines[k, 0] + d * lines[k, 1]
            if x < 0:
                x = -x
                y = -y
            column = int(x + np.float32(0.5))
            row = int(y + np.float32(size + 0.5)) - size
            if column < half and row < middle and row > -middle:
                if row < 0:
                    row += size
                total += power[row, column] - np.float32(1.0)
        out[candidate] = total * share


@kernel(fastmath={"contract", "reassoc"})
def smooth_line_scores(power, lines, maps, out):  # type: ignore[no-untyped-def]
    """Score candidate geometries like `line_scores`, reading between the bins bilinearly.

    Slower and finer; for a few candidates. Shapes and units are those of `line_scores`.
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
def line_values(spectrum, points, out):  # type: ignore[no-untyped-def]
    """Read a half-plane spectrum between its bins, bilinearly.

    Parameters
    ----------
    spectrum : complex64 [n, n // 2 + 1]
        Referred to the centre of the picture, so that phases vary slowly between bins.
    points : float64 [L, 2]
        (column, row) in bins; columns may be negative, the conjugate is taken then.
    out : complex128 [L]
        0 where a point lies outside.
    """
    size = spectrum.shape[0]
    half = spectrum.shape[1]
    for k in range(points.shape[0]):
        x = points[k, 0]
        y = points[k, 1]
        mirrored = x < 0
        if mirrored:
            x = -x
            y = -y
        column = int(math.floor(x))
        row = int(math.floor(y))
        if column + 1 >= half or row + 1 >= size // 2 or row < -size // 2:
            out[k] = 0.0
            continue
        fx = x - column
        fy = y - row
        low = row % size
        high = (row + 1) % size
        value = (1 - fy) * ((1 - fx) * spectrum[low, column] + fx * spectrum[low, column + 1])
        value += fy * ((1 - fx) * spectrum[high, column] + fx * spectrum[high, column + 1])
        if mirrored:
            value = value.conjugate()
        out[k] = value


@kernel
def mean_at(mean, points, out):  # type: ignore[no-untyped-def]
    """Read a half-plane map at the nearest bins.

    Parameters
    ----------
    mean : float32 [n, n // 2 + 1]
    points : float64 [L, 2]
        (column, row) in bins; columns may be negative.
    out : float64 [L]
        1 where a point lies outside, so that dividing by it is harmless.
    """
    size = mean.shape[0]
    half = mean.shape[1]
    for k in range(points.shape[0]):
        x = points[k, 0]
        y = points[k, 1]
        if x < 0:
            x = -x
            y = -y
        column = int(x + 0.5)
        row = int(math.floor(y + 0.5))
        if column >= half or row >= size // 2 or row < -size // 2:
            out[k] = 1.0
        else:
            out[k] = mean[row % size, column] + 1e-12


@kernel
def unwarp(values, homography, out):  # type: ignore[no-untyped-def]
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
            if sx < 0 or sy < 0 or sx > width - 1 or sy > height - 1:
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
