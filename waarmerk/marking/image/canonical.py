"""From pixels to the canonical grid, and to the residual in which the mark is read."""

import numpy as np
from numpy.typing import NDArray

from waarmerk.marking.image.scheme import SCHEME

__all__ = ["canonical_luma", "residual", "resize"]


def resize(values: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Resize a float picture [h, w] with Pillow's bicubic filter (antialiased when it shrinks)."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC), np.float32)


def canonical_luma(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Bring a picture onto the canonical grid, as luma.

    Parameters
    ----------
    pixels : uint8 [H, W], [H, W, 3] or [H, W, 4]
        A fourth channel (alpha) is ignored.

    Returns
    -------
    float32 [h, w]
        Luma 0..255 (Rec. 601 weights), short side 512: averaged over areas when the picture is
        larger than that, bicubic when it is smaller.
    """
    from waarmerk.kernels.resampling import enlarge, reduce_luma

    pixels = np.ascontiguousarray(pixels)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    height, width = pixels.shape[:2]
    rows, columns = SCHEME.canonical_size(height, width)
    weights = np.array(SCHEME.luma, np.float32)
    out = np.empty((rows, columns), np.float32)
    if rows <= height and columns <= width:
        reduce_luma(pixels, weights, out)
        return out
    if pixels.shape[2] == 1:
        luma = pixels[:, :, 0].astype(np.float32)
    else:
        luma = np.empty((height, width), np.float32)
        reduce_luma(pixels, weights, luma)
    enlarge(luma, out)  # as `resize` does
    return out


def residual(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    """High-pass a canonical picture and divide by its local deviation: the detector's view."""
    from waarmerk.kernels.picture import normalised_residual

    out = np.empty_like(luma)
    normalised_residual(
        luma, SCHEME.high_pass, SCHEME.neighbourhood, SCHEME.floor, SCHEME.clip, out
    )
    return out
