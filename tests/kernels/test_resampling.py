"""The kernels that bring a picture onto the canonical grid against naive twins and Pillow."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from tests import reference_image as reference
from tests.kernels.drawn import FEW, SHAPES, levels, pixels
from waarmerk.kernels.resampling import enlarge, reduce_luma

LUMA = np.array([0.299, 0.587, 0.114], np.float32)


# reduce_luma


def reduced(source, rows, columns, weights=LUMA):
    out = np.full((rows, columns), np.nan, np.float32)
    reduce_luma(source, weights, out)
    return out


@FEW
@given(pixels(), st.data())
def test_reduce_equals_the_mean_over_areas(source, data):
    rows = data.draw(st.integers(1, source.shape[0]))
    columns = data.draw(st.integers(1, source.shape[1]))
    expected = reference.reduce_luma(source, LUMA, rows, columns)
    np.testing.assert_allclose(reduced(source, rows, columns), expected, atol=2e-3)


@pytest.mark.parametrize(
    ("shape", "target"),
    [((513, 771), (512, 769)), ((1023, 517), (512, 512)), ((700, 701), (1, 1)), ((97, 1), (13, 1))],
)
def test_reduce_of_odd_sizes(shape, target):
    source = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    expected = reference.reduce_luma(source, LUMA, *target)
    np.testing.assert_allclose(reduced(source, *target), expected, atol=5e-3)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("level", [0, 1, 255])
def test_reduce_keeps_constants(channels, level):
    source = np.full((1501, 1003, channels), level, np.uint8)
    np.testing.assert_allclose(reduced(source, 766, 512), level, rtol=2e-5, atol=1e-6)


def test_reduce_to_the_same_size_gives_the_luma():
    source = np.random.default_rng(2).integers(0, 256, (31, 17, 4), dtype=np.uint8)
    np.testing.assert_allclose(reduced(source, 31, 17), source[:, :, :3] @ LUMA, atol=1e-3)


def test_reduce_ignores_alpha():
    source = np.random.default_rng(3).integers(0, 256, (40, 30, 4), dtype=np.uint8)
    other = source.copy()
    other[:, :, 3] = 0
    np.testing.assert_array_equal(reduced(source, 20, 13), reduced(other, 20, 13))


# enlarge


@FEW
@given(SHAPES, st.integers(0, 60), st.integers(0, 60), st.integers(0, 2**32 - 1))
@example((1, 1), 3, 0, 1)
@example((23, 20), 0, 7, 1)
def test_enlarging_gives_what_pillow_gives_to_the_last_bit(shape, taller, wider, seed):
    values = levels(shape, seed)
    out = np.full((shape[0] + taller, shape[1] + wider), np.nan, np.float32)
    enlarge(values, out)
    theirs = Image.fromarray(values).resize(out.shape[::-1], Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(out, np.asarray(theirs))
