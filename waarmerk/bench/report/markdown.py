"""Markdown tables of results, and the places in docs/results.md where they stand.

A table stands between ``<!-- results: NAME -->`` and ``<!-- end of results -->``; what lies there
is replaced, the rest of the page is left alone.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from statistics import mean
from typing import Any, Final

from waarmerk.bench.protocol import CATEGORIES
from waarmerk.bench.report.measures import Rate
from waarmerk.bench.report.words import TITLES, in_per_cent, interval, quality_of, split_of
from waarmerk.bench.rows import Row

__all__ = ["END", "grouped", "percent", "put", "sections", "source", "table"]

END: Final = "<!-- end of results -->"

# The packages whose version stands under a table.
NAMES: Final = {
    "numpy": "NumPy",
    "pillow": "Pillow",
    "soundfile": "soundfile",
    "av": "PyAV",
    "librosa": "librosa",
    "pesq": "pesq",
    "visqol-python": "visqol-python",
    "c2pa-python": "c2pa-python",
    "encypher-c2pa": "encypher-c2pa",
}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table; all columns but the first are aligned to the right.

    >>> print(table(["a", "b"], [["x", "1"]]))
    | a | b |
    |:--|--:|
    | x | 1 |
    """
    head = list(head)
    lines = ["| " + " | ".join(head) + " |", "|:--|" + "--:|" * (len(head) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def percent(values: Iterable[bool]) -> str:
    """Return the share of true values in per cent, or a dash."""
    values = list(values)
    return f"{100 * mean(values):.1f}" if values else "-"


def source(header: Row, data: str) -> str:
    """Say where a table comes from."""
    packages = ", ".join(
        f"{NAMES[name]} {version}" for name, version in header["versions"].items() if name in NAMES
    )
    commands = ", ".join(f"`{c}`" for c in (header["command"], *header.get("more_commands", [])))
    return (
        f"{commands}, {header['date']}, code {header['code']}, "
        f"Python {header['python']}, {packages}. {data}"
    )


def grouped(rows: Iterable[Row], *fields: str) -> dict[tuple[str, ...], list[Row]]:
    """Collect rows by the values of `fields`, in the order in which they come."""
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(str(row.get(field)) for field in fields)].append(row)
    return groups


def put(page: str, name: str, title: str, text: str) -> str:
    """Replace the section `name` of a page, or add it at the end under `title`."""
    begin = f"<!-- results: {name} -->"
    block = f"{begin}\n\n{text}\n\n{END}"
    pattern = re.compile(re.escape(begin) + r".*?" + re.escape(END), re.DOTALL)
    if pattern.search(page):
        return pattern.sub(lambda _: block, page)
    return f"{page.rstrip()}\n\n## {title}\n\n{block}\n"


def sections(summary: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return the sections that a summary fills: title and text by name, one for each medium."""
    return {
        f"suite_{suite['suite']}": (
            f"Benchmark suite: {TITLES[suite['suite']].lower()}",
            _section(suite, summary),
        )
        for suite in summary["suites"]
    }


def _section(suite: dict[str, Any], summary: dict[str, Any]) -> str:
    parts = [
        f"Where the figures come from: {_sources(suite, summary)}",
        _headline(suite),
        f"Detected after processing, by category:\n\n{_categories(suite, 'detected')}",
        f"Exact payload after processing, by category:\n\n{_categories(suite, 'exact')}",
        f"False positives:\n\n{_false_positives(suite)}",
        "In brackets: 95 % interval (Wilson), as wide as the number of independent readings that "
        "those of the same content are worth, and the number of readings.",
    ]
    return "\n\n".join(parts)


def _sources(suite: dict[str, Any], summary: dict[str, Any]) -> str:
    out = []
    for file in summary["files"]:
        header = file["header"]
        code = header.get("code")
        own = code.get(suite["suite"]) if isinstance(code, dict) else code
        out.append(
            f"`{_code(file['name'])}` (SHA-256 `{file['sha256'][:16]}`...): "
            f"`{_code(header.get('command'))}`, {_escaped(header.get('date'))}, "
            f"code {_escaped(own)}, data split: {_escaped(split_of(header))}"
        )
    return "; ".join(out) + f". {suite['contents']} contents."


def _headline(suite: dict[str, Any]) -> str:
    lines = []
    for scheme in suite["schemes"]:
        marks = scheme["marks"]
        reading = scheme["reading_seconds"]["median"]
        marking = marks["seconds"]["median"]
        lines.append(
            [
                _escaped(scheme["scheme"]),
                f"{marks['refused']} of {marks['n']}",
                _escaped(quality_of(scheme) or "-"),
                _cell(scheme["detected"]["none"]),
                _cell(scheme["exact"]["none"]),
                _cell(scheme["detected"]["all"]),
                "-" if marking is None else f"{marking:.3g}",
                "-" if reading is None else f"{reading:.3g}",
            ]
        )
    head = ["scheme", "refused", "fidelity, mean (worst)", "detected untouched, %"]
    head += ["exact payload untouched, %", "detected after processing, %"]
    return table([*head, "seconds to mark", "seconds to read"], lines)


def _categories(suite: dict[str, Any], what: str) -> str:
    """Return a table of "detected" or "exact" by category, without lines where nobody says it."""
    names = [_escaped(scheme["scheme"]) for scheme in suite["schemes"]]
    lines = []
    for category in CATEGORIES[1:]:
        rates = [scheme[what][category] for scheme in suite["schemes"]]
        if any(rate["n"] for rate in rates):
            lines.append([category, *map(_cell, rates)])
    return table(["category", *(f"{name}, %" for name in names)], lines) if lines else "None."


def _false_positives(suite: dict[str, Any]) -> str:
    lines = []
    for scheme in suite["schemes"]:
        false = scheme["false_positives"]
        smallest = false["smallest_log10_p"]
        lines.append(
            [
                _escaped(scheme["scheme"]),
                *(_false(false[what]) for what in ("unmarked", "wrong key", "another scheme")),
                "-" if smallest is None else f"{smallest:.2f}",
            ]
        )
    head = ["scheme", "unmarked", "wrong key", "another scheme", "smallest log10 p"]
    return table(head, lines)


def _false(rate: Rate) -> str:
    if not rate["n"]:
        return "-"
    return f"{rate['successes']} of {rate['n']} (at most {rate['high']:.2g})"


def _cell(rate: Rate) -> str:
    if not rate["n"]:
        return "-"
    return f"{in_per_cent(rate)} ({interval(rate)}; {rate['n']})"


def _code(text: object) -> str:
    """Return text for a code span, where nothing but its end is markup."""
    return "".join(c if c.isprintable() and c != "`" else "?" for c in str(text))


def _escaped(text: object) -> str:
    """Return text from a result file that can stand in a cell and is no markup there."""
    line = "".join(c if c.isprintable() else "?" for c in str(text))
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", line)
