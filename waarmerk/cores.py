"""How many cores a process may use, and how it is kept to one of them."""

import os
from typing import Final

__all__ = ["ONE_THREAD", "cores"]

ONE_THREAD: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
"""What libraries read when they are loaded, to know how many threads they may start."""


def cores() -> int:
    """Return how many cores this process may use; in a container, often fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
