"""Conventions: what items mean. A table; one entry and one test for each.

An entry names the keys that it looks at, so that a file without them costs nothing, and a function
from items to findings. Nothing here is a guess from style: a convention is a standard, or what a
program is known to write; where that is known from stands with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from waarmerk.detection.finding import LabelFinding
from waarmerk.detection.labels.conventions import aigc, comfyui, iptc, novelai, services, web_uis
from waarmerk.detection.labels.items import Items

__all__ = ["CONVENTIONS", "Convention", "findings_of"]

_MOST_FINDINGS = 50


@dataclass(frozen=True, slots=True)
class Convention:
    """One way to say that something comes from AI.

    Parameters
    ----------
    keys
        Items without one of these say nothing in it; empty if it looks at all.
    read
        Gives what they say.
    """

    keys: tuple[str, ...]
    read: Callable[[Items], Iterable[LabelFinding]]


CONVENTIONS: Final = (
    Convention(iptc.SOURCE_TYPE_KEYS, iptc.source_types),
    Convention(iptc.SYSTEM_KEYS, iptc.systems),
    Convention(iptc.REMOTE_KEYS, iptc.remote_manifests),
    Convention((), aigc.labels),
    Convention(novelai.KEYS, novelai.novelai),
    Convention(comfyui.KEYS, comfyui.comfyui),
    Convention(web_uis.TEXT_KEYS, web_uis.automatic1111),
    Convention(web_uis.FOOOCUS_KEYS, web_uis.fooocus),
    Convention(web_uis.JSON_KEYS, web_uis.swarmui),
    Convention(web_uis.EASY_KEYS, web_uis.easy_diffusion),
    Convention(web_uis.INVOKE_KEYS, web_uis.invokeai),
    Convention(("xmp:creatortool",), services.draw_things),
    Convention(services.DESCRIPTION_KEYS, services.midjourney),
    Convention(("exif:make", "exif:software"), services.flux),
    Convention(services.DESCRIPTION_KEYS, services.grok),
    Convention(services.CREDIT_KEYS, services.google),
    Convention(("comment", "description"), services.suno),
    Convention(("aigcinfo",), services.tiktok),
    Convention(services.TOOL_KEYS, services.tools),
)


def findings_of(items: Items) -> tuple[LabelFinding, ...]:
    """Return what items say, each thing once, in the order of the table."""
    found: dict[LabelFinding, None] = {}
    for convention in CONVENTIONS:
        if not convention.keys or any(key in items for key in convention.keys):
            found |= dict.fromkeys(convention.read(items))
    for place in items.unreadable:
        found[LabelFinding("unreadable", reason=place.reason, carrier=place.carrier)] = None
    return tuple(found)[:_MOST_FINDINGS]
