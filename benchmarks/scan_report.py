"""The tables of scans in docs/results.md."""

from __future__ import annotations

from collections import defaultdict
from statistics import mean, median

from benchmarks.scan_mix import MIX
from waarmerk.bench.report.markdown import grouped, source, table
from waarmerk.bench.rows import Row

TITLES = {"scan": "Scans of many files", "scan_faults": "Scans of many files: faults"}
SHARE, SCALING, START, MORE_KEYS = 0.7, 1.8, 2.0, 3.0
SETTLED = 1000  # files, after which memory is to stay as it is
FLAT = 0.01  # of the median, for a thousand files more; less is what differs between files
NAMES = {"decode": "decoding alone", "local": "scan", "ray": "scan, Ray"}
COUNTS = ("missing", "twice", "unasked", "harmed", "surprises")


def middle(rows: list[Row], field: str) -> float:
    """Return the median of a field."""
    return float(median(row[field] for row in rows))


def parts_of(rows: list[Row]) -> dict[str, list[Row]]:
    """Return the rows of each part."""
    return {part: cell for (part,), cell in grouped(rows, "part").items()}


def who(row: Row) -> str:
    """Return what the tables call a contestant."""
    name = NAMES.get(row["engine"], str(row["engine"]))
    return f"{name}, {row['effort']}" if row["effort"] else name


def rates(rows: list[Row], case: str) -> dict[tuple[str, int], float]:
    """Return files a second of a case, by contestant and workers; medians of rounds."""
    cells = grouped((row for row in rows if row["case"] == case), "engine", "effort", "workers")
    return {
        (who(cell[0]), cell[0]["workers"]): cell[0]["files"] / middle(cell, "wall")
        for cell in cells.values()
    }


def throughput(rows: list[Row]) -> str:
    """Show files a second, beside decoding alone."""
    lines = []
    for (case,), cell in grouped(rows, "case").items():
        found = rates(rows, case)
        for (name, workers), rate in found.items():
            alone = found.get((NAMES["decode"], workers))
            one = found.get((name, 1))
            of = [r for r in cell if who(r) == name and r["workers"] == workers]
            files = of[0]["files"]
            lines.append(
                [
                    f"{files:,} files: {name}, {workers} worker{'s' * (workers > 1)}",
                    f"{rate:.1f}",
                    f"{rate / alone:.0%}" if alone and name != NAMES["decode"] else "",
                    f"{rate / one:.2f}x" if one and workers > 1 else "",
                    f"{middle(of, 'cpu') / files * 1000:.1f}",
                    f"{len(of)} ({min(r['wall'] for r in of):.0f} to "
                    f"{max(r['wall'] for r in of):.0f} s)",
                ]
            )
    head = ["what", "files a second", "of decoding alone", "beside one worker"]
    return table([*head, "CPU ms a file", "rounds (wall)"], lines)


def kinds(rows: list[Row]) -> str:
    """Show seconds of a file by kind, for one worker."""
    columns: dict[str, dict[str, float]] = defaultdict(dict)
    about: dict[str, tuple[float, float]] = {}
    for cell in grouped(
        (r for r in rows if r["workers"] == 1), "case", "engine", "effort"
    ).values():
        name = who(cell[0]) if cell[0]["engine"] != "decode" else f"decode {cell[0]['case']}"
        for kind in cell[0]["kinds"]:
            number, _, amount = cell[0]["kinds"][kind]
            columns[name][kind] = median(row["kinds"][kind][1] for row in cell) / number
            if cell[0]["case"] == "all":
                about[kind] = (number, amount / number)
    reference = columns.get("decode all", {})
    scans = [name for name in columns if not name.startswith("decode")]
    lines = []
    for kind in (name for name in MIX if name in about):
        number, amount = about[kind]
        unit = "s" if MIX[kind].sound else "MP"
        line = [f"{kind} ({MIX[kind].form})", f"{number:,.0f}", f"{amount:.2g} {unit}"]
        line.append(f"{1e3 * reference[kind]:.1f}" if kind in reference else "-")
        for name in scans:
            seconds = columns[name].get(kind)
            line.append(f"{1e3 * seconds:.1f}" if seconds is not None else "-")
            ratio = reference[kind] / seconds if seconds and kind in reference else None
            line.append(f"{ratio:.0%}" if ratio else "-")
        lines.append(line)
    head = ["kind", "files", "mean size", "decoding alone, ms"]
    for name in scans:
        head += [f"{name}, ms", "rate of decoding alone"]
    return table(head, lines)


def marks(rows: list[Row]) -> str:
    """Say how many of the marks were found."""
    said = []
    for cell in grouped((r for r in rows if "found" in r), "case", "engine", "effort").values():
        found = cell[0]["found"]
        said.append(
            f"{who(cell[0])}: {found.get('marked found', 0)} of {found.get('marked', 0)} marked "
            f"files, {found.get('cropped found', 0)} of {found.get('cropped', 0)} that were "
            f"cropped since, {found.get('false', 0)} false, manifests in "
            f"{found.get('manifests found', 0)} of {found.get('manifests', 0)}"
        )
    return f"Found by the way: {'; '.join(said)}." if said else ""


def start(rows: list[Row]) -> str:
    """Show seconds to the first row."""
    lines = []
    for cell in grouped(rows, "case", "engine", "effort").values():
        name = (
            cell[0]["case"] if cell[0]["case"] == "help" else f"{cell[0]['case']}: {who(cell[0])}"
        )
        worst = max(row["seconds"] for row in cell)
        ends = [row["to_end"] for row in cell if "to_end" in row]
        lines.append(
            [
                name,
                f"{middle(cell, 'seconds'):.2f}",
                f"{worst:.2f}",
                f"{median(ends):.2f}" if ends else "",
            ]
        )
    head = ["start", "seconds to the first row or the text, median", "slowest"]
    return table([*head, "from there (all files: from Ctrl-C) to the end"], lines)


def settled(samples: list[list[float]], after: int = SETTLED) -> list[list[float]]:
    """Return the samples from which on memory should be flat, the last ones of the end left out."""
    most = max(files for _, files, *_ in samples)
    return [one for one in samples if after <= one[1] < most]


def slope(samples: list[list[float]]) -> float:
    """Return MB for a thousand files more, by least squares.

    >>> slope([[0, 1000, 50.0, 3], [1, 2000, 52.0, 3], [2, 3000, 54.0, 3]])
    2.0
    """
    if len(samples) < 2:
        return 0.0
    x, y = mean(one[1] for one in samples), mean(one[2] for one in samples)
    spread = sum((one[1] - x) ** 2 for one in samples)
    if not spread:
        return 0.0
    return 1000 * sum((one[1] - x) * (one[2] - y) for one in samples) / spread


def memory(rows: list[Row]) -> str:
    """Show how memory goes with the files done."""
    lines = []
    for row in rows:
        after = settled(row["samples"]) or row["samples"]
        sizes = [one[2] for one in after]
        tenth = max(1, len(after) // 10)
        lines.append(
            [
                f"{who(row)}, {row['workers']} workers, {row['files']:,} files",
                f"{len(after)}",
                f"{median(sizes):.0f}",
                f"{max(sizes):.0f} ({max(sizes) / median(sizes):.2f}x)",
                f"{median(sizes[:tenth]):.0f} / {median(sizes[-tenth:]):.0f}",
                f"{slope(after):+.2f}",
                f"{max(one[3] for one in after)}",
            ]
        )
    head = [f"memory after {SETTLED:,} files", "samples", "median MB", "most MB (of the median)"]
    head += ["first / last tenth, MB", "MB for 1,000 files more", "processes"]
    return table(head, lines)


def keys(rows: list[Row]) -> str:
    """Show what further keys cost."""
    lines = []
    for (case, *_), cell in grouped(rows, "case", "engine", "effort").items():
        by_count = {row["keys"]: [r for r in cell if r["keys"] == row["keys"]] for row in cell}
        one = by_count.get(1)
        for count, group in sorted(by_count.items()):
            each = middle(group, "seconds") / group[0]["files"]
            lines.append(
                [
                    f"{case}: {who(group[0])}, {count} key{'s' * (count > 1)}",
                    f"{1e3 * each:.1f}",
                    f"{middle(group, 'seconds') / middle(one, 'seconds'):.2f}x" if one else "",
                    f"{middle(group, 'cpu') / middle(one, 'cpu'):.2f}x" if one else "",
                    f"{group[0]['found']} of {group[0]['files']}",
                ]
            )
    head = ["keys", "ms a file", "of one key", "CPU with start, of one key", "marks found"]
    return table(head, lines)


def sizes(rows: list[Row]) -> str:
    """Show how cost goes with size."""
    lines = []
    for (case, *_), cell in grouped(rows, "case", "engine").items():
        first = cell[0]
        if "width" in first:
            amount = f"{first['width'] * first['height'] / 1e6:.2g} MP"
        else:
            amount = f"{first['length']:.0f} s" if "length" in first else ""
        cost = {row["effort"]: row["seconds"] for row in cell}
        decode = first.get("decode")
        line = [case.rpartition("-")[0], amount, f"{first['bytes'] / 1e6:.2f}"]
        line.append(f"{1e3 * decode:.1f}" if decode else "")
        for effort in ("fast", "full"):
            line.append(f"{1e3 * cost[effort]:.1f}" if effort in cost else "")
        lines.append(line)
    head = ["not marked", "size", "MB", "decoding alone, ms", "scan, fast, ms", "scan, full, ms"]
    return table(head, lines)


def faults(rows: list[Row]) -> str:
    """Show what became of all files where some are hostile, or processes are killed."""
    lines = [
        [
            f"{row['case']} ({NAMES.get(row['engine'], row['engine'])})",
            f"{row['files']:,}",
            f"{row['rows']:,}",
            *(f"{row[name]}" for name in COUNTS),
        ]
        for row in rows
    ]
    head = ["all files", "files", "rows", "without a row", "with two", "not asked for"]
    text = table([*head, "good ones harmed", "bad ones not as expected"], lines)
    bad = [row for row in rows if row["hostile"]]
    if bad:
        names = dict.fromkeys(name for row in bad for name in row["hostile"])
        lines = [
            [name, *(_statuses(row["hostile"].get(name, {})) for row in bad)] for name in names
        ]
        text += "\n\n" + table(["hostile", *(row["case"] for row in bad)], lines)
    return text + "".join(f"\n\n{_kills(row)}" for row in rows if row.get("kills"))


def _statuses(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "-"


def _kills(row: Row) -> str:
    parts = []
    for kill in row["kills"]:
        if "gone_after" in kill:
            what = "all processes" if kill["everything"] else "the first process"
            parts.append(
                f"{what} after {kill['rows']:,} rows ({kill['processes']} processes; the last was "
                f"gone after {kill['gone_after']:.1f} s"
                + (f", {kill['left']} had to be killed)" if kill["left"] else ")")
            )
        elif "killed" in kill:
            parts.append(f"{kill['killed']} processes of a scan, one at a time")
    return f"Killed in {row['case']!r}: {'; '.join(parts)}."


def promises(parts: dict[str, list[Row]]) -> str:
    """Show what was promised beside what was reached; what misses is set in bold."""
    lines = []

    def add(what: str, promise: str, value: str, kept: bool) -> None:
        lines.append([what, promise, value if kept else f"**{value}** (missed)"])

    for case, effort in (("all", "fast"), ("tenth", "full")):
        found = rates(parts.get("throughput", []), case)
        scan = f"{NAMES['local']}, {effort}"
        for workers in (1, 2):
            if {(scan, workers), (NAMES["decode"], workers)} <= found.keys():
                share = found[scan, workers] / found[NAMES["decode"], workers]
                name = f"{effort}: rate of decoding alone, {workers} worker{'s' * (workers > 1)}"
                add(name, f"at least {SHARE:.0%}", f"{share:.0%}", share >= SHARE)
        if {(scan, 1), (scan, 2)} <= found.keys():
            times = found[scan, 2] / found[scan, 1]
            name = f"{effort}: two workers beside one"
            add(name, f"at least {SCALING}x", f"{times:.2f}x", times >= SCALING)
    for case in ("one file", "all files"):
        cell = [row for row in parts.get("start", []) if row["case"] == case]
        if cell:
            worst = max(
                middle(group, "seconds") for group in grouped(cell, "engine", "effort").values()
            )
            add(f"first row, {case}", f"under {START:.0f} s", f"{worst:.2f} s", worst < START)
    for row in parts.get("memory", []):
        after = settled(row["samples"])
        value = slope(after)
        most = FLAT * median(one[2] for one in after) if after else 0.0
        name = f"memory after {SETTLED:,} files, for 1,000 more"
        add(name, f"flat: at most +{FLAT:.0%}", f"{value:+.2f} MB", value <= most)
    pictures = [row for row in parts.get("keys", []) if row["case"] == "pictures"]
    for (effort,), cell in grouped(pictures, "effort").items():
        counts = {n: [r for r in cell if r["keys"] == n] for n in (1, 100)}
        if all(counts.values()):
            times = middle(counts[100], "seconds") / middle(counts[1], "seconds")
            name = f"100 keys on pictures, {effort}"
            add(name, f"at most {MORE_KEYS:.0f}x of one", f"{times:.2f}x", times <= MORE_KEYS)
    for row in parts.get("faults", []):
        wrong = sum(row[name] for name in COUNTS)
        add(f"faults, {row['case']}", "every file one row, no good one harmed",
            "kept" if not wrong else f"{wrong} files", not wrong)  # fmt: skip
    return table(["what", "promise", "reached"], lines)


def scan(header: Row, rows: list[Row]) -> str:
    """Show all tables."""
    parts = parts_of(rows)
    out = [promises(parts)]
    for name, writer in (
        ("throughput", throughput), ("start", start), ("memory", memory), ("keys", keys),
        ("sizes", sizes), ("faults", faults),
    ):  # fmt: skip
        if name in parts:
            out.append(writer(parts[name]))
            if name == "throughput":
                out += [kinds(parts[name]), marks(parts[name])]
    files = header["parameters"]["set"]["files"]
    note = (
        f"{files:,} files by `python -m benchmarks.scan_set`. A scan is timed from its command to "
        "its end, decoding from when its pool is ready. One key unless said otherwise, a tenth of "
        "the files marked."
    )
    return "\n\n".join([part for part in out if part] + [source(header, note)])


SECTIONS = {"scan": (("scan.jsonl",), scan), "scan_faults": (("scan_faults.jsonl",), scan)}
