"""Looking for the marks of keys in a chunk of sound: unchanged, and then searched.

::

    all keys ─▶ screen ─▶ windows, key by key ─▶ payload ─┬──────────────────▶ found
                                                          │ not read
                                                          ▼
                          screen ─▶ candidates, key by key ─▶ tempo ─▶ payload
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from waarmerk.detection.audio.payload import Reading, read
from waarmerk.detection.audio.screen import worth_a_look
from waarmerk.detection.audio.sync import (
    NOWHERE,
    PITCHES,
    Place,
    Spectra,
    WindowLines,
    best_in_windows,
    refined,
    search,
    tries,
)
from waarmerk.detection.audio.table import DENSE, Levels
from waarmerk.detection.statistics import log10_of_best
from waarmerk.marking.audio.scheme import SCHEME, KeyPattern, key_pattern, sync_turn
from waarmerk.marking.key import MarkingKey

__all__ = ["Chunk", "Effort", "Found", "examine"]

Effort = Literal["fast", "full"]

_Lines = TypeVar("_Lines", WindowLines, Spectra)

_SHARES = 4  # rows of the table in `detector`
_SPANS = 2
_SEEN = -3.0  # log10 p of synchronisation from which the payload is read
_GATE = 2.0  # deviations of payload energy from which it is decoded
_WHOLE = 18.0  # seconds: a chunk longer than that is searched in halves too


@dataclass(frozen=True)
class Found:
    """What a chunk shows of a key: the bound, where the mark lies, and its id if one was read."""

    log10_p: float
    place: Place
    reading: Reading | None


class Chunk:
    """A stretch of sound, with all that the keys share."""

    def __init__(self, power: NDArray[np.float32]) -> None:
        self._power = power
        self._spectra: list[Spectra] | None = None
        self._levels: dict[float, Levels] = {}
        self._tables: dict[float, NDArray[np.float32]] = {}
        self.cells = len(power) / DENSE
        self.windows = WindowLines.of(self._at(1.0).sync_table())

    def _at(self, pitch: float) -> Levels:
        if pitch not in self._levels:
            self._levels[pitch] = Levels.of(self._power, pitch=pitch)
        return self._levels[pitch]

    def table(self, pitch: float) -> NDArray[np.float32]:
        """Give the table of the payload at a pitch."""
        if pitch not in self._tables:
            self._tables[pitch] = self._at(pitch).payload_table()
        return self._tables[pitch]

    def sync_table(self, pitch: float) -> NDArray[np.float32]:
        """Give the table of the synchronisation at a pitch."""
        return self._at(pitch).sync_table()

    @property
    def spectra(self) -> list[Spectra]:
        """The search without a key: of the whole chunk, and of the halves of a long one."""
        if self._spectra is None:
            tables = [levels.sync_table() for levels in Levels.for_search(self._power, PITCHES)]
            size = tables[0].shape[1]
            self._spectra = [Spectra.of(tables, 0, size)]
            if size > _WHOLE * SCHEME.frame_rate:
                parts = [(0, size // 2), (size // 2, size)]
                self._spectra += [Spectra.of(tables, *part) for part in parts]
        return self._spectra


def examine(chunk: Chunk, keys: Sequence[MarkingKey], effort: Effort, bar: float) -> list[Found]:
    """Look for the marks of keys in a chunk; a proof of `bar` for its id ends the search of one."""
    turns = [sync_turn(key) for key in keys]
    seen = _best_places(chunk.windows, best_in_windows, keys, turns, _SHARES)
    readings = [
        _read(chunk, place, key_pattern(key)) if place.log10_p <= _SEEN else None
        for place, key in zip(seen, keys, strict=True)
    ]
    found = [
        Found(log10_of_best(place.log10_p, _SHARES), place, reading)
        for place, reading in zip(seen, readings, strict=True)
    ]
    unread = [i for i, reading in enumerate(readings) if reading is None or reading.log10_p > bar]
    if effort == "full" and unread:
        some, their = [keys[i] for i in unread], [turns[i] for i in unread]
        shares = _SHARES * len(chunk.spectra)
        searched = [_best_places(spectra, search, some, their, shares) for spectra in chunk.spectra]
        for i, *places in zip(unread, *searched, strict=True):
            best = min(places, key=lambda place: place.log10_p)
            found[i] = _with_searched(chunk, keys[i], found[i], best, shares)
    return [_concluded(one) for one in found]


def _best_places(
    lines: _Lines,
    look: Callable[[_Lines, KeyPattern], Place],
    keys: Sequence[MarkingKey],
    turns: Sequence[NDArray[np.complex64]],
    shares: int,
) -> list[Place]:
    """Look for every key of which anything can be left when tries and shares are paid for."""
    level = -math.log10(tries(lines) * shares)
    worth = worth_a_look(lines.values, lines.energy, turns, level)
    return [
        look(lines, key_pattern(key)) if some else NOWHERE
        for key, some in zip(keys, worth, strict=True)
    ]


def _with_searched(chunk: Chunk, key: MarkingKey, found: Found, best: Place, shares: int) -> Found:
    """Add to what was found unchanged what the search found best, and read the payload there."""
    log10_p, place, reading = found.log10_p, found.place, found.reading
    sync = log10_of_best(best.log10_p, shares)
    if sync <= _SEEN:
        pattern = key_pattern(key)
        best = refined(chunk.sync_table(best.pitch), best, pattern)
        read_there = _read(chunk, best, pattern)
        if read_there is not None and (reading is None or read_there.log10_p < reading.log10_p):
            reading = read_there
    if sync < log10_p:
        log10_p, place = sync, best
    return Found(log10_p, place, reading)


def _concluded(found: Found) -> Found:
    """Take what the id proves for the proof of the mark, where it is the better one."""
    if found.reading is None:
        return found
    log10_p = min(found.log10_p, found.reading.log10_p)
    return Found(log10_p, found.reading.place, found.reading)


def _read(chunk: Chunk, place: Place, pattern: KeyPattern) -> Reading | None:
    """Read the whole chunk, and the window in which the mark was seen; pays for both."""
    spans = [(0.0, chunk.cells)]
    if (place.first, place.last) != spans[0]:
        spans.append((place.first, min(place.last, chunk.cells)))
    best: Reading | None = None
    for span in spans:
        reading = read(chunk.table(place.pitch), place, span, pattern, _GATE)
        if reading is not None and (best is None or reading.log10_p < best.log10_p):
            best = reading
    if best is None:
        return None
    return Reading(log10_of_best(best.log10_p, _SHARES * _SPANS), best.mark_id, best.place)
