"""Every change of a picture that the benchmark tries, as one table.

``TRANSFORMS`` maps a name to a `Transform`. Its function takes an uint8 array ``[H, W, 3]`` and a
random generator and returns a new uint8 array ``[H', W', 3]``; the generator handed in is the only
source of randomness. Pillow does the work wherever it offers the operation, because that is what
stands behind most real services. `rng_for` makes the generator of a named experiment, so that one
cell of the benchmark can be repeated alone.
"""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont
from scipy.ndimage import gaussian_filter

from waarmerk.bench.seeds import rng_for

Function = Callable[[np.ndarray, np.random.Generator], np.ndarray]


@dataclass(frozen=True, slots=True)
class Transform:
    """One change of a picture.

    Attributes
    ----------
    name : str
        Key in ``TRANSFORMS`` and in result files.
    group : str
        Heading under which the report lists it.
    function : callable
        ``(rgb uint8 [H, W, 3], rng) -> rgb uint8 [H', W', 3]``.
    label : str
        How the report words it.
    target : float or None
        Share of pictures whose exact mark id has to be read; None: reported, nothing promised.
    """

    name: str
    group: str
    function: Function
    label: str
    target: float | None

    def __call__(self, rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the changed copy of `rgb`."""
        return np.ascontiguousarray(self.function(rgb, rng))


def apply(name: str, rgb: np.ndarray, *seed: object) -> np.ndarray:
    """Apply the transformation `name` with the generator that belongs to ``(name, *seed)``."""
    return TRANSFORMS[name](rgb, rng_for(name, *seed))


# Codecs and sizes


def recode(rgb: np.ndarray, _rng: object, *, codec: str, quality: int) -> np.ndarray:
    """Encode and decode with Pillow's defaults (chroma 4:2:0 for all three codecs)."""
    buffer = io.BytesIO()
    options = {"max_threads": 1} if codec == "AVIF" else {}
    Image.fromarray(rgb).save(buffer, codec, quality=quality, **options)
    buffer.seek(0)
    with Image.open(buffer) as image:
        return np.array(image.convert("RGB"))


def to_size(rgb: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resize with Lanczos, to one pixel a side at least."""
    size = (max(1, width), max(1, height))
    return np.array(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS))


def resize(rgb: np.ndarray, _rng: object, *, factor: float) -> np.ndarray:
    """Resize with Lanczos and stay at the new size: nobody tells the detector the old one."""
    height, width = rgb.shape[:2]
    return to_size(rgb, round(width * factor), round(height * factor))


def screenshot(rgb: np.ndarray, rng: np.random.Generator, *, factor: float = 0.7) -> np.ndarray:
    """Show at `factor` times the size, and keep what was shown as JPEG 75."""
    return recode(resize(rgb, rng, factor=factor), rng, codec="JPEG", quality=75)


def social(rgb: np.ndarray, rng: np.random.Generator, *, side: float = 1080) -> np.ndarray:
    """Scale to `side` pixels wide (up or down), then one service's JPEG and another's WebP."""
    height, width = rgb.shape[:2]
    sized = to_size(rgb, round(side), round(height * side / width))
    jpeg = recode(sized, rng, codec="JPEG", quality=75)
    return recode(jpeg, rng, codec="WEBP", quality=80)


# Noise, filters, colour


def to_uint8(values: np.ndarray) -> np.ndarray:
    """Round and clip."""
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def noise(rgb: np.ndarray, rng: np.random.Generator, *, sigma: float) -> np.ndarray:
    """Add Gaussian noise, independent for every pixel and channel."""
    return to_uint8(rgb + sigma * rng.standard_normal(rgb.shape, dtype=np.float32))


def blur(rgb: np.ndarray, _rng: object, *, sigma: float) -> np.ndarray:
    """Blur with a true Gaussian (Pillow's GaussianBlur is three box filters)."""
    return to_uint8(gaussian_filter(rgb.astype(np.float32), (sigma, sigma, 0), mode="nearest"))


def filtered(rgb: np.ndarray, _rng: object, *, kernel: ImageFilter.Filter) -> np.ndarray:
    """Filter with a kernel of Pillow."""
    return np.array(Image.fromarray(rgb).filter(kernel))


def enhance(rgb: np.ndarray, _rng: object, *, enhancer: type, factor: float) -> np.ndarray:
    """Mix with what the enhancer of Pillow takes for nothing: black, grey, colourless."""
    return np.array(enhancer(Image.fromarray(rgb)).enhance(factor))


def gamma(rgb: np.ndarray, _rng: object, *, exponent: float) -> np.ndarray:
    """Raise all values, as shares of 255, to the power of `exponent`."""
    curve = to_uint8(255.0 * (np.arange(256) / 255.0) ** exponent)
    return np.asarray(curve[rgb])


def grayscale(rgb: np.ndarray, _rng: object) -> np.ndarray:
    """Keep the luma only, in all three channels."""
    return np.array(Image.fromarray(rgb).convert("L").convert("RGB"))


def overlay(rgb: np.ndarray, _rng: object, *, share: float = 0.1) -> np.ndarray:
    """Cover `share` of the area: four fifths with a banner, a fifth with a logo, both opaque."""
    image = Image.fromarray(rgb)
    draw = ImageDraw.Draw(image)
    width, height = image.size
    banner = round(share * 8 / 10 * height)
    draw.rectangle((0, height - banner, width, height), fill=(16, 20, 28))
    draw.text(
        (width // 40, height - banner // 2),
        "BREAKING  Officials confirm the report",
        font=ImageFont.load_default(size=max(8, round(0.6 * banner))),
        fill=(255, 255, 255),
        anchor="lm",
    )
    side = round(math.sqrt(share * 2 / 10 * width * height))
    right, top = width - side // 4, side // 4
    draw.rectangle((right - side, top, right, top + side), fill=(200, 30, 40))
    inset = side // 5
    draw.ellipse(
        (right - side + inset, top + inset, right - inset, top + side - inset), fill=(250, 250, 250)
    )
    return np.array(image)


# Geometry


def crop(rgb: np.ndarray, rng: np.random.Generator, *, area: float, random: bool) -> np.ndarray:
    """Keep `area` of the picture at the same aspect ratio, at its centre or anywhere in it."""
    height, width = rgb.shape[:2]
    side = math.sqrt(area)
    new_height, new_width = round(height * side), round(width * side)
    if random:
        top = int(rng.integers(height - new_height + 1))
        left = int(rng.integers(width - new_width + 1))
    else:
        top, left = (height - new_height) // 2, (width - new_width) // 2
    return rgb[top : top + new_height, left : left + new_width].copy()


def border(rgb: np.ndarray, _rng: object, *, share: float) -> np.ndarray:
    """Cut `share` of the side's length off at all four edges, then resize to the old size."""
    height, width = rgb.shape[:2]
    dy, dx = round(height * share), round(width * share)
    return to_size(rgb[dy : height - dy, dx : width - dx], width, height)


def rotate(rgb: np.ndarray, _rng: object, *, angle: float, expand: bool = False) -> np.ndarray:
    """Rotate counter-clockwise about the centre, bicubic, black where the picture ends."""
    image = Image.fromarray(rgb)
    return np.array(image.rotate(angle, Image.Resampling.BICUBIC, expand=expand))


def inner_rectangle(width: int, height: int, angle: float) -> tuple[float, float]:
    """Return width and height of the largest upright rectangle inside the rotated picture.

    Two of its corners lie on the long sides if the picture is narrow, else all four on the edges.

    >>> inner_rectangle(100, 50, 0.0)
    (100.0, 50.0)
    """
    sine, cosine = abs(math.sin(math.radians(angle))), abs(math.cos(math.radians(angle)))
    long, short = max(width, height), min(width, height)
    if short <= 2 * sine * cosine * long:
        half = short / 2
        inner = (half / sine, half / cosine)
        return inner if width >= height else inner[::-1]
    span = cosine * cosine - sine * sine
    return (width * cosine - height * sine) / span, (height * cosine - width * sine) / span


def rotate_crop(rgb: np.ndarray, rng: np.random.Generator, *, angle: float) -> np.ndarray:
    """Rotate, then cut out the largest upright rectangle (less a pixel) without black corners."""
    height, width = rgb.shape[:2]
    rotated = rotate(rgb, rng, angle=angle, expand=True)
    inner_width, inner_height = (int(side) - 2 for side in inner_rectangle(width, height, angle))
    top = (rotated.shape[0] - inner_height) // 2
    left = (rotated.shape[1] - inner_width) // 2
    return rotated[top : top + inner_height, left : left + inner_width]


def rotate_right_angle(rgb: np.ndarray, _rng: object, *, degrees: int = 90) -> np.ndarray:
    """Rotate counter-clockwise by a multiple of 90 degrees, without resampling."""
    return np.rot90(rgb, degrees // 90)


def mirror(rgb: np.ndarray, _rng: object) -> np.ndarray:
    """Swap left and right."""
    return rgb[:, ::-1]


def homography(corners: np.ndarray, sources: np.ndarray) -> tuple[float, ...]:
    """Return Pillow's eight coefficients that take four `corners` ``[4, (x, y)]`` to `sources`."""
    rows, values = [], []
    for (x, y), (u, v) in zip(corners, sources, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return tuple(np.linalg.solve(np.array(rows), np.array(values)))


def perspective(rgb: np.ndarray, rng: np.random.Generator, *, share: float) -> np.ndarray:
    """Move every corner inward by up to `share` of the side, each independently, bicubic.

    The quadrilateral between the moved corners is stretched to the old size: no black border.
    """
    height, width = rgb.shape[:2]
    moves = rng.uniform(0, share, (4, 2)) * (width, height)
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=float)
    inward = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)])
    coefficients = homography(corners, corners + inward * moves)
    image = Image.fromarray(rgb).transform(
        (width, height), Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC
    )
    return np.array(image)


def combination(rgb: np.ndarray, rng: np.random.Generator, *, area: float = 0.75) -> np.ndarray:
    """Keep `area` of the picture at a random place, scale it to 0.8 times its size, JPEG 70."""
    cropped = crop(rgb, rng, area=area, random=True)
    return recode(resize(cropped, rng, factor=0.8), rng, codec="JPEG", quality=70)


def identity(rgb: np.ndarray, _rng: object) -> np.ndarray:
    """Change nothing."""
    return rgb.copy()


# The table. Targets: 97 % where the geometry is kept, 85 % for JPEG 30, 90 % for geometry.

_SIGNAL, _GEOMETRY = 0.97, 0.90

_ROWS: list[tuple[str, str, str, float | None, Function]] = [
    ("identity", "none", "no change", _SIGNAL, identity),
    *(
        (
            f"{codec.lower()}_{quality}",
            "compression",
            f"{name} {quality}",
            target,
            partial(recode, codec=codec, quality=quality),
        )
        for codec, name, quality, target in [
            ("JPEG", "JPEG", 90, _SIGNAL),
            ("JPEG", "JPEG", 70, _SIGNAL),
            ("JPEG", "JPEG", 50, _SIGNAL),
            ("JPEG", "JPEG", 30, 0.85),
            ("WEBP", "WebP", 80, _SIGNAL),
            ("WEBP", "WebP", 50, _SIGNAL),
            ("AVIF", "AVIF", 60, _SIGNAL),
            ("AVIF", "AVIF", 40, None),
        ]
    ),
    *(
        (f"resize_{f:g}", "resize", f"resize {f:g}x, not told", _SIGNAL, partial(resize, factor=f))
        for f in (0.5, 0.75, 2.0)
    ),
    ("noise_10", "noise and filters", "noise sigma 10", _SIGNAL, partial(noise, sigma=10.0)),
    ("blur_1", "noise and filters", "Gaussian blur sigma 1", _SIGNAL, partial(blur, sigma=1.0)),
    (
        "median_3",
        "noise and filters",
        "median 3 x 3",
        _SIGNAL,
        partial(filtered, kernel=ImageFilter.MedianFilter(3)),
    ),
    (
        "sharpen",
        "noise and filters",
        "sharpen (unsharp mask, radius 2, 100 %)",
        _SIGNAL,
        partial(filtered, kernel=ImageFilter.UnsharpMask(radius=2, percent=100, threshold=0)),
    ),
    *(
        (
            f"{name}_{factor:g}",
            "colour",
            f"{name} {factor:g}",
            _SIGNAL,
            partial(enhance, enhancer=enhancer, factor=factor),
        )
        for name, enhancer, factors in [
            ("brightness", ImageEnhance.Brightness, (0.8, 1.2)),
            ("contrast", ImageEnhance.Contrast, (0.8, 1.2)),
            ("saturation", ImageEnhance.Color, (0.5, 1.5)),
        ]
        for factor in factors
    ),
    *(
        (f"gamma_{g:g}", "colour", f"gamma {g:g}", _SIGNAL, partial(gamma, exponent=g))
        for g in (0.7, 1.4)
    ),
    ("grayscale", "colour", "grayscale", _SIGNAL, grayscale),
    ("overlay", "editing chains", "text banner and logo (10 %)", _SIGNAL, overlay),
    ("screenshot", "editing chains", "screenshot (0.7x, JPEG 75)", _SIGNAL, screenshot),
    ("social", "editing chains", "social (1080 wide, JPEG 75, WebP 80)", _SIGNAL, social),
    *(
        (
            f"crop_{place}_{area}",
            "crop",
            f"{place} crop to {area} %",
            _GEOMETRY,
            partial(crop, area=area / 100, random=place == "random"),
        )
        for place in ("centre", "random")
        for area in (75, 50, 25)
    ),
    (
        "border_10",
        "crop",
        "10 % cut off every edge, resized back",
        _GEOMETRY,
        partial(border, share=0.10),
    ),
    *(
        (f"rotate_{a}", "rotation", f"rotate {a} degrees", _GEOMETRY, partial(rotate, angle=a))
        for a in (2, 5, 15)
    ),
    *(
        (
            f"rotate_{a}_expand",
            "rotation",
            f"rotate {a} degrees, frame enlarged",
            _GEOMETRY,
            partial(rotate, angle=a, expand=True),
        )
        for a in (2, 5, 15)
    ),
    ("rotate_90", "rotation", "rotate 90 degrees (exact)", _GEOMETRY, rotate_right_angle),
    (
        "rotate_5_crop",
        "rotation",
        "rotate 5 degrees, inner crop",
        _GEOMETRY,
        partial(rotate_crop, angle=5),
    ),
    ("mirror", "warp", "mirror", _GEOMETRY, mirror),
    (
        "perspective",
        "warp",
        "mild perspective (corners by up to 2 %)",
        _GEOMETRY,
        partial(perspective, share=0.02),
    ),
    (
        "combination",
        "editing chains",
        "random crop 75 %, 0.8x, JPEG 70",
        _GEOMETRY,
        combination,
    ),
]

TRANSFORMS: dict[str, Transform] = {
    name: Transform(name, group, function, label, target)
    for name, group, label, target, function in _ROWS
}
