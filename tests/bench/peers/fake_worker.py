"""A worker of the tests: answers, crashes, hangs or talks nonsense, as it is told."""

import os
import sys
import time

import numpy as np


def start(arguments):
    if "broken" in arguments:
        raise ImportError("no module named peer")
    if "silent" in arguments:
        time.sleep(60)
    sys.stdout.write("welcome to the peer\n")  # must not get between the answers
    os.system("echo welcome from C")  # noqa: S605, S607
    return {"peer": "1.0", "arguments": " ".join(arguments)}


def answer(request):
    what = request["do"]
    if what == "raise":
        raise RuntimeError("image too small")
    if what == "crash":
        sys.stderr.write("cannot go on: out of luck\n")
        sys.stderr.flush()
        os._exit(3)
    if what == "hang":
        time.sleep(60)
    if what == "double":
        np.save(request["output"], 2 * np.load(request["input"]))
    sys.stdout.write("not JSON at all\n")
    return {"process": os.getpid(), "threads": os.environ["OMP_NUM_THREADS"], "path": sys.path}
