"""Runs a worker in a peer's environment: one line of JSON in, one line of JSON out.

Started by `waarmerk.bench.peers.client.PeerWorker` as ``PYTHON -P worker_serve.py WORKER FOLDER
ARGUMENT...``. WORKER is a Python file with two functions; nothing of waarmerk is imported::

    start(arguments) -> versions     imports the peer; runs once
    answer(request) -> dict          does one request; what it raises is sent as an error

Arrays travel as ``.npy`` files in FOLDER, which is removed at the end, even where the process that
asked was killed. The first line out is ``{"versions": {...}}``; then, for every line in, the
worker's dict with the CPU and wall seconds of `answer`, or ``{"error": "what the peer said"}``.
An `answer` that leaves its files out of the time says so with ``"cpu"`` and ``"wall"`` of its own.
"""

import json
import os
import runpy
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TextIO

Answer = Callable[[dict[str, Any]], dict[str, Any]]


def guarded(answer: Answer, line: str) -> dict[str, Any]:
    """Answer with the peer's error instead of ending: one picture must not stop the run."""
    cpu, wall = time.process_time(), time.perf_counter()
    try:
        given = answer(json.loads(line))
    except Exception as error:  # noqa: BLE001 - a peer may raise anything
        return {"error": f"{type(error).__name__}: {error}"}
    return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall} | given


def serve(answer: Answer, lines: Iterable[str], answers: TextIO) -> None:
    """Answer every line until there are no more."""
    for line in lines:
        answers.write(json.dumps(guarded(answer, line)) + "\n")
        answers.flush()


def main() -> None:
    """Start the worker and serve until standard input ends."""
    worker, folder, *arguments = sys.argv[1:]
    # Ctrl-C is for the process that asks, whose end is that of our input. SIGTERM reaches a whole
    # group at times, and must not leave the folder behind.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Peers print greetings, from C as well: the answers keep the real standard output.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        try:
            names = runpy.run_path(worker)
            answers.write(json.dumps({"versions": names["start"](arguments)}) + "\n")
            answers.flush()
            serve(names["answer"], sys.stdin, answers)
        finally:
            shutil.rmtree(Path(folder), ignore_errors=True)


if __name__ == "__main__":
    main()
