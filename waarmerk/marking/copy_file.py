"""Marking a file without touching its content: a label, and a signed manifest in it or beside it.

::

    copy with label -> sign -> read back and check -> rename
       '-- in blocks; the encoded pictures and sounds stay as they are, byte for byte --'

So are marked the files that no watermark can be written in here (videos, HEIC, JPEG XL, SVG, ...),
for which the caller has to say why one layer is enough, and, with such a reason, any other. In a
document there is text: that gets its watermark while it is generated, or never.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, Final

from waarmerk.errors import CannotMarkError, SigningError
from waarmerk.marking.formats import shown
from waarmerk.marking.large_file import LARGE, contains
from waarmerk.marking.place import publish, workshop
from waarmerk.marking.report import FileFacts, ManifestLayer, MarkReport, WatermarkLayer
from waarmerk.marking.sidecar import refuse_in_the_way, sidecar_for
from waarmerk.marking.sound_structure import file_length
from waarmerk.marking.source import limit_of, open_source, unchanged_since

if TYPE_CHECKING:
    from pathlib import Path

    from waarmerk.marking.formats import Format
    from waarmerk.marking.job import Job
    from waarmerk.marking.place import Workshop

__all__ = ["TEXT_INSIDE", "mark_copy", "place_for_manifest", "reason_for_copy"]

TEXT_INSIDE: Final = (
    "text is watermarked while it is generated: that in this document carries no watermark unless "
    "it was generated with one"
)


def reason_for_copy(actual: Format, no_watermark: str | None, name: str) -> str | None:
    """Return why a file gets no watermark; None if it gets one.

    Parameters
    ----------
    actual
        What it is.
    no_watermark
        The caller's reason.
    name
        Of the file, for messages.

    Raises
    ------
    CannotMarkError
        If no watermark can be written in it, and nobody said why that is in order.
    """
    if no_watermark is not None:
        return no_watermark
    if actual.medium == "document":
        return TEXT_INSIDE
    if actual.decoded:
        return None
    what = f"{actual.medium} ({actual.name})" if actual.medium != "other" else "file of this kind"
    if actual.claims:
        what = f"{actual.medium} ({actual.name})"
    raise CannotMarkError(
        f"{shown(name)}: no watermark can be written in a {what}; to write the signed manifest "
        "alone, say why one layer is enough (no_watermark, --no-watermark REASON)"
    )


def place_for_manifest(path: Path, actual: Format) -> Format:
    """Return the format of a copy: that of the source, or one whose manifest lies beside it.

    To embed a manifest in a PDF the C2PA library holds all of it in memory and writes every object
    anew, which breaks signatures that are in it.
    """
    if actual.name != "PDF":
        return actual
    with open_source(path, limit_of(actual)) as file:
        if file_length(file) >= LARGE or contains(file, (b"/ByteRange",)):
            return replace(actual, embeds=False)
    return actual


def mark_copy(job: Job, actual: Format) -> MarkReport:
    """Write a copy of a file with a manifest; see :func:`waarmerk.marking.file.mark_file`."""
    from waarmerk.marking.label.of_job import labels_read_back
    from waarmerk.marking.manifest import Parent

    if job.signer is None or job.no_watermark is None:
        raise SigningError(
            f"{job.shown}: with neither a watermark nor a manifest nothing would be written; give "
            "a certificate and its key"
        )
    beside = sidecar_for(job.final)
    keeps_sidecar = not job.format.embeds
    if keeps_sidecar:
        refuse_in_the_way(beside, overwrite=job.overwrite)
    with workshop(job.final) as shop, ExitStack() as stack:
        original = stack.enter_context(open_source(job.source, limit_of(actual)))
        before = os.fstat(original.fileno())
        given = job.manifest_beside(original, actual.media_type)
        parent = Parent(original, actual.media_type, job.source.name, given)
        notes: list[str] = []
        untouched = actual.embeds and keeps_sidecar
        if untouched:
            notes.append(
                "the manifest lies beside this PDF: in it, it would break its signatures, or take "
                "too much memory"
            )
        labelled = None
        if not untouched or job.label or job.aigc is not None:
            labelled = _labelled(job, original, shop, stack, notes)
        content = original if labelled is None else labelled
        signed = shop.new()
        with signed.open("x+b") as out:
            store = job.sign(content, out, job.signer, scheme=None, parent=parent)
        with signed.open("rb") as file:
            sidecar = store if keeps_sidecar else None
            manifest = job.check_manifest(file, None, sidecar=sidecar)
            labels = () if labelled is None else labels_read_back(job, file)
            output = FileFacts.of_file(job.target.name, file, job.format.media_type)
        facts = FileFacts.of_file(job.source.name, original, actual.media_type)
        unchanged_since(before, job.source, str(job.source))
        files = [(signed, job.final)]
        if sidecar is not None:
            name = beside.name.replace(job.final.name, job.target.name, 1)
            extra = FileFacts.of(name, sidecar, "application/c2pa")
            manifest = ManifestLayer(signer=manifest.signer, sidecar=extra)
            temporary = shop.new()
            temporary.write_bytes(sidecar)
            files.insert(0, (temporary, beside))
        stale = beside if job.overwrite and not keeps_sidecar else None
        publish(shop, files, overwrite=job.overwrite, stale=stale)
    return MarkReport(
        input=facts,
        output=output,
        watermark=WatermarkLayer.none(job.mark_id, job.no_watermark),
        manifest=manifest,
        labels=tuple(labels),
        notes=tuple(notes),
    )


def _labelled(
    job: Job, original: BinaryIO, shop: Workshop, stack: ExitStack, notes: list[str]
) -> BinaryIO | None:
    """Return the content with the label that is wanted; None if there is none."""
    from waarmerk.marking.label.of_job import add_label, label_content

    content = label_content(job)
    if content is None:
        return None
    path = shop.new()
    original.seek(0)
    with path.open("x+b") as out:
        done = add_label(job, original, out, content, notes)
    return stack.enter_context(path.open("rb")) if done else None
