"""The scaling curves: their rows, tables and series."""

from pathlib import Path

import pytest

from waarmerk.bench import scaling
from waarmerk.errors import InputError


def row(what: str, x: float, seconds: float, ratio: float = 2.0) -> dict[str, object]:
    return {
        "curve": "tokens",
        "what": what,
        "x": x,
        "seconds": seconds,
        "ratio": ratio,
        "reference": "NumPy sorts the ids",
    }


ROWS = [row("a", 1e4, 0.02), row("a", 1e3, 0.002), row("b", 1e4, 3.0), row("b", 1e3, 0.03)]


def test_series_ascend() -> None:
    series = scaling.scaling_series(ROWS)
    assert series["tokens"]["a"] == {"x": [1e3, 1e4], "seconds": [0.002, 0.02], "ratio": [2.0, 2.0]}
    assert list(series) == ["tokens"]


def test_a_table_says_how_cost_grows() -> None:
    table = scaling.scaling_tables(ROWS)
    assert "| tokens | 1,000 | 10,000 | exponent |" in table
    assert "| a | 2 ms (2) | 20 ms (2) | 1.00 |" in table
    assert "| b | 30 ms (2) | 3 s (2) | 2.00 |" in table
    assert "NumPy sorts the ids" in table


def test_a_run_measures_what_is_missing_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {"tokens": ((1e3, 2e3), (1e3,)), "keys": ((1.0,), (2.0,))}
    monkeypatch.setattr(scaling, "CURVES", few)
    out = tmp_path / "scaling.jsonl"
    seen: list[dict[str, object]] = []
    rows = scaling.run_scaling(out, quick=True, progress=seen.append)
    assert rows == seen
    assert {(each["curve"], each["x"]) for each in rows} == {("tokens", 1e3), ("keys", 2.0)}
    assert all(each["seconds"] > 0 and each["ratio"] > 0 for each in rows)
    assert scaling.run_scaling(out, quick=True, progress=seen.append) == rows
    assert len(seen) == len(rows)
    with pytest.raises(InputError, match="other parameters"):
        scaling.run_scaling(out, quick=False)
