"""The parts of a report page that are figures: detection against threshold, and against quality."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from waarmerk.bench.protocol import CATEGORIES
from waarmerk.bench.report.page_html import count, figure, figures, text
from waarmerk.bench.report.plots_quality import Point, quality
from waarmerk.bench.report.plots_roc import false_positives, true_positives
from waarmerk.bench.report.words import CATEGORY_TITLES, QUALITIES

__all__ = ["against_quality", "against_threshold"]


def against_threshold(suite: dict[str, Any]) -> str:
    """Return true and false positives at each threshold on claimed p-values."""
    with_claims = [(p, one) for p, one in enumerate(suite["schemes"]) if one["roc"] is not None]
    without = [one["scheme"] for one in suite["schemes"] if one["roc"] is None]
    name = suite["suite"]
    said = ""
    if without:
        said = (
            f"<p>No p-value is claimed by {text(', '.join(without))}: there is one operating point "
            "only, under false positives.</p>"
        )
    if not with_claims:
        return said
    drawn = []
    for part in ("none", "all", *CATEGORIES[1:]):
        series = [
            (place, one["scheme"], one["roc"]["true"][part])
            for place, one in with_claims
            if part in one["roc"]["true"]
        ]
        if series:
            title = f"True positives: {CATEGORY_TITLES[part].lower()}"
            most = ", ".join(count(rates[0]["n"]) for _, _, rates in series)
            svg = true_positives(
                series, suite["thresholds"], f"{name}-roc-{part.replace(' ', '-')}", title
            )
            drawn.append(figure(svg, f"{title} <small>n = {most}</small>"))
    measured = [(p, one["scheme"], one["roc"]["false"]) for p, one in with_claims
                if one["roc"]["false"]]  # fmt: skip
    if measured:
        title = "False positives, measured"
        most = ", ".join(count(rates[0]["n"]) for _, _, rates in measured)
        svg = false_positives(measured, suite["thresholds"], f"{name}-roc-false", title)
        drawn.insert(2, figure(svg, f"{title} <small>n = {most}</small>"))
    return (
        "<p>A scheme that claims a p-value can be used at any threshold: content counts as marked "
        "if the claimed p-value is at or below it. Beside the share of marked content that is "
        "found at each threshold stands the share of content without this mark (unmarked, or "
        "marked with another key) that is found there, but for chance not above the thin diagonal. "
        "Dotted: upper ends of the 95 % intervals (Clopper-Pearson). With N readings no rate below "
        "about 1/N can be seen, so there only this limit is shown, and the claim itself rests on "
        "its proof, not on this measurement.</p>" + said + figures(drawn)
    )


def against_quality(suite: dict[str, Any]) -> str:
    """Return what is detected against what the mark, or an attack, leaves of quality."""
    drawn = []
    measures = {name for one in suite["schemes"] for name in one["marks"]["quality"]}
    name = suite["suite"]
    for measure in sorted(measures & QUALITIES.keys(), key=list(QUALITIES).index)[:2]:
        points: list[Point] = [
            (place, one["scheme"], "", one["marks"]["quality"][measure]["mean"], share)
            for place, one in enumerate(suite["schemes"])
            if measure in one["marks"]["quality"] and (share := one["detected"]["all"])["n"]
        ]
        if points:
            axis = f"{QUALITIES[measure]}, of the marked content"
            title = "Detected after all processing, against fidelity"
            svg = quality(points, axis, f"{name}-fidelity-{measure}", title)
            drawn.append(figure(svg, f"{title} <small>{_counts(points)}</small>"))
    drawn += _attacks(suite)
    return figures(drawn) if drawn else "<p>Not measured.</p>"


def _attacks(suite: dict[str, Any]) -> Iterator[str]:
    attacks = {
        one["name"]: one["title"]
        for one in suite["families"]
        if one["category"] == "malicious" and not one["forges"]
    }
    found = [
        (place, scheme["scheme"], one)
        for place, scheme in enumerate(suite["schemes"])
        for one in scheme["curves"]
        if one["transformation"] in attacks and one["detected"]["n"]
    ]
    measures = [name for name in QUALITIES if any(name in one["quality"] for _, _, one in found)]
    for measure in measures[:1]:
        points: list[Point] = [
            (
                *(place, scheme, f", {attacks[one['transformation']]} {one['strength']:g}"),
                *(one["quality"][measure], one["detected"]),
            )
            for place, scheme, one in found
            if measure in one["quality"]
        ]
        title = "Detected after an attack, against what it leaves"
        axis = f"{QUALITIES[measure]}, attacked against marked"
        svg = quality(points, axis, f"{suite['suite']}-attacks-{measure}", title)
        note = "a point for each malicious transformation and strength"
        yield figure(svg, f"{title}; {note} <small>{_counts(points)}</small>")


def _counts(points: list[Point]) -> str:
    counts = [point[-1]["n"] for point in points]
    least, most = min(counts), max(counts)
    return f"n = {count(least)}" + ("" if least == most else f" to {count(most)}")
