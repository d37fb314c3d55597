"""The mark of a key and an id as a field over the canonical grid, before any picture shapes it."""

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from waarmerk.marking.image.scheme import SCHEME, KeyPattern, sync_sign
from waarmerk.marking.payload import MarkId

__all__ = ["unit_field"]

_SYNC_SHARE = 0.42  # of the energy: enough for the search of geometries, the rest reads the id
_TILT = 0.6  # amplitude grows with this power of frequency: low lines are drowned by the picture


def _tiles(lines: NDArray[np.int64], values: NDArray[np.complexfloating]) -> NDArray[np.float32]:
    """Tiles [n, tile, tile] of unit variance with the given values [n, L] on the lines [L, 2]."""
    x, y = lines.T
    plane = np.zeros((len(values), SCHEME.tile, SCHEME.tile), np.complex64)
    plane[:, y, x] = np.hypot(x, y) ** _TILT * values
    plane[:, -y, -x] = plane[:, y, x].conj()
    tiles = scipy.fft.fft2(plane.conj()).real  # the inverse transform, up to its scale
    unit: NDArray[np.float32] = (tiles / tiles.std()).astype(np.float32)
    return unit


def unit_field(
    pattern: KeyPattern, mark_id: MarkId, height: int, width: int
) -> NDArray[np.float32]:
    """Lay synchronisation and payload over a canonical picture.

    Returns
    -------
    float32 [height, width]
        Variance 1.
    """
    size, grid = SCHEME.tile, SCHEME.grid
    phase = pattern.sync_phase[None]
    sync = _tiles(SCHEME.sync_lines, sync_sign(mark_id) * np.exp(1j * phase))
    rows, columns = -(-height // size), -(-width // size)
    used = np.add.outer(np.arange(min(rows, grid)) * grid, np.arange(min(columns, grid))).ravel()
    word = SCHEME.code.encode(mark_id)
    bit = (pattern.payload_place + pattern.payload_start[used, None]) % SCHEME.code_length
    turn = np.exp(2j * np.pi / 256 * np.arange(256)).astype(np.complex64)
    payload = _tiles(SCHEME.payload_lines, word[bit] * turn[pattern.payload_phase[used]])
    both = _SYNC_SHARE**0.5 * sync + (1 - _SYNC_SHARE) ** 0.5 * payload
    cells = both.reshape(min(rows, grid), min(columns, grid), size, size)
    cells = cells[np.arange(rows) % grid][:, np.arange(columns) % grid]
    field = cells.swapaxes(1, 2).reshape(rows * size, columns * size)[:height, :width]
    return np.ascontiguousarray(field, np.float32)
