"""Kernels of the audio detector: from levels to what stands out of them, and to soft bits.

Tables are float32 [bands, frames] here: time runs along memory.
"""

import math

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels._jit import kernel

__all__ = [
    "best_offsets",
    "block_lines",
    "laid_on_tiles",
    "levels",
    "line_power",
    "soft_bits",
    "standing_out",
]


# Fit of log2(1 + x) on 0 ... 1, lowest power first.
_LOG2 = (
    np.float32(2.12374089e-06),
    np.float32(1.44247531),
    np.float32(-0.717557872),
    np.float32(0.455527088),
    np.float32(-0.274623258),
    np.float32(0.119298238),
    np.float32(-0.0251232033),
)
_DB_PER_OCTAVE = np.float32(10.0 * math.log10(2.0))


@kernel(fastmath={"contract", "reassoc"})
def levels(
    power: NDArray[np.float32],
    noise: NDArray[np.float32],
    least: float,
    level: NDArray[np.float32],
    weight: NDArray[np.float32],
) -> None:
    """Give the level of every cell, dB, and the share of its power that is not noise.

    Parameters
    ----------
    power : float32 [bands, n]
        Above 0.
    noise : float32 [bands]
        Power of the noise in each band.
    least : float
        Lowest share.
    level, weight : float32 [bands, n]
    """
    lowest = np.float32(least)
    bits = power.view(np.int32)
    one = np.float32(1.0)
    fraction = np.empty(power.shape[1], np.int32)
    mantissa = fraction.view(np.float32)
    for b in range(power.shape[0]):
        base = noise[b]
        for t in range(power.shape[1]):
            fraction[t] = (bits[b, t] & 0x7FFFFF) | 0x3F800000
        for t in range(power.shape[1]):
            # log2 of a float32: its exponent, and a polynomial for the fraction from 1 to 2,
            # right to 0.0004 dB; the library's logarithm took most of the detector's time.
            x = mantissa[t] - one
            curve = _LOG2[6]
            curve = curve * x + _LOG2[5]
            curve = curve * x + _LOG2[4]
            curve = curve * x + _LOG2[3]
            curve = curve * x + _LOG2[2]
            curve = curve * x + _LOG2[1]
            curve = curve * x + _LOG2[0]
            exponent = np.float32((bits[b, t] >> 23) - 127)
            level[b, t] = (exponent + curve) * _DB_PER_OCTAVE
            weight[b, t] = max(one - base / power[b, t], lowest)


@kernel(fastmath={"contract", "reassoc"})
def standing_out(
    levels: NDArray[np.float32],
    weight: NDArray[np.float32],
    reach: int,
    across: int,
    wide: int,
    floor: float,
    clip: float,
    out: NDArray[np.float32],
) -> None:
    """Tell how far every cell's level stands out of its surroundings, and how much that counts.

    A level is compared with those around it, first in time, then in frequency; the difference is
    divided by the local deviation, limited, divided once more (where levels are restless a
    difference says little) and weighted with the share of the power that is not noise.

    Parameters
    ----------
    levels, weight : float32 [bands, n]
        See `levels`.
    reach : int
        Frames to either side that a level is compared with.
    across : int
        Bands to either side.
    wide : int
        Frames to either side over which the deviation is taken.
    floor : float
        dB that are added to the deviation, in squares.
    clip : float
        Limit, in deviations.
    out : float32 [bands, n]
    """
    bands, n = levels.shape
    level = np.empty((bands, n), np.float32)
    # Less the mean in time.
    product = np.empty(n, np.float32)
    for b in range(bands):
        for t in range(n):
            product[t] = levels[b, t] * weight[b, t]
        total = np.float64(0.0)
        mass = np.float64(0.0)
        for t in range(min(reach, n)):
            total += product[t]
            mass += weight[b, t]
        for t in range(n):
            if t + reach < n:
                total += product[t + reach]
                mass += weight[b, t + reach]
            if t - reach - 1 >= 0:
                total -= product[t - reach - 1]
                mass -= weight[b, t - reach - 1]
            out[b, t] = levels[b, t] - np.float32(total / mass)
    # Less the mean over the bands around.
    for b in range(bands):
        low = max(0, b - across)
        high = min(bands, b + across + 1)
        for t in range(n):
            product[t] = 0.0
            level[b, t] = 0.0
        for a in range(low, high):
            for t in range(n):
                product[t] += weight[a, t]
                level[b, t] += weight[a, t] * out[a, t]
        for t in range(n):
            level[b, t] = out[b, t] - level[b, t] / product[t]
    limit = np.float32(15.0)
    for b in range(bands):
        for t in range(n):
            d = min(max(level[b, t], -limit), limit)
            level[b, t] = d
            out[b, t] = weight[b, t] * d * d
    # Local deviation: over three bands, then over time.
    three = np.empty(n, np.float32)
    mass3 = np.empty(n, np.float32)
    square = out.copy()
    extra = np.float32(floor * floor)
    top = np.float32(clip)
    for b in range(bands):
        for t in range(n):
            three[t] = square[b, t]
            mass3[t] = weight[b, t]
        if b > 0:
            for t in range(n):
                three[t] += square[b - 1, t]
                mass3[t] += weight[b - 1, t]
        if b < bands - 1:
            for t in range(n):
                three[t] += square[b + 1, t]
                mass3[t] += weight[b + 1, t]
        total = np.float64(0.0)
        mass = np.float64(0.0)
        for t in range(min(wide, n)):
            total += three[t]
            mass += mass3[t]
        for t in range(n):
            if t + wide < n:
                total += three[t + wide]
                mass += mass3[t + wide]
            if t - wide - 1 >= 0:
                total -= three[t - wide - 1]
                mass -= mass3[t - wide - 1]
            product[t] = np.float32(max(total, 0.0) / mass)
        for t in range(n):
            deviation = math.sqrt(product[t] + extra)
            v = min(max(level[b, t] / deviation, -top), top)
            out[b, t] = v / deviation * weight[b, t]


@kernel(fastmath={"contract", "reassoc"})
def block_lines(
    table: NDArray[np.float32],
    length: int,
    cosine: NDArray[np.float32],
    sine: NDArray[np.float32],
    out: NDArray[np.complex64],
) -> None:
    """Correlate the oscillations of the synchronisation with block after block.

    Parameters
    ----------
    table : float32 [bands, n]
        The last block may be shorter.
    length : int
        Frames of a block; a divisor of the period.
    cosine, sine : float32 [lines, period]
        They go on from block to block, so that sums over blocks are coherent.
    out : complex64 [blocks, lines, bands]
    """
    period = cosine.shape[1]
    for block in range(out.shape[0]):
        start = block * length
        stop = min(start + length, table.shape[1])
        phase = start % period
        for b in range(table.shape[0]):
            row = table[b, start:stop]
            for k in range(cosine.shape[0]):
                real = np.float32(0.0)
                imag = np.float32(0.0)
                c = cosine[k, phase : phase + stop - start]
                s = sine[k, phase : phase + stop - start]
                for t in range(row.size):
                    real += row[t] * c[t]
                    imag += row[t] * s[t]
                out[block, k, b] = real - 1j * imag


@kernel
def laid_on_tiles(
    table: NDArray[np.float32], start: float, step: float, out: NDArray[np.float32]
) -> None:
    """Sample a table at evenly spaced times, between its frames by a straight line.

    Parameters
    ----------
    table : float32 [bands, n]
    start, step : float
        First time and distance, in frames of the table. Times outside give 0.
    out : float32 [bands, m]
    """
    n = table.shape[1]
    for b in range(out.shape[0]):
        row = table[b]
        for j in range(out.shape[1]):
            place = start + step * j
            t = math.floor(place)
            if t < 0 or t + 1 >= n:
                out[b, j] = 0.0
            else:
                part = np.float32(place - t)
                out[b, j] = row[t] + part * (row[t + 1] - row[t])


@kernel
def soft_bits(
    table: NDArray[np.float32],
    sign: NDArray[np.int8],
    place: NDArray[np.int16],
    start: int,
    out: NDArray[np.float64],
) -> None:
    """Add up the cells of every coded bit, with their signs.

    Parameters
    ----------
    table : float32 [bands, n]
    sign, place : int8, int16 [bands, cycle]
        What each cell of the cycle carries.
    start : int
        Frame of the cycle that the first frame of the table is.
    out : float64 [code length]
        Added to.
    """
    cycle = sign.shape[1]
    for b in range(table.shape[0]):
        at = start
        for t in range(table.shape[1]):
            out[place[b, at]] += sign[b, at] * table[b, t]
            at += 1
            if at == cycle:
                at = 0


@kernel(fastmath={"contract", "reassoc"})
def best_offsets(
    values: NDArray[np.complex64],
    cosine: NDArray[np.float32],
    sine: NDArray[np.float32],
    total: NDArray[np.float32],
    place: NDArray[np.int64],
) -> None:
    """Find where in time the synchronisation of each candidate fits best, of either sign.

    Parameters
    ----------
    values : complex64 [candidates, lines]
        Lines less the phases of the key, added up over the bands.
    cosine, sine : float32 [lines, offsets]
    total : float32 [candidates]
        The correlation, with its sign.
    place : int64 [candidates]
        At which offset.
    """
    offsets = cosine.shape[1]
    sums = np.empty(offsets, np.float32)
    for c in range(values.shape[0]):
        sums[:] = 0.0
        for k in range(values.shape[1]):
            real = values[c, k].real
            imag = values[c, k].imag
            for t in range(offsets):
                sums[t] += real * cosine[k, t] - imag * sine[k, t]
        highest = np.float32(-1.0)
        for t in range(offsets):
            highest = max(highest, abs(sums[t]))
        at = 0
        while abs(sums[at]) < highest:
            at += 1
        total[c] = sums[at]
        place[c] = at


@kernel(fastmath={"contract", "reassoc"})
def line_power(
    spectra: NDArray[np.complex64], block: int, clip: float, out: NDArray[np.float32]
) -> None:
    """Add up over the bands the power of every bin, over the mean of its block, limited.

    Parameters
    ----------
    spectra : complex64 [bands, bins]
    block : int
        Bins over which the power is averaged.
    clip : float
        Limit of the ratio.
    out : float32 [bins]
    """
    bins = spectra.shape[1]
    power = np.empty(block, np.float32)
    top = np.float32(clip)
    out[:] = 0.0
    for b in range(spectra.shape[0]):
        for start in range(0, bins, block):
            size = min(block, bins - start)
            row = spectra[b, start : start + size]
            sums = out[start : start + size]
            total = np.float32(0.0)
            for k in range(size):
                power[k] = row[k].real * row[k].real + row[k].imag * row[k].imag
                total += power[k]
            scale = np.float32(size) / (total + np.float32(1e-20))
            for k in range(size):
                sums[k] += min(power[k] * scale, top)
