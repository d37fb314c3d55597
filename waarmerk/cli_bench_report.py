"""The commands `waarmerk bench report` and `waarmerk bench verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from waarmerk.console import FAILED, FOUND, NONE_FOUND, print_json, print_line, shown
from waarmerk.errors import InputError, OutputError

if TYPE_CHECKING:
    from waarmerk.bench.report.signed import VerifiedBenchmark

__all__ = ["report", "verify"]

_STATUS = {"verified": FOUND, "intact": NONE_FOUND, "unchecked": FAILED, "invalid": FAILED}
_PATH = click.Path(path_type=Path)


@click.command("report")
@click.argument("results", metavar="RESULTS.jsonl...", nargs=-1, required=True, type=_PATH)
@click.option("-o", "--output", metavar="FILE", type=_PATH, help="The report as a web page.")
@click.option("--json", "as_json", metavar="FILE", type=_PATH, help="Its numbers as JSON.")
@click.option("--sign", metavar="KEY", help="Sign the JSON, which covers the page, with this key: "
              "writes FILE.jws beside it.")  # fmt: skip
@click.option("--sign-cert", metavar="PEM", help="Certificates for that key, leaf first.")
@click.option("--docs", metavar="FILE", type=_PATH,
              help="A Markdown page, whose tables of this suite are written anew.")  # fmt: skip
def report(
    *,
    results: tuple[Path, ...],
    output: Path | None,
    as_json: Path | None,
    sign: str | None,
    sign_cert: str | None,
    docs: Path | None,
) -> None:
    """Turn result files of `waarmerk bench run` into a report: a page, JSON, signed if you like.

    Error rates with intervals, by medium, size, content type and kind of processing; false
    positives; forgeries; fidelity and speed. The page needs nothing beside it. Files that exist are
    replaced.
    """
    _check_options(output, as_json, sign, sign_cert, docs)
    given = [*results, *(Path(name) for name in (sign, sign_cert) if name is not None)]
    _check_places([path for path in (output, as_json, docs) if path is not None], given)
    from waarmerk.bench.report.loaded import load
    from waarmerk.bench.report.signed import to_json
    from waarmerk.bench.report.summary import summarise

    signer = None
    if sign is not None:
        from waarmerk.detection.signed import ReportSigner

        signer = ReportSigner.from_files(sign, sign_cert)
    summary = summarise(load(results))
    made: dict[Path, bytes] = {}
    if output is not None:
        made[output] = _page(summary)
        summary["page"] = _named(output, made[output])
    if as_json is not None:
        made[as_json] = to_json(summary)
        if signer is not None:
            line = signer.sign(made[as_json])
            made[_signed_name(as_json)] = line.encode("ascii") + b"\n"
    if docs is not None:
        made[docs] = _with_tables(docs, summary)
    _write(made)
    for path in made:
        print_line(f"Wrote {shown(path)}.")
    if signer is not None:
        print_line(f"  Signed with key {signer.key_id}.")


@click.command("verify")
@click.argument("file", metavar="REPORT.jws", type=_PATH)
@click.option("--key", "keys", metavar="PEM", multiple=True,
              help="Whose reports count: a public key or certificate. Repeatable.")  # fmt: skip
@click.option("--trust", metavar="PEM", multiple=True,
              help="Roots whose certificates are believed. Repeatable.")  # fmt: skip
@click.option("--json", "summary", metavar="FILE", type=_PATH, help="The JSON it should be of.")
@click.option("--page", metavar="FILE", type=_PATH, help="The page it should be of.")
@click.option("--results", metavar="FILE", type=_PATH, multiple=True,
              help="A result file it should be of. Repeatable.")  # fmt: skip
@click.option("--as-json", is_flag=True, help="Print JSON, in one line.")
def verify(
    *,
    file: Path,
    keys: tuple[str, ...],
    trust: tuple[str, ...],
    summary: Path | None,
    page: Path | None,
    results: tuple[Path, ...],
    as_json: bool,
) -> int:
    """Check a signed benchmark report, offline.

    `waarmerk bench report --sign KEY` writes them.

    Exit status: 0 if it is signed by one of the keys given, or under one of the roots; 1 if the
    signature holds, but nobody given vouches for the key; 2 if it is not valid, not about the files
    given, or cannot be checked, and after an error.
    """
    from waarmerk.bench.report.signed import verify_benchmark
    from waarmerk.detection.signed.jws import LARGEST

    try:
        with file.open("rb") as stream:
            jws = stream.read(LARGEST + 2)
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error
    result = verify_benchmark(
        jws, keys=keys, trust=trust, summary=summary, page=page, results=results
    )
    if as_json:
        print_json(_as_dict(result))
    else:
        print_line("\n".join(_in_words(result)))
    return _STATUS[result.state]


def _check_options(
    output: Path | None,
    as_json: Path | None,
    sign: str | None,
    sign_cert: str | None,
    docs: Path | None,
) -> None:
    if output is None and as_json is None and docs is None:
        raise click.UsageError("nothing to write: give -o, --json or --docs")
    if sign is not None and as_json is None:
        raise click.UsageError("--sign needs --json FILE: the JSON is what is signed")
    if sign_cert is not None and sign is None:
        raise click.UsageError("--sign-cert needs --sign KEY")


def _check_places(written: list[Path], given: list[Path]) -> None:
    """Refuse to write over what was given, or twice to one place."""
    taken = {path.resolve() for path in given}
    for path in written:
        both = {path.resolve(), _signed_name(path).resolve()}
        if both & taken:
            raise click.UsageError(f"{path}: would be written over something that is needed here")
        taken |= both


def _page(summary: dict[str, Any]) -> bytes:
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise InputError(
            "the figures of the page need matplotlib, which is not installed; "
            'run: pip install "waarmerk[bench]", or leave out -o'
        )
    from waarmerk.bench.report.page import page

    return page(summary).encode("utf-8")


def _named(path: Path, data: bytes) -> dict[str, str]:
    import hashlib

    return {"name": path.name, "sha256": hashlib.sha256(data).hexdigest()}


def _signed_name(path: Path) -> Path:
    return path.with_name(f"{path.name}.jws")


def _with_tables(path: Path, summary: dict[str, Any]) -> bytes:
    from waarmerk.bench.report.markdown import put, sections

    try:
        text = path.read_text("utf-8") if path.exists() else "# Results\n"
    except (OSError, UnicodeDecodeError) as error:
        cause = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise InputError(f"{path}: cannot be read: {cause}") from error
    for name, (title, section) in sections(summary).items():
        text = put(text, name, title, section)
    return text.encode("utf-8")


def _write(made: dict[Path, bytes]) -> None:
    """Write files, each whole or not at all, and none before all can be."""
    import contextlib
    import os

    fresh: dict[Path, Path] = {}
    try:
        for path, data in made.items():
            fresh[path] = path.with_name(f".{path.name}.{os.getpid()}.new")
            fresh[path].write_bytes(data)
        for path, temporary in fresh.items():
            temporary.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        for temporary in fresh.values():
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def _as_dict(result: VerifiedBenchmark) -> dict[str, Any]:
    return {
        "schema": "waarmerk.benchmark-verification/1",
        "state": result.state,
        "reason": result.reason,
        "key_id": result.key_id,
        "signer": result.signer,
        "known_by": result.known_by,
        "compared": list(result.compared),
        "report": result.summary,
    }


def _in_words(result: VerifiedBenchmark) -> list[str]:
    """Return who signed, and what was measured; an invalid report is not quoted."""
    reason = f": {shown(result.reason)}" if result.reason else ""
    out = [f"{result.state}{reason}"]
    if result.key_id is not None:
        out.append(f"  key      {shown(result.key_id)[:100]}")
    if result.signer is not None:
        proven = "" if result.known_by == "trust" else " (by its own account)"
        out.append(f"  signer   {shown(result.signer)}{proven}")
    if result.summary is None or result.state == "invalid":
        return out
    out.append(f"  made     {result.summary['time']}")
    for file in result.summary["files"]:
        name = shown(str(file.get("name")))[:100]
        out.append(f"  results  {name}, SHA-256 {shown(file['sha256'])[:64]}")
    for name in result.compared:
        out.append(f"  same as  {shown(name)}")
    if not result.compared:
        out.append("  Not compared with any file; give --json, --page or --results to do so.")
    return out
