import json
import math
import re
from pathlib import Path

import pytest

from waarmerk.bench.peers import published as module
from waarmerk.bench.peers.published import COLUMNS, NOTE, as_markdown, as_rows, published
from waarmerk.bench.protocol import MEDIA

ENTRIES = published()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.scheme)
def test_every_entry_has_a_source_conditions_and_numbers(entry):
    assert entry.medium in MEDIA
    assert 2019 <= entry.year <= 2026
    assert entry.scheme.strip()
    assert entry.sources
    for name, address in entry.sources:
        assert name.strip()
        assert re.fullmatch(r"https://[a-z0-9.-]+\.[a-z]+/\S+", address)
    for condition in (entry.payload, entry.data, entry.threshold):
        assert condition.strip()
        assert len(condition) < 90  # figures, not sentences
    assert entry.figures
    for figure in entry.figures:
        assert figure.measure.strip()
        assert figure.under.strip()
        assert len(figure.values) in (1, 2)
        assert list(figure.values) == sorted(set(figure.values))
        assert all(math.isfinite(value) for value in figure.values)
        if figure.unit == "%":
            assert all(0 <= value <= 100 for value in figure.values)


def test_no_figure_is_there_twice():
    rows = [tuple(row.items()) for row in as_rows(ENTRIES)]
    assert len(set(rows)) == len(rows)


def test_the_file_says_that_it_was_not_measured():
    document = json.loads(Path(module.__file__).with_name("published.json").read_text())
    assert document["note"] == NOTE == "published, not measured here"


def test_every_row_says_so_too_and_has_every_column():
    for row in as_rows(ENTRIES):
        assert row["note"] == NOTE
        assert all(row[column] for column in COLUMNS)
        assert "](" not in row["source_text"]


@pytest.mark.parametrize("medium", MEDIA)
def test_the_table_of_a_medium(medium):
    text = as_markdown(published(medium))
    assert text.startswith(f"**{medium.capitalize()}: published, not measured here.**")
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in table} == {len(COLUMNS) + 1}
    assert len(table) == 2 + len(as_rows(published(medium)))


def test_a_range_and_a_number_in_words():
    rows = {(row["scheme"], row["under"]): row["figure"] for row in as_rows(ENTRIES)}
    assert rows["WAM (2025)", "JPEG 80"] == "bit accuracy 99.9 %"
    assert rows["TrustMark (2023)", "variant P, marked"] == "PSNR 48 to 50 dB"


def test_what_has_no_figures_is_named():
    assert "[Perth (Resemble)]" in as_markdown(published("audio"))
