"""Marking files, and making the files of a key: what programs call, and the commands.

Like :mod:`waarmerk.api` this knows both sides: marking checks its own work with the readers of
detection, which are handed over here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from waarmerk.marking.job import require_in_use, settled_mark_id

if TYPE_CHECKING:
    from waarmerk.marking.disclosure import Disclosure
    from waarmerk.marking.key import MarkingKey
    from waarmerk.marking.label import AigcLabel
    from waarmerk.marking.payload import Kind, MarkId
    from waarmerk.marking.report import MarkReport
    from waarmerk.marking.signer import Signer

__all__ = ["make_key_files", "mark_file"]


def mark_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    key: MarkingKey | None = None,
    *,
    signer: Signer | None = None,
    no_manifest: str | None = None,
    no_watermark: str | None = None,
    mark_id: MarkId | None = None,
    kind: Kind | None = None,
    quality: int | None = None,
    overwrite: bool = False,
    disclosure: Disclosure | None = None,
    parts: Iterable[str | os.PathLike[str]] = (),
    keep_manifest: str | os.PathLike[str] | None = None,
    label: bool | None = None,
    aigc: AigcLabel | None = None,
) -> MarkReport:
    """Write a marked copy of a file: a watermark and, signed, a manifest that says the same.

    A text that is already written and a document get the manifest alone: text is watermarked while
    it is generated.

    Parameters
    ----------
    source, target
        The input and the name of the output; its extension decides the format. Pictures and sounds
        get both layers; of any other file the content is copied. A format that cannot hold a
        manifest gets it in a file beside the output, with ``.c2pa`` behind its name.
    key
        The key that will find the watermark again; needed for one.
    signer
        Who signs the manifest.
    no_manifest, no_watermark
        The reason for doing without one of the layers, which the report keeps. Without a signer or
        a key, and without a reason, nothing is written. Without a watermark the content is copied
        as it is.
    mark_id, kind
        As in :func:`waarmerk.api.mark_image`.
    quality
        1 to 100, of a lossy format; chosen so that next to nothing is lost when left out.
    overwrite
        Whether an existing output is replaced.
    disclosure
        What the manifest says of the AI system: its name, provider, model and more. Its label
        counts where none is given here, and its time-stamp authority is asked.
    parts
        Files that were put into the content: the manifest names them, and carries their manifests.
    keep_manifest
        A folder where the manifest is kept besides, so that detection finds it again for a copy
        that lost it.
    label
        Whether the file gets an unsigned label as well (IPTC); by default it does where there is a
        place for one that readers do not see.
    aigc
        What the label of GB 45438-2025 says, if there is to be one.

    Raises
    ------
    InputError
        If the source cannot be used, or what is asked for contradicts itself.
    CannotMarkError
        If the content cannot hold a mark.
    KeyFileError
        If the key was retired.
    SigningError
        If a layer is missing without a reason, or signing failed.
    OutputError
        If the target cannot be written.
    """
    from waarmerk.api import listen_for, self_check
    from waarmerk.detection.labels import read_labels
    from waarmerk.detection.manifest import read_manifest
    from waarmerk.marking.file import mark_file as mark

    if key is not None:
        require_in_use(key)
    settled = settled_mark_id(mark_id, kind)
    if disclosure is not None:
        label = disclosure.label if label is None else label
        aigc = disclosure.aigc if aigc is None else aigc
        if signer is not None and disclosure.timestamp is not None:
            signer = signer.with_timestamp(disclosure.timestamp)
    return mark(
        source,
        target,
        key,
        signer=signer,
        no_manifest=no_manifest,
        no_watermark=no_watermark,
        mark_id=mark_id,
        kind=settled.kind,
        detect=None if key is None else self_check(key),
        listen=None if key is None else listen_for(key),
        read_manifest=read_manifest,
        read_labels=read_labels,
        quality=quality,
        overwrite=overwrite,
        disclosure=disclosure,
        parts=parts,
        keep_manifest=keep_manifest,
        label=label,
        aigc=aigc,
    )


def make_key_files(
    key_path: str | os.PathLike[str], *, dev_cert: bool = False, overwrite: bool = False
) -> tuple[MarkingKey, Sequence[Path]]:
    """Make a key file and, if asked for, a test certificate beside it: all of them or none.

    Returns
    -------
    key, files
        The new key and the files that were written, the key file first.

    Raises
    ------
    OutputError
        If one of the files exists already (unless `overwrite`) or cannot be written.
    """
    from waarmerk.marking.key import MarkingKey
    from waarmerk.marking.keyfile import require_new

    key_path = Path(key_path)
    if not overwrite or not key_path.name:
        require_new(key_path)
    key = MarkingKey.generate()
    if not dev_cert:
        key.save(key_path, overwrite=overwrite)
        return key, (key_path,)
    from waarmerk.marking.certificate import write_test_chain

    # The key last: it must never be replaced when something else goes wrong.
    files = write_test_chain(key_path, overwrite=overwrite, also=[key.file(key_path)])
    return key, (key_path, files.chain, files.key, files.root)
