"""Colours and luma out of one decoding are those of two, to the last bit."""

import io

import numpy as np
import pytest
from PIL import Image

from waarmerk.marking import colours as module
from waarmerk.marking.colours import memory_of, shortened
from waarmerk.marking.formats import PICTURES
from waarmerk.marking.picture import open_for_detection

SUFFIX = {name: f.extensions[0] for name, f in PICTURES.items()}


def scene(height=160, width=200, channels=3):
    rng = np.random.default_rng(height)
    y, x = np.mgrid[:height, :width]
    planes = [x % 251, 200 - y // 2 % 190, (x * 3 + y * 2) % 256, 255 - x % 256][:channels]
    noise = rng.integers(-20, 20, (height, width, channels))
    return (np.stack(planes, -1) + noise).clip(0, 255).astype(np.uint8)


def encoded(image, name, **options):
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def everything(image):
    return (0, image.size[1])


def rgb_of(colours):
    """All rows that were asked for, as RGB or RGBA; YCbCr through the kernel's twin, libjpeg."""
    assert not colours.ycc
    return colours.pixels(colours.first, colours.last)


PICTURE = Image.fromarray(scene())
RGBA = Image.fromarray(scene(channels=4), "RGBA")
PALETTE = PICTURE.quantize(64)
CASES = {
    "png": (PICTURE, "PNG", {}),
    "png interlaced is not written by Pillow, alpha": (RGBA, "PNG", {}),
    "png palette": (PALETTE, "PNG", {}),
    "png palette with a transparent colour": (PALETTE, "PNG", {"transparency": 3}),
    "png gray with alpha": (RGBA.convert("LA"), "PNG", {}),
    "png transparent colour": (PICTURE, "PNG", {"transparency": (0, 200, 30)}),
    "webp": (PICTURE, "WEBP", {"quality": 70}),
    "webp alpha": (RGBA, "WEBP", {"lossless": True}),
    "webp animated": (PICTURE, "WEBP", {"save_all": True, "append_images": [PICTURE]}),
    "avif": (PICTURE, "AVIF", {}),
    "gif": (PALETTE, "GIF", {}),
    "gif animated": (PALETTE, "GIF", {"save_all": True, "append_images": [PICTURE]}),
    "tiff": (PICTURE, "TIFF", {}),
    "tiff alpha": (RGBA, "TIFF", {}),
    "bmp": (PICTURE, "BMP", {}),
    "jpeg": (PICTURE, "JPEG", {"quality": 85}),
    "jpeg full colours": (PICTURE, "JPEG", {"quality": 85, "subsampling": 0}),
    "jpeg progressive": (PICTURE, "JPEG", {"progressive": True}),
    "jpeg in RGB": (PICTURE, "JPEG", {"keep_rgb": True, "quality": 95}),
}


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("case", CASES)
def test_one_decoding_gives_what_two_gave(case, orientation):
    image, name, options = CASES[case]
    if orientation != 1:
        if name in ("GIF", "BMP"):
            pytest.skip("has no orientation")
        exif = Image.Exif()
        exif[0x0112] = orientation
        options = options | {"exif": exif.tobytes()}
    data = encoded(image, name, **options)
    plain = open_for_detection(data, "x" + SUFFIX[name])
    assert plain.colours is None
    seen = open_for_detection(data, "x" + SUFFIX[name], rows=everything)
    np.testing.assert_array_equal(seen.array, plain.array)
    assert (seen.width, seen.height, seen.notes) == (plain.width, plain.height, plain.notes)
    with Image.open(io.BytesIO(data)) as again:
        clear = again.mode in ("RGBA", "LA") or (again.mode == "P" and "transparency" in again.info)
        expected = np.asarray(again.convert("RGBA" if clear else "RGB"))
    assert seen.colours is not None
    np.testing.assert_array_equal(seen.colours.pixels(0, seen.colours.image.size[1]), expected)
    # And with leave to keep YCbCr: the same luma.
    third = open_for_detection(data, "x" + SUFFIX[name], rows=everything, kernels=True)
    np.testing.assert_array_equal(third.array, plain.array)
    assert third.colours.ycc == (name == "JPEG" and case != "jpeg in RGB")


@pytest.mark.parametrize(
    ("image", "name"),
    [
        (PICTURE.convert("L"), "PNG"),
        (PICTURE.convert("L"), "JPEG"),
        (PICTURE.convert("1"), "PNG"),
        (PICTURE.convert("CMYK"), "JPEG"),
        (PICTURE.convert("CMYK"), "TIFF"),
        (PICTURE.convert("LAB"), "TIFF"),
        (PICTURE.convert("YCbCr"), "TIFF"),
        (Image.fromarray(scene(channels=1)[:, :, 0].astype(np.uint16) << 8), "PNG"),
    ],
)
def test_pictures_that_are_not_in_colours_have_none(image, name):
    data = encoded(image, name)
    plain = open_for_detection(data, "x" + SUFFIX[name])
    seen = open_for_detection(data, "x" + SUFFIX[name], rows=everything, kernels=True)
    assert seen.colours is None
    np.testing.assert_array_equal(seen.array, plain.array)


def test_nobody_is_given_colours_that_he_does_not_want():
    data = encoded(PICTURE, "PNG")
    assert open_for_detection(data, "x.png", rows=lambda _: None).colours is None


# The memory of a picture


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "YCbCr"])
@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (160, 201)])
def test_the_memory_of_a_picture_holds_its_pixels(mode, shape):
    image = Image.fromarray(scene(*shape)).convert(mode)
    expected = np.asarray(image)
    held = memory_of(image)
    assert held.shape == shape
    if mode != "L":
        held = held[:, :, None].view(np.uint8)[:, :, : expected.shape[2]]
    np.testing.assert_array_equal(held, expected)
    assert not held.flags.writeable


def test_the_memory_of_a_picture_outlives_it():
    pixels = scene(300, 400)
    held = memory_of(Image.fromarray(pixels))
    others = [Image.new("RGB", (400, 300), (k, k, k)) for k in range(20)]
    np.testing.assert_array_equal(held[:, :, None].view(np.uint8)[:, :, :3], pixels)
    assert len(others) == 20


def test_pictures_that_are_kept_otherwise_are_copied():
    for mode in ("P", "1", "LA", "I", "F", "CMYK"):
        assert memory_of(Image.new(mode, (20, 10))) is None
    data = encoded(PICTURE, "PNG")
    whole = open_for_detection(data, "x.png", rows=everything, kernels=True)
    size = Image.core.get_block_size()
    Image.core.set_block_size(1 << 16)
    try:
        pieces = open_for_detection(data, "x.png", rows=everything, kernels=True)
        assert memory_of(pieces.colours.image) is None
    finally:
        Image.core.set_block_size(size)
    np.testing.assert_array_equal(pieces.array, whole.array)
    mask = 0xFFFFFF
    np.testing.assert_array_equal(
        pieces.colours.words(5, 90) & mask, whole.colours.words(5, 90) & mask
    )


# A JPEG that is reduced, and decoded again down to the last row that is wanted


LARGE = Image.fromarray(scene(1100, 1250))


@pytest.mark.parametrize("ycc", [False, True])
@pytest.mark.parametrize("band", [(0, 8), (296, 304), (400, 640), (0, 1100), (1000, 1100)])
@pytest.mark.parametrize(
    "options",
    [
        {"quality": 85},
        {"quality": 95, "subsampling": 0},
        {"quality": 80, "subsampling": 1},
        {"quality": 85, "progressive": True},
        {"quality": 85, "restart_marker_rows": 2},
    ],
    ids=["420", "444", "422", "progressive", "restarts"],
)
def test_the_rows_that_are_wanted_are_those_of_the_whole(options, band, ycc):
    data = encoded(LARGE, "JPEG", **options)
    plain = open_for_detection(data, "x.jpg")
    seen = open_for_detection(data, "x.jpg", rows=lambda _: band, kernels=ycc)
    assert seen.reduction == plain.reduction == 2
    np.testing.assert_array_equal(seen.array, plain.array)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(image)
    assert seen.colours is not None
    assert not seen.colours.ycc
    np.testing.assert_array_equal(rgb_of(seen.colours), expected[band[0] : band[1]])


def test_rows_that_nobody_wants_are_not_decoded():
    data = encoded(LARGE, "JPEG", quality=85)
    seen = open_for_detection(data, "x.jpg", rows=lambda _: (296, 304))
    assert seen.colours.image.size == (1250, 336)


def test_a_frame_header_in_the_metadata_is_left_alone():
    data = encoded(LARGE, "JPEG", quality=85)
    at = data.index(b"\xff\xc0")
    comment = data[at : at + 19]
    both = encoded(LARGE, "JPEG", quality=85, comment=comment)
    with Image.open(io.BytesIO(both)) as image:
        assert shortened(both, image, 304) is both
    with Image.open(io.BytesIO(data)) as image:
        assert shortened(data, image, 304) is not data
        assert shortened(data, image, 1090) is data
    seen = open_for_detection(both, "x.jpg", rows=lambda _: (296, 304))
    with Image.open(io.BytesIO(both)) as image:
        np.testing.assert_array_equal(rgb_of(seen.colours), np.asarray(image)[296:304])


def test_several_scans_are_decoded_whole():
    # Baseline, one scan for each component: the height also tells how long each scan is.
    planes = [np.asarray(LARGE)[:, :, k] for k in range(3)]
    single = [encoded(Image.fromarray(plane), "JPEG", quality=85) for plane in planes]
    whole = _of_three_scans(single)
    seen = open_for_detection(whole, "x.jpg", rows=lambda _: (296, 304), kernels=True)
    assert seen.colours.image.size == LARGE.size
    with Image.open(io.BytesIO(whole)) as image:
        np.testing.assert_array_equal(rgb_of(seen.colours), np.asarray(image)[296:304])


def _of_three_scans(grays):
    """Join three gray JPEGs with the same tables into one in YCbCr, a scan for each."""
    out, scans = b"", []
    for k, data in enumerate(grays):
        scan = data.index(b"\xff\xda")
        frame = data.index(b"\xff\xc0")
        components = b"".join(bytes([c, 0x11, 0]) for c in (1, 2, 3))
        if not out:
            header = b"\xff\xc0\x00\x11" + data[frame + 4 : frame + 9] + b"\x03" + components
            out = data[:frame] + header + data[frame + 13 : scan]
        scans.append(b"\xff\xda\x00\x08\x01" + bytes([k + 1, 0, 0, 63, 0]) + data[scan + 10 : -2])
    return out + b"".join(scans) + b"\xff\xd9"


def test_what_libjpeg_takes_for_luma():
    def holds(data):
        with Image.open(io.BytesIO(data)) as image:
            return module.holds_luma(image)

    jfif = encoded(PICTURE, "JPEG")
    assert holds(jfif)
    assert not holds(encoded(PICTURE.convert("L"), "JPEG"))
    assert not holds(encoded(PICTURE.convert("CMYK"), "JPEG"))
    assert not holds(encoded(PICTURE, "JPEG", keep_rgb=True))
    bare = jfif[:2] + jfif[20:]  # without JFIF, the numbers of the components decide
    assert holds(bare)
    at = bare.index(b"\xff\xc0")
    named = bytearray(bare)
    scan = bare.index(b"\xff\xda")
    for k, letter in enumerate(b"RGB"):
        named[at + 10 + 3 * k] = letter
        named[scan + 5 + 2 * k] = letter
    assert not holds(bytes(named))
    for transform, expected in ((0, False), (1, True)):
        adobe = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([transform])
        assert holds(bare[:2] + adobe + bare[2:]) is expected
