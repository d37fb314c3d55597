"""What the C2PA conformance programme looks at in a manifest, said again in our own words.

The C2PA publishes rubrics with which the assets of a product are judged (asset rubrics 1.0 of
6 August 2026: conformance 0.2, specification 2.4). This states the rules that concern what is
written here. A rule has the id of the official one that it stands for, a function that returns what
breaks it, and reads crJSON, the form in which the C2PA library reports a manifest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Manifest = dict[str, Any]
RULES: dict[str, Callable[[Manifest], list[Any]]] = {}

STANDARD_ASSERTIONS = {
    "c2pa.actions.v2",
    "c2pa.ai-disclosure",
    "c2pa.hash.bmff.v3",
    "c2pa.hash.data",
    "c2pa.ingredient.v3",
    "c2pa.soft-binding",
}  # of the 28 that may be used, those that are
RETIRED_ACTIONS = {"c2pa.color_adjustments", "c2pa.watermarked", "c2pa.copied", "c2pa.formatted"}
RETIRED_ACTIONS |= {"c2pa.version_updated", "c2pa.printed", "c2pa.managed", "c2pa.produced"}
RETIRED_ACTIONS |= {"c2pa.saved"}
ACTIONS = {
    "c2pa." + name
    for name in [
        "addedText",
        "adjustedColor",
        "changedSpeed",
        "converted",
        "created",
        "cropped",
        "deleted",
        "drawing",
        "dubbed",
        "edited",
        "edited.metadata",
        "enhanced",
        "filtered",
        "mastered",
        "mixed",
        "opened",
        "orientation",
        "placed",
        "published",
        "redacted",
        "remixed",
        "removed",
        "repackaged",
        "resized",
        "resized.proportional",
        "transcoded",
        "translated",
        "trimmed",
        "unknown",
        "watermarked.bound",
        "watermarked.unbound",
    ]
}
NEEDS_NO_SOURCE = {
    "c2pa." + name
    for name in [
        "created",
        "opened",
        "converted",
        "published",
        "repackaged",
        "transcoded",
        "resized.proportional",
        "enhanced",
        "edited.metadata",
        "watermarked.bound",
        "watermarked.unbound",
        "redacted",
        "placed",
    ]
}
PARAMETERS = {
    "ingredients",
    "relatedAssertions",
    "sourceLanguage",
    "targetLanguage",
    "multipleInstances",
    "redacted",
}


def broken(report: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the rules that the active manifest breaks, and with what."""
    manifest = report["manifests"][0]
    found = {name: list(rule(manifest)) for name, rule in RULES.items()}
    return {name: what for name, what in found.items() if what}


def _rule(function: Callable[[Manifest], Iterator[Any]]) -> Callable[[Manifest], Iterator[Any]]:
    RULES[function.__name__] = function  # type: ignore[assignment]
    return function


def _actions(manifest: Manifest) -> list[dict[str, Any]]:
    return manifest["assertions"]["c2pa.actions.v2"]["actions"]


def _failures(manifest: Manifest) -> list[str]:
    return [status["code"] for status in manifest["validationResults"]["failure"]]


def _ingredients(manifest: Manifest) -> list[dict[str, Any]]:
    return [a for a in manifest["assertions"].values() if "relationship" in a]


@_rule
def mandatory_dst_for_perceptible_transformations(manifest):
    for action in _actions(manifest):
        name = action["action"]
        needed = name.startswith("c2pa.") and name not in NEEDS_NO_SOURCE
        if needed and "digitalSourceType" not in action:
            yield name


@_rule
def mandatory_dst_for_created_action(manifest):
    for action in _actions(manifest):
        if action["action"] == "c2pa.created" and "digitalSourceType" not in action:
            yield action


@_rule
def no_dst_for_opened_action(manifest):
    for action in _actions(manifest):
        if action["action"] == "c2pa.opened" and "digitalSourceType" in action:
            yield action


@_rule
def mandatory_spec_version(manifest):
    info = manifest["claim.v2"]["claim_generator_info"]
    info = info[0] if isinstance(info, list) else info
    if str(info.get("specVersion")).split(".")[:2] != ["2", "4"]:
        yield info


@_rule
def no_deprecated_claim_fields(manifest):
    if "specVersion" in manifest["claim.v2"]:
        yield "specVersion"


@_rule
def mandatory_all_actions_included(manifest):
    for name, assertion in manifest["assertions"].items():
        if "actions" in assertion and assertion.get("allActionsIncluded") is None:
            yield name


@_rule
def well_formed_success(manifest):
    # And valid_success, trusted_success: with the root as anchor nothing at all is to fail.
    yield from _failures(manifest)


@_rule
def inception_action_position(manifest):
    created = [each["url"] for each in manifest["claim.v2"]["created_assertions"]]
    if not any(url.endswith("c2pa.actions.v2") for url in created):
        yield "actions are not among the created assertions"
    names = [action["action"] for action in _actions(manifest)]
    begins = [name in ("c2pa.created", "c2pa.opened") for name in names]
    if not begins[0] or any(begins[1:]):
        yield names


@_rule
def no_unsupported_assertions(manifest):
    # And no_deprecated_assertions.
    for label in manifest["assertions"]:
        base = label.split("__")[0]
        if base.startswith(("c2pa.", "stds.")) and base not in STANDARD_ASSERTIONS:
            yield label


@_rule
def no_unrecognized_custom_assertions(manifest):
    yield from (label for label in manifest["assertions"] if "." not in label)


@_rule
def no_unsupported_actions(manifest):
    # And no_deprecated_actions, no_unrecognized_custom_actions.
    for action in _actions(manifest):
        if action["action"] not in ACTIONS or action["action"] in RETIRED_ACTIONS:
            yield action["action"]


@_rule
def no_unrecognized_custom_action_parameters(manifest):
    # And discouraged_legacy_action_parameters: description and ingredient are not in there.
    for action in _actions(manifest):
        yield from set(action.get("parameters") or {}) - PARAMETERS


@_rule
def active_manifest_urn(manifest):
    if not manifest["label"].startswith("urn:c2pa:"):
        yield manifest["label"]


@_rule
def ingredient_v3_mandatory_validation_results(manifest):
    # And ingredient_v3_no_active_manifest: both or neither.
    for ingredient in _ingredients(manifest):
        if ("activeManifest" in ingredient) != ("validationResults" in ingredient):
            yield ingredient.get("dc:title")


@_rule
def ingredient_v3_choice(manifest):
    for ingredient in _ingredients(manifest):
        if "activeManifest" in ingredient and "digitalSourceType" in ingredient:
            yield ingredient.get("dc:title")


@_rule
def ingredient_relationship_values(manifest):
    for ingredient in _ingredients(manifest):
        if ingredient["relationship"] not in ("parentOf", "componentOf", "inputTo"):
            yield ingredient["relationship"]


@_rule
def opened_action_ingredient_reference(manifest):
    for action in _actions(manifest):
        named = (action.get("parameters") or {}).get("ingredients") or []
        if action["action"] == "c2pa.opened" and len(named) != 1:
            yield action


@_rule
def all_actions_included_opened(manifest):
    only_opened = [action["action"] for action in _actions(manifest)] == ["c2pa.opened"]
    told = manifest["assertions"]["c2pa.actions.v2"].get("allActionsIncluded")
    if only_opened and told is not True:
        yield "an asset that was only opened"


@_rule
def no_url_in_hashes(manifest):
    for label in ("c2pa.hash.data", "c2pa.hash.bmff.v3"):
        if (manifest["assertions"].get(label) or {}).get("url") is not None:
            yield label


@_rule
def no_thumbnail(manifest):
    # Our own: a picture of an ingredient would show what its owner may have taken out.
    yield from (label for label in manifest["assertions"] if "thumbnail" in label)
