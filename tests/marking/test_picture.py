"""Opening pictures: good ones completely, bad ones with one clear error."""

import io
import struct
import threading
import time
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from waarmerk.errors import InputError, UnsupportedInputError
from waarmerk.marking import decoder
from waarmerk.marking.formats import PICTURES
from waarmerk.marking.picture import open_for_detection, open_for_marking, turned_back
from waarmerk.marking.tiff import Tag, append_tags

SHARED = Path(__file__).parents[3] / "shared" / "data" / "images"
EXTENSION = {name: f.extensions[0] for name, f in PICTURES.items()}


def scene(height: int = 60, width: int = 90, channels: int = 3) -> np.ndarray:
    """Something smooth with no symmetry at all."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [x * 2.1 + y * 0.4, 200 - y * 2 + x * 0.1, 30 + x + y, 40 + 2 * y][:channels]
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)


def encoded(image: Image.Image, format_name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


PICTURE = Image.fromarray(scene())
LUMA = np.asarray(PICTURE.convert("L")).astype(int)


def png_of(width: int, height: int, bits: int, colour: int, data: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"IDAT", zlib.compress(data, 9)),
            chunk(b"IEND", b""),
        )
    )


# Every format


@pytest.mark.parametrize("name", PICTURES)
def test_every_format_is_opened_both_ways(name):
    data = encoded(PICTURE, name)
    tolerance = {"GIF": 40, "JPEG": 12, "WEBP": 16, "AVIF": 16}.get(name, 0)
    seen = open_for_detection(data, "x" + EXTENSION[name])
    assert (seen.width, seen.height, seen.media_type) == (90, 60, PICTURES[name].media_type)
    assert seen.array.dtype == np.uint8
    assert np.abs(seen.array.astype(int) - LUMA).max() <= tolerance
    assert seen.notes == ()
    whole = open_for_marking(data, "x" + EXTENSION[name])
    assert whole.array.shape == (60, 90, 3)
    assert np.abs(whole.array.astype(int) - scene()).max() <= tolerance * 2
    assert whole.lossless == (name in ("PNG", "TIFF", "GIF", "BMP"))


@pytest.mark.parametrize(
    ("mode", "shape"),
    [("L", (60, 90)), ("RGB", (60, 90, 3)), ("RGBA", (60, 90, 4)), ("LA", (60, 90))],
)
@pytest.mark.parametrize("name", ["PNG", "TIFF"])
def test_modes_that_are_marked_as_they_are(name, mode, shape):
    image = PICTURE.convert(mode)
    if "A" in mode:
        image.putalpha(Image.fromarray(scene()[:, :, 1]))
    whole = open_for_marking(encoded(image, name), "x" + EXTENSION[name])
    assert whole.array.shape == shape
    assert whole.notes == ()
    if mode == "LA":
        assert np.array_equal(whole.alpha, scene()[:, :, 1])
    else:
        assert whole.alpha is None
        assert np.array_equal(whole.array, np.asarray(image))


def test_palettes_and_bilevel_become_full_pictures_and_say_so():
    palette = PICTURE.quantize(16)
    whole = open_for_marking(encoded(palette, "PNG"), "x.png")
    assert np.array_equal(whole.array, np.asarray(palette.convert("RGB")))
    assert "palette" in whole.notes[0]
    clear = open_for_marking(encoded(palette, "PNG", transparency=0), "x.png")
    assert clear.array.shape == (60, 90, 4)
    assert set(np.unique(clear.array[:, :, 3])) == {0, 255}
    paper = open_for_marking(encoded(PICTURE.convert("1"), "PNG"), "x.png")
    assert paper.array.shape == (60, 90)
    assert "gray" in paper.notes[0]


def test_a_transparent_colour_becomes_a_channel():
    # Marking changes pixel values, after which the key colour would no longer be the key.
    rgb = open_for_marking(encoded(PICTURE, "PNG", transparency=(0, 200, 30)), "x.png")
    assert rgb.array.shape == (60, 90, 4)
    assert rgb.array[0, 0, 3] == 0
    gray = open_for_marking(encoded(PICTURE.convert("L"), "PNG", transparency=5), "x.png")
    assert gray.alpha is not None


# Orientation


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_pictures_come_upright(name, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless = {"WEBP": {"lossless": True}}.get(name, {})
    data = encoded(PICTURE, name, exif=exif.tobytes(), **lossless)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    whole = open_for_marking(data, "x" + EXTENSION[name])
    assert np.array_equal(whole.array, expected)
    seen = open_for_detection(data, "x" + EXTENSION[name])
    assert seen.array.shape == expected.shape[:2] == (seen.height, seen.width)
    assert np.abs(seen.array.astype(int) - Image.fromarray(expected).convert("L")).max() <= 2
    if name != "TIFF":  # turned by Pillow
        assert whole.orientation == orientation


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_back_is_the_inverse(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    whole = open_for_marking(encoded(PICTURE, "PNG", exif=exif.tobytes()), "x.png")
    assert np.array_equal(turned_back(whole.array, orientation), scene())


# Reduced scale


@pytest.mark.parametrize(
    ("size", "reduction"),
    [((4000, 3000), 4), ((3000, 4000), 4), ((1023, 1400), 1), ((1024, 1400), 2), ((300, 300), 1)],
)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_large_jpeg_is_decoded_at_reduced_scale(size, reduction, mode):
    data = encoded(Image.new(mode, size), "JPEG")
    seen = open_for_detection(data, "x.jpg")
    assert seen.reduction == reduction
    assert (seen.width, seen.height) == size
    assert min(seen.array.shape) >= min(512, *size)
    assert (seen.scale_note is None) == (reduction == 1)


def test_the_smallest_side_can_be_asked_for():
    data = encoded(Image.new("RGB", (4000, 3000)), "JPEG")
    assert open_for_detection(data, "x.jpg", min_side=1024).reduction == 2


def test_a_jpeg_of_three_components_without_colour_transform_gives_its_luma():
    data = encoded(PICTURE, "JPEG", keep_rgb=True, quality=100)
    assert np.abs(open_for_detection(data, "x.jpg").array.astype(int) - LUMA).max() <= 3


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="the measuring data ../shared is not here")
def test_reduced_decoding_is_much_faster_than_decoding():
    data = (SHARED / "12mp" / "dragonfly.jpg").read_bytes()

    def fastest(work: object) -> float:
        times = []
        for _ in range(3):
            start = time.process_time()
            work()
            times.append(time.process_time() - start)
        return min(times)

    def decode() -> None:
        with Image.open(io.BytesIO(data)) as image:
            image.load()

    assert fastest(lambda: open_for_detection(data, "x.jpg")) < 0.6 * fastest(decode)


# What detection reads although marking refuses it


def test_sixteen_bits_are_read_for_detection_and_refused_for_marking():
    wide = Image.fromarray((scene(channels=1)[:, :, 0].astype(np.uint16) << 8) + 77)
    for name in ("PNG", "TIFF"):
        data = encoded(wide, name)
        seen = open_for_detection(data, "x" + EXTENSION[name])
        assert np.array_equal(seen.array, scene(channels=1)[:, :, 0])
        with pytest.raises(UnsupportedInputError, match="16 bits a channel"):
            open_for_marking(data, "x" + EXTENSION[name])


def test_sixteen_bit_colour_which_pillow_opens_as_eight_is_refused():
    rows = b"".join(b"\0" + bytes(6 * 20) for _ in range(20))
    data = png_of(20, 20, 16, 2, rows)
    with Image.open(io.BytesIO(data)) as image:
        assert image.mode == "RGB"
    with pytest.raises(UnsupportedInputError, match="16 bits"):
        open_for_marking(data, "x.png")


def test_ten_bit_avif_is_told_by_its_header():
    data = encoded(PICTURE, "AVIF")
    image = decoder.open_header(data, PICTURES["AVIF"], "x.avif")
    at = data.index(b"av1C") + 6
    for flags, bits in ((0x00, 8), (0x40, 10), (0x60, 12)):
        changed = data[:at] + bytes([data[at] & 0x9F | flags]) + data[at + 1 :]
        assert decoder.bits_per_channel(image, changed, PICTURES["AVIF"]) == bits


def test_hdr_avif_is_refused():
    data = encoded(PICTURE, "AVIF")
    at = data.index(b"colrnclx") + 8
    with pytest.raises(UnsupportedInputError, match="HDR"):
        open_for_marking(data[:at] + b"\0\x09\0\x10" + data[at + 4 :], "x.avif")


@pytest.mark.parametrize("name", ["GIF", "PNG", "WEBP", "AVIF", "TIFF"])
def test_animation_is_refused_for_marking_and_read_up_to_the_first_frame(name):
    other = Image.fromarray(scene()[::-1].copy())
    data = encoded(PICTURE, name, save_all=True, append_images=[other])
    with pytest.raises(UnsupportedInputError, match=r"animated|pages"):
        open_for_marking(data, "x" + EXTENSION[name])
    seen = open_for_detection(data, "x" + EXTENSION[name])
    assert "first" in seen.notes[0]
    assert np.abs(seen.array.astype(int) - LUMA).mean() < 5


@pytest.mark.parametrize(
    ("mode", "name", "cause"),
    [("CMYK", "JPEG", "CMYK"), ("CMYK", "TIFF", "CMYK"), ("LAB", "TIFF", "CIELAB")],
)
def test_other_colour_spaces_are_refused_for_marking_and_read_for_detection(mode, name, cause):
    image = Image.merge(mode, [Image.new("L", (60, 40), 90)] * len(mode))
    data = encoded(image, name)
    with pytest.raises(UnsupportedInputError, match=cause):
        open_for_marking(data, "x" + EXTENSION[name])
    assert open_for_detection(data, "x" + EXTENSION[name]).array.shape == (40, 60)


def test_floating_point_is_refused():
    data = encoded(Image.new("F", (60, 40), 0.5), "TIFF")
    for open_it in (open_for_marking, open_for_detection):
        with pytest.raises(UnsupportedInputError, match=r"32 bits|floating-point"):
            open_it(data, "x.tif")


# Bad input


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.97])
def test_cut_off_files_get_one_clear_line(name, share):
    noisy = np.random.default_rng(1).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    data = encoded(Image.fromarray(noisy), name)
    for open_it in (open_for_detection, open_for_marking):
        with pytest.raises(InputError) as caught:
            open_it(data[: int(share * len(data))], "folder/x" + EXTENSION[name])
        message = str(caught.value)
        assert message.startswith("folder/x" + EXTENSION[name])
        assert "\n" not in message
        assert len(message) < 250


@pytest.mark.parametrize("open_it", [open_for_marking, open_for_detection])
def test_a_name_that_says_another_format_is_refused(open_it):
    data = encoded(PICTURE, "PNG")
    with pytest.raises(InputError, match=r"^x\.jpg: is named \.jpg but its content is PNG; rename"):
        open_it(data, "x.jpg")


def test_a_name_that_says_no_format_is_not_in_the_way():
    data = encoded(PICTURE, "PNG")
    assert open_for_detection(data, "upload.tmp").media_type == "image/png"
    assert open_for_marking(data, "upload.tmp").format.name == "PNG"


@pytest.mark.parametrize("size", [(20_000, 20_000), (60_000, 60_000)])
def test_too_many_pixels_are_refused_before_decoding(size):
    data = png_of(*size, 8, 2, b"\0")
    with pytest.raises(InputError, match=f"{size[0]} x {size[1]} pixels; the limit is 200"):
        open_for_detection(data, "x.png")


def test_a_decompression_bomb_is_refused_before_decoding(monkeypatch):
    data = png_of(12_000, 12_000, 1, 0, bytes(12_000 * 1501))
    assert len(data) < 50_000
    with pytest.raises(InputError, match="decompression bomb: 12000 x 12000"):
        open_for_detection(data, "x.png")


def test_a_png_with_endless_chunks_is_refused():
    def png(kind, count):
        chunk = bytes(4) + kind + zlib.crc32(kind).to_bytes(4, "big")
        buffer = io.BytesIO()
        Image.new("RGB", (64, 48)).save(buffer, "PNG")
        return buffer.getvalue()[:33] + chunk * count + buffer.getvalue()[33:]

    for open_it in (open_for_detection, open_for_marking):
        with pytest.raises(InputError, match="more than 10,000 chunks that are no picture"):
            open_it(png(b"teXt", 10_000), "x.png")
    # IHDR and IEND count as well. A large picture has thousands of IDAT.
    assert open_for_detection(png(b"teXt", 9_998), "x.png").media_type == "image/png"
    assert open_for_detection(png(b"IDAT", 20_000), "x.png").media_type == "image/png"


def test_a_jpeg_with_endless_scans_is_refused():
    data = encoded(PICTURE, "JPEG", progressive=True)
    scan = data[data.index(b"\xff\xda") : -2]
    with pytest.raises(InputError, match="scans"):
        open_for_detection(data[:-2] + scan * 600 + b"\xff\xd9", "x.jpg")


def test_a_sequential_jpeg_can_have_endless_scans_too():
    data = encoded(PICTURE, "JPEG", subsampling=0)
    start = data.index(b"\xff\xda")
    only_luma = b"\xff\xda\0\x08\1\1\0\0\x3f\0"
    scan = only_luma + data[start + 14 : -2]
    with pytest.raises(InputError, match="scans"):
        open_for_detection(data[:start] + scan * 600 + b"\xff\xd9", "x.jpg")


def test_bytes_that_look_like_scans_do_not_matter_where_there_is_one():
    data = encoded(PICTURE, "JPEG", comment=b"\xff\xda" * 600)
    assert open_for_detection(data, "x.jpg").width == 90


def test_the_limit_of_pillow_does_not_matter_and_stays_as_it_is(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert open_for_detection(encoded(PICTURE, "PNG"), "x.png").width == 90
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_decoder_warnings_stay_inside():
    # A tag that points outside makes Pillow warn, and as an error would stop a readable picture.
    data = append_tags(encoded(PICTURE, "TIFF"), {65000: Tag(2, 200, bytes(200))})
    at = data.index(struct.pack("<HH", 65000, 2))
    broken = data[: at + 8] + struct.pack("<I", len(data) + 50) + data[at + 12 :]
    with pytest.warns(UserWarning, match="Truncated"), Image.open(io.BytesIO(broken)):
        pass
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert open_for_detection(broken, "x.tif").width == 90
    assert caught == []


def test_silence_ends_when_the_last_of_several_threads_is_done():
    before = list(warnings.filters)
    entered, leave = threading.Barrier(3), [threading.Event(), threading.Event()]

    def work(i: int) -> None:
        with decoder.decoding("x", PICTURES["PNG"]):
            entered.wait()
            leave[i].wait()

    threads = [threading.Thread(target=work, args=(i,)) for i in (0, 1)]
    for thread in threads:
        thread.start()
    entered.wait()
    for i in (0, 1):  # the first in is the first out
        leave[i].set()
        threads[i].join()
    assert warnings.filters == before
