"""Changes of the values of a picture that keep every pixel in its place.

What the axes of `image_families` need beyond the functions of `image`; with the same signature.
Whatever needs floating point in several copies works on bands of rows, so that a picture of
12 megapixels stays below 2 GB.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image
from scipy.ndimage import correlate1d

from waarmerk.bench.transformations.image import recode, to_uint8

__all__ = [
    "generations",
    "hue",
    "in_bands",
    "median",
    "motion_blur",
    "non_local_means",
    "palette",
    "recode_twice",
    "salt_and_pepper",
    "temperature",
    "total_variation",
]

_BAND = 1024  # rows


def in_bands(
    rgb: np.ndarray, function: Callable[[np.ndarray], np.ndarray], margin: int
) -> np.ndarray:
    """Apply `function`, which keeps the size, to bands of rows that see `margin` rows more."""
    result = np.empty_like(rgb)
    for top in range(0, len(rgb), _BAND):
        start = max(0, top - margin)
        band = function(rgb[start : top + _BAND + margin])
        result[top : top + _BAND] = band[top - start : top - start + _BAND]
    return result


def recode_twice(rgb: np.ndarray, rng: np.random.Generator, *, quality: int) -> np.ndarray:
    """Save as JPEG 75, and what was read back as JPEG of another quality."""
    return recode(recode(rgb, rng, codec="JPEG", quality=75), rng, codec="JPEG", quality=quality)


def generations(rgb: np.ndarray, rng: np.random.Generator, *, count: int) -> np.ndarray:
    """Save `count` times, by turns as JPEG 75 and as WebP 75."""
    for number in range(count):
        rgb = recode(rgb, rng, codec=("JPEG", "WEBP")[number % 2], quality=75)
    return rgb


def palette(rgb: np.ndarray, _rng: object, *, colours: int) -> np.ndarray:
    """Keep so many colours (median cut), dithered by Floyd and Steinberg, as for GIF or PNG8."""
    image = Image.fromarray(rgb)
    table = image.quantize(colours, Image.Quantize.MEDIANCUT)
    dithered = image.quantize(palette=table, dither=Image.Dither.FLOYDSTEINBERG)
    return np.array(dithered.convert("RGB"))


def salt_and_pepper(rgb: np.ndarray, rng: np.random.Generator, *, share: float) -> np.ndarray:
    """Make `share` of the pixels black or white, half of them each."""
    draw = rng.random(rgb.shape[:2], dtype=np.float32)
    result = rgb.copy()
    result[draw < share / 2] = 0
    result[draw > 1 - share / 2] = 255
    return result


def median(rgb: np.ndarray, _rng: object, *, side: int) -> np.ndarray:
    """Take the median of `side` x `side` pixels in every channel."""
    from skimage.filters import rank

    of: Any = rank.median
    # By histograms: Pillow sorts every window, which is too slow from 7 x 7 on.
    footprint = np.ones((side, side), np.uint8)
    return np.dstack([of(rgb[:, :, channel], footprint) for channel in range(3)])


def motion_blur(rgb: np.ndarray, rng: np.random.Generator, *, length: int) -> np.ndarray:
    """Average `length` pixels in a row, or in a column; chance says which."""
    weights = np.full(length, 1 / length, np.float32)
    axis = int(rng.integers(2))
    return to_uint8(correlate1d(rgb.astype(np.float32), weights, axis, mode="nearest"))


def hue(rgb: np.ndarray, _rng: object, *, degrees: float) -> np.ndarray:
    """Turn the hue (of HSV in 8 bits) by an angle."""
    image = Image.fromarray(rgb).convert("HSV")
    angle, *others = image.split()
    turned = np.array(angle) + np.uint8(round(degrees * 256 / 360) % 256)
    return np.array(Image.merge("HSV", [Image.fromarray(turned), *others]).convert("RGB"))


def temperature(rgb: np.ndarray, _rng: object, *, share: float) -> np.ndarray:
    """Make it warmer: red gains `share` of its value, blue loses as much."""
    table = np.arange(256)[:, None] * np.array([1 + share, 1, 1 - share])
    return np.take_along_axis(to_uint8(table), rgb.reshape(-1, 3), 0).reshape(rgb.shape)


def total_variation(rgb: np.ndarray, _rng: object, *, weight: float) -> np.ndarray:
    """Remove noise by total variation (Chambolle 2004), ten steps of it."""
    from skimage import restoration

    chambolle: Any = restoration.denoise_tv_chambolle

    def denoise(band: np.ndarray) -> np.ndarray:
        values = band.astype(np.float32) / 255
        smooth = chambolle(values, weight, max_num_iter=10, channel_axis=2)
        return to_uint8(255 * smooth)

    return in_bands(rgb, denoise, margin=16)


def non_local_means(rgb: np.ndarray, _rng: object, *, sigma: float) -> np.ndarray:
    """Remove what looks like noise of `sigma` grey levels by non-local means (Buades 2005).

    Patches of 5 x 5 pixels are looked up at most 4 pixels away, to stay quick; so it is weaker on
    large structures than a full search.
    """
    from skimage import restoration

    non_local: Any = restoration.denoise_nl_means

    def denoise(band: np.ndarray) -> np.ndarray:
        values = band.astype(np.float32) / 255
        smooth = non_local(values, 5, 4, h=0.8 * sigma / 255, channel_axis=2)
        return to_uint8(255 * smooth)

    return in_bands(rgb, denoise, margin=8)
