"""Marking a recording that is there as a whole, and checking that the mark can be read."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from waarmerk.errors import CannotMarkError, InputError
from waarmerk.marking.audio.marker import AudioMarker, check_samples
from waarmerk.marking.key import MarkingKey
from waarmerk.marking.payload import MarkId

__all__ = ["SHORTEST", "STRENGTHS", "Check", "EmbeddedSound", "embed_samples"]

SHORTEST = 1.0  # seconds: less holds too few cells to prove anything
STRENGTHS = (1.0, 1.4)  # the second where the first cannot be read back
_FULL_SCALE_16 = 32768.0

Check = Callable[[NDArray[Any]], tuple[MarkId | None, float, bool]]
"""Reads marked sound back: its id, log10 p, and whether the mark was found at all."""


@dataclass(frozen=True, eq=False)
class EmbeddedSound:
    """Marked sound.

    Attributes
    ----------
    content : array of the type and shape of the input
    mark_id : MarkId
    snr : float
        Power of the sound over that of the change, dB.
    log10_p : float
        What the detector says of the marked sound.
    id_read : bool
        Whether the id could be read back; from a few seconds of sound only the presence of the
        mark can be proved.
    """

    content: NDArray[Any]
    mark_id: MarkId
    snr: float
    log10_p: float
    id_read: bool


def embed_samples(
    samples: NDArray[Any], sample_rate: int, key: MarkingKey, mark_id: MarkId, *, detect: Check
) -> EmbeddedSound:
    """Mark a recording, and check that the mark is found.

    Parameters
    ----------
    samples : float32 or int16 [n] or [n, channels]
        Full scale is 1.0 or 32768. Not changed in place.
    sample_rate : int
        Hz, 8000 to 192000.
    key, mark_id
        What to write.
    detect
        The detector, for the check.

    Raises
    ------
    InputError
        If the array is no such sound, or empty.
    CannotMarkError
        If the sound is too short or too quiet to carry the mark.
    """
    n, channels = check_samples(samples, sample_rate)
    if n == 0:
        raise InputError("the sound is empty (0 samples)")
    if n < SHORTEST * sample_rate:
        raise CannotMarkError(
            f"the sound lasts {n / sample_rate:.2f} s; the mark needs {SHORTEST:.0f} s"
        )
    if not samples.any():
        raise CannotMarkError("the sound is silent: every sample is 0, and silence holds no mark")
    best: EmbeddedSound | None = None
    for strength in STRENGTHS:
        marker = AudioMarker(sample_rate, channels, key, mark_id, strength=strength)
        content = np.concatenate([marker.process(samples), marker.finish()])
        read, log10_p, found = detect(content)
        if found and (read == mark_id or best is None):
            best = EmbeddedSound(content, mark_id, _snr(samples, content), log10_p, read == mark_id)
        if read == mark_id:
            break
    if best is None:
        raise CannotMarkError(
            "the sound cannot carry a mark: what was written could not be found again, as happens "
            "where nearly all is silence, or a plain tone"
        )
    return best


def _snr(samples: NDArray[Any], marked: NDArray[Any]) -> float:
    """Power of the sound over that of the change, dB."""
    scale = 1.0 / _FULL_SCALE_16 if samples.dtype == np.int16 else 1.0
    power = change = 0.0
    for start in range(0, len(samples), 1 << 20):
        before = samples[start : start + (1 << 20)].astype(np.float64) * scale
        after = marked[start : start + (1 << 20)].astype(np.float64) * scale
        power += float(np.sum(before * before))
        change += float(np.sum((after - before) ** 2))
    return math.inf if change == 0.0 else 10.0 * math.log10(max(power, 1e-300) / change)
