"""From a file whose content is not decoded here to its findings: its manifest, and its labels.

So are examined videos, documents, pictures in HEIC, JPEG XL or SVG, and whatever else there is.
That nobody looked for a watermark in them is said, and why.

A manifest is looked for in the file, and if there is none, beside it: ``clip.webm.c2pa`` is surely
meant for ``clip.webm``, and so it is reported also when it does not fit. ``clip.c2pa`` can be meant
for any ``clip``; when it does not fit this one, it says nothing about it.
"""

from __future__ import annotations

import io
import os
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from waarmerk.detection.finding import LabelFinding, ManifestFinding, WatermarkFinding
from waarmerk.detection.reasons import (
    MAY_BE_TEXT,
    NO_SIDECAR,
    NONE_BESIDE,
    NOT_DECODED,
    OTHER_KIND,
    TEXT_INSIDE,
    VIDEO_NOT_READ,
)
from waarmerk.detection.text_words import TOKEN_SCHEME
from waarmerk.marking.formats import UNKNOWN, refuse_wrong_name, shown
from waarmerk.marking.large_file import is_large_without
from waarmerk.marking.report import FileFacts
from waarmerk.marking.sidecar import sidecar_for, sidecars_of
from waarmerk.marking.source import (
    HEAD,
    limit_of,
    not_text,
    open_source,
    refuse_size,
    unchanged_since,
)

if TYPE_CHECKING:
    from pathlib import Path

    from waarmerk.detection.finding import Finding
    from waarmerk.detection.manifest.trust_list import Trust
    from waarmerk.marking.formats import Format

__all__ = ["examine_other", "labels_of", "manifest_of"]

_NOT_READ = {
    "picture": WatermarkFinding("not_checked", "waarmerk.image.1", reason=NOT_DECODED),
    "video": WatermarkFinding("not_checked", "video.any", reason=VIDEO_NOT_READ),
    "document": WatermarkFinding("not_checked", TOKEN_SCHEME, reason=TEXT_INSIDE),
    "other": WatermarkFinding("not_checked", "other.any", reason=OTHER_KIND),
}


def examine_other(
    source: Path | bytes, actual: Format, name: str, trust: Trust = ()
) -> tuple[FileFacts, tuple[Finding, ...], tuple[str, ...]]:
    """Examine a file without decoding what is in it.

    Parameters
    ----------
    source
        Where it lies, so that what lies beside it is looked at, too; or its bytes.
    actual, name
        What it is, and what the report calls it.
    trust
        See :func:`waarmerk.detection.file.detect_file`.

    Returns
    -------
    examined, findings, notes
        What was examined, what every layer says, and what is to be kept in mind.

    Raises
    ------
    InputError
        If it cannot be read, is named as another format than it is, or was changed meanwhile.
    """
    refuse_wrong_name(name, actual)
    if isinstance(source, bytes):
        refuse_size(len(source), limit_of(actual), shown(name))
        return _examined(io.BytesIO(source), actual, name, trust, None)
    with open_source(source, limit_of(actual)) as file:
        before = os.fstat(file.fileno())
        found = _examined(file, actual, name, trust, source)
        unchanged_since(before, source, name)
        return found


def _examined(
    file: BinaryIO, actual: Format, name: str, trust: Trust, path: Path | None
) -> tuple[FileFacts, tuple[Finding, ...], tuple[str, ...]]:
    manifest, notes = manifest_of(file, actual, trust, path)
    findings: tuple[Finding, ...]
    findings = (_NOT_READ[actual.medium], manifest, *labels_of(file, actual.media_type))
    if actual is UNKNOWN and _looks_like_text(file):
        notes.append(MAY_BE_TEXT)
    return FileFacts.of_file(name, file, actual.media_type), findings, tuple(notes)


def _looks_like_text(file: BinaryIO) -> bool:
    file.seek(0)
    return not_text(file.read(HEAD), whole=False) is None


def labels_of(source: bytes | BinaryIO, media_type: str) -> tuple[LabelFinding, ...]:
    """Return what the unsigned labels of a file say; that there are none, if so."""
    from waarmerk.detection.labels import read_labels

    return tuple(read_labels(source, media_type)) or (LabelFinding("not_found"),)


def manifest_of(
    file: bytes | BinaryIO, actual: Format, trust: Trust, path: Path | None
) -> tuple[ManifestFinding, list[str]]:
    """Return what the manifest in a file or beside it says, and notes.

    Parameters
    ----------
    file
        The file, or a stream of it.
    actual
        What it is.
    trust
        See :func:`waarmerk.detection.file.detect_file`.
    path
        Where it lies; None if nobody knows what lies beside it.
    """
    from waarmerk.detection.manifest import read_manifest

    reason = NO_SIDECAR if not actual.embeds else NONE_BESIDE
    nothing = ManifestFinding("absent", reason=None if path is None else reason)
    if actual.embeds and _may_hold_one(file, actual):
        finding = read_manifest(file, actual.media_type, trust)
        if finding.status != "absent":
            return finding, []
    else:
        read_manifest(b"", actual.media_type, trust)  # for the errors that trust files have
    notes: list[str] = []
    if path is None:
        return nothing, notes
    for beside, store in sidecars_of(path):
        found = read_manifest(file, actual.media_type, trust, sidecar=store)
        if beside == sidecar_for(path) or found.intact:
            return replace(found, sidecar=beside.name), notes
        notes.append(f"{beside.name} lies beside the file, and is not about it")
    return nothing, notes


def _may_hold_one(file: bytes | BinaryIO, actual: Format) -> bool:
    return isinstance(file, bytes) or not is_large_without(file, actual.media_type)
