"""Runs ``waarmerk scan`` as its users do, and watches it from outside: rows, memory, processes."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote_to_bytes

from waarmerk.bench.processes import Done, run
from waarmerk.bench.rows import Row
from waarmerk.cores import ONE_THREAD

FAULTS = Path(__file__).resolve().parent / "scan_faults"


@dataclass(frozen=True, slots=True)
class Command:
    """One scan.

    Parameters
    ----------
    folder, out
        What is scanned, and the file of results.
    key
        A key or a ring.
    more
        Further options.
    faulty
        Whether Pillow is the broken one of `benchmarks/scan_faults`.
    """

    folder: Path
    out: Path
    key: Path
    workers: int = 2
    effort: str = "fast"
    engine: str = "local"
    more: tuple[str, ...] = ()
    faulty: bool = False
    environment: dict[str, str] = field(default_factory=dict)

    def words(self, *more: str) -> list[str]:
        """Return the command line."""
        return [
            *(sys.executable, "-m", "waarmerk", "scan", str(self.folder), "-o", str(self.out)),
            *("--key", str(self.key), "--workers", str(self.workers), "--effort", self.effort),
            *("--engine", self.engine, "--no-stored-trust", *self.more, *more),
        ]

    def env(self) -> dict[str, str]:
        """Return the environment: one thread for every library, and the broken Pillow if wanted."""
        faults = {"PYTHONPATH": str(FAULTS)} if self.faulty else {}
        return {**os.environ, **dict.fromkeys(ONE_THREAD, "1"), **faults, **self.environment}

    def forget(self) -> None:
        """Remove results of before."""
        for path in (*self.out.parent.glob(f"{self.out.name}*"), self.out):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def run(self) -> Done:
        """Run it to its end.

        Raises
        ------
        SystemExit
            If the scan failed.
        """
        self.forget()
        self.out.parent.mkdir(parents=True, exist_ok=True)
        done = with_orphans(lambda: run(*self.words(), env=self.env()))
        if done.code:
            raise SystemExit(f"the scan ended with {done.code}: {done.errors[-1000:]}")
        return done

    @contextlib.contextmanager
    def started(self, *more: str) -> Iterator[subprocess.Popen[bytes]]:
        """Start it; what is left of it at the end is killed."""
        self.out.parent.mkdir(parents=True, exist_ok=True)
        process = subprocess.Popen(
            self.words(*more),
            env=self.env(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                kill(tree(process.pid))
                process.wait()

    def rows(self) -> list[Row]:
        """Return the rows in the results; the last line may be cut off."""
        data = self.out.read_bytes() if self.out.exists() else b""
        return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]


def with_orphans(call: Callable[[], Done], seconds: float = 5.0) -> Done:
    """Run something, and count the CPU time also of processes whose parent ended before them.

    Nobody else asks for that: so they become children of this process (Linux).
    """
    if sys.platform != "linux":
        return call()
    become_reaper = 36  # PR_SET_CHILD_SUBREAPER, prctl(2)
    system = ctypes.CDLL(None, use_errno=True)
    system.prctl(become_reaper, 1, 0, 0, 0)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        done = call()
        until = time.monotonic() + seconds
        with contextlib.suppress(ChildProcessError):
            while time.monotonic() < until:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    time.sleep(0.01)
    finally:
        system.prctl(become_reaper, 0, 0, 0, 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return replace(done, cpu=cpu)


class Lines:
    """Counts the whole lines of a file that grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = self.count = 0

    def now(self) -> int:
        """Return how many there are."""
        with contextlib.suppress(FileNotFoundError), self._path.open("rb") as file:
            file.seek(self._at)
            data = file.read()
            self.count += data.count(b"\n")
            self._at += len(data)
        return self.count


def path_of(uri: str) -> str:
    """Return the local file that a row is about.

    >>> path_of("a/b%41.jpg"), path_of("file:///srv/a%20b.jpg")
    ('a/b%41.jpg', '/srv/a b.jpg')
    """
    if uri.startswith("file://"):
        return os.fsdecode(unquote_to_bytes(uri.removeprefix("file://")))
    return uri


def tree(pid: int) -> dict[int, int]:
    """Return a process and all that it started, and when each began (in ticks)."""
    parents: dict[int, list[int]] = {}
    began: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        fields = _stat(int(entry.name))
        if fields is not None:
            parents.setdefault(fields[0], []).append(int(entry.name))
            began[int(entry.name)] = fields[1]
    found = {}
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        if one in began:
            found[one] = began[one]
        waiting += parents.get(one, [])
    return found


def _stat(pid: int) -> tuple[int, int] | None:
    """Return parent and start of a process; None of one that has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # a name may hold anything
    return None if fields[0] in "ZX" else (int(fields[1]), int(fields[19]))


def alive(processes: dict[int, int]) -> dict[int, int]:
    """Return those that still run."""
    return {
        pid: began
        for pid, began in processes.items()
        if (now := _stat(pid)) is not None and now[1] == began
    }


def kill(processes: dict[int, int]) -> None:
    """Kill processes at once."""
    for pid in alive(processes):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def gone(processes: dict[int, int], most: float) -> tuple[float, int]:
    """Wait until processes have ended; return the seconds, and how many had to be killed."""
    start = time.perf_counter()
    while (left := alive(processes)) and time.perf_counter() - start < most:
        time.sleep(0.02)
    kill(left)
    return time.perf_counter() - start, len(left)


def pss(processes: dict[int, int]) -> float:
    """Return megabytes of a set of processes; what they share counts once."""
    total = 0
    for pid in processes:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024


def wait_until(true: Callable[[], bool], process: subprocess.Popen[bytes], step: float) -> bool:
    """Wait until something is true; False if the process ends before."""
    while not true():
        if process.poll() is not None:
            return true()
        time.sleep(step)
    return True
