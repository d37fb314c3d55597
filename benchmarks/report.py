"""Turns result files into the tables of docs/results.md.

``python -m benchmarks.report --results benchmarks/results --docs docs/results.md``

Each table stands between ``<!-- results: NAME -->`` and ``<!-- end of results -->``; what lies
there is replaced, the rest of the page is left alone. A page that lacks a marker gets the section
at its end. Every table says which command, which code and which date it comes from. A result file
that is not there leaves its section as it is.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median

from benchmarks import (
    provenance_report,
    scan_report,
    sound_report,
    text_report,
    text_speed_report,
)
from benchmarks.false_positives import THRESHOLDS, summarise
from waarmerk.bench.content.pictures import TUNING_GRAPHICS
from waarmerk.bench.integrity.report import integrity_tables
from waarmerk.bench.report import summary
from waarmerk.bench.report.loaded import load
from waarmerk.bench.report.markdown import grouped, percent, put, sections, source, table
from waarmerk.bench.rows import Row, read
from waarmerk.bench.scaling import scaling_tables
from waarmerk.bench.transformations.image import TRANSFORMS

TITLES = {
    "fidelity": "Fidelity",
    "robustness": "Robustness",
    "graphics": "Flat graphics and screens",
    "false_positives": "False positives",
    "attacks": "Removal without the key",
    "coexistence": "Two watermarks in one picture",
    "peers": "Peers",
    "throughput": "Speed",
    **sound_report.TITLES,
    **text_report.TITLES,
    **provenance_report.TITLES,
    "integrity_image": "Integrity: images",
    "integrity_audio": "Integrity: audio",
    "integrity_text": "Integrity: text",
    "scaling": "Scaling",
    **scan_report.TITLES,
}
SURE = -9.0  # log10 p of "detected"
FOR_FIGURES = ("512", "1024", "12mp")
FOLDER_NAMES = {"512": "512 px", "1024": "about 1 MP", "12mp": "12 MP"}


def fidelity(header: Row, rows: list[Row]) -> str:
    """Show PSNR and SSIM of the marked pictures, by folder."""
    lines = []
    marks = [row for row in rows if row["transform"] == "mark" and row["folder"] in FOR_FIGURES]
    for (folder,), group in grouped(marks, "folder").items():
        done = [row for row in group if "refused" not in row]
        if not done:
            continue
        worst = min(done, key=lambda row: row["psnr"])
        lines.append(
            [
                FOLDER_NAMES[folder],
                f"{len({row['picture'] for row in group})} x {len({row['key'] for row in group})}",
                f"{len(group) - len(done)}",
                f"{mean(row['psnr'] for row in done):.2f}",
                f"{worst['psnr']:.2f} ({worst['picture']})",
                f"{mean(row['psnr_luma'] for row in done):.2f}",
                f"{mean(row['ssim'] for row in done):.4f}",
                f"{min(row['ssim'] for row in done):.4f}",
                f"{mean(row['ssim_uniform'] for row in done):.4f}",
            ]
        )
    head = ["pictures", "pictures x keys", "refused", "PSNR mean", "worst", "luma PSNR"]
    head += ["SSIM mean", "SSIM min", "SSIM mean, 7 x 7 window"]
    note = "PSNR over RGB in dB; SSIM with Gaussian weights of sigma 1.5 (Wang et al. 2004)."
    return f"{table(head, lines)}\n\n{source(header, note)}"


def robustness(header: Row, rows: list[Row]) -> str:
    """Show exact ids and detections after every transformation, by folder."""
    folders = [name for name in FOR_FIGURES if any(row["folder"] == name for row in rows)]
    reads = grouped((row for row in rows if "exact" in row), "transform", "folder")
    lines, group = [], ""
    for name, transform in TRANSFORMS.items():
        cells = [reads.get((name, folder), []) for folder in folders]
        if not any(cells):
            continue
        if transform.group != group:
            group = transform.group
            lines.append([f"**{group}**", "", *[""] * (3 * len(folders))])
        line = [transform.label, f"{transform.target:.0%}" if transform.target else ""]
        for cell in cells:
            exact = percent(row["exact"] for row in cell)
            share = mean(row["exact"] for row in cell) if cell else 1.0
            missed = transform.target is not None and share < transform.target
            line += [
                f"**{exact}** (missed)" if missed else exact,
                percent(row["log10_p"] <= SURE for row in cell),
                f"{median(row['log10_p'] for row in cell):.0f}" if cell else "-",
            ]
        lines.append(line)
    head = ["transformation", "target"]
    for folder in folders:
        name = FOLDER_NAMES[folder]
        head += [f"{name}: exact id %", "p <= 1e-9 %", "median log10 p"]
    used = [row for row in rows if "exact" in row and row["folder"] in FOR_FIGURES]
    wrong = sum(bool(row.get("wrong")) for row in used)
    errors = sum(row["status"] == "error" for row in used)
    marked = grouped(used, "folder", "picture", "key")
    sizes = ", ".join(
        f"{FOLDER_NAMES[folder]}: {sum(where[0] == folder for where in marked)}"
        for folder in folders
    )
    note = (
        f"Marked pictures: {sizes}. Refused pictures are not counted here. "
        f"A wrong id was read in {wrong} of {len(used)} cases; errors: {errors}."
    )
    return f"{table(head, lines)}\n\n{source(header, note)}"


def flat(header: Row, rows: list[Row]) -> str:
    """Show what flat graphics do: what is refused, and what is read of the rest."""
    classes = {
        "rendered (held out)": [row for row in rows if row["folder"] == "graphics"],
        "from the tuning folder": [
            row for row in rows if row["folder"] == "512-more" and row["picture"] in TUNING_GRAPHICS
        ],
    }
    lines = []
    for name, group in classes.items():
        marks = [row for row in group if row["transform"] == "mark"]
        if not marks:
            continue
        done = [row for row in marks if "refused" not in row]
        reads = grouped((row for row in group if "exact" in row), "transform")
        line = [name, f"{len(marks)}", percent("refused" in row for row in marks)]
        line.append(f"{mean(row['psnr'] for row in done):.1f}" if done else "-")
        line += [
            percent(row["exact"] for row in reads.get((transform,), []))
            for transform in ("identity", "jpeg_70", "jpeg_50", "webp_80", "screenshot")
        ]
        geometry = [
            row
            for (transform,), cell in reads.items()
            if TRANSFORMS[transform].group in ("crop", "rotation", "warp")
            for row in cell
        ]
        lines.append([*line, percent(row["exact"] for row in geometry)])
    head = ["pictures", "marked or refused", "refused %", "PSNR", "no change: exact id %"]
    head += ["JPEG 70", "JPEG 50", "WebP 80", "screenshot", "all geometry"]
    kinds: dict[str, list[bool]] = defaultdict(list)
    for row in classes["rendered (held out)"]:
        if row["transform"] == "mark":
            kinds[row["picture"].rpartition("_")[0]].append("refused" in row)
    refused = ", ".join(f"{kind} {percent(values)}" for kind, values in kinds.items())
    note = f"Shares are of the pictures that were not refused. Refused % by kind: {refused}."
    return f"{table(head, lines)}\n\n{source(header, note)}"


def false_positives(header: Row, rows: list[Row]) -> str:
    """Show the shares of unmarked pairs below each threshold, with limits."""
    lines = []
    for (effort,), group in grouped(rows, "effort").items():
        classes = {"all": group} | {key[0]: cell for key, cell in grouped(group, "class").items()}
        for name, cell in classes.items():
            values = [value for row in cell for value in row["log10_p"]]
            if not values:
                continue
            line = [f"{effort}: {name}", f"{len(values)}"]
            for threshold in THRESHOLDS:
                result = summarise(values, threshold)
                line.append(
                    f"{result['share']:.2%} (<= {result['upper']:.2%}; {result['chance']:.2f})"
                )
            smallest = min(1.0, len(values) * 10 ** min(values))
            lines.append([*line, f"{min(values):.2f} ({smallest:.2g})"])
    head = ["content", "pairs", *(f"p <= {t:g}" for t in THRESHOLDS), "smallest log10 p"]
    families = [
        f"{effort} {percent(row['family'] <= -1 for row in group)} %"
        for (effort,), group in grouped(rows, "effort").items()
    ]
    note = (
        "In brackets: upper limit of the true share (one-sided, 95 %, Clopper-Pearson), and the "
        "chance of at least this count if p-values were exactly uniform; near 0 would be a broken "
        "promise; beside the smallest one, the chance that any pair falls so low. Every pair has a "
        "key of its own. Four keys of a content in one call: p <= 0.1 in "
        f"{', '.join(families)}. Contents on which the detector failed: "
        f"{sum('error' in row for row in rows)}."
    )
    return f"{table(head, lines)}\n\n{source(header, note)}"


def attacks(header: Row, rows: list[Row]) -> str:
    """Show what is left of the mark after each removal attack."""
    lines = []
    for (attack,), group in grouped((r for r in rows if "found" in r), "attack").items():
        costs = [row["psnr"] for row in group if "psnr" in row]
        lines.append(
            [
                attack,
                f"{len(group)}",
                f"{mean(costs):.1f} ({min(costs):.1f})" if costs and attack != "none" else "-",
                percent(row["log10_p"] <= SURE for row in group),
                percent(row["exact"] for row in group),
                f"{median(row['log10_p'] for row in group):.0f}",
            ]
        )
    head = ["attack", "pictures", "PSNR to the marked one, mean (worst)", "p <= 1e-9 %"]
    head += ["exact id %", "median log10 p"]
    failed = sum(row["status"] == "error" for row in rows if "found" in row)
    note = f"Pictures of 512 px. Readings in which the detector failed: {failed}."
    return f"{table(head, lines)}\n\n{source(header, note)}"


def coexistence(header: Row, rows: list[Row]) -> str:
    """Show what both marks of one picture say."""
    lines = []
    done = [row for row in rows if "refused" not in row]
    for (peer, length, case), group in grouped(done, "peer", "length", "case").items():
        ours = [row for row in group if "found" in row]
        lines.append(
            [
                f"{peer}, {length} bits: {case}",
                f"{len(group)}",
                percent(row["peer_exact"] for row in group),
                f"{100 * mean(row['peer_bits'] for row in group):.1f}",
                percent(row["exact"] for row in ours),
                percent(row["log10_p"] <= SURE for row in ours),
            ]
        )
    head = ["case", "pictures", "theirs exact %", "their bits right %", "ours exact %"]
    return f"{table([*head, 'ours p <= 1e-9 %'], lines)}\n\n{source(header, 'Pictures of 512 px.')}"


def peer_column(rows: list[Row]) -> dict[str, str]:
    """Return the cells of one peer, by the name of the line."""
    embeds = [row for row in rows if row["transform"] == "embed"]
    done = [row for row in embeds if "psnr" in row]
    reads = grouped((row for row in rows if "exact" in row), "transform")
    seconds = [row["seconds"] for row in reads.get(("identity",), []) if "seconds" in row]
    cells = {"pictures": f"{len(embeds)}"}
    if done:
        cells |= {
            "PSNR mean (worst), dB": f"{mean(row['psnr'] for row in done):.1f} "
            f"({min(row['psnr'] for row in done):.1f})",
            "SSIM mean": f"{mean(row['ssim'] for row in done):.3f}",
            "pictures with wrapped pixels": f"{sum(row['wrapped'] > 0 for row in done)}",
            "seconds to mark": f"{median(row['seconds'] for row in done):.3f}",
        }
    if seconds:
        cells["seconds to read"] = f"{median(seconds):.3f}"
    for name, transform in TRANSFORMS.items():
        if (name,) in reads:
            cells[f"exact %: {transform.label}"] = percent(row["exact"] for row in reads[name,])
    return cells


def peers(header: Row, rows: list[Row]) -> str:
    """Show fidelity, time and exact payloads of the peers."""
    parts = []
    for (folder,), group in grouped(rows, "folder").items():
        columns = {
            f"{peer}, {length} bits": peer_column(cell)
            for (peer, length), cell in grouped(group, "peer", "length").items()
        }
        names = dict.fromkeys(name for column in columns.values() for name in column)
        lines = [[name, *(column.get(name, "-") for column in columns.values())] for name in names]
        parts.append(f"{FOLDER_NAMES.get(folder, folder)}:\n\n{table(['', *columns], lines)}")
    versions = header["parameters"]["versions"]
    which = ", ".join(f"{name} {version}" for name, version in versions.items())
    note = f"Peers: {which}; one thread. A wrapped pixel is off by more than 64 levels."
    return "\n\n".join([*parts, source(header, note)])


def throughput(header: Row, rows: list[Row]) -> str:
    """Show medians and ratios."""
    lines = []
    for (group, what), cell in grouped(rows, "group", "what").items():
        ratios = [row["ratio"] for row in cell]
        spread = f" ({min(ratios):.2f} to {max(ratios):.2f})" if len(ratios) > 1 else ""
        further = [row["each_further_key"] for row in cell if "each_further_key" in row]
        lines.append(
            [
                f"{group}: {what}",
                f"{median(row['cpu_ms'] for row in cell):.1f}",
                f"{median(row['wall_ms'] for row in cell):.1f}",
                f"{median(ratios):.2f}{spread}",
                f"{further[0]:.1%}" if further else "",
            ]
        )
    head = ["what", "CPU ms", "wall ms", "ratio to the reference", "each further key"]
    note = (
        "One thread; medians over pictures of medians over interleaved rounds. The reference is "
        "the line with ratio 1: Pillow's decoder, one key, or a bare interpreter."
    )
    return f"{table(head, lines)}\n\n{source(header, note)}"


def integrity(header: Row, rows: list[Row]) -> str:
    """Show what can be done to a mark without its key."""
    return (
        f"{integrity_tables(rows).rstrip()}\n\n{source(header, 'Content of the reporting half.')}"
    )


def scaling(header: Row, rows: list[Row]) -> str:
    """Show how cost grows."""
    return f"{scaling_tables(rows).rstrip()}\n\n{source(header, 'Rendered content.')}"


# Which result files a section is made of; the first has to be there, others may add to it.
SECTIONS: dict[str, tuple[tuple[str, ...], Callable[..., str]]] = {
    "fidelity": (("images.jsonl",), fidelity),
    "robustness": (("images.jsonl",), robustness),
    "graphics": (("graphics.jsonl",), flat),
    "false_positives": (("false_positives.jsonl",), false_positives),
    "attacks": (("attacks.jsonl",), attacks),
    "coexistence": (("coexistence.jsonl",), coexistence),
    "peers": (("peers.jsonl",), peers),
    "throughput": (("throughput.jsonl",), throughput),
    "sound_false_positives": (("sound_false_positives.jsonl",), false_positives),
    **sound_report.SECTIONS,
    **text_report.SECTIONS,
    **provenance_report.SECTIONS,
    **{
        f"integrity_{medium}": ((f"integrity_{medium}.jsonl",), integrity)
        for medium in ("image", "audio", "text")
    },
    "scaling": (("scaling.jsonl",), scaling),
    **scan_report.SECTIONS,
}


def found(path: Path) -> tuple[Row, list[Row]]:
    """Return header and rows of a file; nothing of one that is not there."""
    return read(path) if path.exists() else ({}, [])


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--docs", type=Path, default=Path("docs/results.md"))
    options = parser.parse_args()
    page = options.docs.read_text() if options.docs.exists() else "# Results\n"
    for name, (files, write) in SECTIONS.items():
        paths = [options.results / file for file in files]
        paths = [path if path.exists() else path.with_suffix(".jsonl.gz") for path in paths]
        if all(path.exists() for path in paths[:1]):
            page = put(
                page, name, TITLES[name], write(*(part for path in paths for part in found(path)))
            )
            print(f"{name}: written from {', '.join(files) or 'published figures'}")
        else:
            print(f"{name}: no {files[0]}, left as it is")
    if lines := text_speed_report.sections(options.results):
        page = put(page, "text_throughput", TITLES["text_throughput"], "\n".join(lines))
        print("text_throughput: written from text_throughput.jsonl")
    for path in sorted(options.results.glob("suite_*.jsonl*")):
        peers_too = "peers" in path.name
        for name, (title, text) in sections(summary.summarise(load([path]))).items():
            more = ("_peers", ", beside peers") if peers_too else ("", "")
            page = put(page, f"{name}{more[0]}", f"{title}{more[1]}", text)
        print(f"{path.name}: written")
    options.docs.parent.mkdir(parents=True, exist_ok=True)
    options.docs.write_text(page)


if __name__ == "__main__":
    main()
