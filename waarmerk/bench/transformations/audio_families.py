"""The changes of sound of the suite: families with a strength axis, in one table.

Everything in them stands in sound_effects, sound_codecs, audio_edits, audio_analogue and
audio_malicious. Neural codecs and voice conversion need models, and are absent; `vocode` (mel bands
with invented phases) is as near as this comes to regeneration.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from waarmerk.bench.protocol import Category, Sound, Tools, Transformation
from waarmerk.bench.transformations import audio_analogue as analogue
from waarmerk.bench.transformations import audio_edits as edits
from waarmerk.bench.transformations import audio_malicious as malicious
from waarmerk.bench.transformations import sound_codecs as codecs
from waarmerk.bench.transformations import sound_effects as effects
from waarmerk.bench.transformations.sound_codecs import resample

__all__ = ["AUDIO"]

Change = Callable[..., tuple[np.ndarray, int]]
Apply = Callable[[Sound, float, Tools], Sound]


def apply_to(
    sound: Sound,
    strength: float,
    tools: Tools,
    *,
    change: Change,
    axis: str = "",
    scale: float = 1,
    whole: bool = False,
    other: bool = False,
    **fixed: Any,
) -> Sound:
    """Call a change of samples, with `strength` times `scale` as its argument `axis`.

    `whole` makes the argument an int; `other` gives the change another content of the run.
    """
    if axis:
        fixed[axis] = round(scale * strength) if whole else scale * strength
    if other:
        fixed["other"] = malicious.other_voice(tools, sound.rate)
    samples, rate = change(sound.samples, sound.rate, tools.rng, **fixed)
    return Sound(np.ascontiguousarray(samples, np.float32), rate)


def stretched(
    samples: np.ndarray, rate: int, rng: np.random.Generator, *, percent: float, method: Change
) -> tuple[np.ndarray, int]:
    """Play `percent` faster (negative: slower) by a method that takes a factor."""
    return method(samples, rate, rng, factor=1 + percent / 100)


def resampled(
    samples: np.ndarray, rate: int, rng: np.random.Generator, *, kept: float
) -> tuple[np.ndarray, int]:
    """Keep a rate of `kept` kHz only, and return to the old one: nobody sees it from outside."""
    low, _ = codecs.to_rate(samples, rate, rng, new=round(1000 * kept))
    return (resample(low, round(1000 * kept), rate), rate) if kept * 1000 < rate else (low, rate)


def _of(change: Change, axis: str = "", **options: Any) -> Apply:
    return partial(apply_to, change=change, axis=axis, **options)


def _stretch(method: Change) -> Apply:
    return _of(stretched, "percent", method=method)


Strengths = tuple[float, ...]
Row = tuple[str, str, str, Strengths, Strengths, Apply]

_NO_AXIS: tuple[str, Strengths] = ("", (0.0,))
_FASTER, _SLOWER = (0.5, 1, 2, 5, 10, 15, 25), (-0.5, -1, -2, -5, -10, -15, -25)

# Name, title, axis, strengths, those of the quick profile, and what is done.
_ROWS: dict[Category, list[Row]] = {
    "none": [("none", "untouched", *_NO_AXIS, (0.0,), _of(effects.identity))],
    "in place": [
        (
            "mp3", "MP3", "kbit/s", (128, 64, 48, 32, 24, 16), (64,),
            _of(codecs.mp3, "kbps", whole=True),
        ),
        (
            "aac", "AAC", "kbit/s", (128, 96, 64, 48, 32, 24, 16), (64,),
            _of(codecs.aac, "kbps", whole=True),
        ),
        (
            "opus_audio", "Opus, audio", "kbit/s", (64, 32, 24, 16, 12, 8, 6), (16,),
            _of(codecs.opus, "kbps", whole=True),
        ),
        (
            "opus_voice", "Opus, voice", "kbit/s", (64, 32, 24, 16, 12, 8, 6), (),
            _of(codecs.opus, "kbps", whole=True, voip=True),
        ),
        (
            "vorbis", "Ogg Vorbis", "quality", (8, 6, 4, 2, 0), (),
            _of(codecs.vorbis, "quality", whole=True),
        ),
        (
            "file_formats", "converted from format to format", "conversions", (1, 2, 3, 4, 5), (),
            _of(edits.files, "count", whole=True),
        ),
        (
            "bit_depth", "quantised, no dither", "bits", (12, 10, 8, 6, 5, 4, 3), (),
            _of(edits.quantise, "bits", whole=True),
        ),
        ("g711", "G.711 mu-law, 8 kHz", *_NO_AXIS, (0.0,), _of(codecs.g711)),
        ("gsm", "GSM 06.10, 8 kHz", *_NO_AXIS, (), _of(codecs.gsm)),
        (
            "resample", "resampled there and back", "kHz kept", (32, 22.05, 16, 11.025, 8, 4, 2),
            (8,), _of(resampled, "kept"),
        ),
        ("noise", "white noise", "SNR, dB", (40, 30, 20, 10, 5, 0), (20,),
         _of(effects.noise, "snr")),
        (
            "background", "another sound in the background", "SNR, dB", (30, 20, 10, 5, 0, -5, -10),
            (10,), _of(effects.beneath, "snr", other=True),
        ),
        (
            "denoise", "voice enhancement (spectral subtraction)",
            "noise assumed, dB under the mean", (40, 30, 20, 10, 5, 0), (20,),
            _of(effects.denoise, "below"),
        ),
        (
            "median", "running median", "samples", (3, 5, 7, 11, 17, 25, 35), (),
            _of(effects.median, "size", whole=True),
        ),
        (
            "lowpass", "low-pass", "kHz", (8, 4, 2, 1, 0.5, 0.35), (),
            _of(effects.butterworth, "hz", scale=1000, kind="lowpass"),
        ),
        (
            "highpass", "high-pass", "kHz", (0.1, 0.3, 1, 2, 4, 6), (),
            _of(effects.butterworth, "hz", scale=1000, kind="highpass"),
        ),
        (
            "equaliser", "equaliser, 7 octaves up or down", "dB", (2, 4, 6, 9, 12, 18), (),
            _of(effects.equaliser, "db"),
        ),
        ("gain", "gain, with headroom", "dB", (-3, 3, -6, 6, -12, -20, -40), (),
         _of(effects.gain, "db")),
        (
            "clipping", "amplified and clipped", "dB", (3, 6, 12, 18, 24, 36), (),
            _of(effects.gain, "db", clip=True),
        ),
        (
            "compressor", "compressor", "ratio", (1.5, 2, 4, 8, 20), (4,),
            _of(effects.compress, "ratio"),
        ),
        ("inversion", "polarity inverted", *_NO_AXIS, (), _of(effects.invert)),
        (
            "reverberation", "reverberation, direct sound as loud", "RT60, s",
            (0.1, 0.3, 0.6, 1.2, 2.5, 5), (0.6,), _of(effects.reverb, "rt60", ratio=0.0),
        ),
        (
            "echo", "one echo, -6 dB", "s", (0.01, 0.03, 0.1, 0.2, 0.4), (),
            _of(effects.echo, "seconds"),
        ),
        (
            "suppression", "single samples set to zero", "% of the samples",
            (0.01, 0.1, 1, 3, 10, 30, 50), (), _of(edits.dropped, "share", scale=0.01),
        ),
    ],
    "localised": [
        (
            "muted", "words muted", "% of the time", (5, 10, 25, 50, 75, 90, 95), (25,),
            _of(edits.muted, "share", scale=0.01),
        ),
        (
            "dubbed", "a passage replaced by other sound", "% of the time",
            (5, 10, 25, 50, 75, 90), (), _of(edits.dubbed, "share", scale=0.01, other=True),
        ),
        (
            "beeps", "beeps over words", "% of the time", (5, 10, 25, 50, 75, 90, 95), (),
            _of(edits.beeped, "share", scale=0.01),
        ),
    ],
    "desynchronisation": [
        ("speed_up", "played faster", "%", _FASTER, (5,), _stretch(effects.speed)),
        ("speed_down", "played slower", "%", _SLOWER, (), _stretch(effects.speed)),
        (
            "tempo_up", "tempo raised (phase vocoder)", "%", _FASTER, (),
            _stretch(partial(effects.vocoder, seconds=0.046)),
        ),
        (
            "tempo_down", "tempo lowered (phase vocoder)", "%", _SLOWER, (-5,),
            _stretch(partial(effects.vocoder, seconds=0.046)),
        ),
        ("wsola_up", "tempo raised (WSOLA)", "%", _FASTER, (5,), _stretch(effects.wsola)),
        ("wsola_down", "tempo lowered (WSOLA)", "%", _SLOWER, (), _stretch(effects.wsola)),
        (
            "pitch_up", "pitch raised, tempo kept", "semitones", (0.1, 0.25, 0.5, 1, 2, 4),
            (0.5,), _of(effects.pitch, "semitones", seconds=0.046),
        ),
        (
            "pitch_down", "pitch lowered, tempo kept", "semitones",
            (-0.1, -0.25, -0.5, -1, -2, -4), (), _of(effects.pitch, "semitones", seconds=0.046),
        ),
        (
            "cut", "cut to one part", "% kept", (90, 75, 50, 25, 10, 5), (),
            _of(effects.cut, "share", scale=0.01),
        ),
        ("gap", "cut out of the middle", "s", (0.01, 0.1, 0.5, 1, 2, 4), (),
         _of(effects.gap, "seconds")),
        (
            "excerpt", "excerpt", "s kept", (10, 5, 3, 1.5, 0.75), (5, 1.5),
            _of(edits.excerpt, "seconds"),
        ),
        (
            "jitter", "single samples left out or doubled", "times a second",
            (10, 100, 300, 1000, 3000, 10000), (), _of(edits.jittered, "times"),
        ),
        (
            "wow", "wow and flutter", "% of the speed", (0.1, 0.3, 1, 2, 4, 8), (),
            _of(edits.wavering, "percent"),
        ),
    ],
    "analogue hole": [
        (
            "rerecording", "played in a room and recorded", "m", (0.1, 0.2, 0.3, 0.5, 1, 2, 4),
            (1,), _of(analogue.rerecorded, "metres"),
        ),
        (
            "noisy_rerecording", "recorded at 0.3 m in a noisy room", "direct sound over noise, dB",
            (30, 20, 15, 10, 5, 0), (), _of(analogue.rerecorded, "direct", metres=0.3),
        ),
        (
            "telephone", "telephone call, G.711", "% of the packets lost",
            (0, 1, 3, 10, 20, 40, 60), (3,), _of(analogue.telephoned, "loss", scale=0.01),
        ),
        (
            "mobile", "telephone call, GSM", "% of the packets lost",
            (0, 1, 3, 10, 20, 40, 60), (), _of(analogue.mobile, "loss", scale=0.01),
        ),
    ],
    "malicious": [
        (
            "vocode", "mel bands, phases invented", "bands", (160, 120, 80, 40, 20, 10), (80,),
            _of(effects.vocode, "bands", whole=True),
        ),
        (
            "gate", "spectral gate", "threshold, dB under the mean", (30, 20, 15, 10, 5, 0), (),
            _of(effects.denoise, "below", floor=60),
        ),
        ("another_key", "marked over with another key", *_NO_AXIS, (0.0,), malicious.another_key),
        (
            "overwriting", "a passage marked over with another key", "% of the time",
            (10, 25, 50, 75, 90), (), malicious.overwritten,
        ),
        (
            "own_mark_subtracted", "a mark of the attacker's key subtracted", "times",
            (0.5, 1, 2, 3, 5), (1,), malicious.subtracted,
        ),
        (
            "collusion_mean", "mean of copies with other payloads", "copies", (2, 3, 5, 8), (2,),
            malicious.mean_of_copies,
        ),
        (
            "collusion_mosaic", "mosaic of copies with other payloads", "copies", (2, 3, 5, 8), (),
            malicious.mosaic_of_copies,
        ),
        (
            "averaged_levels", "mean change of the levels of works taken away", "works",
            (5, 10, 20, 50), (10,), malicious.less_levels,
        ),
        (
            "averaged_waveform", "mean change of the waveform of works taken away", "works",
            (5, 10, 20, 50), (), malicious.less_wave,
        ),
        (
            "copied_levels", "levels of one marked work put into another sound", "times",
            (0.25, 0.5, 1, 2), (1,), malicious.with_residual,
        ),
        (
            "copied_waveform", "denoiser's residual of one work put into another sound", "times",
            (0.5, 1, 2, 4), (), malicious.with_wave,
        ),
        (
            "copied_average", "mean change of the levels of works put into unmarked sound", "works",
            (1, 5, 10, 20, 50), (), malicious.with_average,
        ),
    ],
}  # fmt: skip
_FORGERIES = ("copied_levels", "copied_waveform", "copied_average")

AUDIO: tuple[Transformation, ...] = tuple(
    Transformation(
        name,
        "audio",
        category,
        title,
        axis,
        tuple(map(float, strengths)),
        function,
        quick=tuple(map(float, quick)),
        forges=name in _FORGERIES,
    )
    for category, rows in _ROWS.items()
    for name, title, axis, strengths, quick, function in rows
)
