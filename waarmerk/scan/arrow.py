"""Rows and sources as Arrow tables: what is stored as Parquet, and what engines pass around."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from waarmerk.errors import InputError
from waarmerk.scan.fields import FIELDS, WATERMARK_FIELDS, Field, Row
from waarmerk.scan.source import Source

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "from_arrow",
    "require_arrow",
    "schema",
    "source_schema",
    "sources_from_arrow",
    "sources_to_arrow",
    "to_arrow",
]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SOURCE_NUMBERS: Final = ("size", "modified", "place")


def schema() -> pa.Schema:
    """Return the Arrow schema of a table of results; every field carries its meaning."""
    return require_arrow().schema([_field(field) for field in FIELDS])


def source_schema() -> pa.Schema:
    """Return the Arrow schema of a table of sources."""
    pa = require_arrow()
    return pa.schema(
        [
            pa.field(field.name, pa.int64() if field.name in _SOURCE_NUMBERS else pa.string())
            for field in fields(Source)
        ]
    )


def to_arrow(rows: Iterable[Row]) -> pa.Table:
    """Return rows as a table with the columns of `schema`.

    Raises
    ------
    InputError
        If pyarrow is not installed.
    """
    pa = require_arrow()
    rows = list(rows)
    columns = []
    for field, typed in zip(FIELDS, schema(), strict=True):
        values: list[Any] = [row[field.name] for row in rows]
        if field.type == "timestamp":
            counts = pa.array([_count(value) for value in values], pa.int64())
            columns.append(counts.cast(typed.type))
        else:
            columns.append(pa.array(values, typed.type))
    return pa.Table.from_arrays(columns, schema=schema())


def from_arrow(table: pa.Table | pa.RecordBatch) -> list[Row]:
    """Return the rows of a table; columns that it lacks are null or empty."""
    pa = require_arrow()
    columns: dict[str, list[Any]] = {}
    for field in FIELDS:
        if field.name not in table.schema.names:
            nulls = [None] * table.num_rows
            columns[field.name] = [[] for _ in nulls] if field.type.startswith("list") else nulls
            continue
        column = table.column(field.name)
        if field.type == "timestamp":
            counts = column.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
            columns[field.name] = [_time(count) for count in counts.to_pylist()]
        elif field.type.startswith("list"):
            columns[field.name] = [value or [] for value in column.to_pylist()]
        else:
            columns[field.name] = column.to_pylist()
    names = tuple(columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def sources_to_arrow(sources: Iterable[Source]) -> pa.Table:
    """Return sources as a table with the columns of `source_schema`."""
    pa = require_arrow()
    sources = list(sources)
    columns = [
        pa.array([getattr(source, field.name) for source in sources], field.type)
        for field in source_schema()
    ]
    return pa.Table.from_arrays(columns, schema=source_schema())


def sources_from_arrow(table: pa.Table | pa.RecordBatch) -> list[Source]:
    """Return the sources of a table; columns that it lacks are not known, others not looked at."""
    known = [field.name for field in fields(Source) if field.name in table.schema.names]
    columns = [table.column(name).to_pylist() for name in known]
    return [
        Source(**dict(zip(known, values, strict=True))) for values in zip(*columns, strict=True)
    ]


def require_arrow() -> Any:
    """Return pyarrow, or raise InputError that says what to install."""
    try:
        import pyarrow as pa
    except ImportError:
        raise InputError(
            'tables of Arrow and Parquet need pyarrow: pip install "waarmerk[parquet]"'
        ) from None
    return pa


def _field(field: Field) -> Any:
    pa = require_arrow()
    types = {
        "string": pa.string,
        "float64": pa.float64,
        "int64": pa.int64,
        "timestamp": lambda: pa.timestamp("us", "UTC"),
        "list<string>": lambda: pa.list_(pa.string()),
        "list<watermark>": lambda: pa.list_(pa.struct([_field(part) for part in WATERMARK_FIELDS])),
    }
    # All can be null in Arrow: engines that pass tables around would not keep more than that.
    return pa.field(field.name, types[field.type](), True, {"meaning": field.meaning})


def _count(time: str | None) -> int | None:
    """Return the microseconds since 1970 of a time of a row."""
    return None if time is None else (datetime.fromisoformat(time) - _EPOCH) // _MICROSECOND


def _time(count: int | None) -> str | None:
    if count is None:
        return None
    time = (_EPOCH + count * _MICROSECOND).replace(tzinfo=None)
    return time.isoformat(timespec="microseconds") + "Z"
