"""A whole scan: list, leave out what is done, examine, keep rows, and say how far it is."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from waarmerk.cores import cores
from waarmerk.errors import InputError
from waarmerk.scan.guard import Guard
from waarmerk.scan.inputs import Failed, Listing, sources_of
from waarmerk.scan.local import LocalEngine
from waarmerk.scan.results import open_results
from waarmerk.scan.resume import needs_scan
from waarmerk.scan.row import failed_row
from waarmerk.scan.source import INSIDE, Source
from waarmerk.scan.summary import Tally

if TYPE_CHECKING:
    from waarmerk.scan.results import Results
    from waarmerk.scan.row import Row
    from waarmerk.scan.settings import ScanSettings

__all__ = ["ENGINES", "Engine", "Progress", "Running", "Scan", "batches_of", "scan"]

ENGINES = ("local", "ray")

BATCH = {"local": 16, "ray": 256}
"""Sources in a batch: as many may be lost when everything is killed."""


class Engine(Protocol):
    """Examines batches somewhere. The rows are those of `scan_batch`, in any order."""

    @property
    def restarts(self) -> int:
        """How many processes ended before their time, as far as it is known."""

    def run(self, batches: Iterator[Sequence[Source]]) -> Iterator[list[Row]]:
        """Yield rows as they are done."""

    def stop(self) -> None:
        """Begin nothing new."""

    def close(self) -> None:
        """End whatever still runs."""


Progress = Callable[[Tally, int | None], None]
"""Called now and then with what was done, and how many files there are, if that is known."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What to scan, where to, and how.

    Attributes
    ----------
    inputs
        Files, folders, globs, URLs; ``-`` for names on stdin.
    out
        The results: ``.jsonl`` is a file, ``.parquet`` a folder of parts.
    settings
        What to look for.
    engine
        ``"local"`` or ``"ray"``.
    workers
        How many files are examined at a time; as many as there are cores if None.
    resume
        Whether to go on with results that are there.
    by_hash
        Whether a file whose time changed is left out if its content did not.
    retry
        Whether files are tried again that could not be examined.
    listing
        How inputs are listed.
    """

    inputs: Sequence[str | os.PathLike[str]]
    out: Path
    settings: ScanSettings
    engine: Literal["local", "ray"] = "local"
    workers: int | None = None
    resume: bool = False
    by_hash: bool = False
    retry: bool = False
    listing: Listing = field(default_factory=Listing)


class Running:
    """A scan that is on its way.

    Parameters
    ----------
    scan
        What to do.
    progress
        Told after every batch.
    count
        Whether to count the files meanwhile, so that the time left can be told.

    Attributes
    ----------
    tally
        What was done until now.
    stopped
        Set by `stop`.
    listing
        How inputs are listed: as the scan says, and archives in a process of their own.
    """

    def __init__(
        self,
        scan: Scan,
        progress: Progress = lambda _tally, _total: None,
        *,
        count: bool = False,
    ) -> None:
        self.scan = scan
        self.tally = Tally()
        self._progress = progress
        self._record = scan.settings.record()
        self._failed: list[Row] = []
        self._engine: Engine | None = None
        self.stopped = threading.Event()
        self._listed: int | None = None
        self._sent = self._received = 0
        self._out = os.path.abspath(scan.out)  # noqa: PTH100 - links stay as they are listed
        self._lister: Guard | None = None
        self.listing = replace(scan.listing, inside=self._inside)
        if count:
            threading.Thread(target=self._count, name="count", daemon=True).start()

    def run(self, sources: Iterable[Source | Failed | None] | None = None) -> Tally:
        """Scan everything and return what came of it.

        Parameters
        ----------
        sources
            What to examine, in place of what the inputs are. A None among it means that nothing
            more will come for a while.

        Raises
        ------
        InputError
            If none of the inputs is there, or the results cannot be used.
        OutputError
            If the results cannot be written.
        GuardError
            If no process can be started to examine files in.
        """
        scan = self.scan
        if sources is None:
            sources = self._listed_inputs()
        engine = self._engine = _engine(scan)
        try:
            with open_results(scan.out, self._record, resume=scan.resume) as results:
                batches = batches_of(self._todo(sources, results), BATCH[scan.engine])
                for rows in engine.run(batches):
                    self._keep(results, rows)
                self._keep(results, [])
                if not self.stopped.is_set():  # what had not changed has no new row
                    self.tally.skipped += self._sent - self._received
        finally:
            engine.close()
            if self._lister is not None:
                self._lister.close()
            self.tally.restarts = engine.restarts
        return self.tally

    def stop(self) -> None:
        """Finish what is in hand, and begin nothing new."""
        self.stopped.set()
        if self._engine is not None:
            self._engine.stop()

    def _keep(self, results: Results, rows: list[Row]) -> None:
        self._received += len(rows)
        failed, self._failed = self._failed, []
        results.add([*failed, *rows])
        for row in (*failed, *rows):
            self.tally.add(row)
        self._progress(self.tally, self._listed)

    def _todo(
        self, sources: Iterable[Source | Failed | None], results: Results
    ) -> Iterator[Source | None]:
        """Yield what has to be examined; what cannot even be listed becomes a row at once."""
        scan = self.scan
        for found in sources:
            if self.stopped.is_set():
                return
            if found is None:
                self._progress(self.tally, self._listed)
                yield None
                continue
            if self._is_ours(found.uri):
                continue
            if isinstance(found, Failed):
                row = failed_row(found.uri, "error", found.error, settings=self._record["id"])
                self._failed.append(row)
                continue
            done = results.done(found)
            need = needs_scan(
                found,
                done,
                results.settings,
                self._record["id"],
                by_hash=scan.by_hash,
                retry=scan.retry,
            )
            if need == "skip":
                self.tally.skipped += 1
                continue
            self._sent += 1
            yield replace(found, sha256=done.sha256) if need == "hash" and done else found

    def _listed_inputs(self) -> Iterator[Source | Failed]:
        """List the inputs; raise InputError if there are none but names of nothing."""
        found = sources_of(self.scan.inputs, options=self.listing)
        missing: list[Source | Failed] = []
        given = {os.fspath(name) for name in self.scan.inputs}
        for first in found:
            missing.append(first)
            if isinstance(first, Source) or first.uri not in given or os.path.lexists(first.uri):
                return chain(missing, found)
        if missing and isinstance(missing[0], Failed):
            raise InputError(missing[0].error)
        return iter(())

    def _inside(self, source: Source) -> Iterator[Source | Failed]:
        """List an archive or a table in a process of its own: it may hold anything."""
        if self._is_ours(source.uri):
            return
        if self._lister is None:
            self._lister = Guard(self.scan.settings)
        yield from self._lister.inside(source, self.scan.listing.columns)

    def _is_ours(self, uri: str) -> bool:
        """Return whether something is, or belongs to, the results of this scan."""
        name = os.path.basename(self._out)  # noqa: PTH119
        if name not in uri:
            return False
        path = os.path.abspath(uri.partition(INSIDE)[0])  # noqa: PTH100
        if path == self._out or path.startswith(self._out + os.sep):
            return True
        folder, last = os.path.split(path)
        return folder == os.path.dirname(self._out) and last.startswith(  # noqa: PTH120
            (f"{name}.", f".{name}.")
        )

    def _count(self) -> None:
        """Count what will be listed, where that costs little: on this machine, by names alone."""
        inputs = [os.fspath(given) for given in self.scan.inputs]
        if any(given == "-" or "://" in given for given in inputs):
            return
        listed = 0
        for _ in sources_of(inputs, options=replace(self.scan.listing, archives=False)):
            listed += 1
            if self.stopped.is_set():
                return
        self._listed = listed


def scan(
    inputs: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    settings: ScanSettings,
    **options: Any,
) -> Tally:
    """Examine many files, and write one row for each.

    Parameters
    ----------
    inputs
        Files, folders, globs, URLs.
    out
        The results: a file ``.jsonl``, or a folder ``.parquet``.
    settings
        What to look for.
    **options
        ``engine``, ``workers``, ``resume``, ``by_hash``, ``retry``, ``listing``, ``progress``:
        see `Scan`.

    Returns
    -------
    Tally
        How many files had which status and verdict.

    Raises
    ------
    InputError, OutputError, GuardError, RayError
        As `Running.run`. Never because of a file: that is a row.
    """
    progress = options.pop("progress", None)
    given = Scan(inputs, Path(out), settings, **options)
    return Running(given, progress or (lambda _tally, _total: None)).run()


def batches_of(sources: Iterable[Source | None], size: int) -> Iterator[list[Source]]:
    """Put sources into batches; the first are smaller, so that rows come soon.

    A None among them means that nothing more will come for a while: it ends a batch, which may be
    empty then.
    """
    batch: list[Source] = []
    limit = 1
    for source in sources:
        if source is not None:
            batch.append(source)
        if source is None or len(batch) >= limit:
            yield batch
            batch, limit = [], min(2 * limit, size)
    if batch:
        yield batch


def _engine(scan: Scan) -> Engine:
    if scan.engine == "local":
        return LocalEngine(scan.settings, scan.workers or cores())
    if scan.engine == "ray":
        from waarmerk.scan.on_ray import RayEngine

        return RayEngine(scan.settings, scan.workers)
    raise InputError(f"there is no engine {scan.engine!r}; there are {', '.join(ENGINES)}")
