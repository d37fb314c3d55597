"""Result files of the suite as a report needs them: checked, hashed, and without doubles."""

from __future__ import annotations

import hashlib
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from waarmerk.bench.protocol import CATEGORIES, MEDIA
from waarmerk.bench.rows import Row, read
from waarmerk.errors import InputError

__all__ = ["WHATS", "LoadedFile", "load"]

WHATS: Final = ("mark", "marked", "unmarked", "wrong key", "another scheme", "forged")
_STATUSES: Final = ("ok", "refused", "error")
# What tells one row from another.
_NAMED_BY: Final = (
    *("suite", "scheme", "content", "what", "transformation", "strength", "key", "other"),
)


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """A result file: its name without folders, hash, header and rows."""

    name: str
    sha256: str
    header: Row
    rows: list[Row]

    def code(self, suite: str) -> str | None:
        """Return the fingerprint of the code that was measured for a medium."""
        code = self.header.get("code")
        value = code.get(suite) if isinstance(code, dict) else code
        return None if value is None else str(value)


def load(paths: Sequence[Path]) -> list[LoadedFile]:
    """Read result files and check that they can be reported together.

    Raises
    ------
    InputError
        If one cannot be read, has no rows or malformed ones, or if two of them hold the same rows,
        or rows of one scheme from different code.
    """
    files = [_loaded(path) for path in paths]
    _check_together(files)
    return files


def _loaded(path: Path) -> LoadedFile:
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        header, rows = read(path)
    except InputError:
        raise
    except (OSError, EOFError, zlib.error) as error:
        cause = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read: {cause}") from error
    except (ValueError, RecursionError, AttributeError) as error:
        raise InputError(
            f"{path}: is no result file (JSON, one object a line); give what `waarmerk bench run` "
            "wrote"
        ) from error
    if not rows:
        raise InputError(f"{path}: holds no rows, only a header; run `waarmerk bench run` again")
    for number, row in enumerate(rows, 2):
        if problem := _problem(row):
            raise InputError(f"{path}: line {number}: {problem}; is it a file of `bench run`?")
    return LoadedFile(path.name, digest, header, rows)


def _problem(row: object) -> str | None:
    """Return which field of a row cannot be understood, or None."""
    if not isinstance(row, dict):
        return "no JSON object"
    fields = _FIELDS if row.get("what") == "mark" else _FIELDS | _OF_READINGS
    for name, fits in fields.items():
        if not fits(row.get(name)):
            return f"its {name} is missing or none that a row of the suite has"
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_share(value: object) -> bool:
    return value is None or (_is_number(value) and 0 <= cast(float, value) <= 1)


def _is_amount(value: object) -> bool:
    return value is None or (_is_number(value) and cast(float, value) >= 0)


def _is_claim(value: object) -> bool:
    return value is None or (_is_number(value) and cast(float, value) <= 0)


def _is_answer(value: object) -> bool:
    return value is None or isinstance(value, bool)


def _are_qualities(value: object) -> bool:
    # An infinite PSNR, of two pictures that are the same, is written as null.
    return value is None or (
        isinstance(value, dict) and all(one is None or _is_number(one) for one in value.values())
    )


_FIELDS: Final[dict[str, Callable[[object], bool]]] = {
    "suite": lambda value: value in MEDIA,
    "what": lambda value: value in WHATS,
    "status": lambda value: value in _STATUSES,
    "scheme": lambda value: isinstance(value, str),
    "content": lambda value: isinstance(value, str),
    "group": lambda value: isinstance(value, str),
    "size": _is_amount,
    "seconds": _is_amount,
    "bits": _is_share,
    "log10_p": _is_claim,
    "found": _is_answer,
    "exact": _is_answer,
    "quality": _are_qualities,
}
_OF_READINGS: Final[dict[str, Callable[[object], bool]]] = {
    "transformation": lambda value: isinstance(value, str),
    "strength": _is_number,
    "category": lambda value: value in CATEGORIES,
}


def _check_together(files: Sequence[LoadedFile]) -> None:
    codes: dict[tuple[str, str], tuple[str | None, str]] = {}
    seen: dict[tuple[str, ...], str] = {}
    for file in files:
        for suite, scheme in sorted({(row["suite"], row["scheme"]) for row in file.rows}):
            code, name = codes.setdefault((suite, scheme), (file.code(suite), file.name))
            if code != file.code(suite):
                raise InputError(
                    f"{file.name}: was measured with other code of {suite} than {name} "
                    f"({file.code(suite)}, {code}); report them one by one"
                )
        if len(files) < 2:
            continue
        own = {tuple(str(row.get(field)) for field in _NAMED_BY) for row in file.rows}
        for identity in own & seen.keys():
            raise InputError(
                f"{file.name}: holds rows that {seen[identity]} holds as well; give each once"
            )
        seen.update(dict.fromkeys(own, file.name))
