"""How far a marked sound is from its original: PESQ, ViSQOL, SNR and segmental SNR.

PESQ is ITU-T P.862.2 (wide band, package ``pesq``) at 16 kHz, ViSQOL is its audio mode (package
``visqol-python``) at 48 kHz, both on the mean of all channels and resampled by soxr. The same
sound has PESQ 4.644 and ViSQOL 4.732, which are the most there is. SNR is over all samples of all
channels. Segmental SNR is the mean over frames of 20 ms whose level is above -60 dBFS, each
limited to -10 to 35 dB, as is usual.
"""

import math
from functools import cache
from typing import Any

import numpy as np

from waarmerk.bench.content.sounds import power
from waarmerk.bench.transformations.sound_codecs import mono, resample

SEGMENT_SECONDS, SEGMENT_DBFS, SEGMENT_RANGE = 0.02, -60.0, (-10.0, 35.0)
MOST = 99.0  # dB, instead of infinity for equal sounds


def snr(original: np.ndarray, marked: np.ndarray) -> float:
    """Return the signal-to-noise ratio in dB.

    >>> snr(np.ones((4, 1), np.float32), np.full((4, 1), 1.1, np.float32)).__round__(3)
    20.0
    """
    difference = np.subtract(marked, original, dtype=np.float64)
    noise, signal = float(np.sum(difference**2)), float(np.sum(np.square(original, dtype="f8")))
    return min(MOST, 10 * math.log10(signal / noise)) if noise and signal else MOST


def segmental_snr(original: np.ndarray, marked: np.ndarray, rate: int) -> float:
    """Return the mean of the limited SNR of the frames that are not silent."""
    length = round(SEGMENT_SECONDS * rate)
    signal, noise = power(original, length), power(marked - original, length)
    heard = signal > 10 ** (SEGMENT_DBFS / 10)
    if not heard.any():
        return MOST
    ratios = 10 * np.log10(signal[heard] / (noise[heard] + 1e-20))
    return float(np.clip(ratios, *SEGMENT_RANGE).mean())


def pesq(original: np.ndarray, marked: np.ndarray, rate: int) -> float:
    """Return PESQ, wide band."""
    from pesq import pesq as measure

    pair = (resample(mono(sound), rate, 16000)[:, 0] for sound in (original, marked))
    return float(measure(16000, *pair, "wb"))


@cache
def _visqol() -> Any:
    from visqol import VisqolApi

    api = VisqolApi()
    api.create(mode="audio")
    return api


def visqol(original: np.ndarray, marked: np.ndarray, rate: int) -> float:
    """Return ViSQOL's opinion score, audio mode."""
    pair = (
        resample(mono(sound), rate, 48000)[:, 0].astype(np.float64) for sound in (original, marked)
    )
    return float(_visqol().measure_from_arrays(*pair, 48000).moslqo)


def sound_fidelity(original: np.ndarray, marked: np.ndarray, rate: int) -> dict[str, float]:
    """Return every figure of fidelity that the report needs for one sound."""
    return {
        "snr": round(snr(original, marked), 3),
        "segmental_snr": round(segmental_snr(original, marked, rate), 3),
        "pesq": round(pesq(original, marked, rate), 4),
        "visqol": round(visqol(original, marked, rate), 4),
    }
