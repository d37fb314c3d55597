"""The commands ``waarmerk text ...``: token watermarks, made while a text is generated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from waarmerk.console import (
    FAILED,
    FOUND,
    NONE_FOUND,
    complain,
    in_words,
    print_json,
    print_line,
    say,
    shown,
)
from waarmerk.errors import WaarmerkError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from waarmerk.detection.file import Look
    from waarmerk.detection.finding import WatermarkFinding
    from waarmerk.marking.key import MarkingKey
    from waarmerk.marking.text.scheme import TextScheme

__all__ = ["look_for", "text"]


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
)
@click.pass_context
def text(context: click.Context) -> None:
    """Work with watermarks in the tokens of a text.

    They are made while a text is generated, by a processor in the engine (see the README). Here
    they are found again, in token ids or, with the tokenizer of the model, in raw text.
    """
    if context.invoked_subcommand is None:
        say(context.get_help())
        context.exit(FAILED)


@text.command("detect")
@click.argument("inputs", metavar="[INPUT]...", nargs=-1)
@click.option("--tokens", "token_files", metavar="FILE", multiple=True,
              help="Token ids to look at: .npy, .json or numbers in .txt. Repeatable.")  # fmt: skip
@click.option("--scheme", "scheme_files", metavar="FILE", multiple=True,
              help="A scheme to look for, from `waarmerk text keygen`. Repeatable.")  # fmt: skip
@click.option("--key", "keyfiles", metavar="KEYFILE", multiple=True,
              help="Look for waarmerk.text.1 under this key. Repeatable.")  # fmt: skip
@click.option("--tokenizer", metavar="PATH",
              help="Of the model, for raw text: tokenizer.json, .tiktoken, a folder.")  # fmt: skip
@click.option("--min-tokens", type=click.IntRange(0), default=200, show_default=True,
              help="Shorter texts are not looked at; 0 looks at any.")  # fmt: skip
@click.option("--threshold", type=click.FloatRange(0, 1, min_open=True, max_open=True),
              default=1e-5, show_default=True,
              help="The p-value from which on a mark counts as found.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one line for each text.")
def detect(
    *,
    inputs: tuple[str, ...],
    token_files: tuple[str, ...],
    scheme_files: tuple[str, ...],
    keyfiles: tuple[str, ...],
    tokenizer: str | None,
    min_tokens: int,
    threshold: float,
    as_json: bool,
) -> int:
    """Look for token watermarks, in raw text or in token ids.

    A .json file of token ids holds a list of numbers, or a list of such lists: one for each text.

    Exit status: 0 if a mark was found in any text, 1 if none was found, 2 if there was an error.
    """
    from waarmerk.api import detect_text
    from waarmerk.detection.text.inputs import read_text, read_tokens
    from waarmerk.detection.text.tokenizers import load_tokenizer
    from waarmerk.marking.key import KeyRing

    if not inputs and not token_files:
        raise click.UsageError("give a text, or token ids with --tokens FILE")
    if inputs and tokenizer is None:
        raise click.UsageError("raw text needs --tokenizer; token ids are given with --tokens")
    schemes = _schemes(scheme_files, KeyRing.load(keyfiles))
    cutter = None if tokenizer is None else load_tokenizer(tokenizer)
    status = NONE_FOUND
    options = {"min_tokens": min_tokens, "threshold": threshold}
    for name, is_ids in [*((n, False) for n in inputs), *((n, True) for n in token_files)]:
        try:
            texts = read_tokens(name) if is_ids else [read_text(name)]
            findings = [
                detect_text(t, schemes, tokenizer=cutter, **options)  # type: ignore[arg-type]
                for t in texts
            ]
        except (WaarmerkError, OSError) as error:
            message = in_words(error)
            complain(message if name in message else f"{name}: {message}")
            status = FAILED
            continue
        for row, finding in enumerate(findings):
            label = name if len(findings) == 1 else f"{name}, text {row}"
            if as_json:
                print_json({"input": name, "text": row} | finding.as_dict())
            else:
                print_line("\n".join(_lines(label, finding)))
            if finding.found and status != FAILED:
                status = FOUND
    return status


@text.command("keygen", short_help="Make a scheme with new random keys.")
@click.argument("scheme")
@click.argument("file")
@click.option("--set", "settings", metavar="NAME=VALUE", multiple=True,
              help="A parameter of the scheme, such as vocab_size=128256. Repeatable.")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace files that exist. A replaced key is gone.")
def keygen(scheme: str, file: str, settings: tuple[str, ...], force: bool) -> int:
    """Make a SCHEME with new random keys and write it to FILE, its keys to another beside it.

    SCHEME is synthid.transformers, synthid.synthid-text, kgw.lefthash, kgw.selfhash, gumbel.vllm,
    gumbel.sglang or waarmerk.text.1. The two of kgw need --set vocab_size=N, the width of the
    model's logits. FILE may be passed around; the key file may not.
    """
    from waarmerk.marking.text.description import new_scheme, save_scheme

    parameters: dict[str, Any] = {}
    for setting in settings:
        parameter, value = _setting(setting)
        if parameter in parameters:
            raise click.UsageError(f"--set {parameter} is given twice")
        parameters[parameter] = value
    made = new_scheme(scheme, parameters)
    path, keys = save_scheme(made, file, overwrite=force)
    print_line(f"Wrote {shown(path)}: {made.name}.")
    print_line(
        f"Wrote {shown(keys)}: its keys, readable by you alone.\n"
        "  Who has this file can forge the mark; without it nobody can find it. Keep a backup."
    )
    return 0


def look_for(
    tokenizer: str | None, scheme_files: tuple[str, ...], keys: Iterable[MarkingKey]
) -> Look | None:
    """Return what looks for token marks in the texts given to `waarmerk detect`."""
    if tokenizer is None:
        if scheme_files:
            raise click.UsageError("--scheme needs --tokenizer: the mark is in the tokens")
        return None
    from waarmerk.detection.text import look_with
    from waarmerk.detection.text.tokenizers import load_tokenizer

    return look_with(_schemes(scheme_files, keys), load_tokenizer(tokenizer))


def _schemes(scheme_files: tuple[str, ...], keys: Iterable[MarkingKey]) -> list[TextScheme]:
    from waarmerk.marking.text import TextMark, load_scheme

    schemes = [*(load_scheme(path) for path in scheme_files), *(TextMark(key) for key in keys)]
    if not schemes:
        raise click.UsageError("say what to look for: --scheme FILE or --key KEYFILE")
    return schemes


def _setting(setting: str) -> tuple[str, Any]:
    import json

    name, equals, value = setting.partition("=")
    if not equals or not name:
        raise click.UsageError(f"--set takes NAME=VALUE, such as vocab_size=128256, not {setting}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _lines(name: str, finding: WatermarkFinding) -> list[str]:
    from waarmerk.detection.finding import Passage

    if finding.status == "not_checked":
        return [f"{shown(name)}: not checked: {finding.reason}"]
    bound = "" if finding.log10_p is None else _bound(finding.log10_p)
    if not finding.found:
        return [f"{shown(name)}: no mark found ({finding.tokens_scored} tokens counted{bound})"]
    out = [f"{shown(name)}: marked with {finding.scheme}"
           f" ({finding.tokens_scored} tokens counted{bound})"]  # fmt: skip
    if finding.key_id is not None:
        out.append(f"  key       {finding.key_id}")
    if finding.mark_id is not None:
        out.append(f"  mark id   {finding.mark_id.hex} ({finding.mark_id.kind})")
    for passage in finding.segments:
        if isinstance(passage, Passage):
            where = f"tokens {passage.start} to {passage.end}"
            if passage.first is not None:
                where += f", characters {passage.first} to {passage.last}"
            out.append(f"  passage   {where}")
    return out


def _bound(log10_p: float) -> str:
    import math

    if log10_p > -1.0:
        return ""
    return f", p <= 1e{math.ceil(log10_p)}"
