"""Find a manifest again that was stripped from its content, by the watermark in the content.

::

    picture without manifest --watermark--> mark id 0123...  --> folder/0123....c2pa
                                                                    |
        is the content of its bytes?  yes: trusted or valid  <------+
        no, and all else holds, and it names this mark: recovered <-+

Whoever marks content may keep its manifest store in a folder, under the mark's id. Content that was
stored anew, cropped or converted has lost its manifest, and another hash than it had; the id in its
watermark still leads to the store. What that says was signed is still true of what was marked, and
the bytes are others: a state of its own (C2PA 2.4, 9.3 and "durable content credentials").

A watermark can be copied onto other content, so what was found again says who signed something that
carried this mark, and nothing about what has changed since.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from waarmerk.detection.finding import ManifestFinding, WatermarkFinding
from waarmerk.detection.manifest.reader import Store, read_store
from waarmerk.detection.manifest.store import failures_of, finding_of
from waarmerk.detection.manifest.trust_list import Trust, TrustLists
from waarmerk.detection.manifest.wording import plain
from waarmerk.detection.reasons import RECOVERED_KNOWN, RECOVERED_UNKNOWN
from waarmerk.marking.sidecar import MOST_BYTES as MOST_STORE

__all__ = ["MOST_STORE", "recovered_manifest"]


_MOST_MARKS = 20
_ID = re.compile(r"[0-9a-f]{8,64}")
_SUFFIX = ".c2pa"

# All that may be wrong with a manifest that is found again: the bytes are not those it was made
# for. The last one stands for bytes of another format.
_OTHER_BYTES = frozenset(
    {
        "assertion.dataHash.mismatch",
        "assertion.bmffHash.mismatch",
        "assertion.boxesHash.mismatch",
        "assertion.boxesHash.unknownBox",
    }
)
_UNKNOWN = "signingCredential.untrusted"
_SIGNED = "claimSignature.validated"


def recovered_manifest(
    source: bytes | BinaryIO,
    media_type: str | None,
    folder: str | os.PathLike[str],
    marks: Sequence[WatermarkFinding],
    trust: Trust = (),
) -> ManifestFinding | None:
    """Look for the manifest of content that carries none, by the marks found in it.

    Parameters
    ----------
    source
        The file, or a stream of it that can seek.
    media_type
        What the file is.
    folder
        Where manifest stores are kept as ``<mark id>.c2pa``, the id in hexadecimal.
    marks
        Watermarks that were looked for. Those that were found and have an id are tried in order;
        public ones are not, for anyone can write these.
    trust
        As for :func:`~waarmerk.detection.manifest.read_manifest`.

    Returns
    -------
    ManifestFinding or None
        ``recovered``: the store's signature holds, it names this mark (and this key, if it names
        one), and only the bytes are not those that were signed. Its reason says whether the signer
        is known. ``trusted`` or ``valid``: the bytes are those that were signed, after all.
        ``error``: there is a store, and it does not hold, or is about another mark. None if there
        is no store for any of the marks.

    Raises
    ------
    InputError
        If a trust file cannot be read or does not hold sound certificates.
    """
    lists = TrustLists.of(trust)
    failed: ManifestFinding | None = None
    tried: set[str] = set()
    for mark in marks[:_MOST_MARKS]:
        if not mark.found or mark.public or mark.mark_id is None:
            continue
        name = mark.mark_id.hex + _SUFFIX
        if name in tried or not _ID.fullmatch(mark.mark_id.hex):
            continue
        tried.add(name)
        store = _kept(Path(folder) / name)
        if store is None:
            continue
        if isinstance(store, str):
            found = _error(name, store)
        else:
            said = _said(source, media_type, store, lists)
            found = _judged(said, mark, name, lists)
        if found.status != "error":
            return found
        failed = failed or found
    return failed


def _kept(path: Path) -> bytes | str | None:
    """Return a store, or why it is not used; None if there is none."""
    # A link or a pipe of that name would be somebody's trap.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        handle = os.open(path, flags | getattr(os, "O_BINARY", 0))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        if path.is_symlink():
            return "is a link; put the file itself there"
        return f"cannot be read: {getattr(error, 'strerror', None) or error}"
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return "is not a file"
        with os.fdopen(handle, "rb", closefd=False) as file:
            data = file.read(MOST_STORE + 1)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    finally:
        os.close(handle)
    return data if len(data) <= MOST_STORE else f"has more than {MOST_STORE:,} bytes"


def _said(
    source: bytes | BinaryIO, media_type: str | None, store: bytes, lists: TrustLists
) -> Store | ManifestFinding:
    """Return what the library says about a store that was kept, and these bytes."""
    found = read_store(source, media_type, lists, sidecar=store)
    if isinstance(found, Store):
        return found
    # Perhaps the bytes are of a kind to which this sort of hash cannot be applied: they are not
    # those that were signed, then. One byte is not the content of anything.
    return read_store(b"\0", None, lists, sidecar=store)


def _judged(
    found: Store | ManifestFinding, mark: WatermarkFinding, name: str, lists: TrustLists
) -> ManifestFinding:
    if isinstance(found, ManifestFinding):
        return _error(name, f"cannot be read: {found.reason}")
    finding = finding_of(*found, lists)
    if finding.intact:
        return finding
    wrong = sorted(set(failures_of(found.said)) - _OTHER_BYTES - {_UNKNOWN})
    if finding.status != "invalid" or wrong or _SIGNED not in finding.codes:
        return _error(name, f"does not hold: {', '.join(wrong[:5]) or finding.reason}")
    if not _names(finding, mark):
        return _error(name, "is about another mark than the one in this content")
    reason = RECOVERED_UNKNOWN if finding.trust_list is None else RECOVERED_KNOWN
    return replace(finding, status="recovered", reason=reason)


def _names(finding: ManifestFinding, mark: WatermarkFinding) -> bool:
    """Return whether a manifest is bound to this mark, and to its key where it names one."""
    if mark.mark_id is None or (mark.scheme, mark.mark_id.hex) not in finding.soft_bindings:
        return False
    keys = {key for scheme, key in finding.bound_keys if scheme == mark.scheme}
    return not keys or mark.key_id is None or mark.key_id in keys


def _error(name: str, why: str) -> ManifestFinding:
    reason = plain(f"the manifest that was kept as {name} {why}")
    return ManifestFinding("error", reason=reason)
