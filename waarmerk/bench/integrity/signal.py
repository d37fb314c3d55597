"""Copying, averaging and wrong keys, the same for pictures and sounds.

**Copy.** The estimate of one work, or the mean over a group, is added to content that nobody
marked, at the largest gain within a quality. Being found there is a forged detection.

**Estimate.** The estimate is added to content with nothing in it, so that nothing hides it.

**Average.** The estimate of the largest group is taken away from works that were not in it: as it
is (``once``), and by the largest gain within a quality (``limit``). Not being found is a removal.

**Keys.** Marked and unmarked content is read with keys that never marked anything. Every pair of
content and key has a key of its own, so all pairs are independent trials.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from waarmerk.bench.integrity.audio import Sounds
from waarmerk.bench.integrity.collect import (
    LINES,
    PAYLOADS,
    Group,
    Payloads,
    Settings,
    Signal,
    gather,
    groups,
    victim_id,
    victim_key,
)
from waarmerk.bench.integrity.image import Pictures
from waarmerk.bench.marks import bench_id, bench_key, log10_p
from waarmerk.bench.protocol import Content, Value
from waarmerk.bench.rows import Row
from waarmerk.errors import CannotMarkError

if TYPE_CHECKING:
    from waarmerk import MarkId
    from waarmerk.detection.finding import WatermarkFinding

__all__ = ["BLOCK", "SIGNALS", "blocks", "cases", "keys_row", "measure", "row_of", "within"]

SIGNALS: dict[str, Signal] = {"image": Pictures(), "audio": Sounds()}
BLOCK = 250
"""Keys that are asked in one go."""

GAINS = ("once", "projection", "limit")
"""How much of an average is taken away; a template of lines has no size, so nothing is ``once``."""

STEPS = 16  # at most, on the way to a quality
FEW = 1e-9  # a pattern with less deviation than this is none


def cases(medium: str, settings: Settings) -> Iterator[list[Row]]:
    """Yield what names the rows of every call of `measure`."""
    signal = SIGNALS[medium]
    targets = [content.name for content in signal.targets(settings)]
    base: Row = {"suite": medium, "scheme": signal.scheme}
    for payloads in PAYLOADS:
        for group in groups(settings.works, settings.samples):
            if payloads == "random" or group.works > 1:
                who = {"works": group.works, "sample": group.index, "payloads": payloads}
                yield list(_attacks(signal, base | who, targets, group.works == settings.works))
    for name in targets:
        for what in ("unmarked", "wrong key"):
            for first, count in blocks(settings.keys):
                yield [base | _named("keys", what, name, key=first, keys=count)]


def _attacks(signal: Signal, base: Row, targets: list[str], largest: bool) -> Iterator[Row]:
    for estimate in (*signal.estimates, LINES):
        more = {"estimate": estimate}
        for name in targets:
            for bound in signal.bounds:
                yield base | more | _named("copy", "forged", name, bound)
        for level in signal.levels:
            yield base | more | _named("estimate", "forged", "neutral", level)
        if largest:
            for name in targets:
                for gain in GAINS if estimate != LINES else GAINS[1:]:
                    yield base | more | _named("average", "marked", name, signal.limit, gain=gain)
    if largest:
        for name in targets:
            yield base | {"estimate": "none"} | _named("average", "marked", name, gain="none")


def _named(test: str, what: str, content: str, strength: float = 0.0, **more: object) -> Row:
    return {"test": test, "what": what, "content": content, "strength": strength, **more}


def blocks(keys: int) -> list[tuple[int, int]]:
    """Return the first key and the number of keys of every block.

    >>> blocks(600)
    [(0, 250), (250, 250), (500, 100)]
    """
    return [(first, min(BLOCK, keys - first)) for first in range(0, keys, BLOCK)]


def measure(medium: str, settings: Settings, names: list[Row]) -> list[Row]:
    """Return the rows that `names` name, all of one group of works or of one block of keys."""
    signal = SIGNALS[medium]
    targets = {content.name: content for content in signal.targets(settings)}
    if names[0]["test"] == "keys":
        return [_keys(signal, targets[name["content"]], name) for name in names]
    payloads: Payloads = names[0]["payloads"]
    index, works = names[0]["sample"], names[0]["works"]
    group = Group(index, index * works, (index + 1) * works)
    patterns, ids = gather(signal, settings, payloads, group)
    rows = []
    for name in names:
        content = targets.get(name["content"])
        make = {"copy": _copy, "estimate": _alone, "average": _average}[name["test"]]
        try:
            rows.append(make(signal, name, content, patterns, ids))
        except CannotMarkError as error:
            rows.append(name | {"status": "refused", "reason": str(error)})
    return rows


def _copy(
    signal: Signal,
    name: Row,
    content: Content | None,
    patterns: dict[str, np.ndarray],
    ids: frozenset[int],
) -> Row:
    own = signal.load(_given(content))
    pattern = _pattern(signal, patterns, name["estimate"])
    forged = within(signal, own, pattern, name["strength"])
    return _read(signal, name, forged, own, ids)


def _alone(
    signal: Signal,
    name: Row,
    _content: Content | None,
    patterns: dict[str, np.ndarray],
    ids: frozenset[int],
) -> Row:
    nothing = signal.neutral()
    pattern = _pattern(signal, patterns, name["estimate"])
    gain = name["strength"] / max(float(np.std(pattern)), FEW)
    return _read(signal, name, signal.change(nothing, pattern, gain), nothing, ids)


def _average(
    signal: Signal,
    name: Row,
    content: Content | None,
    patterns: dict[str, np.ndarray],
    _ids: frozenset[int],
) -> Row:
    content = _given(content)
    same = name["payloads"] == "same"
    sent = victim_id(signal.medium, "same", 0) if same else _own_id(signal.medium, content)
    marked = signal.mark(signal.load(content), victim_key(signal.medium), sent)
    attacked = marked
    if name["gain"] != "none":
        pattern = -_pattern(signal, patterns, name["estimate"], marked)
        largest = 1.0 if name["gain"] == "once" else np.inf
        if name["gain"] == "projection":
            largest = max(0.0, -signal.share(marked, pattern))
        attacked = within(signal, marked, pattern, name["strength"], largest)
    row = _read(signal, name, attacked, marked, frozenset({int(sent)}))
    return row | {"exact": row["read"] == str(sent), "payload": str(sent)}


def _given(content: Content | None) -> Content:
    if content is None:  # names of rows are made from the same contents
        raise KeyError("no such content in this run")
    return content


def _own_id(medium: str, content: Content) -> MarkId:
    return bench_id("integrity attacked", medium, content.name)


def _pattern(
    signal: Signal, patterns: dict[str, np.ndarray], estimate: str, like: Value | None = None
) -> np.ndarray:
    if estimate == LINES:
        return signal.drawn(patterns[LINES], like)
    return patterns[estimate]


def within(
    signal: Signal, value: Value, pattern: np.ndarray, bound: float, largest: float = np.inf
) -> Value:
    """Add as much of a pattern as a quality of `bound` dB allows, at most `largest` times."""
    if float(np.std(pattern)) < FEW:
        return value
    if np.isfinite(largest):
        changed = signal.change(value, pattern, largest)
        if signal.quality(value, changed) >= bound:
            return changed
    gain, low, high = 1.0 / float(np.std(pattern)), 0.0, np.inf
    best = value
    for _ in range(STEPS):
        changed = signal.change(value, pattern, gain)
        spare = signal.quality(value, changed) - bound
        if spare >= 0:
            low, best = gain, changed
            if spare < 0.05:
                break
        else:
            high = gain
        # The error grows with the gain, but for where whole levels make it jump: halve there.
        rule = gain * 10 ** (np.clip(spare - 0.02, -20.0, 20.0) / 20)
        gain = rule if low < rule < high else (low + high) / 2
    return best


def _read(signal: Signal, name: Row, value: Value, before: Value, ids: frozenset[int]) -> Row:
    start = time.process_time()
    finding = signal.read(value, [victim_key(signal.medium)])[0]
    row = name | row_of(finding, ids, time.process_time() - start)
    quality = round(signal.quality(before, value), 2)
    return row | {"size": signal.size(value), "quality": {signal.unit.lower(): quality}}


def row_of(finding: WatermarkFinding, ids: frozenset[int], seconds: float) -> Row:
    """Describe a finding; `ids` are what the attacker's works carry.

    ``whose`` is the payload that is read: the victim's, another one, or none.
    """
    read = finding.mark_id if finding.found else None
    sent = f"{next(iter(ids)):016x}" if len(ids) == 1 else None
    return {
        "status": "ok" if finding.status in ("found", "not_found") else "error",
        "reason": finding.reason,
        "found": finding.found,
        "log10_p": log10_p(finding),
        "payload": sent,
        "read": None if read is None else str(read),
        "exact": None if sent is None else read is not None and str(read) == sent,
        "whose": None if read is None else "victim" if int(read) in ids else "another",
        "seconds": round(seconds, 4),
    }


def _keys(signal: Signal, content: Content, name: Row) -> Row:
    value = signal.load(content)
    if name["what"] == "wrong key":
        try:
            sent = _own_id(signal.medium, content)
            value = signal.mark(value, victim_key(signal.medium), sent)
        except CannotMarkError as error:
            return name | {"status": "refused", "reason": str(error)}
    numbers = range(name["key"], name["key"] + name["keys"])
    keys = [bench_key("integrity", name["what"], content.name, number) for number in numbers]
    return keys_row(name, lambda: signal.read(value, keys)) | {"size": signal.size(value)}


def keys_row(name: Row, read: Callable[[], list[WatermarkFinding]]) -> Row:
    """Describe what keys say that marked nothing: each p-value, and the least as ``log10_p``."""
    start = time.process_time()
    findings = read()
    seconds = time.process_time() - start
    values = [log10_p(finding) for finding in findings]
    return name | {
        "status": "ok",
        "found": sum(finding.found for finding in findings),
        "log10_p": min(values),
        "values": values,
        "seconds": round(seconds, 4),
    }
