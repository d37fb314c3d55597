"""The part of a report page about one medium."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Final

from waarmerk.bench.protocol import CATEGORIES
from waarmerk.bench.report.page_figures import against_quality, against_threshold
from waarmerk.bench.report.page_html import (
    count,
    failures,
    number,
    rate,
    table,
    text,
)
from waarmerk.bench.report.page_robustness import by_strength, robustness
from waarmerk.bench.report.plots import swatch
from waarmerk.bench.report.words import CATEGORY_TITLES, TITLES, quality_of

__all__ = ["PARTS", "suite_section"]

Suite = dict[str, Any]


def suite_section(suite: Suite) -> str:
    """Return everything about one medium as HTML."""
    name = suite["suite"]
    parts = [f'<section id="{name}"><h2>{TITLES[name]}</h2>', _legend(suite)]
    for part, (title, write) in PARTS.items():
        parts.append(f'<section id="{name}-{part}"><h3>{title}</h3>\n{write(suite)}</section>')
    return "\n".join([*parts, "</section>"])


def _legend(suite: Suite) -> str:
    items = [
        f"<li>{swatch(place)} {text(scheme['scheme'])}</li>"
        for place, scheme in enumerate(suite["schemes"])
    ]
    return f'<ul class="legend" aria-label="Schemes in the figures">{"".join(items)}</ul>'


def _headline(suite: Suite) -> str:
    schemes = suite["schemes"]
    lines: list[tuple[str, Callable[[dict[str, Any]], str]]] = [
        ("contents x keys", lambda one: f"{one['contents']} x {one['keys']}"),
        ("refused to mark", _refused),
        ("fidelity, mean (worst)", lambda one: text(quality_of(one) or "-")),
        ("detected untouched, %", lambda one: rate(one["detected"]["none"])),
        ("exact payload untouched, %", lambda one: rate(one["exact"]["none"])),
    ]
    for category in CATEGORIES[1:]:
        if any(one["detected"][category]["n"] for one in schemes):
            title = f"detected, {CATEGORY_TITLES[category].lower()}, %"
            lines.append((title, lambda one, key=category: rate(one["detected"][key])))  # type: ignore[misc]
    lines += [
        ("exact payload, all processing, %", lambda one: rate(one["exact"]["all"])),
        ("false positives", lambda one: failures(one["false_positives"]["all"])),
        ("largest p-value claimed with a finding", _largest),
        ("forgeries found", lambda one: failures(one["forged"])),
        ("CPU seconds to mark, median", lambda one: number(one["marks"]["seconds"]["median"])),
        ("CPU seconds to read, median", lambda one: number(one["reading_seconds"]["median"])),
    ]
    head = ["", *(text(one["scheme"]) for one in schemes)]
    return table(
        f"{TITLES[suite['suite']]}: results at a glance",
        head,
        [[title, *(write(one) for one in schemes)] for title, write in lines],
    ) + (
        "<p>In brackets 95 % intervals. Shares over a category are over all its transformations "
        "and strengths that were run, so that they depend on which those are.</p>"
    )


def _refused(scheme: dict[str, Any]) -> str:
    marks = scheme["marks"]
    errors = f", {marks['errors']} errors" if marks["errors"] else ""
    return f"{marks['refused']} of {marks['n']}{errors}"


def _largest(scheme: dict[str, Any]) -> str:
    value = scheme["largest_log10_p_found"]
    if value is None:
        return "claims none"
    # Rounded up, and not to zero, however small.
    return f"{10**value:.2g}" if value > -9 else f"1e{math.ceil(value)}"


def _errors(suite: Suite) -> str:
    lines = []
    for scheme in suite["schemes"]:
        false = scheme["false_positives"]
        smallest = false["smallest_log10_p"]
        lines.append(
            [
                text(scheme["scheme"]),
                *(failures(false[what]) for what in ("unmarked", "wrong key", "another scheme")),
                "-" if smallest is None else f"{smallest:.2f}",
                str(false["errors"]),
            ]
        )
    head = ["scheme", "unmarked", "marked with a wrong key", "marked by another scheme"]
    caption = f"{TITLES[suite['suite']]}: false positives at the scheme's own threshold"
    return table(caption, [*head, "smallest log10 p", "errors"], lines) + (
        "<p>n counts readings: a content, changed or not, read with one key. In brackets 95 % "
        "intervals (Wilson).</p>"
    )


def _parts(suite: Suite, field: str, first: str) -> Iterator[str]:
    lines = [
        [
            text(part["name"]),
            text(scheme["scheme"]),
            str(part["contents"]),
            rate(part["untouched"]),
            rate(part["exact"]),
            rate(part["transformed"]),
            failures(part["false_positives"]),
        ]
        for scheme in suite["schemes"]
        for part in scheme[field]
    ]
    if not lines:
        yield "<p>Not known.</p>"
        return
    # Classes of size are in their order already; equal ones of several schemes belong together.
    order = list(dict.fromkeys(part["name"] for one in suite["schemes"] for part in one[field]))
    lines.sort(key=lambda line: [text(one) for one in order].index(line[0]))
    head = [first, "scheme", "contents marked", "detected untouched, %"]
    head += ["exact payload untouched, %", "detected after processing, %", "false positives"]
    yield table(f"{TITLES[suite['suite']]}: error rates by {first}", head, lines, words=2)


def _sizes(suite: Suite) -> str:
    return "".join(_parts(suite, "sizes", f"size in {suite['size_unit']}"))


def _groups(suite: Suite) -> str:
    return "".join(_parts(suite, "groups", "content type"))


def _integrity(suite: Suite) -> str:
    families = [one for one in suite["families"] if one["forges"]]
    if not families:
        return "<p>Not measured: no transformation forged a mark.</p>"
    points = [by_strength(one) for one in suite["schemes"]]
    lines = [
        [
            text(family["title"]),
            f"{strength:g}",
            text(scheme["scheme"]),
            failures(one["detected"]),
            failures(one["exact"]),
            str(one["errors"]),
        ]
        for family in families
        for strength in family["strengths"]
        for place, scheme in enumerate(suite["schemes"])
        if (one := points[place].get((family["name"], strength))) is not None
    ]
    head = ["forgery", "strength", "scheme", "found (a failure)", "with its payload", "errors"]
    return (
        "<p>Content that never was marked, made to look as if: a mark that is found here was "
        "forged. An error counts as not found.</p>"
        + table(f"{TITLES[suite['suite']]}: forgeries", head, lines, words=3)
    )


def _speed(suite: Suite) -> str:
    lines = []
    for scheme in suite["schemes"]:
        for what, value in (
            ("marking", scheme["marks"]["seconds"]),
            ("reading", scheme["reading_seconds"]),
            *(
                (f"reading, {part['name']} {suite['size_unit']}", part)
                for part in scheme["reading_seconds_by_size"]
            ),
        ):
            times = [number(value["median"]), number(value["most"]), count(value["n"])]
            lines.append([text(scheme["scheme"]), what, *times])
    head = ["scheme", "what", "median", "longest", "n"]
    return table(f"{TITLES[suite['suite']]}: CPU seconds a content", head, lines, words=2)


def _refusals(suite: Suite) -> str:
    lines = [
        [
            text(scheme["scheme"]),
            kind,
            text(one["what"]),
            text(one["transformation"] or "-"),
            text(one["reason"]),
            count(one["n"]),
        ]
        for scheme in suite["schemes"]
        for kind, field in (("refused", "refused"), ("error", "errors"))
        for one in scheme[field]
    ]
    if not lines:
        return "<p>Nothing was refused, and nothing failed.</p>"
    head = ["scheme", "kind", "row", "processing", "reason", "n"]
    return table(f"{TITLES[suite['suite']]}: refusals and errors", head, lines, words=5) + (
        "<p>A refusal counts in no share. An error on marked content counts as missed; one on "
        "other content is left out of the false positives.</p>"
    )


PARTS: Final[dict[str, tuple[str, Callable[[Suite], str]]]] = {
    "headline": ("At a glance", _headline),
    "robustness": ("Robustness", robustness),
    "thresholds": ("Detection against threshold", against_threshold),
    "false-positives": ("False positives", _errors),
    "sizes": ("Error rates by size", _sizes),
    "groups": ("Error rates by content type", _groups),
    "quality": ("Quality against robustness", against_quality),
    "integrity": ("Integrity", _integrity),
    "speed": ("Speed", _speed),
    "refusals": ("Refusals and errors", _refusals),
}
