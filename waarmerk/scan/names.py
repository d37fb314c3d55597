"""How sources are named: one text in UTF-8 for each, and from that back to where it is.

A local file is named as it was given, which is what people look for in the results. Names that
would read like something else become URIs: those that are no UTF-8, that begin like an address
(a folder called ``s3:``), or in which ``!/`` stands. An object in a store is named by its address,
in which ``!/`` is written ``%21/``. So the first ``!/`` in a name always ends that of an archive.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, unquote_to_bytes

from waarmerk.errors import InputError
from waarmerk.marking.formats import shown
from waarmerk.scan.source import INSIDE

__all__ = [
    "as_text",
    "escaped",
    "is_plain",
    "local_path",
    "local_uri",
    "member_uri",
    "scheme_of",
    "split_member",
    "unescaped",
    "without_secrets",
]

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_LIKE_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_ESCAPED: Final = re.compile("%(?:25)*21/")
_SECRET: Final = re.compile(
    r"[?&#][^/]*(?:sig|signature|token|credential|password|secret|accesskeyid)=.*", re.IGNORECASE
)
_QUERY: Final = re.compile(r"[?#].*", re.DOTALL)


def scheme_of(name: str) -> str | None:
    """Return the scheme of an address, in lower case; None of a plain name.

    A single letter is no scheme, but a drive of Windows.
    """
    found = _SCHEME.match(name)
    return found[1].lower() if found else None


def is_plain(name: str) -> bool:
    """Return whether a local name reads like nothing else."""
    return INSIDE not in name and not _LIKE_ADDRESS.match(name)


def as_text(name: bytes) -> str:
    """Return a name as a text that is certainly UTF-8: a byte that is none becomes ``%E9``."""
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        text = name.decode("utf-8", "surrogateescape")
        return "".join(f"%{ord(c) - 0xDC00:02X}" if "\udc80" <= c <= "\udcff" else c for c in text)


def local_uri(name: bytes) -> str:
    """Return what a local file is called in results: its name, or a URI where that is not clear."""
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        if is_plain(text):
            return text
    path = os.path.join(os.fsencode(Path.cwd()), name)  # noqa: PTH118 - pathlib knows no bytes
    return "file://" + quote(path, safe="/")


def local_path(uri: str) -> Path:
    """Return where a local file is, from what it is called or from any ``file://`` URI.

    Raises
    ------
    InputError
        If the URI names another machine.
    """
    if scheme_of(uri) != "file":
        return Path(uri)
    host, slash, rest = uri[len("file://") :].partition("/")
    if host not in ("", "localhost") or not slash:
        raise InputError(
            f"{shown(uri)}: names a file of another machine; use file:///folder/file for one here"
        )
    return Path(os.fsdecode(unquote_to_bytes("/" + rest)))


def member_uri(archive: str, member: str) -> str:
    """Return what a member of an archive or a table is called."""
    return archive + INSIDE + member


def split_member(uri: str) -> tuple[str, str]:
    """Return the name of an archive or a table, and that of what is in it.

    Examples
    --------
    >>> split_member("uploads.zip!/photos/a.jpg")
    ('uploads.zip', 'photos/a.jpg')
    """
    archive, inside, member = uri.partition(INSIDE)
    if not inside:
        raise InputError(f"{shown(uri)}: names no member of an archive")
    return archive, member


def escaped(key: str, scheme: str | None = None) -> str:
    """Return a key of a store as it stands in an address; `unescaped` is the way back.

    Of an address for the web, everything is escaped that must be.
    """
    if scheme in ("http", "https"):
        return quote(key, safe="/")
    # What is escaped already gets another 25, so that every key has a name of its own.
    return _ESCAPED.sub(lambda m: "%25" + m[0][1:], key).replace(INSIDE, "%21/")


def unescaped(text: str, scheme: str | None = None) -> str:
    """Return the key that an address has."""
    if scheme in ("http", "https"):
        return unquote(text)
    return _ESCAPED.sub(lambda m: INSIDE if m[0] == "%21/" else "%" + m[0][3:], text)


def without_secrets(address: str) -> str:
    """Return an address without passwords and signatures.

    Examples
    --------
    >>> without_secrets("https://me:secret@example.org/a.jpg?X-Amz-Signature=0a1b")
    'https://example.org/a.jpg'
    """
    scheme = scheme_of(address)
    if scheme is None or scheme == "file":
        return address
    begin, rest = address[: len(scheme) + 3], address[len(scheme) + 3 :]
    authority, slash, path = rest.partition("/")
    who, at, host = authority.rpartition("@")
    if at and (":" in who or scheme in ("http", "https")):
        authority = host
    cut = _QUERY if scheme in ("http", "https") else _SECRET
    return begin + cut.sub("", authority) + slash + cut.sub("", path)
