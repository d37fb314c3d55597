"""Web user interfaces of Stable Diffusion and its relatives: what they write into pictures.

* AUTOMATIC1111, Forge, SD.Next, Civitai and others (AUTOMATIC1111/stable-diffusion-webui,
  modules/images.py): the prompt, ``Negative prompt:`` and a line ``Steps: 20, Sampler: ...``, in
  the PNG text ``parameters``, in EXIF UserComment, and in the comment of a GIF.
* Fooocus (lllyasviel/Fooocus, modules/meta_parser.py): JSON at the same places, and which of two
  schemes it is in ``fooocus_scheme`` or MakerNote.
* SwarmUI (mcmonkeyprojects/SwarmUI): JSON with ``sui_image_params`` at the same places.
* Easy Diffusion (easydiffusion/easydiffusion, ui/easydiffusion/utils/save_utils.py): one PNG text
  for each setting, or JSON in EXIF UserComment.
* InvokeAI (invoke-ai/InvokeAI): ``invokeai_metadata``; before version 3 ``sd-metadata`` and
  ``Dream``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from waarmerk.detection.finding import Kind, LabelFinding
from waarmerk.detection.labels.conventions.said import json_object, line, pairs
from waarmerk.detection.labels.items import Item, Items

__all__ = [
    "EASY_KEYS",
    "FOOOCUS_KEYS",
    "INVOKE_KEYS",
    "JSON_KEYS",
    "TEXT_KEYS",
    "automatic1111",
    "easy_diffusion",
    "fooocus",
    "invokeai",
    "swarmui",
]

JSON_KEYS = ("parameters", "exif:usercomment", "comment")
TEXT_KEYS = (*JSON_KEYS, "exif:imagedescription")
FOOOCUS_KEYS = JSON_KEYS
EASY_KEYS = ("use_stable_diffusion_model", "stable diffusion model", "exif:usercomment")
INVOKE_KEYS = ("invokeai_metadata", "sd-metadata", "dream")

_MOST_TEXT = 1 << 20
_MOST_SETTINGS = 8000
_MOST_LINES = 20
_SETTINGS = re.compile(r"Steps: \d{1,6}, (?=[^\n]{0,4000}\b(?:Sampler|Seed|CFG scale): )")
_SETTING = re.compile(r'([A-Z][A-Za-z0-9 /_-]{0,40}): ("(?:[^"\\]|\\.){0,1000}"|[^,\n]{0,300})')
_NEGATIVE = "\nNegative prompt: "
_DREAM = re.compile(r'"(.{0,4000})"((?: -\w ?\S{0,40}){2,30})', re.DOTALL)


def automatic1111(items: Items) -> Iterator[LabelFinding]:
    """Yield what stands there in the manner of AUTOMATIC1111."""
    for item in items.all(*TEXT_KEYS):
        text = item.value[:_MOST_TEXT]
        at = _settings_at(text)
        if at < 0:
            continue
        settings = dict(_SETTING.findall(text, at, at + _MOST_SETTINGS))
        prompt, _, negative = text[:at].partition(_NEGATIVE)
        if text.startswith(_NEGATIVE[1:]):
            prompt, negative = "", text[len(_NEGATIVE) - 1 : at]
        system = _system(settings)
        yield LabelFinding(
            "found",
            "generator.automatic1111",
            f"{system} parameters",
            kind=_kind(settings),
            system=system,
            carrier=_carrier(item),
            details=pairs(
                [
                    ("model", settings.get("Model")),
                    ("model hash", settings.get("Model hash")),
                    ("version", settings.get("Version")),
                    ("sampler", settings.get("Sampler")),
                ]
            ),
            personal=pairs(
                [
                    ("prompt", prompt),
                    ("negative prompt", negative),
                    ("seed", settings.get("Seed")),
                ],
                lines=False,
            ),
        )


def _settings_at(text: str) -> int:
    """Return where the line of settings begins, the last one if there are several; -1 if none."""
    at = len(text)
    for _ in range(_MOST_LINES):
        at = text.rfind("Steps: ", 0, at)
        if at < 0 or ((not at or text[at - 1] == "\n") and _SETTINGS.match(text, at)):
            return at
    return -1


def _system(settings: dict[str, str]) -> str:
    version = settings.get("Version", "")
    if version.startswith("Fooocus"):
        return "Fooocus"
    if settings.get("App") == "SD.Next":
        return "SD.Next"
    if "Civitai resources" in settings:
        return "Civitai"
    # Forge puts the version of its base behind its own: f2.0.1v1.10.1-previous-636-gb835f24a
    if re.match(r"f\d|neo\b", version):
        return "Stable Diffusion WebUI Forge"
    return "AUTOMATIC1111 web UI"


def _kind(settings: dict[str, str]) -> Kind:
    """Return "altered" where a picture was filled in or drawn over."""
    drawn_over = "Denoising strength" in settings and not any(
        name.startswith("Hires") for name in settings
    )
    return "altered" if drawn_over or "Mask blur" in settings else "generated"


def fooocus(items: Items) -> Iterator[LabelFinding]:
    """Yield what Fooocus wrote in its own scheme."""
    scheme = items.text("fooocus_scheme", "exif:makernote")
    software = items.text("exif:software")
    for item in items.all(*JSON_KEYS):
        said = json_object(item.value)
        if said is None:
            continue
        version = line(said.get("version")) or line(said.get("Version")) or line(software)
        if scheme != "fooocus" and not version.startswith("Fooocus"):
            continue
        yield LabelFinding(
            "found",
            "generator.fooocus",
            "Fooocus parameters",
            kind="generated",
            system="Fooocus",
            carrier=_carrier(item),
            details=pairs([("model", said.get("base_model")), ("version", version)]),
            personal=_personal(said),
        )


def swarmui(items: Items) -> Iterator[LabelFinding]:
    """Yield what SwarmUI wrote."""
    for item in items.all(*JSON_KEYS):
        said = (json_object(item.value) or {}).get("sui_image_params")
        if not isinstance(said, dict):
            continue
        start = "initimage" in said
        yield LabelFinding(
            "found",
            "generator.swarmui",
            "SwarmUI parameters",
            kind="altered" if start else "generated",
            system="SwarmUI",
            carrier=_carrier(item),
            details=pairs([("model", said.get("model")), ("version", said.get("swarm_version"))]),
            personal=_personal(said),
        )


def easy_diffusion(items: Items) -> Iterator[LabelFinding]:
    """Yield what Easy Diffusion wrote."""
    model = items.first("use_stable_diffusion_model", "stable diffusion model")
    said: dict[str, Any] = {item.key: item.value for item in items} if model is not None else {}
    first = model
    for item in items.all("exif:usercomment") if model is None else ():
        found = json_object(item.value) or {}
        lowered = {key.lower(): value for key, value in found.items()}
        if "use_stable_diffusion_model" in lowered or "stable diffusion model" in lowered:
            said, first = lowered, item
    if first is None or not ("num_inference_steps" in said or "steps" in said):
        return
    name = line(said.get("use_stable_diffusion_model") or said.get("stable diffusion model"))
    start = "prompt_strength" in said or "prompt strength" in said
    yield LabelFinding(
        "found",
        "generator.easydiffusion",
        "Easy Diffusion settings",
        kind="altered" if start else "generated",
        system="Easy Diffusion",
        carrier=_carrier(first),
        # A path can name the user of the machine.
        details=pairs([("model", re.split(r"[\\/]", name)[-1])]),
        personal=_personal(said),
    )


def invokeai(items: Items) -> Iterator[LabelFinding]:
    """Yield what InvokeAI wrote."""
    for item in items.all("invokeai_metadata", "sd-metadata"):
        said = json_object(item.value)
        if said is None:
            continue
        model = said.get("model")
        if isinstance(model, dict):
            model = model.get("name") or model.get("model_name")
        image = said.get("image")
        mode = line(said.get("generation_mode")) or line(
            image.get("type") if isinstance(image, dict) else None
        )
        changed = any(word in mode for word in ("img2img", "inpaint", "outpaint"))
        yield LabelFinding(
            "found",
            "generator.invokeai",
            "InvokeAI metadata",
            kind="altered" if changed else "generated",
            system="InvokeAI",
            carrier=_carrier(item),
            details=pairs(
                [
                    ("model", model or said.get("model_weights")),
                    ("version", said.get("app_version")),
                    ("mode", mode),
                ]
            ),
            personal=_personal({**(image if isinstance(image, dict) else {}), **said}),
        )
    for item in items.all("dream"):
        match = _DREAM.match(item.value)
        if match is not None and "invokeai_metadata" not in items and "sd-metadata" not in items:
            yield LabelFinding(
                "found",
                "generator.invokeai",
                "InvokeAI command",
                kind="altered" if " -I" in match[2] else "generated",
                system="InvokeAI",
                carrier=_carrier(item),
                personal=pairs([("prompt", match[1])], lines=False),
            )


_PROMPTS = ("prompt", "positive_prompt", "full_prompt")
_NEGATIVES = ("negative_prompt", "negativeprompt", "negative prompt")


def _personal(said: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return prompts, seed and the name of the author, under whichever names they have."""

    def first(names: tuple[str, ...]) -> object:
        return next((said[name] for name in names if isinstance(said.get(name), str)), None)

    return pairs(
        [
            ("prompt", first(_PROMPTS)),
            ("negative prompt", first(_NEGATIVES)),
            ("seed", said.get("seed")),
            ("author", said.get("created_by")),
        ],
        lines=False,
    )


def _carrier(item: Item) -> str:
    """Return where an item stood, with the key if it is one that we know by its name."""
    return f"{item.carrier} {item.key}" if item.carrier.endswith(" text") else item.carrier
