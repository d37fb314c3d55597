"""Kernels of the audio detector: from levels to what stands out of them, and to soft bits.

Tables are float32 [bands, frames] here: time runs along memory.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels._jit import kernel

__all__ = [
    "banded",
    "best_offsets",
    "block_lines",
    "laid_on_tiles",
    "levels",
    "line_power",
    "line_scores",
    "soft_bits",
    "standing_out",
]


Sums = NDArray[Any]
"""Of float32 or float64: Numba compiles one kernel for each."""


@kernel(fastmath={"contract"})
def banded(
    parts: NDArray[np.float32], share: NDArray[np.float32], least: float, out: NDArray[np.float32]
) -> None:
    """Put bands together of parts of bands.

    Parameters
    ----------
    parts : float32 [parts, n]
        Power.
    share : float32 [parts, bands]
        Which share of each part belongs to each band: for most parts, none.
    least : float
        What is added to every cell.
    out : float32 [bands, n]
    """
    floor = np.float32(least)
    for b in range(out.shape[0]):
        row = out[b]
        row[:] = 0.0
        for p in range(share.shape[0]):
            factor = share[p, b]
            if factor != 0.0:
                part = parts[p]
                for t in range(row.size):
                    row[t] += factor * part[t]
        for t in range(row.size):
            row[t] += floor


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


@kernel
def _pairs(values: Sums, apart: int, out: Sums, count: int) -> None:
    """Add to so many values the one that lies so far behind."""
    ahead = values[apart : apart + count]
    for t in range(count):
        out[t] = values[t] + ahead[t]


@kernel(fastmath={"contract", "reassoc"})
def _around(values: NDArray[np.float32], reach: int, one: Sums, two: Sums, out: Sums) -> None:
    """Add up the values to either side of each, as far as there are any.

    Sums of two, four, eight ... values that follow each other make up any number of them. Running
    sums need fewer additions, but every one of them has to wait for the one before.

    Parameters
    ----------
    values : float32 [n]
    reach : int
        Values to either side.
    one, two : float [n + 2 * reach or more]
        Overwritten.
    out : float [n or more]
    """
    n = values.size
    length = n + 2 * reach
    width = 2 * reach + 1
    inner = one[reach : reach + n]
    for t in range(reach):
        one[t] = 0.0
    for t in range(reach + n, length):
        one[t] = 0.0
    for t in range(n):
        inner[t] = values[t]
    for t in range(n):
        out[t] = one[t]
    size = place = 1
    while 2 * size <= width:
        _pairs(one, size, two, length - 2 * size + 1)
        size *= 2
        if width & size:
            there = two[place : place + n]
            for t in range(n):
                out[t] += there[t]
            place += size
        one, two = two, one


@kernel(fastmath={"contract", "reassoc"})
def standing_out(
    levels: NDArray[np.float32],
    weight: NDArray[np.float32],
    reach: int,
    across: int,
    wide: int,
    floor: float,
    clip: float,
    room: Sums,
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
    room : float32 or float64 [4, n + 2 * max(reach, wide) or more]
        Overwritten with sums, which are as exact as its type, and take as long.
    out : float32 [bands, n]
    """
    bands, n = levels.shape
    level = np.empty((bands, n), np.float32)
    product = np.empty(n, np.float32)
    mass = np.empty(n, np.float32)
    one, two, sums, masses = room[0], room[1], room[2], room[3]
    # Less the mean in time.
    for b in range(bands):
        row, share, rest = levels[b], weight[b], out[b]
        middle = np.float32(0.0)
        if room.itemsize == 4:  # then sums of numbers around 0 are the more exact
            for t in range(n):
                middle += row[t]
            middle /= np.float32(n)
        for t in range(n):
            product[t] = (row[t] - middle) * share[t]
        _around(product, reach, one, two, sums)
        _around(share, reach, one, two, masses)
        for t in range(n):
            rest[t] = row[t] - middle - np.float32(sums[t] / masses[t])
    # Less the mean over the bands around.
    limit = np.float32(15.0)
    for b in range(bands):
        row, rest = level[b], out[b]
        for t in range(n):
            product[t] = 0.0
            mass[t] = 0.0
        for a in range(max(0, b - across), min(bands, b + across + 1)):
            share, other = weight[a], out[a]
            for t in range(n):
                mass[t] += share[t]
                product[t] += share[t] * other[t]
        for t in range(n):
            row[t] = min(max(rest[t] - product[t] / mass[t], -limit), limit)
    for b in range(bands):
        row, share, square = level[b], weight[b], out[b]
        for t in range(n):
            square[t] = share[t] * row[t] * row[t]
    # Local deviation: over three bands, then over time.
    squares = out.copy()
    extra = np.float32(floor * floor)
    top = np.float32(clip)
    for b in range(bands):
        row, share, square, done = level[b], weight[b], squares[b], out[b]
        for t in range(n):
            product[t] = square[t]
            mass[t] = share[t]
        for a in range(max(0, b - 1), min(bands, b + 2)):
            if a != b:
                other, square = weight[a], squares[a]
                for t in range(n):
                    product[t] += square[t]
                    mass[t] += other[t]
        _around(product, wide, one, two, sums)
        _around(mass, wide, one, two, masses)
        for t in range(n):
            deviation = math.sqrt(np.float32(sums[t] / masses[t]) + extra)
            v = min(max(row[t] / deviation, -top), top)
            done[t] = v / deviation * share[t]


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


@kernel
def line_scores(
    power: NDArray[np.float32],
    bins: NDArray[np.int64],
    few: int,
    some: NDArray[np.float32],
    every: NDArray[np.float32],
) -> None:
    """Add up the power at the bins of the lines, for every tempo: of all lines, and of the first.

    Parameters
    ----------
    power : float32 [n]
    bins : int64 [tempos, lines]
    few : int
        How many lines the first are.
    some, every : float32 [tempos]
    """
    for s in range(bins.shape[0]):
        total = np.float32(0.0)
        for k in range(few):
            total += power[bins[s, k]]
        some[s] = total
        for k in range(few, bins.shape[1]):
            total += power[bins[s, k]]
        every[s] = total
