"""Decoders that crash, hang, or need all memory: what hostile files do to real ones, on purpose.

A module ``sitecustomize`` on the path of a process changes Pillow's decoder of BMP there, and
nowhere else: pictures that end with certain bytes do it harm.
"""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path

from PIL import Image

__all__ = ["CRASHES", "HANGS", "HANGS_ONCE", "SWALLOWS", "environment_of", "harmful"]

CRASHES, HANGS, SWALLOWS = b"#crashes", b"#hangs", b"#swallows"
HANGS_ONCE = b"#hangs once"

_SITECUSTOMIZE = f"""
import ctypes, importlib.machinery, pathlib, sys


class Finder:
    def find_spec(self, name, path=None, target=None):
        if name != "PIL.BmpImagePlugin":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            load = module.BmpImageFile.load

            def harm(self):
                data = self.fp.getvalue() if hasattr(self.fp, "getvalue") else b""
                if data.endswith({CRASHES!r}):
                    ctypes.string_at(0)
                if data.endswith({HANGS!r}):
                    ctypes.PyDLL(None).pause()  # in C, and never lets go of Python
                seen = pathlib.Path(__file__).with_name("seen")
                if data.endswith({HANGS_ONCE!r}) and not seen.exists():
                    seen.touch()
                    ctypes.PyDLL(None).pause()
                if data.endswith({SWALLOWS!r}):
                    kept = []
                    while True:
                        kept.append(bytearray(1 << 26))
                return load(self)

            module.BmpImageFile.load = harm

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Finder())
"""


def environment_of(folder: Path) -> dict[str, str]:
    """Return what to add to the environment of a process so that its decoder is harmed."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(_SITECUSTOMIZE)
    before = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": str(folder) + (os.pathsep + before if before else "")}


def harmful(how: bytes) -> bytes:
    """Return a BMP that is whole, and does harm to that decoder."""
    out = BytesIO()
    Image.new("RGB", (80, 80), (90, 120, 60)).save(out, "BMP")
    return out.getvalue() + how
