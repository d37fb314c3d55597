"""The definition of waarmerk.audio.1 is what was released, and is built as it says."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waarmerk.marking.audio.bands import band_weights
from waarmerk.marking.audio.pattern import payload_cells, sync_cells, unit_pattern
from waarmerk.marking.audio.scheme import (
    SCHEME,
    AudioScheme,
    key_pattern,
    start_frame,
    sync_sign,
)
from waarmerk.marking.key import MarkingKey
from waarmerk.marking.payload import MarkId

KEY = MarkingKey(bytes(range(32)), created="2026-01-01T00:00:00Z")
OTHER = MarkingKey(bytes(range(1, 33)), created="2026-01-01T00:00:00Z")
ODD_ID = MarkId.from_hex("0123456789abcdef")
EVEN_ID = MarkId.from_hex("0123456789abcdee")
IDS = st.integers(0, 2**64 - 1).map(MarkId)


def digest(values, dtype):
    return hashlib.sha256(np.ascontiguousarray(values, dtype).tobytes()).hexdigest()[:16]


# Golden values. If one of these fails, marks that were already written are no longer read: undo
# the change, or make it a new scheme beside this one.


def test_released_parameters():
    assert AudioScheme() == SCHEME
    assert SCHEME.name == "waarmerk.audio.1"
    assert (SCHEME.frame_rate, SCHEME.tile, SCHEME.bands, SCHEME.payload_tiles) == (
        100, 128, 24, 16,
    )  # fmt: skip
    assert (SCHEME.lowest, SCHEME.highest, SCHEME.knee) == (250.0, 6500.0, 1000.0)
    assert SCHEME.slow_lines == (4, 5, 6, 7, 8, 9, 10, 11)
    assert SCHEME.fast_lines == (15, 20, 26, 33)
    assert (SCHEME.slow_share, SCHEME.fast_share, SCHEME.limit) == (0.55, 0.12, 1.5)
    assert SCHEME.code_length == 512


def test_released_bands():
    edges = [250.0, 346.9, 451.3, 563.8, 685.0, 815.6, 956.4, 1108.0, 1271.4]
    np.testing.assert_allclose(SCHEME.edges[:9], edges, atol=0.05)
    np.testing.assert_allclose(SCHEME.edges[-3:], [5459.7, 5960.5, 6500.0], atol=0.05)


def test_released_pattern_of_a_key():
    pattern = key_pattern(KEY)
    first = [3.0310361848805365, 3.5357347459785617, 5.390383923309756, 0.3338061340339203]
    np.testing.assert_allclose(pattern.sync_phase[0, :4], first, rtol=1e-14)
    assert digest(np.rint(pattern.sync_phase * 1e6), "<i8") == "e40112b0051ee2a5"
    assert pattern.payload_sign[0, :8].tolist() == [-1, -1, 1, 1, 1, -1, -1, 1]
    assert digest(pattern.payload_sign, "i1") == "5ade9ac31125547d"
    assert pattern.payload_place[0, :6].tolist() == [223, 42, 329, 118, 413, 263]
    assert digest(pattern.payload_place, "<i2") == "5bffc0f0c6eef6ca"
    assert digest(np.rint(sync_cells(pattern) * 1e3), "<i2") == "fffa564cd5bd5920"


@pytest.mark.parametrize(
    ("text", "start", "word", "payload", "whole"),
    [
        ("0123456789abcdef", 1216, "a8fe96b3e99ae4f7", "06a8bc9827ede70a", "6bd6f80e5fa195ec"),
        ("0123456789abcdee", 165, "4e0ab7526c4c439d", "e249716a4fab28eb", "c67a28f48a804aec"),
        ("8000000000000000", 162, "37a0ab18992cdf4c", "d79dac8cb7434392", "8898b9995a353013"),
    ],
)
def test_released_mark_of_an_id(text, start, word, payload, whole):
    mark_id, pattern = MarkId.from_hex(text), key_pattern(KEY)
    assert start_frame(KEY, mark_id) == start
    assert digest(SCHEME.code.encode(mark_id), "i1") == word
    assert digest(payload_cells(pattern, mark_id), "i1") == payload
    assert digest(np.rint(unit_pattern(pattern, mark_id) * 1e3), "<i2") == whole


def test_released_pattern_of_an_id_in_figures():
    cells = unit_pattern(key_pattern(KEY), ODD_ID)
    seen = [
        [-0.588, -1.066, 0.475],
        [0.853, 0.405, -1.121],
        [0.307, -0.018, 0.651],
        [0.775, -1.104, -0.565],
        [-1.250, 0.099, -1.089],
    ]
    np.testing.assert_allclose(cells[::500, ::8], seen, atol=1e-3)


# The pattern


def test_energy_is_shared_as_the_scheme_says():
    pattern = key_pattern(KEY)
    sync = sync_cells(pattern)
    share = np.abs(np.fft.rfft(sync, axis=0) / len(sync)) ** 2 * 2
    slow, fast = share[list(SCHEME.slow_lines)], share[list(SCHEME.fast_lines)]
    np.testing.assert_allclose(slow, SCHEME.slow_share / 8, rtol=1e-4)
    np.testing.assert_allclose(fast, SCHEME.fast_share / 4, rtol=1e-4)
    # Nothing lies beside the lines.
    np.testing.assert_allclose((sync**2).mean(0), SCHEME.slow_share + SCHEME.fast_share, rtol=1e-4)


@settings(deadline=None, derandomize=True, max_examples=10)
@given(IDS)
def test_the_mark_is_of_even_strength(mark_id):
    pattern = key_pattern(KEY)
    cells = unit_pattern(pattern, mark_id)
    assert cells.shape == (SCHEME.cycle, SCHEME.bands)
    assert cells.dtype == np.float32
    assert np.abs(cells).max() <= SCHEME.limit
    # What the limit takes is the tips.
    share = 1 - SCHEME.slow_share - SCHEME.fast_share
    sync = np.tile(sync_cells(pattern), (SCHEME.payload_tiles, 1)) * sync_sign(mark_id)
    whole = sync + np.sqrt(share) * payload_cells(pattern, mark_id)
    assert (whole**2).mean() == pytest.approx(1, abs=0.02)
    assert 0.75 < (cells**2).mean() < 0.85
    np.testing.assert_allclose((cells**2).mean(0), 0.8, atol=0.2)
    # Sound is made neither louder nor softer.
    assert abs(cells.mean()) < 0.02


def test_every_bit_stands_in_every_tile_equally_often():
    pattern = key_pattern(KEY)
    often = SCHEME.tile * SCHEME.bands // SCHEME.code_length
    assert often == 6
    for tile in np.split(pattern.payload_place, SCHEME.payload_tiles):
        assert (np.bincount(tile.ravel(), minlength=SCHEME.code_length) == often).all()


def test_signs_are_balanced_and_differ_from_tile_to_tile():
    # Within 5 deviations of what a coin gives.
    sign = key_pattern(KEY).payload_sign.astype(int)
    assert set(np.unique(sign)) == {-1, 1}
    assert abs(sign.mean()) < 5 / sign.size**0.5
    tiles = sign.reshape(SCHEME.payload_tiles, -1)
    likeness = tiles @ tiles.T / tiles.shape[1] - np.eye(len(tiles))
    assert np.abs(likeness).max() < 5 / tiles.shape[1] ** 0.5


def test_keys_have_nothing_in_common():
    one, two = key_pattern(KEY), key_pattern(OTHER)
    count = one.sync_phase.size
    assert abs(np.exp(1j * (one.sync_phase - two.sync_phase)).mean()) < 5 / count**0.5
    agree = (one.payload_sign.astype(int) * two.payload_sign).mean()
    assert abs(agree) < 5 / one.payload_sign.size**0.5
    assert (one.payload_place == two.payload_place).mean() < 0.01


def test_phases_are_uniform():
    # What the bound on the chance stands on.
    phase = np.array([key_pattern(key).sync_phase for key in (KEY, OTHER)])
    assert ((phase >= 0) & (phase < 2 * np.pi)).all()
    for order in (1, 2, 3):
        assert abs(np.exp(1j * order * phase).mean()) < 4 / phase.size**0.5


def test_odd_ids_turn_the_synchronisation_around():
    assert (sync_sign(ODD_ID), sync_sign(EVEN_ID)) == (-1, 1)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(IDS)
def test_a_recording_starts_inside_the_cycle(mark_id):
    assert 0 <= start_frame(KEY, mark_id) < SCHEME.cycle


def test_recordings_start_anywhere():
    starts = [start_frame(KEY, MarkId(value)) for value in range(400)]
    often = np.bincount(np.array(starts) * 8 // SCHEME.cycle, minlength=8)
    assert often.min() > 25
    assert starts != [start_frame(OTHER, MarkId(value)) for value in range(400)]


# Bands


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000, 192000]),
    st.integers(1, 3),
    st.floats(0.85, 1.15),
)
def test_bins_are_shared_among_the_bands(rate, parts, pitch):
    length = 2 * -(-rate // SCHEME.frame_rate)
    first, last, weight = band_weights(rate, length, parts, pitch)
    assert weight.shape == (SCHEME.bands * parts, length // 2 + 1)
    assert (weight >= 0).all()
    # No bin is used more than once.
    assert weight.sum(0).max() <= 1 + 1e-5
    # As much of the spectrum as lies between the edges, in bins.
    covered = min(SCHEME.highest * pitch, rate / 2) - SCHEME.lowest * pitch
    assert weight.sum() == pytest.approx(covered * length / rate, rel=1e-4)
    for row, low, high in zip(weight, first, last, strict=True):
        inside = np.flatnonzero(row)
        assert (low, high) == ((inside[0], inside[-1] + 1) if inside.size else (0, 0))


def test_bands_above_half_the_rate_are_empty():
    *_, weight = band_weights(8000, 160)
    assert (weight.sum(1) > 0).tolist() == (SCHEME.edges[:-1] < 4000).tolist()
