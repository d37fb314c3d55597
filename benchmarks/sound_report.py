"""The tables of the audio mark in docs/results.md; `benchmarks.report` puts them there."""

from collections.abc import Callable, Iterable
from statistics import mean, median

from benchmarks.run_sound import EXCERPTS
from waarmerk.bench.report.markdown import grouped, percent, source, table
from waarmerk.bench.rows import Row
from waarmerk.bench.transformations.audio import SOUND_TRANSFORMS

TITLES = {
    "sound_fidelity": "Audio: fidelity",
    "sound_robustness": "Audio: robustness",
    "sound_excerpts": "Audio: short excerpts",
    "sound_false_positives": "Audio: false positives",
    "sound_attacks": "Audio: removal without the key",
    "sound_throughput": "Audio: speed and memory",
    "sound_peers": "Audio: peers measured here",
    "sound_published": "Audio: peers as published",
}
SURE = -6.0  # log10 p of "found"
KINDS = ("speech", "music")
FIGURES = (("pesq", "PESQ", 2), ("visqol", "ViSQOL", 2), ("snr", "SNR dB", 1))
# length in seconds: (share found, share of exact ids), promised for places that are not silent
EXCERPT_TARGETS = {1.5: (0.80, None), 3.0: (0.95, None), 5.0: (None, 0.80)}


def judged(values: Iterable[bool], target: float | None) -> str:
    """Return the share in per cent, and say where it misses its target.

    >>> judged([True, False], 0.95), judged([True], 0.95), judged([], None)
    ('**50.0** (missed)', '100.0', '-')
    """
    values = list(values)
    missed = target is not None and values and mean(values) < target
    return f"**{percent(values)}** (missed)" if missed else percent(values)


def sure(rows: Iterable[Row]) -> list[bool]:
    """Say of every row whether the mark was found at p <= 1e-6."""
    return [row["log10_p"] <= SURE for row in rows]


def worst(rows: list[Row], figure: str, digits: int) -> str:
    """Return the mean of a figure, and the lowest with its clip."""
    low = min(rows, key=lambda row: row[figure])
    average = mean(row[figure] for row in rows)
    return f"{average:.{digits}f} ({low[figure]:.{digits}f} {low['clip']})"


def fidelity(header: Row, rows: list[Row]) -> str:
    """Show the quality of the marked pieces, by half and kind."""
    marks = [row for row in rows if row["transform"] == "mark"]
    lines = []
    for (half, kind), group in sorted(grouped(marks, "half", "kind").items()):
        done = [row for row in group if "refused" not in row]
        line = [f"{half}: {kind}", f"{len(group)}", f"{len(group) - len(done)}"]
        if done:
            line += [worst(done, "pesq", 2), worst(done, "visqol", 2), worst(done, "snr", 1)]
            line += [worst(done, "segmental_snr", 1), f"{max(row['peak'] for row in done):.3f}"]
        lines.append(line)
    head = ["half: kind", "pieces x keys", "refused", "PESQ mean (worst)", "ViSQOL", "SNR dB"]
    head += ["segmental SNR dB", "highest peak"]
    note = (
        "PESQ wide band at 16 kHz and ViSQOL in audio mode at 48 kHz, of the mean of all channels; "
        "the same sound has 4.64 and 4.73."
    )
    return f"{table(head, lines)}\n\n{source(header, note)}"


def robustness(header: Row, rows: list[Row]) -> str:
    """Show exact ids and detections after every change, by half."""
    reads = [row for row in rows if "exact" in row and row["transform"] in SOUND_TRANSFORMS]
    cells = grouped(reads, "half", "transform")
    parts = []
    for half in dict.fromkeys(row["half"] for row in reads):
        lines, group = [], ""
        for name, transform in SOUND_TRANSFORMS.items():
            cell = cells.get((half, name), [])
            if not cell:
                continue
            if transform.group != group:
                group = transform.group
                lines.append([f"**{group}**", *[""] * 7])
            by_kind = [[row for row in cell if row["kind"] == kind] for kind in KINDS]
            target = "exact" if transform.exact else "found" if transform.found else ""
            lines.append(
                [
                    transform.label,
                    f"{transform.exact or transform.found:.0%} {target}" if target else "",
                    judged((row["exact"] for row in cell), transform.exact),
                    judged(sure(cell), transform.found),
                    *(f"{percent(r['exact'] for r in k)} / {percent(sure(k))}" for k in by_kind),
                    f"{median(row['log10_p'] for row in cell):.0f}",
                    f"{max(row['log10_p'] for row in cell):.1f}",
                ]
            )
        used = [row for row in reads if row["half"] == half]
        pieces = len(grouped(used, "clip", "piece", "key"))
        head = ["change", "target", "exact id %", "p <= 1e-6 %"]
        head += [f"{kind}: exact / found %" for kind in KINDS]
        head += ["median log10 p", "weakest log10 p"]
        parts.append(f"The {half} half, {pieces} marked pieces:\n\n{table(head, lines)}")
    wrong = sum(bool(row.get("wrong")) for row in reads)
    errors = sum(row["status"] == "error" for row in reads)
    note = (
        "Pieces that were refused are not counted. A wrong id was read in "
        f"{wrong} of {len(reads)} cases; errors: {errors}."
    )
    return "\n\n".join([*parts, source(header, note)])


def excerpts(header: Row, rows: list[Row]) -> str:
    """Show what is read of short excerpts."""
    lines = []
    used = [row for row in rows if row["transform"] in EXCERPTS and "exact" in row]
    for half in dict.fromkeys(row["half"] for row in used):
        for name, seconds in EXCERPTS.items():
            cells = [row for row in used if (row["half"], row["transform"]) == (half, name)]
            found, exact = EXCERPT_TARGETS[seconds]
            for kind in ("all", *KINDS):
                cell = [row for row in cells if kind in ("all", row["kind"])]
                if not cell:
                    continue
                promise = f"{found or exact:.0%} {'found' if found else 'exact'}"
                lines.append(
                    [
                        f"{half}: {seconds:g} s, {kind}",
                        promise if kind == "all" else "",
                        f"{len(cell)}",
                        judged(sure(cell), found if kind == "all" else None),
                        judged((r["exact"] for r in cell), exact if kind == "all" else None),
                        f"{median(row['log10_p'] for row in cell):.1f}",
                    ]
                )
    head = ["excerpt", "target", "places", "p <= 1e-6 %", "exact id %", "median log10 p"]
    note = (
        "Places are drawn at random from those that are not silent: RMS within 30 dB of the "
        "loudest second of the piece, and two thirds of the frames of 50 ms above -45 dBFS."
    )
    return f"{table(head, lines)}\n\n{source(header, note)}"


def attacks(header: Row, rows: list[Row]) -> str:
    """Show what is left of the mark after each removal attack."""
    lines = []
    done = [row for row in rows if "found" in row]
    for (attack,), group in grouped(done, "attack").items():
        for long in (False, True):
            cell = [row for row in group if row["clip"].startswith("all ") == long]
            if not cell:
                continue
            costs = [row["snr"] for row in cell if "snr" in row]
            heard = [row["pesq"] for row in cell if "pesq" in row]
            lines.append(
                [
                    f"{attack}{' (long recordings and their first 20 s)' if long else ''}",
                    f"{len(cell)}",
                    f"{mean(costs):.1f} ({min(costs):.1f})" if costs else "-",
                    f"{mean(heard):.2f} ({min(heard):.2f})" if heard else "-",
                    percent(sure(cell)),
                    percent(row["exact"] for row in cell),
                    f"{median(row['log10_p'] for row in cell):.0f}",
                ]
            )
    head = ["attack", "sounds", "SNR to the marked one, mean (worst)", "PESQ, mean (worst)"]
    head += ["p <= 1e-6 %", "exact id %", "median log10 p"]
    note = f"Readings in which the detector failed: {sum(r['status'] == 'error' for r in done)}."
    return f"{table(head, lines)}\n\n{source(header, note)}"


def throughput(header: Row, rows: list[Row]) -> str:
    """Show medians, times real time, and memory."""
    timed = [row for row in rows if "real_time" in row]
    lines = [
        [
            f"{row['group']}: {row['what']}",
            f"{row['cpu_ms']:.1f}",
            f"{row['real_time']:.0f}x",
            f"{row['ratio']:.2f}",
            f"{row['each_further_key']:.1%}" if "each_further_key" in row else "",
        ]
        for row in timed
    ]
    head = ["what", "CPU ms for a minute", "times real time", "ratio to decoding", "further key"]
    peaks = [
        [f"{row['group']}: {row['what']}", f"{row['megabytes']}", f"{row['cpu_ms'] / 1000:.1f}"]
        for row in rows
        if "megabytes" in row
    ]
    memory = table(["process", "peak MB", "CPU seconds"], peaks) if peaks else ""
    note = "One thread, one core; medians of rounds in which the lines of a group took turns."
    return f"{table(head, lines)}\n\n{memory}\n\n{source(header, note)}"


def peer_cells(rows: list[Row]) -> dict[str, str]:
    """Return the cells of one peer, by the name of the line."""
    embeds = [row for row in rows if row["transform"] == "embed"]
    cells = {"pieces": f"{len(embeds)}"}
    for kind in KINDS:
        group = [row for row in embeds if row["kind"] == kind]
        if group:
            for figure, name, digits in FIGURES:
                low, average = min(r[figure] for r in group), mean(r[figure] for r in group)
                cells[f"{name}, {kind}: mean (worst)"] = f"{average:.{digits}f} ({low:.{digits}f})"
    reads = [row for row in rows if "exact" in row]
    plain = [row for row in reads if row["transform"] == "identity"]
    for name, group in (("mark", embeds), ("read", plain)):
        if group:
            speeds = [row["seconds_of_sound"] / max(row["cpu"], 1e-3) for row in group]
            cells[f"{name}, times real time (CPU)"] = f"{median(speeds):.0f}x"
    searched = [row["seconds_of_sound"] / row["cpu_speed"] for row in reads if "cpu_speed" in row]
    if searched:
        cells["read with --detect-speed, times real time (CPU)"] = f"{median(searched):.1f}x"
    unmarked = [row for row in reads if row["transform"] == "unmarked"]
    if unmarked:
        cells["patterns printed for an unmarked sound"] = (
            f"{mean(r['patterns'] for r in unmarked):.1f}"
        )
    return cells | exact_cells(reads)


def exact_cells(reads: list[Row]) -> dict[str, str]:
    """Return the shares of exact payloads after every change, with the search for speed in [ ]."""
    labels = {name: transform.label for name, transform in SOUND_TRANSFORMS.items()}
    labels |= {name: f"excerpt of {seconds:g} s" for name, seconds in EXCERPTS.items()}
    by_name = grouped(reads, "transform")
    cells = {}
    for name, label in labels.items():
        cell = by_name.get((name,), [])
        if cell:
            searched = [row["exact_speed"] for row in cell if "exact_speed" in row]
            more = f" [{percent(searched)}]" if searched else ""
            cells[f"exact %: {label}"] = percent(row["exact"] for row in cell) + more
    return cells


def own_cells(rows: list[Row]) -> dict[str, str]:
    """Return the same of our own mark, on the reporting half."""
    rows = [row for row in rows if row["half"] == "reporting"]
    marks = [row for row in rows if row["transform"] == "mark" and "refused" not in row]
    renamed = [{**row, "transform": "embed", "cpu": row["seconds"]} for row in marks]
    reads = [{**row, "cpu": row["seconds"]} for row in rows if "exact" in row]
    return peer_cells([*renamed, *reads])


def peers(header: Row, rows: list[Row], _own_header: Row, own: list[Row]) -> str:
    """Show audiowmark's figures, ours beside them."""
    columns = {}
    if any(row["half"] == "reporting" for row in own):
        columns["waarmerk, 64 bit"] = own_cells(own)
    for (peer,), cell in grouped(rows, "peer").items():
        columns[f"audiowmark, {peer}"] = peer_cells(cell)
    # In the order of the longest column, which lacks the fewest lines.
    longest = sorted(columns.values(), key=len, reverse=True)
    names = dict.fromkeys(name for column in longest for name in column)
    lines = [[name, *(column.get(name, "-") for column in columns.values())] for name in names]
    note = (
        f"{header['parameters']['versions']}, one core. Exact: its payload is among the patterns "
        "that it prints (up to eight and more at 128 bit, which it does not judge); ours: the id "
        "reported. In square brackets: with --detect-speed."
    )
    return f"{table(['', *columns], lines)}\n\n{source(header, note)}"


# Figures that others published; none was measured here, and conditions differ from row to row.
_PUBLISHED: tuple[tuple[str, ...], ...] = (
    (
        "AudioSeal (2024)",
        "presence for every sample, 16 bit",
        "PESQ 4.48",
        "TPR 1.00 unattacked, 0.992 at noise of std 0.001; 0.000 to 0.005 at every speed from 0.5 "
        "to 1.5 but 1.0",
        "OmniSeal Bench, VoxPopuli, 1,000 clips: "
        "<https://huggingface.co/spaces/facebook/omnisealbench>",
    ),
    (
        "WavMark (2023)",
        "32 bit a second",
        "SNR above 38 dB, PESQ 4.3",
        "mean bit error rate 0.48 % over ten attacks, 10 to 20 s; false positives 2^-16 for each "
        "window",
        "<https://arxiv.org/abs/2308.12770>",
    ),
    (
        "SilentCipher (2024)",
        "40 bit",
        "SDR 47.2 dB",
        "crops only with a slower decoder; as measured by others, lost after lossy delivery at the "
        "default 47 dB; at 30 dB confidence 0.95 after MP3 192k, 0.92 after AAC 192k",
        "<https://arxiv.org/abs/2406.03822>, <https://github.com/CreativeMayhemLtd/provcheck>",
    ),
)


def published(*_nothing: object) -> str:
    """Show what others say about marks whose weights were not to be had."""
    head = ["mark", "payload", "quality", "robustness", "source"]
    return (
        f"{table(head, _PUBLISHED)}\n\nNot measured here: their packages hold no weights. Other "
        "clips, other attacks and other thresholds than in the tables above."
    )


SECTIONS: dict[str, tuple[tuple[str, ...], Callable[..., str]]] = {
    "sound_fidelity": (("sound.jsonl",), fidelity),
    "sound_robustness": (("sound.jsonl",), robustness),
    "sound_excerpts": (("sound.jsonl",), excerpts),
    "sound_attacks": (("sound_attacks.jsonl",), attacks),
    "sound_throughput": (("sound_throughput.jsonl",), throughput),
    "sound_peers": (("sound_peers.jsonl", "sound.jsonl"), peers),
    "sound_published": (("sound_peers.jsonl",), published),
}
