"""Kernels that mix two channels down to one, from what decoders give."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels._jit import kernel

__all__ = ["mixed_pairs", "mixed_rows"]


@kernel(fastmath={"contract", "reassoc"})
def mixed_pairs(
    samples: NDArray[Any], scale: float, out: NDArray[np.float32]
) -> tuple[float, float]:
    """Average two channels.

    Parameters
    ----------
    samples : float32 or int16 [2 n]
        Of both channels by turns.
    scale : float
        A power of two that samples are multiplied by.
    out : float32 [n]

    Returns
    -------
    mean, each
        Sum of the squares of the average, and the mean of those of the channels.
    """
    factor = np.float32(scale)
    half = np.float32(0.5)
    mean = np.float32(0.0)
    each = np.float32(0.0)
    for t in range(out.size):
        left = np.float32(samples[2 * t]) * factor
        right = np.float32(samples[2 * t + 1]) * factor
        both = (left + right) * half
        out[t] = both
        mean += both * both
        each += left * left + right * right
    return float(mean), float(each * half)


@kernel(fastmath={"contract", "reassoc"})
def mixed_rows(
    left: NDArray[Any], right: NDArray[Any], scale: float, out: NDArray[np.float32]
) -> tuple[float, float]:
    """Average two channels, each of which lies in memory by itself; otherwise as `mixed_pairs`."""
    factor = np.float32(scale)
    half = np.float32(0.5)
    mean = np.float32(0.0)
    each = np.float32(0.0)
    for t in range(out.size):
        x = np.float32(left[t]) * factor
        y = np.float32(right[t]) * factor
        both = (x + y) * half
        out[t] = both
        mean += both * both
        each += x * x + y * y
    return float(mean), float(each * half)
