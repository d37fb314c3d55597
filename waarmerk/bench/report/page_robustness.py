"""The part of a report page about what marks survive."""

from __future__ import annotations

from typing import Any, Final

from waarmerk.bench.protocol import CATEGORIES
from waarmerk.bench.report.page_html import FEW, details, figure, figures, rate, table, text
from waarmerk.bench.report.plots_curves import curves, dots
from waarmerk.bench.report.words import CATEGORY_TITLES, QUALITIES, TITLES

__all__ = ["by_strength", "robustness"]

_UNFOLDED: Final = 6  # figures that are not folded away


def robustness(suite: dict[str, Any]) -> str:
    """Return figures and numbers of every kind of processing, by category."""
    rows = [
        (
            CATEGORY_TITLES[category],
            [
                (place, one["scheme"], one["detected"][category])
                for place, one in enumerate(suite["schemes"])
            ],
        )
        for category in (*CATEGORIES, "all")
        if any(one["detected"][category]["n"] for one in suite["schemes"])
    ]
    name = suite["suite"]
    if not rows:
        return "<p>Not measured.</p>"
    svg = dots(rows, f"{name}-categories", f"{TITLES[name]}: detected, by category")
    parts = [figures([figure(svg, "Detected, by category, all strengths together")])]
    for category in CATEGORIES[1:]:
        families = [
            one for one in suite["families"] if one["category"] == category and not one["forges"]
        ]
        if families:
            parts.append(_category(suite, category, families))
    return "\n".join(parts)


def _category(suite: dict[str, Any], category: str, families: list[dict[str, Any]]) -> str:
    name = f"{suite['suite']}-{category.replace(' ', '-')}"
    points = [by_strength(one) for one in suite["schemes"]]
    title = CATEGORY_TITLES[category]
    rows = []
    for family in families:
        strongest = family["strengths"][-1]
        label = family["title"]
        label += f", {strongest:g}" if len(family["strengths"]) > 1 else ""
        rates = [
            (place, one["scheme"], points[place][family["name"], strongest]["detected"])
            for place, one in enumerate(suite["schemes"])
            if (family["name"], strongest) in points[place]
        ]
        rows.append((label, rates))
    overview = dots(rows, f"{name}-dots", f"{title}: detected at the last strength of each kind")
    several = [one for one in families if len(one["strengths"]) > 1]
    drawn = [
        _curve(suite, family, points, f"{name}-{place}") for place, family in enumerate(several)
    ]
    shown = [figure(overview, "Detected, each kind at the last of its strengths")]
    if len(drawn) <= _UNFOLDED:
        parts = figures([*shown, *drawn])
    else:
        label = f"{title} by strength: {len(drawn)} figures"
        parts = figures(shown) + details(label, figures(drawn))
    numbers = details(f"{title}: numbers", _numbers(suite, families, points, title))
    return f'<section id="{name}"><h4>{title}</h4>{parts}{numbers}</section>'


def by_strength(scheme: dict[str, Any]) -> dict[tuple[str, float], dict[str, Any]]:
    """Return the points of a scheme's curves by transformation and strength."""
    return {(one["transformation"], one["strength"]): one for one in scheme["curves"]}


def _curve(
    suite: dict[str, Any],
    family: dict[str, Any],
    points: list[dict[tuple[str, float], dict[str, Any]]],
    name: str,
) -> str:
    series = []
    counts = []
    for place, scheme in enumerate(suite["schemes"]):
        own = {
            strength: points[place][family["name"], strength]
            for strength in family["strengths"]
            if (family["name"], strength) in points[place]
        }
        series.append((place, scheme["scheme"], own))
        counts += [one["detected"]["n"] or one["exact"]["n"] for one in own.values()]
    least, most = min(counts, default=0), max(counts, default=0)
    few = ' class="few"' if least < FEW else ""
    said = f"{least}" if least == most else f"{least} to {most}"
    caption = f"{text(family['title'])} <small{few}>n = {said} a point</small>"
    return figure(curves(family, series, name), caption)


def _numbers(
    suite: dict[str, Any],
    families: list[dict[str, Any]],
    points: list[dict[tuple[str, float], dict[str, Any]]],
    title: str,
) -> str:
    lines = []
    for family in families:
        for strength in family["strengths"]:
            for place, scheme in enumerate(suite["schemes"]):
                one = points[place].get((family["name"], strength))
                if one is not None:
                    lines.append(_line(family, strength, scheme["scheme"], one))
    head = ["processing", "strength", "scheme", "detected, %", "exact payload, %", "bits right, %"]
    head += ["median log10 p", "quality left", "errors"]
    return table(f"{TITLES[suite['suite']]}, {title.lower()}: numbers", head, lines, words=3)


def _line(family: dict[str, Any], strength: float, scheme: str, one: dict[str, Any]) -> list[str]:
    left = "; ".join(
        f"{QUALITIES.get(name, name)}: {value:.3g}" for name, value in one["quality"].items()
    )
    axis = f" {family['axis']}" if family["axis"] else ""
    return [
        text(family["title"]),
        text(f"{strength:g}{axis}") if len(family["strengths"]) > 1 or axis else "",
        text(scheme),
        rate(one["detected"]),
        rate(one["exact"]),
        "-" if one["bits"] is None else f"{100 * one['bits']:.1f}",
        "-" if one["median_log10_p"] is None else f"{one['median_log10_p']:.1f}",
        text(left or "-"),
        str(one["errors"]) if one["errors"] else "0",
    ]
