"""What reports say about texts: in which passages a mark stands, and whether it can have an id."""

from __future__ import annotations

from typing import Final

from waarmerk.detection.finding import Passage, WatermarkFinding

__all__ = ["TOKEN_SCHEME", "is_text", "no_id", "passages_in_words", "where_in_text"]

TOKEN_SCHEME: Final = "text.tokens"  # noqa: S105 - a name
"""What findings call the marks of texts where they are about no scheme in particular."""

_MOST_PASSAGES: Final = 5


def is_text(finding: WatermarkFinding) -> bool:
    """Return whether a finding is about a text."""
    return any(isinstance(segment, Passage) for segment in finding.segments)


def no_id(finding: WatermarkFinding) -> tuple[str, str]:
    """Say that no id was read, if the scheme can have one: those of others on text have none."""
    if not finding.scheme.startswith("waarmerk."):
        return "", ""
    if finding.scheme.startswith("waarmerk.text."):  # it may be short, or have been given none
        return "no id read", "geen nummer gelezen"
    return "its id unreadable", "nummer onleesbaar"


def passages_in_words(finding: WatermarkFinding, tokens: str, characters: str, to: str) -> str:
    """Name the passages, by their characters where those are known and else by their tokens."""
    spans = []
    passages = [s for s in finding.segments if isinstance(s, Passage)]
    for passage in passages[:_MOST_PASSAGES]:
        if passage.first is None:
            spans.append(f"{tokens} {passage.start} {to} {passage.end}")
        else:
            spans.append(f"{characters} {passage.first} {to} {passage.last}")
    if len(passages) > _MOST_PASSAGES:
        spans.append(f"... ({len(passages)})")
    return ", ".join(spans)


def where_in_text(finding: WatermarkFinding) -> tuple[str, str]:
    """Say in which passages of a text the mark stands."""
    english = passages_in_words(finding, "tokens", "characters", "to")
    dutch = passages_in_words(finding, "tokens", "tekens", "tot")
    return f" It was found in {english} of the text.", f" Het is gevonden in {dutch} van de tekst."
