"""The lists of trust that are kept on this machine: none until somebody adds one.

Each is one file in a folder, JSON with the certificates and where they came from, readable by all
and written at once or not at all. Nothing is ever downloaded: a list is added from a file.

The folder is ``$WAARMERK_TRUST``, else ``waarmerk/trust`` where the platform keeps settings:
``$XDG_CONFIG_HOME`` or ``~/.config``, ``~/Library/Application Support``, ``%APPDATA%``.
"""

from __future__ import annotations

import base64
import json
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from waarmerk.detection.manifest.trust_list import (
    Kind,
    TrustList,
    TrustLists,
    load_anchors,
    read_bounded,
)
from waarmerk.errors import InputError, OutputError

__all__ = [
    "TrustList",
    "TrustLists",
    "add_list",
    "load_anchors",
    "load_list",
    "remove_list",
    "stored_lists",
    "stored_names",
    "trust_folder",
]

_FORMAT = "waarmerk.trust-list/1"
_SUFFIX = ".json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")  # names that Windows keeps
_MOST_LISTS = 200
_MODE = 0o644


def trust_folder() -> Path:
    """Return the folder of the lists, whether or not it exists."""
    given = os.environ.get("WAARMERK_TRUST")
    if given:
        return Path(given)
    if sys.platform == "win32":
        base = os.environ.get("APPDATA") or str(Path.home() / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Application Support")
    else:
        base = os.environ.get("XDG_CONFIG_HOME") or ""
        if not base.startswith("/"):  # a relative one is to be ignored (XDG Base Directory 0.8)
            base = str(Path.home() / ".config")
    return Path(base) / "waarmerk" / "trust"


def stored_names(folder: Path | None = None) -> list[str]:
    """Return the names of the lists in the folder, sorted.

    Raises
    ------
    InputError
        If the folder cannot be read.
    """
    folder = trust_folder() if folder is None else folder
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror}") from error
    found = sorted(n.removesuffix(_SUFFIX) for n in names if n.endswith(_SUFFIX))
    found = [name for name in found if _NAME.fullmatch(name)]
    if len(found) > _MOST_LISTS:
        raise InputError(f"{folder}: holds more than {_MOST_LISTS} lists; remove some")
    return found


def stored_lists(folder: Path | None = None) -> TrustLists:
    """Return the lists that are stored on this machine.

    Parameters
    ----------
    folder
        Where to look: that of :func:`trust_folder` if not given.

    Raises
    ------
    InputError
        If one cannot be read: a list that silently goes missing changes verdicts.
    """
    return TrustLists([load_list(name, folder) for name in stored_names(folder)])


def load_list(name: str, folder: Path | None = None) -> TrustList:
    """Return one stored list.

    Raises
    ------
    InputError
        If there is none of that name, or it cannot be read.
    """
    path = _path(name, folder)
    try:
        if not path.exists():
            raise InputError(f"{name}: no such list is stored; see `waarmerk trust list`")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    return _parsed(read_bounded(path), name, str(path))


@lru_cache(maxsize=_MOST_LISTS)
def _parsed(data: bytes, name: str, path: str) -> TrustList:
    try:
        stored = json.loads(data)
        if stored["format"] != _FORMAT:
            raise ValueError(f"its format is {stored['format']!r}, not {_FORMAT!r}")
        pem = "".join(_pem_of(value) for value in stored["certificates"]).encode("ascii")
        kind: Kind = "tsa" if stored["kind"] == "tsa" else "manifest"
        found = TrustList.from_bytes(pem, name, kind, source=path)
    except (ValueError, KeyError, TypeError, RecursionError, InputError) as error:
        raise InputError(
            f"{path}: is no list of waarmerk's ({error}); remove it with "
            f"`waarmerk trust remove {name}` and add it again"
        ) from None
    return replace(
        found,
        source=_text(stored, "source"),
        added=_text(stored, "added"),
        issued=_text(stored, "issued"),
        next_update=_text(stored, "next_update"),
    )


def add_list(
    file: str | os.PathLike[str],
    *,
    name: str | None = None,
    kind: Kind = "manifest",
    overwrite: bool = False,
    folder: Path | None = None,
) -> TrustList:
    """Store a list, once it is known to be sound.

    Parameters
    ----------
    file
        PEM, or the JSON of ETSI TS 119 602.
    name
        What to call it: letters, digits, dots, dashes and underscores, up to 64. The name of the
        file without its ending if not given.
    kind
        Whom it vouches for: signers of manifests (``manifest``) or time-stamps (``tsa``).
    overwrite
        Replace a list of that name.
    folder
        Where to: that of :func:`trust_folder` if not given. It is made if need be.

    Raises
    ------
    InputError
        If the file cannot be read or holds no sound certificates, or the name is not one.
    OutputError
        If there is a list of that name already, or it cannot be written.
    """
    source = Path(file)
    if name is None:
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", source.stem).strip(".-_")[:64].lower() or "list"
    path = _path(name, folder)
    found = TrustList.from_bytes(read_bounded(source), name, kind, source=str(file))
    found = replace(found, source=source.name, added=_now())
    text = json.dumps(
        {
            "format": _FORMAT,
            "name": name,
            "kind": kind,
            "source": source.name.encode("utf-8", "replace").decode("utf-8"),
            "added": found.added,
            "issued": found.issued,
            "next_update": found.next_update,
            "certificates": [base64.b64encode(der).decode("ascii") for der in found.certificates],
        },
        indent=1,
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, text + "\n", overwrite=overwrite)
    except FileExistsError:
        raise OutputError(
            f"{name}: a list of that name is stored; replace it with --force, or give another name"
        ) from None
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error
    return found


def remove_list(name: str, folder: Path | None = None) -> None:
    """Remove a stored list, sound or not.

    Raises
    ------
    InputError
        If there is none of that name.
    OutputError
        If it cannot be removed.
    """
    path = _path(name, folder)
    try:
        path.unlink()
    except FileNotFoundError:
        raise InputError(f"{name}: no such list is stored; see `waarmerk trust list`") from None
    except OSError as error:
        raise OutputError(f"{path}: cannot be removed: {error.strerror}") from error


def _path(name: str, folder: Path | None) -> Path:
    """Return where a list is stored; a name is never a path."""
    if not _NAME.fullmatch(name) or _RESERVED.fullmatch(name):
        raise InputError(
            f"{name!r} cannot be the name of a list: use letters, digits, dots, dashes and "
            "underscores, 64 at most"
        )
    return (trust_folder() if folder is None else folder) / (name + _SUFFIX)


def _write(path: Path, text: str, *, overwrite: bool) -> None:
    """Put a file in its place, whole; the last step is a rename or a link."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-", suffix=".tmp")
    made = Path(temporary)
    try:
        with os.fdopen(handle, "w", encoding="ascii", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        made.chmod(_MODE)
        if overwrite:
            made.replace(path)
        elif sys.platform == "win32":
            made.rename(path)  # fails there if it exists
        else:
            os.link(made, path)
    finally:
        with suppress(OSError):
            made.unlink(missing_ok=True)


def _pem_of(value: object) -> str:
    der = base64.b64decode(str(value), validate=True)
    body = base64.encodebytes(der).decode("ascii")
    return f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"


def _text(stored: Mapping[str, Any], key: str) -> str | None:
    value = stored.get(key)
    return value[:200] if isinstance(value, str) else None


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
