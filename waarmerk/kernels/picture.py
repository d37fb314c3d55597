"""Kernels that bring a picture onto the canonical grid and take its residual.

::

    pixels, any size          luma, short side 512        residual, about unit variance
    ┌──────────────┐  reduce  ┌────────┐  box high-pass   ┌────────┐
    │ uint8 HxWx3  │ ───────▶ │ float32│ ───────────────▶ │ float32│
    └──────────────┘  (area)  └────────┘  / local dev.    └────────┘

One pass over the pixels each: a scan spends its time here and in the decoder.
"""

import numpy as np

from waarmerk.kernels._jit import kernel

__all__ = ["box_mean", "normalised_residual", "reduce_luma"]


@kernel(fastmath={"contract", "reassoc"})
def reduce_luma(pixels, weights, out):  # type: ignore[no-untyped-def]
    """Average pixels over the areas of a coarser grid, as luma.

    Parameters
    ----------
    pixels : uint8 [H, W, C]
        C-contiguous; C is 1, 3 or 4 (the fourth channel is ignored).
    weights : float32 [3]
        Weight of each channel in the luma; only the first is used when C is 1.
    out : float32 [h, w]
        Filled with luma in 0..255; h <= H and w <= W. Every source pixel counts with the share of
        its area that lies in the target pixel.
    """
    height, width, channels = pixels.shape
    rows, columns = out.shape
    step_y = height / rows
    step_x = width / columns
    line = np.empty(width, np.float32)
    total = np.zeros(width, np.float32)
    rest = np.zeros(width, np.float32)
    red, green, blue = weights[0], weights[1], weights[2]
    target = 0
    end = step_y
    for y in range(height):
        if channels == 1:
            for x in range(width):
                line[x] = pixels[y, x, 0]
        else:
            for x in range(width):
                line[x] = (
                    red * pixels[y, x, 0] + green * pixels[y, x, 1] + blue * pixels[y, x, 2]
                )
        last = y == height - 1
        if y + 1 < end and not last:
            for x in range(width):
                total[x] += line[x]
            continue
        inside = np.float32(1.0 if last else end - y)
        outside = np.float32(1.0) - inside
        for x in range(width):
            total[x] += inside * line[x]
            rest[x] = outside * line[x]
        scale = 1.0 / (step_y * step_x)
        if step_x == 2.0:
            for k in range(columns):
                out[target, k] = (total[2 * k] + total[2 * k + 1]) * scale
        elif step_x == 1.0:
            for k in range(columns):
                out[target, k] = total[k] * scale
        else:
            for k in range(columns):
                left = k * step_x
                right = left + step_x
                first = int(left)
                final = min(int(right), width - 1)
                value = total[first] * (min(first + 1.0, right) - left)
                for x in range(first + 1, final):
                    value += total[x]
                if final > first:
                    value += total[final] * (right - final)
                out[target, k] = value * scale
        for x in range(width):
            total[x] = rest[x]
        target += 1
        end = (target + 1) * step_y
        if target == rows:
            return


@kernel
def box_mean(values, radius_y, radius_x, out):  # type: ignore[no-untyped-def]
    """Mean over a box around every element; at the border over the part of the box inside.

    Parameters
    ----------
    values, out : float32 [h, w]
        May not be the same array.
    radius_y, radius_x : int
        The box is (2 radius_y + 1) x (2 radius_x + 1).
    """
    height, width = values.shape
    sums = np.zeros(width, np.float64)
    shares = np.empty(width, np.float64)
    for x in range(width):
        shares[x] = 1.0 / (min(x + radius_x, width - 1) - max(x - radius_x, 0) + 1)
    for y in range(min(radius_y, height)):
        for x in range(width):
            sums[x] += values[y, x]
    for y in range(height):
        if y + radius_y < height:
            for x in range(width):
                sums[x] += values[y + radius_y, x]
        if y - radius_y > 0:
            for x in range(width):
                sums[x] -= values[y - radius_y - 1, x]
        share = 1.0 / (min(y + radius_y, height - 1) - max(y - radius_y, 0) + 1)
        running = 0.0
        for x in range(min(radius_x, width)):
            running += sums[x]
        for x in range(width):
            if x + radius_x < width:
                running += sums[x + radius_x]
            if x > radius_x:
                running -= sums[x - radius_x - 1]
            out[y, x] = running * share * shares[x]


@kernel
def normalised_residual(luma, high_pass, neighbourhood, floor, clip, out):  # type: ignore[no-untyped-def]
    """Subtract the local mean, divide by the local deviation, clip.

    Parameters
    ----------
    luma : float32 [h, w]
        In 0..255.
    high_pass, neighbourhood : int
        Radius of the box of the mean and of the box of the deviation, in elements.
    floor : float
        Added in square to the deviation, in levels: a plain area stays near 0.
    clip : float
        The result is limited to -clip..clip.
    out : float32 [h, w]
    """
    height, width = luma.shape
    mean = np.empty((height, width), np.float32)
    square = np.empty((height, width), np.float32)
    box_mean(luma, high_pass, high_pass, mean)
    for y in range(height):
        for x in range(width):
            difference = luma[y, x] - mean[y, x]
            out[y, x] = difference
            square[y, x] = difference * difference
    box_mean(square, neighbourhood, neighbourhood, mean)
    floor_square = np.float32(floor * floor)
    limit = np.float32(clip)
    for y in range(height):
        for x in range(width):
            value = out[y, x] / np.sqrt(max(mean[y, x], np.float32(0.0)) + floor_square)
            out[y, x] = min(max(value, -limit), limit)
