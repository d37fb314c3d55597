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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from waarmerk.detection.audio.examine import Chunk, Effort, examine
from waarmerk.detection.audio.hearing import FRAMES_A_SECOND, PARTS, Hearing
from waarmerk.detection.audio.segments import joined, marked_segments
from waarmerk.detection.audio.sync import Place
from waarmerk.detection.finding import Segment, SoundGeometry, WatermarkFinding
from waarmerk.detection.statistics import log10_of_best
from waarmerk.marking.audio.marker import check_samples
from waarmerk.marking.audio.scheme import SCHEME, key_pattern
from waarmerk.marking.key import MarkingKey
from waarmerk.marking.payload import MarkId

__all__ = ["FOUND_LOG10_P", "AudioDetector", "Effort", "detect_each", "detect_samples"]

FOUND_LOG10_P = -6.0  # at most one false alarm in a million (recording, keys) questions
_CHUNK = 20.48  # seconds; a recording of up to half as much again is one chunk
_OVERLAP = 2.56  # seconds of a chunk that the next one sees again
_EARLY = (2.56, 5.12, 10.24)  # seconds of a stream after which it is looked at already
_SHORTEST = 0.3  # seconds that are looked at


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
        chunk = Chunk(self._rows[0][:count])
        self._looks += 1
        spent = self._looks * (self._looks + 1)
        start = self._begin / FRAMES_A_SECOND
        bar = self._bar - math.log10(spent)
        all_found = examine(chunk, [state.key for state in self._states], effort, bar)
        for state, found in zip(self._states, all_found, strict=True):
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
                segments = marked_segments(table, chunk.cells, reading, key_pattern(state.key))
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
