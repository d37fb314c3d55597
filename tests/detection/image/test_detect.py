"""End to end on real pictures: mark, do to them what the world does, and read the id."""

import io
import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, features

from tests.rendered import DEMO, demo, texture
from waarmerk.detection.image import detect_array, detect_each
from waarmerk.marking.image import embed_array
from waarmerk.marking.key import MarkingKey
from waarmerk.marking.payload import MarkId

CREATED = "2026-01-01T00:00:00Z"
KEY = MarkingKey(bytes(range(32)), created=CREATED)
OTHERS = [MarkingKey(bytes(range(k, 32 + k)), created=CREATED) for k in range(1, 5)]
IDS = {
    "lake.jpg": MarkId.from_hex("0123456789abcdef"),  # odd, generated
    "pebbles.jpg": MarkId.from_hex("8fedcba987654320"),  # even, altered
    "sea.webp": MarkId.from_hex("7fffffffffffffff"),
}


@cache
def marked(name):
    """A picture of the demo with a mark, as an image."""

    def check(content):
        finding = detect_array(content, [KEY], "fast")
        return finding.mark_id, finding.log10_p

    return Image.fromarray(embed_array(demo(name), KEY, IDS[name], detect=check).content)


def find(image, effort="full", keys=(KEY,)):
    return detect_array(np.asarray(image), list(keys), effort)


def assert_read(finding, name, key=KEY):
    assert finding.status == "found"
    assert finding.mark_id == IDS[name]
    assert finding.kind == IDS[name].kind
    assert finding.key_id == key.key_id
    assert finding.scheme == "waarmerk.image.1"
    assert finding.log10_p <= -9
    assert finding.p_value == 10.0**finding.log10_p
    assert finding.geometry is not None
    assert finding.reason is None


def assert_geometry(
    finding, *, scale=1.0, rotation=0.0, mirrored=False, aspect=1.0, degrees=0.3, share=0.006
):
    seen = finding.geometry
    assert seen.mirrored is mirrored
    assert seen.scale == pytest.approx(scale, rel=share)
    assert seen.aspect == pytest.approx(aspect, rel=share)
    turn = (seen.rotation - rotation + 180) % 360 - 180
    assert abs(turn) <= degrees
    assert -180 < seen.rotation <= 180


def recoded(image, suffix, quality):
    buffer = io.BytesIO()
    image.save(buffer, suffix, quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")


def scaled(image, factor, down=None):
    size = (round(image.width * factor), round(image.height * (down or factor)))
    return image.resize(size, Image.Resampling.LANCZOS)


def cropped(image, area, across=0.5, down=0.5):
    """Keep a share of the area; where: 0 is the left or top, 1 the right or bottom."""
    width, height = (round(side * math.sqrt(area)) for side in image.size)
    left, top = round((image.width - width) * across), round((image.height - height) * down)
    return image.crop((left, top, left + width, top + height))


def noisy(image, sigma):
    noise = np.random.default_rng(1).normal(0, sigma, (image.height, image.width, 3))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def gamma(image, exponent):
    return image.point([round(255 * (level / 255) ** exponent) for level in range(256)] * 3)


def overlaid(image):
    image = image.copy()
    draw = ImageDraw.Draw(image)
    width, height = image.size
    draw.rectangle((width // 10, height // 2, width * 9 // 10, height * 7 // 10), fill="white")
    draw.text((width // 8, height * 11 // 20), "A caption over a part of the picture", fill="black")
    return image


def leaning(image, share):
    """Mild perspective: the upper corners come closer together."""
    width, height = image.size
    inset = share * width
    # Rows of the equations of a homography from output to input corners.
    corners = [(0, 0), (width, 0), (width, height), (0, height)]
    source = [(inset, 0), (width - inset, 0), (width, height), (0, height)]
    system, wanted = [], []
    for (x, y), (u, v) in zip(corners, source, strict=True):
        system += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        wanted += [u, v]
    map_ = np.linalg.solve(np.array(system, float), np.array(wanted, float))
    return image.transform(
        image.size, Image.Transform.PERSPECTIVE, tuple(map_), Image.Resampling.BICUBIC
    )


# A picture marked when the mark was defined (lake.jpg of the demo, smaller, as JPEG 85). It must be
# read for as long as the scheme is: a change that fails here is a new scheme.


@pytest.mark.parametrize("area", [1, 0.6])
def test_a_mark_of_the_past(area):
    image = Image.open(Path(__file__).parent / "marked_image_1.jpg")
    assert_read(find(cropped(image, area)), "lake.jpg")


# The picture as a whole: the fast look is enough

WHOLE = {
    "nothing": lambda i: i,
    "jpeg 90": lambda i: recoded(i, "JPEG", 90),
    "jpeg 70": lambda i: recoded(i, "JPEG", 70),
    "jpeg 50": lambda i: recoded(i, "JPEG", 50),
    "webp 80": lambda i: recoded(i, "WEBP", 80),
    "webp 50": lambda i: recoded(i, "WEBP", 50),
    "three quarters": lambda i: scaled(i, 0.75),
    "half": lambda i: scaled(i, 0.5),
    "twice": lambda i: scaled(i, 2),
    "odd size": lambda i: i.resize((777, round(777 * i.height / i.width))),
    "noise": lambda i: noisy(i, 10),
    "blur": lambda i: i.filter(ImageFilter.GaussianBlur(1)),
    "median": lambda i: i.filter(ImageFilter.MedianFilter(3)),
    "sharpened": lambda i: i.filter(ImageFilter.UnsharpMask()),
    "brighter": lambda i: ImageEnhance.Brightness(i).enhance(1.2),
    "less contrast": lambda i: ImageEnhance.Contrast(i).enhance(0.8),
    "gamma": lambda i: gamma(i, 1.3),
    "no saturation": lambda i: ImageEnhance.Color(i).enhance(0.3),
    "grey, one channel": lambda i: i.convert("L"),
    "overlay": overlaid,
    "alpha": lambda i: i.convert("RGBA"),
    "screenshot": lambda i: recoded(scaled(i, 0.7), "JPEG", 75),
}


@pytest.mark.parametrize("change", WHOLE.values(), ids=WHOLE.keys())
@pytest.mark.parametrize("name", DEMO)
def test_whole_pictures_are_read_at_the_fast_look(name, change):
    finding = find(change(marked(name)), "fast")
    assert_read(finding, name)
    assert finding.geometry.as_dict() == {"scale": 1.0, "rotation": 0.0, "mirrored": False}


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
@pytest.mark.parametrize("name", DEMO)
def test_avif(name):
    assert_read(find(recoded(marked(name), "AVIF", 60), "fast"), name)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("name", DEMO)
def test_right_angles_and_mirrors(name, quarters, mirrored):
    array = np.asarray(marked(name))
    if mirrored:
        array = array[:, ::-1]
    finding = find(np.rot90(array, quarters), "fast")
    assert_read(finding, name)
    rotation = {3: -90}.get(quarters, 90 * quarters)
    assert_geometry(finding, rotation=rotation, mirrored=mirrored, degrees=1e-6, share=1e-9)


def test_turned_and_recompressed():
    image = recoded(scaled(marked("lake.jpg"), 0.75), "JPEG", 60)
    finding = find(np.rot90(np.asarray(image)[:, ::-1]), "fast")
    assert_read(finding, "lake.jpg")
    assert_geometry(finding, rotation=90, mirrored=True)


# What needs the search


@pytest.mark.parametrize("area", [0.75, 0.5, 0.4])
@pytest.mark.parametrize(("across", "down"), [(0.5, 0.5), (0.13, 0.9), (1, 0)])
@pytest.mark.parametrize("name", DEMO)
def test_crops(name, area, across, down):
    finding = find(cropped(marked(name), area, across, down))
    assert_read(finding, name)
    assert_geometry(finding, scale=1 / math.sqrt(area))


@pytest.mark.parametrize("name", ["lake.jpg", "sea.webp"])
def test_a_quarter_of_the_area(name):
    finding = find(cropped(marked(name), 0.25, 0.3, 0.6))
    assert_read(finding, name)
    assert_geometry(finding, scale=2, share=0.01)


@pytest.mark.parametrize("name", DEMO)
def test_crops_are_not_found_by_the_fast_look(name):
    # Which is why there is a full one.
    finding = find(cropped(marked(name), 0.5), "fast")
    assert finding.status == "not_found"
    assert finding.mark_id is finding.geometry is finding.kind is None


@pytest.mark.parametrize("angle", [2, -5, 15, 37, 50, 90 + 7, 180 - 3])
@pytest.mark.parametrize("name", DEMO)
def test_rotations(name, angle):
    image = marked(name).rotate(angle, Image.Resampling.BICUBIC)
    finding = find(image)
    assert_read(finding, name)
    assert_geometry(finding, rotation=angle)


@pytest.mark.parametrize("name", DEMO)
def test_rotation_with_inner_crop(name):
    image = cropped(marked(name).rotate(5, Image.Resampling.BICUBIC), 0.64)
    finding = find(image)
    assert_read(finding, name)
    assert_geometry(finding, rotation=5, scale=1.25)


@pytest.mark.parametrize("name", DEMO)
def test_mirrored_and_rotated(name):
    image = marked(name).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    finding = find(image.rotate(-4, Image.Resampling.BICUBIC))
    assert_read(finding, name)
    assert_geometry(finding, rotation=-4, mirrored=True)


@pytest.mark.parametrize("name", DEMO)
@pytest.mark.parametrize("stretch", [1.2, 1 / 1.2])
def test_aspect(name, stretch):
    image = scaled(marked(name), stretch, 1)
    finding = find(image)
    assert_read(finding, name)
    before, after = min(marked(name).size), min(image.size)
    assert_geometry(finding, aspect=stretch, scale=math.sqrt(stretch) * before / after)


@pytest.mark.parametrize(
    ("name", "share"),
    [("lake.jpg", 0.01), ("pebbles.jpg", 0.01), ("sea.webp", 0.01), ("sea.webp", 0.03)],
)
def test_perspective(name, share):
    assert_read(find(leaning(marked(name), share)), name)


@pytest.mark.parametrize("name", DEMO)
def test_a_border_cut_off_and_the_rest_resized(name):
    image = marked(name)
    finding = find(cropped(image, 0.64).resize(image.size, Image.Resampling.BICUBIC))
    assert_read(finding, name)
    assert_geometry(finding, scale=1.25)


@pytest.mark.parametrize("name", DEMO)
def test_crop_and_scale_and_jpeg(name):
    image = recoded(scaled(cropped(marked(name), 0.75, 0.3, 0.8), 0.8), "JPEG", 70)
    assert_read(find(image), name)


def test_inside_a_larger_picture():
    page = Image.new("RGB", (1100, 900), "white")
    page.paste(marked("lake.jpg"), (61, 133))
    finding = find(page)
    assert_read(finding, "lake.jpg")
    assert_geometry(finding, scale=640 / 900)


def test_both_efforts_agree_where_the_fast_look_finds_the_mark():
    fast, full = (find(marked("lake.jpg"), effort) for effort in ("fast", "full"))
    assert fast == full


# Keys


@pytest.mark.parametrize("effort", ["fast", "full"])
@pytest.mark.parametrize("name", DEMO)
def test_other_keys_find_nothing(name, effort):
    for image in (marked(name), cropped(marked(name), 0.5)):
        for finding in detect_each(np.asarray(image), OTHERS, effort):
            assert finding.status == "not_found"
            assert finding.log10_p > -4
            assert finding.mark_id is finding.geometry is None


@pytest.mark.parametrize("effort", ["fast", "full"])
@pytest.mark.parametrize("place", [0, 2, 4])
def test_the_right_one_of_several_keys_is_named_and_paid_for(place, effort):
    image = marked("pebbles.jpg")
    alone = find(image, effort)
    finding = find(image, effort, [*OTHERS[:place], KEY, *OTHERS[place:]])
    assert_read(finding, "pebbles.jpg")
    assert finding.log10_p == pytest.approx(alone.log10_p + math.log10(5))


def test_each_key_for_itself():
    keys = [OTHERS[0], KEY, OTHERS[1]]
    image = np.asarray(cropped(marked("pebbles.jpg"), 0.5))
    findings = detect_each(image, keys)
    assert [finding.key_id for finding in findings] == [key.key_id for key in keys]
    assert [finding.found for finding in findings] == [False, True, False]
    assert findings[1] == detect_array(image, [KEY])


def test_marks_of_two_keys_are_both_found():
    def check(content):
        finding = detect_array(content, [OTHERS[0]], "fast")
        return finding.mark_id, finding.log10_p

    second = MarkId.from_hex("00112233445566aa")
    both = embed_array(np.asarray(marked("lake.jpg")), OTHERS[0], second, detect=check).content
    findings = detect_each(both, [KEY, OTHERS[0]], "fast")
    assert [finding.mark_id for finding in findings] == [IDS["lake.jpg"], second]


# What is no picture, or one that cannot be looked at


@pytest.mark.parametrize("shape", [(63, 400, 3), (400, 63), (1, 1), (1, 5000, 4)])
def test_too_small(shape):
    for effort in ("fast", "full"):
        finding = find(np.zeros(shape, np.uint8), effort)
        assert finding.status == "unreadable"
        assert finding.log10_p is finding.p_value is finding.geometry is None
        assert f"{shape[1]} x {shape[0]}" in finding.reason


def test_too_long_a_strip():
    assert find(np.zeros((64, 64 * 32 + 1), np.uint8)).status == "unreadable"
    assert find(np.zeros((64, 64 * 32), np.uint8)).status == "not_found"


@pytest.mark.parametrize("shape", [(64, 64), (64, 65, 3), (65, 64, 4), (100, 1999, 3), (2001, 70)])
@pytest.mark.parametrize("effort", ["fast", "full"])
def test_sizes_at_the_edge(shape, effort):
    array = texture(*shape[:2], *(shape[2:] or (1,)))
    assert find(array, effort).status == "not_found"


@pytest.mark.parametrize("dtype", [np.uint16, np.float32, bool])
def test_other_types_are_errors(dtype):
    with pytest.raises(ValueError, match=np.dtype(dtype).name):
        find(np.zeros((128, 128), dtype))


@pytest.mark.parametrize("shape", [(128,), (128, 128, 2), (128, 128, 1), (0, 128, 3), (128, 0)])
def test_other_shapes_are_errors(shape):
    with pytest.raises(ValueError, match="a picture is"):
        find(np.zeros(shape, np.uint8))


def test_no_key_is_an_error():
    with pytest.raises(ValueError, match="at least one key"):
        find(np.zeros((128, 128), np.uint8), keys=[])


def test_the_array_is_left_alone():
    array = np.asarray(cropped(marked("lake.jpg"), 0.5)).copy()
    before = array.copy()
    array.setflags(write=False)
    first, second = find(array), find(array[:, :, :])
    np.testing.assert_array_equal(array, before)
    assert first == second


@pytest.mark.parametrize("name", DEMO)
def test_any_memory_layout(name):
    array = np.asarray(marked(name))
    assert find(np.asfortranarray(array), "fast") == find(array, "fast")
