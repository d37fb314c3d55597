"""Figures of robustness against quality: of the mark, and of what an attack leaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matplotlib.ticker import MaxNLocator

from waarmerk.bench.report.measures import Rate
from waarmerk.bench.report.plots import axes_of, drawing, inline, look, tidy
from waarmerk.bench.report.words import in_per_cent, share_of

__all__ = ["Point", "quality"]

_SIZE: Final = (400, 220)
_MARGINS: Final = (46, 40, 14, 10)

# Number and name of the scheme, what the point is, quality, and the share detected.
Point = tuple[int, str, str, float, Rate]


@drawing()
def quality(points: Sequence[Point], axis: str, name: str, title: str) -> str:
    """Return a figure of the share detected against quality, one marker a point."""
    figure, (axes,) = axes_of(_SIZE, _MARGINS)
    said = []
    for number, scheme, what, x, rate in points:
        share = share_of(rate)
        if share is None:
            continue
        one = look(number)
        bounds = [100 * rate["low"], 100 * rate["high"]]
        axes.plot([x, x], bounds, color=one.colour, linewidth=1, alpha=0.5)
        axes.plot([x], [100 * share], color=one.colour, marker=one.marker, clip_on=False)
        said.append(f"{scheme}{what}: {x:.4g}, detected {in_per_cent(rate)} % (n = {rate['n']})")
    axes.margins(x=0.12)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    if axes.get_xlim()[0] >= 0 and all(0 <= x <= 1 for *_, x, _ in points):
        axes.set_xlim(right=min(1.0, axes.get_xlim()[1]))  # no share and no SSIM is above 1
    axes.set_ylim(-4, 104)
    axes.set_yticks([0, 25, 50, 75, 100])
    axes.set_ylabel("detected, %")
    axes.set_xlabel(tidy(axis))
    return inline(figure, name, title, ". ".join(said))
