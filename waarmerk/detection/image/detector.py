"""From an array to a finding: fast look, full search, and the price of everything tried.

The chance of a false alarm is shared out beforehand, a quarter to each row (docs/statistics.md):

====================  =================================================
what is tried         hypotheses that it pays for
====================  =================================================
sync, upright         8 orientations x 2 signs
payload, upright      2 orientations x 2^64 ids
sync, searched        3 geometries x 8 orientations x 2 signs x 336^2 shifts
payload, searched     12 readings x 64 places in the grid x 2^64 ids
====================  =================================================

and whoever asks for several keys pays once more for their number.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from waarmerk.detection.finding import Geometry, WatermarkFinding
from waarmerk.detection.image.analysis import Analysis
from waarmerk.detection.image.evidence import (
    VARIANTS,
    PayloadEvidence,
    read_payload,
    upright_sync,
)
from waarmerk.detection.image.search import SEEN, describe, search
from waarmerk.detection.statistics import log10_of_best
from waarmerk.marking.image.scheme import ORIENTATIONS, SCHEME, KeyPattern, key_pattern
from waarmerk.marking.key import MarkingKey
from waarmerk.marking.payload import MarkId

__all__ = ["FOUND_LOG10_P", "SMALLEST_SIDE", "detect_array", "detect_each"]

FOUND_LOG10_P = -9.0  # at most one false alarm in a thousand million (picture, keys) questions
SMALLEST_SIDE = 64  # pixels: too little of the band is left below
_LONGEST_TO_SHORTEST = 32  # a longer strip would need a canonical picture of many megapixels
_SHARES = 4  # rows of the table above
_UPRIGHT_READINGS = 2
_GATE = 3.2  # deviations of payload energy from which the payload is decoded

Effort = Literal["fast", "full"]


def detect_array(
    pixels: NDArray[np.uint8], keys: Sequence[MarkingKey], effort: Effort = "full"
) -> WatermarkFinding:
    """Look for the mark of any of some keys.

    Parameters
    ----------
    pixels : uint8 [H, W], [H, W, 3] or [H, W, 4]
        Upright, gamma-encoded as displayed. A fourth channel is ignored.
    keys
        At least one.
    effort
        ``"fast"``: the whole picture in its eight orientations. ``"full"``: also crops, scales
        0.62 to 2.6, any angle, and aspects up to 1.35, when the fast look finds nothing.

    Returns
    -------
    WatermarkFinding
        The strongest; its p-value has the number of keys paid for. ``unreadable`` when the
        picture is too small or too long a strip to look at.

    Raises
    ------
    ValueError
        If the array is not such a picture, or there is no key.
    """
    # An id has to stand by itself, so its own proof pays for the keys as well.
    findings = _detect_all(pixels, keys, effort, FOUND_LOG10_P - math.log10(max(len(keys), 1)))
    best = min(findings, key=_log10_p)
    if best.status == "unreadable":
        return best
    log10_p = log10_of_best(_log10_p(best), len(findings))
    return _finding(best.key_id, log10_p, best.mark_id, best.geometry)


def detect_each(
    pixels: NDArray[np.uint8], keys: Sequence[MarkingKey], effort: Effort = "full"
) -> list[WatermarkFinding]:
    """Look for the mark of every key: findings in the order of the keys, each for itself.

    Parameters and errors are those of `detect_array`; the p-values do not pay for the other keys.
    """
    return _detect_all(pixels, keys, effort, FOUND_LOG10_P)


def _detect_all(
    pixels: NDArray[np.uint8], keys: Sequence[MarkingKey], effort: Effort, bar: float
) -> list[WatermarkFinding]:
    """Look for every key; an id is accepted from a log10 p of ``bar`` of its own correlation."""
    reason = _unreadable(pixels, keys)
    if reason is not None:
        return [
            WatermarkFinding("unreadable", SCHEME.name, key.key_id, reason=reason) for key in keys
        ]
    analysis = Analysis(pixels)
    return [_detect_one(analysis, key, effort == "full", bar) for key in keys]


def _log10_p(finding: WatermarkFinding) -> float:
    return 0.0 if finding.log10_p is None else finding.log10_p


def _unreadable(pixels: NDArray[np.uint8], keys: Sequence[MarkingKey]) -> str | None:
    """Why a picture cannot be looked at; raises for what is no picture at all."""
    shape = pixels.shape
    layered = len(shape) == 3 and shape[2] in (3, 4)
    if pixels.dtype != np.uint8 or not (len(shape) == 2 or layered) or min(shape) < 1:
        raise ValueError(
            f"a picture is uint8 [H, W], [H, W, 3] or [H, W, 4] and not empty, "
            f"not {pixels.dtype} {list(shape)}"
        )
    if not keys:
        raise ValueError("detection needs at least one key")
    short, long = sorted(shape[:2])
    if short < SMALLEST_SIDE:
        return f"too small: {shape[1]} x {shape[0]} pixels, and {SMALLEST_SIDE} are needed"
    if long > _LONGEST_TO_SHORTEST * short:
        return f"too long a strip: {shape[1]} x {shape[0]} pixels"
    return None


def _finding(
    key_id: str | None, log10_p: float, mark_id: MarkId | None, geometry: Geometry | None
) -> WatermarkFinding:
    found = log10_p <= FOUND_LOG10_P
    return WatermarkFinding(
        status="found" if found else "not_found",
        scheme=SCHEME.name,
        key_id=key_id,
        log10_p=log10_p,
        mark_id=mark_id if found else None,
        geometry=geometry if found else None,
    )


def _detect_one(analysis: Analysis, key: MarkingKey, full: bool, bar: float) -> WatermarkFinding:
    pattern = key_pattern(key)
    seen = upright_sync(*analysis.upright, pattern)
    log10_p = log10_of_best(seen.log10_p, len(ORIENTATIONS) * VARIANTS * _SHARES)
    turn = seen.orientation if seen.log10_p <= SEEN else 0
    payload = _upright_payload(analysis, pattern, turn)
    if _id_of(payload, bar) is None and turn != 0:
        turned, turn = turn, 0
        payload = _upright_payload(analysis, pattern, 0)
        if _id_of(payload, bar) is None:
            turn = turned
    linear = np.array(ORIENTATIONS[turn], np.float64)
    if _id_of(payload, bar) is None and full:
        searched = search(analysis, pattern, seen)
        found = _paid(searched.payload)
        sync = log10_of_best(searched.sync_log10_p, _SHARES)
        if _id_of(found, bar) is not None or sync < log10_p:
            payload, linear = found, searched.linear
        log10_p = min(log10_p, sync)
    if payload is not None:
        log10_p = min(log10_p, payload.log10_p)
    geometry = Geometry(*describe(linear))
    return _finding(key.key_id, log10_p, _id_of(payload, bar), geometry)


def _upright_payload(analysis: Analysis, pattern: KeyPattern, turn: int) -> PayloadEvidence | None:
    payload = read_payload(analysis.tiles(turn), pattern, place_known=True, gate=_GATE)
    return None if payload is None else _paid(payload.paid(_UPRIGHT_READINGS))


def _paid(payload: PayloadEvidence | None) -> PayloadEvidence | None:
    return None if payload is None else payload.paid(_SHARES)


def _id_of(payload: PayloadEvidence | None, bar: float) -> MarkId | None:
    """Give the id if its own correlation proves it, whatever the synchronisation says."""
    return payload.mark_id if payload and payload.log10_p <= bar else None
