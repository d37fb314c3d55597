"""Which bins of a transform belong to which band."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from waarmerk.marking.audio.scheme import SCHEME

__all__ = ["band_weights"]


@lru_cache(maxsize=64)
def band_weights(
    rate: float, length: int, parts: int = 1, pitch: float = 1.0
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Share the bins of a transform among the bands.

    Parameters
    ----------
    rate : float
        Sample rate, Hz.
    length : int
        Samples that are transformed.
    parts : int
        Into how many parts, evenly wide in warped frequency, every band is cut.
    pitch : float
        By which the edges are multiplied.

    Returns
    -------
    first, last : int64 [bands * parts]
        The bins first ... last - 1 touch a band; none where the band is above half the rate.
    weight : float32 [bands * parts, bins]
        The share of each bin that lies in the band; a bin is as wide as their distance.
    """
    low, high = (np.log1p(f / SCHEME.knee) for f in (SCHEME.lowest, SCHEME.highest))
    edges = np.expm1(np.linspace(low, high, SCHEME.bands * parts + 1)) * SCHEME.knee * pitch
    width = rate / length
    bins = np.arange(length // 2 + 1) * width
    lower = np.maximum(bins - width / 2, edges[:-1, None])
    upper = np.minimum(np.minimum(bins + width / 2, rate / 2), edges[1:, None])
    weight = (np.maximum(upper - lower, 0.0) / width).astype(np.float32)
    used = weight > 0
    first = np.where(used.any(1), used.argmax(1), 0)
    last = np.where(used.any(1), used.shape[1] - used[:, ::-1].argmax(1), 0)
    return first.astype(np.int64), last.astype(np.int64), weight
