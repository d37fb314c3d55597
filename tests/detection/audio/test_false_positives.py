"""P-values hold for any content: unmarked, periodic, made to look like the mark, other keys'.

The promise: whatever the content, if the key had no part in it, ``P(p <= t) <= t``. A share is
compared with ``t`` by the binomial law; the keys are fixed, so that a pass is a pass for good. The
bounds are checked by themselves as well, before the search and all ids are paid for: after that
hardly any p-value is below 1, and a bound ten times too small would go unseen.
"""

from functools import cache

import numpy as np
import pytest

from tests.p_values import assert_valid, key
from tests.rendered_sound import RATE, melody
from waarmerk.detection.audio import detect_each, detect_samples
from waarmerk.detection.audio.hearing import Hearing
from waarmerk.detection.audio.payload import lay, read
from waarmerk.detection.audio.sync import Place, WindowLines, best_in_windows
from waarmerk.detection.audio.table import DENSE, Levels
from waarmerk.detection.statistics import LOG10_IDS, log10_phase_tail, log10_sign_tail
from waarmerk.marking.audio import AudioMarker
from waarmerk.marking.audio.pattern import payload_cells, unit_pattern
from waarmerk.marking.audio.scheme import SCHEME, key_pattern
from waarmerk.marking.payload import MarkId

MARK_ID = MarkId.from_hex("0123456789abcdef")
ALL_CYCLE = Place(0.0, 0.0, 0.0, 1.0, 1.0, 0.0, float(SCHEME.cycle))


# Contents

TIME = np.arange(8 * RATE) / RATE


def noise():
    return 0.1 * np.random.default_rng(1).standard_normal(len(TIME))


def clicks():
    out = np.zeros(len(TIME))
    out[:: round(0.16 * RATE)] = 0.9
    return out


def trembling():
    """Noise whose loudness swings at all the lines of the synchronisation."""
    swing = sum(
        np.sin(2 * np.pi * line / 1.28 * TIME + 0.7 * k) for k, line in enumerate(SCHEME.sync_lines)
    )
    return noise() * 10 ** (swing / 20)


def loop():
    """What lasts a tile, again and again."""
    return np.tile(melody(1.28)[:, 0], 6)


def other_mark():
    samples = melody(10.0)[:, 0]
    marker = AudioMarker(RATE, 1, key("another"), MARK_ID)
    return np.concatenate([marker.process(samples), marker.finish()])


CONTENTS = {
    "sound": lambda: melody(10.0)[:, 0],
    "other sound": lambda: melody(7.0, seed=2)[:, 0],
    "noise": noise,
    "silence": lambda: np.zeros(len(TIME)),
    "a tone": lambda: 0.5 * np.sin(2 * np.pi * 440 * TIME),
    "clicks": clicks,
    "trembling noise": trembling,
    "a loop": loop,
    "another's mark": other_mark,
}


@cache
def samples_of(name):
    return np.asarray(CONTENTS[name](), np.float32)


@cache
def levels_of(name):
    """What is done once for all keys."""
    hearing = Hearing(RATE, 1)
    samples = samples_of(name)
    rows = [hearing.feed(samples), hearing.feed(samples[:0], last=True)]
    return Levels.of(np.concatenate(rows))


@pytest.fixture(scope="module")
def patterns():
    """Patterns of keys that marked nothing."""
    return [key_pattern(key("asked", index)) for index in range(300)]


# The evidence of every content, with the keys' own patterns


@pytest.mark.parametrize("name", CONTENTS)
def test_synchronisation(name, patterns):
    windows = WindowLines.of(levels_of(name).sync_table())
    assert np.isfinite(windows.values).all()
    for row in (0, len(windows.values) // 2):
        values = windows.values[row]
        totals = [float(np.sum(values * p.sync_turn).real) for p in patterns]
        one = [log10_phase_tail(total, np.abs(values)) for total in totals]
        assert_valid(one, f"{name}, one window and offset")
    best = [best_in_windows(windows, pattern).log10_p for pattern in patterns[:60]]
    assert_valid(best, f"{name}, all windows and offsets")


@pytest.mark.parametrize("name", CONTENTS)
def test_payload_of_one_id(name, patterns):
    table = levels_of(name).payload_table()
    cells = lay(table, ALL_CYCLE, 0.0, table.shape[1] / DENSE).cells
    assert np.isfinite(cells).all()
    energy = float(np.sum(cells.astype(float) ** 2))
    word = SCHEME.code.encode(MARK_ID)
    log10_ps = []
    for pattern in patterns:
        shape = np.s_[: cells.shape[1]]
        signs = word[pattern.payload_place[shape]] * pattern.payload_sign[shape]
        log10_ps.append(log10_sign_tail(float(np.sum(signs.T * cells)), energy))
    assert_valid(log10_ps, name)


# Reading


def cycle_table(strength, seed=1):
    """A table of one whole cycle that holds the mark of a key, in noise [bands, frames]."""
    pattern = key_pattern(key("marked"))
    rng = np.random.default_rng(seed)
    cells = strength * unit_pattern(pattern, MARK_ID).T
    cells = (cells + rng.standard_normal(cells.shape)).astype(np.float32)
    return cells, cells.repeat(DENSE, 1), pattern


def read_all(table, pattern):
    return read(table, ALL_CYCLE, (0.0, table.shape[1] / DENSE), pattern, 2.0)


def test_unknown_places_and_ids_are_paid_for():
    cells, table, pattern = cycle_table(0.2)
    reading = read_all(table, pattern)
    assert reading.mark_id == MARK_ID
    total = float(np.sum(cells * payload_cells(pattern, MARK_ID).T))
    energy = float(np.sum(cells.astype(float) ** 2))
    expected = log10_sign_tail(total, energy) + LOG10_IDS + np.log10(SCHEME.payload_tiles)
    assert reading.log10_p == pytest.approx(expected, rel=1e-4)


def test_what_repeats_with_the_cycle_is_no_further_evidence():
    # Cells a cycle apart share their signs. Counted as independent, music in loops of that length
    # would have made a chance find the surer the longer it plays.
    _, table, pattern = cycle_table(0.1)
    once, twice = read_all(table, pattern), read_all(np.tile(table, (1, 2)), pattern)
    assert once.mark_id == twice.mark_id == MARK_ID
    assert twice.log10_p == pytest.approx(once.log10_p, rel=1e-6)


def test_a_mark_that_repeats_in_other_sound_is_further_evidence():
    _, first, pattern = cycle_table(0.1, seed=1)
    _, second, _ = cycle_table(0.1, seed=2)
    both = read_all(np.concatenate([first, second], 1), pattern)
    assert both.log10_p < 1.5 * min(read_all(t, pattern).log10_p for t in (first, second))


def test_loops_give_no_id(patterns):
    # A loop of 20.48 s in a recording of 30.7 s.
    hearing = Hearing(RATE, 1)
    samples = np.tile(melody(20.48)[:, 0], 2)[: round(30.7 * RATE)]
    rows = [hearing.feed(samples), hearing.feed(samples[:0], last=True)]
    table = Levels.of(np.concatenate(rows)).payload_table()
    for pattern in patterns[:60]:
        reading = read(table, ALL_CYCLE, (0.0, table.shape[1] / DENSE), pattern, -np.inf)
        assert reading is None or reading.log10_p > -3


# The verdicts


@cache
def verdicts(name, effort):
    return detect_each(
        samples_of(name), RATE, [key("verdict", name, index) for index in range(40)], effort
    )


@pytest.mark.parametrize("effort", ["fast", "full"])
@pytest.mark.parametrize("name", CONTENTS)
def test_nothing_is_found(name, effort):
    for finding in verdicts(name, effort):
        assert finding.status == "not_found"
        assert finding.mark_id is finding.geometry is None
    assert_valid([finding.log10_p for finding in verdicts(name, effort)], name)


@pytest.mark.parametrize("effort", ["fast", "full"])
def test_shares_over_all_contents(effort):
    # Every pair has a key of its own: independent trials, whatever the contents.
    log10_ps = [finding.log10_p for name in CONTENTS for finding in verdicts(name, effort)]
    assert len(log10_ps) > 350
    assert_valid(log10_ps, effort)
    for threshold in (0.1, 0.01):
        assert np.mean(np.array(log10_ps) <= np.log10(threshold)) <= threshold


def test_many_keys_on_one_recording():
    keys = [key("many", index) for index in range(300)]
    log10_ps = np.array([f.log10_p for f in detect_each(samples_of("sound"), RATE, keys, "full")])
    assert_valid(log10_ps)
    assert np.mean(log10_ps <= -1) <= 0.1
    assert log10_ps.min() > -5


def test_shares_with_several_keys_in_one_question():
    log10_ps = []
    for name in ("trembling noise", "another's mark"):
        for index in range(10):
            keys = [key("family", name, index, k) for k in range(4)]
            log10_ps.append(detect_samples(samples_of(name), RATE, keys, "fast").log10_p)
    assert_valid(log10_ps)
