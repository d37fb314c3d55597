"""The tables of provenance in docs/results.md: manifests, public marks, damaged files, cost.

`benchmarks.report` calls the functions of ``SECTIONS``; the commands print the same tables.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from statistics import median

from scipy.stats import beta

from waarmerk.bench.report.markdown import grouped, percent, source, table
from waarmerk.bench.rows import Row

TITLES = {
    "provenance_conformance": "Provenance: manifests of others here, and ours elsewhere",
    "provenance_public_marks": "Provenance: public marks of other systems",
    "provenance_hostile": "Provenance: damaged files",
    "provenance_speed": "Provenance: speed",
    "provenance_memory": "Provenance: memory of large files",
}
RUNS = {
    "c2pa_python_with_test_roots": "official lists and the roots of the test certificates",
    "c2pa_python_official_list": "official lists alone",
}
STATUSES = ("trusted", "valid", "invalid", "absent")
DEPTHS = (1, 2, 3, 4, 6)  # of which DEPTHS[-1] is that of a report
PROMISED_MS = 10.0


def fixtures_table(rows: list[Row]) -> str:
    """Show how many files on which two validators agree are read as they read them."""
    lines = []
    agreed = [row for row in rows if row["part"] == "fixtures" and row["agree"]]
    for (run,), group in grouped(agreed, "how").items():
        said = Counter(row["ours"] for row in group)
        # The index says Invalid of the whole, or less, because of an identity assertion.
        allowed = [
            row
            for row in group
            if row["category"] == "cawg" and row["ours"] != row["others"][0].lower()
        ]
        right = f"{sum(row['right'] for row in group)} ({percent(row['right'] for row in group)} %)"
        counts = (f"{said[status]}" for status in STATUSES)
        lines.append([RUNS[run], f"{len(group)}", right, f"{len(allowed)}", *counts])
    head = [
        "trusted",
        "files",
        "as expected",
        "of them in spite of an identity assertion",
    ]
    return table([*head, *(f"said: {status}" for status in STATUSES)], lines)


def disputed_table(rows: list[Row]) -> str:
    """Show what is said of the files on which the two validators differ."""
    lines = []
    disputed = [row for row in rows if row["part"] == "fixtures" and not row["agree"]]
    for (name,), group in grouped(disputed, "name").items():
        by_run = {row["how"]: row for row in group}
        first = by_run[next(iter(RUNS))]
        theirs = (str(said or "says nothing") for said in first["others"])
        lines.append([name, *theirs, *(by_run[run]["ours"] for run in RUNS)])
    head = ["file on which they differ", "C2PA library", "second validator"]
    return table([*head, "ours, with test roots", "ours, official lists"], lines)


def formats_table(rows: list[Row]) -> str:
    """Show what was written in each format, and who accepts it."""
    lines = []
    for row in rows:
        if row["part"] == "formats":
            other = row["encypher"]
            if "encypher_as_text" in row:
                other += f" (handed over as text/plain: {row['encypher_as_text']})"
            sizes = (f"{row[what]:,}" for what in ("manifest_bytes", "label_bytes"))
            broken = ", ".join(row["broken"]) or "none"
            name = f"{row['name']}, {row['how']}"
            lines.append([name, row["where"], *sizes, row["ours"], other, broken])
    head = ["format", "the manifest is", "its bytes", "label bytes", "our reader", "encypher-c2pa"]
    return table([*head, "rules of the rubric broken"], lines)


def accepted(rows: Iterable[Row]) -> str:
    """Say how many of the rows everybody accepts, and which they do not."""
    rows = list(rows)
    known = [row for row in rows if row["encypher"] != "not read"]
    refused = [row for row in known if row["encypher"] != "Trusted"]
    names = "; ".join(f"{row['name']} ({row['encypher'].rpartition(': ')[2]})" for row in refused)
    return (
        f"our reader trusts {sum(row['ours'] == 'trusted' for row in rows)} of {len(rows)}; "
        f"encypher-c2pa {len(known) - len(refused)} of the {len(known)} whose type it knows"
        f"{f', not {names}' if names else ''}; "
        f"{sum(bool(row['broken']) for row in rows)} break a rule of the rubric."
    )


def strict_note(rows: Iterable[Row]) -> str:
    """Say what encypher-c2pa misses when it judges as the conformance programme does."""
    codes: Counter[str] = Counter()
    for row in rows:
        extra = set(row["strict"].partition(": ")[2].split(", "))
        known = {"", *row["encypher"].partition(": ")[2].split(", ")}
        codes.update(sorted(extra - known))  # so that equal counts keep their order
    if not codes:
        return "With `strict_conformance` it asks for nothing more."
    asked = ", ".join(f"{code.rpartition('.')[2]} ({count})" for code, count in codes.most_common())
    return (
        f"With `strict_conformance` it also misses: {asked}; a test certificate that signs without "
        "a network has neither."
    )


def conformance_tables(rows: list[Row]) -> list[str]:
    """Return the tables of `benchmarks.provenance_conformance`."""
    signed = [row for row in rows if row["part"] != "fixtures"]
    kinds = [row for row in rows if row["part"] == "kinds"]
    kinds_note = f"What manifests can say, in {len(kinds)} ways: "
    return [
        fixtures_table(rows),
        disputed_table(rows),
        formats_table(rows),
        f"All formats: {accepted(row for row in rows if row['part'] == 'formats')}",
        f"{kinds_note}{accepted(kinds)} {strict_note(signed)}",
    ]


def conformance(header: Row, rows: list[Row]) -> str:
    """Show how manifests are read here and elsewhere."""
    note = (
        "Signed with a test certificate, whose root the readers are told to trust. The rubric is "
        "that of tests/rubric.py, our statement of the asset rubrics 1.0."
    )
    return "\n\n".join([*conformance_tables(rows), source(header, note)])


def unmarked_table(rows: list[Row]) -> str:
    """Show how many unmarked crops reach each depth."""
    lines = []
    unmarked = [row for row in rows if row["part"] == "unmarked"]
    for (half,), group in grouped(unmarked, "half").items():
        total = sum(row["crops"] for row in group)
        pictures = {(row["folder"], row["picture"]) for row in group}
        for system in group[0]["counts"]:
            counts = [sum(row["counts"][system][d - 1] for row in group) for d in DEPTHS]
            lowest = min(row["lowest"][system] for row in group)
            shares = (f"{count} ({count / total:.1g})" if count else "0" for count in counts)
            lines.append(
                [f"{half}: {system}", f"{len(pictures)}", f"{total:,}", *shares, f"{lowest:.2f}"]
            )
    head = ["unmarked: message", "pictures", "crops", *(f"p <= 1e-{depth}" for depth in DEPTHS)]
    return table([*head, "smallest log10 p"], lines)


def finds_note(rows: list[Row]) -> str:
    """Say what follows for the share of pictures in which a mark would be reported."""
    said = []
    for (half,), group in grouped((r for r in rows if r["part"] == "unmarked"), "half").items():
        total = sum(row["crops"] for row in group)
        systems = group[0]["counts"]
        finds = sum(row["counts"][system][DEPTHS[-1] - 1] for row in group for system in systems)
        upper = beta.ppf(0.95, finds + 1, max(1, total - finds))
        said.append(f"{half} {finds} in {total:,} (<= {upper:.1e})")
    return (
        f"Reported at p <= 1e-{DEPTHS[-1]}: {'; '.join(said)}; in brackets the upper limit of the "
        "share (one-sided, 95 %, Clopper-Pearson), as if the crops of one picture were independent."
        " The bound needs no tuning; the limit was set when rows of a first run had been seen, "
        "those of the reporting half too, which is therefore not blind."
    )


def power_table(rows: list[Row]) -> str:
    """Show in how many marked pictures the mark is found, and by the library's decoder."""
    marked = [row for row in rows if row["part"] == "marked"]
    changes = list(dict.fromkeys(row["change"] for row in marked))
    lines = []
    for (system, reading), group in grouped(marked, "system", "reading").items():
        cells = grouped(group, "change")
        lines.append(
            [
                f"{system}, {reading}",
                f"{len(cells[changes[0],])}",
                *(
                    f"{percent(r['log10_p'] <= -DEPTHS[-1] for r in cells[change,])} "
                    f"({percent(r['library'] >= 1 for r in cells[change,])})"
                    for change in changes
                ),
            ]
        )
    return table(["marked by the package: message, as", "pictures", *changes], lines)


def public_marks(header: Row, rows: list[Row]) -> str:
    """Show false positives and power of the readers of public marks."""
    parts = [unmarked_table(rows), finds_note(rows)]
    if any(row["part"] == "marked" for row in rows):
        parts += [
            power_table(rows),
            "Per cent of the pictures in which the mark is reported; in brackets those of which "
            "the package's own decoder, given the 8-bit file, reads the whole message. `float`, "
            "`swapped` and `8 bit` are the ways in which programs hand pictures over.",
        ]
    if equal := [row for row in rows if row["part"] == "equal"]:
        each = ", ".join(
            f"{reading} {sum(r['different'] for r in group)} of {sum(r['bits'] for r in group):,}"
            for (reading,), group in grouped(equal, "reading").items()
        )
        parts.append(
            f"Bits of unmarked pictures that the package's decoder reads otherwise: {each}. Of "
            "8-bit pixels it cuts U to whole numbers, which the reader follows in the mean only."
        )
    library = next((row["versions"] for row in rows if row["part"] == "library"), {})
    note = ", ".join(f"{name} {version}" for name, version in library.items())
    return "\n\n".join([*parts, source(header, f"{note}." if note else "")])


def hostile(header: Row, rows: list[Row]) -> str:
    """Show what became of damaged files."""
    from benchmarks.hostile import results

    guards = " and ".join(sorted({row["blocked"] for row in rows}))
    note = (
        f"Sockets are blocked by {guards}. A find is an exception that is no refusal in one line, "
        "a crash, more than 2 s, more than 1 GB, an attempt to reach the network, or a library "
        "that talks on stderr."
    )
    return f"{results(rows)}\n\n{source(header, note)}"


def speed_table(rows: list[Row]) -> str:
    """Show medians, and what calls take beyond decoding."""
    lines = []
    for (size, quality, what), group in grouped(rows, "size", "quality", "what").items():
        beyond = [row["beyond_ms"] for row in group]
        more = [f"{median(beyond):.1f}", f"{max(beyond):.1f}"]
        lines.append(
            [
                f"{size}, quality {quality}: {what}",
                f"{median(row['ms'] for row in group):.1f}",
                *(more if what.startswith("detect") else ["", ""]),
            ]
        )
    return table(["call", "ms", "beyond decoding", "worst picture"], lines)


def speed_kept(rows: list[Row]) -> tuple[bool, str]:
    """Say whether the promise is kept, and by how much; and what a key takes."""
    calls = {
        what: [median(row["beyond_ms"] for row in cell) for cell in by_file.values()]
        for (what,), group in grouped(rows, "what").items()
        if what.startswith("detect") and (by_file := grouped(group, "size", "quality"))
    }
    kept = max(calls["detect, no key"]) <= PROMISED_MS
    asked = [row for row in rows if row["what"] == "detect, no key"]
    over = sum(row["beyond_ms"] > PROMISED_MS for row in asked)
    said = "; ".join(f"{what} {min(ms):.1f} to {max(ms):.1f} ms" for what, ms in calls.items())
    return kept, (
        f"Promised were at most {PROMISED_MS:g} ms beyond decoding, by which detection without a "
        f"key is meant: {'kept' if kept else 'missed'}, with {over} of {len(asked)} files over it. "
        f"Medians over pictures: {said}."
    )


def speed(header: Row, rows: list[Row]) -> str:
    """Show how long an unmarked JPEG takes."""
    pictures = len({row["picture"] for row in rows})
    note = f"{pictures} pictures; medians of CPU milliseconds on one thread, calls taking turns."
    return "\n\n".join([speed_table(rows), speed_kept(rows)[1], source(header, note)])


def memory_table(rows: list[Row]) -> str:
    """Show how much memory and time large files take."""
    lines = [
        [
            f"{row['size_mb']} MB of {row['format']}",
            *(f"{row[step][what]}" for step in ("mark", "detect") for what in ("mb", "seconds")),
            f"{row['mark']['is']}; {row['detect']['is']}",
        ]
        for row in rows
    ]
    head = ["file", "mark: MB", "s", "detect: MB", "s", "manifest; what is read"]
    return table(head, lines)


def memory(header: Row, rows: list[Row]) -> str:
    """Show the memory of large files."""
    note = "Peak of resident memory beyond that of a small file of the format, in a fresh process."
    return f"{memory_table(rows)}\n\n{source(header, note)}"


SECTIONS: dict[str, tuple[tuple[str, ...], Callable[..., str]]] = {
    "provenance_conformance": (("provenance_conformance.jsonl",), conformance),
    "provenance_public_marks": (("others.jsonl",), public_marks),
    "provenance_hostile": (("hostile.jsonl",), hostile),
    "provenance_speed": (("provenance_speed.jsonl",), speed),
    "provenance_memory": (("provenance_memory.jsonl",), memory),
}
