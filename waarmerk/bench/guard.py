"""The guard of throughput: says whether a kernel or a pipeline became slower than its baseline.

Two ways to measure, in processes of their own with one thread each:

times    Ratios of CPU time to yardsticks (`guard_times`); the median of the yardsticks' verdicts
         counts. What seems slower by half of what is allowed is measured again, with more care and
         each time in a new process, and is slower only if it is above what is allowed every time.
counts   Instructions under Valgrind (`guard_counts`). They repeat, so once is enough; what only
         waits longer for memory is not seen.

A baseline belongs to a processor and to versions. With others, figures differ by themselves, so
that the wider factor `ELSEWHERE` is allowed, and the differences are named.

This module imports nothing that is slow to load.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from waarmerk.cores import ONE_THREAD
from waarmerk.errors import InputError, OutputError, WaarmerkError

__all__ = [
    "BASELINE",
    "FACTOR",
    "Compared",
    "Outcome",
    "compare",
    "differences",
    "guard",
    "machine",
    "make_baseline",
    "read_baseline",
    "write_baseline",
]

Form = Literal["times", "counts"]
Figure = float | dict[str, float]
Figures = Mapping[str, Figure]
Measure = Callable[[Sequence[str]], Figures]

# Where this very package lies: a process begun there imports it, and no other one.
ROOT = Path(__file__).resolve().parents[2]
BASELINE = Path(__file__).with_name("baseline.json")
FACTOR: dict[Form, float] = {"times": 1.2, "counts": 1.1}
ELSEWHERE: dict[Form, float] = {"times": 1.5, "counts": 1.25}
ROUNDS = 3  # with care, that something must be slower in
PROCESSES = 3  # that a baseline of times is the median of
SLACK = 500  # instructions; what differs by fewer is not judged
TIMEOUT = 900  # seconds
PACKAGES = ("numpy", "scipy", "numba", "llvmlite", "pillow")


class GuardError(WaarmerkError):
    """Measuring went wrong."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One case beside its baseline.

    Attributes
    ----------
    name : str
        Of the case.
    worsening : tuple of float
        How many times the baseline's figure it is, once for every time that it was measured. If it
        was measured again, the first look does not decide.
    factor : float
        How much is allowed.
    """

    name: str
    worsening: tuple[float, ...]
    factor: float

    @property
    def least(self) -> float:
        """The best of the figures that decide."""
        return min(self.worsening[1:] or self.worsening)

    @property
    def slower(self) -> bool:
        """Whether it is above what is allowed every time."""
        return self.least > self.factor

    @property
    def faster(self) -> bool:
        """Whether it improved by as much."""
        return max(self.worsening) < 1 / self.factor


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the guard found.

    Attributes
    ----------
    form : {"times", "counts"}
        How it measured.
    compared : tuple of Compared
        Every case that the baseline has.
    unknown, gone : tuple of str
        Cases that only this program, or only the baseline, has.
    differences : tuple of str
        In what the machine and the versions differ from the baseline's.
    factor : float
        How much was allowed.
    """

    form: Form
    compared: tuple[Compared, ...]
    unknown: tuple[str, ...]
    gone: tuple[str, ...]
    differences: tuple[str, ...]
    factor: float

    @property
    def slower(self) -> list[Compared]:
        """The cases that became slower, the worst first."""
        found = [each for each in self.compared if each.slower]
        return sorted(found, key=lambda each: -each.least)

    @property
    def faster(self) -> list[Compared]:
        """The cases that became faster, the best first."""
        return sorted((each for each in self.compared if each.faster), key=lambda each: each.least)

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "form": self.form,
            "factor": self.factor,
            "differences": list(self.differences),
            "slower": [each.name for each in self.slower],
            "faster": [each.name for each in self.faster],
            "not in the baseline": list(self.unknown),
            "only in the baseline": list(self.gone),
            "worsening": {
                each.name: [round(value, 3) for value in each.worsening] for each in self.compared
            },
        }


def machine() -> dict[str, str]:
    """Return what figures depend on beside the code: processor and versions."""
    found = {"processor": _processor(), "python": ".".join(platform.python_version_tuple()[:2])}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _processor() -> str:
    """Return the model of the processor; Linux alone says it in full."""
    wanted = ("model name", "cpu family", "model", "stepping")
    try:
        lines = Path("/proc/cpuinfo").read_text().partition("\n\n")[0].splitlines()
    except FileNotFoundError:
        return f"{platform.machine()} {platform.processor()}".strip()
    fields = {name.strip(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    return ", ".join(fields[name] for name in wanted if name in fields) or platform.machine()


def differences(form: Form, then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return in what two machines differ, as ``numba 0.68.1, not 0.67.0``.

    Counts do not depend on the processor, as kernels are compiled for a fixed one.
    """
    names = [name for name in now if name != "processor" or form == "times"]
    return [
        f"{name} {now[name]}, not {then.get(name, 'unknown')}"
        for name in names
        if now[name] != then.get(name)
    ]


def read_baseline(path: Path, form: Form) -> dict[str, Any]:
    """Return the part of a baseline file for a form: ``date``, ``machine`` and ``cases``."""
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        raise InputError(f"{path}: no such baseline; make one with --update {path}") from None
    except ValueError as error:
        raise InputError(f"{path}: not a baseline ({error}); make one with --update") from None
    part = content.get(form) if isinstance(content, dict) else None
    if not isinstance(part, dict) or not {"machine", "cases"} <= set(part):
        raise InputError(f"{path}: holds no baseline of {form}; make one with --update {path}")
    return part


def write_baseline(path: Path, form: Form, figures: Figures) -> None:
    """Store figures with date, processor and versions; the other form's part stays."""
    content: dict[str, Any] = {}
    if path.exists():
        try:
            content = json.loads(path.read_text())
        except ValueError as error:
            raise OutputError(f"{path}: not a baseline ({error}); write elsewhere") from None
    date = datetime.now(UTC).date().isoformat()
    content[form] = {"date": date, "machine": machine(), "cases": dict(figures)}
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    fresh.replace(path)


def worsening(figure: Figure, before: Figure) -> float:
    """Return how many times the baseline's figure this one is.

    With yardsticks, by the median of theirs; of whole numbers, which are instructions, `SLACK` is
    no difference.
    """
    if isinstance(figure, dict) and isinstance(before, dict):
        common = figure.keys() & before.keys()
        if not common:
            raise InputError("the baseline has other yardsticks; make one with --update")
        return statistics.median(figure[name] / before[name] for name in common)
    if isinstance(figure, dict) or isinstance(before, dict):
        raise InputError("the baseline holds figures of another kind; make one with --update")
    if isinstance(figure, int) and abs(figure - before) <= SLACK:
        return 1.0
    return figure / before


def compare(
    measure: Measure,
    baseline: Figures,
    factor: float,
    rounds: int = ROUNDS,
    only: Sequence[str] = (),
) -> tuple[list[Compared], list[str]]:
    """Measure, and measure again what seems slower.

    Parameters
    ----------
    measure : callable
        Returns the figures of the cases that match any of some patterns; of none, all.
    baseline : dict
        Figures by name.
    factor : float
        How much worse a figure may be.
    rounds : int
        How many times what may be worse is measured again; 0 if once is enough.
    only : sequence of str
        Patterns of what is measured.

    Returns
    -------
    list of Compared
        What the baseline has.
    list of str
        What it does not have.
    """
    figures = measure(only)
    known = [name for name in figures if name in baseline]
    found = {name: [worsening(figures[name], baseline[name])] for name in known}
    # A short look at 1.3 times as much may say 1.17 on a busy machine.
    suspect = [name for name in known if found[name][0] > 1 + (factor - 1) / 2]
    for _ in range(rounds):
        if not suspect:
            break
        again = measure(suspect)
        for name in suspect:
            found[name].append(worsening(again[name], baseline[name]))
        suspect = [name for name in suspect if found[name][-1] > factor]
    compared = [Compared(name, tuple(values), factor) for name, values in found.items()]
    return compared, [name for name in figures if name not in baseline]


def guard(
    form: Form = "times",
    baseline: Path = BASELINE,
    only: Sequence[str] = (),
    factor: float | None = None,
) -> Outcome:
    """Measure what matches any of some patterns, and compare it with a baseline.

    Raises
    ------
    InputError
        If there is no such baseline, no case matches, or Valgrind is missing.
    GuardError, CountingError
        If a process that measures failed.
    """
    stored = read_baseline(baseline, form)
    differ = differences(form, stored["machine"], machine())
    allowed = factor or (ELSEWHERE if differ else FACTOR)[form]
    rounds = ROUNDS if form == "times" else 0
    compared, unknown = compare(_MEASURES[form], stored["cases"], allowed, rounds, only)
    names = {each.name for each in compared}
    gone = () if only else tuple(sorted(stored["cases"].keys() - names))
    return Outcome(form, tuple(compared), tuple(unknown), gone, tuple(differ), allowed)


def make_baseline(form: Form = "times", only: Sequence[str] = ()) -> Figures:
    """Measure figures for a baseline: of times, the median of several processes."""
    if form == "counts":
        return _counted(only)
    runs = [_timed(only) for _ in range(PROCESSES)]
    return {
        name: {
            stick: float(f"{statistics.median(run[name][stick] for run in runs):.4g}")
            for stick in sticks
        }
        for name, sticks in runs[0].items()
    }


def _environment() -> dict[str, str]:
    return {**os.environ, **dict.fromkeys(ONE_THREAD, "1")}


def _timed(only: Sequence[str]) -> dict[str, dict[str, float]]:
    """Time cases in a new process."""
    with tempfile.TemporaryDirectory(prefix="guard-") as folder:
        out = Path(folder, "ratios.json")
        command = [sys.executable, "-m", "waarmerk.bench.guard_times", str(out), *only]
        try:
            done = subprocess.run(
                command,
                env=_environment(),
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
                timeout=TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            raise GuardError(f"timing: not done after {TIMEOUT} s; use --only") from None
        if done.returncode:
            lines = done.stderr.strip().splitlines()[-1:] or ["no message"]
            raise GuardError(f"timing: a process ended with status {done.returncode}: {lines[0]}")
        return _some(json.loads(out.read_text()), only)


def _counted(only: Sequence[str]) -> dict[str, int]:
    from waarmerk.bench.guard_counts import count_instructions

    return _some(count_instructions(_environment(), ROOT, only), only)


def _some(figures: dict[str, Any], only: Sequence[str]) -> dict[str, Any]:
    if not figures:
        raise InputError(f"{', '.join(only)}: no case matches; --list names them")
    return figures


_MEASURES: dict[Form, Measure] = {"times": _timed, "counts": _counted}
