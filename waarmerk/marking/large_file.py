"""Manifests of large files, signed and checked without holding the file in memory.

To embed a manifest in a WAV the C2PA library keeps the sound twice in memory, and to check one it
reads 256 MB at a time, twice: 1.4 GB and 0.5 GB for an hour of CD sound. From LARGE on only the
manifest is left to the library, and the file is hashed here, piece by piece::

    WAV, AVI   RIFF ... [data] [C2PA: manifest]   the hash leaves out the chunk with its head
    FLAC, MP3  ID3(GEOB: manifest) sound ...      the hash leaves out the manifest alone
    MP4, MOV   ftyp [uuid: manifest] ...          see :mod:`~waarmerk.marking.movie_hash`
    beside     any file                           the hash leaves out nothing

How that is signed and checked is in :mod:`~waarmerk.marking.data_hash`. Only where all else is in
order, and the hash is right when it is computed here, this counts; in every other case the library
is asked once more, about the whole file.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from itertools import islice
from typing import Any, BinaryIO

from waarmerk.marking import movie_hash
from waarmerk.marking.data_hash import (
    HASHES,
    MISMATCHES,
    UNTRUSTED,
    failures_of_parts,
    read_apart,
    right,
    signed_store,
)
from waarmerk.marking.id3_manifest import store_in_tag, tag_with
from waarmerk.marking.provenance import offline_settings
from waarmerk.marking.sound_structure import chunks, file_length

__all__ = [
    "LARGE",
    "MOVIES",
    "checked_store",
    "contains",
    "embedded_store",
    "is_large",
    "is_large_beside",
    "is_large_pdf_without",
    "sign_beside",
    "sign_large",
]

LARGE = 1 << 26
"""In bytes."""

Remake = Callable[[dict[str, Any], Any], Any]

_PIECE = 1 << 20
_MOST_STORE = 1 << 26


_RIFF = ("audio/wav", "video/x-msvideo")
_TAGGED = ("audio/flac", "audio/mpeg")
MOVIES = ("video/mp4", "video/quicktime", "audio/mp4")
_ANY = "application/octet-stream"
_IN_PDF = (b"C2PA_Manifest", b"jumdc2pa")
_MOST_CHUNKS = 100_000


def is_large(file: BinaryIO, media_type: str | None) -> bool:
    """Return whether a file is better dealt with here."""
    if media_type not in (*_RIFF, *_TAGGED, *MOVIES) or file_length(file) < LARGE:
        return False
    # An AVI of more than a gigabyte consists of several parts, of which only the library knows.
    return media_type != "video/x-msvideo" or _is_one_part(file)


def is_large_beside(file: BinaryIO) -> bool:
    """Return whether a file whose manifest lies beside it is better dealt with here."""
    return file_length(file) >= LARGE


def is_large_pdf_without(file: BinaryIO, media_type: str) -> bool:
    """Return whether a file is a large PDF in which nothing points to a manifest.

    The library would hold all of it in memory to say so. A manifest in a PDF is a stream of its
    own (C2PA 2.4, A.4), whose bytes stand there as they are.
    """
    if media_type != "application/pdf" or file_length(file) < LARGE:
        return False
    return not contains(file, _IN_PDF)


def contains(file: BinaryIO, what: tuple[bytes, ...]) -> bool:
    """Return whether one of some words of up to 100 bytes stands in a file."""
    file.seek(0)
    end = b""
    while piece := file.read(_PIECE):
        data = end + piece
        if any(word in data for word in what):
            return True
        end = piece[-100:]
    return False


def _is_one_part(file: BinaryIO) -> bool:
    length = file_length(file)
    said = 8 + int.from_bytes(file.read(8)[4:], "little")
    return length in (said, said + said % 2)


def embedded_store(file: BinaryIO, media_type: str) -> tuple[bytes, tuple[int, int]] | None:
    """Return the manifest store in a file, and what its hash leaves out: start and length.

    None if there is none, or more than one, or it lies where this does not look.
    """
    if media_type in MOVIES:
        return movie_hash.store_in(file)
    if media_type in _RIFF:
        every = islice(chunks(file), _MOST_CHUNKS)
        found = [(start, size) for kind, start, size in every if kind == b"C2PA"]
        if len(found) != 1 or found[0][1] > _MOST_STORE:
            return None
        start, size = found[0]
        file.seek(start)
        return file.read(size), (start - 8, size + 8)
    return store_in_tag(file)


def checked_store(
    file: BinaryIO, media_type: str, context: Any, sidecar: bytes | None = None
) -> dict[str, Any] | None:
    """Return what the library says about the manifest of a file, if that is in order.

    Parameters
    ----------
    file
        A large file.
    media_type
        What it is.
    context
        The library's, with its settings.
    sidecar
        A manifest store that lies beside the file, to be checked instead of one that is in it. The
        file may then be of any type.

    Returns
    -------
    dict or None
        As the library's reader gives it: its state is Trusted or Valid, or Invalid because the
        file was changed. None where the library must be asked about the whole file.
    """
    import c2pa

    found = embedded_store(file, media_type) if sidecar is None else (sidecar, (0, 0))
    if found is None:
        return None
    store, left_out = found
    media_type = media_type if sidecar is None else _ANY
    try:
        said, detailed = read_apart(store, media_type, context)
        binding = detailed["manifests"][said["active_manifest"]]["assertion_store"]
        wrong = [s["code"] for s in said["validation_results"]["activeManifest"]["failure"]]
        others = set(wrong + failures_of_parts(said)) - MISMATCHES - {UNTRUSTED}
        if MISMATCHES.isdisjoint(wrong) or others:
            return None
        same = _hash_is_right(file, binding, left_out)
        if same is None:
            return None
        if same:
            right(said)
    except (c2pa.C2paError, KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return None
    return said


def sign_large(
    builder: Any,
    signer: Any,
    media_type: str,
    source: BinaryIO,
    destination: BinaryIO,
    *,
    remake: Remake,
) -> bytes:
    """Write a copy of a file with a signed manifest in it, and return the manifest store.

    Parameters
    ----------
    builder, signer
        Of the C2PA library.
    media_type, source
        A large file.
    destination
        Where the copy goes; it must be readable, too.
    remake
        Gives another builder, whose manifest has one more assertion and whose context has a signer.

    Raises
    ------
    c2pa.C2paError
        If signing failed.
    """
    if media_type in MOVIES:
        return _sign_movie(builder, signer, media_type, source, destination, remake)
    if _is_for_the_library(source, media_type):
        library: bytes = builder.sign(signer, media_type, source, destination)
        return library
    left_out = 0, 0

    def lay(place: bytes) -> tuple[tuple[int, int], bytes]:
        nonlocal left_out
        left_out = _embed(source, destination, media_type, place)
        return left_out, _hashed(destination, "sha256", left_out)

    store = signed_store(builder, signer, lay)
    destination.seek(sum(left_out) - len(store))
    destination.write(store)
    return store


def _is_for_the_library(source: BinaryIO, media_type: str) -> bool:
    """Return whether an earlier manifest is in the way, or a tag is in an unusual form."""
    if media_type in _RIFF:
        every = islice(chunks(source), _MOST_CHUNKS)
        return any(kind == b"C2PA" for kind, _, _ in every)
    return tag_with(source, b"") is None


def _sign_movie(  # noqa: PLR0917
    builder: Any,
    signer: Any,
    media_type: str,
    source: BinaryIO,
    destination: BinaryIO,
    remake: Remake,
) -> bytes:
    import c2pa

    movie = movie_hash.movable(source)
    if movie is None:
        library: bytes = builder.sign(signer, media_type, source, destination)
        return library
    # The function that signs here takes its signer from the context, which then owns it.
    context = c2pa.Context.from_dict(offline_settings(), signer)
    return movie_hash.sign_movie(
        lambda assertion: remake(assertion, context), movie, source, destination
    )


def sign_beside(builder: Any, signer: Any, source: BinaryIO, destination: BinaryIO) -> bytes:
    """Copy a file as it is, and return a manifest store that lies beside it.

    The library would want to understand some formats first that it is not asked to touch, and holds
    much of a large file in memory.

    Parameters
    ----------
    builder, signer
        Of the C2PA library.
    source
        A file of any kind.
    destination
        Where the copy goes.
    """

    def lay(_place: bytes) -> tuple[tuple[int, int], bytes]:
        digest = HASHES["sha256"]()
        source.seek(0)
        while piece := source.read(_PIECE):
            digest.update(piece)
            destination.write(piece)
        return (0, 0), digest.digest()

    return signed_store(builder, signer, lay)


def _embed(
    source: BinaryIO, destination: BinaryIO, media_type: str, place: bytes
) -> tuple[int, int]:
    """Copy a file with room for a manifest; return what the hash leaves out."""
    length = file_length(source)
    if media_type in _RIFF:
        padding = len(place) % 2
        total = length + length % 2 + 8 + len(place) + padding
        source.seek(8)
        destination.write(b"RIFF" + struct.pack("<I", total - 8))
        _copy(source, destination)
        destination.write(bytes(length % 2))
        start = destination.tell()
        destination.write(b"C2PA" + struct.pack("<I", len(place)) + place + bytes(padding))
        return start, 8 + len(place)
    made = tag_with(source, place)
    assert made is not None  # noqa: S101 - or it were the library's
    tag, start, old = made
    destination.write(tag)
    source.seek(old)
    _copy(source, destination)
    return start, len(place)


def _hash_is_right(
    file: BinaryIO, binding: dict[str, Any], left_out: tuple[int, int]
) -> bool | None:
    """Return whether the one hash that binds a manifest to its file is that of the file.

    None if there is another number of them, or it leaves out something else than the manifest.
    """
    names = [name for name in binding if "c2pa.hash." in name]
    if names == [movie_hash.LABEL] and left_out != (0, 0):
        return movie_hash.hash_is_right(file, binding[movie_hash.LABEL])
    if names != ["c2pa.hash.data"]:
        return None
    said = binding["c2pa.hash.data"]
    stated = [(e["start"], e["length"]) for e in said.get("exclusions") or []]
    expected = [] if left_out == (0, 0) else [left_out]
    if stated != expected or said["alg"] not in HASHES:
        return None
    return _hashed(file, said["alg"], left_out) == base64.b64decode(said["hash"], validate=True)


def _hashed(file: BinaryIO, algorithm: str, left_out: tuple[int, int]) -> bytes:
    digest = HASHES[algorithm]()
    file.seek(0)
    left = left_out[0]
    while left and (piece := file.read(min(_PIECE, left))):
        digest.update(piece)
        left -= len(piece)
    file.seek(sum(left_out))
    while piece := file.read(_PIECE):
        digest.update(piece)
    return digest.digest()


def _copy(source: BinaryIO, destination: BinaryIO) -> None:
    while piece := source.read(_PIECE):
        destination.write(piece)
