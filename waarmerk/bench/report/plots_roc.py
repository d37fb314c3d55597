"""Figures of detection against the threshold on claimed p-values, and of false positives there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from matplotlib.ticker import FixedLocator, NullLocator

from waarmerk.bench.report.measures import Rate
from waarmerk.bench.report.plots import GRID, INK, axes_of, band, drawing, inline, look
from waarmerk.bench.report.words import share_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["false_positives", "true_positives"]

# By scheme: its number, its name, and its rates at the thresholds.
Series = Sequence[tuple[int, str, Sequence[Rate]]]

_SIZE: Final = (400, 220)
_MARGINS: Final = (52, 40, 14, 10)


@drawing()
def true_positives(series: Series, thresholds: Sequence[float], name: str, title: str) -> str:
    """Return the figure of the share found at each threshold."""
    figure, (axes,) = axes_of(_SIZE, _MARGINS)
    x = [10**value for value in thresholds]
    for number, _, rates in series:
        one = look(number)
        band(axes, x, rates, one.colour)
        shares = [100 * (share_of(rate) or 0) for rate in rates]
        axes.plot(x, shares, color=one.colour, linestyle=one.dashes, marker=one.marker,
                  markevery=4, clip_on=False)  # fmt: skip
    _thresholds(axes)
    axes.set_ylim(-4, 104)
    axes.set_yticks([0, 25, 50, 75, 100])
    axes.set_ylabel("true positives, %")
    return inline(figure, name, title, _in_words(series, thresholds))


@drawing()
def false_positives(series: Series, thresholds: Sequence[float], name: str, title: str) -> str:
    """Return the figure of measured false-positive rates, with their upper limits.

    Where nothing was found only the limit is drawn, as a dotted line: N readings cannot show a rate
    below about 1/N.
    """
    figure, (axes,) = axes_of(_SIZE, _MARGINS)
    x = [10**value for value in thresholds]
    axes.plot(x, x, color=INK, linewidth=0.8)
    for number, _, rates in series:
        one = look(number)
        axes.plot(x, [rate["high"] for rate in rates], color=one.colour, linewidth=1.3,
                  dashes=(1, 1.5), marker="_", markevery=4)  # fmt: skip
        seen = [(p, share) for p, rate in zip(x, rates, strict=True) if (share := share_of(rate))]
        if seen:
            axes.plot(*zip(*seen, strict=True), color=one.colour, linestyle=one.dashes,
                      marker=one.marker, markevery=(-1 - len(seen)) % 4 or 4)  # fmt: skip
    _thresholds(axes)
    axes.set_yscale("log")
    axes.set_ylim(0.4 * 10 ** min(thresholds), 1.6)
    axes.yaxis.set_major_locator(FixedLocator([1e-6, 1e-4, 1e-2, 1]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_yticklabels(["1e-6", "1e-4", "0.01", "1"])
    axes.set_ylabel("false positives, share")
    return inline(figure, name, title, _in_words(series, thresholds))


def _thresholds(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.set_xlim(1e-6, 1.15)
    axes.xaxis.set_major_locator(FixedLocator([1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels(["1e-6", "1e-5", "1e-4", "0.001", "0.01", "0.1", "1"])
    axes.set_xlabel("threshold on the claimed p-value")
    axes.spines["left"].set_edgecolor(GRID)


def _in_words(series: Series, thresholds: Sequence[float]) -> str:
    said = []
    for _, scheme, rates in series:
        cells: list[Any] = [
            f"at {10**value:g} {rate['successes']} of {rate['n']}, at most {rate['high']:.2g}"
            for value, rate in zip(thresholds, rates, strict=True)
            if value == int(value)
        ]
        said.append(f"{scheme}: {', '.join(cells)}")
    return ". ".join(said)
