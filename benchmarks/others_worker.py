"""Runs invisible-watermark in the peers' own environment; imports nothing of this project.

Started by `benchmarks.others` as ``PYTHON others_worker.py``. It answers each line of JSON on its
standard input with one on its standard output; pictures travel as ``.npy`` files, uint8
``[H, W, 3]`` RGB. ``reading`` says how a program hands pictures to the package: ``"8 bit"``,
``"float"``, or ``"swapped"``, which is floats with red and blue exchanged::

    {"do": "write", "bits": "0110...", "reading": "float", "input": FILE, "output": FILE}
    {"do": "read", "length": 48, "reading": "8 bit", "input": FILE}     ->  {"bits": "0110..."}
    {"do": "versions"}
"""

import contextlib
import json
import os
import sys
from importlib.metadata import version

import cv2
import numpy as np
from imwatermark import WatermarkDecoder, WatermarkEncoder


def handed_over(rgb: np.ndarray, reading: str) -> np.ndarray:
    """Return the picture as a program of that habit gives it to the package."""
    bgr = rgb if reading == "swapped" else np.ascontiguousarray(rgb[:, :, ::-1])
    return bgr if reading == "8 bit" else bgr.astype(np.float32)


def answer(request: dict) -> dict:
    """Do one request."""
    if request["do"] == "versions":
        names = ("invisible-watermark", "numpy", "PyWavelets")
        return {"opencv": cv2.__version__, **{name: version(name) for name in names}}
    reading = request["reading"]
    picture = handed_over(np.load(request["input"]), reading)
    if request["do"] == "read":
        bits = WatermarkDecoder("bits", request["length"]).decode(picture, "dwtDct")
        return {"bits": "".join(str(int(bit)) for bit in bits)}
    encoder = WatermarkEncoder()
    encoder.set_watermark("bits", [int(bit) for bit in request["bits"]])
    marked = encoder.encode(picture, "dwtDct")
    if reading != "8 bit":
        # What diffusers and the reference programs do before they save an 8-bit file.
        marked = np.rint(np.clip(marked, 0, 255)).astype(np.uint8)
    rgb = marked if reading == "swapped" else marked[:, :, ::-1]
    np.save(request["output"], np.ascontiguousarray(rgb))
    return {}


def main() -> None:
    """Serve requests until standard input ends."""
    cv2.setNumThreads(1)
    with os.fdopen(os.dup(1), "w") as answers, contextlib.redirect_stdout(sys.stderr):
        for line in sys.stdin:
            answers.write(json.dumps(answer(json.loads(line))) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
