"""Attacks on the mark of one picture: removal, resynthesis, another mark over it, collusion.

The attacker knows the scheme and has things marked by it, never its key. What is learnt from many
other works is in `image_estimates`.
"""

import numpy as np
from PIL import Image
from scipy.ndimage import uniform_filter

from waarmerk.bench.protocol import Tools
from waarmerk.bench.transformations.image import to_uint8
from waarmerk.bench.transformations.image_local import borrowed, boxes

__all__ = [
    "collude_mean",
    "collude_median",
    "collude_mosaic",
    "detail",
    "overwrite",
    "rebuild_patches",
    "resynthesise",
    "subtract_own",
]

CELLS = 8  # of a mosaic, along each side
ATOMS = 1536  # patches of other pictures
PROJECTIONS = 12  # directions in which patches are compared


def resized(plane: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize a float32 plane ``[H, W]`` with Lanczos."""
    image = Image.fromarray(np.ascontiguousarray(plane, np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))


def detail(plane: np.ndarray, share: float) -> np.ndarray:
    """Return what of a plane is lost where only `share` of the side's pixels are kept."""
    height, width = plane.shape
    small = resized(plane, max(1, round(height * share)), max(1, round(width * share)))
    return np.asarray(plane - resized(small, height, width))


def resynthesise(rgb: np.ndarray, rng: np.random.Generator, *, share: float) -> np.ndarray:
    """Keep what a picture with `share` of the side's pixels shows; make all detail up.

    Detail is noise of the same frequencies, one for all channels, that has in every channel the
    energy that the picture's own has around each pixel. It stands for regeneration by a model: a
    model would make likelier detail, but would have no more of the picture's own.
    """
    height, width = rgb.shape[:2]
    made = detail(rng.standard_normal((height, width), dtype=np.float32), share)
    made /= max(float(made.std()), 1e-6)
    result = np.empty_like(rgb)
    side = max(3, 2 * round(1 / share) + 1)
    for channel in range(3):
        plane = rgb[:, :, channel].astype(np.float32)
        own = detail(plane, share)
        energy = np.sqrt(np.maximum(uniform_filter(own * own, side, mode="nearest"), 0))
        result[:, :, channel] = to_uint8(plane - own + energy * made)
    return result


def patches(rgb: np.ndarray, side: int, top: int, left: int) -> np.ndarray:
    """Cut into patches from (top, left) on, float32 ``[rows, columns, side, side, 3]``."""
    rows, columns = (rgb.shape[0] - top) // side, (rgb.shape[1] - left) // side
    cut = rgb[top : top + rows * side, left : left + columns * side]
    return cut.reshape(rows, side, columns, side, 3).swapaxes(1, 2).astype(np.float32)


def dictionary(tools: Tools, height: int, width: int, side: int) -> np.ndarray:
    """Return patches of another picture of that size less their means, ``[atoms, values]``."""
    other = borrowed(tools, height, width)
    tops = tools.rng.integers(0, height - side + 1, ATOMS)
    lefts = tools.rng.integers(0, width - side + 1, ATOMS)
    places = zip(tops, lefts, strict=True)
    atoms = np.stack([other[y : y + side, x : x + side] for y, x in places]).astype(np.float32)
    atoms -= atoms.mean(axis=(1, 2), keepdims=True)
    return atoms.reshape(ATOMS, -1)


def rebuild_patches(rgb: np.ndarray, tools: Tools, *, side: int) -> np.ndarray:
    """Replace every patch by the likest of another picture's, with its own mean and contrast.

    Patches are `side` pixels wide where the short side is 512, and wider in proportion; two layers
    of them, half a patch apart, are averaged. They are compared along the main directions of the
    dictionary only, to stay quick.
    """
    height, width = rgb.shape[:2]
    short = min(height, width)
    side = max(2, min(round(side * max(1.0, short / 512)), short // 2))
    atoms = dictionary(tools, height, width, side)
    norms = np.linalg.norm(atoms, axis=1, keepdims=True)
    atoms /= np.maximum(norms, 1e-6)
    # Main directions by a random sketch: far cheaper than all singular vectors of large patches.
    sketch = tools.rng.standard_normal((4 * PROJECTIONS, ATOMS), dtype=np.float32) @ atoms
    directions = np.linalg.svd(sketch, full_matrices=False)[2][:PROJECTIONS].T
    known = atoms @ directions
    total = np.zeros(rgb.shape, np.uint16)
    for start in (0, side // 2):
        layer = rgb.copy()
        cut = patches(rgb, side, start, start)
        for row, line in enumerate(cut):
            means = line.mean(axis=(1, 2), keepdims=True)
            flat = (line - means).reshape(len(line), -1)
            best = np.argmax(np.abs((flat @ directions) @ known.T), axis=1)
            gains = np.einsum("ij,ij->i", flat, atoms[best])
            contrast = np.sign(gains) * np.linalg.norm(flat, axis=1)
            made = (contrast[:, None] * atoms[best]).reshape(line.shape) + means
            columns = len(line) * side
            top = start + row * side
            layer[top : top + side, start : start + columns] = to_uint8(
                made.swapaxes(0, 1).reshape(side, columns, 3)
            )
        total += layer
    return (total // 2).astype(np.uint8)


def overwrite(rgb: np.ndarray, tools: Tools, *, share: float) -> np.ndarray:
    """Mark over with the attacker's own key, in a rectangle of `share` of the area."""
    over = tools.other_key(rgb)
    result = rgb.copy()
    for left, top, right, bottom in boxes(rgb, tools.rng, share, 1, 1):
        result[top:bottom, left:right] = over[top:bottom, left:right]
    return result


def subtract_own(rgb: np.ndarray, tools: Tools, *, gain: float) -> np.ndarray:
    """Subtract, `gain` times, what marking with the attacker's own key would add."""
    added = tools.other_key(rgb).astype(np.float32) - rgb
    return to_uint8(rgb - gain * added)


def held(rgb: np.ndarray, tools: Tools, count: int) -> list[np.ndarray]:
    """Return this picture and `count` - 1 more copies of the work, each with its own payload."""
    return [rgb, *tools.copies(count - 1)]


def collude_mean(rgb: np.ndarray, tools: Tools, *, count: int) -> np.ndarray:
    """Average `count` copies of the work."""
    total = np.zeros(rgb.shape, np.float32)
    for copy in held(rgb, tools, count):
        total += copy
    return to_uint8(total / count)


def collude_median(rgb: np.ndarray, tools: Tools, *, count: int) -> np.ndarray:
    """Take the median of `count` copies at every value; of two, that is their mean."""
    copies = held(rgb, tools, count)
    result = np.empty_like(rgb)
    for top in range(0, len(rgb), 256):  # bounds memory
        rows = np.stack([copy[top : top + 256] for copy in copies])
        rows.sort(axis=0)
        low, high = rows[(count - 1) // 2], rows[count // 2]
        result[top : top + 256] = (low.astype(np.uint16) + high) // 2
    return result


def collude_mosaic(rgb: np.ndarray, tools: Tools, *, count: int) -> np.ndarray:
    """Lay 8 x 8 tiles, each from one of `count` copies; every copy gives as many, by chance."""
    height, width = rgb.shape[:2]
    owners = tools.rng.permutation(np.arange(CELLS * CELLS) % count).reshape(CELLS, CELLS)
    rows = np.arange(height) * CELLS // height
    columns = np.arange(width) * CELLS // width
    owner = owners[rows[:, None], columns[None, :]]
    result = np.empty_like(rgb)
    for number, copy in enumerate(held(rgb, tools, count)):
        result[owner == number] = copy[owner == number]
    return result
