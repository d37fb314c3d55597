"""Runs the suite: marks, changes, reads, and writes a row for every case; can be stopped any time.

::

    plan ──rows not there yet──> units ──> worker processes ──rows──> result file
                                             each: mark once, change, read

Workers send rows, and only this process writes; a row is in the file, whole, or it is measured by
the next run. Every number but ``seconds`` follows from names and the seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
from waarmerk.bench.workers import results_of
from waarmerk.errors import InputError

__all__ = ["Job", "Progress", "run_suite", "schemes_of"]

Progress = Callable[[int, int], None]
"""Called with how many rows are there and how many there will be."""


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
    for rows in results_of(_work, todo, job.workers, named=_named, begin=_begin, arguments=(job,)):
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


_worker: Any = None


def _begin(job: Job) -> None:
    from waarmerk.bench.work import Worker

    global _worker  # noqa: PLW0603 - what a pool's initializer leaves for its tasks
    _worker = Worker(job)


def _work(unit: Unit) -> list[Row]:
    rows: list[Row] = _worker.measure(unit)
    return rows


def _named(unit: Unit) -> str:
    return f"{unit.scheme} was measured on {unit.content}"
