"""The pattern of a key and an id: one value for every cell, before the mask."""

import math

import numpy as np
from numpy.typing import NDArray

from waarmerk.marking.audio.scheme import SCHEME, KeyPattern, sync_sign
from waarmerk.marking.payload import MarkId

__all__ = ["payload_cells", "sync_cells", "unit_pattern"]


def sync_cells(pattern: KeyPattern) -> NDArray[np.float32]:
    """Give the synchronisation of a tile [tile, bands] for even ids; see `unit_pattern`."""
    slow, fast = len(SCHEME.slow_lines), len(SCHEME.fast_lines)
    share = [SCHEME.slow_share / slow] * slow + [SCHEME.fast_share / fast] * fast
    frame = np.arange(SCHEME.tile)[:, None]
    cells = np.zeros((SCHEME.tile, SCHEME.bands))
    for line, part, phase in zip(SCHEME.sync_lines, share, pattern.sync_phase, strict=True):
        cells += math.sqrt(2 * part) * np.cos(2 * math.pi * line / SCHEME.tile * frame + phase)
    return cells.astype(np.float32)


def payload_cells(pattern: KeyPattern, mark_id: MarkId) -> NDArray[np.int8]:
    """Give the payload of a whole cycle [cycle, bands], +1 or -1 in every cell."""
    return SCHEME.code.encode(mark_id)[pattern.payload_place] * pattern.payload_sign


def unit_pattern(pattern: KeyPattern, mark_id: MarkId) -> NDArray[np.float32]:
    """Give the whole mark of a cycle [cycle, bands]; mean square 1 before it is limited."""
    sync = np.tile(sync_cells(pattern), (SCHEME.payload_tiles, 1)) * sync_sign(mark_id)
    share = 1.0 - SCHEME.slow_share - SCHEME.fast_share
    mixed = sync + math.sqrt(share) * payload_cells(pattern, mark_id)
    return np.clip(mixed, -SCHEME.limit, SCHEME.limit).astype(np.float32)
