"""What a manifest store says about AI, read from stores of every shape, hostile ones included."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waarmerk.marking.provenance import (
    ALTERED,
    EMPTY,
    GENERATED,
    Anchors,
    assertions,
    offline_settings,
    signer_name,
    source_kind,
    source_type,
)

CAPTURE = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"


def manifest(*actions, ingredients=(), **more):
    listed = [
        {"action": name} if term is None else {"action": name, "digitalSourceType": term}
        for name, term in actions
    ]
    data = {"actions": listed, **more}
    return {
        "assertions": [{"label": "c2pa.actions.v2", "data": data}],
        "ingredients": list(ingredients),
    }


def parent(label="older", **more):
    return {"relationship": "parentOf", "active_manifest": label, **more}


def store(active, older=None, deltas=()):
    return {
        "active_manifest": "active",
        "manifests": {"active": active, "older": older},
        "validation_results": {"ingredientDeltas": list(deltas)},
    }


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ([("c2pa.created", GENERATED)], GENERATED),
        ([("c2pa.created", GENERATED), ("c2pa.edited", ALTERED)], GENERATED),
        ([("c2pa.created", CAPTURE)], CAPTURE),
        ([("c2pa.created", CAPTURE), ("c2pa.edited", ALTERED)], ALTERED),
        # Something generated put into a photograph makes a composite, into an empty canvas not.
        ([("c2pa.created", CAPTURE), ("c2pa.placed", GENERATED)], ALTERED),
        ([("c2pa.created", EMPTY), ("c2pa.placed", GENERATED)], GENERATED),
        ([("c2pa.opened", None), ("c2pa.edited", GENERATED)], GENERATED),
        ([("c2pa.opened", None), ("c2pa.cropped", CAPTURE)], None),
        ([("c2pa.created", None)], None),
        ([], None),
    ],
)
def test_one_manifest(actions, expected):
    assert source_type(store(manifest(*actions))) == expected


def test_origin_is_told_by_the_parent():
    active = manifest(("c2pa.opened", None), ("c2pa.watermarked.bound", None))
    active["ingredients"] = [{"relationship": "componentOf", "active_manifest": "x"}, parent()]
    assert source_type(store(active, manifest(("c2pa.created", GENERATED)))) == GENERATED


def test_own_statement_comes_before_the_parents():
    active = manifest(("c2pa.opened", None), ("c2pa.edited", ALTERED), ingredients=[parent()])
    assert source_type(store(active, manifest(("c2pa.created", GENERATED)))) == ALTERED


FAILURE = [{"code": "claimSignature.mismatch"}]
UNKNOWN = [{"code": "signingCredential.untrusted"}]


@pytest.mark.parametrize(
    ("ingredient", "deltas", "expected"),
    [
        (parent(validation_status=FAILURE), [], None),
        (parent(validation_results={"activeManifest": {"failure": FAILURE}}), [], None),
        (
            parent(),
            [{"ingredientAssertionURI": "/active/i", "validationDeltas": {"failure": FAILURE}}],
            None,
        ),
        (parent(validation_status=UNKNOWN), [], GENERATED),
        (parent(validation_results={"activeManifest": {"failure": UNKNOWN}}), [], GENERATED),
    ],
)
def test_broken_parent_says_nothing(ingredient, deltas, expected):
    active = manifest(("c2pa.opened", None), ingredients=[ingredient])
    older = manifest(("c2pa.created", GENERATED))
    assert source_type(store(active, older, deltas)) == expected


def test_circle_of_parents_ends():
    one = manifest(("c2pa.opened", None), ingredients=[parent("older")])
    other = manifest(("c2pa.opened", None), ingredients=[parent("active")])
    assert source_type(store(one, other)) is None


def test_templates_are_applied():
    templates = [{"action": "c2pa.edited", "digitalSourceType": ALTERED}]
    active = manifest(("c2pa.opened", None), ("c2pa.edited", None), templates=templates)
    assert source_type(store(active)) == ALTERED
    templates[0]["action"] = "*"
    assert source_type(store(active)) == ALTERED
    active = manifest(("c2pa.edited", CAPTURE), templates=templates)
    assert source_type(store(active)) is None


@pytest.mark.parametrize(
    ("term", "kind"),
    [
        (GENERATED, "generated"),
        ("https" + GENERATED[4:], "generated"),
        ("trainedAlgorithmicMedia", "generated"),
        ("http://c2pa.org/digitalsourcetype/trainedAlgorithmicData", "generated"),
        (ALTERED, "altered"),
        (ALTERED.replace("compositeWithTrainedAlgorithmicMedia", "compositeSynthetic"), "altered"),
        (CAPTURE, None),
        ("http://example.com/trainedAlgorithmicMedia", None),
        ("", None),
        (None, None),
    ],
)
def test_kind_of_a_source_type(term, kind):
    assert source_kind(term) == kind


def test_instances_and_versions_of_assertions():
    labels = ["c2pa.actions", "c2pa.actions.v2", "c2pa.actions__1", "c2pa.actions.v2__2"]
    others = ["c2pa.actionsx", "org.c2pa.actions", 7, None]
    listed = [{"label": label, "data": {"n": i}} for i, label in enumerate(labels + others)]
    listed.append({"label": "c2pa.actions", "data": "text"})
    assert [d["n"] for d in assertions({"assertions": listed}, "c2pa.actions")] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("common", "organization", "expected"),
    [
        ("Ann", "Org", "Ann (Org)"),
        ("Org", "Org", "Org"),
        (None, "Org", "Org"),
        ("Ann", None, "Ann"),
        ("", "", None),
        (None, None, None),
    ],
)
def test_name_of_a_signer(common, organization, expected):
    assert signer_name(common, organization) == expected


# JSON with the keys that are looked at, nested at random.
NAMES = """
    active_manifest manifests assertions ingredients label data actions action active templates
    digitalSourceType relationship validation_status validation_results activeManifest failure code
    ingredientDeltas ingredientAssertionURI validationDeltas
"""
KEYS = st.sampled_from(NAMES.split())
LEAVES = st.one_of(
    st.none(),
    st.integers(),
    st.sampled_from(["active", "c2pa.actions.v2", "parentOf", "c2pa.created", GENERATED, "*", ""]),
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=6)),
    max_leaves=12,
)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(KEYS, JSON, max_size=4), JSON)
def test_any_shape_is_survived(outer, active):
    answer = source_type({"active_manifest": "active", "manifests": {"active": active}, **outer})
    assert answer is None or isinstance(answer, str)


def test_settings_allow_no_network_and_only_one_kind_of_anchor():
    chosen = offline_settings("PEM")
    assert chosen["verify"]["remote_manifest_fetch"] is False
    assert chosen["verify"]["ocsp_fetch"] is False
    assert chosen["core"]["allowed_network_hosts"] == []
    assert chosen["core"]["decode_identity_assertions"] is False
    (anchor,) = chosen["trust"]["anchors"]
    assert anchor["trust_kind"] == "manifest"
    assert "1.3.6.1.4.1.62558.2.1" in chosen["trust"]["trust_config"].split()
    assert "anchors" not in offline_settings()["trust"]


def test_origin_of_any_manifest_of_a_store():
    active = manifest(("c2pa.created", CAPTURE), ingredients=[parent()])
    both = store(active, manifest(("c2pa.created", GENERATED)))
    known = {}
    assert source_type(both, None, known) == CAPTURE
    assert source_type(both, "older", known) == GENERATED
    assert known == {"active": CAPTURE, "older": GENERATED}
    assert source_type(both, "gone") is None


def test_what_is_known_is_used():
    active = manifest(("c2pa.opened", None), ingredients=[parent()])
    both = store(active, manifest(("c2pa.created", GENERATED)))
    known = {"older": ALTERED}
    assert source_type(both, None, known) == ALTERED
    assert known["active"] == ALTERED


def test_settings_for_several_lists():
    lists = [
        Anchors("urn:a", "manifest", "authorities", "signers"),
        Anchors("urn:b", "tsa", "others"),
    ]
    assert offline_settings(lists)["trust"]["anchors"] == [
        {
            "trust_kind": "manifest",
            "trust_uri": "urn:a",
            "trust_anchors": "authorities",
            "allowed_list": "signers",
        },
        {"trust_kind": "tsa", "trust_uri": "urn:b", "trust_anchors": "others"},
    ]
    assert "anchors" not in offline_settings()["trust"]
    assert offline_settings([])["trust"] == offline_settings()["trust"]
