"""What result files say, as one JSON object: every number that a report shows.

::

    summary   schema "waarmerk.benchmark/1", time, tool, files, suites
    suite     suite, schemes, families
    scheme    marks, detected, exact, false_positives, curves, roc, sizes, groups, forged, ...
    rate      n, successes, clusters, low, high      (waarmerk.bench.report.statistics.rate)

What counts as what, says `waarmerk.bench.report.measures`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from statistics import fmean, median
from typing import Any, Final

from waarmerk.bench.protocol import CATEGORIES, MEDIA, Transformation
from waarmerk.bench.report.loaded import LoadedFile
from waarmerk.bench.report.measures import (
    SIZES,
    Rate,
    by_part,
    by_size,
    claims_of,
    content_of,
    detected,
    exact,
    falsely_found,
    pair_of,
    qualities,
    rate_of,
    reasons,
    seconds,
    seconds_by_size,
)
from waarmerk.bench.report.statistics import CONFIDENCE, rates_below, significant
from waarmerk.bench.rows import Row

__all__ = ["FALSE", "SCHEMA", "THRESHOLDS", "described", "families_of", "summarise"]

SCHEMA: Final = "waarmerk.benchmark/1"

THRESHOLDS: Final = tuple(step / 4 - 6 for step in range(25))
"""log10 of the p-values at which rates are given: 1e-6 to 1."""

FALSE: Final = ("unmarked", "wrong key", "another scheme")
"""Rows in which being found is a false positive."""


def described(transformations: Iterable[Transformation]) -> Row:
    """Return what reports want to know of transformations, for the header of a result file."""
    return {
        one.name: {"title": one.title, "axis": one.axis, "strengths": list(one.strengths)}
        for one in transformations
    }


def summarise(files: Sequence[LoadedFile], *, now: datetime | None = None) -> dict[str, Any]:
    """Return the summary of result files.

    Parameters
    ----------
    files
        As `waarmerk.bench.report.loaded.load` returns them.
    now
        The time that the summary states; by default the present.
    """
    import waarmerk

    rows = [row for file in files for row in file.rows]
    suites = [suite for suite in MEDIA if any(row["suite"] == suite for row in rows)]
    return {
        "schema": SCHEMA,
        "time": f"{now or datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "tool": {"name": "waarmerk bench report", "version": waarmerk.__version__},
        "confidence": CONFIDENCE,
        "files": [
            {
                "name": file.name,
                "sha256": file.sha256,
                "rows": len(file.rows),
                "what": dict(Counter(row["what"] for row in file.rows)),
                "header": file.header,
            }
            for file in files
        ],
        "suites": [
            _suite(suite, [row for row in rows if row["suite"] == suite], files) for suite in suites
        ],
    }


def _suite(suite: str, rows: list[Row], files: Sequence[LoadedFile]) -> dict[str, Any]:
    families = families_of(suite, rows, [file.header for file in files])
    schemes = dict.fromkeys(row["scheme"] for row in rows)
    return {
        "suite": suite,
        "contents": len({row["content"] for row in rows}),
        "size_unit": SIZES[suite][1],
        "thresholds": list(THRESHOLDS),
        "families": families,
        "schemes": [
            _scheme(name, suite, [row for row in rows if row["scheme"] == name], families)
            for name in schemes
        ],
    }


def families_of(suite: str, rows: Iterable[Row], headers: Iterable[Row]) -> list[dict[str, Any]]:
    """Return the transformations of rows: category by category, strengths from the weakest on.

    Their titles, axes and the order of strengths are those of the headers (``transformations``, as
    `described` makes it); without, the name stands for the title and strengths ascend.
    """
    known: dict[str, Row] = {}
    for header in headers:
        said = header.get("transformations")
        of_suite = said.get(suite) if isinstance(said, dict) else None
        if isinstance(of_suite, dict):
            known |= {name: facts for name, facts in of_suite.items() if isinstance(facts, dict)}
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["what"] not in ("marked", "forged") or row["transformation"] == "none":
            continue
        name = row["transformation"]
        family = found.setdefault(
            name,
            {
                "name": name,
                "title": str(known.get(name, {}).get("title") or name.replace("_", " ")),
                "axis": str(known.get(name, {}).get("axis") or ""),
                "category": row["category"],
                "forges": row["what"] == "forged",
                "strengths": [],
            },
        )
        if row["strength"] not in family["strengths"]:
            family["strengths"].append(row["strength"])
    for name, family in found.items():
        told = known.get(name, {}).get("strengths")
        order = told if isinstance(told, list) else []
        family["strengths"].sort(
            key=lambda value, order=order: (order.index(value) if value in order else -1, value)
        )
    return sorted(found.values(), key=lambda one: CATEGORIES.index(one["category"]))


def _scheme(
    name: str, suite: str, rows: list[Row], families: list[dict[str, Any]]
) -> dict[str, Any]:
    by_what: dict[str, list[Row]] = {}
    for row in rows:
        by_what.setdefault(row["what"], []).append(row)
    marked = by_what.get("marked", [])
    false = [row for row in rows if row["what"] in FALSE]
    forged = by_what.get("forged", [])
    return {
        "scheme": name,
        "contents": len({row["content"] for row in rows}),
        "keys": len({str(row.get("key")) for row in marked}),
        "marks": _marks(by_what.get("mark", [])),
        "reading_seconds": seconds(row for row in rows if row["what"] != "mark"),
        "reading_seconds_by_size": seconds_by_size(suite, rows),
        "detected": _by_category(marked, detected),
        "exact": _by_category(marked, exact),
        "false_positives": _false_positives(false),
        "largest_log10_p_found": max(
            (r["log10_p"] for r in marked if r.get("found") and r.get("log10_p") is not None),
            default=None,
        ),
        "curves": _curves([*marked, *forged], families),
        "roc": _roc(marked, false),
        "sizes": by_size(suite, marked, false),
        "groups": by_part(marked, false, lambda row: str(row["group"])),
        "forged": rate_of(forged, detected, content_of),
        "refused": reasons(rows, "refused"),
        "errors": reasons(rows, "error"),
    }


def _by_category(rows: list[Row], success: Callable[[Row], bool | None]) -> dict[str, Rate]:
    out: dict[str, Rate] = {
        category: rate_of([r for r in rows if r["category"] == category], success, content_of)
        for category in CATEGORIES
    }
    out["all"] = rate_of([row for row in rows if row["category"] != "none"], success, content_of)
    return out


def _marks(rows: list[Row]) -> dict[str, Any]:
    done = [row for row in rows if row["status"] == "ok"]
    return {
        "n": len(rows),
        "done": len(done),
        "refused": sum(row["status"] == "refused" for row in rows),
        "errors": sum(row["status"] == "error" for row in rows),
        "seconds": seconds(done),
        "quality": qualities(done),
    }


def _false_positives(rows: list[Row]) -> dict[str, Any]:
    claims = [row["log10_p"] for row in rows if row.get("log10_p") is not None]
    return {
        **{
            what: rate_of([row for row in rows if row["what"] == what], falsely_found, pair_of)
            for what in FALSE
        },
        "all": rate_of(rows, falsely_found, pair_of),
        "smallest_log10_p": significant(min(claims)) if claims else None,
        "errors": sum(row["status"] == "error" for row in rows),
    }


def _curves(rows: list[Row], families: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one entry for every family and strength."""
    cells: dict[tuple[str, float], list[Row]] = {}
    for row in rows:
        cells.setdefault((row["transformation"], row["strength"]), []).append(row)
    return [
        _point(family, strength, cells[family["name"], strength])
        for family in families
        for strength in family["strengths"]
        if (family["name"], strength) in cells
    ]


def _point(family: dict[str, Any], strength: float, rows: list[Row]) -> dict[str, Any]:
    claims = [row["log10_p"] for row in rows if row.get("log10_p") is not None]
    bits = [row["bits"] for row in rows if row.get("bits") is not None]
    return {
        "transformation": family["name"],
        "strength": strength,
        "detected": rate_of(rows, detected, content_of),
        "exact": rate_of(rows, exact, content_of),
        "bits": significant(fmean(bits)) if bits else None,
        "median_log10_p": significant(median(claims)) if claims else None,
        "quality": {name: one["mean"] for name, one in qualities(rows).items()},
        "errors": sum(row["status"] == "error" for row in rows),
        "refused": sum(row["status"] == "refused" for row in rows),
    }


def _roc(marked: list[Row], false: list[Row]) -> dict[str, Any] | None:
    """Return rates at every threshold on claimed p-values; None if there are no p-values."""
    if not any(row.get("log10_p") is not None for row in [*marked, *false]):
        return None
    parts: dict[str, list[Row]] = {
        one: [row for row in marked if row["category"] == one] for one in CATEGORIES
    }
    parts["all"] = [row for row in marked if row["category"] != "none"]
    # Those of another scheme are left out: their content is marked, if not by this one.
    own = [row for row in false if row["what"] != "another scheme"]
    unmarked = claims_of([row for row in own if row["status"] == "ok"], pair_of)
    return {
        "true": {
            name: rates_below(claims, THRESHOLDS)
            for name, rows in parts.items()
            if (claims := claims_of(rows, content_of))
        },
        "false": rates_below(unmarked, THRESHOLDS, exact=True) if unmarked else None,
    }
