"""Asks a worker in a peer's environment; see the drawing in `waarmerk.bench.peers`.

A worker that ends, hangs, or says what nobody understands becomes a `PeerError` that names it, and
the next question starts it anew. One that does not even start is not tried again.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from multiprocessing import util
from pathlib import Path
from typing import IO, Any, NamedTuple, Self, cast

import numpy as np

from waarmerk.cores import ONE_THREAD
from waarmerk.errors import WaarmerkError

__all__ = [
    "ImagePeers",
    "PeerError",
    "PeerRefusedError",
    "PeerWorker",
    "Spent",
    "of_peers",
    "worker_file",
]

ANSWER_SECONDS = 600.0
"""A 12-megapixel picture takes the slowest peer 20 s on a free core."""

START_SECONDS = 300.0
"""Importing torch from a cold disk takes a minute."""

END_SECONDS = 10.0

_SERVE = Path(__file__).with_name("worker_serve.py")


class PeerError(WaarmerkError):
    """The process of a peer ended, hung, or gave an answer that is none."""


class PeerRefusedError(WaarmerkError):
    """A peer refused what it was given; the text is the peer's own."""


class Spent(NamedTuple):
    """CPU and wall seconds of the peer's own call."""

    cpu: float
    wall: float


class PeerWorker:
    """A worker process, started by the first question of each of our processes.

    Parameters
    ----------
    name : str
        What messages call it.
    python : path
        Python of the peer's environment.
    worker : path
        File with the functions `start` and `answer`; see ``worker_serve.py``.
    arguments : sequence of str
        What `start` is given.
    seconds, start_seconds : float
        How long an answer, and the start, may take.

    Examples
    --------
    >>> with PeerWorker("blind", python, worker_file("image"), ["blind_watermark"]) as worker:
    ...     worker.ask(do="extract", peer="blind", length=64, input="marked.npy")["bits"]
    ... # doctest: +SKIP
    """

    def __init__(
        self,
        name: str,
        python: str | Path,
        worker: Path,
        arguments: Sequence[str] = (),
        *,
        seconds: float = ANSWER_SECONDS,
        start_seconds: float = START_SECONDS,
    ) -> None:
        self.name = name
        self._command = (str(python), "-P", str(_SERVE), str(worker))
        self._arguments = tuple(arguments)
        self._seconds, self._start_seconds = seconds, start_seconds
        self._running: _Running | None = None
        self._broken: str | None = None
        self._versions: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        """Leave the process out: another process starts its own."""
        return self.__dict__ | {"_running": None}

    def versions(self) -> dict[str, str]:
        """Return the versions of the peer and of what it computes with."""
        self._process()
        return dict(self._versions)

    def file(self, name: str) -> Path:
        """Return the path of a file that the worker can read and write."""
        return self._process().folder / name

    def ask(self, **request: Any) -> dict[str, Any]:
        """Return the answer to a request.

        Raises
        ------
        PeerRefusedError
            If the peer raised an error.
        PeerError
            If there is no answer in time, or none that can be understood.
        """
        answer = self._answer(self._process(), json.dumps(request), self._seconds)
        if "error" in answer:
            raise PeerRefusedError(str(answer["error"]))
        return answer

    def close(self) -> None:
        """End the process, if there is one."""
        running, self._running = self._running, None
        if running is not None and running.owner == os.getpid():
            running.end()

    def _process(self) -> _Running:
        """Return the process, started if need be."""
        if self._running is not None and self._running.owner == os.getpid():
            return self._running
        if self._broken is not None:
            raise PeerError(self._broken)
        try:
            self._running = _Running(self._command, self._arguments)
            self._versions = self._answer(self._running, None, self._start_seconds)["versions"]
        except OSError as error:
            self._broken = f"{self.name}: {error.filename} cannot be started: {error.strerror}"
        except (PeerError, KeyError) as error:
            self.close()
            reason = "its first line names no versions" if isinstance(error, KeyError) else error
            self._broken = f"the start failed; {reason}"
        if self._running is None:
            raise PeerError(f"{self._broken}")
        # In processes of multiprocessing, what atexit has does not run; this does, in all.
        util.Finalize(self, self._running.end, exitpriority=10)
        return self._running

    def _answer(self, running: _Running, line: str | None, seconds: float) -> dict[str, Any]:
        """Send a line if there is one, and wait for the answer."""
        if line is not None:
            running.send(line)
        try:
            text = running.lines.get(timeout=seconds)
        except queue.Empty:
            text, said = "", f"gave no answer within {seconds:g} s and was ended"
        else:
            said = "ended without an answer"
        try:
            answer = json.loads(text) if text else None
        except ValueError:
            answer, said = None, f"answered what is no JSON: {text.strip()[:80]!r}"
        if isinstance(answer, dict):
            return answer
        if answer is not None:
            said = f"answered what is no JSON object: {text.strip()[:80]!r}"
        last = running.end(at_once=True)
        if self._running is running:
            self._running = None
        raise PeerError(f"{self.name}: its process {said}{f'; it said: {last}' if last else ''}")


class _Running:
    """A process that was started, the folder for its arrays, and a thread that reads its lines."""

    def __init__(self, command: tuple[str, ...], arguments: tuple[str, ...]) -> None:
        self.owner = os.getpid()
        self.folder = Path(tempfile.mkdtemp(prefix="waarmerk-peer-"))
        self.lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        # Not a pipe: nobody reads it before the end, and a full one would stop the worker.
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._ended = False
        try:
            self._process = subprocess.Popen(
                [*command, str(self.folder), *arguments],
                env=of_peers() | dict.fromkeys(ONE_THREAD, "1"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        except OSError:
            self._clean()
            raise
        self._input = cast(IO[str], self._process.stdin)
        self._output = cast(IO[str], self._process.stdout)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._output:
            self.lines.put(line)
        self.lines.put("")

    def send(self, line: str) -> None:
        """Write a line; that nobody reads it any more shows where the answer is missing."""
        try:
            self._input.write(f"{line}\n")
            self._input.flush()
        except OSError:
            return

    def end(self, *, at_once: bool = False) -> str:
        """End the process and remove its files; return the last line that it wrote as an error."""
        if self._ended or self.owner != os.getpid():
            return ""
        self._ended = True
        with contextlib.suppress(OSError):  # what was not written yet has no reader
            self._input.close()
        try:
            # One that has crashed ends by itself, and its last words are worth a moment.
            self._process.wait(1.0 if at_once else END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(END_SECONDS)
        self._output.close()
        self._errors.seek(0)
        said = [line.strip() for line in self._errors if line.strip()]
        self._clean()
        return said[-1] if said else ""

    def _clean(self) -> None:
        self._errors.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class ImagePeers:
    """The image peers of one environment.

    Parameters
    ----------
    worker : PeerWorker
        With ``worker_image.py``.
    """

    def __init__(self, worker: PeerWorker) -> None:
        self._worker = worker

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.close()

    def versions(self) -> dict[str, str]:
        """Return the versions of the peers and of what they compute with."""
        return self._worker.versions()

    def embed(
        self, peer: str, rgb: np.ndarray, bits: str, **options: object
    ) -> tuple[np.ndarray, Spent]:
        """Return the marked picture and what it cost."""
        source, target = self._worker.file("in.npy"), self._worker.file("out.npy")
        np.save(source, rgb)
        request = {"peer": peer, "bits": bits, "input": str(source), "output": str(target)}
        answer = self._worker.ask(do="embed", **request, **options)
        return np.load(target), Spent(answer["cpu"], answer["wall"])

    def extract(
        self, peer: str, rgb: np.ndarray, length: int, **options: object
    ) -> tuple[str, Spent]:
        """Return the bits read and what it cost."""
        source = self._worker.file("in.npy")
        np.save(source, rgb)
        request = {"peer": peer, "length": length, "input": str(source)}
        answer = self._worker.ask(do="extract", **request, **options)
        return answer["bits"], Spent(answer["cpu"], answer["wall"])


def of_peers() -> dict[str, str]:
    """Return the variables that a peer's processes get: none that lead Python to our packages."""
    ours = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
    return {name: value for name, value in os.environ.items() if name not in ours}


def worker_file(medium: str) -> Path:
    """Return the worker of a medium: ``image`` or ``text``."""
    return Path(__file__).with_name(f"worker_{medium}.py")
