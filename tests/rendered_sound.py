"""Sounds for tests, rendered on the spot: notes, bursts of noise and pauses."""

from functools import cache
from pathlib import Path

import numpy as np

from waarmerk.marking.formats import SOUNDS
from waarmerk.marking.sound_decoders import SoundFacts
from waarmerk.marking.sound_encode import open_writer, plan
from waarmerk.marking.sound_tags import SoundTags, wave_chunks, write_tags

RATE = 16_000


@cache
def melody(seconds=6.0, rate=RATE, channels=1, seed=1):
    """Syllables of harmonic notes and noise with pauses between, float32 [n, channels]."""
    rng = np.random.default_rng(seed)
    n = round(seconds * rate)
    out = np.zeros((n, channels), np.float32)
    at = 0
    while at < n:
        length = min(round(rng.uniform(0.12, 0.35) * rate), n - at)
        time = np.arange(length) / rate
        swell = np.sin(np.pi * np.arange(length) / length) ** 0.5
        base = 110.0 * 2.0 ** (rng.integers(0, 24) / 12)
        note = np.zeros(length)
        for k in range(1, 30):
            if k * base < min(0.45 * rate, 7000):
                bend = 1 + 0.01 * np.sin(2 * np.pi * 5 * time)
                level = k ** -rng.uniform(0.7, 1.3)
                note += level * np.sin(2 * np.pi * k * base * time * bend + rng.uniform(0, 6))
        breath = rng.normal(0.0, rng.choice([0.05, 0.05, 1.0]), length)
        voice = (note + breath) * swell * rng.uniform(0.05, 0.13)
        for channel in range(channels):
            out[at : at + length, channel] = voice * (1.0 - 0.15 * channel)
        at += length + round(rng.choice([0.0, 0.02, 0.15]) * rate)
    out += rng.normal(0.0, 3e-4, out.shape).astype(np.float32)
    out = np.clip(out, -0.95, 0.95).astype(np.float32)
    out.setflags(write=False)
    return out


def sixteen(samples):
    """Round to int16."""
    return np.rint(samples * 32767).astype(np.int16)


def file(path: Path, name: str, samples=None, rate=RATE, *, tags=None, sample="int16"):
    """Write samples as a file of the format with this name, and return its path."""
    samples = melody(1.5, rate) if samples is None else samples
    if name == "AAC":
        return _raw_stream(path, samples, rate)
    facts = SoundFacts(SOUNDS["WAV"], rate, samples.shape[1], None, sample, lossless=True)
    tags = tags or SoundTags()
    how = plan(facts, SOUNDS[name], str(path))
    head, rest = wave_chunks(tags, same=False)
    bare = path.with_name(path.name + ".bare")
    writer = open_writer(bare, how, head=head, rest=rest)
    kind = how.sample
    assert how.sample_rate == rate, "the tests keep to rates that the format has"
    values = samples
    if kind == "int16":
        values = sixteen(samples)
    elif kind in ("int24", "int32"):
        values = np.rint(samples.astype(np.float64) * (2**23 - 1)).astype(np.int32) << 8
    writer.write(values)
    writer.close()
    done = write_tags(bare, path.with_name(path.name + ".tags"), how.format, tags)
    return done.replace(path)


def _raw_stream(path, samples, rate):
    import av

    with av.open(str(path), "w", format="adts") as container:
        stream = container.add_stream("aac", rate=rate)
        layout = {1: "mono", 2: "stereo"}[samples.shape[1]]
        stream.layout = layout
        stream.bit_rate = 96_000
        planar = np.ascontiguousarray(samples.T)
        frame = av.AudioFrame.from_ndarray(planar, format="fltp", layout=layout)
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
