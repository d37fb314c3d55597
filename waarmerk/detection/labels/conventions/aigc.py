"""The label of GB 45438-2025 (China), Annex E, in every carrier.

::

    {"AIGC": {"Label": "1", "ContentProducer": "...", "ProduceID": "...", "ReservedCode1": "...",
              "ContentPropagator": "...", "PropagateID": "...", "ReservedCode2": "..."}}

``Label`` is "1" for generated, "2" for possibly generated, "3" for suspected. The object also
occurs bare, in a text of its own inside the outer one, with keys in lower case, and as properties
of XMP. A service that others build on names itself ``ServiceProvider``. Producer and propagator are
codes of companies, and the two ids are those of the content.

Carriers: XMP (GB 45438-2025, 6.2), and by the practice guides TC260-PG-20257A and its companions
MP4 keys, tags of Matroska, lists of AVI, chunks of WAV, ID3 TXXX; seen in the wild are also PNG
text, EXIF UserComment and ImageDescription, a segment of JPEG, comments, and front matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from waarmerk.detection.finding import Kind, LabelFinding
from waarmerk.detection.labels.conventions.said import json_object, line, pairs
from waarmerk.detection.labels.items import Item, Items
from waarmerk.detection.reasons import NO_AIGC
from waarmerk.marking.text_label import AIGC

__all__ = ["labels"]

_FIELDS = (
    "Label",
    "ContentProducer",
    "ProduceID",
    "ReservedCode1",
    "ContentPropagator",
    "PropagateID",
    "ReservedCode2",
    "ServiceProvider",
)
_NAMES = {name.lower(): name for name in _FIELDS}
# One of these makes an object a label; "Label" alone could be anybody's.
_TELLING = frozenset(_NAMES) - {"label"}
_VALUE = re.compile(r"[A-Za-z0-9]{1,8}")
_OWN_KEYS = frozenset({"aigc", "tc260:aigc"})
_KINDS: dict[str, Kind] = {"1": "generated"}


def labels(items: Items) -> Iterator[LabelFinding]:
    """Yield the labels among items."""
    properties: dict[str, Any] = {}
    carrier = None
    for item in items:
        if item.key in _OWN_KEYS:
            yield _label(item) or LabelFinding(
                "unreadable", AIGC, reason=NO_AIGC, carrier=item.carrier
            )
        elif item.key == "aigc label":  # read by the reader of texts
            yield _finding({"label": item.value}, item.carrier)
        elif item.key.startswith("tc260:") and item.key[6:] in _NAMES:
            properties[item.key[6:]] = item.value
            carrier = item.carrier
        elif item.value.lstrip()[:1] == "{" and _mentions(item.value):
            found = _label(item)
            if found is not None:
                yield found
    if "label" in properties:
        yield _finding(properties, carrier)


def _mentions(text: str) -> bool:
    return '"AIGC"' in text[:1000] or "ContentProducer" in text or "ServiceProvider" in text


def _label(item: Item) -> LabelFinding | None:
    """Return what the value of an item says; None if it is no label."""
    outer = json_object(item.value)
    if outer is None:
        # The bare value, as some tags hold it.
        bare = item.value.strip()
        own = item.key in _OWN_KEYS and bare in ("1", "2", "3")
        return _finding({"label": bare}, item.carrier) if own else None
    inner: Any = next((outer[key] for key in outer if key.lower() == "aigc"), None)
    certain = inner is not None or item.key in _OWN_KEYS
    if isinstance(inner, str):
        inner = json_object(inner)
    elif inner is None:
        inner = outer
    if not isinstance(inner, dict):
        return None
    fields = {key.lower(): value for key, value in inner.items()}
    if fields.keys() & _TELLING or (certain and "label" in fields):
        return _finding(fields, item.carrier)
    return None


def _finding(fields: dict[str, Any], carrier: str | None) -> LabelFinding:
    value = line(fields.get("label"))
    if _VALUE.fullmatch(value) is None:
        value = ""
    said = [(_NAMES[key], fields.get(key)) for key in _NAMES if key != "label"]
    return LabelFinding(
        "found",
        AIGC,
        value or "AIGC",
        kind=_KINDS.get(value),
        carrier=carrier,
        details=pairs(said),
    )
