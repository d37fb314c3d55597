"""The tables of the speed of text marks in docs/results.md; `benchmarks.text_report` asks for them.

Two ways in: `sections`, from the folder of result files, and `throughput`, from header and rows as
the other writers of tables are called.
"""

from dataclasses import dataclass
from pathlib import Path

from waarmerk.bench.report.markdown import grouped, source, table
from waarmerk.bench.rows import Row, read

FILE = "text_throughput.jsonl"
OURS = "waarmerk"
PROCESSOR, SCORES = f"{OURS}, processor", f"{OURS}, scores alone"
ONE, TWO = f"{OURS}, one text at a time", f"{OURS}, 2 threads"


@dataclass(frozen=True, slots=True)
class Promise:
    """What is promised of a row: at most so many microseconds a step, or so many tokens a second.

    Parameters
    ----------
    label
        What the table calls it.
    group, scheme, what
        The row.
    limit
        Microseconds a step, for generation; tokens a second, for detection.
    """

    label: str
    group: str
    scheme: str
    what: str
    limit: float


STEP, TEXTS = "generation", "detection"
FULL, TOP, RANDOM = "128,256 tokens", "100 candidates", "random ids, texts of 1,000"
PROMISES = (
    Promise("SynthID, 30 layers, a step", STEP, "synthid.transformers", FULL, 2500),
    Promise("SynthID, 30 layers, a step", STEP, "synthid.transformers", TOP, 50),
    Promise("SynthID (synthid-text), a step", STEP, "synthid.synthid-text", TOP, 50),
    Promise("SynthID, detection", TEXTS, "synthid.transformers", RANDOM, 5e6),
    Promise("SynthID (synthid-text), detection", TEXTS, "synthid.synthid-text", RANDOM, 5e6),
    Promise("Gumbel of vLLM, detection", TEXTS, "gumbel.vllm", RANDOM, 20e6),
    Promise("Gumbel of SGLang, detection", TEXTS, "gumbel.sglang", RANDOM, 20e6),
    Promise("KGW lefthash, 128,256 tokens, detection", TEXTS, "kgw.lefthash", RANDOM, 5e4),
    Promise("KGW selfhash, 128,256 tokens, detection", TEXTS, "kgw.selfhash", RANDOM, 5e4),
)


def duration(microseconds: float) -> str:
    """Return a time with two or three digits, in the unit that fits.

    >>> duration(42.13), duration(1234), duration(183_000), duration(8_609_000)
    ('42.1 us', '1.23 ms', '183 ms', '8.61 s')
    """
    scale, unit = next(
        (scale, unit)
        for scale, unit in ((1e6, "s"), (1e3, "ms"), (0, "us"))
        if microseconds >= scale
    )
    return f"{digits(microseconds / (scale or 1))} {unit}"


def rate(microseconds: float) -> str:
    """Return how many tokens a second that is, one token taking so long.

    >>> rate(0.05), rate(20), rate(1300)
    ('20.0 M', '50.0 k', '769')
    """
    tokens = 1e6 / microseconds
    scale, unit = next(
        (scale, unit) for scale, unit in ((1e6, " M"), (1e4, " k"), (0, "")) if tokens >= scale
    )
    return f"{digits(tokens / {1e6: 1e6, 1e4: 1e3, 0: 1}[scale])}{unit}"


def digits(value: float) -> str:
    """Return a number with three digits, or all that stand before the point."""
    return f"{value:.{max(0, 2 - len(str(int(value))) + 1)}f}"


def others(cell: list[Row]) -> list[Row]:
    """Return the rows of originals, the fastest first."""
    return sorted((r for r in cell if not r["who"].startswith(OURS)), key=lambda r: r["cpu_us"])


def by_who(cell: list[Row]) -> dict[str, Row]:
    """Return the rows of a comparison by contestant."""
    return {row["who"]: row for row in cell}


def times_faster(cell: list[Row]) -> str:
    """Return how many times the CPU time of ours the fastest original takes."""
    found, own = others(cell), by_who(cell).get(OURS)
    return f"{digits(found[0]['cpu_us'] / own['cpu_us'])}x" if found and own else ""


def promises(rows: list[Row]) -> str:
    """Show what was promised beside what was reached; what misses is set in bold."""
    cells = grouped(rows, "group", "scheme", "what")
    lines = []
    for promise in PROMISES:
        cell = cells.get((promise.group, promise.scheme, promise.what), [])
        own = by_who(cell).get(OURS)
        if own is None:
            continue
        steps = promise.group == STEP
        show = duration if steps else rate
        limit = promise.limit if steps else 1e6 / promise.limit
        reached = show(own["cpu_us"])
        if own["cpu_us"] > limit:
            reached = f"**{reached}** (missed)"
        original = others(cell)[0] if others(cell) else None
        lines.append(
            [
                f"{promise.label}: {promise.what}",
                f"{'at most' if steps else 'at least'} {show(limit)}",
                reached,
                show(own["least_us"]),
                f"{show(original['cpu_us'])} ({original['who']})" if original else "-",
                times_faster(cell),
            ]
        )
    head = ["what", "promise", "reached (median)", "fastest call", "original (median)", "faster"]
    return table(head, lines)


def generation(rows: list[Row]) -> str:
    """Show steps."""
    lines = []
    for (scheme, what), cell in grouped(rows, "scheme", "what").items():
        who = by_who(cell)
        line = [f"{scheme}: {what}"]
        line += [duration(who[name]["cpu_us"]) if name in who else "" for name in (OURS, PROCESSOR)]
        line += [", ".join(f"{duration(r['cpu_us'])} ({r['who']})" for r in others(cell)) or "-"]
        lines.append([*line, times_faster(cell)])
    return table(["scheme: scores", "step", "by processor", "original", "faster"], lines)


def detection(rows: list[Row]) -> str:
    """Show tokens a second."""
    lines = []
    for (scheme, what), cell in grouped(rows, "scheme", "what").items():
        who = by_who(cell)
        line = [f"{scheme}: {what}"]
        for name in (OURS, SCORES, ONE, TWO):
            clock = "wall_us" if name == TWO else "cpu_us"
            line.append(rate(who[name][clock]) if name in who else "")
        line += [", ".join(f"{rate(row['cpu_us'])} ({row['who']})" for row in others(cell)) or "-"]
        lines.append([*line, times_faster(cell)])
    head = ["scheme: texts", "one thread", "scores alone", "one text a call"]
    return table([*head, "2 threads (wall)", "originals", "faster"], lines)


def many_keys(rows: list[Row]) -> str:
    """Show what further keys cost."""
    lines = []
    for (scheme,), cell in grouped(rows, "scheme").items():
        for row in cell:
            count = int(row["who"].split()[0])
            each = row["cpu_us"] / count
            lines.append([f"{scheme}: {count} key{'s' * (count > 1)}", rate(row["cpu_us"])])
            lines[-1] += [f"{1000 * each:.0f} ns"]
    return table(["scheme: keys", "tokens a second", "a token and key"], lines)


def memory(rows: list[Row]) -> str:
    """Show peaks."""
    lines = [
        [row["scheme"] or "ids alone", f"{row['megabytes']}", f"{row['cpu_s']:.1f}"] for row in rows
    ]
    return f"{rows[0]['what']}:\n\n" + table(["process", "peak MB", "CPU seconds"], lines)


PARTS = {"generation": generation, "detection": detection, "many keys": many_keys, "memory": memory}


def throughput(header: Row, rows: list[Row]) -> str:
    """Show all tables of a run."""
    groups = {group: cell for (group,), cell in grouped(rows, "group").items()}
    parts = [promises(rows)]
    parts += [f"{name.capitalize()}. {show(groups[name])}" if name == "memory" else
              f"{name.capitalize()}:\n\n{show(groups[name])}"
              for name, show in PARTS.items() if name in groups]  # fmt: skip
    versions = header["parameters"]["peers"]
    note = (
        "One thread, one core; medians of CPU time over "
        f"{header['parameters']['rounds']} rounds in which all of a line took turns. Tokens a "
        "second are from ids to p-values, windows and passages included; the originals give less "
        "(transformers a mean, a posterior or a z-score; vLLM and SGLang a p-value of the whole). "
        "Those of vLLM and SGLang are what they run on a CPU: both generate on graphics cards. "
        f"Originals: {', '.join(f'{name} {version}' for name, version in versions.items())}."
    )
    return "\n\n".join([*parts, source(header, note)])


def sections(folder: Path) -> list[str]:
    """Return the lines of all tables; none where there is no result file.

    Parameters
    ----------
    folder
        Where ``text_throughput.jsonl`` lies, or the same gzipped.
    """
    for path in (folder / FILE, folder / f"{FILE}.gz"):
        if path.exists():
            return throughput(*read(path)).splitlines()
    return []
