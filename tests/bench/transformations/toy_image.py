"""A small mark for pictures and content to put it in, for tests of what is done to them.

The mark is a pattern of signs that follows from the key, plus another that follows from the payload
too. Both are smooth over 4 x 4 pixels and 3 grey levels high; there is no detector beyond a
correlation.
"""

from functools import cache, partial

import numpy as np

from tests.rendered import texture
from waarmerk.bench.protocol import Content, Marked, Tools
from waarmerk.bench.seeds import rng_for

STRENGTH = 3.0


def picture(name, height, width):
    """A textured picture that follows from its name, uint8 [H, W, 3]."""
    return texture(height, width, seed=int(rng_for(name).integers(1 << 30)))


def content(name, height=96, width=112):
    return Content(name, "image", "rendered", partial(picture, name, height, width))


@cache
def pattern(height, width, *seed):
    """Signs over 4 x 4 pixels, float32 [H, W, 1]."""
    rows, columns = -(-height // 4), -(-width // 4)
    signs = rng_for(*seed).choice([-1.0, 1.0], (rows, columns)).astype(np.float32)
    return signs.repeat(4, 0).repeat(4, 1)[:height, :width, None]


class ToyScheme:
    """Adds the two patterns, at the size of the picture."""

    name = "toy"
    medium = "image"
    keyed = True

    def mark(self, content, value, key, number=0):
        size = value.shape[:2]
        added = STRENGTH * pattern(*size, key)
        added = added + STRENGTH * pattern(*size, key, content.name, number)
        return Marked(np.clip(np.rint(value + added), 0, 255).astype(np.uint8), f"{number:04x}")

    def read(self, value, keys):
        raise NotImplementedError


OTHERS = tuple(content(f"other {number}", 96, 96 + 16 * (number % 2)) for number in range(4))


def tools(of, *seed, others=OTHERS):
    return Tools(rng_for(of.name, *seed), of, ToyScheme(), 0, (of, *others))


def correlation(value, key=0):
    """How much of the pattern of the key alone is in a picture; 1 is all of it."""
    size = value.shape[:2]
    signs = pattern(*size, key)
    return float((value.astype(np.float32) * (signs - signs.mean())).mean()) / STRENGTH
