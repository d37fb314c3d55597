"""Result files: one JSON object a line, safe to stop and to resume.

The first line of a file is its header: the command, the date, the versions, and a fingerprint of
the code that decides what is measured. A resumed run must have the same fingerprint, so that no
table mixes rows of two detectors.
"""

import gzip
import hashlib
import json
import platform
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from waarmerk.errors import InputError

Row = dict[str, Any]
Fingerprint = str | dict[str, str]
"""Of the code measured: 12 hex digits, or those of each of several parts."""

_ROOT = Path(__file__).resolve().parents[2]
_BOTH = ("waarmerk/marking/key.py", "waarmerk/marking/payload.py", "waarmerk/bench/seeds.py")
_SIGNED_FILES = ("c2pa_fixtures", "every_format", "manifest_kinds", "rendered_files", "rubric")
# What the rows of each medium depend on: the mark, its detector, and the changes made to it. What
# begins with "!" is taken off again. Provenance is all that is no watermark of ours, however its
# files are arranged; "whole" is for what goes through everything.
_MEASURED = {
    "image": (
        *_BOTH,
        *(
            f"waarmerk/kernels/{name}.py"
            for name in (
                "__init__",
                "_jit",
                "lattice",
                "picture",
                "polar",
                "resampling",
                "shifts",
                "tiles",
            )
        ),
        "waarmerk/marking/image/**/*.py",
        "waarmerk/detection/image/**/*.py",
        "waarmerk/bench/transformations/image.py",
    ),
    "audio": (
        *_BOTH,
        *(f"waarmerk/kernels/{name}.py" for name in ("__init__", "_jit", "sound*")),
        "waarmerk/marking/audio/**/*.py",
        "waarmerk/detection/audio/**/*.py",
        "waarmerk/bench/transformations/sound_codecs.py",
        "waarmerk/bench/content/sounds.py",
        "waarmerk/bench/transformations/sound_effects.py",
        "waarmerk/bench/transformations/audio.py",
    ),
    "text": (
        *_BOTH,
        *(f"waarmerk/kernels/{name}.py" for name in ("__init__", "_jit", "polar", "text*")),
        "waarmerk/marking/text/**/*.py",
        "waarmerk/detection/text/**/*.py",
        "waarmerk/bench/content/texts.py",
        "waarmerk/bench/transformations/text.py",
        "waarmerk/bench/content/text_model.py",
        "waarmerk/bench/content/text_write.py",
    ),
    "provenance": (
        *(f"waarmerk/{name}.py" for name in ("errors", "files")),
        *(f"waarmerk/{part}/**/*.py" for part in ("marking", "detection")),
        *(f"!waarmerk/*/{engine}/**/*.py" for engine in ("image", "audio", "text")),
        "benchmarks/provenance_conformance.py",
        *(f"tests/{name}.py" for name in _SIGNED_FILES),
    ),
    "public marks": (
        "waarmerk/detection/**/others/*.py",
        "waarmerk/detection/**/statistics.py",
        "waarmerk/bench/content/graphics.py",
        "waarmerk/bench/transformations/image.py",
    ),
    "whole": ("waarmerk/**/*.py", "!waarmerk/bench/**/*.py"),
}
_SUITE = (
    *(f"waarmerk/bench/{name}.py" for name in ("image_quality", "marks", "plan", "protocol")),
    *(f"waarmerk/bench/{name}.py" for name in ("quality", "schemes", "seeds", "sound_quality")),
    "waarmerk/bench/work.py",
    "waarmerk/bench/content/catalogue.py",
    "waarmerk/bench/content/pictures.py",
)
_MEASURED |= {
    "suite image": (
        *_MEASURED["image"],
        *_SUITE,
        "waarmerk/bench/transformations/image*.py",
    ),
    "suite audio": (
        *_MEASURED["audio"],
        *_SUITE,
        "waarmerk/bench/transformations/audio*.py",
    ),
    "suite text": (
        *_MEASURED["text"],
        *_SUITE,
        "waarmerk/bench/content/generator.py",
        "waarmerk/bench/transformations/text*.py",
    ),
}
_MEASURED["integrity"] = ("waarmerk/bench/integrity/*.py", "!waarmerk/bench/integrity/report.py")
_SIGNING = ("c2pa-python", "cryptography")
_PACKAGES = {
    "image": ("waarmerk", "numpy", "scipy", "numba", "pillow", "scikit-image"),
    "audio": (
        *("waarmerk", "numpy", "scipy", "numba", "soundfile", "soxr", "av"),
        *("librosa", "pesq", "visqol-python"),
    ),
    "text": ("waarmerk", "numpy", "scipy", "numba", "tokenizers"),
    "provenance": ("waarmerk", *_SIGNING, "encypher-c2pa", "pillow", "soundfile", "av"),
    "public marks": ("waarmerk", "numpy", "scipy", "pillow"),
    "whole": ("waarmerk", *_SIGNING, "numpy", "numba", "pillow", "soundfile", "av"),
    "suite": (
        *("waarmerk", "numpy", "scipy", "numba", "pillow", "scikit-image"),
        *("soundfile", "soxr", "av", "librosa", "pesq", "tokenizers"),
    ),
}


def code_fingerprint(medium: str = "image") -> str:
    """Return 12 hex digits that change with the source of what the benchmark measures."""
    digest = hashlib.sha256()
    paths: set[Path] = set()
    for pattern in _MEASURED[medium]:
        paths |= set() if pattern[0] == "!" else set(_ROOT.glob(pattern))
    for pattern in _MEASURED[medium]:
        paths -= set(_ROOT.glob(pattern[1:])) if pattern[0] == "!" else set()
    if not paths:
        raise ValueError(f"no file decides the rows of {medium}: its patterns name none")
    for path in sorted(paths):
        digest.update(f"{path.relative_to(_ROOT)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def header(parameters: Row, fingerprint: Fingerprint, medium: str = "image") -> Row:
    """Describe how a file came about; `parameters` holds what decides its rows."""
    return {
        "header": True,
        "command": " ".join([*_program(), *map(_placeholder, sys.argv[1:])]),
        "parameters": parameters,
        "code": fingerprint,
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "versions": {package: _version(package) for package in _PACKAGES[medium]},
    }


def _placeholder(argument: str) -> str:
    """Keep the paths of one machine out of result files, which are committed."""
    return "PATH" if argument.startswith(("/", "~", "..")) else argument


def _program() -> list[str]:
    """Return what this program is started with: a module, or a command that was installed."""
    main = sys.modules["__main__"].__spec__
    if main is None or main.name == "waarmerk.__main__":
        return ["waarmerk" if main else Path(sys.argv[0]).name]
    return ["python -m", main.name]


def read(path: Path) -> tuple[Row, list[Row]]:
    """Return header and rows of a result file, plain or gzipped.

    A last line cut off by a crash is left out.
    """
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    lines = text.split("\n")
    rows = [json.loads(line) for line in lines[:-1]]
    if not rows or not rows[0].get("header"):
        raise InputError(f"{path}: not a result file (no header in its first line)")
    return rows[0], rows[1:]


class ResultFile:
    """Appends rows and knows which ones are there already (``rows``).

    Parameters
    ----------
    path : Path
        Created with its folder if absent, else resumed.
    fields : sequence of str
        The fields that name one row.
    parameters : dict
        What decides the rows beside the code; has to be equal when a run is resumed.
    fingerprint : str or dict, optional
        Of the code measured; by default that of the mark of `medium` and its detector.
    medium : {"image", "audio", "text", "provenance", "public marks", "whole", "suite"}
        What is measured.
    more : dict, optional
        What else the header of a new file says; it decides nothing.
    """

    def __init__(  # noqa: PLR0917
        self,
        path: Path,
        fields: tuple[str, ...],
        parameters: Row,
        fingerprint: Fingerprint | None = None,
        medium: str = "image",
        more: Row | None = None,
    ) -> None:
        self._fields = fields
        self._path = path
        self.rows: list[Row] = []
        top = header(parameters, fingerprint or code_fingerprint(medium), medium) | (more or {})
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size:
            old, rows = read(path)
            for name in ("code", "parameters"):
                if old[name] != top[name]:
                    raise InputError(
                        f"{path}: holds rows of other {name} ({old[name]}, now {top[name]}); "
                        "delete it or write elsewhere"
                    )
            self.rows = rows
            if top["command"] not in (old["command"], *old.get("more_commands", [])):
                old["more_commands"] = [*old.get("more_commands", []), top["command"]]
            # Written anew, because a line cut off by a crash would swallow the next one.
            fresh = path.with_suffix(".new")
            self._write(fresh, "w", [old, *rows])
            fresh.replace(path)
        else:
            self._write(path, "w", [top])
        self._seen = {self._name(row) for row in self.rows}

    def _name(self, row: Row) -> tuple[Any, ...]:
        return tuple(row.get(field) for field in self._fields)

    @staticmethod
    def _write(path: Path, mode: str, rows: Iterable[Row]) -> None:
        with path.open(mode) as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)

    def __contains__(self, row: Row) -> bool:
        return self._name(row) in self._seen

    def missing(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield those of `rows` (which need only the naming fields) that are not there yet."""
        return (row for row in rows if row not in self)

    def append(self, rows: Iterable[Row]) -> None:
        """Add rows and flush them to the disk; a row that is there already is left out."""
        fresh = list(self.missing(rows))
        self._write(self._path, "a", fresh)
        self.rows += fresh
        self._seen.update(map(self._name, fresh))
