"""Options of the timed benchmarks."""

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--data``."""
    parser.addoption("--data", type=Path, default=None, help="folder with 512/, 1024/, 12mp/")
