"""What a listing has given already, so that inputs that overlap give nothing twice.

Folders, prefixes and patterns are kept as they are; they are few. Names can be as many as a list on
stdin has, so only the newest are kept, as 8 bytes each.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from waarmerk.scan.globs import Glob

__all__ = ["Known", "Seen"]

_MOST: Final = 1 << 18


class Seen:
    """Remembers the newest names: at least 2^18 of them, in at most about 40 MB.

    That two names are taken for one has a chance of 2^-45 for each name that is asked for.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._new: set[int] = set()
        self._old: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._new)

    def __contains__(self, name: bytes) -> bool:
        digest = _digest(name)
        return digest in self._new or digest in self._old

    def add(self, name: bytes) -> None:
        """Remember a name."""
        if len(self._new) >= self._most:
            self._old, self._new = self._new, set()
        self._new.add(_digest(name))


class Known:
    """What the inputs before this one were."""

    def __init__(self) -> None:
        self._names = Seen()
        self._folders: set[bytes] = set()
        self._globs: list[Glob] = []

    @property
    def anything(self) -> bool:
        """Whether there was any."""
        return bool(self._names or self._folders or self._globs)

    def add(self, name: bytes) -> None:
        """Remember a file that was named."""
        self._names.add(name)

    def add_folder(self, prefix: bytes) -> None:
        """Remember that all below a folder was listed; its name with a slash at its end."""
        self._folders.add(prefix)

    def add_glob(self, glob: Glob) -> None:
        """Remember that all was listed that matches a pattern."""
        self._globs.append(glob)

    def has_folder(self, prefix: bytes) -> bool:
        """Return whether this very folder was an input."""
        return prefix in self._folders

    def has_file(self, name: bytes) -> bool:
        """Return whether a file was named itself, or by a pattern."""
        if self._names and name in self._names:
            return True
        if self._globs:
            text = name.decode("utf-8", "surrogateescape")
            return any(glob.covers(text) for glob in self._globs)
        return False

    def has(self, name: bytes) -> bool:
        """Return whether a file was listed under this very name, by whatever input."""
        slash = name.find(b"/") if self._folders else -1
        while slash >= 0:
            if name[: slash + 1] in self._folders:
                return True
            slash = name.find(b"/", slash + 1)
        return self.has_file(name)


def _digest(name: bytes) -> int:
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "little")
