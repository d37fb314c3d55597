"""Rows as a run of the suite writes them, made up: what a report has to cope with."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np

from waarmerk.bench.seeds import rng_for

HOSTILE = "<script>alert(1)</script>"
HEADER: dict[str, Any] = {
    "header": True,
    "command": "waarmerk bench run --suite all --profile quick",
    "parameters": {"half": "reporting", "profile": "quick", "seed": 0},
    "code": {"image": "0123456789ab", "audio": "123456789abc", "text": "23456789abcd"},
    "date": "2026-11-22",
    "python": "3.11.7",
    "machine": "x86_64",
    "versions": {"waarmerk": "0.1.0", "numpy": "2.4.6"},
    "transformations": {
        "image": {
            "jpeg": {"title": "JPEG", "axis": "quality", "strengths": [90, 70, 50, 30, 10]},
            "crop": {
                "title": "Crop at a random place",
                "axis": "share of the area kept, %",
                "strengths": [90, 70, 50, 30],
            },
        }
    },
}
SCHEMES = {
    "image": ("waarmerk.image.1", "dwtDctSvd"),
    "audio": ("waarmerk.audio.1", "audiowmark"),
    "text": ("waarmerk.text.1", "KGW & <b>others</b>"),
}
FAMILIES: dict[str, tuple[tuple[str, str, tuple[float, ...]], ...]] = {
    "image": (
        ("jpeg", "in place", (90, 70, 50, 30, 10)),
        ("gaussian_noise", "in place", (2, 5, 10, 20)),
        ("gamma", "in place", (0.7, 1.4)),
        ("grayscale", "in place", (0,)),
        ("a_very_long_name_of_a_transformation_that_goes_on_and_on", "localised", (0,)),
        ("overlay", "localised", (5, 10, 25)),
        ("crop", "desynchronisation", (90, 70, 50, 30)),
        ("rotate", "desynchronisation", (0.5, 1, 2, 5, 10, 20, 45)),
        ("mirror", "desynchronisation", (0,)),
        ("print_scan", "analogue hole", (1, 2, 3)),
        ("notch", "malicious", (1, 2, 4)),
        ("average", "malicious", (0,)),
        (HOSTILE, "malicious", (1, 2)),
    ),
    "audio": (
        ("mp3", "in place", (128, 64, 32, 16)),
        ("time_stretch", "desynchronisation", (0.5, 1, 2, 4)),
        ("room", "analogue hole", (0.2, 0.5, 1.0)),
        ("resynthesis", "malicious", (0,)),
    ),
    "text": (
        ("substitute", "in place", (5, 10, 20, 40)),
        ("delete", "desynchronisation", (5, 10, 20, 40)),
        ("other_model", "malicious", (0,)),
    ),
}
SIZES = {"image": (0.26, 1.05, 12.0), "audio": (4.0, 12.5, 30.0), "text": (150.0, 400.0, 900.0)}
GROUPS = {"image": ("photo", HOSTILE), "audio": ("music", "speech"), "text": ("en", "nl")}


def rows(contents: int = 8, keys: int = 2, suites: tuple[str, ...] = tuple(SCHEMES)) -> list[Any]:
    """Return rows of two schemes of each suite, the same ones every time."""
    return [
        row
        for suite in suites
        for strong, scheme in zip((True, False), SCHEMES[suite], strict=True)
        for row in _of_scheme(suite, scheme, strong, contents, keys)
    ]


def write(path: Path, rows: list[Any], header: dict[str, Any] | None = None) -> Path:
    lines = [HEADER if header is None else header, *rows]
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


def _of_scheme(suite: str, scheme: str, strong: bool, contents: int, keys: int) -> list[Any]:
    rng = rng_for("synthetic", suite, scheme)
    out: list[Any] = []
    for number in range(contents):
        base = {
            "suite": suite,
            "scheme": scheme,
            "content": HOSTILE if number == 1 else f"content {number}",
            "group": GROUPS[suite][number % 2],
            "size": SIZES[suite][number % 3],
            "other": None,
        }
        for key in range(keys):
            out += _of_key(base | {"key": key}, strong, rng, refused=number == 2 and key == 0)
        out += _unmarked(base, strong, rng, 30)
    return out


def _of_key(base: Any, strong: bool, rng: np.random.Generator, refused: bool) -> list[Any]:
    mark = base | _empty("mark") | {"transformation": None, "category": None, "strength": None}
    if refused:
        return [mark | {"status": "refused", "reason": f"too plain {HOSTILE}"}]
    quality = {
        "image": {"psnr": 43 - 4 * (not strong) + rng.normal(), "ssim": 0.99},
        "audio": {"snr": 30 + rng.normal(), "pesq": 4.3 - 0.4 * (not strong)},
        "text": {"bits": 3.1, "bits_unmarked": 3.0},
    }[base["suite"]]
    out = [mark | {"seconds": 0.05 + 0.01 * rng.random(), "quality": quality}]
    cases = [("none", "none", (0.0,)), *FAMILIES[base["suite"]]]
    for name, category, strengths in cases:
        for place, strength in enumerate(strengths):
            severity = 0 if name == "none" else (place + 1) / len(strengths)
            out.append(_reading(base, (name, category, strength), severity, strong, rng))
    forged = base | _empty("forged") | {"transformation": "copy", "category": "malicious"}
    found = not strong and bool(rng.random() < 0.3)
    out.append(forged | {"strength": 0.0, "found": found, "exact": found, "payload": "00ff"})
    return out


def _reading(
    base: Any,
    case: tuple[str, str, float],
    severity: float,
    strong: bool,
    rng: np.random.Generator,
) -> Any:
    chance = 1 - (0.25 if strong else 0.9) * severity**2
    found = bool(rng.random() < chance)
    exact = found and bool(rng.random() < chance)
    row = base | _empty("marked")
    row |= {
        "transformation": case[0],
        "category": case[1],
        "strength": float(case[2]),
        "payload": "00ff" if strong else None,
        "read": ("00ff" if exact else "0000") if strong else None,
        "exact": exact if strong else None,
        "bits": 1.0 if exact else 0.6,
        "found": found,
        "log10_p": (-9 - 30 * rng.random() if found else -2 * rng.random()) if strong else None,
        "seconds": 0.01 + 0.005 * rng.random(),
    }
    if severity:
        row["quality"] = {
            "image": {"psnr": 45 - 20 * severity},
            "audio": {},
            "text": {"changed": severity / 2},
        }[base["suite"]]
    if case[0] in ("crop", "mp3") and rng.random() < 0.05:
        row |= {"status": "error", "reason": "the detector failed", "found": None, "log10_p": None}
    return row


def _unmarked(base: Any, strong: bool, rng: np.random.Generator, count: int) -> list[Any]:
    out = []
    for key in range(100, 100 + count):
        p = float(np.log10(rng.random()))
        row = base | _empty(("unmarked", "wrong key", "another scheme")[key % 3])
        row |= {"key": key, "transformation": "none", "category": "none", "strength": 0.0}
        row |= {"found": p < -2 if not strong else p < -9, "seconds": 0.01}
        row |= {"log10_p": p if strong else None}
        row["other"] = "another mark" if row["what"] == "another scheme" else None
        out.append(row)
    return out


def _empty(what: str) -> Any:
    fields = ("payload", "read", "exact", "bits", "found", "log10_p", "seconds")
    return dict.fromkeys(fields) | {"what": what, "quality": {}, "status": "ok"}
