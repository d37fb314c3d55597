"""Pictures for tests: the three of the demo, and some rendered on the spot."""

from functools import cache
from importlib import resources

import numpy as np
from PIL import Image

DEMO = ("lake.jpg", "pebbles.jpg", "sea.webp")


@cache
def demo(name):
    """A picture of the demo, uint8 [H, W, 3], read-only."""
    with resources.files("waarmerk").joinpath("demo_data", name).open("rb") as file:
        array = np.array(Image.open(file).convert("RGB"))
    array.setflags(write=False)
    return array


def texture(height, width, channels=3, seed=1):
    """Noise whose amplitude falls with frequency, as that of photographs does.

    Gives [H, W] for one channel, else [H, W, channels].
    """
    rng = np.random.default_rng(seed)
    out = np.zeros((height, width, channels), np.float32)
    for octave in range(7):
        rows, columns = height // 2**octave + 2, width // 2**octave + 2
        for c in range(channels):
            coarse = Image.fromarray(rng.integers(0, 256, (rows, columns), dtype=np.uint8))
            fine = coarse.resize((width, height), Image.Resampling.BICUBIC)
            out[:, :, c] += (np.asarray(fine, np.float32) - 128) * np.float32(0.12 * 1.25**octave)
    return levels(out + 128).squeeze(2) if channels == 1 else levels(out + 128)


def soft_picture(height: int = 512, width: int = 640, seed: int = 1) -> Image.Image:
    """Soft coloured noise with a fine grain: it holds a mark, and compresses like a picture."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(60, 200, (height // 4, width // 4, 3), dtype=np.uint8))
    soft = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.float64)
    grain = rng.normal(0, 4, (height, width, 3))
    return Image.fromarray(np.clip(soft + grain, 0, 255).astype(np.uint8))


def wall(period, height, width, seed=1):
    """One random tile of so many pixels over and over."""
    rng = np.random.default_rng(seed)
    tile = rng.integers(0, 256, (period, period), dtype=np.uint8)
    return np.tile(tile, (-(-height // period), -(-width // period)))[:height, :width].copy()


def levels(values):
    """Round to uint8."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def waves(across, down, height=512, width=768):
    """Stripes with so many cycles per pixel."""
    y, x = np.mgrid[:height, :width]
    return levels(128 + 100 * np.sin(2 * np.pi * (across * x + down * y)))


def checkerboard(side, height=512, width=768):
    """Black and white squares of so many pixels."""
    y, x = np.mgrid[:height, :width]
    return levels(255 * ((x // side + y // side) % 2))


def ramp(across, down, height=512, width=768):
    """An even gradient, in levels per pixel."""
    y, x = np.mgrid[:height, :width]
    return levels(across * x + down * y)
