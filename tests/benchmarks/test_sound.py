"""The benchmark of sound does what its tables say: the changes, the halves, the figures."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks import sound_attacks
from benchmarks.sound_report import judged
from waarmerk.bench import sound_quality
from waarmerk.bench.content import sounds as sound_data
from waarmerk.bench.rows import _MEASURED
from waarmerk.bench.seeds import rng_for
from waarmerk.bench.transformations import sound_effects
from waarmerk.bench.transformations.audio import SOUND_TRANSFORMS, apply_sound
from waarmerk.errors import InputError
from waarmerk.marking.audio.scheme import SCHEME

RATE = 22050
ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "audio"
NEEDS_LIBROSA = ("stretch_", "pitch_", "vocode")


def sound(seconds: float = 2.0, rate: int = RATE, channels: int = 2) -> np.ndarray:
    """Return pink noise, the channels unlike each other, louder and softer four times a second."""
    count = round(seconds * rate)
    spectrum = np.fft.rfft(rng_for("sound", channels).standard_normal((count, channels)), axis=0)
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))[:, None]
    noise = np.fft.irfft(spectrum, count, axis=0)
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * np.arange(count) / rate)[:, None]
    return (0.2 * swell * noise / noise.std()).astype(np.float32)


def pitch_of(samples: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples[:, 0] * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate / len(samples))


@pytest.mark.parametrize("name", SOUND_TRANSFORMS)
def test_every_change_gives_a_new_sound_and_the_same_one_each_time(name: str) -> None:
    if name.startswith(NEEDS_LIBROSA) and not name.endswith("wsola"):
        pytest.importorskip("librosa")
    if SOUND_TRANSFORMS[name].mixes and not DATA.is_dir():
        pytest.skip("the measuring data is not there")
    original = sound()
    before = original.copy()
    out, rate = apply_sound(name, original, RATE, "test", data=DATA)
    again, _ = apply_sound(name, original, RATE, "test", data=DATA)
    assert out.dtype == np.float32
    assert out.ndim == 2
    assert out.shape[1] in (1, 2)
    assert np.isfinite(out).all()
    assert 0.4 < len(out) / rate / 2.0 < 1.3
    np.testing.assert_array_equal(out, again)
    np.testing.assert_array_equal(original, before)


@pytest.mark.parametrize("name", ["mp3_128", "aac_64", "opus_32", "vorbis_q0", "g711", "pcm_8"])
@pytest.mark.parametrize("channels", [1, 2])
def test_codecs_keep_what_one_hears(name: str, channels: int) -> None:
    original = sound(channels=channels)
    out, rate = apply_sound(name, original, RATE)

    def loudness(samples: np.ndarray, rate: int) -> np.ndarray:
        return np.sqrt(sound_data.power(samples, rate // 20))

    alike = [
        np.corrcoef(loudness(original, RATE)[:36], loudness(out[shift:], rate)[:36])[0, 1]
        for shift in (0, 1024)  # AAC comes later by this much
    ]
    assert max(alike) > 0.9


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_speed_moves_the_pitch_and_wsola_does_not(factor: float) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE).astype(np.float32)[:, None]
    fast, rate = apply_sound(f"speed_{factor:g}", tone, RATE)
    kept, _ = apply_sound(f"wsola_{factor:g}", tone, RATE)
    higher, _ = sound_effects.pitch_wsola(tone, RATE, None, semitones=1)
    assert rate == RATE
    assert len(fast) / len(tone) == pytest.approx(1 / factor, rel=1e-3)
    assert len(kept) / len(tone) == pytest.approx(1 / factor, rel=1e-3)
    assert pitch_of(fast, rate) == pytest.approx(440 * factor, rel=0.005)
    assert pitch_of(kept, rate) == pytest.approx(440, rel=0.005)
    assert len(higher) == pytest.approx(len(tone), rel=1e-3)
    assert pitch_of(higher, rate) == pytest.approx(440 * 2 ** (1 / 12), rel=0.005)


@pytest.mark.parametrize("level", [30, 20, 10])
def test_noise_lies_as_far_below_as_it_says(level: int) -> None:
    original = sound()
    out, _ = apply_sound(f"noise_{level}", original, RATE)
    assert sound_quality.snr(original, out) == pytest.approx(level, abs=0.1)


def test_a_compressor_makes_the_loud_and_the_soft_more_alike() -> None:
    original = sound()
    out, _ = apply_sound("compress", original, RATE)
    frame = RATE // 50
    before, after = (10 * np.log10(sound_data.power(x, frame)) for x in (original, out))
    assert after.std() < 0.8 * before.std()
    assert np.abs(out).max() == pytest.approx(np.abs(original).max(), rel=1e-4)


def test_a_room_decays_as_it_says() -> None:
    click = np.zeros((2 * RATE, 1), np.float32)
    click[0] = 1
    room, _ = sound_effects.reverb(click, RATE, rng_for("room"), rt60=0.3, ratio=6)
    tail = room[1:, 0].astype(float) ** 2
    assert 10 * np.log10(room[0, 0] ** 2 / tail.sum()) == pytest.approx(6, abs=0.1)
    left = np.cumsum(tail[::-1])[::-1]  # Schroeder's decay curve
    tenth, fifth = (int(0.1 * RATE), int(0.2 * RATE))
    assert 10 * np.log10(left[tenth] / left[fifth]) == pytest.approx(20, abs=2)


def test_halves_are_by_name_within_each_kind(tmp_path: Path) -> None:
    for name, seconds in [("mu_a", 50), ("mu_b", 31), ("sp_a", 12), ("sp_b", 45), ("tts_c", 11)]:
        soundfile.write(tmp_path / f"{name}.wav", sound(seconds, 8000, 1), 8000)
    tuning = [piece.name for piece in sound_data.pieces(tmp_path, "tuning")]
    reporting = sound_data.pieces(tmp_path, "reporting")
    names = [piece.name for piece in reporting]
    assert tuning == ["mu_a/0", "mu_a/1", "mu_a/2", "sp_a/0"]
    assert names == ["mu_b/0", "mu_b/1", "sp_b/0", "sp_b/1", "tts_c/0"]
    for piece in reporting:
        samples, rate = piece.load()
        assert len(samples) == round(piece.seconds * rate)
        assert 10 <= piece.seconds <= 20
    with pytest.raises(InputError, match="no sounds"):
        sound_data.pieces(tmp_path / "nowhere", "tuning")


def test_places_are_not_silent_and_do_not_depend_on_how_many() -> None:
    samples = sound(12.0)
    samples[4 * RATE : 8 * RATE] = 1e-4 * samples[4 * RATE : 8 * RATE]
    starts = sound_data.places(samples, RATE, 1.5, 99, "test")
    assert len(starts) == len(set(starts)) > 20
    for start in starts:
        silent = max(0, min(start + 1.5 * RATE, 8 * RATE) - max(start, 4 * RATE))
        assert silent <= 0.55 * RATE
    assert sound_data.places(samples, RATE, 1.5, 5, "test") == starts[:5]
    assert sound_data.places(0 * samples, RATE, 1.5, 5, "test") == []


def test_figures_of_the_same_sound() -> None:
    pytest.importorskip("pesq")
    original = sound(3.0, 16000)
    assert sound_quality.snr(original, original) == sound_quality.MOST
    assert sound_quality.segmental_snr(original, original, 16000) == 35.0
    assert sound_quality.segmental_snr(original, 1.1 * original, 16000) == pytest.approx(
        20, abs=0.01
    )
    assert sound_quality.pesq(original, original, 16000) == pytest.approx(4.644, abs=0.001)


def test_synthetic_sounds_are_sounds() -> None:
    names = set()
    for group, name, samples in sound_data.synthetic():
        names.add((group, name))
        assert samples.shape == (192000, 1)
        assert samples.dtype == np.float32
        assert np.abs(samples).max() <= 1
    assert len(names) > 20


def test_lines_are_aligned_whatever_their_shift_and_sign() -> None:
    shape = (len(SCHEME.sync_lines), SCHEME.bands)
    rng = rng_for("lines")
    lines = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    pattern = sound_attacks.pattern_of(lines, 4 * SCHEME.tile)
    found = sound_attacks.lines_of(pattern)
    np.testing.assert_allclose(found, lines, atol=1e-9)
    later = sound_attacks.lines_of(-np.roll(pattern, 29, axis=0))
    np.testing.assert_allclose(sound_attacks.aligned(later, lines), lines, atol=1e-9)


def test_the_notch_takes_the_public_lines_away_and_little_else() -> None:
    original = sound(16.0, 16000, 1)
    spectrum = sound_attacks.Spectrum.of(original, 16000)
    shape = (len(SCHEME.sync_lines), SCHEME.bands)
    lines = 0.5 * np.exp(2j * np.pi * rng_for("phases").random(shape))
    frames = len(spectrum.levels())
    marked = spectrum.less(-sound_attacks.pattern_of(lines, frames))

    def share(samples: np.ndarray) -> float:
        read = sound_attacks.lines_of(sound_attacks.Spectrum.of(samples, 16000).residual())
        return float((read * lines.conj()).sum().real / (np.abs(lines) ** 2).sum())

    attacked = sound_attacks.notch(marked, 16000)
    assert share(marked) > 0.5
    assert abs(share(attacked)) < 0.25 * share(marked)
    assert sound_quality.snr(marked, attacked) > 15


def test_folding_keeps_what_repeats() -> None:
    tile = rng_for("tile").standard_normal((SCHEME.tile, SCHEME.bands))
    noise = rng_for("noise").standard_normal((16 * SCHEME.tile, SCHEME.bands))
    folded = sound_attacks.fold(np.tile(tile, (16, 1)) + noise, 1)
    assert np.corrcoef(folded[: SCHEME.tile].ravel(), tile.ravel())[0, 1] > 0.95


def test_every_kernel_belongs_to_a_medium() -> None:
    claimed = {path for patterns in _MEASURED.values() for p in patterns for path in ROOT.glob(p)}
    assert set((ROOT / "waarmerk" / "kernels").glob("*.py")) <= claimed


def test_targets_that_are_missed_are_said_to_be() -> None:
    assert judged([True] * 19 + [False], 0.95) == "95.0"
    assert judged([True, False], 0.95) == "**50.0** (missed)"
    assert judged([True, False], None) == "50.0"
