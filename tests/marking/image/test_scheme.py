"""The definition of waarmerk.image.1 is what was released, and has the symmetries it needs."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waarmerk.marking.image.pattern import unit_field
from waarmerk.marking.image.scheme import (
    ORIENTATIONS,
    SCHEME,
    ImageScheme,
    key_pattern,
    sync_sign,
)
from waarmerk.marking.key import MarkingKey
from waarmerk.marking.payload import MarkId

KEY = MarkingKey(bytes(range(32)), created="2026-01-01T00:00:00Z")
OTHER = MarkingKey(bytes(range(1, 33)), created="2026-01-01T00:00:00Z")
MARK_ID = MarkId.from_hex("0123456789abcdef")
EVEN_ID = MarkId.from_hex("0123456789abcdee")


def digest(values, dtype):
    return hashlib.sha256(np.ascontiguousarray(values, dtype).tobytes()).hexdigest()[:16]


def points(lines):
    return {(int(x), int(y)) for x, y in lines}


# Golden values. If one of these fails, marks that were already written are no longer read: undo
# the change, or make it a new scheme beside this one.


def test_released_parameters():
    assert ImageScheme() == SCHEME
    assert SCHEME.name == "waarmerk.image.1"
    assert (SCHEME.short_side, SCHEME.tile, SCHEME.grid) == (512, 128, 8)
    assert (SCHEME.code_length, SCHEME.lines_per_bit) == (1024, 2)
    assert SCHEME.luma == (0.299, 0.587, 0.114)
    assert (SCHEME.high_pass, SCHEME.neighbourhood) == (4, 6)
    assert (SCHEME.floor, SCHEME.clip) == (2.0, 3.0)


def test_released_lines():
    chosen = [
        [8, 7], [31, 17], [25, 17], [23, 9], [24, 21], [32, 12], [27, 16], [11, 8],
        [31, 9], [32, 9], [31, 15], [31, 8], [35, 7], [30, 14], [24, 9], [17, 16],
    ]  # fmt: skip
    assert SCHEME.sync_lines[::4].tolist() == chosen
    assert digest(SCHEME.sync_lines, "<i8") == "7048758d278a255d"
    assert SCHEME.payload_lines[:4].tolist() == [[-5, 4], [5, 4], [-4, 5], [4, 5]]
    assert SCHEME.payload_lines[-3:].tolist() == [[15, 34], [-30, 22], [30, 22]]
    assert digest(SCHEME.payload_lines, "<i8") == "65e71bb38fe6a721"


def test_released_pattern_of_a_key():
    pattern = key_pattern(KEY)
    first = [2.832987711915261, 2.1367526572620417, 2.670121015817923, 4.720381551387353]
    np.testing.assert_allclose(pattern.sync_phase[:4], first, rtol=1e-14)
    assert digest(np.rint(pattern.sync_phase * 1e6), "<i8") == "e05e873a84f06e83"
    assert pattern.payload_phase[0, :6].tolist() == [228, 54, 255, 182, 213, 169]
    assert digest(pattern.payload_phase, "u1") == "bb1dfee8b46b5130"
    assert pattern.payload_place[:6].tolist() == [505, 609, 962, 286, 744, 359]
    assert digest(pattern.payload_place, "<i8") == "b30a7847dac20360"
    assert pattern.payload_start[:6].tolist() == [821, 650, 913, 472, 410, 518]
    assert digest(pattern.payload_start, "<i8") == "fa011bc948053e68"


def test_released_word_of_an_id():
    assert digest(SCHEME.code.encode(MARK_ID), "i1") == "e6a6784b8e88d543"


def test_released_field():
    field = unit_field(key_pattern(KEY), MARK_ID, 512, 640)
    seen = [
        [0.062, 1.310, 0.166, 0.919],
        [0.577, 0.663, -0.018, 0.439],
        [1.800, 1.293, -0.116, 1.206],
        [-1.067, -0.460, -0.667, -0.222],
    ]
    np.testing.assert_allclose(field[::150, ::200], seen, atol=1e-3)


# Lines


def test_synchronisation_lines_are_closed_under_the_eight_orientations():
    both = points(SCHEME.sync_lines) | points(-SCHEME.sync_lines)
    assert len(both) == 2 * len(SCHEME.sync_lines) == 8 * SCHEME.sync_orbits
    for lines in SCHEME.turned_lines:
        assert points(lines) | points(-lines) == both


def test_orientations_are_the_eight_of_a_square():
    matrices = np.array(ORIENTATIONS)
    assert matrices[0].tolist() == [[1, 0], [0, 1]]
    assert len({matrix.tobytes() for matrix in matrices}) == 8
    for matrix in matrices:
        assert (matrix @ matrix.T == np.eye(2)).all()
        for other in matrices:
            assert (matrices == matrix @ other).all((1, 2)).any()


def test_orientation_lines_say_where_each_line_goes():
    index, conjugate = SCHEME.orientation_lines
    sign = np.where(conjugate, -1, 1)[:, :, None]
    np.testing.assert_array_equal(SCHEME.sync_lines[index] * sign, SCHEME.turned_lines)
    for row in index:
        assert sorted(row) == list(range(len(SCHEME.sync_lines)))


def test_no_line_is_used_twice():
    lines = np.concatenate([SCHEME.sync_lines, SCHEME.payload_lines])
    # Nor is a conjugate, which is the same line of a real picture.
    assert len(points(lines) | points(-lines)) == 2 * len(lines)
    assert (0, 0) not in points(lines)


def test_lines_lie_in_their_bands():
    sync = np.hypot(*SCHEME.sync_lines.T) / SCHEME.tile
    assert SCHEME.sync_ring[0] <= sync.min()
    assert sync.max() <= SCHEME.sync_ring[1]
    payload = np.hypot(*SCHEME.payload_lines.T) / SCHEME.tile
    assert payload.min() >= SCHEME.lowest
    assert payload.max() < 0.5
    assert len(payload) == SCHEME.code_length * SCHEME.lines_per_bit
    # The detector looks at the first 42 rows of a transform, four of them around the lines of each
    # row, and at no shift finer than 1 / 96.
    assert SCHEME.payload_lines[:, 1].max() <= 37
    assert SCHEME.sync_lines[:, 1].max() <= 37
    assert np.abs(SCHEME.sync_lines).max() < 48
    assert SCHEME.sync_lines[:, 1].min() > 0
    assert SCHEME.payload_lines[:, 1].min() >= 0


# Keys


def test_every_bit_has_its_lines_in_every_tile():
    pattern = key_pattern(KEY)
    assert (np.bincount(pattern.payload_place) == SCHEME.lines_per_bit).all()
    assert pattern.payload_phase.shape == (SCHEME.grid**2, len(SCHEME.payload_lines))
    assert pattern.payload_start.shape == (SCHEME.grid**2,)
    assert ((pattern.payload_start >= 0) & (pattern.payload_start < SCHEME.code_length)).all()
    assert len(np.unique(pattern.payload_start)) > SCHEME.grid**2 * 3 // 4


def test_phases_are_uniform():
    # What the bound on the chance stands on. Both moments of 131072 phases, within 4 deviations.
    phase = key_pattern(KEY).payload_phase.ravel() * (2 * np.pi / 256)
    for order in (1, 2, 3):
        assert abs(np.exp(1j * order * phase).mean()) < 4 / phase.size**0.5
    assert np.bincount(key_pattern(KEY).payload_phase.ravel(), minlength=256).min() > 400
    sync = np.array([key_pattern(key).sync_phase for key in (KEY, OTHER)])
    assert ((sync >= 0) & (sync < 2 * np.pi)).all()


def test_keys_have_nothing_in_common():
    one, two = key_pattern(KEY), key_pattern(OTHER)
    overlap = np.exp(1j * (one.sync_phase - two.sync_phase)).mean()
    assert abs(overlap) < 0.5
    difference = (one.payload_phase.astype(int) - two.payload_phase) * (2 * np.pi / 256)
    assert abs(np.exp(1j * difference).mean()) < 4 / difference.size**0.5
    assert (one.payload_place != two.payload_place).mean() > 0.98


def test_the_pattern_of_a_key_repeats():
    again = MarkingKey(bytes(range(32)), created="2027-01-01T00:00:00Z")
    np.testing.assert_array_equal(key_pattern(again).payload_phase, key_pattern(KEY).payload_phase)
    np.testing.assert_allclose(
        key_pattern(KEY).sync_turn, np.exp(-1j * key_pattern(KEY).sync_phase)
    )


# The field


def spectrum_of_tiles(field):
    tiles = field.reshape(field.shape[0] // 128, 128, -1, 128).swapaxes(1, 2)
    return np.fft.fft2(tiles.astype(float))


def test_the_field_has_power_on_its_lines_only():
    spectrum = spectrum_of_tiles(unit_field(key_pattern(KEY), MARK_ID, 512, 512))
    lines = np.concatenate([SCHEME.sync_lines, SCHEME.payload_lines])
    outside = np.ones((128, 128), bool)
    for x, y in np.concatenate([lines, -lines]):
        outside[y, x] = False
    assert np.abs(spectrum[:, :, outside]).max() < 1e-3 * np.abs(spectrum).max()


def test_synchronisation_is_the_same_in_every_tile_and_says_the_key():
    x, y = SCHEME.sync_lines.T
    for mark_id in (MARK_ID, EVEN_ID):
        spectrum = spectrum_of_tiles(unit_field(key_pattern(KEY), mark_id, 512, 768))
        values = spectrum[:, :, y, x]
        np.testing.assert_allclose(values, np.broadcast_to(values[0, 0], values.shape), atol=0.1)
        turned = values[0, 0] * key_pattern(KEY).sync_turn * sync_sign(mark_id)
        assert np.abs(np.angle(turned)).max() < 1e-3


def test_odd_ids_turn_the_synchronisation_around():
    assert sync_sign(MARK_ID) == -1
    assert sync_sign(EVEN_ID) == 1


@pytest.mark.parametrize("tile", [(0, 0), (1, 2), (3, 5)])
def test_payload_lines_carry_their_bits(tile):
    pattern = key_pattern(KEY)
    spectrum = spectrum_of_tiles(unit_field(pattern, MARK_ID, 512, 768))
    x, y = SCHEME.payload_lines.T
    cell = tile[0] * SCHEME.grid + tile[1]
    turned = spectrum[tile][y, x] * np.exp(-2j * np.pi / 256 * pattern.payload_phase[cell])
    place = (pattern.payload_place + pattern.payload_start[cell]) % SCHEME.code_length
    np.testing.assert_array_equal(np.sign(turned.real), SCHEME.code.encode(MARK_ID)[place])
    assert np.abs(turned.imag).max() < 0.02 * np.abs(turned.real).max()


def test_the_field_repeats_after_the_grid_and_not_before():
    field = unit_field(key_pattern(KEY), MARK_ID, 512, 9 * 128)
    np.testing.assert_array_equal(field[:, :128], field[:, 8 * 128 :])
    for k in range(1, 8):
        likeness = np.corrcoef(field[:, :128].ravel(), field[:, 128 * k : 128 * (k + 1)].ravel())
        assert likeness[0, 1] < 0.5  # the synchronisation alone


@pytest.mark.parametrize("shape", [(512, 512), (512, 513), (700, 512), (512, 8192), (513, 1999)])
def test_the_field_fits_any_picture(shape):
    field = unit_field(key_pattern(KEY), MARK_ID, *shape)
    assert field.shape == shape
    assert field.dtype == np.float32
    assert field.flags.c_contiguous
    assert field.std() == pytest.approx(1, abs=0.02)
    assert abs(field.mean()) < 0.01


# The grid


@given(st.integers(1, 20000), st.integers(1, 20000))
def test_canonical_sizes(height, width):
    rows, columns = SCHEME.canonical_size(height, width)
    assert min(rows, columns) == 512
    assert (rows <= columns) == (height <= width) or rows == columns
    assert SCHEME.canonical_size(width, height) == (columns, rows)
    exact = max(height, width) * 512 / min(height, width)
    assert abs(max(rows, columns) - exact) <= 0.5
