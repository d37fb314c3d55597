"""Measures the marks of text: power, ids, edits, false positives, quality.

``python -m benchmarks.run_text --data DIR --models FOLDER --results FOLDER``

`DIR` holds ``en.jsonl.gz`` and ``nl.jsonl.gz``, or a folder ``text`` with them. The generator is
trained on their tuning half and kept in the folder of models; prompts and human text come from the
reporting half. Every part has a file of its own in the folder of results, so that several may run
at a time. A run that was stopped goes on where it was; a part that is done is packed.
"""

import argparse
import gzip
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from benchmarks import text_false_positives as human
from benchmarks import text_power as power
from benchmarks import text_quality as quality
from waarmerk.bench.content.text_model import Model, models
from waarmerk.bench.content.text_write import human_tokens
from waarmerk.bench.rows import ResultFile, Row
from waarmerk.cores import ONE_THREAD

TEXT = ("scheme", "setting", "language", "text")
WINDOW = ("scheme", "key", "language", "length")
PIECE = ("what", "scheme", "language", "text")

Batches = Iterator[list[Row]]
Models = dict[str, Model]


def run_power(known: Models, options: argparse.Namespace, out: ResultFile) -> Batches:
    """Yield the rows of prefixes of texts."""
    for name, prompt in power.power_tasks(known, options.data, size_of(options, power)):
        if name not in out:
            yield [power.power(name, known[name["language"]], prompt)]


def run_ids(known: Models, options: argparse.Namespace, out: ResultFile) -> Batches:
    """Yield the rows of ids."""
    for name, prompt in power.id_tasks(known, options.data, size_of(options, power)):
        if name not in out:
            yield [power.read_ids(name, known[name["language"]], prompt)]


def run_edits(known: Models, options: argparse.Namespace, out: ResultFile) -> Batches:
    """Yield the rows of edited texts."""
    grounds = power.grounds(known, options.data)
    for name, prompt in power.edit_tasks(known, options.data, size_of(options, power)):
        if name not in out:
            language = name["language"]
            yield [power.edits(name, known[language], prompt, grounds[language])]


def run_false_positives(known: Models, options: argparse.Namespace, out: ResultFile) -> Batches:
    """Yield the rows of human text."""
    counts = human.QUICK_WINDOWS if options.quick else human.WINDOWS
    windows = {
        language: human.lay(
            human_tokens(options.data, model, language), human.shared(counts, language)
        )
        for language, model in known.items()
    }
    for language, laid in windows.items():
        yield list(out.missing(human.layout(laid, language)))
    last = list(counts)[-1]
    for name in human.tasks(human.QUICK_KEYS if options.quick else human.KEYS):
        if {**name, "length": last} not in out:
            language = name["language"]
            yield human.measure(
                name, windows[language], known[language].vocab_size, options.workers
            )


def run_quality(known: Models, options: argparse.Namespace, out: ResultFile) -> Batches:
    """Yield the rows of what marks do to a text."""
    size = size_of(options, quality)
    for name, prompt in quality.tasks(known, options.data, size):
        last = {**name, "text": size.contexts - 1} if name["what"] == "distortion" else name
        if last not in out:
            yield quality.measure(name, known[name["language"]], options.data, prompt, size)


PARTS: dict[str, tuple[tuple[str, ...], Callable[..., Batches]]] = {
    "power": (TEXT, run_power),
    "ids": (TEXT, run_ids),
    "edits": (TEXT, run_edits),
    "false_positives": (WINDOW, run_false_positives),
    "quality": (PIECE, run_quality),
}


def size_of(options: argparse.Namespace, part: object) -> object:
    """Return how much of a part is measured."""
    return part.QUICK if options.quick else part.Size()


def parameters(part: str, quick: bool) -> Row:
    """Return what decides the rows of a part, beside the code."""
    if part == "false_positives":
        return {
            "keys": human.QUICK_KEYS if quick else human.KEYS,
            "windows": sum((human.QUICK_WINDOWS if quick else human.WINDOWS).values()),
        }
    module = quality if part == "quality" else power
    return asdict(module.QUICK if quick else module.Size())


def pack(path: Path) -> None:
    """Gzip a finished file; the same rows give the same bytes."""
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    path.unlink()


def unpack(path: Path) -> None:
    """Bring back a packed file, so that it can be gone on with."""
    packed = path.with_name(path.name + ".gz")
    if packed.exists() and not path.exists():
        path.write_bytes(gzip.decompress(packed.read_bytes()))


def arguments() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of human text")
    parser.add_argument("--models", type=Path, required=True, help="folder where they are kept")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--workers", type=int, default=1, help="threads, for false positives")
    parser.add_argument("--quick", action="store_true", help="a little of everything, to try out")
    return parser


def main() -> None:
    """Run from the command line."""
    options = arguments().parse_args()
    parts = options.parts.split(",")
    if unknown := set(parts) - set(PARTS):
        raise SystemExit(
            f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}"
        )
    if (options.data / "text").is_dir():
        options.data = options.data / "text"
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    known = models(options.data, options.models)
    for part in parts:
        fields, run = PARTS[part]
        path = options.results / f"text_{part}.jsonl"
        unpack(path)
        out = ResultFile(path, fields, parameters(part, options.quick), medium="text")
        begun = said = time.perf_counter()
        for rows in run(known, options, out):
            out.append(rows)
            if time.perf_counter() - said > 10:
                said = time.perf_counter()
                print(f"{part}: {len(out.rows)} rows, {said - begun:.0f} s", flush=True)
        pack(path)
        print(
            f"{part}: done, {len(out.rows)} rows, {time.perf_counter() - begun:.0f} s", flush=True
        )


if __name__ == "__main__":
    main()
