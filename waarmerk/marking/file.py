"""From a picture, sound or text file to a marked one, or to an error and nothing else.

::

    decode -> watermark -> encode -> sign -> read back and check -> rename
                                     '-- both layers, from the very bytes written --'

Here the request is checked and the kinds part: :mod:`~waarmerk.marking.picture_file` does
everything in memory, :mod:`~waarmerk.marking.sound_file` in blocks. A text that is written already
cannot get a watermark any more: :mod:`~waarmerk.marking.text_file` gives it the manifest. In all of
them the finished file lies beside the target, so that the last step is one rename: whoever looks
sees the old file or the finished new one.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from waarmerk.errors import InputError
from waarmerk.marking.formats import format_for_output, refuse_wrong_name, shown
from waarmerk.marking.job import Job, Listen, ReadManifest, SelfCheck, check_request
from waarmerk.marking.place import destination
from waarmerk.marking.report import MarkReport
from waarmerk.marking.source import identify

if TYPE_CHECKING:
    from waarmerk.marking.key import MarkingKey
    from waarmerk.marking.payload import Kind, MarkId
    from waarmerk.marking.signer import Signer

__all__ = ["Listen", "MarkReport", "ReadManifest", "SelfCheck", "mark_file"]


def mark_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    key: MarkingKey,
    *,
    detect: SelfCheck,
    listen: Listen,
    read_manifest: ReadManifest,
    signer: Signer | None = None,
    no_manifest: str | None = None,
    mark_id: MarkId | None = None,
    kind: Kind = "generated",
    quality: int | None = None,
    overwrite: bool = False,
    agent: str | None = None,
    agent_version: str | None = None,
    label: bool | None = None,
) -> MarkReport:
    """Write a marked copy of a file, with a watermark and a signed manifest.

    A text gets the manifest alone, and the report says why: it is watermarked while it is
    generated.

    Parameters
    ----------
    source
        A picture (JPEG, PNG, WebP, AVIF, TIFF, GIF or BMP; a single one with 8 bits a channel) or
        a sound (WAV, FLAC, MP3, M4A, AAC, Ogg Vorbis or Opus), or a text in UTF-8 (plain text,
        Markdown or HTML).
    target
        The output; its extension decides the format. Its folder must exist. The manifest of a
        format that cannot hold one (Ogg Vorbis, Opus, and here HTML) goes into a file beside it,
        whose name is that of the output with ``.c2pa`` behind it.
    key
        The key that will find the watermark again.
    detect, listen, read_manifest
        With which the finished file is checked before it gets its name: pictures, sounds, and
        the manifest of either.
    signer
        Who signs the manifest.
    no_manifest
        The reason for doing without a manifest, which the report keeps.
    mark_id, kind
        What the watermark says; a random id of this kind when no id is given.
    quality
        1 to 100, of a lossy format; chosen so that next to nothing is lost when left out.
    overwrite
        Whether an existing file is replaced, which may be the source itself.
    agent, agent_version
        The AI system that made the content, for the manifest.
    label
        Whether a text gets an unsigned label that says the same as its manifest: in the front
        matter of Markdown, which can be seen, or in the head of an HTML page. By default a page
        does, and Markdown does not.

    Returns
    -------
    MarkReport

    Raises
    ------
    InputError
        If the source cannot be used, or a version is given and no agent.
    CannotMarkError
        If the content cannot hold a mark, or the mark does not survive encoding as asked.
    SigningError
        If there is neither a signer nor a reason for having none, or signing failed.
    OutputError
        If the target cannot be written, or exists and is not to be replaced.
    """
    source, target = Path(source), Path(target)
    check_request(signer, no_manifest, quality, agent, agent_version)
    format_for_output(str(target))
    final = destination(source, target, overwrite=overwrite)
    actual = identify(source)
    refuse_wrong_name(str(source), actual)
    out_format = format_for_output(str(target), actual)

    from waarmerk.marking.payload import MarkId

    if actual.medium == "text" and mark_id is not None:
        raise InputError(
            f"{shown(str(source))}: a mark id is in the watermark, which a text that is already "
            "written cannot get; leave it out"
        )
    job = Job(
        source=source,
        target=target,
        final=final,
        format=out_format,
        key=key,
        mark_id=MarkId.random(kind) if mark_id is None else mark_id,
        signer=signer,
        no_manifest=no_manifest,
        quality=quality,
        overwrite=overwrite,
        agent=agent,
        agent_version=agent_version,
        read_manifest=read_manifest,
        label=label,
    )
    if actual.medium == "text":
        from waarmerk.marking.text_file import mark_text_file

        return mark_text_file(job, actual)
    if actual.medium == "sound":
        from waarmerk.marking.sound_file import mark_sound_file

        return mark_sound_file(job, actual, listen)
    from waarmerk.marking.picture_file import mark_picture_file

    return mark_picture_file(job, detect)
