"""Prints the test vectors of docs/marks/image.md, computed by the package.

    python scripts/mark_vectors.py

Whoever writes a detector of their own compares with them step by step: every line depends only on
those above it.
"""

from __future__ import annotations

import hashlib
import sys

import numpy as np
from numpy.typing import NDArray

from waarmerk import MarkId, MarkingKey
from waarmerk.marking.image.canonical import canonical_luma, residual
from waarmerk.marking.image.lines import TileLines
from waarmerk.marking.image.scheme import SCHEME, key_pattern, sync_sign

SECRET = bytes(range(32))
MARK_ID = "8123456789abcdef"


def lines() -> list[str]:
    """Return the vectors as lines of text."""
    key = MarkingKey(SECRET, created="2026-01-01T00:00:00Z")
    mark_id = MarkId.from_hex(MARK_ID)
    pattern = key_pattern(key)
    word = SCHEME.code.encode(mark_id)
    picture = _picture()
    luma = canonical_luma(picture)
    seen = residual(luma)
    tiles = TileLines.of(seen)
    soft = tiles.soft_bits(pattern)
    rows = [
        ("secret", SECRET.hex()),
        ("key id", key.key_id),
        ("stream sync, 16 bytes", key.stream(SCHEME.name, "sync").bytes(16).hex()),
        ("stream payload, 16 bytes", key.stream(SCHEME.name, "payload").bytes(16).hex()),
        ("sync lines, sha256 of int16", _sha256(SCHEME.sync_lines, "<i2")),
        ("payload lines, first 4", _some(SCHEME.payload_lines[:4].ravel())),
        ("payload lines, last 2", _some(SCHEME.payload_lines[-2:].ravel())),
        ("payload lines, sha256 of int16", _sha256(SCHEME.payload_lines, "<i2")),
        ("sync phases, first 4", _some(pattern.sync_phase[:4], ".9f")),
        ("places, first 8", _some(pattern.payload_place[:8])),
        ("places, sha256 of int16", _sha256(pattern.payload_place, "<i2")),
        ("starts, first 8", _some(pattern.payload_start[:8])),
        ("phases of cell 0, first 8", _some(pattern.payload_phase[0, :8])),
        ("phases of cell 63, last 8", _some(pattern.payload_phase[63, -8:])),
        ("phases, sha256 of uint8", _sha256(pattern.payload_phase, "u1")),
        ("mark id", f"{mark_id.hex} ({mark_id.kind})"),
        ("sync sign", f"{sync_sign(mark_id):+.0f}"),
        ("word, first 32", "".join("+" if bit > 0 else "-" for bit in word[:32])),
        ("word, sha256 of int8", _sha256(word, "i1")),
        ("picture, sha256", _sha256(picture, "u1")),
        ("canonical size", f"{luma.shape[1]} x {luma.shape[0]}"),
        ("luma, first 4", _some(luma[0, :4], ".3f")),
        ("luma, at (300, 200)", f"{luma[200, 300]:.3f}"),
        ("residual, first 4", _some(seen[0, :4], ".3f")),
        ("residual, at (300, 200)", f"{seen[200, 300]:.3f}"),
        ("payload energy", f"{tiles.payload_energy:.4g}"),
        ("soft bits, first 4", _some(soft[:4], ".3g")),
    ]
    return [f"{name:<31} {value}" for name, value in rows]


def _picture() -> NDArray[np.uint8]:
    """Return a picture of 800 x 600 that a few lines of integer arithmetic make anywhere."""
    row, column, channel = np.ogrid[:600, :800, :3]
    value = column * column + 3 * row * row + 5 * row * column + 37 * channel * (row + column)
    picture: NDArray[np.uint8] = (value // 64 % 256).astype(np.uint8)
    return picture


def _sha256(values: NDArray[np.generic], dtype: str) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).astype(dtype).tobytes()).hexdigest()


def _some(values: NDArray[np.generic], form: str = "") -> str:
    return " ".join(format(value, form) for value in values.tolist())


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()) + "\n")
