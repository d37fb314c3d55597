"""The manifest in an SVG of any size: an element below its metadata, in base64.

::

    <svg ... xmlns:c2pa="http://c2pa.org/manifest"><metadata><c2pa:manifest>AAAN...
                                       the hash leaves this out:            '-----'

C2PA 2.2, A.3.3. The C2PA library puts it in front of what is in ``metadata``, and makes one where
there is none. With several manifests, or something unusual, the file is left to the library.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import BinaryIO

from waarmerk.marking.data_hash import MOST_STORE, Embed, Found, Ranges
from waarmerk.marking.streams import copied, length_of
from waarmerk.marking.svg_scan import Scan, scanned

__all__ = ["embedding", "form", "store_in"]

_SPACE = b' xmlns:c2pa="http://c2pa.org/manifest"'
_SPACED = re.compile(rb"\sxmlns:c2pa\s*=")
_OPEN, _CLOSE = b"<c2pa:manifest>", b"</c2pa:manifest>"


def form(store: bytes) -> bytes:
    """Return a manifest store as it stands in an SVG."""
    return base64.b64encode(store)


def store_in(file: BinaryIO) -> Found | None:
    """Return the manifest store in a file, and what its hash leaves out; None if there is none, or
    it is not dealt with here.
    """  # noqa: D205 - one sentence
    scan = scanned(file)
    if scan is None or len(scan.manifests) != 1 or not _in_order(scan):
        return None
    start, end = scan.manifests[0]
    if not 0 < end - start <= MOST_STORE // 3 * 4:
        return None
    file.seek(start)
    content = file.read(end - start)
    try:
        store = base64.b64decode(content, validate=True)
    except binascii.Error:
        return None
    return Found(store, ((start, end - start),)) if form(store) == content else None


def embedding(file: BinaryIO) -> Embed | None:
    """Return what writes a copy of a file with room for a manifest; None if that is not known."""
    scan = scanned(file)
    if scan is None or len(scan.manifests) > 1 or not _in_order(scan):
        return None
    found = scan

    def embed(source: BinaryIO, destination: BinaryIO, place: bytes) -> tuple[Ranges, int]:
        return _embedded(source, destination, place, found)

    return embed


def _in_order(scan: Scan) -> bool:
    """Return whether the manifest is where the library looks: in the last of several metadata."""
    return not scan.manifests or scan.manifests[0][0] > scan.metadata[-1]


def _embedded(
    source: BinaryIO, destination: BinaryIO, place: bytes, scan: Scan
) -> tuple[Ranges, int]:
    length = length_of(source)
    before, after = _OPEN, _CLOSE
    if scan.manifests:
        (start, end), before, after = scan.manifests[0], b"", b""
    elif scan.metadata:
        start = end = scan.metadata[-1]
    else:
        start = end = scan.root + 1
        before, after = b"<metadata>" + before, after + b"</metadata>"
    copied(source, destination, 0, scan.root)
    if not _SPACED.search(scan.attributes):
        destination.write(_SPACE)
    copied(source, destination, scan.root, start)
    destination.write(before)
    at, content = destination.tell(), form(place)
    destination.write(content + after)
    copied(source, destination, end, length)
    return ((at, len(content)),), at
