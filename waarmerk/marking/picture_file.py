"""Marking a picture file. Everything up to the finished file happens in memory.

::

    decode -> watermark -> encode -> label -> sign -> read back all three -> rename
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from waarmerk.errors import CannotMarkError
from waarmerk.marking.encode import FINER, encode_picture
from waarmerk.marking.formats import shown
from waarmerk.marking.job import beside_the_new_one, earlier_mark
from waarmerk.marking.label.of_job import add_label_in_memory, labels_read_back
from waarmerk.marking.picture import open_for_detection, open_for_marking
from waarmerk.marking.place import publish, workshop
from waarmerk.marking.report import FileFacts, ManifestLayer, MarkReport, WatermarkLayer
from waarmerk.marking.source import read_source

if TYPE_CHECKING:
    from waarmerk.marking.image import Embedded
    from waarmerk.marking.job import Job, SelfCheck
    from waarmerk.marking.payload import MarkId
    from waarmerk.marking.picture import MarkingPicture, Pixels

__all__ = ["mark_picture_file"]

KEPT = 0.5
"""The share of its evidence (log p) that a mark should have left in the encoded file."""


def mark_picture_file(job: Job, detect: SelfCheck) -> MarkReport:
    """Write a marked copy of a picture; see :func:`waarmerk.marking.file.mark_file`."""
    from waarmerk.marking.image import embed_array
    from waarmerk.marking.image.scheme import SCHEME

    data = read_source(job.source)
    picture = open_for_marking(data, str(job.source))

    def read_back(pixels: Pixels) -> tuple[MarkId | None, float]:
        seen = detect(pixels)
        return seen.mark_id if seen.found else None, seen.log10_p or 0.0

    earlier = earlier_mark(detect(picture.array))
    try:
        embedded = embed_array(picture.array, job.key, job.mark_id, detect=read_back)
    except CannotMarkError as error:
        # Now and then the earlier mark is what is read back.
        cause = f"{error}; it {earlier}" if earlier else str(error)
        raise CannotMarkError(f"{shown(str(job.source))}: {cause}") from error
    encoded, notes = _encoded(job, picture, embedded, detect)
    notes = (*beside_the_new_one(earlier), *notes)
    about_label: list[str] = []
    encoded, has_label = add_label_in_memory(job, encoded, about_label)
    notes = (*notes, *about_label)
    if job.signer is None:
        notes += job.dropped_manifest(data, picture.media_type)
    else:
        encoded = _signed(job, encoded, data, picture.media_type, SCHEME.name)

    log10_p = _check_watermark(job, encoded, detect)
    manifest = ManifestLayer(omitted=job.no_manifest)
    if job.signer is not None:
        manifest = job.check_manifest(encoded, SCHEME.name)
    labels = labels_read_back(job, encoded) if has_label else ()
    with workshop(job.final) as shop:
        temporary = shop.new()
        with temporary.open("xb") as file:
            file.write(encoded)
        publish(shop, [(temporary, job.final)], overwrite=job.overwrite)
    return MarkReport(
        input=FileFacts.of(job.source.name, data, picture.media_type),
        output=FileFacts.of(job.target.name, encoded, job.format.media_type),
        width=picture.width,
        height=picture.height,
        watermark=WatermarkLayer(SCHEME.name, job.key.key_id, job.mark_id, embedded.psnr, log10_p),
        manifest=manifest,
        labels=labels,
        notes=notes,
    )


def _encoded(
    job: Job, picture: MarkingPicture, embedded: Embedded, detect: SelfCheck
) -> tuple[bytes, tuple[str, ...]]:
    """Encode as coarsely as keeps enough of the mark, or as asked."""
    name = str(job.target)
    for finer in range(FINER):
        out = encode_picture(
            picture, embedded.content, job.format, name, quality=job.quality, finer=finer
        )
        if out.lossless or job.quality is not None or finer == FINER - 1:
            break
        seen = detect(open_for_detection(out.data, name).array)
        left = (seen.log10_p or 0.0) if seen.found else 0.0
        if left <= KEPT * embedded.log10_p:
            break
    return out.data, picture.notes + out.notes


def _signed(job: Job, encoded: bytes, data: bytes, media_type: str, scheme: str) -> bytes:
    from waarmerk.marking.manifest import Parent

    assert job.signer is not None  # noqa: S101 - for the type checker
    signed = io.BytesIO()
    parent = Parent(data, media_type, job.source.name)
    job.sign(io.BytesIO(encoded), signed, job.signer, scheme=scheme, parent=parent)
    return signed.getvalue()


def _check_watermark(job: Job, encoded: bytes, detect: SelfCheck) -> float:
    seen = detect(open_for_detection(encoded, str(job.target)).array)
    if not seen.found or seen.mark_id != job.mark_id or seen.log10_p is None:
        raise CannotMarkError(
            f"{job.shown}: the mark cannot be read back from the encoded file, so nothing "
            "was written; ask for a higher quality, or write .png"
        )
    return seen.log10_p
