"""Checks the promise that p-values hold for any content.

``python -m benchmarks.false_positives --data DIR --out results/false_positives.jsonl --keys 24``

Unmarked pictures, transformed ones, pictures marked with *another* key, rendered graphics, tile
walls, stripes, noise and constants are read with keys that never marked anything. Every (content,
key) pair has a key of its own, so the pairs are independent trials, whatever the content, and the
share with p <= t must not exceed t beyond what a binomial law allows. A row holds the log10_p of
one content for each of its keys by itself, and ``family``: that of one call with the first four of
them, which has to hold too, as the number of keys is paid for. `summarise` gives counts and limits.
"""

import argparse
import multiprocessing
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import beta, binom

from waarmerk.bench.content import graphics
from waarmerk.bench.content.pictures import pictures
from waarmerk.bench.marks import bench_id, bench_key, log10_p, read_each
from waarmerk.bench.rows import ResultFile, Row
from waarmerk.bench.seeds import rng_for
from waarmerk.bench.transformations.image import apply
from waarmerk.cores import ONE_THREAD

if TYPE_CHECKING:
    from waarmerk import MarkingKey
    from waarmerk.detection.finding import WatermarkFinding

THRESHOLDS = (0.1, 0.01, 0.001)
EFFORTS = ("fast", "full")
FIELDS = ("class", "content", "effort")

CHANGES = (
    "jpeg_50",
    "resize_0.5",
    "noise_10",
    "grayscale",
    "overlay",
    "social",
    "crop_random_50",
    "border_10",
    "rotate_5",
    "rotate_5_crop",
    "mirror",
    "perspective",
    "combination",
)
AFTER_OTHER_KEY = ("identity", "rotate_5", "combination")
FAMILY = 4  # keys in one call
PERIODS = (32, 64, 128, 96)


@dataclass(frozen=True, slots=True)
class Content:
    """One content without a mark of the keys that are asked: its class and how to make it."""

    group: str
    folder: str
    picture: str
    change: str

    @property
    def name(self) -> str:
        """Its name in a row."""
        return f"{self.folder}/{self.picture}/{self.change}"


def contents(data: Path) -> Iterator[Content]:
    """Yield every content; the classes are the values of ``group``."""
    for folder in ("512", "1024"):
        for picture in pictures(data, folder):
            yield Content("unmarked", folder, picture.name, "identity")
    for picture in pictures(data, "512"):
        for change in CHANGES:
            yield Content("transformed", "512", picture.name, change)
        for change in AFTER_OTHER_KEY:
            yield Content("another key's mark", "512", picture.name, change)
        yield Content("tile wall", "512", picture.name, "wall_128")
    for name in graphics.names():
        yield Content("graphics", "graphics", name, "identity")
    for period in PERIODS:
        yield Content("tile wall", "synthetic", "noise", f"wall_{period}")
        yield Content("stripes", "synthetic", "stripes", f"period_{period // 8}")
    for level in (0, 128, 255):
        yield Content("constant", "synthetic", "constant", f"level_{level}")
    for sigma in (1, 10, 60):
        yield Content("noise", "synthetic", "noise", f"sigma_{sigma}")


def make(data: Path, content: Content) -> np.ndarray:
    """Return the pixels of a content."""
    rng = rng_for("false positives", content.name)
    kind, _, number = content.change.rpartition("_")
    if content.folder == "synthetic":
        rgb = np.full((512, 512, 3), 128, np.uint8)
        if content.picture == "noise":
            sigma = 40 if kind == "wall" else int(number)
            rgb = np.rint(rng.normal(128, sigma, rgb.shape)).clip(0, 255).astype(np.uint8)
        if kind == "level":
            rgb[:] = int(number)
        if kind == "period":
            wave = np.sin(2 * np.pi * np.arange(512) / int(number))
            rgb[:] = np.rint(128 + 100 * wave).astype(np.uint8)[None, :, None]
    else:
        [rgb] = [p.load() for p in pictures(data, content.folder) if p.name == content.picture]
    if kind == "wall":
        side = int(number)
        return np.tile(rgb[:side, :side], (512 // side + 1, 512 // side + 1, 1))[:512, :512].copy()
    if content.group == "another key's mark":
        from waarmerk import mark_image

        rgb = mark_image(
            rgb, bench_key("another", content.name), mark_id=bench_id("another", content.name)
        ).content
    if content.folder == "synthetic":
        return rgb
    return apply(content.change, rgb, content.name)


def measure(task: tuple[Path, Content, str, int]) -> Row:
    """Return the row of one content at one effort."""
    from waarmerk import detect_image
    from waarmerk.errors import CannotMarkError

    data, content, effort, number = task
    name = {"class": content.group, "content": content.name, "effort": effort}
    try:
        rgb = make(data, content)
    except CannotMarkError:  # so there is no picture with another key's mark to ask about
        return {**name, "log10_p": [], "family": 0.0}
    return name | evidence(
        [bench_key("false positives", content.name, index) for index in range(number)],
        lambda keys: read_each(rgb, keys, effort),
        lambda keys: detect_image(rgb, keys=keys, effort=effort),
    )


def evidence(
    keys: "list[MarkingKey]",
    each: "Callable[[list[MarkingKey]], list[WatermarkFinding]]",
    together: "Callable[[list[MarkingKey]], WatermarkFinding]",
) -> Row:
    """Return what a content says of every key by itself, and of the first four in one call."""
    try:
        values = [log10_p(finding) for finding in each(keys)]
        return {"log10_p": values, "family": log10_p(together(keys[:FAMILY]))}
    except Exception as error:  # noqa: BLE001 - a defect is reported, and the run goes on
        return {"log10_p": [], "family": 0.0, "error": f"{type(error).__name__}: {error}"}


def summarise(values: list[float], threshold: float) -> dict[str, Any]:
    """Compare the share of ``10**value <= threshold`` with the threshold.

    ``upper`` is the one-sided 95 % Clopper-Pearson limit of the true share; ``chance`` is the
    probability that detectors whose p-values are exactly uniform give at least this count: a broken
    promise shows as a tiny chance, a bound with room to spare as a chance near 1.
    """
    count = int(sum(value <= np.log10(threshold) for value in values))
    trials = len(values)
    upper = float(beta.ppf(0.95, count + 1, trials - count)) if count < trials else 1.0
    return {
        "pairs": trials,
        "count": count,
        "share": count / trials,
        "upper": upper,
        "chance": float(binom.sf(count - 1, trials, threshold)),
    }


def arguments(keys: int) -> argparse.ArgumentParser:
    """Describe what the command lines of all media share."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--keys", type=int, default=keys, help="keys per content")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--efforts", default=",".join(EFFORTS))
    return parser


def drive(
    out: ResultFile, measure: Callable[[Any], Row], todo: list[Any], options: argparse.Namespace
) -> None:
    """Measure everything that is left to do, and print what it comes to."""
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    with multiprocessing.get_context("spawn").Pool(options.workers) as pool:
        for done, row in enumerate(pool.imap_unordered(measure, todo), 1):
            out.append([row])
            if done % 20 == 0:
                print(f"{done}/{len(todo)}", flush=True)
    print(f"contents on which the detector failed: {sum('error' in row for row in out.rows)}")
    for effort in options.efforts.split(","):
        values = [p for row in out.rows if row["effort"] == effort for p in row["log10_p"]]
        for threshold in THRESHOLDS:
            result = summarise(values, threshold)
            print(
                f"{effort}: p <= {threshold:g} in {result['count']} of {result['pairs']} pairs, "
                f"{result['share']:.2%} (upper limit {result['upper']:.2%}, "
                f"chance {result['chance']:.3f})"
            )


def main() -> None:
    """Run from the command line."""
    parser = arguments(keys=24)
    parser.description = __doc__.partition("\n")[0]
    parser.add_argument("--out", type=Path, default=Path("results/false_positives.jsonl"))
    options = parser.parse_args()
    out = ResultFile(options.out, FIELDS, {"keys": options.keys})
    todo = [
        (options.data, content, effort, options.keys)
        for effort in options.efforts.split(",")
        for content in contents(options.data)
        if {"class": content.group, "content": content.name, "effort": effort} not in out
    ]
    drive(out, measure, todo, options)


if __name__ == "__main__":
    main()
