"""Kernels that cut a residual into tiles and read the lines of their transforms.

::

    ┌──┬──┬──┐   cut    ┌──┐┌──┐        lines of every cell      soft bits
    │ab│cd│ab│  ─────▶  │ab││cd│ ─FFT─▶ · x · x · · x · ─keyed─▶ + − − + −
    └──┴──┴──┘          └──┘└──┘        over the power around
"""

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels._jit import kernel

__all__ = ["add_spectra", "cut_tiles", "gather_bits", "weighted_lines"]


@kernel
def cut_tiles(values: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Cut a picture into tiles, and add up the tiles that share a cell of a grid.

    Parameters
    ----------
    values : float32 [h, w]
        The first tile starts at [0, 0]; what partial tiles lack is 0.
    out : float32 [n, m, t, t]
        Overwritten: ``out[i % n, j % m]`` is the sum of the tiles [i, j].
    """
    height, width = values.shape
    rows, columns, size = out.shape[0], out.shape[1], out.shape[2]
    out[:] = 0.0
    for y in range(height):
        for left in range(0, width, size):
            source = values[y, left : min(left + size, width)]
            target = out[(y // size) % rows, (left // size) % columns, y % size]
            for x in range(source.size):
                target[x] += source[x]


@kernel
def add_spectra(
    spectra: NDArray[np.complex64], total: NDArray[np.complex64], power: NDArray[np.float32]
) -> None:
    """Add up spectra [T, n, m], and their powers.

    Parameters
    ----------
    spectra : complex64 [T, n, m]
    total : complex64 [n, m]
        Overwritten with the sum of the spectra.
    power : float32 [n, m]
        Overwritten with the mean of their squared magnitudes.
    """
    total[:] = 0.0
    power[:] = 0.0
    share = np.float32(1.0 / spectra.shape[0])
    for t in range(spectra.shape[0]):
        for y in range(spectra.shape[1]):
            source, sums, squares = spectra[t, y], total[y], power[y]
            for x in range(source.size):
                value = source[x]
                sums[x] += value
                squares[x] += (value.real * value.real + value.imag * value.imag) * share


@kernel
def weighted_lines(
    spectra: NDArray[np.complex64],
    places: NDArray[np.int64],
    around: NDArray[np.float32],
    ratio: float,
    out: NDArray[np.complex64],
) -> float:
    """Read the lines of every tile and divide each by the power around it.

    Parameters
    ----------
    spectra : complex64 [T, N]
        Flattened spectra.
    places : int64 [L]
        Index of each line in them.
    around : float32 [L]
        Mean power around each line.
    ratio : float
        A line more than so many times stronger counts as if that were the power around it.
    out : complex64 [T, L]

    Returns
    -------
    float
        Sum of the squared magnitudes of the weighted lines.
    """
    energy = 0.0
    inverse = np.float32(1.0 / ratio)
    energies = np.empty(places.size, np.float32)
    whole = places.size - places.size % 4
    for t in range(spectra.shape[0]):
        spectrum, lines = spectra[t], out[t]
        # Gathered first: what follows is vectorised then.
        for k in range(places.size):
            lines[k] = spectrum[places[k]]
        for k in range(lines.size):
            value, power = lines[k], around[k]
            own = value.real * value.real + value.imag * value.imag
            least = own * inverse
            weight = np.float32(1.0) / (power if power > least else least)
            lines[k] = value * weight
            energies[k] = own * weight * weight
        # One sum would have to wait for each addition.
        for k in range(0, whole, 4):
            first = np.float64(energies[k]) + np.float64(energies[k + 1])
            energy += first + (np.float64(energies[k + 2]) + np.float64(energies[k + 3]))
        for k in range(whole, places.size):
            energy += np.float64(energies[k])
    return energy


@kernel
def gather_bits(
    lines: NDArray[np.complex64],
    cells: NDArray[np.int64],
    phases: NDArray[np.uint8],
    places: NDArray[np.int64],
    starts: NDArray[np.int64],
    turns: NDArray[np.complex64],
    out: NDArray[np.float64],
) -> None:
    """Turn every line of every tile by its keyed phase and add it to the bit that it carries.

    Parameters
    ----------
    lines : complex64 [T, L]
        Weighted line values of each tile.
    cells : int64 [T]
        Which cell of the key's grid each tile is.
    phases : uint8 [C, L]
        Phase of each line in each cell, in 256ths of a turn.
    places : int64 [L]
        Place of each line in the order of the bits.
    starts : int64 [C]
        Where that order starts in each cell.
    turns : complex64 [256]
        What turns a line back by each phase.
    out : float64 [N]
        Overwritten with the sum of the real parts for each bit; N is a power of two.
    """
    out[:] = 0.0
    mask = out.size - 1
    for t in range(lines.shape[0]):
        cell = cells[t]
        start = starts[cell]
        for k in range(lines.shape[1]):
            turn = turns[phases[cell, k]]
            value = lines[t, k]
            out[(places[k] + start) & mask] += value.real * turn.real - value.imag * turn.imag
