"""What the summary says about one unsigned label, or about hidden characters."""

from __future__ import annotations

from typing import Final

from waarmerk.detection.finding import LabelFinding
from waarmerk.detection.hidden import HIDDEN
from waarmerk.detection.words import LONGEST, SAYS, Pair, because, named, printable
from waarmerk.marking.provenance import short_term

__all__ = ["REMOTE_MANIFEST", "about_label"]

REMOTE_MANIFEST: Final = "c2pa.remote-manifest"
"""The standard of a pointer to a manifest on the web."""


def about_label(finding: LabelFinding) -> Pair:
    """Say what a label reads, or that there is none, or why nobody looked."""
    if finding.standard == HIDDEN:
        return _hidden(finding)
    if finding.status == "found":
        return _remote(finding) if finding.standard == REMOTE_MANIFEST else _found(finding)
    reason, reden = because(finding.reason)
    return {
        "not_found": (
            "No unsigned label that names AI was found.",
            "Er is geen niet-ondertekend label gevonden dat AI noemt.",
        ),
        "not_checked": (
            f"Unsigned labels were not checked for{reason}.",
            f"Op niet-ondertekende labels is niet gecontroleerd{reden}.",
        ),
        "unreadable": (
            f"There is an unsigned label that cannot be read{reason}.",
            f"Er is een niet-ondertekend label dat niet kan worden gelezen{reden}.",
        ),
        "error": (
            f"The check for unsigned labels failed{reason}.",
            f"De controle op niet-ondertekende labels is mislukt{reden}.",
        ),
    }[finding.status]


def _found(finding: LabelFinding) -> Pair:
    where = printable(finding.standard or "", LONGEST)
    if finding.carrier is not None:
        where += f", {printable(finding.carrier, LONGEST)}"
    value = named(short_term(finding.value or ""))
    english, dutch = (
        f"An unsigned label ({where}) reads {value}",
        f"Een niet-ondertekend label ({where}) luidt {value}",
    )
    if finding.kind is not None:
        says, zegt = SAYS[finding.kind]
        english, dutch = f"{english}, which says {says}", f"{dutch}, wat betekent: {zegt}"
    if finding.system is not None and finding.system != finding.value:
        system = named(finding.system)
        english, dutch = f"{english}; it names {system}", f"{dutch}; het noemt {system}"
    return english + ".", dutch + "."


def _remote(finding: LabelFinding) -> Pair:
    where = printable(finding.value or "", LONGEST)
    return (
        f"The file points to a manifest elsewhere ({where}), which was not fetched.",
        f"Het bestand verwijst naar een manifest elders ({where}), dat niet is opgehaald.",
    )


def _hidden(finding: LabelFinding) -> Pair:
    if finding.status == "found":
        value = printable(finding.value or "", LONGEST)
        return (
            f"The text holds hidden characters of unknown meaning ({value}): another system's "
            "mark, or left there by accident; they do not show that AI was used.",
            f"De tekst bevat verborgen tekens met onbekende betekenis ({value}): een merk van een "
            "ander systeem, of per ongeluk blijven staan; ze tonen niet aan dat AI is gebruikt.",
        )
    return (
        "No unusual hidden characters were found.",
        "Er zijn geen ongewone verborgen tekens gevonden.",
    )
