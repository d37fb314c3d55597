"""False-positive bounds that hold for any content; docs/statistics.md derives them.

The detector's statistic is a sum over spectral lines,
``T = sum_k w_k |Z_k| cos(angle_k - phase_k)``, where the phases come from the key:
independent and uniform if the key had no part in the content. The moment generating function of
a term is then the Bessel function ``I0(s w_k |Z_k|) <= exp(s^2 w_k^2 |Z_k|^2 / 4)``, and Chernoff's
bound gives for *every* picture

    P(T >= t) <= exp(-t^2 / sum_k w_k^2 |Z_k|^2).
"""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "LOG10_IDS",
    "log10_any_of",
    "log10_of_best",
    "log10_phase_tail",
    "log10_sign_tail",
    "log10_tail",
    "may_reach",
]

_LN10 = math.log(10.0)
_SLACK = 0.05  # decades by which estimates and single precision may be wrong, and more

LOG10_IDS = 64 * math.log10(2.0)
"""What an id that was read has to pay for: any of all the ids could have come out."""


def log10_tail(total: float, energy: float) -> float:
    """Bound the chance of a correlation at least this large.

    Parameters
    ----------
    total : float
        The correlation ``T``.
    energy : float
        ``sum_k w_k^2 |Z_k|^2``, 0 or more.

    Returns
    -------
    float
        log10 of the bound, 0 or less.
    """
    if total <= 0.0 or energy <= 0.0:
        return 0.0
    return -(total * total) / energy / _LN10


def log10_phase_tail(total: float, magnitudes: "NDArray[np.floating]") -> float:
    """Bound the chance of a correlation of random phases, without rounding ``I0`` up.

    Chernoff's bound itself, ``min over s of exp(sum_k ln I0(s m_k) - s t)``, where `log10_tail`
    takes the simpler bound of every factor. It is the sharper the more the magnitudes differ.

    Parameters
    ----------
    total : float
        The correlation ``T``.
    magnitudes : float [n]
        ``m_k = w_k |Z_k|``.

    Returns
    -------
    float
        log10 of the bound, 0 or less.
    """
    import numpy as np
    from scipy.special import i0e, i1e

    energy = float(np.sum(np.square(magnitudes, dtype=np.float64)))
    if total <= 0.0 or energy <= 0.0:
        return 0.0
    m = np.asarray(magnitudes, np.float64).ravel()
    best = 0.0
    s = 2.0 * total / energy  # where the simpler bound is smallest
    # Any s gives a valid bound; a few steps of Newton's method come close to the smallest.
    for _ in range(8):
        x = s * m
        bessel = i0e(x)  # I0(x) exp(-x)
        best = min(best, float(np.sum(np.log(bessel) + x)) - s * total)
        ratio = i1e(x) / bessel
        slope = float(m @ ratio) - total
        small = x < 1e-6
        curve = float(np.sum(m * m * np.where(small, 0.5, 1.0 - ratio / np.where(small, 1.0, x)
                                              - ratio * ratio)))  # fmt: skip
        if curve <= 0.0:
            break
        s = min(max(s - slope / curve, 0.5 * s), 2.0 * s)
    return best / _LN10


def may_reach(
    totals: "NDArray[np.float64]",
    magnitudes: "NDArray[np.float64]",
    rows: "NDArray[np.int64]",
    counts: "NDArray[np.int64]",
    level: float,
) -> "NDArray[np.bool_]":
    """Tell which correlations may have a `log10_phase_tail` as low as a level, in 2 % of its time.

    By an estimate from below, with more slack than it and single precision can be wrong by: where
    the answer is no, the bound surely lies above.

    Parameters
    ----------
    totals : float64 [n]
        Of each correlation, 0 or more.
    magnitudes : float64 [r, L]
    rows, counts : int64 [n]
        Which magnitudes each has, and how many of them from the first.
    level : float
        A log10 p.

    Returns
    -------
    bool [n]
    """
    import numpy as np

    from waarmerk.kernels.sound_tails import least_tails

    tails = np.empty(len(totals))
    least_tails(totals, magnitudes, rows, counts, tails)
    reaches: NDArray[np.bool_] = tails <= (level + _SLACK) * _LN10
    return reaches


def log10_sign_tail(total: float, energy: float) -> float:
    """Bound the chance of a sum of cells with random signs that is at least this large.

    For ``T = sum_i s_i x_i`` with independent signs, ``cosh(u) <= exp(u^2 / 2)`` and Chernoff's
    bound give ``P(T >= t) <= exp(-t^2 / (2 sum_i x_i^2))`` (Hoeffding, 1963).

    Parameters
    ----------
    total : float
        The sum ``T``.
    energy : float
        ``sum_i x_i^2``, 0 or more.

    Returns
    -------
    float
        log10 of the bound, 0 or less.
    """
    return log10_tail(total, 2.0 * energy)


def log10_of_best(log10_p: float, tries: float) -> float:
    """Pay for having picked the best of so many tries (union bound)."""
    return min(0.0, log10_p + math.log10(tries))


def log10_any_of(*log10_ps: float) -> float:
    """Bound the chance that the smallest of several p-values is as small as it is."""
    return log10_of_best(min(log10_ps), len(log10_ps))
