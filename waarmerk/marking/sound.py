"""Sound files in: from files that may be hostile to blocks of samples.

A sound is never in memory as a whole::

    file ──> libsndfile: WAV, FLAC, Vorbis, Opus ──┐
         └─> FFmpeg:     MP3, M4A, AAC ────────────┴──> int16 or float32 [n, channels], and so on

What a header says is believed only as far as it is possible: rates, channels and lengths out of
bounds are refused before anything is decoded, and the length once more while decoding.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from waarmerk.errors import InputError, UnsupportedInputError, WaarmerkError
from waarmerk.marking.formats import Format, refuse_wrong_name, shown
from waarmerk.marking.sound_decoders import SoundFacts, open_decoder
from waarmerk.marking.sound_structure import bytes_missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from waarmerk.marking.sound_decoders import Block, FFmpegDecoder, SndfileDecoder

__all__ = ["SoundFacts", "SoundReader", "open_sound"]

MIN_RATE, MAX_RATE = 8000, 192_000
MAX_CHANNELS = 32
MAX_SECONDS = 24 * 3600
MAX_VALUES = MAX_SECONDS * 48_000 * 4
"""Samples of all channels together: a day of 48 kHz in four channels. Beyond it lie bombs."""

LOUDEST = 1e6
"""Of floating-point samples, whose full scale is 1; some programs write 32768 for it."""

BLOCK_VALUES = 1 << 18


class SoundReader:
    """An open sound file; made by :func:`open_sound`.

    Parameters
    ----------
    decoder
        Yields blocks, and then knows whether the file is damaged.
    name
        The file's name, for messages.
    missing
        Whether the file is shorter than it says.
    """

    def __init__(
        self, decoder: SndfileDecoder | FFmpegDecoder, name: str, *, missing: bool
    ) -> None:
        self.facts = decoder.facts
        self.frames = 0
        self._decoder = decoder
        self._name = name
        self._missing = missing

    @property
    def damage(self) -> str | None:
        """In words, what is wrong with the file, once all blocks were read; None if nothing is."""
        if self._missing:
            return "is cut off"
        where = f"{self.frames / self.facts.sample_rate:.1f} s"
        if self._decoder.damaged:
            return "is damaged"
        # Lossy formats count in frames and milliseconds, and so not always to the sample.
        slack = 0 if self.facts.lossless else self.facts.sample_rate // 10
        if self.facts.frames is not None and self.frames < self.facts.frames - slack:
            return f"is cut off after {where}"
        return None

    def blocks(self, *, as_decoded: bool = False) -> Iterator[Block]:
        """Yield the sound in blocks [n, channels] of the facts' dtype; n is never 0.

        Parameters
        ----------
        as_decoded
            Whether a block may lie in memory channel by channel, as some decoders give it. Turning
            it round costs as much as a sixth of the decoding of an MP3.

        Raises
        ------
        InputError
            If there is nothing in it, or more than a file may hold.
        """
        import numpy as np

        facts = self.facts
        most = min(MAX_SECONDS * facts.sample_rate, MAX_VALUES // facts.channels)
        for block in self._decoder.blocks(max(BLOCK_VALUES // facts.channels, 1)):
            if facts.frames is not None and self.frames + len(block) > facts.frames:
                block = block[: facts.frames - self.frames]  # noqa: PLW2901 - encoders fill up
                if not len(block):
                    break
            self.frames += len(block)
            if facts.dtype == "float32" and not _within(block, LOUDEST):
                raise InputError(
                    f"{shown(self._name)}: holds samples that are not numbers, or beyond all bounds"
                )
            if self.frames > most:
                raise InputError(f"{shown(self._name)}: {_too_long()}")
            turned: Block = block if as_decoded else np.ascontiguousarray(block, dtype=facts.dtype)
            yield turned
        if not self.frames:
            raise InputError(f"{shown(self._name)}: holds no sound that can be decoded")


def _within(block: Block, bound: float) -> bool:
    """Tell whether all samples are numbers, and none of them larger than a bound."""
    # Comparisons with NaN, which either extreme would be, are false.
    return bool(block.max() <= bound and block.min() >= -bound)


@contextmanager
def open_sound(path: str | os.PathLike[str], actual: Format, name: str) -> Iterator[SoundReader]:
    """Open a sound file for decoding.

    Parameters
    ----------
    path
        A regular file.
    actual
        What its content is.
    name
        Its name, for messages.

    Raises
    ------
    InputError
        If it is damaged, named as another format than it is, or its header cannot be true. Also
        while its blocks are read.
    UnsupportedInputError
        If it holds video, or an encoding that is not supported.
    """
    refuse_wrong_name(name, actual)
    decoder: SndfileDecoder | FFmpegDecoder | None = None
    try:
        with _decoding(name, actual):
            decoder = open_decoder(Path(path), actual, name)
            facts = decoder.facts
            _refuse_the_impossible(facts, name)
            yield SoundReader(decoder, name, missing=bytes_missing(Path(path), actual))
    finally:
        if decoder is not None:
            decoder.close()


@contextmanager
def _decoding(name: str, actual: Format) -> Iterator[None]:
    """Turn whatever a decoder makes of hostile bytes into one InputError."""
    try:
        yield
    except WaarmerkError:
        raise
    except MemoryError as error:
        raise InputError(f"{shown(name)}: needs more memory than there is") from error
    except (OSError, ValueError, RuntimeError, EOFError, OverflowError) as error:
        cause = getattr(error, "strerror", None) or getattr(error, "error_string", None) or error
        raise InputError(
            f"{shown(name)}: cannot be decoded as {actual.name}: {shown(str(cause))[:200]}"
        ) from error


def _refuse_the_impossible(facts: SoundFacts, name: str) -> None:
    rate, channels = facts.sample_rate, facts.channels
    if not MIN_RATE <= rate <= MAX_RATE:
        raise UnsupportedInputError(
            f"{shown(name)}: has {rate} samples a second; {MIN_RATE} to {MAX_RATE} are supported"
        )
    if not 1 <= channels <= MAX_CHANNELS:
        raise UnsupportedInputError(
            f"{shown(name)}: has {channels} channels; 1 to {MAX_CHANNELS} are supported"
        )
    frames = facts.frames or 0
    if frames > MAX_SECONDS * rate or frames * channels > MAX_VALUES:
        raise InputError(f"{shown(name)}: says it {_too_long()}")


def _too_long() -> str:
    return (
        f"lasts longer than {MAX_SECONDS // 3600} hours (or half of that in eight channels), "
        "which is not supported"
    )
