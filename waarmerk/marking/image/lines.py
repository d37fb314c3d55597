"""Reading the lines of a tile: what a detector sees of a mark, and an informed marker as well.

A *line value* is the Fourier coefficient of all tiles added together at one line of the scheme.
Its weight is the inverse of the power around it, so that frequencies where the picture itself is
strong count less. Values and weights do not depend on the key, except for the tile signs.
"""

from functools import cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from waarmerk.marking.image.scheme import SCHEME, KeyPattern

__all__ = ["LARGEST_RATIO", "local_power", "payload_values", "soft_bits", "tile_spectrum"]

# A line this many times stronger than its surroundings gets no further weight: one spectral line
# of the picture itself must not decide alone.
LARGEST_RATIO = 16.0
_REACH = 4  # local power: mean over (2 * _REACH + 1)^2 coefficients


def tile_spectrum(
    values: NDArray[np.float32], signs: NDArray[np.float32] | None = None
) -> NDArray[np.complex64]:
    """Add all tiles of a residual [h, w] and transform: complex64 [tile, tile].

    ``signs`` are the tile signs of a key; without them the tiles are added as they are.
    """
    from waarmerk.kernels.lattice import fold

    tile = np.empty((SCHEME.tile, SCHEME.tile), np.float32)
    fold(values, np.ones((1, 1), np.float32) if signs is None else signs, tile)
    return scipy.fft.fft2(tile)  # type: ignore[no-any-return]


@cache
def _sync_free() -> NDArray[np.float32]:
    """1 at every coefficient that holds no synchronisation line [tile, tile]."""
    mask = np.ones((SCHEME.tile, SCHEME.tile), np.float32)
    x, y = SCHEME.sync_lines.T
    mask[y, x] = 0.0
    mask[-y, -x] = 0.0
    return mask


@cache
def _coverage() -> NDArray[np.float32]:
    return _wrapped_mean(_sync_free())


def _wrapped_mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean over a box that wraps around at the edges of the plane."""
    from waarmerk.kernels.picture import box_mean

    padded = np.pad(values, _REACH, mode="wrap")
    out = np.empty_like(padded)
    box_mean(padded, _REACH, _REACH, out)
    return out[_REACH:-_REACH, _REACH:-_REACH]


def local_power(spectrum: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Mean power around every coefficient [tile, tile], synchronisation lines left out."""
    power = (spectrum.real**2 + spectrum.imag**2) * _sync_free()
    return _wrapped_mean(power) / _coverage() + np.float32(1e-12)


def payload_values(
    spectrum: NDArray[np.complex64],
) -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
    """Values and weights of the payload lines of a signed tile spectrum, [lines] each."""
    x, y = SCHEME.payload_lines.T
    values = spectrum[y, x]
    return values, weights(values, local_power(spectrum)[y, x])


def weights(
    values: NDArray[np.complexfloating], power: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Weight of each line: one over the power around it, less where the line itself is huge."""
    own = values.real**2 + values.imag**2
    return (1.0 / np.maximum(power, own / LARGEST_RATIO)).astype(np.float32)


def soft_bits(
    values: NDArray[np.complex64], weight: NDArray[np.float32], pattern: KeyPattern
) -> NDArray[np.float64]:
    """Turn line values into soft coded bits [code_length], positive where +1 is likelier."""
    turned = (values * np.exp(-1j * pattern.payload_phase)).real * weight
    return np.bincount(pattern.payload_bit, turned, SCHEME.code_length)
