"""NovelAI: text chunks of a PNG, and the same in the lowest bits of its alpha channel.

::

    Title        AI generated image
    Software     NovelAI
    Source       NovelAI Diffusion V4.5 4F2FE5DB
    Description  the prompt
    Comment      {"prompt": ..., "uc": ..., "seed": ..., "request_type": "PromptGenerateRequest"}

(NovelAI/novelai-image-metadata, nai_meta.py.) A WebP has all of it as JSON in EXIF UserComment.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from waarmerk.detection.finding import LabelFinding
from waarmerk.detection.labels.conventions.said import json_object, line, pairs
from waarmerk.detection.labels.items import Item, Items

__all__ = ["KEYS", "STANDARD", "novelai"]

STANDARD = "generator.novelai"
KEYS = ("software", "source", "title", "exif:usercomment")

_TITLE = "AI generated image"
_CHANGED = ("Img2Img", "Infill")


def novelai(items: Items) -> Iterator[LabelFinding]:
    """Yield what NovelAI wrote."""
    said: dict[str, Any] = {
        key: items.text(key) for key in ("title", "software", "source", "description", "comment")
    }
    first: Item | None = items.first("software", "source", "title")
    if not _is_novelai(said):
        for item in items.all("exif:usercomment"):
            found = json_object(item.value) or {}
            said = {key.lower(): value for key, value in found.items()}
            if _is_novelai(said):
                first = item
                break
        else:
            return
    comment = json_object(said["comment"]) if isinstance(said.get("comment"), str) else None
    settings = comment or {}
    changed = any(word in line(settings.get("request_type")) for word in _CHANGED)
    prompt = settings.get("prompt") or said.get("description")
    yield LabelFinding(
        "found",
        STANDARD,
        "NovelAI metadata",
        kind="altered" if changed else "generated",
        system="NovelAI",
        carrier=first.carrier if first else None,
        details=pairs([("model", said.get("source"))]),
        personal=pairs(
            [
                ("prompt", prompt),
                ("negative prompt", settings.get("uc")),
                ("seed", settings.get("seed")),
            ],
            lines=False,
        ),
    )


def _is_novelai(said: dict[str, Any]) -> bool:
    named = any(line(said.get(key)).startswith("NovelAI") for key in ("software", "source"))
    return named or (
        said.get("title") == _TITLE and json_object(str(said.get("comment", ""))) is not None
    )
