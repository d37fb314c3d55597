"""A few real files, and a process environment in which some of them do harm."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.rendered import texture
from tests.scan.decoders import environment_of
from waarmerk import MarkId, MarkingKey, mark_image

MARK = MarkId.from_hex("0123456789abcdef")


@pytest.fixture(scope="session")
def scan_key() -> MarkingKey:
    return MarkingKey(bytes(range(32)), created="2026-01-01T00:00:00Z")


@pytest.fixture(scope="session")
def marked_png(scan_key: MarkingKey, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A picture that carries MARK."""
    path = tmp_path_factory.mktemp("scan") / "marked.png"
    picture = texture(400, 560)
    Image.fromarray(mark_image(picture, scan_key, mark_id=MARK).content).save(path)
    return path.read_bytes()


@pytest.fixture(scope="session")
def plain_jpeg(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("scan") / "plain.jpg"
    noise = np.random.default_rng(2).integers(0, 255, (12, 16, 3), np.uint8)
    Image.fromarray(noise).resize((320, 240)).save(path)
    return path.read_bytes()


@pytest.fixture
def harmful_decoders(tmp_path: Path) -> Iterator[None]:
    """Let processes that are started meanwhile decode BMP at their peril; see decoders.py."""
    before = os.environ.get("PYTHONPATH")
    os.environ.update(environment_of(tmp_path / "sitecustomize"))
    yield
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before
