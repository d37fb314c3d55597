"""Integrity: whether marks can be copied, averaged away, or seen where nobody laid them.

``waarmerk bench integrity --suite all --data DIR --out integrity.jsonl``

The attacker has marked works, and no key. `signal` says what he tries with pictures and
sounds, `text` with texts, `files` what the verdict makes of files with copied
marks; `collect` is what he has collected, `report` makes tables of rows.

A run that was stopped goes on where it was: rows are in the result file, collected works in a
folder beside it, which may be deleted when the run is done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from waarmerk.bench.integrity import files as integrity_files
from waarmerk.bench.integrity import signal as integrity_signal
from waarmerk.bench.integrity import text as integrity_text
from waarmerk.bench.integrity.collect import PAYLOADS, Settings, collect, parts
from waarmerk.bench.integrity.report import integrity_summary, integrity_tables
from waarmerk.bench.protocol import MEDIA, Medium
from waarmerk.bench.rows import ResultFile, Row, code_fingerprint
from waarmerk.bench.workers import results_of
from waarmerk.errors import InputError

__all__ = [
    "FIELDS",
    "PROFILES",
    "Job",
    "Profile",
    "integrity_summary",
    "integrity_tables",
    "run_integrity",
]

Profile = Literal["quick", "full"]
PROFILES: dict[Profile, dict[str, int]] = {
    "quick": {"works": 50, "keys": 50, "contents": 1, "samples": 3},
    "full": {"works": 1000, "keys": 1000, "contents": 3, "samples": 10},
}

FIELDS = (
    *("suite", "scheme", "test", "what", "content", "estimate", "works", "sample", "payloads"),
    *("strength", "gain", "case", "key"),
)
"""What names a row."""


@dataclass(frozen=True, slots=True)
class Job:
    """One step of a run: `names` of its rows; without any it collects `part` of the works."""

    suite: str
    settings: Settings
    names: tuple[Row, ...] = ()
    payloads: str = ""
    part: tuple[int, int] = (0, 0)

    def run(self) -> list[Row]:
        """Do it, in whatever process."""
        names = list(self.names)
        if not names:
            self._collect()
            return []
        if names[0]["test"] == "file":
            return integrity_files.measure(self.settings, names)
        if self.suite == "text":
            return integrity_text.measure(self.settings, names)
        return integrity_signal.measure(self.suite, self.settings, names)

    def _collect(self) -> None:
        if self.suite == "text":
            integrity_text.collect_texts(self.settings, self.payloads, self.part)
            return
        signal = integrity_signal.SIGNALS[self.suite]
        for payloads in PAYLOADS:
            if payloads == self.payloads:
                collect(signal, self.settings, payloads, self.part)


def run_integrity(
    out: Path,
    *,
    suite: Medium | Literal["all"] = "all",
    data: Path | None = None,
    profile: Profile = "quick",
    works: int | None = None,
    keys: int | None = None,
    contents: int | None = None,
    workers: int = 1,
    say: Callable[[str], None] = lambda _: None,
) -> list[Row]:
    """Run the integrity tests, or go on with a run, and return all rows.

    Parameters
    ----------
    out : Path
        Result file; collected works go into a folder beside it.
    suite : {"image", "audio", "text", "all"}
        Whose marks are tested.
    data : Path or None
        The user's content (see `waarmerk.bench.content`); None for what comes with the package.
    profile : {"quick", "full"}
        Decides the numbers that are not given.
    works, keys, contents : int or None
        How many marked works are collected, how many wrong keys are tried on each content, and how
        many contents are attacked.
    workers : int
        Processes.
    say : callable
        Is told how far it is.

    Raises
    ------
    InputError
        If there is no such content, or `out` holds rows of other parameters or of other code.
    WorkerError
        If a worker process died; what was measured until then is kept.
    """
    given = {"works": works, "keys": keys, "contents": contents}
    numbers = PROFILES[profile] | {name: n for name, n in given.items() if n is not None}
    for name, number in numbers.items():
        if number < 1:
            raise InputError(f"--{name} is {number}; at least 1 is needed")
    media = MEDIA if suite == "all" else (suite,)
    code = {what: code_fingerprint(what) for what in (*media, "integrity")}
    where = "shipped" if data is None else "given"
    parameters = {"suites": list(media), "content": where, **numbers}
    result = ResultFile(out, FIELDS, parameters, code, "suite")
    for medium in media:
        cache = out.with_name(f"{out.name}.works") / _tag(medium, data)
        settings = Settings(data, cache, **numbers)
        _measure(result, medium, settings, workers, say)
    return result.rows


def _tag(medium: Medium, data: Path | None) -> str:
    """Return what names a folder of works: those of other content or other code are others."""
    source = "shipped" if data is None else str(data.resolve())
    decides = (medium, source, code_fingerprint(medium), code_fingerprint("integrity"))
    return hashlib.sha256("\0".join(decides).encode()).hexdigest()[:12]


def _measure(
    result: ResultFile, medium: Medium, settings: Settings, workers: int, say: Callable[[str], None]
) -> None:
    left = []
    for names in _cases(medium, settings):
        missing = tuple(result.missing(names))
        if missing:
            left.append(Job(medium, settings, missing))
    if not left:
        return
    needs_works = any(job.names[0]["test"] != "keys" for job in left)
    for title, jobs in (
        (f"{medium}: works collected, parts", list(_collections(medium, settings, needs_works))),
        (f"{medium}: tests", left),
    ):
        for done, rows in enumerate(_results(jobs, workers), 1):
            result.append([_in_full(row) for row in rows])
            if done % 20 == 0 or done == len(jobs):
                say(f"{title}: {done} of {len(jobs)}")


def _in_full(row: Row) -> Row:
    """Add what rows of every benchmark say: the change, and its category."""
    if row["test"] == "keys":
        return {**row, "transformation": "none", "category": "none"}
    details = (row.get(field) for field in ("estimate", "gain", "case"))
    change = ", ".join([row["test"], *(detail for detail in details if detail)])
    return {**row, "transformation": change, "category": "malicious"}


def _cases(medium: str, settings: Settings) -> Iterator[list[Row]]:
    if medium == "text":
        yield from integrity_text.cases(settings)
        return
    yield from integrity_signal.cases(medium, settings)
    if medium == "image":
        yield from integrity_files.cases(settings)


def _collections(medium: str, settings: Settings, needed: bool) -> Iterator[Job]:
    if not needed:
        return
    if medium == "text":
        for family in integrity_text.FAMILIES:
            for part in integrity_text.text_parts(settings.works):
                yield Job(medium, settings, payloads=family, part=part)
        return
    for payloads in PAYLOADS:
        for part in parts(settings.works):
            yield Job(medium, settings, payloads=payloads, part=part)


def _results(jobs: list[Job], workers: int) -> Iterator[list[Row]]:
    """Yield what jobs return; with one worker here, as a process of its own would be no quicker."""
    if workers == 1 or len(jobs) < 2:
        yield from (job.run() for job in jobs)
    else:
        yield from results_of(Job.run, jobs, workers, named=lambda job: f"{job.suite} was tested")
