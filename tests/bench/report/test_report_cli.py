"""`waarmerk bench report` and `waarmerk bench verify`: what they write, and their exit status."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.bench.report import synthetic
from waarmerk.cli_bench_report import report, verify
from waarmerk.detection.signed import ReportSigner
from waarmerk.errors import InputError, OutputError

PEM = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))).private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
)


def run(command: click.Command, *arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(a) for a in arguments], standalone_mode=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = synthetic.rows(contents=2, keys=1, suites=("text",))
    synthetic.write(tmp_path / "rows.jsonl.gz", rows)
    (tmp_path / "key.pem").write_bytes(PEM)
    (tmp_path / "key.pem").chmod(0o600)
    (tmp_path / "public.pem").write_bytes(ReportSigner.from_pem(PEM).public_key)
    return tmp_path


def test_report_and_verify(folder: Path) -> None:
    pytest.importorskip("matplotlib")
    page, data = folder / "report.html", folder / "report.json"
    result = run(
        *(report, folder / "rows.jsonl.gz", "-o", page, "--json", data),
        *("--sign", folder / "key.pem", "--docs", folder / "results.md"),
    )
    assert result.exception is None, result.exception
    assert [line.split("/")[-1] for line in result.stdout.splitlines()[:4]] == [
        *("report.html.", "report.json.", "report.json.jws.", "results.md.")
    ]
    assert "Signed with key" in result.stdout
    summary = json.loads(data.read_bytes())
    assert summary["page"] == {
        "name": "report.html",
        "sha256": hashlib.sha256(page.read_bytes()).hexdigest(),
    }
    docs = (folder / "results.md").read_text()
    assert "## Benchmark suite: text" in docs
    signed = folder / "report.json.jws"
    assert signed.read_text().count("\n") == 1
    given = (verify, signed, "--json", data, "--page", page, "--results", folder / "rows.jsonl.gz")
    good = run(*given, "--key", folder / "public.pem")
    assert (good.exception, good.return_value) == (None, 0)
    assert good.stdout.splitlines()[0] == "verified"
    assert good.stdout.count("same as") == 3
    unknown = run(*given)
    assert unknown.return_value == 2
    assert unknown.stdout.startswith("unchecked")
    page.write_bytes(b"other")
    bad = run(*given, "--key", folder / "public.pem", "--as-json")
    assert bad.return_value == 2
    assert json.loads(bad.stdout)["state"] == "invalid"


def test_tables_alone_need_no_matplotlib_and_keep_the_rest(folder: Path) -> None:
    docs = folder / "results.md"
    docs.write_text("# Results\n\nMine.\n\n<!-- results: suite_text -->\nold\n"
                    "<!-- end of results -->\n\nAlso mine.\n")  # fmt: skip
    code = (
        "import sys; from pathlib import Path; from waarmerk.cli_bench_report import report\n"
        f"report.main([{str(folder / 'rows.jsonl.gz')!r}, '--docs', {str(docs)!r}],"
        " standalone_mode=False)\n"
        "assert 'matplotlib' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)  # noqa: S603
    text = docs.read_text()
    assert text.startswith("# Results\n\nMine.\n")
    assert text.endswith("\nAlso mine.\n")
    assert "\nold\n" not in text
    assert "| waarmerk.text.1 |" in text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "nothing to write"),
        (["-o", "a.html", "--sign", "key.pem"], "--sign needs --json"),
        (["--json", "a.json", "--sign-cert", "a.pem"], "--sign-cert needs --sign"),
        (["-o", "rows.jsonl.gz"], "written over"),
        (["-o", "a.html", "--json", "a.html"], "written over"),
        (["--json", "key.pem", "--sign", "key.pem"], "written over"),
        (["--json", "a", "--docs", "a.jws", "--sign", "key.pem"], "written over"),
    ],
)
def test_options_that_do_not_fit(
    folder: Path, options: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    before = sorted(folder.iterdir())
    result = run(report, "rows.jsonl.gz", *options)
    assert isinstance(result.exception, click.UsageError)
    assert said in result.exception.format_message()
    assert sorted(folder.iterdir()) == before


def test_nothing_is_written_if_one_file_cannot_be(folder: Path) -> None:
    before = sorted(folder.iterdir())
    target = folder / "absent" / "results.md"
    result = run(
        report, folder / "rows.jsonl.gz", "--json", folder / "report.json", "--docs", target
    )
    assert isinstance(result.exception, OutputError)
    assert "cannot be written" in str(result.exception)
    assert sorted(folder.iterdir()) == before


def test_a_file_without_rows(folder: Path) -> None:
    empty = synthetic.write(folder / "empty.jsonl", [])
    result = run(report, empty, "--json", folder / "report.json")
    assert isinstance(result.exception, InputError)
    assert "holds no rows" in str(result.exception)
    assert not (folder / "report.json").exists()


def test_a_signed_report_that_is_not_there(folder: Path) -> None:
    result = run(verify, folder / "absent.jws")
    assert isinstance(result.exception, InputError)


def test_help_does_without_numpy() -> None:
    code = (
        "import sys, waarmerk.cli_bench_report as c\n"
        "assert not {'numpy', 'scipy', 'matplotlib', 'cryptography'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603
