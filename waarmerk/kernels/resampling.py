"""Kernels that bring a picture onto the canonical grid: reduced by areas, or enlarged bicubically.

::

    pixels, any size          luma, short side 512
    ┌──────────────┐  reduce  ┌────────┐
    │ uint8 HxWx3  │ ───────▶ │ float32│
    └──────────────┘  (area)  └────────┘
"""

import math

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels._jit import kernel

__all__ = ["enlarge", "reduce_luma"]


@kernel
def reduce_luma(
    pixels: NDArray[np.uint8], weights: NDArray[np.float32], out: NDArray[np.float32]
) -> None:
    """Average pixels over the areas of a coarser grid, as luma.

    Rows are added up as they lie in memory, and only the sums are split into colours.

    Parameters
    ----------
    pixels : uint8 [H, W, C]
        C-contiguous; C is 1, 3 or 4 (the fourth channel is ignored).
    weights : float32 [3]
        Weight of each channel in the luma; only one of 1 is used when C is 1.
    out : float32 [h, w]
        Filled with luma in 0..255; h <= H and w <= W. Every source pixel counts with the share of
        its area that lies in the target pixel.
    """
    height, width, channels = pixels.shape
    rows, columns = out.shape
    step_y = height / rows
    step_x = width / columns
    length = width * channels
    flat = pixels.reshape(height, length)
    total = np.zeros(length, np.float32)
    luma = np.empty(width, np.float32)
    scale = np.float32(1.0 / (step_y * step_x))
    red, green, blue = weights[0] * scale, weights[1] * scale, weights[2] * scale
    first, shares = _row_shares(width, columns)
    target = 0
    end = step_y
    for y in range(height):
        row = flat[y]
        last = y == height - 1
        if y + 1 < end and not last:
            for k in range(length):
                total[k] += np.float32(row[k])
            continue
        inside = np.float32(1.0 if last else end - y)
        for k in range(length):
            total[k] += inside * np.float32(row[k])
        if channels == 1:
            for x in range(width):
                luma[x] = total[x] * scale
        elif channels == 3:
            for x in range(width):
                luma[x] = red * total[3 * x] + green * total[3 * x + 1] + blue * total[3 * x + 2]
        else:
            for x in range(width):
                luma[x] = red * total[4 * x] + green * total[4 * x + 1] + blue * total[4 * x + 2]
        _reduce_row(luma, first, shares, out[target])
        outside = np.float32(1.0) - inside
        for k in range(length):
            total[k] = outside * np.float32(row[k])
        target += 1
        end = (target + 1) * step_y
        if target == rows:
            return


@kernel
def _row_shares(width: int, columns: int) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
    """Find the first element under each of a coarser row [w], and shares [taps, w] from there."""
    step = width / columns
    taps = math.ceil(step) + 1
    first = np.empty(columns, np.uint32)  # without a sign: nothing has to be asked of an index
    shares = np.zeros((taps, columns), np.float32)
    for k in range(columns):
        left = k * step
        # The last shares may be 0; keep their places inside the row.
        start = min(int(left), max(width - taps, 0))
        first[k] = start
        for tap in range(min(taps, width)):
            place = start + tap
            share = min(place + 1.0, left + step) - max(float(place), left)
            shares[tap, k] = max(share, 0.0)
    return first, shares


@kernel
def _reduce_row(
    values: NDArray[np.float32],
    first: NDArray[np.uint32],
    shares: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Add up the values [W] under each element of a coarser row [w], by their shares."""
    taps = min(shares.shape[0], values.size)
    done = 1
    if taps < 3:
        for k in range(out.size):
            out[k] = values[first[k]] * shares[0, k]
    else:
        # As many as there are below twice the size, at once.
        one, two, three = shares[0], shares[1], shares[2]
        second, third = values[1:], values[2:]
        for k in range(out.size):
            place = first[k]
            out[k] = values[place] * one[k] + second[place] * two[k] + third[place] * three[k]
        done = 3
    for tap in range(done, taps):
        later, share = values[tap:], shares[tap]
        for k in range(out.size):
            out[k] += later[first[k]] * share[k]


@kernel
def _bicubic(size: int, larger: int) -> tuple[NDArray[np.uint32], NDArray[np.float64]]:
    """Find the first of the elements that each of a finer row is made of [n], and shares [5, n].

    Pillow's Resample.c, ``precompute_coeffs`` with ``bicubic_filter``: Keys' with a = -1/2.
    """
    first = np.zeros(larger, np.uint32)
    shares = np.zeros((5, larger))
    scale = size / larger
    for k in range(larger):
        centre = (k + 0.5) * scale
        start = max(int(centre - 2.0 + 0.5), 0)
        count = min(int(centre + 2.0 + 0.5), size) - start
        total = 0.0
        # The last shares may be 0; keep their places inside the row.
        place = max(min(start, size - 5), 0)
        for tap in range(count):
            x = abs(tap + start - centre + 0.5)
            share = 0.0
            if x < 1.0:
                share = (1.5 * x - 2.5) * x * x + 1.0
            elif x < 2.0:
                share = (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5
            shares[start - place + tap, k] = share
            total += share
        if total != 0.0:
            for tap in range(5):
                shares[tap, k] /= total
        first[k] = place
    return first, shares


@kernel
def enlarge(values: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Enlarge a picture as Pillow's bicubic filter does, to the last bit: first across, then down.

    Parameters
    ----------
    values : float32 [h, w]
    out : float32 [H, W]
        H >= h and W >= w.
    """
    height, width = values.shape
    rows, columns = out.shape
    across = np.empty((height, columns), np.float32)
    first, shares = _bicubic(width, columns)
    padded = np.zeros(width + 4)
    for y in range(height):
        source, target = values[y], across[y]
        for x in range(width):
            padded[x] = source[x]
        if width == columns:
            target[:] = source
            continue
        one, two, three, four, five = shares[0], shares[1], shares[2], shares[3], shares[4]
        second, third, fourth, fifth = padded[1:], padded[2:], padded[3:], padded[4:]
        for k in range(columns):
            place = first[k]
            value = padded[place] * one[k] + second[place] * two[k] + third[place] * three[k]
            target[k] = value + fourth[place] * four[k] + fifth[place] * five[k]
    first, shares = _bicubic(height, rows)
    total = np.empty(columns)
    for k in range(rows):
        if height == rows:
            out[k] = across[k]
            continue
        total[:] = 0.0
        for tap in range(min(5, height)):
            share, source = shares[tap, k], across[first[k] + tap]
            if share != 0.0:
                for x in range(columns):
                    total[x] += source[x] * share
        target = out[k]
        for x in range(columns):
            target[x] = total[x]
