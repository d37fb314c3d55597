"""The command `waarmerk verify-report`, and the line that `waarmerk detect --sign` prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from waarmerk.console import (
    FAILED,
    FOUND,
    NONE_FOUND,
    complain,
    print_json,
    print_line,
    shown,
    width,
)
from waarmerk.errors import InputError

if TYPE_CHECKING:
    from waarmerk.detection.report import DetectionReport
    from waarmerk.detection.signed import ReportSigner, VerifiedReport

__all__ = ["report_line", "verify_report"]

_STATUS = {"verified": FOUND, "intact": NONE_FOUND, "unchecked": FAILED, "invalid": FAILED}


def report_line(report: DetectionReport, signer: ReportSigner) -> str:
    """Return what `waarmerk detect --sign` prints for one input: the signed report in one line."""
    from waarmerk.detection.signed import sign_report

    return sign_report(report, signer)


@click.command("verify-report")
@click.argument("file", metavar="FILE")
@click.option("--key", "keys", metavar="PEM", multiple=True,
              help="Whose reports count: a public key or certificate. Repeatable.")  # fmt: skip
@click.option("--trust", metavar="PEM", multiple=True,
              help="Roots whose certificates are believed. Repeatable.")  # fmt: skip
@click.option("--content", metavar="FILE", help="What the report should be about.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one line for each report.")
def verify_report(
    *, file: str, keys: tuple[str, ...], trust: tuple[str, ...], content: str | None, as_json: bool
) -> int:
    """Check signed reports, one on each line of FILE (- for standard input), offline.

    `waarmerk detect --sign KEY` writes them.

    Exit status: 0 if every report is signed by one of the keys given, or under one of the roots; 1
    if every signature holds, but nobody given vouches for the key of one; 2 if any is not valid or
    cannot be checked, and after an error.
    """
    from waarmerk.detection.signed import verify_report as check

    status = FOUND
    count = 0
    for count, line in enumerate(_lines(file), 1):
        result = check(line, keys=keys, trust=trust, content=content)
        if as_json:
            print_json(_as_dict(result))
        else:
            print_line("\n".join([*([""] if count > 1 else []), *_in_words(result)]))
        status = max(status, _STATUS[result.state])
    if not count:
        complain(f"{shown(file)}: holds no signed report; give the output of `detect --sign`")
        return FAILED
    return status


def _lines(file: str) -> Iterator[bytes]:
    """Yield the lines of a file that are not empty, each cut off where it is too long anyway."""
    from waarmerk.detection.signed.jws import LARGEST

    try:
        with click.open_file(file, "rb") as stream:
            while line := stream.readline(LARGEST + 2):
                if line.strip():
                    yield line
                while line and not line.endswith(b"\n"):  # the rest of one that is too long
                    line = stream.readline(LARGEST + 2)
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error


def _as_dict(result: VerifiedReport) -> dict[str, Any]:
    return {
        "schema": "waarmerk.verification/1",
        "state": result.state,
        "reason": result.reason,
        "key_id": result.key_id,
        "signer": result.signer,
        "known_by": result.known_by,
        "content_matches": result.content_matches,
        "report": None if result.report is None else dict(result.report),
    }


def _in_words(result: VerifiedReport) -> list[str]:
    """Return who signed and what the report says; an invalid one is not quoted."""
    import textwrap

    reason = f": {shown(result.reason)}" if result.reason else ""
    out = [f"{result.state}{reason}"]
    if result.key_id is not None:
        out.append(f"  key      {shown(result.key_id)[:100]}")
    if result.signer is not None:
        proven = "" if result.known_by == "trust" else " (by its own account)"
        out.append(f"  signer   {shown(result.signer)}{proven}")
    if result.report is None or result.state == "invalid":
        return out
    about, detector = result.report["input"], result.report["detector"]
    out.append(f"  about    {shown(about['name'])[:200]} ({shown(about['media_type'])[:80]})")
    out.append(f"  sha256   {about['sha256']}")
    out.append(
        f"  made     {result.report['time']}, by {shown(detector['name'])[:80]} "
        f"{shown(detector['version'])[:80]}"
    )
    out.append(f"  verdict  {result.report['verdict'].replace('_', ' ')}")
    summary = shown(result.report["summary"]["en"])[:4000]
    out += textwrap.wrap(summary, width(), initial_indent="  ", subsequent_indent="  ")
    if result.content_matches is None:
        out.append("  Not compared with any content; give --content to do so.")
    return out
