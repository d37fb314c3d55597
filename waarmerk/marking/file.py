"""From a picture file to a marked one, or to an error and nothing else.

::

    read -> decode -> watermark -> encode -> sign -> read back and check -> temporary file -> rename
                                              '-- both layers, from the very bytes written --'

Everything up to the temporary file happens in memory. The file lies beside the target, so that
the last step is one rename: whoever looks sees the old file or the finished new one.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from waarmerk.errors import CannotMarkError, InputError, OutputError, SigningError
from waarmerk.marking.formats import format_for_output, read_source, shown
from waarmerk.marking.report import FileFacts, ManifestLayer, MarkReport, WatermarkLayer

if TYPE_CHECKING:
    from waarmerk.marking.formats import Format
    from waarmerk.marking.image import Embedded
    from waarmerk.marking.key import MarkingKey
    from waarmerk.marking.payload import Kind, MarkId
    from waarmerk.marking.picture import MarkingPicture, Pixels
    from waarmerk.marking.signer import Signer

__all__ = [
    "MarkReport",
    "ReadManifest",
    "SelfCheck",
    "mark_file",
]


KEPT = 0.5
"""The share of its evidence (log p) that a mark should have left in the encoded file."""


class WatermarkSeen(Protocol):
    """What marking needs to know of a watermark finding."""

    @property
    def found(self) -> bool: ...
    @property
    def mark_id(self) -> MarkId | None: ...
    @property
    def log10_p(self) -> float | None: ...


class ManifestSeen(Protocol):
    """What marking needs to know of a manifest finding."""

    @property
    def status(self) -> str: ...
    @property
    def intact(self) -> bool: ...
    @property
    def signer(self) -> str | None: ...
    @property
    def soft_bindings(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def reason(self) -> str | None: ...


SelfCheck = Callable[["Pixels"], WatermarkSeen]
"""Looks for the watermark that was just laid; detection, handed in so as not to be imported."""

ReadManifest = Callable[[bytes, str], ManifestSeen]
"""Reads the manifest of a file of a media type; handed in for the same reason."""


def mark_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    key: MarkingKey,
    *,
    detect: SelfCheck,
    read_manifest: ReadManifest,
    signer: Signer | None = None,
    no_manifest: str | None = None,
    mark_id: MarkId | None = None,
    kind: Kind = "generated",
    quality: int | None = None,
    overwrite: bool = False,
    agent: str | None = None,
    agent_version: str | None = None,
) -> MarkReport:
    """Write a marked copy of a picture file, with a watermark and a signed manifest.

    Parameters
    ----------
    source
        JPEG, PNG, WebP, AVIF, TIFF, GIF or BMP; a single picture with 8 bits a channel.
    target
        The output; its extension decides the format. Its folder must exist.
    key
        The key that will find the watermark again.
    detect, read_manifest
        With which the finished file is checked before it gets its name.
    signer
        Who signs the manifest.
    no_manifest
        The reason for doing without a manifest, which the report keeps.
    mark_id, kind
        What the watermark says; a random id of this kind when no id is given.
    quality
        1 to 100, of a JPEG, WebP or AVIF; chosen so that next to nothing is lost when left out.
    overwrite
        Whether an existing file is replaced, which may be the source itself.
    agent, agent_version
        The AI system that made the content, for the manifest.

    Returns
    -------
    MarkReport

    Raises
    ------
    InputError
        If the source cannot be used, or a version is given and no agent.
    CannotMarkError
        If the picture cannot hold a mark, or the mark does not survive encoding as asked.
    SigningError
        If there is neither a signer nor a reason for having none, or signing failed.
    OutputError
        If the target cannot be written, or exists and is not to be replaced.
    """
    source, target = Path(source), Path(target)
    _check_request(signer, no_manifest, quality)
    if agent is None and agent_version is not None:
        raise InputError("agent_version is the version of an agent; give the agent too")
    out_format = format_for_output(str(target))
    final = _destination(source, target, overwrite=overwrite)

    from waarmerk.marking.image import embed_array
    from waarmerk.marking.image.scheme import SCHEME
    from waarmerk.marking.payload import MarkId
    from waarmerk.marking.picture import open_for_marking

    data = read_source(source)
    picture = open_for_marking(data, str(source))
    mark_id = MarkId.random(kind) if mark_id is None else mark_id

    def read_back(pixels: Pixels) -> tuple[MarkId | None, float]:
        seen = detect(pixels)
        return seen.mark_id if seen.found else None, seen.log10_p or 0.0

    earlier = _earlier_mark(detect(picture.array))
    try:
        embedded = embed_array(picture.array, key, mark_id, detect=read_back)
    except CannotMarkError as error:
        # Now and then the earlier mark is what is read back.
        cause = f"{error}; it {earlier}" if earlier else str(error)
        raise CannotMarkError(f"{shown(str(source))}: {cause}") from error
    encoded, notes = _encoded(picture, embedded, out_format, target, quality=quality, detect=detect)
    if earlier:
        notes = (f"{earlier}; it will be hard to read besides the new one", *notes)
    if signer is None:
        notes += _dropped_manifest(data, picture, read_manifest)
    else:
        encoded = _signed(
            encoded,
            out_format.media_type,
            signer,
            original=(data, picture.media_type, source.name),
            content={
                "title": target.name,
                "kind": mark_id.kind,
                "agent": agent,
                "agent_version": agent_version,
            },
            soft_binding=(SCHEME.name, mark_id.hex),
        )

    log10_p = _check_watermark(encoded, target, mark_id, detect)
    manifest = ManifestLayer(omitted=no_manifest)
    if signer is not None:
        binding = (SCHEME.name, mark_id.hex)
        manifest = _check_manifest(encoded, out_format.media_type, target, binding, read_manifest)
    _write(final, encoded, overwrite=overwrite)
    return MarkReport(
        input=FileFacts.of(source.name, data, picture.media_type),
        output=FileFacts.of(target.name, encoded, out_format.media_type),
        width=picture.width,
        height=picture.height,
        watermark=WatermarkLayer(SCHEME.name, key.key_id, mark_id, embedded.psnr, log10_p),
        manifest=manifest,
        notes=notes,
    )


def _check_request(signer: Signer | None, no_manifest: str | None, quality: int | None) -> None:
    if quality is not None and not 1 <= quality <= 100:
        raise InputError(f"quality is a number from 1 to 100, not {quality}")
    if signer is not None and no_manifest is not None:
        raise SigningError("a signer and a reason for no manifest contradict each other")
    if signer is None and (no_manifest is None or not no_manifest.strip()):
        raise SigningError(
            "no signer for the manifest: give a certificate and its key, or accept a watermark "
            "alone with a reason (no_manifest)"
        )


def _earlier_mark(seen: WatermarkSeen) -> str | None:
    """Say that the input carries a mark of the same key, if so; a second one is legitimate."""
    if not seen.found:
        return None
    which = "a mark" if seen.mark_id is None else f"the mark id {seen.mark_id.hex}"
    return f"carries already {which} of this key"


def _destination(source: Path, target: Path, *, overwrite: bool) -> Path:
    """Return the path to write to, links followed; refuse what is sure to go wrong."""
    name = shown(str(target))
    try:
        final = Path(os.path.realpath(target))
        folder = final.parent
        if not folder.is_dir():
            raise OutputError(f"{name}: the folder {shown(str(folder))} does not exist")
        status = final.stat() if final.exists() else None
    except (OSError, ValueError) as error:  # a name too long, or with a null character
        raise OutputError(f"{name}: cannot be written: {_cause(error)}") from error
    if status is None:
        return final
    if stat.S_ISDIR(status.st_mode):
        raise OutputError(f"{name}: is a folder; give the name of a file")
    if not stat.S_ISREG(status.st_mode):
        raise OutputError(f"{name}: is not a regular file")
    if not overwrite:
        same = source.exists() and final.samefile(source)
        what = "is the input itself" if same else "exists already"
        raise OutputError(
            f"{name}: {what}; choose another name, or replace it (--overwrite, overwrite=True)"
        )
    return final


def _encoded(
    picture: MarkingPicture,
    embedded: Embedded,
    out_format: Format,
    target: Path,
    *,
    quality: int | None,
    detect: SelfCheck,
) -> tuple[bytes, tuple[str, ...]]:
    """Encode as coarsely as keeps enough of the mark, or as asked."""
    from waarmerk.marking.encode import FINER, encode_picture
    from waarmerk.marking.picture import open_for_detection

    for finer in range(FINER):
        out = encode_picture(
            picture, embedded.content, out_format, str(target), quality=quality, finer=finer
        )
        if out.lossless or quality is not None or finer == FINER - 1:
            break
        seen = detect(open_for_detection(out.data, str(target)).array)
        left = (seen.log10_p or 0.0) if seen.found else 0.0
        if left <= KEPT * embedded.log10_p:
            break
    return out.data, picture.notes + out.notes


def _dropped_manifest(
    data: bytes, picture: MarkingPicture, read_manifest: ReadManifest
) -> tuple[str, ...]:
    status = read_manifest(data, picture.media_type).status
    if status in ("absent", "not_checked"):
        return ()
    return ("the manifest of the input is not carried along, because none was signed",)


def _signed(
    encoded: bytes,
    media_type: str,
    signer: Signer,
    *,
    original: tuple[bytes, str, str],
    content: dict[str, Any],
    soft_binding: tuple[str, str],
) -> bytes:
    from waarmerk.marking.manifest import ManifestContent, Parent, sign_bytes

    return sign_bytes(
        encoded,
        media_type,
        signer,
        ManifestContent(**content),
        soft_binding=soft_binding,
        parent=Parent(*original),
    )


def _check_watermark(encoded: bytes, target: Path, mark_id: MarkId, detect: SelfCheck) -> float:
    from waarmerk.marking.picture import open_for_detection

    seen = detect(open_for_detection(encoded, str(target)).array)
    if not seen.found or seen.mark_id != mark_id or seen.log10_p is None:
        raise CannotMarkError(
            f"{shown(str(target))}: the mark cannot be read back from the encoded file, so nothing "
            "was written; ask for a higher quality, or write .png"
        )
    return seen.log10_p


def _check_manifest(
    encoded: bytes,
    media_type: str,
    target: Path,
    soft_binding: tuple[str, str],
    read_manifest: ReadManifest,
) -> ManifestLayer:
    seen = read_manifest(encoded, media_type)
    if not seen.intact or soft_binding not in seen.soft_bindings:
        cause = seen.reason or f"status {seen.status}"
        raise SigningError(
            f"{shown(str(target))}: the manifest just signed does not check out ({cause}), "
            "so nothing was written"
        )
    return ManifestLayer(signer=seen.signer)


def _write(final: Path, data: bytes, *, overwrite: bool) -> None:
    temporary = final.with_name(f".waarmerk-{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            if final.exists():
                with suppress(OSError):  # of a file that belongs to somebody else
                    temporary.chmod(stat.S_IMODE(final.stat().st_mode))
            temporary.replace(final)
        else:
            _rename_without_replacing(temporary, final)
    except OSError as error:
        raise OutputError(f"{shown(str(final))}: cannot be written: {_cause(error)}") from error
    finally:
        # Also when interrupted; once renamed there is nothing left to remove.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _rename_without_replacing(temporary: Path, final: Path) -> None:
    # A rename would silently replace a file that appeared since we looked; a hard link does not.
    try:
        final.hardlink_to(temporary)
    except FileExistsError:
        raise OutputError(f"{shown(str(final))}: was created by somebody else meanwhile") from None
    except OSError:  # a file system without hard links
        if final.exists():
            raise OutputError(
                f"{shown(str(final))}: was created by somebody else meanwhile"
            ) from None
        temporary.replace(final)


def _cause(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
