"""Small helpers of the conventions: values as they may stand in a finding."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

__all__ = ["json_object", "line", "pairs", "scalar"]

_MOST_JSON = 1 << 22
_MOST_PERSONAL: Final = 4000
_MOST_LINE: Final = 200


def json_object(text: str) -> dict[str, Any] | None:
    """Return the object that a text is in JSON; None if it is none."""
    text = text.strip("\ufeff \r\n\t\0")
    if not text.startswith("{") or len(text) > _MOST_JSON:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def line(value: object, most: int = _MOST_LINE) -> str:
    """Return a value as one printable line; empty if it is no text and no number."""
    text = scalar(value)[: 4 * most]
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= most else text[: most - 1] + "…"


def scalar(value: object) -> str:
    """Return a text or number as a text, of bounded length; empty for anything else."""
    if isinstance(value, str):
        # A lone surrogate, which JSON can hold, fits in no file.
        return value.strip()[:_MOST_PERSONAL].encode("utf-8", "replace").decode()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value) if abs(value) < 1e18 or isinstance(value, float) else ""
    return ""


def pairs(said: Iterable[tuple[str, object]], *, lines: bool = True) -> tuple[tuple[str, str], ...]:
    """Return names and values, without those that say nothing.

    Parameters
    ----------
    said
        Names, which are ours, and values, which are anything.
    lines
        Whether values become single short lines; otherwise they stay as they are.
    """
    shown = ((name, line(value) if lines else scalar(value)) for name, value in said)
    return tuple((name, value) for name, value in shown if value)
