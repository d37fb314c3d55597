"""Write the tables of docs/verdict.md: every combination, its verdict and its wording.

The table is computed from waarmerk.detection.verdict. Each combination of the five columns is
concluded; neighbours that come out alike in every way are put in one row, so that the rows neither
overlap nor leave anything out, which tests/detection/test_verdict_table.py checks.

Run it after every change of the verdict or its words: python scripts/verdict_table.py
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))

from waarmerk.detection.finding import (
    Finding,
    Ingredient,
    LabelFinding,
    ManifestFinding,
    WatermarkFinding,
)
from waarmerk.detection.verdict import Conclusion, conclude
from waarmerk.detection.verdict_words import headline_pair
from waarmerk.marking.payload import MarkId

TARGET = Path(__file__).parent.parent / "docs" / "verdict.md"

SCHEME = "waarmerk.image.1"
IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
KEY, OTHER_KEY = "0011223344556677", "7766554433221100"
IDS = {
    "generated": MarkId.from_hex("0123456789abcdef"),
    "altered": MarkId.from_hex("8123456789abcdef"),
}
OTHER_ID = "0fedcba987654321"

WATERMARKS = ("none", "not checked", "generated", "altered", "kind unknown", "public")
STATUSES = (
    "absent", "not checked", "unreadable", "trusted", "valid", "recovered", "broken: content",
    "broken: signature", "broken: other",
)  # fmt: skip
SAYS = ("generated", "altered", "AI part", "no AI", "nothing")
BINDINGS = ("none", "this", "other", "other key")
LABELS = ("none", "AI", "other")
COLUMNS = (WATERMARKS, STATUSES, SAYS, BINDINGS, LABELS)
NAMES = ("watermark", "manifest", "it says", "it names", "label")

_SOURCES = {
    "generated": IPTC + "trainedAlgorithmicMedia",
    "altered": IPTC + "compositeWithTrainedAlgorithmicMedia",
    "AI part": IPTC + "digitalCreation",
    "no AI": IPTC + "digitalCapture",
    "nothing": None,
}
_BROKEN = {
    "broken: content": ("assertion.dataHash.mismatch", "claimSignature.validated"),
    "broken: signature": ("claimSignature.mismatch",),
    "broken: other": ("signingCredential.expired",),
}
_STATUS = {"absent": "absent", "not checked": "not_checked", "unreadable": "error"}


class Row(NamedTuple):
    """Combinations that come out alike: in each column any of these values."""

    values: tuple[tuple[str, ...], ...]
    conclusion: Conclusion


def combinations() -> Iterator[tuple[str, ...]]:
    """Yield every combination of the columns."""
    yield from itertools.product(*COLUMNS)


def findings(combination: tuple[str, ...]) -> list[Finding]:
    """Return the findings that a combination stands for."""
    watermark, status, says, binding, label = combination
    return [
        _watermark(watermark),
        _manifest(status, says, binding, watermark),
        {
            "none": LabelFinding("not_found"),
            "AI": LabelFinding("found", "aigc", "1", kind="generated"),
            "other": LabelFinding("found", "iptc.digitalsourcetype", _SOURCES["no AI"]),
        }[label],
    ]


def _watermark(watermark: str) -> WatermarkFinding:
    if watermark == "none":
        return WatermarkFinding("not_found", SCHEME, log10_p=-0.1)
    if watermark == "not checked":
        return WatermarkFinding("not_checked", SCHEME, reason="no key was given")
    if watermark == "public":
        return WatermarkFinding(
            "found", "imwatermark.sdxl", log10_p=-9.0, kind="generated", public=True
        )
    return WatermarkFinding("found", SCHEME, key_id=KEY, log10_p=-30.0, mark_id=IDS.get(watermark))


def _manifest(status: str, says: str, binding: str, watermark: str) -> ManifestFinding:
    if status in _STATUS:
        return ManifestFinding(_STATUS[status])  # type: ignore[arg-type]
    this = IDS.get(watermark, IDS["generated"]).hex
    value = OTHER_ID if binding == "other" else this
    key = OTHER_KEY if binding == "other key" else KEY
    part = Ingredient("componentOf", 1, "intact", _SOURCES["generated"])
    return ManifestFinding(
        "invalid" if status in _BROKEN else status,  # type: ignore[arg-type]
        digital_source_type=_SOURCES[says],
        codes=_BROKEN.get(status, ()),
        soft_bindings=() if binding == "none" else ((SCHEME, value),),
        bound_keys=() if binding == "none" else ((SCHEME, key),),
        ingredients=(part,) if says == "AI part" else (),
    )


def rows() -> list[Row]:
    """Return the fewest rows that splitting by column from left to right gives."""
    return [Row(values, conclusion) for values, conclusion in _split((), 0)]


def _split(
    before: tuple[str, ...], column: int
) -> tuple[tuple[tuple[tuple[str, ...], ...], Conclusion], ...]:
    if column == len(COLUMNS):
        return (((), conclude(findings(before))),)
    # Values with the same table behind them go together.
    alike: dict[tuple[tuple[tuple[tuple[str, ...], ...], Conclusion], ...], list[str]] = {}
    for value in COLUMNS[column]:
        alike.setdefault(_split((*before, value), column + 1), []).append(value)
    return tuple(
        ((tuple(values), *rest), conclusion)
        for table, values in alike.items()
        for rest, conclusion in table
    )


def wordings(table: list[Row]) -> list[tuple[str, str]]:
    """Return every headline of a table, in order of appearance."""
    return list(dict.fromkeys(headline_pair(row.conclusion) for row in table))


def _cell(values: tuple[str, ...], column: tuple[str, ...]) -> str:
    if values == column:
        return "any"
    if len(values) == len(column) - 1 and len(values) > 2:
        return "all but " + next(value for value in column if value not in values)
    return ", ".join(values)


TABLE = "table of combinations"
WORDING = "table of wordings"


def filled(text: str) -> str:
    """Return the text of docs/verdict.md with its two tables written anew."""
    table = rows()
    words = wordings(table)
    count = sum(1 for _ in combinations())
    out = [f"{count:,} combinations in {len(table)} rows; each is in one row and in no other.", ""]
    out.append("| " + " | ".join(NAMES) + " | verdict | basis | wording |")
    out.append("|:--" * 8 + "|")
    for row in table:
        conclusion = row.conclusion
        verdict = conclusion.verdict.replace("_", " ")
        if conclusion.conflict is not None:
            verdict += f" (`{conclusion.conflict}`)"
        cells = [_cell(v, c) for v, c in zip(row.values, COLUMNS, strict=True)]
        number = words.index(headline_pair(conclusion)) + 1
        basis = ", ".join(conclusion.basis) or "–"
        out.append("| " + " | ".join([*cells, verdict, basis, str(number)]) + " |")
    text = _between_marks(text, TABLE, out)
    said = [f"| {n} | {english} | {dutch} |" for n, (english, dutch) in enumerate(words, 1)]
    return _between_marks(text, WORDING, ["| | English | Dutch |", "|:--|:--|:--|", *said])


def _between_marks(text: str, name: str, lines: list[str]) -> str:
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return "\n".join([before + begin, "", *lines, "", end]) + after


if __name__ == "__main__":
    TARGET.write_text(filled(TARGET.read_text(encoding="utf-8")), encoding="utf-8")
