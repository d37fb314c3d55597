"""The simulated room and telephone do what their comments say."""

import numpy as np
import pytest

from tests.bench.transformations.toy_audio import RATE, pink
from waarmerk.bench.seeds import rng_for
from waarmerk.bench.transformations import audio_analogue as analogue
from waarmerk.bench.transformations import audio_edits as edits
from waarmerk.bench.transformations.sound_effects import rms


def loudness(samples: np.ndarray, rate: int) -> np.ndarray:
    frames = samples[: len(samples) // (rate // 20) * (rate // 20), 0].reshape(-1, rate // 20)
    return np.log(np.sqrt(np.mean(frames**2, axis=1)) + 1e-4)


def bursts(seconds: float = 4.0) -> np.ndarray:
    """Return noise that is there every other half second, float32 ``[n, 1]``."""
    time = np.arange(round(seconds * RATE)) / RATE
    noise = rng_for("bursts").standard_normal(len(time))
    return (0.1 * noise * (time % 1 < 0.5)).astype(np.float32)[:, None]


def test_a_recording_from_farther_away_has_flatter_bursts() -> None:
    depths = []
    for metres in (0.1, 0.5, 4):
        out, rate = analogue.rerecorded(bursts(), RATE, rng_for("room"), metres=metres)
        assert rate == RATE
        assert out.shape[1] == 1
        assert np.abs(out).max() <= 1.01
        middle = loudness(out, rate)[14:-14]
        depths.append(np.ptp(np.percentile(middle, (10, 90))))
    assert depths[0] > depths[1] > depths[2]


def test_a_recording_is_longer_by_what_runs_before_and_after() -> None:
    samples = pink(3.0).samples
    out, rate = analogue.rerecorded(samples, RATE, rng_for("room"), metres=0.5)
    assert 0.2 - 0.01 <= len(out) / rate - 3.0 <= 1.0 + 0.15


def test_noise_lies_where_the_axis_says() -> None:
    assert analogue.direct_db(0.285) == pytest.approx(6.02, abs=0.01)
    near = analogue.sound_to_noise(0.01, 20)
    assert near == pytest.approx(20, abs=0.01)
    assert analogue.sound_to_noise(4) > analogue.sound_to_noise(4, 0)
    noise = analogue.pink(RATE, rng_for("pink"))
    assert rms(noise) == pytest.approx(1, rel=1e-5)


def test_automatic_gain_brings_levels_together() -> None:
    time = np.arange(8 * RATE) / RATE
    tone = np.sin(2 * np.pi * 440 * time) * np.where(time < 4, 0.5, 0.005)
    out = analogue.levelled(tone.astype(np.float32)[:, None], RATE)
    before, after = (rms(x[3 * RATE : 4 * RATE]) / rms(x[7 * RATE :]) for x in (tone[:, None], out))
    assert before == pytest.approx(100, rel=0.01)
    assert after < 10
    assert np.abs(out).max() <= 1


@pytest.mark.parametrize("share", [0.03, 0.2, 0.4])
def test_packets_are_lost_in_bursts(share: float) -> None:
    lost = analogue.losses(50_000, share, rng_for("losses", share))
    assert lost.mean() == pytest.approx(share, abs=0.015)
    starts = np.count_nonzero(lost[1:] & ~lost[:-1])
    assert lost.sum() / starts == pytest.approx(analogue.BURST, rel=0.06)
    assert not analogue.losses(1000, 0, rng_for("losses")).any()


def test_a_call_has_the_band_of_a_line_and_loses_packets() -> None:
    samples = pink(4.0).samples
    clean, rate = analogue.telephoned(samples, RATE, rng_for("call"), loss=0)
    lossy, _ = analogue.telephoned(samples, RATE, rng_for("call"), loss=0.2)
    assert rate == 8000
    assert clean.shape == lossy.shape
    spectrum = np.abs(np.fft.rfft(clean[:, 0]))
    hz = np.fft.rfftfreq(len(clean), 1 / rate)
    assert rms(spectrum[hz < 100]) < 0.05 * rms(spectrum[(hz > 500) & (hz < 1000)])
    packets = np.any((clean != lossy).reshape(-1, 160), axis=1)
    assert packets.mean() == pytest.approx(0.2, abs=0.1)


def test_wow_swings_by_what_it_says() -> None:
    tone = np.sin(2 * np.pi * 1000 / RATE * np.arange(4 * RATE)).astype(np.float32)[:, None]
    out, _ = edits.wavering(tone, RATE, rng_for("wow"), percent=3)
    crossings = np.flatnonzero((out[:-1, 0] < 0) & (out[1:, 0] >= 0))
    periods = np.convolve(np.diff(crossings), np.ones(20) / 20, "valid")
    swing = np.ptp(periods) / np.mean(periods) / 2
    assert 0.025 < swing < 0.045  # 3 % and a third of it


def test_jitter_leaves_out_and_doubles() -> None:
    ramp = np.arange(RATE, dtype=np.float32)[:, None]
    out, _ = edits.jittered(ramp, RATE, rng_for("jitter"), times=200)
    steps = np.diff(out[:, 0])
    assert (steps >= 0).all()
    assert np.count_nonzero(steps != 1) == pytest.approx(200, abs=6)


def test_quantised_samples_are_few() -> None:
    out, _ = edits.quantise(pink(1.0).samples, RATE, None, bits=4)
    assert len(np.unique(out)) <= 16
    assert out.min() >= -1
    assert out.max() <= 1


def test_a_babble_is_as_loud_as_it_says() -> None:
    noise = edits.babble(RATE, rng_for("babble"))
    assert rms(noise) == pytest.approx(1, rel=1e-5)
    assert noise.dtype == np.float32
