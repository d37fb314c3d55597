"""What the summary says about one watermark, of a secret key or public."""

from __future__ import annotations

from waarmerk.detection.finding import WatermarkFinding
from waarmerk.detection.sound_words import is_sound, where_in_sound
from waarmerk.detection.text_words import is_text, no_id, where_in_text
from waarmerk.detection.words import SAYS, Pair, because, bound, named

__all__ = ["about_watermark"]


def about_watermark(finding: WatermarkFinding, searched_fully: bool) -> Pair:
    """Say what was found, what not, or why nobody looked."""
    if finding.status == "found":
        return _public(finding) if finding.public else _found(finding)
    if finding.status == "not_found":
        return _not_found(finding, searched_fully)
    reason, reden = because(finding.reason)
    return {
        "not_checked": (
            f"Watermarks were not checked for{reason}.",
            f"Op watermerken is niet gecontroleerd{reden}.",
        ),
        "unreadable": (
            f"This content cannot be checked for a watermark{reason}.",
            f"Deze inhoud kan niet op een watermerk worden gecontroleerd{reden}.",
        ),
        "error": (
            f"The check for a watermark failed{reason}, so that nothing is known about one.",
            f"De controle op een watermerk is mislukt{reden}, zodat daarover niets bekend is.",
        ),
    }[finding.status]


def _which_says(finding: WatermarkFinding) -> Pair:
    if finding.kind is None:
        return "", ""
    says, zegt = SAYS[finding.kind]
    return f" that says {says}", f" dat zegt: {zegt}"


def _found(finding: WatermarkFinding) -> Pair:
    says, zegt = _which_says(finding)
    key = f" of key {finding.key_id}" if finding.key_id else ""
    sleutel = f" van sleutel {finding.key_id}" if finding.key_id else ""
    number, nummer = no_id(finding)
    if finding.mark_id is not None:
        number, nummer = f"id {finding.mark_id.hex}", f"nummer {finding.mark_id.hex}"
    number, nummer = (f", {words}" if words else "" for words in (number, nummer))
    chance = kans = ""
    if finding.log10_p is not None:
        p = bound(finding.log10_p)
        chance = f"; the probability that content without this mark looks like this is at most {p}"
        kans = f"; de kans dat inhoud zonder dit merk er zo uitziet is hoogstens {p}"
    where, waar = where_in_text(finding) if is_text(finding) else where_in_sound(finding)
    return (
        f"A watermark{says} was found ({finding.scheme}{key}{number}{chance}).{where}",
        f"Er is een watermerk gevonden{zegt} ({finding.scheme}{sleutel}{nummer}{kans}).{waar}",
    )


def _public(finding: WatermarkFinding) -> Pair:
    """Say what a mark says that anybody can write, and that its probability is no proof."""
    says, zegt = _which_says(finding)
    of = van = ""
    if finding.system is not None:
        of = f" as {named(finding.system)} writes it"
        van = f" zoals {named(finding.system)} dat aanbrengt"
    chance = kans = ""
    if finding.log10_p is not None:
        p = bound(finding.log10_p)
        chance = (
            f"; that content without it looks like this by chance has a probability of about {p}, "
            "which is an estimate and not proven"
        )
        kans = (
            f"; de kans dat inhoud zonder dit merk er toevallig zo uitziet is ongeveer {p}, wat "
            "een schatting is en niet bewezen"
        )
    return (
        f"A public watermark{of}{says} was found ({finding.scheme}{chance}). It has no secret "
        "key: anyone can write it.",
        f"Er is een openbaar watermerk gevonden{van}{zegt} ({finding.scheme}{kans}). Het heeft "
        "geen geheime sleutel: iedereen kan het aanbrengen.",
    )


def _not_found(finding: WatermarkFinding, searched_fully: bool) -> Pair:
    if searched_fully:
        return (
            "No watermark of the given keys was found.",
            "Er is geen watermerk van de opgegeven sleutels gevonden.",
        )
    if is_sound(finding):
        return (
            "No watermark of the given keys was found by the fast search; sound whose speed, "
            "tempo or pitch was changed was not searched for.",
            "Met de snelle zoekactie is geen watermerk van de opgegeven sleutels gevonden; "
            "naar geluid waarvan snelheid, tempo of toonhoogte is veranderd is niet gezocht.",
        )
    return (
        "No watermark of the given keys was found by the fast search; cropped or slanted "
        "content was not searched for.",
        "Met de snelle zoekactie is geen watermerk van de opgegeven sleutels gevonden; naar "
        "bijgesneden of scheef gedraaide inhoud is niet gezocht.",
    )
