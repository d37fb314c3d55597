"""Flat graphics and screens, rendered: a class of pictures of its own, held out from tuning.

Seven kinds of 512 x 512 pictures that hold much plain colour: a page of text, a dialog, a table, a
bar chart, a street map, a logo, a smooth gradient. Each kind comes in four variants drawn from
fixed seeds. They need no files, so anyone can measure the same ones.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from waarmerk.bench.seeds import rng_for

SIDE = 512
VARIANTS = 4

_TEXT = (
    "the minutes of this meeting were sent to all members before the budget was agreed and a new "
    "date for the visit has been set by the board"
)


def _colour(rng: np.random.Generator, low: int = 0, high: int = 256) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in rng.integers(low, high, 3))
    return red, green, blue


def _sentence(rng: np.random.Generator, words: int) -> str:
    return " ".join(str(word) for word in rng.choice(_TEXT.split(), words))


def _page(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    size = int(rng.integers(10, 20))
    font = ImageFont.load_default(size=size)
    step = round(1.5 * size)
    for top in range(30, SIDE - 30, step):
        if rng.random() > 0.12:
            draw.text((36, top), _sentence(rng, 14)[: round(850 / size)], (20, 20, 20), font)


def _dialog(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    draw.rectangle((0, 0, SIDE, SIDE), _colour(rng, 40, 160))
    draw.rounded_rectangle((70, 120, 442, 400), 10, (244, 244, 246))
    draw.rounded_rectangle((70, 120, 442, 156), 10, _colour(rng, 60, 200))
    font = ImageFont.load_default(size=14)
    for line in range(int(rng.integers(3, 7))):
        draw.text((94, 180 + 24 * line), _sentence(rng, 6), (40, 40, 40), font)
    for left in (230, 340):
        draw.rounded_rectangle((left, 352, left + 86, 382), 6, _colour(rng, 180, 230))
        draw.text((left + 20, 359), _sentence(rng, 1), (20, 20, 20), font)


def _table(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    font = ImageFont.load_default(size=12)
    for row, top in enumerate(range(0, SIDE, 26)):
        draw.rectangle((0, top, SIDE, top + 26), (236, 240, 246) if row % 2 else (255, 255, 255))
        for left in range(8, SIDE, 72):
            draw.text((left, top + 6), f"{rng.integers(0, 99999) / 10:.1f}", (30, 30, 30), font)
            draw.line((left - 8, 0, left - 8, SIDE), (200, 204, 210))


def _chart(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    colour = _colour(rng, 30, 200)
    for left in range(60, 470, int(rng.integers(24, 60))):
        draw.rectangle((left, int(rng.integers(60, 420)), left + 18, 450), colour)
    draw.line((50, 40, 50, 450, 480, 450), (0, 0, 0), 2)
    for tick in range(60, 450, 39):
        draw.line((50, tick, 480, tick), (225, 225, 225))
        draw.text((16, tick - 6), f"{(450 - tick) // 4}", (60, 60, 60))


def _map(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    draw.rectangle((0, 0, SIDE, SIDE), (242, 239, 233))
    for _ in range(5):
        corners = rng.integers(-60, SIDE + 60, (5, 2)).astype(float)
        draw.polygon(
            [tuple(p) for p in corners], ((200, 224, 188), (170, 205, 226))[rng.integers(2)]
        )
    for width, colour in ((3, (255, 255, 255)), (8, (250, 214, 130))):
        for _ in range(26 if width == 3 else 4):
            ends = rng.integers(-100, SIDE + 100, 4)
            draw.line([int(end) for end in ends], colour, width)
    for _ in range(12):
        x, y = (int(value) for value in rng.integers(0, SIDE - 60, 2))
        draw.text((x, y), _sentence(rng, 1).title(), (90, 90, 90))


def _logo(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    draw.rectangle((0, 0, SIDE, SIDE), _colour(rng, 150))
    for radius in sorted((int(value) for value in rng.integers(40, 190, 3)), reverse=True):
        draw.ellipse((256 - radius, 226 - radius, 256 + radius, 226 + radius), _colour(rng))
    font = ImageFont.load_default(size=40)
    draw.text((256, 460), _sentence(rng, 2).title(), _colour(rng, 0, 80), font, anchor="mm")


_DRAWN: dict[str, Callable[[ImageDraw.ImageDraw, np.random.Generator], None]] = {
    "page": _page,
    "dialog": _dialog,
    "table": _table,
    "chart": _chart,
    "map": _map,
    "logo": _logo,
}


def _gradient(rng: np.random.Generator) -> np.ndarray:
    corners = rng.integers(0, 256, (2, 2, 3)).astype(np.float64)
    share = np.linspace(0, 1, SIDE)
    rows = corners[0] * (1 - share[:, None, None]) + corners[1] * share[:, None, None]
    smooth = rows[:, :1] * (1 - share[None, :, None]) + rows[:, 1:] * share[None, :, None]
    return np.asarray(np.rint(smooth), np.uint8)


def names() -> list[str]:
    """Return the names of the rendered pictures: kind and variant."""
    return [f"{kind}_{variant}" for kind in (*_DRAWN, "gradient") for variant in range(VARIANTS)]


def render(name: str) -> np.ndarray:
    """Return the picture `name` as uint8 ``[512, 512, 3]``, the same one every time."""
    kind = name.rpartition("_")[0]
    rng = rng_for("graphics", name)
    if kind == "gradient":
        return _gradient(rng)
    image = Image.new("RGB", (SIDE, SIDE), (255, 255, 255))
    _DRAWN[kind](ImageDraw.Draw(image), rng)
    return np.array(image)
