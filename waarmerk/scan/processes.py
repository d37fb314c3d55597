"""Starting the processes that examine files, before it is known what to look for.

They load libraries for a second, which a command spends on reading its options and listing.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from waarmerk.cores import ONE_THREAD

__all__ = ["Process", "prepared", "start"]


@dataclass(frozen=True, slots=True)
class Process:
    """A process, and a file that holds what it printed until it was ready."""

    running: subprocess.Popen[bytes]
    said: IO[bytes]

    def end(self) -> int:
        """End it, if it runs, and return its exit status."""
        self.running.kill()
        status = self.running.wait()
        for file in (self.running.stdin, self.said):
            if file is not None:
                file.close()
        return status


_ready: list[Process] = []


@contextmanager
def prepared() -> Iterator[None]:
    """Start a process, which `start` gives out meanwhile; afterwards it is ended if nobody had it.

    Later it would not be what somebody expects who starts one: it has the environment of now.
    """
    ours: list[Process] = []
    with contextlib.suppress(OSError):  # `start` will say so, to those who can tell the user
        ours.append(_new())
    _ready.extend(ours)
    try:
        yield
    finally:
        for process in ours:
            with contextlib.suppress(ValueError):  # somebody has it
                _ready.remove(process)
                process.end()
                if process.running.stdout is not None:
                    process.running.stdout.close()


def start() -> Process:
    """Return a process that waits for its settings on its standard input.

    Raises
    ------
    OSError
        If the system starts none.
    """
    try:
        return _ready.pop()
    except IndexError:  # and not asked before: several threads start theirs at a time
        return _new()


def _new() -> Process:
    said = tempfile.TemporaryFile()  # noqa: SIM115 - is closed with the process
    try:
        running = subprocess.Popen(
            # -P: what lies in the folder that somebody scans from is nothing to import.
            [sys.executable, "-P", "-m", "waarmerk.scan.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            # Threads do not outlive a fork, and there is a worker for every core.
            env={**os.environ, **dict.fromkeys(ONE_THREAD, "1")},
            bufsize=0,
        )
    except OSError:
        said.close()
        raise
    return Process(running, said)
