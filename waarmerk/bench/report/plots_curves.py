"""Figures of robustness: shares against strength, and shares of many families side by side."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from waarmerk.bench.report.measures import Rate
from waarmerk.bench.report.plots import GRID, INK, axes_of, band, drawing, inline, look, tidy
from waarmerk.bench.report.words import in_per_cent, interval, share_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["curves", "dots"]

_WIDTH: Final = 400
_CURVES: Final = (34, 46, 10, 20)
_DOTS: Final = (150, 40, 14, 10)
_MEASURES: Final = (("detected", "detected"), ("exact", "exact payload"))

# By scheme: its number, which decides on its look, its name, and its points by strength.
Series = Sequence[tuple[int, str, dict[float, dict[str, Any]]]]


@drawing()
def curves(family: dict[str, Any], series: Series, name: str) -> str:
    """Return the figure of one family: what is left of the mark at each strength."""
    measures = [
        (measure, title)
        for measure, title in _MEASURES
        if any(point[measure]["n"] for _, _, points in series for point in points.values())
    ]
    figure, panels = axes_of((_WIDTH, 205), _CURVES, max(1, len(measures)))
    said = []
    for axes, (measure, title) in zip(panels, measures, strict=False):
        for place, (number, scheme, points) in enumerate(series):
            shift = 0.05 * (place - (len(series) - 1) / 2)
            rates = [
                (index + shift, points[value][measure])
                for index, value in enumerate(family["strengths"])
                if value in points and points[value][measure]["n"]
            ]
            _curve(axes, number, rates)
            said.append(f"{scheme}, {title}: {_in_words(points, measure)}")
        axes.set_title(f"{title}, %", fontsize=12, loc="left")
        _shares(axes)
        strengths = family["strengths"]
        crowded = len(strengths) > 6
        axes.set_xticks(range(len(strengths)), [f"{value:g}" for value in strengths],
                        rotation=45 if crowded else 0)  # fmt: skip
        axes.set_xlim(-0.3, len(strengths) - 0.7)
    axis = tidy(family["axis"] or "strength")
    figure.text(0.5, 6 / 205, axis, ha="center", va="baseline", fontsize=12, color=INK)
    title = f"{family['title']}: share of contents by strength"
    return inline(figure, name, title, ". ".join(said))


def _curve(axes: Axes, number: int, rates: Sequence[tuple[float, Rate]]) -> None:
    one = look(number)
    x = [place for place, _ in rates]
    band(axes, x, [rate for _, rate in rates], one.colour)
    shares = [100 * (share_of(rate) or 0) for _, rate in rates]
    axes.plot(x, shares, color=one.colour, marker=one.marker, linestyle=one.dashes, clip_on=False)


@drawing()
def dots(rows: Sequence[tuple[str, Sequence[tuple[int, str, Rate]]]], name: str, title: str) -> str:
    """Return a figure of one line for each row: the share of every scheme, and its interval.

    Parameters
    ----------
    rows
        Each a label, and number, name and rate of the schemes.
    """
    step = 12
    labels = [_wrapped(label) for label, _ in rows]
    heights = [
        max(step * len(rates) + 8, 15 * (label.count("\n") + 1) + 5)
        for label, (_, rates) in zip(labels, rows, strict=True)
    ]
    figure, (axes,) = axes_of((_WIDTH, 50 + sum(heights)), _DOTS)
    said = []
    top = 0.0
    middles = []
    for height, (label, rates) in zip(heights, rows, strict=True):
        middles.append(top + height / 2)
        for place, (number, scheme, rate) in enumerate(rates):
            y = middles[-1] + step * (place - (len(rates) - 1) / 2)
            said.append(f"{label}, {scheme}: {_rate_in_words(rate)}")
            if not rate["n"]:
                continue
            one = look(number)
            axes.plot([100 * rate["low"], 100 * rate["high"]], [y, y], color=one.colour)
            share = 100 * (share_of(rate) or 0)
            axes.plot([share], [y], color=one.colour, marker=one.marker, clip_on=False)
        top += height
        axes.axhline(top, color=GRID, linewidth=0.8)
    axes.set_yticks(middles, labels)
    axes.grid(visible=False, axis="y")
    axes.set_ylim(top, 0)
    axes.set_xlim(-2, 102)
    axes.set_xlabel("detected, % and 95 % interval")
    return inline(figure, name, title, ". ".join(said))


def _wrapped(label: str) -> str:
    lines = textwrap.wrap(tidy(label), 20, max_lines=3, placeholder=" ...")
    return "\n".join(lines) or "-"


def _shares(axes: Axes) -> None:
    axes.set_ylim(-4, 104)
    axes.set_yticks([0, 25, 50, 75, 100])


def _in_words(points: dict[float, dict[str, Any]], measure: str) -> str:
    """Return where a curve begins and ends; all else stands in the table."""
    said = [
        f"{_rate_in_words(point[measure])} at {strength:g}"
        for strength, point in points.items()
        if point[measure]["n"]
    ]
    return " to ".join(said[:: max(1, len(said) - 1)]) or "not measured"


def _rate_in_words(rate: Rate) -> str:
    if not rate["n"]:
        return "no readings"
    return f"{in_per_cent(rate)} % ({interval(rate)}, n = {rate['n']})"
