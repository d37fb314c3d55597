"""What an attacker of integrity has: works marked under one key, and what he makes of them.

He knows the scheme and never its key. Works are collected in parts, each of which is one file, so
that a run that was stopped does not mark anything again but the part it was at::

    works   0 1 2 .. 9 | 10 .. 19 | .. | 90 .. 99 | 100 .. 199 | .. | 900 .. 999
    groups  ten of 1, ten of 10, ten of 100, one of 1,000: each is a union of parts
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np

from waarmerk.bench.content.catalogue import contents
from waarmerk.bench.marks import bench_id, bench_key
from waarmerk.bench.protocol import Content, Medium, Value
from waarmerk.errors import CannotMarkError, InputError

if TYPE_CHECKING:
    from waarmerk import MarkId, MarkingKey
    from waarmerk.detection.finding import WatermarkFinding

__all__ = [
    "LINES",
    "PAYLOADS",
    "Group",
    "Payloads",
    "Settings",
    "Signal",
    "chosen",
    "collect",
    "gather",
    "groups",
    "parts",
    "save",
    "tuned_on",
    "victim_id",
    "victim_key",
]

Payloads = Literal["random", "same"]
PAYLOADS: tuple[Payloads, ...] = ("random", "same")
LINES = "lines"
"""The estimate that knows where the public lines of the synchronisation are."""

SIZES = (1, 10, 100, 1000)
ATTEMPTS = 20
"""Contents tried for one work, as some cannot hold a mark."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What decides the rows.

    Attributes
    ----------
    data : Path or None
        Folder of the user's content; None for what comes with the package.
    cache : Path
        Folder for collected works.
    works : int
        How many marked works the attacker collects.
    keys : int
        How many keys that marked nothing are asked about each content.
    contents : int
        How many contents of the reporting half are attacked.
    samples : int
        How many groups of works of one size are used, 1 to 10.
    """

    data: Path | None
    cache: Path
    works: int = 1000
    keys: int = 1000
    contents: int = 3
    samples: int = 10


@dataclass(frozen=True, slots=True)
class Group:
    """Works `first` to before `last`, the `index`-th group of this size."""

    index: int
    first: int
    last: int

    @property
    def works(self) -> int:
        """Return how many there are."""
        return self.last - self.first


class Signal(Protocol):
    """Pictures or sounds, as an attacker handles them; a pattern is what he takes for the mark.

    A pattern lies on the places of the mark: float [512, 512] in levels of luma, or [frames, bands]
    in dB. That of the lines is drawn from a template: complex, one number for each public line.
    """

    medium: ClassVar[Medium]
    scheme: ClassVar[str]
    unit: ClassVar[str]
    estimates: ClassVar[tuple[str, ...]]
    bounds: ClassVar[tuple[float, ...]]
    limit: ClassVar[float]
    levels: ClassVar[tuple[float, ...]]

    def targets(self, settings: Settings) -> list[Content]:
        """Return the contents of the reporting half that are attacked."""

    def load(self, content: Content) -> Value:
        """Return a content in the size and form that is attacked."""

    def work(self, settings: Settings, number: int, attempt: int) -> Value:
        """Return the content of a work, unmarked."""

    def mark(self, value: Value, key: MarkingKey, mark_id: MarkId) -> Value:
        """Mark it, or raise `CannotMarkError`."""

    def estimate(self, original: Value, marked: Value) -> dict[str, np.ndarray]:
        """Return what each way to estimate makes of one work; sums of these are averaged."""

    def lines(self, marked: Value) -> np.ndarray:
        """Return the values at the public lines, without looking at the original."""

    def aligned(self, lines: np.ndarray) -> np.ndarray:
        """Turn the lines of all works until they agree, and return their mean, the template."""

    def share(self, value: Value, pattern: np.ndarray) -> float:
        """Return how many times a pattern shows in a value, looking at nothing else."""

    def drawn(self, template: np.ndarray, like: Value | None = None) -> np.ndarray:
        """Return the pattern of a template, turned to how the lines lie in `like`, if given."""

    def change(self, value: Value, pattern: np.ndarray, gain: float) -> Value:
        """Add `gain` times a pattern."""

    def quality(self, before: Value, after: Value) -> float:
        """Return PSNR or SNR in dB."""

    def neutral(self) -> Value:
        """Return content with nothing in it."""

    def size(self, value: Value) -> float:
        """Return megapixels or seconds."""

    def read(self, value: Value, keys: Sequence[MarkingKey]) -> list[WatermarkFinding]:
        """Look for every key by itself."""


def victim_key(medium: str) -> MarkingKey:
    """Return the key under which everything is marked that the attacker has."""
    return bench_key("integrity", medium)


def victim_id(medium: str, payloads: Payloads, number: int) -> MarkId:
    """Return what a work carries."""
    return bench_id("integrity", medium, payloads, number if payloads == "random" else "")


def parts(works: int) -> list[tuple[int, int]]:
    """Return first and last (not included) work of every part.

    >>> parts(25)[8:]
    [(8, 9), (9, 10), (10, 20), (20, 25)]
    """
    found, first = [], 0
    while first < works:
        step = 1 if first < 10 else 10 if first < 100 else 100
        found.append((first, min(first + step, works)))
        first += step
    return found


def groups(works: int, samples: int) -> list[Group]:
    """Return the groups of works that are tried.

    >>> [(group.works, group.first) for group in groups(30, 2)]
    [(1, 0), (1, 1), (10, 0), (10, 10), (30, 0)]
    """
    sizes = sorted({size for size in SIZES if size <= works} | {works})
    found = []
    for size in sizes:
        count = min(works // size, samples, 10) if size in SIZES else 1
        found += [Group(index, index * size, (index + 1) * size) for index in range(count)]
    return found


def chosen(found: list[Content], count: int) -> list[Content]:
    """Return so many of a list, evenly spread."""
    if len(found) <= count:
        return found
    return [found[(2 * index + 1) * len(found) // (2 * count)] for index in range(count)]


@lru_cache(maxsize=4)
def tuned_on(medium: Medium, data: Path | None) -> tuple[Value, ...]:
    """Return what the attacker's works are made of: the tuning half."""
    if data is not None and medium == "image":
        # Without a folder for tuning there is no content that is not reported on, too.
        found = contents(medium, data, "both", Path())
        found = [content for content in found if content.group.endswith(("-more", "-tuning"))]
        if not found:
            raise InputError(f"{data}: has no folder of pictures whose name ends in -more")
    else:
        found = contents(medium, data, "tuning", Path())
    return tuple(content.load() for content in found)


def collect(signal: Signal, settings: Settings, payloads: Payloads, part: tuple[int, int]) -> None:
    """Mark the works of a part and keep what an attacker adds up; nothing if that was done."""
    path = _path(signal.medium, settings, payloads, part)
    if path.is_file():
        return
    key = victim_key(signal.medium)
    sums: dict[str, np.ndarray] = {}
    lines, ids = [], []
    for number in range(*part):
        mark_id = victim_id(signal.medium, payloads, number)
        original, marked = _marked(signal, settings, number, key, mark_id)
        for name, estimate in signal.estimate(original, marked).items():
            sums[name] = sums.get(name, 0.0) + estimate.astype(np.float64)
        lines.append(signal.lines(marked))
        ids.append(int(mark_id))
    arrays = {name: total.astype(np.float32) for name, total in sums.items()}
    save(path, arrays | {LINES: np.array(lines), "ids": np.array(ids, np.uint64)})


def _marked(
    signal: Signal, settings: Settings, number: int, key: MarkingKey, mark_id: MarkId
) -> tuple[Value, Value]:
    for attempt in range(ATTEMPTS):
        original = signal.work(settings, number, attempt)
        try:
            return original, signal.mark(original, key, mark_id)
        except CannotMarkError:
            continue
    raise InputError(
        f"{signal.medium}: {ATTEMPTS} contents for work {number} could not be marked; "
        "give other content with --data"
    )


def gather(
    signal: Signal, settings: Settings, payloads: Payloads, group: Group
) -> tuple[dict[str, np.ndarray], frozenset[int]]:
    """Return the mean of every estimate over a group, the template of the lines, and the ids."""
    inside = [p for p in parts(settings.works) if group.first <= p[0] and p[1] <= group.last]
    total: dict[str, Any] = {}
    lines, ids = [], []
    for part in inside:
        with np.load(_path(signal.medium, settings, payloads, part)) as held:
            for name in signal.estimates:
                total[name] = total.get(name, 0.0) + held[name].astype(np.float64)
            lines.append(held[LINES])
            ids += held["ids"].tolist()
    means = {name: np.asarray(value / group.works) for name, value in total.items()}
    return means | {LINES: signal.aligned(np.concatenate(lines))}, frozenset(ids)


def _path(medium: str, settings: Settings, payloads: str, part: tuple[int, int]) -> Path:
    return settings.cache / f"{medium}-{payloads}-{part[0]:04}-{part[1]:04}.npz"


def save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays so that the file is whole or absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two processes may be at the same part: each has a file of its own until it is done.
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with fresh.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
