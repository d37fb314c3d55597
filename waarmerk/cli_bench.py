"""The commands ``waarmerk bench ...``: the benchmark suite, for researchers and for evidence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from waarmerk.cli_bench_guard import guard, scaling
from waarmerk.cli_bench_integrity import integrity
from waarmerk.cli_bench_peers import peers
from waarmerk.cli_bench_report import report, verify
from waarmerk.console import FAILED, print_json, print_line, say, shown
from waarmerk.cores import cores
from waarmerk.errors import InputError

if TYPE_CHECKING:
    from waarmerk.bench.run import Job, Progress

__all__ = ["bench"]

_SUITES = ("image", "audio", "text")
# What each suite imports beside the core, by the name of its module.
_NEEDED = {
    "image": ("skimage",),
    "audio": ("librosa", "pesq"),
    "text": ("tokenizers",),
}


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
)
@click.pass_context
def bench(context: click.Context) -> None:
    """Measure marks: quality, robustness, false positives, speed; ours and others' side by side.

    Needs the extra `bench`: pip install "waarmerk[bench]". Changes are made to content that the
    suite marked itself, never to a file of yours. docs/benchmarking.md says how to add content, a
    transformation or a scheme.
    """
    if context.invoked_subcommand is None:
        say(context.get_help())
        context.exit(FAILED)


@bench.command()
@click.option("--suite", "suites", type=click.Choice([*_SUITES, "all"]), multiple=True,
              default=("all",), show_default=True, help="What to measure. Repeatable.")  # fmt: skip
@click.option("--data", metavar="DIR", type=click.Path(path_type=Path),
              help="Folder with images/, audio/, text/; else what is shipped.")  # fmt: skip
@click.option("--scheme", "schemes", metavar="NAME", multiple=True,
              help="Scheme to measure, or FILE.py:NAME for your own. Repeatable.")  # fmt: skip
@click.option("--profile", type=click.Choice(["quick", "full"]), default="quick",
              show_default=True, help="Some of it in minutes, or all of it in hours.")  # fmt: skip
@click.option("-o", "--out", metavar="FILE", type=click.Path(path_type=Path),
              default=Path("bench.jsonl"), show_default=True,
              help="Rows, as JSON lines. A file that is there is gone on with.")  # fmt: skip
@click.option("--half", type=click.Choice(["reporting", "tuning", "both"]), default="reporting",
              show_default=True, help="Content for figures, or to tune on.")  # fmt: skip
@click.option("--transformation", "transformations", metavar="NAME", multiple=True,
              help="Only these, see `waarmerk bench list`. Repeatable.")  # fmt: skip
@click.option("--contents", "per_group", type=click.IntRange(0), metavar="N",
              help="Contents of each group, at most; 0 takes all.")  # fmt: skip
@click.option("--keys", type=click.IntRange(1), metavar="N",
              help="Keys that every content is marked with.")  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True,
              help="Of everything that is random: the same seed gives the same rows.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Processes; one a core.")
def run(*, suites: tuple[str, ...], **options: Any) -> None:
    """Mark content, change it in every way, read it, and write a row for every case.

    Stop it at any time: the same command goes on where it was. `waarmerk bench report` makes a page
    of the rows.
    """
    chosen = [suite for suite in _SUITES if suite in suites or "all" in suites]
    require_extra(*chosen)
    from waarmerk.bench.run import Job, run_suite

    options["workers"] = options["workers"] or cores()
    job = Job(suites=chosen, **options)  # type: ignore[arg-type]
    with progress_bar(job) as progress:
        out = run_suite(job, progress)
    print_line(f"Wrote {shown(out)}. Next: waarmerk bench report {shown(out)} -o report.html")


@bench.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one line for each.")
def list_all(*, as_json: bool) -> None:
    """List the schemes and transformations of every suite."""
    require_extra(*_SUITES)
    from waarmerk.bench.schemes import OWN
    from waarmerk.bench.transformations import of

    for suite in _SUITES:
        schemes = [name for name, make in OWN.items() if make().medium == suite]
        if not as_json:
            print_line(f"{suite}: {', '.join(schemes)}")
        for each in of(suite):  # type: ignore[arg-type]
            if as_json:
                print_json(
                    {
                        "suite": suite,
                        "transformation": each.name,
                        "category": each.category,
                        "title": each.title,
                        "axis": each.axis,
                        "strengths": list(each.strengths),
                        "quick": list(each.quick),
                        "forges": each.forges,
                    }
                )
            else:
                values = ", ".join(f"{strength:g}" for strength in each.strengths)
                axis = f"  {each.axis}: {values}" if each.axis else ""
                print_line(f"  {each.category:17} {each.name:24}{axis}".rstrip())


def require_extra(*suites: str) -> None:
    """Raise InputError if what suites need beside the core is not installed."""
    from importlib.util import find_spec

    missing = [name for suite in suites for name in _NEEDED[suite] if find_spec(name) is None]
    if missing:
        raise InputError(
            f"the benchmark needs {', '.join(missing)}, which is not installed; "
            'run: pip install "waarmerk[bench]"'
        )


@contextmanager
def progress_bar(job: Job) -> Iterator[Progress]:
    """Show how many rows are there: a bar on a terminal, else a line now and then, on stderr."""
    import sys
    import time

    if sys.stderr.isatty():
        with click.progressbar(length=1, label="rows", file=sys.stderr, show_pos=True) as bar:

            def move(done: int, of_all: int) -> None:
                bar.length = max(of_all, 1)
                bar.update(done - bar.pos)

            yield move
        return
    said = time.monotonic() - 20

    def tell(done: int, of_all: int) -> None:
        nonlocal said
        if time.monotonic() - said > 20 or done == of_all:
            said = time.monotonic()
            say(f"{shown(job.out)}: {done} of {of_all} rows")

    yield tell


for _command in (report, verify, guard, scaling, integrity, peers):
    bench.add_command(_command)
