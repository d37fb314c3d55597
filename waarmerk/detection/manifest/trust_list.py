"""Lists of those who vouch for signers, as the C2PA library is given them.

A list is for signers of manifests or for time-stamps. The library (0.91) does not keep these kinds
apart, and where certificates of several lists fit it names any of them, by chance::

    asked with                         it says                 who vouched
    ---------------------------------  ----------------------  -------------------------------
    all lists                          found in [manifest:2]   the third of ours
    all lists                          found in [tsa:0]        perhaps nobody: asked once more
    the lists for manifests alone      found in [manifest:2]   the third of ours, after all
                                       untrusted               nobody

The first question is needed for time-stamps, and settles most cases. A certificate that is on lists
of both kinds, as half of the official ones are, is given under the first kind alone: it serves for
time-stamps as well there.
"""

from __future__ import annotations

import base64
import os
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, overload

from waarmerk.detection.manifest.trust_formats import MOST_BYTES, read_certificates
from waarmerk.errors import InputError
from waarmerk.marking.provenance import Anchors, mappings, offline_settings

__all__ = ["Kind", "Trust", "TrustList", "TrustLists", "load_anchors", "read_bounded"]

Kind = Literal["manifest", "tsa"]
"""Whom a list vouches for: signers of manifests, or time-stamps."""

_URI = "urn:waarmerk:"
_VOUCHED = "signingCredential.trusted"
# In the explanation of that code; empty where the signer itself was given.
_FOUND_IN = re.compile(r"found in \[([^\]]*)\] trust anchors")


@dataclass(frozen=True, slots=True)
class TrustList:
    """Certificates that vouch for signers.

    Parameters
    ----------
    name
        What reports call it.
    kind
        Whom it vouches for.
    authorities
        DER. They vouch for whom they certified.
    signers
        DER. They are known themselves.
    source
        Name of the file that it was read from.
    added, issued, next_update
        When it was stored here, when it was issued, and when its successor is due: RFC 3339, None
        if unknown.
    left_out
        How many certificates of the file are not in it because they are not in force.
    """

    name: str
    kind: Kind
    authorities: tuple[bytes, ...] = field(repr=False)
    signers: tuple[bytes, ...] = field(repr=False, default=())
    source: str | None = None
    added: str | None = None
    issued: str | None = None
    next_update: str | None = None
    left_out: int = 0

    @classmethod
    def from_bytes(
        cls, data: bytes, name: str, kind: Kind = "manifest", *, source: str | None = None
    ) -> TrustList:
        """Read a list: PEM, or the JSON of ETSI TS 119 602.

        Raises
        ------
        InputError
            If it holds no certificate, or one that is broken or does not fit its kind.
        """
        read = read_certificates(data, source or name, for_time_stamps=kind == "tsa")
        return cls(
            name,
            kind,
            read.authorities,
            read.signers,
            source=source,
            issued=read.issued,
            next_update=read.next_update,
            left_out=read.left_out,
        )

    @property
    def certificates(self) -> tuple[bytes, ...]:
        """DER of all."""
        return self.authorities + self.signers


Trust = Sequence["bytes | str | os.PathLike[str] | TrustList"]
"""What vouches for signers: PEM or JSON as bytes, paths of such files, or lists."""


class TrustLists(Sequence[TrustList]):
    """Several lists, and what the C2PA library makes of them.

    Parameters
    ----------
    lists
        In the order in which they are named.

    Examples
    --------
    >>> len(TrustLists()), TrustLists().context() is TrustLists().context()
    (0, True)
    """

    __slots__ = ("_lists",)

    def __init__(self, lists: Sequence[TrustList] = ()) -> None:
        self._lists = tuple(lists)

    @classmethod
    def of(cls, trust: Trust) -> TrustLists:
        """Return lists for whatever was given.

        Raises
        ------
        InputError
            If something given cannot be read, or holds no sound certificates.
        """
        if isinstance(trust, TrustLists):
            return trust
        return cls([_list_of(item) for item in trust])

    def __len__(self) -> int:
        return len(self._lists)

    def __iter__(self) -> Iterator[TrustList]:
        return iter(self._lists)

    @overload
    def __getitem__(self, index: int) -> TrustList: ...
    @overload
    def __getitem__(self, index: slice) -> TrustLists: ...
    def __getitem__(self, index: int | slice) -> TrustList | TrustLists:
        found = self._lists[index]
        return found if isinstance(found, TrustList) else TrustLists(found)

    def __add__(self, other: Sequence[TrustList]) -> TrustLists:
        return TrustLists([*self, *other])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TrustLists) and self._lists == other._lists

    def __hash__(self) -> int:
        return hash(self._lists)

    def __repr__(self) -> str:
        return f"TrustLists({list(self._lists)!r})"

    def context(self, *, for_manifests: bool = False) -> Any:
        """Return a context of the C2PA library that asks these lists.

        Parameters
        ----------
        for_manifests
            Leave out those for time-stamps.

        Returns
        -------
        c2pa.Context
            The same one each time in a process, also for many threads. It does not outlive a fork,
            so a child process gets its own.
        """
        lists = tuple(found for found in self if not for_manifests or found.kind == "manifest")
        return _context(lists, os.getpid())

    def misused(self, store: Mapping[str, Any]) -> bool:
        """Return whether a list for time-stamps vouched for a signer in what the library says."""
        if all(found.kind == "manifest" for found in self):
            return False
        return any(uri.startswith(_URI + "tsa:") for uri in _vouching(store))

    def vouching(self, store: Mapping[str, Any]) -> str | None:
        """Return the name of the list that vouches for the signer of the active manifest.

        Parameters
        ----------
        store
            Parsed JSON of the C2PA library's `Reader`.
        """
        results = store.get("validation_results")
        uri = next(_vouching({"validation_results": _active_only(results)}), None)
        if uri is None:
            return None
        number = uri.removeprefix(_URI + "manifest:")
        if number != uri and number.isascii() and number.isdecimal() and len(number) < 6:
            manifests = [found.name for found in self if found.kind == "manifest"]
            return manifests[int(number)] if int(number) < len(manifests) else None
        holders = [found.name for found in self if found.signers]
        return ", ".join(holders) if holders and not uri else None


def load_anchors(trust: Trust) -> str:
    """Return authorities for manifests as one PEM text, every certificate of which was parsed.

    Raises
    ------
    InputError
        If something given cannot be read, holds no certificate, or a broken one.
    """
    return "".join(_pem(found.certificates) for found in TrustLists.of(trust))


def read_bounded(path: str | os.PathLike[str]) -> bytes:
    """Return the content of a file with certificates.

    Raises
    ------
    InputError
        If it cannot be read, or is too large for one.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read: {cause}") from error
    if len(data) > MOST_BYTES:
        raise InputError(f"{path}: is too large for a list: more than {MOST_BYTES:,} bytes")
    return data


def _list_of(item: bytes | str | os.PathLike[str] | TrustList) -> TrustList:
    if isinstance(item, TrustList):
        return item
    if isinstance(item, bytes):
        return _read(item, "trust anchors", "trust anchors")
    return _read(read_bounded(item), Path(item).name, str(item))


@lru_cache(maxsize=64)
def _read(data: bytes, name: str, source: str) -> TrustList:
    return TrustList.from_bytes(data, name, source=source)


@lru_cache(maxsize=16)
def _context(lists: tuple[TrustList, ...], _process: int) -> Any:
    import c2pa

    known = {der for found in lists if found.kind == "manifest" for der in found.authorities}
    anchors = []
    counts = {"manifest": 0, "tsa": 0}
    for found in lists:
        own = found.authorities
        if found.kind == "tsa":
            own = tuple(der for der in own if der not in known)
        uri = f"{_URI}{found.kind}:{counts[found.kind]}"
        counts[found.kind] += 1
        if own or found.signers:
            anchors.append(Anchors(uri, found.kind, _pem(own), _pem(found.signers)))
    return c2pa.Context.from_dict(offline_settings(anchors))


def _pem(certificates: Sequence[bytes]) -> str:
    """Return DER certificates as PEM (RFC 7468), and nothing else that stood around them."""
    return "".join(
        "-----BEGIN CERTIFICATE-----\n"
        + "\n".join(textwrap.wrap(base64.b64encode(der).decode("ascii"), 64))
        + "\n-----END CERTIFICATE-----\n"
        for der in certificates
    )


def _vouching(store: Mapping[str, Any]) -> Iterator[str]:
    """Yield the URI of what vouched, for every signer that the library found known."""
    results = store.get("validation_results")
    if not isinstance(results, Mapping):
        return
    groups = [results.get("activeManifest")]
    groups += [d.get("validationDeltas") for d in mappings(results.get("ingredientDeltas"))]
    for group in groups:
        for status in mappings(group.get("success")) if isinstance(group, Mapping) else ():
            found = _FOUND_IN.search(str(status.get("explanation"))[:500])
            if status.get("code") == _VOUCHED and found is not None:
                yield found[1]


def _active_only(results: object) -> dict[str, Any]:
    return {"activeManifest": results.get("activeManifest")} if isinstance(results, Mapping) else {}
