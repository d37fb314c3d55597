"""ComfyUI: the graph that made a picture, a sound or a video.

``prompt`` is the graph as it ran, ``workflow`` as it is drawn. They are (comfyanonymous/ComfyUI):

* PNG text of these names (nodes.py, SaveImage);
* EXIF Model as ``prompt:{...}`` and Make as ``workflow:{...}`` of a WebP (comfy_api/latest/_ui.py);
* tags of FLAC, Opus, MP3 (comfy_extras/nodes_audio.py) and keys of MP4 and WebM
  (comfy_api/latest/_input_impl/video_types.py);
* one JSON object with both as comment of a video (Kosinkadink/ComfyUI-VideoHelperSuite).

A graph can also just cut or enlarge a picture. Only one with a sampler is said to generate, and one
that loads a picture or a video first, to alter that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from waarmerk.detection.finding import Kind, LabelFinding
from waarmerk.detection.labels.conventions.said import json_object, pairs
from waarmerk.detection.labels.items import Item, Items

__all__ = ["KEYS", "comfyui"]

_EXIF = ("exif:model", "exif:make", "exif:imagedescription", "exif:usercomment")
KEYS = ("prompt", "workflow", "comment", *_EXIF)

_MODELS = ("ckpt_name", "unet_name", "model_name")
_TEXTS = ("text", "text_g", "text_l", "clip_l", "t5xxl", "prompt")
_MOST_NODES = 2000


def comfyui(items: Items) -> Iterator[LabelFinding]:
    """Yield what ComfyUI wrote: one finding for all of it."""
    ran: dict[str, Any] | None = None
    drawn: dict[str, Any] | None = None
    first: Item | None = None
    for item, name, text in _said(items):
        graph = json_object(text)
        if graph is None:
            continue
        if name == "prompt" and ran is None and _ran(graph):
            ran, first = graph, first or item
        elif name == "workflow" and drawn is None and isinstance(graph.get("nodes"), list):
            drawn, first = graph, first or item
    if first is None:
        return
    nodes = _nodes(ran, drawn)
    kinds = [kind for kind, _ in nodes]
    inputs = [said for _, said in nodes]
    yield LabelFinding(
        "found",
        "generator.comfyui",
        "ComfyUI workflow",
        kind=_kind(kinds),
        system="ComfyUI",
        carrier=f"{first.carrier} {first.key}" if first.carrier == "PNG text" else first.carrier,
        details=pairs([("model", _first(inputs, _MODELS)), ("nodes", len(nodes))]),
        personal=pairs(
            [("prompt", _first(inputs, _TEXTS)), ("seed", _first(inputs, ("seed", "noise_seed")))],
            lines=False,
        ),
    )


def _said(items: Items) -> Iterator[tuple[Item, str, str]]:
    """Yield the item, "prompt" or "workflow", and the text of each graph there may be."""
    for item in items.all("prompt", "workflow"):
        yield item, item.key, item.value
    for item in items.all(*_EXIF):
        name, colon, text = item.value.partition(":")
        if colon and name.lower() in ("prompt", "workflow"):
            yield item, name.lower(), text
    for item in items.all("comment", "exif:usercomment"):
        if '"workflow"' not in item.value and '"prompt"' not in item.value:
            continue
        both = json_object(item.value) or {}
        for name in ("prompt", "workflow"):
            graph = both.get(name)
            if isinstance(graph, str):
                yield item, name, graph
            elif isinstance(graph, dict) and name == "workflow":
                nodes = graph.get("nodes")
                if isinstance(nodes, list):
                    yield item, name, item.value[: 1 << 22]


def _ran(graph: dict[str, Any]) -> bool:
    return any(
        isinstance(node, dict) and isinstance(node.get("class_type"), str)
        for node in list(graph.values())[:_MOST_NODES]
    )


def _nodes(
    ran: dict[str, Any] | None, drawn: dict[str, Any] | None
) -> list[tuple[str, dict[str, Any]]]:
    """Return class and inputs of each node."""
    found = []
    if ran is not None:
        for node in list(ran.values())[:_MOST_NODES]:
            if isinstance(node, dict) and isinstance(node.get("class_type"), str):
                inputs = node.get("inputs")
                found.append((node["class_type"], inputs if isinstance(inputs, dict) else {}))
    elif drawn is not None:
        for node in drawn["nodes"][:_MOST_NODES]:
            if isinstance(node, dict) and isinstance(node.get("type"), str):
                found.append((node["type"], {}))
    return found


def _kind(classes: list[str]) -> Kind | None:
    if not any("Sampler" in name for name in classes):
        return None
    loads = any(name.startswith(("LoadImage", "LoadVideo", "VHS_LoadVideo")) for name in classes)
    return "altered" if loads else "generated"


def _first(inputs: list[dict[str, Any]], names: tuple[str, ...]) -> object:
    """Return the first value under one of these names that is no link to another node."""
    for name in names:
        for said in inputs:
            value = said.get(name)
            if isinstance(value, str | int | float) and value != "":
                return value
    return None
