"""Reading the lines of a tile: what a detector sees of a mark, and an informed marker as well.

A *line value* is the Fourier coefficient of all tiles added together at one line of the scheme.
Its weight is one over the power around it, so that frequencies where the picture itself is
strong count less. Values and weights do not depend on the key, except for the tile signs.
"""

from functools import cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from waarmerk.marking.image.scheme import SCHEME, KeyPattern

__all__ = ["mean_power", "payload_values", "soft_bits", "sync_values", "tile_spectrum", "weights"]

# A line this many times stronger than its surroundings gets no further weight: one spectral line
# of the picture itself must not decide alone.
_LARGEST_RATIO = 16.0
_REACH = 4  # mean power: over (2 * _REACH + 1)^2 coefficients
_PLAIN = np.ones((1, 1), np.float32)


def tile_spectrum(
    values: NDArray[np.float32], signs: NDArray[np.float32] | None = None
) -> NDArray[np.complex64]:
    """Add all tiles of a residual [h, w] and transform.

    Parameters
    ----------
    values : float32 [h, w]
    signs : float32 [n, n], optional
        Tile signs of a key; without them the tiles are added as they are.

    Returns
    -------
    complex64 [tile // 2 + 1, tile]
        Rows from 0 upwards: the half-plane in which the lines of the scheme lie.
    """
    from waarmerk.kernels.lattice import fold

    tile = np.empty((SCHEME.tile, SCHEME.tile), np.float32)
    fold(values, _PLAIN if signs is None else signs, tile)
    return scipy.fft.rfft2(tile, axes=(1, 0))  # type: ignore[no-any-return]


@cache
def _sync_free() -> NDArray[np.float32]:
    """1 at every coefficient of the half-plane that holds no synchronisation line."""
    mask = np.ones((SCHEME.tile // 2 + 1, SCHEME.tile), np.float32)
    x, y = SCHEME.sync_lines.T
    mask[y, x] = 0.0
    return mask


def mean_power(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean over the surroundings of every coefficient, synchronisation lines left out.

    Takes and gives float32 [tile // 2 + 1, tile].
    """
    from waarmerk.kernels.picture import half_plane_mean

    out = np.empty_like(power)
    half_plane_mean(power, _sync_free(), _REACH, out)
    return out


def power_of(spectrum: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Squared magnitude."""
    return spectrum.real**2 + spectrum.imag**2


def weights(
    values: NDArray[np.complexfloating], power: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Weight of each line: one over the power around it, less where the line itself is huge."""
    own = values.real**2 + values.imag**2
    return (1.0 / np.maximum(power, own * (1 / _LARGEST_RATIO))).astype(np.float32)


def sync_values(
    spectrum: NDArray[np.complex64], power: NDArray[np.float32]
) -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
    """Values and weights of the synchronisation lines of a tile spectrum, [L] each."""
    x, y = SCHEME.sync_lines.T
    values = spectrum[y, x]
    return values, weights(values, power[y, x])


def payload_values(
    spectrum: NDArray[np.complex64], power: NDArray[np.float32]
) -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
    """Values and weights of the payload lines of a signed tile spectrum, [lines] each.

    ``power`` is the mean power of the tiles added without signs: signs scatter what the picture
    itself has, but keep its power, and so all keys can share it.
    """
    place = _payload_places()
    values = spectrum.ravel()[place]
    return values, weights(values, power.ravel()[place])


@cache
def _payload_places() -> NDArray[np.intp]:
    x, y = SCHEME.payload_lines.T
    return y * SCHEME.tile + x % SCHEME.tile  # type: ignore[no-any-return]


def soft_bits(
    values: NDArray[np.complex64], weight: NDArray[np.float32], pattern: KeyPattern
) -> NDArray[np.float64]:
    """Turn line values into soft coded bits [code_length], positive where +1 is likelier."""
    turned = (values * pattern.payload_turn).real * weight
    return np.bincount(pattern.payload_bit, turned, SCHEME.code_length)
