"""The report as one HTML page that needs nothing else: no scripts, no files, no network.

It shows a summary (`summary.py`) and nothing beyond; the same summary gives the same page,
but for the time, which is not on it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from typing import Any

from waarmerk.bench.protocol import CATEGORIES
from waarmerk.bench.report.page_html import count, details, table, text
from waarmerk.bench.report.page_suite import PARTS, suite_section
from waarmerk.bench.report.words import CATEGORY_TITLES, TITLES, split_of

__all__ = ["page"]


def page(summary: dict[str, Any]) -> str:
    """Return the page of a summary.

    Parameters
    ----------
    summary
        As `waarmerk.bench.report.summary.summarise` returns it.
    """
    style = resources.files("waarmerk.bench.report").joinpath("page_style.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    suites = summary["suites"]
    body = [
        "<header><h1>Watermark benchmark</h1>",
        f"<p>{_in_short(summary)}</p></header>",
        _contents(suites),
        "<main>",
        _measured(summary),
        *(suite_section(suite) for suite in suites),
        _limits(summary),
        _reading(),
        "</main>",
        f"<footer><p>Written by {text(summary['tool']['name'])} {text(summary['tool']['version'])}."
        "</p></footer>",
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        "<title>Watermark benchmark</title>\n"
        f"<style>{style}</style>\n</head>\n<body>\n" + "\n".join(body) + "\n</body>\n</html>\n"
    )


def _in_short(summary: dict[str, Any]) -> str:
    rows = sum(file["rows"] for file in summary["files"])
    media = ", ".join(
        f"{TITLES[suite['suite']].lower()} ({_contents_of(suite)}, "
        f"{len(suite['schemes'])} scheme{'s' if len(suite['schemes']) > 1 else ''})"
        for suite in summary["suites"]
    )
    dates = sorted({str(file["header"].get("date", "unknown")) for file in summary["files"]})
    return f"Measured: {text(media)}; {count(rows)} rows, of {text(', '.join(dates))}."


def _contents_of(suite: dict[str, Any]) -> str:
    return f"{suite['contents']} content{'' if suite['contents'] == 1 else 's'}"


def _contents(suites: list[dict[str, Any]]) -> str:
    items = ['<li><a href="#measured">What was measured</a></li>']
    for suite in suites:
        name = suite["suite"]
        inner = "".join(
            f'<li><a href="#{name}-{part}">{title}</a></li>' for part, (title, _) in PARTS.items()
        )
        items.append(f'<li><a href="#{name}">{TITLES[name]}</a><ul>{inner}</ul></li>')
    items.append('<li><a href="#limits">What this does not say</a></li>')
    items.append('<li><a href="#reading">How to read this</a></li>')
    return (
        '<nav aria-labelledby="contents"><h2 id="contents">Contents</h2>'
        f"<ul>{''.join(items)}</ul></nav>"
    )


def _measured(summary: dict[str, Any]) -> str:
    parts = ['<section id="measured"><h2>What was measured</h2>']
    for file in summary["files"]:
        header = file["header"]
        commands = [header.get("command"), *(header.get("more_commands") or [])]
        lines = [
            ["command", "<br>".join(f"<code>{text(one)}</code>" for one in commands)],
            ["date", text(header.get("date", "not stated"))],
            ["code, fingerprint", _value(header.get("code"))],
            ["data split", text(split_of(header))],
            ["versions", _value(header.get("versions"))],
            ["Python, machine", text(f"{header.get('python')}, {header.get('machine')}")],
            ["rows", ", ".join(f"{count(n)} {text(what)}" for what, n in file["what"].items())],
            ["SHA-256 of the file", f"<code>{file['sha256']}</code>"],
        ]
        parts.append(table(f"Result file {file['name']}", ["", "value"], lines, words=2))
        parameters = header.get("parameters")
        if isinstance(parameters, dict) and parameters:
            rows = [[text(name), _value(value)] for name, value in parameters.items()]
            body = table(f"Parameters of {file['name']}", ["parameter", "value"], rows, words=2)
            parts.append(details(f"Parameters of {file['name']}", body))
    return "\n".join([*parts, "</section>"])


def _value(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{text(name)} {_value(one)}" for name, one in value.items()) or "-"
    if isinstance(value, list):
        return ", ".join(map(_value, value)) or "-"
    return text(value if isinstance(value, str) else json.dumps(value))


def _limits(summary: dict[str, Any]) -> str:
    points = []
    for suite in summary["suites"]:
        name = TITLES[suite["suite"]]
        points.append(
            f"{name}: {_contents_of(suite)}. Others may behave otherwise; the intervals say "
            "how much room such a number leaves, if the contents were drawn at random from what "
            "matters, which test content seldom is."
        )
        present = {one["category"] for one in suite["families"]}
        missing = [CATEGORY_TITLES[one] for one in CATEGORIES[1:] if one not in present]
        if missing:
            points.append(f"{name}: not measured at all: {', '.join(missing).lower()}.")
        smallest = [
            one["false_positives"]["all"] for one in suite["schemes"] if one["false_positives"]
        ]
        shown = [f"{text(one['scheme'])}: {rate['high']:.2g}" for one, rate
                 in zip(suite["schemes"], smallest, strict=True) if rate["n"]]  # fmt: skip
        if shown:
            points.append(
                f"{name}: false-positive rates below these cannot be told from these readings: "
                f"{'; '.join(shown)}. A smaller rate that a scheme claims is a claim, for which "
                "its proof has to stand."
            )
    if any(one["category"] == "analogue hole" for s in summary["suites"] for one in s["families"]):
        points.append(
            "The analogue hole is simulated by arithmetic: unless a transformation above is named "
            "so, nothing was printed, scanned, filmed, played or recorded."
        )
    points += [
        "Unless a transformation above is named so, none is a generative model: no regeneration "
        "of pictures or sound by a diffusion model, no paraphrase or translation of text by a "
        "language model. Such a model may remove a watermark altogether.",
        "An attacker who knows more than these attacks do, or who has the key, may do better.",
        "Strengths were chosen by whoever wrote the suite; a mean over them is no forecast for "
        "content in the wild.",
        "Seconds are of one machine, which was not reserved for this.",
    ]
    items = "\n".join(f"<li>{point}</li>" for point in points)
    return f'<section id="limits"><h2>What this does not say</h2><ul>\n{items}\n</ul></section>'


def _reading() -> str:
    points = [
        "<b>Detected</b>: the scheme, at its own threshold, says that its mark is there. "
        "<b>Exact payload</b>: every bit was read as it was written.",
        "<b>False positive</b>: a mark is found with a key that did not mark the content.",
        "<b>n</b> is a number of readings. Where it is under 20 it is set off, and the share means "
        "little.",
        "<b>Intervals</b> are of 95 %, two-sided, after Wilson. Readings of one content are not "
        "independent, so the interval is as wide as the number of independent readings that they "
        "are worth (design effect, Kish): between the number of contents and n, near the former "
        "where nearly all readings are alike. For false positives, where chance lies in the "
        "key, a pair of content and key stands in the place of a content.",
        "<b>Strengths</b> are given from the weakest change to the strongest where the result file "
        "says which that is, else in ascending order.",
    ]
    items = "\n".join(f"<li>{point}</li>" for point in points)
    return f'<section id="reading"><h2>How to read this</h2><ul>\n{items}\n</ul></section>'
