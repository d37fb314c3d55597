"""Fuzzes the entry points for files.

    python -m tests.fuzz.fuzz_files --seconds 300 [--seed 1] [--only .tif]

Damages good pictures and sounds at random and hands them to detection and marking. A find is:
anything but a WaarmerkError in one line, a crash, more than 20 seconds, words that a native library
writes to stderr, or files left behind. Finds are written to tests/fuzz/finds/, where
`test_finds.py` replays them for ever.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from tests.fuzz.inputs import damaged, seeds
from tests.fuzz.sounds import sound_seeds
from tests.fuzz.target import attempt

FINDS = Path(__file__).parent / "finds"
SLOWEST = 20


def main() -> int:
    """Run workers until the time is over; return 1 if there was a find."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="part of the names of the seeds to damage")
    parser.add_argument("--worker", metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(Path(options.worker), options.seconds, options.seed, options.only)
        return 0
    end = time.monotonic() + options.seconds
    finds = 0
    seed = options.seed
    while (left := end - time.monotonic()) > 1:
        with tempfile.TemporaryDirectory() as folder:
            # A worker of its own, because a crash in a decoder takes its process with it.
            arguments = ["--worker", folder, "--seconds", str(left), "--seed", str(seed)]
            done = subprocess.run(  # noqa: S603
                [sys.executable, "-m", "tests.fuzz.fuzz_files", *arguments, "--only", options.only],
                check=False,
            )
            if done.returncode:
                finds += 1
                keep(Path(folder), f"worker ended with status {done.returncode}")
        seed += 1000
    return 1 if finds else 0


def keep(folder: Path, why: str) -> None:
    """Put the input that was being worked on among the finds."""
    for path in (folder / "in").iterdir():
        FINDS.mkdir(exist_ok=True)
        data = path.read_bytes()
        find = FINDS / f"{hashlib.sha256(data).hexdigest()[:12]}{path.suffix}"
        find.write_bytes(data)
        say(f"find: {find.name}: {why}")


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def work(folder: Path, seconds: float, seed: int, only: str) -> None:
    """Damage and try until the time is over or something is found; then leave with status 3."""
    files = {name: data for name, data in (seeds() | sound_seeds()).items() if only in name}
    others = list(files.values())
    rng = random.Random(seed)  # noqa: S311
    counts: Counter[tuple[str, ...]] = Counter()
    words = folder / "stderr"
    stderr = os.dup(2)
    inside = folder / "in"
    inside.mkdir()
    started = time.monotonic()
    with words.open("wb") as quiet:
        attempt_good(files, inside)
        os.dup2(quiet.fileno(), 2)
        try:
            while time.monotonic() - started < seconds:
                name = rng.choice(list(files))
                path = inside / f"input{Path(name).suffix}"
                path.write_bytes(damaged(files[name], rng, others))
                faulthandler.dump_traceback_later(SLOWEST, exit=True, file=stderr)
                counts[(name.rpartition(".")[2], *attempt(path))] += 1
                faulthandler.cancel_dump_traceback_later()
                if words.stat().st_size:
                    raise AssertionError(f"words on stderr: {words.read_text('utf-8', 'replace')}")
                path.unlink()
        except Exception:  # noqa: BLE001 - any exception is a find
            os.dup2(stderr, 2)
            traceback.print_exc()
            sys.exit(3)
    os.dup2(stderr, 2)
    for outcome, count in sorted(counts.items()):
        say(f"{count:6}  {'  '.join(outcome)}")
    say(f"{sum(counts.values()):6}  in {time.monotonic() - started:.0f} s, seed {seed}")
    say(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000:6}  MB of memory at most")


def attempt_good(files: dict[str, bytes], folder: Path) -> None:
    """Try the seeds themselves first, which also compiles everything."""
    for name, data in files.items():
        path = folder / name
        path.write_bytes(data)
        attempt(path)
        path.unlink()


if __name__ == "__main__":
    sys.exit(main())
