"""Families of changes of sound: what each has to do with whatever sound it is given."""

import pickle

import numpy as np
import pytest

from tests.bench.transformations.toy_audio import RATE, marked, pink, tools
from waarmerk.bench.protocol import CATEGORIES, Sound, Tools
from waarmerk.bench.sound_quality import snr
from waarmerk.bench.transformations.audio_families import AUDIO

FAMILIES = {each.name: each for each in AUDIO}
SHORT = {
    "stereo": pink(1.2, 22050, 2),
    "mono": pink(1.0, RATE, 1),
    "silent": Sound(np.zeros((RATE, 1), np.float32), RATE),
}
LONGEST, SHORTEST = 4.0, 0.03  # seconds that are left of one, with what a room adds


def changed(name: str, sound: Sound, strength: float, own: Tools | None = None) -> Sound:
    with_tools = tools(sound, 2, name, strength) if own is None else own
    value: Sound = FAMILIES[name].function(sound, strength, with_tools)
    return value


def needs(name: str) -> None:
    if name.startswith(("tempo", "pitch", "vocode")):
        pytest.importorskip("librosa")


def test_the_table_is_in_order() -> None:
    assert len(FAMILIES) == len(AUDIO)
    for family in AUDIO:
        assert family.medium == "audio"
        assert family.category in CATEGORIES
        assert set(family.quick) <= set(family.strengths)
        assert len(set(family.strengths)) == len(family.strengths)
        assert bool(family.axis) == (family.strengths != (0.0,))
        if family.axis:
            assert 4 <= len(family.strengths) <= 8
        # Both directions of gain are in one family; all others go one way.
        steps = np.diff(np.abs(family.strengths) if family.name == "gain" else family.strengths)
        assert (steps >= 0).all() or (steps <= 0).all()
        pickle.dumps(family)
    assert {family.category for family in AUDIO} == set(CATEGORIES)
    assert [family.name for family in AUDIO if family.category == "none"] == ["none"]
    assert 20 <= sum(len(family.quick) for family in AUDIO) <= 30


@pytest.mark.parametrize("kind", SHORT)
@pytest.mark.parametrize("name", FAMILIES)
def test_short_sounds_and_silence_are_changed_alike_each_time(name: str, kind: str) -> None:
    needs(name)
    sound = SHORT[kind]
    before = sound.samples.copy()
    family = FAMILIES[name]
    # A hundred works take their time.
    works = name.startswith(("averaged", "copied_average"))
    for strength in {2.0} if works else {family.strengths[0], family.strengths[-1]}:
        out = changed(name, sound, strength)
        assert isinstance(out, Sound)
        assert out.samples.dtype == np.float32
        assert out.samples.ndim == 2
        assert out.samples.shape[1] in (1, 2)
        assert np.isfinite(out.samples).all()
        assert not np.shares_memory(out.samples, sound.samples)
        np.testing.assert_array_equal(sound.samples, before)
        if not family.forges:
            assert SHORTEST < len(out.samples) / out.rate < LONGEST
    again = changed(name, sound, strength)
    assert again.rate == out.rate
    np.testing.assert_array_equal(again.samples, out.samples)


def test_nothing_changes_nothing() -> None:
    sound = pink()
    out = changed("none", sound, 0)
    np.testing.assert_array_equal(out.samples, sound.samples)
    assert out.rate == sound.rate


@pytest.mark.parametrize(
    "name",
    [
        "bit_depth", "noise", "background", "denoise", "median", "lowpass",
        "clipping", "suppression", "muted", "dubbed", "beeps", "gate", "wow", "equaliser",
    ],
)  # fmt: skip
def test_stronger_is_farther_from_the_sound(name: str) -> None:
    sound = pink(3.0)
    weak, strong = (
        snr(sound.samples, changed(name, sound, strength).samples)
        for strength in (FAMILIES[name].strengths[0], FAMILIES[name].strengths[-1])
    )
    assert weak > strong + 3


@pytest.mark.parametrize("name", ["muted", "dubbed", "beeps"])
@pytest.mark.parametrize("percent", [25, 50, 75])
def test_localised_changes_take_the_share_that_they_say(name: str, percent: int) -> None:
    sound = pink(8.0)
    out = changed(name, sound, percent)
    same = np.mean(np.all(out.samples == sound.samples, axis=1))
    assert 1 - same == pytest.approx(percent / 100, abs=0.03)


def test_excerpts_are_as_long_as_they_say_and_from_the_sound() -> None:
    sound = pink(8.0, channels=1)
    for seconds in (5, 1.5):
        out = changed("excerpt", sound, seconds)
        assert len(out.samples) == round(seconds * sound.rate)
        start = int(np.flatnonzero(sound.samples[:, 0] == out.samples[0, 0])[0])
        np.testing.assert_array_equal(out.samples, sound.samples[start : start + len(out.samples)])
    np.testing.assert_array_equal(changed("excerpt", sound, 10).samples, sound.samples)


@pytest.mark.parametrize(
    ("name", "strength", "longer"),
    [("speed_up", 10, 1 / 1.1), ("speed_down", -10, 1 / 0.9), ("wsola_up", 5, 1 / 1.05)],
)
def test_time_is_stretched_by_what_the_axis_says(name: str, strength: float, longer: float) -> None:
    sound = pink(3.0)
    out = changed(name, sound, strength)
    assert len(out.samples) / len(sound.samples) == pytest.approx(longer, rel=0.01)


def test_resampling_keeps_the_rate_and_not_the_band() -> None:
    sound = pink(2.0, 22050)
    out = changed("resample", sound, 8)
    assert (out.rate, out.samples.shape) == (sound.rate, sound.samples.shape)
    spectrum = np.abs(np.fft.rfft(out.samples[:, 0]))
    hz = np.fft.rfftfreq(len(out.samples), 1 / out.rate)
    assert spectrum[hz > 4500].max() < 1e-3 * spectrum[hz < 3500].max()
    np.testing.assert_array_equal(changed("resample", sound, 32).samples, sound.samples)


def test_what_is_in_the_background_is_other_content_or_a_babble() -> None:
    sound = marked(pink(2.0))
    alone = changed("background", sound, 10, tools(sound, 0, "background"))
    among = changed("background", sound, 10, tools(sound, 2, "background"))
    for out in (alone, among):
        assert snr(sound.samples, out.samples) == pytest.approx(10, abs=0.2)
    assert (alone.samples != among.samples).any()
