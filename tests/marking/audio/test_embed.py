"""Marking whole recordings: what comes back, what is refused and when."""

import math

import numpy as np
import pytest

from tests.rendered_sound import melody, sixteen
from waarmerk.detection.audio import detect_samples
from waarmerk.errors import CannotMarkError, InputError
from waarmerk.marking.audio import AudioMarker, embed_samples
from waarmerk.marking.key import MarkingKey
from waarmerk.marking.payload import MarkId

KEY = MarkingKey(bytes(range(32)), created="2026-01-01T00:00:00Z")
MARK_ID = MarkId.from_hex("0123456789abcdef")
RATE = 16000


def check_at(rate):
    def check(content):
        finding = detect_samples(content, rate, [KEY])
        return finding.mark_id, finding.log10_p, finding.found

    return check


def never(content):
    raise AssertionError("the detector was asked about sound that cannot be marked")


def embed(samples, rate=RATE, mark_id=MARK_ID, detect=None):
    return embed_samples(samples, rate, KEY, mark_id, detect=detect or check_at(rate))


def snr(samples, content):
    before, after = samples.astype(float), content.astype(float)
    return 10 * math.log10(np.sum(before**2) / np.sum((after - before) ** 2))


# What comes back


@pytest.mark.parametrize("kind", ["mono", "column", "stereo", "int16"])
@pytest.mark.parametrize("rate", [8000, 44100])
def test_the_mark_is_there(rate, kind):
    samples = melody(4.0, rate, 2)
    samples = {
        "mono": samples[:, 0],
        "column": samples[:, :1],
        "stereo": samples,
        "int16": sixteen(samples),
    }[kind]
    before = samples.copy()
    embedded = embed(samples, rate)
    content = embedded.content
    np.testing.assert_array_equal(samples, before)
    assert not np.shares_memory(content, samples)
    assert (content.dtype, content.shape) == (samples.dtype, samples.shape)
    assert embedded.mark_id == MARK_ID
    assert embedded.id_read
    assert check_at(rate)(content) == (MARK_ID, embedded.log10_p, True)
    assert embedded.log10_p < -20
    assert embedded.snr == pytest.approx(snr(samples, content), abs=0.01)
    assert 14 < embedded.snr < 30
    assert detect_samples(samples, rate, [KEY]).status == "not_found"


@pytest.mark.parametrize("value", [0, 1, 2**63, 2**64 - 1])
def test_extreme_ids(value):
    embedded = embed(melody(4.0), mark_id=MarkId(value))
    assert embedded.id_read
    assert check_at(RATE)(embedded.content)[0] == MarkId(value)


def test_it_is_what_the_marker_gives():
    samples = melody(6.0)
    marker = AudioMarker(RATE, 1, KEY, MARK_ID)
    expected = np.concatenate([marker.process(samples), marker.finish()])
    np.testing.assert_array_equal(embed(samples).content, expected)


# What the check says


class Answers:
    """A detector that gives these answers, and remembers what it was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def __call__(self, content):
        self.asked.append(content)
        return self.answers[len(self.asked) - 1]


READ = (MARK_ID, -30.0, True)
SEEN = (None, -8.0, True)
OTHER = (MarkId(5), -30.0, True)
NOTHING = (None, 0.0, False)


def test_a_mark_that_is_read_is_tried_once():
    answers = Answers(READ)
    embedded = embed(melody(1.5), detect=answers)
    assert len(answers.asked) == 1
    assert embedded.content is answers.asked[0]
    assert embedded.id_read
    assert embedded.log10_p == -30


@pytest.mark.parametrize("first", [SEEN, OTHER, NOTHING], ids=["no id", "another id", "nothing"])
def test_where_it_is_not_read_it_is_written_stronger(first):
    samples = melody(1.5)
    answers = Answers(first, READ)
    embedded = embed(samples, detect=answers)
    assert len(answers.asked) == 2
    np.testing.assert_array_equal(embedded.content, answers.asked[1])
    assert embedded.id_read
    weak, strong = (snr(samples, content) for content in answers.asked)
    assert embedded.snr == pytest.approx(strong, abs=0.01)
    assert 2 < weak - strong < 4


@pytest.mark.parametrize(
    ("second", "chosen"), [(SEEN, 0), (NOTHING, 0)], ids=["no id either", "nothing"]
)
def test_presence_alone_is_enough_and_the_weaker_mark_kept(second, chosen):
    answers = Answers(SEEN, second)
    embedded = embed(melody(1.5), detect=answers)
    np.testing.assert_array_equal(embedded.content, answers.asked[chosen])
    assert not embedded.id_read
    assert embedded.log10_p == -8


def test_a_mark_that_is_never_found_is_refused():
    with pytest.raises(CannotMarkError, match="could not be found again"):
        embed(melody(1.5), detect=Answers(NOTHING, NOTHING))


# What is refused


@pytest.mark.parametrize("shape", [(0,), (0, 1), (0, 2)])
@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_nothing_at_all(shape, dtype):
    with pytest.raises(InputError, match="empty"):
        embed(np.zeros(shape, dtype), detect=never)


@pytest.mark.parametrize("rate", [8000, 48000])
def test_too_short(rate):
    samples = melody(1.0, rate)[:-1]
    with pytest.raises(CannotMarkError, match="lasts"):
        embed(samples, rate, detect=never)
    assert len(embed(melody(1.0, rate), rate, detect=Answers(READ)).content) == rate


@pytest.mark.parametrize("shape", [(RATE,), (5 * RATE, 2)])
@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_silence(shape, dtype):
    with pytest.raises(CannotMarkError, match="silent"):
        embed(np.zeros(shape, dtype), detect=never)


def clicks():
    samples = np.zeros(3 * RATE, np.float32)
    samples[[RATE, 2 * RATE]] = 0.5
    return samples


def tone(amplitude=0.3):
    return (amplitude * np.sin(2 * np.pi * 440 / RATE * np.arange(3 * RATE))).astype(np.float32)


@pytest.mark.parametrize(
    "samples", [clicks(), tone(), tone(1e-6)], ids=["clicks", "tone", "faint tone"]
)
def test_what_cannot_carry_a_mark_is_refused_or_marked_and_nothing_else(samples):
    try:
        embedded = embed(samples)
    except CannotMarkError:
        return
    assert detect_samples(embedded.content, RATE, [KEY]).found


def test_a_few_clicks_are_refused():
    with pytest.raises(CannotMarkError, match="could not be found again"):
        embed(clicks())


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(2 * RATE),
        np.zeros((2 * RATE, 33), np.float32),
        np.zeros((2 * RATE, 0), np.float32),
        np.full(2 * RATE, np.nan, np.float32),
        np.zeros(2 * RATE, ">i2"),
    ],
    ids=["float64", "33 channels", "no channel", "NaN", "big-endian"],
)
def test_arrays_that_are_no_sound(samples):
    with pytest.raises(InputError):
        embed(samples, detect=never)


@pytest.mark.parametrize("rate", [7999, 192001])
def test_rates_that_are_refused(rate):
    with pytest.raises(InputError, match=str(rate)):
        embed(melody(1.5), rate, detect=never)
