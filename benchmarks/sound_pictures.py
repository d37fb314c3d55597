"""Draws and writes what the audio mark does, for eyes and ears.

``python -m benchmarks.sound_pictures --data DIR --half tuning --out FOLDER``

Every piece gives a picture of three panels, from 0 Hz at their feet to 12 kHz (or half the sample
rate), time from left to right, 10 ms a pixel::

    original             level, 90 dB from black to white
    marked - original    the same scale: what was added
    marked / original    grey is no change, black -6 dB, white +6 dB; black where it is silent

and three WAV files: original, marked, and 10 times the difference.
"""

import argparse
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image
from scipy import signal

from waarmerk.bench.content.sounds import pieces
from waarmerk.bench.marks import bench_id, bench_key
from waarmerk.bench.transformations.sound_codecs import mono

HIGHEST = 12000.0  # Hz
DYNAMIC, CHANGE, SILENT = 90.0, 6.0, -75.0  # dB
LOUDER = 10


def levels(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return the power of every cell in decibels, ``[bins, frames]``, 10 ms a frame."""
    hop = rate // 100
    hz, _, values = signal.stft(mono(samples)[:, 0], rate, nperseg=4 * hop, noverlap=3 * hop)
    return 20 * np.log10(np.abs(values[hz <= HIGHEST]) + 1e-9)


def grey(values: np.ndarray, black: float, white: float) -> np.ndarray:
    """Map values to uint8, the lowest frequency at the foot."""
    scaled = 255 * (values[::-1] - black) / (white - black)
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def panels(original: np.ndarray, marked: np.ndarray, rate: int) -> np.ndarray:
    """Return the three panels, uint8 ``[H, W]``."""
    before, after = levels(original, rate), levels(marked, rate)
    added, top = levels(marked - original, rate), before.max()
    change = np.where(before > SILENT + top, after - before, -CHANGE)
    rule = np.full((2, before.shape[1]), 255, np.uint8)
    return np.concatenate(
        [
            grey(before, top - DYNAMIC, top),
            rule,
            grey(added, top - DYNAMIC, top),
            rule,
            grey(change, -CHANGE, CHANGE),
        ]
    )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--half", choices=["tuning", "reporting", "both"], default="tuning")
    parser.add_argument("--pieces", type=int, default=1, help="pieces of a clip, at most")
    parser.add_argument("--out", type=Path, required=True, help="a folder")
    options = parser.parse_args()
    from waarmerk import mark_audio

    options.out.mkdir(parents=True, exist_ok=True)
    for piece in pieces(options.data, options.half, options.pieces):
        samples, rate = piece.load()
        sent = bench_id("sound", piece.name, 0)
        marked = mark_audio(samples, rate, bench_key("sound", 0), mark_id=sent).content
        name = piece.name.replace("/", "-")
        Image.fromarray(panels(samples, marked, rate)).save(options.out / f"{name}.png")
        sounds = {"original": samples, "marked": marked, "difference": LOUDER * (marked - samples)}
        for what, sound in sounds.items():
            soundfile.write(options.out / f"{name}-{what}.wav", np.clip(sound, -1, 1), rate)
        print(name, flush=True)


if __name__ == "__main__":
    main()
