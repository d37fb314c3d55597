"""Marking sound block by block.

::

    samples ──▶ frames of 20 ms, 10 ms apart ──▶ spectra ──▶ levels of the bands ─┐
       │                                            │                            mask
       │                                            ▼                             │
       └────────────── + ◀── limiter ◀── change ◀── × gains ◀── pattern of key ◀──┘

The change alone is carried through the transform and added to the untouched samples: where the
mask is 0 nothing changes at all. All channels get the same gains, so that mixing them down gives
the mark of the mixed sound.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from waarmerk.errors import InputError
from waarmerk.marking.audio.bands import band_weights
from waarmerk.marking.audio.pattern import unit_pattern
from waarmerk.marking.audio.perception import LOOK_AHEAD, LOOK_BACK, amplitudes
from waarmerk.marking.audio.scheme import SCHEME, key_pattern, start_frame
from waarmerk.marking.job import require_in_use
from waarmerk.marking.key import MarkingKey
from waarmerk.marking.payload import MarkId

__all__ = [
    "HIGHEST_RATE",
    "LOWEST_RATE",
    "MOST_CHANNELS",
    "AudioMarker",
    "check_format",
    "check_samples",
]

LOWEST_RATE, HIGHEST_RATE = 8000, 192000  # Hz
MOST_CHANNELS = 32
_GROUP = 4  # frames that are handled together
# The transform of a single row may differ in its last bit from that of many rows at once, because
# it works on up to 16 rows side by side; full batches make the result independent of the blocks.
_ROWS = 16
_BATCH = 32  # groups handled in one go, at most: they stay in the processor's cache
_FULL_SCALE_16 = 32768.0
_HIGHEST_SAMPLE = 1e6  # beyond that the squares of a spectrum leave the range of float32


def check_samples(samples: NDArray[Any], sample_rate: int) -> tuple[int, int]:
    """Check sound that was handed in, and tell how many samples and channels it has.

    Raises
    ------
    InputError
        If it is no float32 or int16 array [n] or [n, channels], its rate is not supported, or
        samples are not finite or absurdly large.
    """
    if not isinstance(samples, np.ndarray):
        raise InputError(f"sound is a NumPy array, not {type(samples).__name__}")
    if samples.dtype not in (np.float32, np.int16):
        raise InputError(f"samples are float32 (full scale 1.0) or int16, not {samples.dtype}")
    if samples.ndim not in (1, 2):
        raise InputError(f"sound has the shape (samples,) or (samples, channels), "
                         f"not {samples.shape}")  # fmt: skip
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    check_format(sample_rate, channels)
    if samples.dtype == np.float32 and samples.size:
        peak = max(float(samples.max()), -float(samples.min()))
        if not math.isfinite(peak):
            raise InputError("the sound has samples that are not numbers (NaN or infinite)")
        if peak > _HIGHEST_SAMPLE:
            raise InputError(
                f"the sound has samples up to {peak:.3g}; full scale of float32 samples is 1.0, "
                "so scale them first"
            )
    return samples.shape[0], channels


def check_format(sample_rate: int, channels: int) -> None:
    """Refuse rates and numbers of channels that are not supported, with an InputError."""
    if not LOWEST_RATE <= sample_rate <= HIGHEST_RATE:
        raise InputError(
            f"a sample rate of {sample_rate} Hz is not supported; it must be from {LOWEST_RATE} to "
            f"{HIGHEST_RATE}"
        )
    if not 1 <= channels <= MOST_CHANNELS:
        raise InputError(f"sound has 1 to {MOST_CHANNELS} channels, not {channels}")


class AudioMarker:
    """Marks sound as it comes: blocks of any size in, the same samples marked out, a little later.

    The result is the same, sample for sample, however the sound is cut into blocks.

    Parameters
    ----------
    sample_rate : int
        Hz, 8000 to 192000.
    channels : int
        1 to 32.
    key, mark_id
        What to write.
    strength : float, optional
        Factor on the depth of the mark.

    Attributes
    ----------
    latency : int
        By how many samples the output lags behind the input, at most; 80 ms.

    Raises
    ------
    InputError
        If rate or channels are not supported.
    KeyFileError
        If the key was retired.

    Examples
    --------
    >>> from waarmerk import MarkId, MarkingKey
    >>> marker = AudioMarker(16000, 1, MarkingKey.generate(), MarkId.random())
    >>> sound = np.zeros(16000, np.float32)
    >>> parts = [marker.process(sound[:1000]), marker.process(sound[1000:]), marker.finish()]
    >>> sum(len(part) for part in parts)
    16000
    """

    def __init__(
        self,
        sample_rate: int,
        channels: int,
        key: MarkingKey,
        mark_id: MarkId,
        *,
        strength: float = 1.0,
    ) -> None:
        check_format(sample_rate, channels)
        require_in_use(key)
        # A number of NumPy would overflow where samples are counted.
        self.sample_rate = sample_rate = int(sample_rate)
        self.channels = channels
        self._start = start_frame(key, mark_id)
        self._cells = unit_pattern(key_pattern(key), mark_id) * np.float32(strength)
        half = -(-sample_rate // SCHEME.frame_rate)
        self._half = half
        phase = (np.arange(2 * half) + 0.5) / (2 * half)
        # Used twice, before and after the transform: together the squares of sines add up to 1.
        self._window = np.sin(math.pi * phase).astype(np.float32)
        self._bands = band_weights(sample_rate, 2 * half)
        self.latency = self._position(_GROUP + LOOK_AHEAD + 1) + half
        self._frame = 0  # next frame to be transformed
        self._fed = 0  # samples so far
        self._given = 0  # samples so far given back
        # Sound from sample _begin on; half a frame of silence lies before the first.
        self._begin = -half
        self._sound = np.zeros((channels, half), np.float32)
        self._change = np.zeros((channels, half), np.float32)
        self._spectra = np.zeros((0, half + 1), np.complex64)  # of frames that wait for their gains
        self._levels = np.zeros((LOOK_BACK, SCHEME.bands), np.float32)
        self._share = 1.0
        self._out: Callable[[NDArray[np.float32]], NDArray[Any]] | None = None
        self._dtype: np.dtype[Any] | None = None
        self._flat = False

    def process(self, block: NDArray[Any]) -> NDArray[Any]:
        """Take the next samples, and give back those that are ready.

        Parameters
        ----------
        block : float32 or int16 [n] or [n, channels]
            All blocks are of one type and shape.

        Returns
        -------
        array of the same type, [m] or [m, channels]
            Marked samples, following on those given before; m may be 0.

        Raises
        ------
        InputError
            If the block is of another type or shape, or holds NaN or infinity.
        """
        planar = self._planar(block)
        self._fed += planar.shape[1]
        self._sound = np.concatenate([self._sound, planar], axis=1)
        return self._shaped(self._advance(self._fed))

    def finish(self) -> NDArray[Any]:
        """Give back what is left; in all as many samples come out as went in."""
        if self._dtype is None:
            return np.zeros(0, np.float32)
        # Silence is laid behind until the last sample has passed every stage.
        tail = self.latency + 2 * self._half + self._position(2 * _GROUP)
        self._sound = np.concatenate(
            [self._sound, np.zeros((self.channels, tail), np.float32)], axis=1
        )
        out = self._advance(self._fed + tail)
        return self._shaped(out[:, : self._fed - (self._given - out.shape[1])])

    def _position(self, frame: int) -> int:
        """Sample on which a frame is centred."""
        return frame * self.sample_rate // SCHEME.frame_rate

    def _planar(self, block: NDArray[Any]) -> NDArray[np.float32]:
        _, channels = check_samples(block, self.sample_rate)
        if channels != self.channels:
            raise InputError(f"this marker takes {self.channels} channels, not {channels}")
        if self._dtype is None:
            self._dtype, self._flat = block.dtype, block.ndim == 1
        elif block.dtype != self._dtype or (block.ndim == 1) != self._flat:
            raise InputError("all blocks must be of one type and shape")
        planar = block.reshape(len(block), channels).T
        if block.dtype == np.int16:
            return planar.astype(np.float32) * np.float32(1 / _FULL_SCALE_16)
        return np.ascontiguousarray(planar, np.float32)

    def _shaped(self, planar: NDArray[np.float32]) -> NDArray[Any]:
        out: NDArray[Any] = planar.T
        if self._dtype == np.int16:
            out = np.rint(out * np.float32(_FULL_SCALE_16)).astype(np.int16)
        return np.ascontiguousarray(out[:, 0] if self._flat else out)

    def _advance(self, available: int) -> NDArray[np.float32]:
        """Mark all that is complete up to a sample, and give it [channels, m]."""
        done = [np.zeros((self.channels, 0), np.float32)]
        while True:
            groups = 0
            while groups < _BATCH and (
                self._position(self._frame + (groups + 1) * _GROUP - 1) + self._half <= available
            ):
                groups += 1
            if not groups:
                return np.concatenate(done, axis=1)
            done.append(self._mark(groups * _GROUP))

    def _mark(self, count: int) -> NDArray[np.float32]:
        """Transform the next frames, change those whose surroundings are known, and add up."""
        from waarmerk.kernels.sound import apply_gains, band_power, cut_frames, overlap_add

        frames = np.arange(self._frame, self._frame + count)
        rows = -(-count * self.channels // _ROWS) * _ROWS
        cut = np.zeros((rows, 2 * self._half), np.float32)
        cut_frames(self._sound, self._starts(frames), self._window, cut)
        spectra = scipy.fft.rfft(cut, axis=1)
        levels = np.empty((count, SCHEME.bands), np.float32)
        band_power(spectra, self.channels, *self._bands, levels)
        self._spectra = np.concatenate([self._spectra, spectra[: count * self.channels]])
        self._levels = np.concatenate([self._levels, levels])
        self._frame += count

        ready = len(self._spectra) // self.channels - LOOK_AHEAD
        first = self._frame - LOOK_AHEAD - ready
        frames = np.arange(first, first + ready)
        cells = self._cells[(self._start + frames) % SCHEME.cycle]
        gains = np.expm1(cells * amplitudes(self._levels) * np.float32(math.log(10) / 20))
        rows = -(-ready * self.channels // _ROWS) * _ROWS
        changed = np.zeros((rows, self._half + 1), np.complex64)
        used = ready * self.channels
        changed[:used] = self._spectra[:used]
        apply_gains(changed, self.channels, gains, *self._bands)
        pieces = scipy.fft.irfft(changed, 2 * self._half, axis=1)
        self._spectra = self._spectra[used:]
        self._levels = self._levels[ready:]

        starts = self._starts(frames)
        change = np.zeros((self.channels, int(starts[-1]) + 2 * self._half), np.float32)
        change[:, : self._change.shape[1]] = self._change
        overlap_add(pieces, starts, self._window, change)
        self._change = change
        return self._finished(int(frames[-1]))

    def _starts(self, frames: NDArray[np.int64]) -> NDArray[np.int64]:
        starts: NDArray[np.int64] = (
            frames * self.sample_rate // SCHEME.frame_rate - self._half - self._begin
        )
        return starts

    def _finished(self, frame: int) -> NDArray[np.float32]:
        """Add the change as far as it is complete once a frame is done; one hop is held back."""
        from waarmerk.kernels.sound import add_limited

        first = -(-(self._given * SCHEME.frame_rate) // self.sample_rate)
        hops = np.arange(first, frame + 1)
        bounds = hops * self.sample_rate // SCHEME.frame_rate
        out = np.zeros((self.channels, 0), np.float32)
        if len(bounds) > 2:
            begin, end = int(bounds[0]), int(bounds[-2])
            inside = slice(begin - self._begin, int(bounds[-1]) - self._begin)
            out = np.empty((self.channels, end - begin), np.float32)
            limit = (_FULL_SCALE_16 - 1) / _FULL_SCALE_16 if self._dtype == np.int16 else 1.0
            self._share = add_limited(
                self._sound[:, inside], self._change[:, inside], bounds - begin, self._share,
                limit, out,
            )  # fmt: skip
            self._given = end
        keep = min(self._given, self._position(self._frame) - self._half) - self._begin
        if keep > 0:
            self._sound = self._sound[:, keep:]
            self._change = self._change[:, keep:]
            self._begin += keep
        return out
