"""Manifests that lie beside their file, because its format has no place for one.

The manifest of ``song.ogg`` is ``song.ogg.c2pa``. Other programs leave the extension out
(``song.c2pa``), which several files can mean; such a one is read when there is no other.
"""

from __future__ import annotations

from pathlib import Path

from waarmerk.errors import OutputError
from waarmerk.marking.formats import shown

__all__ = ["SUFFIX", "refuse_in_the_way", "sidecar_for", "sidecars_of"]

SUFFIX = ".c2pa"
MOST_BYTES = 1 << 26
"""Manifests have some kilobytes, and some megabytes with many ingredients in them."""


def sidecar_for(path: Path) -> Path:
    """Return where the manifest of a file belongs."""
    return path.with_name(path.name + SUFFIX)


def refuse_in_the_way(beside: Path, *, overwrite: bool) -> None:
    """Refuse to write beside a manifest that would then seem to be about the new file.

    Raises
    ------
    OutputError
        If there is one, and it is not to be replaced.
    """
    if beside.exists() and not overwrite:
        raise OutputError(
            f"{shown(str(beside))}: exists already, and would be taken for the manifest of the "
            "output; choose another name, or replace it (--overwrite, overwrite=True)"
        )


def sidecars_of(path: Path) -> list[tuple[Path, bytes]]:
    """Return the manifests that lie beside a file, the one that surely means it first."""
    found = []
    for candidate in (sidecar_for(path), path.with_suffix(SUFFIX)):
        try:
            if candidate.is_file() and 0 < candidate.stat().st_size <= MOST_BYTES:
                found.append((candidate, candidate.read_bytes()))
        except (OSError, ValueError):
            continue
    return found
