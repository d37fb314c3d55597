"""Signed files of every kind that there is: how the content came to be, and what is said of it.

The rules of conformance, and another validator, are applied to each of them.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

from tests.every_format import sample
from waarmerk.marking.certificate import make_test_chain
from waarmerk.marking.disclosure import Disclosure, Operation
from waarmerk.marking.manifest import (
    Ingredient,
    ManifestContent,
    Parent,
    Signer,
    sign_bytes,
    sign_stream,
)

CHAIN = make_test_chain()
SIGNER = Signer.from_pem(CHAIN.chain, CHAIN.key)
BINDING = ("waarmerk.image.1", "0123456789abcdef")
KEY_ID = "00112233445566ff"
PROFILE = Disclosure(
    system="ExampleGen XL",
    version="2.1",
    provider="Example B.V.",
    model_name="ExampleGen base",
    model_identifier="pkg:huggingface/example/gen@2.1",
    model_type="c2pa.types.model.pytorch",
    oversight="prompt_guided",
    scientific_domain=("cs.CV", "physics.optics"),
    operations=(
        Operation("cropped", "To a square", "algorithmicMedia"),
        Operation("c2pa.translated", "Captions", "trainedAlgorithmicMedia", "en", "nl"),
        Operation("c2pa.resized.proportional"),
    ),
    training={"ai_training": "notAllowed", "data_mining": "allowed"},
)


@dataclass(frozen=True)
class Signed:
    """A signed file; its store apart if that lies beside it."""

    data: bytes
    media_type: str
    store: bytes | None = None


def jpeg() -> bytes:
    made = sample("image/jpeg")
    assert made is not None
    return made


def png() -> bytes:
    made = sample("image/png")
    assert made is not None
    return made


def signed(kind="generated", data=None, media_type="image/jpeg", signer=SIGNER, **options):
    content = ManifestContent(title="made", kind=kind)
    data = jpeg() if data is None else data
    return Signed(sign_bytes(data, media_type, signer, content, **options), media_type)


def parent(kind="generated", **options):
    return Parent(signed(kind, **options).data, "image/jpeg", "earlier.jpg")


def beside(media_type="text/plain", kind="generated", signer=SIGNER, **options):
    data = b"A text that is long enough.\n"
    content = ManifestContent(title="made.txt", kind=kind)
    out = io.BytesIO()
    store = sign_stream(io.BytesIO(data), out, media_type, signer, content, embed=False, **options)
    assert out.getvalue() in (b"", data)
    return Signed(data, media_type, store)


def with_sidecar_parent():
    first = beside()
    given = Parent(first.data, "text/plain", "first.txt", first.store)
    return beside(kind="altered", parent=given)


INGREDIENTS = (
    lambda: (Ingredient(png(), "image/png", "cloud.png"),),
    lambda: (Ingredient(signed().data, "image/jpeg", "sky.jpg"),),
    lambda: (
        Ingredient(signed().data, "image/jpeg", "sky.jpg"),
        Ingredient(png(), "image/png", "reference.png", relationship="inputTo"),
        Ingredient(b"some text", "text/plain", "notes.txt", relationship="inputTo"),
    ),
)

KINDS: dict[str, Callable[[], Signed]] = {
    "generated": signed,
    "generated, watermarked": lambda: signed(soft_binding=BINDING),
    "generated, key named": lambda: signed(soft_binding=BINDING, key_id=KEY_ID),
    "generated, disclosed": lambda: signed(disclosure=PROFILE, soft_binding=BINDING),
    "generated, provider alone": lambda: signed(disclosure=Disclosure(provider="Example B.V.")),
    "generated from a generated parent": lambda: signed(parent=parent()),
    "generated from an altered parent": lambda: signed(parent=parent("altered")),
    "generated, converted": lambda: signed(data=png(), media_type="image/png", parent=parent()),
    "altered": lambda: signed("altered", disclosure=Disclosure(system="Inpaint")),
    "altered, watermarked, disclosed": lambda: signed(
        "altered", soft_binding=BINDING, key_id=KEY_ID, disclosure=PROFILE
    ),
    "altered, signed parent": lambda: signed("altered", parent=parent()),
    "altered, parent with a sidecar": with_sidecar_parent,
    "beside": beside,
    "beside, disclosed": lambda: beside(disclosure=PROFILE),
    "beside, altered": lambda: beside(kind="altered"),
    **{
        f"ingredients {n}, {kind}": lambda kind=kind, given=given: signed(kind, ingredients=given())
        for n, given in enumerate(INGREDIENTS, 1)
        for kind in ("generated", "altered")
    },
    "ingredients and parent": lambda: signed(parent=parent(), ingredients=INGREDIENTS[1]()),
}
