"""What is fuzzed: a file from a stranger is looked at, and marked."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path

from waarmerk import MarkingKey, detect_file, mark_file
from waarmerk.errors import WaarmerkError
from waarmerk.marking.certificate import make_test_chain
from waarmerk.marking.formats import SOUNDS
from waarmerk.marking.signer import Signer

_SOUNDS = {extension for f in SOUNDS.values() for extension in f.extensions}
KEY = MarkingKey(bytes(range(32)), created="2026-01-01T00:00:00Z")


@cache
def signer() -> Signer:
    """Return a signer, the same every time."""
    chain = make_test_chain()
    return Signer.from_pem(chain.chain, chain.key)


def attempt(path: Path) -> tuple[str, str]:
    """Look at a file and mark it; only a WaarmerkError in one line may come out.

    Returns
    -------
    detected, marked
        The class of the error of each, or ``"done"``.
    """
    sound = path.suffix in _SOUNDS
    target = path.with_name("marked.flac" if sound else "marked.png")
    outcome = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for work in (
            lambda: detect_file(path, KEY).as_dict(),
            lambda: mark_file(path, target, KEY, signer=signer(), overwrite=True).as_dict(),
        ):
            try:
                work()
                outcome.append("done")
            except WaarmerkError as error:
                message = str(error)
                if not message.isprintable() or len(message) > 600:
                    raise AssertionError(f"not a line to show: {message!r}") from error
                outcome.append(type(error).__name__)
    left = {p.name for p in path.parent.iterdir()} - {path.name, target.name}
    if left or (outcome[1] == "done") != target.exists():
        raise AssertionError(f"left behind: {left or 'the output of a failure'}")
    target.unlink(missing_ok=True)
    return outcome[0], outcome[1]
