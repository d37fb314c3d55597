"""Attacks with keys and works, on a mark that is a few lines long."""

import numpy as np
import pytest

from tests.bench.transformations.toy_audio import Toy, content, marked, pink, tools
from waarmerk.bench.protocol import RefusedError, Sound, Tools
from waarmerk.bench.seeds import rng_for
from waarmerk.bench.transformations import audio_malicious as malicious

TOY = Toy()
SOUND = pink(4.0, name="victim")
MARKED = marked(SOUND)


def left(out: Sound, key: int = 0) -> float:
    """Return the share of the pattern that the sound itself has nothing to do with."""
    return TOY.share(out, key) - TOY.share(SOUND, key)


def test_a_second_mark_is_there_beside_the_first() -> None:
    out = malicious.another_key(MARKED, 0, tools(SOUND))
    assert left(out) == pytest.approx(0.7, abs=0.05)
    assert left(out, -1) == pytest.approx(0.7, abs=0.05)


@pytest.mark.parametrize("percent", [25, 75])
def test_overwriting_marks_a_part_with_another_key(percent: float) -> None:
    out = malicious.overwritten(MARKED, percent, tools(SOUND))
    assert left(out, -1) == pytest.approx(0.7 * percent / 100, abs=0.05)


def test_subtracting_takes_what_the_own_key_adds() -> None:
    once, twice = (malicious.subtracted(MARKED, times, tools(SOUND)) for times in (1, 2))
    assert left(once, -1) == pytest.approx(-0.7, abs=0.05)
    assert left(twice, -1) == pytest.approx(-1.4, abs=0.1)


@pytest.mark.parametrize("attack", [malicious.mean_of_copies, malicious.mosaic_of_copies])
def test_copies_share_the_key_and_not_the_payload(attack: object) -> None:
    out = attack(MARKED, 4, tools(SOUND))  # type: ignore[operator]
    assert left(out) == pytest.approx(0.7, abs=0.1)
    added = MARKED.samples - SOUND.samples
    kept = float(np.sum((out.samples - SOUND.samples) * added) / np.sum(added * added))
    # The key's 0.49 of the power, and a quarter of the payload's 0.09.
    assert kept == pytest.approx((0.49 + 0.09 / 4) / 0.58, abs=0.05)


def test_more_works_give_a_better_average() -> None:
    remains = [left(malicious.less_wave(MARKED, count, tools())) for count in (1, 8)]
    # Works are of two seconds, the sound of four.
    assert left(MARKED) == pytest.approx(0.7, abs=0.05)
    assert abs(remains[1] - 0.35) < 0.05
    noise = [
        np.std(malicious.less_wave(MARKED, count, tools()).samples - SOUND.samples)
        for count in (1, 8)
    ]
    assert noise[1] < noise[0]


def test_an_average_does_not_depend_on_what_was_asked_before() -> None:
    first = malicious.estimate(tools(None, 4), 6)
    for count in (2, 9, 6):
        again = malicious.estimate(tools(None, 4), count)
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    other = malicious.estimate(tools(None, 4, key=1), 6)
    assert (other[1] != first[1]).any()
    for key in range(2, 9):
        malicious.estimate(tools(None, 4, key=key), 1)
    assert len(malicious._estimates) <= malicious.KEPT_ESTIMATES


def test_without_works_there_is_no_average() -> None:
    for attack in (malicious.less_levels, malicious.less_wave, malicious.with_average):
        with pytest.raises(RefusedError, match="other content"):
            attack(MARKED, 2, tools(SOUND, 0))


def test_levels_are_changed_by_what_was_asked() -> None:
    levels = malicious.Levels.of(SOUND)
    same = levels.changed(np.zeros_like(levels.decibels()))
    np.testing.assert_allclose(same.samples, SOUND.samples, atol=1e-6)
    softer = levels.changed(np.full_like(levels.decibels(), -6.0206))
    np.testing.assert_allclose(
        softer.samples, SOUND.samples / 2, atol=5e-3
    )  # but for Nyquist's bin
    tiny = Sound(SOUND.samples[:100], SOUND.rate)
    assert malicious.Levels.of(tiny).changed(np.zeros((9, 9))).samples.shape == (100, 2)


def test_a_pattern_of_levels_is_found_taken_away_and_put_elsewhere() -> None:
    pattern = rng_for("levels").choice((-2.0, 2.0), (320, 500))
    # As wide as a mark's cells are: four bins and five frames.
    pattern = np.repeat(np.repeat(pattern[::4, ::5], 4, axis=0), 5, axis=1)

    class InLevels(Toy):
        name = "in levels"

        def mark(self, content, value, key, number=0):  # type: ignore[no-untyped-def]
            from waarmerk.bench.protocol import Marked

            return Marked(malicious.Levels.of(value).changed(pattern))

    def alike(one: np.ndarray, frames: int = 90) -> float:
        inner = (slice(4, 300), slice(5, frames))
        return float(np.corrcoef(one[inner].ravel(), pattern[inner].ravel())[0, 1])

    own = content("own", SOUND)
    all_of_them = [own, *(content(f"c{i}") for i in range(4))]

    def with_tools() -> Tools:
        return Tools(rng_for("levels"), own, InLevels(), 0, all_of_them)

    victim = malicious.Levels.of(SOUND).changed(pattern)
    estimate, _ = malicious.estimate(with_tools(), 8)
    assert alike(estimate) > 0.9
    before = malicious.Levels.of(SOUND).decibels()
    assert alike(malicious.Levels.of(victim).decibels() - before) > 0.7
    removed = malicious.less_levels(victim, 8, with_tools())
    assert alike(malicious.Levels.of(removed).decibels() - before) < 0
    forged = malicious.with_average(victim, 8, with_tools())
    assert alike(malicious.Levels.of(forged).decibels() - before) > 0.7
    copied = malicious.with_residual(victim, 1, with_tools())
    assert len(copied.samples) == 2 * SOUND.rate
