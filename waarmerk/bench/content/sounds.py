"""The sounds that the benchmark measures: which half, which pieces, which places in them.

``--data DIR`` names a folder of FLAC or WAV files; ``mu_*`` are music, all others speech (real, or
synthetic as ``tts_*``). Within each kind, the first half by name is for tuning and the rest for
reporting. Plainly by name over all of them would leave no music in the reporting half.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from waarmerk.bench.seeds import rng_for
from waarmerk.errors import InputError

HALVES = ("tuning", "reporting")
MUSIC_SECONDS = 15.0  # a piece of music; up to three of them from one clip
SPEECH_SECONDS = 20.0  # speech is whole, or cut at this length
SHORTEST = 10.0  # what is left over after a cut is no piece if it is shorter

# A place is not silent if it passes both; fixed before anything was detected.
BELOW_LOUDEST = 30.0  # dB: its RMS lies within this of the loudest second of the piece
FRAME_SECONDS, FRAME_DBFS, FRAME_SHARE = 0.05, -45.0, 2 / 3  # frames above the level, at least
PLACE_STEP = 0.25  # seconds between the places that are looked at


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a clip."""

    half: str
    kind: str
    clip: str
    index: int
    path: Path
    start: float
    seconds: float

    @property
    def name(self) -> str:
        """Return the clip and the number of the piece."""
        return f"{self.clip}/{self.index}"

    def load(self) -> tuple[np.ndarray, int]:
        """Return float32 ``[n, channels]`` and the rate."""
        rate = soundfile.info(self.path).samplerate
        begin, count = round(self.start * rate), round(self.seconds * rate)
        samples, _ = soundfile.read(
            self.path, count, begin, dtype="float32", always_2d=True, fill_value=None
        )
        return samples, rate


def clips(data: Path) -> dict[str, list[tuple[str, Path]]]:
    """Return (kind, file) of the clips by half."""
    if not data.is_dir():
        raise InputError(f"no sounds: {data} is not a folder (see --data)")
    files = sorted(path for path in data.iterdir() if path.suffix.lower() in {".flac", ".wav"})
    halves: dict[str, list[tuple[str, Path]]] = {half: [] for half in HALVES}
    for kind in ("music", "speech"):
        group = [path for path in files if path.stem.startswith("mu_") == (kind == "music")]
        middle = len(group) // 2
        halves["tuning"] += [(kind, path) for path in group[:middle]]
        halves["reporting"] += [(kind, path) for path in group[middle:]]
    return halves


def cuts(kind: str, seconds: float) -> list[tuple[float, float]]:
    """Return start and length of the pieces of a clip.

    >>> cuts("music", 60.0)
    [(0.0, 15.0), (22.5, 15.0), (45.0, 15.0)]
    >>> cuts("speech", 18.0)
    [(0.0, 18.0)]
    >>> cuts("speech", 35.0)
    [(0.0, 20.0), (20.0, 15.0)]
    """
    if kind == "music":
        count = min(3, int(seconds // MUSIC_SECONDS))
        step = (seconds - MUSIC_SECONDS) / (count - 1) if count > 1 else 0.0
        return [(index * step, MUSIC_SECONDS) for index in range(count)]
    starts = np.arange(0.0, seconds, SPEECH_SECONDS)
    found = [(float(start), min(SPEECH_SECONDS, seconds - float(start))) for start in starts]
    return [cut for cut in found if cut[1] >= SHORTEST]


def pieces(data: Path, half: str, most: int = 3) -> list[Piece]:
    """Return the pieces of a half (or of both, for ``"both"``), at most `most` of a clip."""
    found = []
    for name in HALVES if half == "both" else (half,):
        for kind, path in clips(data)[name]:
            for index, (start, seconds) in enumerate(cuts(kind, soundfile.info(path).duration)):
                if index < most:
                    found.append(Piece(name, kind, path.stem, index, path, start, seconds))
    return found


def power(samples: np.ndarray, length: int) -> np.ndarray:
    """Return the mean square over all channels of every full frame of `length` samples."""
    count = len(samples) // length
    frames = samples[: count * length].reshape(count, -1).astype(np.float64)
    return np.asarray(np.mean(frames * frames, axis=1))


def places(samples: np.ndarray, rate: int, seconds: float, most: int, *seed: object) -> list[int]:
    """Return the first samples of up to `most` places of that length that are not silent.

    They are drawn without replacement from all starts a quarter of a second apart, so they may
    overlap; the draw depends on the seed alone, never on a detection, and a larger `most` only adds
    to the same ones.
    """
    step, length = round(PLACE_STEP * rate), round(seconds * rate)
    loudest = float(power(samples, rate).max(initial=1e-12))
    frame = round(FRAME_SECONDS * rate)
    good = []
    for start in range(0, len(samples) - length + 1, step):
        place = samples[start : start + length]
        loud = float(power(place, length)[0]) >= loudest * 10 ** (-BELOW_LOUDEST / 10)
        if loud and np.mean(power(place, frame) > 10 ** (FRAME_DBFS / 10)) >= FRAME_SHARE:
            good.append(start)
    chosen = rng_for("places", seconds, *seed).permutation(len(good))[:most]
    return [good[index] for index in chosen]


# Sounds that nobody recorded, for false positives: what a detector may trip over.


def synthetic(rate: int = 16000, seconds: float = 12.0) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield (class, name, float32 ``[n, 1]``) of every rendered sound."""
    count = round(rate * seconds)
    time = np.arange(count) / rate
    white = rng_for("synthetic", "white").standard_normal(count)
    spectrum = np.fft.rfft(white)
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    pink = np.fft.irfft(spectrum, count)
    sounds = {
        "noise": {
            "white": white / 8,
            "white_quiet": white / 2000,
            "pink": pink / (5 * pink.std()),
            "white_4_hz": white / 8 * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * time)),
        },
        "tone": {
            **{f"sine_{hz}": np.sin(2 * np.pi * hz * time) / 2 for hz in (100, 440, 1000, 3000)},
            "chord": sum(np.sin(2 * np.pi * hz * time) for hz in (262, 330, 392, 523)) / 8,
            "square_220": np.sign(np.sin(2 * np.pi * 220 * time)) / 3,
            "vibrato": np.sin(2 * np.pi * 500 * time + 8 * np.sin(2 * np.pi * 6 * time)) / 2,
        },
        "chirp": {
            "once": np.sin(2 * np.pi * (100 * time + 3400 / seconds * time**2)) / 2,
            "each_second": np.sin(2 * np.pi * (200 * (time % 1) + 3000 * (time % 1) ** 2)) / 2,
        },
        "clicks": {
            f"{hz:g}_hz": (np.floor(time * hz) != np.floor((time - 1 / rate) * hz)) * 0.8
            for hz in (0.78125, 2, 10, 100)  # the first one clicks once every 1.28 s
        },
        "constant": {
            "silence": np.zeros(count),
            "dc": np.full(count, 0.25),
            "full_scale": np.ones(count),
            "one_sample": np.eye(1, count, count // 2)[0],
        },
        "loop": {
            f"noise_{period:g}_s": np.resize(white[: round(period * rate)], count) / 8
            for period in (0.32, 0.64, 1.28, 2.56)
        },
    }
    for group, members in sounds.items():
        for name, values in members.items():
            yield group, name, np.asarray(values, np.float32)[:, None]
