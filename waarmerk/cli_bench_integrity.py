"""The command ``waarmerk bench integrity``: copied marks, averaged marks, wrong keys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from waarmerk.console import print_line, say

if TYPE_CHECKING:
    from typing import Literal

    from waarmerk.bench.integrity.run import Profile
    from waarmerk.bench.protocol import Medium

__all__ = ["integrity"]


@click.command()
@click.option("--suite", type=click.Choice(["image", "audio", "text", "all"]), default="all",
              show_default=True, help="Whose marks are tested.")  # fmt: skip
@click.option("--data", type=click.Path(path_type=Path), metavar="DIR",
              help="Folder with images/, audio/, text/; else what is shipped.")  # fmt: skip
@click.option("--profile", type=click.Choice(["quick", "full"]), default="quick",
              show_default=True, help="Sets the numbers below: a look, or figures.")  # fmt: skip
@click.option("--works", type=click.IntRange(1), metavar="N",
              help="Marked works that the attacker collects: 50, or 1000.")  # fmt: skip
@click.option("--keys", type=click.IntRange(1), metavar="N",
              help="Wrong keys for each content: 50, or 1000.")  # fmt: skip
@click.option("--contents", type=click.IntRange(1), metavar="N",
              help="Contents of the reporting half that are attacked: 1, or 3.")  # fmt: skip
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="FILE",
              default=Path("integrity.jsonl"), show_default=True,
              help="Rows, as JSON lines. A file that is there is gone on with.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, metavar="N",
              help="Processes.")  # fmt: skip
def integrity(
    *,
    suite: Medium | Literal["all"],
    data: Path | None,
    profile: Profile,
    works: int | None,
    keys: int | None,
    contents: int | None,
    out: Path,
    workers: int,
) -> int:
    """Try to copy marks onto other content, to average them away, and to read them without the key.

    The attacker has marked works and no key. Prints tables in Markdown.
    """
    from waarmerk.cli_bench import require_extra

    require_extra("text")  # content of every kind comes through what cuts texts into tokens
    from waarmerk.bench.integrity.run import integrity_tables, run_integrity

    rows = run_integrity(
        out,
        suite=suite,
        data=data,
        profile=profile,
        works=works,
        keys=keys,
        contents=contents,
        workers=workers,
        say=say,
    )
    print_line(integrity_tables(rows))
    return 0
