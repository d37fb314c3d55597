"""Reads damaged files, in a process that can neither reach a network nor eat the machine.

Started by `benchmarks.hostile` as ``python -m benchmarks.hostile_worker SEEDS AT READERS``. Each
line of its standard input names a batch; it answers with one line of JSON. Before each file it
writes its number and the row so far to the file AT, so that a crash is laid to the file that
caused it, and the batch goes on behind it.
READERS is the module whose ``readers()`` are tried: tests.fuzz.readers.
"""

import ctypes
import faulthandler
import importlib
import json
import os
import platform
import random
import resource
import socket
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

from tests.fuzz.chunks import mutated
from tests.fuzz.readers import Readers, outcome

READERS = "tests.fuzz.readers"
LONGEST = 20.0  # seconds, then the worker ends itself and says where it was
SLOW = 2.0
MOST_MEMORY = 1 << 30  # that a file may need at most, code and all
HARD_MEMORY = 3 << 30  # of addresses beyond those at the start: protects the machine

# seccomp: seccomp(2), prctl(2); BPF: linux/filter.h, linux/bpf_common.h
_PR_SET_NO_NEW_PRIVS, _SET_MODE_FILTER, _ALL_THREADS = 38, 1, 1
_ALLOW, _TRAP = 0x7FFF0000, 0x00030000
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_CALLS = {"x86_64": (41, 317), "aarch64": (198, 277)}  # socket, seccomp


class _Step(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("yes", ctypes.c_ubyte),
        ("no", ctypes.c_ubyte),
        ("value", ctypes.c_uint),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.POINTER(_Step)))


def block_network() -> str:
    """Make every attempt to open an internet socket end the process (SIGSYS) or raise.

    Returns
    -------
    str
        ``"seccomp"``, or ``"python"`` where the system cannot do that: native code is then free.
    """

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("opens a network connection")

    socket.socket = refuse  # type: ignore[assignment,misc]
    socket.create_connection = refuse
    socket.getaddrinfo = refuse
    if sys.platform != "linux" or platform.machine() not in _CALLS:
        return "python"
    opening, seccomp = _CALLS[platform.machine()]
    # socket(AF_INET | AF_INET6, ...) traps; sockets between processes of this machine do not.
    steps = (_Step * 7)(
        _Step(_LOAD, 0, 0, 0),
        _Step(_EQUAL, 0, 3, opening),
        _Step(_LOAD, 0, 0, 16),
        _Step(_EQUAL, 2, 0, socket.AF_INET),
        _Step(_EQUAL, 1, 0, socket.AF_INET6),
        _Step(_RETURN, 0, 0, _ALLOW),
        _Step(_RETURN, 0, 0, _TRAP),
    )
    program = _Program(len(steps), steps)
    system = ctypes.CDLL(None, use_errno=True)
    if system.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return "python"
    # For all threads: libraries that were loaded have started some.
    if system.syscall(seccomp, _SET_MODE_FILTER, _ALL_THREADS, ctypes.byref(program)):
        return "python"
    return "seccomp"


def limit_memory() -> None:
    """Bound the addresses of this process, so that no file can eat the machine."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + HARD_MEMORY, used + HARD_MEMORY))


def forget_peak() -> None:
    """Let the peak of resident memory start anew (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """Return the peak of resident memory in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    return 0


def readers_of(module: str) -> Readers:
    """Return the readers of a module, with their weights."""
    found: Readers = importlib.import_module(module).readers()
    return found


def clock() -> float:
    """Return seconds that pass while this thread runs or waits for something of its own.

    The time in which it could run and other programs had the processor is left out (schedstat), so
    that a busy machine makes no file slow.
    """
    waited = int(Path("/proc/self/schedstat").read_text().split()[1])
    return time.perf_counter() - waited / 1e9


def case(
    files: dict[str, bytes], every: Readers, seed: int, batch: int, index: int
) -> tuple[str, str, bytes, random.Random]:
    """Return seed, reader and bytes of one file of a batch, and the chance that its reader uses.

    Files over 60 kB come up a third as often, so that there is time for many.
    """
    rng = random.Random(f"{seed}/{batch}/{index}")  # noqa: S311
    [reader] = rng.choices(list(every), [weight for weight, *_ in every.values()])
    names = sorted(files)
    liked = [name for name in names if name.endswith(every[reader][2])]
    among = liked if liked and rng.random() < 0.8 else names
    weights = [1.0 if len(files[name]) < 60_000 else 0.33 for name in among]
    [name] = rng.choices(among, weights)
    others = [files[rng.choice(names)]]
    return name, reader, mutated(files[name], rng, others), rng


def suffix_of(name: str, rng: random.Random) -> str:
    """Return the ending for a damaged file: mostly its own."""
    return Path(name).suffix if rng.random() < 0.9 else rng.choice((".jpg", ".txt", ".pdf", ""))


def work(
    files: dict[str, bytes], every: Readers, request: dict[str, Any], folder: Path, at: Path
) -> dict[str, Any]:
    """Read the files of a batch from one of them on; return the row, those before included."""
    row: dict[str, Any] = request["row"]
    counts = Counter(row["counts"])
    words = folder / "stderr"
    for index in range(request["first"], request["files"]):
        name, reader, data, rng = case(files, every, request["seed"], request["batch"], index)
        path = folder / f"input{suffix_of(name, rng)}"
        path.write_bytes(data)
        row["counts"] = counts
        at.write_text(json.dumps({"index": index, "seed": name, "reader": reader, "row": row}))
        forget_peak()
        said = words.stat().st_size
        faulthandler.dump_traceback_later(LONGEST, exit=True)
        start, busy = clock(), time.process_time()
        result, trace = "", ""
        try:
            result = outcome(every[reader][1], path, data, rng)
        except Exception as error:  # noqa: BLE001 - any exception is a find
            trace = traceback.format_exc()[-3000:]
            result = f"{type(error).__name__}: {error}"[:300]
        seconds = clock() - start
        faulthandler.cancel_dump_traceback_later()
        row["cpu"] = round(row["cpu"] + time.process_time() - busy, 4)
        memory = peak()
        what = f"{name}, {reader}"
        row["slowest"] = max(row["slowest"], [round(seconds, 3), what])
        row["largest_mb"] = max(row["largest_mb"], [memory >> 20, what])
        if not trace and memory > MOST_MEMORY:
            trace = result = f"takes {memory >> 20} MB"
        if not trace and seconds > SLOW:
            trace = result = f"takes {seconds:.1f} s"
        if not trace and words.stat().st_size > said:
            result = "a library talks on stderr"
            trace = words.read_bytes()[said : said + 600].decode("utf-8", "replace")
        counts[f"{reader}: {'find' if trace else result}"] += 1
        if trace:
            find = {"index": index, "seed": name, "reader": reader, "why": result, "trace": trace}
            row["finds"].append(find)
        for left in folder.iterdir():
            if left != words:
                left.unlink()
    row["counts"] = counts
    return row


def main() -> None:
    """Serve requests until standard input ends."""
    seeds, at = Path(sys.argv[1]), Path(sys.argv[2])
    files = {path.name: path.read_bytes() for path in sorted(seeds.iterdir())}
    every = readers_of(sys.argv[3])
    warnings.simplefilter("error")
    with (
        tempfile.TemporaryDirectory(prefix="hostile-") as name,
        os.fdopen(os.dup(1), "w") as answers,
    ):
        folder = Path(name)
        os.dup2(2, 1)
        stderr = os.dup(2)
        with (folder / "stderr").open("ab") as quiet:
            os.dup2(quiet.fileno(), 2)
        faulthandler.enable(file=stderr)
        # Everything is loaded and compiled before anything is timed or forbidden.
        rng = random.Random(0)  # noqa: S311
        for seed, data in files.items():
            path = folder / f"input{Path(seed).suffix}"
            path.write_bytes(data)
            for _, read, _ in every.values() if sys.argv[3] == READERS else ():
                try:
                    outcome(read, path, data, rng)
                except Exception:  # noqa: BLE001, S112 - found again where finds are counted
                    continue
            path.unlink()
        blocked = block_network()
        limit_memory()
        os.ftruncate(2, 0)
        answers.write(json.dumps({"blocked": blocked}) + "\n")
        answers.flush()
        for line in sys.stdin:
            answers.write(json.dumps(work(files, every, json.loads(line), folder, at)) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
