"""Where in time the mark lies, and at what tempo and pitch it plays.

::

    table ─▶ lines of blocks ─▶ sums over windows ─▶ key: offset, sign        (unchanged sound)

    tables at 11 pitches ─▶ spectra over time ─▶ power at the lines, 384 tempos, no key
                                                      │ the best 48
                                                      ▼
                                              key: offset, sign               (changed sound)

What the first stage of the search discards it discards without the key, so that only the
candidates which the key is tried on have to be paid for. Both stages look at all lines, and at the
slow ones alone: reverberation and phase vocoders leave no others.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from waarmerk.detection.audio.table import DENSE
from waarmerk.detection.statistics import log10_of_best, log10_phase_tail, may_reach
from waarmerk.marking.audio.scheme import SCHEME, KeyPattern

__all__ = [
    "NOWHERE",
    "OFFSETS",
    "PITCHES",
    "SELECTIONS",
    "Place",
    "Spectra",
    "WindowLines",
    "best_in_windows",
    "refined",
    "search",
    "tries",
    "waves",
]

_BLOCK = SCHEME.tile // 2  # cells: windows start and end at its multiples
_SHORTEST = 2  # blocks of a window
OFFSETS = 2 * SCHEME.tile  # places in a tile that are looked at
_SIGNS = 2
SELECTIONS = (len(SCHEME.sync_lines), len(SCHEME.slow_lines))  # so many lines, from the first

PITCHES = tuple(math.exp(0.021 * step) for step in range(-5, 6))  # up to 11 % either way
_TEMPOS = np.exp(np.arange(-0.115, 0.1151, 0.0006))
_FINE_TEMPOS = np.arange(-4, 5) * 1.5e-4
_PICKED = (12, 36)  # candidates of each selection of lines
_APART = (4, 10)  # steps of tempo between candidates of one pitch: slow lines tell less of it
_POWER_CLIP = 8.0
_NEIGHBOURS = 128  # bins over which the power is averaged, to whiten it


@dataclass(frozen=True)
class Place:
    """Where the synchronisation fits best.

    Attributes
    ----------
    log10_p : float
        With everything paid for that was tried.
    centre : float
        A time in the table, in cells of 10 ms.
    cell : float
        Cell of the tile that lies there.
    tempo, pitch : float
        How much faster the mark plays, and how much higher, than it was laid.
    first, last : float
        The window in which it was found, in cells of the recording.
    """

    log10_p: float
    centre: float
    cell: float
    tempo: float
    pitch: float
    first: float
    last: float


NOWHERE = Place(0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0)


def tries(lines: "WindowLines | Spectra") -> int:
    """Count the rows, selections of lines, offsets and signs that are looked at with a key."""
    return len(lines.values) * len(SELECTIONS) * OFFSETS * _SIGNS


@cache
def waves(length: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cosine and sine of every line over one tile sampled `length` times [lines, length]."""
    angle = np.outer(SCHEME.sync_lines, np.arange(length)) * (2 * math.pi / length)
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


def _energies(values: NDArray[np.complex64]) -> NDArray[np.float64]:
    """Sum of the squared magnitudes of each selection of lines [selections, n]."""
    squares = (values.real**2 + values.imag**2).sum(2, dtype=np.float64)
    return np.array([squares[:, :count].sum(1) for count in SELECTIONS])


def _best_offset(
    values: NDArray[np.complex64], energy: NDArray[np.float64], pattern: KeyPattern
) -> tuple[int, float, float]:
    """Find the row of lines [n, lines, bands] that fits a key best, and where.

    Returns
    -------
    row : int
    cell : float
        Cell of the tile to which the lines refer.
    log10_p : float
        With rows, offsets, signs and selections of lines paid for.
    """
    from waarmerk.kernels.sound_table import best_offsets

    matched = np.einsum("nkb,kb->nk", values, pattern.sync_turn)
    # A mark whose cell u lies at the reference has turned its lines by k u: turn them back.
    cosine, sine = waves(OFFSETS)
    total = np.empty((len(SELECTIONS), len(matched)), np.float32)
    place = np.empty(total.shape, np.int64)
    for i, count in enumerate(SELECTIONS):
        chosen = np.ascontiguousarray(matched[:, :count])
        best_offsets(chosen, cosine[:count], -sine[:count], total[i], place[i])
    ratio = np.abs(total) / np.sqrt(energy + 1e-30)
    selection, row = divmod(int(np.argmax(ratio)), total.shape[1])
    magnitudes = np.abs(values[row, : SELECTIONS[selection]])
    highest, tried = abs(float(total[selection, row])), total.size * OFFSETS * _SIGNS
    # Mostly nothing is left when all is paid for.
    flat = magnitudes.reshape(1, -1).astype(np.float64)
    only, size = np.zeros(1, np.int64), np.array([flat.size])
    log10_p = 0.0
    if may_reach(np.array([highest]), flat, only, size, -math.log10(tried))[0]:
        log10_p = log10_of_best(log10_phase_tail(highest, magnitudes), tried)
    return row, float(place[selection, row]) * SCHEME.tile / OFFSETS, log10_p


@dataclass(frozen=True, eq=False)
class WindowLines:
    """Lines of the synchronisation in windows of unchanged sound, shared by all keys.

    Attributes
    ----------
    values : complex64 [windows, lines, bands]
    energy : float64 [selections, windows]
    span : int64 [windows, 2]
        First and last cell.
    """

    values: NDArray[np.complex64]
    energy: NDArray[np.float64]
    span: NDArray[np.int64]

    @classmethod
    def of(cls, table: NDArray[np.float32]) -> "WindowLines":
        """Correlate a table [bands, frames] in windows of 1.3, 2.6, 5.1, ... seconds and whole."""
        from waarmerk.kernels.sound_table import block_lines

        length = _BLOCK * DENSE
        blocks = max(1, -(-table.shape[1] // length))
        lines = np.empty((blocks, len(SCHEME.sync_lines), SCHEME.bands), np.complex64)
        block_lines(table, length, *waves(SCHEME.tile * DENSE), lines)
        spans = [(0, blocks)]
        size = _SHORTEST
        while size < blocks:
            starts = range(0, blocks - size + 1, max(1, size // 2))
            spans += [(start, start + size) for start in starts]
            size *= 2
        span = np.array(spans)
        sums = np.concatenate([np.zeros((1, *lines.shape[1:])), np.cumsum(lines, 0, np.complex128)])
        values = (sums[span[:, 1]] - sums[span[:, 0]]).astype(np.complex64)
        return cls(values, _energies(values), span * _BLOCK)


def best_in_windows(windows: WindowLines, pattern: KeyPattern) -> Place:
    """Find the window and the offset at which a key's synchronisation fits best."""
    row, cell, log10_p = _best_offset(windows.values, windows.energy, pattern)
    first, last = windows.span[row]
    # The lines refer to time 0.
    return Place(log10_p, 0.0, cell, 1.0, 1.0, float(first), float(last))


@dataclass(frozen=True, eq=False)
class Spectra:
    """Tables at all pitches, transformed over time, with the likeliest tempos; for all keys.

    Attributes
    ----------
    values : complex64 [candidates, lines, bands]
        Referred to the centre of the window.
    energy : float64 [selections, candidates]
    tempo, pitch : float64 [candidates]
    first, last : float
        The window, in cells.
    """

    values: NDArray[np.complex64]
    energy: NDArray[np.float64]
    tempo: NDArray[np.float64]
    pitch: NDArray[np.float64]
    first: float
    last: float

    @classmethod
    def of(cls, tables: Sequence[NDArray[np.float32]], first: int, last: int) -> "Spectra":
        """Look for tempos in the cells `first` ... `last` - 1 of the tables [bands, cells]."""
        from waarmerk.kernels.sound_table import line_power, line_scores

        size = 1024
        while size < 2 * (last - first):
            size *= 2
        bins = _bins(size)
        top = int(bins.max()) + 1
        # One place for all spectra, and no more of them than is looked at: they take more time to
        # find memory for than to compute.
        padded = np.zeros((SCHEME.bands, size), np.float32)
        spectra = np.empty((len(tables), SCHEME.bands, top), np.complex64)
        scores = np.empty((len(SELECTIONS), len(tables), len(_TEMPOS)), np.float32)
        power = np.empty(top, np.float32)
        for i, table in enumerate(tables):
            padded[:, : last - first] = table[:, first:last]
            spectra[i] = scipy.fft.rfft(padded, axis=1)[:, :top]
            line_power(spectra[i], _NEIGHBOURS, _POWER_CLIP, power)
            line_scores(power, bins, len(SCHEME.slow_lines), scores[1, i], scores[0, i])
        picked = [
            place
            for score, count, apart in zip(scores, _PICKED, _APART, strict=True)
            for place in _picked(score, count, apart)
        ]
        pitches, tempos = (np.array(column) for column in zip(*picked, strict=True))
        values = np.stack([spectra[i][:, bins[s]].T for i, s in picked])
        turn = np.exp(1j * math.pi / size * (last - first) * bins[tempos])
        values = (values * turn[:, :, None]).astype(np.complex64)
        return cls(
            values=values,
            energy=_energies(values),
            tempo=_TEMPOS[tempos],
            pitch=np.array(PITCHES)[pitches],
            first=float(first),
            last=float(last),
        )


@cache
def _bins(size: int) -> NDArray[np.int64]:
    """Bin of every line at every tempo [tempos, lines], of a transform of so many cells."""
    lines = np.array(SCHEME.sync_lines)
    return np.rint(np.outer(_TEMPOS, lines) * (size / SCHEME.tile)).astype(np.int64)


def _picked(scores: NDArray[np.float32], count: int, apart: int) -> list[tuple[int, int]]:
    """Give pitch and tempo of the highest scores; of neighbouring tempos only one."""
    scores = scores.copy()
    picked: list[tuple[int, int]] = []
    while len(picked) < count:
        i, s = divmod(int(np.argmax(scores)), scores.shape[1])
        picked.append((i, s))
        scores[i, max(0, s - apart + 1) : s + apart] = -1.0
    return picked


def search(spectra: Spectra, pattern: KeyPattern) -> Place:
    """Find the candidate and the offset at which a key's synchronisation fits best."""
    row, cell, log10_p = _best_offset(spectra.values, spectra.energy, pattern)
    return Place(
        log10_p=log10_p,
        centre=(spectra.first + spectra.last) / 2,
        cell=cell,
        tempo=float(spectra.tempo[row]),
        pitch=float(spectra.pitch[row]),
        first=spectra.first,
        last=spectra.last,
    )


def refined(table: NDArray[np.float32], place: Place, pattern: KeyPattern) -> Place:
    """Look between the tempos of the search, at a table [bands, frames] of the right pitch.

    Only where the payload is read depends on it, and the payload pays for its own proof.
    """
    first = max(0, round(place.first * DENSE))
    part = table[:, first : round(place.last * DENSE)]
    time = (np.arange(part.shape[1]) + first) / DENSE - place.centre
    tempos = place.tempo + _FINE_TEMPOS
    turns = np.outer(np.outer(tempos, SCHEME.sync_lines), time) * (-2j * math.pi / SCHEME.tile)
    lines = np.exp(turns).astype(np.complex64) @ part.T.astype(np.complex64)
    values = lines.reshape(len(tempos), len(SCHEME.sync_lines), SCHEME.bands)
    row, cell, _ = _best_offset(values, _energies(values), pattern)
    return replace(place, tempo=float(tempos[row]), cell=cell)
