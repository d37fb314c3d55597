"""Makes the files that a scan is measured with.

``python -m benchmarks.scan_set --data DIR --out FOLDER [--files 10000] [--hostile 0.01]``

``FOLDER/files`` holds the mixed set (`benchmarks.scan_mix`), in folders of a hundred, kinds in
random order; ``FOLDER/sizes`` pictures and sounds of given sizes, ``FOLDER/others`` texts, videos
and documents; ``FOLDER/hostile`` what should harm a scanner (`benchmarks.scan_hostile`), and
``FOLDER/faults`` all of ``files`` with these in between (hard links, no copies). ``set.jsonl`` says
of every file what it is, ``key.json`` is the key of those that are marked.

Everything follows from ``--seed``, but for the certificates of signed files, which are made anew.
What is there is not made again; a set of another seed or another mix is refused.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import scan_mix
from benchmarks.scan_hostile import hostile_files
from benchmarks.scan_mix import MARKED, MIX, Content, Made, kinds_of
from waarmerk.bench.marks import bench_id, bench_key
from waarmerk.bench.report.markdown import table
from waarmerk.bench.rows import ResultFile, Row, read
from waarmerk.bench.seeds import rng_for
from waarmerk.bench.workers import results_of

VERSION = 1
"""To be raised with every change of what is made of the same mix."""

_A_FOLDER = 100
_A_TASK = 10
MEGAPIXELS = (0.25, 0.5, 1, 2, 4, 8, 12, 24, 48)
SECONDS = (5, 15, 60, 300, 900)
KEY = bench_key("scan")
OTHERS = ("TXT", "MARKDOWN", "HTML", "PDF", "DOCX", "MP4", "MOV", "SVG", "HEIC")
SIZES = (10_000, 1_000_000, 20_000_000)


@dataclass(frozen=True, slots=True)
class Task:
    """One file to make: its name in the set, its kind, and, if that counts, its size."""

    name: str
    part: str
    kind: str
    size: float = 0.0
    marked: bool = False
    signed: bool = False


def tasks_of(files: int, seed: int) -> Iterator[Task]:
    """Return all files of a set, but for hostile ones."""
    rng = rng_for("scan set", seed)
    for index, kind in enumerate(kinds_of(files, rng)):
        marked = kind not in ("gif", "screen") and rng.random() < MARKED / 0.9
        signed = marked and kind in ("generated", "phone", "social", "webp", "mp3", "wav")
        signed = signed and rng.random() < 0.25
        folder = f"files/{index // _A_FOLDER:03}"
        name = f"{folder}/{index:05}-{kind}{MIX[kind].extension}"
        yield Task(name, "files", kind, 0.0, marked, signed)
    for kind, form in (("social", "JPEG"), ("generated", "PNG"), ("webp", "WEBP")):
        for size in MEGAPIXELS if kind == "social" else MEGAPIXELS[:7]:
            for copy in range(5 if size < 8 else 3):
                name = f"sizes/{form.lower()}-{size:05.2f}-{copy}{MIX[kind].extension}"
                yield Task(name, "sizes", kind, size)
    for kind in ("mp3", "wav", "flac", "voice"):
        for size in SECONDS if kind in ("wav", "flac") else SECONDS[:4]:
            for copy in range(3 if size < 300 else 2):
                name = f"sizes/{kind}-{size:05}-{copy}{MIX[kind].extension}"
                yield Task(name, "sizes", kind, size)
    for kind in OTHERS:
        for size in SIZES if kind in ("PDF", "MP4", "MOV") else SIZES[:2]:
            for copy in range(5):
                yield Task(f"others/{kind.lower()}-{size:08}-{copy}", "others", kind, size)


def made(task: Task, content: Content, seed: int) -> Made:
    """Make one file."""
    rng = rng_for("scan file", seed, task.name)
    if task.part == "others":
        return _other(task, rng)
    if task.part == "sizes":
        # The same content at every size: what differs is what it costs.
        return _sized(task, content, rng_for("scan size", seed, task.name.rpartition("-")[2]))
    make = scan_mix.sound if MIX[task.kind].sound else scan_mix.picture
    return make(task.kind, content, rng, _layer(task.name) if task.marked else None)


def _layer(name: str) -> Any:
    """Return what lays the mark of that name on pixels or samples."""
    from waarmerk import CannotMarkError, mark_audio
    from waarmerk.marking.image import embed_array

    mark_id = bench_id("scan", name)

    def lay(values: np.ndarray, rate: int | None) -> np.ndarray | None:
        try:
            if rate is None:  # unchecked: whether it is found is what the scan says
                checked = (mark_id, -99.0)
                return embed_array(values, KEY, mark_id, detect=lambda _: checked).content
            return np.asarray(mark_audio(values, rate, KEY, mark_id=mark_id).content)
        except CannotMarkError:
            return None

    return lay


def _sized(task: Task, content: Content, rng: np.random.Generator) -> Made:
    """Make a picture of so many megapixels, or a sound of so many seconds."""
    kind = MIX[task.kind]
    if kind.sound:
        what = "speech" if task.kind == "voice" else "music"
        samples, rate = scan_mix.samples_of(content, rng, what, task.size)
        if task.kind == "voice":
            from waarmerk.bench.transformations.sound_codecs import mono, resample

            samples, rate = resample(mono(samples), rate, 48_000), 48_000
        data = scan_mix.sound_file(samples, rate, kind.form, 128)
        return data, {"seconds": task.size, "rate": rate, "channels": samples.shape[1]}
    image = scan_mix.photo(content, rng, 12.0)
    scale = (1e6 * task.size / (image.width * image.height)) ** 0.5
    image = image.resize((round(image.width * scale), round(image.height * scale)))
    data = scan_mix.encoded(image, kind.form, 82, rng, upright=True)
    return data, {"width": image.width, "height": image.height}


def _other(task: Task, rng: np.random.Generator) -> Made:
    """Make a file that only manifests and labels are looked for in."""
    from tests import rendered_files

    size = int(task.size)
    if task.kind in ("TXT", "MARKDOWN", "HTML"):
        words = ["".join(map(chr, rng.integers(97, 123, length))) for length in range(1, 11)] * 80
        text = " ".join(words[index] for index in rng.integers(0, 800, size // 6))[:size]
        head = "<!doctype html><html><body><p>" if task.kind == "HTML" else ""
        return (head + text).encode(), {}
    with tempfile.TemporaryDirectory() as folder:
        path = rendered_files.file(Path(folder), task.kind)
        data = path.read_bytes()
    noise = rng.bytes(max(16, size - len(data)))
    if task.kind == "PDF":
        data = rendered_files.pdf(body=b"\n% " + noise[: len(noise) // 2].hex().encode())
    elif task.kind == "SVG":
        remark = b"<!--" + noise[: len(noise) // 2].hex().encode() + b"-->"
        data = data.replace(b"</svg>", remark + b"</svg>")
    elif task.kind in ("MP4", "MOV", "HEIC"):
        data += (len(noise) + 8).to_bytes(4, "big") + b"free" + noise
    else:  # a ZIP archive: what stands behind its end is nobody's
        data += noise
    return data, {}


_content: Content
_out: Path
_seed: int


def _begin(data: Path, out: Path, seed: int) -> None:
    global _content, _out, _seed
    _content, _out, _seed = Content(data), out, seed


def _make(tasks: list[Task]) -> list[Row]:
    return [_written(task) for task in tasks]


def _written(task: Task) -> Row:
    """Make a file, write it, and return its row."""
    from waarmerk.marking.formats import FORMATS

    data, said = made(task, _content, _seed)
    path = _out / task.name
    if task.part == "others":
        path = path.with_name(path.name + FORMATS[task.kind].extensions[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    if task.signed:
        _sign(path)
        said["signed"] = True
    if said.get("marked"):
        said["mark_id"] = str(bench_id("scan", task.name))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {
        "task": task.name,
        "name": str(path.relative_to(_out)),
        "part": task.part,
        "kind": task.kind,
        "bytes": path.stat().st_size,
        "sha256": digest,
        **said,
    }


def _sign(path: Path) -> None:
    """Put a signed manifest into a file that carries its mark already."""
    from waarmerk import Signer, mark_file
    from waarmerk.marking.certificate import make_test_chain

    chain = make_test_chain()
    beside = path.with_name("signed-" + path.name)
    reason = "it is there already"
    mark_file(path, beside, signer=Signer.from_pem(chain.chain, chain.key), no_watermark=reason)
    beside.replace(path)


def code() -> str:
    """Return 12 hex digits that change with what decides the files."""
    parts = (VERSION, MIX, MARKED, MEGAPIXELS, SECONDS, OTHERS, SIZES)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def make_set(data: Path, out: Path, files: int, seed: int, workers: int) -> ResultFile:
    """Make what is not there yet; return the rows of the set."""
    out.mkdir(parents=True, exist_ok=True)
    rows = ResultFile(
        out / "set.jsonl", ("task",), {"files": files, "seed": seed}, code(), medium="whole"
    )
    if not (out / "key.json").exists():
        KEY.save(out / "key.json")
    there = {row["task"] for row in rows.rows}
    missing = [task for task in tasks_of(files, seed) if task.name not in there]
    groups = [missing[start : start + _A_TASK] for start in range(0, len(missing), _A_TASK)]
    done = 0
    for made_rows in results_of(
        _make,
        groups,
        workers,
        named=lambda group: f"making {group[0].name}",
        begin=_begin,
        arguments=(data, out, seed),
    ):
        rows.append(made_rows)
        done += len(made_rows)
        if done % 500 < _A_TASK:
            print(f"{done} of {len(missing)} files", flush=True)
    return rows


def rows_of(folder: Path, part: str = "files") -> list[Row]:
    """Return the rows of one part of a set, sorted by name.

    Raises
    ------
    SystemExit
        If there is no set.
    """
    if not (folder / "set.jsonl").exists():
        raise SystemExit(f"{folder}: holds no set of files; run python -m benchmarks.scan_set")
    rows = [row for row in read(folder / "set.jsonl")[1] if row["part"] == part]
    return sorted(rows, key=lambda row: row["name"])


def linked(folder: Path, names: dict[str, str], target: Path) -> Path:
    """Fill a new folder with hard links: under which name stands which file of the set."""
    shutil.rmtree(target, ignore_errors=True)
    for new, old in names.items():
        (target / new).parent.mkdir(parents=True, exist_ok=True)
        os.link(os.fsencode(folder / old), os.fsencode(target / new))
    return target


def add_hostile(out: Path, share: float, seed: int) -> list[Row]:
    """Make hostile files, `share` of the set, and the folder in which they lie among the others."""
    files = rows_of(out)
    path = out / "hostile.jsonl"
    path.unlink(missing_ok=True)
    shutil.rmtree(out / "hostile", ignore_errors=True)
    rows = ResultFile(path, ("name",), {"share": share, "seed": seed}, code(), medium="whole")
    rng = rng_for("hostile places", seed)
    for name, data, said in hostile_files(out, files, round(share * len(files)), seed):
        (out / "hostile").mkdir(exist_ok=True)
        (out / "hostile" / name).write_bytes(data)
        place = int(rng.integers(len(files)))
        among = f"{place // _A_FOLDER:03}/{place:05}-{name}"
        rows.append([{"name": f"hostile/{name}", "among": among, "bytes": len(data), **said}])
    names = {row["name"].removeprefix("files/"): row["name"] for row in files}
    names |= {row["among"]: row["name"] for row in rows.rows}
    linked(out, names, out / "faults")
    return rows.rows


def mix_table() -> str:
    """Return the mix as a table of Markdown."""
    lines = []
    for name, kind in MIX.items():
        size = f"{kind.low:g} to {kind.high:g} {'s' if kind.sound else 'MP'}"
        lines.append([f"{name} ({kind.form})", f"{kind.share:.1%}", size, kind.why])
    return table(["kind", "share", "size", "stands for"], lines)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--hostile", type=float, default=0.0, help="share of hostile files")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    rows = make_set(options.data, options.out, options.files, options.seed, options.workers)
    files = rows.rows
    parts = Counter(row["part"] for row in files)
    different = len({row["sha256"] for row in files})
    if different != len(files):
        raise SystemExit(f"{len(files) - different} files are the same as another one")
    size = sum(row["bytes"] for row in files)
    print(f"{dict(parts)}, {size / 1e9:.2f} GB, {sum('mark_id' in row for row in files)} marked")
    for name, count in Counter(row["kind"] for row in files if row["part"] == "files").items():
        total = sum(r["bytes"] for r in files if r["kind"] == name and r["part"] == "files")
        print(f"{name:10} {count:6} files {total / 1e6:8.0f} MB")
    if options.hostile:
        hostile = add_hostile(options.out, options.hostile, options.seed)
        print(f"{len(hostile)} hostile files, in {options.out / 'faults'} among the others")


if __name__ == "__main__":
    main()
