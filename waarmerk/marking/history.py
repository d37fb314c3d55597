"""What a marked file was made from, and what the manifests of that say.

The *parent* is the file itself as it was before. Other ingredients were put into it (*components*),
or were given to the model that made it (*inputs*).
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from waarmerk.errors import InputError
from waarmerk.marking.bounded import Bounded, trap_in
from waarmerk.marking.formats import shown
from waarmerk.marking.large_file import (
    checked_store,
    is_large,
    is_large_without,
)
from waarmerk.marking.provenance import asset_unreadable, is_remote, source_kind, source_type

if TYPE_CHECKING:
    from waarmerk.marking.payload import Kind

__all__ = ["History", "Ingredient", "Parent", "known", "line", "stream_of"]

_P = TypeVar("_P", bound="Parent")


@dataclass(frozen=True, slots=True)
class Parent:
    """The file that was marked, as it was before.

    Parameters
    ----------
    source
        Its bytes, or a stream of them that can seek.
    media_type
        Of these bytes.
    title
        Name of the file.
    sidecar
        Its manifest store, if that lies beside it. Counts if there is none in it.
    relationship
        In the words of C2PA 2.4, 18.16.
    """

    source: bytes | BinaryIO
    media_type: str
    title: str
    sidecar: bytes | None = None
    relationship: str = "parentOf"


@dataclass(frozen=True, slots=True)
class Ingredient(Parent):
    """A file that went into the one that is marked, besides what that was before.

    Its manifest, if it has one, is carried along; its content is not, nor a picture of it.

    Parameters
    ----------
    source, media_type, title, sidecar
        As of a `Parent`.
    relationship
        ``componentOf``: it can be seen or heard in the result. ``inputTo``: the model was given it,
        for instance a reference picture.
    """

    relationship: str = "componentOf"

    def __post_init__(self) -> None:
        if self.relationship not in ("componentOf", "inputTo"):
            raise InputError(
                f"{shown(self.title)}: an ingredient is componentOf or inputTo, not "
                f"{self.relationship!r:.40}; what was there before is the parent"
            )


@dataclass(frozen=True, slots=True)
class History:
    """What is known about the parent, or another ingredient.

    Parameters
    ----------
    has_manifest
        Also true when the manifest is somewhere else, and only referred to.
    says_generated
        Whether an intact manifest says so.
    readable
        Whether the C2PA library can take the file itself as an ingredient.
    beside
        What the library says about a store that lies beside the file; None if that does not count.
    """

    has_manifest: bool = False
    says_generated: bool = False
    readable: bool = True
    beside: dict[str, Any] | None = None

    @classmethod
    def of(cls, parent: Parent, context: Any) -> History:
        """Return what the library finds in a file, or beside it."""
        import c2pa

        bounded: Any = Bounded(stream_of(parent))
        try:
            reader = c2pa.Reader.try_create(parent.media_type, bounded, context=context)
            if bounded.used_up:
                raise _too_many_pieces(parent)
            if reader is None:
                return cls._beside(parent, context, readable=True)
            with reader:
                store = json.loads(reader.json())
        except c2pa.C2paError as error:
            if bounded.used_up:
                raise _too_many_pieces(parent) from None
            if is_remote(str(error)):
                return cls(has_manifest=True)
            if asset_unreadable(str(error)):
                # A type the library does not know is taken as it is; one it knows, and does not
                # recognise in these bytes, is not.
                known = parent.media_type in c2pa.Reader.get_supported_mime_types()
                return cls._beside(parent, context, readable=not known)
            raise _unreadable(parent, error) from error
        except (ValueError, RecursionError) as error:
            raise _unreadable(parent, error) from error
        return cls(has_manifest=True, says_generated=_says_generated(store))

    @classmethod
    def _beside(cls, parent: Parent, context: Any, *, readable: bool) -> History:
        """Return what the store beside the file says, if there is one."""
        import c2pa

        if parent.sidecar is None:
            return cls(readable=readable)
        bounded: Any = Bounded(stream_of(parent))
        try:
            reader = c2pa.Reader(parent.media_type, bounded, parent.sidecar, context=context)
            with reader:
                store = json.loads(reader.json())
        except (c2pa.C2paError, ValueError, RecursionError) as error:
            if bounded.used_up:
                raise _too_many_pieces(parent) from None
            raise InputError(
                f"{shown(parent.title)}: the manifest beside it cannot be read and so cannot be "
                f"kept ({line(error)}); take it away, then mark the file"
            ) from error
        return cls(True, _says_generated(store), readable=readable, beside=store)

    def carried(self, kind: Kind) -> bool:
        """Return whether the parent is mentioned in the manifest."""
        return self.has_manifest or kind == "altered"


def known(parent: _P, context: Any) -> tuple[_P, History]:
    """Return the parent, and its history; of a large one as if its manifest lay beside it.

    Raises
    ------
    InputError
        If it has a manifest that cannot be read, consists of so many pieces that the library
        would take too long to sign it, or has an ID3 tag that would do it harm.
    """
    file = stream_of(parent)
    trap = trap_in(file)
    if trap == "tag":
        raise InputError(
            f"{shown(parent.title)}: its ID3 tag is damaged; save it anew with another, then "
            "mark that"
        )
    if trap is not None:
        raise _too_many_pieces(parent)
    if parent.sidecar is None and is_large_without(file, parent.media_type):
        return parent, History(readable=False)
    if not is_large(file, parent.media_type):
        return parent, History.of(parent, context)
    found = checked_store(file, parent.media_type, context)
    if found is not None:
        history = History(True, _says_generated(found.said), beside=found.said)
        return replace(parent, sidecar=found.store), history
    # The library would read all of a file that it takes as an ingredient.
    history = History.of(parent, context)
    return parent, replace(history, readable=history.has_manifest and history.beside is None)


def _says_generated(store: dict[str, Any]) -> bool:
    """Return whether a manifest store is intact and says that its content was generated."""
    intact = store.get("validation_state") in ("Trusted", "Valid")
    return intact and source_kind(source_type(store)) == "generated"


def _unreadable(parent: Parent, error: Exception) -> InputError:
    return InputError(
        f"{shown(parent.title)}: already has a manifest, which cannot be read and so cannot be "
        f"kept ({line(error)}); save the file anew without it, then mark that"
    )


def _too_many_pieces(parent: Parent) -> InputError:
    return InputError(
        f"{shown(parent.title)}: is cut into so many pieces that signing it would take too long; "
        "save it anew with fewer of them (a video without fragments, for instance), then mark that"
    )


def stream_of(parent: Parent) -> BinaryIO:
    """Return the parent as a stream that stands at its beginning."""
    if isinstance(parent.source, bytes):
        return io.BytesIO(parent.source)
    parent.source.seek(0)
    return parent.source


def line(error: Exception) -> str:
    """Return the message of the library in one line, with nothing unprintable from the file."""
    return shown(" ".join(str(error).split()))[:200]
