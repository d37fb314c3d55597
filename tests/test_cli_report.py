"""`waarmerk verify-report`: what it prints, and its exit status."""

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

import waarmerk
from waarmerk.cli_report import report_line, verify_report
from waarmerk.detection.finding import LabelFinding
from waarmerk.detection.report import DetectionReport
from waarmerk.detection.signed import ReportSigner
from waarmerk.errors import InputError
from waarmerk.marking.report import FileFacts

ROOT = Path(waarmerk.__file__).parent.parent
KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNER = ReportSigner.from_pem(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
NOW = datetime(2026, 5, 22, 12, 0, tzinfo=UTC)


def line(content: bytes = b"content", name: str = "a\x1b[2J.png") -> str:
    label = LabelFinding("found", "aigc", "1", kind="generated")
    facts = FileFacts.of(name, content, "image/png")
    return report_line(DetectionReport.conclude(facts, [label], now=NOW), SIGNER)


def run(*arguments: str | Path, given: str | None = None) -> Result:
    return CliRunner().invoke(
        verify_report, [str(a) for a in arguments], input=given, standalone_mode=False
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "key.pem").write_bytes(SIGNER.public_key)
    (tmp_path / "a.png").write_bytes(b"content")
    (tmp_path / "one.jws").write_text(line() + "\n")
    return tmp_path


def status(result: Result) -> object:
    assert result.exception is None, result.exception
    return result.return_value


def test_a_report_in_words(folder: Path) -> None:
    result = run(folder / "one.jws", "--key", folder / "key.pem")
    assert status(result) == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "verified"
    assert f"  key      {SIGNER.key_id}" in lines
    assert "  verdict  claimed" in lines
    assert "  about    a\\x1b[2J.png (image/png)" in lines
    assert "Metadata says that AI was used" in result.stdout
    assert "Not compared with any content" in result.stdout
    assert all(c.isprintable() or c == "\n" for c in result.stdout)


def test_a_report_as_json(folder: Path) -> None:
    result = run(
        folder / "one.jws", "--key", folder / "key.pem", "--content", folder / "a.png", "--json"
    )
    assert status(result) == 0
    data = json.loads(result.stdout)
    report = data.pop("report")
    assert data == {
        "schema": "waarmerk.verification/1",
        "state": "verified",
        "reason": None,
        "key_id": SIGNER.key_id,
        "signer": None,
        "known_by": "key",
        "content_matches": True,
    }
    assert report["verdict"] == "claimed"


def test_several_reports_from_standard_input(folder: Path) -> None:
    text = f"\n{line()}\n\n{line(b'other')}"
    result = run("-", "--key", folder / "key.pem", given=text)
    assert status(result) == 0
    assert result.stdout.count("verified") == 2
    result = run("-", "--key", folder / "key.pem", "--content", folder / "a.png", given=text)
    assert status(result) == 2
    assert "verified\n" in result.stdout
    assert "invalid: it is about other content" in result.stdout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense", "invalid: not a signed report"),
        ("a.b.c", "invalid: not a signed report"),
        (line()[:-8] + "AAAAAAAA", "invalid: "),
    ],
)
def test_one_that_is_wrong_spoils_it(folder: Path, text: str, words: str) -> None:
    result = run("-", "--key", folder / "key.pem", given=f"{line()}\n{text}\n{line()}\n")
    assert status(result) == 2
    assert words in result.stdout
    assert result.stdout.count("verified\n") == 2


def test_no_key_is_given(folder: Path) -> None:
    result = run(folder / "one.jws")
    assert status(result) == 2
    assert "unchecked: there is no key to check it with" in result.stdout
    assert "verdict" not in result.stdout


def test_only_a_certificate_that_nobody_vouches_for(folder: Path) -> None:
    from tests.detection.signed.test_signed import LEAF, LEAF_KEY, MIDDLE, ROOT, as_pem, pem, report

    signer = ReportSigner.from_pem(pem(LEAF_KEY), as_pem(LEAF, MIDDLE))
    (folder / "two.jws").write_text(report_line(report(), signer))
    result = run(folder / "two.jws")
    assert status(result) == 1
    assert result.stdout.startswith("intact: no given key or root vouches")
    assert "CN=leaf (by its own account)" in result.stdout
    (folder / "root.pem").write_bytes(as_pem(ROOT))
    result = run(folder / "two.jws", "--trust", folder / "root.pem")
    assert status(result) == 0
    assert "signer   CN=leaf\n" in result.stdout


def test_an_empty_file(folder: Path) -> None:
    (folder / "empty").write_bytes(b"\n \n")
    result = run(folder / "empty")
    assert status(result) == 2
    assert "holds no signed report" in result.stderr


def test_a_line_without_end_is_not_read_into_memory(folder: Path) -> None:
    with (folder / "huge").open("wb") as file:
        file.truncate(64 << 20)  # zeros, and not one line end
        file.seek(0, 2)
        file.write(f"\n{line()}\n".encode())
    result = run(folder / "huge", "--key", folder / "key.pem")
    assert status(result) == 2
    assert result.stdout.startswith("invalid: not a signed report: larger than 4 MB")
    assert "verified" in result.stdout


@pytest.mark.parametrize(
    "arguments", [["missing.jws"], ["one.jws", "--key", "missing"], ["one.jws", "--trust", "a.png"]]
)
def test_files_that_cannot_be_read(folder: Path, arguments: Sequence[str]) -> None:
    where = [str(folder / a) if not a.startswith("--") else a for a in arguments]
    result = run(*where)
    assert isinstance(result.exception, InputError)
    assert str(folder) in str(result.exception)


def test_the_command_is_imported_for_nothing() -> None:
    heavy = ("cryptography", "joserfc", "jwt", "numpy", "numba", "c2pa", "PIL")
    for module, allowed in (
        ("waarmerk.cli_report", set()),
        ("waarmerk.detection.report", set()),
        ("waarmerk.detection.signed", {"cryptography"}),
    ):
        probe = f"import sys, {module}\nprint(*(m for m in {heavy!r} if m in sys.modules))"
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=ROOT
        )
        assert set(done.stdout.split()) <= allowed, module


def test_it_is_documented() -> None:
    help_text = verify_report.get_help(click.Context(verify_report))
    for word in ("--key", "--trust", "--content", "--json", "Exit status"):
        assert word in help_text
