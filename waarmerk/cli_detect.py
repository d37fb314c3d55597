"""The command ``waarmerk detect``."""

from __future__ import annotations

from typing import Any

import click

from waarmerk.cli_options import looking, trusted
from waarmerk.cli_report import report_line
from waarmerk.cli_text import look_for
from waarmerk.console import FAILED, FOUND, NONE_FOUND, complain, in_words, print_line, width
from waarmerk.errors import WaarmerkError

__all__ = ["detect"]


@click.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@looking
@click.option("--include-personal", is_flag=True,
              help="Also what metadata says of people: prompts, names and the like.")  # fmt: skip
@click.option("--sign", "sign_key", metavar="PEM",
              help="Print the report signed (JWS), with this private key.")  # fmt: skip
@click.option("--sign-cert", metavar="PEM",
              help="The certificate of that key, which goes with the signature.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one line for each input.")
def detect(
    *,
    inputs: tuple[str, ...],
    keyfiles: tuple[str, ...],
    trust: tuple[str, ...],
    no_stored_trust: bool,
    manifests: str | None,
    effort: Any,
    tokenizer: str | None,
    scheme_files: tuple[str, ...],
    include_personal: bool,
    sign_key: str | None,
    sign_cert: str | None,
    as_json: bool,
) -> int:
    """Say whether files are marked, by whom, and how sure that is.

    Looked at are watermarks in pictures, sounds and texts, and the signed manifests and unsigned
    labels of any file. To look for the watermark of a text takes the tokenizer of the model that
    may have written it.

    Exit status: 0 if a mark was found in any input, 1 if none was found, 2 if there was an error.
    """
    from waarmerk.detection.file import detect_file
    from waarmerk.detection.plain import lines
    from waarmerk.marking.key import KeyRing

    if sign_key is None and sign_cert is not None:
        raise click.UsageError("--sign-cert goes with --sign")
    signer = None
    if sign_key is not None:
        from waarmerk.detection.signed import ReportSigner

        signer = ReportSigner.from_files(sign_key, sign_cert)
    keys = KeyRing.load(keyfiles)
    lists = trusted(trust, stored=not no_stored_trust)
    look = look_for(tokenizer, scheme_files, keys)
    status = NONE_FOUND
    for position, name in enumerate(inputs):
        try:
            report = detect_file(
                name,
                keys,
                lists,
                effort,
                name=name,
                look=look,
                manifests=manifests,
                include_personal=include_personal,
            )
        except (WaarmerkError, OSError) as error:
            complain(in_words(error))
            status = FAILED
            continue
        if signer is not None:
            print_line(report_line(report, signer))
        elif as_json:
            print_line(report.to_json())
        else:
            print_line("\n".join([*([""] if position else []), *lines(report, width())]))
        if report.found and status != FAILED:
            status = FOUND
    return status
