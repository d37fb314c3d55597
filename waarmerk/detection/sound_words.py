"""What the summary says about sounds: where a mark stands in time, and what was changed since."""

from __future__ import annotations

from typing import Final

from waarmerk.detection.finding import SoundGeometry, WatermarkFinding

__all__ = ["changed", "clock", "is_sound", "where_in_sound"]

_MAX_SEGMENTS: Final = 5


def is_sound(finding: WatermarkFinding) -> bool:
    """Return whether a finding is about a sound."""
    return ".audio." in finding.scheme


def clock(seconds: float) -> str:
    """Write a place in time.

    Examples
    --------
    >>> clock(7.26), clock(75.0), clock(3675.5)
    ('0:07.3', '1:15.0', '1:01:15.5')
    """
    tenths = round(max(seconds, 0.0) * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    start = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{start}:{rest // 10:02}.{rest % 10}"


def changed(ratio: float, precision: float = 0.002) -> bool:
    """Return whether a tempo or a pitch differs from what was marked."""
    return abs(ratio - 1.0) >= precision


def where_in_sound(finding: WatermarkFinding) -> tuple[str, str]:
    """Say where in a sound the mark stands, and how the sound was changed since."""
    english, dutch = "", ""
    geometry = finding.geometry
    if isinstance(geometry, SoundGeometry):
        parts, delen = [], []
        if changed(geometry.tempo):
            percent = abs(geometry.tempo - 1.0) * 100
            faster, sneller = ("faster", "sneller") if geometry.tempo > 1 else ("slower", "trager")
            parts.append(f"{percent:.1f} % {faster}")
            delen.append(f"{percent:.1f} % {sneller}".replace(".", ","))
        if changed(geometry.pitch):
            percent = abs(geometry.pitch - 1.0) * 100
            higher, hoger = ("higher", "hoger") if geometry.pitch > 1 else ("lower", "lager")
            parts.append(f"{percent:.1f} % {higher}")
            delen.append(f"{percent:.1f} % {hoger}".replace(".", ","))
        if parts:
            english += f" The sound is {' and '.join(parts)} than when it was marked."
            dutch += f" Het geluid is {' en '.join(delen)} dan toen het werd gemarkeerd."
    if finding.segments:
        spans = [(clock(s.start), clock(s.end)) for s in finding.segments[:_MAX_SEGMENTS]]
        more = len(finding.segments) - len(spans)
        places = ", ".join(f"{start} to {end}" for start, end in spans)
        plaatsen = ", ".join(f"{start} tot {end}" for start, end in spans)
        if more:
            places, plaatsen = f"{places} and {more} more", f"{plaatsen} en nog {more}"
        english += f" It was found at {places} of the sound."
        dutch += f" Het is gevonden op {plaatsen} van het geluid."
    return english, dutch
