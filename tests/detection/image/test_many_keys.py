"""Many keys at once say of each what it says alone."""

import numpy as np
import pytest
from PIL import Image

from tests.rendered import demo, texture
from waarmerk.detection.image import detect_array, detect_each, evidence
from waarmerk.detection.image.analysis import Analysis
from waarmerk.detection.image.search import _PROMISING, LEVEL
from waarmerk.detection.image.shifts import worth_a_look
from waarmerk.marking.image import embed_array
from waarmerk.marking.image.scheme import key_pattern
from waarmerk.marking.key import MarkingKey
from waarmerk.marking.payload import MarkId

KEYS = [MarkingKey(bytes([k]) * 32, created="2026-01-01T00:00:00Z") for k in range(30)]


def check(content):
    finding = detect_array(content, [KEYS[7]], "fast")
    return finding.mark_id, finding.log10_p


@pytest.fixture(scope="module")
def marked():
    mark_id = MarkId.from_hex("0123456789abcdef")
    content = embed_array(demo("lake.jpg"), KEYS[7], mark_id, detect=check).content
    return Image.fromarray(content)


def turned(image):
    return image.rotate(5, Image.Resampling.BICUBIC).crop((90, 90, 600, 500))


def faint(image):
    """So small and so much compressed that something may be left, or nothing."""
    return image.resize((300, 200), Image.Resampling.LANCZOS).crop((7, 9, 280, 190))


CHANGES = {
    "whole": lambda image: image,
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "cropped": lambda image: image.crop((31, 17, 700, 480)),
    "turned": turned,
    "faint": faint,
    "unmarked": lambda _: Image.fromarray(texture(500, 640)),
}


@pytest.mark.parametrize("effort", ["fast", "full"])
@pytest.mark.parametrize("change", CHANGES)
def test_every_key_says_what_it_says_alone(marked, change, effort):
    pixels = np.asarray(CHANGES[change](marked))
    together = detect_each(pixels, KEYS, effort)
    alone = [detect_each(pixels, [key], effort)[0] for key in KEYS]
    assert together == alone
    assert any(finding.found for finding in alone) == (
        change in ("whole", "mirrored") or (effort == "full" and change in ("cropped", "turned"))
        or (change == "faint" and alone[7].found)
    )  # fmt: skip


@pytest.mark.parametrize("change", ["cropped", "turned", "faint", "unmarked"])
def test_keys_that_are_passed_over_would_have_shown_nothing(marked, change):
    analysis = Analysis(np.asarray(CHANGES[change](marked)))
    candidates = [(lines, power) for _, lines, power in analysis.candidates]
    patterns = [key_pattern(key) for key in KEYS]
    for level in (LEVEL, -5.0, -4.0):  # at the last, about half of them
        worth = worth_a_look(candidates, patterns, level)
        exact = np.array(
            [
                [evidence.shifted_sync(*candidate, pattern).log10_p for candidate in candidates]
                for pattern in patterns
            ]
        )
        assert worth[exact <= level].all()
        assert not worth[exact > level + 0.05].any()


def test_nothing_is_promising_that_leaves_nothing_when_all_is_paid():
    assert LEVEL > _PROMISING


@pytest.mark.parametrize("change", ["whole", "mirrored", "unmarked"])
def test_keys_that_are_quiet_would_have_shown_nothing(marked, change):
    upright = Analysis(np.asarray(CHANGES[change](marked))).upright
    patterns = [key_pattern(key) for key in KEYS]
    exact = np.array([evidence.upright_sync(*upright, p).log10_p for p in patterns])
    for level in (-1.8, -1.0):
        quiet = evidence.upright_quiet(*upright, patterns, level)
        assert not quiet[exact <= level].any()
        assert quiet[exact > level + 0.11].all()


def test_a_picture_of_nothing():
    for level in (0, 128, 255):
        plain = np.full((300, 400), level, np.uint8)
        assert not any(finding.found for finding in detect_each(plain, KEYS))
