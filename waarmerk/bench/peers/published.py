"""What others published of marks that cannot run here: a table of its own, never among rows.

Their weights are not in their packages, or nothing of them is public. Other data, other changes and
other thresholds than those of the suite: such figures stand beside measured ones, never in one
table with them. They were read in the sources named, of which some report what another one says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from waarmerk.bench.protocol import MEDIA, Medium

__all__ = [
    "COLUMNS",
    "NOTE",
    "Figure",
    "Published",
    "as_markdown",
    "as_rows",
    "published",
    "without_figures",
]

NOTE = "published, not measured here"

COLUMNS = ("scheme", "payload", "figure", "under", "data", "threshold", "source")

_FILE = Path(__file__).with_name("published.json")


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, or the two ends of a range.

    Attributes
    ----------
    measure, unit : str
        What it is: ``TPR`` in ``%``; the unit may be empty.
    under : str
        What was done to the content.
    values : tuple of float
        One, or two of which the first is smaller.
    """

    measure: str
    unit: str
    under: str
    values: tuple[float, ...]

    def __str__(self) -> str:
        """Return the figure in words: ``TPR 99.98 %``."""
        numbers = " to ".join(f"{value:g}" for value in self.values)
        return " ".join(part for part in (self.measure, numbers, self.unit) if part)


@dataclass(frozen=True, slots=True)
class Published:
    """What one source says of a mark.

    Attributes
    ----------
    medium : {"image", "audio", "text"}
        What it marks.
    scheme : str
        Its name; where another paper measured it, which.
    year : int
        When that was published.
    payload, data, threshold : str
        The conditions: bits carried, content measured, and the false-positive rate or threshold.
    sources : tuple of (str, str)
        Name and address of each.
    figures : tuple of Figure
        At least one.
    """

    medium: Medium
    scheme: str
    year: int
    payload: str
    data: str
    threshold: str
    sources: tuple[tuple[str, str], ...]
    figures: tuple[Figure, ...]


def published(medium: Medium | None = None) -> list[Published]:
    """Return what was published of a medium, or of all."""
    entries = [_entry(each) for each in _document()["entries"]]
    return [each for each in entries if medium in (None, each.medium)]


def without_figures(medium: Medium) -> list[tuple[str, str, str]]:
    """Return name, payload and address of the marks of which no figure could be read."""
    entries = _document()["without figures"]
    found = [each for each in entries if each["medium"] == medium]
    return [(each["scheme"], each["payload"], each["url"]) for each in found]


def as_rows(entries: Sequence[Published]) -> list[dict[str, str]]:
    """Return one row a figure, by `COLUMNS`, with the addresses apart and `NOTE` in each."""
    return list(_rows(entries))


def as_markdown(entries: Sequence[Published]) -> str:
    """Return a table for each medium, under a line that says that nothing of it was measured."""
    parts = []
    for medium in MEDIA:
        rows = [row for row in _rows(entries) if row["medium"] == medium]
        if not rows:
            continue
        head = f"**{medium.capitalize()}: {NOTE}.** Other data and thresholds than in any table of"
        lines = [f"{head} rows.", "", f"| {' | '.join(COLUMNS)} |", f"|{':--|' * len(COLUMNS)}"]
        for row in rows:
            cells = [row[column].replace("|", "\\|") for column in COLUMNS]
            lines.append(f"| {' | '.join(cells)} |")
        if silent := [
            f"[{name}]({where}), {bits}" for name, bits, where in without_figures(medium)
        ]:
            lines += ["", f"No figures published, or none that could be read: {'; '.join(silent)}."]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return found


def _rows(entries: Sequence[Published]) -> Iterator[dict[str, str]]:
    for entry in entries:
        for figure in entry.figures:
            yield {
                "medium": entry.medium,
                "scheme": f"{entry.scheme} ({entry.year})",
                "payload": entry.payload,
                "figure": str(figure),
                "under": figure.under,
                "data": entry.data,
                "threshold": entry.threshold,
                "source": ", ".join(f"[{name}]({address})" for name, address in entry.sources),
                "source_text": ", ".join(name for name, _ in entry.sources),
                "addresses": " ".join(address for _, address in entry.sources),
                "note": NOTE,
            }


def _entry(given: dict[str, Any]) -> Published:
    figures = []
    for figure in given["figures"]:
        value = figure["value"]
        values = tuple(map(float, value if isinstance(value, list) else [value]))
        figures.append(Figure(figure["measure"], figure["unit"], figure["under"], values))
    sources = tuple((source["name"], source["url"]) for source in given["sources"])
    words = {name: given[name] for name in ("medium", "scheme", "payload", "data", "threshold")}
    return Published(**words, year=given["year"], sources=sources, figures=tuple(figures))
