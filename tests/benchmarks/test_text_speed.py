"""The benchmark of the speed of text marks: its tables, and that it takes turns."""

from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import text_speed_report as report
from waarmerk.bench.rows import ResultFile

pytest.importorskip("tokenizers")  # of the extra `bench`

from benchmarks import text_throughput as bench


def row(group: str, scheme: str, what: str, who: str, microseconds: float) -> dict[str, object]:
    figures = dict.fromkeys(("cpu_us", "least_us", "wall_us"), microseconds)
    name = {"group": group, "scheme": scheme, "what": what, "who": who}
    return {**name, "amount": 1, **figures, "calls": 1}


def test_tables_are_written_from_a_file_and_say_what_is_missed(tmp_path: Path) -> None:
    assert report.sections(tmp_path) == []
    settings = {"rounds": 1, "seconds": 0.1, "peers": {"transformers": "5.23.0"}}
    out = ResultFile(tmp_path / report.FILE, bench.FIELDS, settings, medium="text")
    synthid = ("synthid.transformers", "128,256 tokens")
    out.append(
        [
            row("generation", *synthid, "waarmerk", 2000.0),
            row("generation", *synthid, "transformers", 184_000.0),
            row("detection", "gumbel.vllm", report.RANDOM, "waarmerk", 0.0625),
            row("many keys", "waarmerk.text.1", report.RANDOM, "10 keys", 1.0),
        ]
    )
    lines = report.sections(tmp_path)
    kept = next(line for line in lines if line.startswith("| SynthID, 30 layers"))
    assert "at most 2.50 ms | 2.00 ms |" in kept
    assert kept.endswith("184 ms (transformers) | 92.0x |")
    missed = next(line for line in lines if line.startswith("| Gumbel of vLLM"))
    assert "at least 20.0 M | **16.0 M** (missed)" in missed
    assert any("| 100 ns |" in line for line in lines)


def test_contestants_take_turns_and_amounts_are_divided_by() -> None:
    said: list[str] = []

    def turn(who: str, times: list[tuple[float, float]]) -> bench.Turn:
        return lambda seconds: said.append(who) or times

    rows = bench.compared(
        {"group": "g", "scheme": "s", "what": "w"},
        {"a": (turn("a", [(4.0, 8.0), (2.0, 2.0)]), 1000), "b": (turn("b", [(1.0, 1.0)]), 1)},
        Namespace(rounds=2, seconds=0.0),
    )
    assert said == ["a", "b", "a", "b"]
    assert (rows[0]["cpu_us"], rows[0]["least_us"], rows[0]["wall_us"]) == (3000, 2000, 5000)
    assert rows[1]["calls"] == 2


@pytest.mark.parametrize("name", ["gumbel.vllm", "waarmerk.text.1"])
def test_what_is_timed_marks_a_token_at_every_call(name: str) -> None:
    scheme = bench.scheme_of(name, 1000, "test")
    scores = np.random.default_rng(1).normal(0, 1, (2, 1000)).astype(np.float32)
    bench.steps(scheme, scores, 1000)()
    bench.processor_steps(scheme, scores[0], 1000, 50)()
    ids, offsets = bench.cut(np.arange(25), 10, 9)
    assert (ids.size, offsets.tolist()) == (20, [0, 10, 20])
