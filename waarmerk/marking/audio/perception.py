"""How deep the mark may be in every cell without being heard."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["LOOK_AHEAD", "LOOK_BACK", "amplitudes"]

LOOK_BACK = 2  # frames
LOOK_AHEAD = 2  # frames


def amplitudes(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the depth of the mark, dB, for the frames between the first and the last two.

    Parameters
    ----------
    power : float32 [LOOK_BACK + n + LOOK_AHEAD, bands]

    Returns
    -------
    float32 [n, bands]
    """
    return np.full(power[LOOK_BACK : len(power) - LOOK_AHEAD].shape, 1.5, np.float32)
