"""Counting the instructions of cases with Valgrind's Callgrind, so that noise does not matter.

Everything runs in one process under Valgrind, as its start is what takes long. Callgrind writes its
counts to a new file, and begins anew, whenever a C function of our choice is entered::

    ... made ready │ MARK, case, MARK │ made ready │ MARK, case, MARK │ ...
      part 1       │      part 2      │   part 3   │      part 4      │ part 5

MARK is getpgid(2), which Python can call and nothing else here does; should anything, the number of
parts is wrong, and nothing is said. In the count of a kernel are some 5,000 instructions by which
Numba unpacks its arguments; so of a kernel with fewer than 2,500 of its own a third more is not
seen.

Kernels are compiled for a fixed processor (Haswell), which Valgrind can imitate anywhere, in a
process before that runs without Valgrind; it makes the material, too. `PYTHONHASHSEED` is fixed and
garbage is not collected meanwhile, so that counts repeat.
"""

import gc
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from waarmerk.errors import InputError, WaarmerkError

__all__ = ["count_instructions", "paired", "require_valgrind", "totals"]

LIMIT = 900  # seconds, for a machine that is much slower or busier than ours
_MARK = "getpgid"
_TOTAL = re.compile(r"^totals: (\d+)", re.MULTILINE)
_SETTINGS = {
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": "",
    "OPENBLAS_CORETYPE": "Haswell",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
}


class CountingError(WaarmerkError):
    """Counting went wrong."""


def require_valgrind() -> str:
    """Return the path of Valgrind.

    Raises
    ------
    InputError
        If it is not installed.
    """
    path = shutil.which("valgrind")
    if path is None:
        raise InputError(
            "valgrind: not installed, and --counts needs it; on Debian and Ubuntu it is the "
            "package valgrind (apt-get install valgrind)"
        )
    return path


def totals(folder: Path, stem: str = "parts") -> list[int]:
    """Return the instructions of each part that Callgrind wrote to ``stem.1``, ``stem.2``, ...

    The last one, of the end of the process, has no number and is left out.
    """
    numbered = {int(path.suffix[1:]): path for path in folder.glob(f"{stem}.*")}
    if sorted(numbered) != list(range(1, len(numbered) + 1)):
        raise CountingError(f"{folder}: parts {sorted(numbered)}, some are missing")
    counts = []
    for number in sorted(numbered):
        match = _TOTAL.search(numbered[number].read_text(errors="replace"))
        if match is None:
            raise CountingError(f"{numbered[number].name}: no totals; valgrind may have crashed")
        counts.append(int(match[1]))
    return counts


def paired(names: Sequence[str], counts: Sequence[int]) -> dict[str, int]:
    """Return the count of every name: that of every second part."""
    if len(counts) != 2 * len(names):
        raise CountingError(
            f"{len(counts)} parts for {len(names)} cases: something else calls {_MARK}"
        )
    return dict(zip(names, counts[1::2], strict=True))


def count_instructions(
    environment: dict[str, str], root: Path, only: Sequence[str] = ()
) -> dict[str, int]:
    """Return the instructions of every case that matches a pattern, by name.

    Parameters
    ----------
    environment : dict of str
        Of the processes; what counting needs is added.
    root : Path
        Where they begin: the folder that the package is imported from.
    only : sequence of str
        Patterns; none stands for all.

    Raises
    ------
    InputError
        If Valgrind is not installed.
    CountingError
        If a process failed.
    """
    valgrind = require_valgrind()
    with tempfile.TemporaryDirectory(prefix="guard-") as temporary:
        folder = Path(temporary)
        settings = {**environment, **_SETTINGS, "NUMBA_CACHE_DIR": str(folder / "cache")}
        ours = [sys.executable, "-m", "waarmerk.bench.guard_counts"]
        _run([*ours, "prepare", temporary, *only], settings, root)
        options = [f"--dump-before={_MARK}", f"--callgrind-out-file={folder / 'parts'}"]
        options += ["--dump-instr=no", "--dump-line=no", "--compress-strings=yes", "-q"]
        _run([valgrind, "--tool=callgrind", *options, *ours, "count", temporary], settings, root)
        names = json.loads((folder / "names.json").read_text())
        return paired(names, totals(folder)) if names else {}


def _run(command: list[str], settings: dict[str, str], root: Path) -> None:
    try:
        done = subprocess.run(
            command,
            env=settings,
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT,
        )
    except subprocess.TimeoutExpired:
        raise CountingError(f"counting: not done after {LIMIT} s; use --only") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise CountingError(f"counting: a process ended with status {done.returncode}: {lines[0]}")


def _prepare(folder: Path, only: tuple[str, ...]) -> None:
    """Compile and make the material, without Valgrind."""
    from waarmerk.bench.guard_cases import cases, chosen, make_material

    material = make_material()
    known = {case.name: case for case in cases(material) if case.small}
    names = chosen(list(known), only)
    for name in names:
        known[name].ready()()
    (folder / "material").write_bytes(pickle.dumps((material, names)))
    (folder / "names.json").write_text(json.dumps(names))


def _count(folder: Path) -> None:
    """Run under Valgrind."""
    from waarmerk.bench.guard_cases import cases

    # Made a moment ago by `_prepare`, in a folder that only this user can read.
    material, names = pickle.loads((folder / "material").read_bytes())  # noqa: S301
    known = {case.name: case for case in cases(material)}
    gc.disable()
    for name in names:
        known[name].ready()()
        call = known[name].ready()
        os.getpgid(0)
        call()
        os.getpgid(0)


def main() -> None:
    """Run as a process of its own: ``prepare FOLDER [PATTERN ...]`` or ``count FOLDER``."""
    action, folder, *only = sys.argv[1:]
    if action == "prepare":
        _prepare(Path(folder), tuple(only))
    else:
        _count(Path(folder))


if __name__ == "__main__":
    main()
