"""Manifests of large WAV and FLAC files, signed and checked without holding the file in memory.

To embed a manifest in a WAV the C2PA library keeps the sound twice in memory, and to check one it
reads 256 MB at a time, twice: 1.4 GB and 0.5 GB for an hour of CD sound. From LARGE on only the
manifest is left to the library, and the file is hashed here, piece by piece::

    WAV   RIFF ... [data] [C2PA: manifest]        the hash leaves out the chunk with its head
    FLAC  ID3(GEOB: manifest) fLaC ...            the hash leaves out the manifest alone

How that is signed and checked is in :mod:`~waarmerk.marking.data_hash`. Only where all else is in
order, and the hash is right when it is computed here, this counts; in every other case the library
is asked once more, about the whole file.
"""

from __future__ import annotations

import base64
import struct
from typing import Any, BinaryIO

from waarmerk.marking.data_hash import (
    HASHES,
    MISMATCH,
    UNTRUSTED,
    failures_of_parts,
    read_apart,
    right,
    signed_store,
)
from waarmerk.marking.sound_structure import chunks, file_length
from waarmerk.marking.source import tag_length

__all__ = ["LARGE", "checked_store", "embedded_store", "is_large", "sign_large"]

LARGE = 1 << 26
"""In bytes."""

_PIECE = 1 << 20
_GEOB = b"\x03application/c2pa\0c2pa\0c2pa manifest store\0"
_MOST_STORE = 1 << 26


def is_large(file: BinaryIO, media_type: str | None) -> bool:
    """Return whether a file is better dealt with here."""
    return media_type in ("audio/wav", "audio/flac") and file_length(file) >= LARGE


def embedded_store(file: BinaryIO, media_type: str) -> tuple[bytes, tuple[int, int]] | None:
    """Return the manifest store in a file, and what its hash leaves out: start and length.

    None if there is none, or more than one, or it lies where this does not look.
    """
    if media_type == "audio/wav":
        found = [(start, size) for kind, start, size in chunks(file) if kind == b"C2PA"]
        if len(found) != 1 or found[0][1] > _MOST_STORE:
            return None
        start, size = found[0]
        file.seek(start)
        return file.read(size), (start - 8, size + 8)
    file.seek(0)
    head = file.read(20)
    # One frame in the tag, as the library writes it.
    if not head.startswith(b"ID3\4\0\0") or head[10:14] != b"GEOB":
        return None
    size = tag_length(head) - 20 - len(_GEOB)
    if not 0 < size <= _MOST_STORE or file.read(len(_GEOB)) != _GEOB:
        return None
    start = file.tell()
    return file.read(size), (start, size)


def checked_store(file: BinaryIO, media_type: str, context: Any) -> dict[str, Any] | None:
    """Return what the library says about the manifest of a file, if that is in order.

    Parameters
    ----------
    file
        A large file.
    media_type
        What it is.
    context
        The library's, with its settings.

    Returns
    -------
    dict or None
        As the library's reader gives it, its state Trusted or Valid. None where the library must
        be asked about the whole file.
    """
    import c2pa

    found = embedded_store(file, media_type)
    if found is None:
        return None
    store, left_out = found
    try:
        said, detailed = read_apart(store, media_type, context)
        binding = detailed["manifests"][said["active_manifest"]]["assertion_store"]
        wrong = [s["code"] for s in said["validation_results"]["activeManifest"]["failure"]]
        others = set(wrong + failures_of_parts(said)) - {MISMATCH, UNTRUSTED}
        if MISMATCH not in wrong or others or not _hash_is_right(file, binding, left_out):
            return None
        right(said)
    except (c2pa.C2paError, KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return None
    return said


def sign_large(
    builder: Any, signer: Any, media_type: str, source: BinaryIO, destination: BinaryIO
) -> bytes:
    """Write a copy of a file with a signed manifest in it, and return the manifest store.

    Parameters
    ----------
    builder, signer
        Of the C2PA library.
    media_type, source
        A large file without a manifest.
    destination
        Where the copy goes; it must be readable, too.
    """
    left_out = 0, 0

    def lay(place: bytes) -> tuple[tuple[int, int], bytes]:
        nonlocal left_out
        left_out = _embed(source, destination, media_type, place)
        return left_out, _hashed(destination, "sha256", left_out)

    store = signed_store(builder, signer, lay)
    destination.seek(sum(left_out) - len(store))
    destination.write(store)
    return store


def _embed(
    source: BinaryIO, destination: BinaryIO, media_type: str, place: bytes
) -> tuple[int, int]:
    """Copy a file with room for a manifest; return what the hash leaves out."""
    length = file_length(source)
    if media_type == "audio/wav":
        padding = len(place) % 2
        total = length + length % 2 + 8 + len(place) + padding
        source.seek(8)
        destination.write(b"RIFF" + struct.pack("<I", total - 8))
        _copy(source, destination)
        destination.write(bytes(length % 2))
        start = destination.tell()
        destination.write(b"C2PA" + struct.pack("<I", len(place)) + place + bytes(padding))
        return start, 8 + len(place)
    size = len(_GEOB) + len(place)
    tag = b"ID3\4\0\0" + _seven_bits(size + 10) + b"GEOB" + _seven_bits(size) + b"\0\0" + _GEOB
    destination.write(tag + place)
    source.seek(0)
    _copy(source, destination)
    return len(tag), len(place)


def _hash_is_right(file: BinaryIO, binding: dict[str, Any], left_out: tuple[int, int]) -> bool:
    """Return whether the one hash that binds a manifest to its file leaves out the manifest only,
    and is that of the rest.
    """  # noqa: D205 - one sentence
    if [name for name in binding if "c2pa.hash." in name] != ["c2pa.hash.data"]:
        return False
    said = binding["c2pa.hash.data"]
    (exclusion,) = said["exclusions"]
    if (exclusion["start"], exclusion["length"]) != left_out or said["alg"] not in HASHES:
        return False
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


def _seven_bits(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))
