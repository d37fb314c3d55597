"""A kernel that tells which of many keys a stretch of sound may be marked with, by their bounds."""

import math

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels._jit import kernel

__all__ = ["least_tails"]

# ln I0 and I1 / I0: polynomials of Abramowitz and Stegun, 9.8.1 to 9.8.4, right to 2e-7.
_I0_SMALL = (1.0, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.0360768, 0.0045813)
_I1_SMALL = (0.5, 0.87890594, 0.51498869, 0.15084934, 0.02658733, 0.00301532, 0.00032411)
_I0_LARGE = (
    *(0.39894228, 0.01328592, 0.00225319, -0.00157565, 0.00916281),
    *(-0.02057706, 0.02635537, -0.01647633, 0.00392377),
)
_I1_LARGE = (
    *(0.39894228, -0.03988024, -0.00362018, 0.00163801, -0.01031555),
    *(0.02282967, -0.02895312, 0.01787654, -0.00420059),
)


@kernel
def least_tails(
    totals: NDArray[np.float64],
    magnitudes: NDArray[np.float64],
    rows: NDArray[np.int64],
    counts: NDArray[np.int64],
    out: NDArray[np.float64],
) -> None:
    """Estimate Chernoff's bound for sums of random phases, from below and to some thousandths.

    The minimum over s > 0 of ``sum_k ln I0(s m_k) - s t``, by a few steps of Newton's method; what
    another step would gain is taken off twice.

    Parameters
    ----------
    totals : float64 [n]
        t of each sum, 0 or more.
    magnitudes : float64 [r, L]
    rows, counts : int64 [n]
        Which magnitudes each sum has, and how many of them from the first.
    out : float64 [n]
        Overwritten with the natural logarithms.
    """
    for n in range(totals.size):
        m = magnitudes[rows[n], : counts[n]]
        t = totals[n]
        energy = 0.0
        for k in range(m.size):
            energy += m[k] * m[k]
        out[n] = 0.0
        if t <= 0.0 or energy <= 0.0:
            continue
        s = 2.0 * t / energy
        for _ in range(12):
            value, slope, curve = -s * t, -t, 0.0
            for k in range(m.size):
                x = s * m[k]
                if x < 3.75:
                    y = (x / 3.75) ** 2
                    zeroth, first = 0.0, 0.0
                    for i in range(6, -1, -1):
                        zeroth = zeroth * y + _I0_SMALL[i]
                        first = first * y + _I1_SMALL[i]
                    value += math.log(zeroth)
                    over = first / zeroth  # I1 / (x I0)
                    ratio = x * over
                else:
                    y = 3.75 / x
                    zeroth, first = 0.0, 0.0
                    for i in range(8, -1, -1):
                        zeroth = zeroth * y + _I0_LARGE[i]
                        first = first * y + _I1_LARGE[i]
                    value += x - 0.5 * math.log(x) + math.log(zeroth)
                    ratio = first / zeroth
                    over = ratio / x
                slope += m[k] * ratio
                curve += m[k] * m[k] * (1.0 - over - ratio * ratio)
            if curve <= 0.0:
                out[n] = -np.inf
                break
            gain = slope * slope / curve
            out[n] = min(value - gain, 0.0)
            if gain < 0.005:
                break
            s = min(max(s - slope / curve, 0.5 * s), 2.0 * s)
