"""Reading the lines of tiles: what a detector sees of a mark, and an informed marker as well.

A *line value* is the Fourier coefficient of a tile at one line of the scheme. Its weight is one
over the power around it, so that frequencies where the picture itself is strong count less. Values
and weights do not depend on the key: all keys share them.
"""

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from waarmerk.marking.image.scheme import SCHEME, KeyPattern

__all__ = ["TileLines", "lattice_score", "mean_power", "power_of", "sync_values", "weights"]

# A line this many times stronger than its surroundings gets no further weight: one spectral line
# of the picture itself must not decide alone.
_LARGEST_RATIO = 16.0
_REACH = 4  # mean power: over (2 * _REACH + 1)^2 coefficients
_ROWS = 37 + _REACH + 1  # of a tile's transform that are looked at: the highest line is in row 37


@cache
def _sync_free() -> NDArray[np.float32]:
    """1 at every coefficient of the half-plane that holds no synchronisation line."""
    mask = np.ones((_ROWS, SCHEME.tile), np.float32)
    x, y = SCHEME.sync_lines.T
    mask[y, x] = 0.0
    return mask


def mean_power(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean over the surroundings of every coefficient, synchronisation lines left out.

    Takes and gives float32 [42, tile].
    """
    from waarmerk.kernels.picture import half_plane_mean

    out = np.empty_like(power)
    half_plane_mean(power, _sync_free(), _REACH, out)
    return out


def power_of(spectrum: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Squared magnitude."""
    power: NDArray[np.float32] = spectrum.real**2 + spectrum.imag**2
    return power


def weights(
    values: NDArray[np.complexfloating], power: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Weight of each line: one over the power around it, less where the line itself is huge."""
    own = values.real**2 + values.imag**2
    weight: NDArray[np.float32] = 1.0 / np.maximum(power, own * (1 / _LARGEST_RATIO))
    return weight.astype(np.float32)


def sync_values(
    total: NDArray[np.complex64],
) -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
    """Values and weights of the synchronisation lines [L] in the sum of all tiles."""
    x, y = SCHEME.sync_lines.T
    values = total[y, x]
    return values, weights(values, mean_power(power_of(total))[y, x])


def lattice_score(total: NDArray[np.complex64]) -> float:
    """Tell how far the synchronisation lines stand out of a sum of tiles, in deviations.

    The search for the geometry of a crop finds these lines without a key, by their power alone.
    """
    values, _ = sync_values(total)
    x, y = SCHEME.sync_lines.T
    ratio = power_of(values) / mean_power(power_of(total))[y, x]
    return float(np.sum(np.minimum(ratio, _LARGEST_RATIO) - 1) / len(ratio) ** 0.5)


@cache
def _payload_places() -> NDArray[np.intp]:
    """Payload lines as indices into a flattened half-plane."""
    x, y = SCHEME.payload_lines.T
    places: NDArray[np.intp] = y * SCHEME.tile + x % SCHEME.tile
    return places


@cache
def _turns() -> NDArray[np.complex64]:
    """Give the factors that turn a line back by 0 ... 255 256ths of a turn."""
    turns: NDArray[np.complex64] = np.exp(-2j * np.pi / 256 * np.arange(256)).astype(np.complex64)
    return turns


@lru_cache(maxsize=512)
def _cells(rows: int, columns: int, down: int, across: int) -> NDArray[np.int64]:
    """Give the cells of the key's grid that so many tiles take, from one of them on."""
    i = (np.arange(rows) + down) % SCHEME.grid
    j = (np.arange(columns) + across) % SCHEME.grid
    return np.add.outer(i * SCHEME.grid, j).ravel()


@dataclass(frozen=True, eq=False)
class TileLines:
    """The tiles of a residual, transformed.

    Tiles that share a cell of the key's grid, in pictures of more than eight tiles a side, carry
    the same phases. They are added up first: taken one by one they would count as independent,
    and the energy of a picture that repeats as the grid does (a long wall of tiles) would come out
    several times too small for the bound on the chance.

    Attributes
    ----------
    rows, columns : int
        Of cells: of tiles, at most 8.
    total : complex64 [42, tile]
        Spectrum of all cells added together: what repeats stands out. Rows from 0 upwards, as far
        as there are lines.
    payload : complex64 [rows * columns, lines]
        Weighted payload lines of every cell.
    payload_energy : float
        Sum of the squared magnitudes of ``payload``.
    """

    rows: int
    columns: int
    total: NDArray[np.complex64]
    payload: NDArray[np.complex64]
    payload_energy: float

    @classmethod
    def of(cls, residual: NDArray[np.float32]) -> "TileLines":
        """Cut a residual [h, w] into tiles from its first pixel on, and transform them."""
        from waarmerk.kernels.tiles import add_spectra, cut_tiles, weighted_lines

        size = SCHEME.tile
        rows, columns = (min(-(-side // size), SCHEME.grid) for side in residual.shape)
        cells = np.empty((rows, columns, size, size), np.float32)
        cut_tiles(np.ascontiguousarray(residual), cells)
        tiles = cells.reshape(rows * columns, size, size)
        spectra = scipy.fft.fft(scipy.fft.rfft(tiles, axis=1)[:, :_ROWS], axis=2)
        total = np.empty((_ROWS, size), np.complex64)
        power = np.empty((_ROWS, size), np.float32)
        add_spectra(spectra, total, power)
        places = _payload_places()
        payload = np.empty((len(tiles), len(places)), np.complex64)
        energy = weighted_lines(
            spectra.reshape(len(tiles), -1),
            places,
            mean_power(power).ravel()[places],
            _LARGEST_RATIO,
            payload,
        )
        return cls(rows, columns, total, payload, energy)

    def soft_bits(self, pattern: KeyPattern, down: int = 0, across: int = 0) -> NDArray[np.float64]:
        """Read the coded bits of a key [code_length], positive where +1 is likelier.

        The first tile is taken for the cell ``(down, across)`` of the key's grid.
        """
        from waarmerk.kernels.tiles import gather_bits

        out = np.empty(SCHEME.code_length)
        gather_bits(
            self.payload,
            _cells(self.rows, self.columns, down, across),
            pattern.payload_phase,
            pattern.payload_place,
            pattern.payload_start,
            _turns(),
            out,
        )
        return out
