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

Other ingredients follow: `inputTo`, named by the action that made the content, and `componentOf`,
named by a `c2pa.placed` of their own. What a provider says about its system, and where that goes,
is told in :mod:`waarmerk.marking.disclosure`.

The key of the watermark is named by its id in `alg-params`, which should be a byte string, too.

Nothing here opens a network connection (no remote manifests, no OCSP), unless the signer has the
address of a time-stamp authority: then that, and where it redirects to, is asked.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO

from waarmerk.errors import SigningError, UnsupportedInputError
from waarmerk.marking.data_hash import read_apart
from waarmerk.marking.definition import (
    PARENT,
    Known,
    ManifestContent,
    ingredient_of,
    label_of,
    manifest_definition,
    store_name,
)
from waarmerk.marking.formats import shown
from waarmerk.marking.history import History, Ingredient, Parent, known, line, stream_of
from waarmerk.marking.large_file import is_large, sign_beside, sign_large
from waarmerk.marking.provenance import offline_settings
from waarmerk.marking.sidecar import MOST_BYTES
from waarmerk.marking.signer import Signer

if TYPE_CHECKING:
    from waarmerk.marking.disclosure import Disclosure
    from waarmerk.marking.payload import Kind

__all__ = [
    "Ingredient",
    "ManifestContent",
    "Parent",
    "Signer",
    "builder_of",
    "manifest_definition",
    "raise_failure",
    "refuse_large",
    "require_stamped",
    "sign_bytes",
    "sign_stream",
]


def sign_bytes(
    data: bytes,
    media_type: str,
    signer: Signer,
    content: ManifestContent,
    *,
    soft_binding: tuple[str, str] | None = None,
    key_id: str | None = None,
    parent: Parent | None = None,
    disclosure: Disclosure | None = None,
    ingredients: Sequence[Ingredient] = (),
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
        key_id=key_id,
        parent=parent,
        disclosure=disclosure,
        ingredients=ingredients,
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
    key_id: str | None = None,
    parent: Parent | None = None,
    disclosure: Disclosure | None = None,
    ingredients: Sequence[Ingredient] = (),
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
    key_id
        Of the watermark's key, 16 hexadecimal digits, so that a mark id that was laid again with
        another key does not fit. Not secret.
    parent
        The file before it was watermarked. Its manifest, if it has one, is carried along; without
        one it is mentioned only for content that was altered. If None, the source is taken for it.
    disclosure
        What the provider says about the system that generated or altered it.
    ingredients
        What else went into the content, with their manifests.
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
        If the parent or an ingredient has a manifest that cannot be read, so that its history would
        be lost; or there are inputs to content that was generated before.
    SigningError
        If the certificate is not valid now, the time-stamp authority did not answer as it should,
        the manifest became too large, or signing failed.
    """
    import c2pa

    signer.certificate.require_valid_at()
    context = c2pa.Context.from_dict(offline_settings())
    if parent is None:
        parent = Parent(source, media_type, content.title)
    parent, history = known(parent, context)
    also = [known(ingredient, context) for ingredient in ingredients]
    definition = manifest_definition(
        content,
        media_type,
        soft_binding,
        parent,
        history,
        key_id=key_id,
        disclosure=disclosure,
        ingredients=also,
    )
    failures: list[BaseException] = []

    def remake(assertion: dict[str, Any], with_signer: Any) -> Any:
        more = {**definition, "assertions": [*definition["assertions"], assertion]}
        return builder_of(more, content.kind, parent, history, with_signer, ingredients=also)

    try:
        builder = builder_of(definition, content.kind, parent, history, context, ingredients=also)
        source.seek(0)
        with signer.native(failures) as native:
            if not embed:
                store = sign_beside(builder, native, source, destination)
            elif not is_large(source, media_type):
                store = builder.sign(native, media_type, source, destination)
            else:
                store = sign_large(builder, native, media_type, source, destination, remake=remake)
    except c2pa.C2paError as error:
        if isinstance(error, c2pa.C2paError.NotSupported):
            raise UnsupportedInputError(
                f"{shown(content.title)}: a file of type {media_type} cannot hold a signed manifest"
            ) from error
        raise_failure(signer, failures, error)
        raise SigningError(f"{shown(content.title)}: cannot be signed: {line(error)}") from error
    refuse_large(store, content.title)
    if signer.timestamp is not None:
        require_stamped(store, media_type, signer)
    return store


def refuse_large(store: bytes, title: str) -> None:
    """Refuse a manifest store that readers, this one included, would not take.

    Raises
    ------
    SigningError
        If it is larger than `waarmerk.marking.sidecar.MOST_BYTES`.
    """
    if len(store) > MOST_BYTES:
        raise SigningError(
            f"{shown(title)}: its manifest would have {len(store):,} bytes with those of the "
            f"parents in it, and {MOST_BYTES:,} is the most; mark a copy of an earlier state of "
            "the file, or one that was saved without its manifest"
        )


def require_stamped(store: bytes, media_type: str, signer: Signer) -> None:
    """Refuse a manifest store whose time-stamp does not fit its certificate.

    The library puts in whatever time the authority says. One outside the life of the certificate
    makes a manifest that is broken for everybody who trusts the authority, and only for them.

    Raises
    ------
    SigningError
        If there is no time-stamp, or it is of a time when the certificate is not valid.
    """
    import c2pa

    from waarmerk.marking.timestamp import shown_address

    context = c2pa.Context.from_dict(offline_settings())
    try:
        said, _ = read_apart(store, media_type, context)
    except c2pa.C2paError as error:
        raise SigningError(f"the manifest just signed cannot be read: {line(error)}") from error
    told = said["manifests"][said["active_manifest"]].get("signature_info", {}).get("time")
    authority = shown_address(str(signer.timestamp))
    if told is None:
        raise SigningError(f"the time-stamp authority {authority}: gave no time-stamp")
    time = datetime.fromisoformat(told)
    if not signer.certificate.not_before <= time <= signer.certificate.not_after:
        raise SigningError(
            f"the time-stamp authority {authority}: says it is {time:%Y-%m-%d %H:%M} (UTC), when "
            f"the certificate of {signer.certificate.name} is not valid; its clock is wrong, or "
            "that of this machine"
        )


def builder_of(
    definition: dict[str, Any],
    kind: Kind,
    parent: Parent,
    history: History,
    context: Any,
    *,
    ingredients: Sequence[Known] = (),
) -> Any:
    """Return a builder of the library for a definition, with the files that it speaks of."""
    import c2pa

    builder = c2pa.Builder(json.dumps(definition), context=context)
    given: list[tuple[str, Parent, History]] = [
        (label_of(number), *each) for number, each in enumerate(ingredients)
    ]
    if history.carried(kind):
        given.insert(0, (PARENT, parent, history))
    for label, file, its in given:
        if its.beside is not None and file.sidecar is not None:
            builder.add_resource(store_name(label), io.BytesIO(file.sidecar))
        elif its.readable:
            told = json.dumps(ingredient_of(file, label))
            builder.add_ingredient(told, file.media_type, stream_of(file))
    return builder


def raise_failure(
    signer: Signer, failures: Iterable[BaseException], error: Exception | None = None
) -> None:
    """Raise what the signing function raised, or what is wrong with the time-stamp authority.

    The library drops the one and does not tell the other. Returns if it was neither.

    Parameters
    ----------
    signer, failures
        As of `Signer.native`.
    error
        Of the library.
    """
    for cause in failures:
        if not isinstance(cause, Exception):  # KeyboardInterrupt and the like
            raise cause from None
        raise SigningError(
            f"the signer of {signer.certificate.name} failed: {type(cause).__name__}: {cause}"
        ) from cause
    if signer.timestamp is None:
        return
    from waarmerk.marking.timestamp import problem_of, shown_address

    problem = problem_of(signer.timestamp)
    if problem is not None:
        raise SigningError(
            f"the time-stamp authority {shown_address(signer.timestamp)}: {problem}; nothing was "
            "signed: try again, name another authority, or sign without a time-stamp"
        ) from None  # the library's error holds the address, which may hold a secret
    if error is not None:
        told = line(error).replace(signer.timestamp, shown_address(signer.timestamp))
        raise SigningError(
            f"cannot be signed with a time-stamp of {shown_address(signer.timestamp)}: {told}"
        ) from None
