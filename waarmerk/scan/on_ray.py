"""The engine for many machines: Ray Data (https://docs.ray.io), the extra ``ray``.

Sources go out in waves of blocks, a block for each batch, and come back as blocks of results. What
a file does to the process that examines it the guard turns into a row (`batch`), so Ray has nothing
to retry but what a worker had in hand that was killed, or a machine that went away.

Keys are in the object store of the cluster while a scan runs. Whoever can join the cluster can read
them there: protect it as Ray says (a network of its own, TLS).
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from waarmerk.errors import InputError, WaarmerkError
from waarmerk.scan.batch import scan_table
from waarmerk.scan.row import from_arrow, sources_to_arrow

if TYPE_CHECKING:
    import pyarrow as pa

    from waarmerk.scan.row import Row
    from waarmerk.scan.settings import ScanSettings
    from waarmerk.scan.source import Source

__all__ = ["RayEngine", "RayError"]

_BLOCKS_A_CORE: Final = 8
"""Of a wave: at its beginning its listing is waited for, at its end the last blocks."""


class RayError(WaarmerkError):
    """The cluster cannot be reached, or gave a scan up."""


class RayEngine:
    """Examines batches on a Ray cluster: that of ``RAY_ADDRESS``, or a new one on this machine.

    Parameters
    ----------
    settings
        What to look for. Files that it names (a tokenizer, schemes, kept manifests), and local
        inputs, must be there under the same names on every machine.
    workers
        How many batches at a time; as many as the cluster has cores if None.

    Raises
    ------
    InputError
        If Ray is not installed.
    RayError
        If the cluster cannot be reached.
    """

    restarts = 0  # happen on other machines

    def __init__(self, settings: ScanSettings, workers: int | None) -> None:
        self._settings = settings
        self._workers = workers
        self._stop = threading.Event()
        # Ray would tell its makers about the machine that it runs on.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
            import ray.data
        except ImportError as error:
            raise InputError(
                f'the engine ray is not installed ({error.name}): pip install "waarmerk[ray]"'
            ) from error
        self._ours = not ray.is_initialized()
        if self._ours:
            there = os.environ.get("RAY_ADDRESS")
            local = {} if there else {"num_cpus": workers, "include_dashboard": False}
            try:
                ray.init(log_to_driver=False, logging_level="ERROR", **local)
            except (ConnectionError, OSError, RuntimeError, ValueError) as error:
                where = f"at {there}" if there else "on this machine"
                raise RayError(f"no Ray cluster {where}: {error}") from error
        ray.data.DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)

    def run(self, batches: Iterator[Sequence[Source]]) -> Iterator[list[Row]]:
        """Yield the rows of batches, in the order in which they are done.

        Raises
        ------
        RayError
            If the cluster gave up: its workers cannot run this package, or end again and again.
        """
        import ray
        import ray.data

        settings = ray.put(self._settings)  # not in the function: that is kept in a database
        cores = self._workers or int(ray.cluster_resources().get("CPU", 1))
        tasks = ray.data.TaskPoolStrategy(size=self._workers)

        def examine(table: pa.Table) -> pa.Table:
            return scan_table(table, _settings_of(settings))

        while wave := list(islice(batches, _BLOCKS_A_CORE * cores)):
            blocks = ray.data.from_arrow([sources_to_arrow(batch) for batch in wave])
            results = blocks.map_batches(
                examine, batch_format="pyarrow", batch_size=None, compute=tasks
            )
            try:
                for table in results.iter_batches(batch_format="pyarrow", batch_size=None):
                    yield from_arrow(table)
                    if self._stop.is_set():
                        return
            except ray.exceptions.RayError as error:
                raise RayError(f"Ray gave the scan up: {_last_line(error)}") from error

    def stop(self) -> None:
        """Begin nothing new; what is in hand is dropped."""
        self._stop.set()

    def close(self) -> None:
        """Leave the cluster."""
        import ray

        if self._ours and ray.is_initialized():
            ray.shutdown()


_fetched: dict[Any, ScanSettings] = {}


def _settings_of(reference: Any) -> ScanSettings:
    """Return settings from the object store; once for each worker, so that its guard stays."""
    import ray

    if reference not in _fetched:
        _fetched.clear()
        _fetched[reference] = ray.get(reference)
    return _fetched[reference]


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
