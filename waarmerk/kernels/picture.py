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
    "enlarge",
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


@kernel
def _box_shares(width: int, radius: int) -> NDArray[np.float32]:
    """Give one over the number of elements of a row that are near each of them."""
    shares = np.empty(width, np.float32)
    for x in range(width):
        shares[x] = 1.0 / (min(x + radius, width - 1) - max(x - radius, 0) + 1)
    return shares


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
    # Adding a row and taking it away again leaves rounding errors; over a thousand rows they stay
    # below 1e-5 of the largest sum, and single precision halves the time.
    sums = np.zeros(width, np.float32)
    padded = np.zeros(width + 2 * radius, np.float32)
    shares = _box_shares(width, radius)
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
        row = out[y]
        _box_row(sums, share, padded, row)
        for x in range(width):
            row[x] *= shares[x]


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
    luma_sums = np.zeros(width, np.float32)
    square_sums = np.zeros(width, np.float32)
    luma_padded = np.zeros(width + 2 * high_pass, np.float32)
    square_padded = np.zeros(width + 2 * neighbourhood, np.float32)
    luma_shares = _box_shares(width, high_pass)
    square_shares = _box_shares(width, neighbourhood)
    ground = np.float32(floor * floor)
    limit = np.float32(clip)
    for y in range(min(high_pass, height)):
        entering = luma[y]
        for x in range(width):
            luma_sums[x] += entering[x]
    for step in range(height + neighbourhood):
        y = step
        if y < height:
            if y > high_pass and y + high_pass < height:
                entering, leaving = luma[y + high_pass], luma[y - high_pass - 1]
                for x in range(width):
                    luma_sums[x] = (luma_sums[x] + entering[x]) - leaving[x]
            elif y + high_pass < height:
                entering = luma[y + high_pass]
                for x in range(width):
                    luma_sums[x] += entering[x]
            elif y > high_pass:
                leaving = luma[y - high_pass - 1]
                for x in range(width):
                    luma_sums[x] -= leaving[x]
            share = np.float32(1.0 / (min(y + high_pass, height - 1) - max(y - high_pass, 0) + 1))
            _box_row(luma_sums, share, luma_padded, mean)
            before, after, squared = luma[y], out[y], squares[y % kept]
            for x in range(width):
                difference = before[x] - mean[x] * luma_shares[x]
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
        first, last = max(y - neighbourhood, 0), min(y + neighbourhood, height - 1)
        share = np.float32(1.0 / (last - first + 1))
        _box_row(square_sums, share, square_padded, mean)
        after = out[y]
        for x in range(width):
            # Rounding may leave a mean of squares slightly below 0.
            variance = abs(mean[x] * square_shares[x])
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
