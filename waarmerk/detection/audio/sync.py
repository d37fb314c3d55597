"""Where in time the mark lies, and at what tempo and pitch it plays.

::

    table ─▶ lines of blocks ─▶ sums over windows ─▶ key: offset, sign        (unchanged sound)

    tables at 13 pitches ─▶ spectra over time ─▶ power at the lines, 400 tempos, no key
                                                      │ the best 24
                                                      ▼
                                              key: offset, sign               (changed sound)

What the first stage of the search discards it discards without the key, so that only the
candidates which the key is tried on have to be paid for.
"""

import math
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from waarmerk.detection.audio.hearing import FRAMES_A_SECOND
from waarmerk.detection.audio.table import outstanding
from waarmerk.detection.statistics import log10_of_best, log10_tail
from waarmerk.marking.audio.scheme import SCHEME, KeyPattern

__all__ = ["Place", "Spectra", "WindowLines", "best_in_windows", "refined", "search", "tables_of"]

_DENSE = FRAMES_A_SECOND // SCHEME.frame_rate
_BLOCK = SCHEME.tile // 2  # cells: windows start and end at its multiples
_OFFSETS = 4 * SCHEME.tile  # places in a tile that are looked at
_SIGNS = 2
_SHORTEST = 2  # blocks of a window

PITCHES = tuple(math.exp(0.0175 * step) for step in range(-6, 7))  # up to 11 % either way
_TEMPOS = np.exp(np.arange(-0.115, 0.1151, 0.0006))
CANDIDATES = 24
_FINE_TEMPOS = np.arange(-4, 5) * 1.5e-4
_APART = 4  # steps of tempo between candidates of one pitch
_POWER_CLIP = 8.0
_NEIGHBOURS = 64  # bins over which the power is averaged, to whiten it


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


@cache
def _waves(length: int, step: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cosine and sine of every line over one tile sampled `length` times [lines, length]."""
    angle = np.outer(SCHEME.sync_lines, np.arange(length)) * (2 * math.pi * step / length)
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


@dataclass(frozen=True, eq=False)
class WindowLines:
    """Lines of the synchronisation in windows of unchanged sound, shared by all keys.

    Attributes
    ----------
    values : complex64 [windows, lines, bands]
    energy : float64 [windows]
        Sum of their squared magnitudes.
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

        length = _BLOCK * _DENSE
        blocks = max(1, -(-table.shape[1] // length))
        lines = np.empty((blocks, len(SCHEME.sync_lines), SCHEME.bands), np.complex64)
        block_lines(table, length, *_waves(SCHEME.tile * _DENSE, 1), lines)
        spans = [(0, blocks)]
        size = _SHORTEST
        while size < blocks:
            starts = range(0, blocks - size + 1, max(1, size // 2))
            spans += [(start, start + size) for start in starts]
            size *= 2
        span = np.array(spans)
        sums = np.concatenate([np.zeros((1, *lines.shape[1:])), np.cumsum(lines, 0, np.complex128)])
        values = (sums[span[:, 1]] - sums[span[:, 0]]).astype(np.complex64)
        energy = np.sum(np.abs(values).astype(np.float64) ** 2, axis=(1, 2))
        return cls(values, energy, span * _BLOCK)


def best_in_windows(windows: WindowLines, pattern: KeyPattern) -> Place:
    """Find the window and the offset at which a key's synchronisation fits best."""
    matched = np.einsum("wkb,kb->wk", windows.values, pattern.sync_turn)
    total, place = _offsets(matched)
    best, log10_p = _best(total, windows.energy)
    first, last = windows.span[best]
    # The lines refer to time 0.
    return Place(
        log10_p=log10_of_best(log10_p, len(total) * _OFFSETS * _SIGNS),
        centre=0.0,
        cell=place[best] * SCHEME.tile / _OFFSETS,
        tempo=1.0,
        pitch=1.0,
        first=float(first),
        last=float(last),
    )


def _offsets(matched: NDArray[np.complex64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Give the best correlation over all offsets, and the offset, of lines [n, lines]."""
    from waarmerk.kernels.sound_table import best_offsets

    total = np.empty(len(matched), np.float32)
    place = np.empty(len(matched), np.int64)
    # A mark whose cell `u` lies at the reference has turned its lines by +k u: turn them back.
    cosine, sine = _waves(_OFFSETS, 1)
    best_offsets(np.ascontiguousarray(matched), cosine, -sine, total, place)
    return total, place


def _best(total: NDArray[np.float32], energy: NDArray[np.float64]) -> tuple[int, float]:
    values = [log10_tail(abs(float(t)), float(e)) for t, e in zip(total, energy, strict=True)]
    best = int(np.argmin(values))
    return best, values[best]


@dataclass(frozen=True, eq=False)
class Spectra:
    """Tables at all pitches, transformed over time, with the likeliest tempos; for all keys.

    Attributes
    ----------
    values : complex64 [candidates, lines, bands]
        Referred to the centre of the window.
    energy : float64 [candidates]
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
    def of(cls, tables: list[NDArray[np.float32]], first: int, last: int) -> "Spectra":
        """Look for tempos in the cells `first` ... `last` - 1 of tables [bands, cells]."""
        size = 2048
        while size < 2 * (last - first):
            size *= 2
        lines = np.array(SCHEME.sync_lines)
        bins = np.rint(np.outer(_TEMPOS, lines) * (size / SCHEME.tile)).astype(np.int64)
        top = int(bins.max()) + 1
        spectra = []
        scores = np.empty((len(tables), len(_TEMPOS)))
        for i, table in enumerate(tables):
            transformed = scipy.fft.rfft(table[:, first:last], size, axis=1)[:, :top]
            spectra.append(transformed)
            power = _whitened(transformed)
            scores[i] = power[bins].sum(1)
        picked = _picked(scores)
        values = np.stack([spectra[i][:, bins[s]].T for i, s in picked])
        centre = (last - first) / 2
        turn = np.exp(2j * math.pi / size * bins[[s for _, s in picked]] * centre)
        values = (values * turn[:, :, None]).astype(np.complex64)
        return cls(
            values=values,
            energy=np.sum(np.abs(values).astype(np.float64) ** 2, axis=(1, 2)),
            tempo=_TEMPOS[[s for _, s in picked]],
            pitch=np.array(PITCHES)[[i for i, _ in picked]],
            first=float(first),
            last=float(last),
        )


def _whitened(spectra: NDArray[np.complex64]) -> NDArray[np.float64]:
    """Give the power of every bin over the mean around it, limited and summed over the bands."""
    power = spectra.real**2 + spectra.imag**2
    sums = np.cumsum(np.pad(power, ((0, 0), (1, 0))), axis=1, dtype=np.float64)
    at = np.arange(power.shape[1])
    low = np.maximum(at - _NEIGHBOURS, 0)
    high = np.minimum(at + _NEIGHBOURS + 1, power.shape[1])
    mean = (sums[:, high] - sums[:, low]) / (high - low)
    out: NDArray[np.float64] = np.minimum(power / (mean + 1e-12), _POWER_CLIP).sum(0)
    return out


def _picked(scores: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Give pitch and tempo of the highest scores; of neighbours only one."""
    picked: list[tuple[int, int]] = []
    for flat in np.argsort(-scores, axis=None):
        i, s = divmod(int(flat), scores.shape[1])
        if all(i != j or abs(s - r) >= _APART for j, r in picked):
            picked.append((i, s))
            if len(picked) == CANDIDATES:
                break
    return picked


def search(spectra: Spectra, pattern: KeyPattern) -> Place:
    """Find the candidate and the offset at which a key's synchronisation fits best."""
    matched = np.einsum("ckb,kb->ck", spectra.values, pattern.sync_turn)
    total, place = _offsets(matched)
    best, log10_p = _best(total, spectra.energy)
    return Place(
        log10_p=log10_of_best(log10_p, len(total) * _OFFSETS * _SIGNS),
        centre=(spectra.first + spectra.last) / 2,
        cell=place[best] * SCHEME.tile / _OFFSETS,
        tempo=float(spectra.tempo[best]),
        pitch=float(spectra.pitch[best]),
        first=spectra.first,
        last=spectra.last,
    )


def tables_of(power: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Make the tables of all pitches, one column a cell."""
    return [outstanding(power, pitch=pitch, stride=_DENSE) for pitch in PITCHES]


def refined(table: NDArray[np.float32], place: Place, pattern: KeyPattern) -> Place:
    """Look between the tempos of the search, at a table [bands, frames] of the right pitch.

    Only where the payload is read depends on it, and the payload pays for its own proof.
    """
    first = max(0, round(place.first * _DENSE))
    part = table[:, first : round(place.last * _DENSE)]
    time = (np.arange(part.shape[1]) + first) / _DENSE - place.centre
    tempos = place.tempo + _FINE_TEMPOS
    turns = np.outer(np.outer(tempos, SCHEME.sync_lines), time) * (-2j * math.pi / SCHEME.tile)
    lines = np.exp(turns).astype(np.complex64) @ part.T.astype(np.complex64)
    values = lines.reshape(len(tempos), len(SCHEME.sync_lines), SCHEME.bands)
    total, offset = _offsets(np.einsum("tkb,kb->tk", values, pattern.sync_turn))
    best = int(np.argmax(np.abs(total)))
    return replace(
        place, tempo=float(tempos[best]), cell=float(offset[best]) * SCHEME.tile / _OFFSETS
    )
