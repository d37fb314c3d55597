"""What holds for every family of changes of a picture, at every strength."""

from itertools import pairwise

import numpy as np
import pytest

from tests.bench.transformations.toy_image import ToyScheme, content, picture, tools
from waarmerk.bench.image_quality import psnr
from waarmerk.bench.protocol import CATEGORIES, Content
from waarmerk.bench.transformations.image_families import IMAGE

pytest.importorskip("skimage")

BY_NAME = {family.name: family for family in IMAGE}
EACH = pytest.mark.parametrize("family", IMAGE, ids=lambda family: family.name)
ODD = content("odd", 83, 117)


def grey():
    return np.full((31, 17, 3), 77, np.uint8)


FLAT = Content("flat", "image", "rendered", grey)

# Averages of many works are costly, and the same whatever is done with them.
MANY_WORKS = 20


def strengths(family):
    return [s for s in family.strengths if family.axis != "works" or s <= MANY_WORKS]


def changed(family, strength, of=ODD):
    value = ToyScheme().mark(of, of.load(), 0).value
    return family.function(value, strength, tools(of, family.name, strength))


def test_names_are_unique_and_every_category_is_there():
    assert len(BY_NAME) == len(IMAGE)
    assert {family.category for family in IMAGE} == set(CATEGORIES)
    assert {family.medium for family in IMAGE} == {"image"}
    assert BY_NAME["none"].strengths == (0.0,)


def test_the_quick_profile_is_a_part_of_the_full_one_and_small():
    for family in IMAGE:
        assert set(family.quick) <= set(family.strengths), family.name
        assert len(set(family.strengths)) == len(family.strengths)
    assert 20 <= sum(len(family.quick) for family in IMAGE) <= 40


@EACH
def test_strengths_are_in_one_direction(family):
    steps = np.diff(family.strengths)
    assert (steps > 0).all() or (steps < 0).all()


@EACH
def test_gives_a_picture_again_and_leaves_the_input(family):
    value = ToyScheme().mark(ODD, ODD.load(), 0).value
    value.setflags(write=False)
    before = value.copy()
    for strength in strengths(family):
        result = family.function(value, strength, tools(ODD, family.name, strength))
        assert result.dtype == np.uint8
        assert result.ndim == 3
        assert result.shape[2] == 3
        assert min(result.shape[:2]) >= 8
        assert max(result.shape[:2]) <= 1600 * 117 / 83
        assert not np.shares_memory(result, value)
        assert result.flags.c_contiguous
        assert result.flags.writeable
    np.testing.assert_array_equal(value, before)


@EACH
def test_the_same_chance_gives_the_same(family):
    middle = strengths(family)[len(strengths(family)) // 2]
    np.testing.assert_array_equal(changed(family, middle), changed(family, middle))


@EACH
@pytest.mark.parametrize("of", [content("tiny", 16, 16), FLAT], ids=lambda of: of.name)
def test_takes_tiny_and_flat_pictures(family, of):
    value = of.load()
    for strength in (family.strengths[0], strengths(family)[-1]):
        result = family.function(value, strength, tools(of, family.name, strength))
        assert result.dtype == np.uint8
        assert result.size


MONOTONE = (
    *("jpeg", "webp", "avif", "generations", "noise", "salt_pepper", "blur", "median", "denoise"),
    *("darken", "brighten", "contrast_down", "contrast_up", "saturation_down", "saturation_up"),
    *("gamma_down", "gamma_up", "temperature", "overlay", "emoji", "border", "shear"),
    *("remove_denoise", "resynthesise", "rebuild_patches", "subtract_own"),
)


@pytest.mark.parametrize("name", MONOTONE)
def test_fidelity_falls_along_the_axis(name):
    family = BY_NAME[name]
    value = ToyScheme().mark(ODD, ODD.load(), 0).value
    values = [psnr(value, changed(family, strength)) for strength in family.strengths]
    # A wide window of the median may meet a strength that is hardly worse than the one before.
    assert all(later < before + 0.3 for before, later in pairwise(values))
    assert values[-1] < values[0] - 1


@pytest.mark.parametrize(
    ("name", "grows"),
    [
        *(("crop_centre", -1), ("crop_random", -1), ("resize_down", -1), ("resize_up", 1)),
        *(("aspect", -1), ("remove_lines", -1), ("rotate_expand", 1), ("combination", -1)),
    ],
)
def test_size_follows_the_axis(name, grows):
    family = BY_NAME[name]
    sizes = [changed(family, s, content("long", 160, 224)).size for s in family.strengths]
    assert all(grows * step > 0 for step in np.diff(sizes))


def test_nothing_is_changed_by_none():
    value = picture("nothing", 40, 50)
    result = BY_NAME["none"].function(value, 0.0, tools(ODD))
    np.testing.assert_array_equal(result, value)
