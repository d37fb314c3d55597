"""Everything that is signed: read back, held to the programme's rules, shown to another validator.

The official evaluator found nothing either; docs/signing.md says how it is run.
"""

import io
import json
import shutil

import c2pa
import pytest

from tests.every_format import MEDIA_TYPES, large_wave, sample
from tests.manifest_kinds import BINDING, CHAIN, KEY_ID, KINDS, PROFILE, SIGNER, Signed
from tests.rubric import RULES, broken
from tests.second_validator import verified
from waarmerk.errors import InputError, SigningError
from waarmerk.marking import manifest as manifest_module
from waarmerk.marking.disclosure import Disclosure, Operation
from waarmerk.marking.large_file import LARGE
from waarmerk.marking.manifest import (
    Ingredient,
    ManifestContent,
    Parent,
    sign_bytes,
    sign_stream,
)
from waarmerk.marking.provenance import offline_settings
from waarmerk.marking.vocabulary import require_sound

TITLE = ManifestContent(title="out")


def reader(signed: Signed):
    context = c2pa.Context.from_dict(offline_settings(CHAIN.root.decode()))
    apart = () if signed.store is None else (signed.store,)
    return c2pa.Reader(signed.media_type, io.BytesIO(signed.data), *apart, context=context)


def crjson(signed: Signed) -> dict:
    with reader(signed) as read:
        said = read.crjson()
    return json.loads(said) if isinstance(said, str) else said


def whole(signed: Signed) -> dict:
    with reader(signed) as read:
        return json.loads(read.json())


def active(signed: Signed) -> dict:
    said = whole(signed)
    assert said["validation_state"] == "Trusted"
    return said["manifests"][said["active_manifest"]]


def data_of(manifest: dict, label: str):
    return next(a["data"] for a in manifest["assertions"] if a["label"] == label)


@pytest.fixture(scope="module")
def encypher(tmp_path_factory):
    pytest.importorskip("encypher_c2pa")
    patch = pytest.MonkeyPatch()
    # It keeps there what telemetry=False says.
    patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    yield
    patch.undo()


def accepted(signed: Signed) -> bool:
    said = verified(signed.data, signed.media_type, CHAIN.root, signed.store)
    return said["validation_state"] == "Trusted"


# --- every format


def in_format(media_type: str) -> Signed:
    data = sample(media_type)
    if data is None:
        pytest.skip("there is no encoder for it here, and ../shared is not here")
    signed = sign_bytes(
        data, media_type, SIGNER, TITLE, soft_binding=BINDING, key_id=KEY_ID, disclosure=PROFILE
    )
    return Signed(signed, media_type)


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_every_format_is_embedded_and_trusted(media_type):
    signed = in_format(media_type)
    assert data_of(active(signed), "c2pa.soft-binding")["alg-params"] == KEY_ID
    assert broken(crjson(signed)) == {}


@pytest.mark.usefixtures("encypher")
@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_another_validator_accepts_every_format(media_type):
    assert accepted(in_format(media_type))


# --- every kind


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_follows_the_rules(kind):
    signed = KINDS[kind]()
    assert whole(signed)["validation_state"] == "Trusted"
    assert broken(crjson(signed)) == {}


@pytest.mark.usefixtures("encypher")
@pytest.mark.parametrize("kind", KINDS)
def test_another_validator_accepts_every_kind(kind):
    signed = KINDS[kind]()
    if signed.store is not None:
        pytest.skip("it has another rule for what binds a manifest to a plain text")
    assert accepted(signed)


@pytest.mark.usefixtures("encypher")
@pytest.mark.parametrize("media_type", ["audio/ogg", "text/html"])
def test_another_validator_accepts_manifests_beside_a_file(media_type):
    data, out = sample(media_type), io.BytesIO()
    store = sign_stream(
        io.BytesIO(data), out, media_type, SIGNER, TITLE, embed=False, disclosure=PROFILE
    )
    assert broken(crjson(Signed(data, media_type, store))) == {}
    assert accepted(Signed(data, media_type, store))
    changed = data.replace(data[-4:], b"oops")
    assert not accepted(Signed(changed, media_type, store))


def test_the_rules_are_able_to_fail():
    said = crjson(KINDS["ingredients and parent"]())
    manifest = said["manifests"][0]
    assert broken(said) == {}
    actions = manifest["assertions"]["c2pa.actions.v2"]
    actions["actions"][0] |= {"digitalSourceType": "x", "parameters": {"mine": 1}}
    actions["actions"].append({"action": "c2pa.created"})
    actions["actions"].append({"action": "c2pa.watermarked"})
    del actions["allActionsIncluded"]
    manifest["claim.v2"] |= {"claim_generator_info": {"name": "x"}, "specVersion": "2.4.0"}
    manifest["label"] = "urn:uuid:x"
    manifest["assertions"]["mine"] = {"relationship": "sisterOf", "validationResults": {}}
    manifest["assertions"]["c2pa.thumbnail.claim"] = {}
    manifest["assertions"]["c2pa.hash.data"]["url"] = "x"
    manifest["assertions"]["c2pa.ingredient.v3"]["digitalSourceType"] = "x"
    manifest["validationResults"]["failure"].append({"code": "claim.malformed"})
    assert set(broken(said)) == set(RULES) - {"all_actions_included_opened"}


# --- what a disclosure becomes


def test_disclosure_is_found_where_readers_look():
    manifest = active(KINDS["generated, disclosed"]())
    actions = data_of(manifest, "c2pa.actions.v2")["actions"]
    assert actions[0]["softwareAgent"] == {"name": "ExampleGen XL", "version": "2.1"}
    assert [a["action"] for a in actions[1:]] == [
        "c2pa.cropped",
        "c2pa.translated",
        "c2pa.resized.proportional",
        "c2pa.watermarked.bound",
    ]
    assert actions[2]["parameters"] == {"sourceLanguage": "en", "targetLanguage": "nl"}
    assert data_of(manifest, "c2pa.ai-disclosure") == {
        "modelType": "c2pa.types.model.pytorch",
        "modelName": "ExampleGen base",
        "modelIdentifier": "pkg:huggingface/example/gen@2.1",
        "contentProfile": {"humanOversightLevel": "prompt_guided"},
        "scientificDomain": ["cs.CV", "physics.optics"],
    }
    metadata = data_of(manifest, "cawg.metadata")
    assert metadata["schema:provider"]["schema:name"] == "Example B.V."
    assert metadata["Iptc4xmpExt:AISystemUsed"] == "ExampleGen XL"
    assert metadata["Iptc4xmpExt:AISystemVersionUsed"] == "2.1"
    assert data_of(manifest, "cawg.training-mining")["entries"] == {
        "cawg.ai_training": {"use": "notAllowed"},
        "cawg.data_mining": {"use": "allowed"},
    }
    assert all(a["created"] for a in manifest["assertions"])


def test_operation_that_contradicts_the_kind_is_refused():
    said = Disclosure(
        operations=(Operation("edited", None, "compositeWithTrainedAlgorithmicMedia"),)
    )
    data = sample("image/png")
    with pytest.raises(InputError, match=r"out: the operation c2pa\.edited says .* as altered, or"):
        sign_bytes(data, "image/png", SIGNER, TITLE, disclosure=said)
    altered = ManifestContent(title="out", kind="altered")
    active(Signed(sign_bytes(data, "image/png", SIGNER, altered, disclosure=said), "image/png"))


def test_empty_disclosure_changes_nothing():
    assert Disclosure().is_empty
    plain = sign_bytes(sample("image/png"), "image/png", SIGNER, TITLE)
    same = sign_bytes(sample("image/png"), "image/png", SIGNER, TITLE, disclosure=Disclosure())
    labels = [
        [a["label"] for a in active(Signed(data, "image/png"))["assertions"]]
        for data in (plain, same)
    ]
    assert labels[0] == labels[1]


# --- ingredients


def test_ingredients_are_carried_and_named():
    signed = KINDS["ingredients 3, generated"]()
    manifest, parsed = active(signed), whole(signed)
    told = {i["title"]: i for i in manifest["ingredients"]}
    assert {t: i["relationship"] for t, i in told.items()} == {
        "sky.jpg": "componentOf",
        "reference.png": "inputTo",
        "notes.txt": "inputTo",
    }
    carried = parsed["manifests"][told["sky.jpg"]["active_manifest"]]
    assert data_of(carried, "c2pa.actions.v2")["actions"][0]["action"] == "c2pa.created"
    created, placed = data_of(manifest, "c2pa.actions.v2")["actions"]
    assert created["action"] == "c2pa.created"
    assert len(created["parameters"]["ingredients"]) == 2
    assert placed["action"] == "c2pa.placed"
    assert len(placed["parameters"]["ingredients"]) == 1
    assert not [i for i in told.values() if "thumbnail" in i]


def test_ingredient_with_its_manifest_beside_it():
    apart = KINDS["beside"]()
    ingredient = Ingredient(apart.data, "text/plain", "quoted.txt", apart.store, "inputTo")
    signed = sign_bytes(sample("image/png"), "image/png", SIGNER, TITLE, ingredients=(ingredient,))
    (told,) = active(Signed(signed, "image/png"))["ingredients"]
    assert told["active_manifest"] in whole(Signed(signed, "image/png"))["manifests"]


def test_ingredient_with_a_broken_manifest_is_refused_by_name():
    first = sign_bytes(sample("image/png"), "image/png", SIGNER, TITLE)
    torn = first.replace(b"claim_generator_info", b"claim_generator_inf\xff")
    ingredient = Ingredient(torn, "image/png", "sky.png")
    with pytest.raises(InputError, match=r"sky\.png: already has a manifest, which cannot be read"):
        sign_bytes(sample("image/png"), "image/png", SIGNER, TITLE, ingredients=(ingredient,))


def test_inputs_to_what_another_manifest_tells_of_are_refused():
    first = sign_bytes(sample("image/png"), "image/png", SIGNER, TITLE)
    given = Ingredient(b"x", "text/plain", "x.txt", relationship="inputTo")
    with pytest.raises(InputError, match="told by the manifest that the input has already"):
        sign_bytes(first, "image/png", SIGNER, TITLE, ingredients=(given,))


def test_unknown_relationship():
    with pytest.raises(InputError, match="is componentOf or inputTo, not 'parentOf'"):
        Ingredient(b"", "image/png", "x", relationship="parentOf")


# --- limits


def test_manifest_that_is_too_large(monkeypatch):
    monkeypatch.setattr(manifest_module, "MOST_BYTES", 9000)
    data = sample("image/png")
    first = sign_bytes(data, "image/png", SIGNER, TITLE)
    with pytest.raises(SigningError, match=r"its manifest would have [\d,]+ bytes .* 9,000 is the"):
        sign_bytes(sign_bytes(first, "image/png", SIGNER, TITLE), "image/png", SIGNER, TITLE)


def test_large_sound_says_the_same(tmp_path):
    data = large_wave(LARGE + 4)
    with (tmp_path / "out.wav").open("w+b") as out:
        sign_stream(
            io.BytesIO(data),
            out,
            "audio/wav",
            SIGNER,
            TITLE,
            soft_binding=BINDING,
            key_id=KEY_ID,
            disclosure=PROFILE,
            ingredients=KINDS_INGREDIENTS,
        )
    signed = Signed((tmp_path / "out.wav").read_bytes(), "audio/wav")
    assert broken(crjson(signed)) == {}
    shutil.rmtree(tmp_path)


KINDS_INGREDIENTS = (Ingredient(b"some text", "text/plain", "notes.txt", relationship="inputTo"),)


# --- our own check


def definition(**changes):
    actions = {
        "actions": [
            {
                "action": "c2pa.created",
                "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/humanEdits",
            }
        ],
        "allActionsIncluded": True,
    }
    made = {"c2pa.actions.v2": actions} | changes
    return {
        "ingredients": [],
        "assertions": [{"label": label, "data": data} for label, data in made.items()],
    }


OPENED = {"action": "c2pa.opened", "parameters": {"ingredientIds": ["parent"]}}
CREATED = definition()["assertions"][0]["data"]["actions"][0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"c2pa.mine": {}}, "c2pa.mine is not an assertion"),
        ({"c2pa.actions.v2": {"actions": [CREATED]}}, "allActionsIncluded is missing"),
        *(
            ({"c2pa.actions.v2": {"actions": actions, "allActionsIncluded": True}}, message)
            for actions, message in (
                ([], "first action"),
                ([CREATED, OPENED], "first action"),
                ([{"action": "c2pa.created"}], "c2pa.created has no digital source type"),
                ([CREATED, {"action": "c2pa.invented"}], "c2pa.invented is not an action"),
                ([CREATED, {"action": "c2pa.watermarked"}], "c2pa.watermarked is not an action"),
                ([CREATED, {"action": "c2pa.cropped"}], "cropped has no digital source type"),
                ([CREATED | {"digitalSourceType": "http://example.com/x"}], "is not a digital so"),
                ([{"action": "c2pa.opened"}], "does not name the one thing"),
                ([OPENED | {"digitalSourceType": CREATED["digitalSourceType"]}], "has a digital"),
                ([CREATED, {"action": "c2pa.watermarked.bound"}], "come together"),
                (
                    [CREATED, CREATED | {"action": "c2pa.translated"}],
                    "does not say from and to what language",
                ),
            )
        ),
        ({"c2pa.soft-binding": {"alg": "x.y", "blocks": [{}]}}, "come together"),
        ({"c2pa.soft-binding": {"alg": "x", "blocks": [{}]}}, "names its algorithm"),
        ({"c2pa.soft-binding": {"alg": "x.y"}}, "has a block"),
        (
            {"c2pa.soft-binding": {"alg": "x.y", "blocks": [{}], "alg-params": "A" * 16}},
            "16 hexadecimal digits",
        ),
        ({"c2pa.ai-disclosure": {}}, "needs a model type"),
        ({"c2pa.ai-disclosure": {"modelType": "c2pa.types.model.mine"}}, "needs a model type"),
        (
            {
                "c2pa.ai-disclosure": {
                    "modelType": "c2pa.types.model",
                    "contentProfile": {"humanOversightLevel": "some"},
                }
            },
            "not a level of human oversight",
        ),
        ({"cawg.training-mining": {"entries": {}}}, "has no entries"),
        ({"cawg.training-mining": {"entries": {"cawg.x": {"use": "allowed"}}}}, "is not an entry"),
        ({"cawg.metadata": {"@context": {}}}, "has a context and something in it"),
        ({"cawg.metadata": {"@context": {"a": "x"}, "b:c": 1}}, "b:c of cawg.metadata is not"),
    ],
)
def test_what_would_break_a_rule_is_not_signed(changes, message):
    require_sound(definition())
    with pytest.raises(SigningError, match=message):
        require_sound(definition(**changes))


def test_two_parents_are_not_signed():
    parents = [{"label": str(n), "relationship": "parentOf"} for n in range(2)]
    with pytest.raises(SigningError, match="more than one parent"):
        require_sound(definition() | {"ingredients": parents})


def test_parent_and_ingredient_may_be_the_same_file():
    first = sign_bytes(sample("image/png"), "image/png", SIGNER, TITLE)
    parent = Parent(first, "image/png", "first.png")
    ingredient = Ingredient(first, "image/png", "first.png")
    signed = sign_bytes(first, "image/png", SIGNER, TITLE, parent=parent, ingredients=(ingredient,))
    assert broken(crjson(Signed(signed, "image/png"))) == {}
