"""Keys and mark ids of the benchmark, and what a row says about a finding.

Keys and ids follow from names, so that every run marks the same pictures in the same way. They are
public by that and good for nothing else.
"""

import hashlib
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from waarmerk.bench.seeds import rng_for

if TYPE_CHECKING:
    from waarmerk import MarkId, MarkingKey
    from waarmerk.detection.file import Effort
    from waarmerk.detection.finding import WatermarkFinding


def bench_key(*name: object) -> "MarkingKey":
    """Return the benchmark's key of that name."""
    from waarmerk import MarkingKey

    secret = hashlib.sha256("\x1f".join(map(str, ("benchmark key", *name))).encode()).digest()
    return MarkingKey(secret, created="2026-01-01T00:00:00Z")


def bench_id(*name: object) -> "MarkId":
    """Return the mark id of that name, of kind generated."""
    from waarmerk import MarkId

    return MarkId(int(rng_for("mark id", *name).integers(1 << 63)))


def read_each(
    rgb: np.ndarray, keys: "list[MarkingKey]", effort: "Effort"
) -> "list[WatermarkFinding]":
    """Ask for every key by itself, over one shared analysis: no finding pays for other keys."""
    from waarmerk.detection.image import detect_each

    return detect_each(rgb, keys, effort)


def hear_each(
    samples: np.ndarray, rate: int, keys: "list[MarkingKey]", effort: "Effort"
) -> "list[WatermarkFinding]":
    """Ask for every key by itself, over one shared analysis: no finding pays for other keys."""
    from waarmerk.detection.audio import detect_each

    return detect_each(samples, rate, keys, effort)


def log10_p(finding: "WatermarkFinding") -> float:
    """Return the finding's evidence; content that could not be looked at gives none (p = 1)."""
    value = finding.log10_p
    return 0.0 if value is None or math.isnan(value) else round(min(0.0, float(value)), 4)


def reading(finding: "WatermarkFinding", sent: "MarkId") -> dict[str, Any]:
    """Describe a finding for a picture that carries `sent`."""
    row: dict[str, Any] = {
        "status": finding.status,
        "found": finding.found,
        "log10_p": log10_p(finding),
        "exact": finding.found and finding.mark_id == sent,
        "wrong": finding.found and finding.mark_id is not None and finding.mark_id != sent,
    }
    if finding.geometry is not None:
        row["geometry"] = finding.geometry.as_dict()
    if getattr(finding, "segments", ()):
        row["segments"] = [[round(s.start, 2), round(s.end, 2)] for s in finding.segments]
    return row


def look_for(
    rgb: np.ndarray, key: "MarkingKey", sent: "MarkId", effort: "Effort" = "full"
) -> dict[str, Any]:
    """Detect in a picture and describe."""
    from waarmerk import detect_image

    return described(lambda: detect_image(rgb, keys=[key], effort=effort), sent)


def listen_for(
    samples: np.ndarray, rate: int, key: "MarkingKey", sent: "MarkId", effort: "Effort" = "full"
) -> dict[str, Any]:
    """Detect in a sound and describe."""
    from waarmerk import detect_audio

    return described(lambda: detect_audio(samples, rate, keys=[key], effort=effort), sent)


def described(detect: "Callable[[], WatermarkFinding]", sent: "MarkId") -> dict[str, Any]:
    """Describe what is found; a detector that raises has read nothing, and the run goes on."""
    try:
        return reading(detect(), sent)
    except Exception as error:  # noqa: BLE001 - whatever it is, it counts against the detector
        reason = f"{type(error).__name__}: {error}"
        return {"status": "error", "found": False, "log10_p": 0.0, "exact": False, "reason": reason}
