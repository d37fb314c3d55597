"""Runs the suite: marks, changes, reads, and writes a row for every case; can be stopped any time.

::

    plan ──rows not there yet──> units ──> worker processes ──rows──> result file
                                             each: mark once, change, read

Workers send rows, and only this process writes; a row is in the file, whole, or it is measured by
the next run. Every number but ``seconds`` follows from names and the seed.
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from waarmerk.bench.content.catalogue import Half, contents, few
from waarmerk.bench.plan import FIELDS, Profile, Unit, as_parameters, cases, sizes, units
from waarmerk.bench.protocol import Content, Medium, Scheme, Transformation
from waarmerk.bench.report.summary import described
from waarmerk.bench.rows import ResultFile, Row, code_fingerprint
from waarmerk.bench.schemes import defaults, load
from waarmerk.bench.transformations import of
from waarmerk.errors import InputError, WaarmerkError

__all__ = ["ONE_THREAD", "Job", "Progress", "WorkerError", "run_suite", "schemes_of"]

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")

Progress = Callable[[int, int], None]
"""Called with how many rows are there and how many there will be."""


class WorkerError(WaarmerkError):
    """A worker process ended before its time."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to run.

    Attributes
    ----------
    suites : sequence of {"image", "audio", "text"}
        Which media.
    out : Path
        The result file, JSON lines; gone on with if it is there.
    data : Path or None
        Folder of content; None for what comes with the package.
    schemes : sequence of str
        Names, see `waarmerk.bench.schemes.load`; the project's own if none is of a medium.
    profile : {"quick", "full"}
        How much.
    half : {"tuning", "reporting", "both"}
        Which content.
    transformations : sequence of str
        Names of families; all if empty.
    per_group : int or None
        Contents of each group, at most, if not as the profile says; 0: all.
    keys : int or None
        Keys that every content is marked with, if not as the profile says.
    seed : int
        Of everything that is random.
    workers : int
        Processes.
    """

    suites: Sequence[Medium]
    out: Path
    data: Path | None = None
    schemes: Sequence[str] = ()
    profile: Profile = "quick"
    half: Half = "reporting"
    transformations: Sequence[str] = ()
    per_group: int | None = None
    keys: int | None = None
    seed: int = 0
    workers: int = 1

    @property
    def models(self) -> Path:
        """Return the folder where models that write texts are kept, beside the results."""
        return self.out.parent / "models"


def run_suite(job: Job, progress: Progress = lambda _done, _all: None) -> Path:
    """Measure every case of a job that is not in its result file yet, and return that file.

    Raises
    ------
    InputError
        If there is no such content, scheme or transformation, or the file holds rows of another
        job or of other code.
    WorkerError
        If a worker process died; what was measured until then is kept.
    """
    schemes = schemes_of(job)
    media = dict.fromkeys(job.suites)
    planned = [case for medium in media for case in _cases(job, medium, schemes)]
    out = ResultFile(
        job.out,
        FIELDS,
        _parameters(job),
        fingerprint={medium: code_fingerprint(f"suite {medium}") for medium in job.suites},
        medium="suite",
        more={"transformations": {medium: described(of(medium)) for medium in job.suites}},
    )
    todo = units(list(out.missing(planned)))
    expected = len(out.rows) + sum(len(unit.rows) for unit in todo)
    progress(len(out.rows), expected)
    for rows in _measured(job, todo):
        out.append(rows)
        progress(len(out.rows), expected)
    return job.out


def schemes_of(job: Job) -> dict[str, Scheme]:
    """Return the schemes of a job by the names that stand in rows.

    Raises
    ------
    InputError
        If there is no such scheme, or two have the same name.
    """
    wanted = job.schemes or [name for medium in job.suites for name in defaults(medium)]
    found: dict[str, Scheme] = {}
    for name in dict.fromkeys(wanted):
        scheme = load(name)
        if scheme.name in found:
            raise InputError(
                f"{name}: its name, {scheme.name}, is that of another scheme of this run, and rows "
                "could not be told apart; give it another one"
            )
        found[scheme.name] = scheme
    return found


def _cases(job: Job, medium: Medium, schemes: dict[str, Scheme]) -> Iterator[Row]:
    mine = [scheme for scheme in schemes.values() if scheme.medium == medium]
    if not mine:
        return  # the schemes that were asked for are of other media
    size = sizes(job.profile, medium)
    found = contents(medium, job.data, job.half, job.models)
    chosen = _chosen(job, found, size.per_group if job.per_group is None else job.per_group)
    unmarked = _chosen(job, found, size.unmarked_contents) if size.unmarked_contents else chosen
    yield from cases(
        medium,
        mine,
        chosen,
        unmarked,
        _transformations(job, medium),
        job.profile,
        size.keys if job.keys is None else job.keys,
    )


def _chosen(job: Job, found: list[Content], most: int) -> list[Content]:
    if not most:
        return found
    return few(found, most, large=job.profile == "full")


def _transformations(job: Job, medium: Medium) -> list[Transformation]:
    known = {each.name: each for each in of(medium)}
    if not job.transformations:
        return list(known.values())
    every = {each.name for suite in job.suites for each in of(suite)}
    if unknown := set(job.transformations) - every:
        raise InputError(
            f"no such transformation: {', '.join(sorted(unknown))}; `waarmerk bench list` has all"
        )
    return [known[name] for name in job.transformations if name in known]


def _parameters(job: Job) -> Row:
    """Return what decides rows; more of the same (content, schemes, keys) may be added later."""
    return {
        "profile": job.profile,
        "half": job.half,
        "seed": job.seed,
        "content": "shipped" if job.data is None else "folder",
        "sizes": {medium: as_parameters(sizes(job.profile, medium)) for medium in job.suites},
    }


def _measured(job: Job, todo: Sequence[Unit]) -> Iterator[list[Row]]:
    """Yield the rows of every unit, as they come from the workers."""
    if not todo:
        return
    context = multiprocessing.get_context("spawn")
    with _one_thread():
        pool = ProcessPoolExecutor(
            min(job.workers, len(todo)), context, initializer=_begin, initargs=(job,)
        )
        running: dict[Future[list[Row]], Unit] = {}
        try:
            yield from _through(pool, todo, running, 2 * job.workers)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            if running:  # interrupted, or a worker died: the others need not end what they do
                for process in multiprocessing.active_children():
                    process.terminate()


def _through(
    pool: ProcessPoolExecutor,
    todo: Sequence[Unit],
    running: dict[Future[list[Row]], Unit],
    most: int,
) -> Iterator[list[Row]]:
    """Yield rows as they are done; `running` holds what is on its way, at most so many units."""
    waiting = iter(todo)
    while True:
        while len(running) < most and (unit := next(waiting, None)):
            running[pool.submit(_work, unit)] = unit
        if not running:
            return
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            unit = running[future]
            try:
                rows = future.result()
            except BrokenProcessPool:
                raise WorkerError(
                    f"a worker process died while {unit.scheme} was measured on {unit.content} or "
                    "beside it; what was measured is kept: run the same command again to go on"
                ) from None
            del running[future]
            yield rows


@contextmanager
def _one_thread() -> Iterator[None]:
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


_worker: Any = None


def _begin(job: Job) -> None:
    """Set a worker process up; Ctrl-C is for the process that it works for."""
    from waarmerk.bench.work import Worker

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    global _worker  # noqa: PLW0603 - what a pool's initializer leaves for its tasks
    _worker = Worker(job)


def _end_with_parent() -> None:
    """Leave when the process that this one works for was killed; else it would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(unit: Unit) -> list[Row]:
    rows: list[Row] = _worker.measure(unit)
    return rows
