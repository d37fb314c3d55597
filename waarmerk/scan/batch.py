"""From a batch of sources to a table of results: one function, whatever engine calls it.

It gives a row for every source and raises nothing because of one, so an engine needs no settings
for retries or time limits, and results are the same on all. It keeps a process to examine files in
(`guard`), which the next batch in the same thread finds ready.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from waarmerk.scan.guard import Guard

if TYPE_CHECKING:
    import pyarrow as pa

    from waarmerk.scan.row import Row
    from waarmerk.scan.settings import ScanSettings
    from waarmerk.scan.source import Source

__all__ = ["close_guard", "guard_for", "scan_batch", "scan_table"]

_kept = threading.local()


def scan_batch(
    sources: Sequence[Source],
    settings: ScanSettings,
    *,
    stop: Callable[[], bool] = lambda: False,
) -> list[Row]:
    """Examine sources.

    Parameters
    ----------
    sources
        What to examine.
    settings
        What to look for.
    stop
        Asked before every source; once it says True, the rest is left out.

    Returns
    -------
    list of Row
        One for every source, in their order; none for a source whose `sha256` says that it was
        examined before and has not changed.

    Raises
    ------
    GuardError
        If no process can be started to examine files in. Never because of a file.
    """
    guard = guard_for(settings)
    rows = []
    for source in sources:
        if stop():
            break
        row = guard.row(source)
        if row is not None:
            rows.append(row)
    return rows


def scan_table(table: pa.Table, settings: ScanSettings) -> pa.Table:
    """Examine the sources in a table: `scan_batch` for engines that speak Arrow.

    Parameters
    ----------
    table
        Sources, with the schema `waarmerk.scan.row.source_schema`; only the column ``uri`` is
        needed.
    settings
        What to look for.

    Returns
    -------
    pyarrow.Table
        Results, with the schema `waarmerk.scan.row.schema`.
    """
    from waarmerk.scan.row import sources_from_arrow, to_arrow

    return to_arrow(scan_batch(sources_from_arrow(table), settings))


def guard_for(settings: ScanSettings) -> Guard:
    """Return the guard of this thread; one with other settings is closed."""
    kept: tuple[ScanSettings, Guard] | None = getattr(_kept, "guard", None)
    if kept is not None:
        # An engine may send the same settings anew with every batch.
        if not kept[1].closed and (kept[0] is settings or kept[0] == settings):
            return kept[1]
        close_guard()
    guard = Guard(settings)
    _kept.guard = (settings, guard)
    atexit.register(guard.close)
    return guard


def close_guard() -> None:
    """End the process that examines files for this thread, if there is one."""
    kept: tuple[ScanSettings, Guard] | None = getattr(_kept, "guard", None)
    if kept is not None:
        kept[1].close()
        atexit.unregister(kept[1].close)
        del _kept.guard
