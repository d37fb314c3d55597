"""Whether the JSON under a signature is a detection report: what every reader relies on.

The JSON Schema (report.schema.json) says all of it. This is the part that must be so for a report
to be understood, checked without a validator of schemas; names that are not known are ignored, as
docs/stability.md asks of readers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from waarmerk.detection.signed.jws import TokenError, strict_json

__all__ = ["report_in"]

_SCHEMA: Final = "waarmerk.detection/1"
_VERDICTS: Final = frozenset(
    {"generated", "altered", "marked", "claimed", "inconsistent", "none_found"}
)
_LAYERS: Final = frozenset({"watermark", "manifest", "label"})
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")


def report_in(payload: bytes) -> tuple[dict[str, Any], datetime]:
    """Return the report in a payload, and its time.

    Raises
    ------
    TokenError
        If it is no report, or one of a version that is not known.
    """
    report = strict_json(payload)
    if not isinstance(report, dict):
        raise TokenError("what was signed is no report")
    schema = report.get("schema")
    if schema != _SCHEMA:
        if isinstance(schema, str) and schema.startswith("waarmerk.detection/"):
            raise TokenError("the report is of a version that is not known; use a newer waarmerk")
        raise TokenError("what was signed is no report")
    for name, fits in (
        ("input", _is_input),
        ("verdict", lambda value: isinstance(value, str) and value in _VERDICTS),
        ("basis", _is_basis),
        ("summary", lambda value: _are_texts(value, "en", "nl")),
        ("findings", _are_findings),
        ("detector", lambda value: _are_texts(value, "name", "version")),
    ):
        if not fits(report.get(name)):
            raise TokenError(f"the report is malformed ({name})")
    time = report.get("time")
    try:
        if not isinstance(time, str) or not _TIME.fullmatch(time):
            raise ValueError("not RFC 3339 in UTC")
        return report, datetime.fromisoformat(time)
    except ValueError:
        raise TokenError("the report is malformed (time)") from None


def _are_texts(value: object, *names: str) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(value.get(name), str) and value[name] for name in names
    )


def _is_input(value: object) -> bool:
    if not isinstance(value, Mapping) or not _are_texts(value, "sha256", "media_type"):
        return False
    size = value.get("size")
    return (
        isinstance(value.get("name"), str)
        and _SHA256.fullmatch(value["sha256"]) is not None
        and isinstance(size, int)
        and not isinstance(size, bool)
        and size > 0
    )


def _is_basis(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) and v in _LAYERS for v in value)


def _are_findings(value: object) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            _are_texts(finding, "layer", "status") and finding["layer"] in _LAYERS
            for finding in value
        )
    )
