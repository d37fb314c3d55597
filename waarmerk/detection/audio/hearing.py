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
        self._block: list[NDArray[Any]] = []
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
        sound = self._mono(block.reshape(n, channels), last)
        if self._resample is not None:
            sound = self._resample.resample_chunk(sound, last=last)
        end = [np.zeros(_LENGTH // 2, np.float32)] if last else []
        self._sound = np.concatenate([self._sound, sound, *end])
        return self._rows()

    def _mono(self, block: NDArray[Any], last: bool) -> NDArray[np.float32]:
        """Mix samples [n, channels] down, as far as whole seconds are there.

        In whole seconds, so that the result does not depend on how the sound was cut.
        """
        rate = self._rate
        have = self._waiting + len(block)
        mono = np.empty(have if last else have // rate * rate, np.float32)
        done = used = 0
        if self._waiting and len(mono):
            used = min(rate, have) - self._waiting
            done = self._waiting + used
            # The empty block of an end may be of another type.
            head = [block[:used]] if used else []
            _mix_down(np.concatenate([*self._block, *head]), mono[:done])
            self._block, self._waiting = [], 0
        for first in range(done, len(mono), rate):
            piece = block[used : used + rate]
            used += len(piece)
            _mix_down(piece, mono[first : first + len(piece)])
        if used < len(block):
            self._block.append(block[used:].copy("K"))
            self._waiting += len(block) - used
        return mono

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


def _mix_down(block: NDArray[Any], out: NDArray[np.float32]) -> None:
    """Write the mean of the channels of a block [n, channels], or the loudest where they cancel."""
    from waarmerk.kernels.sound_mix import mixed_pairs, mixed_rows

    scale = 1 / 32768 if block.dtype == np.int16 else 1.0
    if block.shape[1] == 1:
        np.multiply(block[:, 0], np.float32(scale), out=out)
        return
    if block.shape[1] == 2:  # the same numbers, in a tenth of the time
        if block.flags.c_contiguous:
            power, each = mixed_pairs(block.reshape(-1), scale, out)
        else:
            left, right = (np.ascontiguousarray(block[:, c]) for c in (0, 1))
            power, each = mixed_rows(left, right, scale, out)
        if power >= _CANCELLED * each:
            return
    samples = block.astype(np.float32) * np.float32(scale)
    squares = np.einsum("tc,tc->c", samples, samples)
    if block.shape[1] > 2:
        samples.mean(1, out=out)
        if out @ out >= _CANCELLED * squares.mean():
            return
    out[:] = samples[:, int(np.argmax(squares))]
