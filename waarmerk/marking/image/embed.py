"""Laying the mark ``waarmerk.image.1`` on a picture.

::

    picture ─▶ canonical luma ─▶ mask ─┐
    key, id ─▶ unit field ─────────────×─▶ try strength ─▶ enlarge, add ─▶ self-check
                                              ▲      │
                                              └──────┘  read it back after JPEG

The marker is informed: it reads its own mark as the detector would, through the picture and a
coarse JPEG, and takes the least change that survives with a margin.
"""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from waarmerk.errors import CannotMarkError, UnsupportedInputError
from waarmerk.marking.image.canonical import canonical_luma, residual, resize
from waarmerk.marking.image.lines import TileLines, lattice_score
from waarmerk.marking.image.pattern import unit_field
from waarmerk.marking.image.perception import GROUND, perceptual_mask
from waarmerk.marking.image.scheme import SCHEME, KeyPattern, key_pattern
from waarmerk.marking.key import MarkingKey
from waarmerk.marking.payload import MarkId

__all__ = ["MINIMUM_SIDE", "Check", "Embedded", "embed_array"]

MINIMUM_SIDE = 256  # pixels: below this half of the payload band is above the Nyquist frequency
LONGEST_TO_SHORTEST = 16  # a longer strip would make a canonical picture of many megapixels

# Trials: JPEG quality, and the deviations of the right word wanted after it. A mark that passes
# one of them survives WebP 50 too; textured pictures pass the first, smooth ones the second.
_TRIALS = ((20, 13.5), (30, 25.0))
_REFUSED = 15.0  # deviations after the mild trial under which a picture is refused
_MILD_QUALITY = 70
_LOCATED = 32.0  # deviations of the lattice after the mild trial: a crop to a quarter leaves 8
_FINEST, _COARSEST = 43.9, 41.4  # dB PSNR: of a picture at canonical size
_FINER_LARGE = 1.6  # dB for each doubling of the size, up to _FINER_MOST
_FINER_MOST = 2.4
_HALVINGS = 4  # of the range of PSNR, down to 0.2 dB
_GROUND_LEVELS = 1.5  # deviation of the mark on plain ground, at most: about where grain shows
_PLAIN, _PLAIN_SHARE = 0.5, 0.96  # activity (to the power of 3/4) that counts as plain; share of it
_DB_PER_DECADE = 26.0  # how the strength after the trial answers to PSNR, from measurement

Check = Callable[[NDArray[np.uint8]], tuple[MarkId | None, float]]
"""Reads a marked picture back: its id and log10 p. Passed in, marking knows no detector."""


@dataclass(frozen=True, eq=False)
class Embedded:
    """A marked picture.

    Attributes
    ----------
    content : uint8, shape of the input
    mark_id : MarkId
    psnr : float
        Of the colour channels against the input, dB.
    log10_p : float
        What the detector says of the marked picture.
    """

    content: NDArray[np.uint8]
    mark_id: MarkId
    psnr: float
    log10_p: float


def embed_array(
    pixels: NDArray[np.uint8], key: MarkingKey, mark_id: MarkId, *, detect: Check
) -> Embedded:
    """Mark a picture, and check that it can be read.

    Parameters
    ----------
    pixels : uint8 [H, W], [H, W, 3] or [H, W, 4]
        Upright, gamma-encoded as displayed. A fourth channel (alpha) is kept as it is. Not
        changed in place.
    key, mark_id
        What to write.
    detect
        The detector, for the check.

    Raises
    ------
    UnsupportedInputError
        If the array is not such a picture.
    CannotMarkError
        If the picture is too small or too plain to carry the mark.
    """
    _check_shape(pixels)
    luma = canonical_luma(pixels)
    mask = perceptual_mask(luma)
    if np.mean(mask < GROUND + _PLAIN) > _PLAIN_SHARE:
        raise CannotMarkError(
            "the picture is too plain to carry a mark: nearly all of it is one tone or a smooth "
            "gradient, where any mark would be seen"
        )
    field = mask * unit_field(key_pattern(key), mark_id, *luma.shape)
    strength = _strength(pixels, luma, field, key_pattern(key), mark_id)
    content, squares = _applied(pixels, field * np.float32(strength))
    found, log10_p = detect(content)
    if found != mark_id:
        raise CannotMarkError(
            "the picture cannot carry a mark: what was written could not be read back, as happens "
            "where nearly everything is one tone, or black and white only"
        )
    colours = 1 if pixels.ndim == 2 else 3
    mean = squares / (pixels.shape[0] * pixels.shape[1] * colours)
    return Embedded(content, mark_id, _psnr(mean), log10_p)


def _check_shape(pixels: NDArray[np.uint8]) -> None:
    if pixels.dtype != np.uint8:
        raise UnsupportedInputError(
            f"the picture has values of type {pixels.dtype}; only 8 bits a channel (uint8) can be "
            "marked without loss: convert it first"
        )
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (3, 4)):
        raise UnsupportedInputError(
            f"a picture is [H, W], [H, W, 3] or [H, W, 4], not {list(pixels.shape)}"
        )
    height, width = pixels.shape[:2]
    if min(height, width) < MINIMUM_SIDE:
        raise CannotMarkError(
            f"the picture is {width} x {height} pixels; the mark needs {MINIMUM_SIDE} on the "
            "short side"
        )
    if max(height, width) > LONGEST_TO_SHORTEST * min(height, width):
        raise CannotMarkError(
            f"the picture is {width} x {height} pixels; the mark needs sides of at most "
            f"{LONGEST_TO_SHORTEST} to 1"
        )


def _colour_direction() -> NDArray[np.float32]:
    """Change of R, G, B for one level of luma: the direction in which luma costs least."""
    luma = np.array(SCHEME.luma)
    direction: NDArray[np.float32] = (luma / (luma @ luma)).astype(np.float32)
    return direction


def _psnr(mean_square: float) -> float:
    return math.inf if mean_square <= 0 else 10 * math.log10(255.0**2 / mean_square)


def _applied(
    pixels: NDArray[np.uint8], change: NDArray[np.float32]
) -> tuple[NDArray[np.uint8], float]:
    """Add a canonical change of luma to a picture: the marked copy and the squared change."""
    from waarmerk.kernels.picture import add_luma

    height, width = pixels.shape[:2]
    if change.shape != (height, width):
        change = resize(change, height, width)
    source = np.ascontiguousarray(pixels).reshape(height, width, -1)
    direction = np.ones(3, np.float32) if pixels.ndim == 2 else _colour_direction()
    out = np.empty_like(source)
    squares = add_luma(source, np.ascontiguousarray(change, np.float32), direction, out)
    return out.reshape(pixels.shape), squares


def _strength(
    pixels: NDArray[np.uint8],
    luma: NDArray[np.float32],
    field: NDArray[np.float32],
    pattern: KeyPattern,
    mark_id: MarkId,
) -> float:
    """Factor on the field: the least that survives the trial, within the limits of PSNR.

    Raises
    ------
    CannotMarkError
        If even the coarsest does not survive the mild trial.
    """
    word = SCHEME.code.encode(mark_id)
    power = float(np.mean(field * field, dtype=np.float64))
    if pixels.ndim == 3:
        power *= float(np.sum(_colour_direction() ** 2)) / 3
    finer = min(
        _FINER_LARGE * max(0.0, math.log2(min(pixels.shape[:2]) / SCHEME.short_side)), _FINER_MOST
    )

    def factor(decibels: float) -> float:
        return min(255.0 / 10 ** (decibels / 20) / math.sqrt(power), _GROUND_LEVELS / GROUND)

    def after(decibels: float, quality: int) -> TileLines:
        marked = luma + field * np.float32(factor(decibels))
        return TileLines.of(residual(_through_jpeg(marked, quality)))

    def read(decibels: float, quality: int) -> float:
        return _deviations(after(decibels, quality), pattern, word)

    def passes(decibels: float) -> bool:
        located = lattice_score(after(decibels, _MILD_QUALITY).total) >= _LOCATED
        return located and any(read(decibels, quality) >= wanted for quality, wanted in _TRIALS)

    fine, coarse = _FINEST + finer, _COARSEST + finer
    if passes(fine):
        return factor(fine)
    if passes(coarse):
        for _ in range(_HALVINGS):
            middle = (fine + coarse) / 2
            if passes(middle):
                coarse = middle
            else:
                fine = middle
    elif read(coarse, _MILD_QUALITY) < _REFUSED:
        raise CannotMarkError(
            "the picture is too plain to carry a mark that survives ordinary recompression; "
            "a picture with more texture, or a larger one, can"
        )
    return factor(coarse)


def _deviations(lines: TileLines, pattern: KeyPattern, word: NDArray[np.int8]) -> float:
    """Tell how many deviations the word stands out in the tiles of a residual."""
    deviation = math.sqrt(max(lines.payload_energy / 2, 1e-30))
    return float(lines.soft_bits(pattern) @ word) / deviation


def _through_jpeg(luma: NDArray[np.float32], quality: int) -> NDArray[np.float32]:
    """Give what a coarse JPEG leaves of a canonical picture."""
    from PIL import Image

    buffer = io.BytesIO()
    grey = np.clip(luma + np.float32(0.5), 0, 255).astype(np.uint8)
    Image.fromarray(grey).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer), np.float32)
