"""What went into content, as its manifest says: each ingredient, and theirs.

::

    active ──parent──> photo (intact)
      '──component──> sky (intact)  ──input──> reference (no_manifest)
           signals: component:inception:signal_fullyGenAIMedia

An ingredient's own manifest is in the same store. Whether it held when the ingredient was added is
on record in the manifest that has it, and what changed since is in the validation of the whole.

The store may be hostile: ingredients can run in circles, or be one another's without end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from itertools import islice
from typing import Any

from waarmerk.detection.finding import Ingredient, IngredientStatus
from waarmerk.detection.manifest.signals import flat_signals, own_signals
from waarmerk.detection.manifest.wording import codes_of, plain, signer_of
from waarmerk.marking.provenance import mappings, source_type

__all__ = ["MOST_DEEP", "MOST_INGREDIENTS", "walk"]

MOST_INGREDIENTS = 100
MOST_DEEP = 8

# Whoever signed it: that is another matter than whether it holds.
_ONLY_UNKNOWN = frozenset({"signingCredential.untrusted"})
# One of these says that somebody looked, and that it held.
_HELD = frozenset({"claimSignature.validated", "ingredient.manifest.validated"})

# What a signal of something deeper down is about: the least close of the steps that lead there.
_PREFIXES = {"inputTo": "input", "componentOf": "component", "parentOf": "parent"}
_ORDER = ("input", "component", "parent")


def walk(
    store: Mapping[str, Any], detail: Mapping[str, Any]
) -> tuple[tuple[Ingredient, ...], tuple[str, ...]]:
    """Return the ingredients of a manifest store, nearest first, and what they say about AI.

    Parameters
    ----------
    store, detail
        Parsed JSON of the C2PA library's `Reader.json` and `Reader.detailed_json`.

    Returns
    -------
    tuple of Ingredient
        At most MOST_INGREDIENTS of them, MOST_DEEP steps from the active manifest.
    tuple of str
        Signals by name, with what the ingredient is in front: ``parent:``, ``component:`` or
        ``input:``. One that is broken says nothing.
    """
    manifests = _mapping(store.get("manifests"))
    details = _mapping(detail.get("manifests"))
    changes = _changes(store)
    found: list[Ingredient] = []
    signals: dict[str, None] = {}
    # What was found out about a manifest, which may be an ingredient many times over.
    types: dict[str, str | None] = {}
    own: dict[str, tuple[str, ...]] = {}
    active = store.get("active_manifest")
    start: tuple[str, ...] = ()
    waiting = deque([(active, "", start)] if isinstance(active, str) else [])
    while waiting and len(found) < MOST_INGREDIENTS:
        label, nearness, path = waiting.popleft()
        manifest = _mapping(manifests.get(label))
        path = (*path, label)
        left = MOST_INGREDIENTS - len(found)
        for ingredient in islice(mappings(manifest.get("ingredients")), left):
            assertion = str(ingredient.get("label"))
            status = _status(ingredient, manifests, changes.get((label, assertion)))
            below = ingredient.get("active_manifest")
            stated = source_type(store, below, types) if isinstance(below, str) else None
            found.append(_ingredient(ingredient, len(path), status, stated, manifests))
            near = _nearer(nearness, ingredient.get("relationship"))
            if status == "broken":
                continue
            if isinstance(below, str):
                if below not in own:
                    own[below] = own_signals(_mapping(details.get(below)))
                said = own[below] if below in details else ()
            else:
                said = flat_signals(_mapping(details.get(label)), assertion)
            signals.update(dict.fromkeys(f"{near}:{name}" for name in said))
            if isinstance(below, str) and below not in path and len(path) < MOST_DEEP:
                waiting.append((below, near, path))
    return tuple(found), tuple(signals)


def _ingredient(
    ingredient: Mapping[str, Any],
    depth: int,
    status: IngredientStatus,
    stated: str | None,
    manifests: Mapping[str, Any],
) -> Ingredient:
    below, title = ingredient.get("active_manifest"), ingredient.get("title")
    manifest = manifests.get(below) if isinstance(below, str) else None
    return Ingredient(
        relationship=plain(str(ingredient.get("relationship"))),
        depth=depth,
        status=status,
        digital_source_type=None if stated is None else plain(stated),
        signer=signer_of(manifest) if isinstance(manifest, Mapping) else None,
        title=plain(title) if isinstance(title, str) else None,
    )


def _status(
    ingredient: Mapping[str, Any], manifests: Mapping[str, Any], change: Mapping[str, Any] | None
) -> IngredientStatus:
    results = ingredient.get("validation_results")
    recorded = _mapping(results.get("activeManifest")) if isinstance(results, Mapping) else {}
    groups = [recorded, change or {}]
    wrong = codes_of(ingredient.get("validation_status"))
    wrong += [code for group in groups for code in codes_of(group.get("failure"))]
    if not _ONLY_UNKNOWN.issuperset(wrong):
        return "broken"
    label = ingredient.get("active_manifest")
    if not isinstance(label, str):
        return "no_manifest"
    if label not in manifests:
        return "unknown"
    held = {code for group in groups for code in codes_of(group.get("success"))}
    return "intact" if held & _HELD else "unknown"


def _changes(store: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Return what the library found now about ingredients, by manifest and assertion."""
    results = store.get("validation_results")
    deltas = results.get("ingredientDeltas") if isinstance(results, Mapping) else None
    return dict(_change(delta) for delta in mappings(deltas))


def _change(delta: Mapping[str, Any]) -> tuple[tuple[str, str], Mapping[str, Any]]:
    # self#jumbf=/c2pa/<manifest>/c2pa.assertions/<assertion>
    where = str(delta.get("ingredientAssertionURI")).rsplit("/", 3)
    key = (where[1], where[3]) if len(where) == 4 else ("", "")
    return key, _mapping(delta.get("validationDeltas"))


def _nearer(nearness: str, relationship: object) -> str:
    own = _PREFIXES.get(relationship if isinstance(relationship, str) else "", "component")
    return next(prefix for prefix in _ORDER if prefix in (own, nearness))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
