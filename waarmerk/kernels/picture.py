"""Kernels that bring a picture onto the canonical grid and take its residual.

::

    pixels, any size          luma, short side 512        residual, about unit variance
    ┌──────────────┐  reduce  ┌────────┐  box high-pass   ┌────────┐
    │ uint8 HxWx3  │ ───────▶ │ float32│ ───────────────▶ │ float32│
    └──────────────┘  (area)  └────────┘  / local dev.    └────────┘

One pass over the pixels each: a scan spends its time here and in the decoder.
"""

import math

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels._jit import kernel

__all__ = [
    "add_luma",
    "box_mean",
    "half_plane_mean",
    "mask_strength",
    "normalised_residual",
    "reduce_luma",
]


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
def _row_shares(width: int, columns: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find the first element under each of a coarser row [w], and shares [taps, w] from there."""
    step = width / columns
    taps = math.ceil(step) + 1
    first = np.empty(columns, np.int64)
    shares = np.zeros((taps, columns), np.float32)
    for k in range(columns):
        left = k * step
        # The last shares may be 0; keep their places inside the row.
        first[k] = min(int(left), max(width - taps, 0))
        for tap in range(min(taps, width)):
            place = first[k] + tap
            share = min(place + 1.0, left + step) - max(float(place), left)
            shares[tap, k] = max(share, 0.0)
    return first, shares


@kernel
def _reduce_row(
    values: NDArray[np.float32],
    first: NDArray[np.int64],
    shares: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Add up the values [W] under each element of a coarser row [w], by their shares."""
    for k in range(out.size):
        out[k] = values[first[k]] * shares[0, k]
    for tap in range(1, min(shares.shape[0], values.size)):
        for k in range(out.size):
            out[k] += values[first[k] + tap] * shares[tap, k]


@kernel
def box_mean(values: NDArray[np.float32], radius: int, out: NDArray[np.float32]) -> None:
    """Mean over a square around every element; at the border over the part of it inside.

    Parameters
    ----------
    values, out : float32 [h, w]
        May not be the same array.
    radius : int
        The square has sides of 2 radius + 1.
    """
    height, width = values.shape
    # Adding a row and taking it away again leaves rounding errors; over a thousand rows they stay
    # below 1e-5 of the largest sum, and single precision halves the time.
    sums = np.zeros(width, np.float32)
    # The sums of the columns with a margin of zeros. The loops run over views that begin where
    # they begin: with an offset in the index the compiler does not vectorise them.
    padded = np.zeros(width + 2 * radius, np.float32)
    middle = padded[radius : radius + width]
    last = padded[2 * radius :]
    shares = np.empty(width, np.float32)
    total = np.empty(width, np.float32)
    for x in range(width):
        shares[x] = 1.0 / (min(x + radius, width - 1) - max(x - radius, 0) + 1)
    for y in range(min(radius, height)):
        entering = values[y]
        for x in range(width):
            sums[x] += entering[x]
    for y in range(height):
        if y + radius < height:
            entering = values[y + radius]
            for x in range(width):
                sums[x] += entering[x]
        if y > radius:
            leaving = values[y - radius - 1]
            for x in range(width):
                sums[x] -= leaving[x]
        share = np.float32(1.0 / (min(y + radius, height - 1) - max(y - radius, 0) + 1))
        for x in range(width):
            middle[x] = sums[x] * share
        for x in range(width):
            total[x] = last[x]
        for k in range(0, 2 * radius, 2):
            one = padded[k : k + width]
            two = padded[k + 1 : k + 1 + width]
            for x in range(width):
                total[x] += one[x] + two[x]
        row = out[y]
        for x in range(width):
            row[x] = total[x] * shares[x]


@kernel
def normalised_residual(
    luma: NDArray[np.float32],
    high_pass: int,
    neighbourhood: int,
    floor: float,
    clip: float,
    out: NDArray[np.float32],
) -> None:
    """Subtract the local mean, divide by the local deviation, clip.

    Parameters
    ----------
    luma : float32 [h, w]
        In 0..255.
    high_pass, neighbourhood : int
        Radius of the square of the mean and of that of the deviation, in elements.
    floor : float
        Added in square to the deviation, in levels: a plain area stays near 0.
    clip : float
        The result is limited to -clip..clip.
    out : float32 [h, w]
    """
    height, width = luma.shape
    mean = np.empty((height, width), np.float32)
    square = np.empty((height, width), np.float32)
    box_mean(luma, high_pass, mean)
    for y in range(height):
        before, smooth, after, squared = luma[y], mean[y], out[y], square[y]
        for x in range(width):
            difference = before[x] - smooth[x]
            after[x] = difference
            squared[x] = difference * difference
    box_mean(square, neighbourhood, mean)
    ground = np.float32(floor * floor)
    limit = np.float32(clip)
    for y in range(height):
        after, squared = out[y], mean[y]
        for x in range(width):
            # Rounding may leave a mean of squares slightly below 0.
            value = after[x] / np.sqrt(np.float32(abs(squared[x])) + ground)
            value = value if value < limit else limit
            after[x] = value if value > -limit else -limit


@kernel
def half_plane_mean(
    power: NDArray[np.float32], keep: NDArray[np.float32], reach: int, out: NDArray[np.float32]
) -> None:
    """Mean of the kept elements around every element of half a Fourier plane.

    Parameters
    ----------
    power, keep, out : float32 [m, n]
        The first m rows of a real picture's transform, from 0 up: rows below 0 are the point
        reflection of those above, columns wrap around. Above the last row the last ones are
        reflected, so its means are not exact. ``keep`` is 1 where an element counts, else 0.
    reach : int
        The mean is over (2 reach + 1) x (2 reach + 1) elements.
    """
    rows, columns = power.shape
    tall = rows + 2 * reach
    wide = columns + 2 * reach
    values = np.empty((tall, wide), np.float32)
    counts = np.empty((tall, wide), np.float32)
    for y in range(tall):
        row = abs(y - reach)
        if row >= rows:
            row = 2 * (rows - 1) - row
        count, value = counts[y], values[y]
        middle_count = count[reach : reach + columns]
        middle_value = value[reach : reach + columns]
        if y < reach:
            for x in range(columns):
                source = columns - x if x else 0
                middle_count[x] = keep[row, source]
                middle_value[x] = power[row, source] * keep[row, source]
        else:
            kept, powers = keep[row], power[row]
            for x in range(columns):
                middle_count[x] = kept[x]
                middle_value[x] = powers[x] * kept[x]
        for x in range(reach):
            left = (x - reach) % columns
            right = x % columns
            count[x] = middle_count[left]
            value[x] = middle_value[left]
            count[reach + columns + x] = middle_count[right]
            value[reach + columns + x] = middle_value[right]
    means = np.empty((tall, wide), np.float32)
    shares = np.empty((tall, wide), np.float32)
    box_mean(values, reach, means)
    box_mean(counts, reach, shares)
    for y in range(rows):
        mean = means[y + reach, reach : reach + columns]
        share = shares[y + reach, reach : reach + columns]
        row_out = out[y]
        for x in range(columns):
            # Rounding may leave a mean slightly below 0, where a few lines hold all the power.
            positive = mean[x] if mean[x] > np.float32(0.0) else np.float32(0.0)
            row_out[x] = positive / share[x] + np.float32(1e-12)


@kernel
def mask_strength(
    luma: NDArray[np.float32], high_pass: int, reach: int, ground: float, out: NDArray[np.float32]
) -> None:
    """Strength that follows the activity at the calmest place nearby.

    Parameters
    ----------
    luma, out : float32 [h, w]
    high_pass : int
        Radius of the square whose mean is subtracted first.
    reach : int
        Radius of the squares in which activity is taken and the calmest place is looked for.
    ground : float
        Added to the deviation to the power of 3/4.
    """
    height, width = luma.shape
    first = np.empty((height, width), np.float32)
    second = np.empty((height, width), np.float32)
    box_mean(luma, high_pass, first)
    for y in range(height):
        for x in range(width):
            difference = luma[y, x] - first[y, x]
            first[y, x] = difference * difference
    box_mean(first, reach, second)
    for y in range(height):
        row = second[max(y - reach, 0)]
        for x in range(width):
            first[y, x] = row[x]
        for other in range(max(y - reach, 0) + 1, min(y + reach, height - 1) + 1):
            row = second[other]
            for x in range(width):
                value = row[x]
                first[y, x] = value if value < first[y, x] else first[y, x]
    for y in range(height):
        for x in range(width):
            second[y, x] = first[y, x]
        for shift in range(1, min(reach, width - 1) + 1):
            for x in range(width - shift):
                value = first[y, x + shift]
                second[y, x] = value if value < second[y, x] else second[y, x]
            for x in range(shift, width):
                value = first[y, x - shift]
                second[y, x] = value if value < second[y, x] else second[y, x]
        for x in range(width):
            # The variance to the power of 3/8, by roots alone.
            value = np.float32(abs(second[y, x]))
            first[y, x] = np.sqrt(np.sqrt(np.sqrt(value * value * value)))
    box_mean(first, 1, out)
    bottom = np.float32(ground)
    for y in range(height):
        for x in range(width):
            out[y, x] += bottom


@kernel
def add_luma(
    pixels: NDArray[np.uint8],
    change: NDArray[np.float32],
    direction: NDArray[np.float32],
    out: NDArray[np.uint8],
) -> float:
    """Change the luma of a picture, rounding to whole levels.

    Parameters
    ----------
    pixels, out : uint8 [H, W, C]
        C is 1, 3 or 4; a fourth channel is copied.
    change : float32 [H, W]
        Change of luma, in levels.
    direction : float32 [3]
        Change of each colour channel for one level of luma.

    Returns
    -------
    float
        Sum of the squared changes of the colour channels after rounding and clipping.
    """
    height, width, channels = pixels.shape
    length = width * channels
    step = np.zeros(length, np.float32)
    squares = 0.0
    half = np.float32(0.5)
    bottom = np.float32(0.0)
    top = np.float32(255.0)
    source = pixels.reshape(height, length)
    target = out.reshape(height, length)
    for y in range(height):
        for c in range(min(channels, 3)):
            for x in range(width):
                step[x * channels + c] = direction[c] * change[y, x]
        before = source[y]
        after = target[y]
        row_squares = np.int64(0)
        for k in range(length):
            value = np.float32(before[k]) + step[k] + half
            value = value if value > bottom else bottom
            value = value if value < top else top
            level = np.int32(value)
            after[k] = np.uint8(level)
            difference = level - np.int32(before[k])
            row_squares += difference * difference
        squares += row_squares
    return squares
