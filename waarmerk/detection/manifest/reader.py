"""Read the C2PA manifest of a file and say whether it may be believed, without any network.

::

    the library says             finding
    ---------------------------  ------------------------------------------------------------
    Trusted                      trusted      intact, the signer chains to a given anchor
    Valid                        valid        intact, nobody given vouches for the signer
    Invalid                      invalid      broken, or by a certificate that is not acceptable
    no manifest                  absent
    exception on the manifest    error        there is one, it cannot be read
    exception on the file        not_checked  damaged, or of a kind that is not understood
    (not asked, see bounded.py)  error        it would do harm, and there seems to be one
    (not asked)                  not_checked  it would do harm
    (not asked, see nothing.py)  absent       there is no place for one
    the manifest is on the web   not_checked  it is never fetched

Of a text, the manifest is in a wrapper of invisible characters, of which the library knows nothing:
a damaged one is an error; of several, none counts, and what they say is a claim.

A file is untrusted input here: the library may raise, and whatever it returns may have any shape,
be very long, or hold characters that confuse a terminal. What a store says is put together in
:mod:`~waarmerk.detection.manifest.store`; who vouches, in
:mod:`~waarmerk.detection.manifest.trust_list`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import urlsplit

from waarmerk.detection.finding import ManifestFinding
from waarmerk.detection.manifest.nothing import surely_none
from waarmerk.detection.manifest.store import INGREDIENT, finding_of
from waarmerk.detection.manifest.trust_list import Trust, TrustLists, load_anchors
from waarmerk.detection.manifest.wording import plain
from waarmerk.detection.reasons import (
    LOST_MARKER,
    OTHER_PLACE,
    SEVERAL_WRAPPERS,
    TAG_DAMAGED,
    TOO_MANY_PIECES,
)
from waarmerk.marking.bounded import Bounded, trap_in
from waarmerk.marking.boxes import may_hold_manifest
from waarmerk.marking.formats import TEXTS
from waarmerk.marking.large_file import (
    MOVIES,
    checked_store,
    contains,
    is_large,
    is_large_beside,
)
from waarmerk.marking.provenance import asset_unreadable, is_remote, source_kind
from waarmerk.marking.source import not_text
from waarmerk.marking.text_wrapper import CORRUPTED, MULTIPLE, Wrapper, find_wrappers

__all__ = ["INGREDIENT", "Store", "Trust", "load_anchors", "read_manifest", "read_store"]

_ANY = "application/octet-stream"
_TEXTS = frozenset(f.media_type for f in TEXTS.values())
_STORE = b"jumdc2pa"
"""Stands near the beginning of every manifest store (C2PA 2.4, 11.1.4)."""

_MOST_TEXT = 1 << 23
"""Characters of what the library says; the many small objects in it take over twenty times that."""

_MOST_WRAPPERS = 20
"""So many of the wrappers of a text are read; more than one is wrong in any case."""

# What the library's Python face lets through on hostile files, besides its own errors: text that is
# no JSON or nested without end, a value of another type than it expects, a label that is not there.
_SURPRISES = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


class Store(NamedTuple):
    """What the library says about a manifest store, and what it says at length."""

    said: Mapping[str, Any]
    detail: Mapping[str, Any]


def read_manifest(
    source: bytes | BinaryIO,
    media_type: str | None = None,
    trust: Trust = (),
    *,
    sidecar: bytes | None = None,
) -> ManifestFinding:
    """Read and check the manifest of a file.

    Parameters
    ----------
    source
        The file, or a stream of it that can seek.
    media_type
        What the file is; a wrong one does no harm where the content shows what it is.
    trust
        Under whom a signer is known: a :class:`~waarmerk.detection.manifest.trust.TrustLists`, or a
        sequence of PEM bytes, paths of PEM files, C2PA trust lists, all for signers of manifests. A
        certificate of an authority vouches for whom it certified; that of a signer, for that
        signer.
    sidecar
        A manifest store that lies beside the file. It is checked against the file instead of one
        that is embedded.

    Returns
    -------
    ManifestFinding
        Its `codes` are the failures first, then what is only informative, then what holds; those
        about ingredients end in ``@ingredient``. Signer, generator, source type, signals and soft
        bindings are what the active manifest says, whether or not it is intact. What an ingredient
        that was opened says about its source counts where the active manifest says nothing.

    Raises
    ------
    InputError
        If a trust file cannot be read or does not hold sound certificates. Never because of the
        file that is examined.
    """
    lists = TrustLists.of(trust)
    found = read_store(source, media_type, lists, sidecar=sidecar)
    return finding_of(*found, lists) if isinstance(found, Store) else found


def read_store(
    source: bytes | BinaryIO,
    media_type: str | None,
    lists: TrustLists,
    *,
    sidecar: bytes | None = None,
) -> Store | ManifestFinding:
    """Return what the library says about the manifest of a file; a finding where it says nothing.

    Parameters are those of :func:`read_manifest`.
    """
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    found = _read(stream, media_type, sidecar, lists, lists.context())
    if isinstance(found, Store) and lists.misused(found.said):
        # A list for time-stamps was taken for one of signers: only the others count.
        found = _read(stream, media_type, sidecar, lists, lists.context(for_manifests=True))
    return found


def _read(
    stream: BinaryIO,
    media_type: str | None,
    sidecar: bytes | None,
    lists: TrustLists,
    context: Any,
) -> Store | ManifestFinding:
    import c2pa

    try:
        stream.seek(0)
        own = _without_library(stream, media_type, sidecar, lists, context)
        if own is not None:
            return own
        trap = trap_in(stream)
        if trap == "boxes":
            return _boxes(stream, media_type, sidecar, context)
        if trap is not None:
            return _not_asked(stream, sidecar, TAG_DAMAGED if trap == "tag" else TOO_MANY_PIECES)
        return _asked(stream, media_type, sidecar, context)
    except c2pa.C2paError as error:
        return _failed(str(error))
    except _SURPRISES as error:
        return ManifestFinding("error", reason=plain(f"{type(error).__name__}: {error}"))


def _asked(
    stream: BinaryIO, media_type: str | None, sidecar: bytes | None, context: Any
) -> Store | ManifestFinding:
    """Return what the library says about a file, or would say if it were asked.

    Raises
    ------
    c2pa.C2paError
        As the library does, unless it was stopped.
    """
    import c2pa

    if (
        sidecar is None
        and isinstance(stream, io.BytesIO)
        and surely_none(stream.getvalue(), media_type)
    ):
        return ManifestFinding("absent")
    bounded: Any = Bounded(stream)
    try:
        reader: Any
        if sidecar is not None:
            reader = c2pa.Reader(media_type or _ANY, bounded, sidecar, context=context)
        else:
            reader = c2pa.Reader.try_create(media_type, bounded, context=context)
    except c2pa.C2paError:
        if not bounded.used_up:
            raise
        reader = None
    if bounded.used_up:
        return _not_asked(stream, sidecar, TOO_MANY_PIECES)
    if reader is None:
        return ManifestFinding("absent")
    with reader:
        return _checked(_parsed(reader.json()), _parsed(reader.detailed_json()))


def _boxes(
    stream: BinaryIO, media_type: str | None, sidecar: bytes | None, context: Any
) -> Store | ManifestFinding:
    """Return what can be said of a file with many boxes without giving it to the library."""
    own = None
    if sidecar is not None:
        own = _own(stream, _ANY, sidecar, context)
    elif not may_hold_manifest(stream):
        return ManifestFinding("absent")
    elif media_type in MOVIES:
        own = _own(stream, media_type, None, context)
    return _not_asked(stream, sidecar, TOO_MANY_PIECES) if own is None else own


def _not_asked(stream: BinaryIO, sidecar: bytes | None, reason: str) -> ManifestFinding:
    there = sidecar is not None or contains(stream, (_STORE,))
    return ManifestFinding("error" if there else "not_checked", reason=reason)


def _parsed(text: str) -> object:
    if len(text) > _MOST_TEXT:
        raise ValueError(f"what it says is {len(text):,} characters, and {_MOST_TEXT:,} are read")
    return json.loads(text)


def _checked(store: object, detail: object) -> Store | ManifestFinding:
    if not isinstance(store, Mapping):
        return ManifestFinding("error", reason="the manifest store is not a mapping")
    return Store(store, detail if isinstance(detail, Mapping) else {})


def _without_library(
    stream: BinaryIO,
    media_type: str | None,
    sidecar: bytes | None,
    lists: TrustLists,
    context: Any,
) -> Store | ManifestFinding | None:
    """Return what is in a file whose hash is computed here; None if it is the library's."""
    if sidecar is not None:
        return _own(stream, _ANY, sidecar, context) if is_large_beside(stream) else None
    if media_type in _TEXTS:
        data = stream.read()
        wrong = not_text(data)
        if wrong is not None:
            return ManifestFinding("not_checked", reason=f"the file {wrong}")
        return _in_text(data.decode("utf-8"), media_type, lists, context)
    if media_type is not None and is_large(stream, media_type):
        return _own(stream, media_type, None, context)
    return None


def _own(
    stream: BinaryIO, media_type: str, sidecar: bytes | None, context: Any
) -> Store | ManifestFinding | None:
    """Return what the library says about a manifest alone; None if that is not in order."""
    found = checked_store(stream, media_type, context, sidecar)
    return None if found is None else _checked(found.said, found.detail)


def _in_text(
    text: str, media_type: str, lists: TrustLists, context: Any
) -> Store | ManifestFinding:
    """Return what the wrapper in a text says, if there is one."""
    # With it comes all that marks a text; most files are none.
    from waarmerk.marking.text_file import other_manifest

    wrappers = find_wrappers(text)
    if not wrappers:
        if other_manifest(text, media_type):
            return ManifestFinding("not_checked", reason=OTHER_PLACE)
        return ManifestFinding("absent")
    if len(wrappers) > 1:
        # Texts that were put together, for instance. Each may still say that AI was used.
        read = [_in_wrapper(text, w, lists, context) for w in wrappers[:_MOST_WRAPPERS]]
        stated = [finding.digital_source_type for finding in read]
        claimed = next((term for term in stated if source_kind(term) is not None), None)
        return ManifestFinding(
            "invalid", digital_source_type=claimed, codes=(MULTIPLE,), reason=SEVERAL_WRAPPERS
        )
    return _in_wrapper(text, wrappers[0], lists, context)


def _in_wrapper(text: str, wrapper: Wrapper, lists: TrustLists, context: Any) -> ManifestFinding:
    import c2pa

    from waarmerk.marking.text_file import checked_text

    if wrapper.state != "whole":
        reason = f"its wrapper in the text is damaged: {wrapper.reason}"
        return ManifestFinding("error", codes=(CORRUPTED,), reason=reason)
    try:
        found = checked_text(text, wrapper, context)
        if lists.misused(found.said):
            found = checked_text(text, wrapper, lists.context(for_manifests=True))
    except (c2pa.C2paError, *_SURPRISES) as error:
        return ManifestFinding("error", reason=plain(str(error)))
    finding = finding_of(found.said, found.detail, lists)
    if finding.intact and not wrapper.marked:
        return replace(finding, reason=LOST_MARKER)
    return finding


def _failed(message: str) -> ManifestFinding:
    """Return the finding for a message of the library, which begins with the kind of error."""
    if is_remote(message):
        _, _, url = message.partition(" url ")
        where = f" ({plain(_address(url.strip()))})" if url else ""
        return ManifestFinding(
            "not_checked",
            reason=f"the manifest is stored elsewhere{where}, and no connection is ever opened",
        )
    if message.startswith("NotSupported:"):
        return ManifestFinding("not_checked", reason="this kind of file cannot be searched for one")
    if asset_unreadable(message):
        return ManifestFinding("not_checked", reason=f"the file is damaged: {plain(message)}")
    return ManifestFinding("error", reason=plain(message))


def _address(url: str) -> str:
    """Return a URL without what may be an account or a password in it: user, query, fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that is none"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
