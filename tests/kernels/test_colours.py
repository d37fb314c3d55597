"""The kernels for colours, against their twins in NumPy, against Pillow and against libjpeg."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from waarmerk.kernels.colours import (
    agreement,
    block_extremes,
    block_waves,
    low_bytes,
    luma_of_rgb,
)

LUMA = np.array((0.299, 0.587, 0.114), np.float32)
SCALE = 0.246
KINDS = st.sampled_from(["noise", "constant", "extremes"])


def pixels(kind, shape, rng):
    if kind == "noise":
        return rng.integers(0, 256, (*shape, 4), np.uint8)
    if kind == "constant":
        return np.full((*shape, 4), rng.integers(0, 256, 4), np.uint8)
    return rng.choice(np.array([0, 1, 254, 255], np.uint8), (*shape, 4))


def words(values):
    return np.ascontiguousarray(values).view("<u4")[:, :, 0]


def twin(rgb, rows, columns):
    """Every step as it is written down, in single precision."""
    part = rgb[: 8 * rows, : 8 * columns].astype(np.float32)
    sums = part.reshape(4 * rows, 2, 4 * columns, 2, -1).sum((1, 3))
    red, green, blue = (sums[:, :, k] for k in range(3))
    scale = np.float32(SCALE)
    out = []
    for own, other in ((blue, red), (red, blue)):
        values = own * np.float32(1 - LUMA[2]) - green * LUMA[1]
        values = (values - other * LUMA[0]) * scale
        blocks = values.reshape(rows, 4, columns, 4).swapaxes(1, 2).reshape(rows, columns, 16)
        out.append((blocks[:, :, 1:].min(2), blocks[:, :, 1:].max(2)))
    low, high = zip(*out, strict=True)
    return np.array(low), np.array(high)


def extremes(values, ycc=False):
    rows, columns = values.shape[0] // 8, values.shape[1] // 8
    low, high = np.full((2, 2, rows, columns), np.nan, np.float32)
    block_extremes(words(values), ycc, LUMA, SCALE, low, high)
    return low, high


@settings(deadline=None, derandomize=True, max_examples=30)
@given(KINDS, st.integers(8, 41), st.integers(8, 70), st.integers(0, 2**32 - 1))
def test_extremes_are_those_of_the_twin_to_the_last_bit(kind, height, width, seed):
    values = pixels(kind, (height, width), np.random.default_rng(seed))
    for mine, theirs in zip(extremes(values), twin(values, height // 8, width // 8), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_picture_without_a_block_gives_nothing():
    low, high = extremes(np.zeros((7, 30, 4), np.uint8))
    assert low.size == high.size == 0


@pytest.mark.parametrize("quality", [5, 50, 85, 100])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_ycc_becomes_rgb_as_libjpeg_makes_it(quality, subsampling):
    rng = np.random.default_rng(quality)
    noise = rng.integers(0, 256, (120, 136, 3), np.uint8)
    noise[:60] = np.kron(noise[:15, :17], np.ones((4, 8, 1), np.uint8))
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG", quality=quality, subsampling=subsampling)
    with Image.open(file) as image:
        rgb = np.asarray(image.convert("RGBA"))
    with Image.open(file) as image:
        image.draft("YCbCr", image.size)
        raw = image.tobytes("raw", "YCbCrX")
    ycc = np.frombuffer(raw, np.uint8).reshape(rgb.shape)
    for mine, theirs in zip(extremes(ycc, ycc=True), extremes(rgb), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("kind", ["noise", "constant", "extremes"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (40, 129)])
def test_luma_is_that_of_pillow(kind, shape):
    values = pixels(kind, shape, np.random.default_rng(5))
    out = np.zeros(shape, np.uint8)
    luma_of_rgb(words(values), out)
    expected = np.asarray(Image.fromarray(values[:, :, :3].copy()).convert("L"))
    np.testing.assert_array_equal(out, expected)
    low_bytes(words(values), out)
    np.testing.assert_array_equal(out, values[:, :, 0])


def test_luma_is_that_of_pillow_for_all_colours():
    every = np.arange(1 << 24, dtype="<u4").reshape(4096, 4096)
    out = np.empty(every.shape, np.uint8)
    luma_of_rgb(every, out)
    rgbx = Image.frombuffer("RGBX", every.shape, every.tobytes(), "raw", "RGBX", 0, 1)
    np.testing.assert_array_equal(out, np.asarray(rgbx.convert("RGB").convert("L")))


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.integers(0, 200), st.integers(0, 2**32 - 1))
def test_waves_are_sines_of_the_values(count, seed):
    rng = np.random.default_rng(seed)
    low, high = np.sort(rng.uniform(-1500, 1500, (2, 2, count)), 0).astype(np.float32)
    out = np.full((3, count), np.nan, np.float32)
    block_waves(low, high, 36.0, out)
    larger = np.maximum(np.abs(low + 1.0), np.abs(high + 1.0))
    values = np.concatenate([larger, high[:1] + 255.0]).astype(float)
    np.testing.assert_allclose(out, -np.sin(2 * np.pi / 36 * values), atol=1e-4)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(
    st.integers(0, 300), st.integers(0, 500), st.integers(1, 9), st.integers(1, 9), st.integers(0)
)
def test_agreement_is_that_of_the_means(count, first, period, periods, seed):
    rng = np.random.default_rng(seed)
    wave = rng.uniform(-1, 1, count).astype(np.float32)
    signs = rng.choice([-1.0, 1.0], period * periods)
    places = (first + np.arange(count)) % len(signs)
    means = np.array([wave[places == k].mean(dtype=float) if (places == k).any() else 0.0
                      for k in range(len(signs))]).reshape(-1, period)  # fmt: skip
    means = (means - means.mean(0)).ravel()
    total, magnitudes = agreement(wave, first, signs, period)
    assert total == pytest.approx(signs @ means, abs=1e-9)
    assert magnitudes == pytest.approx(np.abs(means).sum(), abs=1e-9)
