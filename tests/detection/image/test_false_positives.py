"""P-values hold for any content: unmarked, periodic, made to look like the lattice, other keys'.

The promise: whatever the content, if the key had no part in it, ``P(p <= t) <= t``. A share is
compared with ``t`` by the binomial law; the keys are fixed, so that a pass is a pass for good. The
bounds are checked by themselves as well, before the search and all ids are paid for: after that
hardly any p-value is below 1, and a bound ten times too small would go unseen.
"""

from functools import cache, partial

import numpy as np
import pytest

from tests.p_values import assert_valid, key
from tests.rendered import DEMO, checkerboard, demo, levels, ramp, texture, wall, waves
from waarmerk.detection.image import detect_array, detect_each
from waarmerk.detection.image.align import aligned, from_peak
from waarmerk.detection.image.analysis import Analysis
from waarmerk.detection.image.evidence import (
    FINER,
    SHIFTS,
    VARIANTS,
    read_payload,
    shifted_sync,
    upright_sync,
)
from waarmerk.detection.statistics import log10_of_best, log10_tail
from waarmerk.marking.image import embed_array
from waarmerk.marking.image.lines import TileLines
from waarmerk.marking.image.scheme import ORIENTATIONS, SCHEME, key_pattern
from waarmerk.marking.payload import MarkId

MARK_ID = MarkId.from_hex("0123456789abcdef")


# Contents


def noise(height=512, width=640):
    return np.random.default_rng(9).integers(0, 256, (height, width), dtype=np.uint8)


def halves():
    array = np.zeros((512, 768), np.uint8)
    array[:, 401:] = 255
    return array


def dots(period, height=512, width=768):
    array = np.zeros((height, width), np.uint8)
    array[::period, ::period] = 255
    return array


def lattice(lines, height=512, width=768, seed=None):
    """All these lines of the scheme at once, with phases 0 or drawn once."""
    plane = np.zeros((128, 128), complex)
    x, y = lines.T
    rng = np.random.default_rng(seed)
    plane[y, x] = 1 if seed is None else np.exp(2j * np.pi * rng.random(len(lines)))
    tile = np.fft.ifft2(plane).real
    tile = levels(128 + 30 * tile / tile.std())
    return np.tile(tile, (-(-height // 128), -(-width // 128)))[:height, :width].copy()


def other_mark(name, view=lambda array: array):
    other = key("another", name)

    def check(content):
        finding = detect_array(content, [other], "fast")
        return finding.mark_id, finding.log10_p

    return np.ascontiguousarray(view(embed_array(demo(name), other, MARK_ID, detect=check).content))


CONTENTS = {
    **{name: partial(demo, name) for name in DEMO},
    "texture": partial(texture, 600, 800),
    "grey texture": partial(texture, 512, 512, 1),
    "large texture": partial(texture, 1100, 1400),
    "noise": noise,
    "small noise": partial(noise, 100, 130),
    "large noise": partial(noise, 1024, 1024),
    "black": lambda: np.zeros((512, 640, 3), np.uint8),
    "grey": lambda: np.full((512, 640), 127, np.uint8),
    "white": lambda: np.full((700, 512), 255, np.uint8),
    "ramp across": partial(ramp, 1 / 3, 0),
    "ramp down": partial(ramp, 0, 0.5),
    "ramp slanting": partial(ramp, 1 / 6, 1 / 6),
    "halves": halves,
    **{f"wall {period}": partial(wall, period, 512, 768) for period in (128, 64, 32, 127, 100)},
    "wall 256 at 1024": partial(wall, 256, 1024, 1280),
    "long wall": partial(wall, 128, 512, 4096),
    "tall wall": partial(wall, 128, 4096, 512),
    "long wall 64": partial(wall, 64, 512, 8192),
    "long wall 1024": partial(wall, 1024, 512, 8192),
    "small wall": partial(wall, 16, 64, 2048),
    **{f"checkerboard {side}": partial(checkerboard, side) for side in (1, 2, 8, 64)},
    "stripes across": partial(waves, 1 / 8, 0),
    "stripes down": partial(waves, 0, 1 / 8),
    "stripes slanting": partial(waves, 10 / 128, 7 / 128),
    "stripes off the grid": partial(waves, 0.1234, 0.0567),
    "dots 128": partial(dots, 128),
    "dots 16": partial(dots, 16),
    "sync lines, phases 0": lambda: lattice(SCHEME.sync_lines),
    "sync lines, other phases": lambda: lattice(SCHEME.sync_lines, seed=1),
    "payload lines": lambda: lattice(SCHEME.payload_lines, seed=2),
    "payload lines, long": lambda: lattice(SCHEME.payload_lines, 512, 8192, seed=3),
    "all lines, long": lambda: lattice(
        np.concatenate([SCHEME.sync_lines, SCHEME.payload_lines]), 512, 4096, seed=4
    ),
    **{f"another's mark, {name}": partial(other_mark, name) for name in DEMO},
    "another's mark, cropped": lambda: other_mark("lake.jpg", lambda a: a[70:590, 130:870]),
    "another's mark, turned": lambda: other_mark("pebbles.jpg", lambda a: np.rot90(a[:, ::-1])),
}
LONG = ("long wall", "tall wall", "long wall 64", "long wall 1024", "payload lines, long")


@cache
def analysis(name):
    """What is done once for all keys."""
    return Analysis(CONTENTS[name]())


@pytest.fixture(scope="module")
def patterns():
    """Patterns of keys that marked nothing."""
    return [key_pattern(key("asked", index)) for index in range(300)]


# The bound itself


WEIGHTS = {
    "one line": [1],
    "two lines": [1, 1],
    "three lines": [3, 2, 1],
    "64 equal lines": [1] * 64,
    "one among many": [8] + [1] * 63,
    "falling by halves": [2.0**-k for k in range(20)],
    "harmonic": [1 / k for k in range(1, 65)],
    "heavy tail": np.exp(3 * np.random.default_rng(1).standard_normal(64)),
    "2 strong, 62 at the limit": [16, 16] + [1] * 62,
}


@pytest.mark.parametrize("steps", [None, 256], ids=["sync", "payload"])
@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS.keys())
def test_the_bound_holds_for_any_weights(weights, steps):
    weights = np.asarray(weights, float)
    rng = np.random.default_rng(2)
    shape = (40_000, weights.size)
    turn = rng.random(shape) if steps is None else rng.integers(0, steps, shape) / steps
    energy = float(weights @ weights)
    log10_ps = [log10_tail(total, energy) for total in np.cos(2 * np.pi * turn) @ weights]
    assert_valid(log10_ps)


def test_the_bound_is_not_wasteful():
    # For many equal lines it is short of the exact chance by less than a factor of 10 at 1e-3.
    rng = np.random.default_rng(3)
    totals = np.cos(2 * np.pi * rng.random((200_000, 64))).sum(1)
    exact = np.quantile(totals, 1 - 1e-3)
    assert -3 <= log10_tail(exact, 64.0) <= -2


def test_the_bound_holds_for_the_best_of_many_shifts():
    # The same phases at every shift: the tries depend on each other, and the union bound holds.
    x, y = SCHEME.sync_lines.T
    rng = np.random.default_rng(4)
    log10_ps = []
    for _ in range(400):
        plane = np.zeros((96, 96), complex)
        plane[y, x] = np.exp(2j * np.pi * rng.random(len(x)))
        total = np.fft.fft2(plane).real.max()
        log10_ps.append(log10_of_best(log10_tail(total, len(x)), 96 * 96))
    assert_valid(log10_ps)


# The evidence of every content, with the keys' own patterns


@pytest.mark.parametrize("name", CONTENTS)
def test_upright_synchronisation(name, patterns):
    values, energy = analysis(name).upright
    assert np.isfinite(values).all()
    assert np.isfinite(energy).all()
    for orientation in (0, 5):
        totals = [float((values[orientation] @ p.sync_turn).real) for p in patterns]
        one = [log10_tail(total, float(energy[orientation])) for total in totals]
        assert_valid(one, f"{name}, one orientation")
    hypotheses = len(ORIENTATIONS) * VARIANTS
    best = [log10_of_best(upright_sync(values, energy, p).log10_p, hypotheses) for p in patterns]
    assert_valid(best, f"{name}, all orientations")


@pytest.mark.parametrize("name", CONTENTS)
def test_payload_of_one_id(name, patterns):
    tiles = analysis(name).tiles(0)
    assert np.isfinite(tiles.payload_energy)
    word = SCHEME.code.encode(MARK_ID)
    totals = [float(tiles.soft_bits(pattern) @ word) for pattern in patterns]
    assert_valid([log10_tail(total, tiles.payload_energy) for total in totals], name)


@pytest.mark.parametrize("name", CONTENTS)
def test_searched_synchronisation(name, patterns):
    hypotheses = len(ORIENTATIONS) * VARIANTS * (SHIFTS * FINER) ** 2
    for _, lines, power in analysis(name).candidates:
        assert np.isfinite(lines).all()
        found = [shifted_sync(lines, power, pattern).log10_p for pattern in patterns[:40]]
        assert_valid([log10_of_best(log10_p, hypotheses) for log10_p in found], name)


@pytest.mark.parametrize("name", LONG)
def test_pictures_that_repeat_as_the_grid_does_give_no_id(name):
    # Tiles eight apart share their phases. Counted as independent they made the soft bits of a
    # long wall so strong that every word the decoder came up with seemed certain.
    tiles = analysis(name).tiles(0)
    for index in range(300):
        pattern = key_pattern(key("long", index))
        soft = tiles.soft_bits(pattern)
        assert float(soft @ soft) < 1.6 * tiles.payload_energy / 2
        payload = read_payload(tiles, pattern, place_known=True, gate=-np.inf)
        assert payload is None or payload.log10_p > -3


@pytest.mark.parametrize("name", ["noise", "wall 128", "long wall", "payload lines", "halves"])
def test_payload_of_one_id_along_an_alignment(name, patterns):
    # Smaller than it was marked and turned: more than eight tiles a side come out of it.
    residual = analysis(name).residual
    turn = 0.63 * np.array([[np.cos(0.2), -np.sin(0.2)], [np.sin(0.2), np.cos(0.2)]])
    values, _ = aligned(residual, from_peak(turn, 5, np.array([3.3, 40.1]), residual.shape))
    tiles = TileLines.of(values)
    assert max(tiles.rows, tiles.columns) == SCHEME.grid
    word = SCHEME.code.encode(MARK_ID)
    for down, across in ((0, 0), (3, 6)):
        totals = [float(tiles.soft_bits(p, down, across) @ word) for p in patterns]
        assert_valid([log10_tail(total, tiles.payload_energy) for total in totals], name)


def test_unknown_places_and_ids_are_paid_for():
    tiles = analysis("another's mark, lake.jpg").tiles(0)
    pattern = key_pattern(key("another", "lake.jpg"))
    total = float(tiles.soft_bits(pattern) @ SCHEME.code.encode(MARK_ID))
    known, unknown = (
        read_payload(tiles, pattern, place_known=known, gate=0.0) for known in (True, False)
    )
    assert known.mark_id == unknown.mark_id == MARK_ID
    assert known.log10_p == pytest.approx(
        log10_tail(total, tiles.payload_energy) + 64 * np.log10(2)
    )
    assert unknown.log10_p == pytest.approx(known.log10_p + np.log10(SCHEME.grid**2))


def test_tiles_that_share_a_cell_are_one():
    tiles = analysis("long wall").tiles(0)
    assert (tiles.rows, tiles.columns) == (4, 8)
    assert len(tiles.payload) == 32
    energy = np.sum(np.abs(tiles.payload.astype(complex)) ** 2)
    assert tiles.payload_energy == pytest.approx(energy, rel=1e-5)


# The verdicts


@cache
def verdicts(name, effort):
    keys = [key("verdict", name, index) for index in range(12)]
    return detect_each(CONTENTS[name](), keys, effort)


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
    assert len(log10_ps) > 500
    assert_valid(log10_ps, effort)


def test_shares_with_several_keys_in_one_question():
    log10_ps = []
    for name in ("texture", "wall 128", "sync lines, phases 0", "another's mark, lake.jpg"):
        array = CONTENTS[name]()
        for index in range(10):
            keys = [key("family", name, index, k) for k in range(4)]
            log10_ps.append(detect_array(array, keys, "fast").log10_p)
    assert_valid(log10_ps)


@pytest.mark.slow
def test_shares_over_many_keys():
    log10_ps = []
    for name, make in CONTENTS.items():
        keys = [key("many", name, index) for index in range(120)]
        log10_ps += [finding.log10_p for finding in detect_each(make(), keys)]
    assert_valid(log10_ps)
