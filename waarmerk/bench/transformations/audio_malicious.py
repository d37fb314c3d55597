"""Attacks on the marks of sound by somebody who has the scheme, a key of his own, and patience.

Each is ``(sound, strength, tools) -> sound``. None knows of any scheme: where levels are compared,
it is in cells of 20 ms and 25 Hz, finer than what marks are made of::

    works of the victim's key      mean of what marking added, frame by frame from the start
      original ─┐
                ├─ difference ──>  |----pattern----|      taken away from a sound: removal
      marked  ──┘                                         put into another one: forgery
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from scipy import ndimage, signal

from waarmerk.bench.protocol import RefusedError, Sound, Tools
from waarmerk.bench.transformations.audio_edits import (
    WORD_SECONDS,
    babble,
    fitted,
    one_passage,
    passages,
    replaced,
)
from waarmerk.bench.transformations.sound_codecs import mono, resample
from waarmerk.bench.transformations.sound_effects import denoise, rms

FRAME_SECONDS = 0.02  # half a window
HIGHEST = 8000  # Hz, of patterns
RANGE = 6.0  # dB, that a pattern may reach: no mark is that loud
FLOOR = 1e-6  # of the loudest cell's power, under which a cell counts as silent
SMOOTH = (25, 9)  # frames and bins of the surroundings that a level is compared with
KEPT_SECONDS = 10.0  # of every work
RATE = 16000  # of waveforms that are averaged
KEPT_ESTIMATES = 4


# Levels


@dataclass(frozen=True, slots=True)
class Levels:
    """The short-time spectrum of a sound with windows of 40 ms, in bins of 25 Hz at any rate."""

    values: np.ndarray  # complex [channels, bins, frames]
    hop: int
    length: int
    rate: int

    @classmethod
    def of(cls, sound: Sound) -> Levels:
        """Transform a sound."""
        hop = max(1, round(FRAME_SECONDS * sound.rate))
        planes = np.pad(sound.samples, ((0, max(0, 2 * hop - len(sound.samples))), (0, 0))).T
        _, _, values = signal.stft(planes, nperseg=2 * hop, noverlap=hop)
        return cls(values, hop, len(sound.samples), sound.rate)

    def decibels(self) -> np.ndarray:
        """Return the levels of all channels together up to `HIGHEST`, ``[bins, frames]``."""
        bins = round(2 * FRAME_SECONDS * HIGHEST)
        power = (np.abs(self.values[:, :bins]) ** 2).sum(axis=0)
        return np.asarray(10 * np.log10(np.maximum(power, FLOOR * power.max() + 1e-20)))

    def changed(self, decibels: np.ndarray) -> Sound:
        """Return the sound with other levels; where `decibels` ends, nothing changes."""
        gains = np.ones(self.values.shape[1:])
        bins, frames = np.minimum(gains.shape, decibels.shape)
        gains[:bins, :frames] = 10 ** (decibels[:bins, :frames] / 20)
        _, out = signal.istft(self.values * gains, nperseg=2 * self.hop, noverlap=self.hop)
        out = np.pad(out, ((0, 0), (0, max(0, self.length - out.shape[1]))))
        return Sound(np.ascontiguousarray(out.T[: self.length], np.float32), self.rate)


def residual(sound: Sound) -> np.ndarray:
    """Return how far levels stand out of their surroundings, dB ``[bins, frames]``."""
    levels = Levels.of(sound).decibels()
    around = ndimage.uniform_filter(levels, SMOOTH[::-1], mode="nearest")
    return np.asarray(np.clip(levels - around, -RANGE, RANGE))


def other_sound(tools: Tools) -> Sound:
    """Return another content of the run, drawn at random; if there is none, a babble at 16 kHz."""
    others = tools.other_contents()
    if not others:
        return Sound(0.1 * babble(RATE, tools.rng)[:, None], RATE)
    return Sound(*others[int(tools.rng.integers(len(others)))].load())


def other_voice(tools: Tools, rate: int) -> np.ndarray:
    """Return `other_sound` as float32 ``[n]`` at a rate."""
    return fitted(other_sound(tools), rate)


# A key of the attacker's own


def another_key(sound: Sound, _strength: float, tools: Tools) -> Sound:
    """Mark the sound again, with another key."""
    return Sound(*tools.other_key(sound))


def overwritten(sound: Sound, percent: float, tools: Tools) -> Sound:
    """Mark one passage again, with another key."""
    over = alike(Sound(*tools.other_key(sound)), sound)
    place = one_passage(len(sound.samples), tools.rng, share=percent / 100)
    return Sound(replaced(sound.samples, over.samples, sound.rate, [place]), sound.rate)


def subtracted(sound: Sound, times: float, tools: Tools) -> Sound:
    """Subtract `times` what a mark of the attacker's own key adds to the sound."""
    added = alike(Sound(*tools.other_key(sound)), sound).samples - sound.samples
    return Sound(sound.samples - np.float32(times) * added, sound.rate)


def alike(other: Sound, sound: Sound) -> Sound:
    """Return `other` at the rate, the channels and the length of `sound`."""
    samples = resample(other.samples, other.rate, sound.rate)
    if samples.shape[1] != sound.samples.shape[1]:
        samples = np.repeat(mono(samples), sound.samples.shape[1], axis=1)
    missing = max(0, len(sound.samples) - len(samples))
    return Sound(np.pad(samples, ((0, missing), (0, 0)))[: len(sound.samples)], sound.rate)


# Copies with other payloads


def copies(sound: Sound, count: int, tools: Tools) -> list[np.ndarray]:
    """Return the samples of the sound and of so many copies that together they are `count`."""
    more = (alike(Sound(*copy), sound).samples for copy in tools.copies(count - 1))
    return [sound.samples, *more]


def mean_of_copies(sound: Sound, count: float, tools: Tools) -> Sound:
    """Take the mean of `count` copies."""
    stack = np.stack(copies(sound, round(count), tools))
    return Sound(np.asarray(stack.mean(axis=0, dtype=np.float32)), sound.rate)


def mosaic_of_copies(sound: Sound, count: float, tools: Tools) -> Sound:
    """Join words of `count` copies, each word from another one at random."""
    out, *more = copies(sound, round(count), tools)
    slots = list(passages(len(out), sound.rate, tools.rng, share=1, seconds=WORD_SECONDS))
    chosen = tools.rng.integers(1 + len(more), size=len(slots))
    for number, copy in enumerate(more, start=1):
        where = [slot for slot, choice in zip(slots, chosen, strict=True) if choice == number]
        out = replaced(out, copy, sound.rate, where)
    return Sound(out.copy(), sound.rate)


# Averages over works


@dataclass(slots=True)
class Estimate:
    """Running sums of what marking added to one work after the other."""

    works: Iterator[tuple[Sound, Sound]]
    count: int = 0
    levels: np.ndarray = field(
        default_factory=lambda: np.zeros(
            (round(2 * FRAME_SECONDS * HIGHEST), round(KEPT_SECONDS / FRAME_SECONDS))
        )
    )
    wave: np.ndarray = field(default_factory=lambda: np.zeros((round(KEPT_SECONDS * RATE), 1)))
    seen: dict[int, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def upto(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the means over the first `count` works: levels in dB, and the waveform."""
        if count not in self.seen:
            for original, marked in islice(self.works, count - self.count):
                self.add(Sound(*original), Sound(*marked))
            if self.count < count:
                raise RefusedError("averaging needs other content in the run that can be marked")
            self.seen[count] = (
                (self.levels / count).astype(np.float32),
                (self.wave / count).astype(np.float32),
            )
        return self.seen[count]

    def add(self, original: Sound, marked: Sound) -> None:
        """Take the beginning of another work in."""
        first, second = (
            Sound(sound.samples[: round(KEPT_SECONDS * sound.rate)], sound.rate)
            for sound in (original, alike(marked, original))
        )
        levels = Levels.of(second).decibels() - Levels.of(first).decibels()
        bins, frames = np.minimum(levels.shape, self.levels.shape)
        self.levels[:bins, :frames] += np.clip(levels[:bins, :frames], -RANGE, RANGE)
        wave = resample(mono(second.samples - first.samples), first.rate, RATE)[: len(self.wave)]
        self.wave[: len(wave)] += wave
        self.count += 1


_estimates: OrderedDict[tuple[object, ...], Estimate] = OrderedDict()


def estimate(tools: Tools, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what marking adds on average to `count` works under the key: levels, and waveform.

    Kept for a few (scheme, key, other contents). The contents belong to it: what comes out must
    not depend on which content was attacked first.

    Raises
    ------
    RefusedError
        If there are no other contents, or the scheme marks none of them.
    """
    others = tuple(content.name for content in tools.other_contents())
    name = (tools.scheme_name, tools.key, others)
    kept = _estimates.get(name)
    if kept is None or (count < kept.count and count not in kept.seen):
        _estimates[name] = Estimate(tools.works())
    _estimates.move_to_end(name)
    while len(_estimates) > KEPT_ESTIMATES:
        _estimates.popitem(last=False)
    return _estimates[name].upto(count)


def less_levels(sound: Sound, count: float, tools: Tools) -> Sound:
    """Take twice the mean difference of the levels of `count` works away."""
    levels, _ = estimate(tools, round(count))
    return Levels.of(sound).changed(-2 * levels)


def less_wave(sound: Sound, count: float, tools: Tools) -> Sound:
    """Take the mean difference of the waveforms of `count` works away."""
    _, wave = estimate(tools, round(count))
    fit = resample(wave, RATE, sound.rate)[: len(sound.samples)]
    out = sound.samples.copy()
    out[: len(fit)] -= fit
    return Sound(out, sound.rate)


# Forgery: what comes out never was marked


def with_residual(sound: Sound, times: float, tools: Tools) -> Sound:
    """Put `times` what stands out of the levels of this one marked sound into another sound.

    Most of that is the work itself, so that the other sound is badly hurt: at 1, what changes is 3
    to 8 dB below it.
    """
    return Levels.of(other_sound(tools)).changed(times * residual(sound))


def with_wave(sound: Sound, times: float, tools: Tools) -> Sound:
    """Add `times` what a denoiser takes out of this one marked sound to another sound.

    The copy attack of M. Kutter, S. Voloshynovskiy and A. Herrigel, 2000. The residual is made as
    loud, against the other sound, as it was against its own: a loud work would drown a soft one.
    """
    clean, _ = denoise(sound.samples, sound.rate, None, below=20)
    other = other_sound(tools)
    taken = alike(Sound(sound.samples - clean, sound.rate), other)
    gain = np.float32(times * rms(other.samples) / rms(sound.samples))
    return Sound(other.samples + gain * taken.samples, other.rate)


def with_average(_sound: Sound, count: float, tools: Tools) -> Sound:
    """Put the mean difference of the levels of `count` works, twice, into this unmarked content.

    The strongest forger here: he had things marked that he has the originals of. The content of
    the run itself is the one thing that is not among the works.
    """
    levels, _ = estimate(tools, round(count))
    return Levels.of(Sound(*tools.content.load())).changed(2 * levels)
