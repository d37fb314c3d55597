"""Signed files of five independent writers, and what is to be said of each.

The folder (../shared/fixtures/c2pa) has an ``index.json``, which says what two validators make of
every file. Where they agree (``agree``), that is what is expected; a hard expectation. Differences
between them and us that are on purpose are named here, and nowhere else: the tests and
`benchmarks.provenance_conformance` both ask here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from waarmerk.detection.manifest.trust import TrustList, TrustLists

SHARED = Path(__file__).parents[2] / "shared" / "fixtures" / "c2pa"
STATES = {
    "Trusted": {"trusted"},
    "Valid": {"valid"},
    "Invalid": {"invalid"},
    "no-manifest": {"absent"},
    # The library's exceptions: on a manifest, and on a file.
    "error": {"error", "not_checked"},
}
TEST_ROOTS = "test_cert_root_bundle.pem"
WITH_TEST_ROOTS, OFFICIAL = "c2pa_python_with_test_roots", "c2pa_python_official_list"
MODES = {WITH_TEST_ROOTS: (TEST_ROOTS,), OFFICIAL: ()}
"""The two runs of the index, and which lists each trusts beside the official ones."""


def index(folder: Path = SHARED) -> list[dict[str, Any]]:
    """Return the entries of the index; none if there is no such folder."""
    path = folder / "index.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def lists_of(mode: str, folder: Path = SHARED) -> TrustLists:
    """Return the lists of a run: the official ones, for signers and for time-stamps, and more."""
    trust = folder / "trust"
    lists = [
        TrustList.from_bytes((trust / name).read_bytes(), name)
        for name in ("C2PA-TRUST-LIST.pem", *MODES[mode])
    ]
    times = (trust / "C2PA-TSA-TRUST-LIST.pem").read_bytes()
    return TrustLists([*lists, TrustList.from_bytes(times, "times", "tsa")])


def expected(entry: dict[str, Any], mode: str) -> set[str]:
    """Return the statuses that are right for a file."""
    states = set(STATES[entry[mode]])
    if entry[WITH_TEST_ROOTS] == "no-manifest":
        # The other run reports the same thing as an exception.
        states = {"absent"}
    if entry["category"] == "cawg" and mode == WITH_TEST_ROOTS:
        # Broken or unknown there because of an identity assertion. Those are not looked at here:
        # their documents are on the web. What remains is the signer of the claim.
        states.add("trusted")
    if entry["category"] == "cawg" and mode == OFFICIAL:
        states.add("valid")
    return states
