"""The analogue hole of sound: a loudspeaker, a room and a microphone; and the telephone.

Playback and re-recording, `rerecorded`, is this chain::

    mono > loudspeaker > room > + noise of the room > microphone > automatic gain > clock > AAC

Loudspeaker and microphone are those of small devices. How far they are apart decides two things
(H. Kuttruff, Room Acoustics): the direct sound falls by 6 dB with every doubling of the distance
while the reverberation stays, both being equal at the critical distance; and by that the sound
comes closer to the noise of the room, which stays as well.

Nothing here was measured in a real room. Sources are points, and there are no single early
reflections, no moving listeners and no echo cancellers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from waarmerk.bench.transformations.audio_edits import band_pass
from waarmerk.bench.transformations.sound_codecs import Sound, aac, g711, gsm, mono
from waarmerk.bench.transformations.sound_effects import reverb, rms, speed

SPEAKER_HZ = (180.0, 14000.0)
MICROPHONE_HZ = (90.0, 15000.0)
DRIVE = 1.2  # peak of what goes into the loudspeaker, where tanh limits: 3 % of third harmonic
RT60 = 0.5  # seconds: a furnished living room
CRITICAL_METRES = 0.57  # 0.057 sqrt(V / RT60) of a room of 50 m3
NOISE_DB = 28.0  # below the direct sound at a metre: 63 dB of speech in 35 dB of room noise
LEAD_SECONDS = (0.1, 0.5)  # the recording runs before the playback starts, and after it ends
DRIFT_PPM = (20.0, 80.0)  # between two cheap quartzes
GAIN_FRAME, GAIN_SECONDS, GAIN_MOST = 0.05, 0.5, 30.0  # s, s, dB
GAIN_TARGET, GAIN_SHARE = -20.0, 0.7  # dBFS, and how much of the way there the gain goes
RECORDING_KBPS = 96

LINE_HZ = (300.0, 3400.0)  # ITU-T G.712
PACKET_SECONDS = 0.02
BURST = 2.0  # packets that are lost in a row, on average
FADE = (1.0, 0.8, 0.6, 0.4, 0.2)  # of repeated packets; nothing is left after them


def rerecorded(
    samples: np.ndarray,
    rate: int,
    rng: np.random.Generator,
    *,
    metres: float,
    direct: float | None = None,
) -> Sound:
    """Play the sound in a room, and record it `metres` away; see the picture above.

    `direct` is how far the direct sound is above the noise there, in dB; None: as in a quiet room.
    """
    sound = mono(samples)
    sound, _ = band_pass(sound, rate, rng, low=SPEAKER_HZ[0], high=SPEAKER_HZ[1])
    peak = np.abs(sound).max() + 1e-9
    sound = np.tanh(DRIVE * sound / peak) / np.float32(DRIVE)
    before, after = (round(s * rate) for s in rng.uniform(*LEAD_SECONDS, 2))
    sound = np.pad(sound, ((before, after), (0, 0)))
    played = rms(sound)
    sound, _ = reverb(sound, rate, rng, rt60=RT60, ratio=direct_db(metres))
    level = played * 10 ** (-sound_to_noise(metres, direct) / 20)
    sound = sound + np.float32(level) * pink(len(sound), rng)
    sound, _ = band_pass(sound, rate, rng, low=MICROPHONE_HZ[0], high=MICROPHONE_HZ[1])
    sound = levelled(sound, rate)
    drift = 1e-6 * rng.choice((-1, 1)) * rng.uniform(*DRIFT_PPM)
    sound, _ = speed(sound, rate, rng, factor=1 + drift)
    return aac(sound, rate, rng, kbps=RECORDING_KBPS)


def direct_db(metres: float) -> float:
    """Return the power of the direct sound over that of the reverberation, in dB.

    >>> round(direct_db(CRITICAL_METRES / 2), 2), round(direct_db(2 * CRITICAL_METRES), 2)
    (6.02, -6.02)
    """
    return float(-20 * np.log10(metres / CRITICAL_METRES))


def sound_to_noise(metres: float, direct: float | None = None) -> float:
    """Return how far direct sound and reverberation are together above the noise, in dB."""
    above = NOISE_DB - 20 * np.log10(metres) if direct is None else direct
    return float(above + 10 * np.log10(1 + (metres / CRITICAL_METRES) ** 2))


def pink(count: int, rng: np.random.Generator) -> np.ndarray:
    """Return noise with as much power in every octave above 20 Hz, float32 ``[count, 1]``, RMS 1.

    The lowest bin is 1/count of the rate, so for short sounds it begins there.
    """
    spectrum = np.fft.rfft(rng.standard_normal(count))
    spectrum[0] = 0
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    out = np.fft.irfft(spectrum, count)
    return np.asarray(out / rms(out), np.float32)[:, None]


def levelled(samples: np.ndarray, rate: int) -> np.ndarray:
    """Bring the level slowly towards the target, as recorders of telephones do; never clip."""
    size = max(1, round(GAIN_FRAME * rate))
    frames = -(-len(samples) // size)
    padded = np.pad(samples[:, 0], (0, frames * size - len(samples)))
    level = 10 * np.log10(np.mean(padded.reshape(frames, size) ** 2, axis=1) + 1e-9)
    wanted = np.clip(GAIN_SHARE * (GAIN_TARGET - level), -GAIN_MOST, GAIN_MOST)
    keep = np.exp(-GAIN_FRAME / GAIN_SECONDS)
    gains, state = np.empty(frames), float(wanted.mean())
    for index, gain in enumerate(wanted):
        state = keep * state + (1 - keep) * gain
        gains[index] = state
    curve = np.interp(np.arange(len(samples)), (np.arange(frames) + 0.5) * size, gains)
    out = samples * (10 ** (curve / 20))[:, None]
    return np.asarray(out / max(1.0, np.abs(out).max()), np.float32)


def telephoned(
    samples: np.ndarray,
    rate: int,
    rng: np.random.Generator,
    *,
    loss: float,
    codec: Callable[..., Sound] = g711,
) -> Sound:
    """Make a call: the band of a telephone line, G.711 at 8 kHz, and `loss` of packets lost.

    A lost packet is heard as the last one again, softer and softer (G.711 Appendix I in short: it
    does not look for the pitch). Losses come in bursts.
    """
    line, _ = band_pass(mono(samples), rate, rng, low=LINE_HZ[0], high=LINE_HZ[1], order=4)
    line, rate = codec(line, rate, rng)
    size = round(PACKET_SECONDS * rate)
    packets = np.pad(line, ((0, -len(line) % size), (0, 0))).reshape(-1, size, 1)
    last, missing = np.zeros_like(packets[0]), 0
    for index, lost in enumerate(losses(len(packets), loss, rng)):
        missing = missing + 1 if lost else 0
        if lost:
            packets[index] = last * (FADE[missing - 1] if missing <= len(FADE) else 0)
        else:
            last = packets[index].copy()
    return packets.reshape(-1, 1)[: len(line)], rate


def mobile(samples: np.ndarray, rate: int, rng: np.random.Generator, *, loss: float) -> Sound:
    """Make a call like `telephoned`, with GSM 06.10 in place of G.711."""
    return telephoned(samples, rate, rng, loss=loss, codec=gsm)


def losses(count: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """Draw which packets are lost: bool ``[count]``, `share` of them on average.

    Gilbert's model of two states: good, and bad for `BURST` packets on average.
    """
    recover = 1 / BURST
    fail = min(1.0, share * recover / max(1 - share, 1e-9))
    draws, out, bad = rng.random(count), np.zeros(count, bool), False
    for index, draw in enumerate(draws):
        bad = draw >= recover if bad else draw < fail
        out[index] = bad
    return out
