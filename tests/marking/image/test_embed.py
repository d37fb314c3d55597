"""Marking arrays: what comes back, what is left alone, what is refused and when."""

import math

import numpy as np
import pytest
from PIL import Image

from tests.rendered import DEMO, checkerboard, demo, levels, ramp, texture
from waarmerk.detection.image import detect_array
from waarmerk.errors import CannotMarkError, UnsupportedInputError
from waarmerk.marking.image import MINIMUM_SIDE, embed_array
from waarmerk.marking.key import MarkingKey
from waarmerk.marking.payload import MarkId

KEY = MarkingKey(bytes(range(32)), created="2026-01-01T00:00:00Z")
MARK_ID = MarkId.from_hex("0123456789abcdef")


def check(content):
    finding = detect_array(content, [KEY], "fast")
    return finding.mark_id, finding.log10_p


def never(content):
    raise AssertionError("the detector was asked about a picture that cannot be marked")


def embed(array, mark_id=MARK_ID, detect=check):
    return embed_array(array, KEY, mark_id, detect=detect)


def psnr(one, two):
    mean = np.mean((one.astype(float) - two.astype(float)) ** 2)
    return 10 * math.log10(255**2 / mean)


def with_alpha(array, seed=1):
    alpha = np.random.default_rng(seed).integers(0, 256, array.shape[:2], dtype=np.uint8)
    return np.dstack([array, alpha])


def grey(array):
    return np.array(Image.fromarray(array).convert("L"))


@pytest.fixture(scope="module")
def lake():
    return demo("lake.jpg")


# What comes back


@pytest.mark.parametrize("kind", ["grey", "rgb", "rgba"])
@pytest.mark.parametrize("name", DEMO)
def test_the_mark_is_there_and_hardly_seen(name, kind):
    array = {"grey": grey, "rgb": np.array, "rgba": with_alpha}[kind](demo(name))
    before = array.copy()
    embedded = embed(array)
    content = embedded.content
    np.testing.assert_array_equal(array, before)
    assert content is not array
    assert not np.shares_memory(content, array)
    assert (content.dtype, content.shape) == (np.uint8, array.shape)
    assert content.flags.c_contiguous
    colours = (..., slice(3)) if array.ndim == 3 else ...
    assert embedded.psnr == pytest.approx(psnr(content[colours], array[colours]), abs=1e-9)
    assert 41 < embedded.psnr < 50
    if kind == "rgba":
        np.testing.assert_array_equal(content[:, :, 3], array[:, :, 3])
    assert embedded.mark_id == MARK_ID
    assert (embedded.mark_id, embedded.log10_p) == check(content)
    assert embedded.log10_p < -30
    assert detect_array(array, [KEY]).status == "not_found"


def test_no_pixel_is_changed_by_much(lake):
    difference = embed(lake).content.astype(int) - lake
    assert np.abs(difference).max() <= 24
    # Nor is the picture as a whole made brighter or darker.
    assert abs(difference.mean()) < 0.1


def test_plain_parts_are_changed_least():
    sea = demo("sea.webp")
    square = (embed(sea).content.astype(float) - sea) ** 2
    activity = np.abs(np.diff(grey(sea).astype(float), axis=1)).reshape(-1)
    rows = square.mean(2)[:, 1:].reshape(-1)
    calm = activity <= np.quantile(activity, 0.3)
    assert rows[calm].mean() < rows[~calm].mean()


@pytest.mark.parametrize("name", DEMO)
def test_the_same_every_time(name):
    np.testing.assert_array_equal(embed(demo(name)).content, embed(demo(name)).content)


def test_another_id_is_another_mark(lake):
    one, two = embed(lake), embed(lake, MarkId.from_hex("8123456789abcdee"))
    assert not np.array_equal(one.content, two.content)
    assert check(two.content)[0] == MarkId.from_hex("8123456789abcdee")


@pytest.mark.parametrize("value", [0, 1, 2**63, 2**64 - 1])
def test_extreme_ids(lake, value):
    assert check(embed(lake, MarkId(value)).content)[0] == MarkId(value)


VIEWS = {
    "mirrored": lambda a: a[:, ::-1],
    "turned": lambda a: a.swapaxes(0, 1),
    "every other column": lambda a: a.repeat(2, 1)[:, ::2],
    "colours in reverse": lambda a: a[:, :, ::-1],
    "planes": np.asfortranarray,
    "inside another": lambda a: np.pad(a, ((3, 5), (7, 2), (0, 1)))[3:-5, 7:-2, :3],
    "one channel of three": lambda a: a[:, :, 1],
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
def test_any_memory_layout(lake, view):
    array = view(lake)
    assert not array.flags.c_contiguous
    content = embed(array).content
    np.testing.assert_array_equal(content, embed(np.ascontiguousarray(array)).content)


def test_read_only_arrays(lake):
    assert not lake.flags.writeable
    assert embed(lake).content.flags.writeable


def test_greys_in_three_channels_stay_nearly_grey(lake):
    # The change goes along the luma weights, which costs least and colours greys a little.
    content = embed(np.repeat(grey(lake)[:, :, None], 3, 2)).content.astype(int)
    assert np.ptp(content, axis=2).max() <= 24


@pytest.mark.parametrize(
    ("height", "width"),
    [(256, 256), (257, 301), (511, 512), (512, 513), (300, 4799), (1999, 500), (1023, 1537)],
)
def test_sizes(height, width):
    array = texture(height, width)
    embedded = embed(array)
    assert embedded.content.shape == array.shape
    assert embedded.psnr > 41


@pytest.mark.parametrize("channels", [1, 3])
def test_black_and_white_detail_is_marked_or_refused_and_nothing_else(channels):
    # Half of what is added is cut off at the limits of the levels.
    array = levels(255 * (texture(700, 900, channels) > 128))
    try:
        embedded = embed(array)
    except CannotMarkError:
        return
    assert check(embedded.content)[0] == MARK_ID


def test_twelve_megapixels():
    small = texture(1000, 1333, seed=5)
    array = np.array(Image.fromarray(small).resize((4000, 3000), Image.Resampling.BICUBIC))
    embedded = embed(array)
    assert embedded.content.shape == (3000, 4000, 3)
    assert embedded.psnr > 43


# What is refused, before anything is written


@pytest.mark.parametrize(
    ("height", "width"),
    [
        (MINIMUM_SIDE - 1, 800),
        (800, MINIMUM_SIDE - 1),
        (1, 1),
        (0, 0),
        (0, 512),
        (256, 256 * 16 + 1),
    ],
)
def test_sizes_that_are_refused(height, width):
    array = texture(height, width) if min(height, width) > 1 else np.zeros((height, width), "u1")
    with pytest.raises(CannotMarkError, match=f"{width} x {height}"):
        embed(array, detect=never)


@pytest.mark.parametrize("shape", [(512, 512), (512, 512, 3), (512, 512, 4)])
@pytest.mark.parametrize("level", [0, 1, 127, 254, 255])
def test_plain_pictures_are_refused(level, shape):
    with pytest.raises(CannotMarkError, match="too plain"):
        embed(np.full(shape, level, np.uint8), detect=never)


@pytest.mark.parametrize(
    "array",
    [ramp(1 / 3, 0), ramp(0, 1 / 2), ramp(1 / 6, 1 / 5), ramp(255 / 768, 0, 512, 768)],
    ids=["across", "down", "slanting", "black to white"],
)
def test_gradients_are_refused(array):
    with pytest.raises(CannotMarkError, match="too plain"):
        embed(array, detect=never)


def test_a_single_object_on_plain_ground_is_refused():
    array = np.full((600, 800, 3), 250, np.uint8)
    array[290:310, 390:410] = 30
    with pytest.raises(CannotMarkError, match="too plain"):
        embed(array, detect=never)


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32, np.float64, bool, complex])
def test_other_types_are_refused(dtype):
    with pytest.raises(UnsupportedInputError, match=np.dtype(dtype).name):
        embed(texture(300, 300).astype(dtype), detect=never)


@pytest.mark.parametrize("shape", [(512,), (512, 512, 1), (512, 512, 2), (512, 512, 5), (1,) * 4])
def test_other_shapes_are_refused(shape):
    with pytest.raises(UnsupportedInputError, match=r"not \["):
        embed(np.zeros(shape, np.uint8), detect=never)


@pytest.mark.parametrize(
    "answer", [(None, -50.0), (None, 0.0), (MarkId(5), -50.0)], ids=["no id", "nothing", "wrong id"]
)
def test_a_mark_that_does_not_read_back_is_refused(lake, answer):
    with pytest.raises(CannotMarkError, match="could not be read back"):
        embed(lake, detect=lambda content: answer)


def test_the_check_sees_what_is_returned(lake):
    seen = []

    def watching(content):
        seen.append(content)
        return check(content)

    content = embed(lake, detect=watching).content
    assert len(seen) == 1
    np.testing.assert_array_equal(seen[0], content)


@pytest.mark.parametrize("side", [1, 8, 64])
def test_periodic_pictures_are_marked_or_refused_and_nothing_else(side):
    try:
        embedded = embed(checkerboard(side))
    except CannotMarkError:
        return
    assert check(embedded.content)[0] == MARK_ID
