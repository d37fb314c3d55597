"""Watermarks of others that can be read without a key or a model.

Anyone can write such a mark, so a find is a claim and proves nothing; and none of them says that
there is no mark. `public_marks` therefore gives finds only. One file for each family of marks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from waarmerk.detection.finding import WatermarkFinding
    from waarmerk.marking.colours import Colours

__all__ = ["left_by_jpeg", "public_marks", "rows_read"]

_COARSEST: Final = 47.0
"""Mean step of the colour table. libjpeg's tables have 43 at quality 75 and 51 at 70; with halved
colours, hardly a marked picture is found at the first, and none of ten at the second."""


def public_marks(pixels: NDArray[np.uint8] | Colours) -> tuple[WatermarkFinding, ...]:
    """Return the public watermarks that a picture carries, the surest first.

    Parameters
    ----------
    pixels : uint8 [H, W, 3] or [H, W, 4], or the colours of a file
        RGB at the size at which the picture was made: these marks do not survive a resize or a
        crop. Alpha is not looked at, and a gray picture ([H, W]) carries none of them.

    Returns
    -------
    tuple of WatermarkFinding
        With status ``found``, and empty if there is nothing to report.
    """
    from waarmerk.detection.others import imwatermark

    return imwatermark.find(pixels)


def rows_read(height: int, width: int) -> tuple[int, int]:
    """Return which rows of a picture `public_marks` reads: the first, and the one behind the last.

    Of a large picture that is a band, for the marks are everywhere.
    """
    from waarmerk.detection.others import imwatermark

    return imwatermark.band(height, width)


def left_by_jpeg(tables: Mapping[int, Sequence[int]], sampling: int) -> bool:
    """Say whether a JPEG can still carry such a mark, before its colours are decoded.

    Parameters
    ----------
    tables
        Quantisation tables by number, as Pillow's ``image.quantization``.
    sampling
        As Pillow's ``JpegImagePlugin.get_sampling``: 2 if colours have half the width and height,
        so that coarse steps destroy the mark.

    Returns
    -------
    bool
        False when no mark would be found; True if one might be.
    """
    colour = tables.get(1)
    return sampling != 2 or not colour or sum(colour) <= _COARSEST * len(colour)
