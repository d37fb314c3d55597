"""Files that hold secrets: JSON that only its owner can read.

Written to temporary files beside their targets and then given their names, so that nothing
half-written is ever seen under a name and an interrupt leaves all of them or none; refused on
reading where others than the owner have access.
"""

import contextlib
import json
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from waarmerk.errors import KeyFileError, OutputError

__all__ = [
    "KEY_SCHEMA",
    "RING_SCHEMA",
    "TEXT_KEY_SCHEMA",
    "Part",
    "as_json",
    "read_private",
    "require_new",
    "write_files",
]

KEY_SCHEMA = "waarmerk.key/1"
RING_SCHEMA = "waarmerk.keyring/1"
TEXT_KEY_SCHEMA = "waarmerk.textkey/1"
_SCHEMAS = (KEY_SCHEMA, RING_SCHEMA, TEXT_KEY_SCHEMA)
Part = tuple[Path, bytes, int]
"""A file to write: its name, content and mode."""

LARGEST_FILE = 1 << 20  # a ring of thousands of keys; a picture given by mistake is larger


def read_private(path: Path, allow_readable_by_others: bool) -> dict[str, Any]:
    """Read a JSON object with a schema of ours from a file that only its owner can read."""
    try:
        with path.open("rb") as file:
            # Asked of the open file, so that nobody can swap it in between.
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise KeyFileError(f"{path}: cannot read this key file: {error.strerror}") from error
    try:
        if len(text) > LARGEST_FILE:
            raise ValueError("too large")
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    # Before its mode: what is no key file must not become private on our advice.
    if not isinstance(data, dict) or data.get("schema") not in _SCHEMAS:
        raise KeyFileError(
            f"{path}: not a key file of waarmerk (schema {KEY_SCHEMA}); "
            "give the file that `waarmerk keygen` wrote"
        )
    if os.name == "posix" and mode & 0o077 and not allow_readable_by_others:
        raise KeyFileError(
            f"{path}: others than its owner may read or change this key "
            f"(mode {stat.S_IMODE(mode):04o}); run: chmod 600 {path}"
        )
    return data


def as_json(data: Mapping[str, Any]) -> bytes:
    """Return data as the content of a key file."""
    return (json.dumps(data, indent=1) + "\n").encode()


def require_new(*paths: Path) -> None:
    """Raise OutputError if one of the files exists, or has no name."""
    for path in paths:
        _require_name(path)
        if os.path.lexists(path):
            raise OutputError(_exists(path))


def write_files(*parts: Part, overwrite: bool) -> None:
    """Write files: all of them or none, also when interrupted.

    Raises
    ------
    OutputError
        If one of them exists already (unless `overwrite`) or cannot be written.
    """
    written: list[tuple[Path, Path]] = []
    claimed: list[Path] = []
    complete = False
    path = parts[0][0]
    try:
        for path, _, _ in parts:
            _require_place(path)
        for path, content, mode in parts:
            temporary = path.with_name(f".waarmerk-{secrets.token_hex(8)}.tmp")
            written.append((temporary, path))  # before it is made, so that it is always removed
            with open(temporary, "xb", opener=_open_private) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(mode)
        if not overwrite:
            for temporary, path in written:
                _name_new(temporary, path, claimed)
        complete = True
        if overwrite:
            for temporary, path in written:
                temporary.replace(path)
        _discard(written)
    except BaseException as error:
        if not complete:
            _take_back(written, claimed)
        elif overwrite:
            _settle(written, forward=not isinstance(error, OSError))
        _discard(written)
        if isinstance(error, FileExistsError):
            raise OutputError(_exists(path)) from None
        if isinstance(error, OSError):
            raise OutputError(f"{path}: cannot be written: {error.strerror}") from error
        raise


def _exists(path: Path) -> str:
    return f"{path}: exists already; choose another name, or replace it (--force, overwrite=True)"


def _require_name(path: Path) -> None:
    if not path.name:
        raise OutputError("no file name was given; give one, such as key.json")


def _require_place(path: Path) -> None:
    _require_name(path)
    if not path.parent.is_dir():
        raise OutputError(f"{path}: cannot be written: the folder {path.parent} does not exist")
    if path.is_dir():
        raise OutputError(f"{path}: cannot be written: it is a folder; choose another name")


def _open_private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _name_new(temporary: Path, path: Path, claimed: list[Path]) -> None:
    """Give a file a second name without ever replacing a file that somebody made meanwhile."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:
        # No hard links here (FAT, some network shares): take the name first, then fill it.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        claimed.append(path)
        temporary.replace(path)


def _take_back(written: list[tuple[Path, Path]], claimed: list[Path]) -> None:
    """Remove what was given its name here, and nothing that anybody else put there."""
    for temporary, path in written:
        with contextlib.suppress(OSError):
            if path in claimed or path.samefile(temporary):
                path.unlink()


def _settle(written: list[tuple[Path, Path]], *, forward: bool) -> None:
    """End replacing that stopped halfway: finish it, or else remove what was replaced.

    What was there is gone. A certificate without its key, or with another's, is worth less than
    nothing.
    """
    for temporary, path in written:
        with contextlib.suppress(OSError):
            if forward:
                temporary.replace(path)
            elif not temporary.exists():
                path.unlink()


def _discard(written: list[tuple[Path, Path]]) -> None:
    for temporary, _ in written:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
