"""Attacks on pictures do what they say, on a mark whose patterns are known."""

import numpy as np
import pytest

from tests.bench.transformations.toy_image import (
    OTHERS,
    ToyScheme,
    content,
    correlation,
    picture,
    tools,
)
from waarmerk.bench.image_quality import psnr
from waarmerk.bench.protocol import RefusedError
from waarmerk.bench.transformations import image_estimates as estimates
from waarmerk.bench.transformations import image_malicious as malicious
from waarmerk.bench.transformations.image_families import IMAGE
from waarmerk.bench.transformations.image_local import borrowed

OWN = content("own", 512, 512)
LIKE = tuple(content(f"like {number}", 512, 512) for number in range(3))


def marked(of=OWN, number=0):
    return ToyScheme().mark(of, of.load(), 0, number).value


def test_a_mosaic_holds_every_copy_and_nothing_else():
    value = marked()
    copies = np.stack([value, *tools(OWN).copies(4)])
    mosaic = malicious.collude_mosaic(value, tools(OWN, 1), count=5)
    same = (copies == mosaic).all(axis=3)
    assert same.any(axis=0).all()
    tiles = same.reshape(5, 8, 64, 8, 64).all(axis=(2, 4))
    assert tiles.sum(axis=(1, 2)).tolist() == [13, 13, 13, 13, 12]


def test_averaging_copies_weakens_payloads_and_leaves_the_common_part():
    value = marked()
    result = malicious.collude_mean(value, tools(OWN), count=5)
    original = OWN.load()
    # The common part is where it was, and the payloads' half of the energy mostly gone.
    assert correlation(result) - correlation(original) > 0.9
    assert psnr(original, result) > psnr(original, value) + 1.5


def test_the_median_is_that_of_numpy():
    value = marked()
    copies = np.stack([value, *tools(OWN).copies(3)])
    result = malicious.collude_median(value, tools(OWN), count=4)
    np.testing.assert_array_equal(result, np.floor(np.median(copies, axis=0)))


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_overwriting_keeps_to_its_area(share):
    value = marked()
    over = tools(OWN).other_key(value)
    result = malicious.overwrite(value, tools(OWN, share), share=share)
    assert ((result == value) | (result == over)).all()
    differ = (value != over).any(axis=2)
    assert (result == over).all(axis=2)[differ].mean() == pytest.approx(share, abs=0.02)


def test_subtracting_takes_the_own_key_below_nothing():
    value = marked()
    result = malicious.subtract_own(value, tools(OWN), gain=1)
    assert correlation(result, -1) < correlation(value, -1) - 0.7
    assert correlation(result) == pytest.approx(correlation(value), abs=0.1)


def test_resynthesis_keeps_what_is_coarse():
    value = marked()
    result = malicious.resynthesise(value, tools(OWN).rng, share=0.05)
    coarse = [each.reshape(8, 64, 8, 64, 3).mean(axis=(1, 3)) for each in (value, result)]
    assert np.abs(coarse[0] - coarse[1]).max() < 4
    assert abs(correlation(result) - correlation(OWN.load())) < 0.2
    assert result.std() == pytest.approx(value.std(), rel=0.1)


def test_small_patches_rebuild_a_picture_closely_and_lose_its_mark():
    value = marked()
    assert psnr(value, malicious.rebuild_patches(value, tools(OWN), side=2)) > 30
    assert psnr(value, malicious.rebuild_patches(value, tools(OWN), side=16)) < 30


def test_an_average_of_marks_takes_the_common_part_away():
    value = marked()
    own = tools(OWN, others=LIKE)
    result = estimates.subtract_average(value, own, count=12, kind="residual")
    assert psnr(value, result) >= estimates.LIMIT
    before, after = (correlation(each) - correlation(OWN.load()) for each in (value, result))
    assert before > 0.9
    # The common part is 38.6 dB strong, so 40 dB leave some of it.
    assert after < 0.5


def test_removal_costs_no_more_than_its_limit():
    value = marked()
    result = estimates.subtract_average(value, tools(OWN), count=2, kind="highpass")
    assert psnr(value, result) >= estimates.LIMIT


def test_an_average_is_made_once_for_the_same_works(monkeypatch):
    own = tools(OWN, "once")
    first = estimates.averages(own, 3)
    calls = []
    monkeypatch.setattr(ToyScheme, "mark", lambda *args: calls.append(args))
    assert estimates.averages(tools(OWN, "twice"), 3) is first
    assert not calls


def test_without_other_works_there_is_no_average():
    with pytest.raises(RefusedError, match="no other content"):
        estimates.averages(tools(OWN, others=()), 3)


def test_forging_families_are_those_that_return_other_content():
    assert {each.name for each in IMAGE if each.forges} == {"copy_mark", "copy_average"}


@pytest.mark.parametrize("name", ["copy_mark", "copy_average"])
@pytest.mark.parametrize("others", [OTHERS, LIKE], ids=["small", "large"])
def test_forged_content_is_nearly_the_other_content(name, others):
    pytest.importorskip("skimage")
    family = next(each for each in IMAGE if each.name == name)
    value = marked()
    for strength in family.strengths if name == "copy_mark" else family.strengths[:1]:
        own = tools(OWN, name, strength, others=others)
        result = family.function(value, strength, own)
        other = borrowed(tools(OWN, name, strength, others=others), 512, 512)
        assert psnr(other, result) > 30
        assert psnr(value, result) < 25


def test_a_forged_average_carries_the_common_part():
    result = estimates.copy_average(marked(), tools(OWN, others=LIKE), count=12)
    other = borrowed(tools(OWN, others=LIKE), 512, 512)
    assert correlation(result) - correlation(other) > 0.5


def test_a_run_with_one_picture_borrows_a_rendered_one():
    rendered = borrowed(tools(OWN, others=()), 40, 60)
    assert rendered.shape == (40, 60, 3)
    assert rendered.std() > 10
    np.testing.assert_array_equal(borrowed(tools(OWN, others=()), 40, 60), rendered)


def test_a_borrowed_picture_is_cut_rather_than_stretched():
    one = content("one", 100, 300)
    result = borrowed(tools(OWN, others=(one,)), 100, 100)
    np.testing.assert_array_equal(result, picture("one", 100, 300)[:, 100:200])
