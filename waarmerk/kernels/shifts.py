"""Kernels that look for a key's pattern at every shift of a tile, for many keys.

Lines come in pairs (x, y) and (-x, y), with values A and B. At the shift (u, v) a pair adds

    Re (A e^{-i(xu + yv)} + B e^{-i(yv - xu)})
        = cos(xu) [Re(A + B) cos(yv) + Im(A + B) sin(yv)]
        + sin(xu) [Im(A - B) cos(yv) - Re(A - B) sin(yv)]

::

    pairs ─▶ along v, pairs of one x together ─▶ times cos(xu), sin(xu) ─▶ the largest, and
             `rows_of_pairs`                     (a matrix product)        what is around it
                                                                           `best_around`

and the shift (-u, v) differs in the sign of the second part alone: half of all u suffice.
"""

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels._jit import kernel

__all__ = ["best_around", "rows_of_pairs"]


@kernel
def rows_of_pairs(
    lines: NDArray[np.complex64],
    turn: NDArray[np.complex64],
    across: NDArray[np.int64],
    cosine: NDArray[np.float32],
    sine: NDArray[np.float32],
    matched: NDArray[np.complex64],
    even: NDArray[np.float32],
    odd: NDArray[np.float32],
) -> None:
    """Add up pairs of lines along one direction of the shift.

    Parameters
    ----------
    lines : complex64 [n, 2 p]
        Of every orientation; a pair is two neighbours.
    turn : complex64 [2 p]
        What turns each line of a key to angle 0.
    across : int64 [p]
        Which of the frequencies across each pair has.
    cosine, sine : float32 [p, s]
        Of yv, for every pair and shift v.
    matched : complex64 [n, 2 p]
        Overwritten with ``lines * turn``.
    even, odd : float32 [frequencies, n s]
        Overwritten with the factors of cos(xu) and sin(xu).
    """
    count = cosine.shape[1]
    even[:] = 0.0
    odd[:] = 0.0
    for n in range(lines.shape[0]):
        for k in range(lines.shape[1]):
            matched[n, k] = lines[n, k] * turn[k]
        for p in range(across.size):
            a, b = matched[n, 2 * p], matched[n, 2 * p + 1]
            one, two = a + b, a - b
            first, second = one.real, one.imag
            third, fourth = two.imag, -two.real
            row_even = even[across[p], n * count : (n + 1) * count]
            row_odd = odd[across[p], n * count : (n + 1) * count]
            c, s = cosine[p], sine[p]
            for v in range(count):
                row_even[v] += first * c[v] + second * s[v]
                row_odd[v] += third * c[v] + fourth * s[v]


@kernel(fastmath={"contract", "reassoc"})
def best_around(
    even: NDArray[np.float32],
    odd: NDArray[np.float32],
    matched: NDArray[np.complex64],
    across: NDArray[np.complex64],
    down: NDArray[np.complex64],
    reach: int,
    refined: int,
) -> float:
    """Find the largest magnitude at any shift, looking between the shifts around the best ones.

    Parameters
    ----------
    even, odd : float32 [h, n s]
        The two parts for every shift u from 0 to half of all; every orientation and shift v.
    matched : complex64 [n, L]
        Lines of each orientation.
    across, down : complex64 [f s, L]
        What every line is turned by at every finer shift, f times as close.
    reach : int
        Finer shifts to either side of a peak that are looked at.
    refined : int
        In how many orientations, those of the highest peaks, that is done.
    """
    orientations, lines = matched.shape
    half, count = even.shape
    shifts = count // orientations
    fine = across.shape[0] // shifts
    # From one array into another: in place, only what changes would be written, which is slow.
    largest, other = np.zeros(count, np.float32), np.empty(count, np.float32)
    for u in range(half):
        one, two = even[u], odd[u]
        for row in range(count):
            value = abs(one[row]) + abs(two[row])
            before = largest[row]
            other[row] = value if value > before else before
        largest, other = other, largest
    height = np.empty(orientations, np.float32)
    places = np.empty((orientations, 2), np.int64)
    for n in range(orientations):
        at = n * shifts + int(np.argmax(largest[n * shifts : (n + 1) * shifts]))
        best = 0
        for u in range(half):
            if abs(even[u, at]) + abs(odd[u, at]) >= largest[at]:
                best = u
        same = (even[best, at] < 0.0) == (odd[best, at] < 0.0)
        height[n] = largest[at]
        places[n, 0] = at - n * shifts
        places[n, 1] = best if same else -best
    found = 0.0
    real = np.empty(lines, np.float32)
    imag = np.empty(lines, np.float32)
    size = shifts * fine
    for _ in range(refined):
        n = int(np.argmax(height))
        height[n] = -1.0
        for i in range(-reach, reach + 1):
            row = down[(places[n, 0] * fine + i) % size]
            for k in range(lines):
                value = matched[n, k] * row[k]
                real[k] = value.real
                imag[k] = value.imag
            for j in range(-reach, reach + 1):
                column = across[(places[n, 1] * fine + j) % size]
                total = np.float32(0.0)
                for k in range(lines):
                    total += real[k] * column[k].real - imag[k] * column[k].imag
                found = max(found, float(abs(total)))
    return found
