"""Writing pictures: what a file said stays said, and quality is not lost on the way."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from waarmerk.errors import OutputError, UnsupportedInputError
from waarmerk.marking.encode import FINER, encode_picture
from waarmerk.marking.formats import PICTURES
from waarmerk.marking.picture import MarkingPicture, open_for_detection, open_for_marking
from waarmerk.marking.tiff import Tag, append_tags

WRITTEN = [name for name, f in PICTURES.items() if f.not_written is None]
EXTENSION = {name: f.extensions[0] for name, f in PICTURES.items()}
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><r tiff:Orientation="{}" Source="AI"/></x:xmpmeta>'


def scene() -> Image.Image:
    y, x = np.mgrid[0:60, 0:90]
    planes = np.stack([x * 2.1 + y * 0.4, 200 - y * 2 + x * 0.1, 30 + x + y], -1)
    return Image.fromarray(np.clip(planes, 0, 255).astype(np.uint8))


def exif(orientation: int = 6) -> bytes:
    block = Image.Exif()
    block[0x010F] = "Maker"
    block[0x0112] = orientation
    block[0x8769] = {0x9003: "2026:01:01 00:00:00", 0x9286: b"ASCII\0\0\0{AIGC}"}
    block[0x8825] = {1: "N", 2: (52.0, 1.0, 2.0)}
    return block.tobytes()


def encoded(image: Image.Image, name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def full(name: str, orientation: int = 6) -> bytes:
    """A picture that says everything its format can say."""
    options: dict[str, object] = {"exif": exif(orientation), "icc_profile": ICC}
    xmp = XMP.format(orientation).encode()
    if name in ("JPEG", "WEBP", "AVIF"):
        options["xmp"] = xmp
    if name in ("JPEG", "PNG", "TIFF"):
        options["dpi"] = (300, 300)
    if name == "JPEG":
        options |= {"comment": b"hello", "quality": 95}
    if name == "PNG":
        texts = PngImagePlugin.PngInfo()
        texts.add_text("parameters", "a cat")
        texts.add_text("Comment", "hello")
        texts.add_itxt("XML:com.adobe.xmp", xmp.decode())
        options["pnginfo"] = texts
    data = encoded(scene(), name, **options)
    if name == "TIFF":
        extra = {700: Tag(1, len(xmp), xmp), 33723: Tag(7, 4, b"iptc"), 65001: Tag(3, 1, b"\7\0")}
        data = append_tags(data, extra)
    return data


def opened(name: str, orientation: int = 6) -> MarkingPicture:
    return open_for_marking(full(name, orientation), "in" + EXTENSION[name])


def rewritten(picture: MarkingPicture, target: str, **options: object) -> tuple[bytes, tuple]:
    name = "out" + EXTENSION[target]
    out = encode_picture(picture, picture.array, PICTURES[target], name, **options)
    if out.lossless:
        upright = Image.fromarray(picture.array).convert("RGB").convert("L")
        assert np.array_equal(open_for_detection(out.data, name).array, np.asarray(upright))
    return out.data, out.notes


@pytest.mark.parametrize("target", WRITTEN)
@pytest.mark.parametrize("source", WRITTEN)
def test_the_picture_and_what_it_says_come_through(source, target):
    picture = opened(source)
    data, _notes = rewritten(picture, target)
    again = open_for_marking(data, "out" + EXTENSION[target])
    assert again.array.shape == picture.array.shape
    difference = np.abs(again.array.astype(int) - picture.array)
    assert difference.max() <= {"PNG": 0, "TIFF": 0}.get(target, 24)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        tags = image.getexif()
        assert tags[0x010F] == "Maker"
        assert tags.get_ifd(0x8769)[0x9286] == b"ASCII\0\0\0{AIGC}"
        assert tags.get_ifd(0x8825)[2] == (52.0, 1.0, 2.0)
        assert image.info["icc_profile"] == ICC
        assert b'Source="AI"' in image.info["xmp"]
        if target in ("JPEG", "PNG", "TIFF") and source in ("JPEG", "PNG", "TIFF"):
            assert [round(float(d)) for d in image.info["dpi"]] == [300, 300]
        if target in ("JPEG", "PNG") and source in ("JPEG", "PNG"):
            comment = image.info["comment"] if target == "JPEG" else image.info["Comment"].encode()
            assert comment == b"hello"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("source", WRITTEN)
@pytest.mark.parametrize("target", ["JPEG", "PNG", "TIFF"])
def test_the_written_picture_shows_the_same_upright(source, target, orientation):
    picture = opened(source, orientation)
    data, _notes = rewritten(picture, target)
    seen = open_for_detection(data, "out" + EXTENSION[target]).array.astype(int)
    luma = np.asarray(Image.fromarray(picture.array).convert("L"))
    assert np.abs(seen - luma).mean() < 3
    with Image.open(io.BytesIO(data)) as image:
        stored = image.getexif().get(0x0112, 1)
    assert stored == (orientation if source == target and target != "TIFF" else 1)


@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_blocks_are_copied_byte_for_byte_within_a_format(name):
    picture = opened(name)
    again = open_for_marking(rewritten(picture, name)[0], "out" + EXTENSION[name])
    assert again.metadata.head == picture.metadata.head
    assert again.metadata.tail == picture.metadata.tail
    assert again.metadata.exif == picture.metadata.exif


def test_tiff_tags_are_copied_within_the_format_whatever_they_are():
    picture = opened("TIFF")
    data, notes = rewritten(picture, "TIFF")
    assert notes == ()
    with Image.open(io.BytesIO(data)) as image:
        assert image.tag_v2[33723] == b"iptc"
        assert image.tag_v2[65001] == 7


@pytest.mark.parametrize(
    ("source", "target", "note"),
    [
        ("PNG", "JPEG", "not kept in JPEG: the PNG text 'parameters'"),
        ("TIFF", "PNG", "not kept in PNG: the TIFF tag 33723"),
    ],
)
def test_what_another_format_cannot_hold_is_told(source, target, note):
    assert note in rewritten(opened(source), target)[1]
    assert rewritten(opened(source), source)[1] == ()


def test_a_label_that_another_format_cannot_hold_stops_everything():
    texts = PngImagePlugin.PngInfo()
    texts.add_text("AIGC", '{"Label": "1"}')
    picture = open_for_marking(encoded(scene(), "PNG", pnginfo=texts), "in.png")
    with pytest.raises(UnsupportedInputError, match=r"^out\.jpg: .*AIGC label.*write \.png"):
        rewritten(picture, "JPEG")
    assert b"AIGC" in rewritten(picture, "PNG")[0]


@pytest.mark.parametrize("block", ["exif", "xmp"])
def test_blocks_that_are_too_large_for_a_jpeg_are_refused(block):
    large = bytes(70_000) if block == "xmp" else b"Exif\0\0II*\0\x08\0\0\0" + bytes(70_000)
    picture = open_for_marking(encoded(scene(), "WEBP", **{block: large}), "in.webp")
    with pytest.raises(UnsupportedInputError, match="64 KB"):
        rewritten(picture, "JPEG")


# Quality


def tables(data: bytes) -> dict[int, list[int]]:
    with Image.open(io.BytesIO(data)) as image:
        return {k: list(v) for k, v in image.quantization.items()}


def standard(quality: int) -> dict[int, list[int]]:
    return tables(encoded(scene(), "JPEG", quality=quality))


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("quality", [90, 93, 98])
def test_a_fine_jpeg_keeps_its_tables_and_subsampling(quality, subsampling):
    data = encoded(
        scene(), "JPEG", quality=quality, subsampling=subsampling, progressive=quality == 93
    )
    out, _ = rewritten(open_for_marking(data, "in.jpg"), "JPEG")
    assert tables(out) == tables(data)
    with Image.open(io.BytesIO(out)) as a, Image.open(io.BytesIO(data)) as b:
        assert [layer[1:3] for layer in a.layer] == [layer[1:3] for layer in b.layer]
        assert a.info.get("progressive") == b.info.get("progressive")


@pytest.mark.parametrize("quality", [10, 75, 89])
def test_a_coarse_jpeg_is_written_finer(quality):
    picture = open_for_marking(encoded(scene(), "JPEG", quality=quality), "in.jpg")
    assert tables(rewritten(picture, "JPEG")[0]) == standard(90)
    assert tables(rewritten(picture, "JPEG", quality=40)[0]) == standard(40)


@pytest.mark.parametrize("target", ["JPEG", "WEBP", "AVIF"])
@pytest.mark.parametrize("source", ["JPEG", "PNG", "AVIF"])
def test_every_finer_setting_is_finer(source, target):
    data = encoded(scene(), source, **({"quality": 92} if source == "JPEG" else {}))
    picture = open_for_marking(data, "in" + EXTENSION[source])
    marked = np.random.default_rng(1).integers(-3, 4, picture.array.shape) + picture.array
    marked = np.clip(marked, 0, 255).astype(np.uint8)
    luma = np.asarray(Image.fromarray(marked).convert("L"))
    errors = []
    for finer in range(FINER):
        name = "x" + EXTENSION[target]
        out = encode_picture(picture, marked, PICTURES[target], name, finer=finer)
        again = open_for_detection(out.data, "x" + EXTENSION[target]).array
        errors.append(np.square(again.astype(float) - luma).mean())
        assert out.lossless == (errors[-1] == 0)
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] <= 0.75 * errors[0]


def test_a_gray_jpeg_stays_gray():
    picture = open_for_marking(encoded(scene().convert("L"), "JPEG", quality=95), "in.jpg")
    out, _ = rewritten(picture, "JPEG")
    with Image.open(io.BytesIO(out)) as image:
        assert image.mode == "L"


@pytest.mark.parametrize("source", ["PNG", "TIFF", "WEBP", "BMP"])
def test_lossless_stays_lossless_in_webp_unless_a_quality_is_asked_for(source):
    options = {"lossless": True} if source == "WEBP" else {}
    picture = open_for_marking(encoded(scene(), source, **options), "in" + EXTENSION[source])
    out, _ = rewritten(picture, "WEBP")
    again = open_for_marking(out, "out.webp")
    assert again.lossless
    assert np.array_equal(again.array, picture.array)
    assert not open_for_marking(rewritten(picture, "WEBP", quality=90)[0], "out.webp").lossless


def test_lossy_webp_stays_lossy():
    picture = open_for_marking(encoded(scene(), "WEBP", quality=80), "in.webp")
    assert not open_for_marking(rewritten(picture, "WEBP")[0], "out.webp").lossless


@pytest.mark.parametrize("target", ["PNG", "TIFF"])
def test_a_quality_for_a_lossless_format_is_noted(target):
    assert "quality 80 has no meaning" in rewritten(opened(target), target, quality=80)[1][-1]


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_a_tiff_keeps_its_compression(compression):
    data = encoded(scene(), "TIFF", compression=compression)
    out, _ = rewritten(open_for_marking(data, "in.tif"), "TIFF")
    with Image.open(io.BytesIO(out)) as image:
        assert image.info["compression"] == compression


def test_a_tiff_with_jpeg_inside_is_not_compressed_twice():
    data = encoded(scene(), "TIFF", compression="jpeg")
    out, _ = rewritten(open_for_marking(data, "in.tif"), "TIFF")
    with Image.open(io.BytesIO(out)) as image:
        assert image.info["compression"] == "tiff_adobe_deflate"


# Transparency


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("target", ["PNG", "TIFF", "WEBP", "AVIF"])
def test_transparency_stays(mode, target):
    image = scene().convert(mode)
    alpha = np.zeros((60, 90), np.uint8)
    alpha[10:40, 20:70] = 255
    image.putalpha(Image.fromarray(alpha))
    picture = open_for_marking(encoded(image, "PNG"), "in.png")
    with Image.open(io.BytesIO(rewritten(picture, target)[0])) as again:
        assert np.array_equal(np.asarray(again.getchannel("A")), alpha)


def test_transparent_pixels_keep_their_colour_in_lossless_webp():
    image = scene().convert("RGBA")
    image.putalpha(0)
    picture = open_for_marking(encoded(image, "PNG"), "in.png")
    again = open_for_marking(rewritten(picture, "WEBP")[0], "out.webp")
    assert np.array_equal(again.array, picture.array)


def test_a_jpeg_takes_no_transparency_and_a_useless_channel_is_left_out():
    image = scene().convert("RGBA")
    opaque = open_for_marking(encoded(image, "PNG"), "in.png")
    data, notes = rewritten(opaque, "JPEG")
    assert any("opaque" in note for note in notes)
    assert open_for_marking(data, "out.jpg").array.shape == (60, 90, 3)
    image.putalpha(254)
    clear = open_for_marking(encoded(image, "PNG"), "in.png")
    with pytest.raises(UnsupportedInputError, match=r"^out\.jpg: JPEG has no transparency"):
        rewritten(clear, "JPEG")


# What cannot be encoded


def test_a_picture_too_large_for_the_format_gets_one_clear_line():
    data = encoded(Image.new("L", (17_000, 2)), "PNG")
    with pytest.raises(OutputError, match=r"^out\.webp: cannot be encoded as WEBP"):
        rewritten(open_for_marking(data, "in.png"), "WEBP")


def test_a_new_jfif_header_does_not_stand_beside_the_old_one():
    out, _ = rewritten(opened("JPEG"), "JPEG")
    assert out.count(b"JFIF\0") == 1
    assert struct.unpack_from(">H", out, 2) == (0xFFE0,)
