"""What holds for all tests: lists of trust on this machine decide nothing."""

import pytest


@pytest.fixture(autouse=True)
def no_stored_trust(tmp_path_factory, monkeypatch):
    """Let every test, and what it runs, have a folder of trust lists that does not exist yet."""
    monkeypatch.setenv("WAARMERK_TRUST", str(tmp_path_factory.getbasetemp() / "no-lists"))
