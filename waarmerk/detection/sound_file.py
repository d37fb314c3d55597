"""From a sound file to its findings, in blocks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from waarmerk.detection.file import AUDIO_SCHEME, with_limits
from waarmerk.detection.finding import WatermarkFinding
from waarmerk.detection.other_file import labels_of, manifest_of
from waarmerk.detection.reasons import FAST_SOUND_SEARCH, NO_KEY
from waarmerk.marking.report import FileFacts
from waarmerk.marking.sound import open_sound
from waarmerk.marking.source import open_source, unchanged_since

if TYPE_CHECKING:
    from pathlib import Path

    from waarmerk.detection.file import Effort
    from waarmerk.detection.finding import Finding
    from waarmerk.detection.manifest.trust_list import Trust
    from waarmerk.marking.formats import Format
    from waarmerk.marking.key import MarkingKey

__all__ = ["examine_sound"]


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
        What was examined, what every layer says, and what was not looked at.

    Raises
    ------
    InputError
        If it cannot be decoded. A file whose end is missing is examined as far as it goes, and the
        notes say so: what is left of a sound is whole, unlike what is left of a picture.
    """
    with open_source(path) as file:
        before = os.fstat(file.fileno())
        watermark, notes = _watermark(path, actual, name, keys, effort)
        manifest, more = manifest_of(file, actual, trust, path)
        labels = labels_of(file, actual.media_type)
        facts = FileFacts.of_file(name, file, actual.media_type)
        unchanged_since(before, path, name)
    return facts, (watermark, manifest, *labels), (*notes, *more)


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
            for block in reader.blocks(as_decoded=True):
                detector.feed(block)
            finding = with_limits(detector.finish(), effort, FAST_SOUND_SEARCH)
        else:
            # Also without a key: what cannot be decoded is an error, and not "no mark found".
            for _ in reader.blocks(as_decoded=True):
                pass
            finding = WatermarkFinding("not_checked", AUDIO_SCHEME, reason=NO_KEY)
        notes: list[str] = []
        if reader.damage is not None:
            state = "is damaged" if reader.damage == "is damaged" else "is cut off"
            seconds = reader.frames / facts.sample_rate
            notes.append(f"the file {state}; {seconds:.1f} s of it could be looked at")
        return finding, notes
