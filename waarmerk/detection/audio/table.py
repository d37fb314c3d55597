"""From the power of the bands to the table in which the mark is looked for."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from waarmerk.detection.audio.hearing import PARTS
from waarmerk.marking.audio.scheme import SCHEME

__all__ = ["outstanding"]

# Of `standing_out`, in frames 10 ms apart and bands; chosen on the tuning clips.
_REACH, _ACROSS, _WIDE = 2, 3, 4
_LEAST = 0.1
_FLOOR_DB = 1.5
_CLIP = 2.0
_QUIET = 10  # per cent of the frames, by power, that count as noise
_NOISE_OVER_QUIET = 2.0
_SILENCE = 1e-7  # of the power of a full-scale band: what 16 bits leave of silence


@cache
def _regridding(pitch: float) -> NDArray[np.float32]:
    """Shares of the parts of bands that make up each band at a pitch [bands * PARTS, bands]."""
    warp = np.log1p(np.array([SCHEME.lowest, SCHEME.highest]) / SCHEME.knee)
    count = SCHEME.bands * PARTS
    parts = np.expm1(np.linspace(*warp, count + 1)) * SCHEME.knee
    edges = SCHEME.edges * pitch
    lower = np.maximum(parts[:-1, None], edges[None, :-1])
    upper = np.minimum(parts[1:, None], edges[None, 1:])
    share = np.maximum(upper - lower, 0.0) / np.diff(parts)[:, None]
    # A band that reaches beyond the highest part is left to what there is.
    return share.astype(np.float32)


def outstanding(
    power: NDArray[np.float32], *, pitch: float = 1.0, stride: int = 1
) -> NDArray[np.float32]:
    """Tell how far every cell stands out of its surroundings, as the pitch puts the bands.

    Parameters
    ----------
    power : float32 [frames, bands * PARTS]
        See :class:`waarmerk.detection.audio.hearing.Hearing`.
    pitch : float, optional
        How much higher the sound is than when it was marked.
    stride : int, optional
        2 leaves out every other frame, for a search.

    Returns
    -------
    float32 [bands, frames]
    """
    from waarmerk.kernels.sound_table import standing_out

    chosen = power[::stride]
    banded = np.ascontiguousarray((chosen @ _regridding(pitch)).T)
    banded += np.float32(_SILENCE)
    quiet = banded[:, :: 8 // stride]
    rank = quiet.shape[1] * _QUIET // 100
    noise = np.partition(quiet, rank, axis=1)[:, rank] * np.float32(_NOISE_OVER_QUIET)
    table = np.empty_like(banded)
    dense = 2 // stride
    standing_out(
        banded, noise, _REACH * dense, _ACROSS, _WIDE * dense, _LEAST, _FLOOR_DB, _CLIP, table
    )
    return table
