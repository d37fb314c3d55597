"""The command ``waarmerk scan``."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from waarmerk.cli_options import looking, trusted
from waarmerk.console import print_json, print_line, say, shown, width

if TYPE_CHECKING:
    from types import FrameType

    from waarmerk.scan.inputs import Failed
    from waarmerk.scan.run import Progress, Running, Scan
    from waarmerk.scan.settings import ScanSettings
    from waarmerk.scan.source import Source
    from waarmerk.scan.summary import Tally

__all__ = ["scan", "watch"]

_SIGNALLED = 128
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


class _Bytes(click.ParamType):  # type: ignore[type-arg] # generic in newer versions only
    """A number of bytes, such as 1500000, 512M or 2G."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return bytes; K, M, G and T are powers of 1024."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmgt]?)(?:i?b)?", value.strip().lower())
        if match is None:
            self.fail(f"{value!r} is no size; give bytes, or 512M, or 2G", param, ctx)
        return int(float(match[1]) * _UNITS[match[2]])


def scanning(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a scan: what to look for, to keep, and to spend."""
    for option in reversed((
        click.option("--reports", is_flag=True, help="Put whole reports into the rows."),
        click.option("--include-personal", is_flag=True,
                     help="Let these say what metadata says of people."),
        click.option("--time-limit", metavar="SECONDS", type=click.FloatRange(0.1), default=60.0,
                     show_default=True, help="For a file, and a second more for every 5 MB."),
        click.option("--memory-limit", metavar="SIZE", type=_Bytes(), default="2G",
                     show_default=True, help="For a process that examines files (Linux)."),
        click.option("--metrics", metavar="FILE", type=click.Path(path_type=Path),
                     help="Keep figures here for Prometheus, as text."),
        click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON."),
    )):  # fmt: skip
        command = option(command)
    return looking(command)


@click.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option("-o", "--output", "out", metavar="RESULTS", required=True,
              type=click.Path(path_type=Path),
              help="One row for every file: a file .jsonl, or a folder .parquet.")  # fmt: skip
@click.option("--resume", is_flag=True,
              help="Go on: leave out what is done and has not changed.")  # fmt: skip
@click.option("--by-hash", is_flag=True,
              help="With --resume: what only has another date is read, not examined.")  # fmt: skip
@click.option("--retry", is_flag=True,
              help="With --resume: try again what could not be examined.")  # fmt: skip
@click.option("--workers", metavar="N", type=click.IntRange(1),
              help="Files at a time; as many as there are cores if not given.")  # fmt: skip
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local",
              show_default=True, help="ray: on the cluster that RAY_ADDRESS names.")  # fmt: skip
@click.option("--no-archives", is_flag=True,
              help="Do not look into zip, tar and Parquet files.")  # fmt: skip
@click.option("--column", "columns", metavar="NAME", multiple=True,
              help="Of Parquet files: a column with files. Repeatable.")  # fmt: skip
@click.option("-0", "--null", is_flag=True, help="Names on stdin end with NUL, not with a line.")
@scanning
def scan(
    *,
    inputs: tuple[str, ...],
    out: Path,
    resume: bool,
    by_hash: bool,
    retry: bool,
    workers: int | None,
    engine: Any,
    no_archives: bool,
    columns: tuple[str, ...],
    null: bool,
    metrics: Path | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Examine many files, and write one row for each.

    INPUT is a file, a folder, a glob, an address in an object store (s3://, gs://, az://), or - for
    names on stdin. What is in zip, tar and Parquet files is examined in place. A file that cannot
    be read, crashes its decoder or never ends is a row that says so, and harms no other.

    Exit status: 0 when every file has its row, 2 when the scan itself failed.
    """
    if engine == "local":
        _start_process()
    from waarmerk.scan.inputs import Listing
    from waarmerk.scan.run import Scan

    given = Scan(
        inputs,
        out,
        settings_of(**options),
        engine=engine,
        workers=workers,
        resume=resume,
        by_hash=by_hash,
        retry=retry,
        listing=Listing(archives=not no_archives, columns=columns, nul=null),
    )
    return carry_out(given, metrics, as_json=as_json)


@click.command()
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))
@click.option("-o", "--output", "out", metavar="RESULTS", required=True,
              type=click.Path(path_type=Path),
              help="One row for every file; what is there already is continued.")  # fmt: skip
@click.option("--workers", metavar="N", type=click.IntRange(1),
              help="Files at a time; as many as there are cores if not given.")  # fmt: skip
@click.option("--settle", metavar="SECONDS", type=click.FloatRange(0.0), default=1.0,
              show_default=True,
              help="For which nobody must have written to a file.")  # fmt: skip
@click.option("--no-archives", is_flag=True,
              help="Do not look into zip, tar and Parquet files.")  # fmt: skip
@scanning
def watch(
    *,
    folder: Path,
    out: Path,
    workers: int | None,
    settle: float,
    no_archives: bool,
    metrics: Path | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Examine what is in a folder, and then what comes, until Ctrl-C.

    A row is written for every file as by `waarmerk scan`; what has a row already, and has not
    changed, is left out.

    Exit status: 0 when it was stopped by Ctrl-C or SIGTERM, 2 when it failed.
    """
    _start_process()
    from waarmerk.scan.inputs import Listing
    from waarmerk.scan.run import Scan
    from waarmerk.scan.watch import arriving

    listing = Listing(archives=not no_archives)
    given = Scan(
        (folder,), out, settings_of(**options), workers=workers, resume=True, listing=listing
    )
    say(f"watching {shown(folder)}; Ctrl-C ends it")
    carry_out(
        given,
        metrics,
        as_json=as_json,
        sources=lambda running: arriving(
            folder, running.listing, settle=settle, stop=running.stopped
        ),
    )
    return 0


def _start_process() -> None:
    """Let a process load its libraries on another core, while this one loads its own.

    Further ones would only take this one's.
    """
    from waarmerk.scan.processes import prepared

    click.get_current_context().with_resource(prepared())


def settings_of(
    *,
    keyfiles: tuple[str, ...],
    trust: tuple[str, ...],
    no_stored_trust: bool,
    manifests: str | None,
    effort: Any,
    tokenizer: str | None,
    scheme_files: tuple[str, ...],
    reports: bool,
    include_personal: bool,
    time_limit: float,
    memory_limit: int,
) -> ScanSettings:
    """Return what options say is to be looked for.

    Raises
    ------
    WaarmerkError
        If a file that they name cannot be used.
    """
    from waarmerk.marking.key import KeyRing
    from waarmerk.scan.settings import Limits, ScanSettings

    if scheme_files and tokenizer is None:
        raise click.UsageError("--scheme needs --tokenizer: the mark is in the tokens")
    if include_personal and not reports:
        raise click.UsageError("--include-personal goes with --reports: rows hold nothing personal")
    try:
        limits = Limits(time_limit, memory_limit)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    settings = ScanSettings(
        keys=KeyRing.load(keyfiles),
        trust=trusted(trust, stored=not no_stored_trust),
        effort=effort,
        tokenizer=tokenizer,
        schemes=scheme_files,
        manifests=manifests,
        reports=reports,
        include_personal=include_personal,
        limits=limits,
    )
    if tokenizer is not None:
        settings.look()  # so that what is wrong with it is said now
    return settings


def carry_out(
    given: Scan,
    metrics: Path | None,
    *,
    as_json: bool,
    sources: Callable[[Running], Iterator[Source | Failed | None]] | None = None,
) -> int:
    """Run a scan, show how far it is, and print what came of it.

    Parameters
    ----------
    given
        What to scan.
    metrics
        Where figures are kept, if anywhere.
    as_json
        How the summary is printed.
    sources
        Gives what to examine, in place of the inputs.
    """
    from waarmerk.scan.run import Running

    with _telling(metrics) as tell:
        running = Running(given, tell, count=sources is None and sys.stderr.isatty())
        with _signals(running) as got:
            tally = running.run(None if sources is None else sources(running))
    if as_json:
        print_json(tally.as_dict())
    else:
        print_line("\n".join(tally.lines(width())))
    if got:
        if sources is None:
            say("waarmerk: stopped early; go on with the same command and --resume")
        return _SIGNALLED + got[0]
    return 0


@contextmanager
def _signals(running: Running) -> Iterator[list[int]]:
    """Let the first Ctrl-C or SIGTERM end a scan cleanly, and the second at once."""
    got: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        if got:
            raise KeyboardInterrupt
        got.append(number)
        running.stop()
        say("waarmerk: finishing what is in hand (once more: leave at once)")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield got
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _telling(metrics: Path | None) -> Iterator[Progress]:
    """Show progress on stderr, a bar on a terminal and else a line now and then; keep metrics."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        tells: list[Progress] = [stack.enter_context(_progress())]
        if metrics is not None:
            from waarmerk.scan.metrics import Metrics

            kept = Metrics(metrics)
            stack.callback(kept.close)
            tells.append(kept.update)

        def tell(tally: Tally, total: int | None) -> None:
            for one in tells:
                one(tally, total)

        yield tell


@contextmanager
def _progress() -> Iterator[Progress]:
    import time

    start = time.monotonic()

    def words(tally: Tally) -> str:
        rate = tally.files / max(time.monotonic() - start, 1e-3)
        return f"{tally.files} files, {rate:.1f} a second"

    if not sys.stderr.isatty():
        said = start

        def line(tally: Tally, total: int | None) -> None:
            nonlocal said
            if time.monotonic() - said > 20:
                said = time.monotonic()
                say(words(tally) + (f", of {total}" if total is not None else ""))

        yield line
        return
    with click.progressbar(length=1, label="listing", file=sys.stderr) as bar:

        def move(tally: Tally, total: int | None) -> None:
            bar.label = words(tally)
            done = tally.files + tally.skipped
            if total is not None:
                bar.length = max(total, done)
                bar.update(done - bar.pos)
            else:
                bar.render_progress()

        yield move
