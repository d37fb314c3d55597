"""Listening to sound as it comes: the same finding as of the whole, sooner, in bounded memory."""

import math
import tracemalloc
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rendered_sound import RATE, melody, sixteen
from waarmerk.detection.audio import AudioDetector, detect_samples
from waarmerk.detection.audio.hearing import Hearing
from waarmerk.errors import InputError
from waarmerk.marking.audio import AudioMarker
from waarmerk.marking.key import MarkingKey
from waarmerk.marking.payload import MarkId

CREATED = "2026-01-01T00:00:00Z"
KEY = MarkingKey(bytes(range(32)), created=CREATED)
OTHERS = [MarkingKey(bytes(range(k, 32 + k)), created=CREATED) for k in range(1, 4)]
MARK_ID = MarkId.from_hex("0123456789abcdef")


@cache
def marked(seconds, rate=RATE, channels=1, kind="float32"):
    samples = melody(seconds, rate, channels)
    samples = sixteen(samples) if kind == "int16" else samples
    marker = AudioMarker(rate, channels, KEY, MARK_ID)
    return np.concatenate([marker.process(samples), marker.finish()])


def detector_of(samples, rate=RATE, keys=(KEY,), **options):
    return AudioDetector(rate, samples.shape[1], list(keys), **options)


def heard(samples, rate, sizes, **options):
    """Feed blocks of these sizes over and over; give the detector."""
    detector, at, turn = detector_of(samples, rate, **options), 0, 0
    while at < len(samples):
        size = sizes[turn % len(sizes)]
        detector.feed(samples[at : at + size])
        at, turn = at + size, turn + 1
    return detector


# In blocks as in one piece


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("kind", ["float32", "int16"])
@pytest.mark.parametrize("rate", [16000, 22050])
def test_rows_do_not_depend_on_cuts_or_on_the_order_in_memory(rate, kind, channels):
    rng = np.random.default_rng(channels)
    samples = rng.normal(0, 0.1, (round(3.3 * rate), channels)).astype(np.float32)
    if channels == 2:
        samples[rate : 2 * rate, 1] = -samples[rate : 2 * rate, 0]  # they cancel each other
    samples = sixteen(samples) if kind == "int16" else samples

    def rows(size, order):
        hearing = Hearing(rate, channels)
        cut = [samples[at : at + size] for at in range(0, len(samples), size)]
        out = [hearing.feed(np.asarray(block, order=order)) for block in cut]
        return np.concatenate([*out, hearing.feed(np.zeros((0, channels), np.float32), last=True)])

    expected = rows(len(samples), "C")
    assert expected[220:380].min() > 1e-3  # in the second that would cancel, too
    assert expected.max() < 100 * np.median(expected)
    for size in (777, rate, 2 * rate + 5, len(samples)):
        for order in ("C", "F"):
            np.testing.assert_allclose(rows(size, order), expected, rtol=2e-4)


@settings(deadline=None, derandomize=True, max_examples=10)
@given(
    st.sampled_from([8000, 16000, 22050, 44100]),
    st.sampled_from([1, 2]),
    st.sampled_from(["float32", "int16"]),
    st.lists(st.floats(0, 2), min_size=1, max_size=5).filter(lambda sizes: sum(sizes) > 0.2),
)
def test_blocks_give_the_finding_of_the_whole(rate, channels, kind, seconds):
    samples = marked(4.0, rate, channels, kind)
    sizes = [round(size * rate) for size in seconds]
    finding = heard(samples, rate, sizes, effort="fast", early=False).finish()
    assert finding == detect_samples(samples, rate, [KEY], "fast")
    assert finding.mark_id == MARK_ID


@pytest.mark.parametrize("rate", [8000, 22050])
def test_blocks_of_a_recording_of_several_chunks(rate):
    samples = np.concatenate([melody(17.0, rate, seed=5), marked(25.0, rate)])
    finding = heard(samples, rate, [rate // 3, 7 * rate + 1, 11], early=False).finish()
    assert finding == detect_samples(samples, rate, [KEY])
    assert finding.mark_id == MARK_ID


# Early


def first_news(samples, size=RATE // 5, **options):
    """Seconds fed when the first finding comes, and what came until the end."""
    detector, news = detector_of(samples, **options), []
    for start in range(0, len(samples), size):
        block = samples[start : start + size]
        finding = detector.feed(block)
        if finding is not None:
            news.append(((start + len(block)) / RATE, finding))
    return news, detector


def test_a_mark_is_told_within_six_seconds():
    news, detector = first_news(marked(12.0))
    seconds, finding = news[0]
    assert seconds < 6
    assert finding.found
    assert finding.key_id == KEY.key_id
    assert finding.log10_p <= -6
    assert news[-1][1].mark_id == MARK_ID
    assert detector.finish().mark_id == MARK_ID


def test_the_same_is_told_once():
    news, _ = first_news(marked(33.0))
    told = [(finding.found, finding.mark_id) for _, finding in news]
    assert 1 <= len(told) == len(set(told)) <= 2
    assert told[-1] == (True, MARK_ID)


def test_a_mark_that_begins_late_is_told_too():
    samples = np.concatenate([melody(32.0, seed=5), marked(24.0)])
    news, detector = first_news(samples, RATE, effort="fast")
    assert news
    assert news[0][0] > 32
    finding = detector.finish()
    assert finding.mark_id == MARK_ID
    assert finding.segments[0].start == pytest.approx(32.0, abs=0.7)


def test_nothing_is_told_without_a_mark():
    news, detector = first_news(melody(12.0))
    assert not news
    assert detector.finish().status == "not_found"


def test_every_look_is_paid_for():
    # The n-th look pays n (n + 1): six seconds are looked at twice before the end.
    samples = marked(6.0)
    once = heard(samples, RATE, [999], early=False, effort="fast").finish()
    thrice = heard(samples, RATE, [999], early=True, effort="fast").finish()
    assert thrice.log10_p == pytest.approx(once.log10_p + math.log10(3 * 4 / 2))


def test_every_key_is_paid_for():
    samples = marked(6.0)
    (_, alone), *_ = first_news(samples, effort="fast")[0]
    (_, one_of_four), *_ = first_news(samples, effort="fast", keys=[*OTHERS, KEY])[0]
    assert one_of_four.log10_p == pytest.approx(alone.log10_p + math.log10(4))
    assert one_of_four.key_id == KEY.key_id


def test_what_was_told_early_stays_true():
    # However much unmarked sound follows, the finding stands, at the price of no further look.
    samples = np.concatenate([marked(6.0), melody(40.0, seed=5)])
    news, detector = first_news(samples, RATE, effort="fast")
    finding = detector.finish()
    assert finding.mark_id == MARK_ID
    assert finding.log10_p <= min(told.log10_p for _, told in news)
    (segment,) = finding.segments
    assert segment.start == 0
    assert segment.end == pytest.approx(6.0, abs=0.7)


# Memory


def test_memory_does_not_grow_with_the_recording():
    rate = 8000
    second = (0.1 * np.random.default_rng(1).standard_normal((rate, 1))).astype(np.float32)
    detector = detector_of(second, rate, effort="fast")
    held = []
    tracemalloc.start()
    try:
        for _ in range(150):
            detector.feed(second)
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    # At most 31 seconds wait, 40 kB each; beside them a little for each key.
    assert max(held) < 3e6
    assert max(held[75:]) < 1.1 * max(held[:75])


# What is refused


@pytest.mark.parametrize(
    "block",
    [
        np.zeros(100),
        np.zeros((100, 2), np.float32),
        np.zeros((100, 0), np.float32),
        np.full((100, 1), np.nan, np.float32),
        np.zeros((1, 100, 1), np.float32),
    ],
    ids=["float64", "two channels", "no channel", "NaN", "3 dimensions"],
)
def test_blocks_that_are_refused(block):
    samples = marked(4.0)
    detector = detector_of(samples, effort="fast", early=False)
    detector.feed(samples[:20_000])
    with pytest.raises(InputError):
        detector.feed(block)
    # Nothing of it was taken.
    detector.feed(samples[20_000:])
    assert detector.finish() == detect_samples(samples, RATE, [KEY], "fast")


@pytest.mark.parametrize(("rate", "channels"), [(7999, 1), (192001, 1), (16000, 0), (16000, 33)])
def test_formats_that_are_refused(rate, channels):
    with pytest.raises(InputError):
        AudioDetector(rate, channels, [KEY])


def test_nothing_was_fed():
    for blocks in ([], [np.zeros((0, 1), np.float32)]):
        detector = AudioDetector(44100, 1, [KEY])
        assert all(detector.feed(block) is None for block in blocks)
        assert detector.finish().status == "unreadable"
