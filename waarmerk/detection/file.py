"""From a file to its report.

Everything is done in memory on one read of the file: what is hashed is what is examined. Nothing
is kept, no connection is opened, and nothing in the file is run.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from waarmerk.detection.finding import (
    LabelFinding,
    WatermarkFinding,
)
from waarmerk.detection.report import DetectionReport
from waarmerk.detection.summary import FAST_SEARCH, NO_KEY, NO_LABEL_READER
from waarmerk.marking.key import KeyRing, MarkingKey
from waarmerk.marking.report import FileFacts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Effort", "as_keys", "detect_bytes", "detect_file"]

Effort = Literal["fast", "full"]
EFFORTS: Final = ("fast", "full")

IMAGE_SCHEME: Final = "waarmerk.image.1"


def detect_file(
    path: str | os.PathLike[str],
    keys: Iterable[MarkingKey] | MarkingKey = (),
    trust: Iterable[bytes | str | os.PathLike[str]] = (),
    effort: Effort = "full",
    *,
    name: str | None = None,
) -> DetectionReport:
    """Examine a file for marks in every layer.

    Parameters
    ----------
    path
        A picture: JPEG, PNG, WebP, AVIF, TIFF, GIF (first frame) or BMP.
    keys
        Whose watermark to look for. Without any, the report says that none was looked for.
    trust
        PEM certificates, or the names of files that hold them, whose signatures are trusted.
        Without any, no signer is.
    effort
        ``"full"`` searches crops, scales and angles when the first look finds nothing;
        ``"fast"`` leaves that out, and the report says so.
    name
        What the report calls the input; the last part of the path when left out.

    Returns
    -------
    DetectionReport

    Raises
    ------
    InputError
        If the file cannot be read, or is damaged. An unreadable file has no report: whatever a
        report said about its marks would be a guess.
    UnsupportedInputError
        If it is of a kind that is not supported.
    """
    from waarmerk.marking.formats import read_source

    data = read_source(path)
    shown = Path(path).name if name is None else name
    return detect_bytes(data, shown, keys, trust, effort)


def detect_bytes(
    data: bytes,
    name: str,
    keys: Iterable[MarkingKey] | MarkingKey = (),
    trust: Iterable[bytes | str | os.PathLike[str]] = (),
    effort: Effort = "full",
) -> DetectionReport:
    """Examine the content of a file; see :func:`detect_file`."""
    from waarmerk.detection.manifest import read_manifest
    from waarmerk.marking.picture import open_for_detection

    ring = as_keys(keys)
    _check_effort(effort)
    # Also without a key: a file that cannot be decoded is an error, and not "no mark found".
    picture = open_for_detection(data, name)
    watermark = find_watermark(picture.array, ring, effort)
    manifest = read_manifest(data, picture.media_type, tuple(trust))
    labels = LabelFinding("not_checked", reason=NO_LABEL_READER)
    examined = FileFacts.of(name, data, picture.media_type)
    return DetectionReport.conclude(
        examined,
        (watermark, manifest, labels),
        searched_fully=effort == "full",
        notes=picture.notes,
    )


def find_watermark(
    array: NDArray[np.uint8], keys: tuple[MarkingKey, ...], effort: Effort
) -> WatermarkFinding:
    """Look for the image mark of some keys in an array; without keys, say that nobody looked."""
    _check_effort(effort)
    if not keys:
        return WatermarkFinding("not_checked", IMAGE_SCHEME, reason=NO_KEY)
    from waarmerk.detection.image import detect_array

    finding = detect_array(array, keys, effort)
    if effort == "fast" and finding.status == "not_found" and finding.reason is None:
        finding = replace(finding, reason=FAST_SEARCH)
    return finding


def as_keys(keys: Iterable[MarkingKey] | MarkingKey) -> tuple[MarkingKey, ...]:
    """Return keys in order, each once: every key that is tried costs something in the p-value."""
    if isinstance(keys, MarkingKey):
        return (keys,)
    return KeyRing(keys).keys


def _check_effort(effort: str) -> None:
    if effort not in EFFORTS:
        raise ValueError(f"effort is 'fast' or 'full', not {effort!r}")
