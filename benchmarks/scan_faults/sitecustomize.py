"""Makes Pillow crash, hang or eat memory on pictures whose comment asks for it.

Real decoders that crash are mended as soon as they are known, so the benchmark of scans breaks one:
with this folder on PYTHONPATH every Python process loads this module at its start (see `site`), and
changes Pillow when, and only if, Pillow is imported. Nothing of the package knows of it.
"""

import ctypes
import importlib.util
import os
import sys
import time

WORD = "waarmerk benchmark: "
"""A comment that begins so is followed by the name of what is to happen."""

_BLOCK = 64 << 20
_MOST = 3 << 30  # then it gives up: where nothing bounds memory, the machine is to live


def _segfault():
    ctypes.string_at(0)


def _hang_in_c():
    # As a decoder in C that never lets go of the interpreter: no other thread of the process runs.
    ctypes.PyDLL(None).sleep(86_400)


def _hang_asleep():
    time.sleep(86_400)


def _hang_busy():
    while True:
        pass


def _memory_of_python():
    _kept = [bytearray(_BLOCK) for _ in range(_MOST // _BLOCK)]


def _memory_of_c():
    system = ctypes.CDLL(None)
    system.malloc.restype = ctypes.c_void_p
    blocks = []
    for _ in range(_MOST // _BLOCK):
        block = system.malloc(ctypes.c_size_t(_BLOCK))
        if not block:
            raise MemoryError  # and what it took is lost, as happens in C
        ctypes.memset(block, 1, _BLOCK)
        blocks.append(block)
    for block in blocks:
        system.free(ctypes.c_void_p(block))


def _exit():
    os._exit(0)


FAULTS = {
    "segfault": _segfault,
    "abort": os.abort,
    "exit": _exit,
    "hang in C": _hang_in_c,
    "hang asleep": _hang_asleep,
    "hang busy": _hang_busy,
    "memory of Python": _memory_of_python,
    "memory of C": _memory_of_c,
}


def _change(module):
    load = module.ImageFile.load

    def load_or_fail(self):
        comment = self.info.get("comment", "")
        if isinstance(comment, bytes):
            comment = comment.decode("latin-1")
        if isinstance(comment, str) and comment.startswith(WORD):
            FAULTS[comment.removeprefix(WORD)]()
        return load(self)

    module.ImageFile.load = load_or_fail


class _Finder:
    """Lets Pillow's decoders be imported as ever, and changes them then."""

    def find_spec(self, name, path=None, target=None):
        if name != "PIL.ImageFile":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        run = spec.loader.exec_module

        def run_and_change(module):
            run(module)
            _change(module)

        spec.loader.exec_module = run_and_change
        return spec


sys.meta_path.insert(0, _Finder())
