"""What may happen to marked content, in the words of the Code of Practice."""

from waarmerk.bench.protocol import Medium, Transformation

__all__ = ["of"]


def of(medium: Medium) -> tuple[Transformation, ...]:
    """Return every family of transformations of a medium."""
    if medium == "image":
        from waarmerk.bench.transformations.image_families import IMAGE

        return IMAGE
    if medium == "audio":
        from waarmerk.bench.transformations.audio_families import AUDIO

        return AUDIO
    from waarmerk.bench.transformations.text_families import TEXT

    return TEXT
