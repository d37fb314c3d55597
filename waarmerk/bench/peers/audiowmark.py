"""Runs audiowmark, a program that is no part of this project; sounds travel as WAV files."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import tempfile
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from waarmerk.bench.peers.client import PeerError, PeerRefusedError
from waarmerk.bench.processes import Done
from waarmerk.errors import InputError

__all__ = ["AudiowmarkProgram", "Pattern", "audiowmark_path"]

AUDIOWMARK_VARIABLE = "WAARMERK_AUDIOWMARK"
"""Names the program for all processes of a run."""

SECONDS = 900.0
"""``--detect-speed`` takes about as long as a sound lasts; this is for a minute on a busy core."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """What the program printed: hex digits, and the rating that it gives them."""

    bits: str
    rating: float


class AudiowmarkProgram:
    """The program, and a folder for its files.

    Parameters
    ----------
    program : str
        Path.
    seconds : float
        How long one call may take.
    """

    def __init__(self, program: str, seconds: float = SECONDS) -> None:
        self.program, self.seconds = program, seconds
        self._folder = tempfile.mkdtemp(prefix="waarmerk-audiowmark-")
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def file(self, name: str) -> str:
        """Return the path of a file of the working folder."""
        return str(Path(self._folder) / name)

    def version(self) -> str:
        """Return what the program says about itself."""
        return self._run("--version").output.strip()

    def key_file(self, name: str, secret: bytes) -> str:
        """Return a key file with 16 bytes of secret, as ``audiowmark gen-key`` writes it."""
        path = Path(self.file(f"{name}.key"))
        path.write_text(f"key {secret.hex()}\n", encoding="ascii")
        return str(path)

    def add(
        self, samples: np.ndarray, rate: int, message: str, options: list[str]
    ) -> tuple[np.ndarray, Done]:
        """Return the marked sound (16 bit, as the clips are) and what it cost."""
        source, target = self.file("in.wav"), self.file("out.wav")
        soundfile.write(source, samples, rate, "PCM_16")
        done = self._run("add", *options, source, target, message)
        if done.code:
            raise PeerRefusedError(f"audiowmark add: {_last_line(done)}")
        return soundfile.read(target, dtype="float32", always_2d=True)[0], done

    def get(self, samples: np.ndarray, rate: int, options: list[str]) -> tuple[list[Pattern], Done]:
        """Return every pattern that is printed, the best rated first, and what it cost."""
        source, answer = self.file("get.wav"), Path(self.file("get.json"))
        soundfile.write(source, samples, rate, "FLOAT")
        answer.unlink(missing_ok=True)
        done = self._run("get", *options, "--json", str(answer), source)
        if not answer.exists():  # it refuses what is shorter than it can read
            return [], done
        try:
            matches: list[dict[str, Any]] = json.loads(answer.read_text())["matches"]
            found = [Pattern(match["bits"], float(match["rating"])) for match in matches]
        except (ValueError, KeyError, TypeError) as error:
            raise PeerError(f"audiowmark get: what it wrote is not understood: {error}") from error
        return sorted(found, key=lambda pattern: -pattern.rating), done

    def _run(self, *arguments: str) -> Done:
        """Run the program to its end; nothing else may start processes meanwhile."""
        before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        try:
            done = subprocess.run(
                [self.program, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                text=True,
                errors="replace",
                timeout=self.seconds,
            )
        except subprocess.TimeoutExpired:
            raise PeerError(
                f"audiowmark {arguments[0]}: did not end within {self.seconds:g} s and was ended"
            ) from None
        except OSError as error:
            raise PeerError(f"{self.program}: cannot be run: {error.strerror}") from error
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        return Done(done.returncode, done.stdout, done.stderr, cpu, time.perf_counter() - wall)


def audiowmark_path(given: str | Path | None = None) -> str:
    """Return the program: the one given, ``$WAARMERK_AUDIOWMARK``, or that on the PATH.

    Raises
    ------
    InputError
        If there is none.
    """
    named = given or os.environ.get(AUDIOWMARK_VARIABLE)
    found = shutil.which(str(named or "audiowmark"))
    if found is None:
        where = f"{named}: is no program" if named else "audiowmark is not on the PATH"
        raise InputError(
            f"{where}; install audiowmark (most Linux distributions have it) or give its place "
            "with --audiowmark"
        )
    return found


def _last_line(done: Done) -> str:
    lines = [line.strip() for line in (done.output + done.errors).splitlines() if line.strip()]
    return lines[-1] if lines else f"ended with status {done.code}"
