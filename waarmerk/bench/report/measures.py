"""What is counted in the rows of a result file: rates, times, quality, and reasons.

A marked content on which reading ended in an error counts as missed. An error on content that is
not marked counts as no reading, so that it makes the false-positive rate no better. What was
refused counts nowhere but under refusals.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from statistics import fmean, median
from typing import Any, Final

from waarmerk.bench.report.statistics import rate, significant
from waarmerk.bench.rows import Row

__all__ = [
    "SIZES",
    "Rate",
    "by_part",
    "by_size",
    "claims_of",
    "content_of",
    "detected",
    "exact",
    "falsely_found",
    "pair_of",
    "qualities",
    "rate_of",
    "reasons",
    "seconds",
    "seconds_by_size",
]

Rate = dict[str, Any]
"""As `waarmerk.bench.report.statistics.rate` returns it."""

_MOST_REASONS: Final = 50

SIZES: Final[dict[str, tuple[tuple[float, ...], str]]] = {
    "image": ((0.1, 0.3, 0.75, 1.5, 6), "megapixels"),
    "audio": ((2, 5, 10, 20, 60), "seconds"),
    "text": ((50, 100, 200, 400, 800), "tokens"),
}
"""Where one class of size ends and the next begins, and the unit."""


def content_of(row: Row) -> Hashable:
    """Return what a detection depends on: some content keeps its mark better than other."""
    return str(row["content"])


def pair_of(row: Row) -> Hashable:
    """Return what a false positive depends on: the key is what is drawn at random."""
    return row["content"], str(row.get("key"))


def detected(row: Row) -> bool | None:
    """Return whether the scheme found its mark; None if it never says."""
    return False if row["status"] == "error" else row.get("found")


def exact(row: Row) -> bool | None:
    """Return whether the payload was read as it was written; None if there was none."""
    if row["status"] == "error":
        return False if row.get("payload") is not None else None
    return row.get("exact")


def falsely_found(row: Row) -> bool | None:
    """Return whether a mark was found that is not there; None if that cannot be known."""
    return None if row["status"] == "error" else row.get("found")


def rate_of(
    rows: Iterable[Row],
    success: Callable[[Row], bool | None],
    cluster: Callable[[Row], Hashable],
) -> Rate:
    """Return the rate over those rows for which there is an answer."""
    answers = ((cluster(row), success(row)) for row in rows if row["status"] != "refused")
    return rate((name, answer) for name, answer in answers if answer is not None)


def qualities(rows: Iterable[Row]) -> dict[str, dict[str, Any]]:
    """Return mean and range of each measure of quality."""
    values: dict[str, list[float]] = {}
    for row in rows:
        for name, value in (row.get("quality") or {}).items():
            if value is not None:
                values.setdefault(name, []).append(value)
    return {
        name: {
            "n": len(own),
            "mean": significant(fmean(own)),
            "low": significant(min(own)),
            "high": significant(max(own)),
        }
        for name, own in values.items()
    }


def seconds(rows: Iterable[Row]) -> dict[str, Any]:
    """Return median and maximum of the CPU seconds."""
    values = sorted(row["seconds"] for row in rows if row.get("seconds") is not None)
    if not values:
        return {"n": 0, "median": None, "most": None}
    return {
        "n": len(values),
        "median": significant(median(values), 4),
        "most": significant(values[-1], 4),
    }


def claims_of(
    rows: Iterable[Row], cluster: Callable[[Row], Hashable]
) -> list[tuple[Hashable, float]]:
    """Return what is claimed; without a p-value nothing is, so that it counts as 1."""
    return [
        (cluster(row), 0.0 if row.get("log10_p") is None else row["log10_p"])
        for row in rows
        if row["status"] != "refused"
    ]


def _class_of_size(suite: str, size: float | None) -> str | None:
    """Return the class of a size, in words.

    >>> _class_of_size("image", 0.26), _class_of_size("image", 12.0)
    ('0.1 to 0.3', '6 and more')
    """
    if size is None:
        return None
    edges = SIZES[suite][0]
    below = 0.0
    for edge in edges:
        if size < edge:
            return f"{below:g} to {edge:g}" if below else f"under {edge:g}"
        below = edge
    return f"{below:g} and more"


def _size_classes(suite: str) -> list[str]:
    edges = SIZES[suite][0]
    return [str(_class_of_size(suite, edge)) for edge in (0.0, *edges)]


def by_size(suite: str, marked: list[Row], false: list[Row]) -> list[dict[str, Any]]:
    """Return rates for each class of size, from the smallest on."""
    parts = by_part(marked, false, lambda row: _class_of_size(suite, row.get("size")))
    order = _size_classes(suite)
    return sorted(parts, key=lambda part: order.index(part["name"]))


def by_part(
    marked: list[Row], false: list[Row], part_of: Callable[[Row], str | None]
) -> list[dict[str, Any]]:
    """Return rates for each part of the content; content of which no part is known is left out."""
    names = sorted({part for row in [*marked, *false] if (part := part_of(row)) is not None})
    out = []
    for name in names:
        own = [row for row in marked if part_of(row) == name]
        untouched = [row for row in own if row["category"] == "none"]
        changed = [row for row in own if row["category"] != "none"]
        out.append(
            {
                "name": name,
                "contents": len({row["content"] for row in own}),
                "untouched": rate_of(untouched, detected, content_of),
                "exact": rate_of(untouched, exact, content_of),
                "transformed": rate_of(changed, detected, content_of),
                "false_positives": rate_of(
                    [r for r in false if part_of(r) == name], falsely_found, pair_of
                ),
            }
        )
    return out


def seconds_by_size(suite: str, rows: list[Row]) -> list[dict[str, Any]]:
    """Return the CPU seconds of reading for each class of size, from the smallest on."""
    classes: dict[str, list[Row]] = {}
    for row in rows:
        name = _class_of_size(suite, row.get("size"))
        if row["what"] != "mark" and name is not None:
            classes.setdefault(name, []).append(row)
    order = _size_classes(suite)
    return [{"name": n, **seconds(classes[n])} for n in sorted(classes, key=order.index)]


def reasons(rows: Iterable[Row], status: str) -> list[dict[str, Any]]:
    """Return how often each reason was given, the most frequent first; rare ones in one entry."""
    counts = Counter(
        (row["what"], str(row.get("transformation") or ""), str(row.get("reason") or "not given"))
        for row in rows
        if row["status"] == status
    )
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    out = [
        {"what": what, "transformation": transformation, "reason": reason[:200], "n": n}
        for (what, transformation, reason), n in ordered[:_MOST_REASONS]
    ]
    if rest := ordered[_MOST_REASONS:]:
        reason = f"{len(rest)} other reasons"
        total = sum(n for _, n in rest)
        out.append({"what": "", "transformation": "", "reason": reason, "n": total})
    return out
