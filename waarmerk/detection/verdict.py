"""From findings to a verdict: the only place that decides what findings mean together.

::

    what was found                                                    verdict
    ----------------------------------------------------------------  --------------------------
    a watermark that a manifest contradicts (see below)               inconsistent
    a watermark, an intact manifest, or both, and one says generated  generated
    the same, and what they say is altered                            altered
    an intact manifest whose content has a part made with AI          altered
    a watermark whose kind cannot be read, nothing else that says it  marked
    a manifest that was proven not to belong to these bytes           inconsistent
    only a label, a public watermark or a manifest that cannot be
      relied on says that AI was used                                 claimed
    anything else                                                     none_found

docs/verdict.md has every combination, written by scripts/verdict_table.py from this module. A
watermark below is one with a secret key; *public* ones, which anybody can write, count as labels.

Contradictions between a found watermark and a manifest, most telling first. The manifest is an
*intact* one (``trusted`` or ``valid``), or a ``recovered`` one as far as its signature goes, except
for ``moved``:

``key``
    the manifest's soft binding names a key for our scheme, and the watermark that was found is of
    another key.
``binding``
    the manifest declares a soft binding of our scheme and none of its ids is the id that was read:
    one of the two was put on content it was not made for.
``kind``
    both belong to the same act of marking (same id) and yet name different kinds; or the manifest
    says that these bytes came whole out of a model while the watermark says that AI altered
    existing content. The reverse, a watermark that says generated under a manifest that says
    edited with AI, is an ordinary history: generated first, edited later. It stays ``generated``,
    so that an edit, signed by whomever, cannot talk a generated picture down.
``origin``
    the manifest says that a camera or a human hand made this, and names no part that AI made,
    while the watermark says AI. Screen captures, composites and the like are no contradiction:
    what they show may be generated.
``moved``
    the manifest's hash of the content does not match these bytes: the bytes were changed after
    they were signed, or manifest, watermark or both come from other content.

Choices that are policy, not logic:

* **Damage never silences a watermark.** Whoever breaks the manifest beside one, or adds a
  contradicting one, can turn ``generated`` into ``inconsistent``, which still says what the
  watermark says; nothing turns it into ``claimed`` or ``none_found``. A manifest that is broken in
  another way than its hash of the content (forged, expired, unreadable) says nothing about these
  bytes, and leaves the verdict to the watermark.
* A hash that does not match counts also when the manifest names this very watermark. An innocent
  edit leaves that behind, but so does copying both onto a photograph; nothing here can tell which.
* What no rule can see: a **watermark copied onto other content without any manifest** reads as
  found, and so does one under a new manifest that whoever copied it signed himself. A watermark
  shows that the key's owner marked something, not that it was this. What was marked is said by
  an intact manifest of a known signer that names the watermark, and by a comparison of content.
* A **recovered manifest** was found by the id in the watermark. Its own content was not compared
  with this, so that a copied watermark brings the manifest along: it can contradict, and adds no
  layer to the basis. Without a watermark it is no more than a claim.
* **Two watermarks** of one scheme with different ids are no contradiction: content is put together
  and is marked again. If a manifest names one of them, that one counts for it.
* A **binding without its watermark** is no contradiction: its key may not have been given, and
  watermarks get lost. The summary says so.
* A **broken manifest alone** is ``inconsistent`` when hashes or signature do not match: the mark
  contradicts the content, whatever it says (it may have been copied there). When it fails for
  another reason (an expired certificate, a parse error), nothing it says is proven and nothing is
  disproven: its statement counts as an unsigned claim.
* A ``valid`` manifest (signer unknown) is a signed statement and gives a verdict; that anyone can
  make one is said in the summary. One by a known signer weighs no more here, only in the wording.
* **A part** counts when it was put in (``componentOf``) and its manifest held. What a model was
  given (``inputTo``) never counts; what was opened (``parentOf``) is in the source type already.
* Unsigned labels and public watermarks decide only when nothing else speaks, and never contradict.
  Hidden characters of a system that is not known are reported beside them, and decide nothing.
* What is *not* said by a mark is not evidence: a manifest without an AI source type says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from waarmerk.detection.finding import (
    Finding,
    Kind,
    LabelFinding,
    ManifestFinding,
    WatermarkFinding,
)
from waarmerk.marking.provenance import source_kind

__all__ = [
    "Conclusion",
    "Conflict",
    "Layer",
    "Verdict",
    "conclude",
    "has_ai_part",
    "same_scheme",
]

Verdict = Literal["generated", "altered", "marked", "claimed", "inconsistent", "none_found"]
Layer = Literal["watermark", "manifest", "label"]
Conflict = Literal["key", "binding", "kind", "origin", "moved", "broken"]

_MOST_TELLING: Final[tuple[Conflict, ...]] = ("key", "binding", "kind", "origin", "moved")

# IPTC digital source types (https://cv.iptc.org/newscodes/digitalsourcetype/) that exclude AI: what
# is seen was captured from life or made by hand. Not here, because they may show something
# generated: screenCapture, composite, virtualRecording, dataDrivenMedia, algorithmicMedia,
# algorithmicallyEnhanced. Those that say AI are in marking/provenance.py.
_IPTC = re.compile(r"(https?://cv\.iptc\.org/newscodes/digitalsourcetype/)?(?P<code>[A-Za-z]+)")
_NOT_AI = frozenset(
    {
        "digitalCapture",
        "computationalCapture",
        "compositeCapture",
        "negativeFilm",
        "positiveFilm",
        "print",
        "humanEdits",
        "minorHumanEdits",
        "digitalCreation",
        "digitalArt",
    }
)

# C2PA failure codes (2.4, 15.2.2). Those that compare the content with what was signed:
_OTHER_CONTENT = frozenset(
    {
        "assertion.dataHash.mismatch",
        "assertion.bmffHash.mismatch",
        "assertion.boxesHash.mismatch",
        "assertion.boxesHash.unknownBox",
        "assertion.collectionHash.mismatch",
        "assertion.multiAssetHash.mismatch",
    }
)
# Those and all others that end like this (claimSignature.mismatch) prove that manifest and bytes do
# not belong together. Any other failure (expired, malformed) leaves that open. Codes about
# ingredients end in @ingredient and do not count.
_MISMATCH = ".mismatch"

# Signals of the C2PA asset rubrics 1.0 that say, outright, that generative AI was used. Those that
# say it may have been (compositionMayContainGenAI, perceptiblePossiblyGenAI) are not here.
_AI_SIGNALS = frozenset(
    {
        "inception:signal_fullyGenAIMedia",
        "inception:signal_partlyGenAICreation",
        "transformation:signal_perceptibleGenAI",
    }
)


@dataclass(frozen=True, slots=True)
class Conclusion:
    """A verdict and what it rests on.

    Parameters
    ----------
    verdict
        See the table at the top of this module.
    basis
        The layers that it rests on.
    conflict
        What contradicts what, when it is ``inconsistent``.
    part
        Whether it is ``altered`` only because a part of the content is marked as made with AI.
    watermark_says
        What the watermark says when a manifest contradicts it; None if its kind is not known.
    """

    verdict: Verdict
    basis: tuple[Layer, ...] = ()
    conflict: Conflict | None = None
    part: bool = False
    watermark_says: Kind | None = None


def conclude(findings: Iterable[Finding]) -> Conclusion:
    """Decide what findings mean together.

    Parameters
    ----------
    findings
        Any number of findings of any layer, in any order. The order does not matter.

    Returns
    -------
    Conclusion
        See the table at the top of this module.
    """
    findings = tuple(findings)
    seen = [f for f in findings if isinstance(f, WatermarkFinding) and f.found]
    marks = [f for f in seen if not f.public]
    manifests = [f for f in findings if isinstance(f, ManifestFinding)]
    labels = [f for f in findings if isinstance(f, LabelFinding) and f.status == "found"]

    kinds: set[Kind | None] = {mark.kind for mark in marks}
    conflicts = {_contradiction(marks, manifest) for manifest in manifests}
    for conflict in _MOST_TELLING:
        if conflict in conflicts:
            says = _strongest(kinds)
            return Conclusion(
                "inconsistent", ("watermark", "manifest"), conflict, watermark_says=says
            )

    stating = [m for m in manifests if m.intact and _says_ai(m)]
    kinds |= {source_kind(manifest.digital_source_type) for manifest in stating}
    basis: list[Layer] = []
    if marks:
        basis.append("watermark")
    if stating:
        basis.append("manifest")
    kind = _strongest(kinds)
    if kind is not None:
        return Conclusion(kind, tuple(basis))
    if stating:  # and no kind: it names a part; a watermark is about the whole
        return Conclusion("altered", tuple(basis), part=not marks)
    if marks:
        return Conclusion("marked", tuple(basis))
    return _without_proof(manifests, labels, [mark for mark in seen if mark.public])


def has_ai_part(manifest: ManifestFinding) -> bool:
    """Return whether something that AI made was put into the content, by an intact record of it.

    Ingredients of ingredients count only where all that is listed held and nothing was input to a
    model: the list does not say under which ingredient they stand.
    """
    for signal in manifest.signals:
        *path, area, name = ["", "", *signal.split(":")]
        if "component" in path and "input" not in path and f"{area}:{name}" in _AI_SIGNALS:
            return True
    plain = all(
        ingredient.relationship != "inputTo" and ingredient.status != "broken"
        for ingredient in manifest.ingredients
    )
    return any(
        ingredient.relationship == "componentOf"
        and ingredient.status == "intact"
        and (ingredient.depth == 1 or plain)
        and source_kind(ingredient.digital_source_type) is not None
        for ingredient in manifest.ingredients
    )


def same_scheme(alg: str, scheme: str) -> bool:
    """Return whether a soft-binding algorithm is our scheme, bare or under a reverse domain."""
    return alg == scheme or alg.endswith("." + scheme)


def _strongest(kinds: set[Kind | None]) -> Kind | None:
    """Return what several marks say together: generated weighs more than altered."""
    if "generated" in kinds:
        return "generated"
    return "altered" if "altered" in kinds else None


def _says_ai(manifest: ManifestFinding) -> bool:
    return source_kind(manifest.digital_source_type) is not None or has_ai_part(manifest)


def _without_proof(
    manifests: list[ManifestFinding], labels: list[LabelFinding], public: list[WatermarkFinding]
) -> Conclusion:
    """Decide when neither a secret watermark nor an intact manifest says anything about AI."""
    if any(_belongs_elsewhere(manifest) for manifest in manifests):
        return Conclusion("inconsistent", ("manifest",), "broken")
    claims: list[Layer] = []
    # A generator's own mark says that it made this, whether or not it has a bit for the kind.
    if any(mark.kind is not None or mark.system is not None for mark in public):
        claims.append("watermark")
    doubtful = [m for m in manifests if m.status in ("invalid", "recovered", "error")]
    if any(_says_ai(manifest) for manifest in doubtful):
        claims.append("manifest")
    if any(label.kind is not None for label in labels):
        claims.append("label")
    return Conclusion("claimed", tuple(claims)) if claims else Conclusion("none_found")


def _contradiction(marks: list[WatermarkFinding], manifest: ManifestFinding) -> Conflict | None:
    """Return how a manifest contradicts the watermarks that were found, most telling first."""
    if not marks:
        return None
    if manifest.status == "invalid" and _OTHER_CONTENT.intersection(manifest.codes):
        return "moved"
    if not manifest.intact and manifest.status != "recovered":
        return None
    conflicts = {
        _between([mark for mark in marks if mark.scheme == scheme], manifest, scheme)
        for scheme in {mark.scheme for mark in marks}
    }
    for conflict in _MOST_TELLING:
        if conflict in conflicts:
            return conflict
    source = _IPTC.fullmatch(manifest.digital_source_type or "")
    if source is not None and source["code"] in _NOT_AI and not has_ai_part(manifest):
        return "origin"
    return None


def _between(
    marks: list[WatermarkFinding], manifest: ManifestFinding, scheme: str
) -> Conflict | None:
    """Return how a manifest contradicts the watermarks of one scheme, if it does."""
    keys = {mark.key_id for mark in marks if mark.key_id is not None}
    named = {key.strip().lower() for alg, key in manifest.bound_keys if same_scheme(alg, scheme)}
    if keys and named and not keys & named:
        return "key"
    read = {mark.mark_id.hex for mark in marks if mark.mark_id is not None}
    bound = {
        value.strip().lower() for alg, value in manifest.soft_bindings if same_scheme(alg, scheme)
    }
    if read and bound and not read & bound:
        return "binding"
    stated = source_kind(manifest.digital_source_type)
    if stated is None:
        return None
    for mark in marks:
        if mark.kind is not None and mark.kind != stated:
            same_act = mark.mark_id is not None and mark.mark_id.hex in bound
            if same_act or stated == "generated":
                return "kind"
    return None


def _belongs_elsewhere(manifest: ManifestFinding) -> bool:
    """Return whether a manifest was proven not to belong to these bytes."""
    return manifest.status == "invalid" and any(
        code.endswith(_MISMATCH) or code in _OTHER_CONTENT for code in manifest.codes
    )
