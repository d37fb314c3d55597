"""Names for the members of an archive: each once, and certainly UTF-8."""

from __future__ import annotations

from hashlib import blake2b

from waarmerk.scan.names import as_text, member_uri

__all__ = ["Names"]


class Names:
    """Gives the members of an archive their names.

    An archive can have several members of one name: those that were put there later, for instance.
    All but the first get their place behind the name, as ``a.jpg?1024``.

    Of each name 8 bytes are kept. Should two be the same, which with a million members has a chance
    of 2^-25, one has its place behind it and need not.
    """

    def __init__(self, archive: str) -> None:
        self._archive = archive
        self._given: set[int] = set()

    def named(self, member: bytes, place: int) -> str:
        """Return what a member is called, with the name of its archive."""
        name = as_text(member)
        while (digest := _digest(name)) in self._given:
            name = f"{name}?{place}"
        self._given.add(digest)
        return member_uri(self._archive, name)


def _digest(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")
