"""Every change of a sound that the benchmark tries, as one table.

``SOUND_TRANSFORMS`` maps a name to a `SoundTransform`: a function of float32 ``[n, channels]``, the
sample rate and a random generator that returns new samples and their rate. The generator is the
only source of randomness, so one cell of the benchmark can be repeated alone. `apply_sound` takes
the generator that belongs to a named experiment.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from waarmerk.bench.seeds import rng_for
from waarmerk.bench.transformations import sound_codecs as codecs
from waarmerk.bench.transformations import sound_effects as effects


@dataclass(frozen=True, slots=True)
class SoundTransform:
    """One change of a sound.

    Attributes
    ----------
    name : str
        Key in ``SOUND_TRANSFORMS`` and in result files.
    group : str
        Heading under which the report lists it.
    label : str
        How the report words it.
    function : callable
        ``(samples float32 [n, channels], rate, rng) -> (samples, rate)``.
    exact : float or None
        Share of clips of 10 to 20 s whose exact mark id has to be read.
    found : float or None
        Share in which the mark has to be found at p <= 1e-6.
    mixes : bool
        Whether `function` also takes ``data``, the folder of the clips.
    """

    name: str
    group: str
    label: str
    function: Callable[..., codecs.Sound]
    exact: float | None = None
    found: float | None = None
    mixes: bool = False

    def __call__(
        self, samples: np.ndarray, rate: int, rng: np.random.Generator, data: Path | None = None
    ) -> codecs.Sound:
        """Return the changed copy of `samples`, and its rate."""
        more = {"data": data} if self.mixes else {}
        out, new = self.function(samples, rate, rng, **more)
        return np.ascontiguousarray(out, np.float32), new


def apply_sound(
    name: str, samples: np.ndarray, rate: int, *seed: object, data: Path | None = None
) -> codecs.Sound:
    """Apply the transformation `name` with the generator that belongs to ``(name, *seed)``."""
    return SOUND_TRANSFORMS[name](samples, rate, rng_for(name, *seed), data)


_EXACT, _FOUND = {"exact": 0.95}, {"found": 0.95}
_SHIFTS = (0.9, 0.95, 1.05, 1.1)

_ROWS: list[tuple[str, list[tuple[str, str, Callable[..., codecs.Sound], dict[str, Any]]]]] = [
    ("none", [("identity", "no change", effects.identity, _EXACT)]),
    (
        "compression",
        [
            *(
                (f"mp3_{kbps}", f"MP3 {kbps} kbit/s", partial(codecs.mp3, kbps=kbps), promise)
                for kbps, promise in ((128, _EXACT), (64, _EXACT), (32, _FOUND))
            ),
            ("aac_64", "AAC 64 kbit/s", partial(codecs.aac, kbps=64), _EXACT),
            *(
                (
                    f"opus_{kbps}{'_voip' if voip else ''}",
                    f"Opus {kbps} kbit/s, {'voice' if voip else 'audio'}",
                    partial(codecs.opus, kbps=kbps, voip=voip),
                    promise,
                )
                for kbps, promise in ((32, _EXACT), (16, _EXACT), (12, _FOUND))
                for voip in (False, True)
            ),
            ("vorbis_q0", "Vorbis q0", partial(codecs.vorbis, quality=0), _EXACT),
            ("pcm_8", "8 bit", codecs.pcm_8, _EXACT),
            ("g711", "G.711 mu-law, 8 kHz mono", codecs.g711, _EXACT),
            ("gsm", "GSM 06.10, 8 kHz mono", codecs.gsm, _FOUND),
        ],
    ),
    (
        "sample rate",
        [
            (f"rate_{hz}", f"resampled to {hz} kHz", partial(codecs.to_rate, new=1000 * hz), _EXACT)
            for hz in (16, 8)
        ],
    ),
    (
        "noise",
        [
            *(
                (f"noise_{db}", f"white noise, SNR {db} dB", partial(effects.noise, snr=db), p)
                for db, p in ((30, _EXACT), (20, _EXACT), (10, _FOUND))
            ),
            (
                "background_15",
                "another speaker, 15 dB below",
                partial(effects.background, snr=15),
                {**_FOUND, "mixes": True},
            ),
            ("denoise", "denoised (spectral subtraction)", effects.denoise, _EXACT),
            ("median_3", "median of 3 samples", partial(effects.median, size=3), _EXACT),
        ],
    ),
    (
        "filters and levels",
        [
            (
                "lowpass_4k",
                "low-pass 4 kHz",
                partial(effects.butterworth, kind="lowpass", hz=4000),
                _EXACT,
            ),
            (
                "highpass_300",
                "high-pass 300 Hz",
                partial(effects.butterworth, kind="highpass", hz=300),
                _EXACT,
            ),
            ("eq", "equaliser, 7 octaves +-6 dB", partial(effects.equaliser, db=6), _EXACT),
            ("gain_+6", "gain +6 dB, with headroom", partial(effects.gain, db=6), _EXACT),
            ("gain_+6_clip", "gain +6 dB, clipped", partial(effects.gain, db=6, clip=True), {}),
            ("gain_-6", "gain -6 dB", partial(effects.gain, db=-6), _EXACT),
            ("compress", "compressor 4:1", partial(effects.compress, ratio=4), _EXACT),
            ("invert", "polarity inverted", effects.invert, {}),
        ],
    ),
    (
        "rooms",
        [
            (
                "reverb_mild",
                "reverberation 0.3 s, direct +6 dB",
                partial(effects.reverb, rt60=0.3, ratio=6),
                _EXACT,
            ),
            (
                "reverb_strong",
                "reverberation 1.2 s, direct 0 dB",
                partial(effects.reverb, rt60=1.2, ratio=0),
                _FOUND,
            ),
            ("echo_100", "echo after 100 ms, -6 dB", partial(effects.echo, seconds=0.1), _EXACT),
        ],
    ),
    (
        "time and pitch",
        [
            *(
                (f"speed_{f:g}", f"speed {f:g}", partial(effects.speed, factor=f), _FOUND)
                for f in _SHIFTS
            ),
            *(
                (
                    f"stretch_{f:g}{'_46ms' if seconds else ''}",
                    f"tempo {f:g}, phase vocoder{', window 46 ms' if seconds else ''}",
                    partial(effects.vocoder, factor=f, seconds=seconds),
                    _FOUND,
                )
                for seconds in (None, 0.046)
                for f in _SHIFTS
            ),
            *(
                (f"wsola_{f:g}", f"tempo {f:g}, WSOLA", partial(effects.wsola, factor=f), _FOUND)
                for f in _SHIFTS
            ),
            *(
                (
                    f"pitch_{s:+g}{'_46ms' if seconds else ''}",
                    f"pitch {s:+g} semitones{', window 46 ms' if seconds else ''}",
                    partial(effects.pitch, semitones=s, seconds=seconds),
                    _FOUND,
                )
                for seconds in (None, 0.046)
                for s in (-1, -0.5, 0.5, 1)
            ),
            *(
                (
                    f"pitch_{s:+g}_wsola",
                    f"pitch {s:+g} semitones, WSOLA",
                    partial(effects.pitch_wsola, semitones=s),
                    _FOUND,
                )
                for s in (-1, -0.5, 0.5, 1)
            ),
            ("cut_half", "random half", partial(effects.cut, share=0.5), _FOUND),
            ("gap_2", "2 s cut out of the middle", partial(effects.gap, seconds=2), {}),
        ],
    ),
    (
        "chains",
        [
            ("chain", "8 s, noise 30 dB, MP3 64", effects.chain, {}),
            ("vocode", "80 mel bands, Griffin-Lim", effects.vocode, {}),
        ],
    ),
]

SOUND_TRANSFORMS: dict[str, SoundTransform] = {
    name: SoundTransform(name, group, label, function, **promise)
    for group, rows in _ROWS
    for name, label, function, promise in rows
}
