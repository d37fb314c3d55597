"""Measures fidelity and robustness of the image mark.

``python -m benchmarks.run_images --data DIR --out results/images.jsonl --keys K --workers 2``

Each (folder, picture, key) is marked once, which gives one row ``mark`` (fidelity and seconds, or
the reason of a refusal), and then read after every transformation, which gives one row each: found,
log10_p, whether the id read is exactly the one written, and the seconds of the detector alone. The
seconds are indicative only while several workers share the machine; `benchmarks.throughput` is
where speed is measured. A run that was stopped goes on where it was.
"""

import argparse
import multiprocessing
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from waarmerk.bench.content.pictures import pictures
from waarmerk.bench.image_quality import fidelity
from waarmerk.bench.marks import bench_id, bench_key, look_for
from waarmerk.bench.rows import ResultFile, Row
from waarmerk.bench.seeds import rng_for
from waarmerk.bench.transformations.image import TRANSFORMS, apply
from waarmerk.cores import ONE_THREAD

FOLDERS = ("512", "1024", "12mp")
FIELDS = ("folder", "picture", "key", "transform")


@dataclass(frozen=True, slots=True)
class Task:
    """One marked picture, and the transformations to read it after."""

    data: Path | None
    folder: str
    picture: str
    key: int
    transforms: tuple[str, ...]
    effort: str


def warm_up() -> None:
    """Compile and load everything before the first timing."""
    from waarmerk import detect_image, mark_image

    noise = rng_for("warm up").normal(128, 40, (512, 512, 3)).clip(0, 255).astype(np.uint8)
    key = bench_key("warm up")
    mark_image(noise, key)
    detect_image(noise, keys=[key], effort="full")


def measure(task: Task) -> list[Row]:
    """Return the rows of one task."""
    from waarmerk import mark_image
    from waarmerk.errors import CannotMarkError

    [original] = [
        picture.load()
        for picture in pictures(task.data, task.folder)
        if picture.name == task.picture
    ]
    name: Row = {"folder": task.folder, "picture": task.picture, "key": task.key}
    key = bench_key(task.folder, task.key)
    sent = bench_id(task.folder, task.picture, task.key)
    start = time.perf_counter()
    try:
        marked = mark_image(original, key, mark_id=sent).content
    except CannotMarkError as error:
        return [{**name, "transform": "mark", "refused": str(error)}]
    seconds = round(time.perf_counter() - start, 5)
    rows: list[Row] = [
        {**name, "transform": "mark", **fidelity(original, marked), "seconds": seconds}
    ]
    for transform in task.transforms:
        changed = apply(transform, marked, task.folder, task.picture, task.key)
        start = time.perf_counter()
        found = look_for(changed, key, sent, task.effort)
        seconds = round(time.perf_counter() - start, 5)
        size = [changed.shape[1], changed.shape[0]]
        rows.append({**name, "transform": transform, **found, "size": size, "seconds": seconds})
    return rows


def tasks(out: ResultFile, options: argparse.Namespace) -> Iterator[Task]:
    """Yield what is still to be done."""
    refused = {(row["folder"], row["picture"], row["key"]) for row in out.rows if "refused" in row}
    for folder in options.folders.split(","):
        for key in range(options.keys):
            for picture in pictures(options.data, folder):
                if (folder, picture.name, key) in refused:
                    continue
                name = {"folder": folder, "picture": picture.name, "key": key}
                wanted = [
                    {**name, "transform": t} for t in ("mark", *options.transforms.split(","))
                ]
                missing = tuple(row["transform"] for row in out.missing(wanted))
                if missing:
                    transforms = tuple(t for t in missing if t != "mark")
                    yield Task(options.data, folder, picture.name, key, transforms, options.effort)


def arguments() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, help="folder that holds 512/, 1024/, 12mp/")
    parser.add_argument("--out", type=Path, default=Path("results/images.jsonl"))
    parser.add_argument("--keys", type=int, default=1, help="keys per picture")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--folders", default=",".join(FOLDERS), help="also: graphics, 512-more")
    parser.add_argument("--transforms", default=",".join(TRANSFORMS))
    parser.add_argument("--effort", choices=["fast", "full"], default="full")
    return parser


def main() -> None:
    """Run from the command line."""
    options = arguments().parse_args()
    unknown = set(options.transforms.split(",")) - set(TRANSFORMS)
    if unknown:
        raise SystemExit(f"no such transformation: {', '.join(sorted(unknown))}")
    out = ResultFile(options.out, FIELDS, {"effort": options.effort})
    todo = list(tasks(out, options))
    # Inherited by the workers: one thread each, whatever BLAS they meet.
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(options.workers, len(todo) or 1), warm_up) as pool:
        for done, rows in enumerate(pool.imap_unordered(measure, todo), 1):
            out.append(rows)
            read = [row["exact"] for row in rows if "exact" in row]
            what = rows[0].get("refused") or f"{sum(read)} of {len(read)} read"
            where = "{folder}/{picture} key {key}".format(**rows[0])
            print(f"{done}/{len(todo)} {where}: {what}", flush=True)


if __name__ == "__main__":
    main()
