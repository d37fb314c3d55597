"""Kernels that take the residual of a picture on the canonical grid, and what laying a mark needs.

::

    luma, short side 512        residual, about unit variance
    ┌────────┐  box high-pass   ┌────────┐
    │ float32│ ───────────────▶ │ float32│
    └────────┘  / local dev.    └────────┘

One pass over the pixels each: a scan spends its time here, in `resampling` and in the decoder.
"""

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels._jit import kernel

__all__ = [
    "add_luma",
    "box_mean",
    "half_plane_mean",
    "mask_strength",
    "normalised_residual",
]


@kernel
def _box_shares(width: int, radius: int) -> NDArray[np.float32]:
    """Give one over the number of elements of a row, or of a column, that are near each of them."""
    shares = np.empty(width, np.float32)
    for x in range(width):
        shares[x] = 1.0 / (min(x + radius, width - 1) - max(x - radius, 0) + 1)
    return shares


@kernel
def _slide(sums: NDArray[np.float32], values: NDArray[np.float32], radius: int, y: int) -> None:
    """Move the columns' sums over the rows near y - 1 to those near y; to be called from 0 on.

    Adding a row and taking it away again leaves rounding errors; over a thousand rows they stay
    below 1e-5 of the largest sum, and single precision halves the time.
    """
    height, width = values.shape
    if y == 0:
        sums[:] = 0.0
        for k in range(min(radius, height)):
            entering = values[k]
            for x in range(width):
                sums[x] += entering[x]
    enters, leaves = y + radius < height, y > radius
    if enters and leaves:
        entering, leaving = values[y + radius], values[y - radius - 1]
        for x in range(width):
            sums[x] = (sums[x] + entering[x]) - leaving[x]
    elif enters:
        entering = values[y + radius]
        for x in range(width):
            sums[x] += entering[x]
    elif leaves:
        leaving = values[y - radius - 1]
        for x in range(width):
            sums[x] -= leaving[x]


@kernel
def _box_row(
    sums: NDArray[np.float32],
    share: np.float32,
    padded: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Add up the columns' sums around every element of a row, times the share of a row.

    ``padded`` has room for them and for a margin on both sides, which is 0. The loops run over
    views that begin where they begin: with an offset in the index the compiler does not vectorise
    them; and over nine of them at once, so that a sum is stored less often.
    """
    width = sums.size
    twice = padded.size - width
    middle = padded[twice // 2 : twice // 2 + width]
    for x in range(width):
        middle[x] = sums[x] * share
    last = padded[twice : twice + width]
    done = 0
    if twice >= 8:
        a, b, c, d = padded[0:width], padded[1 : 1 + width], padded[2 : 2 + width], padded[3:]
        e, f, g, h = padded[4 : 4 + width], padded[5 : 5 + width], padded[6 : 6 + width], padded[7:]
        for x in range(width):
            total = last[x] + (a[x] + b[x])
            total = total + (c[x] + d[x])
            total = total + (e[x] + f[x])
            out[x] = total + (g[x] + h[x])
        done = 8
    else:
        for x in range(width):
            out[x] = last[x]
    while done + 4 <= twice:
        a, b = padded[done : done + width], padded[done + 1 : done + 1 + width]
        c, d = padded[done + 2 : done + 2 + width], padded[done + 3 : done + 3 + width]
        for x in range(width):
            total = out[x] + (a[x] + b[x])
            out[x] = total + (c[x] + d[x])
        done += 4
    if done < twice:
        a, b = padded[done : done + width], padded[done + 1 : done + 1 + width]
        for x in range(width):
            out[x] += a[x] + b[x]


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
    sums = np.empty(width, np.float32)
    padded = np.zeros(width + 2 * radius, np.float32)
    down, across = _box_shares(height, radius), _box_shares(width, radius)
    for y in range(height):
        _slide(sums, values, radius, y)
        row = out[y]
        _box_row(sums, down[y], padded, row)
        for x in range(width):
            row[x] *= across[x]


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
    # Row by row, so that everything stays in the cache: the mean of squares follows the mean at a
    # distance of its radius, and of the squares only those are kept that are still to be taken off.
    kept = 2 * neighbourhood + 2
    squares = np.empty((kept, width), np.float32)
    mean = np.empty(width, np.float32)
    luma_sums = np.empty(width, np.float32)
    square_sums = np.zeros(width, np.float32)
    luma_padded = np.zeros(width + 2 * high_pass, np.float32)
    square_padded = np.zeros(width + 2 * neighbourhood, np.float32)
    luma_down, luma_across = _box_shares(height, high_pass), _box_shares(width, high_pass)
    square_down = _box_shares(height, neighbourhood)
    square_across = _box_shares(width, neighbourhood)
    ground = np.float32(floor * floor)
    limit = np.float32(clip)
    for step in range(height + neighbourhood):
        y = step
        if y < height:
            _slide(luma_sums, luma, high_pass, y)
            _box_row(luma_sums, luma_down[y], luma_padded, mean)
            before, after, squared = luma[y], out[y], squares[y % kept]
            for x in range(width):
                difference = before[x] - mean[x] * luma_across[x]
                after[x] = difference
                square = difference * difference
                squared[x] = square
                square_sums[x] += square
        y -= neighbourhood
        if y < 0:
            continue
        if y > neighbourhood:
            leaving = squares[(y - neighbourhood - 1) % kept]
            for x in range(width):
                square_sums[x] -= leaving[x]
        _box_row(square_sums, square_down[y], square_padded, mean)
        after = out[y]
        for x in range(width):
            # Rounding may leave a mean of squares slightly below 0.
            variance = abs(mean[x] * square_across[x])
            value = after[x] / np.sqrt(variance + ground)
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
