"""From an array to a finding: fast look, full search, and the price of everything tried.

The significance level is shared out beforehand (docs/statistics.md):

====================  ======================================  ===================================
hypotheses            how many                                 share of the level
====================  ======================================  ===================================
sync, upright         8 orientations x 2 signs                 1/4
payload, upright      2 orientations x 2^64 ids                1/4
sync, searched        5 geometries x 8 x 2 x 9216 shifts       1/4
payload, searched     12 readings x 64 tile places x 2^64      1/4
====================  ======================================  ===================================

and every key pays once more for the number of keys.
"""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from waarmerk.detection.finding import Geometry, WatermarkFinding
from waarmerk.detection.image.align import Alignment, aligned, bent, from_peak
from waarmerk.detection.image.evidence import (
    SHIFTS,
    VARIANTS,
    PayloadEvidence,
    SyncEvidence,
    read_payload,
    shifted_sync,
    upright_lines,
    upright_sync,
)
from waarmerk.detection.image.locate import (
    CANDIDATES,
    Spectrum,
    candidate_maps,
    read_lines,
    spectrum_of,
)
from waarmerk.detection.statistics import log10_of_best
from waarmerk.marking.image.canonical import canonical_luma, residual
from waarmerk.marking.image.lines import TileLines
from waarmerk.marking.image.scheme import ORIENTATIONS, SCHEME, KeyPattern, key_pattern
from waarmerk.marking.key import MarkingKey

__all__ = ["FOUND_LOG10_P", "Analysis", "detect_array", "detect_each"]

FOUND_LOG10_P = -9.0  # one false alarm in a thousand million (picture, key ring) pairs, at most
_SHARES = 4
_STARTS = 3  # alignments from which the payload is read
_READINGS = 12  # payload readings of the full search, at most
_SEARCHED = CANDIDATES * len(ORIENTATIONS) * VARIANTS * SHIFTS**2 * _SHARES
_SEEN = -3.0  # log10 p of the upright synchronisation (alone) from which its turn is believed
_PROMISING = -6.6  # log10 p of a searched peak (alone) from which the payload is read
_UPRIGHT = 2  # payload readings of the fast look, at most
_GATE, _LOW_GATE = 2.5, 1.5  # deviations of payload energy from which the payload is decoded


class Analysis:
    """What a picture shows before any key is asked; shared by all keys.

    Parameters
    ----------
    pixels : uint8 [H, W], [H, W, 3] or [H, W, 4]
    """

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self.residual = residual(canonical_luma(pixels))

        self._tiles: dict[int, TileLines] = {}

    @cached_property
    def upright(self) -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
        """Weighted lines of the eight orientations, and their energy."""
        return upright_lines(self.residual.shape, self.tiles(0))

    def tiles(self, orientation: int) -> TileLines:
        """Tiles of the residual with a right-angle turn or mirror undone."""
        if orientation not in self._tiles:
            self._tiles[orientation] = TileLines.of(self._turned(orientation))
        return self._tiles[orientation]

    @cached_property
    def spectrum(self) -> Spectrum:
        """The transform for the search of geometries."""
        return spectrum_of(self.residual)

    @cached_property
    def candidates(
        self,
    ) -> list[tuple[NDArray[np.float64], NDArray[np.complex128], NDArray[np.float64]]]:
        """Geometry, line values and power around the lines of every candidate."""
        maps = (matrix for _, matrix in candidate_maps(self.spectrum))
        return [(matrix, *read_lines(self.spectrum, matrix)) for matrix in maps]

    def _turned(self, orientation: int) -> NDArray[np.float32]:
        (a, b), (c, d) = ORIENTATIONS[orientation]
        values = self.residual
        if a + b < 0:
            values = values[:, ::-1]
        if c + d < 0:
            values = values[::-1]
        if a == 0:
            values = values.T
        return values


def detect_array(
    pixels: NDArray[np.uint8],
    keys: Sequence[MarkingKey],
    effort: Literal["fast", "full"] = "full",
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
        0.62-2.6, any angle, and aspects up to 1.35, when the fast look finds nothing.

    Returns
    -------
    WatermarkFinding
        The strongest; its p-value has the number of keys paid for.
    """
    findings = detect_each(pixels, keys, effort)
    best = min(findings, key=lambda finding: finding.log10_p or 0.0)
    log10_p = log10_of_best(best.log10_p or 0.0, len(findings))
    return _finding(best.key_id, log10_p, best.mark_id, best.geometry)


def detect_each(
    pixels: NDArray[np.uint8],
    keys: Sequence[MarkingKey],
    effort: Literal["fast", "full"] = "full",
) -> list[WatermarkFinding]:
    """Look for the mark of every key; findings in the order of the keys, each for itself."""
    _check(pixels, keys)
    analysis = Analysis(pixels)
    return [_detect_one(analysis, key, effort == "full") for key in keys]


def _check(pixels: NDArray[np.uint8], keys: Sequence[MarkingKey]) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or (
        pixels.ndim == 3 and pixels.shape[2] not in (3, 4)
    ):
        raise ValueError(
            f"a picture is uint8 [H, W], [H, W, 3] or [H, W, 4], "
            f"not {pixels.dtype} {list(pixels.shape)}"
        )
    if min(pixels.shape[:2]) < 1:
        raise ValueError(f"the picture has no pixels: shape {list(pixels.shape)}")
    if not keys:
        raise ValueError("detection needs at least one key")


def _finding(
    key_id: str | None, log10_p: float, mark_id: object, geometry: Geometry | None
) -> WatermarkFinding:
    found = log10_p <= FOUND_LOG10_P
    return WatermarkFinding(
        status="found" if found else "not_found",
        scheme=SCHEME.name,
        key_id=key_id,
        log10_p=log10_p,
        mark_id=mark_id if found else None,  # type: ignore[arg-type]
        geometry=geometry if found else None,
    )


def _paid(sync: float, payload: PayloadEvidence | None) -> tuple[float, object]:
    """Join two proofs that have paid for their own hypotheses; an id must stand by itself."""
    if payload is None:
        return sync, None
    read = payload.mark_id if payload.log10_p <= FOUND_LOG10_P else None
    return min(sync, payload.log10_p), read


def _detect_one(analysis: Analysis, key: MarkingKey, full: bool) -> WatermarkFinding:
    pattern = key_pattern(key)
    evidence = upright_sync(*analysis.upright, pattern)
    sync = log10_of_best(evidence.log10_p, len(ORIENTATIONS) * VARIANTS * _SHARES)
    # One reading of the payload: where the synchronisation points, or upright if it is silent.
    turn = evidence.orientation if evidence.log10_p < _SEEN else 0
    payload = _payload_at(analysis, turn, pattern)
    if payload is None or payload.log10_p > FOUND_LOG10_P:
        if turn != 0:
            second = _payload_at(analysis, 0, pattern)
            payload, turn = (second, 0) if second is not None else (payload, turn)
    log10_p, mark_id = _paid(sync, payload)
    geometry = _upright_geometry(analysis, turn)
    if mark_id is not None or not full:
        return _finding(key.key_id, log10_p, mark_id, geometry)
    searched, found_id, found_geometry = _search(analysis, pattern, evidence)
    if found_id is not None or searched < log10_p:
        mark_id, geometry = found_id, found_geometry
    return _finding(key.key_id, min(log10_p, searched), mark_id, geometry)


def _payload_at(
    analysis: Analysis, turn: int, pattern: KeyPattern
) -> PayloadEvidence | None:
    return _pay(
        read_payload(analysis.tiles(turn), pattern, place_known=True, gate=_GATE), _UPRIGHT
    )


def _pay(payload: PayloadEvidence | None, tries: int) -> PayloadEvidence | None:
    if payload is None:
        return None
    return PayloadEvidence(log10_of_best(payload.log10_p, tries * _SHARES), payload.mark_id)


def _search(
    analysis: Analysis, pattern: KeyPattern, upright: SyncEvidence
) -> tuple[float, object, Geometry | None]:
    """Check every candidate geometry with a key: log10 p, id, geometry."""
    shape = analysis.residual.shape
    starts: list[tuple[float, Alignment, SyncEvidence]] = []
    best = 0.0
    for matrix, lines, power in analysis.candidates:
        evidence = shifted_sync(lines, power, pattern)
        starts.append(
            (
                evidence.log10_p,
                from_peak(matrix, evidence.orientation, evidence.offset, shape),
                evidence,
            )
        )
        best = min(
            best,
            log10_of_best(
                evidence.log10_p, _SEARCHED
            ),
        )
    if upright.log10_p < _SEEN:
        # Seen in place but not read: perhaps slightly bent.
        starts.append((upright.log10_p, _upright_alignment(analysis, upright), upright))
    starts.sort(key=lambda entry: entry[0])
    geometry = _searched_geometry(starts[0][1]) if starts else None
    for log10_p, alignment, evidence in starts[:_STARTS]:
        if log10_p > _PROMISING and evidence is not upright:
            continue
        current: Alignment | None = alignment
        for _ in range(_READINGS // _STARTS):
            if current is None:
                break
            values, start = aligned(analysis.residual, current)
            payload = _pay(
                read_payload(TileLines.of(values), pattern, place_known=False, gate=_LOW_GATE),
                _READINGS,
            )
            if payload is not None and payload.log10_p <= FOUND_LOG10_P:
                return min(best, payload.log10_p), payload.mark_id, _searched_geometry(current)
            current = bent(current, values, start, pattern, evidence.sign)
    return best, None, geometry


def _upright_alignment(analysis: Analysis, evidence: SyncEvidence) -> Alignment:
    height, width = analysis.residual.shape
    matrix = np.array(ORIENTATIONS[evidence.orientation], np.float64)
    homography = np.eye(3)
    homography[:2, :2] = matrix
    homography[:2, 2] = np.where(matrix.sum(1) < 0, (width - 1, height - 1), 0)
    return Alignment(np.eye(2), evidence.orientation, homography)


def _upright_geometry(analysis: Analysis, orientation: int) -> Geometry:
    return _geometry(np.eye(2), orientation)


def _searched_geometry(alignment: Alignment) -> Geometry:
    return _geometry(alignment.matrix, alignment.orientation)


def _geometry(matrix: NDArray[np.float64], orientation: int) -> Geometry:
    """Scale, rotation and mirroring of matrix times orientation.

    Rows count downwards, so a positive angle of the matrix is clockwise; the report counts
    counter-clockwise.
    """
    whole = matrix @ np.array(ORIENTATIONS[orientation], np.float64)
    mirrored = bool(np.linalg.det(whole) < 0)
    if mirrored:
        whole = whole @ np.diag([-1.0, 1.0])
    across = math.hypot(whole[0, 0], whole[1, 0])
    down = math.hypot(whole[0, 1], whole[1, 1])
    angle = math.degrees(math.atan2(-whole[1, 0], whole[0, 0]))
    return Geometry(
        scale=math.sqrt(across * down),
        rotation=0.0 if abs(angle) < 1e-9 else angle,
        mirrored=mirrored,
        aspect=across / down,
    )
