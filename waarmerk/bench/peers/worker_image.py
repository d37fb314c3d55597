"""Runs the image peers, in their own environments; see `worker_serve.py`.

Pictures are ``.npy`` files, uint8 ``[H, W, 3]`` in RGB order::

    {"do": "embed", "peer": "dwtDct", "bits": "0110...", "input": FILE, "output": FILE}
    {"do": "extract", "peer": "dwtDct", "length": 32, "input": FILE}

    {"cpu": 0.03, "wall": 0.03, "bits": "0110..."}

The arguments are the modules to import: ``imwatermark``, ``blind_watermark``, or both. The peer
``blind`` has passwords: ``"passwords": [1, 1]``, of the picture and of the mark, its default. The
seconds count the peer's own call, with its colour conversion, without the files.
"""

import time
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any

import numpy as np

IMWATERMARK = ("dwtDct", "dwtDctSvd")
PACKAGES = {"imwatermark": "invisible-watermark", "blind_watermark": "blind-watermark"}
COMPUTING = ("opencv-python", "opencv-python-headless", "PyWavelets", "numpy")

_modules: dict[str, ModuleType] = {}


def start(arguments: list[str]) -> dict[str, str]:
    """Import the peers; return their versions and those of what they compute with."""
    import_module("cv2").setNumThreads(1)
    _modules.update((name, import_module(name)) for name in arguments)
    versions = {}
    for name in (*(PACKAGES[module] for module in arguments), *COMPUTING):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:  # one of the two builds of OpenCV
            continue
    return versions


def embed(request: dict[str, Any], bgr: np.ndarray) -> np.ndarray:
    """Put the bits into the picture as the peer's documentation shows it."""
    bits = [int(bit) for bit in request["bits"]]
    if request["peer"] in IMWATERMARK:
        encoder = _modules["imwatermark"].WatermarkEncoder()
        encoder.set_watermark("bits", bits)
        return np.asarray(encoder.encode(bgr, request["peer"]))
    marker = _blind(request)
    marker.read_img(img=bgr)
    marker.read_wm(np.array(bits, dtype=bool), mode="bit")
    # The peer's own file writer rounds and saturates its floats; so does this line.
    return np.asarray(np.clip(np.rint(marker.embed()), 0, 255).astype(np.uint8))


def extract(request: dict[str, Any], bgr: np.ndarray) -> list[int]:
    """Read so many bits; no peer can say that there is no mark."""
    length = request["length"]
    if request["peer"] in IMWATERMARK:
        decoder = _modules["imwatermark"].WatermarkDecoder("bits", length)
        return [int(bit) for bit in decoder.decode(bgr, request["peer"])]
    found = _blind(request).extract(embed_img=bgr, wm_shape=length, mode="bit")
    return [int(bit) for bit in found]


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Do one request."""
    rgb = np.load(request["input"])
    cpu, wall = time.process_time(), time.perf_counter()
    bgr = np.ascontiguousarray(rgb[:, :, ::-1])
    given: dict[str, Any] = {}
    if request["do"] == "embed":
        marked = np.ascontiguousarray(embed(request, bgr)[:, :, ::-1])
    else:
        given["bits"] = "".join(map(str, extract(request, bgr)))
    given |= {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    if request["do"] == "embed":
        np.save(request["output"], marked)
    return given


def _blind(request: dict[str, Any]) -> Any:
    picture, mark = request.get("passwords", (1, 1))
    return _modules["blind_watermark"].WaterMark(password_img=picture, password_wm=mark)
