"""The words of C2PA 2.4 that manifests written here may use, and a check that they use no others.

The C2PA library writes whatever it is given: an action that does not exist, a source type from
nowhere, an empty disclosure. A manifest is public and cannot be taken back, so it is checked here
before it is signed. Checked are the rules that validators and the C2PA's asset rubrics (1.0 of
6 August 2026, for specification 2.4 and conformance programme 0.2) apply to what is in a manifest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from waarmerk.errors import InputError, SigningError
from waarmerk.marking.provenance import mappings

__all__ = [
    "ACTIONS",
    "LANGUAGES",
    "MODEL_TYPE",
    "MODEL_TYPES",
    "NO_SOURCE",
    "OVERSIGHT",
    "SOURCE_TYPES",
    "TRAINING",
    "USES",
    "full_source_type",
    "is_domain",
    "is_language",
    "is_model_type",
    "require_sound",
]

_IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_C2PA = "http://c2pa.org/digitalsourcetype/"

INCEPTIONS = ("c2pa.created", "c2pa.opened")

# Actions that a caller can report besides what is reported anyway (C2PA 2.4, 18.15.2). Not here:
# how the asset began, watermarks and placed ingredients, which waarmerk itself knows of; removal
# and redaction, which name an ingredient or an assertion; and deprecated ones.
ACTIONS = frozenset(
    "c2pa." + name
    for name in (
        "addedText",
        "adjustedColor",
        "changedSpeed",
        "converted",
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
        "orientation",
        "published",
        "remixed",
        "repackaged",
        "resized",
        "resized.proportional",
        "transcoded",
        "translated",
        "trimmed",
        "unknown",
    )
)

# Of these, the ones that change nothing that people see or hear; all others must say by what kind
# of source the change was made (conformance programme 0.2).
NO_SOURCE = frozenset(
    "c2pa." + name
    for name in (
        "converted",
        "edited.metadata",
        "enhanced",
        "published",
        "repackaged",
        "resized.proportional",
        "transcoded",
    )
)
LANGUAGES = ("c2pa.dubbed", "c2pa.translated")
"""Actions from one language to another; the second has to say which (C2PA 2.4, 18.15.4)."""

_OURS = frozenset({"c2pa.placed", "c2pa.watermarked.bound", "c2pa.watermarked.unbound"})

SOURCE_TYPES = {
    **{
        name: _IPTC + name  # cv.iptc.org/newscodes/digitalsourcetype, less the retired ones
        for name in (
            "algorithmicMedia",
            "algorithmicallyEnhanced",
            "composite",
            "compositeCapture",
            "compositeSynthetic",
            "compositeWithTrainedAlgorithmicMedia",
            "computationalCapture",
            "dataDrivenMedia",
            "digitalCapture",
            "digitalCreation",
            "humanEdits",
            "negativeFilm",
            "positiveFilm",
            "print",
            "screenCapture",
            "trainedAlgorithmicMedia",
            "virtualRecording",
        )
    },
    "trainedAlgorithmicData": _C2PA + "trainedAlgorithmicData",
}
"""Digital source types by the name that people write."""

MODEL_TYPE = "c2pa.types.model"
MODEL_TYPES = frozenset(
    MODEL_TYPE + name  # C2PA 2.4, table 12: formats of models, not what they are for
    for name in (
        "",
        ".caffe",
        ".caffe2",
        ".catboost",
        ".coreml",
        ".flax",
        ".huggingface.transformers",
        ".jax",
        ".keras",
        ".lightgbm",
        ".ml_net",
        ".mxnet",
        ".onnx",
        ".openvino",
        ".openvino.parameter",
        ".openvino.topology",
        ".paddle",
        ".pytorch",
        ".sklearn",
        ".tensorflow",
        ".tensorrt",
        ".tflite",
        ".torchscript",
        ".xgboost",
    )
)
OVERSIGHT = ("fully_autonomous", "prompt_guided", "human_validated")  # C2PA 2.4, 18.28.4
# CAWG training and data mining assertion 1.1
TRAINING = ("ai_generative_training", "ai_inference", "ai_training", "data_mining")
USES = ("allowed", "notAllowed")

_DOMAIN = re.compile(r"[A-Za-z0-9-]{1,40}(?:\.[A-Za-z0-9-]{1,40}){1,5}")  # C2PA 2.4, 18.28.4
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,5}")
_KEY_ID = re.compile(r"[0-9a-f]{16}")


def full_source_type(name: str) -> str:
    """Return a digital source type as manifests write it.

    Raises
    ------
    InputError
        If it is not one.
    """
    if name in SOURCE_TYPES.values():
        return name
    try:
        return SOURCE_TYPES[name]
    except KeyError:
        raise InputError(
            f"{name!r:.60} is not a digital source type; use one of {', '.join(SOURCE_TYPES)}"
        ) from None


def require_sound(definition: Mapping[str, Any]) -> None:
    """Refuse a manifest that a validator or the official asset rubric would complain about.

    Parameters
    ----------
    definition
        As the C2PA library takes it.

    Raises
    ------
    SigningError
        With the first thing that is wrong. That is a mistake of waarmerk, not of its caller, whose
        input was checked before.
    """
    for problem in _problems(definition):
        raise SigningError(
            f"the manifest would not follow C2PA 2.4, so nothing is signed: {problem}"
        )


def _problems(definition: Mapping[str, Any]) -> Iterator[str]:
    made = {a["label"]: a["data"] for a in mappings(definition["assertions"])}
    for label, data in made.items():
        if label not in _CHECKS:
            yield f"{label} is not an assertion that is written here"
        else:
            yield from _CHECKS[label](data)
    ingredients = {
        str(i.get("label")): i.get("relationship") for i in mappings(definition.get("ingredients"))
    }
    if sorted(ingredients.values(), key=str).count("parentOf") > 1:
        yield "it has more than one parent"
    actions = list(mappings(made.get("c2pa.actions.v2", {}).get("actions")))
    bound = any(action["action"] == "c2pa.watermarked.bound" for action in actions)
    if bound != ("c2pa.soft-binding" in made):
        yield "a bound watermark and a soft binding come together"


def _actions(data: Mapping[str, Any]) -> Iterator[str]:
    actions = list(mappings(data.get("actions")))
    names = [str(action.get("action")) for action in actions]
    if not names or names[0] not in INCEPTIONS or not set(INCEPTIONS).isdisjoint(names[1:]):
        yield "its first action, and no other, is c2pa.created or c2pa.opened"
    if data.get("allActionsIncluded") is not True:
        yield "allActionsIncluded is missing"
    for name, action in zip(names, actions, strict=True):
        source = action.get("digitalSourceType")
        if name not in ACTIONS and name not in INCEPTIONS and name not in _OURS:
            yield f"{name} is not an action"
        if source is not None and source not in SOURCE_TYPES.values():
            yield f"{source!r:.60} is not a digital source type"
        if name == "c2pa.opened" and source is not None:
            yield "c2pa.opened has a digital source type"
        if source is None and (name in ACTIONS - NO_SOURCE or name == "c2pa.created"):
            yield f"{name} has no digital source type"
        parameters = action.get("parameters", {})
        if name == "c2pa.translated" and not {"sourceLanguage", "targetLanguage"} <= set(
            parameters
        ):
            yield "c2pa.translated does not say from and to what language"
        given = parameters.get("ingredientIds")
        if name == "c2pa.opened" and (not isinstance(given, list) or len(given) != 1):
            yield "c2pa.opened does not name the one thing that was opened"


def _binding(data: Mapping[str, Any]) -> Iterator[str]:
    if not data.get("alg") or "." not in str(data["alg"]):
        yield "a soft binding names its algorithm, of two or more labels"
    if not list(mappings(data.get("blocks"))):
        yield "a soft binding has a block"
    if "alg-params" in data and not _KEY_ID.fullmatch(str(data["alg-params"])):
        yield "the key of a soft binding has 16 hexadecimal digits"


def _disclosure(data: Mapping[str, Any]) -> Iterator[str]:
    if data.get("modelType") not in MODEL_TYPES and not _own(str(data.get("modelType"))):
        yield "c2pa.ai-disclosure needs a model type of C2PA 2.4, table 12"
    level = data.get("contentProfile", {}).get("humanOversightLevel", OVERSIGHT[0])
    if level not in OVERSIGHT:
        yield f"{level!r:.60} is not a level of human oversight"
    for domain in data.get("scientificDomain", []):
        if not is_domain(domain):
            yield f"{domain!r:.60} is not a scientific domain"


def _training(data: Mapping[str, Any]) -> Iterator[str]:
    entries = data.get("entries")
    if not isinstance(entries, Mapping) or not entries:
        yield "cawg.training-mining has no entries"
        return
    for name, entry in entries.items():
        if name not in [f"cawg.{purpose}" for purpose in TRAINING] or entry.get("use") not in USES:
            yield f"{name} is not an entry of cawg.training-mining"


def _metadata(data: Mapping[str, Any]) -> Iterator[str]:
    context = data.get("@context")
    if not isinstance(context, Mapping) or len(data) < 2:
        yield "cawg.metadata has a context and something in it"
        return
    for name in data:
        if name != "@context" and name.partition(":")[0] not in context:
            yield f"{name} of cawg.metadata is not in its context"


def is_domain(term: object) -> bool:
    """Return whether it has the form of a scientific domain in arXiv's taxonomy, like `cs.CV`."""
    return isinstance(term, str) and _DOMAIN.fullmatch(term) is not None


def is_language(tag: object) -> bool:
    """Return whether it has the form of a language tag (BCP 47), like `nl` or `pt-BR`."""
    return isinstance(tag, str) and _LANGUAGE.fullmatch(tag) is not None


def is_model_type(name: object) -> bool:
    """Return whether a model type is one of C2PA's, or one in a name space of its own owner."""
    return isinstance(name, str) and (name in MODEL_TYPES or _own(name))


def _own(name: str) -> bool:
    """Return whether it is an entity's own label (C2PA 2.4, 6.2.2), in a name space not C2PA's."""
    return (
        not name.startswith("c2pa.")
        and re.fullmatch(
            r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}(?:\.[A-Za-z0-9][A-Za-z0-9_-]{0,60}){1,9}", name
        )
        is not None
    )


_CHECKS = {
    "c2pa.actions.v2": _actions,
    "c2pa.soft-binding": _binding,
    "c2pa.ai-disclosure": _disclosure,
    "cawg.training-mining": _training,
    "cawg.metadata": _metadata,
}
