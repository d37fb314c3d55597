"""What a worker process does with one piece of work: mark once, change, read, describe."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from waarmerk.bench.content.catalogue import contents, few, size_of
from waarmerk.bench.protocol import (
    Content,
    Marked,
    Medium,
    Reading,
    RefusedError,
    Tools,
    Transformation,
    Value,
)
from waarmerk.bench.quality import change, fidelity
from waarmerk.bench.rows import Row
from waarmerk.bench.run import Job, schemes_of
from waarmerk.bench.seeds import rng_for
from waarmerk.bench.transformations import of

if TYPE_CHECKING:
    from waarmerk.bench.plan import Unit

__all__ = ["Worker"]

_ANY = 1 << 30
_KEPT = 4
"""Values that are kept, so that pieces of work on one content do not load and mark it again."""

_NOTHING: Row = {
    "category": "none",
    "payload": None,
    "read": None,
    "exact": None,
    "bits": None,
    "found": None,
    "log10_p": None,
    "seconds": None,
    "quality": {},
    "status": "ok",
}


class _Kept:
    """The latest results of a function, by its arguments."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._held: OrderedDict[tuple[Any, ...], Any] = OrderedDict()

    def __call__(self, *arguments: Any) -> Any:
        if arguments in self._held:
            self._held.move_to_end(arguments)
        else:
            self._held[arguments] = self._function(*arguments)
            if len(self._held) > _KEPT:
                self._held.popitem(last=False)
        return self._held[arguments]


class Worker:
    """Measures units of one job."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._schemes = schemes_of(job)
        self._contents: dict[Medium, dict[str, Content]] = {}
        self._transformations: dict[Medium, dict[str, Transformation]] = {}
        self._warm: set[tuple[str, str]] = set()
        self._value = _Kept(self._loaded)
        self._marked = _Kept(self._mark)

    def measure(self, unit: Unit) -> list[Row]:
        """Return the rows of a unit, complete."""
        content = self._content(unit.suite, unit.content)
        value = self._value(unit.suite, unit.content)
        common = {"group": content.group, "size": size_of(unit.suite, value)}
        what = unit.rows[0]["what"]
        if what in ("unmarked", "wrong key"):
            found = self._asked(unit, value)
        else:
            found = [self._row(unit, content, value, row) for row in unit.rows]
        return [
            {**row, **common, **_NOTHING, **more}
            for row, more in zip(unit.rows, found, strict=True)
        ]

    # What is looked up

    def _all(self, medium: Medium) -> dict[str, Content]:
        if medium not in self._contents:
            job = self._job
            found = contents(medium, job.data, job.half, job.models)
            self._contents[medium] = {each.name: each for each in found}
        return self._contents[medium]

    def _content(self, medium: Medium, name: str) -> Content:
        return self._all(medium)[name]

    def _others(self, medium: Medium) -> tuple[Content, ...]:
        """Return what an attacker may collect works of; very large pictures would take too long."""
        return tuple(few(list(self._all(medium).values()), _ANY))

    def _loaded(self, medium: Medium, name: str) -> Value:
        return self._content(medium, name).load()

    def _transformation(self, medium: Medium, name: str) -> Transformation:
        if medium not in self._transformations:
            self._transformations[medium] = {each.name: each for each in of(medium)}
        return self._transformations[medium][name]

    def _mark(self, medium: Medium, name: str, scheme: str, key: int) -> tuple[Row, Marked | None]:
        """Return the row of marking, and what was marked if it was."""
        content, value = self._content(medium, name), self._value(medium, name)
        try:
            if self._is_first(scheme, "mark"):
                self._schemes[scheme].mark(content, value, key)
            start = time.thread_time()
            marked = self._schemes[scheme].mark(content, value, key)
        except RefusedError as error:
            return {"status": "refused", "reason": str(error)}, None
        except Exception as error:  # noqa: BLE001 - whatever it is, it counts against the scheme
            return _failed("marking", error), None
        seconds = time.thread_time() - start if marked.seconds is None else marked.seconds
        original = value if marked.original is None else marked.original
        row = {
            "payload": marked.payload,
            "seconds": round(seconds, 5),
            "quality": fidelity(content, original, marked.value),
        }
        return row, marked

    def _is_first(self, scheme: str, what: str) -> bool:
        """Whether this process does that for the first time, which compiles and loads things."""
        new = (scheme, what) not in self._warm
        self._warm.add((scheme, what))
        return new

    # The kinds of rows

    def _asked(self, unit: Unit, value: Value) -> list[Row]:
        """Read a value under keys that it was not marked with, in one go."""
        if unit.rows[0]["what"] == "wrong key":
            row, marked = self._marked(unit.suite, unit.content, unit.scheme, 0)
            if marked is None:
                return [_unread(row)] * len(unit.rows)
            value = marked.value
        return self._read(unit.scheme, value, [row["key"] for row in unit.rows])

    def _row(self, unit: Unit, content: Content, value: Value, row: Row) -> Row:
        """Return what one case gives."""
        maker = row["other"] or unit.scheme
        made, marked = self._marked(unit.suite, unit.content, maker, row["key"])
        if row["what"] == "mark":
            return dict(made)
        if marked is None:
            return _unread(made)
        if row["what"] == "another scheme":
            return self._read(unit.scheme, marked.value, [row["key"]])[0]
        category = self._transformation(unit.suite, row["transformation"]).category
        return {"category": category, **self._changed(unit, content, marked, row)}

    def _changed(self, unit: Unit, content: Content, marked: Marked, row: Row) -> Row:
        """Change what was marked, and read it."""
        transformation = self._transformation(unit.suite, row["transformation"])
        seed = (self._job.seed, row["transformation"], row["strength"], content.name, row["key"])
        tools = Tools(
            rng_for("suite", *seed),
            content,
            self._schemes[unit.scheme],
            row["key"],
            self._others(unit.suite),
        )
        try:
            changed = transformation.function(marked.value, row["strength"], tools)
        except RefusedError as error:
            return {"status": "refused", "reason": f"in the transformation: {error}"}
        except Exception as error:  # noqa: BLE001 - a row says so, and the run goes on
            return _failed("the transformation", error)
        if row["what"] == "forged":
            [found] = self._read(unit.scheme, changed, [row["key"]])
            # The payload that was copied: reading it on other content is what a forger wants.
            return {**found, "payload": marked.payload}
        [found] = self._read(unit.scheme, changed, [row["key"]], marked.payload)
        return {**found, "quality": change(unit.suite, marked.value, changed)}

    def _read(
        self, scheme: str, value: Value, keys: Sequence[int], sent: str | None = None
    ) -> list[Row]:
        """Read a value under each key; `sent` is the payload in it, if it should be read."""
        try:
            if self._is_first(scheme, "read"):
                self._schemes[scheme].read(value, keys[:1])
            start = time.thread_time()
            readings = self._schemes[scheme].read(value, keys)
        except Exception as error:  # noqa: BLE001 - whatever it is, it counts against the scheme
            return [_failed("reading", error)] * len(keys)
        seconds = (time.thread_time() - start) / len(keys)
        return [_described(each, sent, seconds) for each in readings]


def _described(reading: Reading, sent: str | None, seconds: float) -> Row:
    return {
        "payload": sent,
        "read": reading.payload,
        "exact": None if sent is None else reading.payload == sent,
        "bits": _bits(sent, reading.payload),
        "found": reading.found,
        "log10_p": None if reading.log10_p is None else round(reading.log10_p, 4),
        "seconds": round(seconds if reading.seconds is None else reading.seconds, 5),
    }


def _bits(sent: str | None, read: str | None) -> float | None:
    """Return the share of payload bits that were read right.

    >>> _bits("0f", "0e")
    0.875
    """
    if sent is None or read is None or len(sent) != len(read):
        return None
    count = 4 * len(sent)
    wrong = (int(sent, 16) ^ int(read, 16)).bit_count()
    return round(1 - wrong / count, 4)


def _failed(where: str, error: Exception) -> Row:
    return {"status": "error", "reason": f"{where}: {type(error).__name__}: {error}"}


def _unread(made: Row) -> Row:
    """Return what is said of a case whose content was not marked."""
    return {name: made[name] for name in ("status", "reason")}
