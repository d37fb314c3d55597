"""The tables of text marks in docs/results.md; `benchmarks.report` puts them there."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from math import sqrt
from statistics import mean, median, stdev

import numpy as np

from benchmarks.text_false_positives import PUBLISHED, STATISTICS, THRESHOLDS, interval
from benchmarks.text_power import EDIT_LENGTHS, FOUND, ID_LENGTHS, LENGTHS, LONG_LENGTHS, MAIN
from benchmarks.text_quality import LEAST_COUNT, SURPRISE_TOKENS, UNMARKED, VARIETY_TOKENS, limit
from waarmerk.bench.content.text_write import SCHEMES
from waarmerk.bench.report.markdown import grouped, source, table
from waarmerk.bench.rows import Row
from waarmerk.bench.transformations.text import EDITS

TITLES = {
    "text_power": "Text: power",
    "text_ids": "Text: reading the mark id",
    "text_edits": "Text: edits and dilution",
    "text_false_positives": "Text: false positives",
    "text_quality": "Text: what the marks do to the text",
    "text_throughput": "Text: speed",
}
HALF = (
    "Prompts and human text are of the reporting half; the generator was trained on the tuning "
    "half."
)
WEAK = -2.0  # log10 p
TARGET = {"synthid.transformers": 0.99, "synthid.synthid-text": 0.99}  # found in 200 tokens
SETTING_NAMES = {
    "7b": "7b: as a chat model of 7B (mean g 0.549)",
    "low": "low: less entropy (mean g 0.53)",
    "1.5b": "1.5b: as a chat model of 1.5B (mean g 0.586)",
    "7b-code": "7b-code: the 7B model writing code and lists (mean g 0.513)",
    "high": "high: more entropy (mean g 0.607)",
}


def wilson(hits: int, trials: int, z: float = 1.96) -> tuple[float, float]:
    """Return the 95 % limits of a share (Wilson 1927).

    >>> [round(x, 3) for x in wilson(300, 300)]
    [0.987, 1.0]
    """
    share = hits / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    reach = z / (1 + z * z / trials)
    reach *= sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def share(values: Iterable[bool], target: float | None = None) -> str:
    """Return a share in per cent with its limits, and say where it misses its target."""
    values = list(values)
    if not values:
        return "-"
    low, high = wilson(sum(values), len(values))
    text = f"{100 * mean(values):.1f} ({100 * low:.1f} to {100 * high:.1f})"
    return f"**{text}** (missed)" if target is not None and mean(values) < target else text


def text_source(header: Row, note: str) -> str:
    """Say where a table comes from, with the half of the data."""
    packages = f"tokenizers {header['versions']['tokenizers']}"
    return source(header, f"With {packages}. {note} {HALF}")


def power(header: Row, rows: list[Row]) -> str:
    """Show how often marks are found, by setting and length."""
    parts = []
    for (setting,), group in grouped(rows, "setting").items():
        cells = grouped(group, "scheme")
        lengths = (*LENGTHS, *LONG_LENGTHS)
        lines = []
        for (scheme,), cell in cells.items():
            g = [row["mean_g"] for row in cell if "mean_g" in row]
            lines.append([scheme, f"{len(cell)}", f"{mean(g):.3f}" if g else ""])
            for length in lengths:
                values = [row["log10_p"].get(str(length)) for row in cell]
                found = [value <= FOUND for value in values if value is not None]
                target = TARGET.get(scheme) if (setting, length) == (MAIN, 200) else None
                lines[-1].append(share(found, target))
        head = ["scheme", "texts", "mean g", *map(str, lengths)]
        name = SETTING_NAMES[setting]
        parts.append(
            f"Found at p <= 1e-5 in % of texts, by tokens. {name}:\n\n{table(head, lines)}"
        )
        more = []
        for (scheme,), cell in cells.items():
            more.append([scheme])
            for length in lengths:
                values = [row["log10_p"].get(str(length)) for row in cell]
                given = [value for value in values if value is not None]
                weak = share(value <= WEAK for value in given)
                more[-1].append(f"{weak}; {median(given):.1f}" if given else "-")
        parts.append(
            f"The same at p <= 1e-2, and the median of log10 p:\n\n"
            f"{table(['scheme', *map(str, lengths)], more)}"
        )
    bits = {
        setting: mean(row["bits"] for row in group)
        for (setting,), group in grouped(rows, "setting").items()
    }
    entropies = ", ".join(f"{setting} {value:.2f}" for setting, value in bits.items())
    note = (
        "In brackets: 95 % limits (Wilson). Two thirds of the texts are English, one third Dutch; "
        "each has a key and a prompt of its own, and shorter texts are the beginnings of longer "
        "ones. One scheme is asked; windows, and the second way to look at waarmerk.text.1, are "
        f"paid for. Mean g: 30 layers, each n-gram once. Bits of entropy a token: {entropies}."
    )
    return "\n\n".join([*parts, text_source(header, note)])


def ids(header: Row, rows: list[Row]) -> str:
    """Show how often the mark id is read, and what it takes."""
    lines, capacity = [], []
    for (setting,), cell in grouped(rows, "setting").items():
        line = [f"{setting}, {len(cell)} texts"]
        for length in ID_LENGTHS:
            line.append(share(row["read"][str(length)] == "right" for row in cell))
        lines.append(line)
        bits = mean(row["bits"] for row in cell)
        shares = [mean(row["read"][str(n)] == "right" for row in cell) for n in ID_LENGTHS]
        wrong = sum(value == "wrong" for row in cell for value in row["read"].values())
        needed = [reached(shares, wanted) for wanted in (0.5, 0.95)]
        capacity.append([setting, f"{bits:.2f}", *map(per_token, needed), f"{wrong}"])
    head = ["setting", *map(str, ID_LENGTHS)]
    second = ["setting", "bits of entropy a token", "half of the ids: tokens (bits a token)"]
    second += ["95 % of the ids: tokens (bits a token)", "wrong ids"]
    note = (
        "waarmerk.text.1 with an id of 64 bits, which counts as read at p <= 1e-10. Bits a token: "
        "64 divided by the tokens, which are interpolated between the lengths above. In brackets "
        "in the first table: 95 % limits (Wilson). Texts as under power."
    )
    return (
        f"Ids read in % of texts, by tokens:\n\n{table(head, lines)}\n\n"
        f"{table(second, capacity)}\n\n{text_source(header, note)}"
    )


def reached(shares: list[float], wanted: float) -> float | None:
    """Return from how many tokens on a share is reached; shares are those of `ID_LENGTHS`.

    >>> reached([0.0, 0.4, 0.6, *[1.0] * 8], 0.5), reached([0.2] * 11, 0.5)
    (350.0, None)
    """
    for i, value in enumerate(shares):
        if value >= wanted:
            if i == 0:
                return float(ID_LENGTHS[0])
            below, length, step = shares[i - 1], ID_LENGTHS[i - 1], ID_LENGTHS[i]
            return length + (step - length) * (wanted - below) / (value - below)
    return None


def per_token(tokens: float | None) -> str:
    """Return a number of tokens, and bits a token."""
    if tokens is None:
        return f"more than {ID_LENGTHS[-1]}"
    at_most = "at most " if tokens == ID_LENGTHS[0] else ""
    return f"{at_most}{tokens:.0f} ({64 / tokens:.3f})"


def edits(header: Row, rows: list[Row]) -> str:
    """Show what is found after edits, and where."""
    cells = grouped(rows, "scheme")
    schemes = [name for name in SCHEMES if (name,) in cells]
    parts = []
    for length in map(str, EDIT_LENGTHS):
        lines = []
        for edit in EDITS:
            lines.append([edit])
            for scheme in schemes:
                values = [row["log10_p"][length][edit] for row in cells[scheme,]]
                found = 100 * mean(value <= FOUND for value in values)
                weak = 100 * mean(value <= WEAK for value in values)
                lines[-1].append(f"{found:.1f} / {weak:.1f} / {median(values):.1f}")
        parts.append(
            f"Texts of {length} tokens: % at p <= 1e-5 / % at p <= 1e-2 / median log10 p:\n\n"
            f"{table(['edit', *schemes], lines)}"
        )
    lines = []
    for length in map(str, EDIT_LENGTHS):
        for edit in (name for name in EDITS if name.endswith("human text")):
            lines.append([f"{length} tokens, {edit}"])
            for scheme in schemes:
                places = [row["overlap"][length].get(edit) for row in cells[scheme,]]
                known = [place for place in places if place is not None]
                lines[-1].append(f"{mean(known):.2f} ({median(known):.2f})" if known else "-")
    parts.append(
        "Where the passage was found, as tokens in both divided by tokens in either, mean (median) "
        f"of the texts in which it was found:\n\n{table(['passage', *schemes], lines)}"
    )
    count = min(len(cell) for cell in cells.values())
    low, high = wilson(count // 2, count)
    note = (
        f"{count} texts of each scheme at setting {MAIN}, as under power. At a share of 50 % the "
        f"95 % limits are {100 * low:.1f} and {100 * high:.1f} (Wilson). Tokens that are put in "
        "are drawn by their frequencies in the tuning half. A passage lies at a random place in "
        "human text."
    )
    return "\n\n".join([*parts, text_source(header, note)])


def false_positives(header: Row, rows: list[Row]) -> str:
    """Show the shares of human windows below each threshold."""
    layout = [row for row in rows if row["scheme"] == "windows"]
    rows = [row for row in rows if row["scheme"] != "windows"]
    lines = [
        false_line(scheme, layout, [row for row in rows if row["scheme"] == scheme])
        for scheme in STATISTICS
    ]
    head = ["scheme", "p-values", *(f"p <= {t:g}" for t in THRESHOLDS), "smallest log10 p"]
    by_length, at = [], THRESHOLDS.index(1e-3)
    lengths = list(dict.fromkeys(row["length"] for row in layout))
    cells = {length: [row for row in layout if row["length"] == length] for length in lengths}
    for scheme in STATISTICS:
        by_length.append([scheme])
        for length in lengths:
            cell = [row for row in rows if (row["scheme"], row["length"]) == (scheme, length)]
            by_length[-1].append(false_cell(cells[length], cell, at))
    windows, keys = sum(row["windows"] for row in layout), header["parameters"]["keys"]
    kinds = ", ".join(
        f"{sum(row['windows'] for row in cell)} of {length} tokens "
        f"({sum(row['different'] for row in cell)} without overlap)"
        for length, cell in cells.items()
    )
    documents = {(r["language"], d) for r in layout for d, _ in r["documents"]}
    note = (
        f"{windows} windows of {len(documents)} documents of human text, English and Dutch, under "
        f"{keys} keys: {kinds}. Windows of different lengths lie "
        "over the same text, and longer ones overlap. In each cell: windows counted, share, and in "
        "brackets its 95 % limits (documents and keys drawn again, and never narrower than "
        "Clopper-Pearson for windows without overlap); **bold** where the lower limit is above the "
        f"threshold. '{PUBLISHED.strip()}': the figure of the original, which counts repeated "
        "n-grams, as the normal law has it. P-values above 0.05 are bounds, and half of every "
        "chance is kept for windows within the text, so that shares below the threshold are to be "
        "expected."
    )
    expected = ["expected at most", f"{windows * keys}"]
    expected += [f"{windows * keys * t:.1f}" for t in THRESHOLDS]
    return (
        f"{table(head, [[*expected, ''], *lines])}\n\nAt p <= 0.001, by length of the window:\n\n"
        f"{table(['scheme', *map(str, lengths)], by_length)}\n\n{text_source(header, note)}"
    )


def false_line(scheme: str, layout: list[Row], rows: list[Row]) -> list[str]:
    """Return the line of a scheme."""
    cells = [false_cell(layout, rows, at) for at in range(len(THRESHOLDS))]
    smallest = f"{min(row['smallest'] for row in rows):.2f}" if rows else "-"
    return [scheme, f"{sum(row['windows'] for row in rows)}", *cells, smallest]


def false_cell(layout: list[Row], rows: list[Row], at: int) -> str:
    """Return count, share and limits at one threshold."""
    if not rows:
        return "-"
    index = {
        name: i
        for i, name in enumerate(
            sorted({(row["language"], d) for row in layout for d, _ in row["documents"]})
        )
    }
    windows = np.zeros(len(index), np.int64)
    for row in layout:
        for document, count in row["documents"]:
            windows[index[row["language"], document]] += count
    hits = np.zeros((max(row["key"] for row in rows) + 1, len(index)), np.int64)
    for row in rows:
        for document, *counts in row["hits"]:
            hits[row["key"], index[row["language"], document]] += counts[at]
    # Of each length there is another number without overlap; the most there is room for at once.
    room: dict[int, int] = defaultdict(int)
    for row in layout:
        room[row["length"]] += row["different"]
    low, high = interval(hits, windows, max(room.values()))
    share = hits.sum() / (hits.shape[0] * windows.sum())
    text = f"{hits.sum()}: {share:.3%} ({low:.3%} to {high:.3%})"
    return f"**{text}**" if low > THRESHOLDS[at] else text


def quality(header: Row, rows: list[Row]) -> str:
    """Show distribution, surprise and variety."""
    kinds = {what: cell for (what,), cell in grouped(rows, "what").items()}
    parts = []
    if "distortion" in kinds:
        parts.append(distortion(kinds["distortion"]))
    if "surprise" in kinds:
        parts.append(surprise(kinds["surprise"]))
    if "variety" in kinds:
        parts.append(variety(kinds["variety"], header["parameters"]["answers"]))
    note = f"Setting {MAIN}. Contexts, prompts and answers are English but for the second table."
    return "\n\n".join([*parts, text_source(header, note)])


def distortion(rows: list[Row]) -> str:
    """Show how far the mean over keys is from the model."""
    lines = []
    for (scheme,), cell in grouped(rows, "scheme").items():
        tests = sum(row["tested"] for row in cell)
        distance, chance = (mean(row[x] for row in cell) for x in ("distance", "by_chance"))
        worst, most = max(row["worst"] for row in cell), limit(max(tests, 1))
        text = f"{worst:.1f}" if worst <= most else f"**{worst:.1f}**"
        lines.append([scheme, f"{distance:.4f}", f"{chance:.4f}", f"{distance / chance:.2f}"])
        lines[-1] += [text, f"{most:.1f} ({tests})"]
    head = ["scheme", "distance to the model", "of as many plain draws", "ratio"]
    head += ["largest deviation, standard errors", "95 % limit (tokens tested)"]
    contexts, keys = len({row["text"] for row in rows}), rows[0]["keys"]
    return (
        f"The mean over {keys} keys of the distribution of the next token, at {contexts} contexts "
        "of human text, beside the model's. Distance is the total variation distance, mean over "
        f"contexts; tokens that {LEAST_COUNT} keys or more should draw are tested one by one, "
        "against the largest standard error that a fair mark can have. Without distortion the "
        f"ratio is about 1 or below, and no deviation is beyond the limit:\n\n{table(head, lines)}"
    )


def surprise(rows: list[Row]) -> str:
    """Show bits a token under the model, marked and not."""
    plain = {(r["language"], r["text"]): r["bits"] for r in rows if r["scheme"] == UNMARKED}
    lines = []
    for (scheme,), cell in grouped(rows, "scheme").items():
        more = [
            row["bits"] - plain[row["language"], row["text"]]
            for row in cell
            if (row["language"], row["text"]) in plain
        ]
        bits = mean(row["bits"] for row in cell)
        line = [scheme, f"{len(cell)}", f"{bits:.3f}", f"{2**bits:.2f}", ""]
        if scheme != UNMARKED and len(more) > 1:
            line[-1] = f"{mean(more):+.3f} +- {1.96 * stdev(more) / sqrt(len(more)):.3f}"
        lines.append(line)
    head = ["scheme", "texts", "bits a token", "perplexity", "bits more than unmarked (95 %)"]
    return (
        f"Texts of {SURPRISE_TOKENS} tokens under the model itself, the unmarked distribution at "
        f"this setting; prompts are the same for all schemes:\n\n{table(head, lines)}"
    )


def variety(rows: list[Row], answers: int) -> str:
    """Show how different the answers to one prompt are under one key."""
    lines = [
        [scheme, f"{len(cell)}", f"{mean(r['different'] for r in cell):.3f}",
         f"{min(r['different'] for r in cell):.3f} to {max(r['different'] for r in cell):.3f}"]
        for (scheme,), cell in grouped(rows, "scheme").items()
    ]  # fmt: skip
    head = ["scheme", "prompts", "share of different 4-grams", "by prompt"]
    return (
        f"{answers} answers of {VARIETY_TOKENS} tokens to one prompt under one key; the same "
        f"answer every time would give {1 / answers:.2f}:\n\n{table(head, lines)}"
    )


SECTIONS: dict[str, tuple[tuple[str, ...], Callable[..., str]]] = {
    "text_power": (("text_power.jsonl",), power),
    "text_ids": (("text_ids.jsonl",), ids),
    "text_edits": (("text_edits.jsonl",), edits),
    "text_false_positives": (("text_false_positives.jsonl",), false_positives),
    "text_quality": (("text_quality.jsonl",), quality),
}
