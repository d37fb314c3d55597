"""The command ``waarmerk bench peers``: our marks and those of others, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from waarmerk.console import print_line, say, shown
from waarmerk.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waarmerk.bench.protocol import Medium

__all__ = ["peers"]

_SUITES = ("image", "audio", "text")


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--suite", type=click.Choice([*_SUITES, "all"]), default="all", show_default=True,
              help="What to measure.")  # fmt: skip
@click.option("--data", metavar="DIR", type=click.Path(path_type=Path),
              help="Folder with images/, audio/, text/; else what is shipped.")  # fmt: skip
@click.option("--profile", type=click.Choice(["quick", "full"]), default="quick",
              show_default=True, help="Some of it in minutes, or all of it in hours.")  # fmt: skip
@click.option("-o", "--out", metavar="FILE", type=click.Path(path_type=Path),
              default=Path("peers.jsonl"), show_default=True,
              help="Rows, as JSON lines. A file that is there is gone on with.")  # fmt: skip
@click.option("--peer", "chosen", metavar="NAME", multiple=True,
              help="Only these, see --list. Repeatable.")  # fmt: skip
@click.option("--environments", metavar="FOLDER", type=click.Path(path_type=Path),
              help="Where the peers are installed; else the user's folder for caches.")  # fmt: skip
@click.option("--with-large", "large", is_flag=True,
              help="With those that take gigabytes: the peers of text.")  # fmt: skip
@click.option("--audiowmark", metavar="PATH", type=click.Path(path_type=Path),
              help="The program audiowmark; else that on the PATH.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, metavar="N",
              help="Processes; each runs the peers in processes of their own.")  # fmt: skip
@click.option("--list", "list_only", is_flag=True, help="Show the peers and end.")
@click.option("--published", "published_only", is_flag=True,
              help="Print figures that others published, as Markdown, and end.")  # fmt: skip
def peers(
    *,
    suite: str,
    chosen: tuple[str, ...],
    environments: Path | None,
    large: bool,
    audiowmark: Path | None,
    list_only: bool,
    published_only: bool,
    **options: Any,
) -> None:
    """Measure other watermarks on the same content and the same changes as ours.

    Each peer is installed into a virtual environment of its own, by uv or pip as you have set them
    up; that alone needs a network, and only once. Nothing of the peers is part of waarmerk, and
    their licences are their own.
    """
    if published_only:
        _print_published(suite)
        return
    from waarmerk.bench.peers.environments import environments_folder
    from waarmerk.bench.peers.schemes import use

    folder = environments_folder() if environments is None else environments
    use(folder, audiowmark)
    if list_only:
        _print_list(suite, folder)
        return
    names = _names(suite, chosen, large=large)
    _install(names, folder)
    _run(suite, names, **options)


def _names(suite: str, chosen: Sequence[str], *, large: bool) -> list[str]:
    """Return the peers to measure; what is left out is said."""
    from waarmerk.bench.peers.audiowmark import audiowmark_path
    from waarmerk.bench.peers.schemes import PEERS, peer_names

    if chosen:
        if unknown := sorted(set(chosen) - set(PEERS)):
            raise InputError(f"no such peer: {', '.join(unknown)}; there are {', '.join(PEERS)}")
        media = {PEERS[name]().medium for name in chosen}
        if suite != "all" and media != {suite}:
            raise InputError(f"--suite is {suite}, but a peer that was named marks something else")
        return list(dict.fromkeys(chosen))
    if suite == "text" and not large:
        raise InputError("the peers of text take more than a gigabyte; add --with-large for them")
    has_audiowmark = suite in ("audio", "all")
    if has_audiowmark:
        try:
            audiowmark_path()
        except InputError as error:
            if suite == "audio":
                raise
            say(f"Left out: audiowmark; {error}.")
            has_audiowmark = False
    if suite == "all" and not large:
        say("Left out: the peers of text, which take more than a gigabyte; see --with-large.")
    return peer_names(suite, large=large, audiowmark=has_audiowmark)


def _install(names: Sequence[str], folder: Path) -> None:
    from waarmerk.bench.peers.environments import ENVIRONMENTS, make
    from waarmerk.bench.peers.schemes import environment_of, ready_peer

    where = {name: environment_of(name) for name in names}
    for name in sorted(names, key=lambda name: where[name] is not None):  # programs: quickly known
        environment = where[name]
        if environment is not None:
            make(ENVIRONMENTS[environment], folder, lambda line: say(shown(line)))
        ready_peer(name)


def _run(suite: str, names: Sequence[str], **options: Any) -> None:
    """Run our own schemes and the peers.

    THE ONE PLACE where the runner is called: it must load the names of
    `waarmerk.bench.peers.schemes.PEERS` (by `ready_peer`) beside its own.
    """
    from waarmerk.bench.peers.schemes import PEERS
    from waarmerk.bench.run import Job, run_suite
    from waarmerk.bench.schemes import defaults
    from waarmerk.cli_bench import progress_bar, require_extra

    media: list[Medium] = list(dict.fromkeys(PEERS[name]().medium for name in names))
    require_extra(*media)
    own = [name for medium in media for name in defaults(medium)]
    job = Job(suites=media, schemes=[*own, *names], **options)
    with progress_bar(job) as progress:
        out = run_suite(job, progress)
    left = "" if suite != "all" or len(media) == len(_SUITES) else f" ({', '.join(media)})"
    print_line(f"Wrote {shown(out)}{left}. Next: waarmerk bench report {shown(out)} -o peers.html")


def _print_list(suite: str, folder: Path) -> None:
    from waarmerk.bench.peers.environments import ENVIRONMENTS, state_of
    from waarmerk.bench.peers.schemes import PEERS, environment_of, versions

    print_line(f"Environments in {shown(folder)}:")
    for name, make_scheme in PEERS.items():
        medium = make_scheme().medium
        if suite not in (medium, "all"):
            continue
        found = ", ".join(f"{what} {version}" for what, version in versions(name).items())
        where = environment_of(name)
        if where is None:
            state = f"{found}, ready" if found else "audiowmark: no such program"
        else:
            environment = ENVIRONMENTS[where]
            pinned = ", ".join(environment.alone or environment.requirements[1:2])
            size = f"{environment.megabytes} MB{', --with-large' if environment.large else ''}"
            state = f"{found or pinned}, {state_of(environment, folder)} ({size})"
        print_line(f"  {medium:6} {name:36} {state}")


def _print_published(suite: str) -> None:
    from waarmerk.bench.peers.published import as_markdown, published

    medium: Any = None if suite == "all" else suite
    print_line(as_markdown(published(medium)))
