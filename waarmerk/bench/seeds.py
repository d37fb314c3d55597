"""Chance that follows from names, so that every run and every single case can be repeated."""

import hashlib

import numpy as np

__all__ = ["rng_for"]


def rng_for(*parts: object) -> np.random.Generator:
    """Return the generator that belongs to a named experiment, the same one every time.

    >>> bool(rng_for("calla", 1).integers(99) == rng_for("calla", 1).integers(99))
    True
    """
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))
