"""What a scan looks for, and how much it spends on a file: the same for every file, on any machine.

What it looks for has a record without any secret, which results keep: from it the next run sees
whether a row that is there already answers what is asked now (`resume`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from waarmerk.detection.file import AUDIO_SCHEME, IMAGE_SCHEME, Effort, Look, require_folder
from waarmerk.detection.manifest.trust_list import TrustLists
from waarmerk.marking.key import KeyRing

__all__ = ["BYTES_A_SECOND", "Limits", "ScanSettings"]

BYTES_A_SECOND: Final = 5_000_000
"""A large file gets one second more for so many bytes."""

TEXT_SCHEME: Final = "waarmerk.text.1"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost.

    Attributes
    ----------
    seconds
        Wall time, and one more for every 5 MB of the file.
    memory
        Bytes that the process that examines it may use in all (Linux).
    """

    seconds: float = 60.0
    memory: int = 2 << 30

    def __post_init__(self) -> None:
        """Refuse what no file could be examined in."""
        if not self.seconds > 0:
            raise ValueError(f"a file needs more than {self.seconds} seconds")
        if self.memory < 512 << 20:
            raise ValueError(f"{self.memory} bytes are too few: the program itself needs 512 MiB")

    def seconds_for(self, size: int | None) -> float:
        """Return how long a file of so many bytes may take."""
        return self.seconds + (size or 0) / BYTES_A_SECOND


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """What is looked for in every file.

    Holds secret keys: what is sent to other machines with it has to be protected like those.

    Attributes
    ----------
    keys
        Whose watermarks to look for. Without any, rows say that nobody looked.
    trust
        Whose signatures are trusted.
    effort
        See :func:`waarmerk.detect_file`.
    tokenizer
        The model's tokenizer, a file or folder, to look for marks in texts.
    schemes
        Files that describe token marks.
    manifests
        A folder with manifests that were kept apart.
    reports
        Whether rows hold whole reports.
    include_personal
        Whether these say what metadata says of people.
    limits
        What one file may cost.
    filesystem
        An fsspec file system that sources are opened in.
    """

    keys: KeyRing = field(default_factory=lambda: KeyRing(()))
    trust: TrustLists = field(default_factory=TrustLists)
    effort: Effort = "full"
    tokenizer: str | None = None
    schemes: tuple[str, ...] = ()
    manifests: str | None = None
    reports: bool = False
    include_personal: bool = False
    limits: Limits = field(default_factory=Limits)
    filesystem: Any = None

    def __post_init__(self) -> None:
        """Refuse what every file would fail on."""
        require_folder(self.manifests)

    def look(self) -> Look | None:
        """Return what looks for token marks in a text; None without a tokenizer.

        Raises
        ------
        InputError, KeyFileError
            If a scheme or the tokenizer cannot be read.
        """
        if self.tokenizer is None:
            return None
        from waarmerk.detection.text import look_with
        from waarmerk.detection.text.tokenizers import load_tokenizer
        from waarmerk.marking.text import TextMark, load_scheme

        given = [load_scheme(path) for path in self.schemes]
        return look_with([*given, *map(TextMark, self.keys)], load_tokenizer(self.tokenizer))

    def record(self) -> dict[str, Any]:
        """Return what was looked for, without secrets, and its id.

        Returns
        -------
        dict
            ``id`` (12 hex digits), ``detector`` (version), ``watermarks`` (names of the schemes of
            this package that are looked for), ``keys`` (their ids), ``effort``, ``trust``,
            ``text`` and ``manifests`` (SHA-256 of what was given, or null), ``reports`` and
            ``personal``.
        """
        from waarmerk import __version__

        keys: list[str] = sorted(key.key_id for key in self.keys)
        marks = [IMAGE_SCHEME, AUDIO_SCHEME] if keys else []
        if keys and self.tokenizer is not None:
            marks.append(TEXT_SCHEME)
        record: dict[str, Any] = {
            "detector": __version__,
            "watermarks": marks,
            "keys": keys,
            "effort": self.effort,
            "trust": _digest_of_trust(self.trust),
            "text": None if self.tokenizer is None else _digest(self.tokenizer, *self.schemes),
            "manifests": None if self.manifests is None else _digest(self.manifests),
            "reports": self.reports,
            "personal": self.include_personal,
        }
        return {"id": record_id(record), **record}


def record_id(record: Mapping[str, Any]) -> str:
    """Return the id of a record."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:12]


def _digest_of_trust(lists: TrustLists) -> str | None:
    if not lists:
        return None
    parts = sorted(
        f"{found.kind} {hashlib.sha256(der).hexdigest()}"
        for found in lists
        for der in found.certificates
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _digest(*paths: str) -> str:
    """Return a hash of files, and of the names and sizes of what lies in folders."""
    whole = hashlib.sha256()
    for path in map(Path, paths):
        if path.is_dir():
            for file in sorted(path.rglob("*")):
                whole.update(f"{file.relative_to(path)} {file.stat().st_size}\n".encode())
        else:
            whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()
