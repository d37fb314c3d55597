"""Sounds as somebody hears them who wants to copy or remove the mark of others.

The mark makes the cells of a table of levels louder or softer, 100 frames a second in 24 bands, so
patterns are tables of dB, and are laid on by gains. All sounds are 10 s at 16 kHz, one channel.

``difference`` is levels of the marked sound minus those of the original, for who has both.
``residual`` is what stands out of its surroundings in the marked sound alone. ``lines`` knows the
specification: it fits the public oscillations of every band, shifts the works in time, and turns
their signs, until they agree, and draws the mean. Works marked with different ids begin at
different cells; ``difference`` and ``residual`` add them up from their beginnings all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from scipy import ndimage, signal

from waarmerk.bench.content.catalogue import contents
from waarmerk.bench.integrity.collect import Settings, chosen, tuned_on
from waarmerk.bench.marks import hear_each
from waarmerk.bench.protocol import Content, Medium, Sound, Value
from waarmerk.bench.seeds import rng_for
from waarmerk.bench.sound_quality import snr
from waarmerk.bench.transformations.sound_codecs import mono, resample
from waarmerk.marking.audio.scheme import SCHEME

if TYPE_CHECKING:
    from pathlib import Path

    from waarmerk import MarkId, MarkingKey
    from waarmerk.detection.finding import WatermarkFinding

__all__ = ["RATE", "SECONDS", "Sounds"]

RATE = 16000
SECONDS = 10.0
HOP = RATE // SCHEME.frame_rate
LENGTH = round(SECONDS * RATE)
FRAMES = LENGTH // HOP + 1
AROUND = (25, 5)  # what stands out, stands out of the mean over so many frames and bands
MOST = 6.0  # dB: more is no mark
LOUDEST = 12.0  # dB, of any gain
ROUNDS = 3  # of aligning works to what the last round agreed on


class Sounds:
    """The audio mark under attack."""

    medium: ClassVar[Medium] = "audio"
    scheme: ClassVar[str] = SCHEME.name
    unit: ClassVar[str] = "SNR"
    estimates: ClassVar[tuple[str, ...]] = ("difference", "residual")
    bounds: ClassVar[tuple[float, ...]] = (20.0, 25.0)
    limit: ClassVar[float] = 20.0
    levels: ClassVar[tuple[float, ...]] = (0.5, 1.0, 2.0)

    def targets(self, settings: Settings) -> list[Content]:
        """Return pieces of the reporting half."""
        return _targets(settings.data, settings.cache, settings.contents)

    def load(self, content: Content) -> Value:
        """Return the beginning of a piece, float32 [160000, 1]."""
        return _plain(content.load())[:LENGTH]

    def work(self, settings: Settings, number: int, attempt: int) -> Value:
        """Return 10 s out of a piece of the tuning half, forwards or backwards."""
        sources = _sources(settings.data)
        rng = rng_for("integrity sound", number, attempt)
        samples = sources[(number + attempt) % len(sources)]
        start = int(rng.integers(len(samples) - LENGTH + 1))
        cut = samples[start : start + LENGTH]
        return np.ascontiguousarray(cut[:: -1 if rng.integers(2) else 1])

    def mark(self, value: Value, key: MarkingKey, mark_id: MarkId) -> Value:
        """Mark a sound."""
        from waarmerk import mark_audio

        return mark_audio(value, RATE, key, mark_id=mark_id).content

    def estimate(self, original: Value, marked: Value) -> dict[str, np.ndarray]:
        """Return what each way takes for the mark: float [1001, 24], dB."""
        after = levels(marked)
        return {
            "difference": np.clip(after - levels(original), -MOST, MOST),
            "residual": standing_out(after),
        }

    def lines(self, marked: Value) -> np.ndarray:
        """Return the amplitudes of the public oscillations, complex64 [12, 24]."""
        table = standing_out(levels(marked))
        return np.asarray(2 * oscillations(len(table)).conj() @ table / len(table), np.complex64)

    def aligned(self, lines: np.ndarray) -> np.ndarray:
        """Shift and turn works [n, 12, 24] until they agree, and return their mean."""
        template = lines[0]
        for _ in range(ROUNDS):
            template = np.mean([shifted(each, template) for each in lines], axis=0)
        return np.asarray(template)

    def drawn(self, template: np.ndarray, like: Value | None = None) -> np.ndarray:
        """Return the oscillations; where they lie in `like`."""
        if like is not None:
            template = shifted(template, self.lines(like))
        return np.asarray((oscillations(FRAMES).T @ template).real)

    def share(self, value: Value, pattern: np.ndarray) -> float:
        """Return the factor that takes all of a pattern out of what stands out."""
        return float(np.sum(standing_out(levels(value)) * pattern) / np.sum(pattern * pattern))

    def change(self, value: Value, pattern: np.ndarray, gain: float) -> Value:
        """Make cells louder by so many dB times `gain`."""
        spectrum = transform(value[:, 0])
        decibels = np.clip(gain * pattern[: spectrum.shape[1]], -LOUDEST, LOUDEST)
        gains = 10 ** ((decibels @ members()).T / 20)
        _, out = signal.istft(spectrum * gains, nperseg=2 * HOP, noverlap=HOP)
        return np.ascontiguousarray(out[: len(value), None], np.float32)

    def quality(self, before: Value, after: Value) -> float:
        """Return the SNR."""
        return snr(before, after)

    def neutral(self) -> Value:
        """Return steady noise: gains on silence leave silence."""
        spectrum = np.fft.rfft(rng_for("integrity", "neutral").standard_normal(LENGTH))
        spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
        pink = np.fft.irfft(spectrum, LENGTH)
        return np.asarray(0.05 * pink / pink.std(), np.float32)[:, None]

    def size(self, value: Value) -> float:
        """Return seconds."""
        return float(round(len(value) / RATE, 3))

    def read(self, value: Value, keys: Sequence[MarkingKey]) -> list[WatermarkFinding]:
        """Look for every key by itself, with full effort."""
        return hear_each(value, RATE, list(keys), "full")


@lru_cache(maxsize=4)
def _targets(data: Path | None, cache: Path, count: int) -> list[Content]:
    return chosen(contents("audio", data, "reporting", cache), count)


@lru_cache(maxsize=2)
def _sources(data: Path | None) -> tuple[np.ndarray, ...]:
    return tuple(_plain(sound) for sound in tuned_on("audio", data))


def _plain(sound: Sound) -> np.ndarray:
    """Return a sound as one channel at 16 kHz, said again if it is too short."""
    samples = resample(mono(sound.samples), sound.rate, RATE)
    if len(samples) < LENGTH:
        return np.resize(samples, (LENGTH, 1))
    return np.ascontiguousarray(samples, np.float32)


def transform(samples: np.ndarray) -> np.ndarray:
    """Return the short-time spectrum, complex [161, 1001]; windows are two frames long."""
    return np.asarray(signal.stft(samples, nperseg=2 * HOP, noverlap=HOP)[2])


@lru_cache(maxsize=1)
def members() -> np.ndarray:
    """Return [24, 161], 1 where a bin belongs to a band."""
    hz, edges = np.fft.rfftfreq(2 * HOP, 1 / RATE), SCHEME.edges
    return np.asarray((hz >= edges[:-1, None]) & (hz < edges[1:, None]), np.float64)


def levels(samples: np.ndarray) -> np.ndarray:
    """Return dB, [1001, 24], with a floor 60 dB below the loudest cell."""
    power = members() @ (np.abs(transform(samples[:, 0])) ** 2)
    return np.asarray(10 * np.log10(np.maximum(power, power.max() * 1e-6 + 1e-20)).T)


def standing_out(table: np.ndarray) -> np.ndarray:
    """Return levels against the mean around them, limited."""
    around = ndimage.uniform_filter(table, AROUND, mode="nearest")
    return np.asarray(np.clip(table - around, -MOST, MOST))


@lru_cache(maxsize=4)
def oscillations(frames: int) -> np.ndarray:
    """Return the public lines, complex [12, frames]."""
    turns = np.array(SCHEME.sync_lines)[:, None] / SCHEME.tile * np.arange(frames)
    return np.asarray(np.exp(2j * np.pi * turns))


def shifted(lines: np.ndarray, template: np.ndarray) -> np.ndarray:
    """Shift lines in time by whole frames, and turn their sign, to agree best with a template."""
    steps = oscillations(SCHEME.tile)
    score = ((lines * template.conj()).sum(axis=1)[:, None] * steps).sum(axis=0).real
    best = int(np.argmax(np.abs(score)))
    return np.asarray(lines * steps[:, best, None] * np.sign(score[best]))
