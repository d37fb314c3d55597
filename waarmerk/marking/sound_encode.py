"""Sound files out: marked blocks into a file that is as good as the one they came from.

| output | input of the same format | another input | with ``quality`` |
|---|---|---|---|
| WAV | the same kind of samples, 8 bits become 16 | 16 bits, more if that has more | no meaning |
| FLAC | 16 or 24 bits as it was | 16, or 24 if the input has more | no meaning |
| MP3 | at least its mean bit rate | variable, about 190 kbit/s in stereo | constant bit rate |
| M4A | at least its mean bit rate; ALAC stays ALAC | 96 kbit/s a channel | bit rate |
| Vorbis | the quality of at least its bit rate | quality 6 | quality 0 to 10 |
| Opus | at least its mean bit rate | 128 kbit/s in stereo, 96 in mono | bit rate |

``quality`` is a share, from 1 to 100, of the way from the lowest to the highest setting of a lossy
format. Where none is given, each has finer settings to climb to, as lossy pictures have.

MP3 and AAC know certain sample rates only, and Opus is 48 kHz by nature: what they do not know is
resampled, which is noted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from waarmerk.errors import UnsupportedInputError
from waarmerk.marking.formats import shown
from waarmerk.marking.wave import WaveWriter

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from waarmerk.marking.formats import Format
    from waarmerk.marking.sound_decoders import SoundFacts

__all__ = ["FINER", "Plan", "SoundWriter", "open_writer", "plan"]

FINER = 3
"""How many settings there are for each lossy format, the coarsest first."""

_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_AAC_RATES = (*_MP3_RATES, 64000, 88200, 96000)
_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
_RATES = {"MP3": _MP3_RATES, "M4A": _AAC_RATES, "OPUS": _OPUS_RATES}
# Bit rates of layer III in kbit/s: ISO/IEC 11172-3 from 32 kHz on, 13818-3 below.
_MP3_BITS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MP3_BITS_LOW = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MP3_VARIABLE = 2  # LAME's -V 2
# About what libvorbis makes of its qualities 0 to 10, in kbit/s, from 44.1 kHz in stereo.
_VORBIS_BITS = (64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 500)
_VORBIS_QUALITY = 6
_MOST_CHANNELS = {"MP3": 2, "M4A": 8, "OGG": 8, "OPUS": 8, "FLAC": 8}
_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}

_PIECE = 1 << 14

Samples = Literal["int16", "int24", "int32", "float32", "float64"]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a sound is to be written.

    Parameters
    ----------
    format
        The format.
    sample_rate, channels
        Of the output.
    sample
        Of a lossless output how it stores a sample; of a lossy one ``float32``.
    lossless
        Whether it stores the very samples.
    bits
        Bits per second of a lossy output; of MP3 None means a variable rate.
    quality
        Of Vorbis, 0 to 1.
    codec
        ``aac`` or ``alac`` in an M4A.
    notes
        In words, what the output cannot keep.
    """

    format: Format
    sample_rate: int
    channels: int
    sample: Samples
    lossless: bool
    bits: int | None = None
    quality: float = 0.0
    codec: str = ""
    notes: tuple[str, ...] = ()


class SoundWriter(Protocol):
    """Takes blocks and makes a file of them."""

    def write(self, block: NDArray[Any]) -> None:
        """Write the samples [n, channels] that `plan` says, integers in the upper bits."""

    def close(self) -> None:
        """Finish the file."""

    def abandon(self) -> None:
        """Close the file unfinished."""


def plan(
    facts: SoundFacts, target: Format, name: str, *, quality: int | None = None, finer: int = 0
) -> Plan:
    """Decide how to write a sound.

    Parameters
    ----------
    facts
        What the input is.
    target
        The format to write.
    name
        The output's name, for messages.
    quality
        1 to 100, or None for a choice at which next to nothing is lost.
    finer
        Which of the FINER settings a lossy format uses when no quality is given.

    Raises
    ------
    UnsupportedInputError
        If the format cannot hold so many channels.
    """
    _check_channels(facts, target, name)
    notes: list[str] = []
    alac = target.name == "M4A" and facts.codec == "alac"
    if target.lossless or alac:
        if quality is not None:
            kind = "ALAC" if alac else target.name
            notes.append(f"{kind} is lossless: quality {quality} has no meaning")
        sample = _lossless_sample(facts, target, notes)
        codec = "alac" if alac else ""
        return Plan(
            target, facts.sample_rate, facts.channels, sample, True, codec=codec, notes=tuple(notes)
        )
    rate = _possible_rate(facts.sample_rate, target, notes)
    same = facts.format is target and facts.bit_rate is not None
    chosen = _Choice(rate, facts.channels, facts.bit_rate if same else None, quality, finer)
    bits, vorbis = None, 0.0
    if target.name == "MP3":
        bits = chosen.mp3()
    elif target.name == "OGG":
        vorbis = chosen.vorbis()
    else:
        bits = chosen.aac() if target.name == "M4A" else chosen.opus()
    return Plan(
        target,
        rate,
        facts.channels,
        "float32",
        False,
        bits=bits,
        quality=vorbis,
        codec="aac" if target.name == "M4A" else "",
        notes=tuple(notes),
    )


def open_writer(
    path: Path, how: Plan, *, head: tuple[bytes, ...] = (), rest: tuple[bytes, ...] = ()
) -> SoundWriter:
    """Begin a file, bare of tags; a WAV gets its chunks at once.

    Parameters
    ----------
    path
        A file that does not exist yet.
    how
        As :func:`plan` decided.
    head, rest
        Chunks of a WAV in front of the samples and behind them.
    """
    if how.format.name == "WAV":
        return WaveWriter(path, how.sample_rate, how.channels, how.sample, head=head, rest=rest)
    if how.format.name in ("FLAC", "OGG", "OPUS"):
        return _Sndfile(path, how)
    return _FFmpeg(path, how)


def _check_channels(facts: SoundFacts, target: Format, name: str) -> None:
    channels = facts.channels
    most = _MOST_CHANNELS.get(target.name, channels)
    # Which loudspeaker a channel is meant for differs between Ogg and the others.
    if channels > 2 and facts.format is not target:
        ogg = {"OGG", "OPUS"}
        if target.name in ogg or facts.format.name in ogg:
            most = min(most, 2)
    if channels > most or (target.name == "M4A" and channels not in _LAYOUTS):
        raise UnsupportedInputError(
            f"{shown(name)}: the input has {channels} channels, which cannot be written as "
            f"{target.name} from {facts.format.name}; use {_roomier(facts)}"
        )


def _roomier(facts: SoundFacts) -> str:
    own = facts.format
    return own.extensions[0] if own.not_written is None else ".wav"


def _lossless_sample(facts: SoundFacts, target: Format, notes: list[str]) -> Samples:
    if not facts.lossless:
        return "int16"
    sample: Samples = facts.sample
    if facts.codec in ("PCM_U8", "PCM_S8", "ULAW", "ALAW") or "ADPCM" in facts.codec:
        notes.append("became 16 bits a sample, because the mark needs them")
    if target.name == "WAV":
        return sample
    if sample in ("int32", "float32", "float64"):
        notes.append(f"became 24 bits a sample: {target.name} has no more")
        return "int24"
    return sample


def _possible_rate(rate: int, target: Format, notes: list[str]) -> int:
    possible = _RATES.get(target.name, (rate,))
    if rate in possible:
        return rate
    if target.name == "OPUS":
        new = 48_000
    else:
        higher = [r for r in possible if r >= rate]
        # Of what is above all, the one that divides it keeps the resampler simple.
        divisors = [r for r in possible if rate % r == 0 and r >= 44_100]
        new = min(higher) if higher else max(divisors, default=max(possible))
    notes.append(f"resampled from {rate} to {new} Hz, because {target.name} has no {rate}")
    return new


@dataclass(frozen=True, slots=True)
class _Choice:
    """How many bits a lossy output gets."""

    rate: int
    channels: int
    source: int | None
    quality: int | None
    finer: int

    def mp3(self) -> int | None:
        rates = _MP3_BITS if self.rate >= 32_000 else _MP3_BITS_LOW
        if self.quality is not None:
            return rates[round((len(rates) - 1) * (self.quality - 1) / 99)] * 1000
        if self.finer == 2:
            return rates[-1] * 1000
        if self.source is None:
            if self.finer == 0:
                return None
            return rates[-2] * 1000
        wanted = self._wanted(48_000 if self.rate >= 32_000 else 24_000)
        return next((r for r in rates if r * 1000 >= wanted), rates[-1]) * 1000

    def aac(self) -> int:
        # Where a channel has some six bits a sample, more has no use.
        most = min(256_000, 6 * self.rate)
        return self._each(24_000, most, min(96_000, 5 * self.rate), 48_000)

    def opus(self) -> int:
        return self._each(12_000, 192_000, 64_000 if self.channels > 1 else 96_000, 32_000)

    def vorbis(self) -> float:
        if self.quality is not None:
            return (self.quality - 1) / 99
        if self.source is None:
            level = _VORBIS_QUALITY
        else:
            share = self.channels / 2 * min(self.rate / 44_100, 1.0)
            enough = (i for i, bits in enumerate(_VORBIS_BITS) if bits * 1000 * share > self.source)
            level = max(next(enough, 10), 3)
        return min(level + 2 * self.finer, 10) / 10

    def _each(self, low: int, high: int, usual: int, floor: int) -> int:
        """Return bits for all channels, from those of one."""
        most = high * self.channels
        if self.quality is not None:
            return round((low + (high - low) * (self.quality - 1) / 99) * self.channels)
        if self.finer == 2:
            return most
        if self.source is None:
            return min(round(usual * self.channels * (1 + self.finer / 2)), most)
        return min(round(self._wanted(floor)), most)

    def _wanted(self, floor: int) -> float:
        """Return bits that are no fewer than those of the source: a second coding adds its own."""
        assert self.source is not None  # noqa: S101 - for the type checker
        return max(self.source * (1 + self.finer / 2), floor * self.channels)


class _Sndfile:
    """Writes FLAC, Vorbis and Opus."""

    def __init__(self, path: Path, how: Plan) -> None:
        import soundfile

        options: dict[str, Any] = {"format": "FLAC", "subtype": "PCM_16"}
        if how.format.name == "FLAC" and how.sample == "int24":
            options["subtype"] = "PCM_24"
        elif how.format.name == "OGG":
            options = {"format": "OGG", "subtype": "VORBIS"}
            options["compression_level"] = 1.0 - how.quality
        elif how.format.name == "OPUS":
            # libsndfile: 6 to 256 kbit/s a channel, from level 1 to level 0.
            each = (how.bits or 0) / how.channels
            level = 1.0 - (each - 6000) / 250_000
            options = {"format": "OGG", "subtype": "OPUS"}
            options["compression_level"] = min(max(level, 0.0), 1.0)
        self._file = soundfile.SoundFile(
            path, "w", samplerate=how.sample_rate, channels=how.channels, **options
        )

    def write(self, block: NDArray[Any]) -> None:
        # libvorbis keeps what it is given on the stack, and falls over it from some 10 s on.
        for start in range(0, len(block), _PIECE):
            self._file.write(block[start : start + _PIECE])

    def close(self) -> None:
        self._file.close()

    abandon = close


class _FFmpeg:
    """Writes MP3, and AAC or ALAC in MP4."""

    def __init__(self, path: Path, how: Plan) -> None:
        import av

        self._how = how
        mp3 = how.format.name == "MP3"
        options = (
            {"id3v2_version": "0", "write_id3v1": "0"}
            if mp3
            else {
                # The length of the sound is written in units of this, and so exactly.
                "movie_timescale": str(how.sample_rate)
            }
        )
        self._container = av.open(
            f"file:{path.absolute()}", "w", format="mp3" if mp3 else "ipod", options=options
        )
        codec = "libmp3lame" if mp3 else how.codec
        stream: Any = self._container.add_stream(codec, rate=how.sample_rate)
        self._stream: Any = stream
        self._layout = _LAYOUTS[how.channels]
        stream.layout = self._layout
        self._format = {"int16": "s16p", "int24": "s32p"}.get(how.sample, "fltp")
        stream.format = self._format
        if how.bits is not None:
            stream.bit_rate = how.bits
        elif mp3:
            # FFmpeg counts its qualities in 118ths (FF_QP2LAMBDA).
            quality = str(118 * _MP3_VARIABLE)
            stream.options = {"flags": "+qscale", "global_quality": quality}
        self._at = 0

    def write(self, block: NDArray[Any]) -> None:
        import av
        import numpy as np

        samples = np.ascontiguousarray(block.T)
        frame = av.AudioFrame.from_ndarray(samples, format=self._format, layout=self._layout)
        frame.sample_rate = self._how.sample_rate
        frame.pts = self._at
        self._at += len(block)
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def abandon(self) -> None:
        self._container.close()
