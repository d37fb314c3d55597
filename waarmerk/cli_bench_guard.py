"""The commands ``waarmerk bench guard`` and ``waarmerk bench scaling``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from waarmerk.console import print_json, print_line, say, shown

if TYPE_CHECKING:
    from waarmerk.bench.guard import Compared, Form, Outcome

__all__ = ["guard", "scaling"]

FINE, SLOWER = 0, 1
"""Exit statuses; 2 is that of an error."""


@click.command()
@click.option("--counts", is_flag=True,
              help="Count instructions under Valgrind: noise does not matter.")  # fmt: skip
@click.option("--only", metavar="PATTERN", multiple=True,
              help="Only cases whose name holds this; * and ? match any. Repeatable.")  # fmt: skip
@click.option("--factor", type=click.FloatRange(1, min_open=True),
              help="How much slower is too slow.  [default: 1.2; counts: 1.1]")  # fmt: skip
@click.option("--baseline", metavar="FILE", type=click.Path(path_type=Path),
              help="What to compare with; else that of this package.")  # fmt: skip
@click.option("--update", metavar="FILE", type=click.Path(path_type=Path),
              help="Do not compare: write a baseline of this machine.")  # fmt: skip
@click.option("--list", "as_list", is_flag=True, help="Name the cases and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")
def guard(
    *,
    counts: bool,
    only: tuple[str, ...],
    factor: float | None,
    baseline: Path | None,
    update: Path | None,
    as_list: bool,
    as_json: bool,
) -> int:
    """Say whether a kernel, marking or detection became slower.

    Each is timed in turns with work that never changes, and the ratio compared with the stored one;
    what seems slower is measured again in new processes. It takes a minute or two, also on a busy
    machine, with or without --counts.

    Exit status: 0 if nothing became slower, 1 if something did, 2 if there was an error.
    """
    from waarmerk.bench import guard as guarding

    form: Form = "counts" if counts else "times"
    if update is not None and (baseline is not None or factor is not None or only):
        raise click.UsageError("--update goes without --baseline, --factor and --only")
    if as_list:
        _print_names(only, counts)
        return FINE
    if update is not None:
        guarding.write_baseline(update, form, guarding.make_baseline(form))
        say(f"wrote {shown(update)}: baseline of {form}")
        return FINE
    outcome = guarding.guard(form, baseline or guarding.BASELINE, only, factor)
    if as_json:
        print_json(outcome.as_dict())
    else:
        for line in _lines(outcome):
            print_line(line)
    return SLOWER if outcome.slower else FINE


def _print_names(only: tuple[str, ...], counts: bool) -> None:
    from waarmerk.bench.guard_cases import cases, chosen, make_material

    names = [case.name for case in cases(make_material()) if case.small or not counts]
    for name in chosen(names, only):
        print_line(name)


def _lines(outcome: Outcome) -> list[str]:
    """Say it in lines: what differs, what is slower or faster, and a sum."""
    found = []
    if outcome.differences:
        found.append(f"The baseline is another machine's: {'; '.join(outcome.differences)}.")
        found.append(
            f"So only what takes {outcome.factor:g} times as much is reported. For a finer look, "
            "make a baseline of this machine with --update FILE, then use --baseline FILE."
        )
    found += [f"slower  {_said(each)}" for each in outcome.slower]
    found += [f"faster  {_said(each)}" for each in outcome.faster]
    for title, names in (("not in", outcome.unknown), ("only in", outcome.gone)):
        if names:
            found.append(f"{title} the baseline: {', '.join(names)}")
    what = "CPU time" if outcome.form == "times" else "instructions"
    found.append(
        f"{len(outcome.compared)} cases by {what}: {len(outcome.slower)} slower than "
        f"{outcome.factor:g} times the baseline, {len(outcome.faster)} faster"
    )
    return found


def _said(each: Compared) -> str:
    values = ", ".join(f"{value:.2f}" for value in each.worsening)
    return f"{each.name}: {values} times the baseline"


@click.command()
@click.option("-o", "--out", metavar="FILE", type=click.Path(path_type=Path),
              default=Path("scaling.jsonl"), show_default=True,
              help="Rows, as JSON lines. A file that is there is gone on with.")  # fmt: skip
@click.option("--quick", is_flag=True, help="Fewer and smaller points, in under a minute.")
@click.option("--json", "as_json", is_flag=True, help="Print rows, not tables.")
def scaling(*, out: Path, quick: bool, as_json: bool) -> int:
    """Measure how cost grows with pixels, minutes, tokens, keys and workers.

    Content is rendered, so no data is needed. Takes some minutes. Stop it at any time: the
    same command goes on where it was.
    """
    from waarmerk.cores import ONE_THREAD

    # Libraries read these when they are loaded, which the next line does.
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    from waarmerk.bench.scaling import run_scaling, scaling_tables

    def progress(row: dict[str, Any]) -> None:
        say("{curve} {x:g}, {what}: {seconds:.4g} s".format(**row))

    rows = run_scaling(out, quick=quick, progress=progress)
    if as_json:
        for row in rows:
            print_json(row)
    else:
        print_line(scaling_tables(rows))
    return FINE
