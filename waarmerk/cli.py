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
from typing import TYPE_CHECKING, NoReturn

import click

from waarmerk.cli_bench import bench
from waarmerk.cli_detect import detect
from waarmerk.cli_mark import mark
from waarmerk.cli_report import verify_report
from waarmerk.cli_scan import scan, watch
from waarmerk.cli_text import text
from waarmerk.cli_trust import trust
from waarmerk.console import (
    FAILED,
    PipeClosedError,
    complain,
    in_words,
    print_line,
    say,
    shown,
)
from waarmerk.errors import WaarmerkError

if TYPE_CHECKING:
    pass

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
    while it is generated; any other file gets a manifest. Everything runs on this machine; nothing
    is sent anywhere, unless a time-stamp is asked for.
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
    from waarmerk.files import make_key_files

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


for _command in (mark, detect, scan, watch, text, trust, verify_report, bench):
    cli.add_command(_command)


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
