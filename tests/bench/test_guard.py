"""The guard of throughput: what it calls slower, and how it counts instructions."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from waarmerk.bench import guard as guarding
from waarmerk.bench.guard_cases import (
    KERNEL,
    Case,
    Material,
    cases,
    chosen,
    make_material,
    public_kernels,
    rendered,
    watched,
)
from waarmerk.bench.guard_counts import CountingError, paired, totals
from waarmerk.bench.guard_times import ratios, take_turns
from waarmerk.cli_bench_guard import guard as command
from waarmerk.errors import InputError


@pytest.fixture(scope="module")
def material() -> Material:
    return make_material()


class Work:
    """Work whose clock counts what was done, so that every figure is exact."""

    def __init__(self) -> None:
        self.done = 0.0

    def __call__(self) -> float:
        return self.done

    def of(self, amount: float) -> Callable[[], None]:
        def work() -> None:
            self.done += amount

        return work


def test_a_ratio_is_that_of_the_work_done() -> None:
    work = Work()
    sticks = {"short": work.of(1e-4), "long": work.of(2e-3)}
    assert ratios(Case("a", lambda: work.of(1e-3)), sticks, work) == pytest.approx(
        {"short": 10, "long": 0.5}
    )
    slower = ratios(Case("a", lambda: work.of(1.3e-3)), sticks, work)
    assert slower == pytest.approx({"short": 13, "long": 0.65})


def test_a_disturbed_turn_does_not_count() -> None:
    work = Work()
    disturbed = iter([False] * 8 + [True, True, False] * 1000)

    def ready() -> Callable[[], None]:
        return work.of(9e-3 if next(disturbed) else 3e-3)

    assert ratios(Case("a", ready), {"fixed": work.of(1e-3)}, work) == pytest.approx({"fixed": 3})


def test_making_ready_is_not_timed() -> None:
    work = Work()

    def ready() -> Callable[[], None]:
        work.done += 1.0
        return work.of(1e-3)

    assert ratios(Case("a", ready), {"fixed": work.of(1e-3)}, work) == pytest.approx({"fixed": 1})


def test_contestants_take_turns() -> None:
    said: list[str] = []
    calls = {"a": lambda: said.append("a"), "b": lambda: said.append("b")}
    assert list(take_turns(calls, 2)) == ["a", "b"]
    assert said == ["a", "b"] * 3  # the first ones are not timed


def scripted(*runs: dict[str, float]) -> tuple[guarding.Measure, list[list[str]]]:
    """Return a measure that gives these figures one after the other, and what it was asked."""
    asked: list[list[str]] = []

    def measure(only: Sequence[str]) -> dict[str, float]:
        asked.append(list(only))
        return runs[len(asked) - 1]

    return measure, asked


def test_what_is_slower_every_time_is_slower() -> None:
    measure, asked = scripted({"a": 1.17, "b": 1.0}, {"a": 1.3}, {"a": 1.29}, {"a": 1.31})
    [a, b], unknown = guarding.compare(measure, {"a": 1.0, "b": 1.0}, 1.2)
    assert (a.slower, b.slower, unknown) == (True, False, [])
    assert a.worsening == (1.17, 1.3, 1.29, 1.31)  # the first look does not decide
    assert asked == [[], ["a"], ["a"], ["a"]]


def test_what_is_fine_once_is_fine_and_not_measured_again() -> None:
    measure, asked = scripted({"a": 1.5, "b": 1.6}, {"a": 1.1, "b": 1.5}, {"b": 1.1})
    compared, _ = guarding.compare(measure, {"a": 1.0, "b": 1.0}, 1.2)
    assert not any(each.slower for each in compared)
    assert asked == [[], ["a", "b"], ["b"]]


def test_counts_are_measured_once() -> None:
    measure, asked = scripted({"a": 130_000, "b": 105_000})
    [a, b], _ = guarding.compare(measure, {"a": 100_000, "b": 100_000}, 1.1, rounds=0)
    assert (a.slower, b.slower, asked) == (True, False, [[]])


def test_improvements_and_new_cases_are_said() -> None:
    measure, _ = scripted({"a": 0.7, "new": 5.0})
    [a], unknown = guarding.compare(measure, {"a": 1.0}, 1.2)
    assert a.faster
    assert unknown == ["new"]


def test_the_median_of_the_yardsticks_decides() -> None:
    before = {"fft": 1.0, "sort": 2.0, "decode": 4.0}
    one_is_off = {"fft": 1.0, "sort": 2.1, "decode": 8.0}
    assert guarding.worsening(one_is_off, before) == pytest.approx(1.05)
    all_slower = {name: 1.3 * value for name, value in before.items()}
    assert guarding.worsening(all_slower, before) == pytest.approx(1.3)
    with pytest.raises(InputError, match="other yardsticks"):
        guarding.worsening({"fft": 1.0}, {"memory": 1.0})


def test_a_few_instructions_more_are_not_judged() -> None:
    assert guarding.worsening(400, 10) == 1.0
    assert guarding.worsening(10, 400) == 1.0
    assert guarding.worsening(130_000, 100_000) > 1.25


def test_other_machines_are_named() -> None:
    here = guarding.machine()
    other = {**here, "numba": "0.1", "processor": "another"}
    numba = f"numba {here['numba']}, not 0.1"
    assert guarding.differences("times", here, here) == []
    assert guarding.differences("counts", other, here) == [numba]
    assert numba in guarding.differences("times", other, here)
    assert len(guarding.differences("times", other, here)) == 2


def test_a_baseline_of_one_form_leaves_the_other(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    guarding.write_baseline(path, "counts", {"a": 10})
    guarding.write_baseline(path, "times", {"a": {"fft": 1.5}})
    assert guarding.read_baseline(path, "counts")["cases"] == {"a": 10}
    assert guarding.read_baseline(path, "times")["cases"] == {"a": {"fft": 1.5}}
    assert [each.name for each in tmp_path.iterdir()] == ["baseline.json"]


@pytest.mark.parametrize("content", [None, "no JSON", "[]", '{"counts": {}}'])
def test_a_baseline_that_is_none_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "baseline.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=r"baseline\.json.*--update"):
        guarding.read_baseline(path, "times")


@pytest.mark.parametrize("form", ["times", "counts"])
def test_the_shipped_baseline_knows_every_case(form: guarding.Form, material: Material) -> None:
    known = guarding.read_baseline(guarding.BASELINE, form)["cases"]
    wanted = {case.name for case in cases(material) if form == "times" or case.small}
    assert set(known) == wanted


def test_statuses_of_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarding, "ROUNDS", 1)  # of processes, which take some seconds each
    path = tmp_path / "baseline.json"
    case = "kernel/polar.decode_list"
    too_good = dict.fromkeys(("fft", "sort", "decode"), 1e-6)
    guarding.write_baseline(path, "times", {case: too_good})
    asked = ["--only", "polar.decode", "--baseline", str(path)]
    result = CliRunner().invoke(command, asked, standalone_mode=False)
    assert result.return_value == 1
    assert f"slower  {case}" in result.output
    guarding.write_baseline(path, "times", {case: dict.fromkeys(too_good, 1e6)})
    result = CliRunner().invoke(command, [*asked, "--json"], standalone_mode=False)
    assert result.return_value == 0
    assert json.loads(result.output)["faster"] == [case]


def test_a_pattern_that_matches_nothing_is_an_error() -> None:
    with pytest.raises(InputError, match="no case matches"):
        guarding.guard("times", only=["nothing of that name"])


def test_patterns_match_inside_names() -> None:
    names = ["kernel/a.b", "image/512/mark", "image/1mp/mark"]
    assert chosen(names, ()) == names
    assert chosen(names, ("mark",)) == names[1:]
    assert chosen(names, ("512/*", "a.b")) == names[:2]


def test_a_watched_kernel_is_recorded_before_it_writes_and_put_back() -> None:
    from waarmerk.kernels import text_kgw_seeds

    function = text_kgw_seeds.left_seeds
    small, large = np.arange(3), np.arange(5)
    seeds = np.zeros(5, np.uint64)
    function(large, np.uint64(7), seeds.copy())  # compiles
    with watched() as recorded:
        for ids in (small, large, small):
            text_kgw_seeds.left_seeds(ids, np.uint64(7), seeds)
    assert text_kgw_seeds.left_seeds is function
    ids, key, out = recorded["text_kgw_seeds.left_seeds"]
    assert (ids == large).all()
    assert key == 7
    assert seeds[:3].tolist() == [0, 7, 14]
    assert out[3:].tolist() == [0, 0]


def test_kernels_are_functions_and_their_calls_are_real(material: Material) -> None:
    names = public_kernels()
    assert "text_gumbel.LANES" not in names
    assert "picture.normalised_residual" in names
    found = {case.name for case in cases(material)}
    assert {KERNEL + name for name in material.calls} <= found
    assert len(material.calls) > 50


def test_rendered_pictures_repeat() -> None:
    assert (rendered(64, 48) == rendered(64, 48)).all()
    assert rendered(64, 48).shape == (48, 64, 3)


# Callgrind


def test_every_second_part_is_a_case() -> None:
    names = ["a", "b", "c"]
    assert paired(names, [900, 100, 900, 30, 900, 50]) == {"a": 100, "b": 30, "c": 50}
    with pytest.raises(CountingError, match="5 parts for 3 cases"):
        paired(names, [900, 100, 900, 30, 900])


def test_parts_that_are_missing_or_cut_off_are_refused(tmp_path: Path) -> None:
    (tmp_path / "parts.1").write_text("totals: 12\n")
    assert totals(tmp_path) == [12]
    (tmp_path / "parts.3").write_text("totals: 12\n")
    with pytest.raises(CountingError, match="missing"):
        totals(tmp_path)
    (tmp_path / "parts.2").write_text("desc: \n")
    with pytest.raises(CountingError, match="no totals"):
        totals(tmp_path)


WORK = """
import os
def work(count):
    os.getpgid(0)
    for _ in range(count):
        pass
    os.getpgid(0)
for count in (10_000, 10_000, 13_000):
    work(count)
"""


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
def test_valgrind_counts_a_third_more_work(tmp_path: Path) -> None:
    command = ["valgrind", "--tool=callgrind", "-q", "--dump-before=getpgid", "--dump-line=no"]
    command += [f"--callgrind-out-file={tmp_path / 'parts'}", sys.executable, "-I", "-S", "-c"]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    subprocess.run(  # noqa: S603 - this very Python
        [*command, WORK], check=True, env=environment, capture_output=True
    )
    counts = paired(["one", "same", "more"], totals(tmp_path))
    assert counts["same"] == pytest.approx(counts["one"], rel=0.01)
    assert counts["more"] == pytest.approx(1.3 * counts["one"], rel=0.02)


def test_without_valgrind_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match="apt-get install valgrind"):
        guarding.guard("counts")
