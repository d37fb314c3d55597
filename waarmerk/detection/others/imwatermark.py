"""The fixed messages that image generators write with invisible-watermark's ``dwtDct``.

How the mark is made (package invisible-watermark 0.2.0, ``imwatermark/maxDct.py``): of the colour
difference U = 0.492 (B - Y) the Haar approximation is taken, which is half the sum of each 2 x 2
pixels; it is cut into blocks of 4 x 4, which are numbered in reading order. There is no DCT in it,
for all its name. Block i carries bit i modulo the length of the message, in the largest magnitude
of its values but the first: its remainder modulo 36 is 9 for a 0 and 27 for a 1.

          8 pixels of U          4 x 4 sums / 2
        +--+--+--+--+            - a b c
        |  |  |  |  |    ->      d e f g         max(|a|, |b|, ... |o|) mod 36
        +--+--+--+--+            h i j k
        ...                      l m n o         first value: not looked at

Two things decide how it is read. Programs that hand the package 8-bit pixels have U around 128, so
that the sums are about 256 larger (255 after the package has cut off fractions), and all positive.
Programs that hand it floats have U around 0.5, where magnitudes also come from negative values; the
package's own decoder, given the 8-bit file, does not find those again. And diffusers gave it RGB
for BGR until the order was mended, so that older pictures carry the mark in R - Y.

Evidence is the sum over the bits of the message of the mean of -sin(2 pi v / 36) over the blocks of
each bit, the mean over all bits taken off, with the sign that the message gives the bit. If the
message was drawn at random and the picture has nothing to do with it, signs are fair coins, so that
Chernoff's bound holds for *any* picture, however flat, striped or repetitive. The messages of
Stable Diffusion XL and FLUX were drawn at random, as their sources say. The others are words. All
letters have some bits in common, and a pattern that repeats every 64 pixels (8 blocks) agrees with
all of them at once; so of words the mean over all letters is taken off each bit of the byte.
`benchmarks.others` measures whether the bound holds.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from waarmerk.detection.finding import WatermarkFinding
from waarmerk.detection.statistics import log10_of_best

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from waarmerk.detection.finding import Kind
    from waarmerk.marking.colours import Colours

__all__ = ["FOUND", "MARKS", "SCHEME", "PublicMark", "band", "block_values", "evidence", "find"]

SCHEME: Final = "imwatermark.dwt-dct"

FOUND: Final = -6.0
"""log10 p from which a mark is reported; benchmarks.others measures what that costs and gives."""

MIN_PIXELS: Final = 256 * 256  # imwatermark/watermark.py refuses smaller pictures
# The mark is everywhere, so of a large picture a band across its middle is enough.
MAX_PIXELS: Final = 1 << 21
_ROWS: Final = 8  # of blocks at a time, so that everything stays in the cache
_STEP: Final = 36.0  # imwatermark/maxDct.py, ``scales``
_LUMA: Final = (0.299, 0.587, 0.114)  # of OpenCV's YUV
_HALF: Final = 0.492 / 2

Reading = Literal["float", "swapped", "8 bit"]
"""How the picture was handed over: floats, floats with R and B exchanged, or 8-bit pixels."""

_READINGS: Final[tuple[Reading, ...]] = ("float", "swapped", "8 bit")

_DOUBT: Final = 1e-4
"""Waves of the kernel and those of NumPy differ by less (`block_waves`): of up to 15 turns, both
have single precision."""


@dataclass(frozen=True, slots=True)
class PublicMark:
    """One message, who writes it, and how.

    ``bits`` is the message in the order in which it is written, ``"0"`` and ``"1"``. The mean over
    every ``period``-th bit is taken off: 8 for letters, 1 for random bits.
    """

    system: str
    bits: str
    readings: tuple[Reading, ...]
    kind: Kind = "generated"
    period: int = 1


def _word(system: str, text: str, kind: Kind = "generated", period: int = 8) -> PublicMark:
    bits = "".join(f"{byte:08b}" for byte in text.encode())
    return PublicMark(system, bits, ("8 bit",), kind, period)


# An entry here and a line in the test of the table are all that another message needs. Every
# reading is one more try, which all findings pay for.
MARKS: Final = (
    # Stability-AI/generative-models, sgm/inference/helpers.py (floats); huggingface/diffusers,
    # src/diffusers/pipelines/stable_diffusion_xl/watermark.py (floats, older versions swapped);
    # others write the same message with the package as its own documentation shows it (8 bit).
    PublicMark("Stable Diffusion XL", f"{0xB3EC907BB19E:b}", ("float", "swapped", "8 bit")),
    # black-forest-labs/flux, src/flux/util.py. The constant is given with 48 digits, and bin()
    # drops the two zeros that it begins with: what is written are 46 bits.
    PublicMark("FLUX", f"{0x2AFE879CF52E:b}", ("float",)),
    # CompVis/stable-diffusion, scripts/txt2img.py
    _word("Stable Diffusion 1", "StableDiffusionV1"),
    # Stability-AI/stablediffusion, scripts/txt2img.py
    # (Four letters are too few to take their mean off: with all common bits, a pattern agrees with
    # 25 of 32, which is no evidence.)
    _word("Stable Diffusion 2", "SDV2", period=1),
    # runwayml/stable-diffusion, as kept in HowToSD/cremage, modules/cremage/utils/watermark.py
    _word("Stable Diffusion 1 Inpainting", "StableDiffusionV1-Inpainting", "altered"),
    # invoke-ai/InvokeAI, invokeai/backend/image_util/invisible_watermark.py: the default text
    _word("InvokeAI", "InvokeAI"),
)

TRIES: Final = sum(len(mark.readings) for mark in MARKS)


def band(height: int, width: int) -> tuple[int, int]:
    """Return the first row that is looked at in a picture, and the one behind the last.

    A large picture may be given without its other rows.
    """
    rows, columns = height // 8, width // 8
    used = max(1, min(rows, MAX_PIXELS // max(1, 64 * columns)))
    if used >= rows:
        return 0, height
    top = (rows - used) // 2
    return 8 * top, 8 * (top + used)


def find(pixels: NDArray[np.uint8] | Colours) -> tuple[WatermarkFinding, ...]:
    """Return what `evidence` is sure of, the surest first; of each system one finding."""
    found = []
    for mark, value in evidence(pixels, FOUND).items():
        if value <= FOUND:
            found.append(
                WatermarkFinding(
                    "found",
                    SCHEME,
                    log10_p=value,
                    kind=mark.kind,
                    system=mark.system,
                    public=True,
                )
            )
    return tuple(sorted(found, key=lambda finding: finding.log10_p or 0.0))


def evidence(pixels: NDArray[np.uint8] | Colours, level: float = 0.0) -> dict[PublicMark, float]:
    """Return log10 p of every mark, all readings paid for.

    Parameters
    ----------
    pixels : uint8 [H, W, 3] or [H, W, 4], or the colours of a file
    level
        A mark that surely does not come down to this log10 p is given 0.

    Returns
    -------
    dict
        Empty if the picture cannot carry such a mark: gray, under 65,536 pixels, or without a
        single block of 8 x 8.
    """
    if isinstance(pixels, np.ndarray):
        if pixels.ndim != 3 or pixels.shape[2] < 3:
            return {}
        height, width = pixels.shape[:2]
    else:
        width, height = pixels.image.size
    if height * width < MIN_PIXELS or min(height, width) < 8:
        return {}
    first, low, high = _block_extremes(pixels)
    least = level - math.log10(TRIES)
    if level < 0.0 and "numba" in sys.modules and not _any_agrees(first, low, high, least):
        return dict.fromkeys(MARKS, 0.0)
    values = _values(low, high)
    waves = {name: -np.sin(2.0 * np.pi / _STEP * value) for name, value in values.items()}
    out = {}
    for mark in MARKS:
        best = min(
            _log10_p(waves[name], first, _signs(mark), mark.period, least) for name in mark.readings
        )
        out[mark] = log10_of_best(best, TRIES)
    return out


@cache
def _signs(mark: PublicMark) -> NDArray[np.float64]:
    return np.where(np.frombuffer(mark.bits.encode(), np.uint8) == ord("1"), 1.0, -1.0)


def _any_agrees(
    first: int, low: NDArray[np.float32], high: NDArray[np.float32], level: float
) -> bool:
    """Return whether any mark may come down to a level; if not, `_log10_p` gives 0 for all."""
    from waarmerk.kernels.colours import agreement, block_waves

    waves = np.empty((len(_READINGS), low.shape[1]), np.float32)
    block_waves(low, high, _STEP, waves)
    for mark in MARKS:
        signs = _signs(mark)
        # Each mean is known to twice what waves are: once itself, and once what is taken off.
        doubt = 2.0 * _DOUBT * len(signs)
        for name in mark.readings:
            wave = waves[_READINGS.index(name)]
            total, magnitudes = agreement(wave, first, signs, mark.period)
            if not _surely_above(level, total + doubt, max(magnitudes - doubt, 0.0), len(signs)):
                return True
    return False


def _surely_above(level: float, total: float, magnitudes: float, length: int) -> bool:
    """Return whether log10 of the bound on the chance of a sum surely lies above a level.

    As a function of the sum the exponent is convex, from 0 at 0 to log 2 for each of the signs
    where all agree: it lies below the straight line between.
    """
    return -total * length * math.log10(2.0) > level * magnitudes


def block_values(
    pixels: NDArray[np.uint8] | Colours,
) -> tuple[int, dict[Reading, NDArray[np.float32]]]:
    """Return the value of every block in which its bit is, for every way to read it.

    Parameters
    ----------
    pixels : uint8 [H, W, 3] or [H, W, 4], or the colours of a file

    Returns
    -------
    first : int
        The number of the first block that was looked at.
    values : dict of float32 [blocks]
    """
    first, low, high = _block_extremes(pixels)
    return first, _values(low, high)


def _values(
    low: NDArray[np.float32], high: NDArray[np.float32]
) -> dict[Reading, NDArray[np.float32]]:
    # Floats have an offset of 0.5 in U, hence 1 in these sums.
    blue, red = (np.maximum(np.abs(low[c] + 1.0), np.abs(high[c] + 1.0)) for c in range(2))
    return dict(zip(_READINGS, (blue, red, high[0] + 255.0), strict=True))


def _block_extremes(
    pixels: NDArray[np.uint8] | Colours,
) -> tuple[int, NDArray[np.float32], NDArray[np.float32]]:
    """Return the number of the first block, and minimum and maximum of every one [2, blocks].

    Of B - Y and of R - Y.
    """
    if isinstance(pixels, np.ndarray):
        height, width = pixels.shape[:2]
        top, bottom = band(height, width)
    else:
        width, top, bottom = pixels.width, pixels.first, pixels.last
    rows, columns = (bottom - top) // 8, width // 8
    low = np.empty((2, rows, columns), np.float32)
    high = np.empty_like(low)
    if isinstance(pixels, np.ndarray) or not (pixels.ycc or "numba" in sys.modules):
        for done in range(0, rows, _ROWS):
            part = slice(done, min(done + _ROWS, rows))
            start, stop = top + 8 * part.start, top + 8 * part.stop
            if isinstance(pixels, np.ndarray):
                strip = pixels[start:stop]
            else:
                strip = pixels.pixels(start, stop)
            least, most = _extremes(_sums(strip[:, : 8 * columns]))
            low[:, part] = least.reshape(2, -1, columns)
            high[:, part] = most.reshape(2, -1, columns)
    else:
        # To load Numba takes as long as a hundred pictures do without it, and this gives the same.
        from waarmerk.kernels.colours import block_extremes

        words = pixels.words(top, top + 8 * rows)
        block_extremes(words, pixels.ycc, np.array(_LUMA, np.float32), _HALF, low, high)
    return top // 8 * columns, low.reshape(2, -1), high.reshape(2, -1)


def _sums(rows: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return half the sums of B - Y and of R - Y over 2 x 2 pixels, times 0.492."""
    pairs = np.add(rows[::2], rows[1::2], dtype=np.uint16)
    red, green, blue = (
        np.add(pairs[:, ::2, k], pairs[:, 1::2, k], dtype=np.float32) for k in range(3)
    )
    green *= np.float32(_LUMA[1])
    out = np.stack((blue, red))
    out *= np.float32(1 - _LUMA[2])
    for result, other in ((out[0], red), (out[1], blue)):
        np.subtract(result, green, out=result)
        np.multiply(other, np.float32(_LUMA[0]), out=other)
        np.subtract(result, other, out=result)
    out *= np.float32(_HALF)
    return out


def _extremes(sums: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return minimum and maximum of every block of 4 x 4, its first value left out."""
    out = []
    for extreme in (np.minimum, np.maximum):
        across = extreme(extreme(sums[:, 1::4], sums[:, 2::4]), sums[:, 3::4])
        below = [across[:, :, k::4] for k in range(4)]
        first = [sums[:, ::4, k::4] for k in (1, 2, 3)]
        best = extreme(below[0], first[0])
        for values in (*below[1:], *first[1:]):
            extreme(best, values, out=best)
        out.append(best.reshape(len(sums), -1))
    return out[0], out[1]


def _log10_p(
    wave: NDArray[np.float32],
    first: int,
    signs: NDArray[np.float64],
    period: int,
    level: float = 0.0,
) -> float:
    """Return log10 of the bound on the chance that random signs agree with the picture as well.

    0 where it surely lies above `level`.
    """
    length = len(signs)
    before = first % length
    padded = np.zeros(-(-(before + len(wave)) // length) * length)
    padded[before : before + len(wave)] = wave
    blocks = np.full(length, len(padded) // length, np.float64)
    blocks[:before] -= 1.0
    blocks[length - (len(padded) - before - len(wave)) :] -= 1.0
    means = padded.reshape(-1, length).sum(axis=0) / np.maximum(blocks, 1.0)
    means.shape = (-1, period)
    means -= means.mean(axis=0)
    means = means.ravel()
    total, magnitudes = float(signs @ means), np.abs(means)
    if _surely_above(level, total, float(magnitudes.sum()), length):
        return 0.0
    return _log10_sign_tail(total, magnitudes)


def _log10_sign_tail(total: float, magnitudes: NDArray[np.float64]) -> float:
    """Bound the chance that a sum of these magnitudes with random signs is as large as `total`.

    Chernoff's bound itself, min over s of sum_i ln cosh(s m_i) - s t. Of 32 bits it can show
    2^-32, where Hoeffding's simpler one ends at exp(-16).
    """
    energy = float(magnitudes @ magnitudes)
    if total <= 0.0 or energy <= 1e-18:
        return 0.0
    best, s = 0.0, total / energy  # where the simpler bound is smallest
    for _ in range(60):
        x = s * magnitudes
        cosh = float(np.sum(x + np.log1p(np.exp(-2.0 * x)))) - len(x) * np.log(2.0)
        best = min(best, cosh - s * total)  # any s gives a valid bound
        tanh = np.tanh(x)
        slope = float(magnitudes @ tanh) - total
        curve = float(magnitudes @ (magnitudes * (1.0 - tanh * tanh)))
        step = -slope / curve if curve > 0.0 else s
        s = min(max(s + step, 0.5 * s), 2.0 * s)
        if abs(slope) < 1e-9 * total:
            break
    return float(best / np.log(10.0))
