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

__all__ = ["agreement", "block_extremes", "block_waves", "low_bytes", "luma_of_rgb"]


@kernel
def _add_rgb(one: NDArray[np.uint32], two: NDArray[np.uint32], sums: NDArray[np.uint16]) -> None:
    """Add the colours of two rows of words [w], into sums [3, w]."""
    red, green, blue = sums[0], sums[1], sums[2]
    second, third = np.uint32(8), np.uint32(16)
    for x in range(red.size):
        a, b = one[x], two[x]
        red[x] = np.uint16(np.uint8(a)) + np.uint16(np.uint8(b))
        green[x] = np.uint16(np.uint8(a >> second)) + np.uint16(np.uint8(b >> second))
        blue[x] = np.uint16(np.uint8(a >> third)) + np.uint16(np.uint8(b >> third))


@kernel
def _rgb_of(word: np.uint32) -> tuple[np.float32, np.float32, np.float32]:
    """Make RGB of YCbCr as libjpeg makes it.

    jdcolor.c: ITU-T T.871 in steps of 2^-16, rounded, and limited to 0..255. In single precision,
    for every product has less than 24 bits, so that every step is exact; whole numbers are not
    vectorised.
    """
    luma = np.float32(np.uint8(word))
    cb = np.float32(np.uint8(word >> np.uint32(8))) - np.float32(128.0)
    cr = np.float32(np.uint8(word >> np.uint32(16))) - np.float32(128.0)
    half, top, zero = np.float32(0.5), np.float32(255.0), np.float32(0.0)
    red = luma + np.floor(np.float32(91881 / 65536) * cr + half)  # 1.402
    green = half - np.float32(22554 / 65536) * cb - np.float32(46802 / 65536) * cr
    green = luma + np.floor(green)  # 0.34414, 0.71414
    blue = luma + np.floor(np.float32(116130 / 65536) * cb + half)  # 1.772
    red = red if red > zero else zero
    green = green if green > zero else zero
    blue = blue if blue > zero else zero
    red = red if red < top else top
    green = green if green < top else top
    blue = blue if blue < top else top
    return red, green, blue


@kernel
def _add_ycc(one: NDArray[np.uint32], two: NDArray[np.uint32], sums: NDArray[np.uint16]) -> None:
    """Do the same with rows in YCbCr."""
    red, green, blue = sums[0], sums[1], sums[2]
    for x in range(red.size):
        a_red, a_green, a_blue = _rgb_of(one[x])
        b_red, b_green, b_blue = _rgb_of(two[x])
        red[x] = np.uint16(np.int32(a_red + b_red))
        green[x] = np.uint16(np.int32(a_green + b_green))
        blue[x] = np.uint16(np.int32(a_blue + b_blue))


@kernel
def _pair(both: np.uint32) -> np.float32:
    """Add the two halves of a word."""
    return np.float32(np.int32((both & np.uint32(0xFFFF)) + (both >> np.uint32(16))))


@kernel
def low_bytes(words: NDArray[np.uint32], out: NDArray[np.uint8]) -> None:
    """Take the lowest byte of every word: the luma of YCbCr.

    Parameters
    ----------
    words : uint32 [h, w]
    out : uint8 [h, w]
    """
    for y in range(out.shape[0]):
        source, target = words[y], out[y]
        for x in range(target.size):
            target[x] = np.uint8(source[x])


@kernel
def luma_of_rgb(words: NDArray[np.uint32], out: NDArray[np.uint8]) -> None:
    """Make luma of RGB as Pillow makes it.

    Pillow's Convert.c, L24: Rec. 601 in steps of 2^-16, rounded. All sums have at most 24 bits, so
    that single precision is exact.

    Parameters
    ----------
    words : uint32 [h, w]
        Red in the lowest byte, then green and blue; the highest is not looked at.
    out : uint8 [h, w]
    """
    half = np.float32(0.5)
    red, green, blue = (
        np.float32(19595 / 65536),
        np.float32(38470 / 65536),
        np.float32(7471 / 65536),
    )
    for y in range(out.shape[0]):
        source, target = words[y], out[y]
        for x in range(target.size):
            word = source[x]
            value = red * np.float32(np.uint8(word))
            value += green * np.float32(np.uint8(word >> np.uint32(8)))
            value += blue * np.float32(np.uint8(word >> np.uint32(16)))
            target[x] = np.uint8(np.int32(value + half))


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
    sums = np.empty((3, 2 * across), np.uint16)
    # As words of 32 bits, each holds the two that stand beside each other.
    reds, greens, blues = (
        sums[0].view(np.uint32),
        sums[1].view(np.uint32),
        sums[2].view(np.uint32),
    )
    rows_of = np.empty((4, 2, across), np.float32)  # differences
    least = np.empty((2, across), np.float32)
    most = np.empty((2, across), np.float32)
    for i in range(rows):
        for j in range(4):
            y = 8 * i + 2 * j
            if ycc:
                _add_ycc(pixels[y], pixels[y + 1], sums)
            else:
                _add_rgb(pixels[y], pixels[y + 1], sums)
            blue_less, red_less = rows_of[j, 0], rows_of[j, 1]
            for x in range(across):
                red, blue = _pair(reds[x]), _pair(blues[x])
                green = _pair(greens[x]) * middle
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


@kernel
def block_waves(
    low: NDArray[np.float32], high: NDArray[np.float32], step: float, out: NDArray[np.float32]
) -> None:
    """Make waves of the values of blocks: -sin(2 pi v / step), to 1e-4 for values below 2000.

    Parameters
    ----------
    low, high : float32 [2, n]
        As `block_extremes` gives them.
    step : float
        Length of a wave.
    out : float32 [3, n]
        Overwritten: of the larger magnitude of both plus 1, of blue and of red; and of the larger
        of blue plus 255.
    """
    share = np.float32(1.0 / step)
    one, quarter, half = np.float32(1.0), np.float32(0.25), np.float32(0.5)
    for c in range(3):
        wave = out[c]
        lowest, highest = low[c % 2], high[c % 2]
        for k in range(wave.size):
            a, b = abs(lowest[k] + one), abs(highest[k] + one)
            value = a if a > b else b
            if c == 2:
                value = highest[k] + np.float32(255.0)
            turn = value * share
            turn -= np.floor(turn + half)
            # The sine of a turn from -1/2 to 1/2 is that of one from -1/4 to 1/4.
            turn = half - turn if turn > quarter else turn
            turn = -half - turn if turn < -quarter else turn
            x = turn * np.float32(2.0 * np.pi)
            square = x * x
            # Its series; what is left out is below (pi/2)^11 / 11! = 4e-6.
            sine = square * np.float32(1 / 362880) - np.float32(1 / 5040)
            sine = sine * square + np.float32(1 / 120)
            sine = sine * square - np.float32(1 / 6)
            wave[k] = -x * (sine * square + one)


@kernel
def agreement(
    wave: NDArray[np.float32], first: int, signs: NDArray[np.float64], period: int
) -> tuple[float, float]:
    """Sum up how values agree with the signs of a message that is repeated all over them.

    Of the values of each sign the mean is taken, of these the mean over every so many taken off.

    Parameters
    ----------
    wave : float32 [n]
    first : int
        Place of the first value in the messages.
    signs : float64 [L]
    period : int
        Divides L: the mean is taken off over the signs in the same place of each period.

    Returns
    -------
    total, magnitudes : float
        Sum of the means times their signs, and of their magnitudes.
    """
    length = signs.size
    sums = np.zeros(length)
    counts = np.zeros(length)
    place = first % length
    done = 0
    while done < wave.size:
        count = min(length - place, wave.size - done)
        part, target = wave[done : done + count], sums[place : place + count]
        for k in range(count):
            target[k] += np.float64(part[k])
        for k in range(place, place + count):
            counts[k] += 1.0
        done += count
        place = 0
    total = magnitudes = 0.0
    share = period / length
    for k in range(period):
        mean = 0.0
        for x in range(k, length, period):
            mean += sums[x] / max(counts[x], 1.0)
        mean *= share
        for x in range(k, length, period):
            value = sums[x] / max(counts[x], 1.0) - mean
            total += signs[x] * value
            magnitudes += abs(value)
    return total, magnitudes
