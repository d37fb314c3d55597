"""From samples to the power of the bands: what the detector hears, 200 times a second.

This is the only costly look at the sound itself. Every later step, for every key, pitch and tempo,
works on this table, which holds 38 kB for a second of sound.
"""

import math
from functools import cache
from typing import Any

import numpy as np
import scipy.fft
import soxr
from numpy.typing import NDArray

from waarmerk.errors import InputError
from waarmerk.marking.audio.bands import band_weights
from waarmerk.marking.audio.marker import check_format, check_samples
from waarmerk.marking.audio.scheme import SCHEME

__all__ = ["FRAMES_A_SECOND", "HOP", "PARTS", "Hearing"]

FRAMES_A_SECOND = 2 * SCHEME.frame_rate  # twice as dense as the cells, which start anywhere
HOP = SCHEME.analysis_rate // FRAMES_A_SECOND
PARTS = 2  # parts of a band: for pitches between
_LENGTH = 4 * HOP  # samples of a frame: 20 ms, as the marker's
_CANCELLED = 1e-3  # of the power of the channels: less than that in their mean is no mean
_BATCH = 4096  # frames transformed in one go, at most: bounds the memory


@cache
def _window() -> NDArray[np.float32]:
    phase = (np.arange(_LENGTH) + 0.5) / _LENGTH
    window: NDArray[np.float32] = (np.sin(math.pi * phase) ** 2).astype(np.float32)
    return window


class Hearing:
    """Turns blocks of samples into rows of band power.

    Parameters
    ----------
    sample_rate : int
        Hz.
    channels : int

    Attributes
    ----------
    channels : int
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        check_format(sample_rate, channels)
        self._rate = sample_rate = int(sample_rate)
        self.channels = channels
        self._fed = 0
        self._block: list[NDArray[np.float32]] = []
        self._waiting = 0
        self._resample = None
        if sample_rate != SCHEME.analysis_rate:
            self._resample = soxr.ResampleStream(
                sample_rate, SCHEME.analysis_rate, 1, dtype="float32", quality="MQ"
            )
        # Frame 0 is centred on the first sample.
        self._sound = np.zeros(_LENGTH // 2, np.float32)

    @property
    def seconds(self) -> float:
        """How much sound was fed, seconds."""
        return self._fed / self._rate

    def feed(self, block: NDArray[Any], *, last: bool = False) -> NDArray[np.float32]:
        """Take samples, and give the rows that are complete.

        Parameters
        ----------
        block : float32 or int16 [n] or [n, channels]
        last : bool, optional
            Whether the sound ends here.

        Returns
        -------
        float32 [frames, bands * PARTS]

        Raises
        ------
        InputError
            If the samples are of another type or shape, or not finite.
        """
        n, channels = check_samples(block, self._rate)
        if channels != self.channels:
            raise InputError(f"this detector takes {self.channels} channels, not {channels}")
        self._fed += n
        if n:
            self._block.append(block.reshape(n, channels))
            self._waiting += n
        mono = []
        # In whole seconds, so that the result does not depend on how the sound was cut.
        if self._waiting >= self._rate or (last and self._waiting):
            whole = np.concatenate(self._block) if len(self._block) > 1 else self._block[0]
            used = len(whole) if last else len(whole) // self._rate * self._rate
            mono = [
                _mixed_down(whole[i : min(i + self._rate, used)])
                for i in range(0, used, self._rate)
            ]
            self._block = [whole[used:].copy()]
            self._waiting = len(whole) - used
        sound = np.concatenate(mono) if mono else np.zeros(0, np.float32)
        if self._resample is not None:
            sound = self._resample.resample_chunk(sound, last=last)
        self._sound = np.concatenate([self._sound, sound])
        if last:
            self._sound = np.concatenate([self._sound, np.zeros(_LENGTH // 2, np.float32)])
        return self._rows()

    def _rows(self) -> NDArray[np.float32]:
        from waarmerk.kernels.sound import band_power, cut_frames

        count = max(0, (len(self._sound) - _LENGTH) // HOP + 1)
        out = np.empty((count, SCHEME.bands * PARTS), np.float32)
        weights = band_weights(SCHEME.analysis_rate, _LENGTH, PARTS)
        for first in range(0, count, _BATCH):
            frames = min(_BATCH, count - first)
            cut = np.empty((frames, _LENGTH), np.float32)
            cut_frames(self._sound[None], np.arange(first, first + frames) * HOP, _window(), cut)
            spectra = scipy.fft.rfft(cut, axis=1)
            band_power(spectra, 1, *weights, out[first : first + frames])
        self._sound = self._sound[count * HOP :].copy()
        return out


def _mixed_down(block: NDArray[Any]) -> NDArray[np.float32]:
    """Give the mean of the channels, or the loudest one where they cancel each other."""
    samples = block.astype(np.float32)
    if block.dtype == np.int16:
        samples *= np.float32(1 / 32768)
    if samples.shape[1] == 1:
        return samples[:, 0]
    mean: NDArray[np.float32]
    if samples.shape[1] == 2:  # the same numbers, in an eighth of the time
        mean = (samples[:, 0] + samples[:, 1]) / np.float32(2)
    else:
        mean = samples.mean(1)
    each = np.einsum("tc,tc->c", samples, samples)
    if mean @ mean < _CANCELLED * each.mean():
        return np.ascontiguousarray(samples[:, int(np.argmax(each))])
    return mean
