"""The engine that needs nothing else: this machine, with a guarded process for every worker.

::

    listing ──▶ tasks ──▶ thread ⇄ process ──▶ results ──▶ whoever asked
                  few     thread ⇄ process

A thread only waits for its process. A few batches more than there are workers are on their way at
a time, so a listing of millions is not read further than it is needed.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from waarmerk.errors import WaarmerkError
from waarmerk.scan.batch import close_guard, guard_for, scan_batch

if TYPE_CHECKING:
    from waarmerk.scan.guard import Guard
    from waarmerk.scan.row import Row
    from waarmerk.scan.settings import ScanSettings
    from waarmerk.scan.source import Source

__all__ = ["LocalEngine"]

_Batch = Sequence["Source"]


class LocalEngine:
    """Examines batches in processes on this machine. Runs once.

    Parameters
    ----------
    settings
        What to look for.
    workers
        How many processes.
    """

    def __init__(self, settings: ScanSettings, workers: int) -> None:
        if workers < 1:
            raise ValueError(f"a scan needs a worker, not {workers}")
        self.workers = workers
        self._settings = settings
        self._stop = threading.Event()
        self._guards: list[Guard] = []
        self._tasks: queue.SimpleQueue[_Batch | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[list[Row] | WaarmerkError] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"scan-{n}", daemon=True)
            for n in range(workers)
        ]
        # At once, so that they are ready when the first sources have been listed.
        for thread in self._threads:
            thread.start()

    @property
    def restarts(self) -> int:
        """How many processes ended before their time."""
        return sum(guard.restarts for guard in self._guards)

    def run(self, batches: Iterator[_Batch]) -> Iterator[list[Row]]:
        """Yield the rows of batches, in the order in which they are done.

        An empty batch means that there is nothing new at the moment.

        Raises
        ------
        GuardError
            If no process can be started to examine files in.
        """
        underway, more = 0, True
        try:
            while more or underway:
                while more and underway < 2 * self.workers:
                    batch = None if self._stop.is_set() else next(batches, None)
                    if batch is None:
                        more = False
                    elif batch:
                        self._tasks.put(batch)
                        underway += 1
                    else:
                        break
                rows = self._next() if underway else None
                if rows is not None:
                    underway -= 1
                    yield rows
        finally:
            self.close(at_once=underway > 0)  # interrupted: nobody waits for what is underway

    def _next(self) -> list[Row] | None:
        """Return the rows of a batch that is done; None if there is none within a second."""
        try:
            rows = self._results.get(timeout=1.0)
        except queue.Empty:
            return None
        if isinstance(rows, WaarmerkError):
            raise rows
        return rows

    def close(self, *, at_once: bool = True) -> None:
        """End the processes; those that are busy too if `at_once`."""
        self._stop.set()
        for _ in self._threads:
            self._tasks.put(None)
        if at_once:
            for guard in list(self._guards):
                guard.close()
        for thread in self._threads:
            thread.join()

    def stop(self) -> None:
        """Begin nothing new: `run` yields what is done and, in a moment, what is being done."""
        self._stop.set()

    def _work(self) -> None:
        try:
            guard = guard_for(self._settings)
            self._guards.append(guard)
            guard.start()
            while (batch := self._tasks.get()) is not None:
                self._results.put(scan_batch(batch, self._settings, stop=self._stop.is_set))
        except WaarmerkError as error:
            self._results.put(error)
        finally:
            close_guard()
