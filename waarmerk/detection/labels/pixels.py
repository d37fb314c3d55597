"""Settings hidden in pixels: the lowest bits of the alpha channel, or of all colours.

::

    alpha   one bit a pixel, column by column, from top to bottom
    rgb     three bits a pixel, red, green, blue, in the same order

    "stealth_pnginfo" | "stealth_pngcomp"   15 letters; comp is compressed with gzip
    "stealth_rgbinfo" | "stealth_rgbcomp"
    length in bits, 32 bits, the highest first
    the text

NovelAI hides what it also writes into text chunks (NovelAI/novelai-image-metadata, nai_meta.py);
the web UIs of Stable Diffusion their parameters, with an extension (ashen-sensored and neggles,
sd_webui_stealth_pnginfo). It is gone as soon as a picture is compressed with loss or resized.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from waarmerk.detection.finding import LabelFinding
from waarmerk.detection.labels.conventions import findings_of
from waarmerk.detection.labels.conventions.novelai import STANDARD as NOVELAI
from waarmerk.detection.labels.conventions.said import json_object, scalar
from waarmerk.detection.labels.items import Item, Items
from waarmerk.detection.labels.source import MOST_VALUE, Source
from waarmerk.detection.reasons import STEALTH_DAMAGED

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["hidden_labels"]

_STANDARD = "generator.stealth-pnginfo"
_LETTERS = 15
_HEAD = 8 * (_LETTERS + 4)
_MAGIC = {
    "alpha": (b"stealth_pnginfo", b"stealth_pngcomp"),
    "rgb": (b"stealth_rgbinfo", b"stealth_rgbcomp"),
}
_CARRIERS = {"alpha": "bits of the alpha channel", "rgb": "bits of the colours"}


def hidden_labels(pixels: npt.NDArray[np.uint8]) -> tuple[LabelFinding, ...]:
    """Return the labels in the pixels themselves.

    Parameters
    ----------
    pixels
        ``uint8[height, width]`` has no place for one; ``[height, width, 3]`` and ``[..., 4]`` have.
    """
    if pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
        return ()
    found: list[LabelFinding] = []
    if pixels.shape[2] == 4:
        found += _labels(pixels[:, :, 3:], "alpha")
    found += _labels(pixels[:, :, :3], "rgb")
    return tuple(found)


def _labels(planes: npt.NDArray[np.uint8], where: str) -> tuple[LabelFinding, ...]:
    head = _bits(planes, 0, _HEAD)
    if head[:_LETTERS] not in _MAGIC[where]:
        return ()
    carrier = _CARRIERS[where]
    damaged = (LabelFinding("unreadable", _STANDARD, reason=STEALTH_DAMAGED, carrier=carrier),)
    length = int.from_bytes(head[_LETTERS:], "big")
    if length % 8 or length // 8 > MOST_VALUE:
        return damaged
    content = _bits(planes, _HEAD, length)
    if len(content) * 8 != length:
        return damaged
    if head[:_LETTERS].endswith(b"comp"):
        content = Source(b"").inflate(content, 31)
    text = content.decode("utf-8", "replace").strip("\0")
    if not text:
        return damaged
    found = findings_of(_items(text, carrier)) or (
        # It is there to be read by programs of one kind only, so it says that much.
        LabelFinding(
            "found",
            _STANDARD,
            "hidden generation parameters",
            kind="generated",
            carrier=carrier,
            personal=(("text", scalar(text)),),
        ),
    )
    return tuple(
        replace(label, standard="generator.novelai-stealth", carrier=carrier)
        if label.standard == NOVELAI
        else replace(label, carrier=carrier)
        for label in found
    )


def _items(text: str, carrier: str) -> Items:
    """Return the hidden text as the items that it stands for."""
    items = Items()
    said = json_object(text)
    if said is None:
        items.add(Item(carrier, "parameters", text))
        return items
    # NovelAI hides its chunks as an object; others their parameters, which can be JSON as well.
    items.add(Item(carrier, "parameters", text))
    for key, value in said.items():
        if isinstance(value, str) and not items.add(Item(carrier, key.lower()[:100], value)):
            break
    return items


def _bits(planes: npt.NDArray[np.uint8], start: int, count: int) -> bytes:
    """Return `count` bits from one on as bytes; fewer if the picture ends."""
    import numpy as np

    height, _, depth = planes.shape
    column = height * depth
    if not column or count <= 0:
        return b""
    first, last = start // column, -(-(start + count) // column)
    part = planes[:, first:last].transpose(1, 0, 2).reshape(-1) & 1
    skip = start - first * column
    return np.packbits(part[skip : skip + count]).tobytes()
