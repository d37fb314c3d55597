"""Markdown tables, and what the report needs to fill them."""

from collections import defaultdict
from collections.abc import Iterable
from statistics import mean

from waarmerk.bench.rows import Row

# The packages whose version stands under a table.
NAMES = {
    "numpy": "NumPy",
    "pillow": "Pillow",
    "soundfile": "soundfile",
    "av": "PyAV",
    "librosa": "librosa",
    "pesq": "pesq",
    "visqol-python": "visqol-python",
    "c2pa-python": "c2pa-python",
    "encypher-c2pa": "encypher-c2pa",
}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table; all columns but the first are aligned to the right.

    >>> print(table(["a", "b"], [["x", "1"]]))
    | a | b |
    |:--|--:|
    | x | 1 |
    """
    head = list(head)
    lines = ["| " + " | ".join(head) + " |", "|:--|" + "--:|" * (len(head) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def percent(values: Iterable[bool]) -> str:
    """Return the share of true values in per cent, or a dash."""
    values = list(values)
    return f"{100 * mean(values):.1f}" if values else "-"


def source(header: Row, data: str) -> str:
    """Say where a table comes from."""
    packages = ", ".join(
        f"{NAMES[name]} {version}" for name, version in header["versions"].items() if name in NAMES
    )
    commands = ", ".join(f"`{c}`" for c in (header["command"], *header.get("more_commands", [])))
    return (
        f"{commands}, {header['date']}, code {header['code']}, "
        f"Python {header['python']}, {packages}. {data}"
    )


def grouped(rows: Iterable[Row], *fields: str) -> dict[tuple[str, ...], list[Row]]:
    """Collect rows by the values of `fields`, in the order in which they come."""
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(str(row.get(field)) for field in fields)].append(row)
    return groups
