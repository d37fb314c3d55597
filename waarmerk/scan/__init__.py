"""Many files: from inputs to a table of results, on this machine or on many.

::

    inputs ──▶ sources ──▶ batches ──▶ scan_batch ──▶ rows ──▶ results ──▶ summary
    paths,     one for     a few       on an engine:           JSONL, or
    globs,     each file   sources     local, ray, yours       Parquet parts
    stores     or member

`scan_batch` is one function for every engine. It gives a row for every source, whatever that holds:
what hangs or crashes does so in a process of its own (`guard`). Only the command line imports this
package; it imports `waarmerk.detection`. The names in ``__all__`` are its public face.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from waarmerk.scan.batch import scan_batch, scan_table
    from waarmerk.scan.inputs import Failed, Listing, sources_of
    from waarmerk.scan.row import schema, source_schema, sources_from_arrow, sources_to_arrow
    from waarmerk.scan.run import scan
    from waarmerk.scan.settings import Limits, ScanSettings
    from waarmerk.scan.source import Source
    from waarmerk.scan.summary import Tally

__all__ = [
    "Failed",
    "Limits",
    "Listing",
    "ScanSettings",
    "Source",
    "Tally",
    "scan",
    "scan_batch",
    "scan_table",
    "schema",
    "source_schema",
    "sources_from_arrow",
    "sources_of",
    "sources_to_arrow",
]

_HOME = {
    "Failed": "inputs",
    "Limits": "settings",
    "Listing": "inputs",
    "ScanSettings": "settings",
    "Source": "source",
    "Tally": "summary",
    "scan": "run",
    "scan_batch": "batch",
    "scan_table": "batch",
    "schema": "row",
    "source_schema": "row",
    "sources_from_arrow": "row",
    "sources_of": "inputs",
    "sources_to_arrow": "row",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
