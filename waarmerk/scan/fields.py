"""What a row of results holds: the one table that JSON, Arrow and the documentation follow.

Every row has every field, in this order; what does not apply is null or an empty list. A field may
be added in a later version, at the end; none changes its meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

__all__ = ["FIELDS", "STATUSES", "WATERMARK_FIELDS", "Field", "Row", "RowStatus", "Type"]

Row = dict[str, Any]
"""One row, as its JSON has it: times are text, "2026-11-22T13:00:00.123456Z"."""

RowStatus = Literal["ok", "unsupported", "error", "crash", "timeout", "memory"]

STATUSES: Final[tuple[RowStatus, ...]] = (
    "ok",
    "unsupported",
    "error",
    "crash",
    "timeout",
    "memory",
)

Type = Literal["string", "float64", "int64", "timestamp", "list<string>", "list<watermark>"]
"""A ``timestamp`` counts microseconds in UTC; a ``watermark`` has the `WATERMARK_FIELDS`."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name, its type, whether it can be null, and in one line what it says."""

    name: str
    type: Type
    null: bool
    meaning: str


WATERMARK_FIELDS: Final = (
    Field("scheme", "string", False, "Which kind of mark was looked for."),
    Field("status", "string", False, "found, not_found, not_checked, unreadable or error."),
    Field("key_id", "string", True, "Of the key that found it."),
    Field("log10_p", "float64", True, "Decimal logarithm of the p-value."),
    Field("p_value", "float64", True, "Ten to that power, and never 0."),
    Field("mark_id", "string", True, "The id that was read: 16 hexadecimal digits."),
    Field("kind", "string", True, "generated or altered."),
)
"""Of each watermark that was found, or looked for."""

FIELDS: Final = (
    Field("uri", "string", False, "Names the file, the object or the member; see inputs."),
    Field(
        "status",
        "string",
        False,
        "ok (examined), unsupported, error, crash, timeout or memory (too much of it was needed).",
    ),
    Field("error", "string", True, "Why it was not examined, in one line; null if it was."),
    Field("verdict", "string", True, "What the marks mean together; null if not examined."),
    Field("basis", "list<string>", False, "The layers that the verdict rests on."),
    Field("p_value", "float64", True, "Ten to the power of log10_p, and never 0."),
    Field(
        "log10_p",
        "float64",
        True,
        "Of the strongest watermark found; if none was, of the best that was looked for.",
    ),
    Field("scheme", "string", True, "Of that watermark."),
    Field("key_id", "string", True, "Of the key that found it; null if none was found."),
    Field("mark_id", "string", True, "The id that it says; null if none was read."),
    Field("kind", "string", True, "generated or altered, as that watermark says."),
    Field(
        "watermark",
        "string",
        True,
        "Whether it was found: found, not_found, unreadable, error or not_checked.",
    ),
    Field("watermarks", "list<watermark>", False, "All that were found or looked for."),
    Field(
        "manifest",
        "string",
        True,
        "trusted, valid, recovered, invalid, error, not_checked or absent: the strongest there is.",
    ),
    Field("signer", "string", True, "Who signed that manifest, as the certificate says."),
    Field("digital_source_type", "string", True, "How it came to be, as that manifest says."),
    Field("labels", "list<string>", False, 'Unsigned labels found, as "standard=value".'),
    Field("media_type", "string", True, "As found in the content, whatever the name says."),
    Field("sha256", "string", True, "Of the content, in hexadecimal."),
    Field("size", "int64", True, "In bytes."),
    Field("modified", "timestamp", True, "When the file was changed last, as the listing said."),
    Field("etag", "string", True, "The version, as the store or the archive named it."),
    Field("seconds", "float64", False, "How long the examination took."),
    Field("settings", "string", False, "Names the settings; their record lies beside the results."),
    Field("detector", "string", False, "Version of waarmerk."),
    Field("time", "timestamp", False, "When the row was made."),
    Field("report", "string", True, "The whole detection report as JSON, if it was asked for."),
)
