"""Changes of where things are in a picture: what the functions of `image` leave out.

`warped` resamples with Pillow over a mesh: the mapping is evaluated at the corners of small cells
and is bilinear within each, which is quick, and smooth enough for a mapping that is smooth itself.
"""

import math
from collections.abc import Callable

import numpy as np
from PIL import Image

from waarmerk.bench.transformations.image import homography, recode, to_size

__all__ = [
    "Mapping",
    "bend",
    "enlarge",
    "project",
    "random_bending",
    "remove_lines",
    "shear",
    "squeeze",
    "warped",
]

_STRIP = 512  # rows

Mapping = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From x and y of places in the result, in pixels, to x and y of where they come from."""


def warped(rgb: np.ndarray, mapping: Mapping, height: int, width: int) -> np.ndarray:
    """Resample to `height` x `width`, bicubic; places outside the picture come from its edge."""
    cell = max(8, min(height, width) // 48)
    xs = np.append(np.arange(0, width, cell), width)
    ys = np.append(np.arange(0, height, cell), height)
    grid_x, grid_y = mapping(*np.meshgrid(xs.astype(float), ys.astype(float)))
    # Pillow leaves black what comes from the very edge.
    source_x = np.clip(grid_x, 0.01, rgb.shape[1] - 0.01)
    source_y = np.clip(grid_y, 0.01, rgb.shape[0] - 0.01)
    corners = ((0, 0), (1, 0), (1, 1), (0, 1))  # as Pillow wants: NW, SW, SE, NE
    mesh = []
    for row in range(len(ys) - 1):
        for column in range(len(xs) - 1):
            quad = tuple(
                float(source[row + down, column + right])
                for down, right in corners
                for source in (source_x, source_y)
            )
            box = (xs[column], ys[row], xs[column + 1], ys[row + 1])
            mesh.append((tuple(map(int, box)), quad))
    transform = Image.Transform.MESH
    image = Image.fromarray(rgb).transform(
        (width, height), transform, mesh, Image.Resampling.BICUBIC
    )
    return np.array(image)


def project(coefficients: tuple[float, ...]) -> Mapping:
    """Return the projective mapping with these coefficients (see `image.homography`)."""
    a, b, c, d, e, f, g, h = coefficients

    def mapping(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        w = g * x + h * y + 1
        return (a * x + b * y + c) / w, (d * x + e * y + f) / w

    return mapping


def enlarge(rgb: np.ndarray, _rng: object, *, factor: float) -> np.ndarray:
    """Resize with Lanczos as `image.resize` does, in strips: 12 megapixels become 192 in 1 GB."""
    height, width = rgb.shape[:2]
    rows, columns = max(1, round(height * factor)), max(1, round(width * factor))
    image = Image.fromarray(rgb)
    result = np.empty((rows, columns, 3), np.uint8)
    for top in range(0, rows, _STRIP):
        bottom = min(rows, top + _STRIP)
        seen = (0, top * height / rows, width, bottom * height / rows)
        size = (columns, bottom - top)
        result[top:bottom] = image.resize(size, Image.Resampling.LANCZOS, seen)
    return result


def squeeze(rgb: np.ndarray, _rng: object, *, factor: float) -> np.ndarray:
    """Scale the width by `factor` and keep the height: another aspect ratio."""
    height, width = rgb.shape[:2]
    return to_size(rgb, round(width * factor), height)


def shear(rgb: np.ndarray, _rng: object, *, degrees: float) -> np.ndarray:
    """Move rows sideways, the more the farther from the middle one; black where nothing is."""
    height, width = rgb.shape[:2]
    slope = math.tan(math.radians(degrees))
    image = Image.fromarray(rgb).transform(
        (width, height),
        Image.Transform.AFFINE,
        (1, slope, -slope * height / 2, 0, 1, 0),
        Image.Resampling.BICUBIC,
    )
    return np.array(image)


def remove_lines(rgb: np.ndarray, rng: np.random.Generator, *, share: float) -> np.ndarray:
    """Remove `share` of the rows and of the columns, anywhere; the rest moves together."""
    rows, columns = (
        np.sort(rng.choice(side, max(1, round(side * (1 - share))), replace=False))
        for side in rgb.shape[:2]
    )
    return np.asarray(rgb[rows][:, columns])


def bend(rgb: np.ndarray, rng: np.random.Generator, *, rms: float) -> np.ndarray:
    """Bend smoothly at random: x and y move by `rms` pixels each where the short side is 512.

    The field of moves is a sum of six waves a direction with one to four cycles a picture.
    """
    height, width = rgb.shape[:2]
    amplitude = rms * min(height, width) / 512 * math.sqrt(2 / 6)
    frequencies = rng.uniform(1, 4, (2, 6)) / (min(height, width))
    angles = rng.uniform(0, 2 * math.pi, (2, 6))
    phases = rng.uniform(0, 2 * math.pi, (2, 6))

    def move(x: np.ndarray, y: np.ndarray, index: int) -> np.ndarray:
        total: np.ndarray = np.zeros_like(x)
        for frequency, angle, phase in zip(
            frequencies[index], angles[index], phases[index], strict=True
        ):
            along = x * math.cos(angle) + y * math.sin(angle)
            total += np.sin(2 * math.pi * frequency * along + phase)
        return np.asarray(amplitude * total)

    return warped(rgb, lambda x, y: (x + move(x, y, 0), y + move(x, y, 1)), height, width)


def random_bending(rgb: np.ndarray, rng: np.random.Generator, *, share: float) -> np.ndarray:
    """Distort in the manner of StirMark: corners, a bulge, ripples, then JPEG 90.

    The steps are those of Petitcolas and Anderson, "Evaluation of copyright marking systems"
    (1999): corners move at random, here inward by up to `share` of the side; the middle bulges,
    nothing at the edges; small ripples go over all. How large each is relative to `share` is
    chosen here: a bulge of `share` / 2 and ripples of `share` / 10 of the side.
    """
    height, width = rgb.shape[:2]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=float)
    inward = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)])
    moves = inward * rng.uniform(0, share, (4, 2)) * (width, height)
    projected = project(homography(corners, corners + moves))
    bulge = rng.uniform(-0.5, 0.5, 2) * share * (width, height)
    ripple = 0.1 * share * min(height, width)
    phases = rng.uniform(0, 2 * math.pi, 2)

    def mapping(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        u, v = projected(x, y)
        inside = np.sin(math.pi * np.clip(x / width, 0, 1))
        inside *= np.sin(math.pi * np.clip(y / height, 0, 1))
        waves = [np.sin(2 * math.pi * 5 * x / width + phases[0])]
        waves.append(np.sin(2 * math.pi * 5 * y / height + phases[1]))
        return u + bulge[0] * inside + ripple * waves[1], v + bulge[1] * inside + ripple * waves[0]

    return recode(warped(rgb, mapping, height, width), rng, codec="JPEG", quality=90)
