"""Runs the peers, in the peers' own environment; imports nothing of this project.

Started by `benchmarks.peers.PeerClient` as ``PYTHON peer_worker.py``. It answers each line of JSON
on its standard input with one line of JSON on its standard output; pictures travel as ``.npy``
files, uint8 ``[H, W, 3]`` in RGB order::

    {"do": "embed", "peer": "dwtDct", "bits": "0110...", "input": FILE, "output": FILE}
    {"do": "extract", "peer": "dwtDct", "length": 32, "input": FILE}
    {"do": "versions"}

    {"seconds": 0.03, "bits": "0110..."}   or   {"error": "what the peer said"}

The seconds count the peer's own call, with its colour conversion, without the files.
"""

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import version

import cv2
import numpy as np
from blind_watermark import WaterMark
from imwatermark import WatermarkDecoder, WatermarkEncoder

IMWATERMARK = ("dwtDct", "dwtDctSvd")


def embed(peer: str, bgr: np.ndarray, bits: list[int]) -> np.ndarray:
    """Put `bits` into the picture as the peer's documentation shows it."""
    if peer in IMWATERMARK:
        encoder = WatermarkEncoder()
        encoder.set_watermark("bits", bits)
        return encoder.encode(bgr, peer)
    marker = WaterMark(password_img=1, password_wm=1)
    marker.read_img(img=bgr)
    marker.read_wm(np.array(bits, dtype=bool), mode="bit")
    # The peer's own file writer rounds and saturates its floats; so does this line.
    return np.clip(np.rint(marker.embed()), 0, 255).astype(np.uint8)


def extract(peer: str, bgr: np.ndarray, length: int) -> list[int]:
    """Read `length` bits; no peer can say that there is no mark."""
    if peer in IMWATERMARK:
        return [int(bit) for bit in WatermarkDecoder("bits", length).decode(bgr, peer)]
    marker = WaterMark(password_img=1, password_wm=1)
    return [int(bit) for bit in marker.extract(embed_img=bgr, wm_shape=length, mode="bit")]


def answer(request: dict) -> dict:
    """Do one request."""
    if request["do"] == "versions":
        names = ("invisible-watermark", "blind-watermark", "opencv-python", "numpy")
        return {name: version(name) for name in names}
    rgb = np.load(request["input"])
    start = time.perf_counter()
    bgr = np.ascontiguousarray(rgb[:, :, ::-1])
    if request["do"] == "embed":
        bits = [int(bit) for bit in request["bits"]]
        result = np.ascontiguousarray(embed(request["peer"], bgr, bits)[:, :, ::-1])
        seconds = time.perf_counter() - start
        np.save(request["output"], result)
        return {"seconds": seconds}
    bits = extract(request["peer"], bgr, request["length"])
    return {"seconds": time.perf_counter() - start, "bits": "".join(map(str, bits))}


def guarded(work: Callable[[dict], dict], line: str) -> dict:
    """Answer with the peer's error instead of ending: one picture must not stop the run."""
    try:
        return work(json.loads(line))
    except Exception as error:  # noqa: BLE001 - a peer may raise anything
        return {"error": f"{type(error).__name__}: {error}"}


def main() -> None:
    """Serve requests until standard input ends."""
    cv2.setNumThreads(1)
    # The peers print greetings; the answers keep the real standard output to themselves.
    with os.fdopen(os.dup(1), "w") as answers, contextlib.redirect_stdout(sys.stderr):
        for line in sys.stdin:
            answers.write(json.dumps(guarded(answer, line)) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
