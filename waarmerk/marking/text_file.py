"""Marking a text file: a signed manifest at its end, invisible, or beside it.

::

    decode -> drop the old wrapper -> label -> NFC -> sign -> read back and check -> rename
                    '-- its manifest becomes an ingredient of the new one --'

A text gets its watermark while it is generated, in the choice of its words. One that is written
already cannot get one without other words, so the manifest is all there is, and the report says so.

A manifest is bound to a text by one hash (``c2pa.hash.data``) that leaves out the wrapper (C2PA
2.4, A.8.7). To sign, the C2PA library is asked for the size of the manifest first; that settles the
size of the wrapper (:mod:`~waarmerk.marking.text_wrapper`), and so what the hash leaves out, before
anything is signed. How it is signed and checked is in :mod:`~waarmerk.marking.data_hash`.

Readers differ on what may fill a wrapper up: the standard has 0x00 and up to two 0x10, the verifier
of the wrapper's authors (encypher-c2pa 1.7) only 0x00 and 0xff. A third of all manifests need
zeros alone, which suits both. So a manifest that needs others is signed anew, some times over; each
has another id, and so other bytes.

The standard names two orders in which the wrapper is removed and the text normalised (15.12.1 and
A.8.7.3). For what is written here, which is NFC with the wrapper at its end, they are the same; on
reading either will do, so that a text that was normalised on its way still checks out.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from waarmerk.errors import CannotMarkError, InputError, SigningError
from waarmerk.marking.data_hash import (
    HASHES,
    Checked,
    Ranges,
    read_apart,
    right,
    signed_store,
)
from waarmerk.marking.formats import shown
from waarmerk.marking.history import History, Parent, known, line
from waarmerk.marking.label.of_job import labels_read_back
from waarmerk.marking.manifest import (
    ManifestContent,
    builder_of,
    manifest_definition,
    raise_failure,
    refuse_large,
    require_stamped,
)
from waarmerk.marking.place import publish, workshop
from waarmerk.marking.provenance import offline_settings, source_kind, source_type
from waarmerk.marking.report import (
    FileFacts,
    LabelLayer,
    ManifestLayer,
    MarkReport,
    WatermarkLayer,
)
from waarmerk.marking.sidecar import refuse_in_the_way, sidecar_for, sidecars_of
from waarmerk.marking.source import MAX_TEXT_BYTES, decoded, read_source, refuse_size
from waarmerk.marking.text_label import labelled
from waarmerk.marking.text_wrapper import (
    Wrapper,
    bytes_of,
    find_wrappers,
    length_of,
    nfc,
    strip_hidden,
    wrapper_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from waarmerk.marking.formats import Format
    from waarmerk.marking.job import Job
    from waarmerk.marking.signer import Signer

__all__ = ["ALREADY_WRITTEN", "FRAGILE", "checked_text", "mark_text_file", "other_manifest"]

ALREADY_WRITTEN = "text is watermarked while it is generated; this one was already written"
FRAGILE = "this layer is fragile: copying, editing or cleaning the text can drop it"
FRAGILE_BESIDE = (
    "this layer is fragile: the manifest lies beside the page, and any edit of the page breaks it"
)

# C2PA 2.4, A.7 and A.9. The first only counts in a page: elsewhere it is an example.
_IN_PAGE = re.compile(
    r"<(?:script|link)\b[^>]{0,1000}(?:application/c2pa|c2pa-manifest)", re.IGNORECASE
)
_ARMOUR = "-----BEGIN C2PA MANIFEST-----"

_PADDING = frozenset(b"\x00\x10\xff")  # of the standard, and of encypher-c2pa
_MOST_SIGNATURES = 8
"""So often is a text signed, until zeros suffice to fill its wrapper up; one in 26 is left, which
some readers refuse."""
_MOST_OWN_SIGNATURES = 40
"""The same where a signature costs two milliseconds and asks nobody: one in ten million is left."""


def mark_text_file(job: Job, actual: Format) -> MarkReport:
    """Write a marked copy of a text; see :func:`waarmerk.marking.file.mark_file`.

    Its letters and line ends stay as they are, and so does a byte-order mark. A manifest in a text
    requires Unicode's normal form C, of which a page with its manifest beside it has no need.
    """
    if job.signer is None:
        raise SigningError(
            f"{job.shown}: without a manifest nothing would be written, because {ALREADY_WRITTEN}; "
            "give a certificate and its key"
        )
    beside = sidecar_for(job.final)
    refuse_in_the_way(beside, overwrite=job.overwrite)
    name = shown(str(job.source))
    data = read_source(job.source, MAX_TEXT_BYTES)
    before = decoded(data, str(job.source))
    earlier = _earlier(job, before, data, actual)
    text = strip_hidden(before)
    labels: tuple[LabelLayer, ...] = ()
    if not text.strip("\ufeff \t\r\n"):
        raise CannotMarkError(f"{name}: holds no text")
    if job.label or job.aigc or (job.label is None and job.format.name == "HTML"):
        aigc = None if job.aigc is None else job.aigc.fields(job.mark_id.hex)
        kind, media_type = job.mark_id.kind, job.format.media_type
        text, written = labelled(text, media_type, kind, job.shown, aigc)
        labels = tuple(LabelLayer(label.standard, label.value) for label in written)
    notes = [FRAGILE if job.format.embeds else FRAGILE_BESIDE, *earlier.notes]
    if job.format.embeds:
        try:
            normal = nfc(text)
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
        if normal != text:
            notes.append("characters were brought to Unicode's normal form C; they look the same")
        text = normal
    encoded, store = sign_text(text, job, job.signer, earlier)
    refuse_size(len(encoded), MAX_TEXT_BYTES, job.shown)
    sidecar = None if job.format.embeds else store
    manifest = job.check_manifest(encoded, None, sidecar=sidecar)
    if labels and job.read_labels is not None:
        labels = labels_read_back(job, encoded)
    with workshop(job.final) as shop:
        files = [(shop.new(), job.final)]
        files[0][0].write_bytes(encoded)
        if sidecar is not None:
            called = beside.name.replace(job.final.name, job.target.name, 1)
            extra = FileFacts.of(called, sidecar, "application/c2pa")
            manifest = ManifestLayer(signer=manifest.signer, sidecar=extra)
            files.insert(0, (shop.new(), beside))
            files[0][0].write_bytes(sidecar)
        stale = beside if job.overwrite and sidecar is None else None
        publish(shop, files, overwrite=job.overwrite, stale=stale)
    return MarkReport(
        input=FileFacts.of(job.source.name, data, actual.media_type),
        output=FileFacts.of(job.target.name, encoded, job.format.media_type),
        watermark=WatermarkLayer.none(job.mark_id, job.no_watermark or ALREADY_WRITTEN),
        manifest=manifest,
        labels=labels,
        characters=len(text),
        notes=tuple(notes),
    )


@dataclass(frozen=True, slots=True)
class _Earlier:
    """The text as it was before, what its manifest says, and what of it is not kept."""

    parent: Parent
    history: History
    notes: tuple[str, ...] = ()


def _earlier(job: Job, text: str, data: bytes, actual: Format) -> _Earlier:
    """Return what is known of the input.

    Raises
    ------
    InputError
        If it has a manifest that would be broken and could not be kept.
    """
    import c2pa

    name = shown(str(job.source))
    if other_manifest(text, actual.media_type):
        raise InputError(
            f"{name}: already holds or names a manifest, in a way (C2PA 2.4, A.7 or A.9) that "
            "cannot be read here, so that it cannot be kept; take it out, then mark the file"
        )
    context = c2pa.Context.from_dict(offline_settings())
    wrappers = find_wrappers(text)
    if not wrappers:
        stores = [store for _, store in _sidecars(job, data, actual)]
        parent = Parent(data, actual.media_type, job.source.name, stores[0] if stores else None)
        return _Earlier(*known(parent, context))
    parent = Parent(data, actual.media_type, job.source.name)
    if len(wrappers) > 1:
        note = f"the {len(wrappers)} manifests of the input are not kept: a text may have one"
        return _Earlier(parent, History(), (note,))
    try:
        if wrappers[0].state != "whole":
            raise ValueError(wrappers[0].reason)
        said = checked_text(text, wrappers[0], context).said
    except (c2pa.C2paError, ValueError, RecursionError) as error:
        note = f"the manifest of the input cannot be read and is not kept ({line(error)})"
        return _Earlier(parent, History(), (note,))
    intact = said["validation_state"] in ("Trusted", "Valid")
    generated = intact and source_kind(source_type(said)) == "generated"
    parent = Parent(data, actual.media_type, job.source.name, wrappers[0].store)
    return _Earlier(parent, History(True, generated, beside=said))


def _sidecars(job: Job, data: bytes, actual: Format) -> Iterator[tuple[Path, bytes]]:
    """Yield the manifests that lie beside the input and are about it."""
    for path, store in sidecars_of(job.source):
        surely = path == sidecar_for(job.source)
        if surely or job.read_manifest(data, actual.media_type, sidecar=store).intact:
            yield path, store


def sign_text(text: str, job: Job, signer: Signer, earlier: _Earlier) -> tuple[bytes, bytes]:
    """Return the marked file and the manifest store that is in it, or belongs beside it.

    Parameters
    ----------
    text
        Without a wrapper, and in NFC if it is to get one.
    job, signer, earlier
        Who signs what.

    Raises
    ------
    SigningError
        If the certificate is not valid now, or signing failed.
    """
    import c2pa

    signer.certificate.require_valid_at()
    content = ManifestContent(title=job.target.name, kind=job.mark_id.kind)
    media_type = job.format.media_type
    definition = manifest_definition(
        content, media_type, None, earlier.parent, earlier.history, disclosure=job.disclosure
    )
    failures: list[BaseException] = []
    data = text.encode("utf-8")

    def builder() -> Any:
        context = c2pa.Context.from_dict(offline_settings())
        return builder_of(definition, content.kind, earlier.parent, earlier.history, context)

    try:
        with signer.native(failures) as native:
            if not job.format.embeds:
                whole = builder()
                whole.set_no_embed()
                store: bytes = whole.sign(native, media_type, io.BytesIO(data), io.BytesIO())
                marked = data
            else:
                for _ in range(_MOST_OWN_SIGNATURES if signer.is_local else _MOST_SIGNATURES):
                    store, length = _signed(builder(), native, data)
                    if (length - len(wrapper_of(store).encode("utf-8"))) % 3 == 0:  # zeros suffice
                        break
                marked = data + wrapper_of(store, length).encode("utf-8")
    except c2pa.C2paError as error:
        raise_failure(signer, failures, error)
        raise SigningError(f"{job.shown}: cannot be signed: {line(error)}") from error
    refuse_large(store, content.title)
    if signer.timestamp is not None:
        require_stamped(store, media_type, signer)
    return marked, store


def _signed(builder: Any, native: Any, data: bytes) -> tuple[bytes, int]:
    """Return the manifest store of a text, and how long its wrapper has to be."""
    length = 0

    def lay(place: bytes) -> tuple[Ranges, bytes]:
        nonlocal length
        length = length_of(len(place))
        return ((len(data), length),), hashlib.sha256(data).digest()

    return signed_store(builder, native, lay), length


def other_manifest(text: str, media_type: str | None) -> bool:
    """Return whether a text holds or names a manifest in another way than in a wrapper."""
    return _ARMOUR in text or (media_type == "text/html" and _IN_PAGE.search(text) is not None)


def checked_text(text: str, wrapper: Wrapper, context: Any) -> Checked:
    """Return what the C2PA library says about the manifest in a text, the hash computed here.

    Parameters
    ----------
    text
        As it is stored.
    wrapper
        A whole one, of this text.
    context
        The library's, with its settings.

    Returns
    -------
    Checked
        As the library's reader gives it.

    Raises
    ------
    c2pa.C2paError
        If the manifest cannot be read.
    ValueError
        If what the library says about it makes no sense.
    """
    said, detailed = read_apart(wrapper.store, "text/plain", context)
    try:
        binding = detailed["manifests"][said["active_manifest"]]["assertion_store"]
        if _hash_is_right(text, wrapper, binding):
            right(said)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the manifest store has an unknown form: {error}") from error
    return Checked(said, detailed, wrapper.store)


def _hash_is_right(text: str, wrapper: Wrapper, binding: dict[str, Any]) -> bool:
    """Return whether the one hash that binds a manifest to a text leaves out the wrapper only, and
    is that of the rest.

    What it leaves out must be the manifest and padding, and no place for anything else (15.12.1).
    """  # noqa: D205 - one sentence
    if [name for name in binding if "c2pa.hash." in name] != ["c2pa.hash.data"]:
        return False
    said = binding["c2pa.hash.data"]
    exclusions, algorithm = said.get("exclusions") or [], said.get("alg", "sha256")
    if len(exclusions) != 1 or algorithm not in HASHES:
        return False
    excluded = exclusions[0]["start"], exclusions[0]["length"]
    before = text[: wrapper.start]
    try:
        starts = {_size(before), _size(nfc(before))}
        lost = 0 if wrapper.marked else 3  # bytes of the U+FEFF
        for end in {wrapper.end, wrapper.run_end}:
            length = _size(text[wrapper.start : end]) + lost
            padding = bytes_of(text[wrapper.end : end])
            if excluded in ((start, length) for start in starts) and _PADDING.issuperset(padding):
                rest = nfc(before + text[end:]).encode("utf-8")
                digest = base64.b64decode(said["hash"], validate=True)
                return HASHES[algorithm](rest).digest() == digest
    except InputError:  # not normalised, and never will be
        return False
    return False


def _size(text: str) -> int:
    return len(text.encode("utf-8"))
