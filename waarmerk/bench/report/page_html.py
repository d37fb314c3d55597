"""Pieces of HTML: everything that comes from a result file is escaped here."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from waarmerk.bench.report.measures import Rate
from waarmerk.bench.report.words import in_per_cent, interval
from waarmerk.console import shown

__all__ = [
    "FEW",
    "count",
    "details",
    "failures",
    "figure",
    "figures",
    "number",
    "rate",
    "table",
    "text",
]

FEW = 20
"""Fewer readings than these are pointed out."""


def text(value: object) -> str:
    """Return text of strangers as HTML that shows it."""
    return html.escape(shown(str(value)))


def count(n: int) -> str:
    """Return a number of things with commas."""
    return f"{n:,}"


def number(value: float | None, digits: int = 3) -> str:
    """Return a number, or a dash."""
    return "-" if value is None else f"{value:.{digits}g}"


def rate(value: Rate) -> str:
    """Return a share in per cent with its interval and its number of readings."""
    if not value["n"]:
        return '<span class="quiet">not measured</span>'
    few = ' class="few"' if value["n"] < FEW else ""
    return (
        f"<b>{in_per_cent(value)}</b> "
        f"({interval(value)}) "
        f"<small{few}>n = {count(value['n'])}</small>"
    )


def failures(value: Rate) -> str:
    """Return a rate that should be zero: the count, and what it may be at most."""
    if not value["n"]:
        return '<span class="quiet">not measured</span>'
    few = ' class="few"' if value["n"] < FEW else ""
    return (
        f"<b>{value['successes']}</b> of <small{few}>{count(value['n'])}</small> "
        f"({interval(value)} %)"
    )


def table(
    caption: str,
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    words: int = 1,
) -> str:
    """Return a table in a box of its own that scrolls; cells are HTML, `caption` is text.

    The first cell of a row is its heading. The first `words` cells start at the left.
    """
    sides = [' class="word"' if place < words else "" for place in range(len(head))]
    heads = "".join(
        f'<th scope="col"{side}>{cell}</th>' for side, cell in zip(sides, head, strict=True)
    )
    lines = []
    for row in rows:
        cells = "".join(
            f"<td{side}>{cell}</td>" for side, cell in zip(sides[1:], row[1:], strict=True)
        )
        lines.append(f'<tr><th scope="row">{row[0]}</th>{cells}</tr>')
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{text(caption)}">'
        f"<table><caption>{text(caption)}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>\n{chr(10).join(lines)}\n</tbody></table></div>"
    )


def details(title: str, body: str, *, opened: bool = False) -> str:
    """Return something that can be folded away; `title` is text, `body` HTML."""
    state = " open" if opened else ""
    return f"<details{state}><summary>{text(title)}</summary>\n{body}\n</details>"


def figure(svg: str, caption: str) -> str:
    """Return a figure with its caption, which is HTML."""
    return f"<figure><figcaption>{caption}</figcaption>{svg}</figure>"


def figures(items: Sequence[str]) -> str:
    """Return figures beside each other, as many as there is room for."""
    return '<div class="figures">\n' + "\n".join(items) + "\n</div>"
