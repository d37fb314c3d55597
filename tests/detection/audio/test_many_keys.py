"""Many keys at once say of each what it says alone."""

import numpy as np
import pytest

from tests.detection.audio.test_detect import ODD_ID, mark
from tests.rendered_sound import RATE, melody
from waarmerk.detection.audio import detect_each
from waarmerk.detection.audio.examine import Chunk
from waarmerk.detection.audio.hearing import Hearing
from waarmerk.detection.audio.screen import worth_a_look
from waarmerk.detection.audio.sync import _best_offset
from waarmerk.marking.audio.scheme import key_pattern, sync_turn
from waarmerk.marking.key import MarkingKey

KEYS = [MarkingKey(bytes([k]) * 32, created="2026-01-01T00:00:00Z") for k in range(20)]


def faster(samples):
    places = np.arange(0, len(samples) - 1, 1.04)
    return np.interp(places, np.arange(len(samples)), samples).astype(np.float32)


@pytest.fixture(scope="module")
def sounds():
    plain = melody(40.0, RATE, 1, 3).reshape(-1)
    marked = mark(plain, RATE, KEYS[7], ODD_ID).reshape(-1)
    rng = np.random.default_rng(4)
    return {
        "marked": marked[: 9 * RATE],
        "long": marked,
        "short": marked[RATE : 2 * RATE],
        "faster": faster(marked[: 20 * RATE]),
        "drowned": (marked + rng.normal(0, 0.3, marked.shape)).astype(np.float32)[: 12 * RATE],
        "unmarked": plain[: 9 * RATE],
        "silent": np.zeros(5 * RATE, np.float32),
    }


NAMES = ("marked", "long", "short", "faster", "drowned", "unmarked", "silent")


@pytest.mark.parametrize("effort", ["fast", "full"])
@pytest.mark.parametrize("name", NAMES)
def test_every_key_says_what_it_says_alone(sounds, name, effort):
    together = detect_each(sounds[name], RATE, KEYS, effort)
    alone = [detect_each(sounds[name], RATE, [key], effort)[0] for key in KEYS]
    assert together == alone
    if name in ("marked", "long"):
        assert [finding.found for finding in alone] == [k == 7 for k in range(len(KEYS))]


@pytest.mark.parametrize("name", NAMES)
def test_keys_that_are_passed_over_would_have_shown_nothing(sounds, name):
    hearing = Hearing(RATE, 1)
    chunk = Chunk(hearing.feed(sounds[name][: 20 * RATE], last=True))
    turns = [sync_turn(key) for key in KEYS]
    for lines in (chunk.windows, *chunk.spectra):
        # `_best_offset` pays for what was tried: the levels are those before.
        paid = np.log10(len(lines.values) * 2 * 256 * 2)
        exact = np.array(
            [_best_offset(lines.values, lines.energy, key_pattern(key))[2] for key in KEYS]
        )
        for level in (-3.0, -1.0, -0.3):
            worth = worth_a_look(lines.values, lines.energy, turns, level - paid)
            assert worth[exact <= level].all()
            assert not worth[exact > level + 0.1].any()


def test_the_turns_of_a_key_are_those_of_its_pattern():
    for key in KEYS[:3]:
        np.testing.assert_array_equal(sync_turn(key), key_pattern(key).sync_turn)


def test_one_key_is_always_looked_at():
    values = np.zeros((3, 12, 24), np.complex64)
    assert worth_a_look(values, np.zeros((2, 3)), [sync_turn(KEYS[0])], -5.0).all()
