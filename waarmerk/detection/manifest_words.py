"""What the summary says about the manifest: whether it holds, who signed, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from waarmerk.detection.finding import ManifestFinding, WatermarkFinding
from waarmerk.detection.reasons import LOST_MARKER
from waarmerk.detection.verdict import has_ai_part, same_scheme
from waarmerk.detection.words import LONGEST, SAYS, Pair, because, named, printable
from waarmerk.marking.provenance import source_kind

__all__ = ["about_manifest", "signer_is_known"]

# Signals of the C2PA asset rubrics 1.0 for origins that may hide something generated.
_OPEN_SIGNALS: Final = frozenset(
    {
        "inception:signal_compositionMayContainGenAI",
        "inception:signal_screenCaptureMayContainGenAI",
        "transformation:signal_perceptiblePossiblyGenAI",
    }
)


def about_manifest(finding: ManifestFinding, marks: Sequence[WatermarkFinding]) -> Pair:
    """Say what the manifest says and whether that may be believed.

    Parameters
    ----------
    finding
        About the manifest.
    marks
        All findings about watermarks with a secret key: does it name one of them?
    """
    if finding.status in ("trusted", "valid", "recovered"):
        english, dutch = _holds(finding)
        for more, meer in (*_details(finding), *_naming(finding, marks)):
            english, dutch = f"{english} {more}", f"{dutch} {meer}"
        return english, dutch
    reason, reden = because(finding.reason)
    there, er = "There is a manifest", "Er is een manifest"
    if finding.sidecar is not None:
        beside = named(finding.sidecar)
        there += f" in {beside} beside the file"
        er += f" in {beside} naast het bestand"
    return {
        "invalid": (
            f"{there}, but it is not valid{reason}: nothing it says can be relied on.",
            f"{er}, maar het is niet geldig{reden}: op niets wat het zegt kan worden vertrouwd.",
        ),
        "absent": (
            f"There is no manifest (Content Credentials) in the file{reason}.",
            f"Er zit geen manifest (Content Credentials) in het bestand{reden}.",
        ),
        "error": (
            f"{there}, but it could not be read{reason}.",
            f"{er}, maar het kon niet worden gelezen{reden}.",
        ),
        "not_checked": (
            f"Manifests were not checked for{reason}.",
            f"Op manifesten is niet gecontroleerd{reden}.",
        ),
    }[finding.status]


def signer_is_known(finding: ManifestFinding) -> bool:
    """Return whether the signer of the file itself is trusted, whatever its ingredients are."""
    return finding.status == "trusted" or "signingCredential.trusted" in finding.codes


def _holds(finding: ManifestFinding) -> Pair:
    """Say that it is intact, or was found again, who signed it and what it says about AI."""
    signed = f" signed by {named(finding.signer)}" if finding.signer else ""
    getekend = f" dat is ondertekend door {named(finding.signer)}" if finding.signer else ""
    if finding.sidecar is not None:
        beside = named(finding.sidecar)
        signed += f", which lies in {beside} beside the file,"
        getekend += f", dat in {beside} naast het bestand ligt,"
    says, zegt = _says(finding)
    which, welke = "a given trust list", "een opgegeven vertrouwenslijst"
    if finding.trust_list is not None:
        which = f"the trust list {named(finding.trust_list)}"
        welke = f"de vertrouwenslijst {named(finding.trust_list)}"
    known = signer_is_known(finding)
    if finding.status == "recovered":
        whose = f"its signer is vouched for by {which}"
        wiens = f"{welke} staat in voor de ondertekenaar"
        if not known:
            whose = "no given trust list knows its signer"
            wiens = "geen opgegeven vertrouwenslijst kent de ondertekenaar"
        return (
            f"A manifest{signed} was found again through the watermark; its signature holds, "
            f"{whose}, it was made for other bytes than these, and it {says}. Whether that was "
            "the same content was not compared.",
            f"Een manifest{getekend} is via het watermerk teruggevonden; de handtekening klopt, "
            f"{wiens}, het is voor andere bytes gemaakt dan deze, en het {zegt}. Of dat dezelfde "
            "inhoud was, is niet vergeleken.",
        )
    if not known:
        english, dutch = (
            f"A manifest{signed} is intact and {says}, but no given trust list knows the signer: "
            "anyone can sign under any name.",
            f"Een manifest{getekend} is ongeschonden en {zegt}, maar geen opgegeven "
            "vertrouwenslijst kent de ondertekenaar: iedereen kan onder elke naam ondertekenen.",
        )
    else:
        english, dutch = (
            f"A manifest{signed} is intact, its signer is vouched for by {which}, and it {says}.",
            f"Een manifest{getekend} is ongeschonden, {welke} staat in voor de ondertekenaar, en "
            f"het {zegt}.",
        )
        if finding.status == "valid":
            english = f"{english[:-1]}; who signed an earlier version of the content is not known."
            dutch = (
                f"{dutch[:-1]}; wie een eerdere versie van de inhoud heeft ondertekend is niet "
                "bekend."
            )
    if finding.reason == LOST_MARKER:
        reason, reden = because(finding.reason)
        return f"{english[:-1]}{reason}.", f"{dutch[:-1]}{reden}."
    return english, dutch


def _says(finding: ManifestFinding) -> Pair:
    kind = source_kind(finding.digital_source_type)
    if kind is not None:
        return f"says {SAYS[kind][0]}", f"zegt: {SAYS[kind][1]}"
    if has_ai_part(finding):
        return (
            "says that a part of the content was made with AI",
            "zegt dat een deel van de inhoud met AI is gemaakt",
        )
    if _OPEN_SIGNALS.intersection(finding.signals):
        return "leaves open whether AI was used", "laat open of AI is gebruikt"
    return "does not say that AI was used", "zegt niet dat AI is gebruikt"


def _details(finding: ManifestFinding) -> list[Pair]:
    """Say with what it was made, when, and what is wrong with what went into the content."""
    pairs: list[Pair] = []
    if finding.generator is not None:
        name = named(finding.generator)
        pairs.append((f"It says that {name} wrote it.", f"Het zegt met {name} te zijn gemaakt."))
    if finding.signed_at is not None:
        when = printable(finding.signed_at, LONGEST)
        pairs.append(
            (
                f"A time-stamp shows that it was signed no later than {when}.",
                f"Een tijdstempel laat zien dat het uiterlijk op {when} is ondertekend.",
            )
        )
    if any(ingredient.status == "broken" for ingredient in finding.ingredients):
        pairs.append(
            (
                "Something that went into the content has a manifest that does not hold.",
                "Iets wat in de inhoud is verwerkt, heeft een manifest dat niet klopt.",
            )
        )
    return pairs


def _naming(finding: ManifestFinding, marks: Sequence[WatermarkFinding]) -> list[Pair]:
    """Say how the manifest and the watermarks hang together, where no contradiction says it."""
    algorithms = [alg for alg, _ in finding.soft_bindings]
    found = [mark for mark in marks if mark.found]
    bindings = {(alg, value.strip().lower()) for alg, value in finding.soft_bindings}
    for mark in found:
        if mark.mark_id is None:
            continue
        for alg, value in bindings:
            if same_scheme(alg, mark.scheme) and value == mark.mark_id.hex:
                return [
                    (
                        "It names the watermark that was found.",
                        "Het noemt het watermerk dat is gevonden.",
                    )
                ]
    ours = [alg for alg in algorithms if "waarmerk." in alg]
    named_schemes = any(same_scheme(alg, mark.scheme) for mark in found for alg in algorithms)
    if found and not named_schemes and not ours:
        return [
            (
                "It does not name the watermark that was found: nothing ties the two together.",
                "Het noemt het gevonden watermerk niet: niets verbindt die twee.",
            )
        ]
    if not ours or named_schemes:
        return []
    if marks and all(mark.status == "not_checked" for mark in marks):
        return [
            (
                "It names a watermark, which was not looked for.",
                "Het noemt een watermerk, waarnaar niet is gezocht.",
            )
        ]
    return [
        (
            "It names a watermark that was not found: it may be lost, or be of a key that was "
            "not given.",
            "Het noemt een watermerk dat niet is gevonden: het kan verloren zijn, of van een "
            "sleutel zijn die niet is opgegeven.",
        )
    ]
