"""What is hidden in the lowest bits of pixels.

The writers below follow NovelAI/novelai-image-metadata (nai_meta.py reads column by column, the
length in bits) and neggles/sd-webui-stealth-pnginfo (scripts/stealth_pnginfo.py, modes alpha and
rgb, with and without gzip).
"""

import gzip
import json

import numpy as np
import pytest

from tests.detection.labels.samples import A1111, NOVELAI
from waarmerk.detection.labels import labels_in_pixels


def pixels(depth=4, size=(120, 200)):
    return np.random.default_rng(7).integers(0, 255, (*size, depth), dtype=np.uint8)


def hide(picture, text, mode, *, compressed, length=None):
    """Write a text bit by bit, as plainly as can be."""
    content = gzip.compress(text.encode()) if compressed else text.encode()
    name = {"alpha": "png", "rgb": "rgb"}[mode]
    magic = f"stealth_{name}{'comp' if compressed else 'info'}".encode()
    size = len(content) * 8 if length is None else length
    bits = "".join(f"{byte:08b}" for byte in magic + size.to_bytes(4, "big") + content)
    channels = (3,) if mode == "alpha" else (0, 1, 2)
    at = 0
    for x in range(picture.shape[1]):
        for y in range(picture.shape[0]):
            for channel in channels:
                if at < len(bits):
                    picture[y, x, channel] = picture[y, x, channel] & 0xFE | int(bits[at])
                at += 1
    return picture


@pytest.mark.parametrize("mode", ["alpha", "rgb"])
@pytest.mark.parametrize("compressed", [True, False])
def test_parameters_of_web_uis_are_read(mode, compressed):
    (label,) = labels_in_pixels(hide(pixels(), A1111, mode, compressed=compressed))
    assert (label.status, label.standard, label.kind) == (
        "found",
        "generator.automatic1111",
        "generated",
    )
    assert "bits of the" in label.carrier
    assert dict(label.details)["model"] == "sd_xl_base_1.0"
    assert "lake" not in json.dumps(label.as_dict())


def test_what_novelai_hides_is_read():
    (label,) = labels_in_pixels(hide(pixels(), json.dumps(NOVELAI), "alpha", compressed=True))
    assert (label.standard, label.system) == ("generator.novelai-stealth", "NovelAI")
    assert dict(label.personal)["prompt"] == "a lake at dawn"


def test_colours_without_alpha_are_enough():
    (label,) = labels_in_pixels(hide(pixels(3), A1111, "rgb", compressed=True))
    assert label.standard == "generator.automatic1111"


def test_unknown_text_is_told_of():
    (label,) = labels_in_pixels(hide(pixels(), "a lake", "alpha", compressed=False))
    assert label.standard == "generator.stealth-pnginfo"
    assert label.personal == (("text", "a lake"),)


def test_damage_is_told_of():
    for length in (7, 8 * 120 * 200, 0xFFFFFFFF, 8):
        hidden = hide(pixels(), A1111, "alpha", compressed=True, length=length)
        (label,) = labels_in_pixels(hidden)
        assert label.status == "unreadable"


def test_a_bomb_does_not_go_off():
    bomb = hide(pixels(size=(400, 400)), "\0" * 8_000_000, "alpha", compressed=True)
    (label,) = labels_in_pixels(bomb)
    assert label.status == "unreadable"


@pytest.mark.parametrize(
    "picture",
    [
        pixels(),
        pixels(3),
        pixels(2),
        pixels()[:, :, 0],
        np.zeros((0, 0, 4), np.uint8),
        np.zeros((1, 1, 4), np.uint8),
        np.full((50, 50, 4), 255, np.uint8),
    ],
)
def test_other_pixels_hide_nothing(picture):
    assert labels_in_pixels(picture) == ()
