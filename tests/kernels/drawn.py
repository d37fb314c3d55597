"""Pictures that kernels are tested with."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

SHAPES = st.tuples(st.integers(1, 23), st.integers(1, 23))
FEW = settings(deadline=None, max_examples=40)


def levels(shape, seed):
    """Levels 0..255 with flat parts and hard edges, as pictures have them."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 256, shape).astype(np.float32)
    values[rng.random(shape) < 0.4] = rng.choice([0, 128, 255])
    return values


@st.composite
def pixels(draw, channels=(1, 3, 4)):
    height, width = draw(SHAPES)
    shape = (height, width, draw(st.sampled_from(channels)))
    return draw(arrays.arrays(np.uint8, shape))
