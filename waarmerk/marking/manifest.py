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

The soft binding names the watermark: `alg` is the mark's scheme (`waarmerk.image.1`), and `value`
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
from waarmerk.marking.history import History, Parent, known, line, stream_of
from waarmerk.marking.large_file import embedded_store, is_large, sign_large
from waarmerk.marking.provenance import (
    ALTERED,
    GENERATED,
    offline_settings,
)
from waarmerk.marking.signer import Signer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from waarmerk.marking.payload import Kind

__all__ = [
    "ManifestContent",
    "Parent",
    "Signer",
    "builder_of",
    "manifest_definition",
    "raise_failure",
    "sign_bytes",
    "sign_stream",
]

SPECIFICATION = "2.4.0"
_BESIDE = "parent.c2pa"  # how an ingredient refers to a store that is given apart from its file
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
    embed: bool = True,
) -> bytes:
    """Write a file with a signed manifest in it, or make a manifest that lies beside it.

    The content itself is copied byte for byte. Write to a temporary file: when this fails, part of
    the output may have been written.

    Parameters
    ----------
    source
        The file to sign, already watermarked; it must be able to seek.
    destination
        Where the signed file goes.
    media_type
        Of the source. If the manifest is embedded, it must be a type that can hold one.
    signer, content
        Who signs what.
    soft_binding
        Scheme and mark id of the watermark that is in the source; None if there is none.
    parent
        The file before it was watermarked. Its manifest, if it has one, is carried along; without
        one it is mentioned only for content that was altered. If None, the source is taken for it.
    embed
        Whether the manifest becomes part of the file. Otherwise the destination is a plain copy of
        the source, and what is returned belongs into a file beside it.

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
    parent, history = known(parent, context)
    definition = manifest_definition(content, media_type, soft_binding, parent, history)
    failures: list[BaseException] = []
    try:
        builder = builder_of(definition, content.kind, parent, history, context)
        if not embed:
            builder.set_no_embed()
        source.seek(0)
        with signer.native(failures) as native:
            if embed and is_large(source, media_type) and not embedded_store(source, media_type):
                return sign_large(builder, native, media_type, source, destination)
            store: bytes = builder.sign(native, media_type, source, destination)
    except c2pa.C2paError as error:
        raise_failure(signer, failures)
        if isinstance(error, c2pa.C2paError.NotSupported):
            raise UnsupportedInputError(
                f"{shown(content.title)}: a file of type {media_type} cannot hold a signed manifest"
            ) from error
        raise SigningError(f"{shown(content.title)}: cannot be signed: {line(error)}") from error
    return store


def builder_of(
    definition: dict[str, Any], kind: Kind, parent: Parent, history: History, context: Any
) -> Any:
    """Return a builder of the library for a definition, with the parent that it speaks of."""
    import c2pa

    builder = c2pa.Builder(json.dumps(definition), context=context)
    if history.beside is not None and parent.sidecar is not None:
        builder.add_resource(_BESIDE, io.BytesIO(parent.sidecar))
    elif history.carried(kind):
        _add_parent(builder, parent, readable=history.readable)
    return builder


def raise_failure(signer: Signer, failures: Iterable[BaseException]) -> None:
    """Raise what the signing function raised, if it did: the library drops it."""
    for cause in failures:
        if not isinstance(cause, Exception):  # KeyboardInterrupt and the like
            raise cause from None
        raise SigningError(
            f"the signer of {signer.certificate.name} failed: {type(cause).__name__}: {cause}"
        ) from cause


def manifest_definition(
    content: ManifestContent,
    media_type: str,
    soft_binding: tuple[str, str] | None,
    parent: Parent,
    history: History,
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
        "ingredients": _described(parent, history) if carried else [],
        "assertions": assertions,
    }


def _ingredient(parent: Parent) -> dict[str, Any]:
    return {
        "title": shown(parent.title),
        "format": parent.media_type,
        "relationship": "parentOf",
        "label": _PARENT,
    }


def _described(parent: Parent, history: History) -> list[dict[str, Any]]:
    """Return the ingredient as the definition describes it; none if it is added as a file."""
    if history.beside is not None:
        # The library does not look into a store that is given like this; it takes our word.
        found = {
            "manifest_data": {"format": "application/c2pa", "identifier": _BESIDE},
            "active_manifest": history.beside.get("active_manifest"),
            "validation_results": history.beside.get("validation_results"),
        }
        return [_ingredient(parent) | found]
    return [] if history.readable else [_ingredient(parent)]


def _add_parent(builder: Any, parent: Parent, *, readable: bool) -> None:
    """Add the parent, unless the definition has it already because only its name can be told."""
    if readable:
        builder.add_ingredient(
            json.dumps(_ingredient(parent)), parent.media_type, stream_of(parent)
        )


def _rfc3339(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
