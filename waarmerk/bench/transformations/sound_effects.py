"""Changes of sound other than codecs: noise, filters, dynamics, rooms, time and pitch.

Every function takes float32 ``[n, channels]``, the rate and a random generator, and returns new
samples and their rate.
"""

from pathlib import Path

import numpy as np
import soundfile
from scipy import ndimage, signal

from waarmerk.bench.transformations.sound_codecs import Sound, mono, mp3, resample

_BANDS = (125, 250, 500, 1000, 2000, 4000, 8000)  # Hz, centres of the equaliser's octaves
# Speech of the tuning half; what is mixed in must not be what is reported on.
BACKGROUND = ("sp_alsa_48k", "sp_en_ast_16k", "sp_fr_ast_16k")


def rms(samples: np.ndarray) -> float:
    """Return the root of the mean square over everything; tiny instead of zero for silence."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) + 1e-12


def identity(samples: np.ndarray, rate: int, _rng: object) -> Sound:
    """Change nothing."""
    return samples.copy(), rate


# Levels and noise


def gain(samples: np.ndarray, rate: int, _rng: object, *, db: float, clip: bool = False) -> Sound:
    """Multiply; with ``clip``, cut at full scale as a player without headroom does."""
    louder = samples * np.float32(10 ** (db / 20))
    return (np.clip(louder, -1, 1) if clip else louder), rate


def invert(samples: np.ndarray, rate: int, _rng: object) -> Sound:
    """Turn the polarity of every channel."""
    return -samples, rate


def noise(samples: np.ndarray, rate: int, rng: np.random.Generator, *, snr: float) -> Sound:
    """Add white noise, independent for every channel, at `snr` dB below the sound's own RMS."""
    level = rms(samples) * 10 ** (-snr / 20)
    return samples + np.float32(level) * rng.standard_normal(samples.shape, np.float32), rate


def background(
    samples: np.ndarray, rate: int, rng: np.random.Generator, *, snr: float, data: Path
) -> Sound:
    """Add another speaker, from a random place, repeated to the end, `snr` dB below the sound."""
    voices = []
    for name in BACKGROUND:
        other, other_rate = soundfile.read(data / f"{name}.flac", dtype="float32", always_2d=True)
        other = resample(mono(other), other_rate, rate)[:, 0]
        host = mono(samples)[: len(other), 0]
        alike = abs(host @ other[: len(host)])
        # A clip is not its own background.
        if alike < 0.3 * (np.linalg.norm(host) * np.linalg.norm(other[: len(host)]) + 1e-12):
            voices.append(other)
    return beneath(samples, rate, rng, other=voices[int(rng.integers(len(voices)))], snr=snr)


def beneath(
    samples: np.ndarray, rate: int, rng: np.random.Generator, *, other: np.ndarray, snr: float
) -> Sound:
    """Add `other`, float32 ``[m]``, from a random place, repeated to the end, `snr` dB below."""
    other = np.roll(other, -int(rng.integers(len(other))))
    other = np.resize(other, len(samples))[:, None]
    return samples + other * np.float32(rms(samples) * 10 ** (-snr / 20) / rms(other)), rate


# Filters


def butterworth(samples: np.ndarray, rate: int, _rng: object, *, kind: str, hz: float) -> Sound:
    """Sixth-order Butterworth; a corner beyond the band of the sound does nothing."""
    if hz >= 0.49 * rate:
        return samples.copy(), rate
    sections = signal.butter(6, hz, kind, fs=rate, output="sos")
    return signal.sosfilt(sections, samples, axis=0).astype(np.float32), rate


def equaliser(samples: np.ndarray, rate: int, rng: np.random.Generator, *, db: float) -> Sound:
    """Peaking filters an octave wide at 125 Hz to 8 kHz, each up or down by `db` at random."""
    out = samples
    for hz, sign in zip(_BANDS, rng.choice((-1, 1), len(_BANDS)), strict=True):
        if hz > 0.45 * rate:
            break
        # The peaking filter of R. Bristow-Johnson's "Audio EQ Cookbook", Q = sqrt 2.
        amplitude, angle = 10 ** (sign * db / 40), 2 * np.pi * hz / rate
        alpha = np.sin(angle) / (2 * np.sqrt(2))
        b = [1 + alpha * amplitude, -2 * np.cos(angle), 1 - alpha * amplitude]
        a = [1 + alpha / amplitude, -2 * np.cos(angle), 1 - alpha / amplitude]
        out = signal.lfilter(b, a, out, axis=0)
    return np.asarray(out, np.float32), rate


def median(samples: np.ndarray, rate: int, _rng: object, *, size: int) -> Sound:
    """Take the running median over `size` samples of each channel."""
    return ndimage.median_filter(samples, (size, 1), mode="nearest"), rate


# Dynamics


def compress(samples: np.ndarray, rate: int, _rng: object, *, ratio: float) -> Sound:
    """Compressor: from 24 dB below the peak upwards, attack 5 ms, release 100 ms, peak restored."""
    hop = max(1, rate // 1000)
    steps = -(-len(samples) // hop)
    padded = np.zeros((steps * hop,), np.float32)
    padded[: len(samples)] = np.abs(samples).max(axis=1)
    level = 20 * np.log10(padded.reshape(steps, hop).max(axis=1) + 1e-6)
    over = np.maximum(0, level - (level.max() - 24)) * (1 - 1 / ratio)
    attack, release = np.exp(-1 / 5), np.exp(-1 / 100)
    reduction, state = np.empty(steps), 0.0
    for index, wanted in enumerate(over):
        keep = attack if wanted > state else release
        state = keep * state + (1 - keep) * wanted
        reduction[index] = state
    curve = np.interp(np.arange(len(samples)), np.arange(steps) * hop + hop / 2, reduction)
    out = samples * (10 ** (-curve / 20))[:, None]
    return np.asarray(out * (np.abs(samples).max() / (np.abs(out).max() + 1e-12)), np.float32), rate


def denoise(
    samples: np.ndarray, rate: int, _rng: object, *, below: float = 30, floor: float = 20
) -> Sound:
    """Spectral subtraction: 32 ms windows, noise from each bin's quietest tenth.

    Twice the noise estimate is subtracted from the power, and the gains are smoothed over three
    frames and bins, as the simple denoisers of editors and telephones do; none is less than
    -`floor` dB. Where the recording is cleaner than `below` dB below the bin's mean, it is treated
    as if it had that much noise, so that the change does something to studio recordings too.
    """
    size = 1 << round(np.log2(0.032 * rate))
    options = {"nperseg": size, "noverlap": 3 * size // 4, "axis": 0}
    _, _, spectrum = signal.stft(samples, rate, **options)
    power = np.abs(spectrum) ** 2  # [bins, channels, frames]
    # The quietest tenth of exponentially distributed power lies at about a tenth of its mean.
    hiss = 10 * np.percentile(power, 10, axis=2, keepdims=True)
    hiss = np.maximum(hiss, power.mean(axis=2, keepdims=True) / 10 ** (below / 10))
    gains = np.sqrt(np.maximum(1 - 2 * hiss / (power + 1e-20), 10 ** (-floor / 10)))
    gains = ndimage.uniform_filter(gains, (3, 1, 3), mode="nearest")
    options = {"nperseg": size, "noverlap": 3 * size // 4, "time_axis": 2, "freq_axis": 0}
    _, out = signal.istft(spectrum * gains, rate, **options)
    out = out if out.shape[0] != samples.shape[1] else out.T
    return np.asarray(out[: len(samples)], np.float32), rate


# Rooms


def reverb(
    samples: np.ndarray, rate: int, rng: np.random.Generator, *, rt60: float, ratio: float
) -> Sound:
    """Convolve with a synthetic room: the direct sound, then decaying noise from 3 ms on.

    `rt60` is the time of a decay by 60 dB in seconds, `ratio` the power of the direct sound over
    that of the room in dB. Each channel has its own room; length and RMS stay.
    """
    length = round(1.2 * rt60 * rate)
    time = np.arange(length) / rate
    out = np.empty_like(samples)
    for channel in range(samples.shape[1]):
        room = rng.standard_normal(length) * 10 ** (-3 * time / rt60)
        room[: round(0.003 * rate)] = 0
        room *= 10 ** (-ratio / 20) / np.linalg.norm(room)
        room[0] = 1
        out[:, channel] = signal.fftconvolve(samples[:, channel], room)[: len(samples)]
    return out * np.float32(rms(samples) / rms(out)), rate


def echo(samples: np.ndarray, rate: int, _rng: object, *, seconds: float) -> Sound:
    """Add one repetition at half the amplitude."""
    out = samples.copy()
    late = round(seconds * rate)
    out[late:] += np.float32(0.5) * samples[:-late]
    return out, rate


# Time and pitch


def speed(samples: np.ndarray, rate: int, _rng: object, *, factor: float) -> Sound:
    """Play `factor` times as fast: tempo and pitch together."""
    return resample(samples, rate, rate / factor), rate


def window(rate: int, seconds: float | None) -> int:
    """Return librosa's default window, or one of so many seconds, in samples."""
    return 4 * round(seconds * rate / 4) if seconds else 2048


def vocoder(
    samples: np.ndarray, rate: int, _rng: object, *, factor: float, seconds: float | None = None
) -> Sound:
    """Play `factor` times as fast at the same pitch, by librosa's phase vocoder.

    Its default window has 2,048 samples whatever the rate: 46 ms at 44.1 kHz, but 128 ms at 16 kHz,
    where it smears syllables; `seconds` gives a window of that length instead.
    """
    import librosa

    planes = np.ascontiguousarray(samples.T)
    out = librosa.effects.time_stretch(planes, rate=factor, n_fft=window(rate, seconds))
    return np.ascontiguousarray(out.T, np.float32), rate


def wsola(samples: np.ndarray, rate: int, _rng: object, *, factor: float) -> Sound:
    """Play `factor` times as fast at the same pitch, by overlapping pieces where they agree.

    Verhelst and Roelands 1993: pieces of 40 ms are laid 20 ms apart; each is taken within 10 ms of
    its place in the original, where it is most like what would have followed the last one::

        original   |----piece----|  ...shift...  |----piece----|
        result     |----piece----|
                         |----piece----|
    """
    half, search = round(0.02 * rate), round(0.01 * rate)
    window = signal.get_window("hann", 2 * half)[:, None]
    count = int(len(samples) / factor) // half
    pad = search + 2 * half
    padded = np.pad(samples.astype(np.float64), ((pad, 2 * pad + 2 * half), (0, 0)))
    guide = padded.mean(axis=1)
    out = np.zeros(((count + 2) * half, samples.shape[1]))
    place = pad
    for index in range(count + 1):
        target = min(pad + round(index * half * factor), len(guide) - 3 * half - search)
        if index:
            follow = guide[place + half : place + 3 * half]
            region = guide[target - search : target + search + 2 * half]
            score = signal.correlate(region, follow, "valid", "fft")
            energy = np.cumsum(np.concatenate([[0.0], region * region]))
            energy = energy[2 * half :] - energy[: -2 * half]
            target += int(np.argmax(score / np.sqrt(energy + 1e-9))) - search
        place = target
        out[index * half : (index + 2) * half] += window * padded[place : place + 2 * half]
    return out[half : half + int(len(samples) / factor)].astype(np.float32), rate


def pitch(
    samples: np.ndarray, rate: int, _rng: object, *, semitones: float, seconds: float | None = None
) -> Sound:
    """Shift the pitch and keep the tempo, by librosa: its phase vocoder (above) and resampling."""
    import librosa

    planes = np.ascontiguousarray(samples.T)
    out = librosa.effects.pitch_shift(
        planes, sr=rate, n_steps=semitones, res_type="soxr_hq", n_fft=window(rate, seconds)
    )
    return np.ascontiguousarray(out.T, np.float32), rate


def pitch_wsola(samples: np.ndarray, rate: int, _rng: object, *, semitones: float) -> Sound:
    """Shift the pitch and keep the tempo: WSOLA and resampling."""
    factor = 2 ** (semitones / 12)
    slow, _ = wsola(samples, rate, _rng, factor=1 / factor)
    return speed(slow, rate, _rng, factor=factor)


def cut(samples: np.ndarray, rate: int, rng: np.random.Generator, *, share: float) -> Sound:
    """Keep `share` of the sound, in one piece from anywhere."""
    length = round(share * len(samples))
    start = int(rng.integers(len(samples) - length + 1))
    return samples[start : start + length].copy(), rate


def gap(samples: np.ndarray, rate: int, rng: np.random.Generator, *, seconds: float) -> Sound:
    """Take `seconds` out of the middle half and join the ends."""
    length = min(round(seconds * rate), len(samples) // 4)
    start = len(samples) // 4 + int(rng.integers(len(samples) // 2 - length))
    return np.concatenate([samples[:start], samples[start + length :]]), rate


def chain(samples: np.ndarray, rate: int, rng: np.random.Generator) -> Sound:
    """8 s from anywhere, white noise at 30 dB, MP3 64."""
    piece, rate = cut(samples, rate, rng, share=min(1.0, 8 * rate / len(samples)))
    return mp3(*noise(piece, rate, rng, snr=30), rng, kbps=64)


def vocode(samples: np.ndarray, rate: int, rng: np.random.Generator, *, bands: int = 80) -> Sound:
    """Keep `bands` mel bands of the mono sound at 22.05 kHz and invent the phases (Griffin-Lim)."""
    import librosa

    new = 22050
    flat = resample(mono(samples), rate, new)[:, 0]
    powers = librosa.feature.melspectrogram(
        y=flat, sr=new, n_fft=1024, hop_length=256, n_mels=bands, fmax=8000
    )
    filters = librosa.filters.mel(sr=new, n_fft=1024, n_mels=bands, fmax=8000)
    # The pseudo-inverse instead of librosa's non-negative least squares, which takes minutes.
    magnitude = np.sqrt(np.maximum(np.linalg.pinv(filters) @ powers, 1e-10))
    out = librosa.griffinlim(
        magnitude, n_iter=32, hop_length=256, random_state=int(rng.integers(1 << 31))
    )
    return np.asarray(out, np.float32)[:, None], new
