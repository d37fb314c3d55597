"""Kernels of the audio marker: frames out of samples, gains onto spectra, frames back into samples.

All sound here is planar, float32 [channels, samples], and every frame stands for itself, so that
the result does not depend on how many frames are handled in one call.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels._jit import kernel

__all__ = ["add_limited", "apply_gains", "band_power", "cut_frames", "overlap_add"]

# The same loop for every integer and float type of samples: Numba compiles one for each.
Samples = NDArray[Any]


@kernel
def cut_frames(
    samples: NDArray[np.float32],
    starts: NDArray[np.int64],
    window: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Cut windowed frames: row ``f * channels + c`` of `out` is frame f of channel c.

    Parameters
    ----------
    samples : float32 [channels, n]
    starts : int64 [frames]
        First sample of each frame; all frames must lie inside.
    window : float32 [length]
    out : float32 [frames * channels or more, length]
    """
    channels = samples.shape[0]
    length = window.size
    for f in range(starts.size):
        start = starts[f]
        for c in range(channels):
            source = samples[c, start : start + length]
            row = out[f * channels + c]
            for i in range(length):
                row[i] = source[i] * window[i]


@kernel
def band_power(
    spectra: NDArray[np.complex64],
    channels: int,
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    weight: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Add up the power of every band over its bins and all channels.

    Parameters
    ----------
    spectra : complex64 [frames * channels or more, bins]
    channels : int
    first, last, weight
        See :func:`waarmerk.marking.audio.bands.band_weights`.
    out : float32 [frames, bands]
    """
    bins = last[-1] if last.size else 0
    for b in range(last.size):
        bins = max(bins, last[b])
    power = np.empty(bins, np.float32)
    for f in range(out.shape[0]):
        power[:] = 0.0
        for c in range(channels):
            row = spectra[f * channels + c]
            for k in range(bins):
                power[k] += row[k].real * row[k].real + row[k].imag * row[k].imag
        for b in range(out.shape[1]):
            total = np.float32(0.0)
            for k in range(first[b], last[b]):
                total += weight[b, k] * power[k]
            out[f, b] = total


@kernel
def apply_gains(
    spectra: NDArray[np.complex64],
    channels: int,
    gains: NDArray[np.float32],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    weight: NDArray[np.float32],
) -> None:
    """Multiply spectra in place by the gains of their bands; outside of all bands by 0.

    Parameters
    ----------
    spectra : complex64 [frames * channels or more, bins]
    channels : int
    gains : float32 [frames, bands]
        Factors: amplitude gain less 1, so that what comes out is the change alone.
    first, last, weight
        See :func:`waarmerk.marking.audio.bands.band_weights`.
    """
    bins = spectra.shape[1]
    factor = np.empty(bins, np.float32)
    for f in range(gains.shape[0]):
        factor[:] = 0.0
        for b in range(gains.shape[1]):
            gain = gains[f, b]
            for k in range(first[b], last[b]):
                factor[k] += gain * weight[b, k]
        for c in range(channels):
            row = spectra[f * channels + c]
            for k in range(bins):
                row[k] = row[k] * factor[k]


@kernel
def overlap_add(
    frames: NDArray[np.float32],
    starts: NDArray[np.int64],
    window: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Window frames and add them up where they belong; rows as in `cut_frames`.

    Parameters
    ----------
    frames : float32 [frames * channels or more, length]
    starts : int64 [frames]
        Where in `out` each frame starts.
    window : float32 [length]
    out : float32 [channels, n]
        Added to.
    """
    channels = out.shape[0]
    length = window.size
    for f in range(starts.size):
        start = starts[f]
        for c in range(channels):
            source = frames[f * channels + c]
            row = out[c, start : start + length]
            for i in range(length):
                row[i] += source[i] * window[i]


@kernel
def add_limited(
    samples: NDArray[np.float32],
    change: NDArray[np.float32],
    bounds: NDArray[np.int64],
    previous: float,
    limit: float,
    out: NDArray[np.float32],
) -> float:
    """Add the change, made smaller around samples that it would push beyond full scale.

    Every hop gets the largest share of the change that keeps its samples just below the limit; the
    share runs linearly from hop to hop, never above what either of two neighbours allows. Samples
    that are at the limit already, to a thousandth, do not count, or clipped sound would hold no
    mark; they are left alone where they would grow beyond it.

    Parameters
    ----------
    samples, change, out : float32 [channels, n]
    bounds : int64 [hops + 1]
        Where each hop starts, and where the last one ends. The last hop is only looked at.
    previous : float
        Share that the hop before the first allows; 1 at the start.
    limit : float
        Full scale.

    Returns
    -------
    float
        Share that the last hop but one allows: `previous` of the next call.
    """
    hops = bounds.size - 1
    channels = samples.shape[0]
    share = np.ones(hops)
    edge = np.float32(limit)
    clipped = np.float32(0.999 * limit)
    ceiling = 0.9995 * limit
    for h in range(hops):
        start = bounds[h]
        stop = bounds[h + 1]
        highest = np.float32(0.0)
        for c in range(channels):
            x = samples[c, start:stop]
            d = change[c, start:stop]
            for i in range(x.size):
                highest = max(highest, abs(x[i] + d[i]))
        if highest <= edge:
            continue
        lowest = 1.0
        for c in range(channels):
            for i in range(start, stop):
                before = abs(samples[c, i])
                step = change[c, i]
                if abs(samples[c, i] + step) > edge and before < clipped and step != 0.0:
                    lowest = min(lowest, (ceiling - before) / abs(step))
        share[h] = lowest
    for h in range(hops - 1):
        left = min(previous if h == 0 else share[h - 1], share[h])
        right = min(share[h], share[h + 1])
        start = bounds[h]
        stop = bounds[h + 1]
        slope = (right - left) / (stop - start)
        for c in range(channels):
            x = samples[c, start:stop]
            d = change[c, start:stop]
            y = out[c, start:stop]
            if left == 1.0 and right == 1.0 and share[h] == 1.0:
                for i in range(x.size):
                    y[i] = x[i] + d[i]
            else:
                for i in range(x.size):
                    y[i] = x[i] + d[i] * np.float32(left + slope * i)
            for i in range(x.size):
                if abs(y[i]) > edge and abs(y[i]) > abs(x[i]):
                    y[i] = x[i]
    return share[hops - 2] if hops > 1 else previous
