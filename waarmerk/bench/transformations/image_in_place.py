"""``IN_PLACE``: the families that keep every pixel in its place."""

import numpy as np
from PIL import ImageEnhance, ImageFilter

from waarmerk.bench.transformations import image as basic
from waarmerk.bench.transformations import image_signal as signal
from waarmerk.bench.transformations.image_axes import (
    ANGLE,
    FACTOR,
    NO_AXIS,
    Change,
    families,
    on,
    percent,
)

__all__ = ["IN_PLACE"]


def _sharpened(rgb: np.ndarray, rng: np.random.Generator, *, percent: int) -> np.ndarray:
    kernel = ImageFilter.UnsharpMask(radius=2, percent=percent, threshold=0)
    return basic.filtered(rgb, rng, kernel=kernel)


def _codec(codec: str) -> Change:
    return on(basic.recode, "quality", whole=True, codec=codec)


IN_PLACE = families(
    "in place",
    ("jpeg", "JPEG", "quality", (95, 90, 80, 70, 50, 30, 20, 10), (50,), _codec("JPEG")),
    ("webp", "WebP", "quality", (95, 80, 65, 50, 30, 10), (50,), _codec("WEBP")),
    ("avif", "AVIF", "quality", (90, 75, 60, 40, 25, 10), (), _codec("AVIF")),
    (
        "jpeg_twice",
        "JPEG 75, then JPEG again",
        "quality of the second",
        (90, 70, 50, 30, 15),
        (),
        on(signal.recode_twice, "quality", whole=True),
    ),
    (
        "generations",
        "JPEG 75 and WebP 75 by turns",
        "times saved",
        (1, 2, 4, 8),
        (),
        on(signal.generations, "count", whole=True),
    ),
    (
        "palette",
        "palette, dithered (GIF, PNG8)",
        "colours",
        (256, 128, 64, 32, 16, 8, 4),
        (),
        on(signal.palette, "colours", whole=True),
    ),
    (
        "noise",
        "Gaussian noise",
        "sigma, grey levels",
        (2, 5, 10, 15, 20, 30, 45, 60),
        (10,),
        on(basic.noise, "sigma"),
    ),
    (
        "salt_pepper",
        "salt and pepper",
        "share of the pixels, %",
        (0.5, 1, 2, 5, 10, 20, 40),
        (),
        percent(signal.salt_and_pepper, "share"),
    ),
    (
        "blur",
        "Gaussian blur",
        "sigma, pixels",
        (0.5, 1, 1.5, 2, 3, 4, 6),
        (1.5,),
        on(basic.blur, "sigma"),
    ),
    (
        "motion_blur",
        "motion blur",
        "length, pixels",
        (3, 5, 9, 15, 25),
        (),
        on(signal.motion_blur, "length", whole=True),
    ),
    (
        "median",
        "median filter",
        "side of the window, pixels",
        (3, 5, 7, 9),
        (),
        on(signal.median, "side", whole=True),
    ),
    (
        "sharpen",
        "unsharp mask, radius 2",
        "amount, %",
        (50, 100, 200, 400),
        (),
        on(_sharpened, "percent", whole=True),
    ),
    (
        "denoise",
        "noise removal by total variation",
        "weight",
        (0.02, 0.05, 0.1, 0.2, 0.4),
        (0.1,),
        on(signal.total_variation, "weight"),
    ),
    *(
        (name, title, FACTOR, strengths, quick, on(basic.enhance, "factor", enhancer=how))
        for name, title, strengths, quick, how in [
            ("darken", "darker", (0.9, 0.8, 0.6, 0.4, 0.2, 0.1), (), ImageEnhance.Brightness),
            ("brighten", "brighter", (1.1, 1.2, 1.5, 2, 3), (1.5,), ImageEnhance.Brightness),
            (
                "contrast_down",
                "less contrast",
                (0.9, 0.8, 0.6, 0.4, 0.2, 0.1),
                (),
                ImageEnhance.Contrast,
            ),
            ("contrast_up", "more contrast", (1.1, 1.2, 1.5, 2, 3), (), ImageEnhance.Contrast),
            ("saturation_down", "less colour", (0.75, 0.5, 0.25), (), ImageEnhance.Color),
            ("saturation_up", "more colour", (1.25, 1.5, 2, 3), (), ImageEnhance.Color),
        ]
    ),
    (
        "gamma_down",
        "gamma, lighter",
        "exponent",
        (0.9, 0.7, 0.5, 0.35),
        (),
        on(basic.gamma, "exponent"),
    ),
    (
        "gamma_up",
        "gamma, darker",
        "exponent",
        (1.1, 1.4, 2, 3),
        (),
        on(basic.gamma, "exponent"),
    ),
    ("hue", "hue turned", ANGLE, (10, 30, 60, 120, 180), (), on(signal.hue, "degrees")),
    (
        "temperature",
        "warmer (red up, blue down)",
        "gain, %",
        (5, 10, 20, 40),
        (),
        percent(signal.temperature, "share"),
    ),
    ("grayscale", "grayscale", "", NO_AXIS, NO_AXIS, on(basic.grayscale)),
    (
        "screenshot",
        "screenshot (scaled, JPEG 75)",
        "scale",
        (1, 0.85, 0.7, 0.5, 0.35),
        (0.7,),
        on(basic.screenshot, "factor"),
    ),
    (
        "social",
        "social media (scaled, JPEG 75, WebP 80)",
        "width, pixels",
        (1600, 1080, 720, 480, 320, 200),
        (),
        on(basic.social, "side"),
    ),
)
