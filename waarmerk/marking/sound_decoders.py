"""The two decoders of sounds, and what they say about a file.

libsndfile could read MP3 as well, but what it uses for that talks on stderr about files that are in
order (16 kHz, variable bit rate). FFmpeg is told which format it has to do with: left to guess, it
would follow playlists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from waarmerk.errors import InputError, UnsupportedInputError
from waarmerk.marking.formats import Format, shown
from waarmerk.marking.sound_structure import sound_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Block = NDArray[np.int16] | NDArray[np.float32]

__all__ = ["FFmpegDecoder", "SndfileDecoder", "SoundFacts", "open_decoder"]

Sample = Literal["int16", "int24", "int32", "float32", "float64"]

# libsndfile's names. What has fewer than 16 bits is decoded to 16.
_SAMPLES: dict[str, Sample] = {
    "PCM_16": "int16",
    "PCM_S8": "int16",
    "PCM_U8": "int16",
    "ULAW": "int16",
    "ALAW": "int16",
    "IMA_ADPCM": "int16",
    "MS_ADPCM": "int16",
    "GSM610": "int16",
    "PCM_24": "int24",
    "PCM_32": "int32",
    "FLOAT": "float32",
    "DOUBLE": "float64",
}
_FLAC_PIECE = 1 << 13
_SNDFILE = {"WAV": ("WAV", "WAVEX"), "FLAC": ("FLAC",), "OGG": ("OGG",), "OPUS": ("OGG",)}
_FFMPEG = {"MP3": "mp3", "M4A": "mp4", "AAC": "aac"}
_FFMPEG_CODECS = {
    "MP3": ("mp3", "mp3float"),
    "M4A": ("aac", "alac"),
    "AAC": ("aac",),
}


@dataclass(frozen=True, slots=True)
class SoundFacts:
    """What a sound file says of itself, as far as it can be true.

    Parameters
    ----------
    format
        What the content is.
    sample_rate, channels
        In hertz; 1 to 32.
    frames
        How many samples each channel has; None where only decoding tells.
    sample
        How the file stores a sample; of a lossy format how it is decoded.
    dtype
        Of the blocks: ``int16`` where that holds everything, else ``float32``.
    lossless
        Whether the very samples are stored.
    bit_rate
        Mean, in bits per second; of a lossy format only.
    codec
        The decoder's name of the encoding.
    """

    format: Format
    sample_rate: int
    channels: int
    frames: int | None
    sample: Sample
    lossless: bool
    bit_rate: int | None = None
    codec: str = ""

    @property
    def dtype(self) -> Literal["int16", "float32"]:
        """What the blocks are of."""
        return "int16" if self.sample == "int16" and self.lossless else "float32"


class SndfileDecoder:
    """A file that libsndfile decodes."""

    def __init__(self, path: Path, actual: Format, name: str) -> None:
        import soundfile

        self._error = soundfile.LibsndfileError
        self._path = path
        self._file = soundfile.SoundFile(path)
        self.damaged = False
        file = self._file
        if file.format not in _SNDFILE[actual.name]:
            raise UnsupportedInputError(f"{shown(name)}: is a {file.format} file in disguise")
        sample = _SAMPLES.get(file.subtype, "float32")
        rate = file.samplerate
        # Where the length is not known, libsndfile gives the largest number there is.
        frames = None if file.frames >= 1 << 62 else file.frames
        bit_rate = None
        if not actual.lossless and frames and rate:
            bit_rate = int(sound_bytes(path, actual) * 8 * rate / frames)
        self.facts = SoundFacts(
            actual,
            rate,
            file.channels,
            frames,
            sample,
            lossless=actual.lossless,
            bit_rate=bit_rate,
            codec=file.subtype,
        )

    def blocks(self, length: int) -> Iterator[Block]:
        """Yield blocks of about so many samples."""
        import numpy as np

        piece = length
        done = 0
        more = True
        while more:
            parts: list[Any] = []
            have = 0
            while have < length and more:
                try:
                    part = self._file.read(piece, dtype=self.facts.dtype, always_2d=True)
                except self._error:
                    self.damaged = True
                    part = ()
                    if self.facts.format.name == "FLAC" and piece > _FLAC_PIECE:
                        # A piece in which an error occurs is lost, so from here on those of a FLAC,
                        # which has checksums, are small. In a file that is in order they would cost
                        # a seventh more: soundfile seeks after each, and a frame is decoded again.
                        piece = _FLAC_PIECE
                        more = self._again(done + have)
                        continue
                more = len(part) > 0
                if more:
                    parts.append(part)
                    have += len(part)
            if parts:
                done += have
                yield parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _again(self, done: int) -> bool:
        """Open the file once more, behind so many samples; tell whether that went.

        After an error it cannot be sought.
        """
        import soundfile

        self._file.close()
        try:
            self._file = soundfile.SoundFile(self._path)
            while done:
                part = self._file.read(min(done, _FLAC_PIECE), dtype=self.facts.dtype)
                if not len(part):
                    return False
                done -= len(part)
        except self._error:
            return False
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class FFmpegDecoder:
    """A file that FFmpeg decodes."""

    def __init__(self, path: Path, actual: Format, name: str) -> None:
        import av

        self._error = av.FFmpegError
        # As a URL with its protocol: a name with a colon in it must not become a connection.
        url = f"file:{path.absolute()}"
        self._container = av.open(
            url, format=_FFMPEG[actual.name], options={"protocol_whitelist": "file"}
        )
        self.damaged = False
        self._name = name
        self._first: list[Any] = []
        container = self._container
        if any(_moves(stream) for stream in container.streams.video):
            raise UnsupportedInputError(
                f"{shown(name)}: is a video, which is not supported yet; its sound alone can be "
                "marked and looked at in a file of its own"
            )
        if not container.streams.audio:
            raise InputError(f"{shown(name)}: holds no sound")
        if len(container.streams.audio) > 1:
            raise UnsupportedInputError(
                f"{shown(name)}: holds {len(container.streams.audio)} sound tracks; "
                "only files with one are supported"
            )
        stream: Any = container.streams.audio[0]
        self._stream = stream
        codec = stream.codec_context.name if stream.codec_context else "nothing known"
        if codec not in _FFMPEG_CODECS[actual.name]:
            raise UnsupportedInputError(
                f"{shown(name)}: its sound is encoded as {shown(codec)}, which is not supported"
            )
        stream.codec_context.thread_count = 1  # more cost five times the work, in threads
        self._frames = self._decoded()
        # Only a decoded frame tells the rate for sure: an AAC stream may double what it says.
        first = next(self._frames, None)
        if first is None:
            raise InputError(f"{shown(name)}: holds no sound that can be decoded")
        self._first.append(first)
        rate, channels = first.sample_rate, first.layout.nb_channels
        frames = None
        if actual.name == "M4A" and stream.duration and stream.time_base:
            frames = round(stream.duration * stream.time_base * rate)
        lossless = codec == "alac"
        seconds = float(stream.duration * stream.time_base) if stream.duration else 0.0
        self.facts = SoundFacts(
            actual,
            rate,
            channels,
            frames,
            "int16" if first.format.name in ("s16", "s16p") else "int24" if lossless else "float32",
            lossless=lossless,
            bit_rate=int(sound_bytes(path, actual) * 8 / seconds) if seconds > 0 else None,
            codec=codec,
        )

    def _decoded(self) -> Iterator[Any]:
        """Yield frames; what cannot be decoded is left out, and remembered unless it is a rest."""
        trouble = False
        for packet in self._container.demux(self._stream):
            try:
                frames = packet.decode()
            except self._error:
                trouble = True
                continue
            for frame in frames:
                # Junk at the end (a tag, half a frame) is nothing to complain about.
                self.damaged = self.damaged or trouble
                yield frame

    def blocks(self, length: int) -> Iterator[Block]:
        """Yield blocks of about so many samples."""
        import av

        facts = self.facts
        fifo = av.AudioFifo()  # gathers some hundreds of frames, which cost more than their samples
        try:
            for frame in self._all():
                if (frame.sample_rate, frame.layout.nb_channels) != (
                    facts.sample_rate,
                    facts.channels,
                ):
                    raise UnsupportedInputError(
                        f"{shown(self._name)}: changes its sample rate or its channels on the way"
                    )
                frame.pts = None
                fifo.write(frame)
                while fifo.samples >= length:
                    yield _samples(fifo.read(length), facts)
        except self._error:
            self.damaged = True
        rest = fifo.read(0, partial=True)
        if rest is not None:
            yield _samples(rest, facts)

    def _all(self) -> Iterator[Any]:
        yield from self._first
        self._first.clear()
        yield from self._frames

    def close(self) -> None:
        """Close the file."""
        self._container.close()


def _moves(stream: Any) -> bool:
    """Return whether a picture stream is a video, and not a cover."""
    import av

    return not stream.disposition & av.stream.Disposition.attached_pic


def _samples(frame: Any, facts: SoundFacts) -> Block:
    """Return the samples of a frame as [n, channels], channel by channel in memory if planar."""
    import numpy as np

    array = frame.to_ndarray()
    array = array.T if frame.format.is_planar else array.reshape(-1, facts.channels)
    if array.dtype == np.int32:
        array = array * np.float32(2.0**-31)
    out: Block = np.asarray(array, dtype=facts.dtype)
    return out


def open_decoder(path: Path, actual: Format, name: str) -> SndfileDecoder | FFmpegDecoder:
    """Open a file with the decoder for its format."""
    if actual.name in _SNDFILE:
        return SndfileDecoder(path, actual, name)
    return FFmpegDecoder(path, actual, name)
