"""From a file to its report.

What is hashed is what is examined: a picture or a text is read once, and a sound, which is read in
blocks and more than once, must not change meanwhile. Nothing is kept, no connection is opened, and
nothing in the file is run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from waarmerk.detection.finding import (
    Finding,
    LabelFinding,
    WatermarkFinding,
)
from waarmerk.detection.report import DetectionReport
from waarmerk.detection.summary import FAST_SEARCH, FAST_SOUND_SEARCH, NO_KEY, NO_LABEL_READER
from waarmerk.marking.key import KeyRing, MarkingKey
from waarmerk.marking.report import FileFacts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from waarmerk.marking.formats import Format

__all__ = ["Effort", "Look", "as_keys", "detect_bytes", "detect_file"]

Effort = Literal["fast", "full"]
Look = Callable[[str], list[WatermarkFinding]]
"""Looks for the watermarks of a text, which needs a scheme and a tokenizer."""

EFFORTS: Final = ("fast", "full")

IMAGE_SCHEME: Final = "waarmerk.image.1"
AUDIO_SCHEME: Final = "waarmerk.audio.1"


def detect_file(
    path: str | os.PathLike[str],
    keys: Iterable[MarkingKey] | MarkingKey = (),
    trust: Iterable[bytes | str | os.PathLike[str]] = (),
    effort: Effort = "full",
    *,
    name: str | None = None,
    look: Look | None = None,
) -> DetectionReport:
    """Examine a file for marks in every layer.

    Parameters
    ----------
    path
        A picture: JPEG, PNG, WebP, AVIF, TIFF, GIF (first frame) or BMP. Or a sound: WAV, FLAC,
        MP3, M4A, AAC, Ogg Vorbis or Opus; a manifest that lies beside it is looked at if there is
        none in it. Or a text in UTF-8: plain text, Markdown or HTML, known by its name; what lies
        beside it is always looked at.
    keys
        Whose watermark to look for. Without any, the report says that none was looked for.
    trust
        PEM certificates, or the names of files that hold them, whose signatures are trusted.
        Without any, no signer is.
    effort
        ``"full"`` searches crops, scales and angles of pictures, and other speeds and pitches of
        sounds, when the first look finds nothing; ``"fast"`` leaves that out, and the report says
        so.
    name
        What the report calls the input; the last part of the path when left out.
    look
        Looks for watermarks in a text; without it, the report says that nobody looked.

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
    from waarmerk.marking.source import MAX_TEXT_BYTES, identify, read_source

    shown = Path(path).name if name is None else name
    actual = identify(path)
    if actual.medium == "text":
        check_effort(effort)
        data = read_source(path, MAX_TEXT_BYTES)
        return _detect_text(data, actual, shown, tuple(trust), look, path=Path(path))
    if actual.medium == "sound":
        from waarmerk.detection.sound_file import examine_sound

        ring, trust = as_keys(keys), tuple(trust)
        check_effort(effort)
        examined, findings, notes = examine_sound(Path(path), actual, shown, ring, trust, effort)
        return _concluded(examined, findings, effort, notes)
    return detect_bytes(read_source(path), shown, keys, trust, effort)


def detect_bytes(
    data: bytes,
    name: str,
    keys: Iterable[MarkingKey] | MarkingKey = (),
    trust: Iterable[bytes | str | os.PathLike[str]] = (),
    effort: Effort = "full",
    *,
    look: Look | None = None,
) -> DetectionReport:
    """Examine the content of a file; see :func:`detect_file`."""
    from waarmerk.detection.manifest import read_manifest
    from waarmerk.marking.formats import shown
    from waarmerk.marking.picture import open_for_detection
    from waarmerk.marking.source import MAX_TEXT_BYTES, refuse_size, sniff

    actual = sniff(data, name)
    if actual.medium == "sound":
        return _detect_spooled(data, name, keys, trust, effort)
    ring = as_keys(keys)
    check_effort(effort)
    if actual.medium == "text":
        refuse_size(len(data), MAX_TEXT_BYTES, shown(name))
        return _detect_text(data, actual, name, tuple(trust), look)
    # Also without a key: a file that cannot be decoded is an error, and not "no mark found".
    picture = open_for_detection(data, name)
    watermark = find_watermark(picture.array, ring, effort)
    manifest = read_manifest(data, picture.media_type, tuple(trust))
    examined = FileFacts.of(name, data, picture.media_type)
    return _concluded(examined, (watermark, manifest), effort, picture.notes)


def _detect_spooled(
    data: bytes,
    name: str,
    keys: Iterable[MarkingKey] | MarkingKey,
    trust: Iterable[bytes | str | os.PathLike[str]],
    effort: Effort,
) -> DetectionReport:
    """Examine a sound through a temporary file: its decoders want a file of their own."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="waarmerk-") as folder:
        path = Path(folder) / "input"
        path.write_bytes(data)
        return detect_file(path, keys, trust, effort, name=name)


def _detect_text(  # noqa: PLR0917
    data: bytes,
    actual: Format,
    name: str,
    trust: tuple[bytes | str | os.PathLike[str], ...],
    look: Look | None,
    path: Path | None = None,
) -> DetectionReport:
    """Examine a text, and what lies beside it where that is known."""
    from waarmerk.detection.text_file import examine_text

    examined, findings, notes = examine_text(data, actual, name, trust, look=look, path=path)
    return DetectionReport.conclude(examined, findings, notes=notes)


def _concluded(
    examined: FileFacts, findings: Iterable[Finding], effort: Effort, notes: Iterable[str]
) -> DetectionReport:
    labels = LabelFinding("not_checked", reason=NO_LABEL_READER)
    return DetectionReport.conclude(
        examined, (*findings, labels), searched_fully=effort == "full", notes=notes
    )


def find_watermark(
    array: NDArray[np.uint8], keys: tuple[MarkingKey, ...], effort: Effort
) -> WatermarkFinding:
    """Look for the image mark of some keys in an array; without keys, say that nobody looked."""
    check_effort(effort)
    if not keys:
        return WatermarkFinding("not_checked", IMAGE_SCHEME, reason=NO_KEY)
    from waarmerk.detection.image import detect_array

    return with_limits(detect_array(array, keys, effort), effort, FAST_SEARCH)


def find_sound_watermark(
    samples: NDArray[np.float32] | NDArray[np.int16],
    sample_rate: int,
    keys: tuple[MarkingKey, ...],
    effort: Effort,
) -> WatermarkFinding:
    """Look for the audio mark of some keys in samples; without keys, say that nobody looked."""
    check_effort(effort)
    if not keys:
        return WatermarkFinding("not_checked", AUDIO_SCHEME, reason=NO_KEY)
    from waarmerk.detection.audio import detect_samples

    return with_limits(
        detect_samples(samples, sample_rate, keys, effort), effort, FAST_SOUND_SEARCH
    )


def with_limits(finding: WatermarkFinding, effort: Effort, reason: str) -> WatermarkFinding:
    """Return a finding that says what a fast search left out, if it found nothing."""
    if effort == "fast" and finding.status == "not_found" and finding.reason is None:
        return replace(finding, reason=reason)
    return finding


def as_keys(keys: Iterable[MarkingKey] | MarkingKey) -> tuple[MarkingKey, ...]:
    """Return keys in order, each once: every key that is tried costs something in the p-value."""
    if isinstance(keys, MarkingKey):
        return (keys,)
    return KeyRing(keys).keys


def check_effort(effort: str) -> None:
    """Refuse an effort that does not exist."""
    if effort not in EFFORTS:
        raise ValueError(f"effort is 'fast' or 'full', not {effort!r}")
