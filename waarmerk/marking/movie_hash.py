"""Manifests of large MP4 and QuickTime files, bound to them by a hash that is computed here.

The C2PA library reads 256 MB at a time to hash a file, twice. Here it goes piece by piece::

    ftyp  uuid: C2PA [manifest store]  moov (places moved)  mdat ...
    '---- the hash leaves these out --'

The hash (C2PA 2.4, 18.7, ``c2pa.hash.bmff.v3``) goes over the boxes at the top, each behind its
place in the file in 8 bytes, and leaves out those that may change: ftyp, the C2PA box, mfra, free
and skip. That of others may leave out more, and parts of boxes: those are the library's.

The box with the manifest stands behind ftyp (C2PA 2.4, A.5), so that everything moves, and with it
the places of samples in the tables of the movie (stco, co64; ISO/IEC 14496-12, 8.7.5). Files with
other tables of places (fragments, items, auxiliary information) are left to the library.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO

from waarmerk.marking.data_hash import HASHES, MOST_STORE, library_bytes
from waarmerk.marking.sound_structure import boxes, file_length

__all__ = ["LABEL", "hash_is_right", "movable", "sign_movie", "store_in"]

LABEL = "c2pa.hash.bmff.v3"

_C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
# Behind that a version, the purpose, and the place of a Merkle box, of which there is none.
_HEAD = _C2PA + bytes(4) + b"manifest\0" + bytes(8)
_LEFT_OUT = (b"ftyp", b"mfra", b"free", b"skip")
_MOVABLE = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"uuid", b"udta")
_NESTED = (b"trak", b"mdia", b"minf", b"stbl")
_PLACED = (b"mvex", b"meta", b"saio", b"cmov", b"iloc")
_MOST_BOXES = 10_000
_MOST_MOOV = 1 << 27
_MOST_PLACE = 1 << 62
_PIECE = 1 << 20

_EXCLUSIONS: list[dict[str, Any]] = [
    {"xpath": "/uuid", "data": [{"offset": 8, "value": list(_C2PA)}]},
    *({"xpath": f"/{kind.decode()}"} for kind in _LEFT_OUT),
]


@dataclass(frozen=True, slots=True)
class Movie:
    """The boxes at the top of a file: kind, start and end of each; and which of them is C2PA's."""

    boxes: tuple[tuple[bytes, int, int], ...]
    manifest: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Movable:
    """A file whose places of samples are known: its boxes, and its movie boxes by their start."""

    movie: Movie
    tables: dict[int, bytes]


def movie_of(file: BinaryIO) -> Movie | None:
    """Return the boxes of a file; None if they do not fill it, or it is not dealt with here."""
    length = file_length(file)
    found: list[tuple[bytes, int, int]] = []
    manifests = []
    for kind, start, content, end in islice(boxes(file, 0, length), _MOST_BOXES):
        file.seek(start)
        if end > length or file.read(4) == bytes(4):  # a box that goes on to the end
            return None
        if kind == b"uuid":
            file.seek(content)
            if file.read(16) == _C2PA:
                if content != start + 8:
                    return None
                manifests.append((start, end))
        found.append((kind, start, end))
    if not found or found[0][0] != b"ftyp" or found[-1][2] != length or len(manifests) > 1:
        return None
    return Movie(tuple(found), manifests[0] if manifests else None)


def store_in(file: BinaryIO) -> tuple[bytes, tuple[int, int]] | None:
    """Return the manifest store in a file, and the start and length of its box; None if there is
    none, or it is not dealt with here.
    """  # noqa: D205 - one sentence
    movie = movie_of(file)
    if movie is None or movie.manifest is None:
        return None
    start, end = movie.manifest
    file.seek(start + 8)
    if file.read(len(_HEAD)) != _HEAD or not 0 < end - file.tell() <= MOST_STORE:
        return None
    return file.read(end - file.tell()), (start, end - start)


def hash_is_right(file: BinaryIO, said: dict[str, Any]) -> bool | None:
    """Return whether a hash is that of a file; None if it leaves out what is not usual.

    Parameters
    ----------
    file
        A large file.
    said
        The assertion, as the library shows it.
    """
    movie = movie_of(file)
    if movie is None or said.get("merkle") or said.get("alg") not in HASHES:
        return None
    usual = [_plain(exclusion) for exclusion in _EXCLUSIONS]
    given = said.get("exclusions")
    if not isinstance(given, list) or sorted(map(str, given)) != sorted(map(str, usual)):
        return None
    return _digest(file, movie, said["alg"]) == base64.b64decode(said["hash"], validate=True)


def movable(file: BinaryIO) -> Movable | None:
    """Return what has to be known of a file to put a manifest in it; None if that is not known."""
    movie = movie_of(file)
    if movie is None or any(kind not in _MOVABLE for kind, _, _ in movie.boxes):
        return None
    tables: dict[int, bytes] = {}
    for kind, start, end in movie.boxes:
        if kind == b"moov":
            if end - start > _MOST_MOOV:
                return None
            file.seek(start)
            content = file.read(end - start)
            if any(kind in _PLACED for kind, _, _ in _inside(content, 8, len(content))):
                return None
            tables[start] = content
    return Movable(movie, tables)


def sign_movie(
    remake: Callable[[dict[str, Any]], Any],
    found: Movable,
    source: BinaryIO,
    destination: BinaryIO,
) -> bytes:
    """Write a copy of a file with a signed manifest in it, and return the manifest store.

    Parameters
    ----------
    remake
        Gives a builder of the C2PA library, with a signer in its context, for a manifest with one
        more assertion.
    found, source
        A large file, and what is known of it.
    destination
        Where the copy goes; it must be readable, too.

    Raises
    ------
    c2pa.C2paError
        If signing failed, or places of samples would become too large for their tables.
    """
    from c2pa import C2paError

    place = library_bytes("c2pa_builder_placeholder", remake(_assertion(bytes(32))))
    if not _embed(source, destination, found, place):
        raise C2paError("the places of its samples do not fit into 32 bits with a manifest in it")
    written = movie_of(destination)
    if written is None or written.manifest is None:
        raise C2paError("the boxes of the signed file cannot be found again")
    builder = remake(_assertion(_digest(destination, written, "sha256")))
    library_bytes("c2pa_builder_placeholder", builder)  # so that the size stays the same
    store = library_bytes("c2pa_builder_sign_embeddable", builder)
    if len(store) != len(place):
        raise C2paError("the manifest does not have the size that was reserved for it")
    destination.seek(written.manifest[1] - len(store))
    destination.write(store)
    return store


def _assertion(digest: bytes) -> dict[str, Any]:
    data = {
        "exclusions": _EXCLUSIONS,
        "alg": "sha256",
        "hash": list(digest),
        "name": "jumbf manifest",
    }
    return {"label": LABEL, "created": True, "data": data}


def _plain(exclusion: dict[str, Any]) -> dict[str, Any]:
    """Return an exclusion as the library shows it."""
    out = dict(exclusion)
    if "data" in out:
        out["data"] = [
            {"offset": d["offset"], "value": base64.b64encode(bytes(d["value"])).decode()}
            for d in out["data"]
        ]
    return json.loads(json.dumps(out))  # type: ignore[no-any-return]


def _digest(file: BinaryIO, movie: Movie, algorithm: str) -> bytes:
    digest = HASHES[algorithm]()
    for kind, start, end in movie.boxes:
        if kind in _LEFT_OUT or (start, end) == movie.manifest:
            continue
        digest.update(start.to_bytes(8, "big"))
        for piece in _pieces(file, start, end):
            digest.update(piece)
    return digest.digest()


def _embed(source: BinaryIO, destination: BinaryIO, found: Movable, place: bytes) -> bool:
    """Copy a file with room for a manifest behind ftyp; return whether that was possible."""
    movie = found.movie
    box = struct.pack(">I4s", 8 + len(_HEAD) + len(place), b"uuid") + _HEAD + place
    behind = movie.boxes[0][2]
    old_start, old_end = movie.manifest or (behind, behind)
    shifts = [(behind, len(box)), (old_end, old_start - old_end)]
    rewritten: dict[int, bytes] = {}
    for start, moov in found.tables.items():
        content = _with_moved_places(moov, shifts)
        if content is None:
            return False
        rewritten[start] = content
    for _, start, end in movie.boxes:
        if start == behind:
            destination.write(box)
        if start in rewritten:
            destination.write(rewritten[start])
        elif (start, end) != movie.manifest:
            for piece in _pieces(source, start, end):
                destination.write(piece)
    if movie.boxes[-1][2] == behind:
        destination.write(box)
    return True


def _with_moved_places(moov: bytes, shifts: list[tuple[int, int]]) -> bytes | None:
    """Return a movie box with other places of its samples; None if not all places are known.

    Parameters
    ----------
    moov
        The box.
    shifts
        From which place of the file on everything moves, and by how much.
    """
    import numpy as np

    out = bytearray(moov)
    for kind, start, end in _inside(moov, 8, len(moov)):
        if kind not in (b"stco", b"co64"):
            continue
        wide = kind == b"co64"
        count = int.from_bytes(moov[start + 4 : start + 8], "big")
        size = count * (8 if wide else 4)
        if start + 8 + size > end:
            return None
        places = np.frombuffer(moov, ">u8" if wide else ">u4", count, start + 8)
        if wide and count and int(places.max()) > _MOST_PLACE:
            return None
        old = places.astype(np.int64)
        new = old + sum(np.where(old >= first, shift, 0) for first, shift in shifts)
        if not wide and count and int(new.max()) > 0xFFFFFFFF:
            return None
        out[start + 8 : start + 8 + size] = new.astype(places.dtype).tobytes()
    return bytes(out)


def _inside(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start of the content and end of the boxes in a movie box, nested ones as well."""
    at, seen = start, 0
    while at + 8 <= end and seen < _MOST_BOXES:
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8 or at + size > end:
            yield b"cmov", at, end  # not to be understood
            return
        yield kind, at + 8, at + size
        if kind in _NESTED:
            yield from _inside(data, at + 8, at + size)
        at, seen = at + size, seen + 1


def _pieces(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    file.seek(start)
    while start < end:
        piece = file.read(min(_PIECE, end - start))
        if not piece:
            return
        start += len(piece)
        yield piece
