"""Attacks by an estimate of the mark: subtracted to remove it, or added elsewhere to forge it.

An estimate is made of many works marked with one key, averaged on a common grid with a short side
of 512: the part of the mark that does not depend on content or payload stays, the rest averages
out. ``marked - original`` is for an attacker who has both; high-passed marked works are for one
who has no originals. Averages are kept for the process, as works are the same for every picture
that is not one of them.
"""

from collections import OrderedDict
from itertools import islice

import numpy as np
from scipy.ndimage import gaussian_filter

from waarmerk.bench.image_quality import psnr
from waarmerk.bench.protocol import RefusedError, Tools
from waarmerk.bench.transformations.image import to_uint8
from waarmerk.bench.transformations.image_local import borrowed
from waarmerk.bench.transformations.image_malicious import resized
from waarmerk.bench.transformations.image_signal import non_local_means

__all__ = ["copy_average", "copy_mark", "subtract_average", "within"]

GRID = 512
LIMIT = 40.0  # dB, of what removal may cost
FORGED = 34.0  # dB, likewise for content that a mark is put onto
_KEPT = 8  # estimates, 6 MB each

_averages: OrderedDict[tuple[object, ...], dict[str, np.ndarray]] = OrderedDict()


def within(rgb: np.ndarray, change: np.ndarray, limit: float, largest: float = 1.0) -> np.ndarray:
    """Add `change`, or as large a share of `largest` times it as `limit` in dB allows."""
    result = to_uint8(rgb + np.float32(largest) * change)
    if psnr(rgb, result) >= limit:
        return result
    low, high = 0.0, largest
    for _ in range(10):
        middle = (low + high) / 2
        inside = psnr(rgb, to_uint8(rgb + np.float32(middle) * change)) >= limit
        low, high = (middle, high) if inside else (low, middle)
    return to_uint8(rgb + np.float32(low) * change)


def on_grid(values: np.ndarray) -> np.ndarray:
    """Resize so that the short side is 512, and take the first 512 x 512: float32, 3 channels."""
    height, width = values.shape[:2]
    scale = GRID / min(height, width)
    size = max(GRID, round(height * scale)), max(GRID, round(width * scale))
    planes = [resized(values[:, :, channel], *size)[:GRID, :GRID] for channel in range(3)]
    return np.dstack(planes)


def off_grid(estimate: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize an estimate to a picture's size; it goes on by repeating itself beyond 512."""
    scale = GRID / min(height, width)
    rows, columns = max(GRID, round(height * scale)), max(GRID, round(width * scale))
    whole = np.tile(estimate, (-(-rows // GRID), -(-columns // GRID), 1))[:rows, :columns]
    return np.dstack([resized(whole[:, :, channel], height, width) for channel in range(3)])


def highpass(values: np.ndarray) -> np.ndarray:
    """Keep what lies above 0.05 cycles per pixel, clipped so that edges do not rule."""
    smooth = gaussian_filter(values.astype(np.float32), (3, 3, 0))
    return np.asarray(np.clip(values - smooth, -20, 20))


def averages(tools: Tools, count: int) -> dict[str, np.ndarray]:
    """Return what an attacker averages over `count` works, by the name of the estimate.

    Raises
    ------
    RefusedError
        If there are no other contents, or the scheme marks none of them.
    """
    names = tuple(content.name for content in tools.other_contents())
    name = (tools.scheme_name, tools.key, names, count)
    if name in _averages:
        _averages.move_to_end(name)
        return _averages[name]
    sums = {kind: np.zeros((GRID, GRID, 3), np.float32) for kind in ("residual", "highpass")}
    done = 0
    for original, marked in islice(tools.works(), count):
        sums["residual"] += on_grid(marked.astype(np.int16) - original)
        sums["highpass"] += highpass(on_grid(marked))
        done += 1
    if not done:
        raise RefusedError("no other content of this run could be marked, so nothing is averaged")
    _averages[name] = {kind: total / done for kind, total in sums.items()}
    if len(_averages) > _KEPT:
        _averages.popitem(last=False)
    return _averages[name]


def subtract_average(rgb: np.ndarray, tools: Tools, *, count: int, kind: str) -> np.ndarray:
    """Subtract the average of `count` works with the gain that leaves no correlation with it.

    At most as much as 40 dB allow.
    """
    estimate = off_grid(averages(tools, count)[kind], *rgb.shape[:2])
    share = float((highpass(rgb) * estimate).sum() / max(float((estimate**2).sum()), 1e-9))
    return within(rgb, -max(0.0, share) * estimate, LIMIT)


def copy_mark(rgb: np.ndarray, tools: Tools, *, gain: float) -> np.ndarray:
    """Forge: put what denoising takes out of this picture, `gain` times, onto another one.

    What is taken out is clipped to 6 grey levels, as more is an edge rather than a mark. The other
    content is resized to this one's size, and changed by no more than 34 dB.
    """
    residual = rgb.astype(np.float32) - non_local_means(rgb, tools.rng, sigma=8.0)
    other = borrowed(tools, *rgb.shape[:2])
    return within(other, gain * np.clip(residual, -6, 6), FORGED)


def copy_average(rgb: np.ndarray, tools: Tools, *, count: int) -> np.ndarray:
    """Forge: put the average residual of `count` works onto another picture, as strong as 38 dB."""
    estimate = off_grid(averages(tools, count)["residual"], *rgb.shape[:2])
    other = borrowed(tools, *rgb.shape[:2])
    return within(other, estimate, 38.0, largest=1000.0)
