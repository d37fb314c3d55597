"""Changes of sound on a strength axis that the modules sound_effects and sound_codecs do not have.

Every function takes float32 ``[n, channels]``, the rate and a random generator, and returns new
samples and their rate.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from scipy import ndimage, signal

from waarmerk.bench.transformations import sound_codecs as codecs
from waarmerk.bench.transformations.sound_codecs import Sound, mono, resample
from waarmerk.bench.transformations.sound_effects import rms

WORD_SECONDS = 0.4  # a spoken word, with what is left of the pause around it
FADE_SECONDS = 0.005
BEEP_HZ = 1000
VOICES = 6  # of a babble; more of them sound like noise
BABBLE_SECONDS = 10

# What a file may pass through on its way from a studio to a messenger.
FORMATS = (
    partial(codecs.mp3, kbps=128),
    partial(codecs.vorbis, quality=3),
    partial(codecs.aac, kbps=96),
    partial(codecs.opus, kbps=32),
    partial(codecs.opus, kbps=16),
)


# In place


def quantise(samples: np.ndarray, rate: int, _rng: object, *, bits: int) -> Sound:
    """Round to ``2 ** bits`` equal steps between -1 and 1, without dither."""
    step = np.float32(2.0 ** (1 - bits))
    return np.clip(np.rint(samples / step), -(1 / step), 1 / step - 1) * step, rate


def dropped(samples: np.ndarray, rate: int, rng: np.random.Generator, *, share: float) -> Sound:
    """Set `share` of the samples, here and there, to zero in all channels."""
    return samples * (rng.random((len(samples), 1)) >= share).astype(np.float32), rate


def files(samples: np.ndarray, rate: int, rng: np.random.Generator, *, count: int) -> Sound:
    """Convert to the first `count` of `FORMATS`, one after the other."""
    for change in FORMATS[:count]:
        samples, rate = change(samples, rate, rng)
    return samples, rate


def babble(rate: int, rng: np.random.Generator) -> np.ndarray:
    """Return float32 ``[n]`` that sounds like people talking next door; RMS 1.

    Noise that is louder and softer about four times a second for every voice, with the spectrum of
    speech: level up to 500 Hz, 9 dB an octave softer above (ANSI S3.5).
    """
    count = BABBLE_SECONDS * rate
    hz = np.fft.rfftfreq(count, 1 / rate)
    shape = np.where(hz < 100, 0, np.minimum(1, (500 / np.maximum(hz, 1)) ** 1.5))
    slow = np.exp(-(((hz - 4) / 3) ** 2))
    total = np.zeros(count)
    for _ in range(VOICES):
        swell, voice = (
            np.fft.irfft(np.fft.rfft(rng.standard_normal(count)) * curve, count)
            for curve in (slow, shape)
        )
        total += np.maximum(swell / swell.std(), 0) * voice
    return np.asarray(total / rms(total), np.float32)


# Localised


def passages(
    count: int, rate: int, rng: np.random.Generator, *, share: float, seconds: float
) -> Iterator[slice]:
    """Yield places of `seconds` each, in order, that cover `share` of so many samples.

    They are drawn from the places of a grid; a share too small for one gives one.
    """
    length = max(1, min(round(seconds * rate), count))
    slots = -(-count // length)
    wanted = min(slots, max(1, round(share * slots)))
    for slot in sorted(rng.choice(slots, wanted, replace=False)) if slots else ():
        yield slice(int(slot) * length, min(count, (int(slot) + 1) * length))


def faded(length: int, rate: int) -> np.ndarray:
    """Return a gain of 1 with a short rise and fall, float32 ``[length, 1]``."""
    edge = np.minimum(np.arange(length), np.arange(length)[::-1]) / (FADE_SECONDS * rate)
    return np.asarray(np.minimum(edge, 1), np.float32)[:, None]


def replaced(
    samples: np.ndarray, new: np.ndarray, rate: int, where: Iterator[slice] | list[slice]
) -> np.ndarray:
    """Return the sound with `new`, as long, faded in at places."""
    out = samples.copy()
    for place in where:
        gain = faded(place.stop - place.start, rate)
        out[place] += gain * (new[place] - out[place])
    return out


def muted(samples: np.ndarray, rate: int, rng: np.random.Generator, *, share: float) -> Sound:
    """Mute words, here and there, that are `share` of the time."""
    where = passages(len(samples), rate, rng, share=share, seconds=WORD_SECONDS)
    return replaced(samples, np.zeros_like(samples), rate, where), rate


def beeped(samples: np.ndarray, rate: int, rng: np.random.Generator, *, share: float) -> Sound:
    """Put a tone as loud as the sound in place of words that are `share` of the time."""
    where = passages(len(samples), rate, rng, share=share, seconds=WORD_SECONDS)
    tone = np.sin(2 * np.pi * BEEP_HZ / rate * np.arange(len(samples)))[:, None]
    tone = (np.sqrt(2) * rms(samples) * tone).astype(np.float32)
    return replaced(samples, np.broadcast_to(tone, samples.shape), rate, where), rate


def one_passage(count: int, rng: np.random.Generator, *, share: float) -> slice:
    """Return a place anywhere that is `share` of so many samples."""
    length = min(count, round(share * count))
    start = int(rng.integers(count - length + 1))
    return slice(start, start + length)


def dubbed(
    samples: np.ndarray, rate: int, rng: np.random.Generator, *, other: np.ndarray, share: float
) -> Sound:
    """Put `other`, float32 ``[m]``, as loud as the sound, in place of one passage."""
    level = np.float32(rms(samples) / rms(other))
    new = np.broadcast_to(level * np.resize(other, len(samples))[:, None], samples.shape)
    return replaced(samples, new, rate, [one_passage(len(samples), rng, share=share)]), rate


# Desynchronisation


def excerpt(samples: np.ndarray, rate: int, rng: np.random.Generator, *, seconds: float) -> Sound:
    """Keep so many seconds from anywhere; a sound that is shorter stays."""
    length = min(len(samples), round(seconds * rate))
    start = int(rng.integers(len(samples) - length + 1))
    return samples[start : start + length].copy(), rate


def jittered(samples: np.ndarray, rate: int, rng: np.random.Generator, *, times: float) -> Sound:
    """Leave out or double single samples, `times` a second, as clocks that do not agree do."""
    count = len(samples)
    where = rng.choice(count, min(count // 2, round(times * count / rate)), replace=False)
    often = np.ones(count, np.int64)
    often[where] = rng.choice((0, 2), len(where))
    return np.repeat(samples, often, axis=0), rate


def wavering(samples: np.ndarray, rate: int, rng: np.random.Generator, *, percent: float) -> Sound:
    """Wow and flutter: speed that swings by `percent` at 0.5 Hz, and by a third of it at 6 Hz."""
    time = np.arange(len(samples)) / rate
    late = np.zeros(len(samples))
    for hz, part in ((0.5, 1), (6, 1 / 3)):
        turn, start = 2 * np.pi * hz, rng.uniform(0, 2 * np.pi)
        late += part * percent / 100 / turn * (np.sin(turn * time + start) - np.sin(start))
    places = np.arange(len(samples)) + rate * late
    planes = [ndimage.map_coordinates(p, [places], order=3, mode="nearest") for p in samples.T]
    return np.asarray(np.stack(planes, axis=1), np.float32), rate


# For the analogue hole


def band_pass(
    samples: np.ndarray, rate: int, _rng: object, *, low: float, high: float, order: int = 2
) -> Sound:
    """Butterworth band-pass; an upper corner beyond the band of the sound does nothing."""
    kind, corners = ("bandpass", (low, high)) if high < 0.49 * rate else ("highpass", low)
    sections = signal.butter(order, corners, kind, fs=rate, output="sos")
    return signal.sosfilt(sections, samples, axis=0).astype(np.float32), rate


def fitted(other: Sound, rate: int) -> np.ndarray:
    """Return a sound as float32 ``[m]`` at another rate."""
    return resample(mono(other[0]), other[1], rate)[:, 0]
