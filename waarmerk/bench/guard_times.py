"""Timing cases against fixed yardsticks, in turns, in one process and on one thread.

The machine is shared and its clock changes, so seconds say little; what is compared is the ratio to
work that never changes and that no code of ours takes part in. A case and the yardsticks take
turns, a few milliseconds each, and each ratio is that of the least CPU times of the thread: what
disturbs can only add time, and over many short turns everybody has an undisturbed one; medians and
quartiles of pairs repeat less well on a busy machine.

Several yardsticks, as a neighbour may fill the caches or the units that one of them needs; the
verdict is the median of theirs (see `guard`). An operation bound by memory was tried as well and is
none: its own time changes by a fifth from process to process.

``python -m waarmerk.bench.guard_times OUT [PATTERN ...]`` writes ratios as JSON.
"""

import gc
import io
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.fft
from PIL import Image

from waarmerk.bench.guard_cases import Call, Case, cases, chosen, jpeg, make_material, rendered
from waarmerk.bench.seeds import rng_for

__all__ = ["Clock", "ratios", "take_turns", "yardsticks"]

Clock = Callable[[], float]

TURN = 1.5e-3  # seconds, about
BUDGET = 0.25  # seconds of a case and its yardsticks
ROUNDS = (16, 40)
# Of few cases, such as those that are measured again, as much more as keeps these many busy.
MANY, MOST_PATIENCE = 40, 8
# What is made ready for one turn stays in the caches, and is used again; or else what is timed is
# how long memory takes: three times as long, twice that in one process of ten, and no more with a
# third more work.
MOST_COPIES, MOST_BYTES = 64, 1 << 18


def take_turns(
    calls: dict[str, Call], rounds: int, clock: Clock = time.process_time
) -> dict[str, tuple[float, float]]:
    """Return the median CPU and wall seconds of every call; `clock` counts the former."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            cpu, wall = clock(), time.perf_counter()
            call()
            times[name].append((clock() - cpu, time.perf_counter() - wall))
    return {
        name: (
            statistics.median(cpu for cpu, _ in values),
            statistics.median(wall for _, wall in values),
        )
        for name, values in times.items()
    }


def yardsticks() -> dict[str, Call]:
    """Return the fixed work by name; none takes more than some milliseconds."""
    rng = rng_for("yardsticks")
    plane = rng.normal(size=(256, 256)).astype(np.float32)
    numbers = rng.integers(0, 1 << 30, 20_000)
    file = jpeg(rendered(256, 256))
    return {
        "fft": lambda: scipy.fft.irfft2(scipy.fft.rfft2(plane, workers=1), workers=1),
        "sort": lambda: np.sort(numbers),
        "decode": lambda: Image.open(io.BytesIO(file)).load(),
    }


def ratios(
    case: Case, sticks: dict[str, Call], clock: Clock = time.thread_time, patience: int = 1
) -> dict[str, float]:
    """Return the ratio of a case's least time to that of every yardstick.

    Parameters
    ----------
    case : Case
        What is timed.
    sticks : dict
        The yardsticks.
    clock : callable
        Seconds that this thread has worked.
    patience : int
        How many times as many turns are taken as usual.
    """
    case.ready()()
    length = max(min(_seconds([case.ready()], clock) for _ in range(3)), 1e-7)
    often = {
        name: _repeats(min(_seconds([c], clock) for _ in range(3))) for name, c in sticks.items()
    }
    count = _repeats(length)
    copies = max(1, min(count, MOST_COPIES, MOST_BYTES // max(case.size, 1)))
    fewest, most = ROUNDS
    rounds = max(fewest, min(most, round(BUDGET / (count * length + len(sticks) * TURN))))
    times: list[float] = []
    fixed: dict[str, list[float]] = {name: [] for name in sticks}
    for _ in range(patience * rounds):
        for name, call in sticks.items():
            fixed[name].append(_seconds([call] * often[name], clock) / often[name])
        calls = [case.ready() for _ in range(copies)]
        calls = (calls * (count // len(calls) + 1))[:count]
        times.append(_seconds(calls, clock) / count)
    return {name: min(times) / min(values) for name, values in fixed.items()}


def _repeats(length: float) -> int:
    """Return how many calls make a turn."""
    return max(1, round(TURN / max(length, 1e-7)))


def _seconds(calls: list[Call], clock: Clock) -> float:
    start = clock()
    for call in calls:
        call()
    return clock() - start


def measure(found: list[Case]) -> dict[str, dict[str, float]]:
    """Return the ratios of all cases by name, with four digits."""
    sticks = yardsticks()
    for _ in range(20):
        for call in sticks.values():
            call()
    measured = {}
    patience = max(1, min(MOST_PATIENCE, MANY // max(1, len(found))))
    gc.disable()  # or what one case leaves behind is collected in the time of another
    for case in found:
        figures = ratios(case, sticks, patience=patience)
        measured[case.name] = {name: float(f"{value:.4g}") for name, value in figures.items()}
        gc.collect()
    gc.enable()
    return measured


def main() -> None:
    """Run as a process of its own, whose environment limits it to one thread."""
    out, *only = sys.argv[1:]
    known = {case.name: case for case in cases(make_material())}
    names = chosen(list(known), tuple(only))
    Path(out).write_text(json.dumps(measure([known[name] for name in names])))


if __name__ == "__main__":
    main()
