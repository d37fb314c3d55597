"""From findings to a verdict: the only place that decides what findings mean together.

::

    what was found                                                    verdict
    ----------------------------------------------------------------  --------------------------
    an intact manifest contradicts a found watermark (see below)      inconsistent
    a watermark, an intact manifest, or both, and one says generated  generated
    the same, and what they say is altered                            altered
    a watermark whose kind cannot be read, nothing else that says it  marked
    a manifest that was proven not to belong to these bytes           inconsistent
    only an unsigned label, or a manifest that cannot be relied on,
      says that AI was used                                           claimed
    anything else                                                     none_found

Contradictions between a found watermark and an *intact* manifest (``trusted`` or ``valid``; or
``recovered``, as far as its signature goes):

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
    the manifest says that a camera or a human hand made this, while the watermark says AI.
    Screen captures, composites and the like are no contradiction: what they show may be generated.

Choices that are policy, not logic:

* A **broken manifest never weighs against a watermark**. The watermark proves itself; a manifest
  breaks by any edit of metadata, and if it counted, breaking it would be a way to talk a verdict
  away. The summary says that it is broken.
* A **broken manifest alone** is ``inconsistent`` when hashes or signature do not match: the mark
  contradicts the content, whatever it says (it may have been copied there). When it fails for
  another reason (an expired certificate, a parse error), nothing it says is proven and nothing is
  disproven: its statement counts as an unsigned claim.
* A ``valid`` manifest (signer unknown) is a signed statement and gives a verdict; that anyone can
  make one is said in the summary. One by a known signer weighs no more here, only in the wording.
* A ``recovered`` manifest was found through the watermark. It counts beside that watermark; alone
  it is no more than a claim, because its bytes are not these.
* Unsigned labels decide only when nothing else speaks, and never contradict: anyone can write one.
  Hidden characters of a system that is not known are reported beside them, and decide nothing.
* What is *not* said by a mark is not evidence: a manifest without an AI source type, a watermark
  that a manifest declares but that was not found (the key may be another's).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from waarmerk.detection.finding import (
    Finding,
    LabelFinding,
    ManifestFinding,
    WatermarkFinding,
)
from waarmerk.marking.provenance import source_kind

__all__ = ["Conclusion", "Conflict", "Layer", "Verdict", "conclude"]

Verdict = Literal["generated", "altered", "marked", "claimed", "inconsistent", "none_found"]
Layer = Literal["watermark", "manifest", "label"]
Conflict = Literal["binding", "kind", "origin", "broken"]

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

# C2PA failure codes that prove that manifest and bytes do not belong together end like this
# (assertion.dataHash.mismatch, claimSignature.mismatch). Any other failure (expired, malformed)
# leaves that open. Codes about ingredients end in @ingredient and do not count.
_MISMATCH = ".mismatch"

# Label values of other standards than IPTC (GB 45438-2025: 1 generated; 2 and 3 are suspicions).
_AIGC_GENERATED = frozenset({"1"})


@dataclass(frozen=True, slots=True)
class Conclusion:
    """A verdict, the layers it rests on, and, when inconsistent, what contradicts what."""

    verdict: Verdict
    basis: tuple[Layer, ...] = ()
    conflict: Conflict | None = None


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
    marks = [f for f in findings if isinstance(f, WatermarkFinding) and f.found]
    manifests = [f for f in findings if isinstance(f, ManifestFinding)]
    labels = [f for f in findings if isinstance(f, LabelFinding) and f.status == "found"]

    speaking = [m for m in manifests if m.intact or (m.status == "recovered" and marks)]
    for manifest in speaking:
        conflict = _contradiction(marks, manifest)
        if conflict is not None:
            return Conclusion("inconsistent", ("watermark", "manifest"), conflict)

    stating = [m for m in speaking if source_kind(m.digital_source_type) is not None]
    kinds = {mark.kind for mark in marks}
    kinds |= {source_kind(manifest.digital_source_type) for manifest in stating}
    basis: list[Layer] = []
    if marks:
        basis.append("watermark")
    if stating:
        basis.append("manifest")
    verdict: Verdict | None = None
    if "generated" in kinds:
        verdict = "generated"
    elif "altered" in kinds:
        verdict = "altered"
    elif marks:
        verdict = "marked"
    if verdict is not None:
        return Conclusion(verdict, tuple(basis))
    return _without_proof(manifests, labels)


def _without_proof(manifests: list[ManifestFinding], labels: list[LabelFinding]) -> Conclusion:
    """Decide when neither a watermark nor an intact manifest says anything about AI."""
    if any(_belongs_elsewhere(manifest) for manifest in manifests):
        return Conclusion("inconsistent", ("manifest",), "broken")
    claims: list[Layer] = []
    doubtful = [m for m in manifests if m.status in ("invalid", "recovered", "error")]
    if any(source_kind(manifest.digital_source_type) for manifest in doubtful):
        claims.append("manifest")
    if any(_label_says_ai(label) for label in labels):
        claims.append("label")
    return Conclusion("claimed", tuple(claims)) if claims else Conclusion("none_found")


def _contradiction(marks: list[WatermarkFinding], manifest: ManifestFinding) -> Conflict | None:
    """Return how an intact manifest contradicts the watermarks that were found."""
    declared = {(alg, value.strip().lower()) for alg, value in manifest.soft_bindings}
    stated = source_kind(manifest.digital_source_type)
    source = _IPTC.fullmatch(manifest.digital_source_type or "")
    excluded = source is not None and source["code"] in _NOT_AI
    for scheme in {mark.scheme for mark in marks}:
        read = {m.mark_id.hex for m in marks if m.scheme == scheme and m.mark_id is not None}
        bound = {value for alg, value in declared if _same_scheme(alg, scheme)}
        if read and bound and not read & bound:
            return "binding"
        if stated is None:
            continue
        for mark in marks:
            if mark.scheme != scheme or mark.kind is None or mark.kind == stated:
                continue
            same_act = mark.mark_id is not None and mark.mark_id.hex in bound
            if same_act or stated == "generated":
                return "kind"
    if marks and excluded:
        return "origin"
    return None


def _same_scheme(alg: str, scheme: str) -> bool:
    """Return whether a soft-binding algorithm is our scheme, bare or under a reverse domain."""
    return alg == scheme or alg.endswith("." + scheme)


def _belongs_elsewhere(manifest: ManifestFinding) -> bool:
    """Return whether a manifest was proven not to belong to these bytes."""
    return manifest.status == "invalid" and any(code.endswith(_MISMATCH) for code in manifest.codes)


def _label_says_ai(label: LabelFinding) -> bool:
    """Return whether an unsigned label says, outright, that AI made or changed the content."""
    if label.value is None:
        return False
    standard = (label.standard or "").lower()
    if standard.startswith("aigc"):
        return label.value in _AIGC_GENERATED
    if standard.startswith("schema.org"):
        # https://schema.org/TrainedAlgorithmicMediaDigitalSource
        term = label.value.strip().rpartition("/")[2].removesuffix("DigitalSource")
        return source_kind(term[:1].lower() + term[1:]) is not None
    return source_kind(label.value) is not None
