"""docs/verdict.md: its tables are what the code decides, and leave nothing out."""

from collections import Counter

import pytest

from scripts import verdict_table
from waarmerk.detection.verdict import conclude


def test_the_page_is_what_the_script_writes() -> None:
    page = verdict_table.TARGET.read_text(encoding="utf-8")
    assert verdict_table.filled(page) == page, "run: python scripts/verdict_table.py"


def test_every_combination_is_in_exactly_one_row() -> None:
    table = verdict_table.rows()
    for combination in verdict_table.combinations():
        fitting = [
            row
            for row in table
            if all(value in values for value, values in zip(combination, row.values, strict=True))
        ]
        assert len(fitting) == 1, combination
        assert fitting[0].conclusion == conclude(verdict_table.findings(combination))


def test_every_verdict_and_every_conflict_is_in_the_table() -> None:
    conclusions = [row.conclusion for row in verdict_table.rows()]
    assert {c.verdict for c in conclusions} == {
        "generated", "altered", "marked", "claimed", "inconsistent", "none_found",
    }  # fmt: skip
    conflicts = Counter(c.conflict for c in conclusions)
    for conflict in ("key", "binding", "kind", "origin", "moved", "broken"):
        assert conflicts[conflict]


@pytest.mark.parametrize("watermark", ["generated", "altered"])
def test_whatever_lies_beside_a_watermark_the_words_say_that_it_is_there(watermark: str) -> None:
    for combination in verdict_table.combinations():
        if combination[0] == watermark:
            conclusion = conclude(verdict_table.findings(combination))
            english, dutch = verdict_table.headline_pair(conclusion)
            assert "AI" in english
            assert "AI" in dutch
