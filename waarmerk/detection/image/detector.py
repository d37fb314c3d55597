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
    NOTHING,
    VARIANTS,
    PayloadEvidence,
    SyncEvidence,
    read_payload,
    upright_quiet,
    upright_sync,
)
from waarmerk.detection.image.search import LEVEL, SEEN, describe, search
from waarmerk.detection.image.shifts import worth_a_look
from waarmerk.detection.statistics import log10_of_best
from waarmerk.marking.image.scheme import ORIENTATIONS, SCHEME, KeyPattern, key_pattern
from waarmerk.marking.key import MarkingKey
from waarmerk.marking.payload import MarkId

__all__ = ["FOUND_LOG10_P", "SMALLEST_SIDE", "detect_array", "detect_each"]

FOUND_LOG10_P = -9.0  # at most one false alarm in a thousand million (picture, keys) questions
SMALLEST_SIDE = 64  # pixels: too little of the band is left below
_LONGEST_TO_SHORTEST = 32  # a longer strip would need a canonical picture of many megapixels
_SHARES = 4  # rows of the table above
_UPRIGHT = len(ORIENTATIONS) * VARIANTS * _SHARES  # what upright synchronisation pays for
_UPRIGHT_READINGS = 2
_TURNS = np.array(ORIENTATIONS, np.float64)
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
    patterns = [key_pattern(key) for key in keys]
    quiet = upright_quiet(*analysis.upright, patterns, -math.log10(_UPRIGHT))
    looks = [
        _Look(analysis, pattern, bar, NOTHING if nothing else None)
        for pattern, nothing in zip(patterns, quiet, strict=True)
    ]
    if effort == "full":
        _search_all(analysis, [look for look in looks if look.mark_id is None])
    return [look.finding(key.key_id) for key, look in zip(keys, looks, strict=True)]


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


class _Look:
    """What is known of one key: first what the picture shows as it is, then what the search adds.

    Attributes
    ----------
    pattern
        Of the key.
    seen
        The synchronisation, upright.
    log10_p, payload, linear
        The best proof, the id that was read, and the geometry [2, 2] that goes with it.
    """

    def __init__(
        self, analysis: Analysis, pattern: KeyPattern, bar: float, seen: SyncEvidence | None
    ) -> None:
        self.pattern = pattern
        self._bar = bar
        seen = self.seen = seen or upright_sync(*analysis.upright, pattern)
        self.log10_p = log10_of_best(seen.log10_p, _UPRIGHT)
        turn = seen.orientation if seen.log10_p <= SEEN else 0
        self.payload = _upright_payload(analysis, pattern, turn)
        if self.mark_id is None and turn != 0:
            turned, turn = turn, 0
            self.payload = _upright_payload(analysis, pattern, 0)
            if self.mark_id is None:
                turn = turned
        self.linear = _TURNS[turn]

    @property
    def mark_id(self) -> MarkId | None:
        """The id if its own correlation proves it, whatever the synchronisation says."""
        return _id_of(self.payload, self._bar)

    def search(self, analysis: Analysis, worth: NDArray[np.bool_]) -> None:
        """Search the candidates that are worth it."""
        searched = search(analysis, self.pattern, self.seen, worth)
        found = _paid(searched.payload)
        sync = log10_of_best(searched.sync_log10_p, _SHARES)
        if _id_of(found, self._bar) is not None or sync < self.log10_p:
            self.payload, self.linear = found, searched.linear
        self.log10_p = min(self.log10_p, sync)

    def finding(self, key_id: str) -> WatermarkFinding:
        """Give the finding; it has not paid for other keys."""
        log10_p = self.log10_p
        if self.payload is not None:
            log10_p = min(log10_p, self.payload.log10_p)
        if log10_p > FOUND_LOG10_P:
            return _finding(key_id, log10_p, None, None)
        return _finding(key_id, log10_p, self.mark_id, Geometry(*describe(self.linear)))


def _search_all(analysis: Analysis, looks: list[_Look]) -> None:
    """Search with those keys alone for which a shift of some candidate stands out."""
    if not looks:
        return
    candidates = [(lines, power) for _, lines, power in analysis.candidates]
    worth = worth_a_look(candidates, [look.pattern for look in looks], LEVEL)
    for look, some in zip(looks, worth, strict=True):
        if some.any() or look.seen.log10_p <= SEEN:
            look.search(analysis, some)


def _upright_payload(analysis: Analysis, pattern: KeyPattern, turn: int) -> PayloadEvidence | None:
    payload = read_payload(analysis.tiles(turn), pattern, place_known=True, gate=_GATE)
    return None if payload is None else _paid(payload.paid(_UPRIGHT_READINGS))


def _paid(payload: PayloadEvidence | None) -> PayloadEvidence | None:
    return None if payload is None else payload.paid(_SHARES)


def _id_of(payload: PayloadEvidence | None, bar: float) -> MarkId | None:
    """Give the id if its own correlation proves it, whatever the synchronisation says."""
    return payload.mark_id if payload and payload.log10_p <= bar else None
