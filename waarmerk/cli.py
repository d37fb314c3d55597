"""The command line: parse, call, print; no logic.

Results go to stdout, everything else to stderr. Exit status: 0 done, or a mark was found; 1 no
mark was found; 2 an error; 130 interrupted; 143 terminated. What went wrong is said in one line.

Nothing but click is imported here at the top, so that ``waarmerk --help`` starts at once.
"""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import click

from waarmerk.cli_text import look_for, text
from waarmerk.console import (
    FAILED,
    FOUND,
    NONE_FOUND,
    PipeClosedError,
    complain,
    in_words,
    print_json,
    print_line,
    say,
    shown,
    width,
)
from waarmerk.errors import WaarmerkError

if TYPE_CHECKING:
    from waarmerk.marking.manifest import Signer

__all__ = ["cli", "main", "run"]

INTERRUPTED, PIPE_CLOSED, TERMINATED = 130, 141, 143


class _TerminatedError(BaseException):
    """Somebody sent SIGTERM. Like KeyboardInterrupt no `Exception`, so that all let it through."""


def _terminate(_number: int, _frame: object) -> NoReturn:
    raise _TerminatedError


def main() -> NoReturn:
    """Run the command line and leave with its exit status."""
    # By default the process would end at once, and leave its temporary files.
    default = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL  # and not ignored
    if default:
        signal.signal(signal.SIGTERM, _terminate)
    for stream in (sys.stdout, sys.stderr):
        # A signer's name may hold what this terminal cannot show.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = run()
        if default:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
    except _TerminatedError:  # while the last words were said
        status = TERMINATED
    sys.exit(status)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; messages go to stderr."""
    try:
        status = cli.main(
            None if arguments is None else list(arguments),
            prog_name="waarmerk",
            standalone_mode=False,
        )
    except click.UsageError as error:
        where = f"{error.ctx.command_path} --help" if error.ctx else "waarmerk --help"
        complain(f"{error.format_message()} (see {where})")
    except click.ClickException as error:
        complain(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        complain("interrupted")
        return INTERRUPTED
    except _TerminatedError:
        complain("terminated")
        return TERMINATED
    except PipeClosedError:
        return PIPE_CLOSED
    except (WaarmerkError, OSError, MemoryError) as error:
        complain(in_words(error))
    except Exception:  # noqa: BLE001 - status 1 would say that no mark was found
        import traceback

        traceback.print_exc()
        complain("this is a bug in waarmerk; please report it with the lines above")
    else:
        return status if isinstance(status, int) else 0
    return FAILED


def _version(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        import waarmerk

        print_line(f"waarmerk {waarmerk.__version__}")
        context.exit()


_TO_START = """\b
To start:
  waarmerk demo
  waarmerk keygen key.json --dev-cert
  waarmerk mark photo.jpg -o marked.jpg --key key.json
  waarmerk detect marked.jpg --key key.json
"""


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
    epilog=_TO_START,
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_version,
    help="Show the version and exit.",
)
@click.pass_context
def cli(context: click.Context) -> None:
    """Mark AI-generated pictures, sound and text, and find those marks again.

    A marked file carries two layers: an imperceptible watermark, which survives recompression,
    cropping, scaling and changes of speed, and a signed C2PA manifest. A text gets its watermark
    while it is generated. Everything runs on this machine; nothing is sent anywhere.
    """
    if context.invoked_subcommand is None:
        say(context.get_help())
        context.exit(FAILED)


@cli.command()
@click.argument("keyfile")
@click.option("--dev-cert", is_flag=True, help="Make a test signing certificate beside it.")
@click.option("--force", is_flag=True, help="Replace files that exist. A replaced key is gone.")
def keygen(keyfile: str, dev_cert: bool, force: bool) -> int:
    """Make a secret key and write it to KEYFILE, readable by you alone."""
    from waarmerk.api import make_key_files

    key, files = make_key_files(keyfile, dev_cert=dev_cert, overwrite=force)
    print_line(f"Wrote {shown(files[0])}: secret key {key.key_id}.")
    print_line(
        "  Who has this file can forge and remove your marks; without it nobody, not even you,\n"
        "  can find them. Keep a backup in a safe place, keep it out of repositories and mail,\n"
        "  and leave its mode at 0600: it is refused when others can read it."
    )
    if dev_cert:
        certificate, private, root = (shown(path) for path in files[1:])
        print_line(f"Wrote {certificate} and {private}: a test certificate that signs manifests.")
        print_line(f"Wrote {root}: its root, for `waarmerk detect --trust {root}`.")
        print_line(
            "  A test certificate proves nothing to others. For real use get one for C2PA claim\n"
            "  signing, and give it with --sign-cert and --sign-key."
        )
    return 0


@cli.command()
@click.argument("source", metavar="INPUT")
@click.option(
    "-o", "--output", metavar="OUTPUT", required=True, help="Its extension decides the format."
)
@click.option("--key", "keyfile", metavar="KEYFILE", required=True,
              help="The secret key, from `waarmerk keygen`.")  # fmt: skip
@click.option("--mark-id", metavar="HEX16", help="What the mark says; a new random id if left out.")
@click.option("--altered", is_flag=True, help="Real content that AI changed; not wholly generated.")
@click.option("--agent", metavar="NAME", help="The AI system that made it, for the manifest.")
@click.option("--agent-version", metavar="VERSION", help="Its version; needs --agent.")
@click.option("--sign-cert", metavar="PEM",
              help="Certificate chain that signs the manifest, leaf first.")  # fmt: skip
@click.option("--sign-key", metavar="PEM", help="Its private key.")
@click.option("--no-manifest", metavar="REASON",
              help="Write the watermark alone; the reason goes into the report.")  # fmt: skip
@click.option("--quality", type=click.IntRange(1, 100),
              help="Of a lossy format; as good as the input if left out.")  # fmt: skip
@click.option("--label/--no-label", default=None,
              help="Of a text: an unsigned label, too. By default a page gets one.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace the output if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def mark(
    *,
    source: str,
    output: str,
    keyfile: str,
    mark_id: str | None,
    altered: bool,
    agent: str | None,
    agent_version: str | None,
    sign_cert: str | None,
    sign_key: str | None,
    no_manifest: str | None,
    quality: int | None,
    label: bool | None,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Write a marked copy of a picture, a sound or a text.

    The copy carries a watermark and a signed manifest. It is read back before it gets its name;
    what cannot hold a mark is refused. An .ogg, .opus or .html has its manifest in a file beside
    it. A text that is already written gets the manifest alone.

    The manifest is signed with --sign-cert and --sign-key, or else with the certificate that lies
    beside the key (key.cert.pem and key.sign.pem for key.json).
    """
    from waarmerk.api import mark_file
    from waarmerk.marking.key import MarkingKey
    from waarmerk.marking.payload import MarkId

    if agent_version is not None and agent is None:
        raise click.UsageError("--agent-version needs --agent")
    if agent is not None and no_manifest is not None:
        raise click.UsageError(
            "--agent is written into the manifest, and --no-manifest leaves it out"
        )
    number = None if mark_id is None else MarkId.from_hex(mark_id)
    key = MarkingKey.load(keyfile)
    signer = _signer(keyfile, sign_cert, sign_key, no_manifest)
    report = mark_file(
        source,
        output,
        key,
        signer=signer,
        no_manifest=no_manifest,
        mark_id=number,
        kind="altered" if altered else None,
        quality=quality,
        overwrite=overwrite,
        agent=agent,
        agent_version=agent_version,
        label=label,
    )
    if signer is not None and sign_cert is None and signer.is_test:
        from waarmerk.marking.certificate import certificate_files

        chain = certificate_files(keyfile).chain
        complain(f"signed with the test certificate {chain}, which proves nothing to others")
    if as_json:
        print_json(report.as_dict())
    else:
        print_line("\n".join(report.lines()))
    return 0


@cli.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option("--key", "keyfiles", metavar="KEYFILE", multiple=True,
              help="Whose watermark to look for: a key or a ring of keys. Repeatable.")  # fmt: skip
@click.option("--trust", metavar="PEM", multiple=True,
              help="Certificates under which a manifest is trusted. Repeatable.")  # fmt: skip
@click.option("--effort", type=click.Choice(["fast", "full"]), default="full", show_default=True,
              help="fast: no search for crops, other scales, angles, speeds, pitches.")  # fmt: skip
@click.option("--tokenizer", metavar="PATH",
              help="Of a text: its model's tokenizer.json, .tiktoken or folder.")  # fmt: skip
@click.option("--scheme", "scheme_files", metavar="FILE", multiple=True,
              help="Of a text: a token mark to look for, too. Repeatable.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one line for each input.")
def detect(
    *,
    inputs: tuple[str, ...],
    keyfiles: tuple[str, ...],
    trust: tuple[str, ...],
    effort: Any,
    tokenizer: str | None,
    scheme_files: tuple[str, ...],
    as_json: bool,
) -> int:
    """Say whether pictures, sounds and texts are marked, by whom, and how sure that is.

    To look for the watermark of a text takes the tokenizer of the model that may have written it.

    Exit status: 0 if a mark was found in any input, 1 if none was found, 2 if there was an error.
    """
    from waarmerk.detection.file import detect_file
    from waarmerk.detection.manifest import load_anchors
    from waarmerk.detection.plain import lines
    from waarmerk.marking.key import KeyRing

    keys = KeyRing.load(keyfiles)
    anchors = (load_anchors(trust).encode(),) if trust else ()
    look = look_for(tokenizer, scheme_files, keys)
    status = NONE_FOUND
    for position, name in enumerate(inputs):
        try:
            report = detect_file(name, keys, anchors, effort, name=name, look=look)
        except (WaarmerkError, OSError) as error:
            complain(in_words(error))
            status = FAILED
            continue
        if as_json:
            print_line(report.to_json())
        else:
            print_line("\n".join([*([""] if position else []), *lines(report, width())]))
        if report.found and status != FAILED:
            status = FOUND
    return status


cli.add_command(text)


@cli.command()
def demo() -> int:
    """Mark and detect pictures, sounds and text, offline, and show what survives.

    Nothing is left behind.
    """
    from waarmerk.demo import run as run_demo

    result = run_demo(print_line)
    if result.false_alarms or not result.found:
        complain("the demo did not find what it should; this installation is not sound")
        return FAILED
    return 0


@cli.command()
def warm() -> int:
    """Compile everything once, so that later commands start fast.

    The first use of each part compiles it, which takes some seconds; the result is kept for all
    later processes. Run this in the build of a container image, and before starting workers.
    """
    from waarmerk.api import warm as warm_up

    say(f"compiled in {warm_up():.1f} s")
    return 0


def _signer(
    keyfile: str, sign_cert: str | None, sign_key: str | None, no_manifest: str | None
) -> Signer | None:
    """Find who signs: the certificate given, else the one beside the key, else nobody."""
    if (sign_cert is None) != (sign_key is None):
        raise click.UsageError("--sign-cert and --sign-key go together")
    if no_manifest is not None:
        if not no_manifest.strip():
            raise click.UsageError("--no-manifest needs a reason, which goes into the report")
        if sign_cert is not None:
            raise click.UsageError("--no-manifest and --sign-cert contradict each other")
        return None
    from waarmerk.marking.certificate import certificate_files
    from waarmerk.marking.manifest import Signer

    if sign_cert is not None and sign_key is not None:
        return Signer.from_files(sign_cert, sign_key)
    beside = certificate_files(keyfile)
    if not beside.chain.exists() and not beside.key.exists():
        raise click.ClickException(
            "no certificate to sign the manifest with: give --sign-cert and --sign-key, make a "
            "test certificate with `waarmerk keygen --dev-cert`, or accept a watermark alone with "
            "--no-manifest REASON"
        )
    return Signer.from_files(beside.chain, beside.key)
