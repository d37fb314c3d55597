"""How deep the mark may be in every cell without being heard."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["LOOK_AHEAD", "LOOK_BACK", "amplitudes"]

LOOK_BACK = 8  # frames
LOOK_AHEAD = 2  # frames

# Chosen on the tuning clips: the loudest bands of a moment hold nearly all the power, so that a
# small change of them is most of what can be measured and heard; what lies far below them is
# masked, and carries the mark as well.
_LOUD_DB, _WEAK_DB = 1.4, 3.6  # depth at the loudest band of the moment, and far below it
_NEAR, _FAR = 5.0, 25.0  # dB below the loudest band where the depth begins to grow and stops
_AROUND = 2  # frames to either side among which the loudest is looked for
# A held tone would be heard to tremble. Where the level of a band changes little from frame to
# frame, little is changed; and little is enough there for the detector.
_RESTLESS_DB, _STEADY = 2.0, 0.3  # change from which all of the depth is used; its least share
_JUMP_DB = 6.0  # a single change counts for no more
_NOTHING = 1e-9  # of full-scale power: levels below are all the same


def amplitudes(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the depth of the mark, dB, for the frames between the first eight and the last two.

    Parameters
    ----------
    power : float32 [LOOK_BACK + n + LOOK_AHEAD, bands]

    Returns
    -------
    float32 [n, bands]
    """
    count = len(power) - LOOK_BACK - LOOK_AHEAD
    level = 10.0 * np.log10(power + np.float32(_NOTHING))
    loudest = level.max(1)
    first = LOOK_BACK - _AROUND
    around = np.max([loudest[first + i : first + i + count] for i in range(2 * _AROUND + 1)], 0)
    below = around[:, None] - level[LOOK_BACK : LOOK_BACK + count]
    part = np.clip((below - _NEAR) / (_FAR - _NEAR), 0.0, 1.0)
    change = np.minimum(np.abs(np.diff(level, axis=0)), np.float32(_JUMP_DB))
    steps = LOOK_BACK + LOOK_AHEAD
    restless = sum(change[i : i + count] for i in range(steps)) / steps
    share = np.clip(restless / _RESTLESS_DB, _STEADY, 1.0)
    depth: NDArray[np.float32] = ((_LOUD_DB + (_WEAK_DB - _LOUD_DB) * part) * share).astype(
        np.float32
    )
    return depth
