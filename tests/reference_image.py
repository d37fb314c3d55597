"""Naive twins of the image kernels: NumPy in double precision, slow and obviously right."""

import math

import numpy as np
from scipy import ndimage


def area_shares(length, count):
    """How much of each of ``length`` elements lies in each of ``count`` coarser ones, as a mean."""
    step = length / count
    shares = np.zeros((count, length))
    for k in range(count):
        for place in range(length):
            overlap = min(place + 1, (k + 1) * step) - max(place, k * step)
            shares[k, place] = max(overlap, 0.0) / step
    return shares


def reduce_luma(pixels, weights, rows, columns):
    height, width, channels = pixels.shape
    values = pixels.astype(float)
    luma = values[:, :, 0] if channels == 1 else values[:, :, :3] @ np.asarray(weights, float)
    return area_shares(height, rows) @ luma @ area_shares(width, columns).T


def windows(values, radius):
    """Give the square around every element, as far as it lies inside, with its place."""
    for y, x in np.ndindex(values.shape):
        part = values[
            max(y - radius, 0) : y + radius + 1,
            max(x - radius, 0) : x + radius + 1,
        ]
        yield (y, x), part


def box_mean(values, radius):
    out = np.empty(values.shape)
    for place, part in windows(values.astype(float), radius):
        out[place] = part.mean()
    return out


def normalised_residual(luma, high_pass, neighbourhood, floor, clip):
    difference = luma - box_mean(luma, high_pass)
    deviation = np.sqrt(box_mean(difference**2, neighbourhood) + floor**2)
    return np.clip(difference / deviation, -clip, clip)


def half_plane_mean(power, keep, reach):
    """Only for rows whose surroundings end before the last row."""
    rows, columns = power.shape

    def at(plane, y, x):
        return plane[y, x % columns] if y >= 0 else plane[-y, -x % columns]

    out = np.empty((rows - reach, columns))
    for y, x in np.ndindex(out.shape):
        around = [
            (y + i, x + j) for i in range(-reach, reach + 1) for j in range(-reach, reach + 1)
        ]
        kept = [at(power, *place) for place in around if at(keep, *place)]
        out[y, x] = np.mean(kept, dtype=float)
    return out


def mask_strength(luma, high_pass, reach, ground):
    activity = box_mean((luma - box_mean(luma, high_pass)) ** 2, reach)
    calmest = np.empty(luma.shape)
    for place, part in windows(activity, reach):
        calmest[place] = part.min()
    return box_mean(calmest ** (3 / 8), 1) + ground


def add_luma(pixels, change, direction):
    out = pixels.copy()
    for c in range(min(pixels.shape[2], 3)):
        # In single precision, as the kernel: a value may lie right between two levels.
        value = pixels[:, :, c].astype(np.float32) + direction[c] * change + np.float32(0.5)
        out[:, :, c] = np.floor(np.clip(value, 0, 255))
    return out, float(np.sum((out.astype(int) - pixels.astype(int)) ** 2))


def cut_tiles(values, size, rows, columns):
    height, width = values.shape
    padded = np.pad(values, ((0, -height % size), (0, -width % size)))
    out = np.zeros((rows, columns, size, size))
    for i, top in enumerate(range(0, height, size)):
        for j, left in enumerate(range(0, width, size)):
            out[i % rows, j % columns] += padded[top : top + size, left : left + size]
    return out


def weighted_lines(spectra, places, around, ratio):
    values = spectra[:, places].astype(complex)
    weighted = values / np.maximum(around, np.abs(values) ** 2 / ratio)
    return weighted, float(np.sum(np.abs(weighted) ** 2))


def gather_bits(lines, turned, places, count):
    """Take the phase of each line and its place among the bits as they are in its own tile."""
    out = np.zeros(count)
    for t, k in np.ndindex(lines.shape):
        out[places[t, k] % count] += (complex(lines[t, k]) * np.exp(-1j * turned[t, k])).real
    return out


def whitened_power(spectrum, block, clip, steps):
    """Rows wrap around, columns do not; the mean is that of the elements of 3 x 3 blocks."""
    power = np.abs(spectrum.astype(complex)) ** 2
    height, width = power.shape
    rows, columns = -(-height // block), -(-width // block)
    mean = np.empty((rows, columns))
    for i, j in np.ndindex(mean.shape):
        parts = [
            power[block * k : block * (k + 1), block * q : block * (q + 1)].ravel()
            for k in ((i - 1) % rows, i, (i + 1) % rows)
            for q in range(max(j - 1, 0), min(j + 2, columns))
        ]
        mean[i, j] = np.concatenate(parts).mean() + 1e-12
    around = mean.repeat(block, 0).repeat(block, 1)[:height, :width]
    return mean, np.minimum(power / around, clip) * steps


def half_plane_at(plane, x, y):
    """Read a map of squared magnitudes [n, m] between its elements; None outside of it.

    Columns from 0 up; the second half of the rows are those below 0.
    """
    size, width = plane.shape
    if x < 0:
        x, y = -x, -y
    column, row = math.floor(x), math.floor(y)
    if column + 1 >= width or row + 1 >= size // 2 or row <= -(size // 2):
        return None
    part = plane[np.ix_([row % size, (row + 1) % size], [column, column + 1])].astype(float)
    fx, fy = x - column, y - row
    return float(np.array([1 - fy, fy]) @ part @ np.array([1 - fx, fx]))


def quadrant(power, width, *, left):
    """Give the mean of the bins around every half bin (y, x) of a quadrant [2 width, 2 width].

    To the left rows count downwards. Rounded in the kernel, twice where four bins are around.
    """
    rows = [-y % len(power) if left else y for y in range(width)]
    bins = power[rows, :width].astype(float)
    out = np.zeros((2 * width, 2 * width))
    for y, x in np.ndindex(2 * width - 1, 2 * width - 1):
        around = [bins[r, c] for r in {y // 2, (y + 1) // 2} for c in {x // 2, (x + 1) // 2}]
        out[y, x] = np.mean(around)
    return out


def best_shifts(chart, lines, shifts, reach, runs):
    """Find the largest sum of every run, and the first place where it stands."""
    total = np.full(shifts, -1)
    for s, a in np.ndindex(shifts):
        if abs(s - a) <= reach:
            total[s, a] = sum(int(chart[r + s, c + a]) for r, c in lines)
    count = shifts[1]
    parts = np.array_split(np.pad(total, ((0, 0), (0, -count % runs)), constant_values=-1), runs, 1)
    size = parts[0].shape[1]
    best = np.array([part.max(1) for part in parts]).T
    places = np.array([part.argmax(1) + size * r for r, part in enumerate(parts)]).T
    return best, np.where(best < 0, 0, places)


def line_score(power, lines, steps, matrix):
    """Score a matrix of marked to received pixels by the power on its lines, between the bins."""
    total = 0.0
    for x, y in lines.astype(float) @ np.linalg.inv(matrix):
        value = half_plane_at(power, x, y)
        total += 0.0 if value is None else value / steps - 1
    return total / math.sqrt(len(lines))


def line_values(spectrum, mean, block, points, centre):
    """Turn every element to the centre, then read between them."""
    size, width = spectrum.shape
    row = np.fft.fftfreq(size)[:, None]
    column = np.arange(width) / size
    turned = spectrum * np.exp(2j * np.pi * (column * centre[0] + row * centre[1]))
    values = np.zeros(len(points), complex)
    power = np.ones(len(points))
    for k, (x, y) in enumerate(points):
        sign = -1 if x < 0 else 1
        real = half_plane_parts(turned.real, sign * x, sign * y)
        if real is None:
            continue
        values[k] = complex(real, sign * half_plane_parts(turned.imag, sign * x, sign * y))
        power[k] = mean[math.floor(sign * y) % size // block, math.floor(sign * x) // block]
    return values, power


def half_plane_parts(plane, x, y):
    """Read a real plane between its elements, columns from 0 up; None outside of it."""
    size, width = plane.shape
    column, row = math.floor(x), math.floor(y)
    if column + 1 >= width or row + 1 >= size // 2 or row < -(size // 2):
        return None
    part = plane[np.ix_([row % size, (row + 1) % size], [column, column + 1])]
    fx, fy = x - column, y - row
    return float(np.array([1 - fy, fy]) @ part @ np.array([1 - fx, fx]))


def unwarp(values, homography, shape):
    rows, columns = np.indices(shape)
    x, y, w = np.tensordot(homography, [columns, rows, np.ones(shape)], 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        x, y = x / w, y / w
    height, width = values.shape
    inside = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
    places = np.where(inside, [y, x], 0.0)
    read = ndimage.map_coordinates(values.astype(float), places, order=1)
    return np.where(inside, read, 0.0), inside
