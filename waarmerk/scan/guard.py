"""Stands between a scan and the files: a row for every one, also for what crashes or never ends.

Files are examined in a process of their own (`child`), one at a time. One that ends is replaced,
and the file that it had is tried once more, alone in a fresh process; then it is blamed. One that
is late is ended, and the file is not tried again, unless that process was the very first one, which
may still have been compiling. So no file costs its neighbours anything.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import queue
import signal
import struct
import threading
from collections.abc import Iterator
from dataclasses import asdict
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Self

from waarmerk.errors import WaarmerkError
from waarmerk.scan import processes
from waarmerk.scan.listing import Failed
from waarmerk.scan.row import failed_row, from_json
from waarmerk.scan.source import Source

if TYPE_CHECKING:
    import subprocess
    from types import TracebackType

    from waarmerk.scan.processes import Process
    from waarmerk.scan.row import Row, RowStatus
    from waarmerk.scan.settings import ScanSettings

__all__ = ["Guard", "GuardError"]

_START_SECONDS: Final = 600.0
"""For importing and compiling, on a cold disk and beside many others that do the same."""

_ATTEMPTS: Final = 2
_STARTS: Final = 3


class GuardError(WaarmerkError):
    """The process that examines files cannot be started."""


class _EndedError(Exception):
    """The process that had a file has ended."""


class _LateError(Exception):
    """The time for a file is over. ``early``: the process may have spent it on itself."""

    def __init__(self, *, early: bool) -> None:
        super().__init__()
        self.early = early


class Guard:
    """Examines files in a process of its own.

    For one thread at a time. The process is started when it is first needed, or by `start`.

    Parameters
    ----------
    settings
        What to look for, and what a file may cost.
    """

    def __init__(self, settings: ScanSettings) -> None:
        self._settings = settings
        self._id: str = settings.record()["id"]
        self._process: Process | None = None
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._worker: int | None = None
        self._number = self._served = self._workers = 0
        self._since = 0.0
        self.closed = False
        self.restarts = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def row(self, source: Source) -> Row | None:
        """Return the row of a source; None if its content is the one that was examined before.

        Raises
        ------
        GuardError
            If no process can be started to examine it.
        """
        limit = self._settings.limits.seconds_for(source.size)
        start = monotonic()
        words = ""
        for attempt in range(_ATTEMPTS):
            try:
                answer = self._ask({"file": asdict(source)}, limit)
            except _LateError as error:
                if error.early and attempt == 0:
                    continue
                words = f"{source.uri}: took longer than {limit:.0f} s"
                return self._failed(source, "timeout", words, start)
            except _EndedError as error:
                words = f"{source.uri}: the process that examined it ended: {error}"
                continue
            row = None if answer["row"] is None else from_json(answer["row"])
            if row is None or row["status"] != "memory":
                return row
            # What failed for want of memory may have left anything behind, and what was examined
            # before it may have.
            fresh = self._served == 1
            self._replace_worker()
            if fresh:
                return row
        return self._failed(source, "crash", words, start)

    def inside(self, source: Source, columns: tuple[str, ...] = ()) -> Iterator[Source | Failed]:
        """Yield what is in an archive or a table, and what cannot be had of it.

        Nothing else may be asked meanwhile. See `archives.inside`.
        """
        question: dict[str, Any] = {"inside": asdict(source), "columns": columns}
        while True:
            try:
                answer = self._ask(question, self._settings.limits.seconds_for(source.size))
            except _LateError:
                yield Failed(source.uri, f"{source.uri}: took too long to list what is in it")
                return
            except _EndedError as error:
                yield Failed(
                    source.uri,
                    f"{source.uri}: the process that listed what is in it ended: {error}",
                )
                return
            found = answer["members"]
            for member in found:
                yield Failed(**member) if "error" in member else Source(**member)
            if not found:
                return
            question = {"more": True}

    def start(self) -> None:
        """Start the process, without waiting for it.

        Raises
        ------
        GuardError
            If this guard was closed, or the system starts no process.
        """
        if self.closed:
            raise GuardError("the scan was interrupted")
        if self._process is not None:
            return
        self._answers = queue.SimpleQueue()  # the last process may still say something in its own
        self._workers = 0
        try:
            self._process = processes.start()
        except OSError as error:
            raise GuardError(f"no process can be started to examine files: {error}") from error
        settings = pickle.dumps(self._settings)
        self._send(struct.pack("<Q", len(settings)) + settings)
        running = self._process.running
        threading.Thread(target=_read, args=(running, self._answers), daemon=True).start()

    def close(self) -> None:
        """End the process, for good; one that is busy is not waited for."""
        self.closed = True
        self._end()

    def _end(self) -> int:
        """End the process, if there is one, and return its exit status."""
        process, self._process = self._process, None
        self._kill_worker()
        return 0 if process is None else process.end()

    def _failed(self, source: Source, status: RowStatus, words: str, start: float) -> Row:
        seconds = monotonic() - start
        return failed_row(source, status, words, settings=self._id, seconds=seconds)

    def _ask(self, question: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Return the answer to a question.

        Raises
        ------
        _EndedError, _LateError
            If there is none. A fresh process is there for the next question.
        """
        self._ready()
        self._number += 1
        question = {"number": self._number, **question}
        if not self._send(json.dumps(question).encode() + b"\n"):
            raise self._lost()
        deadline = monotonic() + seconds
        while True:
            try:
                answer = self._answer(deadline - monotonic())
            except queue.Empty:
                early = self._workers == 1 and monotonic() - self._since < _START_SECONDS
                self._replace_worker()
                raise _LateError(early=early) from None
            if "ended" in answer:
                self._worker = None
                self.restarts += 1
                raise _EndedError(_in_words(answer["ended"]))
            if "ready" in answer:  # the last question has ended a worker that was full
                self._begin_with(answer["ready"])
                continue
            if answer.get("number") == self._number:
                self._served += 1
                return answer

    def _ready(self) -> None:
        """Wait until a worker is there."""
        ended = ""
        for _ in range(_STARTS):
            try:
                self._wait_for_worker()
            except _EndedError as error:
                ended = str(error)
            else:
                return
        raise GuardError(f"the process that examines files ends before it begins ({ended})")

    def _wait_for_worker(self) -> None:
        self.start()
        deadline = monotonic() + _START_SECONDS
        while self._worker is None:
            try:
                answer = self._answer(deadline - monotonic())
            except queue.Empty:
                self._end()
                raise GuardError(
                    "the process that examines files did not start in "
                    f"{_START_SECONDS:.0f} s; is this machine overloaded?"
                ) from None
            if "refused" in answer:
                self._end()
                raise GuardError(answer["refused"])
            if "ready" in answer:
                self._begin_with(answer["ready"])

    def _begin_with(self, worker: int) -> None:
        self._worker, self._served = worker, 0
        self._workers += 1
        self._since = monotonic()

    def _answer(self, seconds: float) -> dict[str, Any]:
        while True:
            line = self._answers.get(timeout=max(seconds, 0.0))
            if not line:
                raise self._lost()
            try:
                answer = json.loads(line)
            except ValueError:  # torn: its writer ended, and the template says so next
                continue
            if isinstance(answer, dict):
                return answer

    def _lost(self) -> _EndedError:
        """Say how the whole process ended, and forget it."""
        self.restarts += 1
        if self._process is None:
            return _EndedError("it was closed")
        said = self._process.said
        said.seek(0)
        last = said.read()[-2000:].decode(errors="replace").strip().rpartition("\n")[2]
        status = self._end()
        return _EndedError(last or _in_words(status))

    def _replace_worker(self) -> None:
        """End the worker, so that a fresh one is there for the next question."""
        self._kill_worker()
        if os.name == "nt":  # there the worker is the whole process
            self._end()

    def _kill_worker(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None and os.name != "nt":
            with contextlib.suppress(OSError):
                os.kill(worker, signal.SIGKILL)

    def _send(self, data: bytes) -> bool:
        if self._process is None or self._process.running.stdin is None:
            return False
        stdin = self._process.running.stdin.fileno()
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(stdin, rest) :]
        except OSError:
            return False
        return True


def _read(process: subprocess.Popen[bytes], answers: queue.SimpleQueue[bytes]) -> None:
    """Put every line of a process into a queue; an empty one when it has ended."""
    with io.BufferedReader(process.stdout) as out:  # type: ignore[type-var]
        for line in out:
            answers.put(line)
    answers.put(b"")


def _in_words(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"{signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"
