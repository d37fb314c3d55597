"""Pictures as somebody sees them who wants to copy or remove the mark of others.

Works are crops and mirrors of few pictures at 512 x 512, so that the tiles of all of them lie
alike. The mark changes luma, so estimates are of luma, and what is added goes along its direction.

``difference`` is marked minus original, for who has both, such as a customer of the marking
service. ``gaussian`` and ``wiener`` are what a denoiser takes away from the marked picture alone,
limited, as edges are no mark (Kutter, Voloshynovskiy and Herrigel 2000, "Watermark copy attack").
``lines`` knows the specification: it reads the synchronisation lines, whose places are public, in
every work, turns the signs of all works alike, and draws their mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, uniform_filter

from waarmerk.bench.content.catalogue import contents
from waarmerk.bench.image_quality import psnr
from waarmerk.bench.integrity.collect import Settings, chosen, tuned_on
from waarmerk.bench.marks import read_each
from waarmerk.bench.protocol import Content, Medium, Value
from waarmerk.bench.seeds import rng_for
from waarmerk.marking.image.canonical import canonical_luma, residual
from waarmerk.marking.image.scheme import SCHEME

if TYPE_CHECKING:
    from pathlib import Path

    from waarmerk import MarkId, MarkingKey
    from waarmerk.detection.finding import WatermarkFinding

__all__ = ["SIDE", "Pictures", "to_uint8"]

SIDE = 512
MOST = 6.0  # levels: what a denoiser takes away beyond this is an edge
LUMA = np.array(SCHEME.luma)
CLEAN = 99.0  # dB, instead of infinity for equal pictures


class Pictures:
    """The image mark under attack."""

    medium: ClassVar[Medium] = "image"
    scheme: ClassVar[str] = SCHEME.name
    unit: ClassVar[str] = "PSNR"
    estimates: ClassVar[tuple[str, ...]] = ("difference", "gaussian", "wiener")
    bounds: ClassVar[tuple[float, ...]] = (38.0, 42.0)
    limit: ClassVar[float] = 40.0
    levels: ClassVar[tuple[float, ...]] = (1.0, 3.0, 10.0)

    def targets(self, settings: Settings) -> list[Content]:
        """Return pictures of the folder 512, if there is one."""
        return _targets(settings.data, settings.cache, settings.contents)

    def load(self, content: Content) -> Value:
        """Return a picture, uint8 [512, 512, 3]: the middle of it, scaled."""
        rgb = content.load()
        side = min(rgb.shape[:2])
        top, left = ((length - side) // 2 for length in rgb.shape[:2])
        return scaled(rgb[top : top + side, left : left + side])

    def work(self, settings: Settings, number: int, attempt: int) -> Value:
        """Return a crop of half to all of a picture's largest square, mirrored or not."""
        sources = tuned_on("image", settings.data)
        rng = rng_for("integrity work", number, attempt)
        rgb = sources[(number + attempt) % len(sources)]
        side = int(min(rgb.shape[:2]) * np.sqrt(rng.uniform(0.5, 1.0)))
        top, left = (int(rng.integers(length - side + 1)) for length in rgb.shape[:2])
        cut: np.ndarray = scaled(rgb[top : top + side, left : left + side])
        return cut[:, ::-1].copy() if rng.random() < 0.5 else cut

    def mark(self, value: Value, key: MarkingKey, mark_id: MarkId) -> Value:
        """Mark a picture."""
        from waarmerk import mark_image

        return mark_image(value, key, mark_id=mark_id).content

    def estimate(self, original: Value, marked: Value) -> dict[str, np.ndarray]:
        """Return what each way takes for the mark: float [512, 512], levels of luma."""
        luma = marked @ LUMA
        return {
            "difference": luma - original @ LUMA,
            "gaussian": np.clip(luma - gaussian_filter(luma, 1.5), -MOST, MOST),
            "wiener": np.clip(luma - wiener(luma), -MOST, MOST),
        }

    def lines(self, marked: Value) -> np.ndarray:
        """Return the phases at the synchronisation lines, complex64 [64]."""
        view = residual(canonical_luma(marked))
        columns, rows = SCHEME.sync_lines.T
        values = np.fft.fft2(folded(view))[rows, columns]
        return np.asarray(values / (np.abs(values) + 1e-9), np.complex64)

    def aligned(self, lines: np.ndarray) -> np.ndarray:
        """Turn the signs of works [n, 64] alike: by the leading eigenvector of their likeness."""
        likeness = (lines @ lines.conj().T).real
        np.fill_diagonal(likeness, 0.0)
        signs = np.where(np.linalg.eigh(likeness)[1][:, -1] < 0, -1.0, 1.0)
        return np.asarray(np.mean(signs[:, None] * lines, axis=0))

    def drawn(self, template: np.ndarray, like: Value | None = None) -> np.ndarray:
        """Return the tiles that show these phases; with the sign that `like` shows."""
        tile = np.zeros((SCHEME.tile, SCHEME.tile), np.complex128)
        columns, rows = SCHEME.sync_lines.T
        tile[rows, columns] = template
        tile[-rows, -columns] = template.conj()
        count = SIDE // SCHEME.tile
        pattern = np.tile(np.fft.ifft2(tile).real, (count, count))
        if like is not None and np.vdot(template, self.lines(like)).real < 0:
            return -pattern
        return pattern

    def share(self, value: Value, pattern: np.ndarray) -> float:
        """Return the factor that takes all of a pattern out of the high-passed luma."""
        luma = value @ LUMA
        passed = np.clip(luma - gaussian_filter(luma, 3), -20, 20)
        return float(np.sum(passed * pattern) / np.sum(pattern * pattern))

    def change(self, value: Value, pattern: np.ndarray, gain: float) -> Value:
        """Add to luma, all channels by the direction in which that costs least."""
        direction = (gain * LUMA / (LUMA @ LUMA)).astype(np.float32)
        return to_uint8(value + pattern.astype(np.float32)[:, :, None] * direction)

    def quality(self, before: Value, after: Value) -> float:
        """Return the PSNR."""
        return min(CLEAN, psnr(before, after))

    def neutral(self) -> Value:
        """Return a grey picture."""
        return np.full((SIDE, SIDE, 3), 128, np.uint8)

    def size(self, value: Value) -> float:
        """Return megapixels."""
        return float(round(value.shape[0] * value.shape[1] / 1e6, 3))

    def read(self, value: Value, keys: Sequence[MarkingKey]) -> list[WatermarkFinding]:
        """Look for every key by itself, with full effort."""
        return read_each(value, list(keys), "full")


@lru_cache(maxsize=4)
def _targets(data: Path | None, cache: Path, count: int) -> list[Content]:
    found = contents("image", data, "reporting", cache)
    small = [content for content in found if content.group == "512"]
    return chosen(small or found, count)


def to_uint8(values: np.ndarray) -> np.ndarray:
    """Round and clip."""
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def scaled(rgb: np.ndarray) -> np.ndarray:
    """Return a square at 512 x 512."""
    if rgb.shape[:2] == (SIDE, SIDE):
        return np.ascontiguousarray(rgb)
    image = Image.fromarray(np.ascontiguousarray(rgb))
    return np.array(image.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def folded(plane: np.ndarray) -> np.ndarray:
    """Add up the tiles of a plane [512, 512]: [128, 128]."""
    count = SIDE // SCHEME.tile
    tiles = plane[:SIDE, :SIDE].reshape(count, SCHEME.tile, count, SCHEME.tile)
    return np.asarray(tiles.sum(axis=(0, 2), dtype=np.float64))


def wiener(luma: np.ndarray, side: int = 5) -> np.ndarray:
    """Denoise with the local Wiener filter; the noise is what half of the places have at most."""
    mean = uniform_filter(luma, side)
    variance = np.maximum(uniform_filter(luma * luma, side) - mean * mean, 0.0)
    noise = float(np.median(variance))
    share = np.maximum(variance - noise, 0.0) / np.maximum(variance, max(noise, 1e-9))
    return np.asarray(mean + share * (luma - mean))
