"""What a request to mark a file says about labels: whether, which, and whether they are there.

::

    copy or encode -> label -> sign -> read back: watermark, manifest, label -> rename

A label is written unless the caller says no. Where a file has no place for one, or cannot be
extended safely, that is an error for who asked for it, and a note for who did not.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

from waarmerk.errors import CannotMarkError, OutputError
from waarmerk.marking.label.content import AIGC, IPTC, LabelContent
from waarmerk.marking.label.table import can_label, labelled_file
from waarmerk.marking.report import LabelLayer

if TYPE_CHECKING:
    from waarmerk.marking.job import Job

__all__ = ["add_label", "add_label_in_memory", "label_content", "labels_read_back"]


def label_content(job: Job) -> LabelContent | None:
    """Return what the label of a request says; None if it gets none.

    Raises
    ------
    CannotMarkError
        If one was asked for and the format has no place for it.
    """
    asked = bool(job.label) or job.aigc is not None
    if job.label is False and not asked:
        return None
    if not can_label(job.format.media_type):
        if asked:
            raise CannotMarkError(
                f"{job.shown}: {job.format.name} has no place for a label that could be written "
                "here; leave the label out"
            )
        return None
    return LabelContent(
        kind=job.mark_id.kind,
        system=None if job.disclosure is None else job.disclosure.system,
        system_version=None if job.disclosure is None else job.disclosure.version,
        aigc=job.aigc,
        mark_id=job.mark_id.hex,
    )


def add_label(
    job: Job, source: BinaryIO, destination: BinaryIO, content: LabelContent, notes: list[str]
) -> bool:
    """Write a labelled copy of an unsigned file; return whether that was possible.

    Parameters
    ----------
    job
        The request.
    source, destination
        Open files, as of :func:`~waarmerk.marking.label.table.labelled_file`.
    content
        As of :func:`label_content`.
    notes
        Gets what was replaced, or why there is no label.

    Raises
    ------
    OutputError
        If a label was asked for and cannot be written.
    """
    told: list[str] = []
    try:
        labelled_file(source, destination, job.format.media_type, content, told)
    except OutputError as error:
        if job.label or job.aigc is not None:
            raise OutputError(
                f"{job.shown}: cannot get a label: {error}; leave the label out"
            ) from error
        notes.append(f"no label was written: {error}")
        return False
    notes += told
    return True


def add_label_in_memory(job: Job, data: bytes, notes: list[str]) -> tuple[bytes, bool]:
    """Return an unsigned file with its label, and whether it has got one.

    Raises
    ------
    CannotMarkError, OutputError
        If a label was asked for and cannot be written.
    """
    content = label_content(job)
    if content is None:
        return data, False
    out = io.BytesIO()
    if not add_label(job, io.BytesIO(data), out, content, notes):
        return data, False
    return out.getvalue(), True


def labels_read_back(job: Job, source: bytes | BinaryIO) -> tuple[LabelLayer, ...]:
    """Return the labels of a finished file, as the reader of the request sees them.

    A label of the input that says AI may stand in place of the new one (see
    :mod:`~waarmerk.marking.label.packet`), so what counts is what is said.

    Raises
    ------
    OutputError
        If one that was written is not there.
    """
    if job.read_labels is None:
        return ()
    found = [s for s in job.read_labels(source, job.format.media_type) if s.status == "found"]
    layers = []
    for standard in (IPTC,) if job.aigc is None else (IPTC, AIGC):
        seen = [s for s in found if s.standard == standard]
        if standard == IPTC or (job.aigc is not None and job.aigc.label == "1"):
            seen = [s for s in seen if s.kind is not None]
        if not seen:
            raise OutputError(
                f"{job.shown}: the label just written ({standard}) cannot be read back, so nothing "
                "was written; leave the label out"
            )
        best = next((s for s in seen if s.kind == job.mark_id.kind), seen[0])
        layers.append(LabelLayer(standard, best.value or ""))
    return tuple(layers)
