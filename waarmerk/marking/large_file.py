"""Manifests of large files, signed and checked without holding the file in memory.

To embed a manifest in a WAV the C2PA library keeps the sound twice in memory, and to check one it
reads 256 MB at a time, twice: 1.4 GB and 0.5 GB for an hour of CD sound. From LARGE on only the
manifest is left to the library, and the file is hashed here, piece by piece::

    WAV, AVI   RIFF ... [data] [C2PA: manifest]   the hash leaves out the chunk with its head
    FLAC, MP3  ID3(GEOB: manifest) sound ...      the hash leaves out the manifest alone
    MP4, MOV   ftyp [uuid: manifest] ...          see :mod:`~waarmerk.marking.movie_hash`
    pictures   see :mod:`~waarmerk.marking.tiff_manifest` and the like
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
from typing import Any, BinaryIO, NamedTuple

from waarmerk.marking import gif_manifest, movie_hash, svg_manifest, tiff_manifest
from waarmerk.marking.data_hash import (
    HASHES,
    MISMATCHES,
    MOST_STORE,
    UNTRUSTED,
    Checked,
    Embed,
    Found,
    Ranges,
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
    "is_large_without",
    "sign_beside",
    "sign_large",
]

LARGE = 1 << 26
"""In bytes."""

Remake = Callable[[dict[str, Any], Any], Any]

_PIECE = 1 << 20

_RIFF = ("audio/wav", "video/x-msvideo")
_TAGGED = ("audio/flac", "audio/mpeg")
MOVIES = ("video/mp4", "video/quicktime", "audio/mp4")
_ANY = "application/octet-stream"
_POINTING = {
    "application/pdf": (b"C2PA_Manifest", b"jumdc2pa"),
    "image/svg+xml": (b"c2pa", b"provenance"),
}
_MOST_CHUNKS = 100_000


class _Way(NamedTuple):
    """How a manifest is found in a picture, and put there: in what form its bytes stand there."""

    store_in: Callable[[BinaryIO], Found | None]
    embedding: Callable[[BinaryIO], Embed | None]
    form: Callable[[bytes], bytes] = bytes


_TIFF = _Way(tiff_manifest.store_in, tiff_manifest.embedding)
_PICTURES = {
    "image/tiff": _TIFF,
    "image/x-adobe-dng": _TIFF,
    "image/gif": _Way(gif_manifest.store_in, gif_manifest.embedding, gif_manifest.sub_blocks),
    "image/svg+xml": _Way(svg_manifest.store_in, svg_manifest.embedding, svg_manifest.form),
}


def is_large(file: BinaryIO, media_type: str | None) -> bool:
    """Return whether a file is better dealt with here."""
    known = (*_RIFF, *_TAGGED, *MOVIES, *_PICTURES)
    if media_type not in known or file_length(file) < LARGE:
        return False
    # An AVI of more than a gigabyte consists of several parts, of which only the library knows.
    return media_type != "video/x-msvideo" or _is_one_part(file)


def is_large_beside(file: BinaryIO) -> bool:
    """Return whether a file whose manifest lies beside it is better dealt with here."""
    return file_length(file) >= LARGE


def is_large_without(file: BinaryIO, media_type: str) -> bool:
    """Return whether a file is a large PDF or SVG in which nothing points to a manifest.

    The library may hold all of it in memory to say so. A manifest in a PDF is a stream of its own
    (C2PA 2.4, A.4), and in an SVG an element, or its XMP says where on the web it is: those words
    stand there as they are.
    """
    if media_type not in _POINTING or file_length(file) < LARGE:
        return False
    return not contains(file, _POINTING[media_type])


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


def embedded_store(file: BinaryIO, media_type: str) -> Found | None:
    """Return the manifest store in a file, and what its hash leaves out.

    None if there is none, or more than one, or it lies where this does not look.
    """
    if media_type in _PICTURES:
        return _PICTURES[media_type].store_in(file)
    if media_type in MOVIES:
        return _found(movie_hash.store_in(file))
    if media_type in _RIFF:
        every = islice(chunks(file), _MOST_CHUNKS)
        found = [(start, size) for kind, start, size in every if kind == b"C2PA"]
        if len(found) != 1 or found[0][1] > MOST_STORE:
            return None
        start, size = found[0]
        file.seek(start)
        return Found(file.read(size), ((start - 8, size + 8),))
    return _found(store_in_tag(file))


def _found(found: tuple[bytes, tuple[int, int]] | None) -> Found | None:
    return None if found is None else Found(found[0], (found[1],))


def checked_store(
    file: BinaryIO, media_type: str, context: Any, sidecar: bytes | None = None
) -> Checked | None:
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
    Checked or None
        As the library's reader gives it: its state is Trusted or Valid, or Invalid because the
        file was changed. None where the library must be asked about the whole file.
    """
    import c2pa

    found = embedded_store(file, media_type) if sidecar is None else Found(sidecar, ())
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
    return Checked(said, detailed, store)


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
    embed, form = _way_for(source, media_type)
    if embed is None:
        library: bytes = builder.sign(signer, media_type, source, destination)
        return library
    at = 0

    def lay(place: bytes) -> tuple[Ranges, bytes]:
        nonlocal at
        left_out, at = embed(source, destination, place)
        return left_out, _hashed(destination, "sha256", left_out)

    store = signed_store(builder, signer, lay)
    destination.seek(at)
    destination.write(form(store))
    return store


def _way_for(source: BinaryIO, media_type: str) -> tuple[Embed | None, Callable[[bytes], bytes]]:
    """Return how a manifest is put into a file; nothing if that is for the library to know.

    Then an earlier manifest is in the way, or the file is in an unusual form.
    """
    if media_type in _PICTURES:
        way = _PICTURES[media_type]
        return way.embedding(source), way.form
    if media_type in _RIFF:
        every = islice(chunks(source), _MOST_CHUNKS)
        taken = any(kind == b"C2PA" for kind, _, _ in every)
        return None if taken else _embed_in_riff, bytes
    return None if tag_with(source, b"") is None else _embed_in_tag, bytes


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

    def lay(_place: bytes) -> tuple[Ranges, bytes]:
        digest = HASHES["sha256"]()
        source.seek(0)
        while piece := source.read(_PIECE):
            digest.update(piece)
            destination.write(piece)
        return (), digest.digest()

    return signed_store(builder, signer, lay)


def _embed_in_riff(source: BinaryIO, destination: BinaryIO, place: bytes) -> tuple[Ranges, int]:
    """Copy a file with room for a manifest; as every `Embed`."""
    length = file_length(source)
    padding = len(place) % 2
    total = length + length % 2 + 8 + len(place) + padding
    source.seek(8)
    destination.write(b"RIFF" + struct.pack("<I", total - 8))
    _copy(source, destination)
    destination.write(bytes(length % 2))
    start = destination.tell()
    destination.write(b"C2PA" + struct.pack("<I", len(place)) + place + bytes(padding))
    return ((start, 8 + len(place)),), start + 8


def _embed_in_tag(source: BinaryIO, destination: BinaryIO, place: bytes) -> tuple[Ranges, int]:
    made = tag_with(source, place)
    assert made is not None  # noqa: S101 - or it were the library's
    tag, start, old = made
    destination.write(tag)
    source.seek(old)
    _copy(source, destination)
    return ((start, len(place)),), start


def _hash_is_right(file: BinaryIO, binding: dict[str, Any], left_out: Ranges) -> bool | None:
    """Return whether the one hash that binds a manifest to its file is that of the file.

    None if there is another number of them, or it leaves out something else than the manifest.
    """
    names = [name for name in binding if "c2pa.hash." in name]
    if names == [movie_hash.LABEL] and left_out:
        return movie_hash.hash_is_right(file, binding[movie_hash.LABEL])
    if names != ["c2pa.hash.data"]:
        return None
    said = binding["c2pa.hash.data"]
    stated = [(e["start"], e["length"]) for e in said.get("exclusions") or []]
    if sorted(stated) != list(left_out) or said["alg"] not in HASHES:
        return None
    return _hashed(file, said["alg"], left_out) == base64.b64decode(said["hash"], validate=True)


def _hashed(file: BinaryIO, algorithm: str, left_out: Ranges) -> bytes:
    digest = HASHES[algorithm]()
    at = 0
    for start, length in left_out:
        file.seek(at)
        while at < start and (piece := file.read(min(_PIECE, start - at))):
            digest.update(piece)
            at += len(piece)
        at = start + length
    file.seek(at)
    while piece := file.read(_PIECE):
        digest.update(piece)
    return digest.digest()


def _copy(source: BinaryIO, destination: BinaryIO) -> None:
    while piece := source.read(_PIECE):
        destination.write(piece)
