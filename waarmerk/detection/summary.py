"""The plain-language summary of a report, in English and Dutch.

Rules that every sentence keeps, and that the tests hold them to:

* A summary never claims more than was checked. Each layer gets a sentence, also when it was not
  looked at: then that is what the sentence says.
* "No mark found" is never worded as "made by a human", or as clean, real or authentic.
* A mark *says* something; the summary passes on what it says and how sure it is that the mark is
  really there, and no more. Of what anyone can write it says so.
* A probability is rounded up, never down; one that is not proven is called an estimate.
* What comes out of a file (a signer's name) is shown with its control characters made visible.

The sentences stand in verdict_words, watermark_words, manifest_words and label_words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from waarmerk.detection.finding import (
    Finding,
    ManifestFinding,
    WatermarkFinding,
)
from waarmerk.detection.label_words import about_label
from waarmerk.detection.manifest_words import about_manifest, signer_is_known
from waarmerk.detection.reasons import (
    FAST_SEARCH,
    FAST_SOUND_SEARCH,
    NO_KEY,
    NO_SIDECAR,
    note_in_dutch,
)
from waarmerk.detection.verdict import Conclusion
from waarmerk.detection.verdict_words import headline_pair
from waarmerk.detection.watermark_words import about_watermark
from waarmerk.detection.words import Pair, bound, printable

__all__ = [
    "FAST_SEARCH",
    "FAST_SOUND_SEARCH",
    "NO_KEY",
    "NO_SIDECAR",
    "bound",
    "headline",
    "printable",
    "signer_is_known",
    "summarise",
]

_MOST_LABELS: Final = 12
"""So many labels get a sentence; the report has them all."""


def summarise(
    conclusion: Conclusion,
    findings: Iterable[Finding],
    *,
    searched_fully: bool = True,
    notes: Iterable[str] = (),
) -> dict[str, str]:
    """Say in plain words what was found, what was not, and what was not checked.

    Parameters
    ----------
    conclusion
        What the findings mean together.
    findings
        The findings it was drawn from.
    searched_fully
        False when the search for a watermark left out changes of geometry.
    notes
        What was not looked at or does not fit together, in English.

    Returns
    -------
    dict
        The same text under ``"en"`` and ``"nl"``.
    """
    findings = tuple(findings)
    marks = [f for f in findings if isinstance(f, WatermarkFinding) and not f.public]
    pairs = [headline_pair(conclusion)]
    labels = 0
    for finding in findings:
        if isinstance(finding, WatermarkFinding):
            pairs.append(about_watermark(finding, searched_fully))
        elif isinstance(finding, ManifestFinding):
            pairs.append(about_manifest(finding, marks))
        else:
            labels += finding.status == "found"
            if finding.status != "found" or labels <= _MOST_LABELS:
                pairs.append(about_label(finding))
    if labels > _MOST_LABELS:
        pairs.append(_more_labels(labels - _MOST_LABELS))
    if _several(marks):
        pairs.append(
            (
                "The watermarks have different ids: the content was put together from several, "
                "or was marked more than once.",
                "De watermerken hebben verschillende nummers: de inhoud is uit verschillende "
                "delen samengesteld, of is meer dan eens gemarkeerd.",
            )
        )
    pairs += [_note(note) for note in notes]
    english, dutch = zip(*pairs, strict=True)
    return {"en": " ".join(english), "nl": " ".join(dutch)}


def headline(conclusion: Conclusion) -> str:
    """Return the first sentences of the English summary: the verdict in words."""
    return headline_pair(conclusion)[0]


def _several(marks: Sequence[WatermarkFinding]) -> bool:
    """Return whether two ids of the same scheme were read."""
    ids: dict[str, set[str]] = {}
    for mark in marks:
        if mark.found and mark.mark_id is not None:
            ids.setdefault(mark.scheme, set()).add(mark.mark_id.hex)
    return any(len(read) > 1 for read in ids.values())


def _more_labels(count: int) -> Pair:
    if count == 1:
        return "There is one more unsigned label.", "Er is nog één niet-ondertekend label."
    return (
        f"There are {count} more unsigned labels.",
        f"Er zijn nog {count} niet-ondertekende labels.",
    )


def _note(note: str) -> Pair:
    return f"Note: {printable(note)}.", f"Let op: {printable(note_in_dutch(note))}."
