"""Codecs of the audio benchmark, all in memory.

Sound is float32 ``[n, channels]`` with full scale 1. PyAV's encoders and decoders are joined packet
by packet without a container, and nothing here aligns the result: where a codec does not take its
own delay away (AAC does not; its file format would), the delay stays, as it does in many services.
Every function returns the sound at the rate at which the decoder gives it.
"""

import io
from typing import Any

import numpy as np
import soundfile
import soxr

Sound = tuple[np.ndarray, int]

# The rates that a codec takes; everything else is resampled to the next higher one first.
MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
AAC_RATES = (*MP3_RATES, 64000, 88200, 96000)
OPUS_RATES = (48000,)
_BLOCK = 8192


def resample(samples: np.ndarray, rate: int, new: float) -> np.ndarray:
    """Resample along the first axis with soxr's default (high) quality."""
    if rate == new:
        return samples
    return np.asarray(soxr.resample(samples, rate, new), np.float32).reshape(-1, samples.shape[1])


def mono(samples: np.ndarray) -> np.ndarray:
    """Return the mean of all channels, ``[n, 1]``."""
    return np.asarray(samples.mean(axis=1, keepdims=True, dtype=np.float32))


def next_rate(rate: int, rates: tuple[int, ...]) -> int:
    """Return the lowest of `rates` that is not below `rate`, or the highest.

    >>> next_rate(22050, OPUS_RATES), next_rate(15000, MP3_RATES)
    (48000, 16000)
    """
    return min((r for r in rates if r >= rate), default=max(rates))


def through_av(
    samples: np.ndarray,
    rate: int,
    *,
    encoder: str,
    decoder: str,
    rates: tuple[int, ...],
    kbps: int,
    options: dict[str, str] | None = None,
) -> Sound:
    """Encode and decode with PyAV at the codec's constant bit rate for all channels together."""
    import av

    new = next_rate(rate, rates)
    planes = np.ascontiguousarray(np.clip(resample(samples, rate, new), -1, 1).T)
    layout = "mono" if len(planes) == 1 else "stereo"
    # Encoders differ in what they take; the frames are converted for each on their way in.
    kind = {"libopus": "flt"}.get(encoder, "fltp")
    coder: Any = av.CodecContext.create(encoder, "w")
    coder.sample_rate, coder.layout, coder.format = new, layout, kind
    coder.bit_rate = 1000 * kbps
    coder.options = options or {}
    coder.open()
    size = coder.frame_size or 1024
    packets = []
    for start in range(0, planes.shape[1], size):
        block = planes[:, start : start + size]
        if block.shape[1] < size:  # the encoder's own padding of a short last frame varies
            block = np.pad(block, ((0, 0), (0, size - block.shape[1])))
        data = np.ascontiguousarray(block if kind == "fltp" else block.T.reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(data, format=kind, layout=layout)
        frame.sample_rate, frame.pts = new, start
        packets += coder.encode(frame)
    packets += coder.encode(None)
    reader: Any = av.CodecContext.create(decoder, "r")
    reader.extradata = coder.extradata
    reader.sample_rate, reader.layout = new, layout
    frames = [frame for packet in packets for frame in reader.decode(packet)]
    frames += reader.decode(None)
    channels = len(planes)
    parts = [
        a if (a := frame.to_ndarray()).shape[0] == channels else a.reshape(-1, channels).T
        for frame in frames
    ]
    got = np.concatenate(parts, axis=1).T
    if got.dtype == np.int16:
        got = got / np.float32(32768)
    return np.ascontiguousarray(got, np.float32), frames[0].sample_rate


def mp3(samples: np.ndarray, rate: int, _rng: object, *, kbps: int) -> Sound:
    """MP3 by LAME at a constant bit rate; the sample rate stays, as with ffmpeg's defaults."""
    return through_av(
        samples, rate, encoder="libmp3lame", decoder="mp3float", rates=MP3_RATES, kbps=kbps
    )


def aac(samples: np.ndarray, rate: int, _rng: object, *, kbps: int) -> Sound:
    """AAC-LC by ffmpeg's own encoder."""
    return through_av(samples, rate, encoder="aac", decoder="aac", rates=AAC_RATES, kbps=kbps)


def opus(samples: np.ndarray, rate: int, _rng: object, *, kbps: int, voip: bool = False) -> Sound:
    """Opus by libopus, 20 ms frames; the decoder answers at 48 kHz.

    ``voip`` picks the application that messengers and telephony use (it favours the speech coder);
    the other is libopus's own default, "audio", which ordinary files are made with.
    """
    options = {"application": "voip" if voip else "audio", "vbr": "on"}
    return through_av(
        samples,
        rate,
        encoder="libopus",
        decoder="libopus",
        rates=OPUS_RATES,
        kbps=kbps,
        options=options,
    )


def through_file(
    samples: np.ndarray, rate: int, form: str, subtype: str, level: float | None = None
) -> Sound:
    """Write and read a file in memory with libsndfile."""
    file = io.BytesIO()
    with soundfile.SoundFile(
        file, "w", rate, samples.shape[1], subtype, format=form, compression_level=level
    ) as out:
        # In blocks: libsndfile's Vorbis encoder overflows its stack on one large write.
        for start in range(0, len(samples), _BLOCK):
            out.write(np.clip(samples[start : start + _BLOCK], -1, 1))
    file.seek(0)
    read, new = soundfile.read(file, dtype="float32", always_2d=True)
    return read, new


def vorbis(samples: np.ndarray, rate: int, _rng: object, *, quality: int) -> Sound:
    """Ogg Vorbis at quality 0 to 10, where libsndfile's compression level is 1 - quality / 10."""
    return through_file(samples, rate, "OGG", "VORBIS", 1 - quality / 10)


def pcm_8(samples: np.ndarray, rate: int, _rng: object) -> Sound:
    """256 equal steps, no dither."""
    return through_file(samples, rate, "WAV", "PCM_U8")


def g711(samples: np.ndarray, rate: int, _rng: object) -> Sound:
    """mu-law at 8 kHz, mono."""
    return through_file(resample(mono(samples), rate, 8000), 8000, "WAV", "ULAW")


def gsm(samples: np.ndarray, rate: int, _rng: object) -> Sound:
    """GSM 06.10 full rate at 8 kHz, mono."""
    return through_file(resample(mono(samples), rate, 8000), 8000, "WAV", "GSM610")


def to_rate(samples: np.ndarray, rate: int, _rng: object, *, new: int) -> Sound:
    """Resample and stay at the new rate; a sound that has less than that is left alone."""
    return (resample(samples, rate, new), new) if new < rate else (samples.copy(), rate)
