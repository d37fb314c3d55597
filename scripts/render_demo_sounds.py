"""Renders the sounds of `waarmerk demo` from nothing: no recording, no model, no download.

    python scripts/render_demo_sounds.py [FOLDER]

The tune is a sum of decaying partials (strings), detuned sawtooths behind a filter (pad), and
shaped noise (drums) in a room of noise that dies away. The voice is a formant synthesiser::

    glottal pulses, ──> resonators in a row, ──┐
    breath              which glide            ├──> a small room ──> voice.flac
    noise ────────────> bands of fricatives ───┘

Both have what recordings have (attacks, pauses, pitch that wavers, noise, reverberation), so that
the demo shows what marking does to real content. They are ours and dedicated to the public domain
(CC0 1.0). Takes some seconds.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import signal
from scipy.ndimage import gaussian_filter1d

Wave = NDArray[np.float64]

FOLDER = Path(__file__).parent.parent / "waarmerk" / "demo_data"
PEAK = 10 ** (-4 / 20)


# The room


def in_room(dry: Wave, rate: int, seconds: float, level: float, seed: int) -> Wave:
    """Return sound with its reverberation, which loses its treble first."""
    rng = np.random.default_rng(seed)
    n = round(seconds * rate)
    time = np.arange(n) / rate
    bright, dark = rng.normal(size=(2, n))
    dark = signal.sosfilt(signal.butter(2, 1500, fs=rate, output="sos"), dark) * 2
    echo = bright * np.exp(-time * 11 / seconds) + dark * np.exp(-time * 6 / seconds)
    echo *= 1 - np.exp(-time / 0.004)
    for delay, gain in zip(rng.uniform(0.004, 0.04, 6), rng.uniform(2, 6, 6), strict=True):
        echo[round(delay * rate)] += gain * rng.choice([-1, 1])
    echo /= np.sqrt(np.sum(echo**2))
    return dry + level * signal.fftconvolve(dry, echo)[: len(dry)]


def finish(sound: Wave, rate: int, seed: int) -> NDArray[np.int16]:
    """Return 16-bit samples: without rumble, faded at both ends, peaks at -4 dBFS, dithered."""
    sound = signal.sosfilt(signal.butter(2, 30, "highpass", fs=rate, output="sos"), sound)
    fade_in, fade_out = round(0.01 * rate), round(0.35 * rate)
    sound[:fade_in] *= np.linspace(0, 1, fade_in)
    sound[-fade_out:] *= np.cos(np.linspace(0, np.pi / 2, fade_out)) ** 2
    dither = np.random.default_rng(seed).triangular(-1, 0, 1, len(sound))
    return np.rint(sound * (PEAK / np.max(np.abs(sound))) * 32767 + dither).astype(np.int16)


# The tune

TUNE_RATE = 24_000
BEAT = 60 / 136
# A bar each: the bass and the chord, as MIDI numbers.
CHORDS = (
    (45, (57, 60, 64, 67)),
    (41, (57, 60, 65, 69)),
    (48, (55, 60, 64, 67)),
    (43, (55, 59, 62, 67)),
)
# Beat, MIDI number, loudness.
MELODY = (
    (0.0, 76, 0.9),
    (0.5, 79, 0.6),
    (1.0, 81, 1.0),
    (2.5, 79, 0.7),
    (3.0, 76, 0.8),
    (4.0, 77, 0.9),
    (4.5, 76, 0.6),
    (5.0, 72, 0.8),
    (6.0, 74, 0.7),
    (6.5, 76, 0.7),
    (8.0, 79, 1.0),
    (8.5, 76, 0.6),
    (9.5, 74, 0.8),
    (10.0, 72, 0.7),
    (11.0, 67, 0.8),
    (12.0, 71, 0.9),
    (12.5, 74, 0.7),
    (13.0, 79, 1.0),
    (14.0, 77, 0.7),
    (14.5, 74, 0.6),
    (15.0, 71, 0.8),
    (16.0, 72, 0.9),
)
PICKING = (0, 1, 2, 3, 2, 1, 3, 2)
STRUM = 0.018  # seconds between the strings of the last chord


def frequency(note: float) -> float:
    """Return the frequency of a MIDI number, Hz."""
    return 440.0 * 2 ** ((note - 69) / 12)


def string(note: float, seconds: float, rng: np.random.Generator, damping: float) -> Wave:
    """Return a plucked string: its partials are a little sharp, and the high ones die first."""
    rate = TUNE_RATE
    time = np.arange(round(seconds * rate)) / rate
    base = frequency(note)
    out = np.zeros(len(time))
    place = rng.uniform(0.17, 0.23)  # where it is plucked, as a share of its length
    for k in range(1, 40):
        partial = k * base * np.sqrt(1 + 6e-5 * k * k)
        if partial > 0.46 * rate:
            break
        level = np.sin(np.pi * k * place) / k**1.15
        decay = damping * (0.7 + (base / 400) ** 0.7) + 0.0015 * partial + 0.35 * k
        # It swings in two planes, which are not quite in tune with each other.
        for turn, share in ((1.0, 0.7), (1 + rng.normal(0, 4e-4), 0.3)):
            phase = 2 * np.pi * partial * turn * time + rng.uniform(0, 2 * np.pi)
            out += share * level * np.exp(-decay * time) * np.sin(phase)
    pick = rng.normal(size=len(time)) * np.exp(-time / 0.004) * 0.25
    out += signal.sosfilt(signal.butter(1, [700, 6000], "band", fs=rate, output="sos"), pick)
    release = np.clip((seconds - time) / 0.06, 0, 1)
    return out * (1 - np.exp(-time / 0.0007)) * release


def pad(notes: tuple[int, ...], seconds: float, rng: np.random.Generator) -> Wave:
    """Return a soft chord of detuned sawtooths behind a filter."""
    rate = TUNE_RATE
    time = np.arange(round(seconds * rate)) / rate
    out = np.zeros(len(time))
    for note in notes:
        for cents in (-7, 0, 6):
            base = frequency(note - 12 + cents / 100)
            vibrato = 2e-3 * np.sin(2 * np.pi * rng.uniform(3.5, 5) * time + rng.uniform(0, 6))
            phase = 2 * np.pi * base * (time + vibrato / 30) + rng.uniform(0, 6)
            for k in range(1, int(3500 / base)):
                out += np.sin(k * phase) / k / (1 + (k * base / 900) ** 2)
    return out * np.clip(time / 0.5, 0, 1) * np.clip((seconds - time) / 0.5, 0, 1)


def drum(kind: str, rng: np.random.Generator) -> Wave:
    """Return one stroke."""
    rate = TUNE_RATE
    time = np.arange(round(0.4 * rate)) / rate
    hiss = rng.normal(size=len(time))
    attack = 1 - np.exp(-time / 0.0008)
    if kind == "kick":
        phase = 2 * np.pi * (48 * time + 0.018 * 95 * (1 - np.exp(-time / 0.018)))
        return 1.1 * np.sin(phase) * np.exp(-time / 0.11) * attack
    if kind == "brush":
        band = signal.butter(2, [900, 7500], "band", fs=rate, output="sos")
        body = 0.4 * np.sin(2 * np.pi * 190 * time) * np.exp(-time / 0.05)
        return (0.8 * signal.sosfilt(band, hiss) * np.exp(-time / 0.07) + body) * attack
    band = signal.butter(2, 5500, "highpass", fs=rate, output="sos")
    swell = np.clip(time / 0.018, 0, 1) ** 2
    return 0.5 * signal.sosfilt(band, hiss) * swell * np.exp(-time / 0.03)


def tune() -> NDArray[np.int16]:
    """Render four bars and a last chord: strings, a pad, a bass and drums."""
    rng = np.random.default_rng(20)
    dry = np.zeros(round((16.0 * BEAT + 1.2) * TUNE_RATE))

    def put(beat: float, what: Wave, level: float) -> None:
        human = 0.0 if beat == 0 else rng.normal(0, 0.004)
        at = max(round((beat * BEAT + 0.05 + human) * TUNE_RATE), 0)
        what = what[: len(dry) - at]
        dry[at : at + len(what)] += level * what

    for bar, (bass, chord) in enumerate(CHORDS):
        start = 4 * bar
        put(start - 0.1, pad(chord, 4.7 * BEAT, rng), 0.016)
        for beat, seconds in ((0.0, 1.4), (1.5, 0.5), (2.5, 0.8)):
            put(start + beat, string(bass - 12 * (bass > 45), seconds, rng, 1.2), 0.42)
        for eighth, pick in enumerate(PICKING):
            level = rng.uniform(0.2, 0.27) * (1.2 if eighth % 4 == 0 else 1)
            put(start + eighth / 2, string(chord[pick], 1.1, rng, 1.5), level)
        for beat, kind in ((0, "kick"), (1, "brush"), (2, "kick"), (2.5, "kick"), (3, "brush")):
            put(start + beat, drum(kind, rng), 0.33 if kind == "kick" else 0.13)
        for eighth in range(8):
            put(start + eighth / 2, drum("shaker", rng), 0.13 if eighth % 2 else 0.07)
    for i, note in enumerate((48, 55, 60, 64, 67)):
        put(16 + i * STRUM / BEAT, string(note, 1.3, rng, 1.5), 0.3)
    for beat, note, level in MELODY:
        put(beat, string(note, 1.3, rng, 1.2), 0.42 * level)
    wet = in_room(dry, TUNE_RATE, 0.9, 0.22, seed=3)
    return finish(np.tanh(0.8 * wet), TUNE_RATE, seed=4)


# The voice

VOICE_RATE = 16_000
OVER = 4  # the glottal pulses have corners, which would alias
# The first three formants in Hz, of a male voice; what lies above is fixed.
FORMANTS = {
    "a": (730, 1090, 2440),
    "e": (530, 1840, 2480),
    "i": (280, 2250, 2950),
    "I": (400, 1950, 2550),
    "o": (500, 850, 2410),
    "u": (310, 900, 2240),
    "V": (640, 1190, 2390),
    "3": (490, 1350, 1690),
    "@": (500, 1450, 2500),
    "m": (260, 1000, 2200),
    "n": (260, 1500, 2500),
    "l": (360, 1100, 2650),
    "w": (290, 650, 2150),
    "j": (270, 2200, 3000),
    "r": (330, 1100, 1500),
    "b": (200, 900, 2100),
    "d": (200, 1700, 2600),
    "k": (300, 1900, 2400),
    "t": (300, 1700, 2600),
    "s": (320, 1650, 2550),
    "z": (260, 1650, 2550),
    "S": (320, 1850, 2400),
    "f": (300, 1000, 2150),
    "v": (260, 1050, 2200),
    "D": (270, 1300, 2500),
    "h": (500, 1450, 2500),
    "_": (500, 1450, 2500),
}
UPPER = (3450, 4400, 5400, 6500)
WIDTHS = (70, 95, 150, 220, 300, 400, 500)
# How loud the vocal folds are, where not 1.
VOICING = {"m": 0.5, "n": 0.5, "l": 0.7, "w": 0.7, "j": 0.7, "r": 0.75, "b": 0.12, "d": 0.12}
VOICING |= {"z": 0.3, "v": 0.35, "D": 0.35} | dict.fromkeys("kstSfh_", 0.0)
# Lowest and highest frequency and loudness of the noise.
NOISE = {
    "s": (4200, 7600, 0.07),
    "z": (4200, 7600, 0.035),
    "S": (2100, 6200, 0.09),
    "f": (1200, 7700, 0.035),
    "v": (1200, 7700, 0.012),
    "D": (1500, 7500, 0.012),
    "t": (3000, 7000, 0.11),
    "d": (2700, 6500, 0.05),
    "k": (1500, 3200, 0.11),
    "b": (300, 1500, 0.06),
}
PLOSIVES = "bdkt"
# Phoneme, milliseconds; ' before a vowel raises the pitch.
SPOKEN = (
    "_250 n70 'o170 b60 V70 d50 i100 'e130 v60 3110 s100 'e150 d60 D50 I80 s150 _420 "
    "@70 f90 j50 'u130 n70 'V110 m70 b50 3100 z90 m80 'e110 I70 k80 D50 @60 s110 'a110 u90 n70 "
    "d40 z80 @60 v50 @60 v70 'o130 I90 s190 _380 "
    "h60 'i110 r70 I90 t80 'I80 z80 _120 S110 'o160 l70 t80 'a130 I120 m90 @90 n120 _450"
)


def spoken() -> list[tuple[str, bool, float]]:
    """Return what is said: phoneme, whether it is stressed, seconds."""
    out = []
    for word in SPOKEN.split():
        stressed = word.startswith("'")
        bare = word.lstrip("'")
        out.append((bare[0], stressed, int(bare[1:]) / 1000))
    return out


def smooth(steps: Wave, seconds: float) -> Wave:
    """Return a track without steps."""
    return gaussian_filter1d(steps, seconds * VOICE_RATE, mode="nearest")


def pitch(said: list[tuple[str, bool, float]], rng: np.random.Generator) -> Wave:
    """Return the pitch in Hz: it falls through every phrase, and rises where there is stress."""
    tracks = []
    phrase: list[float] = []
    for sound, stressed, seconds in said:
        phrase += [1.0 if stressed else 0.0] * round(seconds * VOICE_RATE)
        if sound == "_" and seconds > 0.2:
            accent = smooth(np.array(phrase), 0.05)
            tracks.append(128 - 34 * np.linspace(0, 1, len(phrase)) + 26 * accent)
            phrase = []
    falling = smooth(np.concatenate(tracks), 0.02)
    flutter = smooth(rng.normal(size=len(falling)), 0.03)
    return falling * (1 + 0.012 * flutter / np.std(flutter))


def glottis(hertz: Wave, rng: np.random.Generator) -> Wave:
    """Return the flow through the vocal folds, differentiated; no two cycles are quite alike."""
    out = np.zeros(len(hertz) * OVER)
    at = 0.0
    while at < len(out) - 1:
        period = VOICE_RATE * OVER / hertz[int(at) // OVER] * (1 + rng.normal(0, 0.007))
        opened = period * rng.normal(0.62, 0.012)
        first = int(np.ceil(at))
        index = np.arange(first, min(int(at + opened) + 1, len(out)))
        t = (index - at) / opened
        out[index] = rng.normal(1, 0.04) * np.where(t < 1, 2 * t - 3 * t * t, 0)
        at += period
    return signal.resample_poly(out, 1, OVER)


def resonated(source: Wave, centre: Wave, width: float) -> Wave:
    """Return sound through a resonator of gain 1 at 0 Hz whose frequency glides."""
    radius = np.exp(-np.pi * width / VOICE_RATE)
    c = -(radius**2)
    b = 2 * radius * np.cos(2 * np.pi * centre / VOICE_RATE)
    a = 1 - b - c
    out = np.zeros(len(source))
    last = before = 0.0
    for i, (gain, turn, x) in enumerate(zip(a.tolist(), b.tolist(), source.tolist(), strict=True)):
        last, before = gain * x + turn * last + c * before, last
        out[i] = last
    return out


def voice() -> NDArray[np.int16]:
    """Render a man who says three short sentences."""
    rng = np.random.default_rng(8)
    said = spoken()
    lengths = [round(seconds * VOICE_RATE) for _, _, seconds in said]
    n = sum(lengths)
    sounds = [sound for sound, _, _ in said]
    folds = smooth(np.repeat([VOICING.get(s, 1.0) for s in sounds], lengths), 0.009)
    stress = smooth(np.repeat([1.2 if stressed else 0.9 for _, stressed, _ in said], lengths), 0.03)
    breath = smooth(np.repeat([0.3 if s == "h" else 0.0 for s in sounds], lengths), 0.012)
    pulses = glottis(pitch(said, rng), rng)
    air = signal.lfilter([1, -0.6], [1], rng.normal(size=n))
    # Breath comes in puffs while the folds swing.
    puffs = 0.02 * (1 + np.clip(pulses / np.std(pulses), -1, 2))
    out = folds * stress * (pulses / np.std(pulses) + puffs * air) + breath * air
    for i, width in enumerate(WIDTHS):
        if i < 3:
            track = smooth(np.repeat([float(FORMANTS[s][i]) for s in sounds], lengths), 0.02)
        else:
            track = UPPER[i - 3] * (1 + 0.01 * smooth(rng.normal(size=n), 0.05) * 60)
        out = resonated(out, track, width)
    out = 0.12 * out / np.std(out)
    at = 0
    for sound, length in zip(sounds, lengths, strict=True):
        if sound in NOISE:
            out += _noise(sound, at, length, n, rng)
        at += length
    wet = in_room(out, VOICE_RATE, 0.3, 0.13, seed=6)
    # No room is ever quite silent.
    floor = signal.lfilter([1], [1, -0.8], rng.normal(size=n))
    return finish(wet + 2e-4 * floor, VOICE_RATE, seed=7)


def _noise(sound: str, at: int, length: int, n: int, rng: np.random.Generator) -> Wave:
    low, high, level = NOISE[sound]
    shape = np.zeros(n)
    if sound in PLOSIVES:
        burst = at + round(0.7 * length)
        time = np.arange(n - burst) / VOICE_RATE
        shape[burst:] = np.exp(-time / 0.011) * (1 - np.exp(-time / 0.001))
    else:
        shape[at : at + length] = 1
        shape = smooth(shape, 0.013)
    band = signal.butter(2, [low, high], "band", fs=VOICE_RATE, output="sos")
    return level * shape * signal.sosfilt(band, rng.normal(size=n))


def main() -> None:
    """Render both sounds into a folder."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, render, rate in (("tune.flac", tune, TUNE_RATE), ("voice.flac", voice, VOICE_RATE)):
        samples = render()
        soundfile.write(folder / name, samples, rate, subtype="PCM_16", compression_level=1.0)
        kilobytes = (folder / name).stat().st_size / 1000
        sys.stdout.write(f"{folder / name}: {len(samples) / rate:.1f} s, {kilobytes:.0f} kB\n")


if __name__ == "__main__":
    main()
