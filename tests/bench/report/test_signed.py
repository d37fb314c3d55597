"""Signed benchmark reports: what passes, and what does not."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.bench.report import synthetic
from waarmerk.bench.report.loaded import load
from waarmerk.bench.report.signed import to_json, verify_benchmark
from waarmerk.bench.report.summary import summarise
from waarmerk.detection.signed import ReportSigner, verify_report
from waarmerk.detection.signed.jws import signed
from waarmerk.errors import InputError, SigningError

KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
SIGNER = ReportSigner.from_pem(PEM)
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = synthetic.rows(contents=2, keys=1, suites=("text",))
    results = synthetic.write(tmp_path / "rows.jsonl", rows)
    (tmp_path / "report.html").write_bytes(b"<p>page</p>")
    summary = summarise(load([results]), now=NOW)
    digest = hashlib.sha256(b"<p>page</p>").hexdigest()
    summary["page"] = {"name": "report.html", "sha256": digest}
    (tmp_path / "report.json").write_bytes(to_json(summary))
    (tmp_path / "report.jws").write_text(SIGNER.sign(to_json(summary)))
    return tmp_path


def jws_of(changes: dict[str, Any]) -> str:
    said = {
        "schema": "waarmerk.benchmark/1",
        "time": "2026-11-22T12:00:00Z",
        "files": [],
        **changes,
    }
    return signed(to_json(said), KEY)


def test_a_report_with_all_its_files(folder: Path) -> None:
    result = verify_benchmark(
        (folder / "report.jws").read_bytes() + b"\n",
        keys=[SIGNER.public_key],
        summary=folder / "report.json",
        page=folder / "report.html",
        results=[folder / "rows.jsonl"],
        now=NOW,
    )
    assert (result.state, result.reason, result.known_by) == ("verified", None, "key")
    assert result.key_id == SIGNER.key_id
    assert len(result.compared) == 3
    assert result.summary is not None
    assert result.summary["suites"][0]["suite"] == "text"


@pytest.mark.parametrize(
    ("argument", "name"),
    [("summary", "report.json"), ("page", "report.html"), ("results", "rows.jsonl")],
)
def test_a_file_that_was_changed(folder: Path, argument: str, name: str) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes() + b" ")
    given: Any = {argument: [path] if argument == "results" else path}
    jws = (folder / "report.jws").read_text()
    result = verify_benchmark(jws, keys=[SIGNER.public_key], now=NOW, **given)
    assert result.state == "invalid"
    assert result.reason == f"it is not about {path}"


def test_without_a_key_nothing_is_known(folder: Path) -> None:
    result = verify_benchmark((folder / "report.jws").read_text(), now=NOW)
    assert (result.state, result.summary) == ("unchecked", None)


def test_another_key_or_other_bytes(folder: Path) -> None:
    jws = (folder / "report.jws").read_text()
    head, _, tail = jws.split(".")
    forged = base64.urlsafe_b64encode(to_json({"schema": "waarmerk.benchmark/1"})).rstrip(b"=")
    changed = f"{head}.{forged.decode()}.{tail}"
    for text in (changed, "nonsense", "ä", jws[:-8] + "AAAAAAAA"):
        result = verify_benchmark(text.encode(), keys=[SIGNER.public_key], now=NOW)
        assert (result.state, result.summary) == ("invalid", None)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"schema": "waarmerk.detection/1"}, "another thing"),
        ({"schema": "waarmerk.benchmark/2"}, "use a newer waarmerk"),
        ({"schema": None}, "another thing"),
        ({"time": "today"}, "malformed (time)"),
        ({"time": "2026-13-22T12:00:00Z"}, "malformed (time)"),
        ({"files": [{}]}, "malformed (files, page)"),
        ({"page": []}, "malformed (files, page)"),
    ],
)
def test_what_is_signed_but_no_benchmark_report(changes: dict[str, Any], reason: str) -> None:
    result = verify_benchmark(jws_of(changes), keys=[SIGNER.public_key], now=NOW)
    assert result.state == "invalid"
    assert reason in str(result.reason)


def test_a_report_from_the_future() -> None:
    result = verify_benchmark(jws_of({}), keys=[SIGNER.public_key], now=NOW - timedelta(hours=1))
    assert (result.state, "future" in str(result.reason)) == ("invalid", True)


def test_a_benchmark_report_is_no_detection_report(folder: Path) -> None:
    result = verify_report((folder / "report.jws").read_text(), keys=[SIGNER.public_key])
    assert result.state == "invalid"


def test_a_page_is_not_vouched_for_by_a_report_without_one(folder: Path) -> None:
    result = verify_benchmark(
        jws_of({}), keys=[SIGNER.public_key], page=folder / "report.html", now=NOW
    )
    assert result.state == "invalid"


def test_files_that_are_not_there(folder: Path) -> None:
    with pytest.raises(InputError, match="absent: cannot be read"):
        verify_benchmark(jws_of({}), keys=[SIGNER.public_key], page=folder / "absent", now=NOW)


def test_what_is_too_large_is_not_signed() -> None:
    with pytest.raises(SigningError, match="larger than the 4 MB"):
        SIGNER.sign(json.dumps("x" * (4 << 20)).encode())
