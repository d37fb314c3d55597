"""Measures fidelity and robustness of the audio mark.

``python -m benchmarks.run_sound --data DIR --half tuning --out results/sound.jsonl --keys K``

Each (piece, key) is marked once, which gives one row ``mark`` (fidelity and seconds, or the reason
of a refusal), and then read after every change and in every excerpt, which gives one row each:
found, log10_p, whether the id read is exactly the one written, and the CPU seconds of the detector.
An excerpt is a part of the marked piece of 1.5, 3 or 5 s at a place that is not silent
(`waarmerk.bench.content.sounds` says what that is). A run that was stopped goes on where it was.
"""

import argparse
import multiprocessing
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from waarmerk.bench.content.sounds import Piece, pieces, places
from waarmerk.bench.marks import bench_id, bench_key, listen_for
from waarmerk.bench.rows import ResultFile, Row
from waarmerk.bench.seeds import rng_for
from waarmerk.bench.sound_quality import sound_fidelity
from waarmerk.bench.transformations.audio import SOUND_TRANSFORMS, apply_sound
from waarmerk.cores import ONE_THREAD

FIELDS = ("clip", "piece", "key", "transform", "place")
EXCERPTS = {f"excerpt_{seconds:g}": seconds for seconds in (1.5, 3.0, 5.0)}


@dataclass(frozen=True, slots=True)
class Task:
    """One piece to mark with one key, and the rows wanted of it."""

    piece: Piece
    key: int
    todo: tuple[Row, ...]
    effort: str


def warm_up() -> None:
    """Compile and load everything before the first timing."""
    from waarmerk import detect_audio, mark_audio

    noise = rng_for("warm up").normal(0, 0.1, (16000 * 12, 1)).astype(np.float32)
    key = bench_key("warm up")
    mark_audio(noise, 16000, key)
    detect_audio(noise, 16000, keys=[key], effort="full")


def changed_sounds(
    piece: Piece, original: np.ndarray, marked: np.ndarray, rate: int, todo: list[Row]
) -> Iterator[tuple[str, int, np.ndarray, int]]:
    """Yield (transform, place, samples, rate) of every change and excerpt among `todo`.

    Where a place lies is decided on the original; there may be fewer of them than asked for.
    """
    data = piece.path.parent
    for transform in dict.fromkeys(row["transform"] for row in todo):
        wanted = [row["place"] for row in todo if row["transform"] == transform]
        if transform in SOUND_TRANSFORMS:
            yield transform, 0, *apply_sound(transform, marked, rate, piece.name, data=data)
        elif transform in EXCERPTS:
            seconds = EXCERPTS[transform]
            starts = places(original, rate, seconds, max(wanted) + 1, piece.name)
            for index in wanted:
                if index < len(starts):
                    end = starts[index] + round(seconds * rate)
                    yield transform, index, marked[starts[index] : end], rate


def measure(task: Task) -> list[Row]:
    """Return the rows of one task."""
    from waarmerk import mark_audio
    from waarmerk.errors import CannotMarkError

    piece, todo = task.piece, list(task.todo)
    samples, rate = piece.load()
    name: Row = {
        "half": piece.half,
        "kind": piece.kind,
        "clip": piece.clip,
        "piece": piece.index,
        "key": task.key,
    }
    key, sent = bench_key("sound", task.key), bench_id("sound", piece.name, task.key)
    start = time.thread_time()
    try:
        marked = mark_audio(samples, rate, key, mark_id=sent).content
    except CannotMarkError as error:
        return [{**name, "transform": "mark", "place": 0, "refused": str(error)}]
    seconds = round(time.thread_time() - start, 5)
    rows: list[Row] = []
    if any(row["transform"] == "mark" for row in todo):
        figures = {
            **sound_fidelity(samples, marked, rate),
            "peak": round(float(abs(marked).max()), 4),
        }
        length = {"seconds_of_sound": round(len(samples) / rate, 3), "rate": rate}
        rows.append(
            {**name, "transform": "mark", "place": 0, **figures, **length, "seconds": seconds}
        )
    for transform, place, sound, new in changed_sounds(piece, samples, marked, rate, todo):
        start = time.thread_time()
        found = listen_for(sound, new, key, sent, task.effort)
        seconds = round(time.thread_time() - start, 5)
        length = {"seconds_of_sound": round(len(sound) / new, 3), "rate": new}
        rows.append(
            {**name, "transform": transform, "place": place, **found, **length, "seconds": seconds}
        )
    return rows


def tasks(out: ResultFile, options: argparse.Namespace) -> Iterator[Task]:
    """Yield what is still to be done."""
    refused = {(row["clip"], row["piece"], row["key"]) for row in out.rows if "refused" in row}
    for key in range(options.keys):
        for piece in pieces(options.data, options.half, options.pieces):
            if (piece.clip, piece.index, key) in refused:
                continue
            name = {"clip": piece.clip, "piece": piece.index, "key": key}
            wanted = [{**name, "transform": "mark", "place": 0}]
            samples, rate = piece.load()
            for transform in options.transforms.split(","):
                count = 1
                if transform in EXCERPTS:
                    found = places(samples, rate, EXCERPTS[transform], options.places, piece.name)
                    count = len(found)
                wanted += [{**name, "transform": transform, "place": i} for i in range(count)]
            missing = tuple(out.missing(wanted))
            if missing:
                yield Task(piece, key, missing, options.effort)


def arguments() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of clips")
    parser.add_argument("--half", choices=["tuning", "reporting", "both"], default="tuning")
    parser.add_argument("--out", type=Path, default=Path("results/sound.jsonl"))
    parser.add_argument("--keys", type=int, default=1, help="keys per piece")
    parser.add_argument("--pieces", type=int, default=3, help="pieces of a clip, at most")
    parser.add_argument("--places", type=int, default=8, help="excerpts of a length and piece")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--transforms", default=",".join([*SOUND_TRANSFORMS, *EXCERPTS]))
    parser.add_argument("--effort", choices=["fast", "full"], default="full")
    return parser


def main() -> None:
    """Run from the command line."""
    options = arguments().parse_args()
    unknown = set(options.transforms.split(",")) - {*SOUND_TRANSFORMS, *EXCERPTS}
    if unknown:
        raise SystemExit(f"no such change: {', '.join(sorted(unknown))}")
    out = ResultFile(options.out, FIELDS, {"effort": options.effort}, medium="audio")
    todo = list(tasks(out, options))
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))  # inherited by the workers
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(options.workers, len(todo) or 1), warm_up) as pool:
        for done, rows in enumerate(pool.imap_unordered(measure, todo), 1):
            out.append(rows)
            read = [row["exact"] for row in rows if "exact" in row]
            what = rows[0].get("refused") or f"{sum(read)} of {len(read)} read"
            where = "{clip}/{piece} key {key}".format(**rows[0])
            print(f"{done}/{len(todo)} {where}: {what}", flush=True)


if __name__ == "__main__":
    main()
