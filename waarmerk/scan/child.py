"""The process that examines files, so that what crashes or hangs there harms nothing else.

::

    guard ──stdin──▶ ┌ template ──fork──▶ worker ┐ ──stdout──▶ guard
                     │ imports,          examines │
                     │ compiles, waits   files    │
                     └────────── a worker ended: the next one is there at once

The template imports and compiles everything once and never touches a file. A worker is a fork of
it, so a new one takes milliseconds, and all share the memory of what was loaded. Where there is no
fork (Windows), the template examines the files itself.

Questions and answers are lines of JSON; only the settings, which come first and from the guard, are
pickled. A worker that a file took over can tell lies, and nothing else, to whoever asks.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import io
import json
import os
import pickle
import select
import signal
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from waarmerk.scan.source import Source

if TYPE_CHECKING:
    from waarmerk.scan.examine import Examiner
    from waarmerk.scan.listing import Failed
    from waarmerk.scan.settings import ScanSettings

__all__ = ["AGAIN", "GRACE", "main"]

AGAIN: Final = 75
"""Exit status of a worker that makes room for a fresh one."""

GRACE: Final = 5.0
"""Seconds that the guard has to end a worker that is late, before it ends by itself."""

_LAYERS = ("image", "audio", "labels", "manifest", "picture_file", "sound_file", "text_file")
_NEEDED = ("av", "soundfile", "soxr", *(f"waarmerk.detection.{name}" for name in _LAYERS))
_FILES_A_WORKER = 5000
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
_MEMBERS_AN_ANSWER = 500


def main() -> int:
    """Serve whoever started this process until it closes our input."""
    out = os.dup(1)
    # Libraries may print what they like; answers have a channel of their own.
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started us
    _keep_memory()
    _load()
    (length,) = struct.unpack("<Q", _exactly(8))
    settings: ScanSettings = pickle.loads(_exactly(length))  # noqa: S301 - from our own guard
    from waarmerk.errors import WaarmerkError
    from waarmerk.scan.content import sweep
    from waarmerk.scan.examine import Examiner

    try:
        examiner = Examiner(settings)
    except (WaarmerkError, OSError) as error:
        _answer(out, {"refused": str(error)})
        return 1
    _picture(settings, "JPEG")
    # Until here it is kept for whoever wonders why nothing started; a library may say any amount.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    if not hasattr(os, "fork"):
        _serve(examiner, settings, out)
        return 0
    rest: list[Callable[[], None]] = [
        partial(_picture, settings, "PNG"),
        partial(_picture, settings, "JPEG", (240, 320)),  # is enlarged
        partial(_sound, settings),
    ]
    while True:
        worker = os.fork()
        if worker == 0:
            _end_with_parent()
            os._exit(_serve(examiner, settings, out))
        while rest:  # while the first worker is busy already: the next ones have it
            rest.pop(0)()
        status = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
        if status == 0:
            return 0
        sweep(worker)
        if status != AGAIN:
            # It may have ended before it read the question, which is asked anew if it is to be,
            # and in the middle of a line.
            while select.select([0], [], [], 0.0)[0] and os.read(0, 1 << 16):
                pass
            os.write(out, b"\n")
            _answer(out, {"ended": status})


def _serve(examiner: Examiner, settings: ScanSettings, out: int) -> int:
    """Answer questions until there are no more, or a fresh worker is better."""
    from waarmerk.scan.archives import inside
    from waarmerk.scan.row import to_json

    _limit_memory(settings.limits.memory)
    _answer(out, {"ready": os.getpid()})
    members: Iterator[Source | Failed] = iter(())
    archive, served = Source(""), 0
    while served < _FILES_A_WORKER:
        line = _line()
        if not line:
            return 0
        question = json.loads(line)
        number = question["number"]
        if "file" in question:
            source = Source(**question["file"])
            with _alarm(settings.limits.seconds_for(source.size) + GRACE):
                row = examiner.examine(source)
                _answer(out, {"number": number, "row": None if row is None else to_json(row)})
            served += 1
            if _memory() > settings.limits.memory // 2:
                return AGAIN
            continue
        if "inside" in question:
            archive = Source(**question["inside"])
        with _alarm(settings.limits.seconds_for(archive.size) + GRACE):
            if "inside" in question:
                columns = tuple(question["columns"])
                members = inside(archive, columns=columns, filesystem=settings.filesystem)
            found = [asdict(m) for _, m in zip(range(_MEMBERS_AN_ANSWER), members, strict=False)]
            _answer(out, {"number": number, "members": found})
    return AGAIN


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """End this process by the system after a while, in whatever code it is then.

    The guard does so earlier; but it may have been killed.
    """
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


def _end_with_parent() -> None:
    """Have the system end this worker when the template ends (Linux)."""
    if sys.platform == "linux":
        parent_death = 1  # PR_SET_PDEATHSIG, prctl(2)
        ctypes.CDLL(None).prctl(parent_death, signal.SIGKILL)


def _limit_memory(most: int) -> None:
    if sys.platform == "linux":
        import resource

        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        if hard == resource.RLIM_INFINITY or most < hard:
            resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _memory() -> int:
    """Return how many bytes of what is limited this process has; 0 where nothing is (proc(5))."""
    if sys.platform != "linux":
        return 0
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - for every file, so it is to be quick
        return int(file.read().split()[5]) * _PAGE


def _keep_memory() -> None:
    """Have the C library keep what is freed (glibc), for the next file.

    By default it gives every array of a megabyte back to the system, which clears its pages again
    for the next one: a third of the time of a small picture.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            trim_threshold, mmap_threshold = -1, -3  # mallopt(3)
            mallopt(mmap_threshold, 256 << 20)
            mallopt(trim_threshold, 512 << 20)


def _load() -> None:
    """Load what files need.

    Also because a worker that is short of memory may fail to do so, and then goes without.
    """
    from waarmerk.marking.decoder import PLUGINS

    plugins = (plugin for plugin, _ in PLUGINS.values())
    for module in (*_NEEDED, *plugins):
        importlib.import_module(module)


def _picture(settings: ScanSettings, form: str, shape: tuple[int, int] = (512, 640)) -> None:
    """Examine a picture of our own, so that every kernel for it is compiled, or had from the cache.

    That may take a minute after an installation, which is not to be a file's.
    """
    import numpy as np
    from PIL import Image

    from waarmerk.detection.file import detect_bytes

    noise = np.random.default_rng(1).integers(0, 255, (*shape, 3), np.uint8)
    data = io.BytesIO()
    Image.fromarray(noise).save(data, form, quality=90)
    name = f"noise.{form.lower()}"
    detect_bytes(data.getvalue(), name, settings.keys.keys[:1], effort=settings.effort)


def _sound(settings: ScanSettings) -> None:
    """Do the same with a sound."""
    import numpy as np

    from waarmerk.detection.file import find_sound_watermark

    if settings.keys:
        sound = np.random.default_rng(1).normal(0.0, 0.1, 48_000).astype(np.float32)
        find_sound_watermark(sound, 16_000, settings.keys.keys[:1], settings.effort)


def _exactly(count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += (more := os.read(0, count - len(data)))
        if not more:
            raise SystemExit(0)
    return data


def _line() -> bytes:
    """Read one line and no byte more: what follows may be for the next worker."""
    data = b""
    while not data.endswith(b"\n"):
        more = os.read(0, 1 << 16)  # one question is on its way at a time
        if not more:
            return b""
        data += more
    return data


def _answer(out: int, answer: dict[str, Any]) -> None:
    data = json.dumps(answer).encode() + b"\n"
    while data:
        data = data[os.write(out, data) :]


if __name__ == "__main__":
    sys.exit(main())
