"""From a file to a marked one, or to an error and nothing else.

::

    decode -> watermark -> encode -> sign -> read back and check -> rename
                                     '-- both layers, from the very bytes written --'

Here the request is checked and the kinds part: :mod:`~waarmerk.marking.picture_file` does
everything in memory, :mod:`~waarmerk.marking.sound_file` in blocks. A text that is written already
cannot get a watermark any more: :mod:`~waarmerk.marking.text_file` gives it the manifest. Whatever
else there is, :mod:`~waarmerk.marking.copy_file` copies as it is, with a manifest. In all of them
the finished file lies beside the target, so that the last step is one rename: whoever looks
sees the old file or the finished new one.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from waarmerk.errors import InputError, SigningError
from waarmerk.marking.copy_file import mark_copy, place_for_manifest, reason_for_copy
from waarmerk.marking.formats import (
    Format,
    claimed_format,
    format_for_copy,
    format_for_output,
    refuse_wrong_name,
    shown,
)
from waarmerk.marking.job import Job, Listen, ReadLabels, ReadManifest, SelfCheck, check_request
from waarmerk.marking.kept import KeptManifest
from waarmerk.marking.place import destination
from waarmerk.marking.report import MarkReport
from waarmerk.marking.source import identify

if TYPE_CHECKING:
    from collections.abc import Iterable

    from waarmerk.marking.disclosure import Disclosure
    from waarmerk.marking.key import MarkingKey
    from waarmerk.marking.label import AigcLabel
    from waarmerk.marking.payload import Kind, MarkId
    from waarmerk.marking.signer import Signer

__all__ = ["Listen", "MarkReport", "ReadManifest", "SelfCheck", "mark_file"]


def mark_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    key: MarkingKey | None = None,
    *,
    detect: SelfCheck | None = None,
    listen: Listen | None = None,
    read_manifest: ReadManifest,
    read_labels: ReadLabels | None = None,
    signer: Signer | None = None,
    no_manifest: str | None = None,
    no_watermark: str | None = None,
    mark_id: MarkId | None = None,
    kind: Kind = "generated",
    quality: int | None = None,
    overwrite: bool = False,
    label: bool | None = None,
    aigc: AigcLabel | None = None,
    disclosure: Disclosure | None = None,
    parts: Iterable[str | os.PathLike[str]] = (),
    keep_manifest: str | os.PathLike[str] | None = None,
) -> MarkReport:
    """Write a marked copy of a file, with a watermark and a signed manifest.

    A text or a document gets the manifest alone, and the report says why: text is watermarked while
    it is generated. So does, if the caller says why that is enough, any other file.

    Parameters
    ----------
    source
        Of pictures JPEG, PNG, WebP, AVIF, TIFF, GIF and BMP (a single one with 8 bits a channel)
        and of sounds WAV, FLAC, MP3, M4A, AAC, Ogg Vorbis and Opus get both layers. Texts in UTF-8
        (plain text, Markdown, HTML) and documents (PDF, and office documents) get a manifest. All
        else needs `no_watermark`.
    target
        The output; its extension decides the format, which is that of the source where the content
        is copied. Its folder must exist. The manifest of a format that cannot hold one (Ogg
        Vorbis, Opus, WebM, Matroska, BMP, office documents, and here HTML) goes into a file
        beside it, whose name is that of the output with ``.c2pa`` behind it.
    key
        The key that will find the watermark again. Not needed without a watermark.
    detect, listen, read_manifest, read_labels
        With which the finished file is checked before it gets its name: pictures, sounds, and
        the manifest and the labels of either.
    signer
        Who signs the manifest.
    no_manifest
        The reason for doing without a manifest, which the report keeps.
    no_watermark
        The reason for doing without a watermark, which the report keeps. The content is then
        copied as it is.
    mark_id, kind
        What the watermark says; a random id of this kind when no id is given.
    quality
        1 to 100, of a lossy format; chosen so that next to nothing is lost when left out.
    overwrite
        Whether an existing file is replaced, which may be the source itself.
    label
        Whether the file gets an unsigned label that says the same as its manifest. By default it
        does where there is a place for one, but for Markdown, where it can be seen.
    aigc
        What a label after GB 45438-2025 says, which is written only on request.
    disclosure
        What else the manifest says of the system that made the content.
    parts
        Files that were put into the content: the manifest names them, and carries their manifests.
    keep_manifest
        A folder where the manifest is kept besides, under the id that the watermark carries, so
        that it can be found again for a copy that lost it.

    Returns
    -------
    MarkReport

    Raises
    ------
    InputError
        If the source cannot be used.
    CannotMarkError
        If the content cannot hold a mark, or the mark does not survive encoding as asked; if there
        is no way to lay one, and no reason for doing without.
    SigningError
        If there is neither a signer nor a reason for having none, or signing failed.
    OutputError
        If the target cannot be written, or exists and is not to be replaced.
    """
    source, target = Path(source), Path(target)
    check_request(signer, no_manifest, no_watermark, quality)
    if no_watermark is None and _claims_a_watermark(target):
        format_for_output(str(target))
    final = destination(source, target, overwrite=overwrite)
    actual = identify(source)
    refuse_wrong_name(str(source), actual)
    why_none = reason_for_copy(actual, no_watermark, str(source))
    copied = why_none is not None and actual.medium != "text"
    kept = _kept(keep_manifest, signer, why_none is not None or actual.medium == "text")

    from waarmerk.marking.payload import MarkId

    if actual.medium in ("text", "document") and mark_id is not None:
        raise InputError(
            f"{shown(str(source))}: a mark id is in the watermark, which a text that is already "
            "written cannot get; leave it out"
        )
    if copied and mark_id is not None:
        raise InputError(
            f"{shown(str(source))}: a mark id is in the watermark, and there is to be none; leave "
            "it out"
        )
    if copied:
        out_format = place_for_manifest(source, format_for_copy(str(target), actual))
    else:
        out_format = format_for_output(str(target), actual)
    job = Job(
        source=source,
        target=target,
        final=final,
        format=out_format,
        given_key=key,
        mark_id=MarkId.random(kind) if mark_id is None else mark_id,
        signer=signer,
        no_manifest=no_manifest,
        no_watermark=why_none,
        quality=quality,
        overwrite=overwrite,
        read_manifest=read_manifest,
        read_labels=read_labels,
        label=label,
        aigc=aigc,
        disclosure=disclosure,
        kept=kept,
        parts=tuple(Path(part) for part in parts),
    )
    if job.parts and signer is None:
        raise InputError("what was put into the content stands in the manifest, and there is none")
    if job.parts and actual.medium == "text":
        raise InputError(f"{shown(str(source))}: the manifest of a text names no parts")
    try:
        return _marked(job, actual, detect, listen)
    except BaseException:
        if kept is not None:
            kept.undo()
        raise


def _marked(
    job: Job, actual: Format, detect: SelfCheck | None, listen: Listen | None
) -> MarkReport:
    if actual.medium == "text":
        from waarmerk.marking.text_file import mark_text_file

        return mark_text_file(job, actual)
    if job.no_watermark is not None:
        return mark_copy(job, actual)
    _ = job.key  # or an error that says what to do
    if actual.medium == "sound":
        from waarmerk.marking.sound_file import mark_sound_file

        if listen is None:
            raise TypeError("a sound that gets a watermark needs `listen`")
        return mark_sound_file(job, actual, listen)
    from waarmerk.marking.picture_file import mark_picture_file

    if detect is None:
        raise TypeError("a picture that gets a watermark needs `detect`")
    return mark_picture_file(job, detect)


def _claims_a_watermark(target: Path) -> bool:
    """Return whether an output's name is that of a format that is known to get a watermark.

    Then what is wrong with it can be said before anything is read.
    """
    claimed = claimed_format(str(target))
    return claimed is not None and claimed.decoded


def _kept(
    folder: str | os.PathLike[str] | None, signer: Signer | None, no_watermark: bool
) -> KeptManifest | None:
    """Return where the manifest is kept, if it is to be.

    Raises
    ------
    InputError
        If there is no manifest, or no watermark that could lead to it.
    """
    if folder is None:
        return None
    if signer is None:
        raise SigningError(
            "a manifest is to be kept, and none is to be made; leave one of them out"
        )
    if no_watermark:
        raise InputError(
            "a manifest is kept under the id in the watermark, and there is none; leave out where "
            "to keep it (keep_manifest)"
        )
    return KeptManifest(folder)
