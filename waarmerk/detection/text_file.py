"""From a text file to its findings.

A manifest is looked for in the text and beside it, and every one that is found is reported: the
wrapper in a text is easily lost, and easily copied along with it into another one. As with sounds,
``answer.txt.c2pa`` is surely meant for ``answer.txt``, and ``answer.c2pa`` only if it fits.

The watermark of a text is in the choice of its tokens. To look for it takes a scheme and the
tokenizer of the model, which a file does not name; whoever knows them gives a function that looks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from waarmerk.detection.finding import ManifestFinding, WatermarkFinding
from waarmerk.detection.hidden import hidden_finding
from waarmerk.detection.manifest import read_manifest
from waarmerk.detection.other_file import labels_of
from waarmerk.detection.reasons import NO_TOKENS, NONE_BESIDE, TEXT_IS_FRAGILE
from waarmerk.detection.text_words import TOKEN_SCHEME
from waarmerk.marking.report import FileFacts
from waarmerk.marking.sidecar import sidecar_for, sidecars_of
from waarmerk.marking.source import decoded
from waarmerk.marking.text_wrapper import find_wrappers, strip_hidden

if TYPE_CHECKING:
    from pathlib import Path

    from waarmerk.detection.file import Look
    from waarmerk.detection.finding import Finding
    from waarmerk.detection.manifest.trust_list import Trust
    from waarmerk.marking.formats import Format

__all__ = ["examine_text"]


def examine_text(
    data: bytes,
    actual: Format,
    name: str,
    trust: Trust = (),
    *,
    look: Look | None = None,
    path: Path | None = None,
) -> tuple[FileFacts, tuple[Finding, ...], tuple[str, ...]]:
    """Examine a text.

    Parameters
    ----------
    data
        Its bytes.
    actual, name
        What it is, and what the report calls it.
    trust
        See :func:`waarmerk.detection.file.detect_file`.
    look
        Looks for watermarks. It is given the text as a reader sees it, without the wrapper of a
        manifest and without a byte-order mark.
    path
        Where the file lies, so that what lies beside it is looked at, too.

    Returns
    -------
    examined, findings, notes
        What was examined, what every layer says, and what is to be kept in mind.

    Raises
    ------
    InputError
        If it is no text in UTF-8.
    """
    text = decoded(data, name)
    facts = FileFacts.of(name, data, actual.media_type)
    manifests, notes = _manifests(data, actual, trust, path)
    known = [(wrapper.start, wrapper.run_end) for wrapper in find_wrappers(text)]
    labels = labels_of(data, actual.media_type)
    hidden = hidden_finding(text, known)
    findings: list[Finding] = [*_watermarks(text, look), *manifests, *labels, hidden]
    return facts, tuple(findings), (*notes, TEXT_IS_FRAGILE)


def _watermarks(text: str, look: Look | None) -> list[WatermarkFinding]:
    found = [] if look is None else look(strip_hidden(text).removeprefix("\ufeff"))
    return found or [WatermarkFinding("not_checked", TOKEN_SCHEME, reason=NO_TOKENS)]


def _manifests(
    data: bytes, actual: Format, trust: Trust, path: Path | None
) -> tuple[list[ManifestFinding], list[str]]:
    found: list[ManifestFinding] = []
    notes: list[str] = []
    inside = read_manifest(data, actual.media_type, trust)
    if inside.status != "absent":
        found.append(inside)
    for beside, store in [] if path is None else sidecars_of(path):
        finding = read_manifest(data, actual.media_type, trust, sidecar=store)
        if path is not None and (beside == sidecar_for(path) or finding.intact):
            found.append(replace(finding, sidecar=beside.name))
        else:
            notes.append(f"{beside.name} lies beside the file, and is not about it")
    if not found:
        found.append(replace(inside, reason=None if path is None else NONE_BESIDE))
    return found, notes
