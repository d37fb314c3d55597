"""Laying the mark ``waarmerk.audio.1`` on sound."""

from waarmerk.marking.audio.embed import EmbeddedSound, embed_samples
from waarmerk.marking.audio.marker import AudioMarker

__all__ = ["AudioMarker", "EmbeddedSound", "embed_samples"]
