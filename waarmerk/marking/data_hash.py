"""Manifests whose one hash of the content (``c2pa.hash.data``) is not computed by the library.

The C2PA library hashes files it understands, in memory. Large sounds
(:mod:`~waarmerk.marking.large_file`) and texts (:mod:`~waarmerk.marking.text_file`) are hashed by
us, and the library does all else. For signing this uses two functions of its C interface that its
Python classes leave out (their version is pinned). For checking it is given the manifest apart from
the content: it checks everything but the hash, which it is bound to find wrong.
"""

from __future__ import annotations

import ctypes
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, BinaryIO, NamedTuple

from waarmerk.marking.sidecar import MOST_BYTES as MOST_STORE

__all__ = [
    "HASHES",
    "MISMATCH",
    "MISMATCHES",
    "MOST_STORE",
    "UNTRUSTED",
    "Checked",
    "Embed",
    "Found",
    "Ranges",
    "failures_of_parts",
    "library_bytes",
    "read_apart",
    "right",
    "signed_store",
]

HASHES = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}
MISMATCH, UNTRUSTED = "assertion.dataHash.mismatch", "signingCredential.untrusted"
MISMATCHES = frozenset({MISMATCH, "assertion.bmffHash.mismatch"})
"""What is said of the hash in a manifest that is given apart from the content."""

_TRUSTED = "signingCredential.trusted"


Ranges = Sequence[tuple[int, int]]
"""What a hash leaves out: start and length of each, in bytes, in order."""

Lay = Callable[[bytes], tuple[Ranges, bytes]]
"""Makes room for a manifest store of this size; returns what the hash leaves out, and the SHA-256
of all else."""

Embed = Callable[[BinaryIO, BinaryIO, bytes], tuple[Ranges, int]]
"""Copies a file, with room for a manifest store of this size; returns what the hash leaves out, and
where the store goes."""


class Found(NamedTuple):
    """A manifest store in a file, and what its hash leaves out."""

    store: bytes
    left_out: Ranges


class Checked(NamedTuple):
    """What the library says about a manifest, all of its detail, and the manifest store."""

    said: dict[str, Any]
    detail: dict[str, Any]
    store: bytes


def signed_store(builder: Any, signer: Any, lay: Lay) -> bytes:
    """Return a manifest store that is bound to content by its hash.

    Parameters
    ----------
    builder, signer
        Of the C2PA library.
    lay
        Is given a store that has the size of the one that is returned.

    Raises
    ------
    c2pa.C2paError
        If signing failed.
    """
    from c2pa import c2pa as library

    functions: Any = library._lib
    reserve = functions.c2pa_signer_reserve_size
    reserve.restype = ctypes.c_int64
    size = [ctypes.c_size_t(reserve(signer._handle))]
    place = library_bytes("c2pa_builder_data_hashed_placeholder", builder, [], size)
    left_out, digest = lay(place)
    binding = {
        "exclusions": [{"start": start, "length": length} for start, length in left_out],
        "name": "jumbf manifest",
        "alg": "sha256",
        "hash": list(digest),
        "pad": [],
    }
    store = library_bytes(
        "c2pa_builder_sign_data_hashed_embeddable",
        builder,
        [signer._handle, json.dumps(binding).encode()],
        [],
        [ctypes.c_void_p(None)],
    )
    if len(store) != len(place):
        raise library.C2paError("the manifest does not have the size that was reserved for it")
    return store


def read_apart(
    store: bytes, media_type: str, context: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the library says about a manifest store, and all of its detail.

    Raises
    ------
    c2pa.C2paError
        If the manifest cannot be read.
    """
    import c2pa

    # The byte stands for the content, and is not it: that its hash is wrong says nothing.
    reader: Any = c2pa.Reader(media_type, io.BytesIO(b"\0"), store, context=context)
    with reader:
        return json.loads(reader.json()), json.loads(reader.detailed_json())


def failures_of_parts(said: dict[str, Any]) -> list[str]:
    """Return the codes of what is wrong with ingredients since they were added."""
    deltas = said["validation_results"].get("ingredientDeltas") or []
    return [f["code"] for d in deltas for f in d["validationDeltas"]["failure"]]


def right(said: dict[str, Any]) -> None:
    """Put down in what the library says that the hash is right after all.

    Its state becomes Trusted or Valid where nothing else is wrong, and stays as it is elsewhere.
    """
    active = said["validation_results"]["activeManifest"]
    match = {s["code"] for s in active["failure"]} & MISMATCHES or {MISMATCH}
    left = [status for status in active["failure"] if status["code"] not in MISMATCHES]
    wrong = {status["code"] for status in left} | set(failures_of_parts(said))
    for code in sorted(code.replace("mismatch", "match") for code in match):
        if not any(status["code"] == code for status in active["success"]):
            active["success"].append({"code": code})
    known = any(status["code"] == _TRUSTED for status in active["success"])
    active["failure"] = left
    said["validation_status"] = [
        status for status in said.get("validation_status") or [] if status["code"] not in MISMATCHES
    ]
    if not wrong - {UNTRUSTED}:
        said["validation_state"] = "Trusted" if known and not wrong else "Valid"


def library_bytes(
    name: str,
    builder: Any,
    before: Iterable[Any] = (),
    sized: Iterable[Any] = (),
    behind: Iterable[Any] = (),
) -> bytes:
    """Call a function of the C interface that gives bytes back through its last parameter.

    Raises
    ------
    c2pa.C2paError
        If it failed.
    """
    from c2pa import c2pa as library

    functions: Any = library._lib
    function = getattr(functions, name)
    function.restype = ctypes.c_int64
    out = ctypes.POINTER(ctypes.c_ubyte)()
    # The raw store, which is laid into its container here.
    kind = b"application/c2pa"
    length = function(builder._handle, *before, *sized, kind, *behind, ctypes.byref(out))
    if length < 0:
        text = functions.c2pa_error
        text.restype = ctypes.c_char_p
        raise library.C2paError((text() or b"unknown error").decode("utf-8", "replace"))
    data = bytes(out[:length])
    functions.c2pa_manifest_bytes_free(out)
    return data
