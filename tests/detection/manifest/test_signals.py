"""What manifests say about AI, in the names of the C2PA asset rubric; what content is made of."""

import io
import json
import time

import c2pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.detection.manifest.test_reader import CHAIN, ROOT, SIGNER, changed, picture, signed
from waarmerk.detection.manifest import read_manifest
from waarmerk.detection.manifest.ingredients import MOST_DEEP, MOST_INGREDIENTS, walk
from waarmerk.detection.manifest.signals import SIGNALS, flat_signals, own_signals
from waarmerk.marking.provenance import GENERATED, GENERATIVE, offline_settings

IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
CAPTURE = IPTC + "digitalCapture"


def manifest(*actions, complete=True, gathered=(), version=2, **store):
    """Return a manifest as the library's detailed report has it."""
    listed = [
        {"action": a} if term is None else {"action": a, "digitalSourceType": term}
        for a, term in actions
    ]
    data = {"actions": listed} | ({"allActionsIncluded": True} if complete else {})
    return {
        "claim": {"claim_version": version, "gathered_assertions": [{"url": u} for u in gathered]},
        "assertion_store": {"c2pa.actions.v2": data} | store,
    }


AMBIGUOUS = "transformation:signal_ambiguousActions"


# Each line was also put to the evaluator that the C2PA publishes with its rubric.
@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("http://c2pa.org/digitalsourcetype/empty", "blankCanvas"),
        (CAPTURE, "capturedMedia"),
        (IPTC + "computationalCapture", "capturedMedia"),
        (IPTC + "compositeCapture", "capturedMediaStitched"),
        (IPTC + "composite", "compositionMayContainGenAI"),
        (GENERATED, "fullyGenAIMedia"),
        (IPTC + "digitalCreation", "nonGenAIDigitalCreation"),
        (IPTC + "compositeWithTrainedAlgorithmicMedia", "partlyGenAICreation"),
        (IPTC + "screenCapture", "screenCaptureMayContainGenAI"),
    ],
)
def test_how_it_came_to_be(source, name):
    assert own_signals(manifest(("c2pa.created", source))) == (f"inception:signal_{name}",)
    assert own_signals(manifest(("c2pa.opened", source))) == (f"inception:signal_{name}",)


def test_unknown_past():
    opened = ("c2pa.opened", None)
    flat = manifest(opened, **{"c2pa.ingredient.v3": {"relationship": "parentOf"}})
    assert own_signals(flat) == ("inception:signal_mediaUnknownProvenance",)
    known = {"relationship": "parentOf", "activeManifest": {"url": "self#jumbf=/c2pa/x"}}
    assert own_signals(manifest(opened, **{"c2pa.ingredient.v3": known})) == ()


@pytest.mark.parametrize("term", sorted(GENERATIVE))
def test_generated_in_part(term):
    found = own_signals(manifest(("c2pa.opened", None), ("c2pa.placed", term)))
    assert found == ("transformation:signal_perceptibleGenAI",)
    # In what nobody can see it does not count.
    found = own_signals(manifest(("c2pa.opened", None), ("c2pa.converted", term)))
    assert found == ("transformation:signal_nonEditorial",)


def test_edits_without_ai():
    found = own_signals(manifest(("c2pa.opened", None), ("c2pa.cropped", IPTC + "humanEdits")))
    assert found == ("transformation:signal_perceptibleNonGenAI",)
    found = own_signals(manifest(("c2pa.opened", None), ("c2pa.drawing", IPTC + "digitalArt")))
    assert found == (
        "transformation:signal_perceptibleNonGenAI",
        "transformation:signal_perceptiblePossiblyGenAI",
    )


@pytest.mark.parametrize(
    "ambiguous",
    [
        {},
        {"assertion_store": {"c2pa.actions": {"actions": [{"action": "c2pa.created"}]}}},
        manifest(),
        manifest(("c2pa.created", None), complete=False),
        manifest(("c2pa.created", None), ("org.example.magic", None)),
        manifest(("c2pa.created", None), ("c2pa.unknown", None)),
        manifest(("c2pa.created", None), gathered=["self#jumbf=c2pa.assertions/c2pa.actions.v2"]),
    ],
)
def test_ambiguous_actions(ambiguous):
    assert own_signals(ambiguous) == (AMBIGUOUS,)
    assert own_signals(manifest(("c2pa.created", None))) == ()


def test_ingredient_without_a_manifest_by_what_its_user_says():
    said = manifest(("c2pa.opened", None), **{"c2pa.ingredient.v3": {"digitalSourceType": CAPTURE}})
    assert flat_signals(said, "c2pa.ingredient.v3") == ("inception:signal_capturedMedia",)
    by_action = manifest(("c2pa.opened", GENERATED), **{"c2pa.ingredient.v3": {}})
    assert flat_signals(by_action, "c2pa.ingredient.v3") == ("inception:signal_fullyGenAIMedia",)
    assert flat_signals(manifest(("c2pa.opened", None)), "c2pa.ingredient.v3") == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([GENERATED]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
ACTIONS = st.lists(
    st.fixed_dictionaries({"action": JSON | st.just("c2pa.edited"), "digitalSourceType": JSON})
)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(JSON, JSON, ACTIONS | JSON)
def test_any_value_of_any_type(value, other, actions):
    store = {"c2pa.actions.v2": {"actions": actions, "x": value}, "c2pa.ingredient.v3": other}
    for hostile in ({"assertion_store": store, "claim": value}, {"assertion_store": value}):
        assert set(own_signals(hostile)) <= set(SIGNALS)
        assert set(flat_signals(hostile, "c2pa.ingredient.v3")) <= set(SIGNALS)
    said = {"active_manifest": "a", "manifests": {"a": {"ingredients": [other, {"label": value}]}}}
    walk(said | {"validation_results": value}, {"manifests": {"a": {"assertion_store": store}}})
    walk(said | {"manifests": value}, {"manifests": other})


# --- ingredients


def composed(actions, *parts, relationship="componentOf"):
    """Sign a JPEG that has parts, by the C2PA library directly."""
    definition = {
        "claim_generator_info": [{"name": "Studio", "version": "3"}],
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "created": True,
                "data": {"actions": actions, "allActionsIncluded": True},
            }
        ],
    }
    context = c2pa.Context.from_dict(offline_settings(CHAIN.root.decode()))
    builder = c2pa.Builder(definition, context=context)
    for number, part in enumerate(parts):
        about = {"title": f"part {number}", "relationship": relationship, "label": f"p{number}"}
        builder.add_ingredient(json.dumps(about), "image/jpeg", io.BytesIO(part))
    out = io.BytesIO()
    with SIGNER.native([]) as native:
        builder.sign(native, "image/jpeg", io.BytesIO(picture("JPEG")), out)
    return out.getvalue()


def placed(*numbers):
    return [
        {"action": "c2pa.created", "digitalSourceType": CAPTURE},
        *(
            {"action": "c2pa.placed", "parameters": {"ingredientIds": [f"p{n}"]}}
            for n in numbers
        ),
    ]  # fmt: skip


FULLY = "inception:signal_fullyGenAIMedia"


def test_ai_ingredient_in_a_human_composite_is_seen():
    finding = read_manifest(
        composed(placed(0, 1), signed("JPEG"), picture("JPEG")), "image/jpeg", ROOT
    )
    assert finding.status == "trusted"
    assert finding.digital_source_type == CAPTURE
    assert "inception:signal_capturedMedia" in finding.signals
    assert f"component:{FULLY}" in finding.signals
    assert FULLY not in finding.signals
    generated, drawn = finding.ingredients
    assert (generated.relationship, generated.depth, generated.status) == (
        "componentOf",
        1,
        "intact",
    )
    assert generated.digital_source_type == GENERATED
    assert generated.signer == "waarmerk test signer (waarmerk test certificate)"
    assert (drawn.status, drawn.digital_source_type, drawn.signer) == ("no_manifest", None, None)
    assert finding.generator == "Studio 3"
    assert generated.title == "part 0"
    assert "part 0" not in json.dumps(finding.as_dict())


def test_ingredient_of_a_parent():
    inner = composed(placed(0), signed("JPEG"))
    outer = composed(
        [{"action": "c2pa.opened", "parameters": {"ingredientIds": ["p0"]}}],
        inner,
        relationship="parentOf",
    )
    finding = read_manifest(outer, "image/jpeg", ROOT)
    assert [(i.relationship, i.depth, i.status) for i in finding.ingredients] == [
        ("parentOf", 1, "intact"),
        ("componentOf", 2, "intact"),
    ]
    # It is no parent of the whole, only a part of one.
    assert f"component:{FULLY}" in finding.signals
    assert "parent:inception:signal_capturedMedia" in finding.signals


def test_broken_ingredient_says_nothing():
    spoiled = changed(part := signed("JPEG"), len(part) - 3)
    finding = read_manifest(composed(placed(0), spoiled), "image/jpeg", ROOT)
    assert [i.status for i in finding.ingredients] == ["broken"]
    assert not [name for name in finding.signals if name.startswith("component:")]


def test_input_of_a_generator():
    created = {
        "action": "c2pa.created",
        "digitalSourceType": GENERATED,
        "parameters": {"ingredientIds": ["p0"]},
    }
    data = composed([created], signed("JPEG"), relationship="inputTo")
    finding = read_manifest(data, "image/jpeg", ROOT)
    assert finding.signals[0] == FULLY
    assert f"input:{FULLY}" in finding.signals


def test_ingredients_end():
    part = {"relationship": "componentOf", "label": "i", "active_manifest": "b"}
    circle = {
        "active_manifest": "a",
        "manifests": {
            "a": {"ingredients": [part]},
            "b": {"ingredients": [part | {"active_manifest": "a"}]},
        },
    }
    assert len(walk(circle, {})[0]) == 2
    # Each has two, on every level: as many as stars without a limit.
    tree = {
        f"m{n}": {"ingredients": [part | {"active_manifest": f"m{n + 1}"}] * 2} for n in range(99)
    }
    found, _ = walk({"active_manifest": "m0", "manifests": tree}, {})
    assert len(found) == MOST_INGREDIENTS
    chain = {f"m{n}": {"ingredients": [part | {"active_manifest": f"m{n + 1}"}]} for n in range(99)}
    found, _ = walk({"active_manifest": "m0", "manifests": chain}, {})
    assert [i.depth for i in found] == list(range(1, MOST_DEEP + 1))
    assert {i.status for i in found} == {"unknown"}


def test_large_stores_take_no_time():
    """A thousand parents, a manifest with many actions, and everybody has it as an ingredient."""
    many = [{"action": "c2pa.edited", "digitalSourceType": "x"}] * 20_000
    about = {"label": "c2pa.actions.v2", "data": {"actions": many}}
    part = {"relationship": "parentOf", "label": "i", "active_manifest": "large"}
    manifests = {
        f"m{n}": {"ingredients": [part | {"active_manifest": f"m{n + 1}"}, *[part] * 50]}
        for n in range(1000)
    }
    manifests["large"] = {"assertions": [about]}
    details = {"large": {"assertion_store": {"c2pa.actions.v2": {"actions": many}}}}
    deltas = [{"ingredientAssertionURI": f"/m{n}/x"} for n in range(1000)]
    said = {
        "active_manifest": "m0",
        "manifests": manifests,
        "validation_results": {"ingredientDeltas": deltas},
    }
    start = time.process_time()
    found, _ = walk(said, {"manifests": details})
    assert len(found) == MOST_INGREDIENTS
    assert time.process_time() - start < 2
