"""From a source to its row, whatever it holds: every error that can be raised becomes a row.

What cannot be raised, a crash or a file without end, is the business of the guard.
"""

from __future__ import annotations

import hashlib
import traceback
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from waarmerk.detection.file import detect_bytes, detect_file
from waarmerk.errors import UnsupportedInputError, WaarmerkError
from waarmerk.scan.content import name_of, opened
from waarmerk.scan.row import failed_row, row_of

if TYPE_CHECKING:
    from waarmerk.detection.file import Look
    from waarmerk.detection.report import DetectionReport
    from waarmerk.scan.row import Row, RowStatus
    from waarmerk.scan.settings import ScanSettings
    from waarmerk.scan.source import Source

__all__ = ["Examiner"]


class Examiner:
    """Examines one source after the other.

    Parameters
    ----------
    settings
        What to look for.

    Raises
    ------
    WaarmerkError
        If a tokenizer or a scheme cannot be read.
    """

    def __init__(self, settings: ScanSettings) -> None:
        self._settings = settings
        self._id: str = settings.record()["id"]
        self._look: Look | None = settings.look()

    def examine(self, source: Source) -> Row | None:
        """Return the row of a source; None if its content is the one that was examined before."""
        start = perf_counter()
        found = self._outcome(source)
        if found is None:
            return None
        seconds = perf_counter() - start
        if isinstance(found, tuple):
            return failed_row(source, *found, settings=self._id, seconds=seconds)
        with_report = self._settings.reports
        return row_of(source, found, settings=self._id, seconds=seconds, with_report=with_report)

    def _outcome(self, source: Source) -> DetectionReport | tuple[RowStatus, str] | None:
        """Return a report, or what went wrong; None for what was examined before."""
        failure: tuple[RowStatus, str]
        try:
            return self._report(source)
        except UnsupportedInputError as error:
            failure = "unsupported", str(error)
        except WaarmerkError as error:
            failure = "memory" if _out_of_memory(error) else "error", str(error)
        except OSError as error:
            failure = "error", f"{name_of(source)}: cannot be read: {error.strerror or error}"
        except MemoryError:
            failure = "memory", f"{name_of(source)}: needs more memory than a file may have"
        except Exception as error:  # noqa: BLE001 - a bug that one file meets must not end the scan
            where = traceback.extract_tb(error.__traceback__)[-1]
            failure = (
                "crash",
                f"{name_of(source)}: {type(error).__name__}: {error} ({Path(where.filename).name}, "
                f"line {where.lineno}); this is a bug in waarmerk, please report it",
            )
        return failure

    def _report(self, source: Source) -> DetectionReport | None:
        settings, name = self._settings, name_of(source)
        with opened(source, settings.filesystem) as content:
            if source.sha256 is not None and _sha256(content) == source.sha256:
                return None
            if isinstance(content, Path):
                return detect_file(
                    content,
                    settings.keys,
                    settings.trust,
                    settings.effort,
                    name=name,
                    look=self._look,
                    manifests=settings.manifests,
                    include_personal=settings.include_personal,
                )
            return detect_bytes(
                content,
                name,
                settings.keys,
                settings.trust,
                settings.effort,
                look=self._look,
                manifests=settings.manifests,
                include_personal=settings.include_personal,
            )


def _out_of_memory(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__
    return False


def _sha256(content: Path | bytes) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
