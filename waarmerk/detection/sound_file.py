"""From a sound file to its findings, in blocks.

A manifest is looked for in the file, and if there is none, beside it: ``song.ogg.c2pa`` is surely
meant for ``song.ogg``, and so it is reported also when it does not fit. ``song.c2pa`` can be meant
for any ``song``; when it does not fit this one, it says nothing about it.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from waarmerk.detection.file import AUDIO_SCHEME, with_limits
from waarmerk.detection.finding import ManifestFinding, WatermarkFinding
from waarmerk.detection.summary import FAST_SOUND_SEARCH, NO_KEY, NO_SIDECAR
from waarmerk.errors import InputError
from waarmerk.marking.formats import shown
from waarmerk.marking.report import FileFacts
from waarmerk.marking.sidecar import sidecar_for, sidecars_of
from waarmerk.marking.sound import open_sound
from waarmerk.marking.source import open_source

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from waarmerk.detection.file import Effort
    from waarmerk.detection.finding import Finding
    from waarmerk.marking.formats import Format
    from waarmerk.marking.key import MarkingKey

__all__ = ["examine_sound"]

Trust = tuple[bytes | str | os.PathLike[str], ...]


def examine_sound(  # noqa: PLR0917
    path: Path,
    actual: Format,
    name: str,
    keys: tuple[MarkingKey, ...],
    trust: Trust,
    effort: Effort,
) -> tuple[FileFacts, tuple[Finding, ...], tuple[str, ...]]:
    """Examine a sound file.

    Returns
    -------
    examined, findings, notes
        What was examined, what watermark and manifest say, and what was not looked at.

    Raises
    ------
    InputError
        If it cannot be decoded. A file whose end is missing is examined as far as it goes, and the
        notes say so: what is left of a sound is whole, unlike what is left of a picture.
    """
    with open_source(path) as file:
        before = os.fstat(file.fileno())
        watermark, notes = _watermark(path, actual, name, keys, effort)
        manifest, more = _manifest(file, path, actual, trust)
        facts = FileFacts.of_file(name, file, actual.media_type)
        after = path.stat()
        if (before.st_ino, before.st_size, before.st_mtime_ns) != (
            after.st_ino,
            after.st_size,
            after.st_mtime_ns,
        ):
            raise InputError(f"{shown(name)}: was changed while it was read")
    return facts, (watermark, manifest), (*notes, *more)


def _watermark(
    path: Path, actual: Format, name: str, keys: tuple[MarkingKey, ...], effort: Effort
) -> tuple[WatermarkFinding, list[str]]:
    with open_sound(path, actual, name) as reader:
        facts = reader.facts
        if keys:
            from waarmerk.detection.audio import AudioDetector

            # Nobody waits for an early answer here, and every look would be paid for.
            detector = AudioDetector(
                facts.sample_rate, facts.channels, keys, effort=effort, early=False
            )
            for block in reader.blocks():
                detector.feed(block)
            finding = with_limits(detector.finish(), effort, FAST_SOUND_SEARCH)
        else:
            # Also without a key: what cannot be decoded is an error, and not "no mark found".
            for _ in reader.blocks():
                pass
            finding = WatermarkFinding("not_checked", AUDIO_SCHEME, reason=NO_KEY)
        notes: list[str] = []
        if reader.damage is not None:
            state = "is damaged" if reader.damage == "is damaged" else "is cut off"
            seconds = reader.frames / facts.sample_rate
            notes.append(f"the file {state}; {seconds:.1f} s of it could be looked at")
        return finding, notes


def _manifest(
    file: BinaryIO, path: Path, actual: Format, trust: Trust
) -> tuple[ManifestFinding, list[str]]:
    from waarmerk.detection.manifest import read_manifest

    finding = ManifestFinding("absent", reason=NO_SIDECAR)
    if actual.embeds:
        finding = read_manifest(file, actual.media_type, trust)
        if finding.status != "absent":
            return finding, []
    else:
        read_manifest(b"", actual.media_type, trust)  # for the errors that trust files have
    notes: list[str] = []
    for beside, store in sidecars_of(path):
        found = read_manifest(file, actual.media_type, trust, sidecar=store)
        if beside == sidecar_for(path) or found.intact:
            return replace(found, sidecar=beside.name), notes
        notes.append(f"{beside.name} lies beside the file, and is not about it")
    return finding, notes
