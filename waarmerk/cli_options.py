"""Options that commands share: what to look for in files, and whom to trust."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from waarmerk.detection.manifest.trust import TrustLists

__all__ = ["looking", "trusted"]


def looking(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say what to look for."""
    for option in reversed((
        click.option("--key", "keyfiles", metavar="KEYFILE", multiple=True,
                     help="Whose watermark to look for: a key or a ring of keys. Repeatable."),
        click.option("--trust", metavar="PEM", multiple=True,
                     help="Certificates under which a manifest is trusted. Repeatable."),
        click.option("--no-stored-trust", is_flag=True,
                     help="Leave out the lists that `waarmerk trust add` stored."),
        click.option("--manifests", metavar="FOLDER",
                     help="What `mark --keep-manifest` kept, for copies that lost theirs."),
        click.option("--effort", type=click.Choice(["fast", "full"]), default="full",
                     show_default=True,
                     help="fast: no search for crops, other scales, angles, speeds, pitches."),
        click.option("--tokenizer", metavar="PATH",
                     help="Of a text: its model's tokenizer.json, .tiktoken or folder."),
        click.option("--scheme", "scheme_files", metavar="FILE", multiple=True,
                     help="Of a text: a token mark to look for, too. Repeatable."),
    )):  # fmt: skip
        command = option(command)
    return command


def trusted(trust: tuple[str, ...], *, stored: bool) -> TrustLists:
    """Return the lists of trust that were given, and those that are stored if wanted.

    Raises
    ------
    InputError
        If one of them cannot be used.
    """
    from waarmerk.detection.manifest.trust import TrustLists, stored_lists

    lists = TrustLists.of(trust)
    return lists + stored_lists() if stored else lists
