"""Worker processes: results as they come, none left behind, and a word when one dies.

A worker has one thread for every library, leaves Ctrl-C to the process that it works for, and ends
with it, also when that is killed.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from waarmerk.cores import ONE_THREAD
from waarmerk.errors import WaarmerkError

__all__ = ["WorkerError", "one_thread", "results_of"]

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


class WorkerError(WaarmerkError):
    """A worker process ended before its time."""


def results_of(
    work: Callable[[_Task], _Result],
    tasks: Sequence[_Task],
    workers: int,
    *,
    named: Callable[[_Task], str],
    begin: Callable[..., None] | None = None,
    arguments: tuple[Any, ...] = (),
) -> Iterator[_Result]:
    """Yield what `work` returns for every task, in the order in which they are done.

    Parameters
    ----------
    work
        Called in worker processes, which import it by its name.
    tasks
        What there is to do. A few more than there are workers are on their way at a time.
    workers
        How many processes.
    named
        Says what a task was doing, for the error.
    begin, arguments
        Called once in every worker, before its first task.

    Raises
    ------
    WorkerError
        If a worker process died.
    """
    if not tasks:
        return
    others = set(multiprocessing.active_children())
    with one_thread():
        pool = ProcessPoolExecutor(
            min(workers, len(tasks)),
            multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(begin, arguments),
        )
        running: dict[Future[_Result], _Task] = {}
        try:
            yield from _through(
                lambda task: pool.submit(work, task), tasks, running, 2 * workers, named
            )
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            if running:  # interrupted, or a worker died: the others need not end what they do
                for process in set(multiprocessing.active_children()) - others:
                    process.terminate()


def _through(
    submit: Callable[[_Task], Future[_Result]],
    tasks: Sequence[_Task],
    running: dict[Future[_Result], _Task],
    most: int,
    named: Callable[[_Task], str],
) -> Iterator[_Result]:
    """Yield results as they are done; `running` holds what is on its way."""
    waiting = list(reversed(tasks))
    while waiting or running:
        while waiting and len(running) < most:
            task = waiting.pop()
            running[submit(task)] = task
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            try:
                result = future.result()
            except BrokenProcessPool:
                raise WorkerError(
                    f"a worker process died while {named(running[future])} or beside it; what was "
                    "measured is kept: run the same command again to go on"
                ) from None
            del running[future]
            yield result


@contextmanager
def one_thread() -> Iterator[None]:
    """Let processes that are started here inherit one thread for every library."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _begin(begin: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    """Set a worker process up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if begin is not None:
        begin(*arguments)


def _end_with_parent() -> None:
    """Leave when the process that this one works for was killed; else it would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
