"""Signed C2PA manifests that say that content was generated or altered by AI.

A manifest tells the history of the file as a list of actions. Which comes first is fixed by C2PA
2.4 (18.15.2, 18.16.3): `c2pa.created` for something new, `c2pa.opened` for something that was
there; never both; and an ingredient that is the parent requires `c2pa.opened`. Hence::

    kind        the input                      the actions
    ----------  -----------------------------  ---------------------------------------------
    generated   has no manifest                created (trainedAlgorithmicMedia)
    generated   its manifest says generated    opened
    generated   has a manifest that does not   opened, edited (trainedAlgorithmicMedia)
    altered     any                            opened, edited (compositeWithTrained...)

and then, in every row, `c2pa.watermarked.bound` if there is a watermark and `c2pa.converted` if the
file format changed.

Row two is why the order matters. A picture that its generator signed and that gets its watermark
here was created elsewhere: calling it created once more would cut its history off, and the rules
allow no parent beside `created`. So it is opened, its own manifest is carried along whole, and the
origin is told by that manifest; inserting a watermark is not an editorial change and takes no
source type (`opened` must not have one in 2.4). A reader that follows the parent finds
trainedAlgorithmicMedia. In row three nobody said so yet, so this manifest does, as a transformation
by generative AI, which is what the C2PA rubrics read from it.

The soft binding names the watermark: `alg` is the mark's scheme, `waarmerk.image.1`, and `value`
the mark id in hexadecimal. C2PA asks for a name under a domain of the owner and recommends one
that is registered; the scheme's name has the required form (two or more labels, the first of
letters) and is the same string in reports and manifests, but it is not registered.

Nothing here opens a network connection: no time-stamp authority, no remote manifests, no OCSP.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO

import waarmerk
from waarmerk.errors import InputError, SigningError, UnsupportedInputError
from waarmerk.marking.formats import shown
from waarmerk.marking.provenance import (
    ALTERED,
    GENERATED,
    asset_unreadable,
    is_remote,
    offline_settings,
    source_kind,
    source_type,
)
from waarmerk.marking.signer import Signer

if TYPE_CHECKING:
    from waarmerk.marking.payload import Kind

__all__ = ["ManifestContent", "Parent", "Signer", "sign_bytes", "sign_stream"]

SPECIFICATION = "2.4.0"
_PARENT = "parent"  # how the opened action refers to its ingredient inside the definition


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestContent:
    """What a manifest says.

    Parameters
    ----------
    title
        Name of the file. It is public: give no path.
    kind
        ``generated``: a model made all of it. ``altered``: AI changed something that existed.
    agent, agent_version
        The system that generated or altered it. Left out of the manifest if not given: waarmerk
        does not know what made a file, and must not claim that it was waarmerk.
    when
        When that was; the present if None. Needs a time zone.
    """

    title: str
    kind: Kind = "generated"
    agent: str | None = None
    agent_version: str | None = None
    when: datetime | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("generated", "altered"):
            raise InputError(f"content is of kind 'generated' or 'altered', not {self.kind!r}")
        if self.when is not None and self.when.tzinfo is None:
            raise InputError(f"the time {self.when.isoformat()} needs a time zone")


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
    """

    source: bytes | BinaryIO
    media_type: str
    title: str


def sign_bytes(
    data: bytes,
    media_type: str,
    signer: Signer,
    content: ManifestContent,
    *,
    soft_binding: tuple[str, str] | None = None,
    parent: Parent | None = None,
) -> bytes:
    """Return a file with a signed manifest in it. See `sign_stream`."""
    destination = io.BytesIO()
    sign_stream(
        io.BytesIO(data),
        destination,
        media_type,
        signer,
        content,
        soft_binding=soft_binding,
        parent=parent,
    )
    return destination.getvalue()


def sign_stream(
    source: BinaryIO,
    destination: BinaryIO,
    media_type: str,
    signer: Signer,
    content: ManifestContent,
    *,
    soft_binding: tuple[str, str] | None = None,
    parent: Parent | None = None,
) -> bytes:
    """Write a file with a signed manifest in it.

    The content itself is copied byte for byte. Write to a temporary file: when this fails, part of
    the output may have been written.

    Parameters
    ----------
    source
        The file to sign, already watermarked; it must be able to seek.
    destination
        Where the signed file goes.
    media_type
        Of the source. The manifest is embedded, so it must be a type that can hold one.
    signer, content
        Who signs what.
    soft_binding
        Scheme and mark id of the watermark that is in the source; None if there is none.
    parent
        The file before it was watermarked. Its manifest, if it has one, is carried along; without
        one it is mentioned only for content that was altered. If None, the source is taken for it.

    Returns
    -------
    bytes
        The manifest store. Whoever keeps it can give it back to a copy that lost it.

    Raises
    ------
    UnsupportedInputError
        If this type of file cannot hold a manifest.
    InputError
        If the parent has a manifest that cannot be read, so that its history would be lost.
    SigningError
        If the certificate is not valid now, or signing failed.
    """
    import c2pa

    signer.certificate.require_valid_at()
    context = c2pa.Context.from_dict(offline_settings())
    if parent is None:
        parent = Parent(source, media_type, content.title)
    history = _History.of(parent, context)
    definition = _definition(content, media_type, soft_binding, parent, history)
    failures: list[BaseException] = []
    try:
        builder = c2pa.Builder(json.dumps(definition), context=context)
        if history.carried(content.kind):
            _add_parent(builder, parent, readable=history.readable)
        source.seek(0)
        with signer.native(failures) as native:
            store: bytes = builder.sign(native, media_type, source, destination)
    except c2pa.C2paError as error:
        for cause in failures:
            if not isinstance(cause, Exception):  # KeyboardInterrupt and the like
                raise cause from None
            raise SigningError(
                f"the signer of {signer.certificate.name} failed: {type(cause).__name__}: {cause}"
            ) from cause
        if isinstance(error, c2pa.C2paError.NotSupported):
            raise UnsupportedInputError(
                f"{shown(content.title)}: a file of type {media_type} cannot hold a signed manifest"
            ) from error
        raise SigningError(f"{shown(content.title)}: cannot be signed: {_line(error)}") from error
    return store


@dataclass(frozen=True, slots=True)
class _History:
    """What is known about the parent.

    Parameters
    ----------
    has_manifest
        Also true when the manifest is somewhere else, and only referred to.
    says_generated
        Whether an intact manifest says so.
    readable
        Whether the C2PA library can take the file itself as an ingredient.
    """

    has_manifest: bool = False
    says_generated: bool = False
    readable: bool = True

    @classmethod
    def of(cls, parent: Parent, context: Any) -> _History:
        import c2pa

        try:
            reader = c2pa.Reader.try_create(parent.media_type, _stream(parent), context=context)
            if reader is None:
                return cls()
            with reader:
                store = json.loads(reader.json())
        except c2pa.C2paError as error:
            if is_remote(str(error)):
                return cls(has_manifest=True)
            if asset_unreadable(str(error)):
                # A type the library does not know is taken as it is; one it knows, and does not
                # recognise in these bytes, is not.
                known = parent.media_type in c2pa.Reader.get_supported_mime_types()
                return cls(readable=not known)
            raise InputError(
                f"{shown(parent.title)}: already has a manifest, which cannot be read and so "
                f"cannot be kept ({_line(error)}); save the picture anew without it, then mark that"
            ) from error
        intact = store.get("validation_state") in ("Trusted", "Valid")
        generated = source_kind(source_type(store)) == "generated"
        return cls(has_manifest=True, says_generated=intact and generated)

    def carried(self, kind: Kind) -> bool:
        """Return whether the parent is mentioned in the manifest."""
        return self.has_manifest or kind == "altered"


def _definition(
    content: ManifestContent,
    media_type: str,
    soft_binding: tuple[str, str] | None,
    parent: Parent,
    history: _History,
) -> dict[str, Any]:
    """Return the manifest as the library wants it described."""
    waarmerk_agent = {"name": "waarmerk", "version": str(waarmerk.__version__)}
    now = datetime.now(UTC)
    by_waarmerk = {"softwareAgent": waarmerk_agent, "when": _rfc3339(now)}
    maker: dict[str, Any] = {"when": _rfc3339(content.when or now)}
    if content.agent is not None:
        maker["softwareAgent"] = {"name": shown(content.agent)}
        if content.agent_version is not None:
            maker["softwareAgent"]["version"] = shown(content.agent_version)
    carried = history.carried(content.kind)
    actions: list[dict[str, Any]] = []
    if carried:
        actions.append({"action": "c2pa.opened", "parameters": {"ingredientIds": [_PARENT]}})
    if content.kind == "altered":
        actions.append({"action": "c2pa.edited", "digitalSourceType": ALTERED, **maker})
    elif not history.says_generated:
        action = "c2pa.edited" if carried else "c2pa.created"
        actions.append({"action": action, "digitalSourceType": GENERATED, **maker})
    assertions: list[dict[str, Any]] = []
    if soft_binding is not None:
        algorithm, value = soft_binding
        actions.append(
            {
                "action": "c2pa.watermarked.bound",
                "description": f"Imperceptible watermark {algorithm}",
                **by_waarmerk,
            }
        )
        # `value` should be a byte string, which the library cannot write from JSON; both known
        # validators take text. The optional `pad`, of which the same is true, is left out.
        binding = {"alg": algorithm, "blocks": [{"scope": {}, "value": value}]}
        assertions.append({"label": "c2pa.soft-binding", "created": True, "data": binding})
    if carried and parent.media_type != media_type:
        actions.append({"action": "c2pa.converted", **by_waarmerk})
    # created: the signer vouches for it, instead of having gathered it somewhere.
    data = {"actions": actions, "allActionsIncluded": True}
    assertions.insert(0, {"label": "c2pa.actions.v2", "created": True, "data": data})
    return {
        "claim_generator_info": [{**waarmerk_agent, "specVersion": SPECIFICATION}],
        "title": shown(content.title),
        "ingredients": [] if history.readable or not carried else [_ingredient(parent)],
        "assertions": assertions,
    }


def _ingredient(parent: Parent) -> dict[str, Any]:
    return {
        "title": shown(parent.title),
        "format": parent.media_type,
        "relationship": "parentOf",
        "label": _PARENT,
    }


def _add_parent(builder: Any, parent: Parent, *, readable: bool) -> None:
    """Add the parent, unless the definition has it already because only its name can be told."""
    if readable:
        builder.add_ingredient(json.dumps(_ingredient(parent)), parent.media_type, _stream(parent))


def _stream(parent: Parent) -> BinaryIO:
    if isinstance(parent.source, bytes):
        return io.BytesIO(parent.source)
    parent.source.seek(0)
    return parent.source


def _rfc3339(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _line(error: Exception) -> str:
    """Return the message of the library in one line, with nothing unprintable from the file."""
    return shown(" ".join(str(error).split()))[:200]
