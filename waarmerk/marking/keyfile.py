"""Files that hold secrets: JSON that only its owner can read.

Written to a temporary file beside the target and then renamed, so that nothing half-written is ever
seen under the name; refused on reading where others than the owner have access.
"""

import contextlib
import json
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from waarmerk.errors import KeyFileError, OutputError

__all__ = ["read_private", "write_private"]

LARGEST_FILE = 1 << 20  # a ring of thousands of keys; a picture given by mistake is larger


def read_private(path: Path, allow_readable_by_others: bool) -> dict[str, Any]:
    """Read a JSON object from a file that only its owner can read."""
    try:
        with path.open("rb") as file:
            # Asked of the open file, so that nobody can swap it in between.
            mode = os.fstat(file.fileno()).st_mode
            if os.name == "posix" and mode & 0o077 and not allow_readable_by_others:
                raise KeyFileError(
                    f"{path}: others than its owner may read or change this key "
                    f"(mode {stat.S_IMODE(mode):04o}); run: chmod 600 {path}"
                )
            text = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise KeyFileError(f"{path}: cannot read this key file: {error.strerror}") from error
    try:
        if len(text) > LARGEST_FILE:
            raise ValueError("too large")
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise KeyFileError(
            f"{path}: not a key file of waarmerk; give the file that `waarmerk keygen` wrote"
        )
    return data


def write_private(path: Path, data: Mapping[str, Any], overwrite: bool) -> None:
    """Write JSON to a new file of mode 0600 beside the target, then give it its name."""
    exists = f"{path}: exists already; choose another name, or ask to overwrite it"
    if not overwrite and os.path.lexists(path):
        raise OutputError(exists)
    temporary = None
    try:
        # mkstemp makes the file with mode 0600.
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            Path(temporary).replace(path)
        else:
            _rename_to_new(Path(temporary), path)
        temporary = None
    except FileExistsError:
        raise OutputError(exists) from None
    except OSError as error:
        raise OutputError(f"{path}: cannot write this key file: {error.strerror}") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()


def _rename_to_new(source: Path, target: Path) -> None:
    """Rename without ever replacing a file that somebody made meanwhile."""
    try:
        target.hardlink_to(source)
    except FileExistsError:
        raise
    except OSError:
        # No hard links here (FAT, some network shares): take the name first, then fill it.
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        source.replace(target)
    else:
        source.unlink()
