"""Changes of parts of a picture; the rest stays as it is, bit for bit.

Parts lie in slots, so that they never overlap and cover the share of the area that is asked for::

    +------+------+------+
    |  ##  | ##   |      |      3 x 2 slots, three along the longer side, one part in each,
    +------+------+------+      anywhere within its slot
    | ##   |   ## |  ##  |
    +------+------+------+
"""

import math
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from waarmerk.bench.protocol import Tools
from waarmerk.bench.transformations.image import to_size, to_uint8

__all__ = [
    "blur_faces",
    "borrowed",
    "emoji",
    "erase",
    "inpaint",
    "paste_other",
    "picture_in_picture",
    "texture",
]

Box = tuple[int, int, int, int]  # left, top, right, bottom


def texture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Render clouds, uint8 ``[height, width, 3]``: noise of every octave, the coarser the stronger.

    Stands in for another picture where a run has only one.
    """
    values = np.full((height, width, 3), 128, np.float32)
    cells = 2
    while cells <= max(4, min(height, width) // 2):
        # Fine octaves are the same in all channels, as in photographs.
        grids = rng.standard_normal((cells, cells, 3 if cells <= 8 else 1), dtype=np.float32)
        for channel in range(3):
            grid = Image.fromarray(np.ascontiguousarray(grids[:, :, channel % grids.shape[2]]))
            values[:, :, channel] += (
                60 / cells**0.7 * np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC))
            )
        cells *= 2
    return to_uint8(values)


def borrowed(tools: Tools, height: int, width: int) -> np.ndarray:
    """Return another picture of the run at this size, cut to the aspect ratio; or a texture."""
    others = tools.other_contents()
    if not others:
        return texture(tools.rng, height, width)
    rgb = others[int(tools.rng.integers(len(others)))].load()
    scale = min(rgb.shape[0] / height, rgb.shape[1] / width)
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (rgb.shape[0] - rows) // 2, (rgb.shape[1] - columns) // 2
    return to_size(rgb[top : top + rows, left : left + columns], width, height)


def slots(height: int, width: int, long: int, short: int) -> Iterator[tuple[float, ...]]:
    """Yield (left, top, width, height) of each of `long` x `short` equal slots."""
    columns, rows = (long, short) if width >= height else (short, long)
    for index in range(columns * rows):
        row, column = divmod(index, columns)
        yield (
            column * width / columns,
            row * height / rows,
            width / columns,
            height / rows,
        )


def boxes(
    rgb: np.ndarray, rng: np.random.Generator, share: float, long: int, short: int
) -> Iterator[Box]:
    """Yield a box in each of `long` x `short` slots that covers `share` of it, somewhere in it."""
    for left, top, width, height in slots(rgb.shape[0], rgb.shape[1], long, short):
        wide, high = width * math.sqrt(share), height * math.sqrt(share)
        x, y = rng.uniform(left, left + width - wide), rng.uniform(top, top + height - high)
        column, row = int(x), int(y)
        yield column, row, max(column + 1, round(x + wide)), max(row + 1, round(y + high))


def blur_faces(rgb: np.ndarray, rng: np.random.Generator, *, share: float) -> np.ndarray:
    """Blur six upright ellipses beyond recognition, as faces are: `share` of the area."""
    image = Image.fromarray(rgb)
    # An ellipse covers pi / 4 of the box around it.
    for box in boxes(rgb, rng, min(1.0, share * 4 / math.pi), 3, 2):
        part = image.crop(box)
        mask = Image.new("L", part.size)
        ImageDraw.Draw(mask).ellipse((0, 0, part.width - 1, part.height - 1), fill=255)
        part = part.filter(ImageFilter.GaussianBlur(max(part.size) / 6))
        image.paste(part, box[:2], mask)
    return np.array(image)


def emoji(rgb: np.ndarray, rng: np.random.Generator, *, share: float) -> np.ndarray:
    """Put six round yellow faces onto it: `share` of the area."""
    image = Image.fromarray(rgb)
    draw = ImageDraw.Draw(image)
    radius = math.sqrt(share * image.width * image.height / (6 * math.pi))
    for left, top, width, height in slots(image.height, image.width, 3, 2):
        spare = max(0.0, width - 2 * radius), max(0.0, height - 2 * radius)
        x = left + radius + rng.uniform(0, spare[0])
        y = top + radius + rng.uniform(0, spare[1])
        draw.circle((x, y), radius, fill=(255, 204, 51), outline=(200, 140, 20))
        for side in (-1, 1):
            draw.circle((x + side * 0.35 * radius, y - 0.25 * radius), 0.12 * radius, fill="black")
        smile = (x - 0.55 * radius, y - 0.45 * radius, x + 0.55 * radius, y + 0.6 * radius)
        draw.arc(smile, 20, 160, fill=(110, 50, 10), width=max(1, round(0.1 * radius)))
    return np.array(image)


def erase(rgb: np.ndarray, rng: np.random.Generator, *, share: float) -> np.ndarray:
    """Fill four rectangles, `share` of the area, each with its own mean colour."""
    result = rgb.copy()
    for left, top, right, bottom in boxes(rgb, rng, share, 2, 2):
        part = rgb[top:bottom, left:right]
        result[top:bottom, left:right] = to_uint8(part.mean(axis=(0, 1)))
    return result


def inpaint(rgb: np.ndarray, rng: np.random.Generator, *, share: float) -> np.ndarray:
    """Replace four rectangles, `share` of the area, by what their surroundings suggest.

    Every pixel is the mean of the four pixels at the rim in its row and column, the nearer the
    heavier, with grain as between neighbours of the picture. No model: objects end at the rim.
    """
    result = rgb.copy()
    steps = np.abs(np.diff(rgb.astype(np.int16), axis=1)) if rgb.shape[1] > 1 else np.zeros(1)
    grain = float(np.median(steps))
    for left, top, right, bottom in boxes(rgb, rng, share, 2, 2):
        height, width = bottom - top, right - left
        ys = np.arange(1, height + 1, dtype=np.float32)[:, None, None]
        xs = np.arange(1, width + 1, dtype=np.float32)[None, :, None]
        rims = [
            (rgb[top - 1 : top, left:right], ys) if top else None,
            (rgb[bottom : bottom + 1, left:right], height + 1 - ys) if bottom < len(rgb) else None,
            (rgb[top:bottom, left - 1 : left], xs) if left else None,
            (rgb[top:bottom, right : right + 1], width + 1 - xs) if right < rgb.shape[1] else None,
        ]
        total = np.zeros((height, width, 3), np.float32)
        weights = np.zeros((height, width, 1), np.float32)
        for rim in rims:
            if rim is not None:
                total += rim[0] / rim[1]
                weights += 1 / rim[1]
        noise = grain * rng.standard_normal((height, width, 1), dtype=np.float32)
        result[top:bottom, left:right] = to_uint8(total / np.maximum(weights, 1e-6) + noise)
    return result


def paste_other(rgb: np.ndarray, tools: Tools, *, share: float) -> np.ndarray:
    """Paste a part of another picture over `share` of the area."""
    result = rgb.copy()
    for left, top, right, bottom in boxes(rgb, tools.rng, share, 1, 1):
        result[top:bottom, left:right] = borrowed(tools, bottom - top, right - left)
    return result


def picture_in_picture(rgb: np.ndarray, tools: Tools, *, share: float) -> np.ndarray:
    """Scale down to `share` of the area, and paste onto another picture of the old size."""
    result = borrowed(tools, *rgb.shape[:2])
    for left, top, right, bottom in boxes(rgb, tools.rng, share, 1, 1):
        result[top:bottom, left:right] = to_size(rgb, right - left, bottom - top)
    return result
