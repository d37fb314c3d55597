"""Measures ``waarmerk scan``: throughput, start, memory, keys, sizes, faults.

``python -m benchmarks.run_scan --set FOLDER --out results/scan.jsonl [--only PART...]``

``FOLDER`` is what ``python -m benchmarks.scan_set`` made. The scan is started as its users start
it, and timed from its command to its end. A run that was stopped goes on where it was; parts can be
run one at a time.

``throughput``
    All files with one worker and with two at the effort "fast", in turns with Pillow and soundfile
    alone (`benchmarks.scan_decode`); a tenth of them at "full". Files lie in the page cache.
``start``
    Seconds to the first row, of one file and of all, and to the help text.
``memory``
    Proportional set size of all processes of a scan of all files, every second.
``keys``
    1, 10, 100 and 300 keys, on 500 pictures and on 200 sounds.
``sizes``
    Seconds by megapixels, by seconds of sound, and of files that hold neither.
``faults``
    All files with the hostile ones among them: in one go, and with three kills; files without
    hostile ones while worker processes are killed.

Figures of wall time want a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.scan_bench import FIELDS, Bench, named, warm
from benchmarks.scan_decode import decoded
from benchmarks.scan_mix import MIX
from benchmarks.scan_process import Command, Lines, gone, pss, tree, wait_until
from benchmarks.scan_set import KEY, rows_of
from benchmarks.scan_survival import faults
from waarmerk.bench.marks import bench_key
from waarmerk.bench.processes import run
from waarmerk.bench.rows import ResultFile, Row, read

KEYS = (1, 10, 100, 300)
_STEP = 0.002


def by_kind(bench: Bench, seconds: dict[str, float]) -> dict[str, list[float]]:
    """Return number of files, seconds, and megapixels or seconds of sound, by kind."""
    kinds: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
    for name, value in seconds.items():
        row = bench.files[name]
        amount = row["seconds"] if "seconds" in row else row["width"] * row["height"] / 1e6
        for index, more in enumerate((1, value, amount)):
            kinds[row["kind"]][index] += more
    return {name: [n, round(s, 3), round(a, 1)] for name, (n, s, a) in sorted(kinds.items())}


def found(bench: Bench, rows: dict[str, Row]) -> Row:
    """Return how many marks were found, of those that were laid; the false ones should be none."""
    out: Counter[str] = Counter()
    for name, row in rows.items():
        file = bench.files[name]
        right = row["watermark"] == "found" and row["mark_id"] == file.get("mark_id")
        if "mark_id" in file:
            what = "cropped" if file.get("cropped") else "marked"
            out[what] += 1
            out[f"{what} found"] += right
        out["false"] += row["watermark"] == "found" and not right
        out["manifests"] += file.get("signed", False)
        out["manifests found"] += row["manifest"] not in (None, "absent")
    return dict(out)


# Throughput


def throughput(bench: Bench) -> None:
    """Compare scans with decoding alone, in turns."""
    everything = list(bench.files)
    tenth = bench.subset("tenth", everything[:: max(1, len(everything) // bench.options.tenth)])
    for case, folder, names, effort in (
        ("all", "files", everything, "fast"),
        ("tenth", "tenth", tenth, "full"),
    ):
        turns: list[tuple[Row, Callable[[Row], Row]]] = []
        for workers in (1, 2):
            turns += [
                (
                    named("throughput", case, engine="decode", effort="", workers=workers, keys=0),
                    partial(decoding, bench, folder, names),
                ),
                (
                    named("throughput", case, engine=bench.options.engine, effort=effort,
                          workers=workers),
                    partial(scanning, bench, folder),
                ),
            ]  # fmt: skip
        for number in range(bench.options.rounds):
            # There and back, so that nobody always comes first.
            for row, turn in turns if number % 2 == 0 else turns[::-1]:
                fresh = {**row, "round": number}
                if bench.wants(**fresh):
                    warm(bench.folder / folder, names)
                    bench.add({**fresh, "files": len(names), **turn(fresh)})


def decoding(bench: Bench, folder: str, names: list[str], row: Row) -> Row:
    """Decode files with Pillow and soundfile alone."""
    done = decoded(bench.folder / folder, names, row["workers"])
    return {
        "wall": round(done["wall"], 3),
        "cpu": round(done["cpu"], 3),
        "errors": len(done["errors"]),
        "kinds": by_kind(bench, done["seconds"]),
    }


def scanning(bench: Bench, folder: str, row: Row) -> Row:
    """Scan files."""
    command = bench.command(folder, workers=row["workers"], effort=row["effort"])
    done = command.run()
    rows = {bench.name(one, folder): one for one in command.rows()}
    return {
        "wall": round(done.wall, 3),
        "cpu": round(done.cpu, 3),
        "rows": len(rows),
        "statuses": dict(Counter(one["status"] for one in rows.values())),
        "kinds": by_kind(bench, {name: one["seconds"] for name, one in rows.items()}),
        "found": found(bench, rows),
    }


# Start


def start(bench: Bench) -> None:
    """Measure the time to the first row."""
    small = next(name for name, row in bench.files.items() if row["kind"] == "small")
    bench.subset("one", [small])
    bench.command("one").run()
    for number in range(max(3, bench.options.rounds)):
        row = named("start", "help", workers=0, keys=0, round=number)
        if bench.wants(**row):
            done = run(*bench.command().words()[:4], "--help")
            bench.add({**row, "seconds": round(done.wall, 3), "cpu": round(done.cpu, 3)})
        for case, folder in (("one file", "one"), ("all files", "files")):
            for effort in ("fast", "full"):
                row = named("start", case, effort=effort, engine=bench.options.engine, round=number)
                if bench.wants(**row):
                    command = bench.command(folder, effort=effort)
                    bench.add({**row, **first_row(command, interrupt=folder == "files")})


def first_row(command: Command, *, interrupt: bool) -> Row:
    """Return seconds to the first row, and from there, or from Ctrl-C then, to the end."""
    command.forget()
    lines = Lines(command.out)
    begin = time.perf_counter()
    with command.started() as process:
        if not wait_until(lambda: lines.now() > 0, process, _STEP):
            raise SystemExit(f"the scan ended with {process.returncode} and wrote no row")
        first = time.perf_counter()
        processes = tree(process.pid)
        if interrupt:
            process.send_signal(signal.SIGINT)
        code = process.wait(60)
        end = time.perf_counter()
        _, left = gone(processes, 5.0)
    return {"seconds": round(first - begin, 3), "to_end": round(end - first, 3), "code": code,
            "left": left}  # fmt: skip


# Memory


def memory(bench: Bench) -> None:
    """Watch the memory of a scan of all files."""
    row = named("memory", "all", engine=bench.options.engine)
    if not bench.wants(**row):
        return
    command = bench.command()
    command.forget()
    lines = Lines(command.out)
    samples = []
    begin = time.perf_counter()
    with command.started() as process:
        while process.poll() is None:
            processes = tree(process.pid)
            now = time.perf_counter() - begin
            samples.append([round(now, 1), lines.now(), round(pss(processes), 1), len(processes)])
            time.sleep(max(0.0, 1.0 - (time.perf_counter() - begin - now)))
        code = process.wait()
    bench.add({**row, "files": len(bench.files), "code": code, "samples": samples})


# Keys


def ring(bench: Bench, count: int) -> Path:
    """Return a file with the key of the set and others, so many in all."""
    from waarmerk import KeyRing

    path = bench.work / f"ring-{count}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        KeyRing([KEY, *(bench_key("scan", n) for n in range(1, count))]).save(path)
    return path


def evenly(names: list[str], count: int) -> list[str]:
    """Return so many of the names, at even distances.

    >>> evenly(["a", "b", "c", "d"], 2)
    ['a', 'c']
    """
    count = min(count, len(names))
    return [names[index * len(names) // count] for index in range(count)]


def keys(bench: Bench) -> None:
    """Measure what further keys cost."""
    sounds = [name for name, row in bench.files.items() if MIX[row["kind"]].sound]
    pictures = [name for name in bench.files if name not in set(sounds)]
    for case, names, count in (
        ("pictures", pictures, bench.options.pictures),
        ("sounds", sounds, bench.options.sounds),
    ):
        chosen = bench.subset(f"keys-{case}", evenly(names, count))
        warm(bench.folder / f"keys-{case}", chosen)
        for number in range(bench.options.rounds):
            for effort in ("fast", "full"):
                for many in KEYS:
                    row = named(
                        "keys", case, engine=bench.options.engine, effort=effort, keys=many,
                        round=number,
                    )  # fmt: skip
                    if not bench.wants(**row):
                        continue
                    command = bench.command(f"keys-{case}", effort=effort, key=ring(bench, many))
                    done = command.run()
                    rows = command.rows()
                    bench.add(
                        {
                            **row,
                            "files": len(chosen),
                            "rows": len(rows),
                            "seconds": round(sum(one["seconds"] for one in rows), 3),
                            "wall": round(done.wall, 3),
                            "cpu": round(done.cpu, 3),
                            "found": sum(one["watermark"] == "found" for one in rows),
                        }
                    )


# Sizes


def sizes(bench: Bench) -> None:
    """Measure how cost grows with a file."""
    for part in ("sizes", "others"):
        files = {row["name"].removeprefix(f"{part}/"): row for row in rows_of(bench.folder, part)}
        groups: dict[str, list[str]] = defaultdict(list)
        for name in files:
            groups[name.rpartition("-")[0]].append(name)
        alone: dict[str, float] = {}
        for effort in ("fast", "full") if part == "sizes" else ("fast",):
            rows = {group: named("sizes", group, effort=effort, workers=1,
                                 engine=bench.options.engine) for group in groups}  # fmt: skip
            if not any(bench.wants(**row) for row in rows.values()):
                continue
            warm(bench.folder / part, files)
            if part == "sizes" and not alone:
                alone = decoded(bench.folder / part, files, 1)["seconds"]
            command = bench.command(part, effort=effort, workers=1)
            command.run()
            got = {bench.name(one, part): one for one in command.rows()}
            for group, names in groups.items():
                first = files[names[0]]
                more = {"decode": round(median(alone[n] for n in names), 5)} if alone else {}
                if bench.wants(**rows[group]):
                    bench.add(
                        {
                            **rows[group],
                            **{n: first[n] for n in ("kind", "width", "height") if n in first},
                            **({"length": first["seconds"]} if "seconds" in first else {}),
                            "files": len(names),
                            "bytes": round(median(files[n]["bytes"] for n in names)),
                            "seconds": round(median(got[n]["seconds"] for n in names), 5),
                            "statuses": dict(Counter(got[n]["status"] for n in names)),
                            **more,
                        }
                    )


PARTS: dict[str, Callable[[Bench], None]] = {
    "throughput": throughput,
    "start": start,
    "memory": memory,
    "keys": keys,
    "sizes": sizes,
    "faults": faults,
}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--set", type=Path, required=True, dest="folder")
    parser.add_argument("--out", type=Path, default=Path("results/scan.jsonl"))
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--tenth", type=int, default=1000, help="files at full effort")
    parser.add_argument("--pictures", type=int, default=500, help="files asked for many keys")
    parser.add_argument("--sounds", type=int, default=200, help="the same")
    parser.add_argument("--engine", choices=["local", "ray"], default="local")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    top, _ = read(options.folder / "set.jsonl")
    parameters = {"set": {**top["parameters"], "code": top["code"]}, "seed": options.seed}
    out = ResultFile(options.out, FIELDS, parameters, medium="whole")
    bench = Bench(options.folder, out, options)
    for part in options.only:
        PARTS[part](bench)
    for name in ("tenth", "one", "keys-pictures", "keys-sounds"):
        shutil.rmtree(options.folder / name, ignore_errors=True)


if __name__ == "__main__":
    main()
