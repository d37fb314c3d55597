"""A mark of sound that is a few lines long, content to put it into, and the tools of an attacker.

Added is noise of the key (seven parts) and of the payload (three); what is read is the correlation
with that of the key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from waarmerk.bench.protocol import Content, Marked, Medium, Reading, Sound, Tools
from waarmerk.bench.seeds import rng_for

RATE = 16000
LEVEL = 0.01


def pink(seconds: float = 2.0, rate: int = RATE, channels: int = 2, name: object = 0) -> Sound:
    """Return pink noise, louder and softer four times a second."""
    count = round(seconds * rate)
    rng = rng_for("sound", channels, name)
    spectrum = np.fft.rfft(rng.standard_normal((count, channels)), axis=0)
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))[:, None]
    noise = np.fft.irfft(spectrum, count, axis=0)
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * np.arange(count) / rate)[:, None]
    return Sound((0.2 * swell * noise / noise.std()).astype(np.float32), rate)


def content(name: str, sound: Sound | None = None) -> Content:
    return Content(name, "audio", "noise", partial(_loaded, name, sound))


def _loaded(name: str, sound: Sound | None) -> Sound:
    return pink(name=name) if sound is None else sound


@dataclass
class Toy:
    name: str = "toy"
    medium: Medium = "audio"
    keyed: bool = True

    def mark(self, content: Content, value: Sound, key: int, number: int = 0) -> Marked:
        count = len(value.samples)
        payload = rng_for("payload", content.name, key, number).standard_normal(count)
        added = LEVEL * (0.7 * self.pattern(key, count) + 0.3 * payload)
        return Marked(Sound(value.samples + added[:, None].astype(np.float32), value.rate))

    def pattern(self, key: int, count: int) -> np.ndarray:
        return rng_for("pattern", key).standard_normal(count)

    def share(self, sound: Sound, key: int) -> float:
        """Return how much of the pattern of a key is in a sound: 0.7 after marking."""
        pattern = self.pattern(key, len(sound.samples))
        return float(sound.samples.mean(axis=1) @ pattern / len(pattern) / LEVEL)

    def read(self, value: Sound, keys: Sequence[int]) -> list[Reading]:
        return [Reading(self.share(value, key) > 0.35) for key in keys]


def tools(sound: Sound | None = None, others: int = 3, *seed: object, key: int = 0) -> Tools:
    own = content("own", sound)
    return Tools(
        rng_for("tools", *seed), own, Toy(), key, [own, *(content(f"c{i}") for i in range(others))]
    )


def marked(sound: Sound, key: int = 0) -> Sound:
    value: Sound = Toy().mark(content("own", sound), sound, key).value
    return value
