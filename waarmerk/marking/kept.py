"""Manifests that are kept apart from their files, to be found again through the watermark.

A file can lose its manifest, and hardly its watermark, whose id names the manifest: what was signed
for mark id ``0123456789abcdef`` is kept as ``0123456789abcdef.c2pa``. That is the very store that
is in the file or beside it; it holds nothing that the file does not.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from waarmerk.errors import InputError, OutputError
from waarmerk.marking.formats import shown
from waarmerk.marking.place import publish, workshop
from waarmerk.marking.sidecar import SUFFIX

if TYPE_CHECKING:
    import os

    from waarmerk.marking.payload import MarkId

__all__ = ["KeptManifest"]


class KeptManifest:
    """Where the manifest of one file is kept; written before that file gets its name, or not.

    Parameters
    ----------
    folder
        Where to; it must exist.

    Raises
    ------
    OutputError
        If there is no such folder.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder)
        self._written: Path | None = None
        self.store: bytes | None = None
        if not self._folder.is_dir():
            raise OutputError(
                f"{shown(str(folder))}: manifests are to be kept there, and it is no folder; "
                "make it first"
            )

    def write(self, mark_id: MarkId, *, overwrite: bool) -> None:
        """Write what was signed.

        Raises
        ------
        InputError
            If a manifest with this mark id is there already, and not to be replaced.
        OutputError
            If it cannot be written.
        """
        if self.store is None:
            return
        path = self._folder / (mark_id.hex + SUFFIX)
        if path.exists() and not overwrite:
            raise InputError(
                f"{shown(str(path))}: a manifest with this mark id is kept already; leave the id "
                "out to get a new one, or replace it (--overwrite, overwrite=True)"
            )
        new = not path.exists()
        with workshop(path) as shop:
            temporary = shop.new()
            temporary.write_bytes(self.store)
            publish(shop, [(temporary, path)], overwrite=overwrite)
        self._written = path if new else None

    def undo(self) -> None:
        """Remove what was written, because the file it belongs to never came to be."""
        if self._written is not None:
            self._written.unlink(missing_ok=True)
            self._written = None
