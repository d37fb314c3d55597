"""What earlier rows say about each file, small enough to hold for millions of files.

One record of 80 bytes a file, in one block of memory, and a table to find it by the digest of the
URI: open addressing, at most 2/3 full::

    digest ──▶ slots: int32 [2^k] ──▶ records: 80 bytes each
               first free or equal    digest, size, modified, etag, sha256, row, settings, status
               from digest mod 2^k

Python's own dictionary would need three times as much.
"""

from __future__ import annotations

import struct
from array import array
from hashlib import blake2b
from typing import Final, NamedTuple

from waarmerk.scan.fields import STATUSES

__all__ = ["Done", "Index", "etag_digest"]

_RECORD: Final = struct.Struct("<16sqq8s32sIHB1x")
_UNKNOWN: Final = -(1 << 63)
_NO_ETAG: Final = bytes(8)
_NO_HASH: Final = bytes(32)
_FREE: Final = -1
_NUMBERS: Final[dict[str, int]] = {status: number for number, status in enumerate(STATUSES)}
_OTHER: Final = len(STATUSES)
"""Stands for a status that this version does not know."""


class Done(NamedTuple):
    """What the newest row of a file says.

    Attributes
    ----------
    size
        In bytes; None if it is not known.
    modified
        Microseconds since 1970 (UTC).
    etag
        Digest of the ETag; see `etag_digest`.
    sha256
        In hex; None if the content was not read.
    settings
        Id of the settings it was examined with.
    status
        See `STATUSES`; "" for one of another version.
    """

    size: int | None
    modified: int | None
    etag: bytes | None
    sha256: str | None
    settings: str
    status: str


def etag_digest(etag: str | None) -> bytes | None:
    """Return 8 bytes that stand for an ETag; None for none."""
    if etag is None:
        return None
    return blake2b(etag.encode("utf-8", "replace"), digest_size=8).digest()


class Index:
    """The newest row of each URI.

    Rows are numbered as they are put in; `superseded` has the numbers of those that a newer row of
    the same URI has replaced, in no order.
    """

    def __init__(self) -> None:
        self._records = bytearray()
        self._slots = array("i", [_FREE]) * 1024
        self._settings: dict[str, int] = {}
        self._names: list[str] = []
        self.superseded = array("I")
        self.rows = 0

    def __len__(self) -> int:
        return len(self._records) // _RECORD.size

    def put(self, uri: str, done: Done) -> None:
        """Add the next row."""
        digest = _digest(uri)
        slot, place = self._find(digest)
        record = self._packed(digest, done)
        self.rows += 1
        if place != _FREE:
            start = place * _RECORD.size
            self.superseded.append(_RECORD.unpack_from(self._records, start)[5])
            self._records[start : start + _RECORD.size] = record
            return
        self._slots[slot] = len(self)
        self._records += record
        if 3 * len(self) > 2 * len(self._slots):
            self._grow()

    def get(self, uri: str) -> Done | None:
        """Return what the newest row of a URI says; None if there is none."""
        place = self._find(_digest(uri))[1]
        if place == _FREE:
            return None
        _, size, modified, etag, sha256, _, settings, status = _RECORD.unpack_from(
            self._records, place * _RECORD.size
        )
        return Done(
            size=None if size == _UNKNOWN else size,
            modified=None if modified == _UNKNOWN else modified,
            etag=None if etag == _NO_ETAG else etag,
            sha256=None if sha256 == _NO_HASH else sha256.hex(),
            settings=self._names[settings],
            status="" if status == _OTHER else STATUSES[status],
        )

    def _packed(self, digest: bytes, done: Done) -> bytes:
        if done.settings not in self._settings:
            self._settings[done.settings] = len(self._names)
            self._names.append(done.settings)
        return _RECORD.pack(
            digest,
            _UNKNOWN if done.size is None else done.size,
            _UNKNOWN if done.modified is None else done.modified,
            done.etag or _NO_ETAG,
            _hash(done.sha256),
            self.rows,
            self._settings[done.settings],
            _NUMBERS.get(done.status, _OTHER),
        )

    def _find(self, digest: bytes) -> tuple[int, int]:
        """Return the slot of a digest and the record in it, or the free slot that it may have."""
        slots, records, size = self._slots, self._records, _RECORD.size
        mask = len(slots) - 1
        slot = int.from_bytes(digest[:8], "little") & mask
        while (place := slots[slot]) != _FREE:
            start = place * size
            if records[start : start + 16] == digest:
                break
            slot = (slot + 1) & mask
        return slot, place

    def _grow(self) -> None:
        slots = array("i", [_FREE]) * (2 * len(self._slots))
        mask = len(slots) - 1
        for place in range(len(self)):
            start = place * _RECORD.size
            slot = int.from_bytes(self._records[start : start + 8], "little") & mask
            while slots[slot] != _FREE:
                slot = (slot + 1) & mask
            slots[slot] = place
        self._slots = slots


def _digest(uri: str) -> bytes:
    return blake2b(uri.encode("utf-8", "replace"), digest_size=16).digest()


def _hash(sha256: str | None) -> bytes:
    """Return a hash as bytes; what is no SHA-256 counts as none."""
    if sha256 is None or len(sha256) != 64:
        return _NO_HASH
    try:
        return bytes.fromhex(sha256)
    except ValueError:
        return _NO_HASH
