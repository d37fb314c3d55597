"""The kernels for shifts of a tile, against a sum over all lines at every shift."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waarmerk.kernels.shifts import best_around, rows_of_pairs

FINE = 3


def pattern(kind, orientations, pairs, rng):
    """Frequencies (x, y), (-x, y), and lines of every orientation."""
    x, y = rng.integers(1, 6, pairs), rng.integers(1, 6, pairs)
    frequencies = np.stack([np.stack([x, y], 1), np.stack([-x, y], 1)], 1).reshape(-1, 2)
    shape = (orientations, 2 * pairs)
    lines = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    if kind == "constant":
        lines[:] = 1.0
    elif kind == "tiny":
        lines *= 1e-12
    elif kind == "silent":
        lines[:] = 0.0
    turn = np.exp(2j * np.pi * rng.random(2 * pairs)).astype(np.complex64)
    return frequencies, lines.astype(np.complex64), turn


def surface(lines, frequencies, shifts):
    """Re sum of m exp(-2 pi i (x u + y v) / shifts) at all v and u."""
    v, u = np.mgrid[:shifts, :shifts]
    phase = np.multiply.outer(v, frequencies[:, 1]) + np.multiply.outer(u, frequencies[:, 0])
    return (lines * np.exp(-2j * np.pi / shifts * phase)).sum(2).real


def looked_at(frequencies, lines, turn, shifts, *, reach, refined):
    x, y = frequencies[::2].T
    places, across = np.unique(x, return_inverse=True)
    along = np.outer(y, np.arange(shifts)) * (2 * np.pi / shifts)
    half = np.outer(places, np.arange(shifts // 2 + 1)) * (2 * np.pi / shifts)
    matched = np.empty_like(lines)
    even, odd = np.empty((2, len(places), len(lines) * shifts), np.float32)
    rows_of_pairs(
        lines,
        turn,
        across.astype(np.int64),
        np.cos(along).astype(np.float32),
        np.sin(along).astype(np.float32),
        matched,
        even,
        odd,
    )
    fine = np.arange(shifts * FINE)[:, None] * (-2j * np.pi / (shifts * FINE))
    turns = [np.exp(fine * frequencies[:, k]).astype(np.complex64) for k in (0, 1)]
    one = np.cos(half).T.astype(np.float32) @ even
    two = np.sin(half).T.astype(np.float32) @ odd
    return matched, one, two, best_around(one, two, matched, *turns, reach, refined)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(
    st.sampled_from(["noise", "constant", "tiny", "silent"]),
    st.integers(1, 8),
    st.integers(1, 9),
    st.sampled_from([12, 14, 20]),
    st.integers(0, 2**32 - 1),
)
def test_the_largest_of_all_shifts(kind, orientations, pairs, shifts, seed):
    rng = np.random.default_rng(seed)
    frequencies, lines, turn = pattern(kind, orientations, pairs, rng)
    matched, one, two, best = looked_at(
        frequencies, lines, turn, shifts, reach=0, refined=orientations
    )
    np.testing.assert_allclose(matched, lines * turn, rtol=1e-6)
    expected = np.array([surface(row, frequencies, shifts) for row in lines * turn])
    tolerance = 1e-5 * float(np.abs(lines).sum()) + 1e-30
    for u in range(shifts // 2 + 1):
        for sign in (1, -1):
            mine = (one[u] + sign * two[u]).reshape(orientations, shifts)
            np.testing.assert_allclose(mine, expected[:, :, sign * u % shifts], atol=tolerance)
    # Without a reach, what is looked at around a peak is the peak.
    assert best == pytest.approx(np.abs(expected).max(), abs=tolerance)


@settings(deadline=None, derandomize=True, max_examples=20)
@given(st.integers(1, 8), st.integers(2, 9), st.integers(0, 2**32 - 1))
def test_around_the_best_ones_it_looks_between(orientations, pairs, seed):
    shifts, reach = 14, 4
    rng = np.random.default_rng(seed)
    frequencies, lines, turn = pattern("noise", orientations, pairs, rng)
    *_, best = looked_at(frequencies, lines, turn, shifts, reach=reach, refined=1)
    coarse = np.array([surface(row, frequencies, shifts) for row in lines * turn])
    top = int(np.argmax(np.abs(coarse).max((1, 2))))
    v, u = np.unravel_index(np.argmax(np.abs(coarse[top])), (shifts, shifts))
    fine = np.abs(surface((lines * turn)[top], frequencies, shifts * FINE))
    around = np.arange(-reach, reach + 1)
    seen = fine[np.ix_((v * FINE + around) % len(fine), (u * FINE + around) % len(fine))]
    assert best == pytest.approx(seen.max(), rel=1e-4)
