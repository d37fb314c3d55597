"""Tables and figures out of the rows of `waarmerk.bench.integrity`."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from scipy.stats import binom

from waarmerk.bench.report.statistics import clopper_pearson, rate
from waarmerk.bench.rows import Row

__all__ = ["THRESHOLDS", "against_chance", "integrity_summary", "integrity_tables"]

THRESHOLDS = tuple(10.0**-n for n in range(1, 7))
_ROUNDING = 1e-9  # a log10 p of -2.0 may stand a trifle beside the logarithm of 0.01
_WHO = ("suite", "scheme")
_FORGING = ("copy", "estimate", "paste", "preference")
_UNITS = {"image": "dB PSNR", "audio": "dB SNR"}
_LEVELS = {"image": "levels", "audio": "dB"}


def against_chance(values: Sequence[float], threshold: float) -> dict[str, Any]:
    """Compare how many log10 p reach a threshold with what the threshold promises.

    ``low`` and ``high`` are the 95 % limits of Clopper and Pearson; ``chance`` is the probability
    that exactly uniform p-values give at least this count: a broken promise shows as a tiny one.
    """
    trials = len(values)
    count = int(np.sum(np.asarray(values) <= math.log10(threshold) + _ROUNDING))
    low, high = clopper_pearson(count, trials)
    return {
        "threshold": threshold,
        "trials": trials,
        "count": count,
        "expected": trials * threshold,
        "low": low,
        "high": high,
        "chance": float(binom.sf(count - 1, trials, threshold)),
    }


def chance_of_least(log10_p: float, trials: int) -> float:
    """Return the probability that the least of so many uniform p-values is this small or less.

    >>> round(chance_of_least(-2.0, 100), 3)
    0.634
    """
    if log10_p >= 0:
        return 1.0
    return float(-math.expm1(trials * math.log1p(-(10.0**log10_p))))


def integrity_summary(rows: Iterable[Row]) -> dict[str, Any]:
    """Return the figures of a run.

    Returns
    -------
    dict
        Lists of figures, each with what it is about. ``forged``: attacks of the tests ``copy``,
        ``estimate``, ``paste`` and ``preference`` by number of works. ``removed``: averages taken
        away, counted where the mark was not found any more. ``keys``: p-values under keys that
        marked nothing. ``files``: verdicts, counted where they are what docs/verdict.md says.
        ``n`` is tries, on so many contents (``clusters``), ``count`` how many of them, ``low`` and
        ``high`` 95 % limits (`waarmerk.bench.report.statistics.rate`).
        ``refused`` and ``failed`` are rows without a reading.
    """
    rows = list(rows)
    good = [row for row in rows if row["status"] == "ok"]
    return {
        "forged": [
            name | _share(group, "found") | {"victims": _victims(group), **_evidence(group)}
            for name, group in _grouped(good, (*_WHO, "test", "payloads", "works"), *_FORGING)
        ],
        "removed": [
            name
            | _share([row | {"lost": not row["found"]} for row in group], "lost")
            | _evidence(group)
            for name, group in _grouped(good, (*_WHO, "payloads", "estimate", "gain"), "average")
        ],
        "keys": [
            name | _key_figures(group) for name, group in _grouped(good, (*_WHO, "what"), "keys")
        ],
        "files": [
            name
            | _share([row | {"right": row["verdict"] == row["expected"]} for row in group], "right")
            | {"verdicts": sorted({row["verdict"] for row in group})}
            for name, group in _grouped(good, ("case",), "file")
        ],
        "refused": sum(row["status"] == "refused" for row in rows),
        "failed": sum(row["status"] == "error" for row in rows),
    }


def integrity_tables(rows: Iterable[Row]) -> str:
    """Return the tables of a run in Markdown; in brackets stand 95 % limits (`rate`)."""
    # Rows come in the order in which workers were done; within a job that order is fixed.
    rows = sorted(rows, key=lambda row: (str(row.get("payloads")), str(row.get("works")).zfill(9)))
    good = [row for row in rows if row["status"] == "ok"]
    summary = integrity_summary(rows)
    lost = f"Rows without a reading: {summary['refused']} refused, {summary['failed']} failed."
    tables = [*_copies(good), *_alone(good), *_averages(good), *_texts(good), *_files(good)]
    return "\n\n".join([*tables, *_keys(summary["keys"]), lost]) + "\n"


def _grouped(
    rows: Iterable[Row], fields: Sequence[str], *tests: str
) -> Iterator[tuple[Row, list[Row]]]:
    """Yield what names a group, and its rows, in the order in which they come first."""
    found: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if row["test"] in tests:
            found[tuple(row.get(field) for field in fields)].append(row)
    for values, group in found.items():
        yield dict(zip(fields, values, strict=True)), group


def _share(rows: Sequence[Row], field: str) -> Row:
    """Return a share; tries on one content are not independent (`rate`)."""
    found = rate((row.get("content", number), bool(row[field])) for number, row in enumerate(rows))
    count = found.pop("successes")
    return found | {"count": count}


def _victims(rows: Sequence[Row]) -> int:
    """Return in how many a payload of one of the attacker's works is read."""
    return sum(row.get("whose") == "victim" for row in rows)


def _evidence(rows: Sequence[Row]) -> Row:
    values = [row["log10_p"] for row in rows]
    return {"median": float(np.median(values)), "least": float(min(values))}


def _key_figures(rows: Sequence[Row]) -> Row:
    values = [value for row in rows for value in row["values"]]
    least = min(values)
    return {
        "n": len(values),
        "found": sum(row["found"] for row in rows),
        "contents": len({row["content"] for row in rows}),
        "thresholds": [against_chance(values, threshold) for threshold in THRESHOLDS],
        "least": least,
        "chance of the least": chance_of_least(least, len(values)),
    }


def _percent(rows: Sequence[Row], field: str = "found") -> str:
    share = _share(rows, field)
    low, high = (100 * share[limit] for limit in ("low", "high"))
    return f"{share['count']} of {share['n']} ({low:.1f} to {high:.1f} %)"


def _table(title: str, head: Sequence[str], lines: Iterable[Sequence[object]]) -> list[str]:
    """Return a title and a table, or nothing if it would be empty."""
    body = ["| " + " | ".join(map(str, line)) + " |" for line in lines]
    if not body:
        return []
    rule = "|" + "|".join([":--"] * len(head)) + "|"
    return [f"**{title}**", "\n".join(["| " + " | ".join(head) + " |", rule, *body])]


def _by_strength(
    rows: Sequence[Row], test: str, title: str, units: dict[str, str]
) -> Iterator[str]:
    """Yield a table for every medium: a line for an estimate, and a column for a strength."""
    for name, group in _grouped(rows, _WHO, test):
        strengths = sorted({row["strength"] for row in group})
        unit = units[name["suite"]]
        lines = []
        for line, same in _grouped(group, ("works", "payloads", "estimate"), test):
            cells = [[row for row in same if row["strength"] == x] for x in strengths]
            medians = ", ".join(f"{_evidence(cell)['median']:.0f}" for cell in cells)
            shares = [_percent(cell) for cell in cells]
            lines.append([*line.values(), *shares, _victims(same), medians])
        head = ["works", "payloads", "estimate", *(f"found at {x:g} {unit}" for x in strengths)]
        head += ["victim's payload read", "median log10 p"]
        yield from _table(f"{title}: {name['scheme']}", head, lines)


def _copies(rows: Sequence[Row]) -> Iterator[str]:
    yield from _by_strength(rows, "copy", "Marks copied onto other content", _UNITS)


def _alone(rows: Sequence[Row]) -> Iterator[str]:
    yield from _by_strength(rows, "estimate", "Estimates on content with nothing in it", _LEVELS)


def _averages(rows: Sequence[Row]) -> Iterator[str]:
    for name, group in _grouped(rows, _WHO, "average"):
        lines = []
        for line, same in _grouped(group, ("works", "payloads", "estimate", "gain"), "average"):
            decibels = [next(iter(row["quality"].values())) for row in same]
            exact = [row | {"exact": bool(row["exact"])} for row in same]
            median = f"{_evidence(same)['median']:.0f}"
            quality = f"{np.mean(decibels):.1f} ({min(decibels):.1f})"
            shares = [_percent(same), _percent(exact, "exact")]
            lines.append([*line.values(), quality, *shares, median])
        unit = _UNITS[name["suite"]]
        head = ["works", "payloads", "estimate", "gain", f"{unit}, mean (worst)"]
        head += ["still found", "payload still read", "median log10 p"]
        yield from _table(f"Averages taken away: {name['scheme']}", head, lines)


def _texts(rows: Sequence[Row]) -> Iterator[str]:
    for name, group in _grouped(rows, _WHO, "paste", "preference"):
        lines = []
        for line, same in _grouped(group, ("test", "strength", "works"), "paste", "preference"):
            how = (
                f"{line['strength']:g} % pasted"
                if line["test"] == "paste"
                else f"preference, weight {line['strength']:g}"
            )
            bits = [row["quality"] for row in same if "bits" in row["quality"]]
            cost = "–"
            if bits:
                fields = ("bits", "plain bits", "known")
                with_it, without, known = (np.mean([row[each] for row in bits]) for each in fields)
                cost = f"{with_it:.2f}, {without:.2f} without; {100 * known:.0f} % known"
            median = f"{_evidence(same)['median']:.1f}"
            lines.append([line["works"], how, _percent(same), _victims(same), median, cost])
        head = ["works", "attack", "found", "victim's payload read", "median log10 p"]
        yield from _table(
            f"Texts forged: {name['scheme']}", [*head, "bits a token; contexts"], lines
        )


def _files(rows: Sequence[Row]) -> Iterator[str]:
    lines = []
    for line, same in _grouped(rows, ("case",), "file"):
        verdicts = ", ".join(sorted({f"{row['verdict']}" for row in same}))
        expected = ", ".join(sorted({row["expected"] for row in same}))
        found = sum(row["found"] for row in same)
        lines.append([line["case"], len(same), found, verdicts, expected])
    head = ["what the forger does", "files", "watermark found", "verdict", "docs/verdict.md"]
    yield from _table("Verdicts on files with copied marks", head, lines)


def _keys(figures: Sequence[Row]) -> list[str]:
    lines = []
    for figure in figures:
        judged = figure["thresholds"]
        counts = [f"{each['count']} (below {100 * each['high']:.2g} %)" for each in judged]
        chance = min(each["chance"] for each in judged)
        lines.append(
            [
                *(figure["scheme"], figure["what"], figure["contents"], figure["n"]),
                *(figure["found"], *counts, f"{chance:.3f}"),
                *(f"{figure['least']:.2f}", f"{figure['chance of the least']:.3f}"),
            ]
        )
    head = ["scheme", "content", "contents", "pairs", "found"]
    head += [*(f"p <= {threshold:g}" for threshold in THRESHOLDS), "least chance of a count"]
    head += ["least log10 p", "chance of it"]
    return _table(
        "Keys that marked nothing: counts (95 % limit of Clopper and Pearson)", head, lines
    )
