"""What a picture shows before any key is asked: done once, shared by all keys."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from waarmerk.detection.image.evidence import upright_lines
from waarmerk.detection.image.locate import Spectrum, candidate_maps, read_lines, spectrum_of
from waarmerk.marking.image.canonical import canonical_luma, residual
from waarmerk.marking.image.lines import TileLines
from waarmerk.marking.image.scheme import ORIENTATIONS

__all__ = ["Analysis"]


class Analysis:
    """A picture on the canonical grid; its parts are computed when they are first asked for.

    Parameters
    ----------
    pixels : uint8 [H, W], [H, W, 3] or [H, W, 4]
    """

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self.residual = residual(canonical_luma(pixels))
        self._tiles: dict[int, TileLines] = {}

    @cached_property
    def upright(self) -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
        """Weighted synchronisation lines of the eight orientations, and their energy."""
        return upright_lines(self.residual.shape, self.tiles(0))

    @cached_property
    def spectrum(self) -> Spectrum:
        """The transform for the search of geometries."""
        return spectrum_of(self.residual)

    @cached_property
    def candidates(
        self,
    ) -> list[tuple[NDArray[np.float64], NDArray[np.complex128], NDArray[np.float64]]]:
        """Geometry, line values and power around the lines of every candidate."""
        maps = (matrix for _, matrix in candidate_maps(self.spectrum))
        return [(matrix, *read_lines(self.spectrum, matrix)) for matrix in maps]

    def tiles(self, orientation: int) -> TileLines:
        """Tiles of the residual with a right-angle turn or mirror undone."""
        if orientation not in self._tiles:
            self._tiles[orientation] = TileLines.of(self._turned(orientation))
        return self._tiles[orientation]

    def _turned(self, orientation: int) -> NDArray[np.float32]:
        (a, b), (c, d) = ORIENTATIONS[orientation]
        values = self.residual
        if a + b < 0:
            values = values[:, ::-1]
        if c + d < 0:
            values = values[::-1]
        return values.T if a == 0 else values
