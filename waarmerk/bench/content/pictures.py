"""The pictures that the benchmark measures, and the ones it renders itself.

``--data DIR`` names a folder with ``512/``, ``1024/`` and ``12mp/`` (for figures) and ``512-more/``
(for tuning, never for figures). The folder ``graphics`` needs no files: `graphics.py`
renders it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from waarmerk.bench.content import graphics
from waarmerk.errors import InputError

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".avif"}

# The flat graphics, maps and screens of the tuning folder, picked by eye before anything was run.
TUNING_GRAPHICS = frozenset(
    f"p{number:02}"
    for number in (1, 11, 12, 14, 23, 25, 26, 28, 30, 31, 44, 47, 48, 51, 52, 53, 54, 57, 58)
)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of the benchmark: where it is named, and how to get its pixels."""

    folder: str
    name: str
    load: Callable[[], np.ndarray]


def read_rgb(path: Path) -> np.ndarray:
    """Read a file as uint8 ``[H, W, 3]``."""
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def pictures(data: Path | None, folder: str) -> list[Picture]:
    """Return the pictures of a folder, sorted by name."""
    if folder == "graphics":
        return [Picture(folder, name, partial(graphics.render, name)) for name in graphics.names()]
    if data is None or not (data / folder).is_dir():
        raise InputError(f"no pictures: {folder} is not a folder in {data} (see --data)")
    files = sorted(path for path in (data / folder).iterdir() if path.suffix.lower() in SUFFIXES)
    return [Picture(folder, path.stem, partial(read_rgb, path)) for path in files]
