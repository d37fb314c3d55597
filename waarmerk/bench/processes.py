"""Processes of their own, and what they cost."""

import os
import resource
import subprocess
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Done:
    """A process that has ended: its output, CPU seconds (all threads) and wall seconds."""

    code: int
    output: str
    errors: str
    cpu: float
    wall: float


def run(*command: str, env: dict[str, str] | None = None) -> Done:
    """Run a command to its end; nothing else may start processes meanwhile."""
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False, text=True, env=env)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Done(done.returncode, done.stdout, done.stderr, cpu, time.perf_counter() - wall)


def use_one_core() -> None:
    """Keep this process and all that it starts on one core, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
