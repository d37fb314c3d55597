"""How strong the mark may be at every point of a picture.

Noise hides in texture and shows on plain ground, most of all in skies and gradients. Strength
follows the activity of the neighbourhood, taken at the calmest place nearby, so that the plain
side of an edge counts as plain.
"""

import numpy as np
from numpy.typing import NDArray

from waarmerk.marking.image.scheme import SCHEME

__all__ = ["GROUND", "perceptual_mask"]

_REACH = 2  # canonical pixels: squares of 5 x 5 for activity, and for the calmest place
GROUND = 0.45  # what plain ground gets, in the units of deviation to the power of 3/4


def perceptual_mask(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    """Relative strength of the mark at every point of a canonical picture [h, w]; above 0.

    The deviation counts to the power of 3/4: 1 would put everything into the few most active
    places, and 1/2 too much on plain ground (docs/decisions.md).
    """
    from waarmerk.kernels.picture import mask_strength

    out = np.empty_like(luma)
    mask_strength(luma, SCHEME.high_pass, _REACH, GROUND, out)
    return out
