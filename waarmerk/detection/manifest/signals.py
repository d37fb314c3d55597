"""What a manifest says about AI, in the fourteen words of the C2PA asset rubrics.

The C2PA publishes rules that name what matters to a person who looks at a file ("C2PA Asset Signals
Rubric (Local)" 1.0 of 6 August 2026, with the conformance programme)::

    inception:signal_*         how the asset came to be: captured, drawn, generated, of unknown past
    transformation:signal_*    what was done to it since

They are written for one manifest at a time, in a language of their own. Here each is one entry of a
table. Only assertions and claims in the form of C2PA 2 count in the rubric
(``c2pa.actions.v2``); what an older manifest says is in the digital source type of the finding.

All of it may come from a hostile file: any value can have any type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from waarmerk.marking.provenance import GENERATIVE, mappings

__all__ = ["SIGNALS", "flat_signals", "own_signals"]

_IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_C2PA = "http://c2pa.org/digitalsourcetype/"
_ACTIONS = "c2pa.actions.v2"
_INGREDIENT = "c2pa.ingredient.v3"
_MOST_ACTIONS = 10_000

# The lists at the head of the rubric.
_INCEPTION = frozenset({"c2pa.created", "c2pa.opened"})
_NON_EDITORIAL = frozenset(
    {
        "c2pa.converted",
        "c2pa.published",
        "c2pa.repackaged",
        "c2pa.transcoded",
        "c2pa.resized.proportional",
        "c2pa.enhanced",
        "c2pa.edited.metadata",
        "c2pa.watermarked",
        "c2pa.watermarked.bound",
        "c2pa.watermarked.unbound",
        "c2pa.redacted",
    }
)
_POSSIBLY = frozenset({_IPTC + "digitalArt", _IPTC + "composite"})

Manifest = Mapping[str, Any]


def _began(*terms: str) -> Callable[[Manifest], bool]:
    """Return a test for an asset that was created, or opened, as one of these source types."""

    def test(manifest: Manifest) -> bool:
        return any(
            action.get("action") in _INCEPTION and action.get("digitalSourceType") in terms
            for action in _named(manifest)
        )

    return test


def _edits(manifest: Manifest) -> Iterator[object]:
    """Yield the source types of the actions that can be perceived; None where there is none."""
    for action in _named(manifest):
        if action["action"] not in _INCEPTION and action["action"] not in _NON_EDITORIAL:
            term = action.get("digitalSourceType")
            yield term if isinstance(term, str) or term is None else ""


def _unknown_past(manifest: Manifest) -> bool:
    ingredient = _store(manifest).get(_INGREDIENT)
    return isinstance(ingredient, Mapping) and ingredient.get("activeManifest") is None


def _ambiguous(manifest: Manifest) -> bool:
    actions = _store(manifest).get(_ACTIONS)
    if not isinstance(actions, Mapping) or not list(_actions(manifest)):
        return True
    if actions.get("allActionsIncluded") is not True:
        return True
    names = [action["action"] for action in _named(manifest)]
    if any(not name.startswith("c2pa.") or name == "c2pa.unknown" for name in names):
        return True
    claim = manifest.get("claim")
    if not isinstance(claim, Mapping) or claim.get("claim_version") == 1:
        return False
    gathered = claim.get("gathered_assertions")
    return any("c2pa.actions" in str(reference.get("url")) for reference in mappings(gathered))


SIGNALS: dict[str, Callable[[Manifest], bool]] = {
    "inception:signal_blankCanvas": _began(_C2PA + "empty"),
    "inception:signal_capturedMedia": _began(
        _IPTC + "digitalCapture", _IPTC + "computationalCapture"
    ),
    "inception:signal_capturedMediaStitched": _began(_IPTC + "compositeCapture"),
    "inception:signal_compositionMayContainGenAI": _began(_IPTC + "composite"),
    "inception:signal_fullyGenAIMedia": _began(_IPTC + "trainedAlgorithmicMedia"),
    "inception:signal_mediaUnknownProvenance": _unknown_past,
    "inception:signal_nonGenAIDigitalCreation": _began(_IPTC + "digitalCreation"),
    "inception:signal_partlyGenAICreation": _began(_IPTC + "compositeWithTrainedAlgorithmicMedia"),
    "inception:signal_screenCaptureMayContainGenAI": _began(_IPTC + "screenCapture"),
    "transformation:signal_ambiguousActions": _ambiguous,
    "transformation:signal_nonEditorial": lambda manifest: any(
        action["action"] in _NON_EDITORIAL for action in _named(manifest)
    ),
    "transformation:signal_perceptibleGenAI": lambda manifest: any(
        term in GENERATIVE for term in _edits(manifest)
    ),
    "transformation:signal_perceptibleNonGenAI": lambda manifest: any(
        term is not None and term not in GENERATIVE for term in _edits(manifest)
    ),
    "transformation:signal_perceptiblePossiblyGenAI": lambda manifest: any(
        term in _POSSIBLY for term in _edits(manifest)
    ),
}
"""The rubric, by the names that it gives: what holds for one manifest."""


def own_signals(manifest: Manifest) -> tuple[str, ...]:
    """Return the names of the signals that one manifest gives.

    Parameters
    ----------
    manifest
        With its ``claim`` and ``assertion_store``, as the C2PA library's `Reader.detailed_json`
        has it.

    Examples
    --------
    >>> created = {"action": "c2pa.created", "digitalSourceType": _IPTC + "trainedAlgorithmicMedia"}
    >>> actions = {"actions": [created], "allActionsIncluded": True}
    >>> own_signals({"assertion_store": {"c2pa.actions.v2": actions}})
    ('inception:signal_fullyGenAIMedia',)
    """
    return tuple(name for name, holds in SIGNALS.items() if holds(manifest))


def flat_signals(manifest: Manifest, label: str) -> tuple[str, ...]:
    """Return the signals of an ingredient that has no manifest, by what its user says of it.

    The rubrics' evaluator takes it for an asset of its own that was created as the source type that
    the ingredient names, or that an action names which opened it.

    Parameters
    ----------
    manifest
        The one that has the ingredient.
    label
        Of the ingredient's assertion.
    """
    store = _store(manifest)
    ingredient = store.get(label)
    term = ingredient.get("digitalSourceType") if isinstance(ingredient, Mapping) else None
    if not term:
        opened = (
            action.get("digitalSourceType")
            for name, data in store.items()
            if str(name).startswith("c2pa.actions") and isinstance(data, Mapping)
            for action in islice(mappings(data.get("actions")), _MOST_ACTIONS)
            if action.get("action") == "c2pa.opened"
        )
        term = next((found for found in opened if found), None)
    if not isinstance(term, str):
        return ()
    created = {"action": "c2pa.created", "digitalSourceType": term}
    actions = {"actions": [created], "allActionsIncluded": True}
    return own_signals({"assertion_store": {_ACTIONS: actions}})


def _store(manifest: Manifest) -> Mapping[str, Any]:
    store = manifest.get("assertion_store")
    return store if isinstance(store, Mapping) else {}


def _actions(manifest: Manifest) -> Iterator[Mapping[str, Any]]:
    data = _store(manifest).get(_ACTIONS)
    actions = data.get("actions") if isinstance(data, Mapping) else None
    return islice(mappings(actions), _MOST_ACTIONS)


def _named(manifest: Manifest) -> Iterator[Mapping[str, Any]]:
    """Yield the actions that have a name which is one."""
    return (action for action in _actions(manifest) if isinstance(action.get("action"), str))
