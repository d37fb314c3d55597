"""From the bytes of a picture to its findings: our watermark, those of others, manifest and labels.

The watermark of this package is looked for in the luma, at a reduced scale if a JPEG is large.
Marks that are not ours stand in the colours or in the lowest bits, pixel by pixel, at full scale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from waarmerk.detection.other_file import labels_of, manifest_of
from waarmerk.marking.picture import open_for_detection
from waarmerk.marking.report import FileFacts

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

    from waarmerk.detection.file import Effort
    from waarmerk.detection.finding import Finding, LabelFinding, WatermarkFinding
    from waarmerk.detection.manifest.trust_list import Trust
    from waarmerk.marking.colours import Colours
    from waarmerk.marking.formats import Format
    from waarmerk.marking.key import MarkingKey

__all__ = ["examine_picture"]

_MOST_PIXELS = 1 << 24
"""Generators that leave such marks make smaller pictures, and a resize removes them."""

_MOST_JPEG_PIXELS = 1 << 21
"""A larger JPEG would be decoded a second time for them, at full scale. Stable Diffusion and SDXL
make pictures of one megapixel, FLUX of two at most; phones take photographs of twelve."""

_LOSSLESS = ("PNG", "WEBP", "TIFF", "BMP")
"""What can hold text in the lowest bits of its pixels."""

_HEAD = 152
"""Bits with which such text begins, at least one in every pixel (see labels/pixels.py)."""


def examine_picture(  # noqa: PLR0917
    data: bytes,
    actual: Format,
    name: str,
    keys: tuple[MarkingKey, ...],
    trust: Trust,
    effort: Effort,
    path: Path | None = None,
) -> tuple[FileFacts, tuple[Finding, ...], tuple[str, ...]]:
    """Examine a picture.

    Parameters
    ----------
    data
        The file.
    actual, name
        What it is, and what the report calls it.
    keys, trust, effort
        See :func:`waarmerk.detection.file.detect_file`.
    path
        Where it lies, so that what lies beside it is looked at, too.

    Returns
    -------
    examined, findings, notes
        What was examined, what every layer says, and what was not looked at.

    Raises
    ------
    InputError
        If it cannot be decoded, with a key or without: that would not be "no mark found".
    """
    from waarmerk.detection.file import find_watermark

    # To load kernels takes as long as a hundred pictures do; without a key it can be done without.
    picture = open_for_detection(
        data, name, rows=lambda image: _rows(image, actual), kernels=bool(keys)
    )
    watermark = find_watermark(picture.array, keys, effort)
    others, hidden = _others(picture.colours, actual)
    manifest, notes = manifest_of(data, actual, trust, path)
    labels = labels_of(data, actual.media_type)
    if hidden:
        labels = (*(label for label in labels if label.status != "not_found"), *hidden)
    findings: tuple[Finding, ...]
    findings = (watermark, *others, manifest, *labels)
    facts = FileFacts.of(name, data, picture.media_type)
    return facts, findings, (*picture.notes, *notes)


def _rows(image: Image.Image, actual: Format) -> tuple[int, int] | None:
    """Return which rows of the colours are looked at; None if there is nothing to be seen."""
    from PIL.JpegImagePlugin import JpegImageFile, get_sampling

    from waarmerk.detection.others import left_by_jpeg, rows_read

    width, height = image.size
    if width * height > _MOST_PIXELS:
        return None
    if isinstance(image, JpegImageFile) and (
        width * height > _MOST_JPEG_PIXELS
        or not left_by_jpeg(image.quantization, get_sampling(image))
    ):
        return None
    return rows_read(height, width)


def _others(
    colours: Colours | None, actual: Format
) -> tuple[tuple[WatermarkFinding, ...], tuple[LabelFinding, ...]]:
    """Return the marks and labels of others in the pixels."""
    if colours is None:
        return (), ()
    from waarmerk.detection.labels import labels_in_pixels
    from waarmerk.detection.others import public_marks

    hidden: tuple[LabelFinding, ...] = ()
    if actual.name in _LOSSLESS:
        width, height = colours.image.size
        # Only the few pictures whose first columns say that there is more are looked at whole.
        if labels_in_pixels(colours.pixels(0, height, min(width, -(-_HEAD // height)))):
            hidden = labels_in_pixels(colours.pixels(0, height))
    return public_marks(colours), hidden
