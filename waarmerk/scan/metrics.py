"""Figures of a running scan as Prometheus text, in a file for the node exporter to pick up.

The file is replaced as a whole. Its figures are those of the tally, under these names::

    waarmerk_scan_files_total{status}            waarmerk_scan_started_timestamp_seconds
    waarmerk_scan_verdicts_total{verdict}        waarmerk_scan_last_success_timestamp_seconds
    waarmerk_scan_skipped_total                  waarmerk_scan_listed_files (when it is known)
    waarmerk_scan_bytes_total                    waarmerk_scan_in_flight_files (when it is known)
    waarmerk_scan_worker_restarts_total          waarmerk_scan_file_seconds{media} (a histogram)
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Final

from waarmerk.errors import InputError
from waarmerk.scan.fields import STATUSES
from waarmerk.scan.summary import BUCKETS, MEDIA, Tally
from waarmerk.scan.writing import cannot_write

if TYPE_CHECKING:
    from prometheus_client.core import Metric

__all__ = ["Metrics"]

EVERY: Final = 5.0
"""Seconds between two writes."""


class Metrics:
    """Keeps a file with the figures of a scan.

    Parameters
    ----------
    path
        The file; its name should end in ``.prom`` for the node exporter.
    every
        Seconds between two writes.
    clock
        Seconds of a clock that only goes forward.

    Raises
    ------
    InputError
        If prometheus-client is not installed.
    OutputError
        If the file cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        every: float = EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        try:
            from prometheus_client import CollectorRegistry
        except ImportError:
            raise InputError(
                'metrics need prometheus-client: pip install "waarmerk[metrics]"'
            ) from None
        self._path = Path(os.path.realpath(path))
        self._every = every
        self._clock = clock
        self._tally = Tally()
        self._listed: int | None = None
        self._in_flight: int | None = None
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        self._write()

    def update(self, tally: Tally, listed: int | None = None, in_flight: int | None = None) -> None:
        """Write the figures, unless that was done a moment ago.

        Parameters
        ----------
        tally
            Of the scan.
        listed
            How many files there are, if that is known.
        in_flight
            How many are being examined, if that is known.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        self._tally, self._listed, self._in_flight = tally, listed, in_flight
        if self._clock() - self._written >= self._every:
            self._write()

    def close(self) -> None:
        """Write the last figures; the file stays.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        self._write()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; prometheus-client calls this."""
        from prometheus_client.core import (
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
        )

        tally, prefix = self._tally, "waarmerk_scan_"
        files = CounterMetricFamily(prefix + "files", "Files with a row.", labels=["status"])
        for status in STATUSES:
            files.add_metric([status], tally.statuses[status])
        yield files
        verdicts = CounterMetricFamily(
            prefix + "verdicts", "Verdicts on files that were examined.", labels=["verdict"]
        )
        for verdict, count in tally.as_dict()["verdicts"].items():
            verdicts.add_metric([verdict], count)
        yield verdicts
        for name, meaning, value in (
            ("skipped", "Files left out because they were done before.", tally.skipped),
            ("bytes", "Bytes of the files with a row.", tally.bytes),
            ("worker_restarts", "Processes that ended before their time.", tally.restarts),
        ):
            yield CounterMetricFamily(prefix + name, meaning, value=value)
        for name, meaning, known in (
            ("started_timestamp_seconds", "When the scan began.", tally.started),
            ("last_success_timestamp_seconds", "When a file was examined last.", tally.last_ok),
            ("listed_files", "Files there are, as far as they were counted.", self._listed),
            ("in_flight_files", "Files being examined.", self._in_flight),
        ):
            if known is not None:
                yield GaugeMetricFamily(prefix + name, meaning, value=known)
        seconds = HistogramMetricFamily(
            prefix + "file_seconds", "Seconds that a file took.", labels=["media"]
        )
        bounds = [*(str(bound) for bound in BUCKETS), "+Inf"]
        for kind in MEDIA:
            counts = accumulate(tally.times[kind])
            seconds.add_metric(
                [kind], list(zip(bounds, counts, strict=True)), sum_value=tally.seconds[kind]
            )
        yield seconds

    def _write(self) -> None:
        from prometheus_client import write_to_textfile

        try:
            write_to_textfile(str(self._path), self._registry)
        except OSError as error:
            raise cannot_write(self._path, error) from error
        self._written = self._clock()
