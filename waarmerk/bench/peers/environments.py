"""Virtual environments for the peers: what is in each, and how it is made.

::

    FOLDER/blind-watermark/              the environment
    FOLDER/blind-watermark/peer.begun    written first: the folder is ours to remove
    FOLDER/blind-watermark/peer.json     written at the very end: what was installed
    FOLDER/blind-watermark.lock          held while it is made, by pip as well

An environment without ``peer.json``, or with that of another table, is made anew. They are made by
``uv`` where that is installed, else by ``venv`` and ``pip``, each as its user has set it up;
nothing else here uses the network.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from waarmerk.bench.peers.client import of_peers
from waarmerk.bench.protocol import Medium
from waarmerk.errors import InputError, OutputError

__all__ = [
    "ENVIRONMENTS",
    "Environment",
    "State",
    "environments_folder",
    "installed",
    "make",
    "python_of",
    "state_of",
]

PEERS_VARIABLE = "WAARMERK_PEERS"
"""Names the folder for all processes of a run."""

State = Literal["absent", "half made", "outdated", "ready"]

_BEGUN, _MARKER = "peer.begun", "peer.json"
_PIP_SECONDS = 3600.0
_OPENCV = ("numpy==2.4.6", "opencv-python-headless==5.0.0.93", "PyWavelets==1.9.0")
_TORCH = "torch==2.13.0"
# What pip and uv say, in different words, where no index answers.
_NO_NETWORK = (
    "connection error",
    "connection refused",
    "connecttimeouterror",
    "dns error",
    "error sending request",
    "failed to establish a new connection",
    "failed to fetch",
    "failed to lookup address",
    "from versions: none",  # pip without retries says no more than that
    "max retries exceeded",
    "name or service not known",
    "name resolution",
    "network is unreachable",
    "newconnectionerror",
    "proxyerror",
    "readtimeouterror",
)


@dataclass(frozen=True, slots=True)
class Environment:
    """What is installed for a peer.

    Attributes
    ----------
    name : str
        Of its folder.
    medium : {"image", "audio", "text"}
        What the peer marks.
    requirements : tuple of str
        Installed with all that they ask for.
    alone : tuple of str
        Installed without: of what these ask for, `requirements` has what is used.
    megabytes : int
        On disk, about; where torch is among them, with its build for CPUs.
    large : bool
        Whether it is only made when asked for.
    note : str
        Why it holds what it does.
    """

    name: str
    medium: Medium
    requirements: tuple[str, ...]
    alone: tuple[str, ...] = ()
    megabytes: int = 0
    large: bool = False
    note: str = ""


ENVIRONMENTS: dict[str, Environment] = {
    each.name: each
    for each in (
        Environment(
            "invisible-watermark",
            "image",
            (*_OPENCV, "Pillow==13.0.0", _TORCH),
            ("invisible-watermark==0.2.0",),
            megabytes=1120,
            note="torch, as it is imported with the package, though only RivaGAN uses it",
        ),
        Environment(
            "blind-watermark",
            "image",
            _OPENCV,
            ("blind-watermark==0.4.4",),
            megabytes=240,
        ),
        Environment(
            "transformers",
            "text",
            (_TORCH, "transformers==5.23.0", "numpy==2.4.6"),
            megabytes=1110,
            large=True,
        ),
    )
}


def environments_folder() -> Path:
    """Return the folder of all environments, whether or not it exists.

    ``$WAARMERK_PEERS``, or ``waarmerk/peers`` in the user's folder for caches: ``$XDG_CACHE_HOME``
    or ``~/.cache``, ``~/Library/Caches``, ``%LOCALAPPDATA%``.
    """
    given = os.environ.get(PEERS_VARIABLE)
    if given:
        return Path(given)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or ""
        if not base.startswith("/"):  # a relative one is to be ignored (XDG Base Directory 0.8)
            base = str(Path.home() / ".cache")
    return Path(base) / "waarmerk" / "peers"


def state_of(environment: Environment, folder: Path) -> State:
    """Return whether an environment is there as the table has it.

    Raises
    ------
    InputError
        If what is there cannot be read.
    """
    home = folder / environment.name
    if not home.exists():
        return "absent"
    found = _marker(home)
    if found is None:
        return "half made"
    wanted = _wanted(environment)
    return "ready" if {name: found.get(name) for name in wanted} == wanted else "outdated"


def installed(environment: Environment, folder: Path) -> dict[str, str]:
    """Return the versions of all that is in an environment, by name; empty if it is not ready."""
    if state_of(environment, folder) != "ready":
        return {}
    return dict((_marker(folder / environment.name) or {}).get("versions", {}))


def python_of(environment: Environment, folder: Path) -> Path:
    """Return the Python of an environment.

    Raises
    ------
    InputError
        If it is not ready.
    """
    state = state_of(environment, folder)
    if state != "ready":
        large = " --with-large" if environment.large else ""
        raise InputError(
            f"{folder / environment.name}: the environment of {environment.name} is {state}; "
            f"`waarmerk bench peers{large}` makes it"
        )
    return _python(folder / environment.name)


def make(environment: Environment, folder: Path, say: Callable[[str], None]) -> bool:
    """Make an environment unless it is ready; return whether there was anything to do.

    Parameters
    ----------
    environment : Environment
        What to install.
    folder : Path
        Where all environments are.
    say : callable
        Is given a line about what is done.

    Raises
    ------
    OutputError
        If it could not be made; what was begun is made anew the next time.
    """
    home = folder / environment.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / f"{environment.name}.lock") as lock:
            state = state_of(environment, folder)
            if state == "ready":
                return False
            _make_way(home)
            home.mkdir(exist_ok=True)
            (home / _BEGUN).touch()
            say(f"{environment.name}: {_described(environment)}; into {home} ...")
            _install(environment, home, lock)
            _write_marker(environment, home)
    except OSError as error:
        raise OutputError(f"{error.filename or home}: {error.strerror or error}") from error
    say(f"{environment.name}: done, {_megabytes(home)} MB")
    return True


def _described(environment: Environment) -> str:
    """Say what will be installed, and how large that is."""
    what = ", ".join((*environment.requirements, *environment.alone))
    size = f"about {environment.megabytes} MB on disk"
    if _TORCH in environment.requirements:
        size += " where torch comes in its build for CPUs, gigabytes more where it does not"
    return f"{what} ({environment.note}); {size}" if environment.note else f"{what}; {size}"


def _wanted(environment: Environment) -> dict[str, object]:
    """Return what decides whether an environment is that of the table."""
    return {
        "requirements": list(environment.requirements),
        "alone": list(environment.alone),
        "python": platform.python_version(),
    }


def _marker(home: Path) -> dict[str, dict[str, str]] | None:
    try:
        found = json.loads((home / _MARKER).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"{home / _MARKER}: cannot be read ({error}); remove {home}") from error
    return found if isinstance(found, dict) else None


def _write_marker(environment: Environment, home: Path) -> None:
    """Say that an environment is whole; nothing reads half of this file, as it is renamed."""
    code = (
        "import json; from importlib.metadata import distributions\n"
        "print(json.dumps({d.metadata['Name']: d.version for d in distributions()}))"
    )
    versions = json.loads(_run(environment, [str(_python(home)), "-P", "-c", code]))
    text = json.dumps({**_wanted(environment), "versions": versions}, indent=1, sort_keys=True)
    beside = home / f"{_MARKER}.part"
    beside.write_text(f"{text}\n", encoding="utf-8")
    beside.replace(home / _MARKER)


def _make_way(home: Path) -> None:
    """Remove what is there of an environment; what is something else is not touched."""
    if not home.exists():
        return
    if not home.is_dir() or (any(home.iterdir()) and not (home / _BEGUN).is_file()):
        raise OutputError(f"{home}: was not made by this command; move it out of the way")
    # The marker goes first and the sign that it is ours last, should this be stopped.
    (home / _MARKER).unlink(missing_ok=True)
    for path in sorted(home.iterdir(), key=lambda path: path.name == _BEGUN):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _install(environment: Environment, home: Path, lock: int | None) -> None:
    uv, python = shutil.which("uv"), str(_python(home))
    if uv:
        create = [uv, "venv", "--allow-existing", "--python", sys.executable, str(home)]
        install = [uv, "pip", "install", "--python", python]
    elif find_spec("pip") is not None:
        create = [sys.executable, "-m", "venv", "--without-pip", str(home)]
        install = [sys.executable, "-m", "pip", "--python", python, "install"]
    else:
        create = [sys.executable, "-m", "venv", str(home)]
        install = [python, "-m", "pip", "install"]
    if not uv:
        install += ["--no-input", "--disable-pip-version-check"]
    _run(environment, create, lock)
    if environment.requirements:
        _run(environment, [*install, *environment.requirements], lock)
    if environment.alone:
        _run(environment, [*install, "--no-deps", *environment.alone], lock)


def _run(environment: Environment, command: list[str], lock: int | None = None) -> str:
    """Run a step to its end and return what it printed."""
    tool = next(tool for tool in ("uv", "pip", "venv", "python") if tool in _words(command))
    try:
        done = subprocess.run(
            command,
            env=of_peers(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
            errors="replace",
            timeout=_PIP_SECONDS,
            # Held by pip as well: it may outlive us, and goes on writing.
            pass_fds=() if lock is None else (lock,),
        )
    except subprocess.TimeoutExpired:
        raise OutputError(
            f"{environment.name}: {tool} did not end within {_PIP_SECONDS:g} s; try again"
        ) from None
    if done.returncode:
        raise OutputError(f"{environment.name}: {_failure(tool, done.stderr + done.stdout)}")
    return done.stdout


def _words(command: list[str]) -> list[str]:
    return [Path(command[0]).stem, *command[1:], "python"]


def _failure(tool: str, said: str) -> str:
    """Say in one line why a step failed."""
    if any(sign in said.lower() for sign in _NO_NETWORK):
        return (
            f"{tool} reached no package index that has what it needs: there is no network, or no "
            "index that answers; try again with one, or set it up for an index that you have"
        )
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    last = (errors or lines or ["it said nothing"])[-1]
    return f"{tool} could not install it: {last.removeprefix('ERROR: ')}"


def _python(home: Path) -> Path:
    return home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _megabytes(home: Path) -> int:
    files = (path for path in home.rglob("*") if path.is_file() and not path.is_symlink())
    return round(sum(path.stat().st_size for path in files) / 1e6)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int | None]:
    """Hold a file, so that nobody else makes the same environment; yield what to pass on."""
    if sys.platform == "win32":
        yield None
        return
    import fcntl

    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(
                f"{path.with_suffix('')}: another process is making this environment; "
                "wait until it is done, and try again"
            ) from None
        yield file.fileno()
