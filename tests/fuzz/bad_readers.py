"""Readers with the faults that a campaign has to see, so that it is known to see them."""

import os
import random
import socket
import time
from pathlib import Path

import numpy as np

from waarmerk.errors import InputError

__all__ = ["readers"]


def _raises(path: Path, data: bytes, rng: random.Random) -> None:
    raise ValueError("not of this package")


def _refuses(path: Path, data: bytes, rng: random.Random) -> None:
    raise InputError("no good")


def _talks_in_lines(path: Path, data: bytes, rng: random.Random) -> None:
    raise InputError("two\nlines")


def _crashes(path: Path, data: bytes, rng: random.Random) -> None:
    os.abort()


def _asks_around(path: Path, data: bytes, rng: random.Random) -> None:
    socket.getaddrinfo("localhost", 80)


def _connects(path: Path, data: bytes, rng: random.Random) -> None:
    # As native code does it, behind the back of the module socket.
    import _socket

    _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)


def _eats(path: Path, data: bytes, rng: random.Random) -> None:
    np.zeros(1_200_000_000, np.uint8)[::4096] = 1


def _devours(path: Path, data: bytes, rng: random.Random) -> None:
    np.ones(1 << 40, np.uint8)


def _dawdles(path: Path, data: bytes, rng: random.Random) -> None:
    time.sleep(2.1)


def _mutters(path: Path, data: bytes, rng: random.Random) -> None:
    os.write(2, b"libx: strange file\n")


def readers() -> dict:
    """Return them all, the bad ones seldom."""
    bad = (_raises, _talks_in_lines, _crashes, _asks_around, _connects, _eats, _devours, _dawdles)
    out = {read.__name__.strip("_"): (1, read, ()) for read in (*bad, _mutters)}
    return out | {"refuses": (10, _refuses, ())}
