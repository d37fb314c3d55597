"""From a file of any kind to its report.

What is hashed is what is examined: a picture or a text is read once, and what is read in blocks and
more than once, a sound or a video, must not change meanwhile. Nothing is kept, no connection is
opened, and nothing in the file is run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Literal

from waarmerk.detection.finding import Finding, ManifestFinding, WatermarkFinding
from waarmerk.detection.manifest.trust_list import Trust, TrustLists
from waarmerk.detection.reasons import FAST_SEARCH, FAST_SOUND_SEARCH, NO_KEY
from waarmerk.detection.report import DetectionReport
from waarmerk.marking.key import KeyRing, MarkingKey

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from waarmerk.marking.formats import Format
    from waarmerk.marking.report import FileFacts

__all__ = ["Effort", "Look", "as_keys", "detect_bytes", "detect_file"]

Effort = Literal["fast", "full"]
Look = Callable[[str], list[WatermarkFinding]]
"""Looks for the watermarks of a text, which needs a scheme and a tokenizer."""

EFFORTS: Final = ("fast", "full")

IMAGE_SCHEME: Final = "waarmerk.image.1"
AUDIO_SCHEME: Final = "waarmerk.audio.1"


_Found = tuple["FileFacts", tuple[Finding, ...], tuple[str, ...]]


def detect_file(
    path: str | os.PathLike[str],
    keys: Iterable[MarkingKey] | MarkingKey = (),
    trust: Trust = (),
    effort: Effort = "full",
    *,
    name: str | None = None,
    look: Look | None = None,
    manifests: str | os.PathLike[str] | None = None,
    include_personal: bool = False,
) -> DetectionReport:
    """Examine a file for marks in every layer.

    Parameters
    ----------
    path
        Any file. Watermarks are looked for in pictures (JPEG, PNG, WebP, AVIF, TIFF, BMP and the
        first frame of GIF), in sounds (WAV, FLAC, MP3, M4A, AAC, Ogg Vorbis and Opus) and, with
        `look`, in texts in UTF-8 (plain text, Markdown or HTML, known by its name). Of all else,
        such as videos and documents, the manifest and the labels are read, and the report says
        that nobody looked for a watermark. A manifest that lies beside the file is looked at if
        there is none in it; that of a text always.
    keys
        Whose watermark to look for. Without any, the report says that none was looked for.
    trust
        PEM certificates, the names of files that hold them, or trust lists, whose signatures are
        trusted. Without any, no signer is.
    effort
        ``"full"`` searches crops, scales and angles of pictures, and other speeds and pitches of
        sounds, when the first look finds nothing; ``"fast"`` leaves that out, and the report says
        so.
    name
        What the report calls the input; the last part of the path when left out.
    look
        Looks for watermarks in a text; without it, the report says that nobody looked.
    manifests
        A folder with manifests that were kept when files were marked (`keep_manifest`). Where a
        watermark with an id is found and no intact manifest, it is looked for there.
    include_personal
        Whether the report gives what metadata say about people, such as prompts and names.

    Returns
    -------
    DetectionReport

    Raises
    ------
    InputError
        If the file cannot be read, or is damaged. An unreadable file has no report: whatever a
        report said about its marks would be a guess.
    UnsupportedInputError
        If it is of a kind that is not supported: a text in UTF-16, for instance.
    """
    from waarmerk.marking.source import identify, limit_of, open_source, read_source

    path = Path(path)
    shown = path.name if name is None else name
    check_effort(effort)
    require_folder(manifests)
    ring, lists = as_keys(keys), TrustLists.of(trust)
    actual = identify(path)
    if actual.medium == "sound":
        from waarmerk.detection.sound_file import examine_sound

        found = examine_sound(path, actual, shown, ring, lists, effort)
        if manifests is not None:
            with open_source(path) as file:
                found = _recovered(found, file, actual, manifests, lists)
    elif actual.medium in ("picture", "text") and actual.decoded:
        data = read_source(path, limit_of(actual))
        found = _examined(data, actual, shown, ring, lists, effort, look, path, manifests)
    else:
        from waarmerk.detection.other_file import examine_other

        found = examine_other(path, actual, shown, lists)
    return _concluded(found, actual, effort, include_personal)


def detect_bytes(
    data: bytes,
    name: str,
    keys: Iterable[MarkingKey] | MarkingKey = (),
    trust: Trust = (),
    effort: Effort = "full",
    *,
    look: Look | None = None,
    manifests: str | os.PathLike[str] | None = None,
    include_personal: bool = False,
) -> DetectionReport:
    """Examine the content of a file; see :func:`detect_file`."""
    from waarmerk.marking.formats import shown
    from waarmerk.marking.source import limit_of, refuse_size, sniff

    check_effort(effort)
    require_folder(manifests)
    actual = sniff(data, name)
    if actual.medium == "sound":
        return _detect_spooled(data, name, keys, trust, effort, manifests, include_personal)
    ring, lists = as_keys(keys), TrustLists.of(trust)
    refuse_size(len(data), limit_of(actual), shown(name))
    if actual.medium in ("picture", "text") and actual.decoded:
        found = _examined(data, actual, name, ring, lists, effort, look, None, manifests)
    else:
        from waarmerk.detection.other_file import examine_other

        found = examine_other(data, actual, name, lists)
    return _concluded(found, actual, effort, include_personal)


def _detect_spooled(  # noqa: PLR0917
    data: bytes,
    name: str,
    keys: Iterable[MarkingKey] | MarkingKey,
    trust: Trust,
    effort: Effort,
    manifests: str | os.PathLike[str] | None,
    include_personal: bool,
) -> DetectionReport:
    """Examine a sound through a temporary file: its decoders want a file of their own."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="waarmerk-") as folder:
        path = Path(folder) / "input"
        path.write_bytes(data)
        return detect_file(
            path,
            keys,
            trust,
            effort,
            name=name,
            manifests=manifests,
            include_personal=include_personal,
        )


def _examined(  # noqa: PLR0917
    data: bytes,
    actual: Format,
    name: str,
    keys: tuple[MarkingKey, ...],
    trust: TrustLists,
    effort: Effort,
    look: Look | None,
    path: Path | None,
    manifests: str | os.PathLike[str] | None,
) -> _Found:
    """Examine a picture or a text, and what lies beside it where that is known."""
    if actual.medium == "text":
        from waarmerk.detection.text_file import examine_text

        return examine_text(data, actual, name, trust, look=look, path=path)
    from waarmerk.detection.picture_file import examine_picture

    found = examine_picture(data, actual, name, keys, trust, effort, path)
    if manifests is not None:
        found = _recovered(found, data, actual, manifests, trust)
    return found


def _recovered(
    found: _Found,
    source: bytes | BinaryIO,
    actual: Format,
    manifests: str | os.PathLike[str],
    trust: TrustLists,
) -> _Found:
    """Return findings with the manifest that was kept, if the watermark leads to it.

    It stands in the place of one that is absent, and beside one that does not hold.
    """
    from waarmerk.detection.manifest.recovery import recovered_manifest

    facts, findings, notes = found
    marks = [f for f in findings if isinstance(f, WatermarkFinding) and f.found and f.mark_id]
    present = [f for f in findings if isinstance(f, ManifestFinding)]
    if not marks or any(f.intact for f in present):
        return found
    kept = recovered_manifest(source, actual.media_type, Path(manifests), marks, trust)
    if kept is None:
        return found
    out: list[Finding] = []
    for finding in findings:
        if not isinstance(finding, ManifestFinding) or finding.status != "absent":
            out.append(finding)
        if finding is present[-1]:
            out.append(kept)
    if kept.status != "error":
        ids = [mark.mark_id.hex for mark in marks if mark.mark_id]
        bound = [value for _, value in kept.soft_bindings if value in ids]
        name = f"{(bound or ids)[0]}.c2pa"
        notes = (*notes, f"its manifest was kept apart, as {name}, and found by the watermark")
    return facts, tuple(out), notes


def _concluded(
    found: _Found, actual: Format, effort: Effort, include_personal: bool
) -> DetectionReport:
    facts, findings, notes = found
    # Of texts there is no faster search.
    fully = effort == "full" or actual.medium == "text"
    return DetectionReport.conclude(
        facts,
        findings,
        searched_fully=fully,
        notes=notes,
        include_personal=include_personal,
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


def require_folder(manifests: str | os.PathLike[str] | None) -> None:
    """Refuse a folder of kept manifests that is not there: a slip must not read as "none kept"."""
    if manifests is not None and not Path(manifests).is_dir():
        from waarmerk.errors import InputError
        from waarmerk.marking.formats import shown

        raise InputError(
            f"{shown(os.fspath(manifests))}: there is no such folder of kept manifests; give the "
            "one that manifests are kept in (keep_manifest, --keep-manifest)"
        )


def check_effort(effort: str) -> None:
    """Refuse an effort that does not exist."""
    if effort not in EFFORTS:
        raise ValueError(f"effort is 'fast' or 'full', not {effort!r}")
