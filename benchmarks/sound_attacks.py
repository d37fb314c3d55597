r"""Removal of the audio mark without the key, by somebody who has read its specification.

``python -m benchmarks.sound_attacks --data DIR --half tuning --out results/sound_attacks.jsonl``

**Another key.** The attacker has the software and a key of his own. He marks the marked sound again
and subtracts what that added, once and twice; ``marked over`` leaves the second mark in.

**Notch of the public lines.** The synchronisation of the mark is a few oscillations of the levels
of every band at frequencies that the specification names. The attacker fits them to the whole
recording, and takes them away; ``then cut`` keeps a random half, where the start is to be found
anew.

**Average of 200.** The attacker collects 200 sounds of 10 s marked with one key, each with an id of
its own or all with the same id, which is that of the sound he attacks. He averages, frame by frame
from their starts, the log levels of the bands: marked minus original (``difference``, who has
both), or what stands out of its surroundings (``residual``, who has no originals). ``folded`` also
averages over the tiles of the mark. ``waveform`` averages marked minus original, sample by sample.
``aligned lines`` turns the public lines of every recording until they agree with the others', which
uncovers their keyed phases. The average is then taken away from the sound: as it is, twice, and by
the factor that leaves no correlation with it (``projection``).

**Folded on itself.** From one long recording, all pieces of a kind joined, the attacker folds the
residual over one, four and all tiles after which the mark repeats::

    residual   |--period--|--period--|--period--| ...
                    \          |          /
    estimate        |--mean of all of them--|      taken away from every period

What is left is looked for in the whole recording and in its first 20 s.

Rows: the mark's finding after the attack, SNR and PESQ against the marked sound.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from scipy import ndimage, signal

from waarmerk.bench.content.sounds import clips, pieces
from waarmerk.bench.marks import bench_id, bench_key, listen_for
from waarmerk.bench.rows import ResultFile, Row
from waarmerk.bench.seeds import rng_for
from waarmerk.bench.sound_quality import pesq, snr
from waarmerk.bench.transformations.sound_codecs import mono, resample
from waarmerk.bench.transformations.sound_effects import cut
from waarmerk.marking.audio.scheme import SCHEME

if TYPE_CHECKING:
    from waarmerk import MarkId

FIELDS = ("clip", "piece", "attack")
AROUND = (25, 5)  # a residual is taken against the mean over so many frames and bands
COLLECTED = 200
COLLECTED_SECONDS = 10.0
NOTCHES = 3  # times that the lines are fitted and taken away, as windows blur them
LONGEST = 600  # seconds that a folded pattern goes on for
TWICE = ((", once", 1.0), (", twice", 2.0), (", projection", 0.0))

Attack = Callable[[np.ndarray, int], np.ndarray]


@dataclass(frozen=True, slots=True)
class Spectrum:
    """The short-time spectrum of a sound, on the frames and bands of the mark."""

    values: np.ndarray  # complex [channels, bins, frames]
    members: np.ndarray  # [bands, bins], 1 where a bin belongs to a band
    hop: int
    length: int

    @classmethod
    def of(cls, samples: np.ndarray, rate: int) -> "Spectrum":
        """Transform a sound with windows of two frames: the lines go up to 30 Hz."""
        hop = round(rate / SCHEME.frame_rate)
        _, _, values = signal.stft(samples.T, nperseg=2 * hop, noverlap=hop)
        hz, edges = np.fft.rfftfreq(2 * hop, 1 / rate), SCHEME.edges
        members = ((hz >= edges[:-1, None]) & (hz < edges[1:, None])).astype(float)
        return cls(values, members, hop, len(samples))

    def levels(self) -> np.ndarray:
        """Return decibels, ``[frames, bands]``, with a floor 60 dB below the loudest cell."""
        power = self.members @ (np.abs(self.values) ** 2).sum(axis=0)
        return 10 * np.log10(np.maximum(power, power.max() * 1e-6 + 1e-20)).T

    def residual(self) -> np.ndarray:
        """Return what stands out of its surroundings, in decibels, limited to +-6 dB."""
        levels = self.levels()
        return np.clip(levels - ndimage.uniform_filter(levels, AROUND, mode="nearest"), -6, 6)

    def less(self, pattern: np.ndarray) -> np.ndarray:
        """Return the sound without `pattern` (decibels, ``[frames, bands]``)."""
        decibels = np.zeros((self.values.shape[2], len(self.members)))
        count = min(len(pattern), len(decibels))
        decibels[:count] = pattern[:count]
        gains = 10 ** (-(decibels @ self.members).T / 20)
        _, out = signal.istft(self.values * gains, nperseg=2 * self.hop, noverlap=self.hop)
        return np.ascontiguousarray(out.T[: self.length], np.float32)


def fold(pattern: np.ndarray, tiles: int) -> np.ndarray:
    """Return the mean of all stretches of so many tiles, again and again."""
    period = tiles * SCHEME.tile
    count = len(pattern) // period
    if count < 2:
        return pattern
    mean = pattern[: count * period].reshape(count, period, -1).mean(axis=0)
    return np.resize(mean, (LONGEST * SCHEME.frame_rate, SCHEME.bands))


def project(pattern: np.ndarray, onto: np.ndarray) -> np.ndarray:
    """Return `pattern` times the factor that takes all of it out of `onto`."""
    count = min(len(pattern), len(onto))
    part, whole = pattern[:count], onto[:count]
    return pattern * float(np.sum(part * whole) / (np.sum(part * part) + 1e-12))


def oscillations(frames: int) -> np.ndarray:
    """Return the public lines, complex ``[lines, frames]``."""
    turns = np.array(SCHEME.sync_lines)[:, None] / SCHEME.tile * np.arange(frames)
    return np.exp(2j * np.pi * turns)


def lines_of(residual: np.ndarray) -> np.ndarray:
    """Return the complex amplitudes of the public lines, ``[lines, bands]``, in decibels."""
    return 2 * oscillations(len(residual)).conj() @ residual / len(residual)


def pattern_of(lines: np.ndarray, frames: int) -> np.ndarray:
    """Return the pattern ``[frames, bands]`` of such amplitudes."""
    return (oscillations(frames).T @ lines).real


def aligned(lines: np.ndarray, template: np.ndarray) -> np.ndarray:
    """Shift `lines` in time, and turn their sign, until they agree best with `template`."""
    shifts = oscillations(SCHEME.tile)  # of a whole number of frames
    score = ((lines * template.conj()).sum(axis=1)[:, None] * shifts).sum(axis=0).real
    best = int(np.argmax(np.abs(score)))
    return lines * shifts[:, best, None] * np.sign(score[best])


# The attacks: each takes the marked sound and its rate.


def another_key(samples: np.ndarray, rate: int, *, times: float) -> np.ndarray:
    """Subtract `times` of what a mark of another key adds; -1 leaves the second mark in."""
    from waarmerk import mark_audio

    again = mark_audio(samples, rate, bench_key("attacker"), mark_id=bench_id("attacker")).content
    return samples - np.float32(times) * (again - samples)


def subtract(samples: np.ndarray, rate: int, *, pattern: np.ndarray, times: float) -> np.ndarray:
    """Take a pattern away; `times` 0 stands for the factor of the projection."""
    spectrum = Spectrum.of(samples, rate)
    wanted = times * pattern if times else project(pattern, spectrum.residual())
    return spectrum.less(wanted)


def subtract_wave(samples: np.ndarray, rate: int, *, wave: np.ndarray) -> np.ndarray:
    """Subtract a mean waveform (16 kHz)."""
    fitted = resample(wave, 16000, rate)[: len(samples)]
    out = samples.copy()
    out[: len(fitted)] -= fitted
    return out


def notch(samples: np.ndarray, rate: int, *, share: float = 1.0) -> np.ndarray:
    """Take the oscillations of every band at the public frequencies away; keep a random part."""
    out = samples
    for _ in range(NOTCHES):
        spectrum = Spectrum.of(out, rate)
        residual = spectrum.residual()
        out = spectrum.less(pattern_of(lines_of(residual), len(residual)))
    return cut(out, rate, rng_for("notch", len(out)), share=share)[0]


def subtract_lines(
    samples: np.ndarray, rate: int, *, template: np.ndarray, times: float
) -> np.ndarray:
    """Take the lines of a template away, shifted to where they lie in this sound."""
    spectrum = Spectrum.of(samples, rate)
    residual = spectrum.residual()
    here = aligned(template, lines_of(residual))
    pattern = pattern_of(here, len(residual))
    return spectrum.less(times * pattern if times else project(pattern, residual))


def folded_on_itself(samples: np.ndarray, rate: int, *, tiles: int) -> np.ndarray:
    """Take the recording's own folded residual away from it."""
    spectrum = Spectrum.of(samples, rate)
    return spectrum.less(fold(spectrum.residual(), tiles))


def collected(data: Path, same_id: bool) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """Yield original, marked and rate of what the attacker collects, from the tuning half."""
    from waarmerk import mark_audio
    from waarmerk.errors import CannotMarkError

    files = [path for _, path in clips(data)["tuning"]]
    count, tried = 0, 0
    while count < COLLECTED and tried < 2 * COLLECTED:
        rng, path = rng_for("collected", tried), files[tried % len(files)]
        tried += 1
        info = soundfile.info(path)
        need = round(COLLECTED_SECONDS * info.samplerate)
        start = int(rng.integers(info.frames - need + 1))
        sound, rate = soundfile.read(path, need, start, dtype="float32", always_2d=True)
        sound = np.ascontiguousarray(sound[:: -1 if rng.integers(2) else 1])
        mark_id = bench_id("attacked") if same_id else bench_id("collected", tried)
        try:
            marked = mark_audio(sound, rate, bench_key("attacks"), mark_id=mark_id).content
        except CannotMarkError:
            continue
        count += 1
        yield sound, marked, rate


def averages(data: Path, same_id: bool) -> dict[str, Attack]:
    """Return the attacks that the average of 200 marked sounds allows."""
    frames = round(COLLECTED_SECONDS * SCHEME.frame_rate) + 1
    sums = {name: np.zeros((frames, SCHEME.bands)) for name in ("difference", "residual")}
    wave = np.zeros((round(COLLECTED_SECONDS * 16000), 1), np.float32)
    lines: list[np.ndarray] = []
    for sound, marked, rate in collected(data, same_id):
        after = Spectrum.of(marked, rate)
        residual = after.residual()
        sums["difference"] += (after.levels() - Spectrum.of(sound, rate).levels())[:frames]
        sums["residual"] += residual[:frames]
        wave += resample(mono(marked - sound), rate, 16000)[: len(wave)]
        lines.append(lines_of(residual))
    template = lines[0]
    for _ in range(3):  # each round aligns everything to what the last one agreed on
        template = np.mean([aligned(each, template) for each in lines], axis=0)
    start = f"average of {len(lines)}, {'same id' if same_id else 'random ids'}: "
    table: dict[str, Attack] = {}
    for label, times in TWICE:
        for name, total in sums.items():
            mean = total / len(lines)
            for form, pattern in (("", mean), (", folded", fold(mean, 1))):
                attack = partial(subtract, pattern=pattern, times=times)
                table[f"{start}{name}{form}{label}"] = attack
        attack = partial(subtract_lines, template=template, times=times)
        table[f"{start}aligned lines{label}"] = attack
    table[f"{start}waveform"] = partial(subtract_wave, wave=wave / len(lines))
    return table


def joined(data: Path, half: str, kind: str) -> np.ndarray:
    """Return all pieces of a kind, 16 kHz mono, one after the other."""
    parts = [piece.load() for piece in pieces(data, half) if piece.kind == kind]
    return np.concatenate([resample(mono(samples), rate, 16000) for samples, rate in parts])


def described(
    name: Row, marked: np.ndarray, attacked: np.ndarray, rate: int, sent: "MarkId"
) -> Row:
    """Return the row of one attack, which `name` names."""
    row = {**name, **listen_for(attacked, rate, bench_key("attacks"), sent)}
    if len(attacked) == len(marked) and name["attack"] != "none":
        row["snr"] = round(snr(marked, attacked), 2)
        row["pesq"] = round(pesq(marked[: 20 * rate], attacked[: 20 * rate], rate), 3)
    return row


def short(data: Path, half: str, out: ResultFile) -> Iterator[Row]:
    """Yield the rows of pieces: another key, and the averages."""
    from waarmerk import mark_audio
    from waarmerk.errors import CannotMarkError

    alone: dict[str, Attack] = {
        "none": lambda samples, _rate: samples,
        "marked over with another key": partial(another_key, times=-1),
        "another key, subtracted": partial(another_key, times=1),
        "another key, subtracted twice": partial(another_key, times=2),
        "notch of the public lines": notch,
        "notch of the public lines, then cut": partial(notch, share=0.5),
    }
    for same_id, table in (
        (False, alone | averages(data, same_id=False)),
        (True, averages(data, same_id=True)),
    ):
        for piece in pieces(data, half):
            name: Row = {"kind": piece.kind, "clip": piece.clip, "piece": piece.index}
            todo = [attack for attack in table if {**name, "attack": attack} not in out]
            if not todo:
                continue
            samples, rate = piece.load()
            sent = bench_id("attacked") if same_id else bench_id("attacked", piece.name)
            try:
                marked = mark_audio(samples, rate, bench_key("attacks"), mark_id=sent).content
            except CannotMarkError as error:
                yield {**name, "attack": "none", "refused": str(error)}
                continue
            for attack in todo:
                attacked = table[attack](marked, rate)
                yield described({**name, "attack": attack}, marked, attacked, rate, sent)
            print(piece.name, flush=True)


def long(data: Path, half: str) -> Iterator[Row]:
    """Yield the rows of long recordings, folded on themselves."""
    from waarmerk import mark_audio

    rate, sent = 16000, bench_id("attacked", "long")
    for kind in ("music", "speech"):
        sound = joined(data, half, kind)
        marked = mark_audio(sound, rate, bench_key("attacks"), mark_id=sent).content
        seconds = round(len(sound) / rate)
        attacked = {"none": marked} | {
            f"folded on itself over {tiles} tiles": folded_on_itself(marked, rate, tiles=tiles)
            for tiles in (1, 4, SCHEME.payload_tiles)
        }
        for attack, result in attacked.items():
            for part in (seconds, 20):
                name: Row = {"kind": kind, "clip": f"all {kind}, {part} s", "piece": 0}
                end = part * rate
                yield described({**name, "attack": attack}, marked[:end], result[:end], rate, sent)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("results/sound_attacks.jsonl"))
    parser.add_argument("--half", choices=["tuning", "reporting", "both"], default="tuning")
    options = parser.parse_args()
    out = ResultFile(options.out, FIELDS, {"collected": COLLECTED}, medium="audio")
    for row in short(options.data, options.half, out):
        out.append([row])
    for row in long(options.data, options.half):
        out.append([row])


if __name__ == "__main__":
    main()
