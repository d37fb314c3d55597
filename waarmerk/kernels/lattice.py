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
    "best_shifts",
    "climb",
    "line_values",
    "peaks",
    "quadrants",
    "sampled",
    "unwarp",
    "whitened_power",
]


@kernel
def whitened_power(
    spectrum: NDArray[np.complex64],
    block: int,
    clip: float,
    steps: float,
    mean: NDArray[np.float32],
    out: NDArray[np.uint8],
) -> None:
    """Power of a half-plane spectrum over its local mean, limited, in whole steps.

    Parameters
    ----------
    spectrum : complex64 [n, m]
    block : int
        The local mean is taken over the 3 x 3 blocks of this size around a coefficient.
    clip : float
        Largest value kept: one strong line of the picture itself must not outweigh the lattice.
    steps : float
        Steps for a power of 1; ``clip * steps`` is at most 255.
    mean : float32 [ceil(n / block), ceil(m / block)]
        Overwritten with the local mean of each block.
    out : uint8 [n, m]
    """
    height, width = spectrum.shape
    rows, columns = mean.shape
    sums = np.zeros((rows, columns), np.float64)
    # Column by column first: sums that do not wait for each other are vectorised.
    below = np.empty(width, np.float32)
    for i in range(rows):
        below[:] = 0.0
        for y in range(i * block, min((i + 1) * block, height)):
            line = spectrum[y]
            for x in range(width):
                below[x] += line[x].real * line[x].real + line[x].imag * line[x].imag
        for j in range(columns):
            for x in range(j * block, min((j + 1) * block, width)):
                sums[i, j] += below[x]
    for i in range(rows):
        for j in range(columns):
            total = 0.0
            count = 0
            for k in range(i - 1, i + 2):
                for q in range(max(j - 1, 0), min(j + 2, columns)):
                    tall = min(block, height - (k % rows) * block)
                    total += sums[k % rows, q]
                    count += tall * min(block, width - q * block)
            mean[i, j] = total / count + 1e-12
    half = np.float32(0.5)
    limit = np.float32(clip * steps) + half
    share = np.empty(width, np.float32)
    for i in range(rows):
        for j in range(columns):
            share[j * block : (j + 1) * block] = np.float32(steps) / mean[i, j]
        for y in range(i * block, min((i + 1) * block, height)):
            line = spectrum[y]
            target = out[y]
            for x in range(width):
                power = line[x].real * line[x].real + line[x].imag * line[x].imag
                value = power * share[x] + half
                target[x] = np.uint8(np.int32(value if value < limit else limit))


@kernel
def quadrants(power: NDArray[np.uint8], right: NDArray[np.uint8], left: NDArray[np.uint8]) -> None:
    """Cut a half-plane map into its two quadrants, on grids of half bins.

    Parameters
    ----------
    power : uint8 [n, m]
        As `whitened_power` gives it.
    right, left : uint8 [4, m, m]
        Overwritten. Element [2 i + j, y, x] is the mean of the bins around row ``y + i / 2`` and
        column ``x + j / 2``: in ``right`` as they are, in ``left`` with rows that count downwards
        from 0. It is 0 in the last half bins, which have no others around.
    """
    size = power.shape[0]
    width = right.shape[2]
    last = width - 1
    for side in range(2):
        out = left if side else right
        for y in range(width):
            line = power[(size - y) % size if side else y]
            out[0, y, :] = line[:width]
            _means(line[:last], line[1:width], out[1, y, :last])
            out[1, y, last] = 0
        for y in range(last):
            _means(out[0, y], out[0, y + 1], out[2, y])
            _means(out[1, y], out[1, y + 1], out[3, y])
        out[2:, last, :] = 0


@kernel
def _means(one: NDArray[np.uint8], two: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
    for x in range(out.size):
        out[x] = (np.uint16(one[x]) + np.uint16(two[x]) + np.uint16(1)) >> np.uint16(1)


@kernel
def sampled(
    first: NDArray[np.uint8],
    second: NDArray[np.uint8],
    places: NDArray[np.int32],
    others: NDArray[np.int32],
    out: NDArray[np.uint8],
) -> None:
    """Add up two maps at places of a grid of one's own.

    Parameters
    ----------
    first, second : uint8 [k]
        Values up to 127.
    places, others : int32 [R, C]
        Indices into the first and into the second.
    out : uint8 [R, C]
    """
    for i in range(out.shape[0]):
        line, one, two = out[i], places[i], others[i]
        for j in range(line.size):
            line[j] = first[np.uint32(one[j])] + second[np.uint32(two[j])]


@kernel
def best_shifts(
    chart: NDArray[np.uint8],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    count: int,
    reach: int,
    best: NDArray[np.int32],
    places: NDArray[np.int32],
) -> None:
    """Add up the lines of a lattice at every shift of a map, and keep the best of every run.

    Parameters
    ----------
    chart : uint8 [R, C]
        A map on which what is looked for, such as scale and angle, is a shift.
    rows, columns : int64 [L]
        Place of each line for the first shift; at most 257 lines.
    count : int
        How many shifts along the columns.
    reach : int
        Shifts (s, a) that differ by more are left out.
    best : int32 [S, runs]
        Overwritten with the largest sum of every run of shifts along the columns, for every shift
        along the rows; -1 where all are left out.
    places : int32 [S, runs]
        Overwritten with the shift along the columns that has it.
    """
    scales, runs = best.shape
    run = -(-count // runs)
    total = np.empty(count, np.uint16)
    for s in range(scales):
        low, high = max(s - reach, 0), min(s + reach + 1, count)
        part = total[low:high]
        part[:] = 0
        for k in range(rows.size):
            line = chart[rows[k] + s, columns[k] + low : columns[k] + high]
            for a in range(part.size):
                part[a] += np.uint16(line[a])
        for r in range(runs):
            top, place = -1, 0
            for a in range(max(r * run, low), min((r + 1) * run, high)):
                if total[a] > top:
                    top, place = int(total[a]), a
            best[s, r] = top
            places[s, r] = place


@kernel
def _moved(
    here: NDArray[np.float64], move: NDArray[np.float64], size: float
) -> tuple[float, float, float, float]:
    """Multiply a map from the left with 1 + size * move."""
    a, b = 1.0 + size * move[0, 0], size * move[0, 1]
    c, d = size * move[1, 0], 1.0 + size * move[1, 1]
    return (
        a * here[0, 0] + b * here[1, 0],
        a * here[0, 1] + b * here[1, 1],
        c * here[0, 0] + d * here[1, 0],
        c * here[0, 1] + d * here[1, 1],
    )


@kernel(fastmath={"contract", "reassoc"})
def _line_score(
    power: NDArray[np.uint8],
    lines: NDArray[np.float32],
    steps: float,
    a: float,
    b: float,
    c: float,
    d: float,
) -> float:
    """Score the geometry [[a, b], [c, d]] of marked to received pixels; see `climb`."""
    size = power.shape[0]
    half = power.shape[1]
    middle = size // 2
    # Lines go by the inverse transpose.
    scale = 1.0 / (a * d - b * c)
    xx, xy = np.float32(d * scale), np.float32(-c * scale)
    yx, yy = np.float32(-b * scale), np.float32(a * scale)
    total = np.float32(0.0)
    inside = 0
    for k in range(lines.shape[0]):
        x = xx * lines[k, 0] + xy * lines[k, 1]
        y = yx * lines[k, 0] + yy * lines[k, 1]
        if x < 0:
            x = -x
            y = -y
        column = int(x)
        row = int(y + np.float32(size)) - size
        if column + 1 < half and row + 1 < middle and row > -middle:
            fx = x - np.float32(column)
            fy = y - np.float32(row)
            low = power[row if row >= 0 else row + size]
            high = power[row + 1 if row >= -1 else row + 1 + size]
            first, second = np.float32(low[column]), np.float32(low[column + 1])
            third, fourth = np.float32(high[column]), np.float32(high[column + 1])
            upper = first + fx * (second - first)
            lower = third + fx * (fourth - third)
            total += upper + fy * (lower - upper)
            inside += 1
    return float((total / steps - inside) / math.sqrt(lines.shape[0]))


@kernel
def climb(
    power: NDArray[np.uint8],
    lines: NDArray[np.float32],
    steps: float,
    moves: NDArray[np.float64],
    sizes: NDArray[np.float64],
    most: int,
    maps: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Climb from candidate geometries to better ones nearby, by the mean power on their lines.

    The score is the sum of (power - 1) over the lines inside the map, read between the bins,
    divided by sqrt(L).

    Parameters
    ----------
    power : uint8 [n, m]
        As `whitened_power` gives it.
    lines : float32 [L, 2]
        Lines as (x, y), in bins for the identity.
    steps : float
        Steps for a power of 1.
    moves : float64 [M, 2, 2]
        A map is multiplied from the left with 1 + size * move.
    sizes : float64 [k]
        Sizes of moves, one after the other.
    most : int
        Moves of a size, at most.
    maps : float64 [C, 2, 2]
        Candidates: of received pixels by marked ones. Overwritten with where they end.
    out : float64 [C]
        Overwritten with the scores there.
    """
    for candidate in range(maps.shape[0]):
        here = maps[candidate]
        best = _line_score(power, lines, steps, here[0, 0], here[0, 1], here[1, 0], here[1, 1])
        for size in sizes:
            for _ in range(most):
                top = -1
                for m in range(moves.shape[0]):
                    a, b, c, d = _moved(here, moves[m], size)
                    score = _line_score(power, lines, steps, a, b, c, d)
                    if score > best:
                        best, top = score, m
                if top < 0:
                    break
                here[0, 0], here[0, 1], here[1, 0], here[1, 1] = _moved(here, moves[top], size)
        out[candidate] = best


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
