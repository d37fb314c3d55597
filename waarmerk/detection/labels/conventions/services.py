"""Services and models that sign with their names: pictures, and the music of Suno.

* Midjourney: the prompt with ``Job ID:`` and a UUID, as description (PNG text, XMP, EXIF, IPTC).
* FLUX (black-forest-labs/flux, src/flux/util.py): EXIF Make ``Black Forest Labs`` and Software
  ``AI generated;txt2img;flux``; programs built on it write their own names as Make.
* Grok of xAI: EXIF ImageDescription ``Signature: `` with Base64, and a UUID as Artist
  (wiltodelta/remove-ai-watermarks, metadata.py). The signature cannot be checked by others.
* Google: IPTC Credit ``Made with Google AI`` or ``Edited with Google AI``.
* Draw Things: XMP CreatorTool, with JSON as user comment.
* Suno: the comment ``made with suno; created=...; id=...``.
* TikTok: the MP4 key ``AigcInfo`` with ``{"aigc_label_type": 1}`` or 2, where the author or the
  platform has said that it is from AI; 0 says nothing.
* Names in Software, Make or CreatorTool, of programs that do nothing but generate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from waarmerk.detection.finding import Kind, LabelFinding
from waarmerk.detection.labels.conventions.said import json_object, line, pairs
from waarmerk.detection.labels.items import Item, Items

__all__ = [
    "CREDIT_KEYS",
    "DESCRIPTION_KEYS",
    "TOOL_KEYS",
    "draw_things",
    "flux",
    "google",
    "grok",
    "midjourney",
    "suno",
    "tiktok",
    "tools",
]

DESCRIPTION_KEYS = (
    "description",
    "dc:description",
    "exif:imagedescription",
    "iim:caption",
    "exif:usercomment",
)
CREDIT_KEYS = ("photoshop:credit", "iim:credit", "credit")
TOOL_KEYS = ("xmp:creatortool", "exif:software", "exif:make", "software")

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_JOB = re.compile(rf"\bJob ID: ({_UUID})")
_VERSION = re.compile(r"--(v|version|niji) ([0-9.]{1,8})\b")
_SIGNATURE = re.compile(r"Signature:\s{0,4}[A-Za-z0-9+/=]{64,}")
_ONLY_UUID = re.compile(_UUID, re.IGNORECASE)
_CREDIT = re.compile(r"(Made|Edited) with Google AI\.?", re.IGNORECASE)
_AI_GENERATED = re.compile(r"AI generated(?:;[A-Za-z0-9_.-]{1,40}){0,4}")
_NAME = re.compile(r"[A-Za-z0-9 ._-]{1,60}")
_SUNO = re.compile(
    r"made with suno\b(?: studio)?(?:; ?created=([0-9TZ:.+-]{1,40}))?", re.IGNORECASE
)
_SUNO_ID = re.compile(rf"\bid=({_UUID})")

# Exact beginnings, because a name can also stand in a sentence.
_TOOLS: tuple[tuple[re.Pattern[str], str, str], ...] = (
    # wiltodelta/remove-ai-watermarks: EXIF Make of a download of 2026-05-24
    (re.compile(r"Ideogram AI\b"), "ideogram", "Ideogram"),
    # The same: Software or CreatorTool of Reve
    (re.compile(r"reve\.com\b"), "reve", "Reve"),
    # CreatorTool, as several public readers of metadata expect it
    (re.compile(r"Adobe Firefly\b"), "firefly", "Adobe Firefly"),
)


def midjourney(items: Items) -> Iterator[LabelFinding]:
    """Yield descriptions in the manner of Midjourney."""
    for item in items.all(*DESCRIPTION_KEYS):
        at = item.value.rfind("Job ID: ")
        job = _JOB.match(item.value, at) if at >= 0 else None
        if job is None:
            continue
        version = _VERSION.search(item.value[max(0, at - 1000) : at])
        yield LabelFinding(
            "found",
            "generator.midjourney",
            "Midjourney job",
            kind="generated",
            system="Midjourney",
            carrier=item.carrier,
            details=pairs([("version", " ".join(version.groups()) if version else None)]),
            personal=pairs(
                [
                    ("prompt", item.value[:at]),
                    ("job", job[1]),
                    ("author", items.text("author", "dc:creator", "exif:artist")),
                ],
                lines=False,
            ),
        )
        return


def flux(items: Items) -> Iterator[LabelFinding]:
    """Yield what the programs of Black Forest Labs write, and those that took over its manner."""
    software, make = items.text("exif:software"), items.text("exif:make")
    said = _AI_GENERATED.match(software)
    ours = make == "Black Forest Labs" or (said is not None and "flux" in software)
    if said is None and not ours:
        return
    yield LabelFinding(
        "found",
        "generator.flux" if ours else "generator.unnamed",
        said[0] if said else make,
        kind="altered" if any(word in software for word in ("img2img", "fill")) else "generated",
        system=make if _NAME.fullmatch(make) else None,
        carrier="EXIF Software" if said else "EXIF Make",
        details=pairs([("model", items.text("exif:model"))]),
        personal=pairs([("prompt", items.text("exif:imagedescription"))], lines=False),
    )


def grok(items: Items) -> Iterator[LabelFinding]:
    """Yield the pair of signature and UUID that Grok writes."""
    for described, by in (
        ("exif:imagedescription", "exif:artist"),
        ("dc:description", "dc:creator"),
        ("description", "author"),
        ("iim:caption", "iim:by-line"),
    ):
        first = items.first(described)
        if first is None or not _SIGNATURE.match(first.value):
            continue
        if _ONLY_UUID.fullmatch(items.text(by)):
            yield LabelFinding(
                "found",
                "generator.grok",
                "xAI signature",
                kind="generated",
                system="Grok",
                carrier=first.carrier,
                personal=pairs([("id", items.text(by))]),
            )
            return


def google(items: Items) -> Iterator[LabelFinding]:
    """Yield the credit line of Google's programs."""
    kinds: dict[str, Kind] = {"made": "generated", "edited": "altered"}
    for item in items.all(*CREDIT_KEYS):
        match = _CREDIT.fullmatch(item.value.strip())
        if match is not None:
            yield LabelFinding(
                "found",
                "generator.google",
                line(item.value),
                kind=kinds[match[1].lower()],
                system="Google AI",
                carrier=item.carrier,
            )


def draw_things(items: Items) -> Iterator[LabelFinding]:
    """Yield what Draw Things writes into XMP."""
    tool = items.text("xmp:creatortool")
    if not tool.startswith("Draw Things"):
        return
    settings = json_object(items.text("exif:usercomment")) or {}
    yield LabelFinding(
        "found",
        "generator.drawthings",
        "Draw Things settings",
        kind="generated",
        system="Draw Things",
        carrier="XMP",
        details=pairs([("model", settings.get("model"))]),
        personal=pairs(
            [
                ("prompt", settings.get("c") or items.text("dc:description")),
                ("negative prompt", settings.get("uc")),
                ("seed", settings.get("seed")),
            ],
            lines=False,
        ),
    )


def suno(items: Items) -> Iterator[LabelFinding]:
    """Yield the comment of Suno."""
    for item in items.all("comment", "description"):
        match = _SUNO.match(item.value.strip())
        if match is None:
            continue
        song = _SUNO_ID.search(item.value[:400])
        yield LabelFinding(
            "found",
            "generator.suno",
            "made with suno",
            kind="generated",
            system="Suno",
            carrier=item.carrier,
            details=pairs([("created", match[1])]),
            # The song's page, and with it its author, is found by its id.
            personal=pairs([("id", song[1] if song else None)]),
        )
        return


def tiktok(items: Items) -> Iterator[LabelFinding]:
    """Yield what TikTok writes into a video that is said to be from AI."""
    for item in items.all("aigcinfo"):
        value = line((json_object(item.value) or {}).get("aigc_label_type"))
        if value in ("1", "2"):
            yield LabelFinding(
                "found",
                "generator.tiktok",
                f"AigcInfo {value}",
                kind="generated",
                carrier=item.carrier,
            )


def tools(items: Items) -> Iterator[LabelFinding]:
    """Yield names of generators where the name of a program stands."""
    for item in items.all(*TOOL_KEYS):
        found = _tool(item)
        if found is not None:
            yield found


def _tool(item: Item) -> LabelFinding | None:
    for pattern, standard, system in _TOOLS:
        if pattern.match(item.value):
            carrier = item.carrier
            if item.key == "xmp:creatortool":
                carrier += " CreatorTool"
            return LabelFinding(
                "found",
                f"generator.{standard}",
                system,
                kind="generated",
                system=system,
                carrier=carrier,
            )
    return None
