"""From the bytes of a picture to its findings: our watermark, those of others, manifest and labels.

The watermark of this package is looked for in the luma of a reduced decoding. Marks that are not
ours stand in the colours or in the lowest bits, pixel by pixel, and need a second, full decoding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from waarmerk.detection.other_file import labels_of, manifest_of
from waarmerk.errors import InputError
from waarmerk.marking.decoder import decoding, open_header
from waarmerk.marking.picture import open_for_detection
from waarmerk.marking.report import FileFacts

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from waarmerk.detection.file import Effort
    from waarmerk.detection.finding import Finding, LabelFinding, WatermarkFinding
    from waarmerk.detection.manifest.trust_list import Trust
    from waarmerk.marking.formats import Format
    from waarmerk.marking.key import MarkingKey

    Pixels = NDArray[np.uint8]

__all__ = ["examine_picture"]

_MOST_PIXELS = 1 << 24
"""Generators that leave such marks make smaller pictures, and a resize removes them."""

_LOSSLESS = ("PNG", "WEBP", "TIFF", "BMP")
"""What can hold text in the lowest bits of its pixels."""

_COLOURS = {"RGB": "RGB", "P": "RGB", "RGBA": "RGBA", "PA": "RGBA", "LA": "RGBA"}


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

    picture = open_for_detection(data, name)
    watermark = find_watermark(picture.array, keys, effort)
    others, hidden = _others(data, actual, name)
    manifest, notes = manifest_of(data, actual, trust, path)
    labels = labels_of(data, actual.media_type)
    if hidden:
        labels = (*(label for label in labels if label.status != "not_found"), *hidden)
    findings: tuple[Finding, ...]
    findings = (watermark, *others, manifest, *labels)
    facts = FileFacts.of(name, data, picture.media_type)
    return facts, findings, (*picture.notes, *notes)


def _others(
    data: bytes, actual: Format, name: str
) -> tuple[tuple[WatermarkFinding, ...], tuple[LabelFinding, ...]]:
    """Return the marks and labels of others in the pixels."""
    pixels = _colours(data, actual, name)
    if pixels is None:
        return (), ()
    from waarmerk.detection.labels import labels_in_pixels
    from waarmerk.detection.others import public_marks

    hidden = labels_in_pixels(pixels) if actual.name in _LOSSLESS else ()
    return tuple(public_marks(pixels[:, :, :3])), tuple(hidden)


def _colours(data: bytes, actual: Format, name: str) -> Pixels | None:
    """Return uint8 [h, w, 3 or 4] as stored; None for a picture without colours, or a large one."""
    import numpy as np
    from PIL.JpegImagePlugin import JpegImageFile, get_sampling

    from waarmerk.detection.others import left_by_jpeg

    try:
        with decoding(name, actual):
            image = open_header(data, actual, name)
            mode = _COLOURS.get(image.mode)
            if mode is None or image.size[0] * image.size[1] > _MOST_PIXELS:
                return None
            if isinstance(image, JpegImageFile) and not left_by_jpeg(
                image.quantization, get_sampling(image)
            ):
                return None
            if image.mode == "P" and "transparency" in image.info:
                mode = "RGBA"
            return np.asarray(image if image.mode == mode else image.convert(mode))
    except InputError:  # what could be decoded at a reduced scale
        return None
