"""The pattern of a key and an id: one value for every cell, before the mask."""

import math

import numpy as np
from numpy.typing import NDArray

from waarmerk.marking.audio.scheme import SCHEME, KeyPattern, sync_sign
from waarmerk.marking.payload import MarkId

__all__ = ["payload_cells", "sync_cells", "unit_pattern"]


def sync_cells(pattern: KeyPattern) -> NDArray[np.float32]:
    """Give the synchronisation of a tile [tile, bands], mean square 1, for even ids."""
    frame = np.arange(SCHEME.tile)[:, None]
    cells = np.zeros((SCHEME.tile, SCHEME.bands))
    for line, phase in zip(SCHEME.sync_lines, pattern.sync_phase, strict=True):
        cells += np.cos(2 * math.pi * line / SCHEME.tile * frame + phase)
    return (cells * math.sqrt(2 / len(SCHEME.sync_lines))).astype(np.float32)


def payload_cells(pattern: KeyPattern, mark_id: MarkId) -> NDArray[np.int8]:
    """Give the payload of a whole cycle [cycle, bands], +1 or -1 in every cell."""
    return SCHEME.code.encode(mark_id)[pattern.payload_place] * pattern.payload_sign


def unit_pattern(pattern: KeyPattern, mark_id: MarkId) -> NDArray[np.float32]:
    """Give the whole mark of a cycle [cycle, bands], mean square 1."""
    sync = np.tile(sync_cells(pattern), (SCHEME.payload_tiles, 1)) * sync_sign(mark_id)
    share = SCHEME.sync_share
    mixed = math.sqrt(share) * sync + math.sqrt(1 - share) * payload_cells(pattern, mark_id)
    return mixed.astype(np.float32)
