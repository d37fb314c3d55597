"""The marks of invisible-watermark, against what the package itself wrote and read.

The digests and bits come from invisible-watermark 0.2.0 with OpenCV 5.0.0 and PyWavelets 1.8.0, run
on the pictures of `synthetic`; `tests.reference_imwatermark` writes the same bytes.
"""

import hashlib
import importlib
import io
import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

from tests import reference_imwatermark as package
from waarmerk.detection.others import imwatermark, left_by_jpeg, public_marks
from waarmerk.detection.others.imwatermark import FOUND, MARKS, TRIES, block_values, evidence
from waarmerk.marking.picture import open_for_detection

WRITERS = [(mark, reading) for mark in MARKS for reading in mark.readings]
MESSAGES = {mark.system: mark.bits for mark in MARKS}


def synthetic(height, width):
    """Return a coloured picture with fine structure, the same on every machine."""
    y, x = np.mgrid[:height, :width]
    number = np.arange(height * width * 3, dtype=np.uint64) * np.uint64(2654435761)
    noise = (number >> np.uint64(13)).reshape(height, width, 3) % np.uint64(23)
    base = [x * 200 // width + 20, (x + 2 * y) * 160 // (width + 2 * height) + 40]
    base.append(230 - y * 200 // height)
    return (np.stack(base, axis=-1) + noise.astype(np.int64) - 11).clip(0, 255).astype(np.uint8)


def as_bits(message):
    return [int(bit) for bit in message]


def written(mark, reading, shape=(384, 512)):
    return package.write(synthetic(*shape), as_bits(mark.bits), reading)


def saved(rgb, **options):
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", **options)
    return np.array(Image.open(buffer))


@pytest.mark.parametrize(
    ("system", "reading", "shape", "digest", "read"),
    [
        ("Stable Diffusion XL", "float", (256, 264), "dc78b5f2f2ee7ccb", 0xFBFFF7FFF5FE),
        ("Stable Diffusion XL", "swapped", (264, 300), "c815c8f295a893ac", 0xFEFA97E84F80),
        ("Stable Diffusion XL", "8 bit", (270, 301), "8aa1a43597f3a2d9", 0xFFFFD1FBB7DF),
        ("FLUX", "float", (258, 259), "7f78738203e3e214", 0x3AFFF7FFFFEF),
    ],
)
def test_the_twin_writes_and_reads_as_the_package_does(system, reading, shape, digest, read):
    bits = as_bits(MESSAGES[system])
    marked = package.write(synthetic(*shape), bits, reading)
    assert hashlib.sha256(marked.tobytes()).hexdigest()[:16] == digest
    bgr = np.ascontiguousarray(marked[..., ::-1])
    # Of pictures written from floats the package's own decoder misses most bits, as said.
    assert package.decode(bgr, len(bits)) == as_bits(f"{read:0{len(bits)}b}")


def test_the_messages_are_those_of_the_programs():
    assert {mark.system: len(mark.bits) for mark in MARKS} == {
        "Stable Diffusion XL": 48,
        "FLUX": 46,
        "Stable Diffusion 1": 136,
        "Stable Diffusion 2": 32,
        "Stable Diffusion 1 Inpainting": 224,
        "InvokeAI": 64,
    }
    assert MESSAGES["Stable Diffusion XL"] == "101100111110110010010000011110111011000110011110"
    assert "00" + MESSAGES["FLUX"] == "001010101111111010000111100111001111010100101110"
    assert MESSAGES["Stable Diffusion 2"] == "".join(f"{c:08b}" for c in b"SDV2")
    assert len(WRITERS) == TRIES


@pytest.mark.parametrize(("mark", "reading"), WRITERS, ids=lambda v: getattr(v, "system", v))
def test_a_marked_picture_is_found_and_its_system_named(mark, reading):
    [finding] = public_marks(written(mark, reading))
    assert finding.status == "found"
    assert finding.public
    assert finding.scheme == "imwatermark.dwt-dct"
    assert finding.system == mark.system
    assert finding.kind == ("altered" if "Inpainting" in mark.system else "generated")
    assert finding.key_id is None
    assert finding.mark_id is None
    # The message has so many bits, and chance cannot show more than that.
    assert -len(mark.bits) * np.log10(2) <= finding.log10_p <= FOUND


@pytest.mark.parametrize(("mark", "reading"), WRITERS, ids=lambda v: getattr(v, "system", v))
def test_a_careful_jpeg_leaves_the_mark(mark, reading):
    file = saved(written(mark, reading, (640, 768)), quality=95, subsampling=0)
    assert [finding.system for finding in public_marks(file)] == [mark.system]


def test_what_jpeg_leaves_is_known_before_decoding():
    def left(**options):
        buffer = io.BytesIO()
        Image.fromarray(synthetic(64, 64)).save(buffer, "JPEG", **options)
        image = Image.open(buffer)
        return left_by_jpeg(image.quantization, JpegImagePlugin.get_sampling(image))

    assert left(quality=75)
    assert left(quality=95)
    assert not left(quality=70)
    assert not left(quality=30)
    assert left(quality=70, subsampling=0)
    assert left_by_jpeg({}, 2)
    assert left_by_jpeg({0: [99] * 64}, 2)  # one table for all: coarse, and not looked into


def test_nothing_is_reported_of_unmarked_pictures():
    picture = synthetic(384, 512)
    assert public_marks(picture) == ()
    assert public_marks(saved(picture, quality=60)) == ()
    assert public_marks(picture[..., 0]) == ()  # gray
    assert public_marks(np.repeat(picture[..., :1], 3, axis=2)) == ()
    for level in (0, 128, 255):
        assert public_marks(np.full((300, 300, 3), level, np.uint8)) == ()


def test_another_message_is_not_taken_for_one_of_them():
    rng = np.random.default_rng(5)
    for length in (32, 46, 48, 64):
        marked = package.write(synthetic(320, 384), rng.integers(0, 2, length), "8 bit")
        assert public_marks(marked) == ()


def test_patterns_with_the_period_of_a_letter_are_no_evidence():
    x = np.arange(768)
    for mark in MARKS:
        if mark.period == 8:
            # All that the letters of the message have in common, in every letter.
            common = np.mean(np.reshape(as_bits(mark.bits), (-1, 8)), axis=0)
            blue = (200 * common[x // 8 % 8]).astype(np.uint8)
            picture = np.zeros((512, 768, 3), np.uint8)
            picture[..., 2] = blue
            assert evidence(picture)[mark] > -2


def test_alpha_is_not_looked_at_and_sizes_need_not_be_whole():
    mark = MARKS[0]
    marked = written(mark, "float", (391, 517))
    clear = np.dstack([marked, np.arange(391 * 517, dtype=np.uint8).reshape(391, 517)])
    assert public_marks(clear) == public_marks(marked) != ()


def test_small_pictures_carry_none():
    # The package refuses under 256 x 256 pixels; one more row and it is looked at.
    assert evidence(synthetic(256, 255)) == {}
    assert evidence(synthetic(8, 8191)) == {}
    assert set(evidence(synthetic(8, 8192))) == set(MARKS)
    assert evidence(synthetic(7, 70_000)) == evidence(synthetic(70_000, 7)) == {}


def test_a_crop_or_resize_loses_the_mark():
    marked = written(MARKS[0], "float")
    assert public_marks(np.ascontiguousarray(marked[3:, 5:])) == ()
    smaller = np.array(Image.fromarray(marked).resize((448, 336), Image.Resampling.LANCZOS))
    assert public_marks(smaller) == ()


def test_of_a_large_picture_a_band_is_read_with_its_own_numbers():
    mark = MARKS[0]
    tile = synthetic(384, 1024)
    picture = np.tile(tile, (6, 1, 1))
    first, values = block_values(picture)
    assert first > 0
    assert len(values["float"]) <= imwatermark.MAX_PIXELS // 64
    # Written block by block here, for the twin would take its time: a blue value in each.
    blue = np.zeros((2304, 1024), np.float64)
    number = np.arange(288 * 128).reshape(288, 128)
    bits = np.array(as_bits(mark.bits))[number % len(mark.bits)]
    blue += np.kron((3.25 + 0.5 * bits) * 36 - 1, np.ones((8, 8))) / 2 / (0.492 * (1 - 0.114))
    marked = np.zeros((2304, 1024, 3), np.uint8)
    marked[..., 2] = np.rint(blue)
    assert [finding.system for finding in public_marks(marked)] == [mark.system]


@pytest.mark.parametrize("shape", [(256, 256), (263, 301), (300, 260)])
def test_blocks_have_the_values_that_the_package_counts(shape):
    picture = synthetic(*shape)
    first, values = block_values(picture)
    assert first == 0
    for reading, order in (("float", -1), ("swapped", 1)):
        handed = picture[..., ::order].astype(np.float32)
        u = package.to_yuv(handed)[1]
        rows, columns = (n // 4 * 4 for n in u.shape)
        sums = package._haar(u[:rows, :columns], np.float32(package.HAAR))[0]
        theirs = [np.abs(block.flatten()[1:]).max() for block in package._blocks(sums)]
        np.testing.assert_allclose(values[reading], theirs, atol=1e-3)
        for length in (32, 46, 48, 64, 136, 224):
            assert _voted(values[reading], length) == package.decode(handed, length)
    # From 8-bit pixels the package rounds Y and U first, which moves a sum by less than 2.
    bgr = np.ascontiguousarray(picture[..., ::-1])
    u = package.to_yuv(bgr)[1].astype(np.float64)[: rows or None, :columns]
    sums = package._haar(u[:rows], package.HAAR)[0]
    theirs = [block.flatten()[1:].max() for block in package._blocks(sums)]
    np.testing.assert_allclose(values["8 bit"] + 1, theirs, atol=2)


def colours_of(file, suffix, *, ycc):
    """Return a file's colours as detection asks for them."""

    def rows(image):
        return imwatermark.band(image.size[1], image.size[0])

    return open_for_detection(file.getvalue(), "x" + suffix, rows=rows, kernels=ycc).colours


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".jpg", {"quality": 95, "subsampling": 0}),
        (".jpg", {"quality": 80}),
        (".png", {}),
        (".webp", {"quality": 90}),
        (".gif", {}),
    ],
)
@pytest.mark.parametrize("shape", [(384, 512), (391, 517), (1400, 1900)])
def test_files_and_arrays_give_the_same_to_the_last_bit(suffix, options, shape):
    mark = MARKS[0]
    marked = written(mark, "float") if shape == (384, 512) else synthetic(*shape)
    file = io.BytesIO()
    name = {"jpg": "JPEG"}.get(suffix[1:], suffix[1:].upper())
    Image.fromarray(marked).save(file, name, **options)
    pixels = np.asarray(Image.open(file).convert("RGB"))
    expected = evidence(pixels)
    assert len(expected) == len(MARKS)
    for ycc in (False, True):
        assert evidence(colours_of(file, suffix, ycc=ycc)) == expected


def test_without_numba_files_give_the_same(monkeypatch):
    file = io.BytesIO()
    Image.fromarray(written(MARKS[0], "float", (391, 517))).save(file, "PNG")
    seen = colours_of(file, ".png", ycc=False)
    importlib.import_module("waarmerk.kernels.colours")
    compiled = evidence(seen)
    monkeypatch.delitem(sys.modules, "numba")
    assert evidence(seen) == compiled
    assert compiled[MARKS[0]] <= FOUND


def test_marks_that_are_passed_over_would_not_have_been_reported():
    rng = np.random.default_rng(8)
    for shape, mark in (((256, 264), None), ((384, 512), MARKS[0]), ((270, 301), MARKS[3])):
        picture = synthetic(*shape) if mark is None else written(mark, mark.readings[0], shape)
        noisy = picture.astype(float) + rng.normal(0, 6, picture.shape)
        for pixels in (picture, noisy.clip(0, 255).astype(np.uint8)):
            exact = evidence(pixels)
            for level in (FOUND, -2.0, -0.5):
                for other, value in evidence(pixels, level).items():
                    assert value == exact[other] or (value == 0.0 and exact[other] > level)


@pytest.mark.parametrize("level", [FOUND, -2.0, -0.5])
def test_the_kernel_passes_over_only_what_numpy_passes_over(level, monkeypatch):
    importlib.import_module("waarmerk.kernels.colours")
    rng = np.random.default_rng(9)
    for mark, noise in itertools.product([None, *MARKS], (0, 3, 8, 14)):
        shape = (270, 301)
        picture = synthetic(*shape) if mark is None else written(mark, mark.readings[0], shape)
        picture = (picture + rng.normal(0, noise, picture.shape)).clip(0, 255).astype(np.uint8)
        compiled = evidence(picture, level)
        with monkeypatch.context() as without:
            without.delitem(sys.modules, "numba")
            plain = evidence(picture, level)
        assert compiled == plain


def _voted(values, length):
    votes = [values[i::length] % 36 > 18 for i in range(length)]
    return [np.mean(vote) * 255 > 127 for vote in votes]


def test_the_bound_is_close_to_the_exact_chance_and_never_below():
    rng = np.random.default_rng(3)
    for magnitudes in (np.ones(12), rng.uniform(0, 1, 12), np.r_[5.0, rng.uniform(0, 1, 11)]):
        sums = [float(np.dot(s, magnitudes)) for s in itertools.product((1, -1), repeat=12)]
        for total in np.quantile(sums, [0.6, 0.9, 0.99, 0.999, 1.0]):
            exact = np.mean(np.array(sums) >= total - 1e-9)
            bound = imwatermark._log10_sign_tail(float(total), magnitudes)
            assert np.log10(exact) - 1e-9 <= bound <= np.log10(exact) + 1.2
    assert imwatermark._log10_sign_tail(12.0, np.ones(12)) == pytest.approx(-12 * np.log10(2))
    assert imwatermark._log10_sign_tail(-1.0, np.ones(12)) == 0.0
    assert imwatermark._log10_sign_tail(0.0, np.zeros(12)) == 0.0


@pytest.mark.parametrize("kind", ["flat", "stripes", "wall", "picture"])
def test_the_bound_holds_for_random_messages_on_any_picture(kind):
    picture = synthetic(256, 512)
    if kind == "flat":
        picture[:] = (90, 120, 150)
    elif kind == "stripes":
        picture[..., 2] = (128 + 100 * np.sin(np.arange(512) * 2 * np.pi / 64)).astype(np.uint8)
    elif kind == "wall":
        picture = np.tile(picture[:64, :64], (4, 8, 1))
    _, values = block_values(picture)
    wave = -np.sin(2 * np.pi / 36 * values["float"])
    rng = np.random.default_rng(11)
    draws = [
        imwatermark._log10_p(wave, 0, rng.choice([-1.0, 1.0], 48), period=1) for _ in range(2000)
    ]
    for threshold in (0.1, 0.01, 0.001):
        assert np.mean(np.array(draws) <= np.log10(threshold)) <= threshold


def test_loading_it_costs_nothing():
    probe = "import sys, waarmerk.detection.others; print('numpy' in sys.modules)"
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", probe],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"
