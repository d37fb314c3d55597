"""docs/marks/audio.md is enough: what was written from it alone marks and reads as we do.

The second marker and the second detector are in `tests/independent_sound.py`.
"""

import math

import numpy as np
import pytest
from scipy.signal import resample_poly

from tests import independent_sound
from tests.rendered_sound import melody
from waarmerk import MarkId, MarkingKey
from waarmerk.detection.audio import detect_samples
from waarmerk.marking.audio import AudioMarker

KEY = MarkingKey(bytes(range(32)), created="2026-01-01T00:00:00Z")
MARK_ID = MarkId.from_hex("0123456789abcdef")  # odd: the synchronisation is turned over
EVEN_ID = MarkId.from_hex("fedcba9876543210")
FORMATS = pytest.mark.parametrize(
    ("rate", "channels", "mark_id"), [(16000, 1, MARK_ID), (22050, 2, EVEN_ID)]
)


def marked(sound, rate, mark_id):
    marker = AudioMarker(rate, sound.shape[1], KEY, mark_id)
    return np.concatenate([marker.process(sound), marker.finish()])


def assert_same_answer(found, read, mark_id):
    """Compare the finding of the package with the answer of the second detector."""
    log10_p, read_id, tempo, pitch = read
    assert found.mark_id == read_id == mark_id
    assert math.isclose(found.log10_p, log10_p, rel_tol=0.01, abs_tol=0.1)
    assert math.isclose(found.geometry.tempo, tempo, abs_tol=2e-4)
    assert math.isclose(found.geometry.pitch, pitch, abs_tol=1e-6)


@pytest.mark.parametrize(
    ("rate", "channels", "loudness", "mark_id"),
    [(16000, 1, 1.0, MARK_ID), (22050, 2, 1.0, EVEN_ID), (44100, 1, 12.0, MARK_ID)],
    ids=["16 kHz", "22.05 kHz stereo", "limited"],
)
def test_both_markers_make_the_same(rate, channels, loudness, mark_id):
    sound = np.clip(melody(4.003, rate, channels) * np.float32(loudness), -1, 1)
    ours = marked(sound, rate, mark_id)
    theirs = independent_sound.mark(sound.astype(np.float64), rate, KEY, mark_id)
    assert abs(ours - sound).max() > 0.01
    assert abs(ours).max() <= 1
    assert abs(theirs - ours).max() < 1e-5


def test_both_markers_make_the_same_of_sixteen_bits():
    sound = np.rint(np.clip(melody(3.0) * 12, -1, 1) * 32767).astype(np.int16)
    theirs = independent_sound.mark(sound / 32768, 16000, KEY, MARK_ID, full=32767 / 32768)
    # Where a sample lies in the middle between two numbers, they may round it differently.
    assert abs(marked(sound, 16000, MARK_ID) - np.rint(theirs * 32768)).max() <= 1


@FORMATS
def test_both_detectors_read_what_the_package_marks(rate, channels, mark_id):
    sound = marked(melody(8.0, rate, channels), rate, mark_id)[rate // 3 :]
    found = detect_samples(sound, rate, [KEY], "fast")
    assert_same_answer(found, independent_sound.read(sound, rate, KEY), mark_id)


@FORMATS
def test_both_detectors_read_what_the_second_marker_marks(rate, channels, mark_id):
    # As deep everywhere: the depth is the marker's own affair.
    sound = melody(8.0, rate, channels).astype(np.float64)
    sound = independent_sound.mark(sound, rate, KEY, mark_id, depth=1.5).astype(np.float32)
    found = detect_samples(sound[rate // 3 :], rate, [KEY], "fast")
    assert_same_answer(found, independent_sound.read(sound[rate // 3 :], rate, KEY), mark_id)


def test_both_detectors_add_up_what_is_a_cycle_apart():
    sound = marked(melody(26.0), 16000, MARK_ID)
    found = detect_samples(sound, 16000, [KEY], "fast")
    assert_same_answer(found, independent_sound.read(sound, 16000, KEY), MARK_ID)


def test_both_detectors_find_another_speed():
    sound = resample_poly(marked(melody(8.0), 16000, MARK_ID), 20, 21).astype(np.float32)
    found = detect_samples(sound, 16000, [KEY])
    read = independent_sound.read(sound, 16000, KEY, search=True)
    assert_same_answer(found, read, MARK_ID)
    assert read[2] == pytest.approx(1.05, abs=1e-3)


def test_neither_detector_finds_what_is_not_there():
    other = MarkingKey(bytes(32), created="2026-01-01T00:00:00Z")
    sound = marked(melody(8.0), 16000, MARK_ID)
    for key, samples, search in ((other, sound, True), (KEY, melody(8.0), False)):
        assert not detect_samples(samples, 16000, [key]).found
        log10_p, mark_id, _, _ = independent_sound.read(samples, 16000, key, search=search)
        assert mark_id is None
        assert log10_p > -3
