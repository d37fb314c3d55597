"""End to end on sound: mark, do to it what the world does, and read the id."""

import io
import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from tests.rendered_sound import RATE, melody, sixteen
from waarmerk.detection.audio import AudioDetector, detect_each, detect_samples
from waarmerk.errors import InputError
from waarmerk.marking.audio import AudioMarker
from waarmerk.marking.key import MarkingKey
from waarmerk.marking.payload import MarkId

CREATED = "2026-01-01T00:00:00Z"
KEY = MarkingKey(bytes(range(32)), created=CREATED)
OTHERS = [MarkingKey(bytes(range(k, 32 + k)), created=CREATED) for k in range(1, 5)]
ODD_ID = MarkId.from_hex("0123456789abcdef")  # generated
EVEN_ID = MarkId.from_hex("8fedcba987654320")  # altered
IDS = pytest.mark.parametrize("mark_id", [ODD_ID, EVEN_ID], ids=["odd", "even"])


def mark(samples, rate=RATE, key=KEY, mark_id=ODD_ID):
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    marker = AudioMarker(rate, channels, key, mark_id)
    return np.concatenate([marker.process(samples), marker.finish()])


@cache
def marked(seconds=8.0, rate=RATE, channels=1, mark_id=ODD_ID, seed=1):
    out = mark(melody(seconds, rate, channels, seed), rate, mark_id=mark_id)
    out.setflags(write=False)
    return out


def find(samples, rate=RATE, keys=(KEY,), effort="full"):
    return detect_samples(np.asarray(samples), rate, list(keys), effort)


def assert_read(finding, mark_id=ODD_ID, key=KEY):
    assert finding.status == "found"
    assert finding.mark_id == mark_id
    assert finding.kind == mark_id.kind
    assert finding.key_id == key.key_id
    assert finding.scheme == "waarmerk.audio.1"
    assert finding.log10_p <= -6
    assert finding.p_value == 10.0**finding.log10_p
    assert finding.geometry is not None
    assert finding.segments
    assert finding.reason is None


def assert_unmarked(finding):
    assert finding.status == "not_found"
    assert finding.mark_id is finding.kind is finding.geometry is None
    assert finding.segments == ()
    assert finding.log10_p > -6


def assert_geometry(finding, tempo=1.0, pitch=1.0):
    """Tempo to a thousandth; pitches are looked at in steps of 2 per cent."""
    assert finding.geometry.tempo == pytest.approx(tempo, rel=1e-3)
    assert finding.geometry.pitch == pytest.approx(pitch, rel=0.015)


def resampled(samples, before, after):
    return soxr.resample(samples, before, after).astype(np.float32)


# A recording marked when the mark was defined (8 s of the sound of these tests, as Ogg Opus at
# 32 kbit/s). It must be read for as long as the scheme is: what fails here is a new scheme.


@pytest.mark.parametrize("start", [0.0, 2.345])
def test_a_mark_of_the_past(start):
    samples, rate = soundfile.read(Path(__file__).parent / "marked_sound_1.ogg", dtype="float32")
    assert len(samples) == 8 * rate
    assert_read(find(samples[round(start * rate) :], rate))


# Unchanged, or nearly: the fast look is enough


@IDS
@pytest.mark.parametrize("effort", ["fast", "full"])
def test_the_mark_is_read(effort, mark_id):
    finding = find(marked(mark_id=mark_id), effort=effort)
    assert_read(finding, mark_id)
    assert finding.geometry.as_dict() == {"tempo": 1.0, "pitch": 1.0}
    (segment,) = finding.segments
    assert segment.start == 0
    assert segment.end == pytest.approx(8.0, abs=0.35)
    assert segment.end <= 8.0


@pytest.mark.parametrize("seconds", [2.88, 3.0, 3.19, 3.2])
def test_segments_end_where_the_sound_does(seconds):
    finding = find(marked()[: round(seconds * RATE)], effort="fast")
    assert finding.segments[-1].end <= seconds


def lowpassed(samples):
    from scipy.signal import butter, sosfilt

    return sosfilt(butter(4, 3400, fs=RATE, output="sos"), samples, axis=0).astype(np.float32)


def vorbis(samples):
    # In pieces: libsndfile overflows its stack where it encodes long arrays.
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", RATE, 1, format="OGG", subtype="VORBIS") as file:
        for start in range(0, len(samples), RATE):
            file.write(samples[start : start + RATE])
    buffer.seek(0)
    return soundfile.read(buffer, dtype="float32")[0]


def echo(samples):
    out = samples.copy()
    out[1600:] += 0.4 * samples[:-1600]
    return out


CHANGES = {
    "16 bits": sixteen,
    "quieter": lambda a: a * np.float32(0.05),
    "louder, and clipped": lambda a: np.clip(a * 4, -0.95, 0.95),
    "upside down": lambda a: -a,
    "telephone": lowpassed,
    "noise": lambda a: a + np.random.default_rng(5).normal(0, 0.004, a.shape).astype(np.float32),
    "echo": echo,
    "vorbis": vorbis,
    "8 bits": lambda a: np.round(a * 127).astype(np.float32) / 127,
    "an offset": lambda a: a + np.float32(0.02),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_changes_that_keep_the_time(change):
    finding = find(change(marked()), effort="fast")
    assert_read(finding)
    assert finding.geometry.as_dict() == {"tempo": 1.0, "pitch": 1.0}


@IDS
@pytest.mark.parametrize("seconds", [0.004, 0.37, 1.0, 2.718, 3.3333])
def test_a_start_that_is_cut_off(seconds, mark_id):
    part = marked(mark_id=mark_id)[round(seconds * RATE) :]
    assert_read(find(part, effort="fast"), mark_id)


@pytest.mark.parametrize("seconds", [4.0, 5.5])
def test_the_end_is_cut_off(seconds):
    assert_read(find(marked()[: round(seconds * RATE)], effort="fast"))


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 192000])
def test_other_rates(rate):
    seconds = 5.0 if rate < 100_000 else 3.0
    assert_read(find(marked(seconds, rate), rate, effort="fast"))


@pytest.mark.parametrize(
    ("before", "after"), [(44100, 16000), (16000, 48000), (48000, 8000), (22050, 44100)]
)
def test_resampled(before, after):
    samples = resampled(marked(5.0, before), before, after)
    finding = find(samples, after, effort="fast")
    assert_read(finding)
    assert finding.geometry.as_dict() == {"tempo": 1.0, "pitch": 1.0}


# Channels


def test_stereo():
    for samples in (marked(channels=2), marked(channels=2)[:, 1], marked(channels=2).mean(1)):
        assert_read(find(samples, effort="fast"))


def test_channels_that_cancel_each_other():
    one = marked()[:, 0]
    assert_read(find(np.stack([one, -one], 1), effort="fast"))


def test_a_silent_channel():
    one = marked()[:, 0]
    for channels in ([one, 0 * one], [0 * one, one]):
        assert_read(find(np.stack(channels, 1), effort="fast"))


def test_one_of_five_channels_at_a_time():
    samples = mark(np.stack([melody(5.0, RATE, 1, c)[:, 0] for c in range(5)], 1))
    assert_read(find(samples, effort="fast"))
    assert_read(find(samples[:, 3], effort="fast"))


# What needs the search


@pytest.mark.parametrize(
    ("speed", "mark_id"), [(0.93, ODD_ID), (0.99, EVEN_ID), (1.03, ODD_ID), (1.07, EVEN_ID)]
)
def test_another_speed(speed, mark_id):
    samples = resampled(marked(12.0, mark_id=mark_id), RATE * speed, RATE)
    finding = find(samples)
    assert_read(finding, mark_id)
    assert_geometry(finding, speed, speed)
    (segment,) = finding.segments
    assert segment.start < 0.7
    assert len(samples) / RATE - 0.7 < segment.end <= len(samples) / RATE
    # Which is why there is a full effort.
    if abs(speed - 1) > 0.05:
        assert not find(samples, effort="fast").found


def test_another_speed_and_a_start_that_is_cut_off():
    samples = resampled(marked(12.0), RATE * 1.05, RATE)[round(1.7 * RATE) :]
    finding = find(sixteen(samples))
    assert_read(finding)
    assert_geometry(finding, 1.05, 1.05)


def test_a_wrong_rate_in_the_header():
    # 44100 played as 48000, or what is the same.
    finding = find(marked(10.0, 22050), 24000)
    assert_read(finding)
    assert_geometry(finding, 48000 / 44100, 48000 / 44100)


def test_both_efforts_agree_where_the_fast_look_reads_the_mark():
    assert find(marked(), effort="fast") == find(marked(), effort="full")


# Where it stands


@pytest.mark.parametrize("start", [3.0, 7.1])
def test_a_marked_passage_in_other_sound(start):
    before, after = melody(start, seed=7), melody(19.0 - start, seed=8)
    passage = marked(14.0)[3 * RATE : 11 * RATE]
    finding = find(np.concatenate([before, passage, after]))
    assert_read(finding)
    first, last = finding.segments[0], finding.segments[-1]
    assert first.start == pytest.approx(start, abs=0.7)
    assert last.end == pytest.approx(start + 8.0, abs=0.7)
    # It is not broken into crumbs either.
    assert sum(s.end - s.start for s in finding.segments) > 0.8 * 8


def test_a_passage_that_was_cut_out_of_a_long_recording():
    finding = find(np.concatenate([melody(26.0, seed=7), marked(8.0), melody(20.0, seed=8)]))
    assert_read(finding)
    assert finding.segments[0].start == pytest.approx(26.0, abs=0.7)
    assert finding.segments[-1].end == pytest.approx(34.0, abs=0.7)


def test_a_long_marked_recording_is_one_segment():
    finding = find(marked(33.0), effort="fast")
    assert_read(finding)
    (segment,) = finding.segments
    assert segment.start == 0
    assert segment.end == pytest.approx(33.0, abs=0.7)
    assert segment.end <= 33.0


# Keys


@pytest.mark.parametrize("effort", ["fast", "full"])
def test_other_keys_find_nothing(effort):
    for samples in (marked(), marked(12.0)[RATE:], resampled(marked(12.0), RATE * 0.95, RATE)):
        for finding in detect_each(samples, RATE, OTHERS, effort):
            assert_unmarked(finding)
            assert finding.log10_p > -4


@pytest.mark.parametrize("effort", ["fast", "full"])
@pytest.mark.parametrize("place", [0, 2, 4])
def test_the_right_one_of_several_keys_is_named_and_paid_for(place, effort):
    alone = find(marked(), effort=effort)
    finding = find(marked(), keys=[*OTHERS[:place], KEY, *OTHERS[place:]], effort=effort)
    assert_read(finding)
    assert finding.log10_p == pytest.approx(alone.log10_p + math.log10(5))
    assert finding.segments == alone.segments
    assert finding.geometry == alone.geometry


def test_each_key_for_itself():
    keys = [OTHERS[0], KEY, OTHERS[1]]
    samples = marked()[RATE:]
    findings = detect_each(samples, RATE, keys)
    assert [finding.key_id for finding in findings] == [key.key_id for key in keys]
    assert [finding.found for finding in findings] == [False, True, False]
    for finding, key in zip(findings, keys, strict=True):
        assert finding == find(samples, keys=[key])


def test_marks_of_two_keys_are_both_found():
    both = mark(marked(12.0), key=OTHERS[0], mark_id=EVEN_ID)
    one, two = detect_each(both, RATE, [KEY, OTHERS[0]], "fast")
    assert_read(one)
    assert_read(two, EVEN_ID, OTHERS[0])


# No mark

TIME = np.arange(4 * RATE) / RATE


def clicks():
    out = np.zeros(len(TIME))
    out[:: RATE // 4] = 0.9
    return out


UNMARKED = {
    "sound": lambda: melody(8.0),
    "stereo": lambda: melody(6.0, RATE, 2),
    "silence": lambda: np.zeros(len(TIME)),
    "a level": lambda: np.full(len(TIME), 0.5),
    "full scale": lambda: np.ones(len(TIME)),
    "a tone": lambda: 0.5 * np.sin(2 * np.pi * 440 * TIME),
    "a trembling tone": lambda: np.sin(2 * np.pi * 5 / 1.28 * TIME) * np.sin(6000 * TIME),
    "a sweep": lambda: 0.5 * np.sin(2 * np.pi * (100 + 500 * TIME) * TIME),
    "noise": lambda: 0.1 * np.random.default_rng(1).standard_normal(len(TIME)),
    "faint noise": lambda: 1e-5 * np.random.default_rng(2).standard_normal(len(TIME)),
    "clicks": clicks,
    "one click": lambda: np.eye(1, len(TIME), 2 * RATE)[0],
    "beyond full scale": lambda: 20 * np.random.default_rng(3).standard_normal(len(TIME)),
}


@pytest.mark.parametrize("name", UNMARKED)
def test_no_mark(name):
    assert_unmarked(find(UNMARKED[name]().astype(np.float32)))


def test_integers_at_their_limits():
    samples = np.full((4 * RATE, 2), -32768, np.int16)
    samples[::3] = 32767
    assert_unmarked(find(samples))


# What cannot be looked at


@pytest.mark.parametrize("seconds", [0, 0.1, 0.29])
@pytest.mark.parametrize("rate", [8000, 44100])
def test_too_short(rate, seconds):
    for effort in ("fast", "full"):
        finding = find(marked(3.0, rate)[: round(seconds * rate)], rate, effort=effort)
        assert finding.status == "unreadable"
        assert finding.log10_p is finding.p_value is finding.geometry is None
        assert finding.segments == ()
        assert "too short" in finding.reason


@pytest.mark.parametrize("seconds", [0.31, 0.7, 1.0, 1.28])
@pytest.mark.parametrize("effort", ["fast", "full"])
def test_lengths_at_the_edge(seconds, effort):
    assert find(melody(1.5)[: round(seconds * RATE)], effort=effort).status == "not_found"


def test_a_few_seconds_show_that_there_is_a_mark():
    finding = find(marked()[: round(2.5 * RATE)])
    assert finding.found


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(RATE),
        np.zeros(RATE, np.int32),
        np.zeros((RATE, 33), np.float32),
        np.zeros((RATE, 0), np.float32),
        np.zeros((RATE, 1, 1), np.float32),
        np.full(RATE, np.nan, np.float32),
        np.full(RATE, np.inf, np.float32),
        np.full(RATE, -1e30, np.float32),
    ],
    ids=[
        "float64",
        "int32",
        "33 channels",
        "no channel",
        "3 dimensions",
        "NaN",
        "infinite",
        "huge",
    ],
)
def test_arrays_that_are_no_sound(samples):
    with pytest.raises(InputError):
        find(samples)


@pytest.mark.parametrize("rate", [0, -16000, 7999, 192001, 10**9, float("nan")])
def test_rates_that_are_refused(rate):
    with pytest.raises(InputError, match=str(rate)):
        find(melody(1.5), rate)


@pytest.mark.parametrize("number", [np.uint16, np.int32])
def test_rates_that_are_numbers_of_numpy(number):
    samples = marked(5.0, 44100)
    assert find(samples, number(44100), effort="fast") == find(samples, 44100, effort="fast")


def test_no_key_is_an_error():
    with pytest.raises(ValueError, match="at least one key"):
        find(melody(1.5), keys=[])
    with pytest.raises(ValueError, match="at least one key"):
        AudioDetector(RATE, 1, [])


def test_the_array_is_left_alone():
    samples = marked().copy()
    before = samples.copy()
    samples.setflags(write=False)
    first, second = find(samples), find(samples)
    np.testing.assert_array_equal(samples, before)
    assert first == second


def test_any_memory_layout():
    samples = marked(channels=2)
    for view in (np.asfortranarray(samples), samples.repeat(2, 0)[::2]):
        assert find(view, effort="fast") == find(samples, effort="fast")


@pytest.mark.parametrize("seconds", [0.5, 0.75, 1.0, 1.25, 1.5, 1.75])
def test_excerpts_shorter_than_what_segments_look_at(seconds):
    count = round(seconds * RATE)
    whole = marked()
    found = [
        find(whole[start : start + count]) for start in range(0, len(whole) - count, count // 2)
    ]
    read = [each for each in found if each.mark_id == ODD_ID]
    assert read or seconds < 0.75
    for each in read:
        for segment in each.segments:
            assert 0 <= segment.start < segment.end <= seconds + 0.02
