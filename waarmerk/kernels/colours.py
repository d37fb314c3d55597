"""Kernels for the colours of a picture, in which the public marks of others are.

::

   (Y Cb Cr ─▶) R G B  ─▶  sums of 2 x 2 of B - Y and R - Y  ─▶  least and largest of a block
                           +--+--+--+--+                         of 4 x 4, the first left out
                           |  |  |  |  |
                           +--+--+--+--+
"""

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels._jit import kernel

__all__ = ["block_extremes"]


@kernel
def _split(words: NDArray[np.uint32], planes: NDArray[np.uint8]) -> None:
    """Take the three lowest bytes of words [w] apart, into planes [3, w]."""
    for c in range(3):
        plane = planes[c]
        shift = np.uint32(8 * c)
        for x in range(plane.size):
            plane[x] = np.uint8(words[x] >> shift)


@kernel
def _add_rgb(row: NDArray[np.uint8], sums: NDArray[np.float32]) -> None:
    """Add the colours of a row [3, w] to sums [3, w]."""
    red, green, blue = sums[0], sums[1], sums[2]
    first, second, third = row[0], row[1], row[2]
    for x in range(red.size):
        red[x] += np.float32(first[x])
        green[x] += np.float32(second[x])
        blue[x] += np.float32(third[x])


@kernel
def _add_ycc(row: NDArray[np.uint8], sums: NDArray[np.float32]) -> None:
    """Do the same with a row in YCbCr, made RGB as libjpeg makes it.

    jdcolor.c: ITU-T T.871 in steps of 2^-16, rounded, and limited to 0..255. In single precision,
    for all numbers stay below 2^24, so that every step is exact; whole ones are not vectorised.
    """
    red, green, blue = sums[0], sums[1], sums[2]
    first, second, third = row[0], row[1], row[2]
    centre = np.float32(128.0)
    unit = np.float32(2.0**-16)
    half = np.float32(2.0**15)
    top, zero = np.float32(255.0), np.float32(0.0)
    for x in range(red.size):
        luma = np.float32(first[x])
        cb = np.float32(second[x]) - centre
        cr = np.float32(third[x]) - centre
        r = luma + np.floor((np.float32(91881.0) * cr + half) * unit)  # 1.402
        g = half - np.float32(22554.0) * cb - np.float32(46802.0) * cr  # 0.34414, 0.71414
        g = luma + np.floor(g * unit)
        b = luma + np.floor((np.float32(116130.0) * cb + half) * unit)  # 1.772
        r = r if r > zero else zero
        g = g if g > zero else zero
        b = b if b > zero else zero
        red[x] += r if r < top else top
        green[x] += g if g < top else top
        blue[x] += b if b < top else top


@kernel
def block_extremes(
    pixels: NDArray[np.uint32],
    ycc: bool,
    weights: NDArray[np.float32],
    scale: float,
    low: NDArray[np.float32],
    high: NDArray[np.float32],
) -> None:
    """Find the least and the largest sum of every block of 8 x 8 pixels.

    Of each 2 x 2 pixels the sums of the colours are taken, of these the difference to the luma; of
    the 4 x 4 that make a block, the first is left out.

    Parameters
    ----------
    pixels : uint32 [>= 8 n, >= 8 m]
        Red in the lowest byte, then green and blue; the highest is not looked at.
    ycc : bool
        Whether they are Y, Cb and Cr instead.
    weights : float32 [3]
        Of red, green and blue in the luma. The difference of blue is
        ``(blue (1 - weights[2]) - green weights[1]) - red weights[0]``, rounded after every step;
        that of red has the two exchanged.
    scale : float
        Of the differences.
    low, high : float32 [2, n, m]
        Overwritten: of blue, of red.
    """
    rows, columns = low.shape[1], low.shape[2]
    own = np.float32(1.0) - weights[2]
    other, middle, factor = weights[0], weights[1], np.float32(scale)
    across = 4 * columns  # sums beside each other
    planes = np.empty((3, 2 * across), np.uint8)
    sums = np.empty((3, 2 * across), np.float32)
    pairs = sums.reshape(3, across, 2)
    rows_of = np.empty((4, 2, across), np.float32)  # differences
    least = np.empty((2, across), np.float32)
    most = np.empty((2, across), np.float32)
    for i in range(rows):
        for j in range(4):
            sums[:] = 0.0
            for y in range(8 * i + 2 * j, 8 * i + 2 * j + 2):
                _split(pixels[y], planes)
                if ycc:
                    _add_ycc(planes, sums)
                else:
                    _add_rgb(planes, sums)
            red_pairs, green_pairs, blue_pairs = pairs[0], pairs[1], pairs[2]
            blue_less, red_less = rows_of[j, 0], rows_of[j, 1]
            for x in range(across):
                red = red_pairs[x, 0] + red_pairs[x, 1]
                green = (green_pairs[x, 0] + green_pairs[x, 1]) * middle
                blue = blue_pairs[x, 0] + blue_pairs[x, 1]
                blue_less[x] = ((blue * own - green) - red * other) * factor
                red_less[x] = ((red * own - green) - blue * other) * factor
        for c in range(2):
            one, two, three, four = rows_of[0, c], rows_of[1, c], rows_of[2, c], rows_of[3, c]
            # The first value of the first row is left out: another stands for it.
            for x in range(0, across, 4):
                one[x] = one[x + 1]
            smallest, largest = least[c], most[c]
            for x in range(across):
                a, b, y, z = one[x], two[x], three[x], four[x]
                low_one, high_one = (a, b) if a < b else (b, a)
                low_two, high_two = (y, z) if y < z else (z, y)
                smallest[x] = low_one if low_one < low_two else low_two
                largest[x] = high_one if high_one > high_two else high_two
        for c in range(2):
            smallest, largest = least[c], most[c]
            for k in range(columns):
                lowest, highest = smallest[4 * k], largest[4 * k]
                for x in range(4 * k + 1, 4 * k + 4):
                    lowest = min(lowest, smallest[x])
                    highest = max(highest, largest[x])
                low[c, i, k] = lowest
                high[c, i, k] = highest
