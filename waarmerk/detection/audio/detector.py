"""The detector of ``waarmerk.audio.1``: chunk by chunk, what lies where, and the p-value of it.

::

    sound ─▶ power of bands ─▶ chunk 1   ─▶ unchanged? ──────▶ id ─▶ segments
             (Hearing)         chunk 2        │ no             ▲
                               ...            └─▶ searched ────┘

A p-value pays for all that was tried:

====================  ==================================================================
share                 of what was tried
====================  ==================================================================
1/4                   synchronisation, unchanged: windows x 2 selections of lines x 256
                      offsets x 2 signs
1/4                   payload, unchanged: 2 spans x 16 places in the cycle x 2^64 ids
1/4                   synchronisation, searched: windows x 48 candidates x 2 x 256 x 2
1/4                   payload, searched: 2 spans x 16 places in the cycle x 2^64 ids
====================  ==================================================================

The n-th chunk gets the share 1 / (n (n + 1)) of it all, so that a recording may be as long as it
likes; and whoever asks for several keys pays once more for their number.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from waarmerk.detection.audio.hearing import FRAMES_A_SECOND, PARTS, Hearing
from waarmerk.detection.audio.payload import Reading, read
from waarmerk.detection.audio.segments import joined, marked_segments
from waarmerk.detection.audio.sync import (
    PITCHES,
    Place,
    Spectra,
    WindowLines,
    best_in_windows,
    refined,
    search,
)
from waarmerk.detection.audio.table import DENSE, Levels
from waarmerk.detection.finding import Segment, SoundGeometry, WatermarkFinding
from waarmerk.detection.statistics import log10_of_best
from waarmerk.marking.audio.marker import check_samples
from waarmerk.marking.audio.scheme import SCHEME, KeyPattern, key_pattern
from waarmerk.marking.key import MarkingKey
from waarmerk.marking.payload import MarkId

__all__ = ["FOUND_LOG10_P", "AudioDetector", "Effort", "detect_each", "detect_samples"]

Effort = Literal["fast", "full"]

FOUND_LOG10_P = -6.0  # at most one false alarm in a million (recording, keys) questions
_SHARES = 4  # rows of the table above
_SPANS = 2
_SEEN = -3.0  # log10 p of synchronisation from which the payload is read
_GATE = 2.0  # deviations of payload energy from which it is decoded
_CHUNK = 20.48  # seconds; a recording of up to half as much again is one chunk
_OVERLAP = 2.56  # seconds of a chunk that the next one sees again
_WHOLE = 18.0  # seconds: a chunk longer than that is searched in halves too
_EARLY = (2.56, 5.12, 10.24)  # seconds of a stream after which it is looked at already
_SHORTEST = 0.3  # seconds that are looked at


@dataclass(frozen=True)
class _Found:
    """What a chunk shows of a key: the bound, where the mark lies, and its id if one was read."""

    log10_p: float
    place: Place
    reading: Reading | None


class _Chunk:
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
            tables = [
                Levels.of(self._power, pitch=pitch, dense=1).sync_table() for pitch in PITCHES
            ]
            size = tables[0].shape[1]
            self._spectra = [Spectra.of(tables, 0, size)]
            if size > _WHOLE * SCHEME.frame_rate:
                parts = [(0, size // 2), (size // 2, size)]
                self._spectra += [Spectra.of(tables, *part) for part in parts]
        return self._spectra


def _examine(chunk: _Chunk, pattern: KeyPattern, effort: Effort, bar: float) -> _Found:
    """Look for the mark of a key in a chunk; a proof of `bar` for the id ends the search."""
    place = best_in_windows(chunk.windows, pattern)
    reading = _read(chunk, place, pattern) if place.log10_p <= _SEEN else None
    log10_p = log10_of_best(place.log10_p, _SHARES)
    if effort == "full" and (reading is None or reading.log10_p > bar):
        places = [search(spectra, pattern) for spectra in chunk.spectra]
        best = min(places, key=lambda found: found.log10_p)
        sync = log10_of_best(best.log10_p, _SHARES * len(places))
        if sync <= _SEEN:
            best = refined(chunk.sync_table(best.pitch), best, pattern)
            found = _read(chunk, best, pattern)
            if found is not None and (reading is None or found.log10_p < reading.log10_p):
                reading = found
        if sync < log10_p:
            log10_p, place = sync, best
    if reading is not None and reading.log10_p < log10_p:
        log10_p = reading.log10_p
    return _Found(log10_p, place if reading is None else reading.place, reading)


def _read(chunk: _Chunk, place: Place, pattern: KeyPattern) -> Reading | None:
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


@dataclass
class _State:
    """What is known of one key so far."""

    key: MarkingKey
    log10_p: float = 0.0
    place: Place | None = None
    mark_id: MarkId | None = None
    id_log10_p: float = 0.0
    segments: dict[MarkId | None, list[Segment]] = field(default_factory=dict)


class AudioDetector:
    """Looks for marks in sound as it comes.

    Parameters
    ----------
    sample_rate : int
        Hz, 8000 to 192000.
    channels : int
    keys
        At least one.
    effort : {"fast", "full"}, optional
        ``"full"`` searches changed speed, tempo and pitch where the mark is not found unchanged.
    early : bool, optional
        Whether to look before the first chunk of 20 s is complete, after 2.6, 5 and 10 s. Every
        look is paid for.

    Raises
    ------
    InputError
        If rate or channels are not supported.
    ValueError
        If there is no key.

    Examples
    --------
    >>> detector = AudioDetector(16000, 1, [MarkingKey.generate()])
    >>> detector.feed(np.zeros(16000, np.float32)) is None
    True
    >>> detector.finish().status
    'not_found'
    """

    def __init__(
        self,
        sample_rate: int,
        channels: int,
        keys: Sequence[MarkingKey],
        *,
        effort: Effort = "full",
        early: bool = True,
    ) -> None:
        if not keys:
            raise ValueError("detection needs at least one key")
        self._hearing = Hearing(sample_rate, channels)
        self._states = [_State(key) for key in keys]
        self._effort = effort
        self._early = list(_EARLY) if early else []
        self._rows = [np.zeros((0, SCHEME.bands * PARTS), np.float32)]
        self._count = 0  # rows waiting
        self._begin = 0  # number of the first of them
        self._looks = 0
        self._told: tuple[bool, MarkId | None] = (False, None)
        # An id has to stand by itself, so its own proof pays for the keys as well.
        self._bar = FOUND_LOG10_P - math.log10(len(keys))

    def feed(self, block: NDArray[Any]) -> WatermarkFinding | None:
        """Take the next samples.

        Parameters
        ----------
        block : float32 or int16 [n] or [n, channels]

        Returns
        -------
        WatermarkFinding or None
            The finding when a mark is found now that was not before, or its id becomes readable.

        Raises
        ------
        InputError
            If the samples are of another type or shape, or not finite.
        """
        self._take(self._hearing.feed(block))
        looked = False
        while self._count >= 1.5 * _CHUNK * FRAMES_A_SECOND:
            self._look(round(_CHUNK * FRAMES_A_SECOND), self._effort)
            self._drop(round((_CHUNK - _OVERLAP) * FRAMES_A_SECOND))
            looked = True
        while self._early and self._begin + self._count >= self._early[0] * FRAMES_A_SECOND:
            length = self._early.pop(0)
            if self._begin == 0:
                self._look(round(length * FRAMES_A_SECOND), "fast")
                looked = True
        return self._news() if looked else None

    def finish(self) -> WatermarkFinding:
        """Say what was found in all the sound.

        Returns
        -------
        WatermarkFinding
            The strongest; its p-value has keys, chunks and looks paid for. ``unreadable`` if the
            sound is too short to look at.
        """
        self._take(self._hearing.feed(self._nothing(), last=True))
        if self._hearing.seconds < _SHORTEST:
            return WatermarkFinding(
                "unreadable",
                SCHEME.name,
                reason=f"too short: {self._hearing.seconds:.2f} s, and {_SHORTEST} s are needed",
            )
        if self._count > (0 if self._begin == 0 else _OVERLAP * FRAMES_A_SECOND):
            self._look(self._count, self._effort)
        self._drop(self._count)
        return self._finding()

    def each(self) -> list[WatermarkFinding]:
        """Give the findings of all keys, each for itself: they do not pay for the other keys."""
        return [self._finding_of(state, 1) for state in self._states]

    def _nothing(self) -> NDArray[np.float32]:
        return np.zeros((0, self._hearing.channels), np.float32)

    def _take(self, rows: NDArray[np.float32]) -> None:
        self._rows.append(rows)
        self._count += len(rows)

    def _drop(self, count: int) -> None:
        rows = np.concatenate(self._rows)
        self._rows = [rows[count:].copy()]
        self._count -= count
        self._begin += count

    def _look(self, count: int, effort: Effort) -> None:
        """Examine the next so many rows for every key."""
        self._rows = [np.concatenate(self._rows)]
        chunk = _Chunk(self._rows[0][:count])
        self._looks += 1
        spent = self._looks * (self._looks + 1)
        start = self._begin / FRAMES_A_SECOND
        for state in self._states:
            pattern = key_pattern(state.key)
            bar = self._bar - math.log10(spent)
            found = _examine(chunk, pattern, effort, bar)
            log10_p = log10_of_best(found.log10_p, spent)
            if state.place is None or log10_p < state.log10_p:
                state.log10_p, state.place = log10_p, found.place
            reading = found.reading if found.reading and found.reading.log10_p <= bar else None
            segments: list[Segment] = []
            if reading is not None:
                id_log10_p = log10_of_best(reading.log10_p, spent)
                if state.mark_id is None or id_log10_p < state.id_log10_p:
                    state.mark_id, state.id_log10_p = reading.mark_id, id_log10_p
                table = chunk.table(reading.place.pitch)
                segments = marked_segments(table, chunk.cells, reading, pattern)
            elif log10_p <= FOUND_LOG10_P - math.log10(len(self._states)):
                last = min(found.place.last, chunk.cells)
                segments = [
                    Segment(found.place.first / SCHEME.frame_rate, last / SCHEME.frame_rate)
                ]
            state.segments.setdefault(reading.mark_id if reading else None, []).extend(
                Segment(start + s.start, start + s.end) for s in segments
            )

    def _news(self) -> WatermarkFinding | None:
        finding = self._finding()
        told = (finding.found, finding.mark_id)
        if not finding.found or told == self._told:
            return None
        self._told = told
        return finding

    def _finding(self) -> WatermarkFinding:
        best = min(self._states, key=lambda state: state.log10_p)
        return self._finding_of(best, len(self._states))

    def _finding_of(self, state: _State, keys: int) -> WatermarkFinding:
        log10_p = log10_of_best(state.log10_p, keys)
        found = log10_p <= FOUND_LOG10_P
        if not found or state.place is None:
            return WatermarkFinding("not_found", SCHEME.name, state.key.key_id, log10_p=log10_p)
        segments = state.segments.get(None, []) + (
            state.segments.get(state.mark_id, []) if state.mark_id else []
        )
        # The last frame is centred on the end, and its cell reaches beyond it.
        end = self._hearing.seconds
        return WatermarkFinding(
            status="found",
            scheme=SCHEME.name,
            key_id=state.key.key_id,
            log10_p=log10_p,
            mark_id=state.mark_id,
            geometry=SoundGeometry(state.place.tempo, state.place.pitch),
            segments=tuple(Segment(s.start, min(s.end, end)) for s in joined(segments)),
        )


def detect_samples(
    samples: NDArray[Any],
    sample_rate: int,
    keys: Sequence[MarkingKey],
    effort: Effort = "full",
) -> WatermarkFinding:
    """Look for the mark of any of some keys in a recording.

    Parameters
    ----------
    samples : float32 or int16 [n] or [n, channels]
    sample_rate : int
        Hz, 8000 to 192000.
    keys
        At least one.
    effort
        As of :class:`AudioDetector`.

    Returns
    -------
    WatermarkFinding
        The strongest; its p-value has the number of keys paid for. ``unreadable`` when the sound
        is too short to look at.

    Raises
    ------
    InputError
        If the array is no such sound.
    ValueError
        If there is no key.
    """
    return _fed(samples, sample_rate, keys, effort).finish()


def detect_each(
    samples: NDArray[Any],
    sample_rate: int,
    keys: Sequence[MarkingKey],
    effort: Effort = "full",
) -> list[WatermarkFinding]:
    """Look for the mark of every key: findings in the order of the keys, each for itself.

    Parameters and errors are those of `detect_samples`; the p-values do not pay for other keys.
    """
    detector = _fed(samples, sample_rate, keys, effort)
    detector.finish()
    return detector.each()


def _fed(
    samples: NDArray[Any], sample_rate: int, keys: Sequence[MarkingKey], effort: Effort
) -> AudioDetector:
    _, channels = check_samples(samples, sample_rate)
    detector = AudioDetector(sample_rate, channels, keys, effort=effort, early=False)
    # Minute by minute: all at once, the rows of hours would be moved again for every chunk.
    minute = 60 * int(sample_rate)
    for first in range(0, len(samples), minute):
        detector.feed(samples[first : first + minute])
    return detector
