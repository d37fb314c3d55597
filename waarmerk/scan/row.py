"""A row of results: made of a report or of a failure, and to JSON and back.

Making a row never fails, whatever a file holds. Text that is no Unicode shows U+FFFD where it is
not, so that every row is valid UTF-8 in Arrow and ASCII in JSON; numbers are finite; text out of a
file is cut off at a few thousand characters. What metadata say about people the report has left out
already.
"""

from __future__ import annotations

import json
import math
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from waarmerk.errors import InputError
from waarmerk.scan.arrow import (
    from_arrow,
    schema,
    source_schema,
    sources_from_arrow,
    sources_to_arrow,
    to_arrow,
)
from waarmerk.scan.fields import FIELDS, STATUSES, WATERMARK_FIELDS, Field, Row, RowStatus
from waarmerk.scan.source import Source

if TYPE_CHECKING:
    from waarmerk.detection.finding import ManifestFinding, WatermarkFinding
    from waarmerk.detection.report import DetectionReport

__all__ = [
    "FIELDS",
    "STATUSES",
    "Row",
    "RowStatus",
    "failed_row",
    "from_arrow",
    "from_json",
    "glance",
    "microseconds",
    "row_of",
    "schema",
    "source_schema",
    "sources_from_arrow",
    "sources_to_arrow",
    "stored_microseconds",
    "to_arrow",
    "to_json",
]

LONGEST: Final = 4000
"""Characters of one text out of a file; the report leaves out more, too (`personal`)."""

MOST: Final = 100
"""Labels, or watermarks, that one row lists."""

# The finding that a row tells of is the first of these; within one, the lowest p-value.
_WATERMARKS: Final = ("found", "not_found", "unreadable", "error", "not_checked")
_MANIFESTS: Final = (
    "trusted",
    "valid",
    "recovered",
    "invalid",
    "error",
    "not_checked",
    "absent",
)

_EMPTY: Final[Row] = {field.name: [] if field.type.startswith("list") else None for field in FIELDS}
_SURROGATE = re.compile("[\ud800-\udfff]")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_EARLIEST: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LATEST: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND


def row_of(
    source: Source,
    report: DetectionReport,
    *,
    settings: str,
    seconds: float,
    with_report: bool = False,
) -> Row:
    """Return the row of what was examined.

    Parameters
    ----------
    source
        What was examined, as it was listed.
    report
        What was found.
    settings
        Id of the settings.
    seconds
        How long it took.
    with_report
        Whether the row holds the whole report.

    Returns
    -------
    dict
        With the keys of `FIELDS`, in their order.
    """
    row = _empty(source, "ok", settings, seconds)
    row["verdict"] = report.verdict
    row["basis"] = list(report.basis)
    watermarks = sorted(report.watermarks, key=_weight)
    row["watermarks"] = [_of_watermark(finding) for finding in watermarks[:MOST]]
    if watermarks:
        first = row["watermarks"][0]
        row["watermark"] = first["status"]
        for name in ("p_value", "log10_p", "scheme", "key_id", "mark_id", "kind"):
            row[name] = first[name]
    if report.manifests:
        manifest = min(report.manifests, key=_rank)
        row["manifest"] = manifest.status
        row["signer"] = _text(manifest.signer)
        row["digital_source_type"] = _text(manifest.digital_source_type)
    found = [label for label in report.labels if label.status == "found"]
    row["labels"] = [
        _cut("=".join(part for part in (label.standard, label.value) if part is not None))
        for label in found[:MOST]
    ]
    row["media_type"] = _text(report.input.media_type)
    row["sha256"] = _text(report.input.sha256)
    if row["size"] is None:
        row["size"] = report.input.size
    row["detector"] = _cut(report.version)
    if with_report:
        row["report"] = json.dumps(_sound(report.as_dict()), allow_nan=False)
    return row


def failed_row(
    source: Source | str,
    status: RowStatus,
    error: str,
    *,
    settings: str,
    seconds: float = 0.0,
) -> Row:
    """Return the row of what could not be examined.

    Parameters
    ----------
    source
        What it was, or its URI where a listing found no more.
    status
        Any but ``"ok"``.
    error
        Why, in one line.
    settings, seconds
        See `row_of`.
    """
    if isinstance(source, str):
        source = Source(source)
    row = _empty(source, status, settings, seconds)
    row["error"] = _cut(" ".join(error.split()))
    return row


def to_json(row: Row) -> str:
    """Return a row as JSON: ASCII, in one line."""
    return json.dumps(row, allow_nan=False)


def from_json(line: str | bytes) -> Row:
    """Return the row that a line of JSON holds.

    Fields that are not there are null or empty, those that are not known are left out: rows of
    other versions can be read.

    Raises
    ------
    InputError
        If it is no row.
    """
    try:
        row = json.loads(line)
    except ValueError as error:  # of JSON, or of Unicode
        raise InputError(f"no row of results: not JSON ({error})") from None
    except RecursionError:
        raise InputError("no row of results: nested too deeply") from None
    if not isinstance(row, dict):
        raise InputError("no row of results: not an object")
    for name in ("uri", "status"):
        if name not in row:
            raise InputError(f"no row of results: it has no {name}")
    return _checked(row, FIELDS)


def glance(line: str | bytes) -> Row:
    """Return the row that a line of JSON holds; if it has all fields, their types are not checked.

    Raises
    ------
    InputError
        If it is no row.
    """
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return from_json(line)  # which says what is wrong
    if isinstance(row, dict) and row.keys() == _EMPTY.keys():
        return row
    return from_json(line)


def microseconds(nanoseconds: int | None) -> int | None:
    """Return a time of a source as a row can hold it: microseconds since 1970.

    None where it is not known, or outside of the years 1 to 9999.
    """
    if nanoseconds is None:
        return None
    value = nanoseconds // 1000
    return value if _EARLIEST <= value <= _LATEST else None


def stored_microseconds(row: Row) -> int | None:
    """Return when the file of a row was changed last, as `microseconds` gives it."""
    modified = row["modified"]
    if modified is None:
        return None
    return (datetime.fromisoformat(modified) - _EPOCH) // _MICROSECOND


def _empty(source: Source, status: RowStatus, settings: str, seconds: float) -> Row:
    from waarmerk import __version__

    row: Row = {name: [] if empty == [] else None for name, empty in _EMPTY.items()}
    modified = microseconds(source.modified)
    row["uri"] = _valid(source.uri)
    row["status"] = status
    row["size"] = source.size
    row["modified"] = None if modified is None else _written(_EPOCH + modified * _MICROSECOND)
    row["etag"] = _text(source.etag)
    row["seconds"] = round(max(_finite(seconds) or 0.0, 0.0), 6)
    row["settings"] = settings
    row["detector"] = __version__
    row["time"] = _written(datetime.now(UTC))
    return row


def _written(time: datetime) -> str:
    return time.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _weight(finding: WatermarkFinding) -> tuple[int, bool, float]:
    """Order watermarks: the one to tell of first. A public mark proves nothing, and comes later."""
    log10_p = _finite(finding.log10_p)
    return _WATERMARKS.index(finding.status), finding.public, 1.0 if log10_p is None else log10_p


def _rank(finding: ManifestFinding) -> int:
    return _MANIFESTS.index(finding.status)


def _of_watermark(finding: WatermarkFinding) -> dict[str, Any]:
    """Return a finding with the numbers that the report has; a p-value is never 0."""
    told = finding.as_dict()
    log10_p, p_value = _finite(told["log10_p"]), _finite(told["p_value"])
    if log10_p is None and p_value is not None:
        log10_p = math.log10(p_value)
    if p_value is None and log10_p is not None:
        p_value = max(10.0**log10_p, sys.float_info.min)
    told |= {"log10_p": log10_p, "p_value": p_value}
    return {
        field.name: _text(told[field.name]) if field.type == "string" else told[field.name]
        for field in WATERMARK_FIELDS
    }


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _valid(text: str) -> str:
    """Return text that is Unicode: what is not shows as U+FFFD."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _cut(text: str) -> str:
    return _valid(text if len(text) <= LONGEST else text[: LONGEST - 1] + "…")


def _text(text: str | None) -> str | None:
    return None if text is None else _cut(text)


def _sound(value: Any) -> Any:
    """Return what JSON can hold, and every reader of JSON can read."""
    if isinstance(value, dict):
        return {_valid(str(key)): _sound(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_sound(part) for part in value]
    if isinstance(value, str):
        return _valid(value)
    if isinstance(value, float):
        return _finite(value)
    return value


def _checked(row: dict[str, Any], fields: tuple[Field, ...]) -> Row:
    out: Row = {}
    for field in fields:
        value = row.get(field.name)
        try:
            out[field.name] = _read(value, field)
        except (TypeError, ValueError, OverflowError):
            raise InputError(f"no row of results: {field.name} is no {field.type}") from None
    return out


def _read(value: Any, field: Field) -> Any:
    """Return the value of a field, checked; one that is not there as an older version left it."""
    if field.type.startswith("list"):
        return _list([] if value is None else value, field)
    if value is None:
        return None if field.null else _MISSING[field.type]
    if field.type == "string":
        return _string(value)
    if field.type == "timestamp":
        return _written(datetime.fromisoformat(_string(value)).astimezone(UTC))
    return _number(value, field)


def _list(parts: Any, field: Field) -> list[Any]:
    if not isinstance(parts, list):
        raise TypeError
    if field.type == "list<string>":
        return [_string(part) for part in parts]
    if not all(isinstance(part, dict) for part in parts):
        raise TypeError
    return [_checked(part, WATERMARK_FIELDS) for part in parts]


def _number(value: Any, field: Field) -> int | float:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if field.type == "int64":
        if not whole or not -(1 << 63) <= value < 1 << 63:
            raise ValueError
        return int(value)
    if not whole and not isinstance(value, float):
        raise TypeError
    if not math.isfinite(value):
        raise ValueError
    return float(value)


_MISSING: Final[dict[str, Any]] = {
    "string": "",
    "float64": 0.0,
    "timestamp": "1970-01-01T00:00:00.000000Z",
}


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return _valid(value)
