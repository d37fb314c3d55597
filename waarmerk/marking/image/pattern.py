"""The mark of a key and an id as a field over the canonical grid, before any picture shapes it."""

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from waarmerk.marking.image.scheme import SCHEME, KeyPattern, sync_sign
from waarmerk.marking.payload import MarkId

__all__ = ["unit_field"]

_SYNC_SHARE = 0.35  # of the energy: enough for the search of geometries, the rest reads the id
_TILT = 0.4  # amplitude grows with this power of frequency: low lines are drowned by the picture


def _tile(
    lines: NDArray[np.int64], phase: NDArray[np.float64], sign: NDArray[np.float64]
) -> NDArray[np.float32]:
    """A tile [tile, tile] of unit variance with the given lines."""
    x, y = lines.T
    values = (np.hypot(x, y) ** _TILT * sign * np.exp(1j * phase)).astype(np.complex64)
    plane = np.zeros((SCHEME.tile, SCHEME.tile), np.complex64)
    plane[y, x] = values
    plane[-y, -x] = values.conj()
    tile = scipy.fft.fft2(plane.conj()).real  # the inverse transform, up to its scale
    return (tile / tile.std()).astype(np.float32)


def unit_field(
    pattern: KeyPattern, mark_id: MarkId, height: int, width: int
) -> NDArray[np.float32]:
    """Synchronisation and payload over a canonical picture: float32 [height, width], variance 1."""
    sign = np.full(len(SCHEME.sync_lines), sync_sign(mark_id))
    sync = _tile(SCHEME.sync_lines, pattern.sync_phase, sign)
    word = SCHEME.code.encode(mark_id).astype(np.float64)
    payload = _tile(SCHEME.payload_lines, pattern.payload_phase, word[pattern.payload_bit])
    rows, columns = -(-height // SCHEME.tile), -(-width // SCHEME.tile)
    signs = pattern.tile_signs[
        np.ix_(np.arange(rows) % SCHEME.sign_grid, np.arange(columns) % SCHEME.sign_grid)
    ]
    both = np.float32(_SYNC_SHARE**0.5) * sync[None, :, None, :] + (
        np.float32((1 - _SYNC_SHARE) ** 0.5) * signs[:, None, :, None] * payload[None, :, None, :]
    )
    return both.reshape(rows * SCHEME.tile, columns * SCHEME.tile)[:height, :width]
