"""Scans of files that should harm a scanner, and scans that are killed.

Asked is whether every file has its row, none has two, no good file suffers for a bad one, and no
process is left behind when the one that was started is killed.
"""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.scan_bench import Bench, named
from benchmarks.scan_process import Command, Lines, alive, gone, kill, tree, wait_until
from waarmerk.bench.rows import Row, read

LIMITS = ("--time-limit", "20", "--memory-limit", "1G")
COMPARED = ("status", "verdict", "mark_id")
SOME = 30  # examples that a row names


def faults(bench: Bench) -> None:
    """Scan what should harm a scanner."""
    hostile = {row["among"]: row for row in hostile_rows(bench.folder)}
    good: dict[str, Row] = {}
    for case in ("untouched", "in one go", "three kills", "workers killed"):
        row = named("faults", case, engine=bench.options.engine)
        if not bench.wants(**row) and (case != "untouched" or _all_there(bench)):
            continue
        folder = "faults" if case in ("in one go", "three kills") else "files"
        command = bench.command(folder, more=LIMITS, faulty=folder == "faults")
        command = replace(command, out=bench.work / f"faults-{case.replace(' ', '-')}.jsonl")
        begin = time.perf_counter()
        extra: Row = {}
        if case == "three kills":
            extra = {"kills": killed(command, len(bench.files), bench.options.seed)}
        elif case == "workers killed":
            extra = {"kills": workers_killed(command, bench.options.seed)}
        else:
            command.run()
        rows = command.rows()
        wanted = set(bench.files) | (set(hostile) if folder == "faults" else set())
        said = judged(bench, rows, folder, wanted, hostile, good)
        if case == "untouched":
            good = {bench.name(one, folder): one for one in rows}
        bench.add({**row, "wall": round(time.perf_counter() - begin, 1), **extra, **said})


def _all_there(bench: Bench) -> bool:
    """Return whether nothing needs to be compared with untouched files any more."""
    cases = ("in one go", "three kills", "workers killed")
    return not any(
        bench.wants(**named("faults", case, engine=bench.options.engine)) for case in cases
    )


def hostile_rows(folder: Path) -> list[Row]:
    """Return what the hostile files are."""
    path = folder / "hostile.jsonl"
    if not path.exists():
        raise SystemExit(f"{path}: is not there; run python -m benchmarks.scan_set --hostile 0.01")
    return read(path)[1]


def judged(  # noqa: PLR0917
    bench: Bench,
    rows: list[Row],
    folder: str,
    wanted: set[str],
    hostile: dict[str, Row],
    good: dict[str, Row],
) -> Row:
    """Return what is missing, double or wrong among rows, and what hostile files came to."""
    counts = Counter(bench.name(row, folder) for row in rows)
    what: dict[str, Counter[str]] = defaultdict(Counter)
    surprises: list[list[str]] = []
    harmed: dict[str, list[str]] = {}
    for row in rows:
        name = bench.name(row, folder)
        said = [name, row["status"], row["error"]]
        bad = hostile.get(name)
        if bad is not None:
            what[bad["what"]][row["status"]] += 1
            if row["status"] not in bad["expected"]:
                surprises.append([*said, bad["what"]])
            continue
        other = good.get(name, row)
        if row["status"] != "ok" or any(row[field] != other[field] for field in COMPARED):
            harmed[name] = said
    return {
        "files": len(wanted),
        "rows": len(rows),
        "missing": len(wanted - counts.keys()),
        "twice": sum(count > 1 for count in counts.values()),
        "unasked": len(counts.keys() - wanted),
        "harmed": len(harmed),
        "harmed_some": list(harmed.values())[:SOME],
        "compared": len(good),
        "hostile": {name: dict(count) for name, count in sorted(what.items())},
        "surprises": len(surprises),
        "surprises_some": surprises[:SOME],
    }


def _reached(lines: Lines, count: int) -> bool:
    return lines.now() >= count


def killed(command: Command, files: int, seed: int) -> list[Row]:
    """Scan, killed three times at random moments and resumed; the third time nobody survives."""
    command.forget()
    chance = random.Random(f"kills {seed}")  # noqa: S311
    kills = []
    for number in range(3):
        moment = round(files * (number + chance.uniform(0.2, 0.9)) / 3.3)
        lines = Lines(command.out)
        with command.started(*(("--resume",) if number else ())) as process:
            wait_until(partial(_reached, lines, moment), process, 0.02)
            processes = tree(process.pid)
            was_running = process.poll() is None
            kill(processes if number == 2 else {process.pid: processes[process.pid]})
            process.wait()
        # What examines a file that hangs ends when the time of that file is over.
        seconds, left = gone(processes, float(LIMITS[1]) + 10.0)
        kills.append(
            {"rows": lines.now(), "running": was_running, "processes": len(processes),
             "everything": number == 2, "gone_after": round(seconds, 2), "left": left}
        )  # fmt: skip
    with command.started("--resume") as process:
        code = process.wait()
    kills.append({"rows": len(command.rows()), "code": code})
    return kills


def workers_killed(command: Command, seed: int, most: int = 20) -> list[Row]:
    """Scan, while every few seconds some process of the scan but the first is killed."""
    command.forget()
    lines = Lines(command.out)
    chance = random.Random(f"workers {seed}")  # noqa: S311
    count = 0
    with command.started() as process:
        wait_until(partial(_reached, lines, 1), process, 0.02)
        while process.poll() is None:
            time.sleep(chance.uniform(1.0, 4.0))
            others = {p: began for p, began in tree(process.pid).items() if p != process.pid}
            if others and count < most:
                victim = chance.choice(sorted(others))
                kill(alive({victim: others[victim]}))
                count += 1
    return [{"killed": count, "code": process.returncode}]
