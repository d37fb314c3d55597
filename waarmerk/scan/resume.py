"""Which files a scan that is resumed examines again, and which it leaves out.

::

    what earlier rows say                                                         what is done
    ----------------------------------------------------------------------------  ------------
    nothing                                                                       scan
    size or ETag differ from what is listed now                                   scan
    only the time differs, and content is compared by its hash                    hash
    only the time differs, and it is not                                          scan
    error, crash, timeout or memory, and these are tried again (`retry`)          scan
    the same settings                                                             skip
    other settings that ask for all that is asked for now                         skip
    any others                                                                    scan

What is not listed now (a store without ETags) is not compared. What is listed now and was not known
when the row was made differs. ``hash``: whoever opens it compares the content with that of the row,
and examines it only if that differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from waarmerk.scan.done import Done, etag_digest
from waarmerk.scan.row import microseconds
from waarmerk.scan.source import Source

__all__ = ["Need", "covers", "needs_scan"]

Need = Literal["scan", "skip", "hash"]

_AGAIN: Final = frozenset({"error", "crash", "timeout", "memory"})
_EFFORTS: Final = ("fast", "full")


def needs_scan(
    source: Source,
    done: Done | None,
    records: Mapping[str, Mapping[str, Any]],
    current: str,
    *,
    by_hash: bool = False,
    retry: bool = False,
) -> Need:
    """Decide whether a source is to be examined.

    Parameters
    ----------
    source
        As it is listed now.
    done
        What its newest row says.
    records
        The records of settings, by id.
    current
        Id of the settings of this scan.
    by_hash
        Whether a file of which only the time differs is compared by its content.
    retry
        Whether what failed is tried again.

    Returns
    -------
    str
        See the table at the top of this module.
    """
    if done is None or _differs(source.size, done.size):
        return "scan"
    if _differs(etag_digest(source.etag), done.etag):
        return "scan"
    if retry and done.status in _AGAIN:
        return "scan"
    if done.settings != current:
        old, new = records.get(done.settings), records.get(current)
        if old is None or new is None or not covers(old, new):
            return "scan"
    if _differs(microseconds(source.modified), done.modified):
        return "hash" if by_hash and done.sha256 is not None else "scan"
    return "skip"


def covers(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Return whether rows made with one record of settings answer all that another asks.

    What this version does not know has to be equal.
    """
    return all(
        _COVERS.get(name, _equal)(old.get(name), new.get(name))
        for name in old.keys() | new.keys()
        if name != "id"
    )


def _differs(now: object, before: object) -> bool:
    return now is not None and now != before


def _equal(old: Any, new: Any) -> bool:
    return bool(old == new)


def _includes(old: Any, new: Any) -> bool:
    return set(old or ()) >= set(new or ())


def _equal_or_not_asked(old: Any, new: Any) -> bool:
    return new is None or bool(old == new)


def _as_thorough(old: Any, new: Any) -> bool:
    if old not in _EFFORTS or new not in _EFFORTS:
        return bool(old == new)
    return _EFFORTS.index(old) >= _EFFORTS.index(new)


def _any(_old: Any, _new: Any) -> bool:
    return True


def _at_least(old: Any, new: Any) -> bool:
    return bool(old) or not new


_COVERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    # A version that finds more has a new scheme, which `watermarks` names.
    "detector": _any,
    "watermarks": _includes,
    "keys": _includes,
    "effort": _as_thorough,
    # Without a tokenizer nobody looks at the tokens of texts; to have looked is no loss.
    "text": _equal_or_not_asked,
    # Trust decides what a signature is worth, and kept manifests can change a verdict either way.
    "trust": _equal,
    "reports": _at_least,
    "personal": _at_least,
    "manifests": _equal,
}
