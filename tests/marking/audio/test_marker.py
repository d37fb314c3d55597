"""The marker: the same samples however the sound is cut, on time, and nothing unwanted."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rendered_sound import melody
from waarmerk.errors import InputError
from waarmerk.marking.audio import AudioMarker
from waarmerk.marking.audio.bands import band_weights
from waarmerk.marking.audio.pattern import unit_pattern
from waarmerk.marking.audio.scheme import SCHEME, key_pattern, start_frame
from waarmerk.marking.key import MarkingKey
from waarmerk.marking.payload import MarkId

KEY = MarkingKey(bytes(range(32)), created="2026-01-01T00:00:00Z")
MARK_ID = MarkId.from_hex("0123456789abcdef")
RATES = (8000, 11025, 16000, 22050, 44100, 48000, 192000)
KINDS = ("float32", "int16")
STEP = 1 / 32768


def as_kind(samples, kind):
    if kind == "int16":
        return np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)
    return samples.astype(np.float32)


@cache
def sound(rate=16000, channels=1, kind="float32", seconds=0.6):
    """Syllables; channels that differ. Mono is [n], the rest [n, channels]."""
    parts = [melody(seconds, rate, 1, seed=c + 1)[:, 0] * (1 - 0.1 * c) for c in range(channels)]
    out = as_kind(parts[0] if channels == 1 else np.stack(parts, 1), kind)
    out.setflags(write=False)
    return out


def marker(rate, samples, mark_id=MARK_ID, **options):
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    return AudioMarker(rate, channels, KEY, mark_id, **options)


def marked(samples, rate=16000, **options):
    made = marker(rate, samples, **options)
    return np.concatenate([made.process(samples), made.finish()])


@cache
def marked_sound(rate=16000, channels=1, kind="float32"):
    return marked(sound(rate, channels, kind), rate)


def in_blocks(samples, rate, sizes):
    """Feed blocks of these sizes, over and over; give the blocks that come out."""
    made, out, at, turn = marker(rate, samples), [], 0, 0
    while at < len(samples):
        size = sizes[turn % len(sizes)]
        out.append(made.process(samples[at : at + size]))
        at, turn = at + size, turn + 1
    return [*out, made.finish()]


# However the sound is cut


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    st.sampled_from(RATES),
    st.sampled_from([1, 2, 5]),
    st.sampled_from(KINDS),
    st.lists(st.floats(0, 0.3), min_size=1, max_size=6).filter(lambda sizes: sum(sizes) > 0.02),
)
def test_the_result_does_not_depend_on_the_blocks(rate, channels, kind, seconds):
    samples = sound(rate, channels, kind)
    out = in_blocks(samples, rate, [round(size * rate) for size in seconds])
    assert all(block.dtype == samples.dtype for block in out)
    assert all(block.shape[1:] == samples.shape[1:] for block in out)
    np.testing.assert_array_equal(np.concatenate(out), marked_sound(rate, channels, kind))


def test_sample_by_sample():
    samples = sound(8000)[:2500]
    out = np.concatenate(in_blocks(samples, 8000, [1]))
    np.testing.assert_array_equal(out, marked(samples, 8000))


def test_a_long_recording_in_one_block():
    # Longer than is worked on in one go, and than the pattern goes without repeating itself.
    samples = melody(25.0, 8000)[:, 0]
    out = np.concatenate(in_blocks(samples, 8000, [4001]))
    np.testing.assert_array_equal(out, marked(samples, 8000))


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.sampled_from(RATES), st.integers(0, 3000), st.sampled_from([1, 2]))
def test_as_many_samples_come_out_as_went_in(rate, length, channels):
    samples = sound(rate, channels)[:length]
    made = marker(rate, samples)
    first, rest = made.process(samples), made.finish()
    assert len(first) + len(rest) == length
    assert rest.shape[1:] == samples.shape[1:]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", RATES)
def test_the_output_lags_no_further_behind_than_it_says(rate, channels):
    samples = sound(rate, channels)
    made = marker(rate, samples)
    assert made.latency <= 0.1 * rate
    given_ = 0
    step = 331 if rate < 100_000 else 1999
    for end in range(step, len(samples), step):
        given_ += len(made.process(samples[end - step : end]))
        assert end - made.latency <= given_ <= end


@pytest.mark.parametrize("kind", KINDS)
def test_the_input_is_left_alone(kind):
    samples = sound(16000, 2, kind).copy()
    before = samples.copy()
    made = marker(16000, samples)
    out = made.process(samples)
    np.testing.assert_array_equal(samples, before)
    # Nor is it kept: whoever feeds from one buffer over and over gets the same mark.
    assert not np.shares_memory(out, samples)
    samples[:] = 0
    np.testing.assert_array_equal(
        np.concatenate([out, made.finish()]), marked_sound(16000, 2, kind)
    )


VIEWS = {
    "in reverse": lambda a: a[::-1],
    "every other sample": lambda a: a.repeat(2, 0)[::2],
    "planes": np.asfortranarray,
    "inside another": lambda a: np.pad(a, ((3, 5), (1, 2)))[3:-5, 1:-2],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
def test_any_memory_layout(view, kind):
    samples = view(sound(16000, 2, kind))
    out = marked(samples)
    np.testing.assert_array_equal(out, marked(np.ascontiguousarray(samples)))
    assert out.flags.c_contiguous


def test_one_channel_may_be_a_column():
    samples = sound(16000)
    np.testing.assert_array_equal(marked(samples[:, None]), marked_sound()[:, None])


# What is written


def cells_of(samples, rate):
    """Level of every cell, dB, of frames centred as the scheme says [frames, bands]."""
    half = rate // SCHEME.frame_rate
    window = np.sin(np.pi * (np.arange(2 * half) + 0.5) / (2 * half))
    padded = np.pad(samples, half)
    count = len(samples) // half
    frames = np.stack([padded[f * half : f * half + 2 * half] for f in range(count)])
    power = np.abs(np.fft.rfft(frames * window)) ** 2
    *_, weight = band_weights(rate, 2 * half)
    return 10 * np.log10(power @ weight.T + 1e-12)


@pytest.mark.parametrize("text", ["0123456789abcdef", "8000000000000002"])
@pytest.mark.parametrize("rate", [16000, 48000])
def test_levels_follow_the_pattern_of_key_and_id(rate, text):
    mark_id = MarkId.from_hex(text)
    samples = (0.1 * np.random.default_rng(1).standard_normal(4 * rate)).astype(np.float32)
    raised = cells_of(marked(samples, rate, mark_id=mark_id), rate) - cells_of(samples, rate)
    pattern = unit_pattern(key_pattern(KEY), mark_id)
    frames = (start_frame(KEY, mark_id) + np.arange(len(raised))) % SCHEME.cycle
    likeness = np.corrcoef(raised.ravel(), pattern[frames].ravel())[0, 1]
    assert likeness > 0.8
    shifted = np.corrcoef(raised[1:].ravel(), pattern[frames][:-1].ravel())[0, 1]
    assert shifted < likeness - 0.2


def test_strength_makes_it_stronger():
    samples = sound(16000)
    change = {s: np.std(marked(samples, strength=s) - samples) for s in (0.5, 1.0, 1.4)}
    assert change[0.5] == pytest.approx(0.5 * change[1.0], rel=0.1)
    assert change[1.4] == pytest.approx(1.4 * change[1.0], rel=0.1)


@pytest.mark.parametrize("rate", RATES)
def test_the_change_is_small(rate):
    samples = sound(rate)
    change = marked_sound(rate) - samples
    snr = 10 * np.log10(np.sum(samples.astype(float) ** 2) / np.sum(change.astype(float) ** 2))
    assert 15 < snr < 30


def test_nothing_is_written_outside_of_the_bands():
    rate = 48000
    time = np.arange(rate) / rate
    samples = (0.2 * np.sin(2 * np.pi * 60 * time) + 0.2 * np.sin(2 * np.pi * 11000 * time)).astype(
        np.float32
    )
    inside = slice(rate // 10, -rate // 10)
    change = (marked(samples, rate) - samples)[inside]
    assert np.abs(change).max() < 2e-3


def test_the_same_every_time_and_another_for_another_id_or_key():
    samples = sound(16000)
    np.testing.assert_array_equal(marked(samples), marked_sound())
    assert not np.array_equal(marked(samples, mark_id=MarkId(5)), marked_sound())
    made = AudioMarker(16000, 1, MarkingKey(bytes(32), created=KEY.created), MARK_ID)
    other = np.concatenate([made.process(samples), made.finish()])
    assert not np.array_equal(other, marked_sound())


# Silence


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", [8000, 11025, 48000])
def test_silence_stays_silent(rate, kind):
    silent = as_kind(np.zeros((rate, 2)), kind)
    out = marked(silent, rate)
    assert out.dtype == silent.dtype
    assert not out.any()


@pytest.mark.parametrize("kind", KINDS)
def test_silence_between_sounds_stays_silent(kind):
    rate = 16000
    part = sound(rate, 2, kind)
    pause = np.zeros((rate // 2, 2), part.dtype)
    out = marked(np.concatenate([pause, part, pause, part, pause]), rate)
    # Further away than a frame is long.
    edge, frame = len(pause), rate // 50
    period = edge + len(part)
    for start in (0, period, 2 * period):
        first = start + (frame if start else 0)
        last = start + edge - (frame if start < 2 * period else 0)
        assert not out[first:last].any()
    assert (out[edge:period] != part).any()


def test_a_silent_channel_stays_silent():
    samples = np.stack([sound(16000), np.zeros_like(sound(16000))], 1)
    out = marked(samples)
    assert not out[:, 1].any()
    assert (out[:, 0] != samples[:, 0]).any()


# Full scale


def loud(rate=16000):
    """Nearly square waves that touch full scale, and clipped noise."""
    rng = np.random.default_rng(3)
    time = np.arange(rate) / rate
    square = np.tanh(20 * np.sin(2 * np.pi * 440 * time * (1 + 0.1 * time)))
    noise = np.clip(rng.standard_normal(rate) * 0.8, -1, 1)
    return np.stack([square, noise], 1).astype(np.float32)


@pytest.mark.parametrize("volume", [0.9, 0.999, 1.0])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_nothing_goes_beyond_full_scale(rate, volume):
    samples = loud(rate) * np.float32(volume)
    out = marked(samples, rate)
    assert np.abs(out).max() <= 1
    if volume == 0.9:  # and still something is written
        assert np.std(out - samples) > 0.01


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sizes", [[160], [37, 4000], [2999]])
def test_loud_sound_does_not_depend_on_the_blocks_either(sizes, kind):
    samples = as_kind(loud() * np.float32(0.97), kind)
    out = np.concatenate(in_blocks(samples, 16000, sizes))
    np.testing.assert_array_equal(out, marked(samples))


def test_integers_do_not_wrap_around():
    samples = as_kind(loud() * np.float32(0.95), "int16")
    samples[:2000] = np.where(samples[:2000] < 0, -32768, 32767)
    change = marked(samples).astype(int) - samples
    # A wrapped sample would have jumped by nearly twice full scale.
    assert np.abs(change).max() < 32768
    assert np.std(change) > 50


def test_sound_beyond_full_scale_grows_no_further():
    samples = loud() * np.float32(1.5)
    out = marked(samples)
    before = np.abs(samples)
    assert (np.abs(out) <= np.maximum(before, 1)).all()
    assert (out != samples).any()


def test_sound_far_below_full_scale_is_not_held_back():
    # Half as loud is half the change: the mark is one of levels.
    samples = loud()
    one, two = marked(samples * np.float32(0.5)), marked(samples * np.float32(0.25))
    np.testing.assert_allclose(one, two * 2, atol=1e-5)


# Kinds of samples, channels


@pytest.mark.parametrize("channels", [1, 2])
def test_integers_are_marked_as_floats_are(channels):
    samples = sound(16000, channels, "int16")
    floats = marked((samples * np.float32(STEP)).astype(np.float32))
    out = marked(samples)
    assert np.abs(out - floats.astype(float) * 32768).max() <= 1


def test_integers_near_full_scale_are_marked_as_floats_are():
    samples = as_kind(loud() * np.float32(0.9), "int16")
    floats = marked((samples * np.float32(STEP)).astype(np.float32))
    # Full scale of integers is one step lower, which the limiter sees a little earlier.
    assert np.abs(marked(samples) - floats.astype(float) * 32768).max() < 8


def test_channels_that_differ_in_level_alone_mix_down_to_the_mark_of_the_mix():
    one = sound(16000).astype(np.float32)
    samples = np.stack([one, 0.5 * one, -0.25 * one], 1).astype(np.float32)
    np.testing.assert_allclose(
        marked(samples).mean(1), marked(samples.mean(1).astype(np.float32)), atol=2e-5
    )


def test_mixing_down_keeps_the_mark_of_channels_that_differ():
    # The same gains for all channels: the mix is changed by just those.
    samples = sound(16000, 5)
    mixed = marked(samples).mean(1) - samples.mean(1)
    alone = marked(samples.mean(1)) - samples.mean(1)
    assert np.corrcoef(mixed, alone)[0, 1] > 0.9


def test_channels_do_not_leak_into_each_other():
    # Swapping channels swaps what comes out.
    samples = sound(16000, 2)
    np.testing.assert_allclose(marked(samples[:, ::-1])[:, ::-1], marked(samples), atol=1e-6)


def test_the_most_channels():
    samples = np.repeat(sound(8000)[:, None], 32, 1)
    out = marked(samples, 8000)
    assert out.shape == samples.shape
    np.testing.assert_array_equal(out, np.repeat(out[:, :1], 32, 1))


# What is refused

REFUSED = {
    "float64": np.zeros(100),
    "float16": np.zeros(100, np.float16),
    "int32": np.zeros(100, np.int32),
    "uint8": np.zeros(100, np.uint8),
    "complex": np.zeros(100, np.complex64),
    "bool": np.zeros(100, bool),
    "three dimensions": np.zeros((10, 1, 1), np.float32),
    "a number": np.array(1, np.float32),
    "a list": [0.0, 0.0],
    "NaN": np.array([0, np.nan, 0], np.float32),
    "infinity": np.array([0, np.inf, 0], np.float32),
    "huge": np.array([0, 1e30, 0], np.float32),
    "less than infinity": np.array([[-np.inf]], np.float32),
    "two channels": np.zeros((100, 2), np.float32),
    "no channel": np.zeros((100, 0), np.float32),
}


@pytest.mark.parametrize("block", REFUSED.values(), ids=REFUSED.keys())
def test_blocks_that_are_refused(block):
    samples = sound(16000)
    made = marker(16000, samples)
    first = made.process(samples[:3000])
    with pytest.raises(InputError):
        made.process(block)
    # Nothing of it was taken.
    out = np.concatenate([first, made.process(samples[3000:]), made.finish()])
    np.testing.assert_array_equal(out, marked_sound())


@pytest.mark.parametrize(
    "block",
    [np.zeros(9, np.int16), np.zeros((9, 1), np.float32), np.zeros((9, 1), np.int16)],
    ids=["other type", "other shape", "both"],
)
def test_blocks_of_different_kinds(block):
    made = AudioMarker(16000, 1, KEY, MARK_ID)
    made.process(np.zeros(9, np.float32))
    with pytest.raises(InputError):
        made.process(block)


@pytest.mark.parametrize("channels", [-1, 0, 33, 10**6])
def test_numbers_of_channels_that_are_refused(channels):
    with pytest.raises(InputError, match=str(channels)):
        AudioMarker(16000, channels, KEY, MARK_ID)


@pytest.mark.parametrize("rate", [-48000, 0, 1, 7999, 192001, 10**9, float("nan"), float("inf")])
def test_rates_that_are_refused(rate):
    with pytest.raises(InputError, match=str(rate)):
        AudioMarker(rate, 1, KEY, MARK_ID)


@pytest.mark.parametrize("number", [np.int16, np.uint16, np.int32, np.int64])
def test_rates_that_are_numbers_of_numpy(number):
    rate = 22050
    out = marked(sound(rate), number(rate))
    np.testing.assert_array_equal(out, marked_sound(rate))


def test_finishing_before_anything_came():
    assert len(AudioMarker(16000, 2, KEY, MARK_ID).finish()) == 0


@pytest.mark.parametrize("shape", [(0,), (0, 1)])
def test_blocks_of_nothing(shape):
    made = AudioMarker(16000, 1, KEY, MARK_ID)
    nothing = np.zeros(shape, np.int16)
    for out in (made.process(nothing), made.process(nothing), made.finish()):
        assert out.shape == shape
        assert out.dtype == np.int16
